/*
 * sim_check.c - the rules the simulated engine insists on, and how it reports violations.
 */
#include "sim_world.h"

#include "sluice/base/crc32c.h"
#include "sluice/base/number.h"

#include <stdarg.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

#define SCRIBBLE 0xd5 /* fills a buffer while the engine has it */
#define MAX_OP_LEN (1u << 30)

/* The buffer gets bytes from the engine. */
bool
sim_op_is_input(const struct sl_op *op)
{
	return (op->kind == SL_OP_RECV || op->kind == SL_OP_READ || op->kind == SL_OP_GET_ACL ||
		       op->kind == SL_OP_GET_XATTR || op->kind == SL_OP_LIST) &&
	       op->len > 0;
}

bool
sim_op_is_output(const struct sl_op *op)
{
	return (op->kind == SL_OP_SEND || op->kind == SL_OP_WRITE || op->kind == SL_OP_SET_ACL ||
		       op->kind == SL_OP_SET_XATTR) &&
	       op->len > 0;
}

bool
sim_op_uses_fd(enum sl_op_kind kind)
{
	return !sl_op_has_path(kind) && kind != SL_OP_NOP && kind != SL_OP_SOCKET &&
	       kind != SL_OP_CALL;
}

static size_t
transfer_len(const struct sl_op *op)
{
	return sl_op_family(op->kind) == SL_FAMILY_TRANSFER ? op->len : 0;
}

/* ---- breaches, dump ---- */

static const char *
stage_name(enum sim_stage stage)
{
	static const char *const names[] = { "free", "queued", "delayed", "waiting", "finishing",
		"ready" };
	return names[stage];
}

static void
dump_job(const struct sim *sim, const struct sim_job *job, FILE *out)
{
	const struct sl_op *op = &job->copy;
	fprintf(out, "  #%llu %s %s%s", (unsigned long long)job->id, sl_op_kind_name(op->kind),
		stage_name(job->stage), job->cancelled ? " cancelled" : "");
	if (sim_op_uses_fd(op->kind))
		fprintf(out, " fd %d", op->fd);
	if (job->path)
		fprintf(out, " '%s'", job->path);
	if (job->path2)
		fprintf(out, " -> '%s'", job->path2);
	if (transfer_len(op))
		fprintf(out, " len %zu got %zu", op->len, job->got);
	fprintf(out, " since %.6f s\n", (double)(sim->now - op->submitted_ns) / 1e9);
}

void
sim_dump(struct sim *sim, FILE *out)
{
	fprintf(out,
		"sim: seed %llu, %.6f s, %llu operations, %u in flight, %u descriptors open, %u "
		"faults%s%s\n",
		(unsigned long long)sim->first_seed,
		(double)(sim->now - sim->options.start_ns) / 1e9,
		(unsigned long long)sim->submitted, sim->in_flight, sim->fd_open, sim->faults,
		sim->faults ? ", last: " : "", sim->last_fault);
	for (size_t i = 0; i < sim->job_end; i++)
		if (sim->jobs[i].stage != SIM_FREE)
			dump_job(sim, &sim->jobs[i], out);
	sim_net_dump(sim, out);
}

void
sim_print_seed(struct sim *sim)
{
	if (!sim)
		return;
	sim_dump(sim, stderr);
	fprintf(stderr, "sim: again with SLUICE_SEED=%llu (SLUICE_SIM_TRACE=1 shows operations)\n",
		(unsigned long long)sim->first_seed);
}

void
sim_breach(struct sim *sim, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(sim->last_breach, sizeof(sim->last_breach), fmt, args);
	va_end(args);
	sim->breaches++;
	if (sim->options.tolerant)
		return;
	fprintf(stderr, "sim: rule broken: %s\n", sim->last_breach);
	sim_print_seed(sim);
	abort();
}

void
sim_failed(struct sim *sim, const char *cond, const char *file, int line, const char *fmt, ...)
{
	fprintf(stderr, "%s:%d: check failed: %s: ", file, line, cond);
	va_list args;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	sim_print_seed(sim);
	abort();
}

/* ---- rules for operations and their memory ---- */

static bool
overlap(const struct sl_op *a, const struct sl_op *b)
{
	uintptr_t a0 = (uintptr_t)a->data, b0 = (uintptr_t)b->data;
	return a0 < b0 + b->len && b0 < a0 + a->len;
}

static void
check_overlap(struct sim *sim, const struct sl_op *op)
{
	for (size_t i = 0; i < sim->job_end; i++) {
		const struct sim_job *other = &sim->jobs[i];
		if (other->stage == SIM_FREE ||
			!(sim_op_is_input(&other->copy) || sim_op_is_output(&other->copy)))
			continue;
		if ((sim_op_is_input(op) || sim_op_is_input(&other->copy)) &&
			overlap(op, &other->copy))
			sim_breach(sim, "the buffer of a %s is that of #%llu, a %s in flight",
				sl_op_kind_name(op->kind), (unsigned long long)other->id,
				sl_op_kind_name(other->copy.kind));
	}
}

static void
check_memory(struct sim *sim, const struct sl_op *op)
{
	if (!sim_op_is_input(op) && !sim_op_is_output(op))
		return;
	if (!op->data || op->len > MAX_OP_LEN) {
		sim_breach(sim, "a %s of %zu bytes at %p", sl_op_kind_name(op->kind), op->len,
			op->data);
		return;
	}
	check_overlap(sim, op);
#ifdef WITH_ASAN
	if (__asan_region_is_poisoned(op->data, op->len))
		sim_breach(sim, "the buffer of a %s is not all valid memory",
			sl_op_kind_name(op->kind));
#endif
}

