#include "support/compress.h"

#include <brotli/encode.h>
#include <bzlib.h>
#include <lzma.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

static unsigned char *
room(struct sl_buf *out, size_t len)
{
	sl_assert(sl_buf_reserve(out, len));
	return (unsigned char *)out->data + out->len;
}

static void
add_zlib(struct sl_buf *out, int window, const void *data, size_t len)
{
	z_stream stream = { 0 };
	size_t most = len + len / 100 + 1024;
	sl_assert(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_in = data;
	stream.avail_in = (unsigned)len;
	stream.next_out = room(out, most);
	stream.avail_out = (unsigned)most;
	sl_assert(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	out->len += stream.total_out;
	deflateEnd(&stream);
}

static void
add_zstd(struct sl_buf *out, int log, const void *data, size_t len)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t most = ZSTD_compressBound(len) + 64;
	ZSTD_outBuffer to = { room(out, most), most, 0 };
	ZSTD_inBuffer from = { data, len, 0 };
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, log);
	/* Without the content size in the header, the window is what was asked for. */
	sl_assert(ZSTD_compressStream2(context, &to, &from, ZSTD_e_flush) == 0);
	sl_assert(ZSTD_compressStream2(context, &to, &from, ZSTD_e_end) == 0);
	out->len += to.pos;
	ZSTD_freeCCtx(context);
}

static void
add_bzip2(struct sl_buf *out, const void *data, size_t len)
{
	unsigned most = (unsigned)(len + len / 100 + 1024);
	char *from = (char *)(uintptr_t)data;
	sl_assert(BZ2_bzBuffToBuffCompress(
			  (char *)room(out, most), &most, from, (unsigned)len, 1, 0, 0) == BZ_OK);
	out->len += most;
}

static void
add_xz(struct sl_buf *out, int log, const void *data, size_t len)
{
	lzma_options_lzma options;
	sl_assert(!lzma_lzma_preset(&options, 0));
	options.dict_size = 1u << log;
	const lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options },
		{ LZMA_VLI_UNKNOWN, NULL } };
	size_t used = 0, most = len + len / 100 + 1024;
	sl_assert(lzma_stream_buffer_encode((lzma_filter *)(uintptr_t)filters, LZMA_CHECK_CRC64,
			  NULL, data, len, room(out, most), &used, most) == LZMA_OK);
	out->len += used;
}

/* With nothing to compress, the encoder leaves the window out. */
static void
add_brotli(struct sl_buf *out, int log, const void *data, size_t len)
{
	size_t most = BrotliEncoderMaxCompressedSize(len) + 16;
	BrotliEncoderState *encoder = BrotliEncoderCreateInstance(NULL, NULL, NULL);
	const uint8_t *from = data;
	uint8_t *to = room(out, most);
	size_t left = most;
	sl_assert(encoder);
	sl_assert(BrotliEncoderSetParameter(encoder, BROTLI_PARAM_QUALITY, 5));
	sl_assert(BrotliEncoderSetParameter(encoder, BROTLI_PARAM_LGWIN, (uint32_t)log));
	sl_assert(BrotliEncoderCompressStream(
		encoder, BROTLI_OPERATION_FINISH, &len, &from, &left, &to, NULL));
	sl_assert(BrotliEncoderIsFinished(encoder));
	out->len += most - left;
	BrotliEncoderDestroyInstance(encoder);
}

void
compress_add_raw(struct sl_buf *out, const void *data, size_t len)
{
	add_zlib(out, -MAX_WBITS, data, len);
}

void
compress_add_window(struct sl_buf *out, enum sl_codec codec, int log, const void *data, size_t len)
{
	switch (codec) {
	case SL_CODEC_ZSTD:
		add_zstd(out, log, data, len);
		break;
	case SL_CODEC_BROTLI:
		add_brotli(out, log, data, len);
		break;
	default:
		add_xz(out, log, data, len);
	}
}

void
compress_add(struct sl_buf *out, enum sl_codec codec, const void *data, size_t len)
{
	switch (codec) {
	case SL_CODEC_GZIP:
		add_zlib(out, MAX_WBITS + 16, data, len);
		break;
	case SL_CODEC_DEFLATE:
		add_zlib(out, MAX_WBITS, data, len);
		break;
	case SL_CODEC_BZIP2:
		add_bzip2(out, data, len);
		break;
	default:
		compress_add_window(out, codec, 17, data, len);
	}
}

void
compress_make_text(struct sl_buf *out, size_t len)
{
	for (uint32_t i = 0; out->len < len; i++)
		sl_buf_printf(out, "line %u %08x of the text\n", i, i * 2654435761u);
	out->len = len;
}
