#include "sluice/digest/dictionary.h"

#include "sluice/digest/masks.h"
#include "sluice/digest/shape.h"

#include <stdlib.h>

struct sl_dictionary {
	_Atomic unsigned references;
	size_t count, lines_max;
	size_t used, text_max; /* bytes */
	uint32_t *slots;       /* of a hash table of twice as many: number plus 1, or 0 */
	char *text;
	struct sl_dictionary_line lines[]; /* the slots and the text follow */
};

static size_t
slots_bytes(size_t lines)
{
	return 2 * lines * sizeof(uint32_t);
}

struct sl_dictionary *
sl_dictionary_new(size_t lines, size_t text)
{
	sl_assert(lines > 0 && text >= SL_DICTIONARY_LINE_MAX);
	size_t lines_bytes = lines * sizeof(struct sl_dictionary_line);
	struct sl_dictionary *dictionary =
		calloc(1, sizeof(*dictionary) + lines_bytes + slots_bytes(lines) + text);
	if (!dictionary)
		return NULL;
	dictionary->references = 1;
	dictionary->lines_max = lines;
	dictionary->text_max = text;
	dictionary->slots = (uint32_t *)(void *)(dictionary->lines + lines);
	dictionary->text = (char *)(dictionary->slots + 2 * lines);
	return dictionary;
}

struct sl_dictionary *
sl_dictionary_ref(struct sl_dictionary *dictionary)
{
	dictionary->references++;
	return dictionary;
}

void
sl_dictionary_unref(struct sl_dictionary *dictionary)
{
	if (dictionary && --dictionary->references == 0)
		free(dictionary);
}

bool
sl_dictionary_is_shared(const struct sl_dictionary *dictionary)
{
	return dictionary->references > 1;
}

void
sl_dictionary_clear(struct sl_dictionary *dictionary)
{
	sl_assert(!sl_dictionary_is_shared(dictionary));
	memset(dictionary->slots, 0, slots_bytes(dictionary->lines_max));
	dictionary->count = dictionary->used = 0;
}

/* The slot of the line, or the empty one where it would be. */
static uint32_t *
find_slot(struct sl_dictionary *dictionary, struct sl_span text, uint64_t hash)
{
	for (size_t i = (size_t)(hash >> 32);; i++) {
		uint32_t *slot = &dictionary->slots[i % (2 * dictionary->lines_max)];
		if (!*slot)
			return slot;
		const struct sl_dictionary_line *line = &dictionary->lines[*slot - 1];
		if (line->hash == hash && sl_span_equal(line->text, text))
			return slot;
	}
}

/* Masked in place, behind those that are known; it becomes one of them if it is new. */
uint32_t
sl_dictionary_mask(struct sl_dictionary *dictionary, struct sl_span line)
{
	sl_assert(line.len <= SL_DICTIONARY_LINE_MAX);
	if (dictionary->count == dictionary->lines_max ||
		dictionary->text_max - dictionary->used < line.len)
		return SL_DICTIONARY_NONE;
	char *masked = dictionary->text + dictionary->used;
	size_t len =
		sl_masks_apply((const unsigned char *)line.data, line.len, (unsigned char *)masked);
	struct sl_span text = sl_span(masked, len);
	uint64_t hash = sl_shape_hash_text(text);
	uint32_t *slot = find_slot(dictionary, text, hash);
	if (!*slot) {
		dictionary->lines[dictionary->count++] =
			(struct sl_dictionary_line){ .hash = hash, .text = text };
		dictionary->used += len;
		*slot = (uint32_t)dictionary->count;
	}
	return *slot - 1;
}

struct sl_dictionary_line *
sl_dictionary_at(struct sl_dictionary *dictionary, uint32_t number)
{
	return &dictionary->lines[number];
}

void
sl_dictionary_prefetch(const struct sl_dictionary *dictionary, uint32_t number)
{
	__builtin_prefetch(&dictionary->lines[number], 1);
}
