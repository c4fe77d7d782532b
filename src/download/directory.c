/*
 * Directories, opened and made as mkdir -p makes them: mode 0777 less the umask, to which the
 * kernel adds what the parent hands down (its group by the set-group-ID bit, its default ACL).
 * Steps in between need search permission only. So does the directory itself, if it has write
 * permission as well (a drop box, mode 1733).
 *
 * A file is durable only if the directories above it are. With sync_made, each directory in which
 * another was made is remembered until it is synced, once for all that were made in it, and no
 * sl_directory_sync() succeeds before. A sync that has failed is not repeated: the kernel may have
 * dropped what it could not write, and the next one would succeed.
 *
 * Opening may hang for good (a dead NFS server, a FUSE mount). All of it is done by calls that are
 * abandoned at the deadlines in force, in several walks at once, none of which waits for one that
 * hangs elsewhere. A walk that makes a directory is waited for by those that lead through it: they
 * must not find a directory that was made and is not counted yet. What an abandoned walk may still
 * make is never counted, so all that lies below the place where it hung is refused from then on.
 */
#include "sluice/download/directory.h"

#include "sluice/base/clock.h"
#include "sluice/base/number.h"
#include "sluice/base/text.h"
#include "sluice/download/names.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DIRECTORY_MODE 0777
#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY)
#define STEP_FLAGS (O_PATH | O_DIRECTORY)
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define FRESH_S 600      /* the kernel has written directories that were made before */
#define ANCESTORS_MAX 64 /* looked at for fresh ones */
#define UNSYNCED_MAX 64  /* directories kept open only to be synced */
/* For the removal of a directory that cannot be recorded: it may hang as well. */
#define REMOVE_NS SL_NS_PER_S

void
sl_directories_init(struct sl_directories *directories, unsigned keep, bool sync_made)
{
	sl_assert(keep > 0);
	*directories = (struct sl_directories){ .keep = keep, .sync_made = sync_made };
	sl_list_init(&directories->open);
	sl_list_init(&directories->unsynced);
	sl_list_init(&directories->walks);
	sl_list_init(&directories->abandoned);
	sl_list_init(&directories->waiting);
	sl_semaphore_init(&directories->sync_turn, "sync of made directories", 1);
}

/*
 * One opening under way. `path` is the whole path without empty and "." components, as far as the
 * base is known; [0, at) of it leads to the directory that is being opened. An abandoned walk stays
 * in the table for its place.
 */
