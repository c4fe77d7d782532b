/*
 * segments_source.c - which source the next segment is requested from.
 */
#include "segments_int.h"

bool
segments_has_other(const struct sl_segments *segments, const struct sl_source *source)
{
	for (size_t i = 0; i < segments->source_count; i++)
		if (segments->sources[i] != source &&
			segments->sources[i]->state == SL_SOURCE_JOINED)
			return true;
	return false;
}

bool
segments_is_comparing(const struct sl_segments *segments)
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

int
segments_pick(const struct sl_segments *segments, const struct sl_source *avoid, uint32_t tried)
{
	int best = -1;
	double best_score = 0;
	bool may_wait = segments->running > 0 || segments_is_comparing(segments);
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

bool
segments_should_move(const struct sl_segments *segments, const struct sl_source *own)
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
