/*
 * get_scan_events.c - the events of a file that is scanned while it is downloaded: BEGIN with its
 * first line or its end, whichever comes first.
 *
 * Lines of several files come in turns, each event in one piece: `reporting` is held for it.
 */
#include "get_scan_int.h"

#include <errno.h>

/* `reporting` is held. Returns the cancellation; what else fails concerns the results alone: the
 * downloads go on. */
SL_SUSPENDS
static int
emit(struct sl_get_scan *scan, const struct sl_scan_event *event)
{
	if (scan->code)
		return 0;
	int code = sl_scan_emit(scan->output.sinks, scan->output.sink_count, event);
	int cancelled = sl_task_cancelled();
	bool is_of_wait = code == -ECANCELED || code == -ETIMEDOUT; /* whatever the reason is */
	if (cancelled && (code == cancelled || is_of_wait))
		return code;
	scan->code = SL_MIN(code, 0);
	return 0;
}

SL_SUSPENDS
static int
emit_begin(struct get_scan_file *file)
{
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_BEGIN, .input = file->input };
	if (file->has_begun)
		return 0;
	file->has_begun = true;
	return emit(file->scan, &event);
}

SL_SUSPENDS
static int
emit_line(struct get_scan_file *file, const struct sl_partial_line *found)
{
	struct sl_scan_line line = { .matcher = sl_feeds_matcher(file->scan->feeds),
		.text = found->text,
		.len = found->len,
		.subject = sl_partial_subject(found),
		.skipped = found->skipped,
		.whole_len = found->whole_len,
		.off = file->base + found->off,
		.is_closed = found->is_closed,
		.begins_record = found->begins_record,
		.begins_group = found->begins_group,
		.has_no_match =
			sl_pattern_inverts(file->scan->match.pattern) != found->is_context };
	struct sl_scan_event event = { .kind = found->is_context ? SL_SCAN_EVENT_CONTEXT
								 : SL_SCAN_EVENT_LINE,
		.input = file->input,
		.line = &line };
	file->has_lines = true;
	int code = emit_begin(file);
	return code ? code : emit(file->scan, &event);
}

/* For sl_feed_setup. */
SL_SUSPENDS
int
get_scan_give_line(void *ctx, const struct sl_partial_line *found)
{
	struct get_scan_file *file = ctx;
	struct sl_get_scan *scan = file->scan;
	if (scan->code || file->form != SL_FORM_PLAIN)
		return 0;
	int code = sl_semaphore_take(&scan->reporting, SL_FOREVER);
	if (code)
		return code;
	code = emit_line(file, found);
	sl_semaphore_give(&scan->reporting);
	return code;
}

/* What is collected goes out: no more may come for long. */
SL_SUSPENDS
void
get_scan_emit_idle(struct get_scan_file *file)
{
	struct sl_get_scan *scan = file->scan;
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_IDLE };
	if (!file->has_lines || sl_semaphore_take(&scan->reporting, SL_FOREVER) != 0)
		return;
	file->has_lines = false;
	(void)emit(scan, &event);
	sl_semaphore_give(&scan->reporting);
}

SL_SUSPENDS
void
get_scan_emit_end(struct get_scan_file *file, const struct sl_scan_result *result)
{
	struct sl_get_scan *scan = file->scan;
	struct sl_scan_event event = {
		.kind = SL_SCAN_EVENT_END, .input = file->input, .result = result
	};
	sl_scan_summary_add(&scan->summary, result);
	if (sl_output_take_turn(scan->output.out, &scan->reporting) != 0)
		return;
	if (emit_begin(file) == 0)
		(void)emit(scan, &event);
	sl_semaphore_give(&scan->reporting);
}
