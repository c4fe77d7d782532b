/*
 * A ring of items and two queues of tasks: senders wait only while it is full, receivers only while
 * it is empty, so one of both queues is always empty. An item goes straight to a receiver that
 * waits, or into the ring; a sender that waits has its item taken as soon as there is room, so the
 * order is that of the sends.
 */
#include "sluice/rt/channel.h"

#include "runtime_int.h"

#include "sluice/base/number.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A sender's item is taken from where it lies, a receiver's is put where it wants it. */
struct party {
	struct sl_waiter waiter;
	const void *from;
	void *to;
};

struct sl_channel {
	const char *name;
	size_t capacity, item_size, count, head, high_water;
	bool closed;
	struct sl_list senders, receivers;
	unsigned char items[];
};

int
sl_channel_new(struct sl_channel **out, const char *name, size_t capacity, size_t item_size)
{
	size_t bytes = 0;
	sl_assert(capacity > 0 && item_size > 0);
	if (!sl_mul_size(capacity, item_size, &bytes) ||
		bytes > SIZE_MAX - sizeof(struct sl_channel))
		return -ENOMEM;
	struct sl_channel *channel = calloc(1, sizeof(*channel) + bytes);
	if (!channel)
		return -ENOMEM;
	channel->name = name;
	channel->capacity = capacity;
	channel->item_size = item_size;
	sl_list_init(&channel->senders);
	sl_list_init(&channel->receivers);
	*out = channel;
	return 0;
}

void
sl_channel_free(struct sl_channel *channel)
{
	if (!channel)
		return;
	sl_assert(sl_list_is_empty(&channel->senders) && sl_list_is_empty(&channel->receivers));
	free(channel);
}

static void *
item_at(struct sl_channel *channel, size_t index)
{
	return channel->items + (channel->head + index) % channel->capacity * channel->item_size;
}

static void
put(struct sl_channel *channel, const void *item)
{
	memcpy(item_at(channel, channel->count), item, channel->item_size);
	channel->count++;
	channel->high_water = SL_MAX(channel->high_water, channel->count);
}

static struct party *
first_party(struct sl_list *queue)
{
	struct sl_waiter *waiter = sl_waiter_pop(queue);
	return waiter ? SL_CONTAINER_OF(waiter, struct party, waiter) : NULL;
}

/* True if there was room, or a receiver waiting. */
static bool
try_send(struct sl_channel *channel, const void *item)
{
	struct party *receiver = first_party(&channel->receivers);
	if (receiver) { /* it waits only if the channel is empty */
		memcpy(receiver->to, item, channel->item_size);
		channel->high_water = SL_MAX(channel->high_water, (size_t)1);
		sl_waiter_serve(&receiver->waiter, 0);
		return true;
	}
	if (channel->count == channel->capacity)
		return false;
	put(channel, item);
	return true;
}

int
sl_channel_send(struct sl_channel *channel, const void *item, uint64_t deadline_ns)
{
	int code = task_check();
	if (code)
		return code;
	if (channel->closed)
		return -EPIPE;
	if (try_send(channel, item))
		return 0;
	struct party self = { .from = item };
	return sl_waiter_wait(&self.waiter, &channel->senders, channel->name, deadline_ns);
}

int
sl_channel_try_receive(struct sl_channel *channel, void *item)
{
	if (channel->count == 0)
		return channel->closed ? -EPIPE : -EAGAIN;
	memcpy(item, item_at(channel, 0), channel->item_size);
	channel->head = (channel->head + 1) % channel->capacity;
	channel->count--;
	struct party *sender = channel->closed ? NULL : first_party(&channel->senders);
	if (sender) {
		put(channel, sender->from);
		sl_waiter_serve(&sender->waiter, 0);
	}
	return 0;
}

int
sl_channel_receive(struct sl_channel *channel, void *item, uint64_t deadline_ns)
{
	int code = task_check();
	if (code)
		return code;
	code = sl_channel_try_receive(channel, item);
	if (code != -EAGAIN)
		return code;
	struct party self = { .to = item };
	return sl_waiter_wait(&self.waiter, &channel->receivers, channel->name, deadline_ns);
}

static void
fail_all_waiting(struct sl_list *queue)
{
	struct sl_waiter *waiter;
	while ((waiter = sl_waiter_pop(queue)))
		sl_waiter_serve(waiter, -EPIPE);
}

void
sl_channel_close(struct sl_channel *channel)
{
	channel->closed = true;
	fail_all_waiting(&channel->senders);
	fail_all_waiting(&channel->receivers);
}

size_t
sl_channel_count(const struct sl_channel *channel)
{
	return channel->count;
}

size_t
sl_channel_high_water(const struct sl_channel *channel)
{
	return channel->high_water;
}
