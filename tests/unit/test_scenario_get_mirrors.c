/*
 * One file from several sources at once, in the simulated world: which join, what becomes of those
 * that differ or fail, and what each of them is sent.
 */
#include "support/chance.h"
#include "support/scenario.h"

#include "sluice/base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <openssl/sha.h>

#define SIZE (8 * SL_MIB + 70001)
#define TIME "Tue, 14 Nov 2023 22:13:21 GMT"
#define LATER "Tue, 14 Nov 2023 22:13:22 GMT"
#define NOW "Wed, 15 Nov 2023 22:13:21 GMT"
#define KIND(kind) (1ull << (kind))
#define SECOND "http://10.0.0.2"
#define THIRD "http://10.0.0.3"

struct mirrors {
	struct scenario *scenario;
	struct get_file *get;
	struct sim_http *second, *third;
	struct sim_http_file *served; /* what the first source has */
	struct sim_http_file mirror, mirror3;
	char sum[SCENARIO_SUM];
};

/* 1.25 MiB/s a connection. */
static struct sim_http_file
ranged(void)
{
	return (struct sim_http_file){ .len = SIZE,
		.ranges = true,
		.etag = "\"one\"",
		.modified = TIME,
		.date = NOW,
		.drip = 64 * SL_KIB,
		.drip_ns = 50 * SL_NS_PER_MS };
}

/* ---- warnings ---- */

static char warnings[8192];

static void
keep_warning(void *ctx, enum sl_log_level level, const char *text)
{
	(void)ctx;
	size_t len = strlen(warnings);
	if (level <= SL_LOG_WARN)
		snprintf(warnings + len, sizeof(warnings) - len, "%s\n", text);
}

/* Two servers have the same file; a third one is there, and has nothing yet. */
static struct mirrors *
begin(uint64_t seed)
{
	struct mirrors *mirrors = calloc(1, sizeof(*mirrors));
	struct sim_options options = sim_options(seed);
	options.short_percent = 0;
	struct scenario *scenario = mirrors->scenario = scenario_new(&options);
	scenario->get.segments = 4;
	scenario->get.min_segment = 512 * SL_KIB;
	scenario->get.chunk_size = 128 * SL_KIB;
	scenario->get.chunks = 24;
	scenario->get.resume = true;
	sim_http_set_segment(scenario->http, scenario->sim, 64 * SL_KIB);
	mirrors->second = sim_http_new(scenario->sim, "10.0.0.2", 80);
	mirrors->third = sim_http_new(scenario->sim, "10.0.0.3", 80);
	sim_http_set_segment(mirrors->second, scenario->sim, 64 * SL_KIB);
	sim_http_set_segment(mirrors->third, scenario->sim, 64 * SL_KIB);
	mirrors->get = scenario_offer(scenario, ranged());
	mirrors->get->mirror = SECOND "/f0";
	mirrors->served = &scenario->files[0].served;
	warnings[0] = '\0';
	sl_log_set_sink(keep_warning, NULL, SL_LOG_WARN);
	mirrors->mirror = *mirrors->served;
	mirrors->mirror3 = *mirrors->served;
	sim_http_add(mirrors->second, &mirrors->mirror);
	sim_http_add(mirrors->third, &mirrors->mirror3);
	return mirrors;
}

static void
end(struct mirrors *mirrors)
{
	scenario_free(mirrors->scenario);
	sim_http_free(mirrors->second);
	sim_http_free(mirrors->third);
	free(mirrors);
}

static void
run(struct mirrors *mirrors)
{
	scenario_run(mirrors->scenario);
}

/* The same command in the world that the first run has left. */
static struct get_scene
next_run(const struct get_scene *first, struct sim *world)
{
	struct get_scene again = *first;
	again.sim = world;
	again.files[0].reported = false;
	again.files[0].retries = 0;
	return again;
}

static uint64_t
delivered(const struct mirrors *mirrors, size_t source)
{
	return mirrors->get->delivered[source];
}

/* A copy of the body with one byte changed; the caller's. */
static char *
differ_at(const struct mirrors *mirrors, size_t off)
{
	char *data = malloc(SIZE);
	memcpy(data, mirrors->served->data, SIZE);
	data[off] ^= 1;
	return data;
}

/* In pieces of 1 MiB. */
static struct sl_pieces
pieces_of(const char *data)
{
	static unsigned char digests[32 * 16];
	struct sl_pieces pieces = { .kind = SL_CHECKSUM_SHA256,
		.length = SL_MIB,
		.digests = digests,
		.count = SIZE / SL_MIB + 1 };
	for (size_t i = 0; i < pieces.count; i++) {
		size_t off = i * SL_MIB, len = SL_MIN((size_t)SIZE - off, (size_t)SL_MIB);
		SHA256((const unsigned char *)data + off, len, digests + i * 32);
	}
	return pieces;
}

/* ---- two that agree ---- */

/* To within three of the sixteen pieces of 512 KiB. */
Test(scenario_get_mirrors, two_mirrors_bring_half_of_the_file_each)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin(seed);
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_geq(delivered(mirrors, 0), SIZE / 2 - SL_MIB - SL_MIB / 2);
		cr_expect_geq(delivered(mirrors, 1), SIZE / 2 - SL_MIB - SL_MIB / 2);
		cr_expect_eq(delivered(mirrors, 0) + delivered(mirrors, 1), SIZE);
		end(mirrors);
	}
}

/* At most so many connections to a host, and for a file. */
Test(scenario_get_mirrors, more_hosts_allow_more_connections)
{
	uint64_t ns[2];
	for (unsigned i = 0; i < 2; i++) {
		struct mirrors *mirrors = begin(1);
		mirrors->scenario->get.per_host = 1;
		if (i == 0)
			mirrors->get->mirror = NULL;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		ns[i] = mirrors->scenario->get.ended_ns - mirrors->scenario->get.started_ns;
		end(mirrors);
	}
	cr_expect_lt(ns[1], ns[0] * 7 / 10, "%llu of %llu ns", (unsigned long long)ns[1],
		(unsigned long long)ns[0]);
}

Test(scenario_get_mirrors, a_slow_mirror_does_not_slow_down_a_fast_one)
{
	uint64_t ns[2];
	for (unsigned i = 0; i < 2; i++) {
		struct mirrors *mirrors = begin(1);
		mirrors->mirror.drip_ns = 5 * SL_NS_PER_S; /* 13 KB/s */
		if (i == 0)
			mirrors->get->mirror = NULL;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		ns[i] = mirrors->scenario->get.ended_ns - mirrors->scenario->get.started_ns;
		end(mirrors);
	}
	cr_expect_lt(ns[1], ns[0] * 13 / 10, "%llu of %llu ns", (unsigned long long)ns[1],
		(unsigned long long)ns[0]);
}

