/*
 * scan_output.h - chooses the sinks of `sluice scan` by its options, and is the writer behind
 * them: standard output through the bounded output.
 *
 * Every run has the sink for messages, and without -q one of those of sluice/sink for the results.
 * A further one is initialised in scan_output.c and appended to `sinks`.
 */
#ifndef SLUICE_CLI_SCAN_OUTPUT_H
#define SLUICE_CLI_SCAN_OUTPUT_H

#include "sluice/cli/options.h"
#include "sluice/cli/output.h"
#include "sluice/cli/scan_messages.h"
#include "sluice/sink/count_sink.h"
#include "sluice/sink/histogram_sink.h"
#include "sluice/sink/json_sink.h"
#include "sluice/sink/kinds_sink.h"
#include "sluice/sink/lines_sink.h"
#include "sluice/sink/list_sink.h"
#include "sluice/sink/pattern_sink.h"
#include "sluice/sink/table_sink.h"

struct sl_scan_output_setup {
	const struct sl_scan_options *options;
	struct sl_tally *tally; /* unless NULL, lines are counted for each pattern */
	int fd;                 /* where results go */
	/* Of that, if others write to it as well; NULL = it is opened. */
	struct sl_output *shared;
};

/* {0} before begin. Other modules may read sinks, sink_count, with_numbers,
 * kinds, own_files and waited_ns only. */
struct sl_scan_output {
	const struct sl_scan_options *options;
	struct sl_scan_sink sinks[5]; /* for the scan */
	size_t sink_count;
	bool with_numbers;           /* a sink prints the numbers of lines */
	struct sl_kinds *kinds;      /* for the scan to collect, or NULL */
	struct sl_timeline timeline; /* for the scan to fill, if options have a histogram */
	char *own_files[2];     /* not to be scanned; NULL = none */
	struct sl_saved base;   /* to compare them with, if options->digest_base */

	struct sl_scan_messages messages;
	int fd;
	struct sl_output *out; /* NULL with -q */
	bool is_shared;
	struct sl_results results;
	/* One of these is used. */
	struct sl_table_sink table;
	struct sl_lines_sink lines;
	struct sl_count_sink count;
	struct sl_list_sink list;
	struct sl_pattern_sink patterns; /* this one beside them */
	struct sl_json_sink json;
	struct sl_histogram_sink histogram; /* as the next */
	struct sl_kinds_sink kinds_sink;    /* with the table or JSON */
	uint64_t waited_ns;                 /* for the reader of stdout */
};

/* In the task that scans; `output` stays in place. Returns 0; -ENOMEM; or the code with which a
 * digest could not be read, described in *err. */
SL_SUSPENDS
int sl_scan_output_begin(struct sl_scan_output *output, const struct sl_scan_output_setup *setup,
	struct sl_error *err) SL_MUST_CHECK;

/*
 * Pass the outcome to the sinks if the scan is `complete`, or cut and this much is to be shown;
 * then wait for the output; for one that is shared, only until it has taken the results. Returns 0;
 * -EPIPE if the reader closed it; another write error, described in *err.
 */
SL_SUSPENDS
int sl_scan_output_end(struct sl_scan_output *output, const struct sl_scan_outcome *outcome,
	bool complete, struct sl_error *err) SL_MUST_CHECK;

/* True if something that was to be printed was not: this is reported, and the run has failed. */
bool sl_scan_output_is_incomplete(const struct sl_scan_output *output);

/*
 * For a run that never ends because the ring has failed, outside of its tasks: print the table of
 * the inputs that ended. Of other output the last part may be missing, which is logged.
 */
void sl_scan_output_abandon(struct sl_scan_output *output, const struct sl_scan_summary *summary);

/* Harmless on {0}. */
void sl_scan_output_release(struct sl_scan_output *output);

#endif
