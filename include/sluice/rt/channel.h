/*
 * channel.h - bounded queue between tasks of one runtime: a full channel is the back-pressure. Not
 * for other threads.
 */
#ifndef SLUICE_RT_CHANNEL_H
#define SLUICE_RT_CHANNEL_H

#include "sluice/rt/task.h"

struct sl_channel;

/* Capacity in items, at least 1; item_size in bytes. Returns 0 or -ENOMEM. `name` is static text
 * for the task table. */
int sl_channel_new(
	struct sl_channel **out, const char *name, size_t capacity, size_t item_size) SL_MUST_CHECK;

/* No task may wait on it. Items still inside are dropped as bytes: drain it first if they own
 * anything. NULL is fine. */
void sl_channel_free(struct sl_channel *channel);

/*
 * Append a copy of *item, waiting for room until `deadline_ns` (monotonic; SL_FOREVER = no limit
 * but those in force, 0 = try once). *item stays the caller's. Returns 0; -ETIMEDOUT; -ECANCELED if
 * the task's group was cancelled; -EPIPE after sl_channel_close(). Nothing was sent unless it
 * returns 0.
 */
SL_SUSPENDS
int sl_channel_send(
	struct sl_channel *channel, const void *item, uint64_t deadline_ns) SL_MUST_CHECK;

/* The oldest item into *item. Returns 0; -ETIMEDOUT; -ECANCELED; -EPIPE when the channel is closed
 * and empty. */
SL_SUSPENDS
int sl_channel_receive(struct sl_channel *channel, void *item, uint64_t deadline_ns) SL_MUST_CHECK;

/* Never suspends, works in a cancelled task: 0, -EAGAIN if empty, -EPIPE if closed and empty. For
 * draining. */
int sl_channel_try_receive(struct sl_channel *channel, void *item) SL_MUST_CHECK;

/* No more sends; waiting senders get -EPIPE, receivers what is left and then -EPIPE. */
void sl_channel_close(struct sl_channel *channel);

size_t sl_channel_count(const struct sl_channel *channel);

/* The largest count there ever was. */
size_t sl_channel_high_water(const struct sl_channel *channel);

#endif
