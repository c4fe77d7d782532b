/*
 * json_sink.c - a line may be long and have a million matches: text and matches are added piece by
 * piece, and results are sent in between. So one event may span several buffers.
 */
#include "sluice/sink/json_sink.h"

#include "sluice/base/text.h"
#include "sluice/sink/line.h"
#include "sluice/ui/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct sl_json_sink_input {
	const struct sl_input *input;
	uint64_t printed; /* bytes of its events */
	uint64_t matches; /* in its lines */
};

/* Bytes of results so far. */
static uint64_t
position(const struct sl_results *results)
{
	return results->sent + results->pending.len;
}

/* The one that began last comes first: mostly it is the only one. NULL if it has not begun. */
static struct sl_json_sink_input *
find(const struct sl_json_sink *sink, const struct sl_input *input)
{
	size_t i = sink->input_count;
	while (i > 0 && sink->inputs[i - 1].input != input)
		i--;
	return i > 0 ? &sink->inputs[i - 1] : NULL;
}

static void
add_path(struct sl_json *json, const struct sl_input *input)
{
	sl_json_text_or_bytes(json, "path", sl_results_name(input));
}

static void
begin_event(struct sl_json *json, struct sl_buf *out, const char *type)
{
	sl_json_begin(json, out);
	sl_json_string(json, "type", sl_span_str(type));
	sl_json_open(json, "data", SL_JSON_OBJECT);
}

/* Text of a line, and its newline. */
SL_SUSPENDS
static int
add_line_text(struct sl_results *results, struct sl_json *json, const char *key,
	struct sl_span text, bool has_newline)
{
	bool is_text = sl_text_is_utf8(text);
	struct sl_buf rest = { 0 };
	int code = 0;
	sl_json_begin_data(json, key, is_text);
	while (text.len > SL_LINE_PIECE && code == 0) {
		struct sl_span piece = sl_span(text.data, SL_LINE_PIECE);
		if (is_text)
			piece = sl_line_take_piece(&text);
		else
			text = sl_span(text.data + SL_LINE_PIECE, text.len - SL_LINE_PIECE);
		sl_json_add_data(json, is_text, piece);
		code = sl_results_make_room(results);
	}
	if (!is_text) { /* base64 has no piece between */
		sl_buf_add_span(&rest, text);
		if (has_newline)
			sl_buf_add_char(&rest, '\n');
		text = sl_buf_span(&rest);
	}
	sl_json_add_data(json, is_text, text);
	if (is_text && has_newline)
		sl_json_add_data(json, is_text, sl_span("\n", 1));
	sl_json_end_data(json);
	if (rest.failed)
		code = -ENOMEM;
	sl_buf_release(&rest);
	return code;
}

/* Matches in the shown part of the line. As in ripgrep, an empty match directly after another match
 * does not count. */
SL_SUSPENDS
static int
add_submatches(struct sl_results *results, struct sl_json *json, const struct sl_scan_line *line,
	const struct sl_line_shown *shown, uint64_t *count)
{
	const char *text = (const char *)line->text;
	struct sl_line_matches matches;
	struct sl_match_range range;
	size_t last_end = SIZE_MAX;
	int code = 0, more;
	sl_line_matches_begin(&matches, line);
	sl_json_open(json, "submatches", SL_JSON_ARRAY);
	while ((more = sl_line_matches_next(&matches, &range)) > 0) {
		bool is_shown = range.begin >= shown->begin && range.end <= shown->end;
		if (!is_shown || (range.end == range.begin && range.begin == last_end))
			continue;
		last_end = range.end;
		sl_json_open(json, NULL, SL_JSON_OBJECT);
		code = add_line_text(results, json, "match",
			sl_span(text + range.begin, range.end - range.begin), false);
		sl_json_u64(json, "start", range.begin - shown->begin);
		sl_json_u64(json, "end", range.end - shown->begin);
		sl_json_close(json);
		(*count)++;
		if (code == 0)
			code = sl_results_make_room(results);
		if (code)
			break;
	}
	sl_json_close(json);
	if (matches.verdict == SL_VERDICT_UNDECIDED || more < 0)
		sl_json_bool(json, "submatches_incomplete", true);
	return more < 0 ? more : code;
}

