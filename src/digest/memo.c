/*
 * memo.c - a table from the hash of a shape to a masked line, which many shapes may lead to. When
 * the dictionary is full, all is forgotten: what is frequent is soon known again. Digests may refer
 * to its lines then, so that they need another one.
 */
#include "sluice/digest/memo.h"

#include "sluice/digest/shape.h"

#include <stdlib.h>

#define SHAPES_A_LINE 2u
#define SET 4u          /* shapes: a cache line */
#define TEXT_A_LINE 80u /* bytes: of usual lines, once masked */
#define SLOTS_A_LINE 2u

struct shape {
	uint64_t hash;
	uint32_t line; /* number plus 1; 0 = none */
};

struct sl_memo {
	struct sl_dictionary *dictionary;
	size_t lines, text;    /* of each dictionary */
	size_t shape_count;    /* a power of two */
	uint64_t clock;        /* counts shapes that were new */
	struct shape shapes[]; /* in sets of SET by hash; a new one replaces one of its set */
};

struct sl_memo *
sl_memo_new(size_t bytes)
{
	const size_t each = sizeof(struct sl_dictionary_line) + SLOTS_A_LINE * sizeof(uint32_t) +
			    SHAPES_A_LINE * sizeof(struct shape);
	size_t lines = 1;
	sl_assert(bytes >= SL_MEMO_BYTES_MIN);
	while (2 * lines * (each + TEXT_A_LINE) <= bytes)
		lines *= 2;
	size_t shapes = lines * SHAPES_A_LINE;
	struct sl_memo *memo = calloc(1, sizeof(*memo) + shapes * sizeof(memo->shapes[0]));
	if (!memo)
		return NULL;
	memo->lines = lines;
	memo->text = bytes - lines * each;
	memo->shape_count = shapes;
	memo->dictionary = sl_dictionary_new(memo->lines, memo->text);
	if (memo->dictionary)
		return memo;
	free(memo);
	return NULL;
}

void
sl_memo_free(struct sl_memo *memo)
{
	if (memo)
		sl_dictionary_unref(memo->dictionary);
	free(memo);
}

/* False if out of memory. */
static bool
forget_all(struct sl_memo *memo)
{
	memset(memo->shapes, 0, memo->shape_count * sizeof(memo->shapes[0]));
	if (!sl_dictionary_is_shared(memo->dictionary)) {
		sl_dictionary_clear(memo->dictionary);
		return true;
	}
	struct sl_dictionary *other = sl_dictionary_new(memo->lines, memo->text);
	if (!other)
		return false;
	sl_dictionary_unref(memo->dictionary);
	memo->dictionary = other;
	return true;
}

static size_t
set_of(const struct sl_memo *memo, uint64_t hash)
{
	return hash % memo->shape_count / SET * SET;
}

void
sl_memo_prefetch(const struct sl_memo *memo, uint64_t hash)
{
	__builtin_prefetch(&memo->shapes[set_of(memo, hash)]);
}

uint32_t
sl_memo_find(const struct sl_memo *memo, uint64_t hash)
{
	const struct shape *set = &memo->shapes[set_of(memo, hash)];
	for (size_t i = 0; i < SET; i++)
		if (set[i].hash == hash && set[i].line)
			return set[i].line - 1;
	return SL_DICTIONARY_NONE;
}

uint32_t
sl_memo_mask(struct sl_memo *memo, struct sl_span line, uint64_t hash)
{
	uint32_t number = sl_memo_find(memo, hash);
	if (number != SL_DICTIONARY_NONE)
		return number;
	number = sl_dictionary_mask(memo->dictionary, line);
	if (number == SL_DICTIONARY_NONE && forget_all(memo))
		number = sl_dictionary_mask(memo->dictionary, line);
	if (number != SL_DICTIONARY_NONE)
		memo->shapes[set_of(memo, hash) + memo->clock++ % SET] =
			(struct shape){ hash, number + 1 };
	return number;
}

struct sl_dictionary *
sl_memo_dictionary(const struct sl_memo *memo)
{
	return memo->dictionary;
}
