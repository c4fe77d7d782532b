/*
 * Blocking calls that may be abandoned: the caller waits until its deadline and then goes on, while
 * the call may hang for as long as it likes, with an argument that is heap memory and its own.
 *
 * What is abandoned in the queue leaves it at once, so that the queue stays bounded while all
 * threads hang. What is abandoned while it runs keeps its thread, and frees its argument on it.
 */
#include "offload_int.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t
nearest_deadline(uint64_t deadline_ns)
{
	return SL_MIN(deadline_ns, sl_task_deadline());
}

/* Park until the job is back, or abandon it. Returns its result, or the code with the job no longer
 * ours. */
SL_SUSPENDS
static int
wait_or_abandon(struct offload *offload, unsigned index, struct job *job, uint64_t deadline_ns,
	bool *abandoned)
{
	struct pool *pool = &offload->pools[index];
	while (!job->is_back) {
		uint64_t relief_ns = sl_deadline_in(RELIEF_NS);
		enum sl_wake wake =
			sl_task_park(offload->slots[index].name, SL_MIN(deadline_ns, relief_ns), 0);
		if (wake == SL_WAKE_READY || job->is_back)
			continue;
		if (wake == SL_WAKE_TIMEOUT && sl_now() < nearest_deadline(deadline_ns)) {
			pool_add_thread(pool, job);
			continue;
		}
		int expected = JOB_AWAITED;
		if (atomic_compare_exchange_strong(&job->state, &expected, JOB_ABANDONED)) {
			*abandoned = true;
			if (pool_withdraw(pool, job))
				offload_discard(job);
			return sl_task_wake_code(wake);
		}
		/* Done in this very moment: its result is on its way here. */
		offload_wait(offload, index, job);
	}
	int result = job->result;
	free(job);
	return result;
}

SL_SUSPENDS
static int
run_on_thread(struct offload *offload, unsigned index, const struct sl_op *op, uint64_t deadline_ns,
	bool *abandoned)
{
	struct job *job = calloc(1, sizeof(*job));
	int code = -ENOMEM;
	if (job) {
		*job = (struct job){ .fn = op->fn,
			.arg = op->arg,
			.free_arg = op->free_arg,
			.task = sl_task_self() };
		if (pool_enqueue(&offload->pools[index], job))
			return wait_or_abandon(offload, index, job, deadline_ns, abandoned);
		/* It may hang, and then the loop would with it. */
		code = -EAGAIN;
		free(job);
	}
	op->free_arg(op->arg);
	*abandoned = true;
	return code;
}

int
sl_blocking_run(enum sl_blocking_pool which, sl_offload_fn *fn, void *arg,
	void (*free_arg)(void *arg), uint64_t deadline_ns, bool *abandoned)
{
	static const unsigned pools[] = { [SL_BLOCKING_FILES] = POOL_FILES,
		[SL_BLOCKING_DIRECTORIES] = POOL_DIRECTORIES,
		[SL_BLOCKING_RESOLVER] = POOL_RESOLVER };
	struct sl_rt *rt = sl_task_self()->rt;
	struct offload *offload = rt->offload;
	unsigned index = pools[which];
	struct sl_op op = { .kind = SL_OP_CALL, .fn = fn, .arg = arg, .free_arg = free_arg };
	*abandoned = false;
	int code = sl_semaphore_take(&offload->slots[index], deadline_ns);
	if (code) {
		free_arg(arg);
		*abandoned = true;
		return code;
	}
	code = offload_is_inline(rt) ? offload_call_engine(rt, &op, offload->slots[index].name,
					       deadline_ns, abandoned)
				     : run_on_thread(offload, index, &op, deadline_ns, abandoned);
	sl_semaphore_give(&offload->slots[index]);
	return code;
}
