/*
 * Ranges of an input that several tasks push, in the simulated world and on the ring: the totals
 * and the lines are those of the whole.
 */
#include "support/oracle.h"
#include "support/run.h"

#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/rt/io.h"
#include "sluice/scan/feed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define TASKS 5
#define MOST_RANGES 60

enum kind { LITERALS, EXPRESSION, BOTH, KINDS };

static const struct sl_span words[] = { { "error", 5 }, { "bad", 3 } };
static const struct sl_span texts[KINDS][2] = {
	{ { "error", 5 }, { "bad", 3 } },
	{ { "err\\o{157}r|b[a]d", 17 }, { NULL, 0 } },
	{ { "error", 5 }, { "b\\o{141}d", 9 } },
};

struct range {
	size_t off, len;
};

struct scene {
	struct sl_random random;
	struct sl_span text;
	struct range ranges[MOST_RANGES]; /* in the order in which tasks take them */
	size_t count, taken;
	size_t missing;     /* the range that is not added; count: none */
	bool counts_only;   /* lines are not asked for */
	bool goes_on;       /* other tasks do, where one has failed */
	uint64_t fail_line; /* the line function fails at this line; 0: never */
	uint64_t cancel_ns; /* all tasks are cancelled then; 0: never */
	struct sl_feeds *feeds;
	struct sl_feed *feed;
	bool *seen; /* by offset */
	uint64_t lines;
	uint64_t text_max;
	uint64_t hits; /* known at the end */
	struct sl_feed_result result;
	int code, ended; /* of the group, and of sl_feed_end */
};

static struct sl_pattern *pattern;

static void
compile(enum kind kind)
{
	struct sl_pattern_spec spec = { .texts = texts[kind], .count = kind == EXPRESSION ? 1 : 2 };
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
}

static void
fill(struct scene *scene, size_t len, size_t line_len)
{
	struct sl_random *random = &scene->random;
	char *text = malloc(len + 1);
	memset(text, 'x', len);
	for (size_t i = 0; i + 5 < len; i += 1 + sl_random_below(random, 2 * line_len)) {
		uint64_t kind = sl_random_below(random, 4);
		if (kind < 2)
			text[i] = '\n';
		else
			memcpy(text + i, words[kind - 2].data, words[kind - 2].len);
	}
	scene->text = sl_span(text, len);
	scene->seen = calloc(len + 1, sizeof(*scene->seen));
}

static void
cut(struct scene *scene, size_t longest)
{
	struct sl_random *random = &scene->random;
	size_t len = scene->text.len;
	for (size_t at = 0; at < len;) {
		size_t rest = len - at, some = 1 + sl_random_below(random, longest);
		some = scene->count + 1 == MOST_RANGES || some > rest ? rest : some;
		scene->ranges[scene->count++] = (struct range){ at, some };
		at += some;
	}
	for (size_t i = scene->count; i-- > 1;) {
		size_t other = sl_random_below(random, i + 1);
		struct range range = scene->ranges[i];
		scene->ranges[i] = scene->ranges[other];
		scene->ranges[other] = range;
	}
	scene->missing = scene->count;
}

SL_SUSPENDS
static int
line(void *ctx, const struct sl_partial_line *line)
{
	struct scene *scene = ctx;
	const char *text = scene->text.data + line->off;
	struct sl_span whole = { text, (size_t)line->whole_len };
	cr_assert_lt(line->off, scene->text.len);
	cr_assert_not(scene->seen[line->off], "a line came twice");
	scene->seen[line->off] = true;
	cr_assert(line->off == 0 || text[-1] == '\n');
	cr_assert_eq(line->is_closed, line->off + line->whole_len < scene->text.len);
	cr_assert(!line->is_closed || text[line->whole_len] == '\n');
	cr_assert(oracle_line_hit(whole, words, 2, false));
	if (++scene->lines == scene->fail_line)
		return -EPIPE;
	int code = sl_random_below(&scene->random, 4) ? 0 : sl_sleep(1000);
	if (code)
		return code;
	cr_assert_eq(memcmp(line->text, text + line->skipped, line->len), 0);
	return 0;
}

static int
add_ranges(void *arg)
{
	struct scene *scene = arg;
	int code = 0;
	while (code == 0 && scene->taken < scene->count) {
		size_t index = scene->taken++;
		struct range range = scene->ranges[index];
		if (index == scene->missing)
			continue;
		/* The bytes are the feed's only meanwhile. */
		unsigned char *data = malloc(range.len);
		memcpy(data, scene->text.data + range.off, range.len);
		code = sl_feed_add(scene->feed, range.off, data, range.len);
		memset(data, '!', range.len);
		free(data);
		if (code == 0)
			code = sl_sleep(sl_random_below(&scene->random, 3) * 50000);
	}
	return code;
}

