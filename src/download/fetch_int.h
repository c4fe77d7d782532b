/*
 * fetch_int.h - what one download is made of; shared by batch.c, target.c, existing.c, fetch.c,
 * answer.c, writer.c and commit.c.
 *
 * Cancellation has three reasons here: -ECANCELED (a sibling failed, or the batch was stopped):
 * what is complete is still given its name; -ETIMEDOUT (the run's time is over) and
 * SL_E_INTERRUPTED (a signal): nothing more is begun.
 */
#ifndef SLUICE_DOWNLOAD_FETCH_INT_H
#define SLUICE_DOWNLOAD_FETCH_INT_H

#include "sluice/download/batch.h"
#include "sluice/download/names.h"
#include "sluice/rt/channel.h"
#include "sluice/rt/semaphore.h"

/* Bodies up to this go to the disk buffered and are committed in groups; larger ones direct, each
 * by itself. */
#define SMALL_MAX (4 * SL_MIB)

/* Group commit: whichever comes first. 256 files keep 256 descriptors. */
#define COMMIT_FILES 256
#define COMMIT_BYTES (64 * SL_MIB)
#define COMMIT_NS SL_NS_PER_S
#define GATHER_NS (5 * SL_NS_PER_MS) /* with --sync=none */

/* Created with 0666, which the kernel reduces by the umask or the directory's default ACL. */
#define MODE_OF_NEW UINT32_MAX

/* What is not a failure (a negative code). */
enum fetch_outcome {
	FETCH_DONE = 0,        /* or: go on */
	FETCH_SKIPPED = 1,     /* the file is there already */
	FETCH_HANDED_OVER = 2, /* to the committer: the fetch is no longer the caller's */
	FETCH_REPEAT = 3,      /* the same download as an earlier input, which has the name */
};

enum target_kind { TARGET_FILE, TARGET_STREAM /* stdout, a character device, a FIFO */ };

/* Later inputs that are the same download, and end as it does. */
struct repeats {
	uint64_t *indices;
	size_t count, cap;
};

/*
 * One download. Made by a job, which owns it until it is reported or handed to the committer; freed
 * when it is reported.
 */
struct fetch {
	struct sl_download view;
	struct sl_list link;       /* batch->active */
	struct sl_list unreported; /* at the end of a run: reported after all parts are gone */
	struct sl_batch *batch;
	struct sl_entry entry;
	struct sl_error error;
	struct sl_url url; /* of the source in use */
	size_t source;     /* its index in entry.sources */
	char *url_text, *path;

	enum target_kind target;
	struct sl_directory *directory; /* one reference; NULL for stdout */
	char *name;                     /* final name in the directory */
	char *stem;    /* with --if-exists=rename: what NAME.N is made of; else NULL */
	char *key;     /* of the name in batch->names; NULL until it was claimed */
	bool owns_key; /* false: another input was first */
	struct repeats repeats;
	bool replace;
	uint32_t mode;   /* of the file that is replaced; else MODE_OF_NEW */
	bool needs_sync; /* complete before, but perhaps not on disk yet: the committer syncs it */
	int stream_fd;   /* TARGET_STREAM */

	struct sl_part part;
	struct sl_http_exchange *exchange;
	struct sl_chunk *chunk;   /* being filled */
	struct sl_digest *digest; /* if there is a checksum to check */
	uint64_t modified_ns;     /* the time the file is to get, wall clock; 0 = none */
};

/* A file system that files of this run went to. */
struct device {
	struct sl_directory *directory; /* one on it, one reference; NULL = unused */
	int failure;                    /* of a sync: nothing on it is durable any more */
};
#define DEVICES_MAX 16

struct sl_batch {
	struct sl_batch_options options;
	struct sl_batch_summary summary;
	struct sl_directories directories;
	struct sl_directory *directory; /* of the run; NULL until the first file needs it */
	struct sl_names names;
	struct sl_list active;
	struct sl_group *jobs, *committer; /* NULL unless running */
	struct sl_channel
		*finished;      /* of struct fetch *: small files on their way to the committer */
	unsigned commit_files;  /* of a group, at most COMMIT_FILES */
	uint64_t last_words_ns; /* until when the ends of cancelled downloads are reported; 0 = none
				   yet */
	bool sync_each;         /* syncfs has failed once: it cannot vouch for a group any more */
	struct device devices[DEVICES_MAX];
	uint64_t uncommitted_bytes; /* of small files that are complete and not committed yet */
	bool not_durable;           /* a stream, or a file whose sync failed */
	bool time_noted;            /* that a file system does not keep times */
	int commit_code;            /* why the committer ended while files still came */
	uint64_t next_index;
	bool source_ended;
	struct sl_semaphore source_turn; /* a source may suspend: one job at a time asks it */
	int cancel_reason;
};

