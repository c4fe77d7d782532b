/*
 * scan.h - scans inputs: a bounded pipeline from files, directories and streams to exact totals in
 * input order.
 *
 *   lister -> openers -> readers -> queue -> consumers (workers) -> merger -> sinks
 *
 * The merger is the task that called sl_scan_run.
 *
 * Invariants:
 *  1. The pieces of an input are numbered, and merged in that order; those of several inputs are
 *     read, scanned and merged side by side. Inputs are reported in the order of the list.
 *  2. The front, the input that is reported next, never waits for one behind it: a part of the
 *     chunks is for it alone, its pieces take them in order, and an opener takes a buffer before it
 *     takes inputs. So it proceeds, however small the pools are: a deadlock is not possible.
 *  3. Chunks, the queue, open inputs, streams that are read, and inputs that are listed and not
 *     reported are bounded; a stage that is ahead waits.
 *  4. Every input that was listed ends with one END event, unless the scan itself is cancelled or
 *     fails.
 */
#ifndef SLUICE_SCAN_SCAN_H
#define SLUICE_SCAN_SCAN_H

#include "sluice/digest/kinds.h"
#include "sluice/logline/timeline.h"
#include "sluice/rt/task.h"
#include "sluice/scan/event.h"
#include "sluice/scan/meter.h"
#include "sluice/scan/source.h"
#include "sluice/scan/summary.h"
#include "sluice/match/tally.h"
#include "sluice/scan/walk.h"

/* An input that the caller has listed. */
struct sl_scan_item {
	const char *path;
	bool is_found; /* in a directory, not named by the user */
	/* As from sl_walk_next: SL_WALK_FILE, or why it is not read, with *err. */
	int found;
	const struct sl_error *err;
	int refused; /* the code with which the path could not be opened: it is reported, and not
			opened again; 0 = none */
	/* A regular file that is read in place of `path`, and stays the caller's; -1 = none, and
	 * the path is opened and read as a whole. */
	int fd;
	uint64_t from, until; /* bytes of the file; where it is decoded, 0 and UINT64_MAX */
	uint64_t skip;        /* bytes of its text that are left out, where it is decoded */
	uint64_t lines;       /* before those: its first line has this number + 1 */
	uint64_t off;         /* bytes of text before those */
	/* If lines are printed: of those before the first stamp, as what comes before it shows;
	 * UNKNOWN = they are the first of a log. */
	enum sl_period_side first_side;
};

