/*
 * Random logs, cuts and rules: what a feed whose bytes come in order gives and counts is what a
 * scan of the file does.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/feed.h"
#include "sluice/scan/scan.h"
#include "sluice/scan/sequence.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST (96u * 1024u)

/* A line that was given. */
struct given {
	uint64_t off, whole_len, hash;
	bool is_context, begins_record, begins_group, is_closed;
};

struct found {
	struct given *lines;
	size_t count;
	uint64_t hits, total_lines, all_bytes, left_out;
	enum sl_scan_state state;
};

struct scene {
	struct sl_random random;
	char *text;
	size_t len;
	struct sl_pattern *pattern;
	bool records, wants_lines;
	const struct sl_period *period;
	struct found want, got;
};

static uint64_t
hash(const unsigned char *text, size_t len)
{
	uint64_t sum = 14695981039346656037u;
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ text[i]) * 1099511628211u;
	return sum;
}

static void
note(struct found *found, const struct given *line)
{
	cr_assert_lt(found->count, (size_t)MOST);
	found->lines[found->count++] = *line;
}

/* ---- a scan of the file ---- */

static int
scan_event(void *ctx, const struct sl_scan_event *event)
{
	struct found *found = ctx;
	if (event->kind == SL_SCAN_EVENT_END) {
		found->hits = event->result->hits;
		found->total_lines = event->result->lines;
		found->all_bytes = event->result->bytes;
		found->left_out = event->result->left_out;
		found->state = event->result->state;
		return 0;
	}
	const struct sl_scan_line *line = event->line;
	note(found, &(struct given){ .off = line->off,
			    .whole_len = line->whole_len,
			    .hash = hash(line->text, line->len),
			    .is_context = event->kind == SL_SCAN_EVENT_CONTEXT,
			    .begins_record = line->begins_record,
			    .begins_group = line->begins_group,
			    .is_closed = line->is_closed });
	return 0;
}

SL_SUSPENDS
static void
scan_file(struct scene *scene, const char *path)
{
	unsigned wants = SL_SCAN_WANTS(SL_SCAN_EVENT_END);
	if (scene->wants_lines)
		wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
	if (scene->wants_lines && scene->records)
		wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
	struct sl_scan_sink sink = { .ctx = &scene->want, .wants = wants, .event = scan_event };
	struct sl_scan_setup setup = { .paths = &path,
		.count = 1,
		.pattern = scene->pattern,
		.sinks = &sink,
		.sink_count = 1,
		.records = scene->records,
		.period = scene->period,
		.max_hits = UINT64_MAX,
		.chunk = 4096,
		.queue = 4,
		.max_memory = 64 * SL_MIB,
		.max_cached = UINT64_MAX };
	struct sl_scan_progress progress;
	struct sl_error err = { 0 };
	cr_assert_eq(sl_scan_run(&setup, &progress, &err), 0, "%s", err.text);
}

/* ---- a feed ---- */

SL_SUSPENDS
static int
feed_line(void *ctx, const struct sl_partial_line *line)
{
	struct scene *scene = ctx;
	note(&scene->got, &(struct given){ .off = line->off,
				  .whole_len = line->whole_len,
				  .hash = hash(line->text, line->len),
				  .is_context = line->is_context,
				  .begins_record = line->begins_record,
				  .begins_group = line->begins_group,
				  .is_closed = line->is_closed });
	return sl_random_below(&scene->random, 8) ? 0 : sl_sleep(1);
}

