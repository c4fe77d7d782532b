/*
 * level_int.h - what level.c and level_words.c share.
 */
#ifndef SLUICE_LOGLINE_LEVEL_INT_H
#define SLUICE_LOGLINE_LEVEL_INT_H

#include "sluice/logline/level.h"

#include <string.h>

enum level_strength {
	LEVEL_STRONG,
	LEVEL_WEAK,  /* in brackets, unless in small letters, or with a colon */
	LEVEL_SHORT, /* logrus: with a bracket behind it, at the beginning */
};

struct level_word {
	const char *text;
	enum sl_level level;
	enum level_strength strength;
};

static inline bool
level_is_letter(char c)
{
	unsigned lower = (unsigned char)c | 0x20u;
	return lower >= 'a' && lower <= 'z';
}

static inline bool
level_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
level_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool
level_is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* The word, in any case; NULL if it is not one of a level. It begins with a letter. */
const struct level_word *sl_level_word(const char *text, size_t len);

/* V, D, I, W, E, F; else NONE. */
enum sl_level sl_level_of_letter(char c);

/* Of a member or pair: "error", "E", "50", "3". */
enum sl_level sl_level_of_value(struct sl_span value);

/* The name of such a member or pair. */
bool sl_level_is_key(struct sl_span key);

#endif
