/*
 * sim_thread.c - threads of the simulated world: functions of the workers and of the blocking pool.
 *
 * Each runs on a stack of its own, in the simulator's one real thread, and takes turns with
 * everything else: what it does through run_blocking() is an operation like any other, with its
 * delay, its faults and its place among the others' operations, and the function goes on when that
 * has come back. So the interleavings of real threads are tried, and a run repeats from its seed.
 * Between two such operations a function runs to the end: races on memory are TSan's affair.
 */
#include "sim_world.h"

#include <errno.h>
#include <stdlib.h>

/* as for a task in runtime.c; under sanitizers frames are larger */
#define STACK_BYTES (256 * SL_KIB)

struct sim_thread {
	struct sl_list link;    /* of all */
	struct sl_list of_idle; /* while it runs nothing */
	struct sl_fiber fiber;
	struct sim *sim;
	struct sim_job *call; /* NULL once it was abandoned */
	int (*fn)(void *arg);
	void *arg;
	void (*free_arg)(void *arg);
	int result;
	bool is_done;
};

static void
thread_main(void *arg)
{
	struct sim_thread *thread = arg;
	for (;;) {
		thread->result = thread->fn(thread->arg);
		thread->is_done = true;
		sl_fiber_switch(&thread->fiber, &thread->sim->loop, false);
	}
}

static struct sim_thread *
new_thread(struct sim *sim)
{
	struct sim_thread *thread = calloc(1, sizeof(*thread));
	sl_assert(thread && sl_fiber_map(&thread->fiber, STACK_BYTES) == 0);
	thread->sim = sim;
	sl_list_init(&thread->of_idle);
	sl_list_push_back(&sim->threads, &thread->link);
	sl_fiber_prepare(&thread->fiber, thread_main, thread);
	return thread;
}

static void
end_call(struct sim *sim, struct sim_thread *thread)
{
	if (thread->call)
		sim_job_finish(sim, thread->call, thread->result);
	else
		thread->free_arg(thread->arg);
	thread->call = NULL;
	sl_list_push_front(&sim->idle, &thread->of_idle);
}

/* On the loop's stack, from an event. */
void
sim_thread_resume(struct sim *sim, struct sim_thread *thread)
{
	sl_assert(!sim->running);
	if (!sim->has_loop)
		sl_fiber_adopt_thread(&sim->loop);
	sim->has_loop = true;
	sim->running = thread;
	sl_fiber_switch(&sim->loop, &thread->fiber, false);
	sim->running = NULL;
	if (thread->is_done)
		end_call(sim, thread);
}

void
sim_thread_begin(struct sim *sim, struct sim_job *call)
{
	struct sl_list *node = sl_list_pop(&sim->idle);
	struct sim_thread *thread =
		node ? sl_list_item(node, struct sim_thread, of_idle) : new_thread(sim);
	thread->call = call;
	thread->fn = call->copy.fn;
	thread->arg = call->copy.arg;
	thread->free_arg = call->copy.free_arg;
	thread->is_done = false;
	call->thread = thread;
	call->stage = SIM_WAITING;
	sim_thread_resume(sim, thread);
}

/* A cancelled call comes back at once; what runs goes on, and then frees its argument. */
void
sim_thread_abandon(struct sim *sim, struct sim_job *call)
{
	if (!call->copy.free_arg || call->stage >= SIM_FINISHING)
		return;
	call->op->is_abandoned = true;
	if (call->thread)
		call->thread->call = NULL;
	else
		call->copy.free_arg(call->copy.arg);
	sim_job_finish(sim, call, -ECANCELED);
}

/* In a thread the operation takes its time; elsewhere (a close that found no slot) it is carried
 * out at once. */
int
sim_thread_run(struct sim *sim, struct sl_op *op)
{
	struct sl_op own = *op;
	own.state = SL_OP_IDLE;
	own.owner = NULL;
	struct sim_job *job = sim_job_submit(sim, &own);
	struct sim_thread *thread = sim->running;
	static struct sim_thread none; /* not NULL: the operation must not come back by wait() */
	job->waiter = thread ? thread : &none;
	if (thread) {
		sim_pass_on(sim);
		sl_fiber_switch(&thread->fiber, &sim->loop, false);
	} else {
		sim_job_run_now(sim, job);
	}
	sl_assert(own.state == SL_OP_DONE);
	return own.result;
}

/* Calls that never came back, after a deadlock, are dropped with their stacks. */
void
sim_threads_free(struct sim *sim)
{
	struct sl_list *node;
	while ((node = sl_list_pop(&sim->threads))) {
		struct sim_thread *thread = sl_list_item(node, struct sim_thread, link);
		sl_fiber_unmap(&thread->fiber);
		free(thread);
	}
	sl_list_init(&sim->idle);
	if (sim->has_loop)
		sl_fiber_unmap(&sim->loop);
	sim->has_loop = false;
}
