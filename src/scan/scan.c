#include "scan_int.h"

#include "sluice/rt/engine.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#define READERS 16u  /* ranges read at a time: what a fast disk takes at 1 MiB each */
#define LISTED 64u   /* inputs between lister and opener */
#define OPEN_MAX 64u /* inputs open at a time */
#define FDS_FOR_OTHERS \
	144u /* descriptors that are not inputs: directories of a walk, the ring, standard streams \
	      */
#define PIECES_BEYOND \
	64u              /* numbers for pieces that hold no chunk, such as those of missing files */
#define SCRATCH_SPARE 4u /* chunks that readers must be left with */
#define CONSUMERS_A_WORKER 2u /* a worker finds its next piece when it is done with one */
#define CONSUMERS_MAX 128u
#define CHUNK_MIN (64u * 1024u)
#define MEMORY_ELSEWHERE (3 * SL_MIB) /* stacks, channels, inputs, the ring, the kept line */

/* ---- pieces and jobs ---- */

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
	/* Not all of it: what a worker finds is large, and set as a whole; marks are kept. */
	piece->seq = scan->next_seq++;
	piece->job = job;
	piece->range = (struct sl_input_range){ 0 };
	piece->is_first = !job->is_numbered;
	piece->is_last = piece->is_short = piece->is_deferred = false;
	piece->code = 0;
	piece->len = 0;
	piece->next_free = NULL;
	job->is_numbered = true;
	return piece;
}

int
sl_scan_piece_hold(struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk)
{
	if (scan->by_line && !piece->marks) {
		piece->marks = calloc(SL_MATCH_MARK_WORDS(chunk->size), sizeof(*piece->marks));
		if (!piece->marks)
			return -ENOMEM;
	}
	piece->chunk = sl_chunk_ref(chunk);
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

void
sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher)
{
	struct sl_join_piece *found = &piece->found;
	found->data = piece->chunk->data;
	found->len = piece->len;
	if (piece->marks)
		memset(piece->marks, 0, SL_MATCH_MARK_WORDS(found->len) * sizeof(uint64_t));
	if (scan->plan)
		sl_block_scan(scan->kernel, scan->plan, found->data, found->len, piece->marks,
			&found->block);
	else
		sl_matcher_scan(matcher, found->data, found->len, piece->marks, &found->lines);
}

/* ---- consumers ---- */

struct scan_call {
	struct scan *scan;
	struct sl_engine *engine; /* of a deferred piece */
	struct scan_piece *piece;
	struct sl_matcher *matcher;
	unsigned char *scratch; /* of a deferred piece */
	bool is_cold;           /* result: a deferred piece was not all in the page cache */
};

static int
scan_on_worker(void *arg)
{
	struct scan_call *call = arg;
	sl_scan_piece_scan(call->scan, call->piece, call->matcher);
	return 0;
}

/* Read and scan a deferred piece, a small part after the other, while each is in this processor's
 * cache. */
static int
read_on_worker(void *arg)
{
	struct scan_call *call = arg;
	const struct scan *scan = call->scan;
	const struct sl_input_range *range = &call->piece->range;
	struct sl_block_result part, *all = &call->piece->found.block;
	for (size_t at = 0; at < range->len; at += SL_INPUT_WARM_PIECE) {
		size_t len = SL_MIN(range->len - at, (size_t)SL_INPUT_WARM_PIECE);
		if (!sl_input_read_warm(call->engine, call->piece->job->input->fd, range->off + at,
			    call->scratch, len)) {
			call->is_cold = true;
			return 0;
		}
		sl_block_scan(scan->kernel, scan->plan, call->scratch, len, NULL, at ? &part : all);
		if (at)
			sl_block_merge(scan->plan, all, &part);
	}
	return 0;
}

/* What is cold goes through the ring, as all that follows in this input, into the same memory. */
SL_SUSPENDS
static int
read_cold(struct scan *scan, struct scan_piece *piece, struct sl_chunk *scratch)
{
	size_t len = 0;
	int got = sl_input_read(piece->job->input, &piece->range, scratch->data, &len);
	if (sl_scan_is_cancellation(got))
		return got;
	sl_scan_piece_was_read(scan, piece, got, len);
	if (len == 0)
		return 0;
	piece->chunk = sl_chunk_ref(scratch);
	struct scan_call call = { .scan = scan, .piece = piece };
	return sl_offload(scan_on_worker, &call);
}

