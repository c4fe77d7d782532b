/*
 * The real download engine in the simulated world, under many seeds: whatever goes wrong, a file
 * that is reported done is complete and durable, and one that is not has left its name untouched.
 */
#include "support/run.h"
#include "support/scenario.h"

#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define KIND(kind) (1ull << (kind))
#define ORIGIN SCENARIO_ORIGIN

/* Every n-th operation is tried; in sanitizer builds, which are ten times slower, every third. */
#ifdef SL_DEBUG
#define STRIDE 3
#else
#define STRIDE 1
#endif

/* ---- all is well ---- */

static void
offer_assorted(struct scenario *scenario)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 65536, 65537, 200000, 1000000 };
	for (size_t i = 0; i < SL_COUNT_OF(sizes); i++)
		scenario_offer(
			scenario, (struct sim_http_file){ .len = sizes[i], .framing = i % 3 });
}

Test(scenario_get, assorted_files_come_down_complete_and_durable)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		offer_assorted(scenario);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

Test(scenario_get, a_large_file_is_written_directly_on_every_kind_of_file_system)
{
	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct sim_options options = sim_options(seed);
		options.no_allocate = seed & 1;
		options.no_noreplace = seed & 2;
		options.dio_align = seed & 4 ? 0 : 512;
		struct scenario *scenario = scenario_new(&options);
		scenario->get.io = seed & 8 ? SL_IO_DIRECT : SL_IO_AUTO;
		scenario_offer(scenario, (struct sim_http_file){ .len = 4 * SL_MIB + 12345 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

/* 250 files while the system has so much unwritten; returns the syncs of single files. */
static uint64_t
small_files_beside(uint64_t seed, const char *meminfo)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0; /* half of that file is as good as none */
	struct scenario *scenario = scenario_new(&options);
	scenario->get.jobs = 16;
	scenario->get.per_host = 16;
	scenario->get.chunks = 40;
	if (meminfo)
		sim_put_file(scenario->sim, "/proc/meminfo", meminfo, strlen(meminfo), 0444);
	for (size_t i = 0; i < 250; i++)
		scenario_offer(scenario, (struct sim_http_file){ .len = 100 + i * 7 });
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	uint64_t syncs = sim_ops_of(scenario->sim, SL_OP_SYNC);
	uint64_t groups = sim_ops_of(scenario->sim, SL_OP_SYNC_FS);
	sim_check(scenario->sim, syncs < 250 || groups == 0, "%d syncs and %d of the whole",
		(int)syncs, (int)groups);
	scenario_free(scenario);
	return syncs;
}

Test(scenario_get, many_small_files_are_committed_in_groups)
{
	struct sim_seeds seeds = sim_seeds(5);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		uint64_t syncs = small_files_beside(
			seed, "MemTotal: 1000000 kB\nDirty:   14000 kB\nWriteback:     10 kB\n");
		cr_assert_lt(syncs, 60, "seed %llu: %d syncs for 250 files",
			(unsigned long long)seed, (int)syncs);
	}
}

/* syncfs would wait for what other programs have written. */
Test(scenario_get, while_others_have_much_unwritten_each_file_is_synced_by_itself)
{
	static const char *const cases[] = { "Dirty:   150000 kB\nWriteback:     10 kB\n",
		"Dirty:   10 kB\nWriteback:     150000 kB\n", NULL };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		uint64_t syncs = small_files_beside(i + 1, cases[i]);
		cr_assert_geq(syncs, 250, "case %d: %d syncs for 250 files", (int)i, (int)syncs);
	}
}

