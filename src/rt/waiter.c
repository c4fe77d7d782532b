#include "sluice/rt/waiter.h"

int
sl_waiter_wait(
	struct sl_waiter *waiter, struct sl_list *queue, const char *what, uint64_t deadline_ns)
{
	waiter->task = sl_task_self();
	waiter->is_served = false;
	sl_list_push_back(queue, &waiter->link);
	enum sl_wake wake = sl_task_park(what, deadline_ns, 0);
	if (waiter->is_served)
		return waiter->result;
	sl_list_remove(&waiter->link);
	return sl_task_wake_code(wake);
}

struct sl_waiter *
sl_waiter_pop(struct sl_list *queue)
{
	struct sl_list *node = sl_list_pop(queue);
	return node ? sl_list_item(node, struct sl_waiter, link) : NULL;
}

void
sl_waiter_serve(struct sl_waiter *waiter, int result)
{
	waiter->is_served = true;
	waiter->result = result;
	sl_task_wake(waiter->task);
}