/* The engine has the buffer now: a caller that reads it early gets garbage, and a report under
 * ASan. */
void
sim_take_memory(struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	if (sim_op_is_output(op))
		job->crc = sl_crc32c(0, op->data, op->len);
	if (!sim_op_is_input(op))
		return;
	memset(op->data, SCRIBBLE, op->len);
#ifdef WITH_ASAN
	__asan_poison_memory_region(op->data, op->len);
#endif
}

static bool
is_scribbled(const unsigned char *data, size_t len)
{
	return data[0] == SCRIBBLE && memcmp(data, data + 1, len - 1) == 0;
}

void
sim_give_memory_back(struct sim *sim, struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	if (sim_op_is_output(op) && sl_crc32c(0, op->data, op->len) != job->crc)
		sim_breach(sim, "the bytes of #%llu, a %s, changed while it was in flight",
			(unsigned long long)job->id, sl_op_kind_name(op->kind));
	if (!sim_op_is_input(op))
		return;
#ifdef WITH_ASAN
	__asan_unpoison_memory_region(op->data, op->len);
#endif
	if (!is_scribbled(op->data, op->len))
		sim_breach(sim, "the buffer of #%llu, a %s in flight, was written to",
			(unsigned long long)job->id, sl_op_kind_name(op->kind));
	if (job->got)
		memcpy(op->data, job->staging, job->got);
}

static bool
same_text(const char *text, const char *copy)
{
	return (!text && !copy) || (text && copy && strcmp(text, copy) == 0);
}

/* Of the family's own members: what they point at is compared where the job has a copy of it. */
static bool
same_members(const struct sl_op *a, const struct sl_op *b, const struct sim_job *job)
{
	if (sl_op_has_path(a->kind) &&
		(a->dir_fd != b->dir_fd || a->path != b->path || !same_text(a->path, job->path)))
		return false;
	switch (sl_op_family(a->kind)) {
	case SL_FAMILY_PLAIN:
	case SL_FAMILY_NAME:
		return true;
	case SL_FAMILY_TRANSFER:
		return a->data == b->data && a->len == b->len && a->may_block == b->may_block;
	case SL_FAMILY_SOCKET:
		return a->domain == b->domain && a->type == b->type && a->protocol == b->protocol;
	case SL_FAMILY_CONNECT:
		return a->address == b->address && a->address_len == b->address_len &&
		       memcmp(a->address, &job->address, a->address_len) == 0;
	case SL_FAMILY_ACCEPT:
		return a->peer == b->peer && a->peer_len == b->peer_len;
	case SL_FAMILY_EXTENT:
		return a->length == b->length;
	case SL_FAMILY_TIME:
		return a->time_ns == b->time_ns;
	case SL_FAMILY_OWNER:
		return a->uid == b->uid && a->gid == b->gid;
	case SL_FAMILY_OPEN:
		return a->resolve == b->resolve;
	case SL_FAMILY_TWO_NAMES:
		return a->dir_fd2 == b->dir_fd2 && a->path2 == b->path2 &&
		       same_text(a->path2, job->path2);
	case SL_FAMILY_STAT:
		return a->mask == b->mask && a->statx == b->statx;
	case SL_FAMILY_CALL:
		return a->fn == b->fn && a->arg == b->arg && a->free_arg == b->free_arg;
	}
	return false;
}

void
sim_check_untouched(struct sim *sim, const struct sim_job *job)
{
	const struct sl_op *a = job->op, *b = &job->copy;
	bool same = a->kind == b->kind && a->fd == b->fd && a->off == b->off &&
		    a->flags == b->flags && a->mode == b->mode && a->owner == b->owner &&
		    a->state == SL_OP_IN_FLIGHT && same_members(a, b, job);
	if (!same)
		sim_breach(sim, "#%llu, a %s, was changed while in flight",
			(unsigned long long)job->id, sl_op_kind_name(b->kind));
}

static void
check_descriptor(struct sim *sim, const struct sl_op *op)
{
	if (!sim_op_uses_fd(op->kind))
		return;
	struct sim_fd *fd = sim_fd(sim, op->fd);
	if (!fd || fd->closing) {
		sim_breach(sim, "a %s on descriptor %d, which is not open",
			sl_op_kind_name(op->kind), op->fd);
		return;
	}
	if (op->kind == SL_OP_CLOSE && fd->in_flight > 0)
		sim_breach(sim, "descriptor %d is closed with %u operations in flight", op->fd,
			fd->in_flight);
}

void
sim_check_submitted(struct sim *sim, const struct sl_op *op)
{
	if (op->state != SL_OP_IDLE)
		sim_breach(sim, "a %s was submitted in state %d", sl_op_kind_name(op->kind),
			op->state);
	check_memory(sim, op);
	check_descriptor(sim, op);
}

/* The operation never comes back: its memory is no longer checked. */
void
sim_forget_memory(const struct sim_job *job)
{
#ifdef WITH_ASAN
	if (sim_op_is_input(&job->copy))
		__asan_unpoison_memory_region(job->copy.data, job->copy.len);
#else
	(void)job;
#endif
}