Test(scenario_get, a_small_pool_is_enough)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.chunks = 2;
		scenario->get.chunk_size = 4096;
		scenario->get.jobs = 8;
		for (size_t i = 0; i < 6; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

Test(scenario_get, connections_that_the_server_closes_quietly_are_replaced)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		sim_http_close_after(scenario->http, 1 + (unsigned)(seed % 3));
		scenario->get.jobs = 2;
		for (size_t i = 0; i < 12; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 1000 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

Test(scenario_get, the_file_gets_the_servers_time)
{
	struct scenario *scenario = scenario_plain(1);
	scenario_offer(scenario,
		(struct sim_http_file){ .len = 1000, .modified = "Tue, 14 Nov 2023 22:13:21 GMT" });
	scenario_run(scenario);
	cr_assert_eq(sim_mtime_ns(scenario->sim, "f0"), 1700000001 * SL_NS_PER_S);
	cr_assert_eq(sim_mode(scenario->sim, "f0"), 0666);
	scenario_free(scenario);
}

/* ---- servers and networks that fail ---- */

Test(scenario_get, a_body_that_ends_early_leaves_no_file)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		struct sim_http_file file = { .len = 100000,
			.misdeed_at = (size_t)(seed * 977 % 100000) };
		file.misdeed = seed % 2 ? SIM_HTTP_ENDS : SIM_HTTP_RESETS;
		file.framing = seed % 4 < 2 ? SIM_HTTP_LENGTH : SIM_HTTP_CHUNKED;
		scenario_offer(scenario, file);
		scenario_offer(scenario, (struct sim_http_file){ .len = 5000 });
		scenario_run(scenario);
		sim_check(scenario->sim, scenario->get.files[0].state == SL_DOWNLOAD_FAILED,
			"half a file is a file");
		sim_check(scenario->sim, scenario->get.files[1].state == SL_DOWNLOAD_DONE,
			"its neighbour failed too");
		scenario_free(scenario);
	}
}

Test(scenario_get, bytes_beyond_the_announced_end_are_cut_off)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario,
			(struct sim_http_file){ .len = 30000, .excess = 1 + (size_t)(seed % 51) });
		scenario_offer(scenario, (struct sim_http_file){ .len = 3000 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

Test(scenario_get, a_missing_file_is_named_and_the_others_come)
{
	struct scenario *scenario = scenario_plain(1);
	scenario_offer(scenario, (struct sim_http_file){ .len = 100 });
	get_scene_add(
		&scenario->get, (struct get_file){ .url = ORIGIN "/nothing", .name = "nothing" });
	scenario_run(scenario);
	scenario_expect_failure(scenario, 1, SL_E_STATUS, SL_PHASE_HEAD);
	cr_assert_eq(scenario->get.files[1].error.http_status, 404);
	scenario_free(scenario);
}

Test(scenario_get, a_refused_connection_is_a_failure_at_once)
{
	struct scenario *scenario = scenario_plain(1);
	get_scene_add(&scenario->get, (struct get_file){ .url = "http://10.0.0.2/x", .name = "x" });
	scenario_run(scenario);
	scenario_expect_failure(scenario, 0, -ECONNREFUSED, SL_PHASE_CONNECT);
	cr_assert_lt(scenario->get.ended_ns - scenario->get.started_ns, SL_NS_PER_S);
	scenario_free(scenario);
}

/* ---- signals ---- */

Test(scenario_get, a_signal_at_any_moment_ends_the_run_within_a_second_and_leaves_nothing)
{
	struct sim_seeds seeds = sim_seeds(300);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000 });
		scenario_offer(scenario, (struct sim_http_file){ .len = 100 });
		scenario_offer(scenario,
			(struct sim_http_file){ .len = 5000, .framing = SIM_HTTP_CHUNKED });
		scenario_offer(scenario,
			(struct sim_http_file){
				.len = 50000, .misdeed = SIM_HTTP_STALLS, .misdeed_at = 100 });
		scenario->get.cancel_fd = sim_trap(scenario->sim, 1 + seed % 120);
		scenario_run(scenario);
		uint64_t late_ns = scenario->get.ended_ns - scenario->get.cancelled_ns;
		sim_check(scenario->sim, scenario->get.cancelled_ns == 0 || late_ns < SL_NS_PER_S,
			"it took %.3f s more", (double)late_ns / 1e9);
		scenario_free(scenario);
	}
}

