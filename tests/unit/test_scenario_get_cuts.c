/*
 * Power cuts and kills at each operation of a download in segments with its journal, and again in
 * the run that resumes it: the same command ends with the right file, and repeats no more than what
 * was not recorded or synced yet.
 */
#include "support/chance.h"
#include "support/failures.h"
#include "support/scenario.h"
#include "support/shapes.h"

#include "sluice/base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define SIZE (4 * SL_MIB + 70001) /* larger than a small part, and no multiple of anything */
#define CHUNK (128 * SL_KIB)
#define SEGMENTS 4
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"
#define BEFORE "what was there"

struct cut_plan {
	const char *name;
	enum sim_crash how;
	enum sl_sync_mode sync;
	unsigned stride;   /* of make test */
	bool is_replaced;  /* another file has the name */
	bool has_others;   /* small files, which are committed in groups */
	bool in_directory; /* which is made */
	bool has_checksum;
	bool verifies; /* --verify-resume */
};

static struct scenario *
build(const struct cut_plan *plan, uint64_t seed, char *sum)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	options.wall_ns = sl_clock_wall_ns(); /* what a run has left is not old */
	struct scenario *scenario = scenario_new(&options);
	struct get_scene *get = &scenario->get;
	get->segments = SEGMENTS;
	get->min_segment = 512 * SL_KIB;
	get->chunk_size = CHUNK;
	get->resume = true;
	get->sync = plan->sync;
	get->if_exists = SL_EXISTS_REPLACE;
	get->verify_resume = plan->verifies;
	get->dir = plan->in_directory ? "new/directory" : NULL;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	struct get_file *file = scenario_offer(scenario,
		(struct sim_http_file){
			.len = SIZE, .ranges = true, .etag = "\"one\"", .modified = REMOTE_TIME });
	if (plan->has_checksum)
		scenario_set_checksum(file, sum);
	for (size_t i = 0; plan->has_others && i < 3; i++)
		scenario_offer(scenario, (struct sim_http_file){ .len = 20000 + i });
	for (size_t i = 0; plan->is_replaced && i < get->count; i++)
		scenario_put_before(scenario, &get->files[i], BEFORE, sizeof(BEFORE) - 1, 0644);
	return scenario;
}

static void
expect_all_done(struct get_scene *run)
{
	get_scene_check(run);
	sim_check(run->sim, run->result == 0, "%s", run->summary.first_error.text);
}

/* On a disk that a cut has left: a run that is cut, too, at its `nth` operation, but goes on; and
 * another on what that second cut has left. */
static void
resume_and_cut(struct scenario *scenario, struct sim *world, uint64_t nth, enum sim_crash how)
{
	struct get_scene *again = get_scene_again(&scenario->get, world);
	uint64_t at_op = 0;
	sim_http_serve(scenario->http, world);
	sim_cut_at(world, nth, how);
	get_scene_run(again);
	expect_all_done(again);
	struct sim *second = sim_cut_world(world, &at_op);
	if (second) {
		sim_http_serve(scenario->http, second);
		get_scene_check_disk(again, second, at_op);
		get_scene_rerun(again, second);
	}
	sim_free(second);
	free(again);
}

/* Returns false if the run had ended before. */
static bool
cut_at(const struct cut_plan *plan, uint64_t seed, uint64_t nth)
{
	char sum[SCENARIO_SUM];
	struct sl_random random;
	sl_random_init(&random, seed + nth);
	struct scenario *scenario = build(plan, seed + nth, sum);
	uint64_t at_op = 0;
	sim_cut_at(scenario->sim, nth, plan->how);
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	uint64_t count = sim_ops(scenario->sim);
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	if (world) {
		enum sim_crash how =
			one_in(&random, 2) ? plan->how : (enum sim_crash)pick(&random, SIM_CRASHES);
		get_scene_check_disk(&scenario->get, world, at_op);
		resume_and_cut(scenario, world, 1 + pick(&random, count), how);
	}
	bool was_cut = world != NULL;
	sim_free(world);
	scenario_free(scenario);
	return was_cut;
}

