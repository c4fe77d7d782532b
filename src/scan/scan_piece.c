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
	piece->is_first = !job->is_numbered;
	piece->is_last = piece->is_short = piece->is_deferred = piece->is_scanned = false;
	piece->code = 0;
	piece->len = 0;
	piece->form = SL_FORM_PLAIN;
	piece->next_free = NULL;
	job->is_numbered = true;
	return piece;
}

int
sl_scan_piece_hold(struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk, size_t off)
{
	if (scan->by_line && !piece->marks) {
		/* Large enough for any chunk: they stay with the piece. */
		size_t most = SL_MAX(scan->chunk_size, (size_t)SL_SCAN_SMALL);
		piece->marks = calloc(SL_MATCH_MARK_WORDS(most), sizeof(*piece->marks));
		if (!piece->marks)
			return -ENOMEM;
	}
	piece->chunk = sl_chunk_ref(chunk);
	piece->data = chunk->data + off;
	return 0;
}

void
sl_scan_piece_free(struct scan *scan, struct scan_piece *piece)
{
	if (!piece)
		return;
	sl_chunk_unref(piece->chunk);
	piece->chunk = NULL;
	piece->next_free = scan->free_pieces;
	scan->free_pieces = piece;
}

void
sl_scan_job_free(struct scan_job *job)
{
	sl_list_remove(&job->of_scan);
	sl_input_free(job->input);
	free(job);
}

/* The result of zeros does not depend on their number beyond the length of two literals. */
void
sl_scan_piece_scan_hole(const struct scan *scan, struct scan_piece *piece)
{
	static const unsigned char zeros[4 * SL_MATCH_LITERAL_LEN];
	struct sl_join_piece *found = &piece->found;
	found->data = NULL;
	found->len = piece->len;
	sl_block_scan(scan->kernel, scan->plan, NULL, zeros, SL_MIN(piece->len, sizeof(zeros)),
		NULL, &found->block);
	found->block.len = piece->len;
}