static int
cancel(void *arg)
{
	const struct scene *scene = arg;
	int code = sl_sleep(scene->cancel_ns);
	return code ? code : -EINTR;
}

/* Of the lines that match those are known that came. */
static void
check_given(const struct scene *scene)
{
	struct sl_given given = { 0 };
	struct sl_span rest = scene->text, line;
	cr_assert_eq(sl_feed_given(scene->feed, &given), 0);
	while (oracle_next_line(&rest, &line)) {
		uint64_t off = (uint64_t)(line.data - scene->text.data);
		if (oracle_line_hit(line, words, 2, false))
			cr_assert_eq(sl_given_has(&given, off), scene->seen[off], "at %zu of %zu",
				(size_t)off, scene->text.len);
	}
	sl_given_release(&given);
}

static int
feed_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_feeds_setup shared = { .pattern = pattern,
		.wants_lines = !scene->counts_only,
		.runs = 1 + (unsigned)(scene->text.len % TASKS),
		.text_max = scene->text_max };
	struct sl_feed_setup setup = { .ctx = scene, .line = line };
	struct sl_group group;
	cr_assert_eq(sl_feeds_new(&scene->feeds, &shared), 0);
	cr_assert_eq(sl_feed_new(&scene->feed, scene->feeds, &setup), 0);
	sl_group_enter(&group, scene->goes_on ? SL_GROUP_COLLECT : SL_GROUP_FAIL_FAST);
	for (int i = 0; i < TASKS; i++)
		cr_assert_eq(sl_group_spawn(&group, "adder", add_ranges, scene, NULL), 0);
	if (scene->cancel_ns)
		cr_assert_eq(sl_group_spawn(&group, "canceller", cancel, scene, NULL), 0);
	scene->code = sl_group_leave(&group);
	scene->ended = sl_feed_end(scene->feed, scene->text.len, &scene->result);
	scene->hits = sl_feeds_hits(scene->feeds);
	if (scene->ended == SL_E_LIMIT)
		check_given(scene);
	sl_feed_free(scene->feed);
	cr_assert_eq(sl_feeds_hits(scene->feeds), 0);
	sl_feeds_free(scene->feeds);
	return 0;
}

static void
run(struct scene *scene, uint64_t seed)
{
	if (seed) {
		struct sim *sim = sim_plain(seed);
		cr_assert_eq(sim_run(sim, feed_main, scene), 0);
		sim_free(sim);
	} else {
		cr_assert_eq(ring_run(2, feed_main, scene), 0);
	}
}

static void
release(struct scene *scene)
{
	free((void *)(uintptr_t)scene->text.data);
	free(scene->seen);
	sl_pattern_free(pattern);
}

/* Of the first `len` bytes. */
static void
expect_totals(const struct scene *scene, size_t len)
{
	const struct sl_block_totals *got = &scene->result.totals;
	struct oracle_totals want = oracle_count(sl_span(scene->text.data, len), words, 2, false);
	cr_assert_eq(scene->ended, 0);
	cr_assert_eq(got->bytes, len);
	cr_assert_eq(got->lines, want.lines);
	cr_assert_eq(
		got->hits, want.hits, "%zu hits, not %zu", (size_t)got->hits, (size_t)want.hits);
	cr_assert_eq(got->undecided, 0);
}

static void
begin(struct scene *scene, uint64_t seed, size_t len, size_t longest)
{
	*scene = (struct scene){ .text_max = UINT64_MAX };
	sl_random_init(&scene->random, seed);
	compile((enum kind)(seed % KINDS));
	fill(scene, len, 1 + sl_random_below(&scene->random, 200));
	cut(scene, longest);
}

static void
expect_whole(struct scene *scene)
{
	cr_assert_eq(scene->code, 0);
	cr_assert_eq(scene->result.state, SL_SCAN_OK);
	expect_totals(scene, scene->text.len);
	cr_assert_eq(scene->lines, scene->counts_only ? 0 : scene->result.totals.hits);
	cr_assert_leq(scene->hits, scene->result.totals.hits);
	cr_assert_geq(scene->hits + 2, scene->result.totals.hits); /* but the first and the last */
}

