/*
 * aws_profile.h - the files ~/.aws/credentials and ~/.aws/config of AWS's own programs: settings by
 * profile. Pure.
 *
 *	[NAME]                      in credentials; in config [profile NAME], or [default]
 *	aws_access_key_id = ID
 *	aws_secret_access_key = KEY
 *	aws_session_token = TOKEN
 *	region = REGION
 *
 * Lines that begin with '#' or ';' are comments. A line that begins with a blank belongs to the
 * setting before it and is skipped, like settings with other names. Of settings given twice the
 * last one counts.
 */
#ifndef SLUICE_HTTP_AWS_PROFILE_H
#define SLUICE_HTTP_AWS_PROFILE_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* What is found of one profile, over several files; {0} begins it. Spans are of their texts. */
struct sl_aws_profile {
	bool is_found;
	struct sl_span id, secret, token; /* .data = NULL: not given */
	struct sl_span region;            /* likewise */
	/* The setting by which it has keys fetched in another way; NULL = none. */
	const char *other_source;
};

enum sl_aws_file { SL_AWS_FILE_CREDENTIALS, SL_AWS_FILE_CONFIG };

/*
 * Add what `text` has for the profile `name`. What an earlier file had remains. Returns 0;
 * SL_E_USAGE for a line of this profile that is neither a setting, a comment nor empty, a section
 * without ']', and a value with a control byte, or a key with a blank or a byte beyond ASCII (the
 * message has the number of the line and none of its text).
 */
int sl_aws_profile_read(struct sl_aws_profile *profile, struct sl_span text, enum sl_aws_file file,
	const char *name, struct sl_error *err) SL_MUST_CHECK;

/* Whether the value can be sent as a key or token: printable ASCII without blanks, not empty. */
bool sl_aws_profile_is_key(struct sl_span value);

#endif
