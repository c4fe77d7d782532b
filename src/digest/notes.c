#include "sluice/digest/notes.h"

#include <errno.h>
#include <stdlib.h>

#define ITEMS_FIRST 64u
#define EXAMPLES_FIRST 4096u /* bytes */

static size_t
cap_for(size_t cap, size_t first, size_t wanted)
{
	if (wanted > cap && cap == 0)
		cap = first;
	while (cap < wanted)
		cap *= 2;
	return cap;
}

size_t
sl_notes_bytes(const struct sl_notes *notes)
{
	return notes->cap * sizeof(*notes->items) + notes->size;
}

size_t
sl_notes_bytes_with(const struct sl_notes *notes, size_t more, size_t examples)
{
	return cap_for(notes->cap, ITEMS_FIRST, notes->count + more) * sizeof(*notes->items) +
	       cap_for(notes->size, EXAMPLES_FIRST, notes->used + examples);
}

/* Its index, or where it would be. */
static size_t
find_dictionary(const struct sl_notes *notes, const struct sl_dictionary *dictionary)
{
	size_t index = notes->dictionary_count;
	while (index > 0 && notes->dictionaries[index - 1] != dictionary)
		index--;
	return index > 0 ? index - 1 : notes->dictionary_count;
}

static bool
is_of_input(const struct sl_notes *notes, uint64_t input)
{
	return notes->count == 0 || notes->input == input;
}

bool
sl_notes_can_refer(
	const struct sl_notes *notes, const struct sl_dictionary *dictionary, uint64_t input)
{
	return is_of_input(notes, input) &&
	       find_dictionary(notes, dictionary) < SL_NOTES_DICTIONARIES;
}

bool
sl_notes_has_room_for(
	const struct sl_notes *notes, const struct sl_notes *more, struct sl_kinds_place base)
{
	size_t count = notes->dictionary_count;
	if (!is_of_input(notes, more->input + base.input))
		return false;
	for (size_t i = 0; i < more->dictionary_count; i++)
		count += find_dictionary(notes, more->dictionaries[i]) == notes->dictionary_count;
	return count <= SL_NOTES_DICTIONARIES;
}

static uint16_t
index_of(struct sl_notes *notes, struct sl_dictionary *dictionary)
{
	size_t index = find_dictionary(notes, dictionary);
	if (index == notes->dictionary_count) {
		sl_assert(index < SL_NOTES_DICTIONARIES);
		notes->dictionaries[notes->dictionary_count++] = sl_dictionary_ref(dictionary);
	}
	return (uint16_t)index;
}

static int
reserve(struct sl_notes *notes, size_t more, size_t examples)
{
	size_t cap = cap_for(notes->cap, ITEMS_FIRST, notes->count + more);
	size_t size = cap_for(notes->size, EXAMPLES_FIRST, notes->used + examples);
	if (cap > notes->cap) {
		void *items = reallocarray(notes->items, cap, sizeof(*notes->items));
		if (!items)
			return -ENOMEM;
		notes->items = items;
		notes->cap = cap;
	}
	if (size > notes->size) {
		char *all = realloc(notes->examples, size);
		if (!all)
			return -ENOMEM;
		notes->examples = all;
		notes->size = size;
	}
	return 0;
}

static size_t
store(struct sl_notes *notes, struct sl_span text)
{
	size_t at = notes->used;
	if (text.len)
		memcpy(notes->examples + at, text.data, text.len);
	notes->used += text.len;
	return at;
}

int
sl_notes_add(struct sl_notes *notes, const struct sl_noted *noted, uint64_t digest)
{
	struct sl_dictionary_line *line = sl_dictionary_at(noted->dictionary, noted->line);
	bool is_known =
		line->digest == digest && noted->place.line >= notes->items[line->index].place_line;
	size_t examples = is_known ? 0 : noted->example.len;
	int code = reserve(notes, 1, examples);
	if (code)
		return code;
	struct sl_note *note = &notes->items[notes->count];
	notes->input = noted->place.input;
	*note = (struct sl_note){ .at_s = noted->time.at_s,
		.has_year = noted->time.has_year,
		.place_line = noted->place.line,
		.line = noted->line,
		.dictionary = index_of(notes, noted->dictionary) };
	if (!is_known) {
		line->digest = digest;
		line->index = notes->count;
		note->example_at = (uint32_t)store(notes, noted->example);
		note->example_len = (uint16_t)noted->example.len;
	} else {
		note->example_at = notes->items[line->index].example_at;
		note->example_len = notes->items[line->index].example_len;
	}
	notes->count++;
	return 0;
}

int
sl_notes_append(struct sl_notes *notes, const struct sl_notes *more, struct sl_kinds_place base)
{
	uint16_t indices[SL_NOTES_DICTIONARIES];
	int code = reserve(notes, more->count, more->used);
	if (code)
		return code;
	for (size_t i = 0; i < more->dictionary_count; i++)
		indices[i] = index_of(notes, more->dictionaries[i]);
	size_t before = store(notes, sl_span(more->examples, more->used));
	notes->input = more->input + base.input;
	for (size_t i = 0; i < more->count; i++) {
		struct sl_note *note = &notes->items[notes->count++];
		*note = more->items[i];
		note->place_line += base.line;
		note->example_at += (uint32_t)before;
		note->dictionary = indices[note->dictionary];
	}
	return 0;
}

struct sl_noted
sl_notes_at(const struct sl_notes *notes, size_t index)
{
	const struct sl_note *note = &notes->items[index];
	return (struct sl_noted){ .dictionary = notes->dictionaries[note->dictionary],
		.line = note->line,
		.example = sl_span(notes->examples + note->example_at, note->example_len),
		.place = { notes->input, note->place_line },
		.time = { note->at_s, note->has_year } };
}

void
sl_notes_prefetch(const struct sl_notes *notes, size_t index)
{
	const struct sl_note *note = &notes->items[index];
	sl_dictionary_prefetch(notes->dictionaries[note->dictionary], note->line);
}

void
sl_notes_trim(struct sl_notes *notes)
{
	void *items = notes->count ? reallocarray(notes->items, notes->count, sizeof(*notes->items))
				   : NULL;
	char *examples = notes->used ? realloc(notes->examples, notes->used) : NULL;
	if (items) {
		notes->items = items;
		notes->cap = notes->count;
	}
	if (examples) {
		notes->examples = examples;
		notes->size = notes->used;
	}
}

void
sl_notes_clear(struct sl_notes *notes)
{
	while (notes->dictionary_count > 0)
		sl_dictionary_unref(notes->dictionaries[--notes->dictionary_count]);
	notes->count = notes->used = 0;
}

void
sl_notes_release(struct sl_notes *notes)
{
	sl_notes_clear(notes);
	free(notes->items);
	free(notes->examples);
	*notes = (struct sl_notes){ 0 };
}