Test(scenario_get, with_fail_fast_one_failure_cancels_the_rest)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.fail_fast = true;
		scenario_offer(scenario, (struct sim_http_file){ .len = 300, .status = 500 });
		scenario_offer(scenario,
			(struct sim_http_file){ .len = 50000, .misdeed = SIM_HTTP_STALLS });
		scenario_offer(scenario,
			(struct sim_http_file){ .len = 50000, .misdeed = SIM_HTTP_STALLS });
		scenario_run(scenario);
		sim_check(scenario->sim, scenario->get.result == SL_E_STATUS, "%d",
			scenario->get.result);
		sim_check(scenario->sim, scenario->get.files[1].state == SL_DOWNLOAD_CANCELLED,
			"a sibling goes on");
		scenario_expect_duration(scenario, 0, SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

/* ---- what has the name already ---- */

Test(scenario_get, a_file_that_exists_is_replaced_only_by_a_whole_one)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.if_exists = SL_EXISTS_REPLACE;
		struct get_file *good =
			scenario_offer(scenario, (struct sim_http_file){ .len = 5000 });
		struct get_file *bad = scenario_offer(scenario,
			(struct sim_http_file){
				.len = 5000, .misdeed = SIM_HTTP_ENDS, .misdeed_at = 4000 });
		good->before = bad->before = "what was there";
		good->before_len = bad->before_len = 14;
		sim_put_file(scenario->sim, "f0", good->before, 14, 0600);
		sim_put_file(scenario->sim, "f1", bad->before, 14, 0600);
		scenario_run(scenario);
		sim_check(scenario->sim,
			good->state == SL_DOWNLOAD_DONE && bad->state == SL_DOWNLOAD_FAILED,
			"states");
		sim_check(scenario->sim, sim_mode(scenario->sim, "f0") == 0600,
			"it keeps the mode of what it replaces");
		scenario_free(scenario);
	}
}

Test(scenario_get, a_file_that_exists_and_differs_is_refused_one_that_matches_is_skipped)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		struct get_file *differs =
			scenario_offer(scenario, (struct sim_http_file){ .len = 5000 });
		struct get_file *matches = scenario_offer(
			scenario, (struct sim_http_file){ .len = 5000,
					  .modified = "Sun, 09 Sep 2001 01:46:40 GMT" });
		differs->before = "short";
		differs->before_len = 5;
		matches->before = matches->data;
		matches->before_len = 5000;
		sim_put_file(scenario->sim, "f0", "short", 5, 0600);
		sim_put_file(scenario->sim, "f1", matches->data, 5000, 0600);
		scenario_run(scenario);
		sim_check(scenario->sim,
			differs->state == SL_DOWNLOAD_FAILED && differs->error.code == -EEXIST,
			"%s", differs->error.text);
		sim_check(scenario->sim, matches->state == SL_DOWNLOAD_SKIPPED, "%s",
			matches->error.text);
		scenario_free(scenario);
	}
}

Test(scenario_get, a_part_of_another_run_is_left_alone_one_of_a_dead_run_is_taken_over)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario, (struct sim_http_file){ .len = 5000 });
		sim_put_file(scenario->sim, "f0.sluice-part", "half of it", 10, 01600);
		sim_hold_lock(scenario->sim, "f0.sluice-part", true);
		get_scene_run(&scenario->get);
		scenario_expect_failure(scenario, 0, SL_E_IN_USE, SL_PHASE_CREATE);
		struct sl_span content;
		sim_check(scenario->sim,
			sim_content(scenario->sim, "f0.sluice-part", &content) &&
				sl_span_is(content, "half of it"),
			"the other run's part was touched");
		sim_hold_lock(scenario->sim, "f0.sluice-part", false);
		get_scene_rerun(&scenario->get, scenario->sim);
		scenario_free(scenario);
	}
}

/* ---- other programs at work ---- */

static const char foreign[] = "another program's";

static bool
is_foreign(struct sim *sim, const char *path)
{
	struct sl_span content;
	return sim_content(sim, path, &content) && sl_span_is(content, foreign);
}

/* A tool that tidies up, and puts a link of its own there. */
static void
replace_part(struct sim *sim, void *ctx)
{
	bool *done = ctx;
	*done = sim_exists(sim, "f0.sluice-part");
	if (!*done)
		return;
	sim_remove(sim, "f0.sluice-part");
	sim_put_file(sim, "theirs", foreign, sizeof(foreign) - 1, 0644);
	sim_put_link(sim, "f0.sluice-part", "theirs");
}

