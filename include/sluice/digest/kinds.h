/*
 * digest.h - the kinds of matching lines: how many lines there are of each, where the first and the
 * last one stand, and what the first one says.
 *
 * A kind also has the times of its lines, by their stamps (times.h).
 *
 * Lines are of one kind if they are equal once masked (masks.h). Digests form a monoid: workers
 * fill one for each piece of an input, and they merge in any order to the same. When a digest is
 * full, similar kinds become one (templates.h), and if that is not enough, those that were not seen
 * for the longest time are dropped: their lines are still counted. So the counts of all kinds and
 * of the dropped lines add up to the lines that were added, always. Up to that point nothing
 * depends on where inputs were cut or on the order of merging.
 *
 * Memory: a digest has a limit of its own, and digests may share a budget: the first that finds it
 * used up makes itself smaller. Pure; used by one thread at a time, a budget by any number.
 */
#ifndef SLUICE_DIGEST_KINDS_H
#define SLUICE_DIGEST_KINDS_H

#include "sluice/digest/memo.h"
#include "sluice/digest/notes.h"

#define SL_KINDS_LINE_MAX SL_MEMO_LINE_MAX /* bytes of a line that decide about its kind */
#define SL_KINDS_EXAMPLE_MAX 256u          /* bytes of a line that are kept as the example */

struct sl_kind {
	uint64_t hash;
	struct sl_span text; /* masked; in the digest's memory, as the example */
	struct sl_span example;
	uint64_t count; /* lines */
	struct sl_kinds_place first, last;
	struct sl_times times;
	uint64_t used; /* greater for a kind that was used later */
};

struct sl_kinds;

/* `max_bytes`: of memory, at least SL_KINDS_BYTES_MIN. NULL if out of memory. */
struct sl_kinds *sl_kinds_new(size_t max_bytes);
#define SL_KINDS_BYTES_MIN (32 * SL_KIB)

/* Of several digests; in its owner's memory. */
struct sl_kinds_budget {
	size_t max; /* bytes of memory */
	_Atomic size_t used;
};

/* What the digest holds is counted in the budget, which must stay. A half of SL_KINDS_BYTES_MIN it
 * may have whatever the others hold. Such a digest only takes notes of its first lines (notes.h):
 * it is there to be merged into another one. The digest is new. */
void sl_kinds_share(struct sl_kinds *kinds, struct sl_kinds_budget *budget);

/* NULL is fine. */
void sl_kinds_free(struct sl_kinds *kinds);

/* No kinds; a small part of the memory is kept. */
void sl_kinds_clear(struct sl_kinds *kinds);

/* A line, at its place. A digest that shares a budget is given lines with the memos of one thread;
 * one that was used before is faster. Returns 0 or -ENOMEM. */
int sl_kinds_add(struct sl_kinds *kinds, struct sl_memo *memo, struct sl_span line,
	struct sl_kinds_place place) SL_MUST_CHECK;

/* The same for several lines, at most SL_KINDS_BATCH: faster, because what is known of them is
 * fetched from memory together. */
struct sl_kinds_line {
	struct sl_span text;
	struct sl_kinds_place place;
};
#define SL_KINDS_BATCH 16u
int sl_kinds_add_all(struct sl_kinds *kinds, struct sl_memo *memo,
	const struct sl_kinds_line *lines, size_t count) SL_MUST_CHECK;

/* What `from` has; the numbers of `base` are added to those of its places. Digests with lines of
 * one memo are merged by one thread at a time. Returns 0 or -ENOMEM; then the digest can only be
 * cleared or freed. */
int sl_kinds_merge(struct sl_kinds *kinds, const struct sl_kinds *from,
	struct sl_kinds_place base) SL_MUST_CHECK;

/* The same for a digest that is no longer needed otherwise; both share a budget. As long as half of
 * it is left, *from is only kept, until the digest is merged or cleared. It is freed in all cases.
 * */
int sl_kinds_take(
	struct sl_kinds *kinds, struct sl_kinds *from, struct sl_kinds_place base) SL_MUST_CHECK;

/* Similar kinds become one: at the end, and when the digest is full. The result depends only on
 * the kinds. Returns 0 or -ENOMEM. */
int sl_kinds_group(struct sl_kinds *kinds) SL_MUST_CHECK;

/* The kinds, most lines first, in a fixed order of equal counts; valid until the digest changes. It
 * shares no budget. */
const struct sl_kind *sl_kinds_sort(struct sl_kinds *kinds, size_t *count);

/* Those that it only has notes of are not counted. */
size_t sl_kinds_count(const struct sl_kinds *kinds);

/* The steps of merging it: kinds, and lines that it has notes of. */
size_t sl_kinds_items(const struct sl_kinds *kinds);

/* Of all that was added. */
uint64_t sl_kinds_lines(const struct sl_kinds *kinds);

/* Lines whose kind was dropped. */
uint64_t sl_kinds_dropped(const struct sl_kinds *kinds);

#endif
