/*
 * The decoders of all formats: what they accept, what they refuse and how, for every cut of the
 * input and of the room for the output.
 */
#include "sluice/codec/decoder.h"

#include "support/compress.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>

#define WINDOW (8 * SL_MIB)

static const enum sl_codec formats[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ, SL_CODEC_BZIP2,
	SL_CODEC_DEFLATE, SL_CODEC_BROTLI };

/* What has members, of which several may follow each other. */
static const enum sl_codec sequences[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ,
	SL_CODEC_BZIP2 };

/* Give it `len` bytes, with `room` bytes of output at a time; appends to *out what it writes. */
static enum sl_decode_step
feed(struct sl_decoder *decoder, const unsigned char *data, size_t len, bool is_last, size_t room,
	struct sl_buf *out)
{
	struct guard guard;
	struct sl_decode_io io = { .in = data, .in_len = len, .is_last = is_last };
	enum sl_decode_step step;
	guard_init(&guard, room);
	do {
		unsigned char zeros[8192] = { 0 };
		unsigned char *place = (unsigned char *)guard_place(&guard, (char *)zeros, room);
		io.out = place;
		io.out_len = room;
		step = sl_decoder_step(decoder, &io);
		sl_buf_add(out, place, (size_t)(io.out - place));
		cr_assert(step != SL_DECODE_FULL || io.out_len == 0);
		cr_assert(step != SL_DECODE_MORE || io.in_len == 0);
		cr_assert(step != SL_DECODE_END || (io.in_len == 0 && is_last));
	} while (step == SL_DECODE_FULL);
	guard_release(&guard);
	return step;
}

/* All of it, in two pieces, each flush against an unreadable page. */
static enum sl_decode_step
decode_cut(enum sl_codec codec, struct sl_span data, size_t cut, size_t room, struct sl_buf *out)
{
	struct sl_decoder *decoder = sl_decoder_new(codec, WINDOW);
	struct guard guard;
	guard_init(&guard, data.len + 1);
	enum sl_decode_step step = feed(decoder,
		(unsigned char *)guard_place(&guard, data.data, cut), cut, false, room, out);
	if (step == SL_DECODE_MORE)
		step = feed(decoder,
			(unsigned char *)guard_place(&guard, data.data + cut, data.len - cut),
			data.len - cut, true, room, out);
	guard_release(&guard);
	sl_decoder_free(decoder);
	return step;
}

static enum sl_decode_step
decode(enum sl_codec codec, const struct sl_buf *data, struct sl_buf *out)
{
	return decode_cut(codec, sl_buf_span(data), data->len / 2, 4096, out);
}

/* The outcome, which must be the same wherever the input is cut. */
static enum sl_decode_step
outcome(enum sl_codec codec, const struct sl_buf *data)
{
	struct sl_buf out = { 0 };
	enum sl_decode_step first = decode_cut(codec, sl_buf_span(data), 0, 4096, &out);
	for (size_t cut = 1; cut <= data->len; cut++) {
		sl_buf_clear(&out);
		cr_assert_eq(decode_cut(codec, sl_buf_span(data), cut, 100, &out), first,
			"%s cut at %zu", sl_codec_name(codec), cut);
	}
	sl_buf_release(&out);
	return first;
}

Test(codec_decoder, decodes_members_for_every_cut_and_every_room)
{
	struct sl_buf text = { 0 };
	compress_make_text(&text, 300);
	for (size_t i = 0; i < SL_COUNT_OF(formats); i++) {
		struct sl_buf data = { 0 }, out = { 0 };
		enum sl_codec codec = formats[i];
		size_t half = sl_codec_has_magic(codec) ? 150 : 300;
		compress_add(&data, codec, text.data, half);
		if (half < 300)
			compress_add(&data, codec, text.data + half, 300 - half);
		for (size_t cut = 0; cut <= data.len; cut++) {
			sl_buf_clear(&out);
			enum sl_decode_step step =
				decode_cut(codec, sl_buf_span(&data), cut, 1 + cut % 7, &out);
			cr_assert_eq(step, SL_DECODE_END);
			cr_assert(sl_span_equal(sl_buf_span(&out), sl_buf_span(&text)));
		}
		for (size_t room = 1; room <= 301; room++) {
			sl_buf_clear(&out);
			enum sl_decode_step step =
				decode_cut(codec, sl_buf_span(&data), data.len, room, &out);
			cr_assert_eq(step, SL_DECODE_END);
			cr_assert(sl_span_equal(sl_buf_span(&out), sl_buf_span(&text)));
		}
		sl_buf_release(&data);
		sl_buf_release(&out);
	}
	sl_buf_release(&text);
}

