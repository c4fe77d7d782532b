/*
 * Memory of the simulator's files: contents, sizes at the edges of each power of two, and what
 * AddressSanitizer reports.
 */
#include "support/sim_block.h"

#include "sluice/base/def.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define IS_POISONED(at) (__asan_address_is_poisoned(at) != 0)
#endif

#define HEADER 32u /* no edge is farther from a power of two */

/* Sizes on both sides of where a block becomes malloc's, or is of the next power of two. */
static size_t
edge(unsigned shift, unsigned nth)
{
	return ((size_t)1 << shift) - HEADER + nth;
}

static void
fill(unsigned char *block, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i += 997)
		block[i] = (unsigned char)(i + seed);
	block[size - 1] = (unsigned char)seed;
}

static void
expect_filled(const unsigned char *block, size_t size, unsigned seed)
{
	for (size_t i = 0; i + 1 < size; i += 997)
		cr_assert_eq(block[i], (unsigned char)(i + seed), "byte %zu of %zu", i, size);
	cr_assert_eq(block[size - 1], (unsigned char)seed, "the last byte of %zu", size);
}

Test(sim_block, each_size_has_its_own_bytes_whatever_was_freed_before)
{
	for (int round = 0; round < 2; round++) {
		for (unsigned shift = 13; shift < 21; shift++) {
			for (unsigned nth = 0; nth <= HEADER; nth++) {
				size_t size = edge(shift, nth);
				unsigned char *a = sim_block_new(size), *b = sim_block_new(size);
				cr_assert_eq((uintptr_t)a % 16, 0);
				fill(a, size, 1);
				fill(b, size, 2);
				expect_filled(a, size, 1);
				expect_filled(b, size, 2);
				sim_block_free(a);
				sim_block_free(b);
			}
		}
	}
	sim_block_free(NULL);
}

Test(sim_block, what_is_resized_keeps_its_bytes)
{
	unsigned char *block = sim_block_resize(NULL, 1);
	size_t size = 1;
	fill(block, size, 7);
	for (unsigned shift = 12; shift < 28; shift++) {
		unsigned char first = block[0];
		block = sim_block_resize(block, edge(shift, HEADER));
		cr_assert_eq(block[0], first);
		size = edge(shift, HEADER);
		fill(block, size, shift);
		block = sim_block_resize(block, size - HEADER);
		block = sim_block_resize(block, size);
		block[size - 1] = (unsigned char)shift;
		expect_filled(block, size, shift);
	}
	sim_block_free(block);
}

#ifdef IS_POISONED
Test(sim_block, what_is_beyond_and_what_was_freed_is_poisoned)
{
	unsigned char *block = sim_block_new(100000);
	cr_expect(!IS_POISONED(block) && !IS_POISONED(block + 99999));
	cr_expect(IS_POISONED(block + 100000));
	block = sim_block_resize(block, 90000);
	cr_expect(!IS_POISONED(block + 89999) && IS_POISONED(block + 90000));
	sim_block_free(block);
	cr_expect(IS_POISONED(block) && IS_POISONED(block + 50000));
	unsigned char *again = sim_block_new(100001);
	cr_expect_eq(again, block);
	cr_expect(!IS_POISONED(again + 100000) && IS_POISONED(again + 100001));
	sim_block_free(again);
}
#endif
