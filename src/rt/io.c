/*
 * An operation's way above the seam: the check for cancellation, a slot, the engine, parking until
 * it has come back, and the counters. What the engine does not carry is called in the blocking
 * pool.
 *
 * Rules: an operation that the engine has is waited for (await), so no memory of the caller's is
 * freed under the kernel; never more operations are out than the engine has slots, so its
 * completion queue cannot overflow; what gives a descriptor back never waits for a slot.
 */
#include "sluice/rt/io.h"

#include "runtime_int.h"

#include "sluice/rt/offload.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* TCP_CLOSE of <netinet/tcp.h>, whose tcp_info is older than the one of <linux/tcp.h> */
#define STATE_CLOSE 7

#define INTERRUPTIBLE 1u     /* a deadline or cancellation asks the engine to cancel it */
#define RESERVED 2u          /* it may take a slot of the reserve */
#define READ_FULL_MAX SL_MIB /* of one read, so that a task which is to stop does so */

static struct sl_engine *
engine_of(struct sl_rt *rt)
{
	return rt->engine;
}

static void
count_result(struct sl_rt *rt, const struct sl_op *op, uint64_t took_ns)
{
	unsigned row = sl_stats_row(op);
	sl_histogram_add(&rt->stats.op[row], took_ns);
	if (op->result < 0)
		rt->stats.op_failed[row]++;
	else if (sl_op_family(op->kind) == SL_FAMILY_TRANSFER)
		rt->stats.op_bytes[row] += (uint64_t)op->result;
}

static void
count(struct sl_rt *rt, const struct sl_op *op)
{
	count_result(rt, op, sl_now() - op->submitted_ns);
}

static void
submit(struct sl_rt *rt, struct sl_op *op)
{
	op->owner = sl_task_self();
	op->state = SL_OP_IDLE;
	op->submitted_ns = sl_now();
	engine_of(rt)->methods->submit(engine_of(rt), op);
}

/* -ETIMEDOUT is a deadline's code, and means that the connection lives. The kernel gives it for one
 * that it has given up. */
static int
without_kernel_timeout(const struct sl_op *op)
{
	bool transfers = op->kind == SL_OP_SEND || op->kind == SL_OP_RECV;
	return transfers && op->result == -ETIMEDOUT ? -ECONNRESET : op->result;
}

/*
 * Park until the operation has come back. Once it was asked to cancel, nothing but the completion
 * ends the wait, because until then memory of this task belongs to the kernel.
 */
SL_SUSPENDS
static int
await(struct sl_rt *rt, struct sl_op *op, uint64_t deadline_ns, unsigned flags)
{
	int code = 0;
	while (op->state != SL_OP_DONE) {
		bool must_wait = code != 0 || !(flags & INTERRUPTIBLE);
		enum sl_wake wake = sl_task_park(sl_op_kind_name(op->kind),
			must_wait ? SL_FOREVER : deadline_ns,
			must_wait ? SL_PARK_UNINTERRUPTIBLE : 0);
		if (wake == SL_WAKE_READY || op->state == SL_OP_DONE)
			continue;
		code = sl_task_wake_code(wake);
		engine_of(rt)->methods->cancel(engine_of(rt), op);
	}
	if (op->result == SL_OP_NOT_CARRIED)
		return code ? code : op->result;
	count(rt, op);
	if (!code)
		op->result = without_kernel_timeout(op);
	return code && op->result == -ECANCELED ? code : op->result;
}

/* ---- operations in a blocking pool ---- */

/* Its turn has come, by the result of the one it comes after. */
static bool
is_due(const struct sl_op *op)
{
	if (!op->after)
		return true;
	if (op->after_absent)
		return op->after->result == -ENOENT;
	return op->after->result >= 0 &&
	       (!op->after_regular || S_ISREG(op->after->statx->stx_mode));
}

