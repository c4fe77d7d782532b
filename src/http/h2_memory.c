/*
 * The memory of nghttp2, which holds copies of header fields: credentials are among them, so it is
 * wiped when it is freed. Each piece begins with its size.
 */
#include "h2_int.h"

#include <stdlib.h>
#include <string.h>

union header {
	size_t len;
	max_align_t aligned;
};

static void
release(void *memory, void *ctx)
{
	union header *header = memory;
	(void)ctx;
	if (!memory)
		return;
	header--;
	explicit_bzero(memory, header->len);
	free(header);
}

static void *
allocate(size_t len, void *ctx)
{
	(void)ctx;
	if (len > SIZE_MAX / 2)
		return NULL;
	union header *header = malloc(sizeof(*header) + len);
	if (!header)
		return NULL;
	header->len = len;
	return header + 1;
}

static void *
allocate_zeros(size_t count, size_t len, void *ctx)
{
	if (len > 0 && count > SIZE_MAX / 2 / len)
		return NULL;
	void *memory = allocate(count * len, ctx);
	return memory ? memset(memory, 0, count * len) : NULL;
}

/* realloc could leave a copy behind. */
static void *
reallocate(void *old, size_t len, void *ctx)
{
	void *memory = allocate(len, ctx);
	if (!memory || !old)
		return memory;
	size_t had = ((union header *)old - 1)->len;
	memcpy(memory, old, SL_MIN(had, len));
	release(old, ctx);
	return memory;
}

nghttp2_mem *
sl_h2_memory(void)
{
	/* state: never written to; nghttp2 takes no const. */
	static nghttp2_mem memory = {
		.malloc = allocate, .free = release, .calloc = allocate_zeros, .realloc = reallocate
	};
	return &memory;
}
