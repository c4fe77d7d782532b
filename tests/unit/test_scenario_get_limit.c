/*
 * Limits of a run, on the virtual clock: bytes a second over all connections, requests a second to
 * each host.
 */
#include "support/scenario.h"

#include <criterion/criterion.h>
#include <errno.h>

#define STALL_NS (60 * SL_NS_PER_S)

/* What may be saved up while nothing is received, see http/client.h. */
#define DEPTH_NS (100 * SL_NS_PER_MS)

/* Files of `len` bytes each, all under way at once. */
static struct scenario *
build(uint64_t seed, size_t count, size_t len)
{
	struct scenario *scenario = scenario_plain(seed);
	for (size_t i = 0; i < count; i++)
		scenario_offer(
			scenario, (struct sim_http_file){ .len = len, .framing = (seed + i) % 3 });
	/* Else the seed may choose a network that is slower than the limit. */
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	scenario->get.jobs = 16;
	scenario->get.per_host = 16;
	scenario->get.chunks = 64;
	return scenario;
}

/* Within three in a hundred of what the rate allows; and connecting, writing and syncing. */
static void
expect_rate(struct scenario *scenario, uint64_t bytes, uint64_t rate)
{
	uint64_t due_ns = bytes * SL_NS_PER_S / rate;
	scenario_expect_all_done(scenario);
	scenario_expect_duration(
		scenario, due_ns - DEPTH_NS, due_ns + due_ns * 3 / 100 + SCENARIO_SLACK_NS);
}

Test(scenario_get_limit, all_connections_together_keep_the_rate)
{
	static const size_t counts[] = { 1, 4, 16 };
	static const uint64_t rates[] = { 1000, 100 * SL_KIB, 2500000 };
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		for (size_t i = 0; i < SL_COUNT_OF(counts); i++) {
			uint64_t rate = rates[(seed + i) % SL_COUNT_OF(rates)];
			size_t len = (size_t)(rate * 20 / counts[i]);
			struct scenario *scenario = build(seed, counts[i], SL_MIN(len, 4000000));
			uint64_t bytes = SL_MIN(len, 4000000) * counts[i];
			scenario->get.limit_rate = rate;
			scenario_run(scenario);
			expect_rate(scenario, bytes, rate);
			scenario_free(scenario);
		}
	}
}

Test(scenario_get_limit, many_small_files_keep_the_rate)
{
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 200, 700);
		scenario->get.limit_rate = 7000;
		scenario_run(scenario);
		expect_rate(scenario, 200 * 700, 7000);
		scenario_free(scenario);
	}
}

Test(scenario_get_limit, connections_get_equal_shares)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 8, 100000);
		scenario->get.limit_rate = 40000;
		scenario_run(scenario);
		expect_rate(scenario, 800000, 40000);
		uint64_t end_ns = scenario->get.ended_ns;
		for (size_t i = 0; i < scenario->get.count; i++)
			sim_check(scenario->sim,
				scenario->get.files[i].ended_ns + 2 * SL_NS_PER_S > end_ns,
				"file %zu got more than its share", i);
		scenario_free(scenario);
	}
}

/* Each of the connections is served once in 64 seconds. */
Test(scenario_get_limit, waiting_for_the_limit_is_not_a_stall)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 16, 20);
		scenario->get.limit_rate = 1;
		scenario->get.stall_timeout_ns = 5 * SL_NS_PER_S;
		scenario_run(scenario);
		expect_rate(scenario, 16 * 20, 1);
		scenario_free(scenario);
	}
}

Test(scenario_get_limit, a_server_that_stalls_is_given_up_with_a_limit_as_without)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 1, 300000);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000,
						 .misdeed = SIM_HTTP_STALLS,
						 .misdeed_at = 1000,
						 .framing = seed % 3 });
		scenario->get.limit_rate = 10000;
		scenario_run(scenario);
		scenario_expect_done(scenario, 0);
		scenario_expect_failure(scenario, 1, -ETIMEDOUT, SL_PHASE_BODY);
		scenario_expect_duration(scenario, STALL_NS, STALL_NS + 4 * SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

/* A connection that waits for its server keeps little from the others. */
Test(scenario_get_limit, slow_servers_leave_the_rate_to_the_others)
{
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 1, 4000000);
		for (size_t i = 0; i < 15; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 20000,
							 .drip = 1000,
							 .drip_ns = SL_NS_PER_S,
							 .framing = (seed + i) % 3 });
		scenario->get.jobs = scenario->get.per_host = 16;
		scenario->get.limit_rate = 200000;
		scenario_run(scenario);
		expect_rate(scenario, 4000000 + 15 * 20000, 200000);
		scenario_free(scenario);
	}
}

