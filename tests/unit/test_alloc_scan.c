/*
 * A scan of three files and a stream in which the nth allocation fails, for every n until the scan
 * makes no more: each line of each input is counted, or the input is named as not fully read, or
 * the scan itself fails with a message.
 */
#include "support/failing_alloc.h"
#include "support/run.h"

#include "sluice/base/cpu.h"
#include "sluice/scan/scan.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define INPUTS 4
#define LINE_LEN 50
#define HIT_EVERY 7 /* one line in so many matches */

#define LARGE_LEN 300000

static const char *const paths[INPUTS] = { "small", "-", "empty", "large" };

struct scene {
	struct sim *sim;
	uint64_t seed, nth, count;
	bool and_all_after;
	size_t len[INPUTS];
	char *data; /* of all inputs: each is a prefix */
	unsigned begun[INPUTS], ended[INPUTS];
	struct sl_scan_result results[INPUTS];
	int codes[INPUTS];
	bool has_text[INPUTS];
	uint64_t lines_seen[INPUTS];
	int code;
	struct sl_error err;
	struct sl_scan_progress progress;
	size_t peak;
};

/* ---- what is there ---- */

static char *
make_data(size_t len)
{
	char *data = malloc(len);
	cr_assert(data);
	memset(data, 'x', len);
	for (size_t line = 0; line < len / LINE_LEN; line++) {
		data[line * LINE_LEN + LINE_LEN - 1] = '\n';
		if (line % HIT_EVERY == 3)
			memcpy(data + line * LINE_LEN + 20, "ERROR", 5);
	}
	return data;
}

static uint64_t
lines_of(uint64_t bytes)
{
	return (bytes + LINE_LEN - 1) / LINE_LEN;
}

/* The word is in the middle of its line. */
static uint64_t
hits_of(uint64_t bytes)
{
	uint64_t hits = 0;
	for (uint64_t line = 3; line * LINE_LEN + 25 <= bytes; line += HIT_EVERY)
		hits++;
	return hits;
}

/* ---- the sink ---- */

static size_t
index_of(const struct sl_input *input)
{
	size_t i = 0;
	while (strcmp(paths[i], input->path) != 0)
		cr_assert_lt(++i, INPUTS);
	return i;
}

static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	struct scene *scene = ctx;
	const struct sl_scan_result *result = event->result;
	size_t i = index_of(event->input);
	scene->begun[i] += event->kind == SL_SCAN_EVENT_BEGIN;
	scene->lines_seen[i] += event->kind == SL_SCAN_EVENT_LINE;
	if (event->kind != SL_SCAN_EVENT_END)
		return 0;
	scene->ended[i]++;
	scene->results[i] = *result;
	scene->codes[i] = result->err->code;
	scene->has_text[i] = result->err->text[0];
	return 0;
}

/* ---- one run ---- */

static int
scan_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_pattern *pattern = NULL;
	struct sl_error err = { 0 };
	const struct sl_span text = { "ERRO[R]", 7 };
	struct sl_pattern_spec spec = { .texts = &text, .count = scene->seed % 3 == 0 };
	int code = sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), &err);
	sim_check(scene->sim, code == 0, "%s", err.text);
	struct sl_scan_sink sink = { .ctx = scene,
		.wants = SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_END),
		.event = on_event };
	if (scene->seed % 2)
		sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	if (scene->seed % 4 == 1)
		sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
	struct sl_scan_setup setup = { .paths = paths,
		.count = INPUTS,
		.pattern = pattern,
		.sinks = &sink,
		.sink_count = 1,
		.numbers = scene->seed % 2,
		.before = 20,
		.after = 1,
		.records = scene->seed % 8 == 5, /* each line is one */
		.max_hits = UINT64_MAX,
		.chunk = 64 * SL_KIB,
		.queue = 4,
		.max_memory = SL_SCAN_MEMORY_MIN };
	alloc_fail_nth(scene->nth, scene->and_all_after);
	scene->code = sl_scan_run(&setup, &scene->progress, &scene->err);
	scene->count = alloc_end();
	scene->peak = alloc_peak();
	sim_check(scene->sim, sl_task_count() == 1, "%u tasks are left", sl_task_count());
	sl_pattern_free(pattern);
	return 0;
}

