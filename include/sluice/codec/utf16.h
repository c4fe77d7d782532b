/*
 * utf16.h - UTF-16 (RFC 2781) to UTF-8, from buffers of any size into buffers of any size.
 *
 * A surrogate without its other half becomes U+FFFD, so that each input has a text. The outcome
 * does not depend on how the input is cut, nor on the room for the output. Pure.
 */
#ifndef SLUICE_CODEC_UTF16_H
#define SLUICE_CODEC_UTF16_H

#include "sluice/codec/decoder.h"

enum sl_utf16_order {
	SL_UTF16_MARK, /* as the byte order mark that it begins with says; big endian without */
	SL_UTF16_LE,
	SL_UTF16_BE,
};

#define SL_UTF16_TEXT_MAX 4u /* bytes of a character in UTF-8 */

/* In its owner's memory; {.order = O} begins an input. */
struct sl_utf16 {
	enum sl_utf16_order order;
	bool has_begun;  /* a mark was looked for: it is not text */
	bool has_byte;   /* the first byte of a unit */
	unsigned char byte;
	uint16_t high; /* surrogate whose other half comes next; 0 = none */
	/* Text that had no room yet. */
	unsigned char text[2 * SL_UTF16_TEXT_MAX];
	unsigned char text_len, text_off;
};

/* Convert until input or room are used up, as sl_decoder_step does: SL_DECODE_FULL, _MORE, _END, or
 * SL_DECODE_TRUNCATED if the input ends within a unit. */
enum sl_decode_step sl_utf16_step(struct sl_utf16 *utf16, struct sl_decode_io *io) SL_MUST_CHECK;

#endif
