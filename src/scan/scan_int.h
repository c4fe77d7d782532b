/*
 * scan_int.h - state shared by the tasks of a scan. All of it belongs to the runtime's thread; a
 * worker has access to one piece while a consumer waits for it.
 */
#ifndef SLUICE_SCAN_SCAN_INT_H
#define SLUICE_SCAN_SCAN_INT_H

#include "sluice/rt/channel.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/semaphore.h"
#include "sluice/scan/join.h"
#include "sluice/scan/scan.h"

/* An input in the pipeline: listed -> opened -> read, closed -> merged, freed. */
struct scan_job {
	struct sl_list of_scan; /* in scan.jobs until it is freed */
	struct sl_input *input;
	struct sl_semaphore opening; /* held by the opener until the input is open */
	struct scan_piece *small;    /* the whole file, read by the opener; or NULL */
	bool has_window;             /* one of scan.windows: a descriptor may be open */
	unsigned reads;              /* ranges that are being read or queued */
	bool is_numbered;            /* its first piece has a number */
	bool is_exhausted;           /* its last piece has one */
	bool is_over;                /* nothing more is read: the next piece is the last */
	enum sl_form form;           /* by its first piece */
	bool is_binary;
	bool has_only_cr; /* its first piece has no newline, but carriage returns */
	/* What the lister found: OK = to be read, else skipped, and input->err holds why. */
	enum sl_scan_state listed_as;
	struct sl_group *reading; /* the task that waits for a stream's next bytes, or NULL */

	/* The merger's. */
	bool has_begun;
	bool ignores_rest; /* the state is final, later pieces are not counted */
	bool is_limited;   /* because max_hits was reached */
	enum sl_scan_state state;
	uint64_t hits; /* passed to the sinks, or counted towards max_hits */
	uint64_t begun_ns;
	struct sl_join_totals totals; /* if ignores_rest */
};

/* A part of an input; owned by the task or channel that holds it. */
struct scan_piece {
	uint64_t seq; /* its number */
	struct scan_job *job;
	struct sl_chunk *chunk; /* NULL once the bytes are no longer needed */
	unsigned char *data;    /* in the chunk */
	struct sl_input_range range;
	bool is_first, is_last;
	bool is_deferred; /* a worker reads and scans it in steps */
	bool is_scanned;
	bool is_short;     /* the file ended before the range did */
	int code;          /* of reading */
	size_t len;        /* bytes that were read */
	enum sl_form form; /* of its bytes, found while it was scanned */
	uint64_t *marks;   /* a bit for each byte of a chunk, or NULL */
	struct sl_join_piece found;
	struct scan_piece *next_free;
};

struct scan {
	const struct sl_scan_setup *setup;
	struct sl_scan_progress *progress;
	const struct sl_match_plan *plan; /* NULL: regular expressions */
	const struct sl_match_kernel *kernel;
	unsigned wanted; /* kinds of events that a sink wants */
	bool by_line;    /* matching lines are marked, and chunks kept until they are merged */
	size_t chunk_size;
	/* A chunk for each consumer, or NULL: then readers read everything. With them, data in the
	 * page cache is read by the worker that scans it, in steps that stay in its CPU's cache. */
	struct sl_chunk_pool *steps;
	size_t step_size;
	struct sl_chunk_pool *smalls; /* for openers to read small files into */
	_Atomic bool is_ending;       /* results are no longer needed: workers stop early */

	struct sl_group group;
	unsigned openers, readers, consumers; /* that have not ended */
	struct sl_list jobs;
	size_t listed_arguments; /* of setup->paths: those with a job, or walked to the end */
	struct sl_chunk_pool *pool;
	struct sl_channel *listed; /* struct scan_job *: lister -> opener */
	struct sl_channel *opened; /* struct scan_job *: openers -> readers; may not be open yet */
	struct sl_channel *queue;  /* struct scan_piece *: readers -> consumers */
	struct sl_channel *done;   /* struct scan_piece *: readers and consumers -> merger */
	struct sl_semaphore windows;   /* inputs that are open */
	struct sl_semaphore numbers;   /* pieces from number to merger */
	struct sl_semaphore turn;      /* to take a number; held while a stream is read */
	struct sl_semaphore open_turn; /* to take listed inputs and pass them on in order */
	struct sl_input_context inputs;

	struct scan_job *current; /* the input that is being read; under `turn` */
	uint64_t next_seq;        /* likewise */
	struct scan_piece *free_pieces;
	struct scan_piece **pending; /* by seq modulo pending_count: waiting for older ones */
	size_t pending_count;

	struct sl_matcher *matcher; /* the merger's */
	struct sl_join join;
};

/* ---- scan_piece.c ---- */

/* A piece of this input, without a number. NULL if out of memory. */
struct scan_piece *sl_scan_piece_new(struct scan *scan, struct scan_job *job);

/* Take a reference to the chunk; the piece's bytes begin at `off` in it. Returns 0 or -ENOMEM. */
int sl_scan_piece_hold(struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk,
	size_t off) SL_MUST_CHECK;

/* With its chunk. NULL is fine. */
void sl_scan_piece_free(struct scan *scan, struct scan_piece *piece);

/* It must be closed. */
void sl_scan_job_free(struct scan_job *job);

/* Set the result that scanning the zeros of a hole would have. */
void sl_scan_piece_scan_hole(const struct scan *scan, struct scan_piece *piece);

/* ---- scan_read.c ---- */

/* `len` bytes of it were read before `got`, a count or a code. */
void sl_scan_piece_take_bytes(struct scan *scan, struct scan_piece *piece, int got, size_t len);

/* The same for a range, `got` of sl_input_read. The input is closed after the last. */
SL_SUSPENDS
void sl_scan_piece_was_read(struct scan *scan, struct scan_piece *piece, int got, size_t len);

/* Its bytes are to be scanned, not only passed on. */
bool sl_scan_piece_is_text(const struct scan_piece *piece);

/* True if the code means that the task was cancelled, not that the input failed. */
bool sl_scan_is_cancellation(int code);

/* ---- scan_match.c ---- */

/* Time after which a worker gives way, with a pattern that takes long: a signal is heard, and other
 * pieces have their turn. */
#define SL_SCAN_STEP_NS (50 * SL_NS_PER_MS)

/* The bytes of a piece, here or on a worker, if sl_scan_is_quick(). */
void sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece);

/* On workers. Returns 0, or what cancelled it. */
SL_SUSPENDS
int sl_scan_piece_offload(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher);

/* A plan that is not joined to others takes the same short time for all input. */
static inline bool
sl_scan_is_quick(const struct scan *scan)
{
	return scan->plan && !scan->plan->next;
}

/* Scanning at most so many bytes for literals takes less time than waking a worker. */
#define SL_SCAN_INLINE (64u * 1024u)

/* Files of at most so many bytes are read whole by their opener. */
#define SL_SCAN_SMALL (64u * 1024u)

#define SL_SCAN_OPENERS 3u
#define SL_SCAN_SMALLS_SIZE (256u * 1024u) /* bytes an opener reads at a time */

/* ---- the tasks: struct scan * ---- */

SL_SUSPENDS
int sl_scan_list(void *arg);
SL_SUSPENDS
int sl_scan_open(void *arg);
SL_SUSPENDS
int sl_scan_read(void *arg);

/* Takes the piece. Returns 0, or 1 if the scan is over before its inputs are, or a negative
 * code. */
SL_SUSPENDS
int sl_scan_merge(struct scan *scan, struct scan_piece *piece);

#endif
