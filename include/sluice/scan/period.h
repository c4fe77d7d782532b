/*
 * period.h - the lines of a period of time, and how much of that is known by a part of an input.
 * Pure.
 *
 * A line with a stamp is in the period if its stamp is; one without belongs to the last line before
 * it that has one. Lines before the first stamp of an input are in it if the period has no
 * beginning. Logs need not be sorted.
 *
 * Of a part of an input the side of its first lines, up to the first stamp, is decided by what
 * comes before: their counts are kept apart until that is known. So parts merge in any order.
 */
#ifndef SLUICE_SCAN_PERIOD_H
#define SLUICE_SCAN_PERIOD_H

#include "sluice/logline/moment.h"

/* From `since` to `until`, both included. */
struct sl_period {
	bool has_since, has_until;
	struct sl_moment since, until;
	/* The present, as stamps without a zone have it: those without a year are of the last such
	 * day up to then. */
	int64_t latest_ns;
	/* The lines of an input are said to be sorted: no stamp is earlier than one before it by
	 * more than the slack. Then results have the order of the stamps. */
	bool is_sorted;
	int64_t slack_ns;
};

/* Stamps in the order of their lines, by their distances from a limit. {0} if there are none. */
struct sl_period_course {
	bool has_any;
	int64_t earliest_ns, latest_ns;
	int64_t back_ns; /* the most by which one is earlier than one before it; 0 = none is */
};

/* In relation to both limits: a stamp's distances from them may differ by more than the time
 * between them, if only one is an instant. */
struct sl_period_order {
	struct sl_period_course since, until;
};

/* Bytes of a line in which its stamp may be. */
#define SL_PERIOD_LINE_MAX (16u * 1024u)

enum sl_period_side { SL_PERIOD_UNKNOWN, SL_PERIOD_INSIDE, SL_PERIOD_OUTSIDE };

/* What is counted of lines whose side is not known. */
struct sl_period_lines {
	uint64_t lines, hits, undecided, unlevelled;
	uint64_t undecided_line; /* newlines before the first undecided one, if there are some */
};

/* What a part of an input has of the period. {0} is that of no bytes. */
struct sl_period_part {
	enum sl_period_side last; /* of the line behind it, if that has no stamp */
	uint64_t lines;           /* inside, as far as it is known; complete ones */
	struct sl_period_lines unknown;
	bool is_over; /* the input's last line, which has no newline, is among them if inside */
	struct sl_period_order order; /* if the period is sorted; of the lines that are complete */
};

/* By the stamp of the line; UNKNOWN if it has none. */
enum sl_period_side sl_period_side_of(const struct sl_period *period, struct sl_span line);

/* By a stamp. */
enum sl_period_side sl_period_side_of_stamp(
	const struct sl_period *period, struct sl_timestamp stamp);

/* The same, and if the period is sorted, *order of this stamp alone; else {0}. */
enum sl_period_side sl_period_look(
	const struct sl_period *period, struct sl_span line, struct sl_period_order *order);

/* The stamps of *right follow. */
void sl_period_order_join(struct sl_period_order *order, const struct sl_period_order *right);

/* A stamp is earlier than one before it by more than the slack. */
bool sl_period_is_broken(const struct sl_period *period, const struct sl_period_order *order);

/* Of lines before the first stamp of an input. */
static inline enum sl_period_side
sl_period_first_side(const struct sl_period *period)
{
	return period->has_since ? SL_PERIOD_OUTSIDE : SL_PERIOD_INSIDE;
}

/*
 * The lines that begin and end in data[0, len). Sets the bit of each one's newline in `within`
 * unless it is OUTSIDE, and clears all others; *part of those lines, without hits. Returns where
 * the first line with a stamp begins, which the UNKNOWN ones come before.
 */
size_t sl_period_walk(const struct sl_period *period, const unsigned char *data, size_t len,
	uint64_t *within, struct sl_period_part *part);

/* A line follows, which is complete; its stamp goes to the order apart. */
void sl_period_add_line(struct sl_period_part *part, enum sl_period_side side, bool is_hit);

/* The lines of *right follow; *part has `newlines`. Those of its unknown lines that are inside, as
 * is known now, are *found, with its numbers; zeros if there are none. */
void sl_period_join(struct sl_period_part *part, const struct sl_period_part *right,
	uint64_t newlines, struct sl_period_lines *found);

#endif
