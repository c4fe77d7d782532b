/*
 * count_sink.h - the number of matching lines of each input, as grep -c prints it.
 */
#ifndef SLUICE_SINK_COUNT_SINK_H
#define SLUICE_SINK_COUNT_SINK_H

#include "sluice/scan/event.h"
#include "sluice/sink/results.h"

struct sl_count_sink {
	struct sl_results *results; /* the caller's, as in every sink here */
	struct sl_results_names names;
};

/* The sink to be passed to the scan. *count and *results stay in place. */
struct sl_scan_sink sl_count_sink_init(struct sl_count_sink *count, struct sl_results *results,
	const struct sl_results_names *names);

#endif
