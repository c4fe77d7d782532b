/*
 * table_sink.c - collects rows, and formats the table from them. The only sink whose memory grows
 * with the number of inputs.
 */
#include "sluice/sink/table_sink.h"

#include "sluice/scan/source.h"
#include "sluice/ui/table.h"
#include "sluice/ui/units.h"

#include <errno.h>
#include <stdlib.h>

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

int
sl_table_sink_format(const struct sl_table_sink *table, const struct sl_scan_summary *summary)
{
	struct sl_table_row *rows = calloc(table->row_count + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table->row_count; i++) {
		const struct sl_table_sink_row *row = &table->rows[i];
		rows[i] = (struct sl_table_row){ .name = sl_span_str(row->name),
			.lines = row->lines,
			.error_lines = row->hits,
			.unread = row->is_unread,
			.note = sl_span_str(note_of(row)) };
	}
	struct sl_buf note = { 0 };
	add_totals_note(&note, table->skipped, summary);
	const struct sl_results_style *style = &table->results->style;
	struct sl_table text = { .rows = rows,
		.row_count = table->row_count,
		.lines = summary->lines,
		.error_lines = summary->hits,
		.has_records = table->has_records,
		.note = sl_buf_span(&note),
		.columns = style->columns,
		.colour = style->colour,
		.unicode = style->unicode };
	sl_table_format(&text, &table->results->pending);
	free(rows);
	int code = note.failed ? -ENOMEM : 0;
	sl_buf_release(&note);
	return code;
}

static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_table_sink *table = ctx;
	if (event->kind == SL_SCAN_EVENT_SUMMARY)
		return sl_table_sink_format(table, event->outcome->summary);
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
