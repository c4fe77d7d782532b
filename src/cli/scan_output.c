/*
 * scan_output.c - what `sluice scan` prints, as the sink of the scan: a table at its end, or lines,
 * counts or JSON while it runs.
 *
 *   - Results are collected and written to standard output in large buffers; on a terminal or pipe
 *     they are written as soon as the scan has to wait.
 *   - The memory is bounded whatever the length of a line: it is written, escaped and encoded piece
 *     by piece. Only the table keeps a row for each input.
 *   - Bytes that a terminal could act on are escaped for a terminal only; a file or pipe gets the
 *     bytes as they are.
 *   - Messages about an input are written to standard error; inputs that are skipped in directories
 *     are counted there in one line.
 */
#include "sluice/cli/scan_output.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/base/text.h"
#include "sluice/cli/console.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/task.h"
#include "sluice/ui/colour.h"
#include "sluice/ui/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lines with 'Error' are reported if they are at least one in so many of the error lines. */
#define OTHER_CASE_SHARE 10u

/* Matches of a line that are located at a time. */
#define MATCHES_LOCATED 64u

/* Lines up to here are searched on the ring's thread, as long as that takes no more than some
 * milliseconds; others on a worker. */
#define INLINE_LINE 4096u

/* CPU time after which a worker returns, so that a signal can end the run in between. */
#define LOCATE_NS (50 * SL_NS_PER_MS)

/* Bytes of a line that are added at once; escaping makes them up to six times as many. A multiple
 * of 3 for base64. */
#define TEXT_PIECE (6 * SL_KIB)