Test(scenario_get, a_part_that_is_replaced_meanwhile_is_noticed_and_left_alone)
{
	unsigned noticed = 0;
	for (uint64_t n = 1; n < 60; n++) {
		struct scenario *scenario = scenario_plain(n);
		bool replaced = false;
		struct get_file *file =
			scenario_offer(scenario, (struct sim_http_file){ .len = 100000 });
		sim_at(scenario->sim, n, replace_part, &replaced);
		get_scene_run(&scenario->get);
		if (!replaced) {
			get_scene_check(&scenario->get);
			scenario_expect_all_done(scenario);
		} else {
			/* Between the check and the rename it cannot be noticed: then the other's
			 * file has our name. */
			bool done = file->state == SL_DOWNLOAD_DONE;
			sim_check(scenario->sim,
				is_foreign(scenario->sim, "f0.sluice-part") ||
					(done && is_foreign(scenario->sim, "f0")),
				"the other's file was touched: %s", file->error.text);
			noticed += !done;
		}
		scenario_free(scenario);
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
		struct scenario *scenario = scenario_new(&options);
		bool taken = false;
		struct get_file *file =
			scenario_offer(scenario, (struct sim_http_file){ .len = 100000 });
		sim_at(scenario->sim, n, take_name, &taken);
		get_scene_run(&scenario->get);
		sim_check(scenario->sim,
			!taken || (is_foreign(scenario->sim, "f0") && file->error.code == -EEXIST),
			"taken at operation %d: %s", (int)n, file->error.text);
		sim_check(scenario->sim, taken || file->state == SL_DOWNLOAD_DONE, "%s",
			file->error.text);
		sim_check(scenario->sim, !sim_exists(scenario->sim, "f0.sluice-part"),
			"the part is left");
		scenario_free(scenario);
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
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.if_exists = seed % 2 ? SL_EXISTS_REPLACE : SL_EXISTS_FAIL;
		/* A third of them take longer than a run waits for another's lock. */
		bool slow = seed % 3 == 0;
		scenario_offer(scenario, (struct sim_http_file){ .len = 100000,
						 .drip = slow ? 10000 : 0,
						 .drip_ns = slow ? SL_NS_PER_S : 0 });
		scenario->get.shared = true;
		scenes[0] = scenes[1] = scenario->get;
		scenes[1].cancel_fd = sim_trap(scenario->sim, 1 + seed % 70);
		sim_check(scenario->sim, sim_run(scenario->sim, two_runs, scenes) == 0, "the runs");
		unsigned done = 0;
		for (int i = 0; i < 2; i++) {
			const struct get_file *file = &scenes[i].files[0];
			done += file->reported && file->state == SL_DOWNLOAD_DONE;
			in_use += file->reported && file->error.code == SL_E_IN_USE;
		}
		struct sl_span content;
		bool whole = sim_content(scenario->sim, "f0", &content) && content.len == 100000 &&
			     memcmp(content.data, scenario_body(0, 100000), 100000) == 0;
		sim_check(scenario->sim, done > 0, "neither run was done: %s; %s",
			scenes[0].files[0].error.text, scenes[1].files[0].error.text);
		sim_check(scenario->sim, whole, "the file is damaged");
		sim_check(scenario->sim, !sim_exists(scenario->sim, "f0.sluice-part"),
			"a part is left");
		scenario_free(scenario);
	}
	free(scenes);
	cr_assert(sim_seeds_are_chosen() || in_use > 1, "%u in use", in_use);
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
	const char *body = scenario_body(0, 300000);
	hex_sha256(body, 300000, right);
	hex_sha256(body, 299999, wrong);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000, .data = body })
			->checksum = right;
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000, .data = body })
			->checksum = wrong;
		scenario_run(scenario);
		sim_check(scenario->sim, scenario->get.files[0].state == SL_DOWNLOAD_DONE, "%s",
			scenario->get.files[0].error.text);
		sim_check(scenario->sim, scenario->get.files[1].error.code == SL_E_CHECKSUM, "%s",
			scenario->get.files[1].error.text);
		scenario_free(scenario);
	}
}

/* ---- the disk ---- */

