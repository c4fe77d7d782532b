/* The memory of URLs that are scanned. */
#include "sluice/cli/options.h"
#include "sluice/cli/scan_urls.h"

#include <criterion/criterion.h>

static uint64_t
memory_of(uint64_t max_memory, bool http1)
{
	static const char *inputs[] = { "https://example.org/a.log", "a.log" };
	const struct sl_scan_options options = { .inputs = { .items = inputs, .count = 2 },
		.network.connect.http1 = http1,
		.max_memory = max_memory };
	const struct sl_proxies proxies = { 0 };
	struct sl_scan_urls urls;
	cr_assert_eq(sl_scan_urls_init(&urls, &options, &proxies, NULL), 0);
	uint64_t memory = urls.memory;
	sl_scan_urls_release(&urls);
	return memory;
}

Test(scan_urls, windows_of_http2_are_within_the_limit)
{
	static const uint64_t limits[] = { SL_OPTION_MEMORY_MIN, SL_OPTION_MEMORY, SL_GIB };
	for (size_t i = 0; i < SL_COUNT_OF(limits); i++) {
		uint64_t other = memory_of(limits[i], true), all = memory_of(limits[i], false);
		cr_expect_gt(all, other, "case %zu", i);
		cr_expect_leq(all - other, limits[i] / 8, "case %zu", i);
	}
}
