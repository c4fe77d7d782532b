/*
 * get_events.h - what `sluice get` prints while it runs: bars, plain lines, JSON events, the
 * plan of --dry-run, the summary.
 */
#ifndef SLUICE_CLI_GET_EVENTS_H
#define SLUICE_CLI_GET_EVENTS_H

#include "sluice/cli/console.h"
#include "sluice/cli/get_scan.h"
#include "sluice/cli/options.h"
#include "sluice/cli/output.h"
#include "sluice/download/batch.h"
#include "sluice/ui/rate.h"

/* Downloads under way whose rate is measured: as many as there can be jobs. */
#define SL_GET_METERS SL_OPTION_JOBS_MAX

struct sl_get_meter {
	uint64_t index; /* of the download */
	struct sl_rate rate;
	bool used, seen;
};

struct sl_get_events {
	const struct sl_get_options *options;
	struct sl_batch *batch;
	struct sl_get_scan *scan; /* the command's */
	struct sl_console_view view;
	struct sl_output *output; /* for --json or --dry-run; else NULL */
	struct sl_group ticker;   /* the task of JSON's progress events */
	struct sl_get_meter meters[SL_GET_METERS];
	struct sl_rate rate;     /* of all */
	struct sl_buf failures;  /* the list at the end */
	bool reader_gone; /* the reader of the file on stdout closed the pipe: not a failure */
	uint64_t failures_listed, failures_left_out;
	/* The command's, kept up to date: inputs known so far, and whether these are all. */
	uint64_t inputs;
	bool has_all_inputs;
	uint64_t started_ns;
	uint64_t ended_bytes; /* of files that have ended */
};

void sl_get_events_init(struct sl_get_events *events, const struct sl_get_options *options);
void sl_get_events_release(struct sl_get_events *events);

/* The table the batch calls. */
struct sl_batch_events sl_get_events_table(struct sl_get_events *events);

/* Before and after the run of `batch`, in its task. begin returns 0 or -ENOMEM; end is called only
 * after a begin that returned 0, and describes a failure to write to stdout in *err. */
SL_SUSPENDS
int sl_get_events_begin(struct sl_get_events *events, struct sl_batch *batch) SL_MUST_CHECK;
SL_SUSPENDS
void sl_get_events_end(
	struct sl_get_events *events, const struct sl_batch_summary *summary, struct sl_error *err);

/* Append a line on ranges, partial files and what was read back; nothing if all of that is 0. The
 * summary has this line with -v, unless --stats has it. */
void sl_get_add_segments(struct sl_buf *out, const struct sl_batch_summary *summary);

#endif
