/*
 * shape.c - digits are found in blocks of bytes and become a bitmap, so that only runs of digits
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

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* A run of digits in groups with points between them may be a date if one has more. */
#define GROUP_MAX 3u

/* ---- hashes ---- */

#define WORD_MIX 0x9e3779b97f4a7c15ull
#define PAIR_MIX 0x5851f42d4c957f2dull
#define SEED 0xd6e8feb86659fd93ull /* a product with 0 would forget what is in the text */

static uint64_t
mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * WORD_MIX;
	return hash ^ (hash >> 32);
}

__extension__ typedef unsigned __int128 product;

/* Of 16 bytes: each bit of both words decides about all bits. */
static uint64_t
mix_pair(uint64_t hash, uint64_t a, uint64_t b)
{
	product all = (product)(a ^ PAIR_MIX) * (b ^ hash);
	return (uint64_t)all ^ (uint64_t)(all >> 64);
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

/* ---- blocks ---- */

#define BLOCK 16u /* bytes that are looked at together */

/* What a block has: a bit for each byte. */
struct found {
	unsigned digits, escapes;
};

#if defined(__SSE2__)

/* Copy a block, with a zero for each digit. */
static struct found
copy_block(const char *from, char *to)
{
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)from);
	__m128i above = _mm_sub_epi8(text, _mm_set1_epi8('0'));
	__m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(9)), above);
	__m128i escapes = _mm_cmpeq_epi8(text, _mm_set1_epi8('\x1b'));
	__m128i values = _mm_and_si128(digits, _mm_set1_epi8(0x0f));
	_mm_storeu_si128((__m128i *)(void *)to, _mm_andnot_si128(values, text));
	return (struct found){ (unsigned)_mm_movemask_epi8(digits),
		(unsigned)_mm_movemask_epi8(escapes) };
}

#else

static struct found
copy_block(const char *from, char *to)
{
	struct found found = { 0 };
	for (unsigned i = 0; i < BLOCK; i++) {
		bool is_digit = from[i] >= '0' && from[i] <= '9';
		found.digits |= (unsigned)is_digit << i;
		found.escapes |= (unsigned)(from[i] == '\x1b') << i;
		to[i] = is_digit ? '0' : from[i];
	}
	return found;
}

#endif

/* ---- runs of digits ---- */

struct text {
	const unsigned char *data;
	size_t len;
	uint64_t digits[SL_SHAPE_LINE_MAX / 64 + 1]; /* a bit for each byte, and a zero behind */
	bool has_escapes;
	char zeroed[SL_SHAPE_LINE_MAX + BLOCK]; /* with a zero for each digit */
};

static void
init_text(struct text *text, struct sl_span line)
{
	const char *data = data_of(line);
	char last[BLOCK] = { 0 };
	unsigned escapes = 0;
	size_t at = 0;
	text->data = (const unsigned char *)data;
	text->len = line.len;
	memset(text->digits, 0, (line.len / 64 + 1) * sizeof(text->digits[0]));
	for (; at + BLOCK <= line.len; at += BLOCK) {
		struct found found = copy_block(data + at, text->zeroed + at);
		text->digits[at / 64] |= (uint64_t)found.digits << (at % 64);
		escapes |= found.escapes;
	}
	memcpy(last, data + at, line.len - at);
	struct found found = copy_block(last, text->zeroed + at);
	text->digits[at / 64] |= (uint64_t)found.digits << (at % 64);
	text->has_escapes = (escapes | found.escapes) != 0;
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

/* "2015-10-18 18:01:47": no run of it is shortened. */
#define STAMP_LEN 19u
#define STAMP_DIGITS 0x6db6full /* the lowest bit is the first byte */

struct shape {
	const struct text *text;
	size_t from;   /* text that was not copied yet */
	uint64_t runs; /* which ones were shortened, and digits that matter */
	size_t len;
	char copy[SL_SHAPE_LINE_MAX + 2 * BLOCK];
};

/* The text up to `to`. Blocks are copied whole: there is room for it. */
static void
copy_to(struct shape *shape, size_t to)
{
	const char *from = shape->text->zeroed + shape->from;
	char *out = shape->copy + shape->len;
	size_t len = to - shape->from;
	for (size_t i = 0; i < len; i += BLOCK)
		memcpy(out + i, from + i, BLOCK);
	shape->len += len;
	shape->from = to;
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
	if (end - begin != SL_MASK_STATUS_LEN || begin < 2 || text->data[begin - 1] != ' ')
		return 0;
	unsigned char quote = text->data[begin - 2];
	bool is_status = quote == '"' || quote == '\'';
	return is_status ? load((const char *)text->data + begin, SL_MASK_STATUS_LEN) : 0;
}

/* Its fraction is not shortened either: the byte before it, a point or a comma, is behind a
 * digit. */
static size_t
skip_stamp(const struct text *text)
{
	const unsigned char *data = text->data;
	bool is_stamp = text->len > STAMP_LEN &&
			(text->digits[0] & ((1u << STAMP_LEN) - 1)) == STAMP_DIGITS &&
			data[4] == '-' && data[7] == '-' && data[13] == ':' && data[16] == ':';
	if (!is_stamp || sl_mask_is_digit(data[STAMP_LEN]))
		return 0;
	bool has_fraction = data[STAMP_LEN] == '.' || data[STAMP_LEN] == ',';
	return has_fraction ? end_run(text, STAMP_LEN + 1) : STAMP_LEN;
}

static void
shorten(struct shape *shape, bool may_be_shortened)
{
	const struct text *text = shape->text;
	size_t at = skip_stamp(text);
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
may_be_shortened(const struct text *text, struct sl_span line)
{
	if (text->has_escapes)
		return false;
	return line.len <= SL_MASK_QUOTED_MAX || (!has(line, '"') && !has(line, '\''));
}

static uint64_t
hash_copy(struct shape *shape)
{
	uint64_t hash = mix(shape->runs, shape->len);
	memset(shape->copy + shape->len, 0, BLOCK);
	for (size_t at = 0; at < shape->len; at += BLOCK)
		hash = mix_pair(hash, load(shape->copy + at, 8), load(shape->copy + at + 8, 8));
	return mix(hash, shape->len);
}

uint64_t
sl_shape_hash(struct sl_span line)
{
	sl_assert(line.len <= SL_SHAPE_LINE_MAX);
	struct text text;
	struct shape shape;
	init_text(&text, line);
	shape.text = &text;
	shape.from = shape.len = 0;
	shape.runs = SEED;
	shorten(&shape, may_be_shortened(&text, line));
	return hash_copy(&shape);
}