/* False if the operation is not to be run: its result is -ECANCELED then. */
static bool
is_to_run(struct sl_op *op)
{
	op->took_ns = 0;
	op->result = -ECANCELED;
	if (!op->after)
		return true;
	if (op->fd == SL_FD_OF_AFTER)
		op->fd = op->after->result;
	if (sl_op_has_path(op->kind) && op->dir_fd == SL_FD_OF_AFTER)
		op->dir_fd = op->after->result;
	return is_due(op);
}

/* On a thread of a blocking pool. */
static bool
run_one(struct sl_engine *engine, struct sl_op *op)
{
	if (!is_to_run(op))
		return false;
	uint64_t before = engine->methods->now(engine);
	op->result = engine->methods->run_blocking(engine, op);
	op->took_ns = engine->methods->now(engine) - before;
	return true;
}

/*
 * Copies on the heap of operations, with all that they point at and descriptors of their own: they
 * may go on when their caller has given up, closed its descriptors and returned.
 */
struct owned_op {
	struct sl_op op;
	struct {
		int of, copy; /* the caller's descriptor and ours, to be closed; -1 = none */
	} fds[2];
	bool was_run;
	struct statx statx;
};

struct owned {
	struct sl_engine *engine;
	size_t count;
	char *paths;
	struct owned_op ops[];
};

static int
run_owned(void *arg)
{
	struct owned *owned = arg;
	for (size_t i = 0; i < owned->count; i++)
		owned->ops[i].was_run = run_one(owned->engine, &owned->ops[i].op);
	return 0;
}

static void
close_by_call(struct sl_engine *engine, int fd)
{
	struct sl_op op = { .kind = SL_OP_CLOSE, .fd = fd };
	if (fd >= 0)
		(void)engine->methods->run_blocking(engine, &op);
}

static void
free_owned(void *arg)
{
	struct owned *owned = arg;
	for (size_t i = 0; i < owned->count; i++) {
		struct owned_op *own = &owned->ops[i];
		/* Opened after its caller had gone. */
		if (own->was_run && own->op.kind == SL_OP_OPEN)
			close_by_call(owned->engine, own->op.result);
		close_by_call(owned->engine, own->fds[0].copy);
		close_by_call(owned->engine, own->fds[1].copy);
	}
	free(owned);
}

/* Kinds whose buffers are the caller's own, and those that make no sense elsewhere, are waited
 * for. */
static bool
can_be_owned(const struct sl_op *op)
{
	switch (sl_op_family(op->kind)) {
	case SL_FAMILY_PLAIN:
		return op->kind != SL_OP_CLOSE;
	case SL_FAMILY_EXTENT:
	case SL_FAMILY_TIME:
	case SL_FAMILY_OWNER:
	case SL_FAMILY_OPEN:
	case SL_FAMILY_NAME:
	case SL_FAMILY_TWO_NAMES:
	case SL_FAMILY_STAT:
		return true;
	case SL_FAMILY_SOCKET:
	case SL_FAMILY_CONNECT:
	case SL_FAMILY_ACCEPT:
	case SL_FAMILY_TRANSFER:
	case SL_FAMILY_CALL:
		break;
	}
	return false;
}

/* The copy that an operation has of this descriptor already, or -1. */
static int
find_copy(const struct owned *owned, int fd)
{
	for (size_t i = 0; i < owned->count; i++)
		for (size_t k = 0; k < 2; k++)
			if (owned->ops[i].fds[k].of == fd)
				return owned->ops[i].fds[k].copy;
	return -1;
}

/* True with a copy in *fd; -1, AT_FDCWD and SL_FD_OF_AFTER need none. */
static bool
own_descriptor(struct owned *owned, struct owned_op *own, unsigned index, int *fd)
{
	if (*fd < 0)
		return true;
	int copy = find_copy(owned, *fd);
	if (copy < 0) {
		copy = owned->engine->methods->duplicate(owned->engine, *fd);
		if (copy < 0)
			return false;
		own->fds[index].of = *fd;
		own->fds[index].copy = copy;
	}
	*fd = copy;
	return true;
}

static const char *
own_path(struct owned *owned, const char *path)
{
	char *copy = owned->paths;
	size_t len = strlen(path) + 1;
	memcpy(copy, path, len);
	owned->paths += len;
	return copy;
}

