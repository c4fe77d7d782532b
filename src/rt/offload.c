/*
 * Thread pools: CPU workers, blocking calls for files, and resolvers apart from them (a dead name
 * server must not hold up the disk). Threads start when first needed.
 *
 * A job goes IDLE -> queued -> running -> done; it is taken off the queue under the pool's mutex.
 * `state` decides who frees it when the caller goes away: the caller sets ABANDONED, the thread
 * DONE, and whoever comes second cleans up. What is abandoned in the queue leaves it at once, so
 * that the queue stays bounded while all threads are stuck.
 *
 * A call that is abandoned while it runs may outlive the runtime. So each thread holds the pools'
 * memory as the runtime does, the last one frees it, and nobody wakes an engine that is gone.
 */
#include "sluice/rt/offload.h"

#include "runtime_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/cpu.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#define QUEUE_PER_WORKER 4 /* CPU jobs queued or running for each worker; more wait as tasks */
#define BLOCKING_QUEUE 64  /* blocking calls queued or running in a pool */
/* A lookup that hangs holds up no other; threads are started as they are needed. */
#define RESOLVER_THREADS BLOCKING_QUEUE
#define THREADS_MAX 256
/* how long the end of the program waits for a blocking call that was abandoned */
#define JOIN_NS (200 * SL_NS_PER_MS)
#define STACK_BYTES (1024 * 1024) /* getaddrinfo and its NSS modules are hungry */

enum job_state { JOB_WAITED, JOB_DONE, JOB_ABANDONED };

struct job {
	struct job *next;
	sl_offload_fn *fn;
	void *arg;
	void (*free_arg)(void *arg); /* only of calls that may be abandoned; then the job is heap
					memory too */
	int result;
	bool finished; /* the runtime's thread has seen it */
	_Atomic int state;
	struct sl_task *task;
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct job *first, **last;
	unsigned threads, idle, threads_max;
	size_t queued, queue_high_water;
	bool waking; /* a thread was woken and has not looked yet */
	bool stopping;
	pthread_cond_t end; /* a thread has ended */
	unsigned ended;
	struct thread {
		pthread_t id;
		struct pool *pool;
		bool ended;
	} all[THREADS_MAX];
	struct offload *owner;
	bool unannounced; /* jobs came in this turn; the runtime's thread only */
	struct sl_semaphore places;
	_Atomic unsigned running; /* functions running now */
};

enum { POOL_CPU, POOL_FILES, POOL_RESOLVER, POOLS };

struct offload {
	pthread_mutex_t wake_mutex;
	struct sl_engine *engine; /* NULL once the runtime has ended; under wake_mutex */
	_Atomic unsigned holders; /* the runtime and each thread */
	struct pool pools[POOLS];
	_Atomic(struct job *) finished; /* a stack; the runtime's thread takes all of it */
	_Atomic uint64_t worked_ns;
	_Atomic uint64_t worked_count;
};

/* ---- the threads' side ---- */

/*
 * One wake-up is under way at a time, and who comes wakes the next if there is more to do. So a
 * burst of quick jobs is done by one or two threads that stay awake, and one that blocks still
 * holds up nobody. With the mutex held.
 */
static void
wake_one(struct pool *pool)
{
	if (!pool->first || pool->idle == 0 || pool->waking)
		return;
	pool->waking = true;
	pthread_cond_signal(&pool->work);
}

static struct job *
take_job(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	while (!pool->first && !pool->stopping) {
		pool->idle++;
		pthread_cond_wait(&pool->work, &pool->mutex);
		pool->idle--;
		pool->waking = false;
	}
	struct job *job = pool->first;
	if (job) {
		pool->first = job->next;
		if (!pool->first)
			pool->last = &pool->first;
		pool->queued--;
		atomic_fetch_add(&pool->running, 1);
		wake_one(pool);
	}
	pthread_mutex_unlock(&pool->mutex);
	return job;
}

static void
hand_back(struct offload *offload, struct job *job)
{
	struct job *head = atomic_load_explicit(&offload->finished, memory_order_relaxed);
	do {
		job->next = head;
	} while (!atomic_compare_exchange_weak_explicit(
		&offload->finished, &head, job, memory_order_release, memory_order_relaxed));
	/* Once the job is on the list its task may end, and the runtime with it. */
	pthread_mutex_lock(&offload->wake_mutex);
	if (offload->engine)
		offload->engine->methods->wake(offload->engine);
	pthread_mutex_unlock(&offload->wake_mutex);
}

