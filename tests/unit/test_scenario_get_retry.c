/*
 * Attempts that fail, and what follows them, on the virtual clock: waits, other sources, other
 * files meanwhile, hosts that keep failing, and runs that end first.
 */
#include "support/run.h"
#include "support/scenario.h"

#include "sluice/download/breaker.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define SECOND_ADDRESS "10.0.0.2"
#define DEAD_ADDRESS "10.0.0.8" /* refuses connections until something listens */
#define DEAD_ORIGIN "http://" DEAD_ADDRESS
#define CAP_NS (60 * SL_NS_PER_S)

static struct scenario *
build(uint64_t seed)
{
	struct scenario *scenario = scenario_plain(seed);
	scenario->get.retry =
		(struct sl_retry_policy){ .retries = 8, .max_wait_ns = CAP_NS, .seed = seed };
	return scenario;
}

static void
expect_text(struct scenario *scenario, size_t index, const char *text)
{
	const struct get_file *file = &scenario->get.files[index];
	sim_check(scenario->sim, strstr(file->error.text, text), "'%s' is not in '%s'", text,
		file->error.text);
}

static void
expect_answers(struct scenario *scenario, const char *path, unsigned count)
{
	unsigned got = sim_http_answers(scenario->http, path);
	sim_check(
		scenario->sim, got == count, "%s was requested %u times, not %u", path, got, count);
}

/* ---- one file ---- */

Test(scenario_get_retry, a_file_is_done_once_what_failed_has_passed)
{
	static const struct sim_http_file failures[] = {
		{ .bad_answers = 3, .bad_status = 503 },
		{ .bad_answers = 3, .bad_status = 500 },
		{ .bad_answers = 3, .bad_status = 408 },
		{ .bad_answers = 3, .bad_status = 429, .bad_fields = "Retry-After: 2\r\n" },
		{ .misdeed = SIM_HTTP_RESETS, .misdeeds = 3 },
		{ .misdeed = SIM_HTTP_RESETS, .misdeed_at = 7000, .misdeeds = 3 },
		{ .misdeed = SIM_HTTP_ENDS, .misdeed_at = 7000, .misdeeds = 3 },
		{ .misdeed = SIM_HTTP_STALLS, .misdeed_at = 7000, .misdeeds = 3 },
	};
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed);
		for (size_t i = 0; i < SL_COUNT_OF(failures); i++) {
			struct sim_http_file file = failures[i];
			file.len = 9000;
			scenario_offer(scenario, file);
		}
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		uint64_t retries = 0;
		for (size_t i = 0; i < SL_COUNT_OF(failures); i++) {
			const struct get_file *file = &scenario->get.files[i];
			/* On a kept connection a request may be sent again without a word. */
			sim_check(scenario->sim,
				file->begun == 1 && file->retries >= 1 && file->retries <= 3,
				"%zu: %u starts, %u retries", i, file->begun, file->retries);
			expect_answers(scenario, scenario->files[i].path, 4);
			retries += file->retries;
		}
		sim_check(scenario->sim, scenario->get.summary.retries == retries, "retries");
		scenario_free(scenario);
	}
}

Test(scenario_get_retry, bytes_of_attempts_that_failed_count_as_received)
{
	struct scenario *scenario = build(1);
	scenario_offer(scenario,
		(struct sim_http_file){
			.len = 9000, .misdeed = SIM_HTTP_ENDS, .misdeed_at = 7000, .misdeeds = 3 });
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	const struct get_file *file = &scenario->get.files[0];
	sim_check(scenario->sim, file->received == 9000 && file->resumed == 0, "its size");
	sim_check(scenario->sim, file->fetched == 3 * 7000 + 9000, "%llu bytes fetched",
		(unsigned long long)file->fetched);
	scenario_free(scenario);
}

