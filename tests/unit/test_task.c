/*
 * Tasks: when they run, how they sleep and yield, what can be seen of them.
 */
#include "support/run.h"

#include "sluice/rt/io.h"
#include "sluice/rt/semaphore.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What happened, one letter an event. */
struct story {
	struct sl_buf text;
	struct sl_group group;
	int n;
};

static void
tell(struct story *story, char c)
{
	sl_buf_add_char(&story->text, c);
}

static void
run_story(sl_task_fn *fn, const char *expected)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct story story = { .n = 0 };
		struct sim *sim = sim_plain(seed);
		cr_assert_eq(sim_run(sim, fn, &story), 0);
		cr_assert_str_eq(story.text.data, expected);
		sl_buf_release(&story.text);
		sim_free(sim);
	}
}

static int
run_plain(sl_task_fn *fn, void *arg)
{
	struct sim *sim = sim_plain(1);
	int result = sim_run(sim, fn, arg);
	sim_free(sim);
	return result;
}

static int
return_arg(void *arg)
{
	return *(int *)arg;
}

Test(task, the_main_tasks_result_is_the_runs)
{
	int values[] = { 0, 7, -EIO };
	for (size_t i = 0; i < SL_COUNT_OF(values); i++)
		cr_assert_eq(run_plain(return_arg, &values[i]), values[i]);
}

static int
child_b(void *arg)
{
	tell(arg, 'b');
	return 0;
}

static int
child_c(void *arg)
{
	tell(arg, 'c');
	return 0;
}

static int
spawn_two(void *arg)
{
	struct story *story = arg;
	sl_group_enter(&story->group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&story->group, "b", child_b, story, NULL), 0);
	cr_assert_eq(sl_group_spawn(&story->group, "c", child_c, story, NULL), 0);
	tell(story, 'a');
	int code = sl_group_leave(&story->group);
	tell(story, 'd');
	return code;
}

Test(task, a_new_task_runs_after_its_maker_suspends_in_order_of_making)
{
	run_story(spawn_two, "abcd");
}

static int
yield_twice(void *arg)
{
	struct story *story = arg;
	char name = (char)('x' + story->n++);
	for (int i = 0; i < 3; i++) {
		tell(story, name);
		cr_assert_eq(sl_yield(), 0);
	}
	return 0;
}

static int
two_yielders(void *arg)
{
	struct story *story = arg;
	sl_group_enter(&story->group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&story->group, "x", yield_twice, story, NULL), 0);
	cr_assert_eq(sl_group_spawn(&story->group, "y", yield_twice, story, NULL), 0);
	return sl_group_leave(&story->group);
}

Test(task, yielding_tasks_take_turns)
{
	run_story(two_yielders, "xyxyxy");
}

/* Two tasks that wake each other, at most `most` times; a third that has yielded ends it. */
struct rally {
	struct sl_semaphore turns[2];
	int hits, most;
	bool is_over;
	struct sl_buf text;
};

static int
hit_back(struct rally *rally, int side)
{
	while (!rally->is_over && rally->hits < rally->most) {
		cr_assert_eq(sl_semaphore_take(&rally->turns[side], SL_FOREVER), 0);
		sl_buf_add_char(&rally->text, (char)('a' + side));
		rally->hits++;
		sl_semaphore_give(&rally->turns[!side]);
	}
	return 0;
}

static int
first_player(void *arg)
{
	return hit_back(arg, 0);
}

static int
second_player(void *arg)
{
	return hit_back(arg, 1);
}

static int
ends_rally(void *arg)
{
	struct rally *rally = arg;
	cr_assert_eq(sl_yield(), 0);
	sl_buf_add_char(&rally->text, '.');
	rally->is_over = true;
	return 0;
}

static int
play_rally(void *arg)
{
	struct rally *rally = arg;
	struct sl_group group;
	sl_semaphore_init(&rally->turns[0], "first", 1);
	sl_semaphore_init(&rally->turns[1], "second", 1);
	cr_assert(sl_semaphore_try_take(&rally->turns[1]));
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "end", ends_rally, rally, NULL), 0);
	cr_assert_eq(sl_group_spawn(&group, "second", second_player, rally, NULL), 0);
	cr_assert_eq(sl_group_spawn(&group, "first", first_player, rally, NULL), 0);
	return sl_group_leave(&group);
}

