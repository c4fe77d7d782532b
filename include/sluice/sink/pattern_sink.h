/*
 * pattern_sink.h - how many lines each pattern matches (match/tally.h), at the end of the scan: as
 * a table, or as JSON lines.
 *
 * Lines are tallied by the scan, as far as it can (sl_scan_setup.tally). Else they are where sinks
 * run, on the thread of the runtime; one that takes long, on a worker.
 */
#ifndef SLUICE_SINK_PATTERN_SINK_H
#define SLUICE_SINK_PATTERN_SINK_H

#include "sluice/scan/event.h"
#include "sluice/match/tally.h"
#include "sluice/sink/results.h"

enum sl_pattern_sink_form {
	SL_PATTERN_SINK_TABLE, /* after the results of another sink: an empty line comes first */
	SL_PATTERN_SINK_JSON,
};

struct sl_pattern_sink {
	struct sl_results *results;
	struct sl_tally *tally;
	enum sl_pattern_sink_form form;
	uint64_t undecided; /* sum over the patterns, once the scan is complete */
};

/* The sink to be passed to the scan. All three stay in place. `is_counted`: the scan counts the
 * lines. */
struct sl_scan_sink sl_pattern_sink_init(struct sl_pattern_sink *sink, struct sl_results *results,
	struct sl_tally *tally, enum sl_pattern_sink_form form, bool is_counted);

#endif
