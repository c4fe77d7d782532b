/*
 * timeline.h - how many lines there are in each interval of time. Pure.
 *
 * Timelines form a monoid: each worker fills one for a part of an input, and they merge in any
 * order to the same. The interval is that of the caller, or one second at first. It grows when
 * there are more than SL_TIMELINE_BUCKETS intervals that have lines: to the next of a fixed row, in
 * which each interval is a multiple of the one before it. So it depends on the lines alone, and the
 * memory is bounded.
 *
 * Times are those of the log, in its own zone. Days begin at midnight, weeks on Monday. Stamps
 * without a year are counted apart: they cannot be compared with others.
 */
#ifndef SLUICE_LOGLINE_TIMELINE_H
#define SLUICE_LOGLINE_TIMELINE_H

#include "sluice/logline/timestamp.h"

#define SL_TIMELINE_BUCKETS 1024u
#define SL_TIMELINE_INTERVAL_MAX (366u * 86400u)

/* An interval that has lines. */
struct sl_timeline_bucket {
	int64_t index; /* private, until the timeline is arranged */
	uint64_t count;
};

/* Intervals in the order of time. */
struct sl_timeline_row {
	struct sl_timeline_bucket *buckets;
	size_t count, cap;
	size_t last; /* where the last line was counted */
	uint64_t interval_s;
};

/* In its owner's memory; fields are the module's. */
struct sl_timeline {
	bool is_automatic;
	struct sl_timeline_row with_year, without_year;
	uint64_t undated; /* lines without a stamp */
};

/* `interval_s`: 1 to SL_TIMELINE_INTERVAL_MAX, or 0 = chosen here. */
void sl_timeline_init(struct sl_timeline *timeline, uint64_t interval_s);
void sl_timeline_release(struct sl_timeline *timeline);

/* As after sl_timeline_init, but for memory. */
void sl_timeline_clear(struct sl_timeline *timeline, uint64_t interval_s);

/* A line. Returns 0 or -ENOMEM; then it is not counted. */
int sl_timeline_add(struct sl_timeline *timeline, struct sl_span line) SL_MUST_CHECK;

/* The lines of *from, which had the same interval at first, become those of *timeline too. Returns
 * 0 or -ENOMEM; then *timeline can only be cleared or released. */
int sl_timeline_merge(struct sl_timeline *timeline, const struct sl_timeline *from) SL_MUST_CHECK;

/* What is shown of a timeline. */
struct sl_timeline_view {
	const struct sl_timeline_bucket
		*buckets; /* in order; `index`: begin, in seconds since 1970 */
	size_t count;
	uint64_t interval_s;
	bool has_year;
	uint64_t undated;      /* lines without a stamp */
	uint64_t without_year; /* lines that are left out, because others have a year */
};

/*
 * Arrange it for showing; afterwards it can only be cleared or released. An interval that was
 * chosen here grows until at most `max_rows` of them lie between the first and the last line.
 * Stamps without a year are taken to be of one, which begins behind the longest time without lines.
 */
struct sl_timeline_view sl_timeline_arrange(struct sl_timeline *timeline, size_t max_rows);

/* "2015-10-18 18:01", as precise as the interval needs; without the year if there is none. */
struct sl_timeline_label {
	char text[32];
};
struct sl_timeline_label sl_timeline_label(const struct sl_timeline_view *view, int64_t begin_s);

/* An interval as users type it: digits and s, m, h, d or w. False for anything else, 0 and more
 * than SL_TIMELINE_INTERVAL_MAX. */
bool sl_timeline_parse_interval(const char *text, uint64_t *interval_s);

/* "10m", "2h", "90s". */
struct sl_timeline_label sl_timeline_interval(uint64_t interval_s);

#endif
