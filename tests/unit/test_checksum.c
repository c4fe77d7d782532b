#include "sluice/download/digest.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* ---- parsing ---- */

#define MD5_ABC "900150983cd24fb0d6963f7d28e17f72"
#define SHA1_ABC "a9993e364706816aba3e25717850c26c9cd0d89d"
#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA512_ABC \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" \
	"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

#define BLAKE2B_ABC \
	"ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1" \
	"7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
#define BLAKE2S_ABC "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"

Test(checksum, reads_the_names_people_write)
{
	static const struct {
		const char *text;
		enum sl_checksum_kind kind;
		size_t len;
	} cases[] = {
		{ "sha-256=" SHA256_ABC, SL_CHECKSUM_SHA256, 32 },
		{ "sha256=" SHA256_ABC, SL_CHECKSUM_SHA256, 32 },
		{ "SHA-256=" SHA256_ABC, SL_CHECKSUM_SHA256, 32 },
		{ "Sha512=" SHA512_ABC, SL_CHECKSUM_SHA512, 64 },
		{ "sha-512=" SHA512_ABC, SL_CHECKSUM_SHA512, 64 },
		{ "sha-1=" SHA1_ABC, SL_CHECKSUM_SHA1, 20 },
		{ "sha1=" SHA1_ABC, SL_CHECKSUM_SHA1, 20 },
		{ "md5=" MD5_ABC, SL_CHECKSUM_MD5, 16 },
		{ "blake2b=" BLAKE2B_ABC, SL_CHECKSUM_BLAKE2B, 64 },
		{ "b2=" BLAKE2B_ABC, SL_CHECKSUM_BLAKE2B, 64 },
		{ "BLAKE2b=" BLAKE2B_ABC, SL_CHECKSUM_BLAKE2B, 64 },
		{ "blake2b-512=" BLAKE2B_ABC, SL_CHECKSUM_BLAKE2B, 64 },
		{ "blake2b512=" BLAKE2B_ABC, SL_CHECKSUM_BLAKE2B, 64 },
		{ "blake2s=" BLAKE2S_ABC, SL_CHECKSUM_BLAKE2S, 32 },
		{ "blake2s-256=" BLAKE2S_ABC, SL_CHECKSUM_BLAKE2S, 32 },
		{ "blake2s256=" BLAKE2S_ABC, SL_CHECKSUM_BLAKE2S, 32 },
		{ "md-5=900150983CD24FB0D6963F7D28E17F72", SL_CHECKSUM_MD5, 16 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_checksum sum;
		struct sl_error err = { 0 };
		cr_assert_eq(sl_checksum_parse(&sum, sl_span_str(cases[i].text), &err), 0, "%s: %s",
			cases[i].text, err.text);
		cr_expect_eq(sum.kind, cases[i].kind);
		cr_expect_eq(sum.len, cases[i].len);
	}
}

Test(checksum, refuses_everything_else)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "a checksum is ALGORITHM=HEX, as in sha-256=9f86d0...; got ''" },
		{ SHA256_ABC, NULL },
		{ "=", "unknown checksum algorithm '' (known: sha-256, sha-512, sha-1, md5, "
		       "blake2b, blake2s)" },
		{ "crc32=00000000",
			"unknown checksum algorithm 'crc32' (known: sha-256, sha-512, sha-1, "
			"md5, blake2b, blake2s)" },
		{ "sha-224=" SHA256_ABC, NULL },
		{ "blake2b-256=" BLAKE2S_ABC, NULL },
		{ "b2=" BLAKE2S_ABC, "a blake2b checksum has 128 hex digits, not 64" },
		{ " sha-256=" SHA256_ABC, NULL },
		{ "md5=", "a md5 checksum has 32 hex digits, not 0" },
		{ "sha-256=" SHA1_ABC, "a sha-256 checksum has 64 hex digits, not 40" },
		{ "md5=" MD5_ABC "0", NULL },
		{ "md5=900150983cd24fb0d6963f7d28e17f7g", "a checksum has hex digits only" },
		{ "md5= 00150983cd24fb0d6963f7d28e17f72", "a checksum has hex digits only" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_checksum sum;
		struct sl_error err = { 0 };
		cr_expect_eq(sl_checksum_parse(&sum, sl_span_str(cases[i].text), &err), SL_E_USAGE,
			"'%s'", cases[i].text);
		if (cases[i].why)
			cr_expect_str_eq(err.text, cases[i].why);
	}
}

/* ---- computing ---- */

/* The digest of `data` in pieces of `step`, compared with `expected`. */
static int
check(const char *data, size_t step, const char *expected, struct sl_error *err)
{
	struct sl_checksum sum;
	struct sl_digest *digest = NULL;
	cr_assert_eq(sl_checksum_parse(&sum, sl_span_str(expected), NULL), 0);
	cr_assert_eq(sl_digest_new(&digest, sum.kind), 0);
	for (size_t off = 0, len = strlen(data); off < len; off += step)
		sl_digest_add(digest, data + off, SL_MIN(step, len - off));
	int code = sl_digest_check(digest, &sum, "file", err);
	sl_digest_free(digest);
	return code;
}

