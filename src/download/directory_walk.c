/*
 * Walks: openings under way.
 *
 * Opening may hang for good (a dead NFS server, a FUSE mount). All of it is done by calls that are
 * abandoned at the deadlines in force, in several walks at once, none of which waits for one
 * that hangs elsewhere. A walk that makes a directory is waited for by those that lead through
 * it: they must not find a directory that was made and is not counted yet. What an abandoned
 * walk may still make is never counted, so all that lies below the place where it hung is
 * refused from then on.
 */
#include "directory_int.h"

#include "sluice/rt/waiter.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

void
sl_path_walk_free(struct path_walk *walk)
{
	free(walk->path);
	free(walk);
}

char *
sl_path_walk_normalize(const char *full)
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

struct path_walk *
sl_path_walk_new(
	struct sl_directories *directories, const struct sl_directory *base, const char *name)
{
	struct path_walk *walk = calloc(1, sizeof(*walk));
	char *path = walk ? sl_path_walk_normalize(name) : NULL;
	if (!path) {
		free(walk);
		return NULL;
	}
	*walk = (struct path_walk){ .directories = directories,
		.base_fd = base ? base->fd : AT_FDCWD,
		.resolve = base ? BENEATH : 0,
		.is_missing = base && base->is_missing,
		.path = path,
		.at = strlen(path) };
	sl_list_push_back(&directories->walks, &walk->link);
	return walk;
}

void
sl_path_walk_end(struct path_walk *walk)
{
	struct sl_directories *directories = walk->directories;
	sl_list_remove(&walk->link);
	if (walk->is_abandoned)
		sl_list_push_back(&directories->abandoned, &walk->link);
	else
		sl_path_walk_free(walk);
	sl_path_walk_wake_waiting(directories);
}

/* ---- operations ---- */

int
sl_path_walk_run(struct path_walk *walk, struct sl_op *ops, size_t count)
{
	int code = sl_io_batch_abandonable(ops, count);
	walk->is_abandoned = walk->is_abandoned || code == -ETIMEDOUT || code == -ECANCELED;
	return code;
}

int
sl_path_walk_open(
	struct path_walk *walk, int dir_fd, const char *name, uint32_t flags, uint64_t resolve)
{
	struct sl_op op = { .kind = SL_OP_OPEN,
		.dir_fd = dir_fd,
		.path = name,
		.flags = flags,
		.resolve = resolve };
	int code = sl_path_walk_run(walk, &op, 1);
	return code ? code : op.result;
}

struct sl_op
sl_path_walk_stat_op(int dir_fd, struct statx *st)
{
	bool is_cwd = dir_fd == AT_FDCWD;
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = dir_fd,
		.path = is_cwd ? "." : "",
		.flags = is_cwd ? 0 : AT_EMPTY_PATH,
		.mask = STATX_BASIC_STATS,
		.statx = st };
}

/* ---- waiting ---- */

/* The place where `other` is, is in the first `len` bytes of the walk's path. */
static bool
leads_through(const struct path_walk *walk, size_t len, const struct path_walk *other)
{
	size_t at = other->at;
	if (at == 0)
		return walk->path[0] != '/';
	if (at > len || memcmp(walk->path, other->path, at) != 0)
		return false;
	return at == len || walk->path[at] == '/' || walk->path[at - 1] == '/';
}

static bool
leads_through_any(const struct path_walk *walk, size_t len, const struct sl_list *others)
{
	sl_list_each(node, others)
	{
		const struct path_walk *other = sl_list_item(node, struct path_walk, link);
		if (other != walk && (other->is_making || other->is_abandoned) &&
			leads_through(walk, len, other))
			return true;
	}
	return false;
}

int
sl_path_walk_wait_for_makers(struct path_walk *walk, size_t len)
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

void
sl_path_walk_wake_waiting(struct sl_directories *directories)
{
	struct sl_waiter *waiter;
	while ((waiter = sl_waiter_pop(&directories->waiting)))
		sl_waiter_serve(waiter, 0);
}
