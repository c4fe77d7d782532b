/*
 * tee.h - the bytes of a file go to a consumer besides its part or stream: each byte of its final
 * version once, in any order, from the same memory as the write.
 *
 * A tee belongs to a file and outlives its attempts. What an attempt has passed is not passed again
 * by the next one, as long as both fetch the same version; what is in a part that was taken over
 * and has not been passed is read from it, once. If a version is discarded, the consumer is told to
 * begin again.
 *
 * Up to SL_TEE_PASSES chunks of a file are with the consumer at a time, each in a task of its own
 * that holds the chunk; the task that brings another one waits.
 *
 * A consumer may want the bytes of a file in order. Then one task passes them, one chunk at a time;
 * chunks that come early wait in a queue (tee_queue.h), for which the transfer keeps its segments
 * close together. Only bytes for which that has no room are read from the part.
 */
#ifndef SLUICE_DOWNLOAD_TEE_H
#define SLUICE_DOWNLOAD_TEE_H

#include "sluice/download/part.h"
#include "sluice/download/ranges.h"
#include "sluice/download/tee_queue.h"
#include "sluice/http/resource.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/semaphore.h"
#include "sluice/rt/task.h"

#define SL_TEE_PASSES 4 /* of one file at a time */
#define SL_TEE_HEAD 64u /* bytes by which most formats can be told */

/* Of the run. `file` is what `open` returned. */
struct sl_tee_consumer {
	void *ctx;

	/* The bytes of a file come now. `path` as in sl_download. NULL: it is not wanted. */
	void *(*open)(void *ctx, const char *url, const char *path);

	/* The file begins, or what was passed is void. So many bytes at its beginning are those of
	 * a complete file that has grown, and is under `path` still; or 0. Returns from where bytes
	 * are to be passed, 0 or more of these. NULL = all of them are. */
	SL_SUSPENDS
	uint64_t (*from)(void *file, uint64_t known_len);

	/* Whether the bytes of a file that is saved are to be passed in order, by one task. Asked
	 * when it begins, with NULL; and if that is not wanted, once the first SL_TEE_HEAD bytes
	 * are known, or all, before any is passed. With `len` 0 these will come after others,
	 * unless order is wanted. NULL = in any order. */
	bool (*wants_order)(void *file, const unsigned char *head, size_t len);

	/* These bytes of the file; several tasks at once. They are the consumer's until it returns.
	 * In a cancelled task it must return soon. */
	SL_SUSPENDS
	void (*pass)(void *file, uint64_t off, const unsigned char *data, size_t len);

	/* What was passed is void. */
	void (*restart)(void *file);

	/* All `len` bytes of the file were passed, and are what is wanted. */
	SL_SUSPENDS
	void (*finish)(void *file, uint64_t len);

	void (*free)(void *file);
};

/* What of a chunk was not passed before: more than a range if a retry cuts chunks elsewhere. */
#define SL_TEE_RANGES 4

struct sl_tee_slot {
	struct sl_tee *tee;
	struct sl_chunk *chunk;                /* NULL = free */
	struct sl_range ranges[SL_TEE_RANGES]; /* in it */
	size_t count;
};

/* What a run of the transfer passes. */
struct sl_tee_source {
	const char *url, *path; /* the path is NULL if the response has it: see sl_tee_open */
	/* Of the bytes at hand, if they are resumed; else NULL: everything comes now. */
	const struct sl_resource *version;
	struct sl_part *part;            /* NULL = a stream */
	const struct sl_ranges *written; /* in the part */
	struct sl_chunk_pool *pool;      /* for what is read from it */
	uint64_t known_len; /* for sl_tee_consumer.from; in the part */
};

struct sl_tee_counts {
	uint64_t waited_ns; /* for room */
	uint64_t read;      /* bytes from the part */
};

/* In the memory of its file; fields are the module's, but others may read `file` and counts. */
struct sl_tee {
	const struct sl_tee_consumer *consumer; /* NULL = there is none: nothing is done */
	struct sl_tee_share *share;             /* of the run */
	void *file;                             /* the consumer's */
	struct sl_ranges passed;
	struct sl_resource version; /* of what was passed, if has_version */
	bool has_version;
	bool is_broken; /* some of what is marked as passed was not */
	/* While a transfer runs: */
	struct sl_tee_source source;
	struct sl_group group;
	struct sl_semaphore room;
	struct sl_tee_slot slots[SL_TEE_PASSES];
	bool is_running, is_stopping;
	bool wants_order; /* of what was passed and is passed */
	/* In order: */
	bool is_ordered;
	bool is_ending; /* nothing more will come */
	bool is_over;   /* the task that passes has ended */
	struct sl_tee_queue queue;
	struct sl_list idle;    /* waiter: the task that passes */
	struct sl_list waiting; /* waiters: for room */
	struct sl_tee_counts counts;
};

/* *share is that of the run, and must stay. */
void sl_tee_init(struct sl_tee *tee, const struct sl_tee_consumer *consumer,
	struct sl_tee_share *share);

/* No transfer may be running. Harmless if nothing was passed. */
void sl_tee_release(struct sl_tee *tee);

/* A transfer begins to receive, in the task that ends it. What *source points to must live until
 * then. */
SL_SUSPENDS
void sl_tee_begin(struct sl_tee *tee, const struct sl_tee_source *source);

/* The name of a file that began without one is known, and none of its bytes has come. */
void sl_tee_open(struct sl_tee *tee, const char *url, const char *path);

/* The first bytes of a file that begins decide about the order of all, and are to be shown before
 * that is used. */
bool sl_tee_wants_head(const struct sl_tee *tee);

/* They have come, and none was put: at least SL_TEE_HEAD, or all of a file. */
void sl_tee_show_head(struct sl_tee *tee, const unsigned char *head, size_t len);

/* Wait until fewer than SL_TEE_PASSES are with the consumer, and keep the place of one for
 * sl_tee_put, of a chunk that begins at `off`. In order, wait only for those that can be passed
 * before it. Returns 0, or the cancellation of the task. */
SL_SUSPENDS
int sl_tee_reserve(struct sl_tee *tee, uint64_t off) SL_MUST_CHECK;

/* It is not needed after all. */
void sl_tee_unreserve(struct sl_tee *tee);

/*
 * In a place that was reserved, what was not passed yet of a chunk that has just been given to the
 * sink, before the task suspends. The chunk is referenced, and its bytes must not change any more.
 * Never suspends.
 */
void sl_tee_put(struct sl_tee *tee, struct sl_chunk *chunk);

/* Bytes are passed in order: the transfer is to fetch them within a window (tee_queue.h). */
static inline bool
sl_tee_is_ordered(const struct sl_tee *tee)
{
	return tee && tee->is_running && tee->is_ordered;
}

/* Bytes were written to the part. Never suspends. */
void sl_tee_wake(struct sl_tee *tee);

/*
 * The transfer has received all it will. `version` of what was passed, if later attempts may go on
 * with it; else NULL. If it `succeeded`, what is in the part and was not passed is read to its end;
 * otherwise only what is with the consumer is waited for.
 */
SL_SUSPENDS
void sl_tee_end(struct sl_tee *tee, const struct sl_resource *version, bool succeeded);

/* The file is complete, and has `len` bytes. */
SL_SUSPENDS
void sl_tee_finish(struct sl_tee *tee, uint64_t len);

#endif
