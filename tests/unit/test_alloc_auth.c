/*
 * Credentials, of which the nth allocation fails, for every n until there are no more: the result
 * is the right one or -ENOMEM, never another one, and nothing leaks.
 */
#include "support/failing_alloc.h"

#include "sluice/http/credentials.h"
#include "sluice/http/digest_auth.h"
#include "sluice/http/netrc.h"
#include "sluice/http/request.h"
#include "sluice/http/sigv4.h"

#include <criterion/criterion.h>
#include <errno.h>

typedef int step_fn(void);

static int
find_entry(void)
{
	static const char text[] = "machine a login x password y account z\n"
				   "machine b login me password \"a long password of two words\"\n";
	struct sl_netrc_entry entry = { 0 };
	int code = sl_netrc_find(sl_span_str(text), "b", NULL, true, &entry, NULL);
	cr_expect(code == 1 || code == -ENOMEM, "%d", code);
	cr_expect(code != 1 || sl_span_is(sl_buf_span(&entry.login), "me"));
	sl_netrc_entry_release(&entry);
	return code == 1 ? 0 : code;
}

static int
answer_challenge(void)
{
	static const char value[] = "Basic realm=x, Digest realm=\"r, s\", nonce=n, opaque=o, "
				    "qop=\"auth-int, auth\", algorithm=SHA-256, stale=true";
	const struct sl_digest_request request = { "u", "p", "GET", "/", "c", 1 };
	struct sl_challenges walk;
	struct sl_challenge challenge;
	struct sl_digest_auth auth;
	struct sl_buf out = { 0 };
	const char *why = NULL;
	sl_challenges_init_value(&walk, sl_span_str(value));
	cr_assert(sl_challenges_next(&walk, &challenge));
	cr_assert(sl_challenges_next(&walk, &challenge));
	int code = sl_digest_auth_parse(&auth, &challenge, &why);
	cr_expect(code == 1 || code == -ENOMEM, "%d", code);
	if (code == 1)
		code = sl_digest_auth_set_nonce(&auth, sl_span_str("m"));
	if (code == 0)
		code = sl_digest_auth_format(&out, &auth, &request);
	cr_expect(code == 0 || code == -ENOMEM, "%d", code);
	cr_expect(code || strstr(out.data, "nonce=\"m\""));
	sl_buf_release(&out);
	sl_digest_auth_release(&auth);
	return code;
}

static int
find_identity(void)
{
	const struct sl_credentials_options options = { .user = "run", .password = "word" };
	const struct sl_scope scope = { 0 };
	struct sl_credentials *credentials = NULL;
	struct sl_url url = { 0 };
	struct sl_identity identity = { 0 };
	struct sl_buf value = { 0 };
	int code = sl_url_parse(&url, sl_span_str("https://me:own@host/"), NULL);
	if (!code)
		code = sl_credentials_new(&credentials, &options, NULL);
	if (!code)
		code = sl_credentials_find(credentials, &scope, &url, &url, &identity);
	if (!code)
		code = sl_request_add_basic(&value, identity.user, identity.secret);
	cr_expect(code == 0 || code == -ENOMEM, "%d", code);
	cr_expect(code || sl_span_is(sl_buf_span(&value), "Basic bWU6b3du"));
	sl_buf_release(&value);
	sl_identity_release(&identity);
	sl_credentials_free(credentials);
	sl_url_release(&url);
	return code;
}

static int
sign_request(void)
{
	static const struct sl_http_header fields[] = { { { "host", 4 }, { "h", 1 } },
		{ { "X-A", 3 }, { "b", 1 } } };
	const struct sl_sigv4_variant variant = { sl_span_str("aws"), sl_span_str("amz"),
		sl_span_str("r"), sl_span_str("s") };
	const struct sl_sigv4_keys keys = { "ID", "SECRET" };
	const struct sl_sigv4_request request = { .method = "GET",
		.target = "/a/../b%20c?d=e+f&a",
		.fields = fields,
		.field_count = SL_COUNT_OF(fields),
		.normalizes = true };
	struct sl_buf out = { 0 };
	int code = sl_sigv4_sign(&out, &variant, &keys, "20150830T123600Z", &request);
	cr_expect(code == 0 || code == -ENOMEM || code == SL_E_UNSUPPORTED, "%d", code);
	cr_expect(code || (strstr(out.data, "SignedHeaders=host;x-a, ") &&
				  strlen(strstr(out.data, "Signature=")) == 10 + 64));
	cr_expect(code == 0 || out.len == 0);
	sl_buf_release(&out);
	return code == SL_E_UNSUPPORTED ? -ENOMEM : code; /* OpenSSL may fail of memory too */
}

Test(alloc_auth, each_allocation_may_fail)
{
	static step_fn *const steps[] = { find_entry, answer_challenge, find_identity,
		sign_request };
	for (size_t i = 0; i < SL_COUNT_OF(steps); i++) {
		uint64_t nth = 0;
		for (bool hit = true; hit;) {
			nth++;
			alloc_fail_nth(nth, nth % 2);
			int code = steps[i]();
			hit = alloc_end() >= nth;
			/* What is read and not used may fail. */
			cr_expect(code == 0 || (hit && code == -ENOMEM), "step %zu, %llu: %d", i,
				(unsigned long long)nth, code);
		}
		cr_expect_gt(nth, 4);
	}
}
