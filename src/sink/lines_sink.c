/*
 * lines_sink.c - prints matching lines. The text goes to the results piece by piece, since a line
 * may be long; matches are located only if they are coloured.
 */
#include "sluice/sink/lines_sink.h"

#include "sluice/scan/source.h"
#include "sluice/sink/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The shown text with its matches coloured, except empty ones. */
SL_SUSPENDS
static int
add_matches(struct sl_results *results, const struct sl_scan_line *line,
	const struct sl_line_shown *shown)
{
	const char *text = (const char *)line->text;
	struct sl_line_matches matches;
	struct sl_match_range range;
	size_t at = shown->begin;
	int code = 0, more = results->style.colour && !line->has_no_match;
	sl_line_matches_begin(&matches, line);
	while (more > 0 && (more = sl_line_matches_next(&matches, &range)) > 0) {
		size_t begin = SL_MAX(range.begin, at), end = SL_MIN(range.end, shown->end);
		if (begin >= end)
			continue;
		code = sl_results_add_text(results, sl_span(text + at, begin - at));
		sl_results_add_colour(results, SL_COLOUR_MATCH);
		if (code == 0)
			code = sl_results_add_text(results, sl_span(text + begin, end - begin));
		sl_results_add_colour(results, SL_COLOUR_RESET);
		if (code == 0)
			code = sl_results_make_room(results);
		if (code)
			return code;
		at = end;
	}
	return more < 0 ? more : sl_results_add_text(results, sl_span(text + at, shown->end - at));
}

static void
add_number(struct sl_results *results, uint64_t value)
{
	char digits[SL_U64_DIGITS];
	sl_results_add_coloured(results, SL_COLOUR_LINE, sl_span_u64(digits, value));
}

/* As in grep, before a group of lines that does not follow the one before, also if none of its
 * lines has a match that is printed. */
static void
separate(struct sl_lines_sink *lines, const struct sl_scan_line *line)
{
	if (lines->options.has_context && lines->has_lines && line->begins_group)
		sl_buf_add_str(&lines->results->pending, "--\n");
	lines->has_lines = true;
}

/* What follows a number: a dash in context, as in grep. */
static char
after_number(bool is_context)
{
	return is_context ? '-' : ':';
}

/* What follows a name: the same, or a NUL. */
static char
after_name(const struct sl_lines_sink *lines, bool is_context)
{
	return lines->names.separator == ':' ? after_number(is_context) : lines->names.separator;
}

/* What stands before a line, or before each of its matches. */
static void
add_place(const struct sl_lines_sink *lines, const struct sl_input *input,
	const struct sl_scan_line *line, bool is_context)
{
	struct sl_results_names names = lines->names;
	names.separator = after_name(lines, is_context);
	sl_results_add_name(lines->results, &names, input);
	if (!lines->options.has_numbers)
		return;
	add_number(lines->results, line->number);
	sl_buf_add_char(&lines->results->pending, after_number(is_context));
}

/* Bytes are printed as they are, and all of a line. */
static bool
is_plain(const struct sl_lines_sink *lines)
{
	const struct sl_results_style *style = &lines->results->style;
	return !style->colour && !style->is_terminal && !lines->options.most;
}

static char *
put(char *to, struct sl_span text)
{
	if (text.len)
		memcpy(to, text.data, text.len);
	return to + text.len;
}

/* A line or a match of it, of a piece at most: the same bytes as those of the general path, with
 * room made once. Where they are short, the calls of that path cost more than the bytes. */
static void
add_plain(struct sl_lines_sink *lines, const struct sl_input *input,
	const struct sl_scan_line *line, struct sl_span text, bool is_context)
{
	struct sl_buf *out = &lines->results->pending;
	bool has_name = sl_results_has_name(&lines->names, input);
	struct sl_span name = has_name ? sl_results_name(input) : sl_span("", 0);
	char digits[SL_U64_DIGITS];
	if (!sl_buf_reserve(out, name.len + 1 + SL_U64_DIGITS + 1 + text.len + 1))
		return;
	char *to = out->data + out->len;
	if (has_name) {
		to = put(to, name);
		*to++ = after_name(lines, is_context);
	}
	if (lines->options.has_numbers) {
		to = put(to, sl_span_u64(digits, line->number));
		*to++ = after_number(is_context);
	}
	to = put(to, text);
	*to++ = '\n';
	*to = '\0'; /* sl_buf_reserve left room for it */
	out->len = (size_t)(to - out->data);
}

static int
note_incomplete(
	struct sl_lines_sink *lines, const struct sl_input *input, const struct sl_scan_line *line)
{
	if (lines->incomplete++)
		return 0;
	lines->incomplete_number = line->number;
	lines->incomplete_off = line->off;
	lines->incomplete_input = sl_span_dup(sl_span_str(input->shown));
	return lines->incomplete_input ? 0 : -ENOMEM;
}

