/*
 * task.h - the runtime, its tasks, groups, deadlines and cancellation.
 *
 * A task is a stackful coroutine on the runtime's one thread: straight-line code that suspends
 * where a function is marked SL_SUSPENDS. Invariants:
 *  1. Every task belongs to a group; leaving a group returns only when all its tasks have ended.
 *  2. Cancelling reaches everything below and is sticky: the operation in flight returns its real
 *     result if anything was done, else -ECANCELED (or -ETIMEDOUT if that was the reason); every
 *     later unshielded suspension returns so at once, without suspending.
 *  3. The nearest deadline in force wins. A passed deadline makes suspensions return -ETIMEDOUT.
 *  4. A task parked on an operation stays parked until the operation has come back: no buffer is
 *     freed under the kernel.
 *
 * All functions here are called on the runtime's thread, inside a task unless stated otherwise.
 */
#ifndef SLUICE_RT_TASK_H
#define SLUICE_RT_TASK_H

#include "sluice/base/error.h"
#include "sluice/base/heap.h"
#include "sluice/base/list.h"

#include <stdbool.h>

struct sl_rt;
struct sl_task;
struct sl_engine;
struct sl_stats;

/* Returns 0 or a count, or a negative code. */
typedef int sl_task_fn(void *arg);

struct sl_rt_options {
	struct sl_engine *engine; /* taken: freed with the runtime, also if sl_rt_new fails */
	unsigned workers;         /* CPU threads; 0 = one for each CPU */
	unsigned blocking;        /* blocking threads for files; 0 = 16 */
	unsigned resolvers;       /* blocking threads for name lookups; 0 = 64 */
	size_t stack_size;        /* of a task; 0 = 64 KiB (256 KiB under sanitizers) */
};

/* Not in a task. The runtime becomes the calling thread's. */
int sl_rt_new(struct sl_rt **out, const struct sl_rt_options *options,
	struct sl_error *err) SL_MUST_CHECK;

/* Not in a task. Run `fn` as the main task (its group is the root) until it and all below it have
 * ended. Returns what it returned, or the engine's failure. */
int sl_rt_run(struct sl_rt *rt, sl_task_fn *fn, void *arg);

/* Not in a task, after sl_rt_run. Joins the threads; abandoned blocking calls are left to end with
 * the process, and the last of them frees the engine. */
void sl_rt_free(struct sl_rt *rt);

/* The calling thread's runtime, or NULL. */
struct sl_rt *sl_rt_current(void);
struct sl_engine *sl_rt_engine(struct sl_rt *rt);
struct sl_stats *sl_rt_stats(struct sl_rt *rt);

/* Monotonic nanoseconds, by the engine's clock, without the time in which the process was stopped
 * or the machine suspended; read once a turn of the loop and at each call here. */
uint64_t sl_now(void);

/* now + ns, without overflow; SL_FOREVER if ns is. */
uint64_t sl_deadline_in(uint64_t ns);

/* ---- groups ---- */

enum sl_group_mode {
	SL_GROUP_FAIL_FAST, /* the first failure cancels the siblings and is what leaving returns */
	SL_GROUP_COLLECT,   /* failures are only kept; leaving returns 0 or the code of the group's
			       own cancellation */
};

/* In the memory of the task that owns it, usually on its stack. Fields are the runtime's. */
struct sl_group {
	struct sl_list of_owner; /* in the owner's list of groups */
	struct sl_list tasks;
	struct sl_task *owner;
	enum sl_group_mode mode;
	unsigned running;
	int cancel_reason; /* 0 = not cancelled */
	int first_failure;
	bool shielded; /* entered inside a shield: a cancellation from above does not reach it */
	bool waiting;  /* the owner waits in sl_group_leave or sl_group_wait_below */
	unsigned wait_below;
};

/* Every group entered must be left, before its memory goes. Deadline and shield of the owner hold
 * for its tasks. */
void sl_group_enter(struct sl_group *group, enum sl_group_mode mode);

/*
 * A new task; it first runs after the caller suspends. `name` is copied (cut at 31 bytes). If
 * `result` is not NULL, it gets the task's result when it ends and must live so long. Returns 0;
 * -ENOMEM; -ECANCELED (or the reason) if the group is cancelled: then `fn` never runs.
 */
