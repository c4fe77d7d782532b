/*
 * masks.h - replaces what varies in a line by masks: numbers, times, addresses, paths, quoted
 * text. Lines that a program writes at one place of its code become equal, or nearly so.
 *
 * A masked line has one byte for each mask, of values that cannot stand in it otherwise, so
 * that it is never longer than the line. Pure.
 */
#ifndef SLUICE_DIGEST_MASKS_H
#define SLUICE_DIGEST_MASKS_H

#include "sluice/base/bytes.h"

/* The bytes of masks. In comments: how they are shown. */
enum sl_mask {
	SL_MASK_ANY = 1,  /* <*>: words that differ among the lines of a kind (templates.h) */
	SL_MASK_NUMBER,   /* <num>: digits, with points and commas between them */
	SL_MASK_HEX,      /* <hex>: after 0x, or at least 8 hexadecimal digits with a decimal one */
	SL_MASK_ADDRESS,  /* <ip>: an IPv4 or IPv6 address, with its port */
	SL_MASK_UUID,     /* <uuid> */
	SL_MASK_PATH,     /* <path>: of a file, absolute */
	SL_MASK_URL,      /* <url> */
	SL_MASK_TEXT,     /* <text>: between quotes */
	SL_MASK_DURATION, /* <duration>: a number with a unit */
	SL_MASK_SIZE,     /* <size>: the same, of bytes */
	SL_MASK_TIME,     /* <time>: a date, a time of day, or both */
	SL_MASK_END
};

/*
 * Mask a line. Which digits it has does not matter, only where they are, but for
 * the status code behind a request. `out` has room for `len`
 * bytes; returns how many are used. White space becomes one space, at the ends none; escape
 * sequences that set colours are removed, other control bytes are white space.
 */
size_t sl_masks_apply(const unsigned char *text, size_t len, unsigned char *out);

/* Append a masked line as it is shown, with "<num>" for a number. Its other bytes are those of the
 * line. */
void sl_masks_show(struct sl_buf *out, struct sl_span masked);

/* The reverse, for text that was stored: "<num>" becomes a mask. Never fails. */
void sl_masks_read(struct sl_buf *out, struct sl_span shown);

#endif
