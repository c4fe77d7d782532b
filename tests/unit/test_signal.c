/*
 * Signals through the ring: taken by the task that waits, kept while no task does, and the end by a
 * signal.
 */
#include "support/run.h"

#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/signal.h"
#include "sluice/rt/stats.h"
#include "sluice/rt/task.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
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

TestSuite(signal, .init = begin_as_from_a_shell);

static int
wait_for_all(void *arg)
{
	(void)arg;
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGWINCH, SIGCONT };
	for (size_t i = 0; i < SL_COUNT_OF(signals); i++) {
		kill(getpid(), signals[i]);
		cr_assert_eq(sl_signal_wait(NULL), signals[i]);
	}
	return 0;
}

Test(signal, each_is_taken_by_the_task_that_waits)
{
	sl_signal_block();
	cr_assert_eq(ring_run(1, wait_for_all, NULL), 0);
}

static int
wait_task(void *arg)
{
	*(int *)arg = sl_signal_wait(NULL);
	return 0;
}

static int
work(void *arg)
{
	(void)arg;
	usleep(2000);
	return 0;
}

static int
comes_while_waiting(void *arg)
{
	(void)arg;
	struct sl_group group;
	int got = 0;
	sl_group_enter(&group, SL_GROUP_FAIL_FAST);
	cr_assert_eq(sl_group_spawn(&group, "signals", wait_task, &got, NULL), 0);
	cr_assert_eq(sl_offload(work, NULL), 0);
	kill(getpid(), SIGTERM);
	cr_assert_eq(sl_group_leave(&group), 0);
	cr_assert_eq(got, SIGTERM);
	return 0;
}

Test(signal, one_that_comes_while_threads_run_goes_to_the_ring)
{
	sl_signal_block();
	cr_assert_eq(ring_run(3, comes_while_waiting, NULL), 0);
}

static int
cancelled_wait(void *arg)
{
	(void)arg;
	struct sl_group group;
	struct sl_deadline scope;
	int got = 0;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	cr_assert_eq(sl_group_spawn(&group, "signals", wait_task, &got, NULL), 0);
	cr_assert_eq(sl_sleep(SL_NS_PER_MS), 0);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	cr_assert_eq(got, -ECANCELED);
	sl_deadline_begin(&scope, sl_deadline_in(SL_NS_PER_MS));
	cr_assert_eq(sl_signal_wait(NULL), -ETIMEDOUT);
	sl_deadline_end(&scope);
	kill(getpid(), SIGINT);
	cr_assert_eq(sl_signal_wait(NULL), SIGINT, "nothing was lost");
	return 0;
}

Test(signal, waiting_can_be_cancelled)
{
	sl_signal_block();
	cr_assert_eq(ring_run(1, cancelled_wait, NULL), 0);
}

/* ---- when reading fails ---- */

/* The descriptor of sl_signal_block, by what the kernel calls it. */
static int
find_signal_fd(void)
{
	for (int fd = 3; fd < 100; fd++) {
		char path[40], name[60] = "";
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "signalfd"))
			return fd;
	}
	return -1;
}

static int
reader_fails(void *arg)
{
	const int *replacement = arg;
	struct sl_deadline scope;
	int fd = find_signal_fd();
	if (fd < 0 || (*replacement < 0 ? close(fd) : dup2(*replacement, fd)) < 0)
		return -1;
	sl_deadline_begin(&scope, sl_deadline_in(20 * SL_NS_PER_S));
	int code = 0;
	struct sl_group group;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	if (sl_group_spawn(&group, "signals", wait_task, &code, NULL) != 0)
		return -1;
	/* Pending until the reader has given up; then it ends the process. */
	raise(SIGTERM);
	sl_group_leave(&group);
	sl_deadline_end(&scope);
	return -1;
}

Test(signal, a_program_whose_reader_fails_can_be_interrupted)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), closed = -1;
	int *replacements[] = { &null, &closed };
	for (size_t i = 0; i < SL_COUNT_OF(replacements); i++) {
		pid_t pid = fork();
		if (pid == 0) {
			sl_signal_block();
			(void)ring_run(1, reader_fails, replacements[i]);
			_exit(1);
		}
		int status = 0;
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "status %x",
			(unsigned)status);
	}
	close(null);
}

static int
wait_for_byte(void *arg)
{
	const int *fd = arg;
	char byte;
	return sl_io_read_stream(*fd, &byte, 1, SL_FOREVER);
}

