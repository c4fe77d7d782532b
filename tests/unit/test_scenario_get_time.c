/*
 * Time as the download engine sees it, on the virtual clock: stalls, slow servers, slow disks,
 * connects that are not answered, the deadline of the run, the second a small file may wait to be
 * committed.
 */
#include "support/scenario.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#define SILENT_ADDRESS "10.0.0.7"
#define REFUSING_ADDRESS "10.0.0.8"
#define CONNECT_NS (30 * SL_NS_PER_S)        /* timeouts as get_scene_init sets them */
#define NEXT_ADDRESS_NS (250 * SL_NS_PER_MS) /* until another address of a host is tried as well */
#define STALL_NS (60 * SL_NS_PER_S)

/* 10.0.0.7 does not answer. */
static void
add_black_hole(struct scenario *scenario)
{
	sim_listen(scenario->sim,
		&(struct sim_server){
			.address = SILENT_ADDRESS, .port = 80, .reach = SIM_BLACK_HOLE });
}

/* ---- connecting ---- */

/* The resolver of this program: "N.test" has the black hole's address N times, then one where all
 * is well; "gone.test" has one that refuses first. */
int answer(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **out) __asm__("getaddrinfo");
void free_answer(struct addrinfo *info) __asm__("freeaddrinfo");

static struct addrinfo *
make_info(const char *text, struct addrinfo *next)
{
	struct sockaddr_in *address = calloc(1, sizeof(*address));
	struct addrinfo *info = calloc(1, sizeof(*info));
	cr_assert(address && info);
	address->sin_family = AF_INET;
	cr_assert_eq(inet_pton(AF_INET, text, &address->sin_addr), 1);
	info->ai_family = AF_INET;
	info->ai_addr = (struct sockaddr *)address;
	info->ai_addrlen = sizeof(*address);
	info->ai_next = next;
	return info;
}

void
free_answer(struct addrinfo *info)
{
	while (info) {
		struct addrinfo *next = info->ai_next;
		free(info->ai_addr);
		free(info);
		info = next;
	}
}

int
answer(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)service;
	(void)hints;
	*out = make_info(SCENARIO_ADDRESS, NULL);
	if (strcmp(host, "gone.test") == 0)
		*out = make_info(REFUSING_ADDRESS, *out);
	for (unsigned long i = strtoul(host, NULL, 10); i > 0; i--)
		*out = make_info(SILENT_ADDRESS, *out);
	return 0;
}

/* One file that the server has as /f0, by another host's name. */
static struct scenario *
build_by_name(uint64_t seed, const char *url)
{
	struct scenario *scenario = scenario_plain(seed);
	add_black_hole(scenario);
	scenario_offer(scenario, (struct sim_http_file){ .len = 100000 })->url = url;
	return scenario;
}

Test(scenario_get_time, a_server_that_does_not_answer_the_connect_is_given_up_in_time)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_by_name(seed, "http://" SILENT_ADDRESS "/f0");
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, -ETIMEDOUT, SL_PHASE_CONNECT);
		scenario_expect_duration(scenario, CONNECT_NS, CONNECT_NS + SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

/* One or two that do not answer come before the one that does. */
Test(scenario_get_time, an_address_that_does_not_answer_costs_a_quarter_of_a_second)
{
	static const struct {
		const char *url;
		uint64_t due_ns;
	} cases[] = { { "http://0.test/f0", 0 }, { "http://1.test/f0", NEXT_ADDRESS_NS },
		{ "http://2.test/f0", 2 * NEXT_ADDRESS_NS }, { "http://gone.test/f0", 0 } };
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
			struct scenario *scenario = build_by_name(seed, cases[i].url);
			scenario_run(scenario);
			scenario_expect_all_done(scenario);
			scenario_expect_duration(
				scenario, cases[i].due_ns, cases[i].due_ns + 4 * SCENARIO_SLACK_NS);
			scenario_free(scenario);
		}
	}
}

