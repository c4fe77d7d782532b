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
 */
#include "sluice/download/directory.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define DIRECTORY_MODE 0777
#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY)
#define STEP_FLAGS (O_PATH | O_DIRECTORY)
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define UNSYNCED_MAX 64 /* directories kept open only to be synced */

void
sl_directories_init(struct sl_directories *directories, unsigned keep, bool sync_made)
{
	sl_assert(keep > 0);
	*directories = (struct sl_directories){ .keep = keep, .sync_made = sync_made };
	sl_list_init(&directories->open);
	sl_list_init(&directories->unsynced);
	sl_semaphore_init(&directories->open_turn, "opening of directories", 1);
	sl_semaphore_init(&directories->sync_turn, "sync of made directories", 1);
}

/* A directory in which others were made since it was synced. */
struct unsynced {
	struct sl_list link;
	int fd;
	bool search_only;
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
	close_all(&directories->open);
	directories->count = 0;
	struct sl_list *node;
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

/* ---- opening and making ---- */

/* What may not be read. Its search permission is asked for here, as for a step through it. */
SL_SUSPENDS
static int
open_search_only(int dir_fd, const char *name, uint64_t resolve)
{
	int fd = sl_io_open(dir_fd, name, STEP_FLAGS, 0, resolve);
	if (fd < 0)
		return fd;
	int searched = sl_io_open(fd, ".", STEP_FLAGS, 0, 0);
	sl_io_close(fd);
	return searched;
}

/* For reading, so that it can be synced, or if that is not permitted by path only. */
SL_SUSPENDS
static int
open_directory(int dir_fd, const char *name, uint64_t resolve, bool *search_only)
{
	int fd = sl_io_open(dir_fd, name, OPEN_FLAGS, 0, resolve);
	*search_only = fd == -EACCES;
	return *search_only ? open_search_only(dir_fd, name, resolve) : fd;
}

/* How a path is walked. */
struct walk {
	struct sl_directories *directories;
	int base_fd;
	uint64_t resolve; /* RESOLVE_* */
	bool search_only; /* what was opened in the end may not be read */
};

static bool
is_unsynced(const struct sl_directories *directories, const struct statx *st)
{
	sl_list_each(node, &directories->unsynced)
	{
		const struct unsynced *other = sl_list_item(node, struct unsynced, link);
		if (other->inode == st->stx_ino && other->dev_major == st->stx_dev_major &&
			other->dev_minor == st->stx_dev_minor)
			return true;
	}
	return false;
}

/* A directory was made in dir_fd, which *st describes: it must be synced. */
SL_SUSPENDS
static int
add_unsynced(struct sl_directories *directories, int dir_fd, const struct statx *st)
{
	if (!directories->sync_made)
		return 0;
	directories->made++;
	if (is_unsynced(directories, st))
		return 0;
	struct unsynced *unsynced = calloc(1, sizeof(*unsynced));
	if (!unsynced)
		return -ENOMEM;
	*unsynced = (struct unsynced){
		.inode = st->stx_ino, .dev_major = st->stx_dev_major, .dev_minor = st->stx_dev_minor
	};
	sl_list_init(&unsynced->link);
	unsynced->fd = open_directory(dir_fd, ".", 0, &unsynced->search_only);
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
	struct sl_shield shield;
	int code = parent->result;
	if (!code)
		code = add_unsynced(walk->directories, dir_fd, parent->statx);
	if (code) {
		sl_shield_begin(&shield, SL_FOREVER);
		(void)sl_io_unlink(dir_fd, name, AT_REMOVEDIR);
		sl_shield_end(&shield);
	}
	return code;
}

/* A directory created above others must be writable for its owner, whatever the umask. */
SL_SUSPENDS
static int
add_owner_mode(int fd, const struct statx *st)
{
	const uint32_t needed = S_IWUSR | S_IXUSR;
	if ((st->stx_mode & needed) == needed)
		return 0;
	int readable = sl_io_open(fd, ".", OPEN_FLAGS, 0, 0);
	int code =
		readable < 0 ? readable : sl_io_set_mode(readable, (st->stx_mode & 07777) | needed);
	sl_io_close(readable);
	return code;
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

/* All in one call; its own result is the cancellation. */
SL_SUSPENDS
static int
run_step(struct sl_op ops[static STEP_OPS], const struct walk *walk, int dir_fd, const char *name,
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
	return sl_io_batch(ops, STEP_OPS);
}

/* One step: the component `name` below `dir_fd`, made if it is missing. */
SL_SUSPENDS
static int
open_step(struct walk *walk, int dir_fd, const char *name, uint32_t flags)
{
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
						      : add_owner_mode(fd, &st[0]);
		if (!code)
			return fd;
		sl_io_close(SL_MAX(fd, -1));
		return code;
	}
	return -ENOENT;
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
	int searched = open_search_only(dir_fd, name, walk->resolve);
	return searched == -ENOENT ? fd : searched;
}

/* Step by step; `path` is cut apart. Returns the descriptor or a code. */
SL_SUSPENDS
static int
make_path(struct walk *walk, char *path)
{
	int at = path[0] == '/' ? sl_io_open(AT_FDCWD, "/", STEP_FLAGS, 0, 0) : walk->base_fd;
	char *rest = path + strspn(path, "/");
	while (*rest && (at >= 0 || at == walk->base_fd)) {
		char *name = rest;
		rest += strcspn(rest, "/");
		if (*rest)
			*rest++ = '\0';
		rest += strspn(rest, "/");
		int next =
			*rest ? open_step(walk, at, name, STEP_FLAGS) : open_last(walk, at, name);
		if (at != walk->base_fd)
			sl_io_close(at);
		at = next;
	}
	return at;
}

/* The path as it is if it is there, else step by step. Returns the descriptor or a code. */
SL_SUSPENDS
static int
open_path(struct walk *walk, struct sl_span path)
{
	char *copy = sl_span_dup(path);
	if (!copy)
		return -ENOMEM;
	bool one_step = path.len > 0 && !memchr(path.data, '/', path.len);
	int fd = -ENOENT;
	if (!one_step)
		fd = open_directory(walk->base_fd, copy, walk->resolve, &walk->search_only);
	if (fd == -ENOENT)
		fd = make_path(walk, copy);
	free(copy);
	return fd;
}

/* One at a time: another must not find a directory that was made and is not counted yet. */
SL_SUSPENDS
static int
open_in_turn(struct walk *walk, struct sl_span path)
{
	struct sl_semaphore *turn = &walk->directories->open_turn;
	int code = sl_semaphore_take(turn, SL_FOREVER);
	if (code)
		return code;
	code = open_path(walk, path);
	sl_semaphore_give(turn);
	return code;
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

static bool
has_control(struct sl_span path)
{
	for (size_t i = 0; i < path.len; i++)
		if ((unsigned char)path.data[i] < 0x20 || path.data[i] == 0x7f)
			return true;
	return false;
}

static int
check_below(struct sl_span path, struct sl_error *err)
{
	int shown = (int)SL_MIN(path.len, 120u);
	if (has_control(path))
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

struct traits_call {
	int fd;
	unsigned traits;
};

static int
query_traits(void *arg)
{
	struct traits_call *call = arg;
	struct statfs fs = { 0 };
	call->traits = fstatfs(call->fd, &fs) == 0
			       ? traits_of(&fs)
			       : SL_DIRECTORY_DIRECT | SL_DIRECTORY_LOCAL | SL_DIRECTORY_EXACT;
	return 0;
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
learn_traits(const struct sl_directories *directories, struct sl_directory *directory)
{
	sl_list_each(node, &directories->open)
	{
		const struct sl_directory *other = sl_list_item(node, struct sl_directory, link);
		if (other->dev_major != directory->dev_major ||
			other->dev_minor != directory->dev_minor || other->search_only)
			continue;
		directory->traits = other->traits;
		return 0;
	}
	struct traits_call call = { .fd = directory->fd };
	int code = sl_blocking_wait(query_traits, &call);
	directory->traits = call.traits;
	return code;
}

SL_SUSPENDS
static int
learn(const struct sl_directories *directories, struct sl_directory *directory)
{
	struct statx st = { 0 };
	int code = sl_io_stat(directory->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	directory->inode = st.stx_ino;
	directory->dev_major = st.stx_dev_major;
	directory->dev_minor = st.stx_dev_minor;
	if (!code)
		code = learn_traits(directories, directory);
	if (directory->search_only) /* its descriptor cannot be used for syncfs */
		directory->traits &= ~(unsigned)SL_DIRECTORY_LOCAL;
	return code;
}

/* A new entry of the table for `path` (taken). */
SL_SUSPENDS
static int
open_new(struct walk *walk, struct sl_span relative, char *path, struct sl_directory **out)
{
	struct sl_directories *directories = walk->directories;
	struct sl_directory *directory = calloc(1, sizeof(*directory));
	int code = directory ? open_in_turn(walk, relative) : -ENOMEM;
	if (code < 0) {
		free(directory);
		free(path);
		return code;
	}
	*directory = (struct sl_directory){ .directories = directories,
		.path = path,
		.fd = code,
		.search_only = walk->search_only,
		.needs_made = directories->made,
		.refs = 1 };
	sl_list_init(&directory->link);
	code = learn(directories, directory);
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
open_failed(const char *path, int code, bool beneath, struct sl_error *err)
{
	if (beneath && (code == -ELOOP || code == -EXDEV))
		return sl_fail(err, SL_PHASE_DIRECTORY, code,
			"directory '%s' of the list leads through a symbolic link: refused "
			"(--allow-outside permits it)",
			path);
	return sl_fail_code(
		err, SL_PHASE_DIRECTORY, code, "cannot open or make the directory '%s'", path);
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
	char *name = full_path(base, path), *kept = name ? sl_span_dup(sl_span_str(name)) : NULL;
	struct sl_directory *known = kept ? find_open(directories, sl_span_str(name)) : NULL;
	if (known) {
		sl_directory_ref(known);
		*out = known;
		free(kept);
	} else if (kept) {
		struct walk walk = { .directories = directories,
			.base_fd = base ? base->fd : AT_FDCWD,
			.resolve = base ? BENEATH : 0 };
		code = open_new(&walk, path, kept, out);
	} else {
		code = -ENOMEM;
	}
	if (code)
		code = open_failed(name ? name : "", code, base != NULL, err);
	free(name);
	return code;
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
