/*
 * part_seal.c - what a complete part gets before it is synced and renamed.
 *
 * Rules:
 *  - A part that replaces a file gets the rights of that file, as they are then (rights.h).
 *  - All it is to have is set here: after the rename nothing about it changes any more.
 *  - Its stamp (stamp.h) has the time that is set, and comes first: with the rights that are set
 *    afterwards this user may not be allowed to write to the file. A file without one is as good.
 *  - What a write, a flush or an attribute call reports is never dropped, unless the file system
 *    does not support the attribute.
 */
#include "part_int.h"

#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/download/rights.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TIME_GRAIN_S 2 /* the coarsest time stamps of files that are common (FAT) */

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
		       : part_fail(part, err, SL_PHASE_WRITE, code, "set the permissions of", why);
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
		part_stat_fd_op(part->fd, &st),
	};
	if (part->gid == rights->gid)
		return 0;
	int code = sl_io_batch(ops, SL_COUNT_OF(ops));
	if (code)
		return code;
	code = ops[0].result < 0 && !sl_part_is_unsupported(ops[0].result) ? ops[0].result
									   : ops[1].result;
	if (code)
		return part_fail(
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
	struct sl_op ops[11];
	size_t count;
	struct sl_rights *rights; /* of the file that is replaced, or NULL */
	struct sl_op *write, *close_direct, *flush, *stamp, *no_acl, *mode, *acl, *time, *owner,
		*stat, *hole;
	uint64_t time_ns; /* that is set; 0 = none */
	unsigned char stamp_bytes[SL_STAMP_MAX];
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

static void
prepare_stamp(struct seal *seal, int fd, const struct sl_part_attributes *set)
{
	struct sl_stamp stamp = *set->stamp;
	stamp.size = set->length;
	stamp.mtime_ns = seal->time_ns;
	seal->stamp = add(seal, (struct sl_op){ .kind = SL_OP_SET_XATTR,
					.fd = fd,
					.attribute = SL_STAMP_ATTRIBUTE,
					.data = seal->stamp_bytes,
					.len = sl_stamp_format(&stamp, seal->stamp_bytes) });
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
	seal->time_ns = set->stamp && !set->time_ns ? sl_clock_wall_ns() : set->time_ns;
	if (set->stamp)
		prepare_stamp(seal, fd, set);
	if (seal->rights)
		prepare_rights(seal, fd);
	if (seal->time_ns)
		seal->time = add(
			seal, (struct sl_op){
				      .kind = SL_OP_SET_TIME, .fd = fd, .time_ns = seal->time_ns });
	if (seal->rights && seal->rights->uid != part->uid)
		seal->owner = add(seal, (struct sl_op){ .kind = SL_OP_SET_OWNER,
						.fd = fd,
						.uid = seal->rights->uid,
						.gid = SL_ID_LEFT });
	seal->stat = add(seal, part_stat_fd_op(fd, &seal->st));
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
		return part_fail(part, err, SL_PHASE_WRITE, code, attribute_action(op->kind),
			sl_code_text(code));
	sl_log_info("'%s': cannot %s: %s", part->part_name, sl_op_kind_name(op->kind),
		sl_code_text(code));
	return 0;
}

/* The call may have succeeded without effect. */
static bool
has_time(const struct seal *seal)
{
	int64_t off_s = seal->st.stx_mtime.tv_sec - (int64_t)(seal->time_ns / SL_NS_PER_S);
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
		return part_fail(part, err, SL_PHASE_WRITE, code, "stat", sl_code_text(code));
	if (result_of(seal->hole) == 1)
		return part_fail(part, err, SL_PHASE_RENAME, SL_E_REPLACED, "finish",
			"another program truncated it while it was written: a part of it is "
			"missing");
	if (result_of(seal->stamp) < 0)
		sl_log_debug("'%s': cannot %s: %s", part->part_name,
			sl_op_kind_name(seal->stamp->kind), sl_code_text(seal->stamp->result));
	part->time_refused = set->time_ns && !has_time(seal);
	part->sealed_size = seal->st.stx_size;
	part->sealed_s = seal->st.stx_mtime.tv_sec;
	part->sealed_ns = seal->st.stx_mtime.tv_nsec;
	part->is_sealed = true;
	return 0;
}

int
sl_part_end_journal(struct sl_part *part, struct sl_error *err)
{
	char why[120];
	int code = part->journal ? sl_journal_end(part->journal) : 0;
	if (!code)
		return 0;
	snprintf(why, sizeof(why), "%s (its bytes may be lost)", sl_code_text(code));
	return part_fail(part, err, SL_PHASE_SYNC, code, "sync", why);
}

int
sl_part_seal(struct sl_part *part, const struct sl_part_attributes *set, struct sl_error *err)
{
	struct seal seal = { 0 };
	int code = sl_part_end_journal(part, err);
	if (!code)
		code = take_rights(part, set, &seal.rights, err);
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
	int code = sl_part_end_journal(part, err);
	if (!code)
		code = take_rights(part, set, &seal.rights, err);
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
