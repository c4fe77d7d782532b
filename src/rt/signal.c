#include "sluice/rt/signal.h"

#include "runtime_int.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int handled[] = { SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1 };

/* Both are set once in main while there is one thread. */
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
	/* Without the descriptor nobody would see them: then they do what they do by default. */
	signal_fd = signalfd(-1, &blocked_set, SFD_CLOEXEC);
	if (signal_fd >= 0)
		pthread_sigmask(SIG_BLOCK, &blocked_set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

int
sl_signal_wait(void)
{
	int code = task_check();
	if (code)
		return code;
	if (signal_fd < 0) { /* nothing was blocked */
		enum sl_wake wake = sl_task_park("signal", SL_FOREVER, 0);
		return sl_task_wake_code(wake);
	}
	struct signalfd_siginfo info = { 0 };
	int got = sl_io_read_stream(signal_fd, &info, sizeof(info), SL_FOREVER);
	if (got < 0)
		return got;
	return got == (int)sizeof(info) ? (int)info.ssi_signo : -EIO;
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

/* The kernel decides: in a process group that no shell looks after, nobody could continue it. */
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
