/* Memory that is wiped when it is freed. */
#include "sluice/base/wiped.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 4000u

Test(wiped, it_is_aligned_and_moves_with_what_it_holds)
{
	unsigned char *memory = sl_wiped_realloc(NULL, 10);
	cr_assert(memory);
	cr_expect_eq((uintptr_t)memory % alignof(max_align_t), 0u);
	memset(memory, 0x5a, 10);
	memory = sl_wiped_realloc(memory, SIZE);
	cr_assert(memory);
	memory[SIZE - 1] = 1;
	memory = sl_wiped_realloc(memory, 5);
	cr_assert(memory);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(memory[i], 0x5a);
	sl_wiped_free(memory);
	sl_wiped_free(NULL);
}

Test(wiped, zeroed_memory_is_zero_and_sizes_do_not_overflow)
{
	unsigned char *memory = sl_wiped_calloc(SIZE, 1);
	cr_assert(memory);
	for (size_t i = 0; i < SIZE; i++)
		cr_expect_eq(memory[i], 0);
	sl_wiped_free(memory);
	volatile size_t huge = SIZE_MAX;
	cr_expect_null(sl_wiped_calloc(huge, 2));
	cr_expect_null(sl_wiped_malloc(huge));
}

/* The library's malloc gives the block that was freed last to the next of its size; sanitizers keep
 * it away. The first words of it are the library's own. */
Test(wiped, nothing_is_left_of_what_was_freed)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	static const size_t sizes[] = { 100, 900 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void *memory = sl_wiped_malloc(sizes[i]);
		cr_assert(memory);
		memset(memory, 0x5a, sizes[i]);
		sl_wiped_free(memory);
		unsigned char *again = malloc(sizes[i] + 16);
		cr_assert(again);
		cr_expect_null(memchr(again + 16, 0x5a, sizes[i]), "%zu bytes", sizes[i]);
		free(again);
	}
#endif
}