struct walk {
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

static void
free_walk(struct walk *walk)
{
	free(walk->path);
	free(walk);
}

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

/* The directory is not in a list any more: closing suspends, and other tasks walk the list in the
 * meantime. */
SL_SUSPENDS
static void
close_directory(struct sl_directory *directory)
{
	sl_io_close(directory->fd);
	free(directory->path);
	free(directory);
}

SL_SUSPENDS
static void
close_all(struct sl_list *victims)
{
	struct sl_list *node;
	while ((node = sl_list_pop(victims)))
		close_directory(sl_list_item(node, struct sl_directory, link));
}

SL_SUSPENDS
static void
close_unsynced(struct unsynced *unsynced)
{
	sl_io_close(unsynced->fd);
	free(unsynced);
}

void
sl_directories_release(struct sl_directories *directories)
{
	sl_list_each(node, &directories->open)
		sl_assert(sl_list_item(node, struct sl_directory, link)->refs == 0);
	sl_assert(sl_list_is_empty(&directories->walks));
	close_all(&directories->open);
	directories->count = 0;
	struct sl_list *node;
	while ((node = sl_list_pop(&directories->abandoned)))
		free_walk(sl_list_item(node, struct walk, link));
	while ((node = sl_list_pop(&directories->unsynced)))
		close_unsynced(sl_list_item(node, struct unsynced, link));
	directories->unsynced_count = 0;
}

/* Close the least recently used ones. */
SL_SUSPENDS
static void
close_least_recent(struct sl_directories *directories)
{
	struct sl_list victims;
	sl_list_init(&victims);
	for (struct sl_list *node = directories->open.prev;
		node != &directories->open && directories->count > directories->keep;) {
		struct sl_directory *directory = sl_list_item(node, struct sl_directory, link);
		node = node->prev;
		if (directory->refs > 0 || directory->dirty)
			continue;
		sl_list_remove(&directory->link);
		sl_list_push_back(&victims, &directory->link);
		directories->count--;
	}
	close_all(&victims);
}

/* ---- syncing ---- */

/* A directory that may not be read cannot be opened to be synced. It may be written, so the whole
 * file system is synced by a file that never gets a name. */
SL_SUSPENDS
static int
sync_search_only(int dir_fd)
{
	int fd = sl_io_open(dir_fd, ".", O_TMPFILE | O_WRONLY, S_IRUSR | S_IWUSR, 0);
	int code = fd < 0 ? fd : sl_io_sync_fs(fd);
	sl_io_close(fd);
	return code == -EOPNOTSUPP || code == -EISDIR ? -EACCES : code;
}

SL_SUSPENDS
static int
sync_directory(int fd, bool search_only)
{
	struct sl_op op = { .kind = SL_OP_SYNC, .fd = fd };
	int code = search_only ? sync_search_only(fd) : sl_io_batch(&op, 1);
	code = code ? code : search_only ? 0 : op.result;
	return code == -EINVAL || code == -EOPNOTSUPP ? 0 : code;
}

/* All of the list. What is not reached because the task is stopped stays in it. */
SL_SUSPENDS
static int
sync_parents(struct sl_directories *directories)
{
	struct sl_list parents;
	struct sl_list *node;
	int code = 0;
	sl_list_init(&parents);
	while ((node = sl_list_pop(&directories->unsynced)))
		sl_list_push_back(&parents, node);
	directories->unsynced_count = 0;
	while (!code && (node = sl_list_pop(&parents))) {
		struct unsynced *parent = sl_list_item(node, struct unsynced, link);
		code = sync_directory(parent->fd, parent->search_only);
		/* No run of this user has made anything in what it may neither read nor write. */
		if (code == -EACCES && !parent->is_certain)
			code = 0;
		if (code) {
			sl_list_push_back(&directories->unsynced, &parent->link);
			directories->unsynced_count++;
		} else {
			close_unsynced(parent);
		}
	}
	while ((node = sl_list_pop(&parents))) {
		sl_list_push_back(&directories->unsynced, node);
		directories->unsynced_count++;
	}
	return code;
}

/* Until the first `until` directories that were made are durable. One task at a time syncs; what it
 * syncs for others they need not sync again. */
SL_SUSPENDS
static int
sync_made(struct sl_directories *directories, uint64_t until)
{
	while (!directories->sync_code && directories->synced < until) {
		int code = sl_semaphore_take(&directories->sync_turn, SL_FOREVER);
		if (code)
			return code;
		uint64_t made = directories->made;
		if (directories->synced < until)
			code = sync_parents(directories);
		bool stopped = code == -ECANCELED || (code == -ETIMEDOUT && sl_task_cancelled());
		if (!code)
			directories->synced = SL_MAX(directories->synced, made);
		else if (!stopped)
			directories->sync_code = code;
		sl_semaphore_give(&directories->sync_turn);
		if (stopped)
			return code;
	}
	return directories->sync_code;
}

/* ---- walks ---- */

static void
note_abandoned(struct walk *walk, int code)
{
	walk->is_abandoned = walk->is_abandoned || code == -ETIMEDOUT || code == -ECANCELED;
}

/* All operations of a walk go through here. 0, or the code with which they were abandoned. */
SL_SUSPENDS
static int
run_ops(struct walk *walk, struct sl_op *ops, size_t count)
{
	int code = sl_io_batch_abandonable(ops, count);
	note_abandoned(walk, code);
	return code;
}

/* A descriptor or a code. */
SL_SUSPENDS
static int
walk_open(struct walk *walk, int dir_fd, const char *name, uint32_t flags, uint64_t resolve)
{
	struct sl_op op = { .kind = SL_OP_OPEN,
		.dir_fd = dir_fd,
		.path = name,
		.flags = flags,
		.resolve = resolve };
	int code = run_ops(walk, &op, 1);
	return code ? code : op.result;
}

/* The place where `other` is, is in the first `len` bytes of the walk's path. */
static bool
leads_through(const struct walk *walk, size_t len, const struct walk *other)
{
	size_t at = other->at;
	if (at == 0)
		return walk->path[0] != '/';
	if (at > len || memcmp(walk->path, other->path, at) != 0)
		return false;
	return at == len || walk->path[at] == '/' || walk->path[at - 1] == '/';
}

static bool
leads_through_any(const struct walk *walk, size_t len, const struct sl_list *others)
{
	sl_list_each(node, others)
	{
		const struct walk *other = sl_list_item(node, struct walk, link);
		if (other != walk && (other->is_making || other->is_abandoned) &&
			leads_through(walk, len, other))
			return true;
	}
	return false;
}

/* Until no other walk is making what the first `len` bytes of the path lead through. Returns 0; the
 * cancellation; -ETIMEDOUT below the place of a walk that was abandoned. */
SL_SUSPENDS
static int
wait_for_makers(struct walk *walk, size_t len)
{
	struct sl_directories *directories = walk->directories;
	int code = 0;
	while (!code) {
		struct sl_waiter waiter;
		if (leads_through_any(walk, len, &directories->abandoned)) {
			walk->is_refused = true;
			return -ETIMEDOUT;
		}
		if (!leads_through_any(walk, len, &directories->walks))
			return 0;
		code = sl_waiter_wait(
			&waiter, &directories->waiting, "directory being made", SL_FOREVER);
	}
	return code;
}

static void
wake_waiting(struct sl_directories *directories)
{
	struct sl_waiter *waiter;
	while ((waiter = sl_waiter_pop(&directories->waiting)))
		sl_waiter_serve(waiter, 0);
}

/* ---- opening and making ---- */

/* What may not be read. Its search permission is asked for here, as for a step through it. */
SL_SUSPENDS
static int
open_search_only(struct walk *walk, int dir_fd, const char *name, uint64_t resolve)
{
	int fd = walk_open(walk, dir_fd, name, STEP_FLAGS, resolve);
	if (fd < 0)
		return fd;
	int searched = walk_open(walk, fd, ".", STEP_FLAGS, 0);
	sl_io_close(fd);
	return searched;
}

/* For reading, so that it can be synced, or if that is not permitted by path only. */
SL_SUSPENDS
static int
open_directory(struct walk *walk, int dir_fd, const char *name, uint64_t resolve, bool *search_only)
{
	int fd = walk_open(walk, dir_fd, name, OPEN_FLAGS, resolve);
	*search_only = fd == -EACCES;
	return *search_only ? open_search_only(walk, dir_fd, name, resolve) : fd;
}

static struct unsynced *
find_unsynced(const struct sl_directories *directories, const struct statx *st)
{
	sl_list_each(node, &directories->unsynced)
	{
		struct unsynced *other = sl_list_item(node, struct unsynced, link);
		if (other->inode == st->stx_ino && other->dev_major == st->stx_dev_major &&
			other->dev_minor == st->stx_dev_minor)
			return other;
	}
	return NULL;
}

/* A directory was made in dir_fd, which *st describes, by this run for certain or perhaps by one
 * before: it must be synced. */
SL_SUSPENDS
static int
add_unsynced(struct walk *walk, int dir_fd, const struct statx *st, bool is_certain)
{
	struct sl_directories *directories = walk->directories;
	if (!directories->sync_made)
		return 0;
	directories->made++;
	struct unsynced *unsynced = find_unsynced(directories, st);
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
	sl_list_push_back(&directories->unsynced, &unsynced->link);
	directories->unsynced_count++;
	if (directories->unsynced_count <= UNSYNCED_MAX)
		return 0;
	return sync_made(directories, directories->made);
}

/* Record a new directory as unsynced. One that cannot be recorded is removed, since it would not be
 * synced, and the next input would take it for durable. */
SL_SUSPENDS
static int
record_made(struct walk *walk, int dir_fd, const char *name, const struct sl_op *parent)
{
	struct sl_op removal = {
		.kind = SL_OP_UNLINK, .dir_fd = dir_fd, .path = name, .flags = AT_REMOVEDIR
	};
	struct sl_shield shield;
	int code = parent->result;
	if (!code)
		code = add_unsynced(walk, dir_fd, parent->statx, true);
	if (code) {
		sl_shield_begin(&shield, sl_deadline_in(REMOVE_NS));
		(void)!run_ops(walk, &removal, 1);
		sl_shield_end(&shield);
	}
	return code;
}

/* A directory created above others must be writable for its owner, whatever the umask. */
SL_SUSPENDS
static int
add_owner_mode(struct walk *walk, int fd, const struct statx *st)
{
	const uint32_t needed = S_IWUSR | S_IXUSR;
	if ((st->stx_mode & needed) == needed)
		return 0;
	int readable = walk_open(walk, fd, ".", OPEN_FLAGS, 0);
	if (readable < 0)
		return readable;
	struct sl_op op = {
		.kind = SL_OP_SET_MODE, .fd = readable, .mode = (st->stx_mode & 07777) | needed
	};
	int code = run_ops(walk, &op, 1);
	sl_io_close(readable);
	return code ? code : op.result;
}

/* The operations of a step: open it; make it if it is missing, then open it again and look at it
 * and its parent. */
enum { STEP_OPEN, STEP_MAKE, STEP_REOPEN, STEP_CHILD, STEP_PARENT, STEP_OPS };

static struct sl_op
stat_op(int dir_fd, struct statx *st)
{
	bool is_cwd = dir_fd == AT_FDCWD;
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = dir_fd,
		.path = is_cwd ? "." : "",
		.flags = is_cwd ? 0 : AT_EMPTY_PATH,
		.mask = STATX_BASIC_STATS,
		.statx = st };
}

