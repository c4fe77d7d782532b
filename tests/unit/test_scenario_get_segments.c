/*
 * Files in segments, with their journals, in the simulated world: under seeds, with the nth
 * operation failing, with the power cut or the process killed at each operation, and with what a
 * run has left resumed by the next one.
 */
#include "support/chance.h"
#include "support/scenario.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define KIND(kind) (1ull << (kind))
#define DISK \
	(KIND(SL_OP_WRITE) | KIND(SL_OP_OPEN) | KIND(SL_OP_RENAME) | KIND(SL_OP_SYNC) | \
		KIND(SL_OP_ALLOCATE) | KIND(SL_OP_READ) | KIND(SL_OP_CLOSE))
#define NETWORK (KIND(SL_OP_CONNECT) | KIND(SL_OP_SEND) | KIND(SL_OP_RECV) | KIND(SL_OP_SOCKET))
#define EVERYTHING (KIND(SL_OP_KINDS) - 1)

#define SIZE (4 * SL_MIB + 70001) /* larger than a small part, and no multiple of anything */
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"

/* Four segments of pieces of 512 KiB. */
static void
set_segments(struct scenario *scenario)
{
	scenario->get.segments = 4;
	scenario->get.min_segment = 512 * SL_KIB;
	scenario->get.chunk_size = 128 * SL_KIB;
	scenario->get.chunks = 16;
	scenario->get.resume = true;
}

static struct sim_http_file
ranged(size_t len)
{
	return (struct sim_http_file){
		.len = len, .ranges = true, .etag = "\"one\"", .modified = REMOTE_TIME
	};
}

/* ---- mixed ---- */

struct mix {
	struct sl_random random;
	bool trouble; /* something may go wrong */
	struct sim_http_file later[GET_FILES];
};

static struct sim_options
mixed_options(struct mix *mix, uint64_t seed)
{
	static const unsigned shorts[] = { 0, 33, 80 };
	static const uint64_t faults_ppm[] = { 0, 0, 1000, 5000 };
	struct sim_options options = sim_options(seed);
	options.short_percent = PICK_OF(&mix->random, shorts);
	options.late_percent = (unsigned)pick(&mix->random, 101);
	options.fault_ppm = PICK_OF(&mix->random, faults_ppm);
	options.fault_kinds = EVERYTHING & ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT));
	options.dio_align = one_in(&mix->random, 3) ? 0 : 4096;
	options.disk_ns = one_in(&mix->random, 4) ? 100 * SL_NS_PER_MS : options.disk_ns;
	mix->trouble = options.fault_ppm > 0;
	return options;
}

static void
misbehave(struct mix *mix, struct sim_http_file *file)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_ENDS, SIM_HTTP_RESETS,
		SIM_HTTP_STALLS, SIM_HTTP_PAUSES };
	file->misdeed = PICK_OF(&mix->random, misdeeds);
	file->misdeed_at = (size_t)pick(&mix->random, file->len / 4);
	file->misdeed_ns = pick(&mix->random, 20 * SL_NS_PER_S);
	file->misdeeds = 1 + (unsigned)pick(&mix->random, 4);
	mix->trouble = true;
}

/* From some answer on the server has another version, which differs in its validators. */
static void
change(struct mix *mix, struct scenario *scenario, struct get_file *get, size_t index)
{
	struct scenario_file *one = &scenario->files[index];
	struct sim_http_file *later = &mix->later[index];
	*later = one->served;
	later->len = one->served.len - (size_t)pick(&mix->random, 2) * 4097;
	later->data = scenario_body(index + 100, later->len);
	later->etag = "\"two\"";
	later->modified = one_in(&mix->random, 2) ? REMOTE_TIME : "Tue, 14 Nov 2023 22:13:22 GMT";
	one->served.later = later;
	one->served.later_from = 1 + (unsigned)pick(&mix->random, 8);
	get->other = later->data;
	get->other_len = later->len;
}

