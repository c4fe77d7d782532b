/*
 * scan.c - the scan as a whole: its tasks, and the loop of the merger. scan.h has the
 * stages and the invariants, and scan_int.h what they share; scan_list.c, scan_open.c, scan_read.c,
 * scan_consume.c and scan_order.c are a stage each.
 */
#include "scan_int.h"

#include "sluice/rt/offload.h"
#include "sluice/scan/steps.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Each stream has a reader and a chunk, which may wait for it. */
_Static_assert(SL_SCAN_STREAMS <= SL_SCAN_READERS / 2, "ranges of files are read beside streams");

#define LISTED 256u   /* inputs between lister and opener */
#define OPEN_MAX 192u /* inputs open at a time */
/* Inputs that are listed and not reported: so many may be read while the first of them stalls. */
#define UNREPORTED 512u
/* descriptors other than inputs: directories of a walk, the ring, standard streams */
#define FDS_FOR_OTHERS 144u
/* pieces that hold no chunk, such as those of missing files, on their way to the merger */
#define PIECES_BEYOND 64u
/* Pieces with digests on their way to it: few, as it may take longer for them than workers do. */
#define DIGESTS_DONE 16u

/* The next piece that was scanned, in any order; NULL after the last. */
SL_SUSPENDS
static int
receive_done(struct scan *scan, struct scan_piece **piece)
{
	const struct sl_scan_event idle = { .kind = SL_SCAN_EVENT_IDLE };
	*piece = NULL;
	int code = sl_channel_try_receive(scan->done, piece);
	if (code == -EAGAIN) {
		code = sl_scan_report(scan, &idle);
		if (code)
			return code;
		code = sl_channel_receive(scan->done, piece, SL_FOREVER);
	}
	return code == -EPIPE ? 0 : code;
}

/* Merge all pieces. Returns 0 at the end, 1 if the scan ends early, or a negative code. */
SL_SUSPENDS
static int
merge_all(struct scan *scan)
{
	for (;;) {
		struct scan_piece *piece = NULL;
		int code = receive_done(scan, &piece);
		if (code == 0 && piece)
			code = sl_scan_order(scan, piece);
		if (code || !piece)
			return code;
	}
}

static unsigned
open_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
		limit.rlim_cur >= FDS_FOR_OTHERS + 2 * OPEN_MAX)
		return OPEN_MAX;
	/* Two for a large file. Under a very low limit, one file at a time. */
	unsigned long long rest =
		limit.rlim_cur > FDS_FOR_OTHERS ? limit.rlim_cur - FDS_FOR_OTHERS : 0;
	return SL_MAX((unsigned)rest / 2, 1u);
}

static int
make_channels(struct scan *scan, size_t chunks)
{
	const size_t item = sizeof(void *);
	sl_semaphore_init(&scan->unreported, "inputs before it", UNREPORTED);
	sl_semaphore_init(&scan->windows, "open inputs", open_limit());
	sl_semaphore_init(&scan->turn, "turn to read", 1);
	sl_semaphore_init(&scan->open_turn, "turn to open", 1);
	int code = sl_channel_new(&scan->listed, "listed inputs", LISTED, item);
	if (!code)
		code = sl_channel_new(&scan->opened, "opened inputs", LISTED, item);
	if (!code)
		code = sl_channel_new(&scan->queue, "queue of chunks", scan->setup->queue, item);
	size_t done = scan->setup->kinds ? DIGESTS_DONE : chunks + PIECES_BEYOND;
	if (!code)
		code = sl_channel_new(&scan->done, "scanned chunks", done, item);
	return code;
}

/* Without steps if pieces need their bytes when they are merged. */
static int
make_pools(struct scan *scan, unsigned consumers, size_t chunks)
{
	int code = sl_chunk_pool_new(&scan->pool, chunks, scan->chunk_size);
	if (!code)
		code = sl_chunk_pool_new(&scan->smalls, SL_SCAN_OPENERS, SL_SCAN_SMALLS_SIZE);
	/* Joined plans may take long on some input: sl_scan_piece_offload() gives way in
	 * between. */
	if (!code && !scan->by_line && sl_scan_is_quick(scan))
		code = sl_chunk_pool_new(&scan->steps, SL_MAX(consumers, 2u), scan->step_size);
	return code;
}

/* Each holds a chunk while it waits for data, and where candidates are confirmed, an open line; but
 * lines for the sinks are joined at the front alone. */