/* Connections to slow ones are left, of which none is slower than the others. */
Test(scenario_get_mirrors, what_slow_mirrors_have_begun_comes_from_a_fast_one_in_the_end)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin(seed);
		struct sim_http_file slow = mirrors->mirror;
		slow.drip = 4 * SL_KIB;
		slow.drip_ns = 500 * SL_NS_PER_MS; /* 8 KB/s */
		mirrors->mirror.later = mirrors->mirror3.later = &slow;
		mirrors->mirror.later_from = mirrors->mirror3.later_from = 4; /* 3 to compare */
		mirrors->scenario->get.per_host = 1;
		mirrors->get->mirror2 = THIRD "/f0";
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_gt(delivered(mirrors, 1), 0);
		cr_expect_gt(delivered(mirrors, 2), 0);
		scenario_expect_duration(mirrors->scenario, 0, 10 * SL_NS_PER_S);
		cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
		end(mirrors);
	}
}

Test(scenario_get_mirrors, a_fast_mirror_brings_most_of_it)
{
	struct mirrors *mirrors = begin(1);
	mirrors->scenario->get.per_host = 2;
	mirrors->served->drip_ns = 500 * SL_NS_PER_MS;
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_gt(delivered(mirrors, 1), 3 * delivered(mirrors, 0));
	end(mirrors);
}

/* ---- those that differ ---- */

/* Size, Last-Modified without a checksum, or bytes of a sample: none of its bytes are used. */
Test(scenario_get_mirrors, a_mirror_that_differs_is_not_mixed)
{
	for (unsigned kind = 0; kind < 8; kind++) {
		struct mirrors *mirrors = begin(kind);
		char *data = differ_at(mirrors, 10);
		switch (kind) {
		case 0:
			mirrors->mirror.len = SIZE - 1;
			break;
		case 1:
			mirrors->mirror.modified = LATER;
			mirrors->mirror.etag = "\"two\"";
			break;
		case 2:
			mirrors->mirror.data = data;
			break;
		case 3:
			mirrors->mirror.ranges = false;
			break;
		case 4:
			mirrors->mirror.bad_answers = UINT_MAX;
			mirrors->mirror.bad_status = 404;
			break;
		case 5: /* no validator, with which a change in the meantime would go unnoticed */
			mirrors->mirror.etag = NULL;
			mirrors->mirror.date = NULL;
			break;
		case 6: /* the same with a checksum */
			scenario_set_checksum(mirrors->get, mirrors->sum);
			mirrors->mirror.etag = NULL;
			mirrors->mirror.date = NULL;
			break;
		case 7: /* other ETags, and no time that shows whether they are of one version */
			mirrors->served->modified = mirrors->mirror.modified = NULL;
			mirrors->mirror.etag = "\"two\"";
			break;
		}
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_eq(delivered(mirrors, 0), SIZE, "%u", kind);
		cr_expect_eq(delivered(mirrors, 1), 0, "%u", kind);
		cr_expect(strstr(warnings, "'" SECOND "/f0'"), "it is named: %s", warnings);
		cr_expect_gt(sim_http_requests(mirrors->second), 0, "%u", kind);
		end(mirrors);
		free(data);
	}
}

/* A checksum of the whole finds what samples have not: then no bytes are mixed any more. */
Test(scenario_get_mirrors, with_a_checksum_another_time_is_mixed)
{
	struct mirrors *mirrors = begin(1);
	mirrors->mirror.modified = LATER;
	mirrors->mirror.etag = "\"two\"";
	scenario_set_checksum(mirrors->get, mirrors->sum);
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_gt(delivered(mirrors, 1), 0);
	end(mirrors);
}

/* In no sample, since it is near the end. */
Test(scenario_get_mirrors, a_mirror_that_differs_in_one_byte_is_found_by_the_checksum)
{
	for (unsigned bad = 0; bad < 2; bad++) {
		struct mirrors *mirrors = begin(bad);
		char *data = differ_at(mirrors, SIZE - 100000);
		scenario_set_checksum(mirrors->get, mirrors->sum);
		if (bad == 0)
			mirrors->served->data = data;
		else
			mirrors->mirror.data = data;
		/* The bad one has the end. */
		struct sim_http_file *good = bad == 0 ? &mirrors->mirror : mirrors->served;
		good->drip_ns = 400 * SL_NS_PER_MS;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_eq(delivered(mirrors, 1 - bad), SIZE, "alone in the end");
		cr_expect_eq(delivered(mirrors, bad), 0);
		end(mirrors);
		free(data);
	}
}

Test(scenario_get_mirrors, a_bad_piece_comes_from_another_mirror)
{
	for (unsigned bad = 0; bad < 2; bad++) {
		struct mirrors *mirrors = begin(bad);
		struct sl_pieces pieces = pieces_of(mirrors->served->data);
		char *data = differ_at(mirrors, SIZE - 100000);
		mirrors->get->pieces = &pieces;
		if (bad == 0)
			mirrors->served->data = data;
		else
			mirrors->mirror.data = data;
		struct sim_http_file *good = bad == 0 ? &mirrors->mirror : mirrors->served;
		good->drip_ns = 400 * SL_NS_PER_MS;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_gt(delivered(mirrors, bad), 0, "what was good of it is kept");
		cr_expect_lt(mirrors->get->fetched, SIZE + 3 * SL_MIB,
			"one piece again, and what was on its way");
		cr_expect(strstr(warnings, bad ? "'" SECOND "/f0' has sent pieces"
					       : "'" SCENARIO_ORIGIN "/f0' has sent pieces"),
			"it is named: %s", warnings);
		end(mirrors);
		free(data);
	}
}

/* All of it came from one source before the other was asked. */
Test(scenario_get_mirrors, a_bad_piece_comes_from_a_source_that_was_not_asked_before)
{
	struct mirrors *mirrors = begin(1);
	struct sl_pieces pieces = pieces_of(mirrors->served->data);
	char *data = differ_at(mirrors, SIZE / 2);
	mirrors->get->pieces = &pieces;
	mirrors->served->data = data;
	mirrors->scenario->get.segments = 1;
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_lt(delivered(mirrors, 1), 2 * SL_MIB);
	cr_expect_gt(delivered(mirrors, 1), 0);
	end(mirrors);
	free(data);
}

/* A piece that is bad begins with what an earlier run has left, and ends with what a source has
 * sent now. */
