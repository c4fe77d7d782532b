/*
 * tee.c - what was passed is a set of ranges. Bytes are marked as passed in the turn in which
 * they become the part's; so that what is in the part and not marked is exactly
 * what an earlier run has left, which a task of its own reads:
 *
 *     begin     what was passed is not of the version at hand, or not all of it is in the part,
 *               or something was lost: restart, and forget the marks
 *     put       mark what is not marked yet of a chunk; a task gives it to the consumer
 *     catch up  while bytes in the part are not marked: mark, read, give to the consumer
 *
 * In order, put only adds to the queue, and one task does all the passing:
 *
 *     in order  mark and pass the next bytes: those in the queue, else those in the part; else wait
 *
 * What was marked and could not be passed makes the tee broken: the next run begins again, and
 * without one the consumer never gets to know an end.
 */
#include "sluice/download/tee.h"

#include "sluice/download/part_reader.h"
#include "sluice/rt/waiter.h"

#include <errno.h>

void
sl_tee_init(struct sl_tee *tee, const struct sl_tee_consumer *consumer, struct sl_tee_share *share)
{
	*tee = (struct sl_tee){ .consumer = consumer, .share = share };
	sl_ranges_init(&tee->passed, UINT64_MAX);
}

void
sl_tee_release(struct sl_tee *tee)
{
	sl_assert(!tee->is_running);
	sl_ranges_release(&tee->passed);
	if (tee->file)
		tee->consumer->free(tee->file);
	tee->file = NULL;
}

static bool
is_wanted(const struct sl_tee *tee)
{
	return tee->file && tee->is_running;
}

static void
mark(struct sl_tee *tee, struct sl_range range)
{
	if (sl_ranges_add_done(&tee->passed, range) != 0)
		tee->is_broken = true;
}

/* ---- room ---- */

static uint64_t
next_of(const struct sl_tee *tee)
{
	return sl_ranges_frontier(&tee->passed);
}

/* So many bytes in front of `off` can be passed now that a chunk there has to wait. Where bytes
 * before it are missing it must not: the task that brings them may need its memory. */
static bool
is_far_ahead(const struct sl_tee *tee, uint64_t off)
{
	uint64_t next = next_of(tee);
	uint64_t most = (uint64_t)SL_TEE_READY * sl_chunk_pool_size(tee->source.pool);
	return !tee->is_over && off > next && off - next >= most &&
	       off <= sl_tee_queue_end(&tee->queue, next);
}

SL_SUSPENDS
static int
wait_for_room(struct sl_tee *tee, uint64_t off)
{
	int code = 0;
	while (!code && is_far_ahead(tee, off)) {
		struct sl_waiter waiter;
		code = sl_waiter_wait(&waiter, &tee->waiting, "consumer", SL_FOREVER);
	}
	return code;
}

int
sl_tee_reserve(struct sl_tee *tee, uint64_t off)
{
	uint64_t before_ns = sl_now();
	int code = 0;
	if (is_wanted(tee) && tee->is_ordered)
		code = wait_for_room(tee, off);
	else if (is_wanted(tee))
		code = sl_semaphore_take(&tee->room, SL_FOREVER);
	tee->counts.waited_ns += sl_now() - before_ns;
	return code;
}

void
sl_tee_unreserve(struct sl_tee *tee)
{
	if (is_wanted(tee) && !tee->is_ordered)
		sl_semaphore_give(&tee->room);
}

static void
wake_all(struct sl_list *waiters)
{
	for (struct sl_waiter *waiter; (waiter = sl_waiter_pop(waiters));)
		sl_waiter_serve(waiter, 0);
}

void
sl_tee_wake(struct sl_tee *tee)
{
	if (sl_tee_is_ordered(tee))
		wake_all(&tee->idle);
}

/* ---- passing in any order ---- */

static void
free_slot(struct sl_tee_slot *slot)
{
	sl_chunk_unref(slot->chunk);
	slot->chunk = NULL;
	sl_semaphore_give(&slot->tee->room);
}

