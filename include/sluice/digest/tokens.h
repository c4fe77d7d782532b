/*
 * tokens.h - the words of a masked line, by which lines are compared. Pure.
 *
 * A token ends with the separator behind it, which belongs to it: put together, the tokens are the
 * line again.
 */
#ifndef SLUICE_DIGEST_TOKENS_H
#define SLUICE_DIGEST_TOKENS_H

#include "sluice/base/bytes.h"

/* Tokens of a line that are compared; the rest of a line that has more is one token, the last. */
#define SL_TOKENS_MAX 128u

struct sl_token {
	uint32_t begin, len; /* in the line, without the separator */
	uint32_t hash;       /* of the text and the separator */
	bool has_word;       /* it has a letter: not only masks and punctuation */
	bool has_digit;      /* it has a value that was not masked */
	bool has_mask;       /* it has a value that was */
	bool is_any;         /* it is the mask for words that differ */
};

/* Split a masked line; returns the number of tokens, at most SL_TOKENS_MAX. */
size_t sl_tokens_split(struct sl_span masked, struct sl_token *tokens);

#endif
