/* Digest credentials: the examples of the RFCs, and challenges that are not supported. */
#include "sluice/http/digest_auth.h"

#include "sluice/base/error.h"

#include <criterion/criterion.h>

static int
parse(struct sl_digest_auth *auth, const char *parameters, const char **why)
{
	struct sl_challenge challenge = { .scheme = sl_span_str("Digest"),
		.parameters = sl_span_str(parameters) };
	return sl_digest_auth_parse(auth, &challenge, why);
}

struct row {
	const char *challenge;
	struct sl_digest_request request;
	const char *want;
};

#define EXAMPLE \
	"realm=\"http-auth@example.org\", qop=\"auth, auth-int\", " \
	"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", " \
	"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
#define ANSWER \
	"Digest username=\"Mufasa\", realm=\"http-auth@example.org\", " \
	"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\""
#define END \
	", qop=auth, nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", " \
	"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
#define REQUEST \
	{ \
		"Mufasa", "Circle of Life", "GET", "/dir/index.html", \
			"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1 \
	}

static void
check(const struct row *row)
{
	struct sl_digest_auth auth;
	struct sl_buf got = { 0 };
	const char *why = NULL;
	cr_assert_eq(parse(&auth, row->challenge, &why), 1, "%s: %s", row->challenge, why);
	cr_assert_eq(sl_digest_auth_format(&got, &auth, &row->request), 0);
	cr_expect_str_eq(got.data, row->want);
	sl_buf_release(&got);
	sl_digest_auth_release(&auth);
}

Test(http_digest_auth, the_examples_of_rfc_7616)
{
	static const struct row rows[] = {
		{ EXAMPLE ", algorithm=MD5", REQUEST,
			ANSWER
			", algorithm=MD5, response=\"8ca523f5e9506fed4657c9700eebdbec\"" END },
		{ EXAMPLE ", algorithm=SHA-256", REQUEST,
			ANSWER
			", algorithm=SHA-256, response=\"753927fa0e85d155564e2e272a28d1802ca10"
			"daf4496794697cf8db5856cb6c1\"" END },
		{ EXAMPLE, REQUEST, ANSWER ", response=\"8ca523f5e9506fed4657c9700eebdbec\"" END },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++)
		check(&rows[i]);
}

/* RFC 2617 3.5, and RFC 2069 2.4 with its erratum 749. */
Test(http_digest_auth, the_examples_of_older_rfcs)
{
	static const struct row rows[] = {
		{ "realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
		  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
			{ "Mufasa", "Circle Of Life", "GET", "/dir/index.html", "0a4f113b", 1 },
			"Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
			"nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
			"response=\"6629fae49393a05397450978507c4ef1\", qop=auth, nc=00000001, "
			"cnonce=\"0a4f113b\"" },
		{ "realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
			{ "Mufasa", "CircleOfLife", "GET", "/dir/index.html", "unused", 1 },
			"Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
			"nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
			"response=\"1949323746fe6a43ef61f9606e7febea\"" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++)
		check(&rows[i]);
}

/* RFC 7616 requires qop with SHA-256; some servers leave it out, and other clients answer. */
Test(http_digest_auth, sha_256_without_qop_is_answered_as_md5_is)
{
	static const struct row row = {
		"realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
		"algorithm=\"SHA-256\"",
		{ "Mufasa", "CircleOfLife", "GET", "/dir/index.html", "unused", 1 },
		"Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
		"nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
		"algorithm=SHA-256, response=\"89381827616a396139e299fae10b3a81aaa7bb9e"
		"04bee0dcb56ca48dd58af998\""
	};
	check(&row);
}

Test(http_digest_auth, quotes_are_sent_with_backslashes_and_counts_in_hexadecimal)
{
	struct sl_digest_auth auth;
	struct sl_buf got = { 0 };
	const char *why = NULL;
	const struct sl_digest_request request = { "a\"b\\c", "x", "HEAD", "/", "c", 0xabcdefu };
	cr_assert_eq(parse(&auth, "realm=\"r\\\"\", nonce=n, qop=auth, stale=TRUE", &why), 1);
	cr_expect(auth.is_stale);
	cr_expect_str_eq(auth.realm, "r\"");
	cr_assert_eq(sl_digest_auth_format(&got, &auth, &request), 0);
	cr_expect(strstr(got.data, "username=\"a\\\"b\\\\c\", realm=\"r\\\"\", nonce=\"n\""));
	cr_expect(strstr(got.data, "nc=00abcdef"));
	sl_buf_release(&got);
	sl_digest_auth_release(&auth);
}

Test(http_digest_auth, other_challenges_are_not_supported)
{
	static const struct {
		const char *parameters, *why;
	} rows[] = {
		{ "realm=r, nonce=n, qop=auth, algorithm=SHA-512-256", "algorithm" },
		{ "realm=r, nonce=n, qop=auth, algorithm=MD5-sess", "algorithm" },
		{ "realm=r, nonce=n, qop=auth, algorithm=SHA-256-sess", "algorithm" },
		{ "realm=r, nonce=n, qop=auth, algorithm=\"\"", "algorithm" },
		{ "realm=r, nonce=n, qop=auth-int", "quality" },
		{ "realm=r, nonce=n, qop=\"\"", "quality" },
		{ "nonce=n, qop=auth", "realm" },
		{ "realm=r, qop=auth", "nonce" },
		{ "realm=r, nonce=\"\", qop=auth", "nonce" },
		{ "", "nonce" },
		{ "realm=\"r\x01\", nonce=n, qop=auth", "control byte" },
		{ "realm=r, nonce=\"n\x7f\", qop=auth", "control byte" },
		{ "realm=r, nonce=n, qop=auth, opaque=\"\x02\"", "control byte" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_digest_auth auth;
		const char *why = NULL;
		cr_expect_eq(parse(&auth, rows[i].parameters, &why), 0, "%s", rows[i].parameters);
		cr_expect(why && strstr(why, rows[i].why), "%s: %s", rows[i].parameters, why);
		cr_expect_null(auth.realm);
	}
}

Test(http_digest_auth, a_nonce_is_limited_and_can_be_replaced)
{
	struct sl_digest_auth auth;
	struct sl_buf text = { 0 };
	const char *why = NULL;
	cr_assert_eq(parse(&auth, "realm=r, nonce=n, qop=auth", &why), 1);
	for (size_t i = 0; i <= SL_DIGEST_AUTH_VALUE_MAX; i++)
		sl_buf_add_char(&text, 'n');
	cr_expect_eq(sl_digest_auth_set_nonce(&auth, sl_buf_span(&text)), SL_E_PROTO);
	cr_expect_eq(sl_digest_auth_set_nonce(&auth, sl_span_str("")), SL_E_PROTO);
	cr_expect_eq(sl_digest_auth_set_nonce(&auth, sl_span_str("a\nb")), SL_E_PROTO);
	cr_expect_str_eq(auth.nonce, "n");
	cr_expect_eq(sl_digest_auth_set_nonce(&auth, sl_span(text.data, text.len - 1)), 0);
	cr_expect_eq(strlen(auth.nonce), (size_t)SL_DIGEST_AUTH_VALUE_MAX);
	sl_digest_auth_release(&auth);
	struct sl_buf long_realm = { 0 };
	sl_buf_printf(&long_realm, "nonce=n, qop=auth, realm=\"%s\"", text.data);
	cr_expect_eq(parse(&auth, long_realm.data, &why), 0);
	sl_buf_release(&long_realm);
	sl_buf_release(&text);
}