struct sl_scan_setup {
	const char *const *paths; /* files, directories, "-" = standard input */
	size_t count;
	/* `count` of them instead of paths, or NULL. */
	const struct sl_scan_item *items;
	/* *progress is that of the scan before with the same sinks, kinds and timeline, which this
	 * one goes on with: all counts are sums. */
	bool goes_on;
	/* One for each path, or NULL: unless it is NULL itself, that path is only a name, and the
	 * bytes are read from there. */
	const struct sl_input_remote *const *remotes;
	const struct sl_pattern *pattern;
	/* Called by the task that called sl_scan_run. */
	const struct sl_scan_sink *sinks;
	size_t sink_count;
	/* The kinds of matching lines are added to it, or NULL. Places have the inputs' numbers, in
	 * the order of their END events from 0. It may take an eighth of max_memory; another one is
	 * for the kinds of single pieces. */
	struct sl_kinds *kinds;
	/* Files of the caller, without links, of which some may be NULL: skipped where they are
	 * found in directories. */
	const char *const *own_files;
	size_t own_count;
	/* Matching lines are counted in it by their time, or NULL. Pieces have timelines of their
	 * own, that begin with `timeline_interval_s` as it does. */
	struct sl_timeline *timeline;
	uint64_t timeline_interval_s;
	/* Matching lines are counted in it for each pattern, or NULL: at most SL_TALLY_PARTS_MAX,
	 * those of `pattern`, which does not invert; and no records are selected. */
	struct sl_tally *tally;
	/* Only its lines are counted; NULL = all. If it is sorted, what of large files is before
	 * and behind it is not read (period_search.h); but with `numbers`, what is before is. */
	const struct sl_period *period;
	bool samples_levels;            /* the summary has a sample of levels (sample.h) */
	/* Called before the scan returns because a deadline has passed: see
	 * sl_scan_each_unfinished. NULL = not of interest. */
	void (*unfinished)(void *ctx, const char *shown);
	int output_fd;  /* where the results go: if it is a regular file, it is not scanned;
			      0 = none */
	bool numbers;   /* lines are numbered */
	bool no_follow; /* links found in directories are skipped */
	struct sl_walk_rules rules; /* which entries of directories are left out */
	uint64_t before, after;     /* lines of context, if a sink wants CONTEXT */
	/* Records are selected and counted (records.h), and context is in records: where any sink
	 * wants lines, one has to want CONTEXT too. `by_head`: the first line decides. */
	bool records, by_head;
	uint64_t max_hits; /* of an input; UINT64_MAX = no limit. What comes after the last of them
			      is not counted. */
	/* The first matching line of an input ends it, as max_hits = 1 does, but what was read with
	 * it may be counted. */
	bool stop_input_at_hit;
	bool stop_at_hit; /* the first matching line of any input ends the scan: only the END of its
			      input still comes */
	size_t chunk; /* bytes of a read, a multiple of 4096; less if max_memory does not allow 2 of
			 them */
	unsigned queue; /* chunks that wait for a worker, at least 1 */
	/* for chunks, marks, stacks and matchers; at least SL_SCAN_MEMORY_MIN */
	uint64_t max_memory;
	uint64_t caller_memory; /* of it, taken by the caller for inputs and sinks, except kinds */
	/* Uncached large files of so many bytes in total are read through the page cache, further
	 * ones with direct I/O; UINT64_MAX = all through it, 0 = none. */
	uint64_t max_cached;
};

#define SL_SCAN_MEMORY_MIN (8 * SL_MIB)
#define SL_SCAN_STREAMS 8u /* are read at a time, at most */

struct scan;

/* How far the scan is, for a display: changes while it runs. */
struct sl_scan_progress {
	const struct scan *scan;        /* private; NULL before the scan and after it */
	struct sl_scan_summary summary; /* of the inputs that ended */
	uint64_t listed;                /* inputs found so far */
	bool all_listed;
	uint64_t size_opened; /* of the files opened so far */
	uint64_t read;        /* bytes read so far */
	uint64_t hits;        /* matching lines so far, also of inputs that have not ended */
	size_t queue_high_water;
	size_t chunks, chunks_high_water;
	size_t chunk_size;
	uint64_t direct_bytes;    /* part of `read`: by direct I/O */
	uint64_t worker_bytes;    /* part of `read`: by workers, from the page cache */
	uint64_t hole_bytes;      /* part of `read`: in holes, which are not read */
	uint64_t search_bytes;    /* beside `read`: looked at to find a period in sorted files */
	uint64_t input_waited_ns; /* sum of all waits for a disk or a stream */
	struct sl_meter meter;
};

/*
 * Scan. *progress is the caller's and set from the start, unless setup->goes_on. Returns 0 when
 * every input has had its END (whatever its state), or stop_at_hit has ended the scan; -ECANCELED
 * or -ETIMEDOUT; -ENOMEM; the code of a sink. `err` is set for failures of the scan itself only.
 */
SL_SUSPENDS
int sl_scan_run(const struct sl_scan_setup *setup, struct sl_scan_progress *progress,
	struct sl_error *err) SL_MUST_CHECK;

/*
 * Until the scan returns, or if it never does because the runtime has failed: see every input that
 * has not had its END, in order, as messages name it. A directory is among them if its walk has not
 * come to the end.
 */
void sl_scan_each_unfinished(const struct sl_scan_progress *progress,
	void (*see)(void *ctx, const char *shown), void *ctx);

#endif
