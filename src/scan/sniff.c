/*
 * What the bytes of an input are, by three means:
 *
 *   magic numbers  of compressed data, byte order marks, and common binary formats
 *   wide text      UTF-16 without a mark: it begins with a line of ASCII characters, with a NUL
 *                  beside each. Names that are separated by NULs do not, unless they are single
 *                  letters. Where it begins later is found by wide.h. UTF-32 is known by its mark
 *                  only: small numbers of 32 bits look the same.
 *   control bytes  A file without NULs is text, as for grep. With NULs it is text too if its other
 *                  bytes look like it: a log gets a hole when it is truncated under its writer, a
 *                  tail of NULs at a power cut, and a stray NUL from a careless program.
 */
#include "sluice/scan/sniff.h"

#include "sluice/codec/codec.h"
#include "sluice/scan/wide.h"

#define MAGIC_MAX 6

/* As many NULs in a row are a hole or padding; a binary format has many shorter runs. */
#define NUL_RUN 16u

/* A file is binary if more than one byte in so many is a control byte. Random bytes have one in 13,
 * programs one in 4; text has hardly any. */
#define CONTROL_SHARE 32u

/* Those of compressed data are codec's. */
static const struct {
	enum sl_codec codec;
	enum sl_form form;
} codecs[] = {
	{ SL_CODEC_GZIP, SL_FORM_GZIP },
	{ SL_CODEC_ZSTD, SL_FORM_ZSTD },
	{ SL_CODEC_XZ, SL_FORM_XZ },
	{ SL_CODEC_BZIP2, SL_FORM_BZIP2 },
};

static const struct magic {
	enum sl_form form;
	unsigned char len;
	unsigned char bytes[MAGIC_MAX];
} magics[] = {
	/* Before UTF-16, whose mark it begins with. */
	{ SL_FORM_UTF32, 4, { 0xff, 0xfe, 0x00, 0x00 } },
	{ SL_FORM_UTF32, 4, { 0x00, 0x00, 0xfe, 0xff } },
	{ SL_FORM_UTF16, 2, { 0xff, 0xfe } },
	{ SL_FORM_UTF16, 2, { 0xfe, 0xff } },
	{ SL_FORM_LZ4, 4, { 0x04, 0x22, 0x4d, 0x18 } },
	{ SL_FORM_COMPRESS, 2, { 0x1f, 0x9d } },
	{ SL_FORM_LZIP, 5, { 'L', 'Z', 'I', 'P', 1 } },
	{ SL_FORM_ZIP, 4, { 'P', 'K', 3, 4 } }, /* also jar */
	{ SL_FORM_7Z, 6, { '7', 'z', 0xbc, 0xaf, 0x27, 0x1c } },
	{ SL_FORM_RAR, 6, { 'R', 'a', 'r', '!', 0x1a, 7 } },
};

/* Formats that lie about in directories of logs; those that could pass for text by their bytes
 * first. */
static const struct binary_magic {
	size_t off;
	const char *bytes;
	size_t len;
} binary_magics[] = {
	/* clang-format off */
	{ 0, "SQLite format 3\0", 16 },
	{ 257, "ustar", 5 },    /* tar */
	{ 0, "%PDF-", 5 },
	{ 0, "LPKSHHRH", 8 },   /* journal of systemd */
	{ 0, "\x7f" "ELF", 4 },
	{ 0, "MZ\x90\0", 4 },   /* program of Windows */
	{ 0, "\xca\xfe\xba\xbe", 4 }, /* class of Java */
	{ 0, "\x89PNG\r\n\x1a\n", 8 },
	{ 0, "\xff\xd8\xff", 3 }, /* JPEG */
	{ 0, "GIF8", 4 },
	{ 0, "\xd4\xc3\xb2\xa1", 4 }, /* pcap */
	{ 0, "\xa1\xb2\xc3\xd4", 4 },
	{ 0, "\n\r\r\n", 4 },   /* pcapng */
	/* clang-format on */
};

/* ---- magic numbers ---- */

/* The first `len` bytes of the magic, or all of it. */
static bool
agrees(const struct magic *magic, const unsigned char *data, size_t len)
{
	size_t seen = SL_MIN(len, (size_t)magic->len);
	return seen == 0 || memcmp(data, magic->bytes, seen) == 0;
}

