/*
 * partials.c - intervals in a sorted array of pointers.
 *
 * Adding is a binary search, and a move of the pointers behind: with 50,000 intervals, which random
 * chunks of 1 MiB of 100 GB have, at most 400 KB, less than scanning a chunk reads. A list that is
 * walked from an end would walk half of them; a tree would save what costs nothing in the usual
 * case, one interval for each connection.
 */
#include "sluice/scan/partials.h"

#include <errno.h>
#include <stdlib.h>

#define CAP_FIRST 16u

struct sl_partial *
sl_partials_new_partial(uint64_t off)
{
	struct sl_partial *partial = calloc(1, sizeof(*partial));
	if (partial) {
		partial->off = off;
		sl_record_counts_init(&partial->records);
	}
	return partial;
}

void
sl_partials_free_partial(struct sl_partial *partial)
{
	if (partial)
		sl_partial_release(partial);
	free(partial);
}

void
sl_partials_release(struct sl_partials *partials)
{
	for (size_t i = 0; i < partials->count; i++)
		sl_partials_free_partial(partials->sorted[i]);
	sl_partials_free_partial(partials->used);
	free(partials->sorted);
	*partials = (struct sl_partials){ .spec = partials->spec,
		.counts_records = partials->counts_records };
}

/* Of two, to be added before and after they are merged. */
static uint64_t
text_of(const struct sl_partial *partial)
{
	return partial->head.text.cap + partial->open.text.cap;
}

static uint64_t
hits_of(const struct sl_partials *partials, const struct sl_partial *partial)
{
	return partials->counts_records ? sl_record_counts_sure(&partial->records)
					: partial->result.hits;
}

static void
add_record_line(struct sl_partial *partial, const struct sl_partial_line *line)
{
	sl_record_counts_add(&partial->records, sl_span((const char *)line->text, line->len),
		line->whole_len, !line->is_context);
}

/* The first that begins at `off` or later. */
static size_t
find(const struct sl_partials *partials, uint64_t off)
{
	size_t low = 0, high = partials->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (partials->sorted[middle]->off < off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_pair(const struct sl_partials *partials, size_t left)
{
	struct sl_partial *const *sorted = partials->sorted;
	return left + 1 < partials->count &&
	       sl_partial_end_off(sorted[left]) == sorted[left + 1]->off;
}

/* The left one of the two that are merged next. */
static size_t
next_pair(const struct sl_partials *partials)
{
	size_t at = partials->at;
	return at > 0 && is_pair(partials, at - 1) ? at - 1 : at;
}

bool
sl_partials_has_neighbours(const struct sl_partials *partials)
{
	return is_pair(partials, next_pair(partials));
}

static bool
grow(struct sl_partials *partials)
{
	if (partials->count < partials->cap)
		return true;
	size_t cap = partials->cap ? partials->cap * 2 : CAP_FIRST;
	void *sorted = reallocarray(partials->sorted, cap, sizeof(struct sl_partial *));
	if (!sorted)
		return false;
	partials->sorted = sorted;
	partials->cap = cap;
	return true;
}

int
sl_partials_insert(struct sl_partials *partials, struct sl_partial *partial)
{
	size_t at = find(partials, partial->off);
	struct sl_partial **sorted = partials->sorted;
	sl_assert(!sl_partials_has_neighbours(partials));
	sl_assert(at == 0 || sl_partial_end_off(sorted[at - 1]) <= partial->off);
	sl_assert(at == partials->count || sl_partial_end_off(partial) <= sorted[at]->off);
	if (partial->result.len == 0 || !grow(partials)) {
		int code = partial->result.len ? -ENOMEM : 0;
		sl_partials_free_partial(partial);
		return code;
	}
	sorted = partials->sorted + at;
	memmove(sorted + 1, sorted, (partials->count - at) * sizeof(*sorted));
	*sorted = partial;
	partials->hits += hits_of(partials, partial);
	partials->text += text_of(partial);
	partials->has_wide |= partial->wide.is_found;
	partials->count++;
	partials->at = at;
	return 0;
}

int
sl_partials_merge(struct sl_partials *partials, struct sl_partial_line *line)
{
	size_t left = next_pair(partials);
	struct sl_partial *into = partials->sorted[left], **right = &partials->sorted[left + 1];
	sl_assert(is_pair(partials, left));
	if (partials->used)
		partials->text -= text_of(partials->used);
	sl_partials_free_partial(partials->used);
	partials->used = *right;
	partials->count--;
	memmove(right, right + 1, (partials->count - left - 1) * sizeof(*right));
	partials->at = left;
	partials->text -= text_of(into) + text_of(partials->used);
	partials->hits -= hits_of(partials, into) + hits_of(partials, partials->used);
	int code = sl_partial_merge(&partials->spec, into, partials->used, line);
	if (code == 1 && partials->counts_records)
		add_record_line(into, line);
	if (partials->counts_records)
		sl_record_counts_merge(&into->records, &partials->used->records);
	partials->hits += hits_of(partials, into);
	partials->text += text_of(into) + text_of(partials->used);
	partials->has_wide |= into->wide.is_found;
	return code;
}

bool
sl_partials_is_costly(const struct sl_partials *partials)
{
	size_t left = next_pair(partials);
	const struct sl_partial *right = partials->sorted[left + 1];
	const struct sl_fragment *head = right->result.newlines ? &right->head : &right->open;
	return sl_partial_is_costly(
		&partials->spec, partials->sorted[left], &right->result, head->len);
}

const struct sl_block_result *
sl_partials_prefix(const struct sl_partials *partials)
{
	const struct sl_partial *first = partials->count ? partials->sorted[0] : NULL;
	return first && first->off == 0 ? &first->result : NULL;
}

bool
sl_partials_ends_quickly(const struct sl_partials *partials)
{
	const struct sl_partial *first = partials->count ? partials->sorted[0] : NULL;
	return !first || !sl_partial_is_costly(&partials->spec, first, NULL, 0);
}

enum sl_partials_end
sl_partials_finish(struct sl_partials *partials, uint64_t len, struct sl_partial_line *line)
{
	const struct sl_block_result *prefix = sl_partials_prefix(partials);
	if (len == 0 && partials->count == 0)
		return SL_PARTIALS_DONE;
	if (!prefix || prefix->len != len)
		return SL_PARTIALS_INCOMPLETE;
	int hit = sl_partial_end(&partials->spec, partials->sorted[0], line);
	if (hit && partials->counts_records)
		add_record_line(partials->sorted[0], line);
	return hit ? SL_PARTIALS_LINE : SL_PARTIALS_DONE;
}

uint64_t
sl_partials_records(const struct sl_partials *partials)
{
	return partials->count ? sl_record_counts_finish(&partials->sorted[0]->records) : 0;
}
