/* Samples of a source against the bytes of a local file: which are taken, and what comes of them
 * with each kind of server, in the simulated world. */
#include "support/run.h"
#include "support/scenario.h"

#include "sluice/base/random.h"
#include "sluice/download/overlap.h"
#include "sluice/rt/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define SIZE (1 * SL_MIB + 12345)

/* ---- which ---- */

Test(overlap, samples_are_at_hand_in_order_and_reach_both_ends)
{
	struct sl_random random;
	sl_random_init(&random, 1);
	for (unsigned round = 0; round < 2000; round++) {
		struct sl_range samples[SL_OVERLAP_SAMPLES];
		struct sl_ranges at_hand;
		struct sl_range all = { UINT64_MAX, 0 };
		uint64_t total = 1 + sl_random_below(&random, 4 * SL_MIB), last = 0;
		sl_ranges_init(&at_hand, total);
		for (uint64_t n = sl_random_below(&random, 8); n > 0; n--) {
			uint64_t begin = sl_random_below(&random, total);
			uint64_t most = 1 + sl_random_below(&random, 2) * 300000;
			struct sl_range range = { begin,
				SL_MIN(begin + 1 + sl_random_below(&random, most), total) };
			cr_assert_eq(sl_ranges_add_done(&at_hand, range), 0);
			all.begin = SL_MIN(all.begin, range.begin);
			all.end = SL_MAX(all.end, range.end);
		}
		size_t count = sl_overlap_samples(&at_hand, samples);
		cr_assert_eq(count > 0, at_hand.done_bytes > 0);
		for (size_t i = 0; i < count; i++) {
			cr_assert(samples[i].begin >= last && samples[i].begin < samples[i].end);
			cr_assert_leq(samples[i].end - samples[i].begin, SL_OVERLAP_SAMPLE);
			cr_assert(sl_ranges_has(&at_hand, samples[i]));
			last = samples[i].end;
		}
		if (count > 0)
			cr_assert_eq(samples[0].begin, all.begin);
		if (at_hand.done_bytes >= SL_OVERLAP_SAMPLES * SL_OVERLAP_SAMPLE) {
			cr_assert_gt(count, 1);
			/* In the last SAMPLE bytes that are at hand. */
			struct sl_range rest = { 0 };
			uint64_t after = 0;
			for (uint64_t off = samples[count - 1].end;
				sl_ranges_next_done(&at_hand, off, &rest); off = rest.end)
				after += rest.end - rest.begin;
			cr_assert_lt(after, SL_OVERLAP_SAMPLE);
		}
		sl_ranges_release(&at_hand);
	}
}

/* ---- what comes of them ---- */

struct world {
	struct scenario *scenario;
	struct sim_http_file served;
	const char *local; /* what the file has */
	size_t local_len;
	struct sl_resource expected;
	bool is_missing; /* nothing listens */
	/* results */
	int result;
	struct sl_error err;
	struct sl_source answer;
	char url[64];
};

SL_SUSPENDS
static void
compare(struct world *world, struct sl_overlap *overlap)
{
	const char *url = world->is_missing ? "http://10.0.0.9/f" : SCENARIO_ORIGIN "/f";
	struct sl_entry entry = { .sources = { sl_span_str(url) }, .source_count = 1 };
	struct sl_sources sources;
	struct sl_ranges at_hand;
	sl_sources_init(&sources, &entry);
	cr_assert_eq(sl_sources_use(&sources, 0, &world->err), 0);
	sl_ranges_init(&at_hand, SIZE);
	cr_assert_eq(sl_ranges_add_done(&at_hand, (struct sl_range){ 1000, SIZE - 1000 }), 0);
	overlap->sources = &sources;
	overlap->at_hand = &at_hand;
	world->result = sl_overlap_compare(overlap, &world->err);
	world->answer = overlap->answer;
	if (overlap->answer.has_url)
		snprintf(world->url, sizeof(world->url), "%s", overlap->answer.url.target);
	sl_source_release(&overlap->answer);
	sl_ranges_release(&at_hand);
	sl_sources_release(&sources);
}

static int
main_task(void *arg)
{
	struct world *world = arg;
	struct sl_overlap overlap = { .expected = world->expected };
	struct sl_http_client_options options = { .per_host = 4,
		.total = 4,
		.connect_timeout_ns = 5 * SL_NS_PER_S,
		.stall_timeout_ns = 5 * SL_NS_PER_S,
		.max_redirects = 3 };
	cr_assert_eq(sl_http_client_new(&overlap.client, &options, &world->err), 0);
	cr_assert_eq(sl_chunk_pool_new(&overlap.pool, 2, 64 * SL_KIB), 0);
	struct sl_admission_options admission = { 1, 1, overlap.pool };
	cr_assert_eq(sl_admission_new(&overlap.admission, &admission), 0);
	overlap.fd = sl_io_open(AT_FDCWD, "local", O_RDONLY, 0, 0);
	cr_assert_geq(overlap.fd, 0);
	compare(world, &overlap);
	sl_io_close(overlap.fd);
	sl_admission_free(overlap.admission);
	sl_http_client_free(overlap.client);
	sl_chunk_pool_free(overlap.pool);
	return 0;
}

static struct world
new_world(uint64_t seed)
{
	const char *body = scenario_body(0, SIZE);
	return (struct world){ .scenario = scenario_plain(seed),
		.served = { .path = "/f", .data = body, .len = SIZE, .ranges = true },
		.local = body,
		.local_len = SIZE,
		.expected = { .length = SIZE } };
}

