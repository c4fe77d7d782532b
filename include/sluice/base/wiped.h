/*
 * wiped.h - memory that is wiped when it is freed, for libraries that are given secrets and take an
 * allocator. As malloc(3) and so on, except that sl_wiped_realloc always moves. Pure.
 */
#ifndef SLUICE_BASE_WIPED_H
#define SLUICE_BASE_WIPED_H

#include <stddef.h>

void *sl_wiped_malloc(size_t size);
void *sl_wiped_calloc(size_t count, size_t size);
void *sl_wiped_realloc(void *memory, size_t size);
void sl_wiped_free(void *memory);

#endif
