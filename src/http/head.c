/*
 * Reads a head line by line. All text is appended to one buffer; a complete line is cut down in
 * place to what is kept of it (the status line; name and value of a field), and fields are offsets
 * into that buffer. Limits are checked as bytes arrive, so that a line without end is refused
 * before it is complete, and the first bytes are checked before the first line ends.
 *
 * Only what could make two readers see different ends of a response is refused (RFC 9112 11.2);
 * other damage that is seen in practice is skipped.
 */
#include "sluice/http/head.h"

#include "sluice/base/log.h"
#include "sluice/base/text.h"

#include <errno.h>
#include <stdlib.h>

#define FIELDS_FIRST 32 /* fields of a first allocation: more than most responses have */
#define SHOWN_MAX 60    /* bytes of a line in a message */

static const char http_prefix[] = "HTTP/1.";

/* Fields that decide where the response ends. Another reader may accept a malformed one (request
 * smuggling), so it is refused and not skipped. */
static const char *const framing_fields[] = { "Content-Length", "Transfer-Encoding",
	"Content-Range", "Connection", "Proxy-Connection", "Keep-Alive", "Trailer", "TE",
	"Upgrade" };

void
sl_head_init(struct sl_head *head)
{
	memset(head, 0, sizeof(*head));
}

void
sl_head_release(struct sl_head *head)
{
	/* It may have cookies. */
	if (head->text.data)
		explicit_bzero(head->text.data, head->text.cap);
	sl_buf_release(&head->text);
	free(head->offsets);
	memset(head, 0, sizeof(*head));
}

void
sl_head_clear(struct sl_head *head)
{
	struct sl_head kept = { .offsets = head->offsets, .cap = head->cap, .text = head->text };
	*head = kept;
	sl_buf_clear(&head->text);
}

/* ---- refusing ---- */

static enum sl_parse
fail(struct sl_head *head, struct sl_error *err, int code, const char *why)
{
	head->state = SL_HEAD_BAD;
	sl_fail(err, SL_PHASE_HEAD, code, "%s", why);
	return SL_PARSE_BAD;
}

static enum sl_parse
fail_shown(struct sl_head *head, struct sl_error *err, const char *why, struct sl_span line)
{
	struct sl_buf shown = { 0 };
	const char *colon = memchr(line.data, ':', line.len);
	if (colon && head->state == SL_HEAD_FIELDS)
		line.len = (size_t)(colon - line.data) + 1; /* a value may be a secret: a cookie */
	sl_text_show(&shown, line, SHOWN_MAX);
	head->state = SL_HEAD_BAD;
	sl_fail(err, SL_PHASE_HEAD, SL_E_PROTO, "%s: '%s'", why, shown.data ? shown.data : "");
	sl_buf_release(&shown);
	return SL_PARSE_BAD;
}

/* ---- lines ---- */

static bool
is_letter(char c)
{
	return sl_lower((unsigned char)c) >= 'a' && sl_lower((unsigned char)c) <= 'z';
}

/* tchar of RFC 9110 5.6.2. */
static bool
is_token_char(unsigned char c)
{
	return is_letter((char)c) || (c >= '0' && c <= '9') || c == '-' ||
	       (c && strchr("!#$%&'*+.^_`|~", c));
}

bool
sl_head_is_token(struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_char((unsigned char)text.data[i]))
			return false;
	return text.len > 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Keep the text up to `end`; the next line begins there. */
static void
keep_until(struct sl_head *head, size_t end)
{
	head->text.len = end;
	head->text.data[end] = '\0';
	head->line_off = end;
}

/* A response without a status line is HTTP/0.9 or not HTTP at all: the greeting of any TCP service
 * would be saved as a file. */
static enum sl_parse
fail_not_http(struct sl_head *head, struct sl_error *err, struct sl_span line)
{
	if (line.len >= 5 && memcmp(line.data, "HTTP/", 5) == 0)
		return fail_shown(head, err,
			"the server answered in a version of HTTP other than 1.0 and 1.1", line);
	return fail_shown(
		head, err, "the server did not answer in HTTP/1 (HTTP/0.9 is not supported)", line);
}

