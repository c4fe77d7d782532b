/*
 * json_line.h - the members of a log line that is a JSON object. Pure; allocates nothing.
 *
 * A log line is looked at for a few values, not validated: values are given as they are written,
 * objects and arrays as a whole. What is not JSON ends the iteration; the members before it have
 * been given. Nested values are passed over by counting brackets, so that depth costs nothing.
 */
#ifndef SLUICE_LOGLINE_JSON_LINE_H
#define SLUICE_LOGLINE_JSON_LINE_H

#include "sluice/base/bytes.h"

enum sl_json_line_kind {
	SL_JSON_LINE_STRING, /* value: what is between the quotes, escapes as they are written */
	SL_JSON_LINE_NUMBER,
	SL_JSON_LINE_WORD,   /* true, false, null */
	SL_JSON_LINE_NESTED, /* an object or array with its brackets */
};

struct sl_json_line_member {
	struct sl_span key; /* without quotes, escapes as they are written */
	struct sl_span value;
	enum sl_json_line_kind kind;
};

struct sl_json_line {
	const char *at, *end;
};

/* True if `text` begins with an object, after blanks; then its members can be taken. */
bool sl_json_line_begin(struct sl_json_line *line, struct sl_span text);

/* The next member, false after the last. All members together take time linear in the text. */
bool sl_json_line_next(struct sl_json_line *line, struct sl_json_line_member *member);

#endif
