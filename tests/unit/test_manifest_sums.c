/* Checksum lists. */
#include "support/entries.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA512 SHA256 SHA256
#define BASE "http://h/d/"

static void
expect(const char *text, const char *want)
{
	struct entries_reading reading = { .options = { .base_url = BASE } };
	struct sl_buf got = { 0 };
	cr_expect(entries_are(sl_span_str(text), want, &reading, &got),
		"list '%s' fed as %zu and %zu: got '%s', want '%s'", text, reading.first,
		reading.step, got.data ? got.data : "", want);
	sl_buf_release(&got);
}

Test(manifest_sums, reads_what_programs_write)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ MD5 "  a\n", "1 " BASE "a out=a sum=md5:d41d\n" },
		{ SHA1 "  a\n", "1 " BASE "a out=a sum=sha-1:da39\n" },
		{ SHA256 "  a\n", "1 " BASE "a out=a sum=sha-256:e3b0\n" },
		{ SHA512 "  a", "1 " BASE "a out=a sum=sha-512:e3b0\n" },
		/* binary mode; the kind is that of each line */
		{ SHA256 " *a\n" MD5 " *b\n",
			"1 " BASE "a out=a sum=sha-256:e3b0\n2 " BASE "b out=b sum=md5:d41d\n" },
		{ MD5 " a\n", "1 " BASE "a out=a sum=md5:d41d\n" },
		{ MD5 "\ta\n", "1 " BASE "a out=a sum=md5:d41d\n" },
		/* of names that begin with a blank or an asterisk, what is left of them */
		{ MD5 "   a\n", "1 " BASE "%20a out= a sum=md5:d41d\n" },
		{ MD5 "  *a\n", "1 " BASE "%2Aa out=*a sum=md5:d41d\n" },
		/* BSD, coreutils --tag, openssl */
		{ "SHA256 (a b) = " SHA256 "\n", "1 " BASE "a%20b out=a b sum=sha-256:e3b0\n" },
		{ "MD5(a)= " MD5 "\n", "1 " BASE "a out=a sum=md5:d41d\n" },
		{ "SHA2-256(a)= " SHA256 "\n", "1 " BASE "a out=a sum=sha-256:e3b0\n" },
		{ "SHA1 (a) = b) = " SHA1 "\n",
			"1 " BASE "a%29%20%3D%20b out=a) = b sum=sha-1:da39\n" },
		/* comments, blank lines, line ends, a byte order mark */
		{ "# c\n\n" MD5 "  a\r\n#c\n \t\n" MD5 "  b\r\n",
			"3 " BASE "a out=a sum=md5:d41d\n6 " BASE "b out=b sum=md5:d41d\n" },
		{ "\xef\xbb\xbf" MD5 "  a\n", "1 " BASE "a out=a sum=md5:d41d\n" },
		/* names: directories, "./", what a URL cannot have, escapes of coreutils */
		{ MD5 "  ./d/./e/a\n", "1 " BASE "d/e/a out=d/./e/a sum=md5:d41d\n" },
		{ MD5 "  a?b#c%d:e\xc3\xa4\n",
			"1 " BASE "a%3Fb%23c%25d%3Ae%C3%A4 out=a?b#c%d:e\xc3\xa4 sum=md5:d41d\n" },
		{ "\\" MD5 "  a\\\\b\n", "1 " BASE "a%5Cb out=a\\b sum=md5:d41d\n" },
		{ "\\MD5 (a\\nb\\rc) = " MD5 "\n",
			"1 " BASE "a%0Ab%0Dc out=a\nb\rc sum=md5:d41d\n" },
		{ MD5 "  a\\b\n", "1 " BASE "a%5Cb out=a\\b sum=md5:d41d\n" },
		{ MD5 "  /a/b\n", "1 http://h/a/b out=/a/b sum=md5:d41d\n" },
		{ MD5 "  ../a\n", "1 http://h/a out=../a sum=md5:d41d\n" },
		{ MD5 "  ../../../a/../b//c/.\n",
			"1 http://h/b//c/ out=../../../a/../b//c/. sum=md5:d41d\n" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		expect(cases[i].text, cases[i].want);
}

Test(manifest_sums, what_pgp_adds_is_skipped)
{
	expect("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# c\nSHA256 (a) = " SHA256
	       "\n- --\n-----BEGIN PGP SIGNATURE-----\n\niQIz\n-----END PGP SIGNATURE-----\n",
		"5 " BASE "a out=a sum=sha-256:e3b0\n!\n");
	expect("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- -----\n" MD5 "  a\n",
		"!\n5 " BASE "a out=a sum=md5:d41d\n");
}

Test(manifest_sums, refuses_a_line_and_goes_on_behind_it)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ MD5 "  -\n", "a checksum of standard input" },
		{ "nonsense\n", "not a line of HEX  NAME" },
		{ MD5 "\n", "not a line of HEX  NAME" },
		{ MD5 "  \n", "not a line of HEX  NAME" },
		{ "0" MD5 "  a\n", "not a line of HEX  NAME" },
		{ "MD5 (a) = \n", "not a line of HEX  NAME" },
		{ "MD5 () = " MD5 "\n", "not a line of HEX  NAME" },
		{ "MD5 a) = " MD5 "\n", "not a line of HEX  NAME" },
		{ ") = " MD5 "\n", "not a line of HEX  NAME" },
		{ "MD5 (a) = " SHA1 "\n", "a md5 checksum has 32 hex digits, not 40" },
		{ "CRC (a) = 00\n", "unknown checksum algorithm 'CRC'" },
		{ "\\" MD5 "  a\\x\n", "has a backslash" },
		{ "\\" MD5 "  a\\\n", "has a backslash" },
		{ "\\\n", "not a line of HEX  NAME" },
		{ "http://a/x\n", "not a line of HEX  NAME" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct entries_reading reading = { .messages = true };
		struct sl_buf text = { 0 }, got = { 0 };
		sl_buf_printf(&text, "%s  first\n%s%s  last\n", MD5, cases[i].line, MD5);
		expect(text.data, "1 " BASE "first out=first sum=md5:d41d\n!\n3 " BASE
				  "last out=last sum=md5:d41d\n");
		entries_read(&got, sl_buf_span(&text), &reading);
		cr_expect_not_null(strstr(got.data, "! line 2 of the list: "), "%s", got.data);
		cr_expect_not_null(strstr(got.data, cases[i].message), "%s", got.data);
		sl_buf_release(&text);
		sl_buf_release(&got);
	}
}

Test(manifest_sums, without_a_base_the_entries_have_no_url)
{
	struct entries_reading reading = { 0 };
	struct sl_buf got = { 0 };
	cr_expect(
		entries_are(sl_span_str(MD5 "  d/a\n"), "1 out=d/a sum=md5:d41d\n", &reading, &got),
		"%s", got.data);
	sl_buf_release(&got);
}

/* Lists of URLs whose first line looks a bit like one of checksums. */
Test(manifest_sums, other_lists_are_not_taken_for_checksums)
{
	static const char *const texts[] = { MD5, (MD5 "a  b"), ("a/" MD5 "  b"), ("#" MD5 "  b"),
		"MD5 (a)", "h/(a) = ", ("MD5 = " MD5) };
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++) {
		struct entries_reading reading = { .options = { .base_url = BASE } };
		struct sl_buf got = { 0 };
		entries_read(&got, sl_span_str(texts[i]), &reading);
		cr_expect(!got.data || !strstr(got.data, BASE), "%s", texts[i]);
		sl_buf_release(&got);
	}
}
