/*
 * sim_fd.c - descriptors, and the streams behind 0, 1, 2 and pipes. Numbers are never used twice,
 * so that a use after close always shows.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct sim_fd *
sim_fd(const struct sim *sim, int number)
{
	if (number < 0 || (size_t)number >= sim->fd_cap)
		return NULL;
	return sim->fds[number];
}

static void
reserve(struct sim *sim, int number)
{
	size_t need = (size_t)number + 1;
	if (need <= sim->fd_cap)
		return;
	size_t cap = SL_MAX(sim->fd_cap * 2, need + 64);
	sim->fds = realloc(sim->fds, cap * sizeof(struct sim_fd *));
	sl_assert(sim->fds);
	memset(sim->fds + sim->fd_cap, 0, (cap - sim->fd_cap) * sizeof(struct sim_fd *));
	sim->fd_cap = cap;
}

struct sim_fd *
sim_fd_new(struct sim *sim, int number)
{
	if (number < 0)
		number = sim->fd_next++;
	reserve(sim, number);
	sl_assert(!sim->fds[number]);
	struct sim_fd *fd = calloc(1, sizeof(*fd));
	sl_assert(fd);
	fd->number = number;
	sl_list_init(&fd->waiting);
	sim->fds[number] = fd;
	return fd;
}

bool
sim_fd_full(const struct sim *sim)
{
	return sim->fd_open >= sim->options.fd_limit;
}

static void
release_inode(struct sim *sim, struct sim_fd *fd)
{
	struct sim_inode *inode = fd->inode;
	if (inode->locked_by == fd)
		inode->locked_by = NULL;
	inode->opens--;
	sim_inode_drop_if_unused(sim, inode);
}

int
sim_fd_duplicate(struct sim *sim, int number)
{
	const struct sim_fd *fd = sim_fd(sim, number);
	if (!fd)
		return -EBADF;
	if (!fd->inode)
		return -EINVAL;
	if (sim_fd_full(sim))
		return -EMFILE;
	struct sim_fd *copy = sim_fd_new(sim, -1);
	copy->flags = fd->flags;
	copy->inode = fd->inode;
	copy->position = fd->position;
	copy->inode->opens++;
	sim->fd_open++;
	return copy->number;
}

static void
free_source(struct sim_flow *source)
{
	if (source)
		sim_flow_release(source);
	free(source);
}

/* Those the test made for itself (sources, sinks) are not counted as open. */
void
sim_fd_close(struct sim *sim, struct sim_fd *fd)
{
	if (fd->inode || fd->socket || fd->watcher)
		sim->fd_open--;
	if (fd->watcher)
		sim_watch_close(fd->watcher);
	if (fd->inode)
		release_inode(sim, fd);
	else
		sim_sink_free(fd->sink);
	if (fd->socket)
		sim_net_close(sim, fd->socket);
	free_source(fd->source);
	/* After a deadlock jobs may still be listed here. */
	while (sl_list_pop(&fd->waiting))
		;
	sim->fds[fd->number] = NULL;
	free(fd);
}

void
sim_fd_close_all(struct sim *sim)
{
	for (size_t i = 0; i < sim->fd_cap; i++)
		if (sim->fds[i])
			sim_fd_close(sim, sim->fds[i]);
}

/* Jobs that wait on a descriptor may finish, and then leave the list; one that is finished may let
 * the next one go on, one that is not keeps those of its kind behind it waiting. */
void
sim_fd_poke(struct sim *sim, struct sim_fd *fd)
{
	bool blocked[SL_OP_KINDS] = { false };
	struct sl_list *node = fd->waiting.next;
	while (node != &fd->waiting) {
		struct sim_job *job = sl_list_item(node, struct sim_job, link);
		node = node->next;
		enum sl_op_kind kind = job->copy.kind;
		if (blocked[kind] && kind != SL_OP_POLL)
			continue;
		blocked[kind] = !sim_stream_try(sim, fd, job);
	}
}

static short
events_of(const struct sim_fd *fd)
{
	if (fd->source)
		return sim_flow_events(fd->source);
	if (fd->sink)
		return sim_sink_events(fd->sink);
	if (fd->watcher)
		return sim_watch_events(fd->watcher);
	return POLLIN | POLLOUT;
}

static bool
try_poll(struct sim *sim, struct sim_fd *fd, struct sim_job *job, short events)
{
	events &= (short)(job->copy.flags | POLLERR | POLLHUP | POLLNVAL);
	(void)fd;
	if (!events)
		return false;
	sim_job_finish(sim, job, events);
	return true;
}

