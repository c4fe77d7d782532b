/*
 * gzip (RFC 1952) and deflate as a content coding, by zlib. zlib verifies CRC and length of each
 * member, and the CRC of a header that has one; inflateGetHeader is not used (CVE-2022-37434).
 */
#include "decoder_int.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#define GZIP_WINDOW (MAX_WBITS + 16) /* zlib's number for a gzip header and trailer */
#define AVAIL_MAX ((size_t)1 << 30)  /* zlib counts in unsigned int */

static void *
create_window(int window)
{
	z_stream *stream = calloc(1, sizeof(*stream));
	if (stream && inflateInit2(stream, window) != Z_OK) {
		free(stream);
		return NULL;
	}
	return stream;
}

static void *
gzip_create(uint64_t window_max)
{
	(void)window_max; /* always 32 KiB */
	return create_window(GZIP_WINDOW);
}

static void *
deflate_create(uint64_t window_max)
{
	(void)window_max;
	return create_window(MAX_WBITS);
}

static void
zlib_destroy(void *state)
{
	inflateEnd(state);
	free(state);
}

static bool
gzip_start(void *state, const unsigned char *magic, size_t len)
{
	(void)magic;
	(void)len;
	return inflateReset(state) == Z_OK;
}

/* RFC 1950, 2.2: method 8, a window of at most 32 KiB, and a multiple of 31. Raw deflate data can
 * look like that only with a stored block, or a dynamic one of unusual size. */
static bool
deflate_start(void *state, const unsigned char *magic, size_t len)
{
	sl_assert(len == 2);
	bool is_zlib = (magic[0] & 0x0f) == 8 && magic[0] >> 4 <= 7 &&
		       (magic[0] * 256 + magic[1]) % 31 == 0;
	return inflateReset2(state, is_zlib ? MAX_WBITS : -MAX_WBITS) == Z_OK;
}

static int
inflate_some(z_stream *stream, struct sl_decode_io *io)
{
	stream->next_in = io->in;
	stream->avail_in = (unsigned)SL_MIN(io->in_len, AVAIL_MAX);
	stream->next_out = io->out;
	stream->avail_out = (unsigned)SL_MIN(io->out_len, AVAIL_MAX);
	int result = inflate(stream, Z_NO_FLUSH);
	io->in_len -= (size_t)(stream->next_in - io->in);
	io->in = stream->next_in;
	io->out_len -= (size_t)(stream->next_out - io->out);
	io->out = stream->next_out;
	return result;
}

static enum sl_decode_step
zlib_run(void *state, struct sl_decode_io *io)
{
	int result;
	do
		result = inflate_some(state, io);
	while (result == Z_OK && io->in_len > 0 && io->out_len > 0);
	switch (result) {
	case Z_STREAM_END:
		return SL_DECODE_END;
	case Z_OK:
	case Z_BUF_ERROR: /* no progress was possible */
		return decoder_pause(io);
	case Z_NEED_DICT:
		return SL_DECODE_UNSUPPORTED;
	case Z_MEM_ERROR:
		return SL_DECODE_NO_MEMORY;
	default:
		return SL_DECODE_CORRUPT;
	}
}

const struct decoder_ops gzip_ops = { /* where gzip_isal.c is not built in */
	.padding_unit = 1,
	.create = gzip_create,
	.destroy = zlib_destroy,
	.start = gzip_start,
	.run = zlib_run,
	.version = zlibVersion,
};

const struct decoder_ops deflate_ops = {
	.padding_unit = 1,
	.is_single = true,
	.create = deflate_create,
	.destroy = zlib_destroy,
	.start = deflate_start,
	.run = zlib_run,
	.version = zlibVersion,
};
