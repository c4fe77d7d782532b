#include "sluice/base/bytes.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* What holds for every buffer whatever was done to it. */
static void
expect_sane(const struct sl_buf *buf)
{
	cr_expect(!buf->data || buf->len < buf->cap, "no room for the NUL");
	cr_expect(buf->data || (buf->len == 0 && buf->cap == 0), "length without storage");
	if (buf->data)
		cr_expect_eq(buf->data[buf->len], '\0', "not terminated");
}

Test(bytes, spans_compare_by_content)
{
	cr_expect(sl_span_equal(sl_span("abcd", 3), sl_span("abce", 3)));
	cr_expect_not(sl_span_equal(sl_span("abcd", 4), sl_span("abce", 4)));
	cr_expect_not(sl_span_equal(sl_span_str("a"), sl_span_str("ab")));
	cr_expect(sl_span_equal(sl_span(NULL, 0), sl_span("x", 0)));
	cr_expect(sl_span_equal(sl_span("a\0b", 3), sl_span("a\0b", 3)));
	cr_expect_not(sl_span_equal(sl_span("a\0b", 3), sl_span("a\0c", 3)));
}

Test(bytes, case_is_ignored_for_ascii_letters_only)
{
	cr_expect(sl_span_is_nocase(sl_span_str("Content-Length"), "cONTENT-lENGTH"));
	cr_expect_not(sl_span_is_nocase(sl_span_str("Content_Length"), "content-length"));
	cr_expect_not(sl_span_is_nocase(sl_span_str("[\\]^"), "{|}~"));
	cr_expect_not(sl_span_is_nocase(sl_span_str("\xc4"), "\xe4"));
	cr_expect_not(sl_span_is_nocase(sl_span_str("K"), "\xe2\x84\xaa")); /* the Kelvin sign */
	cr_expect(sl_span_is(sl_span_str("GET"), "GET"));
	cr_expect_not(sl_span_is(sl_span_str("get"), "GET"));
}

