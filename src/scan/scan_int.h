/*
 * scan_int.h - what the tasks of a scan share. All of it belongs to the runtime's thread; a worker
 * sees one piece while a consumer waits for it.
 */
#ifndef SLUICE_SCAN_SCAN_INT_H
#define SLUICE_SCAN_SCAN_INT_H

#include "sluice/rt/channel.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/semaphore.h"
#include "sluice/scan/join.h"
#include "sluice/scan/scan.h"

/* An input on its way: listed -> opened -> read, closed -> merged, freed. */
struct scan_job {
	struct sl_list of_scan; /* in scan.jobs until it is freed */
	struct sl_input *input;
	bool has_window;   /* one of scan.windows: a descriptor may be open */
	unsigned reads;    /* ranges given out and not yet read */
	bool is_numbered;  /* its first piece has a number */
	bool is_exhausted; /* its last piece has one */
	bool is_over;      /* no more of it is to be read: the next piece is the last */
	enum sl_form form; /* by its first piece */
	bool is_binary;
	bool has_only_cr; /* its first piece has no newline, but carriage returns */
	/* What the lister found: OK = to be read, else passed over, and input->err says why. */
	enum sl_scan_state listed_as;
	struct sl_group *reading; /* the task that waits for a stream's next bytes, or NULL */

	/* The merger's. */
	bool has_begun;
	bool ignores_rest; /* what comes is not counted: the state is settled */
	bool is_limited;   /* because max_hits was reached */
	enum sl_scan_state state;
	uint64_t hits; /* given to the sink, or counted towards max_hits */
	uint64_t begun_ns;
	struct sl_join_totals totals; /* if ignores_rest */
};

/* A numbered part of an input; owned by the task or channel that holds it. */
struct scan_piece {
	uint64_t seq;
	struct scan_job *job;
	struct sl_chunk *chunk; /* NULL once its bytes are not needed any more */
	struct sl_input_range range;
	bool is_first, is_last;
	bool is_deferred;  /* not read yet: the consumer does it, into its own chunk */
	bool is_short;     /* the file ended before the range did */
	int code;          /* of reading */
	size_t len;        /* bytes that are there */
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
	bool by_line; /* matching lines are marked, and chunks kept until they are merged */
	size_t chunk_size;
	/* A chunk for each consumer, or NULL: then what is warm is read by the readers too. With
	 * them, only the worker that scans warm bytes touches them: they are copied from the page
	 * cache into its processor's cache and never travel to another. */
	struct sl_chunk **scratch;
	unsigned scratch_count, scratch_taken;

	struct sl_group group;
	unsigned readers, consumers; /* that have not ended */
	struct sl_list jobs;
	struct sl_chunk_pool *pool;
	struct sl_channel *listed;   /* struct scan_job *: lister -> opener */
	struct sl_channel *opened;   /* struct scan_job *: opener -> readers */
	struct sl_channel *queue;    /* struct scan_piece *: readers -> consumers */
	struct sl_channel *done;     /* struct scan_piece *: readers and consumers -> merger */
	struct sl_semaphore windows; /* inputs that are open */
	struct sl_semaphore numbers; /* pieces from number to merger */
	struct sl_semaphore turn;    /* to take a number; held while a stream is read */

	struct scan_job *current; /* whose ranges are given out; under `turn` */
	uint64_t next_seq;        /* likewise */
	struct scan_piece *free_pieces;
	struct scan_piece **pending; /* by seq modulo pending_count: waiting for older ones */
	size_t pending_count;

	struct sl_matcher *matcher; /* the merger's */
	struct sl_join join;
};

/* ---- scan.c ---- */

/* A piece of this input with the next number; scan.numbers was taken for it. NULL if memory ends.
 */
struct scan_piece *sl_scan_piece_new(struct scan *scan, struct scan_job *job);

/* It holds the chunk too from now on. Returns 0 or -ENOMEM. */
int sl_scan_piece_hold(
	struct scan *scan, struct scan_piece *piece, struct sl_chunk *chunk) SL_MUST_CHECK;

/* With its chunk. NULL is fine. */
void sl_scan_piece_free(struct scan *scan, struct scan_piece *piece);

/* It must be closed. */
void sl_scan_job_free(struct scan_job *job);

/* After its range was read: `got` of sl_input_read, `len` bytes are there. The input is closed
 * after the last. */
SL_SUSPENDS
void sl_scan_piece_was_read(struct scan *scan, struct scan_piece *piece, int got, size_t len);

/* Reading it failed because the task was cancelled, which is not the input's affair. */
bool sl_scan_is_cancellation(int code);

/* On a worker, or here if it is small. */
void sl_scan_piece_scan(struct scan *scan, struct scan_piece *piece, struct sl_matcher *matcher);

/* ---- the tasks: struct scan * ---- */

SL_SUSPENDS
int sl_scan_list(void *arg);
SL_SUSPENDS
int sl_scan_open(void *arg);
SL_SUSPENDS
int sl_scan_read(void *arg);

/* Takes the piece. Returns 0, or 1 if the scan is over before its inputs are, or a negative code.
 */
SL_SUSPENDS
int sl_scan_merge(struct scan *scan, struct scan_piece *piece);

#endif
