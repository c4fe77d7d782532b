/*
 * timestamp.h - the time stamp of a log line, in the forms that programs write. Pure; allocates
 * nothing.
 *
 *	2015-10-18T18:01:47.978+02:00   ISO 8601; also with a blank or '_', with / or . in the
 *	                                date, a comma, no seconds, no zone; 20151018T180147Z
 *	18/Oct/2015:18:01:47 +0200      access logs; also 18-Oct-2015 and 18 Oct 2015
 *	Oct 18 18:01:47                 syslog: no year; also one behind the day or the time
 *	Sun Oct 18 18:01:47 2015        ctime; Oct 18, 2015 6:01:47 PM
 *	E1018 18:01:47.978901           klog: no year
 *	10-18 18:01:47.978              Android: no year
 *	15/10/18 18:01:47               log4j: year, month, day
 *	151018 18:01:47                 older MySQL
 *	151018 180147                   HDFS
 *	1445191307.978                  seconds, or smaller units, since 1970
 *
 * The stamp begins in the first SL_TIMESTAMP_PREFIX bytes of the line; the first one found counts.
 * Dates whose order of day and month cannot be told (10/11/2015) and times without a date are not
 * stamps. Numbers since 1970 count at the beginning of a line, in brackets there, behind a first
 * word in capital letters if a date follows ("APPREAD 1117869872 2005.06.04"), and as the value of
 * a member or key that is named after a time, because other numbers look alike. In a line that is a
 * JSON object, such members are looked at first. A stamp that is joined to a name
 * ("app.log.2017-05-16_13:53:08") counts only if there is no other.
 */
#ifndef SLUICE_LOGLINE_TIMESTAMP_H
#define SLUICE_LOGLINE_TIMESTAMP_H

#include "sluice/base/bytes.h"

#define SL_TIMESTAMP_PREFIX 96u

/* Of stamps without a year: a leap year, so that each date exists. */
#define SL_TIMESTAMP_YEAR 1972

struct sl_timestamp {
	/* Since 1970-01-01 UTC if the zone is known, else as if the time in the log were UTC. */
	int64_t ns;
	int32_t zone_s; /* the log's time less UTC; 0 if it is not known */
	bool has_zone;
	bool has_year;     /* else it is SL_TIMESTAMP_YEAR */
	uint64_t unit_ns;  /* what the last digit stands for: from 1 ns to 60 s */
	size_t begin, end; /* of its text in the line */
};

/* False if there is none in the line; then *stamp is undefined. A leap second is the second after
 * it. Years from 1970 to 2199. */
bool sl_timestamp_find(struct sl_span line, struct sl_timestamp *stamp);

/* As the log has it: since 1970-01-01 of its own zone. */
static inline int64_t
sl_timestamp_local_ns(const struct sl_timestamp *stamp)
{
	return stamp->ns + stamp->zone_s * INT64_C(1000000000);
}

/* Only the second of that time, in *local_s: faster for the usual form at the beginning of a line.
 * False if there is no stamp. */
bool sl_timestamp_find_second(struct sl_span line, int64_t *local_s, bool *has_year);

/*
 * Give a stamp without a year the last one in which it is not later than `latest_ns` (as `ns`; at
 * most a day later, for clocks and zones that differ). 29 February becomes that of a leap year.
 */
void sl_timestamp_settle(struct sl_timestamp *stamp, int64_t latest_ns);

#endif
