/*
 * sim_block.c - blocks by powers of two, each behind a header.
 */
#include "sim_block.h"

#include "sluice/base/def.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

#define SMALLEST 15u /* log2 of 32 KiB: those of up to half of that are malloc's */
#define LARGEST 26u  /* of 64 MiB: as are larger ones */
#define KEPT_MAX (256 * SL_MIB)

struct header {
	struct header *next; /* that is free too */
	size_t size;         /* without the header */
	unsigned shift;      /* the whole is this power of two; 0 = malloc's */
} __attribute__((aligned(16)));

/* state: tests run in processes of their own, and the simulator is one thread. */
static struct header *kept[LARGEST + 1];
static size_t kept_bytes;

static size_t
whole(unsigned shift)
{
	return (size_t)1 << shift;
}

/* 0 for malloc. */
static unsigned
shift_of(size_t size)
{
	size_t all = size + sizeof(struct header);
	unsigned shift = SMALLEST;
	while (shift <= LARGEST && whole(shift) < all)
		shift++;
	return all <= whole(SMALLEST) / 2 || shift > LARGEST ? 0 : shift;
}

static struct header *
header_of(void *block)
{
	return (struct header *)block - 1;
}

/* Poison what a block of `size` bytes has beyond them. */
static void
set_size(struct header *header, size_t size)
{
	header->size = size;
#ifdef WITH_ASAN
	size_t room = whole(header->shift) - sizeof(*header);
	__asan_unpoison_memory_region(header + 1, size);
	__asan_poison_memory_region((char *)(header + 1) + size, room - size);
#endif
}

void *
sim_block_new(size_t size)
{
	unsigned shift = shift_of(size);
	struct header *header = kept[shift];
	if (header) {
		kept[shift] = header->next;
		kept_bytes -= whole(shift);
	} else {
		header = malloc(shift ? whole(shift) : sizeof(*header) + size);
		sl_assert(header);
		header->shift = shift;
	}
	header->next = NULL;
	header->size = size;
	if (shift)
		set_size(header, size);
	return header + 1;
}

void
sim_block_free(void *block)
{
	if (!block)
		return;
	struct header *header = header_of(block);
	unsigned shift = header->shift;
	if (shift == 0 || kept_bytes + whole(shift) > KEPT_MAX) {
		free(header);
		return;
	}
	set_size(header, 0);
	header->next = kept[shift];
	kept[shift] = header;
	kept_bytes += whole(shift);
}

void *
sim_block_resize(void *block, size_t size)
{
	struct header *header = block ? header_of(block) : NULL;
	if (header && header->shift && size + sizeof(*header) <= whole(header->shift)) {
		set_size(header, size);
		return block;
	}
	void *larger = sim_block_new(size);
	if (header)
		memcpy(larger, block, SL_MIN(size, header->size));
	sim_block_free(block);
	return larger;
}
