/*
 * directory_int.h - what the files of a directory's table share: a walk under way, and what is
 * to be synced.
 */
#ifndef SLUICE_DOWNLOAD_DIRECTORY_INT_H
#define SLUICE_DOWNLOAD_DIRECTORY_INT_H

#include "sluice/download/directory.h"
#include "sluice/rt/io.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Of a step in between: it needs search permission only. */
#define SL_STEP_FLAGS (O_PATH | O_DIRECTORY)

/*
 * A walk under way. `path` is the whole path without empty and "." components, as far as the
 * base is known; [0, at) of it leads to the directory that is being opened. An abandoned walk
 * stays in the table for its place.
 */
struct path_walk {
	struct sl_list link; /* directories->walks or ->abandoned */
	struct sl_directories *directories;
	int base_fd;
	uint64_t resolve; /* RESOLVE_* */
	char *path;
	size_t at;
	bool is_making;   /* the directory at `at` may be made and is not counted yet */
	bool search_only; /* what was opened in the end may not be read */
	bool is_missing;  /* with look_only: what was opened in the end is above it */
	bool is_abandoned;
	bool is_refused; /* it led through the place of an abandoned one */
};

/* A directory in which others were made since it was synced, by this run or perhaps an earlier
 * one. */
struct unsynced {
	struct sl_list link;
	int fd;
	bool search_only;
	bool is_certain; /* this run has made one in it, so it can be synced */
	uint64_t inode;
	uint32_t dev_major, dev_minor;
};

/* ---- directory_sync.c ---- */

SL_SUSPENDS
void sl_unsynced_close(struct unsynced *unsynced);

/* A directory was made in the one that is open as unsynced->fd, which becomes the table's. Returns
 * 0, or the code with which it could not be synced to make room for others. */
SL_SUSPENDS
int sl_unsynced_add(struct sl_directories *directories, struct unsynced *unsynced) SL_MUST_CHECK;

/* The one of the directory that *st describes, or NULL. */
struct unsynced *sl_unsynced_find(const struct sl_directories *directories, const struct statx *st);

/* ---- directory_traits.c ---- */

/* Those of the file system of directory->fd, and its free bytes. Returns 0 or a code; *abandoned
 * if it is that of a call which still runs. */
SL_SUSPENDS
int sl_directory_learn_traits(struct sl_directory *directory, bool *abandoned) SL_MUST_CHECK;

/* ---- directory_walk.c: the operations of a walk, and walks that wait for others ---- */

/* To the directory `name`, as a person would type it. NULL if out of memory. */
struct path_walk *sl_path_walk_new(
	struct sl_directories *directories, const struct sl_directory *base, const char *name);

/* An abandoned one is kept, and those that wait for it fail. */
void sl_path_walk_end(struct path_walk *walk);
void sl_path_walk_free(struct path_walk *walk);

/* A path without empty and "." components. NULL if out of memory. */
char *sl_path_walk_normalize(const char *path);

/* All operations of a walk go through here. 0, or the code with which they were abandoned. */
SL_SUSPENDS
int sl_path_walk_run(struct path_walk *walk, struct sl_op *ops, size_t count) SL_MUST_CHECK;

/* A descriptor or a code. */
SL_SUSPENDS
int sl_path_walk_open(struct path_walk *walk, int dir_fd, const char *name, uint32_t flags,
	uint64_t resolve) SL_MUST_CHECK;

/* To describe the directory dir_fd. */
struct sl_op sl_path_walk_stat_op(int dir_fd, struct statx *st);

/* Until no other walk is making what the first `len` bytes of the path lead through. Returns 0;
 * the cancellation; -ETIMEDOUT below the place of a walk that was abandoned. */
SL_SUSPENDS
int sl_path_walk_wait_for_makers(struct path_walk *walk, size_t len) SL_MUST_CHECK;

/* Those that wait for this one. */
void sl_path_walk_wake_waiting(struct sl_directories *directories);

/* ---- directory_make.c ---- */

/* `path`, below the base, whose own path has base_len bytes: the path as it is if it is there, else
 * step by step. Returns the descriptor or a code. */
SL_SUSPENDS
int sl_path_walk_open_path(
	struct path_walk *walk, struct sl_span path, size_t base_len) SL_MUST_CHECK;

/* A directory was made in dir_fd, which *st describes, by this run for certain or perhaps by one
 * before: it must be synced. */
SL_SUSPENDS
int sl_path_walk_add_unsynced(
	struct path_walk *walk, int dir_fd, const struct statx *st, bool is_certain) SL_MUST_CHECK;

#endif
