/*
 * A run of `sluice scan --state`, with and without --follow, of logs that were rotated, in which
 * the nth allocation fails, for every n until the run makes no more: it fails with a message, or
 * names the log, and no line is lost, since the next run has the rest.
 */
#include "support/failing_alloc.h"
#include "support/follow_scene.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define ACTS 60u /* operations until a run with --follow is ended */

/* state: what is to fail, and how many allocations there were; for follow_scene_run. */
static struct {
	uint64_t nth, count;
	bool and_all_after;
} failing;

static void
begin(struct follow_scene *scene)
{
	(void)scene;
	alloc_fail_nth(failing.nth, failing.and_all_after);
}

static void
end(struct follow_scene *scene)
{
	(void)scene;
	failing.count = alloc_end();
}

/* Logs that were scanned, and have new lines since, some of them in rotated files. */
static struct follow_scene *
build(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	struct follow_scene *scene = follow_scene_new(&options);
	scene->is_directory = seed % 2;
	scene->ending = FOLLOW_NONE;
	scene->is_quiet = true;
	scene->gap = 1;
	for (unsigned i = 0; i < 30; i++)
		rotator_act(&scene->rotator);
	follow_scene_run(scene, 0);
	scene->rotator.rotate_percent = 30;
	for (unsigned i = 0; i < 40; i++)
		rotator_act(&scene->rotator);
	rotator_settle(&scene->rotator);
	return scene;
}

static void
fail_one(uint64_t seed, bool is_live)
{
	struct follow_scene *scene = build(seed);
	char text[32];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)failing.nth);
	rotator_trace(scene->sim, "allocation", text, "fails");
	scene->is_live = is_live;
	scene->ending = is_live ? FOLLOW_TERM : FOLLOW_NONE;
	scene->before = begin;
	scene->after = end;
	follow_scene_run(scene, ACTS);
	scene->before = scene->after = NULL;
	sim_check(scene->sim, scene->code == 0 || (scene->code == -ENOMEM && scene->err.text[0]),
		"allocation %llu: %d '%s'", (unsigned long long)failing.nth, scene->code,
		scene->err.text);
	follow_scene_finish(scene);
	follow_scene_check(scene, 1, true);
	follow_scene_free(scene);
}

static void
fail_each(uint64_t seed, bool is_live)
{
	failing.nth = 0;
	do {
		failing.nth++;
		fail_one(seed, is_live);
	} while (failing.count >= failing.nth);
	cr_assert_gt(failing.nth, 50, "only %llu allocations", (unsigned long long)failing.nth);
}

Test(alloc_follow, any_allocation_may_fail, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(2);
	failing.and_all_after = false;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		fail_each(seed, false);
		fail_each(seed, true);
	}
}

Test(alloc_follow, memory_may_end_at_any_allocation, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(2);
	failing.and_all_after = true;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		fail_each(seed, false);
		fail_each(seed, true);
	}
}
