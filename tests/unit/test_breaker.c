/* The circuit breakers of origins: tables, and random histories compared with the rules. */
#include "sluice/base/random.h"
#include "sluice/download/breaker.h"

#include <criterion/criterion.h>
#include <errno.h>

#define HOST 7
#define OTHER 8
#define CAP_NS (60 * SL_NS_PER_S)

static const struct sl_retry_policy policy = { .retries = 8, .max_wait_ns = CAP_NS };
static const struct sl_error refused = { .code = -ECONNREFUSED, .phase = SL_PHASE_CONNECT };

static uint64_t
fail(struct sl_breaker *breaker, uint64_t key, bool is_probe, uint64_t now_ns)
{
	return sl_breaker_fail(breaker, key, is_probe, &refused, now_ns, 0);
}

/* Open, with a pause that ends at the time that is returned. */
static uint64_t
trip(struct sl_breaker *breaker, uint64_t key, uint64_t now_ns)
{
	uint64_t pause_ns = 0;
	for (unsigned i = 0; i < SL_BREAKER_FAILURES; i++) {
		cr_assert_eq(pause_ns, 0);
		pause_ns = fail(breaker, key, false, now_ns);
	}
	cr_assert_gt(pause_ns, 0);
	return now_ns + pause_ns;
}

Test(breaker, opens_after_failures_in_a_row_of_one_origin)
{
	struct sl_breaker breaker;
	sl_breaker_init(&breaker, &policy);
	for (unsigned i = 1; i < SL_BREAKER_FAILURES; i++) {
		cr_expect_eq(fail(&breaker, HOST, false, 100), 0);
		cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, 100), 0);
	}
	cr_expect_not(sl_breaker_succeed(&breaker, HOST), "it was closed, and counts anew");
	uint64_t until_ns = trip(&breaker, HOST, 100);
	cr_expect_eq(until_ns, 100 + SL_RETRY_FIRST_NS);
	cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, 100), until_ns);
	cr_expect_eq(sl_breaker_next_ns(&breaker, OTHER, 100), 0, "others are not affected");
}

Test(breaker, half_open_lets_one_probe_through_and_a_response_closes_it)
{
	struct sl_breaker breaker;
	sl_breaker_init(&breaker, &policy);
	uint64_t until_ns = trip(&breaker, HOST, 100);
	cr_expect_not(sl_breaker_begin(&breaker, HOST, until_ns - 1));
	cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, until_ns), 0);
	cr_expect(sl_breaker_begin(&breaker, HOST, until_ns));
	cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, until_ns), SL_FOREVER);
	cr_expect_not(sl_breaker_begin(&breaker, HOST, until_ns));
	sl_breaker_abandon(&breaker, HOST);
	cr_expect(sl_breaker_begin(&breaker, HOST, until_ns), "no outcome: another probe");
	cr_expect(sl_breaker_succeed(&breaker, HOST));
	cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, until_ns), 0);
	cr_expect_eq(breaker.count, 0);
}

Test(breaker, pauses_double_with_each_failed_probe_up_to_the_cap)
{
	static const unsigned seconds[] = { 2, 4, 8, 16, 32, 60, 60, 60, 60 };
	struct sl_breaker breaker;
	sl_breaker_init(&breaker, &policy);
	uint64_t now_ns = trip(&breaker, HOST, 100);
	for (size_t i = 0; i < SL_COUNT_OF(seconds); i++) {
		cr_expect_eq(sl_breaker_exhausted(&breaker, HOST) != NULL, i >= policy.retries,
			"%zu failed probes", i);
		cr_assert(sl_breaker_begin(&breaker, HOST, now_ns));
		uint64_t pause_ns = fail(&breaker, HOST, true, now_ns);
		cr_expect_eq(pause_ns, seconds[i] * SL_NS_PER_S);
		now_ns += pause_ns;
	}
	cr_expect_eq(sl_breaker_exhausted(&breaker, HOST)->code, -ECONNREFUSED);
	cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, now_ns), 0, "probes go on");
}

Test(breaker, requests_sent_before_it_opened_do_not_count_as_probes)
{
	struct sl_breaker breaker;
	sl_breaker_init(&breaker, &policy);
	uint64_t until_ns = trip(&breaker, HOST, 100);
	for (unsigned i = 0; i < 100; i++)
		cr_expect_eq(fail(&breaker, HOST, false, 200 + i), 0);
	cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, 300), until_ns, "nor extend the pause");
	cr_expect_null(sl_breaker_exhausted(&breaker, HOST));
}

