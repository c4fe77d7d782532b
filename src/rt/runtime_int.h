/*
 * runtime_int.h - the structs that task.c, group.c, runtime.c, io.c and offload.c share.
 */
#ifndef SLUICE_RT_RUNTIME_INT_H
#define SLUICE_RT_RUNTIME_INT_H

#include "sluice/rt/engine.h"
#include "sluice/rt/fiber.h"
#include "sluice/rt/semaphore.h"
#include "sluice/rt/stats.h"
#include "sluice/rt/task.h"

#define TASK_NAME_MAX 32

enum task_state { TASK_READY, TASK_RUNNING, TASK_PARKED, TASK_ENDED };

/*
 * A task. READY: in rt->ready. RUNNING: rt->running. PARKED: in no list of the scheduler; `wake`
 * says later who came. ENDED: its stack goes back to the pool once the scheduler runs on its own.
 */
struct sl_task {
	struct sl_fiber fiber;
	struct sl_list link;     /* rt->ready, or rt->spare when it has ended */
	struct sl_list of_group; /* group->tasks */
	struct sl_list groups;   /* groups this task owns */
	struct sl_group *group;  /* NULL for the main task */
	struct sl_rt *rt;
	struct sl_heap_node timer;
	char name[TASK_NAME_MAX];
	enum task_state state;
	enum sl_wake wake;
	bool deaf; /* parked with SL_PARK_DEAF */
	const char *waits_for;
	uint64_t parked_ns;
	uint64_t deadline_ns; /* nearest in force */
	int cancel_reason;    /* sticky */
	unsigned shields;
	sl_task_fn *fn;
	void *arg;
	int *result;
};

struct offload; /* offload.c */

struct sl_rt {
	struct sl_engine *engine;
	struct sl_fiber scheduler; /* the thread's own stack */
	struct sl_task *running;
	struct sl_list ready;
	struct sl_list spare; /* ended tasks with their stacks, for reuse */
	unsigned spare_count;
	struct sl_heap timers;
	unsigned alive;
	size_t stack_size;
	struct sl_semaphore slots; /* operations in flight */
	struct sl_semaphore slow;  /* sync, allocate, unlink in flight */
	struct offload *offload;
	struct sl_stats stats;
	uint64_t now_ns; /* at the begin of the turn */
};

/* The task's own: allocate or reuse; free what is spare. */
struct sl_task *task_new(struct sl_rt *rt, const char *name, sl_task_fn *fn, void *arg);
void task_free_spare(struct sl_rt *rt);

/* The scheduler goes on in a ready task until it parks or ends. */
void task_resume(struct sl_rt *rt, struct sl_task *task);

/* Wake what is parked and not deaf, for a deadline or a cancellation. */
void task_interrupt(struct sl_task *task, enum sl_wake wake);

/* A task of this group has ended with `result`. */
void group_task_ended(struct sl_group *group, struct sl_task *task, int result);

/* 0, or what a suspending call returns before it begins: cancellation or a passed deadline. */
int task_check(void);

int offload_new(struct sl_rt *rt, const struct sl_rt_options *options);
void offload_free(struct sl_rt *rt);

/* Wake the tasks whose results other threads have brought. */
void offload_collect(struct sl_rt *rt);
/* Before the engine waits: wake threads for the jobs of this turn. */
void offload_announce(struct sl_rt *rt);

#endif
