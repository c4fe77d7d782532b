/*
 * The sequence of members, for all formats. Two states:
 *
 *	BETWEEN  the magic number of a member is collected in head[]; zeros before it are padding
 *	         (not before the first member)
 *	MEMBER   the library gets head[], then the input, until it reports the end of the member
 *
 * A format is recognised by its own bytes before the library sees them, so that data of another
 * kind, garbage behind the last member and damage within one are told apart, the same way for all
 * formats. A failure is kept: each later step returns it again.
 */
#include "sluice/codec/decoder.h"

#include "decoder_int.h"

#include <stdio.h>
#include <stdlib.h>

static const struct decoder_ops *const formats[SL_CODECS] = {
#ifdef SL_HAVE_ISAL
	[SL_CODEC_GZIP] = &gzip_isal_ops,
#else
	[SL_CODEC_GZIP] = &gzip_ops,
#endif
	[SL_CODEC_ZSTD] = &zstd_ops,
	[SL_CODEC_XZ] = &xz_ops,
	[SL_CODEC_BZIP2] = &bzip2_ops,
	[SL_CODEC_DEFLATE] = &deflate_ops,
	[SL_CODEC_BROTLI] = &brotli_ops,
};

struct sl_decoder {
	enum sl_codec codec;
	const struct decoder_ops *ops;
	void *state; /* of the format */
	bool in_member;
	uint64_t members; /* complete */
	uint64_t padding; /* zeros since the last member */
	unsigned char head[SL_CODEC_MAGIC_MAX];
	size_t head_len, head_off; /* collected, and given to the library */
	uint64_t consumed, produced;
	bool permits_any_ratio;
	enum sl_decode_step failure; /* SL_DECODE_MORE = none */
};

/* ---- between members ---- */

static enum sl_decode_step
at_end(const struct sl_decoder *decoder)
{
	if (decoder->head_len > 0 || decoder->members == 0)
		return SL_DECODE_TRUNCATED;
	return decoder->padding % decoder->ops->padding_unit ? SL_DECODE_TRAILING : SL_DECODE_END;
}

static bool
is_padding(const struct sl_decoder *decoder, unsigned char c)
{
	return c == 0 && decoder->head_len == 0 && decoder->members > 0;
}

/* Collect the next byte of the magic number. */
static enum sl_codec_match
add_to_head(struct sl_decoder *decoder, unsigned char c)
{
	if (decoder->members > 0 && decoder->ops->is_single)
		return SL_CODEC_DIFFERS;
	if (decoder->padding % decoder->ops->padding_unit)
		return SL_CODEC_DIFFERS;
	decoder->head[decoder->head_len++] = c;
	return sl_codec_match(decoder->codec, decoder->head, decoder->head_len);
}

/* True if a member begins; else *step is why not. */
static bool
find_member(struct sl_decoder *decoder, struct sl_decode_io *io, enum sl_decode_step *step)
{
	enum sl_codec_match match = SL_CODEC_IS_PREFIX;
	while (match == SL_CODEC_IS_PREFIX && io->in_len > 0) {
		unsigned char c = *io->in++;
		io->in_len--;
		if (is_padding(decoder, c))
			decoder->padding++;
		else
			match = add_to_head(decoder, c);
	}
	switch (match) {
	case SL_CODEC_IS_PREFIX:
		*step = io->is_last ? at_end(decoder) : SL_DECODE_MORE;
		return false;
	case SL_CODEC_DIFFERS:
		*step = decoder->members > 0 ? SL_DECODE_TRAILING : SL_DECODE_MISLABELED;
		return false;
	case SL_CODEC_MATCHES:
		break;
	}
	*step = SL_DECODE_NO_MEMORY;
	decoder->head_off = 0;
	decoder->padding = 0;
	decoder->in_member = decoder->ops->start(decoder->state, decoder->head, decoder->head_len);
	return decoder->in_member;
}

/* ---- a member ---- */

/* No format has output within its magic number, so that all of it is taken at once; but the library
 * may ask for room first. */
static enum sl_decode_step
run_head(struct sl_decoder *decoder, struct sl_decode_io *io)
{
	struct sl_decode_io head = { .in = decoder->head + decoder->head_off,
		.in_len = decoder->head_len - decoder->head_off,
		.out = io->out,
		.out_len = io->out_len };
	enum sl_decode_step step = decoder->ops->run(decoder->state, &head);
	decoder->head_off = decoder->head_len - head.in_len;
	io->out = head.out;
	io->out_len = head.out_len;
	return step;
}

static enum sl_decode_step
run_member(struct sl_decoder *decoder, struct sl_decode_io *io)
{
	enum sl_decode_step step = SL_DECODE_MORE;
	if (decoder->head_off < decoder->head_len)
		step = run_head(decoder, io);
	if (step == SL_DECODE_MORE)
		step = decoder->ops->run(decoder->state, io);
	if (step == SL_DECODE_MORE && io->is_last)
		step = SL_DECODE_TRUNCATED;
	if (step == SL_DECODE_END) {
		decoder->in_member = false;
		decoder->head_len = 0;
		decoder->members++;
	}
	return step;
}

/* ---- public ---- */

