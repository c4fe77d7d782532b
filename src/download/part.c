/*
 * part.c - NAME.sluice-part from its creation to its final name; the seal is in part_seal.c.
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
#include "sluice/download/aria2_file.h"
#include "sluice/download/ranges.h"
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
#define TAKE_OVER_TRIES 4
#define KERNEL_CODE_MIN (-4096) /* a kernel's codes are above it */
#define LOCK_PATIENCE_NS SL_NS_PER_S
#define LOCK_RETRY_NS (50 * SL_NS_PER_MS)
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

static bool
is_same(const struct sl_part *part, const struct statx *st)
{
	return st->stx_ino == part->inode && st->stx_dev_major == part->dev_major &&
	       st->stx_dev_minor == part->dev_minor;
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

/* ---- opening and locking ---- */

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
		part_stat_name_op(part, part->name, &probe->final),
		{ .kind = SL_OP_OPEN,
			.dir_fd = part->directory->fd,
			.path = part->part_name,
			.flags = flags,
			.mode = mode },
		{ .kind = SL_OP_LOCK, .fd = SL_FD_OF_AFTER },
		part_stat_fd_op(SL_FD_OF_AFTER, &probe->by_fd),
		part_stat_name_op(part, part->part_name, &probe->by_name),
		part_stat_name_op(part, part->name, &probe->final),
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

/* Make it the part's if the name still stands for it: CREATED; TRY_AGAIN if not; a code. */
static int
take_opened(struct sl_part *part, const struct probe *probe)
{
	part_set_identity(part, &probe->by_fd);
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
	return part_fail(part, err, SL_PHASE_CREATE, code, "use",
		code == -ELOOP ? "it is a symbolic link; move it away" : sl_code_text(code));
}

static int
check_left_over(const struct sl_part *part, const struct probe *probe, struct sl_error *err)
{
	const char *why = reason_not_ours(&probe->by_fd);
	if (why)
		return part_fail(part, err, SL_PHASE_CREATE, -EEXIST, "use", why);
	if (probe->locked == -EWOULDBLOCK)
		return part_fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run is writing it");
	if (probe->locked)
		return part_fail(part, err, SL_PHASE_CREATE, probe->locked, "use",
			"it cannot be locked here, so another run may be writing it; remove it if "
			"not");
	return 0;
}

/* ---- taking over ---- */

static struct sl_journal_part
journal_part(const struct sl_part *part)
{
	return (struct sl_journal_part){ .directory = part->directory,
		.part_name = part->part_name,
		.file_name = part->journal_name,
		.fd = part->fd,
		.inode = part->inode,
		.birth_ns = part->birth_ns,
		.dev_major = part->dev_major,
		.dev_minor = part->dev_minor,
		.mode = part->mode };
}

/* The rights that a new file gets here, by a file without a name: -EOPNOTSUPP and the like where
 * the file system has no such files. */
SL_SUSPENDS
static int
stat_new_file(const struct sl_part *part, struct statx *st)
{
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN,
			.dir_fd = part->directory->fd,
			.path = ".",
			.flags = O_TMPFILE | O_RDWR,
			.mode = part->mode },
		part_stat_fd_op(SL_FD_OF_AFTER, st),
	};
	ops[1].after = &ops[0];
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code)
		return code;
	if (ops[0].result < 0)
		return ops[0].result;
	sl_io_close(ops[0].result);
	return ops[1].result;
}

/*
 * A leftover that is to replace a file may have the rights of that file already, if its run was
 * killed while it was committed; they are set anew in the end. Another one must have those of a new
 * file; where that cannot be known, at least none beyond the mode.
 */
SL_SUSPENDS
static bool
has_right_rights(const struct sl_part *part, const struct statx *st)
{
	struct statx new = { 0 };
	uint32_t mode = st->stx_mode & 07777;
	if (st->stx_uid != geteuid())
		return false;
	if (part->mode == SL_PART_PRIVATE)
		return mode == SL_PART_PRIVATE || sl_io_set_mode(part->fd, SL_PART_PRIVATE) == 0;
	if (stat_new_file(part, &new) != 0)
		return (mode & ~part->mode) == 0;
	return mode == (new.stx_mode & 07777u) && st->stx_gid == new.stx_gid &&
	       st->stx_uid == new.stx_uid;
}

