/*
 * xz, by liblzma. Each stream's blocks have a check, which is verified; a check that the library
 * cannot compute is a failure, none at all (xz --check=none) is not. Streams are told apart by
 * decoder.c, so LZMA_CONCATENATED is not used.
 */
#include "decoder_int.h"

#include <lzma.h>
#include <stdlib.h>

#define OVERHEAD SL_MIB /* of the library, beyond the dictionary */

struct xz {
	lzma_stream stream;
	uint64_t memory_max;
};

static uint64_t
memory_of(uint64_t window_max)
{
	return window_max > UINT64_MAX - OVERHEAD ? UINT64_MAX : window_max + OVERHEAD;
}

static void *
xz_create(uint64_t window_max)
{
	struct xz *xz = calloc(1, sizeof(*xz));
	if (!xz)
		return NULL;
	xz->stream = (lzma_stream)LZMA_STREAM_INIT;
	xz->memory_max = memory_of(window_max);
	return xz;
}

static void
xz_destroy(void *state)
{
	struct xz *xz = state;
	lzma_end(&xz->stream);
	free(xz);
}

/* What the stream before has allocated is used again. */
static bool
xz_start(void *state, const unsigned char *magic, size_t len)
{
	struct xz *xz = state;
	(void)magic;
	(void)len;
	return lzma_stream_decoder(&xz->stream, xz->memory_max, LZMA_TELL_UNSUPPORTED_CHECK) ==
	       LZMA_OK;
}

static lzma_ret
decode_some(lzma_stream *stream, struct sl_decode_io *io)
{
	stream->next_in = io->in;
	stream->avail_in = io->in_len;
	stream->next_out = io->out;
	stream->avail_out = io->out_len;
	lzma_ret result = lzma_code(stream, LZMA_RUN);
	io->in = stream->next_in;
	io->in_len = stream->avail_in;
	io->out = stream->next_out;
	io->out_len = stream->avail_out;
	return result;
}

static enum sl_decode_step
xz_run(void *state, struct sl_decode_io *io)
{
	struct xz *xz = state;
	lzma_ret result;
	do
		result = decode_some(&xz->stream, io);
	while (result == LZMA_OK && io->in_len > 0 && io->out_len > 0);
	switch (result) {
	case LZMA_STREAM_END:
		return SL_DECODE_END;
	case LZMA_OK:
	case LZMA_BUF_ERROR: /* no progress was possible, twice */
		return decoder_pause(io);
	case LZMA_MEMLIMIT_ERROR:
		return SL_DECODE_WINDOW;
	case LZMA_MEM_ERROR:
		return SL_DECODE_NO_MEMORY;
	case LZMA_OPTIONS_ERROR:
	case LZMA_UNSUPPORTED_CHECK:
		return SL_DECODE_UNSUPPORTED;
	default:
		return SL_DECODE_CORRUPT;
	}
}

/* As the library counts it: a little more than the dictionary. */
static uint64_t
xz_window(const void *state)
{
	const struct xz *xz = state;
	uint64_t usage = lzma_memusage(&xz->stream);
	return usage > OVERHEAD ? usage - OVERHEAD / 2 : usage;
}

static bool
xz_raise_window(void *state, uint64_t window_max)
{
	struct xz *xz = state;
	xz->memory_max = memory_of(window_max);
	return lzma_memlimit_set(&xz->stream, xz->memory_max) == LZMA_OK;
}

const struct decoder_ops xz_ops = {
	.padding_unit = 4, /* stream padding, 2.2 of the file format */
	.create = xz_create,
	.destroy = xz_destroy,
	.start = xz_start,
	.run = xz_run,
	.window = xz_window,
	.raise_window = xz_raise_window,
	.version = lzma_version_string,
};
