/*
 * codec.h - the formats of compressed data that can be decoded, and how they are recognised: by
 * magic number and by the suffix of a file name. Pure.
 */
#ifndef SLUICE_CODEC_CODEC_H
#define SLUICE_CODEC_CODEC_H

#include "sluice/base/bytes.h"

enum sl_codec {
	SL_CODEC_NONE,
	SL_CODEC_GZIP, /* RFC 1952 */
	SL_CODEC_ZSTD, /* RFC 8878 */
	SL_CODEC_XZ,   /* the .xz file format 1.2 */
	SL_CODEC_BZIP2,
	/* Content codings, which have no magic number: */
	SL_CODEC_DEFLATE, /* RFC 1950, or RFC 1951 alone, which servers send */
	SL_CODEC_BROTLI,  /* RFC 7932; without a checksum */
	SL_CODECS
};

/* The longest magic number. */
#define SL_CODEC_MAGIC_MAX 10u

enum sl_codec_match {
	SL_CODEC_DIFFERS,
	SL_CODEC_IS_PREFIX, /* so far these bytes are the beginning of the magic number */
	SL_CODEC_MATCHES,
};

bool sl_codec_has_magic(enum sl_codec codec);

/* Do these bytes begin a member (stream, frame) of the format? Without a magic number, any do: two
 * of SL_CODEC_DEFLATE, one of SL_CODEC_BROTLI. */
enum sl_codec_match sl_codec_match(enum sl_codec codec, const unsigned char *data, size_t len);

/* The format whose magic number these bytes begin with; SL_CODEC_NONE. */
enum sl_codec sl_codec_detect(const unsigned char *data, size_t len);

/*
 * The format that a file name promises by its suffix (.gz .bgz .tgz, .zst .tzst, .xz .txz, .bz2
 * .tbz2 .tbz, in upper or lower case), with the name of what is inside appended to *decoded:
 * x.csv.gz holds x.csv, and x.tgz x.tar. SL_CODEC_NONE, and nothing is appended, if it has none of
 * them or nothing before it.
 */
enum sl_codec sl_codec_of_name(struct sl_span name, struct sl_buf *decoded);

/* "gzip". Static text. */
const char *sl_codec_name(enum sl_codec codec);

#endif
