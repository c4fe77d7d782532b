#include "shadow.h"

#include "oracle.h"

#include "sluice/base/cpu.h"
#include "sluice/rt/task.h"

#include <stdlib.h>

struct shadow_file {
	struct shadow *shadow;
	unsigned char *copy;
	bool *seen;
	size_t cap, passed;
	unsigned passing;
	unsigned char head[SL_TEE_HEAD]; /* as it was shown */
	size_t head_len;
	bool is_ordered;
	bool has_result;
	struct sl_feed *feed;
	struct sl_feed_result result;
};

/* A byte in 128 of any data: lines with and without it, and cuts next to it. */
static const struct sl_span words[] = { { "e", 1 }, { "\xe5\x80", 2 } };

static void
begin_feed(struct shadow_file *file)
{
	struct sl_feed_setup setup = { .ctx = file };
	sl_feed_free(file->feed);
	int code = sl_feed_new(&file->feed, file->shadow->feeds, &setup);
	sim_check(file->shadow->sim, code == 0, "feed: %d", code);
}

static void *
open_file(void *ctx, SL_UNUSED const char *url, SL_UNUSED const char *path)
{
	struct shadow_file *file = calloc(1, sizeof(*file));
	sl_assert(file);
	file->shadow = ctx;
	begin_feed(file);
	return file;
}

static void
make_room(struct shadow_file *file, size_t end)
{
	if (end <= file->cap)
		return;
	size_t cap = end * 2;
	file->copy = realloc(file->copy, cap);
	file->seen = realloc(file->seen, cap * sizeof(*file->seen));
	sl_assert(file->copy && file->seen);
	memset(file->seen + file->cap, 0, (cap - file->cap) * sizeof(*file->seen));
	file->cap = cap;
}

/* The bytes are looked at before and after it has waited: they must not change meanwhile. */
SL_SUSPENDS
static void
pass(void *arg, uint64_t off, const unsigned char *data, size_t len)
{
	struct shadow_file *file = arg;
	struct shadow *shadow = file->shadow;
	size_t begin = (size_t)off;
	sim_check(shadow->sim, !file->is_ordered || (begin == file->passed && !file->passing),
		"byte %zu is passed after %zu", begin, file->passed);
	file->passing++;
	make_room(file, begin + len);
	for (size_t i = begin; i < begin + len; i++) {
		sim_check(shadow->sim, !file->seen[i], "byte %zu is passed twice", i);
		file->seen[i] = true;
	}
	memcpy(file->copy + begin, data, len);
	int code = sl_feed_add(file->feed, off, data, len);
	if (code == 0 && shadow->most_ns)
		code = sl_sleep(sl_random_below(&shadow->random, shadow->most_ns));
	sim_check(shadow->sim, code == 0 || sl_task_cancelled(), "pass: %d", code);
	sim_check(shadow->sim, memcmp(file->copy + begin, data, len) == 0,
		"bytes change while they are passed");
	file->passed += len;
	shadow->passed += len;
	file->passing--;
}

static bool
wants_order(void *arg, const unsigned char *head, size_t len)
{
	struct shadow_file *file = arg;
	enum shadow_order order = file->shadow->order;
	sim_check(file->shadow->sim, file->passed == 0, "it is asked when bytes were passed");
	sim_check(file->shadow->sim, len <= sizeof(file->head), "%zu bytes", len);
	file->head_len = len;
	if (len > 0)
		memcpy(file->head, head, len);
	file->is_ordered = order == SHADOW_IN_ORDER || (head && order == SHADOW_BY_HEAD);
	return file->is_ordered;
}

static void
restart(void *arg)
{
	struct shadow_file *file = arg;
	sim_check(file->shadow->sim, file->passing == 0, "a restart while bytes are passed");
	if (file->seen)
		memset(file->seen, 0, file->cap * sizeof(*file->seen));
	file->passed = 0;
	file->has_result = false;
	file->shadow->restarts++;
	begin_feed(file);
}

SL_SUSPENDS
static void
finish(void *arg, uint64_t len)
{
	struct shadow_file *file = arg;
	sim_check(file->shadow->sim, file->passing == 0 && file->passed == len,
		"it ends with %zu of %llu bytes", file->passed, (unsigned long long)len);
	file->has_result = sl_feed_end(file->feed, len, &file->result) == 0;
	file->shadow->finished++;
}

static void
free_file(void *arg)
{
	struct shadow_file *file = arg;
	sim_check(file->shadow->sim, file->passing == 0, "freed while bytes are passed");
	sl_feed_free(file->feed);
	free(file->copy);
	free(file->seen);
	free(file);
}

bool
shadow_has(const struct shadow *shadow, const struct sl_download *download, struct sl_span content)
{
	const struct shadow_file *file = download->tee;
	if (!file || !file->has_result)
		return false;
	struct oracle_totals want = oracle_count(content, words, SL_COUNT_OF(words), false);
	const struct sl_block_totals *got = &file->result.totals;
	sim_check(shadow->sim, file->passed == content.len, "%zu of %zu bytes were passed",
		file->passed, content.len);
	sim_check(shadow->sim,
		content.len == 0 || memcmp(file->copy, content.data, content.len) == 0,
		"other bytes were passed than the file has");
	sim_check(shadow->sim,
		file->head_len == 0 || memcmp(file->head, content.data, file->head_len) == 0,
		"other first bytes were shown than the file has");
	sim_check(shadow->sim,
		file->result.state == SL_SCAN_OK && got->bytes == content.len &&
			got->lines == want.lines && got->hits == want.hits,
		"%llu of %llu lines match, not %llu of %llu", (unsigned long long)got->hits,
		(unsigned long long)got->lines, (unsigned long long)want.hits,
		(unsigned long long)want.lines);
	return true;
}

void
shadow_init(struct shadow *shadow, struct sim *sim, uint64_t most_ns)
{
	*shadow = (struct shadow){ .sim = sim, .most_ns = most_ns };
	struct sl_pattern_spec spec = {
		.texts = words, .count = SL_COUNT_OF(words), .fixed = true
	};
	struct sl_error err = { 0 };
	int code =
		sl_pattern_new(&shadow->pattern, &spec, sl_match_choose(sl_cpu_features()), &err);
	sim_check(sim, code == 0, "%s", err.text);
	sl_random_init(&shadow->random, most_ns + 1);
	shadow->consumer = (struct sl_tee_consumer){ .ctx = shadow,
		.open = open_file,
		.wants_order = wants_order,
		.pass = pass,
		.restart = restart,
		.finish = finish,
		.free = free_file };
}

void
shadow_release(struct shadow *shadow)
{
	sl_pattern_free(shadow->pattern);
}

void
shadow_open(struct shadow *shadow)
{
	struct sl_feeds_setup setup = {
		.pattern = shadow->pattern, .runs = 3, .text_max = UINT64_MAX
	};
	int code = sl_feeds_new(&shadow->feeds, &setup);
	sim_check(shadow->sim, code == 0, "feeds: %d", code);
}

void
shadow_close(struct shadow *shadow)
{
	sl_feeds_free(shadow->feeds);
	shadow->feeds = NULL;
}
