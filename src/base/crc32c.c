/*
 * crc32c.c - CRC-32C by the instructions of x86-64 (SSE 4.2) and aarch64, or by a small table.
 *
 * The instruction takes 8 bytes a cycle, but its result comes three cycles later. So three
 * neighbouring blocks are summed at once, and their sums are joined: the sum of A followed by len
 * bytes B is crc(A) * x^(8 len) + crc(B), modulo the polynomial. That product needs one carry-less
 * multiplication, of 32 by 32 bits, and one more CRC instruction, which reduces it:
 *
 *    crc(0, a * b) = a * b * x^33     (x for the bit by which a product of reflected values is off,
 *                                      x^32 by the definition of a CRC)
 *
 * so that the factor for a block of len bytes is x^(8 len - 33).
 */
#include "sluice/base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HARDWARE __attribute__((target("sse4.2,pclmul")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <arm_neon.h>
#include <sys/auxv.h>
#define HARDWARE __attribute__((target("+crc+crypto")))
#endif

#define POLY_REFLECTED 0x82f63b78u

/* The portable version uses a table of 16 entries, one cache line; speed matters in the hardware
 * version only. */
static uint32_t
step_nibble(uint32_t crc)
{
	for (int bit = 0; bit < 4; bit++)
		crc = crc >> 1 ^ (crc & 1 ? POLY_REFLECTED : 0);
	return crc;
}

uint32_t
sl_crc32c_portable(uint32_t crc, const void *data, size_t len)
{
	uint32_t table[16];
	for (uint32_t i = 0; i < 16; i++)
		table[i] = step_nibble(i);
	const unsigned char *p = data;
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

#ifdef HARDWARE

/* ---- what the machines differ in ---- */

#if defined(__x86_64__)
/* The compiler's runtime caches the result of cpuid: this is two loads. */
static bool
has_hardware(void)
{
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

HARDWARE static inline uint32_t
add_word(uint32_t crc, uint64_t word)
{
	return (uint32_t)_mm_crc32_u64(crc, word);
}

HARDWARE static inline uint32_t
add_byte(uint32_t crc, unsigned char byte)
{
	return _mm_crc32_u8(crc, byte);
}

HARDWARE static inline uint64_t
multiply(uint32_t a, uint32_t b)
{
	__m128i product = _mm_clmulepi64_si128(
		_mm_cvtsi64_si128((int64_t)a), _mm_cvtsi64_si128((int64_t)b), 0);
	return (uint64_t)_mm_cvtsi128_si64(product);
}
#else
static bool
has_hardware(void)
{
	const unsigned long both = HWCAP_CRC32 | HWCAP_PMULL;
	return (getauxval(AT_HWCAP) & both) == both;
}

HARDWARE static inline uint32_t
add_word(uint32_t crc, uint64_t word)
{
	return __crc32cd(crc, word);
}

HARDWARE static inline uint32_t
add_byte(uint32_t crc, unsigned char byte)
{
	return __crc32cb(crc, byte);
}

HARDWARE static inline uint64_t
multiply(uint32_t a, uint32_t b)
{
	return vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64(a, b)), 0);
}
#endif

/* ---- both ---- */

static inline uint64_t
word_at(const unsigned char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof(word));
	return word; /* both are little-endian */
}

/* Bytes of a block, a multiple of 8, and the factors that move a sum by one and by two blocks. */
struct block {
	size_t len;
	uint32_t by_one, by_two;
};

static const struct block long_block = { 8192, 0x54a86326, 0x1dc403cc };
static const struct block short_block = { 256, 0xb9e02b86, 0xdd7e3b0c };

/* Three blocks from p on. */
HARDWARE static inline uint32_t
add_three(uint32_t crc, const unsigned char *p, const struct block *block)
{
	uint32_t second = 0, third = 0;
	size_t len = block->len;
	for (size_t i = 0; i < len; i += 8) {
		crc = add_word(crc, word_at(p + i));
		second = add_word(second, word_at(p + len + i));
		third = add_word(third, word_at(p + 2 * len + i));
	}
	return add_word(0, multiply(crc, block->by_two) ^ multiply(second, block->by_one)) ^ third;
}

HARDWARE static uint32_t
crc32c_hardware(uint32_t crc, const unsigned char *p, size_t len)
{
	crc = ~crc;
	for (; len >= 3 * long_block.len; len -= 3 * long_block.len, p += 3 * long_block.len)
		crc = add_three(crc, p, &long_block);
	for (; len >= 3 * short_block.len; len -= 3 * short_block.len, p += 3 * short_block.len)
		crc = add_three(crc, p, &short_block);
	for (; len >= 8; len -= 8, p += 8)
		crc = add_word(crc, word_at(p));
	for (; len > 0; len--, p++)
		crc = add_byte(crc, *p);
	return ~crc;
}
#endif

uint32_t
sl_crc32c(uint32_t crc, const void *data, size_t len)
{
#ifdef HARDWARE
	if (has_hardware())
		return crc32c_hardware(crc, data, len);
#endif
	return sl_crc32c_portable(crc, data, len);
}