static enum sl_form
magic_form(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < SL_COUNT_OF(magics); i++) {
		if (len >= magics[i].len && agrees(&magics[i], data, len))
			return magics[i].form;
	}
	return SL_FORM_PLAIN;
}

static bool
has_binary_magic(const unsigned char *data, size_t len)
{
	if (sl_form_is_foreign(magic_form(data, len)))
		return true;
	for (size_t i = 0; i < SL_COUNT_OF(binary_magics); i++) {
		const struct binary_magic *magic = &binary_magics[i];
		if (len >= magic->off + magic->len &&
			memcmp(data + magic->off, magic->bytes, magic->len) == 0)
			return true;
	}
	return false;
}

/* ---- UTF-16 without a mark ---- */

/* The first that is not a hole, but with the NUL that is the first half of a character. */
static size_t
wide_begin(const unsigned char *data, size_t len)
{
	return sl_wide_count_nuls(data, len) & ~(size_t)1;
}

enum wide { WIDE_NO, WIDE_MAYBE, WIDE_YES };

/*
 * An input that begins with these bytes, behind a hole: the characters of its first line, up to
 * SL_WIDE_RUN. The first is ASCII, and so are three quarters of all: of names of several letters
 * that are separated by NULs at most two thirds look like that. MAYBE: there are too few bytes to
 * tell.
 */
static enum wide
measure_first(const unsigned char *data, size_t len, size_t at)
{
	size_t count = 0, ascii = 0;
	bool is_newline = false;
	for (; 2 * count + 2 <= len && count < SL_WIDE_RUN && !is_newline; count++) {
		const unsigned char *pair = data + 2 * count;
		bool is_ascii = sl_wide_is_ascii(pair, at);
		is_newline = is_ascii && pair[at] == '\n';
		if ((count == 0 && (!is_ascii || is_newline)) || (pair[0] == 0 && pair[1] == 0))
			return WIDE_NO;
		ascii += is_ascii;
	}
	if (count < SL_WIDE_RUN && !is_newline)
		return WIDE_MAYBE;
	return ascii > SL_WIDE_LINE && 4 * ascii >= 3 * count ? WIDE_YES : WIDE_NO;
}

/* All of the input is there. */
static enum sl_form
first_form(const unsigned char *data, size_t len)
{
	static const unsigned char newline[2][2] = { { '\n', 0 }, { 0, '\n' } };
	unsigned char line[2 * SL_WIDE_RUN];
	for (size_t at = 0; at < 2; at++) {
		size_t seen = SL_MIN(len & ~(size_t)1, sizeof(line));
		enum wide wide = measure_first(data, seen, at);
		if (wide == WIDE_MAYBE) { /* the end is as good as a newline */
			memcpy(line, data, seen);
			memcpy(line + seen, newline[at], 2);
			wide = measure_first(line, seen + 2, at);
		}
		if (wide == WIDE_YES)
			return at ? SL_FORM_UTF16BE : SL_FORM_UTF16LE;
	}
	return SL_FORM_PLAIN;
}

/* These bytes are too few to tell. */
static bool
may_become_wide(const unsigned char *data, size_t len)
{
	if (len < 2)
		return len == 0 || data[0] != '\n';
	return measure_first(data, len, 0) == WIDE_MAYBE ||
	       measure_first(data, len, 1) == WIDE_MAYBE;
}

/* ---- control bytes ---- */

/* NUL counts. Text may have: SOH, which separates the fields of FIX, BEL to CR, and ESC. */
static bool
is_control(unsigned char c)
{
	const uint32_t allowed = 1u << 1 | 1u << 7 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 11 |
				 1u << 12 | 1u << 13 | 1u << 27;
	return c == 0x7f || (c < 0x20 && !(allowed >> c & 1));
}

/* Runs of NULs that are long, or go on behind the window, are neither content nor control bytes if
 * there may be holes. */
static bool
is_mostly_control(const unsigned char *data, size_t len, bool has_holes)
{
	size_t controls = 0, content = 0;
	for (size_t i = 0; i < len;) {
		size_t nuls = sl_wide_count_nuls(data + i, len - i);
		if (nuls == 0) {
			controls += is_control(data[i]);
			content++;
			i++;
			continue;
		}
		i += nuls;
		if (!has_holes || (nuls < NUL_RUN && i < len)) {
			controls += nuls;
			content += nuls;
		}
	}
	return controls * CONTROL_SHARE > content;
}

/* ---- public ---- */

