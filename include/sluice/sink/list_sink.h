/*
 * list_sink.h - the names of the inputs that have matching lines, or of those that have none, as
 * grep -l and -L print them.
 */
#ifndef SLUICE_SINK_LIST_SINK_H
#define SLUICE_SINK_LIST_SINK_H

#include "sluice/scan/event.h"
#include "sluice/sink/results.h"

enum sl_list_kind {
	SL_LIST_WITH,    /* with a matching line */
	SL_LIST_WITHOUT, /* read to the end, and without one */
};

struct sl_list_sink {
	struct sl_results *results;
	enum sl_list_kind kind;
	char separator; /* after each name */
};

/* The sink to be passed to the scan, which may stop each input at its first match
 * (sl_scan_setup.stop_input_at_hit). *list and *results stay in place. */
struct sl_scan_sink sl_list_sink_init(struct sl_list_sink *list, struct sl_results *results,
	enum sl_list_kind kind, char separator);

#endif
