#include "timestamp_int.h"

#include "sluice/base/calendar.h"

#define NS_PER_S INT64_C(1000000000)
/* A longer fraction is left to the forms, which have a limit. */
#define FRACTION_MAX 9u

/* What follows the digits of the time could change it: more digits, another fraction than the usual
 * ones, or half of a day. A zone does not: times are those of the log. */
static bool
may_change(struct sl_span line)
{
	struct cursor in = { line.data + TIMESTAMP_USUAL_LEN, line.data + line.len };
	if (peek(&in) == '.' || peek(&in) == ',') {
		const char *begin = ++in.at;
		while (is_digit(peek(&in)) && in.at - begin < FRACTION_MAX)
			in.at++;
	}
	if (is_digit(peek(&in)) || peek(&in) == ':')
		return true;
	while (peek(&in) == ' ' || peek(&in) == '\t')
		in.at++;
	char c = peek(&in) | 0x20;
	return c == 'a' || c == 'p';
}

/* False also for a few lines that have such a stamp. */
static bool
find_usual(struct sl_span line, int64_t *at_s)
{
	const char *at = line.data;
	if (!is_usual(at, line.len) || may_change(line))
		return false;
	struct sl_calendar_date date = { .year = two_digits(at) * 100 + two_digits(at + 2),
		.month = two_digits(at + 5),
		.day = two_digits(at + 8) };
	int hour = two_digits(at + 11), minute = two_digits(at + 14), second = two_digits(at + 17);
	if (date.year < TIMESTAMP_YEAR_MIN || date.year > TIMESTAMP_YEAR_MAX ||
		!sl_calendar_is_valid(&date) || hour > 23 || minute > 59 || second > 60)
		return false;
	*at_s = sl_calendar_days(&date) * SL_DAY_S + hour * 3600 + minute * 60 + second;
	return true;
}

bool
sl_timestamp_find_second(struct sl_span line, int64_t *local_s, bool *has_year)
{
	struct sl_timestamp stamp;
	*has_year = true;
	if (find_usual(line, local_s))
		return true;
	if (!sl_timestamp_find(line, &stamp))
		return false;
	*local_s = sl_timestamp_local_ns(&stamp) / NS_PER_S;
	*has_year = stamp.has_year;
	return true;
}
