/*
 * The whole pipeline on the simulator: every input ends once, in order, with the totals of a naive
 * splitter or with its trouble named.
 */
#include "sluice/scan/scan.h"

#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/rt/engine.h"
#include "sluice/rt/stats.h"
#include "sluice/scan/steps.h"
#include "sluice/scan/wide.h"
#include "support/compress.h"
#include "support/oracle.h"
#include "support/run.h"
#include "support/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_INPUTS 24
#define PAGE 4096u
#define WITHOUT_LINES (SL_SCAN_WANTS(SL_SCAN_EVENT_BEGIN) | SL_SCAN_WANTS(SL_SCAN_EVENT_END))
#define WITH_LINES (WITHOUT_LINES | SL_SCAN_WANTS(SL_SCAN_EVENT_LINE))
#define ATTEMPTS 5u /* the page cache is not ours alone: another process may empty it */

static const struct sl_span default_literals[] = { { "ERROR", 5 }, { "error", 5 } };

/* What the world holds under a name; data NULL = nothing. */
struct file {
	char name[24];
	char *data;
	size_t len;
};

struct fixture {
	struct sim *sim;
	struct sl_random random;
	struct file files[MOST_INPUTS];
	const char *paths[MOST_INPUTS];
	size_t count;
	struct sl_pattern *pattern;
	struct sl_scan_sink sink;
	struct sl_scan_setup setup;
	struct sl_scan_progress progress;
	struct sl_error err;

	/* What came. */
	struct sl_scan_result results[MOST_INPUTS];
	struct sl_error errors[MOST_INPUTS];
	size_t begun, ended;
	uint64_t lines_given[MOST_INPUTS];
	struct sl_span rest; /* of the input that is begun, for lines */
	uint64_t number;
	uint64_t sink_pause_ns;
	int sink_code;     /* what the sink answers to a line */
	uint64_t stall_ns; /* before the first byte of the stream */
	uint64_t took_ns;
	uint64_t read_at_begin; /* of all inputs, when the first one began */
	const char *cut_name;
	size_t cut_to;
};

/* ---- the sink ---- */

static const struct file *
file_of(const struct fixture *f, size_t index)
{
	return &f->files[index];
}

SL_SUSPENDS
static int
on_begin(struct fixture *f, const struct sl_input *input)
{
	sim_check(f->sim, f->begun < f->count && f->begun == f->ended, "begin before the end");
	const struct file *file = file_of(f, f->begun);
	sim_check(f->sim, strcmp(input->path, f->paths[f->begun]) == 0, "%s out of turn",
		input->path);
	f->rest = sl_span(file->data, file->len);
	f->number = 0;
	if (f->begun++ == 0)
		f->read_at_begin = f->progress.read;
	if (f->cut_name && strcmp(f->cut_name, input->path) == 0)
		sim_cut(f->sim, input->path, f->cut_to);
	return 0;
}

static bool
is_hit(struct sl_span line)
{
	return oracle_line_hit(line, default_literals, 2, false);
}

SL_SUSPENDS
static int
on_line(struct fixture *f, const struct sl_scan_line *got)
{
	struct sl_span line;
	do {
		sim_check(f->sim, oracle_next_line(&f->rest, &line), "a line that does not exist");
		f->number++;
	} while (!is_hit(line));
	sim_check(f->sim, got->number == f->number, "line %llu, not %llu",
		(unsigned long long)got->number, (unsigned long long)f->number);
	/* A line that a failed read has cut is given as far as it was read. */
	bool is_cut = !got->is_closed && got->len < line.len;
	sim_check(f->sim,
		(is_cut || got->len == line.len) && memcmp(got->text, line.data, got->len) == 0,
		"text");
	sim_check(f->sim, got->off == (uint64_t)(line.data - file_of(f, f->begun - 1)->data),
		"offset");
	f->lines_given[f->begun - 1]++;
	if (f->sink_pause_ns) {
		int code = sl_sleep(sl_random_below(&f->random, f->sink_pause_ns));
		if (code)
			return code;
	}
	return f->sink_code;
}

SL_SUSPENDS
static int
on_end(struct fixture *f, const struct sl_input *input, const struct sl_scan_result *result)
{
	sim_check(f->sim, f->ended + 1 == f->begun, "end without begin");
	sim_check(f->sim, strcmp(input->path, f->paths[f->ended]) == 0, "%s out of turn",
		input->path);
	f->results[f->ended] = *result;
	f->errors[f->ended] = *result->err;
	f->ended++;
	return 0;
}

SL_SUSPENDS
static int
on_event(void *ctx, const struct sl_scan_event *event)
{
	switch (event->kind) {
	case SL_SCAN_EVENT_BEGIN:
		return on_begin(ctx, event->input);
	case SL_SCAN_EVENT_LINE:
		return on_line(ctx, event->line);
	case SL_SCAN_EVENT_END:
		return on_end(ctx, event->input, event->result);
	default:
		return 0;
	}
}

/* ---- the world ---- */

static void
fill(struct sl_random *random, char *data, size_t len)
{
	static const char alphabet[] = "abcer ERo\nabcer\n";
	uint64_t rarity = 1 + sl_random_below(random, 40), bits = 0;
	for (size_t i = 0; i < len; i++) {
		bits = i % 16 ? bits >> 4 : sl_random_next(random);
		data[i] = alphabet[bits % 16];
		if (data[i] == '\n' && sl_random_below(random, rarity) != 0)
			data[i] = 'x';
	}
	for (size_t i = 0; i + 5 < len; i += 1 + sl_random_below(random, 400))
		memcpy(data + i, sl_random_below(random, 2) ? "error" : "ERROR", 5);
}

static void
add_file(struct fixture *f, const char *name, size_t len)
{
	struct file *file = &f->files[f->count];
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->data = malloc(len + 1);
	cr_assert(file->data);
	file->len = len;
	fill(&f->random, file->data, len);
	f->paths[f->count++] = file->name;
	sim_put_file(f->sim, name, file->data, len, 0644);
}

static void
add_missing(struct fixture *f, const char *name)
{
	struct file *file = &f->files[f->count];
	snprintf(file->name, sizeof(file->name), "%s", name);
	f->paths[f->count++] = file->name;
}

/* Standard input, in parts with pauses between them. */
static void
add_stream(struct fixture *f, size_t len)
{
	struct file *file = &f->files[f->count];
	snprintf(file->name, sizeof(file->name), "-");
	file->data = malloc(len + 1);
	cr_assert(file->data);
	file->len = len;
	fill(&f->random, file->data, len);
	f->paths[f->count++] = file->name;
	int fd = sim_source(f->sim, 0);
	if (f->stall_ns)
		sim_source_pause(f->sim, fd, f->stall_ns);
	for (size_t at = 0; at < len;) {
		size_t some = 1 + sl_random_below(&f->random, SL_MIN(len - at, (size_t)20000));
		sim_source_data(f->sim, fd, file->data + at, some);
		if (sl_random_below(&f->random, 3) == 0)
			sim_source_pause(
				f->sim, fd, sl_random_below(&f->random, 20 * SL_NS_PER_MS));
		at += some;
	}
	sim_source_end(f->sim, fd);
}

static void
begin_pattern(struct fixture *f, uint64_t seed, const char *regex)
{
	memset(f, 0, sizeof(*f));
	f->sim = sim_plain(seed);
	sl_random_init(&f->random, seed + 77);
	struct sl_span span = sl_span_str(regex ? regex : "");
	struct sl_pattern_spec spec = { .texts = &span, .count = regex ? 1 : 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&f->pattern, &spec, kernel, &f->err), 0);
	f->sink = (struct sl_scan_sink){ f, WITHOUT_LINES, on_event };
	f->setup = (struct sl_scan_setup){ .pattern = f->pattern,
		.sinks = &f->sink,
		.sink_count = 1,
		.max_hits = UINT64_MAX,
		.chunk = PAGE,
		.queue = 1 + (unsigned)sl_random_below(&f->random, 5),
		.max_memory = SL_SCAN_MEMORY_MIN };
}

static void
begin(struct fixture *f, uint64_t seed)
{
	begin_pattern(f, seed, NULL);
}

static void
wants_lines(struct fixture *f)
{
	f->sink.wants = WITH_LINES;
	f->setup.numbers = true;
}

SL_SUSPENDS
static int
scan_task(void *arg)
{
	struct fixture *f = arg;
	uint64_t begun_ns = sl_now();
	int code = sl_scan_run(&f->setup, &f->progress, &f->err);
	f->took_ns = sl_now() - begun_ns;
	return code;
}

static int
run(struct fixture *f)
{
	f->setup.paths = f->paths;
	f->setup.count = f->count;
	return sim_run(f->sim, scan_task, f);
}

