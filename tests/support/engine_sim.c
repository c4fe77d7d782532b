/*
 * engine_sim.c - the simulated engine: operations through their stages, virtual time, faults, and
 * the rules it insists on. See engine_sim.h; the stages are described at enum sim_stage in
 * sim_world.h.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <stdlib.h>

#define TURN_NS 1000                  /* what one wait() costs */
#define MAX_IDLE_TURNS 1000000        /* waits in a row that found nothing: the program spins */
#define CANCEL_NS (50 * SL_NS_PER_US) /* longest time a cancel takes to reach its operation */
#define SLOW_DISK 16 /* the long tail: one operation in 64 takes up to so many times as long */

static struct sim *
world(struct sl_engine *engine)
{
	return SL_CONTAINER_OF(engine, struct sim, engine);
}

/* ---- chance and time ---- */

uint64_t
sim_below(struct sim *sim, uint64_t bound)
{
	return bound ? sl_random_below(&sim->random, bound) : 0;
}

bool
sim_percent(struct sim *sim, unsigned percent)
{
	return sim_below(sim, 100) < percent;
}

size_t
sim_shorten(struct sim *sim, const struct sim_job *job, size_t n)
{
	if (n > 1 && job->brief)
		return 1 + (size_t)sim_below(sim, n - 1);
	if (n > 1 && sim_percent(sim, sim->options.short_percent))
		return 1 + (size_t)sim_below(sim, n);
	return n;
}

void
sim_event_at(struct sim *sim, struct sim_event *event, uint64_t at_ns)
{
	sl_heap_remove(&sim->events, &event->node);
	sl_assert(sl_heap_reserve(&sim->events, sim->events.count + 1) == 0);
	sl_heap_push(&sim->events, &event->node, at_ns);
}

void
sim_event_drop(struct sim *sim, struct sim_event *event)
{
	sl_heap_remove(&sim->events, &event->node);
}

static uint64_t
next_event(const struct sim *sim)
{
	const struct sl_heap_node *node = sl_heap_min(&sim->events);
	return node ? node->key : SL_FOREVER;
}

static void
fire_due(struct sim *sim)
{
	while (next_event(sim) <= sim->now) {
		struct sl_heap_node *node = sl_heap_min(&sim->events);
		struct sim_event *event = SL_CONTAINER_OF(node, struct sim_event, node);
		sl_heap_remove(&sim->events, node);
		event->fire(sim, event);
	}
}

static uint64_t
disk_delay(struct sim *sim)
{
	uint64_t longest = sim->options.disk_ns;
	if (sim_below(sim, 64) == 0)
		longest *= SLOW_DISK;
	return sim_below(sim, longest + 1);
}

/* ---- kinds ---- */

static bool
is_stream(const struct sim_fd *fd)
{
	return fd && (fd->socket || fd->source || fd->sink || fd->watcher);
}

static struct sim_fd *
fd_of(const struct sim *sim, const struct sl_op *op)
{
	return sim_op_uses_fd(op->kind) ? sim_fd(sim, op->fd) : NULL;
}

/* Has nothing to do with a disk. */
static bool
is_quick(const struct sim *sim, const struct sl_op *op)
{
	return op->kind == SL_OP_SOCKET || is_stream(fd_of(sim, op));
}

/* ---- stages ---- */

void
sim_job_gather(struct sim_job *job, const void *data, size_t len)
{
	if (!job->staging)
		job->staging = sim_block_new(job->copy.len);
	sl_assert(len <= job->copy.len - job->got);
	memcpy(job->staging + job->got, data, len);
	job->got += len;
}

static void
trace(const struct sim *sim, const struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	if (!sim->trace)
		return;
	fprintf(stderr, "%12.6f #%-5llu %-9s", (double)(sim->now - sim->options.start_ns) / 1e9,
		(unsigned long long)job->id, sl_op_kind_name(op->kind));
	if (sim_op_uses_fd(op->kind))
		fprintf(stderr, " fd %d", op->fd);
	if (job->path)
		fprintf(stderr, " '%s'", job->path);
	if (job->path2)
		fprintf(stderr, " -> '%s'", job->path2);
	if (sl_op_family(op->kind) == SL_FAMILY_TRANSFER && op->len)
		fprintf(stderr, " %zu@%lld", op->len, (long long)op->off);
	fprintf(stderr, " = %d%s%s\n", job->result, job->fault ? " (injected)" : "",
		job->cancelled ? " (cancelled)" : "");
}

