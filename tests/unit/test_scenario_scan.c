/*
 * The real scan pipeline in the simulated world, under many seeds: each line of each input is
 * counted, or the input is named as not fully read.
 */
#include "support/compress.h"
#include "support/engine_sim.h"
#include "support/run.h"

#include "sluice/base/calendar.h"
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/logline/record.h"
#include "sluice/rt/io.h"
#include "sluice/scan/scan.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define KIND(kind) (1ull << (kind))
#define INPUTS 8
#define KINDS_SIZE (64 * SL_MIB)

/* ---- inputs and what they hold ---- */

/* How the bytes of a log come if there is no file of it. */
struct remote {
	struct scene *scene;
	struct log *log;
	size_t off, breaks_at; /* what was read; SIZE_MAX = it does not break off */
	uint64_t stall_ns;     /* at that place, and it goes on then; 0 = it fails */
	unsigned closed;
	struct sl_input_remote functions;
};

struct log {
	const char *path;
	char *data;
	size_t len;
	bool missing;
	/* what the scan reported */
	unsigned begun, ended;
	struct sl_scan_result result;
	struct sl_error err;
	uint64_t seen, around; /* lines given to the sink, that match or are context */
	uint64_t at, at_lines; /* where the last of them began, and the lines before it */
	uint64_t seen_ns;      /* when it was given */
};

struct scene {
	struct sim *sim;
	struct sl_random random;
	struct log logs[INPUTS];
	struct remote remotes[INPUTS];
	const struct sl_input_remote *remote_of[INPUTS];
	size_t count;
	struct sl_scan_sink sink;
	struct sl_scan_setup setup;
	struct sl_timeline timeline;
	struct sl_period period;
	bool regex; /* the same pattern, but matched line by line */
	bool print; /* a line sink, with numbers and, for half of the seeds, context */
	bool has_context;
	bool has_records;   /* records are selected, and context not wanted */
	uint64_t slow_ns;   /* the sink takes so long for each line */
	uint64_t fail_line; /* the sink fails at this line; 0 = never */
	unsigned idles, fail_idle;
	int cancel_fd; /* a signal comes when it is readable; -1 = none */
	uint64_t cancelled_ns, ended_ns;
	int code;
	struct sl_scan_progress progress;
};

static char *
make_log(struct sl_random *random, size_t len)
{
	static const char *const words[] = { "ERROR", "error", "Error", "info", "ERRO", "rror", "x",
		"\r", " at line ", "\t", "\n\tat x", "\nTraceback (most recent call last):\n",
		"\nNameError: error\n", "warning: disk full", "2024-01-01T00:00:00Z",
		" 2023-05-06 07:08:09 ", " Jan  3 04:05:06 " };
	struct sl_buf text = { 0 };
	sl_buf_reserve(&text, len + 1);
	while (text.len < len) {
		uint64_t kind = sl_random_below(random, 40);
		if (kind == 0)
			for (uint64_t n = sl_random_below(random, 5000); n > 0; n--)
				sl_buf_add_char(&text, 'l');
		else if (kind == 1)
			sl_buf_add(&text, "\0\0", 2);
		else if (kind < 14)
			sl_buf_add_char(&text, '\n');
		else
			sl_buf_add_str(&text,
				words[sl_random_below(random, kind < 16 ? 2 : SL_COUNT_OF(words))]);
	}
	text.data[len] = '\0';
	if (len > 0)
		text.data[0] = 'a'; /* not the magic of something compressed */
	if (len > 1)
		text.data[1] = 'b';
	text.len = len;
	return sl_buf_detach(&text);
}

static bool
is_hit(const char *line, size_t len)
{
	return memmem(line, len, "ERROR", 5) || memmem(line, len, "error", 5);
}

/* The lines of a text, one by one. {0} but for `period`, `data` and `len` is before the first. */
struct reader {
	const struct sl_period *period; /* NULL = all lines are inside */
	const char *data;
	size_t len;
	struct sl_span line;
	size_t end;     /* behind its newline */
	uint64_t count; /* lines with this one */
	bool is_inside, is_hit;
};

static struct reader
reader_of(const struct scene *scene, const char *data, size_t len)
{
	return (struct reader){
		.period = scene ? scene->setup.period : NULL, .data = data, .len = len
	};
}

static bool
next_line(struct reader *reader)
{
	enum sl_period_side side = SL_PERIOD_INSIDE;
	if (reader->end == reader->len)
		return false;
	const char *begin = reader->data + reader->end;
	const char *newline = memchr(begin, '\n', reader->len - reader->end);
	size_t len = newline ? (size_t)(newline - begin) : reader->len - reader->end;
	reader->line = sl_span(begin, len);
	reader->is_hit = is_hit(begin, len);
	if (reader->period)
		side = sl_period_side_of(reader->period, reader->line);
	if (side != SL_PERIOD_UNKNOWN)
		reader->is_inside = side == SL_PERIOD_INSIDE;
	else if (reader->count == 0)
		reader->is_inside = !reader->period->has_since;
	reader->end += len + (newline != NULL);
	reader->count++;
	return true;
}

struct counts {
	uint64_t lines, hits;
};

static struct counts
count_naively(const struct scene *scene, const char *data, size_t len)
{
	struct reader reader = reader_of(scene, data, len);
	struct counts counts = { 0, 0 };
	while (next_line(&reader)) {
		counts.lines += reader.is_inside;
		counts.hits += reader.is_inside && reader.is_hit;
	}
	return counts;
}

/* Lines that do not match, at most BEFORE before or AFTER after one that does. */
#define BEFORE 2u
#define AFTER 1u

static uint64_t
count_context(const struct scene *scene, const char *data, size_t len)
{
	struct reader reader = reader_of(scene, data, len);
	uint64_t count = 0, others = 0, after = 0;
	while (next_line(&reader)) {
		if (!reader.is_inside) {
			others = after = 0;
		} else if (reader.is_hit) {
			count += SL_MIN(others, BEFORE);
			others = 0;
			after = AFTER;
		} else if (after) {
			count++;
			after--;
		} else {
			others++;
		}
	}
	return count;
}