static void
let_go(struct offload *offload)
{
	if (atomic_fetch_sub(&offload->holders, 1) > 1)
		return;
	for (unsigned i = 0; i < POOLS; i++) {
		pthread_mutex_destroy(&offload->pools[i].mutex);
		pthread_cond_destroy(&offload->pools[i].work);
		pthread_cond_destroy(&offload->pools[i].end);
	}
	pthread_mutex_destroy(&offload->wake_mutex);
	free(offload);
}

static void
discard(struct job *job)
{
	job->free_arg(job->arg);
	free(job);
}

static void
run_job(struct pool *pool, struct job *job)
{
	struct offload *offload = pool->owner;
	bool cpu = pool == &offload->pools[POOL_CPU];
	if (atomic_load(&job->state) != JOB_ABANDONED) {
		uint64_t before = cpu ? sl_clock_monotonic_ns() : 0;
		job->result = job->fn(job->arg);
		if (cpu) {
			atomic_fetch_add_explicit(&offload->worked_ns,
				sl_clock_monotonic_ns() - before, memory_order_relaxed);
			atomic_fetch_add_explicit(&offload->worked_count, 1, memory_order_relaxed);
		}
	}
	int expected = JOB_WAITED;
	if (!job->free_arg || atomic_compare_exchange_strong(&job->state, &expected, JOB_DONE))
		hand_back(offload, job);
	else
		discard(job);
	atomic_fetch_sub(&pool->running, 1);
}

static void *
thread_main(void *arg)
{
	struct thread *thread = arg;
	struct pool *pool = thread->pool;
	struct job *job;
	while ((job = take_job(pool)))
		run_job(pool, job);
	pthread_mutex_lock(&pool->mutex);
	thread->ended = true;
	pool->ended++;
	pthread_cond_signal(&pool->end);
	pthread_mutex_unlock(&pool->mutex);
	let_go(pool->owner);
	return NULL;
}

/* ---- the runtime's side ---- */

/* Signals stay with the runtime's thread, which takes them through the ring. */
static bool
start_thread(struct pool *pool)
{
	sigset_t all, before;
	pthread_attr_t attr;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	struct thread *thread = &pool->all[pool->threads];
	thread->pool = pool;
	atomic_fetch_add(&pool->owner->holders, 1);
	int code = pthread_create(&thread->id, &attr, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (code != 0) {
		atomic_fetch_sub(&pool->owner->holders, 1);
		return false;
	}
	pool->threads++;
	return true;
}

/* False if there is no thread at all and none can be started. */
static bool
enqueue(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->mutex);
	bool more = pool->idle <= pool->queued && pool->threads < pool->threads_max;
	if (more && !start_thread(pool) && pool->threads == 0) {
		pthread_mutex_unlock(&pool->mutex);
		return false;
	}
	job->next = NULL;
	*pool->last = job;
	pool->last = &job->next;
	pool->queued++;
	pool->queue_high_water = SL_MAX(pool->queue_high_water, pool->queued);
	pool->unannounced = true;
	pthread_mutex_unlock(&pool->mutex);
	return true;
}

/* At the end of a turn, for all that was queued in it: a thread that is woken earlier takes the
 * processor from the very one that brings the work. */
void
offload_announce(struct sl_rt *rt)
{
	for (unsigned i = 0; i < POOLS; i++) {
		struct pool *pool = &rt->offload->pools[i];
		if (!pool->unannounced)
			continue;
		pool->unannounced = false;
		pthread_mutex_lock(&pool->mutex);
		wake_one(pool);
		pthread_mutex_unlock(&pool->mutex);
	}
}

void
offload_collect(struct sl_rt *rt)
{
	struct offload *offload = rt->offload;
	if (!atomic_load_explicit(&offload->finished, memory_order_relaxed))
		return;
	struct job *job = atomic_exchange_explicit(&offload->finished, NULL, memory_order_acquire);
	while (job) {
		struct job *next = job->next;
		rt->stats.wakeups++;
		if (atomic_load(&job->state) == JOB_ABANDONED) {
			discard(job); /* it finished, and was abandoned before we looked */
		} else {
			job->finished = true;
			sl_task_wake(job->task);
		}
		job = next;
	}
	rt->stats.offload_ns = atomic_load_explicit(&offload->worked_ns, memory_order_relaxed);
	rt->stats.offload_count =
		atomic_load_explicit(&offload->worked_count, memory_order_relaxed);
	rt->stats.worker_queue_high_water = offload->pools[POOL_CPU].queue_high_water;
}

