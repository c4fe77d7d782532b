/*
 * Groups: which tasks are waited for, and which a failure or a cancellation ends.
 */
#include "support/run.h"

#include "sluice/rt/channel.h"
#include "sluice/rt/io.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>

static int
run_plain(sl_task_fn *fn, void *arg)
{
	int result = 0;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *sim = sim_plain(seed);
		result = sim_run(sim, fn, arg);
		sim_free(sim);
	}
	return result;
}

struct worker {
	uint64_t ns;
	int fails_with; /* after ns */
	int slept;      /* what its sleep returned */
	bool ran, ended;
};

static int
work(void *arg)
{
	struct worker *worker = arg;
	worker->ran = true;
	worker->slept = sl_sleep(worker->ns);
	worker->ended = true;
	return worker->slept ? worker->slept : worker->fails_with;
}

static void
spawn(struct sl_group *group, struct worker *worker, int *result)
{
	cr_assert_eq(sl_group_spawn(group, "worker", work, worker, result), 0);
}

/* ---- leaving ---- */

static int
leave_waits(void *arg)
{
	(void)arg;
	struct worker a = { .ns = 3 * SL_NS_PER_S }, b = { .ns = SL_NS_PER_S };
	struct sl_group group;
	uint64_t start = sl_now();
	sl_group_enter(&group, SL_GROUP_COLLECT);
	spawn(&group, &a, NULL);
	spawn(&group, &b, NULL);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_assert(a.ended && b.ended);
	cr_assert_geq(sl_now() - start, 3 * SL_NS_PER_S);
	cr_assert_eq(sl_task_count(), 1);
	return 0;
}

Test(group, leaving_waits_for_all_tasks)
{
	cr_assert_eq(run_plain(leave_waits, NULL), 0);
}

static int
leave_empty(void *arg)
{
	(void)arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	return sl_group_leave(&group);
}

Test(group, leaving_an_empty_group_returns_at_once)
{
	cr_assert_eq(run_plain(leave_empty, NULL), 0);
}

static int
results_are_kept(void *arg)
{
	(void)arg;
	struct worker a = { .fails_with = -EIO }, b = { .fails_with = 42 },
		      c = { .fails_with = -ENOSPC };
	int ra = 1, rb = 1, rc = 1;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	spawn(&group, &a, &ra);
	spawn(&group, &b, &rb);
	spawn(&group, &c, &rc);
	cr_assert_eq(sl_group_leave(&group), 0, "collect: failures are only kept");
	cr_assert(ra == -EIO && rb == 42 && rc == -ENOSPC);
	return 0;
}

Test(group, collect_keeps_each_result_and_cancels_no_task)
{
	cr_assert_eq(run_plain(results_are_kept, NULL), 0);
}

static int
first_failure(void *arg)
{
	(void)arg;
	struct worker a = { .ns = 100 * SL_NS_PER_S },
		      b = { .ns = SL_NS_PER_S, .fails_with = -EIO },
		      c = { .ns = 2 * SL_NS_PER_S, .fails_with = -ENOSPC };
	struct sl_group group;
	uint64_t start = sl_now();
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	spawn(&group, &a, NULL);
	spawn(&group, &b, NULL);
	spawn(&group, &c, NULL);
	cr_assert_eq(sl_group_leave(&group), -EIO);
	cr_assert(a.slept == -ECANCELED && c.slept == -ECANCELED);
	cr_assert_lt(sl_now() - start, 2 * SL_NS_PER_S);
	return 0;
}

Test(group, the_first_failure_cancels_the_siblings_and_is_returned)
{
	cr_assert_eq(run_plain(first_failure, NULL), 0);
}

static int
positive_results(void *arg)
{
	(void)arg;
	struct worker a = { .fails_with = 5 }, b = { .ns = SL_NS_PER_S };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	spawn(&group, &a, NULL);
	spawn(&group, &b, NULL);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_assert_eq(b.slept, 0);
	return 0;
}

Test(group, a_positive_result_is_not_a_failure)
{
	cr_assert_eq(run_plain(positive_results, NULL), 0);
}