int sl_group_spawn(struct sl_group *group, const char *name, sl_task_fn *fn, void *arg,
	int *result) SL_MUST_CHECK;

/* Cancel all tasks of the group and below. `reason` is -ECANCELED, -ETIMEDOUT or SL_E_INTERRUPTED;
 * the first stays. */
void sl_group_cancel(struct sl_group *group, int reason);

/* Wait until fewer than `count` tasks run. Returns 0; -ETIMEDOUT, -ECANCELED. */
SL_SUSPENDS
int sl_group_wait_below(struct sl_group *group, unsigned count) SL_MUST_CHECK;

/* Wait for all tasks; when the owner's deadline passes they are cancelled, and waited for. See
 * sl_group_mode. */
SL_SUSPENDS
int sl_group_leave(struct sl_group *group);

/* ---- deadlines, cancellation, shields ---- */

struct sl_deadline {
	uint64_t saved_ns;
};

/* Until sl_deadline_end, suspensions of this task (and of tasks it spawns meanwhile) end at
 * `deadline_ns` at the latest. Nests; the nearest wins. begin and end pair up in one function. */
void sl_deadline_begin(struct sl_deadline *scope, uint64_t deadline_ns);
void sl_deadline_end(struct sl_deadline *scope);

struct sl_shield {
	uint64_t saved_ns;
};

/* Until sl_shield_end, cancellation and outer deadlines do not touch this task; `deadline_ns` alone
 * holds. For cleanup, which must be short. */
void sl_shield_begin(struct sl_shield *shield, uint64_t deadline_ns);
void sl_shield_end(struct sl_shield *shield);

/* 0, or the reason why this task's suspensions fail from now on (-ECANCELED, -ETIMEDOUT,
 * SL_E_INTERRUPTED). */
int sl_task_cancelled(void);

/* The deadline in force for this task. */
uint64_t sl_task_deadline(void);

/* Sleep until `until_ns`. Returns 0; -ECANCELED; -ETIMEDOUT if a deadline in force came first. */
SL_SUSPENDS
int sl_sleep_until(uint64_t until_ns) SL_MUST_CHECK;
SL_SUSPENDS
int sl_sleep(uint64_t ns) SL_MUST_CHECK;

/* Let other ready tasks and completions run. Returns 0 or the cancellation as any suspension. */
SL_SUSPENDS
int sl_yield(void) SL_MUST_CHECK;

/* ---- looking at tasks ---- */

struct sl_task_info {
	const char *name;
	const char *state;     /* "ready", "running", "parked" */
	const char *waits_for; /* "recv", "channel", "sleep"...; "" if not parked */
	uint64_t since_ns;     /* when it was parked */
	unsigned depth;        /* nesting of groups */
};

/* Calls `see` for each task. For SIGUSR1 and tests. */
void sl_task_each(void (*see)(void *ctx, const struct sl_task_info *info), void *ctx);

/* The number of tasks that have not ended, including the main task. */
unsigned sl_task_count(void);

/* ---- parking, for the other modules of rt ---- */

enum sl_wake { SL_WAKE_READY, SL_WAKE_TIMEOUT, SL_WAKE_CANCEL };

/* Neither cancellation nor the deadlines in force wake it, only the call's own `deadline_ns`: for
 * what must be waited for. */
#define SL_PARK_UNINTERRUPTIBLE 1u

/* The running task; asserts that there is one. */
struct sl_task *sl_task_self(void);

/*
 * Suspend until sl_task_wake, `deadline_ns`, a deadline in force, or cancellation. Returns the one
 * that came. A cancellation or deadline already there returns at once. `what` is static text for
 * the task table.
 */
SL_SUSPENDS
enum sl_wake sl_task_park(const char *what, uint64_t deadline_ns, unsigned flags);

/* The task is parked: make it ready with SL_WAKE_READY. Harmless if it is ready already. */
void sl_task_wake(struct sl_task *task);

/* The code a suspension returns for a wake that is not READY: -ETIMEDOUT, or -ECANCELED by
 * invariant 2. */
int sl_task_wake_code(enum sl_wake wake);

#endif
