/*
 * Content-Disposition, read as browsers do: the parameters are taken from any disposition type, and
 * one that is not valid is passed over.
 *
 *  - filename*= (RFC 8187: UTF-8 or ISO-8859-1, percent-encoded) takes precedence wherever it
 *    stands; of two parameters of one name the first counts.
 *  - filename= is a token or a quoted string. Servers send blanks in tokens, which end at the next
 *    ';', and bytes beyond ASCII, which are UTF-8, or else ISO-8859-1. Percent signs stand for
 *    themselves.
 *  - A name is a suggestion of the server (RFC 6266 4.3): its directories are dropped, and what is
 *    then left must be safe as a name.
 */
#include "sluice/http/disposition.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"
#include "url_int.h"

#include <errno.h>

/* ---- characters ---- */

/* Each byte is the code point of that number. */
static void
add_latin1(struct sl_buf *out, struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x80) {
			sl_buf_add_char(out, (char)c);
		} else {
			sl_buf_add_char(out, (char)(0xc0 | c >> 6));
			sl_buf_add_char(out, (char)(0x80 | (c & 0x3f)));
		}
	}
}

/* False if a '%' begins no escape. */
static bool
decode_percent(struct sl_buf *out, struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] != '%') {
			sl_buf_add_char(out, text.data[i]);
			continue;
		}
		int high = i + 2 < text.len ? sl_hex_digit((unsigned char)text.data[i + 1]) : -1;
		int low = high >= 0 ? sl_hex_digit((unsigned char)text.data[i + 2]) : -1;
		if (low < 0)
			return false;
		sl_buf_add_char(out, (char)(high * 16 + low));
		i += 2;
	}
	return true;
}

/* charset'language'value. False for what is not valid in its charset, or has another one. */
static bool
decode_extended(struct sl_buf *out, struct sl_span value)
{
	struct sl_span charset, language;
	struct sl_buf bytes = { 0 };
	bool good = sl_span_take_until(&value, '\'', &charset) &&
		    sl_span_take_until(&value, '\'', &language) && decode_percent(&bytes, value);
	struct sl_span text = bytes.len ? sl_buf_span(&bytes) : sl_span("", 0);
	if (good && sl_span_is_nocase(charset, "UTF-8") && sl_text_is_utf8(text))
		sl_buf_add_span(out, text);
	else if (good && sl_span_is_nocase(charset, "ISO-8859-1"))
		add_latin1(out, text);
	else
		good = false;
	out->failed = out->failed || bytes.failed;
	sl_buf_release(&bytes);
	return good;
}

static void
add_plain(struct sl_buf *out, struct sl_span value)
{
	if (sl_text_is_utf8(value))
		sl_buf_add_span(out, value);
	else
		add_latin1(out, value);
}

/* ---- parameters ---- */

/* What is behind the opening quote, up to the closing one. False if there is none: then what comes
 * is cut off somewhere. */
static bool
take_quoted(struct sl_span *rest, struct sl_buf *value)
{
	for (size_t i = 0; i < rest->len; i++) {
		char c = rest->data[i];
		if (c == '"') {
			*rest = sl_span(rest->data + i + 1, rest->len - i - 1);
			return true;
		}
		if (c == '\\' && ++i < rest->len)
			c = rest->data[i];
		sl_buf_add_char(value, c);
	}
	return false;
}

/* The next parameter; `value` is cleared first. False at the end. A piece without '=', as the
 * disposition type, has an empty name. */
static bool
next_parameter(struct sl_span *rest, struct sl_span *name, struct sl_buf *value)
{
	sl_buf_clear(value);
	*rest = sl_span_trim(*rest);
	if (rest->len == 0)
		return false;
	size_t len = 0;
	while (len < rest->len && rest->data[len] != '=' && rest->data[len] != ';')
		len++;
	bool has_value = len < rest->len && rest->data[len] == '=';
	*name = sl_span_trim(sl_span(rest->data, has_value ? len : 0));
	*rest = sl_span(rest->data + len + has_value, rest->len - len - has_value);
	if (has_value)
		*rest = sl_span_trim(*rest);
	bool is_quoted = has_value && rest->len > 0 && rest->data[0] == '"';
	if (is_quoted) {
		*rest = sl_span(rest->data + 1, rest->len - 1);
		if (!take_quoted(rest, value))
			return false;
	}
	/* Behind a quoted string this is what does not belong there. */
	struct sl_span token;
	if (!sl_span_take_until(rest, ';', &token)) {
		token = *rest;
		*rest = sl_span(rest->data, 0);
	}
	if (has_value && !is_quoted)
		sl_buf_add_span(value, sl_span_trim(token));
	return true;
}

/* What is suggested, decoded; false if nothing is. */
static bool
find_name(struct sl_span field, struct sl_buf *out)
{
	struct sl_buf value = { 0 }, plain = { 0 };
	struct sl_span name;
	bool is_extended = false, is_plain = false;
	while (!is_extended && next_parameter(&field, &name, &value)) {
		struct sl_span text = value.len ? sl_buf_span(&value) : sl_span("", 0);
		if (sl_span_is_nocase(name, "filename*")) {
			is_extended = decode_extended(out, text);
		} else if (sl_span_is_nocase(name, "filename") && !is_plain) {
			add_plain(&plain, text);
			is_plain = true;
		}
	}
	if (!is_extended && plain.len > 0)
		sl_buf_add_span(out, sl_buf_span(&plain));
	out->failed = out->failed || value.failed || plain.failed;
	sl_buf_release(&value);
	sl_buf_release(&plain);
	return is_extended || is_plain;
}

/* ---- the name ---- */

static struct sl_span
last_component(struct sl_span path)
{
	size_t cut = path.len;
	while (cut > 0 && path.data[cut - 1] != '/' && path.data[cut - 1] != '\\')
		cut--;
	return sl_span_trim(sl_span(path.data + cut, path.len - cut));
}

int
sl_disposition_parse(struct sl_span value, struct sl_buf *name, const char **why)
{
	struct sl_buf suggested = { 0 };
	enum sl_disposition result = SL_DISPOSITION_NONE;
	if (find_name(value, &suggested)) {
		struct sl_span text = suggested.len ? sl_buf_span(&suggested) : sl_span("", 0);
		struct sl_span last = last_component(text);
		*why = last.len ? sl_url_add_safe_name(name, last) : "it is empty";
		result = *why ? SL_DISPOSITION_UNUSABLE : SL_DISPOSITION_NAME;
		if (*why)
			sl_buf_add_span(name, text);
	}
	bool failed = suggested.failed || name->failed;
	sl_buf_release(&suggested);
	return failed ? -ENOMEM : (int)result;
}
