/*
 * shape.c - digits are found eight bytes at a time and become a bitmap, so that only runs of digits
 * are looked at one by one:
 *
 *     for each run of digits
 *         if the bytes before and behind it show that its length does not matter
 *             one digit is copied, with the text before it
 *     the copy is hashed, with a zero for each digit, and with which runs were shortened
 *
 * The rules follow masks.c, mask_time.c and mask_value.c: what these may find there depends on the
 * number of digits in dates, times of day and zones, UUIDs and hexadecimal numbers (which are words
 * of hexadecimal digits), addresses of groups (between colons), in the status code behind a
 * request (which is not masked), and where quoted text has a limit. A run that may be a part of any
 * of these keeps its length. Rules only look at bytes that a shape has as well.
 */
#include "sluice/digest/shape.h"

#include "masks_int.h"

/* A run of digits in groups with points between them may be a date if one has more. */
#define GROUP_MAX 3u
#define COPY 16u /* bytes at a time */

/* ---- hashes ---- */

#define EACH 0x0101010101010101ull /* byte */

static uint64_t
mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 32);
}

/* 1 in each byte that is a digit: '0' to '0' + 9. */
static uint64_t
digits_of(uint64_t word)
{
	uint64_t above = word ^ ('0' * EACH);
	uint64_t others = (((above & 0x7f * EACH) + 0x76 * EACH) | above) & 0x80 * EACH;
	return (others ^ 0x80 * EACH) >> 7;
}

static uint64_t
without_digits(uint64_t word)
{
	return word & ~(digits_of(word) * 0x0f);
}

static uint64_t
load(const char *at, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, at, len);
	return word;
}

/* The text of an empty span may be NULL. */
static const char *
data_of(struct sl_span text)
{
	return text.len ? text.data : "";
}

uint64_t
sl_shape_hash_text(struct sl_span text)
{
	const char *data = data_of(text);
	uint64_t hash = text.len;
	size_t at = 0;
	for (; text.len - at >= 8; at += 8)
		hash = mix(hash, load(data + at, 8));
	return mix(mix(hash, load(data + at, text.len - at)), 0);
}

/* Two at a time, since one waits for its multiplication. */
static uint64_t
hash_without_digits(const char *data, size_t len, uint64_t seed)
{
	uint64_t a = len ^ seed, b = 0x5851f42d4c957f2dull;
	size_t at = 0;
	for (; len - at >= 16; at += 16) {
		a = mix(a, without_digits(load(data + at, 8)));
		b = mix(b, without_digits(load(data + at + 8, 8)));
	}
	if (len - at >= 8) {
		a = mix(a, without_digits(load(data + at, 8)));
		at += 8;
	}
	b = mix(b, without_digits(load(data + at, len - at)));
	return mix(a, b);
}

/* ---- runs of digits ---- */

struct text {
	const unsigned char *data;
	size_t len;
	uint64_t digits[SL_SHAPE_LINE_MAX / 64 + 1]; /* a bit for each byte, and a zero behind */
};

/* The lowest bit of each byte. */
static uint64_t
gather(uint64_t word)
{
	return (word * 0x0102040810204080ull) >> 56;
}

static void
find_digits(struct text *text)
{
	const char *data = (const char *)text->data;
	memset(text->digits, 0, (text->len / 64 + 1) * sizeof(*text->digits));
	size_t at = 0;
	for (; text->len - at >= 8; at += 8)
		text->digits[at / 64] |= gather(digits_of(load(data + at, 8))) << (at % 64);
	text->digits[at / 64] |= gather(digits_of(load(data + at, text->len - at))) << (at % 64);
}

/* The first digit from `at` on; the length of the text if there is none. */
static size_t
find_run(const struct text *text, size_t at)
{
	size_t word = at / 64;
	uint64_t bits = text->digits[word] & (UINT64_MAX << (at % 64));
	while (!bits && word < text->len / 64)
		bits = text->digits[++word];
	return bits ? word * 64 + (size_t)__builtin_ctzll(bits) : text->len;
}

