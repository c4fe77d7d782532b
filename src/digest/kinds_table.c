/*
 * kinds_table.c - a hash table of masked lines, whose text is in blocks that are freed together.
 *
 * Half of the memory is for the table and the blocks; the other half is needed while similar kinds
 * become one, since that builds a new table next to the old one.
 */
#include "kinds_int.h"

#include <errno.h>
#include <stdlib.h>

/* Of a digest that shares a budget: as much as it may have in any case. Enough for any kind. */
#define OWN_BYTES (SL_KINDS_BYTES_MIN / 2)
/* Bytes that are planned for a kind: the kind itself, its slot and what a usual one has of text. */
#define KIND_BYTES 512u
#define KINDS_FIRST 16u
/* Bytes for notes, and at most so much of all memory. Of more lines, kinds take less. */
#define NOTES_MAX (256 * SL_KIB)
#define NOTES_SHARE 4u
/* Of the budget, notes that are not in use may keep so much. */
#define KEPT_SHARE 2u

/* state: no two digests ever have the same state, so that a memo can tell them apart. */
static _Atomic uint64_t states;

/* ---- memory ---- */

void
sl_kinds_change_state(struct sl_kinds *kinds)
{
	kinds->state = ++states;
}

struct sl_kinds *
sl_kinds_new(size_t max_bytes)
{
	struct sl_kinds *kinds = calloc(1, sizeof(*kinds));
	sl_assert(max_bytes >= SL_KINDS_BYTES_MIN);
	if (!kinds)
		return NULL;
	size_t half = max_bytes / 2, each = sizeof(struct sl_kind) + 2 * sizeof(uint32_t);
	sl_kinds_change_state(kinds);
	kinds->most = half / KIND_BYTES;
	kinds->blocks_most =
		(half - kinds->most * each) / (SL_KINDS_BLOCK + sizeof(struct sl_kinds_block));
	return kinds;
}

void
sl_kinds_share(struct sl_kinds *kinds, struct sl_kinds_budget *budget)
{
	sl_assert(kinds->cap == 0 && !kinds->blocks);
	kinds->budget = budget;
	kinds->notes_most = SL_MIN(kinds->most * KIND_BYTES * 2 / NOTES_SHARE, NOTES_MAX);
}

static size_t
table_bytes(size_t cap)
{
	return cap * (sizeof(struct sl_kind) + 2 * sizeof(uint32_t));
}

/* After the table or the blocks have changed. */
void
sl_kinds_count_memory(struct sl_kinds *kinds)
{
	size_t held = table_bytes(kinds->cap) + sl_notes_bytes(&kinds->notes) +
		      kinds->block_count * (sizeof(struct sl_kinds_block) + SL_KINDS_BLOCK);
	if (kinds->budget)
		kinds->budget->used += held - kinds->held;
	kinds->held = held;
}

static void
free_blocks(struct sl_kinds_block *block)
{
	while (block) {
		struct sl_kinds_block *next = block->next;
		free(block);
		block = next;
	}
}

static void
free_one(struct sl_kinds *kinds)
{
	if (kinds->budget)
		kinds->budget->used -= kinds->held;
	sl_notes_release(&kinds->notes);
	free_blocks(kinds->blocks);
	free(kinds->items);
	free(kinds->slots);
	free(kinds);
}

void
sl_kinds_free(struct sl_kinds *kinds)
{
	while (kinds) {
		struct sl_kinds *next = kinds->taken;
		free_one(kinds);
		kinds = next;
	}
}

static void
clear_slots(struct sl_kinds *kinds)
{
	if (kinds->slots)
		memset(kinds->slots, 0, 2 * kinds->cap * sizeof(*kinds->slots));
}

static void
clear_notes(struct sl_kinds *kinds)
{
	const struct sl_kinds_budget *budget = kinds->budget;
	if (budget && budget->used > budget->max / KEPT_SHARE)
		sl_notes_release(&kinds->notes);
	else
		sl_notes_clear(&kinds->notes);
}

void
sl_kinds_clear(struct sl_kinds *kinds)
{
	sl_kinds_free(kinds->taken);
	kinds->taken = NULL;
	clear_notes(kinds);
	if (kinds->cap > KINDS_FIRST) {
		free(kinds->items);
		free(kinds->slots);
		kinds->items = NULL;
		kinds->slots = NULL;
		kinds->cap = 0;
	}
	clear_slots(kinds);
	if (kinds->blocks) {
		free_blocks(kinds->blocks->next);
		kinds->blocks->next = NULL;
		kinds->blocks->used = 0;
		kinds->block_count = 1;
	}
	sl_kinds_count_memory(kinds);
	kinds->count = 0;
	sl_kinds_change_state(kinds);
	kinds->lines = kinds->dropped = kinds->clock = 0;
}

static bool
add_block(struct sl_kinds *kinds)
{
	struct sl_kinds_block *block = malloc(sizeof(*block) + SL_KINDS_BLOCK);
	if (!block)
		return false;
	block->next = kinds->blocks;
	block->used = 0;
	kinds->blocks = block;
	kinds->block_count++;
	sl_kinds_count_memory(kinds);
	return true;
}

static bool
fits_block(const struct sl_kinds *kinds, size_t len)
{
	return kinds->blocks && kinds->blocks->used + len <= SL_KINDS_BLOCK;
}

