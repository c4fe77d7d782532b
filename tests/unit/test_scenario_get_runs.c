/*
 * Two runs of the program with all names in common, each with options and content of its own,
 * under hundreds of seeds: a name holds what one run says it has put there, whole; a file that was
 * there is replaced only if it was to be; no part is left.
 */
#include "support/chance.h"
#include "support/run.h"
#include "support/scenario.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>

#define KIND(kind) (1ull << (kind))
#define RUNS 2
#define FILES 3
#define BEFORE "what was there"

struct world {
	struct sl_random random;
	struct scenario *scenario;
	struct get_scene *runs[RUNS];
	struct sim_http_file served[RUNS][FILES];
	char paths[RUNS][FILES][16], urls[RUNS][FILES][48];
	char names[FILES][8];
	bool before[FILES];
	bool trouble; /* something may go wrong */
	bool slow_disk, may_leave_parts;
};

static struct sim_options
mixed_options(struct world *world, uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.fault_ppm = one_in(&world->random, 3) ? 3000 : 0;
	/* A part that may not be looked at or removed has to stay, and a lock that only one of them
	 * gets is none. */
	options.fault_kinds = (KIND(SL_OP_KINDS) - 1) &
			      ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT) | KIND(SL_OP_LOCK));
	world->slow_disk = one_in(&world->random, 2);
	options.disk_ns = world->slow_disk ? 100 * SL_NS_PER_MS : options.disk_ns;
	options.no_noreplace = one_in(&world->random, 4);
	world->trouble = options.fault_ppm > 0;
	return options;
}

/* The two runs' files are of one size, or --if-exists=auto would never take one for the other. */
static void
mix_files(struct world *world, struct get_scene *run, int which)
{
	static const size_t sizes[] = { 0, 1000, 20000, 100000 };
	static const char *const dirs[RUNS] = { "a", "b" };
	for (size_t i = 0; i < FILES; i++) {
		struct sim_http_file *file = &world->served[which][i];
		size_t len = which ? world->served[0][i].len : sizes[pick(&world->random, 4)];
		bool slow = one_in(&world->random, 4);
		snprintf(world->names[i], sizeof(world->names[i]), "f%zu", i);
		snprintf(world->paths[which][i], sizeof(world->paths[which][i]), "/%s/f%zu",
			dirs[which], i);
		snprintf(world->urls[which][i], sizeof(world->urls[which][i]), "%s%s",
			SCENARIO_ORIGIN, world->paths[which][i]);
		*file = (struct sim_http_file){ .path = world->paths[which][i],
			.data = scenario_body((size_t)which * FILES + i, len),
			.len = len,
			.drip = slow ? 10000 : 0,
			.drip_ns = slow ? 300 * SL_NS_PER_MS : 0 };
		sim_http_add(world->scenario->http, file);
		get_scene_add(run, (struct get_file){ .url = world->urls[which][i],
					   .name = world->names[i],
					   .data = file->data,
					   .len = len });
	}
}

static struct get_scene *
mix_run(struct world *world, int which)
{
	static const enum sl_sync_mode syncs[] = { SL_SYNC_AUTO, SL_SYNC_AUTO, SL_SYNC_ALL,
		SL_SYNC_NONE };
	struct get_scene *run = calloc(1, sizeof(*run));
	cr_assert_not_null(run);
	get_scene_init(run, world->scenario->sim);
	run->jobs = 1 + (unsigned)pick(&world->random, 4);
	run->sync = PICK_OF(&world->random, syncs);
	run->if_exists = (enum sl_if_exists)pick(&world->random, 5);
	run->shared = true;
	mix_files(world, run, which);
	return run;
}

static struct world *
build(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));
	cr_assert_not_null(world);
	sl_random_init(&world->random, seed);
	struct sim_options options = mixed_options(world, seed);
	world->scenario = scenario_new(&options);
	struct sim *sim = world->scenario->sim;
	for (int i = 0; i < RUNS; i++)
		world->runs[i] = mix_run(world, i);
	for (size_t i = 0; i < FILES; i++) {
		world->before[i] = one_in(&world->random, 4);
		if (world->before[i])
			sim_put_file(sim, world->names[i], BEFORE, sizeof(BEFORE) - 1, 0644);
	}
	if (one_in(&world->random, 3)) {
		struct get_scene *stopped = world->runs[pick(&world->random, RUNS)];
		/* A slow disk may keep a part then: there is a second in all. */
		world->may_leave_parts = world->slow_disk;
		if (one_in(&world->random, 2))
			stopped->run_ns = pick(&world->random, 2 * SL_NS_PER_S);
		else
			stopped->cancel_fd = sim_trap(sim, 1 + pick(&world->random, 200));
		stopped->by_command = one_in(&world->random, 2);
		world->trouble = true;
	}
	return world;
}

