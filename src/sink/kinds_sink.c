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

struct sl_kinds_sink_name {
	uint64_t input; /* number; ascending */
	char *name;
};

/* ---- names of inputs ---- */

static int
add_name(struct sl_kinds_sink *sink, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	uint64_t number = sink->inputs++;
	if (result->hits == 0)
		return 0;
	if (sink->name_count == sink->name_cap) {
		size_t cap = sink->name_cap ? sink->name_cap * 2 : 64;
		void *names = reallocarray(sink->names, cap, sizeof(*sink->names));
		if (!names)
			return -ENOMEM;
		sink->names = names;
		sink->name_cap = cap;
	}
	char *name = sl_span_dup(sl_results_name(input));
	if (!name)
		return -ENOMEM;
	sink->names[sink->name_count++] = (struct sl_kinds_sink_name){ number, name };
	return 0;
}

static struct sl_span
name_of(const struct sl_kinds_sink *sink, uint64_t input)
{
	size_t low = 0, high = sink->name_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (sink->names[middle].input < input)
			low = middle + 1;
		else
			high = middle;
	}
	sl_assert(low < sink->name_count && sink->names[low].input == input);
	return sl_span_str(sink->names[low].name);
}

/* ---- below the table ---- */

static struct sl_kind_row
row_of(const struct sl_kinds_sink *sink, const struct sl_kind *kind, struct sl_span text)
{
	return (struct sl_kind_row){ .text = text,
		.example = kind->example,
		.count = kind->count,
		.first_name = name_of(sink, kind->first.input),
		.last_name = name_of(sink, kind->last.input),
		.first_line = kind->first.line + 1,
		.last_line = kind->last.line + 1 };
}

/* The texts as they are shown, one after the other. */
static int
make_rows(const struct sl_kinds_sink *sink, const struct sl_kind *kinds, size_t count,
	struct sl_buf *texts, struct sl_kind_row *rows)
{
	for (size_t i = 0; i < count; i++) {
		size_t begin = texts->len;
		sl_masks_show(texts, kinds[i].text);
		rows[i] = row_of(sink, &kinds[i], sl_span(NULL, texts->len - begin));
	}
	const char *at = texts->data;
	for (size_t i = 0; i < count; at += rows[i++].text.len)
		rows[i].text.data = at;
	return texts->failed ? -ENOMEM : 0;
}

static int
add_table(struct sl_kinds_sink *sink, const struct sl_kind *kinds, size_t count)
{
	const struct sl_results_style *style = &sink->results->style;
	struct sl_kind_row *rows = calloc(count + 1, sizeof(*rows));
	struct sl_buf texts = { 0 };
	int code = rows ? make_rows(sink, kinds, count, &texts, rows) : -ENOMEM;
	struct sl_kind_table table = { .rows = rows,
		.row_count = count,
		.kinds = sl_kinds_count(sink->kinds),
		.lines = sl_kinds_lines(sink->kinds),
		.dropped = sl_kinds_dropped(sink->kinds),
		.columns = style->columns,
		.colour = style->colour,
		.unicode = style->unicode };
	if (code == 0 && table.lines)
		sl_buf_add_char(&sink->results->pending, '\n');
	if (code == 0)
		sl_kind_table_format(&table, &sink->results->pending);
	sl_buf_release(&texts);
	free(rows);
	return code;
}

/* ---- JSON ---- */

static void
add_place(const struct sl_kinds_sink *sink, struct sl_json *json, const char *key,
	const struct sl_kinds_place *place)
{
	sl_json_open(json, key, SL_JSON_OBJECT);
	sl_json_text_or_bytes(json, "path", name_of(sink, place->input));
	sl_json_u64(json, "line_number", place->line + 1);
	sl_json_close(json);
}

static void
add_event(struct sl_kinds_sink *sink, const struct sl_kind *kind, struct sl_buf *text)
{
	struct sl_json json;
	sl_buf_clear(text);
	sl_masks_show(text, kind->text);
	sl_json_begin(&json, &sink->results->pending);
	sl_json_string(&json, "type", sl_span_str("template"));
	sl_json_open(&json, "data", SL_JSON_OBJECT);
	sl_json_text_or_bytes(&json, "template", sl_buf_span(text));
	sl_json_u64(&json, "matched_lines", kind->count);
	add_place(sink, &json, "first", &kind->first);
	add_place(sink, &json, "last", &kind->last);
	sl_json_text_or_bytes(&json, "example", kind->example);
	sl_json_end_line(&json);
}

SL_SUSPENDS
static int
add_events(struct sl_kinds_sink *sink, const struct sl_kind *kinds, size_t count)
{
	struct sl_buf text = { 0 };
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		add_event(sink, &kinds[i], &text);
		code = text.failed ? -ENOMEM : sl_results_make_room(sink->results);
	}
	sl_buf_release(&text);
	return code;
}

/* ---- events ---- */

static int
group(void *arg)
{
	return sl_kinds_group(arg);
}

SL_SUSPENDS
static int
end(struct sl_kinds_sink *sink)
{
	size_t count;
	int code = sl_offload(group, sink->kinds);
	if (code)
		return code;
	const struct sl_kind *kinds = sl_kinds_sort(sink->kinds, &count);
	count = (size_t)SL_MIN(count, sink->top);
	return sink->is_json ? add_events(sink, kinds, count) : add_table(sink, kinds, count);
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
sl_kinds_sink_init(struct sl_kinds_sink *sink, struct sl_results *results, struct sl_kinds *kinds,
	uint64_t top, bool is_json)
{
	*sink = (struct sl_kinds_sink){
		.results = results, .kinds = kinds, .top = top, .is_json = is_json
	};
	return (struct sl_scan_sink){ .ctx = sink,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_SUMMARY),
		.event = on_event };
}

void
sl_kinds_sink_release(struct sl_kinds_sink *sink)
{
	for (size_t i = 0; i < sink->name_count; i++)
		free(sink->names[i].name);
	free(sink->names);
	*sink = (struct sl_kinds_sink){ 0 };
}
