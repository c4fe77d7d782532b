/*
 * How many connections a run has to one host, on the virtual clock: as many as bring throughput.
 * What ramp.h decides from, a whole run must produce: which connections are in use, what they
 * bring, and that those which are too many end.
 */
#include "support/scenario.h"

#include <criterion/criterion.h>

#define PER_HOST 16
#define FILES 20
#define SIZE (9 * SL_MIB)
#define SAMPLE_NS (100 * SL_NS_PER_MS)
#define SETTLED_NS (90 * SL_NS_PER_S) /* from here on connections are counted */

/* state: of the run under way; the control has no argument but its scene. */
static struct samples {
	unsigned at_work; /* of the look under way */
	double sum;
	unsigned count, most;
} samples;

static void
count_segments(void *ctx, const struct sl_download *download)
{
	(void)ctx;
	samples.at_work += download->segments;
}

static bool
is_over(const struct get_scene *scene)
{
	const struct sl_batch_summary *summary = sl_batch_summary(scene->batch);
	return summary->done + summary->failed == scene->count;
}

SL_SUSPENDS
static void
watch(struct get_scene *scene)
{
	uint64_t began_ns = sl_now();
	samples = (struct samples){ 0 };
	while (sl_sleep(SAMPLE_NS) == 0 && !is_over(scene)) {
		samples.at_work = 0;
		sl_batch_each(scene->batch, count_segments, NULL);
		samples.most = SL_MAX(samples.most, samples.at_work);
		if (sl_now() - began_ns < SETTLED_NS)
			continue;
		samples.sum += samples.at_work;
		samples.count++;
	}
	sl_batch_close(scene->batch);
}

/* Four files at once, in pieces of a size at which 16 connections take turns quickly. */
static struct scenario *
build(uint64_t seed)
{
	struct scenario *scenario = scenario_plain(seed);
	for (size_t i = 0; i < FILES; i++)
		scenario_offer(scenario,
			(struct sim_http_file){ .len = SIZE, .ranges = true, .etag = "\"one\"" });
	sim_http_set_segment(scenario->http, scenario->sim, 4 * SL_KIB);
	scenario->get.jobs = 4;
	scenario->get.per_host = PER_HOST;
	scenario->get.segments = 8;
	scenario->get.min_segment = 512 * SL_KIB;
	scenario->get.chunk_size = 128 * SL_KIB;
	scenario->get.chunks = 48;
	scenario->get.control = watch;
	return scenario;
}

/* Returns the mean number of connections once the run has settled. */
static double
run_at(struct scenario *scenario, uint64_t each, uint64_t total)
{
	sim_http_set_rates(scenario->http, scenario->sim, each, total);
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	sim_check(scenario->sim, samples.count > 100, "%u samples", samples.count);
	return samples.sum / samples.count;
}

Test(scenario_get_growth, a_host_whose_total_is_limited_gets_few_connections)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed);
		double mean = run_at(scenario, 0, 1000000);
		/* Next to nothing is fetched twice. */
		scenario_expect_duration(scenario, FILES * SIZE * 1000, FILES * SIZE * 1010);
		sim_check(scenario->sim, mean < 4, "%.1f connections", mean);
		scenario_free(scenario);
	}
}

Test(scenario_get_growth, a_host_whose_connections_are_limited_gets_as_many_as_may_be)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed);
		double mean = run_at(scenario, 80000, 0);
		/* The end of the last files has fewer. */
		scenario_expect_duration(scenario, FILES * SIZE * 780, FILES * SIZE * 860);
		sim_check(scenario->sim, samples.most >= PER_HOST, "%u", samples.most);
		sim_check(scenario->sim, mean > 13, "%.1f connections", mean);
		scenario_free(scenario);
	}
}