/* ---- records ---- */

/* The next record of a log. */
struct record {
	struct sl_span head, match; /* its first line, and the first that matches */
	uint64_t match_line;        /* lines of the log before that */
	uint64_t lines, hits, others;
};

/* False behind the last one. A line outside the period ends a record. */
static bool
next_record(struct reader *reader, struct record *record, enum sl_record_state *state)
{
	struct reader next = *reader;
	*record = (struct record){ 0 };
	for (; next_line(&next); *reader = next) {
		enum sl_record_state after = *state;
		bool begins = sl_record_step(&after, sl_record_look(next.line));
		if (record->lines && (begins || !next.is_inside))
			return true;
		*state = next.is_inside ? after : SL_RECORD_PLAIN;
		if (!next.is_inside)
			continue;
		if (record->lines++ == 0)
			record->head = next.line;
		if (next.is_hit && record->hits++ == 0) {
			record->match = next.line;
			record->match_line = next.count - 1;
		}
		record->others += !next.is_hit;
	}
	return record->lines > 0;
}

/* What is counted and given where records are: lines of those that match. */
struct record_counts {
	uint64_t records, hits, others;
};

static struct record_counts
count_records(const struct scene *scene, const char *data, size_t len)
{
	struct reader reader = reader_of(scene, data, len);
	struct record_counts counts = { 0, 0, 0 };
	struct record record;
	enum sl_record_state state = SL_RECORD_PLAIN;
	while (next_record(&reader, &record, &state)) {
		if (record.hits == 0)
			continue;
		counts.records++;
		counts.hits += record.hits;
		counts.others += record.others;
	}
	return counts;
}

/* ---- kinds of lines, and their times ---- */

/* What is noted of a line or record that is counted. */
typedef void note_fn(void *ctx, struct sl_span head, struct sl_span match, uint64_t line);

static void
note_hits(const struct scene *scene, const struct log *log, note_fn *note, void *ctx)
{
	struct reader reader = reader_of(scene, log->data, (size_t)log->result.bytes);
	struct record record;
	enum sl_record_state state = SL_RECORD_PLAIN;
	while (scene->has_records && next_record(&reader, &record, &state))
		if (record.hits)
			note(ctx, record.head, record.match, record.match_line);
	while (!scene->has_records && next_line(&reader))
		if (reader.is_inside && reader.is_hit)
			note(ctx, reader.line, reader.line, reader.count - 1);
}

struct naive_kinds {
	struct sl_kinds *kinds;
	struct sl_memo *memo;
	uint64_t input;
};

static void
note_kind(void *ctx, struct sl_span head, struct sl_span match, uint64_t line)
{
	const struct naive_kinds *naive = ctx;
	struct sl_kinds_place place = { naive->input, line };
	(void)head;
	cr_assert_eq(sl_kinds_add(naive->kinds, naive->memo, match, place), 0);
}

static void
note_time(void *ctx, struct sl_span head, struct sl_span match, uint64_t line)
{
	(void)match;
	(void)line;
	cr_assert_eq(sl_timeline_add(ctx, head), 0);
}

static bool
is_same_kind(const struct sl_kind *a, const struct sl_kind *b)
{
	return sl_span_equal(a->text, b->text) && sl_span_equal(a->example, b->example) &&
	       a->count == b->count && memcmp(&a->first, &b->first, sizeof(a->first)) == 0 &&
	       memcmp(&a->last, &b->last, sizeof(a->last)) == 0;
}

/* All lines that are counted have a kind; where memory is ample, the kinds are those of one pass
 * over all lines. */
static void
check_kinds(struct scene *scene)
{
	struct sl_kinds *kinds = scene->setup.kinds;
	size_t count, naive_count;
	if (!kinds)
		return;
	const struct sl_kind *found = sl_kinds_sort(kinds, &count);
	uint64_t lines = sl_kinds_dropped(kinds);
	for (size_t i = 0; i < count; i++)
		lines += found[i].count;
	sim_check(scene->sim,
		lines == scene->progress.summary.hits && lines == sl_kinds_lines(kinds),
		"%llu lines have a kind, %llu match", (unsigned long long)lines,
		(unsigned long long)scene->progress.summary.hits);
	if (scene->setup.max_memory == SL_SCAN_MEMORY_MIN)
		return;
	struct naive_kinds naive = { sl_kinds_new(KINDS_SIZE), sl_memo_new(SL_MEMO_BYTES_MIN), 0 };
	for (; naive.input < scene->count; naive.input++)
		note_hits(scene, &scene->logs[naive.input], note_kind, &naive);
	const struct sl_kind *want = sl_kinds_sort(naive.kinds, &naive_count);
	sim_check(scene->sim, count == naive_count, "%zu kinds, not %zu", count, naive_count);
	for (size_t i = 0; i < count; i++)
		sim_check(scene->sim, is_same_kind(&found[i], &want[i]),
			"kind %zu: %llu lines, first %llu, not %llu lines, first %llu", i,
			(unsigned long long)found[i].count, (unsigned long long)found[i].first.line,
			(unsigned long long)want[i].count, (unsigned long long)want[i].first.line);
	sl_kinds_free(naive.kinds);
	sl_memo_free(naive.memo);
}

static bool
is_same_view(const struct sl_timeline_view *a, const struct sl_timeline_view *b)
{
	return a->count == b->count && a->interval_s == b->interval_s && a->undated == b->undated &&
	       a->without_year == b->without_year &&
	       (a->count == 0 ||
		       memcmp(a->buckets, b->buckets, a->count * sizeof(*a->buckets)) == 0);
}

