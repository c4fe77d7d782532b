/*
 * batch.h - many files at once: a queue of entries, each downloaded and reported with what became
 * of it.
 *
 * Entries are added before and while the batch runs, and then those that a source gives are taken.
 * One job task for each of `jobs` files under way; a million entries of a source cost a million
 * names, not a million tasks. Small files are committed in groups (commit.c), large ones by
 * themselves.
 */
#ifndef SLUICE_DOWNLOAD_BATCH_H
#define SLUICE_DOWNLOAD_BATCH_H

#include "sluice/download/commit.h"
#include "sluice/download/manifest.h"
#include "sluice/download/part.h"
#include "sluice/download/plan.h"
#include "sluice/download/present.h"
#include "sluice/download/retry.h"
#include "sluice/download/segments.h"
#include "sluice/download/tee.h"
#include "sluice/http/client.h"
#include "sluice/rt/chunk.h"

enum sl_download_state {
	SL_DOWNLOAD_WAITING, /* in the queue */
	SL_DOWNLOAD_PAUSED,  /* in the queue, until it is resumed */
	SL_DOWNLOAD_CONNECTING,
	SL_DOWNLOAD_RECEIVING,
	SL_DOWNLOAD_FINISHING, /* all bytes are here: checked, synced, renamed */
	SL_DOWNLOAD_DONE,
	SL_DOWNLOAD_PLANNED, /* by a dry run: it would be downloaded */
	SL_DOWNLOAD_SKIPPED, /* the final name held it already */
	SL_DOWNLOAD_FAILED,
	SL_DOWNLOAD_REMOVED,   /* by sl_batch_remove */
	SL_DOWNLOAD_CANCELLED, /* not its own failure: a sibling's, a signal, the deadline of the
				  run */
};

/* Of the map of a file. The longest bar has as many columns. */
#define SL_DOWNLOAD_CELLS 60

/* One file, for events and sl_batch_each. Valid while the callback runs. */
struct sl_download {
	uint64_t index;   /* place among the inputs, from 0 */
	const char *url;  /* of the source in use, without secrets; "" if it is not a URL */
	const char *path; /* where it goes; "-" = stdout; "" if unknown yet */
	enum sl_download_state state;
	uint64_t received; /* bytes of the body so far, also those that were resumed */
	uint64_t resumed;  /* of them, those that an earlier run had left */
	uint64_t fetched;  /* bytes that this run has received of it, in all attempts */
	uint64_t total;    /* SL_BODY_UNKNOWN until known; of a skipped one what is there */
	unsigned segments; /* RECEIVING: requests that bring its bytes now */
	/* Which parts of it have been received, as of sl_ranges_map; not set unless has_gaps. */
	uint8_t cells[SL_DOWNLOAD_CELLS];
	bool has_gaps; /* bytes behind the first missing one have been received */
	uint64_t started_ns, ended_ns;
	unsigned retries; /* attempts that failed and were followed by another */
	uint64_t wait_ns; /* `retrying`: until the next attempt; 0 = at once */
	/* All sources of the entry, with what may be secret in them; and the bytes of each that are
	 * used so far, if it comes in ranges. */
	const struct sl_span *sources;
	size_t source_count;
	const uint64_t *delivered;
	bool excess;     /* the server sent more than it announced; cut off */
	bool unverified; /* skipped without looking inside */
	bool is_repeat;  /* the same as an earlier input: skipped if that is done */
	bool checked;    /* there was a checksum, given or sent: what is done or skipped has it */
	bool waiting;    /* complete, until its group is committed */
	bool streamed;   /* to standard output, a device or a FIFO */
	void *tee;       /* of the consumer of sl_batch_options; NULL = no byte has come */
	const struct sl_error *error; /* FAILED, CANCELLED, and of an attempt that failed */

	const struct sl_resource *remote; /* PLANNED: what the server has; else NULL */
	bool replaces;                    /* PLANNED: a file that exists */
	uint64_t present;                 /* PLANNED: bytes that need not be downloaded */
};

