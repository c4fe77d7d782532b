/*
 * timestamp.c - looks for a stamp at the beginning of each word: digits and letters there decide
 * which forms are tried. One that is joined to a name ("app.log.2017-05-16_13:53:08") is the time
 * of a file: it counts only if there is no other.
 */
#include "timestamp_int.h"

#include "sluice/base/calendar.h"
#include "sluice/logline/json_line.h"

#define DAY_NS (SL_DAY_S * INT64_C(1000000000))

static const char *const time_keys[] = { "time", "timestamp", "@timestamp", "ts", "t", "@t", "date",
	"datetime", "asctime", "eventtime", "$date" };

static bool
is_time_key(struct sl_span key)
{
	for (size_t i = 0; i < SL_COUNT_OF(time_keys); i++)
		if (sl_span_is_nocase(key, time_keys[i]))
			return true;
	return false;
}

/* At the beginning of the line, in brackets there, behind a mark alone ("- 1117838570"), or behind
 * "ts=" and the like. */
static bool
may_be_epoch(const char *line, const char *at)
{
	if (at == line || (at == line + 1 && (line[0] == '[' || line[0] == '(')))
		return true;
	if (at == line + 2 && line[0] == '-' && line[1] == ' ')
		return true;
	if (at > line && at[-1] == '(' && at - line >= 6 && memcmp(at - 6, "audit(", 6) == 0)
		return true;
	const char *key_end = at > line && at[-1] == '"' ? at - 1 : at;
	if (key_end == line || key_end[-1] != '=')
		return false;
	const char *key = --key_end;
	while (key > line && (is_letter(key[-1]) || key[-1] == '@'))
		key--;
	return is_time_key(sl_span(key, (size_t)(key_end - key)));
}

/* The first word of the line is in capital letters, and the second one is at `at`. */
static bool
is_behind_label(const char *line, const char *at)
{
	const char *end = line;
	while (is_upper(*end) || *end == '_')
		end++;
	return end > line && *end == ' ' && at == end + 1;
}

static size_t
count_digits(const struct cursor *in)
{
	const char *at = in->at;
	while (at < in->end && is_digit(*at))
		at++;
	return (size_t)(at - in->at);
}

/* A word begins with a digit. */
static bool
take_digits(const char *line, struct cursor *in, struct sl_timestamp *stamp)
{
	size_t digits = count_digits(in);
	if (digits == 4)
		return sl_timestamp_take(TIMESTAMP_ISO, in, stamp);
	if (digits == 8 || digits == 14)
		return sl_timestamp_take(TIMESTAMP_COMPACT, in, stamp);
	if (digits <= 2 && sl_timestamp_take(TIMESTAMP_DAY_FIRST, in, stamp))
		return true;
	if (digits == 2 && in->at == line)
		return sl_timestamp_take(TIMESTAMP_SHORT_YEAR, in, stamp) ||
		       sl_timestamp_take(TIMESTAMP_ANDROID, in, stamp);
	if (digits == 6 && in->at == line)
		return sl_timestamp_take(TIMESTAMP_SHORT_DATE, in, stamp);
	if (digits == 10 && is_behind_label(line, in->at) &&
		sl_timestamp_take(TIMESTAMP_EPOCH_AND_DATE, in, stamp))
		return true;
	return digits >= 10 && may_be_epoch(line, in->at) &&
	       sl_timestamp_take(TIMESTAMP_EPOCH, in, stamp);
}

static bool
take_stamp(const char *line, struct cursor *in, struct sl_timestamp *stamp)
{
	char c = *in->at;
	if (is_digit(c))
		return take_digits(line, in, stamp);
	if (c < 'A' || c > 'W' || in->end - in->at < 3)
		return false;
	return is_digit(in->at[1]) ? sl_timestamp_take(TIMESTAMP_KLOG, in, stamp)
				   : sl_timestamp_take(TIMESTAMP_MONTH_FIRST, in, stamp);
}

/* A word cannot begin behind these; behind other bytes it can. */
static bool
is_of_word(char c)
{
	return is_letter(c) || is_digit(c);
}

/* Behind "-", "_", "." or "/", and a word before that. */
static bool
is_joined(const char *text, const char *at)
{
	return at - text >= 2 && is_of_word(at[-2]) && memchr("-_./", at[-1], 4);
}

static bool
find_in_text(struct sl_span text, struct sl_timestamp *stamp)
{
	const char *end = text.data + text.len;
	const char *last = text.data + SL_MIN(text.len, (size_t)SL_TIMESTAMP_PREFIX);
	bool has_joined = false;
	for (const char *at = text.data; at < last;) {
		struct cursor in = { at, end };
		struct sl_timestamp found;
		if (is_of_word(*at) && take_stamp(text.data, &in, &found)) {
			bool is_second = is_joined(text.data, at);
			found.begin = (size_t)(at - text.data);
			found.end = (size_t)(in.at - text.data);
			if (!is_second || !has_joined)
				*stamp = found;
			if (!is_second)
				return true;
			has_joined = true;
			at = SL_MIN(in.at, last);
		}
		while (at < last && is_of_word(*at))
			at++;
		while (at < last && !is_of_word(*at))
			at++;
	}
	return has_joined;
}

/* "{"$date":"2015-..."}", as MongoDB writes it. */
static struct sl_span
first_value(struct sl_span object)
{
	struct sl_json_line line;
	struct sl_json_line_member member;
	bool has_one = sl_json_line_begin(&line, object) && sl_json_line_next(&line, &member);
	return has_one && member.kind != SL_JSON_LINE_NESTED ? member.value : sl_span("", 0);
}

static bool
find_in_json(struct sl_json_line *line, const char *begin, struct sl_timestamp *stamp)
{
	struct sl_json_line_member member;
	while (sl_json_line_next(line, &member)) {
		if (!is_time_key(member.key))
			continue;
		struct sl_span value = member.kind == SL_JSON_LINE_NESTED
					       ? first_value(member.value)
					       : member.value;
		if (!find_in_text(value, stamp))
			continue;
		stamp->begin += (size_t)(value.data - begin);
		stamp->end += (size_t)(value.data - begin);
		return true;
	}
	return false;
}

bool
sl_timestamp_find(struct sl_span line, struct sl_timestamp *stamp)
{
	struct sl_json_line object;
	if (line.len && line.data[0] == '{' && sl_json_line_begin(&object, line) &&
		find_in_json(&object, line.data, stamp))
		return true;
	return line.len && find_in_text(line, stamp);
}

void
sl_timestamp_settle(struct sl_timestamp *stamp, int64_t latest_ns)
{
	if (stamp->has_year)
		return;
	int64_t local_ns = sl_timestamp_local_ns(stamp), of_day = local_ns % DAY_NS;
	struct sl_calendar_date date = sl_calendar_date(local_ns / DAY_NS);
	date.year = sl_calendar_date(latest_ns / DAY_NS).year + 1;
	for (; date.year > TIMESTAMP_YEAR_MIN; date.year--) {
		if (!sl_calendar_is_valid(&date))
			continue;
		stamp->ns = sl_calendar_days(&date) * DAY_NS + of_day -
			    stamp->zone_s * INT64_C(1000000000);
		if (stamp->ns <= latest_ns + DAY_NS)
			break;
	}
	stamp->has_year = true;
}
