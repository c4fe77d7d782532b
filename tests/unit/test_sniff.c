#include "sluice/scan/sniff.h"

#include "sluice/base/random.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct {
	const char *bytes;
	size_t len;
	enum sl_form form;
} cases[] = {
	{ "", 0, SL_FORM_PLAIN },
	{ "\x1f\x8b\x08\x00\x00", 5, SL_FORM_GZIP },
	{ "\x1f\x8b\x08", 3, SL_FORM_GZIP },
	{ "\x1f\x8b\x07", 3, SL_FORM_PLAIN },
	{ "\x1f\x8b", 2, SL_FORM_PLAIN },
	{ "\x28\xb5\x2f\xfd\x04", 5, SL_FORM_ZSTD },
	{ "\x50\x2a\x4d\x18", 4, SL_FORM_ZSTD },
	{ "\x5f\x2a\x4d\x18", 4, SL_FORM_ZSTD },
	{ "\x60\x2a\x4d\x18", 4, SL_FORM_PLAIN },
	{ "\xfd"
	  "7zXZ\0\0",
		7, SL_FORM_XZ },
	{ "7zXZ\0\0", 6, SL_FORM_PLAIN },
	{ "BZh91AY&SY\x12", 11, SL_FORM_BZIP2 },
	{ "BZh1\x17\x72\x45\x38\x50\x90", 10, SL_FORM_BZIP2 },
	{ "BZh9 is how bzip2 begins\n", 25, SL_FORM_PLAIN },
	{ "BZhx1AY&SY", 10, SL_FORM_PLAIN },
	{ "\xff\xfe", 2, SL_FORM_UTF16 },
	{ "\xff\xfe\0", 3, SL_FORM_UTF16 },
	{ "\xff\xfe"
	  "a\0",
		4, SL_FORM_UTF16 },
	{ "\xfe\xff\0a", 4, SL_FORM_UTF16 },
	{ "\0\0\xfe\xff", 4, SL_FORM_UTF32 },
	{ "\xff\xfe\0\0", 4, SL_FORM_UTF32 },
	{ "e\0r\0r\0o\0", 8, SL_FORM_UTF16LE },
	{ "e\0r\0r\0o\0r\0\r\0\n\0", 14, SL_FORM_UTF16LE },
	{ "\0e\0r\0r\0o", 8, SL_FORM_UTF16BE },
	{ "\0\0\0\0e\0r\0r\0o\0r\0", 14, SL_FORM_UTF16LE }, /* behind a hole */
	{ "\0\0\0\0\0e\0r\0r\0o\0r", 14, SL_FORM_UTF16BE },
	{ "x\ne\0r\0r\0o\0r\0\n\0", 14, SL_FORM_PLAIN }, /* it begins as text */
	{ "\n\0e\0r\0r\0o\0r\0\n\0", 14, SL_FORM_PLAIN },
	{ "a\0bc\0def\0g\0", 11, SL_FORM_PLAIN }, /* names that are separated by NULs */
	{ "abc\0def\0ghi\0", 12, SL_FORM_PLAIN },
	{ "e\0r\0r", 5, SL_FORM_PLAIN },
	{ "e\0r\0r\0o\1r\0", 10, SL_FORM_UTF16LE }, /* not all letters are ASCII */
	{ "e\0r\1r\0o\1r\0", 10, SL_FORM_PLAIN },
	{ "e\0r\0r\0o\0", 9, SL_FORM_UTF16LE }, /* half a character follows */
	{ "\0\0\0\0\0\0\0\0", 8, SL_FORM_PLAIN },
	{ "\x04\x22\x4d\x18\x64", 5, SL_FORM_LZ4 },
	{ "\x1f\x9d\x90", 3, SL_FORM_COMPRESS },
	{ "LZIP\1\x0c", 6, SL_FORM_LZIP },
	{ "LZIP is a format\n", 17, SL_FORM_PLAIN },
	{ "PK\3\4\x14", 5, SL_FORM_ZIP },
	{ "PKI error\n", 10, SL_FORM_PLAIN },
	{ "7z\xbc\xaf\x27\x1c", 6, SL_FORM_7Z },
	{ "Rar!\x1a\7\1", 7, SL_FORM_RAR },
	{ "\xef\xbb\xbf text", 8, SL_FORM_PLAIN }, /* UTF-8's mark */
	{ "2026-03-01 error\n", 17, SL_FORM_PLAIN },
};