/* ---- cancelling ---- */

static int
cancel_reason(void *arg)
{
	int reason = *(int *)arg;
	struct worker a = { .ns = 100 * SL_NS_PER_S };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	spawn(&group, &a, NULL);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, reason);
	sl_group_cancel(&group, -EIO);
	cr_assert(!a.ended, "it is cancelled when this task suspends");
	cr_assert_eq(sl_group_leave(&group), reason, "the first reason stays");
	cr_assert_eq(a.slept, reason == -ETIMEDOUT ? -ETIMEDOUT : -ECANCELED);
	return 0;
}

Test(group, leaving_returns_the_reason_of_its_cancellation)
{
	int reasons[] = { -ECANCELED, -ETIMEDOUT, SL_E_INTERRUPTED };
	for (size_t i = 0; i < SL_COUNT_OF(reasons); i++)
		cr_assert_eq(run_plain(cancel_reason, &reasons[i]), 0);
}

static int
cancel_fail_fast(void *arg)
{
	int reason = *(int *)arg;
	struct worker a = { .ns = 100 * SL_NS_PER_S };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	spawn(&group, &a, NULL);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, reason);
	cr_assert_eq(sl_group_leave(&group), reason, "the siblings' -ECANCELED is not a failure");
	return 0;
}

Test(group, fail_fast_too_returns_the_reason_of_its_cancellation)
{
	int reasons[] = { -ECANCELED, -ETIMEDOUT, SL_E_INTERRUPTED };
	for (size_t i = 0; i < SL_COUNT_OF(reasons); i++)
		cr_assert_eq(run_plain(cancel_fail_fast, &reasons[i]), 0);
}

static int
refuse_spawn(void *arg)
{
	(void)arg;
	struct worker a = { .ran = false };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	sl_group_cancel(&group, SL_E_INTERRUPTED);
	cr_assert_eq(sl_group_spawn(&group, "worker", work, &a, NULL), SL_E_INTERRUPTED);
	cr_assert_eq(sl_group_leave(&group), SL_E_INTERRUPTED);
	cr_assert(!a.ran);
	return 0;
}

Test(group, a_cancelled_group_starts_nothing)
{
	cr_assert_eq(run_plain(refuse_spawn, NULL), 0);
}

static int
cancel_unstarted(void *arg)
{
	(void)arg;
	struct worker a = { .ns = SL_NS_PER_S };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	spawn(&group, &a, NULL);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert(a.ran, "a spawned task runs, to clean up what it was given");
	cr_assert_eq(a.slept, -ECANCELED);
	return 0;
}

Test(group, a_task_cancelled_before_it_ran_fails_at_its_first_suspension)
{
	cr_assert_eq(run_plain(cancel_unstarted, NULL), 0);
}

/* Every kind of suspension refuses in a cancelled task, without suspending. */
static int
try_everything(void *arg)
{
	struct sl_channel *channel = arg;
	int item = 1;
	cr_assert_eq(sl_sleep(100 * SL_NS_PER_S), -ECANCELED);
	uint64_t now = sl_now();
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(sl_task_cancelled(), SL_E_INTERRUPTED);
		cr_assert_eq(sl_yield(), -ECANCELED);
		cr_assert_eq(sl_sleep(1), -ECANCELED);
		cr_assert_eq(sl_sleep_until(0), -ECANCELED);
		cr_assert_eq(sl_channel_send(channel, &item, SL_FOREVER), -ECANCELED);
		cr_assert_eq(sl_channel_receive(channel, &item, SL_FOREVER), -ECANCELED);
		cr_assert_eq(sl_io_open(-100, "x", 0, 0, 0), -ECANCELED);
		cr_assert_eq(sl_io_socket(2, 1, 0), -ECANCELED);
		cr_assert_eq(sl_task_park("test", SL_FOREVER, 0), SL_WAKE_CANCEL);
		struct sl_group group;
		sl_group_enter(&group, SL_GROUP_FAIL_FAST);
		cr_assert_eq(sl_group_spawn(&group, "never", try_everything, NULL, NULL),
			SL_E_INTERRUPTED);
		cr_assert_eq(sl_group_wait_below(&group, 1), -ECANCELED);
		cr_assert_eq(sl_group_leave(&group), SL_E_INTERRUPTED);
	}
	cr_assert_eq(sl_now(), now);
	return 0;
}

