#include "sluice/http/url.h"

#include "support/guard.h"

#include <criterion/criterion.h>

static struct sl_error last;

static int
parse(struct sl_url *url, const char *text)
{
	sl_error_clear(&last);
	return sl_url_parse(url, sl_span_str(text), &last);
}

static void
expect_format(const struct sl_url *url, const char *wanted, const char *from)
{
	struct sl_buf buf = { 0 };
	sl_url_format(&buf, url);
	cr_expect_str_eq(
		buf.data, wanted, "from '%s': '%s' instead of '%s'", from, buf.data, wanted);
	sl_buf_release(&buf);
}

Test(http_url, accepts_and_formats)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "http://example.com", "http://example.com/" },
		{ "HTTP://EXAMPLE.com/A/b?c=D#frag", "http://example.com/A/b?c=D" },
		{ "https://example.com:443/", "https://example.com/" },
		{ "https://example.com:/", "https://example.com/" },
		{ "http://example.com:443/", "http://example.com:443/" },
		{ "http://example.com:65535/x", "http://example.com:65535/x" },
		{ "http://h?q=1", "http://h/?q=1" },
		{ "http://h#f", "http://h/" },
		{ "http://h/?", "http://h/?" },
		{ "http://h/a?b?c/d", "http://h/a?b?c/d" },
		{ "example.com/file.bin", "https://example.com/file.bin" },
		{ "localhost:8080/x", "https://localhost:8080/x" },
		{ "[::1]:8080/x", "https://[::1]:8080/x" },
		{ "http://[2001:DB8:0:0::1]:8080/x", "http://[2001:db8::1]:8080/x" },
		{ "http://[::ffff:1.2.3.4]/", "http://[::ffff:1.2.3.4]/" },
		{ "http://127.0.0.1/x", "http://127.0.0.1/x" },
		{ "http://a_b.example.com./x", "http://a_b.example.com./x" },
		{ "http://1e100.net/x", "http://1e100.net/x" },
		{ "http://user:pa%40ss@host/x@y", "http://host/x@y" },
		{ "http://host/\xc3\xa4?\xc3\xb6", "http://host/%C3%A4?%C3%B6" },
		{ "http://host/\xff", "http://host/%FF" },
		{ "http://host/[x]{y}|<z>?a[]=\"1\"",
			"http://host/%5Bx%5D%7By%7D%7C%3Cz%3E?a%5B%5D=%221%22" },
		{ "http://host/a/../b/./c", "http://host/a/../b/./c" },
		{ "http://b\xc3\xbc"
		  "cher.example/x",
			"http://xn--bcher-kva.example/x" },
		{ "http://fa\xc3\x9f.de/", "http://xn--fa-hia.de/" },
		{ "http://B\xc3\x9c"
		  "CHER.example:81/x",
			"http://xn--bcher-kva.example:81/x" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_url url;
		int code = parse(&url, cases[i].text);
		cr_expect_eq(code, 0, "'%s': %s", cases[i].text, last.text);
		if (code)
			continue;
		expect_format(&url, cases[i].wanted, cases[i].text);
		sl_url_release(&url);
	}
}

struct refusal {
	const char *text;
	int code;
	const char *message; /* a part of it */
};

static void
expect_refusals(const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sl_url url;
		int code = parse(&url, cases[i].text);
		cr_expect_eq(code, cases[i].code, "'%s' gives %d", cases[i].text, code);
		cr_expect(strstr(last.text, cases[i].message), "'%s': '%s'", cases[i].text,
			last.text);
		cr_expect_null(strchr(last.text, '\n'));
		sl_url_release(&url);
	}
}