static const struct cut_plan plans[] = {
	{ .name = "kill", .how = SIM_CRASH_KILL, .stride = 31 },
	{ .name = "each prefix of all changes", .how = SIM_CRASH_KEEP, .stride = 31 },
	{ .name = "only what was synced", .how = SIM_CRASH_DROP, .stride = 31 },
	{ .name = "names without data", .how = SIM_CRASH_NAMES, .stride = 31 },
	{ .name = "sizes without data", .how = SIM_CRASH_SIZES, .stride = 31 },
	{ .name = "any blocks and names", .how = SIM_CRASH_RANDOM, .stride = 31 },
	{ .name = "synced file by file",
		.how = SIM_CRASH_RANDOM,
		.sync = SL_SYNC_ALL,
		.stride = 31,
		.has_others = true },
	{ .name = "without syncs", .how = SIM_CRASH_KILL, .sync = SL_SYNC_NONE, .stride = 31 },
	{ .name = "replaced",
		.how = SIM_CRASH_RANDOM,
		.stride = 31,
		.is_replaced = true,
		.has_others = true },
	{ .name = "in a new directory",
		.how = SIM_CRASH_RANDOM,
		.stride = 31,
		.in_directory = true,
		.has_checksum = true },
	{ .name = "read back", .how = SIM_CRASH_KILL, .stride = 31, .verifies = true },
};

Test(scenario_get_cuts, a_cut_at_any_operation_is_resumed_and_so_is_one_in_the_next_run,
	.timeout = 900)
{
	uint64_t seed = sim_seeds(1).first - 1;
	for (size_t i = 0; i < SL_COUNT_OF(plans); i++) {
		uint64_t nth = 1;
		while (cut_at(&plans[i], seed, nth))
			nth += sim_stride(plans[i].stride);
		cr_assert_gt(nth, 150, "%s: only %llu operations", plans[i].name,
			(unsigned long long)nth);
		cr_log_info("%s: %llu operations", plans[i].name, (unsigned long long)nth);
	}
}

/* ---- other shapes ---- */

/* Returns false if the run had ended before. */
static bool
cut_shape_at(enum shape shape, enum sim_crash how, uint64_t seed, uint64_t nth)
{
	struct shaped shaped;
	uint64_t at_op = 0;
	shaped_begin(&shaped, shape, seed + nth);
	sim_cut_at(shaped.sim, nth, how);
	shaped_run(&shaped);
	sim_check(shaped.sim, shaped.run->result == 0, "%s", shaped.run->summary.first_error.text);
	struct sim *disk = sim_cut_world(shaped.sim, &at_op);
	if (disk) {
		get_scene_check_disk(shaped.run, disk, at_op);
		shaped_rerun(&shaped, disk);
	}
	sim_free(disk);
	shaped_end(&shaped);
	return disk != NULL;
}

Test(scenario_get_cuts, a_cut_at_any_operation_of_a_download_of_any_shape_is_recovered_from,
	.timeout = 900)
{
	static const enum sim_crash hows[] = { SIM_CRASH_RANDOM, SIM_CRASH_KILL };
	static const enum shape shapes[] = { SHAPE_MIRRORS, SHAPE_PIECES, SHAPE_DECOMPRESSED,
		SHAPE_CODED };
	uint64_t seed = sim_seeds(1).first - 1;
	for (size_t i = 0; i < SL_COUNT_OF(shapes); i++)
		for (size_t k = 0; k < SL_COUNT_OF(hows); k++)
			for (uint64_t nth = 1 + k; cut_shape_at(shapes[i], hows[k], seed, nth);
				nth += sim_stride(31))
				;
}

/* ---- damage ---- */

struct repair {
	struct shaped shaped;
	enum sim_crash how;
	bool was_under_way;
};

