/*
 * brotli (RFC 7932), by libbrotlidec, which writes all it can before it asks for input. The format
 * has no magic number and no checksum: it is only decoded where something else names it, as a
 * content coding does.
 *
 * The window is in the first byte. It is compared with the limit before the library has that byte:
 * until then the limit can be raised.
 */
#include "decoder_int.h"

#include <brotli/decode.h>
#include <stdlib.h>

struct brotli {
	BrotliDecoderState *decoder;
	uint64_t window_max;
	uint64_t window; /* of the data */
};

static void
brotli_destroy(void *state)
{
	struct brotli *brotli = state;
	BrotliDecoderDestroyInstance(brotli->decoder);
	free(brotli);
}

static void *
brotli_create(uint64_t window_max)
{
	struct brotli *brotli = calloc(1, sizeof(*brotli));
	if (!brotli)
		return NULL;
	brotli->window_max = window_max;
	brotli->decoder = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	if (!brotli->decoder) {
		free(brotli);
		return NULL;
	}
	return brotli;
}

/* WBITS (RFC 7932, 9.1), whose bits are packed from the lowest one on. 0: the value that is not
 * part of the format, with which data of "large window brotli" begin; the library refuses it. */
static unsigned
window_bits(unsigned char first)
{
	unsigned high = first >> 1 & 7, low = first >> 4 & 7;
	if (!(first & 1))
		return 16;
	if (high > 0)
		return 17 + high;
	if (low == 1)
		return 0;
	return low == 0 ? 17 : 8 + low;
}

/* The only one: it follows brotli_create. */
static bool
brotli_start(void *state, const unsigned char *magic, size_t len)
{
	struct brotli *brotli = state;
	sl_assert(len == 1);
	brotli->window = (uint64_t)1 << window_bits(magic[0]);
	return true;
}

static uint64_t
brotli_window(const void *state)
{
	const struct brotli *brotli = state;
	return brotli->window;
}

static bool
brotli_raise_window(void *state, uint64_t window_max)
{
	struct brotli *brotli = state;
	brotli->window_max = window_max;
	return true;
}

static enum sl_decode_step
failure_of(BrotliDecoderErrorCode code)
{
	if (code == BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS)
		return SL_DECODE_UNSUPPORTED;
	bool is_memory = code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
			 code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
	return is_memory ? SL_DECODE_NO_MEMORY : SL_DECODE_CORRUPT;
}

static enum sl_decode_step
brotli_run(void *state, struct sl_decode_io *io)
{
	struct brotli *brotli = state;
	if (brotli->window > brotli->window_max)
		return SL_DECODE_WINDOW;
	switch (BrotliDecoderDecompressStream(
		brotli->decoder, &io->in_len, &io->in, &io->out_len, &io->out, NULL)) {
	case BROTLI_DECODER_RESULT_SUCCESS:
		return SL_DECODE_END;
	case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
	case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
		return decoder_pause(io);
	case BROTLI_DECODER_RESULT_ERROR:
		break;
	}
	return failure_of(BrotliDecoderGetErrorCode(brotli->decoder));
}

/* 12 bits for each of its numbers. */
void
brotli_add_version(struct sl_buf *out)
{
	unsigned version = BrotliDecoderVersion();
	sl_buf_printf(out, "%u.%u.%u", version >> 24, version >> 12 & 0xfff, version & 0xfff);
}

const struct decoder_ops brotli_ops = {
	.padding_unit = 1,
	.is_single = true,
	.create = brotli_create,
	.destroy = brotli_destroy,
	.start = brotli_start,
	.run = brotli_run,
	.window = brotli_window,
	.raise_window = brotli_raise_window,
};
