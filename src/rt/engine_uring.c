/*
 * The engine on io_uring: one ring, one thread, one enter a turn.
 *
 * One-shot, unlinked operations only. user_data is slot + generation, never a pointer, so that a
 * cancel that comes late cannot hit the slot's next user. Completions of cancels carry CANCEL_SLOT
 * and are only counted. At most base.slots operations and one cancel for each are out, which fits
 * the CQ: an overflow cannot happen.
 */
#include "sluice/base/clock.h"
#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/rt/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define CHECK_MEMORY 1
#endif

/*
 * Rings from the usual size down. Since 6.14 their memory counts against RLIMIT_MEMLOCK, of which
 * an ordinary user may have 64 KiB for all programs together; a smaller ring is slower only where
 * hundreds of operations wait at a time. The CQ always holds every operation, its cancel and the
 * wake-up: it cannot overflow.
 */
struct ring_size {
	unsigned sq, cq, slots;
};

/* The kernel gives back the memory of a ring some time after its program has ended. */
#define MEMORY_ATTEMPTS 25
#define MEMORY_PAUSE_US 10000

#define CQ_OF(slots) ((slots)*2 + 2)

static const struct ring_size sizes[] = {
	{ 256, 4096, SL_ENGINE_SLOTS },
	{ 128, 1024, 480 },
	{ 32, 256, 120 },
	{ 16, 128, 60 },
};
/* bounded io-wq workers: three may sit in slow operations, opens and renames find the others */
#define IO_WORKERS 8

/* Newer than liburing 2.3's header; the number is the kernel's (6.9). */
#define OP_FTRUNCATE 55

#define PROBE_OPS 256 /* all that the interface has room for */

#define WAKE_SLOT 0xfffffffeu
#define CANCEL_SLOT 0xffffffffu

struct slot {
	struct sl_op *op; /* NULL = free */
	uint32_t generation;
	uint32_t next_free;
	bool cancelling;     /* a cancel has been asked for */
	struct open_how how; /* what an openat2 in flight points at */
};

struct uring {
	struct sl_engine base;
	struct io_uring ring;
	struct slot slots[SL_ENGINE_SLOTS];
	uint32_t first_free; /* SL_ENGINE_SLOTS = none */
	unsigned in_flight;
	unsigned cancels; /* cancels whose completions are still to come */
	bool can_truncate;
	unsigned last_op;
	/* Wake-ups by other threads. `pending` is set before `sleeping` is read, `sleeping` before
	 * `pending`: one of both sides sees the other (sequentially consistent store-load). */
	int event_fd;
	uint64_t event_value; /* the kernel writes here while the read is out */
	bool event_armed;
	_Atomic bool sleeping, pending;
};

static struct uring *
uring_of(struct sl_engine *engine)
{
	return SL_CONTAINER_OF(engine, struct uring, base);
}

static uint64_t
uring_now(struct sl_engine *engine)
{
	(void)engine;
	return sl_clock_monotonic_ns();
}

static uint64_t
uring_thread_ns(struct sl_engine *engine)
{
	(void)engine;
	return sl_clock_thread_cpu_ns();
}

static bool
uring_carries(struct sl_engine *engine, const struct sl_op *op)
{
	switch (op->kind) {
	case SL_OP_NOP:
	case SL_OP_SOCKET:
	case SL_OP_CONNECT:
	case SL_OP_ACCEPT:
	case SL_OP_SEND:
	case SL_OP_RECV:
	case SL_OP_READ:
	case SL_OP_WRITE:
	case SL_OP_POLL:
	case SL_OP_OPEN:
	case SL_OP_CLOSE:
	case SL_OP_ALLOCATE:
	case SL_OP_SYNC:
	case SL_OP_RENAME:
	case SL_OP_LINK:
	case SL_OP_UNLINK:
	case SL_OP_MKDIR:
	case SL_OP_STAT:
		return true;
	case SL_OP_TRUNCATE:
		return uring_of(engine)->can_truncate;
	case SL_OP_SYNC_FS:
	case SL_OP_LOCK:
	case SL_OP_SET_MODE:
	case SL_OP_SET_TIME:
	case SL_OP_FLUSH:
	case SL_OP_SET_OWNER:
	case SL_OP_GET_ACL:
	case SL_OP_SET_ACL:
	case SL_OP_GET_XATTR:
	case SL_OP_SET_XATTR:
	case SL_OP_HAS_HOLE:
	case SL_OP_LIST:
	case SL_OP_HAS_WRITER:
	case SL_OP_WIDEN_PIPE:
	case SL_OP_CALL:
	case SL_OP_KINDS:
		break;
	}
	return false;
}