/* Everything else waits for other sides, in all slots that such waits may take. */
static int
beside_many_waits(void *arg)
{
	int *fd = arg;
	struct sl_group group;
	struct sl_deadline scope;
	sl_group_enter(&group, SL_GROUP_COLLECT);
	for (int i = 0; i < SL_ENGINE_SLOTS; i++)
		cr_assert_eq(sl_group_spawn(&group, "read", wait_for_byte, fd, NULL), 0);
	cr_assert_eq(sl_yield(), 0);
	cr_assert_eq(sl_yield(), 0);
	sl_deadline_begin(&scope, sl_deadline_in(20 * SL_NS_PER_S));
	for (int i = 0; i < 3; i++) {
		int got = 0;
		struct sl_group waiting;
		sl_group_enter(&waiting, SL_GROUP_COLLECT);
		cr_assert_eq(sl_group_spawn(&waiting, "signals", wait_task, &got, NULL), 0);
		cr_assert_eq(sl_yield(), 0);
		cr_assert_eq(sl_yield(), 0);
		raise(SIGTERM);
		cr_assert_eq(sl_group_leave(&waiting), 0);
		cr_assert_eq(got, SIGTERM);
	}
	sl_deadline_end(&scope);
	sl_group_cancel(&group, -ECANCELED);
	cr_assert_eq(sl_group_leave(&group), -ECANCELED);
	return 0;
}

Test(signal, one_is_read_however_much_waits_for_servers)
{
	int fds[2];
	sl_signal_block();
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(ring_run(1, beside_many_waits, &fds[0]), 0);
	close(fds[0]);
	close(fds[1]);
}

static int
count_nothing_as_read(void *arg)
{
	(void)arg;
	const struct sl_stats *stats = sl_rt_stats(sl_rt_current());
	raise(SIGUSR1);
	cr_assert_eq(sl_signal_wait(NULL), SIGUSR1);
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(SL_NS_PER_MS));
	cr_assert_eq(sl_signal_wait(NULL), -ETIMEDOUT);
	sl_deadline_end(&scope);
	cr_assert_eq(stats->op[SL_OP_READ].count, 0);
	cr_assert_eq(stats->op[SL_OP_POLL].count, 1);
	return 0;
}

Test(signal, waiting_for_one_is_not_counted_as_reading)
{
	sl_signal_block();
	cr_assert_eq(ring_run(1, count_nothing_as_read, NULL), 0);
}

static int
simulated_wait(void *arg)
{
	(void)arg;
	struct sl_deadline scope;
	sl_deadline_begin(&scope, sl_deadline_in(SL_NS_PER_S));
	cr_assert_eq(sl_signal_wait(NULL), -ETIMEDOUT);
	sl_deadline_end(&scope);
	return 0;
}

Test(signal, in_the_simulator_no_signal_ever_comes)
{
	struct sim *sim = sim_plain(1);
	cr_assert_eq(sim_run(sim, simulated_wait, NULL), 0);
	sim_free(sim);
}

/* nohup */
static int
ignored_stays(void *arg)
{
	(void)arg;
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGUSR1);
	cr_assert_eq(sl_signal_wait(NULL), SIGUSR1);
	return 0;
}

Test(signal, one_that_was_ignored_at_the_start_stays_ignored)
{
	signal(SIGHUP, SIG_IGN);
	sl_signal_block();
	cr_assert_eq(ring_run(1, ignored_stays, NULL), 0);
}

Test(signal, broken_pipes_and_size_limits_are_errors_and_do_not_end_the_program)
{
	sl_signal_ignore_write_errors();
	raise(SIGPIPE);
	raise(SIGXFSZ);
}

static int
status_of(int signo)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = { 0 };
		setrlimit(RLIMIT_CORE, &none);
		sl_signal_block();
		sl_signal_die(signo);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

Test(signal, the_parent_sees_an_end_by_the_signal)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	for (size_t i = 0; i < SL_COUNT_OF(signals); i++) {
		int status = status_of(signals[i]);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
	}
	int status = status_of(SIGWINCH);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGWINCH,
		"its default ends nothing");
}

/* As a shell starts it: a group of its own in the shell's session. */
Test(signal, stopping_stops_until_continued)
{
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		sl_signal_block();
		sl_signal_stop();
		_exit(7);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
	cr_assert(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* In a session of its own no shell could continue it: the kernel does not stop it then. */
Test(signal, stopping_is_left_to_the_kernel)
{
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		sl_signal_block();
		sl_signal_stop();
		_exit(7);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