Test(feed, ranges_of_several_tasks_in_any_order_give_each_line_once_and_the_totals)
{
	struct sim_seeds seeds = sim_seeds(150);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene scene;
		uint64_t size = 1 + seed % 151;
		begin(&scene, seed, size * 200, size * 20);
		scene.counts_only = seed % 4 == 0;
		run(&scene, seed);
		expect_whole(&scene);
		release(&scene);
	}
}

Test(feed, on_the_ring_workers_scan_side_by_side)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct scene scene;
		begin(&scene, seed, 6 * SL_MIB, 2 * SL_MIB);
		run(&scene, 0);
		expect_whole(&scene);
		release(&scene);
	}
}

Test(feed, with_a_range_missing_the_totals_are_those_up_to_it)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene scene;
		begin(&scene, seed, 5000, 500);
		scene.missing = seed % scene.count;
		size_t len = scene.ranges[scene.missing].off;
		run(&scene, seed);
		cr_assert_eq(scene.code, 0);
		cr_assert_eq(scene.result.state, SL_SCAN_TRUNCATED);
		/* Of a line that is open there only literals that decide are known. */
		const size_t deciding[KINDS] = { 2, 0, 1 };
		struct sl_span rest = { scene.text.data, len }, last = { 0 };
		while (oracle_next_line(&rest, &last))
			continue;
		bool is_open = len && scene.text.data[len - 1] != '\n';
		scene.result.totals.hits +=
			is_open && oracle_line_hit(last, words, 2, false) &&
			!oracle_line_hit(last, words, deciding[seed % KINDS], false);
		expect_totals(&scene, len);
		release(&scene);
	}
}

Test(feed, a_line_function_that_fails_and_a_cancellation_fail_the_feed)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene scene;
		bool is_cancelled = seed % 2;
		begin(&scene, seed, 20000, 2000);
		uint64_t hits = oracle_count(scene.text, words, 2, false).hits;
		scene.fail_line = is_cancelled ? 0 : 1 + seed % SL_MAX(SL_MIN(hits, 20u), 1u);
		scene.cancel_ns = is_cancelled ? seed % 60 * 1000 : 0;
		run(&scene, seed);
		bool is_truncated = scene.ended == 0 && scene.result.state == SL_SCAN_TRUNCATED;
		bool is_whole = scene.ended == 0 && scene.taken == scene.count;
		if (is_cancelled) /* between two ranges, or while one was scanned, or behind all */
			cr_assert(scene.code == -EINTR &&
				  (scene.ended == -ECANCELED || is_truncated || is_whole));
		else
			cr_assert(scene.code == -EPIPE && scene.ended == -EPIPE);
		release(&scene);
	}
}

Test(feed, where_text_exceeds_its_bound_it_is_known_which_lines_were_given)
{
	unsigned limited = 0, some = 0;
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene scene;
		begin(&scene, seed, 20000, 1500);
		scene.goes_on = true;
		scene.text_max = 500 + seed % 100 * 20;
		run(&scene, seed);
		limited += scene.ended == SL_E_LIMIT;
		some += scene.ended == SL_E_LIMIT && scene.lines > 0;
		release(&scene);
	}
	cr_assert(sim_seeds_are_chosen() || (limited > 5 && some > 2), "%u limited, %u after lines",
		limited, some);
}

/* Ranges without newlines, each second one first: none of their text can be dropped. */
static int
text_main(void *arg)
{
	struct sl_feed_result result;
	struct sl_feeds_setup shared = {
		.pattern = pattern, .wants_lines = true, .runs = 2, .text_max = 4 * SL_MIB
	};
	struct sl_feed_setup setup = { .ctx = arg, .line = line };
	struct sl_feeds *feeds;
	struct sl_feed *feed, *other;
	size_t len = SL_MIB;
	unsigned char *data = malloc(len);
	int code = 0;
	unsigned added = 0;
	memset(data, 'x', len);
	cr_assert_eq(sl_feeds_new(&feeds, &shared), 0);
	cr_assert_eq(sl_feed_new(&feed, feeds, &setup), 0);
	for (; code == 0 && added < 16; added++)
		code = sl_feed_add(feed, 2 * added * len, data, len);
	cr_assert_eq(code, SL_E_LIMIT);
	cr_assert_leq(added, 5);
	cr_assert_eq(sl_feed_add(feed, len, data, len), SL_E_LIMIT);
	cr_assert_eq(sl_feed_end(feed, 2 * len, &result), SL_E_LIMIT);
	sl_feed_free(feed);
	/* Others have the memory then. */
	cr_assert_eq(sl_feed_new(&other, feeds, &setup), 0);
	cr_assert_eq(sl_feed_add(other, 0, data, len), 0);
	cr_assert_eq(sl_feed_end(other, len, &result), 0);
	cr_assert_eq(result.totals.lines, 1);
	sl_feed_free(other);
	sl_feeds_free(feeds);
	free(data);
	return 0;
}