static void
become_ready(struct sim *sim, struct sim_event *event)
{
	struct sim_job *job = SL_CONTAINER_OF(event, struct sim_job, event);
	struct sim_thread *waiter = job->waiter;
	job->stage = SIM_READY;
	if (!waiter) {
		sl_list_push_back(&sim->ready, &job->link);
		return;
	}
	sim_job_return(sim, job);
	sim_thread_resume(sim, waiter);
}

void
sim_job_finish(struct sim *sim, struct sim_job *job, int result)
{
	sl_assert(job->stage != SIM_FREE && job->stage < SIM_FINISHING);
	sl_list_remove(&job->link);
	job->result = result;
	job->stage = SIM_FINISHING;
	job->event.fire = become_ready;
	bool quick = is_quick(sim, &job->copy);
	uint64_t longest = quick ? CANCEL_NS : sim->options.disk_ns / 8;
	sim_event_at(sim, &job->event, sim->now + sim_below(sim, longest + 1));
}

static void
stop_job(struct sim *sim, struct sim_event *event)
{
	struct sim_job *job = SL_CONTAINER_OF(event, struct sim_job, event);
	sim_job_finish(sim, job, job->got ? sl_int(job->got) : -ECANCELED);
}

static void
fail_job(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	bool transfers = job->copy.kind == SL_OP_SEND || job->copy.kind == SL_OP_RECV;
	bool passes = job->fault == -EINTR || job->fault == -EAGAIN; /* the connection lives */
	if (fd && fd->socket && transfers && !passes)
		sim_net_break(sim, fd, job->fault);
	if (job->copy.kind == SL_OP_SYNC || job->copy.kind == SL_OP_SYNC_FS)
		sim_file_fault(sim, job);
	if (job->copy.kind == SL_OP_CLOSE && fd)
		sim_fd_close(sim, fd);
	sim_job_finish(sim, job, job->fault);
}

/* A stream's turn may come only when the other side has moved. A cancel that came too late for the
 * start still reaches an operation that waits. */
static void
begin_on_stream(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	job->stage = SIM_WAITING;
	sl_list_push_back(&fd->waiting, &job->link);
	/* Receives are served in the order they were begun. */
	if (fd->waiting.next == &job->link || job->copy.kind == SL_OP_POLL)
		sim_stream_try(sim, fd, job);
	if (job->stage == SIM_WAITING && job->cancelled) {
		job->event.fire = stop_job;
		sim_event_at(sim, &job->event, sim->now + sim_below(sim, CANCEL_NS));
	}
}

static void
begin_job(struct sim *sim, struct sim_event *event)
{
	struct sim_job *job = SL_CONTAINER_OF(event, struct sim_job, event);
	const struct sl_op *op = &job->copy;
	struct sim_fd *fd = fd_of(sim, op);
	if (sim_hangs(sim, job)) {
		job->stage = SIM_WAITING;
		sl_list_push_back(&sim->hung, &job->link);
	} else if (job->fault)
		fail_job(sim, fd, job);
	else if (op->kind == SL_OP_NOP)
		sim_job_finish(sim, job, 0);
	else if (op->kind == SL_OP_CALL)
		sim_thread_begin(sim, job);
	else if (sim_op_uses_fd(op->kind) && !fd)
		sim_job_finish(sim, job, -EBADF);
	else if (op->kind == SL_OP_CLOSE) {
		sim_fd_close(sim, fd);
		sim_job_finish(sim, job, 0);
	} else if (op->kind == SL_OP_SOCKET)
		sim_job_finish(sim, job, sim_net_socket(sim, op));
	else if (is_stream(fd) || op->kind == SL_OP_POLL)
		begin_on_stream(sim, fd, job);
	else
		sim_job_finish(sim, job, sim_file_run(sim, job));
}

void
sim_hang(struct sim *sim, const char *path)
{
	struct sl_list *node;
	snprintf(sim->hangs_below, sizeof(sim->hangs_below), "%s", path ? path : "");
	while (!path && (node = sl_list_pop(&sim->hung))) {
		struct sim_job *job = sl_list_item(node, struct sim_job, link);
		job->stage = SIM_DELAYED;
		sim_event_at(sim, &job->event, sim->now + disk_delay(sim));
	}
}

void
sim_finish_abandoned(struct sim *sim)
{
	sim_hang(sim, NULL);
	while (sim->in_flight > 0) {
		sim_pass_on(sim);
		if (next_event(sim) == SL_FOREVER)
			break;
		sim->now = SL_MAX(sim->now, next_event(sim));
		fire_due(sim);
	}
}