static unsigned
limit_streams(const struct scan *scan, size_t chunks)
{
	size_t most = SL_MIN((size_t)SL_SCAN_STREAMS, chunks / 2);
	if (scan->by_line && !sl_scan_wants_lines(scan))
		most = (size_t)SL_MIN(most, scan->setup->max_memory / 8 / SL_PARTIAL_KEEP);
	return (unsigned)SL_MAX(most, (size_t)1);
}

static void
set_context(struct scan *scan, uint64_t before_bytes)
{
	const struct sl_scan_setup *setup = scan->setup;
	if (setup->records)
		scan->records = (struct sl_records_rule){ .before = setup->before,
			.after = setup->after,
			.held_bytes = (size_t)before_bytes,
			.whole = sl_pattern_inverts(setup->pattern),
			.heads = setup->by_head };
	if (!sl_scan_wants_context(scan))
		return;
	scan->context = (struct sl_context_rule){ .before = setup->before, .after = setup->after };
	scan->context.before_bytes = (size_t)before_bytes;
}

static int
init(struct scan *scan, unsigned *consumers)
{
	scan->plan = sl_pattern_plan(scan->setup->pattern);
	scan->kernel = sl_pattern_kernel(scan->setup->pattern);
	scan->wanted = sl_scan_wanted(scan->setup->sinks, scan->setup->sink_count);
	bool wants_lines = sl_scan_wants_lines(scan);
	scan->by_line = wants_lines || scan->setup->max_hits != UINT64_MAX ||
			scan->setup->records || scan->setup->tally ||
			sl_pattern_confirms(scan->setup->pattern);
	bool is_limited = sl_scan_max_hits(scan) != UINT64_MAX;
	scan->gives_lines = scan->by_line && (wants_lines || is_limited || scan->setup->records);
	scan->has_partials = !scan->by_line && (sl_scan_wants_each(scan) || scan->setup->period);
	const struct sl_scan_needs needs = sl_scan_needs(scan);
	const struct sl_scan_division division = sl_scan_divide(&needs);
	set_context(scan, division.before);
	*consumers = division.consumers;
	size_t chunks = division.chunks;
	scan->step_size = division.step;
	scan->chunk_size = division.chunk;
	scan->decode_max = division.decode_share;
	scan->decode_alone_max = division.decode_alone;
	scan->decodes_alone = division.decodes_alone;
	int code = sl_steps_matcher_new(&scan->matcher, scan->setup->pattern);
	if (code)
		return code;
	if (scan->setup->tally)
		code = sl_tally_counter_new(&scan->counter, scan->setup->tally, scan->matcher);
	if (code)
		return code;
	code = sl_scan_kinds_init(scan, &division);
	if (code)
		return code;
	/* Chunks are kept for the front only where lines are. */
	scan->reserve = wants_lines ? SL_MAX(chunks / 2, (size_t)1) : 1;
	scan->stream_limit = limit_streams(scan, chunks);
	code = make_pools(scan, *consumers, chunks);
	scan->progress->chunks = chunks;
	scan->progress->chunk_size = scan->chunk_size;
	return code ? code : make_channels(scan, chunks);
}

static int
spawn_all(struct scan *scan, unsigned consumers)
{
	int code = sl_group_spawn(&scan->group, "lister", sl_scan_list, scan, NULL);
	for (unsigned i = 0; i < SL_SCAN_OPENERS && !code; i++) {
		code = sl_group_spawn(&scan->group, "opener", sl_scan_open, scan, NULL);
		scan->openers += code == 0;
	}
	for (unsigned i = 0; i < SL_SCAN_READERS && !code; i++) {
		code = sl_group_spawn(&scan->group, "reader", sl_scan_read, scan, NULL);
		scan->readers += code == 0;
	}
	for (unsigned i = 0; i < consumers && !code; i++) {
		code = sl_group_spawn(&scan->group, "consumer", sl_scan_consume, scan, NULL);
		scan->consumers += code == 0;
	}
	return code;
}

