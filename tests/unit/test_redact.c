#include "sluice/base/redact.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void
expect_redacted(const char *in, const char *want)
{
	struct sl_buf out = { 0 };
	sl_redact(&out, sl_span_str(in));
	cr_expect(sl_span_is(sl_buf_span(&out), want), "'%s': got '%s', want '%s'", in,
		out.data ? out.data : "", want);
	sl_buf_release(&out);
}

Test(redact, masks_userinfo_of_urls)
{
	expect_redacted("https://u:p@host/path", "https://***@host/path");
	expect_redacted("https://u@host", "https://***@host");
	expect_redacted("ftp://u:p@a@host/", "ftp://***@host/");
	expect_redacted("https://host/@file", "https://host/@file");
	expect_redacted("https://host?q=a@b", "https://host?q=a@b");
	expect_redacted("https://host#a@b", "https://host#a@b");
	expect_redacted("see http://a:b@c and http://d:e@f.", "see http://***@c and http://***@f.");
	expect_redacted("mail to someone@example.org", "mail to someone@example.org");
}

Test(redact, masks_userinfo_behind_a_misspelt_or_missing_scheme)
{
	expect_redacted("https//u:p@host/x", "https//***@host/x");
	expect_redacted("'https://https//u:p@host/x'", "'https://https//***@host/x'");
	expect_redacted("http;//u:p@host/?token=a", "http;//***@host/?token=***");
	expect_redacted("//u:p@host/x", "//***@host/x");
	expect_redacted("http:///u:p@host", "http:///***@host");
	expect_redacted("https://h/?next=//u:p@host/&a=1", "https://h/?next=//***@host/&a=1");
	expect_redacted("cannot open 'a//b': no file c@d", "cannot open 'a//b': no file c@d");
}

Test(redact, masks_secret_query_parameters)
{
	expect_redacted("https://h/f?token=abc&x=1", "https://h/f?token=***&x=1");
	expect_redacted(
		"https://h/f?x=1&X-Amz-Signature=abc", "https://h/f?x=1&X-Amz-Signature=***");
	expect_redacted("https://h/f?sig=a%2Fb#part", "https://h/f?sig=***#part");
	expect_redacted("https://h/f;jsessionid=77?x=1", "https://h/f;jsessionid=***");
	expect_redacted("'https://h/?password=a b'", "'https://h/?password=*** b'");
	expect_redacted("\"https://h/?API_KEY=a\" failed", "\"https://h/?API_KEY=***\" failed");
	expect_redacted("https://h/#access_token=abc", "https://h/#access_token=***");
	expect_redacted("https://h/?user[password]=x&a=b", "https://h/?user[password]=***&a=b");
	expect_redacted("https://h/?design=1&monkey=2", "https://h/?design=1&monkey=2");
	expect_redacted("https://h/?key=1&sig=2&keys=3", "https://h/?key=***&sig=***&keys=3");
	expect_redacted("https://h/?token=", "https://h/?token=***");
	expect_redacted("https://h/?pw=a&pwr=b", "https://h/?pw=***&pwr=b");
}

/* Of signed URLs and tokens: AWS, Google, Azure, CloudFront, Akamai, GitLab, OAuth and others. */
Test(redact, masks_the_parameters_that_services_use_for_secrets)
{
	static const char *const names[] = { "X-Amz-Signature", "X-Amz-Credential",
		"X-Amz-Security-Token", "AWSAccessKeyId", "Signature", "X-Goog-Signature",
		"X-Goog-Credential", "sig", "Policy", "hdnts", "token", "access_token", "id_token",
		"refresh_token", "private_token", "auth_token", "key", "api_key", "apikey",
		"x-api-key", "subscription-key", "password", "passwd", "passphrase", "pass", "pwd",
		"secret", "client_secret", "code", "jwt", "bearer", "oauth_signature", "hmac",
		"sessionid", "ticket" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		char in[100], want[100];
		snprintf(in, sizeof(in), "'https://h/f?a=b&%s=Q-%%2b~_3&c=d'", names[i]);
		snprintf(want, sizeof(want), "'https://h/f?a=b&%s=***&c=d'", names[i]);
		expect_redacted(in, want);
	}
}