Test(scenario_get_mirrors, a_source_is_not_blamed_for_the_bytes_of_an_earlier_run)
{
	struct mirrors *mirrors = begin(1);
	struct get_scene *first = &mirrors->scenario->get;
	struct sl_pieces pieces = pieces_of(mirrors->served->data);
	const char *data = mirrors->served->data;
	char *bad = differ_at(mirrors, SL_MIB + 1000);
	uint64_t at_op = 0;
	mirrors->get->pieces = &pieces;
	mirrors->served->data = bad;
	mirrors->served->misdeed = SIM_HTTP_RESETS;
	mirrors->served->misdeed_at = SL_MIB + SL_MIB / 2;
	mirrors->mirror.bad_answers = UINT_MAX;
	mirrors->mirror.bad_status = 404;
	first->segments = 1;
	run(mirrors);
	cr_expect_eq(mirrors->get->state, SL_DOWNLOAD_FAILED);
	get_scene_cut(first, SIM_CRASH_KILL);
	struct sim *world = sim_cut_world(mirrors->scenario->sim, &at_op);
	mirrors->served->data = data;
	mirrors->served->misdeed = SIM_HTTP_HONEST;
	mirrors->mirror.bad_answers = 0;
	sim_http_serve(mirrors->scenario->http, world);
	sim_http_serve(mirrors->second, world);
	struct get_scene again = next_run(first, world);
	warnings[0] = '\0';
	get_scene_run(&again);
	get_scene_check(&again);
	cr_expect_eq(again.files[0].state, SL_DOWNLOAD_DONE, "%s", again.files[0].error.text);
	cr_expect_geq(again.files[0].resumed, SL_MIB + 1000);
	cr_expect(strstr(warnings, "fetching 1 of"), "%s", warnings);
	cr_expect_not(strstr(warnings, "has sent pieces"), "%s", warnings);
	sim_free(world);
	end(mirrors);
	free(bad);
}

/* An earlier run has mixed two versions, and was killed before the checksum could show that: at
 * some byte, or with all of it received. Now there is one source, or both. */
Test(scenario_get_mirrors, a_mix_of_an_earlier_run_that_does_not_match_is_begun_anew)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		bool is_complete = kind % 2, has_both = kind / 2;
		struct mirrors *mirrors = begin(1 + kind);
		struct get_scene *first = &mirrors->scenario->get;
		char *data = differ_at(mirrors, SL_MIB);
		uint64_t at_op = 0;
		mirrors->served->data = data;
		mirrors->get->other = data;
		mirrors->get->other_len = SIZE;
		first->segments = 2;
		first->per_host = 1;
		if (is_complete) {
			sim_fail_nth(mirrors->scenario->sim, 1, -EIO, KIND(SL_OP_RENAME));
		} else {
			mirrors->served->busy_from = 4;
			mirrors->mirror.busy_from = 3 + 4;
			mirrors->served->busy = mirrors->mirror.busy = UINT_MAX / 2;
		}
		run(mirrors);
		cr_expect_eq(mirrors->get->state, SL_DOWNLOAD_FAILED);
		get_scene_cut(first, SIM_CRASH_KILL);
		struct sim *world = sim_cut_world(mirrors->scenario->sim, &at_op);
		mirrors->served->busy = mirrors->mirror.busy = 0;
		mirrors->served->data = mirrors->mirror.data;
		sim_http_serve(mirrors->scenario->http, world);
		sim_http_serve(mirrors->second, world);
		struct get_scene again = next_run(first, world);
		again.files[0].other = NULL;
		if (!has_both)
			again.files[0].mirror = NULL;
		scenario_set_checksum(&again.files[0], mirrors->sum);
		get_scene_run(&again);
		get_scene_check(&again);
		cr_expect_eq(again.files[0].state, SL_DOWNLOAD_DONE, "%u: %s", kind,
			again.files[0].error.text);
		cr_expect(strstr(warnings, "beginning again"), "%s", warnings);
		sim_free(world);
		end(mirrors);
		free(data);
	}
}

/* But only once: the checksum may be wrong. */
Test(scenario_get_mirrors, what_an_earlier_run_has_left_is_discarded_once_for_a_checksum)
{
	struct mirrors *mirrors = begin(1);
	struct get_scene *first = &mirrors->scenario->get;
	char *data = differ_at(mirrors, SL_MIB);
	uint64_t at_op = 0;
	mirrors->get->mirror = NULL;
	mirrors->served->busy_from = 4;
	mirrors->served->busy = UINT_MAX / 2;
	first->segments = 2;
	run(mirrors);
	cr_expect_eq(mirrors->get->state, SL_DOWNLOAD_FAILED);
	get_scene_cut(first, SIM_CRASH_KILL);
	struct sim *world = sim_cut_world(mirrors->scenario->sim, &at_op);
	mirrors->served->busy = 0;
	sim_http_serve(mirrors->scenario->http, world);
	struct get_scene again = next_run(first, world);
	again.files[0].data = data;
	scenario_set_checksum(&again.files[0], mirrors->sum);
	get_scene_run(&again);
	cr_expect_eq(again.files[0].state, SL_DOWNLOAD_FAILED);
	cr_expect_eq(again.files[0].error.code, SL_E_CHECKSUM, "%s", again.files[0].error.text);
	cr_expect_lt(again.files[0].fetched, 2 * SIZE);
	sim_free(world);
	end(mirrors);
	free(data);
}

/* ---- those that fail ---- */

/* Each of its responses, or all from some request on: then it is dropped. */
Test(scenario_get_mirrors, others_go_on_if_one_fails_in_the_middle)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_ENDS, SIM_HTTP_RESETS,
		SIM_HTTP_HONEST };
	for (unsigned kind = 0; kind < 6; kind++) {
		struct mirrors *mirrors = begin(kind);
		bool is_first = kind < 3;
		struct sim_http_file *file = is_first ? mirrors->served : &mirrors->mirror;
		file->misdeed = misdeeds[kind % 3];
		file->misdeed_at = SL_MIB / 4;
		file->busy_from = is_first ? 2 : 4; /* the mirror is compared by three */
		file->busy = file->misdeed == SIM_HTTP_HONEST ? UINT_MAX / 2 : 0;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_eq(mirrors->get->retries, 0, "it is not begun again");
		cr_expect(!is_first || !file->busy || strstr(warnings, SCENARIO_ORIGIN "/f0"),
			"it is named: %s", warnings);
		cr_expect_gt(delivered(mirrors, is_first ? 1 : 0), SIZE / 2);
		end(mirrors);
	}
}

/* While others of it are under way: those go on, and later ones are accepted. */
Test(scenario_get_mirrors, a_source_that_refuses_a_few_connections_is_used_with_those_it_has)
{
	for (unsigned from = 4; from < 10; from++) {
		struct mirrors *mirrors = begin(from);
		mirrors->served->busy_from = from;
		mirrors->served->busy = 2;
		mirrors->served->busy_status = 403;
		mirrors->scenario->get.segments = 8;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_gt(delivered(mirrors, 0), SIZE / 3);
		cr_expect_gt(delivered(mirrors, 1), SIZE / 3);
		cr_expect_str_eq(warnings, "", "%u: it is not dropped", from);
		end(mirrors);
	}
}

/* Of two mirrors the first one does not respond: the second one joins all the same, while
 * the file is fetched, or to repair a bad piece. */
