/*
 * table_sink.h - the table (ui/table.h), when the scan is complete. A row is kept for each input
 * until then, because the widths of the columns depend on all rows.
 */
#ifndef SLUICE_SINK_TABLE_SINK_H
#define SLUICE_SINK_TABLE_SINK_H

#include "sluice/scan/event.h"
#include "sluice/sink/name_list.h"
#include "sluice/sink/results.h"

struct sl_table_sink {
	struct sl_results *results;
	struct sl_name_list rows; /* others may read the count */
	uint64_t skipped;         /* inputs found in directories and skipped */
	bool has_records;         /* set by the caller: hits are records */
};

/* The sink to be passed to the scan. *table and *results stay in place. */
struct sl_scan_sink sl_table_sink_init(struct sl_table_sink *table, struct sl_results *results);

/* Harmless on {0}. */
void sl_table_sink_release(struct sl_table_sink *table);

/* Append the table of the inputs that ended to the results, as SUMMARY does: for a scan that never
 * ends. Returns 0 or -ENOMEM. */
int sl_table_sink_format(
	const struct sl_table_sink *table, const struct sl_scan_summary *summary) SL_MUST_CHECK;

#endif
