/*
 * h2_server.h - the server's side of a connection by HTTP/2, by nghttp2, over TLS on a blocking
 * socket. What it answers is the user's matter.
 */
#ifndef TESTS_SUPPORT_H2_SERVER_H
#define TESTS_SUPPORT_H2_SERVER_H

#include "sluice/base/def.h"

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <stdbool.h>

/* One for each request, freed with the session; the user data of its stream. */
struct h2_answer {
	char method[8], path[64];
	char fields[4096]; /* all of the request, a line each */
	size_t left, offset;
	bool is_cut;
	unsigned act; /* the user's */
	struct h2_answer *next;
};

struct h2_server {
	SSL *ssl; /* borrowed */
	nghttp2_session *nghttp2;
	bool is_broken; /* nothing more is sent or received */
	struct h2_answer *answers;
	/* Called before each receive: false ends the connection. NULL = none does. */
	bool (*may_receive)(struct h2_server *server);
	void *ctx;
};

/* The settings permit `streams` at a time. on_frame gets the session as its context; the answer of
 * a request is complete with its HEADERS. */
void h2_server_init(struct h2_server *server, SSL *ssl, uint32_t streams,
	nghttp2_on_frame_recv_callback on_frame);

/* Until the other side closes, something fails, or is_broken is set. */
void h2_server_run(struct h2_server *server);

void h2_server_release(struct h2_server *server);

/* Text that nghttp2 copies, as a field. */
nghttp2_nv h2_field(const char *name, char *value);

/* For SSL_CTX_set_alpn_select_cb: what the client prefers. */
int h2_server_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg);

/* Whether the handshake has chosen HTTP/2. */
bool h2_server_is_chosen(const SSL *ssl);

#endif
