/*
 * partials.h - the partials of one input, added in any order: neighbours become one. Pure.
 *
 * Runs that were added are an interval map without overlaps. A partial is inserted, and then merged
 * with its neighbours, one at a time: each line that a cut has split comes once, when the last run
 * that it lies in was added.
 *
 * Memory: for each interval a partial, some hundred bytes and the text of two partial lines, which
 * is bounded (fragment.h). How many intervals there are is up to the order: as many as there are
 * connections, if each brings its bytes in order.
 */
#ifndef SLUICE_SCAN_PARTIALS_H
#define SLUICE_SCAN_PARTIALS_H

#include "sluice/scan/partial.h"

/* {.spec = S} is an input of which nothing was added. */
struct sl_partials {
	struct sl_partial_spec spec;
	struct sl_partial **sorted; /* by offset, without overlaps; neighbours are at `at` only */
	size_t count, cap;
	size_t at; /* was inserted, or merged, last */
	/* Records are counted: the spec gives all lines, and the owner of a partial has added to
	 * its `records` those that were complete before it is inserted. */
	bool counts_records;
	struct sl_partial *used; /* was merged last: has the text of a line; or NULL */
	/* Of all, readable: matching lines or records so far, and bytes of memory for text. */
	uint64_t hits, text;
	bool has_wide; /* one of them has UTF-16 (wide.h) */
};

void sl_partials_release(struct sl_partials *partials);

/* Records of an input that sl_partials_finish has completed. Its last line is among them. */
uint64_t sl_partials_records(const struct sl_partials *partials);

/* An empty partial that begins at `off`, on the heap; NULL if out of memory. */
struct sl_partial *sl_partials_new_partial(uint64_t off);

/* NULL is fine. */
void sl_partials_free_partial(struct sl_partial *partial);

/*
 * Takes a partial of sl_partials_new_partial, also if it fails; it must not overlap another one.
 * Returns 0 or -ENOMEM. All neighbours must have been merged.
 */
int sl_partials_insert(struct sl_partials *partials, struct sl_partial *partial) SL_MUST_CHECK;

/* True if the partial that was inserted last has a neighbour to be merged with. */
bool sl_partials_has_neighbours(const struct sl_partials *partials);

/*
 * Merge two neighbours, of which there are some. Returns 1 and *line if they share a line that is
 * complete now and matches, whose text is valid until the next call; else 0; -ENOMEM: then only
 * releasing is left.
 */
int sl_partials_merge(struct sl_partials *partials, struct sl_partial_line *line) SL_MUST_CHECK;

/* Whether that may take as long as scanning a run: on a worker, then. */
bool sl_partials_is_costly(const struct sl_partials *partials);

/* The result of the bytes from the input's beginning to the first that was not added; NULL if the
 * first was not. A line that is open at its end counts as a match if a literal decides so. */
const struct sl_block_result *sl_partials_prefix(const struct sl_partials *partials);

enum sl_partials_end {
	SL_PARTIALS_DONE,       /* sl_partials_prefix() has the totals */
	SL_PARTIALS_LINE,       /* the same, and the last line, which has no newline, matches */
	SL_PARTIALS_INCOMPLETE, /* not all bytes were added */
};

/* Else finishing may take as long as scanning a run. */
bool sl_partials_ends_quickly(const struct sl_partials *partials);

/* The input has `len` bytes. Nothing may be added after it is DONE, or has a LINE. */
enum sl_partials_end sl_partials_finish(
	struct sl_partials *partials, uint64_t len, struct sl_partial_line *line);

#endif
