/*
 * sim_block.h - memory for the contents of simulated files and connections.
 *
 * Large blocks are kept for the next use: a test that runs hundreds of worlds would otherwise spend
 * half of its time in the kernel, which maps, clears and unmaps the same megabytes for each. Under
 * AddressSanitizer, which maps every large block anew, what lies beyond a block and blocks that
 * were freed are poisoned, as malloc's would be.
 */
#ifndef SLUICE_TESTS_SUPPORT_SIM_BLOCK_H
#define SLUICE_TESTS_SUPPORT_SIM_BLOCK_H

#include <stddef.h>

/* As malloc, but never NULL. Its bytes are not zero. */
void *sim_block_new(size_t size);

/* As free; takes NULL. */
void sim_block_free(void *block);

/* As realloc, but never NULL. */
void *sim_block_resize(void *block, size_t size);

#endif
