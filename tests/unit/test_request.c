#include "sluice/http/request.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct sl_error last;

static struct sl_http_header
header(const char *name, const char *value)
{
	return (struct sl_http_header){ sl_span_str(name), sl_span_str(value) };
}

static int
format(struct sl_buf *out, const char *url_text, struct sl_request request)
{
	struct sl_url url;
	sl_error_clear(&last);
	cr_assert_eq(sl_url_parse(&url, sl_span_str(url_text), &last), 0, "%s", last.text);
	request.url = &url;
	request.method = request.method ? request.method : "GET";
	request.user_agent = "sluice/1";
	int code = sl_request_format(out, &request, &last);
	sl_url_release(&url);
	return code;
}

static void
expect_format(const char *url, struct sl_request request, const char *wanted)
{
	struct sl_buf out = { 0 };
	cr_expect_eq(format(&out, url, request), 0, "%s", last.text);
	cr_expect_str_eq(out.data, wanted, "%s", out.data);
	sl_buf_release(&out);
}

#define OWN "User-Agent: sluice/1\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"

Test(http_request, writes_its_own_headers)
{
	expect_format("http://example.com/a?b", (struct sl_request){ 0 },
		"GET /a?b HTTP/1.1\r\nHost: example.com\r\n" OWN "\r\n");
	expect_format("https://example.com:8443", (struct sl_request){ .method = "HEAD" },
		"HEAD / HTTP/1.1\r\nHost: example.com:8443\r\n" OWN "\r\n");
	expect_format("https://[::1]:443/", (struct sl_request){ 0 },
		"GET / HTTP/1.1\r\nHost: [::1]\r\n" OWN "\r\n");
	expect_format("http://[::1]:81/", (struct sl_request){ 0 },
		"GET / HTTP/1.1\r\nHost: [::1]:81\r\n" OWN "\r\n");
}

/* RFC 9112 3.2.2; the proxy's user is not the origin's, nor the other way round. */
Test(http_request, to_a_proxy_has_the_whole_url_and_its_user)
{
	expect_format("http://user:secret@h/a?b", (struct sl_request){ .is_absolute = true },
		"GET http://h/a?b HTTP/1.1\r\nHost: h\r\n" OWN "\r\n");
	expect_format("http://[::1]:81", (struct sl_request){ .is_absolute = true },
		"GET http://[::1]:81/ HTTP/1.1\r\nHost: [::1]:81\r\n" OWN "\r\n");
	expect_format("http://h/",
		(struct sl_request){
			.is_absolute = true, .proxy_authorization = "Basic dXNlcjpzZWNyZXQ=" },
		"GET http://h/ HTTP/1.1\r\nHost: h\r\n"
		"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" OWN "\r\n");
}

/* CVE-2003-1605, CVE-2015-3153 */
Test(http_request, has_no_header_for_a_proxy_from_the_user)
{
	struct sl_http_header set = header("proxy-authorization", "Basic eHl6");
	cr_expect_eq(sl_request_check_header(&set, &last), SL_E_USAGE);
	cr_expect(strstr(last.text, "--proxy-user"), "%s", last.text);
	cr_expect_not(strstr(last.text, "eHl6"), "%s", last.text);
	sl_error_clear(&last);
}

Test(http_request, sends_credentials_only_when_given_apart_from_the_url)
{
	expect_format("http://user:secret@h/", (struct sl_request){ 0 },
		"GET / HTTP/1.1\r\nHost: h\r\n" OWN "\r\n");
	expect_format("http://user:secret@h/", (struct sl_request){ .authorization = "Bearer x" },
		"GET / HTTP/1.1\r\nHost: h\r\n" OWN "Authorization: Bearer x\r\n\r\n");
}

/* RFC 7617 2 and 2.1 */
Test(http_request, basic_credentials_are_base64)
{
	static const struct {
		const char *user, *password, *want;
	} rows[] = { { "Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "test", "123\xc2\xa3", "Basic dGVzdDoxMjPCow==" }, { "", "", "Basic Og==" },
		{ "ab", "", "Basic YWI6" } };
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_buf value = { 0 };
		cr_expect_eq(sl_request_add_basic(&value, rows[i].user, rows[i].password), 0);
		cr_expect_str_eq(value.data, rows[i].want);
		sl_buf_release(&value);
	}
}