/* Lines that are counted are counted by their time as in one pass over all lines. */
static void
check_times(struct scene *scene)
{
	struct sl_timeline naive;
	if (!scene->setup.timeline)
		return;
	sl_timeline_init(&naive, scene->setup.timeline_interval_s);
	for (size_t i = 0; i < scene->count; i++)
		note_hits(scene, &scene->logs[i], note_time, &naive);
	struct sl_timeline_view got = sl_timeline_arrange(scene->setup.timeline, 40);
	struct sl_timeline_view want = sl_timeline_arrange(&naive, 40);
	sim_check(scene->sim, is_same_view(&got, &want),
		"%zu intervals, %llu undated; not %zu, %llu", got.count,
		(unsigned long long)got.undated, want.count, (unsigned long long)want.undated);
	sl_timeline_release(&naive);
}

/* ---- the scan ---- */

static struct log *
log_of(struct scene *scene, const struct sl_input *input)
{
	for (size_t i = 0; i < scene->count; i++)
		if (strcmp(scene->logs[i].path, input->path) == 0)
			return &scene->logs[i];
	sim_failed(scene->sim, "known", __FILE__, __LINE__, "an unknown input '%s'", input->path);
}

static int
sink_line(struct scene *scene, struct log *log, const struct sl_scan_line *line, bool is_context)
{
	log->seen_ns = sl_now();
	log->seen += !is_context;
	log->around += is_context;
	bool hit = memmem(line->text, line->len, "ERROR", 5) ||
		   memmem(line->text, line->len, "error", 5);
	sim_check(scene->sim, hit != is_context, "a line of the other kind");
	sim_check(scene->sim,
		line->off + line->len <= log->len &&
			memcmp(log->data + line->off, line->text, line->len) == 0,
		"a line that is not there");
	sim_check(scene->sim, line->off >= log->at, "lines are not in order");
	log->at_lines += count_naively(NULL, log->data + log->at, line->off - log->at).lines;
	log->at = line->off;
	sim_check(scene->sim, line->number == log->at_lines + 1, "line %llu is called %llu",
		(unsigned long long)log->at_lines + 1, (unsigned long long)line->number);
	if (!is_context && scene->fail_line && log->seen == scene->fail_line)
		return -EPIPE;
	return scene->slow_ns ? sl_sleep(scene->slow_ns) : 0;
}

static void
sink_end(struct log *log, const struct sl_scan_result *result)
{
	log->ended++;
	log->result = *result;
	log->err = *result->err;
}

static int
sink_idle(struct scene *scene)
{
	scene->idles++;
	return scene->fail_idle && scene->idles == scene->fail_idle ? -EPIPE : 0;
}

static int
sink_event(void *ctx, const struct sl_scan_event *event)
{
	struct scene *scene = ctx;
	switch (event->kind) {
	case SL_SCAN_EVENT_BEGIN:
		log_of(scene, event->input)->begun++;
		return 0;
	case SL_SCAN_EVENT_LINE:
	case SL_SCAN_EVENT_CONTEXT:
		return sink_line(scene, log_of(scene, event->input), event->line,
			event->kind == SL_SCAN_EVENT_CONTEXT);
	case SL_SCAN_EVENT_END:
		sink_end(log_of(scene, event->input), event->result);
		return 0;
	case SL_SCAN_EVENT_IDLE:
		return sink_idle(scene);
	case SL_SCAN_EVENT_SUMMARY:
		return 0;
	}
	return 0;
}

struct canceller {
	struct scene *scene;
	struct sl_group *group;
};

static int
wait_for_signal(void *arg)
{
	struct canceller *canceller = arg;
	char byte = 0;
	if (sl_io_read_stream(canceller->scene->cancel_fd, &byte, 1, SL_FOREVER) != 1)
		return 0;
	canceller->scene->cancelled_ns = sl_now();
	sl_group_cancel(canceller->group, SL_E_INTERRUPTED);
	return 0;
}

static int
scan_task(void *arg)
{
	struct scene *scene = arg;
	struct sl_error err = { 0 };
	scene->code = sl_scan_run(&scene->setup, &scene->progress, &err);
	scene->ended_ns = sl_now();
	return 0;
}

static int
scan_main(void *arg)
{
	struct scene *scene = arg;
	struct sl_group scans, signals;
	struct canceller canceller = { scene, &scans };
	struct sl_pattern *pattern = NULL;
	struct sl_error err = { 0 };
	const struct sl_span text = { "ERRO[R]|[e]rror", 15 };
	struct sl_pattern_spec spec = { .texts = &text, .count = scene->regex };
	int code = sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), &err);
	sim_check(scene->sim, code == 0, "%s", err.text);
	scene->setup.pattern = pattern;
	sl_group_enter(&signals, SL_GROUP_COLLECT);
	sl_group_enter(&scans, SL_GROUP_COLLECT);
	if (scene->cancel_fd >= 0)
		sim_check(scene->sim,
			sl_group_spawn(&signals, "signal", wait_for_signal, &canceller, NULL) == 0,
			"spawn");
	sim_check(scene->sim, sl_group_spawn(&scans, "scan", scan_task, scene, NULL) == 0, "spawn");
	(void)sl_group_leave(&scans);
	sl_group_cancel(&signals, -ECANCELED);
	(void)sl_group_leave(&signals);
	sim_check(scene->sim, sl_task_count() == 1, "%u tasks are left", sl_task_count());
	sl_pattern_free(pattern);
	return 0;
}

/* ---- scenes ---- */