static void
mix_file(struct mix *mix, struct scenario *scenario)
{
	static const size_t sizes[] = { 20000, SIZE, 5 * SL_MIB, 7 * SL_MIB + 1 };
	size_t index = scenario->get.count;
	struct sim_http_file file = ranged(PICK_OF(&mix->random, sizes));
	if (one_in(&mix->random, 4))
		misbehave(mix, &file);
	if (one_in(&mix->random, 6)) {
		file.busy_from = (unsigned)pick(&mix->random, 6);
		file.busy = 1 + (unsigned)pick(&mix->random, 4);
		mix->trouble = true;
	}
	if (one_in(&mix->random, 8))
		file.ranges = false;
	if (one_in(&mix->random, 8))
		file.framing = (enum sim_http_framing)pick(&mix->random, 3);
	/* An end in order is the end of a body that the close delimits. */
	if (file.misdeed == SIM_HTTP_ENDS && file.framing == SIM_HTTP_CLOSE)
		file.misdeed = SIM_HTTP_RESETS;
	struct get_file *get = scenario_offer(scenario, file);
	if (one_in(&mix->random, 4))
		change(mix, scenario, get, index);
}

static struct scenario *
build_mixed(struct mix *mix, uint64_t seed)
{
	sl_random_init(&mix->random, seed);
	struct sim_options options = mixed_options(mix, seed);
	struct scenario *scenario = scenario_new(&options);
	set_segments(scenario);
	scenario->get.segments = 1 + (unsigned)pick(&mix->random, 6);
	scenario->get.per_host = 1 + (unsigned)pick(&mix->random, 8);
	scenario->get.jobs = 1 + (unsigned)pick(&mix->random, 4);
	scenario->get.chunks = 2 + (size_t)pick(&mix->random, 20);
	scenario->get.resume = !one_in(&mix->random, 4);
	scenario->get.retry = (struct sl_retry_policy){ .retries = (unsigned)pick(&mix->random, 4),
		.max_wait_ns = 1 + pick(&mix->random, 10 * SL_NS_PER_S),
		.seed = seed };
	scenario->get.if_exists = SL_EXISTS_REPLACE;
	sim_http_set_segment(
		scenario->http, scenario->sim, one_in(&mix->random, 2) ? 0 : 64 * SL_KIB);
	for (uint64_t count = 1 + pick(&mix->random, 3); count > 0; count--)
		mix_file(mix, scenario);
	if (one_in(&mix->random, 3))
		sim_http_close_after(scenario->http, 1 + (unsigned)pick(&mix->random, 3));
	return scenario;
}

/* Then the power is cut or the process killed, and the same command must complete everything. */
static void
cut_and_rerun(struct mix *mix, struct scenario *scenario)
{
	uint64_t at_op = 0;
	get_scene_cut(&scenario->get, (enum sim_crash)pick(&mix->random, SIM_CRASHES));
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	get_scene_check_disk(&scenario->get, world, at_op);
	for (size_t i = 0; i < scenario->get.count; i++) {
		scenario->files[i].served.misdeed = SIM_HTTP_HONEST;
		mix->later[i].misdeed = SIM_HTTP_HONEST;
		scenario->files[i].served.busy = 0;
	}
	sim_http_serve(scenario->http, world);
	sim_stop_faults(world);
	get_scene_rerun(&scenario->get, world);
	sim_free(world);
}

Test(scenario_get_segments, whatever_happens_a_file_is_of_one_version_or_is_not_done,
	.timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(60);
	static struct mix mix;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		mix.trouble = false;
		struct scenario *scenario = build_mixed(&mix, seed);
		scenario_run(scenario);
		if (!mix.trouble)
			scenario_expect_all_done(scenario);
		cut_and_rerun(&mix, scenario);
		scenario_free(scenario);
	}
}

/* ---- the nth operation ---- */

static struct scenario *
build_one(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	struct scenario *scenario = scenario_new(&options);
	set_segments(scenario);
	scenario->get.if_exists = SL_EXISTS_REPLACE;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	scenario_offer(scenario, ranged(SIZE));
	return scenario;
}

/* Whatever it has left is completed by another run on the same disk. */
static void
rerun_here(struct scenario *scenario)
{
	uint64_t at_op = 0;
	get_scene_cut(&scenario->get, SIM_CRASH_KILL);
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	sim_http_serve(scenario->http, world);
	get_scene_rerun(&scenario->get, world);
	sim_free(world);
}

static void
fail_each(int code, uint64_t kinds, uint64_t stride)
{
	bool hit = true;
	for (uint64_t n = 1; hit; n += stride) {
		struct scenario *scenario = build_one(n);
		sim_fail_nth(scenario->sim, n, code, kinds);
		scenario_run(scenario);
		hit = sim_faults(scenario->sim) > 0;
		if (!hit)
			scenario_expect_all_done(scenario);
		rerun_here(scenario);
		scenario_free(scenario);
	}
}

