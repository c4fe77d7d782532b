/*
 * match_grams_int.h - the tables that match_grams_build.c fills and match_grams.c searches with.
 */
#ifndef SLUICE_SCAN_MATCH_GRAMS_INT_H
#define SLUICE_SCAN_MATCH_GRAMS_INT_H

#include "sluice/match/match_grams.h"

#define SL_GRAMS_GRAM 8u   /* bytes of a gram at most: those of a word */
#define SL_GRAMS_STRIDE 8u /* bits of a byte of `places` */
#define SL_GRAMS_NONE UINT32_MAX

/* A literal. Those whose windows share a slot are a chain. */
struct sl_grams_entry {
	uint32_t hash; /* of its window */
	uint32_t next; /* in the chain, or SL_GRAMS_NONE */
	uint32_t text; /* where its bytes begin in `texts` */
	uint32_t rank;
	uint8_t len, off; /* `off`: of its window */
};

struct sl_match_grams {
	unsigned gram, stride, window; /* bytes; window = gram + stride - 1 */
	bool ignore_case;
	uint64_t gram_mask; /* of the bytes of a gram in a word */
	uint64_t head_mask; /* of those of a window in its first word */
	uint64_t fold;      /* case bits of a word, if case is ignored */
	unsigned filter_shift, places_shift, slots_shift;
	unsigned off_max; /* of all entries */
	uint8_t *filter;  /* a bit for each hash of a gram: it is in a window */
	uint8_t *places;  /* for each hash of a gram: bit i, it is at byte i of a window */
	uint32_t *slots;  /* by the hash of a window: the first entry of a chain */
	struct sl_grams_entry *entries;
	unsigned char *texts; /* of the literals, one after the other; in lower case if ignored */
	size_t count, size;   /* literals; bytes in memory */
};

/* A product whose upper bits are the hash of a gram. */
static inline uint64_t
sl_grams_hash(const struct sl_match_grams *grams, uint64_t word)
{
	return ((word | grams->fold) & grams->gram_mask) * 0x9e3779b97f4a7c15ull;
}

static inline size_t
sl_grams_filter_index(const struct sl_match_grams *grams, uint64_t hash)
{
	return (size_t)(hash >> grams->filter_shift);
}

/* Not of the same bits as the filter's index, so that what passes by chance there is stopped
 * here. */
static inline size_t
sl_grams_places_index(const struct sl_match_grams *grams, uint64_t hash)
{
	return (size_t)((hash ^ (hash << 23)) >> grams->places_shift);
}

static inline uint64_t
sl_grams_load(const unsigned char *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return word;
}

/* Of `len` bytes, less than a word, without reading others. */
static inline uint64_t
sl_grams_load_few(const unsigned char *at, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, at, len);
	return word;
}

/* Of the bytes of a window, which lie within [at, end). */
static inline uint32_t
sl_grams_window_hash(
	const struct sl_match_grams *grams, const unsigned char *at, const unsigned char *end)
{
	bool is_word = (size_t)(end - at) >= sizeof(uint64_t);
	uint64_t head = is_word ? sl_grams_load(at) : sl_grams_load_few(at, grams->window);
	uint64_t hash = ((head | grams->fold) & grams->head_mask) * 0xff51afd7ed558ccdull;
	if (grams->window > sizeof(uint64_t)) {
		uint64_t tail = sl_grams_load(at + grams->window - sizeof(uint64_t)) | grams->fold;
		hash = (hash ^ hash >> 29 ^ tail) * 0xc4ceb9fe1a85ec53ull;
	}
	return (uint32_t)(hash >> 32);
}

#endif