/* ---- the methods ---- */

static struct sim_job *
free_job(struct sim *sim)
{
	for (size_t i = 0; i < sim->job_end; i++)
		if (sim->jobs[i].stage == SIM_FREE)
			return &sim->jobs[i];
	return sim->job_end < SIM_JOBS ? &sim->jobs[sim->job_end++] : NULL;
}

static char *
copy_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	sl_assert(copy || !text);
	return copy;
}

/* What stands behind a kind's pointers is compared later; the kinds that have none keep NULL. */
static void
copy_names(struct sim_job *job)
{
	const struct sl_op *op = &job->copy;
	if (sl_op_has_path(op->kind))
		job->path = copy_text(op->path);
	if (sl_op_family(op->kind) == SL_FAMILY_TWO_NAMES)
		job->path2 = copy_text(op->path2);
	if (op->kind == SL_OP_CONNECT) {
		sl_assert(op->address_len <= sizeof(job->address));
		memcpy(&job->address, op->address, op->address_len);
	}
}

struct sim_job *
sim_job_submit(struct sim *sim, struct sl_op *op)
{
	struct sim_job *job = free_job(sim);
	sl_assert(job);
	unsigned breaches = sim->breaches;
	sim_check_submitted(sim, op);
	op->state = SL_OP_IN_FLIGHT;
	op->slot = (uint32_t)(job - sim->jobs);
	*job = (struct sim_job){
		.stage = SIM_QUEUED, .op = op, .copy = *op, .id = ++sim->submitted
	};
	job->copy.submitted_ns = sim->now;
	/* A tolerant world must not touch a buffer that was refused. */
	if (sim->breaches != breaches && sl_op_family(op->kind) == SL_FAMILY_TRANSFER)
		job->copy.len = 0;
	copy_names(job);
	sl_list_push_back(&sim->queued, &job->link);
	sim->in_flight++;
	sim->by_kind[op->kind]++;
	if (sim->watched >> op->kind & 1)
		sim->watched_now++;
	sim->watched_peak = SL_MAX(sim->watched_peak, sim->watched_now);
	struct sim_fd *fd = fd_of(sim, op);
	if (fd) {
		fd->in_flight++;
		fd->closing = fd->closing || op->kind == SL_OP_CLOSE;
	}
	sim_take_memory(job);
	sim_fault_choose(sim, job);
	sim_traps_spring(sim);
	sim_cut_spring(sim);
	return job;
}

static bool
takes_slot(const struct sim_job *job)
{
	return !job->waiter && job->copy.kind != SL_OP_CALL;
}

static void
engine_submit(struct sl_engine *engine, struct sl_op *op)
{
	struct sim *sim = world(engine);
	if (op->kind != SL_OP_CALL && ++sim->slots_taken > engine->slots)
		sim_breach(sim, "more than %u operations at a time", engine->slots);
	(void)sim_job_submit(sim, op);
}

static int
engine_run_blocking(struct sl_engine *engine, struct sl_op *op)
{
	return sim_thread_run(world(engine), op);
}

static void
engine_cancel(struct sl_engine *engine, struct sl_op *op)
{
	struct sim *sim = world(engine);
	if (op->state != SL_OP_IN_FLIGHT)
		return;
	struct sim_job *job = &sim->jobs[op->slot];
	sl_assert(op->slot < SIM_JOBS && job->op == op);
	if (job->cancelled)
		return;
	job->cancelled = true;
	if (op->kind == SL_OP_CALL) {
		sim_thread_abandon(sim, job);
		return;
	}
	bool late = sim_percent(sim, sim->options.late_percent);
	if (job->stage == SIM_WAITING) {
		const struct sim_fd *fd = sim_fd(sim, op->fd);
		/* A connect under way may still succeed; one whose packets are lost must be
		 * stopped. */
		if (late && op->kind == SL_OP_CONNECT && fd && !sim_net_is_lost(fd->socket))
			return;
		job->event.fire = stop_job;
		sim_event_at(sim, &job->event, sim->now + sim_below(sim, CANCEL_NS));
	} else if (!late && (job->stage == SIM_QUEUED || job->stage == SIM_DELAYED)) {
		sim_job_finish(sim, job, -ECANCELED);
	}
}

