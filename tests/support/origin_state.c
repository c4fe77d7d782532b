#include "support/origin_state.h"

#include "sluice/base/def.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

void
sl_origin_state_init(struct sl_origin_state *state)
{
	*state = (struct sl_origin_state){ 0 };
	pthread_mutex_init(&state->lock, NULL);
}

void
sl_origin_state_release(struct sl_origin_state *state)
{
	for (size_t i = 0; i < state->entry_count; i++) {
		free(state->entries[i].name);
		free(state->entries[i].fds);
	}
	free(state->entries);
	free(state->uses_left);
	pthread_mutex_destroy(&state->lock);
}

/* Under the lock. The pointer holds until the next call. */
static struct sl_origin_entry *
find_entry(struct sl_origin_state *state, const char *name)
{
	struct sl_origin_entry *entry;

	for (size_t i = 0; i < state->entry_count; i++)
		if (strcmp(state->entries[i].name, name) == 0)
			return &state->entries[i];
	state->entries =
		reallocarray(state->entries, state->entry_count + 1, sizeof(*state->entries));
	sl_assert(state->entries);
	entry = &state->entries[state->entry_count++];
	*entry = (struct sl_origin_entry){ .name = strdup(name) };
	sl_assert(entry->name);
	return entry;
}

void
sl_origin_state_reset(struct sl_origin_state *state)
{
	pthread_mutex_lock(&state->lock);
	for (size_t i = 0; i < state->entry_count; i++)
		state->entries[i].counted = (struct sl_origin_turn){ 0 };
	state->token_count = 0;
	pthread_mutex_unlock(&state->lock);
}

struct sl_origin_turn
sl_origin_state_count(struct sl_origin_state *state, const char *path, bool has_range, bool peek)
{
	struct sl_origin_turn turn;
	struct sl_origin_entry *entry;

	pthread_mutex_lock(&state->lock);
	entry = find_entry(state, path);
	turn = entry->counted;
	turn.request++;
	turn.range += has_range;
	if (!peek)
		entry->counted = turn;
	pthread_mutex_unlock(&state->lock);
	return turn;
}

static uint64_t
count_open(const struct sl_origin_entry *entry)
{
	uint64_t count = 0;

	for (size_t i = 0; i < entry->fd_count; i++) {
		struct pollfd fd = { .fd = entry->fds[i], .events = POLLRDHUP };

		count += poll(&fd, 1, 0) == 0;
	}
	return count;
}

bool
sl_origin_state_enter(struct sl_origin_state *state, const char *name, uint64_t most, int fd)
{
	struct sl_origin_entry *entry;
	bool entered;

	pthread_mutex_lock(&state->lock);
	entry = find_entry(state, name);
	entered = count_open(entry) < most;
	if (entered) {
		entry->fds = reallocarray(entry->fds, entry->fd_count + 1, sizeof(*entry->fds));
		sl_assert(entry->fds);
		entry->fds[entry->fd_count++] = fd;
	}
	pthread_mutex_unlock(&state->lock);
	return entered;
}

void
sl_origin_state_leave(struct sl_origin_state *state, const char *name, int fd)
{
	struct sl_origin_entry *entry;
	size_t i = 0;

	pthread_mutex_lock(&state->lock);
	entry = find_entry(state, name);
	while (i < entry->fd_count && entry->fds[i] != fd)
		i++;
	sl_assert(i < entry->fd_count);
	entry->fds[i] = entry->fds[--entry->fd_count];
	pthread_mutex_unlock(&state->lock);
}

uint64_t
sl_origin_state_new_token(struct sl_origin_state *state, uint64_t uses)
{
	uint64_t token;

	pthread_mutex_lock(&state->lock);
	token = state->token_count++;
	state->uses_left =
		reallocarray(state->uses_left, state->token_count, sizeof(*state->uses_left));
	sl_assert(state->uses_left);
	state->uses_left[token] = uses;
	pthread_mutex_unlock(&state->lock);
	return token;
}

bool
sl_origin_state_use_token(struct sl_origin_state *state, uint64_t token)
{
	bool good;

	pthread_mutex_lock(&state->lock);
	good = token < state->token_count && state->uses_left[token] > 0;
	if (good)
		state->uses_left[token]--;
	pthread_mutex_unlock(&state->lock);
	return good;
}
