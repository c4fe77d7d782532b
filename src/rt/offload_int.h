/*
 * offload_int.h - what the files of offload share.
 *
 *   offload.c          the pools of a runtime, and calls that are waited for
 *   offload_abandon.c  calls that may be abandoned
 *   offload_inline.c   calls that the engine carries, or the loop itself
 *   thread_pool.c      threads and their queue
 */
#ifndef SLUICE_RT_OFFLOAD_INT_H
#define SLUICE_RT_OFFLOAD_INT_H

#include "runtime_int.h"
#include "thread_pool_int.h"

#include "sluice/rt/offload.h"

enum { POOL_CPU, POOL_FILES, POOL_DIRECTORIES, POOL_RESOLVER, POOLS };

/*
 * A call that was abandoned while it runs may outlive the runtime, and closes by the engine what it
 * opened. So each thread holds this memory and the engine as the runtime does, and the last one
 * frees both.
 */
struct offload {
	struct sl_engine *engine;
	_Atomic unsigned holders; /* the runtime and each thread */
	struct pool pools[POOLS];
	struct sl_semaphore slots[POOLS]; /* jobs queued or running; more wait as tasks */
	struct job *by_loop;              /* jobs for which no thread can be started */
	_Atomic(struct job *) finished;   /* a stack; the runtime's thread takes all of it */
	_Atomic uint64_t worked_ns;
	_Atomic uint64_t worked_count;
};

/* Jobs that wait for so long behind others get a thread of their own: those may hang for good. */
#define RELIEF_NS SL_NS_PER_S

/* Queue the job, or let the loop run it. The pool's place is taken. */
void offload_start(struct offload *offload, unsigned index, struct job *job);

/* Free a job that may be abandoned, and its argument. */
void offload_discard(struct job *job);

/* Until the job is back, whatever comes. */
SL_SUSPENDS
void offload_wait(struct offload *offload, unsigned index, struct job *job);

/* True if the engine carries calls. Then offload_call_engine, with the pool's place taken: what fn
 * returned, or with *abandoned the reason. */
bool offload_is_inline(struct sl_rt *rt);
SL_SUSPENDS
int offload_call_engine(struct sl_rt *rt, struct sl_op *op, const char *what, uint64_t deadline_ns,
	bool *abandoned);

/* Run what is in by_loop. On the loop's own stack, between two turns. */
void offload_run_by_loop(struct offload *offload);

#endif