Test(scenario_get_mirrors, a_silent_mirror_does_not_delay_the_others)
{
	for (unsigned is_repair = 0; is_repair < 2; is_repair++) {
		struct mirrors *mirrors = begin(1);
		struct sl_pieces pieces = pieces_of(mirrors->served->data);
		char *data = differ_at(mirrors, SIZE / 2);
		mirrors->get->mirror2 = THIRD "/f0";
		mirrors->mirror.busy = UINT_MAX / 2;
		mirrors->mirror.busy_ns = 60 * SL_NS_PER_S;
		mirrors->scenario->get.per_host = 2;
		mirrors->scenario->get.chunks = 32;
		if (is_repair) {
			mirrors->get->pieces = &pieces;
			mirrors->served->data = data;
			mirrors->scenario->get.segments = 1;
		} else {
			mirrors->served->drip = mirrors->mirror3.drip = 8 * SL_KIB;
			mirrors->served->drip_ns = 60 * SL_NS_PER_MS;
			mirrors->mirror3.drip_ns = 60 * SL_NS_PER_MS;
		}
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_gt(delivered(mirrors, 2), is_repair ? 0 : SIZE / 8);
		scenario_expect_duration(mirrors->scenario, 0, 30 * SL_NS_PER_S);
		end(mirrors);
		free(data);
	}
}

/* The first one refuses what is left of the file while the other one, which does not respond yet,
 * is compared: it is asked again after pauses. */
Test(scenario_get_mirrors, a_source_that_fails_is_not_hammered_while_another_is_compared)
{
	struct mirrors *mirrors = begin(1);
	struct get_scene *get = &mirrors->scenario->get;
	mirrors->served->misdeed = SIM_HTTP_ENDS;
	mirrors->served->misdeed_at = SL_MIB;
	mirrors->served->busy_from = 1;
	mirrors->served->busy = UINT_MAX / 2;
	mirrors->served->busy_status = 500;
	mirrors->mirror.busy = UINT_MAX / 2;
	mirrors->mirror.busy_status = 500;
	mirrors->mirror.busy_ns = 20 * SL_NS_PER_S;
	get->segments = 2;
	get->per_host = 1;
	get->stall_timeout_ns = 30 * SL_NS_PER_S;
	run(mirrors);
	cr_expect_eq(mirrors->get->state, SL_DOWNLOAD_FAILED);
	cr_expect_lt(sim_http_answers(mirrors->scenario->http, "/f0"), 20, "%u",
		sim_http_answers(mirrors->scenario->http, "/f0"));
	end(mirrors);
}

/* The first one fails before any other could join: the next goes on with what it has left. */
Test(scenario_get_mirrors, the_next_source_goes_on_with_what_a_failed_one_has_left)
{
	struct mirrors *mirrors = begin(1);
	mirrors->scenario->get.segments = 1;
	mirrors->served->misdeed = SIM_HTTP_RESETS;
	mirrors->served->misdeed_at = 3 * SL_MIB;
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_eq(mirrors->get->retries, 1);
	cr_expect_geq(delivered(mirrors, 0), 2 * SL_MIB);
	cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
	end(mirrors);
}

/* The first run had to use the mirror; in the second one the first source has the same bytes, or
 * others. */
Test(scenario_get_mirrors, any_source_with_the_same_bytes_goes_on_with_the_part_of_an_earlier_run)
{
	for (unsigned other = 0; other < 2; other++) {
		struct mirrors *mirrors = begin(1 + other);
		struct get_scene *first = &mirrors->scenario->get;
		const char *data = mirrors->served->data;
		uint64_t at_op = 0;
		mirrors->served->bad_answers = UINT_MAX;
		mirrors->served->bad_status = 404;
		mirrors->mirror.misdeed = SIM_HTTP_RESETS;
		mirrors->mirror.misdeed_at = SL_MIB;
		mirrors->scenario->get.segments = 1;
		run(mirrors);
		cr_expect_eq(mirrors->get->state, SL_DOWNLOAD_FAILED);
		uint64_t left = mirrors->get->received;
		cr_expect_geq(left, SL_MIB / 2);
		get_scene_cut(first, SIM_CRASH_KILL);
		struct sim *world = sim_cut_world(mirrors->scenario->sim, &at_op);
		mirrors->served->bad_answers = 0;
		if (other)
			mirrors->served->data = mirrors->get->data = scenario_body(1, SIZE);
		sim_http_serve(mirrors->scenario->http, world);
		sim_http_serve(mirrors->second, world);
		struct get_scene again = next_run(first, world);
		get_scene_run(&again);
		get_scene_check(&again);
		const struct get_file *get = &again.files[0];
		sim_check(world, get->state == SL_DOWNLOAD_DONE, "%s", get->error.text);
		cr_expect_eq(get->resumed, other ? 0 : left);
		cr_expect_eq(get->delivered[0], other ? SIZE : SIZE - left);
		mirrors->served->data = data;
		sim_free(world);
		end(mirrors);
	}
}

Test(scenario_get_mirrors, the_next_source_begins_anew_if_it_has_other_bytes)
{
	struct mirrors *mirrors = begin(1);
	mirrors->scenario->get.segments = 1;
	mirrors->served->misdeed = SIM_HTTP_RESETS;
	mirrors->served->misdeed_at = 3 * SL_MIB;
	mirrors->mirror.data = scenario_body(1, SIZE);
	mirrors->get->other = mirrors->mirror.data;
	mirrors->get->other_len = SIZE;
	run(mirrors);
	cr_expect_eq(mirrors->get->state, SL_DOWNLOAD_DONE, "%s", mirrors->get->error.text);
	cr_expect_eq(delivered(mirrors, 1), SIZE);
	end(mirrors);
}

/* ---- two that fail now and then ---- */

/* Without a checksum the first two sources have different versions; each connection breaks. */
static struct mirrors *
begin_flaky(uint64_t seed, unsigned retries)
{
	struct mirrors *mirrors = begin(seed);
	struct get_scene *get = &mirrors->scenario->get;
	get->segments = 1;
	get->retry = (struct sl_retry_policy){
		.retries = retries, .max_wait_ns = 10 * SL_NS_PER_S, .seed = seed
	};
	mirrors->served->drip_ns = mirrors->mirror.drip_ns = 0;
	mirrors->mirror.data = scenario_body(1, SIZE);
	mirrors->mirror.etag = "\"two\"";
	mirrors->mirror.modified = LATER;
	mirrors->get->other = mirrors->mirror.data;
	mirrors->get->other_len = SIZE;
	mirrors->served->misdeed = mirrors->mirror.misdeed = SIM_HTTP_RESETS;
	mirrors->served->misdeed_at = mirrors->mirror.misdeed_at = SL_MIB + SL_MIB / 2;
	return mirrors;
}

Test(scenario_get_mirrors, two_flaky_sources_do_not_discard_each_others_bytes)
{
	for (unsigned seed = 1; seed < 6; seed++) {
		struct mirrors *mirrors = begin_flaky(seed, 1);
		run(mirrors);
		scenario_expect_done(mirrors->scenario, 0);
		cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
		cr_expect_not(strstr(warnings, "beginning again"), "%s", warnings);
		end(mirrors);
	}
}

/* The second source refuses ranges: it cannot be compared, and nothing can be fetched from it but
 * the whole. */
