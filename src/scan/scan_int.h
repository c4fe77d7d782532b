/*
 * scan_int.h - state shared by the tasks of a scan. All of it belongs to the runtime's thread; a
 * worker has access to one piece while a consumer waits for it.
 */
#ifndef SLUICE_SCAN_SCAN_INT_H
#define SLUICE_SCAN_SCAN_INT_H

#include "sluice/rt/channel.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/semaphore.h"
#include "sluice/scan/context.h"
#include "sluice/scan/decoding.h"
#include "sluice/scan/division.h"
#include "sluice/scan/join.h"
#include "sluice/scan/records.h"
#include "sluice/scan/scan.h"
#include "sluice/scan/steps.h"

#include <errno.h>

/*
 * An input on its way through the scan, with pieces, counts and a state of its own: several are
 * read and merged at a time. It goes through these stages in order; for one that is small or cannot
 * be opened, some have no duration.
 *
 *   stage    begins when               by       valid from then on
 *   LISTED   it was found              lister   input (a name), listed_as; it is in scan->jobs
 *   OPENED   it was opened, or could   opener   input (kind and size, or err), small; of a file
 *            not be                             form, is_binary, has_only_cr
 *   READING  a piece was taken         reader   the same of a stream, once its first piece was
 *                                               read; of what is decoded, of its text
 *   DRAINED  the last piece was taken  reader   the input is closed once all pieces are read
 *   MERGED   the last piece was merged merger   state, totals: as they are reported
 *
 * It is reported, and freed, when it is the front of scan->jobs. Its lines, if they are wanted, go
 * to the sink while it is there; nothing else waits for that.
 */
enum scan_stage { SCAN_LISTED, SCAN_OPENED, SCAN_READING, SCAN_DRAINED, SCAN_MERGED };

/* Why decoding an input has ended early. */
struct scan_decode_failure {
	bool has_failed;
	bool is_short; /* because the file has become shorter */
	enum sl_scan_state state;
	uint64_t off;            /* bytes that were decoded before, about */
	uint64_t window, memory; /* that are needed, and --max-memory for them; or 0 each */
	char reason[SL_DECODE_REASON];
};

struct scan_job {
	struct sl_list of_scan; /* in scan.jobs until it is freed */
	enum scan_stage stage;
	struct sl_input *input;
	uint64_t number;             /* of the input, in the order of the reports */
	struct sl_semaphore opening; /* held by the opener until the input is open */
	struct scan_piece *small;    /* the whole file, read by the opener; or NULL */
	bool has_window;             /* one of scan.windows: a descriptor may be open */
	struct sl_list of_streams;   /* in scan.streams while it is read as a stream */
	unsigned reads;              /* ranges that are being read or queued */
	uint64_t next_seq;           /* number of the piece that is taken next */
	bool is_over;                /* nothing more is read: the next piece is the last */
	enum sl_form form;           /* by its first bytes; of the text, once it is being decoded */
	bool was_encoded;            /* it is being decoded */
	bool is_binary;
	bool has_only_cr;                /* its first piece has no newline, but carriage returns */
	const struct sl_scan_item *item; /* the caller's, or NULL */
	uint64_t skipped;                /* bytes of a sorted file that are not read */
	/* What the lister found: OK = to be read, else skipped, and input->err holds why. */
	enum sl_scan_state listed_as;
	struct sl_group *reading; /* the task that waits for a stream's next bytes, or NULL */
	bool is_encoded;          /* to be decoded: compressed, or UTF-16 */
	bool is_decoder;          /* in scan.streams because it was; and it is the only one */
	bool is_alone;
	struct scan_decode_failure decode_failure; /* is told with its last piece */

	/* The merger's. */
	struct sl_list
		waiting;      /* pieces that were scanned, by number: until those before them are */
	uint64_t next_merged; /* number of the piece that is merged next */
	struct sl_join join;
	struct sl_wide wide;       /* of the pieces before */
	struct sl_context context; /* chooses the lines that are reported */
	struct sl_records records; /* does so if records are selected */
	/* Likewise: before the piece whose lines are walked over, or the line that a cut split. */
	uint64_t undecided_before, unlevelled_before, period_lines_before;
	bool has_begun;    /* the sink knows it */
	bool ignores_rest; /* the state is final, later pieces are not counted */
	bool is_limited;   /* because max_hits was reached */
	enum sl_scan_state state;
	uint64_t hits;       /* passed to the sinks, or counted towards max_hits */
	uint64_t known_hits; /* the part of progress.hits that is its */
	uint64_t begun_ns;
	struct sl_block_totals totals; /* if ignores_rest */
};

