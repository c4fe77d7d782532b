/*
 * pool.h - connections by origin: how many there may be, and which are idle and may be used again.
 *
 * A key is everything that must agree before a connection carries another request: host, port,
 * whether TLS is used, and the route to the host (CVE-2016-0755 and its kin). How a connection is
 * made is not the pool's matter: the key brings a function for that. Invariants, for each
 * host and in all: connections taken + idle ones never exceed the bound, and an idle one never
 * keeps a task waiting: it is used or closed. Idle connections keep no buffers, are as many as the
 * options allow at most, and are closed in time by a task of the pool's.
 */
#ifndef SLUICE_NET_POOL_H
#define SLUICE_NET_POOL_H

#include "sluice/net/connection.h"

struct sl_pool;

struct sl_pool_key;

/*
 * Make a connection for `key`, whose texts it may keep only until it returns, before `deadline_ns`.
 * *out is the pool's. Returns 0, or a failure that is then sl_pool_take's, with *err filled.
 */
SL_SUSPENDS
typedef int sl_pool_connect_fn(void *ctx, const struct sl_pool_key *key, uint64_t deadline_ns,
	struct sl_connection **out, struct sl_error *err);

struct sl_pool_options {
	unsigned per_host;           /* to one host and port, idle ones counted; at least 1 */
	unsigned total;              /* over all hosts; at least 1 */
	uint64_t tls_memory;         /* for TLS connections, which take SL_TLS_MEMORY each: as many
					as fit, at least one; 0 = `total` */
	uint64_t connect_timeout_ns; /* for all that the key's connect function does together */
	uint64_t idle_ns;            /* an idle connection as old as this is closed, not used */
	unsigned idle_max;           /* idle ones over all hosts; 0 = as many as `total` */
	/* Called when a connection for `key` may be taken, before one is picked or dialled; it may
	 * wait. A failure is that of sl_pool_take. NULL = nothing to do. */
	SL_SUSPENDS
	int (*admit)(void *ctx, const struct sl_pool_key *key, struct sl_error *err);
	void *admit_ctx;
};

/* What must agree is tls, host, port and route; the rest is how. Keys that agree have the same
 * connect function and context. */
struct sl_pool_key {
	bool tls;         /* it takes SL_TLS_MEMORY */
	const char *host; /* lower case ASCII name, or numeric address without brackets */
	uint16_t port;
	const char *route; /* what else must agree; "" = directly; may hold secrets, never shown */
	sl_pool_connect_fn *connect;
	void *connect_ctx;
	void *taker;   /* for options.admit */
	/* An idle connection is used again only in the lane it was dialled for; one of HTTP/2 in
	 * all of them, unless the key is for HTTP/1 only. */
	unsigned lane;
	bool http1;
	uint32_t window; /* of a stream of HTTP/2, for `connect` */
	/* NULL, or gets the address to which `connect` has connected, also if TLS or a proxy fails
	 * then. */
	char (*peer)[SL_ADDRESS_TEXT];
};

/* For `connect`. */
void sl_pool_key_set_peer(const struct sl_pool_key *key, const struct sl_connection *connection);

/* The calling task owns the pool: it, and no other, frees it. Returns 0 or -ENOMEM. */
int sl_pool_new(struct sl_pool **out, const struct sl_pool_options *options) SL_MUST_CHECK;

/* Closes idle connections; none may be in use (asserted). NULL is fine. */
SL_SUSPENDS
void sl_pool_free(struct sl_pool *pool);

/*
 * A connection for `key`: the most recently used idle one of its lane that is undisturbed (its
 * `reused` is set), else a fresh one by key->connect. `fresh` = never an idle one. First waits
 * until one more is within the bounds, until cancelled or past a deadline in force. Returns 0;
 * what key->connect returns; -ETIMEDOUT, -ECANCELED, -ENOMEM; *err with the phase is always filled.
 * The connection is the caller's until sl_pool_give.
 */
SL_SUSPENDS
int sl_pool_take(struct sl_pool *pool, const struct sl_pool_key *key, bool fresh,
	struct sl_connection **out, struct sl_error *err) SL_MUST_CHECK;

/* Whether sl_pool_take would not have to wait until one more is within the bounds. */
bool sl_pool_has_room(const struct sl_pool *pool, const struct sl_pool_key *key);

/* Back, also in a cancelled task: kept idle if `reusable`, else closed. */
SL_SUSPENDS
void sl_pool_give(struct sl_pool *pool, struct sl_connection *connection, bool reusable);

/* For --stats and tests. */
struct sl_pool_stats {
	unsigned taken, idle;   /* now; taken: those being established, too */
	unsigned most_per_host; /* taken and idle now, of the host with most of them */
	/* Since the pool was made: calls of key->connect that succeeded; times an idle connection
	 * was used again. */
	uint64_t dialled, reused;
};

void sl_pool_stats(const struct sl_pool *pool, struct sl_pool_stats *out);

#endif
