/*
 * kinds_sink.h - the kinds of error lines, when the scan is complete: below the table, or as JSON
 * events of type "template"; and as text to be saved. The scan collects them (digest/kinds.h); of
 * its events this sink needs the names of inputs, of which it keeps those with matching lines.
 */
#ifndef SLUICE_SINK_KINDS_SINK_H
#define SLUICE_SINK_KINDS_SINK_H

#include "sluice/digest/changes.h"
#include "sluice/scan/event.h"
#include "sluice/sink/name_list.h"
#include "sluice/sink/results.h"

struct sl_kinds_sink_setup {
	struct sl_kinds *kinds; /* also in the setup of the scan */
	uint64_t top;           /* kinds that are shown, or if they are compared, changes */
	bool is_json;
	const struct sl_saved *base; /* to compare with, or NULL */
	const char *base_name;       /* of its file */
};

struct sl_kinds_sink {
	struct sl_results *results;
	struct sl_kinds_sink_setup setup;

	/* Private. */
	uint64_t inputs; /* that ended */
	struct sl_name_list names;
};

/*
 * The sink to be passed to the scan; what it is given stays in place. Events of JSON come before
 * the summary, so this sink must be before that of JSON, and behind that of the table.
 */
struct sl_scan_sink sl_kinds_sink_init(struct sl_kinds_sink *sink, struct sl_results *results,
	const struct sl_kinds_sink_setup *setup);

/* Append the kinds as digest/saved.h describes, after SUMMARY. A failed allocation shows in
 * out->failed. */
void sl_kinds_sink_save(const struct sl_kinds_sink *sink, struct sl_buf *out);

/* Harmless on {0}. */
void sl_kinds_sink_release(struct sl_kinds_sink *sink);

#endif
