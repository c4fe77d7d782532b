#include "sluice/download/digest_field.h"

#include "sluice/download/answer.h"
#include "sluice/http/resource.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Of "abc". */
#define MD5 "kAFQmDzST7DWlj99KOF/cg=="
#define SHA1 "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
#define SHA256 "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
#define SHA512 \
	"3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="

/* A head of these fields, its value flush against the end of its text. */
static struct sl_head
head_of(int status, const char *fields)
{
	struct sl_head head;
	struct sl_buf text = { 0 };
	size_t used = 0;
	sl_head_init(&head);
	sl_buf_printf(&text, "HTTP/1.1 %d X\r\n%s\r\n", status, fields);
	cr_assert_eq(sl_head_feed(&head, text.data, text.len, &used, NULL), SL_PARSE_DONE);
	sl_buf_release(&text);
	return head;
}

/* "sha-256:ba78", or "-". */
static void
show(const struct sl_checksum *sum, char *out, size_t cap)
{
	if (sum->kind == SL_CHECKSUM_NONE)
		snprintf(out, cap, "-");
	else
		snprintf(out, cap, "%s:%02x%02x", sl_checksum_name(sum->kind), sum->value[0],
			sum->value[1]);
}

static void
expect_field(const char *fields, const char *want)
{
	struct sl_checksum sum;
	char got[40];
	struct sl_head head = head_of(200, fields);
	bool found = sl_digest_field_read(&head, true, &sum);
	show(&sum, got, sizeof(got));
	cr_expect_str_eq(got, want, "%s: got %s, want %s", fields, got, want);
	cr_expect_eq(found, sum.kind != SL_CHECKSUM_NONE);
	cr_expect_eq(sum.from_server, found);
	cr_expect_eq(sum.len, sl_checksum_len(sum.kind));
	sl_head_release(&head);
}

#define REPR "Repr-Digest: "
#define GOOD "sha-256=:" SHA256 ":"

