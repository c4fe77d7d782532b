/*
 * Files in segments that are paused, resumed and removed at any moment, in the simulated world:
 * what is not removed is complete in the end, and of what is removed nothing is left.
 */
#include "support/scenario.h"

#include "sluice/base/random.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>

#define FILES 3
#define ACTIONS 12

/* state: of the run under way; the control has no argument but its scene. */
static struct {
	struct sl_random random;
	bool removes;
	bool is_removed[FILES];
} control;

static uint64_t
pick(uint64_t bound)
{
	return sl_random_below(&control.random, bound);
}

SL_SUSPENDS
static void
wait_a_while(struct get_scene *scene)
{
	uint64_t ns = pick(2) ? pick(50 * SL_NS_PER_MS) : pick(2 * SL_NS_PER_MS);
	sim_check(scene->sim, sl_sleep(ns) == 0, "the control was stopped");
}

SL_SUSPENDS
static void
disturb(struct get_scene *scene)
{
	for (int i = 0; i < ACTIONS; i++) {
		uint64_t index = pick(FILES);
		wait_a_while(scene);
		if (control.removes && pick(4) == 0) {
			if (sl_batch_remove(scene->batch, index) == 0)
				control.is_removed[index] = true;
			continue;
		}
		int code = sl_batch_pause(scene->batch, index);
		sim_check(scene->sim, !code || code == -ENOENT || code == -EBUSY, "%d", code);
		if (pick(3))
			wait_a_while(scene);
		code = sl_batch_resume(scene->batch, index);
		sim_check(scene->sim, !code || code == -ENOENT, "%d", code);
	}
	sl_batch_close(scene->batch);
}

static struct scenario *
build(uint64_t seed, char sums[FILES][SCENARIO_SUM])
{
	struct sim_options options = sim_options(seed);
	sl_random_init(&control.random, seed);
	struct scenario *scenario = scenario_new(&options);
	scenario->get.control = disturb;
	scenario->get.segments = 4;
	scenario->get.min_segment = 512 * SL_KIB;
	scenario->get.chunk_size = 128 * SL_KIB;
	scenario->get.chunks = 2 + pick(20);
	scenario->get.jobs = 1 + (unsigned)pick(3);
	scenario->get.resume = pick(4) > 0;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	for (size_t i = 0; i < FILES; i++) {
		struct sim_http_file file = { .len = 3 * SL_MIB + pick(4 * SL_MIB),
			.ranges = pick(5) > 0,
			.etag = "\"one\"",
			.modified = "Tue, 14 Nov 2023 22:13:21 GMT" };
		struct get_file *get = scenario_offer(scenario, file);
		if (pick(2))
			scenario_set_checksum(get, sums[i]);
		control.is_removed[i] = false;
	}
	return scenario;
}

static void
run_each(bool removes)
{
	struct sim_seeds seeds = sim_seeds(80);
	static char sums[FILES][SCENARIO_SUM];
	control.removes = removes;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, sums);
		get_scene_run(&scenario->get);
		for (size_t i = 0; i < FILES; i++) {
			struct get_file *file = &scenario->get.files[i];
			bool is_removed = file->state == SL_DOWNLOAD_REMOVED;
			sim_check(scenario->sim, is_removed || file->state == SL_DOWNLOAD_DONE,
				"%s ended in state %d: %s", file->url, file->state,
				file->error.text);
			sim_check(scenario->sim, !is_removed || control.is_removed[i],
				"%s was not to be removed", file->url);
		}
		scenario->get.resume = false; /* no part may be left */
		if (!removes)
			get_scene_check(&scenario->get);
		for (size_t i = 0; i < FILES; i++)
			if (scenario->get.files[i].state == SL_DOWNLOAD_REMOVED)
				sim_check(scenario->sim,
					!sim_exists(scenario->sim, scenario->get.files[i].name),
					"a removed file is there");
		char name[40];
		for (size_t i = 0; i < FILES; i++) {
			snprintf(name, sizeof(name), "f%zu.sluice-part", i);
			sim_check(scenario->sim, !sim_exists(scenario->sim, name), "%s", name);
			snprintf(name, sizeof(name), "f%zu.sluice-journal", i);
			sim_check(scenario->sim, !sim_exists(scenario->sim, name), "%s", name);
		}
		scenario_free(scenario);
	}
}

Test(scenario_get_pause, what_is_paused_at_any_moment_is_complete_in_the_end, .timeout = 900)
{
	run_each(false);
}

Test(scenario_get_pause, of_what_is_removed_at_any_moment_nothing_is_left, .timeout = 900)
{
	run_each(true);
}
