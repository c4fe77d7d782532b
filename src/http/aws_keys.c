/*
 * aws_keys.c - keys come from the options (which have them from --user or the environment), else
 * from the profile: an id of one place is never used with a secret of another.
 */
#include "aws_keys_int.h"

#include "secret_file_int.h"

#include "sluice/base/text.h"
#include "sluice/http/aws_profile.h"

#include <errno.h>

#define PROFILE_DEFAULT "default"

/* ---- files ---- */

struct files {
	struct sl_buf credentials, config; /* their texts */
	struct sl_aws_profile profile;
};

SL_SUSPENDS
static int
read_file(struct sl_aws_profile *profile, const char *path, enum sl_aws_file kind, const char *name,
	struct sl_buf *text, struct sl_error *err)
{
	struct sl_error cause = { 0 };
	if (!path)
		return 0;
	int code = sl_secret_file_read(
		path, "file of AWS profiles", SL_CREDENTIALS_FILE_MAX, text, &cause);
	if (code == -ENOENT || code == -ENOTDIR)
		return 0;
	if (code)
		return sl_fail(err, cause.phase, code, "%s", cause.text);
	if (kind == SL_AWS_FILE_CREDENTIALS)
		sl_secret_file_warn(path, "passwords");
	code = sl_aws_profile_read(profile, sl_buf_span(text), kind, name, &cause);
	return code ? sl_fail(err, SL_PHASE_OPEN, code, "'%s', %s", path, cause.text) : 0;
}

SL_SUSPENDS
static int
read_files(struct files *files, const struct sl_aws_options *options, struct sl_error *err)
{
	const char *name = options->profile ? options->profile : PROFILE_DEFAULT;
	int code = read_file(&files->profile, options->credentials_file, SL_AWS_FILE_CREDENTIALS,
		name, &files->credentials, err);
	if (!code)
		code = read_file(&files->profile, options->config_file, SL_AWS_FILE_CONFIG, name,
			&files->config, err);
	if (!code && options->profile && !files->profile.is_found)
		code = sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"the AWS profile '%s' is neither in '%s' nor in '%s'", name,
			options->credentials_file ? options->credentials_file : "",
			options->config_file ? options->config_file : "");
	return code;
}

/* ---- keys ---- */

/* NULL stays NULL; false if out of memory. */
static bool
copy(char **out, struct sl_span text)
{
	*out = text.data ? sl_span_dup(text) : NULL;
	return !text.data || *out;
}

static struct sl_span
span_of(const char *text)
{
	return text ? sl_span_str(text) : (struct sl_span){ 0 };
}

static int
fail_without_keys(const struct sl_aws_options *options, const struct sl_aws_profile *profile,
	struct sl_error *err)
{
	const char *name = options->profile ? options->profile : PROFILE_DEFAULT;
	if (profile->other_source)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"the AWS profile '%s' has no access keys but %s, which is not supported: "
			"run 'eval \"$(aws configure export-credentials --profile %s --format "
			"env)\"' before",
			name, profile->other_source, name);
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"--aws-sigv4 needs access keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
		"use --user ID:SECRET, or add aws_access_key_id and aws_secret_access_key to the "
		"profile '%s' of '%s'",
		name, options->credentials_file ? options->credentials_file : "~/.aws/credentials");
}

static int
take_keys(struct sl_aws_keys *keys, const struct sl_aws_options *options,
	const struct sl_aws_profile *profile, struct sl_error *err)
{
	bool is_given = options->id != NULL;
	struct sl_span id = is_given ? span_of(options->id) : profile->id;
	struct sl_span secret = is_given ? span_of(options->secret) : profile->secret;
	struct sl_span token = is_given ? span_of(options->token) : profile->token;
	struct sl_span region = options->region ? span_of(options->region) : profile->region;
	if (!id.data || !secret.data)
		return fail_without_keys(options, profile, err);
	if (!sl_aws_profile_is_key(id) || !sl_aws_profile_is_key(secret) ||
		(token.data && !sl_aws_profile_is_key(token)))
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"an AWS access key, its secret or the session token is empty or contains a "
			"blank, a control byte or a byte beyond ASCII");
	if (!sl_sigv4_is_part(region))
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"the AWS region contains a character that is not allowed");
	return copy(&keys->id, id) && copy(&keys->secret, secret) && copy(&keys->token, token) &&
			       copy(&keys->region, region)
		       ? 0
		       : sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot keep access keys");
}

int
sl_aws_keys_load(
	struct sl_aws_keys *keys, const struct sl_aws_options *options, struct sl_error *err)
{
	struct files files = { 0 };
	int code = sl_sigv4_read_variant(&keys->variant, sl_span_str(options->sigv4), err);
	bool has_region = options->region || keys->variant.region.len > 0;
	if (!code && (!options->id || !has_region))
		code = read_files(&files, options, err);
	if (!code)
		code = take_keys(keys, options, &files.profile, err);
	sl_buf_wipe(&files.credentials);
	sl_buf_wipe(&files.config);
	return code;
}

void
sl_aws_keys_release(struct sl_aws_keys *keys)
{
	sl_text_wipe(keys->id);
	sl_text_wipe(keys->secret);
	sl_text_wipe(keys->token);
	sl_text_wipe(keys->region);
	*keys = (struct sl_aws_keys){ 0 };
}
