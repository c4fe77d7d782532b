#include "sluice/rt/io.h"

#include "runtime_int.h"

#include "sluice/rt/offload.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

/* TCP_CLOSE of <netinet/tcp.h>, whose tcp_info is older than the one of <linux/tcp.h> */
#define STATE_CLOSE 7

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
	if (op->result == SL_OP_NOT_CARRIED)
		return code ? code : op->result;
	count(rt, op);
	if (!code)
		op->result = judge_timeout(op);
	return code && op->result == -ECANCELED ? code : op->result;
}

static int
blocking_thunk(void *arg)
{
	struct sl_op *op = arg;
	struct sl_engine *engine = op->owner;
	return engine->methods->run_blocking(engine, op);
}

SL_SUSPENDS
static int
run_elsewhere(struct sl_rt *rt, struct sl_op *op)
{
	op->submitted_ns = sl_now();
	op->owner = engine_of(rt);
	op->result = sl_blocking_wait(blocking_thunk, op);
	count(rt, op);
	return op->result;
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
	if (!engine_of(rt)->methods->carries(engine_of(rt), op))
		return run_elsewhere(rt, op);
	code = sl_semaphore_take(&rt->slots, deadline_ns);
	if (code)
		return code;
	submit(rt, op);
	int result = await(rt, op, deadline_ns, flags);
	sl_semaphore_give(&rt->slots);
	return result == SL_OP_NOT_CARRIED ? run_elsewhere(rt, op) : result;
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

/*
 * The reset itself may be gone: a receive for the whole (MSG_WAITALL) that has bytes already when
 * the other side resets the connection returns the bytes, and the kernel forgets the reset (seen
 * with 6.18). But an orderly end is a FIN, which takes a place in the sequence behind the last byte
 * and is counted in tcpi_bytes_received. Unlike SO_ERROR that is not taken away by asking, and what
 * we did to our own half does not change it. Where there is no such count (no TCP) no reset can be
 * swallowed.
 */
bool
sl_io_was_reset(int fd, uint64_t received)
{
	struct sl_engine *engine = engine_of(sl_rt_current());
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	if (engine->methods->get_option(engine, fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return false;
	return len > offsetof(struct tcp_info, tcpi_bytes_received) &&
	       info.tcpi_state == STATE_CLOSE && info.tcpi_bytes_received == received;
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
	struct sl_engine *engine;
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
	if (sl_op_has_path(op->kind) && op->dir_fd == SL_FD_OF_AFTER)
		op->dir_fd = op->after->result;
	return is_due(op);
}

/* On a thread of the blocking pool. */
static int
run_batch(void *arg)
{
	struct batch *batch = arg;
	struct sl_engine *engine = batch->engine;
	for (size_t i = 0; i < batch->count; i++) {
		struct sl_op *op = &batch->ops[i];
		if (!is_to_run(op))
			continue;
		uint64_t before = engine->methods->now(engine);
		op->result = engine->methods->run_blocking(engine, op);
		op->took_ns = engine->methods->now(engine) - before;
	}
	return 0;
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
	for (size_t i = 0; i < op_count; i++)
		if (is_due(&ops[i]))
			count_result(rt, &ops[i], ops[i].took_ns);
	sl_shield_end(&shield);
	return code;
}
