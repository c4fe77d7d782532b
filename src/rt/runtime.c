/*
 * The loop. A turn: the tasks that are ready run, each until it parks or ends; then one wait of
 * the engine, for as long as nothing is ready; then the tasks that a completion, another thread's
 * result or a timer wakes become ready. What a task makes ready runs in the same turn, up to ROUNDS
 * times; what is ready then, or has yielded, runs in the next one, so that no task keeps the loop
 * from reading completions.
 */
#include "runtime_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* OpenSSL's handshake and printf need some 20 KiB; sanitizers multiply frames. Only touched pages
 * cost memory. */
#if defined(SL_DEBUG)
#define STACK_SIZE (256u * 1024u)
#else
#define STACK_SIZE (64u * 1024u)
#endif

#define DONE_MAX 256 /* completions taken per turn: 2 KiB of pointers */

struct sl_engine *
sl_rt_engine(struct sl_rt *rt)
{
	return rt->engine;
}

struct sl_stats *
sl_rt_stats(struct sl_rt *rt)
{
	return &rt->stats;
}

int
sl_rt_new(struct sl_rt **out, const struct sl_rt_options *options, struct sl_error *err)
{
	sl_assert(!sl_rt_current());
	struct sl_rt *rt = calloc(1, sizeof(*rt));
	if (!rt) {
		options->engine->methods->free(options->engine);
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot start");
	}
	rt->engine = options->engine;
	rt->stack_size = options->stack_size ? options->stack_size : STACK_SIZE;
	sl_list_init(&rt->ready);
	sl_list_init(&rt->yielded);
	sl_list_init(&rt->spare);
	sl_heap_init(&rt->timers);
	io_init(rt);
	sl_fiber_adopt_thread(&rt->scheduler);
	rt_begin_clock(rt);
	int code = offload_new(rt, options);
	if (code) {
		sl_fiber_unmap(&rt->scheduler);
		rt->engine->methods->free(rt->engine);
		free(rt);
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot start the runtime");
	}
	rt_set_current(rt);
	*out = rt;
	return 0;
}

void
sl_rt_free(struct sl_rt *rt)
{
	if (!rt)
		return;
	sl_assert(rt->alive == 0);
	offload_free(rt); /* and the engine */
	task_free_spare(rt);
	sl_heap_release(&rt->timers);
	sl_fiber_unmap(&rt->scheduler);
	rt_set_current(NULL);
	free(rt);
}

/* A task wakes another, which wakes a third: short chains of them take one turn, since each turn
 * enters the kernel. Longer ones go on behind the completions. */
#define ROUNDS 8

static void
move_all(struct sl_list *from, struct sl_list *to)
{
	struct sl_list *node;
	while ((node = sl_list_pop(from)))
		sl_list_push_back(to, node);
}

/* Those that are ready; what they make ready is of the next round. */
static void
run_round(struct sl_rt *rt)
{
	struct sl_list batch, *node;
	sl_list_init(&batch);
	move_all(&rt->ready, &batch);
	while ((node = sl_list_pop(&batch)))
		task_resume(rt, sl_list_item(node, struct sl_task, link));
}

static void
run_ready(struct sl_rt *rt)
{
	for (int i = 0; i < ROUNDS && !sl_list_is_empty(&rt->ready); i++)
		run_round(rt);
	move_all(&rt->yielded, &rt->ready);
}

static void
fire_timers(struct sl_rt *rt)
{
	struct sl_heap_node *node;
	while ((node = sl_heap_min(&rt->timers)) && node->key <= rt->now_ns) {
		sl_heap_remove(&rt->timers, node);
		task_time_out(SL_CONTAINER_OF(node, struct sl_task, timer));
	}
}

static int
wait_for_completions(struct sl_rt *rt)
{
	struct sl_op *done[DONE_MAX];
	uint64_t until_ns = SL_FOREVER;
	struct sl_heap_node *first = sl_heap_min(&rt->timers);
	if (first)
		until_ns = first->key;
	if (!sl_list_is_empty(&rt->ready))
		until_ns = 0;
	offload_announce(rt);
	(void)rt_now(rt);
	uint64_t busy_ns = rt->seen_ns - rt->turn_ns; /* all of it, whether it counts or not */
	sl_histogram_add(&rt->stats.turn, busy_ns);
	rt->stats.turn_max_ns = SL_MAX(rt->stats.turn_max_ns, busy_ns);
	rt->stats.turns++;
	int count = rt_wait(rt, until_ns, done, DONE_MAX);
	rt->now_ns = rt_now(rt);
	rt->turn_ns = rt->seen_ns;
	for (int i = 0; i < count; i++)
		if (done[i]->owner)
			sl_task_wake(done[i]->owner);
	return count;
}

int
sl_rt_run(struct sl_rt *rt, sl_task_fn *fn, void *arg)
{
	int result = 0;
	rt_begin_clock(rt);
	struct sl_task *main_task = task_new(rt, "main", fn, arg);
	if (!main_task)
		return -ENOMEM;
	main_task->result = &result;
	while (rt->alive > 0) {
		run_ready(rt);
		if (rt->alive == 0)
			break;
		int count = wait_for_completions(rt);
		if (count < 0)
			return count; /* the engine is gone; so is the process, soon */
		offload_collect(rt);
		fire_timers(rt);
	}
	return result;
}

/* ---- looking ---- */

static void
see_task(struct sl_task *task, unsigned depth, void (*see)(void *, const struct sl_task_info *),
	void *ctx)
{
	struct sl_task_info info = { .name = task->name,
		.state = task_state_name(task->state),
		.waits_for = task->waits_for,
		.since_ns = task->parked_ns,
		.depth = depth };
	see(ctx, &info);
	sl_list_each(node, &task->groups)
	{
		struct sl_group *group = sl_list_item(node, struct sl_group, of_owner);
		sl_list_each(below, &group->tasks) see_task(
			sl_list_item(below, struct sl_task, of_group), depth + 1, see, ctx);
	}
}

void
sl_task_each(void (*see)(void *ctx, const struct sl_task_info *info), void *ctx)
{
	struct sl_task *task = sl_task_self();
	while (task->group)
		task = task->group->owner;
	see_task(task, 0, see, ctx);
}

unsigned
sl_task_count(void)
{
	return sl_task_self()->rt->alive;
}
