/*
 * The real download engine in the simulated world, under many seeds: whatever goes wrong, a file
 * that is reported done is complete and durable, and one that is not has left its name untouched.
 */
#include "support/get_scene.h"
#include "support/run.h"
#include "support/sim_http.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define KIND(kind) (1ull << (kind))
#define ORIGIN "http://10.0.0.1"

/* Every n-th operation is tried; in sanitizer builds, which are ten times slower, every third. */
#ifdef SL_DEBUG
#define STRIDE 3
#else
#define STRIDE 1
#endif

/* ---- a world with a server ---- */

struct town {
	struct sim *sim;
	struct sim_http *http;
	struct get_scene *scene;
};

static struct town
build_with(const struct sim_options *options)
{
	struct town town = { .sim = sim_new(options), .scene = malloc(sizeof(struct get_scene)) };
	cr_assert(town.scene);
	town.http = sim_http_new(town.sim, "10.0.0.1", 80);
	get_scene_init(town.scene, town.sim);
	return town;
}

static struct town
build(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	return build_with(&options);
}

static void
tear_down(struct town *town)
{
	sim_free(town->sim);
	sim_http_free(town->http);
	free(town->scene);
}

/* What is served, shared by all seeds. */
static char *body;
#define BODY_MAX (5 * SL_MIB)

static void
make_body(void)
{
	body = get_scene_body(1, BODY_MAX);
}

static void
free_body(void)
{
	free(body);
}

TestSuite(scenario_get, .init = make_body, .fini = free_body);

/* Names and URLs "f0", "f1"... */
#define NAMES 300
static char names[NAMES][16], urls[NAMES][48], paths[NAMES][16];
static struct sim_http_file served[NAMES];

static struct get_file *
offer(struct town *town, struct sim_http_file file)
{
	size_t i = town->scene->count;
	cr_assert_lt(i, NAMES);
	snprintf(names[i], sizeof(names[i]), "f%zu", i);
	snprintf(paths[i], sizeof(paths[i]), "/f%zu", i);
	snprintf(urls[i], sizeof(urls[i]), ORIGIN "/f%zu", i);
	served[i] = file;
	served[i].path = paths[i];
	if (!served[i].data)
		served[i].data = body + i * 31;
	sim_http_add(town->http, &served[i]);
	return get_scene_add(town->scene, (struct get_file){ .url = urls[i],
						  .name = names[i],
						  .data = served[i].data,
						  .len = file.len });
}

static void
run_and_check(struct town *town)
{
	get_scene_run(town->scene);
	get_scene_check(town->scene);
}

static void
expect_all_done(struct town *town)
{
	sim_check(town->sim, town->scene->result == 0, "%d: %s", town->scene->result,
		town->scene->summary.first_error.text);
}

static void
expect_failure(struct town *town, size_t index, int code, enum sl_phase phase)
{
	const struct get_file *file = &town->scene->files[index];
	sim_check(town->sim, file->state == SL_DOWNLOAD_FAILED, "%s ended in state %d", file->url,
		file->state);
	sim_check(town->sim, file->error.code == code && file->error.phase == phase,
		"%d in phase %d: %s", file->error.code, file->error.phase, file->error.text);
}

/* ---- all is well ---- */

static void
offer_assorted(struct town *town)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 65536, 65537, 200000, 1000000 };
	for (size_t i = 0; i < SL_COUNT_OF(sizes); i++)
		offer(town, (struct sim_http_file){ .len = sizes[i], .framing = i % 3 });
}

Test(scenario_get, assorted_files_come_down_complete_and_durable)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer_assorted(&town);
		run_and_check(&town);
		expect_all_done(&town);
		tear_down(&town);
	}
}

