/*
 * run.h - runs a command on its own ring and handles signals:
 *
 *  INT, TERM, HUP   the command is cancelled (SL_E_INTERRUPTED) and has SL_RUN_GRACE_NS to end.
 *                   Then the tasks that still run are logged, and the process ends by that signal.
 *                   A second signal ends it at once, unless it is the first repetition of the
 *                   same one by the same process: timeout(1) sends its signal twice.
 *  TSTP, CONT       the progress is erased and the process stops; it is drawn again afterwards
 *  USR1             the table of tasks is printed
 */
#ifndef SLUICE_CLI_RUN_H
#define SLUICE_CLI_RUN_H

#include "sluice/base/error.h"
#include "sluice/rt/task.h"

#define SL_RUN_GRACE_NS SL_NS_PER_S

struct sl_run {
	unsigned workers; /* CPU threads; 0 = one for each CPU */
	sl_task_fn *fn;   /* the command's main task */
	void *arg;

	/* Called on the runtime's thread after all tasks have ended and before it is freed, for
	 * statistics; may be NULL. */
	void (*at_end)(void *arg, struct sl_rt *rt);

	/* How long the command has to end after a signal; 0 = SL_RUN_GRACE_NS. */
	uint64_t grace_ns;

	/* From the start of the run, in nanoseconds; 0 = none. The command ends by itself then
	 * (sl_deadline_begin); if it has not SL_RUN_GRACE_NS later, the process is ended, as after
	 * a signal. */
	uint64_t deadline_ns;

	/* Called before the process ends although the command has not ended in time, after a signal
	 * or (signo 0) the deadline; logs what is unfinished and left on the disk. Returns the exit
	 * status, which counts after the deadline. May be NULL without a deadline. */
	int (*abandoned)(void *arg, int signo);

	int signo;  /* result: the signal that asked the run to end, or 0 */
	int result; /* result: what fn returned */
	/* Result: the ring has failed during the run, and fn never returns. Worker threads may
	 * still be running: what they use must not be freed. */
	bool is_stuck;
};

/*
 * Lower *max_memory (--max-memory) to what the memory limit of the cgroup, or the machine, leaves:
 * otherwise the kernel would kill the process in a small container. Not below `least`. `available`
 * is that of sl_memory_available().
 */
void sl_run_fit_memory(uint64_t *max_memory, uint64_t available, uint64_t least);

/*
 * Run until fn and all tasks below it have ended. Not in a task. Signals are handled from here
 * on; before, they have their default actions.
 * Returns 0, with the results set; or a negative code, described in *err: the ring cannot be set up
 * or memory ends, and fn was not called; or run->is_stuck.
 */
int sl_run_command(struct sl_run *run, struct sl_error *err) SL_MUST_CHECK;

/* If a signal asked the run to end, end the process by that signal, so that loops in a shell stop
 * as well; else return. */
void sl_run_end(const struct sl_run *run);

#endif
