/*
 * digest_auth.c - values are hashed as they are without quotes and backslashes, and sent with both
 * again, as browsers and curl do.
 */
#include "sluice/http/digest_auth.h"

#include "sluice/base/error.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define HEX_MAX (2 * EVP_MAX_MD_SIZE + 1)

/* ---- challenges ---- */

/* A value that can be sent back. Returns 1; 0 if it is missing; SL_E_PROTO if it cannot be sent;
 * -ENOMEM. */
static int
take_value(const struct sl_challenge *challenge, const char *name, char **out)
{
	struct sl_buf value = { 0 };
	int code = 0;
	if (sl_challenge_find(challenge, name, &value)) {
		bool is_good = value.len <= SL_DIGEST_AUTH_VALUE_MAX &&
			       !sl_text_has_control(sl_buf_span(&value));
		*out = is_good ? sl_span_dup(sl_span(value.data ? value.data : "", value.len))
			       : NULL;
		code = !is_good ? SL_E_PROTO : *out && !value.failed ? 1 : -ENOMEM;
	}
	sl_buf_release(&value);
	return code;
}

/* Whether a member of the list qop="auth,auth-int" is "auth". */
static bool
has_auth(struct sl_span list)
{
	struct sl_span member;
	while (sl_span_take_until(&list, ',', &member))
		if (sl_span_is_nocase(sl_span_trim(member), "auth"))
			return true;
	return sl_span_is_nocase(sl_span_trim(list), "auth");
}

static const char *
read_algorithm(struct sl_digest_auth *out, const struct sl_challenge *challenge, bool *failed)
{
	struct sl_buf value = { 0 };
	const char *why = NULL;
	out->has_algorithm = sl_challenge_find(challenge, "algorithm", &value);
	struct sl_span name = sl_buf_span(&value);
	if (out->has_algorithm && sl_span_is_nocase(name, "SHA-256"))
		out->algorithm = SL_DIGEST_SHA_256;
	else if (out->has_algorithm && !sl_span_is_nocase(name, "MD5"))
		why = "its algorithm is not supported (only SHA-256 and MD5 are)";
	*failed = *failed || value.failed;
	sl_buf_release(&value);
	return why;
}

static const char *
read_qop(struct sl_digest_auth *out, const struct sl_challenge *challenge, bool *failed)
{
	struct sl_buf value = { 0 };
	const char *why = NULL;
	bool is_given = sl_challenge_find(challenge, "qop", &value);
	out->has_qop = is_given && has_auth(sl_buf_span(&value));
	if (is_given && !out->has_qop)
		why = "its quality of protection is not supported (only auth is)";
	*failed = *failed || value.failed;
	sl_buf_release(&value);
	return why;
}

static void
read_stale(struct sl_digest_auth *out, const struct sl_challenge *challenge, bool *failed)
{
	struct sl_buf value = { 0 };
	out->is_stale = sl_challenge_find(challenge, "stale", &value) &&
			sl_span_is_nocase(sl_buf_span(&value), "true");
	*failed = *failed || value.failed;
	sl_buf_release(&value);
}

int
sl_digest_auth_parse(
	struct sl_digest_auth *out, const struct sl_challenge *challenge, const char **why)
{
	*out = (struct sl_digest_auth){ 0 };
	bool failed = false;
	*why = read_algorithm(out, challenge, &failed);
	if (!*why)
		*why = read_qop(out, challenge, &failed);
	read_stale(out, challenge, &failed);
	int realm = take_value(challenge, "realm", &out->realm);
	int nonce = take_value(challenge, "nonce", &out->nonce);
	int opaque = take_value(challenge, "opaque", &out->opaque);
	if (!*why && (realm == 0 || nonce == 0 || (nonce == 1 && !out->nonce[0])))
		*why = "it has no realm or no nonce";
	if (!*why && (realm == SL_E_PROTO || nonce == SL_E_PROTO || opaque == SL_E_PROTO))
		*why = "a value in it is too long or contains a control byte";
	bool is_short = failed || realm == -ENOMEM || nonce == -ENOMEM || opaque == -ENOMEM;
	if (!*why && !is_short)
		return 1;
	sl_digest_auth_release(out);
	return is_short ? -ENOMEM : 0;
}

void
sl_digest_auth_release(struct sl_digest_auth *auth)
{
	free(auth->realm);
	free(auth->nonce);
	free(auth->opaque);
	*auth = (struct sl_digest_auth){ 0 };
}

