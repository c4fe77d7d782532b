/*
 * scan_merge.c - the next piece of an input becomes its lines (scan_lines.c) and its counts; with
 * the last one, or a failure, its state and totals are final. scan_order.c says which piece is
 * next.
 */
#include "scan_int.h"

#include "sluice/rt/offload.h"

#include <errno.h>

/* What the state is going to be, if nothing worse was found already. */
static void
set_state(struct scan_job *job, enum sl_scan_state state)
{
	if (job->state == SL_SCAN_OK)
		job->state = state;
}

struct head_call {
	struct sl_join *join;
	const struct sl_partial_run *piece;
	struct sl_partial_line line;
};

static int
join_head(void *arg)
{
	struct head_call *call = arg;
	return sl_join_head(call->join, call->piece, &call->line);
}

static int
join_tail(void *arg)
{
	struct head_call *call = arg;
	return sl_join_tail(call->join, call->piece);
}

static int
join_end(void *arg)
{
	struct head_call *call = arg;
	return sl_join_end(call->join, &call->line);
}

/* The line that ends in this piece (or with the input) and is not marked in it. */
SL_SUSPENDS
static int
emit_joined(struct scan *scan, struct scan_job *job, const struct sl_partial_run *piece)
{
	struct head_call call = { .join = &job->join, .piece = piece };
	job->undecided_before = sl_join_undecided(&job->join);
	job->unlevelled_before = sl_join_unlevelled(&job->join);
	/* The line that comes is counted with them once its end is known. */
	job->period_lines_before = job->join.total.result.period.lines;
	sl_offload_fn *fn = piece ? join_head : join_end;
	int code =
		sl_join_is_costly(&job->join, piece) ? sl_scan_offload(scan, fn, &call) : fn(&call);
	if (code == 1 && scan->setup->records)
		return sl_scan_records_add_line(scan, job, &call.line);
	/* Of lines that are given as context, or behind the last one that is wanted, none is
	 * counted. */
	if (code == 1 && !call.line.is_context && !job->is_limited) {
		int failure = sl_scan_kinds_line(scan, job, &call.line);
		if (failure == 0)
			failure = sl_scan_tally_line(scan, &call.line);
		code = failure ? failure : 1;
	}
	if (code == 1)
		code = scan->gives_lines ? sl_scan_give_line(scan, job, &call.line) : 0;
	return code;
}

SL_SUSPENDS
static int
merge_bytes(struct scan *scan, struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	if (scan->has_partials)
		return sl_scan_kinds_count(scan, piece);
	if (!scan->by_line) {
		sl_join_count(&job->join, &piece->found);
		return 0;
	}
	int code = emit_joined(scan, job, &piece->found);
	bool has_unknown = scan->setup->period && piece->found.unknown_end;
	bool is_inside = job->join.total.next_side == SL_PERIOD_INSIDE;
	if (has_unknown && !is_inside)
		sl_partial_drop_unknown(&piece->found, piece->marks, piece->within);
	if (code == 0 && scan->gives_lines && !job->ignores_rest && !piece->range.is_hole)
		code = scan->setup->records ? sl_scan_records_add(scan, piece)
					    : sl_scan_give_lines(scan, piece);
	if (code == 0)
		code = sl_scan_kinds_merge(scan, job, &piece->lines);
	if (code == 0 && has_unknown && is_inside)
		code = sl_scan_kinds_merge(scan, job, &piece->unknown);
	if (code)
		return code;
	struct head_call call = { .join = &job->join, .piece = &piece->found };
	bool is_costly = sl_join_tail_is_costly(&job->join, &piece->found);
	return is_costly ? sl_scan_offload(scan, join_tail, &call) : join_tail(&call);
}

/* Those before the part that is scanned were counted by an earlier scan. */
static uint64_t
bytes_so_far(const struct scan_job *job)
{
	return sl_scan_bytes_before(job) + sl_join_bytes(&job->join);
}

static void
fail_short(struct scan_job *job, uint64_t counted)
{
	const struct sl_input *input = job->input;
	uint64_t all = input->is_stdin ? input->left_at_first : input->size;
	set_state(job, SL_SCAN_TRUNCATED);
	(void)sl_fail(&job->input->err, SL_PHASE_READ, SL_E_REPLACED,
		"%s became shorter while it was read: %llu of %llu bytes are counted", input->shown,
		(unsigned long long)counted, (unsigned long long)all);
}

static void
fail_decode(struct scan_job *job)
{
	const struct scan_decode_failure *failure = &job->decode_failure;
	struct sl_input *input = job->input;
	set_state(job, failure->state);
	if (failure->is_short)
		(void)sl_fail(&input->err, SL_PHASE_READ, SL_E_REPLACED,
			"%s became shorter while it was read: what was left of it is counted",
			input->shown);
	else if (failure->window)
		(void)sl_input_fail_window(
			input, failure->reason, failure->window, failure->memory);
	else
		(void)sl_input_fail_decode(input, failure->reason, failure->off, bytes_so_far(job));
}

