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
/* The sticky bit means nothing for a file, so nobody else sets it: by it the next run knows what a
 * killed one has left. It goes when the file gets its own mode, under its final name. */
#define PART_MODE (S_ISVTX | S_IRUSR | S_IWUSR)
#define TAKE_OVER_TRIES 4
#define LOCK_PATIENCE_NS SL_NS_PER_S
#define LOCK_RETRY_NS (50 * SL_NS_PER_MS)
/* A signal promises that all is cleaned up within a second. Else a disk that is busy with syncs may
 * take its time: a part must not stay behind for that. */
#define CLEAN_UP_HURRIED_NS (900 * SL_NS_PER_MS)
#define CLEAN_UP_NS (60 * SL_NS_PER_S)

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

static bool
is_same(const struct sl_part *part, const struct statx *st)
{
	return st->stx_ino == part->inode && st->stx_dev_major == part->dev_major &&
	       st->stx_dev_minor == part->dev_minor;
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

/* "cannot WHAT 'directory/NAME.part': WHY" */
static int
fail(const struct sl_part *part, struct sl_error *err, enum sl_phase phase, int code,
	const char *what, const char *why)
{
	char *path = sl_part_path(part);
	code = sl_fail(
		err, phase, code, "cannot %s '%s': %s", what, path ? path : part->part_name, why);
	free(path);
	return code;
}

/* ---- the beginning ---- */

/* What stands under a name of the part's directory, links not followed. */
static struct sl_op
stat_op(const struct sl_part *part, const char *name, struct statx *st)
{
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = part->directory->fd,
		.path = name,
		.flags = AT_SYMLINK_NOFOLLOW,
		.mask = STATX_BASIC_STATS,
		.statx = st };
}

/* The steps of lock_and_look. */
enum { LOOK_FREE, LOOK_OPEN, LOOK_LOCK, LOOK_FD, LOOK_NAME, LOOK_FINAL };

/* What an open descriptor and the part's name stand for, and whether the lock is ours. */
struct look {
	int fd;       /* of what is looked at, or why it could not be opened */
	bool if_free; /* open only if nothing has the final name */
	struct statx by_fd, by_name, final;
	int locked, name_result;
	bool is_taken; /* something has the final name */
};

/*
 * Lock look->fd and look; if it is negative, open the name with these flags before, and with
 * look->if_free see before that whether the final name is free (else fd = -ECANCELED). In this
 * order: once the lock is ours, whoever had it before has renamed or removed what it had to. Small
 * operations in one call, which nobody interrupts: a part that was just made must become known, or
 * nobody removes it. The final name comes last: while the lock is ours, no other run gives it away.
 */
SL_SUSPENDS
static int
lock_and_look(const struct sl_part *part, uint32_t flags, struct look *look)
{
	bool is_open = look->fd >= 0;
	int fd = is_open ? look->fd : SL_FD_OF_AFTER;
	struct sl_op ops[] = {
		stat_op(part, part->name, &look->final),
		{ .kind = SL_OP_OPEN,
			.dir_fd = part->directory->fd,
			.path = part->part_name,
			.flags = flags,
			.mode = PART_MODE },
		{ .kind = SL_OP_LOCK, .fd = fd },
		{ .kind = SL_OP_STAT,
			.dir_fd = fd,
			.path = "",
			.flags = AT_EMPTY_PATH,
			.mask = STATX_BASIC_STATS,
			.statx = &look->by_fd },
		stat_op(part, part->part_name, &look->by_name),
		stat_op(part, part->name, &look->final),
	};
	size_t first = is_open ? LOOK_LOCK : look->if_free ? LOOK_FREE : LOOK_OPEN;
	ops[LOOK_OPEN].after = look->if_free ? &ops[LOOK_FREE] : NULL;
	ops[LOOK_OPEN].after_absent = true;
	for (size_t i = LOOK_LOCK; i < SL_COUNT_OF(ops) && !is_open; i++)
		ops[i].after = &ops[LOOK_OPEN];
	int code = sl_io_batch(ops + first, SL_COUNT_OF(ops) - first);
	if (code)
		return code;
	if (!is_open)
		look->fd = ops[LOOK_OPEN].result;
	look->locked = ops[LOOK_LOCK].result;
	look->name_result = ops[LOOK_NAME].result;
	look->is_taken = ops[LOOK_FINAL].result == 0;
	return look->fd < 0 ? 0 : ops[LOOK_FD].result;
}

