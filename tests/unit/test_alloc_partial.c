/*
 * Partials and a feed in which the nth allocation fails, for every n until there are no more: what
 * was counted is exact, or the failure is returned.
 */
#include "support/failing_alloc.h"
#include "support/run.h"

#include "sluice/base/cpu.h"
#include "sluice/scan/feed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static struct sl_pattern *pattern;
static unsigned lines;

static void
compile(const char *text)
{
	struct sl_span span = sl_span_str(text);
	struct sl_pattern_spec spec = { .texts = &span, .count = 1 };
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
}

SL_SUSPENDS
static int
line(void *ctx, const struct sl_partial_line *found)
{
	(void)ctx;
	cr_assert(memmem(found->text, found->len, "error", 5));
	lines++;
	return 0;
}

/* Runs that split lines; the last is long. In the order 1, 3, 2, 0, 4. */
static int
add_all(struct sl_feed *feed)
{
	static const char *const runs[] = { "one er", "ror\ntwo\nth", "ree", " error\nfo", NULL };
	static const size_t order[] = { 1, 3, 2, 0, 4 };
	const size_t long_len = 3 * SL_PARTIAL_KEEP;
	char *filler = malloc(long_len);
	int code = 0;
	memset(filler, 'x', long_len);
	memcpy(filler + long_len - 6, "error\n", 6);
	for (size_t i = 0; code == 0 && i < SL_COUNT_OF(order); i++) {
		size_t off = 0, len = long_len;
		for (size_t j = 0; j < order[i]; j++)
			off += strlen(runs[j]);
		const char *run = runs[order[i]];
		if (run)
			len = strlen(run);
		code = sl_feed_add(feed, off, (const unsigned char *)(run ? run : filler), len);
	}
	free(filler);
	return code;
}

struct scene {
	uint64_t nth;
	bool and_all_after;
	uint64_t count;
	int code;
	struct sl_feed_result result;
};

static int
feed_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_feeds_setup shared = {
		.pattern = pattern, .wants_lines = true, .runs = 2, .text_max = UINT64_MAX
	};
	struct sl_feed_setup setup = { .line = line };
	struct sl_feeds *feeds = NULL;
	struct sl_feed *feed = NULL;
	lines = 0;
	alloc_fail_nth(scene->nth, scene->and_all_after);
	scene->code = sl_feeds_new(&feeds, &shared);
	if (scene->code == 0)
		scene->code = sl_feed_new(&feed, feeds, &setup);
	if (scene->code == 0)
		scene->code = add_all(feed);
	if (scene->code == 0)
		scene->code = sl_feed_end(feed, 29 + 3 * SL_PARTIAL_KEEP, &scene->result);
	sl_feed_free(feed);
	sl_feeds_free(feeds);
	scene->count = alloc_end();
	return 0;
}

/* Returns how many allocations there were. */
static uint64_t
feed_once(uint64_t nth, bool and_all_after, uint64_t undecided)
{
	struct scene scene = { .nth = nth, .and_all_after = and_all_after };
	struct sim *sim = sim_plain(3);
	cr_assert_eq(sim_run(sim, feed_main, &scene), 0);
	sim_free(sim);
	if (scene.code) {
		cr_assert_eq(scene.code, -ENOMEM);
		return scene.count;
	}
	cr_assert_eq(scene.result.totals.lines, 4);
	cr_assert_eq(scene.result.totals.hits + undecided, 3);
	cr_assert_eq(scene.result.totals.undecided, undecided);
	cr_assert_eq(lines + undecided, 3);
	return scene.count;
}

static void
feed_with_failures(const char *text, uint64_t undecided)
{
	compile(text);
	uint64_t count = feed_once(0, false, undecided);
	cr_assert_gt(count, 10);
	for (uint64_t nth = 1; nth <= count; nth++) {
		feed_once(nth, false, undecided);
		feed_once(nth, true, undecided);
	}
	sl_pattern_free(pattern);
}

Test(alloc_partial, a_feed_without_memory_says_so_or_its_totals_are_exact)
{
	feed_with_failures("error", 0);
	feed_with_failures("err\\o{157}r", 1);
}
