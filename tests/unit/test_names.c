#include "sluice/download/names.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>

static int
claim(struct sl_names *names, const char *path, uint64_t index, struct sl_names_owner *other)
{
	const struct sl_names_owner owner = { .index = (uint32_t)index, .source = index * 10 };
	return sl_names_claim(names, path, &owner, other);
}

Test(names, a_name_belongs_to_the_first_that_claims_it)
{
	struct sl_names names = { 0 };
	struct sl_names_owner other = { .index = 77 };
	cr_expect_eq(claim(&names, "a", 3, &other), SL_NAMES_CLAIMED);
	cr_expect_eq(claim(&names, "b", 4, &other), SL_NAMES_CLAIMED);
	cr_expect_eq(other.index, 77, "it was free");
	cr_expect_eq(claim(&names, "a", 5, &other), SL_NAMES_TAKEN);
	cr_expect_eq(other.index, 3);
	cr_expect_eq(other.source, 30);
	cr_expect_eq(claim(&names, "a", 3, &other), SL_NAMES_TAKEN, "not even twice by the same");
	sl_names_release(&names);
}

Test(names, how_the_owner_has_ended_is_kept)
{
	struct sl_names names = { 0 };
	struct sl_names_owner other = { 0 };
	cr_assert_eq(claim(&names, "a", 3, &other), SL_NAMES_CLAIMED);
	sl_names_find(&names, "a")->code = -17;
	cr_expect_eq(claim(&names, "a", 4, &other), SL_NAMES_TAKEN);
	cr_expect_eq(other.code, -17);
	sl_names_release(&names);
}

Test(names, names_are_compared_byte_by_byte)
{
	static const char *const different[] = { "", "a", "A", "a ", "./a", "a/", "d/a", "aa",
		"\xc3\xa4", "a\xcc\x88" };
	struct sl_names names = { 0 };
	struct sl_names_owner other;
	for (size_t i = 0; i < SL_COUNT_OF(different); i++)
		cr_expect_eq(claim(&names, different[i], i, &other), SL_NAMES_CLAIMED, "'%s'",
			different[i]);
	for (size_t i = 0; i < SL_COUNT_OF(different); i++) {
		cr_expect_eq(claim(&names, different[i], 99, &other), SL_NAMES_TAKEN);
		cr_expect_eq(other.index, i);
	}
	sl_names_release(&names);
}

Test(names, an_empty_table_has_nothing)
{
	struct sl_names names = { 0 };
	cr_expect_null(sl_names_find(&names, "a"));
	sl_names_release(&names);
	cr_expect_null(sl_names_find(&names, "a"), "nor has a released one");
}

Test(names, numbers_are_given_once_for_each_name_claimed_or_not)
{
	struct sl_names names = { 0 };
	struct sl_names_owner other;
	for (unsigned i = 1; i <= 2000; i++) {
		cr_assert_eq(sl_names_next_number(&names, "a"), i);
		if (i == 1000)
			cr_assert_eq(claim(&names, "a", 1, &other), SL_NAMES_CLAIMED);
	}
	cr_expect_eq(sl_names_next_number(&names, "b"), 1);
	cr_expect_null(sl_names_find(&names, "b"), "a number claims nothing");
	sl_names_release(&names);
}

Test(names, a_hash_tells_where_its_parts_end)
{
	uint64_t ab_c = sl_names_hash(sl_names_hash(0, sl_span_str("ab")), sl_span_str("c"));
	uint64_t a_bc = sl_names_hash(sl_names_hash(0, sl_span_str("a")), sl_span_str("bc"));
	cr_expect_neq(ab_c, a_bc);
	cr_expect_neq(ab_c, sl_names_hash(0, sl_span_str("abc")));
	cr_expect_eq(ab_c, sl_names_hash(sl_names_hash(0, sl_span_str("ab")), sl_span_str("c")));
}

Test(names, the_table_grows_and_forgets_nothing)
{
	enum { MANY = 20000 };
	struct sl_names names = { 0 };
	struct sl_names_owner other;
	char path[32];
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "directory/file-%u", i);
		cr_assert_eq(claim(&names, path, i, &other), SL_NAMES_CLAIMED);
		if (i == 10)
			cr_assert_eq(sl_names_next_number(&names, path), 1);
	}
	cr_expect_eq(names.claims.count, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "directory/file-%u", i);
		cr_assert_not_null(sl_names_find(&names, path));
		cr_assert_eq(sl_names_find(&names, path)->index, i);
	}
	cr_expect_eq(sl_names_next_number(&names, "directory/file-10"), 2);
	snprintf(path, sizeof(path), "directory/file-%d", MANY);
	cr_expect_null(sl_names_find(&names, path));
	sl_names_release(&names);
}

/* 32 bytes each, at most three quarters full, and while it grows the old table beside it; the names
 * are much longer. */
Test(names, a_name_costs_at_most_100_bytes)
{
	enum { MANY = 200000 };
	struct sl_names names = { 0 };
	struct sl_names_owner other;
	char path[600];
	memset(path, 'x', sizeof(path));
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, most = 0;
	if (before == 0)
		cr_skip_test("a sanitizer's allocator does not count");
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path + 500, 100, "%u", i);
		cr_assert_eq(claim(&names, path, i, &other), SL_NAMES_CLAIMED);
		if (i % 1000 == 0)
			most = SL_MAX(most, mallinfo2().uordblks + mallinfo2().hblkhd - before);
	}
	cr_expect_leq(most, 100u * MANY, "%zu bytes", most);
	cr_expect_gt(most, 32u * MANY, "this is how it is measured");
	sl_names_release(&names);
}

Test(names, a_name_that_was_given_up_can_be_claimed_again)
{
	struct sl_names names = { 0 };
	struct sl_names_owner other = { 0 };
	cr_assert_eq(claim(&names, "a", 3, &other), SL_NAMES_CLAIMED);
	sl_names_give_up(&names, "a");
	sl_names_give_up(&names, "b");
	cr_expect_null(sl_names_find(&names, "a"));
	cr_expect_eq(claim(&names, "a", 4, &other), SL_NAMES_CLAIMED);
	cr_expect_eq(claim(&names, "a", 5, &other), SL_NAMES_TAKEN);
	cr_expect_eq(other.index, 4);
	sl_names_release(&names);
}
