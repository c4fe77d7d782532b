/*
 * scan_output.c - what `sluice scan` prints, as the sink of the scan: a table at its end, or lines,
 * counts or JSON while it runs. The JSON is made in scan_json.c; scan_line.c has what both forms of
 * lines need.
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
#include "scan_output_int.h"

#include "sluice/base/log.h"
#include "sluice/base/text.h"
#include "sluice/cli/console.h"
#include "sluice/ui/colour.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lines with 'Error' are reported if they are at least one in so many of the error lines. */
#define OTHER_CASE_SHARE 10u

static bool
is_regular(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int
sl_scan_output_begin(struct sl_scan_output *output, const struct sl_scan_options *options)
{
	*output = (struct sl_scan_output){ .options = options };
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

/* Send what is pending if it fills a buffer. */
SL_SUSPENDS
static int
send_if_full(struct sl_scan_output *output, const struct sl_input *input)
{
	output->flush_when_idle = !output->is_file || input->kind == SL_INPUT_STREAM;
	if (output->pending.len < SL_OUTPUT_BUFFER && !output->pending.failed)
		return sl_output_state(output->out);
	return sl_scan_output_send(output);
}

/* Output to a terminal or pipe must not wait for more input, nor to a file while a stream is being
 * scanned. */
SL_SUSPENDS
static int
on_idle(struct sl_scan_output *output)
{
	return output->flush_when_idle ? sl_scan_output_send(output) : 0;
}

/* As with grep, an input found in a directory is always named. */
static bool
wants_name(const struct sl_scan_output *output, const struct sl_input *input)
{
	return output->with_names || (input->is_found && !output->options->no_filename);
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
		add_piece(output, sl_scan_output_take_piece(&text));
		code = sl_scan_output_make_room(output);
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

/* The shown text with its matches coloured, except empty ones. */
SL_SUSPENDS
static int
add_matches(struct sl_scan_output *output, const struct sl_scan_line *line,
	const struct sl_scan_shown *shown)
{
	const char *text = (const char *)line->text;
	struct sl_scan_matches matches;
	struct sl_match_range range;
	size_t at = shown->begin;
	int code = 0, more = output->colour;
	sl_scan_matches_begin(&matches, line);
	while (more > 0 && (more = sl_scan_matches_next(&matches, &range)) > 0) {
		size_t begin = SL_MAX(range.begin, at), end = SL_MIN(range.end, shown->end);
		if (begin >= end)
			continue;
		code = add_text(output, sl_span(text + at, begin - at));
		begin_colour(output, SL_COLOUR_MATCH);
		if (code == 0)
			code = add_text(output, sl_span(text + begin, end - begin));
		begin_colour(output, SL_COLOUR_RESET);
		if (code == 0)
			code = sl_scan_output_make_room(output);
		if (code)
			return code;
		at = end;
	}
	return more < 0 ? more : add_text(output, sl_span(text + at, shown->end - at));
}

SL_SUSPENDS
static int
add_line(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_line *line)
{
	struct sl_buf *out = &output->pending;
	if (wants_name(output, input)) {
		add_coloured(output, SL_COLOUR_FILE, sl_scan_output_name(input));
		sl_buf_add_char(out, output->after_name);
	}
	if (output->with_numbers) {
		char number[24];
		snprintf(number, sizeof(number), "%llu", (unsigned long long)line->number);
		add_coloured(output, SL_COLOUR_LINE, sl_span_str(number));
		sl_buf_add_char(out, ':');
	}
	struct sl_scan_shown shown = sl_scan_output_shown(line);
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

/* ---- the sink ---- */

SL_SUSPENDS
static int
on_line(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_line *line)
{
	int code = output->options->json ? sl_scan_json_match(output, input, line)
					 : add_line(output, input, line);
	return code ? code : send_if_full(output, input);
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
	char *name = sl_span_dup(sl_scan_output_name(input));
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
		add_coloured(output, SL_COLOUR_FILE, sl_scan_output_name(input));
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
	if (has_only_cr)
		sl_log_warn("%s has carriage returns but no newline: it counts as one line "
			    "(use: tr '\\r' '\\n' <FILE | sluice scan)",
			input->shown);
	if (has_error)
		report_error(output, input, result);
	if (has_only_cr || has_error)
		sl_console_wait();
}

SL_SUSPENDS
static int
on_end(struct sl_scan_output *output, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	const struct sl_scan_options *options = output->options;
	report_input(output, input, result);
	if (options->quiet)
		return 0;
	if (options->json)
		sl_scan_json_end(output, input, result);
	else if (options->count)
		add_count(output, input, result);
	else if (!options->print)
		return keep_row(output, input, result);
	return send_if_full(output, input);
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_scan_output *output = ctx;
	switch (event->kind) {
	case SL_SCAN_EVENT_BEGIN:
		sl_scan_json_begin(output, event->input);
		return 0;
	case SL_SCAN_EVENT_LINE:
		return on_line(output, event->input, event->line);
	case SL_SCAN_EVENT_END:
		return on_end(output, event->input, event->result);
	case SL_SCAN_EVENT_IDLE:
		return on_idle(output);
	}
	return 0;
}

struct sl_scan_sink
sl_scan_output_sink(struct sl_scan_output *output)
{
	const struct sl_scan_options *options = output->options;
	struct sl_scan_sink sink = {
		.ctx = output, .wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END), .event = on_event
	};
	if (options->print)
		sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	if (!options->quiet)
		sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE);
	if (options->json && !options->quiet)
		sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN);
	return sink;
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

static bool
wants_table(const struct sl_scan_options *options)
{
	return !options->print && !options->count && !options->json && !options->quiet;
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
		sl_scan_json_summary(output, summary, elapsed_ns);
	else if (wants_table(options) && complete)
		code = add_table(output, summary);
	if (!code)
		code = sl_scan_output_send(output);
	int closed = sl_output_close(output->out, err);
	output->out = NULL;
	if (closed)
		return closed;
	return code && code != -EPIPE
		       ? sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write the result")
		       : code;
}

void
sl_scan_output_abandon(struct sl_scan_output *output, const struct sl_scan_summary *summary)
{
	struct sl_error err = { 0 };
	if (!output->out)
		return;
	/* Lines, counts and events are queued, and a part of them may be written. */
	bool is_lost = !wants_table(output->options) || output->sent_bytes > 0;
	if (!is_lost && output->row_count > 0) {
		is_lost = add_table(output, summary) != 0;
		is_lost = is_lost || sl_output_write_now(STDOUT_FILENO,
					     sl_buf_span(&output->pending), &err) != 0;
	}
	if (is_lost)
		sl_log_error("the last part of the results may be missing on standard output");
}