Test(task, a_short_chain_of_tasks_that_wake_one_another_takes_one_turn)
{
	struct rally rally = { .most = 4 };
	cr_assert_eq(run_plain(play_rally, &rally), 0);
	cr_expect_str_eq(rally.text.data, "ababa.");
	sl_buf_release(&rally.text);
}

Test(task, tasks_that_wake_one_another_for_ever_do_not_keep_others_from_running)
{
	struct rally rally = { .most = 1000 };
	cr_assert_eq(run_plain(play_rally, &rally), 0);
	cr_expect_lt(rally.hits, rally.most);
	sl_buf_release(&rally.text);
}

/* ---- time ---- */

static int
sleep_times(void *arg)
{
	(void)arg;
	uint64_t start = sl_now();
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	cr_assert_eq(sl_now(), start + SL_NS_PER_S);
	cr_assert_eq(sl_sleep_until(start), 0, "a time that has passed is not a failure");
	cr_assert_eq(sl_sleep(0), 0);
	cr_assert_eq(sl_sleep_until(start + 3600 * SL_NS_PER_S), 0);
	cr_assert_eq(sl_now(), start + 3600 * SL_NS_PER_S);
	return 0;
}

Test(task, sleeps_end_at_their_time)
{
	cr_assert_eq(run_plain(sleep_times, NULL), 0);
}

static int
deadline_arithmetic(void *arg)
{
	(void)arg;
	cr_assert_eq(sl_deadline_in(5), sl_now() + 5);
	cr_assert_eq(sl_deadline_in(SL_FOREVER), SL_FOREVER);
	cr_assert_eq(sl_deadline_in(SL_FOREVER - 1), SL_FOREVER);
	return 0;
}

Test(task, a_deadline_does_not_overflow)
{
	cr_assert_eq(run_plain(deadline_arithmetic, NULL), 0);
}

struct sleeper {
	struct story *story;
	char name;
	uint64_t ns;
};

static int
sleep_and_tell(void *arg)
{
	struct sleeper *sleeper = arg;
	cr_assert_eq(sl_sleep(sleeper->ns), 0);
	tell(sleeper->story, sleeper->name);
	return 0;
}

static int
sleepers(void *arg)
{
	struct story *story = arg;
	struct sleeper all[] = { { story, 'c', 3000 * SL_NS_PER_MS },
		{ story, 'a', 1000 * SL_NS_PER_MS }, { story, 'd', 3000 * SL_NS_PER_MS + 1 },
		{ story, 'b', 2000 * SL_NS_PER_MS } };
	sl_group_enter(&story->group, SL_GROUP_FAIL_FAST);
	for (size_t i = 0; i < SL_COUNT_OF(all); i++)
		cr_assert_eq(
			sl_group_spawn(&story->group, "sleeper", sleep_and_tell, &all[i], NULL), 0);
	return sl_group_leave(&story->group);
}

Test(task, sleepers_wake_in_order_of_their_times)
{
	run_story(sleepers, "abcd");
}

/* ---- stacks ---- */

static SL_NOINLINE unsigned
dig(unsigned depth)
{
	volatile unsigned char frame[1000];
	frame[0] = (unsigned char)depth;
	frame[999] = 1;
	return depth == 0 ? 0 : dig(depth - 1) + frame[999];
}

static int
dig_and_yield(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 5; i++) {
		cr_assert_eq(dig(40), 40);
		cr_assert_eq(sl_yield(), 0);
	}
	return 0;
}

static int
many_diggers(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(sl_group_spawn(&group, "digger", dig_and_yield, arg, NULL), 0);
	cr_assert_eq(sl_task_count(), 201);
	return sl_group_leave(&group);
}

Test(task, each_has_a_stack_of_its_own_that_bears_40_kib)
{
	cr_assert_eq(run_plain(many_diggers, NULL), 0);
}

