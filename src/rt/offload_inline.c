/*
 * Calls without a thread: those that the engine carries itself (a simulator does: its virtual time
 * covers no threads), and those that the loop runs because no thread can be started.
 */
#include "offload_int.h"

bool
offload_is_inline(struct sl_rt *rt)
{
	const struct sl_op op = { .kind = SL_OP_CALL };
	return rt->engine->methods->carries(rt->engine, &op);
}

int
offload_call_engine(
	struct sl_rt *rt, struct sl_op *op, const char *what, uint64_t deadline_ns, bool *abandoned)
{
	int code = 0;
	op->owner = sl_task_self();
	rt->engine->methods->submit(rt->engine, op);
	while (op->state != SL_OP_DONE) {
		bool must_wait = code != 0 || !op->free_arg;
		enum sl_wake wake = sl_task_park(what, must_wait ? SL_FOREVER : deadline_ns,
			must_wait ? SL_PARK_UNINTERRUPTIBLE : 0);
		if (wake == SL_WAKE_READY || op->state == SL_OP_DONE)
			continue;
		code = sl_task_wake_code(wake);
		rt->engine->methods->cancel(rt->engine, op);
	}
	*abandoned = op->is_abandoned;
	return op->is_abandoned ? code : op->result;
}

void
offload_run_by_loop(struct offload *offload)
{
	struct job *job;
	while ((job = offload->by_loop)) {
		offload->by_loop = job->next;
		job->result = job->fn(job->arg);
		job->is_back = true;
		sl_task_wake(job->task);
	}
}