Test(scenario_get, a_large_file_is_written_directly_on_every_kind_of_file_system)
{
	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct sim_options options = sim_options(seed);
		options.no_allocate = seed & 1;
		options.no_noreplace = seed & 2;
		options.dio_align = seed & 4 ? 0 : 512;
		struct town town = build_with(&options);
		town.scene->io = seed & 8 ? SL_IO_DIRECT : SL_IO_AUTO;
		offer(&town, (struct sim_http_file){ .len = 4 * SL_MIB + 12345 });
		run_and_check(&town);
		expect_all_done(&town);
		tear_down(&town);
	}
}

Test(scenario_get, many_small_files_are_committed_in_groups)
{
	struct sim_seeds seeds = sim_seeds(5);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		town.scene->jobs = 16;
		town.scene->per_host = 16;
		town.scene->chunks = 40;
		for (size_t i = 0; i < 250; i++)
			offer(&town, (struct sim_http_file){ .len = 100 + i * 7 });
		run_and_check(&town);
		expect_all_done(&town);
		uint64_t syncs =
			sim_ops_of(town.sim, SL_OP_SYNC) + sim_ops_of(town.sim, SL_OP_SYNC_FS);
		sim_check(town.sim, syncs < 60, "%d syncs for 250 files", (int)syncs);
		tear_down(&town);
	}
}

Test(scenario_get, a_small_pool_is_enough)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		town.scene->chunks = 2;
		town.scene->chunk_size = 4096;
		town.scene->jobs = 8;
		for (size_t i = 0; i < 6; i++)
			offer(&town, (struct sim_http_file){ .len = 20000 });
		run_and_check(&town);
		expect_all_done(&town);
		tear_down(&town);
	}
}

Test(scenario_get, connections_that_the_server_closes_quietly_are_replaced)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		sim_http_close_after(town.http, 1 + (unsigned)(seed % 3));
		town.scene->jobs = 2;
		for (size_t i = 0; i < 12; i++)
			offer(&town, (struct sim_http_file){ .len = 1000 });
		run_and_check(&town);
		expect_all_done(&town);
		tear_down(&town);
	}
}

Test(scenario_get, the_file_gets_the_servers_time)
{
	struct town town = build(1);
	offer(&town,
		(struct sim_http_file){ .len = 1000, .modified = "Tue, 14 Nov 2023 22:13:21 GMT" });
	run_and_check(&town);
	cr_assert_eq(sim_mtime_ns(town.sim, "f0"), 1700000001 * SL_NS_PER_S);
	cr_assert_eq(sim_mode(town.sim, "f0"), 0644);
	tear_down(&town);
}

/* ---- servers and networks that fail ---- */

Test(scenario_get, a_body_that_ends_early_is_no_file)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		struct sim_http_file file = { .len = 100000,
			.misdeed_at = (size_t)(seed * 977 % 100000) };
		file.misdeed = seed % 2 ? SIM_HTTP_ENDS : SIM_HTTP_RESETS;
		file.framing = seed % 4 < 2 ? SIM_HTTP_LENGTH : SIM_HTTP_CHUNKED;
		offer(&town, file);
		offer(&town, (struct sim_http_file){ .len = 5000 });
		run_and_check(&town);
		sim_check(town.sim, town.scene->files[0].state == SL_DOWNLOAD_FAILED,
			"half a file is a file");
		sim_check(town.sim, town.scene->files[1].state == SL_DOWNLOAD_DONE,
			"its neighbour failed too");
		tear_down(&town);
	}
}

Test(scenario_get, bytes_beyond_the_announced_end_are_cut_off)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer(&town, (struct sim_http_file){ .len = 30000, .excess = 1 + (size_t)seed });
		offer(&town, (struct sim_http_file){ .len = 3000 });
		run_and_check(&town);
		expect_all_done(&town);
		tear_down(&town);
	}
}

