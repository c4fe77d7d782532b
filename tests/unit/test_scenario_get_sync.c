/*
 * Syncs that fail: which files of a run fail with them, and which do not. That nothing is reported
 * done before it is durable is checked with each report.
 */
#include "support/scenario.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define KIND(kind) (1ull << (kind))
#define FILES 40

static struct scenario *
small_files(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0; /* half of /proc/meminfo is as good as none */
	struct scenario *scenario = scenario_new(&options);
	scenario->get.jobs = 16;
	scenario->get.per_host = 16;
	scenario->get.chunks = 40;
	for (size_t i = 0; i < FILES; i++)
		scenario_offer(scenario, (struct sim_http_file){ .len = 100 + i * 7 });
	return scenario;
}

/* No other program has anything unwritten: groups are synced by one syncfs. */
Test(scenario_get_sync, a_syncfs_that_fails_fails_every_file_it_was_for)
{
	static const char idle[] = "Dirty:   10 kB\nWriteback:     10 kB\n";
	static const int codes[] = { -ENOSPC, -EDQUOT, -EIO };
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = small_files(seed);
		int code = codes[seed % SL_COUNT_OF(codes)];
		sim_put_file(scenario->sim, "/proc/meminfo", idle, sizeof(idle) - 1, 0444);
		sim_fail_nth(scenario->sim, 1, code, KIND(SL_OP_SYNC_FS));
		scenario_run(scenario);
		sim_check(scenario->sim, sim_faults(scenario->sim) == 1, "no syncfs");
		sim_check(scenario->sim, scenario->get.summary.failed > 1, "%llu failed",
			(unsigned long long)scenario->get.summary.failed);
		sim_check(scenario->sim, scenario->get.result == code, "%d", scenario->get.result);
		scenario_free(scenario);
	}
}

Test(scenario_get_sync, a_full_disk_or_quota_fails_only_the_file_whose_sync_reports_it)
{
	static const int codes[] = { -ENOSPC, -EDQUOT };
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = small_files(seed);
		int code = codes[seed % SL_COUNT_OF(codes)];
		sim_fail_nth(scenario->sim, 1, code, KIND(SL_OP_SYNC));
		scenario_run(scenario);
		sim_check(scenario->sim, scenario->get.summary.failed == 1, "%llu failed",
			(unsigned long long)scenario->get.summary.failed);
		sim_check(scenario->sim, scenario->get.result == code, "%d", scenario->get.result);
		scenario_free(scenario);
	}
}

/* Its inode may share a block with those of other files. */
Test(scenario_get_sync, after_an_input_output_error_no_other_file_of_the_device_is_done)
{
	static const size_t lens[] = { 4 * SL_MIB + 5000, 20000 };
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		for (size_t first = 0; first < SL_COUNT_OF(lens); first++) {
			struct scenario *scenario = scenario_plain(seed);
			scenario->get.jobs = 1;
			scenario->get.sync = SL_SYNC_ALL;
			scenario_offer(scenario, (struct sim_http_file){ .len = lens[first] });
			scenario_offer(scenario, (struct sim_http_file){ .len = lens[!first] });
			sim_fail_nth(scenario->sim, 1, -EIO, KIND(SL_OP_SYNC));
			scenario_run(scenario);
			sim_check(scenario->sim, sim_faults(scenario->sim) == 1, "no sync");
			for (size_t i = 0; i < 2; i++)
				scenario_expect_failure(scenario, i, -EIO, SL_PHASE_SYNC);
			sim_check(scenario->sim, sim_name_count(scenario->sim, "/") == 0,
				"a file has its name");
			scenario_free(scenario);
		}
	}
}

/* Another file's sync reports the failure, perhaps while the name of this one is synced: it is not
 * done after the other has failed. With one file each, and with groups. */
