/*
 * Directories, opened and made as mkdir -p makes them: mode 0777 less the umask, to which the
 * kernel adds what the parent hands down (its group by the set-group-ID bit, its default ACL).
 * Steps in between need search permission only. So does the directory itself, if it has write
 * permission as well (a drop box, mode 1733).
 */
#include "directory_int.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY_MODE 0777
#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY)
/* For the removal of a directory that cannot be recorded: it may hang as well. */
#define REMOVE_NS SL_NS_PER_S

/* What may not be read. Its search permission is asked for here, as for a step through it. */
SL_SUSPENDS
static int
open_search_only(struct path_walk *walk, int dir_fd, const char *name, uint64_t resolve)
{
	int fd = sl_path_walk_open(walk, dir_fd, name, SL_STEP_FLAGS, resolve);
	if (fd < 0)
		return fd;
	int searched = sl_path_walk_open(walk, fd, ".", SL_STEP_FLAGS, 0);
	sl_io_close(fd);
	return searched;
}

/* For reading, so that it can be synced, or if that is not permitted by path only. */
SL_SUSPENDS
static int
open_directory(
	struct path_walk *walk, int dir_fd, const char *name, uint64_t resolve, bool *search_only)
{
	int fd = sl_path_walk_open(walk, dir_fd, name, OPEN_FLAGS, resolve);
	*search_only = fd == -EACCES;
	return *search_only ? open_search_only(walk, dir_fd, name, resolve) : fd;
}

int
sl_path_walk_add_unsynced(
	struct path_walk *walk, int dir_fd, const struct statx *st, bool is_certain)
{
	struct sl_directories *directories = walk->directories;
	if (!directories->sync_made)
		return 0;
	directories->made++;
	struct unsynced *unsynced = sl_unsynced_find(directories, st);
	if (unsynced) {
		unsynced->is_certain = unsynced->is_certain || is_certain;
		return 0;
	}
	unsynced = calloc(1, sizeof(*unsynced));
	if (!unsynced)
		return -ENOMEM;
	*unsynced = (struct unsynced){ .is_certain = is_certain,
		.inode = st->stx_ino,
		.dev_major = st->stx_dev_major,
		.dev_minor = st->stx_dev_minor };
	sl_list_init(&unsynced->link);
	unsynced->fd = open_directory(walk, dir_fd, ".", 0, &unsynced->search_only);
	if (unsynced->fd < 0) {
		int code = unsynced->fd;
		free(unsynced);
		return code;
	}
	return sl_unsynced_add(directories, unsynced);
}

/* Record a new directory as unsynced. One that cannot be recorded is removed, since it would not be
 * synced, and the next input would take it for durable. */
SL_SUSPENDS
static int
record_made(struct path_walk *walk, int dir_fd, const char *name, const struct sl_op *parent)
{
	struct sl_op removal = {
		.kind = SL_OP_UNLINK, .dir_fd = dir_fd, .path = name, .flags = AT_REMOVEDIR
	};
	struct sl_shield shield;
	int code = parent->result;
	if (!code)
		code = sl_path_walk_add_unsynced(walk, dir_fd, parent->statx, true);
	if (code) {
		sl_shield_begin(&shield, sl_deadline_in(REMOVE_NS));
		(void)!sl_path_walk_run(walk, &removal, 1);
		sl_shield_end(&shield);
	}
	return code;
}

/* A directory created above others must be writable for its owner, whatever the umask. */
SL_SUSPENDS
static int
add_owner_mode(struct path_walk *walk, int fd, const struct statx *st)
{
	const uint32_t needed = S_IWUSR | S_IXUSR;
	if ((st->stx_mode & needed) == needed)
		return 0;
	int readable = sl_path_walk_open(walk, fd, ".", OPEN_FLAGS, 0);
	if (readable < 0)
		return readable;
	struct sl_op op = {
		.kind = SL_OP_SET_MODE, .fd = readable, .mode = (st->stx_mode & 07777) | needed
	};
	int code = sl_path_walk_run(walk, &op, 1);
	sl_io_close(readable);
	return code ? code : op.result;
}

/* ---- steps ---- */

/* The operations of a step: open it; make it if it is missing, then open it again and look at it
 * and its parent. */
enum { STEP_OPEN, STEP_MAKE, STEP_REOPEN, STEP_CHILD, STEP_PARENT, STEP_OPS };

/* All in one call; its own result is that of sl_path_walk_run. */
SL_SUSPENDS
static int
run_step(struct sl_op ops[static STEP_OPS], struct path_walk *walk, int dir_fd, const char *name,
	uint32_t flags, struct statx st[static 2])
{
	ops[STEP_OPEN] = (struct sl_op){ .kind = SL_OP_OPEN,
		.dir_fd = dir_fd,
		.path = name,
		.flags = flags,
		.resolve = walk->resolve };
	ops[STEP_MAKE] = (struct sl_op){
		.kind = SL_OP_MKDIR, .dir_fd = dir_fd, .path = name, .mode = DIRECTORY_MODE
	};
	ops[STEP_REOPEN] = ops[STEP_OPEN];
	ops[STEP_CHILD] = sl_path_walk_stat_op(SL_FD_OF_AFTER, &st[0]);
	ops[STEP_PARENT] = sl_path_walk_stat_op(dir_fd, &st[1]);
	ops[STEP_MAKE].after = &ops[STEP_OPEN];
	ops[STEP_MAKE].after_absent = true;
	ops[STEP_REOPEN].after = &ops[STEP_MAKE];
	ops[STEP_CHILD].after = &ops[STEP_REOPEN];
	ops[STEP_PARENT].after = &ops[STEP_MAKE];
	return sl_path_walk_run(walk, ops, STEP_OPS);
}