static void
end(struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->files[i].data);
	sl_pattern_free(f->pattern);
	sim_free(f->sim);
}

/* ---- checks ---- */

static void
check_totals(const struct fixture *f, size_t index, size_t len)
{
	const struct file *file = file_of(f, index);
	const struct sl_scan_result *got = &f->results[index];
	struct oracle_totals want =
		oracle_count(sl_span(file->data, len), default_literals, 2, false);
	sim_check(f->sim, got->bytes == len, "%s: %llu bytes of %zu", file->name,
		(unsigned long long)got->bytes, len);
	sim_check(f->sim, got->lines == want.lines, "%s: %llu lines, not %llu", file->name,
		(unsigned long long)got->lines, (unsigned long long)want.lines);
	sim_check(f->sim, got->hits == want.hits, "%s: %llu hits, not %llu", file->name,
		(unsigned long long)got->hits, (unsigned long long)want.hits);
	if (f->sink.wants == WITH_LINES)
		sim_check(
			f->sim, f->lines_given[index] == want.hits, "%s: lines given", file->name);
}

/* Exact, or named as not fully read with the exact totals of the bytes that are reported as
 * counted. */
static void
check_input(const struct fixture *f, size_t index)
{
	const struct sl_scan_result *got = &f->results[index];
	const struct sl_error *err = &f->errors[index];
	if (got->state == SL_SCAN_OK) {
		sim_check(
			f->sim, file_of(f, index)->data && err->code == 0, "a missing file is ok?");
		check_totals(f, index, file_of(f, index)->len);
		return;
	}
	sim_check(f->sim, got->state == SL_SCAN_UNREADABLE || got->state == SL_SCAN_TRUNCATED,
		"state %s", sl_scan_state_name(got->state));
	sim_check(f->sim,
		err->code != 0 && strstr(err->text, f->paths[index][0] == '-' ? "standard input"
									      : f->paths[index]),
		"'%s' does not name it", err->text);
	check_totals(f, index, (size_t)got->bytes);
}

static void
check_all(const struct fixture *f)
{
	sim_check(f->sim, f->ended == f->count, "%zu of %zu inputs ended", f->ended, f->count);
	for (size_t i = 0; i < f->count; i++)
		check_input(f, i);
	sim_check(f->sim, f->progress.summary.inputs == f->count, "summary");
	sim_check(f->sim, f->progress.queue_high_water <= f->setup.queue, "queue");
	sim_check(f->sim, f->progress.chunks_high_water <= f->progress.chunks, "chunks");
}

static void
add_mixture(struct fixture *f)
{
	add_file(f, "a", sl_random_below(&f->random, 200000));
	add_file(f, "empty", 0);
	add_missing(f, "missing");
	if (sl_random_below(&f->random, 2))
		add_stream(f, sl_random_below(&f->random, 60000));
	add_file(f, "b", 1 + sl_random_below(&f->random, 3 * PAGE));
	add_file(f, "page", PAGE);
	add_file(f, "c", sl_random_below(&f->random, 90000));
}

/* ---- what is shown ---- */

Test(scan, totals_are_exact_whatever_the_order_of_reads)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		add_mixture(&f);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		sim_check(f.sim, sl_scan_summary_troubles(&f.progress.summary) == 1,
			"the missing one");
		end(&f);
	}
}

Test(scan, lines_come_in_order_with_their_numbers_and_places)
{
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin_pattern(&f, seed, seed % 3 == 0 ? "ERROR|err\\o{157}r" : NULL);
		wants_lines(&f);
		if (seed % 4 == 0)
			f.sink_pause_ns = SL_NS_PER_MS;
		add_mixture(&f);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		end(&f);
	}
}

Test(scan, large_files_are_read_past_the_page_cache_where_they_are_cold)
{
	uint64_t direct = 0;
	struct sim_seeds seeds = sim_seeds(6);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		f.setup.chunk = 64 * SL_KIB;
		add_file(&f, "large", 5 * SL_MIB + sl_random_below(&f.random, 2 * PAGE));
		add_file(&f, "small", 100);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		sim_check(f.sim, f.results[0].state == SL_SCAN_OK, "state");
		direct += f.progress.direct_bytes;
		end(&f);
	}
	cr_assert(sim_seeds_are_chosen() || direct > 0);
}

/* Any operation may fail: nothing hangs or leaks, and each input is exact or named. */
Test(scan, every_operation_fails_in_turn)
{
	struct sim_seeds seeds = sim_seeds(4);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		for (uint64_t nth = 1;; nth++) {
			struct fixture f;
			begin(&f, seed);
			if (seed % 2)
				wants_lines(&f);
			add_file(&f, "a", 30000);
			add_stream(&f, 9000);
			add_file(&f, "b", 5000);
			sim_fail_nth(f.sim, nth, 0, 0);
			int code = run(&f);
			sim_check(f.sim, code == 0, "%d %s after %s", code, f.err.text,
				sim_last_fault(f.sim));
			check_all(&f);
			bool was_last = sim_faults(f.sim) == 0;
			end(&f);
			if (was_last)
				break;
		}
	}
}

Test(scan, what_was_read_before_a_failure_is_counted)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		if (seed % 4)
			wants_lines(&f);
		add_file(&f, "a", 400000);
		add_file(&f, "b", 20000);
		uint64_t off = 512 * sl_random_below(&f.random, 400000 / 512);
		sim_damage(f.sim, "a", off);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		sim_check(f.sim, f.results[0].state == SL_SCAN_UNREADABLE, "state");
		sim_check(f.sim, f.results[0].bytes == off, "%llu bytes, not %llu",
			(unsigned long long)f.results[0].bytes, (unsigned long long)off);
		sim_check(f.sim, f.errors[0].code == -EIO, "code");
		sim_check(f.sim, strstr(f.errors[0].text, "are counted") || off == 0, "%s",
			f.errors[0].text);
		sim_check(f.sim, f.results[1].state == SL_SCAN_OK, "the other file");
		end(&f);
	}
}

/* Workers copy what is in the page cache; where that fails, the ring reads it. */
Test(scan, what_a_worker_cannot_read_is_read_again)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool failed = false;
		for (uint64_t nth = 1; nth < 40; nth++) {
			struct fixture f;
			begin(&f, seed);
			if (seed % 2)
				wants_lines(&f);
			add_file(&f, "a", 400000);
			sim_fail_nth(f.sim, nth, -EIO, 1ull << SL_OP_READ);
			sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
			check_all(&f);
			failed = failed || (sim_faults(f.sim) && f.results[0].state == SL_SCAN_OK);
			end(&f);
		}
		cr_assert(failed || sim_seeds_are_chosen(), "seed %llu: no failure met a worker",
			(unsigned long long)seed);
	}
}

/* Without lines a worker may have read a long range, or all, before the file was cut. */
Test(scan, a_file_that_becomes_shorter_is_named_and_counted_to_its_new_end)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		bool with_lines = seed % 2 != 0;
		if (with_lines)
			wants_lines(&f);
		add_file(&f, "a", 900000);
		add_file(&f, "b", 20000);
		f.cut_name = "a";
		f.cut_to = 700000 + sl_random_below(&f.random, 100);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		bool is_cut = f.results[0].state == SL_SCAN_TRUNCATED;
		sim_check(f.sim, is_cut || !with_lines, "state %s",
			sl_scan_state_name(f.results[0].state));
		sim_check(f.sim, f.results[0].bytes == f.cut_to || !with_lines, "bytes");
		sim_check(f.sim, f.results[0].bytes >= f.cut_to, "bytes");
		sim_check(f.sim, !is_cut || strstr(f.errors[0].text, "shorter"), "%s",
			f.errors[0].text);
		end(&f);
	}
}

Test(scan, an_input_stops_at_the_number_of_lines_that_was_asked_for)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin_pattern(&f, seed, seed % 3 == 0 ? "ERROR|err\\o{157}r" : NULL);
		if (seed % 2)
			wants_lines(&f);
		f.setup.max_hits = 1 + sl_random_below(&f.random, 30);
		add_file(&f, "a", 300000);
		add_file(&f, "b", 300000);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		for (size_t i = 0; i < 2; i++) {
			const struct sl_scan_result *got = &f.results[i];
			sim_check(f.sim, got->hits == f.setup.max_hits, "hits");
			sim_check(f.sim, got->state == SL_SCAN_LIMITED, "state");
			check_totals(&f, i, (size_t)got->bytes);
		}
		sim_check(f.sim, sl_scan_summary_troubles(&f.progress.summary) == 0, "no trouble");
		end(&f);
	}
}

