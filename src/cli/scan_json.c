/*
 * scan_json.c - scan's events as JSON, with the names that ripgrep's have. sluice-scan(1) lists
 * what is added to them.
 */
#include "scan_output_int.h"

#include "sluice/base/text.h"
#include "sluice/ui/json.h"

#include <errno.h>
#include <stdio.h>

static void
json_path(struct sl_json *json, const struct sl_input *input)
{
	sl_json_text_or_bytes(json, "path", sl_scan_output_name(input));
}

static void
json_begin(struct sl_json *json, struct sl_buf *out, const char *type)
{
	sl_json_begin(json, out);
	sl_json_string(json, "type", sl_span_str(type));
	sl_json_open(json, "data", SL_JSON_OBJECT);
}

/* Text of a line, and its newline. */
SL_SUSPENDS
static int
json_line_text(struct sl_scan_output *output, struct sl_json *json, const char *key,
	struct sl_span text, bool has_newline)
{
	bool is_text = sl_text_is_utf8(text);
	struct sl_buf rest = { 0 };
	int code = 0;
	sl_json_begin_data(json, key, is_text);
	while (text.len > SL_SCAN_TEXT_PIECE && code == 0) {
		struct sl_span piece = sl_span(text.data, SL_SCAN_TEXT_PIECE);
		if (is_text)
			piece = sl_scan_output_take_piece(&text);
		else
			text = sl_span(
				text.data + SL_SCAN_TEXT_PIECE, text.len - SL_SCAN_TEXT_PIECE);
		sl_json_add_data(json, is_text, piece);
		code = sl_scan_output_make_room(output);
	}
	sl_buf_add_span(&rest, text);
	if (has_newline)
		sl_buf_add_char(&rest, '\n');
	sl_json_add_data(json, is_text, sl_buf_span(&rest));
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
json_submatches(struct sl_scan_output *output, struct sl_json *json,
	const struct sl_scan_line *line, const struct sl_scan_shown *shown)
{
	const char *text = (const char *)line->text;
	struct sl_scan_matches matches;
	struct sl_match_range range;
	size_t last_end = SIZE_MAX;
	int code = 0, more;
	sl_scan_matches_begin(&matches, line);
	sl_json_open(json, "submatches", SL_JSON_ARRAY);
	while ((more = sl_scan_matches_next(&matches, &range)) > 0) {
		bool is_shown = range.begin >= shown->begin && range.end <= shown->end;
		if (!is_shown || (range.end == range.begin && range.begin == last_end))
			continue;
		last_end = range.end;
		sl_json_open(json, NULL, SL_JSON_OBJECT);
		code = json_line_text(output, json, "match",
			sl_span(text + range.begin, range.end - range.begin), false);
		sl_json_u64(json, "start", range.begin - shown->begin);
		sl_json_u64(json, "end", range.end - shown->begin);
		sl_json_close(json);
		output->input_matches++;
		if (code == 0)
			code = sl_scan_output_make_room(output);
		if (code)
			break;
	}
	sl_json_close(json);
	if (matches.verdict == SL_VERDICT_UNDECIDED)
		sl_json_bool(json, "submatches_incomplete", true);
	return more < 0 ? more : code;
}

/* As in ripgrep, a line includes its newline. For a part of a line the bytes left out on both sides
 * are given. */
SL_SUSPENDS
int
sl_scan_json_match(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_line *line)
{
	struct sl_json json;
	struct sl_scan_shown shown = sl_scan_output_shown(line);
	struct sl_span text =
		sl_span((const char *)line->text + shown.begin, shown.end - shown.begin);
	json_begin(&json, &output->pending, "match");
	json_path(&json, input);
	int code = json_line_text(output, &json, "lines", text, line->is_closed && !shown.after);
	sl_json_u64(&json, "line_number", line->number);
	sl_json_u64(&json, "absolute_offset", line->off);
	if (shown.before || shown.after) {
		sl_json_u64(&json, "truncated_before", shown.before);
		sl_json_u64(&json, "truncated_after", shown.after);
	}
	if (code == 0)
		code = json_submatches(output, &json, line, &shown);
	sl_json_end_line(&json);
	return code;
}

static void
json_elapsed(struct sl_json *json, const char *key, uint64_t ns)
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
json_stats(struct sl_json *json, const struct totals *totals)
{
	sl_json_open(json, "stats", SL_JSON_OBJECT);
	json_elapsed(json, "elapsed", totals->elapsed_ns);
	sl_json_u64(json, "searches", totals->searches);
	sl_json_u64(json, "searches_with_match", totals->searches_with_match);
	sl_json_u64(json, "bytes_searched", totals->bytes);
	sl_json_u64(json, "bytes_printed", totals->printed);
	sl_json_u64(json, "matched_lines", totals->lines);
	sl_json_u64(json, "matches", totals->matches);
	sl_json_close(json);
}

/* Bytes of output so far. */
static uint64_t
position(const struct sl_scan_output *output)
{
	return output->sent_bytes + output->pending.len;
}

/* As ripgrep counts: the bytes printed of an input are all but this event. */
void
sl_scan_json_end(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	struct sl_json json;
	struct totals totals = { .elapsed_ns = result->elapsed_ns,
		.searches = 1,
		.searches_with_match = result->hits > 0,
		.bytes = result->bytes,
		.printed = position(output) - output->input_begin,
		.lines = result->hits,
		.matches = output->options->print ? output->input_matches : result->hits };
	output->printed_bytes += totals.printed;
	output->printed_matches += totals.matches;
	json_begin(&json, &output->pending, "end");
	json_path(&json, input);
	sl_json_null(&json, "binary_offset");
	json_stats(&json, &totals);
	sl_json_u64(&json, "total_lines", result->lines);
	sl_json_string(&json, "state", sl_span_str(sl_scan_state_name(result->state)));
	if (result->undecided)
		sl_json_u64(&json, "undecided_lines", result->undecided);
	if (result->err && result->err->code)
		sl_json_string(&json, "error", sl_span_str(result->err->text));
	sl_json_end_line(&json);
}

void
sl_scan_json_summary(
	struct sl_scan_output *output, const struct sl_scan_summary *summary, uint64_t elapsed_ns)
{
	struct sl_json json;
	struct totals totals = { .elapsed_ns = elapsed_ns,
		.searches = summary->inputs,
		.searches_with_match = summary->inputs_with_hits,
		.bytes = summary->bytes,
		.printed = output->printed_bytes,
		.lines = summary->hits,
		.matches = output->printed_matches };
	json_begin(&json, &output->pending, "summary");
	json_elapsed(&json, "elapsed_total", elapsed_ns);
	json_stats(&json, &totals);
	sl_json_u64(&json, "total_lines", summary->lines);
	sl_json_u64(&json, "troubles", sl_scan_summary_troubles(summary));
	sl_json_open(&json, "states", SL_JSON_OBJECT);
	for (unsigned state = 0; state < SL_SCAN_STATES; state++)
		sl_json_u64(&json, sl_scan_state_name((enum sl_scan_state)state),
			summary->inputs_in[state]);
	sl_json_close(&json);
	sl_json_end_line(&json);
}

void
sl_scan_json_begin(struct sl_scan_output *output, const struct sl_input *input)
{
	struct sl_json json;
	output->input_begin = position(output);
	output->input_matches = 0;
	json_begin(&json, &output->pending, "begin");
	json_path(&json, input);
	sl_json_end_line(&json);
}
