#include "sluice/ui/sparkline.h"

#include <criterion/criterion.h>

static void
expect(const uint64_t *numbers, size_t count, bool unicode, const char *want)
{
	struct sl_buf out = { 0 };
	sl_sparkline_add(&out, numbers, count, unicode);
	cr_expect_str_eq(out.data, want);
	sl_buf_release(&out);
}

Test(sparkline, has_a_bar_for_each_number_but_zero)
{
	static const uint64_t numbers[] = { 0, 1, 500, 1000 };
	expect(numbers, 4, true, "| \u2581\u2584\u2588|");
	expect(numbers, 4, false, "| .=#|");
	expect(numbers, 1, true, "| |");
	expect(NULL, 0, true, "||");
}

Test(sparkline, has_no_number_that_is_too_large)
{
	static const uint64_t numbers[] = { UINT64_MAX, 1, UINT64_MAX / 2 + 1 };
	expect(numbers, 3, false, "|#.=|");
}
