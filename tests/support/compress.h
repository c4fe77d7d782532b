/*
 * compress.h - compressed data for tests, by the libraries.
 */
#ifndef TESTS_SUPPORT_COMPRESS_H
#define TESTS_SUPPORT_COMPRESS_H

#include "sluice/codec/codec.h"

/* Append one member that holds the data, with a checksum if the format has one. */
void compress_add(struct sl_buf *out, enum sl_codec codec, const void *data, size_t len);

/* Likewise, as raw deflate. */
void compress_add_raw(struct sl_buf *out, const void *data, size_t len);

/* Likewise, as zstd, xz or brotli with a window (dictionary) of 2^log bytes, however short the
 * data. */
void compress_add_window(
	struct sl_buf *out, enum sl_codec codec, int log, const void *data, size_t len);

/* `len` bytes of text lines, always the same. */
void compress_make_text(struct sl_buf *out, size_t len);

#endif
