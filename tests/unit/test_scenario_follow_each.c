/*
 * A run of `sluice scan --state`, with or without --follow, at each of whose operations something
 * happens: a signal, a kill, a failure, a file that comes into being, a log that is truncated.
 */
#include "support/follow_scene.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPS 220u /* operations of a run with --follow at which something happens; two rounds */

static struct follow_scene *
build(uint64_t seed, bool is_live)
{
	struct sim_options options = sim_options(seed);
	options.reuse_inodes = seed % 2;
	struct follow_scene *scene = follow_scene_new(&options);
	scene->is_live = is_live;
	scene->ending = is_live ? FOLLOW_TERM : FOLLOW_NONE;
	scene->is_quiet = true;
	scene->gap = 1;
	return scene;
}

/* Logs that were scanned, and have new lines since, one of them in a rotated file. */
static struct follow_scene *
build_rotated(uint64_t seed)
{
	struct follow_scene *scene = build(seed, false);
	for (unsigned i = 0; i < 30; i++)
		rotator_act(&scene->rotator);
	follow_scene_run(scene, 0);
	scene->rotator.rotate_percent = 30;
	for (unsigned i = 0; i < 40; i++)
		rotator_act(&scene->rotator);
	if (rotator_is_copying(&scene->rotator))
		rotator_settle(&scene->rotator);
	return scene;
}

/* The end of a test: what is left is read, and each line has come. */
static void
end(struct follow_scene *scene, unsigned repeats)
{
	follow_scene_finish(scene);
	follow_scene_check(scene, repeats, true);
	follow_scene_free(scene);
}

Test(scenario_follow_each, a_signal_at_any_operation_is_no_failure)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		for (uint64_t n = 1; n < OPS; n += sim_stride(1)) {
			struct follow_scene *scene = build_rotated(seed);
			scene->is_live = true;
			scene->ending = FOLLOW_TERM;
			follow_scene_run(scene, n);
			sim_check(scene->sim, scene->code == 0, "%s", scene->err.text);
			follow_scene_check(scene, 0, false);
			end(scene, 0);
		}
}

Test(scenario_follow_each, a_kill_at_any_operation_repeats_lines_once)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		for (uint64_t n = 1; n < OPS; n += sim_stride(1)) {
			struct follow_scene *scene = build_rotated(seed);
			scene->is_live = seed % 2;
			scene->ending = FOLLOW_KILL;
			scene->how = (enum sim_crash)(n % SIM_CRASHES);
			follow_scene_run(scene, n);
			end(scene, 1);
		}
}

/* state: the operation that is to fail, for follow_scene_run. */
static uint64_t failing;

static void
plan_failure(struct follow_scene *scene)
{
	/* Not a missing right: what a file contains that cannot be read for good is lost. */
	sim_fail_nth(scene->sim, failing, failing % 2 ? -EIO : -EMFILE, 0);
}

static void
withdraw_failure(struct follow_scene *scene)
{
	sim_fail_nth(scene->sim, 0, 0, 0);
}

static void
fail_one(uint64_t seed, bool is_live)
{
	bool has_failed = true;
	for (failing = 1; has_failed && failing < OPS; failing += sim_stride(1)) {
		struct follow_scene *scene = build_rotated(seed);
		scene->is_live = is_live;
		scene->ending = is_live ? FOLLOW_TERM : FOLLOW_NONE;
		scene->before = plan_failure;
		scene->after = withdraw_failure;
		follow_scene_run(scene, OPS);
		has_failed = sim_faults(scene->sim) > 0;
		scene->before = NULL;
		end(scene, 1);
	}
}

Test(scenario_follow_each, a_failure_of_any_operation_loses_no_line)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		fail_one(seed, false);
		fail_one(seed, true);
	}
}

/* What a log was copied to could not be read, and its own file, with another text, was rotated. */
Test(scenario_follow_each, what_is_newer_than_an_unread_copy_is_no_rest)
{
	fail_one(400003, false);
	fail_one(400003, true);
}

/* A rotated log could not be opened: nothing of it was known when it had been compressed. */
Test(scenario_follow_each, what_was_never_read_is_found_compressed)
{
	fail_one(500015, false);
	fail_one(500034, false);
}

static void
plan_refusal(struct follow_scene *scene)
{
	sim_fail_nth(scene->sim, failing, -EIO, 1ull << SL_OP_OPEN);
}

/* The rotated file that a message names, and the run has not read, is removed. */
static bool
lose_one(uint64_t seed)
{
	char named[ROTATOR_PATH] = "", wanted[ROTATOR_PATH + 16];
	struct follow_scene *scene = build_rotated(seed);
	rotator_settle(&scene->rotator);
	scene->before = plan_refusal;
	scene->after = withdraw_failure;
	follow_scene_run(scene, 0);
	sscanf(scene->refused, "cannot open '%63[^']", named);
	scene->before = NULL;
	if (*named) {
		sim_remove(scene->sim, named);
		*scene->refused = '\0';
		follow_scene_finish(scene);
		snprintf(wanted, sizeof(wanted), "cannot open '%s'", named);
		sim_check(scene->sim, strstr(scene->refused, wanted), "'%s' is not named", named);
	}
	follow_scene_free(scene);
	return *named;
}

Test(scenario_follow_each, what_is_removed_before_it_could_be_read_is_named)
{
	unsigned lost = 0;
	for (failing = 1; failing < 30; failing++)
		lost += lose_one(400003) + lose_one(500015);
	cr_assert_gt(lost, 0);
}