Test(http_url, refuses_what_is_ambiguous)
{
	static const struct refusal cases[] = {
		{ "", SL_E_USAGE, "not a full URL" },
		{ "file.bin", SL_E_USAGE, "not a full URL" },
		{ "example.com", SL_E_USAGE, "https://host/path" },
		{ "//host/x", SL_E_USAGE, "not a full URL" },
		{ "/etc/passwd", SL_E_USAGE, "not a full URL" },
		{ "../x", SL_E_USAGE, "empty label" },
		{ "./x", SL_E_USAGE, "no host" },
		{ "user@host/x", SL_E_USAGE, "not a full URL" },
		{ "mailto:user@host/x", SL_E_USAGE, "not a full URL" },
		{ "file:/etc/passwd", SL_E_USAGE, "not a full URL" },
		{ "http:/host/x", SL_E_USAGE, "not a full URL" },
		{ "http:host/x", SL_E_USAGE, "port" },
		{ "ftp://host/x", SL_E_UNSUPPORTED, "only http and https" },
		{ "file:///etc/passwd", SL_E_UNSUPPORTED, "only http and https" },
		{ "gopher://host/", SL_E_UNSUPPORTED, "only http and https" },
		{ "s3://bucket/key", SL_E_UNSUPPORTED, "https://BUCKET.s3.REGION.amazonaws.com" },
		{ "http://", SL_E_USAGE, "no host" },
		{ "http:///x", SL_E_USAGE, "no host" },
		{ "http://:80/", SL_E_USAGE, "no host" },
		{ "http://user@/", SL_E_USAGE, "no host" },
		{ "http://./", SL_E_USAGE, "no host" },
		{ "http://a..b/", SL_E_USAGE, "empty label" },
		{ "http://.a/", SL_E_USAGE, "empty label" },
		{ "http://host name/", SL_E_USAGE, "space" },
		{ " http://host/", SL_E_USAGE, "space" },
		{ "http://host/ ", SL_E_USAGE, "%20" },
		{ "http://host/a\tb", SL_E_USAGE, "control" },
		{ "http://host/a\r\nHost: x", SL_E_USAGE, "control" },
		{ "http://host/\x7f", SL_E_USAGE, "control" },
		{ "http://host\\@evil/", SL_E_USAGE, "backslash" },
		{ "http://host/a\\b", SL_E_USAGE, "backslash" },
		{ "http://a@b@c/", SL_E_USAGE, "more than one @" },
		{ "http://ho%73t/", SL_E_USAGE, "percent escape in the host" },
		{ "http://host%2Fevil/", SL_E_USAGE, "percent escape in the host" },
		{ "http://ho;st/", SL_E_USAGE, "character in its host" },
		{ "http://ho\"st/", SL_E_USAGE, "character in its host" },
		{ "http://host/%", SL_E_USAGE, "two hexadecimal digits" },
		{ "http://host/%4", SL_E_USAGE, "two hexadecimal digits" },
		{ "http://host/%4g", SL_E_USAGE, "two hexadecimal digits" },
		{ "http://host/?%", SL_E_USAGE, "two hexadecimal digits" },
		{ "http://us%0aer@host/", SL_E_USAGE, "user name or password" },
		{ "http://us%er@host/", SL_E_USAGE, "user name or password" },
		{ "http://us%3Aer@host/", SL_E_USAGE, "colon" },
		{ "http://host:0/", SL_E_USAGE, "port" },
		{ "http://host:65536/", SL_E_USAGE, "port" },
		{ "http://host:18446744073709551696/", SL_E_USAGE, "port" },
		{ "http://host:+80/", SL_E_USAGE, "port" },
		{ "http://host:80a/", SL_E_USAGE, "port" },
		{ "http://host:80:80/", SL_E_USAGE, "port" },
	};
	expect_refusals(cases, SL_COUNT_OF(cases));
}

Test(http_url, refuses_hosts_that_could_be_read_in_two_ways)
{
	static const struct refusal cases[] = {
		{ "http://[::1/", SL_E_USAGE, "not closed" },
		{ "http://[::1]x/", SL_E_USAGE, "other than a port" },
		{ "http://[]/", SL_E_USAGE, "not an IPv6" },
		{ "http://[1.2.3.4]/", SL_E_USAGE, "not an IPv6" },
		{ "http://[v1.x]/", SL_E_USAGE, "not an IPv6" },
		{ "http://[fe80::1%25eth0]/", SL_E_USAGE, "zone" },
		{ "http://[fe80::1%eth0]/", SL_E_USAGE, "zone" },
		{ "http://::1/", SL_E_USAGE, "no host" }, { "http://127.1/", SL_E_USAGE, "IPv4" },
		{ "http://2130706433/", SL_E_USAGE, "IPv4" },
		{ "http://0x7f.0.0.1/", SL_E_USAGE, "IPv4" },
		{ "http://127.0.0.0x1/", SL_E_USAGE, "IPv4" },
		{ "http://0177.0.0.1/", SL_E_USAGE, "IPv4" },
		{ "http://1.2.3.256/", SL_E_USAGE, "IPv4" },
		{ "http://1.2.3.4.5/", SL_E_USAGE, "IPv4" },
		{ "http://1.2.3.4./", SL_E_USAGE, "IPv4" },
		{ "http://127.1./", SL_E_USAGE, "IPv4" },
		{ "http://host.0x7f./", SL_E_USAGE, "IPv4" },
		{ "http://\xff\xfe.example/", SL_E_USAGE, "UTF-8" },
		{ "http://a\xe2\x84\x80"
		  "b.example/",
			SL_E_USAGE, "" },                           /* U+2100 maps to "a/c" */
		{ "http://\xef\xbc\x85.example/", SL_E_USAGE, "" }, /* a full-width percent sign */
	};
	expect_refusals(cases, SL_COUNT_OF(cases));
}

