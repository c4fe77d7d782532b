/*
 * part.h - NAME.sluice-part: what a download writes until it has its final name.
 *
 * The part is created exclusively and without following links, and locked; another run's lock means
 * "in use". A leftover of a former run (regular file, ours, lock free) is taken over if its journal
 * is valid and the caller wants to resume; else it is removed and the download begins again. The
 * suffix differs from the .part of other programs. Before it is renamed the
 * part is sealed: it gets its rights and time, and from then on any change is noticed. It is
 * renamed or removed only while its name still stands for the inode this run holds.
 */
#ifndef SLUICE_DOWNLOAD_PART_H
#define SLUICE_DOWNLOAD_PART_H

#include "sluice/download/directory.h"
#include "sluice/download/journal.h"
#include "sluice/download/part_reader.h"
#include "sluice/download/stamp.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/engine.h"

#include <fcntl.h>
#include <sys/stat.h>

/* No other program uses it: Firefox, yt-dlp and others have .part files that are not ours. */
#define SL_PART_SUFFIX ".sluice-part"

/* Files up to this are written buffered and committed in groups; larger ones direct, each by
 * itself. */
#define SL_PART_SMALL (4 * SL_MIB)

enum sl_io_mode { SL_IO_AUTO, SL_IO_DIRECT, SL_IO_BUFFERED };

/* Modes to create it with: that of any new file, and one that is never wider than any file's: with
 * it a default ACL has no effect either. */
#define SL_PART_NEW 0666u
#define SL_PART_PRIVATE 0600u

struct sl_part {
	struct sl_directory *directory; /* one reference */
	char *name;                     /* the final name, one component */
	char *part_name;                /* with the suffix; shortened with a hash past NAME_MAX */
	char *journal_name;             /* likewise */
	int fd;                         /* buffered; holds the lock; -1 = none */
	int direct_fd;                  /* O_DIRECT on the same inode; -1 = buffered */
	bool direct_refused;            /* the file system refused a direct write */
	bool is_left; /* by another program, and not moved yet; as it was when it was opened: */
	uint64_t left_size;
	int64_t left_s; /* modification time */
	uint32_t left_ns;
	bool name_taken; /* when it was locked, something had the final name */
	uint64_t inode;
	uint64_t birth_ns; /* 0 = the file system does not record it */
	uint32_t dev_major, dev_minor;
	uint32_t uid, gid;
	uint32_t mode;              /* it was created with, before the umask */
	struct sl_journal *journal; /* owned; NULL = none. Loaded if the part was taken over */
	bool keeps_journal;         /* beside the complete file; set by the caller */
	bool has_control;           /* aria2's, which is of no use then; set by the caller */
	bool is_sealed;             /* then its size and modification time are: */
	uint64_t sealed_size;
	int64_t sealed_s;   /* since the epoch */
	uint32_t sealed_ns; /* and the rest of the second */
	bool is_published;  /* it has its final name */
	bool time_refused;  /* it was given a time, and does not have it */
};

/* What a part gets when it is complete. */
struct sl_part_attributes {
	uint64_t time_ns; /* modification time, wall clock; 0 = left */
	bool replaces;    /* the rights of the file that has the final name; else they stay as they
			     were created */
	uint64_t length;  /* of the file; 0 = not looked for holes */
	/* What is known of the content, but for size and time, which are set; borrowed, NULL =
	 * nothing. With it the part always gets a time: that of now if time_ns is 0. */
	const struct sl_stamp *stamp;
};

/* Empty, so that sl_part_discard may be called. */
void sl_part_init(struct sl_part *part);

/*
 * Create it with `mode` less the umask (or as the directory's default ACL has it); SL_PART_PRIVATE
 * if it is to replace a file. Takes a reference of `directory`. Returns 0; SL_E_IN_USE; -EEXIST,
 * -ELOOP if something else has the part's name; -EACCES, -ENOSPC... (SL_PHASE_CREATE).
 */
SL_SUSPENDS
int sl_part_create(struct sl_part *part, struct sl_directory *directory, const char *name,
	uint32_t mode, struct sl_error *err) SL_MUST_CHECK;

/*
 * The same, but a leftover with a valid journal of one of these URLs is taken over if
 * it has the rights that a new part would get: then part->journal is loaded, and what it contains
 * is to be fetched no more (see sl_journal_needs_verify). A leftover that is not taken over is
 * removed, and the reason logged.
 */
SL_SUSPENDS
int sl_part_resume(struct sl_part *part, struct sl_directory *directory, const char *name,
	uint32_t mode, const struct sl_journal_urls *urls, struct sl_error *err) SL_MUST_CHECK;

