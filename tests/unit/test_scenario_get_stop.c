/*
 * A run that is stopped when its nth operation comes back, for every n: by a signal, by the caller,
 * by the failure of a sibling, by a power cut.
 */
#include "support/scenario.h"

#include <criterion/criterion.h>
#include <errno.h>

#define BEFORE "what was there"

/* A small file that is committed with others, one large enough for direct I/O, and one that will
 * not end by itself. */
static struct scenario *
build(uint64_t seed, bool endless)
{
	struct scenario *scenario = scenario_plain(seed);
	scenario->get.chunk_size = 512 * SL_KIB;
	/* Few operations, because each is tried. */
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
	scenario_offer(scenario, (struct sim_http_file){ .len = 4 * SL_MIB + 5000 });
	if (endless)
		scenario_offer(scenario,
			(struct sim_http_file){
				.len = 50000, .misdeed = SIM_HTTP_STALLS, .misdeed_at = 40000 });
	return scenario;
}

/* ---- cancelling ---- */

struct stop {
	struct scenario *scenario;
	int reason;
	bool came;
	bool was_done[4];
	bool calls; /* a call of the blocking pool was under way: what it does is begun already */
	uint64_t syncs;
};

static uint64_t
syncs_of(const struct sim *sim)
{
	return sim_ops_of(sim, SL_OP_SYNC) + sim_ops_of(sim, SL_OP_SYNC_FS);
}

static void
cancel(struct sim *sim, void *ctx)
{
	struct stop *stop = ctx;
	struct get_scene *get = &stop->scenario->get;
	stop->came = get->batch != NULL;
	stop->syncs = syncs_of(sim);
	stop->calls = sim_in_flight_of(sim, SL_OP_CALL) > 0;
	for (size_t i = 0; i < get->count; i++)
		stop->was_done[i] = get->files[i].reported;
	get_scene_cancel(get, stop->reason);
}

/* Returns false if the run was over before the nth operation came back. */
static bool
stop_at(uint64_t seed, uint64_t n, int reason, bool by_command)
{
	struct scenario *scenario = build(seed, true);
	struct stop stop = { .scenario = scenario, .reason = reason };
	scenario->get.by_command = by_command;
	scenario->get.stall_timeout_ns = 3 * SL_NS_PER_S;
	sim_at_done(scenario->sim, n, cancel, &stop);
	scenario_run(scenario);
	struct get_scene *get = &scenario->get;
	for (size_t i = 0; i < get->count; i++)
		sim_check(scenario->sim, !stop.was_done[i] || get->files[i].reported, "lost");
	uint64_t late_ns = get->ended_ns - get->cancelled_ns;
	sim_check(scenario->sim, !stop.came || late_ns < SL_NS_PER_S, "it took %.3f s more",
		(double)late_ns / 1e9);
	sim_check(scenario->sim, !stop.came || get->result == reason || get->summary.failed > 0,
		"the result is %d, not %d", get->result, reason);
	bool quiet = stop.came && reason == SL_E_INTERRUPTED && !stop.calls;
	sim_check(scenario->sim, !quiet || syncs_of(scenario->sim) == stop.syncs,
		"a sync was begun after the signal");
	bool came = stop.came;
	scenario_free(scenario);
	return came || n < 10;
}

static void
stop_everywhere(unsigned seed_count, int reason, bool by_command)
{
	struct sim_seeds seeds = sim_seeds(seed_count);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		for (uint64_t n = 1; stop_at(seed, n, reason, by_command); n += sim_stride(1))
			;
}

Test(scenario_get_stop, a_signal_at_any_moment_leaves_nothing_half_done, .timeout = 900)
{
	stop_everywhere(2, SL_E_INTERRUPTED, true);
}

Test(scenario_get_stop, interrupting_the_batch_leaves_nothing_half_done, .timeout = 900)
{
	stop_everywhere(1, SL_E_INTERRUPTED, false);
}

Test(scenario_get_stop, stopping_the_batch_at_any_moment_leaves_nothing_half_done, .timeout = 900)
{
	stop_everywhere(2, -ECANCELED, false);
}

/* The time of the run is over in every millisecond of it. */
Test(scenario_get_stop, a_deadline_at_any_moment_leaves_nothing_half_done, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool over = true;
		for (uint64_t ms = 0; over; ms += sim_stride(1)) {
			struct scenario *scenario = build(seed, false);
			struct get_scene *get = &scenario->get;
			get->run_ns = ms * SL_NS_PER_MS;
			scenario_run(scenario);
			over = get->result != 0;
			sim_check(scenario->sim, !over || get->result == -ETIMEDOUT, "%d",
				get->result);
			scenario_expect_duration(scenario, 0, get->run_ns + SCENARIO_SLACK_NS);
			scenario_free(scenario);
		}
	}
}

/* ---- a sibling's failure ---- */

/* A server that breaks its only connection, or the next one made to it, when asked to. */
struct traitor {
	struct sim_peer *peer;
	bool strikes;
};

static void
traitor_opened(struct sim_peer *peer, void *ctx)
{
	struct traitor *traitor = ctx;
	traitor->peer = peer;
	if (traitor->strikes)
		sim_peer_reset(peer);
}

static void
traitor_closed(struct sim_peer *peer, void *ctx)
{
	struct traitor *traitor = ctx;
	if (traitor->peer == peer)
		traitor->peer = NULL;
}

