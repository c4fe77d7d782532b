/*
 * head.h - incremental parser of a response's head: status line and fields (RFC 9112 2-5).
 *
 * Bytes may come in any pieces; the result does not depend on where they are cut. Lines end with
 * CRLF or LF. Refused: responses other than HTTP/1.0 and 1.1, a CR without LF, NUL, a first field
 * that begins with a blank, a line without a colon. A field whose name is not a token (it has a
 * blank in it or before the colon) is skipped, or refused if it resembles a field that decides
 * about framing (Content-Length, Transfer-Encoding, Connection, ...). A folded line (obs-fold) is
 * joined to its field by one space. Values keep their other bytes: make them safe (base/text.h)
 * before they are shown.
 *
 * Pure: no I/O. The head owns its text; spans of it are valid until the next feed, clear or
 * release.
 */
#ifndef SLUICE_HTTP_HEAD_H
#define SLUICE_HTTP_HEAD_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

/* A server can send a head without end, or heads (curl: 100 KiB a line, 300 KiB in all, 5,000
 * fields). What is for one response holds for all of a chain of redirects together as well. */
#define SL_HEAD_LINE_MAX (64 * 1024) /* bytes of a line without its end */
#define SL_HEAD_MAX (256 * 1024)     /* bytes of one response */
#define SL_HEAD_FIELDS_MAX 1000
#define SL_HEAD_INTERIM_MAX 32 /* 1xx responses before the final one */

enum sl_parse { SL_PARSE_MORE, SL_PARSE_DONE, SL_PARSE_BAD };

struct sl_head_field {
	struct sl_span name, value; /* value without blanks around it */
};

enum sl_head_state { SL_HEAD_STATUS, SL_HEAD_FIELDS, SL_HEAD_DONE, SL_HEAD_BAD };

/* A field, as offsets into text, which moves as it grows. */
struct sl_head_offsets {
	uint32_t name_off, name_len, value_off, value_len;
};

/* {0} is an empty head. Only status and minor may be read by others. */
struct sl_head {
	int status; /* 100 to 999 */
	int minor;  /* 0 for HTTP/1.0, 1 for every later 1.x */
	bool http2; /* set by others: it came by HTTP/2, in other frames */
	enum sl_head_state state;
	size_t total;    /* bytes taken so far */
	size_t line_off; /* in text: start of the unfinished line, after what was kept */
	uint32_t reason_off, reason_len;
	size_t count, cap;
	size_t lines;  /* fields, including skipped ones */
	bool skipping; /* the last one was skipped, and so are lines that continue it */
	struct sl_head_offsets *offsets;
	struct sl_buf text;
};

void sl_head_init(struct sl_head *head);
void sl_head_release(struct sl_head *head);

/* Ready for another response; storage kept. */
void sl_head_clear(struct sl_head *head);

/*
 * Take the next bytes; *used of them belong to the head. SL_PARSE_MORE: all were used and more are
 * needed. SL_PARSE_DONE: the body begins after *used. SL_PARSE_BAD: SL_E_PROTO, SL_E_LIMIT or
 * -ENOMEM in *err (which must be empty and not NULL), and every later feed fails. Not to be called
 * after SL_PARSE_DONE without a clear.
 */
enum sl_parse sl_head_feed(struct sl_head *head, const char *data, size_t len, size_t *used,
	struct sl_error *err) SL_MUST_CHECK;

/* The reason phrase after the status, "" if there is none. */
struct sl_span sl_head_reason(const struct sl_head *head);

/* True if it can be a field's name or a method: a token of RFC 9110 5.6.2. */
bool sl_head_is_token(struct sl_span text);

/* Fields in the order received; index below sl_head_count. */
size_t sl_head_count(const struct sl_head *head);
struct sl_head_field sl_head_at(const struct sl_head *head, size_t index);

/* The value of the nth field (from 0) of that name, in any case; .data is NULL if there is none. */
struct sl_span sl_head_find(const struct sl_head *head, const char *name, size_t nth);

#endif
