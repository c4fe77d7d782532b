#include "sluice/ui/histogram.h"

#include <criterion/criterion.h>

static const struct sl_histogram_row rows[] = { { "2015-10-18 18:01", 1600 },
	{ "2015-10-18 18:02", 0 }, { "", 0 }, { "2015-10-18 18:09", 200 },
	{ "2015-10-18 18:10", 1 } };

static void
expect(struct sl_histogram histogram, const char *want)
{
	struct sl_buf out = { 0 };
	sl_histogram_format(&histogram, &out);
	cr_expect(sl_span_is(sl_buf_span(&out), want), "%s", out.data);
	sl_buf_release(&out);
}

Test(histogram, has_a_bar_for_each_interval)
{
	expect((struct sl_histogram){ .rows = rows,
		       .row_count = SL_COUNT_OF(rows),
		       .note = sl_span_str("7 lines without a time stamp") },
		"time              error lines\n"
		"2015-10-18 18:01         1600  ########################################\n"
		"2015-10-18 18:02            0\n"
		"...\n"
		"2015-10-18 18:09          200  #####\n"
		"2015-10-18 18:10            1  #\n"
		"7 lines without a time stamp\n");
}

Test(histogram, bars_take_what_is_left_of_a_terminal)
{
	expect((struct sl_histogram){ .rows = rows,
		       .row_count = SL_COUNT_OF(rows),
		       .columns = 43,
		       .unicode = true },
		"time              error lines\n"
		"2015-10-18 18:01        1,600  "
		"\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
		"\u2588\u2588\u2588\n"
		"2015-10-18 18:02            0\n"
		"...\n"
		"2015-10-18 18:09          200  \u2588\u258c\n"
		"2015-10-18 18:10            1  \u258f\n");
	expect((struct sl_histogram){ .rows = rows + 3, .row_count = 1, .columns = 8 },
		"time              error lines\n"
		"2015-10-18 18:09          200  ##########\n");
}

Test(histogram, is_nothing_without_rows_and_notes)
{
	struct sl_buf out = { 0 };
	sl_histogram_format(&(struct sl_histogram){ 0 }, &out);
	cr_expect_eq(out.len, 0);
	sl_buf_release(&out);
}

Test(histogram, is_coloured_on_request)
{
	expect(
		(struct sl_histogram){
			.rows = rows + 4, .row_count = 1, .colour = true, .columns = 10 },
		"\033[2mtime              error lines\033[0m\n"
		"2015-10-18 18:10            1  \033[31m##########\033[0m\n");
}