Test(http_url, refuses_nul_bytes_and_long_labels)
{
	struct sl_url url;
	cr_expect_eq(sl_url_parse(&url, sl_span("http://host/\0x", 14), NULL), SL_E_USAGE);
	char text[512] = "http://";
	memset(text + 7, 'a', 64);
	memcpy(text + 71, "/", 2);
	cr_expect_eq(parse(&url, text), SL_E_USAGE);
	memcpy(text + 70, "/", 2);
	cr_expect_eq(parse(&url, text), 0);
	sl_url_release(&url);
}

Test(http_url, names_its_length_limit)
{
	static char text[SL_URL_MAX + 2];
	struct sl_url url;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "http://host/", 12);
	cr_expect_eq(parse(&url, text), SL_E_USAGE);
	cr_expect(strstr(last.text, "16 KiB"));
	text[SL_URL_MAX] = '\0';
	cr_expect_eq(parse(&url, text), 0);
	sl_url_release(&url);
	memset(text + 12, 0xc3, SL_URL_MAX / 2);
	cr_expect_eq(parse(&url, text), SL_E_USAGE, "the limit holds after encoding too");
}

Test(http_url, splits_and_decodes_userinfo)
{
	struct sl_url url;
	cr_assert_eq(parse(&url, "https://us%65r:p%3Aa:s%40s@host:8443/x"), 0);
	cr_expect(url.has_userinfo);
	cr_expect_str_eq(url.user, "user");
	cr_expect_str_eq(url.password, "p:a:s@s");
	cr_expect_str_eq(url.host, "host");
	cr_expect_eq(url.port, 8443);
	cr_expect_eq(url.scheme, SL_SCHEME_HTTPS);
	sl_url_release(&url);
	cr_assert_eq(parse(&url, "http://user@host/"), 0);
	cr_expect_str_eq(url.password, "");
	sl_url_release(&url);
	cr_assert_eq(parse(&url, "http://host/"), 0);
	cr_expect(!url.has_userinfo && !url.user && !url.password);
	sl_url_release(&url);
}

Test(http_url, keeps_secrets_out_of_its_messages)
{
	static const char *const cases[] = {
		"http://user:SECRET@host:0/",
		"http://user:SEC/SECRET@host/%",
		"http://user:SEC RET@host/SECRE",
		"http://user:SECRET@a@b/",
		"user:SECRET@host/x",
		"ftp://user:SECRET@host/",
		"http://host:0/?token=SECRET&x=1",
		"http://user:SEC\\SECRET@host/",
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_url url;
		cr_expect_neq(parse(&url, cases[i]), 0);
		cr_expect_null(strstr(last.text, "SECRET"), "%s", last.text);
		sl_url_release(&url);
	}
}

