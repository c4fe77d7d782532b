/*
 * scan_output.c - the sinks of `sluice scan` and standard output behind them. Nothing is formatted
 * here. With -q standard output is not opened, and only messages are written.
 */
#include "sluice/cli/scan_output.h"

#include "sluice/base/log.h"
#include "sluice/cli/console.h"
#include "sluice/cli/digest_file.h"
#include "sluice/rt/task.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The part of the memory for the kinds of all lines, as sl_scan_setup.kinds says. */
#define KINDS_SHARE 8u
/* Bytes of a line that are printed on a terminal: half a screen or so. */
#define TERMINAL_LINE 4096u

static bool
is_regular(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- standard output, for the sinks ---- */

SL_SUSPENDS
static int
send_results(void *ctx, struct sl_buf *buf)
{
	struct sl_scan_output *output = ctx;
	uint64_t before_ns = sl_now();
	int code = sl_output_send(output->out, buf);
	output->waited_ns += sl_now() - before_ns;
	return code;
}

static int
output_state(const void *ctx)
{
	const struct sl_scan_output *output = ctx;
	return sl_output_state(output->out);
}

static int
has_run_ended(const void *ctx)
{
	(void)ctx;
	return sl_task_cancelled();
}

static struct sl_results
results_of(struct sl_scan_output *output)
{
	size_t columns = sl_console_columns(output->fd);
	return (struct sl_results){
		.writer = { .ctx = output,
			.send = send_results,
			.state = output_state,
			.ended = has_run_ended,
			.buffer = SL_OUTPUT_BUFFER,
			.is_file = is_regular(output->fd) },
		.style = { .is_terminal = columns > 0,
			.columns = columns,
			.colour = sl_console_has_colour(output->fd),
			.unicode = sl_console_has_unicode() },
	};
}

/* ---- options -> sinks ---- */

static bool
wants_list(const struct sl_scan_options *options)
{
	return options->files_with_matches || options->files_without_match;
}

static bool
wants_table(const struct sl_scan_options *options)
{
	return !options->print && !options->count && !options->json && !options->quiet &&
	       !wants_list(options);
}

/* Lines always have the name of their input; counts as with grep -c. */
static struct sl_results_names
names_of(const struct sl_scan_options *options)
{
	bool always = options->with_filename || options->print || options->inputs.count > 1;
	return (struct sl_results_names){ .always = always,
		.never = options->no_filename,
		.separator = options->null_names ? '\0' : ':' };
}

/* Bytes of a line; 0 = all. */
static size_t
most_of_line(const struct sl_scan_output *output)
{
	uint64_t most = output->options->max_columns;
	if (most == SL_OPTION_AUTO_COLUMNS)
		return output->results.style.is_terminal ? TERMINAL_LINE : 0;
	return (size_t)SL_MIN(most, SIZE_MAX);
}

/* The sink that makes the results. */
static struct sl_scan_sink
choose_sink(struct sl_scan_output *output)
{
	const struct sl_scan_options *options = output->options;
	struct sl_results *results = &output->results;
	struct sl_results_names names = names_of(options);
	bool is_sorted = options->sorted_slack_ns != SL_OPTION_NOT_SORTED;
	bool omits_numbers = options->no_line_number || options->no_filename || is_sorted;
	bool numbers = options->line_number || !omits_numbers;
	bool has_context = sl_scan_has_context(options);
	output->with_numbers = options->print && (numbers || (options->json && !is_sorted));
	if (options->json)
		return sl_json_sink_init(&output->json, results,
			(struct sl_json_sink_options){ .has_lines = options->print,
				.has_context = options->print && has_context,
				.has_records = options->print && options->records });
	if (wants_list(options))
		return sl_list_sink_init(&output->list, results,
			options->files_with_matches ? SL_LIST_WITH : SL_LIST_WITHOUT,
			options->null_names ? '\0' : '\n');
	if (options->count)
		return sl_count_sink_init(&output->count, results, &names);
	if (options->print)
		return sl_lines_sink_init(&output->lines, results, &names,
			(struct sl_lines_sink_options){ .has_numbers = numbers,
				.has_context = has_context,
				.has_records = options->records,
				.most = most_of_line(output),
				.prints_matches = options->only_matching });
	struct sl_scan_sink table = sl_table_sink_init(&output->table, results);
	output->table.has_records = options->records;
	return table;
}

/* How many kinds of lines are shown. */
static uint64_t
count_kinds(const struct sl_scan_output *output)
{
	const struct sl_scan_options *options = output->options;
	if (options->top != SL_OPTION_TOP_AUTO)
		return options->top;
	if (options->digest_base)
		return SL_OPTION_TOP;
	return wants_table(options) && output->results.style.is_terminal ? SL_OPTION_TOP : 0;
}

static void
add_sink(struct sl_scan_output *output, struct sl_scan_sink sink)
{
	sl_assert(output->sink_count < SL_COUNT_OF(output->sinks));
	output->sinks[output->sink_count++] = sink;
}

/* Those that make the results, in the order of what they write at the end. */
static int
add_sinks(struct sl_scan_output *output, struct sl_tally *tally)
{
	const struct sl_scan_options *options = output->options;
	struct sl_scan_sink sink = choose_sink(output);
	struct sl_kinds_sink_setup setup = { .top = count_kinds(output),
		.is_json = options->json,
		.base = options->digest_base ? &output->base : NULL,
		.base_name = options->digest_base };
	if (!options->json)
		add_sink(output, sink);
	if (tally)
		add_sink(output,
			sl_pattern_sink_init(&output->patterns, &output->results, tally,
				options->json ? SL_PATTERN_SINK_JSON : SL_PATTERN_SINK_TABLE,
				sl_tally_has_parts(tally)));
	if (options->histogram) {
		sl_timeline_init(&output->timeline, options->histogram_interval_s);
		add_sink(output,
			sl_histogram_sink_init(&output->histogram, &output->results,
				&output->timeline, options->histogram_interval_s, options->json));
	}
	if (setup.top || options->digest_out || options->digest_base) {
		setup.kinds = sl_kinds_new((size_t)(options->max_memory / KINDS_SHARE));
		output->kinds = setup.kinds;
		if (!output->kinds)
			return -ENOMEM;
		add_sink(output, sl_kinds_sink_init(&output->kinds_sink, &output->results, &setup));
	}
	if (options->json)
		add_sink(output, sink);
	return 0;
}

/* ---- public functions ---- */

int
sl_scan_output_begin(struct sl_scan_output *output, const struct sl_scan_output_setup *setup,
	struct sl_error *err)
{
	const struct sl_scan_options *options = setup->options;
	*output = (struct sl_scan_output){ .options = options, .fd = setup->fd };
	add_sink(output, sl_scan_messages_init(&output->messages, options));
	if (options->quiet)
		return 0;
	output->results = results_of(output);
	int code = 0;
	if (options->digest_base)
		code = sl_digest_file_read(&output->base, options->digest_base, err);
	if (code == 0)
		code = sl_digest_file_check(options->digest_out, output->fd, err);
	output->own_files[0] = sl_digest_file_resolve(options->digest_out);
	output->own_files[1] = sl_digest_file_resolve(options->digest_base);
	if (code == 0)
		code = add_sinks(output, setup->tally);
	output->out = setup->shared;
	output->is_shared = setup->shared != NULL;
	return code || output->is_shared ? code : sl_output_open(&output->out, output->fd);
}

void
sl_scan_output_release(struct sl_scan_output *output)
{
	sl_table_sink_release(&output->table);
	sl_json_sink_release(&output->json);
	sl_lines_sink_release(&output->lines);
	sl_kinds_sink_release(&output->kinds_sink);
	sl_kinds_free(output->kinds);
	sl_saved_release(&output->base);
	for (size_t i = 0; i < SL_COUNT_OF(output->own_files); i++)
		free(output->own_files[i]);
	sl_timeline_release(&output->timeline);
	sl_results_release(&output->results);
}

SL_SUSPENDS
static int
write_digest(const struct sl_scan_output *output, struct sl_error *err)
{
	const char *path = output->options->digest_out;
	struct sl_buf text = { 0 };
	if (!path)
		return 0;
	sl_kinds_sink_save(&output->kinds_sink, &text);
	int code = text.failed
			   ? sl_fail_code(err, SL_PHASE_WRITE, -ENOMEM, "cannot write '%s'", path)
			   : sl_digest_file_write(path, output->fd, sl_buf_span(&text), err);
	sl_buf_release(&text);
	return code;
}

int
sl_scan_output_flush(struct sl_scan_output *output)
{
	if (!output->out)
		return 0;
	int code = sl_results_send(&output->results);
	return code ? code : sl_output_flush(output->out);
}

bool
sl_scan_output_is_incomplete(const struct sl_scan_output *output)
{
	return output->lines.incomplete > 0 || output->patterns.undecided > 0;
}

static void
report_undecided_patterns(const struct sl_scan_output *output)
{
	if (output->patterns.undecided)
		sl_log_error(
			"some lines are not counted for a pattern that may match them: a limit "
			"was reached, or they are longer than 1 MiB (see 'undecided' in the "
			"results; a simpler pattern helps)");
}

/* With -o, text that was not printed is missing without a trace. */
static void
report_incomplete(const struct sl_scan_output *output)
{
	const struct sl_lines_sink *lines = &output->lines;
	struct sl_buf text = { 0 };
	if (lines->incomplete == 0)
		return;
	if (lines->incomplete_number)
		sl_buf_printf(&text, "line %llu", (unsigned long long)lines->incomplete_number);
	else
		sl_buf_printf(
			&text, "the line at byte %llu", (unsigned long long)lines->incomplete_off);
	sl_buf_printf(&text, " of %s", lines->incomplete_input ? lines->incomplete_input : "?");
	if (lines->incomplete > 1)
		sl_buf_printf(&text, " and of %llu more lines",
			(unsigned long long)lines->incomplete - 1);
	if (!text.failed)
		sl_log_error("cannot print all matches of %s: the pattern takes too many steps "
			     "there, or the line is longer than 1 MiB (a simpler pattern helps; "
			     "-p prints the lines)",
			text.data);
	sl_buf_release(&text);
}

int
sl_scan_output_end(struct sl_scan_output *output, const struct sl_scan_outcome *outcome,
	bool complete, struct sl_error *err)
{
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_SUMMARY, .outcome = outcome };
	/* With -q, skipped inputs matter only if no line was found. */
	if (!output->options->quiet || outcome->summary->hits == 0)
		sl_scan_messages_skipped(&output->messages);
	if (!output->out)
		return 0;
	int code = 0, written = 0;
	report_incomplete(output);
	output->results.style.columns = sl_console_columns(output->fd); /* it may have changed */
	if (complete || outcome->is_cut)
		code = sl_scan_emit(output->sinks, output->sink_count, &event);
	report_undecided_patterns(output);
	if (complete && !code)
		written = write_digest(output, err);
	if (!code)
		code = sl_results_send(&output->results);
	int closed = output->is_shared ? 0 : sl_output_close(output->out, err);
	output->out = NULL;
	if (closed || written)
		return closed ? closed : written;
	return code && code != -EPIPE
		       ? sl_fail_code(err, SL_PHASE_WRITE, code, "cannot write the result")
		       : code;
}

void
sl_scan_output_abandon(struct sl_scan_output *output, const struct sl_scan_summary *summary)
{
	struct sl_results *results = &output->results;
	struct sl_error err = { 0 };
	if (!output->out)
		return;
	/* Lines, counts and events are queued, and a part of them may be written. */
	bool is_lost = !wants_table(output->options) || results->sent > 0;
	if (!is_lost && output->table.rows.count > 0) {
		is_lost = sl_table_sink_format(&output->table, summary) != 0;
		is_lost = is_lost || sl_output_write_now(
					     output->fd, sl_buf_span(&results->pending), &err) != 0;
	}
	if (is_lost)
		sl_log_error("the last part of the results may be missing on standard output");
}
