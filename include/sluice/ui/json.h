/*
 * json.h - writes one JSON value (RFC 8259) into a buffer, piece by piece, without allocating other
 * memory. Pure.
 *
 *	struct sl_json json;
 *	sl_json_begin(&json, &buf);                        {
 *	sl_json_string(&json, "type", sl_span_str("end")); "type":"end"
 *	sl_json_open(&json, "data", SL_JSON_OBJECT);       ,"data":{
 *	sl_json_u64(&json, "lines", 12);                   "lines":12
 *	sl_json_end_line(&json);                           }}\n
 *
 * `key` is NULL inside an array and never NULL inside an object (asserted). Keys are plain ASCII
 * that needs no escape. Output is ASCII and UTF-8 only, without newlines inside, for any input. A
 * failed allocation shows in out->failed.
 */
#ifndef SLUICE_UI_JSON_H
#define SLUICE_UI_JSON_H

#include "sluice/base/bytes.h"

#define SL_JSON_DEPTH_MAX 16

enum sl_json_kind { SL_JSON_OBJECT, SL_JSON_ARRAY };

struct sl_json {
	struct sl_buf *out;
	unsigned depth;
	bool has_items[SL_JSON_DEPTH_MAX];
	enum sl_json_kind kinds[SL_JSON_DEPTH_MAX];
};

/* Begin an object at the end of *out, which stays the caller's. */
void sl_json_begin(struct sl_json *json, struct sl_buf *out);

/* Begin and end an object or array inside the innermost open one. */
void sl_json_open(struct sl_json *json, const char *key, enum sl_json_kind kind);
void sl_json_close(struct sl_json *json);

/* Close everything that is open and append a newline. */
void sl_json_end_line(struct sl_json *json);

/* A string; bytes that are not valid UTF-8 become U+FFFD each. DEL, C1, U+2028..9 and bidirectional
 * controls are escaped as controls are. */
void sl_json_string(struct sl_json *json, const char *key, struct sl_span text);

/* A string if the bytes are UTF-8, else {"bytes":"base64"}: for file names, which must not be
 * altered. */
void sl_json_string_or_bytes(struct sl_json *json, const char *key, struct sl_span data);

/* As ripgrep writes paths and lines: {"text":"..."} if the bytes are UTF-8, else
 * {"bytes":"base64"}. */
void sl_json_text_or_bytes(struct sl_json *json, const char *key, struct sl_span data);

/*
 * The same in pieces, so that out can be emptied between them: begin (is_text: all of it is UTF-8),
 * any number of pieces, end. Pieces of text are whole characters; those of bytes, but for the last,
 * a multiple of 3 bytes.
 */
void sl_json_begin_data(struct sl_json *json, const char *key, bool is_text);
void sl_json_add_data(struct sl_json *json, bool is_text, struct sl_span piece);
void sl_json_end_data(struct sl_json *json);

void sl_json_u64(struct sl_json *json, const char *key, uint64_t value);
void sl_json_bool(struct sl_json *json, const char *key, bool value);
void sl_json_null(struct sl_json *json, const char *key);

/* Nanoseconds as seconds with nine decimals. */
void sl_json_seconds(struct sl_json *json, const char *key, uint64_t ns);

/* The value, or null for UINT64_MAX, which stands for an unknown value. */
void sl_json_u64_or_null(struct sl_json *json, const char *key, uint64_t value);

#endif
