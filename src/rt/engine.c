/*
 * engine.c - properties of the kinds of operations, and carrying one out by a blocking system call.
 * The latter is for kinds or kernels that the ring does not support, and runs on the blocking pool.
 * Results are those of the ring: a value of at least 0, or a negative errno.
 */
#include "sluice/rt/engine.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define ACCESS_ACL "system.posix_acl_access" /* acl(5) in an extended attribute */
/* What a copy of a descriptor waits for another one to be closed: a second in all. */
#define COPY_TRIES 100
#define COPY_PAUSE_NS 10000000L

const char *
sl_op_kind_name(enum sl_op_kind kind)
{
	static const char *const names[SL_OP_KINDS] = {
		[SL_OP_NOP] = "nop",
		[SL_OP_SOCKET] = "socket",
		[SL_OP_CONNECT] = "connect",
		[SL_OP_ACCEPT] = "accept",
		[SL_OP_SEND] = "send",
		[SL_OP_RECV] = "recv",
		[SL_OP_READ] = "read",
		[SL_OP_WRITE] = "write",
		[SL_OP_POLL] = "poll",
		[SL_OP_OPEN] = "open",
		[SL_OP_CLOSE] = "close",
		[SL_OP_ALLOCATE] = "allocate",
		[SL_OP_SYNC] = "sync",
		[SL_OP_SYNC_FS] = "syncfs",
		[SL_OP_RENAME] = "rename",
		[SL_OP_LINK] = "link",
		[SL_OP_UNLINK] = "unlink",
		[SL_OP_MKDIR] = "mkdir",
		[SL_OP_STAT] = "stat",
		[SL_OP_TRUNCATE] = "truncate",
		[SL_OP_LOCK] = "lock",
		[SL_OP_SET_MODE] = "set mode",
		[SL_OP_SET_TIME] = "set time",
		[SL_OP_FLUSH] = "flush",
		[SL_OP_SET_OWNER] = "set owner",
		[SL_OP_GET_ACL] = "get ACL",
		[SL_OP_SET_ACL] = "set ACL",
		[SL_OP_GET_XATTR] = "get attribute",
		[SL_OP_SET_XATTR] = "set attribute",
		[SL_OP_HAS_HOLE] = "has hole",
		[SL_OP_LIST] = "list",
		[SL_OP_HAS_WRITER] = "has writer",
		[SL_OP_WIDEN_PIPE] = "widen pipe",
		[SL_OP_CALL] = "call",
	};
	sl_assert(kind < SL_OP_KINDS);
	return names[kind];
}

/* No default, here and below: the compiler then names each switch that a new kind is missing in. */
enum sl_op_family
sl_op_family(enum sl_op_kind kind)
{
	switch (kind) {
	case SL_OP_NOP:
	case SL_OP_POLL:
	case SL_OP_CLOSE:
	case SL_OP_SYNC:
	case SL_OP_SYNC_FS:
	case SL_OP_LOCK:
	case SL_OP_SET_MODE:
	case SL_OP_FLUSH:
	case SL_OP_HAS_WRITER:
		return SL_FAMILY_PLAIN;
	case SL_OP_SOCKET:
		return SL_FAMILY_SOCKET;
	case SL_OP_CONNECT:
		return SL_FAMILY_CONNECT;
	case SL_OP_ACCEPT:
		return SL_FAMILY_ACCEPT;
	case SL_OP_SEND:
	case SL_OP_RECV:
	case SL_OP_READ:
	case SL_OP_WRITE:
	case SL_OP_GET_ACL:
	case SL_OP_SET_ACL:
	case SL_OP_GET_XATTR:
	case SL_OP_SET_XATTR:
	case SL_OP_LIST:
		return SL_FAMILY_TRANSFER;
	case SL_OP_ALLOCATE:
	case SL_OP_TRUNCATE:
	case SL_OP_HAS_HOLE:
	case SL_OP_WIDEN_PIPE:
		return SL_FAMILY_EXTENT;
	case SL_OP_SET_TIME:
		return SL_FAMILY_TIME;
	case SL_OP_SET_OWNER:
		return SL_FAMILY_OWNER;
	case SL_OP_OPEN:
		return SL_FAMILY_OPEN;
	case SL_OP_UNLINK:
	case SL_OP_MKDIR:
		return SL_FAMILY_NAME;
	case SL_OP_RENAME:
	case SL_OP_LINK:
		return SL_FAMILY_TWO_NAMES;
	case SL_OP_STAT:
		return SL_FAMILY_STAT;
	case SL_OP_CALL:
		return SL_FAMILY_CALL;
	case SL_OP_KINDS:
		break;
	}
	sl_assert(kind < SL_OP_KINDS);
	return SL_FAMILY_PLAIN;
}

