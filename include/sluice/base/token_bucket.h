/*
 * token_bucket.h - a token bucket: `rate` tokens a second flow in and at most `depth` of them are
 * kept, so that at most rate x t + depth are taken within any time t. Pure arithmetic on the times
 * that the caller gives; exact, without drift at any rate.
 *
 * Times are monotonic nanoseconds and must not go back.
 */
#ifndef SLUICE_BASE_TOKEN_BUCKET_H
#define SLUICE_BASE_TOKEN_BUCKET_H

#include "sluice/base/def.h"

/* Limits within which no product overflows. */
#define SL_TOKEN_RATE_MAX ((uint64_t)1 << 40)
#define SL_TOKEN_COUNT_MAX ((uint64_t)1 << 32)

/* In its owner's memory; fields are the module's. */
struct sl_token_bucket {
	uint64_t rate, depth;
	/* Tokens that flowed in until paid_ns + paid_part / rate nanoseconds have been taken. Those
	 * of the time from there to now are in the bucket. */
	int64_t paid_ns;
	uint64_t paid_part; /* below rate */
};

/* `rate` is 1 to SL_TOKEN_RATE_MAX, `depth` and `count` at most SL_TOKEN_COUNT_MAX. The bucket
 * contains `count` tokens at first. */
void sl_token_bucket_init(struct sl_token_bucket *bucket, uint64_t rate, uint64_t depth,
	uint64_t count, uint64_t now_ns);

/*
 * When `count` (1 to SL_TOKEN_COUNT_MAX) tokens will be in the bucket if none are taken until then;
 * at or before now if they are. More than `depth` are kept for a caller that waits for more.
 */
uint64_t sl_token_bucket_due(const struct sl_token_bucket *bucket, uint64_t count, uint64_t now_ns);

/* Take `count` tokens, which must be there (asserted). */
void sl_token_bucket_take(struct sl_token_bucket *bucket, uint64_t count, uint64_t now_ns);

/* Put back `count` tokens that were taken and not used. Beyond `depth` they are lost. */
void sl_token_bucket_put_back(struct sl_token_bucket *bucket, uint64_t count);

#endif