static int
sticky(void *arg)
{
	(void)arg;
	struct sl_channel *channel = NULL;
	cr_assert_eq(sl_channel_new(&channel, "test", 2, sizeof(int)), 0);
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "trier", try_everything, channel, NULL), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, SL_E_INTERRUPTED);
	cr_assert_eq(sl_group_leave(&group), SL_E_INTERRUPTED);
	sl_channel_free(channel);
	return 0;
}

Test(group, cancellation_is_sticky_in_every_suspension)
{
	cr_assert_eq(run_plain(sticky, NULL), 0);
}

/* ---- nesting ---- */

struct tree {
	unsigned depth, width;
	unsigned *cancelled, *ended;
};

static int
grow(void *arg)
{
	struct tree *tree = arg;
	struct tree below = *tree;
	below.depth--;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (unsigned i = 0; tree->depth && i < tree->width; i++)
		cr_assert_eq(sl_group_spawn(&group, "branch", grow, &below, NULL), 0);
	int code = sl_sleep(1000 * SL_NS_PER_S);
	*tree->cancelled += code == -ECANCELED;
	int left = sl_group_leave(&group);
	cr_assert_eq(left, code);
	++*tree->ended;
	return code;
}

static int
cancel_tree(void *arg)
{
	(void)arg;
	unsigned cancelled = 0, ended = 0;
	struct tree tree = { 4, 3, &cancelled, &ended };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "root", grow, &tree, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_eq(ended, 1 + 3 + 9 + 27 + 81);
	cr_assert_eq(cancelled, ended);
	return 0;
}

Test(group, cancelling_reaches_everything_below)
{
	cr_assert_eq(run_plain(cancel_tree, NULL), 0);
}

static int
fail_below(void *arg)
{
	struct worker *worker = arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	spawn(&group, worker, NULL);
	return sl_group_leave(&group);
}

static int
failure_climbs(void *arg)
{
	(void)arg;
	struct worker bad = { .ns = SL_NS_PER_S, .fails_with = -EIO },
		      other = { .ns = 100 * SL_NS_PER_S };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "middle", fail_below, &bad, NULL), 0);
	spawn(&group, &other, NULL);
	cr_assert_eq(sl_group_leave(&group), -EIO);
	cr_assert_eq(other.slept, -ECANCELED);
	cr_assert_eq(sl_task_cancelled(), 0, "the owner itself is not cancelled");
	return 0;
}

Test(group, a_failure_climbs_only_as_a_result)
{
	cr_assert_eq(run_plain(failure_climbs, NULL), 0);
}

static int
cancel_inner_only(void *arg)
{
	(void)arg;
	struct worker inner = { .ns = 100 * SL_NS_PER_S }, outer = { .ns = 2 * SL_NS_PER_S };
	struct sl_group a, b;
	sl_group_enter(&a, SL_GROUP_FAIL_FAST);
	sl_group_enter(&b, SL_GROUP_FAIL_FAST);
	spawn(&a, &outer, NULL);
	spawn(&b, &inner, NULL);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&b, -ECANCELED);
	cr_assert_eq(sl_group_leave(&b), -ECANCELED);
	cr_assert_eq(sl_group_leave(&a), 0);
	cr_assert(inner.slept == -ECANCELED && outer.slept == 0);
	return 0;
}

Test(group, cancelling_one_group_leaves_its_neighbour_alone)
{
	cr_assert_eq(run_plain(cancel_inner_only, NULL), 0);
}

static int
cancel_own_group(void *arg)
{
	struct sl_group *group = arg;
	sl_group_cancel(group, -ECANCELED);
	return sl_sleep(1);
}

