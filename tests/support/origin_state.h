/*
 * origin_state.h - inside the test origin: the state kept from one request to the next.
 *
 *  - how many requests each path had, for shapes that change with the Nth of them
 *  - which connections have a request of a limit that is being answered
 *  - how often each token may still be used
 *
 * One state belongs to one origin and is reset with its counters. Every function may be called by
 * several threads at once. Names are kept for the life of the origin: only paths with a shape that
 * counts are entered.
 */
#ifndef SUPPORT_ORIGIN_STATE_H
#define SUPPORT_ORIGIN_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From 1: which GET of its path a request is, and which of those with a Range header. */
struct sl_origin_turn {
	uint64_t request, range;
};

struct sl_origin_entry {
	char *name;
	struct sl_origin_turn counted;
	int *fds; /* of a limit: the connections with a request that is being answered */
	size_t fd_count;
};

struct sl_origin_state {
	pthread_mutex_t lock;
	struct sl_origin_entry *entries;
	size_t entry_count;
	uint64_t *uses_left; /* by token */
	size_t token_count;
};

void sl_origin_state_init(struct sl_origin_state *state);
void sl_origin_state_release(struct sl_origin_state *state);

/* Forget the requests counted and the tokens; what is being answered stays counted. */
void sl_origin_state_reset(struct sl_origin_state *state);

/* Count a request of `path` and return its number. With `peek` it is not counted: the result is
 * that of the next one. */
struct sl_origin_turn sl_origin_state_count(
	struct sl_origin_state *state, const char *path, bool has_range, bool peek);

/*
 * Enter the limit called `name` with the connection `fd`: false if `most` requests are in it. One
 * whose client has closed the connection does not count, even if its thread has not noticed yet.
 * Each that entered leaves, before the connection is closed.
 */
bool sl_origin_state_enter(
	struct sl_origin_state *state, const char *name, uint64_t most, int fd);
void sl_origin_state_leave(struct sl_origin_state *state, const char *name, int fd);

/* A new token that can be used `uses` times; tokens are numbered from 0. */
uint64_t sl_origin_state_new_token(struct sl_origin_state *state, uint64_t uses);

/* Use it once; false if it is used up or unknown. */
bool sl_origin_state_use_token(struct sl_origin_state *state, uint64_t token);

#endif