static int
count_up(void *arg)
{
	++*(int *)arg;
	return 0;
}

static int
ten_thousand(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	for (int i = 0; i < 10000; i++) {
		cr_assert_eq(sl_group_spawn(&group, "one of many", count_up, arg, NULL), 0);
		cr_assert_eq(sl_group_wait_below(&group, 3), 0);
	}
	return sl_group_leave(&group);
}

Test(task, ended_tasks_leave_room_for_new_ones)
{
	int count = 0;
	cr_assert_eq(run_plain(ten_thousand, &count), 0);
	cr_assert_eq(count, 10000);
}

static int
doubles(void *arg)
{
	double x = *(int *)arg;
	for (int i = 0; i < 50; i++) {
		x = x * 1.5;
		cr_assert_eq(sl_yield(), 0);
		x = x / 1.5;
	}
	cr_assert_float_eq(x, *(int *)arg, 1e-9);
	return 0;
}

static int
two_doubles(void *arg)
{
	(void)arg;
	int a = 3, b = 1000000;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "a", doubles, &a, NULL), 0);
	cr_assert_eq(sl_group_spawn(&group, "b", doubles, &b, NULL), 0);
	return sl_group_leave(&group);
}

Test(task, registers_survive_a_switch)
{
	cr_assert_eq(run_plain(two_doubles, NULL), 0);
}

/* ---- parking ---- */

struct parked {
	struct sl_task *task;
	enum sl_wake wake;
	unsigned flags;
	uint64_t deadline_ns, in_force_ns;
	bool awake;
};

static int
park(void *arg)
{
	struct parked *parked = arg;
	struct sl_deadline scope;
	parked->task = sl_task_self();
	sl_deadline_begin(&scope, parked->in_force_ns ? parked->in_force_ns : SL_FOREVER);
	parked->wake = sl_task_park("a test", parked->deadline_ns, parked->flags);
	parked->awake = true;
	sl_deadline_end(&scope);
	return 0;
}

static int
wake_it(void *arg)
{
	struct parked *parked = arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "parked", park, parked, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	cr_assert(!parked->awake);
	sl_task_wake(parked->task);
	sl_task_wake(parked->task);
	cr_assert(!parked->awake, "it runs when we suspend");
	return sl_group_leave(&group);
}

Test(task, a_parked_task_is_woken_once)
{
	struct parked parked = { .deadline_ns = SL_FOREVER };
	cr_assert_eq(run_plain(wake_it, &parked), 0);
	cr_assert_eq(parked.wake, SL_WAKE_READY);
}

static int
cancel_it(void *arg)
{
	struct parked *parked = arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "parked", park, parked, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	if (parked->flags & SL_PARK_UNINTERRUPTIBLE) {
		cr_assert(!parked->awake);
		sl_task_wake(parked->task);
	}
	return sl_group_leave(&group);
}

Test(task, cancelling_wakes_a_parked_task)
{
	struct parked parked = { .deadline_ns = SL_FOREVER };
	cr_assert_eq(run_plain(cancel_it, &parked), -ECANCELED);
	cr_assert_eq(parked.wake, SL_WAKE_CANCEL);
}

Test(task, neither_deadlines_in_force_nor_cancellation_wake_an_uninterruptible_task)
{
	struct parked parked = {
		.flags = SL_PARK_UNINTERRUPTIBLE, .deadline_ns = SL_FOREVER, .in_force_ns = 1
	};
	cr_assert_eq(run_plain(cancel_it, &parked), -ECANCELED);
	cr_assert_eq(parked.wake, SL_WAKE_READY);
}

static int
park_a_while(void *arg)
{
	struct parked *parked = arg;
	parked->deadline_ns = sl_deadline_in(SL_NS_PER_S);
	park(parked);
	cr_assert_eq(sl_now(), parked->deadline_ns);
	return 0;
}

