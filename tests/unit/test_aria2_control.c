/* Control files of aria2: written as aria2 does, cut, and changed. */
#include "sluice/download/aria2_control.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 16384u
#define UNITS 400u

/* What the tests write: a file of `units` blocks, the last of them `tail` bytes short, in pieces of
 * `piece_units` blocks. */
struct control {
	bool big_endian;
	unsigned piece_units, units, tail;
	bool has_block[UNITS];
	struct sl_buf text;
};

static void
add_number(struct control *control, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		size_t shift = control->big_endian ? bytes - 1 - i : i;
		sl_buf_add_char(&control->text, (char)(value >> (8 * shift)));
	}
}

static unsigned
piece_count(const struct control *control)
{
	return (control->units + control->piece_units - 1) / control->piece_units;
}

static uint64_t
total_of(const struct control *control)
{
	return (uint64_t)control->units * BLOCK - control->tail;
}

/* Blocks of a piece that are there. */
static unsigned
done_of(const struct control *control, unsigned piece, unsigned *size)
{
	unsigned first = piece * control->piece_units, done = 0;
	*size = SL_MIN(control->piece_units, control->units - first);
	for (unsigned i = 0; i < *size; i++)
		done += control->has_block[first + i];
	return done;
}

static void
add_bits(struct control *control, const bool *bits, unsigned count)
{
	unsigned char byte = 0;
	add_number(control, (count + 7) / 8, 4);
	for (unsigned i = 0; i < count; i++) {
		byte |= (unsigned char)(bits[i] ? 0x80 >> (i % 8) : 0);
		if (i % 8 == 7 || i + 1 == count) {
			sl_buf_add_char(&control->text, (char)byte);
			byte = 0;
		}
	}
}

static void
add_in_flight(struct control *control)
{
	unsigned size, partly = 0;
	for (unsigned i = 0; i < piece_count(control); i++) {
		unsigned done = done_of(control, i, &size);
		partly += done > 0 && done < size;
	}
	add_number(control, partly, 4);
	/* in no order */
	for (unsigned i = piece_count(control); i-- > 0;) {
		unsigned done = done_of(control, i, &size);
		uint64_t begin = (uint64_t)i * control->piece_units * BLOCK;
		if (done == 0 || done == size)
			continue;
		add_number(control, i, 4);
		add_number(control, SL_MIN((uint64_t)size * BLOCK, total_of(control) - begin), 4);
		add_bits(control, control->has_block + i * control->piece_units, size);
	}
}

static void
write_control(struct control *control)
{
	bool pieces[UNITS];
	unsigned size;
	for (unsigned i = 0; i < piece_count(control); i++)
		pieces[i] = done_of(control, i, &size) == size;
	sl_buf_add(&control->text, control->big_endian ? "\0\1" : "\0\0", 2);
	add_number(control, 0, 4);
	add_number(control, 0, 4);
	add_number(control, (uint64_t)control->piece_units * BLOCK, 4);
	add_number(control, total_of(control), 8);
	add_number(control, 0, 8);
	add_bits(control, pieces, piece_count(control));
	add_in_flight(control);
}

static void
make_random(struct control *control, uint64_t seed)
{
	struct sl_random random;
	sl_random_init(&random, seed);
	*control = (struct control){ .big_endian = seed % 2,
		.piece_units = 1 + (unsigned)sl_random_below(&random, 40),
		.units = 1 + (unsigned)sl_random_below(&random, UNITS),
		.tail = (unsigned)sl_random_below(&random, BLOCK) };
	bool has = false;
	for (unsigned i = 0; i < control->units; i++) {
		if (sl_random_below(&random, 8) == 0)
			has = !has;
		control->has_block[i] = has;
	}
	write_control(control);
}

static void
expect_blocks(const struct sl_aria2_control *got, const struct control *control)
{
	uint64_t before = 0, done = 0, want = 0;
	cr_assert_eq(got->total, total_of(control));
	for (size_t i = 0; i < got->count; i++) {
		cr_assert(i == 0 || got->done[i].begin > before, "sorted and apart");
		cr_assert_lt(got->done[i].begin, got->done[i].end);
		before = got->done[i].end;
		done += got->done[i].end - got->done[i].begin;
		for (uint64_t off = got->done[i].begin; off < got->done[i].end; off += BLOCK)
			cr_assert(control->has_block[off / BLOCK]);
	}
	cr_assert_leq(before, got->total);
	for (unsigned i = 0; i < control->units; i++)
		want += !control->has_block[i]   ? 0
			: i + 1 < control->units ? BLOCK
						 : BLOCK - control->tail;
	cr_assert_eq(done, want);
}

