/*
 * match_grams.h - finds any of many literals by sampling the text: only every `stride`th place is
 * looked at, and only if the few bytes there are part of a literal is more compared.
 *
 * For thousands of literals. Constant once made; any number of threads may use it. Pure: no I/O; no
 * byte outside of the data is read.
 */
#ifndef SLUICE_MATCH_MATCH_GRAMS_H
#define SLUICE_MATCH_MATCH_GRAMS_H

#include "sluice/base/bytes.h"
#include "sluice/match/match_classes.h"

struct sl_match_grams;

/* A literal of a plan. */
struct sl_match_literal {
	struct sl_span text;
	uint32_t rank; /* which the user named first: lower */
};

/*
 * Compile `count` (at least 1) literals of 1 to 255 bytes; their bytes are copied. `ignore_case`
 * folds ASCII letters only. `sample` is text like that which will be searched, or empty: what is
 * rare in it is looked for. Returns 0 or -ENOMEM. `*out` is the caller's to free.
 */
int sl_match_grams_new(struct sl_match_grams **out, const struct sl_match_literal *literals,
	size_t count, bool ignore_case, struct sl_span sample) SL_MUST_CHECK;

/* NULL is fine. */
void sl_match_grams_free(struct sl_match_grams *grams);

/* Memory that it takes, in bytes. */
size_t sl_match_grams_size(const struct sl_match_grams *grams);

/*
 * Is there an occurrence in [from, len)? If so, *begin is where one begins. Where literals hold no
 * newline it lies in the first line that has one.
 */
bool sl_match_grams_any(const struct sl_match_grams *grams, const unsigned char *data, size_t len,
	size_t from, size_t *begin);

/* The classes that all grams match. False if samples are so far apart that looking for these costs
 * more than looking at samples. */
bool sl_match_grams_classes(const struct sl_match_grams *grams, struct sl_match_classes *classes);

/* Bits for data[begin, end): at others no gram begins. */
struct sl_match_grams_places {
	const uint64_t *bits;
	size_t begin, end;
};

/* As sl_match_grams_any, if every place is a sample: of occurrences with their sample at one of
 * the places. */
bool sl_match_grams_any_of(const struct sl_match_grams *grams, const unsigned char *data,
	size_t len, size_t from, const struct sl_match_grams_places *places, size_t *begin);

/* The leftmost occurrence in [from, len), of the literal with the lowest rank if several begin
 * there: [*begin, *end). */
bool sl_match_grams_find(const struct sl_match_grams *grams, const unsigned char *data, size_t len,
	size_t from, size_t *begin, size_t *end, uint32_t *rank);

/* Set the bit of the rank of each literal that the text holds. */
void sl_match_grams_ranks(
	const struct sl_match_grams *grams, const unsigned char *data, size_t len, uint64_t *ranks);

/* True if a literal begins before `cut` and ends after it. For the few bytes on both sides of a
 * cut. */
bool sl_match_grams_spans(
	const struct sl_match_grams *grams, const unsigned char *data, size_t len, size_t cut);

#endif
