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

/* What else its bytes show; these are the first ones. */
static void
look_at(const struct scan *scan, struct scan_piece *piece, const unsigned char *data, size_t len)
{
	piece->form = sl_sniff_block(data, len);
	if (scan->setup->samples_levels && piece->is_first && piece->job->number < SL_SAMPLE_INPUTS)
		sl_sample_add(&piece->sample, scan->plan, data, len);
}

static void
begin(const struct scan *scan, struct scan_piece *piece)
{
	piece->found.data = piece->data;
	piece->found.len = piece->len;
	if (scan->by_line)
		memset(piece->marks, 0, SL_MATCH_MARK_WORDS(piece->len) * sizeof(uint64_t));
}

static struct sl_block_steps
steps_of(const struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher)
{
	return (struct sl_block_steps){ .period = scan->setup->period,
		.within = piece->within,
		.kernel = scan->kernel,
		.plan = scan->plan,
		.matcher = matcher,
		.data = piece->data,
		.len = piece->len,
		.marks = piece->marks,
		.inverts = sl_pattern_inverts(scan->setup->pattern),
		.clock_ns = sl_clock_monotonic_ns,
		.result = &piece->found.block };
}

int
sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece, struct sl_memo *memo)
{
	struct sl_block_steps block = steps_of(scan, piece, NULL);
	begin(scan, piece);
	(void)sl_block_step(&block, UINT64_MAX);
	piece->found.unknown_end = block.unknown_end;
	look_at(scan, piece, piece->data, piece->len);
	return sl_scan_kinds_run(scan, piece, &piece->found, piece->marks, memo);
}

/* Returns 1 if there is more. */
static int
step(void *arg)
{
	struct match_call *call = arg;
	if (!call->is_begun)
		look_at(call->scan, call->piece, call->piece->data, call->piece->len);
	call->is_begun = true;
	if (sl_block_step(&call->block, SL_STEPS_NS))
		return 1;
	call->piece->found.unknown_end = call->block.unknown_end;
	return sl_scan_kinds_run(
		call->scan, call->piece, &call->piece->found, call->piece->marks, call->memo);
}

int
sl_scan_piece_offload(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher,
	struct sl_memo *memo)
{
	struct match_call call = {
		.scan = scan, .piece = piece, .memo = memo, .block = steps_of(scan, piece, matcher)
	};
	begin(scan, piece);
	return sl_steps_offload(step, &call);
}

int
sl_scan_piece_add(struct scan *scan, struct scan_piece *piece, struct sl_span text, uint64_t *marks,
	struct sl_memo *memo)
{
	struct sl_partial_run run = { .data = (const unsigned char *)text.data, .len = text.len };
	struct sl_block_steps block = { .kernel = scan->kernel,
		.plan = scan->plan,
		.data = run.data,
		.len = run.len,
		.marks = marks,
		.inverts = sl_pattern_inverts(scan->setup->pattern),
		.period = scan->setup->period,
		.within = sl_scan_within(scan, marks, scan->step_size),
		.result = &run.block };
	int code = 0;
	(void)sl_block_step(&block, UINT64_MAX);
	run.unknown_end = block.unknown_end;
	if (scan->has_partials)
		code = sl_scan_kinds_run(scan, piece, &run, marks, memo);
	else
		sl_block_merge(scan->plan, &piece->found.block, &run.block);
	if (piece->len == 0)
		look_at(scan, piece, run.data, run.len);
	else if (piece->form == SL_FORM_PLAIN)
		piece->form = sl_sniff_block(run.data, run.len);
	piece->len += run.len;
	return code;
}
