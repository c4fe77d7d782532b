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
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

void
sl_directories_init(struct sl_directories *directories, unsigned keep, bool sync_made)
{
	sl_assert(keep > 0);
	*directories = (struct sl_directories){ .keep = keep, .sync_made = sync_made };
	sl_list_init(&directories->open);
}

/* The directory is in no list any more: closing suspends, and others walk the list meanwhile. */
SL_SUSPENDS
static void
forget(struct sl_directory *directory)
{
	sl_io_close(directory->fd);
	free(directory->path);
	free(directory);
}

SL_SUSPENDS
static void
forget_all(struct sl_list *victims)
{
	struct sl_list *node;
	while ((node = sl_list_pop(victims)))
		forget(sl_list_item(node, struct sl_directory, link));
}

void
sl_directories_release(struct sl_directories *directories)
{
	sl_list_each(node, &directories->open)
		sl_assert(sl_list_item(node, struct sl_directory, link)->refs == 0);
	forget_all(&directories->open);
	directories->count = 0;
}

/* The ones that were not used for longest go. */
SL_SUSPENDS
static void
trim_open(struct sl_directories *directories)
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
	forget_all(&victims);
}

/* ---- opening and making ---- */

SL_SUSPENDS
static int
sync_directory(int fd)
{
	int code = sl_io_sync(fd, 0);
	return code == -EINVAL || code == -EOPNOTSUPP ? 0 : code;
}

SL_SUSPENDS
static int
sync_parent(int dir_fd)
{
	if (dir_fd != AT_FDCWD)
		return sync_directory(dir_fd);
	int fd = sl_io_open(AT_FDCWD, ".", OPEN_FLAGS, 0, 0);
	if (fd < 0)
		return fd;
	int code = sync_directory(fd);
	sl_io_close(fd);
	return code;
}

/* A file in a directory whose own name is lost by a power cut would be lost with it. If the name
 * cannot be brought to the disk it goes again, or whoever comes next would take it for durable. */
SL_SUSPENDS
static int
make_directory(int dir_fd, const char *name, bool sync)
{
	struct sl_shield shield;
	int code = sl_io_mkdir(dir_fd, name, DIRECTORY_MODE);
	if (code || !sync)
		return code == -EEXIST ? 0 : code;
	code = sync_parent(dir_fd);
	if (code) {
		sl_shield_begin(&shield, SL_FOREVER);
		(void)sl_io_unlink(dir_fd, name, AT_REMOVEDIR);
		sl_shield_end(&shield);
	}
	return code;
}

/* How a path is walked. */
struct walk {
	int base_fd;
	uint64_t resolve; /* RESOLVE_* */
	bool sync;
};

/* One step: the component `name` below `dir_fd`, made if it is missing. */
SL_SUSPENDS
static int
open_step(const struct walk *walk, int dir_fd, const char *name)
{
	for (int tries = 0; tries < 2; tries++) {
		int fd = sl_io_open(dir_fd, name, OPEN_FLAGS, 0, walk->resolve);
		if (fd != -ENOENT)
			return fd;
		int code = make_directory(dir_fd, name, walk->sync);
		if (code)
			return code;
	}
	return -ENOENT;
}

/* Step by step; `path` is cut apart. Returns the descriptor or a code. */
SL_SUSPENDS
static int
make_path(const struct walk *walk, char *path)
{
	int at = path[0] == '/' ? sl_io_open(AT_FDCWD, "/", OPEN_FLAGS, 0, 0) : walk->base_fd;
	char *rest = path + strspn(path, "/");
	while (*rest && (at >= 0 || at == walk->base_fd)) {
		char *name = rest;
		rest += strcspn(rest, "/");
		if (*rest)
			*rest++ = '\0';
		rest += strspn(rest, "/");
		int next = open_step(walk, at, name);
		if (at != walk->base_fd)
			sl_io_close(at);
		at = next;
	}
	return at;
}

/* The path as it is if it is there, else step by step. Returns the descriptor or a code. */
SL_SUSPENDS
static int
open_path(const struct walk *walk, struct sl_span path)
{
	char *copy = sl_span_dup(path);
	if (!copy)
		return -ENOMEM;
	int fd = sl_io_open(walk->base_fd, copy, OPEN_FLAGS, 0, walk->resolve);
	if (fd == -ENOENT)
		fd = make_path(walk, copy);
	free(copy);
	return fd;
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
ask_traits(void *arg)
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

SL_SUSPENDS
static int
learn_identity(struct sl_directory *directory)
{
	struct statx st = { 0 };
	int code = sl_io_stat(directory->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	directory->inode = st.stx_ino;
	directory->dev_major = st.stx_dev_major;
	directory->dev_minor = st.stx_dev_minor;
	return code;
}

/* A new entry of the table for `path` (taken). */
SL_SUSPENDS
static int
open_new(struct sl_directories *directories, const struct walk *walk, struct sl_span relative,
	char *path, struct sl_directory **out)
{
	struct sl_directory *directory = calloc(1, sizeof(*directory));
	int code = directory ? open_path(walk, relative) : -ENOMEM;
	if (code < 0) {
		free(directory);
		free(path);
		return code;
	}
	*directory = (struct sl_directory){ .path = path, .fd = code, .refs = 1 };
	sl_list_init(&directory->link);
	struct traits_call call = { .fd = directory->fd };
	code = sl_blocking_wait(ask_traits, &call); /* a server may have to be asked */
	directory->traits = call.traits;
	if (!code)
		code = learn_identity(directory);
	if (code) {
		forget(directory);
		return code;
	}
	sl_list_push_front(&directories->open, &directory->link);
	directories->count++;
	*out = directory;
	trim_open(directories);
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
		struct walk walk = { .base_fd = base ? base->fd : AT_FDCWD,
			.resolve = base ? BENEATH : 0,
			.sync = directories->sync_made };
		code = open_new(directories, &walk, path, kept, out);
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
 * the first one, and fails the second. Neither waits for the disk. */
int
sl_directory_confirm(struct sl_directory *directory)
{
	struct sl_op ops[] = {
		{ .kind = SL_OP_TOUCH, .fd = directory->fd },
		{ .kind = SL_OP_TOUCH, .fd = directory->fd },
	};
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (!code)
		code = touch_result(ops[0].result);
	return code ? code : touch_result(ops[1].result);
}

int
sl_directory_sync(struct sl_directory *directory)
{
	return sync_directory(directory->fd);
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