/* target.c: find directory and name and claim the name; called for one input after the other, so
 * that a name goes to the first of them. 0, FETCH_REPEAT or a code. */
SL_SUSPENDS
int target_claim(struct fetch *fetch);

/* The next free "NAME.N", past those that were tried already, for --if-exists=rename, claimed.
 * Returns 0 or a code. */
SL_SUSPENDS
int target_rename(struct fetch *fetch);

/* The entry's header fields as the client wants them; out has room for TARGET_HEADERS. Returns
 * their count. */
#define TARGET_HEADERS (SL_ENTRY_HEADERS + 2) /* header= lines, referer=, user-agent= */
size_t target_headers(const struct fetch *fetch, struct sl_http_header *out);

/* The file is to get the time of Last-Modified: by the entry, or else by the run. */
bool target_wants_time(const struct fetch *fetch);

/* existing.c: what has the name already. 0 = go on; FETCH_SKIPPED = all is there, and with
 * fetch->needs_sync is to be synced before it is reported; a code. */
SL_SUSPENDS
int existing_check(struct fetch *fetch);

/* A character device or FIFO that --output names: it is written to as it is. */
bool existing_is_stream(const struct fetch *fetch, const struct statx *st);

/* Standard output or standard error if --output leads to that regular file; else -1. */
SL_SUSPENDS
int existing_own_descriptor(const struct fetch *fetch, const struct statx *st);

/* Last-Modified of the answer, wall clock nanoseconds; 0 = unknown. */
uint64_t existing_remote_time(const struct sl_http_exchange *exchange);

/* answer.c: log warnings that follow from the head in fetch->exchange. */
void answer_note(const struct fetch *fetch);

/* fetch.c: after `code`: true if another source is to be tried; then it is fetch->url, and the
 * failure is cleared. Else the error contains how many were tried. */
SL_SUSPENDS
bool fetch_next_source(struct fetch *fetch, int code);

/* fetch.c: its part, if nothing has the name; else what has it is compared. 0 = go on with
 * fetch_run; else as fetch_run. */
SL_SUSPENDS
int fetch_prepare(struct fetch *fetch);

/* fetch.c: from the request to the finished file, once it is prepared. Returns 0, FETCH_SKIPPED, a
 * code; or FETCH_HANDED_OVER if it ended in batch->finished: then it is no longer the caller's. */
SL_SUSPENDS
int fetch_run(struct fetch *fetch);

/* commit.c: the committer's task; arg is the batch. */
SL_SUSPENDS
int commit_main(void *arg);

/* commit.c: one large file, sealed: sync, check, rename, sync of the directory. */
SL_SUSPENDS
int commit_one(struct fetch *fetch);

/* commit.c: once more at the end of a run, whether the file systems it wrote to still take changes.
 * Returns 0 or a code with words in *err. */
SL_SUSPENDS
int commit_confirm(struct sl_batch *batch, struct sl_error *err);

/* For what is complete: a sibling's failure no longer touches it. Returns 0 with the shield begun,
 * or the reason why nothing more may be begun. */
int commit_shield_begin(struct sl_shield *shield) SL_MUST_CHECK;

/* batch.c: report and free. `code` is FETCH_DONE, FETCH_SKIPPED or the failure. */
SL_SUSPENDS
void fetch_end(struct fetch *fetch, int code);

/* batch.c: fetch->url from its source, and how it is shown. Returns 0 or a code. */
int fetch_set_url(struct fetch *fetch);

/* writer.c: chunks on their way to the part (or stream) and to the hasher. In the memory of the
 * fetching task. */
#define WRITES_MAX 4 /* writes in flight for one file: keeps the device busy, bounds the memory */

struct writer;
struct write_slot {
	struct writer *writer;
	struct sl_chunk *chunk; /* NULL = free */
};

struct writer {
	struct fetch *fetch;
	struct sl_group writes;
	struct sl_group hashing;
	struct write_slot slots[WRITES_MAX];
	struct sl_channel *to_hash; /* NULL without a checksum */
	struct sl_digest *digest;
	int failure; /* first */
};

int writer_begin(struct writer *writer, struct fetch *fetch) SL_MUST_CHECK;

/* Takes the chunk's reference in any case. Waits while WRITES_MAX are in flight. Returns 0 or the
 * first failure. */
SL_SUSPENDS
int writer_put(struct writer *writer, struct sl_chunk *chunk) SL_MUST_CHECK;

/* Instead, for a part all of which is in one chunk: returns when it is written and sealed. */
SL_SUSPENDS
int writer_put_whole(struct writer *writer, struct sl_chunk *chunk,
	const struct sl_part_attributes *set) SL_MUST_CHECK;

/* Waits for everything; must be called once writer_begin returned 0. Returns 0 or the first
 * failure. */
SL_SUSPENDS
int writer_end(struct writer *writer);

#endif
