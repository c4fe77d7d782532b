/*
 * The attribute of finished files: its bytes and back, and what it tells of a file.
 */
#include "sluice/download/stamp.h"

#include "support/guard.h"

#include "sluice/base/clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct sl_checksum
checksum(const char *text)
{
	struct sl_checksum out = { 0 };
	if (text)
		cr_assert_eq(sl_checksum_parse(&out, sl_span_str(text), NULL), 0);
	return out;
}

#define SHA256 "sha-256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA256_TAIL "sha-256=e3b0c44298fc1c149afbf4c8996fb92400000000000000000000000000000000"
#define SHA256_HEAD "sha-256=f3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MD5 "md5=e3b0c44298fc1c149afbf4c8996fb924"

static struct sl_stamp
make(const char *url, const char *sum, const char *etag, uint64_t modified_s)
{
	struct sl_stamp stamp;
	struct sl_resource resource = { .modified_ns = modified_s * SL_NS_PER_S };
	struct sl_checksum expected = checksum(sum);
	snprintf(resource.etag, sizeof(resource.etag), "%s", etag);
	sl_stamp_init(&stamp, url, &resource, &expected, false);
	stamp.etag.data = stamp.etag.len ? etag : NULL; /* the same bytes, for longer */
	stamp.size = 0x123456789abcdef0;
	stamp.mtime_ns = 1500000000123456789;
	return stamp;
}

static bool
is_same(const struct sl_stamp *a, const struct sl_stamp *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns && a->url_hash == b->url_hash &&
	       a->modified_s == b->modified_s && a->algorithm == b->algorithm &&
	       memcmp(a->digest, b->digest, SL_STAMP_DIGEST) == 0 &&
	       sl_span_equal(a->etag, b->etag);
}

static char longest[SL_ETAG_MAX + 1];

static const char *
longest_etag(void)
{
	memset(longest, 'x', SL_ETAG_MAX);
	longest[0] = longest[SL_ETAG_MAX - 1] = '"';
	return longest;
}

Test(stamp, is_read_back_as_it_was_written)
{
	const struct sl_stamp stamps[] = { make("http://a/b", NULL, "", 0),
		make("http://a/b", SHA256, "\"abc\"", 1500000000), make("u", MD5, "W/\"x\"", 0),
		make("", NULL, longest_etag(), 0), make("", NULL, "", UINT32_MAX),
		make("", SHA256, longest_etag(), (uint64_t)UINT32_MAX + 1) };
	for (size_t i = 0; i < SL_COUNT_OF(stamps); i++) {
		unsigned char bytes[SL_STAMP_MAX];
		struct sl_stamp back;
		size_t len = sl_stamp_format(&stamps[i], bytes);
		cr_assert_leq(len, sizeof(bytes));
		cr_expect(sl_stamp_parse(&back, bytes, len));
		cr_expect(is_same(&back, &stamps[i]), "%zu", i);
	}
	cr_expect_eq(stamps[5].modified_s, 0, "a time that does not fit is none");
}

Test(stamp, has_these_bytes)
{
	static const unsigned char want[] = "\1\3\xf0\xde\xbc\x9a\x78\x56\x34\x12"
					    "\x15\xcd\x71\x82\x0d\x12\xd1\x14"
					    "hhhhhhhh"
					    "\0\x2f\x68\x59"
					    "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99"
					    "\x6f\xb9\x24"
					    "\"abc\"";
	unsigned char bytes[SL_STAMP_MAX];
	struct sl_stamp stamp = make("http://a/b", SHA256, "\"abc\"", 1500000000);
	memset(&stamp.url_hash, 'h', sizeof(stamp.url_hash));
	cr_assert_eq(sl_stamp_format(&stamp, bytes), sizeof(want) - 1);
	cr_expect_arr_eq(bytes, want, sizeof(want) - 1);
	cr_expect_leq(sizeof(want) - 1, 64, "it fits into the inode of ext4");
}

/* Else it would cost a block for each file. */
Test(stamp, a_long_etag_is_left_out_if_there_is_a_time)
{
	static const char fits[] = "\"0123456789abcdef\"",
			  md5[] = "\"0123456789abcdef0123456789abcdef\"";
	static const struct {
		const char *sum, *etag;
		uint64_t modified_s;
		bool kept;
	} cases[] = {
		{ SHA256, fits, 1, true },
		{ SHA256, md5, 1, false },
		{ SHA256, md5, 0, true },
		{ NULL, md5, 1, true },
		{ NULL, longest, 1, false },
		{ NULL, longest, 0, true },
	};
	longest_etag();
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		unsigned char bytes[SL_STAMP_MAX];
		struct sl_stamp stamp = make("u", cases[i].sum, cases[i].etag, cases[i].modified_s);
		cr_expect(sl_span_is(stamp.etag, cases[i].kept ? cases[i].etag : ""), "%zu", i);
		cr_expect(!cases[i].modified_s || sl_stamp_format(&stamp, bytes) <= 64);
	}
}

