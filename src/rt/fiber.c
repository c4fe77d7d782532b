/*
 * fiber.c - stacks and the switch between them: a mapping with a guard page below, a first frame
 * that enters the entry function, and a swap of the callee-saved registers (assembly, or
 * swapcontext elsewhere).
 *
 * Each switch is announced to three tools that track the stack pointer: ASan (where the stack lies,
 * and its fake stack), TSan (a handle for each fiber) and Valgrind (registered stacks).
 */
#include "sluice/rt/fiber.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define WITH_VALGRIND 1
#endif
#endif

/* SL_FIBER_UCONTEXT: what other CPUs use, for tests (make CPPFLAGS=-DSL_FIBER_UCONTEXT). */
#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(SL_FIBER_UCONTEXT)
#define WITH_ASSEMBLY 1
#else
#include <stdlib.h>
#include <ucontext.h>
#endif

/* The fiber that is being entered for the first time: its entry function takes no argument in
 * assembly. */
static _Thread_local struct sl_fiber *entering;

/* ASan: called on the stack switched to. The switch may have come from the thread's own stack,
 * whose bounds become known here. */
static void
arrive(struct sl_fiber *self, struct sl_fiber *from)
{
#ifdef WITH_ASAN
	const void *bottom = NULL;
	size_t size = 0;
	__sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
	if (from && !from->stack) {
		from->bottom = bottom;
		from->bottom_size = size;
	}
#else
	(void)self;
	(void)from;
#endif
}

static _Thread_local struct sl_fiber *leaving;

static void
enter_fiber(void)
{
	struct sl_fiber *self = entering;
	arrive(self, leaving);
	self->entry(self->arg);
	bool entry_returned = true;
	sl_assert(!entry_returned);
}

#ifdef WITH_ASSEMBLY
void sl_fiber_swap(void **save_sp, void *load_sp);

static void
set_up_stack(struct sl_fiber *fiber)
{
	void **top = (void **)(void *)((char *)fiber->stack + fiber->stack_size);
#if defined(__x86_64__)
	/* top[-2] is 16-aligned: after `ret` has popped the entry's address the stack is as behind
	 * a call. top[-1] = 0 ends backtraces. */
	void **sp = top - 8;
	memset(sp, 0, 8 * sizeof(*sp));
	sp[6] = (void *)(uintptr_t)enter_fiber;
#else
	void **sp = top - 20;
	memset(sp, 0, 20 * sizeof(*sp));
	sp[11] = (void *)(uintptr_t)enter_fiber; /* x30 */
#endif
	fiber->sp = sp;
}

static void
swap(struct sl_fiber *from, struct sl_fiber *to)
{
	sl_fiber_swap(&from->sp, to->sp);
}
#else
static void
set_up_stack(struct sl_fiber *fiber)
{
	ucontext_t *context = fiber->sp;
	sl_assert(getcontext(context) == 0);
	context->uc_stack.ss_sp = fiber->stack;
	context->uc_stack.ss_size = fiber->stack_size;
	context->uc_link = NULL;
	makecontext(context, enter_fiber, 0);
}

static void
swap(struct sl_fiber *from, struct sl_fiber *to)
{
	sl_assert(swapcontext(from->sp, to->sp) == 0);
}
#endif

void
sl_fiber_adopt_thread(struct sl_fiber *fiber)
{
	memset(fiber, 0, sizeof(*fiber));
#ifdef WITH_TSAN
	fiber->tsan = __tsan_get_current_fiber();
#endif
#ifndef WITH_ASSEMBLY
	fiber->sp = calloc(1, sizeof(ucontext_t));
	sl_assert(fiber->sp);
#endif
}

int
sl_fiber_map(struct sl_fiber *fiber, size_t stack_size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = sl_size(sl_round_up(stack_size, page));
	memset(fiber, 0, sizeof(*fiber));
	void *mapping = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (mapping == MAP_FAILED)
		return -ENOMEM;
	if (mprotect(mapping, page, PROT_NONE) != 0) {
		munmap(mapping, size + page);
		return -ENOMEM;
	}
	fiber->mapping = mapping;
	fiber->mapping_size = size + page;
	fiber->stack = (char *)mapping + page;
	fiber->stack_size = size;
	fiber->bottom = fiber->stack;
	fiber->bottom_size = size;
#ifndef WITH_ASSEMBLY
	fiber->sp = calloc(1, sizeof(ucontext_t));
	if (!fiber->sp) {
		munmap(mapping, size + page);
		return -ENOMEM;
	}
#endif
#ifdef WITH_TSAN
	fiber->tsan = __tsan_create_fiber(0);
#endif
#ifdef WITH_VALGRIND
	fiber->valgrind_id = VALGRIND_STACK_REGISTER(fiber->stack, (char *)fiber->stack + size);
#endif
	return 0;
}

void
sl_fiber_unmap(struct sl_fiber *fiber)
{
	if (!fiber->mapping) {
#ifndef WITH_ASSEMBLY
		free(fiber->sp);
		fiber->sp = NULL;
#endif
		return;
	}
#ifdef WITH_VALGRIND
	VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
#endif
#ifdef WITH_TSAN
	__tsan_destroy_fiber(fiber->tsan);
#endif
#ifdef WITH_ASAN
	/* What ran here has left its red zones behind; the next owner of these addresses must not
	 * meet them. */
	__asan_unpoison_memory_region(fiber->stack, fiber->stack_size);
#endif
#ifndef WITH_ASSEMBLY
	free(fiber->sp);
#endif
	munmap(fiber->mapping, fiber->mapping_size);
	memset(fiber, 0, sizeof(*fiber));
}

void
sl_fiber_prepare(struct sl_fiber *fiber, void (*entry)(void *), void *arg)
{
	fiber->entry = entry;
	fiber->arg = arg;
	fiber->fake_stack = NULL;
#ifdef WITH_ASAN
	__asan_unpoison_memory_region(fiber->stack, fiber->stack_size);
#endif
	set_up_stack(fiber);
}

/* Not inlined: the compiler must not keep addresses of thread-local variables across a switch. */
SL_NOINLINE void
sl_fiber_switch(struct sl_fiber *from, struct sl_fiber *to, bool dying)
{
	entering = to;
	leaving = from;
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(
		dying ? NULL : &from->fake_stack, to->bottom, to->bottom_size);
#else
	(void)dying;
#endif
#ifdef WITH_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	swap(from, to);
	arrive(from, leaving);
}
