/*
 * segments.c - the task of the transfer drives slots, each with a task that fetches one piece after
 * the other. batch_int.h has the states of a slot as a table, beside those of a file.
 *
 * A slot's task leases the next pieces by itself, as long as no other file waits for its permit.
 * Everything else is decided here, whenever a slot has ended and each TICK_NS:
 *  - add: another segment, if there is work and a permit for it. Work is a missing piece, else half
 *    of the largest rest, else a rest that is fetched once more.
 *  - watch: rates; a segment whose bytes another one has fetched, or that is far too slow, ends.
 *
 * A segment that fails gives its bytes back; the others go on, and no more than those are used
 * until there is progress for ADD_NS. Only if none is left is the failure the transfer's.
 */
#include "sluice/download/segments.h"

#include "sluice/base/log.h"
#include "sluice/download/retry.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_NS (50 * SL_NS_PER_MS)
#define GRAIN SL_CHUNK_SIZE /* halves of a rest are no smaller */

/* Pieces take about this long, so that the requests between them do not count. */
#define PIECE_S 2
#define PIECE_MAX (256 * SL_MIB)

/* What a rate is measured over: at least the first, and, if the bytes come in bursts, several of
 * the pauses between them (nginx with limit_rate sends once a second). */
#define RATE_NS (500 * SL_NS_PER_MS)
#define RATE_MAX_NS (4 * SL_NS_PER_S)
#define RATE_PAUSES 3
/* Rates are compared once a connection has had this long to get going, and one is replaced no
 * sooner after another. */
#define SETTLED_NS (2 * SL_NS_PER_S)
/* The pause doubles while nothing comes on any: then it is the network, and not a connection. */
#define REPLACE_DOUBLINGS 5u
#define SLOW_TENTHS 3 /* of the mean of the others: slower ones are replaced */

/* A rest is divided if it takes this long: what the connection had under way beyond the cut is
 * lost, and the connection is closed. */
#define SPLIT_NS (300 * SL_NS_PER_MS)

/* A rest is fetched once more if that takes less than half the time. */
#define HEDGE_FACTOR 2
#define HEDGE_NS (200 * SL_NS_PER_MS) /* and it would take this long at least */

/* After a failure no segment is added for so long, doubled with each further one without
 * progress. */
#define ADD_NS (500 * SL_NS_PER_MS)
#define ADD_DOUBLINGS 4

/* With several sources: failures in a row, without progress, after which one is dropped. */
#define SOURCE_FAILURES 2u
#define BAD_HEADS 2u /* the same of responses that are not the range which was requested */

struct mark {
	uint64_t at_ns;
	uint64_t received, limited_ns;
};

struct sl_segments_slot {
	struct sl_segments *segments;
	struct sl_source *source; /* of its permit */
	struct sl_segment segment;
	struct sl_lease own_lease;
	struct sl_permit permit;
	struct sl_chunk *chunk; /* for the request that is to be sent */
	struct sl_group group;  /* of its one task */
	struct sl_error error;
	bool is_running; /* until it is reaped */
	bool has_ended;
	bool is_dropped; /* it was cancelled here */
	bool is_led;     /* its request went where the source had led to before */
	int code;
	uint64_t began_ns;
	uint64_t before; /* bytes of its earlier responses */
	uint64_t limited_before_ns;
	/* When it last had more; the times between such ticks in this window, and what one was on
	 * average in the last window that had any, 0 = not known yet. */
	uint64_t seen, seen_ns;
	uint64_t pauses, pauses_ns, last_pause_ns;
	/* The rate is that since `older`, one or two windows ago; `newer` is the next one. */
	struct mark older, newer;
	uint64_t rate_bytes_s;
	bool is_rated;
};