static struct scene *
build_with(const struct sim_options *options)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	cr_assert(scene);
	scene->sim = sim_new(options);
	scene->cancel_fd = -1;
	scene->regex = options->seed % 3 == 0;
	scene->has_context = options->seed % 2 == 0;
	scene->has_records = options->seed % 5 == 0;
	sl_random_init(&scene->random, options->seed);
	scene->sink = (struct sl_scan_sink){ scene,
		SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_END), sink_event };
	scene->setup = (struct sl_scan_setup){ .sinks = &scene->sink,
		.sink_count = 1,
		.max_hits = UINT64_MAX,
		.chunk = 64 * SL_KIB,
		.queue = 4,
		.max_memory = SL_SCAN_MEMORY_MIN };
	if (options->seed % 3 == 0) {
		scene->setup.timeline_interval_s = options->seed % 2 ? 600 : 0;
		sl_timeline_init(&scene->timeline, scene->setup.timeline_interval_s);
		scene->setup.timeline = &scene->timeline;
	}
	if (options->seed % 4 < 3)
		return scene;
	scene->setup.max_memory = options->seed % 8 < 4 ? SL_SCAN_MEMORY_MIN : SL_GIB;
	scene->setup.kinds =
		sl_kinds_new(scene->setup.max_memory == SL_GIB ? KINDS_SIZE : SL_KINDS_BYTES_MIN);
	cr_assert(scene->setup.kinds);
	return scene;
}

static struct scene *
build(uint64_t seed)
{
	struct sim_options options = sim_options(seed);
	return build_with(&options);
}

/* Midnight in UTC and in the zone of the log. */
static struct sl_moment
moment_of(int year, int month)
{
	int64_t days = sl_calendar_days(&(struct sl_calendar_date){ year, month, 1 });
	int64_t ns = days * SL_DAY_S * (int64_t)SL_NS_PER_S;
	return (struct sl_moment){ .ns = ns, .local_ns = ns };
}

/* Of the stamps that logs have, one or two are inside. */
static void
want_period(struct scene *scene, uint64_t seed)
{
	scene->period = (struct sl_period){ .has_since = seed % 3 != 0,
		.has_until = seed % 3 != 1,
		.since = moment_of(seed % 2 ? 2023 : 2024, 1),
		.until = moment_of(seed % 2 ? 2024 : 2025, 1),
		.latest_ns = moment_of(seed % 4 < 2 ? 2026 : 2024, 12).ns };
	scene->setup.period = &scene->period;
}

static void
tear_down(struct scene *scene)
{
	sim_free(scene->sim);
	sl_kinds_free(scene->setup.kinds);
	sl_timeline_release(&scene->timeline);
	for (size_t i = 0; i < scene->count; i++)
		free(scene->logs[i].data);
	free(scene);
}

static struct log *
add(struct scene *scene, const char *path, size_t len)
{
	struct log *log = &scene->logs[scene->count++];
	*log = (struct log){ .path = path, .data = make_log(&scene->random, len), .len = len };
	if (strcmp(path, "-") != 0)
		sim_put_file(scene->sim, path, log->data, len, 0644);
	return log;
}

static void
run(struct scene *scene)
{
	const char *paths[INPUTS];
	for (size_t i = 0; i < scene->count; i++)
		paths[i] = scene->logs[i].path;
	scene->setup.paths = paths;
	scene->setup.remotes = scene->remote_of;
	scene->setup.count = scene->count;
	if (scene->print) {
		scene->sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
		scene->setup.numbers = true;
	}
	/* Behind the last of so many hits, lines that match as well are context. */
	scene->has_records = scene->has_records && scene->setup.max_hits == UINT64_MAX;
	scene->has_context =
		scene->has_context && scene->setup.max_hits == UINT64_MAX && !scene->has_records;
	scene->setup.records = scene->has_records;
	if (scene->print && scene->has_records)
		scene->sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
	if (scene->print && scene->has_context) {
		scene->sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
		scene->setup.before = BEFORE;
		scene->setup.after = AFTER;
	}
	sim_check(scene->sim, sim_run(scene->sim, scan_main, scene) == 0, "the run");
}

struct expected {
	uint64_t lines, hits;  /* that are counted */
	uint64_t seen, around; /* lines that are given, if any are */
};

static struct expected
expect_of(const struct scene *scene, const char *data, size_t len)
{
	struct counts counts = count_naively(scene, data, len);
	struct expected all = { counts.lines, counts.hits, counts.hits, 0 };
	if (scene->has_records) {
		struct record_counts records = count_records(scene, data, len);
		all.hits = records.records;
		all.seen = records.hits;
		all.around = records.others;
	} else if (scene->has_context) {
		all.around = count_context(scene, data, len);
	}
	return all;
}

/* Counted exactly, or in trouble, with a word about it, and no more counted than is there. */
static void
check_log(struct scene *scene, const struct log *log)
{
	struct expected all = expect_of(scene, log->data, log->len);
	const struct sl_scan_result *result = &log->result;
	bool exact =
		result->lines == all.lines && result->hits == all.hits && result->bytes == log->len;
	sim_check(scene->sim, log->ended == 1, "'%s' ended %u times", log->path, log->ended);
	if (!sl_scan_state_is_trouble(result->state)) {
		sim_check(scene->sim, result->state == SL_SCAN_OK && exact,
			"'%s' is ok with %llu lines, %llu hits, %llu bytes of %llu, %llu, %zu",
			log->path, (unsigned long long)result->lines,
			(unsigned long long)result->hits, (unsigned long long)result->bytes,
			(unsigned long long)all.lines, (unsigned long long)all.hits, log->len);
		sim_check(scene->sim, !scene->print || log->seen == all.seen,
			"%llu lines were given out", (unsigned long long)log->seen);
		uint64_t around = scene->print ? all.around : 0;
		sim_check(scene->sim, log->around == around,
			"%llu lines of context were given, not %llu",
			(unsigned long long)log->around, (unsigned long long)around);
		return;
	}
	struct expected some = expect_of(scene, log->data, SL_MIN((size_t)result->bytes, log->len));
	sim_check(scene->sim, log->err.code != 0 && log->err.text[0],
		"'%s' is in trouble without a word", log->path);
	sim_check(scene->sim,
		result->bytes <= log->len && result->lines == some.lines &&
			result->hits == some.hits,
		"'%s': %llu lines, %llu hits in %llu bytes, %llu and %llu are there", log->path,
		(unsigned long long)result->lines, (unsigned long long)result->hits,
		(unsigned long long)result->bytes, (unsigned long long)some.lines,
		(unsigned long long)some.hits);
}

