/*
 * bytes.h - spans of bytes and a growing buffer.
 *
 * A span borrows: it is valid as long as the bytes it points to. A buffer owns its storage, which
 * always ends with a NUL that is not counted in len, so that buf.data can be passed to C functions;
 * {0} is an empty buffer.
 */
#ifndef SLUICE_BASE_BYTES_H
#define SLUICE_BASE_BYTES_H

#include "sluice/base/def.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

struct sl_span {
	const char *data;
	size_t len;
};

struct sl_buf {
	char *data; /* NULL until the first byte; then NUL-terminated */
	size_t len;
	size_t cap;
	bool failed; /* an allocation failed and later appends are ignored: check it at the end */
};

static inline struct sl_span
sl_span(const char *data, size_t len)
{
	return (struct sl_span){ data, len };
}

static inline struct sl_span
sl_span_str(const char *text)
{
	return (struct sl_span){ text, strlen(text) };
}

static inline bool
sl_span_equal(struct sl_span a, struct sl_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII only, whatever the locale. */
bool sl_span_equal_nocase(struct sl_span a, struct sl_span b);
bool sl_span_is(struct sl_span a, const char *text);
bool sl_span_is_nocase(struct sl_span a, const char *text);

/* Without leading and trailing spaces and tabs. */
struct sl_span sl_span_trim(struct sl_span a);

/* The same, and without the ends of lines there. */
struct sl_span sl_span_trim_lines(struct sl_span a);

/* Take what precedes the first `separator` from *rest, to *part, and the separator. False if there
 * is none: both are unchanged. */
bool sl_span_take_until(struct sl_span *rest, char separator, struct sl_span *part) SL_MUST_CHECK;

/* A NUL-terminated copy on the heap, to be freed by the caller; NULL if out of memory. */
char *sl_span_dup(struct sl_span a) SL_MUST_CHECK;

unsigned char sl_lower(unsigned char c);

/* Free the storage; the buffer is {0} again. */
void sl_buf_release(struct sl_buf *buf);

/* The same for one with a secret, which is overwritten. Reserve its room first: a buffer that grows
 * leaves copies. */
void sl_buf_wipe(struct sl_buf *buf);

/* Empty, storage kept. */
void sl_buf_clear(struct sl_buf *buf);

/* Room for `more` bytes beyond len. False and `failed` set if out of memory. */
bool sl_buf_reserve(struct sl_buf *buf, size_t more);

void sl_buf_add(struct sl_buf *buf, const void *data, size_t len);
void sl_buf_add_span(struct sl_buf *buf, struct sl_span span);
void sl_buf_add_str(struct sl_buf *buf, const char *text);
void sl_buf_add_char(struct sl_buf *buf, char c);
void sl_buf_add_u64(struct sl_buf *buf, uint64_t value); /* in decimal; quicker than printf */
void sl_buf_printf(struct sl_buf *buf, const char *fmt, ...) SL_PRINTF(2, 3);
void sl_buf_vprintf(struct sl_buf *buf, const char *fmt, va_list args) SL_PRINTF(2, 0);

#define SL_U64_DIGITS 20u /* at most */

/* The decimal digits of a value; they are the last bytes of the array. */
struct sl_span sl_span_u64(char digits[SL_U64_DIGITS], uint64_t value);

/* Return the storage as a NUL-terminated string, to be freed by the caller; the buffer is {0} then.
 * NULL if an append failed. */
char *sl_buf_detach(struct sl_buf *buf) SL_MUST_CHECK;

static inline struct sl_span
sl_buf_span(const struct sl_buf *buf)
{
	return (struct sl_span){ buf->data, buf->len };
}

#endif
