/*
 * memo.c - two tables: from the hash of a shape to a masked line, and the masked lines by their own
 * hash, since many shapes lead to one. When either is full, all is forgotten: what is frequent is
 * soon known again.
 */
#include "sluice/digest/memo.h"

#include "sluice/digest/masks.h"
#include "sluice/digest/shape.h"

#include <stdlib.h>

/* Powers of two. A usual log has some dozens of kinds, and some hundreds of shapes. */
#define SHAPES 2048u
#define LINES 256u
#define TEXT (40u * 1024u) /* bytes of masked lines */

struct shape {
	uint64_t hash;
	uint32_t line; /* index plus 1; 0 = none */
};

struct sl_memo {
	struct shape shapes[SHAPES]; /* by hash; a new one replaces the one in its place */
	struct sl_memo_line lines[LINES];
	uint16_t slots[2 * LINES]; /* of a table of lines: index plus 1, or 0 */
	size_t count;
	char text[TEXT];
	size_t used;
};

_Static_assert(sizeof(struct sl_memo) <= SL_MEMO_BYTES, "as the header says");

struct sl_memo *
sl_memo_new(void)
{
	return calloc(1, sizeof(struct sl_memo));
}

void
sl_memo_free(struct sl_memo *memo)
{
	free(memo);
}

/* ---- masked lines ---- */

static void
forget_all(struct sl_memo *memo)
{
	memset(memo->shapes, 0, sizeof(memo->shapes));
	memset(memo->slots, 0, sizeof(memo->slots));
	memo->count = memo->used = 0;
}

/* The slot of the line, or the empty one where it would be. */
static uint16_t *
find_slot(struct sl_memo *memo, struct sl_span text, uint64_t hash)
{
	for (size_t i = hash >> 32;; i++) {
		uint16_t *slot = &memo->slots[i % (2 * LINES)];
		if (!*slot)
			return slot;
		const struct sl_memo_line *line = &memo->lines[*slot - 1];
		if (line->hash == hash && sl_span_equal(line->text, text))
			return slot;
	}
}

/* Masked in place, behind those that are known; it becomes one of them if it is new. */
static uint32_t
add_line(struct sl_memo *memo, struct sl_span line)
{
	char *masked = memo->text + memo->used;
	size_t len =
		sl_masks_apply((const unsigned char *)line.data, line.len, (unsigned char *)masked);
	struct sl_span text = sl_span(masked, len);
	uint64_t hash = sl_shape_hash_text(text);
	uint16_t *slot = find_slot(memo, text, hash);
	if (!*slot) {
		memo->lines[memo->count++] = (struct sl_memo_line){ .hash = hash, .text = text };
		memo->used += len;
		*slot = (uint16_t)memo->count;
	}
	return *slot;
}

struct sl_memo_line *
sl_memo_mask(struct sl_memo *memo, struct sl_span line)
{
	sl_assert(line.len <= SL_MEMO_LINE_MAX);
	uint64_t hash = sl_shape_hash(line);
	struct shape *shape = &memo->shapes[hash % SHAPES];
	if (shape->hash == hash && shape->line)
		return &memo->lines[shape->line - 1];
	if (memo->count == LINES || TEXT - memo->used < line.len)
		forget_all(memo);
	*shape = (struct shape){ hash, add_line(memo, line) };
	return &memo->lines[shape->line - 1];
}
