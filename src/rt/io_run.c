/*
 * An operation's way above the seam: the check for cancellation, a slot, the engine, parking until
 * it has come back, and the counters. What the engine does not carry is called in the blocking
 * pool.
 *
 * Rules: an operation that the engine has is waited for (await), so no memory of the caller's is
 * freed under the kernel; never more operations are out than the engine has slots, so its
 * completion queue cannot overflow; what gives a descriptor back never waits for a slot.
 */
#include "io_int.h"

#include <errno.h>

static void
submit(struct sl_rt *rt, struct sl_op *op)
{
	op->owner = sl_task_self();
	op->state = SL_OP_IDLE;
	op->submitted_ns = sl_now();
	rt->engine->methods->submit(rt->engine, op);
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
		bool must_wait = code != 0 || !(flags & IO_INTERRUPTIBLE);
		enum sl_wake wake = sl_task_park(sl_op_kind_name(op->kind),
			must_wait ? SL_FOREVER : deadline_ns,
			must_wait ? SL_PARK_UNINTERRUPTIBLE : 0);
		if (wake == SL_WAKE_READY || op->state == SL_OP_DONE)
			continue;
		code = sl_task_wake_code(wake);
		rt->engine->methods->cancel(rt->engine, op);
	}
	if (op->result == SL_OP_NOT_CARRIED)
		return code ? code : op->result;
	sl_stats_count(&rt->stats, op, sl_now() - op->submitted_ns);
	if (!code)
		op->result = without_kernel_timeout(op);
	return code && op->result == -ECANCELED ? code : op->result;
}

static bool
run_now(struct sl_rt *rt, struct sl_op *op)
{
	struct sl_engine *engine = rt->engine;
	if (!engine->methods->run_now || !engine->methods->run_now(engine, op))
		return false;
	sl_stats_count(&rt->stats, op, sl_now() - op->submitted_ns);
	op->result = without_kernel_timeout(op);
	return true;
}

/* Close and the reader of signals have slots of their own. */
void
io_init(struct sl_rt *rt)
{
	unsigned slots = rt->engine->slots;
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
	case SL_OP_LIST:
	case SL_OP_HAS_WRITER:
	case SL_OP_WIDEN_PIPE:
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

int
io_run(struct sl_op *op, uint64_t deadline_ns, unsigned flags)
{
	struct sl_rt *rt = sl_task_self()->rt;
	int code = task_check();
	if (code)
		return code;
	if (run_now(rt, op))
		return op->result;
	if (!rt->engine->methods->carries(rt->engine, op))
		return io_run_on_pool(rt, op, deadline_ns);
	struct sl_semaphore *slots = &rt->slots[IO_SHARE_RESERVE];
	if (!(flags & IO_RESERVED) || !sl_semaphore_try_take(slots)) {
		slots = &rt->slots[share_of(op)];
		code = sl_semaphore_take(slots, deadline_ns);
		if (code)
			return code;
	}
	int result = run_in_slot(rt, slots, op, deadline_ns, flags);
	return result == SL_OP_NOT_CARRIED ? io_run_on_pool(rt, op, deadline_ns) : result;
}

int
io_run_in_turn(struct sl_semaphore *turn, struct sl_op *op)
{
	int code = sl_semaphore_take(turn, SL_FOREVER);
	if (code)
		return code;
	int result = io_run(op, SL_FOREVER, 0);
	sl_semaphore_give(turn);
	return result;
}

int
io_run_slow(struct sl_op *op)
{
	return io_run_in_turn(&sl_task_self()->rt->slow, op);
}

/* Where all slots are taken the call is made here and now: it may block for a moment, but a
 * descriptor that cannot be closed would keep others waiting without end. */
int
sl_io_close(int fd)
{
	if (fd < 0)
		return 0;
	struct sl_rt *rt = sl_task_self()->rt;
	struct sl_engine *engine = rt->engine;
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
		sl_stats_count(&rt->stats, &op, sl_now() - op.submitted_ns);
	}
	return result;
}