Test(codec_decoder, decodes_large_data_in_many_members)
{
	struct sl_buf text = { 0 };
	compress_make_text(&text, 3 * SL_MIB);
	for (size_t i = 0; i < SL_COUNT_OF(sequences); i++) {
		struct sl_buf data = { 0 }, out = { 0 };
		for (size_t off = 0; off < text.len;) { /* some of them empty */
			size_t len = SL_MIN(off % 70000, text.len - off);
			compress_add(&data, sequences[i], text.data + off, len);
			off += len;
			len = SL_MIN((size_t)50001, text.len - off);
			compress_add(&data, sequences[i], text.data + off, len);
			off += len;
		}
		cr_expect_eq(decode(sequences[i], &data, &out), SL_DECODE_END);
		cr_expect(sl_span_equal(sl_buf_span(&out), sl_buf_span(&text)));
		sl_buf_release(&data);
		sl_buf_release(&out);
	}
	sl_buf_release(&text);
}

Test(codec_decoder, reports_every_truncation)
{
	struct sl_buf text = { 0 }, out = { 0 };
	compress_make_text(&text, 300);
	for (size_t i = 0; i < SL_COUNT_OF(formats); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, formats[i], text.data, text.len);
		for (size_t len = 0; len < data.len; len++)
			cr_expect_eq(decode_cut(formats[i], sl_span(data.data, len), len, 64, &out),
				SL_DECODE_TRUNCATED, "%s of %zu bytes", sl_codec_name(formats[i]),
				len);
		sl_buf_release(&data);
	}
	sl_buf_release(&text);
	sl_buf_release(&out);
}

/* Also within the second of two members: the first one is not all there is. */
Test(codec_decoder, reports_a_truncated_second_member)
{
	struct sl_buf out = { 0 };
	for (size_t i = 0; i < SL_COUNT_OF(sequences); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, sequences[i], "one", 3);
		size_t first = data.len;
		compress_add(&data, sequences[i], "two", 3);
		for (size_t len = first + 1; len < data.len; len++)
			cr_expect_eq(decode_cut(sequences[i], sl_span(data.data, len), 0, 64, &out),
				SL_DECODE_TRUNCATED);
		sl_buf_release(&data);
	}
	sl_buf_release(&out);
}

/* Fields that carry no information, which the format leaves unchecked. */
static bool
is_unchecked(enum sl_codec codec, size_t off)
{
	return codec == SL_CODEC_GZIP && off >= 4 && off <= 9; /* time, flags of the encoder, OS */
}

Test(codec_decoder, never_takes_changed_data_for_intact)
{
	struct sl_buf text = { 0 };
	compress_make_text(&text, 300);
	for (size_t i = 0; i < SL_COUNT_OF(formats); i++) {
		struct sl_buf data = { 0 }, out = { 0 };
		if (formats[i] == SL_CODEC_BROTLI) /* has no checksum */
			continue;
		compress_add(&data, formats[i], text.data, text.len);
		for (size_t bit = 0; bit < 8 * data.len; bit++) {
			char mask = (char)(1 << bit % 8);
			sl_buf_clear(&out);
			data.data[bit / 8] ^= mask;
			enum sl_decode_step step = decode(formats[i], &data, &out);
			bool is_same = sl_span_equal(sl_buf_span(&out), sl_buf_span(&text));
			cr_expect(step != SL_DECODE_END || is_same, "%s: bit %zu",
				sl_codec_name(formats[i]), bit);
			if (is_unchecked(formats[i], bit / 8))
				cr_expect_eq(step, SL_DECODE_END);
			data.data[bit / 8] ^= mask;
		}
		sl_buf_release(&data);
		sl_buf_release(&out);
	}
	sl_buf_release(&text);
}

