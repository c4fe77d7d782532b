/*
 * kinds.c - lines become kinds: at once, or in a digest that shares a budget, when there are too
 * many for notes.
 */
#include "kinds_int.h"

#include "sluice/digest/shape.h"

#include <errno.h>
#include <stdlib.h>

#define AHEAD 8u /* notes: it takes as long to merge them as to fetch what they need */
#define CACHE_LINE 64u

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

/* What notes need that come soon. */
static void
prefetch_notes(const struct sl_kinds *kinds, const struct sl_notes *notes, size_t at)
{
	if (at + 2 * AHEAD < notes->count)
		sl_notes_prefetch(notes, at + 2 * AHEAD);
	if (at + AHEAD >= notes->count)
		return;
	struct sl_noted line = sl_notes_at(notes, at + AHEAD);
	const struct sl_dictionary_line *masked = sl_dictionary_at(line.dictionary, line.line);
	if (masked->total == kinds->state) {
		const char *kind = (const char *)&kinds->items[masked->total_index];
		for (size_t i = 0; i < sizeof(*kinds->items); i += CACHE_LINE)
			__builtin_prefetch(kind + i, 1);
	}
}

/* All lines of the notes, moved, by the thread that merges: lines know the kinds of the digest into
 * which they were merged last. */
static int
merge_notes(struct sl_kinds *kinds, const struct sl_notes *notes, struct sl_kinds_place base)
{
	int code = 0;
	for (size_t i = 0; i < notes->count && code == 0; i++) {
		struct sl_noted line = sl_notes_at(notes, i);
		struct sl_dictionary_line *masked = sl_dictionary_at(line.dictionary, line.line);
		line.place.input += base.input;
		line.place.line += base.line;
		prefetch_notes(kinds, notes, i);
		if (masked->total == kinds->state) {
			code = count_line(kinds, masked->total_index, &line);
		} else {
			code = add_line(kinds, &line, &masked->total_index);
			masked->total = kinds->state;
		}
	}
	return code;
}

/* By a worker: lines of its dictionary may be merged at the same time. */
static int
add_notes(struct sl_kinds *kinds, const struct sl_notes *notes)
{
	int code = 0;
	for (size_t i = 0; i < notes->count && code == 0; i++) {
		struct sl_noted line = sl_notes_at(notes, i);
		size_t index;
		code = add_line(kinds, &line, &index);
	}
	return code;
}

/* What it has notes of becomes kinds. */
static int
settle(struct sl_kinds *kinds, bool is_merging)
{
	struct sl_notes notes = kinds->notes;
	kinds->notes = (struct sl_notes){ 0 };
	kinds->lines -= notes.count;
	sl_kinds_count_memory(kinds);
	sl_kinds_change_state(kinds);
	int code = is_merging ? merge_notes(kinds, &notes, (struct sl_kinds_place){ 0 })
			      : add_notes(kinds, &notes);
	sl_notes_release(&notes);
	return code;
}

/* ---- lines ---- */

static int
add_noted(struct sl_kinds *kinds, const struct sl_noted *line)
{
	if (may_note(kinds, 1, line->example.len) &&
		sl_notes_can_refer(&kinds->notes, line->dictionary, line->place.input))
		return note_line(kinds, line);
	int code = kinds->notes.count ? settle(kinds, false) : 0;
	struct sl_dictionary_line *masked = sl_dictionary_at(line->dictionary, line->line);
	if (code || masked->digest == kinds->state)
		return code ? code : count_line(kinds, masked->index, line);
	code = add_line(kinds, line, &masked->index);
	masked->digest = kinds->state;
	return code;
}

/* What decides about the kind of a line. */
static struct sl_span
head_of(struct sl_span line)
{
	if (line.len && line.data[line.len - 1] == '\r')
		line.len--;
	return sl_span(line.data, SL_MIN(line.len, (size_t)SL_KINDS_LINE_MAX));
}

/* `number`: of the head once masked, in the memo's dictionary. */
static int
add_head(struct sl_kinds *kinds, struct sl_memo *memo, const struct sl_kinds_line *line,
	struct sl_span head, uint32_t number)
{
	struct sl_noted noted = { .dictionary = sl_memo_dictionary(memo),
		.line = number,
		.example = sl_span(head.data, SL_MIN(head.len, (size_t)SL_KINDS_EXAMPLE_MAX)),
		.place = line->place,
		.time = sl_times_find(line->text) };
	return number == SL_DICTIONARY_NONE ? -ENOMEM : add_noted(kinds, &noted);
}

