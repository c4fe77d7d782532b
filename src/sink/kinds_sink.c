/*
 * kinds_sink.c - grouping ten thousand kinds takes tens of milliseconds: on a worker, so that a
 * signal is not kept waiting.
 */
#include "sluice/sink/kinds_sink.h"

#include "sluice/digest/masks.h"
#include "sluice/rt/offload.h"
#include "sluice/scan/source.h"
#include "sluice/ui/json.h"
#include "sluice/ui/kind_table.h"

#include <errno.h>
#include <stdlib.h>

/* ---- names of inputs ---- */

static int
add_name(struct sl_kinds_sink *sink, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	const uint64_t numbers[SL_NAME_LIST_NUMBERS] = { sink->inputs++, result->is_unnumbered };
	if (result->hits == 0)
		return 0;
	return sl_name_list_add(&sink->names, sl_results_name(input), numbers);
}

/* To be released. */
static struct sl_name_list_reader
find_name(const struct sl_kinds_sink *sink, uint64_t input)
{
	struct sl_name_list_reader reader = { .list = &sink->names };
	bool is_found = sl_name_list_find(&reader, input);
	sl_assert(is_found || reader.name.failed);
	return reader;
}

/* Lines of an input that was not read from its beginning have no numbers. */
static bool
is_unnumbered(const struct sl_name_list_reader *reader)
{
	return reader->numbers[1];
}

/* "a.log:4", or "a.log" if the number is not known */
static void
add_place(const struct sl_kinds_sink *sink, struct sl_buf *out, struct sl_kinds_place place)
{
	struct sl_name_list_reader reader = find_name(sink, place.input);
	sl_buf_add_span(out, sl_buf_span(&reader.name));
	if (!is_unnumbered(&reader))
		sl_buf_printf(out, ":%llu", (unsigned long long)place.line + 1);
	out->failed = out->failed || reader.name.failed;
	sl_name_list_reader_release(&reader);
}

/* ---- rows: what is shown of a kind, or of a change ---- */

enum { TEXT, FIRST, LAST, TIMES, CHANGE, TEXTS };

/* Texts are collected in one buffer, which moves while it grows: `ends` are where they end. */
struct rows {
	struct sl_kind_row *items;
	size_t count;
	struct sl_buf texts;
	size_t (*ends)[TEXTS];
	uint64_t (*columns)[SL_KIND_COLUMNS];
	int64_t first_s, last_s; /* of the columns: the times of all rows */
	bool has_year;
};

/* What the columns of all rows stand for. */
static void
find_ends(struct rows *rows, const struct sl_changed *items, size_t count)
{
	struct sl_times all = { 0 };
	for (size_t i = 0; i < count; i++)
		if (items[i].kind)
			sl_times_merge(&all, &items[i].kind->times);
	rows->first_s = all.first_s;
	rows->last_s = all.last_s;
	rows->has_year = all.has_year;
}

/* NULL if there is nothing to be shown. */
static const uint64_t *
spread(struct rows *rows, const struct sl_changed *item)
{
	const struct sl_times *times = item->kind ? &item->kind->times : NULL;
	uint64_t *columns = rows->columns[rows->count];
	if (!times || !times->has_any || times->has_year != rows->has_year ||
		rows->first_s == rows->last_s)
		return NULL;
	sl_times_spread(times, rows->first_s, rows->last_s, columns, SL_KIND_COLUMNS);
	return columns;
}

/* "2005-12-04 04:47:44 to 2005-12-05 19:15:57" */
static void
add_times(struct sl_buf *out, struct sl_span first, struct sl_span last)
{
	sl_buf_add_span(out, first);
	if (sl_span_equal(first, last))
		return;
	sl_buf_add_str(out, " to ");
	sl_buf_add_span(out, last);
}

