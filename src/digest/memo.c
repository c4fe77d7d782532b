/*
 * memo.c - two tables: from the hash of a shape to a masked line, and the masked lines by their own
 * hash, since many shapes lead to one. When either is full, all is forgotten: what is frequent is
 * soon known again.
 */
#include "sluice/digest/memo.h"

#include "sluice/digest/masks.h"

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

/* ---- hashes ---- */

#define EACH 0x0101010101010101ull /* byte */

static uint64_t
mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 32);
}

/* A zero for each digit among eight bytes: a byte is one if it is '0' to '0' + 9. */
static uint64_t
without_digits(uint64_t word)
{
	uint64_t above = word ^ ('0' * EACH);
	uint64_t others = (((above & 0x7f * EACH) + 0x76 * EACH) | above) & 0x80 * EACH;
	uint64_t digits = (others ^ 0x80 * EACH) >> 7; /* 1 in each byte that is a digit */
	return word & ~(digits * 0x0f);
}

static uint64_t
load(const char *at, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, at, len);
	return word;
}

/* The text of an empty span may be NULL. */
static const char *
data_of(struct sl_span text)
{
	return text.len ? text.data : "";
}

uint64_t
sl_memo_hash(struct sl_span text)
{
	const char *data = data_of(text);
	uint64_t hash = text.len;
	size_t at = 0;
	for (; text.len - at >= 8; at += 8)
		hash = mix(hash, load(data + at, 8));
	return mix(mix(hash, load(data + at, text.len - at)), 0);
}

/* Two at a time, since one waits for its multiplication. */
static uint64_t
hash_shape(struct sl_span line)
{
	const char *data = data_of(line);
	uint64_t a = line.len, b = 0x5851f42d4c957f2dull;
	size_t at = 0;
	for (; line.len - at >= 16; at += 16) {
		a = mix(a, without_digits(load(data + at, 8)));
		b = mix(b, without_digits(load(data + at + 8, 8)));
	}
	if (line.len - at >= 8) {
		a = mix(a, without_digits(load(data + at, 8)));
		at += 8;
	}
	b = mix(b, without_digits(load(data + at, line.len - at)));
	return mix(a, b);
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
	uint64_t hash = sl_memo_hash(text);
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
	uint64_t hash = hash_shape(line);
	struct shape *shape = &memo->shapes[hash % SHAPES];
	if (shape->hash == hash && shape->line)
		return &memo->lines[shape->line - 1];
	if (memo->count == LINES || TEXT - memo->used < line.len)
		forget_all(memo);
	*shape = (struct shape){ hash, add_line(memo, line) };
	return &memo->lines[shape->line - 1];
}
