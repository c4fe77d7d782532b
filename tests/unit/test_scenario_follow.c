/*
 * `sluice scan --state` and --follow in the simulated world, while other programs write logs and
 * rotate them between any two of its operations, and runs end, or are killed, at any of them: in
 * the end every line has come once, and after kills not more often than the state is behind.
 */
#include "support/follow_scene.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define RUNS 8u
#define FAST_NS (100 * SL_NS_PER_MS) /* between two rotations */

/* Logs of a directory are rotated during its runs too. */
static bool rotates_in_walks;

static struct sim_options
options_of(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.reuse_inodes = seed % 2;
	options.watch_late_ns = seed % 3 ? SL_NS_PER_MS : 3 * SL_NS_PER_S;
	options.watch_queue = seed % 5 == 0 ? 2 : 1000;
	options.watch_lost_percent = seed % 7 == 0 ? 50 : 0;
	options.no_watch = seed % 11 == 0;
	return options;
}

static uint64_t
below(struct follow_scene *scene, uint64_t bound)
{
	return sl_random_below(&scene->random, bound);
}

/* Before a run: a copy that is made of a log when that is seen for the first time is another log to
 * it, and one without --follow reads files in place. */
static void
settle(struct follow_scene *scene)
{
	bool is_list_older = scene->is_directory && !rotates_in_walks;
	if (!scene->is_live || is_list_older || rotator_is_copying(&scene->rotator))
		rotator_settle(&scene->rotator);
}

/* A run of any kind that a scene may have. */
static void
run_some(struct follow_scene *scene, bool is_live)
{
	scene->is_live = is_live;
	scene->ending = is_live ? FOLLOW_TERM : FOLLOW_NONE;
	scene->gap = 1 + below(scene, below(scene, 2) ? 4 : 40);
	/* What a copy is made of is truncated: a run without --follow may be reading it. */
	scene->rotator.no_copies = !is_live;
	/* In a directory, rotated logs are inputs by themselves, and the list of these is older. */
	bool may_rotate = !scene->is_directory || rotates_in_walks;
	scene->rotator.rotate_percent = may_rotate ? ROTATOR_PERCENT : 0;
	settle(scene);
	follow_scene_run(scene, below(scene, 600));
	sim_check(scene->sim, scene->code == 0, "a run: %s", scene->err.text);
}

static void
act_between(struct follow_scene *scene)
{
	scene->rotator.no_copies = false;
	scene->rotator.rotate_percent = ROTATOR_PERCENT;
	for (uint64_t i = below(scene, 60); i > 0; i--)
		rotator_act(&scene->rotator);
}

static void
run_in(struct follow_scene *scene)
{
	for (uint64_t runs = 1 + below(scene, RUNS); runs > 0; runs--) {
		run_some(scene, below(scene, 2));
		follow_scene_check(scene, 0, false);
		act_between(scene);
	}
	follow_scene_finish(scene);
	follow_scene_check(scene, 0, true);
	sim_check(scene->sim, scene->lines == follow_scene_lines(scene),
		"%llu lines were counted, not %llu", (unsigned long long)scene->lines,
		(unsigned long long)follow_scene_lines(scene));
	follow_scene_free(scene);
}

static void
run_scene(uint64_t seed, bool is_directory)
{
	struct sim_options options = options_of(seed);
	struct follow_scene *scene = follow_scene_new(&options);
	scene->is_directory = is_directory;
	run_in(scene);
}

Test(scenario_follow, each_line_comes_once_over_runs_and_rotations)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run_scene(seed, false);
}

Test(scenario_follow, in_a_directory_each_line_comes_once_over_runs)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run_scene(seed, true);
}

/* A run that may be killed, or the power cut. */
static void
run_to_a_kill(struct follow_scene *scene)
{
	scene->is_live = below(scene, 4) > 0;
	scene->ending = FOLLOW_KILL;
	scene->how = (enum sim_crash)below(scene, SIM_CRASHES);
	scene->gap = 1 + below(scene, below(scene, 2) ? 4 : 40);
	scene->rotator.no_copies = !scene->is_live;
	settle(scene);
	follow_scene_run(scene, below(scene, 300));
}