SL_SUSPENDS
static int
consume_deferred(struct scan *scan, struct scan_piece *piece, struct sl_chunk *scratch)
{
	struct scan_call call = { .scan = scan,
		.engine = sl_rt_engine(sl_rt_current()),
		.piece = piece,
		.scratch = scratch->data };
	piece->found.data = scratch->data;
	piece->found.len = piece->range.len;
	int code = sl_offload(read_on_worker, &call);
	if (code)
		return code;
	if (call.is_cold)
		return read_cold(scan, piece, scratch);
	sl_scan_piece_was_read(scan, piece, (int)piece->range.len, piece->range.len);
	return 0;
}

SL_SUSPENDS
static int
consume_one(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher,
	struct sl_chunk *scratch)
{
	struct scan_call call = { .scan = scan, .piece = piece, .matcher = matcher };
	int code = piece->is_deferred ? consume_deferred(scan, piece, scratch)
				      : sl_offload(scan_on_worker, &call);
	if (code == 0 && !scan->by_line) {
		sl_chunk_unref(piece->chunk);
		piece->chunk = NULL;
	}
	if (code == 0)
		code = sl_channel_send(scan->done, &piece, SL_FOREVER);
	if (code)
		sl_scan_piece_free(scan, piece);
	return code;
}

SL_SUSPENDS
static int
consume(void *arg)
{
	struct scan *scan = arg;
	struct scan_piece *piece = NULL;
	struct sl_matcher *matcher = NULL;
	struct sl_chunk *scratch = scan->scratch ? scan->scratch[scan->scratch_taken++] : NULL;
	int code = sl_matcher_new(&matcher, scan->setup->pattern);
	while (code == 0) {
		code = sl_channel_receive(scan->queue, &piece, SL_FOREVER);
		if (code == 0)
			code = consume_one(scan, piece, matcher, scratch);
	}
	sl_matcher_free(matcher);
	/* Readers hand small pieces to the merger themselves; the queue is closed after the last.
	 */
	if (--scan->consumers == 0)
		sl_channel_close(scan->done);
	return code == -EPIPE ? 0 : code;
}

/* ---- the whole ---- */

/* The next piece that is done, in any order; NULL after the last. */
SL_SUSPENDS
static int
receive_done(struct scan *scan, struct scan_piece **piece)
{
	const struct sl_scan_sink *sink = &scan->setup->sink;
	*piece = NULL;
	int code = sl_channel_try_receive(scan->done, piece);
	if (code == -EAGAIN) {
		code = sink->idle ? sink->idle(sink->ctx) : 0;
		if (code)
			return code;
		code = sl_channel_receive(scan->done, piece, SL_FOREVER);
	}
	return code == -EPIPE ? 0 : code;
}

/* Everything that is done, in order. Returns 0 at the end, 1 if the sink has seen enough, or a
 * negative code. */
SL_SUSPENDS
static int
merge_all(struct scan *scan)
{
	uint64_t next = 0;
	for (;;) {
		struct scan_piece *piece = NULL;
		int code = receive_done(scan, &piece);
		if (code || !piece)
			return code;
		scan->pending[piece->seq % scan->pending_count] = piece;
		while ((piece = scan->pending[next % scan->pending_count])) {
			scan->pending[next++ % scan->pending_count] = NULL;
			code = sl_scan_merge(scan, piece);
			if (code)
				return code;
			sl_semaphore_give(&scan->numbers);
		}
	}
}

static unsigned
open_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
		limit.rlim_cur >= FDS_FOR_OTHERS + 2 * OPEN_MAX)
		return OPEN_MAX;
	/* Two a large file. Where next to nothing is allowed, one file at a time. */
	unsigned long long rest =
		limit.rlim_cur > FDS_FOR_OTHERS ? limit.rlim_cur - FDS_FOR_OTHERS : 0;
	return SL_MAX((unsigned)rest / 2, 1u);
}