/* RFC 9112 4; the space before an empty reason may be missing. */
static enum sl_parse
take_status_line(struct sl_head *head, struct sl_span line, struct sl_error *err)
{
	const size_t version_len = sizeof(http_prefix) - 1;
	const char *p = line.data;
	if (line.len < version_len || memcmp(p, http_prefix, version_len) != 0)
		return fail_not_http(head, err, line);
	bool good = line.len >= version_len + 5 && is_digit(p[7]) && p[8] == ' ' && p[9] >= '1' &&
		    p[9] <= '9' && is_digit(p[10]) && is_digit(p[11]) &&
		    (line.len == 12 || p[12] == ' ');
	if (!good)
		return fail_shown(head, err, "the server's status line is malformed", line);
	head->minor = p[7] == '0' ? 0 : 1;
	head->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	struct sl_span reason = sl_span_trim(sl_span(p + 12, line.len - 12));
	head->reason_off = (uint32_t)(reason.data - head->text.data);
	head->reason_len = (uint32_t)reason.len;
	head->state = SL_HEAD_FIELDS;
	keep_until(head, head->line_off + line.len);
	return SL_PARSE_MORE;
}

/* RFC 9112 5.2: blanks, line end and blanks count as one space. The line is moved up to the value
 * it continues; if that field was skipped, so is the line. */
static enum sl_parse
take_folded(struct sl_head *head, struct sl_span line, struct sl_error *err)
{
	if (head->skipping) {
		keep_until(head, head->line_off);
		return SL_PARSE_MORE;
	}
	if (head->count == 0)
		return fail_shown(head, err,
			"the server's first header line begins with a space or tab", line);
	struct sl_head_offsets *last = &head->offsets[head->count - 1];
	struct sl_span more = sl_span_trim(line);
	size_t end = last->value_off + last->value_len;
	if (more.len > 0) {
		if (last->value_len > 0)
			head->text.data[end++] = ' ';
		memmove(head->text.data + end, more.data, more.len);
		end += more.len;
		last->value_len = (uint32_t)(end - last->value_off);
	}
	keep_until(head, end);
	return SL_PARSE_MORE;
}

static bool
grow_offsets(struct sl_head *head)
{
	if (head->count < head->cap)
		return true;
	size_t cap = head->cap ? head->cap * 2 : FIELDS_FIRST;
	struct sl_head_offsets *offsets = realloc(head->offsets, cap * sizeof(*offsets));
	if (!offsets)
		return false;
	head->offsets = offsets;
	head->cap = cap;
	return true;
}

/* The same letters, whatever stands between them. */
static bool
has_same_letters(struct sl_span name, const char *field)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!is_letter(name.data[i]))
			continue;
		while (*field && !is_letter(*field))
			field++;
		if (sl_lower((unsigned char)name.data[i]) != sl_lower((unsigned char)*field))
			return false;
		field++;
	}
	return *field == '\0';
}

/* The name is not a token, as in "X-Field : x" or "My Field: x". */
static enum sl_parse
skip_field(struct sl_head *head, struct sl_span line, struct sl_span name, struct sl_error *err)
{
	for (size_t i = 0; i < SL_COUNT_OF(framing_fields); i++)
		if (has_same_letters(name, framing_fields[i]))
			return fail_shown(head, err,
				"the server sent a header field that determines where the response "
				"ends, with an invalid name",
				line);
	sl_log_debug("skipped a header field of the server with an invalid name: '%.*s'",
		(int)sl_text_cut(name, SHOWN_MAX), name.data);
	head->skipping = true;
	keep_until(head, head->line_off);
	return SL_PARSE_MORE;
}

static enum sl_parse
take_field(struct sl_head *head, struct sl_span line, struct sl_error *err)
{
	const char *colon = memchr(line.data, ':', line.len);
	if (!colon)
		return fail_shown(head, err, "a header line of the server has no colon", line);
	if (head->lines++ == SL_HEAD_FIELDS_MAX)
		return fail(head, err, SL_E_LIMIT, "the server sent more than 1,000 header lines");
	size_t name_len = (size_t)(colon - line.data);
	if (!sl_head_is_token(sl_span(line.data, name_len)))
		return skip_field(head, line, sl_span(line.data, name_len), err);
	head->skipping = false;
	if (!grow_offsets(head))
		return fail(head, err, -ENOMEM, "cannot store a header: out of memory");
	struct sl_span value =
		sl_span_trim(sl_span(line.data + name_len + 1, line.len - name_len - 1));
	struct sl_head_offsets *field = &head->offsets[head->count++];
	field->name_off = (uint32_t)head->line_off;
	field->name_len = (uint32_t)name_len;
	field->value_off = (uint32_t)(value.data - head->text.data);
	field->value_len = (uint32_t)value.len;
	keep_until(head, field->value_off + field->value_len);
	return SL_PARSE_MORE;
}

