#include "sluice/download/folder.h"

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

#define FOLDER_MODE 0777
#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY)
#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

void
sl_folders_init(struct sl_folders *folders, unsigned keep, bool sync_made)
{
	sl_assert(keep > 0);
	*folders = (struct sl_folders){ .keep = keep, .sync_made = sync_made };
	sl_list_init(&folders->open);
}

/* The folder is in no list any more: closing suspends, and others walk the list meanwhile. */
SL_SUSPENDS
static void
forget(struct sl_folder *folder)
{
	sl_io_close(folder->fd);
	free(folder->path);
	free(folder);
}

SL_SUSPENDS
static void
forget_all(struct sl_list *victims)
{
	struct sl_list *node;
	while ((node = sl_list_pop(victims)))
		forget(sl_list_item(node, struct sl_folder, link));
}

void
sl_folders_release(struct sl_folders *folders)
{
	sl_list_each(node, &folders->open)
		sl_assert(sl_list_item(node, struct sl_folder, link)->refs == 0);
	forget_all(&folders->open);
	folders->count = 0;
}

/* The ones that were not used for longest go. */
SL_SUSPENDS
static void
trim_open(struct sl_folders *folders)
{
	struct sl_list victims;
	sl_list_init(&victims);
	for (struct sl_list *node = folders->open.prev;
		node != &folders->open && folders->count > folders->keep;) {
		struct sl_folder *folder = sl_list_item(node, struct sl_folder, link);
		node = node->prev;
		if (folder->refs > 0 || folder->dirty)
			continue;
		sl_list_remove(&folder->link);
		sl_list_push_back(&victims, &folder->link);
		folders->count--;
	}
	forget_all(&victims);
}

/* ---- opening and making ---- */

SL_SUSPENDS
static int
sync_folder(int fd)
{
	int code = sl_io_sync(fd, 0);
	return code == -EINVAL || code == -EOPNOTSUPP ? 0 : code;
}

SL_SUSPENDS
static int
sync_parent(int dir_fd)
{
	if (dir_fd != AT_FDCWD)
		return sync_folder(dir_fd);
	int fd = sl_io_open(AT_FDCWD, ".", OPEN_FLAGS, 0, 0);
	if (fd < 0)
		return fd;
	int code = sync_folder(fd);
	sl_io_close(fd);
	return code;
}

/* A file in a folder whose own name is lost by a power cut would be lost with it. If the name
 * cannot be brought to the disk it goes again, or whoever comes next would take it for durable. */
SL_SUSPENDS
static int
make_folder(int dir_fd, const char *name, bool sync)
{
	struct sl_shield shield;
	int code = sl_io_mkdir(dir_fd, name, FOLDER_MODE);
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
		int code = make_folder(dir_fd, name, walk->sync);
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
		return sl_fail(err, SL_PHASE_FOLDER, SL_E_NAME,
			"folder name '%.*s' has control bytes: refused", shown, path.data);
	if (!is_below(path))
		return sl_fail(err, SL_PHASE_FOLDER, SL_E_NAME,
			"folder '%.*s' of the list leaves the output folder: refused "
			"(--allow-outside permits it)",
			shown, path.data);
	return 0;
}

/* ---- the table ---- */

