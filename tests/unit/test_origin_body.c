#include "support/origin_body.h"

#include <criterion/criterion.h>
#include <string.h>

Test(origin_body, a_part_is_the_same_as_in_the_whole)
{
	char whole[100], part[100];

	sl_origin_body_fill(7, 0, whole, sizeof(whole));
	for (size_t off = 0; off < sizeof(whole); off++)
		for (size_t len = 0; len <= sizeof(whole) - off; len++) {
			memset(part, 0, sizeof(part));
			sl_origin_body_fill(7, off, part, len);
			cr_assert_arr_eq(part, whole + off, len, "%zu bytes at %zu", len, off);
			for (size_t i = len; i < sizeof(part); i++)
				cr_assert_eq(part[i], 0, "%zu bytes at %zu wrote on", len, off);
		}
}

Test(origin_body, seeds_give_different_bodies)
{
	char a[64], b[64];

	sl_origin_body_fill(1, 0, a, sizeof(a));
	sl_origin_body_fill(2, 0, b, sizeof(b));
	cr_assert_arr_neq(a, b, sizeof(a));
}

Test(origin_body, sums_are_what_other_tools_print)
{
	static const struct {
		uint64_t seed, size;
		const char *sum;
	} rows[] = {
		{ 1, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ 5, 1000000, "6435fd6626f4c06649d960a07c133306c493850db556edb1d50c0e979ecd8dd7" },
	};
	char text[SL_ORIGIN_SUM_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(sl_origin_body_sum(rows[i].seed, rows[i].size, text), 0);
		cr_assert_str_eq(text, rows[i].sum);
	}
}
