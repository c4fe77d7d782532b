#include "sluice/download/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64 /* a power of two; the table is at most half full */

void
sl_names_release(struct sl_names *names)
{
	for (size_t i = 0; i < names->cap; i++)
		free(names->slots[i].path);
	free(names->slots);
	*names = (struct sl_names){ 0 };
}

/* FNV-1a: names come from users and lists, and a collision costs a step, not a wrong answer. */
static size_t
hash_of(const char *path)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (const char *p = path; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
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

int
sl_names_claim(struct sl_names *names, const char *path, uint64_t index, uint64_t *other)
{
	if (names->count * 2 >= names->cap && grow(names) != 0)
		return -ENOMEM;
	struct sl_names_slot *slot = find(names->slots, names->cap, path);
	if (slot->path) {
		*other = slot->index;
		return 1;
	}
	slot->path = strdup(path);
	if (!slot->path)
		return -ENOMEM;
	slot->index = index;
	names->count++;
	return 0;
}

bool
sl_names_has(const struct sl_names *names, const char *path, uint64_t *index)
{
	const struct sl_names_slot *slot =
		names->cap > 0 ? find(names->slots, names->cap, path) : NULL;
	if (!slot || !slot->path)
		return false;
	*index = slot->index;
	return true;
}