static void
tear_down(struct world *world)
{
	scenario_free(world->scenario);
	for (int i = 0; i < RUNS; i++)
		free(world->runs[i]);
	free(world);
}

struct late {
	struct get_scene *run;
	uint64_t delay_ns;
};

static int
run_late(void *arg)
{
	struct late *late = arg;
	if (sl_sleep(late->delay_ns) == 0)
		get_scene_play(late->run);
	return 0;
}

static int
run_both(void *arg)
{
	struct world *world = arg;
	struct late late[RUNS];
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < RUNS; i++) {
		late[i] = (struct late){ world->runs[i],
			i ? pick(&world->random, one_in(&world->random, 2) ? 2 * SL_NS_PER_S
									   : 200 * SL_NS_PER_MS)
			  : 0 };
		cr_assert_eq(sl_group_spawn(&group, "run", run_late, &late[i], NULL), 0);
	}
	return sl_group_leave(&group);
}

/* ---- what must hold ---- */

static bool
holds(struct world *world, const char *name, const char *data, size_t len)
{
	struct sl_span content;
	return sim_content(world->scenario->sim, name, &content) && content.len == len &&
	       (len == 0 || memcmp(content.data, data, len) == 0);
}

/* This run may have put its file there: it says so, or it could not bring the name to the disk. */
static bool
has_named(const struct get_file *file, const char *name)
{
	bool done = file->reported && file->state == SL_DOWNLOAD_DONE;
	bool late = file->reported && file->error.phase == SL_PHASE_SYNC;
	return (done || late) && strcmp(file->path, name) == 0;
}

static void
check_name(struct world *world, size_t index)
{
	struct sim *sim = world->scenario->sim;
	const char *name = world->names[index];
	bool accounted = false;
	unsigned done = 0, replacing = 0;
	for (int i = 0; i < RUNS; i++) {
		const struct get_file *file = &world->runs[i]->files[index];
		bool mine = has_named(file, name);
		bool replaces = world->runs[i]->if_exists == SL_EXISTS_REPLACE;
		accounted = accounted || (mine && holds(world, name, file->data, file->len));
		done += mine && file->state == SL_DOWNLOAD_DONE;
		replacing += mine && replaces;
	}
	bool untouched = world->before[index] ? holds(world, name, BEFORE, sizeof(BEFORE) - 1)
					      : !sim_exists(sim, name);
	if (world->before[index] && replacing == 0)
		accounted = untouched;
	else if (done == 0)
		accounted = accounted || untouched;
	sim_check(sim, accounted, "'%s' holds what was never put there: %s; %s", name,
		world->runs[0]->files[index].error.text, world->runs[1]->files[index].error.text);
	sim_check(sim, done < 2 || replacing > 0, "'%s' was given away twice", name);
}

static void
check_run(struct world *world, const struct get_scene *run)
{
	struct sim *sim = world->scenario->sim;
	for (size_t i = 0; i < FILES; i++) {
		const struct get_file *file = &run->files[i];
		bool renamed = file->reported && strcmp(file->path, world->names[i]) != 0;
		if (renamed && file->state == SL_DOWNLOAD_DONE)
			sim_check(sim, holds(world, file->path, file->data, file->len),
				"'%s' is reported done and is not", file->path);
		/* Alone it could have been done. */
		bool excused =
			file->reported &&
			(file->state == SL_DOWNLOAD_DONE || file->state == SL_DOWNLOAD_SKIPPED ||
				file->error.code == -EEXIST || file->error.code == SL_E_IN_USE);
		sim_check(sim, excused || world->trouble, "'%s' failed: %s", file->path,
			file->error.text);
	}
}

static void
check_directory(struct world *world)
{
	struct sim *sim = world->scenario->sim;
	for (size_t i = 0; !world->may_leave_parts && i < sim_name_count(sim, "."); i++) {
		const char *name = sim_name(sim, ".", i);
		sim_check(sim, !strstr(name, ".sluice-part"), "'%s' is left", name);
	}
}

Test(scenario_get_runs, two_runs_at_once_give_each_name_to_one_whole_file, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(400);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct world *world = build(seed);
		struct sim *sim = world->scenario->sim;
		sim_check(sim, sim_run(sim, run_both, world) == 0, "the runs");
		for (size_t i = 0; i < FILES; i++)
			check_name(world, i);
		for (int i = 0; i < RUNS; i++)
			check_run(world, world->runs[i]);
		check_directory(world);
		tear_down(world);
	}
}
