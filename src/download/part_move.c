/*
 * part_move.c - a file that another program has left half-done becomes the part.
 *
 * Rules:
 *  - The name of the part is taken before, by a new one (`claim`), whose lock keeps other runs
 *    away. Both files are locked until the name has changed hands.
 *  - It must be what a part may be: a regular file of this user with one name, and the rights of a
 *    new file, which `claim` has.
 *  - It is not read and not changed here. Until the rename it has its name, and stays as it is
 *    whatever happens.
 */
#include "part_int.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
#define FLAGS (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/* Record "'directory/NAME' exists, and cannot be taken over: WHY". */
static int
refuse(const struct sl_part *part, struct sl_error *err, int code, const char *why)
{
	struct sl_buf path = { 0 };
	sl_directory_join(part->directory, part->name, &path);
	code = sl_fail(err, SL_PHASE_OPEN, code, "'%s' exists, and cannot be taken over: %s",
		path.failed ? part->name : path.data, why);
	sl_buf_release(&path);
	return code;
}

/* 0, or -EEXIST with the reason. */
static int
check_rights(const struct sl_part *part, const struct statx *st, const struct statx *new,
	struct sl_error *err)
{
	char why[160];
	uint32_t mode = new->stx_mode & 07777u;
	if (!S_ISREG(st->stx_mode))
		return refuse(part, err, -EEXIST, "it is not a regular file");
	if (st->stx_uid != new->stx_uid)
		return refuse(part, err, -EEXIST, "it belongs to another user");
	if (st->stx_nlink != 1)
		return refuse(part, err, -EEXIST, "it has another name (a hard link)");
	if (st->stx_gid == new->stx_gid && (st->stx_mode & 07777u) == mode)
		return 0;
	snprintf(why, sizeof(why),
		"it does not have the permissions and the group of a new file (run 'chmod %03o' "
		"and 'chgrp %u' on it first)",
		mode, new->stx_gid);
	return refuse(part, err, -EEXIST, why);
}

int
sl_part_open_left(struct sl_part *part, const struct sl_part *claim, struct sl_error *err)
{
	enum { READ, WRITER, CLOSE, OPEN, LOCK, BY_FD, NEW, BY_NAME };
	struct statx st = { 0 }, named = { 0 }, new = { 0 };
	int dir_fd = claim->directory->fd;
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN, .dir_fd = dir_fd, .path = claim->name, .flags = READ_FLAGS },
		{ .kind = SL_OP_HAS_WRITER, .fd = SL_FD_OF_AFTER },
		{ .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER },
		{ .kind = SL_OP_OPEN, .dir_fd = dir_fd, .path = claim->name, .flags = FLAGS },
		{ .kind = SL_OP_LOCK, .fd = SL_FD_OF_AFTER },
		part_stat_fd_op(SL_FD_OF_AFTER, &st),
		part_stat_fd_op(claim->fd, &new),
		part_stat_name_op(claim, claim->name, &named),
	};
	for (size_t i = WRITER; i < SL_COUNT_OF(ops); i++)
		ops[i].after = i == OPEN ? NULL : &ops[i < OPEN ? READ : OPEN];
	int code = part_set_names(part, claim->directory, claim->name, claim->mode);
	if (!code)
		code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code) {
		sl_part_close_left(part);
		return sl_fail_code(err, SL_PHASE_OPEN, code, "cannot open '%s'", claim->name);
	}
	part->is_left = true;
	part->fd = SL_MAX(ops[OPEN].result, -1);
	if (ops[OPEN].result < 0)
		code = ops[OPEN].result == -ELOOP
			       ? refuse(part, err, -EEXIST, "it is a symbolic link")
			       : refuse(part, err, ops[OPEN].result,
					 sl_code_text(ops[OPEN].result));
	else if (ops[WRITER].result == 1)
		code = refuse(part, err, SL_E_IN_USE,
			"another program has it open for writing; end that first");
	else if (ops[LOCK].result == -EWOULDBLOCK)
		code = refuse(part, err, SL_E_IN_USE, "another program has locked it");
	else if (ops[BY_FD].result || ops[NEW].result || ops[BY_NAME].result ||
		 !sl_io_is_same_inode(&st, &named))
		code = refuse(part, err, SL_E_REPLACED, "it was replaced in the meantime");
	else
		code = check_rights(part, &st, &new, err);
	part_set_identity(part, &st);
	part->left_size = st.stx_size;
	part->left_s = st.stx_mtime.tv_sec;
	part->left_ns = st.stx_mtime.tv_nsec;
	if (code)
		sl_part_close_left(part);
	return code;
}

int
sl_part_move(struct sl_part *part, struct sl_error *err)
{
	struct statx named = { 0 }, st = { 0 };
	int dir_fd = part->directory->fd;
	struct sl_op ops[] = {
		part_stat_fd_op(part->fd, &st),
		part_stat_name_op(part, part->name, &named),
	};
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (!code &&
		(ops[0].result || ops[1].result || !sl_io_is_same_inode(&st, &named) ||
			st.stx_size != part->left_size || st.stx_mtime.tv_sec != part->left_s ||
			st.stx_mtime.tv_nsec != part->left_ns))
		return refuse(part, err, SL_E_REPLACED,
			"it was changed in the meantime (is another program downloading it?)");
	if (!code)
		code = sl_io_rename(dir_fd, part->name, dir_fd, part->part_name, 0);
	if (code)
		return sl_part_is_stop(code) ? code : refuse(part, err, code, sl_code_text(code));
	part->is_left = false;
	return 0;
}
