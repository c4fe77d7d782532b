/* What a batch makes of its chunks and descriptors. */
#include "sluice/base/random.h"
#include "sluice/download/schedule.h"

#include <criterion/criterion.h>

#define LEAST_DESCRIPTORS 16 /* fewer are refused before */

Test(schedule, what_it_gives_out_is_there)
{
	struct sl_random random;
	sl_random_init(&random, 1);
	for (unsigned i = 0; i < 100000; i++) {
		struct sl_schedule_means means = {
			.jobs = 1 + (unsigned)sl_random_below(&random, 300),
			.chunks = (size_t)sl_random_below(&random, 200),
			.descriptors = LEAST_DESCRIPTORS + (unsigned)sl_random_below(&random, 3000)
		};
		struct sl_schedule schedule = sl_schedule_make(&means);
		cr_assert_geq(schedule.jobs, 1);
		cr_assert_geq(schedule.commit_files, 1);
		cr_assert_geq(schedule.directories, 1);
		cr_assert_leq(schedule.jobs, means.jobs);
		cr_assert_leq(schedule.commit_files, SL_SCHEDULE_COMMIT_FILES);
		/* half of the chunks is left for writes */
		cr_assert(schedule.jobs == 1 || 2 * schedule.jobs <= means.chunks);
		/* a group in the queue and one at work, each file with a directory of its own */
		unsigned most = 4 * schedule.jobs + 4 * schedule.commit_files;
		cr_assert_leq(most, means.descriptors + 4, "%u jobs, groups of %u, %u descriptors",
			schedule.jobs, schedule.commit_files, means.descriptors);
	}
}

Test(schedule, more_means_are_never_worse)
{
	struct sl_random random;
	sl_random_init(&random, 2);
	for (unsigned i = 0; i < 100000; i++) {
		struct sl_schedule_means less = { .jobs = 1 +
							  (unsigned)sl_random_below(&random, 300),
			.chunks = (size_t)sl_random_below(&random, 200),
			.descriptors = (unsigned)sl_random_below(&random, 3000) };
		struct sl_schedule_means more = less;
		more.chunks += (size_t)sl_random_below(&random, 50);
		more.descriptors += (unsigned)sl_random_below(&random, 50);
		cr_assert_geq(sl_schedule_make(&more).jobs, sl_schedule_make(&less).jobs);
		cr_assert_geq(
			sl_schedule_make(&more).directories, sl_schedule_make(&less).directories);
	}
}

Test(schedule, with_plenty_it_is_what_was_asked_for)
{
	struct sl_schedule_means means = { .jobs = 16, .chunks = 64, .descriptors = 20000 };
	struct sl_schedule schedule = sl_schedule_make(&means);
	cr_expect_eq(schedule.jobs, 16);
	cr_expect_eq(schedule.commit_files, SL_SCHEDULE_COMMIT_FILES);
	cr_expect_eq(schedule.directories, 64);
}