Test(http_url, resolves_references_as_rfc_3986_5_4)
{
	static const char *const base_text = "http://u:p@a/b/c/d;p?q";
	static const struct {
		const char *reference, *wanted; /* NULL = refused */
	} cases[] = {
		{ "g:h", NULL },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g/" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q" },
		{ "g#s", "http://a/b/c/g" },
		{ "g?y#s", "http://a/b/c/g?y" },
		{ ";x", "http://a/b/c/;x" },
		{ "g;x", "http://a/b/c/g;x" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "../../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ ".g", "http://a/b/c/.g" },
		{ "g..", "http://a/b/c/g.." },
		{ "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g;x=1/./y", "http://a/b/c/g;x=1/y" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/./x", "http://a/b/c/g?y/./x" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "http:g", "http://a/b/c/g" },
		{ "https://x:p@H/a/../b", "https://h/b" },
		{ "https://h", "https://h/" },
		{ "//h:81?q", "http://h:81/?q" },
		{ "ftp://h/", NULL },
		{ "file:///etc/passwd", NULL },
		{ "javascript:alert(1)", NULL },
		{ "//", NULL },
		{ "//a@b@c", NULL },
		{ "g\xc3\xa4", "http://a/b/c/g%C3%A4" },
		{ "//[::1]:8080/x", "http://[::1]:8080/x" },
	};
	struct sl_url base;
	cr_assert_eq(parse(&base, base_text), 0);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_url out;
		sl_error_clear(&last);
		int code = sl_url_resolve(&out, &base, sl_span_str(cases[i].reference), &last);
		cr_expect_eq(code == 0, cases[i].wanted != NULL, "'%s' gives %d",
			cases[i].reference, code);
		if (!code && cases[i].wanted)
			expect_format(&out, cases[i].wanted, cases[i].reference);
		cr_expect(!out.has_userinfo && !out.user && !out.password, "'%s'",
			cases[i].reference);
		sl_url_release(&out);
	}
	sl_url_release(&base);
}

/* What servers send that RFC 3986 does not allow is taken as browsers take it. */
Test(http_url, resolves_references_as_browsers_do)
{
	static const struct {
		const char *reference, *wanted; /* NULL = refused */
	} cases[] = {
		{ "g h", "http://a/b/c/g%20h" },
		{ "/a b?c d#e f", "http://a/a%20b?c%20d" },
		{ " \t/g ", "http://a/g" },
		{ "/a\tb\nc?d\te", "http://a/abc?de" },
		{ "htt\tp://h\t/x", "http://h/x" },
		{ "\\g\\h?a\\b", "http://a/g/h?a%5Cb" },
		{ "..\\..\\g", "http://a/g" },
		{ "http:\\\\h\\x", "http://h/x" },
		{ "\\\\h\\x", "http://h/x" },
		{ "/\\h/x", "http://h/x" },
		{ "//good\\@evil/", "http://good/@evil/" },
		{ "/<a>\"{b}|^`[c]?<a>\"{b}|^`[c]", "http://a/%3Ca%3E%22%7Bb%7D%7C%5E%60%5Bc%5D?"
						    "%3Ca%3E%22%7Bb%7D%7C%5E%60%5Bc%5D" },
		{ "/\xd1\x84?\xd1\x84", "http://a/%D1%84?%D1%84" },
		{ "/caf\xe9", "http://a/caf%E9" },
		{ "/100%", "http://a/100%25" },
		{ "/%zz%4?%g%41%", "http://a/%25zz%254?%25g%41%25" },
		{ "/x/%2e/y/%2E%2e/z", "http://a/x/z" },
		{ "/x/.%2e", "http://a/" },
		{ "/x/%2e%2e%2e", "http://a/x/%2e%2e%2e" },
		{ "http:/x", "http://a/x" },
		{ "http:?x", "http://a/b/c/d;p?x" },
		{ "#\x01", "http://a/b/c/d;p?q" },
		{ "https:/x", NULL }, /* browsers: the host is x */
		{ "http:///x", NULL },
		{ "/a\x01/", NULL },
		{ "/a\x7f", NULL },
		{ "/a?\x1b[m", NULL },
		{ "//h h/", NULL },
		{ "//h%41/", NULL },
		{ "//\xff/", NULL },
		{ "//h:0/", NULL },
		{ "//u@v@h/", NULL },
	};
	struct sl_url base;
	cr_assert_eq(parse(&base, "http://u:p@a/b/c/d;p?q"), 0);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_url out;
		sl_error_clear(&last);
		int code = sl_url_resolve(&out, &base, sl_span_str(cases[i].reference), &last);
		cr_expect_eq(code == 0, cases[i].wanted != NULL, "'%s' gives %d: %s",
			cases[i].reference, code, last.text);
		if (!code && cases[i].wanted)
			expect_format(&out, cases[i].wanted, cases[i].reference);
		sl_url_release(&out);
	}
	sl_error_clear(&last);
	struct sl_url out;
	cr_expect_eq(sl_url_resolve(&out, &base, sl_span("/a\0b", 4), &last), SL_E_USAGE);
	sl_url_release(&base);
}

