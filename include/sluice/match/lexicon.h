/*
 * lexicon.h - literals that are looked for in single lines, where what surrounds them decides: as
 * whole words, or as the whole line. Pure.
 *
 * The kernels find lines that hold a literal; they do not see what stands around it, and of several
 * literals at one place they report one. A lexicon is asked about such a line. Literals may be of
 * any length. Word characters are ASCII letters, digits and the underscore: other bytes, such as
 * those of UTF-8 and Latin-1, are not.
 *
 * A lexicon is constant once made, and any number of threads may use it.
 */
#ifndef SLUICE_MATCH_LEXICON_H
#define SLUICE_MATCH_LEXICON_H

#include "sluice/match/match_plan.h"

/* What has to surround a match. */
enum sl_bounds {
	SL_BOUNDS_NONE,
	SL_BOUNDS_WORD, /* no word character on either side, as with grep -w */
	SL_BOUNDS_LINE, /* nothing: the match is the line, as with grep -x */
};

/* In its owner's memory; fields are the module's. */
struct sl_lexicon {
	enum sl_bounds bounds;
	bool ignore_case;
	struct sl_match_literal *words; /* sorted by their bytes; the shorter of two first */
	size_t count;
	char *bytes;       /* of the words, in lower case if ignore_case */
	size_t memory;     /* of both */
	size_t longest;    /* word, in bytes */
	size_t first[257]; /* words that begin with byte b are [first[b], first[b + 1]) */
};

/* A literal in a line. */
struct sl_lexicon_place {
	size_t begin, end;
	uint32_t rank;
};

/* Compile; the words' bytes are copied, and may have any length. Of two at one place that of the
 * lower rank is found. `ignore_case` folds ASCII letters only. Returns 0 or
 * -ENOMEM, then there is nothing to release. */
int sl_lexicon_init(struct sl_lexicon *lexicon, const struct sl_match_literal *words, size_t count,
	enum sl_bounds bounds, bool ignore_case) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_lexicon_release(struct sl_lexicon *lexicon);

/*
 * The leftmost literal in the line text[0, len) that begins at `from` or later and whose
 * surroundings fit; what stands before `from` counts for them. If the line `goes_on` behind `len`,
 * only one that fits whatever follows. False if there is none; then *is_open if what follows could
 * make one fit, else it is not changed.
 */
bool sl_lexicon_find(const struct sl_lexicon *lexicon, const unsigned char *text, size_t len,
	bool goes_on, size_t from, struct sl_lexicon_place *place, bool *is_open);

/* Set the bit of the rank of each literal that the same would find at any place of the line. */
void sl_lexicon_mark(const struct sl_lexicon *lexicon, const unsigned char *text, size_t len,
	bool goes_on, uint64_t *marks);

/* A word character. */
static inline bool
sl_lexicon_is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

#endif