/* ---- public functions ---- */

int
sl_kinds_add(struct sl_kinds *kinds, struct sl_memo *memo, struct sl_span line,
	struct sl_kinds_place place)
{
	struct sl_kinds_line all = { line, place };
	return sl_kinds_add_all(kinds, memo, &all, 1);
}

int
sl_kinds_add_all(struct sl_kinds *kinds, struct sl_memo *memo, const struct sl_kinds_line *lines,
	size_t count)
{
	struct sl_span heads[SL_KINDS_BATCH];
	uint64_t hashes[SL_KINDS_BATCH];
	uint32_t numbers[SL_KINDS_BATCH];
	bool is_stale = false;
	int code = 0;
	sl_assert(count <= SL_KINDS_BATCH);
	for (size_t i = 0; i < count; i++) {
		heads[i] = head_of(lines[i].text);
		hashes[i] = sl_shape_hash(heads[i]);
		sl_memo_prefetch(memo, hashes[i]);
	}
	for (size_t i = 0; i < count; i++) {
		numbers[i] = sl_memo_find(memo, hashes[i]);
		if (numbers[i] != SL_DICTIONARY_NONE)
			sl_dictionary_prefetch(sl_memo_dictionary(memo), numbers[i]);
	}
	for (size_t i = 0; i < count && code == 0; i++) {
		/* A new line may need another dictionary: numbers are of that from then on. */
		is_stale |= numbers[i] == SL_DICTIONARY_NONE;
		if (is_stale)
			numbers[i] = sl_memo_mask(memo, heads[i], hashes[i]);
		code = add_head(kinds, memo, &lines[i], heads[i], numbers[i]);
	}
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

static int
merge_one(struct sl_kinds *kinds, const struct sl_kinds *from, struct sl_kinds_place base)
{
	const struct sl_notes *notes = &from->notes;
	if (from->count == 0 && may_note(kinds, notes->count, notes->used) &&
		sl_notes_has_room_for(&kinds->notes, notes, base)) {
		int code = sl_notes_append(&kinds->notes, notes, base);
		kinds->lines += code ? 0 : from->lines;
		kinds->dropped += code ? 0 : from->dropped;
		sl_kinds_count_memory(kinds);
		return code;
	}
	int code = kinds->notes.count ? settle(kinds, true) : 0;
	if (code == 0)
		code = merge_notes(kinds, notes, base);
	return code ? code : merge_kinds(kinds, from, base);
}

int
sl_kinds_merge(struct sl_kinds *kinds, const struct sl_kinds *from, struct sl_kinds_place base)
{
	int code = merge_one(kinds, from, base);
	while (code == 0 && (from = from->taken))
		code = merge_one(kinds, from, moved(from->base, base));
	return code;
}

/* Behind the digest, before what it has taken. */
static void
insert(struct sl_kinds *kinds, struct sl_kinds *from, struct sl_kinds_place base)
{
	struct sl_kinds *last = from;
	from->base = base;
	while (last->taken) {
		last = last->taken;
		last->base = moved(last->base, base);
	}
	last->taken = kinds->taken;
	kinds->taken = from;
}

int
sl_kinds_take(struct sl_kinds *kinds, struct sl_kinds *from, struct sl_kinds_place base)
{
	const struct sl_kinds_budget *budget = kinds->budget;
	sl_assert(budget && budget == from->budget);
	sl_notes_trim(&from->notes);
	sl_kinds_count_memory(from);
	if (budget->used <= budget->max / 2) {
		insert(kinds, from, base);
		return 0;
	}
	int code = sl_kinds_merge(kinds, from, base);
	sl_kinds_free(from);
	return code;
}

int
sl_kinds_group(struct sl_kinds *kinds)
{
	int code = kinds->notes.count ? settle(kinds, true) : 0;
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
	sl_assert(kinds->notes.count == 0 && !kinds->taken);
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

size_t
sl_kinds_items(const struct sl_kinds *kinds)
{
	size_t items = 0;
	for (; kinds; kinds = kinds->taken)
		items += kinds->count + kinds->notes.count;
	return items;
}

uint64_t
sl_kinds_lines(const struct sl_kinds *kinds)
{
	uint64_t lines = 0;
	for (; kinds; kinds = kinds->taken)
		lines += kinds->lines;
	return lines;
}

uint64_t
sl_kinds_dropped(const struct sl_kinds *kinds)
{
	uint64_t dropped = 0;
	for (; kinds; kinds = kinds->taken)
		dropped += kinds->dropped;
	return dropped;
}
