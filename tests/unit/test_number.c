#include "sluice/base/number.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

struct number_case {
	const char *text;
	bool ok;
	uint64_t want;
};

Test(number, parses_decimal_digits_only)
{
	static const struct number_case cases[] = {
		{ "0", true, 0 },
		{ "7", true, 7 },
		{ "00000000000000000042", true, 42 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "000000000000000000042", false, 0 }, /* 21 digits */
		{ "", false, 0 },
		{ "-1", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "0x10", false, 0 },
		{ "1e3", false, 0 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		uint64_t value = 0;
		bool ok = sl_parse_u64(cases[i].text, strlen(cases[i].text), &value);
		cr_expect_eq(ok, cases[i].ok, "'%s'", cases[i].text);
		if (ok)
			cr_expect_eq(value, cases[i].want, "'%s'", cases[i].text);
	}
}

Test(number, reads_no_byte_beyond_the_length_given)
{
	uint64_t value = 0;
	cr_expect(sl_parse_u64("1234", 2, &value));
	cr_expect_eq(value, 12);
	cr_expect(sl_parse_hex("beef", 3, &value));
	cr_expect_eq(value, 0xbee);
}

Test(number, parses_hexadecimal_without_prefix)
{
	static const struct number_case cases[] = {
		{ "0", true, 0 },
		{ "1aF", true, 0x1af },
		{ "ffffffffffffffff", true, UINT64_MAX },
		{ "0ffffffffffffffff", false, 0 }, /* 17 digits, a chunk size that overflows */
		{ "", false, 0 },
		{ "0x1", false, 0 },
		{ "-1", false, 0 },
		{ "g", false, 0 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		uint64_t value = 0;
		bool ok = sl_parse_hex(cases[i].text, strlen(cases[i].text), &value);
		cr_expect_eq(ok, cases[i].ok, "'%s'", cases[i].text);
		if (ok)
			cr_expect_eq(value, cases[i].want, "'%s'", cases[i].text);
	}
}

Test(number, accepts_every_hex_digit_and_nothing_else)
{
	static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	for (unsigned c = 0; c < 256; c++) {
		int want = -1;
		for (int i = 0; i < 16; i++)
			if (c == (unsigned char)digits[i] || c == (unsigned char)upper[i])
				want = i;
		cr_expect_eq(sl_hex_digit((unsigned char)c), want, "byte %u", c);
	}
}

Test(number, parses_the_sizes_people_type)
{
	static const struct number_case cases[] = {
		{ "0", true, 0 }, { "512", true, 512 }, { "64K", true, 64 * SL_KIB },
		{ "64k", true, 64 * SL_KIB }, { "64KiB", true, 64 * SL_KIB },
		{ "64KB", true, 64000 }, { "1M", true, SL_MIB },
		{ "1.5M", true, SL_MIB + SL_MIB / 2 }, { "1mb", true, 1000000 },
		{ "2G", true, 2 * SL_GIB }, { "2gb", true, 2000000000 },
		{ "3TiB", true, 3 * 1024 * SL_GIB }, { "7b", true, 7 },
		{ "9223372036854775807", true, INT64_MAX }, { "9223372036854775808", false, 0 },
		{ "8388608T", false, 0 }, /* 2^63 */
		{ "99999999999999T", false, 0 }, { "", false, 0 }, { "K", false, 0 },
		{ "-1", false, 0 }, { "1.", false, 0 }, { ".5M", false, 0 }, { "1,5M", false, 0 },
		{ "1 M", false, 0 }, { "1MM", false, 0 }, { "1X", false, 0 },
		{ "1.0000001M", false, 0 }, /* finer than six places */
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		uint64_t value = 0;
		bool ok = sl_parse_size(cases[i].text, &value);
		cr_expect_eq(ok, cases[i].ok, "'%s'", cases[i].text);
		if (ok)
			cr_expect_eq(value, cases[i].want, "'%s'", cases[i].text);
	}
}

Test(number, parses_the_times_people_type)
{
	static const struct number_case cases[] = {
		{ "0", true, 0 },
		{ "30", true, 30 * SL_NS_PER_S },
		{ "1.5", true, 1500 * SL_NS_PER_MS },
		{ "0.000001s", true, 1000 },
		{ "250ms", true, 250 * SL_NS_PER_MS },
		{ "2m", true, 120 * SL_NS_PER_S },
		{ "1.5h", true, 5400 * SL_NS_PER_S },
		{ "87600h", true, 10ull * 365 * 24 * 3600 * SL_NS_PER_S },
		{ "87601h", false, 0 },
		{ "18446744073709551615h", false, 0 },
		{ "", false, 0 },
		{ "s", false, 0 },
		{ "1d", false, 0 },
		{ "1S", false, 0 },
		{ "-1s", false, 0 },
		{ "1.s", false, 0 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		uint64_t value = 0;
		bool ok = sl_parse_duration(cases[i].text, &value);
		cr_expect_eq(ok, cases[i].ok, "'%s'", cases[i].text);
		if (ok)
			cr_expect_eq(value, cases[i].want, "'%s'", cases[i].text);
	}
}

Test(number, parses_fractions_to_thousandths)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} cases[] = { { "0", true, 0 }, { "1", true, 1000 }, { "0.5", true, 500 },
		{ "2.25", true, 2250 }, { "0.0009", true, 0 }, { "1.0019", true, 1001 },
		{ "1000000000000", true, 1000000000000000 }, { "1000000000001", false, 0 },
		{ "18446744073709551616", false, 0 }, { "", false, 0 }, { ".5", false, 0 },
		{ "1.", false, 0 }, { "-1", false, 0 }, { "1k", false, 0 }, { "1e3", false, 0 },
		{ " 1", false, 0 }, { "1 ", false, 0 }, { "1.5.2", false, 0 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		uint64_t value = 0;
		bool ok = sl_parse_milli(cases[i].text, &value);
		cr_expect_eq(ok, cases[i].ok, "'%s'", cases[i].text);
		if (ok)
			cr_expect_eq(value, cases[i].want, "'%s'", cases[i].text);
	}
}

Test(number, sums_and_products_report_overflow)
{
	uint64_t sum = 0, product = 0;
	size_t size = 0;
	cr_expect(sl_add_u64(UINT64_MAX - 1, 1, &sum));
	cr_expect_eq(sum, UINT64_MAX);
	cr_expect_not(sl_add_u64(UINT64_MAX, 1, &sum));
	cr_expect(sl_mul_u64(1ull << 32, (1ull << 32) - 1, &product));
	cr_expect_eq(product, UINT64_MAX - UINT32_MAX);
	cr_expect_not(sl_mul_u64(1ull << 32, 1ull << 32, &product));
	cr_expect_not(sl_mul_size(SIZE_MAX / 2, 3, &size));
}

Test(number, rounds_to_powers_of_two)
{
	cr_expect_eq(sl_round_down(4097, 4096), 4096);
	cr_expect_eq(sl_round_down(4095, 4096), 0);
	cr_expect_eq(sl_round_up(0, 4096), 0);
	cr_expect_eq(sl_round_up(1, 4096), 4096);
	cr_expect_eq(sl_round_up(4096, 4096), 4096);
	cr_expect_eq(sl_round_up(UINT64_MAX - 4095, 4096), UINT64_MAX - 4095);
}

Test(number, narrowing_keeps_what_fits)
{
	cr_expect_eq(sl_u32(UINT32_MAX), UINT32_MAX);
	cr_expect_eq(sl_int(INT32_MAX), INT32_MAX);
	cr_expect_eq(sl_size(SIZE_MAX), SIZE_MAX);
}

Test(number, narrowing_stops_the_program_when_it_would_lose_bits, .signal = SIGABRT)
{
	sl_u32(1ull << 32);
}

Test(number, rounding_up_stops_the_program_when_it_would_wrap, .signal = SIGABRT)
{
	sl_round_up(UINT64_MAX - 4094, 4096);
}
