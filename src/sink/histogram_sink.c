#include "sluice/sink/histogram_sink.h"

#include "sluice/ui/histogram.h"
#include "sluice/ui/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 40u /* if the interval is chosen here: about a screen */
#define ZEROS_MAX 3u /* rows without lines in a row; more of them become one of dots */

/* Room for the buckets, and for what is shown between each two of them. */
static struct sl_histogram_row *
make_rows(const struct sl_timeline_view *view, size_t *count)
{
	struct sl_histogram_row *rows = calloc(view->count * (ZEROS_MAX + 1) + 1, sizeof(*rows));
	int64_t interval_s = (int64_t)view->interval_s;
	*count = 0;
	for (size_t i = 0; rows && i < view->count; i++) {
		int64_t begin_s = view->buckets[i].index;
		int64_t at_s = i ? view->buckets[i - 1].index + interval_s : begin_s;
		if ((begin_s - at_s) / interval_s > (int64_t)ZEROS_MAX) {
			rows[(*count)++] = (struct sl_histogram_row){ .count = 0 };
			at_s = begin_s;
		}
		for (; at_s <= begin_s; at_s += interval_s) {
			struct sl_histogram_row *row = &rows[(*count)++];
			struct sl_timeline_label label = sl_timeline_label(view, at_s);
			snprintf(row->label, sizeof(row->label), "%s", label.text);
			row->count = at_s == begin_s ? view->buckets[i].count : 0;
		}
	}
	return rows;
}

static void
add_note(struct sl_buf *note, uint64_t count, const char *what)
{
	if (count)
		sl_buf_printf(note, "%s%llu error line%s %s", note->len ? ", " : "",
			(unsigned long long)count, count == 1 ? "" : "s", what);
}

static int
add_text(struct sl_histogram_sink *sink, const struct sl_timeline_view *view)
{
	const struct sl_results_style *style = &sink->results->style;
	struct sl_buf *out = &sink->results->pending;
	struct sl_buf note = { 0 };
	struct sl_histogram histogram = {
		.columns = style->columns, .colour = style->colour, .unicode = style->unicode
	};
	struct sl_histogram_row *rows = make_rows(view, &histogram.row_count);
	if (!rows)
		return -ENOMEM;
	if (sink->interval_s && view->count && view->interval_s != sink->interval_s)
		sl_buf_printf(&note, "intervals of %s, since there are too many of %s",
			sl_timeline_interval(view->interval_s).text,
			sl_timeline_interval(sink->interval_s).text);
	add_note(&note, view->undated, "without a time stamp");
	add_note(&note, view->without_year, "without a year");
	histogram.rows = rows;
	histogram.note = sl_buf_span(&note);
	if (histogram.row_count || note.len)
		sl_buf_add_char(out, '\n');
	sl_histogram_format(&histogram, out);
	free(rows);
	int code = note.failed ? -ENOMEM : 0;
	sl_buf_release(&note);
	return code;
}

static void
add_bucket(struct sl_json *json, const struct sl_timeline_view *view, size_t index)
{
	const struct sl_timeline_bucket *bucket = &view->buckets[index];
	struct sl_timeline_label label = sl_timeline_label(view, bucket->index);
	sl_json_open(json, NULL, SL_JSON_OBJECT);
	sl_json_string(json, "start", sl_span_str(label.text));
	sl_json_u64(json, "matched_lines", bucket->count);
	sl_json_close(json);
}

static void
add_event(struct sl_histogram_sink *sink, const struct sl_timeline_view *view)
{
	struct sl_json json;
	sl_json_begin(&json, &sink->results->pending);
	sl_json_string(&json, "type", sl_span_str("histogram"));
	sl_json_open(&json, "data", SL_JSON_OBJECT);
	sl_json_u64(&json, "interval_seconds", view->interval_s);
	sl_json_open(&json, "buckets", SL_JSON_ARRAY);
	for (size_t i = 0; i < view->count; i++)
		add_bucket(&json, view, i);
	sl_json_close(&json);
	sl_json_u64(&json, "lines_without_time", view->undated);
	sl_json_u64(&json, "lines_without_year", view->without_year);
	sl_json_end_line(&json);
}

static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct sl_histogram_sink *sink = ctx;
	(void)event;
	struct sl_timeline_view view = sl_timeline_arrange(sink->timeline, ROWS_MAX);
	if (!sink->is_json)
		return add_text(sink, &view);
	add_event(sink, &view);
	return 0;
}

struct sl_scan_sink
sl_histogram_sink_init(struct sl_histogram_sink *sink, struct sl_results *results,
	struct sl_timeline *timeline, uint64_t interval_s, bool is_json)
{
	*sink = (struct sl_histogram_sink){ results, timeline, interval_s, is_json };
	return (struct sl_scan_sink){
		.ctx = sink, .wants = SL_SCAN_WANTS(SL_SCAN_EVENT_SUMMARY), .event = on_event
	};
}
