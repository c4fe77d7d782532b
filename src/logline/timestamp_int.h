/*
 * timestamp_int.h - what timestamp.c, timestamp_forms.c and timestamp_second.c share.
 */
#ifndef SLUICE_LOGLINE_TIMESTAMP_INT_H
#define SLUICE_LOGLINE_TIMESTAMP_INT_H

#include "sluice/logline/timestamp.h"

#define TIMESTAMP_YEAR_MIN 1970
#define TIMESTAMP_YEAR_MAX 2199

/* Of "2015-10-18T18:01:47", with a blank or T: most logs have it. */
#define TIMESTAMP_USUAL_LEN 19u

struct cursor {
	const char *at, *end;
};

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static inline char
peek(const struct cursor *in)
{
	return in->at < in->end ? *in->at : '\0';
}

static inline int
two_digits(const char *at)
{
	return (at[0] - '0') * 10 + (at[1] - '0');
}

/* The first eight bytes are digits where `digits` has \xff, and those of `marks` elsewhere. */
static inline bool
fits(const char *at, const char *marks, const char *digits)
{
	const uint64_t each = 0x0101010101010101ull; /* byte */
	uint64_t text, wanted, is_digit_byte;
	memcpy(&text, at, sizeof(text));
	memcpy(&wanted, marks, sizeof(wanted));
	memcpy(&is_digit_byte, digits, sizeof(is_digit_byte));
	/* A digit differs from '0' in its low four bits, which are at most 9. */
	uint64_t low = is_digit_byte & 0x0f * each, difference = text ^ wanted;
	uint64_t above = ((difference & low) + 0x06 * each) & 0x10 * each;
	return (difference & ~low) == 0 && above == 0;
}

/* It is one if its numbers fit: a few comparisons show it. */
static inline bool
is_usual(const char *at, size_t len)
{
	return len >= TIMESTAMP_USUAL_LEN && fits(at, "0000-00-", "\xff\xff\xff\xff\0\xff\xff\0") &&
	       fits(at + 11, "00:00:00", "\xff\xff\0\xff\xff\0\xff\xff") && is_digit(at[8]) &&
	       is_digit(at[9]) && (at[10] == ' ' || at[10] == 'T');
}

/* As timestamp.h shows them, in its order. */
enum timestamp_form {
	TIMESTAMP_ISO,
	TIMESTAMP_COMPACT,
	TIMESTAMP_DAY_FIRST,
	TIMESTAMP_MONTH_FIRST,
	TIMESTAMP_KLOG,
	TIMESTAMP_ANDROID,
	TIMESTAMP_SHORT_YEAR,
	TIMESTAMP_SHORT_DATE,
	TIMESTAMP_EPOCH,
	TIMESTAMP_EPOCH_AND_DATE,
};

/* A stamp of that form, and a zone behind it. On success *in is behind it, and *stamp is set but
 * for its place. */
bool sl_timestamp_take(enum timestamp_form form, struct cursor *in, struct sl_timestamp *stamp);

#endif
