/*
 * text.c - text for display: escaped for a terminal, cut to a length, measured in columns. All
 * functions use one strict UTF-8 decoder (sl_text_utf8): overlong forms, surrogates and code points
 * above 10FFFF are invalid, and each invalid byte is shown by itself.
 */
#include "sluice/base/text.h"

#include <stdlib.h>

#define CUT_MARK "..."

/* Length of a sequence by its first byte, 2..4; 0 for a byte that begins none. */
static size_t
sequence_len(unsigned char first)
{
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if ((first & 0xf0) == 0xe0)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t
sl_text_utf8(struct sl_span text, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)text.data;
	if (text.len == 0)
		return 0;
	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	size_t len = sequence_len(p[0]);
	if (len == 0 || text.len < len)
		return 0;
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t value = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	if (value < smallest[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code = value;
	return len;
}

bool
sl_text_is_bidi_control(uint32_t code)
{
	return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0x200e || code == 0x200f || code == 0x061c;
}

/* Bytes that are looked at together: the compiler makes vectors of such loops. */
#define BLOCK 16u

static bool
is_ascii_block(const char *data)
{
	uint64_t words[BLOCK / 8];
	memcpy(words, data, BLOCK);
	return ((words[0] | words[1]) & 0x8080808080808080u) == 0;
}

/* One column: neither a control nor above ASCII, which is one comparison of signed bytes but for
 * DEL. */
static inline bool
is_printable(char c)
{
	return ((signed char)c >= ' ') & (c != 0x7f);
}

/* Nor escaped in JSON. */
static inline bool
is_plain(char c)
{
	return is_printable(c) & (c != '"') & (c != '\\');
}

/* Length of the bytes that `text` begins with and `holds` is true of. */
static inline __attribute__((always_inline)) size_t
run_len(struct sl_span text, bool (*holds)(char))
{
	size_t len = 0;
	for (; text.len - len >= BLOCK; len += BLOCK) {
		unsigned char others[BLOCK];
		uint64_t words[BLOCK / 8];
		for (size_t i = 0; i < BLOCK; i++)
			others[i] = !holds(text.data[len + i]);
		memcpy(words, others, BLOCK);
		if (words[0] | words[1])
			break;
	}
	while (len < text.len && holds(text.data[len]))
		len++;
	return len;
}

/* What most text consists of. */
static size_t
printable_len(struct sl_span text)
{
	return run_len(text, is_printable);
}

size_t
sl_text_plain(struct sl_span text)
{
	return run_len(text, is_plain);
}

void
sl_text_make_safe(struct sl_buf *out, struct sl_span text)
{
	while (text.len > 0) {
		uint32_t code = ' ';
		size_t plain = printable_len(text);
		size_t len = plain ? plain : sl_text_utf8(text, &code);
		bool control = code < 0x20 ? code != '\t' : code >= 0x7f && code <= 0x9f;
		if (len == 0 || control) {
			size_t bytes = len ? len : 1;
			for (size_t i = 0; i < bytes; i++)
				sl_buf_printf(out, "\\x%02x", (unsigned char)text.data[i]);
			len = bytes;
		} else if (sl_text_is_bidi_control(code)) {
			sl_buf_printf(out, "\\u{%X}", code);
		} else {
			sl_buf_add(out, text.data, len);
		}
		text.data += len;
		text.len -= len;
	}
}

void
sl_text_make_ascii(struct sl_buf *out, struct sl_span text)
{
	size_t plain = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '\t' || (c >= ' ' && c < 0x7f))
			continue;
		sl_buf_add(out, text.data + plain, i - plain);
		sl_buf_printf(out, "\\x%02x", c);
		plain = i + 1;
	}
	sl_buf_add(out, text.data + plain, text.len - plain);
}

/* A table, since wcwidth covers only ASCII in the C locale, and a library must not set the
 * locale. */