/* The component `name` below `dir_fd`, made if it is missing. */
SL_SUSPENDS
static int
open_or_make(struct path_walk *walk, int dir_fd, const char *name, uint32_t flags)
{
	if (walk->directories->look_only)
		return sl_path_walk_open(walk, dir_fd, name, flags, walk->resolve);
	for (int tries = 0; tries < 2; tries++) {
		struct sl_op ops[STEP_OPS];
		struct statx st[2] = { { 0 } };
		int code = run_step(ops, walk, dir_fd, name, flags, st);
		if (code)
			return code;
		if (ops[STEP_OPEN].result != -ENOENT)
			return ops[STEP_OPEN].result;
		if (ops[STEP_MAKE].result == -EEXIST) /* another run has just made it */
			continue;
		if (ops[STEP_MAKE].result)
			return ops[STEP_MAKE].result;
		int fd = ops[STEP_REOPEN].result;
		code = record_made(walk, dir_fd, name, &ops[STEP_PARENT]);
		if (!code && fd >= 0 && flags == SL_STEP_FLAGS)
			code = ops[STEP_CHILD].result ? ops[STEP_CHILD].result
						      : add_owner_mode(walk, fd, &st[0]);
		if (!code)
			return fd;
		sl_io_close(SL_MAX(fd, -1));
		return code;
	}
	return -ENOENT;
}

/* One step of the walk; no other walk makes the same directory at the same time. */
SL_SUSPENDS
static int
open_step(struct path_walk *walk, int dir_fd, const char *name, uint32_t flags)
{
	int code = sl_path_walk_wait_for_makers(walk, walk->at);
	if (code)
		return code;
	walk->is_making = true;
	int fd = open_or_make(walk, dir_fd, name, flags);
	/* Not if it was abandoned: what it makes later is not counted. */
	walk->is_making = walk->is_abandoned;
	sl_path_walk_wake_waiting(walk->directories);
	return fd;
}

/* The last step. -EACCES stands for one that may not be read, or not be made: that one is not
 * there, and the reason is the first code. */
SL_SUSPENDS
static int
open_last(struct path_walk *walk, int dir_fd, const char *name)
{
	int fd = open_step(walk, dir_fd, name, OPEN_FLAGS);
	walk->search_only = fd == -EACCES;
	if (!walk->search_only)
		return fd;
	int searched = open_search_only(walk, dir_fd, name, walk->resolve);
	return searched == -ENOENT ? fd : searched;
}

/* What is opened for a directory that does not exist: the one in which it would be made. */
SL_SUSPENDS
static int
open_missing(struct path_walk *walk, int above_fd)
{
	walk->is_missing = true;
	return sl_path_walk_open(walk, above_fd, ".", SL_STEP_FLAGS, 0);
}

/* ---- paths ---- */

/* To the next component, `name`. */
static void
advance(struct path_walk *walk, const char *name)
{
	if (strcmp(name, ".") == 0)
		return;
	walk->at += walk->path[walk->at] == '/';
	walk->at += strlen(name);
	sl_assert(walk->at <= strlen(walk->path));
}

/* Step by step; `path` is cut apart. Returns the descriptor or a code. */
SL_SUSPENDS
static int
make_path(struct path_walk *walk, char *path, size_t base_len)
{
	int at = walk->base_fd;
	walk->at = path[0] == '/' ? 1 : base_len;
	if (path[0] == '/')
		at = sl_path_walk_open(walk, AT_FDCWD, "/", SL_STEP_FLAGS, 0);
	char *rest = path + strspn(path, "/");
	while (*rest && (at >= 0 || at == walk->base_fd)) {
		char *name = rest;
		rest += strcspn(rest, "/");
		if (*rest)
			*rest++ = '\0';
		rest += strspn(rest, "/");
		advance(walk, name);
		int next = *rest ? open_step(walk, at, name, SL_STEP_FLAGS)
				 : open_last(walk, at, name);
		if (next == -ENOENT && walk->directories->look_only) {
			next = open_missing(walk, at);
			rest += strlen(rest);
		}
		if (at != walk->base_fd)
			sl_io_close(at);
		at = next;
	}
	return at;
}

int
sl_path_walk_open_path(struct path_walk *walk, struct sl_span path, size_t base_len)
{
	char *copy = sl_span_dup(path);
	if (!copy)
		return -ENOMEM;
	bool one_step = path.len > 0 && !memchr(path.data, '/', path.len);
	int fd = -ENOENT;
	if (walk->is_missing) /* its base is */
		fd = open_missing(walk, walk->base_fd);
	else if (!one_step)
		fd = open_directory(walk, walk->base_fd, copy, walk->resolve, &walk->search_only);
	if (fd == -ENOENT)
		fd = make_path(walk, copy, base_len);
	free(copy);
	/* A step in between may have been found that another walk has made and not counted yet. */
	size_t len = strlen(walk->path);
	int code = fd < 0 ? fd : sl_path_walk_wait_for_makers(walk, len);
	if (code >= 0) {
		walk->at = len;
		return fd;
	}
	sl_io_close(SL_MAX(fd, -1));
	return code;
}