/* What is found of matching lines, as far as it is wanted. */
struct scan_found {
	struct sl_kinds *kinds; /* or NULL = none */
	struct sl_timeline timeline;
	struct sl_tally_part *tally; /* or NULL = none */
};

/* The marked lines of a piece that a worker looks at, in steps. */
struct scan_walk {
	struct sl_lines lines;
	uint64_t left; /* of them, at most */
	bool is_begun;
};

/* A part of an input, or several in a row that were scanned; owned by the task, channel or job that
 * holds it. */
struct scan_piece {
	uint64_t seq, seq_end; /* [seq, seq_end) of the input's numbers */
	struct sl_list link;   /* in job->waiting */
	struct scan_job *job;
	struct sl_chunk *chunk; /* NULL once the bytes are no longer needed */
	unsigned char *data;    /* in the chunk */
	struct sl_input_range range;
	bool is_first, is_last;
	bool is_deferred; /* a worker reads and scans it: in steps, or to its chunk */
	bool is_scanned;
	bool is_short;       /* the file ended before the range did */
	int code;            /* of reading */
	size_t len;          /* bytes that were read; once they were scanned, those that were */
	struct sl_wide wide; /* of all that were read: where it is found, fewer are scanned */
	uint64_t *marks;     /* a bit for each byte of a chunk, or NULL */
	uint64_t *within;    /* behind them, if a period is wanted: of the lines inside */
	struct sl_partial_run found;
	struct sl_sample sample; /* of the first piece, if that is wanted */
	struct sl_partial
		partial; /* if scan.has_partials: used in place of `found` when it is merged */
	struct scan_found lines; /* kept with the piece */
	/* If a period is wanted: of lines before the first stamp, likewise. */
	struct scan_found unknown;
	struct sl_tally_counter *counter; /* of the thread that scans it, if a tally is wanted */
	struct scan_walk walk;
	struct scan_piece *next_free;
};

struct scan {
	const struct sl_scan_setup *setup;
	struct sl_scan_progress *progress;
	const struct sl_match_plan *plan;
	const struct sl_match_kernel *kernel;
	struct sl_engine *engine; /* for its clock, also on workers */
	unsigned wanted; /* kinds of events that a sink wants */
	bool by_line;    /* matching lines are marked, and chunks kept until they are merged */
	/* by_line, and the merger walks over the lines that match: a sink wants them, one of them
	 * may be the last that is wanted, or records are made of them. */
	bool gives_lines;
	size_t chunk_size;
	/* A chunk for each consumer, or NULL: then readers read everything. With them, data in the
	 * page cache is read by the worker that scans it, in steps that stay in its CPU's cache. */
	struct sl_chunk_pool *steps;
	size_t step_size;
	struct sl_chunk_pool *smalls; /* for openers to read small files into */
	_Atomic bool is_ending;       /* results are no longer needed: workers stop early */

	struct sl_group group;
	unsigned openers, readers, consumers; /* that have not ended */
	struct sl_list jobs;                  /* in the order of their reports */
	size_t listed_arguments; /* of setup->paths: those with a job, or walked to the end */
	struct sl_chunk_pool *pool;
	struct sl_channel *listed; /* struct scan_job *: lister -> opener */
	struct sl_channel *opened; /* struct scan_job *: openers -> readers; may not be open yet */
	struct sl_channel *queue;  /* struct scan_piece *: readers -> consumers */
	struct sl_channel *done;   /* struct scan_piece *: readers and consumers -> merger */
	struct sl_semaphore unreported; /* inputs from lister to report */
	struct sl_semaphore windows;    /* inputs that are open */
	struct sl_semaphore turn;       /* to take the next range or stream */
	struct sl_semaphore open_turn;  /* to take listed inputs and pass them on in order */
	struct sl_list chunk_waiters;   /* scan_chunk.c, as the next two */
	size_t chunks_used;             /* of the pool */
	size_t reserve;                 /* chunks of the pool that the front alone may use */
	struct sl_input_context inputs;

