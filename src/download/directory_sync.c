/*
 * A file is durable only if the directories above it are. With sync_made, each directory in which
 * another was made is remembered until it is synced, once for all that were made in it, and no
 * sl_directory_sync() succeeds before. A sync that has failed is not repeated: the kernel may have
 * dropped what it could not write, and the next one would succeed.
 */
#include "directory_int.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <stdlib.h>

#define UNSYNCED_MAX 64 /* directories kept open only to be synced */

void
sl_unsynced_close(struct unsynced *unsynced)
{
	sl_io_close(unsynced->fd);
	free(unsynced);
}

struct unsynced *
sl_unsynced_find(const struct sl_directories *directories, const struct statx *st)
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
			sl_unsynced_close(parent);
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

int
sl_unsynced_add(struct sl_directories *directories, struct unsynced *unsynced)
{
	sl_list_push_back(&directories->unsynced, &unsynced->link);
	directories->unsynced_count++;
	if (directories->unsynced_count <= UNSYNCED_MAX)
		return 0;
	return sync_made(directories, directories->made);
}

int
sl_directory_sync(struct sl_directory *directory)
{
	int code = sync_made(directory->directories, directory->needs_made);
	return code ? code : sync_directory(directory->fd, directory->search_only);
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
