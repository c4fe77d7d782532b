/*
 * run_credentials.h - what the options say of credentials, as the client of the run takes it.
 */
#ifndef SLUICE_CLI_RUN_CREDENTIALS_H
#define SLUICE_CLI_RUN_CREDENTIALS_H

#include "sluice/cli/options.h"
#include "sluice/http/credentials.h"

/* {0} has none. */
struct sl_run_credentials {
	struct sl_credentials_options options; /* for the client; borrows from here */
	char *user, *password, *netrc_file;
	char *aws_credentials_file, *aws_config_file;
	struct sl_url *typed, *named;
	size_t typed_count, typed_cap, named_count;
};

/*
 * Take the options; asks for a password if --user has none. `env` is getenv: HOME, and with
 * --aws-sigv4 the variables of AWS's programs. Returns 0; SL_E_USAGE; -ENOMEM. To be released in
 * any case.
 */
int sl_run_credentials_init(struct sl_run_credentials *credentials,
	const struct sl_auth_options *options, char *(*env)(const char *name),
	struct sl_error *err) SL_MUST_CHECK;

/* The origin of a URL on the command line; anything else is passed over, also NULL. Returns 0 or
 * -ENOMEM. */
int sl_run_credentials_add(struct sl_run_credentials *credentials, const char *url) SL_MUST_CHECK;

/* All of them, as above. */
int sl_run_credentials_add_all(
	struct sl_run_credentials *credentials, const struct sl_words *urls) SL_MUST_CHECK;

void sl_run_credentials_release(struct sl_run_credentials *credentials);

#endif
