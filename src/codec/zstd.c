/*
 * zstd (RFC 8878), by libzstd. Frame checksums and declared sizes are verified by the library;
 * skippable frames are frames without content.
 *
 * The library gets a frame's header one byte at a time, because the outcome must not depend on how
 * the input is cut. In the call that completes the header, it looks for a whole frame at the first
 * byte of that call, and decodes it in one pass: without the limit of the window if it is the same
 * frame, and another one if the header's last bytes look like a magic number.
 */
#include "decoder_int.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Up to the descriptor, which has the length of the rest. A skippable frame's header may be fed in
 * any way. */
#define HEADER_BEGIN 5u

struct zstd {
	ZSTD_DCtx *context;
	unsigned header_seen; /* bytes */
	unsigned header_len;  /* as far as it is known */
};

static int
log2_floor(uint64_t value)
{
	int log = 0;
	while (value >>= 1)
		log++;
	return log;
}

static void
zstd_destroy(void *state)
{
	struct zstd *zstd = state;
	ZSTD_freeDCtx(zstd->context);
	free(zstd);
}

static void *
zstd_create(uint64_t window_max)
{
	struct zstd *zstd = calloc(1, sizeof(*zstd));
	if (!zstd)
		return NULL;
	zstd->context = ZSTD_createDCtx();
	ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
	int log = SL_MAX(SL_MIN(log2_floor(window_max), bounds.upperBound), bounds.lowerBound);
	if (!zstd->context ||
		ZSTD_isError(ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax, log))) {
		zstd_destroy(zstd);
		return NULL;
	}
	return zstd;
}

static bool
zstd_start(void *state, const unsigned char *magic, size_t len)
{
	struct zstd *zstd = state;
	(void)magic;
	(void)len;
	zstd->header_seen = 0;
	zstd->header_len = HEADER_BEGIN;
	return !ZSTD_isError(ZSTD_DCtx_reset(zstd->context, ZSTD_reset_session_only));
}

/* The fields behind the descriptor (RFC 8878, 3.1.1.1.1). */
static unsigned
rest_of_header(unsigned char descriptor)
{
	static const unsigned char id_len[] = { 0, 1, 2, 4 }, size_len[] = { 0, 2, 4, 8 };
	bool is_single_segment = descriptor & 0x20;
	unsigned size = size_len[descriptor >> 6];
	unsigned window = is_single_segment ? 0 : 1;
	return window + id_len[descriptor & 3] + (size == 0 && is_single_segment ? 1 : size);
}

/* How much of the input the library may see. */
static size_t
portion(const struct zstd *zstd, size_t len)
{
	return zstd->header_seen < zstd->header_len ? SL_MIN(len, (size_t)1) : len;
}

static void
note_header(struct zstd *zstd, const unsigned char *in, size_t len)
{
	if (len == 0 || zstd->header_seen >= zstd->header_len)
		return;
	zstd->header_seen++;
	if (zstd->header_seen == HEADER_BEGIN)
		zstd->header_len += rest_of_header(*in);
}

static enum sl_decode_step
failure_of(size_t result)
{
	switch (ZSTD_getErrorCode(result)) {
	case ZSTD_error_frameParameter_windowTooLarge:
		return SL_DECODE_WINDOW;
	case ZSTD_error_version_unsupported:
	case ZSTD_error_frameParameter_unsupported:
	case ZSTD_error_dictionary_wrong:
		return SL_DECODE_UNSUPPORTED;
	case ZSTD_error_memory_allocation:
		return SL_DECODE_NO_MEMORY;
	default:
		return SL_DECODE_CORRUPT;
	}
}

static enum sl_decode_step
zstd_run(void *state, struct sl_decode_io *io)
{
	struct zstd *zstd = state;
	do {
		ZSTD_inBuffer in = { io->in, portion(zstd, io->in_len), 0 };
		ZSTD_outBuffer out = { io->out, io->out_len, 0 };
		size_t result = ZSTD_decompressStream(zstd->context, &out, &in);
		if (ZSTD_isError(result))
			return failure_of(result);
		note_header(zstd, io->in, in.pos);
		io->in += in.pos;
		io->in_len -= in.pos;
		io->out += out.pos;
		io->out_len -= out.pos;
		if (result == 0)
			return SL_DECODE_END;
		if (in.pos == 0 && out.pos == 0)
			break;
	} while (io->in_len > 0 && io->out_len > 0);
	return decoder_pause(io);
}

const struct decoder_ops zstd_ops = {
	.padding_unit = 1,
	.create = zstd_create,
	.destroy = zstd_destroy,
	.start = zstd_start,
	.run = zstd_run,
	.version = ZSTD_versionString,
};