static void
check(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++)
		check_log(scene, &scene->logs[i]);
	sim_check(scene->sim, scene->code == 0, "the scan returned %d", scene->code);
	check_kinds(scene);
	check_times(scene);
	sim_check(scene->sim, scene->progress.summary.inputs == scene->count,
		"another number of inputs");
	sim_check(scene->sim, scene->progress.queue_high_water <= scene->setup.queue,
		"the queue is not bounded");
}

static void
expect_all_ok(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++)
		sim_check(scene->sim, scene->logs[i].result.state == SL_SCAN_OK, "'%s': %s",
			scene->logs[i].path, scene->logs[i].err.text);
}

static void
add_assorted(struct scene *scene)
{
	static const struct {
		const char *path;
		size_t len;
	} logs[] = { { "empty", 0 }, { "tiny", 7 }, { "small", 5000 }, { "page", 4096 },
		{ "pages", 65536 }, { "more", 65537 }, { "middle", 300000 }, { "large", 1000001 } };
	for (size_t i = 0; i < SL_COUNT_OF(logs); i++)
		add(scene, logs[i].path, logs[i].len);
}

/* ---- bytes of the caller ---- */

/* A pause, as servers make them: in the middle of a line, longer than the scan waits for more. */
static int
remote_pause(struct scene *scene, uint64_t pause_ns, uint64_t deadline_ns)
{
	uint64_t until_ns = sl_deadline_in(pause_ns);
	int code = sl_sleep_until(SL_MIN(until_ns, deadline_ns));
	sim_check(scene->sim, code == 0 || sl_task_cancelled(), "a deadline of nobody's");
	return code || until_ns <= deadline_ns ? code : -ETIMEDOUT;
}

static int
remote_read(void *ctx, unsigned char *data, size_t len, uint64_t deadline_ns, struct sl_error *err)
{
	struct remote *remote = ctx;
	struct scene *scene = remote->scene;
	sim_check(scene->sim, !remote->closed, "it was closed");
	uint64_t pause_ns = sl_random_below(&scene->random, 5) * SL_NS_PER_MS / 2;
	int code = pause_ns ? remote_pause(scene, pause_ns, deadline_ns) : 0;
	if (!code && remote->off == remote->breaks_at && remote->stall_ns)
		code = remote_pause(scene, remote->stall_ns, deadline_ns);
	else if (!code && remote->off == remote->breaks_at)
		return sl_fail(err, SL_PHASE_BODY, -ETIMEDOUT, "cannot fetch '%s': no data",
			remote->log->path);
	if (code)
		return code;
	size_t some = 1 + (size_t)sl_random_below(&scene->random, 30000);
	some = SL_MIN(some, len);
	some = SL_MIN(some, remote->log->len - remote->off);
	if (remote->off < remote->breaks_at)
		some = SL_MIN(some, remote->breaks_at - remote->off);
	memcpy(data, remote->log->data + remote->off, some);
	remote->off += some;
	return (int)some;
}

static void
remote_close(void *ctx)
{
	struct remote *remote = ctx;
	remote->closed++;
}

static struct remote *
add_remote(struct scene *scene, const char *path, size_t len)
{
	struct remote *remote = &scene->remotes[scene->count];
	scene->remote_of[scene->count] = &remote->functions;
	struct log *log = &scene->logs[scene->count++];
	*log = (struct log){ .path = path, .data = make_log(&scene->random, len), .len = len };
	*remote = (struct remote){ .scene = scene,
		.log = log,
		.breaks_at = SIZE_MAX,
		.functions = { .ctx = remote, .read = remote_read, .close = remote_close } };
	return remote;
}

static void
check_closed(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++)
		sim_check(scene->sim, !scene->remote_of[i] || scene->remotes[i].closed == 1,
			"'%s' was closed %u times", scene->logs[i].path, scene->remotes[i].closed);
}

Test(scenario_scan, bytes_of_the_caller_are_counted_like_those_of_files)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 2;
		add_remote(scene, "http://h/large", 300001);
		add(scene, "a", 70000);
		add_remote(scene, "http://h/empty", 0);
		add_remote(scene, "-", 5000);
		add(scene, "b", 5000);
		add_remote(scene, "b/other", 150000);
		run(scene);
		check(scene);
		check_closed(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

/* Whatever the failure is, also one that looks like the end of a pause. */
Test(scenario_scan, bytes_of_the_caller_that_break_off_are_counted_up_to_there)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 2;
		add(scene, "a", 70000);
		struct remote *cut = add_remote(scene, "http://h/cut", 300000);
		struct remote *none = add_remote(scene, "http://h/none", 9);
		add_remote(scene, "http://h/whole", 100000);
		cut->breaks_at = 1 + (size_t)sl_random_below(&scene->random, 290000);
		none->breaks_at = 0;
		run(scene);
		check(scene);
		check_closed(scene);
		sim_check(scene->sim,
			cut->log->result.state == SL_SCAN_TRUNCATED &&
				cut->log->result.bytes == cut->breaks_at &&
				strstr(cut->log->err.text,
					"cannot fetch 'http://h/cut': no data (only"),
			"%s", cut->log->err.text);
		sim_check(scene->sim,
			none->log->result.state == SL_SCAN_UNREADABLE &&
				strcmp(none->log->err.text,
					"cannot fetch 'http://h/none': no data") == 0,
			"%s", none->log->err.text);
		tear_down(scene);
	}
}