	struct scan_job *current; /* the file whose ranges are taken next; under `turn` */
	struct sl_list streams;   /* jobs that are read as streams, each by a reader of its own */
	unsigned stream_count, stream_limit;
	struct sl_list stream_waiters; /* for one of them to end, or memory to decode with */
	/* What decoders hold. Those behind the front hold decode_max together, the front as much by
	 * itself: so it never waits for one that waits for it. */
	uint64_t decode_used, decode_max;
	/* One that works alone may hold so much. With little memory, those whose data has windows
	 * do: no other begins while one is decoded, and none begins before the others have ended,
	 * all of which come before it. */
	uint64_t decode_alone_max;
	bool decodes_alone;
	struct scan_piece *free_pieces;

	struct sl_matcher *matcher; /* the merger's */
	struct sl_tally_counter *counter; /* likewise; or NULL */
	struct sl_context_rule context;
	struct sl_records_rule records; /* if setup->records */

	/* scan_kinds.c */
	uint64_t next_number; /* of an input */
	bool has_partials;    /* the text at the ends of pieces is kept, though by_line is false */
	struct sl_partial_spec kinds_spec;
	size_t kinds_size; /* memory of a piece's digest, at most */
	size_t memo_size;
	struct sl_kinds_budget kinds_budget; /* of all pieces */
	struct sl_memo *memo; /* of the thread of the runtime; NULL if kinds are not wanted */
};

/* ---- scan_memory.c ---- */

/* The largest window that a library accepts, and what liblzma adds to it. */
#define SL_SCAN_WINDOW_MAX (2 * SL_GIB + SL_MIB)

/* After `wanted` and `by_line` are set. */
struct sl_scan_needs sl_scan_needs(const struct scan *scan);

/* True if an input of this form has all the memory for decoders: it is the only one, or one with a
 * window and there is little. */
bool sl_scan_decodes_alone(const struct scan *scan, const struct scan_job *job, enum sl_form form);

/* What a decoder takes of the memory for decoders, without a window, if the scan has steps of that
 * size; and the max_memory that permits the window: 0 if none does. */
uint64_t sl_scan_decode_memory(const struct scan *scan, enum sl_form form, size_t step_size);
uint64_t sl_scan_memory_to_decode(
	const struct scan *scan, const struct scan_job *job, enum sl_form form, uint64_t window);

/* ---- scan_piece.c ---- */

/* The next piece of this input. NULL if out of memory. */
struct scan_piece *sl_scan_piece_new(struct scan *scan, struct scan_job *job);

/* With its chunk. NULL is fine. */
void sl_scan_piece_free(struct scan *scan, struct scan_piece *piece);

/* NULL if out of memory. */
struct scan_job *sl_scan_job_new(struct scan *scan, const char *path, bool is_found);

/* With its pieces. It must be closed. */
void sl_scan_job_free(struct scan *scan, struct scan_job *job);

/* Words of marks, with those of `within`, for so many bytes. */
static inline size_t
sl_scan_mark_words(const struct scan *scan, size_t len)
{
	return SL_MATCH_MARK_WORDS(len) * (scan->setup->period ? 2 : 1);
}

/* A bitmap for a period behind marks for so many bytes; NULL if none is wanted. */
static inline uint64_t *
sl_scan_within(const struct scan *scan, uint64_t *marks, size_t len)
{
	return marks && scan->setup->period ? marks + SL_MATCH_MARK_WORDS(len) : NULL;
}

/* To the sinks that want it. */
SL_SUSPENDS
static inline int
sl_scan_report(const struct scan *scan, const struct sl_scan_event *event)
{
	return sl_scan_emit(scan->setup->sinks, scan->setup->sink_count, event);
}

/* As sl_offload, of what is work of the scan: it is measured. */
SL_SUSPENDS
static inline int
sl_scan_offload(struct scan *scan, sl_offload_fn *fn, void *arg)
{
	sl_meter_change(&scan->progress->meter, sl_now(), 1, 0);
	int code = sl_offload(fn, arg);
	sl_meter_change(&scan->progress->meter, sl_now(), -1, 0);
	return code;
}

static inline bool
sl_scan_wants_lines(const struct scan *scan)
{
	return scan->wanted & SL_SCAN_WANTS(SL_SCAN_EVENT_LINE);
}

