/*
 * pool.h - connections by origin: how many there may be, and which are idle and may be used again.
 *
 * A key is everything that must agree before a connection carries another request: scheme, host,
 * port and the TLS configuration (reliability: CVE-2016-0755 and its kin). A place is taken before
 * a connection is dialled and given back when it is closed, so that the bound per host holds over
 * all files.
 */
#ifndef SLUICE_NET_POOL_H
#define SLUICE_NET_POOL_H

#include "sluice/net/connection.h"
#include "sluice/net/tls.h"

struct sl_pool;

struct sl_pool_options {
	unsigned per_host; /* connections to one host and port at a time, idle ones counted; at
			      least 1 */
	unsigned total;    /* over all hosts; at least 1 */
	uint64_t connect_timeout_ns; /* for one address, and again for the TLS handshake */
	uint64_t idle_ns;            /* an idle connection older than this is closed, not used */
	struct sl_tls *tls;          /* borrowed; NULL if no https is wanted: then https fails */
};

struct sl_pool_key {
	bool tls;
	const char *host; /* lower case ASCII name, or numeric address without brackets */
	uint16_t port;
};

int sl_pool_new(struct sl_pool **out, const struct sl_pool_options *options) SL_MUST_CHECK;

/* Closes idle connections; none may be in use (asserted). NULL is fine. */
SL_SUSPENDS
void sl_pool_free(struct sl_pool *pool);

/*
 * A connection for `key`: the most recently used idle one that is undisturbed, else a fresh one
 * (resolve, dial every address in turn, TLS). `fresh` = never an idle one. Waits for a place.
 * Returns 0; SL_E_RESOLVE, SL_E_TLS, -ECONNREFUSED, -ETIMEDOUT..., with the phase in *err. It is
 * the caller's until sl_pool_give.
 */
SL_SUSPENDS
int sl_pool_take(struct sl_pool *pool, const struct sl_pool_key *key, bool fresh,
	struct sl_connection **out, struct sl_error *err) SL_MUST_CHECK;

/* Back: kept idle if `reusable` and undisturbed, else closed. */
SL_SUSPENDS
void sl_pool_give(struct sl_pool *pool, struct sl_connection *connection, bool reusable);

#endif
