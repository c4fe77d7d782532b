/*
 * The pools of a runtime: CPU workers, blocking calls for files, and apart from them the opening of
 * directories and resolvers (neither a dead mount nor a dead name server may hold up the disk).
 * Here: their start and end, how results come back to the tasks, and calls that are waited for
 * whatever happens.
 *
 * A task takes a place in its pool, queues a job on its stack and parks. A thread runs it, pushes
 * it onto `finished` and wakes the engine; the loop then wakes the task. Where no thread can be
 * started at all (the limit of processes) the loop runs the job itself: late, but done.
 */
#include "offload_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/cpu.h"
#include "sluice/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define QUEUE_PER_WORKER 4 /* CPU jobs queued or running for each worker; more wait as tasks */
#define BLOCKING_QUEUE 64  /* blocking calls queued or running in a pool */
#define FILE_THREADS 16    /* most of them wait for a disk: syncs of a group side by side */
/* A lookup that hangs holds up no other; threads are started as they are needed. */
#define RESOLVER_THREADS BLOCKING_QUEUE
/* Likewise directories. An open that was abandoned keeps its thread until it returns, so once that
 * many hang no more are opened. */
#define DIRECTORY_THREADS BLOCKING_QUEUE
#define EXTRA_THREADS 16 /* more of each, for calls that wait behind others that hang */
/* how long the end of the program waits for a blocking call that was abandoned */
#define JOIN_NS (200 * SL_NS_PER_MS)

/* ---- the threads' side ---- */

static void
hand_back(struct offload *offload, struct job *job)
{
	struct job *head = atomic_load_explicit(&offload->finished, memory_order_relaxed);
	do {
		job->next = head;
	} while (!atomic_compare_exchange_weak_explicit(
		&offload->finished, &head, job, memory_order_release, memory_order_relaxed));
	/* Once the job is on the list its task may end, and the runtime with it; the engine stays
	 * as long as this thread does. */
	offload->engine->methods->wake(offload->engine);
}

static void
drop_hold(void *ctx)
{
	struct offload *offload = ctx;
	if (atomic_fetch_sub(&offload->holders, 1) > 1)
		return;
	for (unsigned i = 0; i < POOLS; i++)
		pool_release(&offload->pools[i]);
	offload->engine->methods->free(offload->engine);
	free(offload);
}

static void
take_hold(void *ctx)
{
	struct offload *offload = ctx;
	atomic_fetch_add(&offload->holders, 1);
}

void
offload_discard(struct job *job)
{
	job->free_arg(job->arg);
	free(job);
}

static void
run_job(void *ctx, struct job *job)
{
	struct offload *offload = ctx;
	if (atomic_load(&job->state) != JOB_ABANDONED)
		job->result = job->fn(job->arg);
	int expected = JOB_AWAITED;
	if (!job->free_arg || atomic_compare_exchange_strong(&job->state, &expected, JOB_DONE))
		hand_back(offload, job);
	else
		offload_discard(job);
}

static void
run_cpu_job(void *ctx, struct job *job)
{
	struct offload *offload = ctx;
	uint64_t before = sl_clock_monotonic_ns();
	job->result = job->fn(job->arg);
	atomic_fetch_add_explicit(
		&offload->worked_ns, sl_clock_monotonic_ns() - before, memory_order_relaxed);
	atomic_fetch_add_explicit(&offload->worked_count, 1, memory_order_relaxed);
	hand_back(offload, job);
}

/* ---- the runtime's side ---- */

void
offload_announce(struct sl_rt *rt)
{
	for (unsigned i = 0; i < POOLS; i++)
		pool_announce(&rt->offload->pools[i]);
}

void
offload_collect(struct sl_rt *rt)
{
	struct offload *offload = rt->offload;
	offload_run_by_loop(offload);
	if (!atomic_load_explicit(&offload->finished, memory_order_relaxed))
		return;
	struct job *job = atomic_exchange_explicit(&offload->finished, NULL, memory_order_acquire);
	while (job) {
		struct job *next = job->next;
		rt->stats.wakeups++;
		job->is_back = true;
		sl_task_wake(job->task);
		job = next;
	}
	rt->stats.offload_ns = atomic_load_explicit(&offload->worked_ns, memory_order_relaxed);
	rt->stats.offload_count =
		atomic_load_explicit(&offload->worked_count, memory_order_relaxed);
	rt->stats.worker_queue_high_water = offload->pools[POOL_CPU].queue_high_water;
}

