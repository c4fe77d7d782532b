#include "sluice/download/names.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(names, a_name_belongs_to_the_first_who_claims_it)
{
	struct sl_names names = { 0 };
	uint64_t other = 77;
	cr_expect_eq(sl_names_claim(&names, "a", 3, &other), 0);
	cr_expect_eq(sl_names_claim(&names, "b", 4, &other), 0);
	cr_expect_eq(other, 77, "nobody had it");
	cr_expect_eq(sl_names_claim(&names, "a", 5, &other), 1);
	cr_expect_eq(other, 3);
	cr_expect_eq(sl_names_claim(&names, "a", 3, &other), 1, "not even twice by the same");
	sl_names_release(&names);
}

Test(names, names_are_compared_byte_by_byte)
{
	static const char *const different[] = { "", "a", "A", "a ", "./a", "a/", "d/a", "aa",
		"\xc3\xa4", "a\xcc\x88" };
	struct sl_names names = { 0 };
	uint64_t other = 0;
	for (size_t i = 0; i < SL_COUNT_OF(different); i++)
		cr_expect_eq(
			sl_names_claim(&names, different[i], i, &other), 0, "'%s'", different[i]);
	for (size_t i = 0; i < SL_COUNT_OF(different); i++) {
		cr_expect_eq(sl_names_claim(&names, different[i], 99, &other), 1);
		cr_expect_eq(other, i);
	}
	sl_names_release(&names);
}

Test(names, an_empty_table_has_nothing)
{
	struct sl_names names = { 0 };
	uint64_t other = 0;
	cr_expect_not(sl_names_has(&names, "a", &other));
	sl_names_release(&names);
	cr_expect_not(sl_names_has(&names, "a", &other), "nor has a released one");
}

Test(names, the_table_grows_and_forgets_nothing)
{
	enum { MANY = 20000 };
	struct sl_names names = { 0 };
	uint64_t other = 0;
	char path[32];
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "directory/file-%u", i);
		cr_assert_eq(sl_names_claim(&names, path, i, &other), 0);
	}
	cr_expect_eq(names.count, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "directory/file-%u", i);
		cr_assert(sl_names_has(&names, path, &other));
		cr_assert_eq(other, i);
	}
	snprintf(path, sizeof(path), "directory/file-%d", MANY);
	cr_expect_not(sl_names_has(&names, path, &other));
	sl_names_release(&names);
}
