/*
 * kinds.c - lines become kinds: at once, or in a digest that shares a budget, when there are too
 * many for notes.
 */
#include "kinds_int.h"

#include <errno.h>
#include <stdlib.h>

/* ---- kinds ---- */

/* Its text and example are not in the digest. Returns 0 and its index, or -ENOMEM. */
static int
add_kind(struct sl_kinds *kinds, const struct sl_kind *kind, size_t *index)
{
	int code = 0;
	if (sl_kinds_is_full(kinds, kind->text.len + kind->example.len))
		code = sl_kinds_shrink(kinds);
	if (code)
		return code;
	kinds->lines += kind->count;
	return sl_kinds_insert(kinds, kind, index);
}

/* A line of a kind that the digest has. */
static int
count_line(struct sl_kinds *kinds, size_t index, const struct sl_noted *line)
{
	struct sl_kind *kind = &kinds->items[index];
	kinds->lines++;
	kind->count++;
	sl_times_add(&kind->times, line->time);
	return sl_kinds_place(kinds, kind, line->place, line->example);
}

/* A line of a kind that it may not have. Returns 0 and the index of the kind, or -ENOMEM. */
static int
add_line(struct sl_kinds *kinds, const struct sl_noted *line, size_t *index)
{
	const struct sl_dictionary_line *masked = sl_dictionary_at(line->dictionary, line->line);
	struct sl_kind kind = { .hash = masked->hash,
		.text = masked->text,
		.example = line->example,
		.count = 1,
		.first = line->place,
		.last = line->place };
	sl_times_add(&kind.times, line->time);
	return add_kind(kinds, &kind, index);
}

/* ---- notes ---- */

/* What it has notes of becomes kinds. */
static int
settle(struct sl_kinds *kinds)
{
	struct sl_notes notes = kinds->notes;
	int code = 0;
	kinds->notes = (struct sl_notes){ 0 };
	kinds->lines -= notes.count;
	sl_kinds_count_memory(kinds);
	sl_kinds_change_state(kinds);
	for (size_t i = 0; i < notes.count && code == 0; i++) {
		struct sl_noted line = sl_notes_at(&notes, i);
		size_t index;
		code = add_line(kinds, &line, &index);
	}
	sl_notes_release(&notes);
	return code;
}

/* So many more lines need not become kinds. */
static bool
may_note(const struct sl_kinds *kinds, size_t count, size_t examples)
{
	size_t bytes = sl_notes_bytes_with(&kinds->notes, count, examples);
	if (!kinds->budget || kinds->count > 0 || bytes > kinds->notes_most)
		return false;
	return !sl_kinds_exceeds_budget(kinds, bytes - sl_notes_bytes(&kinds->notes));
}

static int
note_line(struct sl_kinds *kinds, const struct sl_noted *line)
{
	size_t before = kinds->notes.cap + kinds->notes.size;
	int code = sl_notes_add(&kinds->notes, line, kinds->state);
	kinds->lines += code == 0;
	if (before != kinds->notes.cap + kinds->notes.size)
		sl_kinds_count_memory(kinds);
	return code;
}

/* All lines of the notes, moved. Those of the digest into which others are merged know its kinds.
 * */
static int
merge_notes(struct sl_kinds *kinds, const struct sl_notes *notes, struct sl_kinds_place base)
{
	int code = 0;
	for (size_t i = 0; i < notes->count && code == 0; i++) {
		struct sl_noted line = sl_notes_at(notes, i);
		struct sl_dictionary_line *masked = sl_dictionary_at(line.dictionary, line.line);
		line.place.input += base.input;
		line.place.line += base.line;
		if (kinds->budget) {
			size_t index;
			code = add_line(kinds, &line, &index);
		} else if (masked->total == kinds->state) {
			code = count_line(kinds, masked->total_index, &line);
		} else {
			code = add_line(kinds, &line, &masked->total_index);
			masked->total = kinds->state;
		}
	}
	return code;
}

/* ---- public functions ---- */

