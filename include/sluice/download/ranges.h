/*
 * ranges.h - which bytes of one file are done, which are being fetched, and which are missing.
 * Pure.
 *
 * Ranges are half-open. A lease is a range that one segment fetches, from its lowest byte on. These
 * hold at any time:
 *  1. A byte that is done stays done, and no lease is given for it, unless sl_ranges_remove_done
 *     takes it back.
 *  2. Leases do not overlap, except a hedge and the lease that it hedges.
 *  3. The file is complete once every byte is done; leases do not count.
 */
#ifndef SLUICE_DOWNLOAD_RANGES_H
#define SLUICE_DOWNLOAD_RANGES_H

#include "sluice/base/list.h"

struct sl_range {
	uint64_t begin, end;
};

/* In the memory of the segment that has it; {0} = none. */
struct sl_lease {
	struct sl_list link;
	uint64_t at;  /* the next byte to fetch */
	uint64_t end; /* may become lower while the segment is at work, never below `at` */
	bool is_active;
	struct sl_lease *twin; /* the other lease of the same range; NULL = not hedged */
};

struct sl_ranges {
	uint64_t total;
	uint64_t done_bytes;
	/* ranges.c's: done ranges, sorted, neither touching nor empty */
	struct sl_range *done;
	size_t count, cap;
	struct sl_list leases;
	size_t lease_count;
};

void sl_ranges_init(struct sl_ranges *ranges, uint64_t total);

/* There must be no lease. */
void sl_ranges_release(struct sl_ranges *ranges);

/* Mark a range as done, as a journal has it; part of it may be done already. No lease may have any
 * of it. Returns 0 or -ENOMEM. */
int sl_ranges_add_done(struct sl_ranges *ranges, struct sl_range range) SL_MUST_CHECK;

/* What was done turned out to be wrong: it is missing again. No lease may have any of it. Returns 0
 * or -ENOMEM. */
int sl_ranges_remove_done(struct sl_ranges *ranges, struct sl_range range) SL_MUST_CHECK;

enum sl_lease_result {
	SL_LEASE_GRANTED,
	SL_LEASE_NONE, /* no byte is missing that is not leased */
};

/* Lease the lowest missing bytes, at most `most` (> 0), up to the next that is done or leased.
 * Returns an sl_lease_result or -ENOMEM. */
int sl_ranges_lease(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t most) SL_MUST_CHECK;

/*
 * Lease the upper half of the largest rest of a lease, which ends there from now on. `grain`: the
 * cut is a multiple of it, and both halves have at least `grain` bytes. Hedged leases are not
 * split. Returns an sl_lease_result or -ENOMEM.
 */
int sl_ranges_split(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t grain) SL_MUST_CHECK;

/* A lease that has come to its end gets what follows it, at most `most` bytes (> 0), up to the next
 * that is done or leased. Returns true if that is not nothing. Hedged leases are not extended. */
bool sl_ranges_extend(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t most);

/* Lease the rest of `of` once more; `of` must not be hedged already. The one that is done first
 * leaves nothing for the other. Returns 0; -EALREADY; -ENOMEM. */
int sl_ranges_hedge(
	struct sl_ranges *ranges, struct sl_lease *lease, struct sl_lease *of) SL_MUST_CHECK;

/* The next `bytes` bytes of the lease are done; at most up to its end. Returns how many of them
 * were not done before (fewer in a hedged range). */
uint64_t sl_ranges_advance(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t bytes);

/* The lease ends; what it has not fetched is missing again, unless another lease has it. Harmless
 * on one that is not active. */
void sl_ranges_give_back(struct sl_ranges *ranges, struct sl_lease *lease);

/* The lowest byte that is not done; `total` if there is none. */
uint64_t sl_ranges_frontier(const struct sl_ranges *ranges);

/* How many bytes from `off` on are done, up to the first that is not. */
uint64_t sl_ranges_done_from(const struct sl_ranges *ranges, uint64_t off);

/* The first bytes from `off` on that are not done, up to the next that are; leases do not count.
 * False if there are none. */
bool sl_ranges_next_missing(const struct sl_ranges *ranges, uint64_t off, struct sl_range *out);

/* The first bytes from `off` on that are done, up to the next that are not. False if there are
 * none. */
bool sl_ranges_next_done(const struct sl_ranges *ranges, uint64_t off, struct sl_range *out);

/* Whether all of it is done. */
bool sl_ranges_has(const struct sl_ranges *ranges, struct sl_range range);

bool sl_ranges_is_complete(const struct sl_ranges *ranges);

#define SL_RANGES_CELL_FULL UINT8_MAX

/* A coarse map: how much of each of `count` (> 0) equal parts of the file is done, in proportion to
 * SL_RANGES_CELL_FULL. Only a part that is all done has that value, and only one of which no byte
 * is done has 0. A part without a byte (the file has fewer) counts as done. */
void sl_ranges_map(const struct sl_ranges *ranges, uint8_t *cells, size_t count);

#endif
