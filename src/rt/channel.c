#include "sluice/rt/channel.h"

#include "runtime_int.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A task that waits: the sender's item is taken from where it lies, the receiver's is put where it
 * wants it. */
struct waiter {
	struct sl_list link;
	struct sl_task *task;
	const void *from;
	void *to;
	bool done;
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
place(struct sl_channel *channel, size_t index)
{
	return channel->items + (channel->head + index) % channel->capacity * channel->item_size;
}

static void
put(struct sl_channel *channel, const void *item)
{
	memcpy(place(channel, channel->count), item, channel->item_size);
	channel->count++;
	channel->high_water = SL_MAX(channel->high_water, channel->count);
}

static void
finish(struct waiter *waiter)
{
	waiter->done = true;
	sl_task_wake(waiter->task);
}

static struct waiter *
first_waiter(struct sl_list *list)
{
	struct sl_list *node = sl_list_pop(list);
	return node ? sl_list_item(node, struct waiter, link) : NULL;
}

/* True if the item found a place without waiting. */
static bool
try_send(struct sl_channel *channel, const void *item)
{
	struct waiter *receiver = first_waiter(&channel->receivers);
	if (receiver) { /* it waits only if the channel is empty */
		memcpy(receiver->to, item, channel->item_size);
		channel->high_water = SL_MAX(channel->high_water, (size_t)1);
		finish(receiver);
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
	struct waiter waiter = { .task = sl_task_self(), .from = item };
	sl_list_push_back(&channel->senders, &waiter.link);
	enum sl_wake wake = sl_task_park(channel->name, deadline_ns, 0);
	if (waiter.done)
		return 0;
	sl_list_remove(&waiter.link);
	return wake == SL_WAKE_READY ? -EPIPE : sl_task_wake_code(wake);
}

int
sl_channel_try_receive(struct sl_channel *channel, void *item)
{
	if (channel->count == 0)
		return channel->closed ? -EPIPE : -EAGAIN;
	memcpy(item, place(channel, 0), channel->item_size);
	channel->head = (channel->head + 1) % channel->capacity;
	channel->count--;
	struct waiter *sender = channel->closed ? NULL : first_waiter(&channel->senders);
	if (sender) {
		put(channel, sender->from);
		finish(sender);
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
	struct waiter waiter = { .task = sl_task_self(), .to = item };
	sl_list_push_back(&channel->receivers, &waiter.link);
	enum sl_wake wake = sl_task_park(channel->name, deadline_ns, 0);
	if (waiter.done)
		return 0;
	sl_list_remove(&waiter.link);
	return wake == SL_WAKE_READY ? -EPIPE : sl_task_wake_code(wake);
}

/* Waiters woken without `done` see that the channel is closed. */
static void
wake_all(struct sl_list *list)
{
	struct waiter *waiter;
	while ((waiter = first_waiter(list)))
		sl_task_wake(waiter->task);
}

void
sl_channel_close(struct sl_channel *channel)
{
	channel->closed = true;
	wake_all(&channel->senders);
	wake_all(&channel->receivers);
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
