/* The wait that a server asks for, from the header fields of its response. */
#include "support/guard.h"

#include "sluice/http/retry_after.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NOW_S 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */
#define NOW "Tue, 14 Nov 2023 22:13:20 GMT"
#define IN_TEN "Tue, 14 Nov 2023 22:13:30 GMT"
#define BEFORE "Tue, 14 Nov 2023 22:13:10 GMT"

static uint64_t
read_fields(const char *fields, bool *is_limit)
{
	struct sl_head head;
	struct sl_buf text = { 0 };
	size_t used = 0;
	sl_head_init(&head);
	sl_buf_printf(&text, "HTTP/1.1 503 No\r\n%s\r\n", fields);
	cr_assert_eq(sl_head_feed(&head, text.data, text.len, &used, NULL), SL_PARSE_DONE);
	uint64_t seconds = sl_retry_after_read(&head, NOW_S);
	*is_limit = sl_retry_after_is_limit(&head, NOW_S);
	sl_head_release(&head);
	sl_buf_release(&text);
	return seconds;
}

static uint64_t
seconds_of(const char *fields)
{
	bool is_limit;
	return read_fields(fields, &is_limit);
}

struct sample {
	const char *fields;
	uint64_t seconds;
};

static void
check(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(seconds_of(samples[i].fields), samples[i].seconds,
			"%s: %llu, not %llu", samples[i].fields,
			(unsigned long long)seconds_of(samples[i].fields),
			(unsigned long long)samples[i].seconds);
}

Test(retry_after, is_seconds_or_a_date)
{
	static const struct sample samples[] = {
		{ "", 0 },
		{ "Retry-After: 7\r\n", 7 },
		{ "retry-after:   7  \r\n", 7 },
		{ "Retry-After: 0\r\n", 0 },
		{ "Retry-After: " IN_TEN "\r\n", 10 },
		{ "Retry-After: Tuesday, 14-Nov-23 22:13:30 GMT\r\n", 10 },
		{ "Retry-After: Tue Nov 14 22:13:30 2023\r\n", 10 },
		{ "Retry-After: 18446744073709551615\r\n", SL_RETRY_AFTER_MAX_S },
		{ "Retry-After: 18446744073709551616\r\n", SL_RETRY_AFTER_MAX_S },
		{ "Retry-After: 1000000000000000000000000000000\r\n", SL_RETRY_AFTER_MAX_S },
		{ "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n", SL_RETRY_AFTER_MAX_S },
	};
	check(samples, SL_COUNT_OF(samples));
}

Test(retry_after, what_cannot_be_used_is_as_if_it_was_not_there)
{
	static const struct sample samples[] = {
		{ "Retry-After:\r\n", 0 },
		{ "Retry-After: -5\r\n", 0 },
		{ "Retry-After: +5\r\n", 0 },
		{ "Retry-After: 5.5\r\n", 0 },
		{ "Retry-After: 5s\r\n", 0 },
		{ "Retry-After: 0x10\r\n", 0 },
		{ "Retry-After: soon\r\n", 0 },
		{ "Retry-After: " NOW "\r\n", 0 },
		{ "Retry-After: " BEFORE "\r\n", 0 },
		{ "Retry-After: Mon, 01 Jan 0001 00:00:00 GMT\r\n", 0 },
		{ "RateLimit-Reset: -5\r\n", 0 },
		{ "X-RateLimit-Reset: 99999999999999999999\r\n", 0 },
		{ "X-RateLimit-Reset: 18446744073709551615\r\n", 0 },
		{ "X-RateLimit-Reset: 1500000000\r\n", 0 },
		{ "RateLimit: \"a\";r=0;t=-5\r\n", 0 },
		{ "RateLimit: \"a\";r=0;t=99999999999999999999\r\n", 0 },
		{ "RateLimit: \"a\";r=none;t=5\r\n", 0 },
		{ "RateLimit: \"a\";r=;t=\r\n", 0 },
		{ "RateLimit: \"a\";r;t\r\n", 0 },
		{ "RateLimit: ;;;,,,\"\r\n", 0 },
		/* and another field counts */
		{ "Retry-After: soon\r\nRateLimit-Reset: 9\r\n", 9 },
	};
	check(samples, SL_COUNT_OF(samples));
}

Test(retry_after, a_date_is_compared_with_the_clock_of_the_server)
{
	static const struct sample samples[] = {
		{ "Date: Thu, 01 Jan 2015 00:00:00 GMT\r\n"
		  "Retry-After: Thu, 01 Jan 2015 00:00:30 GMT\r\n",
			30 },
		{ "Date: Thu, 01 Jan 2015 00:00:00 GMT\r\nX-RateLimit-Reset: 1420070405\r\n", 5 },
		{ "Date: yesterday\r\nRetry-After: " IN_TEN "\r\n", 10 },
	};
	check(samples, SL_COUNT_OF(samples));
}