/* All in one call; its own result is that of run_ops. */
SL_SUSPENDS
static int
run_step(struct sl_op ops[static STEP_OPS], struct walk *walk, int dir_fd, const char *name,
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
	ops[STEP_CHILD] = stat_op(SL_FD_OF_AFTER, &st[0]);
	ops[STEP_PARENT] = stat_op(dir_fd, &st[1]);
	ops[STEP_MAKE].after = &ops[STEP_OPEN];
	ops[STEP_MAKE].after_absent = true;
	ops[STEP_REOPEN].after = &ops[STEP_MAKE];
	ops[STEP_CHILD].after = &ops[STEP_REOPEN];
	ops[STEP_PARENT].after = &ops[STEP_MAKE];
	return run_ops(walk, ops, STEP_OPS);
}

/* The component `name` below `dir_fd`, made if it is missing. */
SL_SUSPENDS
static int
open_or_make(struct walk *walk, int dir_fd, const char *name, uint32_t flags)
{
	if (walk->directories->look_only)
		return walk_open(walk, dir_fd, name, flags, walk->resolve);
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
		if (!code && fd >= 0 && flags == STEP_FLAGS)
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
open_step(struct walk *walk, int dir_fd, const char *name, uint32_t flags)
{
	int code = wait_for_makers(walk, walk->at);
	if (code)
		return code;
	walk->is_making = true;
	int fd = open_or_make(walk, dir_fd, name, flags);
	/* Not if it was abandoned: what it makes later is not counted. */
	walk->is_making = walk->is_abandoned;
	wake_waiting(walk->directories);
	return fd;
}

/* The last step. -EACCES stands for one that may not be read, or not be made: that one is not
 * there, and the reason is the first code. */
SL_SUSPENDS
static int
open_last(struct walk *walk, int dir_fd, const char *name)
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
open_missing(struct walk *walk, int above_fd)
{
	walk->is_missing = true;
	return walk_open(walk, above_fd, ".", STEP_FLAGS, 0);
}

/* To the next component, `name`. */
static void
advance(struct walk *walk, const char *name)
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
make_path(struct walk *walk, char *path, size_t base_len)
{
	int at = walk->base_fd;
	walk->at = path[0] == '/' ? 1 : base_len;
	if (path[0] == '/')
		at = walk_open(walk, AT_FDCWD, "/", STEP_FLAGS, 0);
	char *rest = path + strspn(path, "/");
	while (*rest && (at >= 0 || at == walk->base_fd)) {
		char *name = rest;
		rest += strcspn(rest, "/");
		if (*rest)
			*rest++ = '\0';
		rest += strspn(rest, "/");
		advance(walk, name);
		int next =
			*rest ? open_step(walk, at, name, STEP_FLAGS) : open_last(walk, at, name);
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

/* The path as it is if it is there, else step by step. Returns the descriptor or a code. */
SL_SUSPENDS
static int
open_path(struct walk *walk, struct sl_span path, size_t base_len)
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
	int code = fd < 0 ? fd : wait_for_makers(walk, len);
	if (code >= 0) {
		walk->at = len;
		return fd;
	}
	sl_io_close(SL_MAX(fd, -1));
	return code;
}

/* `full` without empty and "." components. NULL if out of memory. */
static char *
normalize(const char *full)
{
	struct sl_buf out = { 0 };
	if (full[0] == '/')
		sl_buf_add_char(&out, '/');
	for (const char *name = full + strspn(full, "/"); *name; name += strspn(name, "/")) {
		size_t len = strcspn(name, "/");
		if (len != 1 || name[0] != '.') {
			if (out.len > 0 && out.data[out.len - 1] != '/')
				sl_buf_add_char(&out, '/');
			sl_buf_add_span(&out, sl_span(name, len));
		}
		name += len;
	}
	return sl_buf_detach(&out);
}

/* ---- names that came from elsewhere ---- */

/* Not absolute, and no "..". */
static bool
is_below(struct sl_span path)
{
	if (path.len > 0 && path.data[0] == '/')
		return false;
	for (size_t i = 0; i < path.len;) {
		size_t len = 0;
		while (i + len < path.len && path.data[i + len] != '/')
			len++;
		if (len == 2 && memcmp(path.data + i, "..", 2) == 0)
			return false;
		i += len + 1;
	}
	return true;
}

static int
check_below(struct sl_span path, struct sl_error *err)
{
	int shown = (int)SL_MIN(path.len, 120u);
	if (sl_text_has_control(path))
		return sl_fail(err, SL_PHASE_DIRECTORY, SL_E_NAME,
			"directory name '%.*s' has control bytes: refused", shown, path.data);
	if (!is_below(path))
		return sl_fail(err, SL_PHASE_DIRECTORY, SL_E_NAME,
			"directory '%.*s' of the list leaves the output directory: refused "
			"(--allow-outside permits it)",
			shown, path.data);
	return 0;
}

/* ---- the table ---- */

static struct sl_directory *
find_open(struct sl_directories *directories, struct sl_span path)
{
	sl_list_each(node, &directories->open)
	{
		struct sl_directory *directory = sl_list_item(node, struct sl_directory, link);
		if (sl_span_is(path, directory->path)) {
			sl_list_remove(&directory->link);
			sl_list_push_front(&directories->open, &directory->link);
			return directory;
		}
	}
	return NULL;
}

/* Where fstatfs fails (a simulated descriptor) the common case is assumed. Overlayfs is not among
 * the local ones: its syncfs does not tell of writes that failed below it. */
static unsigned
traits_of(const struct statfs *fs)
{
	static const struct {
		long magic;
		unsigned traits;
	} known[] = {
		{ EXT4_SUPER_MAGIC, SL_DIRECTORY_DIRECT | SL_DIRECTORY_LOCAL | SL_DIRECTORY_EXACT },
		{ 0x58465342 /* XFS */,
			SL_DIRECTORY_DIRECT | SL_DIRECTORY_LOCAL | SL_DIRECTORY_EXACT },
		{ BTRFS_SUPER_MAGIC, SL_DIRECTORY_LOCAL | SL_DIRECTORY_EXACT },
		{ TMPFS_MAGIC, SL_DIRECTORY_LOCAL | SL_DIRECTORY_EXACT },
		{ F2FS_SUPER_MAGIC, SL_DIRECTORY_LOCAL | SL_DIRECTORY_EXACT },
		{ OVERLAYFS_SUPER_MAGIC, SL_DIRECTORY_EXACT },
	};
	for (size_t i = 0; i < SL_COUNT_OF(known); i++)
		if ((long)fs->f_type == known[i].magic)
			return known[i].traits;
	return 0;
}

/* On the heap: it may be abandoned. The descriptor's number may then be another file's, and the
 * result is not used. */
struct traits_call {
	int fd;
	unsigned traits;
	uint64_t free_bytes;
};

static uint64_t
free_bytes_of(const struct statfs *fs)
{
	/* What is reserved for root is free for root. A tmpfs without a limit has no blocks. */
	uint64_t blocks = geteuid() == 0 ? (uint64_t)fs->f_bfree : (uint64_t)fs->f_bavail;
	uint64_t bytes;
	bool is_known = fs->f_blocks > 0 && sl_mul_u64(blocks, (uint64_t)fs->f_bsize, &bytes);
	return is_known ? bytes : UINT64_MAX;
}

uint64_t
sl_directory_free_bytes(int fd)
{
	struct statfs fs = { 0 };
	return fstatfs(fd, &fs) == 0 ? free_bytes_of(&fs) : UINT64_MAX;
}

static int
query_traits(void *arg)
{
	struct traits_call *call = arg;
	struct statfs fs = { 0 };
	bool is_known = fstatfs(call->fd, &fs) == 0;
	call->traits = is_known ? traits_of(&fs)
				: SL_DIRECTORY_DIRECT | SL_DIRECTORY_LOCAL | SL_DIRECTORY_EXACT;
	call->free_bytes = is_known ? free_bytes_of(&fs) : UINT64_MAX;
	return 0;
}

static void
set_traits(struct sl_directory *directory, const struct traits_call *call)
{
	directory->traits = call->traits;
	directory->free_bytes = call->free_bytes;
}

/* "base/path", or either alone. */
static char *
full_path(const struct sl_directory *base, struct sl_span path)
{
	struct sl_buf full = { 0 };
	char *name = sl_span_dup(path);
	if (name && base)
		sl_directory_join(base, name, &full);
	else if (name)
		sl_buf_add_str(&full, name);
	full.failed = full.failed || !name;
	free(name);
	return sl_buf_detach(&full);
}

/* Those of its file system, which a server may have to be asked for, once for each. */
SL_SUSPENDS
static int
learn_traits(struct walk *walk, struct sl_directory *directory)
{
	const struct sl_directories *directories = walk->directories;
	sl_list_each(node, &directories->open)
	{
		const struct sl_directory *other = sl_list_item(node, struct sl_directory, link);
		if (other->dev_major != directory->dev_major ||
			other->dev_minor != directory->dev_minor || other->search_only)
			continue;
		directory->traits = other->traits;
		directory->free_bytes = other->free_bytes;
		return 0;
	}
	struct traits_call here = { .fd = directory->fd }, *call = malloc(sizeof(*call));
	bool abandoned = false;
	if (!call)
		return -ENOMEM;
	*call = here;
	int code = sl_blocking_run(
		SL_BLOCKING_DIRECTORIES, query_traits, call, free, SL_FOREVER, &abandoned);
	if (!abandoned) {
		set_traits(directory, call);
		free(call);
	} else if (code == -EAGAIN) { /* no thread can be started */
		code = sl_blocking_wait(query_traits, &here);
		set_traits(directory, &here);
	} else {
		note_abandoned(walk, code);
	}
	return code;
}

static bool
is_fresh(const struct statx *st)
{
	const struct statx_timestamp *made =
		st->stx_mask & STATX_BTIME ? &st->stx_btime : &st->stx_ctime;
	return made->tv_sec + FRESH_S > (int64_t)(sl_clock_wall_ns() / SL_NS_PER_S);
}

/* The directory above, and what it is like: a descriptor or a code. */
SL_SUSPENDS
static int
open_above(struct walk *walk, int dir_fd, struct statx *st)
{
	int fd = walk_open(walk, dir_fd, "..", STEP_FLAGS, 0);
	if (fd < 0)
		return fd;
	struct sl_op op = stat_op(fd, st);
	op.mask |= STATX_BTIME;
	int code = run_ops(walk, &op, 1);
	if (!code)
		code = op.result;
	if (!code)
		return fd;
	sl_io_close(fd);
	return code;
}

/* A directory that was there may have been made by a run that was killed before it was synced, and
 * so may those above it. What this user may not open cannot be synced. */
SL_SUSPENDS
static int
add_fresh(struct walk *walk, int dir_fd, const struct statx *st)
{
	struct statx below = *st, above = { 0 };
	int at = dir_fd, code = 0;
	for (unsigned i = 0; !code && i < ANCESTORS_MAX && is_fresh(&below); i++) {
		int fd = open_above(walk, at, &above);
		if (at != dir_fd)
			sl_io_close(at);
		at = fd;
		code = fd < 0 ? fd : 0;
		if (!code && sl_io_is_same_inode(&below, &above))
			break;
		if (!code)
			code = add_unsynced(walk, at, &above, false);
		below = above;
	}
	if (at >= 0 && at != dir_fd)
		sl_io_close(at);
	return code == -EACCES ? 0 : code;
}

SL_SUSPENDS
static int
learn(struct walk *walk, struct sl_directory *directory)
{
	struct statx st = { 0 };
	struct sl_op op = stat_op(directory->fd, &st);
	op.mask |= STATX_BTIME;
	int code = run_ops(walk, &op, 1);
	if (!code)
		code = op.result;
	/* A missing one has an identity too, or names in it could be claimed twice. */
	directory->inode =
		directory->is_missing ? sl_names_hash(0, sl_span_str(walk->path)) : st.stx_ino;
	directory->dev_major = st.stx_dev_major;
	directory->dev_minor = st.stx_dev_minor;
	if (!code)
		code = learn_traits(walk, directory);
	if (directory->search_only) /* its descriptor cannot be used for syncfs */
		directory->traits &= ~(unsigned)SL_DIRECTORY_LOCAL;
	if (!code && walk->directories->sync_made && !directory->is_missing)
		code = add_fresh(walk, directory->fd, &st);
	directory->needs_made = walk->directories->made;
	return code;
}

/* A new entry of the table, named `name`. Returns 0 or a code. */
SL_SUSPENDS
static int
open_new(struct walk *walk, struct sl_span relative, size_t base_len, const char *name,
	struct sl_directory **out)
{
	struct sl_directories *directories = walk->directories;
	struct sl_directory *directory = calloc(1, sizeof(*directory));
	char *path = sl_span_dup(sl_span_str(name));
	int code = directory && path ? wait_for_makers(walk, strlen(walk->path)) : -ENOMEM;
	if (!code)
		code = open_path(walk, relative, base_len);
	if (code < 0) {
		free(directory);
		free(path);
		return code;
	}
	*directory = (struct sl_directory){ .directories = directories,
		.path = path,
		.fd = code,
		.search_only = walk->search_only,
		.is_missing = walk->is_missing,
		.refs = 1 };
	sl_list_init(&directory->link);
	code = learn(walk, directory);
	if (code) {
		close_directory(directory);
		return code;
	}
	sl_list_push_front(&directories->open, &directory->link);
	directories->count++;
	*out = directory;
	close_least_recent(directories);
	return 0;
}

static int
open_failed(const char *path, int code, const struct walk *walk, struct sl_error *err)
{
	bool hangs = code == -ETIMEDOUT && walk && (walk->is_abandoned || walk->is_refused);
	if (hangs)
		return sl_fail(err, SL_PHASE_DIRECTORY, code,
			"cannot open or make the directory '%s': its file system did not respond "
			"in time (is it a mount whose server is down? --stall-timeout waits "
			"longer)",
			path);
	if (walk && walk->resolve && (code == -ELOOP || code == -EXDEV))
		return sl_fail(err, SL_PHASE_DIRECTORY, code,
			"directory '%s' of the list leads through a symbolic link: refused "
			"(--allow-outside permits it)",
			path);
	return sl_fail_code(
		err, SL_PHASE_DIRECTORY, code, "cannot open or make the directory '%s'", path);
}

/* NULL if out of memory. */
static struct walk *
new_walk(struct sl_directories *directories, const struct sl_directory *base, const char *name)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	char *path = walk ? normalize(name) : NULL;
	if (!path) {
		free(walk);
		return NULL;
	}
	*walk = (struct walk){ .directories = directories,
		.base_fd = base ? base->fd : AT_FDCWD,
		.resolve = base ? BENEATH : 0,
		.is_missing = base && base->is_missing,
		.path = path,
		.at = strlen(path) };
	sl_list_push_back(&directories->walks, &walk->link);
	return walk;
}

/* An abandoned one is kept, and those that wait for it fail. */
static void
end_walk(struct walk *walk)
{
	struct sl_directories *directories = walk->directories;
	sl_list_remove(&walk->link);
	if (walk->is_abandoned)
		sl_list_push_back(&directories->abandoned, &walk->link);
	else
		free_walk(walk);
	wake_waiting(directories);
}

/* It is not in the table. */
SL_SUSPENDS
static int
walk_to(struct sl_directories *directories, const struct sl_directory *base, struct sl_span path,
	const char *name, struct sl_directory **out, struct sl_error *err)
{
	struct walk *walk = new_walk(directories, base, name);
	char *base_path = base ? normalize(base->path) : NULL;
	int code = walk && (!base || base_path)
			   ? open_new(walk, path, base ? strlen(base_path) : 0, name, out)
			   : -ENOMEM;
	if (code)
		code = open_failed(name, code, walk, err);
	free(base_path);
	if (walk)
		end_walk(walk);
	return code;
}

int
sl_directories_open(struct sl_directories *directories, struct sl_directory *base,
	struct sl_span path, struct sl_directory **out, struct sl_error *err)
{
	if (base && path.len == 0) {
		sl_directory_ref(base);
		*out = base;
		return 0;
	}
	if (path.len == 0)
		path = sl_span_str(".");
	int code = base ? check_below(path, err) : 0;
	if (code)
		return code;
	char *name = full_path(base, path);
	if (!name)
		return open_failed("", -ENOMEM, NULL, err);
	struct sl_directory *known = find_open(directories, sl_span_str(name));
	if (known) {
		sl_directory_ref(known);
		*out = known;
	} else {
		code = walk_to(directories, base, path, name, out, err);
	}
	free(name);
	return code;
}

int
sl_directory_stat(const struct sl_directory *directory, const char *name, int flags, uint32_t mask,
	struct statx *out)
{
	return directory->is_missing ? -ENOENT : sl_io_stat(directory->fd, name, flags, mask, out);
}

bool
sl_directories_is_open(const struct sl_directories *directories, const char *path)
{
	sl_list_each(node,
		&directories->open) if (strcmp(sl_list_item(node, struct sl_directory, link)->path,
						path) == 0) return true;
	return false;
}

void
sl_directory_ref(struct sl_directory *directory)
{
	directory->refs++;
}

void
sl_directory_unref(struct sl_directory *directory)
{
	if (!directory)
		return;
	sl_assert(directory->refs > 0);
	directory->refs--;
}

/* 0 if one of these calls failed merely because it is unsupported. */
static int
touch_result(int code)
{
	bool unsupported = code == -EPERM || code == -EACCES || code == -EINVAL ||
			   code == -ENOSYS || code == -EOPNOTSUPP;
	return unsupported ? 0 : code;
}

/* XFS and btrfs fail the first attribute call after their journal was aborted. ext4 detects it in
 * the first one, and fails the second. Neither waits for the disk. A directory that may not be read
 * was synced by syncfs, which fails then. */
int
sl_directory_confirm(struct sl_directory *directory)
{
	if (directory->search_only)
		return 0;
	struct sl_op ops[] = {
		{ .kind = SL_OP_SET_OWNER,
			.fd = directory->fd,
			.uid = SL_ID_LEFT,
			.gid = SL_ID_LEFT },
		{ .kind = SL_OP_SET_OWNER,
			.fd = directory->fd,
			.uid = SL_ID_LEFT,
			.gid = SL_ID_LEFT },
	};
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (!code)
		code = touch_result(ops[0].result);
	return code ? code : touch_result(ops[1].result);
}

int
sl_directory_sync(struct sl_directory *directory)
{
	int code = sync_made(directory->directories, directory->needs_made);
	return code ? code : sync_directory(directory->fd, directory->search_only);
}

void
sl_directory_join(const struct sl_directory *directory, const char *name, struct sl_buf *out)
{
	if (strcmp(directory->path, ".") != 0) {
		sl_buf_add_str(out, directory->path);
		if (directory->path[strlen(directory->path) - 1] != '/')
			sl_buf_add_char(out, '/');
	}
	sl_buf_add_str(out, name);
}
