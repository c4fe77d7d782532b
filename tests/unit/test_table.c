#include "sluice/ui/table.h"

#include "sluice/base/text.h"

#include <criterion/criterion.h>

#define NAME(text) \
	{ \
		text, sizeof(text) - 1 \
	}

static void
format(const struct sl_table *table, struct sl_buf *out)
{
	struct sl_table_layout layout = { 0 };
	sl_table_measure(table, &layout, out);
	sl_table_add_heading(table, &layout, out);
	sl_table_add_rows(table, &layout, out);
	sl_table_add_totals(table, &layout, out);
}

static void
expect_table(const struct sl_table *table, const char *want)
{
	struct sl_buf out = { 0 };
	format(table, &out);
	cr_expect(sl_span_is(sl_buf_span(&out), want), "got\n%swant\n%s", out.data, want);
	sl_buf_release(&out);
}

static const struct sl_table_row two_rows[] = {
	{ .name = NAME("Apache.log"), .lines = 2000, .error_lines = 595 },
	{ .name = NAME("a-rather-long-name.log"), .lines = 1234567, .error_lines = 1 },
};

Test(table, aligns_numbers_and_sums_up)
{
	struct sl_table table = {
		.rows = two_rows, .row_count = 2, .lines = 1236567, .error_lines = 596
	};
	expect_table(&table, "input                     lines  error lines   share\n"
			     "Apache.log                 2000          595  29.75%\n"
			     "a-rather-long-name.log  1234567            1  <0.01%\n"
			     "total                   1236567          596   0.05%\n");
}

Test(table, groups_digits_and_cuts_names_on_a_terminal_only)
{
	struct sl_table table = { .rows = two_rows,
		.row_count = 2,
		.lines = 1236567,
		.error_lines = 596,
		.columns = 48,
		.unicode = true };
	expect_table(&table, "input                 lines  error lines   share\n"
			     "Apache.log            2,000          595  29.75%\n"
			     "a-rathe\u2026name.log  1,234,567            1  <0.01%\n"
			     "total             1,236,567          596   0.05%\n");
}

Test(table, a_single_input_needs_no_total)
{
	struct sl_table table = {
		.rows = two_rows, .row_count = 1, .lines = 2000, .error_lines = 595
	};
	expect_table(&table, "input       lines  error lines   share\n"
			     "Apache.log   2000          595  29.75%\n");
}

Test(table, no_input_at_all_is_a_total_of_nothing)
{
	struct sl_table table = { 0 };
	expect_table(&table, "input  lines  error lines  share\n"
			     "total      0            0      -\n");
}

Test(table, a_note_to_the_totals_brings_them_under_a_single_row)
{
	static const struct sl_table_row rows[] = {
		{ .name = NAME("d/a"), .unread = true, .note = NAME("binary") },
	};
	struct sl_table table = { .rows = rows, .row_count = 1, .note = NAME("1 passed\nover") };
	expect_table(&table, "input  lines  error lines  share\n"
			     "d/a        -            -      -  binary\n"
			     "total      0            0      -  1 passed\\x0aover\n");
}

Test(table, reports_what_could_not_be_read)
{
	static const struct sl_table_row rows[] = {
		{ .name = NAME("a.gz"), .unread = true, .note = NAME("unsupported: gzip") },
		{ .name = NAME("b"), .lines = 3, .note = NAME("truncated") },
	};
	struct sl_table table = { .rows = rows, .row_count = 2, .lines = 3 };
	expect_table(&table, "input  lines  error lines  share\n"
			     "a.gz       -            -      -  unsupported: gzip\n"
			     "b          3            0  0.00%  truncated\n"
			     "total      3            0  0.00%\n");
}

Test(table, control_bytes_in_names_do_not_reach_the_terminal)
{
	static const struct sl_table_row rows[] = { { .name = NAME("x\033[2J\n"),
		.note = NAME("\a") } };
	struct sl_table table = { .rows = rows, .row_count = 1 };
	expect_table(&table, "input         lines  error lines  share\n"
			     "x\\x1b[2J\\x0a      0            0      -  \\x07\n");
}

Test(table, fits_the_terminal_whatever_its_width)
{
	for (size_t columns = 40; columns <= 500; columns++) {
		struct sl_table table = {
			.rows = two_rows, .row_count = 2, .lines = 1236567, .columns = columns
		};
		struct sl_buf out = { 0 };
		format(&table, &out);
		for (const char *line = out.data; *line; line = strchr(line, '\n') + 1)
			cr_expect(sl_text_width(sl_span(line, strcspn(line, "\n"))) <= columns);
		sl_buf_release(&out);
	}
}

Test(table, a_long_path_does_not_make_the_rows_of_others_long)
{
	char path[5001];
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	const struct sl_table_row rows[] = { { .name = sl_span_str(path), .lines = 12 },
		two_rows[0] };
	struct sl_table table = { .rows = rows, .row_count = 2, .lines = 2012, .error_lines = 595 };
	struct sl_buf out = { 0 };
	format(&table, &out);
	cr_expect(strstr(out.data, "ppp     12            0   0.00%\n"), "it is not cut");
	cr_expect(strstr(out.data, path));
	const char *next = strstr(out.data, "Apache.log");
	cr_expect(next && strcspn(next, "\n") < 300);
	sl_buf_release(&out);
}

Test(table, colours_error_counts)
{
	struct sl_table table = { .rows = two_rows, .row_count = 1, .colour = true };
	struct sl_buf out = { 0 };
	format(&table, &out);
	cr_expect(strstr(out.data, "\033[31m        595\033[0m"));
	sl_buf_release(&out);
}