static int
run(struct world *world)
{
	struct scenario *scenario = world->scenario;
	sim_http_add(scenario->http, &world->served);
	sim_put_file(scenario->sim, "local", world->local, world->local_len, 0644);
	cr_assert_eq(sim_run(scenario->sim, main_task, world), 0);
	return world->result;
}

static void
end(struct world *world)
{
	scenario_free(world->scenario);
}

Test(overlap, equal_bytes_are_the_same_and_cost_three_requests_on_one_connection)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world world = new_world(seed);
		world.served.etag = "\"one\"";
		cr_expect_eq(run(&world), SL_OVERLAP_SAME, "%s", world.err.text);
		cr_expect_eq(world.answer.resource.length, SIZE);
		cr_expect_str_eq(world.answer.resource.etag, "\"one\"");
		cr_expect_str_eq(world.url, "/f");
		cr_expect_eq(sim_http_requests(world.scenario->http), 3);
		cr_expect_eq(sim_http_connections(world.scenario->http), 1);
		end(&world);
	}
}

/* One byte of the first, the middle or the last sample. */
Test(overlap, one_other_byte_in_a_sample_differs)
{
	static const size_t places[] = { 1000, SIZE / 2 + 10, SIZE - 1001 };
	for (size_t i = 0; i < SL_COUNT_OF(places); i++) {
		struct world world = new_world(i);
		struct sl_buf other = { 0 };
		sl_buf_add(&other, world.local, SIZE);
		other.data[places[i]] ^= 1;
		world.served.data = other.data;
		cr_expect_eq(run(&world), SL_OVERLAP_DIFFERS);
		cr_expect_eq(world.err.code, SL_E_CHANGED);
		cr_expect(strstr(world.err.text, "other bytes"), "%s", world.err.text);
		end(&world);
		sl_buf_release(&other);
	}
}

Test(overlap, another_size_or_validator_differs_without_a_comparison)
{
	struct world world = new_world(1);
	world.expected.length = SIZE + 1;
	cr_expect_eq(run(&world), SL_OVERLAP_DIFFERS);
	cr_expect_eq(sim_http_requests(world.scenario->http), 1);
	end(&world);
	world = new_world(2);
	world.served.etag = "\"one\"";
	snprintf(world.expected.etag, sizeof(world.expected.etag), "\"two\"");
	cr_expect_eq(run(&world), SL_OVERLAP_DIFFERS);
	end(&world);
	world = new_world(3);
	world.served.ranges = false;
	world.expected.length = SIZE + 1;
	cr_expect_eq(run(&world), SL_OVERLAP_DIFFERS);
	end(&world);
}

/* As of a file that has grown. */
Test(overlap, the_size_need_not_be_known)
{
	struct world world = new_world(1);
	world.expected.length = SL_LENGTH_UNKNOWN;
	cr_expect_eq(run(&world), SL_OVERLAP_SAME, "%s", world.err.text);
	end(&world);
}

Test(overlap, a_version_that_changes_between_the_samples_differs)
{
	struct world world = new_world(1);
	struct sim_http_file later = world.served;
	later.etag = "\"two\"";
	world.served.etag = "\"one\"";
	world.served.later = &later;
	world.served.later_from = 2;
	cr_expect_eq(run(&world), SL_OVERLAP_DIFFERS);
	end(&world);
}

Test(overlap, a_source_that_cannot_be_compared_is_unclear)
{
	for (unsigned kind = 0; kind < 5; kind++) {
		struct world world = new_world(kind);
		switch (kind) {
		case 0:
			world.served.ranges = false;
			break;
		case 1:
			world.served.bad_answers = UINT_MAX;
			world.served.bad_status = 404;
			break;
		case 2:
			world.served.misdeed = SIM_HTTP_RESETS;
			world.served.misdeed_at = 100;
			break;
		case 3:
			world.served.misdeed = SIM_HTTP_STALLS;
			world.served.misdeed_at = 100;
			break;
		case 4:
			world.is_missing = true;
			break;
		}
		cr_expect_eq(run(&world), SL_OVERLAP_UNCLEAR, "%u", kind);
		cr_expect(world.err.code, "%u", kind);
		end(&world);
	}
}

Test(overlap, a_redirect_is_kept_with_its_origin)
{
	struct world world = new_world(1);
	struct sim_http_file target = world.served;
	struct sim_http *other = sim_http_new(world.scenario->sim, "10.0.0.2", 80);
	target.path = "/there";
	world.served = (struct sim_http_file){
		.path = "/f", .status = 302, .location = "http://10.0.0.2/there"
	};
	sim_http_add(other, &target);
	cr_expect_eq(run(&world), SL_OVERLAP_SAME, "%s", world.err.text);
	cr_expect(world.answer.scope.has_left);
	cr_expect_str_eq(world.url, "/there");
	cr_expect_eq(sim_http_requests(world.scenario->http), 1);
	cr_expect_eq(sim_http_requests(other), 3);
	end(&world);
	sim_http_free(other);
}

/* What fails here is not taken for a fault of the source. */
Test(overlap, a_file_that_is_too_short_fails)
{
	struct world world = new_world(1);
	world.local_len = 500;
	cr_expect_eq(run(&world), -EIO);
	cr_expect_eq(world.err.phase, SL_PHASE_READ);
	end(&world);
}
