/*
 * sim_file.c - operations on files and names of the simulated world. Each is carried out in one go,
 * when its time has come; the codes are those of Linux (test_engine_sim compares them with the real
 * thing).
 */
#include "sim_world.h"

#include "sluice/base/clock.h"
#include "sluice/base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/posix_acl.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 4096
#define MAX_FILE (256 * SL_MIB)

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* ---- content ---- */

uint64_t
sim_inode_allocate(struct sim *sim, struct sim_inode *inode, uint64_t end)
{
	uint64_t want = sl_round_up(end, BLOCK);
	if (want <= inode->allocated)
		return end;
	uint64_t more = SL_MIN(want - inode->allocated, sl_round_down(sim_room(sim), BLOCK));
	inode->allocated += more;
	sim->used += more;
	return SL_MIN(end, inode->allocated);
}

static void
reserve(struct sim_inode *inode, size_t size)
{
	if (size <= inode->cap)
		return;
	inode->cap = SL_MAX(inode->cap * 2, size);
	inode->data = sim_block_resize(inode->data, inode->cap);
}

static void
set_size(struct sim_inode *inode, size_t size)
{
	reserve(inode, size);
	if (size > inode->size)
		memset(inode->data + inode->size, 0, size - inode->size);
	inode->size = size;
	/* An emptied file has nothing that a failed sync could have lost. */
	if (size == 0)
		inode->lost = false;
}

int
sim_inode_resize(struct sim *sim, struct sim_inode *inode, uint64_t size)
{
	if (size > MAX_FILE)
		return -EFBIG;
	uint64_t kept = sl_round_up(size, BLOCK);
	if (kept < inode->allocated) {
		sim->used -= inode->allocated - kept;
		inode->allocated = kept;
	} else if (sim_inode_allocate(sim, inode, size) < size) {
		return -ENOSPC;
	}
	set_size(inode, sl_size(size));
	return 0;
}

static bool
is_aligned(const struct sim *sim, const struct sim_fd *fd, const struct sl_op *op, uint64_t off)
{
	if (!(fd->flags & O_DIRECT))
		return true;
	uint64_t mask = sim->options.dio_align - 1u;
	return (((uint64_t)(uintptr_t)op->data | op->len | off) & mask) == 0;
}

/* A transfer cut short; a direct one at a block. */
static size_t
shorten(struct sim *sim, const struct sim_fd *fd, const struct sim_job *job, size_t n)
{
	size_t unit = fd->flags & O_DIRECT ? sim->options.dio_align : 1;
	return n <= unit ? n : unit * sim_shorten(sim, job, n / unit);
}

static bool
may(const struct sim_fd *fd, int want)
{
	int mode = fd->flags & O_ACCMODE;
	return mode == O_RDWR || mode == want;
}

static int
do_read(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	const struct sim_inode *inode = fd->inode;
	uint64_t off = op->off == SL_OFF_CURRENT ? fd->position : op->off;
	if (!may(fd, O_RDONLY))
		return -EBADF;
	if (S_ISDIR(inode->mode))
		return op->len > 0 ? -EISDIR : 0; /* io_uring has nothing to read then */
	if (!S_ISREG(inode->mode))
		return 0;
	if (off > INT64_MAX)
		return -EINVAL;
	if (!is_aligned(sim, fd, op, off))
		return -EINVAL;
	if ((op->flags & RWF_NOWAIT) && sim_percent(sim, sim->options.short_percent))
		return -EAGAIN;
	if (off >= inode->size || op->len == 0)
		return 0;
	size_t end = inode->size;
	if (inode->is_damaged) {
		end = SL_MIN(end, sl_size(inode->damaged_off));
		if (off >= end)
			return -EIO;
	}
	size_t n = SL_MIN(op->len, end - sl_size(off));
	n = shorten(sim, fd, job, n);
	sim_job_gather(job, inode->data + off, n);
	if (op->off == SL_OFF_CURRENT)
		fd->position += n;
	return sl_int(n);
}

