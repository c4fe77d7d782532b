/*
 * times.h - when lines come: the first and the last time, and how many there are in each of at most
 * SL_TIMES_BUCKETS intervals between them. Pure.
 *
 * The interval is the smallest power of two seconds with which these suffice. So it depends on the
 * times alone, and the counts of a smaller one add up to those of a larger one: times form a
 * monoid, whose parts merge in any order to the same.
 *
 * Times are those of the log, in its own zone. Stamps without a year count only as long as there is
 * none with one; they have that of SL_TIMESTAMP_YEAR.
 */
#ifndef SLUICE_DIGEST_TIMES_H
#define SLUICE_DIGEST_TIMES_H

#include "sluice/logline/timestamp.h"

#define SL_TIMES_BUCKETS 32u

/* {0} has no times. */
struct sl_times {
	bool has_any, has_year;
	unsigned char scale;               /* intervals are of 1 << scale seconds */
	int64_t first_s, last_s;           /* since 1970 */
	uint32_t counts[SL_TIMES_BUCKETS]; /* from the interval of first_s on; UINT32_MAX = so many
					      or more */
};

/* When a line came. */
struct sl_times_moment {
	int64_t at_s; /* since 1970; -1 if it has no stamp */
	bool has_year;
};

/* The time of a line, if it has a stamp. */
struct sl_times_moment sl_times_find(struct sl_span line);

/* A time becomes one of *times, if there is one. */
void sl_times_add(struct sl_times *times, struct sl_times_moment moment);

/* The times of both become those of *times. */
void sl_times_merge(struct sl_times *times, const struct sl_times *more);

/* Where the first interval begins, and how many there are; 0 if there are no times. */
int64_t sl_times_begin_s(const struct sl_times *times);
size_t sl_times_count(const struct sl_times *times);

/* "2015-10-18 18:01:47", without the year if there is none. */
struct sl_times_label {
	char text[32];
};
struct sl_times_label sl_times_label(const struct sl_times *times, int64_t at_s);

/* Append "16: 3 0 43": the seconds of an interval, and the lines in each. */
void sl_times_format(const struct sl_times *times, struct sl_buf *out);

/* Spread the lines over `count` columns, from `first_s` to `last_s`, which have no time before or
 * behind them: those of an interval evenly over its seconds, at least one in the first column that
 * it lies in. Columns are set. */
void sl_times_spread(const struct sl_times *times, int64_t first_s, int64_t last_s,
	uint64_t *columns, size_t count);

#endif