/* ---- submitting ---- */

/* EAGAIN, EBUSY: the kernel is short of something for now; what was not taken stays in the SQ. */
static bool
is_transient(int code)
{
	return code == -EINTR || code == -EAGAIN || code == -EBUSY;
}

/* Never drops: a full SQ is passed to the kernel first. */
static struct io_uring_sqe *
get_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	while (!sqe) {
		int code = io_uring_submit(&u->ring);
		u->base.enters++;
		sl_assert(code >= 0 || is_transient(code));
		sqe = io_uring_get_sqe(&u->ring);
	}
	return sqe;
}

static void
prepare_open(struct io_uring_sqe *sqe, struct open_how *how, const struct sl_op *op)
{
	*how = (struct open_how){ .flags = op->flags | O_CLOEXEC,
		.mode = op->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? op->mode : 0,
		.resolve = op->resolve };
	io_uring_prep_openat2(sqe, op->dir_fd, op->path, how);
}

/* long: one line of liburing for each kind. */
static void
prepare(struct io_uring_sqe *sqe, struct slot *slot, const struct sl_op *op)
{
	const bool is_carried = false; /* by the ring: the last kinds below are not */
	switch (op->kind) {
	case SL_OP_NOP:
		io_uring_prep_nop(sqe);
		break;
	case SL_OP_SOCKET:
		io_uring_prep_socket(sqe, op->domain, op->type | SOCK_CLOEXEC, op->protocol, 0);
		break;
	case SL_OP_CONNECT:
		io_uring_prep_connect(sqe, op->fd, op->address, op->address_len);
		break;
	case SL_OP_ACCEPT:
		io_uring_prep_accept(sqe, op->fd, op->peer, op->peer_len, SOCK_CLOEXEC);
		break;
	case SL_OP_SEND:
		io_uring_prep_send(sqe, op->fd, op->data, op->len, (int)op->flags | MSG_NOSIGNAL);
		break;
	case SL_OP_RECV:
		io_uring_prep_recv(sqe, op->fd, op->data, op->len, (int)op->flags);
		break;
	case SL_OP_READ:
		io_uring_prep_read(sqe, op->fd, op->data, (unsigned)op->len, op->off);
		sqe->rw_flags = (int)op->flags;
		break;
	case SL_OP_WRITE:
		io_uring_prep_write(sqe, op->fd, op->data, (unsigned)op->len, op->off);
		sqe->rw_flags = (int)op->flags;
		break;
	case SL_OP_POLL:
		io_uring_prep_poll_add(sqe, op->fd, op->flags);
		break;
	case SL_OP_OPEN:
		prepare_open(sqe, &slot->how, op);
		break;
	case SL_OP_CLOSE:
		io_uring_prep_close(sqe, op->fd);
		break;
	case SL_OP_ALLOCATE:
		io_uring_prep_fallocate(sqe, op->fd, 0, (off_t)op->off, (off_t)op->length);
		break;
	case SL_OP_SYNC:
		io_uring_prep_fsync(
			sqe, op->fd, op->flags & SL_SYNC_DATA ? IORING_FSYNC_DATASYNC : 0);
		break;
	case SL_OP_RENAME:
		io_uring_prep_renameat(
			sqe, op->dir_fd, op->path, op->dir_fd2, op->path2, op->flags);
		break;
	case SL_OP_LINK:
		io_uring_prep_linkat(sqe, op->dir_fd, op->path, op->dir_fd2, op->path2, 0);
		break;
	case SL_OP_UNLINK:
		io_uring_prep_unlinkat(sqe, op->dir_fd, op->path, (int)op->flags);
		break;
	case SL_OP_MKDIR:
		io_uring_prep_mkdirat(sqe, op->dir_fd, op->path, op->mode);
		break;
	case SL_OP_STAT:
		io_uring_prep_statx(sqe, op->dir_fd, op->path, (int)op->flags, op->mask, op->statx);
		break;
	case SL_OP_TRUNCATE:
		io_uring_prep_rw(OP_FTRUNCATE, sqe, op->fd, NULL, 0, op->length);
		break;
	case SL_OP_SYNC_FS:
	case SL_OP_LOCK:
	case SL_OP_SET_MODE:
	case SL_OP_SET_TIME:
	case SL_OP_FLUSH:
	case SL_OP_SET_OWNER:
	case SL_OP_GET_ACL:
	case SL_OP_SET_ACL:
	case SL_OP_GET_XATTR:
	case SL_OP_SET_XATTR:
	case SL_OP_HAS_HOLE:
	case SL_OP_LIST:
	case SL_OP_HAS_WRITER:
	case SL_OP_WIDEN_PIPE:
	case SL_OP_CALL:
	case SL_OP_KINDS:
		sl_assert(is_carried);
	}
	/* What the kernel would try at once, and where it waits all the same (Linux 6.18):
	 * n_tty_write does not look at IOCB_NOWAIT, so a stopped terminal would stop the ring;
	 * neither does the check of permissions in an open, which asks the server of a FUSE or NFS
	 * mount. */
	if (op->kind == SL_OP_OPEN || (sl_op_is_stream(op) && op->may_block))
		sqe->flags |= IOSQE_ASYNC;
}

