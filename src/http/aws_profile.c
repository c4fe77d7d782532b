#include "sluice/http/aws_profile.h"

#include "sluice/base/text.h"

/* Settings that tell where keys come from if there are none in the files. */
static const char *const other_sources[] = { "credential_process", "role_arn", "sso_session",
	"sso_start_url", "web_identity_token_file", "credential_source" };

static int
refuse(unsigned line, struct sl_error *err, const char *why)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %u: %s", line, why);
}

bool
sl_aws_profile_is_key(struct sl_span value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < 0x21 || (unsigned char)value.data[i] > 0x7e)
			return false;
	return value.len > 0;
}

/* Cut off the word before the first blank; all of it if there is none. */
static struct sl_span
take_word(struct sl_span *text)
{
	size_t len = 0;
	while (len < text->len && text->data[len] != ' ' && text->data[len] != '\t')
		len++;
	struct sl_span word = sl_span(text->data, len);
	*text = sl_span_trim(sl_span(text->data + len, text->len - len));
	return word;
}

/* Whether the section `title` is the profile `name`. */
static bool
is_profile(struct sl_span title, enum sl_aws_file file, const char *name)
{
	struct sl_span rest = title;
	if (file == SL_AWS_FILE_CREDENTIALS)
		return sl_span_is(title, name);
	if (sl_span_is(title, "default"))
		return strcmp(name, "default") == 0;
	return sl_span_is(take_word(&rest), "profile") && rest.len > 0 && sl_span_is(rest, name);
}

/* Where the value of that setting belongs; NULL = nowhere. */
static struct sl_span *
place_of(struct sl_aws_profile *profile, struct sl_span name)
{
	if (sl_span_is_nocase(name, "aws_access_key_id"))
		return &profile->id;
	if (sl_span_is_nocase(name, "aws_secret_access_key"))
		return &profile->secret;
	if (sl_span_is_nocase(name, "aws_session_token"))
		return &profile->token;
	return sl_span_is_nocase(name, "region") ? &profile->region : NULL;
}

static int
take_setting(struct sl_aws_profile *profile, struct sl_aws_profile *before, struct sl_span line,
	unsigned number, struct sl_error *err)
{
	struct sl_span name;
	if (!sl_span_take_until(&line, '=', &name))
		return refuse(number, err, "it is neither NAME = VALUE nor a [section]");
	struct sl_span value = sl_span_trim(line);
	name = sl_span_trim(name);
	struct sl_span *place = place_of(profile, name);
	if (place && value.len > 0 && !sl_aws_profile_is_key(value))
		return refuse(number, err,
			"its value contains a blank, a control byte or a byte beyond ASCII");
	if (place && !place_of(before, name)->data)
		*place = value.len > 0 ? value : (struct sl_span){ 0 };
	for (size_t i = 0; i < SL_COUNT_OF(other_sources); i++)
		if (sl_span_is_nocase(name, other_sources[i]))
			profile->other_source = other_sources[i];
	return 0;
}

static int
read_section(struct sl_span line, enum sl_aws_file file, const char *name, bool *is_in,
	unsigned number, struct sl_error *err)
{
	const char *end = memchr(line.data, ']', line.len);
	if (!end)
		return refuse(number, err, "a section has no ']'");
	*is_in = is_profile(
		sl_span_trim(sl_span(line.data + 1, (size_t)(end - line.data) - 1)), file, name);
	return 0;
}

static struct sl_span
take_line(struct sl_span *text)
{
	struct sl_span line = *text;
	if (!sl_span_take_until(text, '\n', &line))
		*text = sl_span(text->data + text->len, 0);
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

int
sl_aws_profile_read(struct sl_aws_profile *profile, struct sl_span text, enum sl_aws_file file,
	const char *name, struct sl_error *err)
{
	struct sl_aws_profile before = *profile;
	bool is_in = false;
	int code = 0;
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = sl_span(text.data + 3, text.len - 3);
	for (unsigned number = 1; text.len > 0 && !code; number++) {
		struct sl_span line = take_line(&text);
		bool is_more = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
		line = sl_span_trim(line);
		if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
			continue;
		if (line.data[0] == '[' && !is_more)
			code = read_section(line, file, name, &is_in, number, err);
		else if (is_in && !is_more)
			code = take_setting(profile, &before, line, number, err);
		profile->is_found = profile->is_found || is_in;
	}
	return code;
}
