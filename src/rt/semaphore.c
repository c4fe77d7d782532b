#include "sluice/rt/semaphore.h"

#include "runtime_int.h"

#include "sluice/rt/waiter.h"

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
	struct sl_waiter waiter;
	return sl_waiter_wait(&waiter, &semaphore->waiters, semaphore->name, deadline_ns);
}

static void
grant(struct sl_semaphore *semaphore)
{
	struct sl_waiter *waiter;
	while (semaphore->taken < semaphore->limit &&
		(waiter = sl_waiter_pop(&semaphore->waiters))) {
		semaphore->taken++;
		sl_waiter_serve(waiter, 0);
	}
}

void
sl_semaphore_give(struct sl_semaphore *semaphore)
{
	sl_assert(semaphore->taken > 0);
	semaphore->taken--;
	grant(semaphore);
}
