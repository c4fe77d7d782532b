#include "sluice/logline/moment.h"

#include "sluice/base/calendar.h"

#include <string.h>

#define NS_PER_S INT64_C(1000000000)
#define LATEST_S INT64_C(7258118400) /* 2200-01-01 */
#define TEXT_MAX SL_TIMESTAMP_PREFIX

static int64_t
local_of(int64_t ns, const struct sl_moment_clock *clock)
{
	return ns + clock->zone_s(ns / NS_PER_S) * NS_PER_S;
}

static struct sl_moment
instant(int64_t ns, const struct sl_moment_clock *clock)
{
	return (struct sl_moment){ .ns = ns, .local_ns = local_of(ns, clock), .is_instant = true };
}

struct sl_moment
sl_moment_now(const struct sl_moment_clock *clock)
{
	return instant(clock->now_ns, clock);
}

/* ---- parts of the text ---- */

struct cursor {
	const char *at;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
skip_blanks(struct cursor *in)
{
	in->at += strspn(in->at, " \t");
}

static bool
take(struct cursor *in, char c)
{
	bool is_there = *in->at == c;
	in->at += is_there;
	return is_there;
}

/* A number of at most `most` digits. */
static bool
take_number(struct cursor *in, size_t most, int64_t *value)
{
	size_t digits = 0;
	*value = 0;
	for (; is_digit(in->at[digits]); digits++) {
		if (digits == most)
			return false;
		*value = *value * 10 + (in->at[digits] - '0');
	}
	in->at += digits;
	return digits > 0;
}

/* ".5": digits behind the ninth do not count. */
static bool
take_fraction(struct cursor *in, int64_t *ns)
{
	int64_t unit = NS_PER_S / 10;
	*ns = 0;
	if (!take(in, '.'))
		return true;
	if (!is_digit(*in->at))
		return false;
	for (; is_digit(*in->at); in->at++, unit /= 10)
		*ns += (*in->at - '0') * unit;
	return true;
}

/* ---- forms ---- */

static const struct {
	const char *names; /* between blanks */
	int64_t seconds;
} units[] = {
	{ " s sec secs second seconds ", 1 },
	{ " m min mins minute minutes ", 60 },
	{ " h hr hour hours ", 3600 },
	{ " d day days ", SL_DAY_S },
	{ " w week weeks ", 7 * SL_DAY_S },
};

static bool
take_unit(struct cursor *in, int64_t *seconds)
{
	char word[10] = " ";
	size_t len = strspn(in->at, "abcdefghijklmnopqrstuvwxyz");
	if (len == 0 || len > sizeof(word) - 3)
		return false;
	memcpy(word + 1, in->at, len);
	word[len + 1] = ' ';
	for (size_t i = 0; i < SL_COUNT_OF(units); i++)
		if (strstr(units[i].names, word)) {
			*seconds = units[i].seconds;
			in->at += len;
			return true;
		}
	return false;
}

/* "1h", "-1d 12h", "30 minutes ago". */
static bool
parse_before(const char *text, const struct sl_moment_clock *clock, struct sl_moment *moment)
{
	struct cursor in = { text };
	int64_t before_s = 0;
	bool is_negative = take(&in, '-'), has_ago = false;
	while (*in.at && !has_ago) {
		int64_t value, seconds;
		skip_blanks(&in);
		if (!take_number(&in, 10, &value))
			return false;
		skip_blanks(&in);
		if (!take_unit(&in, &seconds) || value > LATEST_S / seconds)
			return false;
		before_s += value * seconds;
		if (before_s > LATEST_S)
			return false;
		skip_blanks(&in);
		has_ago = strcmp(in.at, "ago") == 0;
	}
	if (in.at == text + is_negative || (has_ago && is_negative) ||
		before_s > clock->now_ns / NS_PER_S)
		return false;
	*moment = instant(clock->now_ns - before_s * NS_PER_S, clock);
	return true;
}

/* "@1445191307.978" */
static bool
parse_epoch(const char *text, const struct sl_moment_clock *clock, struct sl_moment *moment)
{
	struct cursor in = { text };
	int64_t seconds, ns;
	if (!take(&in, '@') || !take_number(&in, 10, &seconds) || !take_fraction(&in, &ns) ||
		*in.at || seconds >= LATEST_S)
		return false;
	*moment = instant(seconds * NS_PER_S + ns, clock);
	return true;
}

static struct sl_moment
as_written(int64_t local_ns)
{
	return (struct sl_moment){ .local_ns = local_ns };
}

/* When the day began, so many days before today. */
static struct sl_moment
day(const struct sl_moment_clock *clock, int64_t before)
{
	int64_t day_ns = SL_DAY_S * NS_PER_S;
	int64_t today = local_of(clock->now_ns, clock) / day_ns;
	return as_written((today - before) * day_ns);
}

static bool
parse_word(const char *text, const struct sl_moment_clock *clock, struct sl_moment *moment)
{
	if (strcmp(text, "now") == 0)
		*moment = sl_moment_now(clock);
	else if (strcmp(text, "today") == 0)
		*moment = day(clock, 0);
	else if (strcmp(text, "yesterday") == 0)
		*moment = day(clock, 1);
	else
		return false;
	return true;
}

/* "18:01", "18:01:47.5" */
static bool
parse_clock(const char *text, const struct sl_moment_clock *clock, struct sl_moment *moment)
{
	struct cursor in = { text };
	int64_t hours, minutes, seconds = 0, ns = 0;
	if (!take_number(&in, 2, &hours) || !take(&in, ':') || !take_number(&in, 2, &minutes))
		return false;
	if (take(&in, ':') && (!take_number(&in, 2, &seconds) || !take_fraction(&in, &ns)))
		return false;
	if (*in.at || hours > 23 || minutes > 59 || seconds > 60)
		return false;
	*moment = day(clock, 0);
	moment->local_ns += (hours * 3600 + minutes * 60 + seconds) * NS_PER_S + ns;
	return true;
}

/* "2015-10-18", also with slashes. */
static bool
parse_date(const char *text, struct sl_moment *moment)
{
	struct cursor in = { text };
	int64_t year, month, day_of_month;
	if (!take_number(&in, 4, &year))
		return false;
	char separator = *in.at;
	if ((separator != '-' && separator != '/') || !take(&in, separator) ||
		!take_number(&in, 2, &month) || !take(&in, separator) ||
		!take_number(&in, 2, &day_of_month) || *in.at)
		return false;
	struct sl_calendar_date date = { (int)year, (int)month, (int)day_of_month };
	if (year < 1970 || year > 2199 || !sl_calendar_is_valid(&date))
		return false;
	*moment = as_written(sl_calendar_days(&date) * SL_DAY_S * NS_PER_S);
	return true;
}

/* As a log has it; without a year, the last such day. */
static bool
parse_stamp(const char *text, const struct sl_moment_clock *clock, struct sl_moment *moment)
{
	struct sl_timestamp stamp;
	size_t len = strlen(text);
	if (!sl_timestamp_find(sl_span(text, len), &stamp) || stamp.begin != 0 || stamp.end != len)
		return false;
	sl_timestamp_settle(&stamp, local_of(clock->now_ns, clock));
	*moment = stamp.has_zone ? instant(stamp.ns, clock) : as_written(stamp.ns);
	return true;
}

bool
sl_moment_parse(const char *text, const struct sl_moment_clock *clock, struct sl_moment *moment)
{
	if (strlen(text) > TEXT_MAX)
		return false;
	return parse_word(text, clock, moment) || parse_epoch(text, clock, moment) ||
	       parse_clock(text, clock, moment) || parse_date(text, moment) ||
	       parse_stamp(text, clock, moment) || parse_before(text, clock, moment);
}

int64_t
sl_moment_distance(const struct sl_timestamp *stamp, const struct sl_moment *moment)
{
	bool are_instants = stamp->has_zone && moment->is_instant;
	int64_t ns = are_instants ? stamp->ns : sl_timestamp_local_ns(stamp);
	return ns - (are_instants ? moment->ns : moment->local_ns);
}

int
sl_moment_compare(const struct sl_timestamp *stamp, const struct sl_moment *moment)
{
	int64_t distance = sl_moment_distance(stamp, moment);
	return (distance > 0) - (distance < 0);
}