SL_SUSPENDS
static int
pass_task(void *arg)
{
	struct sl_tee_slot *slot = arg;
	const struct sl_tee *tee = slot->tee;
	const struct sl_chunk *chunk = slot->chunk;
	for (size_t i = 0; i < slot->count; i++) {
		struct sl_range range = slot->ranges[i];
		tee->consumer->pass(tee->file, range.begin,
			chunk->data + (range.begin - chunk->off),
			(size_t)(range.end - range.begin));
	}
	free_slot(slot);
	return 0;
}

/* Of all that the chunk has. */
static void
take_new(struct sl_tee *tee, struct sl_tee_slot *slot, struct sl_range all)
{
	struct sl_range range = { all.begin, all.begin };
	slot->count = 0;
	while (sl_ranges_next_missing(&tee->passed, range.end, &range) && range.begin < all.end) {
		range.end = SL_MIN(range.end, all.end);
		if (slot->count == SL_TEE_RANGES) {
			tee->is_broken = true;
			break;
		}
		slot->ranges[slot->count++] = range;
	}
	mark(tee, all);
}

static void
put_in_order(struct sl_tee *tee, struct sl_chunk *chunk)
{
	if (!tee->is_over)
		sl_tee_queue_put(&tee->queue, chunk, next_of(tee));
	wake_all(&tee->idle);
}

void
sl_tee_put(struct sl_tee *tee, struct sl_chunk *chunk)
{
	struct sl_range all = { chunk->off, chunk->off + chunk->len };
	struct sl_tee_slot *slot = tee->slots;
	if (!is_wanted(tee))
		return;
	if (tee->is_ordered) {
		put_in_order(tee, chunk);
		return;
	}
	while (slot->chunk)
		slot++;
	slot->chunk = sl_chunk_ref(chunk);
	take_new(tee, slot, all);
	if (slot->count > 0 && sl_group_spawn(&tee->group, "tee", pass_task, slot, NULL) == 0)
		return;
	tee->is_broken = tee->is_broken || slot->count > 0;
	free_slot(slot);
}

/* ---- what an earlier run has left ---- */

/* The first range of the part, at most `most` bytes, that was not passed. */
static bool
next_left(const struct sl_tee *tee, uint64_t most, struct sl_range *out)
{
	struct sl_range done = { 0 };
	while (sl_ranges_next_done(tee->source.written, done.end, &done)) {
		out->begin = done.begin + sl_ranges_done_from(&tee->passed, done.begin);
		if (out->begin >= done.end)
			continue;
		(void)sl_ranges_next_missing(&tee->passed, out->begin, out);
		out->end = SL_MIN(SL_MIN(out->end, done.end), out->begin + most);
		return true;
	}
	return false;
}

/* Into a chunk, and to the consumer. */
SL_SUSPENDS
static int
read_and_pass(struct sl_tee *tee, struct sl_chunk *chunk, struct sl_range range)
{
	const struct sl_part *part = tee->source.part;
	size_t len = (size_t)(range.end - range.begin);
	struct sl_part_reader reader = sl_part_reader(part);
	int got = sl_part_read(&reader, chunk, range.begin, len);
	if (got < 0 || (size_t)got < len)
		return got < 0 ? got : -EIO; /* it was truncated */
	tee->counts.read += len;
	tee->consumer->pass(tee->file, range.begin, chunk->data, len);
	return 0;
}

SL_SUSPENDS
static int
catch_up_task(void *arg)
{
	struct sl_tee *tee = arg;
	struct sl_chunk_pool *pool = tee->source.pool;
	struct sl_range range;
	int code = 0;
	while (!code && !tee->is_stopping && next_left(tee, sl_chunk_pool_size(pool), &range)) {
		struct sl_chunk *chunk = NULL;
		code = sl_chunk_take(pool, &chunk, SL_FOREVER);
		if (code)
			break;
		mark(tee, range);
		code = read_and_pass(tee, chunk, range);
		sl_chunk_unref(chunk);
		tee->is_broken = tee->is_broken || code;
	}
	return 0;
}

/* ---- passing in order ---- */