Test(scenario_get_time, a_source_that_does_not_answer_is_followed_by_the_next)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_by_name(seed, "http://" SILENT_ADDRESS "/f0");
		scenario->get.files[0].mirror = SCENARIO_ORIGIN "/f0";
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_expect_duration(scenario, CONNECT_NS, CONNECT_NS + 4 * SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

/* ---- heads ---- */

static const struct sim_step no_head[] = { { .kind = SIM_STEP_END } };

#define HALF_HEAD "HTTP/1.1 200 OK\r\nContent-Len"
static const struct sim_step half_a_head[] = {
	{ .kind = SIM_STEP_SEND, .data = HALF_HEAD, .len = sizeof(HALF_HEAD) - 1 },
	{ .kind = SIM_STEP_END },
};

/* Twenty bytes, each long before the stall timeout of the one before, all of them long after it. */
#define DRIP \
	{ .kind = SIM_STEP_SEND, .data = "x", .len = 1 }, \
	{ \
		.kind = SIM_STEP_PAUSE, .ns = 10 * SL_NS_PER_S \
	}
static const struct sim_step dripping_head[] = {
	{ .kind = SIM_STEP_SEND, .data = HALF_HEAD, .len = sizeof(HALF_HEAD) - 1 },
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	DRIP,
	{ .kind = SIM_STEP_END },
};

Test(scenario_get_time, a_head_that_does_not_come_in_time_is_a_stall)
{
	static const struct sim_step *const scripts[] = { no_head, half_a_head, dripping_head };
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		sim_listen(scenario->sim,
			&(struct sim_server){
				.address = "10.0.0.9", .port = 80, .script = scripts[seed % 3] });
		get_scene_add(&scenario->get,
			(struct get_file){ .url = "http://10.0.0.9/x", .name = "x" });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, -ETIMEDOUT, SL_PHASE_HEAD);
		scenario_expect_duration(scenario, STALL_NS, STALL_NS + SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

/* Only the head has that limit. */
Test(scenario_get_time, a_head_has_a_timeout_of_its_own)
{
	static const struct sim_step *const scripts[] = { no_head, half_a_head, dripping_head };
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.head_timeout_ns = 5 * SL_NS_PER_S;
		sim_listen(scenario->sim,
			&(struct sim_server){
				.address = "10.0.0.9", .port = 80, .script = scripts[seed % 3] });
		get_scene_add(&scenario->get,
			(struct get_file){ .url = "http://10.0.0.9/x", .name = "x" });
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000,
						 .misdeed = SIM_HTTP_PAUSES,
						 .misdeed_ns = STALL_NS - SL_NS_PER_S,
						 .misdeed_at = 150000 });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, -ETIMEDOUT, SL_PHASE_HEAD);
		cr_expect(strstr(scenario->get.files[0].error.text, "--first-byte-timeout"), "%s",
			scenario->get.files[0].error.text);
		scenario_expect_done(scenario, 1);
		scenario_free(scenario);
	}
}

/* ---- bodies ---- */

Test(scenario_get_time, a_stalled_body_is_given_up_after_the_stall_timeout)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000,
						 .misdeed = SIM_HTTP_STALLS,
						 .misdeed_at = (size_t)(seed * 2999 % 300000),
						 .framing = seed % 3 });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, -ETIMEDOUT, SL_PHASE_BODY);
		scenario_expect_duration(scenario, STALL_NS, STALL_NS + 4 * SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

Test(scenario_get_time, a_pause_shorter_than_the_stall_timeout_is_borne)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000,
						 .misdeed = SIM_HTTP_PAUSES,
						 .misdeed_ns = STALL_NS - SL_NS_PER_S,
						 .misdeed_at = (size_t)(seed * 2999 % 300000),
						 .framing = seed % 3 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_expect_duration(
			scenario, STALL_NS - SL_NS_PER_S, STALL_NS + 10 * SL_NS_PER_S);
		scenario_free(scenario);
	}
}

Test(scenario_get_time, slow_bytes_are_not_a_stall)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario_offer(scenario, (struct sim_http_file){ .len = 200,
						 .drip = 1,
						 .drip_ns = 20 * SL_NS_PER_S,
						 .framing = seed % 3 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_expect_duration(scenario, 4000 * SL_NS_PER_S, 4100 * SL_NS_PER_S);
		scenario_free(scenario);
	}
}

/* ---- the least rate ---- */

#define SLOW_NS (30 * SL_NS_PER_S)

static struct scenario *
build_with_least_rate(uint64_t seed, uint64_t rate)
{
	struct scenario *scenario = scenario_plain(seed);
	scenario->get.least_rate = rate;
	scenario->get.slow_time_ns = SLOW_NS;
	return scenario;
}