/* The name no longer stands for what is open: its owner is done with it. */
static bool
is_gone(const struct look *look)
{
	const struct statx *a = &look->by_fd, *b = &look->by_name;
	if (look->name_result)
		return look->name_result == -ENOENT;
	return a->stx_ino != b->stx_ino || a->stx_dev_major != b->stx_dev_major ||
	       a->stx_dev_minor != b->stx_dev_minor;
}

/* Make it the part's if the name still stands for it: 0; 1 = it does not (its owner was just done
 * with it), try again; a code. */
static int
settle(struct sl_part *part, const struct look *look)
{
	part->inode = look->by_fd.stx_ino;
	part->dev_major = look->by_fd.stx_dev_major;
	part->dev_minor = look->by_fd.stx_dev_minor;
	if (is_gone(look))
		return 1;
	if (look->name_result)
		return look->name_result;
	part->fd = look->fd;
	part->name_taken = look->is_taken;
	return 0;
}

/* A lock outlives a killed run by moments: the kernel still holds the file for writes in flight. */
SL_SUSPENDS
static int
lock_patiently(const struct sl_part *part, struct look *look)
{
	const uint32_t flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	uint64_t until_ns = sl_deadline_in(LOCK_PATIENCE_NS);
	int code = lock_and_look(part, flags, look);
	while (!code && look->fd >= 0 && look->locked == -EWOULDBLOCK && !is_gone(look) &&
		sl_now() < until_ns) {
		code = sl_sleep(LOCK_RETRY_NS);
		if (!code)
			code = lock_and_look(part, flags, look);
	}
	return code;
}

/* NULL, or why this file is none that a killed run has left. */
static const char *
foreign(const struct sl_part *part, const struct statx *st)
{
	bool modes = !(part->directory->traits & SL_DIRECTORY_NO_MODES);
	if (!S_ISREG(st->stx_mode))
		return "something that is no regular file has that name; move it away";
	if (st->stx_uid != geteuid())
		return "it belongs to another user; move it away";
	/* Other programs have .part files, too. Where modes are not kept only an empty one is no
	 * loss. */
	bool marked = (st->stx_mode & 07777) == PART_MODE || (!modes && st->stx_size == 0);
	if (marked && st->stx_nlink == 1)
		return NULL;
	return modes ? "a file of that name is there that no run of sluice has left; move it away"
		     : "this file system keeps no modes, which would tell whether a run of sluice "
		       "has left it; remove it or move it away";
}

static int
refuse_open(const struct sl_part *part, int code, struct sl_error *err)
{
	return fail(part, err, SL_PHASE_CREATE, code, "use",
		code == -ELOOP ? "it is a symbolic link; move it away" : sl_code_text(code));
}

static int
judge_left_over(const struct sl_part *part, const struct look *look, struct sl_error *err)
{
	const char *why = foreign(part, &look->by_fd);
	if (why)
		return fail(part, err, SL_PHASE_CREATE, -EEXIST, "use", why);
	if (look->locked == -EWOULDBLOCK)
		return fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run is writing it");
	if (look->locked)
		return fail(part, err, SL_PHASE_CREATE, look->locked, "use",
			"it cannot be locked here, so another run may be writing it; remove it if "
			"none is");
	return 0;
}

/* Open and lock what has the part's name. 0 with part->fd locked and empty; 1 = it vanished
 * meanwhile, try again; a code. */