Test(sniff, forms_are_told_by_their_first_bytes)
{
	struct guard guard;
	guard_init(&guard, 64);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const char *at = guard_place(&guard, cases[i].bytes, cases[i].len);
		cr_assert_eq(sl_sniff_form((const unsigned char *)at, cases[i].len), cases[i].form,
			"case %zu", i);
	}
	guard_release(&guard);
}

Test(sniff, what_is_compressed_and_not_decoded_is_binary_too)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		if (sl_form_is_foreign(cases[i].form))
			cr_assert(sl_sniff_is_binary(
					  (const unsigned char *)cases[i].bytes, cases[i].len),
				"case %zu", i);
}

Test(sniff, every_form_is_certain_with_the_bytes_that_are_asked_for)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		unsigned char bytes[64];
		memset(bytes, 'x', sizeof(bytes));
		memcpy(bytes, cases[i].bytes, cases[i].len);
		cr_assert_not(sl_sniff_wants_more(bytes, sizeof(bytes)), "case %zu", i);
	}
}

Test(sniff, more_bytes_are_wanted_only_while_they_could_tell)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const unsigned char *bytes = (const unsigned char *)cases[i].bytes;
		enum sl_form form = sl_sniff_form(bytes, cases[i].len);
		bool wanted = true;
		for (size_t len = 0; len < cases[i].len; len++) {
			bool more = sl_sniff_wants_more(bytes, len);
			cr_assert(wanted || !more, "case %zu: certain, and not any more", i);
			wanted = more;
			cr_assert(
				more || sl_sniff_form(bytes, len) == form, "case %zu: %zu", i, len);
		}
	}
	cr_expect(sl_sniff_wants_more((const unsigned char *)"BZh9", 4));
	cr_expect(sl_sniff_wants_more((const unsigned char *)"e\0r", 3));
	cr_expect(sl_sniff_wants_more((const unsigned char *)"\0e\0r", 4));
	cr_expect_not(sl_sniff_wants_more((const unsigned char *)"er", 2));
	cr_expect_not(sl_sniff_wants_more((const unsigned char *)"\n", 1));
	cr_expect(sl_sniff_wants_more((const unsigned char *)"e", 1));
}

/* Any number of bytes that a cut leaves of a magic number, and none at all. */
Test(sniff, a_name_tells_what_was_cut_within_its_magic_number)
{
	static const struct {
		const char *name, *magic;
		size_t len;
		enum sl_form form;
	} named[] = {
		{ "d/a.gz", "\x1f\x8b\x08", 3, SL_FORM_GZIP },
		{ "a.TGZ", "\x1f\x8b\x08", 3, SL_FORM_GZIP },
		{ "a.zst", "\x28\xb5\x2f\xfd", 4, SL_FORM_ZSTD },
		{ "a.zst", "\x5a\x2a\x4d\x18", 4, SL_FORM_ZSTD },
		{ "a.xz", "\xfd" "7zXZ\0", 6, SL_FORM_XZ },
		{ "a.bz2", "BZh91AY&SY", 10, SL_FORM_BZIP2 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(named); i++)
		for (size_t len = 0; len < named[i].len; len++) {
			const unsigned char *bytes = (const unsigned char *)named[i].magic;
			struct sl_span name = sl_span_str(named[i].name);
			cr_expect_eq(sl_sniff_named_form(name, bytes, len), named[i].form,
				"case %zu, %zu bytes", i, len);
			name.len -= 1;
			cr_expect_eq(sl_sniff_named_form(name, bytes, len), SL_FORM_PLAIN,
				"case %zu, %zu bytes with another name", i, len);
		}
}

Test(sniff, a_name_alone_makes_nothing_compressed)
{
	static const char *const texts[] = { "x", "error\n", "BZh error\n", "\x1f\x8b\x07",
		"BZh91AY&SX" };
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		const unsigned char *bytes = (const unsigned char *)texts[i];
		size_t len = strlen(texts[i]);
		cr_expect_eq(sl_sniff_named_form(sl_span_str("a.gz"), bytes, len), SL_FORM_PLAIN);
		cr_expect_eq(sl_sniff_named_form(sl_span_str("a.bz2"), bytes, len), SL_FORM_PLAIN);
	}
	cr_expect_eq(sl_sniff_named_form(sl_span_str(".gz"), NULL, 0), SL_FORM_PLAIN);
	cr_expect_eq(sl_sniff_named_form(sl_span_str("d.gz/a"), NULL, 0), SL_FORM_PLAIN);
	const unsigned char *zstd = (const unsigned char *)"\x28\xb5\x2f\xfd";
	cr_expect_eq(sl_sniff_named_form(sl_span_str("a.gz"), zstd, 4), SL_FORM_ZSTD);
	cr_expect_eq(sl_sniff_named_form(sl_span_str("a.gz"), zstd, 3), SL_FORM_PLAIN);
}

