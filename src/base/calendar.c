/*
 * The two conversions count in years that begin in March, so that the leap day is the last one and
 * the months before it have a pattern of 153 days in five months; eras of 400 years all have the
 * same length.
 */
#include "sluice/base/calendar.h"

#define ERA_YEARS 400
#define ERA_DAYS 146097
#define EPOCH 719468 /* days from 0000-03-01 to 1970-01-01 */

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool
sl_calendar_is_valid(const struct sl_calendar_date *date)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	if (date->year < 1 || date->year > 9999 || date->month < 1 || date->month > 12)
		return false;
	int length = lengths[date->month - 1] + (date->month == 2 && is_leap(date->year));
	return date->day >= 1 && date->day <= length;
}

int64_t
sl_calendar_days(const struct sl_calendar_date *date)
{
	int year = date->year - (date->month <= 2), month = (date->month + 9) % 12;
	int era = year / ERA_YEARS, of_era = year % ERA_YEARS;
	int day = (153 * month + 2) / 5 + date->day - 1;
	return (int64_t)era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + day - EPOCH;
}

struct sl_calendar_date
sl_calendar_date(int64_t days)
{
	days += EPOCH;
	sl_assert(days >= 0);
	int64_t era = days / ERA_DAYS, of_era = days % ERA_DAYS;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t day = of_era - (year * 365 + year / 4 - year / 100), month = (5 * day + 2) / 153;
	int civil = (int)(month < 10 ? month + 3 : month - 9);
	return (struct sl_calendar_date){ .year = (int)(era * ERA_YEARS + year + (civil <= 2)),
		.month = civil,
		.day = (int)(day - (153 * month + 2) / 5 + 1) };
}
