/*
 * scan_match.c - the bytes of a piece are matched: in steps, so that a pattern that takes long on
 * some input neither holds a worker for good nor hides a signal.
 */
#include "scan_int.h"

#include "sluice/rt/engine.h"

struct match_call {
	struct scan *scan;
	struct scan_piece *piece;
	struct sl_matcher *matcher;
	struct sl_memo *memo;
	struct sl_block_steps block;
	bool is_begun, is_matched;

	/* If not NULL, the piece is read first: to its chunk, as far as it is in the page cache. */
	struct sl_engine *engine;
	size_t read_len;
};

static void
sample(const struct scan *scan, struct scan_piece *piece, const unsigned char *data, size_t len)
{
	if (scan->setup->samples_levels && piece->is_first && piece->job->number < SL_SAMPLE_INPUTS)
		sl_sample_add(&piece->sample, scan->plan, data, len);
}

/* The next bytes of the piece were read. Returns how many of them are to be scanned: where the text
 * goes on in UTF-16, those of the lines before. */
static size_t
search_wide(struct scan_piece *piece, const unsigned char *data, size_t len)
{
	struct sl_wide *all = &piece->wide, wide;
	uint64_t before = all->len;
	sl_wide_search(&wide, data, len);
	sl_wide_merge(all, &wide);
	if (!all->is_found)
		return len;
	return all->text_len > before ? (size_t)(all->text_len - before) : 0;
}

static void
begin(const struct scan *scan, struct scan_piece *piece)
{
	sample(scan, piece, piece->data, piece->len);
	piece->len = search_wide(piece, piece->data, piece->len);
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
		.clock_ns = sl_steps_clock_ns,
		.clock = scan->engine,
		.result = &piece->found.block };
}

int
sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece, struct sl_memo *memo)
{
	begin(scan, piece);
	struct sl_block_steps block = steps_of(scan, piece, NULL);
	(void)sl_block_step(&block, UINT64_MAX);
	piece->found.unknown_end = block.unknown_end;
	return sl_scan_kinds_run(scan, piece, &piece->found, piece->marks, memo);
}

/* False if not all of it is in the page cache. */
static bool
read_cached(struct match_call *call)
{
	struct scan_piece *piece = call->piece;
	const struct sl_input_range *range = &piece->range;
	call->read_len = sl_input_read_cached(
		call->engine, piece->job->input->fd, range->off, piece->data, range->len);
	piece->len = call->read_len;
	return call->read_len == range->len;
}

/* Returns 1 if there is more. */
static int
step(void *arg)
{
	struct match_call *call = arg;
	if (!call->is_begun && call->engine && !read_cached(call))
		return 0;
	if (!call->is_begun) {
		begin(call->scan, call->piece);
		call->block = steps_of(call->scan, call->piece, call->matcher);
	}
	call->is_begun = true;
	if (!call->is_matched && sl_block_step(&call->block, SL_STEPS_NS))
		return 1;
	call->is_matched = true;
	call->piece->found.unknown_end = call->block.unknown_end;
	return sl_scan_kinds_run(
		call->scan, call->piece, &call->piece->found, call->piece->marks, call->memo);
}

SL_SUSPENDS
static int
offload(struct match_call *call)
{
	struct sl_meter *meter = &call->scan->progress->meter;
	sl_meter_change(meter, sl_now(), 1, 0);
	int code = sl_steps_offload(step, call);
	sl_meter_change(meter, sl_now(), -1, 0);
	return code;
}

int
sl_scan_piece_offload(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher,
	struct sl_memo *memo)
{
	struct match_call call = { .scan = scan, .piece = piece, .matcher = matcher, .memo = memo };
	return offload(&call);
}

int
sl_scan_piece_offload_cached(struct scan *scan, struct scan_piece *piece,
	struct sl_matcher *matcher, struct sl_memo *memo, size_t *len)
{
	struct match_call call = { .scan = scan,
		.piece = piece,
		.matcher = matcher,
		.memo = memo,
		.engine = sl_rt_engine(sl_rt_current()) };
	int code = offload(&call);
	*len = call.read_len;
	return code;
}

/* Bytes that follow those of the piece that were scanned, and are text. */
static int
add_text(struct scan *scan, struct scan_piece *piece, struct sl_span text, uint64_t *marks,
	uint64_t *within, struct sl_memo *memo)
{
	struct sl_match_hits hits;
	struct sl_partial_run run = {
		.data = (const unsigned char *)text.data, .len = text.len, .hits = &hits
	};
	struct sl_block_steps block = { .kernel = scan->kernel,
		.plan = scan->plan,
		.data = run.data,
		.len = run.len,
		.marks = marks,
		.hits = &hits,
		.inverts = sl_pattern_inverts(scan->setup->pattern),
		.period = scan->setup->period,
		.within = within,
		.result = &run.block };
	int code = 0;
	(void)sl_block_step(&block, UINT64_MAX);
	run.unknown_end = block.unknown_end;
	if (scan->has_partials)
		code = sl_scan_kinds_run(scan, piece, &run, marks, memo);
	else
		sl_block_merge(scan->plan, &piece->found.block, &run.block);
	piece->len += run.len;
	return code;
}

int
sl_scan_piece_add(struct scan *scan, struct scan_piece *piece, struct sl_span text, uint64_t *marks,
	struct sl_memo *memo)
{
	const unsigned char *data = (const unsigned char *)text.data;
	if (piece->len == 0)
		sample(scan, piece, data, text.len);
	text.len = search_wide(piece, data, text.len);
	uint64_t *within = sl_scan_within(scan, marks, scan->step_size);
	return add_text(scan, piece, text, marks, within, memo);
}

/* ---- once more ---- */

struct shorten_call {
	struct scan *scan;
	struct scan_piece *piece;
	size_t len;
};

static int
scan_head(void *arg)
{
	const struct shorten_call *call = arg;
	struct scan_piece *piece = call->piece;
	uint64_t marks[SL_MATCH_MARK_WORDS(SL_WIDE_EDGE)] = { 0 };
	uint64_t within[SL_MATCH_MARK_WORDS(SL_WIDE_EDGE)];
	struct sl_span text = { (const char *)piece->wide.head, call->len };
	piece->len = 0;
	piece->found.block = (struct sl_block_result){ 0 };
	return add_text(call->scan, piece, text, call->scan->has_partials ? marks : NULL, within,
		call->scan->memo);
}

int
sl_scan_piece_shorten(struct scan *scan, struct scan_piece *piece, size_t len)
{
	struct shorten_call call = { scan, piece, len };
	sl_scan_kinds_end_piece(piece);
	sl_scan_kinds_begin_piece(scan, piece);
	if (!scan->by_line)
		return scan_head(&call);
	piece->len = len;
	piece->counter = scan->counter;
	piece->walk = (struct scan_walk){ 0 };
	piece->wide = (struct sl_wide){ 0 };
	/* Where readers scan pieces themselves, no worker may have the memo that they use. */
	if (sl_scan_is_quick(scan) && !scan->setup->tally)
		return sl_scan_piece_scan(scan, piece, scan->memo);
	return sl_scan_piece_offload(scan, piece, scan->matcher, scan->memo);
}
