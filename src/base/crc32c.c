/*
 * crc32c.c - CRC-32C by carry-less multiplication in vectors of 64 bytes (x86-64 with AVX-512), by
 * the CRC instructions of x86-64 (SSE 4.2) and aarch64, or by a small table.
 *
 * Data are polynomials here: the first bit is the highest power of x. A CRC is the remainder of
 * data * x^32 modulo P. The sum of A followed by n bits B is A * x^n + B, where x^n may be replaced
 * by its remainder modulo P, a factor of 32 bits. Values are reflected: the highest power is the
 * lowest bit. So a product, taken for a value of twice the width, has one power of x too many, and
 * a factor in the low half of a word counts as multiplied by x^32:
 *
 *   - a word of 64 bits times a factor b in the low half of another: a * b * x^33;
 *   - the CRC instruction on the product of two values of 32 bits, which multiplies it by x^32 and
 *     reduces it: a * b * x^33.
 *
 * In both cases the factor that moves a sum by n bits is x^(n - 33) modulo P. To check a factor:
 * begin with 1, which is 0x80000000 reflected; n - 33 steps of step_bit() multiply it by x each.
 *
 * CRC instruction: it takes 8 bytes a cycle, but its result comes three cycles later. So three
 * neighbouring blocks are summed at once, and their sums are joined as described.
 *
 * Folding: the sums are 16 values of 128 bits in four vectors. A step moves each by the 256 bytes
 * of all vectors and adds the next data; nothing is reduced. The vectors are then congruent to all
 * data so far, so the CRC instruction is run over them instead of over the data.
 */
#include "sluice/base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HARDWARE __attribute__((target("sse4.2,pclmul")))
#define FOLDING __attribute__((target("sse4.2,pclmul,avx512f,vpclmulqdq")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <arm_neon.h>
#include <sys/auxv.h>
#define HARDWARE __attribute__((target("+crc+crypto")))
#endif

#define POLY_REFLECTED 0x82f63b78u

/* The value times x, modulo P. */
static uint32_t
step_bit(uint32_t crc)
{
	return crc >> 1 ^ (crc & 1 ? POLY_REFLECTED : 0);
}

/* The portable version uses a table of 16 entries, one cache line; speed matters in the hardware
 * version only. */
static uint32_t
step_nibble(uint32_t crc)
{
	for (int bit = 0; bit < 4; bit++)
		crc = step_bit(crc);
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

/* Bytes of a block, a multiple of 8, and the factors that move a sum by one and by two blocks:
 * x^(8 len - 33) and x^(16 len - 33). */
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
crc32c_hardware(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;
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

#ifdef FOLDING

/* Bytes of the four vectors. */
#define FOLD 256u

/* Bytes to prefetch ahead. Data that was copied from a socket is in the last cache; there this
 * gives 19 to 22 GB/s instead of 15 to 18. Distances from 2 to 16 KiB give the same. */
#define PREFETCH 4096u

/* The CRC of the sums costs as much as that of 256 bytes of data. */
#define FOLD_MIN (2 * FOLD)

/* The truth table that makes the ternary instruction an exclusive or. */
#define XOR_OF_THREE 0x96

/* AVX-512 counts as supported only if the operating system saves its registers. */
static bool
has_folding(void)
{
	return has_hardware() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("vpclmulqdq");
}

FOLDING static inline __m512i
load(const unsigned char *p)
{
	return _mm512_loadu_si512((const void *)p);
}

/* Moves the four sums of a vector by FOLD bytes and adds 64 bytes from p on. */
FOLDING static inline __m512i
fold(__m512i sums, __m512i factors, const unsigned char *p)
{
	return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sums, factors, 0x00),
		_mm512_clmulepi64_epi128(sums, factors, 0x11), load(p), XOR_OF_THREE);
}

/* Any address may be prefetched, also one past the end of the data. */
FOLDING static inline void
prefetch(const unsigned char *p)
{
	for (size_t off = 0; off < FOLD; off += 64)
		_mm_prefetch((const char *)p + PREFETCH + off, _MM_HINT_T0);
}

FOLDING static uint32_t
crc32c_folding(uint32_t crc, const void *data, size_t len)
{
	if (len < FOLD_MIN)
		return crc32c_hardware(crc, data, len);
	/* The low half of a sum comes first, so it is moved by 64 bits more. */
	const uint32_t by_fold = 0xb9e02b86;    /* x^(8 FOLD - 33) */
	const uint32_t by_fold_64 = 0xdcb17aa4; /* x^(8 FOLD + 64 - 33) */
	const __m512i factors = _mm512_broadcast_i32x4(_mm_set_epi64x(by_fold, by_fold_64));
	const unsigned char *p = data;
	__m512i a = load(p), b = load(p + 64), c = load(p + 128), d = load(p + 192);
	a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
	for (p += FOLD, len -= FOLD; len >= FOLD; p += FOLD, len -= FOLD) {
		prefetch(p);
		a = fold(a, factors, p);
		b = fold(b, factors, p + 64);
		c = fold(c, factors, p + 128);
		d = fold(d, factors, p + 192);
	}
	uint64_t sums[FOLD / 8];
	_mm512_storeu_si512(sums, a);
	_mm512_storeu_si512(sums + 8, b);
	_mm512_storeu_si512(sums + 16, c);
	_mm512_storeu_si512(sums + 24, d);
	_mm256_zeroupper(); /* gcc 12 does not add it before the tail call below */
	crc = 0;
	for (size_t i = 0; i < SL_COUNT_OF(sums); i++)
		crc = add_word(crc, sums[i]);
	return crc32c_hardware(~crc, p, len);
}
#endif

static bool
has_portable(void)
{
	return true;
}

static const struct sl_crc32c_kernel kernels[] = {
#ifdef FOLDING
	{ "folding", has_folding, crc32c_folding },
#endif
#ifdef HARDWARE
	{ "instruction", has_hardware, crc32c_hardware },
#endif
	{ "portable", has_portable, sl_crc32c_portable },
};

const struct sl_crc32c_kernel *
sl_crc32c_nth(size_t index)
{
	return index < SL_COUNT_OF(kernels) ? &kernels[index] : NULL;
}

uint32_t
sl_crc32c(uint32_t crc, const void *data, size_t len)
{
	const struct sl_crc32c_kernel *kernel = kernels;
	while (!kernel->is_supported())
		kernel++; /* ends at the portable one */
	return kernel->crc32c(crc, data, len);
}
