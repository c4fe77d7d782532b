/*
 * sim_flow.c - bytes on their way: pushed whole, arriving in pieces, taken by the reader.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum item_kind { ITEM_DATA, ITEM_PAUSE, ITEM_END, ITEM_ERROR };

struct item {
	struct sl_list link;
	enum item_kind kind;
	const unsigned char *data;
	size_t len;
	unsigned char *owned;
	uint64_t ns;
	int code;
};

/* An item this large is not sent byte by byte, or a test would take minutes. */
#define LARGE_ITEM (64 * SL_KIB)
#define LARGE_SEGMENT 4096

static void
append(struct sim_flow *flow, const unsigned char *data, size_t n)
{
	if (flow->len + n > flow->cap) {
		flow->cap = SL_MAX(flow->cap * 2, flow->len + n);
		flow->data = sim_block_resize(flow->data, flow->cap);
	}
	memcpy(flow->data + flow->len, data, n);
	flow->len += n;
}

static void
drop_item(struct item *item)
{
	sl_list_remove(&item->link);
	sim_block_free(item->owned);
	free(item);
}

static uint64_t
gap_after(struct sim_flow *flow, size_t n)
{
	struct sim_line *line = flow->line;
	if (line) {
		line->ready_ns =
			SL_MAX(line->ready_ns, flow->sim->now) + n * SL_NS_PER_S / line->rate;
		return line->ready_ns - flow->sim->now;
	}
	if (flow->rate == SL_FOREVER)
		return sim_below(flow->sim, flow->gap_ns + 1);
	return n * SL_NS_PER_S / flow->rate;
}

/* A piece of the item arrives. Returns how many bytes. */
static size_t
move_piece(struct sim_flow *flow, struct item *item)
{
	size_t limit = flow->segment;
	if (item->len > LARGE_ITEM)
		limit = SL_MAX(limit, LARGE_SEGMENT);
	size_t n = SL_MIN(SL_MIN(limit, item->len), flow->window - flow->len);
	if (flow->rate == SL_FOREVER && !flow->line)
		n = 1 + (size_t)sim_below(flow->sim, n);
	append(flow, item->data, n);
	item->data += n;
	item->len -= n;
	flow->queued -= n;
	return n;
}

static void
pump(struct sim *sim, struct sim_event *event)
{
	struct sim_flow *flow = SL_CONTAINER_OF(event, struct sim_flow, event);
	if (sl_list_is_empty(&flow->items))
		return;
	struct item *item = sl_list_item(flow->items.next, struct item, link);
	uint64_t next = sim->now;
	if (item->kind == ITEM_DATA && flow->len >= flow->window) {
		flow->stalled = true;
		return;
	}
	if (item->kind == ITEM_DATA)
		next += gap_after(flow, move_piece(flow, item));
	else if (item->kind == ITEM_PAUSE)
		next += item->ns;
	else if (item->kind == ITEM_END)
		flow->ended = true;
	else {
		flow->error = item->code;
		/* Whether bytes that were not read survive a reset depends on the system. */
		if (sim_percent(sim, 50))
			flow->len = 0;
	}
	flow->ready_ns = next;
	bool arrived = item->kind != ITEM_PAUSE;
	if (item->kind != ITEM_DATA || item->len == 0)
		drop_item(item);
	if (!sl_list_is_empty(&flow->items))
		sim_event_at(sim, event, next);
	if (arrived)
		flow->arrived(flow);
}

void
sim_flow_init(
	struct sim_flow *flow, struct sim *sim, void (*arrived)(struct sim_flow *), void *owner)
{
	*flow = (struct sim_flow){ .sim = sim,
		.segment = 64 * SL_KIB,
		.window = 256 * SL_KIB,
		.gap_ns = 100 * SL_NS_PER_US,
		.rate = SL_FOREVER,
		.arrived = arrived,
		.owner = owner };
	sl_list_init(&flow->items);
	flow->event.fire = pump;
}

void
sim_flow_release(struct sim_flow *flow)
{
	sim_event_drop(flow->sim, &flow->event);
	sl_list_each(node, &flow->items) drop_item(sl_list_item(node, struct item, link));
	sim_block_free(flow->data);
	flow->data = NULL;
	flow->len = flow->cap = flow->queued = 0;
}

