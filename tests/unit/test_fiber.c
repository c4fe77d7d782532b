/*
 * Fibers: stacks that are switched, guarded and used again.
 */
#include "sluice/rt/fiber.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair {
	struct sl_fiber thread, fiber;
	char story[32];
	size_t len;
};

static void
tell(struct pair *pair, char c)
{
	pair->story[pair->len++] = c;
}

static void
ping(void *arg)
{
	struct pair *pair = arg;
	for (char c = 'a'; c < 'd'; c++) {
		tell(pair, c);
		sl_fiber_switch(&pair->fiber, &pair->thread, false);
	}
	tell(pair, '.');
	sl_fiber_switch(&pair->fiber, &pair->thread, true);
}

static void
open_pair(struct pair *pair, void (*entry)(void *))
{
	memset(pair, 0, sizeof(*pair));
	sl_fiber_adopt_thread(&pair->thread);
	cr_assert_eq(sl_fiber_map(&pair->fiber, 64 * 1024), 0);
	sl_fiber_prepare(&pair->fiber, entry, pair);
}

Test(fiber, two_stacks_take_turns)
{
	struct pair pair;
	open_pair(&pair, ping);
	for (char c = 'A'; c < 'E'; c++) {
		tell(&pair, c);
		sl_fiber_switch(&pair.thread, &pair.fiber, false);
	}
	cr_assert_str_eq(pair.story, "AaBbCcD.");
	sl_fiber_unmap(&pair.fiber);
}

Test(fiber, a_stack_can_be_prepared_again)
{
	struct pair pair;
	open_pair(&pair, ping);
	for (int i = 0; i < 100; i++) {
		pair.len = 0;
		memset(pair.story, 0, sizeof(pair.story));
		for (int turn = 0; turn < 4; turn++)
			sl_fiber_switch(&pair.thread, &pair.fiber, false);
		cr_assert_str_eq(pair.story, "abc.");
		sl_fiber_prepare(&pair.fiber, ping, &pair);
	}
	sl_fiber_unmap(&pair.fiber);
	sl_fiber_unmap(&pair.fiber); /* harmless */
}

static void
run_off(void *arg)
{
	struct pair *pair = arg;
	volatile char *below = (volatile char *)pair->fiber.stack - 1;
	*below = 'x';
	sl_fiber_switch(&pair->fiber, &pair->thread, true);
}

Test(fiber, below_the_stack_is_a_guard_page)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct pair pair;
		signal(SIGSEGV, SIG_DFL);
		open_pair(&pair, run_off);
		sl_fiber_switch(&pair.thread, &pair.fiber, false);
		_exit(0);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
