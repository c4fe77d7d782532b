#include "sluice/ui/json.h"

#include <criterion/criterion.h>

static void
expect_text(struct sl_buf *out, const char *want)
{
	cr_expect(sl_span_is(sl_buf_span(out), want), "got  %s\nwant %s", out->data, want);
	sl_buf_release(out);
}

static void
expect_string(const char *data, size_t len, const char *want)
{
	struct sl_buf out = { 0 };
	struct sl_json json;
	sl_json_begin(&json, &out);
	sl_json_string(&json, "s", sl_span(data, len));
	sl_json_end_line(&json);
	expect_text(&out, want);
}

#define EXPECT_STRING(literal, want) \
	expect_string(literal, sizeof(literal) - 1, "{\"s\":\"" want "\"}\n")

Test(json, escapes_what_must_not_stand_in_a_string)
{
	EXPECT_STRING("plain", "plain");
	EXPECT_STRING("", "");
	EXPECT_STRING("\"\\/", "\\\"\\\\/");
	EXPECT_STRING("\b\t\n\f\r", "\\b\\t\\n\\f\\r");
	EXPECT_STRING("\0\x01\x1b\x7f", "\\u0000\\u0001\\u001b\\u007f");
	EXPECT_STRING("\xc2\x9b", "\\u009b");
	EXPECT_STRING("\u2028\u2029", "\\u2028\\u2029");
	EXPECT_STRING("exe.\u202egpj\u2066\u061c", "exe.\\u202egpj\\u2066\\u061c");
	EXPECT_STRING("\u65e5 \U0001f600", "\u65e5 \U0001f600");
}

Test(json, replaces_bytes_that_are_not_utf8_one_by_one)
{
	EXPECT_STRING("a\xff\xfe", "a\xef\xbf\xbd\xef\xbf\xbd");
	EXPECT_STRING("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
	EXPECT_STRING("\xed\xa0\x80x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx");
	EXPECT_STRING("cut \xe6\x97", "cut \xef\xbf\xbd\xef\xbf\xbd");
}

Test(json, data_in_pieces_is_as_in_one)
{
	struct sl_buf out = { 0 };
	struct sl_json json;
	sl_json_begin(&json, &out);
	sl_json_begin_data(&json, "a", true);
	sl_json_add_data(&json, true, sl_span("x\n", 2));
	sl_json_add_data(&json, true, sl_span("\xc3\xa9\"", 3));
	sl_json_end_data(&json);
	sl_json_begin_data(&json, "b", false);
	sl_json_add_data(&json, false, sl_span("ab\xff", 3));
	sl_json_add_data(&json, false, sl_span("z", 1));
	sl_json_end_data(&json);
	sl_json_end_line(&json);
	expect_text(
		&out, "{\"a\":{\"text\":\"x\\n\xc3\xa9\\\"\"},\"b\":{\"bytes\":\"YWL/eg==\"}}\n");
}

Test(json, writes_bytes_as_base64_where_text_would_lose_them)
{
	static const struct {
		const char *data;
		size_t len;
		const char *want;
	} cases[] = {
		{ "text\n", 5, "{\"text\":\"text\\n\"}" },
		{ "", 0, "{\"text\":\"\"}" },
		{ "\xff", 1, "{\"bytes\":\"/w==\"}" },
		{ "\xff\xfe", 2, "{\"bytes\":\"//4=\"}" },
		{ "\xff\xfe\x00", 3, "{\"bytes\":\"//4A\"}" },
		{ "ab\xffz", 4, "{\"bytes\":\"YWL/eg==\"}" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf out = { 0 }, want = { 0 };
		struct sl_json json;
		sl_json_begin(&json, &out);
		sl_json_text_or_bytes(&json, "path", sl_span(cases[i].data, cases[i].len));
		sl_json_end_line(&json);
		sl_buf_printf(&want, "{\"path\":%s}\n", cases[i].want);
		expect_text(&out, want.data);
		sl_buf_release(&want);
	}
}

Test(json, names_of_files_are_strings_or_bytes)
{
	struct sl_buf out = { 0 };
	struct sl_json json;
	sl_json_begin(&json, &out);
	sl_json_string_or_bytes(&json, "a", sl_span_str("caf\xc3\xa9"));
	sl_json_string_or_bytes(&json, "b", sl_span_str("caf\xe9"));
	sl_json_end_line(&json);
	expect_text(&out, "{\"a\":\"caf\xc3\xa9\",\"b\":{\"bytes\":\"Y2Fm6Q==\"}}\n");
}

Test(json, nests_objects_and_arrays_with_commas_where_they_belong)
{
	struct sl_buf out = { 0 };
	struct sl_json json;
	sl_json_begin(&json, &out);
	sl_json_u64(&json, "a", UINT64_MAX);
	sl_json_u64(&json, "b", 0);
	sl_json_open(&json, "c", SL_JSON_ARRAY);
	sl_json_u64(&json, NULL, 1);
	sl_json_open(&json, NULL, SL_JSON_OBJECT);
	sl_json_bool(&json, "t", true);
	sl_json_bool(&json, "f", false);
	sl_json_close(&json);
	sl_json_open(&json, NULL, SL_JSON_ARRAY);
	sl_json_close(&json);
	sl_json_close(&json);
	sl_json_null(&json, "n");
	sl_json_u64_or_null(&json, "x", UINT64_MAX);
	sl_json_u64_or_null(&json, "y", 7);
	sl_json_open(&json, "d", SL_JSON_OBJECT);
	sl_json_seconds(&json, "s", 1500000001);
	sl_json_end_line(&json);
	expect_text(&out, "{\"a\":18446744073709551615,\"b\":0,"
			  "\"c\":[1,{\"t\":true,\"f\":false},[]],\"n\":null,\"x\":null,\"y\":7,"
			  "\"d\":{\"s\":1.500000001}}\n");
}

Test(json, appends_lines_to_what_is_there)
{
	struct sl_buf out = { 0 };
	struct sl_json json;
	for (int i = 0; i < 2; i++) {
		sl_json_begin(&json, &out);
		sl_json_end_line(&json);
	}
	expect_text(&out, "{}\n{}\n");
}