int
sl_digest_auth_set_nonce(struct sl_digest_auth *auth, struct sl_span nonce)
{
	if (nonce.len == 0 || nonce.len > SL_DIGEST_AUTH_VALUE_MAX || sl_text_has_control(nonce))
		return SL_E_PROTO;
	char *copy = sl_span_dup(nonce);
	if (!copy)
		return -ENOMEM;
	free(auth->nonce);
	auth->nonce = copy;
	return 0;
}

int
sl_digest_auth_choose(struct sl_digest_auth *out, bool *has_basic, const struct sl_head *head,
	const char *name, const char **why)
{
	struct sl_challenges walk;
	struct sl_challenge challenge;
	*out = (struct sl_digest_auth){ 0 };
	*has_basic = false;
	sl_challenges_init(&walk, head, name);
	while (sl_challenges_next(&walk, &challenge)) {
		struct sl_digest_auth digest;
		*has_basic = *has_basic || sl_span_is_nocase(challenge.scheme, "Basic");
		if (!sl_span_is_nocase(challenge.scheme, "Digest"))
			continue;
		int code = sl_digest_auth_parse(&digest, &challenge, why);
		bool is_better = code == 1 && (!out->realm || digest.algorithm > out->algorithm);
		sl_digest_auth_release(is_better ? out : &digest);
		if (is_better)
			*out = digest;
		if (code < 0)
			return code;
	}
	return 0;
}

/* ---- responses to them ---- */

/* The hash of `text`, which is wiped, in hexadecimal. Returns 0 or SL_E_UNSUPPORTED. */
static int
hash(const struct sl_digest_auth *auth, struct sl_buf *text, char hex[HEX_MAX])
{
	const EVP_MD *method = auth->algorithm == SL_DIGEST_MD5 ? EVP_md5() : EVP_sha256();
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int code = text->failed ? -ENOMEM : 0;
	if (!code && EVP_Digest(text->data, text->len, value, &len, method, NULL) != 1)
		code = SL_E_UNSUPPORTED;
	sl_text_write_hex(hex, value, code ? 0 : len);
	sl_buf_wipe(text);
	return code;
}

/* RFC 7616 3.4.1, and RFC 2069 2.1.2 without a quality of protection. */
static int
respond(const struct sl_digest_auth *auth, const struct sl_digest_request *request,
	char response[HEX_MAX])
{
	struct sl_buf text = { 0 };
	char who[HEX_MAX], what[HEX_MAX];
	/* In one piece, which is wiped: a buffer that grows would leave copies of the password. */
	sl_buf_reserve(
		&text, strlen(request->user) + strlen(auth->realm) + strlen(request->password) + 3);
	sl_buf_printf(&text, "%s:%s:%s", request->user, auth->realm, request->password);
	int code = hash(auth, &text, who);
	sl_buf_printf(&text, "%s:%s", request->method, request->target);
	if (!code)
		code = hash(auth, &text, what);
	if (!code) {
		sl_buf_printf(&text, "%s:%s:", who, auth->nonce);
		if (auth->has_qop)
			sl_buf_printf(&text, "%08x:%s:auth:", request->count, request->cnonce);
		sl_buf_add_str(&text, what);
		code = hash(auth, &text, response);
	}
	explicit_bzero(who, sizeof(who));
	sl_buf_release(&text);
	return code;
}

static void
add_quoted(struct sl_buf *out, const char *name, const char *value)
{
	sl_buf_printf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			sl_buf_add_char(out, '\\');
		sl_buf_add_char(out, *value);
	}
	sl_buf_add_char(out, '"');
}

int
sl_digest_auth_format(struct sl_buf *out, const struct sl_digest_auth *auth,
	const struct sl_digest_request *request)
{
	char response[HEX_MAX];
	size_t before = out->len;
	int code = respond(auth, request, response);
	if (code)
		return code;
	add_quoted(out, "Digest username", request->user);
	add_quoted(out, ", realm", auth->realm);
	add_quoted(out, ", nonce", auth->nonce);
	add_quoted(out, ", uri", request->target);
	if (auth->has_algorithm)
		sl_buf_printf(out, ", algorithm=%s",
			auth->algorithm == SL_DIGEST_MD5 ? "MD5" : "SHA-256");
	add_quoted(out, ", response", response);
	if (auth->has_qop)
		sl_buf_printf(
			out, ", qop=auth, nc=%08x, cnonce=\"%s\"", request->count, request->cnonce);
	if (auth->opaque)
		add_quoted(out, ", opaque", auth->opaque);
	if (!out->failed)
		return 0;
	out->len = before;
	return -ENOMEM;
}
