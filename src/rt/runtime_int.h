/*
 * runtime_int.h - the structs that the files of rt share. Upwards: current, task, waiter and what
 * waits by it (semaphore, channel, chunk), group, offload, io, runtime; none calls one behind it.
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
 * A task. READY: in rt->ready or rt->yielded. RUNNING: rt->running. PARKED: in no list of the
 * scheduler; `wake` holds afterwards what woke it. ENDED: its stack goes back to the pool once the
 * scheduler runs on its own.
 */
struct sl_task {
	struct sl_fiber fiber;
	struct sl_list link;     /* rt->ready, rt->yielded, or rt->spare when it has ended */
	struct sl_list of_group; /* group->tasks */
	struct sl_list groups;   /* groups this task owns */
	struct sl_group *group;  /* NULL for the main task */
	struct sl_rt *rt;
	struct sl_heap_node timer;
	char name[TASK_NAME_MAX];
	enum task_state state;
	enum sl_wake wake;
	bool is_uninterruptible; /* parked with SL_PARK_UNINTERRUPTIBLE */
	const char *waits_for;
	uint64_t parked_ns;
	uint64_t deadline_ns; /* nearest in force */
	int cancel_reason;    /* sticky */
	unsigned shields;
	sl_task_fn *fn;
	void *arg;
	int *result;
	/* The group's, called when it has ended with `result`; NULL for the main task. */
	void (*on_end)(struct sl_task *task, int result);
};

struct offload; /* offload.c */

/*
 * The engine's slots, by what an operation waits for. Each share has its own semaphore: receives
 * that wait for servers cannot keep files from being opened. A close takes what is kept for it, and
 * is carried out at once where that is used up too: it never waits.
 */
enum io_share {
	IO_SHARE_PEERS,   /* for another side: connect, accept, send, receive, poll, streams */
	IO_SHARE_FILES,   /* for a disk, or for nothing */
	IO_SHARE_RESERVE, /* close; and the reader of signals */
	IO_SHARES
};

struct sl_rt {
	struct sl_engine *engine;
	struct sl_fiber scheduler; /* the thread's own stack */
	struct sl_task *running;
	struct sl_list ready;
	struct sl_list yielded; /* ready in the next turn */
	struct sl_list spare; /* ended tasks with their stacks, for reuse */
	unsigned spare_count;
	struct sl_heap timers;
	unsigned alive;
	size_t stack_size;
	struct sl_semaphore slots[IO_SHARES]; /* operations in flight */
	struct sl_semaphore slow;             /* sync and allocate in flight */
	struct sl_semaphore removals;         /* unlink in flight */
	struct offload *offload;
	struct sl_stats stats;
	uint64_t now_ns; /* at the begin of the turn */
	/* Of rt_now(): the engine's clock at the last look, and how much of it does not count. */
	uint64_t seen_ns, stopped_ns;
	uint64_t turn_ns; /* the engine's clock when the turn began */
};

/* What sl_now() returns. */
uint64_t rt_now(struct sl_rt *rt);

/* Wait by the engine until `until_ns` of rt_now(), or less: 0 = do not wait. As its wait(). */
int rt_wait(struct sl_rt *rt, uint64_t until_ns, struct sl_op **done, size_t max);

/* The loop begins: until now nothing has looked at the clock. */
void rt_begin_clock(struct sl_rt *rt);

/* The task's own: allocate or reuse; free what is spare. */
struct sl_task *task_new(struct sl_rt *rt, const char *name, sl_task_fn *fn, void *arg);
void task_free_spare(struct sl_rt *rt);

/* The scheduler resumes a ready task, which runs until it parks or ends. */
void task_resume(struct sl_rt *rt, struct sl_task *task);

/* Wake it for a cancellation, if it is parked and may be interrupted. */
void task_cancel(struct sl_task *task);

/* Its timer has come: only a task that is parked has one. */
void task_time_out(struct sl_task *task);

/* "ready", "running"... */
const char *task_state_name(enum task_state state);

/* A mistake of ours: name the task, its state and what it waits for, and abort. */
SL_NORETURN void task_bug(const struct sl_task *task, const char *fmt, ...) SL_PRINTF(2, 3);

void rt_set_current(struct sl_rt *rt);
void io_init(struct sl_rt *rt);

/* sl_io_poll with a slot that operations which wait for servers cannot take. */
SL_SUSPENDS
int io_poll_reserved(int fd, uint32_t events);

/* 0, or what a suspending call returns before it begins: cancellation or a passed deadline. */
int task_check(void);

int offload_new(struct sl_rt *rt, const struct sl_rt_options *options);
void offload_free(struct sl_rt *rt);

/* Wake the tasks whose results other threads have brought. */
void offload_collect(struct sl_rt *rt);
/* Before the engine waits: wake threads for the jobs of this turn. */
void offload_announce(struct sl_rt *rt);

#endif
