/*
 * ~/.aws/credentials and ~/.aws/config: the first line is the profile. Values are within the text
 * and can be sent; what is read as a key and a region, written anew, is read as the same.
 */
#include "fuzz/fuzz.h"
#include "sluice/http/aws_profile.h"

#include <stdlib.h>

static void
check_value(struct sl_span text, struct sl_span value)
{
	must(!value.data ||
		(value.data >= text.data && value.data + value.len <= text.data + text.len &&
			sl_aws_profile_is_key(value)));
}

static void
add_setting(struct sl_buf *out, const char *name, struct sl_span value)
{
	sl_buf_printf(out, "%s =", name);
	sl_buf_add_span(out, value);
	sl_buf_add_char(out, '\n');
}

static void
check_again(const struct sl_aws_profile *profile)
{
	struct sl_aws_profile again = { 0 };
	struct sl_buf text = { 0 };
	sl_buf_add_str(&text, "[x]\n");
	add_setting(&text, "aws_access_key_id", profile->id);
	add_setting(&text, "aws_secret_access_key", profile->secret);
	add_setting(&text, "aws_session_token", profile->token);
	add_setting(&text, "region", profile->region);
	must(sl_aws_profile_read(&again, sl_buf_span(&text), SL_AWS_FILE_CREDENTIALS, "x", NULL) ==
		0);
	must(again.is_found && sl_span_equal(again.id, profile->id) &&
		sl_span_equal(again.secret, profile->secret) &&
		sl_span_equal(again.token, profile->token) &&
		sl_span_equal(again.region, profile->region));
	sl_buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span text = sl_span((const char *)data, len), name;
	if (!sl_span_take_until(&text, '\n', &name))
		return 0;
	char *profile_name = sl_span_dup(name);
	must(profile_name != NULL);
	for (int file = SL_AWS_FILE_CREDENTIALS; file <= SL_AWS_FILE_CONFIG; file++) {
		struct sl_aws_profile profile = { 0 };
		struct sl_error err = { 0 };
		int code = sl_aws_profile_read(
			&profile, text, (enum sl_aws_file)file, profile_name, &err);
		must(code == 0 || (code == SL_E_USAGE && err.text[0]));
		check_value(text, profile.id);
		check_value(text, profile.secret);
		check_value(text, profile.token);
		check_value(text, profile.region);
		must(profile.is_found || (!profile.id.data && !profile.other_source));
		check_again(&profile);
	}
	free(profile_name);
	return 0;
}
