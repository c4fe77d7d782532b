#include "sluice/ui/units.h"

#include <criterion/criterion.h>
#include <string.h>

struct sample {
	uint64_t in;
	const char *want;
};

static void
check(const struct sample *samples, size_t count, struct sl_units (*format)(uint64_t),
	size_t columns)
{
	for (size_t i = 0; i < count; i++) {
		struct sl_units got = format(samples[i].in);
		cr_expect_str_eq(got.text, samples[i].want, "%llu: got '%s', want '%s'",
			(unsigned long long)samples[i].in, got.text, samples[i].want);
		cr_expect(strlen(got.text) <= columns, "'%s' is wider than %zu", got.text, columns);
	}
}

Test(units, sizes_round_down_and_stay_within_eight_columns)
{
	static const struct sample samples[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1535, "1.4 KiB" },
		{ 1536, "1.5 KiB" },
		{ 10239, "9.9 KiB" },
		{ 102399, "99.9 KiB" },
		{ 102400, "100 KiB" },
		{ 1048575, "1023 KiB" },
		{ SL_MIB, "1.0 MiB" },
		{ 1503238553, "1.3 GiB" },
		{ 1503238554, "1.4 GiB" },
		{ 1024 * SL_GIB, "1.0 TiB" },
		{ UINT64_MAX - 1, "15.9 EiB" },
		{ SL_UNITS_UNKNOWN, "--" },
	};
	check(samples, SL_COUNT_OF(samples), sl_units_size, SL_UNITS_SIZE_COLUMNS);
}

Test(units, rates_are_sizes_a_second)
{
	static const struct sample samples[] = {
		{ 0, "0 B/s" },
		{ 1047552, "1023 KiB/s" },
		{ 12 * SL_MIB + 400000, "12.3 MiB/s" },
		{ SL_UNITS_UNKNOWN, "--" },
	};
	check(samples, SL_COUNT_OF(samples), sl_units_rate, SL_UNITS_RATE_COLUMNS);
}

Test(units, times_show_their_two_largest_parts)
{
	static const struct sample samples[] = {
		{ 0, "0s" },
		{ SL_NS_PER_S - 1, "0s" },
		{ 59 * SL_NS_PER_S, "59s" },
		{ 65 * SL_NS_PER_S, "1m05s" },
		{ 3599 * SL_NS_PER_S, "59m59s" },
		{ 3720 * SL_NS_PER_S, "1h02m" },
		{ 86399 * SL_NS_PER_S, "23h59m" },
		{ (3 * 86400 + 4 * 3600) * SL_NS_PER_S, "3d04h" },
		{ (99 * 86400 + 86399) * SL_NS_PER_S, "99d23h" },
		{ 100 * 86400 * SL_NS_PER_S, ">99d" },
		{ UINT64_MAX - 1, ">99d" },
		{ SL_UNITS_UNKNOWN, "--" },
	};
	check(samples, SL_COUNT_OF(samples), sl_units_time, SL_UNITS_TIME_COLUMNS);
}

Test(units, elapsed_times_below_a_minute_have_a_fraction)
{
	static const struct sample samples[] = {
		{ 0, "0.00 s" },
		{ 420 * SL_NS_PER_MS, "0.42 s" },
		{ 9999 * SL_NS_PER_MS, "9.99 s" },
		{ 12345 * SL_NS_PER_MS, "12.3 s" },
		{ 59999 * SL_NS_PER_MS, "59.9 s" },
		{ 60000 * SL_NS_PER_MS, "1m00s" },
	};
	check(samples, SL_COUNT_OF(samples), sl_units_elapsed, 31);
}

Test(units, counts_are_grouped_by_three)
{
	static const struct sample samples[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 12345, "12,345" },
		{ 1234567, "1,234,567" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	check(samples, SL_COUNT_OF(samples), sl_units_count, 26);
}

Test(units, a_hundred_percent_is_shown_only_when_all_is_done)
{
	static const struct {
		uint64_t done, total;
		const char *want;
	} samples[] = {
		{ 0, 10, "0%" },
		{ 999, 1000, "99%" },
		{ 1000, 1000, "100%" },
		{ 2000, 1000, "100%" },
		{ 0, 0, "100%" },
		{ UINT64_MAX - 2, UINT64_MAX - 1, "99%" },
		{ 5, SL_UNITS_UNKNOWN, "--" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(samples); i++)
		cr_expect_str_eq(
			sl_units_percent(samples[i].done, samples[i].total).text, samples[i].want);
}

Test(units, a_share_is_rounded_but_not_to_nothing_or_to_the_whole)
{
	static const struct {
		uint64_t part, whole;
		const char *want;
	} samples[] = {
		{ 0, 10, "0.00%" },
		{ 1, 100000, "<0.01%" },
		{ 204, 10000, "2.04%" },
		{ 596, 1236567, "0.05%" },
		{ 2, 3, "66.67%" },
		{ 1, 3, "33.33%" },
		{ 1, 20000, "0.01%" },
		{ 99999, 100000, "99.99%" },
		{ UINT64_MAX - 1, UINT64_MAX, "99.99%" },
		{ 595, 2000, "29.75%" },
		{ 7, 7, "100.00%" },
		{ 0, 0, "-" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(samples); i++)
		cr_expect_str_eq(
			sl_units_share(samples[i].part, samples[i].whole).text, samples[i].want);
}

Test(units, scaling_does_not_overflow_and_never_exceeds_the_scale)
{
	cr_expect_eq(sl_units_scaled(1, 2, 100), 50);
	cr_expect_eq(sl_units_scaled(UINT64_MAX, UINT64_MAX, 640), 640);
	cr_expect(sl_units_scaled(UINT64_MAX - 1, UINT64_MAX, 640) < 640);
	cr_expect(sl_units_scaled(UINT64_MAX / 2, UINT64_MAX, 1ull << 32) <= 1ull << 31);
	cr_expect_eq(sl_units_scaled(5, 0, 100), 0);
}
