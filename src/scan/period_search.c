/*
 * period_search.c - for each limit:
 *
 *     while [low, high) is longer than RANGE_MIN
 *         look for the first line with a stamp behind the middle of it     (look)
 *         if there is none before `high`, or it does not help: high = the middle
 *         else it becomes the limit of the part, and low or high goes there
 *
 * A place may take several blocks, because lines may be long, or without a stamp.
 */
#include "sluice/scan/period_search.h"

/* Reading so much takes less time than another place. */
#define RANGE_MIN (2 * SL_PERIOD_SEARCH_BLOCK)

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

static uint64_t
middle_of(const struct sl_period_search *search)
{
	return search->low + (search->high - search->low) / 2;
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
}

static void
next_place(struct sl_period_search *search)
{
	search->blocks = 0;
	while (search->stage < SL_PERIOD_SEARCH_OVER && search->high - search->low <= RANGE_MIN)
		next_stage(search);
	if (search->stage == SL_PERIOD_SEARCH_OVER)
		check_order(search);
	else
		go_to(search, middle_of(search), false);
}

/* There is no stamp between the place and `high`, as far as was looked. */
static void
find_none(struct sl_period_search *search)
{
	if (search->stage == SL_PERIOD_SEARCH_FIRST)
		next_stage(search);
	else
		search->high = middle_of(search);
	next_place(search);
}

static void
find_seen(struct sl_period_search *search, const struct sl_period_seen *seen)
{
	int64_t slack_ns = search->period->slack_ns;
	if (search->stage != SL_PERIOD_SEARCH_FIRST && seen->off >= search->high) {
		find_none(search);
		return;
	}
	note_seen(search, seen);
	switch (search->stage) {
	case SL_PERIOD_SEARCH_SINCE:
		if (seen->since_ns < -slack_ns)
			search->begin = search->low = seen->off;
		else
			search->high = middle_of(search);
		break;
	case SL_PERIOD_SEARCH_UNTIL:
		if (seen->until_ns > slack_ns) {
			search->end = seen->off;
			search->high = middle_of(search);
		} else {
			search->low = seen->off;
		}
		break;
	default:
		next_stage(search);
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
	*search = (struct sl_period_search){
		.end = size, .period = period, .keeps_begin = keeps_begin, .size = size
	};
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
	uint64_t high = search->stage == SL_PERIOD_SEARCH_FIRST ? search->size : search->high;
	if (len < search->len)
		give_up(search);
	else if (search_block(search, data, &seen))
		find_seen(search, &seen);
	else if (search->off >= high || ++search->blocks == BLOCKS_MAX)
		find_none(search);
}
