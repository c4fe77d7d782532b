/*
 * sim_fault.c - which operations fail, and how.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <errno.h>

static bool
is_in(uint64_t kinds, enum sl_op_kind kind)
{
	return kinds == 0 || (kinds >> kind & 1);
}

/* Codes that an operation of this kind may well give; the first is also that of a stream. */
static int
likely_fault(struct sim *sim, enum sl_op_kind kind)
{
	static const int codes[SL_OP_KINDS][4] = {
		[SL_OP_SOCKET] = { EMFILE, ENFILE, ENOBUFS, ENOMEM },
		[SL_OP_ACCEPT] = { ECONNABORTED, EMFILE, ENFILE, ENOBUFS },
		[SL_OP_CONNECT] = { ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH },
		[SL_OP_SEND] = { ECONNRESET, EPIPE, ECONNRESET, EPIPE },
		[SL_OP_RECV] = { ECONNRESET, ECONNRESET, ETIMEDOUT, EHOSTUNREACH },
		[SL_OP_READ] = { EIO, EIO, EIO, EIO },
		[SL_OP_WRITE] = { EIO, ENOSPC, EDQUOT, EFBIG },
		[SL_OP_POLL] = { ENOMEM, ENOMEM, ENOMEM, ENOMEM },
		[SL_OP_OPEN] = { EACCES, EMFILE, ENOSPC, EIO },
		[SL_OP_CLOSE] = { EIO, ENOSPC, EDQUOT, EIO },
		[SL_OP_ALLOCATE] = { ENOSPC, EDQUOT, EIO, EFBIG },
		[SL_OP_SYNC] = { EIO, ENOSPC, EDQUOT, EIO },
		[SL_OP_SYNC_FS] = { EIO, ENOSPC, EIO, EIO },
		[SL_OP_RENAME] = { EACCES, ENOSPC, EIO, EROFS },
		[SL_OP_LINK] = { EACCES, ENOSPC, EMLINK, EROFS },
		[SL_OP_UNLINK] = { EACCES, EIO, EROFS, EPERM },
		[SL_OP_MKDIR] = { EACCES, ENOSPC, EIO, EROFS },
		[SL_OP_STAT] = { EIO, EACCES, ENOMEM, EIO },
		[SL_OP_TRUNCATE] = { EIO, EIO, EFBIG, EIO },
		[SL_OP_LOCK] = { ENOLCK, ENOLCK, ENOLCK, ENOLCK },
		[SL_OP_SET_MODE] = { EPERM, EIO, EROFS, EPERM },
		[SL_OP_SET_TIME] = { EPERM, EIO, EROFS, EPERM },
		[SL_OP_FLUSH] = { EIO, ENOSPC, EDQUOT, EIO },
		[SL_OP_SET_OWNER] = { EPERM, EIO, EROFS, EIO },
		[SL_OP_GET_ACL] = { EIO, ERANGE, ENOMEM, EIO },
		[SL_OP_SET_ACL] = { EPERM, EOPNOTSUPP, ENOSPC, EIO },
		[SL_OP_GET_XATTR] = { EIO, ERANGE, ENOMEM, EACCES },
		[SL_OP_SET_XATTR] = { EPERM, EOPNOTSUPP, ENOSPC, EIO },
		[SL_OP_HAS_HOLE] = { EINVAL, EIO, EINVAL, EIO },
		[SL_OP_LIST] = { EIO, ENOENT, ENOMEM, EIO },
		[SL_OP_HAS_WRITER] = { EINVAL, EACCES, ENOMEM, ENOLCK },
		[SL_OP_WIDEN_PIPE] = { EBADF, EPERM, ENOMEM, EPERM },
	};
	return -codes[kind][sim_below(sim, 4)];
}

/* ---- faults ---- */

static void
note_fault(struct sim *sim, struct sim_job *job, int code)
{
	job->fault = code;
	sim->faults++;
	sim->failed_kinds |= 1ull << job->copy.kind;
	snprintf(sim->last_fault, sizeof(sim->last_fault), "#%llu %s%s%s%s gets %d (%s)",
		(unsigned long long)job->id, sl_op_kind_name(job->copy.kind), job->path ? " '" : "",
		job->path ? job->path : "", job->path ? "'" : "", code, strerror(-code));
}

static bool
is_transfer(const struct sl_op *op)
{
	bool moves = op->kind == SL_OP_READ || op->kind == SL_OP_WRITE || op->kind == SL_OP_RECV ||
		     op->kind == SL_OP_SEND;
	return moves && op->len > 1;
}

