/* Which failures are worth another attempt, and how long it waits. */
#include "sluice/base/random.h"
#include "sluice/download/retry.h"

#include <criterion/criterion.h>
#include <errno.h>

#define CAP_NS (60 * SL_NS_PER_S)

static const struct sl_retry_policy policy = { .retries = 8, .max_wait_ns = CAP_NS };

Test(retry, failures_that_may_pass_are_transient_and_others_are_not)
{
	static const struct {
		int code;
		enum sl_phase phase;
		enum sl_retry_kind kind;
	} cases[] = {
		{ -ECONNREFUSED, SL_PHASE_CONNECT, SL_RETRY_ORIGIN },
		{ -ETIMEDOUT, SL_PHASE_CONNECT, SL_RETRY_ORIGIN },
		{ -ECONNRESET, SL_PHASE_PROXY, SL_RETRY_ORIGIN },
		{ -EACCES, SL_PHASE_PROXY, SL_RETRY_PERMANENT },
		{ SL_E_AUTH, SL_PHASE_PROXY, SL_RETRY_PERMANENT },
		{ SL_E_PROTO, SL_PHASE_PROXY, SL_RETRY_PERMANENT },
		{ -EHOSTUNREACH, SL_PHASE_CONNECT, SL_RETRY_ORIGIN },
		{ -ENETUNREACH, SL_PHASE_CONNECT, SL_RETRY_ORIGIN },
		{ -EADDRNOTAVAIL, SL_PHASE_CONNECT, SL_RETRY_TRANSIENT },
		{ SL_E_DNS_FAILURE, SL_PHASE_RESOLVE, SL_RETRY_ORIGIN },
		{ -ETIMEDOUT, SL_PHASE_RESOLVE, SL_RETRY_ORIGIN },
		{ SL_E_RESOLVE, SL_PHASE_RESOLVE, SL_RETRY_PERMANENT },
		{ -ECONNRESET, SL_PHASE_TLS, SL_RETRY_ORIGIN },
		{ -ETIMEDOUT, SL_PHASE_TLS, SL_RETRY_ORIGIN },
		{ SL_E_TLS, SL_PHASE_TLS, SL_RETRY_PERMANENT },
		{ -EPIPE, SL_PHASE_REQUEST, SL_RETRY_ORIGIN },
		{ -ECONNRESET, SL_PHASE_REQUEST, SL_RETRY_ORIGIN },
		{ -ECONNRESET, SL_PHASE_HEAD, SL_RETRY_ORIGIN },
		{ -ETIMEDOUT, SL_PHASE_HEAD, SL_RETRY_ORIGIN },
		{ -ECONNRESET, SL_PHASE_BODY, SL_RETRY_TRANSIENT },
		{ -ETIMEDOUT, SL_PHASE_BODY, SL_RETRY_TRANSIENT },
		{ SL_E_SHORT_BODY, SL_PHASE_BODY, SL_RETRY_TRANSIENT },
		{ SL_E_PROTO, SL_PHASE_HEAD, SL_RETRY_PERMANENT },
		{ SL_E_PROTO, SL_PHASE_BODY, SL_RETRY_PERMANENT },
		{ SL_E_LIMIT, SL_PHASE_HEAD, SL_RETRY_PERMANENT },
		{ SL_E_REDIRECT, SL_PHASE_HEAD, SL_RETRY_PERMANENT },
		{ SL_E_USAGE, SL_PHASE_REQUEST, SL_RETRY_PERMANENT },
		{ SL_E_CHECKSUM, SL_PHASE_NONE, SL_RETRY_PERMANENT },
		{ -EMFILE, SL_PHASE_CONNECT, SL_RETRY_PERMANENT },
		{ -ENOMEM, SL_PHASE_BODY, SL_RETRY_PERMANENT },
		{ -ECANCELED, SL_PHASE_BODY, SL_RETRY_PERMANENT },
		{ SL_E_INTERRUPTED, SL_PHASE_BODY, SL_RETRY_PERMANENT },
		/* the same codes from this machine's files */
		{ -ENOSPC, SL_PHASE_WRITE, SL_RETRY_PERMANENT },
		{ -EPIPE, SL_PHASE_WRITE, SL_RETRY_PERMANENT },
		{ -ETIMEDOUT, SL_PHASE_DIRECTORY, SL_RETRY_PERMANENT },
		{ -ETIMEDOUT, SL_PHASE_NONE, SL_RETRY_PERMANENT },
		{ -EIO, SL_PHASE_SYNC, SL_RETRY_PERMANENT },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_error err = { .code = cases[i].code, .phase = cases[i].phase };
		cr_expect_eq(sl_retry_classify(&err), cases[i].kind, "%s in phase %d",
			sl_code_text(err.code), (int)err.phase);
	}
}