/* 0 if it is the part now, with its journal; or why not. */
SL_SUSPENDS
static int
resume(struct sl_part *part, const struct statx *st, const struct sl_journal_urls *urls,
	struct sl_error *why)
{
	struct sl_journal_part of = journal_part(part);
	int code = sl_journal_load(&part->journal, &of, urls, why);
	if (code)
		return code;
	if (st->stx_nlink != 1)
		code = sl_fail(
			why, SL_PHASE_OPEN, SL_E_REPLACED, "it has another name (a hard link)");
	else if (!has_right_rights(part, st))
		code = sl_fail(why, SL_PHASE_OPEN, SL_E_REPLACED,
			"it does not have the permissions that a new file gets");
	if (code) {
		sl_journal_close(part->journal);
		part->journal = NULL;
	}
	return code;
}

/* Says nothing of what was left: a later run may be able to resume it. */
static bool
is_short_of_means(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE;
}

SL_SUSPENDS
static int
remove_left_journal(const struct sl_part *part)
{
	int code = sl_journal_remove_left(part->directory, part->journal_name);
	if (code && !sl_part_is_stop(code))
		sl_log_warn("cannot remove '%s': %s", part->journal_name, sl_code_text(code));
	return sl_part_is_stop(code) ? code : 0;
}

/* It was a file of the final name. */
SL_SUSPENDS
static int
put_left_back(const struct sl_part *part, int fd, const struct sl_journal_taken *taken,
	const char *why, struct sl_error *err)
{
	char text[NAME_MAX + 200];
	int code = part_put_back(part, fd, taken);
	if (sl_part_is_stop(code))
		return code;
	if (code) {
		snprintf(text, sizeof(text),
			"it is the file that was '%s' until an earlier run began to complete it, "
			"and it cannot get that name back: %s (move one of the two away)",
			part->name, sl_code_text(code));
		return part_fail(part, err, SL_PHASE_CREATE, code, "use", text);
	}
	sl_log_warn("'%s' has its name back and is as it was before an earlier run began to "
		    "complete it%s%s",
		part->name, why[0] ? ": " : "", why);
	return remove_left_journal(part);
}

SL_SUSPENDS
static int
remove_left_part(const struct sl_part *part, const char *why)
{
	int code = remove_left_journal(part);
	if (!code)
		code = sl_io_unlink(part->directory->fd, part->part_name, 0);
	if (code)
		return code;
	if (why[0])
		sl_log_warn("'%s' cannot be resumed, so the download begins anew: %s",
			part->part_name, why);
	else
		sl_log_info("'%s' was left by a former run: removed", part->part_name);
	return 0;
}

/* Whether it was a file of the final name, its journal may tell another time. */
static int
refuse_unread(const struct sl_part *part, int code, struct sl_error *err)
{
	char why[160];
	snprintf(why, sizeof(why),
		"its journal cannot be read: %s (move both away to begin the download anew)",
		sl_code_text(code));
	return part_fail(part, err, SL_PHASE_CREATE, code, "use", why);
}

/* Under its lock, so that two runs which find it cannot remove each other's new part. */
SL_SUSPENDS
static int
clear_left(const struct sl_part *part, int fd, const char *why, struct sl_error *err)
{
	struct sl_journal_taken taken;
	struct sl_journal_part of = journal_part(part);
	of.fd = fd;
	int code = sl_journal_load_taken(&of, &taken);
	if (!code)
		return put_left_back(part, fd, &taken, why, err);
	if (sl_part_is_stop(code) || is_short_of_means(code))
		return code;
	bool is_unread = code > KERNEL_CODE_MIN && code != -ENOENT;
	return is_unread ? refuse_unread(part, code, err) : remove_left_part(part, why);
}

/* What has the part's name, if a former run has left it: CREATED if it was taken over; TRY_AGAIN
 * once the name is free; a code. `urls` NULL = it is not to be taken over. */