SL_SUSPENDS
static void
feed_text(struct scene *scene)
{
	struct sl_feeds_setup shared = { .pattern = scene->pattern,
		.wants_lines = scene->wants_lines,
		.records = scene->records,
		.period = scene->period,
		.in_order = true,
		.runs = 2,
		.text_max = 8 * SL_MIB };
	struct sl_feed_setup setup = { .ctx = scene, .line = feed_line };
	struct sl_feed_result result = { 0 };
	struct sl_feeds *feeds;
	struct sl_feed *feed;
	size_t longest = sl_random_below(&scene->random, 2) ? 60 : scene->len + 1;
	cr_assert_eq(sl_feeds_new(&feeds, &shared), 0);
	cr_assert_eq(sl_feed_new(&feed, feeds, &setup), 0);
	for (size_t at = 0, some; at < scene->len; at += some) {
		some = 1 + (size_t)sl_random_below(&scene->random, longest);
		some = SL_MIN(some, scene->len - at);
		unsigned char *data = malloc(some); /* exactly: ASan sees what is beyond */
		memcpy(data, scene->text + at, some);
		cr_assert_eq(sl_feed_add(feed, at, data, some), 0);
		free(data);
	}
	cr_assert_eq(sl_feed_end(feed, scene->len, &result), 0);
	cr_assert_eq(sl_feeds_hits(feeds), result.totals.hits);
	sl_feed_free(feed);
	sl_feeds_free(feeds);
	scene->got.hits = result.totals.hits;
	scene->got.total_lines = result.totals.lines;
	scene->got.all_bytes = result.totals.bytes;
	scene->got.left_out = result.left_out;
	scene->got.state = result.state;
}

/* ---- random logs ---- */

static void
make_text(struct scene *scene)
{
	static const char *const lines[] = { "x", "7 ab", " i", "\tab", "", "\r", "Caused by: ab",
		"abException: x", "Traceback (most recent call last):", "Name: y",
		"goroutine 1 [running]:", "f(ab)", "thread 'a' panicked at b:", "... 3 more",
		"ab" };
	static const char *const stamped[] = { "y", "ab", "ab\r" };
	struct sl_random *random = &scene->random;
	size_t len = 0, most = (size_t)sl_random_below(random, 4) ? 2000 : MOST - 64;
	most = (size_t)sl_random_below(random, most);
	while (len < most) {
		unsigned minute = (unsigned)sl_random_below(random, 60);
		if (sl_random_below(random, 4) == 0)
			len += (size_t)snprintf(scene->text + len, MOST - len,
				"2024-01-01 12:%02u:00 %s\n", minute,
				stamped[sl_random_below(random, SL_COUNT_OF(stamped))]);
		else
			len += (size_t)snprintf(scene->text + len, MOST - len, "%s\n",
				lines[sl_random_below(random, SL_COUNT_OF(lines))]);
	}
	if (len && sl_random_below(random, 2))
		len--;
	scene->len = len;
}

static void
compile(struct scene *scene)
{
	static const char *const texts[] = { "ab", "a[b]", "^Name|ab$" };
	struct sl_span span = sl_span_str(texts[sl_random_below(&scene->random, 3)]);
	struct sl_pattern_spec spec = {
		.texts = &span, .count = 1, .inverts = sl_random_below(&scene->random, 4) == 0
	};
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&scene->pattern, &spec, kernel, &err), 0, "%s", err.text);
}

static struct sl_moment
moment(struct sl_random *random)
{
	/* 2024-01-01 12:00:00 and the hour behind it */
	int64_t seconds = 1704110400 + (int64_t)sl_random_below(random, 3600);
	return (struct sl_moment){ .local_ns = seconds * (int64_t)SL_NS_PER_S };
}

static void
write_file(const struct scene *scene, char *path)
{
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, scene->text, scene->len), (ssize_t)scene->len);
	close(fd);
}

static bool
is_same(const struct found *a, const struct found *b)
{
	bool is_same = a->count == b->count && a->hits == b->hits && a->left_out == b->left_out &&
		       a->total_lines == b->total_lines && a->all_bytes == b->all_bytes &&
		       a->state == b->state;
	for (size_t i = 0; i < a->count && is_same; i++) {
		const struct given *x = &a->lines[i], *y = &b->lines[i];
		is_same = x->off == y->off && x->whole_len == y->whole_len && x->hash == y->hash &&
			  x->is_context == y->is_context && x->begins_group == y->begins_group &&
			  x->begins_record == y->begins_record && x->is_closed == y->is_closed;
	}
	return is_same;
}

