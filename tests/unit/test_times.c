#include "sluice/base/random.h"
#include "sluice/digest/times.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define BASE_S INT64_C(1445169600) /* 2015-10-18 12:00 */
#define MOST 40u

static void
add(struct sl_times *times, int64_t at_s)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "%lld x", (long long)at_s);
	sl_times_add(times, sl_times_find(sl_span(line, (size_t)len)));
}

/* All times at once: the interval is the smallest that is enough. */
static void
expect_all(const struct sl_times *got, const int64_t *at_s, size_t count)
{
	int64_t first = INT64_MAX, last = 0;
	unsigned scale = 0;
	uint32_t counts[SL_TIMES_BUCKETS] = { 0 };
	for (size_t i = 0; i < count; i++) {
		first = SL_MIN(first, at_s[i]);
		last = SL_MAX(last, at_s[i]);
	}
	while ((last >> scale) - (first >> scale) >= SL_TIMES_BUCKETS)
		scale++;
	for (size_t i = 0; i < count; i++)
		counts[(at_s[i] >> scale) - (first >> scale)]++;
	cr_assert_eq(got->first_s, first);
	cr_assert_eq(got->last_s, last);
	cr_assert_eq(got->scale, scale);
	cr_assert_arr_eq(got->counts, counts, sizeof(counts));
	cr_assert_eq(sl_times_count(got), (size_t)((last >> scale) - (first >> scale)) + 1);
}

Test(times, any_order_of_merging_gives_the_same)
{
	struct sl_random random;
	sl_random_init(&random, 1);
	for (unsigned round = 0; round < 3000; round++) {
		struct sl_times parts[MOST] = { 0 };
		int64_t at_s[MOST];
		uint64_t range = 1ull << sl_random_below(&random, 30);
		size_t count = 1 + (size_t)sl_random_below(&random, MOST);
		size_t left = 1 + (size_t)sl_random_below(&random, count);
		for (size_t i = 0; i < count; i++) {
			at_s[i] = BASE_S + (int64_t)sl_random_below(&random, range);
			add(&parts[sl_random_below(&random, left)], at_s[i]);
		}
		for (; left > 1; left--) {
			size_t into = (size_t)sl_random_below(&random, left - 1);
			sl_times_merge(&parts[into], &parts[left - 1]);
		}
		expect_all(&parts[0], at_s, count);
	}
}

Test(times, columns_have_all_lines)
{
	struct sl_random random;
	sl_random_init(&random, 2);
	for (unsigned round = 0; round < 2000; round++) {
		struct sl_times times = { 0 };
		uint64_t range = 1ull << sl_random_below(&random, 30), columns[16], sum = 0;
		size_t count = 1 + (size_t)sl_random_below(&random, MOST);
		for (size_t i = 0; i < count; i++)
			add(&times, BASE_S + (int64_t)sl_random_below(&random, range));
		int64_t first_s = times.first_s - (int64_t)sl_random_below(&random, 1000);
		int64_t last_s = times.last_s + (int64_t)sl_random_below(&random, 1000);
		sl_times_spread(&times, first_s, last_s, columns, SL_COUNT_OF(columns));
		for (size_t i = 0; i < SL_COUNT_OF(columns); i++)
			sum += columns[i];
		cr_assert_eq(sum, count);
	}
}

Test(times, lie_in_the_columns_of_their_time)
{
	struct sl_times times = { 0 };
	uint64_t columns[4];
	static const uint64_t want[4] = { 1, 0, 0, 2 };
	add(&times, BASE_S);
	add(&times, BASE_S + 19);
	add(&times, BASE_S + 18);
	sl_times_spread(&times, BASE_S, BASE_S + 19, columns, 4);
	cr_assert_arr_eq(columns, want, sizeof(want));
}

/* As many lines in each second are a level row, however the intervals and columns lie. */
Test(times, at_the_same_rate_fill_all_columns_alike)
{
	static const int64_t seconds[] = { 64, 333, 1000, 4097, 50000 };
	for (size_t k = 0; k < SL_COUNT_OF(seconds); k++) {
		struct sl_times times = { 0 };
		uint64_t columns[16];
		for (int64_t i = 0; i < seconds[k]; i++)
			add(&times, BASE_S + i);
		sl_times_spread(&times, BASE_S, BASE_S + seconds[k] - 1, columns, 16);
		uint64_t even = (uint64_t)seconds[k] / 16;
		for (size_t i = 0; i < 16; i++)
			cr_assert(columns[i] + 3 >= even && columns[i] <= even + 3,
				"%lld s: %llu in column %zu", (long long)seconds[k],
				(unsigned long long)columns[i], i);
	}
}

Test(times, without_a_year_count_as_long_as_there_is_none_with_one)
{
	struct sl_times times = { 0 }, other = { 0 };
	sl_times_add(&times, sl_times_find(sl_span_str("no stamp")));
	cr_assert_not(times.has_any);
	sl_times_add(&times, sl_times_find(sl_span_str("Oct 18 18:01:47 host x")));
	cr_expect_str_eq(sl_times_label(&times, times.first_s).text, "10-18 18:01:47");
	sl_times_add(&other, sl_times_find(sl_span_str("2015-10-18 18:01:47 x")));
	sl_times_merge(&times, &other);
	sl_times_add(&times, sl_times_find(sl_span_str("Oct 18 18:01:47 host x")));
	cr_expect_str_eq(sl_times_label(&times, times.first_s).text, "2015-10-18 18:01:47");
	cr_expect_eq(times.counts[0], 1);
	cr_expect_eq(sl_times_count(&times), 1);
}

Test(times, are_formatted_as_they_are_saved)
{
	struct sl_times times = { 0 };
	struct sl_buf out = { 0 };
	add(&times, BASE_S + 1);
	add(&times, BASE_S + 65);
	sl_times_format(&times, &out);
	cr_assert(sl_span_is(sl_buf_span(&out), "4: 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1"), "%s",
		out.data);
	cr_assert_eq(sl_times_begin_s(&times), BASE_S);
	sl_buf_release(&out);
}