/* ---- binary ---- */

Test(sniff, what_is_binary_and_named_as_compressed_is_not_text)
{
	static const unsigned char bytes[] = "\x1f\x8c\x08\0\1\2\3 some text behind it, and more";
	static const unsigned char nuls[100];
	struct sl_span gz = sl_span_str("a.gz");
	for (size_t len = 4; len < sizeof(bytes); len++)
		cr_expect_eq(sl_sniff_named_form(gz, bytes, len), SL_FORM_GZIP, "%zu bytes", len);
	for (size_t len = 1; len < sizeof(nuls); len++)
		cr_expect_eq(sl_sniff_named_form(gz, nuls, len), SL_FORM_GZIP, "%zu NULs", len);
	cr_expect_eq(sl_sniff_named_form(sl_span_str("a.log"), bytes, sizeof(bytes)),
		SL_FORM_PLAIN);
	cr_expect_eq(sl_sniff_named_form(gz, bytes, 3), SL_FORM_PLAIN, "without a NUL");
	cr_expect_eq(sl_sniff_named_form(gz, (const unsigned char *)"\xff\xfe" "a\0", 4),
		SL_FORM_UTF16);
}

static unsigned char data[4 * SL_SNIFF_WINDOW];

/* `len` bytes of lines at `at`. */
static void
put_text(size_t at, size_t len)
{
	static const char line[] = "\033[32mINFO\033[0m all is well\r\n";
	for (size_t i = 0; i < len; i++)
		data[at + i] = (unsigned char)line[i % (sizeof(line) - 1)];
}

Test(sniff, a_log_with_holes_is_text)
{
	static const size_t holes[] = { 1, 2, 15, 16, 100, 4096, SL_SNIFF_WINDOW - 1,
		SL_SNIFF_WINDOW, 3 * SL_SNIFF_WINDOW };
	for (size_t i = 0; i < SL_COUNT_OF(holes); i++) {
		/* what copytruncate leaves at the start */
		memset(data, 0, sizeof(data));
		put_text(holes[i], 4000);
		cr_expect_not(sl_sniff_is_binary(data, holes[i] + 4000), "before: %zu", holes[i]);
		/* what a power cut leaves at the end */
		memset(data, 0, sizeof(data));
		put_text(0, 4000);
		cr_expect_not(sl_sniff_is_binary(data, 4000 + holes[i]), "behind: %zu", holes[i]);
	}
	/* a block in its middle */
	memset(data, 0, sizeof(data));
	put_text(0, 1000);
	put_text(2000, 3000);
	cr_expect_not(sl_sniff_is_binary(data, 5000));
	memset(data, 0, sizeof(data));
	cr_expect_not(sl_sniff_is_binary(data, sizeof(data)), "nothing but a hole");
	cr_expect_not(sl_sniff_is_binary(data, 0));
}

/* The page map of a process, and arguments in /proc. */
Test(sniff, without_holes_nuls_are_binary)
{
	memset(data, 0, sizeof(data));
	cr_expect(sl_sniff_is_binary_throughout(data, sizeof(data)));
	cr_expect(sl_sniff_is_binary_throughout(data, 1));
	put_text(4096, 4096);
	cr_expect(sl_sniff_is_binary_throughout(data, sizeof(data)));
	put_text(0, sizeof(data));
	cr_expect_not(sl_sniff_is_binary_throughout(data, sizeof(data)));
	data[77] = 0;
	cr_expect_not(sl_sniff_is_binary_throughout(data, sizeof(data)));
	memcpy(data, "\x7f" "ELF", 4);
	cr_expect(sl_sniff_is_binary_throughout(data, sizeof(data)));
	cr_expect_not(sl_sniff_is_binary_throughout(data, 0));
}

