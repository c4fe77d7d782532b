/*
 * Header fields as users write them, and what a request makes of them.
 */
#include "sluice/http/user_field.h"
#include "support/guard.h"

#include <criterion/criterion.h>

/* "name|value", "name|-" for one that is left out, or the message. */
static struct sl_buf
parsed(struct sl_span text)
{
	struct sl_http_header field;
	struct sl_error err = { 0 };
	struct sl_buf out = { 0 };
	struct guard guard;
	guard_init(&guard, SL_MAX(text.len, (size_t)1));
	text.data = guard_place(&guard, text.data, text.len);
	if (sl_user_field_parse(&field, text, &err) == 0) {
		sl_buf_add_span(&out, field.name);
		sl_buf_add_char(&out, '|');
		sl_buf_add_span(&out, field.value.data ? field.value : sl_span_str("-"));
	} else {
		cr_expect_eq(err.code, SL_E_USAGE);
		sl_buf_add_str(&out, err.text);
	}
	guard_release(&guard);
	return out;
}

static void
check_span(struct sl_span text, const char *want)
{
	struct sl_buf got = parsed(text);
	cr_expect(strstr(got.data, want) == got.data, "%.*s: '%s', not '%s'", (int)text.len,
		text.data, got.data, want);
	cr_expect(!strstr(got.data, "s3cret"), "%s", got.data);
	sl_buf_release(&got);
}

static void
check(const char *text, const char *want)
{
	check_span(sl_span_str(text), want);
}

Test(user_field, is_set_left_out_or_empty)
{
	check("X-A: b", "X-A|b");
	check("X-A:b", "X-A|b");
	check("X-A: \t b c: d; \t", "X-A|b c: d;");
	check("X-A:", "X-A|-");
	check("X-A: \t ", "X-A|-");
	check("X-A;", "X-A|");
	check("X-A; ", "X-A|");
	check("Accept:", "Accept|-");
	check("Host: a:8080", "Host|a:8080");
}

Test(user_field, other_texts_are_refused_and_not_shown)
{
	const char *forms = "a header field is written as";
	check("", forms);
	check(":", forms);
	check(";", forms);
	check("s3cret", forms);
	check("X-A s3cret", forms);
	check("X-A; s3cret", forms);
	check("Authorization Basic s3cret:", forms);
	check(" X-A: s3cret", forms);
	check("X-A : s3cret", forms);
	check("@s3cret", forms);
	check("X-\xc3\xa4: s3cret", forms);
	check("X-A\r\nX-B: s3cret", forms);
}

/* CVE-2016-5699, CVE-2019-9947 and their like: a field does not become two. */
Test(user_field, a_value_cannot_end_its_line)
{
	const char *why = "cannot send header 'X-A': its value contains a line break or another";
	check("X-A: s3cret\r\nX-B: c", why);
	check("X-A: s3cret\nX-B: c", why);
	check("X-A: s3cret\rX-B: c", why);
	check("X-A: s3cret\x1b", why);
	check("X-A: s3cret\x7f", why);
	check("X-A: \n", why);
	check_span(sl_span("X-A: s3cret\0b", 13), why);
}

Test(user_field, what_frames_the_message_is_refused)
{
	static const char *const names[] = { "Content-Length", "transfer-encoding", "CONNECTION",
		"TE", "Upgrade", "Expect", "Trailer", "Keep-Alive", "Proxy-Connection" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		struct sl_buf text = { 0 }, want = { 0 };
		sl_buf_printf(&want, "cannot send header '%s': sluice sets it itself", names[i]);
		for (unsigned form = 0; form < 3; form++) {
			sl_buf_clear(&text);
			sl_buf_printf(&text, "%s%s", names[i],
				form == 0   ? ": s3cret"
				: form == 1 ? ":"
					    : ";");
			check(text.data, want.data);
		}
		sl_buf_release(&text);
		sl_buf_release(&want);
	}
	check("Host:", "cannot send header 'Host': its value is not a host name");
	check("Host;", "cannot send header 'Host': its value is not a host name");
}

