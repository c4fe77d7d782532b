/*
 * decoder_int.h - what a format gives to decoder.c: a table of functions on a state of its own.
 */
#ifndef SLUICE_CODEC_DECODER_INT_H
#define SLUICE_CODEC_DECODER_INT_H

#include "sluice/codec/decoder.h"

struct decoder_ops {
	/* The length of the zeros between and behind members is a multiple of this. */
	unsigned padding_unit;
	bool is_single; /* one member, not a sequence */

	/* NULL if out of memory. */
	void *(*create)(uint64_t window_max);
	void (*destroy)(void *state);

	/* A member begins with these bytes, which matched and are also the first that `run` gets.
	 * False if out of memory. */
	bool (*start)(void *state, const unsigned char *magic, size_t len);

	/* Decode this member. SL_DECODE_END: it is complete, and io->in stands behind it;
	 * SL_DECODE_FULL once there is no room; SL_DECODE_MORE; a failure other than those that
	 * decoder.c detects (truncated, mislabeled, trailing, bomb). */
	enum sl_decode_step (*run)(void *state, struct sl_decode_io *io);

	/* After SL_DECODE_WINDOW: the window that the member needs; and permit it, to go on: false
	 * if it is still too small. NULL: the format has none. */
	uint64_t (*window)(const void *state);
	bool (*raise_window)(void *state, uint64_t window_max);

	/* Of the library; NULL if it is not told. */
	const char *(*version)(void);
};

extern const struct decoder_ops gzip_ops;
#ifdef SL_HAVE_ISAL
extern const struct decoder_ops gzip_isal_ops;
#endif
extern const struct decoder_ops deflate_ops;
extern const struct decoder_ops zstd_ops;
extern const struct decoder_ops bzip2_ops;
extern const struct decoder_ops xz_ops;
extern const struct decoder_ops brotli_ops;

/* Its library has a number instead of a text. */
void brotli_add_version(struct sl_buf *out);

/* What a run returns when the library has gone as far as it can and neither ended nor failed: these
 * libraries write all they can before they ask for input. */
static inline enum sl_decode_step
decoder_pause(const struct sl_decode_io *io)
{
	return io->out_len == 0 ? SL_DECODE_FULL : SL_DECODE_MORE;
}

#endif
