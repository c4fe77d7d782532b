/*
 * history.h - copies of the last lines before a place of an input: the context of a line that may
 * match behind it. Pure.
 *
 * Bounded in lines and in bytes; the oldest are dropped first. A line that is larger than the bound
 * leaves nothing of those before it. Memory: at most twice the bytes.
 */
#ifndef SLUICE_SCAN_HISTORY_H
#define SLUICE_SCAN_HISTORY_H

#include "sluice/scan/partial.h"

struct sl_history_entry;

/* {.most_lines = L, .most_bytes = B} is empty. Other fields are the module's. */
struct sl_history {
	uint64_t most_lines;
	size_t most_bytes; /* the sum of sl_history_cost */

	unsigned char *text; /* of the lines, one after the other: bytes [text_begin, text_end) */
	size_t text_begin, text_end, text_cap;
	struct sl_history_entry *entries; /* [first, end) */
	size_t first, end, cap;
	size_t bytes; /* the sum of what the lines cost */
};

/* What a line of which `len` bytes are kept counts for. */
size_t sl_history_cost(size_t len);

void sl_history_release(struct sl_history *history);

/* No lines; the memory is kept. */
void sl_history_clear(struct sl_history *history);

/* Copies the line, which follows those that were added before. Returns 0; -ENOMEM: it is
 * unchanged but for old lines that may be missing. */
int sl_history_add(struct sl_history *history, const struct sl_partial_line *line) SL_MUST_CHECK;

/* Only the last lines stay: at most so many, which cost at most `bytes`. */
void sl_history_keep(struct sl_history *history, uint64_t lines, size_t bytes);

/* The line at `index`, from the oldest; its text is valid until the history changes. False behind
 * the last. */
bool sl_history_get(const struct sl_history *history, size_t index, struct sl_partial_line *line);

/* Removes the oldest line. Its text is valid until a line is added. False if there is none. */
bool sl_history_take(struct sl_history *history, struct sl_partial_line *line);

#endif