static void
add_no_submatches(struct sl_json *json)
{
	sl_json_open(json, "submatches", SL_JSON_ARRAY);
	sl_json_close(json);
}

/* As in ripgrep, a line includes its newline. For a part of a line the bytes left out on both sides
 * are given. */
SL_SUSPENDS
static int
add_line(struct sl_json_sink *sink, const struct sl_input *input, const struct sl_scan_line *line,
	bool is_context)
{
	struct sl_json json;
	uint64_t begin = position(sink->results), matches = 0;
	struct sl_line_shown shown = sl_line_shown(line);
	struct sl_span text =
		sl_span((const char *)line->text + shown.begin, shown.end - shown.begin);
	begin_event(&json, &sink->results->pending, is_context ? "context" : "match");
	add_path(&json, input);
	int code =
		add_line_text(sink->results, &json, "lines", text, line->is_closed && !shown.after);
	if (line->number)
		sl_json_u64(&json, "line_number", line->number);
	else
		sl_json_null(&json, "line_number");
	sl_json_u64(&json, "absolute_offset", line->off);
	if (sink->options.has_records && line->record)
		sl_json_u64(&json, "record", line->record);
	else if (sink->options.has_records)
		sl_json_null(&json, "record");
	if (shown.before || shown.after) {
		sl_json_u64(&json, "truncated_before", shown.before);
		sl_json_u64(&json, "truncated_after", shown.after);
	}
	if (code == 0 && line->has_no_match)
		add_no_submatches(&json);
	else if (code == 0)
		code = add_submatches(sink->results, &json, line, &shown, &matches);
	sl_json_end_line(&json);
	struct sl_json_sink_input *of = find(sink, input);
	if (of) {
		of->printed += position(sink->results) - begin;
		of->matches += matches;
	}
	return code;
}

static void
add_elapsed(struct sl_json *json, const char *key, uint64_t ns)
{
	char human[40];
	snprintf(human, sizeof(human), "%.6fs", (double)ns / 1e9);
	sl_json_open(json, key, SL_JSON_OBJECT);
	sl_json_u64(json, "secs", ns / SL_NS_PER_S);
	sl_json_u64(json, "nanos", ns % SL_NS_PER_S);
	sl_json_string(json, "human", sl_span_str(human));
	sl_json_close(json);
}

struct totals {
	uint64_t elapsed_ns, searches, searches_with_match, bytes, printed, lines, matches;
};

static void
add_stats(struct sl_json *json, const struct totals *totals)
{
	sl_json_open(json, "stats", SL_JSON_OBJECT);
	add_elapsed(json, "elapsed", totals->elapsed_ns);
	sl_json_u64(json, "searches", totals->searches);
	sl_json_u64(json, "searches_with_match", totals->searches_with_match);
	sl_json_u64(json, "bytes_searched", totals->bytes);
	sl_json_u64(json, "bytes_printed", totals->printed);
	sl_json_u64(json, "matched_lines", totals->lines);
	sl_json_u64(json, "matches", totals->matches);
	sl_json_close(json);
}

static int
add_begin(struct sl_json_sink *sink, const struct sl_input *input)
{
	struct sl_json json;
	uint64_t begin = position(sink->results);
	if (sink->input_count == sink->input_cap) {
		size_t cap = sink->input_cap ? sink->input_cap * 2 : 4;
		struct sl_json_sink_input *inputs =
			reallocarray(sink->inputs, cap, sizeof(*inputs));
		if (!inputs)
			return -ENOMEM;
		sink->inputs = inputs;
		sink->input_cap = cap;
	}
	begin_event(&json, &sink->results->pending, "begin");
	add_path(&json, input);
	sl_json_end_line(&json);
	sink->inputs[sink->input_count++] = (struct sl_json_sink_input){ .input = input,
		.printed = position(sink->results) - begin };
	return 0;
}

