/*
 * period_search.h - finds the part of a sorted file that has all lines of a period, by looking at a
 * few blocks of it. Pure: the caller reads them.
 *
 * The file is said to be sorted: no stamp is earlier than one before it by more than the slack. So
 * if a line is earlier than the period by more than that, no line before it is in the period, and
 * if one is later by more than that, none behind it is. The part begins with the last such line
 * that was found, and ends before the first one: it has all lines of the period whichever lines
 * are looked at, and a binary search finds some that are near.
 *
 * Only what is looked at is known, which includes places all over the file: most mistakes show,
 * such as logs that were joined in the wrong order. If the order is contradicted, the part is the
 * whole file.
 */
#ifndef SLUICE_SCAN_PERIOD_SEARCH_H
#define SLUICE_SCAN_PERIOD_SEARCH_H

#include "sluice/scan/period.h"

#define SL_PERIOD_SEARCH_BLOCK (32u * 1024u) /* bytes that are read at a time, at most */

#define SL_PERIOD_SEARCH_SAMPLES 16u /* places all over the file, at most */

/* Places that are looked at, at most: samples; then each halves what is left of a file of at most
 * 2^63 bytes, once for each limit. */
#define SL_PERIOD_SEARCH_MAX (SL_PERIOD_SEARCH_SAMPLES + 2u * 63u)

/* A line with a stamp. */
struct sl_period_seen {
	uint64_t off;
	int64_t since_ns, until_ns; /* its distances from the limits of the period */
};

enum sl_period_search_stage {
	SL_PERIOD_SEARCH_SAMPLE,
	SL_PERIOD_SEARCH_SINCE,
	SL_PERIOD_SEARCH_UNTIL,
	SL_PERIOD_SEARCH_OVER,
};

/* In its owner's memory. */
struct sl_period_search {
	/* The result, once sl_period_search_next has returned false: [begin, end) of the file. Both
	 * are where a line begins, or 0 and the size of the file. */
	uint64_t begin, end;

	/* The rest is the module's. */
	const struct sl_period *period;
	bool keeps_begin;
	uint64_t size;
	enum sl_period_search_stage stage;
	uint64_t low, high; /* what is searched: in [low, high) */
	uint64_t off;       /* of the next block */
	size_t len;
	bool is_at_line;                                  /* a line begins there */
	unsigned blocks;                                  /* that were looked at for this place */
	unsigned samples, sample;                         /* their number, and the current one */
	struct sl_period_seen seen[SL_PERIOD_SEARCH_MAX]; /* by `off` */
	size_t seen_count;
};

/* In a file of `size` bytes. `keeps_begin`: the part is to begin where the file does. The period is
 * sorted, and must stay. */
void sl_period_search_init(struct sl_period_search *search, const struct sl_period *period,
	uint64_t size, bool keeps_begin);

/* The block that is to be read next, at most SL_PERIOD_SEARCH_BLOCK bytes. False if the search is
 * over. */
bool sl_period_search_next(const struct sl_period_search *search, uint64_t *off, size_t *len);

/* So many bytes of that block were read. If they are fewer, the file has become shorter or reading
 * has failed: the part is the whole file, for the reader to find out. */
void sl_period_search_add(struct sl_period_search *search, const unsigned char *data, size_t len);

#endif
