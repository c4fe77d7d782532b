#include "sluice/cli/run_credentials.h"

#include "sluice/base/text.h"
#include "sluice/cli/password.h"

#include <errno.h>
#include <stdlib.h>

static int
take_user(struct sl_run_credentials *credentials, const char *text, struct sl_error *err)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	credentials->user = sl_span_dup(sl_span(text, len));
	if (colon)
		credentials->password = sl_span_dup(sl_span_str(colon + 1));
	if (!credentials->user || (colon && !credentials->password))
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot keep credentials");
	int code = colon ? 0 : sl_password_ask(credentials->user, &credentials->password, err);
	credentials->options.user = credentials->user;
	credentials->options.password = credentials->password;
	return code;
}

static int
take_netrc(struct sl_run_credentials *credentials, const char *home, struct sl_error *err)
{
	struct sl_buf path = { 0 };
	if (!home || !home[0])
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"--netrc reads a file in your home directory, but HOME is not set: use "
			"--netrc-file FILE");
	sl_buf_printf(&path, "%s/.netrc", home);
	credentials->netrc_file = sl_buf_detach(&path);
	credentials->options.netrc_file = credentials->netrc_file;
	return credentials->netrc_file ? 0
				       : sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot start");
}

/* ---- AWS ---- */

/* An empty variable counts as one that is not set, as for AWS's programs. */
static const char *
variable(char *(*env)(const char *name), const char *name)
{
	const char *value = env(name);
	return value && value[0] ? value : NULL;
}

/* What the variable has, else a file in the home directory, else NULL. Returns 0 or -ENOMEM. */
static int
take_aws_file(const char **out, char **owned, char *(*env)(const char *name), const char *name,
	const char *below_home)
{
	const char *home = variable(env, "HOME");
	struct sl_buf path = { 0 };
	*out = variable(env, name);
	if (*out || !home)
		return 0;
	sl_buf_printf(&path, "%s/%s", home, below_home);
	*out = *owned = sl_buf_detach(&path);
	return *owned ? 0 : -ENOMEM;
}

/* --user is the access key then. */
static int
take_aws(struct sl_run_credentials *credentials, const char *sigv4, char *(*env)(const char *name),
	struct sl_error *err)
{
	struct sl_credentials_options *options = &credentials->options;
	struct sl_aws_options *aws = &options->aws;
	const char *region = variable(env, "AWS_REGION");
	aws->sigv4 = sigv4;
	aws->region = region ? region : variable(env, "AWS_DEFAULT_REGION");
	aws->profile = variable(env, "AWS_PROFILE");
	if (options->user) {
		aws->id = options->user;
		aws->secret = options->password;
		options->user = options->password = NULL;
	} else {
		aws->id = variable(env, "AWS_ACCESS_KEY_ID");
		aws->secret = variable(env, "AWS_SECRET_ACCESS_KEY");
		aws->token = aws->id ? variable(env, "AWS_SESSION_TOKEN") : NULL;
	}
	int code = take_aws_file(&aws->credentials_file, &credentials->aws_credentials_file, env,
		"AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
	if (!code)
		code = take_aws_file(&aws->config_file, &credentials->aws_config_file, env,
			"AWS_CONFIG_FILE", ".aws/config");
	return code ? sl_fail_code(err, SL_PHASE_NONE, code, "cannot start") : 0;
}

/* ---- origins ---- */

/* Checked by the parser of options. */
static int
take_named(struct sl_run_credentials *credentials, const struct sl_words *origins,
	struct sl_error *err)
{
	if (origins->count == 0)
		return 0;
	credentials->named = calloc(origins->count, sizeof(*credentials->named));
	if (!credentials->named)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot start");
	for (size_t i = 0; i < origins->count; i++) {
		int code =
			sl_url_parse(&credentials->named[i], sl_span_str(origins->items[i]), err);
		if (code)
			return code;
		credentials->named_count++;
	}
	credentials->options.origins.named = credentials->named;
	credentials->options.origins.named_count = credentials->named_count;
	return 0;
}

int
sl_run_credentials_init(struct sl_run_credentials *credentials,
	const struct sl_auth_options *options, char *(*env)(const char *name), struct sl_error *err)
{
	int code = 0;
	*credentials = (struct sl_run_credentials){
		.options = { .bearer_file = options->bearer_file,
			.netrc_file = options->netrc_file,
			.only_digest = options->only_digest },
	};
	if (options->user)
		code = take_user(credentials, options->user, err);
	if (!code && options->netrc)
		code = take_netrc(credentials, env("HOME"), err);
	if (!code && options->aws_sigv4)
		code = take_aws(credentials, options->aws_sigv4, env, err);
	return code ? code : take_named(credentials, &options->origins, err);
}

static bool
is_typed(const struct sl_run_credentials *credentials, const struct sl_url *url)
{
	for (size_t i = 0; i < credentials->typed_count; i++)
		if (sl_url_same_origin(&credentials->typed[i], url))
			return true;
	return false;
}

int
sl_run_credentials_add(struct sl_run_credentials *credentials, const char *text)
{
	struct sl_url url;
	if (!text)
		return 0;
	int code = sl_url_parse(&url, sl_span_str(text), NULL);
	if (code)
		return code == -ENOMEM ? code : 0;
	if (is_typed(credentials, &url)) {
		sl_url_release(&url);
		return 0;
	}
	if (credentials->typed_count == credentials->typed_cap) {
		size_t cap = credentials->typed_cap ? 2 * credentials->typed_cap : 8;
		struct sl_url *more =
			reallocarray(credentials->typed, cap, sizeof(*credentials->typed));
		if (!more) {
			sl_url_release(&url);
			return -ENOMEM;
		}
		credentials->typed = more;
		credentials->typed_cap = cap;
	}
	credentials->typed[credentials->typed_count++] = url;
	credentials->options.origins.typed = credentials->typed;
	credentials->options.origins.typed_count = credentials->typed_count;
	return 0;
}

int
sl_run_credentials_add_all(struct sl_run_credentials *credentials, const struct sl_words *urls)
{
	for (size_t i = 0; i < urls->count; i++) {
		int code = sl_run_credentials_add(credentials, urls->items[i]);
		if (code)
			return code;
	}
	return 0;
}

void
sl_run_credentials_release(struct sl_run_credentials *credentials)
{
	for (size_t i = 0; i < credentials->typed_count; i++)
		sl_url_release(&credentials->typed[i]);
	for (size_t i = 0; i < credentials->named_count; i++)
		sl_url_release(&credentials->named[i]);
	free(credentials->typed);
	free(credentials->named);
	free(credentials->netrc_file);
	free(credentials->aws_credentials_file);
	free(credentials->aws_config_file);
	sl_text_wipe(credentials->user);
	sl_text_wipe(credentials->password);
	*credentials = (struct sl_run_credentials){ 0 };
}
