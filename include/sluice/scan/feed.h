/*
 * feed.h - scans an input whose bytes are pushed, in any order: the totals and the matching lines
 * are those of a scan of the whole.
 *
 * Where sl_scan_run pulls its inputs, here tasks push: each the bytes that it has, several at once.
 * Bytes are scanned on workers and belong to their owner again afterwards: of the input only the
 * results of its ranges stay, with the text at their ends (partials.h).
 *
 * Memory is bounded by the tasks that add at a time, each with a matcher and 128 KiB of marks if
 * lines are wanted; and by the ranges between which others are missing, as partials.h says.
 *
 * Bytes are scanned as text: whether they are is the caller's to find out (sniff.h).
 */
#ifndef SLUICE_SCAN_FEED_H
#define SLUICE_SCAN_FEED_H

#include "sluice/rt/task.h"
#include "sluice/scan/partial.h"
#include "sluice/scan/summary.h"

struct sl_feed;

struct sl_feed_setup {
	const struct sl_pattern *pattern; /* must stay */
	void *ctx;

	/* A matching line, each once, in any order, by a task that adds; its `index` is not its
	 * number. NULL: lines are only counted, which is faster. Other tasks may call it before
	 * it returns. A negative return fails the feed with that code. */
	SL_SUSPENDS
	int (*line)(void *ctx, const struct sl_partial_line *line);
};

struct sl_feed_result {
	enum sl_scan_state state;      /* OK; UNDECIDED; TRUNCATED: bytes are missing */
	struct sl_block_totals totals; /* up to the first byte that is missing */
};

/* Returns 0 or -ENOMEM. */
int sl_feed_new(struct sl_feed **out, const struct sl_feed_setup *setup) SL_MUST_CHECK;

/* No task may be adding. NULL is fine. */
void sl_feed_free(struct sl_feed *feed);

/*
 * The bytes [off, off + len) of the input, none of which was added before. Suspends until they are
 * scanned; data must stay until then. Returns 0; -ENOMEM; what the line function returned; or
 * what cancelled it. After a failure all further calls return its code: bytes are missing.
 */
SL_SUSPENDS
int sl_feed_add(
	struct sl_feed *feed, uint64_t off, const unsigned char *data, size_t len) SL_MUST_CHECK;

/*
 * The input has `len` bytes; no task may be adding. Its last line may come now. Returns 0 and
 * *result; or as sl_feed_add. Nothing may be added afterwards.
 */
SL_SUSPENDS
int sl_feed_end(struct sl_feed *feed, uint64_t len, struct sl_feed_result *result) SL_MUST_CHECK;

#endif