Test(sniff, a_stray_nul_does_not_make_a_log_binary)
{
	put_text(0, sizeof(data));
	for (size_t i = 40; i < sizeof(data); i += 100)
		data[i] = 0;
	cr_expect_not(sl_sniff_is_binary(data, sizeof(data)));
	/* fields of FIX */
	for (size_t i = 0; i < sizeof(data); i += 8)
		data[i] = 1;
	cr_expect_not(sl_sniff_is_binary(data, sizeof(data)));
	for (size_t i = 3; i < sizeof(data); i += 20)
		data[i] = 0;
	cr_expect(sl_sniff_is_binary(data, sizeof(data)), "one in twenty");
}

Test(sniff, random_bytes_and_programs_are_binary)
{
	struct sl_random random;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		sl_random_init(&random, seed);
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (unsigned char)sl_random_below(&random, 256);
		cr_expect(sl_sniff_is_binary(data, sizeof(data)), "random, seed %llu",
			(unsigned long long)seed);
		/* small numbers of 32 bits */
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = i % 4 ? 0 : (unsigned char)sl_random_below(&random, 200);
		cr_expect(sl_sniff_is_binary(data, sizeof(data)), "numbers, seed %llu",
			(unsigned long long)seed);
	}
}

Test(sniff, binary_formats_are_recognised_by_their_magic_numbers)
{
	static const struct {
		const char *bytes;
		size_t len;
	} magics[] = {
		{ "SQLite format 3\0", 16 },
		{ "%PDF-1.7\n", 9 },
		{ "\x7f"
		  "ELF",
			4 },
		{ "PK\3\4", 4 },
		{ "\x89PNG\r\n\x1a\n", 8 },
		{ "LPKSHHRH", 8 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(magics); i++) {
		put_text(0, 1000);
		cr_expect_not(sl_sniff_is_binary(data, 1000));
		memcpy(data, magics[i].bytes, magics[i].len);
		cr_expect(sl_sniff_is_binary(data, 1000), "case %zu", i);
		cr_expect(sl_sniff_is_binary(data, magics[i].len), "case %zu alone", i);
		cr_expect_not(sl_sniff_is_binary(data, 3), "case %zu, cut", i);
	}
	put_text(0, 1000);
	memcpy(data + 257, "ustar", 5);
	cr_expect(sl_sniff_is_binary(data, 262));
	cr_expect_not(sl_sniff_is_binary(data, 261));
}

Test(sniff, only_the_window_behind_a_hole_decides)
{
	put_text(0, sizeof(data));
	for (size_t i = SL_SNIFF_WINDOW; i < sizeof(data); i += 2)
		data[i] = 0;
	cr_expect_not(sl_sniff_is_binary(data, sizeof(data)));
	memset(data, 0, SL_SNIFF_WINDOW);
	cr_expect(sl_sniff_is_binary(data, sizeof(data)));
}

Test(sniff, carriage_returns_without_a_newline_are_noticed)
{
	static const char text[] = "one\rtwo\rthree";
	cr_expect(sl_sniff_has_only_cr((const unsigned char *)text, sizeof(text) - 1));
	cr_expect_not(sl_sniff_has_only_cr((const unsigned char *)text, 3));
	cr_expect_not(sl_sniff_has_only_cr((const unsigned char *)"one\r\n", 5));
	cr_expect_not(sl_sniff_has_only_cr((const unsigned char *)"", 0));
}

Test(sniff, each_form_has_a_name)
{
	for (unsigned form = SL_FORM_PLAIN; form < SL_FORMS; form++) {
		bool is_wide = sl_form_is_wide((enum sl_form)form);
		cr_assert_gt(strlen(sl_form_name((enum sl_form)form)), 1);
		cr_assert_gt(strlen(sl_form_reader((enum sl_form)form)), 1);
		cr_assert_eq(is_wide, strncmp(sl_form_name((enum sl_form)form), "UTF", 3) == 0);
	}
	cr_assert_str_eq(sl_form_name(SL_FORM_UTF32), "UTF-32");
}