static void
cut_repair(struct sim *sim, void *ctx)
{
	struct repair *repair = ctx;
	(void)sim;
	repair->was_under_way =
		sim_http_answers(repair->shaped.scenario->http, "/f0") > SHAPE_PIECES_ANSWERS;
	get_scene_cut(repair->shaped.run, repair->how);
}

/* Once a piece is fetched again, no run takes what it was for right: not even one that is not given
 * the checksums of pieces. Returns false if the run had ended before. */
static bool
repair_at(enum sim_crash how, uint64_t seed, uint64_t nth, unsigned *cuts)
{
	struct repair repair = { .how = how };
	struct shaped *shaped = &repair.shaped;
	uint64_t at_op = 0;
	shaped_begin(shaped, SHAPE_PIECES, seed + nth);
	sim_at(shaped->sim, nth, cut_repair, &repair);
	shaped_run(shaped);
	struct sim *disk = sim_cut_world(shaped->sim, &at_op);
	if (repair.was_under_way) {
		shaped->run->files[0].pieces = NULL;
		shaped_rerun(shaped, disk);
		(*cuts)++;
	}
	sim_free(disk);
	shaped_end(shaped);
	return disk != NULL;
}

Test(scenario_get_cuts, a_piece_that_was_found_damaged_is_not_resumed_after_a_cut, .timeout = 900)
{
	unsigned cuts = 0;
	uint64_t seed = sim_seeds(1).first - 1;
	for (uint64_t nth = 1; repair_at(SIM_CRASH_KILL, seed, nth, &cuts); nth++)
		;
	for (uint64_t nth = 1; repair_at(SIM_CRASH_KEEP, seed, nth, &cuts); nth += sim_stride(7))
		;
	cr_assert_gt(cuts, 5, "only %u during the repair", cuts);
}

/* ---- how much is repeated ---- */

#define LONG_SIZE (8 * SL_MIB + 70001)
#define DRIP 20000
#define DRIP_NS (200 * SL_NS_PER_MS)
#define RATE_BYTES_S ((uint64_t)SEGMENTS * DRIP * SL_NS_PER_S / DRIP_NS)
/* Chunks that are being received, are written, or wait for their records. */
#define ON_THE_WAY ((uint64_t)SEGMENTS * 3 * CHUNK)
/* A sync follows 5 s after the first byte, and lasts as long as the disk's slowest operations. */
#define SYNC_INTERVAL_NS (5 * SL_NS_PER_S + SL_NS_PER_S)
#define RECORD_INTERVAL_NS (200 * SL_NS_PER_MS)

struct moment {
	struct get_scene *get;
	enum sim_crash how;
	uint64_t received; /* bytes of the file then */
};

static void
note_received(void *ctx, const struct sl_download *download)
{
	struct moment *moment = ctx;
	moment->received = download->received;
}

static void
cut_now(struct sim *sim, void *ctx)
{
	struct moment *moment = ctx;
	(void)sim;
	if (moment->get->batch)
		sl_batch_each(moment->get->batch, note_received, moment);
	get_scene_cut(moment->get, moment->how);
}

static struct scenario *
build_slow(uint64_t seed)
{
	static const struct cut_plan plan = { .how = SIM_CRASH_KILL };
	struct scenario *scenario = build(&plan, seed, NULL);
	struct sim_http_file *served = &scenario->files[0].served;
	served->len = scenario->get.files[0].len = LONG_SIZE;
	served->drip = DRIP;
	served->drip_ns = DRIP_NS;
	return scenario;
}

