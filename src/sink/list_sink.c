#include "sluice/sink/list_sink.h"

#include "sluice/scan/source.h"

/* Of an input that was not read to its end, or has undecided lines, nothing is known but what was
 * found: it has no matching line only if its state says that each line was decided. */
static bool
is_listed(const struct sl_list_sink *list, const struct sl_scan_result *result)
{
	if (list->kind == SL_LIST_WITH)
		return result->hits > 0;
	bool is_seen = result->state == SL_SCAN_OK || result->state == SL_SCAN_LIMITED;
	return result->hits == 0 && is_seen;
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	const struct sl_list_sink *list = ctx;
	struct sl_results *results = list->results;
	if (event->kind == SL_SCAN_EVENT_IDLE)
		return sl_results_idle(results);
	if (is_listed(list, event->result)) {
		sl_results_add_coloured(results, SL_COLOUR_FILE, sl_results_name(event->input));
		sl_buf_add_char(&results->pending, list->separator);
	}
	return sl_results_complete(results, event->input);
}

struct sl_scan_sink
sl_list_sink_init(struct sl_list_sink *list, struct sl_results *results, enum sl_list_kind kind,
	char separator)
{
	*list = (struct sl_list_sink){ results, kind, separator };
	return (struct sl_scan_sink){ .ctx = list,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE),
		.event = on_event };
}
