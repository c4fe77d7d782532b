/*
 * credentials.c - files are read when the run begins, so that what is wrong with them is reported
 * before the first request, and no request waits for a disk. A token is read again when a server
 * refuses it: services replace theirs while a run goes on.
 */
#include "sluice/http/credentials.h"

#include "aws_keys_int.h"
#include "secret_file_int.h"

#include "sluice/base/text.h"
#include "sluice/http/netrc.h"

#include <errno.h>
#include <stdlib.h>

struct sl_credentials {
	struct sl_credentials_options options;
	struct sl_buf netrc; /* text of the file */
	struct sl_buf token;
	struct sl_aws_keys aws; /* with options.aws.sigv4 */
};

/* ---- files ---- */

/* All of it is checked: an entry that is not understood may be the one that a host needs. */
SL_SUSPENDS
static int
load_netrc(struct sl_credentials *credentials, struct sl_error *err)
{
	const char *path = credentials->options.netrc_file;
	struct sl_netrc netrc;
	struct sl_netrc_entry entry = { 0 };
	struct sl_error cause = { 0 };
	int code = sl_secret_file_read(
		path, ".netrc file", SL_CREDENTIALS_FILE_MAX, &credentials->netrc, err);
	if (code)
		return code;
	sl_secret_file_warn(path, "passwords");
	sl_netrc_init(&netrc, sl_buf_span(&credentials->netrc));
	while ((code = sl_netrc_next(&netrc, &entry, &cause)) == 1)
		;
	sl_netrc_entry_release(&entry);
	return code < 0 ? sl_fail(err, SL_PHASE_OPEN, code, "'%s', %s", path, cause.text) : 0;
}

/* Why a file is not a token; NULL if it is. */
static const char *
check_token(struct sl_span token)
{
	if (token.len == 0)
		return "it is empty";
	for (size_t i = 0; i < token.len; i++) {
		unsigned char c = (unsigned char)token.data[i];
		if (c == '\n' || c == '\r')
			return "it has more than one line";
		if (c == ' ' || c == '\t')
			return "it contains a blank (it must hold the token alone)";
		if (c < 0x21 || c > 0x7e)
			return "it contains a control byte or a byte beyond ASCII";
	}
	return NULL;
}

SL_SUSPENDS
static int
read_token(const char *path, struct sl_buf *token, struct sl_error *err)
{
	struct sl_buf text = { 0 };
	int code = sl_secret_file_read(
		path, "file with a token", SL_CREDENTIALS_TOKEN_MAX, &text, err);
	if (code)
		return code;
	struct sl_span line = sl_span_trim_lines(sl_buf_span(&text));
	const char *why = check_token(line);
	if (!why && sl_buf_reserve(token, line.len + 1))
		sl_buf_add_span(token, line);
	sl_buf_wipe(&text);
	if (why)
		return sl_fail(err, SL_PHASE_OPEN, SL_E_USAGE,
			"cannot take a token from '%s', because %s", path, why);
	return token->failed ? sl_fail_code(err, SL_PHASE_OPEN, -ENOMEM, "cannot keep a token") : 0;
}

int
sl_credentials_new(struct sl_credentials **out, const struct sl_credentials_options *options,
	struct sl_error *err)
{
	struct sl_credentials *credentials = calloc(1, sizeof(*credentials));
	int code = 0;
	if (!credentials)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot keep credentials");
	credentials->options = *options;
	if (options->netrc_file)
		code = load_netrc(credentials, err);
	if (!code && options->bearer_file)
		code = read_token(options->bearer_file, &credentials->token, err);
	if (!code && options->aws.sigv4)
		code = sl_aws_keys_load(&credentials->aws, &options->aws, err);
	if (code) {
		sl_credentials_free(credentials);
		return code;
	}
	*out = credentials;
	return 0;
}

void
sl_credentials_free(struct sl_credentials *credentials)
{
	if (!credentials)
		return;
	sl_buf_wipe(&credentials->netrc);
	sl_buf_wipe(&credentials->token);
	sl_aws_keys_release(&credentials->aws);
	free(credentials);
}

const struct sl_scope_origins *
sl_credentials_origins(const struct sl_credentials *credentials)
{
	return &credentials->options.origins;
}

bool
sl_credentials_only_digest(const struct sl_credentials *credentials)
{
	return credentials->options.only_digest;
}

