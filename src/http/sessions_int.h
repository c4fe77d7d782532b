/*
 * sessions_int.h - the sessions of HTTP/2 that carry streams now, by origin, and which origins are
 * known to support only HTTP/1. Sessions without a stream are in the pool, as other connections
 * are.
 *
 * While the first connection to an origin is being made, other tasks wait for its outcome: most
 * often they find a session then, and need no connection of their own; if it cannot be made, its
 * failure is theirs. Tasks wait in the same queue for a session that is full.
 */
#ifndef SLUICE_HTTP_SESSIONS_INT_H
#define SLUICE_HTTP_SESSIONS_INT_H

#include "h2_int.h"

/* In its owner's memory. */
struct sl_sessions {
	struct sl_list origins;
	size_t count;
};

/* What is known of one origin by one route. */
struct sl_sessions_origin {
	struct sl_sessions *table;
	struct sl_list of_table;
	struct sl_list sessions;     /* with streams */
	struct sl_list waiting;      /* for the connection that is being made, or for room */
	bool is_connecting;          /* a task makes a connection, until its settings came */
	uint64_t dialled_ns;         /* when it had all that it needs for that; 0 = not yet */
	const struct sl_h2 *awaited; /* the connection was made: its settings are awaited */
	bool http1;                  /* only HTTP/1 is supported */
	bool refuses_http2;          /* for some requests: it is asked by HTTP/1.1 */
	bool tls;
	uint16_t port;
	unsigned users;
	char *route, name[];
};

void sl_sessions_init(struct sl_sessions *sessions);

/* No task may use it (asserted). */
void sl_sessions_release(struct sl_sessions *sessions);

/* The entry of a key, until sl_sessions_unuse; NULL if out of memory. */
struct sl_sessions_origin *sl_sessions_use(
	struct sl_sessions *sessions, const struct sl_pool_key *key);
void sl_sessions_unuse(struct sl_sessions_origin *origin);

/* One with room for a stream, or NULL. */
struct sl_h2 *sl_sessions_find(const struct sl_sessions_origin *origin);

/* Whether there is one that will have room, when a stream ends. */
bool sl_sessions_may_have_room(const struct sl_sessions_origin *origin);

/* Whether the origin has refused HTTP/2 for a request. */
bool sl_sessions_need_http1(const struct sl_sessions_origin *origin);

/* The session has a stream: it is found until its last one ends. */
void sl_sessions_enter(struct sl_sessions_origin *origin, struct sl_h2 *session);

/*
 * Wait until there may be room, or something is known of the connection that another task makes.
 * Returns 0 then; its failure, with *err and the peer of `key` filled; -ETIMEDOUT, -ECANCELED.
 */
SL_SUSPENDS
int sl_sessions_wait(struct sl_sessions_origin *origin, const struct sl_pool_key *key,
	uint64_t deadline_ns, struct sl_error *err) SL_MUST_CHECK;

/* A task that was woken does not need the room, or leaves more of it: the next one may. */
void sl_sessions_pass_on(struct sl_sessions_origin *origin);

/* The calling task makes the connection that others wait for: it will; it does; it has, with what
 * came of it: a session, or NULL, or a failure that is that of all. */
void sl_sessions_connect(struct sl_sessions_origin *origin);
void sl_sessions_dial(struct sl_sessions_origin *origin);
void sl_sessions_connected(struct sl_sessions_origin *origin, const struct sl_h2 *session);
void sl_sessions_failed(struct sl_sessions_origin *origin, const struct sl_pool_key *key,
	const struct sl_error *cause);

#endif
