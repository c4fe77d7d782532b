#include "sluice/digest/tokens.h"

#include "sluice/digest/masks.h"

/* What a byte is; in UTF-8, bytes beyond ASCII are letters. Separators stand between words and in
 * "key=value,key=value" and "a|b:c". */
enum {
	SEPARATOR = 1,
	LETTER = 2,
	DIGIT = 4,
	MASK = 8, /* but for SL_MASK_ANY, which stands for all of a token */
};

/* Of each byte, sixteen to a row. */
/* clang-format off */
enum { S = SEPARATOR, L = LETTER, D = DIGIT, M = MASK };
static const unsigned char classes[256] = {
	0, 0, M, M, M, M, M, M, M, M, M, M, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, S, 0, 0, 0,
	D, D, D, D, D, D, D, D, D, D, S, S, 0, S, 0, 0,
	0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0,
	0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, 0, S, 0, 0, 0,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
};
/* clang-format on */

/* Eight bytes at a time. */
static uint32_t
hash_of(const char *text, size_t len)
{
	const uint64_t factor = 0x9e3779b97f4a7c15ull;
	uint64_t hash = len, word = 0;
	for (; len >= sizeof(word); text += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = (hash ^ word) * factor;
		hash ^= hash >> 32;
	}
	word = 0;
	for (size_t i = 0; i < len; i++)
		word = word << 8 | (unsigned char)text[i];
	hash = (hash ^ word) * factor;
	return (uint32_t)(hash >> 32);
}

static struct sl_token
token_at(struct sl_span masked, size_t begin, bool is_last)
{
	unsigned seen = 0, class = 0;
	size_t at = begin;
	for (; at < masked.len; at++) {
		class = classes[(unsigned char)masked.data[at]];
		if (class == SEPARATOR && !is_last)
			break;
		seen |= class;
	}
	size_t len = at - begin, with_separator = len + (at < masked.len);
	return (struct sl_token){ .begin = (uint32_t)begin,
		.len = (uint32_t)len,
		.hash = hash_of(masked.data + begin, with_separator),
		.has_word = seen & LETTER,
		.has_digit = seen & DIGIT,
		.has_mask = seen & MASK,
		.is_any = len == 1 && masked.data[begin] == SL_MASK_ANY };
}

_Static_assert(SL_MASK_END == 12, "the classes have all masks");

size_t
sl_tokens_split(struct sl_span masked, struct sl_token *tokens)
{
	size_t count = 0, at = 0;
	while (at < masked.len && count < SL_TOKENS_MAX) {
		tokens[count] = token_at(masked, at, count == SL_TOKENS_MAX - 1);
		at = tokens[count].begin + tokens[count].len + 1;
		count++;
	}
	return count;
}