void
sim_pass_on(struct sim *sim)
{
	for (struct sl_list *node; (node = sl_list_pop(&sim->queued));) {
		struct sim_job *job = sl_list_item(node, struct sim_job, link);
		job->stage = SIM_DELAYED;
		job->event.fire = begin_job;
		bool quick = is_quick(sim, &job->copy);
		sim_event_at(sim, &job->event,
			sim->now + (quick ? sim_below(sim, CANCEL_NS) : disk_delay(sim)));
	}
}

void
sim_job_return(struct sim *sim, struct sim_job *job)
{
	struct sl_op *op = job->op;
	sim_check_untouched(sim, job);
	sim_give_memory_back(sim, job);
	if (job->copy.kind == SL_OP_STAT && job->result == 0)
		*op->statx = job->statx;
	struct sim_fd *fd = fd_of(sim, &job->copy);
	if (fd && fd->in_flight > 0)
		fd->in_flight--;
	op->result = job->result;
	op->state = SL_OP_DONE;
	trace(sim, job);
	free(job->path);
	free(job->path2);
	sim_block_free(job->staging);
	sl_list_remove(&job->link);
	job->stage = SIM_FREE;
	sim->in_flight--;
	if (takes_slot(job))
		sim->slots_taken--;
	if (sim->watched >> job->copy.kind & 1 && sim->watched_now > 0)
		sim->watched_now--;
	sim_done_spring(sim);
}

void
sim_job_run_now(struct sim *sim, struct sim_job *job)
{
	sl_assert(job->stage == SIM_QUEUED);
	sl_list_remove(&job->link);
	job->stage = SIM_DELAYED;
	begin_job(sim, &job->event);
	sim_check(sim, job->stage == SIM_FINISHING, "a %s outside of a thread would have to wait",
		sl_op_kind_name(job->copy.kind));
	sim_event_drop(sim, &job->event);
	sim_job_return(sim, job);
}

/* Some of the ready ones, in any order: a ring rarely shows all at once. */
static int
collect(struct sim *sim, struct sl_op **done, size_t max)
{
	struct sim_job *ready[SIM_JOBS];
	size_t count = 0;
	sl_list_each(node, &sim->ready) ready[count++] = sl_list_item(node, struct sim_job, link);
	size_t want = SL_MIN(max, 1 + (size_t)sim_below(sim, count));
	for (size_t i = 0; i < want; i++) {
		size_t pick = i + (size_t)sim_below(sim, count - i);
		struct sim_job *job = ready[pick]; /* NOLINT: pick is below count */
		ready[pick] = ready[i];
		done[i] = job->op;
		sim_job_return(sim, job);
	}
	return sl_int(want);
}

static int
report_deadlock(struct sim *sim)
{
	fprintf(stderr, "sim: deadlock: no event is queued, and no task waits for a time\n");
	sim_print_seed(sim);
	return -EDEADLK;
}

static void
check_progress(struct sim *sim, bool idle)
{
	sim->idle_turns = idle ? sim->idle_turns + 1 : 0;
	if (sim->idle_turns > MAX_IDLE_TURNS) {
		sim->idle_turns = 0;
		sim_breach(
			sim, "the program spins: %d turns without anything done", MAX_IDLE_TURNS);
	}
	if (sim->now - sim->options.start_ns > sim->options.limit_ns)
		sim_breach(
			sim, "the run takes more than %.0f s", (double)sim->options.limit_ns / 1e9);
}

/* Until `next`, or beyond it, if the process is stopped until then. */
static void
pass_time(struct sim *sim, uint64_t next)
{
	bool stops = sim->stop_ns > 0 && next >= sim->stop_at;
	sim->now = stops ? SL_MAX(sim->now, sim->stop_at) + sim->stop_ns : next;
	if (stops)
		sim->stop_ns = 0;
}

void
sim_stop(struct sim *sim, uint64_t after_ns, uint64_t ns)
{
	sim->engine.is_real_time = true;
	sim->stop_at = sim->now + after_ns;
	sim->stop_ns = ns;
	sim->options.limit_ns += ns;
}

static int
engine_wait(struct sl_engine *engine, uint64_t until_ns, struct sl_op **done, size_t max)
{
	struct sim *sim = world(engine);
	sl_assert(max > 0);
	sim->now += TURN_NS;
	uint64_t began = sim->now;
	engine->enters++;
	sim_pass_on(sim);
	for (;;) {
		fire_due(sim);
		bool woken = sim->woken;
		if (!sl_list_is_empty(&sim->ready) || woken || until_ns <= sim->now)
			break;
		uint64_t next = SL_MIN(next_event(sim), until_ns);
		if (next == SL_FOREVER)
			return report_deadlock(sim);
		pass_time(sim, next);
	}
	sim->woken = false;
	int count = sl_list_is_empty(&sim->ready) ? 0 : collect(sim, done, max);
	check_progress(sim, count == 0 && sim->now == began);
	return count;
}