/* Each may come to hold a JIT stack: those take a quarter of the memory at most. */
static unsigned
count_consumers(const struct sl_scan_setup *setup)
{
	unsigned wanted = SL_MIN(sl_worker_count() * CONSUMERS_A_WORKER, CONSUMERS_MAX);
	if (sl_pattern_plan(setup->pattern))
		return wanted;
	return (unsigned)SL_MIN(wanted, setup->max_memory / 4 / SL_PATTERN_JIT_STACK);
}

/* How many chunks of what size the memory allows; fewer if more would never be used. */
static size_t
size_pool(struct scan *scan, unsigned consumers)
{
	const struct sl_scan_setup *setup = scan->setup;
	uint64_t elsewhere = MEMORY_ELSEWHERE;
	if (!scan->plan)
		elsewhere += (uint64_t)consumers * SL_PATTERN_JIT_STACK;
	uint64_t budget = setup->max_memory > elsewhere ? setup->max_memory - elsewhere : 0;
	size_t chunk = setup->chunk;
	while (chunk / 2 >= CHUNK_MIN && 4 * (chunk + chunk / 8) > budget)
		chunk = chunk / 2 / SL_CHUNK_ALIGN * SL_CHUNK_ALIGN;
	scan->chunk_size = chunk;
	uint64_t each = chunk + (scan->by_line ? chunk / 8 : 0);
	uint64_t count = SL_MAX(budget / each, 2u);
	return (size_t)SL_MIN(count, (uint64_t)READERS + setup->queue + consumers);
}

static int
make_channels(struct scan *scan, size_t chunks)
{
	const size_t item = sizeof(void *);
	scan->pending_count = chunks + PIECES_BEYOND;
	scan->pending = calloc(scan->pending_count, sizeof(*scan->pending));
	if (!scan->pending)
		return -ENOMEM;
	sl_semaphore_init(&scan->windows, "open inputs", open_limit());
	sl_semaphore_init(&scan->numbers, "merger", (unsigned)scan->pending_count);
	sl_semaphore_init(&scan->turn, "turn to read", 1);
	int code = sl_channel_new(&scan->listed, "listed inputs", LISTED, item);
	if (!code)
		code = sl_channel_new(&scan->opened, "opened inputs", LISTED, item);
	if (!code)
		code = sl_channel_new(&scan->queue, "queue of chunks", scan->setup->queue, item);
	if (!code)
		code = sl_channel_new(&scan->done, "scanned chunks", scan->pending_count, item);
	return code;
}

/* Not where pieces need their bytes when they are merged, or where chunks are few. */
static int
take_scratch(struct scan *scan, unsigned consumers, size_t chunks)
{
	if (scan->by_line || chunks < consumers + SCRATCH_SPARE)
		return 0;
	scan->scratch = calloc(consumers, sizeof(struct sl_chunk *));
	if (!scan->scratch)
		return -ENOMEM;
	for (unsigned i = 0; i < consumers; i++) {
		scan->scratch[i] = sl_chunk_try_take(scan->pool);
		sl_assert(scan->scratch[i]); /* the pool is fresh */
		scan->scratch_count++;
	}
	return 0;
}

static int
init(struct scan *scan, unsigned consumers)
{
	sl_list_init(&scan->jobs);
	scan->plan = sl_pattern_plan(scan->setup->pattern);
	scan->kernel = sl_pattern_kernel(scan->setup->pattern);
	bool wants_lines = scan->setup->sink.line || scan->setup->max_hits != UINT64_MAX;
	scan->by_line = wants_lines || !scan->plan;
	size_t chunks = size_pool(scan, consumers);
	int code = sl_matcher_new(&scan->matcher, scan->setup->pattern);
	if (code)
		return code;
	sl_join_init(
		&scan->join, scan->setup->pattern, scan->matcher, scan->setup->sink.line != NULL);
	code = sl_chunk_pool_new(&scan->pool, chunks, scan->chunk_size);
	scan->progress->chunks = chunks;
	scan->progress->chunk_size = scan->chunk_size;
	if (!code)
		code = take_scratch(scan, consumers, chunks);
	return code ? code : make_channels(scan, chunks);
}

