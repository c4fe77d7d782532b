/*
 * segments_slot.c - a slot's task: one piece after the other, over one connection.
 */
#include "segments_int.h"

#include "sluice/rt/waiter.h"

#include <errno.h>

#define GRAIN SL_CHUNK_SIZE

/* Pieces take about this long, so that the requests between them do not count. */
#define PIECE_S 2
#define PIECE_MAX (256 * SL_MIB)

uint64_t
slot_received(const struct sl_segments_slot *slot)
{
	return slot->before + slot->segment.received;
}

uint64_t
slot_limited_ns(const struct sl_segments_slot *slot)
{
	return slot->limited_before_ns + sl_segment_limited_ns(&slot->segment);
}

static void
wake(struct sl_segments *segments)
{
	struct sl_waiter *waiter = sl_waiter_pop(&segments->waiting);
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

uint64_t
segments_grain(const struct sl_segments *segments)
{
	return SL_MIN((uint64_t)GRAIN, segments->piece);
}

bool
slot_is_at_work(const struct sl_segments_slot *slot)
{
	return slot->is_running && !slot->has_ended && !slot->is_dropped && slot->segment.lease &&
	       slot->segment.lease->is_active;
}

/* The larger the faster the connection is, but not so large that the others have nothing to do. */
static uint64_t
piece_of(const struct sl_segments *segments, uint64_t rate_bytes_s)
{
	if (segments->limit) /* in order: small pieces keep all connections busy */
		return segments->piece;
	uint64_t missing = segments->ranges->total - segments->ranges->done_bytes;
	uint64_t share = missing / (2 * (uint64_t)segments->most);
	uint64_t fast = SL_MIN(SL_MIN(rate_bytes_s * PIECE_S, (uint64_t)PIECE_MAX), share);
	uint64_t grain = segments_grain(segments);
	return (SL_MAX(fast, segments->piece) + grain - 1) / grain * grain;
}

int
segments_lease(struct sl_segments *segments, struct sl_lease *lease, uint64_t rate_bytes_s)
{
	struct sl_ranges *ranges = segments->ranges;
	int code = sl_ranges_lease(ranges, lease, piece_of(segments, rate_bytes_s));
	if (code || !segments->limit)
		return code;
	uint64_t limit = segments->limit(segments->ctx);
	if (lease->end <= limit)
		return 0;
	sl_ranges_give_back(ranges, lease); /* no piece is cut: each would need a request */
	return SL_LEASE_NONE;
}

void
slot_begin_piece(struct sl_segments_slot *slot)
{
	slot->before += slot->segment.received;
	slot->limited_before_ns = slot_limited_ns(slot);
	slot->segment = slot->segments->model;
	slot->segment.source = slot->source;
	slot->segment.unconditional = slot->source->unconditional;
	slot->is_led = slot->source->has_url;
	slot->segment.lease = &slot->own_lease;
	slot->segment.permit = &slot->permit;
	slot->segment.err = &slot->error;
}

/* The end of a lease, with the bytes that are not delivered yet. */
SL_SUSPENDS
static int
receive(struct sl_segments_slot *slot)
{
	struct sl_segment *segment = &slot->segment;
	struct sl_chunk *last = NULL;
	int code = sl_segment_receive(segment, &last);
	if (!last || last->len == 0) {
		sl_chunk_unref(last);
		return code;
	}
	int put = sl_segment_deliver(segment, last);
	return code ? code : put;
}

SL_SUSPENDS
static int
fetch_piece(struct sl_segments_slot *slot)
{
	struct sl_chunk *chunk = slot->chunk;
	slot->chunk = NULL;
	int code = slot->segment.exchange ? 0 : sl_segment_open(&slot->segment, chunk);
	if (!code) {
		slot->segments->counts.requests += slot->segment.is_range;
		sl_permit_answered(&slot->permit);
		wake(slot->segments); /* there may be more segments now */
		code = receive(slot);
	}
	sl_ranges_give_back(slot->segments->ranges, slot->segment.lease);
	return code;
}

/* 0 with the next piece leased and a chunk in hand; SL_LEASE_NONE; a code. */
SL_SUSPENDS
static int
lease_next(struct sl_segments_slot *slot)
{
	struct sl_segments *segments = slot->segments;
	if (*segments->failure || segments->are_refused || sl_permit_is_wanted(&slot->permit) ||
		segments_should_move(segments, slot->source))
		return SL_LEASE_NONE;
	int code = segments_lease(segments, &slot->own_lease, slot->rate_bytes_s);
	if (code)
		return code;
	code = sl_chunk_take(segments->model.pool, &slot->chunk, SL_FOREVER);
	if (code)
		sl_ranges_give_back(segments->ranges, &slot->own_lease);
	else
		slot_begin_piece(slot);
	return code;
}

SL_SUSPENDS
static int
slot_task(void *arg)
{
	struct sl_segments_slot *slot = arg;
	int code = fetch_piece(slot);
	while (!code && (code = lease_next(slot)) == 0)
		code = fetch_piece(slot);
	slot->code = code == SL_LEASE_NONE ? 0 : code;
	if (slot->code && !slot->is_dropped && sl_admission_is_refusal(&slot->error))
		sl_permit_refused(&slot->permit);
	sl_permit_give(&slot->permit);
	slot->has_ended = true;
	wake(slot->segments);
	return 0;
}

int
slot_start(struct sl_segments *segments, struct sl_segments_slot *slot)
{
	sl_group_enter(&slot->group, SL_GROUP_COLLECT);
	int code = sl_group_spawn(&slot->group, "segment", slot_task, slot, NULL);
	if (code) {
		sl_chunk_unref(slot->chunk);
		sl_segment_close(&slot->segment);
		sl_ranges_give_back(segments->ranges, slot->segment.lease);
		sl_permit_give(&slot->permit);
		sl_group_leave(&slot->group);
		return code;
	}
	slot->is_running = true;
	slot->source->running++;
	slot->began_ns = slot->older.at_ns = slot->newer.at_ns = sl_now();
	segments->running++;
	return 0;
}

void
slot_drop(struct sl_segments_slot *slot)
{
	slot->is_dropped = true;
	sl_group_cancel(&slot->group, -ECANCELED);
}