/* "http://a/x" and a match at a distance that there is not. */
Test(codec_decoder, writes_nothing_for_a_match_that_it_refuses)
{
	static const unsigned char damaged[64] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x28,
		0x29, 0x29, 0xb0, 0xd2, 0xd7, 0x4f, 0xd4, 0xaf, 0x40, 0xb6, 0x00 };
	struct sl_span data = sl_span((const char *)damaged, sizeof(damaged));
	struct sl_buf out = { 0 };
	for (size_t cut = 0; cut <= data.len; cut++) {
		sl_buf_clear(&out);
		cr_expect_eq(decode_cut(SL_CODEC_GZIP, data, cut, 4096, &out), SL_DECODE_CORRUPT);
		cr_expect(out.len <= 10 && memcmp(out.data, "http://a/x", out.len) == 0,
			"cut at %zu: %zu bytes", cut, out.len);
	}
	sl_buf_release(&out);
}

enum change {
	NOTHING,
	NO_BYTES,
	CHANGED_CHECK, /* the checksum at the end */
	CHANGED_LENGTH,
	ZERO,
	FOUR_ZEROS,
	ZEROS_THEN_MEMBER,
	TEXT_BEHIND,
	ZEROS_THEN_TEXT,
	TEXT_BEFORE,
	EMPTY_MEMBER,
};

static void
make(struct sl_buf *data, enum sl_codec codec, enum change change)
{
	bool is_empty = change == NO_BYTES || change == EMPTY_MEMBER;
	if (change == TEXT_BEFORE)
		sl_buf_add_str(data, "text");
	if (change != NO_BYTES)
		compress_add(data, codec, "some text", is_empty ? 0 : 9);
	switch (change) {
	case CHANGED_CHECK:
		data->data[data->len - 8] ^= 1;
		break;
	case CHANGED_LENGTH:
		data->data[data->len - 4] ^= 1;
		break;
	case ZERO:
		sl_buf_add(data, "", 1);
		break;
	case FOUR_ZEROS:
	case ZEROS_THEN_MEMBER:
		sl_buf_add(data, "\0\0\0", 4);
		break;
	case TEXT_BEHIND:
		sl_buf_add_str(data, "<html>");
		break;
	case ZEROS_THEN_TEXT:
		sl_buf_add(data, "\0\0\0\0<html>", 10);
		break;
	default:
		break;
	}
	if (change == ZEROS_THEN_MEMBER)
		compress_add(data, codec, "more", 4);
}

