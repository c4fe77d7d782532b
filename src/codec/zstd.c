/*
 * zstd (RFC 8878), by libzstd. Frame checksums and declared sizes are verified by the library;
 * skippable frames are frames without content.
 *
 * The library gets a frame's header one byte at a time, because the outcome must not depend on how
 * the input is cut. In the call that completes the header, it looks for a whole frame at the first
 * byte of that call, and decodes it in one pass: without the limit of the window if it is the same
 * frame, and another one if the header's last bytes look like a magic number.
 *
 * Behind the header it gets one block at a time: a call that meets damage loses what it has decoded
 * before. The window is compared with the limit here, before the header's last byte is given away:
 * the library's limit cannot be raised within a frame, and counts powers of two.
 */
#include "decoder_int.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* Up to the descriptor, which has the length of the rest. A skippable frame's header may be fed in
 * any way. */
#define HEADER_BEGIN 5u
#define HEADER_MAX 18u
#define BLOCK_HEADER 3u

struct zstd {
	ZSTD_DCtx *context;
	uint64_t window_max;
	uint64_t window; /* of the frame, once it was seen to be above the limit */
	bool is_skippable;
	unsigned header_seen; /* bytes */
	unsigned header_len;  /* as far as it is known */
	unsigned char header[HEADER_MAX];
	/* Behind the header: the header of a block, or a part of it, or the rest of a block. */
	unsigned block_seen;
	unsigned char block[BLOCK_HEADER];
	size_t block_left;
	bool is_last_block;
};

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
	zstd->window_max = window_max;
	zstd->context = ZSTD_createDCtx();
	int log = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound;
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
	(void)len;
	zstd->header_seen = zstd->block_seen = 0;
	zstd->header_len = HEADER_BEGIN;
	zstd->block_left = 0;
	zstd->is_last_block = false;
	zstd->is_skippable = magic[0] != 0x28;
	return !ZSTD_isError(ZSTD_DCtx_reset(zstd->context, ZSTD_reset_session_only));
}

/* ---- the header of a frame (RFC 8878, 3.1.1.1) ---- */

static bool
is_single_segment(unsigned char descriptor)
{
	return descriptor & 0x20;
}

static unsigned
size_len(unsigned char descriptor)
{
	static const unsigned char lens[] = { 0, 2, 4, 8 };
	unsigned len = lens[descriptor >> 6];
	return len == 0 && is_single_segment(descriptor) ? 1 : len;
}

static unsigned
id_len(unsigned char descriptor)
{
	static const unsigned char lens[] = { 0, 1, 2, 4 };
	return lens[descriptor & 3];
}

/* The fields behind the descriptor. */
static unsigned
rest_of_header(unsigned char descriptor)
{
	return (is_single_segment(descriptor) ? 0 : 1) + id_len(descriptor) + size_len(descriptor);
}

static uint64_t
little_endian(const unsigned char *bytes, unsigned len)
{
	uint64_t value = 0;
	while (len-- > 0)
		value = value << 8 | bytes[len];
	return value;
}

/* Of a whole header. The content is the window of a frame that is a single segment. */
static uint64_t
window_of(const unsigned char *header)
{
	unsigned char descriptor = header[HEADER_BEGIN - 1];
	const unsigned char *fields = header + HEADER_BEGIN;
	if (!is_single_segment(descriptor)) {
		uint64_t base = (uint64_t)1 << (10 + (fields[0] >> 3));
		return base + base / 8 * (fields[0] & 7);
	}
	unsigned len = size_len(descriptor);
	uint64_t size = little_endian(fields + id_len(descriptor), len);
	return len == 2 ? size + 256 : size;
}

/* ---- what the library gets ---- */

static bool
is_in_header(const struct zstd *zstd)
{
	return zstd->header_seen < zstd->header_len;
}

/* How much of the input the library may see. */
static size_t
portion(const struct zstd *zstd, size_t len)
{
	if (is_in_header(zstd))
		return SL_MIN(len, (size_t)1);
	if (zstd->is_skippable || (zstd->is_last_block && zstd->block_left == 0))
		return len; /* the rest of the frame has no output */
	if (zstd->block_left == 0)
		return SL_MIN(len, (size_t)1);
	return SL_MIN(len, zstd->block_left);
}

static void
note_block_header(struct zstd *zstd, unsigned char c)
{
	zstd->block[zstd->block_seen++] = c;
	if (zstd->block_seen < BLOCK_HEADER)
		return;
	uint64_t header = little_endian(zstd->block, BLOCK_HEADER);
	bool is_repeated = (header >> 1 & 3) == 1; /* one byte of content */
	zstd->block_seen = 0;
	zstd->is_last_block = header & 1;
	zstd->block_left = is_repeated ? 1 : (size_t)(header >> 3);
}

/* The library has taken `len` bytes of a portion. */
static void
note_taken(struct zstd *zstd, const unsigned char *in, size_t len)
{
	if (len == 0 || (zstd->is_skippable && !is_in_header(zstd)))
		return;
	if (is_in_header(zstd)) {
		zstd->header[zstd->header_seen++] = *in;
		if (zstd->header_seen == HEADER_BEGIN && !zstd->is_skippable)
			zstd->header_len += rest_of_header(*in);
	} else if (zstd->block_left > 0) {
		zstd->block_left -= len;
	} else if (!zstd->is_last_block) {
		note_block_header(zstd, *in);
	}
}

/* The next byte completes a header whose window is above the limit. */
static bool
is_too_wide(struct zstd *zstd, const struct sl_decode_io *io)
{
	if (zstd->is_skippable || zstd->header_seen < HEADER_BEGIN ||
		zstd->header_seen + 1 != zstd->header_len || io->in_len == 0)
		return false;
	zstd->header[zstd->header_seen] = *io->in;
	zstd->window = window_of(zstd->header);
	return zstd->window > zstd->window_max;
}

static uint64_t
zstd_window(const void *state)
{
	const struct zstd *zstd = state;
	return zstd->window;
}

static bool
zstd_raise_window(void *state, uint64_t window_max)
{
	struct zstd *zstd = state;
	zstd->window_max = window_max;
	return true;
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
		if (is_too_wide(zstd, io))
			return SL_DECODE_WINDOW;
		ZSTD_inBuffer in = { io->in, portion(zstd, io->in_len), 0 };
		ZSTD_outBuffer out = { io->out, io->out_len, 0 };
		size_t result = ZSTD_decompressStream(zstd->context, &out, &in);
		if (ZSTD_isError(result))
			return failure_of(result);
		note_taken(zstd, io->in, in.pos);
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
	.window = zstd_window,
	.raise_window = zstd_raise_window,
	.version = ZSTD_versionString,
};