static bool
is_bomb(const struct sl_decoder *decoder)
{
	return !decoder->permits_any_ratio && decoder->produced > SL_DECODE_BOMB_FROM &&
	       decoder->produced / SL_DECODE_BOMB_RATIO > decoder->consumed;
}

enum sl_decode_step
sl_decoder_step(struct sl_decoder *decoder, struct sl_decode_io *io)
{
	enum sl_decode_step step = decoder->failure;
	size_t in_len = io->in_len, out_len = io->out_len;
	if (step != SL_DECODE_MORE)
		return step;
	do {
		if (!decoder->in_member && !find_member(decoder, io, &step))
			break;
		step = run_member(decoder, io);
	} while (step == SL_DECODE_END);
	decoder->consumed += in_len - io->in_len;
	decoder->produced += out_len - io->out_len;
	if (!sl_decode_is_failure(step) && is_bomb(decoder))
		step = SL_DECODE_BOMB;
	if (sl_decode_is_failure(step))
		decoder->failure = step;
	return step;
}

struct sl_decoder *
sl_decoder_new(enum sl_codec codec, uint64_t window_max)
{
	struct sl_decoder *decoder = calloc(1, sizeof(*decoder));
	if (!decoder)
		return NULL;
	sl_assert(formats[codec]);
	decoder->codec = codec;
	decoder->ops = formats[codec];
	decoder->failure = SL_DECODE_MORE;
	decoder->state = decoder->ops->create(window_max);
	if (!decoder->state) {
		free(decoder);
		return NULL;
	}
	return decoder;
}

void
sl_decoder_permit_any_ratio(struct sl_decoder *decoder)
{
	decoder->permits_any_ratio = true;
}

uint64_t
sl_decoder_window(const struct sl_decoder *decoder)
{
	return decoder->ops->window ? decoder->ops->window(decoder->state) : 0;
}

bool
sl_decoder_raise_window(struct sl_decoder *decoder, uint64_t window_max)
{
	if (decoder->failure != SL_DECODE_WINDOW ||
		!decoder->ops->raise_window(decoder->state, window_max))
		return false;
	decoder->failure = SL_DECODE_MORE;
	return true;
}

void
sl_decoder_free(struct sl_decoder *decoder)
{
	if (!decoder)
		return;
	decoder->ops->destroy(decoder->state);
	free(decoder);
}

bool
sl_decoder_has_failed(const struct sl_decoder *decoder)
{
	return decoder->failure != SL_DECODE_MORE;
}

bool
sl_decode_is_failure(enum sl_decode_step step)
{
	return step > SL_DECODE_END;
}

/* In whole MiB: rounded down, a limit below one of them would be none at all. It may be none. */
static void
reason_of_window(char reason[SL_DECODE_REASON], const char *name, uint64_t window_max)
{
	bool is_small = window_max < SL_MIB;
	if (window_max < SL_KIB) {
		snprintf(reason, SL_DECODE_REASON, "the %s data needs memory for a window", name);
		return;
	}
	snprintf(reason, SL_DECODE_REASON, "the %s data needs a window of more than %llu %s", name,
		(unsigned long long)(window_max / (is_small ? SL_KIB : SL_MIB)),
		is_small ? "KiB" : "MiB");
}

void
sl_decode_reason(enum sl_decode_step failure, enum sl_codec codec, uint64_t window_max,
	char reason[SL_DECODE_REASON])
{
	const char *name = sl_codec_name(codec);
	switch (failure) {
	case SL_DECODE_TRUNCATED:
		snprintf(reason, SL_DECODE_REASON, "the %s data is truncated", name);
		break;
	case SL_DECODE_MISLABELED:
		snprintf(reason, SL_DECODE_REASON, "it is not %s data", name);
		break;
	case SL_DECODE_TRAILING:
		snprintf(reason, SL_DECODE_REASON, "the %s data is followed by other data", name);
		break;
	case SL_DECODE_UNSUPPORTED:
		if (codec == SL_CODEC_BROTLI)
			snprintf(reason, SL_DECODE_REASON,
				"the %s data has a large window, which is not supported", name);
		else
			snprintf(reason, SL_DECODE_REASON,
				"the %s data needs a dictionary, filter or check that is not "
				"supported",
				name);
		break;
	case SL_DECODE_WINDOW:
		reason_of_window(reason, name, window_max);
		break;
	case SL_DECODE_BOMB:
		snprintf(reason, SL_DECODE_REASON,
			"the %s data expands to more than %u times its size", name,
			SL_DECODE_BOMB_RATIO);
		break;
	case SL_DECODE_NO_MEMORY:
		snprintf(reason, SL_DECODE_REASON, "out of memory");
		break;
	default:
		snprintf(reason, SL_DECODE_REASON, "the %s data is corrupt", name);
	}
}

void
sl_decoder_libraries(struct sl_buf *out)
{
	const char *bzip2 = bzip2_ops.version(); /* with a date behind a comma */
#ifdef SL_HAVE_ISAL
	const char *with = " with ISA-L";
#else
	const char *with = "";
#endif
	sl_buf_printf(out, "zlib %s%s; zstd %s; brotli ", deflate_ops.version(), with,
		zstd_ops.version());
	brotli_add_version(out);
	sl_buf_printf(
		out, "; bzip2 %.*s; xz %s", (int)strcspn(bzip2, ","), bzip2, xz_ops.version());
}
