/*
 * semaphore.h - counting semaphore, first come first served.
 */
#ifndef SLUICE_RT_SEMAPHORE_H
#define SLUICE_RT_SEMAPHORE_H

#include "sluice/rt/task.h"

/* In its owner's memory; fields are the module's. */
struct sl_semaphore {
	const char *name;
	unsigned limit, taken;
	struct sl_list waiters;
};

/* `name` is static text for the task table. */
void sl_semaphore_init(struct sl_semaphore *semaphore, const char *name, unsigned limit);

/* Take one, waiting until `deadline_ns`. Returns 0; -ETIMEDOUT; -ECANCELED. */
SL_SUSPENDS
int sl_semaphore_take(struct sl_semaphore *semaphore, uint64_t deadline_ns) SL_MUST_CHECK;

/* Never suspends: true if one was free and no task waits for it. */
bool sl_semaphore_try_take(struct sl_semaphore *semaphore);

void sl_semaphore_give(struct sl_semaphore *semaphore);

#endif