Test(scenario_get, a_full_disk_fails_what_does_not_fit)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.capacity = 600000;
		struct scenario *scenario = scenario_new(&options);
		scenario->get.jobs = 1;
		scenario_offer(scenario, (struct sim_http_file){ .len = 100000 });
		scenario_offer(
			scenario, (struct sim_http_file){ .len = 700000, .framing = seed % 3 });
		scenario_offer(scenario, (struct sim_http_file){ .len = 100000 });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 1, -ENOSPC, SL_PHASE_WRITE);
		sim_check(scenario->sim, scenario->get.files[2].state == SL_DOWNLOAD_DONE, "%s",
			scenario->get.files[2].error.text);
		scenario_free(scenario);
	}
}

/* A second run over files that were complete a moment ago: 60 syncs one after the other would be 60
 * flushes of the disk. */
Test(scenario_get, complete_files_that_are_fresh_are_synced_in_groups)
{
	static const char idle[] = "Dirty:   10 kB\nWriteback:     10 kB\n";
	static char sums[60][80];
	for (int busy = 0; busy < 2; busy++) {
		struct sim_options options = sim_options(3);
		options.short_percent = 0;
		options.fresh_files = true;
		struct scenario *scenario = scenario_new(&options);
		if (!busy)
			sim_put_file(scenario->sim, "/proc/meminfo", idle, sizeof(idle) - 1, 0444);
		for (size_t i = 0; i < 60; i++) {
			size_t len = 1000 + i;
			struct get_file *file =
				scenario_offer(scenario, (struct sim_http_file){ .len = len });
			scenario_put_before(scenario, file, scenario_body(i, len), len, 0644);
			hex_sha256(scenario_body(i, len), len, sums[i]);
			file->checksum = sums[i];
		}
		scenario_run(scenario);
		uint64_t each = sim_ops_of(scenario->sim, SL_OP_SYNC);
		uint64_t whole = sim_ops_of(scenario->sim, SL_OP_SYNC_FS);
		sim_check(scenario->sim, scenario->get.summary.skipped == 60, "%llu skipped",
			(unsigned long long)scenario->get.summary.skipped);
		sim_check(scenario->sim, busy ? each >= 60 && each < 90 : each < 45 && whole > 0,
			"%llu syncs of files and directories, %llu of all",
			(unsigned long long)each, (unsigned long long)whole);
		scenario_free(scenario);
	}
}

static bool
is_durable_after(struct scenario *scenario)
{
	scenario_run(scenario);
	bool durable = scenario->get.summary.durable;
	scenario_free(scenario);
	return durable;
}

Test(scenario_get, a_run_is_durable_if_a_file_is_done_and_each_that_is_done_is_durable)
{
	static const enum sl_sync_mode modes[] = { SL_SYNC_AUTO, SL_SYNC_ALL, SL_SYNC_NONE };
	for (size_t i = 0; i < SL_COUNT_OF(modes); i++) {
		struct scenario *scenario = scenario_plain(i + 1);
		scenario->get.sync = modes[i];
		scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		cr_expect_eq(is_durable_after(scenario), modes[i] != SL_SYNC_NONE);
	}
	/* Nothing is done. */
	struct scenario *scenario = scenario_plain(1);
	cr_expect_not(is_durable_after(scenario));
	scenario = scenario_plain(2);
	scenario->get.if_exists = SL_EXISTS_SKIP;
	scenario_put_before(scenario,
		scenario_offer(scenario, (struct sim_http_file){ .len = 20000 }), "old", 3, 0644);
	cr_expect_not(is_durable_after(scenario));
	/* One is done, another is complete but not durable. */
	for (size_t i = 0; i < 2; i++) {
		scenario = scenario_plain(3);
		scenario->get.sync = modes[i];
		scenario->get.jobs = 1;
		scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		sim_fail_from(scenario->sim, i ? 3 : 2, -EIO, KIND(SL_OP_SET_OWNER));
		cr_expect_not(is_durable_after(scenario), "mode %zu", i);
	}
	/* A stream is as durable as its reader. */
	scenario = scenario_plain(4);
	sim_sink(scenario->sim, 1, 65536, SL_FOREVER);
	scenario_offer(scenario, (struct sim_http_file){ .len = 3000 })->name = NULL;
	scenario->get.output = "-";
	cr_expect_not(is_durable_after(scenario));
}

