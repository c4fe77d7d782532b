/*
 * Which inputs have no count, and which are counted by kind in place of a message each.
 */
#include "sluice/scan/summary.h"

#include <criterion/criterion.h>

static const struct {
	enum sl_scan_state state;
	uint64_t lines;
	bool is_unread, is_skipped_if_found;
} cases[] = {
	{ SL_SCAN_OK, 0, false, false },
	{ SL_SCAN_OK, 5, false, false },
	{ SL_SCAN_LIMITED, 5, false, false },
	{ SL_SCAN_BINARY, 0, true, true },
	{ SL_SCAN_LINK, 0, true, true },
	{ SL_SCAN_SPECIAL, 0, true, true },
	{ SL_SCAN_UNDECIDED, 0, false, false },
	{ SL_SCAN_UNSORTED, 0, false, false },
	{ SL_SCAN_UNSUPPORTED, 0, true, true },
	{ SL_SCAN_UNSUPPORTED, 5, false, false },
	{ SL_SCAN_TRUNCATED, 0, true, false },
	{ SL_SCAN_TRUNCATED, 5, false, false },
	{ SL_SCAN_DAMAGED, 0, true, false },
	{ SL_SCAN_DAMAGED, 5, false, false },
	{ SL_SCAN_UNREADABLE, 0, true, false },
	{ SL_SCAN_UNREADABLE, 5, false, false },
};

Test(summary, an_input_of_which_nothing_was_read_has_no_count)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_scan_result result = { .state = cases[i].state, .lines = cases[i].lines };
		cr_expect_eq(sl_scan_result_is_unread(&result), cases[i].is_unread, "case %zu", i);
	}
}

Test(summary, only_inputs_found_in_directories_are_skipped_and_never_those_that_failed)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_scan_result result = { .state = cases[i].state, .lines = cases[i].lines };
		cr_expect_not(sl_scan_result_is_skipped(&result, false), "case %zu", i);
		cr_expect_eq(sl_scan_result_is_skipped(&result, true), cases[i].is_skipped_if_found,
			"case %zu", i);
	}
}
