/*
 * The stages of a decoding: the decoder of compressed data, if there is one, and what its output
 * is. The first of that is collected in `raw` until its form is known. Then it is text, which the
 * decoder writes where the caller wants it; or UTF-16, which goes on through `raw`.
 */
#include "sluice/scan/decoding.h"

#include "sluice/codec/utf16.h"

#include <stdlib.h>

#define RAW (16u * 1024u) /* at least SL_SNIFF_WINDOW */

struct sl_decoding {
	enum sl_form form; /* of the input */
	struct sl_decoder *decoder;
	bool is_known;
	enum sl_form content;
	bool is_binary, has_only_cr;
	bool is_utf16;
	struct sl_utf16 utf16;
	size_t raw_off, raw_len; /* output of the decoder that is not text yet */
	unsigned char raw[RAW];
};

static const struct {
	enum sl_codec codec;
	uint64_t memory; /* of the library, see decoder.h */
} formats[SL_FORMS] = {
	[SL_FORM_GZIP] = { SL_CODEC_GZIP, 96 * SL_KIB },
	[SL_FORM_ZSTD] = { SL_CODEC_ZSTD, 640 * SL_KIB },
	[SL_FORM_XZ] = { SL_CODEC_XZ, SL_MIB },
	[SL_FORM_BZIP2] = { SL_CODEC_BZIP2, 4 * SL_MIB },
};

static bool
is_utf16(enum sl_form form)
{
	return form == SL_FORM_UTF16 || form == SL_FORM_UTF16LE || form == SL_FORM_UTF16BE;
}

bool
sl_decoding_is_for(enum sl_form form)
{
	return formats[form].codec != SL_CODEC_NONE || is_utf16(form);
}

bool
sl_decoding_has_window(enum sl_form form)
{
	return form == SL_FORM_ZSTD || form == SL_FORM_XZ;
}

uint64_t
sl_decoding_memory(enum sl_form form)
{
	return formats[form].memory;
}

/* ---- the form of the content ---- */

static void
set_utf16(struct sl_decoding *decoding, enum sl_form form)
{
	decoding->is_utf16 = true;
	decoding->utf16.order = form == SL_FORM_UTF16LE   ? SL_UTF16_LE
				: form == SL_FORM_UTF16BE ? SL_UTF16_BE
							  : SL_UTF16_MARK;
}

static void
look(struct sl_decoding *decoding)
{
	enum sl_form form = sl_sniff_form(decoding->raw, decoding->raw_len);
	decoding->is_known = true;
	if (is_utf16(form)) {
		set_utf16(decoding, form);
		return;
	}
	decoding->content = form;
	decoding->is_binary = sl_sniff_is_binary(decoding->raw, decoding->raw_len);
	decoding->has_only_cr = sl_sniff_has_only_cr(decoding->raw, decoding->raw_len);
}

/* ---- stages ---- */

/* The decoder goes on, into `raw`. */
static enum sl_decode_step
fill_raw(struct sl_decoding *decoding, struct sl_decode_io *io, size_t most)
{
	unsigned char *out = decoding->raw + decoding->raw_len;
	struct sl_decode_io inner = {
		.in = io->in,
		.in_len = io->in_len,
		.out = out,
		.out_len = most - decoding->raw_len,
		.is_last = io->is_last,
	};
	enum sl_decode_step step = sl_decoder_step(decoding->decoder, &inner);
	io->in = inner.in;
	io->in_len = inner.in_len;
	decoding->raw_len += (size_t)(inner.out - out);
	return step;
}

/* The first of the content, as much as tells what it is. MORE: not enough yet. */
static enum sl_decode_step
find_content(struct sl_decoding *decoding, struct sl_decode_io *io)
{
	enum sl_decode_step step = fill_raw(decoding, io, SL_SNIFF_WINDOW);
	bool is_enough =
		decoding->raw_len > 0 && !sl_sniff_wants_more(decoding->raw, decoding->raw_len);
	if (step == SL_DECODE_WINDOW || (step == SL_DECODE_MORE && !is_enough))
		return step;
	look(decoding);
	return SL_DECODE_FULL;
}

static void
copy_raw(struct sl_decoding *decoding, struct sl_decode_io *io)
{
	size_t len = SL_MIN(decoding->raw_len - decoding->raw_off, io->out_len);
	memcpy(io->out, decoding->raw + decoding->raw_off, len);
	decoding->raw_off += len;
	io->out += len;
	io->out_len -= len;
}

