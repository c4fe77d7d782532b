/*
 * Histograms: quantiles within their promise; what the loop counts.
 */
#include "support/run.h"

#include "sluice/base/random.h"
#include "sluice/rt/io.h"
#include "sluice/rt/stats.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>

Test(stats, an_empty_histogram_has_no_time)
{
	struct sl_histogram h = { 0 };
	cr_assert_eq(sl_histogram_quantile(&h, 0.5), 0);
	cr_assert_eq(sl_histogram_quantile(&h, 1.0), 0);
}

Test(stats, one_value_is_every_quantile)
{
	static const uint64_t values[] = { 0, 1, 2, 3, 4, 5, 999, 1ull << 20, (1ull << 20) + 1,
		3ull << 40, UINT64_MAX };
	static const double parts[] = { 0, 0.5, 0.99, 1 };
	for (size_t v = 0; v < SL_COUNT_OF(values); v++) {
		struct sl_histogram h = { 0 };
		sl_histogram_add(&h, values[v]);
		for (size_t p = 0; p < SL_COUNT_OF(parts); p++)
			cr_assert_eq(sl_histogram_quantile(&h, parts[p]), values[v]);
	}
}

/* Against the sorted values themselves: at most half too high, never below, never above the
 * largest. */
Test(stats, a_quantile_is_within_half_of_the_true_value)
{
	struct sl_random random;
	for (uint64_t seed = 1; seed < 200; seed++) {
		uint64_t values[500];
		struct sl_histogram h = { 0 };
		sl_random_init(&random, seed);
		for (size_t i = 0; i < 500; i++) {
			values[i] = sl_random_next(&random) >> sl_random_below(&random, 60);
			sl_histogram_add(&h, values[i]);
			for (size_t k = i; k > 0 && values[k - 1] > values[k]; k--) {
				uint64_t swap = values[k];
				values[k] = values[k - 1];
				values[k - 1] = swap;
			}
		}
		cr_assert(h.count == 500 && h.min_ns == values[0] && h.max_ns == values[499]);
		for (size_t rank = 0; rank < 500; rank += 7) {
			uint64_t got = sl_histogram_quantile(&h, ((double)rank + 0.5) / 500.0);
			cr_assert(got >= values[rank] && got <= values[499],
				"rank %zu: %lu for %lu", rank, got, values[rank]);
			cr_assert(got / 3 <= values[rank] / 2 + 1, "rank %zu: %lu for %lu", rank,
				got, values[rank]);
		}
	}
}

static int
some_work(void *arg)
{
	(void)arg;
	char text[] = "0123456789";
	int fd = sl_io_open(AT_FDCWD, "a", O_RDWR | O_CREAT, 0600, 0);
	cr_assert(fd >= 0);
	cr_assert_eq(sl_io_write_all(fd, text, 10, 0), 0);
	cr_assert_eq(sl_io_open(AT_FDCWD, "missing", O_RDONLY, 0, 0), -ENOENT);
	sl_io_close(fd);
	const struct sl_stats *stats = sl_rt_stats(sl_rt_current());
	cr_assert_eq(stats->op[SL_OP_OPEN].count, 2);
	cr_assert_eq(stats->op_failed[SL_OP_OPEN], 1);
	cr_assert_eq(stats->op_bytes[SL_OP_WRITE], 10);
	cr_assert_eq(stats->op[SL_OP_CLOSE].count, 1);
	cr_assert_gt(stats->op[SL_OP_WRITE].min_ns, 0);
	cr_assert_eq(stats->tasks_started, 1);
	cr_assert_eq(stats->tasks_max, 1);
	cr_assert_geq(stats->turns, 4);
	return 0;
}

Test(stats, the_runtime_counts_operations_bytes_failures_and_turns)
{
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct sim *sim = sim_plain(seed);
		cr_assert_eq(sim_run(sim, some_work, NULL), 0);
		sim_free(sim);
	}
}

Test(stats, every_row_has_a_name)
{
	for (unsigned row = 0; row < SL_STATS_ROWS; row++)
		cr_assert(sl_stats_row_name(row)[0] != '\0');
}

static int
read_both(void *arg)
{
	struct sim *sim = arg;
	char text[10];
	int fd = sl_io_open(AT_FDCWD, "a", O_RDONLY, 0, 0), pipe = sim_source(sim, -1);
	cr_assert(fd >= 0);
	sim_source_pause(sim, pipe, 3600 * SL_NS_PER_S);
	sim_source_data(sim, pipe, "x", 1);
	cr_assert_gt(sl_io_read(fd, text, 10, 0, 0), 0);
	cr_assert_eq(sl_io_read_stream(pipe, text, 10, SL_FOREVER), 1);
	sl_io_close(fd);
	const struct sl_stats *stats = sl_rt_stats(sl_rt_current());
	cr_assert_eq(stats->op[SL_OP_READ].count, 1);
	cr_assert_lt(stats->op[SL_OP_READ].sum_ns, SL_NS_PER_S);
	cr_assert_eq(stats->op[SL_STATS_READ_STREAM].count, 1);
	cr_assert_geq(stats->op[SL_STATS_READ_STREAM].sum_ns, 3600 * SL_NS_PER_S);
	return 0;
}

Test(stats, waiting_for_a_pipe_is_not_counted_as_waiting_for_a_disk)
{
	struct sim *sim = sim_plain(1);
	sim_put_file(sim, "a", "0123456789", 10, 0600);
	cr_assert_eq(sim_run(sim, read_both, sim), 0);
	sim_free(sim);
}

/* ---- a loop that is held up ---- */

#define HELD_UP_NS (3 * SL_NS_PER_S)

static const struct sl_engine_methods *real_methods;
static struct sl_engine_methods methods; /* outlives the task */
static uint64_t held_up_ns;

static uint64_t
later(struct sl_engine *engine)
{
	return real_methods->now(engine) + held_up_ns;
}

/* As by a call that takes so long. */
static int
hold_up(void *arg)
{
	(void)arg;
	struct sl_engine *engine = sl_rt_engine(sl_rt_current());
	methods = *(real_methods = engine->methods);
	methods.now = later;
	engine->methods = &methods;
	engine->is_real_time = true;
	uint64_t begun_ns = sl_now();
	held_up_ns = HELD_UP_NS;
	cr_assert_eq(sl_yield(), 0);
	cr_assert_lt(sl_now() - begun_ns, SL_NS_PER_S, "no timeout counts it");
	cr_assert_geq(sl_rt_stats(sl_rt_current())->turn_max_ns, HELD_UP_NS);
	return 0;
}

Test(stats, the_longest_turn_is_all_of_it_although_timeouts_do_not_count_it)
{
	struct sim *sim = sim_plain(1);
	cr_assert_eq(sim_run(sim, hold_up, NULL), 0);
	sim_free(sim);
}