Test(scenario_get_segments, any_operation_may_fail, .timeout = 900)
{
	fail_each(-EIO, DISK, 1);
	fail_each(-ENOSPC, KIND(SL_OP_WRITE) | KIND(SL_OP_ALLOCATE) | KIND(SL_OP_OPEN), 1);
	fail_each(-ECONNRESET, NETWORK, 7);
	fail_each(-ENOMEM, EVERYTHING, 11);
}

/* ---- what was there before ---- */

/* Of two runs over a server that ends its first responses early: each attempt goes on with what the
 * one before it has left, and only that of the first run is resumed in the second. */
Test(scenario_get_segments, only_bytes_of_earlier_runs_count_as_resumed)
{
	struct scenario *scenario = build_one(1);
	struct sim_http_file *served = &scenario->files[0].served;
	uint64_t at_op = 0;
	scenario->get.segments = 1;
	served->misdeed = SIM_HTTP_ENDS;
	served->misdeed_at = SL_MIB;
	served->misdeeds = 2;
	scenario_run(scenario);
	struct get_file first = scenario->get.files[0];
	sim_check(
		scenario->sim, first.state == SL_DOWNLOAD_FAILED && first.resumed == 0, "resumed");
	sim_check(scenario->sim, first.received == SL_MIB, "%llu bytes",
		(unsigned long long)first.received);

	get_scene_cut(&scenario->get, SIM_CRASH_KILL);
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	sim_http_serve(scenario->http, world);
	struct get_scene again = scenario->get;
	again.sim = world;
	again.files[0].reported = false;
	again.files[0].retries = 0;
	again.retry = (struct sl_retry_policy){ .retries = 2, .max_wait_ns = SL_NS_PER_S };
	get_scene_run(&again);
	get_scene_check(&again);
	const struct get_file *second = &again.files[0];
	sim_check(world, second->state == SL_DOWNLOAD_DONE && second->retries == 1, "%s",
		second->error.text);
	sim_check(world, second->received == SIZE, "another size");
	sim_check(world, second->resumed > 0 && second->resumed <= first.received,
		"%llu bytes resumed", (unsigned long long)second->resumed);
	sim_check(world, second->resumed + second->fetched == SIZE,
		"%llu bytes resumed, %llu fetched", (unsigned long long)second->resumed,
		(unsigned long long)second->fetched);
	sim_free(world);
	scenario_free(scenario);
}

/* Another program has written to the part since, or has cut it. */
static void
change_part(struct sim *world, bool is_cut)
{
	static const char part[] = "f0.sluice-part";
	struct sl_span now = { 0 };
	cr_assert(sim_content(world, part, &now));
	char *changed = malloc(now.len);
	cr_assert_not_null(changed);
	memcpy(changed, now.data, now.len);
	changed[300000] ^= 1;
	sim_put_file(world, part, changed, now.len, 0666);
	sim_cut(world, part, is_cut ? 300000 : now.len); /* which sets its time */
	free(changed);
}

Test(scenario_get_segments, what_another_program_has_changed_in_a_part_is_fetched_again)
{
	for (unsigned is_cut = 0; is_cut <= 1; is_cut++) {
		struct scenario *scenario = build_one(1);
		struct sim_http_file *served = &scenario->files[0].served;
		uint64_t at_op = 0;
		scenario->get.segments = 1;
		served->misdeed = SIM_HTTP_ENDS;
		served->misdeed_at = SL_MIB;
		served->misdeeds = 1;
		scenario_run(scenario);
		get_scene_cut(&scenario->get, SIM_CRASH_KILL);
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		change_part(world, is_cut);
		sim_http_serve(scenario->http, world);
		struct get_scene *again = get_scene_again(&scenario->get, world);
		get_scene_run(again);
		get_scene_check(again);
		const struct get_file *file = &again->files[0];
		sim_check(world, file->state == SL_DOWNLOAD_DONE, "%s", file->error.text);
		sim_check(world, file->resumed > 0 && file->resumed < SL_MIB, "%llu bytes resumed",
			(unsigned long long)file->resumed);
		free(again);
		sim_free(world);
		scenario_free(scenario);
	}
}

/* ---- what is not kept ---- */

