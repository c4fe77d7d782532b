/*
 * run.h - runs a command on a ring of its own, with the signals a person or a system sends to it.
 *
 *	INT, TERM, HUP   the command is cancelled (SL_E_INTERRUPTED) and has SL_RUN_GRACE_NS to
 *leave; what is not done then is named and the process ends by that signal. A second one ends it at
 *once. TSTP, CONT       the frame is taken away, the process stops and goes on USR1             the
 *table of tasks is printed
 */
#ifndef SLUICE_CLI_RUN_H
#define SLUICE_CLI_RUN_H

#include "sluice/base/error.h"
#include "sluice/rt/task.h"

#define SL_RUN_GRACE_NS SL_NS_PER_S

struct sl_run {
	unsigned workers; /* CPU threads; 0 = one for each processor */
	sl_task_fn *fn;   /* the command's main task */
	void *arg;

	/* Called on the runtime's thread after all tasks have ended and before it is freed, for
	 * statistics; may be NULL. */
	void (*at_end)(void *arg, struct sl_rt *rt);

	/* Called a second after a signal, before the process ends although the command has not;
	 * says what is left behind. May be NULL. */
	void (*abandoned)(void *arg);

	int signo;  /* result: the signal that asked the run to end, or 0 */
	int result; /* result: what fn returned */
};

/*
 * Lower *max_memory (--max-memory) to what the memory limit of the cgroup, or the machine, leaves:
 * otherwise the kernel would kill the process in a small container. Not below `least`.
 */
void sl_run_fit_memory(uint64_t *max_memory, uint64_t least);

/*
 * Run until fn and all below it have ended. Not in a task; sl_signal_block() was called. Returns 0,
 * with the results set; or a negative code told in *err if there is no ring or no memory: then fn
 * never ran.
 */
int sl_run_command(struct sl_run *run, struct sl_error *err) SL_MUST_CHECK;

/* If a signal asked the run to end, end the process by it, so that loops in a shell stop too; else
 * return. */
void sl_run_end(const struct sl_run *run);

#endif
