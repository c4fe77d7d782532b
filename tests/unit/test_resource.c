/* Size, validators and ranges as heads of responses have them. */
#include "sluice/http/resource.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW_S 1700000000
#define LM "Last-Modified: Tue, 14 Nov 2023 22:00:00 GMT\r\n"

static struct sl_head
head_of(const char *fields)
{
	struct sl_head head;
	struct sl_buf text = { 0 };
	size_t used = 0;
	sl_head_init(&head);
	sl_buf_printf(&text, "HTTP/1.1 206 Partial Content\r\n%s\r\n", fields);
	cr_assert_eq(sl_head_feed(&head, text.data, text.len, &used, NULL), SL_PARSE_DONE);
	sl_buf_release(&text);
	return head;
}

static struct sl_resource
resource_of(const char *fields, uint64_t length)
{
	struct sl_resource resource = { .length = length };
	struct sl_head head = head_of(fields);
	sl_resource_read(&resource, &head, NOW_S);
	sl_head_release(&head);
	return resource;
}

Test(resource, a_strong_etag_or_an_old_enough_time_is_a_validator)
{
	static const struct {
		const char *fields;
		const char *validator;
	} cases[] = {
		{ "ETag: \"a\"\r\n", "\"a\"" },
		{ "ETag: \"a\"\r\n" LM "Date: Tue, 14 Nov 2023 22:10:00 GMT\r\n", "\"a\"" },
		{ "ETag: W/\"a\"\r\n", NULL },
		{ "ETag: a\r\n", NULL },
		{ "ETag: \"a\r\n", NULL },
		{ "ETag: \"a\"b\"\r\n", NULL },
		{ "ETag: \"\"\r\n", "\"\"" },
		{ LM, NULL },
		{ LM "Date: Tue, 14 Nov 2023 22:00:59 GMT\r\n", NULL },
		{ LM "Date: Tue, 14 Nov 2023 22:01:00 GMT\r\n", "Tue, 14 Nov 2023 22:00:00 GMT" },
		{ "ETag: W/\"a\"\r\n" LM "Date: Tue, 14 Nov 2023 23:00:00 GMT\r\n",
			"Tue, 14 Nov 2023 22:00:00 GMT" },
		{ "Last-Modified: yesterday\r\nDate: Tue, 14 Nov 2023 23:00:00 GMT\r\n", NULL },
		{ "", NULL },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_resource resource = resource_of(cases[i].fields, 10);
		const char *got = sl_resource_validator(&resource);
		cr_expect(
			got == cases[i].validator ||
				(got && cases[i].validator && strcmp(got, cases[i].validator) == 0),
			"%s: %s", cases[i].fields, got ? got : "none");
	}
}

Test(resource, an_etag_that_is_too_long_is_none)
{
	struct sl_buf text = { 0 };
	sl_buf_add_str(&text, "ETag: \"");
	for (size_t i = 0; i < SL_ETAG_MAX - 1; i++)
		sl_buf_add_char(&text, 'x');
	sl_buf_add_str(&text, "\"\r\n");
	struct sl_resource resource = resource_of(text.data, 10);
	cr_expect_str_eq(resource.etag, "");
	sl_buf_release(&text);
}

Test(resource, versions_are_told_apart)
{
	static const char old[] = LM "Date: Tue, 14 Nov 2023 23:00:00 GMT\r\n";
	static const char newer[] = "Last-Modified: Tue, 14 Nov 2023 22:00:05 GMT\r\n"
				    "Date: Tue, 14 Nov 2023 23:00:00 GMT\r\n";
	static const struct {
		const char *a, *b;
		uint64_t a_length, b_length;
		enum sl_resource_match match;
	} cases[] = {
		{ "ETag: \"a\"\r\n", "ETag: \"a\"\r\n", 10, 10, SL_RESOURCE_SAME },
		{ "ETag: \"a\"\r\n", "ETag: \"a\"\r\n", 10, 11, SL_RESOURCE_OTHER },
		{ "ETag: \"a\"\r\n", "ETag: \"a\"\r\n", 10, SL_LENGTH_UNKNOWN, SL_RESOURCE_SAME },
		{ "ETag: \"a\"\r\n", "ETag: \"b\"\r\n", 10, 10, SL_RESOURCE_OTHER },
		{ "ETag: W/\"a\"\r\n", "ETag: W/\"a\"\r\n", 10, 10, SL_RESOURCE_UNDECIDED },
		{ "ETag: \"a\"\r\n", "", 10, 10, SL_RESOURCE_UNDECIDED },
		{ "", "", 10, 10, SL_RESOURCE_UNDECIDED },
		{ old, old, 10, 10, SL_RESOURCE_SAME },
		{ LM, LM, 10, 10, SL_RESOURCE_UNDECIDED },
		{ old, newer, 10, 10, SL_RESOURCE_OTHER },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_resource a = resource_of(cases[i].a, cases[i].a_length);
		struct sl_resource b = resource_of(cases[i].b, cases[i].b_length);
		cr_expect_eq(sl_resource_compare(&a, &b), cases[i].match, "case %zu", i);
		cr_expect_eq(sl_resource_compare(&b, &a), cases[i].match, "case %zu", i);
	}
	/* ETags that differ alone, as nodes of one service send them */
	struct sl_resource a = resource_of("ETag: \"a\"\r\n" LM, 10);
	struct sl_resource b = resource_of("ETag: \"b\"\r\n" LM, 10);
	cr_expect_eq(sl_resource_compare(&a, &b), SL_RESOURCE_UNDECIDED);
}

