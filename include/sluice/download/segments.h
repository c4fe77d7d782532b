/*
 * segments.h - the segments of one transfer: how many there are at a time, and which bytes each
 * fetches.
 *
 * Pieces are leased in order, each for one request, so that a checksum can follow closely. When
 * none is left, an idle connection takes half of the largest rest; the last rests are requested
 * once more from another connection if that is likely to be faster, and the slower one is
 * cancelled. A connection that is far slower than the others is closed, and what it had left is
 * missing again.
 *
 * With several sources, each new segment goes to the one with the fewest connections in relation to
 * the rate of these. A source whose segments fail is dropped as long as another one is left.
 */
#ifndef SLUICE_DOWNLOAD_SEGMENTS_H
#define SLUICE_DOWNLOAD_SEGMENTS_H

#include "sluice/download/admission.h"
#include "sluice/download/ranges.h"
#include "sluice/download/segment.h"

struct sl_segments_counts {
	uint64_t requests; /* for ranges, that were answered */
	uint64_t split;    /* pieces that were taken from a running segment */
	uint64_t hedged;   /* that were requested once more */
	uint64_t replaced; /* connections that were too slow */
};

struct sl_segments {
	/* The caller's: */
	struct sl_admission *admission;
	struct sl_ranges *ranges;
	struct sl_segment model; /* what all segments of the transfer have in common */
	/* What is asked, in the order of preference; only those that are JOINED. */
	struct sl_source *const *sources;
	size_t source_count; /* at most 32 */
	unsigned most;       /* at a time; at least 1 */
	uint64_t piece;      /* bytes to begin with; a multiple of the size of a chunk */
	const int *failure;
	/* A source has failed, or its version has changed, and is DROPPED now, since others are
	 * left. Its segments have been cancelled. (The model's `accept` returns -EAGAIN if it has
	 * changed the source: the same is to be requested once more.) */
	void (*dropped)(void *ctx, struct sl_source *source, const struct sl_error *err);
	/* For bytes that are used in order, else NULL: no piece may reach beyond this byte. */
	uint64_t (*limit)(void *ctx);
	/* Use what a segment that was stopped had begun, or what a response has brought: called by
	 * the task that drives them, often and at the end. 0 or the code that ends it all. */
	SL_SUSPENDS
	int (*flush)(void *ctx);
	void *ctx;
	/* Progress: */
	struct sl_segments_counts counts;
	/* segments*.c's: */
	struct sl_segments_slot *slots;
	unsigned running, allowed;
	unsigned failures;            /* in a row, without progress */
	uint64_t progress;            /* ranges->done_bytes at the last failure */
	uint64_t add_after_ns;        /* no segment is added before */
	uint64_t usual_bytes_s;       /* the rate of a connection, while there were others */
	uint64_t replaced_at;         /* ranges->done_bytes then */
	unsigned replaced_in_vain;    /* times without progress since the one before */
	uint64_t replaced_ns;         /* when a connection was last replaced */
	const struct sl_source *slow; /* whose it was, until the next is added; NULL = none */
	bool are_refused;             /* the server does not send ranges any more */
	bool is_whole_sent;           /* the first response is one of all of the file */
	struct sl_source *failed;     /* that of the segment that failed last; NULL = none has */
	int code;                     /* of the segment that failed last, or what ends it all */
	struct sl_error *last_error;  /* its words */
	struct sl_list waiting;       /* waiter: the task that drives them */
};

/*
 * Fetch what is missing in the ranges. `first` is an open segment with a lease, which goes on here
 * with its permit: both are taken; NULL = none. Its lease must live until this returns. Returns 0
 * once all is done; of the last source that is left, SL_E_UNSUPPORTED if it does not send the
 * ranges that are missing, or SL_E_CHANGED; the failure of the transfer; or the code of the last
 * segment, once none is left that works: then what has arrived is done, and a later call goes on
 * with the rest.
 */
SL_SUSPENDS
int sl_segments_run(struct sl_segments *segments, struct sl_segment *first,
	struct sl_permit *permit, struct sl_error *err) SL_MUST_CHECK;

/* While it runs: a source that was COMPARING is of no use, for the reason in *err. It is dropped,
 * or, if no other is left, the run ends as for one that does not send ranges. */
void sl_segments_refuse(
	struct sl_segments *segments, struct sl_source *source, const struct sl_error *err);

#endif
