/*
 * The table of directories. How they are opened and made: directory_make.c; what happens when that
 * hangs: directory_walk.c; how they become durable: directory_sync.c.
 */
#include "directory_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/number.h"
#include "sluice/base/text.h"
#include "sluice/download/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_S 600      /* the kernel has written directories that were made before */
#define ANCESTORS_MAX 64 /* looked at for fresh ones */

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
		sl_path_walk_free(sl_list_item(node, struct path_walk, link));
	while ((node = sl_list_pop(&directories->unsynced)))
		sl_unsynced_close(sl_list_item(node, struct unsynced, link));
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

/* ---- what is to be known of one ---- */

/* Those of its file system, which a server may have to be asked for, once for each. */
SL_SUSPENDS
static int
learn_traits(struct path_walk *walk, struct sl_directory *directory)
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
	bool abandoned = false;
	int code = sl_directory_learn_traits(directory, &abandoned);
	walk->is_abandoned = walk->is_abandoned || abandoned;
	return code;
}

static bool
is_fresh(const struct statx *st)
{
	const struct statx_timestamp *made =
		st->stx_mask & STATX_BTIME ? &st->stx_btime : &st->stx_ctime;
	return made->tv_sec + FRESH_S > sl_clock_wall_s();
}

/* The directory above, and what it is like: a descriptor or a code. */
SL_SUSPENDS
static int
open_above(struct path_walk *walk, int dir_fd, struct statx *st)
{
	int fd = sl_path_walk_open(walk, dir_fd, "..", SL_STEP_FLAGS, 0);
	if (fd < 0)
		return fd;
	struct sl_op op = sl_path_walk_stat_op(fd, st);
	op.mask |= STATX_BTIME;
	int code = sl_path_walk_run(walk, &op, 1);
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
add_fresh(struct path_walk *walk, int dir_fd, const struct statx *st)
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
			code = sl_path_walk_add_unsynced(walk, at, &above, false);
		below = above;
	}
	if (at >= 0 && at != dir_fd)
		sl_io_close(at);
	return code == -EACCES ? 0 : code;
}

SL_SUSPENDS
static int
learn(struct path_walk *walk, struct sl_directory *directory)
{
	struct statx st = { 0 };
	struct sl_op op = sl_path_walk_stat_op(directory->fd, &st);
	op.mask |= STATX_BTIME;
	int code = sl_path_walk_run(walk, &op, 1);
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

/* A new entry of the table, named `name`. Returns 0 or a code. */
SL_SUSPENDS
static int
open_new(struct path_walk *walk, struct sl_span relative, size_t base_len, const char *name,
	struct sl_directory **out)
{
	struct sl_directories *directories = walk->directories;
	struct sl_directory *directory = calloc(1, sizeof(*directory));
	char *path = sl_span_dup(sl_span_str(name));
	int code = directory && path ? sl_path_walk_wait_for_makers(walk, strlen(walk->path))
				     : -ENOMEM;
	if (!code)
		code = sl_path_walk_open_path(walk, relative, base_len);
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
open_failed(const char *path, int code, const struct path_walk *walk, struct sl_error *err)
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

/* It is not in the table. */
SL_SUSPENDS
static int
walk_to(struct sl_directories *directories, const struct sl_directory *base, struct sl_span path,
	const char *name, struct sl_directory **out, struct sl_error *err)
{
	struct path_walk *walk = sl_path_walk_new(directories, base, name);
	char *base_path = base ? sl_path_walk_normalize(base->path) : NULL;
	int code = walk && (!base || base_path)
			   ? open_new(walk, path, base ? strlen(base_path) : 0, name, out)
			   : -ENOMEM;
	if (code)
		code = open_failed(name, code, walk, err);
	free(base_path);
	if (walk)
		sl_path_walk_end(walk);
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