Test(bytes, trim_takes_spaces_and_tabs_from_both_ends)
{
	static const struct {
		const char *in, *want, *want_of_lines;
	} cases[] = {
		{ "", "", "" },
		{ " \t ", "", "" },
		{ "a", "a", "a" },
		{ "\t a b \t", "a b", "a b" },
		{ "\na\r", "\na\r", "a" },
		{ "\r\n \n a\nb \t\r\n", "\r\n \n a\nb \t\r\n", "a\nb" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_span in = sl_span_str(cases[i].in);
		cr_expect(sl_span_is(sl_span_trim(in), cases[i].want), "case %zu", i);
		cr_expect(
			sl_span_is(sl_span_trim_lines(in), cases[i].want_of_lines), "case %zu", i);
	}
}

Test(bytes, dup_copies_the_bytes_and_adds_a_nul)
{
	char *copy = sl_span_dup(sl_span("a\0bc", 3));
	cr_assert_not_null(copy);
	cr_expect_arr_eq(copy, "a\0b", 4);
	free(copy);
	copy = sl_span_dup(sl_span(NULL, 0));
	cr_expect_str_eq(copy, "");
	free(copy);
}

Test(bytes, a_buffer_grows_as_it_is_filled)
{
	struct sl_buf buf = { 0 };
	for (unsigned i = 0; i < 10000; i++) {
		sl_buf_add_char(&buf, (char)('a' + i % 26));
		if (i < 300)
			expect_sane(&buf);
	}
	cr_expect_eq(buf.len, 10000);
	for (unsigned i = 0; i < 10000; i++)
		cr_assert_eq(buf.data[i], (char)('a' + i % 26));
	expect_sane(&buf);
	sl_buf_release(&buf);
	expect_sane(&buf);
}

Test(bytes, appends_of_every_kind_join)
{
	struct sl_buf buf = { 0 };
	sl_buf_add_str(&buf, "GET ");
	sl_buf_add_span(&buf, sl_span_str("/path"));
	sl_buf_printf(&buf, " HTTP/%d.%d", 1, 1);
	sl_buf_add(&buf, "\0", 1);
	sl_buf_add(&buf, NULL, 0);
	sl_buf_printf(&buf, "%s", "");
	cr_expect(sl_span_equal(sl_buf_span(&buf), sl_span("GET /path HTTP/1.1\0", 19)));
	expect_sane(&buf);
	sl_buf_release(&buf);
}

Test(bytes, printf_writes_texts_longer_than_the_room_left)
{
	struct sl_buf buf = { 0 };
	for (int width = 0; width < 200; width++) {
		sl_buf_clear(&buf);
		sl_buf_printf(&buf, "<%*d>", width, 7);
		cr_assert_eq(buf.len, (size_t)SL_MAX(width, 1) + 2);
		cr_assert_eq(buf.data[buf.len - 2], '7');
		expect_sane(&buf);
	}
	sl_buf_release(&buf);
}

Test(bytes, clear_empties_and_keeps_the_storage)
{
	struct sl_buf buf = { 0 };
	sl_buf_clear(&buf);
	expect_sane(&buf);
	sl_buf_add_str(&buf, "text");
	size_t cap = buf.cap;
	sl_buf_clear(&buf);
	cr_expect_eq(buf.len, 0);
	cr_expect_eq(buf.cap, cap);
	cr_expect_str_eq(buf.data, "");
	sl_buf_release(&buf);
}

Test(bytes, a_failed_reservation_sticks_until_clear)
{
	struct sl_buf buf = { 0 };
	sl_buf_add_str(&buf, "kept");
	cr_expect_not(sl_buf_reserve(&buf, SIZE_MAX));
	cr_expect(buf.failed);
	sl_buf_add_str(&buf, " dropped");
	sl_buf_printf(&buf, "%d", 1);
	cr_expect_str_eq(buf.data, "kept");
	expect_sane(&buf);
	sl_buf_clear(&buf);
	sl_buf_add_str(&buf, "again");
	cr_expect_not(buf.failed);
	cr_expect_str_eq(buf.data, "again");
	sl_buf_release(&buf);
}

Test(bytes, detach_hands_the_storage_over)
{
	struct sl_buf buf = { 0 };
	sl_buf_add_str(&buf, "mine");
	char *text = sl_buf_detach(&buf);
	cr_expect_str_eq(text, "mine");
	cr_expect_null(buf.data);
	expect_sane(&buf);
	free(text);
}

Test(bytes, detach_of_an_empty_buffer_is_an_empty_string)
{
	struct sl_buf buf = { 0 };
	char *text = sl_buf_detach(&buf);
	cr_assert_not_null(text);
	cr_expect_str_eq(text, "");
	free(text);
}

Test(bytes, detach_of_a_failed_buffer_is_null)
{
	struct sl_buf buf = { 0 };
	sl_buf_add_str(&buf, "text");
	cr_expect_not(sl_buf_reserve(&buf, SIZE_MAX));
	cr_expect_null(sl_buf_detach(&buf));
	cr_expect_null(buf.data);
}

Test(bytes, what_precedes_a_separator_is_taken_with_it)
{
	struct sl_span rest = sl_span_str("ab,,c"), part = { 0 }, none = { 0 };
	cr_assert(sl_span_take_until(&rest, ',', &part));
	cr_expect(sl_span_is(part, "ab") && sl_span_is(rest, ",c"));
	cr_assert(sl_span_take_until(&rest, ',', &part));
	cr_expect(sl_span_is(part, "") && sl_span_is(rest, "c"));
	cr_expect_not(sl_span_take_until(&rest, ',', &part));
	cr_expect(sl_span_is(part, "") && sl_span_is(rest, "c"));
	cr_expect_not(sl_span_take_until(&none, ',', &part));
}

Test(bytes, adds_numbers_in_decimal)
{
	static const uint64_t values[] = { 0, 9, 10, 4294967296, UINT64_MAX - 1, UINT64_MAX };
	struct sl_buf buf = { 0 }, want = { 0 };
	for (size_t i = 0; i < SL_COUNT_OF(values); i++) {
		sl_buf_add_u64(&buf, values[i]);
		sl_buf_printf(&want, "%llu", (unsigned long long)values[i]);
	}
	cr_expect(sl_span_equal(sl_buf_span(&buf), sl_buf_span(&want)));
	sl_buf_release(&buf);
	sl_buf_release(&want);
}