Test(scenario_get, a_missing_file_is_named_and_the_others_come)
{
	struct town town = build(1);
	offer(&town, (struct sim_http_file){ .len = 100 });
	get_scene_add(town.scene, (struct get_file){ .url = ORIGIN "/nothing", .name = "nothing" });
	run_and_check(&town);
	expect_failure(&town, 1, SL_E_STATUS, SL_PHASE_HEAD);
	cr_assert_eq(town.scene->files[1].error.http_status, 404);
	tear_down(&town);
}

Test(scenario_get, a_refused_connection_is_a_failure_at_once)
{
	struct town town = build(1);
	get_scene_add(town.scene, (struct get_file){ .url = "http://10.0.0.2/x", .name = "x" });
	run_and_check(&town);
	expect_failure(&town, 0, -ECONNREFUSED, SL_PHASE_CONNECT);
	cr_assert_lt(town.scene->ended_ns - town.scene->started_ns, SL_NS_PER_S);
	tear_down(&town);
}

/* ---- time ---- */

/* It may take this much longer than its due time: latencies of the simulated network and disk,
 * clean-up. */
#define SLACK_NS SL_NS_PER_S

static void
expect_duration(struct town *town, uint64_t least_ns, uint64_t most_ns)
{
	uint64_t took_ns = town->scene->ended_ns - town->scene->started_ns;
	sim_check(town->sim, took_ns >= least_ns && took_ns <= most_ns, "it took %.3f s",
		(double)took_ns / 1e9);
}

Test(scenario_get, a_server_that_does_not_answer_the_connect_is_given_up_in_time)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		sim_listen(town.sim,
			&(struct sim_server){
				.address = "10.0.0.7", .port = 80, .reach = SIM_BLACK_HOLE });
		get_scene_add(
			town.scene, (struct get_file){ .url = "http://10.0.0.7/x", .name = "x" });
		run_and_check(&town);
		expect_failure(&town, 0, -ETIMEDOUT, SL_PHASE_CONNECT);
		expect_duration(&town, 30 * SL_NS_PER_S, 30 * SL_NS_PER_S + SLACK_NS);
		tear_down(&town);
	}
}

Test(scenario_get, a_stalled_body_is_given_up_after_the_stall_timeout)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer(&town, (struct sim_http_file){ .len = 300000,
				     .misdeed = SIM_HTTP_STALLS,
				     .misdeed_at = (size_t)(seed * 2999 % 300000),
				     .framing = seed % 3 });
		run_and_check(&town);
		expect_failure(&town, 0, -ETIMEDOUT, SL_PHASE_BODY);
		expect_duration(&town, 60 * SL_NS_PER_S, 60 * SL_NS_PER_S + 4 * SLACK_NS);
		tear_down(&town);
	}
}

static const struct sim_step no_head[] = { { .kind = SIM_STEP_END } };

Test(scenario_get, a_server_that_accepts_and_says_nothing_is_given_up_too)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		sim_listen(
			town.sim, &(struct sim_server){
					  .address = "10.0.0.7", .port = 80, .script = no_head });
		get_scene_add(
			town.scene, (struct get_file){ .url = "http://10.0.0.7/x", .name = "x" });
		run_and_check(&town);
		expect_failure(&town, 0, -ETIMEDOUT, SL_PHASE_HEAD);
		expect_duration(&town, 60 * SL_NS_PER_S, 60 * SL_NS_PER_S + SLACK_NS);
		tear_down(&town);
	}
}

Test(scenario_get, a_pause_shorter_than_the_stall_timeout_is_borne)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer(&town, (struct sim_http_file){ .len = 300000,
				     .misdeed = SIM_HTTP_PAUSES,
				     .misdeed_ns = 59 * SL_NS_PER_S,
				     .misdeed_at = (size_t)(seed * 2999 % 300000) });
		run_and_check(&town);
		expect_all_done(&town);
		expect_duration(&town, 59 * SL_NS_PER_S, 70 * SL_NS_PER_S);
		tear_down(&town);
	}
}

