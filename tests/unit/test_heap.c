#include "sluice/base/heap.h"

#include "sluice/base/random.h"

#include <criterion/criterion.h>
#include <signal.h>

#define NODES 200

static void
expect_sane(const struct sl_heap *heap)
{
	for (size_t i = 1; i <= heap->count; i++) {
		cr_assert_eq(heap->nodes[i]->index, i);
		cr_assert(i == 1 || heap->nodes[i / 2]->key <= heap->nodes[i]->key);
	}
}

static const struct sl_heap_node *
least_of(const struct sl_heap_node *nodes, size_t count)
{
	const struct sl_heap_node *least = NULL;
	for (size_t i = 0; i < count; i++)
		if (sl_heap_has(&nodes[i]) && (!least || nodes[i].key < least->key))
			least = &nodes[i];
	return least;
}

Test(heap, an_empty_heap_has_no_least)
{
	struct sl_heap heap;
	sl_heap_init(&heap);
	cr_expect_null(sl_heap_min(&heap));
	sl_heap_release(&heap);
}

Test(heap, gives_nodes_in_the_order_of_their_keys)
{
	struct sl_heap heap;
	struct sl_heap_node nodes[NODES] = { 0 };
	struct sl_random random;
	sl_heap_init(&heap);
	sl_random_init(&random, 1);
	cr_assert_eq(sl_heap_reserve(&heap, NODES), 0);
	for (size_t i = 0; i < NODES; i++)
		sl_heap_push(&heap, &nodes[i], sl_random_below(&random, 50)); /* with equals */
	uint64_t last = 0;
	for (size_t i = 0; i < NODES; i++) {
		struct sl_heap_node *node = sl_heap_min(&heap);
		cr_assert_not_null(node);
		cr_assert(node->key >= last);
		last = node->key;
		sl_heap_remove(&heap, node);
		cr_assert_not(sl_heap_has(node));
		expect_sane(&heap);
	}
	cr_expect_null(sl_heap_min(&heap));
	sl_heap_release(&heap);
}

Test(heap, agrees_with_a_naive_search_under_random_pushes_and_removals)
{
	struct sl_heap heap;
	struct sl_heap_node nodes[NODES] = { 0 };
	struct sl_random random;
	sl_heap_init(&heap);
	sl_random_init(&random, 2);
	for (int round = 0; round < 5000; round++) {
		struct sl_heap_node *node = &nodes[sl_random_below(&random, NODES)];
		if (sl_heap_has(node)) {
			sl_heap_remove(&heap, node);
		} else {
			cr_assert_eq(sl_heap_reserve(&heap, heap.count + 1), 0);
			sl_heap_push(&heap, node, sl_random_below(&random, 1000));
		}
		expect_sane(&heap);
		const struct sl_heap_node *least = least_of(nodes, NODES),
					  *got = sl_heap_min(&heap);
		cr_assert_eq(!least, !got);
		cr_assert(!least || least->key == got->key);
	}
	sl_heap_release(&heap);
}

Test(heap, removing_a_node_that_is_not_in_it_does_nothing)
{
	struct sl_heap heap;
	struct sl_heap_node in = { 0 }, out = { 0 };
	sl_heap_init(&heap);
	cr_assert_eq(sl_heap_reserve(&heap, 1), 0);
	sl_heap_push(&heap, &in, 5);
	sl_heap_remove(&heap, &out);
	cr_expect_eq(sl_heap_min(&heap), &in);
	sl_heap_release(&heap);
}

Test(heap, a_push_without_room_stops_the_program, .signal = SIGABRT)
{
	struct sl_heap heap;
	struct sl_heap_node node = { 0 };
	sl_heap_init(&heap);
	sl_heap_push(&heap, &node, 1);
}
