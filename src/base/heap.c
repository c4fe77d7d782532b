#include "sluice/base/heap.h"

#include <errno.h>
#include <stdlib.h>

void
sl_heap_init(struct sl_heap *heap)
{
	*heap = (struct sl_heap){ 0 };
}

void
sl_heap_release(struct sl_heap *heap)
{
	free(heap->nodes);
	sl_heap_init(heap);
}

int
sl_heap_reserve(struct sl_heap *heap, size_t count)
{
	if (count < heap->cap)
		return 0;
	size_t cap = SL_MAX(heap->cap * 2, count + 1);
	struct sl_heap_node **nodes = realloc(heap->nodes, cap * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	heap->nodes = nodes;
	heap->cap = cap;
	return 0;
}

static void
place(struct sl_heap *heap, size_t index, struct sl_heap_node *node)
{
	heap->nodes[index] = node;
	node->index = index;
}

static void
sift_up(struct sl_heap *heap, size_t index, struct sl_heap_node *node)
{
	while (index > 1 && heap->nodes[index / 2]->key > node->key) {
		place(heap, index, heap->nodes[index / 2]);
		index /= 2;
	}
	place(heap, index, node);
}

static void
sift_down(struct sl_heap *heap, size_t index, struct sl_heap_node *node)
{
	for (;;) {
		size_t child = index * 2;
		if (child > heap->count)
			break;
		if (child < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key)
			child++;
		if (heap->nodes[child]->key >= node->key)
			break;
		place(heap, index, heap->nodes[child]);
		index = child;
	}
	place(heap, index, node);
}

void
sl_heap_push(struct sl_heap *heap, struct sl_heap_node *node, uint64_t key)
{
	sl_assert(node->index == 0 && heap->count + 1 < heap->cap);
	node->key = key;
	heap->count++;
	sift_up(heap, heap->count, node);
}

void
sl_heap_remove(struct sl_heap *heap, struct sl_heap_node *node)
{
	size_t index = node->index;
	if (index == 0)
		return;
	node->index = 0;
	struct sl_heap_node *last = heap->nodes[heap->count--];
	if (last == node)
		return;
	if (index > 1 && heap->nodes[index / 2]->key > last->key)
		sift_up(heap, index, last);
	else
		sift_down(heap, index, last);
}

struct sl_heap_node *
sl_heap_min(const struct sl_heap *heap)
{
	return heap->count ? heap->nodes[1] : NULL;
}
