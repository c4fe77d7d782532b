/*
 * breaker.h - a circuit breaker for each origin of a run, so that a dead or overloaded one does not
 * keep the connections from the others. Pure.
 *
 *    CLOSED      every request may be sent. Also every origin that is not in the table.
 *      | SL_BREAKER_FAILURES in a row, or a single 429
 *    OPEN        none, for a pause that doubles each time
 *      | the pause is over
 *    HALF_OPEN   one, the probe. A response closes the breaker, a failure opens it again.
 *
 * After as many failed probes in a row as a file has retries, the origin has used up the retries
 * of all its files (sl_breaker_exhausted): else each of them would wait through all pauses. Probes
 * go on all the same, so that files that come later are downloaded once it works again.
 *
 * An origin is a 64-bit hash; two with the same one would share a breaker, which costs a pause.
 * Only failing ones are in the table; if it is full, the one that failed longest ago is forgotten.
 */
#ifndef SLUICE_DOWNLOAD_BREAKER_H
#define SLUICE_DOWNLOAD_BREAKER_H

#include "sluice/download/retry.h"

#define SL_BREAKER_FAILURES 5 /* in a row, after which it opens */
#define SL_BREAKER_ORIGINS 64

struct sl_breaker_origin {
	uint64_t key;
	unsigned failures; /* in a row while it was closed */
	unsigned probes;   /* failed in a row */
	bool is_open;      /* or half-open */
	bool is_probing;   /* a probe is under way */
	uint64_t until_ns; /* end of the pause */
	uint64_t failed_ns;
	int code; /* of the last failure, and its phase */
	enum sl_phase phase;
};

struct sl_breaker {
	const struct sl_retry_policy *policy; /* borrowed; with 0 retries all may be sent */
	size_t count;
	struct sl_breaker_origin origins[SL_BREAKER_ORIGINS];
};

void sl_breaker_init(struct sl_breaker *breaker, const struct sl_retry_policy *policy);

/* When the next request may be sent: 0 = now; a time; SL_FOREVER = not before the outcome of the
 * probe that is under way. */
uint64_t sl_breaker_next_ns(const struct sl_breaker *breaker, uint64_t key, uint64_t now_ns);

/* A request that may be sent is sent. True if it is a probe: then one of the three below must
 * follow, whatever becomes of it. */
bool sl_breaker_begin(struct sl_breaker *breaker, uint64_t key, uint64_t now_ns);

/* The origin has responded, with whatever does not count as its failure. True if it was not closed
 * before. */
bool sl_breaker_succeed(struct sl_breaker *breaker, uint64_t key);

/*
 * A request has failed with *err, for which sl_retry_classify returned SL_RETRY_ORIGIN or
 * SL_RETRY_LIMITED; the latter opens the breaker at once. `is_probe` as sl_breaker_begin returned
 * it. The pause is at least what the server asked for, and at most policy->max_wait_ns. Returns the
 * pause if the breaker has opened by it, else 0.
 */
uint64_t sl_breaker_fail(struct sl_breaker *breaker, uint64_t key, bool is_probe,
	const struct sl_error *err, uint64_t now_ns, uint64_t random);

/* A probe has ended without an outcome: another may be sent. */
void sl_breaker_abandon(struct sl_breaker *breaker, uint64_t key);

/* The origin if at least as many probes as policy->retries have failed in a row, else NULL. */
const struct sl_breaker_origin *sl_breaker_exhausted(
	const struct sl_breaker *breaker, uint64_t key);

#endif