int
sl_kinds_add(struct sl_kinds *kinds, struct sl_memo *memo, struct sl_span line,
	struct sl_kinds_place place)
{
	struct sl_noted noted = { .place = place, .time = sl_times_find(line) };
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	line.len = SL_MIN(line.len, (size_t)SL_KINDS_LINE_MAX);
	noted.line = sl_memo_mask(memo, line);
	if (noted.line == SL_DICTIONARY_NONE)
		return -ENOMEM;
	noted.dictionary = sl_memo_dictionary(memo);
	noted.example = sl_span(line.data, SL_MIN(line.len, (size_t)SL_KINDS_EXAMPLE_MAX));
	if (may_note(kinds, 1, noted.example.len) &&
		sl_notes_can_refer(&kinds->notes, noted.dictionary))
		return note_line(kinds, &noted);
	int code = kinds->notes.count ? settle(kinds) : 0;
	struct sl_dictionary_line *masked = sl_dictionary_at(noted.dictionary, noted.line);
	if (code || masked->digest == kinds->state)
		return code ? code : count_line(kinds, masked->index, &noted);
	code = add_line(kinds, &noted, &masked->index);
	masked->digest = kinds->state;
	return code;
}

static struct sl_kinds_place
moved(struct sl_kinds_place place, struct sl_kinds_place base)
{
	return (struct sl_kinds_place){ base.input + place.input, base.line + place.line };
}

static int
merge_kinds(struct sl_kinds *kinds, const struct sl_kinds *from, struct sl_kinds_place base)
{
	for (size_t i = 0; i < from->count; i++) {
		struct sl_kind kind = from->items[i];
		kind.first = moved(kind.first, base);
		kind.last = moved(kind.last, base);
		size_t index;
		int code = add_kind(kinds, &kind, &index);
		if (code)
			return code;
	}
	kinds->lines += from->dropped;
	kinds->dropped += from->dropped;
	return 0;
}

int
sl_kinds_merge(struct sl_kinds *kinds, const struct sl_kinds *from, struct sl_kinds_place base)
{
	const struct sl_notes *notes = &from->notes;
	if (from->count == 0 && may_note(kinds, notes->count, notes->used) &&
		sl_notes_has_room_for(&kinds->notes, notes)) {
		int code = sl_notes_append(&kinds->notes, notes, base);
		kinds->lines += code ? 0 : from->lines;
		kinds->dropped += code ? 0 : from->dropped;
		sl_kinds_count_memory(kinds);
		return code;
	}
	int code = kinds->notes.count ? settle(kinds) : 0;
	if (code == 0)
		code = merge_notes(kinds, notes, base);
	return code ? code : merge_kinds(kinds, from, base);
}

int
sl_kinds_group(struct sl_kinds *kinds)
{
	int code = kinds->notes.count ? settle(kinds) : 0;
	return code ? code : sl_kinds_join_similar(kinds);
}

static int
compare_count(const void *a, const void *b)
{
	uint64_t left = ((const struct sl_kind *)a)->count;
	uint64_t right = ((const struct sl_kind *)b)->count;
	return left == right ? sl_kinds_compare_text(a, b) : (left < right) - (left > right);
}

const struct sl_kind *
sl_kinds_sort(struct sl_kinds *kinds, size_t *count)
{
	sl_assert(kinds->notes.count == 0);
	*count = kinds->count;
	if (kinds->count == 0)
		return NULL;
	qsort(kinds->items, kinds->count, sizeof(*kinds->items), compare_count);
	sl_kinds_fill_slots(kinds);
	sl_kinds_change_state(kinds);
	return kinds->items;
}

size_t
sl_kinds_count(const struct sl_kinds *kinds)
{
	return kinds->count;
}

uint64_t
sl_kinds_lines(const struct sl_kinds *kinds)
{
	return kinds->lines;
}

uint64_t
sl_kinds_dropped(const struct sl_kinds *kinds)
{
	return kinds->dropped;
}
