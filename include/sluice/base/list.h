/*
 * list.h - intrusive doubly linked list with a head node; an unlinked node points to itself.
 *
 * clang's analyzer does not model that unlinking a node removes its neighbours' pointers to it, and
 * reports a use after free at the next change of the list: hence the NOLINTs.
 */
#ifndef SLUICE_BASE_LIST_H
#define SLUICE_BASE_LIST_H

#include "sluice/base/def.h"

#include <stdbool.h>

struct sl_list {
	struct sl_list *next, *prev;
};

#define sl_list_item(node, type, member) SL_CONTAINER_OF(node, type, member)
#define sl_list_each(node, head) \
	for (struct sl_list *node = (head)->next, *node##_next = node->next; node != (head); \
		node = node##_next, node##_next = node->next)

static inline void
sl_list_init(struct sl_list *node)
{
	node->next = node->prev = node;
}

static inline bool
sl_list_is_empty(const struct sl_list *head)
{
	return head->next == head;
}

static inline void
sl_list_push_back(struct sl_list *head, struct sl_list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void
sl_list_push_front(struct sl_list *head, struct sl_list *node)
{
	sl_list_push_back(head->next, node); /* NOLINT(clang-analyzer-unix.Malloc) */
}

/* Unlink; harmless on an unlinked node. */
static inline void
sl_list_remove(struct sl_list *node)
{
	node->prev->next = node->next; /* NOLINT(clang-analyzer-unix.Malloc) */
	node->next->prev = node->prev;
	sl_list_init(node);
}

/* First node, unlinked, or NULL. */
static inline struct sl_list *
sl_list_pop(struct sl_list *head)
{
	if (sl_list_is_empty(head))
		return NULL;
	struct sl_list *node = head->next;
	head->next = node->next;
	node->next->prev = head;
	sl_list_init(node);
	return node;
}

#endif
