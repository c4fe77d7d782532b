/*
 * heap.h - binary min-heap of intrusive nodes ordered by a 64-bit key. Each node holds its index,
 * so that any node can be removed in O(log n). A node must not move in memory while it is in the
 * heap.
 */
#ifndef SLUICE_BASE_HEAP_H
#define SLUICE_BASE_HEAP_H

#include "sluice/base/def.h"

#include <stdbool.h>

struct sl_heap_node {
	uint64_t key;
	size_t index; /* in the heap's array, from 1; 0 = not in a heap */
};

struct sl_heap {
	struct sl_heap_node **nodes; /* nodes[1..count] */
	size_t count, cap;
};

static inline bool
sl_heap_has(const struct sl_heap_node *node)
{
	return node->index != 0;
}

void sl_heap_init(struct sl_heap *heap);
void sl_heap_release(struct sl_heap *heap);

/* Make room for `count` nodes in all: pushes up to that number cannot fail. Returns 0 or
 * -ENOMEM. */
int sl_heap_reserve(struct sl_heap *heap, size_t count) SL_MUST_CHECK;

/* The node must not be in a heap, and room must have been reserved (asserted). */
void sl_heap_push(struct sl_heap *heap, struct sl_heap_node *node, uint64_t key);

/* Harmless on a node that is not in the heap. */
void sl_heap_remove(struct sl_heap *heap, struct sl_heap_node *node);

/* The node with the least key, which stays in the heap; NULL if the heap is empty. */
struct sl_heap_node *sl_heap_min(const struct sl_heap *heap);

#endif