Test(scenario_get, slow_bytes_are_no_stall)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer(&town, (struct sim_http_file){
				     .len = 200, .drip = 1, .drip_ns = 20 * SL_NS_PER_S });
		run_and_check(&town);
		expect_all_done(&town);
		expect_duration(&town, 4000 * SL_NS_PER_S, 4100 * SL_NS_PER_S);
		tear_down(&town);
	}
}

Test(scenario_get, the_deadline_of_the_run_ends_it)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		town.scene->run_ns = 10 * SL_NS_PER_S;
		offer(&town, (struct sim_http_file){ .len = 1000 });
		offer(&town, (struct sim_http_file){
				     .len = 100000, .drip = 100, .drip_ns = SL_NS_PER_S });
		offer(&town, (struct sim_http_file){ .len = 100000, .misdeed = SIM_HTTP_STALLS });
		run_and_check(&town);
		sim_check(town.sim, town.scene->result == -ETIMEDOUT, "%d", town.scene->result);
		sim_check(town.sim, town.scene->files[0].state == SL_DOWNLOAD_DONE,
			"it had time enough: %s", town.scene->files[0].error.text);
		expect_duration(&town, 10 * SL_NS_PER_S, 10 * SL_NS_PER_S + SLACK_NS);
		tear_down(&town);
	}
}

/* ---- signals ---- */

Test(scenario_get, a_signal_at_any_moment_ends_the_run_within_a_second_and_leaves_nothing)
{
	struct sim_seeds seeds = sim_seeds(300);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer(&town, (struct sim_http_file){ .len = 300000 });
		offer(&town, (struct sim_http_file){ .len = 100 });
		offer(&town, (struct sim_http_file){ .len = 5000, .framing = SIM_HTTP_CHUNKED });
		offer(&town, (struct sim_http_file){
				     .len = 50000, .misdeed = SIM_HTTP_STALLS, .misdeed_at = 100 });
		town.scene->cancel_fd = sim_trap(town.sim, 1 + seed % 120);
		run_and_check(&town);
		uint64_t late_ns = town.scene->ended_ns - town.scene->cancelled_ns;
		sim_check(town.sim, town.scene->cancelled_ns == 0 || late_ns < SL_NS_PER_S,
			"it took %.3f s more", (double)late_ns / 1e9);
		tear_down(&town);
	}
}

Test(scenario_get, with_fail_fast_one_failure_cancels_the_rest)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		town.scene->fail_fast = true;
		offer(&town, (struct sim_http_file){ .len = 300, .status = 500 });
		offer(&town, (struct sim_http_file){ .len = 50000, .misdeed = SIM_HTTP_STALLS });
		offer(&town, (struct sim_http_file){ .len = 50000, .misdeed = SIM_HTTP_STALLS });
		run_and_check(&town);
		sim_check(town.sim, town.scene->result == SL_E_STATUS, "%d", town.scene->result);
		sim_check(town.sim, town.scene->files[1].state == SL_DOWNLOAD_CANCELLED,
			"a sibling goes on");
		expect_duration(&town, 0, SLACK_NS);
		tear_down(&town);
	}
}

/* ---- what has the name already ---- */

Test(scenario_get, a_file_that_exists_is_replaced_only_by_a_whole_one)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		town.scene->if_exists = SL_EXISTS_REPLACE;
		struct get_file *good = offer(&town, (struct sim_http_file){ .len = 5000 });
		struct get_file *bad = offer(
			&town, (struct sim_http_file){
				       .len = 5000, .misdeed = SIM_HTTP_ENDS, .misdeed_at = 4000 });
		good->before = bad->before = "what was there";
		good->before_len = bad->before_len = 14;
		sim_put_file(town.sim, "f0", good->before, 14, 0600);
		sim_put_file(town.sim, "f1", bad->before, 14, 0600);
		run_and_check(&town);
		sim_check(town.sim,
			good->state == SL_DOWNLOAD_DONE && bad->state == SL_DOWNLOAD_FAILED,
			"states");
		sim_check(town.sim, sim_mode(town.sim, "f0") == 0600,
			"it keeps the mode of what it replaces");
		tear_down(&town);
	}
}

