#include "sluice/download/part.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096u /* what direct I/O is aligned to, in memory, file and length */
#define TAKE_OVER_TRIES 4
#define CLEAN_UP_NS \
	(900 * SL_NS_PER_MS) /* a signal promises that all is cleaned within a second \
			      */

void
sl_part_init(struct sl_part *part)
{
	*part = (struct sl_part){ .fd = -1, .direct_fd = -1 };
}

/* NAME.part; past NAME_MAX the name is cut and a hash of the whole keeps it apart from its
 * neighbours. */
static char *
part_name_of(const char *name)
{
	struct sl_buf buf = { 0 };
	size_t len = strlen(name);
	if (len + strlen(SL_PART_SUFFIX) <= NAME_MAX) {
		sl_buf_printf(&buf, "%s%s", name, SL_PART_SUFFIX);
	} else {
		const size_t hash_len = 9; /* ".xxxxxxxx" */
		size_t keep = NAME_MAX - strlen(SL_PART_SUFFIX) - hash_len;
		while (keep > 0 && ((unsigned char)name[keep] & 0xc0) == 0x80)
			keep--; /* not in the middle of a UTF-8 sequence */
		sl_buf_printf(&buf, "%.*s.%08x%s", (int)keep, name, sl_crc32c(0, name, len),
			SL_PART_SUFFIX);
	}
	return sl_buf_detach(&buf);
}

SL_SUSPENDS
static int
stat_fd(int fd, struct statx *st)
{
	return sl_io_stat(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, st);
}

static bool
is_same(const struct sl_part *part, const struct statx *st)
{
	return st->stx_ino == part->inode && st->stx_dev_major == part->dev_major &&
	       st->stx_dev_minor == part->dev_minor;
}

static int
refuse(const struct sl_part *part, int code, const char *why, struct sl_error *err)
{
	struct sl_buf path = { 0 };
	sl_folder_join(part->folder, part->part_name, &path);
	code = sl_fail(
		err, SL_PHASE_CREATE, code, "cannot use '%s': %s", path.data ? path.data : "", why);
	sl_buf_release(&path);
	return code;
}

/*
 * Open and lock what has the part's name. 0 with part->fd locked; 1 = it vanished meanwhile, try
 * again; a code. The lock is looked at before the file is: it may be another run's, in the middle
 * of a download.
 */
SL_SUSPENDS
static int
take_over(struct sl_part *part, struct sl_error *err)
{
	int fd = sl_io_open(
		part->folder->fd, part->part_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0, 0);
	if (fd == -ENOENT)
		return 1;
	if (fd == -ELOOP)
		return refuse(part, fd, "it is a symbolic link", err);
	if (fd < 0)
		return refuse(part, fd, sl_code_text(fd), err);
	struct statx st = { 0 }, named = { 0 };
	int code = stat_fd(fd, &st);
	if (!code && !S_ISREG(st.stx_mode))
		code = refuse(
			part, -EEXIST, "something that is no regular file has that name", err);
	if (!code && (st.stx_uid != geteuid() || st.stx_nlink > 1))
		code = refuse(
			part, -EEXIST, "it belongs to somebody else (remove it to go on)", err);
	if (!code) {
		code = sl_io_lock(fd);
		if (code == -EWOULDBLOCK)
			code = refuse(part, SL_E_IN_USE, "another run is writing it", err);
	}
	if (!code)
		code = sl_io_stat(part->folder->fd, part->part_name, AT_SYMLINK_NOFOLLOW,
			STATX_BASIC_STATS, &named);
	if (code == -ENOENT ||
		(!code && (named.stx_ino != st.stx_ino || named.stx_dev_major != st.stx_dev_major ||
				  named.stx_dev_minor != st.stx_dev_minor))) {
		sl_io_close(fd);
		return 1; /* finished or removed by its owner between our open and our lock */
	}
	if (!code)
		code = sl_io_truncate(fd, 0);
	if (!code)
		code = sl_io_set_mode(fd, S_IRUSR | S_IWUSR);
	if (code) {
		sl_io_close(fd);
		return refuse(part, code, sl_code_text(code), err);
	}
	sl_log_info("'%s' was left by a run that was killed: beginning again", part->part_name);
	part->fd = fd;
	return 0;
}

