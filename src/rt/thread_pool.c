/*
 * Threads start when first needed, up to threads_max; they take jobs off one queue, and wait in it
 * when it is empty. Signals stay with the runtime's thread.
 *
 * One wake-up is under way at a time, and the thread that comes wakes the next if there is more to
 * do. So a burst of quick jobs is done by one or two threads that stay awake, and one that blocks
 * still holds up none of the others.
 */
#include "thread_pool_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/error.h"
#include "sluice/base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define STACK_BYTES (1024 * 1024) /* getaddrinfo and its NSS modules need much */

/* ---- the threads' side ---- */

/* Gives the mutex back before it wakes a thread that needs it: on the same CPU that one may run at
 * once, only to wait for the mutex. */
static void
unlock_and_wake_one(struct pool *pool)
{
	bool wakes = pool->first && pool->idle > 0 && !pool->is_waking;
	if (wakes)
		pool->is_waking = true;
	pthread_mutex_unlock(&pool->mutex);
	if (wakes)
		pthread_cond_signal(&pool->work);
}

static struct job *
take_job(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	while (!pool->first && !pool->is_stopping) {
		pool->idle++;
		pthread_cond_wait(&pool->work, &pool->mutex);
		pool->idle--;
		pool->is_waking = false;
	}
	struct job *job = pool->first;
	if (job) {
		pool->first = job->next;
		if (!pool->first)
			pool->last = &pool->first;
		pool->queued--;
	}
	unlock_and_wake_one(pool);
	return job;
}

static void *
thread_main(void *arg)
{
	struct pool_thread *thread = arg;
	struct pool *pool = thread->pool;
	struct job *job;
	while ((job = take_job(pool)))
		pool->run(pool->ctx, job);
	pthread_mutex_lock(&pool->mutex);
	thread->has_ended = true;
	pool->ended++;
	pthread_cond_signal(&pool->end);
	pthread_mutex_unlock(&pool->mutex);
	pool->leave(pool->ctx);
	return NULL;
}

/* ---- the runtime's side ---- */

static bool
start_thread(struct pool *pool)
{
	sigset_t all, before;
	pthread_attr_t attr;
	if (pool->threads == POOL_THREADS_MAX)
		return false;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	struct pool_thread *thread = &pool->all[pool->threads];
	thread->pool = pool;
	pool->join(pool->ctx);
	int code = pthread_create(&thread->id, &attr, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (code != 0) {
		pool->leave(pool->ctx);
		sl_log_debug("cannot start a thread: %s", sl_code_text(-code));
		return false;
	}
	pool->threads++;
	return true;
}

bool
pool_enqueue(struct pool *pool, struct job *job)
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
	pool->has_news = true;
	pthread_mutex_unlock(&pool->mutex);
	return true;
}

/* A thread that is woken earlier takes the CPU from the very one that brings the work. */
void
pool_announce(struct pool *pool)
{
	if (!pool->has_news)
		return;
	pool->has_news = false;
	pthread_mutex_lock(&pool->mutex);
	unlock_and_wake_one(pool);
}

/* The link that leads to the job, or the one behind the last. With the mutex held. */
static struct job **
find(struct pool *pool, const struct job *job)
{
	struct job **link = &pool->first;
	while (*link && *link != job)
		link = &(*link)->next;
	return link;
}

bool
pool_withdraw(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->mutex);
	struct job **link = find(pool, job);
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

void
pool_add_thread(struct pool *pool, const struct job *job)
{
	pthread_mutex_lock(&pool->mutex);
	/* Calls that may be abandoned hang more often: some threads are left for the others. */
	unsigned extra = job->free_arg ? pool->extra_max / 2 : pool->extra_max;
	if (*find(pool, job) == job && pool->idle == 0 && pool->threads < pool->threads_max + extra)
		(void)start_thread(pool);
	unlock_and_wake_one(pool);
}

int
pool_init(struct pool *pool, unsigned threads, unsigned extra)
{
	pool->threads_max = SL_MIN(threads, (unsigned)POOL_THREADS_MAX);
	pool->extra_max = extra;
	pool->last = &pool->first;
	if (pthread_mutex_init(&pool->mutex, NULL) != 0)
		return -ENOMEM;
	if (pthread_cond_init(&pool->work, NULL) == 0) {
		if (pthread_cond_init(&pool->end, NULL) == 0)
			return 0;
		pthread_cond_destroy(&pool->work);
	}
	pthread_mutex_destroy(&pool->mutex);
	return -ENOMEM;
}

void
pool_release(struct pool *pool)
{
	pthread_mutex_destroy(&pool->mutex);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->end);
}

void
pool_stop(struct pool *pool, uint64_t patience_ns)
{
	pthread_t joined[POOL_THREADS_MAX];
	unsigned count = 0;
	pthread_mutex_lock(&pool->mutex);
	pool->is_stopping = true;
	pthread_cond_broadcast(&pool->work);
	uint64_t until_ns = sl_clock_monotonic_ns() + patience_ns;
	struct timespec until = { .tv_sec = (time_t)(until_ns / SL_NS_PER_S),
		.tv_nsec = (long)(until_ns % SL_NS_PER_S) };
	int code = 0;
	while (pool->ended < pool->threads && code == 0)
		code = pthread_cond_clockwait(&pool->end, &pool->mutex, CLOCK_MONOTONIC, &until);
	for (unsigned i = 0; i < pool->threads; i++) {
		if (pool->all[i].has_ended)
			joined[count++] = pool->all[i].id;
		else
			pthread_detach(pool->all[i].id);
	}
	pthread_mutex_unlock(&pool->mutex);
	while (count > 0)
		pthread_join(joined[--count], NULL);
}