Test(scenario_get, a_file_that_exists_and_differs_is_refused_one_that_matches_is_skipped)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		struct get_file *differs = offer(&town, (struct sim_http_file){ .len = 5000 });
		struct get_file *matches = offer(&town, (struct sim_http_file){ .len = 5000 });
		differs->before = "short";
		differs->before_len = 5;
		matches->before = matches->data;
		matches->before_len = 5000;
		sim_put_file(town.sim, "f0", "short", 5, 0600);
		sim_put_file(town.sim, "f1", matches->data, 5000, 0600);
		run_and_check(&town);
		sim_check(town.sim,
			differs->state == SL_DOWNLOAD_FAILED && differs->error.code == -EEXIST,
			"%s", differs->error.text);
		sim_check(
			town.sim, matches->state == SL_DOWNLOAD_SKIPPED, "%s", matches->error.text);
		tear_down(&town);
	}
}

Test(scenario_get, a_part_of_another_run_is_left_alone_one_of_a_dead_run_is_taken_over)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer(&town, (struct sim_http_file){ .len = 5000 });
		sim_put_file(town.sim, "f0.part", "half of it", 10, 0600);
		sim_hold_lock(town.sim, "f0.part", true);
		get_scene_run(town.scene);
		expect_failure(&town, 0, SL_E_IN_USE, SL_PHASE_CREATE);
		struct sl_span content;
		sim_check(town.sim,
			sim_content(town.sim, "f0.part", &content) &&
				sl_span_is(content, "half of it"),
			"the other run's part was touched");
		sim_hold_lock(town.sim, "f0.part", false);
		get_scene_rerun(town.scene, town.sim);
		tear_down(&town);
	}
}

/* ---- other programs at work ---- */

static const char foreign[] = "somebody else's";

static bool
is_foreign(struct sim *sim, const char *path)
{
	struct sl_span content;
	return sim_content(sim, path, &content) && sl_span_is(content, foreign);
}

/* A tool that tidies up "*.part", and puts a file of its own there. */
static void
replace_part(struct sim *sim, void *ctx)
{
	bool *done = ctx;
	*done = sim_exists(sim, "f0.part");
	if (!*done)
		return;
	sim_remove(sim, "f0.part");
	sim_put_file(sim, "f0.part", foreign, sizeof(foreign) - 1, 0644);
}

Test(scenario_get, a_part_that_is_replaced_meanwhile_is_noticed_and_left_alone)
{
	unsigned noticed = 0;
	for (uint64_t n = 1; n < 60; n++) {
		struct town town = build(n);
		bool replaced = false;
		struct get_file *file = offer(&town, (struct sim_http_file){ .len = 100000 });
		sim_at(town.sim, n, replace_part, &replaced);
		get_scene_run(town.scene);
		if (!replaced) {
			get_scene_check(town.scene);
			expect_all_done(&town);
		} else {
			/* Between the last look and the rename nobody can tell: then the other's
			 * file has our name. */
			bool done = file->state == SL_DOWNLOAD_DONE;
			sim_check(town.sim,
				is_foreign(town.sim, "f0.part") ||
					(done && is_foreign(town.sim, "f0")),
				"the other's file was touched: %s", file->error.text);
			noticed += !done;
		}
		tear_down(&town);
	}
	cr_assert_gt(noticed, 10);
}

static void
take_name(struct sim *sim, void *ctx)
{
	bool *taken = ctx;
	*taken = !sim_exists(sim, "f0");
	if (*taken)
		sim_put_file(sim, "f0", foreign, sizeof(foreign) - 1, 0600);
}