Test(scenario_get_mirrors, a_source_without_ranges_does_not_discard_the_bytes_of_a_flaky_one)
{
	static const enum sim_http_lie lies[] = { SIM_HTTP_LIE_WHOLE, SIM_HTTP_LIE_REFUSED };
	for (unsigned kind = 0; kind < 2; kind++) {
		struct mirrors *mirrors = begin_flaky(1, 1);
		mirrors->mirror.lie = lies[kind];
		mirrors->mirror.lies = UINT_MAX;
		run(mirrors);
		scenario_expect_done(mirrors->scenario, 0);
		cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
		end(mirrors);
	}
}

/* The one that has begun does not come back: not for now, or not at all. In the end, or at once,
 * the other one brings all of the file. */
Test(scenario_get_mirrors, a_source_that_was_passed_over_begins_anew_if_no_other_is_left)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		bool is_dead = kind % 2, refuses_ranges = kind / 2;
		struct mirrors *mirrors = begin_flaky(1, 3);
		mirrors->served->busy_from = 1;
		mirrors->served->busy = UINT_MAX / 2;
		mirrors->served->busy_status = is_dead ? 404 : 500;
		mirrors->mirror.misdeed = SIM_HTTP_HONEST;
		mirrors->mirror.lie = refuses_ranges ? SIM_HTTP_LIE_REFUSED : SIM_HTTP_TRUTH;
		mirrors->mirror.lies = UINT_MAX;
		run(mirrors);
		scenario_expect_done(mirrors->scenario, 0);
		cr_expect_eq(delivered(mirrors, 1), SIZE);
		cr_expect_eq(mirrors->get->retries, is_dead ? 3 : 7, "in the last of four rounds");
		end(mirrors);
	}
}

/* It comes before the source that has begun: that is tried as well. */
Test(scenario_get_mirrors, the_first_source_that_was_passed_over_begins_anew_after_all_others)
{
	struct mirrors *mirrors = begin_flaky(1, 3);
	mirrors->served->bad_answers = 1;
	mirrors->served->bad_status = 500;
	mirrors->served->misdeed = SIM_HTTP_HONEST;
	mirrors->mirror.busy_from = 1;
	mirrors->mirror.busy = UINT_MAX / 2;
	mirrors->mirror.busy_status = 500;
	run(mirrors);
	scenario_expect_done(mirrors->scenario, 0);
	cr_expect_eq(delivered(mirrors, 0), SIZE);
	cr_expect_eq(mirrors->get->retries, 8, "after the last of four rounds");
	end(mirrors);
}

/* The first source sends only whole files, which break off; the second one needs ranges for the
 * same reason. */
Test(scenario_get_mirrors, what_one_source_does_not_support_is_requested_from_the_next)
{
	struct mirrors *mirrors = begin_flaky(1, 3);
	mirrors->served->lie = SIM_HTTP_LIE_WHOLE;
	mirrors->served->lies = UINT_MAX;
	mirrors->scenario->get.segments = 2;
	run(mirrors);
	scenario_expect_done(mirrors->scenario, 0);
	cr_expect_eq(delivered(mirrors, 0), 0);
	end(mirrors);
}

/* One fails for a while, and then the other one, which has joined it, has another version: what
 * they have sent together is still that of the first. The one in use is the first or the last. */
Test(scenario_get_mirrors, a_source_that_changes_does_not_discard_the_bytes_of_another_version)
{
	for (unsigned is_last = 0; is_last < 2; is_last++) {
		struct mirrors *mirrors = begin(1);
		struct get_scene *get = &mirrors->scenario->get;
		struct sim_http_file *in_use = is_last ? &mirrors->mirror : mirrors->served;
		struct sim_http_file *other = is_last ? mirrors->served : &mirrors->mirror;
		struct sim_http_file later = *other;
		later.data = scenario_body(1, SIZE);
		later.etag = "\"two\"";
		later.modified = LATER;
		other->later = &later;
		other->later_from = 6 + is_last;
		other->bad_answers = is_last; /* else it would be in use */
		other->bad_status = 500;
		in_use->busy_from = 1;
		in_use->busy = 2;
		in_use->busy_status = 500;
		get->segments = 2;
		get->per_host = 1;
		get->retry = (struct sl_retry_policy){ .retries = 1, .max_wait_ns = SL_NS_PER_S };
		run(mirrors);
		scenario_expect_done(mirrors->scenario, 0);
		cr_expect_gt(mirrors->get->retries, is_last);
		cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
		cr_expect_not(strstr(warnings, "beginning again"), "%s", warnings);
		end(mirrors);
	}
}

/* Each of two sources changes once, which is no reason to request all of it in one response. */
Test(scenario_get_mirrors, changes_of_a_source_are_not_counted_for_the_next)
{
	struct mirrors *mirrors = begin_flaky(1, 5);
	struct sim_http_file later = *mirrors->served, later2 = mirrors->mirror;
	later.etag = "\"three\"";
	later.modified = LATER;
	later2.etag = "\"four\"";
	later2.modified = TIME;
	mirrors->served->later = &later;
	mirrors->served->later_from = 1;
	mirrors->served->busy_from = 3;
	mirrors->served->busy = UINT_MAX / 2;
	mirrors->served->busy_status = 404;
	mirrors->mirror.later = &later2;
	mirrors->mirror.later_from = 4;
	run(mirrors);
	scenario_expect_done(mirrors->scenario, 0);
	cr_expect_eq(sim_http_answers(mirrors->scenario->http, "/f0"), 4);
	end(mirrors);
}

/* Also after another round: a mix of them has shown that one is wrong. */
Test(scenario_get_mirrors, sources_whose_mix_was_wrong_are_not_mixed_again)
{
	for (unsigned bad = 0; bad < 2; bad++) {
		struct mirrors *mirrors = begin(1);
		struct get_scene *get = &mirrors->scenario->get;
		char *data = differ_at(mirrors, SIZE - 100000);
		struct sim_http_file *good = bad == 0 ? &mirrors->mirror : mirrors->served;
		*(bad == 0 ? &mirrors->served->data : &mirrors->mirror.data) = data;
		scenario_set_checksum(mirrors->get, mirrors->sum);
		good->drip_ns = 400 * SL_NS_PER_MS; /* the bad one has the end */
		mirrors->served->misdeed = SIM_HTTP_RESETS;
		mirrors->served->misdeed_at = SL_MIB;
		get->segments = 2;
		get->per_host = 1;
		get->retry = (struct sl_retry_policy){ .retries = 2, .max_wait_ns = SL_NS_PER_S };
		run(mirrors);
		scenario_expect_done(mirrors->scenario, 0);
		cr_expect_geq(mirrors->get->retries, 2, "it breaks off: also after the mix");
		cr_expect_lt(mirrors->get->fetched, (bad ? 2 : 3) * SIZE + SL_MIB);
		end(mirrors);
		free(data);
	}
}

Test(scenario_get_mirrors, a_third_one_takes_the_place_of_one_that_differs)
{
	struct mirrors *mirrors = begin(1);
	mirrors->mirror.len = SIZE - 1;
	mirrors->get->mirror2 = THIRD "/f0";
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_eq(delivered(mirrors, 1), 0);
	cr_expect_geq(delivered(mirrors, 2), SIZE / 5);
	end(mirrors);
}

