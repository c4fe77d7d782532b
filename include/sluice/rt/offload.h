/*
 * offload.h - work that must not run on the ring's thread: workers for CPU work, a blocking pool
 * for calls that block.
 *
 * Both take a function and suspend the task until a thread has run it. Functions run on another
 * thread: they touch only what `arg` gives them, and never call anything that suspends. With a
 * simulated engine they run on the runtime's thread, one at a time, after a virtual delay.
 */
#ifndef SLUICE_RT_OFFLOAD_H
#define SLUICE_RT_OFFLOAD_H

#include "sluice/base/bytes.h"
#include "sluice/rt/task.h"

typedef int sl_offload_fn(void *arg);

/*
 * Run fn(arg) on a worker. The task waits until it has run, also when cancelled or past its
 * deadline (CPU work is short, and `arg` is usually on the task's stack). Returns what fn returned,
 * or -ECANCELED / -ETIMEDOUT if the task was cancelled before the work was queued; then fn never
 * runs. The queue is bounded: a full one suspends.
 */
SL_SUSPENDS
int sl_offload(sl_offload_fn *fn, void *arg) SL_MUST_CHECK;

/* Number of worker threads, at least 1. */
unsigned sl_worker_count(void);

enum sl_blocking_pool {
	SL_BLOCKING_FILES,
	SL_BLOCKING_DIRECTORIES, /* opening directories: on a dead mount that hangs for good */
	SL_BLOCKING_RESOLVER,
};

/*
 * Run fn(arg) in a blocking pool until `deadline_ns`. `arg` is heap memory. If the call was
 * abandoned (deadline or cancellation; *abandoned is set), arg is gone for the caller:
 * free_arg(arg) is called on the pool's thread when the function returns at last, or without
 * running it if it had not begun. Else arg is the caller's again. Returns what fn returned;
 * -ETIMEDOUT, -ECANCELED, -ENOMEM or -EAGAIN (no thread can be started) with *abandoned
 * set.
 */
SL_SUSPENDS
int sl_blocking_run(enum sl_blocking_pool which, sl_offload_fn *fn, void *arg,
	void (*free_arg)(void *arg), uint64_t deadline_ns, bool *abandoned) SL_MUST_CHECK;

/* Run fn(arg) in the file pool and wait for it whatever happens; arg may be on the stack. For short
 * calls only. */
SL_SUSPENDS
int sl_blocking_wait(sl_offload_fn *fn, void *arg) SL_MUST_CHECK;

/* On a thread of a pool: write all of the text. Returns 0 or a code; a part of it may have been
 * written then. */
int sl_blocking_write(int fd, struct sl_span text) SL_MUST_CHECK;

#endif
