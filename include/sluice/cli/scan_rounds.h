/*
 * scan_rounds.h - `sluice scan --state` and `--follow`: scans of what is new, and the state between
 * them. Without --follow there is one round.
 */
#ifndef SLUICE_CLI_SCAN_ROUNDS_H
#define SLUICE_CLI_SCAN_ROUNDS_H

#include "sluice/cli/options.h"
#include "sluice/cli/scan_output.h"
#include "sluice/follow/follow.h"
#include "sluice/follow/store.h"
#include "sluice/follow/watch.h"

/* {0} before begin. */
struct sl_scan_rounds {
	const struct sl_scan_options *options;
	struct sl_scan_output *output;
	struct sl_follow_setup setup;
	struct sl_store store;
	struct sl_follow *follow;
	struct sl_watch watch; /* with --follow, as the next */
	uint64_t saved_ns, saved_bytes;
	const char *own_files[3];
	struct sl_scan_sink sinks[SL_SCAN_OUTPUT_SINKS + 1];
};

/* True if the options ask for rounds. */
static inline bool
sl_scan_rounds_are_wanted(const struct sl_scan_options *options)
{
	return options->state || options->follow;
}

/* In the task that scans; `rounds` and `output`, which has begun, stay in place. Returns 0 or a
 * negative code, described in *err. */
SL_SUSPENDS
int sl_scan_rounds_begin(struct sl_scan_rounds *rounds, const struct sl_scan_options *options,
	struct sl_scan_output *output, struct sl_error *err) SL_MUST_CHECK;

/*
 * With this setup, but other inputs and one more sink. *progress was {0}. Returns as sl_scan_run;
 * with --follow, 0 if the run was cancelled: what was scanned until then is complete.
 */
SL_SUSPENDS
int sl_scan_rounds_run(struct sl_scan_rounds *rounds, const struct sl_scan_setup *setup,
	struct sl_scan_progress *progress, struct sl_error *err) SL_MUST_CHECK;

/* After the output has ended: if all of it was written, and `is_complete`, the state is saved.
 * Harmless on {0}. Returns 0 or a negative code, described in *err. */
SL_SUSPENDS
int sl_scan_rounds_end(
	struct sl_scan_rounds *rounds, bool is_complete, struct sl_error *err) SL_MUST_CHECK;

#endif