static size_t
width_of(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} zero[] = { { 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
		{ 0x064b, 0x065f }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
		{ 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff } },
	  wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff }, { 0x3400, 0x4dbf },
		  { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
		  { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f },
		  { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };
	for (size_t i = 0; i < SL_COUNT_OF(zero); i++)
		if (code >= zero[i].first && code <= zero[i].last)
			return 0;
	for (size_t i = 0; i < SL_COUNT_OF(wide); i++)
		if (code >= wide[i].first && code <= wide[i].last)
			return 2;
	return 1;
}

bool
sl_text_is_utf8(struct sl_span text)
{
	while (text.len > 0) {
		uint32_t code = 0;
		bool is_ascii = text.len >= BLOCK && is_ascii_block(text.data);
		size_t len = is_ascii ? BLOCK : sl_text_utf8(text, &code);
		if (len == 0)
			return false;
		text.data += len;
		text.len -= len;
	}
	return true;
}

bool
sl_text_has_control(struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	return false;
}

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t
sl_text_cut(struct sl_span text, size_t most)
{
	if (text.len <= most)
		return text.len;
	size_t len = most;
	for (unsigned i = 0; i < 3 && len > 0 && is_continuation(text.data[len]); i++)
		len--;
	return len;
}

void
sl_text_show(struct sl_buf *out, struct sl_span text, size_t most)
{
	size_t len = sl_text_cut(text, most);
	sl_text_make_safe(out, sl_span(text.data, len));
	if (len < text.len)
		sl_buf_add_str(out, CUT_MARK);
}

void
sl_text_add_base64(struct sl_buf *out, struct sl_span data)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)data.data;
	for (size_t i = 0; i < data.len; i += 3) {
		size_t have = SL_MIN(data.len - i, (size_t)3);
		uint32_t group = (uint32_t)p[i] << 16;
		if (have > 1)
			group |= (uint32_t)p[i + 1] << 8;
		if (have > 2)
			group |= p[i + 2];
		sl_buf_add_char(out, digits[group >> 18]);
		sl_buf_add_char(out, digits[group >> 12 & 63]);
		sl_buf_add_char(out, have > 1 ? digits[group >> 6 & 63] : '=');
		sl_buf_add_char(out, have > 2 ? digits[group & 63] : '=');
	}
}

/* 0..63, or -1. */
static int
base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
				      : -1;
}

bool
sl_text_read_base64(struct sl_span text, unsigned char *out, size_t cap, size_t *len)
{
	uint32_t bits = 0;
	size_t digits = text.len, written = 0;
	if (digits % 4 == 0) /* padding fills a group of four, which has two digits at least */
		for (int i = 0; i < 2 && digits > 0 && text.data[digits - 1] == '='; i++)
			digits--;
	if (digits % 4 == 1)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int digit = base64_digit(text.data[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 0)
			continue;
		if (written == cap)
			return false;
		out[written++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
	}
	*len = written;
	return true;
}

void
sl_text_shorten(struct sl_buf *out, struct sl_span text, size_t most)
{
	sl_assert(most >= 16);
	if (text.len <= most) {
		sl_buf_add_span(out, text);
		return;
	}
	size_t head = sl_text_cut(text, most / 4), tail = most - most / 4 - strlen(CUT_MARK);
	for (unsigned i = 0; i < 3 && is_continuation(text.data[text.len - tail]); i++)
		tail--;
	sl_buf_add(out, text.data, head);
	sl_buf_add_str(out, CUT_MARK);
	sl_buf_add(out, text.data + text.len - tail, tail);
}

size_t
sl_text_width(struct sl_span text)
{
	size_t width = 0;
	while (text.len > 0) {
		uint32_t code = 0;
		size_t len = printable_len(text);
		width += len;
		if (len == 0) {
			len = sl_text_utf8(text, &code);
			width += len ? width_of(code) : 1;
			len = len ? len : 1;
		}
		text.data += len;
		text.len -= len;
	}
	return width;
}

void
sl_text_write_hex(char *out, const void *data, size_t len)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}

void
sl_text_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}