struct sl_batch_events {
	void *ctx;
	/* Its path is known if it has one; with server_names it may become another. Once more each
	 * time it goes on after a pause. */
	SL_SUSPENDS
	void (*started)(void *ctx, const struct sl_download *download);
	/* An attempt failed (download->error), and another will follow, at the next source or after
	 * download->wait_ns. */
	SL_SUSPENDS
	void (*retrying)(void *ctx, const struct sl_download *download);
	/* It was under way, and is PAUSED now. */
	SL_SUSPENDS
	void (*paused)(void *ctx, const struct sl_download *download);
	SL_SUSPENDS
	void (*ended)(void *ctx, const struct sl_download *download);
};

/* The next entry: 1, 0 at the end, or a code with words in *err for one that cannot be used: it
 * counts as failed, and the next call goes on. What *out points at is valid until the next call;
 * with a code it is not used. */
typedef int sl_batch_source(void *ctx, struct sl_entry *out, struct sl_error *err);

struct sl_batch_options {
	struct sl_http_client *client;
	struct sl_chunk_pool *pool;
	const char *dir;    /* of the run; NULL = "." */
	const char *output; /* name of the only file, may point anywhere; "-" = stdout; NULL = from
			       the URL */
	bool tree;          /* host and path of a URL that gives the name become directories */
	bool server_names;  /* the server's name of a file, if it sends one, instead of the URL's */
	enum sl_if_exists if_exists;
	unsigned jobs;        /* at least 1; fewer run if the pool is small */
	unsigned per_host;    /* segments to one host at once; 0 = as many as the client connects */
	unsigned segments;    /* of one file at once; 0 = 1 */
	uint64_t min_segment; /* bytes, a multiple of the size of a chunk */
	bool resume; /* keep a journal of large files, and go on with what a run has left */
	/* After reading it back. Also read complete files of which it is known what they were. */
	bool verify_resume;
	bool keep_journal;  /* of complete files; with resume, as the next two */
	bool adopt, append; /* as of sl_present_options */
	bool fail_fast;
	enum sl_sync_mode sync;
	bool remote_time;
	enum sl_io_mode io;
	bool allow_outside;
	/* Find out what would be done, and do nothing: no file and no directory is made, and no
	 * body is read. Files that exist are compared as otherwise. */
	bool dry_run;
	bool compressed;            /* request content codings, and decode them */
	bool decompress;            /* store the content of compressed files */
	uint64_t decode_window_max; /* bytes; see sl_decoder_new */
	unsigned descriptors; /* that may be open at once for files and connections; bounds jobs and
			       * groups */
	/* How long a FIFO may be without a reader, and the opening of a directory may take. */
	uint64_t stall_timeout_ns;
	struct sl_retry_policy retry;
	sl_batch_source *source; /* of entries that follow those added; NULL = there are none */
	void *source_ctx;
	bool stays_open; /* the run goes on when nothing is left to do, until sl_batch_close */
	struct sl_batch_events events;
	const struct sl_tee_consumer *tee; /* of what is stored of each file; NULL = none */
};

struct sl_batch_summary {
	uint64_t files; /* that were begun, or removed before */
	uint64_t done, planned, skipped, failed, removed, cancelled;
	uint64_t bytes;   /* received by this run */
	uint64_t resumed; /* bytes of these files that earlier runs had left */
	/* Time that downloads waited, summed over all: for the server, for the client's rate limit,
	 * for the disk or stdout, for the hasher, for the decoder, for the commit. The largest
	 * names the bottleneck. */
	uint64_t network_ns, limited_ns, disk_ns, hash_ns, decode_ns, commit_ns;
	uint64_t tee_ns;   /* for the consumer of the tee */
	uint64_t tee_read; /* bytes that it was given from partial files of earlier runs */
	struct sl_segments_counts segments; /* of all files */
	uint64_t read_back;                 /* bytes, to compute checksums */
	uint64_t journal_syncs;             /* of partial files, before they were complete */
	uint64_t waiting;                   /* files that wait to be tried again now */
	uint64_t kept;                      /* unfinished ones that a later run can resume */
	uint64_t unverified;                /* skipped ones whose content was not checked */
	uint64_t retries;                   /* attempts that failed and were followed by another */
	uint64_t repeats;     /* skipped ones that are the same download as an earlier input */
	uint64_t first_index; /* of the first failed one in input order; valid if failed > 0 */
	/* Of that one; with failed == 0: what the disk of the files that are done reported at the
	 * end; else empty. */
	struct sl_error first_error;
	bool durable; /* at least one file is done, and each that is done stays after a power cut */
};

