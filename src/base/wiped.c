#include "sluice/base/wiped.h"

#include "sluice/base/def.h"

#include <stdlib.h>
#include <string.h>

/* In front of what the caller gets, and as aligned as that. */
union header {
	size_t size; /* behind it */
	max_align_t align;
};

static union header *
header_of(void *memory)
{
	return (union header *)memory - 1;
}

static void *
behind(union header *header, size_t size)
{
	if (!header)
		return NULL;
	header->size = size;
	return header + 1;
}

void *
sl_wiped_malloc(size_t size)
{
	size_t all;
	if (__builtin_add_overflow(size, sizeof(union header), &all))
		return NULL;
	return behind(malloc(all), size);
}

void *
sl_wiped_calloc(size_t count, size_t size)
{
	size_t body, all;
	if (__builtin_mul_overflow(count, size, &body) ||
		__builtin_add_overflow(body, sizeof(union header), &all))
		return NULL;
	return behind(calloc(1, all), body);
}

void
sl_wiped_free(void *memory)
{
	if (!memory)
		return;
	explicit_bzero(memory, header_of(memory)->size);
	free(header_of(memory));
}

void *
sl_wiped_realloc(void *memory, size_t size)
{
	void *moved = sl_wiped_malloc(size);
	if (!moved || !memory)
		return moved;
	size_t before = header_of(memory)->size;
	memcpy(moved, memory, SL_MIN(size, before));
	sl_wiped_free(memory);
	return moved;
}
