/* How many connections to a host there may be. */
#include "sluice/base/def.h"
#include "sluice/base/random.h"
#include "sluice/download/ramp.h"

#include <criterion/criterion.h>

#define S SL_NS_PER_S

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
