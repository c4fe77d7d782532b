/*
 * scan_order.c - the last stage. Pieces come here in any order. Each input has its own, which are
 * merged by their numbers (scan_merge.c). Inputs are merged side by side, and reported in their
 * order: begin, lines and end go to the sinks while an input is the front of all.
 *
 * What waits is bounded. A piece waits for those of its input before it, which are being read or
 * scanned; it keeps its chunk only where its text is needed, and neighbours that need none become
 * one. Where lines go to the sinks, it waits until its input is the front, with its chunk: of these
 * the front has a reserve (scan_chunk.c).
 */
#include "scan_int.h"

SL_SUSPENDS
static int
begin_input(struct scan *scan, struct scan_job *job)
{
	job->has_begun = true;
	struct sl_scan_event event = { .kind = SL_SCAN_EVENT_BEGIN, .input = job->input };
	return sl_scan_report(scan, &event);
}

SL_SUSPENDS
static int
end_input(struct scan *scan, struct scan_job *job)
{
	uint64_t undecided_line = sl_scan_lines_before(job) + job->totals.undecided_line + 1;
	struct sl_scan_result result = {
		.state = job->state,
		.bytes = job->totals.bytes,
		.lines = job->totals.lines,
		.all_lines = job->totals.all_lines,
		.next_side = sl_join_next_side(&job->join),
		.hits = job->totals.hits,
		.undecided = job->totals.undecided,
		.unlevelled = job->totals.unlevelled,
		.undecided_line = job->totals.undecided ? undecided_line : 0,
		.other_case = job->totals.other_case,
		.left_out = job->records.left_out,
		.has_only_cr = job->has_only_cr && job->totals.lines == 1 &&
			       sl_join_newlines(&job->join) == 0 && sl_scan_bytes_before(job) == 0,
		.elapsed_ns = sl_now() - job->begun_ns,
		.err = &job->input->err,
	};
	sl_scan_summary_add(&scan->progress->summary, &result);
	struct sl_scan_event event = {
		.kind = SL_SCAN_EVENT_END, .input = job->input, .result = &result
	};
	return sl_scan_report(scan, &event);
}

/* ---- the pieces of an input ---- */

/* Its result is a number of bytes, lines and hits, without a condition: it can become one with its
 * neighbour. */
static bool
is_plain(const struct scan *scan, const struct scan_piece *piece)
{
	const struct scan_job *job = piece->job;
	return !scan->by_line && job->form == SL_FORM_PLAIN && !job->is_binary &&
	       !job->ignores_rest && piece->len && !piece->wide.is_found && !piece->code &&
	       !piece->is_short;
}

/* If the second follows the first, it becomes a part of it. Returns 0 or -ENOMEM. */
static int
join_neighbours(struct scan *scan, struct scan_piece *left, struct scan_piece *right)
{
	int code = 0;
	if (left->seq_end != right->seq || !is_plain(scan, left) || !is_plain(scan, right))
		return 0;
	struct sl_wide wide = left->wide;
	sl_wide_merge(&wide, &right->wide);
	if (wide.is_found)
		return 0;
	if (scan->has_partials)
		code = sl_scan_kinds_join(scan, left, right);
	else
		sl_block_merge(scan->plan, &left->found.block, &right->found.block);
	left->found.len += right->found.len;
	left->len += right->len;
	left->wide = wide;
	left->seq_end = right->seq_end;
	left->is_last = right->is_last;
	sl_scan_piece_free(scan, right);
	return code;
}

static struct scan_piece *
piece_of(struct sl_list *node)
{
	return sl_list_item(node, struct scan_piece, link);
}

static int
add_waiting(struct scan *scan, struct scan_job *job, struct scan_piece *piece)
{
	struct sl_list *head = &job->waiting, *before = head->prev;
	while (before != head && piece_of(before)->seq > piece->seq)
		before = before->prev;
	sl_list_push_front(before, &piece->link);
	int code = 0;
	if (piece->link.next != head)
		code = join_neighbours(scan, piece, piece_of(piece->link.next));
	if (before != head && code == 0)
		code = join_neighbours(scan, piece_of(before), piece);
	return code;
}

/* The piece that comes next, if it was scanned. Behind the front none is merged where lines are for
 * the sinks, nor where the first hit ends the scan, since that tells what became of all inputs
 * before. */
static struct scan_piece *
next_piece(const struct scan *scan, struct scan_job *job)
{
	struct sl_list *node = job->waiting.next;
	bool waits = sl_scan_wants_lines(scan) || scan->setup->stop_at_hit;
	if (node == &job->waiting || piece_of(node)->seq != job->next_merged)
		return NULL;
	return waits && !sl_scan_is_front(scan, job) ? NULL : piece_of(node);
}

/* Returns as sl_scan_order does. */
SL_SUSPENDS
static int
merge_piece(struct scan *scan, struct scan_job *job, struct scan_piece *piece)
{
	bool is_last = piece->is_last;
	int code = 0;
	if (sl_scan_is_front(scan, job) && !job->has_begun)
		code = begin_input(scan, job);
	sl_list_remove(&piece->link);
	job->next_merged = piece->seq_end;
	if (code == 0)
		code = sl_scan_merge_piece(scan, piece);
	sl_scan_piece_free(scan, piece);
	if (code < 0)
		return code;
	if (is_last) {
		job->stage = SCAN_MERGED;
		sl_join_release(&job->join);
		sl_context_release(&job->context);
		sl_records_release(&job->records);
	}
	if (!scan->setup->stop_at_hit || scan->progress->hits == 0)
		return 0;
	code = sl_scan_merge_stop(scan, job);
	if (code == 0)
		code = end_input(scan, job);
	return code ? code : 1;
}

SL_SUSPENDS
static int
merge_waiting(struct scan *scan, struct scan_job *job)
{
	struct scan_piece *piece;
	int code = 0;
	while (code == 0 && (piece = next_piece(scan, job)))
		code = merge_piece(scan, job, piece);
	return code;
}

/* ---- the inputs ---- */

static struct scan_job *
front_of(const struct scan *scan)
{
	return sl_list_is_empty(&scan->jobs)
		       ? NULL
		       : sl_list_item(scan->jobs.next, struct scan_job, of_scan);
}

/* The front is over, and the next one becomes it. */
SL_SUSPENDS
static int
report_front(struct scan *scan, struct scan_job *job)
{
	int code = job->has_begun ? 0 : begin_input(scan, job);
	if (code == 0)
		code = end_input(scan, job);
	sl_scan_job_free(scan, job);
	sl_semaphore_give(&scan->unreported);
	sl_scan_chunk_serve(scan);
	sl_scan_wake_streams(scan);
	if (front_of(scan))
		sl_scan_stream_pass(front_of(scan));
	return code;
}

int
sl_scan_order(struct scan *scan, struct scan_piece *piece)
{
	struct scan_job *job = piece->job;
	int code = add_waiting(scan, job, piece);
	if (code == 0)
		code = merge_waiting(scan, job);
	while (code == 0 && (job = front_of(scan)) && job->stage == SCAN_MERGED) {
		code = report_front(scan, job);
		job = front_of(scan);
		if (code == 0 && job)
			code = merge_waiting(scan, job);
	}
	return code;
}
