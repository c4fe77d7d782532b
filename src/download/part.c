/*
 * NAME.sluice-part from its creation to its final name.
 *
 * Rules:
 *  - A new file is created with the rights it is to have in the end (mode 0666, which the kernel
 *    reduces by the umask or the directory's default ACL). One that replaces a file is created for
 *    its owner only, and the seal gives it that file's rights, as they are then (rights.h). All it
 *    is to have is set before it is synced and renamed: after the rename nothing about it changes
 *    any more.
 *  - It is ours while we hold its lock and its name stands for our inode. Only then is it renamed
 *    or removed.
 *  - A leftover of a killed run is recognised by its name, which no other program gives, and by a
 *    free lock. It must be a regular file of this user. It is removed, never written to, and a new
 *    file is created. Marks in the mode or in extended attributes are not used: FAT and many
 *    network file systems keep neither.
 *  - What a write, a flush or an attribute call reports is never dropped, unless the file system
 *    does not support the attribute.
 */
#include "sluice/download/part.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/download/rights.h"
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
#define LOCK_PATIENCE_NS SL_NS_PER_S
#define LOCK_RETRY_NS (50 * SL_NS_PER_MS)
#define TIME_GRAIN_S 2 /* the coarsest time stamps of files that are common (FAT) */
/* After a signal or the deadline of the run everything must be cleaned up within a second.
 * Otherwise a disk that is busy with syncs may take its time: a part must not stay behind for
 * that. */
#define CLEAN_UP_HURRIED_NS (900 * SL_NS_PER_MS)
#define CLEAN_UP_NS (60 * SL_NS_PER_S)

void
sl_part_init(struct sl_part *part)
{
	*part = (struct sl_part){ .fd = -1, .direct_fd = -1 };
}

/* NAME.sluice-part; past NAME_MAX the name is cut and a hash of the whole keeps it apart from its
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

/* "cannot WHAT 'directory/NAME.sluice-part': WHY" */
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

/* ---- creating ---- */

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

static struct sl_op
stat_fd_op(int fd, struct statx *st)
{
	return (struct sl_op){ .kind = SL_OP_STAT,
		.dir_fd = fd,
		.path = "",
		.flags = AT_EMPTY_PATH,
		.mask = STATX_BASIC_STATS,
		.statx = st };
}

/* The steps of open_and_lock. */
enum { STEP_FREE, STEP_OPEN, STEP_LOCK, STEP_FD, STEP_NAME, STEP_FINAL };

/* What an open descriptor and the part's name stand for, and whether the lock is ours. */
struct probe {
	int fd;       /* or why it could not be opened */
	bool if_free; /* open only if nothing has the final name */
	struct statx by_fd, by_name, final;
	int locked, name_result;
	bool is_taken; /* something has the final name */
};

/*
 * Open the part's name with these flags, lock it and stat it; with probe->if_free see before that
 * whether the final name is free (else fd = -ECANCELED). In this order: once the lock is ours, the
 * run that had it before has renamed or removed what it had to. All in one call that is not
 * interrupted: a part that was just created must become known, or nothing removes it. The final
 * name comes last: while the lock is ours, no other run takes it.
 */
SL_SUSPENDS
static int
open_and_lock(const struct sl_part *part, uint32_t flags, uint32_t mode, struct probe *probe)
{
	struct sl_op ops[] = {
		stat_op(part, part->name, &probe->final),
		{ .kind = SL_OP_OPEN,
			.dir_fd = part->directory->fd,
			.path = part->part_name,
			.flags = flags,
			.mode = mode },
		{ .kind = SL_OP_LOCK, .fd = SL_FD_OF_AFTER },
		stat_fd_op(SL_FD_OF_AFTER, &probe->by_fd),
		stat_op(part, part->part_name, &probe->by_name),
		stat_op(part, part->name, &probe->final),
	};
	size_t first = probe->if_free ? STEP_FREE : STEP_OPEN;
	ops[STEP_OPEN].after = probe->if_free ? &ops[STEP_FREE] : NULL;
	ops[STEP_OPEN].after_absent = true;
	for (size_t i = STEP_LOCK; i < SL_COUNT_OF(ops); i++)
		ops[i].after = &ops[STEP_OPEN];
	int code = sl_io_batch(ops + first, SL_COUNT_OF(ops) - first);
	if (code)
		return code;
	probe->fd = ops[STEP_OPEN].result;
	probe->locked = ops[STEP_LOCK].result;
	probe->name_result = ops[STEP_NAME].result;
	probe->is_taken = ops[STEP_FINAL].result == 0;
	return probe->fd < 0 ? 0 : ops[STEP_FD].result;
}

