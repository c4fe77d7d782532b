/*
 * part.h - NAME.part: what a download writes until it may have its final name.
 *
 * The part is created with mode 01600 (sticky: no other program does that), exclusively and without
 * following links, and locked; another run's lock means "in use". One left behind by a killed run
 * (regular file, ours, 01600, one link, lock free) is taken over from byte 0; any other file of
 * that name is somebody's and is left alone. The part is removed only while its name still stands
 * for the inode this run holds.
 */
#ifndef SLUICE_DOWNLOAD_PART_H
#define SLUICE_DOWNLOAD_PART_H

#include "sluice/download/directory.h"
#include "sluice/rt/chunk.h"
#include "sluice/rt/engine.h"

#include <fcntl.h>
#include <sys/stat.h>

#define SL_PART_SUFFIX ".part"

enum sl_io_mode { SL_IO_AUTO, SL_IO_DIRECT, SL_IO_BUFFERED };

struct sl_part {
	struct sl_directory *directory; /* one reference */
	char *name;                     /* the final name, one component */
	char *part_name;                /* NAME.part, or shortened with a hash past NAME_MAX */
	int fd;                         /* buffered; holds the lock; -1 = none */
	int direct_fd;                  /* O_DIRECT on the same inode; -1 = buffered */
	bool direct_refused;            /* the file system did not keep what it promised */
	bool name_taken;                /* when it was locked, something had the final name */
	uint64_t inode;
	uint32_t dev_major, dev_minor;
};

/* Empty, so that sl_part_discard may be called. */
void sl_part_init(struct sl_part *part);

/* Create or take over. Takes a reference of `directory`. Returns 0; SL_E_IN_USE; -EEXIST if
 * somebody else's file has the part's name; -EACCES, -ENOSPC... (SL_PHASE_CREATE). */
SL_SUSPENDS
int sl_part_create(struct sl_part *part, struct sl_directory *directory, const char *name,
	struct sl_error *err) SL_MUST_CHECK;

/*
 * What most files need, in one call of the blocking pool: if nothing has the final name, create the
 * part. Takes a reference of `directory`. Returns 0; 1 if something has the name or it is not that
 * simple, and nothing was made: look at the name, then sl_part_create; a cancellation.
 */
SL_SUSPENDS
int sl_part_create_first(
	struct sl_part *part, struct sl_directory *directory, const char *name) SL_MUST_CHECK;

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

/*
 * A small file, all of which is in the chunk: write it and, unless time_ns is 0, give it that
 * modification time (wall clock), in one call of the blocking pool. *time_given says whether it has
 * it.
 */
SL_SUSPENDS
int sl_part_write_whole(struct sl_part *part, const struct sl_chunk *chunk, uint64_t time_ns,
	bool *time_given) SL_MUST_CHECK;

/* `code` is the run's: it was cancelled, or its time is over. -ETIMEDOUT may also be the disk's, on
 * a network file system. */
bool sl_part_is_stop(int code) SL_MUST_CHECK;

/* Record that writing failed with `code`; `needed` = bytes still to be written, 0 = not known.
 * Returns code; a cancellation is not recorded. */
int sl_part_write_failed(
	const struct sl_part *part, int code, uint64_t needed, struct sl_error *err);

/* "directory/NAME.part", the caller's to free; NULL if memory ends. */
char *sl_part_path(const struct sl_part *part) SL_MUST_CHECK;

/* The name still stands for our inode and it has `length` bytes. Returns 0 or SL_E_REPLACED with
 * words in *err. */
SL_SUSPENDS
int sl_part_check(const struct sl_part *part, uint64_t length, struct sl_error *err) SL_MUST_CHECK;

/* The two halves of sl_part_check, for many parts in one batch: the stat of the part's name into
 * *st, prepared, then what is made of its result. */
struct sl_op sl_part_stat_op(const struct sl_part *part, struct statx *st);
int sl_part_judge(const struct sl_part *part, int result, const struct statx *st, uint64_t length,
	struct sl_error *err) SL_MUST_CHECK;

/* The rename that sl_part_publish tries first, prepared for a batch. */
struct sl_op sl_part_rename_op(const struct sl_part *part, bool replace);

/*
 * The part gets its final name: without `replace`, only if nobody has that name (RENAME_NOREPLACE,
 * or link and unlink where the file system refuses that). Returns 0; -EEXIST; another code
 * (SL_PHASE_RENAME). The directory is not synced.
 */
SL_SUSPENDS
int sl_part_publish(struct sl_part *part, bool replace, struct sl_error *err) SL_MUST_CHECK;

/* Close and forget; the file stays, under whatever name it has. */
SL_SUSPENDS
void sl_part_close(struct sl_part *part);

/* Remove the part if it is still ours, close and forget. Shielded. Harmless after sl_part_close. */
SL_SUSPENDS
void sl_part_discard(struct sl_part *part);

#endif
