#include "sluice/base/calendar.h"

#include <criterion/criterion.h>
#include <time.h>

Test(calendar, agrees_with_the_c_library_on_every_day_of_four_centuries)
{
	struct sl_calendar_date date = { 1901, 1, 1 };
	int64_t first = sl_calendar_days(&date);
	date.year = 2301;
	int64_t end = sl_calendar_days(&date);
	cr_assert_eq(end - first, 146097);
	for (int64_t day = first; day < end; day++) {
		time_t seconds = (time_t)(day * SL_DAY_S);
		struct tm tm;
		cr_assert(gmtime_r(&seconds, &tm));
		date = sl_calendar_date(day);
		cr_assert(date.year == tm.tm_year + 1900 && date.month == tm.tm_mon + 1 &&
				  date.day == tm.tm_mday,
			"day %lld", (long long)day);
		cr_assert_eq(sl_calendar_days(&date), day);
		cr_assert(sl_calendar_is_valid(&date));
	}
}

Test(calendar, knows_its_first_and_last_day)
{
	struct sl_calendar_date first = { 1, 1, 1 }, last = { 9999, 12, 31 };
	cr_expect_eq(sl_calendar_days(&first), -719162);
	cr_expect_eq(sl_calendar_days(&last), 2932896);
	struct sl_calendar_date back = sl_calendar_date(-719162);
	cr_expect(back.year == 1 && back.month == 1 && back.day == 1);
	back = sl_calendar_date(2932896);
	cr_expect(back.year == 9999 && back.month == 12 && back.day == 31);
}

Test(calendar, refuses_days_that_do_not_exist)
{
	static const struct sl_calendar_date cases[] = { { 0, 1, 1 }, { 10000, 1, 1 },
		{ 2023, 0, 1 }, { 2023, 13, 1 }, { 2023, 1, 0 }, { 2023, 1, 32 }, { 2023, 4, 31 },
		{ 2023, 2, 29 }, { 1900, 2, 29 }, { 2024, 2, 30 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		cr_expect(!sl_calendar_is_valid(&cases[i]), "case %zu", i);
	struct sl_calendar_date leap = { 2000, 2, 29 };
	cr_expect(sl_calendar_is_valid(&leap));
}