/* The name no longer stands for what is open: its owner has finished with it. */
static bool
is_gone(const struct probe *probe)
{
	const struct statx *a = &probe->by_fd, *b = &probe->by_name;
	if (probe->name_result)
		return probe->name_result == -ENOENT;
	return a->stx_ino != b->stx_ino || a->stx_dev_major != b->stx_dev_major ||
	       a->stx_dev_minor != b->stx_dev_minor;
}

/* Results of an attempt to create or take over, besides negative codes. */
enum { CREATED, TRY_AGAIN };

/* Make it the part's if the name still stands for it: CREATED; TRY_AGAIN if not; a code. */
static int
adopt(struct sl_part *part, const struct probe *probe)
{
	part->inode = probe->by_fd.stx_ino;
	part->dev_major = probe->by_fd.stx_dev_major;
	part->dev_minor = probe->by_fd.stx_dev_minor;
	part->uid = probe->by_fd.stx_uid;
	part->gid = probe->by_fd.stx_gid;
	if (is_gone(probe))
		return TRY_AGAIN;
	if (probe->name_result)
		return probe->name_result;
	part->fd = probe->fd;
	part->name_taken = probe->is_taken;
	return CREATED;
}

/* A lock outlives a killed run by moments: the kernel still holds the file for writes in flight. */
SL_SUSPENDS
static int
lock_with_retries(const struct sl_part *part, struct probe *probe)
{
	const uint32_t flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	uint64_t until_ns = sl_deadline_in(LOCK_PATIENCE_NS);
	int code = open_and_lock(part, flags, 0, probe);
	while (!code && probe->fd >= 0 && probe->locked == -EWOULDBLOCK && !is_gone(probe) &&
		sl_now() < until_ns) {
		sl_io_close(probe->fd);
		probe->fd = -1;
		code = sl_sleep(LOCK_RETRY_NS);
		if (!code)
			code = open_and_lock(part, flags, 0, probe);
	}
	return code;
}

/* NULL, or why a killed run cannot have left this file. Root may remove any user's: where root is
 * mapped to another user (NFS root_squash) its own files are not root's either. Other names of the
 * file (hard links of a backup) do not matter: they keep its content. */
static const char *
reason_not_ours(const struct statx *st)
{
	if (!S_ISREG(st->stx_mode))
		return "it is not a regular file; move it away";
	if (st->stx_uid != geteuid() && geteuid() != 0)
		return "it belongs to another user; move it away";
	return NULL;
}

static int
refuse_open(const struct sl_part *part, int code, struct sl_error *err)
{
	return fail(part, err, SL_PHASE_CREATE, code, "use",
		code == -ELOOP ? "it is a symbolic link; move it away" : sl_code_text(code));
}

static int
check_left_over(const struct sl_part *part, const struct probe *probe, struct sl_error *err)
{
	const char *why = reason_not_ours(&probe->by_fd);
	if (why)
		return fail(part, err, SL_PHASE_CREATE, -EEXIST, "use", why);
	if (probe->locked == -EWOULDBLOCK)
		return fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run is writing it");
	if (probe->locked)
		return fail(part, err, SL_PHASE_CREATE, probe->locked, "use",
			"it cannot be locked here, so another run may be writing it; remove it if "
			"not");
	return 0;
}

/*
 * Remove what has the part's name if a killed run has left it. TRY_AGAIN once the name is free; a
 * code. The file is not written again: a new one has the right mode, owner and ACL from the start.
 * It is removed under its lock, so that two runs which find it cannot remove each other's new part.
 */
SL_SUSPENDS
static int
remove_left_over(struct sl_part *part, struct sl_error *err)
{
	struct probe probe = { .fd = -1 };
	int code = lock_with_retries(part, &probe);
	if (!code && probe.fd == -ENOENT)
		return TRY_AGAIN;
	if (!code && probe.fd < 0)
		code = probe.fd;
	/* First: it may have its final name by now, while its owner, who syncs the directory, holds
	 * the lock. The part's name is free then, and nothing needs to be checked. */
	if (!code)
		code = adopt(part, &probe);
	part->fd = -1;
	if (!code)
		code = check_left_over(part, &probe, err);
	if (!code)
		code = sl_io_unlink(part->directory->fd, part->part_name, 0);
	if (!code)
		sl_log_info("'%s' was left by a run that was killed: removed", part->part_name);
	sl_io_close(probe.fd);
	return code < 0 ? refuse_open(part, code, err) : TRY_AGAIN;
}

