/*
 * period_search.c - samples at equal distances show where the limits are, roughly. Then for each
 * limit:
 *
 *     while [low, high) is longer than RANGE_MIN
 *         look for the first line with a stamp behind the middle of it     (search_block)
 *         if there is none before `high`, or it does not help: high = the middle
 *         else it becomes the limit of the part, and low or high goes there
 *
 * A place may take several blocks, because lines may be long, or without a stamp.
 */
#include "sluice/scan/period_search.h"

/* Reading so much takes less time than another place. */
#define RANGE_MIN (2 * SL_PERIOD_SEARCH_BLOCK)

/* There is one sample for so many bytes, at most. */
#define SAMPLE_MIN (8 * SL_PERIOD_SEARCH_BLOCK)

/* Blocks without a stamp after which a place is given up: a limit is less near then. */
#define BLOCKS_MAX 32u

_Static_assert(SL_PERIOD_SEARCH_BLOCK >= 2 * SL_PERIOD_LINE_MAX,
	"a line at the beginning of a block is decided in it");

static void
give_up(struct sl_period_search *search)
{
	search->begin = 0;
	search->end = search->size;
	search->stage = SL_PERIOD_SEARCH_OVER;
}

/* ---- what was seen ---- */

static void
note_seen(struct sl_period_search *search, const struct sl_period_seen *seen)
{
	size_t at = search->seen_count++;
	sl_assert(at < SL_PERIOD_SEARCH_MAX);
	for (; at > 0 && search->seen[at - 1].off > seen->off; at--)
		search->seen[at] = search->seen[at - 1];
	search->seen[at] = *seen;
}

static struct sl_period_order
order_of(const struct sl_period_seen *seen)
{
	return (struct sl_period_order){
		.since = { .has_any = true,
			.earliest_ns = seen->since_ns,
			.latest_ns = seen->since_ns },
		.until = { .has_any = true,
			.earliest_ns = seen->until_ns,
			.latest_ns = seen->until_ns },
	};
}

static void
check_order(struct sl_period_search *search)
{
	struct sl_period_order order = { 0 };
	for (size_t i = 0; i < search->seen_count; i++) {
		struct sl_period_order one = order_of(&search->seen[i]);
		sl_period_order_join(&order, &one);
	}
	if (sl_period_is_broken(search->period, &order))
		give_up(search);
}

/* ---- places ---- */

static void
go_to(struct sl_period_search *search, uint64_t off, bool is_at_line)
{
	search->off = off;
	search->len = (size_t)SL_MIN((uint64_t)SL_PERIOD_SEARCH_BLOCK, search->size - search->off);
	search->is_at_line = is_at_line;
}

/* The next sample, or the middle of what is searched. */
static uint64_t
place_of(const struct sl_period_search *search)
{
	if (search->stage == SL_PERIOD_SEARCH_SAMPLE)
		return search->size / search->samples * search->sample;
	return search->low + (search->high - search->low) / 2;
}

/* By its stamp, the line is a limit of the part. */
static bool
is_limit(const struct sl_period_search *search, const struct sl_period_seen *seen)
{
	int64_t slack_ns = search->period->slack_ns;
	return search->stage == SL_PERIOD_SEARCH_SINCE ? seen->since_ns < -slack_ns
						       : seen->until_ns > slack_ns;
}

/* What was seen so far shows where the limit is, roughly. */
static void
begin_since(struct sl_period_search *search)
{
	for (size_t i = 0; i < search->seen_count; i++) {
		const struct sl_period_seen *seen = &search->seen[i];
		if (is_limit(search, seen)) {
			search->begin = search->low = seen->off;
			search->high = search->size;
		} else {
			search->high = SL_MIN(search->high, seen->off);
		}
	}
}

static void
begin_until(struct sl_period_search *search)
{
	for (size_t i = 0; i < search->seen_count; i++) {
		const struct sl_period_seen *seen = &search->seen[i];
		if (seen->off < search->low)
			continue;
		if (is_limit(search, seen)) {
			search->end = search->high = seen->off;
			return;
		}
		search->low = seen->off;
	}
}

/* The next limit that there is, and that is searched for. */
static void
next_stage(struct sl_period_search *search)
{
	const struct sl_period *period = search->period;
	search->stage++;
	if (search->stage == SL_PERIOD_SEARCH_SINCE && (!period->has_since || search->keeps_begin))
		search->stage++;
	if (search->stage == SL_PERIOD_SEARCH_UNTIL && !period->has_until)
		search->stage++;
	search->low = search->begin;
	search->high = search->size;
	if (search->stage == SL_PERIOD_SEARCH_SINCE)
		begin_since(search);
	else if (search->stage == SL_PERIOD_SEARCH_UNTIL)
		begin_until(search);
}

