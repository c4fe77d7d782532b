/*
 * Work in steps takes its time from the engine: where it ends depends on no other clock, so that a
 * run on the simulator can be repeated.
 */
#include "support/engine_sim.h"
#include "support/run.h"

#include "sluice/base/cpu.h"
#include "sluice/rt/engine.h"
#include "sluice/scan/steps.h"
#include "sluice/sink/line.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#define LINE_LEN 100000u

static uint64_t looks;

/* A line has used up its time after some looks. */
static uint64_t
tick_of_line(struct sl_engine *engine)
{
	(void)engine;
	return ++looks * (SL_PATTERN_LINE_NS / 20);
}

/* Each look ends a step. */
static uint64_t
tick_of_step(struct sl_engine *engine)
{
	(void)engine;
	return ++looks * (SL_STEPS_NS + 1);
}

struct scene {
	const char *expression;
	char fill;
	int (*fn)(struct scene *scene);
	struct sl_pattern *pattern;
	struct sl_matcher *matcher;
	struct sl_subject line;
};

static int
play(void *arg)
{
	struct scene *scene = arg;
	struct sl_error err = { 0 };
	struct sl_span text = sl_span_str(scene->expression);
	const struct sl_pattern_spec spec = { .texts = &text, .count = 1 };
	unsigned char *letters = malloc(LINE_LEN);
	memset(letters, scene->fill, LINE_LEN);
	scene->line = (struct sl_subject){ letters, LINE_LEN, false };
	cr_assert_eq(
		sl_pattern_new(&scene->pattern, &spec, sl_match_choose(sl_cpu_features()), &err), 0,
		"%s", err.text);
	cr_assert_eq(sl_steps_matcher_new(&scene->matcher, scene->pattern), 0);
	int code = scene->fn(scene);
	sl_matcher_free(scene->matcher);
	sl_pattern_free(scene->pattern);
	free(letters);
	return code;
}

static void
run_scene(struct scene scene)
{
	struct sim *sim = sim_plain(1);
	looks = 0;
	cr_assert_eq(sim_run(sim, play, &scene), 0);
	sim_free(sim);
}

/* The engine with other clocks; restored by the caller. */
static const struct sl_engine_methods *
set_methods(const struct sl_engine_methods *methods)
{
	struct sl_engine *engine = sl_rt_engine(sl_rt_current());
	const struct sl_engine_methods *before = engine->methods;
	engine->methods = methods;
	return before;
}

static int
use_up_line(struct scene *scene)
{
	struct sl_engine_methods ticking = *sl_rt_engine(sl_rt_current())->methods;
	bool took_long = false;
	ticking.thread_ns = tick_of_line;
	const struct sl_engine_methods *before = set_methods(&ticking);
	cr_expect_eq(
		sl_matcher_confirm(scene->matcher, &scene->line, &took_long), SL_VERDICT_UNDECIDED);
	cr_expect(looks > 0 && looks <= 25, "%" PRIu64, looks);
	set_methods(before);
	return 0;
}

Test(steps, the_time_of_a_line_is_the_engine_s)
{
	run_scene((struct scene){
		.expression = "(?=.*foo)(?=.*bar)", .fill = 'a', .fn = use_up_line });
}

static int
locate_each(struct scene *scene)
{
	struct sl_scan_line line = { .matcher = scene->matcher,
		.text = scene->line.text,
		.len = scene->line.len,
		.subject = scene->line,
		.whole_len = scene->line.len };
	struct sl_line_matches matches;
	struct sl_match_range range;
	struct sl_engine_methods ticking = *sl_rt_engine(sl_rt_current())->methods;
	ticking.now = tick_of_step;
	const struct sl_engine_methods *before = set_methods(&ticking);
	sl_line_matches_begin(&matches, &line);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(sl_line_matches_next(&matches, &range), 1);
		cr_expect_eq(range.begin, i);
		cr_expect_eq(matches.count, 1, "a step ends after its time");
	}
	set_methods(before);
	return 0;
}

Test(steps, locating_matches_ends_a_step_by_the_engine_s_clock)
{
	run_scene((struct scene){ .expression = "a", .fill = 'a', .fn = locate_each });
}
