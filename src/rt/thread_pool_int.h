/*
 * thread_pool_int.h - threads that take jobs off a bounded queue. Used by offload*.c only. All
 * here is called on the runtime's thread unless stated otherwise.
 */
#ifndef SLUICE_RT_THREAD_POOL_H
#define SLUICE_RT_THREAD_POOL_H

#include "sluice/base/def.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define POOL_THREADS_MAX 256

/*
 * A function on its way. It is queued, then running, then handed back: it leaves the queue under
 * the pool's mutex, taken by a thread or withdrawn. Apart from that `state` decides which side
 * frees it when the caller goes away: the caller sets ABANDONED, the thread DONE, and the second of
 * both cleans up.
 */
enum job_state { JOB_AWAITED, JOB_DONE, JOB_ABANDONED };

struct job {
	struct job *next;
	int (*fn)(void *arg);
	void *arg;
	void (*free_arg)(void *arg); /* only of calls that may be abandoned; then the job is heap
					memory too */
	int result;
	bool is_back; /* the runtime's thread has seen that it is done */
	_Atomic int state;
	struct sl_task *task;
};

struct pool;

struct pool_thread {
	pthread_t id;
	struct pool *pool;
	bool has_ended;
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t work;
	pthread_cond_t end; /* a thread has ended */
	struct job *first, **last;
	unsigned threads, idle, threads_max;
	/* Threads beyond threads_max, for jobs that wait behind calls that hang. */
	unsigned extra_max;
	size_t queued, queue_high_water;
	bool is_waking; /* a thread was woken and has not run yet */
	bool is_stopping;
	bool has_news; /* jobs came in this turn; the runtime's thread only */
	unsigned ended;
	struct pool_thread all[POOL_THREADS_MAX];
	/* On the thread: run a job; and the thread is about to end. */
	void (*run)(void *ctx, struct job *job);
	void (*leave)(void *ctx);
	void (*join)(void *ctx);
	void *ctx;
};

/* -ENOMEM if the system refuses. */
int pool_init(struct pool *pool, unsigned threads, unsigned extra);
void pool_release(struct pool *pool);

/* False if the pool has no thread and cannot start one: the job is still the caller's. */
bool pool_enqueue(struct pool *pool, struct job *job) SL_MUST_CHECK;

/* At the end of a turn: wake a thread for all that was queued in it. */
void pool_announce(struct pool *pool);

/* True if no thread has begun it: it is out of the queue, and the caller's again. */
bool pool_withdraw(struct pool *pool, struct job *job) SL_MUST_CHECK;

/* The job has waited long: if it is still queued and every thread is busy, start one more. */
void pool_add_thread(struct pool *pool, const struct job *job);

/* Wait up to `patience_ns` for the threads to end; those whose calls still block are left to
 * themselves. */
void pool_stop(struct pool *pool, uint64_t patience_ns);

#endif
