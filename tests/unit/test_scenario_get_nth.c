/*
 * A download of two files, a small one and one large enough for direct I/O, in which the nth
 * operation fails with everything it may fail with, or moves less than it could, for every n until
 * the run has no more operations.
 */
#include "support/failures.h"
#include "support/scenario.h"
#include "support/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define TRANSFERS (KIND(SL_OP_SEND) | KIND(SL_OP_RECV) | KIND(SL_OP_READ) | KIND(SL_OP_WRITE))

struct plan {
	struct sim_options options;
	const char *dir;
	enum sl_sync_mode sync;
	enum sl_if_exists if_exists;
	bool decompress;
};

static struct plan
plan_of(uint64_t seed)
{
	return (struct plan){ .options = sim_options(seed) };
}

/* The mode of a file with this ACL has rw for the group, which the group itself has not. */
static const struct scratch_acl replaced_acl = { 6, 6, 0, 6, 0 };

static void
put_replaced(struct scenario *scenario, struct get_file *file)
{
	static const char before[] = "what was there";
	unsigned char acl[SCRATCH_ACL_LEN];
	scenario_put_before(scenario, file, before, sizeof(before) - 1, 0640);
	sim_set_owner(scenario->sim, file->name, 7, 8);
	scratch_acl_bytes(&replaced_acl, acl);
	sim_set_acl(scenario->sim, file->name, acl, sizeof(acl));
}

/* Whatever failed: neither the group nor another user but user 1 has got a right. */
static void
check_rights(struct scenario *scenario)
{
	unsigned char want[SCRATCH_ACL_LEN];
	const char *name = scenario->get.files[0].name;
	struct sl_span acl = sim_acl(scenario->sim, name);
	scratch_acl_bytes(&replaced_acl, want);
	if (acl.len == 0)
		sim_check(scenario->sim, !(sim_mode(scenario->sim, name) & 077),
			"without its ACL, '%s' has mode %o", name, sim_mode(scenario->sim, name));
	else
		sim_check(scenario->sim,
			acl.len == sizeof(want) && memcmp(acl.data, want, sizeof(want)) == 0,
			"'%s' has another ACL", name);
}

static struct scenario *
build(const struct plan *plan)
{
	struct scenario *scenario = scenario_new(&plan->options);
	scenario->get.dir = plan->dir;
	scenario->get.sync = plan->sync;
	scenario->get.if_exists = plan->if_exists;
	scenario->get.chunk_size = 512 * SL_KIB;
	/* Few operations, because each is tried. */
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	struct sim_http_file first = { .len = 20000, .modified = "Tue, 14 Nov 2023 22:13:21 GMT" };
	struct sim_http_file second = { .len = 4 * SL_MIB + 5000 };
	if (plan->decompress) {
		scenario_offer_compressed(scenario, SL_CODEC_XZ, first);
		second.len = SL_MIB + 5000;
		scenario_offer_compressed(scenario, SL_CODEC_GZIP, second);
		return scenario;
	}
	struct get_file *small = scenario_offer(scenario, first);
	scenario_offer(scenario, second);
	if (plan->if_exists == SL_EXISTS_REPLACE)
		put_replaced(scenario, small);
	return scenario;
}

/* Every n: the run must keep its promises. Returns how many there were. */
static uint64_t
fail_each(const struct plan *plan, int code, uint64_t kinds)
{
	bool hit = true;
	uint64_t n = 0;
	while (hit) {
		struct scenario *scenario = build(plan);
		sim_fail_nth(scenario->sim, ++n, code, kinds);
		scenario_run(scenario);
		hit = sim_faults(scenario->sim) > 0;
		if (!hit)
			scenario_expect_all_done(scenario);
		if (plan->if_exists == SL_EXISTS_REPLACE)
			check_rights(scenario);
		scenario_free(scenario);
	}
	return n - 1;
}

/* ---- by what fails, and how ---- */

static void
fail_in_all_ways(const struct plan *plan)
{
	for (const struct failure *failure = failures; failure->name; failure++) {
		uint64_t count = fail_each(plan, failure->code, failure->kinds);
		cr_assert_gt(count, 0, "%s hits nothing", failure->name);
	}
}

Test(scenario_get_nth, any_operation_may_fail_in_any_way, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(1);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct plan plan = plan_of(seed);
		fail_in_all_ways(&plan);
	}
}

/* Also of those that a decoded file needs. */
Test(scenario_get_nth, any_operation_may_fail_while_files_are_decoded, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct plan plan = plan_of(seed);
		plan.decompress = true;
		fail_each(&plan, 0, EVERYTHING);
	}
}

/* The same on file systems that lack something, and where directories are made and files
 * replaced. */
Test(scenario_get_nth, any_operation_may_fail_on_any_file_system, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(8);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct plan plan = plan_of(seed);
		plan.options.no_noreplace = seed & 1;
		plan.options.no_allocate = seed & 2;
		plan.options.dio_align = seed & 4 ? 0 : 512;
		plan.dir = seed & 2 ? "new/directory" : NULL;
		plan.sync = seed & 1 ? SL_SYNC_ALL : SL_SYNC_AUTO;
		plan.if_exists = seed & 4 ? SL_EXISTS_REPLACE : SL_EXISTS_FAIL;
		uint64_t kinds = EVERYTHING;
		/* A name that was linked and may not be removed has to stay. */
		if (plan.options.no_noreplace && plan.if_exists != SL_EXISTS_REPLACE)
			kinds &= ~KIND(SL_OP_UNLINK);
		fail_each(&plan, 0, kinds);
	}
}

Test(scenario_get_nth, interrupted_sends_and_writes_are_tried_again)
{
	struct sim_seeds seeds = sim_seeds(1);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool hit = true;
		for (uint64_t n = 1; hit; n++) {
			struct plan plan = plan_of(seed);
			struct scenario *scenario = build(&plan);
			sim_fail_nth(scenario->sim, n, n % 2 ? -EINTR : -EAGAIN,
				KIND(SL_OP_SEND) | KIND(SL_OP_WRITE));
			scenario_run(scenario);
			scenario_expect_all_done(scenario);
			hit = sim_faults(scenario->sim) > 0;
			scenario_free(scenario);
		}
	}
}

/* Nothing else comes short, so that each n is a place of its own. */
Test(scenario_get_nth, any_transfer_may_come_short)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool hit = true;
		for (uint64_t n = 1; hit; n++) {
			struct plan plan = plan_of(seed);
			plan.options.short_percent = 0;
			plan.options.dio_align = seed % 2 ? 4096 : 512;
			struct scenario *scenario = build(&plan);
			sim_short_nth(scenario->sim, n, TRANSFERS);
			scenario_run(scenario);
			scenario_expect_all_done(scenario);
			hit = sim_faults(scenario->sim) > 0;
			scenario_free(scenario);
		}
	}
}