static void
strike(struct sim *sim, void *ctx)
{
	struct traitor *traitor = ctx;
	(void)sim;
	traitor->strikes = true;
	if (traitor->peer)
		sim_peer_reset(traitor->peer);
}

static const struct sim_server_methods traitor_methods = { .opened = traitor_opened,
	.closed = traitor_closed };

/* Files that were complete at the time of the failure are committed all the same; the others are
 * cancelled. Returns false if there was nothing left to cancel. */
static bool
fail_sibling_at(uint64_t seed, uint64_t n)
{
	struct traitor traitor = { .strikes = false };
	struct scenario *scenario = build(seed, false);
	struct get_scene *get = &scenario->get;
	sim_listen(scenario->sim, &(struct sim_server){ .address = "10.0.0.66",
					  .port = 80,
					  .methods = &traitor_methods,
					  .ctx = &traitor });
	get_scene_add(get, (struct get_file){ .url = "http://10.0.0.66/x", .name = "x" });
	get->fail_fast = true;
	sim_at_done(scenario->sim, n, strike, &traitor);
	scenario_run(scenario);
	sim_check(scenario->sim, get->files[2].state == SL_DOWNLOAD_FAILED, "%d",
		get->files[2].state);
	sim_check(scenario->sim, get->result == get->files[2].error.code, "%d", get->result);
	for (size_t i = 0; i < 2; i++)
		sim_check(scenario->sim,
			!get->files[i].reported || get->files[i].state == SL_DOWNLOAD_DONE ||
				get->files[i].state == SL_DOWNLOAD_CANCELLED,
			"%s ended in state %d: %s", get->files[i].url, get->files[i].state,
			get->files[i].error.text);
	bool cancelled = get->summary.done < 2;
	scenario_free(scenario);
	return cancelled;
}

Test(scenario_get_stop, with_fail_fast_a_failure_at_any_moment_leaves_nothing_half_done,
	.timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(2);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		for (uint64_t n = 1; fail_sibling_at(seed, n); n += sim_stride(1))
			;
}

/* ---- power cuts and kills ---- */

struct cut {
	struct scenario *scenario;
	enum sim_crash how;
	bool came;
};

static void
cut(struct sim *sim, void *ctx)
{
	struct cut *plan = ctx;
	(void)sim;
	plan->came = true;
	get_scene_cut(&plan->scenario->get, plan->how);
}

struct cut_plan {
	enum sim_crash how;
	enum sl_sync_mode sync;
	enum sl_if_exists if_exists;
	const char *dir;
	uint64_t step; /* every so many operations; 0 = every one */
};

/* The world that was cut is looked at, and the same command given again there. */
static bool
cut_at(const struct cut_plan *plan, uint64_t seed, uint64_t n)
{
	struct scenario *scenario = scenario_plain(seed);
	struct get_scene *get = &scenario->get;
	struct cut what = { .scenario = scenario, .how = plan->how };
	get->sync = plan->sync;
	get->if_exists = plan->if_exists;
	get->dir = plan->dir;
	get->chunk_size = 512 * SL_KIB;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
	scenario_offer(scenario, (struct sim_http_file){ .len = 4 * SL_MIB + 5000 });
	for (size_t i = 0; i < get->count && plan->if_exists == SL_EXISTS_REPLACE; i++)
		scenario_put_before(scenario, &get->files[i], BEFORE, sizeof(BEFORE) - 1, 0644);
	sim_at_done(scenario->sim, n, cut, &what);
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	if (what.came) {
		uint64_t at_op = 0;
		struct sim *world = sim_cut_world(scenario->sim, &at_op);
		get_scene_check_disk(get, world, at_op);
		sim_http_serve(scenario->http, world);
		get_scene_rerun(get, world);
		sim_free(world);
	}
	scenario_free(scenario);
	return what.came;
}

static void
cut_everywhere(const struct cut_plan *plans, size_t count)
{
	struct sim_seeds seeds = sim_seeds(1);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		for (size_t i = 0; i < count; i++)
			for (uint64_t n = 1 + i; cut_at(&plans[i], seed, n);
				n += SL_MAX(plans[i].step, 1u))
				;
}

Test(scenario_get_stop, a_power_cut_at_any_moment_takes_nothing_that_was_reported_done,
	.timeout = 900)
{
	static const struct cut_plan plans[] = {
		{ .how = SIM_CRASH_RANDOM },
		{ .how = SIM_CRASH_DROP, .sync = SL_SYNC_ALL, .step = 4 },
		{ .how = SIM_CRASH_NAMES, .if_exists = SL_EXISTS_REPLACE, .step = 4 },
		{ .how = SIM_CRASH_RANDOM,
			.if_exists = SL_EXISTS_REPLACE,
			.sync = SL_SYNC_ALL,
			.step = 4 },
		{ .how = SIM_CRASH_RANDOM, .dir = "new/directory", .step = 4 },
	};
	cut_everywhere(plans, SL_COUNT_OF(plans));
}

Test(scenario_get_stop, after_a_kill_at_any_moment_the_same_command_completes_everything,
	.timeout = 900)
{
	static const struct cut_plan plans[] = {
		{ .how = SIM_CRASH_KILL },
		{ .how = SIM_CRASH_KILL, .if_exists = SL_EXISTS_REPLACE, .step = 4 },
	};
	cut_everywhere(plans, SL_COUNT_OF(plans));
}
