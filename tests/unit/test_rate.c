#include "sluice/ui/rate.h"

#include <criterion/criterion.h>

#define MS SL_NS_PER_MS
#define START (1000 * SL_NS_PER_S)

static bool
is_near(uint64_t got, uint64_t want)
{
	return got >= want - want / 50 && got <= want + want / 50;
}

/* `bytes_s` for so many milliseconds, looked at each 100 of them. Returns what is shown then. */
static uint64_t
go_on(struct sl_rate *rate, uint64_t *now_ns, uint64_t *bytes, uint64_t ms, uint64_t bytes_s)
{
	uint64_t shown = rate->bytes_s;
	for (uint64_t t = 0; t < ms; t += 100) {
		*now_ns += 100 * MS;
		*bytes += bytes_s / 10;
		shown = sl_rate_sample(rate, *now_ns, *bytes);
	}
	return shown;
}

Test(rate, a_steady_flow_is_shown_as_it_is)
{
	struct sl_rate rate;
	uint64_t now = START, bytes = 0;
	sl_rate_begin(&rate, now, bytes);
	cr_expect_eq(go_on(&rate, &now, &bytes, 100, 5000000), 0, "not known yet");
	for (unsigned i = 0; i < 100; i++) {
		uint64_t shown = go_on(&rate, &now, &bytes, 100, 5000000);
		cr_expect(is_near(shown, 5000000), "after %u00 ms: %llu", i + 2,
			(unsigned long long)shown);
	}
}

/* A receive on a slow link returns what came within a second, and later ones what came within a
 * tenth. */
Test(rate, first_bytes_that_arrive_together_do_not_count)
{
	struct sl_rate rate;
	uint64_t now = START;
	sl_rate_begin(&rate, now, 2000);
	for (unsigned i = 0; i < 10; i++)
		cr_expect_eq(sl_rate_sample(&rate, now += 100 * MS, 2000), 0);
	cr_expect_eq(sl_rate_sample(&rate, now += 100 * MS, 102000), 0);
	cr_expect_eq(sl_rate_sample(&rate, now += 200 * MS, 102000), 0);
	cr_expect_not(rate.is_known);
	cr_expect(is_near(sl_rate_sample(&rate, now += 100 * MS, 132000), 100000));
	for (uint64_t bytes = 162000; bytes < 1000000; bytes += 30000) {
		(void)sl_rate_sample(&rate, now += 200 * MS, bytes - 30000);
		uint64_t shown = sl_rate_sample(&rate, now += 100 * MS, bytes);
		cr_expect(shown > 50000 && shown <= 100000, "%llu", (unsigned long long)shown);
	}
}

Test(rate, a_burst_at_the_beginning_is_forgotten_with_the_window)
{
	struct sl_rate rate;
	uint64_t now = START, bytes = 0;
	sl_rate_begin(&rate, now, bytes);
	(void)sl_rate_sample(&rate, now, bytes = 1);
	go_on(&rate, &now, &bytes, 200, 100000000);
	uint64_t shown = go_on(&rate, &now, &bytes, 2800, 1000000);
	cr_expect(is_near(shown, bytes / 3), "the mean of the whole time, not %llu",
		(unsigned long long)shown);
	shown = go_on(&rate, &now, &bytes, 15000, 1000000);
	cr_expect(shown >= 1000000 && shown < 1100000, "%llu", (unsigned long long)shown);
}

Test(rate, a_change_shows_within_the_window)
{
	struct sl_rate rate;
	uint64_t now = START, bytes = 0;
	sl_rate_begin(&rate, now, bytes);
	(void)sl_rate_sample(&rate, now, bytes = 1);
	go_on(&rate, &now, &bytes, 10000, 1000000);
	uint64_t shown = go_on(&rate, &now, &bytes, 3000, 9000000);
	cr_expect(shown > 5000000 && shown < 9000000, "%llu", (unsigned long long)shown);
	shown = go_on(&rate, &now, &bytes, 12000, 0);
	cr_expect_lt(shown, 300000);
	cr_expect_eq(now - rate.moved_ns, 12 * SL_NS_PER_S, "nothing has come since");
}

Test(rate, what_was_there_before_does_not_count)
{
	struct sl_rate rate;
	sl_rate_begin(&rate, START, 7000000);
	(void)sl_rate_sample(&rate, START, 7000001);
	cr_expect_eq(sl_rate_sample(&rate, START + SL_NS_PER_S, 8000001), 1000000);
}

Test(rate, waiting_for_the_first_byte_does_not_count)
{
	struct sl_rate rate;
	uint64_t now = START, bytes = 0;
	sl_rate_begin(&rate, now, bytes);
	cr_expect_eq(go_on(&rate, &now, &bytes, 5000, 0), 0);
	cr_expect_eq(rate.moved_ns, START, "that nothing has come is seen");
	cr_expect_eq(go_on(&rate, &now, &bytes, 100, 20000000), 0);
	for (unsigned i = 0; i < 20; i++)
		cr_expect(is_near(go_on(&rate, &now, &bytes, 100, 20000000), 20000000));
	cr_expect(go_on(&rate, &now, &bytes, 1000, 0) < 15000000, "later waits do count");
}

Test(rate, a_new_beginning_never_gives_a_negative_rate)
{
	struct sl_rate rate;
	sl_rate_begin(&rate, START, 0);
	(void)sl_rate_sample(&rate, START, 1);
	cr_expect_eq(sl_rate_sample(&rate, START + SL_NS_PER_S, 1000001), 1000000);
	cr_expect_eq(sl_rate_sample(&rate, START + 2 * SL_NS_PER_S, 0), 500000);
	uint64_t shown = sl_rate_sample(&rate, START + 3 * SL_NS_PER_S, 3000000);
	cr_expect(shown > 500000 && shown < 3000000, "it counts from there");
}

Test(rate, looks_in_one_moment_change_nothing)
{
	struct sl_rate rate;
	sl_rate_begin(&rate, START, 0);
	cr_expect_eq(sl_rate_sample(&rate, START, 0), 0);
	cr_expect_eq(sl_rate_sample(&rate, START, 1), 0);
	cr_expect_eq(sl_rate_sample(&rate, START + 100 * MS, 101), 1000);
	for (unsigned i = 0; i < 5; i++)
		cr_expect_eq(sl_rate_sample(&rate, START + SL_NS_PER_S, 5001), 5000);
}

Test(rate, time_left_is_known_only_if_something_comes)
{
	cr_expect_eq(sl_rate_left_ns(10, 0), SL_UNITS_UNKNOWN);
	cr_expect_eq(sl_rate_left_ns(0, 5), 0);
	cr_expect_eq(sl_rate_left_ns(10, 5), 2 * SL_NS_PER_S);
	cr_expect_eq(sl_rate_left_ns(UINT64_MAX, 1), SL_UNITS_UNKNOWN);
	cr_expect_eq(sl_rate_between(10, 0), 0);
	cr_expect_eq(sl_rate_between(10, SL_NS_PER_S / 2), 20);
}