/* What is behind the input that decides may be read meanwhile, all of it if the first one is slow
 * enough: that this is rare shows that reading ends at all. */
Test(scan, the_first_hit_ends_the_scan_if_that_is_all_that_was_asked)
{
	struct sim_seeds seeds = sim_seeds(16);
	uint64_t read_on = 0;
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin_pattern(&f, seed, seed % 3 == 0 ? "ERROR|err\\o{157}r" : NULL);
		f.setup.stop_at_hit = true;
		add_missing(&f, "missing");
		add_file(&f, "empty", 0);
		add_file(&f, "a", 300000);
		add_file(&f, "b", 20000000);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		sim_check(f.sim, f.ended == 3 && f.progress.hits > 0, "ended %zu", f.ended);
		read_on += f.progress.read >= 20000000;
		end(&f);
	}
	cr_assert(sim_seeds_are_chosen() || read_on <= 1 + (seeds.end - seeds.first) / 4);
}

/* With lines, what is behind it waits with its chunks, and takes no more than its share of them. */
Test(scan, an_input_that_stalls_holds_back_no_other)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin_pattern(&f, seed, seed % 3 == 0 ? "ERROR|err\\o{157}r" : NULL);
		if (seed % 2)
			wants_lines(&f);
		f.stall_ns = 5 * SL_NS_PER_S;
		add_stream(&f, 300000);
		for (unsigned i = 0; i < 8; i++) {
			char name[8];
			snprintf(name, sizeof(name), "f%u", i);
			add_file(&f, name, 70000 + sl_random_below(&f.random, 300000));
		}
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		uint64_t all = 0;
		for (size_t i = 1; i < f.count; i++)
			all += file_of(&f, i)->len;
		/* the last of these pieces may be the end of a file */
		uint64_t least = seed % 2 ? (f.progress.chunks / 2 - 1) * PAGE : all;
		sim_check(f.sim, f.read_at_begin >= least, "%llu read, of %llu",
			(unsigned long long)f.read_at_begin, (unsigned long long)least);
		end(&f);
	}
}

Test(scan, a_sink_that_wants_no_more_ends_it_with_its_code)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		wants_lines(&f);
		f.sink_code = -EPIPE;
		add_file(&f, "a", 300000);
		add_stream(&f, 30000);
		sim_check(f.sim, run(&f) == -EPIPE, "code");
		end(&f);
	}
}

struct listener {
	unsigned kinds; /* that it received */
	size_t lines, ended;
	int code; /* of the first event */
};

static int
on_any_event(void *ctx, const struct sl_scan_event *event)
{
	struct listener *listener = ctx;
	listener->kinds |= SL_SCAN_WANTS(event->kind);
	listener->lines += event->kind == SL_SCAN_EVENT_LINE;
	listener->ended += event->kind == SL_SCAN_EVENT_END;
	return listener->code;
}

Test(scan, several_sinks_each_receive_the_kinds_that_they_want)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		const unsigned ends = SL_SCAN_WANTS(SL_SCAN_EVENT_END);
		const unsigned lines = SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
		struct listener counting = { 0 }, printing = { 0 };
		begin_pattern(&f, seed, seed % 2 ? "ERROR|err\\o{157}r" : NULL);
		struct sl_scan_sink sinks[] = { f.sink, { &counting, ends, on_any_event },
			{ &printing, lines, on_any_event } };
		f.setup.sinks = sinks;
		f.setup.sink_count = SL_COUNT_OF(sinks);
		add_file(&f, "a", 300000);
		add_stream(&f, 30000);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		sim_check(f.sim, counting.kinds == ends && counting.ended == f.count, "ends");
		sim_check(f.sim, printing.kinds == lines, "lines");
		sim_check(f.sim, printing.lines == f.progress.hits, "%zu lines", printing.lines);
		end(&f);
	}
}

Test(scan, a_sink_that_fails_ends_it_before_the_sinks_behind_are_called)
{
	struct sim_seeds seeds = sim_seeds(20);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		struct listener failing = { .code = -EPIPE }, last = { 0 };
		begin(&f, seed);
		struct sl_scan_sink sinks[] = { f.sink, { &failing, WITHOUT_LINES, on_any_event },
			{ &last, WITHOUT_LINES, on_any_event } };
		f.setup.sinks = sinks;
		f.setup.sink_count = SL_COUNT_OF(sinks);
		add_file(&f, "a", 300000);
		sim_check(f.sim, run(&f) == -EPIPE, "code");
		sim_check(f.sim, f.begun == 1 && failing.kinds && !last.kinds, "order");
		end(&f);
	}
}

Test(scan, cancelling_at_any_time_leaves_nothing_behind)
{
	struct sim_seeds seeds = sim_seeds(100);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		if (seed % 2)
			wants_lines(&f);
		add_mixture(&f);
		f.setup.paths = f.paths;
		f.setup.count = f.count;
		uint64_t after_ns = seed % 101 * 600 * SL_NS_PER_US;
		int code = sim_run_cancelled(f.sim, scan_task, &f, after_ns);
		sim_check(f.sim, code == 0 || code == -ECANCELED, "code %d", code);
		if (code == 0)
			check_all(&f);
		end(&f);
	}
}

/* ---- what is decoded ---- */

/* The text in UTF-16, with a mark if the order is neither. */
static void
add_utf16(struct sl_buf *out, struct sl_span text, unsigned how)
{
	bool is_big = how % 3 == 1;
	if (how % 3 == 2)
		sl_buf_add(out, "\xff\xfe", 2);
	for (size_t i = 0; i < text.len; i++) {
		char unit[2] = { text.data[i], 0 };
		if (is_big) {
			unit[0] = 0;
			unit[1] = text.data[i];
		}
		sl_buf_add(out, unit, 2);
	}
}

/* The text of a file in a form that is decoded; in several members if it is compressed. */
static void
encode(struct sl_random *random, struct sl_buf *out, struct sl_span text)
{
	static const enum sl_codec codecs[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ,
		SL_CODEC_BZIP2 };
	struct sl_buf wide = { 0 };
	unsigned how = (unsigned)sl_random_below(random, 6);
	if (how % 2 && text.len > 4) {
		add_utf16(&wide, text, how);
		text = sl_buf_span(&wide);
	}
	enum sl_codec codec = codecs[sl_random_below(random, SL_COUNT_OF(codecs))];
	if (how == 5 && wide.len > 0)
		sl_buf_add(out, text.data, text.len);
	for (size_t at = 0; out->len == 0 || (how != 5 && at < text.len);) {
		size_t most = sl_random_below(random, 200000), some = SL_MIN(text.len - at, most);
		compress_add(out, codec, text.data + at, some);
		at += some;
	}
	sl_buf_release(&wide);
}

static void
add_encoded(struct fixture *f, const char *name, size_t len)
{
	struct sl_buf bytes = { 0 };
	add_file(f, name, len);
	struct file *file = &f->files[f->count - 1];
	/* UTF-16 without a mark is recognised by its first line. */
	memcpy(file->data, "abcdefghijklmnopqrstuvwxyz", SL_MIN(len, (size_t)26));
	encode(&f->random, &bytes, sl_span(file->data, file->len));
	sim_put_file(f->sim, name, bytes.data, bytes.len, 0644);
	sl_buf_release(&bytes);
}

static void
add_encoded_stream(struct fixture *f, size_t len)
{
	struct sl_buf bytes = { 0 };
	struct file *file = &f->files[f->count];
	snprintf(file->name, sizeof(file->name), "-");
	file->data = malloc(len + 1);
	file->len = len;
	fill(&f->random, file->data, len);
	f->paths[f->count++] = file->name;
	compress_add(&bytes, SL_CODEC_GZIP, file->data, len);
	int fd = sim_source(f->sim, 0);
	for (size_t at = 0; at < bytes.len;) {
		size_t some = 1 + sl_random_below(&f->random, SL_MIN(bytes.len - at, (size_t)9000));
		sim_source_data(f->sim, fd, bytes.data + at, some);
		if (sl_random_below(&f->random, 3) == 0)
			sim_source_pause(f->sim, fd, 5 * SL_NS_PER_MS);
		at += some;
	}
	sim_source_end(f->sim, fd);
	sl_buf_release(&bytes);
}

static void
add_encoded_mixture(struct fixture *f)
{
	add_encoded(f, "a", sl_random_below(&f->random, 900000));
	add_file(f, "plain", sl_random_below(&f->random, 200000));
	add_encoded(f, "small", sl_random_below(&f->random, 3000));
	if (sl_random_below(&f->random, 2))
		add_encoded_stream(f, sl_random_below(&f->random, 60000));
	add_encoded(f, "b", 1 + sl_random_below(&f->random, 500000));
	add_encoded(f, "c", 1);
}