/* ---- what they are sent ---- */

/* A user's name in a URL, and what a redirect to another origin must not carry on. */
Test(scenario_get_mirrors, credentials_and_headers_go_only_where_they_were_given)
{
	struct mirrors *mirrors = begin(1);
	struct sim_http_file away = { .path = "/away", .status = 302, .location = THIRD "/f0" };
	sim_http_add(mirrors->second, &away);
	mirrors->get->url = "http://one:pw1@10.0.0.1/f0";
	mirrors->get->mirror = "http://two:pw2@10.0.0.2/away";
	mirrors->get->header = "X-Token: secret";
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_geq(delivered(mirrors, 1), SIZE / 3);
	cr_expect(sim_http_saw(mirrors->scenario->http, "Authorization: Basic b25lOnB3MQ=="));
	cr_expect_not(sim_http_saw(mirrors->scenario->http, "dHdvOnB3Mg=="));
	cr_expect(sim_http_saw(mirrors->second, "Authorization: Basic dHdvOnB3Mg=="));
	cr_expect_not(sim_http_saw(mirrors->second, "b25lOnB3MQ=="));
	cr_expect(sim_http_saw(mirrors->second, "X-Token: secret"));
	cr_expect_gt(sim_http_requests(mirrors->third), 3, "ranges come from where it led to");
	cr_expect_not(sim_http_saw(mirrors->third, "Authorization"));
	cr_expect_not(sim_http_saw(mirrors->third, "X-Token"));
	end(mirrors);
}

/* The first source leads elsewhere, in the second round to a service whose nodes send different
 * ETags, so that samples are requested there. */
Test(scenario_get_mirrors, ranges_from_where_a_redirect_led_are_requested_without_credentials)
{
	for (unsigned nodes = 1; nodes <= 2; nodes++) {
		struct mirrors *mirrors = begin(nodes);
		struct sim_http_file away = {
			.path = "/away", .status = 302, .location = THIRD "/f0"
		};
		sim_http_add(mirrors->scenario->http, &away);
		mirrors->get->url = "http://one:pw1@10.0.0.1/away";
		mirrors->get->mirror = NULL;
		mirrors->get->header = "X-Token: secret";
		mirrors->mirror3.etag2 = nodes == 2 ? "\"two\"" : NULL;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect(sim_http_saw(mirrors->scenario->http, "X-Token: secret"));
		cr_expect_gt(sim_http_requests(mirrors->third), 3);
		cr_expect_not(sim_http_saw(mirrors->third, "Authorization"));
		cr_expect_not(sim_http_saw(mirrors->third, "X-Token"));
		end(mirrors);
	}
}

/* A signed URL is good for a while: then the source itself leads to another one. */
Test(scenario_get_mirrors, ranges_go_to_the_source_again_once_a_redirect_has_expired,
	.timeout = 900)
{
	static const int statuses[] = { 401, 403, 410 };
	for (size_t i = 0; i < SL_COUNT_OF(statuses); i++) {
		struct mirrors *mirrors = begin(1 + i);
		struct sim_http_file next = mirrors->mirror3;
		struct sim_http_file other = {
			.path = "/away", .status = 302, .location = THIRD "/next"
		};
		struct sim_http_file away = { .path = "/away",
			.status = 302,
			.location = THIRD "/f0",
			.later = &other,
			.later_from = 1 };
		next.path = "/next";
		sim_http_add(mirrors->third, &next);
		sim_http_add(mirrors->scenario->http, &away);
		mirrors->get->url = SCENARIO_ORIGIN "/away";
		mirrors->get->mirror = NULL;
		mirrors->mirror3.busy_from = 7;
		mirrors->mirror3.busy = UINT_MAX / 2;
		mirrors->mirror3.busy_status = statuses[i];
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		unsigned asked = sim_http_answers(mirrors->scenario->http, "/away");
		cr_expect(asked >= 2 && asked <= 1 + mirrors->scenario->get.segments,
			"%d: %u requests were redirected", statuses[i], asked);
		cr_expect_eq(mirrors->get->retries, 0);
		cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
		end(mirrors);
	}
}

/* 403 with Retry-After is a rate limit, and not the end of a URL. */
Test(scenario_get_mirrors, a_redirect_is_kept_if_the_server_asks_to_wait)
{
	struct mirrors *mirrors = begin(1);
	struct sim_http_file away = { .path = "/away", .status = 302, .location = THIRD "/f0" };
	sim_http_add(mirrors->scenario->http, &away);
	mirrors->get->url = SCENARIO_ORIGIN "/away";
	mirrors->get->mirror = NULL;
	mirrors->mirror3.busy_from = 5;
	mirrors->mirror3.busy = 1;
	mirrors->mirror3.busy_status = 403;
	mirrors->mirror3.busy_fields = "Retry-After: 1\r\n";
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_eq(sim_http_answers(mirrors->scenario->http, "/away"), 1);
	end(mirrors);
}

/* ---- those that change ---- */

/* What the others would still bring is of no use. The first response takes a minute. */
Test(scenario_get_mirrors, a_change_of_the_only_source_ends_all_connections_at_once)
{
	struct mirrors *mirrors = begin(1);
	struct sim_http_file later = *mirrors->served;
	later.data = scenario_body(1, SIZE);
	later.etag = "\"two\"";
	later.modified = LATER;
	mirrors->served->drip = 4 * SL_KIB;
	mirrors->served->drip_ns = 500 * SL_NS_PER_MS;
	mirrors->served->drips = 1;
	mirrors->served->later = &later;
	mirrors->served->later_from = 2;
	mirrors->get->other = later.data;
	mirrors->get->other_len = later.len;
	mirrors->get->mirror = NULL;
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	scenario_expect_duration(mirrors->scenario, 0, 10 * SL_NS_PER_S);
	cr_expect(strstr(warnings, "has changed on the server"), "%s", warnings);
	cr_expect_lt(mirrors->get->fetched, SIZE + 2 * SL_MIB);
	end(mirrors);
}

/* Its other connections are those of a version that is no more. The first of them is slow. */
Test(scenario_get_mirrors, a_mirror_that_changes_gets_no_further_request)
{
	struct mirrors *mirrors = begin(1);
	struct sim_http_file slow = mirrors->mirror, later = mirrors->mirror;
	later.data = scenario_body(1, SIZE);
	later.etag = "\"two\"";
	later.modified = LATER;
	slow.drip_ns = 5 * SL_NS_PER_S;
	slow.later = &later;
	slow.later_from = 4;
	mirrors->mirror.later = &slow;
	mirrors->mirror.later_from = 3; /* those before are to compare */
	mirrors->served->drip_ns = 400 * SL_NS_PER_MS;
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_leq(sim_http_answers(mirrors->second, "/f0"), 5);
	cr_expect(strstr(warnings, "has changed on the server"), "%s", warnings);
	cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
	end(mirrors);
}

