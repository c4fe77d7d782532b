/*
 * h1_int.h - the stream of HTTP/1.1 (RFC 9112): a connection of the pool that carries one exchange
 * at a time. h1.c has requests and heads, h1_body.c the bytes of bodies.
 */
#ifndef SLUICE_HTTP_H1_INT_H
#define SLUICE_HTTP_H1_INT_H

#include "sluice/base/bytes.h"
#include "sluice/http/chunked.h"
#include "sluice/http/stream.h"
#include "sluice/net/pool.h"

/* Bytes of a receive while a head is expected: the head of most responses and some of the body. */
#define SL_H1_BUFFER (16 * 1024)

struct sl_h1 {
	struct sl_stream stream;
	struct sl_pool *pool;
	struct sl_connection *connection;
	struct sl_chunked chunked;
	uint64_t measured, measured_ns; /* bytes received since then, for the rate; 0 = none yet */
	/* received and not yet used: buffer[buffer_off, buffer_len) */
	size_t buffer_off, buffer_len;
	char buffer[SL_H1_BUFFER];
};

/* NULL if out of memory. Until it is begun it can only be freed. */
struct sl_h1 *sl_h1_new(void);
void sl_h1_free(struct sl_h1 *h1);

/* The stream over `connection`, taken from `pool`: to be ended, which gives it back and frees the
 * stream. */
struct sl_stream *sl_h1_begin(
	struct sl_h1 *h1, struct sl_pool *pool, struct sl_connection *connection);

/* ---- h1_body.c, for h1.c ---- */

/* As struct sl_stream_methods has them. */
SL_SUSPENDS
int sl_h1_begin_body(struct sl_stream *stream, const struct sl_head *head, bool request_was_head,
	struct sl_error *err);

SL_SUSPENDS
int sl_h1_read(struct sl_stream *stream, char *data, size_t len, struct sl_error *err);

#endif
