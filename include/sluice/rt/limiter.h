/*
 * limiter.h - tasks that share a rate: each takes tokens of one bucket, first come first served.
 */
#ifndef SLUICE_RT_LIMITER_H
#define SLUICE_RT_LIMITER_H

#include "sluice/base/token_bucket.h"
#include "sluice/rt/semaphore.h"

/* In its owner's memory; fields are the module's. */
struct sl_limiter {
	struct sl_semaphore turn; /* of the task that waits for the bucket */
	struct sl_list first;     /* waiter: that task */
	struct sl_token_bucket bucket;
};

/* How long a task, or several one after the other, have waited for limiters; {0} to begin with. */
struct sl_limited {
	uint64_t total_ns; /* of the waits that are over */
	uint64_t since_ns; /* the one that goes on began then; 0 = there is none */
};

/* The sum up to now. */
uint64_t sl_limited_ns(const struct sl_limited *limited);

/* As sl_token_bucket_init, from now on; `name` is static text for the task table. */
void sl_limiter_init(struct sl_limiter *limiter, const char *name, uint64_t rate, uint64_t depth,
	uint64_t count);

/*
 * Take `count` tokens (1 to SL_TOKEN_COUNT_MAX), waiting until earlier tasks have theirs and the
 * bucket contains these. The wait is added to *limited. Returns 0; -ETIMEDOUT at a deadline in
 * force, -ECANCELED: then nothing was taken.
 */
SL_SUSPENDS
int sl_limiter_take(
	struct sl_limiter *limiter, uint64_t count, struct sl_limited *limited) SL_MUST_CHECK;

/* Put back tokens that were taken and not used: a task that waits gets them at once. */
void sl_limiter_put_back(struct sl_limiter *limiter, uint64_t count);

/* No task waits, and the bucket is full. */
bool sl_limiter_is_idle(const struct sl_limiter *limiter);

#endif
