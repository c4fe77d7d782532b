/*
 * bytes.c - spans and buffers.
 *
 *  - A buffer's capacity is a power of two times BUF_FIRST and always has room for the final NUL.
 *  - After a failed allocation the buffer keeps its content and ignores further appends.
 *  - Characters are compared as ASCII; no function depends on the locale.
 */
#include "sluice/base/bytes.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 64 /* bytes of a first allocation */

unsigned char
sl_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool
sl_span_equal_nocase(struct sl_span a, struct sl_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (sl_lower((unsigned char)a.data[i]) != sl_lower((unsigned char)b.data[i]))
			return false;
	return true;
}

bool
sl_span_is(struct sl_span a, const char *text)
{
	return sl_span_equal(a, sl_span_str(text));
}

bool
sl_span_is_nocase(struct sl_span a, const char *text)
{
	return sl_span_equal_nocase(a, sl_span_str(text));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_blank_or_end(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static struct sl_span
trim(struct sl_span a, bool (*is_unwanted)(char c))
{
	while (a.len > 0 && is_unwanted(a.data[0])) {
		a.data++;
		a.len--;
	}
	while (a.len > 0 && is_unwanted(a.data[a.len - 1]))
		a.len--;
	return a;
}

struct sl_span
sl_span_trim(struct sl_span a)
{
	return trim(a, is_blank);
}

struct sl_span
sl_span_trim_lines(struct sl_span a)
{
	return trim(a, is_blank_or_end);
}

bool
sl_span_take_until(struct sl_span *rest, char separator, struct sl_span *part)
{
	const char *at = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
	if (!at)
		return false;
	*part = sl_span(rest->data, (size_t)(at - rest->data));
	*rest = sl_span(at + 1, rest->len - part->len - 1);
	return true;
}

char *
sl_span_dup(struct sl_span a)
{
	char *copy = malloc(a.len + 1);
	if (!copy)
		return NULL;
	if (a.len)
		memcpy(copy, a.data, a.len);
	copy[a.len] = '\0';
	return copy;
}

void
sl_buf_release(struct sl_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

void
sl_buf_wipe(struct sl_buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->len);
	sl_buf_release(buf);
}

void
sl_buf_clear(struct sl_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

bool
sl_buf_reserve(struct sl_buf *buf, size_t more)
{
	if (buf->failed)
		return false;
	if (more < buf->cap - buf->len) /* not <=: the NUL needs a byte as well */
		return true;
	size_t want = 0;
	if (__builtin_add_overflow(buf->len, more, &want) || want >= SIZE_MAX / 2) {
		buf->failed = true;
		return false;
	}
	size_t cap = SL_MAX(buf->cap, (size_t)BUF_FIRST);
	while (cap <= want)
		cap *= 2;
	char *data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void
sl_buf_add(struct sl_buf *buf, const void *data, size_t len)
{
	if (!sl_buf_reserve(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void
sl_buf_add_span(struct sl_buf *buf, struct sl_span span)
{
	sl_buf_add(buf, span.data, span.len);
}

void
sl_buf_add_str(struct sl_buf *buf, const char *text)
{
	sl_buf_add(buf, text, strlen(text));
}

void
sl_buf_add_char(struct sl_buf *buf, char c)
{
	sl_buf_add(buf, &c, 1);
}

struct sl_span
sl_span_u64(char digits[SL_U64_DIGITS], uint64_t value)
{
	size_t begin = SL_U64_DIGITS;
	do {
		digits[--begin] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return sl_span(digits + begin, SL_U64_DIGITS - begin);
}

void
sl_buf_add_u64(struct sl_buf *buf, uint64_t value)
{
	char digits[SL_U64_DIGITS];
	sl_buf_add_span(buf, sl_span_u64(digits, value));
}

void
sl_buf_vprintf(struct sl_buf *buf, const char *fmt, va_list args)
{
	va_list again;
	if (!sl_buf_reserve(buf, BUF_FIRST - 1))
		return;
	size_t room = buf->cap - buf->len;
	va_copy(again, args);
	int len = vsnprintf(buf->data + buf->len, room, fmt, args);
	if (len >= 0 && (size_t)len < room)
		buf->len += (size_t)len;
	else
		buf->data[buf->len] = '\0'; /* discard the truncated text */
	if (len >= 0 && (size_t)len >= room && sl_buf_reserve(buf, (size_t)len)) {
		vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void
sl_buf_printf(struct sl_buf *buf, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	sl_buf_vprintf(buf, fmt, args);
	va_end(args);
}

char *
sl_buf_detach(struct sl_buf *buf)
{
	char *data = NULL;
	if (!buf->failed && sl_buf_reserve(buf, 0)) {
		data = buf->data;
		data[buf->len] = '\0';
		buf->data = NULL;
	}
	sl_buf_release(buf);
	return data;
}