static void
abort_journal(struct sim *sim, void *ctx)
{
	(void)ctx;
	sim_abort_journal(sim);
}

/* Linux then reports success for the sync of a directory. That nothing is reported done before it
 * is durable is checked with each report. */
Test(scenario_get, nothing_is_done_on_a_file_system_whose_journal_was_aborted)
{
	static const enum sl_sync_mode modes[] = { SL_SYNC_AUTO, SL_SYNC_ALL };
	for (size_t i = 0; i < SL_COUNT_OF(modes); i++) {
		uint64_t count = SL_FOREVER;
		for (uint64_t n = 1; n <= count; n += STRIDE) {
			struct scenario *scenario = scenario_plain(n);
			scenario->get.sync = modes[i];
			scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
			scenario_offer(scenario, (struct sim_http_file){ .len = 5000 });
			scenario_offer(
				scenario, (struct sim_http_file){ .len = 4 * SL_MIB + 5000 });
			sim_at(scenario->sim, n, abort_journal, NULL);
			scenario_run(scenario);
			if (sim_ops(scenario->sim) < n)
				count = n;
			sim_check(scenario->sim,
				scenario->get.result != 0 || sim_ops(scenario->sim) < n + 4,
				"success, and the journal was aborted at operation %llu",
				(unsigned long long)n);
			sim_check(scenario->sim,
				scenario->get.result == 0 || !scenario->get.summary.durable,
				"durable, with result %d", scenario->get.result);
			scenario_free(scenario);
		}
	}
}

/* The third attribute call is the first after the last file is done. */
Test(scenario_get, a_run_fails_if_its_file_system_has_failed_after_the_last_file)
{
	static const enum sl_sync_mode modes[] = { SL_SYNC_AUTO, SL_SYNC_ALL };
	for (size_t i = 0; i < SL_COUNT_OF(modes); i++) {
		struct scenario *scenario = scenario_plain(i + 1);
		scenario->get.sync = modes[i];
		scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		sim_fail_from(scenario->sim, 3, -EIO, KIND(SL_OP_SET_OWNER));
		scenario_run(scenario);
		cr_expect_eq(scenario->get.summary.done, 1);
		cr_expect_eq(scenario->get.summary.first_error.code, -EIO);
		cr_expect_eq(scenario->get.result, -EIO);
		cr_expect_not(scenario->get.summary.durable);
		scenario_free(scenario);
	}
}

/* A quota or a network file system reports at the close what it could not write. */
Test(scenario_get, what_a_close_would_report_is_a_failure_without_syncs_too)
{
	static const size_t sizes[] = { 20000, 300000, 4 * SL_MIB + 5000 };
	static const enum sl_sync_mode modes[] = { SL_SYNC_NONE, SL_SYNC_AUTO };
	static const int codes[] = { -EDQUOT, -ENOSPC, -EIO };
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++) {
			struct scenario *scenario = scenario_plain(i + 1);
			scenario->get.sync = modes[k % 2];
			scenario_offer(scenario, (struct sim_http_file){ .len = sizes[i] });
			sim_fail_nth(scenario->sim, 1, codes[k], KIND(SL_OP_FLUSH));
			scenario_run(scenario);
			scenario_expect_failure(scenario, 0, codes[k], SL_PHASE_WRITE);
			scenario_free(scenario);
		}
}

/* ---- to a stream ---- */

Test(scenario_get, standard_output_gets_every_byte_at_the_readers_pace)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		sim_sink(scenario->sim, 1, 65536, seed % 2 ? 100000 : SL_FOREVER);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000 })->name = NULL;
		scenario->get.output = "-";
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		struct sl_span out = sim_sink_data(scenario->sim, 1);
		sim_check(scenario->sim,
			out.len == 300000 &&
				memcmp(out.data, scenario_body(0, 300000), 300000) == 0,
			"%zu bytes", out.len);
		scenario_free(scenario);
	}
}

