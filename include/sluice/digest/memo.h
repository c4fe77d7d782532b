/*
 * memo.h - remembers how lines were masked: most error lines have the shape of an earlier one.
 *
 * Lines of one shape are equal once masked (shape.h). So masking, which looks at each byte in turn,
 * is only needed for new shapes; the hash of a shape takes a fraction of the time. Two shapes with
 * one hash of 64 bits would be taken as one: a line would be counted with another kind.
 *
 * A memo belongs to a worker, and outlives the digests that the worker fills. Pure.
 */
#ifndef SLUICE_DIGEST_MEMO_H
#define SLUICE_DIGEST_MEMO_H

#include "sluice/digest/dictionary.h"

struct sl_memo;

/* Of memory: a memo that is smaller forgets sooner. */
#define SL_MEMO_BYTES_MIN (96 * SL_KIB)
#define SL_MEMO_BYTES_MAX (384 * SL_KIB) /* enough for 2,000 kinds of lines */

/* `bytes` of memory, at least SL_MEMO_BYTES_MIN; a dictionary that others still refer to is beyond
 * that. NULL if out of memory. */
struct sl_memo *sl_memo_new(size_t bytes);

/* NULL is fine. */
void sl_memo_free(struct sl_memo *memo);

/* The line, at most SL_MEMO_LINE_MAX bytes, once masked: its number in the dictionary, or
 * SL_DICTIONARY_NONE if out of memory. `hash` is that of its shape. */
uint32_t sl_memo_mask(struct sl_memo *memo, struct sl_span line, uint64_t hash);
#define SL_MEMO_LINE_MAX SL_DICTIONARY_LINE_MAX

/* The number of lines of that shape, or SL_DICTIONARY_NONE if it is not known: without masking, so
 * that the dictionary stays. */
uint32_t sl_memo_find(const struct sl_memo *memo, uint64_t hash);

/* The shape will be looked for: fetch what is read then. */
void sl_memo_prefetch(const struct sl_memo *memo, uint64_t hash);

/* It has the line that was masked last, and most of those before. */
struct sl_dictionary *sl_memo_dictionary(const struct sl_memo *memo);

#endif