/* The kernel is outside the sanitizer's sight: what it will touch is checked before it gets it. */
static void
check_memory(const struct sl_op *op)
{
#ifdef CHECK_MEMORY
	switch (sl_op_family(op->kind)) {
	case SL_FAMILY_TRANSFER:
		if (op->data && op->len)
			sl_assert(!__asan_region_is_poisoned(op->data, op->len));
		break;
	case SL_FAMILY_CONNECT:
		sl_assert(!__asan_address_is_poisoned(op->address));
		break;
	case SL_FAMILY_ACCEPT:
		if (op->peer)
			sl_assert(!__asan_region_is_poisoned(op->peer, *op->peer_len));
		break;
	case SL_FAMILY_STAT:
		sl_assert(!__asan_region_is_poisoned(op->statx, sizeof(*op->statx)));
		sl_assert(!__asan_address_is_poisoned(op->path));
		break;
	case SL_FAMILY_TWO_NAMES:
		sl_assert(!__asan_address_is_poisoned(op->path2));
		sl_assert(!__asan_address_is_poisoned(op->path));
		break;
	case SL_FAMILY_OPEN:
	case SL_FAMILY_NAME:
		sl_assert(!__asan_address_is_poisoned(op->path));
		break;
	case SL_FAMILY_PLAIN:
	case SL_FAMILY_SOCKET:
	case SL_FAMILY_EXTENT:
	case SL_FAMILY_TIME:
	case SL_FAMILY_OWNER:
	case SL_FAMILY_CALL:
		break;
	}
#else
	(void)op;
#endif
}

static uint64_t
slot_data(const struct uring *u, uint32_t slot)
{
	return (uint64_t)u->slots[slot].generation << 32 | slot;
}

