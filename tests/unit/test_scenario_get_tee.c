/*
 * What is downloaded goes to a consumer too, in the simulated world: whatever the order of
 * segments, retries, versions and runs, it gets each byte of the final file once, and a scan of
 * these has the totals of that file.
 */
#include "support/chance.h"
#include "support/scenario.h"
#include "support/shadow.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define KIND(kind) (1ull << (kind))
#define DISK \
	(KIND(SL_OP_WRITE) | KIND(SL_OP_OPEN) | KIND(SL_OP_RENAME) | KIND(SL_OP_SYNC) | \
		KIND(SL_OP_ALLOCATE) | KIND(SL_OP_READ) | KIND(SL_OP_CLOSE))

#define SIZE (4 * SL_MIB + 70001)
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"
#define SLOWEST_NS (20 * SL_NS_PER_MS) /* of a pass: longer than a chunk takes to arrive */

static struct sim_http_file
ranged(size_t len)
{
	return (struct sim_http_file){
		.len = len, .ranges = true, .etag = "\"one\"", .modified = REMOTE_TIME
	};
}

/* Four segments of pieces of 512 KiB. */
static void
set_segments(struct scenario *scenario)
{
	scenario->get.segments = 4;
	scenario->get.min_segment = 512 * SL_KIB;
	scenario->get.chunk_size = 128 * SL_KIB;
	scenario->get.chunks = 16;
	scenario->get.resume = true;
	scenario->get.if_exists = SL_EXISTS_REPLACE;
	scenario->get.retry = (struct sl_retry_policy){ .retries = 20, .max_wait_ns = SL_NS_PER_S };
}

/* Each file that is done was passed from its first byte to its last. */
static void
expect_scanned(const struct get_scene *scene)
{
	for (size_t i = 0; i < scene->count; i++)
		sim_check(scene->sim,
			scene->files[i].state != SL_DOWNLOAD_DONE || scene->files[i].was_scanned,
			"%s is done, and was not scanned", scene->files[i].url);
}

static void
run(struct scenario *scenario, struct shadow *shadow, uint64_t most_ns, enum shadow_order order)
{
	shadow_init(shadow, scenario->sim, most_ns);
	shadow->order = order;
	scenario->get.shadow = shadow;
	scenario_run(scenario);
	shadow_release(shadow);
}

/* The process was killed; the same command completes everything. Bytes that its consumer was passed
 * from parts are added to *read. */
static void
rerun_killed(struct scenario *scenario, enum shadow_order order, uint64_t *read)
{
	uint64_t at_op = 0;
	struct shadow shadow;
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	sim_http_serve(scenario->http, world);
	sim_stop_faults(world);
	struct get_scene *again = get_scene_again(&scenario->get, world);
	shadow_init(&shadow, world, SL_NS_PER_MS);
	shadow.order = order;
	again->shadow = &shadow;
	get_scene_run(again);
	get_scene_check(again);
	sim_check(world, again->result == 0, "%s", again->summary.first_error.text);
	expect_scanned(again);
	*read += again->summary.tee_read;
	/* A consumer that begins again is given what this run has written, too; in order, what a
	 * small pool has no room for. */
	bool may_read_more = order != SHADOW_ANY_ORDER || shadow.restarts > 0;
	sim_check(world, may_read_more || again->summary.tee_read <= again->summary.resumed,
		"more was read than an earlier run has left");
	shadow_release(&shadow);
	free(again);
	sim_free(world);
}

/* ---- mixed ---- */

static struct sim_http_file later[GET_FILES];

static void
misbehave(struct sl_random *random, struct sim_http_file *file)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_ENDS, SIM_HTTP_RESETS,
		SIM_HTTP_STALLS, SIM_HTTP_PAUSES };
	file->misdeed = PICK_OF(random, misdeeds);
	file->misdeed_at = (size_t)pick(random, file->len / 4);
	file->misdeed_ns = pick(random, 20 * SL_NS_PER_S);
	file->misdeeds = 1 + (unsigned)pick(random, 6);
}

