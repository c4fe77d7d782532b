#include "sluice/rt/io.h"

#include "runtime_int.h"

#include "sluice/base/clock.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <unistd.h>

#define INTERRUPTIBLE 1u /* a deadline or cancellation asks the engine to cancel it */

static struct sl_engine *
engine_of(struct sl_rt *rt)
{
	return rt->engine;
}

static void
count_result(struct sl_rt *rt, const struct sl_op *op, uint64_t took_ns)
{
	sl_histogram_add(&rt->stats.op[op->kind], took_ns);
	bool moves = op->kind == SL_OP_SEND || op->kind == SL_OP_RECV || op->kind == SL_OP_READ ||
		     op->kind == SL_OP_WRITE;
	if (op->result < 0)
		rt->stats.op_failed[op->kind]++;
	else if (moves)
		rt->stats.op_bytes[op->kind] += (uint64_t)op->result;
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

/* -ETIMEDOUT is a deadline's word, and says that the connection lives. The kernel says it of one
 * that it has given up. */
static int
judge_timeout(const struct sl_op *op)
{
	bool transfers = op->kind == SL_OP_SEND || op->kind == SL_OP_RECV;
	return transfers && op->result == -ETIMEDOUT ? -ECONNRESET : op->result;
}

/*
 * Park until the operation has come back. Once it was asked to cancel, the task is deaf: nothing
 * but the completion ends the wait, because until then memory of this task belongs to the kernel.
 */
SL_SUSPENDS
static int
await(struct sl_rt *rt, struct sl_op *op, uint64_t deadline_ns, unsigned flags)
{
	int code = 0;
	while (op->state != SL_OP_DONE) {
		bool deaf = code != 0 || !(flags & INTERRUPTIBLE);
		enum sl_wake wake = sl_task_park(
			sl_op_kind_name(op->kind), deadline_ns, deaf ? SL_PARK_DEAF : 0);
		if (wake == SL_WAKE_READY || op->state == SL_OP_DONE)
			continue;
		code = sl_task_wake_code(wake);
		engine_of(rt)->methods->cancel(engine_of(rt), op);
	}
	count(rt, op);
	if (!code)
		op->result = judge_timeout(op);
	/* An interrupted wait in an io-wq worker reports -EINTR where a poll reports -ECANCELED. */
	if (code && (op->result == -ECANCELED || op->result == -EINTR))
		return code;
	return op->result;
}

static int
blocking_thunk(void *arg)
{
	return sl_op_run_blocking(arg);
}

SL_SUSPENDS
static int
run_elsewhere(struct sl_rt *rt, struct sl_op *op)
{
	op->submitted_ns = sl_now();
	op->result = sl_blocking_wait(blocking_thunk, op);
	count(rt, op);
	return op->result;
}

/* The kernel cancels what it cannot start a thread for, at the limit of processes. */
SL_SUSPENDS
static int
run_refused(struct sl_rt *rt, struct sl_op *op)
{
	bool needs_none = op->kind < SL_OP_READ || op->kind == SL_OP_POLL;
	return needs_none ? -EAGAIN : run_elsewhere(rt, op);
}

static bool
run_now(struct sl_rt *rt, struct sl_op *op)
{
	struct sl_engine *engine = engine_of(rt);
	if (!engine->methods->run_now || !engine->methods->run_now(engine, op))
		return false;
	count(rt, op);
	op->result = judge_timeout(op);
	return true;
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
	if (!engine_of(rt)->methods->carries(engine_of(rt), op->kind))
		return run_elsewhere(rt, op);
	code = sl_semaphore_take(&rt->slots, deadline_ns);
	if (code)
		return code;
	submit(rt, op);
	int result = await(rt, op, deadline_ns, flags);
	sl_semaphore_give(&rt->slots);
	return result == -ECANCELED && !op->cancelling ? run_refused(rt, op) : result;
}

/* Slow operations take turns, so that quick ones always find a worker of the kernel. */
SL_SUSPENDS
static int
run_slow(struct sl_op *op)
{
	struct sl_rt *rt = sl_task_self()->rt;
	int code = sl_semaphore_take(&rt->slow, SL_FOREVER);
	if (code)
		return code;
	int result = run(op, SL_FOREVER, 0);
	sl_semaphore_give(&rt->slow);
	return result;
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

void
sl_io_close(int fd)
{
	if (fd < 0)
		return;
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	struct sl_op op = { .kind = SL_OP_CLOSE, .fd = fd };
	(void)run(&op, SL_FOREVER, 0);
	sl_shield_end(&shield);
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
	return run_slow(&op);
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
	struct sl_op *ops;
	size_t count;
};

/* Its turn has come, by the result of the one it comes after. */
static bool
is_due(const struct sl_op *op)
{
	if (!op->after)
		return true;
	return op->after_absent ? op->after->result == -ENOENT : op->after->result >= 0;
}

/* False if the operation's turn does not come: its result says so. */
static bool
is_to_run(struct sl_op *op)
{
	op->took_ns = 0;
	op->result = -ECANCELED;
	if (!op->after)
		return true;
	if (op->fd == SL_FD_OF_AFTER)
		op->fd = op->after->result;
	if (op->dir_fd == SL_FD_OF_AFTER)
		op->dir_fd = op->after->result;
	return is_due(op);
}

static int
run_batch(void *arg)
{
	struct batch *batch = arg;
	for (size_t i = 0; i < batch->count; i++) {
		struct sl_op *op = &batch->ops[i];
		if (!is_to_run(op))
			continue;
		uint64_t before = sl_clock_monotonic_ns();
		op->result = sl_op_run_blocking(op);
		op->took_ns = sl_clock_monotonic_ns() - before;
	}
	return 0;
}

/* A simulated engine carries every operation itself, one after the other. */
SL_SUSPENDS
static void
run_simulated(struct sl_op *ops, size_t op_count)
{
	for (size_t i = 0; i < op_count; i++)
		if (is_to_run(&ops[i]))
			ops[i].result = run(&ops[i], SL_FOREVER, 0);
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
	if (engine_of(rt)->simulated) {
		run_simulated(ops, op_count);
	} else {
		struct batch batch = { ops, op_count };
		code = sl_blocking_wait(run_batch, &batch);
		for (size_t i = 0; i < op_count; i++)
			if (is_due(&ops[i]))
				count_result(rt, &ops[i], ops[i].took_ns);
	}
	sl_shield_end(&shield);
	return code;
}