static int
spawn_all(struct scan *scan, unsigned consumers)
{
	int code = sl_group_spawn(&scan->group, "lister", sl_scan_list, scan, NULL);
	if (!code)
		code = sl_group_spawn(&scan->group, "opener", sl_scan_open, scan, NULL);
	for (unsigned i = 0; i < READERS && !code; i++) {
		code = sl_group_spawn(&scan->group, "reader", sl_scan_read, scan, NULL);
		scan->readers += code == 0;
	}
	for (unsigned i = 0; i < consumers && !code; i++) {
		code = sl_group_spawn(&scan->group, "consumer", consume, scan, NULL);
		scan->consumers += code == 0;
	}
	return code;
}

/* Whatever the tasks have left behind when they were stopped. */
SL_SUSPENDS
static void
clean_up(struct scan *scan)
{
	struct scan_piece *piece = NULL;
	while (scan->queue && sl_channel_try_receive(scan->queue, &piece) == 0)
		sl_scan_piece_free(scan, piece);
	while (scan->done && sl_channel_try_receive(scan->done, &piece) == 0)
		sl_scan_piece_free(scan, piece);
	for (size_t i = 0; scan->pending && i < scan->pending_count; i++)
		sl_scan_piece_free(scan, scan->pending[i]);
	sl_list_each(node, &scan->jobs)
	{
		struct scan_job *job = sl_list_item(node, struct scan_job, of_scan);
		sl_input_close(job->input);
		sl_scan_job_free(job);
	}
	while ((piece = scan->free_pieces)) {
		scan->free_pieces = piece->next_free;
		free(piece->marks);
		free(piece);
	}
}

SL_SUSPENDS
static void
release(struct scan *scan)
{
	clean_up(scan);
	if (scan->queue)
		scan->progress->queue_high_water = sl_channel_high_water(scan->queue);
	if (scan->pool)
		scan->progress->chunks_high_water = sl_chunk_pool_high_water(scan->pool);
	sl_channel_free(scan->listed);
	sl_channel_free(scan->opened);
	sl_channel_free(scan->queue);
	sl_channel_free(scan->done);
	for (unsigned i = 0; i < scan->scratch_count; i++)
		sl_chunk_unref(scan->scratch[i]);
	free(scan->scratch);
	sl_chunk_pool_free(scan->pool);
	sl_join_release(&scan->join);
	sl_matcher_free(scan->matcher);
	free(scan->pending);
	free(scan);
}

SL_SUSPENDS
static int
run(struct scan *scan, unsigned consumers)
{
	sl_group_enter(&scan->group, SL_GROUP_FAIL_FAST);
	int code = spawn_all(scan, consumers);
	if (!code)
		code = merge_all(scan);
	if (code)
		sl_group_cancel(&scan->group, -ECANCELED);
	int failure = sl_group_leave(&scan->group);
	if (code == 1)
		return 0;
	code = code ? code : failure;
	/* A group that was cancelled says why; who asked for the scan knows. */
	return code == SL_E_INTERRUPTED ? -ECANCELED : code;
}

int
sl_scan_run(
	const struct sl_scan_setup *setup, struct sl_scan_progress *progress, struct sl_error *err)
{
	sl_assert(setup->chunk >= SL_CHUNK_ALIGN && setup->chunk % SL_CHUNK_ALIGN == 0);
	sl_assert(setup->queue > 0 && setup->max_memory >= SL_SCAN_MEMORY_MIN);
	*progress = (struct sl_scan_progress){ 0 };
	struct scan *scan = calloc(1, sizeof(*scan));
	if (!scan)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot scan");
	scan->setup = setup;
	scan->progress = progress;
	unsigned consumers = count_consumers(setup);
	int code = init(scan, consumers);
	if (!code)
		code = run(scan, consumers);
	release(scan);
	if (code == -ENOMEM)
		(void)sl_fail_code(err, SL_PHASE_NONE, code, "cannot scan");
	return code;
}