/* Each is asked for its own version. */
Test(scenario_get_mirrors, each_gets_its_own_validator)
{
	struct mirrors *mirrors = begin(1);
	mirrors->mirror.etag = "\"two\"";
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_gt(delivered(mirrors, 1), 0);
	cr_expect(sim_http_saw(mirrors->second, "If-Range: \"two\""));
	cr_expect_not(sim_http_saw(mirrors->second, "If-Range: \"one\""));
	cr_expect_not(sim_http_saw(mirrors->scenario->http, "If-Range: \"two\""));
	end(mirrors);
}

/* ---- sources in doubt, and probes ---- */

/* Another node of the second source cannot be compared, and the first one has failed: that is a
 * failure of the second one, not the first, which goes on with its part. */
Test(scenario_get_mirrors, a_source_that_stays_in_doubt_fails_as_itself)
{
	struct mirrors *mirrors = begin(1);
	struct get_scene *get = &mirrors->scenario->get;
	struct sim_http_file node = mirrors->mirror;
	node.etag = "\"two\"";
	mirrors->mirror.later = &node;
	mirrors->mirror.later_from = 6; /* 3 to compare, 3 ranges */
	mirrors->mirror.busy_from = 8;  /* once it was asked without If-Range */
	mirrors->mirror.busy = UINT_MAX / 2;
	mirrors->mirror.busy_status = 500;
	mirrors->served->busy_from = 1;
	mirrors->served->busy = 2;
	mirrors->served->busy_status = 500;
	get->segments = 2;
	get->per_host = 1;
	get->retry = (struct sl_retry_policy){ .retries = 1, .max_wait_ns = SL_NS_PER_S };
	run(mirrors);
	scenario_expect_done(mirrors->scenario, 0);
	cr_expect(strstr(warnings, "responses have different ETags"), "%s", warnings);
	cr_expect_not(strstr(warnings, "beginning again"), "%s", warnings);
	cr_expect_lt(mirrors->get->fetched, SIZE + SL_MIB);
	end(mirrors);
}

/* The request of a large file was the probe of its host, and has failed while a mirror goes on:
 * other files of that host do not wait for the end of the large one. */
Test(scenario_get_mirrors, the_probe_of_a_source_in_use_ends_when_that_is_dropped)
{
	struct mirrors *mirrors = begin(1);
	struct get_scene *get = &mirrors->scenario->get;
	mirrors->served->drip_ns = 0;
	mirrors->served->misdeed = SIM_HTTP_ENDS;
	mirrors->served->misdeed_at = SL_MIB;
	mirrors->served->busy_from = 1;
	mirrors->served->busy = UINT_MAX / 2;
	mirrors->served->busy_status = 429;
	mirrors->served->busy_fields = "Retry-After: 1\r\n";
	mirrors->served->busy_ns = 5 * SL_NS_PER_S; /* the mirror has joined before */
	mirrors->mirror.bad_answers = 2;
	mirrors->mirror.bad_status = 500;
	mirrors->mirror.drip = 16 * SL_KIB;
	mirrors->mirror.drip_ns = SL_NS_PER_S;
	scenario_offer(mirrors->scenario, (struct sim_http_file){ .len = 1000 });
	get->entry_pause_ns = 100 * SL_NS_PER_S;
	get->segments = 2;
	get->per_host = 1;
	get->retry = (struct sl_retry_policy){ .retries = 5, .max_wait_ns = SL_NS_PER_S };
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_gt(get->files[0].ended_ns - get->started_ns, 400 * SL_NS_PER_S);
	cr_expect_lt(get->files[1].ended_ns - get->started_ns, 110 * SL_NS_PER_S, "%llu ms",
		(unsigned long long)((get->files[1].ended_ns - get->started_ns) / SL_NS_PER_MS));
	end(mirrors);
}

/* ---- where they lead to ---- */

/* The rest of a file comes from the host that its source redirects to, for long: a file of the
 * source's own host does not wait for it, with one connection to each host. */
Test(scenario_get_mirrors, a_range_counts_for_the_host_that_a_redirect_led_to)
{
	struct mirrors *mirrors = begin(1);
	struct get_scene *get = &mirrors->scenario->get;
	struct sim_http_file away = { .path = "/away", .status = 302, .location = SECOND "/f0" };
	sim_http_add(mirrors->scenario->http, &away);
	mirrors->get->url = SCENARIO_ORIGIN "/away";
	mirrors->get->mirror = NULL;
	mirrors->mirror.drip = 16 * SL_KIB;
	mirrors->mirror.drip_ns = SL_NS_PER_S;
	mirrors->mirror.misdeed = SIM_HTTP_RESETS;
	mirrors->mirror.misdeed_at = SL_MIB;
	mirrors->mirror.misdeeds = 1;
	scenario_offer(mirrors->scenario, (struct sim_http_file){ .len = 1000 });
	get->entry_pause_ns = 100 * SL_NS_PER_S;
	get->per_host = get->segments = 1;
	get->retry = (struct sl_retry_policy){ .retries = 1, .max_wait_ns = SL_NS_PER_S };
	run(mirrors);
	scenario_expect_all_done(mirrors->scenario);
	cr_expect_gt(get->files[0].ended_ns - get->started_ns, 500 * SL_NS_PER_S);
	cr_expect_lt(get->files[1].ended_ns - get->started_ns, 102 * SL_NS_PER_S, "%llu ms",
		(unsigned long long)((get->files[1].ended_ns - get->started_ns) / SL_NS_PER_MS));
	end(mirrors);
}

/* ---- mixed ---- */

#define EVERYTHING (KIND(SL_OP_KINDS) - 1)

/* Other bytes only with what tells: another Last-Modified, or a checksum. */
static void
vary(struct sl_random *random, struct mirrors *mirrors, struct sim_http_file *file)
{
	static const enum sim_http_misdeed misdeeds[] = { SIM_HTTP_ENDS, SIM_HTTP_RESETS,
		SIM_HTTP_STALLS, SIM_HTTP_PAUSES };
	file->drip_ns = one_in(random, 3) ? 0 : pick(random, 200) * SL_NS_PER_MS;
	if (one_in(random, 3)) {
		file->data = mirrors->get->other;
		file->modified = LATER;
		file->etag = "\"two\"";
	}
	if (one_in(random, 3)) {
		file->misdeed = PICK_OF(random, misdeeds);
		file->misdeed_at = (size_t)pick(random, SIZE / 2);
		file->misdeed_ns = pick(random, 20 * SL_NS_PER_S);
		file->misdeeds = (unsigned)pick(random, 6);
	}
	if (one_in(random, 4)) {
		file->busy_from = (unsigned)pick(random, 8);
		file->busy = 1 + (unsigned)pick(random, 20);
		file->busy_ns = one_in(random, 3) ? pick(random, 30 * SL_NS_PER_S) : 0;
	}
	if (one_in(random, 6)) {
		file->lie = (enum sim_http_lie)pick(random, SIM_HTTP_LIES);
		file->lies_from = (unsigned)pick(random, 8);
		file->lies = 1 + (unsigned)pick(random, 20);
	}
	if (one_in(random, 6))
		file->etag2 = "\"three\"";
	if (one_in(random, 8))
		file->ranges = false;
	if (one_in(random, 8))
		file->date = NULL;
	if (mirrors->get->checksum && one_in(random, 8)) /* else that is a version as well */
		file->len -= 1 + (size_t)pick(random, SL_MIB);
}

