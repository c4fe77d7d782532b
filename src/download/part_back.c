/*
 * part_back.c - a part that was a file of the final name gets that name back, as it was.
 *
 * A file is moved only if nothing in it is written to again but what was never downloaded to it
 * (takeover.c), so cutting it to the size it had restores it. The order keeps it usable whenever
 * the run ends: a part that was cut is shorter than its journal tells, so the ranges that it lists
 * are compared before they are used.
 */
#include "part_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Where RENAME_NOREPLACE is refused, link fails if the name is taken. */
SL_SUSPENDS
static int
rename_back(const struct sl_part *part)
{
	int dir_fd = part->directory->fd;
	int code = sl_io_rename(dir_fd, part->part_name, dir_fd, part->name, RENAME_NOREPLACE);
	if (code != -EINVAL && code != -ENOSYS)
		return code;
	code = sl_io_link(dir_fd, part->part_name, dir_fd, part->name);
	return code ? code : sl_io_unlink(dir_fd, part->part_name, 0);
}

static void
note_failure(const struct sl_part *part, const char *what, int code)
{
	if (code)
		sl_log_info("cannot %s '%s': %s", what, part->name, sl_code_text(code));
}

int
part_put_back(const struct sl_part *part, int fd, const struct sl_journal_taken *taken)
{
	struct statx st = { 0 }, named = { 0 };
	struct sl_op ops[] = {
		part_stat_fd_op(fd, &st),
		part_stat_name_op(part, part->part_name, &named),
	};
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code)
		return code;
	if (ops[0].result || ops[1].result || !sl_io_is_same_inode(&st, &named))
		return SL_E_REPLACED;
	if (st.stx_size > taken->size)
		code = sl_io_truncate(fd, taken->size);
	if (code)
		return code;
	/* It gets its name even if the time cannot be set, or the disk fails. */
	note_failure(part, "set the time of", sl_io_set_time(fd, taken->modified_ns));
	note_failure(part, "sync", sl_io_sync(fd, 0));
	code = rename_back(part);
	if (!code)
		note_failure(part, "sync the directory of", sl_directory_sync(part->directory));
	return code;
}
