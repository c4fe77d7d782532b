/*
 * Lists of JSON lines: one object a line, parsed by jansson.
 *
 *	{"url": "https://a.example/x", "out": "x", "sha256": "9f86...", "size": 4096}
 *
 * Rules:
 *  - jansson recurses, and a task has a small stack: how deep a line is nested is checked before.
 *  - Numbers are taken as real ones: jansson refuses integers of more than 63 bits, which may stand
 *    in keys that do not matter here. A size is exact up to 2^53, as RFC 8259 (6) has it.
 *  - What goes into a request or a name has no control characters: a newline in a header field
 *    would begin another field.
 *  - A value may be a secret: no message shows one.
 */
#include "sluice/download/manifest_kind.h"

#include "sluice/base/number.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#define DEPTH_MAX 32u                     /* arrays and objects within each other */
#define SIZE_MAX_EXACT 9007199254740992.0 /* 2^53: above, doubles skip integers */
#define SHOWN_MAX 40u                     /* bytes of a key in a notice */

struct jsonl {
	struct sl_manifest_lines lines;
	json_t *object;        /* of the last line, which its entry points into */
	struct sl_buf headers; /* "Name: value" of its header fields */
	uint64_t unknown;      /* keys, over all lines */
	struct sl_buf unknown_first;
};

/* One line at work. */
struct line {
	struct jsonl *jsonl;
	struct sl_entry *entry;
	uint64_t number;
	struct sl_error *err;
};

static int
bad(const struct line *line, const char *why)
{
	sl_manifest_fail_line(line->err, line->number, why);
	return SL_E_USAGE;
}

/* ---- the text of a line ---- */

static bool
is_nested_too_deeply(struct sl_span text)
{
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return true;
		else if (!in_string && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return false;
}

/* jansson's own texts quote the line, which may have secrets in it. */
static const char *
why_not_json(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "there is text behind the object";
	case json_error_invalid_utf8:
		return "it is not valid UTF-8";
	case json_error_duplicate_key:
		return "a key occurs twice";
	case json_error_numeric_overflow:
		return "a number is too large";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a string has a NUL character in it";
	default:
		return "invalid syntax";
	}
}