/* A byte in 20 s, where ten a second are wanted. */
Test(scenario_get_time, a_body_that_is_too_slow_is_given_up)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_with_least_rate(seed, 10);
		scenario_offer(scenario, (struct sim_http_file){ .len = 200,
						 .drip = 1,
						 .drip_ns = 20 * SL_NS_PER_S,
						 .framing = seed % 3 });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, SL_E_SLOW, SL_PHASE_BODY);
		cr_expect(strstr(scenario->get.files[0].error.text, "--speed-limit"), "%s",
			scenario->get.files[0].error.text);
		scenario_expect_duration(scenario, SLOW_NS, SLOW_NS + 4 * SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

/* 1,000 bytes a second, of which 500 are wanted; and pauses that many bytes before have earned. */
Test(scenario_get_time, a_body_that_is_fast_enough_goes_on)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_with_least_rate(seed, 500);
		scenario_offer(scenario, (struct sim_http_file){ .len = 200000,
						 .drip = 1000,
						 .drip_ns = SL_NS_PER_S,
						 .framing = seed % 3 });
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000,
						 .misdeed = SIM_HTTP_PAUSES,
						 .misdeed_ns = STALL_NS - SL_NS_PER_S,
						 .misdeed_at = 150000 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

/* Fast at first: what came then counts once. */
Test(scenario_get_time, a_body_that_becomes_too_slow_is_given_up)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_with_least_rate(seed, 100000);
		scenario_offer(scenario, (struct sim_http_file){ .len = 300000,
						 .misdeed = SIM_HTTP_PAUSES,
						 .misdeed_ns = STALL_NS - SL_NS_PER_S,
						 .misdeed_at = 150000,
						 .framing = seed % 3 });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, SL_E_SLOW, SL_PHASE_BODY);
		scenario_free(scenario);
	}
}

/* Each attempt brings some bytes, and it would go on like that. */
Test(scenario_get_time, a_server_that_is_always_too_slow_is_given_up_after_the_retries)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_with_least_rate(seed, 100);
		scenario->get.retry.retries = 3;
		scenario->get.retry.max_wait_ns = SL_NS_PER_S;
		scenario_offer(scenario, (struct sim_http_file){ .len = 200000,
						 .etag = "\"v1\"",
						 .ranges = true,
						 .drip = 100,
						 .drip_ns = 10 * SL_NS_PER_S });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, SL_E_SLOW, SL_PHASE_BODY);
		cr_expect_eq(sim_http_requests(scenario->http), 4);
		scenario_free(scenario);
	}
}

