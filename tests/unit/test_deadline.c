/*
 * Deadlines and shields: the nearest wins, those outside hold inside, and a shield keeps both off.
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

static int
nest(void *arg)
{
	(void)arg;
	struct sl_deadline outer, inner;
	uint64_t start = sl_now();
	cr_assert_eq(sl_task_deadline(), SL_FOREVER);
	sl_deadline_begin(&outer, start + 5 * SL_NS_PER_S);
	sl_deadline_begin(&inner, start + 9 * SL_NS_PER_S);
	cr_assert_eq(
		sl_task_deadline(), start + 5 * SL_NS_PER_S, "a later one inside changes nothing");
	sl_deadline_end(&inner);
	sl_deadline_begin(&inner, start + 2 * SL_NS_PER_S);
	cr_assert_eq(sl_sleep(60 * SL_NS_PER_S), -ETIMEDOUT);
	cr_assert_eq(sl_now(), start + 2 * SL_NS_PER_S);
	cr_assert_eq(sl_task_cancelled(), -ETIMEDOUT);
	sl_deadline_end(&inner);
	cr_assert_eq(sl_task_cancelled(), 0, "outside of it the task goes on");
	cr_assert_eq(sl_sleep(60 * SL_NS_PER_S), -ETIMEDOUT);
	cr_assert_eq(sl_now(), start + 5 * SL_NS_PER_S);
	sl_deadline_end(&outer);
	cr_assert_eq(sl_task_deadline(), SL_FOREVER);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	return 0;
}

Test(deadline, the_nearest_in_force_wins)
{
	cr_assert_eq(run_plain(nest, NULL), 0);
}

static int
already_passed(void *arg)
{
	(void)arg;
	struct sl_deadline scope;
	int item = 0;
	struct sl_channel *channel = NULL;
	cr_assert_eq(sl_channel_new(&channel, "test", 1, sizeof(int)), 0);
	sl_deadline_begin(&scope, sl_now() - 1);
	uint64_t now = sl_now();
	cr_assert_eq(sl_yield(), -ETIMEDOUT);
	cr_assert_eq(sl_sleep(1), -ETIMEDOUT);
	cr_assert_eq(sl_channel_send(channel, &item, SL_FOREVER), -ETIMEDOUT,
		"even where there is room");
	cr_assert_eq(sl_io_socket(2, 1, 0), -ETIMEDOUT);
	cr_assert_eq(sl_now(), now);
	sl_deadline_end(&scope);
	sl_channel_free(channel);
	return 0;
}

Test(deadline, a_passed_one_refuses_every_suspension)
{
	cr_assert_eq(run_plain(already_passed, NULL), 0);
}

static int
sleep_long(void *arg)
{
	*(int *)arg = sl_sleep(100 * SL_NS_PER_S);
	return *(int *)arg;
}

static int
children_inherit(void *arg)
{
	(void)arg;
	int before = 1, inside = 1;
	struct sl_group group;
	struct sl_deadline scope;
	uint64_t start = sl_now();
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "before", sleep_long, &before, NULL), 0);
	sl_deadline_begin(&scope, start + SL_NS_PER_S);
	cr_assert_eq(sl_group_spawn(&group, "inside", sleep_long, &inside, NULL), 0);
	sl_deadline_end(&scope);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_assert_eq(before, 0);
	cr_assert_eq(inside, -ETIMEDOUT);
	return 0;
}

Test(deadline, tasks_spawned_inside_keep_it)
{
	cr_assert_eq(run_plain(children_inherit, NULL), 0);
}

static int
leave_at_deadline(void *arg)
{
	(void)arg;
	int result = 1;
	struct sl_group group;
	struct sl_deadline scope;
	uint64_t start = sl_now();
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "sleeper", sleep_long, &result, NULL), 0);
	sl_deadline_begin(&scope, start + SL_NS_PER_S);
	cr_assert_eq(sl_group_leave(&group), -ETIMEDOUT);
	sl_deadline_end(&scope);
	cr_assert_eq(result, -ETIMEDOUT, "cancelled because of the time");
	cr_assert_lt(sl_now() - start, 2 * SL_NS_PER_S);
	return 0;
}

Test(deadline, leaving_a_group_cancels_what_is_late_and_waits_for_it)
{
	cr_assert_eq(run_plain(leave_at_deadline, NULL), 0);
}

static int
ends_inside(void *arg)
{
	(void)arg;
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(10 * SL_NS_PER_S));
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_deadline_end(&scope);
	cr_assert_eq(sl_sleep(100 * SL_NS_PER_S), 0, "its time means nothing afterwards");
	return 0;
}

Test(deadline, one_that_was_ended_does_not_come)
{
	cr_assert_eq(run_plain(ends_inside, NULL), 0);
}

/* ---- shields ---- */