Test(http_url, compares_origins_by_scheme_host_and_port)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "http://h/a", "http://H:80/b", true },
		{ "https://h/", "https://h:443/", true },
		{ "http://h/", "https://h/", false },
		{ "http://h:443/", "https://h/", false },
		{ "http://h/", "http://h:81/", false },
		{ "http://h/", "http://h.example/", false },
		{ "http://h/", "http://h./", false },
		{ "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", true },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_url a, b;
		cr_assert_eq(parse(&a, cases[i].a), 0);
		cr_assert_eq(parse(&b, cases[i].b), 0);
		cr_expect_eq(
			sl_url_same_origin(&a, &b), cases[i].same, "%s %s", cases[i].a, cases[i].b);
		sl_url_release(&a);
		sl_url_release(&b);
	}
}

Test(http_url, copies_are_independent)
{
	struct sl_url url, copy;
	cr_assert_eq(parse(&url, "https://u:p@host:1/x?y"), 0);
	cr_assert_eq(sl_url_copy(&copy, &url), 0);
	sl_url_release(&url);
	cr_expect_str_eq(copy.host, "host");
	cr_expect_str_eq(copy.target, "/x?y");
	cr_expect_str_eq(copy.user, "u");
	cr_expect_str_eq(copy.password, "p");
	sl_url_release(&copy);
}

Test(http_url, takes_file_names_from_the_last_component)
{
	static const struct {
		const char *text, *wanted; /* NULL = refused */
	} cases[] = {
		{ "http://h/a/b.bin", "b.bin" },
		{ "http://h/a/b.bin?c/d", "b.bin" },
		{ "http://h", "index.html" },
		{ "http://h/a/", "index.html" },
		{ "http://h/a/?x=/y", "index.html" },
		{ "http://h/%41%20b", "A b" },
		{ "http://h/-rf", "_-rf" },
		{ "http://h/.bashrc", "_.bashrc" },
		{ "http://h/...", "_..." },
		{ "http://h/%2ebashrc", "_.bashrc" },
		{ "http://h/a%5Cb", "a\\b" },
		{ "http://h/%FF%FEx", "\xff\xfex" },
		{ "http://h/\xc3\xa4", "\xc3\xa4" },
		{ "http://h/a/..", NULL },
		{ "http://h/a/.", NULL },
		{ "http://h/%2e%2E", NULL },
		{ "http://h/%2e", NULL },
		/* an encoded slash is part of the name, and leads nowhere */
		{ "http://h/a%2Fb", "a%2Fb" },
		{ "http://h/d/a%2fb%41", "a%2fbA" },
		{ "http://h/..%2Fetc%2Fpasswd", "_..%2Fetc%2Fpasswd" },
		{ "http://h/%2F", "%2F" },
		{ "http://h/%2e%2e%2f", "_..%2f" },
		{ "http://h/a%00b", NULL },
		{ "http://h/a%0Ab", NULL },
		{ "http://h/a%1Bb", NULL },
		{ "http://h/a%7Fb", NULL },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_url url;
		struct sl_buf name = { 0 };
		cr_assert_eq(parse(&url, cases[i].text), 0, "%s", last.text);
		int code = sl_url_file_name(&url, &name, &last);
		cr_expect_eq(code, cases[i].wanted ? 0 : SL_E_NAME, "'%s'", cases[i].text);
		if (cases[i].wanted)
			cr_expect_str_eq(name.data, cases[i].wanted);
		else
			cr_expect_eq(name.len, 0);
		sl_buf_release(&name);
		sl_url_release(&url);
	}
}