bool
sim_stream_try(struct sim *sim, struct sim_fd *fd, struct sim_job *job)
{
	enum sl_op_kind kind = job->copy.kind;
	if (fd->socket)
		return sim_net_try(sim, fd, job);
	if (kind == SL_OP_POLL)
		return try_poll(sim, fd, job, events_of(fd));
	bool is_read = kind == SL_OP_READ && fd->source, is_write = kind == SL_OP_WRITE && fd->sink;
	if ((is_read || is_write) && job->copy.off != SL_OFF_CURRENT) {
		sim_job_finish(sim, job, -ESPIPE);
		return true;
	}
	if ((is_read || is_write) && job->copy.len == 0) {
		sim_job_finish(sim, job, 0);
		return true;
	}
	if (kind == SL_OP_READ && fd->watcher) {
		sim_watch_read(sim, fd->watcher, job);
		return true;
	}
	if (is_read)
		return sim_flow_read(fd->source, job);
	if (is_write)
		return sim_sink_write(sim, fd->sink, job);
	int code = kind == SL_OP_RECV || kind == SL_OP_SEND || kind == SL_OP_CONNECT ? -ENOTSOCK
										     : -EINVAL;
	sim_job_finish(sim, job, kind == SL_OP_READ || kind == SL_OP_WRITE ? -EBADF : code);
	return true;
}

/* ---- sources ---- */

static void
source_arrived(struct sim_flow *flow)
{
	sim_fd_poke(flow->sim, flow->owner);
}

int
sim_source(struct sim *sim, int number)
{
	struct sim_fd *fd = sim_fd_new(sim, number);
	fd->source = malloc(sizeof(*fd->source));
	sl_assert(fd->source);
	sim_flow_init(fd->source, sim, source_arrived, fd);
	return fd->number;
}

static struct sim_flow *
source_of(struct sim *sim, int number)
{
	struct sim_fd *fd = sim_fd(sim, number);
	/* The program may have closed it meanwhile. */
	return fd ? fd->source : NULL;
}

void
sim_source_data(struct sim *sim, int number, const void *data, size_t len)
{
	struct sim_flow *source = source_of(sim, number);
	if (source)
		sim_flow_push(source, data, len, true);
}

void
sim_source_pause(struct sim *sim, int number, uint64_t ns)
{
	struct sim_flow *source = source_of(sim, number);
	if (source)
		sim_flow_pause(source, ns);
}

void
sim_source_end(struct sim *sim, int number)
{
	struct sim_flow *source = source_of(sim, number);
	if (source)
		sim_flow_end(source);
}

void
sim_source_fail(struct sim *sim, int number, int code)
{
	struct sim_flow *source = source_of(sim, number);
	if (source)
		sim_flow_fail(source, code);
}

/* ---- sinks ---- */

/* The reader takes what arrives at once; the pipe is what is on its way. */
static void
sink_arrived(struct sim_flow *flow)
{
	struct sim_sink *sink = flow->owner;
	sim_flow_take(flow, flow->len);
	struct sim_fd *fd = sim_fd(flow->sim, sink->fd);
	if (fd)
		sim_fd_poke(flow->sim, fd);
}

struct sim_sink *
sim_sink_new(struct sim *sim, int fd, size_t room, uint64_t rate)
{
	struct sim_sink *sink = calloc(1, sizeof(*sink));
	sl_assert(sink && room > 0);
	sim_flow_init(&sink->pipe, sim, sink_arrived, sink);
	sink->pipe.window = room;
	sink->pipe.rate = rate;
	sink->limit = SL_FOREVER;
	sink->fd = fd;
	return sink;
}

void
sim_sink_free(struct sim_sink *sink)
{
	if (!sink)
		return;
	sim_flow_release(&sink->pipe);
	sl_buf_release(&sink->taken);
	free(sink);
}

static size_t
room_of(const struct sim_sink *sink)
{
	return sink->pipe.window - SL_MIN(sink->pipe.window, sink->pipe.queued);
}

short
sim_sink_events(const struct sim_sink *sink)
{
	short events = 0;
	if (room_of(sink) > 0 || sink->limit == 0)
		events |= POLLOUT;
	if (sink->limit == 0 && sink->code == -EPIPE)
		events |= POLLERR;
	return events;
}

bool
sim_sink_write(struct sim *sim, struct sim_sink *sink, struct sim_job *job)
{
	if (sink->limit == 0) {
		sim_job_finish(sim, job, sink->code);
		return true;
	}
	size_t n = SL_MIN(room_of(sink), job->copy.len);
	n = (size_t)SL_MIN(n, sink->limit);
	if (n == 0)
		return false;
	n = sim_shorten(sim, job, n);
	sl_buf_add(&sink->taken, job->copy.data, n);
	sl_assert(!sink->taken.failed);
	sim_flow_push(&sink->pipe, job->copy.data, n, true);
	if (sink->limit != SL_FOREVER)
		sink->limit -= n;
	sim_job_finish(sim, job, sl_int(n));
	return true;
}

int
sim_sink(struct sim *sim, int number, size_t room, uint64_t rate)
{
	struct sim_fd *fd = sim_fd_new(sim, number);
	fd->sink = sim_sink_new(sim, fd->number, room, rate);
	return fd->number;
}

static struct sim_sink *
sink_of(struct sim *sim, int number)
{
	struct sim_fd *fd = sim_fd(sim, number);
	sl_assert(fd && fd->sink);
	return fd->sink;
}

void
sim_sink_limit(struct sim *sim, int number, uint64_t limit, int code)
{
	struct sim_sink *sink = sink_of(sim, number);
	sink->limit = limit;
	sink->code = code;
}

struct sl_span
sim_sink_data(struct sim *sim, int number)
{
	return sl_buf_span(&sink_of(sim, number)->taken);
}