static inline bool
sl_scan_wants_context(const struct scan *scan)
{
	return scan->wanted & SL_SCAN_WANTS(SL_SCAN_EVENT_CONTEXT);
}

/* The input that is reported next: lines of no other one go to the sinks. */
static inline bool
sl_scan_is_front(const struct scan *scan, const struct scan_job *job)
{
	return scan->jobs.next == &job->of_scan;
}

/* For the display, and for stop_at_hit: so many lines of the input match. */
static inline void
sl_scan_note_hits(struct scan *scan, struct scan_job *job, uint64_t hits)
{
	scan->progress->hits += hits - job->known_hits;
	job->known_hits = hits;
}

/* Lines, and bytes of text, before those that are scanned. */
static inline uint64_t
sl_scan_lines_before(const struct scan_job *job)
{
	return job->item ? job->item->lines : 0;
}

static inline uint64_t
sl_scan_bytes_before(const struct scan_job *job)
{
	return job->item ? job->item->off : job->input->from;
}

/* Nothing more of the input is wanted than what was read. */
static inline void
sl_scan_stop_reading(struct scan_job *job)
{
	job->is_over = true;
	if (job->reading)
		sl_group_cancel(job->reading, -ECANCELED);
}

/* Selected lines of an input after which it ends. */
static inline uint64_t
sl_scan_max_hits(const struct scan *scan)
{
	return scan->setup->stop_input_at_hit ? SL_MIN(scan->setup->max_hits, (uint64_t)1)
					      : scan->setup->max_hits;
}

/* Set the result that scanning the zeros of a hole would have. Returns 0 or -ENOMEM. */
int sl_scan_piece_scan_hole(struct scan *scan, struct scan_piece *piece) SL_MUST_CHECK;

/* ---- scan_chunk.c ---- */

/* A chunk for the piece to be read to. */
SL_SUSPENDS
int sl_scan_chunk_take(struct scan *scan, struct scan_piece *piece) SL_MUST_CHECK;

/* Another input has become the front: serve those who wait for a chunk. */
void sl_scan_chunk_serve(struct scan *scan);

/* The chunk becomes the piece's, whose bytes begin at `off` in it. Returns 0 or -ENOMEM; the chunk
 * is the piece's in both cases. */
int sl_scan_piece_hold(struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk,
	size_t off) SL_MUST_CHECK;

/* Give the chunk back, if there is one. */
void sl_scan_piece_drop_chunk(struct scan *scan, struct scan_piece *piece);

/* ---- scan_sorted.c ---- */

/* The buffer has SL_PERIOD_SEARCH_BLOCK bytes. If the file is opened, large, and said to be sorted:
 * only the part of it that may be in the period is read. Returns 0 or the cancellation. */
SL_SUSPENDS
int sl_scan_find_period(
	struct scan *scan, struct scan_job *job, unsigned char *buffer) SL_MUST_CHECK;

/* ---- scan_read.c ---- */

/* `len` bytes of it were read before `got`, a count or a code. */
void sl_scan_piece_take_bytes(struct scan *scan, struct scan_piece *piece, int got, size_t len);

/* The same for a range, `got` of sl_input_read. The input is closed after the last. */
SL_SUSPENDS
void sl_scan_piece_was_read(struct scan *scan, struct scan_piece *piece, int got, size_t len);

/* Its bytes are to be scanned, not only passed on. */
bool sl_scan_piece_is_text(const struct scan_piece *piece);

/* Decide by the first bytes of an input whether it can be counted, and how. */
void sl_scan_sniff(struct scan_job *job, const unsigned char *data, size_t len);

static inline bool
sl_scan_is_decoded(const struct scan_job *job)
{
	return job->is_encoded;
}

/* ---- scan_stream.c ---- */

/* True if the code means that the task was cancelled, not that the input failed. */
bool sl_scan_is_cancellation(int code);

/* Read at most `most` bytes of a stream to `data`; *got as sl_input_read_stream returns it, 0 also
 * if no more is wanted. Returns 0 or what cancelled it. */
SL_SUSPENDS
int sl_scan_read_stream(struct scan *scan, struct scan_piece *piece, unsigned char *data,
	size_t most, int *got, size_t *len) SL_MUST_CHECK;

/* The input has become the front: pass on what was read of it. */
void sl_scan_stream_pass(struct scan_job *job);