Test(scan, compressed_and_utf16_inputs_have_the_totals_of_their_text)
{
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin_pattern(&f, seed, seed % 3 == 0 ? "ERROR|err[o]r" : NULL);
		if (seed % 4 == 0)
			wants_lines(&f);
		f.setup.max_memory = 64 * SL_MIB; /* xz has a window of 8 MiB */
		add_encoded_mixture(&f);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		sim_check(f.sim, sl_scan_summary_troubles(&f.progress.summary) == 0, "%s",
			f.errors[0].text);
		end(&f);
	}
}

/* It is not taken for text then. */
Test(scan, a_compressed_file_whose_first_bytes_cannot_be_read_is_named)
{
	struct sim_seeds seeds = sim_seeds(8);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		bool was_last = false;
		for (uint64_t nth = 1; !was_last; nth++) {
			struct fixture f;
			begin(&f, seed);
			add_encoded(&f, "small", 3000);
			add_encoded(&f, "large", 90000);
			f.setup.max_memory = 64 * SL_MIB; /* xz has a window of 8 MiB */
			sim_fail_nth(f.sim, nth, 0, 1ull << SL_OP_READ);
			sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
			for (size_t i = 0; i < f.count; i++)
				if (f.results[i].state == SL_SCAN_OK)
					check_totals(&f, i, file_of(&f, i)->len);
			was_last = sim_faults(f.sim) == 0;
			end(&f);
		}
	}
}

/* A magic number that was read in part tells as little as none. */
Test(scan, a_compressed_file_of_whose_magic_number_only_a_part_can_be_read_is_not_text)
{
	static const unsigned char magic[] = { 0xfd, '7', 'z', 'X', 'Z', 0, 0, 0 };
	for (uint64_t off = 1; off < 6; off++) {
		struct fixture f;
		begin(&f, off);
		add_file(&f, "log.xz", 20000);
		memcpy(f.files[0].data, magic, sizeof(magic));
		sim_put_file(f.sim, "log.xz", f.files[0].data, f.files[0].len, 0644);
		sim_damage(f.sim, "log.xz", off);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		sim_check(f.sim, f.results[0].state == SL_SCAN_UNREADABLE, "state %d",
			(int)f.results[0].state);
		sim_check(f.sim, f.results[0].bytes == 0, "%llu bytes are text",
			(unsigned long long)f.results[0].bytes);
		end(&f);
	}
}

/* ---- UTF-16 behind text ---- */

/* Most of it begins near a multiple of the size of a chunk. Returns how much of it is counted. */
static size_t
add_mixed(struct fixture *f, const char *name, bool is_encoded)
{
	static const char *const lines[] = { "ERROR in UTF-16\n", "ok\n", "no end, ", "\n",
		"fine\n" };
	struct sl_wide wide;
	struct sl_buf text = { 0 }, bytes = { 0 };
	size_t plain = (1 + sl_random_below(&f->random, 40)) * PAGE - 60;
	plain += sl_random_below(&f->random, 80);
	add_file(f, name, plain);
	struct file *file = &f->files[f->count - 1];
	bool is_whole_line = sl_random_below(&f->random, 2);
	if (is_whole_line)
		file->data[plain - 1] = '\n';
	sl_buf_add(&text, file->data, plain);
	unsigned how = (unsigned)sl_random_below(&f->random, 3);
	for (unsigned i = 0; i < 12; i++)
		add_utf16(&text, sl_span_str(lines[sl_random_below(&f->random, 5)]),
			i ? how % 2 : how);
	add_utf16(&text, sl_span_str("ERROR at last\n"), how % 2);
	size_t behind = sl_random_below(&f->random, 3 * PAGE);
	sl_buf_add(&text, file->data, SL_MIN(behind, plain));
	free(file->data);
	file->data = text.data;
	file->len = text.len;
	if (is_encoded)
		compress_add(&bytes, SL_CODEC_GZIP, text.data, text.len);
	else
		sl_buf_add(&bytes, text.data, text.len);
	sim_put_file(f->sim, name, bytes.data, bytes.len, 0644);
	sl_buf_release(&bytes);
	sl_wide_search(&wide, (const unsigned char *)text.data, text.len);
	cr_assert(wide.is_found);
	return (size_t)wide.text_len;
}

/* As many bytes, lines, hits and kinds whatever the pieces and their order. */
Test(scan, text_before_utf16_is_counted_to_its_last_line)
{
	struct sim_seeds seeds = sim_seeds(150);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		size_t counted[4];
		uint64_t hits = 0;
		begin_pattern(&f, seed, seed % 5 == 0 ? "ERROR|err\\o{157}r" : NULL);
		if (seed % 4 == 0)
			wants_lines(&f);
		if (seed % 3 == 0)
			f.setup.kinds = sl_kinds_new(SL_MIB);
		f.setup.max_memory += sl_random_below(&f.random, 64 * SL_MIB);
		for (unsigned i = 0; i < 4; i++) {
			char name[] = { (char)('a' + i), '\0' };
			counted[i] = add_mixed(&f, name, i == 3);
		}
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		for (unsigned i = 0; i < 4; i++) {
			sim_check(f.sim, f.results[i].state == SL_SCAN_UNSUPPORTED, "%u: %s", i,
				sl_scan_state_name(f.results[i].state));
			check_totals(&f, i, counted[i]);
			hits += f.results[i].hits;
		}
		if (f.setup.kinds)
			sim_check(f.sim, sl_kinds_lines(f.setup.kinds) == hits, "kinds of %llu",
				(unsigned long long)sl_kinds_lines(f.setup.kinds));
		sl_kinds_free(f.setup.kinds);
		end(&f);
	}
}

/* Wherever compressed data ends early, what was decoded is counted, and the end is named. */
Test(scan, compressed_inputs_that_are_cut_are_counted_up_to_there)
{
	static const enum sl_codec codecs[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ,
		SL_CODEC_BZIP2 };
	struct sim_seeds seeds = sim_seeds(40);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		struct sl_buf bytes = { 0 };
		begin(&f, seed);
		if (seed % 2)
			wants_lines(&f);
		f.setup.max_memory = 64 * SL_MIB;
		add_file(&f, "before", 5000);
		add_file(&f, "cut", 300000);
		add_file(&f, "after", 5000);
		struct file *file = &f.files[1];
		compress_add(&bytes, codecs[seed / 2 % 4], file->data, file->len);
		size_t least = SL_CODEC_MAGIC_MAX;
		size_t len = least + sl_random_below(&f.random, bytes.len - least);
		sim_put_file(f.sim, "cut", bytes.data, len, 0644);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		sim_check(f.sim, f.results[1].state == SL_SCAN_TRUNCATED, "state");
		sim_check(f.sim, f.results[2].state == SL_SCAN_OK, "the others");
		sl_buf_release(&bytes);
		end(&f);
	}
}

/* ---- windows ---- */

/* A file in two members. */
static void
add_members_with_windows(struct fixture *f, const char *name, unsigned i)
{
	struct sl_buf bytes = { 0 };
	enum sl_codec codec = i % 2 ? SL_CODEC_ZSTD : SL_CODEC_XZ;
	add_file(f, name, 2000);
	const struct file *file = &f->files[i];
	compress_add_window(&bytes, codec, 20, file->data, 1000);
	compress_add_window(&bytes, codec, 22, file->data + 1000, 1000);
	sim_put_file(f->sim, name, bytes.data, bytes.len, 0644);
	sl_buf_release(&bytes);
}

/* A file with a window, one without, or once a stream. */
static void
add_anything(struct fixture *f, const char *name, unsigned i)
{
	uint64_t kind = sl_random_below(&f->random, 4);
	struct sl_buf bytes = { 0 };
	bool has_stream = false;
	for (unsigned before = 0; before < i; before++)
		has_stream = has_stream || strcmp(f->files[before].name, "-") == 0;
	if (kind == 3) {
		add_encoded(f, name, sl_random_below(&f->random, 90000));
		return;
	}
	if (kind == 2 && !has_stream) {
		add_encoded_stream(f, sl_random_below(&f->random, 9000));
		return;
	}
	add_file(f, name, 100 + sl_random_below(&f->random, 90000));
	const struct file *file = &f->files[i];
	compress_add_window(&bytes, kind ? SL_CODEC_ZSTD : SL_CODEC_XZ, 23, file->data, file->len);
	sim_put_file(f->sim, name, bytes.data, bytes.len, 0644);
	sl_buf_release(&bytes);
}