Test(codec_decoder, tells_failures_apart)
{
	static const struct {
		enum sl_codec codec; /* SL_CODEC_NONE = all that are sequences */
		enum change change;
		enum sl_decode_step wanted;
	} cases[] = {
		{ SL_CODEC_NONE, NOTHING, SL_DECODE_END },
		{ SL_CODEC_NONE, NO_BYTES, SL_DECODE_TRUNCATED },
		{ SL_CODEC_NONE, EMPTY_MEMBER, SL_DECODE_END },
		{ SL_CODEC_NONE, FOUR_ZEROS, SL_DECODE_END },
		{ SL_CODEC_NONE, ZEROS_THEN_MEMBER, SL_DECODE_END },
		{ SL_CODEC_NONE, TEXT_BEHIND, SL_DECODE_TRAILING },
		{ SL_CODEC_NONE, ZEROS_THEN_TEXT, SL_DECODE_TRAILING },
		{ SL_CODEC_NONE, TEXT_BEFORE, SL_DECODE_MISLABELED },
		{ SL_CODEC_GZIP, CHANGED_CHECK, SL_DECODE_CORRUPT },
		{ SL_CODEC_GZIP, CHANGED_LENGTH, SL_DECODE_CORRUPT },
		{ SL_CODEC_ZSTD, CHANGED_LENGTH, SL_DECODE_CORRUPT },
		{ SL_CODEC_XZ, CHANGED_CHECK, SL_DECODE_CORRUPT },
		{ SL_CODEC_BZIP2, CHANGED_LENGTH, SL_DECODE_CORRUPT },
		{ SL_CODEC_DEFLATE, CHANGED_LENGTH, SL_DECODE_CORRUPT },
		{ SL_CODEC_GZIP, ZERO, SL_DECODE_END },
		{ SL_CODEC_XZ, ZERO, SL_DECODE_TRAILING }, /* padding of xz: multiples of 4 */
		{ SL_CODEC_DEFLATE, NOTHING, SL_DECODE_END },
		{ SL_CODEC_DEFLATE, NO_BYTES, SL_DECODE_TRUNCATED },
		{ SL_CODEC_DEFLATE, TEXT_BEHIND, SL_DECODE_TRAILING },
		{ SL_CODEC_DEFLATE, ZEROS_THEN_MEMBER, SL_DECODE_TRAILING }, /* no sequence */
		{ SL_CODEC_BROTLI, NOTHING, SL_DECODE_END },
		{ SL_CODEC_BROTLI, NO_BYTES, SL_DECODE_TRUNCATED },
		{ SL_CODEC_BROTLI, EMPTY_MEMBER, SL_DECODE_END },
		{ SL_CODEC_BROTLI, FOUR_ZEROS, SL_DECODE_END },
		{ SL_CODEC_BROTLI, TEXT_BEHIND, SL_DECODE_TRAILING },
		{ SL_CODEC_BROTLI, ZEROS_THEN_MEMBER, SL_DECODE_TRAILING },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		for (size_t j = 0; j < SL_COUNT_OF(formats); j++) {
			bool is_all = cases[i].codec == SL_CODEC_NONE;
			enum sl_codec codec = formats[j];
			struct sl_buf data = { 0 };
			if (is_all ? !sl_codec_has_magic(codec) : codec != cases[i].codec)
				continue;
			make(&data, codec, cases[i].change);
			cr_expect_eq(outcome(codec, &data), cases[i].wanted, "case %zu: %s", i,
				sl_codec_name(codec));
			sl_buf_release(&data);
		}
	}
}

Test(codec_decoder, decodes_deflate_without_a_header)
{
	struct sl_buf text = { 0 }, data = { 0 }, out = { 0 };
	compress_make_text(&text, 3000);
	compress_add_raw(&data, text.data, text.len);
	for (size_t cut = 0; cut <= data.len; cut++) {
		sl_buf_clear(&out);
		cr_assert_eq(decode_cut(SL_CODEC_DEFLATE, sl_buf_span(&data), cut, 100, &out),
			SL_DECODE_END);
		cr_assert(sl_span_equal(sl_buf_span(&out), sl_buf_span(&text)));
	}
	sl_buf_release(&text);
	sl_buf_release(&data);
	sl_buf_release(&out);
}

/* A frame of zstd that was made with a dictionary, a stream of xz with a check that is not
 * defined. */
Test(codec_decoder, tells_what_is_not_supported_from_damage)
{
	static const char with_dictionary[] = "\x28\xb5\x2f\xfd\x21\7\4\x21\0\0text";
	static const char stream_flags[] = "\0\2\xd3\x73\xd7\xaf";
	struct sl_buf data = { 0 };
	sl_buf_add(&data, with_dictionary, sizeof(with_dictionary) - 1);
	cr_expect_eq(outcome(SL_CODEC_ZSTD, &data), SL_DECODE_UNSUPPORTED);
	sl_buf_clear(&data);
	compress_add(&data, SL_CODEC_XZ, "text", 4);
	memcpy(data.data + 6, stream_flags, sizeof(stream_flags) - 1);
	cr_expect_eq(outcome(SL_CODEC_XZ, &data), SL_DECODE_UNSUPPORTED);
	sl_buf_release(&data);
}