/* Another version from some answer on. */
static void
change(struct sl_random *random, struct scenario *scenario, struct get_file *get, size_t index)
{
	struct scenario_file *one = &scenario->files[index];
	later[index] = one->served;
	later[index].len = one->served.len - (size_t)pick(random, 2) * 4097;
	later[index].data = scenario_body(index + 100, later[index].len);
	later[index].etag = "\"two\"";
	later[index].modified = one_in(random, 2) ? REMOTE_TIME : "Tue, 14 Nov 2023 22:13:22 GMT";
	one->served.later = &later[index];
	one->served.later_from = 1 + (unsigned)pick(random, 8);
	get->other = later[index].data;
	get->other_len = later[index].len;
}

static void
add_file(struct sl_random *random, struct scenario *scenario)
{
	static const size_t sizes[] = { 0, 1, 20000, 300000, SIZE, 7 * SL_MIB + 1 };
	size_t index = scenario->get.count;
	struct sim_http_file file = ranged(PICK_OF(random, sizes));
	if (file.len > 20000 && one_in(random, 2))
		misbehave(random, &file);
	if (one_in(random, 6)) {
		file.busy_from = (unsigned)pick(random, 6);
		file.busy = 1 + (unsigned)pick(random, 4);
	}
	file.ranges = !one_in(random, 6);
	if (file.len > 20000 && one_in(random, 5) && !file.misdeed) {
		scenario_offer_compressed(scenario, SL_CODEC_GZIP, file);
		return;
	}
	struct get_file *get = scenario_offer(scenario, file);
	if (file.len > 20000 && one_in(random, 4))
		change(random, scenario, get, index);
}

static struct scenario *
build_mixed(uint64_t seed)
{
	struct sl_random random;
	struct sim_options options = sim_options(seed);
	sl_random_init(&random, seed);
	options.late_percent = (unsigned)pick(&random, 101);
	options.dio_align = one_in(&random, 3) ? 0 : 4096;
	struct scenario *scenario = scenario_new(&options);
	set_segments(scenario);
	scenario->get.segments = 1 + (unsigned)pick(&random, 6);
	scenario->get.per_host = 1 + (unsigned)pick(&random, 8);
	scenario->get.jobs = 1 + (unsigned)pick(&random, 4);
	scenario->get.chunks = 2 + (size_t)pick(&random, 20);
	scenario->get.resume = !one_in(&random, 4);
	scenario->get.retry.seed = seed;
	scenario->get.retry.retries = (unsigned)pick(&random, 20);
	sim_http_set_segment(scenario->http, scenario->sim, one_in(&random, 2) ? 0 : 64 * SL_KIB);
	for (uint64_t count = 1 + pick(&random, 3); count > 0; count--)
		add_file(&random, scenario);
	return scenario;
}

Test(scenario_get_tee, whatever_servers_do_each_byte_of_the_final_file_is_passed_once,
	.timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(40);
	unsigned restarts = 0, finished = 0;
	uint64_t read = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_mixed(seed);
		struct shadow shadow;
		sim_cut_at(
			scenario->sim, 60 + seed % 8 * 120, (enum sim_crash)(seed % SIM_CRASHES));
		enum shadow_order order = (enum shadow_order)(seed / 2 % SHADOW_ORDERS);
		run(scenario, &shadow, seed % 3 ? SLOWEST_NS : 0, order);
		expect_scanned(&scenario->get);
		restarts += shadow.restarts;
		finished += shadow.finished;
		for (size_t i = 0; i < scenario->get.count; i++) {
			scenario->files[i].served.misdeed = SIM_HTTP_HONEST;
			later[i].misdeed = SIM_HTTP_HONEST;
			scenario->files[i].served.busy = 0;
		}
		if (sim_ops(scenario->sim) > 60 + seed % 8 * 120)
			rerun_killed(scenario, order, &read);
		scenario_free(scenario);
	}
	cr_expect(
		sim_seeds_are_chosen() || (restarts > 0 && finished > 0), "%u restarts", restarts);
}

/* ---- one file ---- */

static struct scenario *
build_one(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	struct scenario *scenario = scenario_new(&options);
	set_segments(scenario);
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	scenario_offer(scenario, ranged(SIZE));
	return scenario;
}