static bool
is_regular(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int
sl_scan_output_begin(struct sl_scan_output *output, const struct sl_scan_options *options,
	const struct sl_pattern *pattern)
{
	*output = (struct sl_scan_output){ .options = options, .pattern = pattern };
	output->terminal = sl_console_columns(STDOUT_FILENO) > 0;
	output->is_file = is_regular(STDOUT_FILENO);
	output->colour = sl_console_has_colour(STDOUT_FILENO);
	/* Lines always have the name of their input; counts as with grep -c. */
	output->with_names = options->with_filename || options->print || options->inputs.count > 1;
	if (options->no_filename)
		output->with_names = false;
	output->with_numbers =
		options->line_number || !(options->no_line_number || options->no_filename);
	output->after_name = options->null_names ? '\0' : ':';
	return options->quiet ? 0 : sl_output_open(&output->out, STDOUT_FILENO);
}

void
sl_scan_output_release(struct sl_scan_output *output)
{
	for (size_t i = 0; i < output->row_count; i++)
		free(output->rows[i].name);
	free(output->rows);
	sl_buf_release(&output->pending);
	output->rows = NULL;
	output->row_count = output->row_cap = 0;
}

SL_SUSPENDS
static int
send_pending(struct sl_scan_output *output)
{
	if (output->pending.failed)
		return -ENOMEM;
	if (output->pending.len == 0)
		return 0;
	uint64_t before_ns = sl_now();
	output->sent_bytes += output->pending.len;
	int code = sl_output_send(output->out, &output->pending);
	output->waited_ns += sl_now() - before_ns;
	return code;
}

/* Send what is pending if it fills a buffer. */
SL_SUSPENDS
static int
send_if_full(struct sl_scan_output *output, const struct sl_input *input)
{
	output->flush_when_idle = !output->is_file || input->kind == SL_INPUT_STREAM;
	if (output->pending.len < SL_OUTPUT_BUFFER && !output->pending.failed)
		return sl_output_state(output->out);
	return send_pending(output);
}

/* Output to a terminal or pipe must not wait for more input, nor to a file while a stream is being
 * scanned. */
SL_SUSPENDS
static int
on_idle(void *ctx)
{
	struct sl_scan_output *output = ctx;
	return output->flush_when_idle ? send_pending(output) : 0;
}

/* As with grep, an input found in a directory is always named. */
static bool
wants_name(const struct sl_scan_output *output, const struct sl_input *input)
{
	return output->with_names || (input->is_found && !output->options->no_filename);
}

static struct sl_span
name_of(const struct sl_input *input)
{
	return sl_span_str(input->is_stdin ? "<stdin>" : input->path);
}

/* Pending bytes are sent before the line is complete: a line may be long, and longer when it is
 * escaped. */
SL_SUSPENDS
static int
make_room(struct sl_scan_output *output)
{
	return output->pending.len >= SL_OUTPUT_BUFFER ? send_pending(output) : 0;
}

/* Removes and returns the first TEXT_PIECE bytes, up to three fewer to keep a character whole. */
static struct sl_span
take_piece(struct sl_span *text)
{
	size_t len = SL_MIN(text->len, (size_t)TEXT_PIECE), back = 0;
	while (len < text->len && back < 3 &&
		((unsigned char)text->data[len - back] & 0xc0) == 0x80)
		back++;
	if (len < text->len && ((unsigned char)text->data[len - back] & 0xc0) != 0x80)
		len -= back;
	struct sl_span piece = sl_span(text->data, len);
	text->data += len;
	text->len -= len;
	return piece;
}

/* ---- matches in a line ---- */

/* Iterates over the matches of a line. They are located some at a time: a line may have a million,
 * and finding one may take as long as the limits allow. */
struct match_iter {
	const struct sl_scan_line *line;
	size_t from; /* where the next search begins */
	bool is_quick;
	enum sl_verdict verdict; /* of the last search: not YES after the last match */
	struct sl_match_range found[MATCHES_LOCATED];
	size_t count, next;
};

static void
match_iter_begin(struct match_iter *iter, const struct sl_scan_line *line)
{
	iter->line = line;
	iter->from = iter->count = iter->next = 0;
	iter->is_quick = false;
	iter->verdict = SL_VERDICT_YES;
}

/* Locate the next matches; on the runtime's thread or on a worker. */
static int
locate(void *arg)
{
	struct match_iter *iter = arg;
	const struct sl_scan_line *line = iter->line;
	uint64_t begun_ns = iter->is_quick ? 0 : sl_clock_thread_cpu_ns();
	iter->count = iter->next = 0;
	while (iter->count < MATCHES_LOCATED) {
		struct sl_match_range *range = &iter->found[iter->count];
		iter->verdict = sl_matcher_find(
			line->matcher, &line->subject, iter->from, iter->is_quick, range);
		if (iter->verdict != SL_VERDICT_YES)
			break;
		iter->from = range->end > range->begin ? range->end : range->end + 1;
		iter->count++;
		if (!iter->is_quick && sl_clock_thread_cpu_ns() - begun_ns > LOCATE_NS)
			break;
	}
	return 0;
}

/* The next match, in the line's text. Returns 1, 0 after the last, or a negative code. */
SL_SUSPENDS
static int
match_iter_next(struct match_iter *iter, struct sl_match_range *range)
{
	const struct sl_scan_line *line = iter->line;
	size_t off = (size_t)(line->subject.text - line->text);
	if (iter->next == iter->count) {
		int code = 0;
		if (iter->verdict == SL_VERDICT_YES) {
			iter->is_quick = line->subject.len <= INLINE_LINE;
			code = iter->is_quick ? locate(iter) : sl_offload(locate, iter);
		}
		bool is_used_up = iter->count == iter->next;
		if (!code && is_used_up && iter->is_quick &&
			iter->verdict == SL_VERDICT_UNDECIDED) {
			iter->is_quick = false;
			code = sl_offload(locate, iter);
		}
		if (code || iter->next == iter->count)
			return code;
	}
	*range = iter->found[iter->next++];
	range->begin += off;
	range->end += off;
	return 1;
}

/* ---- lines ---- */

/* Safe text for a terminal; elsewhere the bytes as they are. */
static void
add_piece(struct sl_scan_output *output, struct sl_span text)
{
	if (output->terminal && !sl_console_has_unicode())
		sl_text_make_ascii(&output->pending, text);
	else if (output->terminal)
		sl_text_make_safe(&output->pending, text);
	else
		sl_buf_add_span(&output->pending, text);
}

/* The text of a line. */
SL_SUSPENDS
static int
add_text(struct sl_scan_output *output, struct sl_span text)
{
	int code = 0;
	while (text.len > 0 && code == 0) {
		add_piece(output, take_piece(&text));
		code = make_room(output);
	}
	return code;
}

static void
begin_colour(struct sl_scan_output *output, enum sl_colour colour)
{
	sl_buf_add_str(&output->pending, sl_colour_code(output->colour, colour));
}

/* A short text, such as a name or a number. */
static void
add_coloured(struct sl_scan_output *output, enum sl_colour colour, struct sl_span text)
{
	begin_colour(output, colour);
	add_piece(output, text);
	begin_colour(output, SL_COLOUR_RESET);
}

/* What is shown of a line: all of it, or of a long one [begin, end) of its text. */
struct shown {
	size_t begin, end;
	uint64_t before, after; /* bytes of the line that are left out */
};

/* A part begins and ends with whole characters. */
static struct shown
shown_part(const struct sl_scan_line *line)
{
	size_t begin = 0, end = line->len, back = 1;
	uint32_t code = 0;
	while (line->skipped && begin < 3 && begin < end && (line->text[begin] & 0xc0) == 0x80)
		begin++;
	if (line->skipped + end < line->whole_len && end > begin) {
		while (back < 4 && begin + back < end && (line->text[end - back] & 0xc0) == 0x80)
			back++;
		const char *last = (const char *)line->text + end - back;
		if (sl_text_utf8(sl_span(last, back), &code) != back)
			end -= back;
	}
	uint64_t after = line->whole_len - line->skipped - end;
	return (struct shown){ begin, end, line->skipped + begin, after };
}

/* The shown text with its matches coloured, except empty ones. */
SL_SUSPENDS
static int
add_matches(
	struct sl_scan_output *output, const struct sl_scan_line *line, const struct shown *shown)
{
	const char *text = (const char *)line->text;
	struct match_iter iter;
	struct sl_match_range range;
	size_t at = shown->begin;
	int code = 0, more = output->colour;
	match_iter_begin(&iter, line);
	while (more > 0 && (more = match_iter_next(&iter, &range)) > 0) {
		size_t begin = SL_MAX(range.begin, at), end = SL_MIN(range.end, shown->end);
		if (begin >= end)
			continue;
		code = add_text(output, sl_span(text + at, begin - at));
		begin_colour(output, SL_COLOUR_MATCH);
		if (code == 0)
			code = add_text(output, sl_span(text + begin, end - begin));
		begin_colour(output, SL_COLOUR_RESET);
		if (code == 0)
			code = make_room(output);
		if (code)
			return code;
		at = end;
	}
	return more < 0 ? more : add_text(output, sl_span(text + at, shown->end - at));
}

SL_SUSPENDS
static int
add_line(struct sl_scan_output *output, const struct sl_scan_line *line)
{
	struct sl_buf *out = &output->pending;
	if (wants_name(output, line->input)) {
		add_coloured(output, SL_COLOUR_FILE, name_of(line->input));
		sl_buf_add_char(out, output->after_name);
	}
	if (output->with_numbers) {
		char number[24];
		snprintf(number, sizeof(number), "%llu", (unsigned long long)line->number);
		add_coloured(output, SL_COLOUR_LINE, sl_span_str(number));
		sl_buf_add_char(out, ':');
	}
	struct shown shown = shown_part(line);
	/* On a terminal a carriage return before the newline is part of the line's end; elsewhere
	 * the bytes stay as they are. */
	if (output->terminal && shown.after == 0 && shown.end > shown.begin &&
		line->text[shown.end - 1] == '\r')
		shown.end--;
	if (shown.before)
		sl_buf_printf(out, "[... %llu bytes] ", (unsigned long long)shown.before);
	int code = add_matches(output, line, &shown);
	if (shown.after)
		sl_buf_printf(out, " [... %llu bytes]", (unsigned long long)shown.after);
	sl_buf_add_char(out, '\n');
	return code;
}

/* ---- JSON, with ripgrep's names ---- */

static void
json_path(struct sl_json *json, const struct sl_input *input)
{
	sl_json_text_or_bytes(json, "path", name_of(input));
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
	while (text.len > TEXT_PIECE && code == 0) {
		struct sl_span piece = sl_span(text.data, TEXT_PIECE);
		if (is_text)
			piece = take_piece(&text);
		else
			text = sl_span(text.data + TEXT_PIECE, text.len - TEXT_PIECE);
		sl_json_add_data(json, is_text, piece);
		code = make_room(output);
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
	const struct sl_scan_line *line, const struct shown *shown)
{
	const char *text = (const char *)line->text;
	struct match_iter iter;
	struct sl_match_range range;
	size_t last_end = SIZE_MAX;
	int code = 0, more;
	match_iter_begin(&iter, line);
	sl_json_open(json, "submatches", SL_JSON_ARRAY);
	while ((more = match_iter_next(&iter, &range)) > 0) {
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
			code = make_room(output);
		if (code)
			break;
	}
	sl_json_close(json);
	if (iter.verdict == SL_VERDICT_UNDECIDED)
		sl_json_bool(json, "submatches_incomplete", true);
	return more < 0 ? more : code;
}

/* As in ripgrep, a line includes its newline. For a part of a line the bytes left out on both sides
 * are given. */
SL_SUSPENDS
static int
json_match(struct sl_scan_output *output, const struct sl_scan_line *line)
{
	struct sl_json json;
	struct shown shown = shown_part(line);
	struct sl_span text =
		sl_span((const char *)line->text + shown.begin, shown.end - shown.begin);
	json_begin(&json, &output->pending, "match");
	json_path(&json, line->input);
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
static void
json_end(struct sl_scan_output *output, const struct sl_input *input,
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

static void
json_summary(
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

/* ---- the sink ---- */

static int
on_begin(void *ctx, const struct sl_input *input)
{
	struct sl_scan_output *output = ctx;
	struct sl_json json;
	output->input_begin = position(output);
	output->input_matches = 0;
	json_begin(&json, &output->pending, "begin");
	json_path(&json, input);
	sl_json_end_line(&json);
	return 0;
}

SL_SUSPENDS
static int
on_line(void *ctx, const struct sl_scan_line *line)
{
	struct sl_scan_output *output = ctx;
	int code = output->options->json ? json_match(output, line) : add_line(output, line);
	return code ? code : send_if_full(output, line->input);
}

static int
keep_row(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	if (output->row_count == output->row_cap) {
		size_t cap = output->row_cap ? output->row_cap * 2 : 64;
		struct sl_scan_row *rows = realloc(output->rows, cap * sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		output->rows = rows;
		output->row_cap = cap;
	}
	char *name = sl_span_dup(name_of(input));
	if (!name)
		return -ENOMEM;
	output->rows[output->row_count++] = (struct sl_scan_row){
		.name = name,
		.lines = result->lines,
		.hits = result->hits,
		.state = result->state,
		.has_only_cr = result->has_only_cr,
	};
	return 0;
}

/* True if nothing of the input was read, so that a count of 0 would be wrong. */
static bool
is_unread(enum sl_scan_state state, uint64_t lines)
{
	return sl_scan_state_is_skipped(state) ||
	       ((state == SL_SCAN_UNSUPPORTED || state == SL_SCAN_UNREADABLE) && lines == 0);
}

/* As with grep, an input that could not be read has no count, only a message on standard error. */
static void
add_count(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	if (is_unread(result->state, result->lines))
		return;
	if (wants_name(output, input)) {
		add_coloured(output, SL_COLOUR_FILE, name_of(input));
		sl_buf_add_char(&output->pending, output->after_name);
	}
	sl_buf_printf(&output->pending, "%llu\n", (unsigned long long)result->hits);
}

/* The first operand does not exist: it may have been meant as a pattern, as with grep. */
static bool
may_be_pattern(const struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	const struct sl_words *inputs = &output->options->inputs;
	return result->err->code == -ENOENT && !input->is_found &&
	       output->options->patterns.count == 0 && inputs->count > 0 &&
	       strcmp(inputs->items[0], input->path) == 0;
}

/* Found in a directory and not read at all: these are counted by kind, since a directory may have
 * hundreds of compressed logs. Inputs that could not be read are always reported one by one. */
static bool
is_skipped(const struct sl_input *input, const struct sl_scan_result *result)
{
	return input->is_found && result->state != SL_SCAN_UNREADABLE &&
	       is_unread(result->state, result->lines);
}

static void
report_error(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	const char *text = result->err->text;
	if (is_skipped(input, result)) {
		output->skipped[result->state]++;
		sl_log_info("%s", text);
	} else if (result->err->code == -ENOENT && !input->is_found && strstr(input->path, "://")) {
		sl_log_error(
			"%s (URLs cannot be scanned: 'sluice get -o - URL | sluice scan')", text);
	} else if (may_be_pattern(output, input, result)) {
		sl_log_error(
			"%s (a pattern is given with -e: 'sluice scan -e PATTERN FILE')", text);
	} else {
		sl_log_error("%s", text);
	}
}

/* Messages about an input. There may be thousands of inputs, so each waits until standard error has
 * accepted earlier ones. */
SL_SUSPENDS
static void
report_input(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	bool has_only_cr = result->has_only_cr && !output->options->quiet;
	bool has_error = result->err && result->err->code;
	const char *quote = input->is_stdin ? "" : "'";
	if (has_only_cr)
		sl_log_warn("%s%s%s has carriage returns but no newline: it counts as one line "
			    "(use: tr '\\r' '\\n' <FILE | sluice scan)",
			quote, input->is_stdin ? "standard input" : input->shown, quote);
	if (has_error)
		report_error(output, input, result);
	if (has_only_cr || has_error)
		sl_console_wait();
}

SL_SUSPENDS
static int
on_end(void *ctx, const struct sl_input *input, const struct sl_scan_result *result)
{
	struct sl_scan_output *output = ctx;
	const struct sl_scan_options *options = output->options;
	report_input(output, input, result);
	if (options->quiet)
		return 0;
	if (options->json)
		json_end(output, input, result);
	else if (options->count)
		add_count(output, input, result);
	else if (!options->print)
		return keep_row(output, input, result);
	return send_if_full(output, input);
}

struct sl_scan_sink
sl_scan_output_sink(struct sl_scan_output *output)
{
	const struct sl_scan_options *options = output->options;
	return (struct sl_scan_sink){ .ctx = output,
		.begin = options->json && !options->quiet ? on_begin : NULL,
		.line = options->print && !options->count && !options->quiet ? on_line : NULL,
		.end = on_end,
		.idle = options->quiet ? NULL : on_idle };
}

/* ---- the end ---- */

static const char *
note_of(const struct sl_scan_row *row)
{
	if (row->state != SL_SCAN_OK)
		return sl_scan_state_name(row->state);
	return row->has_only_cr ? "no newline" : "";
}

static uint64_t
count_skipped(const struct sl_scan_output *output)
{
	uint64_t count = 0;
	for (size_t state = 0; state < SL_SCAN_STATES; state++)
		count += output->skipped[state];
	return count;
}

/* One line with the numbers of skipped inputs by kind. */
static void
report_skipped(const struct sl_scan_output *output)
{
	static const struct {
		enum sl_scan_state state;
		const char *one, *many;
	} kinds[] = {
		{ SL_SCAN_UNSUPPORTED, "compressed, UTF-16 or UTF-32 file",
			"compressed, UTF-16 or UTF-32 files" },
		{ SL_SCAN_BINARY, "binary file", "binary files" },
		{ SL_SCAN_LINK, "link", "links" },
		{ SL_SCAN_SPECIAL, "device, socket or FIFO", "devices, sockets or FIFOs" },
	};
	struct sl_buf text = { 0 };
	if (count_skipped(output) == 0)
		return;
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
		uint64_t count = output->skipped[kinds[i].state];
		if (count > 0)
			sl_buf_printf(&text, "%s%llu %s", text.len > 0 ? ", " : "",
				(unsigned long long)count,
				count == 1 ? kinds[i].one : kinds[i].many);
	}
	if (!text.failed)
		sl_log_warn("skipped in directories: %s%s", text.data,
			output->options->verbose ? "" : " (--verbose lists them)");
	sl_buf_release(&text);
}

static int
add_table(struct sl_scan_output *output, const struct sl_scan_summary *summary)
{
	struct sl_table_row *rows = calloc(output->row_count + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < output->row_count; i++) {
		const struct sl_scan_row *row = &output->rows[i];
		rows[i] = (struct sl_table_row){ .name = sl_span_str(row->name),
			.lines = row->lines,
			.error_lines = row->hits,
			.unread = is_unread(row->state, row->lines),
			.note = sl_span_str(note_of(row)) };
	}
	char note[64] = "";
	uint64_t skipped = count_skipped(output);
	if (skipped > 0)
		snprintf(note, sizeof(note), "%llu skipped", (unsigned long long)skipped);
	struct sl_table table = { .rows = rows,
		.row_count = output->row_count,
		.lines = summary->lines,
		.error_lines = summary->hits,
		.note = sl_span_str(note),
		.columns = sl_console_columns(STDOUT_FILENO),
		.colour = output->colour,
		.unicode = sl_console_has_unicode() };
	sl_table_format(&table, &output->pending);
	free(rows);
	return 0;
}

/* For the default pattern: a log that writes "Error" must not appear to have no errors. Omitted if
 * such lines are few compared with those that are counted. */
static void
warn_about_other_case(const struct sl_scan_output *output, const struct sl_scan_summary *summary)
{
	const struct sl_scan_options *options = output->options;
	if (options->patterns.count > 0 || options->quiet)
		return;
	if (summary->other_case == 0 || summary->other_case < summary->hits / OTHER_CASE_SHARE)
		return;
	sl_log_warn(
		"not counted: %llu with 'error' in another case, such as 'Error' (use -i to count "
		"them)",
		(unsigned long long)summary->other_case);
}

int
sl_scan_output_end(struct sl_scan_output *output, const struct sl_scan_summary *summary,
	uint64_t elapsed_ns, bool complete, struct sl_error *err)
{
	const struct sl_scan_options *options = output->options;
	/* With -q, skipped inputs matter only if no line was found. */
	if (!options->quiet || summary->hits == 0)
		report_skipped(output);
	if (!output->out)
		return 0;
	int code = 0;
	if (complete)
		warn_about_other_case(output, summary);
	if (options->json && complete)
		json_summary(output, summary, elapsed_ns);
	else if (!options->print && !options->count && !options->json && complete)
		code = add_table(output, summary);
	if (!code)
		code = send_pending(output);
	int closed = sl_output_close(output->out, err);
	output->out = NULL;
	if (closed)
		return closed;
	return code && code != -EPIPE
		       ? sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write the result")
		       : code;
}
