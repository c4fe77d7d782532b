/* Which segments may be under way: permits by host, and what is kept of hosts. */
#include "support/run.h"

#include "sluice/download/admission.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>

#define HOSTS 20000u
#define HOSTS_BYTES (256 * SL_KIB) /* of those that are kept */

static struct sl_admission *
begin(struct sl_chunk_pool **pool)
{
	struct sl_admission *admission = NULL;
	cr_assert_eq(sl_chunk_pool_new(pool, 4, SL_CHUNK_ALIGN), 0);
	struct sl_admission_options options = { .per_host = 2, .total = 4, .pool = *pool };
	cr_assert_eq(sl_admission_new(&admission, &options), 0);
	return admission;
}

SL_SUSPENDS
static void
take(struct sl_admission *admission, unsigned host, struct sl_permit *permit)
{
	char text[64];
	struct sl_url url = { 0 };
	struct sl_chunk *chunk = NULL;
	snprintf(text, sizeof(text), "http://h%u.example/", host);
	cr_assert_eq(sl_url_parse(&url, sl_span_str(text), NULL), 0);
	cr_assert_eq(sl_admission_take(admission, &url, permit, &chunk), 0);
	sl_chunk_unref(chunk);
	sl_url_release(&url);
}

static int
visit_many_hosts(void *arg)
{
	struct sl_chunk_pool *pool;
	struct sl_admission *admission = begin(&pool);
	struct sl_permit first = { 0 }, permit = { 0 };
	(void)arg;
	take(admission, 0, &first);
	size_t before = mallinfo2().uordblks;
	for (unsigned host = 1; host < HOSTS; host++) {
		take(admission, host, &permit);
		sl_permit_give(&permit);
	}
	size_t after = mallinfo2().uordblks;
	cr_expect_lt(after - SL_MIN(before, after), HOSTS_BYTES, "%zu bytes", after - before);
	sl_permit_give(&first);
	sl_admission_free(admission);
	sl_chunk_pool_free(pool);
	return 0;
}

/* One of them is in use all the time, as that of a large file. */
Test(admission, hosts_that_are_not_in_use_are_forgotten)
{
	struct sim *sim = sim_plain(1);
	cr_assert_eq(sim_run(sim, visit_many_hosts, NULL), 0);
	sim_free(sim);
}

/* 403 alone is of the file: only with Retry-After it is of too many requests. */
Test(admission, a_refusal_is_what_fewer_connections_may_help_against)
{
	static const struct {
		struct sl_error err;
		bool is_refusal;
	} cases[] = {
		{ { .code = SL_E_STATUS, .http_status = 429 }, true },
		{ { .code = SL_E_STATUS, .http_status = 503 }, true },
		{ { .code = SL_E_STATUS, .http_status = 403, .retry_after_s = 1 }, true },
		{ { .code = SL_E_STATUS, .http_status = 403 }, false },
		{ { .code = SL_E_STATUS, .http_status = 404, .retry_after_s = 1 }, false },
		{ { .code = -ECONNREFUSED, .phase = SL_PHASE_CONNECT }, true },
		{ { .code = -ECONNRESET, .phase = SL_PHASE_BODY }, true },
		{ { .code = SL_E_SHORT_BODY, .phase = SL_PHASE_BODY }, false },
		{ { .code = SL_E_STALE, .phase = SL_PHASE_HEAD }, true },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect_eq(sl_admission_is_refusal(&cases[i].err), cases[i].is_refusal, "%zu", i);
}

static int
share(void *arg)
{
	struct sl_chunk_pool *pool;
	struct sl_admission *admission = begin(&pool);
	struct sl_permit permits[4] = { { 0 } }, more = { 0 };
	struct sl_chunk *chunk = NULL;
	struct sl_url url = { 0 };
	(void)arg;
	cr_assert_eq(sl_url_parse(&url, sl_span_str("http://h0.example/"), NULL), 0);
	for (unsigned i = 0; i < SL_COUNT_OF(permits); i++) {
		take(admission, 0, &permits[i]);
		cr_expect(i < 2 || !sl_admission_try_take(admission, &url, &more, &chunk));
		sl_permit_shared(&permits[i]);
		sl_permit_answered(&permits[i]);
	}
	for (unsigned i = 0; i < SL_COUNT_OF(permits); i++)
		sl_permit_give(&permits[i]);
	sl_url_release(&url);
	sl_admission_free(admission);
	sl_chunk_pool_free(pool);
	return 0;
}

/* Of 2 connections; a third would wait for ever. */
Test(admission, files_on_shared_connections_are_as_many_as_in_all_but_not_segments)
{
	struct sim *sim = sim_plain(1);
	cr_assert_eq(sim_run(sim, share, NULL), 0);
	sim_free(sim);
}
