/*
 * Token buckets: never more than the rate allows, never less than it gives, at any rate.
 */
#include "sluice/base/token_bucket.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>

__extension__ typedef unsigned __int128 wide;

#define START_NS (7 * SL_NS_PER_S + 3)

/* From one a second to a terabyte a second. */
static const uint64_t rates[] = { 1, 3, 500, 1000, 1024, 65521, 1000003, 100 * SL_MIB,
	SL_TOKEN_RATE_MAX };

/* True if `count` tokens are more than `rate` gives in `ns`, and `extra`. */
static bool
is_too_much(uint64_t rate, uint64_t count, uint64_t ns, uint64_t extra)
{
	return count > extra && (wide)(count - extra) * SL_NS_PER_S > (wide)rate * ns;
}

static void
take_due(struct sl_token_bucket *bucket, uint64_t count, uint64_t *now_ns)
{
	*now_ns = SL_MAX(*now_ns, sl_token_bucket_due(bucket, count, *now_ns));
	sl_token_bucket_take(bucket, count, *now_ns);
}

Test(token_bucket, gives_exactly_its_rate_to_one_that_always_waits)
{
	for (size_t i = 0; i < SL_COUNT_OF(rates); i++) {
		for (uint64_t count = 1; count <= 1000000; count *= 7) {
			struct sl_token_bucket bucket;
			uint64_t now_ns = START_NS;
			uint64_t depth = SL_MAX(2 * count, rates[i] / 1000);
			sl_token_bucket_init(&bucket, rates[i], depth, 0, now_ns);
			for (uint64_t n = 1; n <= 300; n++) {
				take_due(&bucket, count, &now_ns);
				uint64_t ns = now_ns - START_NS;
				cr_assert_not(is_too_much(rates[i], n * count, ns, 0));
				cr_assert(is_too_much(rates[i], n * count, ns - 1, 0),
					"%llu a second: %llu tokens came late",
					(unsigned long long)rates[i],
					(unsigned long long)(n * count));
			}
		}
	}
}

/* Over any window that begins at a take, whatever is taken, put back and waited for. */
Test(token_bucket, gives_no_more_than_its_rate_and_its_depth_in_any_window)
{
	struct sl_random random;
	sl_random_init(&random, 5);
	for (size_t i = 0; i < SL_COUNT_OF(rates); i++) {
		enum { TAKES = 400 };
		uint64_t at_ns[TAKES], counts[TAKES], now_ns = START_NS;
		uint64_t depth = SL_MAX(rates[i] / 10, 1u), most = SL_MIN(depth, 1u << 30);
		struct sl_token_bucket bucket;
		sl_token_bucket_init(
			&bucket, rates[i], SL_MIN(depth, SL_TOKEN_COUNT_MAX), 0, now_ns);
		for (size_t n = 0; n < TAKES; n++) {
			uint64_t count = 1 + sl_random_below(&random, most);
			uint64_t unused = sl_random_below(&random, 3) ? 0 : count / 2;
			now_ns += sl_random_below(&random, 4)
					  ? 0
					  : sl_random_below(&random, SL_NS_PER_S);
			take_due(&bucket, count, &now_ns);
			sl_token_bucket_put_back(&bucket, unused);
			at_ns[n] = now_ns;
			counts[n] = count - unused;
			uint64_t sum = 0;
			for (size_t from = n + 1; from-- > 0;) {
				sum += counts[from];
				cr_assert_not(is_too_much(
					rates[i], sum, now_ns - at_ns[from], SL_MAX(depth, count)));
			}
		}
	}
}

Test(token_bucket, tokens_that_are_put_back_can_be_taken_at_once)
{
	for (size_t i = 0; i < SL_COUNT_OF(rates); i++) {
		struct sl_token_bucket bucket;
		uint64_t now_ns = START_NS;
		sl_token_bucket_init(&bucket, rates[i], 1000, 0, now_ns);
		take_due(&bucket, 1000, &now_ns);
		struct sl_token_bucket before = bucket;
		sl_token_bucket_put_back(&bucket, 999);
		cr_expect_eq(sl_token_bucket_due(&bucket, 999, now_ns), now_ns);
		sl_token_bucket_take(&bucket, 999, now_ns);
		cr_expect_eq(bucket.paid_ns, before.paid_ns);
		cr_expect_eq(bucket.paid_part, before.paid_part);
	}
}

Test(token_bucket, keeps_its_depth_and_no_more)
{
	struct sl_token_bucket bucket;
	sl_token_bucket_init(&bucket, 100, 10, 0, START_NS);
	uint64_t now_ns = START_NS + 3600 * SL_NS_PER_S;
	cr_expect_eq(sl_token_bucket_due(&bucket, 10, now_ns), now_ns);
	sl_token_bucket_take(&bucket, 10, now_ns);
	cr_expect_eq(sl_token_bucket_due(&bucket, 1, now_ns), now_ns + 10 * SL_NS_PER_MS);
}

Test(token_bucket, more_than_the_depth_is_kept_for_one_that_waits_for_more)
{
	struct sl_token_bucket bucket;
	sl_token_bucket_init(&bucket, 100, 10, 0, START_NS);
	uint64_t due_ns = sl_token_bucket_due(&bucket, 200, START_NS);
	cr_expect_eq(due_ns, START_NS + 2 * SL_NS_PER_S);
	cr_expect_gt(sl_token_bucket_due(&bucket, 200, due_ns - 1), due_ns - 1);
	cr_expect_eq(sl_token_bucket_due(&bucket, 200, due_ns), due_ns);
}

Test(token_bucket, begins_with_the_tokens_it_is_given)
{
	struct sl_token_bucket bucket;
	sl_token_bucket_init(&bucket, 500, 1000, 1000, START_NS);
	cr_expect_eq(sl_token_bucket_due(&bucket, 1000, START_NS), START_NS);
	sl_token_bucket_take(&bucket, 1000, START_NS);
	cr_expect_eq(sl_token_bucket_due(&bucket, 1000, START_NS), START_NS + 2 * SL_NS_PER_S);
}
