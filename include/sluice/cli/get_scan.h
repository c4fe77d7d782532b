/*
 * get_scan.h - `sluice get --scan`: the bytes of downloads go from the tee to a feed of the scan
 * while they are written, and the results to the sinks of `sluice scan`.
 *
 * What cannot be counted that way is scanned from its file once the downloads have ended: files
 * that were complete already, those that are not plain text, and those of which the feed has lost
 * a part; of these, lines that were printed are not printed again. So each file that is done or
 * skipped is counted, as `sluice scan` would count it.
 *
 * With {0} and options without --scan, all calls do nothing.
 */
#ifndef SLUICE_CLI_GET_SCAN_H
#define SLUICE_CLI_GET_SCAN_H

#include "sluice/cli/options.h"
#include "sluice/cli/scan_output.h"
#include "sluice/cli/scan_pattern.h"
#include "sluice/cli/scan_period.h"
#include "sluice/download/tee.h"
#include "sluice/rt/semaphore.h"
#include "sluice/scan/feed.h"

/* Names of files that are to be scanned when the downloads have ended. */
struct sl_get_scan_list {
	char **paths;
	uint64_t *bases; /* offsets of the first bytes that are wanted */
	/* Of what follows these: lines that were printed already. */
	struct sl_given *givens;
	size_t count, cap;
};

struct sl_get_scan {
	const struct sl_get_options *options;
	struct sl_scan_pattern match;
	struct sl_period period; /* if the options have one */
	struct sl_feeds *feeds;
	struct sl_tee_consumer consumer;
	struct sl_scan_output output;
	struct sl_semaphore reporting; /* an event at a time goes to the output */
	struct sl_scan_summary summary;
	/* Lines of the second were printed already, of the third it is not known which. */
	struct sl_get_scan_list later, later_rest, later_without_lines;
	uint64_t decoding_memory; /* of files that are decoded now */
	uint64_t decoding_max;    /* of that */
	uint64_t hits;            /* most that were known at a time */
	uint64_t started_ns;
	int code; /* with which the results cannot be written; 0 = they can */
	bool is_open;
	bool is_cancelled; /* the run, before all files were scanned */
	bool is_late;      /* by its deadline */
};

/* Reads and compiles the patterns. Returns 0, or a code with words in *err: SL_E_USAGE for options
 * that are wrong. */
SL_SUSPENDS
int sl_get_scan_init(struct sl_get_scan *scan, const struct sl_get_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_get_scan_release(struct sl_get_scan *scan);

/* The part of --max-memory that it takes while files are downloaded. */
uint64_t sl_get_scan_memory(const struct sl_get_scan *scan);

/* In the task that ends it. `shared` is that of get's events, or NULL. Returns 0 or -ENOMEM. */
SL_SUSPENDS
int sl_get_scan_begin(struct sl_get_scan *scan, struct sl_output *shared) SL_MUST_CHECK;

/* For the batch; NULL without --scan. */
const struct sl_tee_consumer *sl_get_scan_consumer(const struct sl_get_scan *scan);

/* A file has ended. */
SL_SUSPENDS
void sl_get_scan_ended(struct sl_get_scan *scan, const struct sl_download *download);

/* Error lines so far; does not become less. */
uint64_t sl_get_scan_hits(struct sl_get_scan *scan);

/*
 * All files have ended: scan what is left, unless the run was cancelled. With --json, all results
 * are passed on then. Returns 0, or the cancellation if not all were scanned: that was logged.
 */
SL_SUSPENDS
int sl_get_scan_finish(struct sl_get_scan *scan) SL_MUST_CHECK;

/* After a begin that returned 0: the results go out, without a table if there is no file to be
 * counted, or the run was cancelled. A failure to write them is described in *err, if it is not
 * NULL. */
SL_SUSPENDS
void sl_get_scan_end(struct sl_get_scan *scan, struct sl_error *err);

#endif
