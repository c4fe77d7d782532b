#include "sluice/scan/period.h"

#include <string.h>

static bool
is_inside(const struct sl_period *period, const struct sl_timestamp *stamp)
{
	return !(period->has_since && sl_moment_compare(stamp, &period->since) < 0) &&
	       !(period->has_until && sl_moment_compare(stamp, &period->until) > 0);
}

static bool
find_stamp(const struct sl_period *period, struct sl_span line, struct sl_timestamp *stamp)
{
	line.len = SL_MIN(line.len, (size_t)SL_PERIOD_LINE_MAX);
	if (!sl_timestamp_find(line, stamp))
		return false;
	if (!stamp->has_year)
		sl_timestamp_settle(stamp, period->latest_ns);
	return true;
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
	if (!find_stamp(period, line, &stamp))
		return SL_PERIOD_UNKNOWN;
	return is_inside(period, &stamp) ? SL_PERIOD_INSIDE : SL_PERIOD_OUTSIDE;
}

/* ---- the order of stamps ---- */

static struct sl_period_course
course_of(bool has_limit, const struct sl_moment *limit, const struct sl_timestamp *stamp)
{
	if (!has_limit)
		return (struct sl_period_course){ 0 };
	int64_t distance_ns = sl_moment_distance(stamp, limit);
	return (struct sl_period_course){
		.has_any = true, .earliest_ns = distance_ns, .latest_ns = distance_ns
	};
}

enum sl_period_side
sl_period_look(const struct sl_period *period, struct sl_span line, struct sl_period_order *order)
{
	struct sl_timestamp stamp;
	*order = (struct sl_period_order){ 0 };
	if (!period->is_sorted)
		return sl_period_side_of(period, line);
	if (!find_stamp(period, line, &stamp))
		return SL_PERIOD_UNKNOWN;
	order->since = course_of(period->has_since, &period->since, &stamp);
	order->until = course_of(period->has_until, &period->until, &stamp);
	return is_inside(period, &stamp) ? SL_PERIOD_INSIDE : SL_PERIOD_OUTSIDE;
}

static void
join_course(struct sl_period_course *course, const struct sl_period_course *right)
{
	if (!right->has_any)
		return;
	if (!course->has_any) {
		*course = *right;
		return;
	}
	int64_t between_ns = course->latest_ns - right->earliest_ns;
	course->back_ns = SL_MAX(SL_MAX(course->back_ns, right->back_ns), between_ns);
	course->earliest_ns = SL_MIN(course->earliest_ns, right->earliest_ns);
	course->latest_ns = SL_MAX(course->latest_ns, right->latest_ns);
}

void
sl_period_order_join(struct sl_period_order *order, const struct sl_period_order *right)
{
	join_course(&order->since, &right->since);
	join_course(&order->until, &right->until);
}

bool
sl_period_is_broken(const struct sl_period *period, const struct sl_period_order *order)
{
	return SL_MAX(order->since.back_ns, order->until.back_ns) > period->slack_ns;
}

/* ---- the lines of a part ---- */

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
		struct sl_period_order order;
		enum sl_period_side side = sl_period_look(period, line, &order);
		if (period->is_sorted)
			sl_period_order_join(&part->order, &order);
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
	sl_period_order_join(&part->order, &right->order);
}