Test(scenario_get_sync, no_file_is_done_once_its_device_has_failed)
{
	unsigned failed = 0;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct sim_options options = sim_options(seed);
		options.disk_ns = 50 * SL_NS_PER_MS;
		options.short_percent = 0;
		struct scenario *scenario = scenario_new(&options);
		const struct get_file *file = scenario->get.files;
		uint64_t failed_at = UINT64_MAX;
		bool is_grouped = seed % 2 == 0;
		scenario->get.sync = is_grouped ? scenario->get.sync : SL_SYNC_ALL;
		scenario->get.jobs = is_grouped ? 8 : 2;
		for (size_t i = 0; i < scenario->get.jobs; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		sim_fail_nth(scenario->sim, 1 + seed / 2 % 4, -EIO, KIND(SL_OP_SYNC));
		scenario_run(scenario);
		for (size_t i = 0; i < scenario->get.count; i++)
			if (file[i].error.code == -EIO)
				failed_at = SL_MIN(failed_at, file[i].at_op);
		for (size_t i = 0; i < scenario->get.count; i++)
			sim_check(scenario->sim, file[i].error.code || file[i].at_op < failed_at,
				"f%zu was done after %llu operations, another had failed after "
				"%llu",
				i, (unsigned long long)file[i].at_op,
				(unsigned long long)failed_at);
		failed += failed_at < UINT64_MAX;
		scenario_free(scenario);
	}
	cr_expect_eq(failed, 24, "%u", failed);
}

/* Each file of a group keeps a descriptor: two jobs with four each leave twelve, for a queue and a
 * group of three files. */
Test(scenario_get_sync, a_group_has_no_more_files_than_there_are_descriptors_for)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = small_files(seed);
		scenario->get.jobs = 2;
		scenario->get.descriptors = 20;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		uint64_t syncs = sim_ops_of(scenario->sim, SL_OP_SYNC);
		uint64_t groups = (FILES + 2) / 3;
		sim_check(scenario->sim, syncs >= FILES + groups,
			"%llu syncs: of each file and of the directory after each group",
			(unsigned long long)syncs);
		scenario_free(scenario);
	}
}

/* Groups of 16 files, the fewest that one syncfs is for: a job and its connection take four of the
 * descriptors, and a file of a group and one of the queue two each. */
static struct scenario *
groups_of_sixteen(uint64_t seed, const char *meminfo)
{
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	struct scenario *scenario = scenario_new(&options);
	scenario->get.jobs = 1;
	scenario->get.descriptors = 4 + 16 * 4;
	scenario->get.chunks = 40;
	sim_put_file(scenario->sim, "/proc/meminfo", meminfo, strlen(meminfo), 0444);
	return scenario;
}

/* A syncfs reports a lost write once, perhaps of a file whose group is still to come. */
Test(scenario_get_sync, after_a_failed_syncfs_each_file_is_synced_by_itself)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario =
			groups_of_sixteen(seed, "Dirty:   10 kB\nWriteback:     10 kB\n");
		for (size_t i = 0; i < 64; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 100 + i });
		sim_fail_nth(scenario->sim, 1, -ENOSPC, KIND(SL_OP_SYNC_FS));
		scenario_run(scenario);
		uint64_t groups = sim_ops_of(scenario->sim, SL_OP_SYNC_FS);
		sim_check(scenario->sim, groups == 1, "%llu syncfs", (unsigned long long)groups);
		sim_check(scenario->sim, scenario->get.summary.done >= 32, "%llu done",
			(unsigned long long)scenario->get.summary.done);
		scenario_free(scenario);
	}
}

/* Files that are committed are on the disk: only those that are not explain unwritten data. */
Test(scenario_get_sync, unwritten_data_of_other_programs_is_told_from_that_of_this_run)
{
	struct scenario *scenario =
		groups_of_sixteen(1, "Dirty:   40000 kB\nWriteback:     0 kB\n");
	scenario->get.chunk_size = 512 * SL_KIB;
	for (size_t i = 0; i < 120; i++)
		scenario_offer(scenario, (struct sim_http_file){ .len = 500 * SL_KIB });
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	cr_expect_eq(sim_ops_of(scenario->sim, SL_OP_SYNC_FS), 0);
	scenario_free(scenario);
}

/* The last operations of a run ask each file system whether it still accepts changes. */
Test(scenario_get_sync, a_failure_that_shows_only_at_the_end_fails_the_run)
{
	uint64_t touches = 0;
	for (int with_failure = 0; with_failure < 2; with_failure++) {
		struct scenario *scenario = scenario_plain(1);
		scenario->get.jobs = 1;
		for (size_t i = 0; i < 3; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
		if (with_failure)
			sim_fail_nth(scenario->sim, touches, -EIO, KIND(SL_OP_SET_OWNER));
		scenario_run(scenario);
		touches = sim_ops_of(scenario->sim, SL_OP_SET_OWNER);
		cr_expect_eq(scenario->get.summary.done, 3);
		cr_expect_eq(scenario->get.result, with_failure ? -EIO : 0);
		cr_expect_eq(scenario->get.summary.durable, !with_failure);
		scenario_free(scenario);
	}
}
