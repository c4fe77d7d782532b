/*
 * journal.h - NAME.sluice-journal beside NAME.sluice-part: which ranges of the part are there. With
 * it a part is resumed after a kill, a power cut, or a failure of the network or the disk.
 *
 *  1. The part's lock guards both files: all calls need it.
 *  2. A range is recorded once its bytes were written, and trusted after a power cut only if they
 *     were synced.
 *  3. No transfer waits for it, and no file fails because of it: a journal that cannot be written
 *     is reported once, and the download goes on without it.
 *  4. The journal is created after its part, and removed before the part is removed or after it has
 *     its final name: a part without a journal is begun anew.
 *
 * Order of calls: sl_journal_load or sl_journal_new; sl_journal_begin, sl_journal_written...,
 * sl_journal_end, perhaps several times; sl_journal_close or sl_journal_remove. part.h has calls
 * for most of it.
 */
#ifndef SLUICE_DOWNLOAD_JOURNAL_H
#define SLUICE_DOWNLOAD_JOURNAL_H

#include "sluice/download/directory.h"
#include "sluice/download/journal_format.h"
#include "sluice/rt/chunk.h"

#define SL_JOURNAL_SUFFIX ".sluice-journal"
#define SL_KEPT_SUFFIX ".sluice-kept" /* of the journal of a complete file */

struct sl_journal;
struct statx;

/* The part that a journal belongs to. What it points at stays the caller's and must outlive the
 * journal. */
struct sl_journal_part {
	struct sl_directory *directory;
	const char *part_name; /* for messages */
	const char *file_name; /* of the journal */
	int fd;                /* of the part */
	uint64_t inode, birth_ns;
	uint32_t dev_major, dev_minor;
	uint32_t mode; /* it was created with, before the umask */
};

/* Time of birth as a journal has it; 0 = the file system does not record it. */
uint64_t sl_journal_birth_ns(const struct statx *st);

/* One that is not there yet; sl_journal_begin makes it. Returns 0 or -ENOMEM. */
int sl_journal_new(struct sl_journal **out, const struct sl_journal_part *part) SL_MUST_CHECK;

/* By sl_journal_url_hash. Of a file with several sources, any of them may have been used. */
struct sl_journal_urls {
	const uint64_t *hashes;
	size_t count;
};

/*
 * Read the journal of a part that a former run has left, of one of these URLs.
 * Returns 0; -ENOENT without a journal; with the reason in *err: SL_E_REPLACED for one of another
 * part, of another URL or that is not a regular file of this user (links are not followed),
 * SL_E_UNSUPPORTED for another version, SL_E_PROTO for a damaged one, SL_E_LIMIT for one that is
 * too large; a kernel's code.
 */
SL_SUSPENDS
int sl_journal_load(struct sl_journal **out, const struct sl_journal_part *part,
	const struct sl_journal_urls *urls, struct sl_error *err) SL_MUST_CHECK;

/*
 * Read the journal that was kept for a complete file, open for reading as part->fd; the rest that
 * tells files apart is found out here. As sl_journal_load, and SL_E_REPLACED too if the file does
 * not have the size and modification time that it was kept with. Only sl_journal_verify and
 * sl_journal_close may be called then.
 */
SL_SUSPENDS
int sl_journal_load_kept(struct sl_journal **out, const struct sl_journal_part *part,
	uint64_t url_hash, struct sl_error *err) SL_MUST_CHECK;

/* What was loaded: the ranges that the part has, and the resource they are of. Valid until
 * sl_journal_begin; nothing is in it after sl_journal_new. */
const struct sl_journal_content *sl_journal_content(const struct sl_journal *journal);

/* The part was a file of the final name, as it was then; NULL = it was not. By what was loaded, or
 * by sl_journal_set_taken. */
const struct sl_journal_taken *sl_journal_taken(const struct sl_journal *journal);

/* The same of the journal of a part that is not resumed, of whatever URL. Returns 0; -ENOENT if
 * there is no such journal, or if it does not tell; what sl_journal_load returns. */
SL_SUSPENDS
int sl_journal_load_taken(
	const struct sl_journal_part *part, struct sl_journal_taken *out) SL_MUST_CHECK;

/* It was loaded, and the part may have been changed since by another program: its ranges may be
 * used only after sl_journal_verify. */
bool sl_journal_needs_verify(const struct sl_journal *journal);

struct sl_journal_verified {
	uint64_t bytes; /* read back */
	uint64_t
		bad_bytes; /* of them, in ranges that do not have their CRC; no longer in content */
	size_t bad_ranges;
};

/*
 * Before sl_journal_begin: read all ranges back (past the page cache where that is possible, CRC on
 * workers, with up to four chunks of `pool` at a time), and drop those that do not have their CRC.
 * Returns 0; a code of the disk with words in *err; the cancellation.
 */