/* A whole line, its LF taken off, stands at the end of the text. */
static enum sl_parse
take_line(struct sl_head *head, struct sl_error *err)
{
	struct sl_span line =
		sl_span(head->text.data + head->line_off, head->text.len - head->line_off);
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (memchr(line.data, '\r', line.len))
		return fail_shown(
			head, err, "a line of the response header contains a CR without LF", line);
	if (memchr(line.data, '\0', line.len))
		return fail_shown(
			head, err, "a line of the response header contains a NUL byte", line);
	if (head->state == SL_HEAD_STATUS)
		return take_status_line(head, line, err);
	if (line.len == 0) {
		keep_until(head, head->line_off);
		head->state = SL_HEAD_DONE;
		return SL_PARSE_DONE;
	}
	return is_blank(line.data[0]) ? take_folded(head, line, err) : take_field(head, line, err);
}

/* Refuse other protocols before the first line ends: a newline may never come. */
static enum sl_parse
check_prefix(struct sl_head *head, struct sl_error *err)
{
	size_t len = SL_MIN(head->text.len, sizeof(http_prefix) - 1);
	if (head->state == SL_HEAD_STATUS && memcmp(head->text.data, http_prefix, len) != 0)
		return fail_not_http(head, err, sl_buf_span(&head->text));
	return SL_PARSE_MORE;
}

/* Bytes of one line; `ended` = the last of them is its LF. */
static enum sl_parse
take_bytes(struct sl_head *head, const char *data, size_t len, bool ended, struct sl_error *err)
{
	if (len > SL_HEAD_MAX - head->total)
		return fail(head, err, SL_E_LIMIT, "the response header is larger than 256 KiB");
	head->total += len;
	sl_buf_add(&head->text, data, ended ? len - 1 : len);
	if (head->text.failed)
		return fail(head, err, -ENOMEM, "cannot store a header: out of memory");
	size_t line_len = head->text.len - head->line_off;
	if (line_len > 0 && head->text.data[head->text.len - 1] == '\r')
		line_len--;
	if (line_len > SL_HEAD_LINE_MAX)
		return fail(head, err, SL_E_LIMIT,
			"a line of the response header is longer than 64 KiB");
	enum sl_parse result = check_prefix(head, err);
	return result == SL_PARSE_MORE && ended ? take_line(head, err) : result;
}

enum sl_parse
sl_head_feed(struct sl_head *head, const char *data, size_t len, size_t *used, struct sl_error *err)
{
	enum sl_parse result = SL_PARSE_MORE;
	*used = 0;
	if (head->state == SL_HEAD_BAD)
		return fail(head, err, SL_E_PROTO, "the response header was refused earlier");
	while (*used < len && result == SL_PARSE_MORE) {
		const char *from = data + *used;
		const char *end = memchr(from, '\n', len - *used);
		size_t piece = end ? (size_t)(end - from) + 1 : len - *used;
		result = take_bytes(head, from, piece, end != NULL, err);
		*used += piece;
	}
	return result;
}

struct sl_span
sl_head_reason(const struct sl_head *head)
{
	return sl_span(head->text.data ? head->text.data + head->reason_off : "", head->reason_len);
}

size_t
sl_head_count(const struct sl_head *head)
{
	return head->count;
}

struct sl_head_field
sl_head_at(const struct sl_head *head, size_t index)
{
	sl_assert(index < head->count);
	const struct sl_head_offsets *field = &head->offsets[index];
	return (struct sl_head_field){
		.name = sl_span(head->text.data + field->name_off, field->name_len),
		.value = sl_span(head->text.data + field->value_off, field->value_len),
	};
}

struct sl_span
sl_head_find(const struct sl_head *head, const char *name, size_t nth)
{
	struct sl_span wanted = sl_span_str(name);
	for (size_t i = 0; i < head->count; i++) {
		struct sl_head_field field = sl_head_at(head, i);
		if (sl_span_equal_nocase(field.name, wanted) && nth-- == 0)
			return field.value;
	}
	return sl_span(NULL, 0);
}
