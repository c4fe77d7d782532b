#include "sluice/http/coding.h"

#include <criterion/criterion.h>

static struct sl_head
head_of(const char *fields)
{
	struct sl_head head;
	struct sl_buf text = { 0 };
	size_t used = 0;
	sl_buf_printf(&text, "HTTP/1.1 200 OK\r\n%s\r\n", fields);
	sl_head_init(&head);
	cr_assert_eq(sl_head_feed(&head, text.data, text.len, &used, NULL), SL_PARSE_DONE);
	sl_buf_release(&text);
	return head;
}

#define CODING "Content-Encoding: "

/* More than one is not decoded: CVE-2022-32206, CVE-2023-23916. */
Test(http_coding, is_read_from_all_fields)
{
	static const struct {
		const char *fields;
		enum sl_coding coding;
		enum sl_codec codec;
	} cases[] = {
		{ "", SL_CODING_NONE, SL_CODEC_NONE },
		{ CODING "\r\n", SL_CODING_NONE, SL_CODEC_NONE },
		{ CODING "identity\r\n", SL_CODING_NONE, SL_CODEC_NONE },
		{ CODING "UTF-8\r\n", SL_CODING_NONE, SL_CODEC_NONE },
		{ CODING "aws-chunked\r\n", SL_CODING_NONE, SL_CODEC_NONE },
		{ CODING "gzip\r\n", SL_CODING_ONE, SL_CODEC_GZIP },
		{ CODING "X-GZip\r\n", SL_CODING_ONE, SL_CODEC_GZIP },
		{ CODING "deflate\r\n", SL_CODING_ONE, SL_CODEC_DEFLATE },
		{ CODING "br\r\n", SL_CODING_ONE, SL_CODEC_BROTLI },
		{ CODING ", zstd ,\r\n", SL_CODING_ONE, SL_CODEC_ZSTD },
		{ CODING "identity, gzip\r\n", SL_CODING_ONE, SL_CODEC_GZIP },
		{ CODING "identity\r\n" CODING "br\r\n", SL_CODING_ONE, SL_CODEC_BROTLI },
		{ CODING "bzip2\r\n", SL_CODING_UNSUPPORTED, SL_CODEC_NONE },
		{ CODING "compress\r\n", SL_CODING_UNSUPPORTED, SL_CODEC_NONE },
		{ CODING "gzip;q=1\r\n", SL_CODING_UNSUPPORTED, SL_CODEC_NONE },
		{ CODING "brotli\r\n", SL_CODING_UNSUPPORTED, SL_CODEC_NONE },
		{ CODING "gzip, gzip\r\n", SL_CODING_SEVERAL, SL_CODEC_NONE },
		{ CODING "gzip\r\n" CODING "br\r\n", SL_CODING_SEVERAL, SL_CODEC_NONE },
		{ CODING "x, identity, y\r\n", SL_CODING_SEVERAL, SL_CODEC_NONE },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_head head = head_of(cases[i].fields);
		enum sl_codec codec = SL_CODEC_XZ;
		cr_expect_eq(sl_coding_read(&head, &codec), cases[i].coding, "%s", cases[i].fields);
		if (cases[i].coding != SL_CODING_SEVERAL)
			cr_expect_eq(codec, cases[i].codec, "%s", cases[i].fields);
		sl_head_release(&head);
	}
}

Test(http_coding, is_that_of_the_file_if_its_name_tells_it)
{
	static const struct {
		const char *coding, *name;
		bool is_named;
	} cases[] = {
		{ "gzip", "/a.tar.gz", true },
		{ "x-gzip", "/a.TGZ", true },
		{ "gzip", "/a.svgz", true },
		{ "gzip", "/a.json", false },
		{ "gzip", "/gz", false },
		{ "bzip2", "/a.bz2", true },
		{ "x-compress", "/a.Z", true },
		{ "br", "/a.js.br", true },
		{ "br", "/a.gz", false },
		{ "zstd", "/a.tzst", true },
		{ "deflate", "/a.deflate", false },
		{ "unknown", "/a.gz", false },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_span coding = sl_span_str(cases[i].coding);
		cr_expect_eq(sl_coding_is_named_by(coding, sl_span_str(cases[i].name)),
			cases[i].is_named, "case %zu", i);
	}
}

Test(http_coding, a_name_tells_whether_a_file_is_compressed)
{
	static const char *const compressed[] = { "/a.gz", "/a.br", "/a.tar.xz", "/a.bz2", "/a.Z",
		"/A.ZST" };
	static const char *const others[] = { "/a", "/", "", "/gz", "/a.gz.asc", "/a.json",
		"/a.tar" };
	for (size_t i = 0; i < SL_COUNT_OF(compressed); i++)
		cr_expect(sl_coding_has_name(sl_span_str(compressed[i])), "%s", compressed[i]);
	for (size_t i = 0; i < SL_COUNT_OF(others); i++)
		cr_expect_not(sl_coding_has_name(sl_span_str(others[i])), "%s", others[i]);
}
