/*
 * calendar.h - dates of the proleptic Gregorian calendar as days since 1970-01-01, and back. No
 * time zones, no leap seconds.
 */
#ifndef SLUICE_BASE_CALENDAR_H
#define SLUICE_BASE_CALENDAR_H

#include "sluice/base/def.h"

#include <stdbool.h>

#define SL_DAY_S 86400

struct sl_calendar_date {
	int year, month, day; /* month and day from 1 */
};

/* True for a date that exists, in the years 1 to 9999. */
bool sl_calendar_is_valid(const struct sl_calendar_date *date);

/* Days since 1970-01-01, negative before it. `date` must be valid. */
int64_t sl_calendar_days(const struct sl_calendar_date *date);

/* The date of that day, which must be in the years 1 to 9999. */
struct sl_calendar_date sl_calendar_date(int64_t days);

#endif
