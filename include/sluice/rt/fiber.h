/*
 * fiber.h - switches stacks. The machine below tasks; only task.c uses it.
 *
 * Twelve instructions of assembly on x86-64 and aarch64 (fiber_x86_64.S, fiber_aarch64.S),
 * swapcontext elsewhere. Each switch is announced to ASan, TSan and Valgrind. A fiber stays on the
 * thread that made it.
 */
#ifndef SLUICE_RT_FIBER_H
#define SLUICE_RT_FIBER_H

#include "sluice/base/def.h"

#include <stdbool.h>

struct sl_fiber {
	void *sp;    /* saved stack pointer, or the ucontext; invalid while it runs */
	void *stack; /* lowest usable byte; NULL for the thread's own stack */
	size_t stack_size;
	void *mapping; /* with the guard page below */
	size_t mapping_size;
	void (*entry)(void *);
	void *arg;
	void *fake_stack;   /* ASan's */
	const void *bottom; /* ASan's view of this stack */
	size_t bottom_size;
	void *tsan; /* TSan's handle; made once and reused with the stack: it costs 0.8 MiB */
	unsigned valgrind_id;
};

/* The thread's own stack as a fiber. */
void sl_fiber_adopt_thread(struct sl_fiber *fiber);

/* Map a stack of `stack_size` bytes (rounded up to pages) with a guard page. Returns 0 or
 * -ENOMEM. */
int sl_fiber_map(struct sl_fiber *fiber, size_t stack_size) SL_MUST_CHECK;
/* Also of a thread's own: it may be used no more. */
void sl_fiber_unmap(struct sl_fiber *fiber);

/* Ready to run entry(arg) from the top of its stack at the next switch. entry never returns. */
void sl_fiber_prepare(struct sl_fiber *fiber, void (*entry)(void *), void *arg);

/* Go on in `to`; returns at the next switch to `from`. `dying`: `from` will not be resumed
 * before it is prepared again. */
void sl_fiber_switch(struct sl_fiber *from, struct sl_fiber *to, bool dying);

#endif
