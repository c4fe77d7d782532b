#include "sluice/http/coding.h"

#include "sluice/http/header.h"

#include <string.h>

static const struct named {
	const char *coding;
	enum sl_codec codec; /* SL_CODEC_NONE: it is not decoded */
	const char *const suffixes[4];
} known[] = {
	{ "gzip", SL_CODEC_GZIP, { ".gz", ".tgz", ".svgz", ".bgz" } },
	{ "x-gzip", SL_CODEC_GZIP, { ".gz", ".tgz", ".svgz", ".bgz" } }, /* RFC 9110 8.4.1.3 */
	{ "deflate", SL_CODEC_DEFLATE, { NULL } },
	{ "br", SL_CODEC_BROTLI, { ".br" } },
	{ "zstd", SL_CODEC_ZSTD, { ".zst", ".tzst" } },
	{ "bzip2", SL_CODEC_NONE, { ".bz2", ".tbz2", ".tbz" } },
	{ "x-bzip2", SL_CODEC_NONE, { ".bz2", ".tbz2", ".tbz" } },
	{ "compress", SL_CODEC_NONE, { ".Z" } },
	{ "x-compress", SL_CODEC_NONE, { ".Z" } },
	{ "xz", SL_CODEC_NONE, { ".xz", ".txz" } },
	{ "x-xz", SL_CODEC_NONE, { ".xz", ".txz" } },
};

static const struct named *
find(struct sl_span coding)
{
	for (size_t i = 0; i < SL_COUNT_OF(known); i++)
		if (sl_span_is_nocase(coding, known[i].coding))
			return &known[i];
	return NULL;
}

static bool
ends_with(struct sl_span name, const char *suffix)
{
	size_t len = strlen(suffix);
	return name.len >= len &&
	       sl_span_is_nocase(sl_span(name.data + name.len - len, len), suffix);
}

static bool
has_suffix(struct sl_span name, const struct named *named)
{
	for (size_t i = 0; i < SL_COUNT_OF(named->suffixes) && named->suffixes[i]; i++)
		if (ends_with(name, named->suffixes[i]))
			return true;
	return false;
}

/* Names that object stores and old servers give to it. */
bool
sl_coding_is_none(struct sl_span coding)
{
	static const char *const none[] = { "identity", "none", "binary", "utf-8", "aws-chunked" };
	for (size_t i = 0; i < SL_COUNT_OF(none); i++)
		if (sl_span_is_nocase(coding, none[i]))
			return true;
	return false;
}

bool
sl_coding_is_named_by(struct sl_span coding, struct sl_span name)
{
	const struct named *named = find(coding);
	return named && has_suffix(name, named);
}

bool
sl_coding_has_name(struct sl_span name)
{
	for (size_t i = 0; i < SL_COUNT_OF(known); i++)
		if (has_suffix(name, &known[i]))
			return true;
	return false;
}

enum sl_coding
sl_coding_read(const struct sl_head *head, enum sl_codec *codec)
{
	struct sl_header_list list;
	struct sl_span coding;
	enum sl_coding out = SL_CODING_NONE;
	*codec = SL_CODEC_NONE;
	sl_header_list_init(&list, head, "Content-Encoding");
	while (sl_header_list_next(&list, &coding)) {
		if (sl_coding_is_none(coding))
			continue;
		if (out != SL_CODING_NONE)
			return SL_CODING_SEVERAL;
		const struct named *named = find(coding);
		*codec = named ? named->codec : SL_CODEC_NONE;
		out = *codec == SL_CODEC_NONE ? SL_CODING_UNSUPPORTED : SL_CODING_ONE;
	}
	return out;
}
