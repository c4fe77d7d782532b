#include "sluice/follow/record_search.h"

#include "sluice/match/pattern.h"

#include <string.h>

void
sl_record_search_begin(struct sl_record_search *search, uint64_t off, enum sl_record_state state)
{
	*search = (struct sl_record_search){
		.last = SL_RECORD_SEARCH_NONE, .state = state, .is_known = true, .line = off
	};
}

void
sl_record_search_begin_inside(struct sl_record_search *search, uint64_t off)
{
	/* After such a line, none of another look is sure to begin a record. */
	*search = (struct sl_record_search){ .last = SL_RECORD_SEARCH_NONE,
		.before = SL_RECORD_PANIC,
		.is_skipping = true,
		.line = off };
}

/* A part of the line: its first bytes are kept, and behind them always the last two. */
static void
add_part(struct sl_record_search *search, const char *data, size_t len)
{
	const size_t keep = SL_RECORD_SEARCH_KEEP;
	size_t at = (size_t)SL_MIN(search->line_len, (uint64_t)keep);
	size_t first = SL_MIN(keep - at, len), rest = len - first;
	uint64_t behind = search->line_len - at; /* bytes that were not among the first */
	char *last = search->text + keep;
	memcpy(search->text + at, data, first);
	if (rest >= 2) {
		memcpy(last, data + len - 2, 2);
	} else if (rest == 1) {
		last[0] = behind >= 2 ? last[1] : last[0];
		last[behind >= 1] = data[len - 1];
	}
	search->line_len += len;
}

static enum sl_record_look
look(const struct sl_record_search *search)
{
	uint64_t len = SL_MIN(search->line_len, (uint64_t)sizeof(search->text));
	if (search->line_len > SL_PATTERN_LINE_MAX)
		return SL_RECORD_OTHER;
	return sl_record_look(sl_span(search->text, (size_t)len));
}

static bool
begins_record(struct sl_record_search *search, enum sl_record_look now)
{
	bool is_sure = !search->is_known && sl_record_is_sure(search->before, now);
	search->before = now;
	if (is_sure) {
		search->is_known = true;
		search->state = SL_RECORD_PLAIN;
	}
	return search->is_known && sl_record_step(&search->state, now);
}

static void
end_line(struct sl_record_search *search)
{
	if (!search->is_skipping && begins_record(search, look(search)))
		search->last = search->line;
	search->is_skipping = false;
	search->line += search->line_len + 1;
	search->line_len = 0;
}

void
sl_record_search_add(struct sl_record_search *search, struct sl_span text)
{
	const char *at = text.data, *end = text.data + text.len, *newline;
	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		add_part(search, at, (size_t)(newline - at));
		end_line(search);
		at = newline + 1;
	}
	if (at < end)
		add_part(search, at, (size_t)(end - at));
}
