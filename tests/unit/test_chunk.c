/*
 * The chunk pool: bounded, aligned, counted; free chunks last in first out, waiting tasks first
 * come first served.
 */
#include "support/run.h"

#include "sluice/base/random.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>

static int
run_seeds(unsigned count, sl_task_fn *fn)
{
	struct sim_seeds seeds = sim_seeds(count);
	int result = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end && !result; seed++) {
		struct sim *sim = sim_plain(seed);
		result = sim_run(sim, fn, sim);
		sim_free(sim);
	}
	return result;
}

static struct sl_chunk_pool *
make(size_t count, size_t size)
{
	struct sl_chunk_pool *pool = NULL;
	cr_assert_eq(sl_chunk_pool_new(&pool, count, size), 0);
	return pool;
}

static struct sl_chunk *
take(struct sl_chunk_pool *pool)
{
	struct sl_chunk *chunk = NULL;
	cr_assert_eq(sl_chunk_take(pool, &chunk, 0), 0);
	return chunk;
}

static int
geometry(void *arg)
{
	(void)arg;
	static const size_t sizes[] = { 4096, 12288, 65536, SL_CHUNK_SIZE, 3 * SL_CHUNK_SIZE };
	for (size_t s = 0; s < SL_COUNT_OF(sizes); s++) {
		struct sl_chunk_pool *pool = make(5, sizes[s]);
		struct sl_chunk *chunks[5];
		for (int i = 0; i < 5; i++) {
			chunks[i] = take(pool);
			cr_assert_eq(chunks[i]->size, sizes[s]);
			cr_assert(
				chunks[i]->len == 0 && chunks[i]->off == 0 && chunks[i]->refs == 1);
			size_t align = (sizes[s] & (sizes[s] - 1)) == 0 ? sizes[s] : SL_CHUNK_ALIGN;
			cr_assert_eq((uintptr_t)chunks[i]->data % align, 0);
			memset(chunks[i]->data, i + 1, chunks[i]->size);
		}
		for (int i = 0; i < 5; i++) {
			cr_assert(chunks[i]->data[0] == i + 1 &&
					  chunks[i]->data[sizes[s] - 1] == i + 1,
				"they do not overlap");
			sl_chunk_unref(chunks[i]);
		}
		cr_assert_eq(sl_chunk_pool_count(pool), 5);
		cr_assert_eq(sl_chunk_pool_high_water(pool), 5);
		sl_chunk_pool_free(pool);
	}
	sl_chunk_pool_free(NULL);
	sl_chunk_unref(NULL);
	return 0;
}

Test(chunk, chunks_are_aligned_and_apart)
{
	cr_assert_eq(run_seeds(1, geometry), 0);
}

static int
too_much(void *arg)
{
	(void)arg;
	struct sl_chunk_pool *pool = NULL;
	cr_assert_eq(sl_chunk_pool_new(&pool, SIZE_MAX / 4096, 4096), -ENOMEM);
	cr_assert_eq(sl_chunk_pool_new(&pool, 4, (size_t)1 << 58), -ENOMEM);
	return 0;
}

Test(chunk, a_pool_beyond_all_memory_is_refused)
{
	cr_assert_eq(run_seeds(1, too_much), 0);
}

static int
lifo(void *arg)
{
	(void)arg;
	struct sl_chunk_pool *pool = make(4, 4096);
	struct sl_chunk *a = take(pool), *b = take(pool), *c = take(pool);
	sl_chunk_unref(a);
	sl_chunk_unref(c);
	sl_chunk_unref(b);
	cr_assert_eq(take(pool), b);
	cr_assert_eq(take(pool), c);
	cr_assert_eq(take(pool), a);
	cr_assert_eq(sl_chunk_pool_high_water(pool), 3);
	sl_chunk_unref(a);
	sl_chunk_unref(b);
	sl_chunk_unref(c);
	sl_chunk_pool_free(pool);
	return 0;
}

Test(chunk, the_last_freed_is_the_first_used)
{
	cr_assert_eq(run_seeds(1, lifo), 0);
}

