#include "sluice/scan/history.h"

#include <errno.h>
#include <stdlib.h>

#define TEXT_FIRST 4096u /* bytes of the first allocation */
#define ENTRIES_FIRST 16u

struct sl_history_entry {
	struct sl_partial_line line; /* its text is at: */
	size_t text_off;
};

size_t
sl_history_cost(size_t len)
{
	return len + sizeof(struct sl_history_entry);
}

void
sl_history_release(struct sl_history *history)
{
	free(history->text);
	free(history->entries);
	*history = (struct sl_history){ .most_lines = history->most_lines,
		.most_bytes = history->most_bytes };
}

void
sl_history_clear(struct sl_history *history)
{
	history->text_begin = history->text_end = 0;
	history->first = history->end = 0;
	history->bytes = 0;
}

static void
drop_oldest(struct sl_history *history)
{
	size_t len = history->entries[history->first++].line.len;
	history->text_begin += len;
	history->bytes -= sl_history_cost(len);
	if (history->first == history->end)
		sl_history_clear(history);
}

void
sl_history_keep(struct sl_history *history, uint64_t lines, size_t bytes)
{
	while (history->end - history->first > lines || history->bytes > bytes)
		drop_oldest(history);
}

/* ---- room: what is there is moved to the front once half of the memory before it is free ---- */

static bool
make_text_room(struct sl_history *history, size_t len)
{
	size_t live = history->text_end - history->text_begin;
	if (history->text_end + len <= history->text_cap)
		return true;
	unsigned char *text = history->text;
	if (live + len > history->text_cap / 2) {
		size_t cap = SL_MAX(2 * (live + len), (size_t)TEXT_FIRST);
		text = malloc(cap);
		if (!text)
			return false;
		history->text_cap = cap;
	}
	if (live)
		memmove(text, history->text + history->text_begin, live);
	for (size_t i = history->first; i < history->end; i++)
		history->entries[i].text_off -= history->text_begin;
	history->text_begin = 0;
	history->text_end = live;
	if (text != history->text)
		free(history->text);
	history->text = text;
	return true;
}

static bool
make_entry_room(struct sl_history *history)
{
	size_t live = history->end - history->first;
	if (history->end < history->cap)
		return true;
	if (live + 1 > history->cap / 2) {
		size_t cap = SL_MAX(2 * (live + 1), (size_t)ENTRIES_FIRST);
		void *entries = reallocarray(history->entries, cap, sizeof(*history->entries));
		if (!entries)
			return false;
		history->entries = entries;
		history->cap = cap;
	}
	memmove(history->entries, history->entries + history->first,
		live * sizeof(*history->entries));
	history->first = 0;
	history->end = live;
	return true;
}

int
sl_history_add(struct sl_history *history, const struct sl_partial_line *line)
{
	size_t cost = sl_history_cost(line->len);
	if (cost > history->most_bytes || history->most_lines == 0) {
		sl_history_clear(history);
		return 0;
	}
	sl_history_keep(history, history->most_lines - 1, history->most_bytes - cost);
	if (!make_entry_room(history) || !make_text_room(history, line->len))
		return -ENOMEM;
	history->entries[history->end++] = (struct sl_history_entry){ *line, history->text_end };
	if (line->len)
		memcpy(history->text + history->text_end, line->text, line->len);
	history->text_end += line->len;
	history->bytes += cost;
	return 0;
}

bool
sl_history_get(const struct sl_history *history, size_t index, struct sl_partial_line *line)
{
	if (index >= history->end - history->first)
		return false;
	const struct sl_history_entry *entry = &history->entries[history->first + index];
	*line = entry->line;
	line->text = line->len ? history->text + entry->text_off : (const unsigned char *)"";
	return true;
}

bool
sl_history_take(struct sl_history *history, struct sl_partial_line *line)
{
	if (!sl_history_get(history, 0, line))
		return false;
	drop_oldest(history);
	return true;
}
