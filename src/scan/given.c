#include "sluice/scan/given.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 16u

void
sl_given_release(struct sl_given *given)
{
	free(given->spans);
	*given = (struct sl_given){ 0 };
}

/* The first span that ends behind `off`. */
static size_t
find(const struct sl_given *given, uint64_t off)
{
	size_t low = 0, high = given->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (given->spans[middle].end <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
sl_given_add(struct sl_given *given, uint64_t begin, uint64_t end)
{
	if (begin >= end)
		return 0;
	if (given->count == given->cap) {
		size_t cap = given->cap ? given->cap * 2 : CAP_FIRST;
		struct sl_given_span *spans =
			reallocarray(given->spans, cap, sizeof(*given->spans));
		if (!spans)
			return -ENOMEM;
		given->spans = spans;
		given->cap = cap;
	}
	size_t at = find(given, begin);
	struct sl_given_span *span = given->spans + at;
	sl_assert(at == given->count || end <= span->begin);
	memmove(span + 1, span, (given->count - at) * sizeof(*span));
	*span = (struct sl_given_span){ begin, end };
	given->count++;
	return 0;
}

bool
sl_given_has(const struct sl_given *given, uint64_t off)
{
	size_t at = find(given, off);
	return at < given->count && given->spans[at].begin <= off;
}