static int
load(const struct line *line, struct sl_span text, json_t **out)
{
	json_error_t error;
	if (is_nested_too_deeply(text))
		return bad(line, "arrays and objects are nested too deeply");
	*out = json_loadb(
		text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	if (!*out && json_error_code(&error) == json_error_out_of_memory)
		return sl_fail_code(line->err, SL_PHASE_NONE, -ENOMEM, "cannot read the list");
	if (!*out)
		return sl_fail(line->err, SL_PHASE_NONE, SL_E_USAGE,
			"line %llu of the list: not valid JSON at byte %d: %s",
			(unsigned long long)line->number, error.position, why_not_json(&error));
	return 0;
}

/* ---- values ---- */

/* A string that is used as it is; `key` is one of ours, for messages. */
static int
take_string(const struct line *line, const char *key, const json_t *value, struct sl_span *out)
{
	const char *why = NULL;
	if (!json_is_string(value))
		why = "must be a string";
	else
		*out = sl_span(json_string_value(value), json_string_length(value));
	if (!why && sl_text_has_control(*out))
		why = "must not have control characters in it";
	return why ? sl_fail(line->err, SL_PHASE_NONE, SL_E_USAGE,
			     "line %llu of the list: \"%s\" %s", (unsigned long long)line->number,
			     key, why)
		   : 0;
}

/* ---- what the keys mean ---- */

static int
add_source(const struct line *line, const char *key, json_t *value)
{
	struct sl_entry *entry = line->entry;
	struct sl_span url = { 0 };
	int code = take_string(line, key, value, &url);
	url = sl_span_trim(url);
	if (code || url.len == 0)
		return code;
	if (entry->source_count == SL_ENTRY_SOURCES)
		return bad(line, "a file has at most 32 URLs");
	entry->sources[entry->source_count++] = url;
	return 0;
}

static int
set_sources(const struct line *line, const char *key, json_t *value)
{
	int code = 0;
	if (!json_is_array(value))
		return add_source(line, key, value);
	for (size_t i = 0; !code && i < json_array_size(value); i++)
		code = add_source(line, key, json_array_get(value, i));
	return code;
}

static int
set_out(const struct line *line, const char *key, json_t *value)
{
	return take_string(line, key, value, &line->entry->out);
}

static int
set_dir(const struct line *line, const char *key, json_t *value)
{
	return take_string(line, key, value, &line->entry->dir);
}

/* A number, or its digits: large ones are often written so. */
static bool
read_size(const json_t *value, uint64_t *size)
{
	if (json_is_string(value))
		return sl_parse_u64(json_string_value(value), json_string_length(value), size) &&
		       *size <= INT64_MAX;
	double number = json_number_value(value);
	if (!json_is_number(value) || !(number >= 0 && number <= SIZE_MAX_EXACT))
		return false;
	*size = (uint64_t)number;
	return !((double)*size < number); /* no fraction */
}

static int
set_size(const struct line *line, const char *key, json_t *value)
{
	(void)key;
	line->entry->has_size = read_size(value, &line->entry->size);
	return line->entry->has_size ? 0 : bad(line, "\"size\" must be a whole number of bytes");
}

static int
keep_stronger(const struct line *line, const struct sl_checksum *sum)
{
	struct sl_checksum *kept = &line->entry->checksum;
	if (sum->kind == kept->kind && memcmp(sum->value, kept->value, sum->len) != 0)
		return bad(line, "a file has two different checksums of one kind");
	if (sl_checksum_is_stronger(sum->kind, kept->kind))
		*kept = *sum;
	return 0;
}

static int
set_checksum(const struct line *line, const char *key, json_t *value)
{
	struct sl_checksum sum;
	struct sl_error why = { 0 };
	struct sl_span text = { 0 };
	int code = take_string(line, key, value, &text);
	if (code)
		return code;
	code = sl_checksum_parse(&sum, text, &why);
	return code ? bad(line, why.text) : keep_stronger(line, &sum);
}

/* {"sha256": "HEX"}: the key is the algorithm. */
static int
set_digest(const struct line *line, const char *key, json_t *value)
{
	struct sl_checksum sum;
	struct sl_error why = { 0 };
	struct sl_span hex = { 0 };
	int code = take_string(line, key, value, &hex);
	if (code)
		return code;
	code = sl_checksum_set_hex(&sum, sl_checksum_kind_of(sl_span_str(key)), hex, &why);
	return code ? bad(line, why.text) : keep_stronger(line, &sum);
}

/* Appended to jsonl->headers; the entry gets their places when all are there. */
static int
add_header(const struct line *line, const char *name, json_t *value)
{
	struct sl_span text = { 0 };
	if (line->entry->header_count == SL_ENTRY_HEADERS)
		return bad(line, "a file has at most 32 header fields");
	if (!*name || strchr(name, ':') || sl_text_has_control(sl_span_str(name)))
		return bad(line, "\"headers\" has a name that is not one of a header field");
	int code = take_string(line, "headers", value, &text);
	if (code)
		return code;
	struct sl_buf *headers = &line->jsonl->headers;
	size_t off = headers->len;
	sl_buf_add_str(headers, name);
	sl_buf_add_str(headers, ": ");
	sl_buf_add_span(headers, text);
	line->entry->headers[line->entry->header_count++].len = headers->len - off;
	return 0;
}

static int
set_headers(const struct line *line, const char *key, json_t *value)
{
	const char *name;
	json_t *item;
	int code = 0;
	(void)key;
	if (!json_is_object(value))
		return bad(line, "\"headers\" must be an object of names and values");
	json_object_foreach(value, name, item) if (!code) code = add_header(line, name, item);
	return code;
}

static const struct {
	const char *name;
	int (*set)(const struct line *line, const char *key, json_t *value);
	bool is_other_name; /* of the key before it: used only without that */
} keys[] = {
	{ "url", set_sources, false },
	{ "urls", set_sources, false },
	{ "mirrors", set_sources, false },
	{ "out", set_out, false },
	{ "path", set_out, true },
	{ "name", set_out, true },
	{ "dir", set_dir, false },
	{ "size", set_size, false },
	{ "checksum", set_checksum, false },
	{ "headers", set_headers, false },
};

static bool
is_known(const char *key)
{
	for (size_t i = 0; i < SL_COUNT_OF(keys); i++)
		if (strcmp(key, keys[i].name) == 0)
			return true;
	return false;
}

/* The digests, and the count of keys that are unknown. */
static int
set_other_keys(const struct line *line, json_t *object)
{
	int code = 0;
	const char *key;
	json_t *value;
	struct jsonl *jsonl = line->jsonl;
	json_object_foreach(object, key, value)
	{
		if (code || is_known(key))
			continue;
		if (sl_checksum_kind_of(sl_span_str(key)) == SL_CHECKSUM_NONE) {
			if (jsonl->unknown++ == 0)
				sl_text_show(&jsonl->unknown_first, sl_span_str(key), SHOWN_MAX);
		} else if (!json_is_null(value)) {
			code = set_digest(line, key, value);
		}
	}
	return code;
}

static void
place_headers(struct jsonl *jsonl, struct sl_entry *entry)
{
	size_t off = 0;
	for (size_t i = 0; i < entry->header_count; i++) {
		entry->headers[i].data = jsonl->headers.data + off;
		off += entry->headers[i].len;
	}
}

static int
read_object(const struct line *line, json_t *object)
{
	int code = 0;
	bool has_value = false;
	if (!json_is_object(object))
		return bad(line, "a line must be a JSON object");
	for (size_t i = 0; !code && i < SL_COUNT_OF(keys); i++) {
		json_t *value = json_object_get(object, keys[i].name);
		bool is_needless = keys[i].is_other_name && has_value;
		has_value = is_needless || (value && !json_is_null(value));
		if (has_value && !is_needless)
			code = keys[i].set(line, keys[i].name, value);
	}
	if (!code)
		code = set_other_keys(line, object);
	if (!code && line->entry->source_count == 0)
		code = bad(line, "a line needs \"url\" or \"urls\"");
	return code;
}

static int
read_line(struct jsonl *jsonl, struct sl_span text, struct sl_entry *out, struct sl_error *err)
{
	struct line line = { jsonl, out, jsonl->lines.number, err };
	sl_buf_clear(&jsonl->headers);
	*out = (struct sl_entry){ .line = line.number, .from_list = true };
	int code = load(&line, text, &jsonl->object);
	if (!code)
		code = read_object(&line, jsonl->object);
	if (jsonl->headers.failed)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot read the list");
	place_headers(jsonl, out);
	return code;
}

/* ---- the kind of list ---- */

static void
drop_object(struct jsonl *jsonl)
{
	json_decref(jsonl->object);
	jsonl->object = NULL;
}

static void
free_jsonl(void *parser)
{
	struct jsonl *jsonl = parser;
	drop_object(jsonl);
	sl_buf_release(&jsonl->headers);
	sl_buf_release(&jsonl->unknown_first);
	free(jsonl);
}

static void *
new_jsonl(const struct sl_manifest_options *options)
{
	(void)options;
	return calloc(1, sizeof(struct jsonl));
}

/* No URL begins with a brace. */
static enum sl_manifest_match
detect_jsonl(struct sl_span head, bool is_all)
{
	for (size_t i = 0; i < head.len; i++)
		if (head.data[i] == '{')
			return SL_MANIFEST_IS;
		else if (head.data[i] != '\n' && head.data[i] != '\r' && head.data[i] != ' ' &&
			 head.data[i] != '\t')
			return SL_MANIFEST_IS_NOT;
	return is_all ? SL_MANIFEST_IS_NOT : SL_MANIFEST_IS_UNSURE;
}

static enum sl_manifest_result
parse_jsonl(void *parser, struct sl_span text, bool is_last, size_t *used, struct sl_entry *out,
	struct sl_error *err)
{
	struct jsonl *jsonl = parser;
	struct sl_span rest = text, line;
	drop_object(jsonl);
	for (;;) {
		enum sl_manifest_line got = sl_manifest_line(&jsonl->lines, &rest, is_last, &line);
		*used = text.len - rest.len;
		if (got == SL_LINE_MORE)
			return SL_MANIFEST_MORE;
		if (got == SL_LINE_NUL)
			return sl_manifest_fail_nul(err, jsonl->lines.number);
		if (got == SL_LINE_LONG) {
			sl_manifest_fail_line(
				err, jsonl->lines.number, "it is longer than 65536 bytes");
			return SL_MANIFEST_BAD;
		}
		if (sl_span_trim(line).len > 0)
			break;
	}
	int code = read_line(jsonl, line, out, err);
	return code == 0            ? SL_MANIFEST_ENTRY
	       : code == SL_E_USAGE ? SL_MANIFEST_BAD
				    : SL_MANIFEST_BROKEN;
}

static void
add_ignored_jsonl(const void *parser, struct sl_buf *out)
{
	const struct jsonl *jsonl = parser;
	if (jsonl->unknown > 0)
		sl_buf_printf(out, "%llu unknown keys such as '%s'",
			(unsigned long long)jsonl->unknown,
			jsonl->unknown_first.data ? jsonl->unknown_first.data : "");
}

const struct sl_manifest_kind sl_manifest_jsonl = { .detect = detect_jsonl,
	.new = new_jsonl,
	.free = free_jsonl,
	.parse = parse_jsonl,
	.add_ignored = add_ignored_jsonl };
