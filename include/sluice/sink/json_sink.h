/*
 * json_sink.h - the events as JSON lines, with the names that ripgrep's have: "begin", "match",
 * "context", "end", "summary". sluice-scan(1) lists what is added to them.
 */
#ifndef SLUICE_SINK_JSON_SINK_H
#define SLUICE_SINK_JSON_SINK_H

#include "sluice/scan/event.h"
#include "sluice/sink/results.h"

struct sl_json_sink_options {
	bool has_lines;   /* an event for each matching line; the scan must number lines
			     (sl_scan_setup.numbers), or their number is null */
	bool has_context; /* with those around it */
	bool has_records; /* the scan gives records: lines of these that do not match are context,
			     and each line has the number of the first one of its record */
};

struct sl_json_sink_input; /* one that has begun and not ended */

struct sl_json_sink {
	struct sl_results *results;
	struct sl_json_sink_options options;
	struct sl_json_sink_input *inputs; /* one, or several whose lines come in turns */
	size_t input_count, input_cap;
	/* Sums over the inputs that ended. */
	uint64_t printed_bytes, printed_matches;
};

/* The sink to be passed to the scan. *json and *results stay in place. */
struct sl_scan_sink sl_json_sink_init(
	struct sl_json_sink *json, struct sl_results *results, struct sl_json_sink_options options);

/* Harmless on {0}. */
void sl_json_sink_release(struct sl_json_sink *json);

#endif