Test(user_field, each_part_of_a_text_has_one_meaning)
{
	const char *text = "X-Name: a value; b";
	for (size_t len = 0; len <= strlen(text); len++)
		check_span(sl_span(text, len), len < 7    ? "a header field is written as"
					       : len <= 8 ? "X-Name|-"
							  : "X-Name|a");
}

Test(user_field, a_request_has_what_is_left)
{
	static const char *const texts[] = { "Accept:", "User-Agent:", "Accept-Encoding;", "X-A: b",
		"X-B:" };
	struct sl_http_header fields[SL_COUNT_OF(texts)];
	struct sl_error err = { 0 };
	struct sl_buf out = { 0 };
	struct sl_url url;
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++)
		cr_assert_eq(sl_user_field_parse(&fields[i], sl_span_str(texts[i]), &err), 0);
	cr_assert_eq(sl_url_parse(&url, sl_span_str("http://h/p"), &err), 0);
	const struct sl_request request = { .method = "GET",
		.url = &url,
		.user_agent = "sluice",
		.headers = fields,
		.header_count = SL_COUNT_OF(fields) };
	cr_assert_eq(sl_request_format(&out, &request, &err), 0);
	cr_expect_str_eq(
		out.data, "GET /p HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \r\nX-A: b\r\n\r\n");
	sl_buf_release(&out);
	sl_url_release(&url);
}

#define FIELD(name, value) \
	{ \
		{ name, sizeof(name) - 1 }, \
		{ \
			value, sizeof(value) - 1 \
		} \
	}

/* "Name=value" of each field that is chosen, and what was withheld. */
static void
expect_choice(bool is_typed, bool has_left, bool has_strayed, const char *want)
{
	static const struct sl_http_header own[] = { FIELD("X-A", "1"), FIELD("X-B", "2"),
		FIELD("Accept", "own") };
	static const struct sl_http_header given[] = { FIELD("x-b", "3"), FIELD("X-C", "4"),
		FIELD("X-C", "5"), FIELD("accept", "6"), FIELD("Pragma", "7"),
		{ { "Accept-Encoding", 15 }, { 0 } } };
	struct sl_http_header out[SL_COUNT_OF(own) + SL_COUNT_OF(given)];
	struct sl_url typed, url;
	struct sl_span withheld;
	struct sl_buf got = { 0 };
	cr_assert_eq(sl_url_parse(&typed, sl_span_str("https://typed/"), NULL), 0);
	cr_assert_eq(sl_url_parse(&url,
			     sl_span_str(is_typed ? "https://typed/x" : "https://list/x"), NULL),
		0);
	const struct sl_scope scope = { .has_left = has_left, .has_strayed = has_strayed };
	const struct sl_scope_origins origins = { .typed = &typed, .typed_count = 1 };
	const struct sl_user_field_choice choice = { .own = { own, SL_COUNT_OF(own) },
		.given = { given, SL_COUNT_OF(given) },
		.scope = &scope,
		.origins = &origins,
		.url = &url };
	size_t count = sl_user_fields_choose(out, &choice, &withheld);
	for (size_t i = 0; i < count; i++)
		sl_buf_printf(&got, "%.*s=%.*s ", (int)out[i].name.len, out[i].name.data,
			(int)out[i].value.len, out[i].value.data ? out[i].value.data : "");
	sl_buf_printf(&got, "not %.*s", (int)withheld.len, withheld.data ? withheld.data : "");
	cr_expect_str_eq(got.data, want);
	sl_buf_release(&got);
	sl_url_release(&typed);
	sl_url_release(&url);
}

Test(user_field, fields_go_where_they_are_for)
{
	expect_choice(true, false, false,
		"X-A=1 X-B=2 Accept=own X-C=4 X-C=5 Pragma=7 Accept-Encoding= not ");
	expect_choice(
		false, false, false, "X-A=1 X-B=2 Accept=own Pragma=7 Accept-Encoding= not X-C");
	expect_choice(true, true, true, "Accept=own Pragma=7 Accept-Encoding= not X-C");
}
