/*
 * Semaphores: the limit holds whatever happens, and waiters are served in order.
 */
#include "support/run.h"

#include "sluice/base/random.h"
#include "sluice/rt/semaphore.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>

static int
run_seeds(unsigned count, sl_task_fn *fn)
{
	struct sim_seeds seeds = sim_seeds(count);
	int result = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end && !result; seed++) {
		struct sim *sim = sim_plain(seed);
		result = sim_run(sim, fn, sim);
		sim_free(sim);
	}
	return result;
}

static int
counts(void *arg)
{
	(void)arg;
	struct sl_semaphore semaphore;
	sl_semaphore_init(&semaphore, "test", 2);
	cr_assert_eq(sl_semaphore_take(&semaphore, 0), 0);
	cr_assert(sl_semaphore_try_take(&semaphore));
	cr_assert(!sl_semaphore_try_take(&semaphore));
	uint64_t until = sl_now() + SL_NS_PER_S;
	cr_assert_eq(sl_semaphore_take(&semaphore, until), -ETIMEDOUT);
	cr_assert_eq(sl_now(), until);
	sl_semaphore_give(&semaphore);
	cr_assert_eq(sl_semaphore_take(&semaphore, 0), 0);
	sl_semaphore_give(&semaphore);
	sl_semaphore_give(&semaphore);
	return 0;
}

Test(semaphore, no_more_than_the_limit)
{
	cr_assert_eq(run_seeds(3, counts), 0);
}

struct queue {
	struct sl_semaphore semaphore;
	int order[8], served;
	int next;
};

static int
take_in_turn(void *arg)
{
	struct queue *queue = arg;
	int self = queue->next++;
	int code = sl_semaphore_take(&queue->semaphore, SL_FOREVER);
	if (code)
		return code;
	queue->order[queue->served++] = self;
	return 0;
}

static void
spawn_takers(struct sl_group *group, struct queue *queue, int count)
{
	for (int i = 0; i < count; i++)
		cr_assert_eq(sl_group_spawn(group, "taker", take_in_turn, queue, NULL), 0);
	cr_assert_eq(sl_sleep(1000), 0);
}

static int
first_come(void *arg)
{
	(void)arg;
	struct queue queue = { .served = 0 };
	struct sl_group group;
	sl_semaphore_init(&queue.semaphore, "test", 1);
	cr_assert(sl_semaphore_try_take(&queue.semaphore));
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	spawn_takers(&group, &queue, 5);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(queue.served, i);
		sl_semaphore_give(&queue.semaphore);
		cr_assert(!sl_semaphore_try_take(&queue.semaphore), "waiting tasks come first");
		cr_assert_eq(sl_yield(), 0);
	}
	cr_assert_eq(sl_group_leave(&group), 0);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(queue.order[i], i);
	return 0;
}

Test(semaphore, first_come_first_served)
{
	cr_assert_eq(run_seeds(3, first_come), 0);
}

static int
cancelled_waiter(void *arg)
{
	(void)arg;
	struct queue queue = { .served = 0 };
	struct sl_group group, other;
	sl_semaphore_init(&queue.semaphore, "test", 1);
	cr_assert(sl_semaphore_try_take(&queue.semaphore));
	sl_group_enter(&group, SL_GROUP_COLLECT);
	sl_group_enter(&other, SL_GROUP_COLLECT);
	spawn_takers(&group, &queue, 2);
	spawn_takers(&other, &queue, 1);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_yield(), 0);
	sl_semaphore_give(&queue.semaphore);
	cr_assert_eq(sl_group_leave(&other), 0);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_eq(queue.served, 1);
	cr_assert_eq(queue.order[0], 2, "waiters that left are skipped");
	return 0;
}

Test(semaphore, a_waiter_that_went_away_gets_nothing)
{
	cr_assert_eq(run_seeds(3, cancelled_waiter), 0);
}

/* Holders, deadlines and cancellations at random: never more inside than allowed, none leaks. */
struct crowd {
	struct sim *sim;
	struct sl_semaphore semaphore;
	struct sl_random random;
	unsigned inside, entered;
};

static int
come_and_go(void *arg)
{
	struct crowd *crowd = arg;
	for (int i = 0; i < 20; i++) {
		uint64_t until = sl_deadline_in(sl_random_below(&crowd->random, SL_NS_PER_MS));
		int code = sl_semaphore_take(&crowd->semaphore, until);
		if (code == -ECANCELED)
			return 0;
		if (code)
			continue;
		crowd->inside++;
		crowd->entered++;
		sim_check(crowd->sim, crowd->inside <= 3, "%u inside", crowd->inside);
		int slept = sl_sleep(sl_random_below(&crowd->random, SL_NS_PER_MS / 2));
		(void)slept; /* cancelled or not, what is held is given back */
		crowd->inside--;
		sl_semaphore_give(&crowd->semaphore);
	}
	return 0;
}

static int
crowd_day(void *arg)
{
	struct crowd crowd = { .sim = arg };
	struct sl_group group, fickle;
	sl_random_init(&crowd.random, sim_seed(crowd.sim));
	sl_semaphore_init(&crowd.semaphore, "test", 3);
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	sl_group_enter(&fickle, SL_GROUP_COLLECT);
	for (int i = 0; i < 6; i++) {
		cr_assert_eq(sl_group_spawn(&group, "steady", come_and_go, &crowd, NULL), 0);
		cr_assert_eq(sl_group_spawn(&fickle, "fickle", come_and_go, &crowd, NULL), 0);
	}
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(sl_sleep(sl_random_below(&crowd.random, SL_NS_PER_MS)), 0);
		if (i == 5)
			sl_group_cancel(&fickle, -ECANCELED);
	}
	(void)sl_group_leave(&fickle);
	cr_assert_eq(sl_group_leave(&group), 0);
	sim_check(
		crowd.sim, crowd.semaphore.taken == 0, "%u are still taken", crowd.semaphore.taken);
	sim_check(crowd.sim, crowd.entered > 20, "%u entered", crowd.entered);
	return 0;
}

Test(semaphore, the_limit_holds_when_waits_end_at_random)
{
	cr_assert_eq(run_seeds(300, crowd_day), 0);
}
