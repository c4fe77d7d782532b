/*
 * Workers and the blocking pool: on real threads with the ring, and in the simulator.
 */
#include "support/run.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/stats.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- both ways ---- */

static void
both(sl_task_fn *fn)
{
	cr_assert_eq(ring_run(2, fn, NULL), 0);
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct sim *sim = sim_plain(seed);
		cr_assert_eq(sim_run(sim, fn, sim), 0);
		sim_free(sim);
	}
}

static int
triple(void *arg)
{
	*(int *)arg *= 3;
	return *(int *)arg;
}

static int
simple(void *arg)
{
	(void)arg;
	int value = 5;
	cr_assert_eq(sl_offload(triple, &value), 15);
	cr_assert_eq(sl_blocking_wait(triple, &value), 45);
	cr_assert_geq(sl_worker_count(), 1);
	return 0;
}

Test(offload, a_function_runs_elsewhere_and_its_result_comes_back)
{
	both(simple);
}

static int
work_many(void *arg)
{
	int *value = arg;
	for (int i = 1; i < 8; i++) {
		int before = *value;
		cr_assert_eq(sl_offload(triple, value), before * 3);
	}
	return 0;
}

static int
many(void *arg)
{
	(void)arg;
	int values[100];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < 100; i++) {
		values[i] = i;
		cr_assert_eq(sl_group_spawn(&group, "worker", work_many, &values[i], NULL), 0);
	}
	cr_assert_eq(sl_group_leave(&group), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(values[i], i * 2187);
	return 0;
}

Test(offload, many_tasks_share_the_workers)
{
	both(many);
}

static int
offload_when_cancelled(void *arg)
{
	int value = 5;
	int code = sl_offload(triple, &value);
	cr_assert_eq(value, 5, "it was not run");
	*(int *)arg = code;
	return 0;
}

static int
cancelled_before(void *arg)
{
	(void)arg;
	struct sl_group group;
	int code = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "cancelled", offload_when_cancelled, &code, NULL), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_eq(code, -ECANCELED);
	struct sl_deadline scope;
	sl_deadline_begin(&scope, 1);
	int value = 5;
	cr_assert_eq(sl_offload(triple, &value), -ETIMEDOUT);
	cr_assert_eq(sl_blocking_wait(triple, &value), -ETIMEDOUT);
	cr_assert_eq(value, 5);
	sl_deadline_end(&scope);
	return 0;
}

Test(offload, nothing_runs_for_a_task_that_is_cancelled_or_late)
{
	both(cancelled_before);
}

/* ---- on threads ---- */

/* Functions that block until the test lets them go. */
static sem_t gate, inside;
static _Atomic int freed, begun;

static void
free_arg(void *arg)
{
	free(arg);
	freed++;
}

static int
pass_gate(void *arg)
{
	begun++;
	sem_post(&inside);
	sem_wait(&gate);
	return *(int *)arg;
}

static int *
new_arg(int value)
{
	int *arg = malloc(sizeof(*arg));
	cr_assert(arg);
	*arg = value;
	return arg;
}

static void
set_up_gate(void)
{
	sem_init(&gate, 0, 0);
	sem_init(&inside, 0, 0);
}

static void
wait_for_freed(int count)
{
	for (int i = 0; i < 60000 && freed < count; i++)
		usleep(1000);
	cr_assert_eq(freed, count);
}

static int
call_returns(void *arg)
{
	(void)arg;
	bool abandoned = true;
	int *value = new_arg(7);
	sem_post(&gate);
	cr_assert_eq(sl_blocking_run(
			     SL_BLOCKING_FILES, pass_gate, value, free_arg, SL_FOREVER, &abandoned),
		7);
	cr_assert(!abandoned);
	cr_assert_eq(*value, 7, "the argument is ours again");
	free(value);
	cr_assert_eq(freed, 0);
	return 0;
}

Test(offload, a_blocking_call_gives_its_argument_back, .init = set_up_gate)
{
	cr_assert_eq(ring_run(1, call_returns, NULL), 0);
}