Test(scenario_scan, bytes_of_the_caller_that_stall_are_not_waited_for_once_there_is_enough)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 2;
		struct remote *remote = add_remote(scene, "http://h/stalls", 100000);
		memcpy(remote->log->data + 1000, "\nERROR\n", 7);
		remote->breaks_at = 1007;
		remote->stall_ns = 3600 * SL_NS_PER_S;
		scene->setup.max_hits = 1;
		uint64_t begun_ns = sim_now(scene->sim);
		run(scene);
		sim_check(scene->sim, scene->code == 0 && remote->log->result.hits == 1, "%d",
			scene->code);
		sim_check(scene->sim, scene->ended_ns - begun_ns < 1800 * SL_NS_PER_S,
			"it was waited for");
		check_closed(scene);
		tear_down(scene);
	}
}

Test(scenario_scan, a_signal_ends_a_scan_that_waits_for_bytes_of_the_caller)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		add(scene, "a", 70000);
		for (size_t i = 0; i < 3; i++) {
			struct remote *remote = add_remote(scene, "http://h/stalls", 100000);
			remote->breaks_at = i * 1000;
			remote->stall_ns = 3600 * SL_NS_PER_S;
		}
		scene->cancel_fd = sim_trap(scene->sim, 1 + seed % 10);
		run(scene);
		sim_check(scene->sim, scene->code == -ECANCELED, "%d", scene->code);
		sim_check(scene->sim, scene->ended_ns - scene->cancelled_ns < SL_NS_PER_S,
			"it took too long");
		for (size_t i = 1; i < scene->count; i++)
			sim_check(scene->sim, scene->remotes[i].closed <= 1, "closed twice");
		tear_down(scene);
	}
}

/* ---- all is well ---- */

