/*
 * follow.h - which parts of logs are new: those that an earlier run, or round, has not scanned.
 *
 * A round lists all inputs, compares each with what the state has of it, and makes items for
 * sl_scan_run, in batches: the rest of a log that was rotated, then what its name refers to now.
 * The state changes only by sl_follow_commit, after the scan of a batch: what was not scanned is
 * new in the next round again.
 *
 *   is the name's file                            then its text
 *   the file of the log, and holds its text       continues
 *   another one that holds the text               continues: it was copied
 *   the same or another, with other text          is new; the rest of the log is looked for
 *
 * The rest is in the file that is still open, in one beside it with the same identity (it was
 * renamed), or in one with the same text (it was copied before it was truncated, or compressed).
 * Rotated logs that are newer than the one with the rest are new as a whole.
 *
 * Only lines that end with a newline are scanned, and a last one without when nothing is added any
 * more: of a log that was rotated, once its name refers to a file that is not empty, and of what is
 * compressed. Text that is compressed, or UTF-16, is decoded from its beginning if its file has
 * changed.
 *
 * Where records are scanned, the last one of a log is left as well until another one begins, or its
 * file has not grown for SL_FOLLOW_HOLD_NS, or as above: lines may still come that belong to it.
 */
#ifndef SLUICE_FOLLOW_FOLLOW_H
#define SLUICE_FOLLOW_FOLLOW_H

#include "sluice/follow/state.h"
#include "sluice/scan/scan.h"

#define SL_FOLLOW_HOLD_NS SL_NS_PER_S

struct sl_follow_setup {
	const char *const *paths; /* files and directories; "-" is passed on */
	size_t count;
	struct sl_walk_rules rules;
	bool no_follow;
	/* Skipped where they are found in directories, as in sl_scan_setup. */
	const char *const *own_files;
	size_t own_count;
	uint64_t window_max;            /* memory for the window of a decoder */
	bool records;                   /* are scanned, not lines */
	bool keeps_stamps;              /* the state has them, for other runs */
	const struct sl_period *period; /* that is scanned, or NULL */
	/*
	 * Rounds follow each other: inputs without new lines have no items; the rest of a log is
	 * left to the next round if it is longer than `step`; files stay open, so that their rest
	 * is read also if they are removed; and items are copies of the new text, so that it does
	 * not change while it is scanned.
	 */
	bool is_live;
	uint64_t step; /* bytes of a log and, about, of a batch */
};

struct sl_follow;

/* The setup must stay. *state moves in. Returns 0 or -ENOMEM. */
int sl_follow_new(struct sl_follow **out, const struct sl_follow_setup *setup,
	struct sl_state *state) SL_MUST_CHECK;

/* With its state. NULL is fine. */
SL_SUSPENDS
void sl_follow_free(struct sl_follow *follow);

const struct sl_state *sl_follow_state(const struct sl_follow *follow);

/* Returns 0 or -ENOMEM. */
SL_SUSPENDS
int sl_follow_begin(struct sl_follow *follow) SL_MUST_CHECK;

/*
 * The next items of the round, for one scan; none at its end. They are valid until
 * sl_follow_commit. Returns 0, -ENOMEM or the cancellation.
 */
SL_SUSPENDS
int sl_follow_next(
	struct sl_follow *follow, const struct sl_scan_item **items, size_t *count) SL_MUST_CHECK;

/* For that scan: learns how far each item was scanned. */
struct sl_scan_sink sl_follow_sink(struct sl_follow *follow);

/* The scan is over, whatever its outcome. What was reported with an END event counts as scanned.
 * Returns 0 or a negative code. */
SL_SUSPENDS
int sl_follow_commit(struct sl_follow *follow) SL_MUST_CHECK;

/* The state has changed since it was asked the last time. */
bool sl_follow_take_change(struct sl_follow *follow);

/* Lines were left to the next round. */
bool sl_follow_has_more(const struct sl_follow *follow);

/* When the first of the records that were left in the round will be complete, if its file does not
 * grow; SL_FOREVER if none was left. */
uint64_t sl_follow_due_ns(const struct sl_follow *follow);

/* No more rounds follow but the next: records are complete as they are. */
void sl_follow_settle(struct sl_follow *follow);

#endif
