/*
 * exchange_int.h - one request and its answer on one connection, for client.c, which follows the
 * redirects. See client.h for the public side of an exchange.
 */
#ifndef SLUICE_HTTP_EXCHANGE_INT_H
#define SLUICE_HTTP_EXCHANGE_INT_H

#include "sluice/http/chunked.h"
#include "sluice/http/client.h"
#include "sluice/http/framing.h"
#include "sluice/http/route.h"

/* Bytes of a receive while a head is expected: the head of most answers and some of the body. */
#define SL_EXCHANGE_BUFFER (16 * 1024)

struct sl_http_exchange {
	/* set by the client */
	struct sl_http_client *client;
	struct sl_pool *pool;
	const struct sl_route *route;
	uint64_t stall_timeout_ns;
	struct sl_limiter *limiter; /* of bytes, shared by all exchanges; NULL = no limit */
	struct sl_url url;
	bool is_head;
	bool left_origin; /* the URL is of another origin than the request's */

	/* the connection: NULL once it was given back */
	struct sl_connection *connection;
	char peer[SL_ADDRESS_TEXT]; /* "" until connected; kept afterwards for messages */
	bool reused;                /* the connection had carried an exchange before */
	bool answered;              /* a byte of the answer was received */

	/* the answer */
	struct sl_head head;
	struct sl_framing framing;
	struct sl_chunked chunked;
	bool is_range;        /* the body is the range that was requested */
	uint64_t range_off;   /* where it begins */
	uint64_t range_total; /* size of the whole content; SL_LENGTH_UNKNOWN */
	uint64_t received;    /* body bytes handed out */
	bool complete;        /* the body was read to its end */
	bool excess;          /* bytes followed it */

	/* bytes received since then, for the rate of the connection */
	uint64_t measured, measured_ns; /* 0 = none yet */
	struct sl_limited *limited;     /* of the request, until the answer is there; else own */
	struct sl_limited limited_read; /* of the body */

	/* received and not yet used: buffer[buffer_off, buffer_len) */
	size_t buffer_off, buffer_len;
	char buffer[SL_EXCHANGE_BUFFER];
};

/*
 * Take a connection to the URL's origin, send `text` and read the final head, with one silent retry
 * as in sl_http_open. Afterwards the framing is decided and the body is to be read. After a failure
 * the connection is closed.
 */
SL_SUSPENDS
int sl_exchange_ask(
	struct sl_http_exchange *exchange, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Done with this answer: reads a small body to its end so that the connection can be used again. A
 * read may have failed before. */
SL_SUSPENDS
void sl_exchange_drain(struct sl_http_exchange *exchange);

/* Give up the connection, if there still is one. */
SL_SUSPENDS
void sl_exchange_drop(struct sl_http_exchange *exchange);

/* Record "cannot fetch 'URL' (address): ..." without secrets. */
int sl_exchange_fail(const struct sl_http_exchange *exchange, struct sl_error *err,
	enum sl_phase phase, int code, const char *fmt, ...) SL_PRINTF(5, 6);

/* Append the URL for a message: without userinfo and secrets in the query, not too long. */
void sl_exchange_show_url(struct sl_buf *out, const struct sl_url *url);

#endif