Test(scenario_get_time, a_server_that_was_too_slow_once_is_asked_for_the_rest)
{
	struct sim_seeds seeds = sim_seeds(30);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_with_least_rate(seed, 100);
		scenario->get.retry.retries = 3;
		scenario->get.retry.max_wait_ns = SL_NS_PER_S;
		scenario_offer(scenario, (struct sim_http_file){ .len = 200000,
						 .etag = "\"v1\"",
						 .ranges = true,
						 .drip = 100,
						 .drip_ns = 10 * SL_NS_PER_S,
						 .drips = 1 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		cr_expect_eq(sim_http_requests(scenario->http), 2);
		scenario_free(scenario);
	}
}

/* 2,000 bytes a second, because of the user's own limit. */
Test(scenario_get_time, a_limit_of_the_rate_is_not_a_slow_server)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_with_least_rate(seed, 10000);
		scenario->get.limit_rate = 2000;
		scenario_offer(scenario, (struct sim_http_file){ .len = 200000 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

/* ---- a process that is stopped ---- */

/* For ten hours, in which all that it waits for comes. */
Test(scenario_get_time, a_stop_of_the_process_is_not_a_stall)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = build_with_least_rate(seed, 100);
		scenario->get.run_ns = 600 * SL_NS_PER_S;
		scenario_offer(scenario, (struct sim_http_file){ .len = 200000,
						 .drip = 1000,
						 .drip_ns = 100 * SL_NS_PER_MS,
						 .framing = seed % 3 });
		sim_stop(scenario->sim, seed * 450 * SL_NS_PER_MS % (20 * SL_NS_PER_S),
			36000 * SL_NS_PER_S);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		cr_expect_eq(scenario->get.files[0].retries, 0);
		scenario_free(scenario);
	}
}

/* ---- fast and slow ---- */

#define FAST_LEN (2 * SL_MIB)
#define FEW_LEN 100
#define FEW_TIMES 5
#define REST_LEN SL_MIB
#define DROP_LEN (FAST_LEN + FEW_TIMES * FEW_LEN + REST_LEN)

/* Fast, then a few bytes each 1.5 s, then fast again. */
static void
listen_with_drops(struct sim *sim, const char *data)
{
	static struct sim_step steps[4 + 2 * FEW_TIMES];
	static char head[100];
	struct sim_step *step = steps;
	int head_len = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n", (unsigned long long)DROP_LEN);
	*step++ = (struct sim_step){ .kind = SIM_STEP_SEND, .data = head, .len = (size_t)head_len };
	*step++ = (struct sim_step){ .kind = SIM_STEP_SEND, .data = data, .len = FAST_LEN };
	data += FAST_LEN;
	for (int i = 0; i < FEW_TIMES; i++, data += FEW_LEN) {
		*step++ = (struct sim_step){ .kind = SIM_STEP_PAUSE, .ns = 1500 * SL_NS_PER_MS };
		*step++ = (struct sim_step){ .kind = SIM_STEP_SEND, .data = data, .len = FEW_LEN };
	}
	*step++ = (struct sim_step){ .kind = SIM_STEP_SEND, .data = data, .len = REST_LEN };
	*step = (struct sim_step){ .kind = SIM_STEP_END };
	sim_listen(sim, &(struct sim_server){ .address = "10.0.0.9", .port = 80, .script = steps });
}

/* While bytes come fast, receives wait until many are there. */
Test(scenario_get_time, few_bytes_after_many_are_not_a_stall)
{
	struct sim_seeds seeds = sim_seeds(20);
	char *data = get_scene_body(1, DROP_LEN);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		scenario->get.stall_timeout_ns = 2 * SL_NS_PER_S;
		listen_with_drops(scenario->sim, data);
		get_scene_add(&scenario->get, (struct get_file){ .url = "http://10.0.0.9/x",
						      .name = "x",
						      .data = data,
						      .len = DROP_LEN });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		cr_expect_eq(scenario->get.files[0].retries, 0);
		scenario_free(scenario);
	}
	free(data);
}

/* Only a server that is waited for can stall. */
Test(scenario_get_time, a_disk_slower_than_the_stall_timeout_is_not_a_stall)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.disk_ns = 100 * SL_NS_PER_S;
		options.net_ns = SL_NS_PER_MS;
		struct scenario *scenario = scenario_new(&options);
		scenario->get.stall_timeout_ns = 5 * SL_NS_PER_S;
		scenario->get.directory_timeout_ns = 10000 * SL_NS_PER_S;
		/* A lookup is a call on a thread, which the simulator delays as it does a disk. */
		scenario->get.connect_timeout_ns = 10000 * SL_NS_PER_S;
		scenario->get.chunks = 2;
		for (size_t i = 0; i < 3; i++)
			scenario_offer(scenario, (struct sim_http_file){ .len = 300000 });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

/* "DIR/NAME" for a file that scenario_offer offers next. */
static void
offer_below(struct scenario *scenario, const char *dir)
{
	scenario->get.dir = dir;
	scenario_offer(scenario, (struct sim_http_file){ .len = 20000 });
	scenario->get.files[scenario->get.count - 1].dir = dir;
	scenario->get.dir = NULL;
}

#define HANGING 12 /* more than the jobs */
#define GOOD 10

/* Twelve inputs of directories that hang come first; two more of one of them last. */
static struct scenario *
hang_directories(uint64_t seed)
{
	static char dirs[HANGING][16];
	struct scenario *scenario = scenario_plain(seed);
	for (size_t i = 0; i < HANGING; i++) {
		snprintf(dirs[i], sizeof(dirs[i]), "mnt/d%zu", i);
		offer_below(scenario, dirs[i]);
	}
	for (size_t i = 0; i < GOOD; i++)
		offer_below(scenario, i % 2 ? "good/a" : "good");
	offer_below(scenario, dirs[0]);
	offer_below(scenario, "mnt/d0/below");
	sim_put_directory(scenario->sim, "mnt", 0755);
	sim_hang(scenario->sim, "mnt");
	scenario->get.directory_timeout_ns = 10 * SL_NS_PER_S;
	return scenario;
}

static void
expect_only_good_ones(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->get.count; i++)
		if (i >= HANGING && i < HANGING + GOOD)
			scenario_expect_done(scenario, i);
		else
			scenario_expect_failure(scenario, i, -ETIMEDOUT, SL_PHASE_DIRECTORY);
}

