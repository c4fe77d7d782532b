/*
 * scan_kinds.c - the kinds of matching lines (digest/kinds.h) and their times
 * (logline/timeline.h), as far as they are wanted.
 *
 *     worker    a run of bytes was scanned: its matching lines go to the digest of its piece
 *     merger    a piece is counted: its digest is merged into that of the scan, and its places
 *               move by the lines before it
 *
 * So what is not counted in the end has no kind either: a piece behind a damaged place, or one of
 * an input that turns out to be binary.
 *
 * Lines that a cut has split need their text. Where lines are kept until they are merged (by_line),
 * the merger has it. Elsewhere chunks are gone by then, and may hold a step of a piece only: each
 * piece becomes a partial, which has the text at its ends, and these merge.
 *
 * If a period is wanted, partials also tell which lines are inside. What is found of the first
 * lines of a piece, up to the first stamp, is kept apart until the pieces before it are merged.
 */
#include "scan_int.h"

#include "sluice/match/lines.h"
#include "sluice/rt/offload.h"
#include "sluice/scan/steps.h"

#include <errno.h>

/* Bytes kept of a long line. */
#define KEEP (64u * 1024u)
/* Intervals whose memory stays with a piece that is not used. */
#define TIMELINE_KEPT 64u
/* A line up to here is counted for each pattern without a worker, as long as that is quick. */
#define TALLY_INLINE 4096u
/* Merging so many kinds, or notes of lines, takes less time than waking a worker. */
#define ITEMS_INLINE 256u

int
sl_scan_kinds_init(struct scan *scan, const struct sl_scan_division *division)
{
	size_t memory = (size_t)division->kinds;
	const struct sl_scan_setup *setup = scan->setup;
	scan->kinds_spec = sl_partial_spec_of(setup->pattern, scan->matcher, true);
	scan->kinds_spec.text.keep = scan->by_line ? SL_PARTIAL_KEEP : KEEP;
	sl_partial_spec_set_period(&scan->kinds_spec, setup->period);
	if (!setup->kinds)
		return 0;
	/* One digest may take what others leave: pieces that wait for a slow one before them
	 * become one. */
	scan->kinds_size = SL_MAX(memory / 4, SL_KINDS_BYTES_MIN);
	/* The rest is for grouping, of one at a time. Pieces that wait have digests as well: how
	 * many there are depends on sizes and on the order in which workers finish. */
	scan->kinds_budget.max = memory / 4 * 3;
	scan->memo_size = division->memo;
	scan->memo = sl_memo_new(scan->memo_size);
	return scan->memo ? 0 : -ENOMEM;
}

static struct sl_kinds *
new_digest(struct scan *scan)
{
	struct sl_kinds *kinds = sl_kinds_new(scan->kinds_size);
	if (kinds)
		sl_kinds_share(kinds, &scan->kinds_budget);
	return kinds;
}

/* ---- on workers ---- */

/* Where lines are added; NULL = not wanted. */
struct target {
	struct sl_kinds *kinds;
	struct sl_memo *memo;
	struct sl_timeline *timeline;
	struct sl_tally_part *tally;
	struct sl_tally_counter *counter;
};

/* False if it would take long, with `is_quick`. */
static bool
count_patterns(struct sl_tally_counter *counter, struct sl_tally_part *part,
	const struct sl_partial_line *line, bool is_quick)
{
	struct sl_subject subject = sl_partial_subject(line);
	return sl_tally_count(counter, part, &subject, line->len < line->whole_len, is_quick);
}

/* `place` of a line that is complete. The time of a line stands at its beginning: it is not known
 * if that was cut off. */
static int
add_line(struct scan *scan, const struct target *to, struct sl_partial_line line,
	struct sl_kinds_place place)
{
	sl_partial_shorten(&scan->kinds_spec, &line);
	struct sl_span text = sl_span((const char *)line.text, line.len);
	if (to->tally)
		(void)count_patterns(to->counter, to->tally, &line, false);
	int code = to->kinds ? sl_kinds_add(to->kinds, to->memo, text, place) : 0;
	if (code || !to->timeline)
		return code;
	return sl_timeline_add(to->timeline, line.skipped ? sl_span("", 0) : text);
}

static struct scan_found *
found_of(const struct scan *scan, struct scan_piece *piece, const struct sl_partial_line *line)
{
	bool is_unknown = scan->setup->period && line->side == SL_PERIOD_UNKNOWN;
	return is_unknown ? &piece->unknown : &piece->lines;
}

static int
ready_found(struct scan *scan, struct scan_found *found)
{
	const struct sl_scan_setup *setup = scan->setup;
	if (setup->kinds && !found->kinds && !(found->kinds = new_digest(scan)))
		return -ENOMEM;
	if (setup->tally && !found->tally && !(found->tally = sl_tally_part_new(setup->tally)))
		return -ENOMEM;
	return 0;
}