/* All of `count` files are counted with that memory, under many seeds. */
static void
check_windows(unsigned seed_count, uint64_t max_memory, unsigned count,
	void (*add_one)(struct fixture *f, const char *name, unsigned i))
{
	struct sim_seeds seeds = sim_seeds(seed_count);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		begin(&f, seed);
		if (seed % 2)
			wants_lines(&f);
		f.setup.max_memory = max_memory;
		for (unsigned i = 0; i < count; i++)
			add_one(&f, (char[]){ (char)('a' + i), '\0' }, i);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		sim_check(f.sim, sl_scan_summary_troubles(&f.progress.summary) == 0, "%s",
			f.errors[0].text);
		end(&f);
	}
}

/* The front decodes although those behind it have all the memory that they may have. */
Test(scan, windows_are_waited_for_in_order)
{
	check_windows(20, 40 * SL_MIB, 6, add_members_with_windows);
}

/* With little memory each file that has windows is decoded alone, whatever surrounds it. */
Test(scan, little_memory_is_enough_for_windows_one_after_the_other)
{
	check_windows(30, 20 * SL_MIB, 8, add_anything);
}

Test(scan, what_cannot_be_decoded_is_never_counted)
{
	struct fixture f;
	struct sl_buf once = { 0 }, twice = { 0 }, wide = { 0 }, zipped = { 0 };
	static const char *const names[] = { "utf32", "twice", "window", "lz4", "zip" };
	static const char *const words[] = { "UTF-32", "more than once", "--max-memory",
		"(use: lz4cat FILE", "zip data is not supported (decompress it, then use: unzip" };
	begin(&f, 1);
	for (size_t i = 0; i < SL_COUNT_OF(names); i++)
		add_missing(&f, names[i]);
	compress_add(&once, SL_CODEC_ZSTD, "error\n", 6);
	compress_add(&twice, SL_CODEC_GZIP, once.data, once.len);
	compress_add_window(&wide, SL_CODEC_ZSTD, 24, "error\n", 6);
	sim_put_file(f.sim, "utf32", "\xff\xfe\0\0e\0\0\0", 8, 0644);
	sim_put_file(f.sim, "twice", twice.data, twice.len, 0644);
	sim_put_file(f.sim, "window", wide.data, wide.len, 0644);
	sim_put_file(f.sim, "lz4", "\x04\x22\x4d\x18 error\n", 11, 0644);
	compress_add(&zipped, SL_CODEC_GZIP, "PK\3\4 error\n", 11);
	sim_put_file(f.sim, "zip", zipped.data, zipped.len, 0644);
	cr_assert_eq(run(&f), 0);
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		cr_assert_eq(f.results[i].state, SL_SCAN_UNSUPPORTED, "%s", names[i]);
		cr_assert(f.results[i].bytes == 0 && f.results[i].lines == 0 &&
			  f.results[i].hits == 0);
		cr_assert_not_null(strstr(f.errors[i].text, words[i]), "%s", f.errors[i].text);
	}
	cr_assert_eq(sl_scan_summary_troubles(&f.progress.summary), SL_COUNT_OF(names));
	sl_buf_release(&once);
	sl_buf_release(&twice);
	sl_buf_release(&wide);
	sl_buf_release(&zipped);
	end(&f);
}

/* A line with the word counts for the pattern; of inputs that fail, the lines that are counted. */
static uint64_t
count_word(const struct fixture *f, const char *word)
{
	const struct sl_span span = sl_span_str(word);
	uint64_t count = 0;
	for (size_t i = 0; i < f->count; i++) {
		const struct file *file = file_of(f, i);
		count += oracle_count(
			sl_span(file->data, (size_t)f->results[i].bytes), &span, 1, false)
				 .hits;
	}
	return count;
}

/* By workers, whatever the order of the pieces and where lines are cut. */
Test(scan, lines_are_counted_for_each_pattern)
{
	static const char *const words[] = { "ERROR", "error" };
	static const char *const regexes[] = { "ERROR", "err\\o{157}r" };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	struct sim_seeds seeds = sim_seeds(60);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		bool has_regex = seed % 2;
		struct sl_span texts[2];
		struct sl_pattern_spec spec = { .texts = texts, .count = 2 };
		struct sl_tally *tally;
		size_t count;
		begin_pattern(&f, seed, has_regex ? "ERROR|err\\o{157}r" : NULL);
		for (size_t i = 0; i < 2; i++)
			texts[i] = sl_span_str((has_regex ? regexes : words)[i]);
		cr_assert_eq(sl_tally_new(&tally, &spec, kernel, &f.err), 0);
		f.setup.tally = tally;
		if (seed % 3 == 0)
			wants_lines(&f);
		add_mixture(&f);
		if (seed % 5 == 0)
			sim_fail_from(f.sim, 20 + sl_random_below(&f.random, 200), -EIO,
				1ull << SL_OP_READ);
		sim_check(f.sim, run(&f) == 0, "%s", f.err.text);
		check_all(&f);
		const struct sl_tally_row *rows = sl_tally_rows(tally, &count);
		for (size_t i = 0; i < 2; i++)
			sim_check(f.sim, rows[i].lines == count_word(&f, words[i]),
				"%s: %llu lines", words[i], (unsigned long long)rows[i].lines);
		sl_tally_free(tally);
		end(&f);
	}
}

/* Also of one that is decoded, and beside one that is not waited for, which takes a fraction of the
 * pauses. */
Test(scan, what_an_input_is_waited_for_is_measured_once)
{
	struct sim_seeds seeds = sim_seeds(10);
	for (uint64_t seed = seeds.first; seed != seeds.end; seed++) {
		struct fixture f;
		struct sl_buf bytes = { 0 };
		static const char text[] = "error: one line\n";
		begin(&f, seed);
		add_missing(&f, "-");
		add_file(&f, "plain", sl_random_below(&f.random, 200000));
		compress_add(&bytes, SL_CODEC_GZIP, text, sizeof(text) - 1);
		int fd = sim_source(f.sim, 0);
		for (unsigned i = 0; i < 10; i++) {
			sim_source_pause(f.sim, fd, 10 * SL_NS_PER_S);
			if (seed % 2)
				sim_source_data(f.sim, fd, bytes.data, bytes.len);
			else
				sim_source_data(f.sim, fd, text, sizeof(text) - 1);
		}
		sim_source_end(f.sim, fd);
		sim_check(f.sim, run(&f) == 0 && f.results[0].hits == 10, "%s", f.err.text);
		const struct sl_meter *meter = &f.progress.meter;
		sim_check(f.sim, meter->input_ns >= 90 * SL_NS_PER_S, "input");
		sim_check(f.sim, meter->input_ns + meter->scan_ns <= f.took_ns, "once");
		sim_check(f.sim, meter->working == 0 && meter->waiting == 0, "ends");
		sl_buf_release(&bytes);
		end(&f);
	}
}

Test(scan, lines_that_a_limit_leaves_open_are_reported)
{
	static const char text[] =
		"abc\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbccccccccccccd\nabcd\n";
	struct fixture f;
	begin_pattern(&f, 1, "(a+)+(b+)+(c+)+$");
	add_missing(&f, "hard");
	sim_put_file(f.sim, "hard", text, sizeof(text) - 1, 0644);
	cr_assert_eq(run(&f), 0);
	cr_assert_eq(f.results[0].state, SL_SCAN_UNDECIDED);
	cr_assert(f.results[0].undecided == 1 && f.results[0].hits == 1 && f.results[0].lines == 3);
	cr_assert_not_null(strstr(f.errors[0].text, "cannot decide line 2 of 'hard'"));
	cr_assert_eq(sl_scan_summary_troubles(&f.progress.summary), 1);
	end(&f);
}

static sl_match_scan_fn *quick_scan;
static bool is_first_slow;

static void
scan_slowly_once(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	uint64_t *marks, struct sl_match_hits *hits, struct sl_match_counts *counts)
{
	if (is_first_slow)
		usleep(SL_STEPS_NS / 1000);
	is_first_slow = false;
	quick_scan(plan, data, len, marks, hits, counts);
}

SL_SUSPENDS
static int
count_turns(void *arg)
{
	int code = scan_task(arg);
	return code ? code : (int)sl_rt_stats(sl_rt_current())->turns;
}

/* Of the loop, for blocks of several slices. */
static int
turns_of_a_scan(bool is_slow)
{
	struct sl_span regex = sl_span_str("ERROR|err\\o{157}r");
	struct sl_pattern_spec spec = { .texts = &regex, .count = 1 };
	struct sl_match_kernel kernel = *sl_match_choose(sl_cpu_features());
	struct fixture f;
	quick_scan = kernel.scan;
	is_first_slow = is_slow;
	kernel.scan = scan_slowly_once;
	begin(&f, 1);
	sl_pattern_free(f.pattern);
	cr_assert_eq(sl_pattern_new(&f.pattern, &spec, &kernel, &f.err), 0);
	f.setup.pattern = f.pattern;
	f.setup.chunk = 64 * SL_KIB;
	add_file(&f, "a", 300000);
	f.setup.paths = f.paths;
	f.setup.count = f.count;
	int turns = sim_run(f.sim, count_turns, &f);
	check_all(&f);
	cr_assert(!is_first_slow, "the kernel was not called");
	end(&f);
	return turns;
}

