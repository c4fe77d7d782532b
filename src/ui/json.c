/*
 * json.c - each call appends to the caller's buffer. A stack of open objects and arrays determines
 * where commas are needed and whether a key is required.
 *
 * Besides what RFC 8259 requires, characters that a terminal or a JavaScript parser would act on
 * are escaped: DEL, C1 controls, U+2028, U+2029 and bidirectional controls. The output can
 * therefore be printed on a terminal.
 */
#include "sluice/ui/json.h"

#include "sluice/base/text.h"

static void
open_value(struct sl_json *json, enum sl_json_kind kind)
{
	sl_assert(json->depth < SL_JSON_DEPTH_MAX);
	json->has_items[json->depth] = false;
	json->kinds[json->depth] = kind;
	json->depth++;
	sl_buf_add_char(json->out, kind == SL_JSON_OBJECT ? '{' : '[');
}

/* Append what precedes a value: a comma if it is not the first, and its key. */
static void
begin_value(struct sl_json *json, const char *key)
{
	sl_assert(json->depth > 0);
	unsigned inner = json->depth - 1;
	sl_assert((key != NULL) == (json->kinds[inner] == SL_JSON_OBJECT));
	if (json->has_items[inner])
		sl_buf_add_char(json->out, ',');
	json->has_items[inner] = true;
	if (key) {
		sl_buf_add_char(json->out, '"');
		sl_buf_add_str(json->out, key);
		sl_buf_add_str(json->out, "\":");
	}
}

static bool
needs_escape(uint32_t code)
{
	return code < 0x20 || code == '"' || code == '\\' || (code >= 0x7f && code <= 0x9f) ||
	       code == 0x2028 || code == 0x2029 || sl_text_is_bidi_control(code);
}

static void
add_escape(struct sl_buf *out, uint32_t code)
{
	static const char specials[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *special = code > 0 && code < 0x80 ? strchr(specials, (int)code) : NULL;
	if (special)
		sl_buf_add(out, (const char[]){ '\\', letters[special - specials] }, 2);
	else
		sl_buf_printf(out, "\\u%04x", code);
}

static void
add_escaped(struct sl_buf *out, struct sl_span text)
{
	size_t plain = 0, pos = 0;
	while ((pos += sl_text_plain(sl_span(text.data + pos, text.len - pos))) < text.len) {
		uint32_t code = 0;
		size_t len = sl_text_utf8(sl_span(text.data + pos, text.len - pos), &code);
		if (len > 0 && !needs_escape(code)) {
			pos += len;
			continue;
		}
		sl_buf_add(out, text.data + plain, pos - plain);
		if (len == 0)
			sl_buf_add_str(out, "\xef\xbf\xbd");
		else
			add_escape(out, code);
		pos += len ? len : 1;
		plain = pos;
	}
	sl_buf_add(out, text.data + plain, pos - plain);
}

void
sl_json_begin(struct sl_json *json, struct sl_buf *out)
{
	json->out = out;
	json->depth = 0;
	open_value(json, SL_JSON_OBJECT);
}

void
sl_json_open(struct sl_json *json, const char *key, enum sl_json_kind kind)
{
	begin_value(json, key);
	open_value(json, kind);
}

void
sl_json_close(struct sl_json *json)
{
	sl_assert(json->depth > 0);
	json->depth--;
	sl_buf_add_char(json->out, json->kinds[json->depth] == SL_JSON_OBJECT ? '}' : ']');
}

void
sl_json_end_line(struct sl_json *json)
{
	while (json->depth > 0)
		sl_json_close(json);
	sl_buf_add_char(json->out, '\n');
}

void
sl_json_string(struct sl_json *json, const char *key, struct sl_span text)
{
	begin_value(json, key);
	sl_buf_add_char(json->out, '"');
	add_escaped(json->out, text);
	sl_buf_add_char(json->out, '"');
}

void
sl_json_string_or_bytes(struct sl_json *json, const char *key, struct sl_span data)
{
	if (sl_text_is_utf8(data))
		sl_json_string(json, key, data);
	else
		sl_json_text_or_bytes(json, key, data);
}

void
sl_json_text_or_bytes(struct sl_json *json, const char *key, struct sl_span data)
{
	bool is_text = sl_text_is_utf8(data);
	sl_json_begin_data(json, key, is_text);
	sl_json_add_data(json, is_text, data);
	sl_json_end_data(json);
}

void
sl_json_begin_data(struct sl_json *json, const char *key, bool is_text)
{
	sl_json_open(json, key, SL_JSON_OBJECT);
	begin_value(json, is_text ? "text" : "bytes");
	sl_buf_add_char(json->out, '"');
}

void
sl_json_add_data(struct sl_json *json, bool is_text, struct sl_span piece)
{
	if (is_text)
		add_escaped(json->out, piece);
	else
		sl_text_add_base64(json->out, piece);
}

void
sl_json_end_data(struct sl_json *json)
{
	sl_buf_add_char(json->out, '"');
	sl_json_close(json);
}

void
sl_json_u64(struct sl_json *json, const char *key, uint64_t value)
{
	begin_value(json, key);
	sl_buf_add_u64(json->out, value);
}

void
sl_json_bool(struct sl_json *json, const char *key, bool value)
{
	begin_value(json, key);
	sl_buf_add_str(json->out, value ? "true" : "false");
}

void
sl_json_null(struct sl_json *json, const char *key)
{
	begin_value(json, key);
	sl_buf_add_str(json->out, "null");
}

void
sl_json_seconds(struct sl_json *json, const char *key, uint64_t ns)
{
	begin_value(json, key);
	sl_buf_printf(json->out, "%llu.%09u", (unsigned long long)(ns / SL_NS_PER_S),
		(unsigned)(ns % SL_NS_PER_S));
}

void
sl_json_u64_or_null(struct sl_json *json, const char *key, uint64_t value)
{
	if (value == UINT64_MAX)
		sl_json_null(json, key);
	else
		sl_json_u64(json, key, value);
}
