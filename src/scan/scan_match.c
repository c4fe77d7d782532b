/*
 * scan_match.c - the bytes of a piece are matched: in steps, so that a pattern that takes long on
 * some input neither holds a worker for good nor hides a signal.
 */
#include "scan_int.h"

#include "sluice/base/clock.h"
#include "sluice/rt/offload.h"

struct match_call {
	struct scan_piece *piece;
	struct sl_block_steps block; /* with a plan */
	struct sl_matcher_steps lines;
	bool by_plan, is_begun;
};

static void
find_form(struct scan_piece *piece)
{
	piece->form = sl_sniff_block(piece->data, piece->len);
}

static void
begin(struct match_call *call, struct scan *scan, struct scan_piece *piece)
{
	struct sl_join_piece *found = &piece->found;
	found->data = piece->data;
	found->len = piece->len;
	if (piece->marks)
		memset(piece->marks, 0, SL_MATCH_MARK_WORDS(found->len) * sizeof(uint64_t));
	*call = (struct match_call){ .piece = piece, .by_plan = scan->plan != NULL };
	call->block = (struct sl_block_steps){ .kernel = scan->kernel,
		.plan = scan->plan,
		.data = found->data,
		.len = found->len,
		.marks = piece->marks,
		.result = &found->block };
	call->lines = (struct sl_matcher_steps){ .data = found->data,
		.len = found->len,
		.marks = piece->marks,
		.counts = &found->lines };
}

void
sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece)
{
	struct match_call call;
	begin(&call, scan, piece);
	while (sl_block_step(&call.block))
		;
	find_form(piece);
}

/* Returns 1 if there is more. */
static int
step(void *arg)
{
	struct match_call *call = arg;
	if (!call->is_begun)
		find_form(call->piece);
	call->is_begun = true;
	if (!call->by_plan)
		return sl_matcher_step(&call->lines, SL_SCAN_STEP_NS);
	bool more = sl_block_step(&call->block);
	/* Not the CPU clock: a step is some microseconds, as long as that takes to read. */
	uint64_t begun_ns = more ? sl_clock_monotonic_ns() : 0;
	while (more && sl_clock_monotonic_ns() - begun_ns < SL_SCAN_STEP_NS)
		more = sl_block_step(&call->block);
	return more;
}

int
sl_scan_piece_offload(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher)
{
	struct match_call call;
	begin(&call, scan, piece);
	call.lines.matcher = matcher;
	int code = 1;
	while (code == 1)
		code = sl_offload(step, &call);
	return code;
}