SL_SUSPENDS
static int
take_left(struct sl_part *part, const struct sl_journal_urls *urls, struct sl_error *err)
{
	struct probe probe = { .fd = -1 };
	struct sl_error why = { 0 };
	int code = lock_with_retries(part, &probe);
	if (!code && probe.fd == -ENOENT)
		return TRY_AGAIN;
	if (!code && probe.fd < 0)
		code = probe.fd;
	/* First: it may have its final name by now, while its owner, who syncs the directory, holds
	 * the lock. The part's name is free then, and nothing needs to be checked. */
	if (!code)
		code = take_opened(part, &probe);
	if (!code)
		code = check_left_over(part, &probe, err);
	bool is_ours = !code;
	if (is_ours && urls)
		code = resume(part, &probe.by_fd, urls, &why);
	if (is_ours && urls && !code)
		return CREATED;
	part->fd = -1;
	if (is_ours && !sl_part_is_stop(code) && !is_short_of_means(code))
		code = clear_left(part, probe.fd, why.text, err);
	sl_io_close(probe.fd);
	return code < 0 ? refuse_open(part, code, err) : TRY_AGAIN;
}

/* ---- creating ---- */

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
		return part_fail(
			part, err, SL_PHASE_CREATE, probe.fd, "create", sl_code_text(probe.fd));
	/* Between our open and our lock another run may have taken it for a leftover. A file system
	 * without locks is used all the same: O_EXCL has decided. */
	if (!code && probe.locked == -EWOULDBLOCK)
		code = part_fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run is writing it");
	if (!code)
		code = take_opened(part, &probe);
	/* Ours, but its stat failed: sl_part_discard tries once more, and removes it. */
	if (code < 0 && code != SL_E_IN_USE)
		part->fd = probe.fd;
	else if (code)
		sl_io_close(probe.fd);
	return code;
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

