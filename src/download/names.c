/*
 * names.c - open-addressed tables with linear probing, at most three quarters full. Slots are never
 * removed: a claim that was given up keeps its slot, with an index that no input has.
 */
#include "sluice/download/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u
#define FIRST_CAP 64         /* a power of two */
#define UNCLAIMED UINT32_MAX /* owner.index of a name that was given up */

_Static_assert(sizeof(struct sl_names_slot) == 32, "a million inputs have a slot each");

void
sl_names_release(struct sl_names *names)
{
	free(names->claims.slots);
	free(names->numbers.slots);
	*names = (struct sl_names){ 0 };
}

uint64_t
sl_names_hash(uint64_t hash, struct sl_span text)
{
	hash = hash ? hash : FNV_BASIS;
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * FNV_PRIME;
	return hash * FNV_PRIME; /* a NUL: "ab", "c" is not "a", "bc" */
}

static bool
is_equal(struct sl_siphash a, struct sl_siphash b)
{
	return a.low == b.low && a.high == b.high;
}

static bool
is_free(const struct sl_names_slot *slot)
{
	return is_equal(slot->key, (struct sl_siphash){ 0 });
}

/* Never that of a free slot. */
static struct sl_siphash
key_of(const char *path)
{
	struct sl_siphash key = sl_siphash(0, 0, sl_span_str(path));
	key.low += key.low == 0;
	return key;
}

/* The slot of `key`, or the free one where it would be. */
static struct sl_names_slot *
find(struct sl_names_slot *slots, size_t cap, struct sl_siphash key)
{
	size_t i = (size_t)key.low & (cap - 1);
	while (!is_free(&slots[i]) && !is_equal(slots[i].key, key))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static int
grow(struct sl_names_table *table)
{
	size_t cap = table->cap ? table->cap * 2 : FIRST_CAP;
	struct sl_names_slot *slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < table->cap; i++)
		if (!is_free(&table->slots[i]))
			*find(slots, cap, table->slots[i].key) = table->slots[i];
	free(table->slots);
	table->slots = slots;
	table->cap = cap;
	return 0;
}

/* The slot of `path`, added with `index` if it is not there; NULL if out of memory. */
static struct sl_names_slot *
add(struct sl_names_table *table, const char *path, uint32_t index)
{
	if (table->count * 4 >= table->cap * 3 && grow(table) != 0)
		return NULL;
	struct sl_siphash key = key_of(path);
	struct sl_names_slot *slot = find(table->slots, table->cap, key);
	if (!is_free(slot))
		return slot;
	slot->key = key;
	slot->owner.index = index;
	table->count++;
	return slot;
}

int
sl_names_claim(struct sl_names *names, const char *path, const struct sl_names_owner *owner,
	struct sl_names_owner *other)
{
	struct sl_names_slot *slot = add(&names->claims, path, UNCLAIMED);
	if (!slot)
		return -ENOMEM;
	if (slot->owner.index != UNCLAIMED) {
		*other = slot->owner;
		return SL_NAMES_TAKEN;
	}
	slot->owner = *owner;
	return SL_NAMES_CLAIMED;
}

struct sl_names_owner *
sl_names_find(const struct sl_names *names, const char *path)
{
	const struct sl_names_table *table = &names->claims;
	struct sl_names_slot *slot =
		table->cap > 0 ? find(table->slots, table->cap, key_of(path)) : NULL;
	bool is_claimed = slot && !is_free(slot) && slot->owner.index != UNCLAIMED;
	return is_claimed ? &slot->owner : NULL;
}

void
sl_names_give_up(struct sl_names *names, const char *path)
{
	struct sl_names_owner *owner = sl_names_find(names, path);
	if (owner)
		owner->index = UNCLAIMED;
}

unsigned
sl_names_next_number(struct sl_names *names, const char *path)
{
	struct sl_names_slot *slot = add(&names->numbers, path, 0);
	return slot ? ++slot->owner.index : 0;
}
