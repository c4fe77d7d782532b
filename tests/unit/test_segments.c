/*
 * Files in several segments, from the origin in this process. Each behaviour of a server ends with
 * the right file, or with an error where nothing tells the right bytes from others.
 */
#include "batch_bench.h"

#include "sluice/base/number.h"

#define SIZE (9u * 1024 * 1024 + 12345) /* larger than a small part, and no multiple of anything */
#define SEED 7

static struct batch_bench *
begin(void)
{
	struct batch_bench *bench = batch_begin();
	bench->options.segments = 4;
	bench->options.min_segment = SL_MIB;
	return bench;
}

/* One file behind these shapes, with a checksum if `sum` is that of `seed`. */
static int
fetch(struct batch_bench *bench, const char *shapes, uint64_t seed, bool sum)
{
	char list[400], text[SL_ORIGIN_SUM_TEXT];
	cr_assert_eq(sl_origin_body_sum(seed, SIZE, text), 0);
	snprintf(list, sizeof(list), "$%s/gen/%u/%u/f\n%s%s%s", shapes, SIZE, SEED,
		sum ? " checksum=sha-256=" : "", sum ? text : "", sum ? "\n" : "");
	return batch_run(bench, list);
}

/* Where the right bytes can be told, they are what the file has; with and without a checksum, which
 * is computed while they arrive out of order. */
Test(segments, every_behaviour_of_a_server_leads_to_the_right_file, .timeout = 900)
{
	static const struct {
		const char *shapes;
		uint64_t seed; /* of what the file is to have */
	} cases[] = {
		{ "/ranges/etag/v1", SEED },
		{ "/ranges/etag/weak-v1", SEED },
		{ "/ranges", SEED },
		{ "/etag/v1", SEED },
		{ "/range-early/etag/v1", SEED },
		{ "/range-early-shifted/etag/v1", SEED },
		{ "/range-bare/etag/v1", SEED },
		{ "/range-total/etag/v1", SEED },
		{ "/range-no-total/etag/v1", SEED },
		{ "/range-reversed/etag/v1", SEED },
		{ "/range-fewer/100000/etag/v1", SEED },
		{ "/range-more/10/etag/v1", SEED },
		{ "/range-long/10/etag/v1", SEED },
		{ "/range-short/10/etag/v1", SEED },
		{ "/range-multipart/etag/v1", SEED },
		{ "/range-refused/etag/v1", SEED },
		{ "/range-status/400/etag/v1", SEED },
		{ "/range-status/403/etag/v1", SEED },
		{ "/range-status/501/etag/v1", SEED },
		{ "/norange-after/1/etag/v1", SEED },
		{ "/norange-after/3/etag/v1", SEED },
		{ "/no-if-range/etag/v1", SEED },
		{ "/ignore-if-range/etag/v1", SEED },
		{ "/change/2/ranges", SEED + 1 },
		{ "/change/4/ranges", SEED + 1 },
		{ "/flip-etag/3/ranges", SEED },
		{ "/alternate/ranges", SEED },
		{ "/twice/ranges/etag/v1", SEED },
		{ "/at-most/2/ranges/etag/v1", SEED },
		{ "/at-most-503/3/ranges/etag/v1", SEED },
		{ "/signed/2/ranges/etag/v1", SEED },
		{ "/signed/100/ranges/etag/v1", SEED },
		{ "/chunked/ranges/etag/v1", SEED },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		for (int sum = 0; sum < 2; sum++) {
			struct batch_bench *bench = begin();
			int code = fetch(bench, cases[i].shapes, cases[i].seed, sum);
			cr_expect_eq(code, 0, "%s: %d %s", cases[i].shapes, code,
				bench->inputs[0].error.text);
			cr_expect(batch_is_gen("f", SIZE, cases[i].seed), "%s", cases[i].shapes);
			batch_expect_no_parts();
			batch_end(bench);
		}
	}
}

/* Bytes of one place sent as those of another, with a matching Content-Range: only a checksum
 * finds that. */
Test(segments, a_server_that_lies_about_its_ranges_is_found_by_the_checksum)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(fetch(bench, "/range-shifted/etag/v1", SEED, true), SL_E_CHECKSUM);
	batch_expect_failed(bench, 0, SL_E_CHECKSUM, "does not match");
	batch_expect_no_parts();
	batch_end(bench);
}

Test(segments, a_file_that_grows_is_fetched_as_it_is_in_the_end)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(fetch(bench, "/grow/3/1000/ranges", SEED, false), 0);
	batch_expect_gen(bench, 0, "f", SIZE + 1000, SEED);
	batch_end(bench);
}

Test(segments, pieces_are_requested_once_each)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(fetch(bench, "/ranges/etag/v1", SEED, false), 0);
	batch_expect_gen(bench, 0, "f", SIZE, SEED);
	cr_expect_geq(bench->summary.segments.requests, 1);
	/* The first response has one piece at least, and the last is smaller than one. */
	cr_expect_leq(bench->summary.segments.requests,
		SIZE / SL_MIB + bench->summary.segments.split + bench->summary.segments.hedged);
	batch_end(bench);
}

Test(segments, bytes_count_although_the_file_is_begun_anew)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(fetch(bench, "/norange-after/1/etag/v1", SEED, false), 0);
	batch_expect_gen(bench, 0, "f", SIZE, SEED);
	cr_expect_gt(bench->summary.bytes, SIZE);
	cr_expect_eq(bench->inputs[0].received, SIZE);
	batch_end(bench);
}

