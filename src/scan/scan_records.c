/*
 * scan_records.c - where records are selected (records.h): those of the front go to the sinks, line
 * by line; each is counted when it is selected. The last one that is asked for ends the input, once
 * the record itself has ended.
 */
#include "scan_int.h"

#include "sluice/rt/offload.h"

/* Nothing more of the input is wanted. */
static void
end_job(struct scan_job *job)
{
	job->ignores_rest = true;
	sl_scan_stop_reading(job);
}

/* What follows is not counted: the totals end where *line begins. */
SL_SUSPENDS
static int
limit(struct scan *scan, const struct scan_piece *piece, struct scan_job *job,
	const struct sl_partial_line *line)
{
	job->is_limited = true;
	sl_records_stop(&job->records);
	job->totals = (struct sl_block_totals){
		.bytes = line->off,
		.lines = line->index,
		.all_lines = line->index,
		.hits = job->hits,
		.undecided = job->undecided_before,
		.unlevelled = job->unlevelled_before,
		.undecided_line = job->join.total.result.undecided_line,
	};
	if (job->join.spec.period) /* and of those of the piece, which are counted now */
		job->totals.lines = job->period_lines_before;
	return piece ? sl_scan_count_others(scan, piece, line->text) : 0;
}

SL_SUSPENDS
static int
note_selected(struct scan *scan, struct scan_job *job, const struct sl_partial_line *line)
{
	int code = 0;
	sl_scan_note_hits(scan, job, ++job->hits);
	if (sl_scan_wants_each(scan))
		code = sl_scan_kinds_record(scan, job, line, sl_records_head(&job->records));
	if (code == 0 && scan->setup->stop_input_at_hit) {
		code = limit(scan, NULL, job, line);
		end_job(job);
	}
	return code;
}

/* The record that was selected last has ended, or its context. */
SL_SUSPENDS
static int
note_end(struct scan *scan, const struct scan_piece *piece, struct scan_job *job,
	const struct sl_partial_line *next)
{
	int code = 0;
	if (job->hits >= sl_scan_max_hits(scan) && !job->is_limited)
		code = limit(scan, piece, job, next);
	if (job->is_limited && !sl_records_wants_more(&job->records))
		end_job(job);
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

/* Of a long line that does not match, the first bytes. */
SL_SUSPENDS
static int
give_line(struct scan *scan, struct scan_job *job, struct sl_partial_line *line)
{
	struct shorten_call call = { &job->join, line };
	int code = 0;
	if (line->is_context)
		line->len = SL_MIN(line->len, (size_t)SL_PARTIAL_KEEP);
	if (line->len > SL_PARTIAL_KEEP && sl_scan_wants_lines(scan))
		code = sl_offload(shorten, &call);
	if (code == 0)
		code = sl_scan_report_line(scan, job, line);
	return code;
}

/* `piece` has the lines, or NULL if a cut has split the one that comes. */
SL_SUSPENDS
static int
take_steps(struct scan *scan, const struct scan_piece *piece, struct scan_job *job)
{
	struct sl_partial_line line;
	int code = 0, step;
	while (!job->ignores_rest && (step = sl_records_next(&job->records, &line)) != 0) {
		if (step == SL_RECORDS_LINE)
			code = give_line(scan, job, &line);
		else if (step == SL_RECORDS_SELECTED)
			code = note_selected(scan, job, &line);
		else if (step < 0)
			code = step;
		else
			code = note_end(scan, piece, job, &line);
		if (code)
			return code;
	}
	return 0;
}

/* What is counted of the lines before those that come. */
static void
note_before(struct scan_job *job)
{
	job->undecided_before = sl_join_undecided(&job->join);
	job->unlevelled_before = sl_join_unlevelled(&job->join);
	job->period_lines_before = sl_join_period_lines(&job->join);
}

int
sl_scan_records_add(struct scan *scan, const struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	bool counts = scan->setup->numbers || sl_scan_max_hits(scan) != UINT64_MAX ||
		      sl_scan_wants_each(scan);
	struct sl_context_run run = { .piece = &piece->found,
		.marks = piece->marks,
		.within = piece->within,
		.off = sl_join_bytes(&job->join),
		.newlines = sl_join_newlines(&job->join),
		.kernel = counts ? scan->kernel : NULL };
	note_before(job);
	sl_records_begin(&job->records, &run);
	return take_steps(scan, piece, job);
}

int
sl_scan_records_add_line(
	struct scan *scan, struct scan_job *job, const struct sl_partial_line *line)
{
	sl_records_begin_line(&job->records, line);
	return take_steps(scan, NULL, job);
}

int
sl_scan_records_end(struct scan *scan, struct scan_job *job)
{
	note_before(job);
	sl_records_end(&job->records);
	return take_steps(scan, NULL, job);
}