static bool
own_one(struct owned *owned, struct owned_op *own)
{
	struct sl_op *op = &own->op;
	if (!sl_op_has_path(op->kind))
		return op->kind == SL_OP_NOP || own_descriptor(owned, own, 0, &op->fd);
	op->path = own_path(owned, op->path);
	if (op->kind == SL_OP_STAT)
		op->statx = &own->statx;
	if (sl_op_family(op->kind) == SL_FAMILY_TWO_NAMES) {
		op->path2 = own_path(owned, op->path2);
		if (!own_descriptor(owned, own, 1, &op->dir_fd2))
			return false;
	}
	return own_descriptor(owned, own, 0, &op->dir_fd);
}

/* What a copy needs behind itself for its paths. */
static size_t
path_bytes(const struct sl_op *op)
{
	size_t len = sl_op_has_path(op->kind) ? strlen(op->path) + 1 : 0;
	if (sl_op_family(op->kind) == SL_FAMILY_TWO_NAMES)
		len += strlen(op->path2) + 1;
	return len;
}

/* NULL if they cannot be copied: they must be waited for then. */
static struct owned *
own(struct sl_engine *engine, const struct sl_op *ops, size_t op_count)
{
	size_t len = sizeof(struct owned) + op_count * sizeof(struct owned_op);
	size_t head = len;
	for (size_t i = 0; i < op_count; i++) {
		if (!can_be_owned(&ops[i]))
			return NULL;
		len += path_bytes(&ops[i]);
	}
	struct owned *owned = calloc(1, len);
	if (!owned)
		return NULL;
	owned->engine = engine;
	owned->count = op_count;
	owned->paths = (char *)owned + head;
	for (size_t i = 0; i < op_count; i++) {
		struct owned_op *own = &owned->ops[i];
		own->op = ops[i];
		own->fds[0].of = own->fds[0].copy = own->fds[1].of = own->fds[1].copy = -1;
		if (ops[i].after)
			own->op.after = &owned->ops[ops[i].after - ops].op;
	}
	bool good = true;
	for (size_t i = 0; i < op_count && good; i++)
		good = own_one(owned, &owned->ops[i]);
	if (good)
		return owned;
	free_owned(owned);
	return NULL;
}

/* The results become the caller's, and what was opened. */
static void
disown(struct owned *owned, struct sl_op *ops)
{
	for (size_t i = 0; i < owned->count; i++) {
		struct owned_op *own = &owned->ops[i];
		ops[i].result = own->op.result;
		ops[i].took_ns = own->op.took_ns;
		if (ops[i].kind == SL_OP_STAT)
			*ops[i].statx = own->statx;
		own->was_run = false;
	}
	free_owned(owned);
}

/*
 * In a blocking pool, until `deadline_ns` or those in force: then the call is abandoned. False if
 * that cannot be done here: they cannot be copied, or no thread can be started. Else *code is 0 or
 * why it was abandoned.
 */
SL_SUSPENDS
static bool
run_abandonable(struct sl_rt *rt, enum sl_blocking_pool pool, struct sl_op *ops, size_t op_count,
	uint64_t deadline_ns, int *code)
{
	struct owned *owned = own(engine_of(rt), ops, op_count);
	bool abandoned = false;
	if (!owned)
		return false;
	*code = sl_blocking_run(pool, run_owned, owned, free_owned, deadline_ns, &abandoned);
	if (!abandoned)
		disown(owned, ops);
	return !abandoned || *code != -EAGAIN;
}

static int
blocking_thunk(void *arg)
{
	struct sl_op *op = arg;
	struct sl_engine *engine = op->owner;
	return engine->methods->run_blocking(engine, op);
}

/* What the engine does not carry. */
SL_SUSPENDS
static int
run_on_pool(struct sl_rt *rt, struct sl_op *op, uint64_t deadline_ns)
{
	int code = 0;
	op->submitted_ns = sl_now();
	if (run_abandonable(rt, SL_BLOCKING_FILES, op, 1, deadline_ns, &code)) {
		op->result = code ? code : op->result;
	} else {
		op->submitted_ns = sl_now();
		op->owner = engine_of(rt);
		op->result = sl_blocking_wait(blocking_thunk, op);
	}
	count(rt, op);
	return op->result;
}