/* A call that times out, and is known to block on its thread then: one that no thread had taken has
 * freed its argument at once, and is made again. */
static void
leave_one_stuck(enum sl_blocking_pool pool, uint64_t ns)
{
	do {
		bool abandoned = false;
		freed = 0;
		uint64_t until = sl_deadline_in(ns);
		cr_assert_eq(
			sl_blocking_run(pool, pass_gate, new_arg(7), free_arg, until, &abandoned),
			-ETIMEDOUT);
		cr_assert(abandoned);
		cr_assert_geq(sl_now(), until);
	} while (freed);
	sem_wait(&inside);
}

static int
call_abandoned(void *arg)
{
	(void)arg;
	leave_one_stuck(SL_BLOCKING_RESOLVER, 20 * SL_NS_PER_MS);
	cr_assert_eq(freed, 0, "the function still uses it");
	sem_post(&gate);
	return 0;
}

Test(offload, an_abandoned_call_frees_its_argument_when_it_returns, .init = set_up_gate)
{
	cr_assert_eq(ring_run(1, call_abandoned, NULL), 0);
	wait_for_freed(1);
}

static int
call_cancelled(void *arg)
{
	bool abandoned = false;
	int code = sl_blocking_run(
		SL_BLOCKING_FILES, pass_gate, new_arg(7), free_arg, SL_FOREVER, &abandoned);
	cr_assert(abandoned);
	*(int *)arg = code;
	return 0;
}

static int
cancel_call(void *arg)
{
	(void)arg;
	struct sl_group group;
	int code = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "caller", call_cancelled, &code, NULL), 0);
	cr_assert_eq(sl_yield(), 0);
	sem_wait(&inside);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_eq(code, -ECANCELED);
	sem_post(&gate);
	return 0;
}

Test(offload, a_cancelled_caller_abandons_its_call, .init = set_up_gate)
{
	cr_assert_eq(ring_run(1, cancel_call, NULL), 0);
	wait_for_freed(1);
}

static int
refused(void *arg)
{
	(void)arg;
	bool abandoned = false;
	struct sl_deadline scope;
	sl_deadline_begin(&scope, 1);
	cr_assert_eq(sl_blocking_run(SL_BLOCKING_FILES, pass_gate, new_arg(7), free_arg, SL_FOREVER,
			     &abandoned),
		-ETIMEDOUT);
	sl_deadline_end(&scope);
	cr_assert(abandoned);
	cr_assert_eq(freed, 1);
	cr_assert_eq(begun, 0);
	freed = 0;
	return 0;
}

Test(offload, a_call_that_was_not_begun_frees_its_argument_at_once, .init = set_up_gate)
{
	both(refused);
}

#define RESOLVERS 64 /* threads of that pool if the options do not say */

/* With all threads of the pool stuck, calls that time out in the queue must not pile up there. */
static void
call_in_vain(uint64_t ns)
{
	bool abandoned = false;
	cr_assert_eq(sl_blocking_run(SL_BLOCKING_RESOLVER, pass_gate, new_arg(1), free_arg,
			     sl_deadline_in(ns), &abandoned),
		-ETIMEDOUT);
	cr_assert(abandoned);
}

static int
stuck_pool(void *arg)
{
	(void)arg;
	for (int i = 0; i < RESOLVERS; i++)
		leave_one_stuck(SL_BLOCKING_RESOLVER, SL_NS_PER_MS);
	cr_assert_eq(begun, RESOLVERS, "all resolver threads are stuck");
	for (int i = 0; i < 200; i++)
		call_in_vain(SL_NS_PER_MS / 10);
	cr_assert_eq(freed, 200, "those that had not begun are gone at once");
	int value = 1;
	cr_assert_eq(sl_blocking_wait(triple, &value), 3, "the file threads are others");
	for (int i = 0; i < RESOLVERS; i++)
		sem_post(&gate);
	return 0;
}