static void
choose_brief(struct sim *sim, struct sim_job *job)
{
	struct sim_fault_plan *plan = &sim->short_plan;
	const struct sl_op *op = &job->copy;
	if (plan->nth == 0 || !is_in(plan->kinds, op->kind) || !is_transfer(op) || --plan->nth > 0)
		return;
	job->brief = true;
	sim->faults++;
	snprintf(sim->last_fault, sizeof(sim->last_fault), "#%llu %s moves less than it could",
		(unsigned long long)job->id, sl_op_kind_name(op->kind));
}

void
sim_fault_choose(struct sim *sim, struct sim_job *job)
{
	/* What a call does can fail; that it is made cannot. */
	if (job->copy.kind == SL_OP_CALL)
		return;
	choose_brief(sim, job);
	struct sim_fault_plan *plan = &sim->plan;
	enum sl_op_kind kind = job->copy.kind;
	if (plan->nth > 0 && is_in(plan->kinds, kind)) {
		bool now = plan->nth == 1;
		if (!now || !plan->lasting)
			plan->nth--;
		int code = plan->code ? plan->code : likely_fault(sim, kind);
		if (now && code)
			note_fault(sim, job, code);
	}
	uint64_t kinds = sim->options.fault_kinds;
	if (!job->fault && is_in(kinds, kind) && sim_below(sim, 1000000) < sim->options.fault_ppm) {
		int code = likely_fault(sim, kind);
		if (code)
			note_fault(sim, job, code);
	}
}

bool
sim_hangs(const struct sim *sim, const struct sim_job *job)
{
	size_t len = strlen(sim->hangs_below);
	if (len == 0 || !job->path || strncmp(job->path, sim->hangs_below, len) != 0)
		return false;
	return job->path[len] == '\0' || job->path[len] == '/';
}

void
sim_traps_spring(struct sim *sim)
{
	if (sim->deed.left > 0 && --sim->deed.left == 0)
		sim->deed.fn(sim, sim->deed.ctx);
	for (size_t i = 0; i < SIM_TRAPS; i++)
		if (sim->traps[i].left > 0 && --sim->traps[i].left == 0) {
			sim_source_data(sim, sim->traps[i].fd, "!", 1);
			sim_source_end(sim, sim->traps[i].fd);
		}
}

void
sim_at(struct sim *sim, uint64_t nth, sim_deed *fn, void *ctx)
{
	sim->deed = (struct sim_deed_plan){ .left = nth, .fn = fn, .ctx = ctx };
}

void
sim_done_spring(struct sim *sim)
{
	if (sim->done_deed.left > 0 && --sim->done_deed.left == 0)
		sim->done_deed.fn(sim, sim->done_deed.ctx);
}

void
sim_at_done(struct sim *sim, uint64_t nth, sim_deed *fn, void *ctx)
{
	sim->done_deed = (struct sim_deed_plan){ .left = nth, .fn = fn, .ctx = ctx };
}

void
sim_short_nth(struct sim *sim, uint64_t nth, uint64_t kinds)
{
	sim->short_plan = (struct sim_fault_plan){ .nth = nth, .kinds = kinds };
}

static void
plan_fault(struct sim *sim, uint64_t nth, int code, uint64_t kinds, bool lasting)
{
	sl_assert(code <= 0);
	sim->plan = (struct sim_fault_plan){
		.nth = nth, .code = code, .kinds = kinds, .lasting = lasting
	};
}

void
sim_fail_nth(struct sim *sim, uint64_t nth, int code, uint64_t kinds)
{
	plan_fault(sim, nth, code, kinds, false);
}

void
sim_fail_from(struct sim *sim, uint64_t nth, int code, uint64_t kinds)
{
	plan_fault(sim, nth, code, kinds, true);
}

int
sim_trap(struct sim *sim, uint64_t nth)
{
	size_t i = 0;
	while (i < SIM_TRAPS && sim->traps[i].left != 0)
		i++;
	sl_assert(i < SIM_TRAPS);
	sim->traps[i] = (struct sim_trap){ .left = nth, .fd = sim_source(sim, -1) };
	return sim->traps[i].fd;
}

unsigned
sim_faults(const struct sim *sim)
{
	return sim->faults;
}

bool
sim_has_failed(const struct sim *sim, enum sl_op_kind kind)
{
	return sim->failed_kinds >> kind & 1;
}

const char *
sim_last_fault(const struct sim *sim)
{
	return sim->last_fault;
}

void
sim_stop_faults(struct sim *sim)
{
	sim->options.fault_ppm = 0;
}