struct shielded {
	int inside, inside_late, after, child;
	int fd;
	int wrote;
};

static int
clean_up(void *arg)
{
	struct shielded *s = arg;
	struct sl_shield shield;
	cr_assert_eq(sl_sleep(100 * SL_NS_PER_S), -ECANCELED);
	uint64_t start = sl_now();
	sl_shield_begin(&shield, start + 5 * SL_NS_PER_S);
	cr_assert_eq(sl_task_cancelled(), 0);
	cr_assert_eq(sl_task_deadline(), start + 5 * SL_NS_PER_S);
	s->inside = sl_sleep(2 * SL_NS_PER_S);
	s->inside_late = sl_sleep(100 * SL_NS_PER_S);
	cr_assert_eq(sl_now(), start + 5 * SL_NS_PER_S);
	sl_shield_end(&shield);
	s->after = sl_sleep(1);
	return 0;
}

static int
cancel_cleaner(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "cleaner", clean_up, arg, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	return 0;
}

Test(deadline, a_shield_lets_a_cancelled_task_clean_up_until_its_own_time)
{
	struct shielded s = { .inside = 1 };
	cr_assert_eq(run_plain(cancel_cleaner, &s), 0);
	cr_assert_eq(s.inside, 0);
	cr_assert_eq(s.inside_late, -ETIMEDOUT);
	cr_assert_eq(s.after, -ECANCELED);
}

static int
sleep_shielded(void *arg)
{
	struct shielded *s = arg;
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	s->inside = sl_sleep(10 * SL_NS_PER_S);
	sl_shield_end(&shield);
	s->after = sl_sleep(SL_NS_PER_S);
	return 0;
}

static int
cancel_inside(void *arg)
{
	struct sl_group group;
	struct sl_deadline scope;
	uint64_t start = sl_now();
	sl_group_enter(&group, SL_GROUP_COLLECT);
	sl_deadline_begin(&scope, start + 2 * SL_NS_PER_S);
	cr_assert_eq(sl_group_spawn(&group, "shielded", sleep_shielded, arg, NULL), 0);
	sl_deadline_end(&scope);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_geq(sl_now(), start + 10 * SL_NS_PER_S);
	return 0;
}

Test(deadline, what_comes_during_a_shield_waits_for_its_end)
{
	struct shielded s = { .inside = 1 };
	cr_assert_eq(run_plain(cancel_inside, &s), 0);
	cr_assert_eq(s.inside, 0);
	cr_assert_eq(s.after, -ECANCELED);
}

static int
sleep_into(void *arg)
{
	*(int *)arg = sl_sleep(3 * SL_NS_PER_S);
	return 0;
}

static int
shielded_group(void *arg)
{
	struct shielded *s = arg;
	struct sl_shield shield;
	struct sl_group group;
	cr_assert_eq(sl_sleep(100 * SL_NS_PER_S), -ECANCELED);
	sl_shield_begin(&shield, sl_deadline_in(60 * SL_NS_PER_S));
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "helper", sleep_into, &s->child, NULL), 0);
	s->inside = sl_group_leave(&group);
	sl_shield_end(&shield);
	return 0;
}

static int
cancel_shielded_group(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "owner", shielded_group, arg, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	return sl_group_leave(&group) == -ECANCELED ? 0 : -1;
}

Test(deadline, a_group_entered_inside_a_shield_is_shielded)
{
	struct shielded s = { .child = 1, .inside = 1 };
	cr_assert_eq(run_plain(cancel_shielded_group, &s), 0);
	cr_assert_eq(s.child, 0);
	cr_assert_eq(s.inside, 0);
}

