#include "sluice/digest/times.h"

#include "sluice/base/calendar.h"

#include <stdio.h>

/* Stamps are not before 1970, in their own zone. */
static int64_t
index_of(int64_t at_s, unsigned scale)
{
	return (int64_t)((uint64_t)at_s >> scale);
}

static void
add_count(uint32_t *count, uint64_t more)
{
	*count = (uint32_t)SL_MIN(*count + more, (uint64_t)UINT32_MAX);
}

/* They get other ends, between which are the ones they have. */
static void
extend(struct sl_times *times, int64_t first_s, int64_t last_s)
{
	unsigned scale = times->scale;
	while (index_of(last_s, scale) - index_of(first_s, scale) >= SL_TIMES_BUCKETS)
		scale++;
	int64_t from = index_of(times->first_s, times->scale);
	int64_t to = index_of(first_s, scale);
	bool is_same = scale == times->scale && from == to;
	times->first_s = first_s;
	times->last_s = last_s;
	if (is_same)
		return;
	uint32_t counts[SL_TIMES_BUCKETS] = { 0 };
	for (int64_t i = 0; i < SL_TIMES_BUCKETS; i++)
		if (times->counts[i])
			add_count(&counts[((from + i) >> (scale - times->scale)) - to],
				times->counts[i]);
	memcpy(times->counts, counts, sizeof(counts));
	times->scale = (unsigned char)scale;
}

static void
add_at(struct sl_times *times, int64_t at_s, bool has_year)
{
	if (times->has_any && times->has_year && !has_year)
		return;
	if (!times->has_any || times->has_year != has_year)
		*times = (struct sl_times){
			.has_any = true, .has_year = has_year, .first_s = at_s, .last_s = at_s
		};
	if (at_s < times->first_s || at_s > times->last_s)
		extend(times, SL_MIN(at_s, times->first_s), SL_MAX(at_s, times->last_s));
	int64_t bucket = index_of(at_s, times->scale) - index_of(times->first_s, times->scale);
	add_count(&times->counts[bucket], 1);
}

struct sl_times_moment
sl_times_find(struct sl_span line)
{
	struct sl_times_moment moment;
	if (!sl_timestamp_find_second(line, &moment.at_s, &moment.has_year))
		return (struct sl_times_moment){ .at_s = -1 };
	return moment;
}

void
sl_times_add(struct sl_times *times, struct sl_times_moment moment)
{
	if (moment.at_s >= 0)
		add_at(times, moment.at_s, moment.has_year);
}

void
sl_times_merge(struct sl_times *times, const struct sl_times *more)
{
	if (!more->has_any || (times->has_any && times->has_year && !more->has_year))
		return;
	if (!times->has_any || times->has_year != more->has_year) {
		*times = *more;
		return;
	}
	struct sl_times other = *more;
	int64_t first_s = SL_MIN(times->first_s, more->first_s);
	int64_t last_s = SL_MAX(times->last_s, more->last_s);
	extend(times, first_s, last_s);
	extend(&other, first_s, last_s);
	for (size_t i = 0; i < SL_TIMES_BUCKETS; i++)
		add_count(&times->counts[i], other.counts[i]);
}

/* ---- showing ---- */

int64_t
sl_times_begin_s(const struct sl_times *times)
{
	return index_of(times->first_s, times->scale) * (INT64_C(1) << times->scale);
}

size_t
sl_times_count(const struct sl_times *times)
{
	int64_t last = index_of(times->last_s, times->scale);
	return times->has_any ? (size_t)(last - index_of(times->first_s, times->scale)) + 1 : 0;
}

struct sl_times_label
sl_times_label(const struct sl_times *times, int64_t at_s)
{
	struct sl_times_label label;
	int64_t day = at_s / SL_DAY_S, of_day = at_s % SL_DAY_S;
	struct sl_calendar_date date = sl_calendar_date(day);
	char year[8] = "";
	if (times->has_year)
		snprintf(year, sizeof(year), "%04d-", date.year);
	snprintf(label.text, sizeof(label.text), "%s%02d-%02d %02d:%02d:%02d", year, date.month,
		date.day, (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
	return label;
}

void
sl_times_format(const struct sl_times *times, struct sl_buf *out)
{
	sl_buf_printf(out, "%lld:", 1ll << times->scale);
	for (size_t i = 0; i < sl_times_count(times); i++)
		sl_buf_printf(out, " %lu", (unsigned long)times->counts[i]);
}

struct spread {
	int64_t first_s, last_s;
	uint64_t *columns;
	size_t count;
};

/* The column that a time lies in. */
static size_t
column_of(const struct spread *spread, int64_t at_s)
{
	int64_t count = (int64_t)spread->count;
	int64_t column = (at_s - spread->first_s) * count / (spread->last_s - spread->first_s + 1);
	return (size_t)SL_MAX(SL_MIN(column, count - 1), INT64_C(0));
}

/* The first second of a column, or of those behind it if it has none. */
static int64_t
column_begin_s(const struct spread *spread, size_t column)
{
	int64_t count = (int64_t)spread->count, all = spread->last_s - spread->first_s + 1;
	return spread->first_s + ((int64_t)column * all + count - 1) / count;
}

/* Each column gets the lines of its seconds, of those that lie in [from_s, to_s] evenly. */
static void
spread_interval(const struct spread *spread, int64_t from_s, int64_t to_s, uint64_t lines)
{
	size_t last = column_of(spread, to_s);
	double each = (double)lines / (double)(to_s - from_s + 1);
	uint64_t given = 0;
	for (size_t i = column_of(spread, from_s); i < last; i++) {
		double share = each * (double)(column_begin_s(spread, i + 1) - from_s);
		uint64_t upto = (uint64_t)share;
		upto = SL_MIN(upto + ((double)upto < share), lines);
		spread->columns[i] += upto - given;
		given = upto;
	}
	spread->columns[last] += lines - given;
}

void
sl_times_spread(const struct sl_times *times, int64_t first_s, int64_t last_s, uint64_t *columns,
	size_t count)
{
	const struct spread spread = { first_s, last_s, columns, count };
	int64_t begin_s = sl_times_begin_s(times), interval_s = INT64_C(1) << times->scale;
	memset(columns, 0, count * sizeof(*columns));
	for (size_t i = 0; i < sl_times_count(times); i++, begin_s += interval_s)
		spread_interval(&spread, SL_MAX(begin_s, times->first_s),
			SL_MIN(begin_s + interval_s - 1, times->last_s), times->counts[i]);
}
