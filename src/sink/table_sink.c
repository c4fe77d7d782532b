/*
 * table_sink.c - collects rows, and formats the table from them, some at a time, so that its text
 * is not in memory as a whole. Together with kinds_sink.c the only one whose memory grows with the
 * number of inputs.
 */
#include "sluice/sink/table_sink.h"

#include "sluice/scan/source.h"
#include "sluice/ui/table.h"
#include "sluice/ui/units.h"

#include <errno.h>
#include <stdlib.h>

#define ROWS 64u

struct sl_table_sink_row {
	char *name;
	uint64_t lines, hits;
	enum sl_scan_state state;
	bool is_unread, has_only_cr;
};

static int
add_row(struct sl_table_sink *table, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	if (table->row_count == table->row_cap) {
		size_t cap = table->row_cap ? table->row_cap * 2 : 64;
		struct sl_table_sink_row *rows = realloc(table->rows, cap * sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		table->rows = rows;
		table->row_cap = cap;
	}
	char *name = sl_span_dup(sl_results_name(input));
	if (!name)
		return -ENOMEM;
	table->skipped += sl_scan_result_is_skipped(result, input->is_found);
	table->rows[table->row_count++] = (struct sl_table_sink_row){
		.name = name,
		.lines = result->lines,
		.hits = result->hits,
		.state = result->state,
		.is_unread = sl_scan_result_is_unread(result),
		.has_only_cr = result->has_only_cr,
	};
	return 0;
}

static const char *
note_of(const struct sl_table_sink_row *row)
{
	if (row->state != SL_SCAN_OK)
		return sl_scan_state_name(row->state);
	return row->has_only_cr ? "no newline" : "";
}

static void
add_totals_note(struct sl_buf *note, uint64_t skipped, const struct sl_scan_summary *summary)
{
	uint64_t unlevelled = summary->unlevelled;
	if (skipped > 0)
		sl_buf_printf(note, "%llu skipped", (unsigned long long)skipped);
	if (unlevelled > 0)
		sl_buf_printf(note, "%s%llu line%s without a level", note->len ? ", " : "",
			(unsigned long long)unlevelled, unlevelled == 1 ? "" : "s");
	if (summary->skipped > 0)
		sl_buf_printf(note, "%s%s not read", note->len ? ", " : "",
			sl_units_size(summary->skipped).text);
}

/* What is formatted of it with one call. */
struct part {
	const struct sl_table_sink *sink;
	struct sl_table text;
	struct sl_table_layout layout;
	struct sl_buf note;
	struct sl_table_row rows[ROWS];
	size_t next;
};

/* False if there are no more. */
static bool
take_rows(struct part *part)
{
	const struct sl_table_sink *sink = part->sink;
	size_t count = SL_MIN(sink->row_count - part->next, (size_t)ROWS);
	for (size_t i = 0; i < count; i++) {
		const struct sl_table_sink_row *row = &sink->rows[part->next + i];
		part->rows[i] = (struct sl_table_row){ .name = sl_span_str(row->name),
			.lines = row->lines,
			.error_lines = row->hits,
			.unread = row->is_unread,
			.note = sl_span_str(note_of(row)) };
	}
	part->next += count;
	part->text.rows = part->rows;
	part->text.row_count = count;
	return count > 0;
}

static void
begin_part(
	struct part *part, const struct sl_table_sink *table, const struct sl_scan_summary *summary)
{
	const struct sl_results_style *style = &table->results->style;
	*part = (struct part){ .sink = table,
		.text = { .lines = summary->lines,
			.error_lines = summary->hits,
			.has_records = table->has_records,
			.columns = style->columns,
			.colour = style->colour,
			.unicode = style->unicode } };
	add_totals_note(&part->note, table->skipped, summary);
	part->text.note = sl_buf_span(&part->note);
	while (take_rows(part))
		sl_table_measure(&part->text, &part->layout, &table->results->pending);
	sl_table_add_heading(&part->text, &part->layout, &table->results->pending);
	part->next = 0;
}

/* False if there are no more. */
static bool
add_part(struct part *part)
{
	if (!take_rows(part))
		return false;
	sl_table_add_rows(&part->text, &part->layout, &part->sink->results->pending);
	return true;
}

static int
end_part(struct part *part)
{
	sl_table_add_totals(&part->text, &part->layout, &part->sink->results->pending);
	int code = part->note.failed ? -ENOMEM : 0;
	sl_buf_release(&part->note);
	return code;
}

int
sl_table_sink_format(const struct sl_table_sink *table, const struct sl_scan_summary *summary)
{
	struct part part;
	begin_part(&part, table, summary);
	while (add_part(&part))
		;
	return end_part(&part);
}

SL_SUSPENDS
static int
send_table(const struct sl_table_sink *table, const struct sl_scan_summary *summary)
{
	struct part part;
	int code = 0;
	begin_part(&part, table, summary);
	while (code == 0 && add_part(&part))
		code = sl_results_make_room(table->results);
	int ended = end_part(&part);
	return code ? code : ended;
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_table_sink *table = ctx;
	if (event->kind == SL_SCAN_EVENT_SUMMARY)
		return send_table(table, event->outcome->summary);
	return add_row(table, event->input, event->result);
}

struct sl_scan_sink
sl_table_sink_init(struct sl_table_sink *table, struct sl_results *results)
{
	*table = (struct sl_table_sink){ .results = results };
	return (struct sl_scan_sink){ .ctx = table,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_SUMMARY),
		.event = on_event };
}

void
sl_table_sink_release(struct sl_table_sink *table)
{
	for (size_t i = 0; i < table->row_count; i++)
		free(table->rows[i].name);
	free(table->rows);
	*table = (struct sl_table_sink){ 0 };
}
