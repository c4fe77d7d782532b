/*
 * The body of a URL as pieces, in the simulated world. What is tried again and how is tested with
 * lists, in test_list_url.c.
 */
#include "support/run.h"
#include "support/sim_http.h"

#include "sluice/download/url_reader.h"

#include <criterion/criterion.h>
#include <errno.h>

#define SIZE 300000u
#define PIECE 8192u
#define AHEAD 3u

struct scene {
	struct sim *sim;
	struct sim_http_file served;
	struct sl_http_client *client;
	struct sl_group group;
	struct sl_url_reader *reader;
	unsigned char content[SIZE];
};

static void
begin(struct scene *scene, uint64_t most)
{
	static const struct sl_retry_policy retry = { .retries = 3, .max_wait_ns = SL_NS_PER_S };
	struct sl_http_client_options options = { .per_host = 2,
		.total = 2,
		.connect_timeout_ns = 30 * SL_NS_PER_S,
		.stall_timeout_ns = 3600 * SL_NS_PER_S };
	struct sl_error err = { 0 };
	cr_assert_eq(sl_http_client_new(&scene->client, &options, &err), 0);
	sl_group_enter(&scene->group, SL_GROUP_COLLECT);
	const struct sl_url_reader_options wanted = { .client = scene->client,
		.retry = &retry,
		.group = &scene->group,
		.piece = PIECE,
		.ahead = AHEAD,
		.most = most,
		.most_advice = "split it" };
	cr_assert_eq(
		sl_url_reader_new(&scene->reader, "http://u:secret@10.0.0.1/f", &wanted, &err), 0);
	cr_expect_eq(strstr(sl_url_reader_name(scene->reader), "secret"), NULL);
}

/* Within a second, whatever the server does. */
SL_SUSPENDS
static void
end(struct scene *scene)
{
	uint64_t begun_ns = sl_now();
	sl_url_reader_free(scene->reader);
	sl_group_leave(&scene->group);
	sl_http_client_free(scene->client);
	cr_expect_lt(sl_now() - begun_ns, SL_NS_PER_S);
	cr_expect_eq(sl_task_count(), 1);
}

static void
run(struct scene *scene, uint64_t seed, sl_task_fn *fn)
{
	scene->sim = sim_plain(seed);
	struct sim_http *http = sim_http_new(scene->sim, "10.0.0.1", 80);
	for (size_t i = 0; i < SIZE; i++)
		scene->content[i] = (unsigned char)(i * 31 + i / 251);
	scene->served.path = "/f";
	scene->served.data = (const char *)scene->content;
	scene->served.len = SIZE;
	sim_http_add(http, &scene->served);
	cr_assert_eq(sim_run(scene->sim, fn, scene), 0);
	sim_free(scene->sim);
	sim_http_free(http);
}

/* From *off on, as far as it comes. Returns as sl_url_reader_read does in the end. */
SL_SUSPENDS
static int
read_some(struct scene *scene, size_t *off, uint64_t wait_ns, struct sl_error *err)
{
	struct sl_span bytes = { 0 };
	int code;
	while ((code = sl_url_reader_read(scene->reader, &bytes, sl_deadline_in(wait_ns), err)) ==
		1) {
		cr_assert(bytes.len > 0 && bytes.len <= PIECE && *off + bytes.len <= SIZE);
		cr_assert_eq(memcmp(bytes.data, scene->content + *off, bytes.len), 0);
		*off += bytes.len;
	}
	return code;
}

/* The pause is longer than the caller waits, again and again. */
static int
paused_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_error err = { 0 };
	size_t off = 0;
	unsigned pauses = 0;
	int code;
	begin(scene, UINT64_MAX);
	while ((code = read_some(scene, &off, SL_NS_PER_MS, &err)) == -ETIMEDOUT && err.code == 0)
		pauses++;
	cr_expect_eq(code, 0, "%d %s", code, err.text);
	cr_expect_eq(off, SIZE);
	cr_expect_gt(pauses, 100);
	end(scene);
	return 0;
}

Test(url_reader, nothing_is_lost_while_the_caller_does_not_wait_for_the_server)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct scene scene = { .served = { .misdeed = SIM_HTTP_PAUSES,
					       .misdeed_at = 100000,
					       .misdeed_ns = SL_NS_PER_S } };
		run(&scene, seed, paused_main);
	}
}

static int
stalled_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_error err = { 0 };
	size_t off = 0;
	begin(scene, UINT64_MAX);
	cr_expect_eq(read_some(scene, &off, 10 * SL_NS_PER_S, &err), -ETIMEDOUT);
	cr_expect_eq(off, 50000);
	end(scene);
	return 0;
}

Test(url_reader, a_server_that_stalls_is_given_up_at_once_when_the_reader_is_freed)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct scene scene = { .served = {
					       .misdeed = SIM_HTTP_STALLS, .misdeed_at = 50000 } };
		run(&scene, seed, stalled_main);
	}
}

/* Before it was requested, and before the first byte. */
static int
freed_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_error err = { 0 };
	struct sl_span bytes = { 0 };
	begin(scene, UINT64_MAX);
	if (sim_seed(scene->sim) % 2)
		cr_expect_eq(sl_url_reader_read(scene->reader, &bytes, 0, &err), -ETIMEDOUT);
	end(scene);
	return 0;
}

Test(url_reader, a_reader_may_be_freed_before_anything_has_come)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct scene scene = { 0 };
		run(&scene, seed, freed_main);
	}
}

static int
limited_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_error err = { 0 };
	size_t off = 0;
	begin(scene, 100000);
	cr_expect_eq(read_some(scene, &off, SL_FOREVER, &err), SL_E_LIMIT);
	cr_expect(strstr(err.text, "(split it)"), "%s", err.text);
	err = (struct sl_error){ 0 };
	cr_expect_eq(read_some(scene, &off, SL_FOREVER, &err), SL_E_LIMIT, "it stays so");
	end(scene);
	return 0;
}

Test(url_reader, more_than_is_allowed_is_a_failure)
{
	struct scene scene = { 0 };
	run(&scene, 1, limited_main);
}