static uint64_t
engine_now(struct sl_engine *engine)
{
	return world(engine)->now;
}

static bool
engine_carries(struct sl_engine *engine, const struct sl_op *op)
{
	(void)engine;
	return op->kind < SL_OP_KINDS;
}

static int
engine_get_option(
	struct sl_engine *engine, int fd, int level, int name, void *value, socklen_t *len)
{
	const struct sim_fd *entry = sim_fd(world(engine), fd);
	if (!entry)
		return -EBADF;
	return entry->socket ? sim_net_get_option(entry->socket, level, name, value, len)
			     : -ENOTSOCK;
}

/* Any option of a socket is taken. */
static int
engine_set_option(
	struct sl_engine *engine, int fd, int level, int name, const void *value, socklen_t len)
{
	const struct sim_fd *entry = sim_fd(world(engine), fd);
	(void)len;
	if (!entry)
		return -EBADF;
	if (!entry->socket)
		return -ENOTSOCK;
	sim_net_set_option(entry->socket, level, name, value);
	return 0;
}

/* Any address is one of this machine. */
static int
engine_bind(struct sl_engine *engine, int fd, const struct sockaddr *address, socklen_t len)
{
	const struct sim_fd *entry = sim_fd(world(engine), fd);
	(void)address;
	(void)len;
	return !entry ? -EBADF : entry->socket ? 0 : -ENOTSOCK;
}

static int
engine_duplicate(struct sl_engine *engine, int fd)
{
	struct sim *sim = world(engine);
	return sim_fd_duplicate(sim, fd);
}

static int
engine_memory_file(struct sl_engine *engine)
{
	return sim_memory_file(world(engine));
}

static int
engine_watch_open(struct sl_engine *engine)
{
	return sim_watch_open(world(engine));
}

static int
engine_watch_add(struct sl_engine *engine, int fd, const char *path, uint32_t events)
{
	return sim_watch_add(world(engine), fd, path, events);
}

/* There are links only where tests put them, and then without this. */
static int
engine_real_path(struct sl_engine *engine, const char *path, char **out)
{
	(void)engine;
	return asprintf(out, "%s%s", *path == '/' ? "" : "/", path) < 0 ? -ENOMEM : 0;
}

static void
engine_wake(struct sl_engine *engine)
{
	world(engine)->woken = true;
}

static void
engine_describe(struct sl_engine *engine, char *text, size_t len)
{
	snprintf(
		text, len, "simulator, seed %llu", (unsigned long long)world(engine)->options.seed);
}

static void
forget_job(struct sim *sim, struct sim_job *job)
{
	sim_event_drop(sim, &job->event);
	sl_list_remove(&job->link);
	sim_forget_memory(job);
	free(job->path);
	free(job->path2);
	sim_block_free(job->staging);
	job->stage = SIM_FREE;
}

/* The world stays; the runtime that had the engine is gone. After a deadlock operations may still
 * be out: their memory is not touched again. */
static void
engine_free(struct sl_engine *engine)
{
	struct sim *sim = world(engine);
	for (size_t i = 0; i < sim->job_end; i++)
		if (sim->jobs[i].stage != SIM_FREE)
			forget_job(sim, &sim->jobs[i]);
	for (size_t i = 0; i < sim->fd_cap; i++)
		if (sim->fds[i])
			sim->fds[i]->in_flight = 0;
	sim->in_flight = sim->slots_taken = 0;
	sim_threads_free(sim);
	sim->attached = false;
}

const struct sl_engine_methods sim_engine_methods = {
	.name = "simulator",
	.free = engine_free,
	.now = engine_now,
	.thread_ns = engine_now,
	.carries = engine_carries,
	.run_blocking = engine_run_blocking,
	.get_option = engine_get_option,
	.set_option = engine_set_option,
	.bind = engine_bind,
	.duplicate = engine_duplicate,
	.memory_file = engine_memory_file,
	.watch_open = engine_watch_open,
	.watch_add = engine_watch_add,
	.real_path = engine_real_path,
	.submit = engine_submit,
	.cancel = engine_cancel,
	.wait = engine_wait,
	.wake = engine_wake,
	.describe = engine_describe,
};
