/* How --max-memory is divided. */
#include "sluice/cli/get_budget.h"
#include "sluice/net/tls.h"

#include <criterion/criterion.h>

static struct sl_get_budget
budget_of(const struct sl_get_options *options, uint64_t scan_memory)
{
	struct sl_get_budget budget;
	struct sl_error err = { 0 };
	cr_assert_eq(sl_get_budget_init(&budget, options, &err), 0, "%s", err.text);
	sl_get_budget_share_memory(&budget, options, scan_memory);
	return budget;
}

Test(get_budget, the_shares_are_within_the_limit)
{
	static const uint64_t limits[] = { SL_OPTION_MEMORY_MIN, 9000001, 24 * SL_MIB,
		SL_OPTION_MEMORY, SL_GIB };
	static const unsigned jobs[] = { 1, 16, 64, SL_OPTION_JOBS_MAX };
	static const char *urls[] = { "https://example.org/" };
	for (size_t i = 0; i < SL_COUNT_OF(limits) * SL_COUNT_OF(jobs) * 4; i++) {
		struct sl_get_options options = { .urls = { .items = urls, .count = i & 1 },
			.jobs = jobs[i / 4 % SL_COUNT_OF(jobs)],
			.segments = SL_OPTION_SEGMENTS,
			.connections_per_host = SL_OPTION_PER_HOST,
			.network.connect.http1 = i & 2,
			.max_memory = limits[i / 4 / SL_COUNT_OF(jobs)] };
		struct sl_get_budget budget = budget_of(&options, options.max_memory / 4);
		uint64_t others = options.max_memory / 16;
		cr_expect_leq(budget.tls_memory + budget.window_memory + budget.chunk_memory +
				      options.max_memory / 4 + others,
			options.max_memory, "case %zu", i);
		/* A redirect may lead to https, too. */
		cr_expect_eq(budget.window_memory > 0, !(i & 2), "case %zu", i);
		cr_expect_gt(budget.chunk_memory, 0u);
	}
}
