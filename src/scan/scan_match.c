/*
 * scan_match.c - the bytes of a piece are matched: in steps, so that a pattern that takes long on
 * some input neither holds a worker for good nor hides a signal.
 */
#include "scan_int.h"

#include "sluice/base/clock.h"

struct match_call {
	struct scan *scan;
	struct scan_piece *piece;
	struct sl_memo *memo;
	struct sl_block_steps block;
	bool is_begun;
};

static void
find_form(struct scan_piece *piece)
{
	piece->form = sl_sniff_block(piece->data, piece->len);
}

static void
begin(const struct scan *scan, struct scan_piece *piece)
{
	piece->found.data = piece->data;
	piece->found.len = piece->len;
	if (scan->by_line)
		memset(piece->marks, 0, SL_MATCH_MARK_WORDS(piece->len) * sizeof(uint64_t));
}

int
sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece, struct sl_memo *memo)
{
	begin(scan, piece);
	sl_block_scan(scan->kernel, scan->plan, NULL, piece->data, piece->len, piece->marks,
		&piece->found.block);
	find_form(piece);
	return sl_scan_kinds_run(scan, piece, &piece->found, piece->marks, memo);
}

/* Returns 1 if there is more. */
static int
step(void *arg)
{
	struct match_call *call = arg;
	if (!call->is_begun)
		find_form(call->piece);
	call->is_begun = true;
	if (sl_block_step(&call->block, SL_STEPS_NS))
		return 1;
	return sl_scan_kinds_run(
		call->scan, call->piece, &call->piece->found, call->piece->marks, call->memo);
}

int
sl_scan_piece_offload(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher,
	struct sl_memo *memo)
{
	struct match_call call = { .scan = scan, .piece = piece, .memo = memo };
	begin(scan, piece);
	call.block = (struct sl_block_steps){ .kernel = scan->kernel,
		.plan = scan->plan,
		.matcher = matcher,
		.data = piece->data,
		.len = piece->len,
		.marks = piece->marks,
		.clock_ns = sl_clock_monotonic_ns,
		.result = &piece->found.block };
	return sl_steps_offload(step, &call);
}
