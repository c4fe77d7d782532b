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

#define ROWS 64u

/* The third number of a row: what its last column says. */
#define ROW_IS_UNREAD 1u
#define ROW_HAS_ONLY_CR 2u
#define ROW_STATE 4u /* times the state */

static int
add_row(struct sl_table_sink *table, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	uint64_t notes = ROW_STATE * (uint64_t)result->state +
			 (sl_scan_result_is_unread(result) ? ROW_IS_UNREAD : 0) +
			 (result->has_only_cr ? ROW_HAS_ONLY_CR : 0);
	const uint64_t numbers[SL_NAME_LIST_NUMBERS] = { result->lines, result->hits, notes };
	table->skipped += sl_scan_result_is_skipped(result, input->is_found);
	return sl_name_list_add(&table->rows, sl_results_name(input), numbers);
}

static const char *
note_of(uint64_t notes)
{
	enum sl_scan_state state = (enum sl_scan_state)(notes / ROW_STATE);
	if (state != SL_SCAN_OK)
		return sl_scan_state_name(state);
	return notes & ROW_HAS_ONLY_CR ? "no newline" : "";
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
	struct sl_buf note, names;
	struct sl_table_row rows[ROWS];
	struct sl_name_list_reader reader;
};

/* The name is in part->names, which moves while it grows. */
static struct sl_table_row
row_of(const struct sl_name_list_reader *reader)
{
	const uint64_t *numbers = reader->numbers;
	return (struct sl_table_row){ .name = sl_span(NULL, reader->name.len),
		.lines = numbers[0],
		.error_lines = numbers[1],
		.unread = numbers[2] & ROW_IS_UNREAD,
		.note = sl_span_str(note_of(numbers[2])) };
}

/* False if there are no more. */
static bool
take_rows(struct part *part)
{
	size_t count = 0;
	sl_buf_clear(&part->names);
	for (; count < ROWS && sl_name_list_next(&part->reader); count++) {
		part->rows[count] = row_of(&part->reader);
		sl_buf_add_span(&part->names, sl_buf_span(&part->reader.name));
	}
	if (part->names.failed || part->reader.name.failed) {
		part->sink->results->pending.failed = true;
		return false;
	}
	const char *name = part->names.data;
	for (size_t i = 0; i < count; name += part->rows[i++].name.len)
		part->rows[i].name.data = name;
	part->text.rows = part->rows;
	part->text.row_count = count;
	return count > 0;
}

static void
rewind_rows(struct part *part)
{
	sl_name_list_reader_release(&part->reader);
	part->reader = (struct sl_name_list_reader){ .list = &part->sink->rows };
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
	rewind_rows(part);
	while (take_rows(part))
		sl_table_measure(&part->text, &part->layout, &table->results->pending);
	sl_table_add_heading(&part->text, &part->layout, &table->results->pending);
	rewind_rows(part);
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
	sl_buf_release(&part->names);
	sl_name_list_reader_release(&part->reader);
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
	sl_name_list_release(&table->rows);
	*table = (struct sl_table_sink){ 0 };
}