SL_SUSPENDS
static int
take_over(struct sl_part *part, struct sl_error *err)
{
	struct look look = { .fd = -1 };
	int code = lock_patiently(part, &look);
	if (!code && look.fd == -ENOENT)
		return 1;
	if (!code && look.fd < 0)
		code = look.fd;
	/* First of all: it may have its final name by now, and its owner, who syncs the directory,
	 * the lock. The part's name is free then, and nothing needs to be judged. */
	if (!code)
		code = settle(part, &look);
	if (!code)
		code = judge_left_over(part, &look, err);
	if (code) {
		part->fd = -1;
		sl_io_close(look.fd);
		return code == 1 ? 1 : refuse_open(part, code, err);
	}
	/* From here on it is ours, and sl_part_discard removes it: who made it may live, and have
	 * left it to us because we had the lock first. */
	code = sl_io_truncate(look.fd, 0);
	if (code)
		return refuse_open(part, code, err);
	sl_log_info("'%s' was left by a run that was killed: beginning again", part->part_name);
	return 0;
}

/* 0 with part->fd locked; 1 = the name is taken, or with `if_free` the final one; a code. */
SL_SUSPENDS
static int
create_new(struct sl_part *part, bool if_free, struct sl_error *err)
{
	struct look look = { .fd = -1, .if_free = if_free };
	int code = lock_and_look(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, &look);
	if (!code && (look.fd == -EEXIST || (if_free && look.fd == -ECANCELED)))
		return 1;
	if (!code && look.fd < 0)
		return fail(part, err, SL_PHASE_CREATE, look.fd, "create", sl_code_text(look.fd));
	/* Between our open and our lock another run may have taken it over. A file system without
	 * locks is used all the same: O_EXCL has spoken. */
	if (!code && look.locked == -EWOULDBLOCK)
		code = fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run is writing it");
	if (!code)
		code = settle(part, &look);
	/* Ours, but it could not be looked at: sl_part_discard tries once more, and removes it. */
	if (code < 0 && code != SL_E_IN_USE)
		part->fd = look.fd;
	else if (code)
		sl_io_close(look.fd);
	return code;
}

static int
give_names(struct sl_part *part, struct sl_directory *directory, const char *name)
{
	sl_part_init(part);
	sl_directory_ref(directory);
	part->directory = directory;
	part->name = sl_span_dup(sl_span_str(name));
	part->part_name = part_name_of(name);
	return part->name && part->part_name ? 0 : -ENOMEM;
}

int
sl_part_create_first(struct sl_part *part, struct sl_directory *directory, const char *name)
{
	struct sl_error unsaid = { 0 };
	int code = give_names(part, directory, name);
	if (!code)
		code = create_new(part, true, &unsaid);
	if (!code && !part->name_taken)
		return 0;
	sl_part_discard(part);
	return sl_part_is_stop(code) ? code : 1;
}

int
sl_part_create(struct sl_part *part, struct sl_directory *directory, const char *name,
	struct sl_error *err)
{
	int code = give_names(part, directory, name);
	code = code ? code : 1;
	for (int i = 0; code == 1 && i < TAKE_OVER_TRIES; i++) {
		code = create_new(part, false, err);
		if (code == 1)
			code = take_over(part, err);
	}
	if (code == 1)
		code = fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run keeps making and removing it");
	if (code) {
		sl_fail_code(
			err, SL_PHASE_CREATE, code, "cannot create '%s%s'", name, SL_PART_SUFFIX);
		sl_part_discard(part);
	}
	return code;
}

/* ---- reserving and writing ---- */

static void
format_size(char *text, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1024 && unit + 1 < SL_COUNT_OF(units); unit++)
		value /= 1024;
	snprintf(text, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

int
sl_part_write_failed(const struct sl_part *part, int code, uint64_t needed, struct sl_error *err)
{
	char why[160], size[32];
	if (sl_part_is_stop(code))
		return code;
	format_size(size, sizeof(size), needed);
	if ((code == -ENOSPC || code == -EDQUOT) && needed > 0)
		snprintf(why, sizeof(why), "%s (needs %s; free some and run the same command)",
			sl_code_text(code), size);
	else if (code == -ENOSPC || code == -EDQUOT)
		snprintf(why, sizeof(why), "%s (free some and run the same command)",
			sl_code_text(code));
	else if (code == -EFBIG)
		snprintf(why, sizeof(why),
			"%s (the limit of this shell, 'ulimit -f', or of the file system)",
			sl_code_text(code));
	else
		snprintf(why, sizeof(why), "%s", sl_code_text(code));
	return fail(part, err, SL_PHASE_WRITE, code, "write", why);
}

SL_SUSPENDS
static bool
direct_pays(const struct sl_part *part, enum sl_io_mode mode)
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
note_refusal(const struct sl_part *part, int code)
{
	sl_log_info("'%s': direct I/O refused (%s), writing buffered", part->part_name,
		sl_code_text(code));
}

/* Through /proc the very same inode is opened, whatever has happened to its name. */
SL_SUSPENDS
static void
open_direct(struct sl_part *part)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", part->fd);
	int fd = sl_io_open(AT_FDCWD, self, O_WRONLY | O_DIRECT, 0, 0);
	if (fd >= 0)
		part->direct_fd = fd;
	else
		note_refusal(part, fd);
}