/* A header of gzip with a CRC of its own, alone and behind all the fields that may precede it. */
Test(codec_decoder, verifies_the_crc_of_a_header)
{
	static const char body[] = "\x2b\x49\xad\x28\x01\x00" /* "text" */
				   "\xc7\xa7\x8b\x3b\4\0\0";
	static const struct {
		const char *header;
		size_t len;
	} cases[] = {
		{ "\x1f\x8b\x08\x02\0\0\0\0\0\3"
		  "\xa7\x77",
			12 },
		{ "\x1f\x8b\x08\x1e\0\0\0\0\0\3"
		  "\3\0abc"
		  "name\0"
		  "words\0"
		  "\x8a\x9a",
			28 },
	};
	struct sl_buf data = { 0 }, out = { 0 };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		sl_buf_add(&data, cases[i].header, cases[i].len);
		sl_buf_add(&data, body, sizeof(body));
		cr_expect_eq(outcome(SL_CODEC_GZIP, &data), SL_DECODE_END, "case %zu", i);
	}
	cr_expect_eq(decode(SL_CODEC_GZIP, &data, &out), SL_DECODE_END);
	cr_expect(sl_span_is(sl_buf_span(&out), "texttext"));
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		sl_buf_clear(&data);
		sl_buf_add(&data, cases[i].header, cases[i].len);
		cr_expect_eq(outcome(SL_CODEC_GZIP, &data), SL_DECODE_TRUNCATED, "case %zu", i);
		data.data[data.len - 1] ^= 1;
		cr_expect_eq(outcome(SL_CODEC_GZIP, &data), SL_DECODE_CORRUPT, "case %zu", i);
	}
	sl_buf_release(&data);
	sl_buf_release(&out);
}

/* CVE-2022-37434 (zlib): an extra field that came in pieces was copied behind the end of a buffer.
 * The largest one, and names beyond any buffer. */
Test(codec_decoder, skips_fields_of_a_header_of_any_size)
{
	static const char body[] = "\x2b\x49\xad\x28\x01\x00" /* "text" */
				   "\xc7\xa7\x8b\x3b\4\0\0";
	static const size_t extra = 65535, name = 200000;
	struct sl_buf data = { 0 }, out = { 0 };
	sl_buf_add(&data, "\x1f\x8b\x08\x1c\0\0\0\0\0\3\xff\xff", 12);
	for (size_t i = 0; i < extra; i++)
		sl_buf_add_char(&data, (char)(i * 31));
	for (int fields = 0; fields < 2; fields++) {
		for (size_t i = 0; i < name; i++)
			sl_buf_add_char(&data, '/');
		sl_buf_add_char(&data, '\0');
	}
	size_t head = data.len;
	sl_buf_add(&data, body, sizeof(body));
	const size_t cuts[] = { 10, 11, 12, 13, 12 + extra / 2, 12 + extra - 1, 12 + extra,
		12 + extra + 1, 12 + extra + name, head - 1, head, head + 1 };
	for (size_t i = 0; i < SL_COUNT_OF(cuts); i++) {
		sl_buf_clear(&out);
		cr_expect_eq(decode_cut(SL_CODEC_GZIP, sl_buf_span(&data), cuts[i], 100, &out),
			SL_DECODE_END, "cut at %zu", cuts[i]);
		cr_expect(sl_span_is(sl_buf_span(&out), "text"), "cut at %zu", cuts[i]);
		sl_buf_clear(&out);
		cr_expect_eq(decode_cut(SL_CODEC_GZIP, sl_span(data.data, head - 1), cuts[i] / 2,
				     100, &out),
			SL_DECODE_TRUNCATED, "cut at %zu", cuts[i] / 2);
	}
	sl_buf_release(&data);
	sl_buf_release(&out);
}

/* Its fields could not be skipped. The same with zlib and ISA-L, for any cut. */
Test(codec_decoder, refuses_a_header_with_reserved_flags)
{
	for (unsigned flag = 0x20; flag <= 0x80; flag *= 2) {
		struct sl_buf data = { 0 }, out = { 0 };
		compress_add(&data, SL_CODEC_GZIP, "text", 4);
		size_t second = data.len;
		compress_add(&data, SL_CODEC_GZIP, "text", 4);
		cr_expect_eq(outcome(SL_CODEC_GZIP, &data), SL_DECODE_END);
		data.data[second + 3] = (char)flag;
		for (size_t cut = 0; cut <= data.len; cut++) {
			sl_buf_clear(&out);
			cr_expect_eq(decode_cut(SL_CODEC_GZIP, sl_buf_span(&data), cut, 100, &out),
				SL_DECODE_CORRUPT, "%#x, cut at %zu", flag, cut);
			cr_expect(sl_span_is(sl_buf_span(&out), "text"));
		}
		data.len = second + 4;
		cr_expect_eq(outcome(SL_CODEC_GZIP, &data), SL_DECODE_CORRUPT, "no more");
		sl_buf_release(&data);
		sl_buf_release(&out);
	}
}

