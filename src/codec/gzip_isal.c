/*
 * gzip (RFC 1952) by ISA-L, where it is built in: two to three times as fast as zlib. It verifies
 * CRC and length of each member, and the CRC of a header that has one. The state lies in the
 * caller's memory and is all that it uses.
 *
 * The header is read apart, by isal_read_gzip_header: isal_inflate does not keep the CRC of a
 * header from one call to the next.
 *
 * Its fast loop counts the length of a match as written before it looks at the distance. If that is
 * refused, the output ends with up to MATCH_MAX bytes that are not of the data: what was in memory.
 */
#include "decoder_int.h"

#ifdef SL_HAVE_ISAL

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#define AVAIL_MAX ((size_t)1 << 30) /* ISA-L counts in uint32_t */
#define MATCH_MAX 258u              /* bytes (RFC 1951, 3.2.5) */

/* Of a header: where its flags are, and those that must be zero (RFC 1952, 2.3.1.2). */
#define FLAGS_OFF 3u
#define FLAGS_RESERVED 0xe0u

struct gzip {
	struct inflate_state inflate;
	struct isal_gzip_header header; /* as far as it is read; its strings are skipped */
	size_t header_seen;             /* bytes of it, until its flags */
	bool has_header;
};

static void *
gzip_create(uint64_t window_max)
{
	(void)window_max; /* always 32 KiB */
	return calloc(1, sizeof(struct gzip));
}

static bool
gzip_start(void *state, const unsigned char *magic, size_t len)
{
	struct gzip *gzip = state;
	(void)magic;
	(void)len;
	isal_inflate_reset(&gzip->inflate);
	gzip->inflate.crc_flag = ISAL_GZIP_NO_HDR_VER;
	isal_gzip_header_init(&gzip->header);
	gzip->header_seen = 0;
	gzip->has_header = false;
	return true;
}

/* ISA-L ignores flags that tell of fields which it could not skip; zlib refuses them. */
static bool
has_reserved_flags(struct gzip *gzip, const struct sl_decode_io *io)
{
	size_t off = gzip->header_seen;
	if (off > FLAGS_OFF)
		return false;
	gzip->header_seen = SL_MIN(off + io->in_len, FLAGS_OFF + (size_t)1);
	return gzip->header_seen > FLAGS_OFF && io->in[FLAGS_OFF - off] & FLAGS_RESERVED;
}

/* Of the header, or of what follows it. */
static int
inflate_some(struct gzip *gzip, struct sl_decode_io *io)
{
	struct inflate_state *state = &gzip->inflate;
	int result;
	state->next_in = (unsigned char *)(uintptr_t)io->in; /* not written to */
	state->avail_in = (uint32_t)SL_MIN(io->in_len, AVAIL_MAX);
	state->next_out = io->out;
	state->avail_out = (uint32_t)SL_MIN(io->out_len, AVAIL_MAX);
	if (gzip->has_header) {
		result = isal_inflate(state);
	} else {
		result = isal_read_gzip_header(state, &gzip->header);
		gzip->has_header = result == ISAL_DECOMP_OK;
	}
	io->in_len -= (size_t)(state->next_in - io->in);
	io->in = state->next_in;
	io->out_len -= (size_t)(state->next_out - io->out);
	io->out = state->next_out;
	return result;
}

/* Take back what may not be of the data, of `len` bytes that the failed call wrote. */
static void
drop_match(struct sl_decode_io *io, int result, size_t len)
{
	size_t drop = result == ISAL_INVALID_SYMBOL || result == ISAL_INVALID_LOOKBACK
			      ? SL_MIN(len, MATCH_MAX)
			      : 0;
	io->out -= drop;
	io->out_len += drop;
}

static enum sl_decode_step
gzip_run(void *state, struct sl_decode_io *io)
{
	struct gzip *gzip = state;
	size_t in_len, out_len;
	if (has_reserved_flags(gzip, io))
		return SL_DECODE_CORRUPT;
	do {
		in_len = io->in_len;
		out_len = io->out_len;
		int result = inflate_some(gzip, io);
		if (result < 0) {
			drop_match(io, result, out_len - io->out_len);
			return SL_DECODE_CORRUPT;
		}
		if (gzip->inflate.block_state == ISAL_BLOCK_FINISH)
			return SL_DECODE_END;
	} while (io->out_len > 0 && (io->in_len < in_len || io->out_len < out_len));
	return decoder_pause(io);
}

const struct decoder_ops gzip_isal_ops = {
	.padding_unit = 1,
	.create = gzip_create,
	.destroy = free,
	.start = gzip_start,
	.run = gzip_run,
};

#endif
