/*
 * torture_offload [ROUNDS [SEED]] - the thread pools: work is done once and its result arrives;
 * abandoned calls free their argument exactly once, whichever thread is faster; runtimes end while
 * calls still block.
 */
#include "support/run.h"
#include "support/torture.h"

#include "sluice/base/random.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/stats.h"
#include "sluice/rt/task.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TASKS 60
#define CALLS 20

/* Shared with the pools' threads. */
static _Atomic uint64_t allocated, freed, run_count;

struct call {
	uint64_t input, output, ns;
	_Atomic int live; /* 1 until freed */
};

static struct call *
new_call(struct sl_random *random)
{
	struct call *call = calloc(1, sizeof(*call));
	require(call, "no memory");
	call->input = sl_random_next(random);
	call->ns = sl_random_below(random, sl_random_below(random, 10) ? 100000 : 3000000);
	call->live = 1;
	atomic_fetch_add(&allocated, 1);
	return call;
}

static void
free_call(void *arg)
{
	struct call *call = arg;
	require(atomic_exchange(&call->live, 0) == 1, "freed twice");
	free(call);
	atomic_fetch_add(&freed, 1);
}

static int
run_call(void *arg)
{
	struct call *call = arg;
	struct timespec pause = { .tv_nsec = (long)call->ns };
	nanosleep(&pause, NULL);
	require(atomic_load(&call->live) == 1, "freed while it runs");
	call->output = call->input * 3;
	atomic_fetch_add(&run_count, 1);
	return (int)(call->input & 0xffff);
}

struct life {
	struct sl_random random;
	uint64_t abandoned, finished;
};

static void
call_blocking(struct life *life)
{
	struct call *call = new_call(&life->random);
	uint64_t input = call->input;
	bool abandoned = false;
	enum sl_blocking_pool pool =
		sl_random_below(&life->random, 2) ? SL_BLOCKING_FILES : SL_BLOCKING_RESOLVER;
	uint64_t until = sl_deadline_in(sl_random_below(&life->random, 400000));
	int code = sl_blocking_run(pool, run_call, call, free_call, until, &abandoned);
	if (abandoned) {
		require(code == -ETIMEDOUT || code == -ECANCELED, "abandoned for another reason");
		life->abandoned++;
		return;
	}
	require(code == (int)(input & 0xffff) && call->output == input * 3, "another result");
	life->finished++;
	free_call(call);
}

static void
call_worker(struct life *life)
{
	struct call call = { .input = sl_random_next(&life->random), .live = 1 };
	int code = sl_random_below(&life->random, 2) ? sl_offload(run_call, &call)
						     : sl_blocking_wait(run_call, &call);
	if (code < 0)
		require(call.output == 0, "it ran, although its result says that it did not");
	else
		require(code == (int)(call.input & 0xffff) && call.output == call.input * 3,
			"another result");
	life->finished += code >= 0;
}

static int
live(void *arg)
{
	struct life *life = arg;
	for (int i = 0; i < CALLS && !sl_task_cancelled(); i++) {
		if (sl_random_below(&life->random, 2))
			call_blocking(life);
		else
			call_worker(life);
	}
	return 0;
}

static int
play(void *arg)
{
	struct sl_random *random = arg;
	struct life *lives = calloc(TASKS, sizeof(*lives));
	require(lives, "no memory");
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < TASKS; i++) {
		sl_random_init(&lives[i].random, sl_random_next(random));
		require(sl_group_spawn(&group, "life", live, &lives[i], NULL) == 0, "spawn");
	}
	if (sl_random_below(random, 2)) {
		require(sl_sleep(sl_random_below(random, 20 * SL_NS_PER_MS)) == 0, "sleep");
		sl_group_cancel(&group, -ECANCELED);
	}
	(void)sl_group_leave(&group);
	require(sl_rt_stats(sl_rt_current())->worker_queue_high_water <= 8,
		"the workers' queue is not bounded");
	free(lives);
	return 0;
}

/* The runtime ends while this call still runs. */
static int
leave_stray(void *arg)
{
	bool abandoned = false;
	struct call *call = new_call(arg);
	call->ns = 400 * SL_NS_PER_MS;
	uint64_t until = sl_deadline_in(20 * SL_NS_PER_MS);
	int code = sl_blocking_run(SL_BLOCKING_FILES, run_call, call, free_call, until, &abandoned);
	require(code == -ETIMEDOUT && abandoned, "a long call was not abandoned");
	return 0;
}

/* Calls that were abandoned may outlive the runtime that made them. */
static void
wait_for_strays(void)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	for (int i = 0; i < 5000 && atomic_load(&freed) < atomic_load(&allocated); i++)
		nanosleep(&pause, NULL);
	require(atomic_load(&freed) == atomic_load(&allocated), "arguments were not freed");
}

int
main(int argc, char **argv)
{
	struct torture torture = torture_begin("torture_offload", argc, argv, 10);
	struct sl_random random;
	sl_random_init(&random, torture.seed);
	for (uint64_t i = 0; torture_continues(&torture, i); i++)
		require(ring_run(2, play, &random) == 0, "the run failed");
	require(ring_run(2, leave_stray, &random) == 0, "the run failed");
	wait_for_strays();
	printf("torture_offload: %llu calls with arguments of their own, %llu functions run\n",
		(unsigned long long)atomic_load(&allocated),
		(unsigned long long)atomic_load(&run_count));
	return torture_end(&torture);
}