/* What is in `raw`, as text. `is_last`: nothing follows it. */
static enum sl_decode_step
convert_raw(struct sl_decoding *decoding, struct sl_decode_io *io, bool is_last)
{
	struct sl_decode_io inner = {
		.in = decoding->raw + decoding->raw_off,
		.in_len = decoding->raw_len - decoding->raw_off,
		.out = io->out,
		.out_len = io->out_len,
		.is_last = is_last,
	};
	enum sl_decode_step step = sl_utf16_step(&decoding->utf16, &inner);
	decoding->raw_off = decoding->raw_len - inner.in_len;
	io->out = inner.out;
	io->out_len = inner.out_len;
	return step;
}

/* UTF-16 in compressed data. At the end of intact data, the text may be incomplete. */
static enum sl_decode_step
step_utf16(struct sl_decoding *decoding, struct sl_decode_io *io)
{
	enum sl_decode_step step = SL_DECODE_FULL;
	for (;;) {
		enum sl_decode_step text = convert_raw(decoding, io, step == SL_DECODE_END);
		if (text == SL_DECODE_FULL || step != SL_DECODE_FULL)
			return text == SL_DECODE_FULL || step == SL_DECODE_END ? text : step;
		decoding->raw_off = decoding->raw_len = 0;
		step = fill_raw(decoding, io, RAW);
	}
}

static enum sl_decode_step
step_plain(struct sl_decoding *decoding, struct sl_decode_io *io)
{
	copy_raw(decoding, io);
	if (decoding->raw_off < decoding->raw_len)
		return SL_DECODE_FULL;
	return sl_decoder_step(decoding->decoder, io);
}

/* ---- public ---- */

enum sl_decode_step
sl_decoding_step(struct sl_decoding *decoding, struct sl_decode_io *io)
{
	if (!decoding->decoder)
		return sl_utf16_step(&decoding->utf16, io);
	if (!decoding->is_known) {
		enum sl_decode_step step = find_content(decoding, io);
		if (!decoding->is_known)
			return step;
	}
	return decoding->is_utf16 ? step_utf16(decoding, io) : step_plain(decoding, io);
}

struct sl_decoding *
sl_decoding_new(enum sl_form form, uint64_t window_max)
{
	struct sl_decoding *decoding = calloc(1, sizeof(*decoding));
	if (!decoding)
		return NULL;
	_Static_assert(sizeof(*decoding) <= SL_DECODING_SIZE && RAW >= SL_SNIFF_WINDOW, "size");
	sl_assert(sl_decoding_is_for(form));
	decoding->form = form;
	if (is_utf16(form)) {
		set_utf16(decoding, form);
		decoding->is_known = true;
		return decoding;
	}
	decoding->decoder = sl_decoder_new(formats[form].codec, window_max);
	if (!decoding->decoder) {
		free(decoding);
		return NULL;
	}
	sl_decoder_permit_any_ratio(decoding->decoder);
	return decoding;
}

void
sl_decoding_free(struct sl_decoding *decoding)
{
	if (!decoding)
		return;
	sl_decoder_free(decoding->decoder);
	free(decoding);
}

bool
sl_decoding_is_known(const struct sl_decoding *decoding)
{
	return decoding->is_known;
}

enum sl_form
sl_decoding_content(const struct sl_decoding *decoding)
{
	return decoding->content;
}

bool
sl_decoding_is_binary(const struct sl_decoding *decoding)
{
	return decoding->is_binary;
}

bool
sl_decoding_has_only_cr(const struct sl_decoding *decoding)
{
	return decoding->has_only_cr;
}

struct sl_decoder *
sl_decoding_decoder(const struct sl_decoding *decoding)
{
	return decoding->decoder;
}

void
sl_decoding_reason(const struct sl_decoding *decoding, enum sl_decode_step failure,
	uint64_t window_max, char reason[SL_DECODE_REASON])
{
	bool is_text = !decoding->decoder || !sl_decoder_has_failed(decoding->decoder);
	if (is_text) {
		static const char text[] = "the UTF-16 text ends within a character";
		sl_assert(failure == SL_DECODE_TRUNCATED);
		memcpy(reason, text, sizeof(text));
		return;
	}
	sl_decode_reason(failure, formats[decoding->form].codec, window_max, reason);
}