/* From the last operation of the seal on, until it gets its name. */
static void
change_sealed_part(struct sim *sim, void *ctx)
{
	(void)ctx;
	bool is_sealed = sim_ops_of(sim, SL_OP_HAS_HOLE) > 0;
	bool is_renamed = sim_ops_of(sim, SL_OP_RENAME) > 0;
	if (is_sealed && !is_renamed && sim_exists(sim, "f0.sluice-part"))
		change_part(sim, false);
}

/* The kernel reports a failed sync once, and what was not written is in memory only; what another
 * program has written is taken for the server's bytes once the journal has its time. */
static bool
has_kept_nothing(struct scenario *scenario)
{
	const struct get_file *file = &scenario->get.files[0];
	bool is_lost = file->state == SL_DOWNLOAD_FAILED &&
		       (file->error.phase == SL_PHASE_SYNC || file->error.code == SL_E_REPLACED);
	sim_check(scenario->sim, !is_lost || !sim_exists(scenario->sim, "f0.sluice-part"), "%s",
		file->error.text);
	return is_lost;
}

Test(scenario_get_segments, a_part_whose_sync_has_failed_is_not_resumed)
{
	bool hit = true;
	unsigned lost = 0;
	for (uint64_t n = 1; hit; n++) {
		struct scenario *scenario = build_one(n);
		sim_fail_nth(scenario->sim, n, -EIO, KIND(SL_OP_SYNC));
		scenario_run(scenario);
		hit = sim_faults(scenario->sim) > 0;
		lost += has_kept_nothing(scenario);
		rerun_here(scenario);
		scenario_free(scenario);
	}
	cr_expect_gt(lost, 0);
}

Test(scenario_get_segments, a_complete_part_that_another_program_changes_is_not_resumed)
{
	uint64_t ops = 1;
	unsigned lost = 0;
	for (uint64_t n = 1; n < ops + 1; n++) {
		struct scenario *scenario = build_one(1);
		sim_at(scenario->sim, n, change_sealed_part, NULL);
		scenario_run(scenario);
		ops = sim_ops(scenario->sim);
		lost += has_kept_nothing(scenario);
		rerun_here(scenario);
		scenario_free(scenario);
	}
	cr_expect_gt(lost, 0);
}

static void
cut_last_byte(struct sim *sim, void *ctx)
{
	struct sl_span now = { 0 };
	(void)ctx;
	if (sim_content(sim, "f0.sluice-part", &now) && now.len == SIZE)
		sim_cut(sim, "f0.sluice-part", SIZE - 1);
}

/* Its checksum cannot be computed: that is not the server's fault. */
Test(scenario_get_segments, a_part_that_another_program_cuts_is_no_mismatch)
{
	uint64_t ops = 1;
	unsigned unreadable = 0;
	for (uint64_t n = 1; n < ops + 1; n += 10) {
		char sum[SCENARIO_SUM];
		struct scenario *scenario = build_one(1);
		const struct get_file *file = &scenario->get.files[0];
		scenario_set_checksum(&scenario->get.files[0], sum);
		scenario->is_never_scanned = true;
		sim_at(scenario->sim, n, cut_last_byte, NULL);
		scenario_run(scenario);
		ops = sim_ops(scenario->sim);
		sim_check(scenario->sim, file->error.code != SL_E_CHECKSUM, "%s", file->error.text);
		unreadable += file->error.code == -EIO && file->error.phase == SL_PHASE_READ;
		scenario_free(scenario);
	}
	cr_expect_gt(unreadable, 0);
}

/* The first source has the file no more, and its mirror goes on with what a run has left. */
Test(scenario_get_segments, bytes_of_earlier_runs_count_as_resumed_also_with_another_source)
{
	struct scenario *scenario = build_one(1);
	struct sim_http_file mirror = ranged(SIZE);
	uint64_t at_op = 0;
	mirror.path = "/mirror";
	mirror.data = scenario->files[0].served.data;
	sim_http_add(scenario->http, &mirror);
	scenario->get.files[0].mirror = SCENARIO_ORIGIN "/mirror";
	sim_cut_at(scenario->sim, 180, SIM_CRASH_KILL);
	scenario_run(scenario);
	struct sim *world = sim_cut_world(scenario->sim, &at_op);
	scenario->files[0].served.bad_answers = UINT32_MAX;
	scenario->files[0].served.bad_status = 404;
	sim_http_serve(scenario->http, world);
	struct get_scene *again = get_scene_again(&scenario->get, world);
	again->segments = 1;
	get_scene_run(again);
	get_scene_check(again);
	const struct get_file *file = &again->files[0];
	sim_check(world, file->state == SL_DOWNLOAD_DONE, "%s", file->error.text);
	sim_check(world, file->resumed > 0 && file->resumed < SIZE, "%llu bytes resumed",
		(unsigned long long)file->resumed);
	free(again);
	sim_free(world);
	scenario_free(scenario);
}