Test(scenario_get, a_final_name_that_is_taken_meanwhile_stays_the_others)
{
	for (uint64_t n = 1; n < 60; n++) {
		struct sim_options options = sim_options(n);
		options.no_noreplace = n % 2;
		struct town town = build_with(&options);
		bool taken = false;
		struct get_file *file = offer(&town, (struct sim_http_file){ .len = 100000 });
		sim_at(town.sim, n, take_name, &taken);
		get_scene_run(town.scene);
		sim_check(town.sim,
			!taken || (is_foreign(town.sim, "f0") && file->error.code == -EEXIST),
			"taken at operation %d: %s", (int)n, file->error.text);
		sim_check(
			town.sim, taken || file->state == SL_DOWNLOAD_DONE, "%s", file->error.text);
		sim_check(town.sim, !sim_exists(town.sim, "f0.part"), "the part is left");
		tear_down(&town);
	}
}

/* The second run begins when the first has submitted its nth operation. */
static int
second_run(void *arg)
{
	struct get_scene *scene = arg;
	char byte = 0;
	if (sl_io_read_stream(scene->cancel_fd, &byte, 1, SL_FOREVER) != 1)
		return 0;
	scene->cancel_fd = -1;
	get_scene_play(scene);
	return 0;
}

static int
two_runs(void *arg)
{
	struct get_scene *scenes = arg;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "second", second_run, &scenes[1], NULL), 0);
	get_scene_play(&scenes[0]);
	/* If it has not begun by now, it never will. */
	if (scenes[1].cancel_fd >= 0)
		sl_group_cancel(&group, -ECANCELED);
	int code = sl_group_leave(&group);
	return code == -ECANCELED ? 0 : code;
}

Test(scenario_get, two_runs_for_one_file_do_not_harm_each_other)
{
	unsigned in_use = 0;
	struct sim_seeds seeds = sim_seeds(200);
	struct get_scene *scenes = malloc(2 * sizeof(*scenes));
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		town.scene->if_exists = seed % 2 ? SL_EXISTS_REPLACE : SL_EXISTS_FAIL;
		/* A third of them take longer than a run waits for another's lock. */
		bool slow = seed % 3 == 0;
		offer(&town, (struct sim_http_file){ .len = 100000,
				     .drip = slow ? 10000 : 0,
				     .drip_ns = slow ? SL_NS_PER_S : 0 });
		town.scene->shared = true;
		scenes[0] = scenes[1] = *town.scene;
		scenes[1].cancel_fd = sim_trap(town.sim, 1 + seed % 70);
		sim_check(town.sim, sim_run(town.sim, two_runs, scenes) == 0, "the runs");
		unsigned done = 0;
		for (int i = 0; i < 2; i++) {
			const struct get_file *file = &scenes[i].files[0];
			done += file->reported && file->state == SL_DOWNLOAD_DONE;
			in_use += file->reported && file->error.code == SL_E_IN_USE;
		}
		struct sl_span content;
		bool whole = sim_content(town.sim, "f0", &content) && content.len == 100000 &&
			     memcmp(content.data, body, 100000) == 0;
		sim_check(town.sim, done > 0, "neither run was done: %s; %s",
			scenes[0].files[0].error.text, scenes[1].files[0].error.text);
		sim_check(town.sim, whole, "the file is damaged");
		sim_check(town.sim, !sim_exists(town.sim, "f0.part"), "a part is left");
		tear_down(&town);
	}
	free(scenes);
	cr_assert_gt(in_use, 1);
}

/* ---- checksums ---- */

static void
hex_sha256(const char *data, size_t len, char out[80])
{
	unsigned char digest[32];
	unsigned digest_len = 0;
	cr_assert_eq(EVP_Digest(data, len, digest, &digest_len, EVP_sha256(), NULL), 1);
	int at = snprintf(out, 80, "sha-256=");
	for (size_t i = 0; i < digest_len; i++)
		at += snprintf(out + at, 80 - (size_t)at, "%02x", digest[i]);
}

