/*
 * names.c - an open-addressed table with linear probing, at most half full. A slot exists for each
 * path that was claimed or numbered; `claimed` tells the two apart. Slots are never removed.
 */
#include "sluice/download/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u
#define FIRST_CAP 64 /* a power of two; the table is at most half full */

void
sl_names_release(struct sl_names *names)
{
	for (size_t i = 0; i < names->cap; i++)
		free(names->slots[i].path);
	free(names->slots);
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

/* Names come from users and lists, and a collision costs a step, not a wrong answer. */
static size_t
hash_of(const char *path)
{
	uint64_t hash = sl_names_hash(0, sl_span_str(path));
	return (size_t)(hash ^ hash >> 32);
}

static struct sl_names_slot *
find(struct sl_names_slot *slots, size_t cap, const char *path)
{
	size_t i = hash_of(path) & (cap - 1);
	while (slots[i].path && strcmp(slots[i].path, path) != 0)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static int
grow(struct sl_names *names)
{
	size_t cap = names->cap ? names->cap * 2 : FIRST_CAP;
	struct sl_names_slot *slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < names->cap; i++)
		if (names->slots[i].path)
			*find(slots, cap, names->slots[i].path) = names->slots[i];
	free(names->slots);
	names->slots = slots;
	names->cap = cap;
	return 0;
}

/* The slot of `path`, added if it is not there; NULL if out of memory. */
static struct sl_names_slot *
add(struct sl_names *names, const char *path)
{
	if (names->count * 2 >= names->cap && grow(names) != 0)
		return NULL;
	struct sl_names_slot *slot = find(names->slots, names->cap, path);
	if (slot->path)
		return slot;
	slot->path = strdup(path);
	if (!slot->path)
		return NULL;
	names->count++;
	return slot;
}

int
sl_names_claim(struct sl_names *names, const char *path, const struct sl_names_owner *owner,
	struct sl_names_owner *other)
{
	struct sl_names_slot *slot = add(names, path);
	if (!slot)
		return -ENOMEM;
	if (slot->claimed) {
		*other = slot->owner;
		return SL_NAMES_TAKEN;
	}
	slot->claimed = true;
	slot->owner = *owner;
	return SL_NAMES_CLAIMED;
}

struct sl_names_owner *
sl_names_find(const struct sl_names *names, const char *path)
{
	struct sl_names_slot *slot = names->cap > 0 ? find(names->slots, names->cap, path) : NULL;
	return slot && slot->claimed ? &slot->owner : NULL;
}

void
sl_names_give_up(struct sl_names *names, const char *path)
{
	struct sl_names_slot *slot = names->cap > 0 ? find(names->slots, names->cap, path) : NULL;
	if (slot)
		slot->claimed = false;
}

unsigned
sl_names_next_number(struct sl_names *names, const char *path)
{
	struct sl_names_slot *slot = add(names, path);
	return slot ? ++slot->number : 0;
}