/* The end of the digits that begin at `at`. */
static size_t
end_run(const struct text *text, size_t at)
{
	for (;; at = (at / 64 + 1) * 64) {
		uint64_t others = ~text->digits[at / 64] >> (at % 64);
		if (others)
			return at + (size_t)__builtin_ctzll(others);
	}
}

/* ---- whether the length of a run matters ---- */

/* What a byte is for a run beside it. */
enum {
	/* Of a word that is not hexadecimal then, nor a time: all letters but A to F, T, X, Z. */
	PLAIN = 1,
	/* Before a run: a number begins here. */
	OPEN = 2,
	/* Behind a run: a number ends here. */
	CLOSE = 4,
	HEX = 8,
	DIGIT = 16,
	/* Before the byte before a run: a year or a status may come. */
	ENDS_VALUE = 32,
};

/* Of each byte, sixteen to a row. */
/* clang-format off */
enum { P = PLAIN, H = HEX, D = HEX | DIGIT | ENDS_VALUE, E = ENDS_VALUE, O = OPEN, C = CLOSE, B = OPEN | CLOSE, Q = OPEN | CLOSE | ENDS_VALUE };
static const unsigned char roles[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	O, 0, Q, O, 0, C, B, Q, O, C, 0, 0, O, 0, 0, 0,
	D, D, D, D, D, D, D, D, D, D, 0, B, O, O, C, 0,
	0, H, H, H, H, H, H, P, P, P, P, P, P, P, P, P,
	P, P, P, P, 0, P, P, P, 0, P, E, O, 0, C, 0, 0,
	0, H, H, H, H, H, H, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, 0, P, P, O, B, C, 0, 0,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
};
/* clang-format on */

/* As if there were spaces around the line, also at -1. */
static unsigned char
byte_at(const struct text *text, size_t at)
{
	return at < text->len ? text->data[at] : ' ';
}

static unsigned
role_at(const struct text *text, size_t at)
{
	return roles[byte_at(text, at)];
}

/* "04/Dec/": before `at`, which is behind the second slash. */
static bool
ends_month(const struct text *text, size_t at)
{
	if (at < 5 || text->data[at - 5] != text->data[at - 1])
		return false;
	return sl_mask_is_letter(text->data[at - 2]) && sl_mask_is_letter(text->data[at - 3]) &&
	       sl_mask_is_letter(text->data[at - 4]);
}

/* The letters before `at`, which may be hexadecimal digits, are those of a word that is none. */
static bool
is_in_word(const struct text *text, size_t at)
{
	while (at > 0 && (roles[text->data[at - 1]] & HEX))
		at--;
	return at > 0 && (roles[text->data[at - 1]] & PLAIN);
}

/* "file.c:": not a group of an address, before which there is another colon, nor a time. */
static bool
ends_name(const struct text *text, size_t at)
{
	unsigned role;
	do
		role = role_at(text, --at - 1);
	while ((role & HEX) && !(role & DIGIT));
	return !(role & DIGIT) && byte_at(text, at - 1) != ':';
}

/* A number begins at `at`, and is no part of something that began before. */
static bool
begins_number(const struct text *text, size_t at)
{
	unsigned char c = byte_at(text, at - 1);
	unsigned before = role_at(text, at - 2);
	if (roles[c] & OPEN)
		return !(c == ' ' || c == ',') || !(before & ENDS_VALUE);
	if (c == ':')
		return ends_name(text, at);
	if (c == '_')
		return !(before & DIGIT);
	return (c == '-' || c == '/' || c == '.') && (before & PLAIN) && !ends_month(text, at);
}

/* It ends before `at`, whatever it is. */
static bool
ends_number(const struct text *text, size_t at)
{
	unsigned char c = byte_at(text, at), next = byte_at(text, at + 1);
	if (roles[c] & (CLOSE | PLAIN))
		return true;
	switch (c) {
	case ' ':
	case ',':
		return !sl_mask_is_digit(next);
	case '.':
		return next == ' ';
	case ':':
		return next != ':' && !(roles[next] & HEX);
	default:
		return false;
	}
}

