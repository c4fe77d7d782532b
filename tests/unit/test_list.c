#include "sluice/base/list.h"

#include <criterion/criterion.h>

struct item {
	int number;
	struct sl_list node;
};

/* The numbers in order, forwards; the links backwards must agree. */
static void
expect_items(struct sl_list *head, const int *want, size_t count)
{
	size_t seen = 0;
	sl_list_each(node, head)
	{
		cr_assert_lt(seen, count, "too many");
		cr_assert_eq(sl_list_item(node, struct item, node)->number, want[seen]);
		cr_assert_eq(node->next->prev, node);
		seen++;
	}
	cr_assert_eq(seen, count, "too few");
	cr_assert_eq(sl_list_is_empty(head), count == 0);
}

Test(list, keeps_the_order_of_pushes)
{
	struct sl_list head;
	struct item items[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 },
		{ .number = 3 } };
	sl_list_init(&head);
	expect_items(&head, NULL, 0);
	sl_list_push_back(&head, &items[1].node);
	sl_list_push_back(&head, &items[2].node);
	sl_list_push_front(&head, &items[0].node);
	sl_list_push_back(&head, &items[3].node);
	expect_items(&head, (const int[]){ 0, 1, 2, 3 }, 4);
}

Test(list, removal_unlinks_and_may_be_repeated)
{
	struct sl_list head;
	struct item items[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	sl_list_init(&head);
	for (size_t i = 0; i < 3; i++)
		sl_list_push_back(&head, &items[i].node);
	sl_list_remove(&items[1].node);
	expect_items(&head, (const int[]){ 0, 2 }, 2);
	cr_expect(sl_list_is_empty(&items[1].node));
	sl_list_remove(&items[1].node);
	expect_items(&head, (const int[]){ 0, 2 }, 2);
}

Test(list, the_node_at_hand_may_be_removed_while_walking)
{
	struct sl_list head;
	struct item items[4] = { { .number = 0 }, { .number = 1 }, { .number = 2 },
		{ .number = 3 } };
	sl_list_init(&head);
	for (size_t i = 0; i < 4; i++)
		sl_list_push_back(&head, &items[i].node);
	sl_list_each(node, &head)
	{
		if (sl_list_item(node, struct item, node)->number % 2 == 0)
			sl_list_remove(node);
	}
	expect_items(&head, (const int[]){ 1, 3 }, 2);
}

Test(list, pop_takes_the_first_until_there_is_none)
{
	struct sl_list head;
	struct item items[2] = { { .number = 0 }, { .number = 1 } };
	sl_list_init(&head);
	cr_expect_null(sl_list_pop(&head));
	sl_list_push_back(&head, &items[0].node);
	sl_list_push_back(&head, &items[1].node);
	cr_expect_eq(sl_list_pop(&head), &items[0].node);
	cr_expect_eq(sl_list_pop(&head), &items[1].node);
	cr_expect_null(sl_list_pop(&head));
	cr_expect(sl_list_is_empty(&head));
}
