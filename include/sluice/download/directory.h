/*
 * directory.h - the directories files go to, opened once and kept; and the rule that names from
 * lists stay below one.
 */
#ifndef SLUICE_DOWNLOAD_DIRECTORY_H
#define SLUICE_DOWNLOAD_DIRECTORY_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/rt/semaphore.h"
#include "sluice/rt/task.h"

struct statx;

/* Of the file system a directory is on: they decide how files are written and synced. */
enum sl_directory_traits {
	SL_DIRECTORY_DIRECT = 1, /* ext4, XFS: direct I/O into reserved extents pays */
	SL_DIRECTORY_LOCAL = 2,  /* syncfs concerns this machine's disks only */
	SL_DIRECTORY_EXACT = 4,  /* nothing but calls on this machine changes files and times */
};

/* An open directory; counted. */
struct sl_directory {
	struct sl_list link;
	struct sl_directories *directories; /* the table it is in */
	char *path; /* as a person would type it, for messages; "." for the current directory */
	int fd;
	bool search_only;    /* it may not be read: fd is an O_PATH descriptor */
	bool is_missing;     /* with look_only: it does not exist; fd is the deepest one above it
				that does */
	uint64_t needs_made; /* directories that had been made when it was opened */
	unsigned traits;     /* set of sl_directory_traits */
	uint64_t free_bytes; /* for this user, when one on its file system was first opened;
				UINT64_MAX = unknown */
	uint64_t inode;      /* with the device: two paths may lead to one directory */
	uint32_t dev_major, dev_minor;
	unsigned refs;
	bool dirty; /* the batch's: a name in it has changed since its last sync */
};

struct sl_directories {
	struct sl_list open; /* most recently used first */
	unsigned count;
	unsigned keep;  /* that stay open though they are not in use */
	bool sync_made; /* directories that are made are to be durable */
	bool look_only; /* nothing is made; may be set after sl_directories_init */
	/* directory_sync.c's: the parents of what is not durable yet; directories made, and how
	 * many of them, the first ones, are durable */
	struct sl_list unsynced;
	unsigned unsynced_count;
	uint64_t made, synced;
	struct sl_semaphore sync_turn;
	/* directory_walk.c's: openings under way, those that were abandoned, and the tasks that
	 * wait for a directory to be made */
	struct sl_list walks, abandoned, waiting;
	int sync_code; /* first failure */
};

/* `keep` at least 1. */
void sl_directories_init(struct sl_directories *directories, unsigned keep, bool sync_made);

/* No directory may be referenced. */
SL_SUSPENDS
void sl_directories_release(struct sl_directories *directories);

/*
 * Open (making what is missing, mode 0777 less umask) the directory `path` below `base`. base NULL:
 * `path` was given by the user and may point anywhere. Else it comes from a list or a server: it
 * must be relative, without ".." and control bytes, and every step stays below base, symbolic links
 * refused (openat2 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). An empty path is base, or the current
 * directory. Returns 0 with one reference in *out; SL_E_NAME; a kernel's code with
 * SL_PHASE_DIRECTORY. With look_only, one that is missing is described by is_missing.
 *
 * Ends at the deadlines in force even if the file system does not respond: -ETIMEDOUT, and so does
 * each later opening of the same path or one below it at once.
 */
SL_SUSPENDS
int sl_directories_open(struct sl_directories *directories, struct sl_directory *base,
	struct sl_span path, struct sl_directory **out, struct sl_error *err) SL_MUST_CHECK;

/* As sl_io_stat of `name` in it; -ENOENT if it is missing. */
SL_SUSPENDS
int sl_directory_stat(const struct sl_directory *directory, const char *name, int flags,
	uint32_t mask, struct statx *out) SL_MUST_CHECK;

/* True if the directory with this `path` (sl_directory.path) is in the table. */
bool sl_directories_is_open(const struct sl_directories *directories, const char *path);

void sl_directory_ref(struct sl_directory *directory);

/* NULL is fine. The directory stays open for the next file of the run. */
void sl_directory_unref(struct sl_directory *directory);

/*
 * Make the names in it durable, and with sync_made every directory that the table had made when it
 * was opened: without those above it, they would be lost. Fails for good once one of those could
 * not be synced. A file system that cannot sync directories at all has done so. After a change of
 * names, sl_directory_confirm must follow.
 */
SL_SUSPENDS
int sl_directory_sync(struct sl_directory *directory) SL_MUST_CHECK;

/*
 * Check that the file system still accepts changes: 0, or the code it refuses them with. The sync
 * of a directory alone does not show that: once a journal is aborted, Linux reports success for a
 * directory that has nothing left to write. Updates its change time.
 */
SL_SUSPENDS
int sl_directory_confirm(struct sl_directory *directory) SL_MUST_CHECK;

/* "path/name" into *out, or "name" alone for the current directory. */
void sl_directory_join(const struct sl_directory *directory, const char *name, struct sl_buf *out);

/* What this user may still take of the file system of an open file; UINT64_MAX if that is not
 * known. May block. */
uint64_t sl_directory_free_bytes(int fd);

#endif