static int
write_at(struct sim *sim, struct sim_fd *fd, const struct sim_job *job, uint64_t off)
{
	const struct sl_op *op = &job->copy;
	struct sim_inode *inode = fd->inode;
	if (op->len == 0)
		return 0;
	if (off >= MAX_FILE)
		return -EFBIG;
	size_t n = shorten(sim, fd, job, SL_MIN(op->len, MAX_FILE - sl_size(off)));
	uint64_t end = sim_inode_allocate(sim, inode, off + n);
	if (end <= off)
		return -ENOSPC;
	n = sl_size(end - off);
	if (end > inode->size)
		set_size(inode, sl_size(end));
	memcpy(inode->data + off, op->data, n);
	inode->mtime_ns = sim_wall_now(sim);
	sim_watch_modified(sim, inode);
	return sl_int(n);
}

static int
do_write(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	uint64_t off = op->off == SL_OFF_CURRENT ? fd->position : op->off;
	if (!may(fd, O_WRONLY))
		return -EBADF;
	if (off > INT64_MAX)
		return -EINVAL;
	if (fd->flags & O_APPEND)
		off = fd->inode->size;
	if (!is_aligned(sim, fd, op, off))
		return -EINVAL;
	int n = write_at(sim, fd, job, off);
	if (op->off == SL_OFF_CURRENT && n > 0)
		fd->position = off + (uint64_t)n;
	return n;
}

/* Devices and FIFOs take what is written, or give their code. */
static int
write_node(struct sim_sink *sink, const struct sl_op *op)
{
	if (sink->limit == 0)
		return sink->code;
	sl_buf_add(&sink->taken, op->data, op->len);
	return sl_int(op->len);
}

/* ---- opening ---- */

static int
make_file(struct sim *sim, const struct sim_place *place, uint32_t mode, struct sim_inode **out)
{
	if (!(place->directory->mode & 0200))
		return -EACCES;
	if (place->wants_directory)
		return -EISDIR;
	/* A name needs a block of its directory now and then; here it needs room at all. */
	if (sim_room(sim) == 0)
		return -ENOSPC;
	*out = sim_inode_new(sim, S_IFREG | (mode & 07777));
	(*out)->parent = place->directory;
	sim_directory_change(sim, place->directory, NULL, place->last, *out);
	return 0;
}

static int
check_open(const struct sim_inode *inode, int flags)
{
	int access = flags & O_ACCMODE;
	bool writes = access != O_RDONLY || (flags & O_TRUNC);
	if ((flags & O_DIRECTORY) && !S_ISDIR(inode->mode))
		return -ENOTDIR;
	if (S_ISLNK(inode->mode) && !(flags & O_PATH))
		return -ELOOP;
	if (flags & O_PATH)
		return 0;
	if (S_ISDIR(inode->mode) && (writes || (flags & O_CREAT)))
		return -EISDIR;
	if ((writes && !(inode->mode & 0200)) || (access != O_WRONLY && !(inode->mode & 0400)))
		return -EACCES;
	return 0;
}

static struct sim_fd *
new_descriptor(struct sim *sim, struct sim_inode *inode, int flags)
{
	struct sim_fd *fd = sim_fd_new(sim, -1);
	fd->flags = flags;
	fd->inode = inode;
	inode->opens++;
	sim->fd_open++;
	return fd;
}

/* The inode behind "/proc/self/fd/N", or NULL if the path is not such a name of an open file. */
static struct sim_inode *
own_descriptor(const struct sim *sim, const char *path)
{
	static const char directory[] = "/proc/self/fd/";
	uint64_t number = 0;
	size_t len = strlen(path), skip = sizeof(directory) - 1;
	if (len <= skip || memcmp(path, directory, skip) != 0 ||
		!sl_parse_u64(path + skip, len - skip, &number) || number > INT32_MAX)
		return NULL;
	const struct sim_fd *fd = sim_fd(sim, (int)number);
	return fd ? fd->inode : NULL;
}

static int
reopen(struct sim *sim, struct sim_inode *inode, int flags)
{
	int code = check_open(inode, flags);
	if (code == 0 && (flags & O_DIRECT) && S_ISREG(inode->mode) && sim->options.dio_align == 0)
		code = -EINVAL;
	return code ? code : new_descriptor(sim, inode, flags)->number;
}