static void
uring_submit(struct sl_engine *engine, struct sl_op *op)
{
	struct uring *u = uring_of(engine);
	sl_assert(op->state == SL_OP_IDLE || op->state == SL_OP_DONE);
	sl_assert(u->first_free < u->base.slots);
	sl_assert(sl_op_family(op->kind) != SL_FAMILY_TRANSFER || op->len <= 1u << 30);
	check_memory(op);
	uint32_t slot = u->first_free;
	u->first_free = u->slots[slot].next_free;
	u->slots[slot].op = op;
	u->slots[slot].generation++;
	u->slots[slot].cancelling = false;
	u->in_flight++;
	op->slot = slot;
	op->state = SL_OP_IN_FLIGHT;
	struct io_uring_sqe *sqe = get_sqe(u);
	prepare(sqe, &u->slots[slot], op);
	io_uring_sqe_set_data64(sqe, slot_data(u, slot));
}

static void
uring_cancel(struct sl_engine *engine, struct sl_op *op)
{
	struct uring *u = uring_of(engine);
	if (op->state != SL_OP_IN_FLIGHT || u->slots[op->slot].cancelling)
		return;
	u->slots[op->slot].cancelling = true;
	u->cancels++;
	struct io_uring_sqe *sqe = get_sqe(u);
	io_uring_prep_cancel64(sqe, slot_data(u, op->slot), 0);
	io_uring_sqe_set_data64(sqe, CANCEL_SLOT);
}

static void
arm_wake(struct uring *u)
{
	struct io_uring_sqe *sqe = get_sqe(u);
	io_uring_prep_read(sqe, u->event_fd, &u->event_value, sizeof(u->event_value), 0);
	io_uring_sqe_set_data64(sqe, WAKE_SLOT);
	u->event_armed = true;
}

/* ---- waiting ---- */

/* True if the kernel may need a thread of its own (io-wq) to carry it out. */
static bool
may_need_thread(const struct sl_op *op)
{
	switch (op->kind) {
	case SL_OP_NOP:
	case SL_OP_SOCKET:
	case SL_OP_CONNECT:
	case SL_OP_ACCEPT:
	case SL_OP_SEND:
	case SL_OP_RECV:
	case SL_OP_POLL:
		return false;
	case SL_OP_READ:
	case SL_OP_WRITE:
	case SL_OP_OPEN:
	case SL_OP_CLOSE:
	case SL_OP_ALLOCATE:
	case SL_OP_SYNC:
	case SL_OP_SYNC_FS:
	case SL_OP_RENAME:
	case SL_OP_LINK:
	case SL_OP_UNLINK:
	case SL_OP_MKDIR:
	case SL_OP_STAT:
	case SL_OP_TRUNCATE:
	case SL_OP_LOCK:
	case SL_OP_SET_MODE:
	case SL_OP_SET_TIME:
	case SL_OP_FLUSH:
	case SL_OP_SET_OWNER:
	case SL_OP_GET_ACL:
	case SL_OP_SET_ACL:
	case SL_OP_GET_XATTR:
	case SL_OP_SET_XATTR:
	case SL_OP_HAS_HOLE:
	case SL_OP_LIST:
	case SL_OP_HAS_WRITER:
	case SL_OP_WIDEN_PIPE:
	case SL_OP_CALL:
	case SL_OP_KINDS:
		break;
	}
	return true;
}

/*
 * What only the ring gives, in terms of the seam's rules. An interrupted wait in a kernel thread
 * gives -EINTR for a cancel where a poll gives -ECANCELED. And at the limit of processes the kernel
 * cancels, unasked, what it cannot start a thread for: SL_OP_NOT_CARRIED then.
 */
static int
translate(const struct slot *slot, const struct sl_op *op, int result)
{
	if (slot->cancelling)
		return result == -EINTR ? -ECANCELED : result;
	if (result != -ECANCELED)
		return result;
	return may_need_thread(op) ? SL_OP_NOT_CARRIED : -EAGAIN;
}

static bool
uring_run_now(struct sl_engine *engine, struct sl_op *op)
{
	bool transfers = op->kind == SL_OP_SEND || op->kind == SL_OP_RECV;
	if (!transfers || !(op->flags & MSG_DONTWAIT))
		return false;
	check_memory(op);
	op->submitted_ns = uring_now(engine);
	op->result = sl_op_run_blocking(op);
	return true;
}