static enum sl_retry_kind
kind_of_status(int status)
{
	if (status == 429)
		return SL_RETRY_LIMITED;
	if (status == 408 || status == 425 || status == 500)
		return SL_RETRY_TRANSIENT;
	if ((status >= 502 && status <= 504) || (status >= 520 && status <= 527) || status == 530)
		return SL_RETRY_ORIGIN;
	return SL_RETRY_PERMANENT;
}

Test(retry, of_the_statuses_only_a_few_are_transient)
{
	for (int status = 100; status <= 999; status++) {
		struct sl_error err = {
			.code = SL_E_STATUS, .phase = SL_PHASE_HEAD, .http_status = status
		};
		cr_expect_eq(sl_retry_classify(&err), kind_of_status(status), "%d", status);
	}
}

/* GitHub and others. */
Test(retry, a_403_with_a_rate_limit_is_transient)
{
	struct sl_error err = {
		.code = SL_E_STATUS, .phase = SL_PHASE_HEAD, .http_status = 403, .retry_after_s = 1
	};
	cr_expect_eq(sl_retry_classify(&err), SL_RETRY_LIMITED);
}

Test(retry, the_ceiling_of_the_waits_doubles_up_to_the_cap)
{
	static const uint64_t seconds[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	for (unsigned i = 0; i < SL_COUNT_OF(seconds); i++)
		cr_expect_eq(sl_retry_ceiling_ns(&policy, i + 1), seconds[i] * SL_NS_PER_S);
	cr_expect_eq(sl_retry_ceiling_ns(&policy, UINT32_MAX), CAP_NS);
	struct sl_retry_policy endless = { .max_wait_ns = UINT64_MAX };
	cr_expect_eq(sl_retry_ceiling_ns(&endless, UINT32_MAX), SL_RETRY_FIRST_NS << 33);
	struct sl_retry_policy small = { .max_wait_ns = 5 };
	cr_expect_eq(sl_retry_ceiling_ns(&small, 1), 5);
}

Test(retry, waits_are_spread_from_nothing_to_the_ceiling)
{
	struct sl_random random;
	sl_random_init(&random, 1);
	for (unsigned retry = 1; retry <= 9; retry++) {
		uint64_t ceiling_ns = sl_retry_ceiling_ns(&policy, retry);
		unsigned quarters[4] = { 0 };
		for (unsigned i = 0; i < 4000; i++) {
			uint64_t wait_ns =
				sl_retry_wait_ns(&policy, retry, 0, sl_random_next(&random));
			cr_assert_leq(wait_ns, ceiling_ns);
			quarters[SL_MIN(wait_ns * 4 / ceiling_ns, (uint64_t)3)]++;
		}
		for (unsigned i = 0; i < 4; i++)
			cr_expect(quarters[i] > 800 && quarters[i] < 1200, "retry %u: %u", retry,
				quarters[i]);
	}
}

Test(retry, what_the_server_asks_for_is_the_least_and_the_cap_the_most)
{
	static const struct {
		unsigned retry, asked_s;
		uint64_t random, wait_s;
	} cases[] = {
		{ 1, 7, 0, 7 }, { 1, 7, UINT64_MAX, 7 }, { 1, 60, 0, 60 }, { 1, 61, 0, 60 },
		{ 1, UINT32_MAX, 0, 60 }, { 1, 0, 0, 0 },
		{ 5, 3, 10 * SL_NS_PER_S, 10 }, /* the backoff is longer */
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq(sl_retry_wait_ns(
				     &policy, cases[i].retry, cases[i].asked_s, cases[i].random),
			cases[i].wait_s * SL_NS_PER_S, "case %zu", i);
}

Test(retry, no_wait_is_ever_longer_than_the_cap)
{
	struct sl_random random;
	sl_random_init(&random, 2);
	for (unsigned i = 0; i < 100000; i++) {
		struct sl_retry_policy any = { .max_wait_ns = sl_random_next(&random) >>
							      sl_random_below(&random, 64) };
		unsigned retry = 1 + (unsigned)sl_random_below(&random, 100);
		unsigned asked_s = (unsigned)(sl_random_next(&random) >> 32);
		uint64_t wait_ns = sl_retry_wait_ns(&any, retry, asked_s, sl_random_next(&random));
		cr_assert_leq(wait_ns, any.max_wait_ns);
		cr_assert(wait_ns >= SL_MIN(asked_s * SL_NS_PER_S, any.max_wait_ns));
	}
}