Test(task, an_uninterruptible_task_wakes_at_its_own_deadline)
{
	struct parked parked = { .flags = SL_PARK_UNINTERRUPTIBLE, .in_force_ns = 1 };
	cr_assert_eq(run_plain(park_a_while, &parked), 0);
	cr_assert_eq(parked.wake, SL_WAKE_TIMEOUT);
}

/* ---- misuse ---- */

static int
forgets_a_group(void *arg)
{
	(void)arg;
	static struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	return 0;
}

static int
ends_a_shield_too_many(void *arg)
{
	(void)arg;
	struct sl_shield shield = { 0 };
	sl_shield_end(&shield);
	return 0;
}

static int
leave_it(void *arg)
{
	return sl_group_leave(arg);
}

static int
leaves_anothers_group(void *arg)
{
	(void)arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "stranger", leave_it, &group, NULL), 0);
	return sl_group_leave(&group);
}

/* What the process writes before it aborts. */
static void
dies_with(sl_task_fn *fn, const char *text)
{
	int fds[2];
	char said[400] = "";
	cr_assert_eq(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = { 0 };
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		(void)run_plain(fn, NULL);
		_exit(0);
	}
	close(fds[1]);
	size_t len = 0;
	ssize_t got;
	while ((got = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)got;
	close(fds[0]);
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	cr_assert(strstr(said, text), "'%s' is not in '%s'", text, said);
}

Test(task, misuse_names_the_task_its_state_and_what_it_did)
{
	dies_with(forgets_a_group, "task 'main' (running) returned without leaving a group");
	dies_with(ends_a_shield_too_many, "task 'main' (running) ended a shield");
	dies_with(leaves_anothers_group,
		"task 'stranger' (running) called sl_group_leave on a group of task 'main'");
}

static int
park_until(void *arg)
{
	struct parked *parked = arg;
	parked->deadline_ns = sl_deadline_in(SL_NS_PER_S);
	park(parked);
	cr_assert_eq(sl_now(), parked->deadline_ns);
	park(parked);
	cr_assert_eq(sl_now(), parked->deadline_ns, "it has passed: no suspension");
	return 0;
}

Test(task, a_parked_task_wakes_at_its_deadline)
{
	struct parked parked = { .awake = false };
	cr_assert_eq(run_plain(park_until, &parked), 0);
	cr_assert_eq(parked.wake, SL_WAKE_TIMEOUT);
}

/* ---- looking ---- */

static void
see(void *ctx, const struct sl_task_info *info)
{
	sl_buf_printf(ctx, "%u:%s:%s:%s:%u ", info->depth, info->name, info->state, info->waits_for,
		(unsigned)((sl_now() - info->since_ns) / SL_NS_PER_S));
}

static int
sleep_long(void *arg)
{
	(void)arg;
	return sl_sleep(10 * SL_NS_PER_S);
}

static int
nest(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "inner", sleep_long, arg, NULL), 0);
	return sl_group_leave(&group);
}

static int
look(void *arg)
{
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "a name of more than thirty-one bytes, which is cut",
			     sleep_long, NULL, NULL),
		0);
	cr_assert_eq(sl_group_spawn(&group, "outer", nest, NULL, NULL), 0);
	cr_assert_eq(sl_sleep(2500 * SL_NS_PER_MS), 0);
	cr_assert_eq(sl_task_count(), 4);
	sl_task_each(see, arg);
	return sl_group_leave(&group);
}

Test(task, the_table_of_tasks_names_what_each_waits_for_and_since_when)
{
	struct sl_buf table = { 0 };
	cr_assert_eq(run_plain(look, &table), 0);
	cr_assert_str_eq(table.data, "0:main:running::2 1:a name of more than thirty-one "
				     ":parked:sleep:2 1:outer:parked:tasks:2 "
				     "2:inner:parked:sleep:2 ");
	sl_buf_release(&table);
}

static int
nothing(void *arg)
{
	(void)arg;
	return 0;
}

Test(task, a_runtime_can_be_run_again_on_the_same_world)
{
	struct sim *sim = sim_plain(1);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(sim_run(sim, nothing, NULL), 0);
		cr_assert_null(sl_rt_current());
	}
	sim_free(sim);
}