static int
cancelled_from_within(void *arg)
{
	(void)arg;
	struct worker other = { .ns = 100 * SL_NS_PER_S };
	int result = 0;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	spawn(&group, &other, NULL);
	cr_assert_eq(sl_group_spawn(&group, "suicide", cancel_own_group, &group, &result), 0);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert(result == -ECANCELED && other.slept == -ECANCELED);
	return 0;
}

Test(group, a_task_may_cancel_its_own_group)
{
	cr_assert_eq(run_plain(cancelled_from_within, NULL), 0);
}

/* ---- waiting below ---- */

static int
bounded(void *arg)
{
	(void)arg;
	struct worker workers[20] = { { .ns = 0 } };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (size_t i = 0; i < SL_COUNT_OF(workers); i++) {
		workers[i].ns = (1 + i % 4) * SL_NS_PER_S;
		cr_assert_eq(sl_group_wait_below(&group, 5), 0);
		cr_assert_lt(group.running, 5);
		spawn(&group, &workers[i], NULL);
	}
	cr_assert_eq(sl_group_wait_below(&group, 1), 0);
	cr_assert_eq(group.running, 0);
	return sl_group_leave(&group);
}

Test(group, waiting_below_a_count_bounds_the_tasks)
{
	cr_assert_eq(run_plain(bounded, NULL), 0);
}

static int
wait_with_deadline(void *arg)
{
	(void)arg;
	struct worker a = { .ns = 100 * SL_NS_PER_S };
	struct sl_group group;
	struct sl_deadline scope;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	spawn(&group, &a, NULL);
	sl_deadline_begin(&scope, sl_deadline_in(SL_NS_PER_S));
	cr_assert_eq(sl_group_wait_below(&group, 1), -ETIMEDOUT);
	sl_deadline_end(&scope);
	cr_assert(!a.ended, "only the wait has ended");
	return sl_group_leave(&group);
}

Test(group, waiting_below_ends_at_a_deadline_and_cancels_no_task)
{
	cr_assert_eq(run_plain(wait_with_deadline, NULL), 0);
}

static int
wait_in_failing_group(void *arg)
{
	(void)arg;
	struct worker a = { .ns = SL_NS_PER_S, .fails_with = -EIO },
		      b = { .ns = 100 * SL_NS_PER_S };
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	spawn(&group, &a, NULL);
	spawn(&group, &b, NULL);
	cr_assert_eq(sl_group_wait_below(&group, 1), 0);
	cr_assert_eq(sl_group_spawn(&group, "late", work, &a, NULL), -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -EIO);
	return 0;
}

Test(group, after_a_failure_the_group_empties_and_takes_nothing_new)
{
	cr_assert_eq(run_plain(wait_in_failing_group, NULL), 0);
}

/* ---- cancellation against completion, many orders ---- */

struct race {
	int fd;
	bool done;
	int result;
};

static int
read_one(void *arg)
{
	struct race *race = arg;
	char byte = 0;
	race->result = sl_io_read_stream(race->fd, &byte, 1, SL_FOREVER);
	if (race->result == 1)
		cr_assert_eq(byte, 'x');
	return race->result;
}

static int
cancel_near(void *arg)
{
	struct race *race = arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "reader", read_one, race, NULL), 0);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_MS), 0);
	sl_group_cancel(&group, -ECANCELED);
	return sl_group_leave(&group) == -ECANCELED ? 0 : -1;
}

Test(group, an_operation_that_meets_its_cancellation_is_done_or_not)
{
	unsigned done = 0, stopped = 0;
	struct sim_seeds seeds = sim_seeds(300);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim *sim = sim_plain(seed);
		struct race race = { .fd = sim_source(sim, 0) };
		sim_source_data(sim, 0, "x", 1);
		sim_check(sim, sim_run(sim, cancel_near, &race) == 0, "cancel");
		sim_check(sim, race.result == 1 || race.result == -ECANCELED, "read: %d",
			race.result);
		done += race.result == 1;
		stopped += race.result == -ECANCELED;
		sim_free(sim);
	}
	cr_assert(sim_seeds_are_chosen() || (done > 3 && stopped > 3), "%u done, %u stopped", done,
		stopped);
}
