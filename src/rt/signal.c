/*
 * signal.c - signals are blocked in all threads and read from a signalfd through the ring.
 *
 *  - A signal that was ignored when the program started is neither blocked nor handled.
 *  - If the descriptor cannot be opened, or reading from it fails for good, the signals get their
 *    default actions back, so that the program can always be ended.
 */
#include "sluice/rt/signal.h"

#include "runtime_int.h"

#include "sluice/base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Reading signals fails only where something is badly wrong (no memory, a descriptor that was
 * closed under us): a few attempts, then signals get their default actions. */
#define ATTEMPTS 4
#define RETRY_NS (20 * SL_NS_PER_MS)

static const int handled[] = { SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1 };

/* Both are set once, while there is one thread. */
static sigset_t blocked_set;
static int signal_fd = -1; /* for the whole run: later there may be no descriptor left */

static bool
is_ignored(int signo)
{
	struct sigaction action;
	return sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void
sl_signal_block(void)
{
	sigemptyset(&blocked_set);
	for (size_t i = 0; i < SL_COUNT_OF(handled); i++)
		if (!is_ignored(handled[i]))
			sigaddset(&blocked_set, handled[i]);
	/* Without the descriptor they would never be seen: then they keep their default actions. */
	signal_fd = signalfd(-1, &blocked_set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd >= 0)
		pthread_sigmask(SIG_BLOCK, &blocked_set, NULL);
}

void
sl_signal_ignore_write_errors(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/*
 * Without a reader the blocked signals would stay pending, and only SIGKILL would end the program.
 * So they get their default actions back.
 */
static void
unblock(int code)
{
	sl_log_error("cannot read signals: %s (they end the program at once from now on)",
		sl_code_text(code));
	signal_fd = -1;
	pthread_sigmask(SIG_UNBLOCK, &blocked_set, NULL);
}

/* The number of a signal that is pending, 0 if there is none, or a negative code. */
static int
take_pending(pid_t *sender)
{
	struct signalfd_siginfo info = { 0 };
	ssize_t got = read(signal_fd, &info, sizeof(info));
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	*sender = (pid_t)info.ssi_pid;
	return got == (ssize_t)sizeof(info) ? (int)info.ssi_signo : -EIO;
}

/* A poll and a read that does not block, so that waiting for a signal is counted as what it is:
 * idle time, and not a read. */
SL_SUSPENDS
static int
read_signal(pid_t *sender)
{
	int code = take_pending(sender);
	while (code == 0) {
		int events = io_poll_reserved(signal_fd, POLLIN);
		code = events < 0 ? events : take_pending(sender);
	}
	return code;
}

int
sl_signal_wait(pid_t *sender)
{
	pid_t unwanted;
	int code = task_check();
	for (int i = 0; i < ATTEMPTS && signal_fd >= 0 && !code; i++) {
		int signo = read_signal(sender ? sender : &unwanted);
		if (signo > 0)
			return signo;
		code = task_check();
		if (!code && i + 1 == ATTEMPTS)
			unblock(signo);
		else if (!code)
			code = sl_sleep(RETRY_NS);
	}
	if (code)
		return code;
	enum sl_wake wake = sl_task_park("signal", SL_FOREVER, 0); /* none comes here */
	return sl_task_wake_code(wake);
}

void
sl_signal_die(int signo)
{
	sigset_t set;
	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	raise(signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/* allowed: a signal whose default is not to end the process ends it too. */
	_exit(128 + signo);
}

/* The kernel decides: in an orphaned process group, which no shell could continue, it does not stop
 * the process. */
void
sl_signal_stop(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* here it stops */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}
