/*
 * part.c - NAME.sluice-part: its names, and how it is written. It begins in part_open.c, is sealed
 * in part_seal.c and ends in part_end.c.
 *
 * Rules:
 *  - A new file is created with the rights it is to have in the end (mode 0666, which the kernel
 *    reduces by the umask or the directory's default ACL). One that replaces a file is created for
 *    its owner only, and the seal gives it that file's rights.
 *  - It is ours while we hold its lock and its name stands for our inode. Only then is it renamed
 *    or removed.
 *  - A leftover of a former run is recognised by its name, which no other program gives, and by a
 *    free lock. It must be a regular file of this user. Marks in the mode or in extended attributes
 *    are not used: FAT and many network file systems keep neither.
 *  - A leftover is written to only if its journal is valid (journal.h), it has no other name (a
 *    hard link of a backup keeps its content), and its rights are those that a new file would get.
 *    Otherwise it is removed, and a new file is created.
 *  - A journal goes before its part does: one that stays alone could be taken for that of a later
 *    part.
 *  - A part that was a file of the final name (takeover.h) is not removed: it gets that name back.
 *    If it cannot, since something else has the name, it stays.
 *  - What a write or an allocation reports is never dropped.
 */
#include "part_int.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096u /* what direct I/O is aligned to, in memory, file and length */

void
sl_part_init(struct sl_part *part)
{
	*part = (struct sl_part){ .fd = -1, .direct_fd = -1 };
}

/* NAME and the suffix; past NAME_MAX the name is cut and a hash of the whole keeps it apart from
 * its neighbours. */
static char *
name_with(const char *name, const char *suffix)
{
	struct sl_buf buf = { 0 };
	size_t len = strlen(name);
	if (len + strlen(suffix) <= NAME_MAX) {
		sl_buf_printf(&buf, "%s%s", name, suffix);
	} else {
		const size_t hash_len = 9; /* ".xxxxxxxx" */
		size_t keep = NAME_MAX - strlen(suffix) - hash_len;
		while (keep > 0 && ((unsigned char)name[keep] & 0xc0) == 0x80)
			keep--; /* not in the middle of a UTF-8 sequence */
		sl_buf_printf(
			&buf, "%.*s.%08x%s", (int)keep, name, sl_crc32c(0, name, len), suffix);
	}
	return sl_buf_detach(&buf);
}

char *
sl_part_name(const char *name)
{
	return name_with(name, SL_PART_SUFFIX);
}

char *
sl_part_journal_name(const char *name)
{
	return name_with(name, SL_JOURNAL_SUFFIX);
}

char *
sl_part_kept_name(const char *name)
{
	return name_with(name, SL_KEPT_SUFFIX);
}

char *
sl_part_path(const struct sl_part *part)
{
	struct sl_buf path = { 0 };
	sl_directory_join(part->directory, part->part_name, &path);
	return sl_buf_detach(&path);
}

bool
sl_part_is_stop(int code)
{
	return code == -ECANCELED || (code == -ETIMEDOUT && sl_task_cancelled());
}

int
part_fail(const struct sl_part *part, struct sl_error *err, enum sl_phase phase, int code,
	const char *what, const char *why)
{
	char *path = sl_part_path(part);
	code = sl_fail(
		err, phase, code, "cannot %s '%s': %s", what, path ? path : part->part_name, why);
	free(path);
	return code;
}

struct sl_op
part_stat_fd_op(int fd, struct statx *st)
{
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = fd,
		.path = "",
		.flags = AT_EMPTY_PATH,
		.mask = STATX_BASIC_STATS | STATX_BTIME,
		.statx = st };
}

struct sl_op
part_stat_name_op(const struct sl_part *part, const char *name, struct statx *st)
{
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = part->directory->fd,
		.path = name,
		.flags = AT_SYMLINK_NOFOLLOW,
		.mask = STATX_BASIC_STATS,
		.statx = st };
}

void
part_set_identity(struct sl_part *part, const struct statx *st)
{
	part->inode = st->stx_ino;
	part->dev_major = st->stx_dev_major;
	part->dev_minor = st->stx_dev_minor;
	part->birth_ns = sl_journal_birth_ns(st);
	part->uid = st->stx_uid;
	part->gid = st->stx_gid;
}

int
part_set_names(
	struct sl_part *part, struct sl_directory *directory, const char *name, uint32_t mode)
{
	sl_part_init(part);
	part->mode = mode;
	sl_directory_ref(directory);
	part->directory = directory;
	part->name = sl_span_dup(sl_span_str(name));
	part->part_name = name_with(name, SL_PART_SUFFIX);
	part->journal_name = name_with(name, SL_JOURNAL_SUFFIX);
	return part->name && part->part_name && part->journal_name ? 0 : -ENOMEM;
}

int
sl_part_set_final_name(struct sl_part *part, const char *name)
{
	char *copy = sl_span_dup(sl_span_str(name));
	if (!copy)
		return -ENOMEM;
	free(part->name);
	part->name = copy;
	return 0;
}

/* ---- reserving and writing ---- */

