/*
 * A task from its start to its end: its stack, the states it goes through (runtime_int.h), parking
 * and waking, deadlines and shields. A task that parks names what it waits for, and is woken
 * exactly once: by the first of sl_task_wake, its timer and a cancellation; the others then find
 * it ready.
 */
#include "sluice/rt/task.h"

#include "runtime_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stacks kept for reuse: more than the tasks that come and go at once. Each keeps only its touched
 * pages. Under sanitizers a new one is expensive (TSan: 0.8 MiB and a millisecond), so more are
 * kept. */
#if defined(SL_DEBUG)
#define SPARE_MAX 1024
#else
#define SPARE_MAX 64
#endif

struct sl_task *
sl_task_self(void)
{
	struct sl_rt *rt = sl_rt_current();
	sl_assert(rt && rt->running);
	return rt->running;
}

/* ---- misuse ---- */

const char *
task_state_name(enum task_state state)
{
	static const char *const names[] = {
		[TASK_READY] = "ready",
		[TASK_RUNNING] = "running",
		[TASK_PARKED] = "parked",
		[TASK_ENDED] = "ended",
	};
	return names[state];
}

void
task_bug(const struct sl_task *task, const char *fmt, ...)
{
	char text[200];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* allowed: the process ends here, as after a failed assertion. */
	fprintf(stderr, "sluice: internal error: task '%s' (%s%s%s) %s\n", task->name,
		task_state_name(task->state), task->waits_for[0] ? ", waits for: " : "",
		task->waits_for, text);
	abort();
}

/* ---- start and end ---- */

/* From the first to the last instruction of one task. */
static void
run_task(struct sl_task *task)
{
	int result = task->fn(task->arg);
	if (!sl_list_is_empty(&task->groups))
		task_bug(task, "returned without leaving a group it had entered");
	if (task->shields != 0)
		task_bug(task, "returned inside %u shields", task->shields);
	if (task->result)
		*task->result = result;
	task->state = TASK_ENDED;
	if (task->on_end)
		task->on_end(task, result);
	task->rt->alive--;
	task->rt->running = NULL;
}

/*
 * A stack is reused by going on here with the next task, not by starting anew from its top: the
 * calls made on it stay balanced, which TSan counts (it ends the program after some 20,000 tasks
 * that never returned).
 */
static void
task_entry(void *arg)
{
	struct sl_task *task = arg;
	while (task->fn) {
		run_task(task);
		sl_fiber_switch(&task->fiber, &task->rt->scheduler, false);
	}
	sl_fiber_switch(&task->fiber, &task->rt->scheduler, true);
}

/* An ended task that will not be reused: without a function its fiber leaves for good. */
static void
task_free(struct sl_rt *rt, struct sl_task *task)
{
	task->fn = NULL;
	sl_fiber_switch(&rt->scheduler, &task->fiber, false);
	sl_fiber_unmap(&task->fiber);
	free(task);
}

struct sl_task *
task_new(struct sl_rt *rt, const char *name, sl_task_fn *fn, void *arg)
{
	if (sl_heap_reserve(&rt->timers, rt->alive + 1) != 0)
		return NULL;
	struct sl_task *task = NULL;
	struct sl_list *spare = sl_list_pop(&rt->spare);
	if (spare) {
		rt->spare_count--;
		task = sl_list_item(spare, struct sl_task, link);
	} else {
		task = calloc(1, sizeof(*task));
		if (!task || sl_fiber_map(&task->fiber, rt->stack_size) != 0) {
			free(task);
			return NULL;
		}
		sl_fiber_prepare(&task->fiber, task_entry, task);
	}
	task->rt = rt;
	task->fn = fn;
	task->arg = arg;
	task->result = NULL;
	task->group = NULL;
	task->on_end = NULL;
	task->cancel_reason = 0;
	task->shields = 0;
	task->is_uninterruptible = false;
	task->deadline_ns = SL_FOREVER;
	task->waits_for = "";
	task->parked_ns = rt->now_ns;
	task->timer = (struct sl_heap_node){ 0 };
	snprintf(task->name, sizeof(task->name), "%s", name);
	sl_list_init(&task->link);
	sl_list_init(&task->of_group);
	sl_list_init(&task->groups);
	task->state = TASK_READY;
	sl_list_push_back(&rt->ready, &task->link);
	rt->alive++;
	rt->stats.tasks_started++;
	rt->stats.tasks_max = SL_MAX(rt->stats.tasks_max, rt->alive);
	return task;
}

static void
keep_or_free(struct sl_rt *rt, struct sl_task *task)
{
	if (rt->spare_count >= SPARE_MAX) {
		task_free(rt, task);
		return;
	}
	rt->spare_count++;
	sl_list_push_front(&rt->spare, &task->link);
}

void
task_free_spare(struct sl_rt *rt)
{
	struct sl_list *node;
	while ((node = sl_list_pop(&rt->spare)))
		task_free(rt, sl_list_item(node, struct sl_task, link));
	rt->spare_count = 0;
}

void
task_resume(struct sl_rt *rt, struct sl_task *task)
{
	if (task->state != TASK_READY)
		task_bug(task, "was resumed without being ready");
	task->state = TASK_RUNNING;
	task->waits_for = "";
	rt->running = task;
	sl_fiber_switch(&rt->scheduler, &task->fiber, false);
	rt->running = NULL;
	if (task->state == TASK_ENDED)
		keep_or_free(rt, task);
}