Test(scenario_get_limit, a_deadline_ends_the_wait_for_the_limit)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 4, 100000);
		scenario->get.limit_rate = 1000;
		scenario->get.run_ns = 10 * SL_NS_PER_S;
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, -ETIMEDOUT, SL_PHASE_BODY);
		scenario_expect_duration(
			scenario, 10 * SL_NS_PER_S, 10 * SL_NS_PER_S + SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

/* ---- requests ---- */

/* `milli` = thousandths of a request a second. */
static void
expect_request_rate(struct scenario *scenario, unsigned requests, uint64_t milli)
{
	uint64_t due_ns = (requests - 1) * SL_NS_PER_S * 1000 / milli;
	sim_check(scenario->sim, sim_http_requests(scenario->http) == requests, "%u requests",
		sim_http_requests(scenario->http));
	scenario_expect_duration(
		scenario, due_ns, due_ns + due_ns * 3 / 100 + 2 * SCENARIO_SLACK_NS);
}

Test(scenario_get_limit, requests_to_a_host_keep_their_rate)
{
	static const uint64_t rates[] = { 500, 2000, 20500 };
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 40, 100);
		scenario->get.max_rps_milli = rates[seed % SL_COUNT_OF(rates)];
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		expect_request_rate(scenario, 40, scenario->get.max_rps_milli);
		scenario_free(scenario);
	}
}

Test(scenario_get_limit, the_hops_of_redirects_are_requests)
{
	static const char *const targets[] = { "/f10", "/f11", "/f12", "/f13", "/f14", "/f15",
		"/f16", "/f17", "/f18", "/f19" };
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 0, 0);
		for (size_t i = 0; i < 10; i++) {
			struct get_file *file = scenario_offer(scenario,
				(struct sim_http_file){ .status = 302, .location = targets[i] });
			file->data = scenario_body(10 + i, 100);
			file->len = 100;
		}
		for (size_t i = 0; i < 10; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 100 });
		scenario->get.max_rps_milli = 4000;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		expect_request_rate(scenario, 30, 4000);
		scenario_free(scenario);
	}
}

Test(scenario_get_limit, each_host_has_a_rate_of_its_own)
{
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 20, 100);
		struct sim_http *other = sim_http_new(scenario->sim, "10.0.0.2", 80);
		static const char path[] = "/x";
		struct sim_http_file served = { .path = path, .data = "other", .len = 5 };
		sim_http_add(other, &served);
		get_scene_add(&scenario->get, (struct get_file){ .url = "http://10.0.0.2/x",
						      .name = "x",
						      .data = "other",
						      .len = 5 });
		scenario->get.jobs = 21;
		scenario->get.max_rps_milli = 1000;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		expect_request_rate(scenario, 20, 1000);
		uint64_t took_ns = scenario->get.files[20].ended_ns - scenario->get.started_ns;
		sim_check(scenario->sim, took_ns < 3 * SL_NS_PER_S, "the other host waited");
		scenario_free(scenario);
		sim_http_free(other);
	}
}

/* With one connection, requests that waited for it do not follow each other at once. */
Test(scenario_get_limit, requests_that_waited_for_a_connection_keep_the_rate)
{
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 0, 0);
		scenario_offer(
			scenario, (struct sim_http_file){
					  .len = 20000, .drip = 1000, .drip_ns = SL_NS_PER_S });
		for (size_t i = 0; i < 10; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 100 });
		scenario->get.jobs = 11;
		scenario->get.per_host = 1;
		scenario->get.max_rps_milli = 1000;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_expect_duration(scenario, 29 * SL_NS_PER_S, 32 * SL_NS_PER_S);
		scenario_free(scenario);
	}
}

/* After 0, 2, 4, 6 and 8 seconds one file gets its turn, and it may wait a second for its sync. */
#define DUE_NS (9800 * SL_NS_PER_MS)

Test(scenario_get_limit, a_deadline_ends_the_wait_for_a_request)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed, 16, 100);
		unsigned failed = 0;
		scenario->get.max_rps_milli = 500;
		scenario->get.run_ns = DUE_NS;
		scenario_run(scenario);
		for (size_t i = 0; i < 16; i++)
			failed += scenario->get.files[i].error.code == -ETIMEDOUT;
		sim_check(scenario->sim, failed == 11, "%u failed", failed);
		scenario_expect_duration(scenario, DUE_NS, DUE_NS + SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}