/* ---- what an earlier run has left of no use ---- */

/* A run that was killed before it had written anything has reserved the space of what is a shorter
 * file by now. */
Test(scenario_get_segments, a_part_that_has_no_range_is_begun_anew, .timeout = 900)
{
	for (uint64_t n = 1; n <= 80; n++) {
		struct scenario *scenario = build_one(n);
		struct sim_http_file shorter = ranged(SIZE);
		struct get_file *get = &scenario->get.files[0];
		scenario->files[0].served.len = get->len = SIZE + 300000;
		scenario->get.server_names = n % 2 == 0;
		sim_cut_at(scenario->sim, n, SIM_CRASH_KILL);
		scenario_run(scenario);
		uint64_t at_op = 0;
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		shorter.path = scenario->files[0].path;
		shorter.etag = "\"two\"";
		shorter.data = get->data = scenario_body(1, SIZE);
		get->len = SIZE;
		sim_http_add(scenario->http, &shorter);
		sim_http_serve(scenario->http, world);
		get_scene_rerun(&scenario->get, world);
		sim_free(world);
		scenario_free(scenario);
	}
}

/* ---- making way ---- */

/* After a failure no more connections than work are used for a while. One that works and makes way
 * for another file at the end of its piece is not the end of the transfer: that fails only where
 * the 503 is the response to the only connection there is. */
Test(scenario_get_segments, a_file_that_makes_way_for_another_goes_on_afterwards)
{
	struct sim_seeds seeds = sim_seeds(60);
	unsigned retries = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		struct scenario *scenario = scenario_new(&options);
		set_segments(scenario);
		scenario->get.jobs = 2 + (unsigned)seed % 3;
		scenario->get.per_host = 2 + (unsigned)seed % 4;
		scenario->get.chunks = 32;
		sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
		struct sim_http_file file = ranged(8 * SL_MIB);
		file.busy_from = 2 + (unsigned)seed % 7;
		file.busy = 1;
		scenario->get.retry =
			(struct sl_retry_policy){ .retries = 1, .max_wait_ns = SL_NS_PER_S };
		scenario_offer(scenario, file);
		for (int i = 0; i < 100; i++)
			scenario_offer(scenario, ranged(20000));
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		retries += scenario->get.files[0].retries;
		scenario_free(scenario);
	}
	uint64_t count = seeds.end - seeds.first;
	cr_expect(sim_seeds_are_chosen() || retries * 5 < count * 2,
		"%u files of %llu were tried again", retries, (unsigned long long)count);
}

/* Connections that work go on; until then no further one is tried. */
Test(scenario_get_segments, retry_after_of_a_range_is_followed_while_others_work)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		struct sim_http_file file = ranged(8 * SL_MIB);
		file.busy_from = 2;
		file.busy = 2;
		file.busy_status = 429;
		file.busy_fields = "Retry-After: 60\r\n";
		scenario_offer(scenario, file);
		sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
		sim_http_set_rates(scenario->http, scenario->sim, 100 * SL_KIB, 0);
		set_segments(scenario);
		scenario->get.per_host = 4;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		/* At most two at 100 KiB/s each, and three or four would take 30 s. */
		scenario_expect_duration(scenario, 40 * SL_NS_PER_S, 90 * SL_NS_PER_S);
		scenario_free(scenario);
	}
}

/* Also one that has only had its first response so far. */
Test(scenario_get_segments, the_first_response_makes_way_for_another_file)
{
	struct scenario *scenario = build_one(1);
	struct sim_http_file *large = &scenario->files[0].served;
	scenario->get.per_host = 1;
	scenario->get.jobs = 2;
	large->drip = 64 * SL_KIB;
	large->drip_ns = 100 * SL_NS_PER_MS;
	scenario_offer(scenario, ranged(20000));
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	const struct get_file *files = scenario->get.files;
	uint64_t began_ns = scenario->get.started_ns;
	sim_check(scenario->sim, files[1].ended_ns - began_ns < (files[0].ended_ns - began_ns) / 2,
		"the small file waited for the large one");
	scenario_free(scenario);
}