/* All but its last 100000 bytes are the same, or all are others. */
static char *
other_body(struct sl_random *random, const struct mirrors *mirrors)
{
	char *data = differ_at(mirrors, SIZE - 1 - (size_t)pick(random, 100000));
	if (one_in(random, 2))
		memcpy(data, scenario_body(1, SIZE), SIZE);
	return data;
}

Test(scenario_get_mirrors, whatever_they_do_the_file_is_of_one_version_or_is_not_done,
	.timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(150);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin(seed);
		struct get_scene *get = &mirrors->scenario->get;
		struct sl_random random;
		sl_random_init(&random, seed);
		char *other = other_body(&random, mirrors);
		struct sl_pieces pieces = pieces_of(mirrors->served->data);
		bool is_verified = one_in(&random, 2);
		mirrors->get->other = other;
		mirrors->get->other_len = SIZE;
		mirrors->get->mirror2 = one_in(&random, 2) ? THIRD "/f0" : NULL;
		if (is_verified) {
			scenario_set_checksum(mirrors->get, mirrors->sum);
			if (one_in(&random, 2))
				mirrors->get->pieces = &pieces;
		}
		vary(&random, mirrors, mirrors->served);
		vary(&random, mirrors, &mirrors->mirror);
		vary(&random, mirrors, &mirrors->mirror3);
		if (is_verified)
			mirrors->get->other = NULL;
		get->segments = 1 + (unsigned)pick(&random, 6);
		get->per_host = 1 + (unsigned)pick(&random, 4);
		get->chunks = one_in(&random, 2) ? 24 : 64;
		get->retry = (struct sl_retry_policy){ .retries = (unsigned)pick(&random, 3),
			.max_wait_ns = 1 + pick(&random, 5 * SL_NS_PER_S),
			.seed = seed };
		get->stall_timeout_ns = 5 * SL_NS_PER_S;
		run(mirrors);
		end(mirrors);
		free(other);
	}
}

Test(scenario_get_mirrors, any_operation_may_fail, .timeout = 900)
{
	static const int codes[] = { -ECONNRESET, -EIO, -ENOMEM };
	bool hit = true;
	for (uint64_t n = 1; hit; n += 37) {
		struct mirrors *mirrors = begin(n);
		struct sl_pieces pieces = pieces_of(mirrors->served->data);
		char *data = differ_at(mirrors, SIZE / 2 + 300000);
		mirrors->get->pieces = &pieces;
		mirrors->mirror.data = data;
		mirrors->served->drip_ns = mirrors->mirror.drip_ns = 0;
		sim_fail_nth(mirrors->scenario->sim, n, codes[n % 3], EVERYTHING);
		run(mirrors);
		hit = sim_faults(mirrors->scenario->sim) > 0;
		end(mirrors);
		free(data);
	}
}

/* ---- nodes of one service ---- */

/* The first source alone: every other response has another ETag, size and time are the same. */
static struct mirrors *
begin_nodes(uint64_t seed)
{
	struct mirrors *mirrors = begin(seed);
	mirrors->get->mirror = NULL;
	mirrors->served->etag2 = "\"two\"";
	return mirrors;
}

Test(scenario_get_mirrors, etags_that_differ_alone_get_a_second_opinion)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin_nodes(seed);
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		cr_expect_lt(mirrors->get->fetched, SIZE + 2 * SL_MIB, "it is not begun again");
		cr_expect(sim_http_saw(mirrors->scenario->http, "If-Range: " TIME));
		end(mirrors);
	}
}

/* The journal says that the time is strong: the next run has no other reason to compare. */
Test(scenario_get_mirrors, etags_that_differ_alone_from_that_of_an_earlier_run_are_compared)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin_nodes(seed);
		struct get_scene *first = &mirrors->scenario->get;
		uint64_t at_op = 0;
		first->segments = 1;
		mirrors->served->etag2 = NULL;
		mirrors->served->misdeed = SIM_HTTP_RESETS;
		mirrors->served->misdeed_at = 2 * SL_MIB;
		run(mirrors);
		cr_expect_eq(mirrors->get->state, SL_DOWNLOAD_FAILED);
		get_scene_cut(first, SIM_CRASH_KILL);
		struct sim *world = sim_cut_world(mirrors->scenario->sim, &at_op);
		mirrors->served->misdeed = SIM_HTTP_HONEST;
		mirrors->served->etag = "\"two\"";
		sim_http_serve(mirrors->scenario->http, world);
		struct get_scene again = next_run(first, world);
		get_scene_run(&again);
		get_scene_check(&again);
		const struct get_file *get = &again.files[0];
		sim_check(world, get->state == SL_DOWNLOAD_DONE, "%s", get->error.text);
		sim_check(world, get->resumed >= SL_MIB && get->fetched < SIZE,
			"%llu resumed, %llu fetched", (unsigned long long)get->resumed,
			(unsigned long long)get->fetched);
		sim_free(world);
		end(mirrors);
	}
}

/* The responses stall before their first byte: there is nothing to compare another node with. */
Test(scenario_get_mirrors, etags_that_differ_before_any_byte_was_written_get_one_response)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin_nodes(seed);
		mirrors->served->misdeed = SIM_HTTP_STALLS;
		mirrors->served->misdeeds = 4;
		mirrors->scenario->is_never_scanned = true;
		mirrors->scenario->get.segments = 3;
		mirrors->scenario->get.stall_timeout_ns = 5 * SL_NS_PER_S;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		end(mirrors);
	}
}

/* Without Date another version may have the same Last-Modified: the same bytes here and there prove
 * nothing, so none are requested. */
Test(scenario_get_mirrors, etags_that_differ_get_no_second_opinion_if_the_time_is_not_strong)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin_nodes(seed);
		mirrors->served->date = NULL;
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		unsigned requests = sim_http_requests(mirrors->scenario->http);
		cr_expect_leq(requests, 1 + 3 * 2 + 1,
			"%u: the first, two of each other connection, and one for the rest",
			requests);
		end(mirrors);
	}
}

/* A third ETag is not one of the two that came with the same bytes: it may be of another version,
 * which nothing else in the heads shows. */
Test(scenario_get_mirrors, each_etag_that_differs_alone_is_compared)
{
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct mirrors *mirrors = begin_nodes(seed);
		struct sim_http_file later = *mirrors->served;
		const char *other = scenario_body(50, SIZE);
		mirrors->get->other = other;
		mirrors->get->other_len = SIZE;
		later.data = other;
		later.etag = "\"three\"";
		later.etag2 = NULL;
		mirrors->served->later = &later;
		mirrors->served->later_from = 5 + (unsigned)(seed % 8);
		run(mirrors);
		scenario_expect_all_done(mirrors->scenario);
		end(mirrors);
	}
}