/* No byte is read back where nothing is left by an earlier run. */
Test(scenario_get_tee, nothing_is_read_from_disk_in_a_run_that_begins_the_file)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct scenario *scenario = build_one(seed);
		struct shadow shadow;
		if (seed % 2) {
			scenario->files[0].served.misdeed = SIM_HTTP_RESETS;
			scenario->files[0].served.misdeed_at = 700000;
			scenario->files[0].served.misdeeds = 6;
		}
		run(scenario, &shadow, SLOWEST_NS, seed / 2 % SHADOW_ORDERS);
		scenario_expect_all_done(scenario);
		expect_scanned(&scenario->get);
		sim_check(scenario->sim, shadow.passed == SIZE, "%llu bytes were passed",
			(unsigned long long)shadow.passed);
		sim_check(scenario->sim, scenario->get.summary.tee_read == 0, "bytes were read");
		scenario_free(scenario);
	}
}

static void
kill_at_each(enum shadow_order order)
{
	uint64_t ops = 1, read = 0;
	for (uint64_t n = 1; n < ops + 1; n += sim_stride(23)) {
		struct scenario *scenario = build_one(1);
		struct shadow shadow;
		sim_cut_at(scenario->sim, n, SIM_CRASH_KILL);
		run(scenario, &shadow, SL_NS_PER_MS, order);
		ops = sim_ops(scenario->sim);
		rerun_killed(scenario, n % 3 ? order : (order + 1) % SHADOW_ORDERS, &read);
		scenario_free(scenario);
	}
	cr_expect_gt(read, 0);
}

Test(scenario_get_tee, after_a_kill_at_any_operation_the_next_run_passes_all_of_the_file,
	.timeout = 900)
{
	kill_at_each(SHADOW_ANY_ORDER);
	kill_at_each(SHADOW_IN_ORDER);
	kill_at_each(SHADOW_BY_HEAD);
}

static void
fail_each(int code, uint64_t kinds, uint64_t stride)
{
	bool hit = true;
	uint64_t read = 0;
	for (uint64_t n = 1; hit; n += stride) {
		struct scenario *scenario = build_one(n);
		struct shadow shadow;
		scenario->get.retry.retries = 0;
		sim_fail_nth(scenario->sim, n, code, kinds);
		run(scenario, &shadow, SL_NS_PER_MS, n / 2 % SHADOW_ORDERS);
		hit = sim_faults(scenario->sim) > 0;
		expect_scanned(&scenario->get);
		get_scene_cut(&scenario->get, SIM_CRASH_KILL);
		rerun_killed(scenario, n / 4 % SHADOW_ORDERS, &read);
		scenario_free(scenario);
	}
}

Test(scenario_get_tee, any_operation_of_the_disk_may_fail, .timeout = 900)
{
	fail_each(-EIO, DISK, 5);
	fail_each(-ENOSPC, KIND(SL_OP_WRITE) | KIND(SL_OP_ALLOCATE), 2);
}

/* ---- streams, checksums ---- */

Test(scenario_get_tee, a_stream_is_passed_too_also_over_several_connections)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct scenario *scenario = build_one(seed);
		struct shadow shadow;
		char sum[SCENARIO_SUM];
		scenario->get.output = "/dev/null";
		scenario->get.files[0].name = NULL;
		scenario_set_checksum(&scenario->get.files[0], sum);
		scenario->get.chunks = 4 + (size_t)seed * 3;
		if (seed % 3 == 0) {
			scenario->files[0].served.misdeed = SIM_HTTP_ENDS;
			scenario->files[0].served.misdeed_at = 300000;
			scenario->files[0].served.misdeeds = 3;
		}
		run(scenario, &shadow, SLOWEST_NS, SHADOW_IN_ORDER);
		scenario_expect_all_done(scenario);
		expect_scanned(&scenario->get);
		scenario_free(scenario);
	}
}

static void
cancel_soon(struct sim *sim, void *ctx)
{
	(void)sim;
	get_scene_cancel(ctx, -ECANCELED);
}

/* A consumer that takes long does not hold up a run that is to end. */
Test(scenario_get_tee, a_cancelled_run_does_not_wait_for_the_consumer)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct scenario *scenario = build_one(seed);
		struct shadow shadow;
		sim_at(scenario->sim, 100 + seed * 5, cancel_soon, &scenario->get);
		run(scenario, &shadow, 3600 * SL_NS_PER_S, seed % SHADOW_ORDERS);
		uint64_t took_ns = scenario->get.ended_ns - scenario->get.cancelled_ns;
		sim_check(scenario->sim, took_ns < 2 * SL_NS_PER_S, "it took %.3f s",
			(double)took_ns / 1e9);
		scenario_free(scenario);
	}
}