/* What sl_part_look has found: a part that would be resumed. */
struct sl_part_left {
	struct sl_resource version; /* that its bytes are of */
	uint64_t bytes;             /* that it has */
	uint64_t allocated;         /* bytes on the disk */
};

/* What sl_part_resume would take over, as far as that can be told without the lock; nothing is
 * changed. Returns 0; -ENOENT if there is no such part; another code if it would not be resumed or
 * cannot be read. */
SL_SUSPENDS
int sl_part_look(struct sl_directory *directory, const char *name, uint32_t mode,
	const struct sl_journal_urls *urls, struct sl_part_left *left) SL_MUST_CHECK;

/* Keep a journal from now on, or go on with the one that was loaded (sl_journal_begin). The seal,
 * discarding or keeping it end it, in the same task. Returns 0 or the cancellation: a journal that
 * cannot be written fails no file. */
SL_SUSPENDS
int sl_part_begin_journal(
	struct sl_part *part, const struct sl_journal_options *options) SL_MUST_CHECK;

/* The end of a run of the journal (sl_journal_end). Returns 0, or the failure of a sync of the part
 * while it was written, with words in *err: what it has may be lost, and the sync of the commit
 * does not report that again. The same at each later call; harmless without a journal. */
SL_SUSPENDS
int sl_part_end_journal(struct sl_part *part, struct sl_error *err) SL_MUST_CHECK;

enum sl_part_first { SL_PART_CREATED, SL_PART_NAME_TAKEN, SL_PART_STOPPED };

/*
 * What most files need, in one call of the blocking pool: if nothing has the final name, create the
 * part. Takes a reference of `directory`. SL_PART_NAME_TAKEN if something has the name or it is not
 * that simple, and nothing was created: stat the name, then sl_part_create. SL_PART_STOPPED: the
 * cancellation is in *stop, which else is 0.
 */
SL_SUSPENDS
enum sl_part_first sl_part_create_first(struct sl_part *part, struct sl_directory *directory,
	const char *name, uint32_t mode, int *stop) SL_MUST_CHECK;

/*
 * Reserve `length` bytes, and switch to O_DIRECT where that pays (ext4, XFS, alignment of 4096;
 * SL_IO_DIRECT: on any file system that takes it). No reservation on a file system that has none is
 * fine. Returns 0; -ENOSPC, -EFBIG, -EDQUOT.
 */
SL_SUSPENDS
int sl_part_reserve(struct sl_part *part, uint64_t length, enum sl_io_mode mode,
	struct sl_error *err) SL_MUST_CHECK;

/*
 * Write the chunk's len bytes at chunk->off: whole blocks direct if that is on, the rest buffered.
 * The first refusal of direct I/O falls back to buffered for good. May be called by several tasks
 * at once for disjoint ranges.
 */
SL_SUSPENDS
int sl_part_write(struct sl_part *part, const struct sl_chunk *chunk) SL_MUST_CHECK;

/* To read back what was written: direct if that is. Valid until the part is sealed. */
struct sl_part_reader sl_part_reader(const struct sl_part *part);

/*
 * After the last write: let the file system report what it could not write (as a close would), set
 * the attributes (a file that is replaced gives its rights as they are now), and remember the time
 * that is there. Returns 0; what a write or flush gave; SL_E_REPLACED if another program has
 * truncated it between the writes; -EIO, -EROFS... of an attribute, unless it is merely
 * unsupported. Descriptor and lock stay.
 */
SL_SUSPENDS
int sl_part_seal(struct sl_part *part, const struct sl_part_attributes *set,
	struct sl_error *err) SL_MUST_CHECK;

/* A small file, all of which is in the chunk: write and seal it, in one call of the blocking pool.
 * Returns 0 or a code with words in *err. */
SL_SUSPENDS
int sl_part_write_whole(struct sl_part *part, const struct sl_chunk *chunk,
	const struct sl_part_attributes *set, struct sl_error *err) SL_MUST_CHECK;

/* An attribute call that gave `code` is not a failure: the file system, or this user, does not have
 * the attribute, and the content is right without it. */
bool sl_part_is_unsupported(int code) SL_MUST_CHECK;

/* `code` is the run's: it was cancelled, or its time is over. -ETIMEDOUT may also be the disk's, on
 * a network file system. */
bool sl_part_is_stop(int code) SL_MUST_CHECK;

/* Record that writing failed with `code`; `needed` = bytes still to be written, 0 = not known.
 * Returns code; a cancellation is not recorded. */
