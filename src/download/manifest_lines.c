#include "sluice/download/manifest_kind.h"

#include <string.h>

static void
skip(struct sl_span *text, size_t len)
{
	text->data += len;
	text->len -= len;
}

void
sl_manifest_skip_long(struct sl_manifest_lines *lines, struct sl_span *text)
{
	if (!lines->in_long)
		return;
	const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
	skip(text, end ? (size_t)(end - text->data) + 1 : text->len);
	lines->in_long = !end;
}

enum sl_manifest_line
sl_manifest_line(
	struct sl_manifest_lines *lines, struct sl_span *text, bool is_last, struct sl_span *line)
{
	*line = sl_span("", 0);
	sl_manifest_skip_long(lines, text);
	if (text->len == 0)
		return SL_LINE_MORE;
	/* With room for CRLF. A longer line is found to be too long without its end. */
	size_t within = SL_MIN(text->len, SL_MANIFEST_LINE + 2u);
	const char *end = memchr(text->data, '\n', within);
	if (!end && within < SL_MANIFEST_LINE + 2u && !is_last)
		return SL_LINE_MORE;
	size_t len = end ? (size_t)(end - text->data) : within;
	bool is_long = len - (len > 0 && text->data[len - 1] == '\r') > SL_MANIFEST_LINE;
	lines->number++;
	lines->in_long = is_long && !end;
	*line = sl_span(text->data, len);
	if (is_long)
		line->len = SL_MANIFEST_LINE;
	else if (len > 0 && text->data[len - 1] == '\r')
		line->len--;
	skip(text, end ? len + 1 : len);
	if (line->len > 0 && memchr(line->data, '\0', line->len))
		return SL_LINE_NUL;
	return is_long ? SL_LINE_LONG : SL_LINE_WHOLE;
}

void
sl_manifest_fail_line(struct sl_error *err, uint64_t line, const char *why)
{
	sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %llu of the list: %s",
		(unsigned long long)line, why);
}

enum sl_manifest_result
sl_manifest_fail_long(struct sl_error *err, uint64_t line)
{
	sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "line %llu of the list is longer than %u bytes",
		(unsigned long long)line, SL_MANIFEST_LINE);
	return SL_MANIFEST_BAD;
}

enum sl_manifest_result
sl_manifest_fail_nul(struct sl_error *err, uint64_t line)
{
	sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
		"line %llu of the list has a NUL byte: this is not a list; the rest is not read",
		(unsigned long long)line);
	return SL_MANIFEST_BROKEN;
}
