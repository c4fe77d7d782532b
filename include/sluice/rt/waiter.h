/*
 * waiter.h - a task that waits in a queue until another task serves it: the one pattern behind
 * channels, semaphores and the chunk pool.
 *
 * A cancellation or deadline may come between the moment a task is served and the moment it runs.
 * Then being served counts: what was handed over is neither lost nor handed over twice.
 */
#ifndef SLUICE_RT_WAITER_H
#define SLUICE_RT_WAITER_H

#include "sluice/rt/task.h"

/* On the waiting task's stack, usually as the first member of what it waits with. */
struct sl_waiter {
	struct sl_list link;
	struct sl_task *task;
	bool is_served;
	int result;
};

/*
 * Wait at the end of `queue` (a list of sl_waiter.link) until served or `deadline_ns`. Returns the
 * result it was served with; -ETIMEDOUT or -ECANCELED if it was not served: then it has left the
 * queue. `what` is static text for the task table.
 */
SL_SUSPENDS
int sl_waiter_wait(struct sl_waiter *waiter, struct sl_list *queue, const char *what,
	uint64_t deadline_ns) SL_MUST_CHECK;

/* The first of the queue, taken out of it, or NULL. It must be served in the same turn. */
struct sl_waiter *sl_waiter_pop(struct sl_list *queue);

/* Make its task ready with this result. */
void sl_waiter_serve(struct sl_waiter *waiter, int result);

#endif