struct sl_sigv4_variant
sl_credentials_locate(const struct sl_credentials *credentials, const char *host)
{
	struct sl_sigv4_variant variant = credentials->aws.variant;
	sl_sigv4_locate(&variant, host, credentials->aws.region);
	return variant;
}

/* ---- identities ---- */

void
sl_identity_release(struct sl_identity *identity)
{
	sl_text_wipe(identity->user);
	sl_text_wipe(identity->secret);
	sl_text_wipe(identity->token);
	*identity = (struct sl_identity){ 0 };
}

static int
set_identity(struct sl_identity *out, enum sl_identity_kind kind, struct sl_span user,
	struct sl_span secret)
{
	out->kind = kind;
	out->user = sl_span_dup(user);
	out->secret = sl_span_dup(secret);
	if (out->user && out->secret)
		return 0;
	sl_identity_release(out);
	return -ENOMEM;
}

/* Of the .netrc file. Returns 1, 0 or -ENOMEM; the file was checked before. */
static int
find_in_netrc(const struct sl_credentials *credentials, const char *host, const char *login,
	bool use_default, struct sl_identity *out)
{
	struct sl_netrc_entry entry = { 0 };
	if (!credentials->options.netrc_file)
		return 0;
	int code = sl_netrc_find(
		sl_buf_span(&credentials->netrc), host, login, use_default, &entry, NULL);
	if (code == 1 && set_identity(out, SL_IDENTITY_USER, sl_buf_span(&entry.login),
				 sl_buf_span(&entry.password)) < 0)
		code = -ENOMEM;
	sl_netrc_entry_release(&entry);
	return code;
}

static int
set_keys(struct sl_identity *out, const struct sl_aws_keys *keys)
{
	int code = set_identity(
		out, SL_IDENTITY_KEYS, sl_span_str(keys->id), sl_span_str(keys->secret));
	if (!code && keys->token) {
		out->token = sl_span_dup(sl_span_str(keys->token));
		code = out->token ? 0 : -ENOMEM;
	}
	if (code)
		sl_identity_release(out);
	return code;
}

static int
find_given(const struct sl_credentials *credentials, struct sl_identity *out)
{
	const struct sl_credentials_options *options = &credentials->options;
	if (options->aws.sigv4)
		return set_keys(out, &credentials->aws);
	if (options->user)
		return set_identity(out, SL_IDENTITY_USER, sl_span_str(options->user),
			sl_span_str(options->password ? options->password : ""));
	return set_identity(
		out, SL_IDENTITY_TOKEN, sl_span_str(""), sl_buf_span(&credentials->token));
}

int
sl_credentials_find(const struct sl_credentials *credentials, const struct sl_scope *scope,
	const struct sl_url *first, const struct sl_url *url, struct sl_identity *out)
{
	const struct sl_credentials_options *options = &credentials->options;
	bool is_own = first->user && sl_scope_permits_own(scope);
	bool has_given = options->user || options->bearer_file || options->aws.sigv4;
	bool permits_given = sl_scope_permits_given(scope, &options->origins, url);
	int code = 0;
	*out = (struct sl_identity){ 0 };
	if (is_own && !first->password[0])
		code = find_in_netrc(credentials, url->host, first->user, permits_given, out);
	if (is_own && code == 0)
		return set_identity(out, options->aws.sigv4 ? SL_IDENTITY_KEYS : SL_IDENTITY_USER,
			sl_span_str(first->user), sl_span_str(first->password));
	if (!is_own && has_given && permits_given)
		return find_given(credentials, out);
	if (!is_own)
		code = find_in_netrc(credentials, url->host, NULL, permits_given, out);
	out->is_withheld = code == 0 && (has_given || first->user);
	return SL_MIN(code, 0);
}

bool
sl_credentials_renew(struct sl_credentials *credentials, const struct sl_identity *identity)
{
	const char *path = credentials->options.bearer_file;
	struct sl_buf token = { 0 };
	/* A FIFO, as of a shell's <(...), has nothing more, and might be waited for. */
	if (identity->kind != SL_IDENTITY_TOKEN || !sl_secret_file_is_regular(path) ||
		read_token(path, &token, NULL) != 0)
		return false;
	bool is_other = !sl_span_is(sl_buf_span(&token), identity->secret);
	if (is_other) {
		sl_buf_wipe(&credentials->token);
		credentials->token = token;
	} else {
		sl_buf_wipe(&token);
	}
	return is_other;
}