struct sl_batch;

/* Options are copied; what they point at must live as long as the batch. Returns 0 or -ENOMEM. */
int sl_batch_new(struct sl_batch **out, const struct sl_batch_options *options) SL_MUST_CHECK;
void sl_batch_free(struct sl_batch *batch);

/*
 * Download everything, once. Returns 0 if every file is done, skipped or removed; the code of the
 * first failed file in input order; what the disk reported at the end; or the cancellation, also if
 * entries are left in the queue (paused). The summary is filled in any case.
 */
SL_SUSPENDS
int sl_batch_run(struct sl_batch *batch, struct sl_batch_summary *summary) SL_MUST_CHECK;

/*
 * Stop: what is under way is cancelled and cleaned up. With -ECANCELED, files whose bytes are all
 * here are still given their names; with SL_E_INTERRUPTED nothing more is begun.
 */
void sl_batch_cancel(struct sl_batch *batch, int reason);

/* ---- the queue ---- */

/* Where in the queue: 0 = next. Past its end = at the end. */
#define SL_BATCH_LAST SIZE_MAX

/*
 * Add an entry, before or while the batch runs. It is copied. Its number, by which it is named from
 * now on, goes to *index: place among all inputs, those of the source included. Returns 0; -ENOMEM.
 */
int sl_batch_add(struct sl_batch *batch, const struct sl_entry *entry, size_t position,
	uint64_t *index) SL_MUST_CHECK;

/*
 * Keep it in the queue until it is resumed. If it is under way, it is stopped first, and goes back
 * to the head of the queue without the bytes it has received; `paused` reports that. Returns 0,
 * also if it is paused already; -ENOENT: no such entry, or it has ended; -EBUSY: too late, all its
 * bytes are here or went to a stream, and it will end soon.
 */
int sl_batch_pause(struct sl_batch *batch, uint64_t index) SL_MUST_CHECK;

/* Returns 0, also if it is not paused; -ENOENT. */
int sl_batch_resume(struct sl_batch *batch, uint64_t index) SL_MUST_CHECK;

/* Returns 0; -ENOENT; -EBUSY if it is under way. */
int sl_batch_move(struct sl_batch *batch, uint64_t index, size_t position) SL_MUST_CHECK;

/*
 * It ends as REMOVED, at once if it waits in the queue. Its name may be used by later entries.
 * Returns as sl_batch_pause; a stream that is under way can be removed.
 */
SL_SUSPENDS
int sl_batch_remove(struct sl_batch *batch, uint64_t index) SL_MUST_CHECK;

/* For stays_open: no entries will be added any more; the run ends once all are. */
void sl_batch_close(struct sl_batch *batch);

/* The entries in the queue, in their order: WAITING or PAUSED. */
void sl_batch_each_queued(struct sl_batch *batch,
	void (*see)(void *ctx, const struct sl_download *download), void *ctx);

/* ---- looking at it ---- */

/* The downloads under way, oldest first; and the summary so far. */
void sl_batch_each(struct sl_batch *batch,
	void (*see)(void *ctx, const struct sl_download *download), void *ctx);

/* The parts that downloads under way have now, as paths. */
void sl_batch_each_part(
	const struct sl_batch *batch, void (*see)(void *ctx, const char *path), void *ctx);

/* With dry_run: the sums of what would be downloaded. Valid until sl_batch_free. */
const struct sl_plan *sl_batch_plan(const struct sl_batch *batch);

const struct sl_batch_summary *sl_batch_summary(struct sl_batch *batch);

#endif
