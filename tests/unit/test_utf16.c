/* UTF-16 as UTF-8: against a naive conversion, for every cut of the input and every room. */
#include "sluice/codec/utf16.h"

#include "sluice/base/random.h"
#include "support/guard.h"

#include <criterion/criterion.h>

static void
add_naively(struct sl_buf *out, uint32_t c)
{
	char bytes[] = { (char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
		(char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f)) };
	unsigned len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (len == 1)
		bytes[3] = (char)c;
	else if (len == 2)
		bytes[2] = (char)(0xc0 | c >> 6);
	else if (len == 3)
		bytes[1] = (char)(0xe0 | c >> 12);
	sl_buf_add(out, bytes + 4 - len, len);
}

static void
convert_naively(struct sl_buf *out, const uint16_t *units, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool is_high = units[i] >= 0xd800 && units[i] < 0xdc00;
		bool has_low = i + 1 < count && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000;
		if (is_high && has_low) {
			add_naively(out,
				0x10000u + ((units[i] - 0xd800u) << 10) + (units[i + 1] - 0xdc00u));
			i++;
		} else {
			bool is_half = units[i] >= 0xd800 && units[i] < 0xe000;
			add_naively(out, is_half ? 0xfffd : units[i]);
		}
	}
}

static enum sl_decode_step
feed(struct sl_utf16 *utf16, struct sl_span data, bool is_last, size_t room, struct sl_buf *out)
{
	struct guard in, place;
	enum sl_decode_step step;
	guard_init(&in, data.len + 1);
	guard_init(&place, room);
	struct sl_decode_io io = {
		.in = (const unsigned char *)guard_place(&in, data.data, data.len),
		.in_len = data.len,
		.is_last = is_last,
	};
	do {
		char zeros[64] = { 0 };
		unsigned char *text = (unsigned char *)guard_place(&place, zeros, room);
		io.out = text;
		io.out_len = room;
		step = sl_utf16_step(utf16, &io);
		sl_buf_add(out, text, (size_t)(io.out - text));
		cr_assert(step != SL_DECODE_FULL || io.out_len == 0 || room < SL_UTF16_TEXT_MAX);
		cr_assert(step != SL_DECODE_MORE || io.in_len == 0);
	} while (step == SL_DECODE_FULL);
	guard_release(&in);
	guard_release(&place);
	return step;
}

static void
check_cuts(enum sl_utf16_order order, struct sl_span data, struct sl_span want,
	enum sl_decode_step ended)
{
	struct sl_buf out = { 0 };
	for (size_t cut = 0; cut <= data.len; cut++) {
		struct sl_utf16 utf16 = { .order = order };
		size_t room = 1 + cut % 9;
		sl_buf_clear(&out);
		enum sl_decode_step step = feed(&utf16, sl_span(data.data, cut), false, room, &out);
		cr_assert_eq(step, SL_DECODE_MORE);
		step = feed(&utf16, sl_span(data.data + cut, data.len - cut), true, room, &out);
		cr_assert_eq(step, ended, "cut at %zu", cut);
		cr_assert(sl_span_equal(sl_buf_span(&out), want), "cut at %zu: %.*s", cut,
			(int)out.len, out.data);
	}
	sl_buf_release(&out);
}

Test(codec_utf16, each_cut_gives_the_text_of_a_naive_conversion)
{
	static const uint16_t special[] = { 0, '\n', 0x7f, 0x80, 0x7ff, 0x800, 0xd800, 0xdbff,
		0xdc00, 0xdfff, 0xe000, 0xfffd, 0xffff };
	struct sl_random random;
	sl_random_init(&random, 1);
	for (unsigned round = 0; round < 300; round++) {
		uint16_t units[40];
		struct sl_buf want = { 0 };
		char bytes[2 * SL_COUNT_OF(units)];
		size_t count = sl_random_below(&random, SL_COUNT_OF(units));
		bool is_big = round % 2;
		for (size_t i = 0; i < count; i++) {
			size_t which = sl_random_below(&random, 2 * SL_COUNT_OF(special));
			units[i] = which < SL_COUNT_OF(special) ? special[which]
								: (uint16_t)('a' + which);
			bytes[2 * i + is_big] = (char)(units[i] & 0xff);
			bytes[2 * i + !is_big] = (char)(units[i] >> 8);
		}
		convert_naively(&want, units, count);
		check_cuts(is_big ? SL_UTF16_BE : SL_UTF16_LE, sl_span(bytes, 2 * count),
			sl_buf_span(&want), SL_DECODE_END);
		sl_buf_release(&want);
	}
}

Test(codec_utf16, the_mark_tells_the_order_and_is_no_text)
{
	static const struct {
		enum sl_utf16_order order;
		struct sl_span data;
		const char *text;
		enum sl_decode_step ended;
	} cases[] = {
		{ SL_UTF16_MARK,
			{ "\xff\xfe"
			  "a\0b\0",
				6 },
			"ab", SL_DECODE_END },
		{ SL_UTF16_MARK, { "\xfe\xff\0a\0b", 6 }, "ab", SL_DECODE_END },
		{ SL_UTF16_LE,
			{ "\xff\xfe"
			  "a\0",
				4 },
			"a", SL_DECODE_END },
		{ SL_UTF16_LE, { "a\0\xff\xfe", 4 }, "a\xef\xbb\xbf", SL_DECODE_END },
		{ SL_UTF16_MARK, { "", 0 }, "", SL_DECODE_END },
		{ SL_UTF16_LE, { "a\0b", 3 }, "a", SL_DECODE_TRUNCATED },
		{ SL_UTF16_LE, { "a\0\x3d\xd8", 4 }, "a\xef\xbf\xbd", SL_DECODE_END },
		{ SL_UTF16_LE, { "\x3d\xd8\x00\xde", 4 }, "\xf0\x9f\x98\x80", SL_DECODE_END },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		check_cuts(
			cases[i].order, cases[i].data, sl_span_str(cases[i].text), cases[i].ended);
}
