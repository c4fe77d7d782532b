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

#include "sluice/base/bytes.h"

/* A masked line. */
struct sl_memo_line {
	uint64_t hash; /* sl_shape_hash_text() of it */
	struct sl_span text;

	/* The owner's: where a digest has this line. */
	uint64_t digest;
	size_t index;
};

struct sl_memo;

#define SL_MEMO_BYTES (96 * SL_KIB) /* memory of one, at most */

/* NULL if out of memory. */
struct sl_memo *sl_memo_new(void);

/* NULL is fine. */
void sl_memo_free(struct sl_memo *memo);

/* The line, at most SL_MEMO_LINE_MAX bytes, once masked. Valid until the next call. */
struct sl_memo_line *sl_memo_mask(struct sl_memo *memo, struct sl_span line);
#define SL_MEMO_LINE_MAX 1024u

#endif