static int
init_pool(struct offload *offload, unsigned index, unsigned threads, unsigned extra)
{
	static const char *const names[POOLS] = { "worker", "blocking call", "directory",
		"resolver" };
	struct pool *pool = &offload->pools[index];
	int code = pool_init(pool, threads, extra);
	if (code)
		return code;
	pool->run = index == POOL_CPU ? run_cpu_job : run_job;
	pool->join = take_hold;
	pool->leave = drop_hold;
	pool->ctx = offload;
	sl_semaphore_init(&offload->slots[index], names[index],
		index == POOL_CPU ? pool->threads_max * QUEUE_PER_WORKER : BLOCKING_QUEUE);
	return 0;
}

int
offload_new(struct sl_rt *rt, const struct sl_rt_options *options)
{
	struct offload *offload = calloc(1, sizeof(*offload));
	if (!offload)
		return -ENOMEM;
	const unsigned threads[POOLS] = {
		[POOL_CPU] = options->workers ? options->workers : sl_cpu_count(),
		[POOL_FILES] = options->blocking ? options->blocking : FILE_THREADS,
		[POOL_DIRECTORIES] = DIRECTORY_THREADS,
		[POOL_RESOLVER] = options->resolvers ? options->resolvers : RESOLVER_THREADS,
	};
	unsigned made = 0;
	int code = 0;
	offload->engine = rt->engine;
	offload->holders = 1;
	while (made < POOLS && !code) {
		/* CPU work ends by itself. */
		code = init_pool(
			offload, made, threads[made], made == POOL_CPU ? 0 : EXTRA_THREADS);
		made += code == 0;
	}
	if (!code) {
		rt->offload = offload;
		return 0;
	}
	while (made > 0)
		pool_release(&offload->pools[--made]);
	free(offload);
	return code;
}

void
offload_free(struct sl_rt *rt)
{
	struct offload *offload = rt->offload;
	for (unsigned i = 0; i < POOLS; i++)
		pool_stop(&offload->pools[i], JOIN_NS);
	offload_collect(rt);
	rt->offload = NULL;
	drop_hold(offload);
}

unsigned
sl_worker_count(void)
{
	return sl_task_self()->rt->offload->pools[POOL_CPU].threads_max;
}

void
offload_start(struct offload *offload, unsigned index, struct job *job)
{
	if (pool_enqueue(&offload->pools[index], job))
		return;
	sl_log_debug("cannot start a thread (limit of processes, 'ulimit -u'): a call runs on the "
		     "main thread");
	job->next = offload->by_loop;
	offload->by_loop = job;
	offload->engine->methods->wake(offload->engine);
}

void
offload_wait(struct offload *offload, unsigned index, struct job *job)
{
	struct pool *pool = &offload->pools[index];
	while (!job->is_back) {
		uint64_t relief_ns = pool->extra_max ? sl_deadline_in(RELIEF_NS) : SL_FOREVER;
		(void)sl_task_park(offload->slots[index].name, relief_ns, SL_PARK_UNINTERRUPTIBLE);
		if (!job->is_back && pool->extra_max)
			pool_add_thread(pool, job);
	}
}

SL_SUSPENDS
static int
run_and_wait(unsigned index, sl_offload_fn *fn, void *arg)
{
	struct sl_rt *rt = sl_task_self()->rt;
	struct offload *offload = rt->offload;
	int code = sl_semaphore_take(&offload->slots[index], SL_FOREVER);
	if (code)
		return code;
	if (offload_is_inline(rt)) {
		struct sl_op op = { .kind = SL_OP_CALL, .fn = fn, .arg = arg };
		bool abandoned = false;
		code = offload_call_engine(
			rt, &op, offload->slots[index].name, SL_FOREVER, &abandoned);
	} else {
		struct job job = { .fn = fn, .arg = arg, .task = sl_task_self() };
		offload_start(offload, index, &job);
		offload_wait(offload, index, &job);
		code = job.result;
	}
	sl_semaphore_give(&offload->slots[index]);
	return code;
}

int
sl_offload(sl_offload_fn *fn, void *arg)
{
	return run_and_wait(POOL_CPU, fn, arg);
}

int
sl_blocking_wait(sl_offload_fn *fn, void *arg)
{
	return run_and_wait(POOL_FILES, fn, arg);
}

int
sl_blocking_write(int fd, struct sl_span text)
{
	while (text.len) {
		ssize_t done = write(fd, text.data, text.len);
		if (done < 0 && errno != EINTR)
			return -errno;
		done = SL_MAX(done, 0);
		text = sl_span(text.data + done, text.len - (size_t)done);
	}
	return 0;
}
