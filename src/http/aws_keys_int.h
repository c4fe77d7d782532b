/*
 * aws_keys_int.h - the access keys of a run, and the region, from the options or the profile.
 */
#ifndef SLUICE_HTTP_AWS_KEYS_INT_H
#define SLUICE_HTTP_AWS_KEYS_INT_H

#include "sluice/http/credentials.h"

struct sl_aws_keys {
	struct sl_sigv4_variant variant; /* of the options' text */
	char *id, *secret;
	char *token, *region; /* NULL = none */
};

/* Harmless on {0}; wiped. */
void sl_aws_keys_release(struct sl_aws_keys *keys);

/*
 * *keys is {0}. A file of credentials that others may read is reported as a warning. Returns 0;
 * SL_E_USAGE for a variant, keys or a file that are not valid, a profile that is in neither file,
 * and if there are no keys; a negative errno if a file exists and cannot be read; -ENOMEM. To be
 * released in any case.
 */
SL_SUSPENDS
int sl_aws_keys_load(struct sl_aws_keys *keys, const struct sl_aws_options *options,
	struct sl_error *err) SL_MUST_CHECK;

#endif
