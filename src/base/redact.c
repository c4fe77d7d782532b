/*
 * redact.c - one pass over text of any kind, which may be cut anywhere; at each offset the longest
 * secret that can begin there is masked. In doubt too much is masked. Values are secret only by the
 * names of their parameters, header fields and members.
 */
#include "sluice/base/redact.h"

#include "sluice/base/number.h"

#include <ctype.h>

#define MASK "***"

/* Words that mark a query parameter or a header as secret when its name contains them. */
static const char *const secret_words[] = { "token", "secret", "password", "passwd", "signature",
	"credential", "apikey", "api_key", "api-key", "accesskey", "access_key", "access-key",
	"auth", "session", "jwt", "bearer", "passphrase", "hmac", "ticket", "-key", "_key" };

/* Names too short to search for inside others. */
static const char *const secret_names[] = { "sig", "key", "pass", "pwd", "pw", "cookie",
	"set-cookie", "code", "policy", "sign", "sas", "verify", "hdnts", "hdnea", "hdntl" };

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

/* Remove the first character from `text`, which is not empty, and return it percent-decoded. */
static char
take_decoded(struct sl_span *text)
{
	int high = text->len > 2 ? sl_hex_digit((unsigned char)text->data[1]) : -1;
	int low = high >= 0 ? sl_hex_digit((unsigned char)text->data[2]) : -1;
	bool coded = text->data[0] == '%' && low >= 0;
	char c = text->data[0];
	if (coded)
		c = (char)(high << 4 | low);
	*text = sl_span(text->data + (coded ? 3 : 1), text->len - (coded ? 3 : 1));
	return c;
}

static bool
is_secret_parameter(struct sl_span name)
{
	char plain[128];
	size_t len = 0;
	while (name.len > 0 && len < sizeof(plain))
		plain[len++] = take_decoded(&name);
	return is_secret_name(sl_span(plain, len));
}

/* A value that is itself a URL with userinfo or a query, whichever of its characters are
 * percent-encoded. */
static bool
contains_url_secret(struct sl_span value)
{
	static const char mark[] = "://";
	size_t matched = 0;
	while (value.len > 0) {
		char c = take_decoded(&value);
		if (matched == strlen(mark) && (c == '@' || c == '='))
			return true;
		if (matched < strlen(mark))
			matched = c == mark[matched] ? matched + 1 : c == mark[0];
	}
	return false;
}

/* Messages quote URLs with apostrophes, which may occur in URLs too: an apostrophe ends the URL
 * only if a blank or punctuation follows. */
static bool
ends_url(struct sl_span text, size_t at)
{
	char c = text.data[at];
	if (c != '\'')
		return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '"' || c == '<' ||
		       c == '>' || c == '\0';
	size_t next = at + 1;
	if (next < text.len && text.data[next] && strchr(":,;.)", text.data[next]))
		next++;
	return next == text.len || isspace((unsigned char)text.data[next]);
}

