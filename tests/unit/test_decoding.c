/*
 * The text of compressed and of UTF-16 inputs, in any combination: the same for every cut of the
 * input, every room, and whatever window is permitted at first.
 */
#include "sluice/scan/decoding.h"

#include "support/compress.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const enum sl_codec codecs[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ, SL_CODEC_BZIP2 };

static enum sl_decode_step
feed(struct sl_decoding *decoding, struct sl_span data, bool is_last, size_t room,
	struct sl_buf *out)
{
	unsigned char place[8192];
	struct sl_decode_io io = {
		.in = (const unsigned char *)data.data, .in_len = data.len, .is_last = is_last
	};
	enum sl_decode_step step;
	do {
		io.out = place;
		io.out_len = room;
		step = sl_decoding_step(decoding, &io);
		sl_buf_add(out, place, (size_t)(io.out - place));
		if (step == SL_DECODE_WINDOW) {
			struct sl_decoder *decoder = sl_decoding_decoder(decoding);
			uint64_t window = sl_decoder_window(decoder);
			cr_assert_gt(window, 0);
			if (sl_decoder_raise_window(decoder, window))
				step = SL_DECODE_FULL;
		}
	} while (step == SL_DECODE_FULL);
	return step;
}

static enum sl_decode_step
decode_cut(struct sl_span data, size_t cut, size_t room, struct sl_buf *out)
{
	enum sl_form form = sl_sniff_form((const unsigned char *)data.data, data.len);
	cr_assert(sl_decoding_is_for(form));
	struct sl_decoding *decoding = sl_decoding_new(form, 0);
	cr_assert(decoding);
	sl_buf_clear(out);
	enum sl_decode_step step = feed(decoding, sl_span(data.data, cut), false, room, out);
	if (step == SL_DECODE_MORE)
		step = feed(decoding, sl_span(data.data + cut, data.len - cut), true, room, out);
	cr_assert(sl_decoding_is_known(decoding) || sl_decode_is_failure(step));
	sl_decoding_free(decoding);
	return step;
}

static void
check_cuts(const struct sl_buf *data, struct sl_span want, enum sl_decode_step ended, size_t stride)
{
	struct sl_buf out = { 0 };
	for (size_t cut = 0; cut <= data->len; cut += stride) {
		enum sl_decode_step step =
			decode_cut(sl_buf_span(data), cut, 1 + cut * 7 % 5000, &out);
		cr_assert_eq(step, ended, "cut at %zu: %d", cut, (int)step);
		cr_assert(sl_span_equal(sl_buf_span(&out), want), "cut at %zu: %zu bytes", cut,
			out.len);
	}
	sl_buf_release(&out);
}

static void
widen(struct sl_buf *out, const struct sl_buf *text, bool has_mark)
{
	if (has_mark)
		sl_buf_add(out, "\xff\xfe", 2);
	for (size_t i = 0; i < text->len; i++) {
		sl_buf_add_char(out, text->data[i]);
		sl_buf_add_char(out, '\0');
	}
}

Test(scan_decoding, text_is_the_same_wherever_the_input_is_cut)
{
	struct sl_buf text = { 0 };
	compress_make_text(&text, 20000);
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, codecs[i], text.data, 7001);
		compress_add(&data, codecs[i], text.data + 7001, text.len - 7001);
		check_cuts(&data, sl_buf_span(&text), SL_DECODE_END, 13);
		sl_buf_release(&data);
	}
	sl_buf_release(&text);
}

Test(scan_decoding, utf16_is_text_also_in_compressed_data)
{
	struct sl_buf text = { 0 };
	compress_make_text(&text, 20000);
	for (size_t i = 0; i < 2 * SL_COUNT_OF(codecs); i++) {
		struct sl_buf data = { 0 }, wide = { 0 };
		enum sl_codec codec = codecs[i / 2];
		widen(&wide, &text, i % 2);
		compress_add(&data, codec, wide.data, 9001); /* within a character */
		compress_add(&data, codec, wide.data + 9001, wide.len - 9001);
		check_cuts(&data, sl_buf_span(&text), SL_DECODE_END, 17);
		sl_buf_clear(&data);
		compress_add(&data, codec, wide.data, wide.len - 1);
		check_cuts(&data, sl_span(text.data, text.len - 1), SL_DECODE_TRUNCATED, 301);
		sl_buf_release(&data);
		sl_buf_release(&wide);
	}
	sl_buf_release(&text);
}

