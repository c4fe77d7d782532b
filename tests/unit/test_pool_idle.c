/* Idle connections of the pool, on the simulator's clock: when they are closed. */
#include "sluice/net/pool.h"

#include "sluice/rt/task.h"
#include "support/engine_sim.h"
#include "support/pool_key.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>

#define IDLE_NS (30 * SL_NS_PER_S)

static struct sl_connector *connector;
static struct sim *sim;

static const struct sl_pool_options usual = {
	.per_host = 4, .total = 8, .connect_timeout_ns = SL_NS_PER_S, .idle_ns = IDLE_NS
};

static struct sl_connection *
take(struct sl_pool *pool, const char *host)
{
	struct sl_pool_key key = pool_key(connector, false, host, 80);
	struct sl_connection *out = NULL;
	struct sl_error err = { 0 };
	cr_assert_eq(sl_pool_take(pool, &key, false, &out, &err), 0, "%s", err.text);
	return out;
}

/* Idle connections of the pool; no others are open. */
static unsigned
idle(const struct sl_pool *pool)
{
	struct sl_pool_stats stats;
	sl_pool_stats(pool, &stats);
	cr_expect_eq(stats.taken, 0);
	cr_expect_eq(sim_connections_open(sim), stats.idle);
	return stats.idle;
}

/* ---- runs ---- */

struct test {
	sl_task_fn *fn;
	struct sl_pool_options options;
};

static int
with_pool(void *arg)
{
	const struct test *test = arg;
	struct sl_pool *pool = NULL;
	connector = pool_connector(NULL);
	cr_assert_eq(sl_pool_new(&pool, &test->options), 0);
	int code = test->fn(pool);
	sl_pool_free(pool);
	cr_expect_eq(sim_connections_open(sim), 0);
	cr_expect_eq(sl_task_count(), 1, "the task that closes them has ended");
	sl_connector_free(connector);
	return code;
}

static void
run(sl_task_fn *fn, struct sl_pool_options options)
{
	static const struct sim_step nothing = { .kind = SIM_STEP_END };
	struct test test = { .fn = fn, .options = options };
	sim = sim_plain(1);
	sim_listen(
		sim, &(struct sim_server){ .address = "10.0.0.1", .port = 80, .script = &nothing });
	sim_listen(
		sim, &(struct sim_server){ .address = "10.0.0.2", .port = 80, .script = &nothing });
	cr_expect_eq(sim_run(sim, with_pool, &test), 0);
	sim_free(sim);
}

/* ---- tests ---- */

static int
in_time(void *pool)
{
	sl_pool_give(pool, take(pool, "10.0.0.1"), true);
	cr_assert_eq(sl_sleep(IDLE_NS - SL_NS_PER_S), 0);
	cr_expect_eq(idle(pool), 1);
	cr_assert_eq(sl_sleep(2 * SL_NS_PER_S), 0);
	cr_expect_eq(idle(pool), 0);
	cr_expect_eq(sl_task_count(), 1);
	sl_pool_give(pool, take(pool, "10.0.0.2"), true);
	cr_assert_eq(sl_sleep(IDLE_NS + SL_NS_PER_S), 0);
	cr_expect_eq(idle(pool), 0, "the next one as well");
	return 0;
}

Test(net_pool_idle, connections_are_closed_in_time_by_themselves)
{
	run(in_time, usual);
}

static int
each_in_its_time(void *pool)
{
	struct sl_connection *a = take(pool, "10.0.0.1"), *b = take(pool, "10.0.0.2");
	sl_pool_give(pool, a, true);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	sl_pool_give(pool, b, true);
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	cr_expect_eq(take(pool, "10.0.0.1"), a);
	sl_pool_give(pool, a, true); /* at 20 s */
	cr_assert_eq(sl_sleep(15 * SL_NS_PER_S), 0);
	cr_expect_eq(idle(pool), 2, "one was used again, the other is 25 s old");
	cr_assert_eq(sl_sleep(10 * SL_NS_PER_S), 0);
	cr_expect_eq(idle(pool), 1, "at 40 s the second went");
	cr_expect_eq(take(pool, "10.0.0.1"), a);
	sl_pool_give(pool, a, true); /* at 45 s */
	cr_assert_eq(sl_sleep(IDLE_NS - SL_NS_PER_S), 0);
	cr_expect_eq(idle(pool), 1);
	cr_assert_eq(sl_sleep(2 * SL_NS_PER_S), 0);
	cr_expect_eq(idle(pool), 0);
	return 0;
}

Test(net_pool_idle, each_is_closed_so_long_after_it_was_used_last)
{
	run(each_in_its_time, usual);
}

static int
surplus(void *pool)
{
	struct sl_connection *list[4];
	for (size_t i = 0; i < SL_COUNT_OF(list); i++)
		list[i] = take(pool, i % 2 ? "10.0.0.2" : "10.0.0.1");
	for (size_t i = 0; i < SL_COUNT_OF(list); i++) {
		sl_pool_give(pool, list[i], true);
		cr_assert_eq(sl_sleep(SL_NS_PER_MS), 0);
	}
	cr_expect_eq(idle(pool), 3);
	cr_expect_eq(take(pool, "10.0.0.1"), list[2], "the oldest was closed");
	sl_pool_give(pool, list[2], true);
	return 0;
}

Test(net_pool_idle, more_than_are_wanted_are_closed_the_oldest_first)
{
	struct sl_pool_options options = usual;
	options.idle_max = 3;
	run(surplus, options);
}

static int
freed_at_once(void *pool)
{
	sl_pool_give(pool, take(pool, "10.0.0.1"), true);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	return 0; /* with_pool frees the pool */
}

static int
freed_in_no_time(void *pool)
{
	uint64_t start_ns = sl_now();
	struct sl_pool *other = NULL;
	cr_assert_eq(sl_pool_new(&other, &usual), 0);
	cr_expect_eq(freed_at_once(other), 0);
	sl_pool_free(other);
	cr_expect_lt(sl_now() - start_ns, 2 * SL_NS_PER_S, "what sleeps for 30 s is ended");
	return freed_at_once(pool);
}

Test(net_pool_idle, the_task_that_closes_them_ends_with_the_pool)
{
	run(freed_in_no_time, usual);
}

static int
own_pool(void *arg)
{
	struct sl_pool *pool = NULL;
	(void)arg;
	cr_assert_eq(sl_pool_new(&pool, &usual), 0);
	struct sl_connection *first = take(pool, "10.0.0.1"), *second = take(pool, "10.0.0.1");
	sl_pool_give(pool, first, true);
	int code = sl_sleep(SL_FOREVER);
	sl_pool_give(pool, second, true); /* when nothing can be spawned any more */
	sl_pool_free(pool);
	return code;
}

static int
owner_is_cancelled(void *arg)
{
	struct sl_group group;
	int result = 0;
	(void)arg;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "owner", own_pool, NULL, &result), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_S), 0);
	sl_group_cancel(&group, -ECANCELED);
	(void)sl_group_leave(&group);
	cr_expect_eq(result, -ECANCELED);
	cr_expect_eq(sim_connections_open(sim), 0);
	return 0;
}

Test(net_pool_idle, a_cancelled_run_closes_them_too)
{
	run(owner_is_cancelled, usual);
}