Test(digest_field, the_strongest_digest_of_a_dictionary_is_read)
{
	static const struct {
		const char *fields, *want;
	} cases[] = {
		{ "", "-" },
		{ REPR GOOD "\r\n", "sha-256:ba78" },
		{ "repr-digest:" GOOD "\r\n", "sha-256:ba78" },
		{ REPR GOOD ", sha-512=:" SHA512 ":\r\n", "sha-512:ddaf" },
		{ REPR "sha-512=:" SHA512 ":\t,  " GOOD "\r\n", "sha-512:ddaf" },
		{ REPR "md5=:" MD5 ":,sha=:" SHA1 ":\r\n", "sha-1:a999" },
		{ REPR GOOD "\r\n" REPR "sha-512=:" SHA512 ":\r\n", "sha-512:ddaf" },
		{ REPR GOOD ";a;b=1;c=\"d,e\";f=:AA==:\r\n", "sha-256:ba78" },
		/* members that have no meaning here */
		{ REPR "a, b=1, c=-2.5, d=?1, e=tok/en, f=\"s, \\\" \\\\\", g=:AA==:, "
		       "h=@1659578233, "
		       "i=(1 \"x, y\" :AA==:;p a);q, " GOOD "\r\n",
			"sha-256:ba78" },
		{ REPR "crc32c=:AAAAAA==:, unixsum=:AA==:\r\n", "-" },
		/* of the wrong length */
		{ REPR "sha-256=:" MD5 ":, md5=:" MD5 ":\r\n", "md5:9001" },
		/* padding is optional for those who read */
		{ REPR "md5=:kAFQmDzST7DWlj99KOF/cg:\r\n", "md5:9001" },
		{ "Content-Digest: " GOOD "\r\n", "sha-256:ba78" },
		{ "Content-Digest: sha-512=:" SHA512 ":\r\n" REPR GOOD "\r\n", "sha-512:ddaf" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect_field(cases[i].fields, cases[i].want);
}

Test(digest_field, a_malformed_dictionary_is_ignored_as_a_whole)
{
	static const char *const bad[] = { GOOD ",", GOOD ", ,a", "," GOOD, GOOD " a", GOOD ";",
		GOOD ";=", "sha-256=:" SHA256, "sha-256=" SHA256, "SHA-256=:" SHA256 ":",
		GOOD ", a=", GOOD ", a=\"x", GOOD ", a=\"x\\", GOOD ", a=(1", GOOD ", a=(1;)",
		GOOD ", a=:A A:", GOOD ", a=\x7f", "=:" SHA256 ":", GOOD ";a=(1)" };
	for (size_t i = 0; i < SL_COUNT_OF(bad); i++) {
		struct sl_buf fields = { 0 };
		sl_buf_printf(&fields, REPR "%s\r\n", bad[i]);
		expect_field(fields.data, "-");
		sl_buf_clear(&fields);
		sl_buf_printf(&fields, REPR "%s\r\n" REPR "%s\r\n", GOOD, bad[i]);
		expect_field(fields.data, "-");
		sl_buf_clear(&fields);
		sl_buf_printf(&fields, REPR "%s\r\nContent-Digest: md5=:%s:\r\n", bad[i], MD5);
		expect_field(fields.data, "md5:9001");
		sl_buf_release(&fields);
	}
}

Test(digest_field, the_older_digest_field_is_read)
{
	expect_field("Digest: SHA-256=" SHA256 "\r\n", "sha-256:ba78");
	expect_field("Digest: md5=" MD5 ",SHA=" SHA1 " , UNIXsum=30637\r\n", "sha-1:a999");
	expect_field(
		"Digest: sha-512=" SHA512 "\r\nDigest: sha-256=" SHA256 "\r\n", "sha-512:ddaf");
	expect_field("Digest: SHA-256=" MD5 "\r\n", "-");
	expect_field("Digest: SHA-256\r\n", "-");
	expect_field("Digest: =\r\n", "-");
	expect_field("Digest: md5=" MD5 "\r\n" REPR GOOD "\r\n", "sha-256:ba78");
}

/* A value cut anywhere gives what the whole gives, or less, but never another digest. */
Test(digest_field, a_value_cut_anywhere_gives_no_other_digest)
{
	static const char text[] =
		"a=(1 \"x\");p=\"q\", md5=:" MD5 ":, " GOOD ", sha-512=:" SHA512 ":;a=1";
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct sl_buf fields = { 0 };
		struct sl_checksum sum;
		char got[40];
		sl_buf_printf(&fields, REPR "%.*s\r\n", (int)cut, text);
		struct sl_head head = head_of(200, fields.data);
		if (sl_digest_field_read(&head, true, &sum)) {
			show(&sum, got, sizeof(got));
			cr_expect(strcmp(got, "md5:9001") == 0 ||
					  strcmp(got, "sha-256:ba78") == 0 ||
					  strcmp(got, "sha-512:ddaf") == 0,
				"cut at %zu: %s", cut, got);
		}
		sl_head_release(&head);
		sl_buf_release(&fields);
	}
}

/* ---- what a download makes of it ---- */

Test(answer, a_digest_counts_for_the_whole_file_as_it_is_stored)
{
	static const struct {
		int status;
		const char *fields;
		bool counts;
	} cases[] = {
		{ 200, REPR GOOD "\r\n", true },
		{ 206, REPR GOOD "\r\n", true },
		{ 206, "Digest: SHA-256=" SHA256 "\r\n", true },
		{ 200, "Content-Digest: " GOOD "\r\n", true },
		{ 206, "Content-Digest: " GOOD "\r\n", false }, /* of the range */
		{ 200, REPR GOOD "\r\nContent-Encoding: gzip\r\n", false },
		{ 200, REPR GOOD "\r\nContent-Encoding: identity\r\n", true },
		{ 200, "", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_checksum sum;
		struct sl_head head = head_of(cases[i].status, cases[i].fields);
		cr_expect_eq(sl_answer_digest(&head, &sum), cases[i].counts, "case %zu", i);
		cr_expect_eq(sum.kind, cases[i].counts ? SL_CHECKSUM_SHA256 : SL_CHECKSUM_NONE);
		sl_head_release(&head);
	}
}

Test(answer, another_size_than_that_of_the_list_is_a_mismatch)
{
	struct sl_entry entry = { .size = 10, .has_size = true };
	struct sl_error err = { 0 };
	cr_expect_eq(sl_answer_check_size(&entry, 10, "x", &err), 0);
	cr_expect_eq(sl_answer_check_size(&entry, SL_LENGTH_UNKNOWN, "x", &err), 0);
	cr_expect_eq(err.code, 0);
	cr_expect_eq(sl_answer_check_size(&entry, 11, "x", &err), SL_E_CHECKSUM);
	cr_expect_str_eq(
		err.text, "size of 'x' does not match: the server sends 11 bytes, the list has 10");
	entry.has_size = false;
	cr_expect_eq(sl_answer_check_size(&entry, 11, "x", NULL), 0);
}