static bool
refuses_direct(int code)
{
	return code == -EINVAL || code == -EOPNOTSUPP;
}

int
sl_part_reserve(struct sl_part *part, uint64_t length, enum sl_io_mode mode, struct sl_error *err)
{
	int code = sl_io_allocate(part->fd, 0, length);
	if (refuses_direct(code) || code == -ENOSYS) {
		sl_log_debug("no reservation on this file system: %s", sl_code_text(code));
		return 0;
	}
	if (code)
		return sl_part_write_failed(part, code, length, err);
	if (direct_pays(part, mode))
		open_direct(part);
	return 0;
}

/* Tasks that write at the same time may all meet the refusal: the first speaks for all. */
SL_SUSPENDS
static int
write_direct(struct sl_part *part, const void *data, size_t len, uint64_t off)
{
	int code = sl_io_write_all(part->direct_fd, data, len, off);
	if (!refuses_direct(code))
		return code;
	if (!part->direct_refused)
		note_refusal(part, code);
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

int
sl_part_write_whole(
	struct sl_part *part, const struct sl_chunk *chunk, uint64_t time_ns, bool *time_given)
{
	struct sl_op ops[] = {
		{ .kind = SL_OP_WRITE,
			.fd = part->fd,
			.data = chunk->data,
			.len = chunk->len,
			.off = chunk->off },
		{ .kind = SL_OP_SET_TIME, .fd = part->fd, .time_ns = time_ns, .after = ops },
	};
	int code = sl_io_batch(ops, time_ns ? 2 : 1);
	int written = ops[0].result;
	*time_given = false;
	if (code)
		return code;
	if (written == -EINTR || written == -EAGAIN)
		written = 0;
	if (written < 0)
		return written;
	if ((size_t)written == chunk->len) {
		*time_given = time_ns && ops[1].result == 0;
		return 0;
	}
	size_t done = (size_t)written;
	return sl_io_write_all(part->fd, chunk->data + done, chunk->len - done, chunk->off + done);
}

/* ---- the end ---- */

int
sl_part_judge(const struct sl_part *part, int result, const struct statx *st, uint64_t length,
	struct sl_error *err)
{
	char why[120];
	if (result == -ENOENT || (!result && !is_same(part, st)))
		return fail(part, err, SL_PHASE_RENAME, SL_E_REPLACED, "finish",
			"it was removed or replaced while it was written (is another program "
			"cleaning up?)");
	if (result)
		return fail(part, err, SL_PHASE_RENAME, result, "look at", sl_code_text(result));
	if (st->stx_size == length)
		return 0;
	snprintf(why, sizeof(why),
		"it has %llu bytes instead of %llu: somebody changed it while it was written",
		(unsigned long long)st->stx_size, (unsigned long long)length);
	return fail(part, err, SL_PHASE_RENAME, SL_E_REPLACED, "finish", why);
}

int
sl_part_check(const struct sl_part *part, uint64_t length, struct sl_error *err)
{
	struct statx st = { 0 };
	int code = sl_io_stat(
		part->directory->fd, part->part_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	if (sl_part_is_stop(code))
		return code;
	return sl_part_judge(part, code, &st, length, err);
}

struct sl_op
sl_part_stat_op(const struct sl_part *part, struct statx *st)
{
	return stat_op(part, part->part_name, st);
}

struct sl_op
sl_part_rename_op(const struct sl_part *part, bool replace)
{
	return (struct sl_op){ .kind = SL_OP_RENAME,
		.dir_fd = part->directory->fd,
		.path = part->part_name,
		.dir_fd2 = part->directory->fd,
		.path2 = part->name,
		.flags = replace ? 0 : RENAME_NOREPLACE };
}

/* The other half of a rename, whoever cancels meanwhile: with two names the file would be no part
 * any more, and in the way of the next run. */
SL_SUSPENDS
static void
drop_part_name(const struct sl_part *part)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	int code = sl_io_unlink(part->directory->fd, part->part_name, 0);
	sl_shield_end(&shield);
	if (code)
		sl_log_warn("'%s' stays beside '%s': %s", part->part_name, part->name,
			sl_code_text(code));
}

/* Where RENAME_NOREPLACE is refused: link fails if the name is taken, then the old name goes. */
SL_SUSPENDS
static int
publish_by_link(struct sl_part *part)
{
	int fd = part->directory->fd;
	struct statx st = { 0 };
	int code = sl_io_link(fd, part->part_name, fd, part->name);
	bool no_links = code == -EPERM || code == -ENOSYS || code == -EOPNOTSUPP || code == -EMLINK;
	if (no_links) {
		code = sl_io_stat(fd, part->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st);
		if (code != -ENOENT)
			return code ? code : -EEXIST;
		sl_log_info("'%s': this file system cannot rename without replacing: whoever makes "
			    "that name at this very moment is replaced",
			part->name);
		return sl_io_rename(fd, part->part_name, fd, part->name, 0);
	}
	if (!code)
		drop_part_name(part);
	return code;
}

static void
fail_publish(const struct sl_part *part, int code, struct sl_error *err)
{
	char why[NAME_MAX + 160];
	if (code == -EEXIST)
		snprintf(why, sizeof(why),
			"'%s' has come into being meanwhile and is left as it is "
			"(--if-exists=replace overwrites it)",
			part->name);
	else
		snprintf(why, sizeof(why), "it cannot be renamed to '%s': %s", part->name,
			sl_code_text(code));
	(void)fail(part, err, SL_PHASE_RENAME, code, "finish", why);
}

int
sl_part_publish(struct sl_part *part, bool replace, struct sl_error *err)
{
	int fd = part->directory->fd;
	int code =
		sl_io_rename(fd, part->part_name, fd, part->name, replace ? 0 : RENAME_NOREPLACE);
	if (!replace && (code == -EINVAL || code == -ENOSYS))
		code = publish_by_link(part);
	if (sl_part_is_stop(code))
		return code;
	if (code)
		fail_publish(part, code, err);
	return code;
}

void
sl_part_close(struct sl_part *part)
{
	sl_io_close(part->direct_fd);
	sl_io_close(part->fd);
	sl_directory_unref(part->directory);
	free(part->name);
	free(part->part_name);
	sl_part_init(part);
}

SL_SUSPENDS
static int
learn_identity(struct sl_part *part)
{
	struct statx st = { 0 };
	int code = sl_io_stat(part->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	part->inode = st.stx_ino;
	part->dev_major = st.stx_dev_major;
	part->dev_minor = st.stx_dev_minor;
	return code;
}

void
sl_part_discard(struct sl_part *part)
{
	struct sl_shield shield;
	bool hurried = sl_task_cancelled() == SL_E_INTERRUPTED;
	sl_shield_begin(&shield, sl_deadline_in(hurried ? CLEAN_UP_HURRIED_NS : CLEAN_UP_NS));
	if (part->fd >= 0) {
		struct statx st = { 0 };
		int code = part->inode ? 0 : learn_identity(part);
		if (!code)
			code = sl_io_stat(part->directory->fd, part->part_name, AT_SYMLINK_NOFOLLOW,
				STATX_BASIC_STATS, &st);
		if (!code && is_same(part, &st))
			code = sl_io_unlink(part->directory->fd, part->part_name, 0);
		if (code && code != -ENOENT)
			sl_log_warn("'%s' stays behind: %s", part->part_name, sl_code_text(code));
	}
	sl_part_close(part);
	sl_shield_end(&shield);
}
