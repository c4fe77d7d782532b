/*
 * signal.h - signals come through the ring. Block them before the first thread starts.
 */
#ifndef SLUICE_RT_SIGNAL_H
#define SLUICE_RT_SIGNAL_H

#include "sluice/rt/task.h"

#include <sys/types.h>

/* Ignore PIPE and XFSZ: writes fail instead. Call first in main. */
void sl_signal_ignore_write_errors(void);

/*
 * Block INT, TERM, HUP, TSTP, CONT, WINCH and USR1 for this thread and those it will start. Call
 * once, before sl_rt_new, and not earlier: until the runtime reads them, they would not end a
 * program that waits for something. A signal that was ignored when the program started (nohup)
 * stays ignored.
 */
void sl_signal_block(void);

/*
 * Wait for the next of the blocked signals. Returns its number; -ECANCELED or -ETIMEDOUT. If
 * signals cannot be read they get their default actions back, and it waits until cancelled.
 * *sender, unless NULL: the process that sent it; 0 = the kernel, as for a key, or a process of
 * another PID namespace.
 */
SL_SUSPENDS
int sl_signal_wait(pid_t *sender) SL_MUST_CHECK;

/* End the process by `signo`, so that the parent sees that signal: default action, unblocked,
 * raised. */
SL_NORETURN void sl_signal_die(int signo);

/* Stop the process as SIGTSTP would and return when it is continued. */
void sl_signal_stop(void);

#endif
