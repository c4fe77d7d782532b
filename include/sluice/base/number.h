/*
 * number.h - checked arithmetic and narrowing for sizes that come from outside, and parsing of
 * numbers.
 */
#ifndef SLUICE_BASE_NUMBER_H
#define SLUICE_BASE_NUMBER_H

#include "sluice/base/def.h"

#include <stdbool.h>

/* True and *out set if the result fits; else false and *out undefined. */
static inline bool
sl_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

static inline bool
sl_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

static inline bool
sl_mul_size(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

/* Narrowing that asserts: for values whose bound was checked before, never for raw input. */
static inline uint32_t
sl_u32(uint64_t value)
{
	sl_assert(value <= UINT32_MAX);
	return (uint32_t)value;
}

static inline int
sl_int(uint64_t value)
{
	sl_assert(value <= INT32_MAX);
	return (int)value;
}

static inline size_t
sl_size(uint64_t value)
{
	sl_assert(value <= SIZE_MAX);
	return (size_t)value;
}

/* `align` is a power of two. */
static inline uint64_t
sl_round_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/* Asserts that the result fits. */
static inline uint64_t
sl_round_up(uint64_t value, uint64_t align)
{
	sl_assert(value <= UINT64_MAX - (align - 1));
	return (value + align - 1) & ~(align - 1);
}

/* True if [text, text + len) consists of 1 to 20 decimal digits, without sign or space, and the
 * value fits. */
bool sl_parse_u64(const char *text, size_t len, uint64_t *out) SL_MUST_CHECK;

/* As sl_parse_u64, hexadecimal without prefix, at most 16 digits. */
bool sl_parse_hex(const char *text, size_t len, uint64_t *out) SL_MUST_CHECK;

/* 0..15, or -1. */
int sl_hex_digit(unsigned char c);

/*
 * A size as users type it: digits, an optional fraction, and an optional unit: K, M, G, T, KiB,
 * MiB, GiB, TiB (1024) or KB, MB, GB, TB (1000), in any case. "0" is valid. False for anything else
 * or a value above 2^63 - 1.
 */
bool sl_parse_size(const char *text, uint64_t *out) SL_MUST_CHECK;

/* Room for sl_format_size. */
#define SL_SIZE_TEXT 32

/* "3.2 GiB": `text` of SL_SIZE_TEXT bytes. Returns it. */
const char *sl_format_size(char *text, uint64_t bytes);

/* A number as users type it, in thousandths: digits and an optional fraction, of which three digits
 * count. At most 10^12. */
bool sl_parse_milli(const char *text, uint64_t *out) SL_MUST_CHECK;

/* A time as users type it, in nanoseconds: digits, an optional fraction, and an optional unit: s
 * (the default), ms, m or h. At most 10 years. */
bool sl_parse_duration(const char *text, uint64_t *out_ns) SL_MUST_CHECK;

#endif
