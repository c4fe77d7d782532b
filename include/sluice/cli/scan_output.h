/*
 * scan_output.h - what `sluice scan` prints: the table, lines, counts or JSON, through the bounded
 * output.
 */
#ifndef SLUICE_CLI_SCAN_OUTPUT_H
#define SLUICE_CLI_SCAN_OUTPUT_H

#include "sluice/cli/options.h"
#include "sluice/cli/output.h"
#include "sluice/scan/scan.h"
#include "sluice/ui/table.h"

/* A row of the table, kept until the end because the widths of the columns depend on all rows. */
struct sl_scan_row {
	char *name;
	uint64_t lines, hits;
	enum sl_scan_state state;
	bool has_only_cr;
};

/* {0} before begin. Other modules may read with_numbers and waited_ns only. */
struct sl_scan_output {
	const struct sl_scan_options *options;
	struct sl_output *out; /* NULL with -q */
	struct sl_buf pending;
	struct sl_scan_row *rows;
	size_t row_count, row_cap;
	bool with_names;
	bool with_numbers; /* lines are printed with their numbers */
	char after_name;
	bool terminal, colour; /* of stdout */
	bool is_file;          /* of stdout */
	bool flush_when_idle;  /* a terminal or pipe: pending bytes do not wait for more */
	uint64_t sent_bytes;
	/* For JSON: where the input's events begin, the matches in it, the sums over all inputs. */
	uint64_t input_begin, input_matches, printed_bytes, printed_matches;
	/* Found in directories and not read at all, by state. */
	uint64_t skipped[SL_SCAN_STATES];
	uint64_t waited_ns; /* for the reader of stdout */
};

/* In the task that scans. Returns 0 or -ENOMEM. */
SL_SUSPENDS
int sl_scan_output_begin(
	struct sl_scan_output *output, const struct sl_scan_options *options) SL_MUST_CHECK;

/* Where sl_scan_run sends results; `output` stays in place. */
struct sl_scan_sink sl_scan_output_sink(struct sl_scan_output *output);

/*
 * Print the table or the JSON summary (only if `complete`: the scan was not cancelled), then wait
 * for the output. Returns 0; -EPIPE if the reader closed it; another write error, described in
 * *err.
 */
SL_SUSPENDS
int sl_scan_output_end(struct sl_scan_output *output, const struct sl_scan_summary *summary,
	uint64_t elapsed_ns, bool complete, struct sl_error *err) SL_MUST_CHECK;

/*
 * For a run that never ends because the ring has failed, outside of its tasks: print the table of
 * the inputs that ended. Of other output the last part may be missing, which is logged.
 */
void sl_scan_output_abandon(struct sl_scan_output *output, const struct sl_scan_summary *summary);

/* Harmless on {0}. */
void sl_scan_output_release(struct sl_scan_output *output);

#endif