enum sl_form
sl_sniff_form(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++)
		if (sl_codec_match(codecs[i].codec, data, len) == SL_CODEC_MATCHES)
			return codecs[i].form;
	enum sl_form form = magic_form(data, len);
	if (form != SL_FORM_PLAIN)
		return form;
	len = SL_MIN(len, (size_t)SL_SNIFF_WINDOW);
	size_t begin = wide_begin(data, len);
	return first_form(data + begin, len - begin);
}

static enum sl_codec
codec_of_name(struct sl_span name)
{
	const char *slash = name.len ? memrchr(name.data, '/', name.len) : NULL;
	struct sl_buf decoded = { 0 };
	if (slash)
		name = sl_span(slash + 1, name.len - (size_t)(slash + 1 - name.data));
	enum sl_codec codec = sl_codec_of_name(name, &decoded);
	sl_buf_release(&decoded);
	return codec;
}

enum sl_form
sl_sniff_named_form(struct sl_span name, const unsigned char *data, size_t len)
{
	enum sl_form form = len ? sl_sniff_form(data, len) : SL_FORM_PLAIN;
	enum sl_codec codec = form == SL_FORM_PLAIN ? codec_of_name(name) : SL_CODEC_NONE;
	if (codec == SL_CODEC_NONE)
		return form;
	bool is_cut =
		len < SL_CODEC_MAGIC_MAX && sl_codec_match(codec, data, len) == SL_CODEC_IS_PREFIX;
	if (!is_cut && !sl_sniff_is_binary_throughout(data, len))
		return SL_FORM_PLAIN;
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++)
		if (codecs[i].codec == codec)
			return codecs[i].form;
	return SL_FORM_PLAIN;
}

bool
sl_sniff_wants_more(const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < SL_COUNT_OF(codecs); i++)
		if (sl_codec_match(codecs[i].codec, data, len) == SL_CODEC_IS_PREFIX)
			return true;
	for (size_t i = 0; i < SL_COUNT_OF(magics); i++) {
		if (len < magics[i].len && agrees(&magics[i], data, len))
			return true;
	}
	size_t begin = wide_begin(data, len);
	return len < SL_SNIFF_WINDOW && may_become_wide(data + begin, len - begin);
}

bool
sl_sniff_is_binary(const unsigned char *data, size_t len)
{
	if (has_binary_magic(data, len))
		return true;
	size_t hole = sl_wide_count_nuls(data, len);
	size_t seen = SL_MIN(len - hole, (size_t)SL_SNIFF_WINDOW);
	return seen && memchr(data + hole, '\0', seen) &&
	       is_mostly_control(data + hole, seen, true);
}

bool
sl_sniff_is_binary_throughout(const unsigned char *data, size_t len)
{
	size_t seen = SL_MIN(len, (size_t)SL_SNIFF_WINDOW);
	return has_binary_magic(data, len) ||
	       (seen && memchr(data, '\0', seen) && is_mostly_control(data, seen, false));
}

bool
sl_sniff_has_only_cr(const unsigned char *data, size_t len)
{
	size_t seen = SL_MIN(len, (size_t)SL_SNIFF_WINDOW);
	return seen && memchr(data, '\r', seen) && !memchr(data, '\n', seen);
}

const char *
sl_form_name(enum sl_form form)
{
	static const char *const names[SL_FORMS] = { "plain text", "gzip", "zstd", "xz", "bzip2",
		"lz4", "compress", "lzip", "zip", "7z", "rar", "UTF-16", "UTF-32", "UTF-16",
		"UTF-16" };
	return names[form];
}

const char *
sl_form_reader(enum sl_form form)
{
	static const char *const readers[SL_FORMS] = { "cat", "zcat", "zstdcat", "xzcat", "bzcat",
		"lz4cat", "zcat", "lzip -dc", "unzip -p", "7z x -so", "unrar p -inul",
		"iconv -f UTF-16 -t UTF-8", "iconv -f UTF-32 -t UTF-8",
		"iconv -f UTF-16LE -t UTF-8", "iconv -f UTF-16BE -t UTF-8" };
	return readers[form];
}

bool
sl_form_is_wide(enum sl_form form)
{
	return form >= SL_FORM_UTF16;
}

bool
sl_form_is_foreign(enum sl_form form)
{
	return form >= SL_FORM_LZ4 && form <= SL_FORM_RAR;
}
