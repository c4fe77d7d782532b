#include "sluice/scan/sniff.h"

#define MAGIC_MAX 10

/* `mask` is ANDed to the byte before it is compared; all others are compared as they are. */
static const struct magic {
	enum sl_form form;
	unsigned char len, masked_at, mask;
	unsigned char bytes[MAGIC_MAX];
} magics[] = {
	{ SL_FORM_GZIP, 3, 0, 0xff,
		{ 0x1f, 0x8b, 0x08 } }, /* RFC 1952; 8 = deflate, the only one */
	{ SL_FORM_ZSTD, 4, 0, 0xff, { 0x28, 0xb5, 0x2f, 0xfd } }, /* RFC 8878, 3.1.1 */
	{ SL_FORM_ZSTD, 4, 0, 0xf0, { 0x50, 0x2a, 0x4d, 0x18 } }, /* 3.1.2: skippable frames */
	{ SL_FORM_XZ, 6, 0, 0xff, { 0xfd, '7', 'z', 'X', 'Z', 0x00 } },
	/* "BZh1" alone could be text: a block, or the end of an empty stream, follows the level. */
	{ SL_FORM_BZIP2, 10, 3, 0xf0, { 'B', 'Z', 'h', 0x30, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59 } },
	{ SL_FORM_BZIP2, 10, 3, 0xf0, { 'B', 'Z', 'h', 0x30, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90 } },
	{ SL_FORM_UTF16, 2, 0, 0xff, { 0xff, 0xfe } },
	{ SL_FORM_UTF16, 2, 0, 0xff, { 0xfe, 0xff } },
	{ SL_FORM_UTF16, 4, 0, 0xff, { 0x00, 0x00, 0xfe, 0xff } }, /* UTF-32, big end first */
};

/* The first `len` bytes of the magic, or all of it. */
static bool
agrees(const struct magic *magic, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len && i < magic->len; i++) {
		unsigned char c = i == magic->masked_at ? data[i] & magic->mask : data[i];
		if (c != magic->bytes[i])
			return false;
	}
	return true;
}

enum sl_form
sl_sniff_form(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < SL_COUNT_OF(magics); i++) {
		if (len >= magics[i].len && agrees(&magics[i], data, len))
			return magics[i].form;
	}
	return SL_FORM_PLAIN;
}

bool
sl_sniff_wants_more(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < SL_COUNT_OF(magics); i++) {
		if (len < magics[i].len && agrees(&magics[i], data, len))
			return true;
	}
	return false;
}

bool
sl_sniff_is_binary(const unsigned char *data, size_t len)
{
	size_t seen = SL_MIN(len, (size_t)SL_SNIFF_BINARY);
	return seen && memchr(data, '\0', seen) != NULL;
}

const char *
sl_form_name(enum sl_form form)
{
	static const char *const names[] = { "plain text", "gzip", "zstd", "xz", "bzip2",
		"UTF-16" };
	return names[form];
}

const char *
sl_form_reader(enum sl_form form)
{
	static const char *const readers[] = { "cat", "zcat", "zstdcat", "xzcat", "bzcat",
		"iconv -f UTF-16 -t UTF-8" };
	return readers[form];
}
