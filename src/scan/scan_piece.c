/*
 * scan_piece.c - the pieces that inputs are read and scanned in, and the jobs that they belong to.
 */
#include "scan_int.h"

#include <errno.h>
#include <stdlib.h>

struct scan_piece *
sl_scan_piece_new(struct scan *scan, struct scan_job *job)
{
	struct scan_piece *piece = scan->free_pieces;
	if (piece)
		scan->free_pieces = piece->next_free;
	else
		piece = calloc(1, sizeof(*piece));
	if (!piece)
		return NULL;
	/* Not all fields: `found` is large, and a worker sets all of it; `marks` are kept. */
	piece->job = job;
	piece->range = (struct sl_input_range){ 0 };
	piece->seq = job->next_seq++;
	piece->seq_end = job->next_seq;
	piece->is_first = piece->seq == 0;
	piece->is_last = piece->is_short = piece->is_deferred = piece->is_scanned = false;
	piece->code = 0;
	piece->len = 0;
	piece->wide = (struct sl_wide){ 0 };
	piece->sample = (struct sl_sample){ 0 };
	piece->found.unknown_end = 0;
	piece->walk = (struct scan_walk){ 0 };
	piece->next_free = NULL;
	sl_list_init(&piece->link);
	sl_scan_kinds_begin_piece(scan, piece);
	return piece;
}

void
sl_scan_piece_free(struct scan *scan, struct scan_piece *piece)
{
	if (!piece)
		return;
	sl_list_remove(&piece->link);
	sl_scan_piece_drop_chunk(scan, piece);
	sl_scan_kinds_end_piece(piece);
	piece->next_free = scan->free_pieces;
	scan->free_pieces = piece;
}

struct scan_job *
sl_scan_job_new(struct scan *scan, const char *path, bool is_found)
{
	struct scan_job *job = calloc(1, sizeof(*job));
	if (!job || sl_input_new(&job->input, path, is_found) != 0) {
		free(job);
		return NULL;
	}
	sl_list_init(&job->of_streams);
	sl_list_init(&job->waiting);
	sl_join_init(&job->join, scan->setup->pattern, scan->matcher,
		sl_scan_wants_lines(scan) || sl_scan_wants_each(scan));
	if (sl_scan_wants_context(scan) || scan->setup->records)
		sl_partial_spec_give_all(&job->join.spec);
	sl_context_init(&job->context, &scan->context);
	sl_records_init(&job->records, &scan->records);
	sl_partial_spec_set_period(&job->join.spec, scan->setup->period);
	if (scan->has_partials)
		job->join.spec = scan->kinds_spec;
	job->number = scan->next_number++;
	sl_list_push_back(&scan->jobs, &job->of_scan);
	return job;
}

void
sl_scan_job_free(struct scan *scan, struct scan_job *job)
{
	sl_list_each(node, &job->waiting)
		sl_scan_piece_free(scan, sl_list_item(node, struct scan_piece, link));
	sl_scan_piece_free(scan, job->small);
	sl_list_remove(&job->of_scan);
	sl_join_release(&job->join);
	sl_context_release(&job->context);
	sl_records_release(&job->records);
	sl_input_free(job->input);
	free(job);
}

/* The result of zeros does not depend on their number beyond the length of two literals. */
int
sl_scan_piece_scan_hole(struct scan *scan, struct scan_piece *piece)
{
	static const unsigned char zeros[4 * SL_MATCH_LITERAL_LEN];
	struct sl_partial_run *found = &piece->found;
	found->data = NULL;
	found->len = piece->len;
	sl_block_scan(scan->kernel, scan->plan, NULL, zeros, SL_MIN(piece->len, sizeof(zeros)),
		NULL, &found->block);
	found->block.len = piece->len;
	sl_wide_set_zeros(&piece->wide, piece->len);
	return sl_scan_kinds_run(scan, piece, found, NULL, scan->memo);
}