bool
sl_op_has_path(enum sl_op_kind kind)
{
	enum sl_op_family family = sl_op_family(kind);
	return family == SL_FAMILY_OPEN || family == SL_FAMILY_NAME ||
	       family == SL_FAMILY_TWO_NAMES || family == SL_FAMILY_STAT;
}

bool
sl_op_is_stream(const struct sl_op *op)
{
	return (op->kind == SL_OP_READ || op->kind == SL_OP_WRITE) && op->off == SL_OFF_CURRENT;
}

static long
open_blocking(const struct sl_op *op)
{
	struct open_how how = { .flags = op->flags | O_CLOEXEC,
		.mode = op->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? op->mode : 0,
		.resolve = op->resolve };
	return syscall(SYS_openat2, op->dir_fd, op->path, &how, sizeof(how));
}

static long
transfer_blocking(const struct sl_op *op)
{
	struct iovec iov = { .iov_base = op->data, .iov_len = op->len };
	/* -1 is the descriptor's own position for preadv2 and pwritev2 as well. */
	if (op->kind == SL_OP_READ)
		return preadv2(op->fd, &iov, 1, (off_t)op->off, (int)op->flags);
	return pwritev2(op->fd, &iov, 1, (off_t)op->off, (int)op->flags);
}

/* Both times are explicit: a file system on libfuse 2 ignores a call that omits one, or that asks
 * for "now", and reports success. */
static long
set_time_blocking(const struct sl_op *op)
{
	struct timespec times[2] = { { 0 },
		{ .tv_sec = (time_t)(op->time_ns / SL_NS_PER_S),
			.tv_nsec = (long)(op->time_ns % SL_NS_PER_S) } };
	clock_gettime(CLOCK_REALTIME, &times[0]);
	return futimens(op->fd, times);
}

/* With few descriptors allowed, the one that it needs may be about to be closed elsewhere. */
static int
copy_descriptor(int fd)
{
	const struct timespec pause = { .tv_nsec = COPY_PAUSE_NS };
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	for (int i = 1; copy < 0 && (errno == EMFILE || errno == ENFILE) && i < COPY_TRIES; i++) {
		(void)nanosleep(&pause, NULL);
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	return copy;
}

/* Each close of a descriptor makes a network or FUSE file system report what it could not write
 * (close(2)); closing a copy leaves the file open, and its lock held. */
static long
flush_blocking(const struct sl_op *op)
{
	int copy = copy_descriptor(op->fd);
	return copy < 0 ? -1 : close(copy);
}

/* By the name in /proc: a descriptor opened with O_PATH, as of a file that this user may not read,
 * has no other way. */
static long
get_acl_blocking(const struct sl_op *op)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", op->fd);
	ssize_t len = getxattr(path, ACCESS_ACL, op->data, op->len);
	return len < 0 && (errno == ENODATA || errno == EOPNOTSUPP) ? 0 : len;
}

static long
set_acl_blocking(const struct sl_op *op)
{
	if (op->data)
		return fsetxattr(op->fd, ACCESS_ACL, op->data, op->len, 0);
	if (fremovexattr(op->fd, ACCESS_ACL) == 0)
		return 0;
	/* Many a file system without ACLs refuses this with a code of its own. */
	int code = errno;
	bool is_absent = fgetxattr(op->fd, ACCESS_ACL, NULL, 0) <= 0;
	errno = code;
	return is_absent ? 0 : -1;
}

static long
get_xattr_blocking(const struct sl_op *op)
{
	ssize_t len = fgetxattr(op->fd, op->attribute, op->data, op->len);
	return len < 0 && (errno == ENODATA || errno == EOPNOTSUPP) ? 0 : len;
}

static long
has_hole_blocking(const struct sl_op *op)
{
	off_t hole = lseek(op->fd, (off_t)op->off, SEEK_HOLE);
	return hole < 0 ? -1 : (uint64_t)hole < op->off + op->length;
}

/* The kernel grants a read lease only while no process has the file open for writing. If one opens
 * it while the lease is held, the holder gets a signal: SIGURG, which is ignored by default. */