/* CREATED with part->fd locked; TRY_AGAIN if the name is taken, or with `if_free` the final one; a
 * code. */
SL_SUSPENDS
static int
create_new(struct sl_part *part, uint32_t mode, bool if_free, struct sl_error *err)
{
	struct probe probe = { .fd = -1, .if_free = if_free };
	int code = open_and_lock(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode, &probe);
	if (!code && (probe.fd == -EEXIST || (if_free && probe.fd == -ECANCELED)))
		return TRY_AGAIN;
	if (!code && probe.fd < 0)
		return fail(part, err, SL_PHASE_CREATE, probe.fd, "create", sl_code_text(probe.fd));
	/* Between our open and our lock another run may have taken it for a leftover. A file system
	 * without locks is used all the same: O_EXCL has decided. */
	if (!code && probe.locked == -EWOULDBLOCK)
		code = fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run is writing it");
	if (!code)
		code = adopt(part, &probe);
	/* Ours, but its stat failed: sl_part_discard tries once more, and removes it. */
	if (code < 0 && code != SL_E_IN_USE)
		part->fd = probe.fd;
	else if (code)
		sl_io_close(probe.fd);
	return code;
}

static int
set_names(struct sl_part *part, struct sl_directory *directory, const char *name)
{
	sl_part_init(part);
	sl_directory_ref(directory);
	part->directory = directory;
	part->name = sl_span_dup(sl_span_str(name));
	part->part_name = part_name_of(name);
	return part->name && part->part_name ? 0 : -ENOMEM;
}

enum sl_part_first
sl_part_create_first(struct sl_part *part, struct sl_directory *directory, const char *name,
	uint32_t mode, int *stop)
{
	struct sl_error unsaid = { 0 };
	*stop = 0;
	int code = set_names(part, directory, name);
	if (!code)
		code = create_new(part, mode, true, &unsaid);
	if (code == CREATED && !part->name_taken)
		return SL_PART_CREATED;
	sl_part_discard(part);
	if (!sl_part_is_stop(code))
		return SL_PART_NAME_TAKEN;
	*stop = code;
	return SL_PART_STOPPED;
}

int
sl_part_create(struct sl_part *part, struct sl_directory *directory, const char *name,
	uint32_t mode, struct sl_error *err)
{
	int code = set_names(part, directory, name);
	code = code ? code : TRY_AGAIN;
	for (int i = 0; code == TRY_AGAIN && i < TAKE_OVER_TRIES; i++) {
		code = create_new(part, mode, false, err);
		if (code == TRY_AGAIN && i + 1 < TAKE_OVER_TRIES)
			code = remove_left_over(part, err);
	}
	if (code == TRY_AGAIN)
		code = fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run keeps creating and removing it");
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

/* Through /proc the very same inode is opened, whatever has happened to its name. */
SL_SUSPENDS
static void
open_direct(struct sl_part *part)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", part->fd);
	int fd = sl_io_open(AT_FDCWD, self, O_RDWR | O_DIRECT, 0, 0);
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

bool
sl_part_is_unsupported(int code)
{
	return code == -EPERM || code == -EACCES || code == -EOPNOTSUPP || code == -ENOSYS ||
	       code == -EINVAL;
}

/* ---- the rights of the file that is replaced ---- */

static int
fail_rights(const struct sl_part *part, int code, struct sl_error *err)
{
	char why[160];
	snprintf(why, sizeof(why), "cannot take them from the file that it replaces: %s",
		sl_code_text(code));
	return sl_part_is_stop(code)
		       ? code
		       : fail(part, err, SL_PHASE_WRITE, code, "set the permissions of", why);
}

/* Without its ACL the rights are the owner's only (rights.h). An error of the disk counts. */
static int
check_acl(const struct sl_part *part, int acl_len)
{
	if (acl_len >= 0)
		return 0;
	/* -ENOENT: there is no /proc. */
	if (!sl_part_is_unsupported(acl_len) && acl_len != -ENOENT && acl_len != -ERANGE)
		return acl_len;
	sl_log_warn("'%s': its ACL cannot be read (%s): the file that replaces it is for its owner "
		    "only",
		part->name, acl_len == -ENOENT ? "/proc is not mounted" : sl_code_text(acl_len));
	return 0;
}

SL_SUSPENDS
static int
read_rights(const struct sl_part *part, struct sl_rights *rights, struct sl_error *err)
{
	int code = sl_rights_read(rights, part->directory->fd, part->name);
	if (code == -ENOENT || code == -ELOOP || code == -EACCES) {
		sl_log_warn("'%s' cannot be reached any more (%s): the file that replaces it is "
			    "for its owner only",
			part->name, sl_code_text(code));
		rights->uid = part->uid;
		rights->gid = part->gid;
		rights->mode = SL_PART_PRIVATE;
		rights->acl_len = 0;
		return 0;
	}
	if (!code)
		code = check_acl(part, rights->acl_len);
	return code ? fail_rights(part, code, err) : 0;
}

/* Before any group gets a right: what the others are depends on whether this succeeds. The call may
 * have succeeded without effect. */
SL_SUSPENDS
static int
set_group(struct sl_part *part, struct sl_rights *rights, struct sl_error *err)
{
	struct statx st = { 0 };
	struct sl_op ops[] = {
		{ .kind = SL_OP_SET_OWNER, .fd = part->fd, .uid = SL_ID_LEFT, .gid = rights->gid },
		stat_fd_op(part->fd, &st),
	};
	if (part->gid == rights->gid)
		return 0;
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code)
		return code;
	code = ops[0].result < 0 && !sl_part_is_unsupported(ops[0].result) ? ops[0].result
									   : ops[1].result;
	if (code)
		return fail(
			part, err, SL_PHASE_WRITE, code, "set the group of", sl_code_text(code));
	part->gid = st.stx_gid;
	if (part->gid == rights->gid)
		return 0;
	if (sl_rights_drop_group(rights))
		sl_log_warn("'%s': its group cannot be kept, so permissions are removed from the "
			    "file that replaces it (chgrp and chmod set them)",
			part->name);
	return 0;
}

