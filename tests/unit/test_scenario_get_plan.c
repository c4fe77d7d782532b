/*
 * Dry runs in the simulated world: whatever is asked for, nothing on the disk is touched.
 */
#include "support/scenario.h"

#include <criterion/criterion.h>
#include <errno.h>

/* The operations that change what is on the disk. */
static void
expect_untouched(struct scenario *scenario)
{
	static const enum sl_op_kind kinds[] = { SL_OP_WRITE, SL_OP_ALLOCATE, SL_OP_TRUNCATE,
		SL_OP_SYNC, SL_OP_SYNC_FS, SL_OP_RENAME, SL_OP_LINK, SL_OP_UNLINK, SL_OP_MKDIR,
		SL_OP_LOCK, SL_OP_SET_TIME, SL_OP_SET_MODE, SL_OP_SET_OWNER };
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++)
		sim_check(scenario->sim, sim_ops_of(scenario->sim, kinds[i]) == 0, "%s",
			sl_op_kind_name(kinds[i]));
}

static void
expect_state(struct scenario *scenario, size_t index, enum sl_download_state state)
{
	const struct get_file *file = &scenario->get.files[index];
	sim_check(scenario->sim, file->state == state, "%s ended in state %d: %s", file->url,
		file->state, file->error.text);
}

Test(scenario_get_plan, a_dry_run_changes_nothing_and_asks_for_each_file_once)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.dry_run = true;
		scenario->get.dir = "new/dir";
		for (size_t i = 0; i < 12; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 100000 });
		get_scene_run(&scenario->get);
		for (size_t i = 0; i < 12; i++)
			expect_state(scenario, i, SL_DOWNLOAD_PLANNED);
		expect_untouched(scenario);
		sim_check(scenario->sim, !sim_exists(scenario->sim, "new"), "a directory");
		sim_check(scenario->sim, sim_http_requests(scenario->http) == 12, "%u requests",
			sim_http_requests(scenario->http));
		sim_check(scenario->sim, scenario->get.summary.bytes == 0, "bytes were read");
		sim_check(scenario->sim, !scenario->get.summary.durable, "nothing is durable");
		scenario_free(scenario);
	}
}

Test(scenario_get_plan, existing_files_are_treated_as_if_exists_says)
{
	static const struct {
		enum sl_if_exists how;
		enum sl_download_state state;
		const char *path;
	} cases[] = {
		{ SL_EXISTS_AUTO, SL_DOWNLOAD_FAILED, "f0" },
		{ SL_EXISTS_FAIL, SL_DOWNLOAD_FAILED, "f0" },
		{ SL_EXISTS_SKIP, SL_DOWNLOAD_SKIPPED, "f0" },
		{ SL_EXISTS_REPLACE, SL_DOWNLOAD_PLANNED, "f0" },
		{ SL_EXISTS_RENAME, SL_DOWNLOAD_PLANNED, "f0.1" },
	};
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
			struct scenario *scenario = scenario_plain(seed);
			scenario->get.dry_run = true;
			scenario->get.if_exists = cases[i].how;
			struct get_file *file =
				scenario_offer(scenario, (struct sim_http_file){ .len = 50000 });
			scenario_put_before(scenario, file, "other", 5, 0644);
			get_scene_run(&scenario->get);
			expect_state(scenario, 0, cases[i].state);
			sim_check(scenario->sim, strcmp(file->path, cases[i].path) == 0, "%s",
				file->path);
			expect_untouched(scenario);
			scenario_free(scenario);
		}
	}
}

Test(scenario_get_plan, what_a_real_run_would_fail_with_fails)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.dry_run = true;
		scenario_offer(scenario, (struct sim_http_file){ .status = 404, .len = 10 });
		scenario_offer(scenario, (struct sim_http_file){ .len = 10, .no_head = true });
		get_scene_add(&scenario->get,
			(struct get_file){ .url = SCENARIO_ORIGIN "/f1", .name = "f1" });
		get_scene_add(&scenario->get,
			(struct get_file){ .url = "http://10.0.0.9/f1", .name = "f1" });
		scenario->get.files[0].mirror = SCENARIO_ORIGIN "/none";
		get_scene_run(&scenario->get);
		scenario_expect_failure(scenario, 0, SL_E_STATUS, SL_PHASE_HEAD);
		expect_state(scenario, 1, SL_DOWNLOAD_PLANNED);
		expect_state(scenario, 2, SL_DOWNLOAD_SKIPPED); /* a repeat */
		scenario_expect_failure(scenario, 3, SL_E_TWICE, SL_PHASE_NONE);
		expect_untouched(scenario);
		scenario_free(scenario);
	}
}

Test(scenario_get_plan, a_mirror_is_asked_if_the_first_source_fails)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.dry_run = true;
		struct get_file *file = scenario_offer(
			scenario, (struct sim_http_file){ .status = 404, .len = 10 });
		file->mirror = SCENARIO_ORIGIN "/f1";
		scenario_offer(scenario, (struct sim_http_file){ .len = 1000 });
		get_scene_run(&scenario->get);
		expect_state(scenario, 0, SL_DOWNLOAD_PLANNED);
		expect_untouched(scenario);
		scenario_free(scenario);
	}
}
