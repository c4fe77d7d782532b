/*
 * proxy_wire.h - inside the test proxy: streams with and without TLS, connections to origins, and
 * the log.
 */
#ifndef TESTS_SUPPORT_PROXY_WIRE_H
#define TESTS_SUPPORT_PROXY_WIRE_H

#include "support/proxy.h"

#include "sluice/base/bytes.h"

#include <openssl/ssl.h>

#define PROXY_NAME_MAX 256 /* of a host, with its NUL */
#define PROXY_HEAD_MAX 65536

struct proxy_end {
	int fd;
	SSL *ssl; /* NULL = plain */
};

struct proxy_client {
	struct proxy *proxy;
	const char *port_name;
	struct proxy_end end;
};

/* All of it, or false. */
bool proxy_send(struct proxy_end *end, const void *data, size_t len);
bool proxy_send_text(struct proxy_end *end, const char *text);

/* Up to len bytes; 0 or less at the end or on an error. */
int proxy_recv(struct proxy_end *end, void *data, size_t len);

/* Exactly len bytes, or false. */
bool proxy_recv_all(struct proxy_end *end, void *data, size_t len);

/* A connection to the host, or -1. A name that ends in ".test" is one of this machine, and no other
 * program resolves it. */
int proxy_dial(const char *host, unsigned port);

/* Pass on what comes from either, until one of them ends. */
void proxy_pump(struct proxy_end *a, struct proxy_end *b);

/* A line of the log: the port's name, a blank and this. */
void proxy_log(struct proxy_client *client, const char *fmt, ...) SL_PRINTF(2, 3);

/* Whether the head of a request has the right Digest credentials; and the number of a new nonce,
 * "nonce-NUMBER". */
enum proxy_digest { PROXY_DIGEST_RIGHT, PROXY_DIGEST_STALE, PROXY_DIGEST_WRONG };
enum proxy_digest proxy_check_digest(const char *head, const char *method);
unsigned proxy_make_nonce(void);

/* What the kinds of proxy do with a client. */
void proxy_serve_http(struct proxy_client *client);
void proxy_serve_socks(struct proxy_client *client);

#endif
