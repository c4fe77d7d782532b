/*
 * dictionary.h - masked lines, each of them once, by number: what refers to a line needs four bytes
 * instead of its text.
 *
 * A worker adds lines, others may read those that they were told of: lines stay where they are
 * until the last reference is gone. Of a line some fields belong to the worker, others to the one
 * that merges. Pure; references may be taken and dropped by any thread.
 */
#ifndef SLUICE_DIGEST_DICTIONARY_H
#define SLUICE_DIGEST_DICTIONARY_H

#include "sluice/base/bytes.h"

#define SL_DICTIONARY_LINE_MAX 1024u /* bytes */
#define SL_DICTIONARY_NONE UINT32_MAX

struct sl_dictionary_line {
	uint64_t hash; /* sl_shape_hash_text() of it */
	struct sl_span text;

	/* The worker's: the digest that has this line, and where. */
	uint64_t digest;
	size_t index;

	/* The same for the digest into which others are merged, by its thread. */
	uint64_t total;
	size_t total_index;
};

struct sl_dictionary;

/* For so many lines with so many bytes of text together, at least SL_DICTIONARY_LINE_MAX. With one
 * reference. NULL if out of memory. */
struct sl_dictionary *sl_dictionary_new(size_t lines, size_t text);

struct sl_dictionary *sl_dictionary_ref(struct sl_dictionary *dictionary);

/* NULL is fine. */
void sl_dictionary_unref(struct sl_dictionary *dictionary);

/* There is another reference. */
bool sl_dictionary_is_shared(const struct sl_dictionary *dictionary);

/* Forget all lines; it is not shared. */
void sl_dictionary_clear(struct sl_dictionary *dictionary);

/* A line, at most SL_DICTIONARY_LINE_MAX bytes, once masked. Returns its number, or
 * SL_DICTIONARY_NONE if it is full. */
uint32_t sl_dictionary_mask(struct sl_dictionary *dictionary, struct sl_span line);

/* The line with that number. */
struct sl_dictionary_line *sl_dictionary_at(struct sl_dictionary *dictionary, uint32_t number);

/* The line will be used: fetch it. */
void sl_dictionary_prefetch(const struct sl_dictionary *dictionary, uint32_t number);

#endif