/* One response with a head that is not that of the range: it is requested again. */
Test(scenario_get_segments, one_malformed_head_does_not_discard_the_ranges)
{
	static const enum sim_http_lie lies[] = { SIM_HTTP_LIE_NO_RANGE, SIM_HTTP_LIE_EARLY };
	for (size_t i = 0; i < SL_COUNT_OF(lies); i++) {
		struct scenario *scenario = build_one(1);
		struct sim_http_file *served = &scenario->files[0].served;
		served->lie = lies[i];
		served->lies_from = 2;
		served->lies = 1;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		sim_check(scenario->sim, scenario->get.files[0].fetched < SIZE + SL_MIB,
			"%llu bytes were fetched",
			(unsigned long long)scenario->get.files[0].fetched);
		scenario_free(scenario);
	}
}

/* Two have shown it, and the third comes when no other connection is left. */
Test(scenario_get_segments, ranges_that_are_never_those_requested_are_given_up)
{
	static const enum sim_http_lie lies[] = { SIM_HTTP_LIE_NO_RANGE, SIM_HTTP_LIE_MULTIPART };
	for (size_t i = 0; i < SL_COUNT_OF(lies); i++) {
		struct scenario *scenario = build_one(1);
		struct sim_http_file *served = &scenario->files[0].served;
		served->lie = lies[i];
		served->lies_from = 1;
		served->lies = 1000;
		served->third_lie_ns = 5 * SL_NS_PER_S;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

/* A mirror that is tried after another source: the time of the first one counts once. */
Test(scenario_get_segments, the_time_that_a_file_waits_for_servers_counts_once)
{
	struct sim_seeds seeds = sim_seeds(5);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		struct sim_http_file slow = {
			.len = 20000, .misdeed = SIM_HTTP_STALLS, .misdeed_at = 5000
		};
		scenario_offer(scenario, slow);
		struct sim_http_file mirror = {
			.path = "/mirror", .data = scenario_body(0, 20000), .len = 20000
		};
		sim_http_add(scenario->http, &mirror);
		scenario->get.files[0].mirror = SCENARIO_ORIGIN "/mirror";
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		uint64_t took_ns = scenario->get.ended_ns - scenario->get.started_ns;
		sim_check(scenario->sim, scenario->get.summary.network_ns <= took_ns,
			"waited %.3f s of %.3f", (double)scenario->get.summary.network_ns / 1e9,
			(double)took_ns / 1e9);
		scenario_free(scenario);
	}
}

/* As when a load balancer loses its state: nothing comes any more on any connection, and new ones
 * work. */
Test(scenario_get_segments, connections_that_all_stall_are_replaced)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		struct sim_http_file file = ranged(SIZE);
		set_segments(scenario);
		scenario->get.stall_timeout_ns = 3600 * SL_NS_PER_S;
		file.misdeed = SIM_HTTP_STALLS;
		file.misdeed_at = 300000;
		file.misdeeds = 4;
		scenario_offer(scenario, file);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_expect_duration(scenario, 0, 120 * SL_NS_PER_S);
		scenario_free(scenario);
	}
}

/* nginx with limit_rate sends once a second. Eight connections of which seven have nothing for
 * half a second again and again are as fast as each other. */
Test(scenario_get_segments, connections_that_get_their_bytes_in_bursts_are_not_replaced)
{
	const uint64_t rate = 64 * SL_KIB;
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario, ranged(9 * SL_MIB));
		sim_http_set_segment(scenario->http, scenario->sim, rate);
		sim_http_set_rates(scenario->http, scenario->sim, rate, 0);
		set_segments(scenario);
		scenario->get.segments = 8;
		scenario->get.per_host = 8;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		const struct sl_batch_summary *summary = &scenario->get.summary;
		sim_check(scenario->sim, summary->segments.replaced == 0, "%llu were replaced",
			(unsigned long long)summary->segments.replaced);
		sim_check(scenario->sim, summary->bytes < 10 * SL_MIB, "%llu bytes came",
			(unsigned long long)summary->bytes);
		scenario_free(scenario);
	}
}