/* ---- operations that the engine carries ---- */

static bool
run_now(struct sl_rt *rt, struct sl_op *op)
{
	struct sl_engine *engine = engine_of(rt);
	if (!engine->methods->run_now || !engine->methods->run_now(engine, op))
		return false;
	count(rt, op);
	op->result = without_kernel_timeout(op);
	return true;
}

/* Close and the reader of signals have slots of their own. */
void
io_init(struct sl_rt *rt)
{
	unsigned slots = engine_of(rt)->slots;
	unsigned reserve = SL_MAX(slots / 16, 2u), files = SL_MAX(slots / 4, 4u);
	sl_assert(slots >= reserve + files + 1);
	sl_semaphore_init(&rt->slots[IO_SHARE_RESERVE], "operation slot", reserve);
	sl_semaphore_init(&rt->slots[IO_SHARE_FILES], "operation slot", files);
	sl_semaphore_init(&rt->slots[IO_SHARE_PEERS], "operation slot", slots - reserve - files);
	sl_semaphore_init(&rt->slow, "turn of a slow operation", SL_IO_SLOW_OPS);
	sl_semaphore_init(&rt->removals, "turn of a removal", SL_IO_REMOVALS);
}

static enum io_share
share_of(const struct sl_op *op)
{
	switch (op->kind) {
	case SL_OP_CONNECT:
	case SL_OP_ACCEPT:
	case SL_OP_SEND:
	case SL_OP_RECV:
	case SL_OP_POLL:
		return IO_SHARE_PEERS;
	case SL_OP_READ:
	case SL_OP_WRITE:
		return sl_op_is_stream(op) ? IO_SHARE_PEERS : IO_SHARE_FILES;
	case SL_OP_NOP:
	case SL_OP_SOCKET:
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
	case SL_OP_HAS_WRITER:
	case SL_OP_CALL:
	case SL_OP_KINDS:
		break;
	}
	return IO_SHARE_FILES;
}

SL_SUSPENDS
static int
run_in_slot(struct sl_rt *rt, struct sl_semaphore *slots, struct sl_op *op, uint64_t deadline_ns,
	unsigned flags)
{
	submit(rt, op);
	int result = await(rt, op, deadline_ns, flags);
	sl_semaphore_give(slots);
	return result;
}

SL_SUSPENDS
static int
run(struct sl_op *op, uint64_t deadline_ns, unsigned flags)
{
	struct sl_rt *rt = sl_task_self()->rt;
	int code = task_check();
	if (code)
		return code;
	if (run_now(rt, op))
		return op->result;
	if (!engine_of(rt)->methods->carries(engine_of(rt), op))
		return run_on_pool(rt, op, deadline_ns);
	struct sl_semaphore *slots = &rt->slots[IO_SHARE_RESERVE];
	if (!(flags & RESERVED) || !sl_semaphore_try_take(slots)) {
		slots = &rt->slots[share_of(op)];
		code = sl_semaphore_take(slots, deadline_ns);
		if (code)
			return code;
	}
	int result = run_in_slot(rt, slots, op, deadline_ns, flags);
	return result == SL_OP_NOT_CARRIED ? run_on_pool(rt, op, deadline_ns) : result;
}

/* Those of one sort take turns, so that quick ones always find a worker of the kernel. */
SL_SUSPENDS
static int
run_in_turn(struct sl_semaphore *turn, struct sl_op *op)
{
	int code = sl_semaphore_take(turn, SL_FOREVER);
	if (code)
		return code;
	int result = run(op, SL_FOREVER, 0);
	sl_semaphore_give(turn);
	return result;
}

SL_SUSPENDS
static int
run_slow(struct sl_op *op)
{
	return run_in_turn(&sl_task_self()->rt->slow, op);
}

/* ---- sockets and pipes ---- */

