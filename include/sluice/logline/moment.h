/*
 * moment.h - a time as users type it, to be compared with the stamps of a log. Pure.
 *
 *	2015-10-18 18:01:47     any form of timestamp.h, with a zone or without
 *	2015-10-18              midnight; also today and yesterday
 *	18:01, 18:01:47.5       today
 *	1h, 30m ago, -1d12h     before now: s, m, h, d, w, or words such as "hours"
 *	@1445191307, now        seconds since 1970, the present
 *
 * A time without a zone is compared with what a stamp says, whatever its zone: people type what
 * they read in the log. One with a zone, since 1970 or before now is an instant: it is compared
 * with that of a stamp that has a zone; with others as a clock of this machine shows it.
 */
#ifndef SLUICE_LOGLINE_MOMENT_H
#define SLUICE_LOGLINE_MOMENT_H

#include "sluice/logline/timestamp.h"

struct sl_moment {
	int64_t ns;       /* since 1970-01-01 UTC, if it is an instant */
	int64_t local_ns; /* since 1970-01-01 of the zone: as a stamp without a zone has it */
	bool is_instant;
};

/* What a time may depend on. */
struct sl_moment_clock {
	int64_t now_ns; /* since 1970-01-01 UTC */
	/* The time of this machine less UTC, at an instant in seconds since 1970. */
	int32_t (*zone_s)(int64_t utc_s);
};

struct sl_moment sl_moment_now(const struct sl_moment_clock *clock);

/* False if the text is not such a time, or not in the years 1970 to 2199. */
bool sl_moment_parse(
	const char *text, const struct sl_moment_clock *clock, struct sl_moment *moment);

/* How much later the stamp, which has a year, is than the moment, in ns; less than 0 if it is
 * before. */
int64_t sl_moment_distance(const struct sl_timestamp *stamp, const struct sl_moment *moment);

/* Less than 0, 0 or greater: whether the stamp, which has a year, is before the moment, the same or
 * later. */
int sl_moment_compare(const struct sl_timestamp *stamp, const struct sl_moment *moment);

#endif