Test(stamp, damaged_bytes_are_no_stamp_and_never_read_past)
{
	unsigned char bytes[SL_STAMP_MAX];
	struct sl_stamp stamp = make("http://a/b", SHA256, "\"abc\"", 1), back;
	size_t len = sl_stamp_format(&stamp, bytes), etag_at = len - strlen("\"abc\"");
	struct guard guard;
	guard_init(&guard, sizeof(bytes));
	for (size_t cut = 0; cut < len; cut++) {
		const char *place = guard_place(&guard, (const char *)bytes, cut);
		bool is_whole = cut == etag_at; /* one without an ETag */
		cr_expect_eq(sl_stamp_parse(&back, (const unsigned char *)place, cut), is_whole,
			"%zu of %zu", cut, len);
		cr_expect(is_whole || !sl_stamp_is_useful(&back));
	}
	guard_release(&guard);
	for (int c = 0; c < 256; c++) {
		bytes[0] = (unsigned char)c;
		cr_expect_eq(sl_stamp_parse(&back, bytes, len), c == 1, "version %d", c);
	}
	bytes[0] = 1;
	bytes[1] = 7;
	cr_expect_not(sl_stamp_parse(&back, bytes, len), "an algorithm of the future");
}

/* It goes into a request. */
Test(stamp, an_etag_that_could_end_a_line_is_refused)
{
	static const char *const etags[] = { "abc", "\"a\r\nX: y\"", "\"a\"b\"", "\"a\nb\"",
		"\"\x01\"", "\"a b\"", "W/abc", "\"\x7f\"" };
	for (size_t i = 0; i < SL_COUNT_OF(etags); i++) {
		unsigned char bytes[SL_STAMP_MAX];
		struct sl_stamp stamp = make("u", NULL, etags[i], 1), back;
		size_t len = sl_stamp_format(&stamp, bytes);
		cr_expect_not(sl_stamp_parse(&back, bytes, len), "%s", etags[i]);
	}
	unsigned char large[SL_STAMP_MAX + 1] = { 1, 0 };
	struct sl_stamp back;
	memset(large + SL_STAMP_HEAD, 'x', sizeof(large) - SL_STAMP_HEAD);
	large[SL_STAMP_HEAD] = large[sizeof(large) - 1] = '"';
	cr_expect_not(sl_stamp_parse(&back, large, sizeof(large)));
}

Test(stamp, is_compared_by_algorithm_and_first_bytes)
{
	const struct sl_stamp stamp = make("u", SHA256, "", 0), none = make("u", NULL, "", 0);
	static const struct {
		const char *sum;
		bool same;
	} cases[] = { { SHA256, true }, { SHA256_TAIL, true }, { SHA256_HEAD, false },
		{ MD5, false }, { NULL, false } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_checksum sum = checksum(cases[i].sum);
		cr_expect_eq(sl_stamp_has_checksum(&stamp, &sum), cases[i].same, "%zu", i);
		cr_expect_not(sl_stamp_has_checksum(&none, &sum), "%zu", i);
	}
}

/* Numbers stay: files that older versions have left have them. */
Test(stamp, every_algorithm_has_its_own_number)
{
	static const struct {
		enum sl_checksum_kind kind;
		unsigned number;
	} cases[] = { { SL_CHECKSUM_MD5, 1 }, { SL_CHECKSUM_SHA1, 2 }, { SL_CHECKSUM_SHA256, 3 },
		{ SL_CHECKSUM_SHA512, 4 }, { SL_CHECKSUM_BLAKE2B, 5 }, { SL_CHECKSUM_BLAKE2S, 6 } };
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_checksum sum = { .kind = cases[i].kind,
			.len = sl_checksum_len(cases[i].kind),
			.value = { 1, 2, 3 } };
		struct sl_resource resource = { 0 };
		struct sl_stamp stamp, back;
		unsigned char bytes[SL_STAMP_MAX];
		sl_stamp_init(&stamp, "u", &resource, &sum, false);
		cr_expect_eq(stamp.algorithm, cases[i].number);
		cr_assert(sl_stamp_parse(&back, bytes, sl_stamp_format(&stamp, bytes)));
		cr_expect(sl_stamp_has_checksum(&back, &sum), "%u", cases[i].number);
	}
}

/* Validators are those of the URL, but nothing that was verified is in the file itself. */
Test(stamp, of_a_decoded_file_has_no_checksum_and_is_not_of_the_file_as_it_was)
{
	struct sl_stamp stamp;
	struct sl_resource resource = { .etag = "\"e\"" };
	struct sl_checksum sum = checksum(SHA256);
	sl_stamp_init(&stamp, "http://a/b.gz", &resource, NULL, true);
	cr_expect_not(sl_stamp_has_checksum(&stamp, &sum));
	cr_expect(sl_stamp_is_from(&stamp, "http://a/b.gz", true));
	cr_expect_not(sl_stamp_is_from(&stamp, "http://a/b.gz", false));
	cr_expect(sl_span_is(stamp.etag, "\"e\""));
}

Test(stamp, is_of_one_url_and_useful_if_it_tells_anything)
{
	const struct sl_stamp stamp = make("http://a/b", NULL, "", 0);
	const struct sl_stamp useful[] = { make("u", MD5, "", 0), make("u", NULL, "\"e\"", 0),
		make("u", NULL, "", 1) };
	cr_expect(sl_stamp_is_from(&stamp, "http://a/b", false));
	cr_expect_not(sl_stamp_is_from(&stamp, "http://a/c", false));
	cr_expect_not(sl_stamp_is_from(&stamp, "http://a/b", true));
	cr_expect_not(sl_stamp_is_useful(&stamp));
	for (size_t i = 0; i < SL_COUNT_OF(useful); i++)
		cr_expect(sl_stamp_is_useful(&useful[i]), "%zu", i);
}