/* Length of the userinfo at the start of an authority, up to the last '@' before the path; or 0. */
static size_t
userinfo_len(struct sl_span rest)
{
	size_t found = 0;
	for (size_t i = 0; i < rest.len && !ends_url(rest, i); i++) {
		char c = rest.data[i];
		if (c == '@')
			found = i + 1;
		else if (c == '/' || c == '?' || c == '#')
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
line_len(struct sl_span text)
{
	size_t len = 0;
	while (len < text.len && text.data[len] != '\n' && text.data[len] != '\r')
		len++;
	return len;
}

static size_t
value_end(struct sl_span text, size_t from)
{
	size_t i = from;
	while (i < text.len && text.data[i] != '&' && text.data[i] != '#' && !ends_url(text, i))
		i++;
	return i;
}

/*
 * A secret "name=value" at the start of `text`: copy the name, mask the value. Returns the bytes
 * used, or 0 if there is none. *clean is the end of the last value that was searched in vain: a '?'
 * or ';' within it begins another value with the same end, which is not searched again.
 */
static size_t
mask_parameter(struct sl_buf *out, struct sl_span text, const char **clean)
{
	size_t len = name_len(text);
	if (len == 0 || len >= text.len || text.data[len] != '=')
		return 0;
	bool is_clean = text.data + len < *clean;
	size_t end = is_clean ? (size_t)(*clean - text.data) : value_end(text, len + 1);
	if (!is_secret_parameter(sl_span(text.data, len)) &&
		(is_clean || !contains_url_secret(sl_span(text.data + len + 1, end - len - 1)))) {
		*clean = text.data + end;
		return 0;
	}
	sl_buf_add(out, text.data, len + 1);
	sl_buf_add_str(out, MASK);
	return end;
}

/* The same for a header field "Name: value" at the beginning of a line or word, up to the end of
 * the line. Hosts with a port are excluded, and so is quoted text, which is a file name. */
static size_t
mask_header(struct sl_buf *out, struct sl_span text)
{
	size_t len = name_len(text);
	struct sl_span name = sl_span(text.data, len);
	if (len == 0 || len >= text.len || text.data[len] != ':' || memchr(name.data, '.', len) ||
		!is_secret_name(name))
		return 0;
	if (text.len - len >= 3 && memcmp(text.data + len, "://", 3) == 0)
		return 0; /* a scheme */
	sl_buf_add(out, text.data, len);
	sl_buf_add_str(out, ": " MASK);
	return line_len(text);
}

/* The userinfo behind "//" at the start of `text`. The scheme before it may be misspelt or missing,
 * as in "https//user:password@host". */
static size_t
mask_userinfo(struct sl_buf *out, struct sl_span text)
{
	if (text.len < 2 || memcmp(text.data, "//", 2) != 0)
		return 0;
	size_t len = userinfo_len(sl_span(text.data + 2, text.len - 2));
	if (len == 0)
		return 0;
	sl_buf_add_str(out, "//" MASK "@");
	return 2 + len;
}

void
sl_redact(struct sl_buf *out, struct sl_span text)
{
	char before = '\n';
	const char *clean = text.data;
	while (text.len > 0) {
		size_t used = mask_userinfo(out, text);
		if (!used && before && strchr("?&;#", before))
			used = mask_parameter(out, text, &clean);
		else if (!used && before && strchr("\n >", before))
			used = mask_header(out, text);
		if (!used) {
			sl_buf_add_char(out, text.data[0]);
			used = 1;
		}
		before = text.data[used - 1];
		text.data += used;
		text.len -= used;
	}
}

/* ---- documents ---- */

/* "code" is secret in the query of a login (OAuth), but in a document it is an error code. */
static bool
is_secret_member(struct sl_span name)
{
	return is_secret_name(name) && !sl_span_is_nocase(name, "code");
}

/* Offset of the first byte at or after `from` that is neither a blank nor in `others`. */
static size_t
skip_any(struct sl_span text, size_t from, const char *others)
{
	while (from < text.len && text.data[from] &&
		(isspace((unsigned char)text.data[from]) || strchr(others, text.data[from])))
		from++;
	return from;
}

/* True if a string, an object or a list begins at `at`. */
static bool
begins_nested(struct sl_span text, size_t at)
{
	return at < text.len && text.data[at] && strchr("\"'{[", text.data[at]);
}

/* End of the value that begins at `from`: with its quotes, or at a character that may follow a
 * number, a word or an attribute. An object, a list and a string that does not end on its line are
 * masked up to the end of the text, since finding their end needs a parser. */
static size_t
value_of_member_end(struct sl_span text, size_t from)
{
	char first = from < text.len ? text.data[from] : '\0';
	size_t i = from;
	if (first == '{' || first == '[')
		return text.len;
	if (first == '"' || first == '\'') {
		for (i++; i < text.len && text.data[i] != first; i++) {
			if (text.data[i] == '\\' && i + 1 < text.len)
				i++;
			if (text.data[i] == '\n')
				return text.len;
		}
		return SL_MIN(i + 1, text.len);
	}
	while (i < text.len && !isspace((unsigned char)text.data[i]) &&
		(!text.data[i] || !strchr(",;}]<>&", text.data[i])))
		i++;
	return i;
}

/*
 * A secret member whose name begins `text`, after its quote if it has one: "name": value (also with
 * escaped quotes, within a string), name: value to the line's end, or name=value. A word or number
 * on the line after the name takes that line. Copies it up to the value, which is masked. Returns
 * the bytes used, or 0 if there is none.
 */
static size_t
mask_member(struct sl_buf *out, struct sl_span text)
{
	size_t len = name_len(text);
	if (len == 0 || !is_secret_member(sl_span(text.data, len)))
		return 0;
	size_t mark = skip_any(text, len, "\\\"'");
	if (mark == text.len || (text.data[mark] != ':' && text.data[mark] != '='))
		return 0;
	bool is_header = text.data[mark] == ':' && skip_any(text, len, "") == mark;
	size_t from = skip_any(text, mark + 1, "\\");
	bool is_on_next_line = memchr(text.data + mark, '\n', from - mark);
	sl_buf_add(out, text.data, from);
	sl_buf_add_str(out, MASK);
	if (is_header || (is_on_next_line && !begins_nested(text, from)))
		return from + line_len(sl_span(text.data + from, text.len - from));
	return value_of_member_end(text, from);
}

/* True if `text` begins with the tag of a secret element: <name ...>, also with a prefix. */
static bool
begins_secret_element(struct sl_span text)
{
	size_t len = 1;
	if (text.data[0] != '<')
		return false;
	while (len < text.len && (is_name_char(text.data[len]) || text.data[len] == ':'))
		len++;
	return is_secret_member(sl_span(text.data + 1, len - 1));
}

/* Mask the text between the end of such a tag and the next tag. Returns the bytes used. */
static size_t
mask_element_text(struct sl_buf *out, struct sl_span text)
{
	const char *next = memchr(text.data, '<', text.len);
	sl_buf_add_str(out, ">" MASK);
	return next ? (size_t)(next - text.data) : text.len;
}

void
sl_redact_document(struct sl_buf *out, struct sl_span text)
{
	struct sl_buf masked = { 0 };
	bool in_name = false, in_secret_tag = false;
	while (text.len > 0) {
		size_t used = in_name ? 0 : mask_member(&masked, text);
		in_secret_tag = in_secret_tag || begins_secret_element(text);
		if (!used && in_secret_tag && text.data[0] == '>') {
			used = mask_element_text(&masked, text);
			in_secret_tag = false;
		}
		if (!used) {
			sl_buf_add_char(&masked, text.data[0]);
			used = 1;
		}
		in_name = is_name_char(text.data[used - 1]);
		text = sl_span(text.data + used, text.len - used);
	}
	sl_redact(out, sl_buf_span(&masked));
	out->failed = out->failed || masked.failed;
	sl_buf_release(&masked);
}
