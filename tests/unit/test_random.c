#include "sluice/base/random.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(random, one_seed_is_one_sequence)
{
	struct sl_random a, b, c;
	sl_random_init(&a, 42);
	sl_random_init(&b, 42);
	sl_random_init(&c, 43);
	bool differs = false;
	for (int i = 0; i < 1000; i++) {
		uint64_t value = sl_random_next(&a);
		cr_assert_eq(value, sl_random_next(&b));
		differs |= value != sl_random_next(&c);
	}
	cr_expect(differs);
}

/* The published algorithm: SplitMix64 of seed 0 begins so, and xoshiro256** from {1, 2, 3, 4}
 * so. */
Test(random, follows_the_published_algorithms)
{
	struct sl_random random;
	sl_random_init(&random, 0);
	cr_expect_eq(random.state[0], 0xe220a8397b1dcdafu);
	cr_expect_eq(random.state[1], 0x6e789e6aa1b965f4u);
	random = (struct sl_random){ { 1, 2, 3, 4 } };
	cr_expect_eq(sl_random_next(&random), 11520);
	cr_expect_eq(sl_random_next(&random), 0);
	cr_expect_eq(sl_random_next(&random), 1509978240);
	cr_expect_eq(sl_random_next(&random), 1215971899390074240);
}

Test(random, stays_below_the_bound_and_reaches_every_value)
{
	struct sl_random random;
	sl_random_init(&random, 7);
	for (uint64_t bound = 1; bound <= 10; bound++) {
		unsigned seen[10] = { 0 };
		for (int i = 0; i < 2000; i++) {
			uint64_t value = sl_random_below(&random, bound);
			cr_assert_lt(value, bound);
			seen[value]++;
		}
		for (uint64_t i = 0; i < bound; i++)
			cr_expect_gt(seen[i], 2000 / bound / 2, "%u of %u", (unsigned)i,
				(unsigned)bound);
	}
	cr_expect_lt(sl_random_below(&random, UINT64_MAX), UINT64_MAX);
}

Test(random, a_bound_of_zero_stops_the_program, .signal = SIGABRT)
{
	struct sl_random random;
	sl_random_init(&random, 7);
	sl_random_below(&random, 0);
}
