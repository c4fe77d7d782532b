/*
 * scan_messages.c - messages about inputs, each written before the results of its input. What could
 * not be read is always reported by its name; what is skipped in directories is counted by kind,
 * and listed with --verbose only.
 */
#include "sluice/cli/scan_messages.h"

#include "sluice/base/log.h"
#include "sluice/cli/console.h"
#include "sluice/download/url_reader.h"
#include "sluice/scan/source.h"

#include <errno.h>
#include <string.h>

/* Lines with 'Error', or with another level than is expected, are reported if they are at least one
 * in so many of the error lines. */
#define OTHER_CASE_SHARE 10u

/* The first operand does not exist: it may have been meant as a pattern, as with grep. */
static bool
may_be_pattern(const struct sl_scan_messages *messages, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	const struct sl_words *inputs = &messages->options->inputs;
	return result->err->code == -ENOENT && !input->is_found &&
	       messages->options->patterns.count == 0 &&
	       messages->options->pattern_files.count == 0 && inputs->count > 0 &&
	       strcmp(inputs->items[0], input->path) == 0;
}

static void
report_error(struct sl_scan_messages *messages, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	const char *text = result->err->text;
	if (sl_scan_result_is_skipped(result, input->is_found)) {
		messages->skipped[result->state]++;
		sl_log_info("%s", text);
	} else if (result->err->code == -ENOENT && !input->is_found && strstr(input->path, "://")) {
		sl_log_error("%s (URLs of http and https can be scanned)", text);
	} else if (may_be_pattern(messages, input, result)) {
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
report_input(struct sl_scan_messages *messages, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	bool has_only_cr = result->has_only_cr && !messages->options->quiet;
	bool has_error = result->err && result->err->code;
	if (has_only_cr)
		sl_log_warn("%s has carriage returns but no newline: it counts as one line "
			    "(use: tr '\\r' '\\n' <FILE | sluice scan)",
			input->shown);
	if (has_error)
		report_error(messages, input, result);
	if (has_only_cr || has_error)
		sl_console_wait();
}

/* For the default pattern: a log that writes "Error" must not appear to have no errors. Omitted if
 * such lines are few compared with those that are counted. */
static void
warn_about_other_case(
	const struct sl_scan_messages *messages, const struct sl_scan_summary *summary)
{
	const struct sl_scan_options *options = messages->options;
	if (options->patterns.count > 0 || options->quiet)
		return;
	if (summary->other_case == 0 || summary->other_case < summary->hits / OTHER_CASE_SHARE)
		return;
	sl_log_warn(
		"not counted: %llu with 'error' in another case, such as 'Error' (use %s to count "
		"them)",
		(unsigned long long)summary->other_case,
		options->is_of_get ? "--ignore-case" : "-i");
}

/* A note that the words are a poor rule for a log whose lines have levels. */
static void
warn_about_levels(const struct sl_scan_messages *messages, const struct sl_sample *sample)
{
	uint64_t wrong = sample->lower + sample->missed;
	if (messages->options->quiet || wrong == 0)
		return;
	if (wrong < (sample->hits + sample->missed) / OTHER_CASE_SHARE)
		return;
	sl_log_warn("in a sample of %llu lines with a level, %llu contain 'error' but have a lower "
		    "level, and %llu are errors without it (--level=error counts by level)",
		(unsigned long long)sample->lines, (unsigned long long)sample->lower,
		(unsigned long long)sample->missed);
}

/* Only where they would have been printed. */
static void
warn_about_left_out(const struct sl_scan_messages *messages, const struct sl_scan_summary *summary)
{
	unsigned long long lines = summary->left_out;
	if (lines == 0 || !messages->options->print)
		return;
	sl_log_warn("%llu line%s of long records %s not printed: so many lines before the first "
		    "that matches do not fit into memory (raise --max-memory)",
		lines, lines == 1 ? "" : "s", lines == 1 ? "is" : "are");
}

/* What was read from URLs may not be what their servers sent. */
static void
warn_about_insecure(const struct sl_scan_messages *messages)
{
	const struct sl_scan_options *options = messages->options;
	bool has_url = false;
	for (size_t i = 0; i < options->inputs.count; i++)
		has_url = has_url || sl_url_reader_takes(options->inputs.items[i]);
	if (has_url && options->network.tls.insecure && !options->quiet)
		sl_log_warn("certificates were not verified (--insecure)");
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_scan_messages *messages = ctx;
	if (event->kind == SL_SCAN_EVENT_SUMMARY) {
		warn_about_left_out(messages, event->outcome->summary);
		warn_about_other_case(messages, event->outcome->summary);
		warn_about_levels(messages, &event->outcome->summary->sample);
		warn_about_insecure(messages);
	} else {
		report_input(messages, event->input, event->result);
	}
	return 0;
}

struct sl_scan_sink
sl_scan_messages_init(struct sl_scan_messages *messages, const struct sl_scan_options *options)
{
	*messages = (struct sl_scan_messages){ .options = options };
	return (struct sl_scan_sink){ .ctx = messages,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_SUMMARY),
		.event = on_event };
}

void
sl_scan_messages_skipped(const struct sl_scan_messages *messages)
{
	static const struct {
		enum sl_scan_state state;
		const char *one, *many;
	} kinds[] = {
		{ SL_SCAN_UNSUPPORTED, "unsupported file", "unsupported files" },
		{ SL_SCAN_BINARY, "binary file", "binary files" },
		{ SL_SCAN_LINK, "link", "links" },
		{ SL_SCAN_SPECIAL, "device, socket or FIFO", "devices, sockets or FIFOs" },
	};
	struct sl_buf text = { 0 };
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
		uint64_t count = messages->skipped[kinds[i].state];
		if (count > 0)
			sl_buf_printf(&text, "%s%llu %s", text.len > 0 ? ", " : "",
				(unsigned long long)count,
				count == 1 ? kinds[i].one : kinds[i].many);
	}
	if (text.len > 0 && !text.failed)
		sl_log_warn("skipped in directories: %s%s", text.data,
			messages->options->verbose ? "" : " (--verbose lists them)");
	sl_buf_release(&text);
}
