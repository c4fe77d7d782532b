/*
 * scan_match.c - the bytes of a piece are matched: in steps, so that a pattern that takes long on
 * some input neither holds a worker for good nor hides a signal.
 */
#include "scan_int.h"

#include "sluice/base/clock.h"

struct match_call {
	struct scan_piece *piece;
	struct sl_block_steps block;
	bool is_begun;
};

static void
find_form(struct scan_piece *piece)
{
	piece->form = sl_sniff_block(piece->data, piece->len);
}

static void
begin(struct scan_piece *piece)
{
	piece->found.data = piece->data;
	piece->found.len = piece->len;
	if (piece->marks)
		memset(piece->marks, 0, SL_MATCH_MARK_WORDS(piece->len) * sizeof(uint64_t));
}

static struct sl_block_steps
steps_of(const struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher)
{
	return (struct sl_block_steps){ .kernel = scan->kernel,
		.plan = scan->plan,
		.matcher = matcher,
		.data = piece->data,
		.len = piece->len,
		.marks = piece->marks,
		.inverts = sl_pattern_inverts(scan->setup->pattern),
		.clock_ns = sl_clock_monotonic_ns,
		.result = &piece->found.block };
}

void
sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece)
{
	struct sl_block_steps block = steps_of(scan, piece, NULL);
	begin(piece);
	(void)sl_block_step(&block, UINT64_MAX);
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
	return sl_block_step(&call->block, SL_STEPS_NS);
}

int
sl_scan_piece_offload(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher)
{
	struct match_call call = { .piece = piece, .block = steps_of(scan, piece, matcher) };
	begin(piece);
	return sl_steps_offload(step, &call);
}