/* NULL if out of memory. */
static char *
store(struct sl_kinds *kinds, struct sl_span text)
{
	if (!fits_block(kinds, text.len) && !add_block(kinds))
		return NULL;
	char *at = kinds->blocks->data + kinds->blocks->used;
	if (text.len)
		memcpy(at, text.data, text.len);
	kinds->blocks->used += text.len;
	return at;
}

/* ---- the table ---- */

/* The slot of the kind with this text, or the empty one where it would be. */
static uint32_t *
find_slot(const struct sl_kinds *kinds, struct sl_span text, uint64_t hash)
{
	size_t mask = 2 * kinds->cap - 1;
	for (size_t i = (size_t)(hash >> 32) & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &kinds->slots[i];
		if (!*slot)
			return slot;
		const struct sl_kind *kind = &kinds->items[*slot - 1];
		if (kind->hash == hash && sl_span_equal(kind->text, text))
			return slot;
	}
}

void
sl_kinds_fill_slots(struct sl_kinds *kinds)
{
	clear_slots(kinds);
	for (size_t i = 0; i < kinds->count; i++)
		*find_slot(kinds, kinds->items[i].text, kinds->items[i].hash) = (uint32_t)(i + 1);
}

static size_t
next_cap(const struct sl_kinds *kinds)
{
	return kinds->cap ? kinds->cap * 2 : KINDS_FIRST;
}

/* Room for one more kind. */
static bool
grow(struct sl_kinds *kinds)
{
	if (kinds->count < kinds->cap)
		return true;
	size_t cap = next_cap(kinds);
	void *items = reallocarray(kinds->items, cap, sizeof(*kinds->items));
	if (!items)
		return false;
	kinds->items = items;
	void *slots = reallocarray(kinds->slots, 2 * cap, sizeof(*kinds->slots));
	if (!slots)
		return false;
	kinds->slots = slots;
	kinds->cap = cap;
	sl_kinds_count_memory(kinds);
	sl_kinds_fill_slots(kinds);
	return true;
}

int
sl_kinds_place(struct sl_kinds *kinds, struct sl_kind *kind, struct sl_kinds_place place,
	struct sl_span example)
{
	kind->used = ++kinds->clock;
	if (sl_kinds_place_is_before(kind->last, place))
		kind->last = place;
	if (!sl_kinds_place_is_before(place, kind->first))
		return 0;
	char *text = store(kinds, example);
	kind->first = place;
	kind->example = sl_span(text, example.len);
	return text ? 0 : -ENOMEM;
}

/* It has the same text. Returns 0 or -ENOMEM. */
static int
add_to_kind(struct sl_kinds *kinds, struct sl_kind *kind, const struct sl_kind *more)
{
	kind->count += more->count;
	if (more->times.has_any)
		sl_times_merge(&kind->times, &more->times);
	int code = sl_kinds_place(kinds, kind, more->first, more->example);
	if (sl_kinds_place_is_before(kind->last, more->last))
		kind->last = more->last;
	return code;
}

static int
add_kind(struct sl_kinds *kinds, const struct sl_kind *kind)
{
	if (!grow(kinds))
		return -ENOMEM;
	char *text = store(kinds, kind->text);
	char *example = text ? store(kinds, kind->example) : NULL;
	if (!example)
		return -ENOMEM;
	struct sl_kind *added = &kinds->items[kinds->count++];
	*added = *kind;
	added->text.data = text;
	added->example.data = example;
	added->used = ++kinds->clock;
	*find_slot(kinds, added->text, added->hash) = (uint32_t)kinds->count;
	return 0;
}

struct sl_kind *
sl_kinds_find(const struct sl_kinds *kinds, struct sl_span text, uint64_t hash)
{
	uint32_t slot = kinds->cap ? *find_slot(kinds, text, hash) : 0;
	return slot ? &kinds->items[slot - 1] : NULL;
}

int
sl_kinds_insert(struct sl_kinds *kinds, const struct sl_kind *kind, size_t *index)
{
	struct sl_kind *found = sl_kinds_find(kinds, kind->text, kind->hash);
	*index = found ? (size_t)(found - kinds->items) : kinds->count;
	return found ? add_to_kind(kinds, found, kind) : add_kind(kinds, kind);
}

/* ---- limits ---- */

/* What one more kind with so many bytes of text needs. */
static size_t
bytes_for(const struct sl_kinds *kinds, size_t text)
{
	size_t needed =
		fits_block(kinds, text) ? 0 : sizeof(struct sl_kinds_block) + SL_KINDS_BLOCK;
	if (kinds->count == kinds->cap)
		needed += table_bytes(next_cap(kinds)) - table_bytes(kinds->cap);
	return needed;
}

bool
sl_kinds_exceeds_budget(const struct sl_kinds *kinds, size_t more)
{
	if (!kinds->budget || !more || kinds->held + more <= OWN_BYTES)
		return false;
	return kinds->budget->used + more > kinds->budget->max;
}

bool
sl_kinds_is_full(const struct sl_kinds *kinds, size_t text)
{
	return kinds->count >= kinds->most ||
	       (!fits_block(kinds, text) && kinds->block_count >= kinds->blocks_most) ||
	       sl_kinds_exceeds_budget(kinds, bytes_for(kinds, text));
}