Test(scenario_scan, assorted_logs_are_counted_exactly)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->setup.chunk = seed % 3 ? 64 * SL_KIB : SL_MIB;
		scene->setup.queue = 1 + (unsigned)(seed % 5);
		add_assorted(scene);
		run(scene);
		check(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

Test(scenario_scan, matching_lines_come_in_order_with_their_numbers_however_slow_the_sink)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = true;
		scene->slow_ns = seed % 2 ? SL_NS_PER_MS : 0;
		add(scene, "a", 150000);
		add(scene, "b", 3000);
		run(scene);
		check(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

Test(scenario_scan, of_a_period_of_time_all_lines_are_counted_and_given_and_no_others)
{
	struct sim_seeds seeds = sim_seeds(120);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		want_period(scene, sl_random_below(&scene->random, 12));
		scene->print = seed / 2 % 2;
		scene->setup.chunk = seed / 4 % 2 ? 64 * SL_KIB : SL_MIB;
		add_assorted(scene);
		run(scene);
		check(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

/* Large enough to be read past the page cache, of which the simulated kernel says by chance that it
 * has nothing. */
Test(scenario_scan, a_large_cold_file_is_read_directly_where_that_is_allowed)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct sim_options options = sim_options(seed);
		options.dio_align = seed % 3 == 0 ? 0 : 512;
		struct scene *scene = build_with(&options);
		scene->setup.chunk = 512 * SL_KIB;
		add(scene, "a", 5 * SL_MIB + (size_t)seed * 1111);
		run(scene);
		check(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

/* ---- streams ---- */

static void
feed_stdin(struct scene *scene, const struct log *log)
{
	sim_source(scene->sim, 0);
	for (size_t off = 0; off < log->len;) {
		size_t n = 1 + (size_t)sl_random_below(&scene->random, 60000);
		n = SL_MIN(n, log->len - off);
		sim_source_data(scene->sim, 0, log->data + off, n);
		off += n;
		if (sl_random_below(&scene->random, 4) == 0)
			sim_source_pause(
				scene->sim, 0, sl_random_below(&scene->random, 5 * SL_NS_PER_S));
	}
}

Test(scenario_scan, standard_input_is_counted_to_its_end_whatever_its_pauses)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 2;
		add(scene, "before", 3000);
		feed_stdin(scene, add(scene, "-", 100000 + (size_t)(seed % 61)));
		sim_source_end(scene->sim, 0);
		add(scene, "behind", 3000);
		run(scene);
		check(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

Test(scenario_scan, standard_input_that_fails_is_counted_up_to_there)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		struct log *log = add(scene, "-", 50000);
		feed_stdin(scene, log);
		sim_source_fail(scene->sim, 0, -EIO);
		run(scene);
		check(scene);
		sim_check(scene->sim, log->result.state == SL_SCAN_UNREADABLE, "state %d",
			log->result.state);
		tear_down(scene);
	}
}

/* ---- files that change ---- */

static void
grow(struct sim *sim, void *ctx)
{
	(void)ctx;
	sim_append(sim, "a", "ERROR one more\nERROR and another\n", 33);
}

Test(scenario_scan, a_file_that_grows_is_read_to_the_size_it_had)
{
	for (uint64_t n = 1; n < 60; n++) {
		struct scene *scene = build(n);
		struct log *log = add(scene, "a", 300000);
		sim_at(scene->sim, n, grow, NULL);
		run(scene);
		/* If it grew before it was opened, all of it is the file. */
		if (log->result.bytes != log->len) {
			sim_check(scene->sim, log->result.bytes == log->len + 33,
				"neither of both sizes");
			log->data = realloc(log->data, log->len + 34);
			memcpy(log->data + log->len, "ERROR one more\nERROR and another\n", 34);
			log->len += 33;
		}
		check(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

static void
cut(struct sim *sim, void *ctx)
{
	(void)ctx;
	sim_cut(sim, "a", 100000);
}

Test(scenario_scan, a_file_that_is_cut_is_counted_to_its_new_end_and_named)
{
	unsigned truncated = 0;
	for (uint64_t n = 1; n < 60; n++) {
		struct scene *scene = build(n);
		struct log *log = add(scene, "a", 1000000);
		sim_at(scene->sim, n, cut, NULL);
		run(scene);
		sim_check(scene->sim, log->ended == 1, "it did not end");
		struct expected some = expect_of(scene, log->data, (size_t)log->result.bytes);
		/* Parts that were read before the cut may lie behind it; what is counted is from
		 * the beginning on. */
		sim_check(scene->sim, log->result.bytes >= 100000 && log->result.bytes <= log->len,
			"%llu bytes", (unsigned long long)log->result.bytes);
		sim_check(scene->sim,
			log->result.lines == some.lines && log->result.hits == some.hits,
			"wrong counts");
		bool whole = log->result.bytes == log->len || sim_ops(scene->sim) < n;
		bool opened_late = log->result.bytes == 100000 && log->result.state == SL_SCAN_OK;
		sim_check(scene->sim,
			whole || opened_late || log->result.state == SL_SCAN_TRUNCATED,
			"state %d: %s", log->result.state, log->err.text);
		truncated += log->result.state == SL_SCAN_TRUNCATED;
		tear_down(scene);
	}
	cr_assert_gt(truncated, 5);
}

static void
remove_it(struct sim *sim, void *ctx)
{
	(void)ctx;
	sim_remove(sim, "a");
}

Test(scenario_scan, a_file_that_is_removed_meanwhile_is_read_to_its_end_or_missing)
{
	for (uint64_t n = 1; n < 40; n++) {
		struct scene *scene = build(n);
		struct log *log = add(scene, "a", 300000);
		add(scene, "b", 3000);
		sim_at(scene->sim, n, remove_it, NULL);
		run(scene);
		check(scene);
		sim_check(scene->sim, log->result.state == SL_SCAN_OK || log->err.code == -ENOENT,
			"%s", log->err.text);
		tear_down(scene);
	}
}

/* ---- ends ---- */

Test(scenario_scan, a_signal_at_any_moment_ends_the_scan_within_a_second_and_leaves_nothing)
{
	struct sim_seeds seeds = sim_seeds(200);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 2;
		scene->slow_ns = seed % 4 == 1 ? 100 * SL_NS_PER_MS : 0;
		add(scene, "a", 100000);
		sim_source(scene->sim, 0);
		sim_source_data(scene->sim, 0, "ERROR\n", 6);
		struct log *log = add(scene, "-", 6);
		memcpy(log->data, "ERROR\n", 6);
		add(scene, "b", 3000);
		scene->cancel_fd = sim_trap(scene->sim, 1 + seed % 40);
		/* Else the stream stays open, and only the signal can end the scan. */
		if (seed % 40 > 9)
			sim_source_end(scene->sim, 0);
		run(scene);
		bool cancelled = scene->cancelled_ns != 0 && scene->code != 0;
		sim_check(scene->sim, scene->code == 0 || scene->code == -ECANCELED, "%d",
			scene->code);
		sim_check(scene->sim,
			!cancelled || scene->ended_ns - scene->cancelled_ns < SL_NS_PER_S, "late");
		tear_down(scene);
	}
}

Test(scenario_scan, a_sink_that_fails_ends_the_scan_with_its_code)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = true;
		scene->fail_line = 1 + seed % 5;
		add(scene, "a", 300000);
		add(scene, "b", 300000);
		run(scene);
		sim_check(scene->sim, scene->code == -EPIPE, "%d", scene->code);
		tear_down(scene);
	}
}

Test(scenario_scan, a_number_of_lines_that_is_enough_settles_an_input)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 8 < 4;
		scene->setup.max_hits = 3;
		struct log *a = add(scene, "a", 300000), *b = add(scene, "b", 300000);
		run(scene);
		sim_check(scene->sim, scene->code == 0, "%d", scene->code);
		sim_check(scene->sim,
			a->result.hits == 3 && b->result.hits == 3 &&
				a->result.state == SL_SCAN_LIMITED,
			"%llu and %llu lines", (unsigned long long)a->result.hits,
			(unsigned long long)b->result.hits);
		uint64_t seen = scene->print ? 3 : 0;
		sim_check(scene->sim, a->seen == seen && b->seen == seen,
			"%llu and %llu lines are given", (unsigned long long)a->seen,
			(unsigned long long)b->seen);
		check_kinds(scene);
		check_times(scene);
		tear_down(scene);
	}
}

/* A log of few long lines may have fewer hits, or one that nothing closes. */
static void
end_with_three_hits(struct log *log)
{
	static const char ending[] = "\nerror\nerror\nerror\n";
	memcpy(log->data + log->len - strlen(ending), ending, strlen(ending));
}

Test(scenario_scan, a_stream_that_gives_nothing_more_is_not_waited_for_once_there_is_enough)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 2;
		scene->setup.max_hits = 3;
		struct log *log = add(scene, "-", 20000), *behind = add(scene, "behind", 300000);
		end_with_three_hits(log);
		feed_stdin(scene, log);
		sim_source_pause(scene->sim, 0, 3600 * SL_NS_PER_S);
		sim_source_data(scene->sim, 0, "error", 5);
		sim_source_end(scene->sim, 0);
		uint64_t begun_ns = sim_now(scene->sim);
		run(scene);
		sim_check(scene->sim, scene->code == 0, "%d", scene->code);
		sim_check(scene->sim,
			log->result.state == SL_SCAN_LIMITED && log->result.hits == 3 &&
				behind->result.hits == 3,
			"'%s': %llu hits", sl_scan_state_name(log->result.state),
			(unsigned long long)log->result.hits);
		sim_check(scene->sim, scene->ended_ns - begun_ns < 1800 * SL_NS_PER_S,
			"it waited for the stream");
		tear_down(scene);
	}
}

/* Each is a read. */
static void
feed_small_lines(struct scene *scene, struct log *log)
{
	sim_source(scene->sim, 0);
	for (size_t off = 0; off < log->len; off += 18) {
		memcpy(log->data + off, "error\nerror\nerror\n", 18);
		sim_source_data(scene->sim, 0, log->data + off, 18);
		sim_source_pause(scene->sim, 0, 2 * SL_NS_PER_MS);
	}
}

