#include "sluice/digest/tokens.h"

#include "sluice/digest/masks.h"

/* Between words and in "key=value,key=value" and "a|b:c". */
static bool
is_separator(char c)
{
	return c == ' ' || c == ',' || c == ';' || c == '=' || c == ':' || c == '|';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static uint32_t
mix(uint32_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 16777619u; /* FNV-1a */
}

static struct sl_token
token_at(struct sl_span masked, size_t begin, bool is_last)
{
	struct sl_token token = { .begin = (uint32_t)begin, .hash = 2166136261u };
	size_t at = begin;
	for (; at < masked.len && (is_last || !is_separator(masked.data[at])); at++) {
		token.hash = mix(token.hash, masked.data[at]);
		token.has_word |= is_letter(masked.data[at]);
		token.has_digit |= masked.data[at] >= '0' && masked.data[at] <= '9';
	}
	token.len = (uint32_t)(at - begin);
	token.is_any = token.len == 1 && masked.data[begin] == SL_MASK_ANY;
	token.hash = mix(token.hash, at < masked.len ? masked.data[at] : '\0');
	return token;
}

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
