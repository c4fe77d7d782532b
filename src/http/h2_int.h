/*
 * h2_int.h - the inside of sessions of HTTP/2 (h2.h). h2.c has the session, h2_frames.c what its
 * frames do to the streams, h2_stream.c the stream that carries one exchange.
 *
 * There is no task of its own. Of the tasks that wait for something of their streams one receives
 * for all of them, wakes the others when something came for them, and hands this on when it has
 * what it waited for. Whoever has frames to send sends all there are, one task at a time.
 */
#ifndef SLUICE_HTTP_H2_INT_H
#define SLUICE_HTTP_H2_INT_H

#include "sluice/base/bytes.h"
#include "sluice/base/list.h"
#include "sluice/http/client.h"
#include "sluice/http/h2.h"
#include "sluice/net/connector.h"
#include "sluice/net/pool.h"

#include <nghttp2/nghttp2.h>

struct sl_h2 {
	struct sl_connection connection;
	struct sl_connection *below;
	nghttp2_session *nghttp2;
	struct sl_list streams;
	unsigned count;  /* of them */
	uint32_t window; /* of a stream: what may come before it is read */
	bool has_carried;
	bool is_receiving, is_sending; /* a task does */
	bool is_leaving;               /* the server has sent GOAWAY */
	bool wants_http1;              /* the server has refused HTTP/2 for a request */
	unsigned idle_frames;          /* received since the last one that brought something on */
	int invalid;                   /* of nghttp2: the last thing that was wrong with a frame */
	int code;                      /* why it does not work any more; 0 = it works */
	struct sl_error cause;
	struct sl_buf out; /* frames to be sent */
	size_t sent;       /* of out */
	char *in;          /* memory of a receive; NULL while it is idle */
	bool has_settings; /* of the server */
	bool is_agreed;    /* the server has confirmed ours */
	/* of sessions.c, from its first stream to its last one */
	const struct sl_h2_table *table; /* NULL = none */
	void *origin;
	struct sl_list of_origin;
	struct sl_h2_windows *windows; /* NULL = none grows */
};

/* What the table of sessions wants to be told; neither function suspends. */
struct sl_h2_table {
	/* More streams may be begun, or no more: settings came, a stream ended, the session does
	 * not work any more. */
	void (*changed)(struct sl_h2 *session);
	/* Its last stream has ended; it goes back to the pool. */
	void (*left)(struct sl_h2 *session);
};

/* Memory of a client for bodies that were sent before they are read. */
struct sl_h2_windows {
	uint32_t initial; /* of each stream */
	uint64_t left;    /* beyond that, for large bodies */
};

struct sl_h2_stream {
	struct sl_stream stream;
	struct sl_h2 *session;
	struct sl_pool *pool;
	struct sl_list of_session;
	int32_t id;             /* 0 = the request was not sent */
	struct sl_list waiting; /* its task, if it waits */
	/* the response */
	struct sl_head head;
	unsigned interim; /* responses (1xx) before it */
	bool has_head;
	bool is_last_head;       /* fields that come are not those of a trailer */
	bool has_status;         /* of the head that comes */
	struct sl_error refused; /* what is wrong with it */
	char *kept;              /* of its body, received and not yet read: [kept_off, kept_end) */
	size_t kept_off, kept_end, kept_size;
	char *to; /* memory of a read that waits, and how much of it was filled */
	size_t to_len, to_done;
	bool is_closed;      /* nothing more will come */
	bool is_reset;       /* by the server */
	uint32_t close_code; /* of HTTP/2 */
	uint64_t grown;      /* of its window, from session->windows */
	uint32_t room;       /* of its window, that the server is not told of yet */
	int invalid;         /* of nghttp2: what was wrong with a frame */
};

/* TLS over `below` with the host of the key, and a session if HTTP/2 is agreed on; see
 * sl_connector_secure. */
SL_SUSPENDS
int sl_h2_secure(struct sl_connector *connector, struct sl_connection *below,
	const struct sl_pool_key *key, uint64_t deadline_ns, struct sl_connection **out,
	struct sl_error *err) SL_MUST_CHECK;

/* It can carry more streams, now or when one has ended. */
bool sl_h2_works(const struct sl_h2 *session);

/* One more stream may be begun. How many the server permits must be known. */
bool sl_h2_has_room(const struct sl_h2 *session);

/* ---- h2.c, for the others ---- */

/* Send all frames that wait. If another task does already, it takes them along. Returns 0 or a
 * failure; after one of the connection the session does not work any more. */
SL_SUSPENDS
int sl_h2_flush(struct sl_h2 *session, uint64_t deadline_ns);

/* Until has_news(stream), the stream or the session does not work any more, or `deadline_ns`.
 * Returns 0; -ETIMEDOUT, -ECANCELED; the session's failure. */
SL_SUSPENDS
int sl_h2_wait(struct sl_h2_stream *stream, bool (*has_news)(const struct sl_h2_stream *),
	uint64_t deadline_ns) SL_MUST_CHECK;

/* ---- h2_frames.c ---- */

/* Tell session->table. */
void sl_h2_change(struct sl_h2 *session);

/* Its task, if it waits: something came. Returns whether it did wait. */
bool sl_h2_wake(struct sl_h2_stream *stream);

/* Returns 0 or -ENOMEM. */
int sl_h2_new_nghttp2(struct sl_h2 *session) SL_MUST_CHECK;

#endif
