#include "sluice/codec/codec.h"

#include "support/compress.h"

#include <criterion/criterion.h>

Test(codec, is_detected_as_soon_as_its_magic_number_is_complete)
{
	static const enum sl_codec formats[] = { SL_CODEC_GZIP, SL_CODEC_ZSTD, SL_CODEC_XZ,
		SL_CODEC_BZIP2 };
	static const size_t magic_len[] = { 3, 4, 6, 10 };
	for (size_t i = 0; i < SL_COUNT_OF(formats); i++) {
		struct sl_buf data = { 0 };
		compress_add(&data, formats[i], "text", 4);
		for (size_t len = 0; len <= data.len; len++) {
			bool is_whole = len >= magic_len[i];
			const unsigned char *bytes = (unsigned char *)data.data;
			cr_expect_eq(
				sl_codec_detect(bytes, len), is_whole ? formats[i] : SL_CODEC_NONE);
			cr_expect_eq(sl_codec_match(formats[i], bytes, len),
				is_whole ? SL_CODEC_MATCHES : SL_CODEC_IS_PREFIX);
		}
		sl_buf_release(&data);
	}
}

Test(codec, without_a_magic_number_begins_with_any_bytes)
{
	const unsigned char *text = (const unsigned char *)"text";
	for (int codec = SL_CODEC_GZIP; codec < SL_CODECS; codec++)
		cr_expect_eq(sl_codec_has_magic((enum sl_codec)codec),
			codec != SL_CODEC_DEFLATE && codec != SL_CODEC_BROTLI);
	cr_expect_eq(sl_codec_match(SL_CODEC_BROTLI, text, 0), SL_CODEC_IS_PREFIX);
	cr_expect_eq(sl_codec_match(SL_CODEC_BROTLI, text, 1), SL_CODEC_MATCHES);
	cr_expect_eq(sl_codec_match(SL_CODEC_DEFLATE, text, 1), SL_CODEC_IS_PREFIX);
	cr_expect_eq(sl_codec_match(SL_CODEC_DEFLATE, text, 2), SL_CODEC_MATCHES);
}

Test(codec, is_not_detected_in_text)
{
	static const char *const texts[] = { "", "text", "BZh1 is no block", "(\xb5 text", "7zXZ",
		"\x1f\x8b", "\x1f\x8b\x07" };
	for (size_t i = 0; i < SL_COUNT_OF(texts); i++)
		cr_expect_eq(sl_codec_detect((const unsigned char *)texts[i], strlen(texts[i])),
			SL_CODEC_NONE, "%s", texts[i]);
}

Test(codec, is_known_by_the_suffix_of_a_name)
{
	static const struct {
		const char *name;
		enum sl_codec codec;
		const char *decoded;
	} cases[] = {
		{ "x.csv.gz", SL_CODEC_GZIP, "x.csv" },
		{ "X.GZ", SL_CODEC_GZIP, "X" },
		{ "x.tgz", SL_CODEC_GZIP, "x.tar" },
		{ "sites.vcf.bgz", SL_CODEC_GZIP, "sites.vcf" },
		{ "x.zst", SL_CODEC_ZSTD, "x" },
		{ "x.tzst", SL_CODEC_ZSTD, "x.tar" },
		{ "x.xz", SL_CODEC_XZ, "x" },
		{ "x.txz", SL_CODEC_XZ, "x.tar" },
		{ "x.tar.bz2", SL_CODEC_BZIP2, "x.tar" },
		{ "x.tbz2", SL_CODEC_BZIP2, "x.tar" },
		{ "x.tbz", SL_CODEC_BZIP2, "x.tar" },
		{ "x.gz.gz", SL_CODEC_GZIP, "x.gz" },
		{ ".gz", SL_CODEC_NONE, "" },
		{ "gz", SL_CODEC_NONE, "" },
		{ "x.gz.asc", SL_CODEC_NONE, "" },
		{ "x.Z", SL_CODEC_NONE, "" },
		{ "", SL_CODEC_NONE, "" },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_buf decoded = { 0 };
		cr_expect_eq(sl_codec_of_name(sl_span_str(cases[i].name), &decoded), cases[i].codec,
			"%s", cases[i].name);
		cr_expect(sl_span_is(sl_buf_span(&decoded), cases[i].decoded), "%s", cases[i].name);
		sl_buf_release(&decoded);
	}
}
