/*
 * ranges.c - the done ranges are a sorted array, which is short: pieces are leased in order, so
 * that done ranges grow together. What is missing is not kept but found: the gaps between done
 * ranges and the rests of leases.
 *
 * Room for the done range of each lease is made when it is given: marking bytes as done never
 * fails.
 */
#include "sluice/download/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
sl_ranges_init(struct sl_ranges *ranges, uint64_t total)
{
	*ranges = (struct sl_ranges){ .total = total };
	sl_list_init(&ranges->leases);
}

void
sl_ranges_release(struct sl_ranges *ranges)
{
	sl_assert(ranges->lease_count == 0);
	free(ranges->done);
	ranges->done = NULL;
	ranges->count = ranges->cap = 0;
}

/* ---- done ranges ---- */

/* For `more` ranges beyond those there are and those that leases may add. */
static bool
make_room(struct sl_ranges *ranges, size_t more)
{
	size_t need = ranges->count + ranges->lease_count + more;
	if (need <= ranges->cap)
		return true;
	size_t cap = SL_MAX(need, ranges->cap * 2);
	struct sl_range *done = reallocarray(ranges->done, cap, sizeof(*done));
	if (!done)
		return false;
	ranges->done = done;
	ranges->cap = cap;
	return true;
}

/* Index of the first done range that ends at or behind `off`. */
static size_t
find(const struct sl_ranges *ranges, uint64_t off)
{
	size_t low = 0, high = ranges->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (ranges->done[mid].end < off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Returns how many bytes were not done before. There is room. */
static uint64_t
mark(struct sl_ranges *ranges, struct sl_range range)
{
	size_t first = find(ranges, range.begin), after = first;
	uint64_t before = 0;
	if (range.begin == range.end)
		return 0;
	struct sl_range merged = range;
	for (; after < ranges->count && ranges->done[after].begin <= range.end; after++) {
		const struct sl_range *old = &ranges->done[after];
		before += old->end - old->begin;
		merged.begin = SL_MIN(merged.begin, old->begin);
		merged.end = SL_MAX(merged.end, old->end);
	}
	memmove(&ranges->done[first + 1], &ranges->done[after],
		(ranges->count - after) * sizeof(*ranges->done));
	ranges->done[first] = merged;
	ranges->count = ranges->count - (after - first) + 1;
	uint64_t added = merged.end - merged.begin - before;
	ranges->done_bytes += added;
	return added;
}

int
sl_ranges_add_done(struct sl_ranges *ranges, struct sl_range range)
{
	if (!make_room(ranges, 1))
		return -ENOMEM;
	(void)mark(ranges, range);
	return 0;
}

int
sl_ranges_remove_done(struct sl_ranges *ranges, struct sl_range range)
{
	struct sl_range rest[2]; /* of the first and last range that have some of it */
	size_t rests = 0, first = find(ranges, range.begin);
	if (range.begin >= range.end)
		return 0;
	if (!make_room(ranges, 1))
		return -ENOMEM;
	while (first < ranges->count && ranges->done[first].end <= range.begin)
		first++;
	size_t after = first;
	for (; after < ranges->count && ranges->done[after].begin < range.end; after++) {
		struct sl_range old = ranges->done[after];
		if (old.begin < range.begin)
			rest[rests++] = (struct sl_range){ old.begin, range.begin };
		if (old.end > range.end)
			rest[rests++] = (struct sl_range){ range.end, old.end };
		ranges->done_bytes -= SL_MIN(old.end, range.end) - SL_MAX(old.begin, range.begin);
	}
	memmove(&ranges->done[first + rests], &ranges->done[after],
		(ranges->count - after) * sizeof(*ranges->done));
	memcpy(&ranges->done[first], rest, rests * sizeof(*rest));
	ranges->count = ranges->count - (after - first) + rests;
	return 0;
}

uint64_t
sl_ranges_frontier(const struct sl_ranges *ranges)
{
	return ranges->count > 0 && ranges->done[0].begin == 0 ? ranges->done[0].end : 0;
}

uint64_t
sl_ranges_done_from(const struct sl_ranges *ranges, uint64_t off)
{
	size_t i = find(ranges, off);
	if (i < ranges->count && ranges->done[i].end == off)
		i++;
	return i < ranges->count && ranges->done[i].begin <= off ? ranges->done[i].end - off : 0;
}

bool
sl_ranges_next_missing(const struct sl_ranges *ranges, uint64_t off, struct sl_range *out)
{
	off += sl_ranges_done_from(ranges, off);
	size_t next = find(ranges, off);
	if (next < ranges->count && ranges->done[next].end == off)
		next++;
	uint64_t end = next < ranges->count ? ranges->done[next].begin : ranges->total;
	*out = (struct sl_range){ off, end };
	return off < ranges->total;
}

bool
sl_ranges_next_done(const struct sl_ranges *ranges, uint64_t off, struct sl_range *out)
{
	size_t i = find(ranges, off);
	if (i < ranges->count && ranges->done[i].end == off)
		i++;
	if (i == ranges->count)
		return false;
	*out = (struct sl_range){ SL_MAX(ranges->done[i].begin, off), ranges->done[i].end };
	return true;
}

bool
sl_ranges_has(const struct sl_ranges *ranges, struct sl_range range)
{
	return sl_ranges_done_from(ranges, range.begin) >= range.end - range.begin;
}

bool
sl_ranges_is_complete(const struct sl_ranges *ranges)
{
	return ranges->done_bytes == ranges->total;
}

/* ---- the map ---- */

/* Where cell `index` begins. The product of both could exceed 64 bits. */
static uint64_t
begin_of_cell(uint64_t total, size_t index, size_t count)
{
	return total / count * index + total % count * index / count;
}

static uint8_t
cell_value(uint64_t done, uint64_t len)
{
	if (done == len)
		return SL_RANGES_CELL_FULL;
	uint64_t value = (uint64_t)((double)done / (double)len * SL_RANGES_CELL_FULL);
	value = SL_MIN(value, (uint64_t)SL_RANGES_CELL_FULL - 1);
	return (uint8_t)SL_MAX(value, (uint64_t)(done > 0));
}

void
sl_ranges_map(const struct sl_ranges *ranges, uint8_t *cells, size_t count)
{
	size_t at = 0; /* the first done range that ends behind the cell's beginning */
	for (size_t i = 0; i < count; i++) {
		uint64_t begin = begin_of_cell(ranges->total, i, count);
		uint64_t end = begin_of_cell(ranges->total, i + 1, count), done = 0;
		while (at < ranges->count && ranges->done[at].end <= begin)
			at++;
		for (size_t k = at; k < ranges->count && ranges->done[k].begin < end; k++)
			done += SL_MIN(ranges->done[k].end, end) -
				SL_MAX(ranges->done[k].begin, begin);
		cells[i] = cell_value(done, end - begin);
	}
}

/* ---- leases ---- */

static struct sl_lease *
lease_of(struct sl_list *node)
{
	return sl_list_item(node, struct sl_lease, link);
}

static void
grant(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t at, uint64_t end)
{
	*lease = (struct sl_lease){ .at = at, .end = end, .is_active = true };
	sl_list_push_back(&ranges->leases, &lease->link);
	ranges->lease_count++;
}

/* The next byte from `off` on that is neither done nor leased, and up to where that holds. Both
 * lists are short. */
static bool
find_missing(struct sl_ranges *ranges, uint64_t off, struct sl_range *out)
{
	struct sl_range gap = { off, ranges->total };
	bool moved = true;
	while (moved) {
		moved = false;
		size_t i = find(ranges, gap.begin);
		if (i < ranges->count && ranges->done[i].end == gap.begin)
			i++;
		if (i < ranges->count && ranges->done[i].begin <= gap.begin) {
			gap.begin = ranges->done[i].end;
			moved = true;
			continue;
		}
		gap.end = i < ranges->count ? ranges->done[i].begin : ranges->total;
		sl_list_each(node, &ranges->leases)
		{
			const struct sl_lease *lease = lease_of(node);
			if (lease->at == lease->end)
				continue;
			if (lease->at <= gap.begin && lease->end > gap.begin) {
				gap.begin = lease->end;
				moved = true;
			} else if (lease->at > gap.begin) {
				gap.end = SL_MIN(gap.end, lease->at);
			}
		}
	}
	*out = gap;
	return gap.begin < ranges->total;
}

int
sl_ranges_lease(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t most)
{
	struct sl_range gap;
	if (!find_missing(ranges, 0, &gap))
		return SL_LEASE_NONE;
	if (!make_room(ranges, 1))
		return -ENOMEM;
	grant(ranges, lease, gap.begin, gap.begin + SL_MIN(gap.end - gap.begin, most));
	return SL_LEASE_GRANTED;
}

/* The one with the largest rest that is not hedged; NULL if there is none. */
static struct sl_lease *
find_largest(struct sl_ranges *ranges)
{
	struct sl_lease *largest = NULL;
	sl_list_each(node, &ranges->leases)
	{
		struct sl_lease *lease = lease_of(node);
		if (!lease->twin &&
			(!largest || lease->end - lease->at > largest->end - largest->at))
			largest = lease;
	}
	return largest;
}

int
sl_ranges_split(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t grain)
{
	struct sl_lease *victim = find_largest(ranges);
	uint64_t rest = victim ? victim->end - victim->at : 0;
	uint64_t middle = victim ? victim->at + rest / 2 : 0;
	uint64_t cut = (middle + grain - 1) / grain * grain;
	bool is_large =
		rest / 2 >= grain && cut - victim->at >= grain && victim->end - cut >= grain;
	if (!is_large)
		return SL_LEASE_NONE;
	if (!make_room(ranges, 1))
		return -ENOMEM;
	grant(ranges, lease, cut, victim->end);
	victim->end = cut;
	return SL_LEASE_GRANTED;
}

bool
sl_ranges_extend(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t most)
{
	struct sl_range gap;
	if (lease->twin || !find_missing(ranges, lease->end, &gap) || gap.begin != lease->end)
		return false;
	lease->end += SL_MIN(gap.end - gap.begin, most);
	return true;
}

int
sl_ranges_hedge(struct sl_ranges *ranges, struct sl_lease *lease, struct sl_lease *of)
{
	if (of->twin)
		return -EALREADY;
	if (!make_room(ranges, 1))
		return -ENOMEM;
	grant(ranges, lease, of->at, of->end);
	lease->twin = of;
	of->twin = lease;
	return 0;
}

uint64_t
sl_ranges_advance(struct sl_ranges *ranges, struct sl_lease *lease, uint64_t bytes)
{
	sl_assert(lease->is_active && bytes <= lease->end - lease->at);
	struct sl_range range = { lease->at, lease->at + bytes };
	lease->at = range.end;
	return mark(ranges, range);
}

void
sl_ranges_give_back(struct sl_ranges *ranges, struct sl_lease *lease)
{
	if (!lease->is_active)
		return;
	if (lease->twin)
		lease->twin->twin = NULL;
	sl_list_remove(&lease->link);
	ranges->lease_count--;
	*lease = (struct sl_lease){ 0 };
}