static void
add_times_of(struct sl_buf *out, const struct sl_changed *item)
{
	if (!item->kind) {
		add_times(out, item->gone->first_time, item->gone->last_time);
		return;
	}
	const struct sl_times *times = &item->kind->times;
	struct sl_times_label first = sl_times_label(times, times->first_s);
	struct sl_times_label last = sl_times_label(times, times->last_s);
	if (times->has_any)
		add_times(out, sl_span_str(first.text), sl_span_str(last.text));
}

static void
add_texts(const struct sl_kinds_sink *sink, struct rows *rows, const struct sl_changed *item)
{
	struct sl_buf *texts = &rows->texts;
	size_t *ends = rows->ends[rows->count];
	if (item->kind)
		sl_masks_show(texts, item->kind->text);
	else
		sl_buf_add_span(texts, item->gone->text);
	ends[TEXT] = texts->len;
	if (item->kind)
		add_place(sink, texts, item->kind->first);
	else
		sl_buf_add_span(texts, item->gone->first);
	ends[FIRST] = texts->len;
	if (item->kind)
		add_place(sink, texts, item->kind->last);
	else
		sl_buf_add_span(texts, item->gone->last);
	ends[LAST] = texts->len;
	add_times_of(texts, item);
	ends[TIMES] = texts->len;
	if (sink->setup.base)
		sl_buf_add_str(texts, sl_change_name(item->change));
	if (sink->setup.base && item->before)
		sl_buf_printf(texts, ", %llu before", (unsigned long long)item->before);
	ends[CHANGE] = texts->len;
}

static void
add_row(const struct sl_kinds_sink *sink, struct rows *rows, const struct sl_changed *item)
{
	add_texts(sink, rows, item);
	const uint64_t *columns = spread(rows, item);
	rows->items[rows->count++] =
		(struct sl_kind_row){ .count = item->kind ? item->kind->count : 0,
			.columns = columns,
			.example = item->kind ? item->kind->example : item->gone->example };
}

static void
place_texts(struct rows *rows)
{
	size_t begin = 0;
	for (size_t i = 0; i < rows->count; i++) {
		struct sl_kind_row *row = &rows->items[i];
		struct sl_span *const texts[TEXTS] = { &row->text, &row->first, &row->last,
			&row->times, &row->change };
		for (size_t j = 0; j < TEXTS; j++) {
			*texts[j] = sl_span(rows->texts.data + begin, rows->ends[i][j] - begin);
			begin = rows->ends[i][j];
		}
	}
}

static int
make_rows(const struct sl_kinds_sink *sink, const struct sl_changed *items, size_t count,
	struct rows *rows)
{
	*rows = (struct rows){ .items = calloc(count + 1, sizeof(*rows->items)),
		.ends = calloc(count + 1, sizeof(*rows->ends)),
		.columns = calloc(count + 1, sizeof(*rows->columns)) };
	if (!rows->items || !rows->ends || !rows->columns)
		return -ENOMEM;
	find_ends(rows, items, count);
	for (size_t i = 0; i < count; i++)
		add_row(sink, rows, &items[i]);
	if (rows->texts.failed)
		return -ENOMEM;
	place_texts(rows);
	return 0;
}

static void
release_rows(struct rows *rows)
{
	free(rows->items);
	free(rows->ends);
	free(rows->columns);
	sl_buf_release(&rows->texts);
}

/* ---- below the table ---- */

/* "compared with 'x': 3 new, 1 gone" */
static void
add_changes(const struct sl_kinds_sink *sink, const struct sl_changes *changes, struct sl_buf *out)
{
	sl_buf_printf(out, "compared with '%s':", sink->setup.base_name);
	for (unsigned change = 0; change < SL_CHANGES; change++)
		sl_buf_printf(out, "%s %llu %s", change ? "," : "",
			(unsigned long long)changes->numbers[change],
			sl_change_name((enum sl_change)change));
}

