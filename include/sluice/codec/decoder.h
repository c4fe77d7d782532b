/*
 * decoder.h - decode compressed data, from buffers of any size into buffers of any size.
 *
 * What decompresses is a sequence of members (streams of bzip2 and xz, frames of zstd), as `cat`,
 * pigz, bgzip and parallel compressors write them: all of them are decoded, and zeros behind the
 * last one are padding. Each member's checksum and length are verified. The outcome does not depend
 * on how the input is cut into buffers, nor on the room for the output.
 *
 * The memory of a decoder is bounded: 96 KiB for gzip, 48 KiB for deflate, 4 MiB for bzip2, for
 * zstd and xz 1 MiB more than the window (dictionary) of the data, and for brotli, whose windows
 * have at most 16 MiB, one and a half times the window and 1 MiB. A window that is larger than the
 * limit that was given is refused. Typical windows are 1 to 8 MiB; xz -9 has 64 MiB, zstd --ultra
 * -22 has 128 MiB.
 *
 * No I/O; any thread, one at a time. Pure.
 */
#ifndef SLUICE_CODEC_DECODER_H
#define SLUICE_CODEC_DECODER_H

#include "sluice/codec/codec.h"

/* Output beyond SL_DECODE_BOMB_FROM bytes may be at most SL_DECODE_BOMB_RATIO times the input.
 * Deflate cannot exceed 1032; the other formats can, for what only fills disks. */
#define SL_DECODE_BOMB_FROM (64 * SL_MIB)
#define SL_DECODE_BOMB_RATIO 1100u

enum sl_decode_step {
	SL_DECODE_MORE, /* all of the input was used: more is needed */
	SL_DECODE_FULL, /* the output is full: more room is needed, perhaps more input then */
	SL_DECODE_END,  /* all of the input was used; it is complete, and intact */
	/* Failures, which stay: */
	SL_DECODE_TRUNCATED,   /* the input ends within a member, or before the first one */
	SL_DECODE_CORRUPT,     /* a checksum, a length or the encoding is wrong */
	SL_DECODE_MISLABELED,  /* it does not begin as data of this format do */
	SL_DECODE_TRAILING,    /* neither another member nor padding follows a member */
	SL_DECODE_UNSUPPORTED, /* a dictionary, filter or checksum that the library lacks */
	SL_DECODE_WINDOW,      /* the window is larger than the limit */
	SL_DECODE_BOMB,        /* the ratio is above SL_DECODE_BOMB_RATIO */
	SL_DECODE_NO_MEMORY,
};

struct sl_decode_io {
	const unsigned char *in; /* advanced past what was used */
	size_t in_len;
	unsigned char *out; /* advanced past what was written; not NULL */
	size_t out_len;
	bool is_last; /* no input follows these bytes, of which there may be 0 */
};

struct sl_decoder;

/* NULL if out of memory. `codec` is not SL_CODEC_NONE. `window_max` in bytes. */
struct sl_decoder *sl_decoder_new(enum sl_codec codec, uint64_t window_max) SL_MUST_CHECK;

/* For a caller that stores nothing: no ratio is SL_DECODE_BOMB. */
void sl_decoder_permit_any_ratio(struct sl_decoder *decoder);

/* NULL is fine. */
void sl_decoder_free(struct sl_decoder *decoder);

/*
 * Decode until input or room are used up. SL_DECODE_FULL is returned before SL_DECODE_MORE; only
 * with is_last the end and a truncation are recognised. What was written before a failure is what
 * the data held up to there, not verified; how much of it may depend on the buffers.
 */
enum sl_decode_step sl_decoder_step(
	struct sl_decoder *decoder, struct sl_decode_io *io) SL_MUST_CHECK;

/*
 * After SL_DECODE_WINDOW: the bytes of window that the member needs; for xz about so many. And go
 * on with a higher limit, as if it had been higher before: false if the member needs still more.
 */
uint64_t sl_decoder_window(const struct sl_decoder *decoder);
bool sl_decoder_raise_window(struct sl_decoder *decoder, uint64_t window_max) SL_MUST_CHECK;

/* It returned a failure, which stays. */
bool sl_decoder_has_failed(const struct sl_decoder *decoder);

bool sl_decode_is_failure(enum sl_decode_step step);

/* Of a failure, for messages after "cannot decode 'x': ": "the gzip data is truncated". NUL-
 * terminated, at most SL_DECODE_REASON bytes. */
#define SL_DECODE_REASON 160u
void sl_decode_reason(enum sl_decode_step failure, enum sl_codec codec, uint64_t window_max,
	char reason[SL_DECODE_REASON]);

/* "zlib 1.2.13 with ISA-L; zstd 1.5.4; brotli 1.0.9; bzip2 1.0.8; xz 5.4.1", of the libraries
 * that are loaded. */
void sl_decoder_libraries(struct sl_buf *out);

#endif
