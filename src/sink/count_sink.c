#include "sluice/sink/count_sink.h"

#include "sluice/scan/source.h"

/* As with grep, an input that could not be read has no count, only a message on standard error. */
static void
add_count(const struct sl_count_sink *count, const struct sl_input *input,
	const struct sl_scan_result *result)
{
	if (sl_scan_result_is_unread(result))
		return;
	sl_results_add_name(count->results, &count->names, input);
	sl_buf_printf(&count->results->pending, "%llu\n", (unsigned long long)result->hits);
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	const struct sl_count_sink *count = ctx;
	if (event->kind == SL_SCAN_EVENT_IDLE)
		return sl_results_idle(count->results);
	add_count(count, event->input, event->result);
	return sl_results_complete(count->results, event->input);
}

struct sl_scan_sink
sl_count_sink_init(struct sl_count_sink *count, struct sl_results *results,
	const struct sl_results_names *names)
{
	*count = (struct sl_count_sink){ results, *names };
	return (struct sl_scan_sink){ .ctx = count,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE),
		.event = on_event };
}