/* 0 with *out, to be freed, or NULL if nothing is replaced. */
SL_SUSPENDS
static int
take_rights(struct sl_part *part, const struct sl_part_attributes *set, struct sl_rights **out,
	struct sl_error *err)
{
	*out = NULL;
	if (!set->replaces)
		return 0;
	struct sl_rights *rights = malloc(sizeof(*rights));
	int code = rights ? read_rights(part, rights, err) : fail_rights(part, -ENOMEM, err);
	if (!code)
		code = set_group(part, rights, err);
	if (code)
		free(rights);
	else
		*out = rights;
	return code;
}

/* ---- the seal ---- */

/* The operations of a seal; those that are not needed are NULL. */
struct seal {
	struct sl_op ops[10];
	size_t count;
	struct sl_rights *rights; /* of the file that is replaced, or NULL */
	struct sl_op *write, *close_direct, *flush, *no_acl, *mode, *acl, *time, *owner, *stat,
		*hole;
	struct statx st;
};

static struct sl_op *
add(struct seal *seal, struct sl_op op)
{
	sl_assert(seal->count < SL_COUNT_OF(seal->ops));
	op.after = seal->write;
	seal->ops[seal->count] = op;
	return &seal->ops[seal->count++];
}

/* The mode gives what is right without the ACL, which then sets both. An ACL that a default ACL has
 * left must be gone before: the mode would let its entries have an effect. */
static void
prepare_rights(struct seal *seal, int fd)
{
	struct sl_rights *rights = seal->rights;
	seal->no_acl = add(seal, (struct sl_op){ .kind = SL_OP_SET_ACL, .fd = fd });
	seal->mode = add(seal, (struct sl_op){ .kind = SL_OP_SET_MODE,
				       .fd = fd,
				       .mode = sl_rights_mode_without_acl(rights) });
	seal->mode->after = seal->no_acl;
	if (rights->acl_len > 0)
		seal->acl = add(seal, (struct sl_op){ .kind = SL_OP_SET_ACL,
					      .fd = fd,
					      .data = rights->acl,
					      .len = (size_t)rights->acl_len });
}

/* Flushed first: on some network and FUSE file systems that changes the time. The owner comes last:
 * once another user has the file, this one may not be allowed to set the rest. */
