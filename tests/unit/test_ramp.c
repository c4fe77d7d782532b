/* How many connections to a host there may be. */
#include "sluice/base/def.h"
#include "sluice/base/random.h"
#include "sluice/download/ramp.h"

#include <criterion/criterion.h>

#define S SL_NS_PER_S
#define MS SL_NS_PER_MS
#define UNLIMITED 1e18
#define STEP_NS (10 * MS) /* of the model below */

Test(ramp, doubles_in_a_round_trip_up_to_the_most)
{
	struct sl_ramp ramp;
	sl_ramp_init(&ramp, 10);
	for (unsigned want = 1; want < 10; want = SL_MIN(2 * want, 10u)) {
		cr_assert_eq(ramp.limit, want);
		for (unsigned i = 0; i < want; i++) /* all that are open are answered */
			sl_ramp_answered(&ramp, S);
	}
	cr_expect_eq(ramp.limit, 10);
	sl_ramp_answered(&ramp, S);
	cr_expect_eq(ramp.limit, 10);
}

Test(ramp, a_host_that_does_not_answer_gets_more_in_time)
{
	struct sl_ramp ramp;
	sl_ramp_init(&ramp, 6);
	sl_ramp_waited(&ramp, SL_RAMP_PATIENCE_NS - 1);
	cr_expect_eq(ramp.limit, 1);
	for (unsigned i = 1; i <= 4; i++) {
		sl_ramp_waited(&ramp, i * (uint64_t)SL_RAMP_PATIENCE_NS);
		sl_ramp_waited(&ramp, i * (uint64_t)SL_RAMP_PATIENCE_NS + 1); /* another request */
		cr_expect_eq(ramp.limit, SL_MIN(1u << i, 6u));
	}
	sl_ramp_refused(&ramp, 100 * S);
	sl_ramp_waited(&ramp, 200 * S);
	cr_expect_eq(ramp.limit, 3, "a refusal stands");
}

Test(ramp, a_refusal_halves_it_once_and_it_grows_slowly_from_there)
{
	struct sl_ramp ramp;
	sl_ramp_init(&ramp, 8);
	for (unsigned i = 0; i < 8; i++)
		sl_ramp_answered(&ramp, S);
	sl_ramp_refused(&ramp, 10 * S);
	sl_ramp_refused(&ramp, 10 * S + SL_RAMP_REFUSAL_NS - 1); /* of the same moment */
	cr_expect_eq(ramp.limit, 4);
	sl_ramp_answered(&ramp, 10 * S + SL_RAMP_STEP_NS - 1);
	cr_expect_eq(ramp.limit, 4);
	sl_ramp_answered(&ramp, 10 * S + SL_RAMP_STEP_NS);
	sl_ramp_answered(&ramp, 10 * S + SL_RAMP_STEP_NS);
	cr_expect_eq(ramp.limit, 5);
	for (uint64_t at = 100; at < 110; at++)
		sl_ramp_refused(&ramp, at * S);
	cr_expect_eq(ramp.limit, 1, "never none");
}

Test(ramp, after_a_refusal_a_long_response_does_not_hold_up_the_others)
{
	struct sl_ramp ramp;
	sl_ramp_init(&ramp, 3);
	for (unsigned i = 0; i < 3; i++)
		sl_ramp_answered(&ramp, S);
	sl_ramp_used(&ramp, 1, 10 * S);
	sl_ramp_refused(&ramp, 10 * S);
	for (uint64_t now_ns = 10 * S; now_ns < 100 * S; now_ns += SL_RAMP_PATIENCE_NS) {
		unsigned steps = (unsigned)((now_ns - 10 * S) / SL_RAMP_STEP_NS);
		sl_ramp_received(&ramp, 1000, now_ns);
		sl_ramp_waited(&ramp, now_ns);
		/* A window may have ended just now. */
		cr_expect(ramp.limit <= SL_MIN(1 + steps, 3u), "%u after %u steps", ramp.limit,
			steps);
		cr_expect(ramp.limit + 1 >= SL_MIN(1 + steps, 3u), "%u after %u steps", ramp.limit,
			steps);
	}
	cr_expect_eq(ramp.limit, 3);
}

Test(ramp, stays_between_one_and_the_most_whatever_happens)
{
	struct sl_random random;
	sl_random_init(&random, 7);
	for (unsigned most = 1; most < 20; most++) {
		struct sl_ramp ramp;
		uint64_t now_ns = S;
		sl_ramp_init(&ramp, most);
		for (unsigned i = 0; i < 1000; i++) {
			now_ns += sl_random_below(&random, 2 * S);
			if (sl_random_below(&random, 5) == 0)
				sl_ramp_refused(&ramp, now_ns);
			else
				sl_ramp_answered(&ramp, now_ns);
			cr_assert_geq(ramp.limit, 1);
			cr_assert_leq(ramp.limit, most);
		}
	}
}

/* ---- throughput ---- */

/* A host, and the connections that a run has to it. Those that are to end do so piece by piece. */
struct host {
	struct sl_ramp ramp;
	struct sl_random random;
	double each, total; /* most bytes/s of a connection, and of all */
	double noise;       /* throughput is between its 1/(1 + noise) and (1 + noise) times that */
	unsigned demand;    /* connections that would be used */
	unsigned taken;
	uint64_t now_ns;
	double received, possible; /* bytes; with as many connections as may be */
	double connection_s;       /* sum over connections of the time they were in use */
	double factor;             /* of the noise, for now */
};

