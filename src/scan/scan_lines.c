/*
 * scan_lines.c - lines of the front go to the sinks: those that match, and those around them
 * (context.h). The last one that is asked for ends the input: at once, or where lines behind it are
 * wanted as well, after those.
 */
#include "scan_int.h"

#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdlib.h>

/* Nothing more of the input is wanted. */
static void
end_job(struct scan_job *job)
{
	job->ignores_rest = true;
	sl_scan_stop_reading(job);
}

/* What follows is not counted: the totals end with this line. */
static void
limit(struct scan_job *job, const struct sl_partial_line *found)
{
	job->is_limited = true;
	sl_context_stop(&job->context);
	job->totals = (struct sl_block_totals){
		.bytes = found->off + found->whole_len + found->is_closed,
		.lines = found->index + 1,
		.all_lines = found->index + 1,
		.hits = job->hits,
		.undecided = sl_join_undecided(&job->join),
		.unlevelled = sl_join_unlevelled(&job->join),
		.undecided_line = job->join.total.result.undecided_line,
	};
	if (job->join.spec.period) /* and of those of the piece: count_others() */
		job->totals.lines = sl_join_period_lines(&job->join);
}

int
sl_scan_report_line(struct scan *scan, struct scan_job *job, const struct sl_partial_line *found)
{
	bool has_number = scan->setup->numbers;
	uint64_t before = sl_scan_lines_before(job);
	struct sl_scan_line line = {
		.matcher = scan->matcher,
		.text = found->text,
		.len = found->len,
		.subject = sl_partial_subject(found),
		.skipped = found->skipped,
		.whole_len = found->whole_len,
		.number = has_number ? before + found->index + 1 : 0,
		.record = has_number ? before + found->record + 1 : 0,
		.begins_record = found->begins_record,
		.off = sl_scan_bytes_before(job) + job->input->first_off + found->off,
		.is_closed = found->is_closed,
		.has_no_match = sl_pattern_inverts(scan->setup->pattern) != found->is_context,
		.begins_group = found->begins_group,
	};
	struct sl_scan_event event = {
		.kind = found->is_context ? SL_SCAN_EVENT_CONTEXT : SL_SCAN_EVENT_LINE,
		.input = job->input,
		.line = &line,
	};
	return sl_scan_report(scan, &event);
}

SL_SUSPENDS
static int
emit_line(struct scan *scan, struct scan_job *job, const struct sl_partial_line *found)
{
	if (!found->is_context)
		sl_scan_note_hits(scan, job, ++job->hits);
	int code = sl_scan_report_line(scan, job, found);
	if (code < 0)
		return code;
	if (!found->is_context && job->hits >= sl_scan_max_hits(scan))
		limit(job, found);
	if (job->is_limited && !sl_context_wants_more(&job->context))
		end_job(job);
	return 0;
}

int
sl_scan_give_line(struct scan *scan, struct scan_job *job, const struct sl_partial_line *line)
{
	struct sl_partial_line found;
	int code;
	sl_context_begin_line(&job->context, line);
	while ((code = sl_context_next(&job->context, &found)) == 1) {
		code = emit_line(scan, job, &found);
		if (code)
			break;
	}
	return code;
}

struct shorten_call {
	const struct sl_join *join;
	struct sl_partial_line *line;
};

static int
shorten(void *arg)
{
	const struct shorten_call *call = arg;
	sl_partial_shorten(&call->join->spec, call->line);
	return 0;
}

static int
step_block(void *arg)
{
	return sl_block_step(arg, SL_STEPS_NS);
}

/* Lines of the piece inside the period that end before `end`. */
static uint64_t
count_within(const struct scan_piece *piece, const unsigned char *end)
{
	size_t len = (size_t)(end - piece->found.data);
	uint64_t count = 0;
	for (size_t i = 0; i < len / 64; i++)
		count += (uint64_t)__builtin_popcountll(piece->within[i]);
	if (len % 64)
		count += (uint64_t)__builtin_popcountll(
			piece->within[len / 64] & ((1ull << (len % 64)) - 1));
	return count;
}

