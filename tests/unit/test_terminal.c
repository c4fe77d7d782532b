#include "sluice/ui/terminal.h"

#include "sluice/base/text.h"

#include <criterion/criterion.h>

static void
expect_span(struct sl_span got, const char *want)
{
	cr_expect(sl_span_is(got, want), "got '%.*s', want '%s'", (int)got.len, got.data, want);
}

static void
expect_cut(const char *text, size_t columns, bool unicode, const char *want)
{
	struct sl_buf out = { 0 };
	size_t width = sl_terminal_add_cut(&out, sl_span_str(text), columns, unicode);
	expect_span(sl_buf_span(&out), want);
	cr_expect_eq(width, sl_text_width(sl_buf_span(&out)));
	cr_expect(width <= columns);
	sl_buf_release(&out);
}

Test(terminal, prefixes_and_suffixes_never_cut_a_character)
{
	expect_span(sl_terminal_prefix(sl_span_str("abcdef"), 3), "abc");
	expect_span(sl_terminal_prefix(sl_span_str("abc"), 9), "abc");
	expect_span(sl_terminal_prefix(sl_span_str("a\u65e5\u5fd7"), 2), "a");
	expect_span(sl_terminal_prefix(sl_span_str("a\u65e5\u5fd7"), 3), "a\u65e5");
	expect_span(sl_terminal_prefix(sl_span_str("e\u0301x"), 1), "e\u0301");
	expect_span(sl_terminal_suffix(sl_span_str("abcdef"), 3), "def");
	expect_span(sl_terminal_suffix(sl_span_str("\u65e5\u5fd7a"), 2), "a");
	expect_span(sl_terminal_suffix(sl_span_str("xe\u0301y"), 1), "y");
	expect_span(sl_terminal_suffix(sl_span_str(""), 3), "");
}

Test(terminal, long_text_is_cut_in_the_middle)
{
	expect_cut("short", 10, true, "short");
	expect_cut("exactly_ten", 11, true, "exactly_ten");
	expect_cut("a-long-name.parquet", 11, true, "a-lon\u2026rquet");
	expect_cut("a-long-name.parquet", 11, false, "a-lo...quet");
	expect_cut("a-long-name.parquet", 4, true, "a\u2026et");
	expect_cut("a-long-name.parquet", 4, false, "a-lo");
	expect_cut("a-long-name.parquet", 1, true, "a");
	expect_cut("a-long-name.parquet", 0, true, "");
	expect_cut("\u65e5\u5fd7\u65e5\u5fd7", 5, true, "\u65e5\u2026\u5fd7");
	expect_cut("\u65e5\u5fd7\u65e5\u5fd7", 4, true, "\u2026\u5fd7");
}

Test(terminal, fields_are_filled_to_their_width)
{
	struct sl_buf out = { 0 };
	sl_terminal_add_left(&out, sl_span_str("ab"), 4, true);
	sl_terminal_add_right(&out, sl_span_str("cd"), 4);
	sl_terminal_add_right(&out, sl_span_str("too long"), 3);
	expect_span(sl_buf_span(&out), "ab    cdtoo");
	sl_buf_clear(&out);
	sl_terminal_add_spaces(&out, 200);
	cr_expect_eq(out.len, 200);
	sl_buf_clear(&out);
	sl_terminal_up(&out, 0);
	sl_terminal_up(&out, 12);
	expect_span(sl_buf_span(&out), "\r\r\033[12A");
	sl_buf_release(&out);
}