static void
prepare_seal(struct seal *seal, const struct sl_part *part, const struct sl_part_attributes *set)
{
	int fd = part->fd;
	bool sees_holes = (part->directory->traits & SL_DIRECTORY_EXACT) && !seal->write;
	if (part->direct_fd >= 0)
		seal->close_direct =
			add(seal, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = part->direct_fd });
	seal->flush = add(seal, (struct sl_op){ .kind = SL_OP_FLUSH, .fd = fd });
	if (seal->rights)
		prepare_rights(seal, fd);
	if (set->time_ns)
		seal->time = add(
			seal, (struct sl_op){
				      .kind = SL_OP_SET_TIME, .fd = fd, .time_ns = set->time_ns });
	if (seal->rights && seal->rights->uid != part->uid)
		seal->owner = add(seal, (struct sl_op){ .kind = SL_OP_SET_OWNER,
						.fd = fd,
						.uid = seal->rights->uid,
						.gid = SL_ID_LEFT });
	seal->stat = add(seal, stat_fd_op(fd, &seal->st));
	if (sees_holes && set->length)
		seal->hole = add(seal,
			(struct sl_op){ .kind = SL_OP_HAS_HOLE, .fd = fd, .length = set->length });
}

static int
result_of(const struct sl_op *op)
{
	return op ? op->result : 0;
}

static const char *
attribute_action(enum sl_op_kind kind)
{
	switch (kind) {
	case SL_OP_SET_MODE:
		return "set the mode of";
	case SL_OP_SET_ACL:
		return "set the ACL of";
	case SL_OP_SET_OWNER:
		return "set the owner of";
	default:
		return "set the time of";
	}
}

/* 0, or the failure of an attribute that counts. */
static int
check_attribute(const struct sl_part *part, const struct sl_op *op, struct sl_error *err)
{
	int code = result_of(op);
	if (code >= 0 || code == -ECANCELED) /* not begun: what it comes after has failed */
		return 0;
	if (!sl_part_is_unsupported(code))
		return fail(part, err, SL_PHASE_WRITE, code, attribute_action(op->kind),
			sl_code_text(code));
	sl_log_info("'%s': cannot %s: %s", part->part_name, sl_op_kind_name(op->kind),
		sl_code_text(code));
	return 0;
}

/* The call may have succeeded without effect. */
static bool
has_time(const struct seal *seal, uint64_t time_ns)
{
	int64_t off_s = seal->st.stx_mtime.tv_sec - (int64_t)(time_ns / SL_NS_PER_S);
	return seal->time->result == 0 && off_s < TIME_GRAIN_S && off_s > -TIME_GRAIN_S;
}

static int
finish_seal(struct sl_part *part, const struct seal *seal, const struct sl_part_attributes *set,
	struct sl_error *err)
{
	if (seal->close_direct)
		part->direct_fd = -1;
	int code = result_of(seal->close_direct);
	if (!code)
		code = result_of(seal->flush);
	if (code)
		return sl_part_write_failed(part, code, 0, err);
	struct sl_op *const attributes[] = { seal->no_acl, seal->mode, seal->acl, seal->time,
		seal->owner };
	for (size_t i = 0; !code && i < SL_COUNT_OF(attributes); i++)
		code = check_attribute(part, attributes[i], err);
	if (code)
		return code;
	code = seal->stat->result;
	if (code)
		return fail(part, err, SL_PHASE_WRITE, code, "stat", sl_code_text(code));
	if (result_of(seal->hole) == 1)
		return fail(part, err, SL_PHASE_RENAME, SL_E_REPLACED, "finish",
			"another program truncated it while it was written: a part of it is "
			"missing");
	part->time_refused = seal->time && !has_time(seal, set->time_ns);
	part->sealed_s = seal->st.stx_mtime.tv_sec;
	part->sealed_ns = seal->st.stx_mtime.tv_nsec;
	part->is_sealed = true;
	return 0;
}

int
sl_part_seal(struct sl_part *part, const struct sl_part_attributes *set, struct sl_error *err)
{
	struct seal seal = { 0 };
	int code = take_rights(part, set, &seal.rights, err);
	if (code)
		return code;
	prepare_seal(&seal, part, set);
	code = sl_io_batch(seal.ops, seal.count);
	free(seal.rights);
	return code ? code : finish_seal(part, &seal, set, err);
}