/* Record why an input is not read to its end. The first failure determines what is counted. */
static void
record_failure(const struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	bool was_fine = !job->ignores_rest;
	if (job->form != SL_FORM_PLAIN) {
		set_state(job, SL_SCAN_UNSUPPORTED);
		(void)sl_input_fail_form(
			job->input, job->form, job->was_encoded, bytes_so_far(job));
	} else if (job->is_binary) {
		set_state(job, SL_SCAN_BINARY);
		(void)sl_input_fail_binary(job->input);
	} else if (piece->code && was_fine) {
		uint64_t counted = bytes_so_far(job);
		bool is_cut = job->input->failure && counted > 0;
		set_state(job, is_cut ? SL_SCAN_TRUNCATED : SL_SCAN_UNREADABLE);
		(void)sl_input_fail_read(job->input, piece->code, counted);
	} else if (piece->is_short && was_fine) {
		fail_short(job, bytes_so_far(job));
	} else if (piece->is_last && job->decode_failure.has_failed && was_fine) {
		fail_decode(job);
	} else if (job->input->err.code && was_fine) {
		/* It was not opened. */
		set_state(job, job->listed_as == SL_SCAN_OK ? SL_SCAN_UNREADABLE : job->listed_as);
	}
}

static void
fail_undecided(const struct scan *scan, struct scan_job *job)
{
	bool has_expressions = sl_pattern_has_expressions(scan->setup->pattern);
	if (job->totals.undecided == 0)
		return;
	struct sl_block_totals totals = job->totals;
	totals.undecided_line += sl_scan_lines_before(job);
	set_state(job, SL_SCAN_UNDECIDED);
	(void)sl_input_fail_undecided(job->input, &totals, has_expressions);
}

/* Of an input that was read as a whole, all lines of the period are known. */
static void
fail_unsorted(const struct scan *scan, struct scan_job *job)
{
	const struct sl_period *period = scan->setup->period;
	const struct sl_period_order *order = &job->join.total.result.period.order;
	if (job->skipped == 0 || !sl_period_is_broken(period, order))
		return;
	set_state(job, SL_SCAN_UNSORTED);
	(void)sl_input_fail_unsorted(job->input, job->skipped);
}

/* The input is over, for the counts at least: its last line, and its totals. */
SL_SUSPENDS
static int
finish_counts(struct scan *scan, struct scan_job *job)
{
	int code = scan->by_line ? emit_joined(scan, job, NULL) : 0;
	if (scan->has_partials)
		code = sl_scan_kinds_end(scan, job);
	if (code == 0 && scan->setup->records && !job->ignores_rest)
		code = sl_scan_records_end(scan, job);
	if (code || job->ignores_rest)
		return code;
	job->ignores_rest = true;
	if (job->is_limited)
		return 0;
	job->totals = sl_join_totals(&job->join);
	if (scan->setup->records)
		job->totals.hits = job->hits;
	sl_scan_note_hits(scan, job, job->totals.hits);
	fail_unsorted(scan, job);
	fail_undecided(scan, job);
	return 0;
}

int
sl_scan_merge_stop(struct scan *scan, struct scan_job *job)
{
	if (job->ignores_rest)
		return 0;
	set_state(job, SL_SCAN_LIMITED);
	return finish_counts(scan, job);
}

/* Of an input that goes on in UTF-16, lines before it are counted. Where a character is cut, the
 * piece does not show that. */
SL_SUSPENDS
static int
search_wide(struct scan *scan, struct scan_piece *piece)
{
	struct sl_wide *wide = &piece->job->wide;
	uint64_t before = wide->len;
	sl_wide_merge(wide, &piece->wide);
	if (!wide->is_found || (piece->wide.is_found && wide->at == before + piece->wide.at))
		return 0;
	size_t len = wide->text_len > before ? (size_t)(wide->text_len - before) : 0;
	return sl_scan_piece_shorten(scan, piece, len);
}

SL_SUSPENDS
static int
merge_text(struct scan *scan, struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	int code = search_wide(scan, piece);
	if (code == 0 && piece->len)
		code = merge_bytes(scan, piece);
	if (code || !job->wide.is_found)
		return code;
	job->form = SL_FORM_UTF16;
	sl_join_drop_open(&job->join, job->wide.text_len);
	sl_scan_stop_reading(job);
	return 0;
}

/* No line of it is wanted. */
static void
leave_out(struct scan_job *job)
{
	job->is_limited = true;
	job->ignores_rest = true;
	sl_scan_stop_reading(job);
}

int
sl_scan_merge_piece(struct scan *scan, struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	int code = 0;
	if (piece->is_first)
		job->begun_ns = sl_now();
	if (piece->is_first && sl_scan_max_hits(scan) == 0)
		leave_out(job);
	if (piece->is_first)
		sl_sample_merge(&scan->progress->summary.sample, &piece->sample);
	bool is_text = job->form == SL_FORM_PLAIN && !job->is_binary;
	if (piece->wide.len && is_text && !job->ignores_rest)
		code = merge_text(scan, piece);
	if (code)
		return code;
	record_failure(piece);
	bool is_settled = job->state != SL_SCAN_OK || piece->is_last;
	if (is_settled && !job->ignores_rest)
		code = finish_counts(scan, job);
	if (job->is_limited && job->ignores_rest) {
		fail_unsorted(scan, job);
		/* an undecided line may have been among those asked for */
		fail_undecided(scan, job);
		set_state(job, SL_SCAN_LIMITED);
	}
	if (code == 0 && !job->ignores_rest && !scan->gives_lines)
		sl_scan_note_hits(scan, job, sl_join_hits(&job->join));
	if (code || !scan->setup->stop_input_at_hit || job->known_hits == 0 || job->ignores_rest)
		return code;
	sl_scan_stop_reading(job);
	return sl_scan_merge_stop(scan, job);
}