/* A byte is changed: the text before it is there, by and large. */
Test(scan_decoding, text_before_damage_is_not_lost)
{
	enum { BLOCK = 128 * 1024, LEN = 8 * BLOCK };
	struct sl_buf text = { 0 };
	compress_make_text(&text, LEN);
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++) {
		struct sl_buf data = { 0 }, first = { 0 }, second = { 0 };
		compress_add(&data, codecs[i], text.data, LEN);
		compress_add(&data, codecs[i], text.data, LEN);
		size_t at = data.len * 7 / 8;
		for (size_t j = 0; j < 20; j++)
			data.data[at + j] = (char)~data.data[at + j];
		enum sl_decode_step step = decode_cut(sl_buf_span(&data), data.len, 8000, &first);
		cr_assert(step == SL_DECODE_CORRUPT, "%s: %d", sl_codec_name(codecs[i]), (int)step);
		cr_expect_geq(first.len, LEN, "%s: %zu bytes", sl_codec_name(codecs[i]), first.len);
		if (codecs[i] == SL_CODEC_ZSTD)
			cr_expect_geq(first.len, LEN + 4 * BLOCK, "%zu bytes", first.len);
		for (size_t cut = 1; cut < data.len; cut += data.len / 7) {
			cr_assert_eq(decode_cut(sl_buf_span(&data), cut, 3000, &second), step);
			cr_expect_eq(second.len, first.len, "%s, cut at %zu: %zu bytes, then %zu",
				sl_codec_name(codecs[i]), cut, first.len, second.len);
		}
		sl_buf_release(&data);
		sl_buf_release(&first);
		sl_buf_release(&second);
	}
	sl_buf_release(&text);
}

Test(scan_decoding, content_that_is_no_text_is_told)
{
	struct sl_buf once = { 0 }, twice = { 0 }, out = { 0 };
	compress_add(&once, SL_CODEC_XZ, "error\n", 6);
	compress_add(&twice, SL_CODEC_GZIP, once.data, once.len);
	struct sl_decoding *decoding = sl_decoding_new(SL_FORM_GZIP, SL_MIB);
	cr_expect_not(sl_decoding_is_known(decoding));
	cr_expect_eq(feed(decoding, sl_buf_span(&twice), true, 100, &out), SL_DECODE_END);
	cr_expect_eq(sl_decoding_content(decoding), SL_FORM_XZ);
	sl_decoding_free(decoding);
	sl_buf_release(&once);
	sl_buf_release(&twice);
	sl_buf_release(&out);
}

Test(scan_decoding, a_window_is_told_and_waited_for)
{
	struct sl_buf data = { 0 }, out = { 0 };
	compress_add_window(&data, SL_CODEC_ZSTD, 20, "first\n", 6);
	compress_add_window(&data, SL_CODEC_ZSTD, 27, "second\n", 7);
	struct sl_decoding *decoding = sl_decoding_new(SL_FORM_ZSTD, SL_MIB);
	struct sl_decoder *decoder = sl_decoding_decoder(decoding);
	unsigned char text[100];
	struct sl_decode_io io = { .in = (const unsigned char *)data.data,
		.in_len = data.len,
		.out = text,
		.out_len = sizeof(text),
		.is_last = true };
	cr_expect_eq(sl_decoding_step(decoding, &io), SL_DECODE_WINDOW);
	cr_expect_eq(sl_decoder_window(decoder), 128 * SL_MIB);
	char reason[SL_DECODE_REASON];
	sl_decoding_reason(decoding, SL_DECODE_WINDOW, 500 * SL_KIB, reason);
	cr_expect_str_eq(reason, "the zstd data needs a window of more than 500 KiB");
	cr_expect(sl_decoder_raise_window(decoder, 128 * SL_MIB));
	cr_expect_eq(sl_decoding_step(decoding, &io), SL_DECODE_END);
	cr_expect_eq(io.out_len, sizeof(text) - 13);
	cr_expect_not(sl_decoder_raise_window(decoder, 256 * SL_MIB), "nothing has failed");
	sl_decoding_free(decoding);
	sl_buf_release(&data);
	sl_buf_release(&out);
}