Test(checksum, gives_the_published_digests)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static const struct {
		const char *data, *sum;
	} cases[] = {
		{ "", "md5=d41d8cd98f00b204e9800998ecf8427e" },
		{ "", "sha-1=da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ "", "sha-256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "", "sha-512=cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		      "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e" },
		{ "abc", "md5=" MD5_ABC },
		{ "abc", "sha-1=" SHA1_ABC },
		{ "abc", "sha-256=" SHA256_ABC },
		{ "abc", "sha-512=" SHA512_ABC },
		{ "abc", "blake2b=" BLAKE2B_ABC },
		{ "abc", "blake2s=" BLAKE2S_ABC },
		{ two_blocks, "sha-1=84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
		{ two_blocks, "sha-256="
			      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "message digest", "md5=f96b697d7cb7938d525a2f31aaf161d0" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++)
		for (size_t step = 1; step < 80; step = step * 3 + 1)
			cr_expect_eq(check(cases[i].data, step, cases[i].sum, NULL), 0,
				"%s of '%s'", cases[i].sum, cases[i].data);
}

Test(checksum, a_mismatch_names_both_values)
{
	struct sl_error err = { 0 };
	cr_expect_eq(check("abd", 9, "md5=" MD5_ABC, &err), SL_E_CHECKSUM);
	cr_expect_str_eq(err.text, "checksum of 'file' does not match: md5 is "
				   "4911e516e5aa21d327512e0c8b197616, expected " MD5_ABC);
	cr_expect_eq(err.code, SL_E_CHECKSUM);
}

Test(checksum, a_mismatch_tells_that_the_server_sent_the_value)
{
	struct sl_checksum sum;
	struct sl_digest *digest = NULL;
	struct sl_error err = { 0 };
	cr_assert_eq(sl_checksum_parse(&sum, sl_span_str("md5=" MD5_ABC), NULL), 0);
	sum.from_server = true;
	cr_assert_eq(sl_digest_new(&digest, sum.kind), 0);
	sl_digest_add(digest, "abd", 3);
	cr_expect_eq(sl_digest_check(digest, &sum, "file", &err), SL_E_CHECKSUM);
	cr_expect_str_eq(err.text, "checksum of 'file' does not match: md5 is "
				   "4911e516e5aa21d327512e0c8b197616, the server sent " MD5_ABC);
	sl_digest_free(digest);
}

Test(checksum, a_digest_can_be_compared_and_restarted)
{
	struct sl_checksum sum;
	struct sl_digest *digest = NULL;
	cr_assert_eq(sl_checksum_parse(&sum, sl_span_str("sha-256=" SHA256_ABC), NULL), 0);
	cr_assert_eq(sl_digest_new(&digest, sum.kind), 0);
	static const struct {
		const char *data;
		bool same;
	} cases[] = { { "abc", true }, { "abd", false }, { "", false }, { "abc", true } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		sl_digest_restart(digest);
		sl_digest_add(digest, cases[i].data, strlen(cases[i].data));
		cr_expect_eq(sl_digest_is(digest, sum.value, sum.len), cases[i].same, "%zu", i);
	}
	sl_digest_restart(digest);
	sl_digest_add(digest, "abc", 3);
	cr_expect_not(sl_digest_is(digest, sum.value, sum.len - 1), "a part is not the digest");
	sl_digest_free(digest);
}

Test(checksum, the_stronger_of_two_kinds_is_decided_both_ways)
{
	static const enum sl_checksum_kind order[] = { SL_CHECKSUM_NONE, SL_CHECKSUM_MD5,
		SL_CHECKSUM_SHA1, SL_CHECKSUM_BLAKE2S, SL_CHECKSUM_SHA256, SL_CHECKSUM_BLAKE2B,
		SL_CHECKSUM_SHA512 };
	for (size_t a = 0; a < SL_COUNT_OF(order); a++)
		for (size_t b = 0; b < SL_COUNT_OF(order); b++)
			cr_expect_eq(sl_checksum_is_stronger(order[a], order[b]), a > b);
}

Test(checksum, a_byte_too_few_or_too_many_is_another_value)
{
	cr_expect_eq(check("ab", 1, "sha-256=" SHA256_ABC, NULL), SL_E_CHECKSUM);
	cr_expect_eq(check("abcd", 1, "sha-256=" SHA256_ABC, NULL), SL_E_CHECKSUM);
	cr_expect_eq(check("", 1, "sha-256=" SHA256_ABC, NULL), SL_E_CHECKSUM);
}

Test(checksum, each_kind_has_a_name)
{
	static const enum sl_checksum_kind kinds[] = { SL_CHECKSUM_MD5, SL_CHECKSUM_SHA1,
		SL_CHECKSUM_SHA256, SL_CHECKSUM_SHA512, SL_CHECKSUM_BLAKE2B, SL_CHECKSUM_BLAKE2S };
	static const char *const names[] = { "md5", "sha-1", "sha-256", "sha-512", "blake2b",
		"blake2s" };
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++)
		cr_expect_str_eq(sl_checksum_name(kinds[i]), names[i]);
	cr_expect_str_eq(sl_checksum_name(SL_CHECKSUM_NONE), "none");
}

Test(checksum, freeing_nothing_is_harmless)
{
	sl_digest_free(NULL);
}