Test(resource, a_content_range_is_read_strictly)
{
	static const struct {
		const char *value;
		int code;
		uint64_t begin, end, total;
	} cases[] = {
		{ "bytes 0-4/10", 0, 0, 5, 10 },
		{ "bytes 5-9/10", 0, 5, 10, 10 },
		{ "Bytes 5-9/10", 0, 5, 10, 10 },
		{ "bytes 0-0/1", 0, 0, 1, 1 },
		{ "bytes 0-4/*", 0, 0, 5, SL_LENGTH_UNKNOWN },
		{ "bytes */10", 0, 0, 0, 10 },
		{ "bytes 9223372036854775806-9223372036854775806/9223372036854775807", 0,
			INT64_MAX - (uint64_t)1, INT64_MAX, INT64_MAX },
		{ "bytes 0-10/10", SL_E_PROTO, 0, 0, 0 },
		{ "bytes 5-4/10", SL_E_PROTO, 0, 0, 0 },
		{ "bytes */*", SL_E_PROTO, 0, 0, 0 },
		{ "bytes -4/10", SL_E_PROTO, 0, 0, 0 },
		{ "bytes 0-/10", SL_E_PROTO, 0, 0, 0 },
		{ "bytes 0-4", SL_E_PROTO, 0, 0, 0 },
		{ "bytes 0-4/", SL_E_PROTO, 0, 0, 0 },
		{ "bytes 0-4/10x", SL_E_PROTO, 0, 0, 0 },
		{ "bytes +0-4/10", SL_E_PROTO, 0, 0, 0 },
		{ "bytes=0-4/10", SL_E_PROTO, 0, 0, 0 },
		{ "items 0-4/10", SL_E_PROTO, 0, 0, 0 },
		{ "bytes 0-18446744073709551615/*", SL_E_PROTO, 0, 0, 0 },
		{ "bytes 0-99999999999999999999/*", SL_E_PROTO, 0, 0, 0 },
		{ "bytes", SL_E_PROTO, 0, 0, 0 },
		{ "", SL_E_PROTO, 0, 0, 0 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf field = { 0 };
		struct sl_content_range range;
		sl_buf_printf(&field, "Content-Range: %s\r\n", cases[i].value);
		struct sl_head head = head_of(field.data);
		cr_expect_eq(sl_content_range_read(&range, &head, NULL), cases[i].code, "'%s'",
			cases[i].value);
		if (!cases[i].code) {
			cr_expect_eq(range.begin, cases[i].begin);
			cr_expect_eq(range.end, cases[i].end);
			cr_expect_eq(range.total, cases[i].total);
		}
		sl_head_release(&head);
		sl_buf_release(&field);
	}
}

Test(resource, a_range_needs_one_content_range)
{
	struct sl_content_range range;
	struct sl_error err = { 0 };
	struct sl_head none = head_of("");
	struct sl_head two =
		head_of("Content-Range: bytes 0-4/10\r\nContent-Range: bytes 0-5/10\r\n");
	struct sl_head same =
		head_of("Content-Range: bytes 0-4/10\r\nContent-Range: bytes 0-4/10\r\n");
	cr_expect_eq(sl_content_range_read(&range, &none, &err), SL_E_PROTO);
	cr_expect_eq(sl_content_range_read(&range, &two, NULL), SL_E_PROTO);
	cr_expect_eq(sl_content_range_read(&range, &same, NULL), 0);
	cr_expect_neq(err.text[0], '\0');
	sl_head_release(&none);
	sl_head_release(&two);
	sl_head_release(&same);
}