static int
init_pool(struct offload *offload, unsigned index, unsigned threads, unsigned places)
{
	static const char *const names[POOLS] = { "worker", "blocking call", "resolver" };
	struct pool *pool = &offload->pools[index];
	pool->owner = offload;
	pool->threads_max = SL_MIN(threads, (unsigned)THREADS_MAX);
	pool->last = &pool->first;
	sl_semaphore_init(&pool->places, names[index], places);
	if (pthread_mutex_init(&pool->mutex, NULL) != 0 ||
		pthread_cond_init(&pool->work, NULL) != 0 ||
		pthread_cond_init(&pool->end, NULL) != 0)
		return -ENOMEM;
	return 0;
}

int
offload_new(struct sl_rt *rt, const struct sl_rt_options *options)
{
	struct offload *offload = calloc(1, sizeof(*offload));
	if (!offload)
		return -ENOMEM;
	unsigned workers = options->workers ? options->workers : sl_cpu_count();
	offload->engine = rt->engine;
	offload->holders = 1;
	rt->offload = offload;
	if (pthread_mutex_init(&offload->wake_mutex, NULL) != 0) {
		free(offload);
		return -ENOMEM;
	}
	int code = init_pool(offload, POOL_CPU, workers,
		SL_MIN(workers, (unsigned)THREADS_MAX) * QUEUE_PER_WORKER);
	if (!code)
		code = init_pool(offload, POOL_FILES, options->blocking ? options->blocking : 4,
			BLOCKING_QUEUE);
	if (!code)
		code = init_pool(offload, POOL_RESOLVER,
			options->resolvers ? options->resolvers : RESOLVER_THREADS, BLOCKING_QUEUE);
	if (code)
		free(offload);
	return code;
}

/* Wait a while for its threads. One whose call was abandoned and still blocks goes on by itself. */
static void
stop_pool(struct pool *pool)
{
	pthread_t joined[THREADS_MAX];
	unsigned count = 0;
	pthread_mutex_lock(&pool->mutex);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	uint64_t until_ns = sl_clock_monotonic_ns() + JOIN_NS;
	struct timespec until = { .tv_sec = (time_t)(until_ns / SL_NS_PER_S),
		.tv_nsec = (long)(until_ns % SL_NS_PER_S) };
	int code = 0;
	while (pool->ended < pool->threads && code == 0)
		code = pthread_cond_clockwait(&pool->end, &pool->mutex, CLOCK_MONOTONIC, &until);
	for (unsigned i = 0; i < pool->threads; i++) {
		if (pool->all[i].ended)
			joined[count++] = pool->all[i].id;
		else
			pthread_detach(pool->all[i].id);
	}
	pthread_mutex_unlock(&pool->mutex);
	while (count > 0)
		pthread_join(joined[--count], NULL);
}

void
offload_free(struct sl_rt *rt)
{
	struct offload *offload = rt->offload;
	for (unsigned i = 0; i < POOLS; i++)
		stop_pool(&offload->pools[i]);
	pthread_mutex_lock(&offload->wake_mutex);
	offload->engine = NULL;
	pthread_mutex_unlock(&offload->wake_mutex);
	offload_collect(rt);
	rt->offload = NULL;
	let_go(offload);
}

unsigned
sl_worker_count(void)
{
	return sl_task_self()->rt->offload->pools[POOL_CPU].threads_max;
}

/* A simulated engine has one thread and virtual time: the delay is that of an operation, the work
 * is done here. Returns 0 when it is time to do it; if the deadline or a cancellation comes first,
 * that. */