int
sl_part_write_failed(const struct sl_part *part, int code, uint64_t needed, struct sl_error *err)
{
	char why[160], size[SL_SIZE_TEXT];
	if (sl_part_is_stop(code))
		return code;
	if ((code == -ENOSPC || code == -EDQUOT) && needed > 0)
		snprintf(why, sizeof(why), "%s (needs %s; free some and run the same command)",
			sl_code_text(code), sl_format_size(size, needed));
	else if (code == -ENOSPC || code == -EDQUOT)
		snprintf(why, sizeof(why), "%s (free some and run the same command)",
			sl_code_text(code));
	else if (code == -EFBIG)
		snprintf(why, sizeof(why),
			"%s (the limit of this shell, 'ulimit -f', or of the file system)",
			sl_code_text(code));
	else
		snprintf(why, sizeof(why), "%s", sl_code_text(code));
	return part_fail(part, err, SL_PHASE_WRITE, code, "write", why);
}

SL_SUSPENDS
static bool
can_use_direct(const struct sl_part *part, enum sl_io_mode mode)
{
	struct statx st = { 0 };
	if (mode == SL_IO_BUFFERED ||
		(mode == SL_IO_AUTO && !(part->directory->traits & SL_DIRECTORY_DIRECT)))
		return false;
	/* STATX_DIOALIGN (6.1): file systems that do not answer are written buffered. */
	if (sl_io_stat(part->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) != 0 ||
		!(st.stx_mask & STATX_DIOALIGN))
		return false;
	return st.stx_dio_mem_align > 0 && st.stx_dio_offset_align > 0 &&
	       BLOCK % st.stx_dio_mem_align == 0 && BLOCK % st.stx_dio_offset_align == 0;
}

static void
log_direct_refused(const struct sl_part *part, int code)
{
	sl_log_info("'%s': direct I/O refused (%s), writing buffered", part->part_name,
		sl_code_text(code));
}

SL_SUSPENDS
static void
open_direct(struct sl_part *part)
{
	int fd = sl_part_reader_open_direct(part->fd, O_RDWR);
	if (fd >= 0)
		part->direct_fd = fd;
	else
		log_direct_refused(part, fd);
}

static bool
refuses_direct(int code)
{
	return code == -EINVAL || code == -EOPNOTSUPP;
}

struct room_call {
	int fd;
	uint64_t free_bytes; /* UINT64_MAX = not known */
};

static int
query_room(void *arg)
{
	struct room_call *call = arg;
	call->free_bytes = sl_directory_free_bytes(call->fd);
	return 0;
}

/* Whether the file cannot fit. A reservation that fails takes what is free until it is given back
 * (ext4), and other files would fail meanwhile. Sets *needed. */
SL_SUSPENDS
static bool
is_too_large(const struct sl_part *part, uint64_t length, uint64_t *needed)
{
	struct room_call call = { .fd = part->fd, .free_bytes = UINT64_MAX };
	struct statx st = { 0 };
	*needed = length;
	if (!(part->directory->traits & SL_DIRECTORY_EXACT) ||
		sl_blocking_wait(query_room, &call) != 0 || call.free_bytes >= length)
		return false;
	/* What an earlier run has reserved. */
	if (sl_io_stat(part->fd, "", AT_EMPTY_PATH, STATX_BLOCKS, &st) == 0)
		*needed -= SL_MIN(length, st.stx_blocks * 512);
	return *needed > call.free_bytes;
}

int
sl_part_reserve(struct sl_part *part, uint64_t length, enum sl_io_mode mode, struct sl_error *err)
{
	uint64_t needed;
	if (is_too_large(part, length, &needed))
		return sl_part_write_failed(part, -ENOSPC, needed, err);
	int code = sl_io_allocate(part->fd, 0, length);
	if (refuses_direct(code) || code == -ENOSYS) {
		sl_log_debug("no reservation on this file system: %s", sl_code_text(code));
		return 0;
	}
	if (code)
		return sl_part_write_failed(part, code, length, err);
	if (can_use_direct(part, mode))
		open_direct(part);
	return 0;
}

/* Tasks that write at the same time may all meet the refusal; the first one reports it. */
SL_SUSPENDS
static int
write_direct(struct sl_part *part, const void *data, size_t len, uint64_t off)
{
	int code = sl_io_write_all(part->direct_fd, data, len, off);
	if (!refuses_direct(code))
		return code;
	if (!part->direct_refused)
		log_direct_refused(part, code);
	part->direct_refused = true;
	return sl_io_write_all(part->fd, data, len, off);
}

int
sl_part_write(struct sl_part *part, const struct sl_chunk *chunk)
{
	size_t whole = 0;
	bool direct = part->direct_fd >= 0 && !part->direct_refused && chunk->off % BLOCK == 0;
	if (direct && chunk->len >= BLOCK) {
		whole = chunk->len / BLOCK * BLOCK;
		int code = write_direct(part, chunk->data, whole, chunk->off);
		if (code)
			return code;
	}
	return sl_io_write_all(
		part->fd, chunk->data + whole, chunk->len - whole, chunk->off + whole);
}

struct sl_part_reader
sl_part_reader(const struct sl_part *part)
{
	int direct_fd = part->direct_refused ? -1 : part->direct_fd;
	return (struct sl_part_reader){ part->fd, direct_fd };
}