static int
add_to_piece(struct scan *scan, struct scan_piece *piece, struct sl_memo *memo,
	const struct sl_partial_line *line)
{
	struct sl_kinds_place place = { .line = line->index };
	const struct sl_scan_setup *setup = scan->setup;
	struct scan_found *found = found_of(scan, piece, line);
	int code = ready_found(scan, found);
	if (code)
		return code;
	struct target to = { setup->kinds ? found->kinds : NULL, memo,
		setup->timeline ? &found->timeline : NULL, found->tally, piece->counter };
	return add_line(scan, &to, *line, place);
}

/* Lines of a run that go to the same digest, together. */
struct batch {
	struct scan *scan;
	struct scan_piece *piece;
	struct sl_memo *memo;
	struct scan_found *found;
	struct sl_kinds_line lines[SL_KINDS_BATCH];
	size_t count;
};

static int
flush(struct batch *batch)
{
	size_t count = batch->count;
	batch->count = 0;
	return count ? sl_kinds_add_all(batch->found->kinds, batch->memo, batch->lines, count) : 0;
}

static int
add_to_batch(struct batch *batch, struct sl_partial_line *line)
{
	struct scan *scan = batch->scan;
	struct scan_found *found = found_of(scan, batch->piece, line);
	int code = 0;
	if (batch->count == SL_KINDS_BATCH || (batch->count && batch->found != found))
		code = flush(batch);
	if (code == 0)
		code = ready_found(scan, found);
	sl_partial_shorten(&scan->kinds_spec, line);
	struct sl_span text = sl_span((const char *)line->text, line->len);
	if (code == 0 && found->tally)
		(void)count_patterns(batch->piece->counter, found->tally, line, false);
	if (code == 0 && scan->setup->timeline)
		code = sl_timeline_add(&found->timeline, line->skipped ? sl_span("", 0) : text);
	if (code || !scan->setup->kinds)
		return code;
	batch->found = found;
	batch->lines[batch->count++] =
		(struct sl_kinds_line){ text, (struct sl_kinds_place){ .line = line->index } };
	return 0;
}

/* A line may take long to be counted. */
static bool
can_be_slow(const struct scan *scan)
{
	return scan->setup->tally && sl_tally_has_expressions(scan->setup->tally);
}

static void
begin_walk(const struct scan *scan, struct scan_walk *walk, const struct sl_partial_run *run,
	const uint64_t *marks)
{
	if (walk->is_begun)
		return;
	if (run->hits && run->hits->is_complete)
		sl_lines_init_hits(&walk->lines, run->data, run->hits);
	else
		sl_lines_init(&walk->lines, scan->kernel, run->data, run->len, marks);
	/* Of lines that do not match, results have no number. */
	walk->left = run->block.hits + run->block.period.unknown.hits;
	if (scan->kinds_spec.inverts)
		walk->left = UINT64_MAX;
}

/* The marked lines of a run, which has `before` newlines of its piece before it; `side` of the
 * first ones, if a period is wanted. If has_partials, nothing else needs the marks: they are
 * cleared, for the next run. */
static int
add_lines(struct scan *scan, struct scan_piece *piece, const struct sl_partial_run *run,
	uint64_t *marks, uint64_t before, enum sl_period_side side, struct sl_memo *memo)
{
	struct scan_walk *walk = &piece->walk;
	struct batch batch = { .scan = scan, .piece = piece, .memo = memo };
	struct sl_line line;
	int code = 0;
	begin_walk(scan, walk, run, marks);
	uint64_t begun_ns = can_be_slow(scan) ? sl_steps_clock_ns(scan->engine) : 0;
	for (; code == 0 && walk->left && sl_lines_next(&walk->lines, &line); walk->left--) {
		if (scan->has_partials && !walk->lines.hits)
			marks[walk->lines.word] = 0;
		struct sl_partial_line found = { .text = line.text,
			.len = line.len,
			.off = 1, /* not where the input begins */
			.whole_len = line.len,
			.index = before + line.index,
			.is_closed = true,
			.side = SL_PERIOD_INSIDE };
		if (line.text < run->data + run->unknown_end)
			found.side = side;
		if (sl_scan_wants_each(scan) && found.side != SL_PERIOD_OUTSIDE)
			code = add_to_batch(&batch, &found);
		if (code == 0 && begun_ns &&
			sl_steps_clock_ns(scan->engine) - begun_ns > SL_STEPS_NS)
			code = 1;
	}
	walk->is_begun = code == 1;
	int flushed = code < 0 ? 0 : flush(&batch);
	return flushed ? flushed : code;
}

