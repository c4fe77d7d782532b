#include "sluice/scan/period.h"

#include <string.h>

static bool
is_inside(const struct sl_period *period, const struct sl_timestamp *stamp)
{
	return !(period->has_since && sl_moment_compare(stamp, &period->since) < 0) &&
	       !(period->has_until && sl_moment_compare(stamp, &period->until) > 0);
}

enum sl_period_side
sl_period_side_of_stamp(const struct sl_period *period, struct sl_timestamp stamp)
{
	if (!stamp.has_year)
		sl_timestamp_settle(&stamp, period->latest_ns);
	return is_inside(period, &stamp) ? SL_PERIOD_INSIDE : SL_PERIOD_OUTSIDE;
}

enum sl_period_side
sl_period_side_of(const struct sl_period *period, struct sl_span line)
{
	struct sl_timestamp stamp;
	line.len = SL_MIN(line.len, (size_t)SL_PERIOD_LINE_MAX);
	if (!sl_timestamp_find(line, &stamp))
		return SL_PERIOD_UNKNOWN;
	return sl_period_side_of_stamp(period, stamp);
}

static void
set_bit(uint64_t *bits, size_t index)
{
	bits[index / 64] |= 1ull << (index % 64);
}

size_t
sl_period_walk(const struct sl_period *period, const unsigned char *data, size_t len,
	uint64_t *within, struct sl_period_part *part)
{
	const unsigned char *at = len ? memchr(data, '\n', len) : NULL, *end = data + len;
	const unsigned char *first = NULL, *newline;
	*part = (struct sl_period_part){ 0 };
	memset(within, 0, (len + 63) / 64 * sizeof(*within));
	if (!at)
		return 0;
	for (at++; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
		struct sl_span line = { (const char *)at, (size_t)(newline - at) };
		enum sl_period_side side = sl_period_side_of(period, line);
		if (side != SL_PERIOD_UNKNOWN) {
			first = first ? first : at;
			part->last = side;
		}
		sl_period_add_line(part, part->last, false);
		if (part->last != SL_PERIOD_OUTSIDE)
			set_bit(within, (size_t)(newline - data));
	}
	/* Without a stamp all of them come before it. */
	return (size_t)((first ? first : at) - data);
}

void
sl_period_add_line(struct sl_period_part *part, enum sl_period_side side, bool is_hit)
{
	part->lines += side == SL_PERIOD_INSIDE;
	part->unknown.lines += side == SL_PERIOD_UNKNOWN;
	part->unknown.hits += side == SL_PERIOD_UNKNOWN && is_hit;
	part->last = side;
}

static void
add_unknown(struct sl_period_lines *to, const struct sl_period_lines *more)
{
	if (to->undecided == 0)
		to->undecided_line = more->undecided_line;
	to->lines += more->lines;
	to->hits += more->hits;
	to->undecided += more->undecided;
	to->unlevelled += more->unlevelled;
}

void
sl_period_join(struct sl_period_part *part, const struct sl_period_part *right, uint64_t newlines,
	struct sl_period_lines *found)
{
	struct sl_period_lines more = right->unknown;
	more.undecided_line += newlines;
	*found = (struct sl_period_lines){ 0 };
	if (part->last == SL_PERIOD_UNKNOWN)
		add_unknown(&part->unknown, &more);
	else if (part->last == SL_PERIOD_INSIDE)
		*found = more;
	part->lines += right->lines + found->lines;
	if (right->last != SL_PERIOD_UNKNOWN)
		part->last = right->last;
}
