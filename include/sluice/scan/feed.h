/*
 * feed.h - scans inputs whose bytes are pushed, in any order: the totals and the matching lines are
 * those of a scan of the whole.
 *
 * Where sl_scan_run pulls its inputs, here tasks push: each the bytes that it has, several at once,
 * of one input or of many. Bytes are scanned on workers, or at once if that takes no longer than
 * waking one, and belong to their owner again afterwards: of the input only the results of its
 * ranges stay, with the text at their ends (partials.h).
 *
 * Memory is bounded for all inputs together: as many runs as are allowed at a time, each with a
 * matcher and 128 KiB of marks if lines are wanted; and the text of lines that are not complete, up
 * to a limit. An input that would exceed it fails: it has to be scanned in another way.
 *
 * Inputs may also be pushed in order (sequence.h): then lines of a period, and of records, can be
 * given, which those before them decide about.
 *
 * Bytes are scanned as text. Whether the beginning of an input is text is the caller's to find out
 * (sniff.h); UTF-16 further on is noticed here.
 */
#ifndef SLUICE_SCAN_FEED_H
#define SLUICE_SCAN_FEED_H

#include "sluice/rt/task.h"
#include "sluice/scan/given.h"
#include "sluice/scan/partial.h"
#include "sluice/scan/sniff.h"
#include "sluice/scan/summary.h"

struct sl_feeds; /* what the inputs of a run share */
struct sl_feed;  /* an input */

struct sl_feeds_setup {
	const struct sl_pattern *pattern; /* must stay */
	bool wants_lines;                 /* else they are only counted, which is faster */
	bool in_order;                    /* the bytes of each input come so, one call at a time */
	/* Records are counted in place of lines that match (record_counts.h). With lines or a
	 * period only in order. */
	bool records;
	/* Only its lines are counted; NULL = all. With lines only in order: of a line it may be
	 * known only much later whether it is inside. Must stay. */
	const struct sl_period *period;
	unsigned runs;     /* scanned at a time, at least 1 */
	uint64_t text_max; /* bytes of memory for text of lines that are not complete */
};

/* Returns 0 or -ENOMEM. */
int sl_feeds_new(struct sl_feeds **out, const struct sl_feeds_setup *setup) SL_MUST_CHECK;

/* All feeds must have been freed. NULL is fine. */
void sl_feeds_free(struct sl_feeds *feeds);

/* Matching lines so far, of the feeds that there are. Lines that lie in ranges between which others
 * are missing are not all known yet. */
uint64_t sl_feeds_hits(const struct sl_feeds *feeds);

struct sl_feed_setup {
	void *ctx;

	/* A matching line, each once, in any order, by a task that adds, if lines are wanted; its
	 * `index` is not its number. Of records also lines that do not match, as context. Other
	 * tasks may call it before it returns. A negative return fails the feed with that code. */
	SL_SUSPENDS
	int (*line)(void *ctx, const struct sl_partial_line *line);
};

struct sl_feed_result {
	enum sl_scan_state state;      /* OK; UNDECIDED; TRUNCATED: bytes are missing */
	struct sl_block_totals totals; /* up to the first byte that is missing */
	uint64_t newlines;
	uint64_t left_out; /* lines of records that were not given: there were too many */
};

/* Returns 0 or -ENOMEM. */
int sl_feed_new(struct sl_feed **out, struct sl_feeds *feeds,
	const struct sl_feed_setup *setup) SL_MUST_CHECK;

/* No task may be adding. NULL is fine. */
void sl_feed_free(struct sl_feed *feed);

/*
 * The bytes [off, off + len) of the input, none of which was added before. Suspends until they are
 * scanned; data must stay until then. Returns 0; -ENOMEM; SL_E_LIMIT: the text of lines that are
 * not complete exceeds text_max; what the line function returned; or what cancelled it. After a
 * failure all further calls return its code: bytes are missing.
 */
SL_SUSPENDS
int sl_feed_add(
	struct sl_feed *feed, uint64_t off, const unsigned char *data, size_t len) SL_MUST_CHECK;

/* Other than PLAIN as soon as any bytes were added that are not text: the counts are of no use. */
enum sl_form sl_feed_form(const struct sl_feed *feed);

/*
 * The input has `len` bytes; no task may be adding. Its last line may come now. Returns 0 and
 * *result; or as sl_feed_add. Nothing may be added afterwards.
 */
SL_SUSPENDS
int sl_feed_end(struct sl_feed *feed, uint64_t len, struct sl_feed_result *result) SL_MUST_CHECK;

/*
 * Of a feed that failed with SL_E_LIMIT, if lines are wanted: which of them were given, for the
 * others to be given by a scan of the whole. No task may be adding. *given must be {0}, and is to
 * be released. Returns 0 or -ENOMEM.
 */
int sl_feed_given(const struct sl_feed *feed, struct sl_given *given) SL_MUST_CHECK;

/* What of a matching line is located by, for an event of it (event.h). One task at a time may use
 * it, while no feed gives a line but the one whose line it is. */
struct sl_matcher *sl_feeds_matcher(struct sl_feeds *feeds);

#endif