SL_SUSPENDS
static int
create_new(struct sl_part *part, struct sl_error *err)
{
	int fd = sl_io_open(part->folder->fd, part->part_name,
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR, 0);
	if (fd == -EEXIST)
		return 1;
	if (fd < 0) {
		struct sl_buf path = { 0 };
		sl_folder_join(part->folder, part->part_name, &path);
		int code = sl_fail_code(
			err, SL_PHASE_CREATE, fd, "cannot create '%s'", path.data ? path.data : "");
		sl_buf_release(&path);
		return code;
	}
	int code = sl_io_lock(fd);
	if (code == -EWOULDBLOCK) {
		sl_io_close(fd);
		return refuse(part, SL_E_IN_USE, "another run is writing it", err);
	}
	/* A file system without locks (-EOPNOTSUPP, -ENOLCK) is used all the same: O_EXCL has
	 * spoken. */
	part->fd = fd;
	return 0;
}

SL_SUSPENDS
static int
learn_identity(struct sl_part *part, struct sl_error *err)
{
	struct statx st = { 0 };
	int code = stat_fd(part->fd, &st);
	if (code)
		return refuse(part, code, sl_code_text(code), err);
	part->inode = st.stx_ino;
	part->dev_major = st.stx_dev_major;
	part->dev_minor = st.stx_dev_minor;
	return 0;
}

int
sl_part_create(
	struct sl_part *part, struct sl_folder *folder, const char *name, struct sl_error *err)
{
	sl_part_init(part);
	sl_folder_ref(folder);
	part->folder = folder;
	part->name = sl_span_dup(sl_span_str(name));
	part->part_name = part_name_of(name);
	int code = part->name && part->part_name ? 1 : -ENOMEM;
	for (int i = 0; code == 1 && i < TAKE_OVER_TRIES; i++) {
		code = create_new(part, err);
		if (code == 1)
			code = take_over(part, err);
	}
	if (code == 1)
		code = refuse(part, SL_E_IN_USE, "another run keeps making and removing it", err);
	if (!code)
		code = learn_identity(part, err);
	if (code) {
		sl_fail_code(
			err, SL_PHASE_CREATE, code, "cannot create '%s%s'", name, SL_PART_SUFFIX);
		sl_part_discard(part);
	}
	return code;
}

/* ---- reserving and writing ---- */

SL_SUSPENDS
static bool
direct_pays(const struct sl_part *part, enum sl_io_mode mode)
{
	struct statx st = { 0 };
	if (mode == SL_IO_BUFFERED ||
		(mode == SL_IO_AUTO && !(part->folder->traits & SL_FOLDER_DIRECT)))
		return false;
	/* STATX_DIOALIGN (6.1): file systems that do not answer are written buffered. */
	if (sl_io_stat(part->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) != 0 ||
		!(st.stx_mask & STATX_DIOALIGN))
		return false;
	if (st.stx_dio_mem_align == 0 || BLOCK % st.stx_dio_mem_align ||
		BLOCK % st.stx_dio_offset_align)
		return false;
	return true;
}

int
sl_part_reserve(struct sl_part *part, uint64_t length, enum sl_io_mode mode, struct sl_error *err)
{
	int code = sl_io_allocate(part->fd, 0, length);
	if (code == -EOPNOTSUPP || code == -ENOSYS || code == -EINVAL) {
		sl_log_debug("no reservation on this file system: %s", sl_code_text(code));
		return 0;
	}
	if (code == -ENOSPC)
		return sl_fail(err, SL_PHASE_WRITE, code,
			"cannot write '%s': no space left on device (needs %llu bytes; free some "
			"and run the same command)",
			part->part_name, (unsigned long long)length);
	if (code)
		return sl_fail_code(err, SL_PHASE_WRITE, code, "cannot reserve %llu bytes for '%s'",
			(unsigned long long)length, part->part_name);
	if (direct_pays(part, mode)) {
		/* Through /proc the very same inode is opened, whatever has happened to its name.
		 */
		char self[64];
		snprintf(self, sizeof(self), "/proc/self/fd/%d", part->fd);
		int fd = sl_io_open(AT_FDCWD, self, O_WRONLY | O_DIRECT, 0, 0);
		if (fd >= 0)
			part->direct_fd = fd;
		else
			sl_log_info("'%s': direct I/O refused (%s), writing buffered",
				part->part_name, sl_code_text(fd));
	}
	return 0;
}

static bool
refuses_direct(int code)
{
	return code == -EINVAL || code == -EOPNOTSUPP;
}

