/*
 * pattern_sink.c - the table has the pattern with the most lines first; of those with as many, the
 * one that was given first. JSON has them in the order in which they were given.
 */
#include "sluice/sink/pattern_sink.h"

#include "sluice/rt/offload.h"
#include "sluice/ui/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Lines up to here are tallied on the runtime's thread, as long as that is quick. */
#define INLINE_LINE 4096u

#define SHARE_WIDTH 8 /* columns of "100.00%" and of a blank before it */

struct add_call {
	struct sl_tally *tally;
	const struct sl_scan_line *line;
};

static bool
add(const struct add_call *call, bool is_quick)
{
	const struct sl_scan_line *line = call->line;
	return sl_tally_add(call->tally, &line->subject, line->len < line->whole_len, is_quick);
}

static int
add_on_worker(void *arg)
{
	return add(arg, false) ? 0 : -EINVAL;
}

SL_SUSPENDS
static int
tally_line(const struct sl_pattern_sink *sink, const struct sl_scan_line *line)
{
	struct add_call call = { sink->tally, line };
	if (line->subject.len <= INLINE_LINE && add(&call, true))
		return 0;
	return sl_offload(add_on_worker, &call);
}

/* ---- at the end ---- */

static int
compare_rows(const void *left, const void *right)
{
	const struct sl_tally_row *a = *(const struct sl_tally_row *const *)left;
	const struct sl_tally_row *b = *(const struct sl_tally_row *const *)right;
	if (a->lines != b->lines)
		return a->lines < b->lines ? 1 : -1;
	return (a > b) - (a < b);
}

SL_SUSPENDS
static int
add_row(struct sl_results *results, const struct sl_tally_row *row, uint64_t all, int width)
{
	char share[SHARE_WIDTH + 8] = "-";
	if (all)
		snprintf(share, sizeof(share), "%.2f%%", 100.0 * (double)row->lines / (double)all);
	sl_buf_printf(&results->pending, "%*llu %*s  ", width, (unsigned long long)row->lines,
		SHARE_WIDTH, share);
	int code = sl_results_add_text(results, row->text);
	if (row->undecided)
		sl_buf_printf(&results->pending, "  (%llu undecided)",
			(unsigned long long)row->undecided);
	sl_buf_add_char(&results->pending, '\n');
	return code ? code : sl_results_make_room(results);
}

/* The first column is as wide as the largest number and its heading. */
SL_SUSPENDS
static int
add_table(struct sl_results *results, const struct sl_tally_row *const *rows, size_t count,
	uint64_t all)
{
	static const char heading[] = "error lines";
	char most[24];
	int width = snprintf(
		most, sizeof(most), "%llu", count ? (unsigned long long)rows[0]->lines : 0ull);
	width = SL_MAX(width, (int)sizeof(heading) - 1);
	sl_buf_add_char(&results->pending, '\n');
	sl_results_add_colour(results, SL_COLOUR_BOLD);
	sl_buf_printf(&results->pending, "%*s %*s  pattern", width, heading, SHARE_WIDTH, "share");
	sl_results_add_colour(results, SL_COLOUR_RESET);
	sl_buf_add_char(&results->pending, '\n');
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++)
		code = add_row(results, rows[i], all, width);
	return code;
}

SL_SUSPENDS
static int
add_sorted(struct sl_results *results, const struct sl_tally_row *rows, size_t count, uint64_t all)
{
	const struct sl_tally_row **sorted = calloc(count + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &rows[i];
	qsort(sorted, count, sizeof(const struct sl_tally_row *), compare_rows);
	int code = add_table(results, sorted, count, all);
	free(sorted);
	return code;
}

SL_SUSPENDS
static int
add_events(struct sl_results *results, const struct sl_tally_row *rows, size_t count)
{
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		struct sl_json json;
		sl_json_begin(&json, &results->pending);
		sl_json_string(&json, "type", sl_span_str("pattern"));
		sl_json_open(&json, "data", SL_JSON_OBJECT);
		sl_json_text_or_bytes(&json, "pattern", rows[i].text);
		sl_json_u64(&json, "matched_lines", rows[i].lines);
		if (rows[i].undecided)
			sl_json_u64(&json, "undecided_lines", rows[i].undecided);
		sl_json_end_line(&json);
		code = sl_results_make_room(results);
	}
	return code;
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_pattern_sink *sink = ctx;
	size_t count;
	const struct sl_tally_row *rows = sl_tally_rows(sink->tally, &count);
	if (event->kind == SL_SCAN_EVENT_LINE)
		return tally_line(sink, event->line);
	for (size_t i = 0; i < count; i++)
		sink->undecided += rows[i].undecided;
	if (sink->form == SL_PATTERN_SINK_JSON)
		return add_events(sink->results, rows, count);
	return add_sorted(sink->results, rows, count, event->outcome->summary->hits);
}

struct sl_scan_sink
sl_pattern_sink_init(struct sl_pattern_sink *sink, struct sl_results *results,
	struct sl_tally *tally, enum sl_pattern_sink_form form, bool is_counted)
{
	*sink = (struct sl_pattern_sink){ .results = results, .tally = tally, .form = form };
	unsigned lines = is_counted ? 0 : SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	return (struct sl_scan_sink){ .ctx = sink,
		.wants = lines | SL_SCAN_WANTS(SL_SCAN_EVENT_SUMMARY),
		.event = on_event };
}