SL_SUSPENDS
int sl_journal_verify(struct sl_journal *journal, struct sl_chunk_pool *pool,
	struct sl_journal_verified *verified, struct sl_error *err) SL_MUST_CHECK;

struct sl_journal_options {
	const struct sl_journal_resource *resource; /* that ranges are of from now on; copied */
	bool sync; /* sync the part from time to time: after 256 MiB, or 5 s with new bytes */
	/* NULL, or: syncs of several journals take turns, so that other file operations find a
	 * thread. Must outlive the journal. */
	struct sl_semaphore *sync_turn;
	/* NULL, or called when a sync of the part, the journal or their directory has failed: other
	 * files on the device may have lost bytes, too, and their syncs need not report it. */
	void (*sync_failed)(void *ctx, struct sl_directory *directory, int code);
	void *ctx;
};

/*
 * Make the journal, or go on with it, and start its tasks: they belong to the calling task, which
 * must call sl_journal_end. Returns 0, also if the journal cannot be written (a warning is logged);
 * the cancellation; or the code of a disk that keeps a journal which still lists ranges that
 * sl_journal_verify has found bad: then the part must not be written.
 */
SL_SUSPENDS
int sl_journal_begin(
	struct sl_journal *journal, const struct sl_journal_options *options) SL_MUST_CHECK;

/* [begin, end), not empty, was written to the part, and `crc` is the CRC-32C of its bytes (from 0).
 * Between begin and end, by any task. Never suspends, never fails. */
void sl_journal_written(struct sl_journal *journal, uint64_t begin, uint64_t end, uint32_t crc);

/* Between begin and end: a file is about to become the part. Returns 0 once that is written; the
 * code of the disk or -ENOMEM if it cannot be; the cancellation. */
SL_SUSPENDS
int sl_journal_set_taken(
	struct sl_journal *journal, const struct sl_journal_taken *taken) SL_MUST_CHECK;

/*
 * Between begin and end: what [begin, end) has is about to be replaced by other bytes, so that what
 * was recorded of it must not be trusted any more. All recorded ranges that overlap it are dropped;
 * of a journal that cannot be written any more, all ranges. Returns 0 once that is on disk; else a
 * code: the bytes must not be replaced.
 */
SL_SUSPENDS
int sl_journal_void(struct sl_journal *journal, uint64_t begin, uint64_t end) SL_MUST_CHECK;

/*
 * Write what was recorded, and wait for the journal's tasks. Shielded. Returns 0, or the failure of
 * a sync of the part: the kernel reports it once, so a later sync does not show that bytes are
 * lost; the part must not be finished. The same again at each later call. Harmless without a
 * begin.
 */
SL_SUSPENDS
int sl_journal_end(struct sl_journal *journal);

/*
 * After the end: what was recorded is on disk, and so are the names of the part and the journal.
 * Returns 0; a code of the disk, also if the journal is not complete; the cancellation.
 */
SL_SUSPENDS
int sl_journal_sync(struct sl_journal *journal) SL_MUST_CHECK;

/* The file has what a later run needs to resume the part: none of what sl_journal_verify has found
 * bad. */
bool sl_journal_is_valid(const struct sl_journal *journal);

/* Once it was begun: 0; or the failure that has kept a record from it. */
int sl_journal_check_whole(const struct sl_journal *journal);

/* Syncs of the part so far. */
uint64_t sl_journal_syncs(const struct sl_journal *journal);

/* 0, or what sl_journal_end returns: known before the end. */
int sl_journal_failure(const struct sl_journal *journal);

/* Keep it for a later run. The journal's end, if that was not called. NULL is fine. */
SL_SUSPENDS
void sl_journal_close(struct sl_journal *journal);

/* The same for a part to which no byte was written: `closed` is what it was like when its bytes
 * were read. If it is not like that any more, the next run verifies it. */
SL_SUSPENDS
void sl_journal_close_as(struct sl_journal *journal, const struct sl_journal_closed *closed);

/*
 * The part has its final name, `size` bytes and this modification time: the journal stays, under
 * the name `kept_name`, which a journal that has it loses. A journal that is not complete is
 * removed, and so is one that cannot be kept; then that is logged.
 */
SL_SUSPENDS
void sl_journal_keep(
	struct sl_journal *journal, const char *kept_name, uint64_t size, uint64_t modified_ns);

/* Remove it, if its name still stands for it. As sl_journal_close. */
SL_SUSPENDS
void sl_journal_remove(struct sl_journal *journal);

/* Remove the journal of this name, if it is a regular file of this user: its part is about to be
 * removed, or was not there. The lock of a part of that name must be held. Returns 0, also if there
 * is none; or a code. */
SL_SUSPENDS
int sl_journal_remove_left(struct sl_directory *directory, const char *file_name) SL_MUST_CHECK;

#endif