static int
uring_run_blocking(struct sl_engine *engine, struct sl_op *op)
{
	(void)engine;
	return sl_op_run_blocking(op);
}

static int
uring_get_option(struct sl_engine *engine, int fd, int level, int name, void *value, socklen_t *len)
{
	(void)engine;
	return getsockopt(fd, level, name, value, len) == 0 ? 0 : -errno;
}

static int
uring_set_option(
	struct sl_engine *engine, int fd, int level, int name, const void *value, socklen_t len)
{
	(void)engine;
	return setsockopt(fd, level, name, value, len) == 0 ? 0 : -errno;
}

static int
uring_bind(struct sl_engine *engine, int fd, const struct sockaddr *address, socklen_t len)
{
	(void)engine;
	return bind(fd, address, len) == 0 ? 0 : -errno;
}

static int
uring_duplicate(struct sl_engine *engine, int fd)
{
	(void)engine;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

static struct sl_op *
take_completion(struct uring *u, const struct io_uring_cqe *cqe)
{
	uint32_t index = (uint32_t)cqe->user_data;
	if (index == CANCEL_SLOT) {
		u->cancels--;
		return NULL;
	}
	if (index == WAKE_SLOT) {
		u->event_armed = false;
		return NULL;
	}
	sl_assert(index < SL_ENGINE_SLOTS);
	struct slot *slot = &u->slots[index];
	sl_assert(slot->op && slot->generation == (uint32_t)(cqe->user_data >> 32));
	struct sl_op *op = slot->op;
	op->result = translate(slot, op, cqe->res);
	slot->op = NULL;
	slot->next_free = u->first_free;
	u->first_free = index;
	u->in_flight--;
	op->state = SL_OP_DONE;
	return op;
}

static int
reap(struct uring *u, struct sl_op **done, size_t max)
{
	int count = 0;
	struct io_uring_cqe *cqe = NULL;
	while ((size_t)count < max && io_uring_peek_cqe(&u->ring, &cqe) == 0) {
		struct sl_op *op = take_completion(u, cqe);
		io_uring_cqe_seen(&u->ring, cqe);
		if (op)
			done[count++] = op;
	}
	return count;
}

/* Submit and wait for one completion or `until_ns`; 0 = only submit and let completions come in. */
static int
enter(struct uring *u, uint64_t until_ns)
{
	struct io_uring_cqe *cqe = NULL;
	u->base.enters++;
	if (until_ns == 0)
		return io_uring_submit_and_get_events(&u->ring);
	if (until_ns == SL_FOREVER)
		return io_uring_submit_and_wait(&u->ring, 1);
	uint64_t now = uring_now(&u->base);
	uint64_t ns = until_ns > now ? until_ns - now : 0;
	/* On the stack, but an argument of the call (EXT_ARG), not part of an SQE. */
	struct __kernel_timespec ts = { .tv_sec = (int64_t)(ns / SL_NS_PER_S),
		.tv_nsec = (int64_t)(ns % SL_NS_PER_S) };
	return io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &ts, NULL);
}

static int
uring_wait(struct sl_engine *engine, uint64_t until_ns, struct sl_op **done, size_t max)
{
	struct uring *u = uring_of(engine);
	if (!u->event_armed)
		arm_wake(u);
	if (io_uring_cq_ready(&u->ring) > 0)
		until_ns = 0;
	if (until_ns != 0) {
		atomic_store(&u->sleeping, true);
		if (atomic_load(&u->pending))
			until_ns = 0;
	}
	int code = enter(u, until_ns);
	atomic_store(&u->sleeping, false);
	/* An exchange, not a store: it reads what the last waker wrote, and so sees what that one
	 * had queued before. */
	(void)atomic_exchange(&u->pending, false);
	if (code < 0 && code != -ETIME && !is_transient(code))
		return code;
	return reap(u, done, max);
}

static void
uring_wake(struct sl_engine *engine)
{
	struct uring *u = uring_of(engine);
	if (atomic_exchange(&u->pending, true) || !atomic_load(&u->sleeping))
		return;
	uint64_t one = 1;
	ssize_t written = write(u->event_fd, &one, sizeof(one));
	(void)written; /* a full counter means that a wake-up is on its way already */
}

