/* Plans of a dry run: sums, and the time by Little's law. */
#include "sluice/download/plan.h"

#include <criterion/criterion.h>

#define MS SL_NS_PER_MS

static void
add(struct sl_plan *plan, const char *host, uint64_t length, uint64_t latency_ns, uint32_t dev)
{
	struct sl_plan_file file = { .host = host,
		.length = length,
		.latency_ns = latency_ns,
		.path = dev ? "dir" : NULL,
		.dev_major = dev,
		.free_bytes = dev * 1000 };
	cr_assert_eq(sl_plan_add(plan, &file), 0);
}

Test(plan, adds_up_files_sizes_hosts_and_file_systems)
{
	struct sl_plan plan = { 0 };
	add(&plan, "a", 600, 30 * MS, 1);
	add(&plan, "b", 500, 20 * MS, 2);
	add(&plan, "a", UINT64_MAX, 40 * MS, 1);
	add(&plan, "a", 400, 50 * MS, 1);
	add(&plan, "a", 7, 50 * MS, 0);
	cr_expect_eq(plan.files, 5);
	cr_expect_eq(plan.unknown_files, 1);
	cr_expect_eq(plan.bytes, 1507);
	cr_expect_eq(plan.hosts, 2);
	cr_expect_eq(plan.most_requests, 4);
	cr_expect_eq(plan.latency_ns, 20 * MS);
	cr_assert_eq(plan.volume_count, 2);
	cr_expect_str_eq(plan.volumes[0].path, "dir");
	cr_expect_eq(plan.volumes[0].needed_bytes, 1000);
	cr_expect_eq(plan.volumes[0].free_bytes, 1000);
	cr_expect_not(sl_plan_is_short(&plan.volumes[0]), "it is just enough");
	cr_expect_eq(plan.volumes[1].needed_bytes, 500);
	add(&plan, "a", 1, MS, 1);
	cr_expect(sl_plan_is_short(&plan.volumes[0]));
	sl_plan_release(&plan);
	cr_expect_eq(plan.files, 0);
}

Test(plan, sums_that_do_not_fit_stay_at_the_largest)
{
	struct sl_plan plan = { 0 };
	add(&plan, "a", UINT64_MAX - 1, MS, 1);
	add(&plan, "a", UINT64_MAX - 1, MS, 1);
	cr_expect_eq(plan.bytes, UINT64_MAX);
	cr_expect_eq(plan.volumes[0].needed_bytes, UINT64_MAX);
	sl_plan_release(&plan);
}

Test(plan, free_space_that_is_not_known_is_enough)
{
	struct sl_plan_volume volume = { .needed_bytes = UINT64_MAX, .free_bytes = UINT64_MAX };
	cr_expect_not(sl_plan_is_short(&volume));
}

/* 100 files of 1 MB with a latency of 50 ms, at one host or two. */
static void
fill(struct sl_plan *plan, unsigned hosts)
{
	for (unsigned i = 0; i < 100; i++)
		add(plan, hosts > 1 && i % 2 ? "b" : "a", 1000000, 50 * MS, 1);
}

Test(plan, the_time_is_that_of_the_limit_that_bounds_it)
{
	static const struct {
		unsigned hosts;
		struct sl_plan_limits limits;
		enum sl_plan_bound bound;
		uint64_t ms, in_flight;
	} cases[] = {
		/* 5 s of latency over 10, 4, and 2 x 4 requests in flight */
		{ 1, { 0, 0, 10, 16 }, SL_PLAN_BY_LATENCY, 500, 10 },
		{ 1, { 0, 0, 10, 4 }, SL_PLAN_BY_LATENCY, 1250, 4 },
		{ 2, { 0, 0, 10, 4 }, SL_PLAN_BY_LATENCY, 625, 8 },
		/* 100 MB at 5 MB/s: 5 requests a second, of which 0.25 x 1.2 are in flight */
		{ 1, { 5000000, 0, 10, 16 }, SL_PLAN_BY_RATE, 20000, 1 },
		/* at 100 MB/s: 100 requests a second, 5 x 1.2 */
		{ 1, { 100000000, 0, 10, 16 }, SL_PLAN_BY_RATE, 1000, 6 },
		/* more in flight than there may be: the latency bounds it */
		{ 1, { 1000000000, 0, 4, 16 }, SL_PLAN_BY_LATENCY, 1250, 4 },
		/* 99 intervals of 100 ms, and 49 of them at each of two hosts */
		{ 1, { 0, 10000, 10, 16 }, SL_PLAN_BY_REQUESTS, 9900, 1 },
		{ 2, { 0, 10000, 10, 16 }, SL_PLAN_BY_REQUESTS, 4900, 2 },
		{ 1, { 0, 500, 10, 16 }, SL_PLAN_BY_REQUESTS, 198000, 1 },
		/* the slower of two rates */
		{ 1, { 5000000, 10000, 10, 16 }, SL_PLAN_BY_RATE, 20000, 1 },
		{ 1, { 50000000, 10000, 10, 16 }, SL_PLAN_BY_REQUESTS, 9900, 1 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_plan plan = { 0 };
		fill(&plan, cases[i].hosts);
		struct sl_plan_estimate estimate = sl_plan_estimate(&plan, &cases[i].limits);
		cr_expect_eq(estimate.bound, cases[i].bound, "case %zu: %d", i, estimate.bound);
		cr_expect_eq((estimate.ns + MS / 2) / MS, cases[i].ms, "case %zu: %llu ns", i,
			(unsigned long long)estimate.ns);
		cr_expect_eq(estimate.in_flight, cases[i].in_flight, "case %zu: %llu", i,
			(unsigned long long)estimate.in_flight);
		sl_plan_release(&plan);
	}
}

Test(plan, an_empty_plan_takes_no_time)
{
	struct sl_plan plan = { 0 };
	struct sl_plan_limits limits = { 1, 1, 1, 1 };
	cr_expect_eq(sl_plan_estimate(&plan, &limits).ns, 0);
	sl_plan_release(&plan);
}

Test(plan, a_time_that_does_not_fit_is_the_largest)
{
	struct sl_plan plan = { 0 };
	struct sl_plan_limits limits = { 1, 1, 1, 1 };
	add(&plan, "a", UINT64_MAX - 1, MS, 1);
	cr_expect_eq(sl_plan_estimate(&plan, &limits).ns, INT64_MAX);
	sl_plan_release(&plan);
}