Test(feed, text_of_lines_that_are_not_complete_is_bounded_for_all_inputs)
{
	struct scene scene = { 0 };
	compile(LITERALS);
	struct sim *sim = sim_plain(3);
	cr_assert_eq(sim_run(sim, text_main, &scene), 0);
	sim_free(sim);
	cr_assert_eq(scene.lines, 0);
	sl_pattern_free(pattern);
}

/* Of two parts, the one that ends or the one that begins at the cut. */
SL_SUSPENDS
static void
add_part(struct sl_feed *feed, const char *data, size_t len, size_t cut, bool is_right)
{
	const unsigned char *part = (const unsigned char *)data + (is_right ? cut : 0);
	cr_assert_eq(sl_feed_add(feed, is_right ? cut : 0, part, is_right ? len - cut : cut), 0);
}

static int
form_main(void *arg)
{
	static const char text[] = "one error\n", wide[] = "a\0 \0w\0i\0d\0e\0\n\0";
	struct sl_feeds_setup shared = { .pattern = pattern, .runs = 1, .text_max = SL_MIB };
	struct sl_feed_setup setup = { .ctx = arg };
	struct sl_feeds *feeds;
	struct sl_feed *feed;
	cr_assert_eq(sl_feeds_new(&feeds, &shared), 0);
	cr_assert_eq(sl_feed_new(&feed, feeds, &setup), 0);
	cr_assert_eq(sl_feed_add(feed, 0, (const unsigned char *)text, sizeof(text) - 1), 0);
	cr_assert_eq(sl_feed_form(feed), SL_FORM_PLAIN);
	cr_assert_eq(sl_feed_add(feed, 100, (const unsigned char *)wide, sizeof(wide) - 1), 0);
	cr_assert_eq(sl_feed_form(feed), SL_FORM_UTF16);
	sl_feed_free(feed);
	/* also where a cut leaves too little of it on either side, whichever comes first */
	for (size_t cut = 1; cut < sizeof(wide) - 1; cut++) {
		for (int is_right_first = 0; is_right_first < 2; is_right_first++) {
			cr_assert_eq(sl_feed_new(&feed, feeds, &setup), 0);
			add_part(feed, wide, sizeof(wide) - 1, cut, is_right_first);
			add_part(feed, wide, sizeof(wide) - 1, cut, !is_right_first);
			cr_assert_eq(sl_feed_form(feed), SL_FORM_UTF16, "cut at %zu", cut);
			sl_feed_free(feed);
		}
	}
	sl_feeds_free(feeds);
	return 0;
}

Test(feed, utf16_anywhere_is_noticed)
{
	compile(LITERALS);
	struct sim *sim = sim_plain(4);
	cr_assert_eq(sim_run(sim, form_main, NULL), 0);
	sim_free(sim);
	sl_pattern_free(pattern);
}

static int
undecided_main(void *arg)
{
	struct sl_feed_result *result = arg;
	struct sl_feeds_setup shared = { .pattern = pattern, .runs = 1, .text_max = UINT64_MAX };
	struct sl_feed_setup setup = { .ctx = NULL };
	struct sl_feeds *feeds;
	struct sl_feed *feed;
	size_t len = 2 * SL_MIB;
	unsigned char *data = malloc(len);
	memset(data, 'x', len);
	cr_assert_eq(sl_feeds_new(&feeds, &shared), 0);
	cr_assert_eq(sl_feed_new(&feed, feeds, &setup), 0);
	cr_assert_eq(sl_feed_add(feed, len, data, len), 0);
	cr_assert_eq(sl_feed_add(feed, 0, data, len), 0);
	cr_assert_eq(sl_feed_end(feed, 2 * len, result), 0);
	sl_feed_free(feed);
	sl_feeds_free(feeds);
	free(data);
	return 0;
}

Test(feed, a_line_longer_than_checks_see_is_undecided)
{
	struct sl_feed_result result;
	compile(EXPRESSION);
	struct sim *sim = sim_plain(7);
	cr_assert_eq(sim_run(sim, undecided_main, &result), 0);
	sim_free(sim);
	cr_assert_eq(result.state, SL_SCAN_UNDECIDED);
	cr_assert(result.totals.undecided == 1 && result.totals.lines == 1);
	cr_assert_eq(result.totals.bytes, 4 * SL_MIB);
	sl_pattern_free(pattern);
}
