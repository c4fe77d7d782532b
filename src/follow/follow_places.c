/*
 * follow_places.c - finds logs by where they are now: those that the round has added, moved or
 * rotated, which the index of the round does not have under that path. A hash table whose entries
 * may be out of date, so that each that is found is compared.
 */
#include "follow_int.h"

#include "sluice/base/siphash.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAP 64u /* a power of two, as all are */

struct follow_place {
	uint64_t hash;
	struct sl_state_log *log; /* NULL = the slot is free */
};

static uint64_t
hash_of(const char *path)
{
	return sl_siphash(0, 0, sl_span_str(path)).low;
}

/* There is a free slot. */
static void
put(struct follow_places *places, struct follow_place place)
{
	size_t at = (size_t)place.hash & (places->cap - 1);
	while (places->slots[at].log)
		at = (at + 1) & (places->cap - 1);
	places->slots[at] = place;
	places->count++;
}

/* At most half of the slots are taken. */
static int
make_room(struct follow_places *places)
{
	if (2 * (places->count + 1) <= places->cap)
		return 0;
	struct follow_places grown = { .seen = places->seen };
	grown.cap = places->cap ? 2 * places->cap : FIRST_CAP;
	grown.slots = calloc(grown.cap, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < places->cap; i++)
		if (places->slots[i].log)
			put(&grown, places->slots[i]);
	free(places->slots);
	*places = grown;
	return 0;
}

int
sl_follow_places_add(struct sl_follow *follow, struct sl_state_log *log, const char *path)
{
	struct follow_places *places = &follow->places;
	int code = make_room(places);
	if (code == 0)
		put(places, (struct follow_place){ hash_of(path), log });
	return code;
}

int
sl_follow_move(struct sl_follow *follow, struct sl_state_log *log, const char *path)
{
	char *copy = strdup(path);
	char **retired =
		reallocarray(follow->retired, follow->retired_count + 1, sizeof(*follow->retired));
	if (retired)
		follow->retired = retired;
	if (!copy || !retired || sl_follow_places_add(follow, log, path) != 0) {
		free(copy);
		return -ENOMEM;
	}
	follow->has_changed = true;
	follow->retired[follow->retired_count++] = log->path;
	log->path = copy;
	free(log->at);
	log->at = NULL;
	return 0;
}

/* Logs since the last call, and when the round has just begun, the rotated ones of the index. */
static int
take_new(struct sl_follow *follow)
{
	struct follow_places *places = &follow->places;
	const struct sl_state *state = &follow->state;
	int code = 0;
	for (; places->seen < state->count && code == 0; places->seen++) {
		struct sl_state_log *log = state->logs[places->seen];
		if (places->seen >= follow->indexed)
			code = sl_follow_places_add(follow, log, log->path);
		if (code == 0 && log->at)
			code = sl_follow_places_add(follow, log, log->at);
	}
	return code;
}

void
sl_follow_places_clear(struct sl_follow *follow)
{
	free(follow->places.slots);
	follow->places = (struct follow_places){ 0 };
}

int
sl_follow_find(struct sl_follow *follow, const char *path, struct follow_search *search)
{
	*search = (struct follow_search){ .path = path };
	int code = take_new(follow);
	if (code == 0 && follow->places.cap)
		search->slot = (size_t)hash_of(path) & (follow->places.cap - 1);
	return code;
}

struct sl_state_log *
sl_follow_next_found(const struct sl_follow *follow, struct follow_search *search)
{
	const struct follow_places *places = &follow->places;
	struct sl_state_log *log = NULL;
	if (!search->is_indexed)
		log = sl_follow_next_of(follow, search->path, &search->next);
	search->is_indexed = log == NULL;
	while (!log && places->cap && places->slots[search->slot].log) {
		log = places->slots[search->slot].log;
		search->slot = (search->slot + 1) & (places->cap - 1);
		bool is_there = strcmp(log->path, search->path) == 0 ||
				(log->at && strcmp(log->at, search->path) == 0);
		if (!is_there || sl_state_is_dropped(log))
			log = NULL;
	}
	return log;
}