Test(http_url, refuses_file_names_a_directory_cannot_hold)
{
	char text[400] = "http://h/";
	struct sl_url url;
	struct sl_buf name = { 0 };
	memset(text + 9, 'a', 256);
	cr_assert_eq(parse(&url, text), 0);
	cr_expect_eq(sl_url_file_name(&url, &name, &last), SL_E_NAME);
	cr_expect(strstr(last.text, "255") && strstr(last.text, "--output"), "%s", last.text);
	sl_url_release(&url);
	text[9 + 255] = '\0';
	cr_assert_eq(parse(&url, text), 0);
	cr_expect_eq(sl_url_file_name(&url, &name, &last), 0);
	cr_expect_eq(name.len, 255);
	sl_url_release(&url);
	text[9] = '-';
	cr_assert_eq(parse(&url, text), 0);
	cr_expect_eq(sl_url_file_name(&url, &name, &last), SL_E_NAME, "the prefix must fit too");
	sl_url_release(&url);
	sl_buf_release(&name);
}

Test(http_url, takes_directories_from_host_and_path)
{
	static const struct {
		const char *text, *wanted; /* NULL = refused */
	} cases[] = {
		{ "http://h/a/b.bin", "h/a" },
		{ "http://h", "h" },
		{ "http://h/a", "h" },
		{ "http://h/a/b/?c/d", "h/a/b" },
		{ "http://h:8080/a/b", "h:8080/a" },
		{ "https://h:443/a/b", "h/a" },
		{ "http://h:443/a/b", "h:443/a" },
		{ "http://[::1]:81/a/b", "[::1]:81/a" },
		{ "http://u:p@H.Example/a/b", "h.example/a" },
		/* as in names */
		{ "http://h/%41%20b/-rf/.git/c", "h/A b/_-rf/_.git" },
		{ "http://h/a%2Fb/..%2f..%2fetc/c", "h/a%2Fb/_..%2f..%2fetc" },
		{ "http://h/...//a////b", "h/_.../a" },
		{ "http://h//", "h" },
		{ "http://h/a/../b", NULL },
		{ "http://h/%2e%2E/b", NULL },
		{ "http://h/./b", NULL },
		{ "http://h/%2e/b", NULL },
		{ "http://h/a%00b/c", NULL },
		{ "http://h/a%0Ab/c", NULL },
		{ "http://h/a%7Fb/c", NULL },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_url url;
		struct sl_buf name = { 0 };
		cr_assert_eq(parse(&url, cases[i].text), 0, "%s", last.text);
		int code = sl_url_directory_name(&url, &name, &last);
		cr_expect_eq(code, cases[i].wanted ? 0 : SL_E_NAME, "'%s'", cases[i].text);
		if (cases[i].wanted)
			cr_expect_str_eq(name.data, cases[i].wanted);
		else
			cr_expect_eq(name.len, 0);
		sl_buf_release(&name);
		sl_url_release(&url);
	}
}

Test(http_url, refuses_directories_that_are_too_long_for_a_path)
{
	static const size_t counts[] = { 1998, 1999, 2000, 5000 };
	for (size_t i = 0; i < SL_COUNT_OF(counts); i++) {
		struct sl_buf text = { 0 }, name = { 0 };
		struct sl_url url;
		sl_buf_add_str(&text, "http://host/");
		for (size_t n = 0; n < counts[i]; n++)
			sl_buf_add_str(&text, "a/");
		cr_assert_eq(parse(&url, text.data), 0, "%s", last.text);
		bool fits = 4 + 2 * counts[i] <= SL_URL_DIRECTORY_MAX;
		cr_expect_eq(sl_url_directory_name(&url, &name, &last), fits ? 0 : SL_E_NAME);
		cr_expect(fits || strstr(last.text, "longer than 4000 bytes"), "%s", last.text);
		sl_url_release(&url);
		sl_buf_release(&text);
		sl_buf_release(&name);
	}
}

Test(http_url, never_reads_past_its_text)
{
	static const char text[] = "https://us%41er:p@[2001:db8::1]:8443/a%20b/../c?d=%41#f";
	struct guard guard;
	guard_init(&guard, sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++) {
		struct sl_url url;
		char *place = guard_place(&guard, text, len);
		if (sl_url_parse(&url, sl_span(place, len), NULL) == 0) {
			struct sl_url out;
			for (size_t n = 0; n <= len; n++)
				if (sl_url_resolve(&out, &url, sl_span(place + len - n, n), NULL) ==
					0)
					sl_url_release(&out);
		}
		sl_url_release(&url);
	}
	guard_release(&guard);
}