/* Logs are rotated again once a run has ended by itself. */
static void
run_after_kill(struct follow_scene *scene)
{
	if (below(scene, 2))
		run_to_a_kill(scene);
	run_some(scene, below(scene, 2));
}

/* Logs are rotated several times after each kill. */
static void
run_or_kill(struct follow_scene *scene)
{
	if (below(scene, 4))
		run_to_a_kill(scene);
	else
		run_some(scene, below(scene, 2));
}

static void
run_kills(uint64_t seed, void (*run)(struct follow_scene *scene))
{
	struct sim_options options = options_of(seed);
	struct follow_scene *scene = follow_scene_new(&options);
	for (uint64_t runs = 1 + below(scene, RUNS); runs > 0; runs--) {
		run(scene);
		follow_scene_check(scene, scene->kills, false);
		act_between(scene);
	}
	follow_scene_finish(scene);
	follow_scene_check(scene, scene->kills, true);
	follow_scene_free(scene);
}

Test(scenario_follow, after_kills_no_line_is_missing)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run_kills(seed, run_after_kill);
}

Test(scenario_follow, rotations_after_several_kills_lose_no_line)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run_kills(seed, run_or_kill);
}

/* A file was created with the inode of one that was removed. A truncated file was rotated, whose
 * text was found in a copy, and it counted as the file of both. */
Test(scenario_follow, two_logs_with_one_inode_are_told_apart)
{
	run_scene(20589, false);
	run_kills(30185, run_after_kill);
}

/*
 * Several rotations in one round: of the file that is planned, which another one follows, so that
 * the newer of these two was scanned and nothing older looked for (40030, 40129); and by a copy
 * that is under way, of a file of which nothing was scanned (40028, 40108, 40139).
 */
Test(scenario_follow, several_rotations_in_a_round_lose_no_line)
{
	static const struct {
		uint64_t seed, rotate_ms;
	} runs[] = { { 40030, 300 }, { 40129, 300 }, { 40139, 300 }, { 40028, 100 },
		{ 40108, 100 } };
	for (size_t i = 0; i < SL_COUNT_OF(runs); i++) {
		struct sim_options options = options_of(runs[i].seed);
		struct follow_scene *scene = follow_scene_new(&options);
		scene->rotate_ns = runs[i].rotate_ms * SL_NS_PER_MS;
		run_in(scene);
	}
}

/* These are scenes in which the rest of a log that is a generation itself is looked for, and found
 * under the name of the next one; and (60037) in which its last line is completed after it was
 * opened, and before its name has another file. */
Test(scenario_follow, generations_in_a_directory_are_rotated_while_it_is_walked)
{
	static const uint64_t seeds[] = { 7007, 7029, 7091, 7162, 7190, 7263, 60037 };
	rotates_in_walks = true;
	for (size_t i = 0; i < SL_COUNT_OF(seeds); i++)
		run_scene(seeds[i], true);
}

/* Logs are rotated so fast that a round of a run with --follow does not keep up. */
static void
run_fast(uint64_t seed, bool by_name, bool is_killed)
{
	struct sim_options options = options_of(seed);
	struct follow_scene *scene = follow_scene_new(&options);
	for (uint64_t runs = 1 + below(scene, RUNS); runs > 0; runs--) {
		scene->is_live = true;
		scene->ending = is_killed && below(scene, 4) ? FOLLOW_KILL : FOLLOW_TERM;
		scene->how = SIM_CRASH_KILL;
		scene->gap = 1 + below(scene, 40);
		scene->rotator.no_copies = by_name;
		scene->rotate_ns = FAST_NS;
		rotator_settle(&scene->rotator);
		follow_scene_run(scene, below(scene, 600));
		sim_check(scene->sim, scene->ending == FOLLOW_KILL || scene->code == 0,
			"a run: %s", scene->err.text);
	}
	follow_scene_finish(scene);
	follow_scene_check(scene, scene->kills, true);
	follow_scene_free(scene);
}

Test(scenario_follow, renamed_faster_than_a_round_takes_each_line_comes_once)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run_fast(seed, true, false);
}

Test(scenario_follow, copied_faster_than_a_round_takes_each_line_comes_once)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run_fast(seed, false, false);
}

Test(scenario_follow, killed_and_rotated_faster_than_a_round_takes_no_line_is_missing)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		run_fast(seed, false, true);
}