Test(codec_decoder, skips_skippable_frames_of_zstd)
{
	static const char skippable[] = "\x5a\x2a\x4d\x18\3\0\0\0abc";
	struct sl_buf data = { 0 }, out = { 0 };
	sl_buf_add(&data, skippable, sizeof(skippable) - 1);
	cr_expect_eq(outcome(SL_CODEC_ZSTD, &data), SL_DECODE_END);
	compress_add(&data, SL_CODEC_ZSTD, "text", 4);
	sl_buf_add(&data, skippable, sizeof(skippable) - 1);
	cr_expect_eq(outcome(SL_CODEC_ZSTD, &data), SL_DECODE_END);
	cr_expect_eq(decode(SL_CODEC_ZSTD, &data, &out), SL_DECODE_END);
	cr_expect(sl_span_is(sl_buf_span(&out), "text"));
	data.len--;
	cr_expect_eq(outcome(SL_CODEC_ZSTD, &data), SL_DECODE_TRUNCATED);
	sl_buf_release(&data);
	sl_buf_release(&out);
}

/* Bytes on the heap now (0 under sanitizers, which have a heap of their own). */
static size_t
heap(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

Test(codec_decoder, stays_within_its_memory)
{
	static const struct {
		enum sl_codec codec;
		size_t most;
	} cases[] = {
		{ SL_CODEC_GZIP, 96 * SL_KIB },
		{ SL_CODEC_DEFLATE, 48 * SL_KIB },
		{ SL_CODEC_BZIP2, 4 * SL_MIB },
		{ SL_CODEC_ZSTD, WINDOW + SL_MIB },
		{ SL_CODEC_XZ, WINDOW + SL_MIB },
		{ SL_CODEC_BROTLI, WINDOW + WINDOW / 2 + SL_MIB },
	};
	unsigned char out[4096];
	struct sl_buf text = { 0 };
	compress_make_text(&text, 2 * WINDOW);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf data = { 0 };
		enum sl_codec codec = cases[i].codec;
		size_t most = 0;
		if (cases[i].most > WINDOW)
			compress_add_window(&data, codec, 23, text.data, text.len);
		else
			compress_add(&data, codec, text.data, text.len);
		size_t before = heap();
		struct sl_decoder *decoder = sl_decoder_new(codec, WINDOW);
		struct sl_decode_io io = {
			.in = (unsigned char *)data.data, .in_len = data.len, .is_last = true
		};
		enum sl_decode_step step;
		do {
			io.out = out;
			io.out_len = sizeof(out);
			step = sl_decoder_step(decoder, &io);
			most = SL_MAX(most, heap() - before);
		} while (step == SL_DECODE_FULL);
		cr_expect_eq(step, SL_DECODE_END);
		cr_expect_leq(most, cases[i].most, "%s: %zu", sl_codec_name(codec), most);
		sl_decoder_free(decoder);
		sl_buf_release(&data);
	}
	sl_buf_release(&text);
}

Test(codec_decoder, refuses_windows_above_the_limit)
{
	static const enum sl_codec with_windows[] = { SL_CODEC_ZSTD, SL_CODEC_XZ, SL_CODEC_BROTLI };
	for (size_t i = 0; i < SL_COUNT_OF(with_windows); i++) {
		struct sl_buf data = { 0 };
		compress_add_window(&data, with_windows[i], 23, "text", 4);
		cr_expect_eq(outcome(with_windows[i], &data), SL_DECODE_END, "8 MiB, the limit");
		sl_buf_clear(&data);
		compress_add_window(&data, with_windows[i], 24, "text", 4);
		cr_expect_eq(outcome(with_windows[i], &data), SL_DECODE_WINDOW, "16 MiB");
		sl_buf_release(&data);
	}
}

