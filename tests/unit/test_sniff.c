#include "sluice/scan/sniff.h"

#include "support/guard.h"

#include <criterion/criterion.h>

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
	{ "\xfe\xff\0a", 4, SL_FORM_UTF16 },
	{ "\0\0\xfe\xff", 4, SL_FORM_UTF16 },
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

Test(sniff, every_form_is_certain_with_the_bytes_that_are_asked_for)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		unsigned char bytes[SL_SNIFF_FORM] = { 0 };
		size_t len = SL_MIN(cases[i].len, sizeof(bytes));
		memcpy(bytes, cases[i].bytes, len);
		cr_assert_eq(sl_sniff_form(bytes, len), cases[i].form, "case %zu", i);
	}
}

Test(sniff, more_bytes_are_wanted_only_while_they_could_tell)
{
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		const unsigned char *bytes = (const unsigned char *)cases[i].bytes;
		enum sl_form form = sl_sniff_form(bytes, cases[i].len);
		bool wanted = true;
		for (size_t len = 0; len <= cases[i].len; len++) {
			bool more = sl_sniff_wants_more(bytes, len);
			cr_assert(wanted || !more, "case %zu: certain, and not any more", i);
			wanted = more;
			cr_assert(
				more || sl_sniff_form(bytes, len) == form, "case %zu: %zu", i, len);
		}
	}
	cr_expect(sl_sniff_wants_more((const unsigned char *)"BZh9", 4));
	cr_expect_not(sl_sniff_wants_more((const unsigned char *)"er", 2));
}

Test(sniff, nul_in_the_first_bytes_makes_a_file_binary)
{
	static unsigned char data[SL_SNIFF_BINARY + 2];
	memset(data, 'x', sizeof(data));
	data[SL_SNIFF_BINARY] = 0;
	cr_assert_not(sl_sniff_is_binary(data, sizeof(data)));
	cr_assert_not(sl_sniff_is_binary(data, 0));
	data[SL_SNIFF_BINARY - 1] = 0;
	cr_assert(sl_sniff_is_binary(data, sizeof(data)));
	cr_assert_not(sl_sniff_is_binary(data, SL_SNIFF_BINARY - 1));
}

Test(sniff, each_form_has_a_name_and_a_program_that_reads_it)
{
	for (unsigned form = SL_FORM_PLAIN; form <= SL_FORM_UTF16; form++) {
		cr_assert_gt(strlen(sl_form_name((enum sl_form)form)), 1);
		cr_assert_gt(strlen(sl_form_reader((enum sl_form)form)), 2);
	}
}