Test(scenario_get_retry, retries_without_progress_are_limited_and_counted_in_the_message)
{
	struct scenario *scenario = build(1);
	scenario->get.retry.retries = 2;
	scenario_offer(
		scenario, (struct sim_http_file){ .bad_answers = UINT_MAX, .bad_status = 503 });
	scenario_offer(
		scenario, (struct sim_http_file){
				  .len = 9000, .misdeed = SIM_HTTP_RESETS, .misdeed_at = 7000 });
	scenario_run(scenario);
	scenario_expect_failure(scenario, 0, SL_E_STATUS, SL_PHASE_HEAD);
	expect_text(scenario, 0, "the server answered 503");
	expect_text(scenario, 0, "(after 3 attempts)");
	sim_check(scenario->sim, scenario->get.files[0].error.http_status == 503, "status");
	scenario_expect_failure(scenario, 1, -ECONNRESET, SL_PHASE_BODY);
	expect_text(scenario, 1, "(after 3 attempts)");
	expect_answers(scenario, "/f0", 3);
	expect_answers(scenario, "/f1", 3);
	scenario_free(scenario);
}

Test(scenario_get_retry, what_another_attempt_would_meet_again_fails_at_once)
{
	static const int statuses[] = { 400, 401, 404, 410, 416, 451, 501, 505 };
	struct scenario *scenario = build(1);
	for (size_t i = 0; i < SL_COUNT_OF(statuses); i++)
		scenario_offer(scenario, (struct sim_http_file){ .bad_answers = UINT_MAX,
						 .bad_status = statuses[i],
						 .bad_fields = "Retry-After: 1\r\n" });
	scenario_run(scenario);
	for (size_t i = 0; i < SL_COUNT_OF(statuses); i++) {
		scenario_expect_failure(scenario, i, SL_E_STATUS, SL_PHASE_HEAD);
		expect_answers(scenario, scenario->files[i].path, 1);
		sim_check(scenario->sim, !strstr(scenario->get.files[i].error.text, "attempt"),
			"%s", scenario->get.files[i].error.text);
	}
	scenario_expect_duration(scenario, 0, SCENARIO_SLACK_NS);
	scenario_free(scenario);
}

/* One retry is allowed, and five attempts fail: each gets further than those before it. */
Test(scenario_get_retry, progress_starts_the_count_anew)
{
	struct scenario *scenario = build(1);
	scenario->get.retry.retries = 1;
	struct sim_http_file file = { .len = 60000,
		.misdeed = SIM_HTTP_ENDS,
		.misdeed_at = 10000,
		.misdeed_step = 10000,
		.misdeeds = 5 };
	scenario_offer(scenario, file);
	file.misdeed_step = 0;
	scenario_offer(scenario, file);
	scenario_run(scenario);
	scenario_expect_done(scenario, 0);
	expect_answers(scenario, "/f0", 6);
	scenario_expect_failure(scenario, 1, SL_E_SHORT_BODY, SL_PHASE_BODY);
	expect_answers(scenario, "/f1", 2);
	scenario_free(scenario);
}

/* ---- waits ---- */