Test(scenario_get, standard_output_that_closes_is_a_broken_pipe)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		sim_sink(scenario->sim, 1, 65536, SL_FOREVER);
		sim_sink_limit(scenario->sim, 1, 100000, seed % 2 ? -EPIPE : -ENOSPC);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000 })->name = NULL;
		scenario->get.output = "-";
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, seed % 2 ? -EPIPE : -ENOSPC, SL_PHASE_WRITE);
		scenario_free(scenario);
	}
}

/* ---- everything that can fail fails once ---- */

static void
offer_two(struct scenario *scenario)
{
	scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
	scenario_offer(scenario, (struct sim_http_file){ .len = 4 * SL_MIB + 5000 });
	scenario->get.chunk_size = 512 * SL_KIB;
}

Test(scenario_get, the_nth_operation_fails_for_every_n, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(1);
	seeds.end = seeds.first + 1; /* SLUICE_SEEDS of all n would take hours */
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool hit = true;
		for (uint64_t n = 1; hit; n += STRIDE) {
			struct scenario *scenario = scenario_plain(seed);
			offer_two(scenario);
			sim_fail_nth(scenario->sim, n, 0, 0);
			scenario_run(scenario);
			hit = sim_faults(scenario->sim) > 0;
			if (!hit)
				scenario_expect_all_done(scenario);
			scenario_free(scenario);
		}
	}
}

Test(scenario_get, the_nth_operation_and_all_after_it_of_its_kind_fail, .timeout = 900)
{
	for (enum sl_op_kind kind = SL_OP_SOCKET; kind < SL_OP_KINDS; kind++) {
		bool hit = true;
		for (uint64_t n = 1; hit && n < 12; n++) {
			struct scenario *scenario = scenario_plain(n);
			scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
			scenario_offer(scenario, (struct sim_http_file){ .len = 300000 });
			sim_fail_from(scenario->sim, n, 0, KIND(kind));
			get_scene_run(&scenario->get);
			/* What may not be removed may not be looked at, or removed, stays. */
			bool tidy = kind != SL_OP_UNLINK && kind != SL_OP_STAT;
			if (tidy)
				get_scene_check(&scenario->get);
			hit = sim_faults(scenario->sim) > 0;
			scenario_free(scenario);
		}
	}
}

Test(scenario_get, random_failures_break_no_promise)
{
	struct sim_seeds seeds = sim_seeds(150);
	uint64_t kinds = ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT));
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.fault_ppm = 20000;
		options.fault_kinds = kinds & ((1ull << SL_OP_KINDS) - 1);
		struct scenario *scenario = scenario_new(&options);
		offer_assorted(scenario);
		scenario_run(scenario);
		scenario_free(scenario);
	}
}

/* A failure and a signal together. */
Test(scenario_get, failures_around_a_signal_break_no_promise)
{
	struct sim_seeds seeds = sim_seeds(150);
	uint64_t kinds = ~(KIND(SL_OP_UNLINK) | KIND(SL_OP_STAT));
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.fault_ppm = 10000;
		options.fault_kinds = kinds & ((1ull << SL_OP_KINDS) - 1);
		struct scenario *scenario = scenario_new(&options);
		offer_assorted(scenario);
		scenario->get.cancel_fd = sim_trap(scenario->sim, 1 + seed % 200);
		scenario_run(scenario);
		scenario_free(scenario);
	}
}

/* ---- power cuts and kills, at every operation ---- */

static void
cut_everywhere(enum sim_crash how, enum sl_if_exists if_exists, uint64_t stride)
{
	uint64_t count = SL_FOREVER;
	for (uint64_t n = 1; n <= count; n += stride * STRIDE) {
		struct scenario *scenario = scenario_plain(n);
		scenario->get.if_exists = if_exists;
		scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		scenario_offer(scenario, (struct sim_http_file){ .len = 5000 });
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000 });
		if (if_exists == SL_EXISTS_REPLACE)
			for (size_t i = 0; i < 3; i++) {
				scenario->get.files[i].before = "what was there";
				scenario->get.files[i].before_len = 14;
				sim_put_file(scenario->sim, scenario->files[i].name,
					"what was there", 14, 0644);
			}
		sim_cut_at(scenario->sim, n, how);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		uint64_t at_op = 0;
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		if (!world)
			count = n;
		else {
			get_scene_check_disk(&scenario->get, world, at_op);
			sim_http_serve(scenario->http, world);
			get_scene_rerun(&scenario->get, world);
		}
		sim_free(world);
		scenario_free(scenario);
	}
}

