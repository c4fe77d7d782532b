/*
 * retry.h - which failures are worth another attempt, and when. Pure.
 *
 * Transient: what may be over in a moment (a connection that is refused or reset, a timeout, a body
 * that is cut short, a name lookup that failed, an overloaded server). Permanent: what another
 * attempt would meet again (other statuses, a broken response, a certificate that is refused) and
 * every failure of this machine.
 */
#ifndef SLUICE_DOWNLOAD_RETRY_H
#define SLUICE_DOWNLOAD_RETRY_H

#include "sluice/base/error.h"

#include <stdbool.h>

/* The longest random wait before the first retry; it doubles with each further one. */
#define SL_RETRY_FIRST_NS SL_NS_PER_S

struct sl_retry_policy {
	unsigned retries;     /* in a row without progress; 0 = none */
	uint64_t max_wait_ns; /* no wait is longer, whatever a server asks for */
	uint64_t seed;        /* of the random waits: runs at the same moment need different ones */
};

enum sl_retry_kind {
	SL_RETRY_PERMANENT,
	SL_RETRY_TRANSIENT, /* of this resource: the origin serves others perhaps */
	SL_RETRY_ORIGIN,    /* transient, and of the origin as a whole: nothing there answers, or it
			       is overloaded */
	SL_RETRY_LIMITED, /* the same: the origin asks for fewer requests (429; 403 with a limit) */
};

/* What a failed download means, from code, phase and http_status. */
enum sl_retry_kind sl_retry_classify(const struct sl_error *err);

/* True for a failure before there was a connection: other requests would have failed likewise. */
bool sl_retry_is_unreachable(enum sl_phase phase);

/* The longest random wait before retry number `retry` (from 1): SL_RETRY_FIRST_NS, doubled with
 * each further one, at most policy->max_wait_ns. */
uint64_t sl_retry_ceiling_ns(const struct sl_retry_policy *policy, unsigned retry);

/*
 * The wait before retry number `retry` (without progress between them): random from 0 to the
 * ceiling ("full jitter"), so that clients that failed together do not come back together; at least
 * what the server asked for (`asked_s`, 0 = nothing); at most policy->max_wait_ns. `random` = any
 * 64 random bits.
 */
uint64_t sl_retry_wait_ns(
	const struct sl_retry_policy *policy, unsigned retry, unsigned asked_s, uint64_t random);

#endif
