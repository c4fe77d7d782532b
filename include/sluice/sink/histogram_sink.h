/*
 * histogram_sink.h - the error lines by time, when the scan is complete: below the table, or as a
 * JSON event of type "histogram". The scan counts them (logline/timeline.h).
 */
#ifndef SLUICE_SINK_HISTOGRAM_SINK_H
#define SLUICE_SINK_HISTOGRAM_SINK_H

#include "sluice/logline/timeline.h"
#include "sluice/scan/event.h"
#include "sluice/sink/results.h"

struct sl_histogram_sink {
	struct sl_results *results;
	struct sl_timeline *timeline;
	uint64_t interval_s; /* that was asked for; 0 = any */
	bool is_json;
};

/*
 * The sink to be passed to the scan, which has `timeline` in its setup; all stay in place. As with
 * kinds_sink.h, it must be before that of JSON, and behind that of the table.
 */
struct sl_scan_sink sl_histogram_sink_init(struct sl_histogram_sink *sink,
	struct sl_results *results, struct sl_timeline *timeline, uint64_t interval_s,
	bool is_json);

#endif
