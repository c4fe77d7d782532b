/*
 * h2.h - HTTP/2 (RFC 9113): a session is a kind of connection that carries several streams at a
 * time.
 *
 * Streams of a session are used by tasks of their own. As other connections, a session is in a
 * pool, which closes it: the first stream takes it from there, the last one gives it back.
 */
#ifndef SLUICE_HTTP_H2_H
#define SLUICE_HTTP_H2_H

#include "sluice/http/stream.h"
#include "sluice/net/pool.h"

struct sl_h2;

/*
 * A session over `below`, which has agreed on HTTP/2, and has send_some and recv_ready. Takes
 * below: it is the session's on success and closed on failure. `window` is that of a stream: what
 * may come before it is read, at least 1 KiB. The first frames go out with the first request.
 * Returns 0 or -ENOMEM.
 */
SL_SUSPENDS
int sl_h2_open(
	struct sl_connection *below, uint32_t window, struct sl_connection **out) SL_MUST_CHECK;

/* `connection` is one that sl_h2_open made (asserted). */
struct sl_h2 *sl_h2_of(struct sl_connection *connection);

/* A stream of the session, to be ended by its method; the last one gives the session back to
 * `pool`. NULL if out of memory. */
struct sl_stream *sl_h2_begin(struct sl_h2 *session, struct sl_pool *pool);

#endif
