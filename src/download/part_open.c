/*
 * part_open.c - NAME.sluice-part is created, or what a former run left under that name is resumed,
 * put back or removed. The rules are in part.c.
 */
#include "part_int.h"

#include "sluice/base/log.h"
#include "sluice/download/ranges.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAKE_OVER_TRIES 4
#define KERNEL_CODE_MIN (-4096) /* a kernel's codes are above it */
#define LOCK_PATIENCE_NS SL_NS_PER_S
#define LOCK_RETRY_NS (50 * SL_NS_PER_MS)

/* ---- opening and locking ---- */

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