SL_SUSPENDS
static int
wait_simulated(struct sl_rt *rt, uint64_t deadline_ns, unsigned flags)
{
	struct sl_op op = { .kind = SL_OP_NOP, .owner = sl_task_self() };
	int code = sl_semaphore_take(&rt->slots, deadline_ns);
	if (code)
		return code;
	rt->engine->methods->submit(rt->engine, &op);
	while (op.state != SL_OP_DONE) {
		enum sl_wake wake =
			sl_task_park("simulated thread", deadline_ns, code ? SL_PARK_DEAF : flags);
		if (wake != SL_WAKE_READY && op.state != SL_OP_DONE)
			code = sl_task_wake_code(wake);
	}
	sl_semaphore_give(&rt->slots);
	return code;
}

SL_SUSPENDS
static void
wait_finished(struct job *job, const char *what)
{
	while (!job->finished)
		(void)sl_task_park(what, SL_FOREVER, SL_PARK_DEAF);
}

SL_SUSPENDS
static int
run_and_wait(unsigned index, sl_offload_fn *fn, void *arg)
{
	struct sl_rt *rt = sl_task_self()->rt;
	struct pool *pool = &rt->offload->pools[index];
	int code = task_check();
	if (code)
		return code;
	if (rt->engine->simulated) {
		code = wait_simulated(rt, SL_FOREVER, SL_PARK_DEAF);
		return code ? code : fn(arg);
	}
	code = sl_semaphore_take(&pool->places, SL_FOREVER);
	if (code)
		return code;
	struct job job = { .fn = fn, .arg = arg, .task = sl_task_self() };
	/* At the limit of processes a call to a file is made here and now: better late than never.
	 * What needs a thread's stack cannot be. */
	if (enqueue(pool, &job))
		wait_finished(&job, pool->places.name);
	else
		job.result = index == POOL_FILES ? fn(arg) : -EAGAIN;
	sl_semaphore_give(&pool->places);
	return job.result;
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

/* True if no thread has begun it: then nobody else knows of it any more. */
static bool
take_back(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->mutex);
	struct job **link = &pool->first;
	while (*link && *link != job)
		link = &(*link)->next;
	bool found = *link == job;
	if (found) {
		*link = job->next;
		if (!*link)
			pool->last = link;
		pool->queued--;
	}
	pthread_mutex_unlock(&pool->mutex);
	return found;
}

/* Park until the job is done, or give it up. Returns its result, or the code with the job no longer
 * ours. */
SL_SUSPENDS
static int
wait_or_abandon(struct pool *pool, struct job *job, uint64_t deadline_ns, bool *abandoned)
{
	const char *what = pool->places.name;
	while (!job->finished) {
		enum sl_wake wake = sl_task_park(what, deadline_ns, 0);
		if (wake == SL_WAKE_READY || job->finished)
			continue;
		int expected = JOB_WAITED;
		if (atomic_compare_exchange_strong(&job->state, &expected, JOB_ABANDONED)) {
			*abandoned = true;
			if (take_back(pool, job))
				discard(job);
			return sl_task_wake_code(wake);
		}
		/* Done in this very moment: its result is on its way here. */
		wait_finished(job, what);
	}
	int result = job->result;
	free(job);
	return result;
}

int
sl_blocking_run(enum sl_blocking_pool which, sl_offload_fn *fn, void *arg,
	void (*free_arg)(void *arg), uint64_t deadline_ns, bool *abandoned)
{
	struct sl_rt *rt = sl_task_self()->rt;
	struct pool *pool =
		&rt->offload->pools[which == SL_BLOCKING_RESOLVER ? POOL_RESOLVER : POOL_FILES];
	*abandoned = false;
	if (rt->engine->simulated) {
		int code = wait_simulated(rt, deadline_ns, 0);
		*abandoned = code != 0;
		if (code)
			free_arg(arg);
		return code ? code : fn(arg);
	}
	int code = sl_semaphore_take(&pool->places, deadline_ns);
	struct job *job = code ? NULL : calloc(1, sizeof(*job));
	if (!job) {
		if (!code)
			sl_semaphore_give(&pool->places);
		free_arg(arg);
		*abandoned = true;
		return code ? code : -ENOMEM;
	}
	*job = (struct job){ .fn = fn, .arg = arg, .free_arg = free_arg, .task = sl_task_self() };
	if (enqueue(pool, job)) {
		code = wait_or_abandon(pool, job, deadline_ns, abandoned);
	} else {
		free_arg(arg);
		free(job);
		*abandoned = true;
		code = -EAGAIN;
	}
	sl_semaphore_give(&pool->places);
	return code;
}