Test(scenario_get_time, directories_that_hang_fail_by_themselves_and_hold_up_no_others)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = hang_directories(seed);
		scenario_run(scenario);
		expect_only_good_ones(scenario);
		scenario_expect_duration(scenario, 10 * SL_NS_PER_S, 15 * SL_NS_PER_S);
		scenario_free(scenario);
	}
}

Test(scenario_get_time, the_deadline_of_the_run_ends_directories_that_hang)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = hang_directories(seed);
		scenario->get.run_ns = 8 * SL_NS_PER_S;
		scenario_run(scenario);
		expect_only_good_ones(scenario);
		scenario_expect_duration(
			scenario, 8 * SL_NS_PER_S, 8 * SL_NS_PER_S + SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
}

static void
end_hang(struct sim *sim, void *ctx)
{
	(void)ctx;
	sim_hang(sim, NULL);
}

/* Inputs of other directories are named in the meantime. */
Test(scenario_get_time, a_directory_that_responds_late_gives_its_names_in_the_order_of_the_inputs)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		offer_below(scenario, "slow/a");
		get_scene_add(&scenario->get,
			(struct get_file){ .url = SCENARIO_ORIGIN "/f0?other", .dir = "slow/a" });
		for (size_t i = 0; i < 4; i++)
			offer_below(scenario, "good");
		sim_hang(scenario->sim, "slow");
		sim_at_done(scenario->sim, 30, end_hang, NULL);
		scenario_run(scenario);
		for (size_t i = 0; i < scenario->get.count; i++)
			if (i != 1)
				scenario_expect_done(scenario, i);
		scenario_expect_failure(scenario, 1, SL_E_TWICE, SL_PHASE_NONE);
		scenario_free(scenario);
	}
}

Test(scenario_get_time, a_reader_of_standard_output_slower_than_the_stall_timeout_is_not_a_stall)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		sim_sink(scenario->sim, 1, 4096, 50);
		scenario->get.stall_timeout_ns = 5 * SL_NS_PER_S;
		scenario->get.output = "-";
		scenario_offer(scenario, (struct sim_http_file){ .len = 30000 })->name = NULL;
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		scenario_free(scenario);
	}
}

/* ---- the deadline of the run ---- */

Test(scenario_get_time, the_deadline_ends_whatever_the_run_is_waiting_for)
{
	struct sim_seeds seeds = sim_seeds(100);
	uint64_t done = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scenario *scenario = scenario_plain(seed);
		struct get_scene *get = &scenario->get;
		get->run_ns = 10 * SL_NS_PER_S;
		get->per_host = 2;
		get->jobs = 5;
		add_black_hole(scenario);
		scenario_offer(scenario, (struct sim_http_file){ .len = 1000 });
		scenario_offer(
			scenario, (struct sim_http_file){
					  .len = 100000, .drip = 100, .drip_ns = SL_NS_PER_S });
		scenario_offer(scenario,
			(struct sim_http_file){ .len = 100000, .misdeed = SIM_HTTP_STALLS });
		/* Waits for one of the two connections that the others have. */
		scenario_offer(scenario, (struct sim_http_file){ .len = 1000 });
		get_scene_add(get,
			(struct get_file){ .url = "http://" SILENT_ADDRESS "/x", .name = "x" });
		scenario_run(scenario);
		sim_check(scenario->sim, get->result == -ETIMEDOUT, "%d", get->result);
		done += get->summary.done;
		for (size_t i = 0; i < get->count; i++)
			sim_check(scenario->sim,
				get->files[i].state == SL_DOWNLOAD_DONE ||
					get->files[i].error.code == -ETIMEDOUT,
				"%s: %s", get->files[i].url, get->files[i].error.text);
		scenario_expect_duration(
			scenario, 10 * SL_NS_PER_S, 10 * SL_NS_PER_S + SCENARIO_SLACK_NS);
		scenario_free(scenario);
	}
	/* Where the two that take long have both connections, the others wait in vain. */
	cr_expect(sim_seeds_are_chosen() || done > 0, "none had time enough");
}

/* ---- committing ---- */

