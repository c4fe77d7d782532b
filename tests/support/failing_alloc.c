/*
 * failing_alloc.c - the allocation functions of libsluice.a in programs called test_alloc_*. What
 * is counted has a mark behind it, so that memory from elsewhere may be freed here, and memory from
 * here elsewhere.
 */
#include "failing_alloc.h"

#include "sluice/base/error.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* What objcopy makes of the names in libsluice.a. */
void *product_malloc(size_t len);
void *product_calloc(size_t items, size_t len);
void *product_realloc(void *old, size_t len);
void *product_reallocarray(void *old, size_t items, size_t len);
char *product_strdup(const char *text);
char *product_strndup(const char *text, size_t max);
void product_free(void *memory);

/* At the end of the usable bytes. */
struct mark {
	uint64_t magic; /* MAGIC ^ the address it belongs to */
	uint64_t len;
};

#define MAGIC 0x9e3779b97f4a7c15ull

/* state: the one switch of a test program. */
static struct {
	bool armed, and_all_after;
	uint64_t nth, count;
	size_t live, peak;
} alloc;

void
alloc_fail_nth(uint64_t nth, bool and_all_after)
{
	alloc.armed = true;
	alloc.and_all_after = and_all_after;
	alloc.nth = nth;
	alloc.count = 0;
	alloc.live = alloc.peak = 0;
}

size_t
alloc_peak(void)
{
	return alloc.peak;
}

uint64_t
alloc_end(void)
{
	alloc.armed = false;
	return alloc.count;
}

static bool
fails(void)
{
	if (!alloc.armed)
		return false;
	alloc.count++;
	return alloc.count == alloc.nth ||
	       (alloc.and_all_after && alloc.nth && alloc.count > alloc.nth);
}

/* Where the mark of `memory` is, if it has one. */
static char *
mark_of(void *memory)
{
	size_t usable = memory ? malloc_usable_size(memory) : 0;
	return usable < sizeof(struct mark) ? NULL : (char *)memory + usable - sizeof(struct mark);
}

static uint64_t
magic_of(const void *memory)
{
	return MAGIC ^ (uint64_t)(uintptr_t)memory;
}

static void
uncount(void *memory)
{
	struct mark mark;
	char *at = mark_of(memory);
	if (!at)
		return;
	memcpy(&mark, at, sizeof(mark));
	if (mark.magic != magic_of(memory))
		return;
	alloc.live -= SL_MIN(mark.len, alloc.live); /* it may be from before alloc_fail_nth */
	memset(at, 0, sizeof(mark));
}

/* `memory` has room for the mark behind `len` bytes. */
static void *
count(void *memory, size_t len)
{
	struct mark mark = { 0 };
	char *at = mark_of(memory);
	sl_assert(at);
	if (alloc.armed) {
		mark = (struct mark){ magic_of(memory), len };
		alloc.live += len;
		alloc.peak = SL_MAX(alloc.peak, alloc.live);
	}
	memcpy(at, &mark, sizeof(mark));
	return memory;
}

void *
product_malloc(size_t len)
{
	return fails() ? NULL : count(malloc(len + sizeof(struct mark)), len);
}

void *
product_calloc(size_t items, size_t len)
{
	sl_assert(len == 0 || items <= SIZE_MAX / 2 / len);
	return fails() ? NULL : count(calloc(1, items * len + sizeof(struct mark)), items * len);
}

void *
product_realloc(void *old, size_t len)
{
	if (fails())
		return NULL;
	uncount(old);
	return count(realloc(old, len + sizeof(struct mark)), len);
}

void *
product_reallocarray(void *old, size_t items, size_t len)
{
	sl_assert(len == 0 || items <= SIZE_MAX / 2 / len);
	return product_realloc(old, items * len);
}

char *
product_strndup(const char *text, size_t max)
{
	size_t len = strnlen(text, max);
	char *copy = product_malloc(len + 1);
	if (copy)
		*(char *)mempcpy(copy, text, len) = '\0';
	return copy;
}

char *
product_strdup(const char *text)
{
	return product_strndup(text, SIZE_MAX);
}

void
product_free(void *memory)
{
	uncount(memory);
	free(memory);
}