int sl_part_write_failed(
	const struct sl_part *part, int code, uint64_t needed, struct sl_error *err);

/* The names of the part of a file, of the journal of that, and of the journal that is kept for the
 * complete file: shortened with a hash past NAME_MAX. The caller's to free; NULL if out of
 * memory. */
char *sl_part_name(const char *name) SL_MUST_CHECK;
char *sl_part_journal_name(const char *name) SL_MUST_CHECK;
char *sl_part_kept_name(const char *name) SL_MUST_CHECK;

/* "directory/NAME.sluice-part", the caller's to free; NULL if out of memory. */
char *sl_part_path(const struct sl_part *part) SL_MUST_CHECK;

/* The name still stands for our inode, which has `length` bytes and the time of its seal. Returns 0
 * or SL_E_REPLACED with words in *err. */
SL_SUSPENDS
int sl_part_check(const struct sl_part *part, uint64_t length, struct sl_error *err) SL_MUST_CHECK;

/* The two halves of sl_part_check, for many parts in one batch: the stat of the part's name into
 * *st, prepared, then the check of its result. */
struct sl_op sl_part_stat_op(const struct sl_part *part, struct statx *st);
int sl_part_check_stat(const struct sl_part *part, int result, const struct statx *st,
	uint64_t length, struct sl_error *err) SL_MUST_CHECK;

/* The rename that sl_part_publish tries first, prepared for a batch. */
struct sl_op sl_part_rename_op(const struct sl_part *part, bool replace);

/*
 * The part gets its final name: without `replace`, only if nothing has that name (RENAME_NOREPLACE,
 * or link and unlink where the file system refuses that). Returns 0; -EEXIST; another code
 * (SL_PHASE_RENAME). The directory is not synced.
 */
SL_SUSPENDS
int sl_part_publish(struct sl_part *part, bool replace, struct sl_error *err) SL_MUST_CHECK;

/* Another final name, in the same directory; the part's own name stays. Returns 0 or -ENOMEM. */
int sl_part_set_final_name(struct sl_part *part, const char *name) SL_MUST_CHECK;

/*
 * A file that another program has left under the name `name` is to become the part. `claim` is a
 * new part of that name, which keeps other runs away. Opens and locks it: *part has its descriptor,
 * and may get a journal. Returns 0; with the reason in *err -EEXIST if it cannot become a part (a
 * link, another user's, other permissions than those of a new file, several names, or another
 * program is writing it), SL_E_IN_USE; a kernel's code. After a failure *part is empty.
 */
SL_SUSPENDS
int sl_part_open_left(
	struct sl_part *part, const struct sl_part *claim, struct sl_error *err) SL_MUST_CHECK;

/*
 * It gets the name of a part, instead of `claim`, if it is as it was when it was opened; its
 * journal must be on disk. Returns 0: then `claim` is nothing any more, and is to be discarded; or
 * a code with words in *err: then the file is as it was.
 */
SL_SUSPENDS
int sl_part_move(struct sl_part *part, struct sl_error *err) SL_MUST_CHECK;

/* Close a file that sl_part_open_left has opened: it stays. Its journal is removed, unless it was
 * moved: then both stay for sl_part_resume. Shielded. */
SL_SUSPENDS
void sl_part_close_left(struct sl_part *part);

/*
 * A file with the name `name` is there: remove its journal if it has no part. A run was killed, or
 * the power failed, between the rename of the part and that. If the file is complete, with `size`
 * bytes, so is a control file of aria2's; SL_LENGTH_UNKNOWN = it is not. If another run creates a
 * part at this very moment, it may lose its journal, and cannot be resumed then. Failures are
 * logged.
 */
SL_SUSPENDS
void sl_part_remove_stale_journal(struct sl_directory *directory, const char *name, uint64_t size);

/* Close and forget; the file stays, under whatever name it has. The journal is removed if that is
 * the final one. */
SL_SUSPENDS
void sl_part_close(struct sl_part *part);

/* Close and forget; part and journal stay for a later run. A part without a journal is discarded.
 * Shielded. Harmless after sl_part_close. Returns true if it was kept. */
SL_SUSPENDS
bool sl_part_keep(struct sl_part *part);

/* Remove the part and its journal if they are still ours, close and forget. A part that was a file
 * of the final name gets that name back instead, as it was; if it cannot, it stays with its
 * journal, and a warning is logged. Shielded. Harmless after sl_part_close. */
SL_SUSPENDS
void sl_part_discard(struct sl_part *part);

#endif
