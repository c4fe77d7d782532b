/*
 * A file that goes to a stream over several connections, in the simulated world: its bytes come in
 * their order, each once, within the chunks of the pool, whatever the server and the reader do.
 */
#include "support/scenario.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>

#define CHUNK (16 * SL_KIB)
#define REMOTE_TIME "Tue, 14 Nov 2023 22:13:21 GMT"

static struct scenario *
begin(const struct sim_options *options, struct sim_http_file file, uint64_t reader_bytes_s)
{
	struct scenario *scenario = scenario_new(options);
	scenario->get.segments = 4;
	scenario->get.min_segment = CHUNK;
	scenario->get.chunk_size = CHUNK;
	scenario->get.chunks = 12;
	scenario->get.output = "-";
	sim_sink(scenario->sim, 1, 16 * SL_KIB, reader_bytes_s);
	file.ranges = true;
	file.etag = "\"one\"";
	file.modified = REMOTE_TIME;
	scenario_offer(scenario, file)->name = NULL;
	return scenario;
}

/* All of the file, or of one that failed its beginning. */
static void
expect_in_order(struct scenario *scenario)
{
	const struct get_file *file = &scenario->get.files[0];
	struct sl_span out = sim_sink_data(scenario->sim, 1);
	bool is_done = file->state == SL_DOWNLOAD_DONE;
	sim_check(scenario->sim, is_done ? out.len == file->len : out.len <= file->len,
		"%zu bytes of %zu in state %d: %s", out.len, file->len, file->state,
		file->error.text);
	sim_check(scenario->sim, memcmp(out.data, file->data, out.len) == 0, "other bytes");
}

/* ---- mixed ---- */

static struct sim_http_file
mixed_file(struct sl_random *random)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_HONEST, SIM_HTTP_ENDS,
		SIM_HTTP_RESETS, SIM_HTTP_STALLS, SIM_HTTP_PAUSES };
	static const uint64_t drips_ns[] = { 0, 0, SL_NS_PER_MS, 20 * SL_NS_PER_MS };
	size_t len = 100000 + (size_t)sl_random_below(random, 300000);
	return (struct sim_http_file){ .len = len,
		.misdeed = misdeeds[sl_random_below(random, SL_COUNT_OF(misdeeds))],
		.misdeed_at = (size_t)sl_random_below(random, 3 * CHUNK),
		.misdeed_ns = sl_random_below(random, 20 * SL_NS_PER_S),
		.misdeeds = 1 + (unsigned)sl_random_below(random, 12),
		.busy_from = 2 + (unsigned)sl_random_below(random, 9),
		.busy = (unsigned)sl_random_below(random, 3),
		.drip_ns = drips_ns[sl_random_below(random, SL_COUNT_OF(drips_ns))],
		.drip = 4000 };
}

static struct scenario *
build_mixed(uint64_t seed, char *sum)
{
	static const uint64_t readers[] = { SL_FOREVER, SL_FOREVER, 1000000, 100000 };
	struct sl_random random;
	sl_random_init(&random, seed);
	struct sim_options options = sim_options(seed);
	options.late_percent = (unsigned)sl_random_below(&random, 101);
	struct sim_http_file file = mixed_file(&random);
	struct scenario *scenario =
		begin(&options, file, readers[sl_random_below(&random, SL_COUNT_OF(readers))]);
	scenario->get.segments = 2 + (unsigned)sl_random_below(&random, 7);
	scenario->get.per_host = 1 + (unsigned)sl_random_below(&random, 8);
	scenario->get.chunks = 2 + (size_t)sl_random_below(&random, 14);
	sim_http_set_segment(scenario->http, scenario->sim, SL_KIB << sl_random_below(&random, 5));
	if (sl_random_below(&random, 2))
		scenario_set_checksum(&scenario->get.files[0], sum);
	return scenario;
}

Test(scenario_get_stream, whatever_happens_each_byte_comes_once_and_in_order, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(150);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		char sum[SCENARIO_SUM];
		struct scenario *scenario = build_mixed(seed, sum);
		scenario_run(scenario);
		expect_in_order(scenario);
		const struct get_file *file = &scenario->get.files[0];
		sim_check(scenario->sim, file->error.code != SL_E_CHECKSUM, "%s", file->error.text);
		scenario_free(scenario);
	}
}

/* ---- responses that break off ---- */

static struct scenario *
begin_broken(uint64_t seed, unsigned segments, struct sim_http_file file)
{
	struct sim_options options = sim_options(seed);
	struct scenario *scenario =
		begin(&options, file, seed % 2 ? (uint64_t)SL_FOREVER : 1000000);
	scenario->get.segments = segments;
	scenario->get.retry =
		(struct sl_retry_policy){ .retries = 60, .max_wait_ns = SL_NS_PER_S, .seed = seed };
	return scenario;
}

/* All is there each time, since what follows the last byte that was written is requested. */
Test(scenario_get_stream, goes_on_behind_the_last_byte_that_was_written, .timeout = 900)
{
	static const size_t steps[] = { 1009, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 90001 };
	struct sim_seeds seeds = sim_seeds(6);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		for (size_t i = 0; i < SL_COUNT_OF(steps); i++) {
			char sum[SCENARIO_SUM];
			struct scenario *scenario = begin_broken(seed, seed % 3 ? 1 : 4,
				(struct sim_http_file){ .len = 200000,
					.misdeed = seed % 2 ? SIM_HTTP_RESETS : SIM_HTTP_ENDS,
					.misdeed_at = steps[i] });
			scenario_set_checksum(&scenario->get.files[0], sum);
			scenario_run(scenario);
			scenario_expect_all_done(scenario);
			expect_in_order(scenario);
			/* With several, those that are left may bring it all. */
			sim_check(scenario->sim,
				seed % 3 == 0 || scenario->get.files[0].retries > 0, "no retry");
			scenario_free(scenario);
		}
}

