/* Compressed lists. */
#include "support/compress.h"
#include "support/entries.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const enum sl_codec codecs[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ, SL_CODEC_BZIP2 };

static const char text[] = "http://a/x\thttp://b/x\n out=y\nhttp://c/z\n";
static const char want[] = "1 http://a/x http://b/x out=y\n3 http://c/z\n";

static void
expect(struct sl_span list, const char *expected)
{
	struct entries_reading reading = { 0 };
	struct sl_buf got = { 0 };
	cr_expect(entries_are(list, expected, &reading, &got),
		"fed as %zu and %zu: got '%s', want '%s'", reading.first, reading.step,
		got.data ? got.data : "", expected);
	sl_buf_release(&got);
}

Test(manifest_codec, a_compressed_list_is_read_as_the_list_in_it)
{
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++) {
		struct sl_buf list = { 0 };
		compress_add(&list, codecs[i], text, sizeof(text) - 1);
		expect(sl_buf_span(&list), want);
		sl_buf_release(&list);
	}
}

Test(manifest_codec, all_members_are_read_and_lines_may_cross_them)
{
	struct sl_buf list = { 0 };
	compress_add(&list, SL_CODEC_GZIP, text, 5);
	compress_add(&list, SL_CODEC_GZIP, "", 0);
	compress_add(&list, SL_CODEC_GZIP, text + 5, sizeof(text) - 6);
	expect(sl_buf_span(&list), want);
	sl_buf_release(&list);
}

Test(manifest_codec, a_long_one_reads_as_it_does_without_compression)
{
	struct sl_buf plain = { 0 }, expected = { 0 };
	for (unsigned i = 0; i < 60000; i++)
		sl_buf_printf(&plain, "http://host/%u/%u\n", i * 2654435761u, i);
	entries_read(&expected, sl_buf_span(&plain), &(struct entries_reading){ 0 });
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++) {
		struct entries_reading reading = { .first = 3, .step = 70000 };
		struct sl_buf list = { 0 }, got = { 0 };
		compress_add(&list, codecs[i], plain.data, plain.len);
		entries_read(&got, sl_buf_span(&list), &reading);
		cr_expect_str_eq(got.data, expected.data, "%s", sl_codec_name(codecs[i]));
		sl_buf_release(&list);
		sl_buf_release(&got);
	}
	sl_buf_release(&plain);
	sl_buf_release(&expected);
}

static bool
ends_with(const struct sl_buf *got, const char *end)
{
	size_t len = strlen(end);
	return got->len >= len && memcmp(got->data + got->len - len, end, len) == 0;
}

/* The entries in front of a cut are there, and an entry that the cut may have changed is not. */
Test(manifest_codec, a_cut_list_gives_what_is_complete_and_then_fails)
{
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++) {
		struct sl_buf list = { 0 };
		compress_add(&list, codecs[i], text, sizeof(text) - 1);
		for (size_t cut = 10; cut < list.len; cut++) {
			struct entries_reading reading = { .messages = true };
			struct sl_buf got = { 0 };
			entries_read(&got, sl_span(list.data, cut), &reading);
			const char *broken = strstr(got.data, "!!");
			size_t len = broken ? (size_t)(broken - got.data) : 0;
			cr_expect(
				broken && ends_with(&got, " data is truncated\n"), "%s", got.data);
			cr_expect(len < sizeof(want) - 1 && memcmp(got.data, want, len) == 0, "%s",
				got.data);
			sl_buf_release(&got);
		}
		sl_buf_release(&list);
	}
}

Test(manifest_codec, a_damaged_list_fails_behind_what_was_read)
{
	struct sl_buf list = { 0 };
	compress_add(&list, SL_CODEC_GZIP, text, sizeof(text) - 1);
	list.data[list.len - 5] ^= 1; /* of the CRC */
	expect(sl_buf_span(&list), "1 http://a/x http://b/x out=y\n!!\n");
	sl_buf_release(&list);
	compress_add(&list, SL_CODEC_GZIP, text, sizeof(text) - 1);
	sl_buf_add_str(&list, "http://d/\n");
	expect(sl_buf_span(&list), "1 http://a/x http://b/x out=y\n!!\n");
	sl_buf_release(&list);
}

/* "http://a/x" and a match of 12 bytes at a distance that there is not, with room behind it for the
 * decoder's fast loop: neither the match nor what is in memory instead of it ends the line. */
Test(manifest_codec, damage_adds_nothing_to_the_list)
{
	static const unsigned char damaged[64] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x28,
		0x29, 0x29, 0xb0, 0xd2, 0xd7, 0x4f, 0xd4, 0xaf, 0x40, 0xb6, 0x00 };
	expect(sl_span((const char *)damaged, sizeof(damaged)), "!!\n");
}

Test(manifest_codec, what_is_compressed_may_be_something_else)
{
	static const char zeros[100000];
	struct sl_buf list = { 0 };
	compress_add(&list, SL_CODEC_GZIP, zeros, sizeof(zeros));
	expect(sl_buf_span(&list), "!!\n");
	sl_buf_release(&list);
	compress_add(&list, SL_CODEC_GZIP, "\xff\xfeh\0", 4);
	expect(sl_buf_span(&list), "!!\n");
	sl_buf_release(&list);
	compress_add(&list, SL_CODEC_GZIP, "", 0);
	expect(sl_buf_span(&list), "");
	sl_buf_release(&list);
}
