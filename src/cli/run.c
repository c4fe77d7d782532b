/*
 * run.c - the tree of tasks of a run: the main task has two groups, the command and its watchers.
 *
 *	main_task
 *	  watchers   "signals" handles signals as run.h lists them; "grace" exists after the first
 *	             fatal signal, and from the start if there is a deadline: it ends the process
 *	             when SL_RUN_GRACE_NS have passed since
 *	  command    the command's own task and all it starts
 *
 * The watchers are cancelled when the command has ended. sl_run_end then ends the process by the
 * signal, if there was one.
 */
#include "sluice/cli/run.h"

#include "sluice/base/log.h"
#include "sluice/base/memory.h"
#include "sluice/cli/console.h"
#include "sluice/rt/engine.h"
#include "sluice/rt/signal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct state {
	struct sl_run *run;
	pid_t sender;     /* of the signal that asked the run to end */
	bool is_repeated; /* it has sent it a second time */
	struct sl_group command, watchers;
};

/* ---- what the tasks do ---- */

static void
print_task(void *ctx, const struct sl_task_info *info)
{
	struct sl_buf *out = ctx;
	bool parked = strcmp(info->state, "parked") == 0;
	sl_buf_printf(out, "%*s%-32s %-8s", (int)info->depth * 2, "", info->name, info->state);
	if (parked)
		sl_buf_printf(out, " %s for %s", info->waits_for,
			sl_units_elapsed(sl_now() - info->since_ns).text);
	sl_buf_add_char(out, '\n');
}

static void
print_tasks(void)
{
	struct sl_buf out = { 0 };
	sl_buf_printf(&out, "sluice: %u tasks\n", sl_task_count());
	sl_task_each(print_task, &out);
	sl_console_print(sl_buf_span(&out));
	sl_buf_release(&out);
}

/* Log a task that waits for the disk: such operations cannot be cancelled (rt/io.h). The tasks of
 * the program itself are left out. */
static void
report_stuck_task(void *ctx, const struct sl_task_info *info)
{
	static const char *const disk[] = { "sync", "syncfs", "allocate", "rename", "unlink",
		"write", "read", "open", "blocking call" };
	static const char *const own[] = { "signals", "console", "standard output" };
	(void)ctx;
	for (size_t i = 0; i < SL_COUNT_OF(own); i++)
		if (strcmp(info->name, own[i]) == 0)
			return;
	for (size_t i = 0; i < SL_COUNT_OF(disk); i++)
		if (strcmp(info->waits_for, disk[i]) == 0)
			sl_log_error("task '%s' did not stop (waiting for %s)", info->name,
				info->waits_for);
}

/* ---- signals ---- */

SL_NORETURN static void
die(int signo)
{
	sl_console_restore();
	sl_signal_die(signo);
}

/* End the process although tasks are still running after the time of grace. Threads and the kernel
 * still use what they have, so nothing is freed. */
SL_NORETURN static void
abandon(struct state *state)
{
	struct sl_run *run = state->run;
	sl_console_hurry();
	sl_task_each(report_stuck_task, NULL);
	int status = run->abandoned ? run->abandoned(run->arg, run->signo) : 1;
	if (run->signo)
		die(run->signo);
	sl_console_restore();
	_exit(status);
}

SL_SUSPENDS
static int
signal_grace_task(void *arg)
{
	const struct state *state = arg;
	uint64_t grace_ns = state->run->grace_ns;
	if (sl_sleep(grace_ns ? grace_ns : SL_RUN_GRACE_NS) == 0)
		abandon(arg);
	return 0;
}

SL_SUSPENDS
static int
deadline_grace_task(void *arg)
{
	struct state *state = arg;
	if (sl_sleep(state->run->deadline_ns + SL_RUN_GRACE_NS) == 0)
		abandon(state);
	return 0;
}

/* timeout(1) sends its signal twice, to the process and to its group, which is one request to end.
 * How much later the second one comes depends on the scheduler. */
static bool
is_same_request(struct state *state, int signo, pid_t sender)
{
	if (state->is_repeated || sender == 0 || sender != state->sender ||
		signo != state->run->signo)
		return false;
	state->is_repeated = true;
	return true;
}

static void
interrupt(struct state *state, int signo, pid_t sender)
{
	bool second = state->run->signo != 0;
	if (second && is_same_request(state, signo, sender))
		return;
	if (!second) {
		state->run->signo = signo;
		state->sender = sender;
	}
	if (second ||
		sl_group_spawn(&state->watchers, "grace", signal_grace_task, state, NULL) != 0)
		die(signo);
	sl_console_hurry();
	sl_group_cancel(&state->command, SL_E_INTERRUPTED);
}

/* Returns only when cancelled: the command has ended. */
SL_SUSPENDS
static int
signal_task(void *arg)
{
	struct state *state = arg;
	for (;;) {
		pid_t sender = 0;
		int signo = sl_signal_wait(&sender);
		switch (signo) {
		case SIGINT:
		case SIGTERM:
		case SIGHUP:
			interrupt(state, signo, sender);
			break;
		case SIGTSTP:
			sl_console_pause();
			sl_signal_stop();
			sl_console_resume();
			break;
		case SIGUSR1:
			print_tasks();
			break;
		case SIGCONT:
		case SIGWINCH: /* each frame asks for the size anew */
			break;
		default:
			return signo == -ECANCELED ? 0 : signo;
		}
	}
}

/* ---- the run ---- */

SL_SUSPENDS
static int
main_task(void *arg)
{
	struct state *state = arg;
	sl_group_enter(&state->watchers, SL_GROUP_COLLECT);
	sl_group_enter(&state->command, SL_GROUP_COLLECT);
	int code = sl_group_spawn(&state->watchers, "signals", signal_task, state, NULL);
	if (!code && state->run->deadline_ns)
		code = sl_group_spawn(&state->watchers, "grace", deadline_grace_task, state, NULL);
	if (!code)
		code = sl_group_spawn(&state->command, "command", state->run->fn, state->run->arg,
			&state->run->result);
	sl_group_leave(&state->command);
	sl_group_cancel(&state->watchers, -ECANCELED);
	sl_group_leave(&state->watchers);
	return code;
}

void
sl_run_fit_memory(uint64_t *max_memory, uint64_t available, uint64_t least)
{
	uint64_t share = sl_memory_share(*max_memory, available, least);
	if (share < *max_memory)
		sl_log_info("buffers use at most %s: the memory limit of the cgroup or of the "
			    "machine leaves no more (--max-memory)",
			sl_units_size(share).text);
	*max_memory = share;
}

int
sl_run_command(struct sl_run *run, struct sl_error *err)
{
	struct state state = { .run = run };
	struct sl_rt_options options = { .workers = run->workers };
	struct sl_rt *rt = NULL;
	run->signo = run->result = 0;
	sl_signal_block();
	int code = sl_engine_uring_new(&options.engine, err);
	if (code)
		return code;
	code = sl_rt_new(&rt, &options, err);
	if (code)
		return code;
	code = sl_rt_run(rt, main_task, &state);
	if (code) {
		/* Tasks that are still suspended are never woken again; they end with the
		 * process. */
		run->is_stuck = true;
		sl_fail_code(err, SL_PHASE_NONE, code, "cannot continue");
		sl_console_restore();
		return code;
	}
	if (run->at_end)
		run->at_end(run->arg, rt);
	sl_rt_free(rt);
	return code;
}

void
sl_run_end(const struct sl_run *run)
{
	if (run->signo)
		sl_signal_die(run->signo);
}