/* The file that tells one boot from another. */
static int
open_boot_id(struct sim *sim, int flags)
{
	char text[40];
	struct sim_inode *inode = sim_inode_new(sim, S_IFREG | 0444);
	snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012x\n", sim->boot);
	set_size(inode, strlen(text));
	memcpy(inode->data, text, inode->size);
	return new_descriptor(sim, inode, flags)->number;
}

/* A file without a name (O_TMPFILE). */
static int
open_unnamed(struct sim *sim, const struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	struct sim_place place;
	int code = sim_walk(sim, op->dir_fd, job->path, op->resolve, SIM_FOLLOW, &place);
	if (code)
		return code;
	if (!place.inode)
		return -ENOENT;
	if (!S_ISDIR(place.inode->mode))
		return -ENOTDIR;
	struct sim_inode *inode = sim_inode_new(sim, S_IFREG | (op->mode & 07777));
	return new_descriptor(sim, inode, (int)op->flags)->number;
}

int
sim_memory_file(struct sim *sim)
{
	if (sim_fd_full(sim))
		return -EMFILE;
	return new_descriptor(sim, sim_inode_new(sim, S_IFREG | 0600), O_RDWR)->number;
}

static int
do_open(struct sim *sim, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	int flags = (int)op->flags;
	bool exclusive = (flags & O_CREAT) && (flags & O_EXCL), created = false;
	struct sim_place place;
	struct sim_inode *own = own_descriptor(sim, job->path);
	if (sim_fd_full(sim))
		return -EMFILE;
	if (own)
		return reopen(sim, own, flags);
	if (strcmp(job->path, "/proc/sys/kernel/random/boot_id") == 0)
		return open_boot_id(sim, flags);
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return open_unnamed(sim, job);
	enum sim_follow follow = (flags & O_NOFOLLOW) || exclusive ? SIM_NOFOLLOW : SIM_FOLLOW;
	/* A name to be made cannot end with a slash, whatever it leads to. */
	int code = sim_walk(sim, op->dir_fd, job->path, op->resolve, SIM_NAME, &place);
	if (code == 0 && (flags & O_CREAT) && place.wants_directory)
		code = -EISDIR;
	if (code == 0)
		code = sim_walk(sim, op->dir_fd, job->path, op->resolve, follow, &place);
	if (code)
		return code;
	struct sim_inode *inode = place.inode;
	if (inode && exclusive)
		return -EEXIST;
	if (!inode) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		if ((flags & O_DIRECTORY))
			return -EINVAL;
		code = make_file(sim, &place, op->mode, &inode);
		created = true;
	}
	if (code == 0 && !created)
		code = check_open(inode, flags);
	/* As tmpfs did for years: the file has been made when the flag is refused. */
	if (code == 0 && (flags & O_DIRECT) && S_ISREG(inode->mode) && sim->options.dio_align == 0)
		code = -EINVAL;
	if (code)
		return code;
	if ((flags & O_TRUNC) && S_ISREG(inode->mode) && !created)
		code = sim_inode_resize(sim, inode, 0);
	return code ? code : new_descriptor(sim, inode, flags)->number;
}

/* ---- names ---- */

static bool
is_inside(const struct sim *sim, const struct sim_inode *directory, const struct sim_inode *inode)
{
	for (;; directory = directory->parent) {
		if (directory == inode)
			return true;
		if (directory == sim->root)
			return false;
	}
}

