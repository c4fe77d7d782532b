/*
 * io_blocking.c - operations that the engine does not carry, and batches, in a blocking pool.
 */
#include "io_int.h"

#include "sluice/rt/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* The descriptor that an operation gives those after it: what it has opened, else its own. */
static int
fd_of(const struct sl_op *op)
{
	if (op->kind == SL_OP_OPEN)
		return op->result;
	return sl_op_has_path(op->kind) ? op->dir_fd : op->fd;
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
		op->fd = fd_of(op->after);
	if (sl_op_has_path(op->kind) && op->dir_fd == SL_FD_OF_AFTER)
		op->dir_fd = fd_of(op->after);
	return is_due(op) && (!op->is_due || op->is_due(op));
}

/* On a thread of a blocking pool. *begun_ns is the time, and then that after the call. */
static bool
run_one(struct sl_engine *engine, struct sl_op *op, uint64_t *begun_ns)
{
	if (!is_to_run(op))
		return false;
	op->result = engine->methods->run_blocking(engine, op);
	uint64_t ended_ns = engine->methods->now(engine);
	op->took_ns = ended_ns - *begun_ns;
	*begun_ns = ended_ns;
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
	uint64_t now_ns = owned->engine->methods->now(owned->engine);
	for (size_t i = 0; i < owned->count; i++)
		owned->ops[i].was_run = run_one(owned->engine, &owned->ops[i].op, &now_ns);
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
		if (!can_be_owned(&ops[i]) || ops[i].is_due)
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
	struct owned *owned = own(rt->engine, ops, op_count);
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

int
io_run_on_pool(struct sl_rt *rt, struct sl_op *op, uint64_t deadline_ns)
{
	int code = 0;
	op->submitted_ns = sl_now();
	if (run_abandonable(rt, SL_BLOCKING_FILES, op, 1, deadline_ns, &code)) {
		op->result = code ? code : op->result;
	} else {
		op->submitted_ns = sl_now();
		op->owner = rt->engine;
		op->result = sl_blocking_wait(blocking_thunk, op);
	}
	sl_stats_count(&rt->stats, op, sl_now() - op->submitted_ns);
	return op->result;
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
	uint64_t now_ns = batch->engine->methods->now(batch->engine);
	for (size_t i = 0; i < batch->count; i++)
		(void)run_one(batch->engine, &batch->ops[i], &now_ns);
	return 0;
}

static void
count_batch(struct sl_rt *rt, const struct sl_op *ops, size_t op_count)
{
	for (size_t i = 0; i < op_count; i++)
		if (is_due(&ops[i]) && (!ops[i].is_due || ops[i].result != -ECANCELED))
			sl_stats_count(&rt->stats, &ops[i], ops[i].took_ns);
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
	struct batch batch = { rt->engine, ops, op_count };
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

int
sl_io_open_input(const char *path)
{
	struct sl_op op = {
		.kind = SL_OP_OPEN, .dir_fd = AT_FDCWD, .path = path, .flags = O_RDONLY | O_NOCTTY
	};
	int code = sl_io_batch_abandonable(&op, 1);
	return code ? code : op.result;
}
