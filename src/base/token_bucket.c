#include "sluice/base/token_bucket.h"

#include <stdbool.h>

/* What `count` tokens are worth in time: whole nanoseconds, and a rest in units of 1 / rate. */
struct worth {
	uint64_t ns, part;
};

static struct worth
worth_of(const struct sl_token_bucket *bucket, uint64_t count)
{
	sl_assert(count <= SL_TOKEN_COUNT_MAX);
	uint64_t product = count * SL_NS_PER_S;
	return (struct worth){ product / bucket->rate, product % bucket->rate };
}

static void
pay(struct sl_token_bucket *bucket, struct worth worth)
{
	uint64_t part = bucket->paid_part + worth.part;
	bucket->paid_ns += (int64_t)(worth.ns + part / bucket->rate);
	bucket->paid_part = part % bucket->rate;
}

static void
refund(struct sl_token_bucket *bucket, struct worth worth)
{
	bool borrows = bucket->paid_part < worth.part;
	bucket->paid_ns -= (int64_t)worth.ns + borrows;
	bucket->paid_part += (borrows ? bucket->rate : 0) - worth.part;
}

/* Tokens beyond the depth, or beyond `count` if that is more, have run over. */
static void
run_over(struct sl_token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
	struct sl_token_bucket full = *bucket;
	full.paid_ns = (int64_t)now_ns;
	full.paid_part = 0;
	refund(&full, worth_of(bucket, SL_MAX(bucket->depth, count)));
	if (bucket->paid_ns < full.paid_ns ||
		(bucket->paid_ns == full.paid_ns && bucket->paid_part < full.paid_part))
		*bucket = full;
}

void
sl_token_bucket_init(struct sl_token_bucket *bucket, uint64_t rate, uint64_t depth, uint64_t count,
	uint64_t now_ns)
{
	sl_assert(rate > 0 && rate <= SL_TOKEN_RATE_MAX);
	*bucket = (struct sl_token_bucket){
		.rate = rate, .depth = depth, .paid_ns = (int64_t)now_ns
	};
	refund(bucket, worth_of(bucket, count));
}

uint64_t
sl_token_bucket_due(const struct sl_token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
	struct sl_token_bucket after = *bucket;
	run_over(&after, count, now_ns);
	pay(&after, worth_of(bucket, count));
	return (uint64_t)(after.paid_ns + (after.paid_part > 0));
}

void
sl_token_bucket_take(struct sl_token_bucket *bucket, uint64_t count, uint64_t now_ns)
{
	sl_assert(sl_token_bucket_due(bucket, count, now_ns) <= now_ns);
	run_over(bucket, count, now_ns);
	pay(bucket, worth_of(bucket, count));
}

void
sl_token_bucket_put_back(struct sl_token_bucket *bucket, uint64_t count)
{
	refund(bucket, worth_of(bucket, count));
}
