#include "sluice/download/sums.h"

#include "support/entries.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define MD5_OTHER "00000000000000000000000000000000"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Every entry of the list; the first failure, if there is one. */
static int
add_list(struct sl_sums *sums, const char *list, struct sl_error *err)
{
	struct sl_manifest *manifest = entries_open(sl_span_str(list));
	struct sl_entry entry;
	int code = 0;
	while (!code && entries_next(manifest, &entry, NULL) == 1)
		code = sl_sums_add(sums, &entry, err);
	sl_manifest_free(manifest);
	return code;
}

/* The kind of the checksum that the only entry of the list gets. */
static enum sl_checksum_kind
kind_for(struct sl_sums *sums, const char *list)
{
	struct sl_manifest *manifest = entries_open(sl_span_str(list));
	struct sl_entry entry;
	cr_assert_eq(entries_next(manifest, &entry, NULL), 1);
	bool found = sl_sums_apply(sums, &entry);
	cr_expect_eq(found, entry.checksum.kind != SL_CHECKSUM_NONE);
	cr_expect(!found || entry.checksum.value[0] ==
				    (entry.checksum.kind == SL_CHECKSUM_MD5 ? 0xd4 : 0xe3));
	sl_manifest_free(manifest);
	return entry.checksum.kind;
}

Test(sums, are_found_by_the_path_of_a_file_or_the_name_of_its_url)
{
	struct sl_sums sums = { 0 };
	cr_expect_eq(kind_for(&sums, "http://h/a"), SL_CHECKSUM_NONE, "an empty table");
	cr_assert_eq(add_list(&sums, MD5 "  ./a\n" SHA256 "  d/e/b c\n" MD5 "  url\n", NULL), 0);
	cr_expect_eq(kind_for(&sums, "http://h/x/a?q"), SL_CHECKSUM_MD5);
	cr_expect_eq(kind_for(&sums, "http://h/x\n out=a\n"), SL_CHECKSUM_MD5);
	cr_expect_eq(kind_for(&sums, "http://h/x\n out=./a\n"), SL_CHECKSUM_MD5);
	cr_expect_eq(kind_for(&sums, "http://h/a\n out=other\n"), SL_CHECKSUM_MD5);
	cr_expect_eq(kind_for(&sums, "http://h/x\n dir=d/e\n out=b c\n"), SL_CHECKSUM_SHA256);
	cr_expect_eq(kind_for(&sums, "http://h/x\n out=d/e/b c\n"), SL_CHECKSUM_SHA256);
	cr_expect_eq(kind_for(&sums, "http://h/x\n out=b c\n"), SL_CHECKSUM_NONE);
	cr_expect_eq(kind_for(&sums, "http://h/b%20c"), SL_CHECKSUM_NONE, "in another directory");
	cr_expect_eq(kind_for(&sums, "http://h/A"), SL_CHECKSUM_NONE);
	cr_expect_eq(sums.count, 3);
	cr_expect_eq(sums.used, 2);
	sl_sums_release(&sums);
}

Test(sums, an_entry_keeps_its_own)
{
	struct sl_sums sums = { 0 };
	cr_assert_eq(add_list(&sums, SHA256 "  a\n", NULL), 0);
	cr_expect_eq(kind_for(&sums, "http://h/a\n checksum=md5=" MD5 "\n"), SL_CHECKSUM_MD5);
	cr_expect_eq(sums.used, 0);
	sl_sums_release(&sums);
}

Test(sums, the_strongest_of_a_file_counts_and_two_that_differ_are_refused)
{
	struct sl_sums sums = { 0 };
	struct sl_error err = { 0 };
	cr_assert_eq(
		add_list(&sums, MD5 "  a\n" SHA256 "  a\n" MD5 "  a\n" SHA256 "  a\n", NULL), 0);
	cr_expect_eq(kind_for(&sums, "http://h/a"), SL_CHECKSUM_SHA256);
	cr_expect_eq(sums.count, 1);
	cr_assert_eq(add_list(&sums, MD5 "  b\n" MD5_OTHER "  b\n", &err), SL_E_USAGE);
	cr_expect_str_eq(err.text, "there are two different md5 checksums of 'b'");
	sl_sums_release(&sums);
}

Test(sums, other_lists_with_checksums_serve_and_those_without_are_refused)
{
	struct sl_sums sums = { 0 };
	struct sl_error err = { 0 };
	cr_assert_eq(add_list(&sums, "http://h/a\n checksum=md5=" MD5 "\n", NULL), 0);
	cr_expect_eq(kind_for(&sums, "https://other/a"), SL_CHECKSUM_MD5);
	cr_assert_eq(add_list(&sums, "\nhttp://h/a\n", &err), SL_E_USAGE);
	cr_expect_str_eq(err.text, "line 2 of the list has no checksum");
	sl_sums_release(&sums);
}

Test(sums, none_is_lost_as_the_table_grows)
{
	enum { MANY = 5000 };
	struct sl_sums sums = { 0 };
	struct sl_buf list = { 0 };
	for (unsigned i = 0; i < MANY; i++)
		sl_buf_printf(&list, MD5 "  d/%u\n", i);
	cr_assert_eq(add_list(&sums, list.data, NULL), 0);
	for (unsigned i = 0; i < MANY; i++) {
		char text[40];
		snprintf(text, sizeof(text), "http://h/x\n out=d/%u\n", i);
		cr_assert_eq(kind_for(&sums, text), SL_CHECKSUM_MD5);
	}
	cr_expect_eq(sums.count, MANY);
	cr_expect_eq(sums.used, MANY);
	cr_expect_leq(sums.records.len + sums.cap * sizeof(*sums.slots), 64u * MANY);
	sl_buf_release(&list);
	sl_sums_release(&sums);
}