/* ---- set-up ---- */

static void
uring_free(struct sl_engine *engine)
{
	struct uring *u = uring_of(engine);
	sl_assert(u->in_flight == 0);
	io_uring_queue_exit(&u->ring);
	close(u->event_fd);
	free(u);
}

static void
uring_describe(struct sl_engine *engine, char *text, size_t len)
{
	struct uring *u = uring_of(engine);
	struct utsname name = { 0 };
	uname(&name);
	snprintf(text, len,
		"io_uring on Linux %s (%u operations at a time, single issuer, deferred work%s; "
		"features 0x%x, last operation %u)",
		name.release, u->base.slots, u->can_truncate ? ", truncates" : "", u->ring.features,
		u->last_op);
}

static const struct sl_engine_methods uring_methods = {
	.name = "io_uring",
	.free = uring_free,
	.now = uring_now,
	.thread_ns = uring_thread_ns,
	.carries = uring_carries,
	.run_blocking = uring_run_blocking,
	.run_now = uring_run_now,
	.get_option = uring_get_option,
	.set_option = uring_set_option,
	.bind = uring_bind,
	.duplicate = uring_duplicate,
	.memory_file = sl_engine_memory_file,
	.watch_open = sl_engine_watch_open,
	.watch_add = sl_engine_watch_add,
	.real_path = sl_engine_real_path,
	.submit = uring_submit,
	.cancel = uring_cancel,
	.wait = uring_wait,
	.wake = uring_wake,
	.describe = uring_describe,
};

/* The value of kernel.io_uring_disabled, or -1 if the kernel has no such switch. */
static int
disabled_by_sysctl(void)
{
	int value = -1;
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	if (!file)
		return -1;
	int c = fgetc(file);
	if (c >= '0' && c <= '2')
		value = c - '0';
	fclose(file);
	return value;
}

static int
refused(int code, struct sl_error *err)
{
	struct utsname name = { 0 };
	uname(&name);
	switch (code) {
	case -ENOSYS:
		return sl_fail(err, SL_PHASE_NONE, code,
			"cannot use io_uring: this kernel (Linux %s) does not support it, or a "
			"sandbox such as gVisor hides it (sluice needs Linux 6.1 or newer)",
			name.release);
	case -EINVAL:
		return sl_fail(err, SL_PHASE_NONE, code,
			"cannot use io_uring: Linux %s refuses the ring's settings (sluice needs "
			"Linux 6.1 or newer)",
			name.release);
	case -EPERM:
	case -EACCES: {
		int disabled = disabled_by_sysctl();
		if (disabled > 0)
			return sl_fail(err, SL_PHASE_NONE, code,
				"cannot use io_uring: the administrator switched it off "
				"(kernel.io_uring_disabled = %d; "
				"'sysctl kernel.io_uring_disabled=0' as root allows it)",
				disabled);
		return sl_fail(err, SL_PHASE_NONE, code,
			"cannot use io_uring: a security filter forbids it (seccomp, as in "
			"containers by default; run the container with a profile that allows "
			"io_uring_setup, io_uring_enter and io_uring_register)");
	}
	case -ENOMEM:
		return sl_fail(err, SL_PHASE_NONE, code,
			"cannot use io_uring: no lockable memory is left for the ring (raise "
			"'ulimit -l', or end other "
			"programs of this user that use it)");
	default:
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot use io_uring");
	}
}

