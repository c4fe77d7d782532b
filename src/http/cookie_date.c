/*
 * The text is a row of words. Each is taken as the first of time, day, month and year that it fits
 * and that was not found before; one that fits none is passed over: the day of the week, a time
 * zone, which always counts as UTC.
 */
#include "sluice/http/cookie_date.h"

#include "sluice/base/calendar.h"

#define YEAR_MIN 1601

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

struct fields {
	bool has_time, has_day, has_month, has_year;
	int hour, minute, second, day, month, year; /* month from 1 */
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* %x09 / %x20-2F / %x3B-40 / %x5B-60 / %x7B-7E */
static bool
is_delimiter(char byte)
{
	unsigned char c = (unsigned char)byte;
	return c == '\t' || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
	       (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

/* `least` to `most` digits that no other digit follows. */
static bool
take_number(struct sl_span *word, size_t least, size_t most, int *out)
{
	size_t len = 0;
	int value = 0;
	for (; len < word->len && is_digit(word->data[len]); len++) {
		if (len == most)
			return false;
		value = value * 10 + (word->data[len] - '0');
	}
	if (len < least)
		return false;
	*word = sl_span(word->data + len, word->len - len);
	*out = value;
	return true;
}

static bool
take_colon(struct sl_span *word)
{
	if (word->len == 0 || word->data[0] != ':')
		return false;
	*word = sl_span(word->data + 1, word->len - 1);
	return true;
}

static bool
take_time(struct fields *f, struct sl_span word)
{
	return take_number(&word, 1, 2, &f->hour) && take_colon(&word) &&
	       take_number(&word, 1, 2, &f->minute) && take_colon(&word) &&
	       take_number(&word, 1, 2, &f->second);
}

static bool
take_month(struct fields *f, struct sl_span word)
{
	for (int i = 0; i < 12 && word.len >= 3; i++)
		if (sl_span_equal_nocase(sl_span(word.data, 3), sl_span(months + 3 * i, 3))) {
			f->month = i + 1;
			return true;
		}
	return false;
}

static void
take_word(struct fields *f, struct sl_span word)
{
	struct sl_span rest = word;
	if (!f->has_time && take_time(f, word))
		f->has_time = true;
	else if (!f->has_day && take_number(&rest, 1, 2, &f->day))
		f->has_day = true;
	else if (!f->has_month && take_month(f, word))
		f->has_month = true;
	else if (!f->has_year && take_number(&rest, 2, 4, &f->year))
		f->has_year = true;
}

static bool
is_valid(const struct fields *f)
{
	struct sl_calendar_date date = { f->year, f->month, f->day };
	return f->has_time && f->has_day && f->has_month && f->has_year && f->year >= YEAR_MIN &&
	       f->hour <= 23 && f->minute <= 59 && f->second <= 59 && sl_calendar_is_valid(&date);
}

bool
sl_cookie_date_parse(struct sl_span text, int64_t *seconds)
{
	struct fields f = { 0 };
	size_t i = 0;
	while (i < text.len) {
		size_t begin = i;
		while (i < text.len && !is_delimiter(text.data[i]))
			i++;
		if (i > begin)
			take_word(&f, sl_span(text.data + begin, i - begin));
		i++;
	}
	if (f.year >= 70 && f.year <= 99)
		f.year += 1900;
	else if (f.year < 70)
		f.year += 2000;
	if (!is_valid(&f))
		return false;
	struct sl_calendar_date date = { f.year, f.month, f.day };
	*seconds = sl_calendar_days(&date) * SL_DAY_S + f.hour * 3600 + f.minute * 60 + f.second;
	return true;
}
