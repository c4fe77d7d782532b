/*
 * Limiters: tasks share a rate in the order they come, in virtual time.
 */
#include "support/run.h"

#include "sluice/rt/limiter.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>

#define TASKS_MAX 16

static int
run_seeds(sl_task_fn *fn)
{
	struct sim_seeds seeds = sim_seeds(3);
	int result = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end && !result; seed++) {
		struct sim *sim = sim_plain(seed);
		result = sim_run(sim, fn, sim);
		sim_free(sim);
	}
	return result;
}

/* Tasks that take `piece` tokens each in turn until `total` are taken in all. */
struct crowd {
	struct sl_limiter limiter;
	uint64_t total, piece, taken;
	uint64_t of_task[TASKS_MAX], unused[TASKS_MAX];
	struct sl_limited limited[TASKS_MAX];
	unsigned next;
};

static int
take_pieces(void *arg)
{
	struct crowd *crowd = arg;
	unsigned self = crowd->next++;
	while (crowd->taken < crowd->total) {
		int code = sl_limiter_take(&crowd->limiter, crowd->piece, &crowd->limited[self]);
		if (code)
			return code;
		crowd->taken += crowd->piece - crowd->unused[self];
		crowd->of_task[self] += crowd->piece - crowd->unused[self];
		sl_limiter_put_back(&crowd->limiter, crowd->unused[self]);
	}
	return 0;
}

/* Returns how long they took. */
static uint64_t
run_crowd(struct crowd *crowd, unsigned tasks, uint64_t rate)
{
	struct sl_group group;
	sl_limiter_init(&crowd->limiter, "test", rate, rate / 10, 0);
	uint64_t begin_ns = sl_now();
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (unsigned i = 0; i < tasks; i++)
		cr_assert_eq(sl_group_spawn(&group, "taker", take_pieces, crowd, NULL), 0);
	cr_assert_eq(sl_group_leave(&group), 0);
	return sl_now() - begin_ns;
}

static int
keeps_the_rate(void *arg)
{
	static const unsigned tasks[] = { 1, 4, 16 };
	(void)arg;
	for (size_t i = 0; i < SL_COUNT_OF(tasks); i++) {
		struct crowd crowd = { .total = 10000, .piece = 20 };
		uint64_t ns = run_crowd(&crowd, tasks[i], 1000);
		/* The tasks that wait at the end take one piece each beyond the total. */
		cr_expect_geq(ns, crowd.taken * SL_NS_PER_MS);
		cr_expect_leq(ns, crowd.taken * SL_NS_PER_MS + SL_NS_PER_MS);
		for (unsigned task = 0; task < tasks[i]; task++) {
			uint64_t share = crowd.taken / tasks[i];
			cr_expect_leq(crowd.of_task[task], share + 2 * crowd.piece);
			cr_expect_geq(crowd.of_task[task] + 2 * crowd.piece, share);
		}
	}
	return 0;
}

Test(limiter, tasks_share_the_rate_exactly_and_evenly)
{
	cr_assert_eq(run_seeds(keeps_the_rate), 0);
}

static int
keeps_the_rate_with_rests(void *arg)
{
	(void)arg;
	struct crowd crowd = { .total = 10000, .piece = 20 };
	for (unsigned i = 0; i < 16; i++)
		crowd.unused[i] = i;
	uint64_t ns = run_crowd(&crowd, 16, 1000);
	cr_expect_geq(ns, crowd.taken * SL_NS_PER_MS);
	cr_expect_leq(ns, (crowd.taken + crowd.piece) * SL_NS_PER_MS);
	return 0;
}

Test(limiter, what_is_put_back_is_not_lost)
{
	cr_assert_eq(run_seeds(keeps_the_rate_with_rests), 0);
}

/* One task that takes some tokens and notes when it got them. */
struct taker {
	struct sl_limiter *limiter;
	uint64_t count, deadline_ns, at_ns;
	int code;
	struct sl_limited limited;
};

static int
take(void *arg)
{
	struct taker *taker = arg;
	struct sl_deadline scope;
	sl_deadline_begin(&scope, taker->deadline_ns);
	taker->code = sl_limiter_take(taker->limiter, taker->count, &taker->limited);
	sl_deadline_end(&scope);
	taker->at_ns = sl_now();
	return 0;
}