/* ---- scan_decode.c: by the reader that has the input ---- */

/* Of compressed data that is read at a time. The first bytes of an input are not more. */
#define SL_SCAN_DECODE_IN (64u * 1024u)

struct scan_decode;

/* The first bytes are those of the piece, or with NULL at the beginning of the input. The piece is
 * empty afterwards, and still the first. Returns 0; -ENOMEM; or what cancelled it. */
SL_SUSPENDS
int sl_scan_decode_begin(struct scan_decode **out, struct scan *scan, struct scan_job *job,
	struct scan_piece *first) SL_MUST_CHECK;

/* The next text becomes that of an empty piece; it may have been scanned by then. Returns as
 * above. */
SL_SUSPENDS
int sl_scan_decode_piece(struct scan_decode *decode, struct scan_piece *piece) SL_MUST_CHECK;

/* NULL is fine. */
void sl_scan_decode_end(struct scan_decode *decode);

/* Others may go on with the memory, or the place among the streams, that has become free. */
void sl_scan_wake_streams(struct scan *scan);

/* ---- scan_match.c ---- */

/* The bytes of a piece, here or on a worker, if sl_scan_is_quick(). Returns 0 or -ENOMEM. */
int sl_scan_piece_scan(
	struct scan *scan, struct scan_piece *piece, struct sl_memo *memo) SL_MUST_CHECK;

/* On workers. Returns 0, -ENOMEM, or what cancelled it. */
SL_SUSPENDS
int sl_scan_piece_offload(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher,
	struct sl_memo *memo) SL_MUST_CHECK;

/* The same of a deferred piece that has a chunk, which the worker reads first: its bytes are in the
 * cache of that worker's CPU. *len of them were read; if that is not all, the piece was not
 * scanned. */
SL_SUSPENDS
int sl_scan_piece_offload_cached(struct scan *scan, struct scan_piece *piece,
	struct sl_matcher *matcher, struct sl_memo *memo, size_t *len) SL_MUST_CHECK;

/* On a worker, if sl_scan_is_quick(): the next bytes of a piece, which need not stay. `marks` for
 * as many bytes, none set, if has_partials; else NULL. Returns 0 or -ENOMEM. */
int sl_scan_piece_add(struct scan *scan, struct scan_piece *piece, struct sl_span text,
	uint64_t *marks, struct sl_memo *memo) SL_MUST_CHECK;

/* The piece was scanned beyond where UTF-16 begins, which the pieces before it show: only `len`
 * bytes of it, less than SL_WIDE_EDGE, are to be counted. Returns as sl_scan_piece_offload. */
SL_SUSPENDS
int sl_scan_piece_shorten(struct scan *scan, struct scan_piece *piece, size_t len) SL_MUST_CHECK;

/* A plan that decides alone takes the same short time for all input. */
static inline bool
sl_scan_is_quick(const struct scan *scan)
{
	return !scan->plan->next && !scan->plan->is_prefilter;
}

/* Scanning at most so many bytes for literals takes less time than waking a worker. */
#define SL_SCAN_INLINE (64u * 1024u)

/* Files of at most so many bytes are read whole by their opener. */
#define SL_SCAN_SMALL (64u * 1024u)

/* ---- scan_kinds.c: the kinds and times of lines, and the patterns that match them; 0 or -ENOMEM
 * unless they say otherwise ---- */

/* Each line that matches is looked at, though no sink may want it. */
static inline bool
sl_scan_wants_each(const struct scan *scan)
{
	return scan->setup->kinds || scan->setup->timeline || scan->setup->tally;
}

/* After by_line and the matcher are set. `memory`: for the digests of all pieces. */
int sl_scan_kinds_init(struct scan *scan, const struct sl_scan_division *division) SL_MUST_CHECK;

/* The piece gets a new content, and has lost it. */
void sl_scan_kinds_begin_piece(const struct scan *scan, struct scan_piece *piece);
void sl_scan_kinds_end_piece(struct scan_piece *piece);
void sl_scan_kinds_free_piece(struct scan_piece *piece);

/* On a worker, whose memo it is: the next bytes of the piece were scanned. The memo is NULL if
 * kinds are not wanted. If has_partials, no mark is set afterwards. Returns 1 if there is more,
 * which another call does: only if sl_scan_is_quick() is false. */