static struct sl_folder *
find_open(struct sl_folders *folders, struct sl_span path)
{
	sl_list_each(node, &folders->open)
	{
		struct sl_folder *folder = sl_list_item(node, struct sl_folder, link);
		if (sl_span_is(path, folder->path)) {
			sl_list_remove(&folder->link);
			sl_list_push_front(&folders->open, &folder->link);
			return folder;
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
		{ EXT4_SUPER_MAGIC, SL_FOLDER_DIRECT | SL_FOLDER_LOCAL },
		{ 0x58465342 /* XFS */, SL_FOLDER_DIRECT | SL_FOLDER_LOCAL },
		{ BTRFS_SUPER_MAGIC, SL_FOLDER_LOCAL },
		{ TMPFS_MAGIC, SL_FOLDER_LOCAL },
		{ F2FS_SUPER_MAGIC, SL_FOLDER_LOCAL },
		{ MSDOS_SUPER_MAGIC, SL_FOLDER_NO_MODES },
		{ EXFAT_SUPER_MAGIC, SL_FOLDER_NO_MODES },
		{ 0x7366746e /* NTFS */, SL_FOLDER_NO_MODES },
		{ SMB_SUPER_MAGIC, SL_FOLDER_NO_MODES },
		{ 0xff534d42 /* CIFS */, SL_FOLDER_NO_MODES },
		{ 0xfe534d42 /* SMB2 */, SL_FOLDER_NO_MODES },
		{ FUSE_SUPER_MAGIC, SL_FOLDER_NO_MODES },
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
	call->traits =
		fstatfs(call->fd, &fs) == 0 ? traits_of(&fs) : SL_FOLDER_DIRECT | SL_FOLDER_LOCAL;
	return 0;
}

/* "base/path", or either alone. */
static char *
full_path(const struct sl_folder *base, struct sl_span path)
{
	struct sl_buf full = { 0 };
	char *name = sl_span_dup(path);
	if (name && base)
		sl_folder_join(base, name, &full);
	else if (name)
		sl_buf_add_str(&full, name);
	full.failed = full.failed || !name;
	free(name);
	return sl_buf_detach(&full);
}

SL_SUSPENDS
static int
learn_identity(struct sl_folder *folder)
{
	struct statx st = { 0 };
	int code = sl_io_stat(folder->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	folder->inode = st.stx_ino;
	folder->dev_major = st.stx_dev_major;
	folder->dev_minor = st.stx_dev_minor;
	return code;
}

/* A new entry of the table for `path` (taken). */
SL_SUSPENDS
static int
open_new(struct sl_folders *folders, const struct walk *walk, struct sl_span relative, char *path,
	struct sl_folder **out)
{
	struct sl_folder *folder = calloc(1, sizeof(*folder));
	int code = folder ? open_path(walk, relative) : -ENOMEM;
	if (code < 0) {
		free(folder);
		free(path);
		return code;
	}
	*folder = (struct sl_folder){ .path = path, .fd = code, .refs = 1 };
	sl_list_init(&folder->link);
	struct traits_call call = { .fd = folder->fd };
	code = sl_blocking_wait(ask_traits, &call); /* a server may have to be asked */
	folder->traits = call.traits;
	if (!code)
		code = learn_identity(folder);
	if (code) {
		forget(folder);
		return code;
	}
	sl_list_push_front(&folders->open, &folder->link);
	folders->count++;
	*out = folder;
	trim_open(folders);
	return 0;
}

static int
open_failed(const char *path, int code, bool beneath, struct sl_error *err)
{
	if (beneath && (code == -ELOOP || code == -EXDEV))
		return sl_fail(err, SL_PHASE_FOLDER, code,
			"folder '%s' of the list leads through a symbolic link: refused "
			"(--allow-outside permits it)",
			path);
	return sl_fail_code(
		err, SL_PHASE_FOLDER, code, "cannot open or make the folder '%s'", path);
}

int
sl_folders_open(struct sl_folders *folders, struct sl_folder *base, struct sl_span path,
	struct sl_folder **out, struct sl_error *err)
{
	if (base && path.len == 0) {
		sl_folder_ref(base);
		*out = base;
		return 0;
	}
	if (path.len == 0)
		path = sl_span_str(".");
	int code = base ? check_below(path, err) : 0;
	if (code)
		return code;
	char *name = full_path(base, path), *kept = name ? sl_span_dup(sl_span_str(name)) : NULL;
	struct sl_folder *known = kept ? find_open(folders, sl_span_str(name)) : NULL;
	if (known) {
		sl_folder_ref(known);
		*out = known;
		free(kept);
	} else if (kept) {
		struct walk walk = { .base_fd = base ? base->fd : AT_FDCWD,
			.resolve = base ? BENEATH : 0,
			.sync = folders->sync_made };
		code = open_new(folders, &walk, path, kept, out);
	} else {
		code = -ENOMEM;
	}
	if (code)
		code = open_failed(name ? name : "", code, base != NULL, err);
	free(name);
	return code;
}

void
sl_folder_ref(struct sl_folder *folder)
{
	folder->refs++;
}

void
sl_folder_unref(struct sl_folder *folder)
{
	if (!folder)
		return;
	sl_assert(folder->refs > 0);
	folder->refs--;
}

int
sl_folder_sync(struct sl_folder *folder)
{
	return sync_folder(folder->fd);
}

void
sl_folder_join(const struct sl_folder *folder, const char *name, struct sl_buf *out)
{
	if (strcmp(folder->path, ".") != 0) {
		sl_buf_add_str(out, folder->path);
		if (folder->path[strlen(folder->path) - 1] != '/')
			sl_buf_add_char(out, '/');
	}
	sl_buf_add_str(out, name);
}