/* Its lines wait for the input before it: in few chunks, however many reads they take. */
Test(scenario_scan, a_stream_behind_one_that_stalls_fills_its_chunks_and_is_passed_on_at_its_turn)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = true;
		struct remote *front = add_remote(scene, "http://h/stalls", 30000);
		struct log *behind = add(scene, "-", (size_t)18 * 1000);
		front->breaks_at = seed % 30000;
		front->stall_ns = 600 * SL_NS_PER_S;
		feed_small_lines(scene, behind);
		sim_source_pause(scene->sim, 0, 3600 * SL_NS_PER_S);
		sim_source_end(scene->sim, 0);
		uint64_t begun_ns = sim_now(scene->sim);
		run(scene);
		check(scene);
		expect_all_ok(scene);
		sim_check(scene->sim, scene->progress.chunks_high_water <= 4, "%zu chunks",
			scene->progress.chunks_high_water);
		sim_check(scene->sim, behind->seen_ns - begun_ns < 1800 * SL_NS_PER_S,
			"its last line came late");
		tear_down(scene);
	}
}

/* However many of its chunks wait for the sink when the limit is reached, so also if all do. */
Test(scenario_scan, a_stream_that_waits_for_a_chunk_when_there_is_enough_is_not_read_on)
{
	for (uint64_t blocks = 1; blocks < 100; blocks++) {
		struct scene *scene = build(blocks);
		scene->print = true;
		scene->slow_ns = SL_NS_PER_S;
		scene->setup.max_hits = 3;
		struct log *log = add(scene, "-", 18 * (size_t)blocks);
		feed_small_lines(scene, log);
		sim_source_pause(scene->sim, 0, 3600 * SL_NS_PER_S);
		sim_source_end(scene->sim, 0);
		uint64_t begun_ns = sim_now(scene->sim);
		run(scene);
		sim_check(scene->sim, scene->code == 0 && log->result.hits == 3, "%d", scene->code);
		sim_check(scene->sim, scene->ended_ns - begun_ns < 1800 * SL_NS_PER_S,
			"it waited for the stream");
		sim_check(scene->sim, scene->progress.chunks < 90, "too few blocks for all chunks");
		tear_down(scene);
	}
}

Test(scenario_scan, a_sink_that_has_enough_while_nothing_comes_ends_the_scan)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct scene *scene = build(seed);
		scene->print = seed % 2;
		scene->fail_idle = (unsigned)(seed % 5);
		scene->sink.wants |= SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE);
		feed_stdin(scene, add(scene, "-", 20000));
		sim_source_pause(scene->sim, 0, 3600 * SL_NS_PER_S);
		sim_source_end(scene->sim, 0);
		add(scene, "behind", 500000);
		run(scene);
		sim_check(scene->sim, scene->idles > 0, "it was never idle");
		bool failed = scene->fail_idle && scene->idles >= scene->fail_idle;
		sim_check(scene->sim, scene->code == (failed ? -EPIPE : 0), "%d", scene->code);
		sim_check(scene->sim, !failed || scene->idles == scene->fail_idle, "asked again");
		tear_down(scene);
	}
}

/* ---- everything that can fail fails once ---- */

static void
add_two_and_stdin(struct scene *scene)
{
	add(scene, "a", 300000);
	add(scene, "b", 5000);
	feed_stdin(scene, add(scene, "-", 20000));
	sim_source_end(scene->sim, 0);
}

Test(scenario_scan, the_nth_operation_fails_for_every_n)
{
	struct sim_seeds seeds = sim_seeds(6);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool hit = true;
		for (uint64_t n = 1; hit; n++) {
			struct scene *scene = build(seed);
			scene->print = seed % 2;
			add_two_and_stdin(scene);
			sim_fail_nth(scene->sim, n, 0, 0);
			run(scene);
			check(scene);
			hit = sim_faults(scene->sim) > 0;
			if (!hit)
				expect_all_ok(scene);
			tear_down(scene);
		}
	}
}

Test(scenario_scan, random_failures_break_no_promise)
{
	struct sim_seeds seeds = sim_seeds(150);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct sim_options options = sim_options(seed);
		options.fault_ppm = 30000;
		struct scene *scene = build_with(&options);
		scene->print = seed % 2;
		add(scene, "a", 300000);
		add(scene, "b", 5000);
		add(scene, "c", 70000);
		add(scene, "d", 0);
		run(scene);
		check(scene);
		tear_down(scene);
	}
}

Test(scenario_scan, interrupted_reads_are_repeated)
{
	static const int codes[] = { -EINTR, -EAGAIN };
	for (uint64_t n = 1; n < 30; n++) {
		struct scene *scene = build(n);
		add(scene, "a", 300000);
		sim_fail_nth(scene->sim, n, codes[n % 2], KIND(SL_OP_READ));
		run(scene);
		check(scene);
		expect_all_ok(scene);
		tear_down(scene);
	}
}

/* What its first bytes are decides how it is read: they are read once, or it is named. */
Test(scenario_scan, a_compressed_file_is_not_taken_for_text_after_a_failure)
{
	struct sim_seeds seeds = sim_seeds(12);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool hit = true;
		for (uint64_t n = 1; hit; n++) {
			struct scene *scene = build(seed);
			struct sl_buf data = { 0 };
			struct log *log = add(scene, "z", 30000);
			compress_add(&data, SL_CODEC_GZIP, log->data, log->len);
			sim_put_file(scene->sim, "z", data.data, data.len, 0644);
			sim_fail_nth(scene->sim, n, -EIO, KIND(SL_OP_READ));
			run(scene);
			check(scene);
			hit = sim_faults(scene->sim) > 0;
			sl_buf_release(&data);
			tear_down(scene);
		}
	}
}