int
sl_part_write_whole(struct sl_part *part, const struct sl_chunk *chunk,
	const struct sl_part_attributes *set, struct sl_error *err)
{
	struct seal seal = { 0 };
	int code = take_rights(part, set, &seal.rights, err);
	if (code)
		return code;
	seal.write = add(&seal, (struct sl_op){ .kind = SL_OP_WRITE,
					.fd = part->fd,
					.data = chunk->data,
					.len = chunk->len,
					.off = chunk->off });
	prepare_seal(&seal, part, set);
	code = sl_io_batch(seal.ops, seal.count);
	free(seal.rights);
	if (code)
		return code;
	int written = seal.write->result;
	if (written >= 0 && (size_t)written == chunk->len)
		return finish_seal(part, &seal, set, err);
	if (written == -EINTR || written == -EAGAIN)
		written = 0;
	if (written < 0)
		return sl_part_write_failed(part, written, chunk->len, err);
	/* Short: the rest, and the seal again. A flush does not report the same failure twice. */
	size_t done = (size_t)written;
	code = seal.write->result < 0 ? 0 : seal.flush->result;
	if (!code)
		code = sl_io_write_all(
			part->fd, chunk->data + done, chunk->len - done, chunk->off + done);
	if (code)
		return sl_part_write_failed(part, code, chunk->len - done, err);
	return sl_part_seal(part, set, err);
}

/* ---- the end ---- */

/* On this machine's own file systems nothing but a write or a truncation changes the time that the
 * seal has left; elsewhere a server may. */
static bool
is_unchanged(const struct sl_part *part, const struct statx *st)
{
	bool exact = part->is_sealed && (part->directory->traits & SL_DIRECTORY_EXACT);
	return !exact ||
	       (st->stx_mtime.tv_sec == part->sealed_s && st->stx_mtime.tv_nsec == part->sealed_ns);
}

int
sl_part_check_stat(const struct sl_part *part, int result, const struct statx *st, uint64_t length,
	struct sl_error *err)
{
	char why[120];
	if (result == -ENOENT || (!result && !is_same(part, st)))
		return fail(part, err, SL_PHASE_RENAME, SL_E_REPLACED, "finish",
			"it was removed or replaced while it was written (is another program "
			"cleaning up?)");
	if (result)
		return fail(part, err, SL_PHASE_RENAME, result, "stat", sl_code_text(result));
	if (st->stx_size == length && is_unchanged(part, st))
		return 0;
	if (st->stx_size == length)
		snprintf(why, sizeof(why), "another program changed it while it was written");
	else
		snprintf(why, sizeof(why),
			"it has %llu bytes instead of %llu: another program changed it while it "
			"was written",
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
	return sl_part_check_stat(part, code, &st, length, err);
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

/* The other half of a rename, not to be interrupted by a cancellation. */
SL_SUSPENDS
static void
drop_part_name(const struct sl_part *part)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	int code = sl_io_unlink(part->directory->fd, part->part_name, 0);
	sl_shield_end(&shield);
	if (code)
		sl_log_warn("cannot remove '%s', a second name of '%s': %s", part->part_name,
			part->name, sl_code_text(code));
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
		sl_log_info("'%s': this file system cannot rename without replacing: a file that "
			    "is created under that name at the same moment is replaced",
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
			"'%s' was created in the meantime and is left as it is "
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
	part->is_published = code == 0;
	if (code)
		fail_publish(part, code, err);
	return code;
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
stat_identity(struct sl_part *part)
{
	struct statx st = { 0 };
	int code = sl_io_stat(part->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	part->inode = st.stx_ino;
	part->dev_major = st.stx_dev_major;
	part->dev_minor = st.stx_dev_minor;
	return code;
}

static void
warn_left(const struct sl_part *part, int code)
{
	char *path = sl_part_path(part);
	sl_log_warn("'%s' was not removed: %s (the next run removes it)",
		path ? path : part->part_name, sl_code_text(code));
	free(path);
}

void
sl_part_discard(struct sl_part *part)
{
	struct sl_shield shield;
	int reason = sl_task_cancelled();
	bool hurried = reason == SL_E_INTERRUPTED || reason == -ETIMEDOUT;
	sl_shield_begin(&shield, sl_deadline_in(hurried ? CLEAN_UP_HURRIED_NS : CLEAN_UP_NS));
	if (part->fd >= 0) {
		struct statx st = { 0 };
		int code = part->inode ? 0 : stat_identity(part);
		if (!code)
			code = sl_io_stat(part->directory->fd, part->part_name, AT_SYMLINK_NOFOLLOW,
				STATX_BASIC_STATS, &st);
		if (!code && is_same(part, &st))
			code = sl_io_unlink(part->directory->fd, part->part_name, 0);
		if (code && code != -ENOENT)
			warn_left(part, code);
	}
	sl_part_close(part);
	sl_shield_end(&shield);
}
