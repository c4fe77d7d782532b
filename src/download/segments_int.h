/*
 * segments_int.h - the slots of the segments of a transfer, shared by the files of segments.c.
 */
#ifndef SLUICE_DOWNLOAD_SEGMENTS_INT_H
#define SLUICE_DOWNLOAD_SEGMENTS_INT_H

#include "sluice/download/segments.h"

/* After a failure no segment is added for so long, doubled with each further one without
 * progress. */
#define SEGMENTS_ADD_NS (500 * SL_NS_PER_MS)

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

/* ---- segments_slot.c ---- */

/* Halves of a rest are no smaller, and pieces are multiples of it. */
uint64_t segments_grain(const struct sl_segments *segments);

/* Bytes, and the time in which a limit of the run held them back. */
uint64_t slot_received(const struct sl_segments_slot *slot);
uint64_t slot_limited_ns(const struct sl_segments_slot *slot);

/* It receives, or is about to. */
bool slot_is_at_work(const struct sl_segments_slot *slot);

/* The lowest missing bytes, within the limit. 0, SL_LEASE_NONE or -ENOMEM. */
int segments_lease(struct sl_segments *segments, struct sl_lease *lease, uint64_t rate_bytes_s);

/* With the next lease, which is own_lease. */
void slot_begin_piece(struct sl_segments_slot *slot);

/* Its task. The lease and the permit are the slot's. Returns 0; or -ENOMEM, and they are given
 * back. */
SL_SUSPENDS
int slot_start(struct sl_segments *segments, struct sl_segments_slot *slot);

/* Its permit and its bytes are free once its task has ended. */
void slot_drop(struct sl_segments_slot *slot);

/* ---- segments_rate.c ---- */

/* Since it began, in bytes a second, as all rates. */
uint64_t slot_average_rate(const struct sl_segments_slot *slot);

/* Of the others that are rated, of one source or (NULL) of all; 0 if there are none. */
uint64_t segments_mean_of(const struct sl_segments *segments, const struct sl_segments_slot *other,
	const struct sl_source *source);

/* Of the others; if there are none, or nothing comes on any, what a connection usually had. */
uint64_t segments_mean_rate(
	const struct sl_segments *segments, const struct sl_segments_slot *other);

/* What its connection should have: the rate of the others of its source. A slow source is used as
 * it is; but one connection that has nothing, while others have, has failed. */
uint64_t slot_expected_rate(
	const struct sl_segments *segments, const struct sl_segments_slot *slot);

/* Of all slots and sources, as they are now: each TICK_NS. */
void segments_take_rates(struct sl_segments *segments);

/* What a connection has had on average, for those that are left at the end. */
void segments_keep_rate(struct sl_segments *segments, const struct sl_segments_slot *slot);

/* ---- segments_source.c ---- */

/* One that is JOINED. */
bool segments_has_other(const struct sl_segments *segments, const struct sl_source *source);

/* One may be JOINED soon. */
bool segments_is_comparing(const struct sl_segments *segments);

/* For the next segment: its index among those that were not tried, the first of equal ones; `avoid`
 * and paused ones only if there is no other, and paused ones only if nothing else is under way: no
 * segment, and no comparison of a source that may be of use soon. -1 if there is none. */
int segments_pick(
	const struct sl_segments *segments, const struct sl_source *avoid, uint32_t tried);

/* Whether the next piece is better requested from another source. */
bool segments_should_move(const struct sl_segments *segments, const struct sl_source *own);

/* ---- segments_failure.c ---- */

/* Of a slot that has ended. 0, or what ends the transfer. */
int segments_outcome(struct sl_segments *segments, const struct sl_segments_slot *slot);

#endif