static void
push(struct sim_flow *flow, struct item values)
{
	struct item *item = malloc(sizeof(*item));
	sl_assert(item);
	*item = values;
	bool idle = sl_list_is_empty(&flow->items);
	sl_list_push_back(&flow->items, &item->link);
	/* Rate 0: the reader has stopped for good. */
	if (!idle || flow->rate == 0)
		return;
	uint64_t soon = flow->sim->now + sim_below(flow->sim, flow->sim->options.net_ns + 1);
	sim_event_at(flow->sim, &flow->event, SL_MAX(soon, flow->ready_ns));
}

void
sim_flow_push(struct sim_flow *flow, const void *data, size_t len, bool copy)
{
	if (len == 0)
		return;
	unsigned char *owned = NULL;
	if (copy) {
		owned = sim_block_new(len);
		memcpy(owned, data, len);
		data = owned;
	}
	flow->queued += len;
	push(flow, (struct item){ .kind = ITEM_DATA, .data = data, .len = len, .owned = owned });
}

void
sim_flow_pause(struct sim_flow *flow, uint64_t ns)
{
	push(flow, (struct item){ .kind = ITEM_PAUSE, .ns = ns });
}

void
sim_flow_end(struct sim_flow *flow)
{
	push(flow, (struct item){ .kind = ITEM_END });
}

void
sim_flow_fail(struct sim_flow *flow, int code)
{
	push(flow, (struct item){ .kind = ITEM_ERROR, .code = code });
}

void
sim_flow_take(struct sim_flow *flow, size_t n)
{
	flow->taken += n;
	flow->len -= n;
	memmove(flow->data, flow->data + n, flow->len);
	if (flow->stalled && flow->len < flow->window) {
		flow->stalled = false;
		sim_event_at(flow->sim, &flow->event,
			flow->sim->now + sim_below(flow->sim, flow->gap_ns + 1));
	}
}

/* What a read gives when no byte is left: the end, the failure (once, then the end, as sockets do),
 * or nothing yet. */
static bool
read_end(struct sim_flow *flow, struct sim_job *job)
{
	/* Bytes first: the failure is the next read's, unless it is lost as Linux loses it in a
	 * receive for the whole. */
	if (job->got && (flow->error || flow->ended)) {
		if (flow->error && sim_percent(flow->sim, 50)) {
			flow->error = 0;
			flow->ended = flow->was_reset = true;
		}
		sim_job_finish(flow->sim, job, sl_int(job->got));
		return true;
	}
	if (flow->error) {
		int code = flow->error;
		flow->error = 0;
		flow->ended = flow->was_reset = true;
		sim_job_finish(flow->sim, job, code);
		return true;
	}
	if (flow->ended) {
		sim_job_finish(flow->sim, job, 0);
		return true;
	}
	return false;
}

static size_t
read_size(struct sim_flow *flow, const struct sim_job *job, bool whole)
{
	size_t n = SL_MIN(flow->len, job->copy.len - job->got);
	return whole && !job->brief ? n : sim_shorten(flow->sim, job, n);
}

static bool
read_now(struct sim_flow *flow, struct sim_job *job)
{
	bool is_recv = job->copy.kind == SL_OP_RECV;
	bool whole = is_recv && (job->copy.flags & MSG_WAITALL);
	if (flow->len > 0) {
		size_t n = read_size(flow, job, whole);
		sim_job_gather(job, flow->data, n);
		if (!(is_recv && (job->copy.flags & MSG_PEEK)))
			sim_flow_take(flow, n);
		/* Even MSG_WAITALL comes back short now and then. */
		bool enough = !whole || job->brief || job->got == job->copy.len ||
			      sim_below(flow->sim, 64) == 0;
		if (enough)
			sim_job_finish(flow->sim, job, sl_int(job->got));
		else
			return read_end(flow, job);
		return true;
	}
	if (read_end(flow, job))
		return true;
	if (is_recv && (job->copy.flags & MSG_DONTWAIT)) {
		sim_job_finish(flow->sim, job, job->got ? sl_int(job->got) : -EAGAIN);
		return true;
	}
	return false;
}

/* Takes what is there at once. If that was not enough, it is woken by the low-water mark only. */
bool
sim_flow_read(struct sim_flow *flow, struct sim_job *job)
{
	bool is_woken = flow->len >= flow->low_water || flow->ended || flow->error;
	if (job->waits && !is_woken)
		return false;
	job->waits = !read_now(flow, job);
	return !job->waits;
}

short
sim_flow_events(const struct sim_flow *flow)
{
	short events = 0;
	if (flow->len > 0 || flow->ended || flow->error)
		events |= POLLIN;
	if (flow->error)
		events |= POLLERR | POLLHUP;
	return events;
}
