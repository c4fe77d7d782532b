/*
 * timestamp_forms.c - the forms of a stamp. Each is a row of steps of a cursor, which reads nothing
 * behind its end; the fields are checked as a whole before they become a stamp.
 */
#include "timestamp_int.h"

#include "sluice/base/calendar.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MIN (60ull * 1000000000ull)
#define ZONE_HOURS_MAX 14
/* No program writes more: a stamp stays short. */
#define FRACTION_DIGITS_MAX 30
#define BLANKS_MAX 16
#define EPOCH_MIN_S 1000000000u /* 2001: shorter numbers are something else */
#define EPOCH_MAX_S 4102444800u /* 2100 */

struct fields {
	int year, month, day, hour, minute, second;
	bool has_year, has_zone;
	uint32_t fraction_ns;
	uint64_t unit_ns;
	int32_t zone_s;
};

/* ---- steps: what they take is gone only if they return true ---- */

static bool
take(struct cursor *in, char c)
{
	if (in->at == in->end || *in->at != c)
		return false;
	in->at++;
	return true;
}

/* One of the characters; *c is which. */
static bool
take_any(struct cursor *in, const char *set, char *c)
{
	for (; in->at < in->end && *set; set++)
		if (*in->at == *set) {
			*c = *in->at++;
			return true;
		}
	return false;
}

static bool
take_blanks(struct cursor *in)
{
	const char *at = in->at;
	while (at < in->end && (*at == ' ' || *at == '\t') && at - in->at <= BLANKS_MAX)
		at++;
	if (at == in->at || at - in->at > BLANKS_MAX)
		return false;
	in->at = at;
	return true;
}

/* `least` to `most` digits. */
static bool
take_number(struct cursor *in, int least, int most, int *out)
{
	const char *at = in->at;
	int value = 0;
	while (at < in->end && at - in->at < most && is_digit(*at))
		value = value * 10 + (*at++ - '0');
	if (at - in->at < least)
		return false;
	in->at = at;
	*out = value;
	return true;
}

static bool
take_month(struct cursor *in, int *month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	if (in->end - in->at < 3 || !strchr("JFMASOND", *in->at) || !*in->at)
		return false;
	for (int i = 0; i < 12; i++)
		if (memcmp(in->at, names + 3 * i, 3) == 0) {
			in->at += 3;
			*month = i + 1;
			return true;
		}
	return false;
}

static bool
take_year(struct cursor *in, struct fields *f)
{
	struct cursor next = *in;
	if (!take_number(&next, 4, 4, &f->year) || is_digit(peek(&next)))
		return false;
	*in = next;
	f->has_year = true;
	return true;
}

/* Up to nine digits count; more than FRACTION_DIGITS_MAX are no fraction. */
static bool
take_fraction(struct cursor *in, struct fields *f)
{
	const char *begin = in->at;
	uint64_t unit = (uint64_t)NS_PER_S, value = 0;
	if (!is_digit(peek(in)))
		return false;
	for (; is_digit(peek(in)); in->at++) {
		if (in->at - begin == FRACTION_DIGITS_MAX)
			return false;
		if (unit == 1)
			continue;
		value = value * 10 + (uint64_t)(*in->at - '0');
		unit /= 10;
	}
	f->fraction_ns = (uint32_t)(value * unit);
	f->unit_ns = unit;
	return true;
}

/* ".978", ",978", or of exactly three digits ":978". */
static void
take_any_fraction(struct cursor *in, struct fields *f)
{
	struct cursor next = *in;
	char mark;
	if (!take_any(&next, ".,:", &mark))
		return;
	const char *begin = next.at;
	struct fields with = *f;
	if (!take_fraction(&next, &with) || (mark == ':' && next.at - begin != 3))
		return;
	*f = with;
	*in = next;
}

/* "18:01:47.978", "18.01.47"; without seconds if `may_be_short`. */
static bool
take_clock(struct cursor *in, struct fields *f, bool may_be_short)
{
	char mark;
	if (!take_number(in, 1, 2, &f->hour) || !take_any(in, ":.", &mark) ||
		!take_number(in, 1, 2, &f->minute))
		return false;
	f->unit_ns = NS_PER_MIN;
	struct cursor next = *in;
	if (take(&next, mark) && take_number(&next, 1, 2, &f->second)) {
		*in = next;
		f->unit_ns = (uint64_t)NS_PER_S;
		take_any_fraction(in, f);
	} else if (!may_be_short || mark != ':') {
		return false;
	}
	return !is_digit(peek(in));
}