Test(redact, masks_header_lines_that_carry_credentials)
{
	expect_redacted("Authorization: Basic dTpw", "Authorization: ***");
	expect_redacted("> Cookie: a=b; c=d\r\n> Accept: */*", "> Cookie: ***\r\n> Accept: */*");
	expect_redacted("set-cookie:x=y", "set-cookie: ***");
	expect_redacted("Proxy-Authorization: Bearer t", "Proxy-Authorization: ***");
	expect_redacted("X-Api-Key: 1\nX-Auth-Token: 2", "X-Api-Key: ***\nX-Auth-Token: ***");
	expect_redacted("Content-Type: text/plain", "Content-Type: text/plain");
}

/* What is legal in a URL does not end the value. */
Test(redact, masks_all_of_a_value)
{
	expect_redacted("http://h/x?token=ab'sEcR3t", "http://h/x?token=***");
	expect_redacted("cannot fetch 'http://h/x?token=ab'sEc': refused",
		"cannot fetch 'http://h/x?token=***': refused");
	expect_redacted("'http://h/?token=a', 'http://h/?token=b'.",
		"'http://h/?token=***', 'http://h/?token=***'.");
	expect_redacted("'http://us'er:p'w@h/x'", "'http://***@h/x'");
	expect_redacted("http://h/?%74oken=a&%2574oken=b", "http://h/?%74oken=***&%2574oken=b");
	expect_redacted("http://h/?next=https%3A%2F%2Fu%3Ap%40h%2F&a=1", "http://h/?next=***&a=1");
	expect_redacted("http://h/?next=https%3a%2f%2Fh%2f%3Ftoken%3Dx", "http://h/?next=***");
	expect_redacted("http://h/?next=https%3A%2F%2Fh%2F", "http://h/?next=https%3A%2F%2Fh%2F");
	expect_redacted("http://h/?next=https%3a%2f%2fu%3ap@h%2f", "http://h/?next=***");
	expect_redacted("http://h/?next=https:%2F%2Fu:p@h", "http://h/?next=***");
	expect_redacted("http://h/?next=https%3A/%2fh?%74oken%3Dx", "http://h/?next=***");
	expect_redacted("http://h/?next=::%3a//u@h", "http://h/?next=***");
}

Test(redact, takes_no_host_path_or_file_for_a_header)
{
	static const char *const texts[] = {
		"cannot fetch 'http://auth.localhost:1/x': connection refused",
		"http://token:80/",
		"http://[::1]:80/author:x",
		"cannot open 'nope/token: a.log': no such file",
		"cannot connect to 'auth.example:443'",
		"cannot open 'session:1.log': no such file",
		"cannot open 'logs/code=404/token=1.log': no such file",
	};
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++)
		expect_redacted(texts[i], texts[i]);
}

Test(redact, leaves_other_text_as_it_is)
{
	expect_redacted("", "");
	expect_redacted("cannot write 'a.part': no space left on device",
		"cannot write 'a.part': no space left on device");
	expect_redacted("the token is gone", "the token is gone");
	expect_redacted("https://example.org/secret/password/token",
		"https://example.org/secret/password/token");
	expect_redacted("token://host", "token://host");
}

/* Text arrives cut anywhere: no prefix of it may show what the whole hides. */
Test(redact, shows_no_secret_for_any_prefix_of_a_query)
{
	static const char text[] = "GET https://h/f?a=1&token=SECRET&b=2 Authorization: SECRET";
	for (size_t len = 0; len < sizeof(text); len++) {
		struct sl_buf out = { 0 };
		sl_redact(&out, sl_span(text, len));
		cr_expect(
			!out.data || !strchr(out.data, 'S'), "prefix of %zu: '%s'", len, out.data);
		sl_buf_release(&out);
	}
}

static void
expect_document(const char *in, const char *want)
{
	struct sl_buf out = { 0 };
	sl_redact_document(&out, sl_span_str(in));
	cr_expect(sl_span_is(sl_buf_span(&out), want), "'%s': got '%s', want '%s'", in,
		out.data ? out.data : "", want);
	sl_buf_release(&out);
}

/* As a server can send it in a Location: with a search of each rest these are hours. */
Test(redact, takes_time_in_proportion_to_the_length, .timeout = 900)
{
	static const char *const units[] = { "?a=", "?a=b;c=%41", "://",
		"http://a/?b=", "a: ", "'" };
	const size_t len = SL_MIB;
	for (size_t i = 0; i < SL_COUNT_OF(units); i++) {
		struct sl_buf text = { 0 }, out = { 0 };
		while (text.len < len)
			sl_buf_add_str(&text, units[i]);
		sl_redact(&out, sl_buf_span(&text));
		cr_expect(out.len > 0);
		sl_buf_release(&text);
		sl_buf_release(&out);
	}
}