static int
add_table(const struct sl_kinds_sink *sink, const struct sl_changes *changes, size_t count)
{
	const struct sl_results_style *style = &sink->results->style;
	const struct sl_kinds *kinds = sink->setup.kinds;
	struct rows rows;
	struct sl_buf line = { 0 };
	int code = make_rows(sink, changes->items, count, &rows);
	if (sink->setup.base)
		add_changes(sink, changes, &line);
	struct sl_kind_table table = { .rows = rows.items,
		.row_count = count,
		.kinds = changes->count,
		.lines = sl_kinds_lines(kinds),
		.dropped = sl_kinds_dropped(kinds),
		.changes = sl_buf_span(&line),
		.columns = style->columns,
		.colour = style->colour,
		.unicode = style->unicode };
	if (code == 0 && (table.lines || table.changes.len)) {
		sl_buf_add_char(&sink->results->pending, '\n');
		sl_kind_table_format(&table, &sink->results->pending);
	}
	code = line.failed ? -ENOMEM : code;
	release_rows(&rows);
	sl_buf_release(&line);
	return code;
}

/* ---- JSON ---- */

static void
add_json_place(const struct sl_kinds_sink *sink, struct sl_json *json, const char *key,
	const struct sl_kinds_place *place)
{
	struct sl_name_list_reader reader = find_name(sink, place->input);
	sl_json_open(json, key, SL_JSON_OBJECT);
	sl_json_text_or_bytes(json, "path", sl_buf_span(&reader.name));
	if (is_unnumbered(&reader))
		sl_json_null(json, "line_number");
	else
		sl_json_u64(json, "line_number", place->line + 1);
	sl_json_close(json);
	json->out->failed = json->out->failed || reader.name.failed;
	sl_name_list_reader_release(&reader);
}

static void
add_json_times(struct sl_json *json, const struct sl_times *times)
{
	struct sl_times_label label = sl_times_label(times, times->first_s);
	if (!times->has_any)
		return;
	sl_json_string(json, "first_time", sl_span_str(label.text));
	label = sl_times_label(times, times->last_s);
	sl_json_string(json, "last_time", sl_span_str(label.text));
	sl_json_open(json, "times", SL_JSON_OBJECT);
	label = sl_times_label(times, sl_times_begin_s(times));
	sl_json_string(json, "start", sl_span_str(label.text));
	sl_json_u64(json, "interval_seconds", 1ull << times->scale);
	sl_json_open(json, "matched_lines", SL_JSON_ARRAY);
	for (size_t i = 0; i < sl_times_count(times); i++)
		sl_json_u64(json, NULL, times->counts[i]);
	sl_json_close(json);
	sl_json_close(json);
}

static void
add_event(const struct sl_kinds_sink *sink, const struct sl_changed *item, struct sl_buf *text)
{
	const struct sl_kind *kind = item->kind;
	struct sl_json json;
	sl_buf_clear(text);
	if (kind)
		sl_masks_show(text, kind->text);
	else
		sl_buf_add_span(text, item->gone->text);
	sl_json_begin(&json, &sink->results->pending);
	sl_json_string(&json, "type", sl_span_str("template"));
	sl_json_open(&json, "data", SL_JSON_OBJECT);
	sl_json_text_or_bytes(&json, "template", sl_buf_span(text));
	sl_json_u64(&json, "matched_lines", kind ? kind->count : 0);
	if (sink->setup.base) {
		sl_json_string(&json, "change", sl_span_str(sl_change_name(item->change)));
		sl_json_u64(&json, "matched_lines_before", item->before);
	}
	if (kind) {
		add_json_place(sink, &json, "first", &kind->first);
		add_json_place(sink, &json, "last", &kind->last);
		add_json_times(&json, &kind->times);
	}
	sl_json_text_or_bytes(&json, "example", kind ? kind->example : item->gone->example);
	sl_json_end_line(&json);
}

SL_SUSPENDS
static int
add_events(const struct sl_kinds_sink *sink, const struct sl_changed *items, size_t count)
{
	struct sl_buf text = { 0 };
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		add_event(sink, &items[i], &text);
		code = text.failed ? -ENOMEM : sl_results_make_room(sink->results);
	}
	sl_buf_release(&text);
	return code;
}