static void
host_init(struct host *host, unsigned most, uint64_t seed)
{
	*host = (struct host){ .demand = most, .now_ns = S, .factor = 1, .total = UNLIMITED };
	sl_random_init(&host->random, seed);
	sl_ramp_init(&host->ramp, most);
}

static double
rate_with(const struct host *host, unsigned connections)
{
	return SL_MIN(connections * host->each, host->total) * host->factor;
}

static void
make_noise(struct host *host)
{
	double at = (double)sl_random_below(&host->random, 1000) / 1000;
	double least = 1 / (1 + host->noise), most = 1 + host->noise;
	host->factor = least + at * (most - least);
}

static void
step(struct host *host)
{
	unsigned wanted = SL_MIN(host->demand, host->ramp.limit);
	host->now_ns += STEP_NS;
	if (host->taken < wanted) {
		host->taken = wanted;
		for (unsigned i = 0; i < wanted; i++)
			sl_ramp_answered(&host->ramp, host->now_ns);
	} else if (host->taken > wanted && host->now_ns % (150 * MS) == 0) {
		host->taken--;
	}
	if (host->now_ns % (500 * MS) == 0)
		make_noise(host);
	sl_ramp_used(&host->ramp, host->taken, host->now_ns);
	double bytes = rate_with(host, host->taken) * STEP_NS / S;
	host->received += bytes;
	host->possible += rate_with(host, host->demand) * STEP_NS / S;
	host->connection_s += host->taken * (double)STEP_NS / S;
	sl_ramp_received(&host->ramp, (uint64_t)bytes, host->now_ns);
	cr_assert(host->ramp.limit >= 1 && host->ramp.limit <= host->ramp.most);
}

static void
run_for(struct host *host, uint64_t seconds)
{
	uint64_t end_ns = host->now_ns + seconds * S;
	host->received = host->possible = host->connection_s = 0;
	while (host->now_ns < end_ns)
		step(host);
}

/* Two of them would do; a third and fourth are kept if a trial is spoilt. */
Test(ramp, a_host_whose_total_is_limited_gets_no_more_connections_than_bring_throughput)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct host host;
		host_init(&host, 16, seed);
		host.each = 60e6;
		host.total = 100e6;
		host.noise = 0.02;
		run_for(&host, 60);
		cr_expect_gt(host.received, 0.97 * host.possible, "%.3f (seed %u)",
			host.received / host.possible, (unsigned)seed);
		run_for(&host, 300);
		cr_expect_gt(host.received, 0.97 * host.possible, "%.3f (seed %u)",
			host.received / host.possible, (unsigned)seed);
		cr_expect_lt(host.connection_s, 4.0 * 300, "%.1f on average (seed %u)",
			host.connection_s / 300, (unsigned)seed);
	}
}

Test(ramp, connections_that_are_limited_one_by_one_are_all_used)
{
	for (unsigned most = 2; most <= 64; most *= 2) {
		struct host host;
		host_init(&host, most, most);
		host.each = 50e6;
		host.noise = 0.02;
		run_for(&host, 10);
		cr_expect_gt(host.received, 0.99 * host.possible, "of the first 10 s: %.3f",
			host.received / host.possible);
		run_for(&host, 50);
		cr_expect_gt(host.received, 0.98 * host.possible, "of a minute: %.3f",
			host.received / host.possible);
		run_for(&host, 1000);
		cr_expect_gt(host.received, 0.995 * host.possible, "%u: %.4f", most,
			host.received / host.possible);
	}
}

/* As of files of all sizes: what a trial brings then is chance. */
Test(ramp, a_throughput_that_varies_by_itself_costs_no_connections)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct host host;
		host_init(&host, 16, seed);
		host.each = 1e6;
		host.noise = 3;
		run_for(&host, 600);
		cr_expect_gt(host.received, 0.95 * host.possible, "%.3f (seed %u)",
			host.received / host.possible, (unsigned)seed);
	}
}

/* A host to which one connection would do has the least that a cap allows. */
static void
cap_at_least(struct host *host)
{
	host_init(host, 16, 1);
	host->each = 50e6;
	host->total = 50e6;
	run_for(host, 120);
	cr_expect_eq(host->ramp.limit, SL_RAMP_CAP_LEAST);
}

Test(ramp, a_limit_that_goes_away_is_found_out)
{
	struct host host;
	cap_at_least(&host);
	host.total = UNLIMITED;
	run_for(&host, 120);
	cr_expect_geq(host.ramp.limit, 12, "%u", host.ramp.limit);
}

/* Else the rest of a run would have too few. */
Test(ramp, a_cap_is_lifted_at_once_if_throughput_falls)
{
	struct host host;
	cap_at_least(&host);
	host.each = 10e6;
	run_for(&host, 3);
	cr_expect_eq(host.ramp.limit, 16);
}

Test(ramp, connections_on_which_nothing_comes_are_not_given_up)
{
	struct host host;
	host_init(&host, 16, 1);
	host.each = 0;
	run_for(&host, 60);
	cr_expect_eq(host.ramp.limit, 16);
}

Test(ramp, a_refusal_ends_a_trial)
{
	struct host host;
	host_init(&host, 16, 1);
	host.each = 50e6;
	while (host.ramp.trial == SL_RAMP_NO_TRIAL)
		step(&host);
	cr_expect_eq(host.ramp.limit, 12);
	sl_ramp_refused(&host.ramp, host.now_ns);
	cr_expect_eq(host.ramp.trial, SL_RAMP_NO_TRIAL);
	cr_expect_eq(host.ramp.limit, 6, "half of what it was then");
}