int
sl_io_socket(int domain, int type, int protocol)
{
	struct sl_op op = {
		.kind = SL_OP_SOCKET, .domain = domain, .type = type, .protocol = protocol
	};
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_connect(int fd, const struct sockaddr *address, socklen_t len, uint64_t deadline_ns)
{
	struct sl_op op = {
		.kind = SL_OP_CONNECT, .fd = fd, .address = address, .address_len = len
	};
	return run(&op, deadline_ns, INTERRUPTIBLE);
}

int
sl_io_accept(int fd, struct sockaddr_storage *peer, socklen_t *peer_len, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_ACCEPT,
		.fd = fd,
		.peer = (struct sockaddr *)peer,
		.peer_len = peer_len };
	return run(&op, deadline_ns, INTERRUPTIBLE);
}

int
sl_io_set_option(int fd, int level, int name, int value)
{
	struct sl_engine *engine = engine_of(sl_rt_current());
	return engine->methods->set_option(engine, fd, level, name, &value, sizeof(value));
}

static bool
get_tcp_info(int fd, struct tcp_info *info, size_t least)
{
	struct sl_engine *engine = engine_of(sl_rt_current());
	socklen_t len = sizeof(*info);
	return engine->methods->get_option(engine, fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0 &&
	       len >= least;
}

uint64_t
sl_io_round_trip_ns(int fd)
{
	struct tcp_info info = { 0 };
	const size_t least = offsetof(struct tcp_info, tcpi_min_rtt) + sizeof(info.tcpi_min_rtt);
	return get_tcp_info(fd, &info, least) ? info.tcpi_min_rtt * SL_NS_PER_US : UINT64_MAX;
}

/*
 * The reset itself may be gone: a receive for the whole (MSG_WAITALL) that has bytes already when
 * the other side resets the connection returns the bytes, and the kernel forgets the reset (seen
 * with 6.18). But an orderly end is a FIN, which takes a place in the sequence behind the last byte
 * and is counted in tcpi_bytes_received. Unlike SO_ERROR that is not taken away by asking, and what
 * we did to our own half does not change it. Other sockets than TCP have no such count, and
 * lose no reset.
 */
bool
sl_io_was_reset(int fd, uint64_t received)
{
	struct tcp_info info = { 0 };
	const size_t least =
		offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received);
	return get_tcp_info(fd, &info, least) && info.tcpi_state == STATE_CLOSE &&
	       info.tcpi_bytes_received == received;
}

/* The engine reads only; the cast is the price of one field for both directions. */
static void *
unconst(const void *data)
{
	union {
		const void *in;
		void *out;
	} both = { .in = data };
	return both.out;
}

int
sl_io_send(int fd, const void *data, size_t len, int flags, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_SEND,
		.fd = fd,
		.data = unconst(data),
		.len = len,
		.flags = (uint32_t)flags };
	return run(&op, deadline_ns, INTERRUPTIBLE);
}

int
sl_io_send_all(int fd, const void *data, size_t len, uint64_t deadline_ns)
{
	const char *rest = data;
	while (len > 0) {
		int sent = sl_io_send(fd, rest, SL_MIN(len, (size_t)1 << 30), 0, deadline_ns);
		if (sent == -EINTR || sent == -EAGAIN)
			continue;
		if (sent < 0)
			return sent;
		if (sent == 0)
			return -EPIPE;
		rest += sent;
		len -= (size_t)sent;
	}
	return 0;
}

int
sl_io_recv(int fd, void *data, size_t len, int flags, uint64_t deadline_ns)
{
	struct sl_op op = {
		.kind = SL_OP_RECV, .fd = fd, .data = data, .len = len, .flags = (uint32_t)flags
	};
	return run(&op, deadline_ns, INTERRUPTIBLE);
}

int
sl_io_read_stream(int fd, void *data, size_t len, uint64_t deadline_ns)
{
	struct sl_op op = {
		.kind = SL_OP_READ, .fd = fd, .data = data, .len = len, .off = SL_OFF_CURRENT
	};
	op.may_block = isatty(fd);
	return run(&op, deadline_ns, INTERRUPTIBLE);
}