SL_SUSPENDS
static void
check_one(struct scene *scene, uint64_t seed, uint64_t *lines)
{
	struct sl_random *random = &scene->random;
	struct sl_period period = { .has_since = sl_random_below(random, 2) };
	char path[] = "/tmp/sluice-sequence-XXXXXX";
	period.has_until = !period.has_since || sl_random_below(random, 2);
	period.since = moment(random);
	period.until = moment(random);
	compile(scene);
	make_text(scene);
	scene->records = sl_random_below(random, 3);
	scene->wants_lines = sl_random_below(random, 3);
	scene->period = sl_random_below(random, 3) ? &period : NULL;
	scene->want.count = scene->got.count = 0;
	write_file(scene, path);
	scan_file(scene, path);
	unlink(path);
	feed_text(scene);
	cr_assert(is_same(&scene->want, &scene->got),
		"seed %llu: %zu lines, %zu hits, not %zu lines, %zu hits of %zu bytes (records %d, "
		"lines %d)",
		(unsigned long long)seed, scene->got.count, (size_t)scene->got.hits,
		scene->want.count, (size_t)scene->want.hits, scene->len, scene->records,
		scene->wants_lines);
	sl_pattern_free(scene->pattern);
	*lines += scene->got.count;
}

static int
check_all(void *arg)
{
	struct scene *scene = arg;
	uint64_t lines = 0;
	struct sim_seeds seeds = sim_seeds(200);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		sl_random_init(&scene->random, seed);
		check_one(scene, seed, &lines);
	}
	cr_expect(sim_seeds_are_chosen() || lines > 0);
	return 0;
}

Test(sequence, bytes_in_order_give_and_count_what_a_scan_of_the_file_does)
{
	struct scene scene = { .text = malloc(MOST) };
	scene.want.lines = calloc(MOST, sizeof(struct given));
	scene.got.lines = calloc(MOST, sizeof(struct given));
	cr_assert_eq(ring_run(2, check_all, &scene), 0);
	free(scene.want.lines);
	free(scene.got.lines);
	free(scene.text);
}

/* ---- too little memory ---- */

/* Lines before the failure were given, and it is known which: a scan of the rest has the others. */
static int
fail_in_the_middle(void *arg)
{
	static const char text[] = "2024-01-01 12:30:00 ab\n  ab 1\nlong ";
	struct scene *scene = arg;
	struct sl_period period = { .has_since = true, .since = { .local_ns = 1 } };
	struct sl_feeds_setup shared = { .pattern = scene->pattern,
		.wants_lines = true,
		.period = &period,
		.in_order = true,
		.runs = 1,
		.text_max = 1 };
	struct sl_feed_setup setup = { .ctx = scene, .line = feed_line };
	struct sl_feeds *feeds;
	struct sl_feed *feed;
	struct sl_given given = { 0 };
	cr_assert_eq(sl_feeds_new(&feeds, &shared), 0);
	cr_assert_eq(sl_feed_new(&feed, feeds, &setup), 0);
	cr_assert_eq(
		sl_feed_add(feed, 0, (const unsigned char *)text, sizeof(text) - 1), SL_E_LIMIT);
	cr_assert_eq(sl_feed_given(feed, &given), 0);
	cr_expect_eq(scene->got.count, 2);
	cr_expect(sl_given_has(&given, 0) && sl_given_has(&given, 23));
	cr_expect(!sl_given_has(&given, 30));
	sl_given_release(&given);
	sl_feed_free(feed);
	sl_feeds_free(feeds);
	return 0;
}

Test(sequence, of_a_feed_that_fails_it_is_known_which_lines_were_given)
{
	struct scene scene = { .got.lines = calloc(MOST, sizeof(struct given)) };
	sl_random_init(&scene.random, 1);
	struct sl_span span = sl_span_str("ab");
	struct sl_pattern_spec spec = { .texts = &span, .count = 1 };
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&scene.pattern, &spec, kernel, &err), 0, "%s", err.text);
	cr_assert_eq(ring_run(1, fail_in_the_middle, &scene), 0);
	sl_pattern_free(scene.pattern);
	free(scene.got.lines);
}
