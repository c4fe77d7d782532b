/*
 * lexicon.c - the words that begin with the same bytes are neighbours in sorted order, so those
 * that stand at a place of the line are found by narrowing a range of them:
 *
 *     [low, high) = all words
 *     for depth = 0, 1, ...:
 *         words of [low, high) that have `depth` bytes stand here, and come first
 *         [low, high) = those of the others whose next byte is that of the line
 *     until the range is empty
 *
 * That is done at each place where a match may begin: behind a byte that is not a word character,
 * or at the beginning of the line.
 */
#include "sluice/match/lexicon.h"

#include <errno.h>
#include <stdlib.h>

static unsigned char
fold(const struct sl_lexicon *lexicon, unsigned char c)
{
	return lexicon->ignore_case && c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

static int
compare_words(const void *left, const void *right)
{
	const struct sl_match_literal *a = left, *b = right;
	size_t len = SL_MIN(a->text.len, b->text.len);
	int order = len ? memcmp(a->text.data, b->text.data, len) : 0;
	if (order == 0)
		order = (a->text.len > b->text.len) - (a->text.len < b->text.len);
	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static void
copy_words(struct sl_lexicon *lexicon, const struct sl_match_literal *words)
{
	char *at = lexicon->bytes;
	for (size_t i = 0; i < lexicon->count; i++) {
		size_t len = words[i].text.len;
		for (size_t k = 0; k < len; k++)
			at[k] = (char)fold(lexicon, (unsigned char)words[i].text.data[k]);
		lexicon->words[i] = (struct sl_match_literal){ sl_span(at, len), words[i].rank };
		lexicon->longest = SL_MAX(lexicon->longest, len);
		at += len;
	}
}

/* Empty words come before all others: none begins with a byte below 0. */
static void
index_words(struct sl_lexicon *lexicon)
{
	size_t at = 0;
	while (at < lexicon->count && lexicon->words[at].text.len == 0)
		at++;
	for (unsigned byte = 0; byte < 256; byte++) {
		lexicon->first[byte] = at;
		while (at < lexicon->count &&
			(unsigned char)lexicon->words[at].text.data[0] == byte)
			at++;
	}
	lexicon->first[256] = at;
}

int
sl_lexicon_init(struct sl_lexicon *lexicon, const struct sl_match_literal *words, size_t count,
	enum sl_bounds bounds, bool ignore_case)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += words[i].text.len;
	*lexicon =
		(struct sl_lexicon){ .bounds = bounds, .ignore_case = ignore_case, .count = count };
	lexicon->memory = count * sizeof(*lexicon->words) + bytes;
	lexicon->words = calloc(SL_MAX(count, (size_t)1), sizeof(*lexicon->words));
	lexicon->bytes = malloc(SL_MAX(bytes, (size_t)1));
	if (!lexicon->words || !lexicon->bytes) {
		sl_lexicon_release(lexicon);
		return -ENOMEM;
	}
	copy_words(lexicon, words);
	if (count)
		qsort(lexicon->words, count, sizeof(*lexicon->words), compare_words);
	index_words(lexicon);
	return 0;
}

void
sl_lexicon_release(struct sl_lexicon *lexicon)
{
	free(lexicon->words);
	free(lexicon->bytes);
	*lexicon = (struct sl_lexicon){ 0 };
}

/* ---- looking for words ---- */

struct subject {
	const unsigned char *text;
	size_t len;
	bool goes_on;
};

/* The first of words [low, high) whose byte at `depth` is not below `byte`; all are longer. */
static size_t
lower_bound(const struct sl_lexicon *lexicon, size_t low, size_t high, size_t depth, unsigned byte)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((unsigned char)lexicon->words[middle].text.data[depth] < byte)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* May a match end here? The answer is open where the next byte is not known. */
static bool
may_end(const struct sl_lexicon *lexicon, const struct subject *line, size_t end, bool *is_open)
{
	if (lexicon->bounds == SL_BOUNDS_NONE)
		return true;
	if (end < line->len)
		return lexicon->bounds == SL_BOUNDS_WORD && !sl_lexicon_is_word(line->text[end]);
	if (line->goes_on)
		*is_open = true;
	return !line->goes_on;
}

static bool
may_begin(const struct sl_lexicon *lexicon, const struct subject *line, size_t at)
{
	if (lexicon->bounds == SL_BOUNDS_NONE || at == 0)
		return true;
	return lexicon->bounds == SL_BOUNDS_WORD && !sl_lexicon_is_word(line->text[at - 1]);
}

/* The words that stand at a place and were not seen yet: see the head of this file. */
struct range {
	size_t low, high, depth;
};

/* Returns the next of them whose surroundings fit, or NULL. */
static const struct sl_match_literal *
next_word(const struct sl_lexicon *lexicon, const struct subject *line, size_t at,
	struct range *range, bool *is_open)
{
	for (;;) {
		while (range->low < range->high &&
			lexicon->words[range->low].text.len == range->depth) {
			const struct sl_match_literal *word = &lexicon->words[range->low++];
			if (may_end(lexicon, line, at + range->depth, is_open))
				return word;
		}
		if (range->low == range->high)
			return NULL;
		if (at + range->depth == line->len) {
			*is_open = *is_open || line->goes_on;
			return NULL;
		}
		size_t depth = range->depth++;
		unsigned byte = fold(lexicon, line->text[at + depth]);
		if (depth == 0) {
			range->low = lexicon->first[byte];
			range->high = lexicon->first[byte + 1];
			continue;
		}
		range->high = lower_bound(lexicon, range->low, range->high, depth, byte + 1);
		range->low = lower_bound(lexicon, range->low, range->high, depth, byte);
	}
}

/* The word that stands at `at`: of those whose surroundings fit the first in the user's order. */
static bool
find_at(const struct sl_lexicon *lexicon, const struct subject *line, size_t at,
	struct sl_lexicon_place *place, bool *is_open)
{
	struct range range = { 0, lexicon->count, 0 };
	const struct sl_match_literal *word;
	bool found = false;
	while ((word = next_word(lexicon, line, at, &range, is_open))) {
		if (found && place->rank < word->rank)
			continue;
		found = true;
		*place = (struct sl_lexicon_place){ at, at + word->text.len, word->rank };
	}
	return found;
}

/* Matches begin before here. */
static size_t
places_end(const struct sl_lexicon *lexicon, size_t len)
{
	if (lexicon->bounds != SL_BOUNDS_LINE)
		return len + 1;
	return len <= lexicon->longest;
}

/* The first place from `at` on where a word may begin. Most places have a byte that begins none. */
static size_t
skip_places(const struct sl_lexicon *lexicon, const struct subject *line, size_t at, size_t end)
{
	size_t most = SL_MIN(end, line->len);
	if (lexicon->first[0] > 0) /* an empty word is everywhere */
		return at;
	while (at < most) {
		unsigned byte = fold(lexicon, line->text[at]);
		if (lexicon->first[byte] != lexicon->first[byte + 1])
			break;
		at++;
	}
	return at;
}

bool
sl_lexicon_find(const struct sl_lexicon *lexicon, const unsigned char *text, size_t len,
	bool goes_on, size_t from, struct sl_lexicon_place *place, bool *is_open)
{
	const struct subject line = { text, len, goes_on };
	size_t end = places_end(lexicon, len);
	for (size_t at = from; (at = skip_places(lexicon, &line, at, end)) < end; at++) {
		if (may_begin(lexicon, &line, at) && find_at(lexicon, &line, at, place, is_open))
			return true;
	}
	return false;
}

void
sl_lexicon_mark(const struct sl_lexicon *lexicon, const unsigned char *text, size_t len,
	bool goes_on, uint64_t *marks)
{
	const struct subject line = { text, len, goes_on };
	size_t end = places_end(lexicon, len);
	bool is_open = false;
	for (size_t at = 0; (at = skip_places(lexicon, &line, at, end)) < end; at++) {
		struct range range = { 0, lexicon->count, 0 };
		const struct sl_match_literal *word;
		while (may_begin(lexicon, &line, at) &&
			(word = next_word(lexicon, &line, at, &range, &is_open)))
			marks[word->rank / 64] |= 1ull << (word->rank % 64);
	}
}
