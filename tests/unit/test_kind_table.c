#include "sluice/ui/kind_table.h"

#include <criterion/criterion.h>

#define TEXT(text) \
	{ \
		text, sizeof(text) - 1 \
	}

static const struct sl_kind_row rows[] = {
	{ .text = TEXT("<time> connection to <ip> lost"),
		.example = TEXT("12:00:01 connection to 10.0.0.1 lost"),
		.count = 1200,
		.first = TEXT("a.log:3"),
		.last = TEXT("b.log:1500") },
	{ .text = TEXT("disk\033full"),
		.example = TEXT("disk\033full"),
		.count = 1,
		.first = TEXT("a.log:7"),
		.last = TEXT("a.log:7") },
};

static void
expect_table(const struct sl_kind_table *table, const char *want)
{
	struct sl_buf out = { 0 };
	sl_kind_table_format(table, &out);
	cr_expect(sl_span_is(sl_buf_span(&out), want), "got\n%swant\n%s", out.data, want);
	sl_buf_release(&out);
}

Test(kind_table, has_counts_shares_places_and_examples)
{
	struct sl_kind_table table = { .rows = rows, .row_count = 2, .kinds = 2, .lines = 1201 };
	expect_table(&table, "error lines   share  kind\n"
			     "       1200  99.92%  <time> connection to <ip> lost\n"
			     "                     first a.log:3, last b.log:1500\n"
			     "                     12:00:01 connection to 10.0.0.1 lost\n"
			     "          1   0.08%  disk\\x1bfull\n"
			     "                     a.log:7\n"
			     "                     disk\\x1bfull\n");
}

Test(kind_table, is_cut_to_a_terminal_and_groups_digits)
{
	struct sl_kind_table table = {
		.rows = rows, .row_count = 1, .kinds = 1, .lines = 1201, .columns = 44
	};
	expect_table(&table, "error lines   share  kind\n"
			     "      1,200  99.92%  <time> connection to...\n"
			     "                     first a.log:3, last ...\n"
			     "                     12:00:01 connection ...\n");
	table.unicode = true;
	expect_table(&table, "error lines   share  kind\n"
			     "      1,200  99.92%  <time> connection to <\u2026\n"
			     "                     first a.log:3, last b.\u2026\n"
			     "                     12:00:01 connection to\u2026\n");
}

Test(kind_table, shows_when_lines_came)
{
	static const uint64_t columns[SL_KIND_COLUMNS] = { 2, [8] = 1, [15] = 4 };
	struct sl_kind_row row = rows[1];
	struct sl_kind_table table = { .rows = &row, .row_count = 1, .kinds = 1, .lines = 1 };
	row.times = sl_span_str("10-18 18:01:47 to 10-18 18:02:00");
	row.columns = columns;
	expect_table(&table,
		"error lines    share  kind\n"
		"          1  100.00%  disk\\x1bfull\n"
		"                      a.log:7\n"
		"                      |=       :      #| 10-18 18:01:47 to 10-18 18:02:00\n"
		"                      disk\\x1bfull\n");
	row.columns = NULL;
	table.columns = 44;
	expect_table(&table, "error lines    share  kind\n"
			     "          1  100.00%  disk\\x1bfull\n"
			     "                      a.log:7\n"
			     "                      10-18 18:01:47 to 1...\n"
			     "                      disk\\x1bfull\n");
}

Test(kind_table, says_what_it_leaves_out)
{
	struct sl_kind_table table = {
		.rows = rows + 1, .row_count = 1, .kinds = 9, .lines = 4, .dropped = 2
	};
	expect_table(&table,
		"error lines   share  kind\n"
		"          1  25.00%  disk\\x1bfull\n"
		"                     a.log:7\n"
		"                     disk\\x1bfull\n"
		"1 of 9 kinds, with 25.00% of the error lines (--top N shows more)\n"
		"2 error lines are of kinds that were dropped: there are too many (--max-memory "
		"raises the limit)\n");
}

Test(kind_table, is_nothing_without_error_lines)
{
	struct sl_buf out = { 0 };
	sl_kind_table_format(&(struct sl_kind_table){ 0 }, &out);
	cr_assert_eq(out.len, 0);
	sl_buf_release(&out);
}

Test(kind_table, has_changes_if_it_was_compared)
{
	struct sl_kind_row row = rows[1];
	row.change = sl_span_str("more, 2 before");
	struct sl_kind_table table = { .rows = &row,
		.row_count = 1,
		.kinds = 1,
		.lines = 1,
		.changes = sl_span_str("compared with 'x\033': 1 more") };
	expect_table(&table, "error lines    share  kind\n"
			     "          1  100.00%  disk\\x1bfull\n"
			     "                      more, 2 before: a.log:7\n"
			     "                      disk\\x1bfull\n"
			     "compared with 'x\\x1b': 1 more\n");
}
