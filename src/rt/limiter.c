#include "sluice/rt/limiter.h"

#include "runtime_int.h"

#include "sluice/rt/waiter.h"

#include <errno.h>

void
sl_limiter_init(
	struct sl_limiter *limiter, const char *name, uint64_t rate, uint64_t depth, uint64_t count)
{
	sl_semaphore_init(&limiter->turn, name, 1);
	sl_list_init(&limiter->first);
	sl_token_bucket_init(&limiter->bucket, rate, depth, count, sl_now());
}

/* In its turn, until the bucket contains `count` tokens. They may be there before the time that was
 * computed, if others put some back. */
SL_SUSPENDS
static int
wait_for_tokens(struct sl_limiter *limiter, uint64_t count)
{
	for (;;) {
		struct sl_waiter waiter;
		uint64_t now_ns = sl_now();
		uint64_t due_ns = sl_token_bucket_due(&limiter->bucket, count, now_ns);
		if (due_ns <= now_ns)
			return 0;
		int code = sl_waiter_wait(&waiter, &limiter->first, limiter->turn.name, due_ns);
		if (code == 0 || code == -ETIMEDOUT)
			code = task_check(); /* was it the caller's time, or that of the tokens? */
		if (code < 0)
			return code;
	}
}

SL_SUSPENDS
static int
take_in_turn(struct sl_limiter *limiter, uint64_t count)
{
	int code = sl_semaphore_take(&limiter->turn, SL_FOREVER);
	if (code < 0)
		return code;
	code = wait_for_tokens(limiter, count);
	if (code == 0)
		sl_token_bucket_take(&limiter->bucket, count, sl_now());
	sl_semaphore_give(&limiter->turn);
	return code;
}

int
sl_limiter_take(struct sl_limiter *limiter, uint64_t count, struct sl_limited *limited)
{
	limited->since_ns = sl_now();
	int code = take_in_turn(limiter, count);
	limited->total_ns = sl_limited_ns(limited);
	limited->since_ns = 0;
	return code;
}

uint64_t
sl_limited_ns(const struct sl_limited *limited)
{
	return limited->total_ns + (limited->since_ns ? sl_now() - limited->since_ns : 0);
}

void
sl_limiter_put_back(struct sl_limiter *limiter, uint64_t count)
{
	sl_token_bucket_put_back(&limiter->bucket, count);
	struct sl_waiter *waiter = sl_waiter_pop(&limiter->first);
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

bool
sl_limiter_is_idle(const struct sl_limiter *limiter)
{
	uint64_t now_ns = sl_now();
	return limiter->turn.taken == 0 &&
	       sl_token_bucket_due(&limiter->bucket, limiter->bucket.depth, now_ns) <= now_ns;
}
