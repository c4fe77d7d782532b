/*
 * UTF-16 to UTF-8, a unit at a time. Most of what logs hold is ASCII, of which runs are copied
 * without looking at each state (copy_ascii).
 */
#include "sluice/codec/utf16.h"

#define MARK 0xfeffu
#define REPLACEMENT 0xfffdu

static bool
is_high(uint32_t unit)
{
	return (unit & 0xfc00) == 0xd800;
}

static bool
is_low(uint32_t unit)
{
	return (unit & 0xfc00) == 0xdc00;
}

static uint16_t
unit_of(enum sl_utf16_order order, unsigned char first, unsigned char second)
{
	unsigned high = order == SL_UTF16_LE ? second : first;
	unsigned low = order == SL_UTF16_LE ? first : second;
	return (uint16_t)((high << 8 | low) & 0xffff);
}

/* ---- text ---- */

static void
add_char(struct sl_utf16 *utf16, uint32_t c)
{
	unsigned char *out = utf16->text + utf16->text_len;
	unsigned len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (unsigned i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
	out[0] = (unsigned char)(heads[len] | c);
	utf16->text_len = (unsigned char)(utf16->text_len + len);
}

static void
add_unit(struct sl_utf16 *utf16, uint16_t unit)
{
	uint32_t high = utf16->high;
	utf16->high = 0;
	if (high && is_low(unit)) {
		add_char(utf16, 0x10000 + ((high & 0x3ff) << 10 | (unit & 0x3ffu)));
		return;
	}
	if (high)
		add_char(utf16, REPLACEMENT);
	if (is_high(unit))
		utf16->high = unit;
	else
		add_char(utf16, is_low(unit) ? REPLACEMENT : unit);
}

/* True if all of it was written. */
static bool
flush(struct sl_utf16 *utf16, struct sl_decode_io *io)
{
	size_t len = SL_MIN((size_t)(utf16->text_len - utf16->text_off), io->out_len);
	memcpy(io->out, utf16->text + utf16->text_off, len);
	io->out += len;
	io->out_len -= len;
	utf16->text_off = (unsigned char)(utf16->text_off + len);
	if (utf16->text_off < utf16->text_len)
		return false;
	utf16->text_len = utf16->text_off = 0;
	return true;
}

/* ---- units ---- */

static void
copy_ascii(const struct sl_utf16 *utf16, struct sl_decode_io *io)
{
	size_t most = SL_MIN(io->in_len / 2, io->out_len), at = utf16->order == SL_UTF16_BE;
	const unsigned char *in = io->in;
	size_t done = 0;
	while (done < most && in[2 * done + at] < 0x80 && in[2 * done + 1 - at] == 0) {
		io->out[done] = in[2 * done + at];
		done++;
	}
	io->in += 2 * done;
	io->in_len -= 2 * done;
	io->out += done;
	io->out_len -= done;
}

/* The first unit: a mark says the order, and is no text. */
static void
begin(struct sl_utf16 *utf16, unsigned char second)
{
	enum sl_utf16_order given = utf16->order;
	bool is_little = unit_of(SL_UTF16_LE, utf16->byte, second) == MARK;
	if (given == SL_UTF16_MARK)
		utf16->order = is_little ? SL_UTF16_LE : SL_UTF16_BE;
	utf16->has_begun = true;
	uint16_t unit = unit_of(utf16->order, utf16->byte, second);
	if (unit != MARK)
		add_unit(utf16, unit);
}

static void
take_byte(struct sl_utf16 *utf16, unsigned char c)
{
	utf16->has_byte = !utf16->has_byte;
	if (utf16->has_byte)
		utf16->byte = c;
	else if (!utf16->has_begun)
		begin(utf16, c);
	else
		add_unit(utf16, unit_of(utf16->order, utf16->byte, c));
}

static enum sl_decode_step
at_end(struct sl_utf16 *utf16, struct sl_decode_io *io)
{
	if (utf16->high)
		add_char(utf16, REPLACEMENT);
	utf16->high = 0;
	if (!flush(utf16, io))
		return SL_DECODE_FULL;
	return utf16->has_byte ? SL_DECODE_TRUNCATED : SL_DECODE_END;
}

enum sl_decode_step
sl_utf16_step(struct sl_utf16 *utf16, struct sl_decode_io *io)
{
	for (;;) {
		if (!flush(utf16, io))
			return SL_DECODE_FULL;
		if (utf16->has_begun && !utf16->has_byte && !utf16->high)
			copy_ascii(utf16, io);
		if (io->in_len == 0)
			break;
		take_byte(utf16, *io->in++);
		io->in_len--;
	}
	if (io->is_last)
		return at_end(utf16, io);
	return io->out_len == 0 ? SL_DECODE_FULL : SL_DECODE_MORE;
}