Test(segments, small_files_and_a_limit_of_one_take_one_request)
{
	struct batch_bench *bench = begin();
	bench->options.min_segment = 5 * SL_MIB;
	cr_expect_eq(fetch(bench, "/ranges/etag/v1", SEED, true), 0);
	cr_expect_eq(bench->summary.segments.requests, 0);
	batch_end(bench);
	bench = begin();
	bench->options.segments = 1;
	cr_expect_eq(fetch(bench, "/ranges/etag/v1", SEED, true), 0);
	cr_expect_eq(bench->summary.segments.requests, 0);
	batch_end(bench);
}

/* The rest of a connection that stalls is fetched by another one; the stall timeout, which would
 * fail it, is far away. */
Test(segments, a_connection_that_stalls_is_overtaken, .timeout = 900)
{
	for (unsigned nth = 1; nth <= 4; nth++) {
		struct batch_bench *bench = begin();
		char shapes[100];
		bench->stall_ns = 3600 * SL_NS_PER_S;
		snprintf(shapes, sizeof(shapes), "/stall-nth/%u/ranges/etag/v1", nth);
		cr_expect_eq(fetch(bench, shapes, SEED, true), 0);
		batch_expect_gen(bench, 0, "f", SIZE, SEED);
		/* The first response is left before its end. */
		if (nth > 1)
			cr_expect_geq(bench->summary.segments.hedged, 1, "%u", nth);
		batch_end(bench);
	}
}

Test(segments, a_connection_that_is_far_too_slow_does_not_hold_up_the_file, .timeout = 900)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(fetch(bench, "/slow-nth/2/1000/ranges/etag/v1", SEED, true), 0);
	batch_expect_gen(bench, 0, "f", SIZE, SEED);
	batch_end(bench);
}

/* It has a rate only once all others have ended. */
Test(segments, the_last_connection_is_compared_with_those_that_have_ended, .timeout = 900)
{
	struct batch_bench *bench = begin();
	cr_expect_eq(fetch(bench, "/slow-nth/2/200000/ranges/etag/v1", SEED, true), 0);
	batch_expect_gen(bench, 0, "f", SIZE, SEED);
	cr_expect_geq(bench->summary.segments.hedged, 1);
	batch_end(bench);
}

/* Headers and credentials of the user stay with the origin they are for, in later requests, too. */
/* 48 connections take turns at the limit, each about once a second: over half a second many of them
 * receive nothing. */
Test(segments, connections_that_wait_for_the_rate_limit_are_not_slow, .timeout = 900)
{
	struct batch_bench *bench = begin();
	char list[1000];
	size_t len = 0;
	for (int i = 0; i < 6; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len,
			"$/ranges/etag/v1/gen/%u/%d/f%d\n", SIZE, SEED + i, i);
	bench->connections = 48;
	bench->options.per_host = 48;
	bench->options.segments = 8;
	bench->options.jobs = 6;
	bench->chunks = 120;
	bench->limit_rate = 12000000;
	cr_expect_eq(batch_run(bench, list), 0);
	cr_expect_eq(bench->summary.segments.replaced, 0);
	cr_expect_eq(bench->summary.segments.hedged, 0);
	cr_expect_geq(bench->summary.segments.requests, 6 * 7, "there were enough of them");
	cr_expect_gt(bench->summary.limited_ns, bench->summary.network_ns);
	for (int i = 0; i < 6; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%d", i);
		cr_expect(batch_is_gen(name, SIZE, (uint64_t)(SEED + i)));
	}
	batch_end(bench);
}

Test(segments, files_of_several_hosts_and_sizes_come_together)
{
	struct batch_bench *bench = begin();
	bench->options.jobs = 3;
	cr_expect_eq(
		batch_run(bench, "$/ranges/etag/a/gen/9000000/1/a\n$/ranges/etag/b/gen/100/2/b\n"
				 "$/ranges/etag/c/gen/6000000/3/c\n$/gen/5000000/4/d\n"
				 "$/ranges/etag/e/gen/12000000/5/e\n$/gen/0/6/f\n"),
		0);
	batch_expect_gen(bench, 0, "a", 9000000, 1);
	batch_expect_gen(bench, 1, "b", 100, 2);
	batch_expect_gen(bench, 2, "c", 6000000, 3);
	batch_expect_gen(bench, 3, "d", 5000000, 4);
	batch_expect_gen(bench, 4, "e", 12000000, 5);
	batch_expect_gen(bench, 5, "f", 0, 6);
	batch_end(bench);
}

/* As many chunks as the pool has at least: connections wait for their chunk, and all is done. */
Test(segments, a_small_pool_is_enough, .timeout = 900)
{
	for (size_t chunks = 2; chunks <= 6; chunks++) {
		struct batch_bench *bench = begin();
		bench->chunks = chunks;
		bench->options.segments = 16;
		cr_expect_eq(fetch(bench, "/ranges/etag/v1", SEED, true), 0);
		batch_expect_gen(bench, 0, "f", SIZE, SEED);
		batch_end(bench);
	}
}

/* What is cancelled in the middle leaves no part and no descriptor. */
SL_SUSPENDS
static void
remove_after_a_while(struct batch_bench *bench)
{
	while (bench->summary.files == 0 && sl_batch_summary(bench->batch)->files == 0)
		cr_assert_eq(sl_sleep(SL_NS_PER_MS), 0);
	cr_assert_eq(sl_sleep(20 * SL_NS_PER_MS), 0);
	cr_expect_eq(sl_batch_remove(bench->batch, 0), 0);
}

Test(segments, a_file_in_segments_can_be_removed)
{
	struct batch_bench *bench = begin();
	bench->control = remove_after_a_while;
	cr_expect_eq(fetch(bench, "/slow/1000000/ranges/etag/v1", SEED, true), 0);
	batch_expect_state(bench, 0, SL_DOWNLOAD_REMOVED);
	batch_expect_no_parts();
	batch_end(bench);
}