static bool
is_stage_over(const struct sl_period_search *search)
{
	if (search->stage == SL_PERIOD_SEARCH_SAMPLE)
		return search->sample == search->samples;
	return search->stage < SL_PERIOD_SEARCH_OVER && search->high - search->low <= RANGE_MIN;
}

static void
next_place(struct sl_period_search *search)
{
	search->blocks = 0;
	while (is_stage_over(search))
		next_stage(search);
	if (search->stage == SL_PERIOD_SEARCH_OVER)
		check_order(search);
	else
		go_to(search, place_of(search), false);
}

/* There is no stamp between the place and `high`, as far as was looked. */
static void
find_none(struct sl_period_search *search)
{
	if (search->stage == SL_PERIOD_SEARCH_SAMPLE)
		search->sample++;
	else
		search->high = place_of(search);
	next_place(search);
}

static void
find_seen(struct sl_period_search *search, const struct sl_period_seen *seen)
{
	if (seen->off >= search->high) {
		find_none(search);
		return;
	}
	note_seen(search, seen);
	if (search->stage == SL_PERIOD_SEARCH_SAMPLE) {
		search->sample++;
	} else if (search->stage == SL_PERIOD_SEARCH_SINCE) {
		if (is_limit(search, seen))
			search->begin = search->low = seen->off;
		else
			search->high = place_of(search);
	} else if (is_limit(search, seen)) {
		search->end = seen->off;
		search->high = place_of(search);
	} else {
		search->low = seen->off;
	}
	next_place(search);
}

/* ---- blocks ---- */

/* A line of the block that is complete, or long enough. */
static bool
look(const struct sl_period_search *search, struct sl_span line, uint64_t off,
	struct sl_period_seen *seen)
{
	struct sl_period_order order;
	if (sl_period_look(search->period, line, &order) == SL_PERIOD_UNKNOWN)
		return false;
	*seen = (struct sl_period_seen){ off, order.since.latest_ns, order.until.latest_ns };
	return true;
}

/* The first line with a stamp among those of the block. If there is none, the next block begins
 * with the line that goes beyond the end, or within it if it has no stamp. */
static bool
search_block(
	struct sl_period_search *search, const unsigned char *data, struct sl_period_seen *seen)
{
	const unsigned char *at = data, *end = data + search->len;
	bool is_last = search->off + search->len == search->size, is_at_line = search->is_at_line;
	uint64_t off = search->off;
	for (;;) {
		const unsigned char *newline = memchr(at, '\n', (size_t)(end - at));
		struct sl_span line = { (const char *)at,
			(size_t)((newline ? newline : end) - at) };
		bool is_decided = newline || is_last || line.len >= SL_PERIOD_LINE_MAX;
		uint64_t line_off = off + (uint64_t)(at - data);
		if (is_at_line && is_decided && look(search, line, line_off, seen))
			return true;
		if (!newline) {
			bool is_kept = is_at_line && !is_decided;
			go_to(search, is_kept ? line_off : off + search->len, is_kept);
			return false;
		}
		at = newline + 1;
		is_at_line = true;
		if (at == end) {
			go_to(search, off + search->len, true);
			return false;
		}
	}
}

/* ---- public functions ---- */

void
sl_period_search_init(struct sl_period_search *search, const struct sl_period *period,
	uint64_t size, bool keeps_begin)
{
	uint64_t samples = SL_MIN(size / SAMPLE_MIN, (uint64_t)SL_PERIOD_SEARCH_SAMPLES);
	*search = (struct sl_period_search){ .end = size,
		.period = period,
		.keeps_begin = keeps_begin,
		.size = size,
		.high = size,
		.samples = (unsigned)SL_MAX(samples, (uint64_t)1) };
	go_to(search, 0, true);
	if (size <= RANGE_MIN)
		search->stage = SL_PERIOD_SEARCH_OVER;
}

bool
sl_period_search_next(const struct sl_period_search *search, uint64_t *off, size_t *len)
{
	*off = search->off;
	*len = search->len;
	return search->stage != SL_PERIOD_SEARCH_OVER;
}

void
sl_period_search_add(struct sl_period_search *search, const unsigned char *data, size_t len)
{
	struct sl_period_seen seen;
	if (len < search->len)
		give_up(search);
	else if (search_block(search, data, &seen))
		find_seen(search, &seen);
	else if (search->off >= search->high || ++search->blocks == BLOCKS_MAX)
		find_none(search);
}