/* The run becomes a part of the piece's partial. */
static int
add_run(struct scan *scan, struct scan_piece *piece, const struct sl_partial_run *run,
	uint64_t *marks, struct sl_memo *memo)
{
	struct sl_partial *partial = &piece->partial;
	uint64_t before = partial->result.newlines;
	struct sl_partial_line line;
	enum sl_block_line joint;
	int code = sl_partial_add_head(&scan->kinds_spec, partial, run, &joint, &line);
	if (code == 1)
		code = sl_scan_wants_each(scan) ? add_to_piece(scan, piece, memo, &line) : 0;
	if (code == 0 && run->data)
		code = add_lines(scan, piece, run, marks, before, partial->next_side, memo);
	return code ? code : sl_partial_add_rest(&scan->kinds_spec, partial, run, joint);
}

int
sl_scan_kinds_run(struct scan *scan, struct scan_piece *piece, const struct sl_partial_run *run,
	uint64_t *marks, struct sl_memo *memo)
{
	if (scan->has_partials)
		return add_run(scan, piece, run, marks, memo);
	/* Lines that are one too many have no kind, nor those that are not the first one of their
	 * record that matches: the merger knows which. */
	bool is_limited = sl_scan_max_hits(scan) != UINT64_MAX || scan->setup->records;
	/* A hole has no line, and no marks. */
	bool is_wanted = sl_scan_wants_each(scan) && !is_limited && run->data;
	return is_wanted ? add_lines(scan, piece, run, marks, 0, SL_PERIOD_UNKNOWN, memo) : 0;
}

/* ---- on the runtime's thread ---- */

int
sl_scan_kinds_line(
	struct scan *scan, const struct scan_job *job, const struct sl_partial_line *line)
{
	uint64_t before = sl_scan_lines_before(job);
	struct sl_kinds_place place = { .input = job->number, .line = before + line->index };
	struct target to = {
		.kinds = scan->setup->kinds, .memo = scan->memo, .timeline = scan->setup->timeline
	};
	return add_line(scan, &to, *line, place);
}

int
sl_scan_kinds_record(struct scan *scan, const struct scan_job *job,
	const struct sl_partial_line *line, struct sl_span head)
{
	uint64_t before = sl_scan_lines_before(job);
	struct sl_kinds_place place = { .input = job->number, .line = before + line->index };
	struct target to = { .kinds = scan->setup->kinds, .memo = scan->memo };
	int code = add_line(scan, &to, *line, place);
	if (code || !scan->setup->timeline)
		return code;
	return sl_timeline_add(scan->setup->timeline, head);
}

struct tally_call {
	struct scan *scan;
	struct sl_tally_part *part;
	const struct sl_partial_line *line;
};

static int
count_on_worker(void *arg)
{
	const struct tally_call *call = arg;
	(void)count_patterns(call->scan->counter, call->part, call->line, false);
	return 0;
}

int
sl_scan_tally_line(struct scan *scan, const struct sl_partial_line *line)
{
	struct sl_tally *tally = scan->setup->tally;
	if (!tally)
		return 0;
	struct sl_tally_part *part = sl_tally_part_new(tally);
	struct tally_call call = { scan, part, line };
	int code = part ? 0 : -ENOMEM;
	bool is_short = line->len <= TALLY_INLINE;
	if (part && !(is_short && count_patterns(scan->counter, part, line, true)))
		code = sl_scan_offload(scan, count_on_worker, &call);
	if (code == 0)
		sl_tally_merge(tally, part);
	sl_tally_part_free(part);
	return code;
}

struct merge_call {
	struct sl_kinds *kinds;
	const struct sl_kinds *from;
	struct sl_kinds_place base;
};

static int
merge(void *arg)
{
	const struct merge_call *call = arg;
	return sl_kinds_merge(call->kinds, call->from, call->base);
}

SL_SUSPENDS
static int
merge_found(struct scan *scan, const struct scan_found *found, struct sl_kinds_place base)
{
	struct merge_call call = {
		.kinds = scan->setup->kinds, .from = found->kinds, .base = base
	};
	int code = 0;
	if (scan->setup->timeline)
		code = sl_timeline_merge(scan->setup->timeline, &found->timeline);
	if (found->tally)
		sl_tally_merge(scan->setup->tally, found->tally);
	if (code || !found->kinds || sl_kinds_lines(found->kinds) == 0)
		return code;
	bool is_costly = sl_kinds_items(found->kinds) > ITEMS_INLINE;
	return is_costly ? sl_scan_offload(scan, merge, &call) : merge(&call);
}

