#include "sluice/scan/meter.h"

#include <criterion/criterion.h>

Test(meter, each_moment_counts_once)
{
	static const struct {
		unsigned workers, working, waiting;
		uint64_t scan_ns, input_ns; /* of 1200 */
	} cases[] = {
		{ 1, 0, 0, 0, 0 },
		{ 1, 1, 0, 1200, 0 },
		{ 1, 1, 16, 1200, 0 },
		{ 2, 0, 1, 0, 1200 },
		{ 2, 0, 16, 0, 1200 },
		{ 2, 1, 0, 600, 0 },
		{ 2, 1, 1, 600, 600 },
		{ 2, 5, 16, 1200, 0 },
		{ 4, 1, 3, 300, 900 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sl_meter meter = { .workers = cases[i].workers, .since_ns = 100 };
		sl_meter_change(&meter, 100, (int)cases[i].working, (int)cases[i].waiting);
		for (uint64_t at = 400; at <= 1300; at += 300)
			sl_meter_change(&meter, at, 0, 0);
		cr_expect_eq(meter.scan_ns, cases[i].scan_ns, "%zu", i);
		cr_expect_eq(meter.input_ns, cases[i].input_ns, "%zu", i);
	}
}

Test(meter, what_has_ended_counts_no_more)
{
	struct sl_meter meter = { .workers = 1, .since_ns = 0 };
	sl_meter_change(&meter, 10, 1, 1);
	sl_meter_change(&meter, 30, -1, 0);
	sl_meter_change(&meter, 35, 0, -1);
	sl_meter_change(&meter, 1000, 0, 0);
	cr_expect_eq(meter.scan_ns, 20);
	cr_expect_eq(meter.input_ns, 5);
	sl_meter_change(NULL, 0, 1, 1);
}
