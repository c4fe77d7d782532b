/*
 * rough_server.h - servers on loopback that close, reset and stall at random: HTTP/1.1, the same
 * over TLS, and HTTP/2. A few threads for each, which serve one connection at a time.
 *
 * What becomes of a connection before its first request is random; of a request, its path decides:
 * "/ACT/SIZE". Nothing waits for longer than ROUGH_STALL_MS, but for a client that does nothing.
 */
#ifndef TESTS_SUPPORT_ROUGH_SERVER_H
#define TESTS_SUPPORT_ROUGH_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUGH_STALL_MS 60

enum rough_kind { ROUGH_PLAIN, ROUGH_TLS, ROUGH_H2, ROUGH_KINDS };

enum rough_act {
	ROUGH_WHOLE,
	ROUGH_UNKNOWN,    /* whole, without a length: chunked in HTTP/1.1 */
	ROUGH_LAST,       /* whole; then "Connection: close", or GOAWAY */
	ROUGH_UNTIL_END,  /* whole, up to the end of the connection */
	ROUGH_MOVED,      /* a redirect to ROUGH_WHOLE */
	ROUGH_REFUSE,     /* every second one; REFUSED_STREAM, or closed */
	ROUGH_LEAVE,      /* the same with GOAWAY for an older stream */
	ROUGH_NO_HEAD,    /* closed */
	ROUGH_IN_HEAD,    /* closed in its middle */
	ROUGH_STALL_HEAD, /* none comes, for a time */
	ROUGH_RESET_HEAD, /* TCP reset */
	ROUGH_IN_BODY,    /* closed, or RST_STREAM, after half of it */
	ROUGH_STALL_BODY,
	ROUGH_RESET_BODY,
	ROUGH_ACTS
};

struct rough_server;

/* `certs` as of peer_make_certs. */
struct rough_server *rough_server_new(const char *certs, uint64_t seed);

/* Waits for its threads: clients must have closed their connections. */
void rough_server_free(struct rough_server *server);

uint16_t rough_server_port(const struct rough_server *server, enum rough_kind kind);

/* Connections that were accepted so far; that are served now. */
unsigned rough_server_accepted(struct rough_server *server, enum rough_kind kind);
unsigned rough_server_open(struct rough_server *server);

const char *rough_act_name(enum rough_act act);

/* Whether a response to GET cannot be whole, and its head cannot come. */
bool rough_act_cuts_body(enum rough_act act);
bool rough_act_cuts_head(enum rough_act act);

/* The byte at `offset` of a body of `size` bytes. */
unsigned char rough_byte(size_t size, size_t offset);

#endif