Test(retry_after, rate_limits_count_once_nothing_is_left)
{
	static const struct sample samples[] = {
		{ "RateLimit: \"default\";r=0;t=30\r\n", 30 },
		{ "RateLimit: \"default\";r=1;t=30\r\n", 0 },
		{ "RateLimit: \"default\";t=30\r\n", 0 },
		{ "RateLimit: \"default\";t=30;r=0\r\n", 30 },
		{ "RateLimit: \"default\" ; r=0 ; t=30 ; pk=:cHJvcA==:\r\n", 30 },
		{ "RateLimit: \"a\";r=0;t=30, \"b\";r=0;t=60, \"c\";r=9;t=90\r\n", 60 },
		{ "RateLimit: \"a\";r=0;t=30\r\nRateLimit: \"b\";r=0;t=60\r\n", 60 },
		{ "RateLimit: \"a;r=1, \\\"b\";r=0;t=30\r\n", 30 },
		{ "RateLimit-Remaining: 0\r\nRateLimit-Reset: 12\r\n", 12 },
		{ "RateLimit-Remaining: 3\r\nRateLimit-Reset: 12\r\n", 0 },
		{ "RateLimit-Remaining: x\r\nRateLimit-Reset: 12\r\n", 0 },
		{ "RateLimit-Reset: 12\r\n", 12 },
		{ "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1700000042\r\n", 42 },
		{ "X-RateLimit-Remaining: 7\r\nX-RateLimit-Reset: 1700000042\r\n", 0 },
		{ "X-RateLimit-Reset: 42\r\n", 42 },
		{ "RateLimit: limit=9, remaining=0, reset=30\r\n", 30 },
		{ "RateLimit: reset=30,remaining=0,limit=9\r\n", 30 },
		{ "RateLimit: limit=9, remaining=1, reset=30\r\n", 0 },
		{ "RateLimit: limit=9, reset=30\r\n", 0 },
		{ "RateLimit: remaining=x, reset=30\r\n", 0 },
		{ "RateLimit: remaining=0, reset=-5\r\n", 0 },
		{ "RateLimit: remaining=0\r\nRateLimit: reset=30\r\n", 30 },
	};
	check(samples, SL_COUNT_OF(samples));
}

/* Many services send what is left with each response. */
Test(retry_after, a_limit_is_reached_if_nothing_is_left_or_a_wait_is_asked_for)
{
	static const struct {
		const char *fields;
		bool is_limit;
	} samples[] = {
		{ "", false },
		{ "X-RateLimit-Limit: 60\r\nX-RateLimit-Reset: 1700000042\r\n", false },
		{ "X-RateLimit-Remaining: 59\r\nX-RateLimit-Reset: 1700000042\r\n", false },
		{ "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1700000042\r\n", true },
		{ "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1600000000\r\n", true },
		{ "X-RateLimit-Remaining:\r\n", false },
		{ "RateLimit-Remaining: 0\r\n", true },
		{ "RateLimit: \"a\";r=0;t=30\r\n", true },
		{ "RateLimit: \"a\";r=1;t=30\r\n", false },
		{ "RateLimit: limit=9, remaining=0, reset=30\r\n", true },
		{ "Retry-After: 60\r\n", true },
		{ "Retry-After: soon\r\n", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(samples); i++) {
		bool is_limit;
		(void)read_fields(samples[i].fields, &is_limit);
		cr_expect_eq(is_limit, samples[i].is_limit, "%s", samples[i].fields);
	}
}

Test(retry_after, the_most_specific_field_counts)
{
	static const struct sample samples[] = {
		{ "X-RateLimit-Reset: 4\r\nRateLimit-Reset: 3\r\nRateLimit: \"a\";r=0;t=2\r\n"
		  "Retry-After: 1\r\n",
			1 },
		{ "X-RateLimit-Reset: 4\r\nRateLimit-Reset: 3\r\nRateLimit: \"a\";r=0;t=2\r\n", 2 },
		{ "X-RateLimit-Reset: 4\r\nRateLimit-Reset: 3\r\n", 3 },
	};
	check(samples, SL_COUNT_OF(samples));
}

/* A head cut off after each byte of its values: the wait is bounded, and nothing beyond is read. */
Test(retry_after, values_cut_anywhere_are_read_within_their_bounds)
{
	static const char *const fields[] = { ("Retry-After: " IN_TEN),
		"RateLimit: \"a\\\"b\";r=0;t=30, \"c", "X-RateLimit-Reset: 1700000042" };
	struct guard guard;
	guard_init(&guard, 256);
	for (size_t i = 0; i < SL_COUNT_OF(fields); i++) {
		size_t from = (size_t)(strchr(fields[i], ':') - fields[i]) + 1;
		for (size_t len = from; len <= strlen(fields[i]); len++) {
			char text[256];
			int size = snprintf(text, sizeof(text), "HTTP/1.1 429 No\r\n%.*s\r\n\r\n",
				(int)len, fields[i]);
			struct sl_head head;
			size_t used = 0;
			sl_head_init(&head);
			cr_assert_eq(sl_head_feed(&head, guard_place(&guard, text, (size_t)size),
					     (size_t)size, &used, NULL),
				SL_PARSE_DONE);
			cr_expect_leq(sl_retry_after_read(&head, NOW_S), SL_RETRY_AFTER_MAX_S);
			sl_head_release(&head);
		}
	}
	guard_release(&guard);
}
