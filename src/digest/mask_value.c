/*
 * mask_value.c - values in lines, as they begin at a byte: identifiers, addresses, numbers and
 * their units.
 */
#include "masks_int.h"

#define GROUPS_MAX 48 /* bytes: more than an IPv6 address has */

/* Of each byte, sixteen to a row. */
/* clang-format off */
enum { O = SL_MASK_BYTE_OTHER, W = SL_MASK_BYTE_WORD, D = SL_MASK_BYTE_DIGIT, S = SL_MASK_BYTE_SPACE, Q = SL_MASK_BYTE_QUOTE, P = SL_MASK_BYTE_SLASH, E = SL_MASK_BYTE_ESCAPE };
const unsigned char sl_mask_kinds[256] = {
	S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S,
	S, S, S, S, S, S, S, S, S, S, S, E, S, S, S, S,
	S, O, Q, O, O, O, O, Q, O, O, O, O, O, O, O, P,
	D, D, D, D, D, D, D, D, D, D, O, O, O, O, O, O,
	O, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, O, O, O, O, W,
	O, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, O, O, O, O, S,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
	W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
};
/* clang-format on */

bool
sl_mask_is_uuid(const unsigned char *text, size_t len)
{
	if (len < SL_MASK_UUID_LEN ||
		(len > SL_MASK_UUID_LEN && sl_mask_is_word(text[SL_MASK_UUID_LEN])))
		return false;
	for (size_t i = 0; i < SL_MASK_UUID_LEN; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_dash ? text[i] != '-' : !sl_mask_is_hex_digit(text[i]))
			return false;
	}
	return true;
}

/* A word that is one number: 0x1f, or 8 digits or more that are not all decimal. */
bool
sl_mask_is_hex(const unsigned char *word, size_t len)
{
	size_t digits = 0, from = 0;
	if (len > 2 && sl_mask_is_digit(word[0]) && (word[1] | 0x20) == 'x')
		from = 2;
	for (size_t i = from; i < len; i++) {
		if (!sl_mask_is_hex_digit(word[i]))
			return false;
		digits += sl_mask_is_digit(word[i]);
	}
	return from || (len >= SL_MASK_HEX_MIN && digits > 0 && digits < len);
}

/* The length of fe80::1, 2001:db8:0:0:0:0:0:1 or aa:bb:cc:dd:ee:ff at the start; 0 if there is
 * none. */
size_t
sl_mask_groups(const unsigned char *at, const unsigned char *end)
{
	const unsigned char *begin = at;
	unsigned colons = 0, doubled = 0, digits = 0;
	if (end - at > GROUPS_MAX)
		end = at + GROUPS_MAX;
	for (; at < end && (*at == ':' || sl_mask_is_hex_digit(*at)); at++) {
		digits = *at == ':' ? 0 : digits + 1;
		colons += *at == ':';
		doubled += *at == ':' && at > begin && at[-1] == ':';
		if (digits > 4)
			return 0;
	}
	bool is_long = doubled == 1 ? colons >= 2 && colons <= 7 : colons == 7 || colons == 5;
	return is_long && doubled <= 1 && (at == end || !sl_mask_is_word(*at))
		       ? (size_t)(at - begin)
		       : 0;
}

/* The length of a unit behind a number, and of what it is one; 0 if there is none. */
size_t
sl_mask_unit(const unsigned char *at, const unsigned char *end, enum sl_mask *mask)
{
	static const struct {
		char text[8];
		enum sl_mask mask;
	} units[] = {
		{ "ms", SL_MASK_DURATION },
		{ "s", SL_MASK_DURATION },
		{ "us", SL_MASK_DURATION },
		{ "ns", SL_MASK_DURATION },
		{ "\xc2\xb5s", SL_MASK_DURATION },
		{ "sec", SL_MASK_DURATION },
		{ "secs", SL_MASK_DURATION },
		{ "msec", SL_MASK_DURATION },
		{ "min", SL_MASK_DURATION },
		{ "m", SL_MASK_DURATION },
		{ "h", SL_MASK_DURATION },
		{ "d", SL_MASK_DURATION },
		{ "b", SL_MASK_SIZE },
		{ "k", SL_MASK_SIZE },
		{ "kb", SL_MASK_SIZE },
		{ "mb", SL_MASK_SIZE },
		{ "gb", SL_MASK_SIZE },
		{ "tb", SL_MASK_SIZE },
		{ "kib", SL_MASK_SIZE },
		{ "mib", SL_MASK_SIZE },
		{ "gib", SL_MASK_SIZE },
		{ "g", SL_MASK_SIZE },
	};
	size_t len = sl_mask_count(at, end, SL_MASK_BYTE_WORD);
	if (len == 0 || len > 4 || (at + len < end && sl_mask_kinds[at[len]] == SL_MASK_BYTE_DIGIT))
		return 0;
	struct sl_span unit = sl_span((const char *)at, len);
	for (size_t i = 0; i < SL_COUNT_OF(units); i++) {
		if (sl_span_is_nocase(unit, units[i].text)) {
			*mask = units[i].mask;
			return len;
		}
	}
	return 0;
}

/* Digits, and points or commas between digits. *groups: how many there are between points alone. */
size_t
sl_mask_number(const unsigned char *at, const unsigned char *end, unsigned *groups)
{
	const unsigned char *begin = at;
	*groups = 1;
	for (;;) {
		at += sl_mask_count(at, end, SL_MASK_BYTE_DIGIT);
		bool goes_on =
			end - at > 1 && (*at == '.' || *at == ',') && sl_mask_is_digit(at[1]);
		if (!goes_on)
			return (size_t)(at - begin);
		*groups = *at == '.' && *groups ? *groups + 1 : 0;
		at++;
	}
}

size_t
sl_mask_port(const unsigned char *at, const unsigned char *end)
{
	size_t digits = at < end && *at == ':' ? sl_mask_count(at + 1, end, SL_MASK_BYTE_DIGIT) : 0;
	return digits ? digits + 1 : 0;
}