/* The reader has the beginning of one version; the rest of the other must not follow. */
Test(scenario_get_stream, never_goes_on_with_another_version)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		size_t len = 200000;
		struct sim_http_file later = { .len = len,
			.data = scenario_body(1, len),
			.path = "/f0",
			.ranges = true,
			.etag = "\"two\"",
			.modified = "Tue, 14 Nov 2023 22:13:22 GMT" };
		struct scenario *scenario = begin_broken(seed, seed % 3 ? 1 : 4,
			(struct sim_http_file){ .len = len,
				.misdeed = SIM_HTTP_RESETS,
				.misdeed_at = 3 * CHUNK,
				.later = &later,
				.later_from = 1 + (unsigned)seed % 3 });
		sim_http_set_segment(scenario->http, scenario->sim, SL_KIB);
		scenario_run(scenario);
		expect_in_order(scenario);
		const struct get_file *file = &scenario->get.files[0];
		sim_check(scenario->sim, file->error.code == SL_E_CHANGED, "%d: %s",
			file->error.code, file->error.text);
		scenario_free(scenario);
	}
}

/* Nothing tells another version by, so no later response can be trusted to be of this one. */
Test(scenario_get_stream, is_not_begun_again_without_a_validator)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_http_file broken = {
			.len = 200000, .misdeed = SIM_HTTP_ENDS, .misdeed_at = 3 * CHUNK
		};
		struct scenario *scenario = begin_broken(seed, 4, broken);
		scenario->files[0].served.ranges = seed % 2;
		scenario->files[0].served.etag = scenario->files[0].served.modified = NULL;
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, SL_E_SHORT_BODY, SL_PHASE_BODY);
		expect_in_order(scenario);
		unsigned answers = sim_http_answers(scenario->http, "/f0");
		sim_check(scenario->sim, answers == 1, "%u requests", answers);
		scenario_free(scenario);
	}
}

/* ---- servers that send no ranges ---- */

/* Each response gets further than the one before it. */
Test(scenario_get_stream, skips_what_was_written_if_the_server_sends_no_ranges, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		char sum[SCENARIO_SUM];
		size_t len = 200000;
		struct sim_http_file later = { .len = len,
			.data = scenario_body(0, len),
			.path = "/f0",
			.etag = "\"one\"",
			.modified = REMOTE_TIME,
			.misdeed = SIM_HTTP_RESETS,
			.misdeed_at = 6 * CHUNK,
			.misdeeds = 2 };
		struct sim_http_file broken = { .len = len,
			.misdeed = seed % 2 ? SIM_HTTP_RESETS : SIM_HTTP_ENDS,
			.misdeed_at = 3 * CHUNK,
			.later = &later,
			.later_from = 1 + (unsigned)seed % 3 };
		struct scenario *scenario = begin_broken(seed, seed % 4 < 2 ? 1 : 4, broken);
		scenario->files[0].served.ranges = seed % 5 > 0; /* not even offered */
		if (seed % 3 == 0) { /* Last-Modified, a minute before Date */
			later.etag = scenario->files[0].served.etag = NULL;
			later.date = scenario->files[0].served.date =
				"Tue, 14 Nov 2023 22:14:21 GMT";
		}
		if (seed % 2)
			scenario_set_checksum(&scenario->get.files[0], sum);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		expect_in_order(scenario);
		scenario_free(scenario);
	}
}

/* The size and the validator are those of the first response, but not the bytes. */
Test(scenario_get_stream, does_not_skip_other_bytes_than_were_written)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		size_t len = 200000;
		struct sim_http_file later = { .len = len,
			.data = scenario_body(1, len),
			.path = "/f0",
			.etag = "\"one\"",
			.modified = REMOTE_TIME };
		struct scenario *scenario = begin_broken(seed, 1,
			(struct sim_http_file){ .len = len,
				.misdeed = SIM_HTTP_ENDS,
				.misdeed_at = 3 * CHUNK,
				.later = &later,
				.later_from = 1 });
		scenario_run(scenario);
		scenario_expect_failure(scenario, 0, SL_E_CHANGED, SL_PHASE_HEAD);
		expect_in_order(scenario);
		scenario_free(scenario);
	}
}

/* The first response is slow, and its rest is requested once more: both bring the same bytes, for a
 * while side by side. */
Test(scenario_get_stream, bytes_that_two_connections_bring_come_once)
{
	uint64_t hedged = 0;
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		struct sim_http_file file = { .len = 600000,
			.drip = 1000 + (size_t)seed % 7 * 500,
			.drip_ns = 50 * SL_NS_PER_MS,
			.drips = 1 + (unsigned)seed % 3 };
		struct scenario *scenario = begin(&options, file, SL_FOREVER);
		scenario->get.chunks = 40;
		sim_http_set_segment(scenario->http, scenario->sim, 4 * SL_KIB);
		scenario_run(scenario);
		scenario_expect_all_done(scenario);
		expect_in_order(scenario);
		hedged += scenario->get.summary.segments.hedged;
		scenario_free(scenario);
	}
	cr_assert(hedged > 0 || sim_seeds_are_chosen());
}
