/*
 * A value of WWW-Authenticate: schemes are tokens, the walk ends, and a Digest challenge that is
 * supported gives an answer without control bytes, whose own values are read back as they were.
 */
#include "fuzz/fuzz.h"
#include "sluice/base/text.h"
#include "sluice/http/digest_auth.h"

static void
check_value(const struct sl_challenge *answer, const char *name, const char *want)
{
	struct sl_buf value = { 0 };
	must(sl_challenge_find(answer, name, &value));
	must(sl_span_is(sl_buf_span(&value), want));
	sl_buf_release(&value);
}

static void
check_answer(const struct sl_digest_auth *auth)
{
	const struct sl_digest_request request = { "u\"s\\er", "password", "GET", "/a?b", "c", 7 };
	struct sl_buf text = { 0 };
	struct sl_challenges walk;
	struct sl_challenge answer;
	must(sl_digest_auth_format(&text, auth, &request) == 0);
	must(!sl_text_has_control(sl_buf_span(&text)));
	sl_challenges_init_value(&walk, sl_buf_span(&text));
	must(sl_challenges_next(&walk, &answer));
	must(sl_span_is(answer.scheme, "Digest"));
	check_value(&answer, "username", request.user);
	check_value(&answer, "realm", auth->realm);
	check_value(&answer, "nonce", auth->nonce);
	check_value(&answer, "uri", request.target);
	if (auth->opaque)
		check_value(&answer, "opaque", auth->opaque);
	must(!sl_challenges_next(&walk, &answer));
	sl_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_challenges walk;
	struct sl_challenge challenge;
	size_t count = 0;
	sl_challenges_init_value(&walk, sl_span((const char *)data, len));
	while (sl_challenges_next(&walk, &challenge)) {
		struct sl_digest_auth auth;
		const char *why = NULL;
		must(sl_head_is_token(challenge.scheme));
		must(++count <= len);
		int code = sl_digest_auth_parse(&auth, &challenge, &why);
		must(code == 1 || (code == 0 && why));
		if (code == 1)
			check_answer(&auth);
		sl_digest_auth_release(&auth);
	}
	return 0;
}
