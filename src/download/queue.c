/*
 * queue.c - the entries of a batch that were added, or wait to be tried again, until a job takes
 * them; and pausing, moving and removing one, in the queue or under way.
 */
#include "batch_int.h"

#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>

/* ---- taking ---- */

/* When an entry that is WAITING may be taken. One whose origin has used up all retries is taken at
 * once: it ends. */
static uint64_t
ready_ns(const struct sl_batch *batch, const struct file *file, uint64_t now_ns)
{
	uint64_t origin = file->attempts.origin;
	if (!file->is_parked || sl_breaker_exhausted(&batch->breaker, origin))
		return 0;
	return SL_MAX(
		file->attempts.not_before_ns, sl_breaker_next_ns(&batch->breaker, origin, now_ns));
}

struct file *
queue_take(struct sl_batch *batch, bool has_turn)
{
	uint64_t now_ns = sl_now(), next_ns = SL_FOREVER;
	if (batch->queue_next_ns > now_ns)
		return NULL;
	sl_list_each(node, &batch->queue)
	{
		struct file *file = sl_list_item(node, struct file, link);
		if (file->state != FILE_WAITING)
			continue;
		uint64_t at_ns = ready_ns(batch, file, now_ns);
		if (at_ns <= now_ns && (has_turn || file->place.path)) {
			file_unpark(file);
			sl_list_remove(&file->link);
			queue_pass(batch); /* another job may take the next */
			return file;
		}
		next_ns = SL_MIN(next_ns, at_ns);
	}
	batch->queue_next_ns = next_ns;
	return NULL;
}

bool
queue_has_waiting(const struct sl_batch *batch)
{
	sl_list_each(node, &batch->queue)
	{
		if (sl_list_item(node, struct file, link)->state == FILE_WAITING)
			return true;
	}
	return false;
}

int
queue_wait(struct sl_batch *batch)
{
	struct sl_waiter waiter;
	uint64_t now_ns = sl_now();
	uint64_t until_ns = batch->queue_next_ns > now_ns ? batch->queue_next_ns : SL_FOREVER;
	int code = sl_waiter_wait(&waiter, &batch->idle, "an entry", until_ns);
	return code == -ETIMEDOUT ? sl_task_cancelled() : code;
}

void
queue_pass(struct sl_batch *batch)
{
	struct sl_waiter *waiter = sl_waiter_pop(&batch->idle);
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

void
queue_wake(struct sl_batch *batch)
{
	batch->queue_next_ns = 0;
	queue_pass(batch);
}

void
queue_park(struct file *file)
{
	struct sl_batch *batch = file->batch;
	file_reset(file);
	sl_place_close(&file->place); /* waiting files use up no descriptors */
	file->is_parked = true;
	batch->summary.waiting++;
	sl_list_push_back(&batch->queue, &file->link);
	queue_wake(batch);
}

void
sl_batch_close(struct sl_batch *batch)
{
	batch->stays_open = false;
	queue_wake(batch);
}

/* ---- adding and moving ---- */

static void
insert(struct sl_batch *batch, struct file *file, size_t position)
{
	struct sl_list *before = &batch->queue;
	sl_list_each(node, &batch->queue)
	{
		if (position-- == 0) {
			before = node;
			break;
		}
	}
	sl_list_push_back(before, &file->link); /* that is: in front of it */
}

int
sl_batch_add(struct sl_batch *batch, const struct sl_entry *entry, size_t position, uint64_t *index)
{
	struct sl_entry copy;
	char *memory;
	int code = sl_entry_copy(&copy, entry, &memory);
	struct file *file = code ? NULL : file_new(batch, &copy, batch->next_index);
	if (!file) {
		free(memory);
		return -ENOMEM;
	}
	file->entry_memory = memory;
	*index = batch->next_index++;
	insert(batch, file, position);
	queue_wake(batch);
	return 0;
}

int
sl_batch_move(struct sl_batch *batch, uint64_t index, size_t position)
{
	struct file *file = file_find(batch, index);
	if (!file)
		return -ENOENT;
	if (file->state != FILE_WAITING && file->state != FILE_PAUSED)
		return -EBUSY;
	sl_list_remove(&file->link);
	insert(batch, file, position);
	return 0;
}

/* ---- pausing and removing ---- */

/* Stop its task; queue_fulfil_wish follows. */
static int
stop(struct file *file, enum file_wish wish)
{
	bool too_late = file->state != FILE_ACTIVE || file->is_transferred || !file->group;
	if (too_late || (wish == FILE_PAUSE && file->is_stream))
		return -EBUSY;
	file->wish = SL_MAX(file->wish, wish); /* removed though it was to be paused */
	sl_group_cancel(file->group, -ECANCELED);
	return 0;
}

void
queue_fulfil_wish(struct file *file)
{
	struct sl_batch *batch = file->batch;
	const struct sl_batch_events *events = &batch->options.events;
	enum file_wish wish = file->wish;
	if (wish == FILE_REMOVE) {
		file_end(file, -ECANCELED);
		return;
	}
	file_reset(file);
	sl_error_clear(&file->error);
	file->is_started = false;
	sl_list_push_front(&batch->queue, &file->link);
	queue_wake(batch); /* another job may wait with the turn */
	if (wish == FILE_PAUSE) {
		file->state = FILE_PAUSED;
		if (events->paused)
			events->paused(events->ctx, file_view(file));
	}
}

int
sl_batch_pause(struct sl_batch *batch, uint64_t index)
{
	struct file *file = file_find(batch, index);
	if (!file)
		return -ENOENT;
	if (file->state != FILE_WAITING && file->state != FILE_PAUSED)
		return stop(file, FILE_PAUSE);
	file_unpark(file);
	file->is_started = false;
	file->state = FILE_PAUSED;
	queue_wake(batch); /* nothing may be left to wait for */
	return 0;
}

int
sl_batch_resume(struct sl_batch *batch, uint64_t index)
{
	struct file *file = file_find(batch, index);
	if (!file)
		return -ENOENT;
	if (file->state == FILE_PAUSED) {
		file->state = FILE_WAITING;
		queue_wake(batch);
	} else if (file->wish == FILE_PAUSE) {
		file->wish = FILE_REQUEUE;
	}
	return 0;
}

int
sl_batch_remove(struct sl_batch *batch, uint64_t index)
{
	struct file *file = file_find(batch, index);
	if (!file)
		return -ENOENT;
	if (file->state != FILE_WAITING && file->state != FILE_PAUSED)
		return stop(file, FILE_REMOVE);
	file->wish = FILE_REMOVE;
	file_end(file, -ECANCELED);
	queue_wake(batch);
	return 0;
}

void
sl_batch_each_queued(struct sl_batch *batch,
	void (*see)(void *ctx, const struct sl_download *download), void *ctx)
{
	sl_list_each(node, &batch->queue)
		see(ctx, file_view(sl_list_item(node, struct file, link)));
}
