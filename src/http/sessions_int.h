/*
 * sessions_int.h - the sessions of HTTP/2 that carry streams now, by origin, and which origins are
 * known not to speak it. Sessions without a stream are in the pool, as other connections are.
 *
 * While the first connection to an origin is being made, other tasks wait for its outcome: most
 * often they find a session then, and need no connection of their own.
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
	struct sl_list of_sessions;
	struct sl_list sessions; /* with streams */
	struct sl_list waiting;  /* for the connection that is being made */
	bool is_connecting;
	bool http1;         /* it was seen to speak HTTP/1 */
	bool refuses_http2; /* for some requests: it is asked by HTTP/1.1 */
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
void sl_sessions_unuse(struct sl_sessions *sessions, struct sl_sessions_origin *origin);

/* One with room for a stream, or NULL. */
struct sl_h2 *sl_sessions_find(const struct sl_sessions_origin *origin);

/* Whether the origin has refused HTTP/2 for a request. */
bool sl_sessions_need_http1(const struct sl_sessions_origin *origin);

/* From now on until its last stream ends. */
void sl_sessions_enter(struct sl_sessions_origin *origin, struct sl_h2 *session);

/* Wait for the connection that another task makes. Returns 0 if it is a session, SL_WAIT_OVER if
 * not; -ETIMEDOUT, -ECANCELED. */
#define SL_WAIT_OVER 1
SL_SUSPENDS
int sl_sessions_wait(struct sl_sessions_origin *origin) SL_MUST_CHECK;

/* It was made, or not: those that wait go on. */
void sl_sessions_connected(struct sl_sessions_origin *origin, bool is_session);

#endif