/* Returns false if the run had ended before. */
static bool
repeat_at(enum sim_crash how, uint64_t seed, uint64_t nth)
{
	struct scenario *scenario = build_slow(seed + nth);
	struct moment moment = { .get = &scenario->get, .how = how };
	uint64_t at_op = 0;
	sim_at(scenario->sim, nth, cut_now, &moment);
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	bool was_under_way =
		world && sim_exists(world, "f0.sluice-part") && !scenario->get.files[0].was_done;
	if (was_under_way) {
		uint64_t interval_ns =
			how == SIM_CRASH_KILL ? RECORD_INTERVAL_NS : SYNC_INTERVAL_NS;
		uint64_t most = ON_THE_WAY + RATE_BYTES_S * interval_ns / SL_NS_PER_S;
		struct get_scene *again = get_scene_again(&scenario->get, world);
		sim_http_serve(scenario->http, world);
		get_scene_run(again);
		expect_all_done(again);
		uint64_t resumed = again->files[0].resumed;
		sim_check(world, moment.received <= resumed + most,
			"of %llu bytes only %llu were resumed", (unsigned long long)moment.received,
			(unsigned long long)resumed);
		free(again);
	}
	sim_free(world);
	scenario_free(scenario);
	return world != NULL;
}

Test(scenario_get_cuts, a_kill_repeats_a_few_chunks_and_a_power_cut_one_sync_interval,
	.timeout = 900)
{
	static const enum sim_crash hows[] = { SIM_CRASH_KILL, SIM_CRASH_KEEP, SIM_CRASH_DROP,
		SIM_CRASH_RANDOM };
	uint64_t seed = sim_seeds(1).first - 1;
	for (size_t i = 0; i < SL_COUNT_OF(hows); i++)
		for (uint64_t nth = 1 + i; repeat_at(hows[i], seed, nth); nth += sim_stride(97))
			;
}

/* ---- slow syncs ---- */

static struct scenario *
build_with_slow_disk(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	options.disk_ns = SL_NS_PER_S;
	struct scenario *scenario = scenario_new(&options);
	struct get_scene *get = &scenario->get;
	get->segments = SEGMENTS;
	get->min_segment = get->chunk_size = 64 * SL_KIB;
	get->chunks = 32;
	get->resume = true;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	scenario_offer(scenario, (struct sim_http_file){ .len = SIZE,
					 .ranges = true,
					 .etag = "\"one\"",
					 .modified = REMOTE_TIME,
					 .drip = 16000,
					 .drip_ns = 200 * SL_NS_PER_MS });
	return scenario;
}

/* What is recorded while a sync is under way is not covered by it. Returns false if the run had
 * ended before. */
static bool
cut_slow_at(enum sim_crash how, uint64_t seed, uint64_t nth)
{
	struct scenario *scenario = build_with_slow_disk(seed);
	struct get_scene *get = &scenario->get;
	uint64_t at_op = 0;
	sim_cut_at(scenario->sim, nth, how);
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	struct sim *disk = sim_cut_world(scenario->sim, &at_op);
	if (disk) {
		get_scene_check_disk(get, disk, at_op);
		sim_http_serve(scenario->http, disk);
		get_scene_rerun(get, disk);
	}
	sim_free(disk);
	scenario_free(scenario);
	return disk != NULL;
}

Test(scenario_get_cuts, a_sync_covers_only_what_was_written_before_it_began, .timeout = 900)
{
	uint64_t seed = sim_seeds(1).first;
	for (uint64_t nth = 1; cut_slow_at(SIM_CRASH_DROP, seed, nth); nth += sim_stride(29))
		;
	for (uint64_t nth = 5; cut_slow_at(SIM_CRASH_RANDOM, seed, nth); nth += sim_stride(29))
		;
}

/* The kernel reports it once: the sync at the end succeeds. */
Test(scenario_get_cuts, a_file_is_not_done_if_a_sync_before_its_end_has_failed, .timeout = 900)
{
	for (uint64_t nth = 1; nth <= 3; nth++) {
		struct scenario *scenario = build_with_slow_disk(nth);
		sim_fail_nth(scenario->sim, nth, -EIO, KIND(SL_OP_SYNC));
		scenario_run(scenario);
		sim_check(scenario->sim, sim_faults(scenario->sim) == 1, "no sync");
		scenario_free(scenario);
	}
}