Test(scenario_get, a_checksum_decides)
{
	struct sim_seeds seeds = sim_seeds(50);
	char right[80], wrong[80];
	hex_sha256(body, 300000, right);
	hex_sha256(body, 299999, wrong);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		offer(&town, (struct sim_http_file){ .len = 300000, .data = body })->checksum =
			right;
		offer(&town, (struct sim_http_file){ .len = 300000, .data = body })->checksum =
			wrong;
		run_and_check(&town);
		sim_check(town.sim, town.scene->files[0].state == SL_DOWNLOAD_DONE, "%s",
			town.scene->files[0].error.text);
		sim_check(town.sim, town.scene->files[1].error.code == SL_E_CHECKSUM, "%s",
			town.scene->files[1].error.text);
		tear_down(&town);
	}
}

/* ---- the disk ---- */

Test(scenario_get, a_full_disk_fails_what_does_not_fit)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.capacity = 600000;
		struct town town = build_with(&options);
		town.scene->jobs = 1;
		offer(&town, (struct sim_http_file){ .len = 100000 });
		offer(&town, (struct sim_http_file){ .len = 700000, .framing = seed % 3 });
		offer(&town, (struct sim_http_file){ .len = 100000 });
		run_and_check(&town);
		expect_failure(&town, 1, -ENOSPC, SL_PHASE_WRITE);
		sim_check(town.sim, town.scene->files[2].state == SL_DOWNLOAD_DONE, "%s",
			town.scene->files[2].error.text);
		tear_down(&town);
	}
}

/* ---- to a stream ---- */

Test(scenario_get, standard_output_gets_every_byte_at_the_readers_pace)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		sim_sink(town.sim, 1, 65536, seed % 2 ? 100000 : SL_FOREVER);
		offer(&town, (struct sim_http_file){ .len = 300000 })->name = NULL;
		town.scene->output = "-";
		run_and_check(&town);
		expect_all_done(&town);
		struct sl_span out = sim_sink_data(town.sim, 1);
		sim_check(town.sim, out.len == 300000 && memcmp(out.data, body, 300000) == 0,
			"%zu bytes", out.len);
		tear_down(&town);
	}
}

Test(scenario_get, standard_output_that_closes_is_a_broken_pipe)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct town town = build(seed);
		sim_sink(town.sim, 1, 65536, SL_FOREVER);
		sim_sink_limit(town.sim, 1, 100000, seed % 2 ? -EPIPE : -ENOSPC);
		offer(&town, (struct sim_http_file){ .len = 300000 })->name = NULL;
		town.scene->output = "-";
		run_and_check(&town);
		expect_failure(&town, 0, seed % 2 ? -EPIPE : -ENOSPC, SL_PHASE_WRITE);
		tear_down(&town);
	}
}

/* ---- everything that can fail fails once ---- */

static void
offer_two(struct town *town)
{
	offer(town, (struct sim_http_file){ .len = 20000 });
	offer(town, (struct sim_http_file){ .len = 4 * SL_MIB + 5000 });
	town->scene->chunk_size = 512 * SL_KIB;
}

Test(scenario_get, the_nth_operation_fails_for_every_n, .timeout = 120)
{
	struct sim_seeds seeds = sim_seeds(1);
	seeds.end = seeds.first + 1; /* SLUICE_SEEDS of all n would take hours */
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		bool hit = true;
		for (uint64_t n = 1; hit; n += STRIDE) {
			struct town town = build(seed);
			offer_two(&town);
			sim_fail_nth(town.sim, n, 0, 0);
			run_and_check(&town);
			hit = sim_faults(town.sim) > 0;
			if (!hit)
				expect_all_done(&town);
			tear_down(&town);
		}
	}
}