static bool
take_word(struct cursor *in, const char *word)
{
	if (peek(in) != *word)
		return false;
	size_t len = strlen(word);
	if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len) != 0)
		return false;
	if ((size_t)(in->end - in->at) > len && is_letter(in->at[len]))
		return false;
	in->at += len;
	return true;
}

/* "+02:00", "+0200" or, if it follows directly, "+02". */
static bool
take_offset(struct cursor *in, struct fields *f, bool is_direct)
{
	char sign;
	int hours, minutes = 0;
	struct cursor next = *in;
	if (!take_any(&next, "+-", &sign) || !take_number(&next, 2, 2, &hours))
		return false;
	bool has_colon = take(&next, ':'), has_minutes = take_number(&next, 2, 2, &minutes);
	if (has_colon && !has_minutes)
		return false;
	if ((!has_minutes && !is_direct) || hours > ZONE_HOURS_MAX || minutes > 59)
		return false;
	if (is_digit(peek(&next)) || is_letter(peek(&next)))
		return false;
	f->zone_s = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	f->has_zone = true;
	*in = next;
	return true;
}

/* Names of zones other than UTC stand for several. */
static void
take_zone(struct cursor *in, struct fields *f)
{
	struct cursor next = *in;
	bool is_direct = !take_blanks(&next);
	if (take_word(&next, "UTC") || take_word(&next, "GMT") || take_word(&next, "Z"))
		f->has_zone = true;
	else if (!take_offset(&next, f, is_direct))
		return;
	*in = next;
}

/* " PM" */
static bool
take_half(struct cursor *in, struct fields *f)
{
	struct cursor next = *in;
	(void)take_blanks(&next);
	bool is_pm = take_word(&next, "PM") || take_word(&next, "pm");
	if (!is_pm && !take_word(&next, "AM") && !take_word(&next, "am"))
		return true;
	*in = next;
	if (f->hour < 1 || f->hour > 12)
		return false;
	f->hour = f->hour % 12 + (is_pm ? 12 : 0);
	return true;
}

/* ---- forms ---- */

/* Between date and time. */
static bool
take_gap(struct cursor *in)
{
	char c;
	return take_any(in, "T_-:", &c) || take_blanks(in);
}

/* "2015-10-18T18:01:47", with a blank or T: most logs have it, and a few comparisons show it. */
static bool
take_usual(struct cursor *in, struct fields *f)
{
	const size_t len = TIMESTAMP_USUAL_LEN;
	const char *at = in->at;
	if (!is_usual(at, (size_t)(in->end - at)))
		return false;
	struct fields usual = { .year = two_digits(at) * 100 + two_digits(at + 2),
		.month = two_digits(at + 5),
		.day = two_digits(at + 8),
		.hour = two_digits(at + 11),
		.minute = two_digits(at + 14),
		.second = two_digits(at + 17),
		.has_year = true,
		.unit_ns = (uint64_t)NS_PER_S };
	struct cursor next = { at + len, in->end };
	take_any_fraction(&next, &usual);
	if (is_digit(peek(&next)) || !take_half(&next, &usual))
		return false;
	*in = next;
	*f = usual;
	return true;
}

/* "2015-10-18T18:01:47" */
static bool
take_iso(struct cursor *in, struct fields *f)
{
	char mark;
	if (take_usual(in, f))
		return true;
	return take_year(in, f) && take_any(in, "-/.", &mark) && take_number(in, 1, 2, &f->month) &&
	       take(in, mark) && take_number(in, 1, 2, &f->day) && take_gap(in) &&
	       take_clock(in, f, true) && take_half(in, f);
}

/* "20151018T180147", "20151018-18:01:47" */
static bool
take_compact(struct cursor *in, struct fields *f)
{
	if (!take_number(in, 4, 4, &f->year) || !take_number(in, 2, 2, &f->month) ||
		!take_number(in, 2, 2, &f->day))
		return false;
	f->has_year = true;
	if (!is_digit(peek(in)) && !take_gap(in))
		return false;
	struct cursor clock = *in;
	if (take_clock(&clock, f, false)) {
		*in = clock;
		return true;
	}
	f->unit_ns = (uint64_t)NS_PER_S;
	if (!take_number(in, 2, 2, &f->hour) || !take_number(in, 2, 2, &f->minute) ||
		!take_number(in, 2, 2, &f->second))
		return false;
	take_any_fraction(in, f);
	return !is_digit(peek(in));
}

