/*
 * Any bytes. What jansson accepts as an object has the members that are given, in their order and
 * with their kinds; of other bytes, what is given lies in the line.
 */
#include "fuzz/fuzz.h"
#include "sluice/logline/json_line.h"

#include <jansson.h>
#include <stdbool.h>

static bool
is_kind(const json_t *value, enum sl_json_line_kind kind)
{
	switch (kind) {
	case SL_JSON_LINE_STRING:
		return json_is_string(value);
	case SL_JSON_LINE_NUMBER:
		return json_is_number(value);
	case SL_JSON_LINE_WORD:
		return json_is_boolean(value) || json_is_null(value);
	default:
		return json_is_object(value) || json_is_array(value);
	}
}

/* A string without escapes is given as it is. */
static void
check_text(const json_t *value, struct sl_span given)
{
	if (json_is_string(value) && !(given.len && memchr(given.data, '\\', given.len)))
		must(sl_span_equal(
			given, sl_span(json_string_value(value), json_string_length(value))));
}

static size_t
check_members(struct sl_span text, json_t *object)
{
	struct sl_json_line line;
	struct sl_json_line_member member;
	size_t count = 0;
	void *at = object ? json_object_iter(object) : NULL;
	must(sl_json_line_begin(&line, text) || !object);
	while (sl_json_line_next(&line, &member)) {
		must(member.key.data >= text.data && member.value.data >= member.key.data);
		must(member.value.data + member.value.len <= text.data + text.len);
		count++;
		if (!object)
			continue;
		must(at && is_kind(json_object_iter_value(at), member.kind));
		check_text(json_object_iter_value(at), member.value);
		at = json_object_iter_next(object, at);
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_span text = { (const char *)data, len };
	json_t *value = json_loadb(text.data, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	/* To jansson newlines are blanks, and NULs behind numbers are. */
	bool is_line = !len || (!memchr(text.data, '\n', len) && !memchr(text.data, '\0', len));
	json_t *object = is_line && json_is_object(value) ? value : NULL;
	size_t count = check_members(text, object);
	if (object)
		must(count == json_object_size(object));
	json_decref(value);
	return 0;
}
