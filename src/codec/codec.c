#include "sluice/codec/codec.h"

/* `mask` is ANDed to the byte at `masked_at`; all others are compared as they are. */
static const struct magic {
	enum sl_codec codec;
	unsigned char len, masked_at, mask;
	unsigned char bytes[SL_CODEC_MAGIC_MAX];
} magics[] = {
	{ SL_CODEC_GZIP, 3, 0, 0xff,
		{ 0x1f, 0x8b, 0x08 } }, /* RFC 1952; 8 = deflate, the only one */
	{ SL_CODEC_ZSTD, 4, 0, 0xff, { 0x28, 0xb5, 0x2f, 0xfd } }, /* RFC 8878, 3.1.1 */
	{ SL_CODEC_ZSTD, 4, 0, 0xf0, { 0x50, 0x2a, 0x4d, 0x18 } }, /* 3.1.2: skippable frames */
	{ SL_CODEC_XZ, 6, 0, 0xff, { 0xfd, '7', 'z', 'X', 'Z', 0x00 } },
	/* "BZh1" alone could be text: a block, or the end of an empty stream, follows the level. */
	{ SL_CODEC_BZIP2, 10, 3, 0xf0,
		{ 'B', 'Z', 'h', 0x30, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59 } },
	{ SL_CODEC_BZIP2, 10, 3, 0xf0,
		{ 'B', 'Z', 'h', 0x30, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90 } },
};

static const struct suffix {
	const char *text;
	enum sl_codec codec;
	const char *instead;
} suffixes[] = {
	{ ".gz", SL_CODEC_GZIP, "" },
	{ ".bgz", SL_CODEC_GZIP, "" }, /* of bgzip: gzip in many members */
	{ ".tgz", SL_CODEC_GZIP, ".tar" },
	{ ".zst", SL_CODEC_ZSTD, "" },
	{ ".tzst", SL_CODEC_ZSTD, ".tar" },
	{ ".xz", SL_CODEC_XZ, "" },
	{ ".txz", SL_CODEC_XZ, ".tar" },
	{ ".bz2", SL_CODEC_BZIP2, "" },
	{ ".tbz2", SL_CODEC_BZIP2, ".tar" },
	{ ".tbz", SL_CODEC_BZIP2, ".tar" },
};

/* How far the bytes agree with the magic. */
static enum sl_codec_match
compare(const struct magic *magic, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len && i < magic->len; i++) {
		unsigned char c = i == magic->masked_at ? data[i] & magic->mask : data[i];
		if (c != magic->bytes[i])
			return SL_CODEC_DIFFERS;
	}
	return len < magic->len ? SL_CODEC_IS_PREFIX : SL_CODEC_MATCHES;
}

bool
sl_codec_has_magic(enum sl_codec codec)
{
	return codec != SL_CODEC_DEFLATE && codec != SL_CODEC_BROTLI;
}

enum sl_codec_match
sl_codec_match(enum sl_codec codec, const unsigned char *data, size_t len)
{
	enum sl_codec_match best = SL_CODEC_DIFFERS;
	if (!sl_codec_has_magic(codec))
		return len < (codec == SL_CODEC_DEFLATE ? 2 : 1) ? SL_CODEC_IS_PREFIX
								 : SL_CODEC_MATCHES;
	for (size_t i = 0; i < SL_COUNT_OF(magics); i++) {
		if (magics[i].codec != codec)
			continue;
		enum sl_codec_match match = compare(&magics[i], data, len);
		best = SL_MAX(best, match);
	}
	return best;
}

enum sl_codec
sl_codec_detect(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < SL_COUNT_OF(magics); i++)
		if (compare(&magics[i], data, len) == SL_CODEC_MATCHES)
			return magics[i].codec;
	return SL_CODEC_NONE;
}

enum sl_codec
sl_codec_of_name(struct sl_span name, struct sl_buf *decoded)
{
	for (size_t i = 0; i < SL_COUNT_OF(suffixes); i++) {
		struct sl_span suffix = sl_span_str(suffixes[i].text);
		if (name.len <= suffix.len)
			continue;
		size_t stem = name.len - suffix.len;
		if (!sl_span_equal_nocase(sl_span(name.data + stem, suffix.len), suffix))
			continue;
		sl_buf_add(decoded, name.data, stem);
		sl_buf_add_str(decoded, suffixes[i].instead);
		return suffixes[i].codec;
	}
	return SL_CODEC_NONE;
}

const char *
sl_codec_name(enum sl_codec codec)
{
	static const char *const names[SL_CODECS] = { "uncompressed", "gzip", "zstd", "xz", "bzip2",
		"deflate", "brotli" };
	return names[codec];
}