/* "18/Oct/2015:18:01:47", "18 Oct 2015 18:01:47" */
static bool
take_day_first(struct cursor *in, struct fields *f)
{
	char mark;
	return take_number(in, 1, 2, &f->day) && take_any(in, "/- ", &mark) &&
	       take_month(in, &f->month) && take(in, mark) && take_year(in, f) && take_gap(in) &&
	       take_clock(in, f, false) && take_half(in, f);
}

/* "15/10/18 18:01:47": as log4j writes it. */
static bool
take_short_year(struct cursor *in, struct fields *f)
{
	bool good = take_number(in, 2, 2, &f->year) && take(in, '/') &&
		    take_number(in, 2, 2, &f->month) && take(in, '/') &&
		    take_number(in, 2, 2, &f->day) && take(in, ' ') && take_clock(in, f, false);
	f->year += 2000;
	f->has_year = true;
	return good;
}

/* "180147" before a blank. */
static bool
take_short_clock(struct cursor *in, struct fields *f)
{
	bool good = take_number(in, 2, 2, &f->hour) && take_number(in, 2, 2, &f->minute) &&
		    take_number(in, 2, 2, &f->second);
	f->unit_ns = (uint64_t)NS_PER_S;
	return good && (in->at == in->end || *in->at == ' ');
}

/* "151018 18:01:47", with blanks for zeros in the hour; "151018 180147". */
static bool
take_short_date(struct cursor *in, struct fields *f)
{
	bool good = take_number(in, 2, 2, &f->year) && take_number(in, 2, 2, &f->month) &&
		    take_number(in, 2, 2, &f->day);
	f->year += 2000;
	f->has_year = true;
	struct cursor clock = *in;
	if (good && take(&clock, ' ') && take_short_clock(&clock, f)) {
		*in = clock;
		return true;
	}
	return good && take_blanks(in) && take_clock(in, f, false);
}

/* "10-18 18:01:47.978": only with a fraction. */
static bool
take_android(struct cursor *in, struct fields *f)
{
	f->year = SL_TIMESTAMP_YEAR;
	return take_number(in, 2, 2, &f->month) && take(in, '-') &&
	       take_number(in, 2, 2, &f->day) && take(in, ' ') && take_clock(in, f, false) &&
	       f->unit_ns < (uint64_t)NS_PER_S;
}

/* A year behind the time, perhaps with a zone before it: "18:01:47 CEST 2015". */
static void
take_year_behind(struct cursor *in, struct fields *f)
{
	struct cursor next = *in;
	struct fields with = *f;
	take_zone(&next, &with);
	if (!take_blanks(&next))
		return;
	if (!with.has_zone)
		for (int i = 0; i < 5 && is_letter(peek(&next)); i++)
			next.at++;
	(void)take_blanks(&next);
	if (!take_year(&next, &with) || with.year < TIMESTAMP_YEAR_MIN ||
		with.year > TIMESTAMP_YEAR_MAX)
		return;
	if (is_letter(peek(&next)) || peek(&next) == '-' || peek(&next) == '.')
		return;
	*in = next;
	*f = with;
}

/* "Oct 18 18:01:47", "Oct 18, 2015 6:01:47 PM", "Oct 18 18:01:47 2015" */
static bool
take_month_first(struct cursor *in, struct fields *f)
{
	if (!take_month(in, &f->month) || !take_blanks(in) || !take_number(in, 1, 2, &f->day))
		return false;
	(void)take(in, ',');
	if (!take_blanks(in))
		return false;
	f->year = SL_TIMESTAMP_YEAR;
	struct cursor next = *in;
	struct fields with = *f;
	if (take_year(&next, &with) && take_blanks(&next)) {
		*in = next;
		*f = with;
	}
	if (!take_clock(in, f, false) || !take_half(in, f))
		return false;
	if (!f->has_year)
		take_year_behind(in, f);
	return true;
}

/* "E1018 18:01:47.978901" and, with a year, "E20151018 18:01:47.978901". */
static bool
take_klog(struct cursor *in, struct fields *f)
{
	char level;
	f->year = SL_TIMESTAMP_YEAR;
	if (!take_any(in, "IWEFD", &level))
		return false;
	struct cursor next = *in;
	int digits;
	if (take_number(&next, 8, 8, &digits))
		f->has_year = take_number(in, 4, 4, &f->year);
	return take_number(in, 2, 2, &f->month) && take_number(in, 2, 2, &f->day) &&
	       take_blanks(in) && take_clock(in, f, false) && f->unit_ns < (uint64_t)NS_PER_S;
}