Test(scenario_get, a_kill_at_any_operation_leaves_whole_files_or_none_and_a_rerun_completes_them,
	.timeout = 900)
{
	cut_everywhere(SIM_CRASH_KILL, SL_EXISTS_AUTO, 1);
	cut_everywhere(SIM_CRASH_KILL, SL_EXISTS_REPLACE, 3);
}

Test(scenario_get, a_power_cut_at_any_operation_leaves_whole_files_or_none, .timeout = 900)
{
	cut_everywhere(SIM_CRASH_DROP, SL_EXISTS_AUTO, 2);
	cut_everywhere(SIM_CRASH_NAMES, SL_EXISTS_AUTO, 2);
	cut_everywhere(SIM_CRASH_RANDOM, SL_EXISTS_AUTO, 1);
	cut_everywhere(SIM_CRASH_RANDOM, SL_EXISTS_REPLACE, 2);
}

#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"
#define REMOTE_TIME_S 1700000001u
#define REPLACED_MODE 0604u
#define REPLACED_USER 7u
#define REPLACED_GROUP 8u

/* What the kill or power cut has left under a final name: if it is the new content, all of it. */
static void
check_attributes(struct scenario *scenario, struct sim *world, uint64_t at_op)
{
	for (size_t i = 0; i < scenario->get.count; i++) {
		const struct get_file *file = &scenario->get.files[i];
		struct sl_span content;
		if (!sim_content(world, file->name, &content) || content.len != file->len)
			continue;
		sim_check(scenario->sim, sim_mode(world, file->name) == REPLACED_MODE,
			"cut at operation %llu: %s is there with mode %o",
			(unsigned long long)at_op, file->name, sim_mode(world, file->name));
		sim_check(scenario->sim,
			sim_uid(world, file->name) == REPLACED_USER &&
				sim_gid(world, file->name) == REPLACED_GROUP,
			"cut at operation %llu: %s is there with another owner",
			(unsigned long long)at_op, file->name);
		sim_check(scenario->sim,
			sim_mtime_ns(world, file->name) == REMOTE_TIME_S * SL_NS_PER_S,
			"cut at operation %llu: %s is there with another time",
			(unsigned long long)at_op, file->name);
	}
}

static void
cut_for_attributes(enum sim_crash how, enum sl_sync_mode sync)
{
	static const size_t sizes[] = { 20000, 5000, 300000 };
	uint64_t count = SL_FOREVER;
	for (uint64_t n = 1; n <= count; n += STRIDE) {
		struct scenario *scenario = scenario_plain(n);
		scenario->get.if_exists = SL_EXISTS_REPLACE;
		scenario->get.sync = sync;
		for (size_t i = 0; i < SL_COUNT_OF(sizes); i++) {
			struct get_file *file = scenario_offer(scenario,
				(struct sim_http_file){ .len = sizes[i], .modified = REMOTE_TIME });
			scenario_put_before(scenario, file, "what was there", 14, REPLACED_MODE);
			sim_set_owner(scenario->sim, file->name, REPLACED_USER, REPLACED_GROUP);
		}
		sim_cut_at(scenario->sim, n, how);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		uint64_t at_op = 0;
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		if (world)
			check_attributes(scenario, world, at_op);
		else
			count = n;
		sim_free(world);
		scenario_free(scenario);
	}
}

Test(scenario_get, a_file_never_has_its_final_name_without_its_rights_and_time, .timeout = 900)
{
	cut_for_attributes(SIM_CRASH_KILL, SL_SYNC_AUTO);
	cut_for_attributes(SIM_CRASH_KILL, SL_SYNC_NONE);
	cut_for_attributes(SIM_CRASH_DROP, SL_SYNC_AUTO);
	cut_for_attributes(SIM_CRASH_RANDOM, SL_SYNC_ALL);
}
