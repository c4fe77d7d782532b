/*
 * masks_int.h - what masks.c, mask_value.c and mask_time.c share: kinds of bytes, and the values
 * that may begin at a byte.
 */
#ifndef SLUICE_DIGEST_MASKS_INT_H
#define SLUICE_DIGEST_MASKS_INT_H

#include "sluice/digest/masks.h"

#define SL_MASK_UUID_LEN 36u
/* Bytes of quoted text: a quotation mark without a partner must not swallow the line. */
#define SL_MASK_QUOTED_MAX 256u
#define SL_MASK_STATUS_LEN 3u /* digits of the status code of a response */
#define SL_MASK_HEX_MIN 8u    /* digits of a number without 0x */

enum sl_mask_byte {
	SL_MASK_BYTE_OTHER,
	SL_MASK_BYTE_WORD, /* letters, also those of UTF-8, and "_" */
	SL_MASK_BYTE_DIGIT,
	SL_MASK_BYTE_SPACE, /* with control bytes */
	SL_MASK_BYTE_QUOTE,
	SL_MASK_BYTE_SLASH,
	SL_MASK_BYTE_ESCAPE,
};

extern const unsigned char sl_mask_kinds[256];

static inline bool
sl_mask_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
sl_mask_is_hex_digit(unsigned char c)
{
	unsigned char lower = c | 0x20;
	return sl_mask_is_digit(c) || (lower >= 'a' && lower <= 'f');
}

static inline bool
sl_mask_is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
sl_mask_is_word(unsigned char c)
{
	return sl_mask_kinds[c] == SL_MASK_BYTE_WORD || sl_mask_kinds[c] == SL_MASK_BYTE_DIGIT;
}

/* How many bytes of one kind come first. */
static inline size_t
sl_mask_count(const unsigned char *at, const unsigned char *end, enum sl_mask_byte kind)
{
	const unsigned char *begin = at;
	while (at < end && sl_mask_kinds[*at] == kind)
		at++;
	return (size_t)(at - begin);
}

static inline size_t
sl_mask_count_word(const unsigned char *at, const unsigned char *end)
{
	const unsigned char *begin = at;
	while (at < end && sl_mask_is_word(*at))
		at++;
	return (size_t)(at - begin);
}

/* ---- mask_time.c ---- */

/* Length of a date, a time of day, or both, at the start of text[0, len); 0 if there is none. The
 * first byte is a digit, or the first letter of a month or a day of the week. */
size_t sl_mask_time(const unsigned char *text, size_t len);

/* ---- mask_value.c: of bytes [at, end) ---- */

/* A UUID comes first, and no word goes on behind it. */
bool sl_mask_is_uuid(const unsigned char *text, size_t len);

/* A word that is one number: a digit, usually 0, and x1f; or 8 digits or more that are not all
 * decimal. */
bool sl_mask_is_hex(const unsigned char *word, size_t len);

/* The length of fe80::1, 2001:db8:0:0:0:0:0:1 or aa:bb:cc:dd:ee:ff; 0 if there is none. */
size_t sl_mask_groups(const unsigned char *at, const unsigned char *end);

/* Of digits, and points or commas between digits. *groups: how many there are between points alone,
 * 0 if there is a comma. */
size_t sl_mask_number(const unsigned char *at, const unsigned char *end, unsigned *groups);

/* The length of a unit behind a number, and in *mask what it is one of; 0 if there is none. */
size_t sl_mask_unit(const unsigned char *at, const unsigned char *end, enum sl_mask *mask);

/* The length of ":8080"; 0 if there is none. */
size_t sl_mask_port(const unsigned char *at, const unsigned char *end);

#endif