Test(scenario_get, the_nth_operation_and_all_after_it_of_its_kind_fail, .timeout = 120)
{
	for (enum sl_op_kind kind = SL_OP_SOCKET; kind < SL_OP_KINDS; kind++) {
		bool hit = true;
		for (uint64_t n = 1; hit && n < 12; n++) {
			struct town town = build(n);
			offer(&town, (struct sim_http_file){ .len = 20000 });
			offer(&town, (struct sim_http_file){ .len = 300000 });
			sim_fail_from(town.sim, n, 0, KIND(kind));
			get_scene_run(town.scene);
			/* What may not be removed may not be looked at, or removed, stays. */
			bool tidy = kind != SL_OP_UNLINK && kind != SL_OP_STAT;
			if (tidy)
				get_scene_check(town.scene);
			hit = sim_faults(town.sim) > 0;
			tear_down(&town);
		}
	}
}

Test(scenario_get, random_failures_break_no_promise)
{
	struct sim_seeds seeds = sim_seeds(150);
	uint64_t kinds = ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT));
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.fault_ppm = 20000;
		options.fault_kinds = kinds & ((1ull << SL_OP_KINDS) - 1);
		struct town town = build_with(&options);
		offer_assorted(&town);
		run_and_check(&town);
		tear_down(&town);
	}
}

/* A failure and a signal together. */
Test(scenario_get, failures_around_a_signal_break_no_promise)
{
	struct sim_seeds seeds = sim_seeds(150);
	uint64_t kinds = ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT));
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.fault_ppm = 10000;
		options.fault_kinds = kinds & ((1ull << SL_OP_KINDS) - 1);
		struct town town = build_with(&options);
		offer_assorted(&town);
		town.scene->cancel_fd = sim_trap(town.sim, 1 + seed % 200);
		run_and_check(&town);
		tear_down(&town);
	}
}

/* ---- power cuts and kills, at every operation ---- */

static void
cut_everywhere(enum sim_crash how, enum sl_if_exists if_exists, uint64_t stride)
{
	uint64_t count = SL_FOREVER;
	for (uint64_t n = 1; n <= count; n += stride * STRIDE) {
		struct town town = build(n);
		town.scene->if_exists = if_exists;
		offer(&town, (struct sim_http_file){ .len = 20000 });
		offer(&town, (struct sim_http_file){ .len = 5000 });
		offer(&town, (struct sim_http_file){ .len = 300000 });
		if (if_exists == SL_EXISTS_REPLACE)
			for (size_t i = 0; i < 3; i++) {
				town.scene->files[i].before = "what was there";
				town.scene->files[i].before_len = 14;
				sim_put_file(town.sim, names[i], "what was there", 14, 0644);
			}
		sim_cut_at(town.sim, n, how);
		run_and_check(&town);
		expect_all_done(&town);
		uint64_t at_op = 0;
		struct sim *world = sim_cut_world(town.sim, &at_op);
		if (!world)
			count = n;
		else {
			get_scene_check_disk(town.scene, world, at_op);
			sim_http_serve(town.http, world);
			get_scene_rerun(town.scene, world);
		}
		sim_free(world);
		tear_down(&town);
	}
}

Test(scenario_get, a_kill_at_any_operation_leaves_whole_files_or_none_and_a_rerun_completes_them,
	.timeout = 120)
{
	cut_everywhere(SIM_CRASH_KILL, SL_EXISTS_AUTO, 1);
	cut_everywhere(SIM_CRASH_KILL, SL_EXISTS_REPLACE, 3);
}

Test(scenario_get, a_power_cut_at_any_operation_leaves_whole_files_or_none, .timeout = 120)
{
	cut_everywhere(SIM_CRASH_DROP, SL_EXISTS_AUTO, 2);
	cut_everywhere(SIM_CRASH_NAMES, SL_EXISTS_AUTO, 2);
	cut_everywhere(SIM_CRASH_RANDOM, SL_EXISTS_AUTO, 1);
	cut_everywhere(SIM_CRASH_RANDOM, SL_EXISTS_REPLACE, 2);
}
