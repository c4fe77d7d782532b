/*
 * segments.c - the task of the transfer drives slots, each with a task that fetches one piece after
 * the other. batch_int.h has the states of a slot as a table, beside those of a file.
 *
 * A slot's task (segments_slot.c) leases the next pieces by itself, as long as no other file waits
 * for its permit. Everything else is decided here, whenever a slot has ended and each TICK_NS:
 *  - add: another segment, if there is work and a permit for it. Work is a missing piece, else half
 *    of the largest rest, else a rest that is fetched once more.
 *  - watch: rates (segments_rate.c); a segment whose bytes another one has fetched, or that is far
 *    too slow, ends.
 *
 * A segment that fails gives its bytes back; the others go on, and no more than those are used
 * until there is progress for SEGMENTS_ADD_NS. Only if none is left is the failure the transfer's.
 */
#include "segments_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_NS (50 * SL_NS_PER_MS)

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

/* ---- adding ---- */

static struct sl_segments_slot *
free_slot(struct sl_segments *segments)
{
	for (unsigned i = 0; i < segments->most; i++)
		if (!segments->slots[i].is_running)
			return &segments->slots[i];
	return NULL;
}

static uint64_t
time_for(uint64_t bytes, uint64_t rate_bytes_s)
{
	if (rate_bytes_s == 0)
		return SL_FOREVER;
	double ns = (double)bytes / (double)rate_bytes_s * (double)SL_NS_PER_S;
	return ns < 1e18 ? (uint64_t)ns : SL_FOREVER;
}

/* What a connection to `by` should have that fetches the rest of `slot` once more. */
static uint64_t
rate_again(const struct sl_segments *segments, const struct sl_segments_slot *slot,
	const struct sl_source *by)
{
	if (by == slot->source)
		return slot_expected_rate(segments, slot);
	return by->rate_bytes_s ? by->rate_bytes_s : segments_mean_rate(segments, slot);
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
		if (!slot_is_at_work(slot) || slot->segment.lease->twin || !slot->is_rated ||
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
	return time_for(rest, slot->is_rated ? slot->rate_bytes_s : slot_average_rate(slot));
}

/* Whether the largest rest takes long enough to be divided. */
static bool
is_worth_splitting(const struct sl_segments *segments)
{
	for (unsigned i = 0; i < segments->most; i++) {
		const struct sl_segments_slot *slot = &segments->slots[i];
		if (!slot_is_at_work(slot) || slot->segment.lease->twin ||
			sl_now() - slot->began_ns < SPLIT_NS)
			continue;
		uint64_t rest = slot->segment.lease->end - slot->segment.lease->at;
		if (rest >= 2 * segments_grain(segments) && time_left(slot) >= SPLIT_NS)
			return true;
	}
	return false;
}

/* Work for another segment, of `source`: 0 with a lease; SL_LEASE_NONE; -ENOMEM. */
static int
find_work(struct sl_segments *segments, const struct sl_source *source, struct sl_lease *lease)
{
	struct sl_ranges *ranges = segments->ranges;
	int code = segments_lease(segments, lease, segments->usual_bytes_s);
	if (code != SL_LEASE_NONE)
		return code;
	if (!segments->limit && is_worth_splitting(segments))
		code = sl_ranges_split(ranges, lease, segments_grain(segments));
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
	for (int i; (i = segments_pick(segments, avoid, *tried)) >= 0;) {
		slot->source = segments->sources[i];
		*tried |= UINT32_C(1) << i;
		if (sl_admission_try_take(segments->admission, sl_source_url(slot->source),
			    &slot->permit, &slot->chunk))
			return 0;
	}
	int best = segments->running == 0 ? segments_pick(segments, avoid, 0) : -1;
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
		slot_begin_piece(slot);
		return slot_start(segments, slot);
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
	bool is_small = rest <= segments_grain(segments) || slot->segment.lease->twin;
	return (!is_small || slot->rate_bytes_s == 0) &&
	       slot->rate_bytes_s * 10 < slot_expected_rate(segments, slot) * SLOW_TENTHS;
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
	slot_drop(slot);
}

static void
watch(struct sl_segments *segments)
{
	segments_take_rates(segments);
	for (unsigned i = 0; i < segments->most; i++) {
		struct sl_segments_slot *slot = &segments->slots[i];
		if (!slot_is_at_work(slot))
			continue;
		if (is_overtaken(segments, slot)) {
			slot_drop(slot);
		} else if (is_too_slow(segments, slot)) {
			replace(segments, slot);
		}
	}
}

/* ---- all of it ---- */

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
		segments_keep_rate(segments, slot);
		code = segments_outcome(segments, slot);
	}
	return code;
}

/* More are tried again once those that were left have worked for a while. */
static void
allow_more(struct sl_segments *segments)
{
	if (segments->allowed < segments->most && sl_now() >= segments->add_after_ns &&
		segments->ranges->done_bytes > segments->progress) {
		segments->progress = segments->ranges->done_bytes;
		segments->failures = 0;
		segments->allowed++;
		segments->add_after_ns = sl_deadline_in(SEGMENTS_ADD_NS);
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
		if (!code && segments->running == 0 && !segments_is_comparing(segments))
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
			slot_drop(&segments->slots[i]);
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
	return slot_start(segments, slot);
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