/* In the order in which the kernel looks. */
static int
check_rename(
	struct sim *sim, const struct sim_place *from, const struct sim_place *to, uint32_t flags)
{
	if (from->dot || to->dot)
		return !from->dot && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
	if (!from->inode)
		return -ENOENT;
	if (to->inode && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	bool directory = S_ISDIR(from->inode->mode);
	if (!directory && (from->wants_directory || to->wants_directory))
		return -ENOTDIR;
	if (directory && is_inside(sim, to->directory, from->inode))
		return -EINVAL;
	if (to->inode && S_ISDIR(to->inode->mode) && is_inside(sim, from->directory, to->inode))
		return -ENOTEMPTY;
	if (to->inode == from->inode)
		return 0;
	if (!(from->directory->mode & 0200) || !(to->directory->mode & 0200))
		return -EACCES;
	if (!to->inode)
		return 0;
	if (S_ISDIR(to->inode->mode) != directory)
		return directory ? -ENOTDIR : -EISDIR;
	return directory && !sl_list_is_empty(&to->inode->entries) ? -ENOTEMPTY : 0;
}

static int
do_rename(struct sim *sim, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	struct sim_place from, to;
	if (op->flags & ~(uint32_t)RENAME_NOREPLACE)
		return -EINVAL;
	int code = sim_walk(sim, op->dir_fd, job->path, 0, SIM_NAME, &from);
	if (code == 0)
		code = sim_walk(sim, op->dir_fd2, job->path2, 0, SIM_NAME, &to);
	if (code)
		return code;
	if ((op->flags & RENAME_NOREPLACE) && sim->options.no_noreplace)
		return -EINVAL;
	code = check_rename(sim, &from, &to, op->flags);
	/* Two names of one file: nothing happens, and both stay. */
	if (code || to.inode == from.inode)
		return code;
	struct sim_inode *inode = from.inode;
	if (from.directory == to.directory) {
		sim_directory_change(sim, from.directory, from.last, to.last, inode);
	} else {
		sim_directory_change(sim, to.directory, NULL, to.last, inode);
		sim_directory_change(sim, from.directory, from.last, NULL, NULL);
		inode->parent = to.directory;
	}
	return 0;
}

static int
do_link(struct sim *sim, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	struct sim_place from, to;
	int code = sim_walk(sim, op->dir_fd, job->path, 0, SIM_NOFOLLOW, &from);
	if (code == 0 && !from.inode)
		code = -ENOENT;
	if (code == 0)
		code = sim_walk(sim, op->dir_fd2, job->path2, 0, SIM_NAME, &to);
	if (code)
		return code;
	if (to.inode)
		return -EEXIST;
	if (to.wants_directory)
		return -ENOENT;
	if (!(to.directory->mode & 0200))
		return -EACCES;
	if (S_ISDIR(from.inode->mode) || sim->options.no_link)
		return -EPERM;
	sim_directory_change(sim, to.directory, NULL, to.last, from.inode);
	return 0;
}

static int
do_unlink(struct sim *sim, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	struct sim_place place;
	int code = sim_walk(sim, op->dir_fd, job->path, 0, SIM_NAME, &place);
	if (code)
		return code;
	bool directory_wanted = op->flags & AT_REMOVEDIR;
	if (!place.inode)
		return -ENOENT;
	if (place.dot && directory_wanted)
		return strcmp(place.last, "..") == 0 ? -ENOTEMPTY : -EINVAL;
	if (place.dot)
		return -EISDIR;
	if (!(place.directory->mode & 0200))
		return -EACCES;
	bool directory = S_ISDIR(place.inode->mode);
	if (directory && !directory_wanted)
		return -EISDIR;
	if (!directory && (directory_wanted || place.wants_directory))
		return -ENOTDIR;
	if (directory && !sl_list_is_empty(&place.inode->entries))
		return -ENOTEMPTY;
	sim_directory_change(sim, place.directory, place.last, NULL, NULL);
	return 0;
}

static int
do_mkdir(struct sim *sim, struct sim_job *job)
{
	struct sim_place place;
	int code = sim_walk(sim, job->copy.dir_fd, job->path, 0, SIM_NAME, &place);
	if (code)
		return code;
	if (place.inode)
		return -EEXIST;
	if (!(place.directory->mode & 0200))
		return -EACCES;
	if (sim_room(sim) == 0)
		return -ENOSPC;
	struct sim_inode *directory = sim_inode_new(sim, S_IFDIR | (job->copy.mode & 07777));
	directory->parent = place.directory;
	sim_directory_change(sim, place.directory, NULL, place.last, directory);
	return 0;
}

/* ---- attributes ---- */

static void
fill_statx(const struct sim *sim, const struct sim_inode *inode, uint32_t mask, struct statx *out)
{
	*out = (struct statx){ .stx_mask = STATX_BASIC_STATS,
		.stx_blksize = BLOCK,
		.stx_nlink = inode->names,
		.stx_uid = inode->owner.uid,
		.stx_gid = inode->owner.gid,
		.stx_mode = (uint16_t)inode->mode,
		.stx_ino = inode->ino,
		.stx_size = inode->size,
		.stx_blocks = inode->allocated / 512,
		.stx_mtime = { .tv_sec = (int64_t)(inode->mtime_ns / SL_NS_PER_S),
			.tv_nsec = (uint32_t)(inode->mtime_ns % SL_NS_PER_S) },
		.stx_dev_major = 254 };
	if (mask & STATX_BTIME) {
		out->stx_mask |= STATX_BTIME;
		out->stx_btime.tv_sec = (int64_t)(inode->birth_ns / SL_NS_PER_S);
		out->stx_btime.tv_nsec = (uint32_t)(inode->birth_ns % SL_NS_PER_S);
	}
	if (sim->options.fresh_files)
		out->stx_ctime.tv_sec = sl_clock_wall_s();
#ifdef STATX_DIOALIGN
	if ((mask & STATX_DIOALIGN) && S_ISREG(inode->mode)) {
		out->stx_mask |= STATX_DIOALIGN;
		out->stx_dio_mem_align = sim->options.dio_align;
		out->stx_dio_offset_align = sim->options.dio_align;
	}
#else
	(void)sim;
	(void)mask;
#endif
}

static int
do_stat(struct sim *sim, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	struct sim_inode *inode = NULL;
	if (job->path[0] == '\0' && (op->flags & AT_EMPTY_PATH)) {
		struct sim_fd *fd = sim_fd(sim, op->dir_fd);
		inode = op->dir_fd == AT_FDCWD ? sim->root : fd ? fd->inode : NULL;
		if (fd && !inode) {
			/* A stream: a pipe. */
			job->statx = (struct statx){ .stx_mask = STATX_BASIC_STATS,
				.stx_mode = S_IFIFO | 0600 };
			return 0;
		}
		if (!inode)
			return -EBADF;
	} else {
		struct sim_place place;
		int code = sim_walk(sim, op->dir_fd, job->path, 0,
			op->flags & AT_SYMLINK_NOFOLLOW ? SIM_NOFOLLOW : SIM_FOLLOW, &place);
		if (code)
			return code;
		inode = place.inode;
	}
	if (!inode)
		return -ENOENT;
	fill_statx(sim, inode, op->mask, &job->statx);
	return 0;
}

static int
do_allocate(struct sim *sim, struct sim_fd *fd, const struct sl_op *op)
{
	struct sim_inode *inode = fd->inode;
	uint64_t end = 0;
	/* The kernel looks at the range first. */
	if (op->length == 0 || !sl_add_u64(op->off, op->length, &end))
		return -EINVAL;
	if (!may(fd, O_WRONLY))
		return -EBADF;
	if (!S_ISREG(inode->mode))
		return -ENODEV;
	if (sim->options.no_allocate)
		return -EOPNOTSUPP;
	if (end > MAX_FILE)
		return -EFBIG;
	uint64_t before = inode->allocated;
	if (sim_inode_allocate(sim, inode, end) < end) {
		sim->used -= inode->allocated - before;
		inode->allocated = before;
		return -ENOSPC;
	}
	if (end > inode->size)
		set_size(inode, sl_size(end));
	return 0;
}

static int
do_truncate(struct sim *sim, struct sim_fd *fd, const struct sl_op *op)
{
	if (op->length > INT64_MAX || !may(fd, O_WRONLY) || !S_ISREG(fd->inode->mode))
		return -EINVAL;
	fd->inode->mtime_ns = sim_wall_now(sim);
	return sim_inode_resize(sim, fd->inode, op->length);
}

static int
do_lock(struct sim_fd *fd)
{
	struct sim_inode *inode = fd->inode;
	if (inode->locked_outside || (inode->locked_by && inode->locked_by != fd))
		return -EWOULDBLOCK;
	inode->locked_by = fd;
	return 0;
}

/* Root's call, so always allowed; refusals are faults. */
static int
do_set_owner(struct sim *sim, struct sim_inode *inode, const struct sl_op *op)
{
	if (sim->aborted)
		return -EROFS;
	if (op->uid != SL_ID_LEFT)
		inode->owner.uid = op->uid;
	if (op->gid != SL_ID_LEFT)
		inode->owner.gid = op->gid;
	return 0;
}

static int
do_get_acl(struct sim_job *job, const struct sim_owner *owner)
{
	if (owner->acl_len > job->copy.len)
		return -ERANGE;
	if (owner->acl_len)
		sim_job_gather(job, owner->acl, owner->acl_len);
	return sl_int(owner->acl_len);
}

/* The permissions of an entry that has no id, or NULL. The entries follow a version of 4 bytes: tag
 * and permissions of 2 bytes each, little-endian, then an id of 4. */
static unsigned char *
acl_perm(struct sim_owner *owner, unsigned char tag)
{
	for (size_t at = 4; at + 8 <= owner->acl_len; at += 8)
		if (owner->acl[at] == tag)
			return &owner->acl[at + 2];
	return NULL;
}

/* The group bits of the mode are the mask, or without one the group's. */
static unsigned char *
acl_group_perm(struct sim_owner *owner)
{
	unsigned char *mask = acl_perm(owner, ACL_MASK);
	return mask ? mask : acl_perm(owner, ACL_GROUP_OBJ);
}

static void
set_mode(struct sim_inode *inode, uint32_t mode)
{
	inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
	if (inode->owner.acl_len == 0)
		return;
	*acl_perm(&inode->owner, ACL_USER_OBJ) = mode >> 6 & 7;
	*acl_group_perm(&inode->owner) = mode >> 3 & 7;
	*acl_perm(&inode->owner, ACL_OTHER) = mode & 7;
}

static void
set_acl(struct sim_inode *inode, const void *acl, size_t len)
{
	memcpy(inode->owner.acl, acl, len);
	inode->owner.acl_len = len;
	inode->mode =
		(inode->mode & ~0777u) | (uint32_t)*acl_perm(&inode->owner, ACL_USER_OBJ) << 6 |
		(uint32_t)*acl_group_perm(&inode->owner) << 3 | *acl_perm(&inode->owner, ACL_OTHER);
}

static int
do_set_acl(struct sim_inode *inode, const struct sl_op *op)
{
	if (!op->data) {
		inode->owner.acl_len = 0;
		return 0;
	}
	if (op->len < 4 || op->len % 8 != 4)
		return -EINVAL;
	if (op->len > SIM_ACL_MAX)
		return -ENOSPC;
	set_acl(inode, op->data, op->len);
	return 0;
}

static int
do_get_xattr(struct sim_job *job, const struct sim_owner *owner)
{
	if (owner->xattr_len > job->copy.len)
		return -ERANGE;
	if (owner->xattr_len)
		sim_job_gather(job, owner->xattr, owner->xattr_len);
	return sl_int(owner->xattr_len);
}

static int
do_set_xattr(struct sim_owner *owner, const struct sl_op *op)
{
	if (op->len > SIM_XATTR_MAX)
		return -ENOSPC;
	memcpy(owner->xattr, op->data, op->len);
	owner->xattr_len = op->len;
	return 0;
}

void
sim_set_acl(struct sim *sim, const char *path, const void *acl, size_t len)
{
	struct sim_inode *inode = sim_find(sim, path);
	sl_assert(inode && len <= SIM_ACL_MAX && len > 4);
	set_acl(inode, acl, len);
	sim_disk_sync(inode);
}

static int
do_sync(struct sim *sim, struct sim_fd *fd, const struct sl_op *op)
{
	enum sl_op_kind kind = op->kind;
	uint32_t mode = fd->inode->stable_mode;
	struct sim_owner owner = fd->inode->stable_owner;
	uint64_t mtime_ns = fd->inode->stable_mtime_ns;
	/* As Linux's file systems do: a directory's sync finds nothing left to write. */
	if (sim->aborted)
		return kind == SL_OP_SYNC && S_ISDIR(fd->inode->mode) ? 0 : -EIO;
	if (kind == SL_OP_SYNC && fd->inode->lost_code) {
		int code = fd->inode->lost_code;
		fd->inode->lost_code = 0;
		return code;
	}
	if (kind == SL_OP_SYNC_FS)
		sim_disk_sync_all(sim);
	else if (fd->inode->sink)
		return -EINVAL;
	else
		sim_disk_sync(fd->inode);
	if (kind == SL_OP_SYNC && (op->flags & SL_SYNC_DATA)) {
		fd->inode->stable_mode = mode;
		fd->inode->stable_owner = owner;
		fd->inode->stable_mtime_ns = mtime_ns;
	}
	return 0;
}

void
sim_file_fault(struct sim *sim, const struct sim_job *job)
{
	const struct sim_fd *fd = sim_fd(sim, job->copy.fd);
	if (fd && fd->inode && job->copy.kind == SL_OP_SYNC)
		sim_disk_lose(fd->inode);
	if (job->copy.kind == SL_OP_SYNC_FS)
		sl_list_each(node, &sim->inodes)
		{
			struct sim_inode *inode = sl_list_item(node, struct sim_inode, link);
			bool was_lost = inode->lost;
			sim_disk_lose(inode);
			/* As Linux does: descriptors of a file keep its error until they report it,
			 * although a syncfs has reported it for all. */
			if (inode->lost && !was_lost)
				inode->lost_code = job->fault;
		}
}

/* ---- one for all ---- */

static int
run_on_descriptor(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	if (fd->flags & O_PATH && op->kind != SL_OP_GET_ACL)
		return -EBADF;
	switch (op->kind) {
	case SL_OP_READ:
		return do_read(sim, fd, job);
	case SL_OP_WRITE:
		return fd->inode->sink ? write_node(fd->inode->sink, op) : do_write(sim, fd, job);
	case SL_OP_ALLOCATE:
		return do_allocate(sim, fd, op);
	case SL_OP_SYNC:
	case SL_OP_SYNC_FS:
		return do_sync(sim, fd, op);
	case SL_OP_TRUNCATE:
		return do_truncate(sim, fd, op);
	case SL_OP_LOCK:
		return do_lock(fd);
	case SL_OP_FLUSH:
	case SL_OP_HAS_HOLE:
	case SL_OP_HAS_WRITER:
		return 0;
	case SL_OP_WIDEN_PIPE: /* a file is none */
		return -EBADF;
	case SL_OP_SET_OWNER:
		return do_set_owner(sim, fd->inode, op);
	case SL_OP_GET_ACL:
		return do_get_acl(job, &fd->inode->owner);
	case SL_OP_SET_ACL:
		return do_set_acl(fd->inode, op);
	case SL_OP_GET_XATTR:
		return do_get_xattr(job, &fd->inode->owner);
	case SL_OP_SET_XATTR:
		return sim->options.no_xattrs ? -EOPNOTSUPP : do_set_xattr(&fd->inode->owner, op);
	case SL_OP_LIST:
		return sim_list_directory(sim, fd, job);
	case SL_OP_SET_MODE:
		set_mode(fd->inode, op->mode);
		return 0;
	case SL_OP_SET_TIME:
		if (!sim->options.no_times)
			fd->inode->mtime_ns = op->time_ns;
		return 0;
	case SL_OP_SEND:
	case SL_OP_RECV:
	case SL_OP_CONNECT:
		return -ENOTSOCK;
	default:
		return -EINVAL;
	}
}

int
sim_file_run(struct sim *sim, struct sim_job *job)
{
	switch (job->copy.kind) {
	case SL_OP_OPEN:
		return do_open(sim, job);
	case SL_OP_RENAME:
		return do_rename(sim, job);
	case SL_OP_LINK:
		return do_link(sim, job);
	case SL_OP_UNLINK:
		return do_unlink(sim, job);
	case SL_OP_MKDIR:
		return do_mkdir(sim, job);
	case SL_OP_STAT:
		return do_stat(sim, job);
	default:
		return run_on_descriptor(sim, sim_fd(sim, job->copy.fd), job);
	}
}