static void
check_input(struct scene *scene, size_t i)
{
	const struct sl_scan_result *result = &scene->results[i];
	if (scene->ended[i] == 0) {
		sim_check(scene->sim, scene->code != 0, "'%s' has not ended", paths[i]);
		return;
	}
	sim_check(scene->sim, scene->ended[i] == 1, "'%s' ended twice", paths[i]);
	bool is_trouble = sl_scan_state_is_trouble(result->state);
	sim_check(scene->sim, is_trouble || result->state == SL_SCAN_OK, "'%s' is in state %d",
		paths[i], result->state);
	sim_check(scene->sim, is_trouble || result->bytes == scene->len[i],
		"'%s' is ok after %llu bytes", paths[i], (unsigned long long)result->bytes);
	sim_check(scene->sim, !is_trouble || (scene->codes[i] < 0 && scene->has_text[i]),
		"'%s' is in trouble without a message", paths[i]);
	sim_check(scene->sim,
		result->bytes <= scene->len[i] && result->lines == lines_of(result->bytes) &&
			result->hits == hits_of(result->bytes),
		"'%s': %llu lines and %llu hits in %llu bytes", paths[i],
		(unsigned long long)result->lines, (unsigned long long)result->hits,
		(unsigned long long)result->bytes);
	sim_check(scene->sim, scene->seed % 2 == 0 || scene->lines_seen[i] == result->hits,
		"'%s': %llu of %llu lines were given out", paths[i],
		(unsigned long long)scene->lines_seen[i], (unsigned long long)result->hits);
}

static void
run(struct scene *scene)
{
	scene->sim = sim_plain(scene->seed);
	for (size_t i = 0; i < INPUTS; i++) {
		if (strcmp(paths[i], "-") != 0) {
			sim_put_file(scene->sim, paths[i], scene->data, scene->len[i], 0644);
			continue;
		}
		sim_source(scene->sim, 0);
		sim_source_data(scene->sim, 0, scene->data, scene->len[i]);
		sim_source_end(scene->sim, 0);
	}
	sim_check(scene->sim, sim_run(scene->sim, scan_main, scene) == 0, "the run");
	for (size_t i = 0; i < INPUTS; i++)
		check_input(scene, i);
	sim_check(scene->sim, scene->code == 0 || (scene->code == -ENOMEM && scene->err.text[0]),
		"the scan returned %d: '%s'", scene->code, scene->err.text);
	sim_free(scene->sim);
}

static void
expect_all_ok(struct scene *scene)
{
	cr_expect_eq(scene->code, 0);
	for (size_t i = 0; i < INPUTS; i++)
		cr_expect_eq(scene->results[i].state, SL_SCAN_OK, "'%s'", paths[i]);
}

static struct scene
scene_of(uint64_t seed, size_t large_len)
{
	return (struct scene){
		.seed = seed, .len = { 5000, 30000, 0, large_len }, .data = make_data(large_len)
	};
}

static void
fail_each(uint64_t seed, bool and_all_after)
{
	bool hit = true;
	uint64_t nth = 0;
	while (hit) {
		struct scene scene = scene_of(seed, LARGE_LEN);
		scene.nth = ++nth;
		scene.and_all_after = and_all_after;
		run(&scene);
		hit = scene.count >= nth;
		if (!hit)
			expect_all_ok(&scene);
		free(scene.data);
	}
	cr_assert_gt(nth, 10, "only %llu allocations", (unsigned long long)nth);
}

Test(alloc_scan, any_allocation_may_fail, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(6);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		fail_each(seed, false);
}

Test(alloc_scan, memory_may_end_at_any_allocation, .timeout = 900)
{
	struct sim_seeds seeds = sim_seeds(6);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++)
		fail_each(seed, true);
}

Test(alloc_scan, memory_does_not_grow_with_the_length_of_an_input)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct scene some = scene_of(seed, 4 * SL_MIB), more = scene_of(seed, 16 * SL_MIB);
		run(&some);
		run(&more);
		/* Lists of what waits vary with the seed; 192 more chunks would show. */
		cr_expect_leq(more.peak, some.peak + 4096, "seed %llu: %zu bytes, then %zu",
			(unsigned long long)seed, some.peak, more.peak);
		cr_expect_leq(more.count, some.count + 32, "seed %llu: %llu allocations, then %llu",
			(unsigned long long)seed, (unsigned long long)some.count,
			(unsigned long long)more.count);
		free(some.data);
		free(more.data);
	}
}
