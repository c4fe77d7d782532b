/*
 * How signals end a run: which one is a second request to end, and which is the same one again.
 */
#include "sluice/cli/run.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Under nohup the tests would begin with a signal that is ignored. */
static void
begin_as_from_a_shell(void)
{
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

TestSuite(run, .init = begin_as_from_a_shell);

/* No limit on the time between two signals may pass for one: longer than any that is sensible. */
#define LONG_US 150000

struct signals {
	int sent[4];         /* one after the other, once the run has taken those before; up to 0 */
	bool is_from_others; /* each by a process of its own, else by this one */
};

static void
send(const struct signals *signals, int signo)
{
	pid_t pid = signals->is_from_others ? fork() : -1;
	if (pid == 0) {
		kill(getppid(), signo);
		_exit(0);
	}
	if (pid < 0)
		kill(getpid(), signo);
	else
		waitpid(pid, NULL, 0);
}

/* Whatever asks it to end, it waits until all signals were taken. */
static int
be_signalled(void *arg)
{
	const struct signals *signals = arg;
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	for (size_t i = 0; signals->sent[i]; i++) {
		sigset_t pending;
		send(signals, signals->sent[i]);
		do {
			if (sl_sleep(SL_NS_PER_MS) != 0)
				return -1;
			sigpending(&pending);
		} while (sigismember(&pending, signals->sent[i]));
		usleep(LONG_US);
	}
	sl_shield_end(&shield);
	return 0;
}

/* The number of the signal that ended the process at once; 0 if the run went on to its end. */
static int
ended_by(struct signals signals)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct sl_run run = { .workers = 1,
			.fn = be_signalled,
			.arg = &signals,
			.grace_ns = 600 * SL_NS_PER_S };
		struct sl_error err = { 0 };
		int code = sl_run_command(&run, &err);
		_exit(code == 0 && run.signo == signals.sent[0] ? 0 : 1);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

Test(run, goes_on_after_a_signal_that_its_sender_repeats_however_late)
{
	cr_expect_eq(ended_by((struct signals){ .sent = { SIGTERM } }), 0);
	cr_expect_eq(ended_by((struct signals){ .sent = { SIGTERM, SIGTERM } }), 0);
}

Test(run, ends_at_once_by_a_third_signal)
{
	cr_expect_eq(ended_by((struct signals){ .sent = { SIGTERM, SIGTERM, SIGTERM } }), SIGTERM);
}

Test(run, ends_at_once_by_a_second_signal_that_is_another_or_of_another_process)
{
	cr_expect_eq(ended_by((struct signals){ .sent = { SIGTERM, SIGINT } }), SIGINT);
	cr_expect_eq(
		ended_by((struct signals){ .sent = { SIGTERM, SIGTERM }, .is_from_others = true }),
		SIGTERM);
}