/* ---- from fields to a stamp ---- */

static bool
finish(const struct fields *f, struct sl_timestamp *stamp)
{
	struct sl_calendar_date date = { f->year, f->month, f->day };
	if (f->year < TIMESTAMP_YEAR_MIN || f->year > TIMESTAMP_YEAR_MAX ||
		!sl_calendar_is_valid(&date))
		return false;
	if (f->hour > 23 || f->minute > 59 || f->second > 60)
		return false;
	int64_t seconds = sl_calendar_days(&date) * SL_DAY_S + f->hour * 3600 + f->minute * 60 +
			  f->second - f->zone_s;
	*stamp = (struct sl_timestamp){ .ns = seconds * NS_PER_S + f->fraction_ns,
		.zone_s = f->zone_s,
		.has_zone = f->has_zone,
		.has_year = f->has_year,
		.unit_ns = f->unit_ns };
	return true;
}

typedef bool take_form(struct cursor *in, struct fields *f);

static bool
try_form(take_form *form, struct cursor *in, struct sl_timestamp *stamp)
{
	struct cursor next = *in;
	struct fields f = { 0 };
	if (!form(&next, &f))
		return false;
	if (!f.has_zone)
		take_zone(&next, &f);
	if (!finish(&f, stamp))
		return false;
	*in = next;
	return true;
}

/* Seconds since 1970 with an optional fraction, or smaller units by the number of digits. */
static bool
take_epoch(struct cursor *in, struct sl_timestamp *stamp)
{
	struct fields f = { .unit_ns = (uint64_t)NS_PER_S };
	struct cursor next = *in;
	uint64_t value = 0;
	while (is_digit(peek(&next)) && next.at - in->at < 19)
		value = value * 10 + (uint64_t)(*next.at++ - '0');
	for (ptrdiff_t digits = next.at - in->at; digits > 10 && f.unit_ns > 1; digits -= 3)
		f.unit_ns /= 1000;
	uint64_t scale = (uint64_t)NS_PER_S / f.unit_ns, seconds = value / scale;
	if (is_digit(peek(&next)) || seconds < EPOCH_MIN_S || seconds >= EPOCH_MAX_S)
		return false;
	f.fraction_ns = (uint32_t)(value % scale * f.unit_ns);
	struct cursor behind = next;
	if (scale == 1 && take(&behind, '.') && take_fraction(&behind, &f))
		next = behind;
	if (is_letter(peek(&next)))
		return false;
	*stamp = (struct sl_timestamp){ .ns = (int64_t)seconds * NS_PER_S + f.fraction_ns,
		.has_zone = true,
		.has_year = true,
		.unit_ns = f.unit_ns };
	*in = next;
	return true;
}

/* "1117869872 2005.06.04 ": numbers alone could be anything. */
static bool
take_epoch_and_date(struct cursor *in, struct sl_timestamp *stamp)
{
	struct fields date;
	struct cursor next = *in;
	if (!take_epoch(&next, stamp) || !take(&next, ' ') || !take_year(&next, &date) ||
		!take(&next, '.') || !take_number(&next, 2, 2, &date.month) || !take(&next, '.') ||
		!take_number(&next, 2, 2, &date.day) || is_digit(peek(&next)))
		return false;
	*in = next;
	return true;
}

bool
sl_timestamp_take(enum timestamp_form form, struct cursor *in, struct sl_timestamp *stamp)
{
	static take_form *const forms[] = {
		[TIMESTAMP_ISO] = take_iso,
		[TIMESTAMP_COMPACT] = take_compact,
		[TIMESTAMP_DAY_FIRST] = take_day_first,
		[TIMESTAMP_SHORT_YEAR] = take_short_year,
		[TIMESTAMP_SHORT_DATE] = take_short_date,
		[TIMESTAMP_ANDROID] = take_android,
		[TIMESTAMP_MONTH_FIRST] = take_month_first,
		[TIMESTAMP_KLOG] = take_klog,
	};
	if (form == TIMESTAMP_EPOCH)
		return take_epoch(in, stamp);
	if (form == TIMESTAMP_EPOCH_AND_DATE)
		return take_epoch_and_date(in, stamp);
	return try_form(forms[form], in, stamp);
}