/* Of all sizes that the format has (RFC 7932, 9.1), against what the library has been asked for. */
Test(codec_decoder, reads_the_window_of_brotli)
{
	for (int log = 10; log <= 24; log++) {
		struct sl_buf data = { 0 };
		uint64_t window = (uint64_t)1 << log;
		compress_add_window(&data, SL_CODEC_BROTLI, log, "text", 4);
		struct sl_decoder *decoder = sl_decoder_new(SL_CODEC_BROTLI, window - 1);
		unsigned char out[16];
		struct sl_decode_io io = { .in = (unsigned char *)data.data,
			.in_len = data.len,
			.out = out,
			.out_len = sizeof(out),
			.is_last = true };
		cr_expect_eq(sl_decoder_step(decoder, &io), SL_DECODE_WINDOW, "%d", log);
		cr_expect_eq(sl_decoder_window(decoder), window, "%d", log);
		cr_expect(sl_decoder_raise_window(decoder, window));
		cr_expect_eq(sl_decoder_step(decoder, &io), SL_DECODE_END, "%d", log);
		cr_expect_eq(memcmp(out, "text", 4), 0);
		sl_decoder_free(decoder);
		sl_buf_release(&data);
	}
}

/* Windows of up to 1 GiB, which an extension has. */
Test(codec_decoder, refuses_brotli_with_a_large_window)
{
	struct sl_buf data = { 0 };
	char reason[SL_DECODE_REASON];
	sl_buf_add(&data, "\x11\x1e\x03", 3);
	cr_expect_eq(outcome(SL_CODEC_BROTLI, &data), SL_DECODE_UNSUPPORTED);
	sl_decode_reason(SL_DECODE_UNSUPPORTED, SL_CODEC_BROTLI, 0, reason);
	cr_expect_str_eq(reason, "the brotli data has a large window, which is not supported");
	sl_buf_release(&data);
}

/* The bits that fill the last byte are zero (RFC 7932, 9.2). */
Test(codec_decoder, refuses_brotli_that_is_not_well_formed)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = { { "\x86", 1 }, /* an empty stream, then a bit */
		{ "\x0e", 1 },       /* a reserved bit */
		{ "<html>", 6 }, { "{\"a\":1}", 7 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf data = { 0 };
		sl_buf_add(&data, cases[i].bytes, cases[i].len);
		cr_expect_eq(outcome(SL_CODEC_BROTLI, &data), SL_DECODE_CORRUPT, "case %zu", i);
		sl_buf_release(&data);
	}
}

/* A header may give content size and window at once: the limit holds for small content too, however
 * the frame is cut. */
Test(codec_decoder, refuses_a_window_also_if_the_content_is_small)
{
	static const char frame[] = "\x28\xb5\x2f\xfd"
				    "\x40"         /* descriptor: a size of 2 bytes, a window */
				    "\x70"         /* 2^24 */
				    "\0\0"         /* 256 bytes */
				    "\x03\x08\0x"; /* the last block: one byte 256 times */
	struct sl_buf data = { 0 }, out = { 0 };
	sl_buf_add(&data, frame, sizeof(frame) - 1);
	cr_expect_eq(outcome(SL_CODEC_ZSTD, &data), SL_DECODE_WINDOW);
	data.data[5] = 0x50; /* 2^20 */
	cr_expect_eq(outcome(SL_CODEC_ZSTD, &data), SL_DECODE_END);
	cr_expect_eq(decode(SL_CODEC_ZSTD, &data, &out), SL_DECODE_END);
	cr_expect_eq(out.len, 256);
	sl_buf_release(&data);
	sl_buf_release(&out);
}

/* Libzstd could take the end of a header for the beginning of another frame. */
Test(codec_decoder, decodes_a_header_that_looks_like_a_skippable_frame)
{
	static const char frame[] = "\x28\xb5\x2f\xfd"
				    "\x50"          /* a size of 2 bytes, a window; an unused bit */
				    "\x2a"          /* 40 KiB */
				    "\x4d\x18"      /* 6477 bytes */
				    "\x0a\0\0\0"    /* one byte; as a frame's length: 10 */
				    "\x63\xca\0x"   /* the last block: 6476 bytes */
				    "\0\0\0\0\0\0"; /* padding */
	struct sl_buf out = { 0 };
	for (size_t cut = 0; cut < sizeof(frame); cut++) {
		struct sl_span data = sl_span(frame, sizeof(frame) - 1);
		sl_buf_clear(&out);
		cr_expect_eq(decode_cut(SL_CODEC_ZSTD, data, cut, 8000, &out), SL_DECODE_END);
		cr_expect_eq(out.len, 6477, "%zu bytes if cut at %zu", out.len, cut);
	}
	sl_buf_release(&out);
}