SL_SUSPENDS
static bool
pass_queued(struct sl_tee *tee)
{
	uint64_t next = next_of(tee);
	struct sl_chunk *chunk = sl_tee_queue_take(&tee->queue, next);
	if (!chunk)
		return false;
	size_t skip = (size_t)(next - chunk->off);
	mark(tee, (struct sl_range){ next, chunk->off + chunk->len });
	wake_all(&tee->waiting);
	tee->consumer->pass(tee->file, next, chunk->data + skip, chunk->len - skip);
	sl_chunk_unref(chunk);
	return true;
}

/* The next bytes are in the part, up to what is in the queue. */
static bool
next_in_part(const struct sl_tee *tee, struct sl_range *out)
{
	uint64_t next = next_of(tee);
	uint64_t most = sl_chunk_pool_size(tee->source.pool);
	uint64_t there = sl_ranges_done_from(tee->source.written, next);
	const struct sl_chunk *first = tee->queue.first;
	if (first && first->off > next)
		most = SL_MIN(most, first->off - next);
	*out = (struct sl_range){ next, next + SL_MIN(there, most) };
	return there > 0;
}

SL_SUSPENDS
static int
pass_from_part(struct sl_tee *tee, struct sl_range range)
{
	struct sl_chunk *chunk = NULL;
	int code = sl_chunk_take(tee->source.pool, &chunk, SL_FOREVER);
	if (code)
		return code;
	mark(tee, range);
	wake_all(&tee->waiting);
	code = read_and_pass(tee, chunk, range);
	sl_chunk_unref(chunk);
	tee->is_broken = tee->is_broken || code;
	return code;
}

SL_SUSPENDS
static int
in_order_task(void *arg)
{
	struct sl_tee *tee = arg;
	struct sl_range range;
	int code = 0;
	while (!code && !tee->is_broken && !tee->is_stopping) {
		struct sl_waiter waiter;
		if (pass_queued(tee))
			continue;
		if (next_in_part(tee, &range))
			code = pass_from_part(tee, range);
		else if (tee->is_ending)
			break;
		else
			code = sl_waiter_wait(&waiter, &tee->idle, "bytes in order", SL_FOREVER);
	}
	tee->is_over = true;
	wake_all(&tee->waiting);
	return 0;
}

static bool
can_order(const struct sl_tee *tee)
{
	return is_wanted(tee) && tee->consumer->wants_order && tee->source.part &&
	       sl_tee_queue_is_useful(tee->source.pool);
}

/* If that is wanted, before any byte of this run is passed. */
static void
begin_order(struct sl_tee *tee)
{
	if (!tee->wants_order || !can_order(tee))
		return;
	tee->is_ordered = true;
	sl_tee_queue_open(&tee->queue, tee->share, tee->source.pool);
	tee->is_ending = tee->is_over = false;
	sl_list_init(&tee->idle);
	sl_list_init(&tee->waiting);
	if (sl_group_spawn(&tee->group, "tee", in_order_task, tee, NULL) == 0)
		return;
	tee->is_broken = tee->is_over = true;
}

bool
sl_tee_wants_head(const struct sl_tee *tee)
{
	return can_order(tee) && !tee->wants_order;
}

void
sl_tee_show_head(struct sl_tee *tee, const unsigned char *head, size_t len)
{
	tee->wants_order = tee->consumer->wants_order(tee->file, head, len);
	begin_order(tee);
}

/* What an earlier run has left may begin with them. Of what cannot be read nothing is known. */
SL_SUSPENDS
static void
show_head_of_part(struct sl_tee *tee)
{
	struct sl_part_reader reader = sl_part_reader(tee->source.part);
	uint64_t there = sl_ranges_done_from(tee->source.written, 0);
	struct sl_chunk *chunk = NULL;
	int got = 0;
	if (there >= SL_TEE_HEAD && sl_chunk_take(tee->source.pool, &chunk, SL_FOREVER) == 0)
		got = sl_part_read(&reader, chunk, 0, SL_TEE_HEAD);
	sl_tee_show_head(
		tee, chunk ? chunk->data : (const unsigned char *)"", got > 0 ? (size_t)got : 0);
	sl_chunk_unref(chunk);
}