Test(scenario_get_retry, the_wait_is_what_the_server_asks_for_up_to_the_cap)
{
	static const struct {
		const char *fields;
		uint64_t least_s, most_s;
	} cases[] = {
		{ "Retry-After: 20\r\n", 20, 20 },
		{ "Retry-After: 59\r\n", 59, 59 },
		{ "Retry-After: 200\r\n", 60, 60 },
		{ "Retry-After: 18446744073709551615\r\n", 60, 60 },
		{ "Retry-After: 1000000000000000000000000000000\r\n", 60, 60 },
		{ "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n", 60, 60 },
		{ "RateLimit: \"default\";r=0;t=30\r\n", 30, 30 },
		{ "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 40\r\n", 40, 40 },
		{ "Retry-After: -5\r\n", 0, 1 },
		{ "Retry-After: garbage\r\n", 0, 1 },
		{ "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", 0, 1 },
		{ NULL, 0, 1 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct scenario *scenario = build(i + 1);
		scenario_offer(scenario, (struct sim_http_file){ .len = 10,
						 .bad_answers = 1,
						 .bad_status = 503,
						 .bad_fields = cases[i].fields });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		uint64_t wait_ns = scenario->get.files[0].wait_ns;
		sim_check(scenario->sim,
			wait_ns >= cases[i].least_s * SL_NS_PER_S &&
				wait_ns <= cases[i].most_s * SL_NS_PER_S,
			"%s: %.3f s", cases[i].fields, (double)wait_ns / 1e9);
		scenario_expect_duration(scenario, cases[i].least_s * SL_NS_PER_S,
			cases[i].most_s * SL_NS_PER_S + SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

Test(scenario_get_retry, other_files_of_the_list_go_on_while_one_waits)
{
	struct scenario *scenario = build(1);
	scenario->get.jobs = 1;
	scenario_offer(scenario, (struct sim_http_file){ .len = 9000,
					 .bad_answers = 1,
					 .bad_status = 503,
					 .bad_fields = "Retry-After: 30\r\n" });
	for (unsigned i = 0; i < 20; i++)
		scenario_offer(scenario, (struct sim_http_file){ .len = 9000 });
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	for (unsigned i = 1; i <= 20; i++)
		sim_check(scenario->sim,
			scenario->get.files[i].ended_ns <
				scenario->get.started_ns + 20 * SL_NS_PER_S,
			"file %u waited, too", i);
	scenario_expect_duration(scenario, 30 * SL_NS_PER_S, 30 * SL_NS_PER_S + SCENARIO_SLACK_NS);
	scenario_free(scenario);
}

/* One job is in the source, which has no entry for a while. */
Test(scenario_get_retry, a_slow_list_does_not_hold_up_retries)
{
	struct scenario *scenario = build(1);
	scenario->get.entry_pause_ns = 1000 * SL_NS_PER_S;
	scenario_offer(
		scenario, (struct sim_http_file){ .len = 10, .bad_answers = 3, .bad_status = 500 });
	scenario_offer(scenario, (struct sim_http_file){ .len = 10 });
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	sim_check(scenario->sim,
		scenario->get.files[0].ended_ns < scenario->get.started_ns + 60 * SL_NS_PER_S,
		"it waited for the second entry");
	scenario_free(scenario);
}

/* ---- sources ---- */

Test(scenario_get_retry, the_wait_begins_once_all_sources_have_failed)
{
	struct scenario *scenario = build(1);
	struct sim_http_file file = {
		.len = 10, .bad_answers = 1, .bad_status = 503, .bad_fields = "Retry-After: 30\r\n"
	};
	struct get_file *first = scenario_offer(scenario, file);
	const char *data = first->data;
	file.path = "/mirror";
	file.data = data;
	sim_http_add(scenario->http, &file);
	first->mirror = SCENARIO_ORIGIN "/mirror";
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	expect_answers(scenario, "/f0", 2);
	expect_answers(scenario, "/mirror", 1);
	sim_check(scenario->sim, scenario->get.files[0].retries == 2, "one at once, one later");
	scenario_expect_duration(scenario, 30 * SL_NS_PER_S, 30 * SL_NS_PER_S + SCENARIO_SLACK_NS);
	scenario_free(scenario);
}

Test(scenario_get_retry, another_source_is_tried_at_once)
{
	struct scenario *scenario = build(1);
	struct get_file *first =
		scenario_offer(scenario, (struct sim_http_file){ .len = 10,
						 .bad_answers = UINT_MAX,
						 .bad_status = 503,
						 .bad_fields = "Retry-After: 30\r\n" });
	struct sim_http_file mirror = { .path = "/mirror", .data = first->data, .len = 10 };
	sim_http_add(scenario->http, &mirror);
	first->mirror = SCENARIO_ORIGIN "/mirror";
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	scenario_expect_duration(scenario, 0, SCENARIO_SLACK_NS);
	scenario_free(scenario);
}

Test(scenario_get_retry, a_source_that_failed_for_good_is_not_tried_again)
{
	struct scenario *scenario = build(1);
	struct get_file *first = scenario_offer(scenario,
		(struct sim_http_file){ .bad_answers = UINT_MAX, .bad_status = 404, .len = 10 });
	struct sim_http_file mirror = { .path = "/mirror",
		.data = first->data,
		.len = 10,
		.bad_answers = 3,
		.bad_status = 500 };
	sim_http_add(scenario->http, &mirror);
	first->mirror = SCENARIO_ORIGIN "/mirror";
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	expect_answers(scenario, "/f0", 1);
	expect_answers(scenario, "/mirror", 4);
	scenario_free(scenario);
}

/* ---- hosts that keep failing ---- */

static char dead_urls[GET_FILES][48], second_urls[GET_FILES][48];

static void
add_dead(struct scenario *scenario, const char *data, size_t len)
{
	size_t i = scenario->get.count;
	snprintf(dead_urls[i], sizeof(dead_urls[i]), DEAD_ORIGIN "/f%zu", i);
	snprintf(scenario->files[i].name, sizeof(scenario->files[i].name), "f%zu", i);
	get_scene_add(&scenario->get, (struct get_file){ .url = dead_urls[i],
					      .name = scenario->files[i].name,
					      .data = data,
					      .len = len });
}

static bool
is_dead(const struct get_file *file)
{
	return strncmp(file->url, DEAD_ORIGIN, strlen(DEAD_ORIGIN)) == 0;
}

Test(scenario_get_retry, a_dead_host_does_not_stop_the_others_and_gets_few_requests)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build(seed);
		struct sim_http *second = sim_http_new(scenario->sim, SECOND_ADDRESS, 80);
		for (unsigned i = 0; i < 40; i++) {
			add_dead(scenario, NULL, 0);
			struct get_file *file =
				scenario_offer(scenario, (struct sim_http_file){ .len = 5000 });
			struct scenario_file *one = &scenario->files[scenario->get.count - 1];
			if (i % 2) {
				sim_http_add(second, &one->served);
				size_t at = scenario->get.count - 1;
				snprintf(second_urls[at], sizeof(second_urls[at]),
					"http://" SECOND_ADDRESS "/f%zu", at);
				file->url = second_urls[at];
			}
		}
		scenario_run(scenario);
		for (size_t i = 0; i < scenario->get.count; i++) {
			const struct get_file *file = &scenario->get.files[i];
			if (!is_dead(file)) {
				scenario_expect_done(scenario, i);
				sim_check(scenario->sim,
					file->ended_ns <
						scenario->get.started_ns + 10 * SL_NS_PER_S,
					"%s waited for the dead host", file->url);
			} else {
				scenario_expect_failure(
					scenario, i, -ECONNREFUSED, SL_PHASE_CONNECT);
			}
		}
		/* Of the dead one: what was under way until the breaker opened, and the probes. */
		uint64_t connects = sim_ops_of(scenario->sim, SL_OP_CONNECT);
		uint64_t most = SL_BREAKER_FAILURES + scenario->get.jobs + 8 + 80;
		sim_check(scenario->sim, connects <= most, "%llu connections",
			(unsigned long long)connects);
		scenario_expect_duration(scenario, 0, 200 * SL_NS_PER_S);
		scenario_free(scenario);
		sim_http_free(second);
	}
}

/* The first request after the pause of a host is for the rest of a large file: once it is answered,
 * other files need not wait for the end of that. */
Test(scenario_get_retry,
	a_rest_that_takes_long_does_not_hold_up_the_files_of_a_host_that_comes_back)
{
	struct scenario *scenario = build(1);
	scenario->get.segments = 1;
	scenario->get.resume = true;
	scenario->get.entry_pause_ns = 200 * SL_NS_PER_S;
	scenario_offer(scenario, (struct sim_http_file){ .len = 8 * SL_MIB,
					 .ranges = true,
					 .etag = "\"one\"",
					 .drip = 16 * SL_KIB,
					 .drip_ns = SL_NS_PER_S,
					 .misdeed = SIM_HTTP_ENDS,
					 .misdeed_at = SL_MIB,
					 .misdeeds = 1,
					 .busy_from = 1,
					 .busy = SL_BREAKER_FAILURES,
					 .busy_status = 429,
					 .busy_fields = "Retry-After: 1\r\n" });
	scenario_offer(scenario, (struct sim_http_file){ .len = 1000 });
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	const struct get_file *files = scenario->get.files;
	cr_expect_eq(files[0].retries, 1 + SL_BREAKER_FAILURES);
	cr_expect_lt(files[1].ended_ns, files[0].ended_ns);
	scenario_free(scenario);
}

/* The last one's host is known to be dead when its turn comes. */
Test(scenario_get_retry, a_complete_file_with_a_checksum_needs_no_host)
{
	static const char text[] = "hello";
	struct scenario *scenario = build(1);
	for (unsigned i = 0; i < 12; i++)
		add_dead(scenario, NULL, 0);
	add_dead(scenario, text, 5);
	struct get_file *last = &scenario->get.files[12];
	last->checksum = "md5=5d41402abc4b2a76b9719d911017c592";
	scenario_put_before(scenario, last, text, 5, 0644);
	scenario_run(scenario);
	for (size_t i = 0; i < 12; i++)
		scenario_expect_failure(scenario, i, -ECONNREFUSED, SL_PHASE_CONNECT);
	sim_check(scenario->sim, last->state == SL_DOWNLOAD_SKIPPED, "%s", last->error.text);
	sim_check(scenario->sim, last->ended_ns < scenario->get.started_ns + 5 * SL_NS_PER_S,
		"it has waited");
	scenario_free(scenario);
}

static struct sim_http *reborn;
static struct scenario *reborn_in;

/* The dead host works from the seventh failure on. */
static void
revive(struct get_scene *scene, const struct sl_download *download)
{
	(void)download;
	if (scene->summary.retries || reborn || sl_batch_summary(scene->batch)->retries < 7)
		return;
	reborn = sim_http_new(scene->sim, DEAD_ADDRESS, 80);
	for (size_t i = 0; i < scene->count; i++) {
		struct scenario_file *one = &reborn_in->files[i];
		snprintf(one->path, sizeof(one->path), "/f%u", (unsigned)i);
		one->served = (struct sim_http_file){
			.path = one->path, .data = scene->files[i].data, .len = scene->files[i].len
		};
		sim_http_add(reborn, &one->served);
	}
}

Test(scenario_get_retry, files_of_a_host_that_comes_back_are_all_done)
{
	struct scenario *scenario = build(1);
	reborn_in = scenario;
	scenario->get.retried = revive;
	for (unsigned i = 0; i < 30; i++)
		add_dead(scenario, scenario_body(i, 5000), 5000);
	scenario_run(scenario);
	scenario_expect_all_done(scenario);
	sim_check(scenario->sim, scenario->get.summary.retries <= 12, "%llu retries",
		(unsigned long long)scenario->get.summary.retries);
	scenario_free(scenario);
	sim_http_free(reborn);
}

/* Twelve files in front fail for good with 503, which looks like an overloaded host. */
Test(scenario_get_retry, files_that_fail_alone_do_not_take_the_others_with_them)
{
	struct scenario *scenario = build(1);
	for (unsigned i = 0; i < 40; i++)
		scenario_offer(scenario, (struct sim_http_file){ .len = 5000,
						 .bad_answers = i < 12 ? UINT_MAX : 0,
						 .bad_status = 503 });
	scenario_run(scenario);
	for (size_t i = 0; i < 40; i++)
		if (i < 12)
			scenario_expect_failure(scenario, i, SL_E_STATUS, SL_PHASE_HEAD);
		else
			scenario_expect_done(scenario, i);
	scenario_free(scenario);
}

Test(scenario_get_retry, each_file_of_an_overloaded_host_gets_an_attempt_of_its_own)
{
	struct scenario *scenario = build(1);
	for (unsigned i = 0; i < 60; i++)
		scenario_offer(scenario,
			(struct sim_http_file){ .bad_answers = UINT_MAX, .bad_status = 503 });
	scenario_run(scenario);
	for (size_t i = 0; i < 60; i++) {
		scenario_expect_failure(scenario, i, SL_E_STATUS, SL_PHASE_HEAD);
		sim_check(scenario->sim,
			sim_http_answers(scenario->http, scenario->files[i].path) >= 1,
			"file %zu was given up without a request", i);
	}
	sim_check(scenario->sim, sim_http_requests(scenario->http) <= 60 + 30, "%u requests",
		sim_http_requests(scenario->http));
	scenario_free(scenario);
}

/* A list of thousands, of which few are kept in memory at a time. */
struct long_list {
	struct sl_batch_options options;
	unsigned given, count, ended;
	uint64_t most_waiting;
	struct sl_batch *batch;
	struct sl_batch_summary summary;
	int result;
};

static int
next_dead(void *ctx, struct sl_entry *out, struct sl_error *err)
{
	static char url[48];
	struct long_list *list = ctx;
	(void)err;
	if (list->given == list->count)
		return 0;
	snprintf(url, sizeof(url), DEAD_ORIGIN "/%u", list->given++);
	*out = (struct sl_entry){ .sources = { sl_span_str(url) }, .source_count = 1 };
	uint64_t waiting = sl_batch_summary(list->batch)->waiting;
	list->most_waiting = SL_MAX(list->most_waiting, waiting);
	return 1;
}

static void
count_end(void *ctx, const struct sl_download *download)
{
	struct long_list *list = ctx;
	cr_assert_eq(download->state, SL_DOWNLOAD_FAILED);
	cr_assert_eq(download->error->code, -ECONNREFUSED);
	cr_assert_eq(download->error->phase, SL_PHASE_CONNECT);
	list->ended++;
}

static int
run_long_list(void *arg)
{
	struct long_list *list = arg;
	struct sl_http_client_options client = { .per_host = 4,
		.total = 16,
		.connect_timeout_ns = 30 * SL_NS_PER_S,
		.stall_timeout_ns = 60 * SL_NS_PER_S };
	struct sl_batch_options options = { .jobs = 4,
		.descriptors = 10000,
		.stall_timeout_ns = 60 * SL_NS_PER_S,
		.retry = { .retries = 4, .max_wait_ns = CAP_NS },
		.source = next_dead,
		.source_ctx = list,
		.events = { .ctx = list, .ended = count_end } };
	cr_assert_eq(sl_http_client_new(&options.client, &client, NULL), 0);
	cr_assert_eq(sl_chunk_pool_new(&options.pool, 16, 64 * SL_KIB), 0);
	cr_assert_eq(sl_batch_new(&list->batch, &options), 0);
	list->result = sl_batch_run(list->batch, &list->summary);
	sl_batch_free(list->batch);
	sl_http_client_free(options.client);
	sl_chunk_pool_free(options.pool);
	return 0;
}

Test(scenario_get_retry, a_long_list_of_a_dead_host_is_neither_kept_in_memory_nor_tried_one_by_one)
{
	struct sim *sim = sim_plain(1);
	struct long_list list = { .count = 5000 };
	cr_expect_eq(sim_run(sim, run_long_list, &list), 0);
	cr_expect_eq(list.result, -ECONNREFUSED);
	cr_expect_eq(list.ended, 5000);
	cr_expect_eq(list.summary.failed, 5000);
	cr_expect(list.most_waiting > 500 && list.most_waiting <= 1024, "%llu waited",
		(unsigned long long)list.most_waiting);
	cr_expect_lt(sim_ops_of(sim, SL_OP_CONNECT), 40);
	sim_free(sim);
}

/* Each in a directory of its own, which it holds while it waits. */
Test(scenario_get_retry, files_that_wait_do_not_use_up_the_descriptors)
{
	static char dirs[150][8];
	struct sim_options options = sim_options(1);
	options.fd_limit = 64;
	struct scenario *scenario = scenario_new(&options);
	scenario->get.retry = (struct sl_retry_policy){ .retries = 2, .max_wait_ns = CAP_NS };
	scenario->get.descriptors = 48;
	for (unsigned i = 0; i < SL_COUNT_OF(dirs); i++) {
		snprintf(dirs[i], sizeof(dirs[i]), "d%u", i);
		add_dead(scenario, NULL, 0);
		scenario->get.files[i].dir = dirs[i];
	}
	scenario_run(scenario);
	for (size_t i = 0; i < SL_COUNT_OF(dirs); i++)
		scenario_expect_failure(scenario, i, -ECONNREFUSED, SL_PHASE_CONNECT);
	scenario_free(scenario);
}

/* ---- runs that end first ---- */

Test(scenario_get_retry, a_file_whose_wait_outlasts_the_run_ends_at_once_with_its_own_failure)
{
	struct scenario *scenario = build(1);
	scenario->get.run_ns = 20 * SL_NS_PER_S;
	scenario_offer(scenario, (struct sim_http_file){ .bad_answers = UINT_MAX,
					 .bad_status = 503,
					 .bad_fields = "Retry-After: 30\r\n" });
	scenario_run(scenario);
	scenario_expect_failure(scenario, 0, SL_E_STATUS, SL_PHASE_HEAD);
	expect_text(scenario, 0, "(after 1 attempt; the run ended before the next)");
	scenario_expect_duration(scenario, 0, SCENARIO_SLACK_NS);
	scenario_free(scenario);
}

/* The host gets no request before the outcome of the probe, which does not come. */
Test(scenario_get_retry, files_that_wait_when_the_time_is_over_end_with_their_own_failures)
{
	struct scenario *scenario = build(1);
	scenario->get.run_ns = 30 * SL_NS_PER_S;
	for (unsigned i = 0; i < 6; i++)
		scenario_offer(scenario, (struct sim_http_file){ .len = 10,
						 .bad_answers = 1,
						 .bad_status = 503,
						 .misdeed = SIM_HTTP_STALLS });
	add_dead(scenario, NULL, 0);
	scenario_run(scenario);
	bool has_status = false;
	for (size_t i = 0; i < 7; i++) {
		const struct get_file *file = &scenario->get.files[i];
		sim_check(scenario->sim, file->state == SL_DOWNLOAD_FAILED, "%zu: %d", i,
			(int)file->state);
		has_status = has_status || file->error.code == SL_E_STATUS;
		sim_check(scenario->sim, file->error.phase != SL_PHASE_NONE, "a bare timeout: %s",
			file->error.text);
	}
	scenario_expect_duration(scenario, 20 * SL_NS_PER_S, 30 * SL_NS_PER_S + SCENARIO_SLACK_NS);
	scenario_free(scenario);
}

static void
interrupt(struct get_scene *scene, const struct sl_download *download)
{
	(void)download;
	get_scene_cancel(scene, SL_E_INTERRUPTED);
}

Test(scenario_get_retry, a_signal_ends_waiting_files_as_cancelled)
{
	struct scenario *scenario = build(1);
	scenario->get.retried = interrupt;
	scenario_offer(scenario, (struct sim_http_file){ .bad_answers = UINT_MAX,
					 .bad_status = 503,
					 .bad_fields = "Retry-After: 30\r\n" });
	scenario_run(scenario);
	const struct get_file *file = &scenario->get.files[0];
	sim_check(scenario->sim, file->state == SL_DOWNLOAD_CANCELLED, "%d", (int)file->state);
	expect_text(scenario, 0, "503");
	scenario_expect_duration(scenario, 0, SCENARIO_SLACK_NS);
	scenario_free(scenario);
}

Test(scenario_get_retry, fail_fast_ends_waiting_files_as_cancelled)
{
	struct scenario *scenario = build(1);
	scenario->get.fail_fast = true;
	scenario->get.jobs = 1;
	scenario_offer(scenario, (struct sim_http_file){ .bad_answers = UINT_MAX,
					 .bad_status = 503,
					 .bad_fields = "Retry-After: 30\r\n" });
	scenario_offer(
		scenario, (struct sim_http_file){ .bad_answers = UINT_MAX, .bad_status = 404 });
	scenario_run(scenario);
	sim_check(scenario->sim, scenario->get.files[0].state == SL_DOWNLOAD_CANCELLED, "waiting");
	scenario_expect_failure(scenario, 1, SL_E_STATUS, SL_PHASE_HEAD);
	sim_check(scenario->sim, scenario->get.summary.first_index == 1, "the one that failed");
	scenario_expect_duration(scenario, 0, SCENARIO_SLACK_NS);
	scenario_free(scenario);
}