int
sl_io_write_stream(int fd, const void *data, size_t len, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_WRITE,
		.fd = fd,
		.data = unconst(data),
		.len = len,
		.off = SL_OFF_CURRENT,
		.may_block = isatty(fd) };
	return run(&op, deadline_ns, INTERRUPTIBLE);
}

int
io_poll_reserved(int fd, uint32_t events)
{
	struct sl_op op = { .kind = SL_OP_POLL, .fd = fd, .flags = events };
	return run(&op, SL_FOREVER, INTERRUPTIBLE | RESERVED);
}

int
sl_io_poll(int fd, uint32_t events, uint64_t deadline_ns)
{
	struct sl_op op = { .kind = SL_OP_POLL, .fd = fd, .flags = events };
	return run(&op, deadline_ns, INTERRUPTIBLE);
}

/* ---- files ---- */

int
sl_io_read(int fd, void *data, size_t len, uint64_t off, uint32_t rw_flags)
{
	struct sl_op op = { .kind = SL_OP_READ,
		.fd = fd,
		.data = data,
		.len = len,
		.off = off,
		.flags = rw_flags };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_read_full(int fd, void *data, size_t len, uint64_t off)
{
	size_t done = 0;
	for (int got = 1; done < len && got > 0;) {
		got = sl_io_read(fd, (char *)data + done, SL_MIN(len - done, (size_t)READ_FULL_MAX),
			off + done, 0);
		if (got == -EINTR || got == -EAGAIN)
			got = 1;
		else if (got < 0)
			return got;
		else
			done += (size_t)got;
	}
	return (int)done;
}

int
sl_io_write(int fd, const void *data, size_t len, uint64_t off)
{
	struct sl_op op = {
		.kind = SL_OP_WRITE, .fd = fd, .data = unconst(data), .len = len, .off = off
	};
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_write_all(int fd, const void *data, size_t len, uint64_t off)
{
	const char *rest = data;
	while (len > 0) {
		int written = sl_io_write(fd, rest, len, off);
		if (written == -EINTR || written == -EAGAIN)
			continue;
		if (written < 0)
			return written;
		if (written == 0)
			return -EIO; /* no progress and no reason: not to be spun on */
		rest += written;
		off += (uint64_t)written;
		len -= (size_t)written;
	}
	return 0;
}

int
sl_io_open(int dir_fd, const char *path, int flags, uint32_t mode, uint64_t resolve)
{
	struct sl_op op = { .kind = SL_OP_OPEN,
		.dir_fd = dir_fd,
		.path = path,
		.flags = (uint32_t)flags,
		.mode = mode,
		.resolve = resolve };
	return run(&op, SL_FOREVER, 0);
}

/* Where all slots are taken the call is made here and now: it may block for a moment, but a
 * descriptor that cannot be closed would keep others waiting without end. */
int
sl_io_close(int fd)
{
	if (fd < 0)
		return 0;
	struct sl_rt *rt = sl_task_self()->rt;
	struct sl_engine *engine = engine_of(rt);
	struct sl_op op = { .kind = SL_OP_CLOSE, .fd = fd };
	struct sl_semaphore *slots = &rt->slots[IO_SHARE_RESERVE];
	int result = SL_OP_NOT_CARRIED;
	if (!sl_semaphore_try_take(slots)) {
		slots = &rt->slots[IO_SHARE_FILES];
		if (!sl_semaphore_try_take(slots))
			slots = NULL;
	}
	if (slots)
		result = run_in_slot(rt, slots, &op, SL_FOREVER, 0);
	if (result == SL_OP_NOT_CARRIED) {
		op.submitted_ns = sl_now();
		result = op.result = engine->methods->run_blocking(engine, &op);
		count(rt, &op);
	}
	return result;
}

int
sl_io_allocate(int fd, uint64_t off, uint64_t length)
{
	struct sl_op op = { .kind = SL_OP_ALLOCATE, .fd = fd, .off = off, .length = length };
	return run_slow(&op);
}

int
sl_io_sync(int fd, uint32_t flags)
{
	struct sl_op op = { .kind = SL_OP_SYNC, .fd = fd, .flags = flags };
	return run_slow(&op);
}

int
sl_io_sync_fs(int fd)
{
	struct sl_op op = { .kind = SL_OP_SYNC_FS, .fd = fd };
	return run_slow(&op);
}

int
sl_io_rename(int dir_fd, const char *path, int dir_fd2, const char *path2, uint32_t flags)
{
	struct sl_op op = { .kind = SL_OP_RENAME,
		.dir_fd = dir_fd,
		.path = path,
		.dir_fd2 = dir_fd2,
		.path2 = path2,
		.flags = flags };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_link(int dir_fd, const char *path, int dir_fd2, const char *path2)
{
	struct sl_op op = { .kind = SL_OP_LINK,
		.dir_fd = dir_fd,
		.path = path,
		.dir_fd2 = dir_fd2,
		.path2 = path2 };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_unlink(int dir_fd, const char *path, int flags)
{
	struct sl_op op = {
		.kind = SL_OP_UNLINK, .dir_fd = dir_fd, .path = path, .flags = (uint32_t)flags
	};
	return run_in_turn(&sl_task_self()->rt->removals, &op);
}

int
sl_io_mkdir(int dir_fd, const char *path, uint32_t mode)
{
	struct sl_op op = { .kind = SL_OP_MKDIR, .dir_fd = dir_fd, .path = path, .mode = mode };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_stat(int dir_fd, const char *path, int flags, uint32_t mask, struct statx *out)
{
	struct sl_op op = { .kind = SL_OP_STAT,
		.dir_fd = dir_fd,
		.path = path,
		.flags = (uint32_t)flags,
		.mask = mask,
		.statx = out };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_truncate(int fd, uint64_t length)
{
	struct sl_op op = { .kind = SL_OP_TRUNCATE, .fd = fd, .length = length };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_lock(int fd)
{
	struct sl_op op = { .kind = SL_OP_LOCK, .fd = fd };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_set_mode(int fd, uint32_t mode)
{
	struct sl_op op = { .kind = SL_OP_SET_MODE, .fd = fd, .mode = mode };
	return run(&op, SL_FOREVER, 0);
}

int
sl_io_set_time(int fd, uint64_t time_ns)
{
	struct sl_op op = { .kind = SL_OP_SET_TIME, .fd = fd, .time_ns = time_ns };
	return run(&op, SL_FOREVER, 0);
}

/* ---- batches ---- */

struct batch {
	struct sl_engine *engine;
	struct sl_op *ops;
	size_t count;
};

static int
run_batch(void *arg)
{
	struct batch *batch = arg;
	for (size_t i = 0; i < batch->count; i++)
		(void)run_one(batch->engine, &batch->ops[i]);
	return 0;
}

static void
count_batch(struct sl_rt *rt, const struct sl_op *ops, size_t op_count)
{
	for (size_t i = 0; i < op_count; i++)
		if (is_due(&ops[i]))
			count_result(rt, &ops[i], ops[i].took_ns);
}

int
sl_io_batch(struct sl_op *ops, size_t op_count)
{
	struct sl_rt *rt = sl_task_self()->rt;
	int code = task_check();
	if (code || op_count == 0)
		return code;
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	struct batch batch = { engine_of(rt), ops, op_count };
	code = sl_blocking_wait(run_batch, &batch);
	count_batch(rt, ops, op_count);
	sl_shield_end(&shield);
	return code;
}

int
sl_io_batch_abandonable(struct sl_op *ops, size_t op_count)
{
	struct sl_rt *rt = sl_task_self()->rt;
	int code = task_check();
	if (code || op_count == 0)
		return code;
	if (!run_abandonable(rt, SL_BLOCKING_DIRECTORIES, ops, op_count, SL_FOREVER, &code))
		return sl_io_batch(ops, op_count);
	if (!code)
		count_batch(rt, ops, op_count);
	return code;
}

bool
sl_io_is_same_inode(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}