static void
wake(struct sl_segments *segments)
{
	struct sl_waiter *waiter = sl_waiter_pop(&segments->waiting);
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

static uint64_t
received_by(const struct sl_segments_slot *slot)
{
	return slot->before + slot->segment.received;
}

static uint64_t
limited_by(const struct sl_segments_slot *slot)
{
	return slot->limited_before_ns + sl_segment_limited_ns(&slot->segment);
}

static uint64_t
grain_of(const struct sl_segments *segments)
{
	return SL_MIN((uint64_t)GRAIN, segments->piece);
}

/* ---- sources ---- */

static bool
has_other_source(const struct sl_segments *segments, const struct sl_source *source)
{
	for (size_t i = 0; i < segments->source_count; i++)
		if (segments->sources[i] != source &&
			segments->sources[i]->state == SL_SOURCE_JOINED)
			return true;
	return false;
}

/* One may be JOINED soon. */
static bool
is_comparing(const struct sl_segments *segments)
{
	for (size_t i = 0; i < segments->source_count; i++)
		if (segments->sources[i]->state == SL_SOURCE_COMPARING)
			return true;
	return false;
}

static bool
is_paused(const struct sl_source *source)
{
	return sl_now() < source->not_before_ns;
}

/* What speaks for a source with `count` connections: the fewer in relation to their rate, the more.
 * One of which no rate is known is taken for as fast as the best. */
static double
score(const struct sl_segments *segments, const struct sl_source *source, unsigned count)
{
	uint64_t rate = source->rate_bytes_s;
	for (size_t i = 0; i < segments->source_count && !source->rate_bytes_s; i++)
		rate = SL_MAX(rate, segments->sources[i]->rate_bytes_s);
	return (double)SL_MAX(rate, (uint64_t)1) / (double)count;
}

/* For the next segment: its index among those that were not tried, the first of equal ones; `avoid`
 * and paused ones only if there is no other, and paused ones only if nothing else is under way: no
 * segment, and no comparison of a source that may be of use soon. -1 if there is none. */
static int
pick_source(const struct sl_segments *segments, const struct sl_source *avoid, uint32_t tried)
{
	int best = -1;
	double best_score = 0;
	bool may_wait = segments->running > 0 || is_comparing(segments);
	for (size_t i = 0; i < segments->source_count; i++) {
		const struct sl_source *source = segments->sources[i];
		if (tried >> i & 1 || source->state != SL_SOURCE_JOINED ||
			(may_wait && is_paused(source)))
			continue;
		double its_score = source == avoid || is_paused(source)
					   ? 0
					   : score(segments, source, source->running + 1);
		if (best < 0 || its_score > best_score) {
			best = (int)i;
			best_score = its_score;
		}
	}
	return best;
}

/* Whether the next piece is better requested from another source. */
static bool
should_move(const struct sl_segments *segments, const struct sl_source *own)
{
	double own_score = score(segments, own, SL_MAX(own->running, 1u));
	for (size_t i = 0; i < segments->source_count; i++) {
		const struct sl_source *other = segments->sources[i];
		if (other != own && other->state == SL_SOURCE_JOINED && !is_paused(other) &&
			score(segments, other, other->running + 1) > own_score)
			return true;
	}
	return own->state != SL_SOURCE_JOINED;
}

/* ---- a slot's task ---- */

/* The larger the faster the connection is, but not so large that the others have nothing to do. */
static uint64_t
piece_of(const struct sl_segments *segments, uint64_t rate_bytes_s)
{
	if (segments->limit) /* in order: small pieces keep all connections busy */
		return segments->piece;
	uint64_t missing = segments->ranges->total - segments->ranges->done_bytes;
	uint64_t share = missing / (2 * (uint64_t)segments->most);
	uint64_t fast = SL_MIN(SL_MIN(rate_bytes_s * PIECE_S, (uint64_t)PIECE_MAX), share);
	uint64_t grain = grain_of(segments);
	return (SL_MAX(fast, segments->piece) + grain - 1) / grain * grain;
}

/* The lowest missing bytes, within the limit. 0, SL_LEASE_NONE or -ENOMEM. */
static int
lease_piece(struct sl_segments *segments, struct sl_lease *lease, uint64_t rate_bytes_s)
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

static void
begin_piece(struct sl_segments_slot *slot)
{
	slot->before += slot->segment.received;
	slot->limited_before_ns = limited_by(slot);
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
		should_move(segments, slot->source))
		return SL_LEASE_NONE;
	int code = lease_piece(segments, &slot->own_lease, slot->rate_bytes_s);
	if (code)
		return code;
	code = sl_chunk_take(segments->model.pool, &slot->chunk, SL_FOREVER);
	if (code)
		sl_ranges_give_back(segments->ranges, &slot->own_lease);
	else
		begin_piece(slot);
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

/* ---- adding ---- */

static struct sl_segments_slot *
free_slot(struct sl_segments *segments)
{
	for (unsigned i = 0; i < segments->most; i++)
		if (!segments->slots[i].is_running)
			return &segments->slots[i];
	return NULL;
}

/* The lease and the permit are the slot's; without memory they are given back. */
SL_SUSPENDS
static int
start(struct sl_segments *segments, struct sl_segments_slot *slot)
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

static uint64_t
average_rate(const struct sl_segments_slot *slot)
{
	uint64_t elapsed_ns = SL_MAX(sl_now() - slot->began_ns, (uint64_t)1);
	return (uint64_t)((double)received_by(slot) * (double)SL_NS_PER_S / (double)elapsed_ns);
}

static uint64_t
time_for(uint64_t bytes, uint64_t rate_bytes_s)
{
	if (rate_bytes_s == 0)
		return SL_FOREVER;
	double ns = (double)bytes / (double)rate_bytes_s * (double)SL_NS_PER_S;
	return ns < 1e18 ? (uint64_t)ns : SL_FOREVER;
}

/* Of the others that are rated, of one source or (NULL) of all; 0 if there are none. */
static uint64_t
mean_of(const struct sl_segments *segments, const struct sl_segments_slot *other,
	const struct sl_source *source)
{
	uint64_t sum = 0;
	unsigned count = 0;
	for (unsigned i = 0; i < segments->most; i++) {
		const struct sl_segments_slot *slot = &segments->slots[i];
		if (slot == other || !slot->is_running || !slot->is_rated ||
			(source && slot->source != source))
			continue;
		sum += slot->rate_bytes_s;
		count++;
	}
	return count > 0 ? sum / count : 0;
}

/* Of the others; if there are none, or nothing comes on any, what a connection usually had. */
static uint64_t
mean_rate(const struct sl_segments *segments, const struct sl_segments_slot *other)
{
	uint64_t mean = mean_of(segments, other, NULL);
	return mean > 0 ? mean : segments->usual_bytes_s;
}

/* What its connection should have: the rate of the others of its source. A slow source is used as
 * it is; but one connection that has nothing, while others have, has failed. */
static uint64_t
expected_rate(const struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	uint64_t mean = mean_of(segments, slot, slot->source);
	if (mean > 0 || segments->source_count == 1 || slot->rate_bytes_s == 0)
		return mean > 0 ? mean : mean_rate(segments, slot);
	return slot->source->rate_bytes_s;
}

static bool
is_at_work(const struct sl_segments_slot *slot)
{
	return slot->is_running && !slot->has_ended && !slot->is_dropped && slot->segment.lease &&
	       slot->segment.lease->is_active;
}

/* What a connection to `by` should have that fetches the rest of `slot` once more. */
static uint64_t
rate_again(const struct sl_segments *segments, const struct sl_segments_slot *slot,
	const struct sl_source *by)
{
	if (by == slot->source)
		return expected_rate(segments, slot);
	return by->rate_bytes_s ? by->rate_bytes_s : mean_rate(segments, slot);
}

/* The running one whose rest takes longest, if fetching it again from `by` would be done much
 * sooner. */
static const struct sl_segments_slot *
worth_hedging(const struct sl_segments *segments, const struct sl_source *by)
{
	const struct sl_segments_slot *worst = NULL;
	uint64_t worst_ns = HEDGE_NS;
	for (unsigned i = 0; i < segments->most; i++) {
		const struct sl_segments_slot *slot = &segments->slots[i];
		if (!is_at_work(slot) || slot->segment.lease->twin || !slot->is_rated ||
			slot->segment.is_delivering)
			continue;
		uint64_t rest = slot->segment.lease->end - slot->segment.lease->at;
		uint64_t ns = time_for(rest, slot->rate_bytes_s);
		uint64_t again_ns = time_for(rest, rate_again(segments, slot, by));
		if (rest == 0 || ns <= worst_ns || ns / HEDGE_FACTOR < again_ns)
			continue;
		worst = slot;
		worst_ns = ns;
	}
	return worst;
}

/* How long the rest of a running segment will take, by its rate so far. */
static uint64_t
time_left(const struct sl_segments_slot *slot)
{
	uint64_t rest = slot->segment.lease->end - slot->segment.lease->at;
	return time_for(rest, slot->is_rated ? slot->rate_bytes_s : average_rate(slot));
}

/* Whether the largest rest takes long enough to be divided. */
static bool
is_worth_splitting(const struct sl_segments *segments)
{
	for (unsigned i = 0; i < segments->most; i++) {
		const struct sl_segments_slot *slot = &segments->slots[i];
		if (!is_at_work(slot) || slot->segment.lease->twin ||
			sl_now() - slot->began_ns < SPLIT_NS)
			continue;
		uint64_t rest = slot->segment.lease->end - slot->segment.lease->at;
		if (rest >= 2 * grain_of(segments) && time_left(slot) >= SPLIT_NS)
			return true;
	}
	return false;
}

/* Work for another segment, of `source`: 0 with a lease; SL_LEASE_NONE; -ENOMEM. */
static int
find_work(struct sl_segments *segments, const struct sl_source *source, struct sl_lease *lease)
{
	struct sl_ranges *ranges = segments->ranges;
	int code = lease_piece(segments, lease, segments->usual_bytes_s);
	if (code != SL_LEASE_NONE)
		return code;
	if (!segments->limit && is_worth_splitting(segments))
		code = sl_ranges_split(ranges, lease, grain_of(segments));
	if (code == SL_LEASE_GRANTED)
		segments->counts.split++;
	if (code != SL_LEASE_NONE)
		return code;
	const struct sl_segments_slot *slow = worth_hedging(segments, source);
	if (!slow)
		return SL_LEASE_NONE;
	segments->counts.hedged++;
	return sl_ranges_hedge(ranges, lease, slow->segment.lease);
}

/* What is fetched once more, or in place of a connection that was too slow, comes from another
 * source if possible. */
static const struct sl_source *
source_to_avoid(const struct sl_segments *segments)
{
	for (size_t i = 0; i < segments->source_count && !segments->slow; i++) {
		const struct sl_source *by = segments->sources[i];
		const struct sl_segments_slot *slow =
			by->state == SL_SOURCE_JOINED ? worth_hedging(segments, by) : NULL;
		if (slow && slow->source != by)
			return slow->source;
	}
	return segments->slow;
}

/* A permit of the best source that has one, of those that were not tried. Waits only if no segment
 * is running. 0, SL_LEASE_NONE or a code. */
SL_SUSPENDS
static int
take_permit(struct sl_segments *segments, struct sl_segments_slot *slot, uint32_t *tried)
{
	const struct sl_source *avoid = source_to_avoid(segments);
	for (int i; (i = pick_source(segments, avoid, *tried)) >= 0;) {
		slot->source = segments->sources[i];
		*tried |= UINT32_C(1) << i;
		if (sl_admission_try_take(segments->admission, sl_source_url(slot->source),
			    &slot->permit, &slot->chunk))
			return 0;
	}
	int best = segments->running == 0 ? pick_source(segments, avoid, 0) : -1;
	if (best < 0)
		return SL_LEASE_NONE;
	slot->source = segments->sources[best];
	return sl_admission_take(
		segments->admission, sl_source_url(slot->source), &slot->permit, &slot->chunk);
}

/* Of the best source that was not tried: as add_one. */
SL_SUSPENDS
static int
add_of_next(struct sl_segments *segments, struct sl_segments_slot *slot, uint32_t *tried)
{
	*slot = (struct sl_segments_slot){ .segments = segments };
	int code = take_permit(segments, slot, tried);
	if (!code)
		code = find_work(segments, slot->source, &slot->own_lease);
	if (!code) {
		segments->slow = NULL;
		begin_piece(slot);
		return start(segments, slot);
	}
	sl_chunk_unref(slot->chunk);
	sl_permit_give(&slot->permit);
	return code;
}

/* 0; SL_LEASE_NONE if there is nothing to do or no permit; a code. Waits for a permit only if no
 * segment is running. */
SL_SUSPENDS
static int
add_one(struct sl_segments *segments)
{
	struct sl_segments_slot *slot = free_slot(segments);
	uint32_t tried = 0, tried_before;
	int code;
	do { /* what is not worth fetching again from one source may be from another */
		tried_before = tried;
		code = add_of_next(segments, slot, &tried);
	} while (code == SL_LEASE_NONE && segments->running > 0 && tried != tried_before);
	return code;
}

/* The pause after a failure is for those beyond the ones that work: without any of these (the last
 * one made way for another file, or was replaced) the transfer goes on at once. */
static bool
may_add(const struct sl_segments *segments)
{
	return segments->running < segments->allowed && !segments->are_refused &&
	       (segments->running == 0 || sl_now() >= segments->add_after_ns);
}

SL_SUSPENDS
static int
add(struct sl_segments *segments)
{
	int code = 0;
	while (!code && may_add(segments))
		code = add_one(segments);
	/* Out of memory for another one, the others go on. */
	return code == SL_LEASE_NONE || (code == -ENOMEM && segments->running > 0) ? 0 : code;
}

/* ---- watching ---- */

static void
note_pause(struct sl_segments_slot *slot)
{
	uint64_t now_ns = sl_now(), received = received_by(slot);
	if (received == slot->seen)
		return;
	if (slot->seen_ns) {
		slot->pauses_ns += now_ns - slot->seen_ns;
		slot->pauses++;
	}
	slot->seen = received;
	slot->seen_ns = now_ns;
}

/* On average: where packets are lost, a few are long, and a connection that waits for one of them
 * had better be replaced. */
static uint64_t
pause_of(const struct sl_segments_slot *slot)
{
	uint64_t pause_ns = slot->pauses > 0 ? slot->pauses_ns / slot->pauses : 0;
	return SL_MAX(pause_ns, slot->last_pause_ns);
}

/* On average, so that one connection that has stalled does not stand for all. */
static void
note_pause_of(const struct sl_segments *segments, struct sl_source *source)
{
	uint64_t sum = 0;
	unsigned count = 0;
	for (unsigned i = 0; i < segments->most; i++) {
		const struct sl_segments_slot *slot = &segments->slots[i];
		if (!slot->is_running || slot->source != source || pause_of(slot) == 0)
			continue;
		sum += pause_of(slot);
		count++;
	}
	if (count > 0)
		source->pause_ns = sum / count;
}

static uint64_t
window_of(const struct sl_segments_slot *slot)
{
	uint64_t pause_ns = SL_MAX(pause_of(slot), slot->source->pause_ns);
	uint64_t most_ns = SL_MIN(RATE_PAUSES * pause_ns, (uint64_t)RATE_MAX_NS);
	return SL_MAX((uint64_t)RATE_NS, most_ns);
}

static void
end_window(struct sl_segments_slot *slot, const struct mark *now)
{
	if (slot->pauses > 0)
		slot->last_pause_ns = slot->pauses_ns / slot->pauses;
	slot->pauses = slot->pauses_ns = 0;
	slot->older = slot->newer;
	slot->newer = *now;
}

/* Of one that waits for a limit of the run most of the time, nothing is known of its connection. */
static void
take_rate(struct sl_segments_slot *slot)
{
	struct mark now = { sl_now(), received_by(slot), limited_by(slot) };
	const struct mark *older = &slot->older;
	uint64_t elapsed_ns = now.at_ns - older->at_ns;
	double received = (double)(now.received - older->received);
	slot->is_rated = elapsed_ns >= window_of(slot) &&
			 now.limited_ns - older->limited_ns < elapsed_ns / 2;
	if (slot->is_rated)
		slot->rate_bytes_s =
			(uint64_t)(received * (double)SL_NS_PER_S / (double)elapsed_ns);
	if (now.at_ns - slot->newer.at_ns >= window_of(slot))
		end_window(slot, &now);
}

/* Its permit and its bytes are free once its task has ended. */
static void
drop(struct sl_segments_slot *slot)
{
	slot->is_dropped = true;
	sl_group_cancel(&slot->group, -ECANCELED);
}

static bool
is_overtaken(const struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	const struct sl_lease *lease = slot->segment.lease;
	struct sl_range rest = { lease->at, lease->end };
	return rest.begin < rest.end && sl_ranges_has(segments->ranges, rest);
}

static bool
is_too_slow(const struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	uint64_t now_ns = sl_now();
	uint64_t pause_ns = SETTLED_NS << SL_MIN(segments->replaced_in_vain, REPLACE_DOUBLINGS);
	if (segments->running < 2 || !slot->is_rated || slot->segment.is_delivering ||
		now_ns - slot->began_ns < SETTLED_NS || now_ns - segments->replaced_ns < pause_ns)
		return false;
	uint64_t rest = slot->segment.lease->end - slot->segment.lease->at;
	bool is_small = rest <= grain_of(segments) || slot->segment.lease->twin;
	return (!is_small || slot->rate_bytes_s == 0) &&
	       slot->rate_bytes_s * 10 < expected_rate(segments, slot) * SLOW_TENTHS;
}

static void
replace(struct sl_segments *segments, struct sl_segments_slot *slot)
{
	uint64_t done = segments->ranges->done_bytes;
	sl_log_info("a connection with %llu bytes/s, far below the others, is replaced",
		(unsigned long long)slot->rate_bytes_s);
	segments->counts.replaced++;
	segments->replaced_ns = sl_now();
	segments->replaced_in_vain =
		done > segments->replaced_at ? 0 : segments->replaced_in_vain + 1;
	segments->replaced_at = done;
	segments->slow = slot->source;
	drop(slot);
}

/* The mean of those that are rated. One alone does not tell what is usual: it may be the slow one
 * that is left once the others have ended, and its rest is compared with what these had. */
static void
take_usual_rate(struct sl_segments *segments)
{
	unsigned rated = 0;
	for (unsigned i = 0; i < segments->most; i++)
		rated += segments->slots[i].is_running && segments->slots[i].is_rated;
	if (rated > 1 || segments->usual_bytes_s == 0)
		segments->usual_bytes_s = mean_rate(segments, NULL);
}

static void
rate_sources(struct sl_segments *segments)
{
	for (size_t i = 0; i < segments->source_count; i++) {
		uint64_t mean = mean_of(segments, NULL, segments->sources[i]);
		if (mean > 0)
			segments->sources[i]->rate_bytes_s = mean;
	}
}

static void
watch(struct sl_segments *segments)
{
	for (unsigned i = 0; i < segments->most; i++)
		if (is_at_work(&segments->slots[i]))
			note_pause(&segments->slots[i]);
	for (size_t i = 0; i < segments->source_count; i++)
		note_pause_of(segments, segments->sources[i]);
	for (unsigned i = 0; i < segments->most; i++)
		if (is_at_work(&segments->slots[i]))
			take_rate(&segments->slots[i]);
	take_usual_rate(segments);
	rate_sources(segments);
	for (unsigned i = 0; i < segments->most; i++) {
		struct sl_segments_slot *slot = &segments->slots[i];
		if (!is_at_work(slot))
			continue;
		if (is_overtaken(segments, slot)) {
			drop(slot);
		} else if (is_too_slow(segments, slot)) {
			replace(segments, slot);
		}
	}
}

/* ---- the end of a segment ---- */

/* The head is malformed, or of another range than was requested: once, that may be an accident. */
static bool
is_bad_head(const struct sl_error *err)
{
	return err->code == SL_E_PROTO && err->phase == SL_PHASE_HEAD;
}

/* The range that was requested is not what came, or all of the file came. */
static bool
is_refusal_of_ranges(const struct sl_source *source, const struct sl_error *err)
{
	return err->code == SL_E_UNSUPPORTED ||
	       (is_bad_head(err) && source->bad_heads >= BAD_HEADS) ||
	       (err->code == SL_E_STATUS && err->http_status == 416);
}

/* All that is known to work is the request for all of the file: what guards the server may refuse
 * ranges with any status. Only once no connection is left, since it may refuse only one more. */
static bool
is_refused_each(const struct sl_segments *segments, const struct sl_error *err)
{
	return segments->running == 0 && segments->is_whole_sent &&
	       segments->counts.requests == 0 && err->code == SL_E_STATUS &&
	       sl_retry_classify(err) == SL_RETRY_PERMANENT;
}

static bool
is_expired(const struct sl_error *err)
{
	return err->code == SL_E_STATUS &&
	       (err->http_status == 401 || err->http_status == 410 ||
		       (err->http_status == 403 && err->retry_after_s == 0));
}

/* When a further connection may be tried after so many failures in a row, the last of which this
 * is: not before the server wants it. */
static uint64_t
next_try_ns(const struct sl_error *err, unsigned failures)
{
	uint64_t pause_ns = ADD_NS << SL_MIN(failures, (unsigned)ADD_DOUBLINGS);
	return sl_deadline_in(SL_MAX(pause_ns, err->retry_after_s * SL_NS_PER_S));
}

static void
count_failure(struct sl_segments *segments, const struct sl_error *err)
{
	uint64_t done = segments->ranges->done_bytes;
	segments->failures = done > segments->progress ? 0 : segments->failures + 1;
	segments->progress = done;
	segments->allowed = SL_MAX(segments->running, 1u);
	segments->add_after_ns =
		SL_MAX(segments->add_after_ns, next_try_ns(err, segments->failures));
}

static void
drop_source(struct sl_segments *segments, struct sl_source *source, const struct sl_error *err)
{
	source->state = SL_SOURCE_DROPPED;
	for (unsigned i = 0; i < segments->most; i++)
		if (segments->slots[i].is_running && segments->slots[i].source == source)
			drop(&segments->slots[i]);
	segments->dropped(segments->ctx, source, err);
}

/* It has failed. True if it is of no use any more: it has another version, or does not send
 * ranges, or has failed too often. While other connections to it work, it may only have refused one
 * more: that is tried again later. */
static bool
note_failure_of(struct sl_source *source, const struct sl_error *err)
{
	bool is_permanent = sl_retry_classify(err) == SL_RETRY_PERMANENT && !is_bad_head(err);
	if (source->delivered > source->failed_at)
		source->failures = source->bad_heads = 0;
	source->failed_at = source->delivered;
	source->failures++;
	source->bad_heads += is_bad_head(err);
	source->not_before_ns =
		SL_MAX(source->not_before_ns, next_try_ns(err, source->failures - 1));
	if (err->code == SL_E_CHANGED || is_refusal_of_ranges(source, err))
		return true;
	return source->running == 0 && (is_permanent || source->failures >= SOURCE_FAILURES);
}

/* A source has failed, and no other is left. 0, or what ends the transfer. */
static int
outcome_of_last(
	struct sl_segments *segments, const struct sl_source *source, const struct sl_error *err)
{
	if (err->code == SL_E_CHANGED)
		return err->code;
	if (is_refusal_of_ranges(source, err) || is_refused_each(segments, err)) {
		segments->are_refused = true;
		segments->code = SL_E_UNSUPPORTED;
	}
	sl_log_info("%s; connections that go on: %u", err->text, segments->running);
	count_failure(segments, err);
	bool is_retried = is_comparing(segments) || (is_bad_head(err) && !segments->are_refused);
	return segments->running == 0 && !is_retried ? segments->code : 0;
}

/* 0, or what ends the transfer. */
static int
outcome_of(struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	struct sl_source *source = slot->source;
	int code = slot->code;
	if (code == 0 || slot->is_dropped)
		return 0;
	if (code == -EAGAIN && !slot->error.code) /* to be asked in another way */
		return 0;
	segments->code = code;
	segments->failed = source;
	*segments->last_error = slot->error;
	if (!sl_phase_is_network(slot->error.phase))
		return code;
	/* The URL that a redirect led to is refused, as signed ones are after a while: requests go
	 * to the source itself again. */
	if (is_expired(&slot->error) && slot->is_led) {
		source->has_url = false;
		return 0;
	}
	bool is_useless = note_failure_of(source, &slot->error);
	if (!has_other_source(segments, source))
		return outcome_of_last(segments, source, &slot->error);
	sl_log_info("%s; other sources go on", slot->error.text);
	if (is_useless)
		drop_source(segments, source, &slot->error);
	return 0;
}

void
sl_segments_refuse(
	struct sl_segments *segments, struct sl_source *source, const struct sl_error *err)
{
	if (has_other_source(segments, source)) {
		drop_source(segments, source, err);
		return;
	}
	source->state = SL_SOURCE_JOINED;
	segments->are_refused = true;
	segments->code = SL_E_UNSUPPORTED;
	segments->failed = source;
	*segments->last_error = *err;
}

/* What a connection has had on average, for those that are left at the end. */
static void
keep_usual_rate(struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	uint64_t rate = average_rate(slot);
	if (slot->code || slot->is_dropped || rate == 0)
		return;
	segments->usual_bytes_s =
		segments->usual_bytes_s ? (3 * segments->usual_bytes_s + rate) / 4 : rate;
	struct sl_source *source = slot->source;
	source->rate_bytes_s = source->rate_bytes_s ? (3 * source->rate_bytes_s + rate) / 4 : rate;
}

SL_SUSPENDS
static int
reap(struct sl_segments *segments)
{
	int code = 0;
	for (unsigned i = 0; i < segments->most && !code; i++) {
		struct sl_segments_slot *slot = &segments->slots[i];
		if (!slot->is_running || !slot->has_ended)
			continue;
		sl_group_leave(&slot->group);
		slot->is_running = false;
		slot->source->running--;
		segments->running--;
		keep_usual_rate(segments, slot);
		code = outcome_of(segments, slot);
	}
	return code;
}

/* ---- all of it ---- */

/* More are tried again once those that were left have worked for a while. */
static void
allow_more(struct sl_segments *segments)
{
	if (segments->allowed < segments->most && sl_now() >= segments->add_after_ns &&
		segments->ranges->done_bytes > segments->progress) {
		segments->progress = segments->ranges->done_bytes;
		segments->failures = 0;
		segments->allowed++;
		segments->add_after_ns = sl_deadline_in(ADD_NS);
	}
}

SL_SUSPENDS
static int
wait_for_change(struct sl_segments *segments)
{
	struct sl_waiter waiter;
	int code = sl_waiter_wait(&waiter, &segments->waiting, "segments", sl_deadline_in(TICK_NS));
	return code == -ETIMEDOUT && !sl_task_cancelled() ? 0 : code;
}

static int
fail_as_segment(const struct sl_segments *segments, int code, struct sl_error *err)
{
	if (!err->code)
		*err = *segments->last_error;
	return code;
}

SL_SUSPENDS
static int
drive(struct sl_segments *segments, struct sl_error *err)
{
	int code = 0, failed = 0;
	while (!code && !*segments->failure && !sl_ranges_is_complete(segments->ranges)) {
		if (segments->flush)
			code = segments->flush(segments->ctx);
		if (!code)
			code = add(segments);
		if (!code && segments->running == 0 && !is_comparing(segments))
			failed = segments->code ? segments->code : SL_E_UNSUPPORTED;
		if (!code && !failed)
			code = wait_for_change(segments);
		if (!code && !failed)
			failed = reap(segments);
		if (failed)
			return fail_as_segment(segments, failed, err);
		watch(segments);
		allow_more(segments);
	}
	return code ? code : *segments->failure;
}

SL_SUSPENDS
static void
stop_all(struct sl_segments *segments)
{
	for (unsigned i = 0; i < segments->most; i++)
		if (segments->slots[i].is_running)
			drop(&segments->slots[i]);
	for (unsigned i = 0; i < segments->most; i++)
		if (segments->slots[i].is_running)
			sl_group_leave(&segments->slots[i].group);
}

/* The segment that is open already. */
SL_SUSPENDS
static int
adopt(struct sl_segments *segments, struct sl_segment *first, struct sl_permit *permit)
{
	struct sl_segments_slot *slot = &segments->slots[0];
	*slot = (struct sl_segments_slot){
		.segments = segments, .source = first->source, .segment = *first, .permit = *permit
	};
	slot->segment.permit = &slot->permit;
	slot->segment.err = &slot->error;
	first->exchange = NULL;
	first->chunk = NULL;
	*permit = (struct sl_permit){ 0 };
	return start(segments, slot);
}

/* What adopt would have taken. */
SL_SUSPENDS
static void
refuse(struct sl_segments *segments, struct sl_segment *first, struct sl_permit *permit)
{
	sl_segment_close(first);
	sl_ranges_give_back(segments->ranges, first->lease);
	sl_permit_give(permit);
}

int
sl_segments_run(struct sl_segments *segments, struct sl_segment *first, struct sl_permit *permit,
	struct sl_error *err)
{
	struct sl_error last_error = { 0 };
	int code = 0;
	segments->last_error = &last_error;
	segments->slots = calloc(segments->most, sizeof(*segments->slots));
	if (!segments->slots) {
		if (first)
			refuse(segments, first, permit);
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot begin the segments");
	}
	for (size_t i = 0; i < segments->source_count; i++) {
		struct sl_source *source = segments->sources[i];
		source->running = source->failures = source->bad_heads = 0;
		source->failed_at = source->delivered;
		source->not_before_ns = 0;
	}
	segments->allowed = segments->most;
	segments->running = 0;
	segments->code = 0;
	segments->failed = NULL;
	segments->is_whole_sent = first && !first->is_range;
	sl_list_init(&segments->waiting);
	if (first)
		code = adopt(segments, first, permit);
	if (!code)
		code = drive(segments, err);
	stop_all(segments);
	/* What the last one had begun to use. */
	if (!code && segments->flush)
		code = segments->flush(segments->ctx);
	free(segments->slots);
	segments->slots = NULL;
	segments->last_error = NULL;
	return code;
}