/* The operations this program cannot do without; all of Linux 6.1. */
static int
check_operations(struct uring *u, struct sl_error *err)
{
	static const int needed[] = { IORING_OP_NOP, IORING_OP_SOCKET, IORING_OP_CONNECT,
		IORING_OP_ACCEPT, IORING_OP_SEND, IORING_OP_RECV, IORING_OP_READ, IORING_OP_WRITE,
		IORING_OP_POLL_ADD, IORING_OP_OPENAT2, IORING_OP_CLOSE, IORING_OP_FALLOCATE,
		IORING_OP_FSYNC, IORING_OP_RENAMEAT, IORING_OP_LINKAT, IORING_OP_UNLINKAT,
		IORING_OP_MKDIRAT, IORING_OP_STATX, IORING_OP_ASYNC_CANCEL };
	struct io_uring_probe *probe =
		calloc(1, sizeof(*probe) + PROBE_OPS * sizeof(struct io_uring_probe_op));
	if (!probe)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot start");
	/* Not liburing's helper, which does not say why it failed. */
	int code = io_uring_register_probe(&u->ring, probe, PROBE_OPS);
	if (code)
		code = refused(code, err);
	for (size_t i = 0; i < SL_COUNT_OF(needed) && !code; i++)
		if (!io_uring_opcode_supported(probe, needed[i]))
			code = refused(-EINVAL, err);
	u->can_truncate = io_uring_opcode_supported(probe, OP_FTRUNCATE);
	u->last_op = probe->last_op;
	free(probe);
	return code;
}

static int
make_ring(struct uring *u, const struct ring_size *size)
{
	struct io_uring_params params = { 0 };
	params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		       IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
		       IORING_SETUP_CLAMP;
	params.cq_entries = size->cq;
	int code = io_uring_queue_init_params(size->sq, &u->ring, &params);
	if (code)
		return code;
	sl_assert(CQ_OF(size->slots) <= u->ring.cq.ring_entries);
	u->base.slots = size->slots;
	u->base.is_real_time = true;
	return 0;
}

static int
make_any_ring(struct uring *u)
{
	int code = -ENOMEM;
	for (size_t i = 0; i < SL_COUNT_OF(sizes) && code == -ENOMEM; i++)
		code = make_ring(u, &sizes[i]);
	return code;
}

static int
set_up_ring(struct uring *u)
{
	int code = make_any_ring(u);
	for (int i = 0; i < MEMORY_ATTEMPTS && code == -ENOMEM; i++) {
		usleep(MEMORY_PAUSE_US);
		code = make_any_ring(u);
	}
	if (code)
		return code;
	if (u->base.slots < SL_ENGINE_SLOTS)
		sl_log_info("little lockable memory ('ulimit -l'): a ring for %u operations at a "
			    "time instead of %u",
			u->base.slots, SL_ENGINE_SLOTS);
	/* A filter may allow the set-up and forbid the rest: better known now than in the
	 * middle. */
	code = io_uring_submit_and_get_events(&u->ring);
	if (code < 0 && !is_transient(code)) {
		io_uring_queue_exit(&u->ring);
		return code;
	}
	unsigned workers[2] = { IO_WORKERS, IO_WORKERS };
	code = io_uring_register_iowq_max_workers(&u->ring, workers);
	if (code)
		sl_log_info("cannot limit the kernel's I/O workers: %s", sl_code_text(code));
	code = io_uring_register_ring_fd(&u->ring);
	if (code < 0)
		sl_log_debug("cannot register the ring's descriptor: %s", sl_code_text(code));
	return 0;
}

int
sl_engine_uring_new(struct sl_engine **out, struct sl_error *err)
{
	struct uring *u = calloc(1, sizeof(*u));
	if (!u)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot start");
	u->base.methods = &uring_methods;
	u->event_fd = eventfd(0, EFD_CLOEXEC);
	int code = u->event_fd < 0 ? -errno : 0;
	if (code) {
		free(u);
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot make an eventfd");
	}
	for (uint32_t i = 0; i < SL_ENGINE_SLOTS; i++)
		u->slots[i].next_free = i + 1;
	code = set_up_ring(u);
	if (code) {
		close(u->event_fd);
		free(u);
		return refused(code, err);
	}
	code = check_operations(u, err);
	if (code) {
		uring_free(&u->base);
		return code;
	}
	char text[160];
	uring_describe(&u->base, text, sizeof(text));
	sl_log_info("engine: %s", text);
	*out = &u->base;
	return 0;
}