/* A step that is at its end by the machine's clock would be followed by another. */
Test(scan, a_run_of_the_simulator_is_the_same_on_a_slow_machine)
{
	int turns = turns_of_a_scan(false);
	cr_assert_gt(turns, 0);
	cr_assert_eq(turns_of_a_scan(true), turns);
}

struct tally {
	size_t ended, troubles;
	uint64_t hits, lines;
};

static int
tally_event(void *ctx, const struct sl_scan_event *event)
{
	struct tally *tally = ctx;
	if (event->kind == SL_SCAN_EVENT_LINE)
		tally->lines++;
	if (event->kind != SL_SCAN_EVENT_END)
		return 0;
	tally->ended++;
	tally->hits += event->result->hits;
	tally->troubles += sl_scan_state_is_trouble(event->result->state);
	return 0;
}

/* The same names again and again, in a world where few descriptors may be open. */
Test(scan, thousands_of_files_need_few_descriptors)
{
	enum { MANY = 3000 };
	static const char *paths[MANY];
	struct tally tally = { 0 };
	struct fixture f;
	begin(&f, 5);
	struct sim_options options = sim_options(5);
	options.fd_limit = 200;
	sim_free(f.sim);
	f.sim = sim_new(&options);
	add_file(&f, "a", 500);
	struct oracle_totals one =
		oracle_count(sl_span(f.files[0].data, f.files[0].len), default_literals, 2, false);
	for (size_t i = 0; i < MANY; i++)
		paths[i] = i % 7 == 3 ? "missing" : "a";
	f.sink = (struct sl_scan_sink){ &tally, WITHOUT_LINES, tally_event };
	f.setup.paths = paths;
	f.setup.count = MANY;
	cr_assert_eq(sim_run(f.sim, scan_task, &f), 0);
	cr_assert_eq(tally.ended, MANY);
	cr_assert_eq(tally.troubles, (MANY - 3 + 6) / 7);
	cr_assert_eq(tally.hits, (MANY - tally.troubles) * one.hits);
	end(&f);
}

Test(scan, chunks_shrink_to_the_memory_that_is_allowed)
{
	struct fixture f;
	begin(&f, 3);
	f.setup.chunk = 64 * SL_MIB;
	f.setup.queue = 64;
	add_file(&f, "a", 300000);
	cr_assert_eq(run(&f), 0);
	check_all(&f);
	cr_assert_leq(f.progress.chunk_size * f.progress.chunks, SL_SCAN_MEMORY_MIN);
	cr_assert_geq(f.progress.chunks, 2);
	end(&f);
}

/* ---- on the ring, with real files ---- */

struct real {
	struct sl_scan_setup setup;
	struct sl_scan_progress progress;
	struct sl_error err;
	struct tally tally;
	char path[64];
	const char *paths[1];
	char *data;
	size_t len;
	size_t cut_to; /* once the scan has begun; SIZE_MAX = not */
	unsigned workers;
	uint64_t max_memory, max_cached;
	const struct sl_match_kernel *kernel;
	struct sl_scan_result result;
};

SL_SUSPENDS
static int
real_begin(struct real *real, const struct sl_input *input)
{
	if (real->cut_to != SIZE_MAX)
		cr_assert_eq(truncate(input->path, (off_t)real->cut_to), 0);
	return 0;
}

SL_SUSPENDS
static int
real_line(struct real *real, const struct sl_scan_line *line)
{
	cr_assert(line->off + line->len <= real->len);
	cr_assert_eq(memcmp(real->data + line->off, line->text, line->len), 0);
	real->tally.hits++;
	return 0;
}

SL_SUSPENDS
static int
real_event(void *ctx, const struct sl_scan_event *event)
{
	struct real *real = ctx;
	switch (event->kind) {
	case SL_SCAN_EVENT_BEGIN:
		return real_begin(real, event->input);
	case SL_SCAN_EVENT_LINE:
		return real_line(real, event->line);
	case SL_SCAN_EVENT_END:
		real->result = *event->result;
		return 0;
	default:
		return 0;
	}
}

static int
real_task(void *arg)
{
	struct real *real = arg;
	return sl_scan_run(&real->setup, &real->progress, &real->err);
}

static void
scan_real(struct real *real, const char *regex, size_t chunk, bool lines)
{
	struct sl_span span = sl_span_str(regex ? regex : "");
	struct sl_pattern_spec spec = { .texts = &span, .count = regex ? 1 : 0 };
	struct sl_pattern *pattern = NULL;
	cr_assert_eq(sl_pattern_new(&pattern, &spec, real->kernel, &real->err), 0);
	struct sl_scan_sink sink = { real, lines ? WITH_LINES : WITHOUT_LINES, real_event };
	real->paths[0] = real->path;
	real->tally = (struct tally){ 0 };
	real->setup = (struct sl_scan_setup){ .paths = real->paths,
		.count = 1,
		.pattern = pattern,
		.sinks = &sink,
		.sink_count = 1,
		.max_hits = UINT64_MAX,
		.chunk = chunk,
		.queue = 4,
		.max_memory = real->max_memory,
		.max_cached = real->max_cached };
	cr_assert_eq(ring_run(real->workers, real_task, real), 0, "%s", real->err.text);
	sl_pattern_free(pattern);
}

static void
make_real(struct real *real, size_t len)
{
	struct sl_random random;
	*real = (struct real){ .path = "/tmp/sluice-scan.XXXXXX",
		.len = len,
		.cut_to = SIZE_MAX,
		.workers = 2,
		.max_memory = 64 * SL_MIB,
		.max_cached = UINT64_MAX,
		.kernel = sl_match_choose(sl_cpu_features()) };
	sl_random_init(&random, len);
	real->data = malloc(len);
	cr_assert(real->data);
	fill(&random, real->data, len);
}

static void
put_real(struct real *real, size_t len)
{
	make_real(real, len);
	int fd = mkstemp(real->path);
	cr_assert_geq(fd, 0);
	for (size_t at = 0; at < len;) {
		ssize_t some = write(fd, real->data + at, len - at);
		cr_assert_gt(some, 0);
		at += (size_t)some;
	}
	close(fd);
}

static void
remove_real(struct real *real)
{
	unlink(real->path);
	free(real->data);
}

Test(scan, real_files_give_exact_totals_with_several_workers)
{
	static const size_t chunks[] = { PAGE, 20 * PAGE, SL_MIB, 4 * SL_MIB };
	struct real real;
	put_real(&real, 9 * SL_MIB + 12345);
	struct oracle_totals want =
		oracle_count(sl_span(real.data, real.len), default_literals, 2, false);
	for (size_t i = 0; i < SL_COUNT_OF(chunks) * 4; i++) {
		bool lines = i % 2 != 0;
		scan_real(&real, i % 4 < 2 ? NULL : "ERROR|err\\o{157}r", chunks[i / 4], lines);
		cr_assert_eq(real.result.state, SL_SCAN_OK);
		cr_assert_eq(real.result.bytes, real.len);
		cr_assert_eq(real.result.lines, want.lines);
		cr_assert_eq(real.result.hits, want.hits);
		cr_assert(!lines || real.tally.hits == want.hits);
	}
	remove_real(&real);
}

Test(scan, a_real_file_that_becomes_shorter_is_counted_to_its_new_end)
{
	struct real real;
	put_real(&real, 40 * SL_MIB);
	for (size_t i = 0; i < 4; i++) {
		real.cut_to = 39 * SL_MIB - i * 1234567;
		scan_real(&real, NULL, i % 2 ? SL_MIB : 64 * SL_KIB, false);
		/* A worker may have been beyond the new end by then. */
		cr_assert(real.result.bytes >= real.cut_to && real.result.bytes <= real.len);
		struct oracle_totals want = oracle_count(
			sl_span(real.data, real.result.bytes), default_literals, 2, false);
		cr_assert_eq(real.result.lines, want.lines);
		cr_assert_eq(real.result.hits, want.hits);
		if (real.result.bytes < real.len)
			cr_assert_eq(real.result.state, SL_SCAN_TRUNCATED);
		real.len = real.cut_to;
	}
	remove_real(&real);
}

/* ---- pipes that stay open ---- */

#define PIPES 14
#define PIPE_TEXT "ERROR\n"
#define STREAMS_AT_A_TIME 8 /* the half of the readers */