Test(breaker, a_rate_limit_opens_it_at_once_for_the_time_that_was_asked_for)
{
	static const struct {
		unsigned asked_s, pause_s;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 30, 30 }, { 61, 60 }, { UINT32_MAX, 60 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_breaker breaker;
		struct sl_error limited = { .code = SL_E_STATUS,
			.phase = SL_PHASE_HEAD,
			.http_status = 429,
			.retry_after_s = cases[i].asked_s };
		sl_breaker_init(&breaker, &policy);
		cr_expect_eq(sl_breaker_fail(&breaker, HOST, false, &limited, 100, 0),
			cases[i].pause_s * SL_NS_PER_S);
	}
}

Test(breaker, without_retries_it_never_opens)
{
	static const struct sl_retry_policy none = { .max_wait_ns = CAP_NS };
	struct sl_breaker breaker;
	sl_breaker_init(&breaker, &none);
	for (unsigned i = 0; i < 100; i++)
		cr_expect_eq(fail(&breaker, HOST, false, i), 0);
	cr_expect_eq(sl_breaker_next_ns(&breaker, HOST, 100), 0);
	cr_expect_null(sl_breaker_exhausted(&breaker, HOST));
}

Test(breaker, a_full_table_forgets_the_origin_that_failed_longest_ago)
{
	struct sl_breaker breaker;
	sl_breaker_init(&breaker, &policy);
	for (uint64_t key = 1; key <= SL_BREAKER_ORIGINS; key++)
		(void)trip(&breaker, key, key);
	(void)trip(&breaker, 1000, 1000);
	cr_expect_eq(breaker.count, SL_BREAKER_ORIGINS);
	cr_expect_eq(sl_breaker_next_ns(&breaker, 1, 1000), 0);
	cr_expect_gt(sl_breaker_next_ns(&breaker, 2, 1000), 0);
	cr_expect_gt(sl_breaker_next_ns(&breaker, 1000, 1000), 0);
	/* One with a probe under way stays, even if all have one. */
	for (uint64_t key = 2; key <= 1000; key += key == SL_BREAKER_ORIGINS ? 936 : 1)
		cr_assert(sl_breaker_begin(&breaker, key, 100 * SL_NS_PER_S));
	cr_expect_eq(fail(&breaker, 2000, false, 100 * SL_NS_PER_S), 0);
	cr_expect_eq(sl_breaker_next_ns(&breaker, 2, 100 * SL_NS_PER_S), SL_FOREVER);
}

/* Random histories of three origins: never more than one probe, never a request while it is open,
 * pauses between half of the ceiling and the cap. */
Test(breaker, holds_its_promises_over_random_histories)
{
	struct sl_random random;
	struct sl_breaker breaker;
	bool probing[3] = { false };
	uint64_t now_ns = 1;
	unsigned opened = 0, closed = 0;
	sl_random_init(&random, 3);
	sl_breaker_init(&breaker, &policy);
	for (unsigned i = 0; i < 200000; i++) {
		size_t key = (size_t)sl_random_below(&random, 3);
		now_ns += sl_random_below(&random, 3 * SL_NS_PER_S);
		uint64_t next_ns = sl_breaker_next_ns(&breaker, key, now_ns);
		cr_assert_eq(next_ns == SL_FOREVER, probing[key]);
		if (next_ns == 0 && sl_breaker_begin(&breaker, key, now_ns))
			probing[key] = true;
		uint64_t what = sl_random_below(&random, 10);
		if (what == 0) {
			closed += sl_breaker_succeed(&breaker, key);
			probing[key] = false;
		} else if (what < 8 && (next_ns == 0 || probing[key])) {
			uint64_t pause_ns = sl_breaker_fail(&breaker, key, probing[key], &refused,
				now_ns, sl_random_next(&random));
			cr_assert_leq(pause_ns, CAP_NS);
			cr_assert(pause_ns == 0 || pause_ns >= SL_RETRY_FIRST_NS / 2);
			cr_assert_eq(sl_breaker_next_ns(&breaker, key, now_ns),
				pause_ns ? now_ns + pause_ns : 0);
			opened += pause_ns > 0;
			probing[key] = false;
		} else if (what == 8 && probing[key]) {
			sl_breaker_abandon(&breaker, key);
			probing[key] = false;
		}
	}
	cr_expect(opened > 1000 && closed > 1000, "%u, %u", opened, closed);
}
