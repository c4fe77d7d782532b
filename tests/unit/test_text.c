#include "sluice/base/text.h"

#include <criterion/criterion.h>

static void
expect_safe(const char *in, size_t len, const char *want)
{
	struct sl_buf out = { 0 };
	sl_text_make_safe(&out, sl_span(in, len));
	cr_expect(sl_span_is(sl_buf_span(&out), want), "got '%s', want '%s'",
		out.data ? out.data : "", want);
	sl_buf_release(&out);
}

Test(text, shows_what_a_terminal_would_act_on)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "" },
		{ "plain text, 100 %\tand a tab", "plain text, 100 %\tand a tab" },
		{ "a\x1b[31mred", "a\\x1b[31mred" },
		{ "line\r\nnext", "line\\x0d\\x0anext" },
		{ "del\x7f", "del\\x7f" },
		{ "Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f" },
		{ "\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "c1 \xc2\x9b", "c1 \\xc2\\x9b" },
		{ "raw c1 \x9b", "raw c1 \\x9b" },
		{ "half \xe2\x82", "half \\xe2\\x82" },
		{ "overlong \xc0\xaf", "overlong \\xc0\\xaf" },
		{ "surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80" },
		{ "beyond \xf4\x90\x80\x80", "beyond \\xf4\\x90\\x80\\x80" },
		{ "exe.\xe2\x80\xaegpj", "exe.\\u{202E}gpj" },
		{ "\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c\xe2\x81\xa6",
			"\\u{200E}\\u{200F}\\u{61C}\\u{2066}" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_safe(cases[i].in, strlen(cases[i].in), cases[i].want);
	expect_safe("nul\0!", 5, "nul\\x00!");
}

static void
expect_short(const char *in, size_t most, const char *want)
{
	struct sl_buf out = { 0 };
	sl_text_shorten(&out, sl_span_str(in), most);
	cr_expect(sl_span_is(sl_buf_span(&out), want), "got '%s', want '%s'",
		out.data ? out.data : "", want);
	cr_expect_leq(out.len, most);
	sl_buf_release(&out);
}

Test(text, is_shortened_in_its_middle)
{
	expect_short("", 16, "");
	expect_short("exactly sixteen.", 16, "exactly sixteen.");
	expect_short("/a/directory/and/more/name.log", 16, "/a/d.../name.log");
	expect_short("/a/directory/and/more/name.log", 20, "/a/di...ore/name.log");
	/* characters stay whole at both cuts */
	expect_short("abc\u20acdefghijklmnop", 16, "abc...hijklmnop");
	expect_short("abcdefghijkl\u20acmnopqrst", 16, "abcd...mnopqrst");
}

Test(text, a_start_is_cut_between_characters)
{
	static const struct {
		const char *text;
		size_t most, len;
		const char *shown;
	} cases[] = {
		{ "", 0, 0, "" },
		{ "ab", 0, 0, "..." },
		{ "ab", 1, 1, "a..." },
		{ "ab", 2, 2, "ab" },
		{ "a\xd0\xb0\xd0\xb1", 3, 3, "a\xd0\xb0..." },
		{ "a\xd0\xb0\xd0\xb1", 4, 3, "a\xd0\xb0..." },
		{ "a\xd0\xb0\xd0\xb1", 5, 5, "a\xd0\xb0\xd0\xb1" },
		{ "\xf0\x9f\x98\x80x", 3, 0, "..." },
		{ "\xf0\x9f\x98\x80x", 4, 4, "\xf0\x9f\x98\x80..." },
		{ "\x1b[2Jx", 4, 4, "\\x1b[2J..." },
		{ "\x80\x80\x80\x80\x80\x80", 5, 2, "\\x80\\x80..." },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf out = { 0 };
		struct sl_span text = sl_span_str(cases[i].text);
		cr_expect_eq(sl_text_cut(text, cases[i].most), cases[i].len, "%zu", i);
		sl_buf_add_str(&out, "");
		sl_text_show(&out, text, cases[i].most);
		cr_expect_str_eq(out.data, cases[i].shown, "%zu", i);
		sl_buf_release(&out);
	}
}

Test(text, is_ascii_where_nothing_else_is_understood)
{
	struct sl_buf out = { 0 };
	sl_text_make_ascii(&out, sl_span("a\tb\x1b\xc3\xa9\x9b\x7f\\x", 10));
	cr_expect(
		sl_span_is(sl_buf_span(&out), "a\tb\\x1b\\xc3\\xa9\\x9b\\x7f\\x"), "%s", out.data);
	sl_buf_release(&out);
}

Test(text, every_byte_alone_is_made_printable)
{
	for (unsigned c = 0; c < 256; c++) {
		char byte = (char)c;
		struct sl_buf out = { 0 };
		sl_text_make_safe(&out, sl_span(&byte, 1));
		cr_assert(out.len == 1 || out.len == 4);
		for (size_t i = 0; i < out.len; i++)
			cr_assert(out.data[i] == '\t' || (out.data[i] >= ' ' && out.data[i] <= '~'),
				"byte %u", c);
		sl_buf_release(&out);
	}
}

/* An encoder is a simple oracle: every code point it writes must come back, with the length it
 * has. */
static size_t
encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)((0xf00u >> len & 0xf0) | code);
	return len;
}