/* ---- parking ---- */

int
sl_task_wake_code(enum sl_wake wake)
{
	if (wake == SL_WAKE_TIMEOUT)
		return -ETIMEDOUT;
	sl_assert(wake == SL_WAKE_CANCEL);
	return sl_task_self()->cancel_reason == -ETIMEDOUT ? -ETIMEDOUT : -ECANCELED;
}

static bool
is_cancelled(const struct sl_task *task)
{
	return task->cancel_reason != 0 && task->shields == 0;
}

int
task_check(void)
{
	struct sl_task *task = sl_task_self();
	if (is_cancelled(task))
		return sl_task_wake_code(SL_WAKE_CANCEL);
	if (task->deadline_ns != SL_FOREVER && task->deadline_ns <= sl_now())
		return -ETIMEDOUT;
	return 0;
}

/* With SL_PARK_UNINTERRUPTIBLE only the call's own deadline counts, which does not end the wait:
 * the caller checks something and parks again. */
enum sl_wake
sl_task_park(const char *what, uint64_t deadline_ns, unsigned flags)
{
	struct sl_task *task = sl_task_self();
	struct sl_rt *rt = task->rt;
	task->is_uninterruptible = (flags & SL_PARK_UNINTERRUPTIBLE) != 0;
	if (!task->is_uninterruptible) {
		if (is_cancelled(task))
			return SL_WAKE_CANCEL;
		deadline_ns = SL_MIN(deadline_ns, task->deadline_ns);
	}
	if (deadline_ns != SL_FOREVER) {
		if (deadline_ns <= sl_now())
			return SL_WAKE_TIMEOUT;
		sl_heap_push(&rt->timers, &task->timer, deadline_ns);
	}
	task->waits_for = what;
	task->parked_ns = rt->now_ns;
	task->state = TASK_PARKED;
	rt->running = NULL;
	sl_fiber_switch(&task->fiber, &rt->scheduler, false);
	sl_heap_remove(&rt->timers, &task->timer);
	return task->wake;
}

static void
make_ready(struct sl_task *task, enum sl_wake wake)
{
	task->wake = wake;
	task->state = TASK_READY;
	sl_list_push_back(&task->rt->ready, &task->link);
}

void
sl_task_wake(struct sl_task *task)
{
	if (task->state == TASK_ENDED)
		task_bug(task, "was woken after its end");
	if (task->state == TASK_PARKED)
		make_ready(task, SL_WAKE_READY);
}

void
task_cancel(struct sl_task *task)
{
	if (task->state == TASK_PARKED && !task->is_uninterruptible)
		make_ready(task, SL_WAKE_CANCEL);
}

/* It may have been made ready in this turn, and not have run to take its timer back. */
void
task_time_out(struct sl_task *task)
{
	if (task->state == TASK_PARKED)
		make_ready(task, SL_WAKE_TIMEOUT);
}

/* ---- deadlines and shields ---- */

void
sl_deadline_begin(struct sl_deadline *scope, uint64_t deadline_ns)
{
	struct sl_task *task = sl_task_self();
	scope->saved_ns = task->deadline_ns;
	task->deadline_ns = SL_MIN(task->deadline_ns, deadline_ns);
}

void
sl_deadline_end(struct sl_deadline *scope)
{
	sl_task_self()->deadline_ns = scope->saved_ns;
}

void
sl_shield_begin(struct sl_shield *shield, uint64_t deadline_ns)
{
	struct sl_task *task = sl_task_self();
	shield->saved_ns = task->deadline_ns;
	task->deadline_ns = deadline_ns;
	task->shields++;
}

void
sl_shield_end(struct sl_shield *shield)
{
	struct sl_task *task = sl_task_self();
	if (task->shields == 0)
		task_bug(task, "ended a shield that it had not begun");
	task->shields--;
	task->deadline_ns = shield->saved_ns;
}

int
sl_task_cancelled(void)
{
	struct sl_task *task = sl_task_self();
	if (is_cancelled(task))
		return task->cancel_reason;
	return task_check();
}

uint64_t
sl_task_deadline(void)
{
	return sl_task_self()->deadline_ns;
}

int
sl_sleep_until(uint64_t until_ns)
{
	struct sl_task *task = sl_task_self();
	int code = task_check();
	if (code)
		return code;
	bool own = until_ns <= task->deadline_ns;
	enum sl_wake wake = sl_task_park("sleep", until_ns, 0);
	if (wake == SL_WAKE_TIMEOUT && own)
		return 0;
	return wake == SL_WAKE_READY ? 0 : sl_task_wake_code(wake);
}

int
sl_sleep(uint64_t ns)
{
	return sl_sleep_until(sl_deadline_in(ns));
}

int
sl_yield(void)
{
	struct sl_task *task = sl_task_self();
	int code = task_check();
	if (code)
		return code;
	/* In the next turn, as completions are taken between turns. */
	task->wake = SL_WAKE_READY;
	task->state = TASK_READY;
	sl_list_push_back(&task->rt->yielded, &task->link);
	task->rt->running = NULL;
	sl_fiber_switch(&task->fiber, &task->rt->scheduler, false);
	return 0;
}