int
sl_part_write(struct sl_part *part, const struct sl_chunk *chunk)
{
	size_t done = 0;
	if (part->direct_fd >= 0 && chunk->off % BLOCK == 0 && chunk->len >= BLOCK) {
		size_t whole = chunk->len / BLOCK * BLOCK;
		int code = sl_io_write_all(part->direct_fd, chunk->data, whole, chunk->off);
		if (refuses_direct(code)) {
			sl_log_info("'%s': direct I/O refused (%s), writing buffered",
				part->part_name, sl_code_text(code));
			code = sl_io_write_all(part->fd, chunk->data, whole, chunk->off);
		}
		if (code)
			return code;
		done = whole;
	}
	if (done == chunk->len)
		return 0;
	return sl_io_write_all(part->fd, chunk->data + done, chunk->len - done, chunk->off + done);
}

/* ---- the end ---- */

int
sl_part_judge(const struct sl_part *part, int result, const struct statx *st, uint64_t length,
	struct sl_error *err)
{
	if (result == -ENOENT || (!result && !is_same(part, st)))
		return sl_fail(err, SL_PHASE_RENAME, SL_E_REPLACED,
			"'%s' was removed or replaced while it was written (is another program "
			"cleaning up?)",
			part->part_name);
	if (result)
		return sl_fail_code(
			err, SL_PHASE_RENAME, result, "cannot look at '%s'", part->part_name);
	if (st->stx_size != length)
		return sl_fail(err, SL_PHASE_RENAME, SL_E_REPLACED,
			"'%s' has %llu bytes instead of %llu: somebody changed it while it was "
			"written",
			part->part_name, (unsigned long long)st->stx_size,
			(unsigned long long)length);
	return 0;
}

int
sl_part_check(const struct sl_part *part, uint64_t length, struct sl_error *err)
{
	struct statx st = { 0 };
	int code = sl_io_stat(
		part->folder->fd, part->part_name, SL_PART_STAT_FLAGS, SL_PART_STAT_MASK, &st);
	if (code == -ECANCELED || code == -ETIMEDOUT)
		return code;
	return sl_part_judge(part, code, &st, length, err);
}

struct sl_op
sl_part_rename_op(const struct sl_part *part, bool replace)
{
	return (struct sl_op){ .kind = SL_OP_RENAME,
		.dir_fd = part->folder->fd,
		.path = part->part_name,
		.dir_fd2 = part->folder->fd,
		.path2 = part->name,
		.flags = replace ? 0 : RENAME_NOREPLACE };
}

/* Where RENAME_NOREPLACE is refused: link fails if the name is taken, then the old name goes. */
SL_SUSPENDS
static int
publish_by_link(struct sl_part *part)
{
	int fd = part->folder->fd;
	int code = sl_io_link(fd, part->part_name, fd, part->name);
	if (code)
		return code;
	code = sl_io_unlink(fd, part->part_name, 0);
	if (code)
		sl_log_warn("'%s' stays beside '%s': %s", part->part_name, part->name,
			sl_code_text(code));
	return 0;
}

int
sl_part_publish(struct sl_part *part, bool replace, struct sl_error *err)
{
	int fd = part->folder->fd;
	int code =
		sl_io_rename(fd, part->part_name, fd, part->name, replace ? 0 : RENAME_NOREPLACE);
	if (!replace && (code == -EINVAL || code == -ENOSYS))
		code = publish_by_link(part);
	if (code == -EEXIST)
		return sl_fail(err, SL_PHASE_RENAME, code,
			"'%s' has come into being meanwhile: left as it is (--if-exists=replace "
			"overwrites)",
			part->name);
	if (code)
		return sl_fail_code(err, SL_PHASE_RENAME, code, "cannot rename '%s' to '%s'",
			part->part_name, part->name);
	return 0;
}

void
sl_part_close(struct sl_part *part)
{
	sl_io_close(part->direct_fd);
	sl_io_close(part->fd);
	sl_folder_unref(part->folder);
	free(part->name);
	free(part->part_name);
	sl_part_init(part);
}

void
sl_part_discard(struct sl_part *part)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(CLEAN_UP_NS));
	if (part->fd >= 0) {
		struct statx st = { 0 };
		int code = sl_io_stat(part->folder->fd, part->part_name, AT_SYMLINK_NOFOLLOW,
			STATX_BASIC_STATS, &st);
		if (!code && is_same(part, &st))
			code = sl_io_unlink(part->folder->fd, part->part_name, 0);
		if (code && code != -ENOENT)
			sl_log_warn("'%s' stays behind: %s", part->part_name, sl_code_text(code));
	}
	sl_part_close(part);
	sl_shield_end(&shield);
}