static int
counted(void *arg)
{
	(void)arg;
	struct sl_chunk_pool *pool = make(2, 4096);
	struct sl_chunk *a = take(pool), *b = take(pool);
	cr_assert_eq(sl_chunk_ref(a), a);
	cr_assert_null(sl_chunk_try_take(pool));
	sl_chunk_unref(a);
	cr_assert_null(sl_chunk_try_take(pool), "a reference is still held");
	a->len = 7;
	a->off = 9;
	sl_chunk_unref(a);
	struct sl_chunk *again = sl_chunk_try_take(pool);
	cr_assert_eq(again, a);
	cr_assert(again->len == 0 && again->off == 0, "as new");
	uint64_t until = sl_now() + SL_NS_PER_S;
	struct sl_chunk *none = NULL;
	cr_assert_eq(sl_chunk_take(pool, &none, until), -ETIMEDOUT);
	cr_assert_eq(sl_now(), until);
	sl_chunk_unref(a);
	sl_chunk_unref(b);
	sl_chunk_pool_free(pool);
	return 0;
}

Test(chunk, a_chunk_returns_with_its_last_reference)
{
	cr_assert_eq(run_seeds(1, counted), 0);
}

struct queue {
	struct sim *sim;
	struct sl_chunk_pool *pool;
	int next, served;
	int order[8];
	struct sl_random random;
	unsigned holders;
};

static int
take_in_turn(void *arg)
{
	struct queue *queue = arg;
	int self = queue->next++;
	struct sl_chunk *chunk = NULL;
	int code = sl_chunk_take(queue->pool, &chunk, SL_FOREVER);
	if (code)
		return code;
	queue->order[queue->served++] = self;
	sl_chunk_unref(chunk);
	return 0;
}

static int
first_come(void *arg)
{
	struct queue queue = { .sim = arg, .pool = make(2, 4096) };
	struct sl_group group;
	struct sl_chunk *a = take(queue.pool), *b = take(queue.pool);
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(sl_group_spawn(&group, "taker", take_in_turn, &queue, NULL), 0);
	cr_assert_eq(sl_sleep(1000), 0);
	cr_assert_eq(queue.served, 0);
	sl_chunk_unref(a);
	cr_assert_null(sl_chunk_try_take(queue.pool), "others wait");
	cr_assert_eq(sl_group_leave(&group), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(queue.order[i], i);
	sl_chunk_unref(b);
	sl_chunk_pool_free(queue.pool);
	return 0;
}

Test(chunk, tasks_that_wait_are_served_in_order)
{
	cr_assert_eq(run_seeds(3, first_come), 0);
}

static int
take_and_hold(void *arg)
{
	struct queue *queue = arg;
	for (int i = 0; i < 20; i++) {
		struct sl_chunk *chunk = NULL;
		int code = sl_chunk_take(queue->pool, &chunk,
			sl_deadline_in(sl_random_below(&queue->random, SL_NS_PER_MS)));
		if (code == -ECANCELED)
			return 0;
		if (code)
			continue;
		queue->holders++;
		sim_check(queue->sim, queue->holders <= 3, "%u chunks of 3", queue->holders);
		chunk->data[0] = (unsigned char)i;
		int slept = sl_sleep(sl_random_below(&queue->random, SL_NS_PER_MS / 2));
		(void)slept; /* cancelled or not, what is held is given back */
		sim_check(queue->sim, chunk->data[0] == i && chunk->refs == 1,
			"two tasks have one chunk");
		queue->holders--;
		sl_chunk_unref(chunk);
	}
	return 0;
}

static int
random_day(void *arg)
{
	struct queue queue = { .sim = arg, .pool = make(3, 4096) };
	struct sl_group group, fickle;
	sl_random_init(&queue.random, sim_seed(queue.sim));
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	sl_group_enter(&fickle, SL_GROUP_COLLECT);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(sl_group_spawn(&group, "steady", take_and_hold, &queue, NULL), 0);
		cr_assert_eq(sl_group_spawn(&fickle, "fickle", take_and_hold, &queue, NULL), 0);
	}
	cr_assert_eq(sl_sleep(sl_random_below(&queue.random, 4 * SL_NS_PER_MS)), 0);
	sl_group_cancel(&fickle, -ECANCELED);
	(void)sl_group_leave(&fickle);
	cr_assert_eq(sl_group_leave(&group), 0);
	sl_chunk_pool_free(queue.pool); /* asserts that all are back */
	return 0;
}

Test(chunk, none_is_lost_when_waits_end_at_random)
{
	cr_assert_eq(run_seeds(300, random_day), 0);
}