Test(offload, abandoned_calls_do_not_pile_up_in_the_queue, .init = set_up_gate)
{
	cr_assert_eq(ring_run(1, stuck_pool, NULL), 0);
	wait_for_freed(RESOLVERS + 200);
	cr_assert_eq(begun, RESOLVERS);
}

static int
leave_it_stuck(void *arg)
{
	(void)arg;
	leave_one_stuck(SL_BLOCKING_FILES, SL_NS_PER_MS);
	int value = 1;
	cr_assert_eq(sl_blocking_wait(triple, &value), 3, "another thread of the pool");
	return 0;
}

Test(offload, a_runtime_ends_while_an_abandoned_call_blocks, .init = set_up_gate)
{
	unsigned before = count_fds();
	struct sl_rt *rt = ring_rt(1);
	cr_assert_eq(sl_rt_run(rt, leave_it_stuck, NULL), 0);
	sl_rt_free(rt);
	cr_assert_eq(freed, 0);
	sem_post(&gate);
	wait_for_freed(1);
	wait_for_fds(before);
}

/* ---- bounds ---- */

static _Atomic int running, most;
static _Atomic int waits_left = 20000; /* until one that is missing is a failure */

/* The first ones wait for each other, as a worker may start late. */
static int
be_seen(void *arg)
{
	(void)arg;
	int now = ++running, seen = most;
	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		;
	do
		usleep(100);
	while (most < 3 && waits_left-- > 0);
	running--;
	return 0;
}

static int
one_job(void *arg)
{
	return sl_offload(be_seen, arg);
}

static int
bounded(void *arg)
{
	(void)arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < 300; i++)
		cr_assert_eq(sl_group_spawn(&group, "job", one_job, NULL, NULL), 0);
	cr_assert_eq(sl_group_leave(&group), 0);
	const struct sl_stats *stats = sl_rt_stats(sl_rt_current());
	cr_assert_leq(stats->worker_queue_high_water, 12);
	cr_assert_eq(stats->offload_count, 300);
	cr_assert_gt(stats->offload_ns, 300 * 50 * SL_NS_PER_US);
	return 0;
}

Test(offload, three_workers_run_three_at_a_time_with_a_short_queue)
{
	cr_assert_eq(ring_run(3, bounded, NULL), 0);
	cr_assert_eq(most, 3);
}

/* ---- wake-ups ---- */

static int
hold(void *arg)
{
	return sl_blocking_wait(pass_gate, arg);
}

static int
quick(void *arg)
{
	return *(int *)arg;
}

static int
quick_task(void *arg)
{
	return sl_blocking_wait(quick, arg);
}

/* All but one of the threads stand still: what comes then, one by one and many at once, is done. */
static int
behind_blocked(void *arg)
{
	struct sl_group group, many;
	int value = 5, results[40] = { 0 };
	unsigned held = *(unsigned *)arg;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < held; i++)
		cr_assert_eq(sl_group_spawn(&group, "hold", hold, &value, NULL), 0);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(sl_blocking_wait(quick, &value), 5);
	sl_group_enter(&many, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_assert_eq(sl_group_spawn(&many, "quick", quick_task, &value, &results[i]), 0);
	cr_assert_eq(sl_group_leave(&many), 0);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_assert_eq(results[i], 5);
	for (unsigned i = 0; i < held; i++)
		sem_post(&gate);
	return sl_group_leave(&group);
}

Test(offload, calls_that_block_hold_up_no_others, .init = set_up_gate, .timeout = 900)
{
	for (unsigned held = 0; held < 4; held++)
		for (int i = 0; i < 20; i++)
			cr_assert_eq(ring_run(1, behind_blocked, &held), 0);
}

/* As long as the calls hang, which is longer than a second: a dead NFS mount. */
static int
behind_hung(void *arg)
{
	struct sl_group group;
	int value = 5;
	struct sl_op op = { .kind = SL_OP_NOP };
	(void)arg;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(sl_group_spawn(&group, "hold", hold, &value, NULL), 0);
	cr_assert_eq(sl_yield(), 0);
	for (unsigned i = 0; i < 4; i++)
		sem_wait(&inside);
	cr_assert_eq(sl_blocking_wait(quick, &value), 5);
	cr_assert_eq(sl_io_batch(&op, 1), 0);
	cr_assert_eq(begun, 4);
	for (unsigned i = 0; i < 4; i++)
		sem_post(&gate);
	return sl_group_leave(&group);
}

