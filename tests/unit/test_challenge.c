/* WWW-Authenticate as servers send it. */
#include "sluice/http/challenge.h"

#include "support/guard.h"

#include <criterion/criterion.h>

/* "scheme[parameters] scheme[parameters]" */
static void
describe(struct sl_buf *out, struct sl_challenges *walk)
{
	struct sl_challenge challenge;
	while (sl_challenges_next(walk, &challenge)) {
		sl_buf_add_str(out, out->len ? " " : "");
		sl_buf_add_span(out, challenge.scheme);
		sl_buf_add_char(out, '[');
		sl_buf_add_span(out, challenge.parameters);
		sl_buf_add_char(out, ']');
	}
}

Test(http_challenge, a_value_is_a_list_of_challenges)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "Basic realm=\"a\"", "Basic[realm=\"a\"]" },
		{ "Basic", "Basic[]" },
		{ "Basic realm=a", "Basic[realm=a]" },
		{ "Basic realm = \"a\" , charset = UTF-8",
			"Basic[realm = \"a\" , charset = UTF-8]" },
		{ "Basic realm=\"a\", Digest realm=\"b\", nonce=c",
			"Basic[realm=\"a\"] Digest[realm=\"b\", nonce=c]" },
		{ "Digest realm=\"a, Basic realm=\\\"b\\\"\", nonce=c",
			"Digest[realm=\"a, Basic realm=\\\"b\\\"\", nonce=c]" },
		{ "Negotiate, Basic realm=a", "Negotiate[] Basic[realm=a]" },
		{ "Negotiate abc==, Basic realm=a", "Negotiate[] Basic[realm=a]" },
		{ "NTLM TlRMTVNT, Basic realm=a", "NTLM[] Basic[realm=a]" },
		{ "Basic realm=a, Negotiate", "Basic[realm=a] Negotiate[]" },
		{ ", ,Basic realm=a,, charset=b,", "Basic[realm=a,, charset=b]" },
		{ "Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic "
		  "realm=\"simple\"",
			"Newauth[realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"] "
			"Basic[realm=\"simple\"]" },
		{ "", "" },
		{ ",", "" },
		/* what is not a list: what was read before counts */
		{ "Basic realm=\"a", "Basic[]" },
		{ "Basic realm=\"a\" x, Digest realm=b", "Basic[]" },
		{ "Basic realm=a, \"Digest\" realm=b", "Basic[realm=a]" },
		{ "Digest realm=a; nonce=b", "Digest[]" },
		{ "=a, Basic realm=a", "" },
		{ "Basic NTLM realm=a", "Basic[]" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_challenges walk;
		struct sl_buf got = { 0 };
		sl_challenges_init_value(&walk, sl_span_str(rows[i].value));
		describe(&got, &walk);
		cr_expect_str_eq(got.data ? got.data : "", rows[i].want, "%s", rows[i].value);
		sl_buf_release(&got);
	}
}

Test(http_challenge, a_response_may_have_several_fields)
{
	static const char text[] = "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\n"
				   "www-authenticate: Digest realm=\"broken\r\n"
				   "X: Basic realm=no\r\nWWW-Authenticate:\r\n"
				   "WWW-Authenticate: Digest realm=d, Basic realm=b\r\n\r\n";
	struct sl_head head;
	struct sl_challenges walk;
	struct sl_buf got = { 0 };
	struct sl_error err = { 0 };
	size_t used = 0;
	sl_head_init(&head);
	cr_assert_eq(sl_head_feed(&head, text, strlen(text), &used, &err), SL_PARSE_DONE);
	sl_challenges_init(&walk, &head, "WWW-Authenticate");
	describe(&got, &walk);
	cr_expect_str_eq(got.data, "Negotiate[] Digest[] Digest[realm=d] Basic[realm=b]");
	sl_buf_release(&got);
	sl_head_release(&head);
}

Test(http_challenge, a_parameter_is_found_by_its_name)
{
	static const struct {
		const char *parameters, *name, *want; /* NULL = none */
	} rows[] = {
		{ "realm=a", "realm", "a" },
		{ "REALM=a", "realm", "a" },
		{ "realm=\"a b\"", "realm", "a b" },
		{ "realm=\"\\\"a\\\" \\\\ \\b\"", "realm", "\"a\" \\ b" },
		{ "realm=\"\"", "realm", "" },
		{ "realm=", "realm", "" },
		{ "x=\"realm=b\", realm=a", "realm", "a" },
		{ "xrealm=b,realm=a", "realm", "a" },
		{ "realm=a, realm=b", "realm", "a" },
		{ ",realm = a", "realm", "a" },
		{ "nonce=b", "realm", NULL },
		{ "", "realm", NULL },
	};
	for (size_t i = 0; i < SL_COUNT_OF(rows); i++) {
		struct sl_challenge challenge = { .parameters = sl_span_str(rows[i].parameters) };
		struct sl_buf got = { 0 };
		bool found = sl_challenge_find(&challenge, rows[i].name, &got);
		cr_expect_eq(found, rows[i].want != NULL, "%s", rows[i].parameters);
		cr_expect_str_eq(got.data ? got.data : "", rows[i].want ? rows[i].want : "", "%s",
			rows[i].parameters);
		sl_buf_release(&got);
	}
}

Test(http_challenge, never_reads_past_its_text)
{
	static const char *const values[] = { "Basic realm=\"a\\\"b\" , x = y, Digest nonce=c",
		"Negotiate abc==, NTLM", ", Basic , =" };
	struct guard guard;
	guard_init(&guard, 128);
	for (size_t i = 0; i < SL_COUNT_OF(values); i++)
		for (size_t len = 0; len <= strlen(values[i]); len++) {
			struct sl_challenges walk;
			struct sl_challenge challenge;
			struct sl_buf value = { 0 };
			char *place = guard_place(&guard, values[i], len);
			sl_challenges_init_value(&walk, sl_span(place, len));
			while (sl_challenges_next(&walk, &challenge))
				(void)sl_challenge_find(&challenge, "x", &value);
			sl_buf_release(&value);
		}
	guard_release(&guard);
}