/* Of the first lines of a block the side is known. */
static void
resolve(struct sl_block_result *result, enum sl_period_side side)
{
	const struct sl_period_lines *unknown = &result->period.unknown;
	if (side != SL_PERIOD_INSIDE)
		return;
	if (unknown->undecided)
		result->undecided_line = unknown->undecided_line;
	result->undecided += unknown->undecided;
	result->unlevelled += unknown->unlevelled;
}

/* The limit was reached in a piece that may have lines which are counted beside those that match:
 * were they before `end`? */
int
sl_scan_count_others(struct scan *scan, const struct scan_piece *piece, const unsigned char *end)
{
	const struct sl_partial_run *found = &piece->found;
	const struct sl_period_lines *unknown = &found->block.period.unknown;
	if (scan->setup->period)
		piece->job->totals.lines += count_within(piece, end);
	if (found->block.undecided + unknown->undecided + found->block.unlevelled +
			unknown->unlevelled ==
		0)
		return 0;
	/* The newline of the first line, which was joined, stands for it. */
	const unsigned char *begin = memchr(found->data, '\n', found->len);
	struct sl_block_result result;
	uint64_t *marks = NULL;
	if (scan->setup->period &&
		!(marks = calloc(sl_scan_mark_words(scan, piece->len), sizeof(*marks))))
		return -ENOMEM;
	struct sl_block_steps steps = { .kernel = scan->kernel,
		.plan = scan->plan,
		.marks = marks,
		.period = scan->setup->period,
		.within = sl_scan_within(scan, marks, piece->len),
		.matcher = scan->matcher,
		.data = begin,
		.len = (size_t)(end - begin),
		.clock_ns = sl_steps_clock_ns,
		.clock = sl_rt_engine(sl_rt_current()),
		.result = &result };
	int code = sl_steps_offload(step_block, &steps);
	struct sl_block_totals *totals = &piece->job->totals;
	free(marks);
	if (code == 0 && scan->setup->period)
		resolve(&result, piece->job->join.total.next_side);
	if (code == 0 && result.undecided && !totals->undecided)
		totals->undecided_line =
			sl_join_newlines(&piece->job->join) + result.undecided_line;
	if (code == 0) {
		totals->undecided += result.undecided;
		totals->unlevelled += result.unlevelled;
	}
	return code;
}

/* A line of the piece. */
SL_SUSPENDS
static int
give_line_of(struct scan *scan, const struct scan_piece *piece, struct sl_partial_line *line)
{
	struct scan_job *job = piece->job;
	const unsigned char *end = line->text + line->len + 1;
	struct shorten_call call = { &job->join, line };
	bool was_limited = job->is_limited;
	int code = 0;
	if (sl_scan_wants_lines(scan) && !line->is_context && line->len > SL_PARTIAL_KEEP)
		code = sl_scan_offload(scan, shorten, &call);
	/* Others were added by the worker. */
	bool is_counted = !line->is_context && !was_limited;
	bool is_late = is_counted && sl_scan_max_hits(scan) != UINT64_MAX;
	if (code == 0 && is_late)
		code = sl_scan_kinds_line(scan, job, line);
	if (code == 0 && is_late)
		code = sl_scan_tally_line(scan, line);
	if (code == 0)
		code = emit_line(scan, job, line);
	if (code == 0 && job->is_limited && !was_limited)
		code = sl_scan_count_others(scan, piece, end);
	return code;
}

int
sl_scan_give_lines(struct scan *scan, const struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	bool counts = scan->setup->numbers || sl_scan_max_hits(scan) != UINT64_MAX;
	struct sl_context_run run = { .piece = &piece->found,
		.marks = piece->marks,
		.within = piece->within,
		.off = sl_join_bytes(&job->join),
		.newlines = sl_join_newlines(&job->join),
		.kernel = counts ? scan->kernel : NULL };
	struct sl_partial_line line;
	int code = 0;
	sl_context_begin(&job->context, &run);
	while (code == 0 && !job->ignores_rest &&
		(code = sl_context_next(&job->context, &line)) == 1)
		code = give_line_of(scan, piece, &line);
	/* A line outside a period may have ended the context of the last line. */
	if (code == 0 && job->is_limited && !sl_context_wants_more(&job->context))
		end_job(job);
	return code;
}