/* ---- a run ---- */

static void
restart(struct sl_tee *tee)
{
	bool was_used = tee->passed.count > 0 || tee->is_broken;
	sl_ranges_release(&tee->passed);
	sl_ranges_init(&tee->passed, UINT64_MAX);
	tee->is_broken = tee->has_version = tee->wants_order = false;
	if (tee->file && was_used)
		tee->consumer->restart(tee->file);
}

/* What was passed and did not get into the part is fetched once more, perhaps from another source;
 * what was voided in it was wrong. A stream has no part. */
static bool
has_all_passed(const struct sl_tee *tee, const struct sl_tee_source *source)
{
	struct sl_range range = { 0 };
	while (source->part && sl_ranges_next_done(&tee->passed, range.end, &range))
		if (!sl_ranges_has(source->written, range))
			return false;
	return true;
}

static bool
goes_on(const struct sl_tee *tee, const struct sl_tee_source *source)
{
	const struct sl_resource *version = source->version;
	return version && !tee->is_broken && tee->has_version &&
	       sl_resource_compare(&tee->version, version) == SL_RESOURCE_SAME &&
	       has_all_passed(tee, source);
}

/* Nothing was passed of what comes now. */
static void
ask_order(struct sl_tee *tee)
{
	tee->wants_order = can_order(tee) && tee->consumer->wants_order(tee->file, NULL, 0);
	begin_order(tee);
}

void
sl_tee_open(struct sl_tee *tee, const char *url, const char *path)
{
	if (tee->file)
		return;
	tee->file = tee->consumer->open(tee->consumer->ctx, url, path);
	if (is_wanted(tee))
		ask_order(tee);
}

/* What the consumer does not want counts as passed. */
SL_SUSPENDS
static void
skip_known(struct sl_tee *tee, uint64_t known_len)
{
	uint64_t from = 0;
	if (tee->file && tee->consumer->from)
		from = tee->consumer->from(tee->file, known_len);
	sl_assert(from <= known_len);
	if (from > 0)
		mark(tee, (struct sl_range){ 0, from });
}

void
sl_tee_begin(struct sl_tee *tee, const struct sl_tee_source *source)
{
	if (!tee->consumer)
		return;
	bool is_new = !goes_on(tee, source);
	if (is_new)
		restart(tee);
	if (source->path)
		sl_tee_open(tee, source->url, source->path);
	if (is_new)
		skip_known(tee, source->known_len);
	tee->source = *source;
	tee->is_stopping = false;
	tee->is_running = true;
	for (size_t i = 0; i < SL_COUNT_OF(tee->slots); i++)
		tee->slots[i] = (struct sl_tee_slot){ .tee = tee };
	sl_semaphore_init(&tee->room, "consumer", SL_TEE_PASSES);
	sl_group_enter(&tee->group, SL_GROUP_COLLECT);
	if (tee->file && is_new)
		ask_order(tee);
	else
		begin_order(tee);
	if (is_new && source->version && source->part && sl_tee_wants_head(tee))
		show_head_of_part(tee);
	bool catches_up = tee->file && !tee->is_ordered && source->version && source->part;
	if (catches_up && sl_group_spawn(&tee->group, "catch up", catch_up_task, tee, NULL) != 0)
		tee->is_broken = true;
}

void
sl_tee_end(struct sl_tee *tee, const struct sl_resource *version, bool succeeded)
{
	if (!tee->is_running)
		return;
	tee->is_stopping = !succeeded;
	tee->is_ending = true;
	sl_tee_wake(tee);
	(void)sl_group_leave(&tee->group);
	tee->is_running = tee->is_ordered = false;
	sl_tee_queue_close(&tee->queue);
	tee->has_version = version != NULL;
	if (version)
		tee->version = *version;
}

void
sl_tee_finish(struct sl_tee *tee, uint64_t len)
{
	struct sl_range all = { 0, len };
	bool is_whole = len == 0 || sl_ranges_has(&tee->passed, all);
	if (tee->file && !tee->is_broken && is_whole && tee->passed.done_bytes == len)
		tee->consumer->finish(tee->file, len);
}
