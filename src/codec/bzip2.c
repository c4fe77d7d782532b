/* bzip2, by libbz2, which verifies the CRC of each block and of each stream. */
#include "decoder_int.h"

#include <bzlib.h>
#include <stdlib.h>
#include <string.h>

#define AVAIL_MAX ((size_t)1 << 30) /* libbz2 counts in unsigned int */

struct bzip2 {
	bz_stream stream;
	bool is_open;
};

static void *
bzip2_create(uint64_t window_max)
{
	(void)window_max; /* a block has at most 900 kB, which take 4 bytes each */
	return calloc(1, sizeof(struct bzip2));
}

static void
end(struct bzip2 *bzip2)
{
	if (bzip2->is_open)
		BZ2_bzDecompressEnd(&bzip2->stream);
	bzip2->is_open = false;
}

static void
bzip2_destroy(void *state)
{
	end(state);
	free(state);
}

/* The library has no reset. */
static bool
bzip2_start(void *state, const unsigned char *magic, size_t len)
{
	struct bzip2 *bzip2 = state;
	(void)magic;
	(void)len;
	end(bzip2);
	memset(&bzip2->stream, 0, sizeof(bzip2->stream));
	bzip2->is_open = BZ2_bzDecompressInit(&bzip2->stream, 0, 0) == BZ_OK;
	return bzip2->is_open;
}

static int
decompress_some(bz_stream *stream, struct sl_decode_io *io)
{
	size_t in_len = SL_MIN(io->in_len, AVAIL_MAX), out_len = SL_MIN(io->out_len, AVAIL_MAX);
	stream->next_in = (char *)(uintptr_t)io->in; /* not written to */
	stream->avail_in = (unsigned)in_len;
	stream->next_out = (char *)io->out;
	stream->avail_out = (unsigned)out_len;
	int result = BZ2_bzDecompress(stream);
	io->in += in_len - stream->avail_in;
	io->in_len -= in_len - stream->avail_in;
	io->out += out_len - stream->avail_out;
	io->out_len -= out_len - stream->avail_out;
	return result;
}

static enum sl_decode_step
bzip2_run(void *state, struct sl_decode_io *io)
{
	struct bzip2 *bzip2 = state;
	int result;
	do
		result = decompress_some(&bzip2->stream, io);
	while (result == BZ_OK && io->in_len > 0 && io->out_len > 0);
	switch (result) {
	case BZ_STREAM_END:
		end(bzip2);
		return SL_DECODE_END;
	case BZ_OK:
		return decoder_pause(io);
	case BZ_MEM_ERROR:
		return SL_DECODE_NO_MEMORY;
	default:
		return SL_DECODE_CORRUPT;
	}
}

const struct decoder_ops bzip2_ops = {
	.padding_unit = 1,
	.create = bzip2_create,
	.destroy = bzip2_destroy,
	.start = bzip2_start,
	.run = bzip2_run,
	.version = BZ2_bzlibVersion,
};