enum sl_part_first
sl_part_create_first(struct sl_part *part, struct sl_directory *directory, const char *name,
	uint32_t mode, int *stop)
{
	struct sl_error unsaid = { 0 };
	*stop = 0;
	int code = part_set_names(part, directory, name, mode);
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

SL_SUSPENDS
static int
create(struct sl_part *part, struct sl_directory *directory, const char *name, uint32_t mode,
	const struct sl_journal_urls *urls, struct sl_error *err)
{
	int code = part_set_names(part, directory, name, mode);
	code = code ? code : TRY_AGAIN;
	for (int i = 0; code == TRY_AGAIN && i < TAKE_OVER_TRIES; i++) {
		code = create_new(part, mode, false, err);
		if (code == TRY_AGAIN && i + 1 < TAKE_OVER_TRIES)
			code = take_left(part, urls, err);
	}
	if (code == TRY_AGAIN)
		code = part_fail(part, err, SL_PHASE_CREATE, SL_E_IN_USE, "use",
			"another run keeps creating and removing it");
	if (code) {
		sl_fail_code(
			err, SL_PHASE_CREATE, code, "cannot create '%s%s'", name, SL_PART_SUFFIX);
		sl_part_discard(part);
	}
	return code;
}

int
sl_part_create(struct sl_part *part, struct sl_directory *directory, const char *name,
	uint32_t mode, struct sl_error *err)
{
	return create(part, directory, name, mode, NULL, err);
}

int
sl_part_resume(struct sl_part *part, struct sl_directory *directory, const char *name,
	uint32_t mode, const struct sl_journal_urls *urls, struct sl_error *err)
{
	return create(part, directory, name, mode, urls, err);
}

/* Ranges may overlap. */
static int
sum_ranges(const struct sl_journal_content *content, uint64_t *bytes)
{
	struct sl_ranges ranges;
	int code = 0;
	sl_ranges_init(&ranges, content->resource.resource.length);
	for (size_t i = 0; i < content->count && !code; i++)
		code = sl_ranges_add_done(&ranges,
			(struct sl_range){ content->ranges[i].begin, content->ranges[i].end });
	*bytes = ranges.done_bytes;
	sl_ranges_release(&ranges);
	return code;
}

SL_SUSPENDS
static int
look_at_left(struct sl_part *part, const struct sl_journal_urls *urls, struct sl_part_left *left)
{
	struct statx st = { 0 };
	struct sl_error unsaid = { 0 };
	part->fd = sl_io_open(part->directory->fd, part->part_name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, 0);
	int code = part->fd < 0 ? part->fd
				: sl_io_stat(part->fd, "", AT_EMPTY_PATH,
					  STATX_BASIC_STATS | STATX_BTIME, &st);
	if (!code && (reason_not_ours(&st) || st.stx_nlink != 1))
		code = SL_E_REPLACED;
	if (code)
		return code;
	part_set_identity(part, &st);
	struct sl_journal_part of = journal_part(part);
	code = sl_journal_load(&part->journal, &of, urls, &unsaid);
	if (code)
		return code;
	const struct sl_journal_content *content = sl_journal_content(part->journal);
	left->version = content->resource.resource;
	left->allocated = st.stx_blocks * 512;
	return sum_ranges(content, &left->bytes);
}

int
sl_part_look(struct sl_directory *directory, const char *name, uint32_t mode,
	const struct sl_journal_urls *urls, struct sl_part_left *left)
{
	struct sl_part part;
	int code = part_set_names(&part, directory, name, mode);
	if (!code)
		code = look_at_left(&part, urls, left);
	sl_part_close(&part);
	return code;
}

int
sl_part_begin_journal(struct sl_part *part, const struct sl_journal_options *options)
{
	struct sl_journal_part of = journal_part(part);
	int code = part->journal ? 0 : sl_journal_new(&part->journal, &of);
	return code ? code : sl_journal_begin(part->journal, options);
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
		return part_fail(part, err, SL_PHASE_RENAME, SL_E_REPLACED, "finish",
			"it was removed or replaced while it was written (is another program "
			"cleaning up?)");
	if (result)
		return part_fail(part, err, SL_PHASE_RENAME, result, "stat", sl_code_text(result));
	if (st->stx_size == length && is_unchanged(part, st))
		return 0;
	if (st->stx_size == length)
		snprintf(why, sizeof(why), "another program changed it while it was written");
	else
		snprintf(why, sizeof(why),
			"it has %llu bytes instead of %llu: another program changed it while it "
			"was written",
			(unsigned long long)st->stx_size, (unsigned long long)length);
	return part_fail(part, err, SL_PHASE_RENAME, SL_E_REPLACED, "finish", why);
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
	return part_stat_name_op(part, part->part_name, st);
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
	(void)part_fail(part, err, SL_PHASE_RENAME, code, "finish", why);
}

/* The part has its final name. A journal that was kept for a file which had the name is of no use
 * any more. */
SL_SUSPENDS
static void
end_journal(struct sl_part *part, bool replaced)
{
	uint64_t modified_ns =
		part->sealed_s < 0 ? 0 : (uint64_t)part->sealed_s * SL_NS_PER_S + part->sealed_ns;
	char *kept_name = part->journal || replaced ? sl_part_kept_name(part->name) : NULL;
	bool is_kept = part->keeps_journal && part->journal && kept_name;
	if (is_kept)
		sl_journal_keep(part->journal, kept_name, part->sealed_size, modified_ns);
	else
		sl_journal_remove(part->journal);
	int code = !is_kept && replaced && kept_name
			   ? sl_journal_remove_left(part->directory, kept_name)
			   : 0;
	if (code && !sl_part_is_stop(code))
		sl_log_info("'%s' was not removed: %s", kept_name, sl_code_text(code));
	part->journal = NULL;
	free(kept_name);
}

/* Before the journal goes: a run after a kill sees by that what is left to be done. */
SL_SUSPENDS
static void
end_control(const struct sl_part *part)
{
	const struct sl_journal_taken *taken =
		part->journal ? sl_journal_taken(part->journal) : NULL;
	if (part->has_control || (taken && taken->has_control))
		sl_aria2_file_remove(part->directory, part->name, part->sealed_size);
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
	if (code) {
		fail_publish(part, code, err);
		return code;
	}
	/* At once: a run that is killed from here on leaves nothing behind. File systems keep the
	 * order of the two changes over a power cut. */
	end_control(part);
	end_journal(part, replace);
	return 0;
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
sl_part_remove_stale_journal(struct sl_directory *directory, const char *name, uint64_t size)
{
	char *part_name = name_with(name, SL_PART_SUFFIX);
	char *journal_name = name_with(name, SL_JOURNAL_SUFFIX);
	struct statx st = { 0 };
	int code = part_name && journal_name ? sl_io_stat(directory->fd, part_name,
						       AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st)
					     : -ENOMEM;
	if (code == -ENOENT && size != SL_LENGTH_UNKNOWN)
		sl_aria2_file_remove(directory, name, size);
	if (code == -ENOENT)
		code = sl_journal_remove_left(directory, journal_name);
	if (code && !sl_part_is_stop(code))
		sl_log_info("cannot remove a journal of '%s': %s", name, sl_code_text(code));
	free(part_name);
	free(journal_name);
}

SL_SUSPENDS
static void
release(struct sl_part *part)
{
	sl_io_close(part->direct_fd);
	sl_io_close(part->fd);
	sl_directory_unref(part->directory);
	free(part->name);
	free(part->part_name);
	free(part->journal_name);
	sl_part_init(part);
}

SL_SUSPENDS
static void
shield_begin(struct sl_shield *shield)
{
	int reason = sl_task_cancelled();
	bool hurried = reason == SL_E_INTERRUPTED || reason == -ETIMEDOUT;
	sl_shield_begin(shield, sl_deadline_in(hurried ? CLEAN_UP_HURRIED_NS : CLEAN_UP_NS));
}

/* A program may have changed it since sl_part_move has compared it. */
void
sl_part_close_left(struct sl_part *part)
{
	const struct sl_journal_closed closed = { .size = part->left_size,
		.modified_ns = (uint64_t)part->left_s * SL_NS_PER_S + part->left_ns };
	struct sl_shield shield;
	shield_begin(&shield);
	if (part->is_left)
		sl_journal_remove(part->journal);
	else
		sl_journal_close_as(part->journal, &closed);
	release(part);
	sl_shield_end(&shield);
}

void
sl_part_close(struct sl_part *part)
{
	if (part->is_published)
		sl_journal_remove(part->journal);
	else
		sl_journal_close(part->journal);
	release(part);
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
	sl_log_warn("'%s' was not removed: %s (the next run resumes or removes it)",
		path ? path : part->part_name, sl_code_text(code));
	free(path);
}

/* False if it was no file of the final name, or is not there any more. */
SL_SUSPENDS
static bool
put_back(struct sl_part *part)
{
	const struct sl_journal_taken *taken =
		part->journal ? sl_journal_taken(part->journal) : NULL;
	if (!taken || part->fd < 0 || part->is_published)
		return false;
	(void)sl_journal_end(part->journal);
	int code = part_put_back(part, part->fd, taken);
	if (code == SL_E_REPLACED)
		return false;
	if (code) {
		sl_log_warn("'%s' is the file that was '%s', and cannot get that name back: %s",
			part->part_name, part->name, sl_code_text(code));
		sl_journal_close(part->journal);
	} else {
		sl_log_info("'%s' has its name back and is as it was", part->name);
		sl_journal_remove(part->journal);
	}
	part->journal = NULL;
	return true;
}

void
sl_part_discard(struct sl_part *part)
{
	struct sl_shield shield;
	shield_begin(&shield);
	if (put_back(part)) {
		release(part);
		sl_shield_end(&shield);
		return;
	}
	sl_journal_remove(part->journal);
	part->journal = NULL;
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
	release(part);
	sl_shield_end(&shield);
}

bool
sl_part_keep(struct sl_part *part)
{
	struct sl_shield shield;
	if (part->fd < 0 || part->is_published || !part->journal) {
		sl_part_discard(part);
		return false;
	}
	shield_begin(&shield);
	(void)sl_journal_end(part->journal);
	bool is_valid = sl_journal_is_valid(part->journal) && !sl_journal_failure(part->journal);
	if (is_valid)
		sl_part_close(part);
	else
		sl_part_discard(part);
	sl_shield_end(&shield);
	return is_valid;
}