Test(http_request, lets_the_user_replace_headers)
{
	struct sl_http_header headers[] = { header("user-agent", " mine "),
		header("HOST", "other:1"), header("authorization", "Bearer x"), header("X-A", ""),
		header("X-A", "\xc3\xa4\tb") };
	expect_format("http://h/",
		(struct sl_request){ .headers = headers,
			.header_count = SL_COUNT_OF(headers),
			.authorization = "Basic dTpw" },
		"GET / HTTP/1.1\r\nAccept: */*\r\nAccept-Encoding: identity\r\nuser-agent: "
		"mine\r\nHOST: other:1\r\n"
		"authorization: Bearer x\r\nX-A: \r\nX-A: \xc3\xa4\tb\r\n\r\n");
}

Test(http_request, fields_of_the_client_replace_those_of_the_user)
{
	struct sl_http_header headers[] = { header("X-AMZ-date", "old"), header("X-B", "b") };
	struct sl_http_header fields[] = { header("x-amz-date", "new"), header("x-c", "c") };
	expect_format("http://h/",
		(struct sl_request){ .headers = headers,
			.header_count = SL_COUNT_OF(headers),
			.fields = fields,
			.field_count = SL_COUNT_OF(fields) },
		"GET / HTTP/1.1\r\nHost: h\r\n" OWN "X-B: b\r\nx-amz-date: new\r\nx-c: c\r\n\r\n");
}

/* CVE-2012-0036, CVE-2014-8150. */
Test(http_request, refuses_headers_that_inject_or_change_the_framing)
{
	static const struct {
		const char *name;
		struct sl_span value;
	} cases[] = {
#define VALUE(text) { text, sizeof(text) - 1 }
		{ "X", VALUE("a\r\nEvil: b") },
		{ "X", VALUE("a\nb") },
		{ "X", VALUE("a\rb") },
		{ "X", VALUE("a\0b") },
		{ "X", VALUE("a\x1b") },
		{ "X", VALUE("a\x7f") },
		{ "", VALUE("a") },
		{ "X Y", VALUE("a") },
		{ "X:", VALUE("a") },
		{ "X\r\n", VALUE("a") },
		{ "\xc3\xa4", VALUE("a") },
		{ "Host", VALUE("a\r\nb") },
		{ "Host", VALUE("a b") },
		{ "Host", VALUE(" ") },
		{ "Content-Length", VALUE("5") },
		{ "content-length", VALUE("0") },
		{ "Transfer-Encoding", VALUE("chunked") },
		{ "Connection", VALUE("close") },
		{ "Expect", VALUE("100-continue") },
		{ "Upgrade", VALUE("h2c") },
#undef VALUE
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_http_header bad = { sl_span_str(cases[i].name), cases[i].value };
		struct sl_buf out = { 0 };
		sl_buf_add_str(&out, "before");
		int code = format(&out, "http://h/",
			(struct sl_request){ .headers = &bad, .header_count = 1 });
		cr_expect_eq(code, SL_E_USAGE, "case %zu", i);
		cr_expect_str_eq(out.data, "before");
		cr_expect(strstr(last.text, "cannot send header"), "%s", last.text);
		cr_expect_null(strchr(last.text, '\n'));
		sl_buf_release(&out);
	}
}

/* CVE-2017-6508, CVE-2019-3462. */
Test(http_request, checks_targets_again_after_decoding)
{
	static const char *const cases[] = { "/a b", "/a\r\nX: y", "/a\tb", "/\xc3\xa4", "/\x7f",
		"" };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		char target[16], host[] = "h";
		struct sl_buf out = { 0 };
		snprintf(target, sizeof(target), "%s", cases[i]);
		struct sl_url url = { .host = host, .port = 80, .target = target };
		struct sl_request request = { .method = "GET", .url = &url, .user_agent = "x" };
		cr_expect_eq(sl_request_format(&out, &request, NULL), SL_E_USAGE, "%s", cases[i]);
		cr_expect_eq(out.len, 0);
		url.target = host;
		url.host = target;
		cr_expect_eq(sl_request_format(&out, &request, NULL), SL_E_USAGE, "%s", cases[i]);
		sl_buf_release(&out);
	}
}