struct pipes {
	struct real real;
	int readers[PIPES], writers[PIPES];
	char names[PIPES][32];
	const char *paths[PIPES];
	size_t ended;
};

static void
close_writer(struct pipes *pipes, size_t i)
{
	if (i < PIPES && pipes->writers[i] >= 0)
		close(pipes->writers[i]);
	if (i < PIPES)
		pipes->writers[i] = -1;
}

/* The first pipe is closed when as many were read as may be, the others one by one. */
SL_SUSPENDS
static int
pipes_event(void *ctx, const struct sl_scan_event *event)
{
	struct pipes *pipes = ctx;
	uint64_t read = pipes->real.progress.read / strlen(PIPE_TEXT);
	if (event->kind == SL_SCAN_EVENT_IDLE && read >= STREAMS_AT_A_TIME)
		close_writer(pipes, 0);
	if (event->kind != SL_SCAN_EVENT_END)
		return 0;
	cr_assert_eq(event->result->hits, 1);
	pipes->ended++;
	cr_assert_leq(read, STREAMS_AT_A_TIME + pipes->ended);
	close_writer(pipes, pipes->ended);
	return 0;
}

static void
open_pipes(struct pipes *pipes)
{
	for (size_t i = 0; i < PIPES; i++) {
		int fds[2];
		cr_assert_eq(pipe(fds), 0);
		cr_assert_eq(write(fds[1], PIPE_TEXT, strlen(PIPE_TEXT)), strlen(PIPE_TEXT));
		pipes->readers[i] = fds[0];
		pipes->writers[i] = fds[1];
		snprintf(pipes->names[i], sizeof(pipes->names[i]), "/dev/fd/%d", fds[0]);
		pipes->paths[i] = pipes->names[i];
	}
}

static int
pipes_task(void *arg)
{
	struct pipes *pipes = arg;
	open_pipes(pipes);
	int code = sl_scan_run(&pipes->real.setup, &pipes->real.progress, &pipes->real.err);
	for (size_t i = 0; i < PIPES; i++)
		close(pipes->readers[i]);
	return code;
}

Test(scan, half_of_the_readers_at_most_wait_for_streams)
{
	struct pipes pipes = { .ended = 0 };
	struct sl_pattern_spec spec = { .count = 0 };
	struct sl_pattern *pattern = NULL;
	struct sl_scan_sink sink = { &pipes,
		SL_SCAN_WANTS(SL_SCAN_EVENT_END) | SL_SCAN_WANTS(SL_SCAN_EVENT_IDLE), pipes_event };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &pipes.real.err), 0);
	pipes.real.setup = (struct sl_scan_setup){ .paths = pipes.paths,
		.count = PIPES,
		.pattern = pattern,
		.sinks = &sink,
		.sink_count = 1,
		.max_hits = UINT64_MAX,
		.chunk = 64 * SL_KIB,
		.queue = 4,
		.max_memory = 64 * SL_MIB };
	cr_assert_eq(ring_run(2, pipes_task, &pipes), 0, "%s", pipes.real.err.text);
	cr_assert_eq(pipes.ended, PIPES);
	sl_pattern_free(pattern);
}

Test(scan, what_is_in_the_page_cache_is_read_by_the_workers_however_many_there_are)
{
	static const struct {
		unsigned workers;
		uint64_t max_memory;
	} cases[] = { { 1, 64 * SL_MIB }, { 29, 64 * SL_MIB }, { 200, 64 * SL_MIB },
		{ 64, SL_SCAN_MEMORY_MIN }, { 256, SL_SCAN_MEMORY_MIN } };
	struct real real;
	put_real(&real, 9 * SL_MIB + 12345);
	struct oracle_totals want =
		oracle_count(sl_span(real.data, real.len), default_literals, 2, false);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		bool by_workers = false;
		real.workers = cases[i].workers;
		real.max_memory = cases[i].max_memory;
		for (unsigned attempt = 0; attempt < ATTEMPTS && !by_workers; attempt++) {
			scan_real(&real, NULL, SL_MIB, false);
			cr_assert(real.result.lines == want.lines && real.result.hits == want.hits);
			by_workers = real.progress.worker_bytes >= real.len - 64 * SL_KIB &&
				     real.progress.input_waited_ns == 0;
		}
		cr_assert(by_workers, "%u workers", cases[i].workers);
	}
	remove_real(&real);
}

/* ---- many literals: the work between two looks at signals ---- */

/* The calls of a kernel, for the one test that takes them. */
static struct {
	sl_match_scan_fn *scan;
	pthread_t runtime;
	_Atomic unsigned calls, on_runtime;
	_Atomic size_t longest;
} watched;

static void
watched_scan(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	uint64_t *marks, struct sl_match_hits *hits, struct sl_match_counts *counts)
{
	watched.calls++;
	watched.on_runtime += pthread_equal(pthread_self(), watched.runtime) != 0;
	for (size_t most = watched.longest; len > most;)
		if (atomic_compare_exchange_weak(&watched.longest, &most, len))
			break;
	watched.scan(plan, data, len, marks, hits, counts);
}

/* The default literals, and enough that occur nowhere to need several plans. */
static struct sl_buf
many_literals(void)
{
	struct sl_buf regex = { 0 };
	sl_buf_add_str(&regex, "ERROR|error");
	for (unsigned i = 0; i < 3 * SL_MATCH_LITERALS; i++)
		sl_buf_printf(&regex, "|none %u", i);
	sl_buf_add_char(&regex, '\0');
	return regex;
}

/* Thousands of literals can take minutes for a chunk. The thread that handles signals must not do
 * that, and a worker must look at the clock in between: after each plan has seen a few KiB. */
Test(scan, many_literals_are_searched_by_workers_in_small_steps)
{
	static const size_t sizes[] = { 20 * SL_KIB, 64 * SL_KIB, 5 * SL_MIB };
	struct sl_buf regex = many_literals();
	struct sl_match_kernel kernel = *sl_match_choose(sl_cpu_features());
	watched.runtime = pthread_self();
	watched.scan = kernel.scan;
	kernel.scan = watched_scan;
	for (size_t i = 0; i < SL_COUNT_OF(sizes) * 2; i++) {
		struct real real;
		put_real(&real, sizes[i / 2]);
		struct oracle_totals want =
			oracle_count(sl_span(real.data, real.len), default_literals, 2, false);
		real.kernel = &kernel;
		watched.calls = 0;
		scan_real(&real, regex.data, SL_MIB, i % 2 != 0);
		cr_expect_eq(real.result.hits, want.hits);
		cr_expect_geq(watched.calls, 4 * (real.len / (32 * SL_KIB)));
		cr_expect_gt(watched.calls, 0);
		remove_real(&real);
	}
	cr_expect_eq(watched.on_runtime, 0, "%u calls on the runtime's thread", watched.on_runtime);
	cr_expect_leq(watched.longest, 32 * SL_KIB, "%zu bytes in one step", watched.longest);
	sl_buf_release(&regex);
}

/* True if nothing of it is in the page cache now; not all file systems can do that. */
static bool
make_cold(const struct real *real)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	int fd = open(real->path, O_RDONLY | O_CLOEXEC);
	bool is_cold = fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
		       preadv2(fd, &iov, 1, (off_t)(real->len / 2), RWF_NOWAIT) < 0;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return is_cold;
}

Test(scan, a_second_scan_finds_a_cold_file_in_the_page_cache_if_it_fits_there)
{
	struct real real;
	put_real(&real, 30 * SL_MIB + 12345);
	struct oracle_totals want =
		oracle_count(sl_span(real.data, real.len), default_literals, 2, false);
	for (size_t i = 0; i < 8 && make_cold(&real); i++) {
		bool lines = i % 2 != 0, fits = i % 4 < 2;
		real.max_cached = real.len - !fits;
		scan_real(&real, NULL, i < 4 ? SL_MIB : 64 * SL_KIB, lines);
		cr_assert(real.result.lines == want.lines && real.result.hits == want.hits);
		cr_assert_gt(real.progress.input_waited_ns, 0);
		cr_assert(!fits || real.progress.direct_bytes == 0);
		bool was_there = false;
		for (unsigned attempt = 0; attempt < ATTEMPTS && !was_there; attempt++) {
			scan_real(&real, NULL, SL_MIB, lines);
			cr_assert(real.result.lines == want.lines && real.result.hits == want.hits);
			was_there = real.progress.input_waited_ns == 0;
		}
		cr_assert(!fits || was_there, "read again");
	}
	remove_real(&real);
}

