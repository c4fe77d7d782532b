/*
 * part_end.c - NAME.sluice-part gets its final name, is kept for a later run, or goes. The rules
 * are in part.c.
 */
#include "part_int.h"

#include "sluice/base/log.h"
#include "sluice/download/aria2_file.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* After a signal or the deadline of the run everything must be cleaned up within a second.
 * Otherwise a disk that is busy with syncs may take its time: a part must not stay behind for
 * that. */
#define CLEAN_UP_HURRIED_NS (900 * SL_NS_PER_MS)
#define CLEAN_UP_NS (60 * SL_NS_PER_S)

static bool
is_same(const struct sl_part *part, const struct statx *st)
{
	return st->stx_ino == part->inode && st->stx_dev_major == part->dev_major &&
	       st->stx_dev_minor == part->dev_minor;
}

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

void
sl_part_remove_stale_journal(struct sl_directory *directory, const char *name, uint64_t size)
{
	char *part_name = sl_part_name(name);
	char *journal_name = sl_part_journal_name(name);
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