static int
group_before_shield(void *arg)
{
	struct shielded *s = arg;
	struct sl_shield shield;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "helper", sleep_into, &s->child, NULL), 0);
	sl_shield_begin(&shield, SL_FOREVER);
	s->inside = sl_sleep(10 * SL_NS_PER_S);
	sl_shield_end(&shield);
	return sl_group_leave(&group);
}

static int
cancel_group_before_shield(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "owner", group_before_shield, arg, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	return sl_group_leave(&group) == -ECANCELED ? 0 : -1;
}

Test(deadline, a_group_entered_before_a_shield_is_not_shielded)
{
	struct shielded s = { .child = 1, .inside = 1 };
	cr_assert_eq(run_plain(cancel_group_before_shield, &s), 0);
	cr_assert_eq(s.child, -ECANCELED);
	cr_assert_eq(s.inside, 0);
}

/* Shields nest: only the outermost end uncovers the task. */
static int
nested_shields(void *arg)
{
	struct shielded *s = arg;
	struct sl_shield outer, inner;
	cr_assert_eq(sl_sleep(100 * SL_NS_PER_S), -ECANCELED);
	sl_shield_begin(&outer, SL_FOREVER);
	sl_shield_begin(&inner, sl_deadline_in(SL_NS_PER_S));
	cr_assert_eq(sl_sleep(5 * SL_NS_PER_S), -ETIMEDOUT);
	sl_shield_end(&inner);
	s->inside = sl_sleep(SL_NS_PER_S);
	sl_shield_end(&outer);
	s->after = sl_yield();
	return 0;
}

static int
cancel_nested(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "nested", nested_shields, arg, NULL), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_group_cancel(&group, -ECANCELED);
	return sl_group_leave(&group) == -ECANCELED ? 0 : -1;
}

Test(deadline, shields_nest)
{
	struct shielded s = { .inside = 1 };
	cr_assert_eq(run_plain(cancel_nested, &s), 0);
	cr_assert_eq(s.inside, 0);
	cr_assert_eq(s.after, -ECANCELED);
}

/* ---- a process that is stopped ---- */

/* In 10 s for 10 hours, while what a task waits for comes. */
static int
wait_while_stopped(void *arg)
{
	struct sim *sim = arg;
	char byte;
	uint64_t start = sl_now();
	int source = sim_source(sim, -1);
	sim_source_pause(sim, source, 30 * SL_NS_PER_S);
	sim_source_data(sim, source, "x", 1);
	sim_stop(sim, 10 * SL_NS_PER_S, 36000 * SL_NS_PER_S);
	int got = sl_io_read_stream(source, &byte, 1, sl_deadline_in(60 * SL_NS_PER_S));
	cr_assert_eq(got, 1, "it came meanwhile, which is no timeout: %d", got);
	uint64_t passed = sl_now() - start;
	cr_assert_leq(passed, 13 * SL_NS_PER_S, "%llu", (unsigned long long)passed);
	return sl_io_close(source);
}

Test(deadline, time_in_which_the_process_is_stopped_does_not_count)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *sim = sim_plain(seed);
		cr_assert_eq(sim_run(sim, wait_while_stopped, sim), 0);
		sim_free(sim);
	}
}

/* What was not waited for long enough before is waited for afterwards, and no longer. */
static int
time_out_after_stop(void *arg)
{
	uint64_t start = sl_now();
	sim_stop(arg, 10 * SL_NS_PER_S, 36000 * SL_NS_PER_S);
	cr_assert_eq(sl_sleep(60 * SL_NS_PER_S), 0);
	cr_assert_eq(sl_now() - start, 60 * SL_NS_PER_S);
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(60 * SL_NS_PER_S));
	sim_stop(arg, 59 * SL_NS_PER_S, 36000 * SL_NS_PER_S);
	cr_assert_eq(sl_sleep(50 * SL_NS_PER_S), 0);
	cr_assert_eq(sl_sleep(50 * SL_NS_PER_S), -ETIMEDOUT);
	cr_assert_eq(sl_now() - start, 120 * SL_NS_PER_S);
	sl_deadline_end(&scope);
	return 0;
}

Test(deadline, what_is_left_of_a_timeout_is_waited_for_after_a_stop)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *sim = sim_plain(seed);
		cr_assert_eq(sim_run(sim, time_out_after_stop, sim), 0);
		sim_free(sim);
	}
}