int
sl_scan_kinds_merge(struct scan *scan, const struct scan_job *job, const struct scan_found *found)
{
	struct sl_kinds_place base = { job->number,
		sl_scan_lines_before(job) + sl_join_newlines(&job->join) };
	return merge_found(scan, found, base);
}

int
sl_scan_kinds_count(struct scan *scan, struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	struct sl_partial *total = &job->join.total;
	uint64_t before = sl_scan_lines_before(job);
	struct sl_kinds_place base = { job->number, before + total->result.newlines };
	struct sl_partial_line line;
	int code = merge_found(scan, &piece->lines, base);
	if (code)
		return code;
	if (piece->is_first) { /* its first line was complete by itself */
		sl_assert(total->result.len == 0);
		*total = piece->partial;
		piece->partial = (struct sl_partial){ 0 };
		return 0;
	}
	piece->partial.off = sl_partial_end_off(total);
	code = sl_partial_merge(&scan->kinds_spec, total, &piece->partial, &line);
	if (code == 1)
		code = sl_scan_kinds_line(scan, job, &line);
	bool is_inside = scan->setup->period && total->next_side == SL_PERIOD_INSIDE;
	return code == 0 && is_inside ? merge_found(scan, &piece->unknown, base) : code;
}

/* What the right piece has found becomes the left one's. */
static int
join_found(struct scan *scan, struct scan_found *left, struct scan_found *right, uint64_t newlines)
{
	struct sl_kinds_place base = { .line = newlines };
	int code = 0;
	if (scan->setup->timeline)
		code = sl_timeline_merge(&left->timeline, &right->timeline);
	if (code || !right->kinds || sl_kinds_lines(right->kinds) == 0)
		return code;
	if (!left->kinds)
		left->kinds = new_digest(scan);
	if (!left->kinds)
		return -ENOMEM;
	struct sl_kinds *taken = right->kinds;
	right->kinds = NULL;
	return sl_kinds_take(left->kinds, taken, base);
}

int
sl_scan_kinds_join(struct scan *scan, struct scan_piece *left, struct scan_piece *right)
{
	uint64_t newlines = left->partial.result.newlines;
	struct sl_partial_line line;
	right->partial.off = sl_partial_end_off(&left->partial);
	int code = sl_partial_merge(&scan->kinds_spec, &left->partial, &right->partial, &line);
	if (code == 1)
		code = sl_scan_wants_each(scan) ? add_to_piece(scan, left, scan->memo, &line) : 0;
	if (code == 0)
		code = join_found(scan, &left->lines, &right->lines, newlines);
	if (code || !scan->setup->period || left->partial.next_side == SL_PERIOD_OUTSIDE)
		return code;
	bool is_inside = left->partial.next_side == SL_PERIOD_INSIDE;
	return join_found(
		scan, is_inside ? &left->lines : &left->unknown, &right->unknown, newlines);
}

int
sl_scan_kinds_end(struct scan *scan, struct scan_job *job)
{
	struct sl_partial_line line;
	int code = sl_partial_end(&scan->kinds_spec, &job->join.total, &line);
	return code == 1 ? sl_scan_kinds_line(scan, job, &line) : code;
}

/* ---- a piece's own ---- */

static void
begin_found(const struct scan *scan, struct scan_found *found)
{
	sl_timeline_clear(&found->timeline, scan->setup->timeline_interval_s);
}

static void
end_found(struct scan_found *found)
{
	const struct sl_timeline *timeline = &found->timeline;
	if (found->kinds)
		sl_kinds_clear(found->kinds);
	if (found->tally)
		sl_tally_part_clear(found->tally);
	if (timeline->with_year.cap > TIMELINE_KEPT || timeline->without_year.cap > TIMELINE_KEPT)
		sl_timeline_release(&found->timeline);
}

static void
free_found(struct scan_found *found)
{
	sl_kinds_free(found->kinds);
	sl_tally_part_free(found->tally);
	sl_timeline_release(&found->timeline);
}

void
sl_scan_kinds_begin_piece(const struct scan *scan, struct scan_piece *piece)
{
	begin_found(scan, &piece->lines);
	begin_found(scan, &piece->unknown);
	/* Where it begins is set when it is merged; until then it matters only whether the input
	 * begins there. */
	piece->partial.off = piece->is_first ? 0 : 1;
}

void
sl_scan_kinds_end_piece(struct scan_piece *piece)
{
	sl_partial_release(&piece->partial);
	piece->partial = (struct sl_partial){ 0 };
	end_found(&piece->lines);
	end_found(&piece->unknown);
}

void
sl_scan_kinds_free_piece(struct scan_piece *piece)
{
	free_found(&piece->lines);
	free_found(&piece->unknown);
}
