#include "sluice/rt/semaphore.h"

#include "runtime_int.h"

#include <errno.h>

struct waiter {
	struct sl_list link;
	struct sl_task *task;
	bool granted;
};

void
sl_semaphore_init(struct sl_semaphore *semaphore, const char *name, unsigned limit)
{
	*semaphore = (struct sl_semaphore){ .name = name, .limit = limit };
	sl_list_init(&semaphore->waiters);
}

bool
sl_semaphore_try_take(struct sl_semaphore *semaphore)
{
	if (semaphore->taken >= semaphore->limit || !sl_list_is_empty(&semaphore->waiters))
		return false;
	semaphore->taken++;
	return true;
}

int
sl_semaphore_take(struct sl_semaphore *semaphore, uint64_t deadline_ns)
{
	int code = task_check();
	if (code)
		return code;
	if (sl_semaphore_try_take(semaphore))
		return 0;
	struct waiter waiter = { .task = sl_task_self() };
	sl_list_push_back(&semaphore->waiters, &waiter.link);
	enum sl_wake wake = sl_task_park(semaphore->name, deadline_ns, 0);
	if (waiter.granted) /* it may have been granted between a cancellation and our turn to run
			     */
		return 0;
	sl_list_remove(&waiter.link);
	return sl_task_wake_code(wake);
}

static void
grant(struct sl_semaphore *semaphore)
{
	while (semaphore->taken < semaphore->limit) {
		struct sl_list *node = sl_list_pop(&semaphore->waiters);
		if (!node)
			return;
		struct waiter *waiter = sl_list_item(node, struct waiter, link);
		waiter->granted = true;
		semaphore->taken++;
		sl_task_wake(waiter->task);
	}
}

void
sl_semaphore_give(struct sl_semaphore *semaphore)
{
	sl_assert(semaphore->taken > 0);
	semaphore->taken--;
	grant(semaphore);
}

void
sl_semaphore_set_limit(struct sl_semaphore *semaphore, unsigned limit)
{
	semaphore->limit = limit;
	grant(semaphore);
}
