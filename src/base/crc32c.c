#include "sluice/base/crc32c.h"

#include <string.h>

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

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t wide = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t word;
		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	uint32_t narrow = (uint32_t)wide;
	for (; len > 0; len--, p++)
		narrow = __builtin_ia32_crc32qi(narrow, *p);
	return ~narrow;
}
#endif

uint32_t
sl_crc32c(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
	/* The compiler's runtime caches the result of cpuid: this is one load. */
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, data, len);
#endif
	return sl_crc32c_portable(crc, data, len);
}