Test(offload, when_all_threads_hang_another_is_started, .init = set_up_gate, .timeout = 900)
{
	cr_assert_eq(ring_run(1, behind_hung, NULL), 0);
}

/* At the limit of processes no thread can be started: the loop makes the calls itself. */
static int
without_threads(void *arg)
{
	(void)arg;
	struct sl_group group;
	int value = 1, results[20] = { 0 };
	bool abandoned = false;
	cr_assert_eq(sl_offload(triple, &value), 3);
	cr_assert_eq(sl_blocking_wait(triple, &value), 9);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_assert_eq(sl_group_spawn(&group, "quick", quick_task, &value, &results[i]), 0);
	cr_assert_eq(sl_group_leave(&group), 0);
	for (size_t i = 0; i < SL_COUNT_OF(results); i++)
		cr_assert_eq(results[i], 9);
	/* One that may hang must not be made there. */
	cr_assert_eq(sl_blocking_run(SL_BLOCKING_RESOLVER, pass_gate, new_arg(1), free_arg,
			     SL_FOREVER, &abandoned),
		-EAGAIN);
	cr_assert(abandoned && freed == 1 && begun == 0);
	return 0;
}

Test(offload, without_threads_calls_are_made_by_the_loop)
{
	if (geteuid() != 0)
		cr_skip_test("needs another user, to whom the limit applies");
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit limit = { 1, 1 };
		if (setresuid(54322, 54322, 54322) != 0 || setrlimit(RLIMIT_NPROC, &limit) != 0)
			_exit(2);
		_exit(ring_run(2, without_threads, NULL) == 0 ? 0 : 1);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* Signals are the runtime's: a worker must not be the thread that takes one. */
static int
read_mask(void *arg)
{
	return pthread_sigmask(SIG_BLOCK, NULL, arg);
}

static int
look_at_mask(void *arg)
{
	(void)arg;
	sigset_t set;
	cr_assert_eq(sl_offload(read_mask, &set), 0);
	cr_assert(sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) &&
		  sigismember(&set, SIGUSR1));
	cr_assert_eq(sl_blocking_wait(read_mask, &set), 0);
	cr_assert(sigismember(&set, SIGINT));
	return 0;
}

Test(offload, the_pools_threads_take_no_signals)
{
	cr_assert_eq(ring_run(1, look_at_mask, NULL), 0);
}

/* ---- simulated ---- */

struct call {
	struct sim *sim;
	int code;
	bool abandoned;
};

static int
give_seven(void *arg)
{
	(void)arg;
	begun++;
	return 7;
}

static int
race_deadline(void *arg)
{
	struct call *call = arg;
	int *value = new_arg(1);
	uint64_t until = sl_deadline_in(300 * SL_NS_PER_US);
	call->code = sl_blocking_run(
		SL_BLOCKING_RESOLVER, give_seven, value, free_arg, until, &call->abandoned);
	if (!call->abandoned)
		free(value);
	return 0;
}

Test(offload, a_simulated_call_is_late_by_the_seed)
{
	int in_time = 0, late = 0;
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct call call = { .sim = sim_plain(seed) };
		freed = begun = 0;
		cr_assert_eq(sim_run(call.sim, race_deadline, &call), 0);
		sim_check(
			call.sim, call.code == (call.abandoned ? -ETIMEDOUT : 7), "%d", call.code);
		sim_check(call.sim, freed == call.abandoned && begun == !call.abandoned,
			"%d freed, %d begun", freed, begun);
		in_time += !call.abandoned;
		late += call.abandoned;
		sim_free(call.sim);
	}
	cr_assert(sim_seeds_are_chosen() || (in_time > 1 && late > 1), "%d in time, %d late",
		in_time, late);
}