Test(scenario_get_time, a_small_file_waits_at_most_a_second_for_others_to_be_committed_with)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.net_ns = options.disk_ns = SL_NS_PER_MS;
		struct scenario *scenario = scenario_new(&options);
		struct get_scene *get = &scenario->get;
		get->jobs = 1;
		/* One after the other, each after 0.3 s. */
		for (size_t i = 0; i < 20; i++)
			scenario_offer(scenario,
				(struct sim_http_file){
					.len = 100, .drip = 100, .drip_ns = 300 * SL_NS_PER_MS });
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		for (size_t i = 0; i < get->count; i++) {
			uint64_t came_ns = (i + 1) * 350 * SL_NS_PER_MS;
			uint64_t done_ns = get->files[i].ended_ns - get->started_ns;
			sim_check(scenario->sim,
				done_ns < came_ns + SL_NS_PER_S + SCENARIO_SLACK_NS,
				"f%zu came before %.3f s and was done at %.3f s", i,
				(double)came_ns / 1e9, (double)done_ns / 1e9);
		}
		scenario_free(scenario);
	}
}

/* ---- kept-alive connections ---- */

/* Answers so many requests on each connection; at the next it closes it, in order or not. */
struct fickle {
	unsigned answers_first, answers_later; /* on the first connection, on the others */
	bool resets;
	unsigned requests;
};

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void
fickle_received(struct sim_peer *peer, void *ctx, const char *data, size_t len)
{
	static const char end[] = "\r\n\r\n";
	struct fickle *fickle = ctx;
	/* A request may come in pieces: how many were answered, how much of its end has come. */
	uintptr_t answered = (uintptr_t)sim_peer_data(peer) / sizeof(end);
	uintptr_t matched = (uintptr_t)sim_peer_data(peer) % sizeof(end);
	for (size_t i = 0; i < len; i++)
		matched = data[i] == end[matched] ? matched + 1 : data[i] == '\r';
	sim_peer_set_data(peer, (void *)(answered * sizeof(end) + matched));
	if (matched < sizeof(end) - 1)
		return;
	fickle->requests++;
	unsigned most = sim_peer_index(peer) ? fickle->answers_later : fickle->answers_first;
	if (answered < most) {
		sim_peer_set_data(peer, (void *)((answered + 1) * sizeof(end)));
		sim_peer_send(peer, ANSWER, sizeof(ANSWER) - 1);
	} else if (fickle->resets) {
		sim_peer_reset(peer);
	} else {
		sim_peer_finish(peer);
	}
}

static const struct sim_server_methods fickle_methods = { .received = fickle_received };

static struct scenario *
build_fickle(uint64_t seed, struct fickle *fickle, size_t count)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	static const char *const urls[] = { "http://10.0.0.5/a", "http://10.0.0.5/b",
		"http://10.0.0.5/c", "http://10.0.0.5/d", "http://10.0.0.5/e" };
	struct sim_options options = sim_options(seed);
	options.short_percent = 0; /* so that a request comes in one piece */
	struct scenario *scenario = scenario_new(&options);
	scenario->get.jobs = 1;
	fickle->resets = seed % 2;
	sim_listen(scenario->sim, &(struct sim_server){ .address = "10.0.0.5",
					  .port = 80,
					  .methods = &fickle_methods,
					  .ctx = fickle });
	for (size_t i = 0; i < count; i++)
		get_scene_add(&scenario->get,
			(struct get_file){
				.url = urls[i], .name = names[i], .data = "ok", .len = 2 });
	return scenario;
}

Test(scenario_get_time, a_connection_closed_under_a_request_is_replaced_once_and_silently)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fickle fickle = { .answers_first = 1, .answers_later = 1 };
		struct scenario *scenario = build_fickle(seed, &fickle, 5);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		sim_check(scenario->sim, sim_connections(scenario->sim) == 5, "%u connections",
			sim_connections(scenario->sim));
		sim_check(scenario->sim, fickle.requests == 9, "%u requests", fickle.requests);
		scenario_free(scenario);
	}
}

Test(scenario_get_time, a_fresh_connection_that_is_closed_is_a_failure)
{
	struct sim_seeds seeds = sim_seeds(50);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fickle fickle = { .answers_first = 1, .answers_later = 0 };
		struct scenario *scenario = build_fickle(seed, &fickle, 2);
		scenario_run(scenario);
		scenario_expect_done(scenario, 0);
		scenario_expect_failure(scenario, 1, -ECONNRESET, SL_PHASE_HEAD);
		sim_check(scenario->sim, fickle.requests == 3, "%u requests", fickle.requests);
		scenario_free(scenario);
	}
}
