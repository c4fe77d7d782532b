/*
 * Patterns from a text: one a line.
 */
#include "sluice/scan/pattern_file.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* The patterns between bars, or the message. */
static void
check(struct sl_span text, const char *want)
{
	struct sl_pattern_texts list = { 0 };
	struct sl_error err = { 0 };
	struct sl_buf got = { 0 };
	struct guard guard;
	guard_init(&guard, SL_MAX(text.len, (size_t)1));
	text.data = guard_place(&guard, text.data, text.len);
	int code = sl_pattern_file_read(&list, text, "'p'", &err);
	sl_buf_add_str(&got, code ? err.text : "|");
	for (size_t i = 0; i < list.count && code == 0; i++) {
		sl_buf_add_span(&got, list.items[i]);
		sl_buf_add_char(&got, '|');
	}
	if (code)
		cr_expect(strstr(got.data, want), "'%s', not '%s'", got.data, want);
	else
		cr_expect_str_eq(got.data, want);
	sl_buf_release(&got);
	sl_pattern_texts_release(&list);
	guard_release(&guard);
}

Test(pattern_file, each_line_is_a_pattern)
{
	check(sl_span_str(""), "|");
	check(sl_span_str("a"), "|a|");
	check(sl_span_str("a\n"), "|a|");
	check(sl_span_str("a\nb c\n"), "|a|b c|");
	check(sl_span_str("a\n\nb"), "|a||b|");
	check(sl_span_str("\n"), "||");
	check(sl_span_str("\n\n"), "|||");
}

Test(pattern_file, a_carriage_return_before_a_newline_is_not_part_of_a_pattern)
{
	check(sl_span_str("a\r\nb\r\n"), "|a|b|");
	check(sl_span_str("\r\n"), "||");
	check(sl_span_str("a\r\r\n"), "|a\r|");
	check(sl_span_str("a\rb\n\rc\n"), "|a\rb|\rc|");
	check(sl_span_str("a\r"), "|a\r|"); /* no newline follows */
}

Test(pattern_file, a_byte_order_mark_is_not_part_of_the_first_pattern)
{
	check(sl_span_str("\xef\xbb\xbf"
			  "a\nb\n"),
		"|a|b|");
	check(sl_span_str("\xef\xbb\xbf"), "|");
	check(sl_span_str("a\n\xef\xbb\xbf"
			  "b\n"),
		"|a|\xef\xbb\xbf"
		"b|");
}

Test(pattern_file, what_is_not_text_is_refused)
{
	check(sl_span("a\nb\0c\n", 6), "line 2 has a NUL byte");
	check(sl_span("\xff\xfe"
		      "a\0\n\0",
		      6),
		"UTF-16");
	check(sl_span("a\0b\0c\0d\0\n\0", 10), "UTF-16");
	check(sl_span("\x1f\x8b\x08\0\0\0\0\0\0\3", 10), "zcat FILE | sluice scan -f - INPUT");
}
