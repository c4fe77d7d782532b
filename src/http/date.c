/*
 * Reads the three forms of an HTTP date, and writes the one that is still sent. For reading, the
 * name of the day decides the form; a cursor then takes the text piece by piece, and the fields are
 * checked as a whole before they become seconds.
 */
#include "sluice/http/date.h"

#include "sluice/base/calendar.h"

#include <time.h>

#define LAST_DAY 2932896 /* 9999-12-31 */

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };
static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
static const char *const long_days[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
	"Saturday", "Sunday" };

struct fields {
	int year, month, day, hour, minute, second; /* month from 0 */
	bool short_year;
};

/* ---- a cursor that only moves forward on success ---- */

static bool
take_char(struct sl_span *text, char c)
{
	if (text->len == 0 || text->data[0] != c)
		return false;
	text->data++;
	text->len--;
	return true;
}

static bool
take_word(struct sl_span *text, const char *word)
{
	size_t len = strlen(word);
	if (text->len < len || !sl_span_equal_nocase(sl_span(text->data, len), sl_span(word, len)))
		return false;
	text->data += len;
	text->len -= len;
	return true;
}

static bool
take_one_of(struct sl_span *text, const char *const *words, size_t count, int *index)
{
	for (size_t i = 0; i < count; i++)
		if (take_word(text, words[i])) {
			*index = (int)i;
			return true;
		}
	return false;
}

/* Exactly `digits` of them. */
static bool
take_number(struct sl_span *text, size_t digits, int *out)
{
	if (text->len < digits)
		return false;
	int value = 0;
	for (size_t i = 0; i < digits; i++) {
		if (text->data[i] < '0' || text->data[i] > '9')
			return false;
		value = value * 10 + (text->data[i] - '0');
	}
	*out = value;
	text->data += digits;
	text->len -= digits;
	return true;
}

static bool
take_month(struct sl_span *text, int *month)
{
	return take_one_of(text, months, SL_COUNT_OF(months), month);
}

static bool
take_time(struct sl_span *text, struct fields *out)
{
	return take_number(text, 2, &out->hour) && take_char(text, ':') &&
	       take_number(text, 2, &out->minute) && take_char(text, ':') &&
	       take_number(text, 2, &out->second);
}

/* ---- the three forms, after the name of the day ---- */

/* ", 06 Nov 1994 08:49:37 GMT" */
static bool
take_fixdate(struct sl_span text, struct fields *out)
{
	return take_word(&text, ", ") && take_number(&text, 2, &out->day) &&
	       take_char(&text, ' ') && take_month(&text, &out->month) && take_char(&text, ' ') &&
	       take_number(&text, 4, &out->year) && take_char(&text, ' ') &&
	       take_time(&text, out) && take_word(&text, " GMT") && text.len == 0;
}

/* ", 06-Nov-94 08:49:37 GMT" */
static bool
take_rfc850(struct sl_span text, struct fields *out)
{
	out->short_year = true;
	return take_word(&text, ", ") && take_number(&text, 2, &out->day) &&
	       take_char(&text, '-') && take_month(&text, &out->month) && take_char(&text, '-') &&
	       take_number(&text, 2, &out->year) && take_char(&text, ' ') &&
	       take_time(&text, out) && take_word(&text, " GMT") && text.len == 0;
}

/* " Nov  6 08:49:37 1994" */
static bool
take_asctime(struct sl_span text, struct fields *out)
{
	if (!take_char(&text, ' ') || !take_month(&text, &out->month) || !take_char(&text, ' '))
		return false;
	if (!take_number(&text, 2, &out->day) &&
		!(take_char(&text, ' ') && take_number(&text, 1, &out->day)))
		return false;
	return take_char(&text, ' ') && take_time(&text, out) && take_char(&text, ' ') &&
	       take_number(&text, 4, &out->year) && text.len == 0;
}

/* ---- the calendar ---- */

static bool
is_valid(const struct fields *f)
{
	struct sl_calendar_date date = { f->year, f->month + 1, f->day };
	return sl_calendar_is_valid(&date) && f->hour <= 23 && f->minute <= 59 && f->second <= 60;
}

static int64_t
to_seconds(const struct fields *f)
{
	struct sl_calendar_date date = { f->year, f->month + 1, f->day };
	return sl_calendar_days(&date) * SL_DAY_S + f->hour * 3600 + f->minute * 60 + f->second;
}

/* RFC 9110 5.6.7: a year more than 50 years ahead means the latest such year in the past. */
static int
full_year(int short_year, int64_t now_s)
{
	int64_t day = SL_MIN(SL_MAX(now_s, 0) / SL_DAY_S, LAST_DAY);
	int now = sl_calendar_date(day).year;
	int year = now - now % 100 + 100 + short_year;
	while (year > now + 50)
		year -= 100;
	return year;
}

bool
sl_date_parse(struct sl_span text, int64_t now_s, int64_t *seconds)
{
	struct fields f = { 0 };
	int day = 0;
	struct sl_span after = text;
	bool good = false;
	/* Long names first: "Mon" begins "Monday". */
	if (take_one_of(&after, long_days, SL_COUNT_OF(long_days), &day))
		good = take_rfc850(after, &f);
	else if (take_one_of(&after, days, SL_COUNT_OF(days), &day))
		good = after.len > 0 && after.data[0] == ',' ? take_fixdate(after, &f)
							     : take_asctime(after, &f);
	if (good && f.short_year)
		f.year = full_year(f.year, now_s);
	if (!good || !is_valid(&f))
		return false;
	*seconds = to_seconds(&f);
	return true;
}

void
sl_date_format(struct sl_buf *out, int64_t seconds)
{
	struct tm utc = { 0 };
	time_t time = (time_t)seconds;
	bool good = gmtime_r(&time, &utc) && utc.tm_year >= 1 - 1900 && utc.tm_year <= 9999 - 1900;
	sl_assert(good);
	/* Names of its own: those of strftime are the locale's. */
	sl_buf_printf(out, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[(utc.tm_wday + 6) % 7],
		utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
		utc.tm_sec);
}