/* ---- saving ---- */

void
sl_kinds_sink_save(const struct sl_kinds_sink *sink, struct sl_buf *out)
{
	struct sl_kinds *kinds = sink->setup.kinds;
	size_t count;
	const struct sl_kind *items = sl_kinds_sort(kinds, &count);
	struct sl_buf first = { 0 }, last = { 0 }, text = { 0 }, intervals = { 0 };
	sl_saved_begin(out, sl_kinds_lines(kinds), sl_kinds_dropped(kinds), count);
	for (size_t i = 0; i < count; i++) {
		sl_buf_clear(&first);
		sl_buf_clear(&last);
		sl_buf_clear(&text);
		add_place(sink, &first, items[i].first);
		add_place(sink, &last, items[i].last);
		sl_buf_clear(&intervals);
		sl_masks_show(&text, items[i].text);
		const struct sl_times *times = &items[i].times;
		struct sl_times_label begin = sl_times_label(times, times->first_s);
		struct sl_times_label end = sl_times_label(times, times->last_s);
		if (times->has_any)
			sl_times_format(times, &intervals);
		struct sl_saved_kind kind = { .count = items[i].count,
			.first = sl_buf_span(&first),
			.last = sl_buf_span(&last),
			.first_time = sl_span_str(times->has_any ? begin.text : ""),
			.last_time = sl_span_str(times->has_any ? end.text : ""),
			.intervals = sl_buf_span(&intervals),
			.text = sl_buf_span(&text),
			.example = items[i].example };
		sl_saved_add(out, &kind);
		out->failed = out->failed || first.failed || last.failed || text.failed ||
			      intervals.failed;
	}
	sl_buf_release(&first);
	sl_buf_release(&last);
	sl_buf_release(&text);
	sl_buf_release(&intervals);
}

/* ---- events ---- */

struct end_call {
	const struct sl_kinds_sink_setup *setup;
	struct sl_changes changes;
};

/* Similar kinds become one, and are compared, or if there is nothing to compare them with, listed
 * by their numbers. */
static int
find_changes(void *arg)
{
	struct end_call *call = arg;
	struct sl_changes *changes = &call->changes;
	size_t count;
	int code = sl_kinds_group(call->setup->kinds);
	if (code)
		return code;
	const struct sl_kind *kinds = sl_kinds_sort(call->setup->kinds, &count);
	if (call->setup->base)
		return sl_changes_make(changes, kinds, count, call->setup->base);
	changes->items = calloc(count + 1, sizeof(*changes->items));
	if (!changes->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		changes->items[changes->count++] = (struct sl_changed){ .kind = &kinds[i] };
	return 0;
}

SL_SUSPENDS
static int
end(const struct sl_kinds_sink *sink)
{
	struct end_call call = { .setup = &sink->setup };
	int code = sl_offload(find_changes, &call);
	size_t count = (size_t)SL_MIN(call.changes.count, sink->setup.top);
	if (code == 0 && sink->setup.is_json)
		code = add_events(sink, call.changes.items, count);
	else if (code == 0 && sink->setup.top)
		code = add_table(sink, &call.changes, count);
	sl_changes_release(&call.changes);
	return code;
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_kinds_sink *sink = ctx;
	return event->kind == SL_SCAN_EVENT_SUMMARY ? end(sink)
						    : add_name(sink, event->input, event->result);
}

struct sl_scan_sink
sl_kinds_sink_init(struct sl_kinds_sink *sink, struct sl_results *results,
	const struct sl_kinds_sink_setup *setup)
{
	*sink = (struct sl_kinds_sink){ .results = results, .setup = *setup };
	return (struct sl_scan_sink){ .ctx = sink,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_SUMMARY),
		.event = on_event };
}

void
sl_kinds_sink_release(struct sl_kinds_sink *sink)
{
	sl_name_list_release(&sink->names);
	*sink = (struct sl_kinds_sink){ 0 };
}