/* The value of "a" is searched and clean; what begins within it is masked all the same. */
Test(redact, masks_what_begins_within_another_value)
{
	expect_redacted("http://h/?a=b?token=c&d=e", "http://h/?a=b?token=***&d=e");
	expect_redacted("http://h/?a=b?c=d;sig=e f", "http://h/?a=b?c=d;sig=*** f");
	expect_redacted("http://h/?a=b?c=d&e=http://u:p@h", "http://h/?a=b?c=d&e=***");
	expect_redacted("http://h/?a=b?c=d h/?e=%3A//f@g", "http://h/?a=b?c=d h/?e=***");
}

Test(redact, masks_secret_members_of_documents)
{
	expect_document("{\"code\": 403, \"message\":\"Bad credentials\"}",
		"{\"code\": 403, \"message\":\"Bad credentials\"}");
	expect_document("{\"token\":\"a\\\"b\",\"x\":1}", "{\"token\":***,\"x\":1}");
	expect_document("{\"access_token\" : 77, \"x\":1}", "{\"access_token\" : ***, \"x\":1}");
	expect_document("{'password': 'a, b'}", "{'password': ***}");
	expect_document("{\"credentials\":{\"x\":\"y\"}}", "{\"credentials\":***");
	expect_document("{\"token\":\"cut", "{\"token\":***");
	expect_document("{\"token\":", "{\"token\":***");
	expect_document("{\"token\":\"a\n<b key=\"c\"", "{\"token\":***");
	expect_document("<Code>AccessDenied</Code><AWSAccessKeyId>AKIA</AWSAccessKeyId>",
		"<Code>AccessDenied</Code><AWSAccessKeyId>***</AWSAccessKeyId>");
	expect_document("<s:Token a=\"b\">x</s:Token>", "<s:Token a=\"b\">***</s:Token>");
	expect_document(
		"{\"e\": \"{\\\"token\\\": \\\"abc\\\"}\"}", "{\"e\": \"{\\\"token\\\": \\***}");
	expect_document("{Authorization: Bearer abc}", "{Authorization: ***");
	expect_document("(password: a b\nnext", "(password: ***\nnext");
	expect_document("Invalid token \"abc\"", "Invalid token \"abc\"");
	expect_document("<Token>cut", "<Token>***");
	expect_document("<Token key='a' x='b'>c</Token>", "<Token key=*** x='b'>***</Token>");
	expect_document("{\"token\":\n  12, 13\n}", "{\"token\":\n  ***\n}");
	expect_document("<a token=\"x y\" b=\"c\"/>", "<a token=*** b=\"c\"/>");
	expect_document("token=abc&x=1 y", "token=***&x=1 y");
	expect_document("http://u:p@h/?sig=x", "http://***@h/?sig=***");
	expect_document("Rate limit exceeded for 192.0.2.1", "Rate limit exceeded for 192.0.2.1");
	expect_document("", "");
}

Test(redact, keeps_bytes_that_are_not_text)
{
	struct sl_buf out = { 0 };
	sl_redact(&out, sl_span("a\0?token=x\0b\xff", 13));
	cr_expect(sl_span_equal(sl_buf_span(&out), sl_span("a\0?token=***\0b\xff", 15)));
	sl_buf_release(&out);
}

Test(redact, recognises_headers_that_carry_credentials)
{
	static const char *const secret[] = { "Authorization", "authorization", "Cookie", "COOKIE",
		"Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "PRIVATE-TOKEN", "X-Secret",
		"Ocp-Apim-Subscription-Key", "X-Functions-Key" };
	static const char *const open[] = { "Accept", "Range", "If-Range", "User-Agent", "Host",
		"Content-Length", "X-Request-Id" };
	char line[80], want[80];
	for (size_t i = 0; i < SL_COUNT_OF(secret); i++) {
		snprintf(line, sizeof(line), "%s: value", secret[i]);
		snprintf(want, sizeof(want), "%s: ***", secret[i]);
		expect_redacted(line, want);
	}
	for (size_t i = 0; i < SL_COUNT_OF(open); i++) {
		snprintf(line, sizeof(line), "%s: value", open[i]);
		expect_redacted(line, line);
	}
}