Test(text, utf8_decodes_every_code_point)
{
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char bytes[4];
		size_t len = encode(code, bytes);
		uint32_t got = 0;
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		cr_assert_eq(sl_text_utf8(sl_span(bytes, len), &got), surrogate ? 0 : len, "U+%04X",
			code);
		if (!surrogate)
			cr_assert_eq(got, code);
		if (len > 1)
			cr_assert_eq(
				sl_text_utf8(sl_span(bytes, len - 1), &got), 0, "U+%04X cut", code);
	}
}

Test(text, utf8_of_nothing_is_nothing)
{
	uint32_t code = 0;
	cr_expect_eq(sl_text_utf8(sl_span("", 0), &code), 0);
	cr_expect_eq(sl_text_utf8(sl_span(NULL, 0), &code), 0);
}

Test(text, width_counts_terminal_columns)
{
	static const struct {
		const char *in;
		size_t want;
	} cases[] = {
		{ "", 0 }, { "abc", 3 }, { "Gr\xc3\xbc\xc3\x9f", 4 },
		{ "e\xcc\x81", 1 },                /* e and a combining acute */
		{ "\xe6\x97\xa5\xe6\x9c\xac", 4 }, /* two ideographs */
		{ "\xf0\x9f\x98\x80", 2 },         /* an emoji */
		{ "\xef\xbc\xa1", 2 },             /* fullwidth A */
		{ "a\xe2\x80\x8b"
		  "b",
			2 }, /* zero width space */
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq(sl_text_width(sl_span_str(cases[i].in)), cases[i].want, "case %zu", i);
}

/* ---- hexadecimal and base64 ---- */

Test(text, hexadecimal_has_two_digits_for_a_byte)
{
	char out[] = "xxxxxxxxx";
	sl_text_write_hex(out, "\x00\x7f\xa0\xff", 4);
	cr_expect_str_eq(out, "007fa0ff");
	sl_text_write_hex(out, "", 0);
	cr_expect_str_eq(out, "");
}

Test(text, base64_is_decoded_with_or_without_its_padding)
{
	static const struct {
		const char *text, *want; /* NULL = refused */
	} cases[] = {
		{ "", "" }, { "Zg==", "f" }, { "Zg", "f" }, { "Zm8=", "fo" }, { "Zm8", "fo" },
		{ "Zm9v", "foo" }, { "Zm9vYg==", "foob" }, { "Zm9vYmFy", "foobar" },
		{ "+/+/", "\xfb\xff\xbf" },
		{ "Zh==", "f" }, /* bits of the padding that are not zero */
		{ "Z", NULL }, { "=", NULL }, { "====", NULL }, { "Z===", NULL }, { "Zg=", NULL },
		{ "Zg==Zg==", NULL }, { "Zg=a", NULL }, { "Zm9v=", NULL }, { "Zm 9v", NULL },
		{ "Zm-_", NULL }, { "Zm9vYmFyZm9v", NULL }, /* more than there is room for */
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		unsigned char out[8] = "";
		size_t len = 0;
		bool good = sl_text_read_base64(sl_span_str(cases[i].text), out, 8, &len);
		cr_expect_eq(good, cases[i].want != NULL, "'%s'", cases[i].text);
		if (good)
			cr_expect(sl_span_is(sl_span((const char *)out, len), cases[i].want),
				"'%s'", cases[i].text);
	}
}

Test(text, base64_decodes_what_it_encodes)
{
	unsigned char data[64], out[64];
	for (size_t len = 0; len <= sizeof(data); len++) {
		struct sl_buf text = { 0 };
		size_t out_len = 99;
		for (size_t i = 0; i < len; i++)
			data[i] = (unsigned char)(i * 37 + len);
		sl_text_add_base64(&text, sl_span((const char *)data, len));
		cr_expect(sl_text_read_base64(sl_buf_span(&text), out, len, &out_len));
		cr_expect(out_len == len && memcmp(data, out, len) == 0);
		cr_expect_not(
			len > 0 && sl_text_read_base64(sl_buf_span(&text), out, len - 1, &out_len));
		sl_buf_release(&text);
	}
}

Test(text, plain_and_utf8_find_each_byte_at_each_place)
{
	for (unsigned c = 0; c < 256; c++) {
		bool is_plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
		for (size_t at = 0; at < 40; at++) {
			char text[40];
			memset(text, 'x', sizeof(text));
			text[at] = (char)c;
			struct sl_span all = sl_span(text, sizeof(text));
			cr_expect_eq(sl_text_plain(all), is_plain ? sizeof(text) : at,
				"byte %u at %zu", c, at);
			cr_expect_eq(sl_text_plain(sl_span(text, at)), at);
			cr_expect_eq(sl_text_is_utf8(all), c < 0x80, "byte %u at %zu", c, at);
		}
	}
}