SL_SUSPENDS
static int
add_match(struct sl_lines_sink *lines, const struct sl_input *input,
	const struct sl_scan_line *line, struct sl_span match, bool is_context)
{
	struct sl_results *results = lines->results;
	add_place(lines, input, line, is_context);
	sl_results_add_colour(results, SL_COLOUR_MATCH);
	int code = sl_results_add_text(results, match);
	sl_results_add_colour(results, SL_COLOUR_RESET);
	sl_buf_add_char(&results->pending, '\n');
	return code;
}

/* Each match that is not empty, as grep -o prints them. */
SL_SUSPENDS
static int
add_only_matches(struct sl_lines_sink *lines, const struct sl_input *input,
	const struct sl_scan_line *line, bool is_context)
{
	struct sl_results *results = lines->results;
	const char *text = (const char *)line->text;
	struct sl_line_matches matches;
	struct sl_match_range range;
	bool are_plain = is_plain(lines);
	int code = 0, more;
	if (line->has_no_match)
		return 0;
	sl_line_matches_begin(&matches, line);
	while (code == 0 && (more = sl_line_matches_next(&matches, &range)) != 0) {
		if (more < 0)
			return more;
		if (range.begin >= range.end)
			continue;
		struct sl_span match = sl_span(text + range.begin, range.end - range.begin);
		if (are_plain && match.len <= SL_LINE_PIECE)
			add_plain(lines, input, line, match, is_context);
		else
			code = add_match(lines, input, line, match, is_context);
		if (code == 0)
			code = sl_results_make_room(results);
	}
	bool is_part = line->len < line->whole_len;
	if (code == 0 && (is_part || matches.verdict == SL_VERDICT_UNDECIDED))
		code = note_incomplete(lines, input, line);
	return code;
}

SL_SUSPENDS
static int
add_line(struct sl_lines_sink *lines, const struct sl_input *input, const struct sl_scan_line *line,
	bool is_context)
{
	struct sl_results *results = lines->results;
	struct sl_buf *out = &results->pending;
	add_place(lines, input, line, is_context);
	struct sl_line_shown shown = sl_line_shown(line);
	/* On a terminal a carriage return before the newline is part of the line's end; elsewhere
	 * the bytes stay as they are. */
	if (results->style.is_terminal && shown.after == 0 && shown.end > shown.begin &&
		line->text[shown.end - 1] == '\r')
		shown.end--;
	int code = lines->options.most ? sl_line_narrow(line, lines->options.most, &shown) : 0;
	if (shown.before)
		sl_buf_printf(out, "[... %llu bytes] ", (unsigned long long)shown.before);
	if (code == 0)
		code = add_matches(results, line, &shown);
	if (shown.after)
		sl_buf_printf(out, " [... %llu bytes]", (unsigned long long)shown.after);
	sl_buf_add_char(out, '\n');
	return code;
}

SL_SUSPENDS
static int
add_selected(struct sl_lines_sink *lines, const struct sl_scan_event *event, bool is_context)
{
	const struct sl_scan_line *line = event->line;
	separate(lines, line);
	if (lines->options.prints_matches)
		return add_only_matches(lines, event->input, line, is_context);
	if (!is_plain(lines) || line->len > SL_LINE_PIECE || line->len < line->whole_len)
		return add_line(lines, event->input, line, is_context);
	struct sl_span text = sl_span((const char *)line->text, line->len);
	add_plain(lines, event->input, line, text, is_context);
	return 0;
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_lines_sink *lines = ctx;
	bool is_context = event->kind == SL_SCAN_EVENT_CONTEXT;
	int code = 0;
	if (event->kind == SL_SCAN_EVENT_IDLE)
		return sl_results_idle(lines->results);
	if (event->kind == SL_SCAN_EVENT_LINE || is_context)
		code = add_selected(lines, event, is_context);
	return code ? code : sl_results_complete(lines->results, event->input);
}

struct sl_scan_sink
sl_lines_sink_init(struct sl_lines_sink *lines, struct sl_results *results,
	const struct sl_results_names *names, struct sl_lines_sink_options options)
{
	*lines = (struct sl_lines_sink){ .results = results, .names = *names, .options = options };
	/* END: a reader that has closed the pipe ends the scan, also where no line matches. */
	unsigned wants = SL_SCAN_WANTS(SL_SCAN_EVENT_LINE) | SL_SCAN_WANTS(SL_SCAN_EVENT_END) |
			 SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE);
	if (options.has_context || options.has_records)
		wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
	return (struct sl_scan_sink){ .ctx = lines, .wants = wants, .event = on_event };
}

void
sl_lines_sink_release(struct sl_lines_sink *lines)
{
	free(lines->incomplete_input);
	*lines = (struct sl_lines_sink){ 0 };
}