/* As ripgrep counts: the bytes printed of an input are all but this event. */
static void
add_end(struct sl_json_sink *sink, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	struct sl_json json;
	struct sl_json_sink_input *of = find(sink, input), none = { .input = input };
	struct sl_json_sink_input sums = of ? *of : none;
	struct totals totals = { .elapsed_ns = result->elapsed_ns,
		.searches = 1,
		.searches_with_match = result->hits > 0,
		.bytes = result->bytes,
		.printed = sums.printed,
		.lines = result->hits,
		.matches = sink->options.has_lines ? sums.matches : result->hits };
	if (of)
		*of = sink->inputs[--sink->input_count];
	sink->printed_bytes += totals.printed;
	sink->printed_matches += totals.matches;
	begin_event(&json, &sink->results->pending, "end");
	add_path(&json, input);
	sl_json_null(&json, "binary_offset");
	add_stats(&json, &totals);
	sl_json_u64(&json, "total_lines", result->lines);
	if (result->skipped)
		sl_json_u64(&json, "bytes_skipped", result->skipped);
	sl_json_string(&json, "state", sl_span_str(sl_scan_state_name(result->state)));
	if (result->undecided) {
		sl_json_u64(&json, "undecided_lines", result->undecided);
		if (result->undecided_line)
			sl_json_u64(&json, "first_undecided_line", result->undecided_line);
	}
	if (result->unlevelled)
		sl_json_u64(&json, "lines_without_level", result->unlevelled);
	if (result->err && result->err->code)
		sl_json_string(&json, "error", sl_span_str(result->err->text));
	sl_json_end_line(&json);
}

static void
add_summary(struct sl_json_sink *sink, const struct sl_scan_outcome *outcome)
{
	const struct sl_scan_summary *summary = outcome->summary;
	struct sl_json json;
	struct totals totals = { .elapsed_ns = outcome->elapsed_ns,
		.searches = summary->inputs,
		.searches_with_match = summary->inputs_with_hits,
		.bytes = summary->bytes,
		.printed = sink->printed_bytes,
		.lines = summary->hits,
		.matches = sink->printed_matches };
	begin_event(&json, &sink->results->pending, "summary");
	add_elapsed(&json, "elapsed_total", outcome->elapsed_ns);
	add_stats(&json, &totals);
	sl_json_u64(&json, "total_lines", summary->lines);
	if (summary->skipped)
		sl_json_u64(&json, "bytes_skipped", summary->skipped);
	if (summary->unlevelled)
		sl_json_u64(&json, "lines_without_level", summary->unlevelled);
	sl_json_u64(&json, "troubles", sl_scan_summary_troubles(summary));
	if (outcome->is_cut)
		sl_json_bool(&json, "incomplete", true);
	sl_json_open(&json, "states", SL_JSON_OBJECT);
	for (unsigned state = 0; state < SL_SCAN_STATES; state++)
		sl_json_u64(&json, sl_scan_state_name((enum sl_scan_state)state),
			summary->inputs_in[state]);
	sl_json_close(&json);
	sl_json_end_line(&json);
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_json_sink *sink = ctx;
	int code = 0;
	switch (event->kind) {
	case SL_SCAN_EVENT_BEGIN:
		return add_begin(sink, event->input);
	case SL_SCAN_EVENT_LINE:
	case SL_SCAN_EVENT_CONTEXT:
		code = add_line(
			sink, event->input, event->line, event->kind == SL_SCAN_EVENT_CONTEXT);
		return code ? code : sl_results_complete(sink->results, event->input);
	case SL_SCAN_EVENT_END:
		add_end(sink, event->input, event->result);
		return sl_results_complete(sink->results, event->input);
	case SL_SCAN_EVENT_IDLE:
		return sl_results_idle(sink->results);
	case SL_SCAN_EVENT_SUMMARY:
		add_summary(sink, event->outcome);
		return 0;
	}
	return 0;
}

struct sl_scan_sink
sl_json_sink_init(
	struct sl_json_sink *json, struct sl_results *results, struct sl_json_sink_options options)
{
	*json = (struct sl_json_sink){ .results = results, .options = options };
	struct sl_scan_sink sink = { .ctx = json,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_END) |
			 SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE) | SL_SCAN_WANTS(SL_SCAN_EVENT_SUMMARY),
		.event = on_event };
	if (options.has_lines)
		sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	if (options.has_context || options.has_records)
		sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
	return sink;
}

void
sl_json_sink_release(struct sl_json_sink *json)
{
	free(json->inputs);
	*json = (struct sl_json_sink){ 0 };
}