/* The end of groups of digits with points between them, of which the first ends at `end`: 0 if they
 * may be a date. */
static size_t
end_groups(const struct text *text, size_t begin, size_t end)
{
	size_t longest = end - begin, count = 1;
	for (; byte_at(text, end) == '.' && (role_at(text, end + 1) & DIGIT); count++) {
		size_t next = end + 1;
		end = end_run(text, next);
		longest = SL_MAX(longest, end - next);
	}
	return count < 3 || longest <= GROUP_MAX ? end : 0;
}

/* The end of the number whose first run of digits is [begin, end), if the length of none of its
 * runs matters; else 0. */
static size_t
end_free(const struct text *text, size_t begin, size_t end)
{
	if (is_in_word(text, begin))
		return end;
	if (begin > 0 && !begins_number(text, begin))
		return 0;
	end = end_groups(text, begin, end);
	return end && ends_number(text, end) ? end : 0;
}

/* ---- shapes ---- */

struct shape {
	const struct text *text;
	size_t from;   /* text that was not copied yet */
	uint64_t runs; /* which ones were shortened, and digits that matter */
	size_t len;
	char copy[SL_SHAPE_LINE_MAX + COPY];
};

/* The text up to `to`. */
static void
copy_to(struct shape *shape, size_t to)
{
	const struct text *text = shape->text;
	size_t from = shape->from;
	char *out = shape->copy + shape->len;
	shape->len += to - from;
	shape->from = to;
	for (; from < to && text->len - from >= COPY; from += COPY, out += COPY)
		memcpy(out, text->data + from, COPY);
	if (from < to)
		memcpy(out, text->data + from, to - from);
}

/* Of each run of the number [begin, end) one digit. */
static void
copy_number(struct shape *shape, size_t begin, size_t end)
{
	for (;;) {
		size_t run = end_run(shape->text, begin);
		copy_to(shape, begin + 1);
		shape->from = run;
		if (run == end)
			return;
		begin = run + 1;
	}
}

/* Which digits it has does not matter, unless it may be the status code behind a request, in
 * quotation marks. */
static uint64_t
value_of(const struct text *text, size_t begin, size_t end)
{
	unsigned char quote = begin > 1 ? text->data[begin - 2] : ' ';
	bool is_status = end - begin == SL_MASK_STATUS_LEN && (quote == '"' || quote == '\'') &&
			 text->data[begin - 1] == ' ';
	return is_status ? load((const char *)text->data + begin, SL_MASK_STATUS_LEN) : 0;
}

static void
shorten(struct shape *shape, bool may_be_shortened)
{
	const struct text *text = shape->text;
	size_t at = 0;
	while ((at = find_run(text, at)) < text->len) {
		size_t end = end_run(text, at);
		size_t number = may_be_shortened ? end_free(text, at, end) : 0;
		shape->runs = mix(shape->runs, number ? 1 : 2 + value_of(text, at, end));
		if (number)
			copy_number(shape, at, number);
		at = number ? number : end;
	}
	copy_to(shape, text->len);
}

static bool
has(struct sl_span line, char c)
{
	return line.len && memchr(line.data, c, line.len);
}

/* Only in short lines quoted text has no limit; and words begin behind escape sequences, which end
 * with a letter. */
static bool
may_be_shortened(struct sl_span line)
{
	if (has(line, '\x1b'))
		return false;
	return line.len <= SL_MASK_QUOTED_MAX || (!has(line, '"') && !has(line, '\''));
}

uint64_t
sl_shape_hash(struct sl_span line)
{
	sl_assert(line.len <= SL_SHAPE_LINE_MAX);
	struct text text;
	struct shape shape;
	text.data = (const unsigned char *)data_of(line);
	text.len = line.len;
	find_digits(&text);
	shape.text = &text;
	shape.from = shape.len = 0;
	shape.runs = 1;
	shorten(&shape, may_be_shortened(line));
	return hash_without_digits(shape.copy, shape.len, shape.runs);
}
