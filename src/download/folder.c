#include "sluice/download/folder.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#define KEEP_OPEN 64 /* folders kept open though nobody uses them: descriptors are few */
#define FOLDER_MODE 0777

void
sl_folders_init(struct sl_folders *folders)
{
	*folders = (struct sl_folders){ 0 };
	sl_list_init(&folders->open);
}

SL_SUSPENDS
static void
forget(struct sl_folders *folders, struct sl_folder *folder)
{
	sl_list_remove(&folder->link);
	folders->count--;
	sl_io_close(folder->fd);
	free(folder->path);
	free(folder);
}

void
sl_folders_release(struct sl_folders *folders)
{
	sl_list_each(node, &folders->open)
	{
		struct sl_folder *folder = sl_list_item(node, struct sl_folder, link);
		sl_assert(folder->refs == 0);
		forget(folders, folder);
	}
}

SL_SUSPENDS
static void
trim_open(struct sl_folders *folders)
{
	for (struct sl_list *node = folders->open.prev;
		node != &folders->open && folders->count > KEEP_OPEN;) {
		struct sl_folder *folder = sl_list_item(node, struct sl_folder, link);
		node = node->prev;
		if (folder->refs == 0 && !folder->dirty)
			forget(folders, folder);
	}
}

/* One step: the component `name` below `dir_fd`, made if it is missing. */
SL_SUSPENDS
static int
open_step(int dir_fd, const char *name, bool beneath)
{
	const uint64_t resolve =
		beneath ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS : 0;
	for (int tries = 0; tries < 2; tries++) {
		int fd = sl_io_open(dir_fd, name, O_RDONLY | O_DIRECTORY, 0, resolve);
		if (fd != -ENOENT)
			return fd;
		int code = sl_io_mkdir(dir_fd, name, FOLDER_MODE);
		if (code && code != -EEXIST)
			return code;
	}
	return -ENOENT;
}

/* The path as it is if it is there, else step by step. Returns the descriptor or a code. */
SL_SUSPENDS
static int
open_path(int base_fd, const char *path, bool beneath)
{
	const uint64_t resolve =
		beneath ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS : 0;
	int fd = sl_io_open(base_fd, path, O_RDONLY | O_DIRECTORY, 0, resolve);
	if (fd != -ENOENT)
		return fd;
	char *copy = sl_span_dup(sl_span_str(path));
	if (!copy)
		return -ENOMEM;
	int at = path[0] == '/' ? sl_io_open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0, 0) : base_fd;
	char *rest = copy;
	while (at >= 0 || at == AT_FDCWD) {
		rest += strspn(rest, "/");
		if (!*rest)
			break;
		char *end = rest + strcspn(rest, "/");
		bool last = *end == '\0';
		*end = '\0';
		int next = open_step(at, rest, beneath);
		if (at != base_fd)
			sl_io_close(at);
		at = next;
		rest = last ? end : end + 1;
	}
	free(copy);
	return at;
}

/* No "..", no empty or "." trickery, not absolute: names that came from elsewhere. */
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

/* fstatfs only reads what the kernel has in memory; where it fails (a simulated descriptor) the
 * common case is assumed. */
static unsigned
traits_of(int fd)
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
		{ OVERLAYFS_SUPER_MAGIC, SL_FOLDER_LOCAL },
	};
	struct statfs fs = { 0 };
	if (fstatfs(fd, &fs) != 0)
		return SL_FOLDER_DIRECT | SL_FOLDER_LOCAL;
	for (size_t i = 0; i < SL_COUNT_OF(known); i++)
		if ((long)fs.f_type == known[i].magic)
			return known[i].traits;
	return 0;
}

SL_SUSPENDS
static int
remember(struct sl_folders *folders, char *path, int fd, struct sl_folder **out)
{
	struct sl_folder *folder = calloc(1, sizeof(*folder));
	if (!folder) {
		sl_io_close(fd);
		free(path);
		return -ENOMEM;
	}
	folder->path = path;
	folder->fd = fd;
	folder->refs = 1;
	folder->traits = traits_of(fd);
	sl_list_push_front(&folders->open, &folder->link);
	folders->count++;
	trim_open(folders);
	*out = folder;
	return 0;
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
	if (has_control(path))
		return sl_fail(err, SL_PHASE_FOLDER, SL_E_NAME,
			"folder name '%.*s' has control bytes: refused",
			(int)SL_MIN(path.len, 120u), path.data);
	if (base && !is_below(path))
		return sl_fail(err, SL_PHASE_FOLDER, SL_E_NAME,
			"folder '%.*s' of the list leaves the output folder: refused "
			"(--allow-outside permits it)",
			(int)SL_MIN(path.len, 120u), path.data);
	struct sl_buf full = { 0 };
	if (base && strcmp(base->path, ".") != 0) {
		sl_buf_add_str(&full, base->path);
		sl_buf_add_char(&full, '/');
	}
	sl_buf_add_span(&full, path.len ? path : sl_span_str("."));
	char *name = sl_buf_detach(&full),
	     *relative = sl_span_dup(path.len ? path : sl_span_str("."));
	int code = name && relative ? 0 : -ENOMEM;
	struct sl_folder *known = code ? NULL : find_open(folders, sl_span_str(name));
	if (known) {
		sl_folder_ref(known);
		*out = known;
		free(name);
	} else if (!code) {
		int fd = open_path(base ? base->fd : AT_FDCWD, relative, base != NULL);
		if (fd < 0) {
			code = sl_fail_code(err, SL_PHASE_FOLDER, fd,
				"cannot open or make the folder '%s'", name);
			free(name);
		} else {
			code = remember(folders, name, fd, out);
		}
	} else {
		free(name);
	}
	free(relative);
	if (code)
		return sl_fail_code(err, SL_PHASE_FOLDER, code, "cannot open a folder");
	return 0;
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
