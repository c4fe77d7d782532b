/*
 * feed_int.h - what feed.c, which adds ranges in any order, and feed_sequence.c, which adds them in
 * order, have in common.
 */
#ifndef SLUICE_SCAN_FEED_INT_H
#define SLUICE_SCAN_FEED_INT_H

#include "sluice/rt/semaphore.h"
#include "sluice/scan/feed.h"
#include "sluice/scan/partials.h"
#include "sluice/scan/sequence.h"

struct feed_slot {
	struct sl_matcher *matcher;
	uint64_t *marks;  /* of RUN_LEN bytes, or NULL */
	uint64_t *within; /* behind them, if a period is wanted */
	struct feed_slot *next;
};

struct sl_feeds {
	struct sl_feeds_setup setup;
	struct sl_partial_spec spec; /* with the matcher that merging uses */
	struct sl_matcher *locator;
	struct sl_semaphore runs;
	struct sl_semaphore merging; /* to use the partials of any feed */
	struct feed_slot *free_slots;
	uint64_t hits, text; /* of all feeds */
	size_t count;        /* of them */
};

struct sl_feed {
	struct sl_feeds *feeds;
	struct sl_feed_setup setup;
	struct sl_partials partials;
	struct sl_sequence *sequence; /* in place of these, in order */
	unsigned adding;              /* tasks */
	int code;                     /* the first failure */
	/* Of runs whose lines were given, and that came too late to be merged; and why it is not
	 * complete. */
	struct sl_given late;
	int late_code;
};

/* ---- feed_run.c: a run in whatever order ---- */

/* The line goes to the caller, if lines are wanted. Returns 0 or a negative code. */
SL_SUSPENDS
int feed_give_line(const struct sl_feed *feed, const struct sl_partial_line *line);

/* With a plan that decides alone, and one of which scanning so much takes a short time: on the
 * thread of the runtime, then. */
bool feed_is_quick(const struct sl_feeds *feeds, size_t len);

/* A scan of a run with this slot, whose marks are cleared; without a result. */
struct sl_block_steps feed_steps(const struct sl_feeds *feeds, const struct feed_slot *slot,
	const unsigned char *data, size_t len);

/* ---- in order ---- */

/* False if out of memory. */
bool feed_init_sequence(struct sl_feed *feed);

/* Of the feed, in whatever order it gets its bytes: to be added to the sums of all. */
uint64_t feed_hits(const struct sl_feed *feed);
uint64_t feed_text(const struct sl_feed *feed);

SL_SUSPENDS
int feed_add_in_order(struct sl_feed *feed, const struct feed_slot *slot, uint64_t off,
	const unsigned char *data, size_t len);

/* As sl_feed_end; `merging` is held. */
SL_SUSPENDS
int feed_end_sequence(struct sl_feed *feed, uint64_t len, struct sl_feed_result *result);

#endif
