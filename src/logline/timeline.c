/*
 * timeline.c - counts in intervals that grow, sorted by time. Lines come nearly in order, so that
 * most are counted where the last one was.
 */
#include "sluice/logline/timeline.h"

#include "sluice/base/calendar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_S INT64_C(1000000000)
#define WEEK_S (7u * 86400u)
#define ORIGIN_S INT64_C(345600) /* 1970-01-05, a Monday */
#define YEAR_S INT64_C(366 * 86400)

/* Each is a multiple of the one before. */
static const uint64_t automatic_s[] = { 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600, 43200,
	86400, WEEK_S, 4 * WEEK_S, 52 * WEEK_S };

static int64_t
divide_down(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

static uint64_t
next_interval(const struct sl_timeline *timeline, uint64_t interval_s)
{
	if (timeline->is_automatic)
		for (size_t i = 0; i < SL_COUNT_OF(automatic_s); i++)
			if (automatic_s[i] > interval_s)
				return automatic_s[i];
	return interval_s * 2;
}

/* The interval becomes a multiple of itself. */
static void
widen_to(struct sl_timeline_row *row, uint64_t interval_s)
{
	size_t kept = 0;
	int64_t factor = (int64_t)(interval_s / row->interval_s);
	for (size_t i = 0; i < row->count; i++) {
		int64_t index = divide_down(row->buckets[i].index, factor);
		if (kept && row->buckets[kept - 1].index == index)
			row->buckets[kept - 1].count += row->buckets[i].count;
		else
			row->buckets[kept++] =
				(struct sl_timeline_bucket){ index, row->buckets[i].count };
	}
	row->count = kept;
	row->last = 0;
	row->interval_s = interval_s;
}

/* The first bucket that is not before `index`. */
static size_t
find_bucket(const struct sl_timeline_row *row, int64_t index)
{
	size_t begin = 0, end = row->count;
	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;
		if (row->buckets[middle].index < index)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

static bool
make_room(struct sl_timeline_row *row)
{
	if (row->count < row->cap)
		return true;
	size_t cap = row->cap ? row->cap * 2 : 16;
	struct sl_timeline_bucket *buckets = realloc(row->buckets, cap * sizeof(*buckets));
	if (!buckets)
		return false;
	row->buckets = buckets;
	row->cap = cap;
	return true;
}

/* `count` lines in the interval `index` of `interval_s`, which is that of the row or divides it. */
static int
add_count(struct sl_timeline *timeline, struct sl_timeline_row *row, int64_t index,
	uint64_t interval_s, uint64_t count)
{
	index = divide_down(index, (int64_t)(row->interval_s / interval_s));
	if (row->last < row->count && row->buckets[row->last].index == index) {
		row->buckets[row->last].count += count;
		return 0;
	}
	size_t at = find_bucket(row, index);
	if (at == row->count || row->buckets[at].index != index) {
		if (!make_room(row))
			return -ENOMEM;
		memmove(row->buckets + at + 1, row->buckets + at,
			(row->count - at) * sizeof(*row->buckets));
		row->buckets[at] = (struct sl_timeline_bucket){ index, 0 };
		row->count++;
	}
	row->buckets[at].count += count;
	row->last = at;
	while (row->count > SL_TIMELINE_BUCKETS)
		widen_to(row, next_interval(timeline, row->interval_s));
	return 0;
}

void
sl_timeline_init(struct sl_timeline *timeline, uint64_t interval_s)
{
	*timeline = (struct sl_timeline){ 0 };
	sl_timeline_clear(timeline, interval_s);
}

void
sl_timeline_release(struct sl_timeline *timeline)
{
	free(timeline->with_year.buckets);
	free(timeline->without_year.buckets);
	*timeline = (struct sl_timeline){ 0 };
}

void
sl_timeline_clear(struct sl_timeline *timeline, uint64_t interval_s)
{
	uint64_t first_s = interval_s ? interval_s : automatic_s[0];
	timeline->is_automatic = interval_s == 0;
	timeline->with_year.count = timeline->without_year.count = 0;
	timeline->with_year.last = timeline->without_year.last = 0;
	timeline->with_year.interval_s = timeline->without_year.interval_s = first_s;
	timeline->undated = 0;
}

int
sl_timeline_add(struct sl_timeline *timeline, struct sl_span line)
{
	struct sl_timestamp stamp;
	if (!sl_timestamp_find(line, &stamp)) {
		timeline->undated++;
		return 0;
	}
	struct sl_timeline_row *row =
		stamp.has_year ? &timeline->with_year : &timeline->without_year;
	int64_t local_s = divide_down(sl_timestamp_local_ns(&stamp), NS_PER_S);
	int64_t index = divide_down(local_s - ORIGIN_S, (int64_t)row->interval_s);
	return add_count(timeline, row, index, row->interval_s, 1);
}

static int
merge_row(struct sl_timeline *timeline, struct sl_timeline_row *row,
	const struct sl_timeline_row *from)
{
	int code = 0;
	if (row->interval_s < from->interval_s)
		widen_to(row, from->interval_s);
	for (size_t i = 0; i < from->count && code == 0; i++)
		code = add_count(timeline, row, from->buckets[i].index, from->interval_s,
			from->buckets[i].count);
	return code;
}

int
sl_timeline_merge(struct sl_timeline *timeline, const struct sl_timeline *from)
{
	timeline->undated += from->undated;
	int code = merge_row(timeline, &timeline->with_year, &from->with_year);
	return code ? code : merge_row(timeline, &timeline->without_year, &from->without_year);
}

/* ---- showing ---- */

static uint64_t
count_lines(const struct sl_timeline_row *row)
{
	uint64_t count = 0;
	for (size_t i = 0; i < row->count; i++)
		count += row->buckets[i].count;
	return count;
}

static int
by_index(const void *a, const void *b)
{
	const struct sl_timeline_bucket *left = a, *right = b;
	return (left->index > right->index) - (left->index < right->index);
}

/* The year begins behind the longest gap: what lies before it moves behind the rest. */
static void
turn_year(struct sl_timeline_row *row)
{
	int64_t interval_s = (int64_t)row->interval_s;
	int64_t year = (YEAR_S + interval_s - 1) / interval_s; /* in intervals */
	if (row->count < 2)
		return;
	int64_t longest = row->buckets[0].index + year - row->buckets[row->count - 1].index;
	size_t first = 0;
	for (size_t i = 1; i < row->count; i++) {
		int64_t gap = row->buckets[i].index - row->buckets[i - 1].index;
		if (gap > longest) {
			longest = gap;
			first = i;
		}
	}
	for (size_t i = 0; i < first; i++)
		row->buckets[i].index += year;
	qsort(row->buckets, row->count, sizeof(*row->buckets), by_index);
}

static size_t
rows_between(const struct sl_timeline_row *row)
{
	return row->count ? (size_t)(row->buckets[row->count - 1].index - row->buckets[0].index) + 1
			  : 0;
}

struct sl_timeline_view
sl_timeline_arrange(struct sl_timeline *timeline, size_t max_rows)
{
	bool has_year = timeline->with_year.count > 0;
	struct sl_timeline_row *row = has_year ? &timeline->with_year : &timeline->without_year;
	if (!has_year)
		turn_year(row);
	while (timeline->is_automatic && rows_between(row) > max_rows)
		widen_to(row, next_interval(timeline, row->interval_s));
	for (size_t i = 0; i < row->count; i++)
		row->buckets[i].index = row->buckets[i].index * (int64_t)row->interval_s + ORIGIN_S;
	return (struct sl_timeline_view){ .buckets = row->buckets,
		.count = row->count,
		.interval_s = row->interval_s,
		.has_year = has_year,
		.undated = timeline->undated,
		.without_year = has_year ? count_lines(&timeline->without_year) : 0 };
}

struct sl_timeline_label
sl_timeline_label(const struct sl_timeline_view *view, int64_t begin_s)
{
	struct sl_timeline_label label;
	int64_t day = divide_down(begin_s, SL_DAY_S), of_day = begin_s - day * SL_DAY_S;
	struct sl_calendar_date date = sl_calendar_date(day);
	char year[8] = "", clock[16] = "";
	if (view->has_year)
		snprintf(year, sizeof(year), "%04d-", date.year);
	if (view->interval_s % 60)
		snprintf(clock, sizeof(clock), " %02d:%02d:%02d", (int)(of_day / 3600),
			(int)(of_day / 60 % 60), (int)(of_day % 60));
	else if (view->interval_s % SL_DAY_S)
		snprintf(clock, sizeof(clock), " %02d:%02d", (int)(of_day / 3600),
			(int)(of_day / 60 % 60));
	snprintf(
		label.text, sizeof(label.text), "%s%02d-%02d%s", year, date.month, date.day, clock);
	return label;
}

/* ---- intervals ---- */

static const struct {
	char letter;
	uint64_t seconds;
} units[] = { { 'w', WEEK_S }, { 'd', SL_DAY_S }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

bool
sl_timeline_parse_interval(const char *text, uint64_t *interval_s)
{
	uint64_t value = 0;
	const char *at = text;
	while (*at >= '0' && *at <= '9' && at - text < 9)
		value = value * 10 + (uint64_t)(*at++ - '0');
	if (at == text || !*at || at[1])
		return false;
	for (size_t i = 0; i < SL_COUNT_OF(units); i++)
		if (*at == units[i].letter) {
			*interval_s = value * units[i].seconds;
			return value > 0 && *interval_s <= SL_TIMELINE_INTERVAL_MAX;
		}
	return false;
}

struct sl_timeline_label
sl_timeline_interval(uint64_t interval_s)
{
	struct sl_timeline_label label;
	size_t unit = 0;
	while (interval_s % units[unit].seconds)
		unit++;
	snprintf(label.text, sizeof(label.text), "%llu%c",
		(unsigned long long)(interval_s / units[unit].seconds), units[unit].letter);
	return label;
}