/* Only what is not zero is written, in blocks. */
static void
put_sparse(struct real *real, size_t len)
{
	static const struct {
		size_t begin, end;
	} holes[] = { { 0, 300000 }, { SL_MIB, SL_MIB + 128 * SL_KIB },
		{ SL_MIB + 200 * SL_KIB, SL_MIB + 240 * SL_KIB },
		{ 2 * SL_MIB - 5, 4 * SL_MIB + 9 }, { 5 * SL_MIB + 1, 6 * SL_MIB },
		{ 8 * SL_MIB, SIZE_MAX } };
	static const char zeros[PAGE];
	make_real(real, len);
	for (size_t i = 0; i < SL_COUNT_OF(holes); i++)
		memset(real->data + holes[i].begin, 0, SL_MIN(holes[i].end, len) - holes[i].begin);
	int fd = mkstemp(real->path);
	cr_assert_geq(fd, 0);
	for (size_t at = 0; at < len; at += PAGE) {
		size_t some = SL_MIN(len - at, (size_t)PAGE);
		if (memcmp(real->data + at, zeros, some) != 0)
			cr_assert_eq(pwrite(fd, real->data + at, some, (off_t)at), (ssize_t)some);
	}
	cr_assert_eq(ftruncate(fd, (off_t)len), 0);
	close(fd);
}

Test(scan, holes_are_counted_as_the_zeros_they_are_without_being_read)
{
	static const size_t chunks[] = { 16 * PAGE, SL_MIB };
	struct real real;
	put_sparse(&real, 9 * SL_MIB + 12345);
	struct oracle_totals want =
		oracle_count(sl_span(real.data, real.len), default_literals, 2, false);
	for (size_t i = 0; i < SL_COUNT_OF(chunks) * 4; i++) {
		bool lines = i % 2 != 0;
		scan_real(&real, i % 4 < 2 ? NULL : "ERROR|err\\o{157}r", chunks[i / 4], lines);
		cr_assert_eq(real.result.state, SL_SCAN_OK, "%s", real.err.text);
		cr_assert_eq(real.result.bytes, real.len);
		cr_assert_eq(real.result.lines, want.lines);
		cr_assert_eq(real.result.hits, want.hits);
		cr_assert(!lines || real.tally.hits == want.hits);
		cr_assert_gt(real.progress.hole_bytes, 3 * SL_MIB);
	}
	remove_real(&real);
}

struct many {
	struct sl_scan_setup setup;
	struct sl_scan_progress progress;
	struct sl_error err;
	struct tally tally;
	uint64_t turns;
};

static int
many_task(void *arg)
{
	struct many *many = arg;
	int code = sl_scan_run(&many->setup, &many->progress, &many->err);
	many->turns = sl_rt_stats(sl_rt_current())->turns;
	return code;
}

static void
put_many(size_t count, size_t len)
{
	static const char line[] = "an error\nand none\n";
	struct sl_buf text = { 0 };
	while (text.len < len)
		sl_buf_add(&text, line, SL_MIN(sizeof(line) - 1, len - text.len));
	for (size_t i = 0; i < count; i++) {
		char name[24];
		snprintf(name, sizeof(name), "%06zu", i);
		scratch_write(name, text.data, text.len);
	}
	sl_buf_release(&text);
}

/* A turn of the loop for each file would show that each is handed over alone. */
Test(scan, small_files_are_read_and_scanned_many_at_a_time)
{
	static const char *const paths[] = { "." };
	enum { COUNT = 600, LEN = 18 * 100 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	scratch_enter();
	put_many(COUNT, LEN);
	for (unsigned i = 0; i < 4; i++) {
		struct many many = { 0 };
		struct sl_span span = sl_span_str("err\\o{157}r");
		struct sl_pattern_spec spec = { .texts = &span, .count = i / 2 };
		struct sl_pattern *pattern = NULL;
		cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &many.err), 0);
		struct sl_scan_sink sink = { &many.tally, i % 2 ? WITH_LINES : WITHOUT_LINES,
			tally_event };
		many.setup = (struct sl_scan_setup){ .paths = paths,
			.count = 1,
			.pattern = pattern,
			.sinks = &sink,
			.sink_count = 1,
			.max_hits = UINT64_MAX,
			.chunk = SL_MIB,
			.queue = 4,
			.max_memory = SL_SCAN_MEMORY_MIN };
		cr_assert_eq(ring_run(2, many_task, &many), 0, "%s", many.err.text);
		cr_expect(many.tally.ended == COUNT && many.tally.troubles == 0);
		cr_expect_eq(many.tally.hits, COUNT * 100);
		cr_expect_eq(many.tally.lines, i % 2 ? COUNT * 100 : 0);
		cr_expect(spec.count || many.turns < COUNT, "%llu turns of the loop",
			(unsigned long long)many.turns);
		sl_pattern_free(pattern);
	}
	scratch_leave();
}

/* ---- a ring that fails during the scan ---- */

#define WAITS_MOST 80u /* into the middle of the scan below */
#define FAILING_INPUTS 200u

static const struct sl_engine_methods *ring_methods;
static unsigned waits_left;
static bool has_ring_failed;

static int
wait_or_fail(struct sl_engine *engine, uint64_t until_ns, struct sl_op **done, size_t max)
{
	has_ring_failed = waits_left == 0;
	if (has_ring_failed)
		return -EIO;
	waits_left--;
	return ring_methods->wait(engine, until_ns, done, max);
}

/* As messages have it. A file in the directory stands for it: it may not be listed yet. */
static void
add_shown(void *ctx, const char *shown)
{
	cr_assert_eq(shown[0], '\'');
	sl_buf_add(ctx, shown + 1, strcspn(shown + 1, "/'"));
	sl_buf_add_char(ctx, ' ');
}

SL_SUSPENDS
static int
add_ended(void *ctx, const struct sl_scan_event *event)
{
	add_shown(ctx, event->input->shown);
	return 0;
}

/* In a process of its own: the tasks of such a runtime never end. */
static void
scan_on_failing_ring(void)
{
	/* More than wait in the channels between the stages. */
	static const char *paths[FAILING_INPUTS] = { "first", "second", "directory" };
	static struct sl_engine_methods methods;
	struct sl_buf seen = { 0 }, all = { 0 };
	struct sl_scan_sink sink = { &seen, SL_SCAN_WANTS(SL_SCAN_EVENT_END), add_ended };
	struct many many = { 0 };
	struct sl_pattern_spec spec = { .count = 0 };
	struct sl_pattern *pattern = NULL;
	struct sl_rt_options options = { .workers = 1 };
	struct sl_rt *rt = NULL;
	for (size_t i = 0; i < SL_COUNT_OF(paths); i++)
		paths[i] = paths[i] ? paths[i] : i % 2 ? "missing" : "last";
	int code = sl_pattern_new(&pattern, &spec, sl_match_choose(sl_cpu_features()), &many.err);
	many.setup = (struct sl_scan_setup){ .paths = paths,
		.count = SL_COUNT_OF(paths),
		.pattern = pattern,
		.sinks = &sink,
		.sink_count = 1,
		.max_hits = UINT64_MAX,
		.chunk = SL_MIB,
		.queue = 4,
		.max_memory = SL_SCAN_MEMORY_MIN };
	code = code ? code : sl_engine_uring_new(&options.engine, &many.err);
	if (!code) {
		ring_methods = options.engine->methods;
		methods = *ring_methods;
		methods.wait = wait_or_fail;
		options.engine->methods = &methods;
		code = sl_rt_new(&rt, &options, &many.err);
	}
	code = code ? code : sl_rt_run(rt, many_task, &many);
	sl_scan_each_unfinished(&many.progress, add_shown, &seen);
	for (size_t i = 0; i < SL_COUNT_OF(paths); i++)
		sl_buf_printf(&all, "%s ", paths[i]);
	sl_buf_add_char(&seen, '\0');
	sl_buf_add_char(&all, '\0');
	bool good = code == (has_ring_failed ? -EIO : 0) && strcmp(seen.data, all.data) == 0;
	if (!good)
		fprintf(stderr, "code %d, inputs '%s'\n", code, seen.data);
	_exit(good ? 0 : 1);
}

Test(scan, each_input_ends_or_is_known_not_to_have_when_the_ring_fails)
{
	scratch_enter();
	scratch_write_text("first", "an error\n");
	scratch_write_text("second", "an error\n");
	cr_assert_eq(mkdir("directory", 0700), 0);
	scratch_write_text("directory/in_it", "an error\n");
	scratch_write_text("last", "an error\n");
	for (unsigned waits = 0; waits <= WAITS_MOST; waits++) {
		pid_t pid = fork();
		waits_left = waits;
		if (pid == 0)
			scan_on_failing_ring();
		int status = 0;
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "after %u waits", waits);
	}
	scratch_leave();
}