/* Free what the tasks held when they were cancelled. */
SL_SUSPENDS
static void
clean_up(struct scan *scan)
{
	struct scan_piece *piece = NULL;
	while (scan->queue && sl_channel_try_receive(scan->queue, &piece) == 0)
		sl_scan_piece_free(scan, piece);
	while (scan->done && sl_channel_try_receive(scan->done, &piece) == 0)
		sl_scan_piece_free(scan, piece);
	sl_list_each(node, &scan->jobs)
	{
		struct scan_job *job = sl_list_item(node, struct scan_job, of_scan);
		sl_input_close(job->input);
		sl_scan_job_free(scan, job);
	}
	while ((piece = scan->free_pieces)) {
		scan->free_pieces = piece->next_free;
		sl_scan_kinds_free_piece(piece);
		free(piece->marks);
		free(piece);
	}
}

SL_SUSPENDS
static void
release(struct scan *scan)
{
	clean_up(scan);
	scan->progress->scan = NULL;
	if (scan->queue)
		scan->progress->queue_high_water = sl_channel_high_water(scan->queue);
	if (scan->pool)
		scan->progress->chunks_high_water = sl_chunk_pool_high_water(scan->pool);
	sl_channel_free(scan->listed);
	sl_channel_free(scan->opened);
	sl_channel_free(scan->queue);
	sl_channel_free(scan->done);
	sl_chunk_pool_free(scan->pool);
	sl_chunk_pool_free(scan->steps);
	sl_chunk_pool_free(scan->smalls);
	sl_tally_counter_free(scan->counter);
	sl_matcher_free(scan->matcher);
	sl_memo_free(scan->memo);
	free(scan);
}

SL_SUSPENDS
static int
run(struct scan *scan, unsigned consumers)
{
	sl_group_enter(&scan->group, SL_GROUP_FAIL_FAST);
	scan->engine = sl_rt_engine(sl_rt_current());
	scan->inputs.output = sl_input_identify(scan->setup->output_fd);
	scan->inputs.cache_left = scan->setup->max_cached;
	scan->progress->meter =
		(struct sl_meter){ .workers = sl_worker_count(), .since_ns = sl_now() };
	scan->inputs.meter = &scan->progress->meter;
	int code = spawn_all(scan, consumers);
	if (!code)
		code = merge_all(scan);
	scan->is_ending = true;
	if (code)
		sl_group_cancel(&scan->group, -ECANCELED);
	int failure = sl_group_leave(&scan->group);
	if (code == 1)
		return 0;
	code = code ? code : failure;
	sl_assert(code || sl_list_is_empty(&scan->jobs)); /* each was reported */
	/* The caller distinguishes reasons by its own group. */
	return code == SL_E_INTERRUPTED ? -ECANCELED : code;
}

int
sl_scan_run(
	const struct sl_scan_setup *setup, struct sl_scan_progress *progress, struct sl_error *err)
{
	sl_assert(setup->chunk >= SL_CHUNK_ALIGN && setup->chunk % SL_CHUNK_ALIGN == 0);
	sl_assert(setup->queue > 0 && setup->max_memory >= SL_SCAN_MEMORY_MIN);
	if (!setup->goes_on)
		*progress = (struct sl_scan_progress){ 0 };
	struct scan *scan = calloc(1, sizeof(*scan));
	if (!scan)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot scan");
	scan->setup = setup;
	scan->progress = progress;
	scan->next_number = progress->summary.inputs;
	sl_list_init(&scan->jobs);
	sl_list_init(&scan->chunk_waiters);
	sl_list_init(&scan->streams);
	sl_list_init(&scan->stream_waiters);
	progress->scan = scan;
	unsigned consumers = 0;
	int code = init(scan, &consumers);
	if (!code)
		code = run(scan, consumers);
	if (code == -ETIMEDOUT && setup->unfinished)
		sl_scan_each_unfinished(progress, setup->unfinished, NULL);
	release(scan);
	if (code == -ENOMEM)
		(void)sl_fail_code(err, SL_PHASE_NONE, code, "cannot scan");
	return code;
}

void
sl_scan_each_unfinished(const struct sl_scan_progress *progress,
	void (*see)(void *ctx, const char *path), void *ctx)
{
	const struct scan *scan = progress->scan;
	if (!scan)
		return;
	sl_list_each(node, &scan->jobs)
		see(ctx, sl_list_item(node, struct scan_job, of_scan)->input->shown);
	for (size_t i = scan->listed_arguments; i < scan->setup->count; i++) {
		const struct sl_scan_setup *setup = scan->setup;
		const char *path = setup->items ? setup->items[i].path : setup->paths[i];
		char *shown = sl_input_show_argument(path);
		see(ctx, shown ? shown : path);
		free(shown);
	}
}