/* Zeros, as far as the decoder goes on; returns how many bytes it wrote. */
static uint64_t
inflate_zeros(enum sl_codec codec, uint64_t len, enum sl_decode_step *step)
{
	struct sl_buf data = { 0 };
	char *zeros = calloc(1, len);
	unsigned char *out = malloc(SL_MIB);
	uint64_t produced = 0;
	compress_add(&data, codec, zeros, len);
	struct sl_decoder *decoder = sl_decoder_new(codec, WINDOW);
	struct sl_decode_io io = {
		.in = (unsigned char *)data.data, .in_len = data.len, .is_last = true
	};
	do {
		io.out = out;
		io.out_len = SL_MIB;
		*step = sl_decoder_step(decoder, &io);
		produced += SL_MIB - io.out_len;
	} while (*step == SL_DECODE_FULL);
	sl_decoder_free(decoder);
	sl_buf_release(&data);
	free(zeros);
	free(out);
	return produced;
}

Test(codec_decoder, stops_at_a_ratio_that_only_fills_disks)
{
	enum sl_decode_step step;
	cr_expect_eq(inflate_zeros(SL_CODEC_BZIP2, 64 * SL_MIB, &step), 64 * SL_MIB);
	cr_expect_eq(step, SL_DECODE_END, "up to 64 MiB any ratio is fine");
	cr_expect_leq(inflate_zeros(SL_CODEC_BZIP2, 80 * SL_MIB, &step), 65 * SL_MIB);
	cr_expect_eq(step, SL_DECODE_BOMB);
	cr_expect_leq(inflate_zeros(SL_CODEC_ZSTD, 80 * SL_MIB, &step), 66 * SL_MIB);
	cr_expect_eq(step, SL_DECODE_BOMB);
	cr_expect_leq(inflate_zeros(SL_CODEC_BROTLI, 80 * SL_MIB, &step), 66 * SL_MIB);
	cr_expect_eq(step, SL_DECODE_BOMB);
	cr_expect_eq(inflate_zeros(SL_CODEC_GZIP, 80 * SL_MIB, &step), 80 * SL_MIB);
	cr_expect_eq(step, SL_DECODE_END, "gzip cannot exceed 1032");
}

Test(codec_decoder, keeps_its_failure)
{
	struct sl_buf out = { 0 };
	struct sl_decoder *decoder = sl_decoder_new(SL_CODEC_GZIP, WINDOW);
	const unsigned char *text = (const unsigned char *)"text";
	cr_expect_eq(feed(decoder, text, 4, false, 10, &out), SL_DECODE_MISLABELED);
	cr_expect_eq(feed(decoder, text, 4, true, 10, &out), SL_DECODE_MISLABELED);
	sl_decoder_free(decoder);
	sl_buf_release(&out);
}

Test(codec_decoder, has_a_reason_for_each_failure)
{
	char reason[SL_DECODE_REASON], before[SL_DECODE_REASON] = "";
	for (enum sl_decode_step step = SL_DECODE_TRUNCATED; step <= SL_DECODE_NO_MEMORY; step++) {
		sl_decode_reason(step, SL_CODEC_ZSTD, 64 * SL_MIB, reason);
		cr_expect(sl_decode_is_failure(step));
		cr_expect_str_neq(reason, before);
		memcpy(before, reason, sizeof(before));
	}
	sl_decode_reason(SL_DECODE_WINDOW, SL_CODEC_ZSTD, 64 * SL_MIB, reason);
	cr_expect_str_eq(reason, "the zstd data needs a window of more than 64 MiB");
	sl_decode_reason(SL_DECODE_WINDOW, SL_CODEC_ZSTD, 0, reason);
	cr_expect_str_eq(reason, "the zstd data needs memory for a window");
}
