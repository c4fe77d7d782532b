#include "sluice/base/redact.h"

#include <ctype.h>

#define MASK "***"

/* Words that mark a query parameter or a header as secret when its name contains them. */
static const char *const secret_words[] = { "token", "secret", "password", "passwd", "signature",
	"credential", "apikey", "api_key", "api-key", "accesskey", "access_key", "access-key",
	"auth", "session", "jwt" };

/* Names too short to search for inside others. */
static const char *const secret_names[] = { "sig", "key", "pass", "pwd", "cookie", "set-cookie",
	"code", "policy" };

static bool
contains_nocase(struct sl_span name, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i + len <= name.len; i++)
		if (sl_span_equal_nocase(sl_span(name.data + i, len), sl_span(word, len)))
			return true;
	return false;
}

static bool
is_secret_name(struct sl_span name)
{
	for (size_t i = 0; i < SL_COUNT_OF(secret_words); i++)
		if (contains_nocase(name, secret_words[i]))
			return true;
	for (size_t i = 0; i < SL_COUNT_OF(secret_names); i++)
		if (sl_span_is_nocase(name, secret_names[i]))
			return true;
	return false;
}

bool
sl_redact_is_secret_header(struct sl_span name)
{
	return is_secret_name(name);
}

static bool
ends_url(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '"' || c == '\'' ||
	       c == '<' || c == '>' || c == '\0';
}

/* Length of the userinfo at the start of an authority, to the last '@' before the path; or 0. */
static size_t
userinfo_len(struct sl_span rest)
{
	size_t found = 0;
	for (size_t i = 0; i < rest.len; i++) {
		char c = rest.data[i];
		if (c == '@')
			found = i + 1;
		else if (c == '/' || c == '?' || c == '#' || ends_url(c))
			break;
	}
	return found;
}

static bool
is_name_char(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("-_.%", c));
}

static size_t
name_len(struct sl_span text)
{
	size_t len = 0;
	while (len < text.len &&
		(is_name_char(text.data[len]) || text.data[len] == '[' || text.data[len] == ']'))
		len++;
	return len;
}

static size_t
until(struct sl_span text, size_t from, bool whole_line)
{
	size_t i = from;
	while (i < text.len && text.data[i] != '\n' && text.data[i] != '\r' &&
		(whole_line ||
			(text.data[i] != '&' && text.data[i] != '#' && !ends_url(text.data[i]))))
		i++;
	return i;
}

/* A secret "name=value" or header line "Name: value" at the start of `text`: copy the name, mask
 * the value. Returns the bytes used, or 0 if it is neither. */
static size_t
mask_pair(struct sl_buf *out, struct sl_span text)
{
	size_t len = name_len(text);
	if (len == 0 || len >= text.len || !is_secret_name(sl_span(text.data, len)))
		return 0;
	bool header = text.data[len] == ':';
	if (!header && text.data[len] != '=')
		return 0;
	if (header && len + 1 < text.len && text.data[len + 1] == '/')
		return 0; /* a scheme */
	size_t end = until(text, len + 1, header);
	sl_buf_add(out, text.data, len + 1);
	sl_buf_add_str(out, header ? " " MASK : MASK);
	return end;
}

void
sl_redact(struct sl_buf *out, struct sl_span text)
{
	bool word_start = true;
	while (text.len > 0) {
		size_t used = 0;
		if (text.len >= 3 && memcmp(text.data, "://", 3) == 0) {
			sl_buf_add(out, text.data, 3);
			size_t info = userinfo_len(sl_span(text.data + 3, text.len - 3));
			if (info)
				sl_buf_add_str(out, MASK "@");
			used = 3 + info;
			word_start = true;
		} else {
			used = word_start ? mask_pair(out, text) : 0;
			if (used == 0) {
				char c = text.data[0];
				sl_buf_add_char(out, c);
				used = 1;
				word_start = !is_name_char(c);
			} else {
				word_start = false;
			}
		}
		text.data += used;
		text.len -= used;
	}
}
