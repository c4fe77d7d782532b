/*
 * The traits of the file system that a directory is on, and its free space.
 */
#include "directory_int.h"

#include "sluice/base/number.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

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

int
sl_directory_learn_traits(struct sl_directory *directory, bool *abandoned)
{
	struct traits_call here = { .fd = directory->fd }, *call = malloc(sizeof(*call));
	*abandoned = false;
	if (!call)
		return -ENOMEM;
	*call = here;
	int code = sl_blocking_run(
		SL_BLOCKING_DIRECTORIES, query_traits, call, free, SL_FOREVER, abandoned);
	if (!*abandoned) {
		set_traits(directory, call);
		free(call);
	} else if (code == -EAGAIN) { /* no thread can be started */
		*abandoned = false;
		code = sl_blocking_wait(query_traits, &here);
		set_traits(directory, &here);
	}
	return code;
}