int sl_scan_kinds_run(struct scan *scan, struct scan_piece *piece, const struct sl_partial_run *run,
	uint64_t *marks, struct sl_memo *memo) SL_MUST_CHECK;

/* The line is counted, and is in no piece's digest. */
int sl_scan_kinds_line(struct scan *scan, const struct scan_job *job,
	const struct sl_partial_line *line) SL_MUST_CHECK;

/* If a tally is wanted: the line is counted in it, and is in no piece's. Or what cancelled it. */
SL_SUSPENDS
int sl_scan_tally_line(struct scan *scan, const struct sl_partial_line *line) SL_MUST_CHECK;

/* What was found in the piece, which is counted, becomes that of the scan. Or what cancelled it. */
SL_SUSPENDS
int sl_scan_kinds_merge(struct scan *scan, const struct scan_job *job,
	const struct scan_found *found) SL_MUST_CHECK;

/* If has_partials: the same, and the piece is joined to those before it. */
SL_SUSPENDS
int sl_scan_kinds_count(struct scan *scan, struct scan_piece *piece) SL_MUST_CHECK;

/* If has_partials: the right piece, which follows the left one, becomes a part of it. */
int sl_scan_kinds_join(
	struct scan *scan, struct scan_piece *left, struct scan_piece *right) SL_MUST_CHECK;

/* A record is selected: its kind is that of `line`, its time that of its first line. */
int sl_scan_kinds_record(struct scan *scan, const struct scan_job *job,
	const struct sl_partial_line *line, struct sl_span head) SL_MUST_CHECK;

/* If has_partials: the input is over. */
int sl_scan_kinds_end(struct scan *scan, struct scan_job *job) SL_MUST_CHECK;

/* ---- the tasks: struct scan * ---- */

SL_SUSPENDS
int sl_scan_list(void *arg);
SL_SUSPENDS
int sl_scan_open(void *arg);
SL_SUSPENDS
int sl_scan_read(void *arg);
SL_SUSPENDS
int sl_scan_consume(void *arg);

/* ---- the merger ---- */

/* scan_lines.c: the lines that begin and end in the piece, and the one that a cut has split. Return
 * 0 or a negative code. */
SL_SUSPENDS
int sl_scan_give_lines(struct scan *scan, const struct scan_piece *piece) SL_MUST_CHECK;
SL_SUSPENDS
int sl_scan_give_line(
	struct scan *scan, struct scan_job *job, const struct sl_partial_line *line) SL_MUST_CHECK;

/* scan_records.c: the same where records are selected, of all lines; and the end of the input,
 * which ends the last record. */
SL_SUSPENDS
int sl_scan_records_add(struct scan *scan, const struct scan_piece *piece) SL_MUST_CHECK;
SL_SUSPENDS
int sl_scan_records_add_line(
	struct scan *scan, struct scan_job *job, const struct sl_partial_line *line) SL_MUST_CHECK;
SL_SUSPENDS
int sl_scan_records_end(struct scan *scan, struct scan_job *job) SL_MUST_CHECK;

/* scan_lines.c: the line becomes an event. */
SL_SUSPENDS
int sl_scan_report_line(
	struct scan *scan, struct scan_job *job, const struct sl_partial_line *found) SL_MUST_CHECK;

/* scan_lines.c: the input's totals end at `end`, which is behind the first newline of the piece.
 * What is counted beside lines that match is added to them. */
SL_SUSPENDS
int sl_scan_count_others(
	struct scan *scan, const struct scan_piece *piece, const unsigned char *end) SL_MUST_CHECK;

/* scan_merge.c: the next piece of its input. Returns 0 or a negative code. */
SL_SUSPENDS
int sl_scan_merge_piece(struct scan *scan, struct scan_piece *piece) SL_MUST_CHECK;

/* Its counts are final as they are, because no more is wanted. Returns as above. */
SL_SUSPENDS
int sl_scan_merge_stop(struct scan *scan, struct scan_job *job) SL_MUST_CHECK;

/* scan_order.c: takes a piece that was scanned. Returns 0, or 1 if the scan is over before its
 * inputs are, or a negative code. */
SL_SUSPENDS
int sl_scan_order(struct scan *scan, struct scan_piece *piece) SL_MUST_CHECK;

#endif
