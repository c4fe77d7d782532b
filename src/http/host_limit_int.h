/*
 * host_limit_int.h - the rate of requests to each host, for client.c. A host is a name, whatever
 * the scheme and port: the same machine answers there, and its limits apply to all of them.
 */
#ifndef SLUICE_HTTP_HOST_LIMIT_INT_H
#define SLUICE_HTTP_HOST_LIMIT_INT_H

#include "sluice/base/error.h"
#include "sluice/rt/limiter.h"

/* In its owner's memory; fields are the module's. */
struct sl_host_limits {
	uint64_t rate_milli; /* requests a second, in thousandths */
	struct sl_list hosts;
};

void sl_host_limits_init(struct sl_host_limits *limits, uint64_t rate_milli);

/* No task may wait for a host (asserted). */
void sl_host_limits_release(struct sl_host_limits *limits);

/*
 * Take the right to send one request to `host`, waiting for those before and for the rate; the wait
 * is added to *limited. Returns 0; -ENOMEM; -ETIMEDOUT at a deadline in force, -ECANCELED.
 */
SL_SUSPENDS
int sl_host_limits_take(struct sl_host_limits *limits, const char *host, struct sl_limited *limited,
	struct sl_error *err) SL_MUST_CHECK;

#endif