static int
serves_in_order(void *arg)
{
	(void)arg;
	struct sl_limiter limiter;
	struct sl_group group;
	sl_limiter_init(&limiter, "test", 1000, 100, 0);
	uint64_t begin_ns = sl_now();
	struct taker takers[] = { { &limiter, 500, SL_FOREVER, 0, 1, { 0 } },
		{ &limiter, 1, SL_FOREVER, 0, 1, { 0 } },
		{ &limiter, 10, SL_FOREVER, 0, 1, { 0 } } };
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (size_t i = 0; i < SL_COUNT_OF(takers); i++)
		cr_assert_eq(sl_group_spawn(&group, "taker", take, &takers[i], NULL), 0);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_expect_eq(takers[0].at_ns - begin_ns, 500 * SL_NS_PER_MS);
	cr_expect_eq(takers[1].at_ns - begin_ns, 501 * SL_NS_PER_MS);
	cr_expect_eq(takers[2].at_ns - begin_ns, 511 * SL_NS_PER_MS);
	for (size_t i = 0; i < SL_COUNT_OF(takers); i++)
		cr_expect_lt(takers[i].at_ns - begin_ns - sl_limited_ns(&takers[i].limited),
			SL_NS_PER_MS);
	return 0;
}

Test(limiter, first_come_first_served_however_much_is_wanted)
{
	cr_assert_eq(run_seeds(serves_in_order), 0);
}

static int
a_deadline_ends_the_wait(void *arg)
{
	(void)arg;
	struct sl_limiter limiter;
	struct sl_group group;
	sl_limiter_init(&limiter, "test", 1000, 100, 0);
	uint64_t begin_ns = sl_now();
	uint64_t deadline_ns = begin_ns + 30 * SL_NS_PER_MS;
	struct taker takers[] = { { &limiter, 1000, deadline_ns, 0, 1, { 0 } }, /* in turn */
		{ &limiter, 1000, deadline_ns, 0, 1, { 0 } },                   /* behind it */
		{ &limiter, 50, SL_FOREVER, 0, 1, { 0 } } };
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (size_t i = 0; i < SL_COUNT_OF(takers); i++)
		cr_assert_eq(sl_group_spawn(&group, "taker", take, &takers[i], NULL), 0);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_expect_eq(takers[0].code, -ETIMEDOUT);
	cr_expect_eq(takers[1].code, -ETIMEDOUT);
	cr_expect_eq(takers[0].at_ns, deadline_ns);
	cr_expect_eq(takers[2].code, 0);
	cr_expect_eq(takers[2].at_ns - begin_ns, 50 * SL_NS_PER_MS, "nothing was taken for them");
	return 0;
}

Test(limiter, a_wait_ends_at_the_deadline_and_takes_nothing)
{
	cr_assert_eq(run_seeds(a_deadline_ends_the_wait), 0);
}

static int
a_cancellation_ends_the_wait(void *arg)
{
	(void)arg;
	struct sl_limiter limiter;
	struct sl_group group;
	sl_limiter_init(&limiter, "test", 1, 1, 0);
	struct taker takers[] = { { &limiter, 1000, SL_FOREVER, 0, 1, { 0 } },
		{ &limiter, 1000, SL_FOREVER, 0, 1, { 0 } } };
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (size_t i = 0; i < SL_COUNT_OF(takers); i++)
		cr_assert_eq(sl_group_spawn(&group, "taker", take, &takers[i], NULL), 0);
	uint64_t begin_ns = sl_now();
	cr_assert_eq(sl_sleep(2 * SL_NS_PER_S), 0);
	cr_expect_geq(sl_limited_ns(&takers[0].limited), sl_now() - begin_ns - SL_NS_PER_MS,
		"a wait that goes on counts");
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(takers[0].code, -ECANCELED);
	cr_expect_eq(takers[1].code, -ECANCELED);
	cr_expect(sl_limiter_is_idle(&limiter));
	cr_expect_eq(sl_limiter_take(&limiter, 1, &(struct sl_limited){ 0 }), 0);
	cr_expect_not(sl_limiter_is_idle(&limiter));
	return 0;
}

Test(limiter, a_cancelled_task_takes_nothing)
{
	cr_assert_eq(run_seeds(a_cancellation_ends_the_wait), 0);
}

static int
put_back_wakes(void *arg)
{
	(void)arg;
	struct sl_limiter limiter;
	struct sl_group group;
	sl_limiter_init(&limiter, "test", 1, 100, 100);
	struct taker taker = { &limiter, 50, SL_FOREVER, 0, 1, { 0 } };
	cr_assert_eq(sl_limiter_take(&limiter, 100, &(struct sl_limited){ 0 }), 0);
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "taker", take, &taker, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	uint64_t at_ns = sl_now();
	sl_limiter_put_back(&limiter, 80);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_expect_eq(taker.code, 0);
	cr_expect_lt(taker.at_ns - at_ns, SL_NS_PER_MS);
	return 0;
}

Test(limiter, tokens_put_back_go_to_the_task_that_waits_at_once)
{
	cr_assert_eq(run_seeds(put_back_wakes), 0);
}