static long
has_writer_blocking(const struct sl_op *op)
{
	if (fcntl(op->fd, F_SETSIG, SIGURG) < 0)
		return -1;
	if (fcntl(op->fd, F_SETLEASE, F_RDLCK) == 0)
		return fcntl(op->fd, F_SETLEASE, F_UNLCK);
	return errno == EAGAIN ? 1 : -1;
}

static long
widen_pipe_blocking(const struct sl_op *op)
{
	int bytes = fcntl(op->fd, F_GETPIPE_SZ);
	return bytes < 0 || (uint64_t)bytes >= op->length
		       ? bytes
		       : fcntl(op->fd, F_SETPIPE_SZ, (int)op->length);
}

static long
poll_blocking(const struct sl_op *op)
{
	struct pollfd entry = { .fd = op->fd, .events = (short)op->flags };
	int count = poll(&entry, 1, -1);
	return count < 0 ? count : entry.revents;
}

/* long: one call for each kind; -1 and errno on failure. */
static long
call(const struct sl_op *op)
{
	switch (op->kind) {
	case SL_OP_NOP:
		return 0;
	case SL_OP_SOCKET:
		return socket(op->domain, op->type | SOCK_CLOEXEC, op->protocol);
	case SL_OP_CONNECT:
		return connect(op->fd, op->address, op->address_len);
	case SL_OP_ACCEPT:
		return accept4(op->fd, op->peer, op->peer_len, SOCK_CLOEXEC);
	case SL_OP_SEND:
		return send(op->fd, op->data, op->len, (int)op->flags | MSG_NOSIGNAL);
	case SL_OP_RECV:
		return recv(op->fd, op->data, op->len, (int)op->flags);
	case SL_OP_READ:
	case SL_OP_WRITE:
		return transfer_blocking(op);
	case SL_OP_POLL:
		return poll_blocking(op);
	case SL_OP_OPEN:
		return open_blocking(op);
	case SL_OP_CLOSE:
		return close(op->fd);
	case SL_OP_ALLOCATE:
		return fallocate(op->fd, 0, (off_t)op->off, (off_t)op->length);
	case SL_OP_SYNC:
		return op->flags & SL_SYNC_DATA ? fdatasync(op->fd) : fsync(op->fd);
	case SL_OP_SYNC_FS:
		return syncfs(op->fd);
	case SL_OP_RENAME:
		return renameat2(op->dir_fd, op->path, op->dir_fd2, op->path2, op->flags);
	case SL_OP_LINK:
		return linkat(op->dir_fd, op->path, op->dir_fd2, op->path2, 0);
	case SL_OP_UNLINK:
		return unlinkat(op->dir_fd, op->path, (int)op->flags);
	case SL_OP_MKDIR:
		return mkdirat(op->dir_fd, op->path, op->mode);
	case SL_OP_STAT:
		return statx(op->dir_fd, op->path, (int)op->flags, op->mask, op->statx);
	case SL_OP_TRUNCATE:
		return ftruncate(op->fd, (off_t)op->length);
	case SL_OP_LOCK:
		return flock(op->fd, LOCK_EX | LOCK_NB);
	case SL_OP_SET_MODE:
		return fchmod(op->fd, op->mode);
	case SL_OP_SET_TIME:
		return set_time_blocking(op);
	case SL_OP_FLUSH:
		return flush_blocking(op);
	case SL_OP_SET_OWNER:
		return fchown(op->fd, op->uid, op->gid);
	case SL_OP_GET_ACL:
		return get_acl_blocking(op);
	case SL_OP_SET_ACL:
		return set_acl_blocking(op);
	case SL_OP_GET_XATTR:
		return get_xattr_blocking(op);
	case SL_OP_SET_XATTR:
		return fsetxattr(op->fd, op->attribute, op->data, op->len, 0);
	case SL_OP_HAS_HOLE:
		return has_hole_blocking(op);
	case SL_OP_LIST:
		return syscall(SYS_getdents64, op->fd, op->data, op->len);
	case SL_OP_HAS_WRITER:
		return has_writer_blocking(op);
	case SL_OP_WIDEN_PIPE:
		return widen_pipe_blocking(op);
	case SL_OP_CALL: /* not a system call: sl_op_run_blocking */
	case SL_OP_KINDS:
		break;
	}
	sl_assert(op->kind < SL_OP_CALL);
	errno = ENOSYS;
	return -1;
}

int
sl_op_run_blocking(struct sl_op *op)
{
	if (op->kind == SL_OP_CALL)
		return op->fn(op->arg);
	long result = call(op);
	return result < 0 ? -errno : sl_int((uint64_t)result);
}