Test(aria2_control, what_aria2_has_written_is_read)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct control control;
		struct sl_aria2_control got = { 0 };
		struct sl_error err = { 0 };
		make_random(&control, seed);
		cr_assert_eq(sl_aria2_control_read(&got, sl_buf_span(&control.text), &err), 0,
			"seed %llu: %s", (unsigned long long)seed, err.text);
		expect_blocks(&got, &control);
		sl_aria2_control_release(&got);
		sl_buf_release(&control.text);
	}
}

/* Written by aria2 1.36 for 3 MiB and 1 byte by three connections, interrupted; the blocks of its
 * file were compared with the original. */
Test(aria2_control, a_file_of_aria2_is_read)
{
	static const unsigned char text[] = { 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0,
		0, 0, 0x30, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0,
		0x10, 0, 0, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x10, 0,
		0, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x10, 0, 0, 0, 0,
		0, 8, 0xff, 0xff, 0xff, 0xc0, 0, 0, 0, 0 };
	static const struct sl_range want[] = { { 0, 28 }, { 64, 89 }, { 128, 154 } };
	struct sl_aria2_control got = { 0 };
	cr_assert_eq(
		sl_aria2_control_read(&got, sl_span((const char *)text, sizeof(text)), NULL), 0);
	cr_expect_eq(got.total, 3 * SL_MIB + 1);
	cr_assert_eq(got.count, SL_COUNT_OF(want));
	for (size_t i = 0; i < got.count; i++) {
		cr_expect_eq(got.done[i].begin, want[i].begin * BLOCK);
		cr_expect_eq(got.done[i].end, want[i].end * BLOCK);
	}
	sl_aria2_control_release(&got);
}

Test(aria2_control, one_that_is_cut_anywhere_or_too_long_is_refused)
{
	struct control control;
	make_random(&control, 3);
	for (size_t len = 0; len <= control.text.len + 1; len++) {
		struct sl_aria2_control got = { 0 };
		struct sl_error err = { 0 };
		/* flush against the end of its memory, for the sanitizer */
		char *copy = calloc(1, len + (len == 0));
		memcpy(copy, control.text.data, SL_MIN(len, control.text.len));
		int code = sl_aria2_control_read(&got, sl_span(copy, len), &err);
		cr_assert_eq(code, len == control.text.len ? 0 : SL_E_PROTO, "%zu bytes", len);
		cr_assert_eq(err.code, code);
		sl_aria2_control_release(&got);
		free(copy);
	}
	sl_buf_release(&control.text);
}

Test(aria2_control, with_any_bit_changed_it_is_refused_or_makes_sense)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct control control;
		make_random(&control, seed);
		for (size_t bit = 0; bit < control.text.len * 8; bit++) {
			struct sl_aria2_control got = { 0 };
			control.text.data[bit / 8] ^= (char)(1u << (bit % 8));
			int code = sl_aria2_control_read(&got, sl_buf_span(&control.text), NULL);
			control.text.data[bit / 8] ^= (char)(1u << (bit % 8));
			cr_assert(code == 0 || code == SL_E_PROTO || code == SL_E_UNSUPPORTED);
			cr_assert(code == 0 || (got.done == NULL && got.count == 0));
			for (size_t i = 0; i < got.count; i++)
				cr_assert(got.done[i].begin < got.done[i].end &&
					  got.done[i].end <= got.total);
			sl_aria2_control_release(&got);
		}
		sl_buf_release(&control.text);
	}
}

Test(aria2_control, a_torrent_another_version_and_a_huge_file_are_refused_with_the_reason)
{
	static const struct {
		unsigned char head[10];
		int want;
		const char *why;
	} cases[] = {
		{ { 0, 1, 0, 0, 0, 1, 0, 0, 0, 20 }, SL_E_UNSUPPORTED, "torrent" },
		{ { 0, 1, 0, 0, 0, 0, 0, 0, 0, 20 }, SL_E_UNSUPPORTED, "torrent" },
		{ { 0, 2, 0, 0, 0, 0, 0, 0, 0, 0 }, SL_E_UNSUPPORTED, "version" },
		{ { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, SL_E_UNSUPPORTED, "version" },
	};
	struct sl_aria2_control got = { 0 };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_error err = { 0 };
		cr_expect_eq(
			sl_aria2_control_read(&got, sl_span((const char *)cases[i].head, 10), &err),
			cases[i].want);
		cr_expect_not_null(strstr(err.text, cases[i].why), "%s", err.text);
	}
	struct sl_error err = { 0 };
	char *huge = calloc(1, SL_ARIA2_CONTROL_MAX + 1);
	cr_expect_eq(sl_aria2_control_read(&got, sl_span(huge, SL_ARIA2_CONTROL_MAX + 1), &err),
		SL_E_LIMIT);
	free(huge);
}
