/*
 * segments_rate.c - the rates of connections and sources.
 */
#include "segments_int.h"

/* What a rate is measured over: at least the first, and, if the bytes come in bursts, several of
 * the pauses between them (nginx with limit_rate sends once a second). */
#define RATE_NS (500 * SL_NS_PER_MS)
#define RATE_MAX_NS (4 * SL_NS_PER_S)
#define RATE_PAUSES 3

uint64_t
slot_average_rate(const struct sl_segments_slot *slot)
{
	uint64_t elapsed_ns = SL_MAX(sl_now() - slot->began_ns, (uint64_t)1);
	return (uint64_t)((double)slot_received(slot) * (double)SL_NS_PER_S / (double)elapsed_ns);
}

uint64_t
segments_mean_of(const struct sl_segments *segments, const struct sl_segments_slot *other,
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

uint64_t
segments_mean_rate(const struct sl_segments *segments, const struct sl_segments_slot *other)
{
	uint64_t mean = segments_mean_of(segments, other, NULL);
	return mean > 0 ? mean : segments->usual_bytes_s;
}

uint64_t
slot_expected_rate(const struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	uint64_t mean = segments_mean_of(segments, slot, slot->source);
	if (mean > 0 || segments->source_count == 1 || slot->rate_bytes_s == 0)
		return mean > 0 ? mean : segments_mean_rate(segments, slot);
	return slot->source->rate_bytes_s;
}

static void
note_pause(struct sl_segments_slot *slot)
{
	uint64_t now_ns = sl_now(), received = slot_received(slot);
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
	struct mark now = { sl_now(), slot_received(slot), slot_limited_ns(slot) };
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

/* The mean of those that are rated. One alone does not tell what is usual: it may be the slow one
 * that is left once the others have ended, and its rest is compared with what these had. */
static void
take_usual_rate(struct sl_segments *segments)
{
	unsigned rated = 0;
	for (unsigned i = 0; i < segments->most; i++)
		rated += segments->slots[i].is_running && segments->slots[i].is_rated;
	if (rated > 1 || segments->usual_bytes_s == 0)
		segments->usual_bytes_s = segments_mean_rate(segments, NULL);
}

static void
rate_sources(struct sl_segments *segments)
{
	for (size_t i = 0; i < segments->source_count; i++) {
		uint64_t mean = segments_mean_of(segments, NULL, segments->sources[i]);
		if (mean > 0)
			segments->sources[i]->rate_bytes_s = mean;
	}
}

void
segments_keep_rate(struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	uint64_t rate = slot_average_rate(slot);
	if (slot->code || slot->is_dropped || rate == 0)
		return;
	segments->usual_bytes_s =
		segments->usual_bytes_s ? (3 * segments->usual_bytes_s + rate) / 4 : rate;
	struct sl_source *source = slot->source;
	source->rate_bytes_s = source->rate_bytes_s ? (3 * source->rate_bytes_s + rate) / 4 : rate;
}

void
segments_take_rates(struct sl_segments *segments)
{
	for (unsigned i = 0; i < segments->most; i++)
		if (slot_is_at_work(&segments->slots[i]))
			note_pause(&segments->slots[i]);
	for (size_t i = 0; i < segments->source_count; i++)
		note_pause_of(segments, segments->sources[i]);
	for (unsigned i = 0; i < segments->most; i++)
		if (slot_is_at_work(&segments->slots[i]))
			take_rate(&segments->slots[i]);
	take_usual_rate(segments);
	rate_sources(segments);
}
