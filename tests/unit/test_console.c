/*
 * The console on a real terminal: each test forks a command onto a pseudo-terminal, tells it
 * through a pipe what to do, and looks at a screen (tests/support/screen.h) until it shows what is
 * wanted.
 */
#include "sluice/cli/console.h"

#include "sluice/cli/run.h"
#include "sluice/rt/io.h"
#include "sluice/rt/offload.h"
#include "sluice/rt/signal.h"
#include "support/screen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#define FRAMES_MAX 100    /* until what is wanted should have been shown */
#define PATIENCE_MS 20000 /* until a test gives up; nothing waits for it to pass */

/* ---- the command ---- */

struct command {
	int orders; /* l: log a line; w: a worker logs one; m: a million bytes; h: hang; e: end */
	unsigned count;
};

static void
draw(void *ctx, struct sl_progress_screen *screen, const struct sl_progress_style *style,
	struct sl_span above, struct sl_buf *out)
{
	struct sl_progress_scan scan = { .inputs_total = 2, .bytes_total = 10, .bytes_done = 5 };
	(void)ctx;
	sl_progress_draw_scan(screen, style, &scan, above, out);
}

static void
plain(void *ctx, struct sl_buf *out)
{
	(void)ctx;
	sl_buf_add_str(out, "half way\n");
}

static int
log_on_worker(void *arg)
{
	(void)arg;
	sl_log_warn("said by a worker");
	return 0;
}

static void
hang(void)
{
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	cr_assert_eq(sl_sleep_until(SL_FOREVER), -ECANCELED);
	sl_shield_end(&shield);
}

/* 1 = go on. */
static int
obey(struct command *command, char order)
{
	switch (order) {
	case 'l':
		sl_log_error("line %u", ++command->count);
		return 1;
	case 'w':
		return sl_offload(log_on_worker, NULL) == 0;
	case 'm':
		for (int i = 0; i < 10000; i++)
			sl_log_error("%099d", i);
		return 1;
	case 'h':
		hang();
		return 0;
	default:
		return 0;
	}
}

static int
command_task(void *arg)
{
	static const struct sl_console_view view = { .draw = draw, .plain = plain };
	struct command *command = arg;
	char order = 0;
	if (sl_console_begin(&view) != 0)
		return -ENOMEM;
	while (sl_io_read_stream(command->orders, &order, 1, SL_FOREVER) == 1)
		if (!obey(command, order))
			break;
	sl_console_end();
	return 0;
}

SL_NORETURN static void
be_command(int orders)
{
	struct command command = { .orders = orders };
	struct sl_run run = { .workers = 1, .fn = command_task, .arg = &command };
	struct sl_error err = { 0 };
	setenv("TERM", "xterm", 1);
	setenv("LC_ALL", "C", 1);
	unsetenv("NO_COLOR");
	sl_signal_block();
	sl_console_open();
	if (sl_run_command(&run, &err) != 0)
		sl_log_error("%s", err.text);
	sl_log_error("the end");
	sl_run_end(&run);
	_exit(0);
}

/* ---- the terminal ---- */

struct stage {
	pid_t shell, pid; /* the session's leader; the command in a group of its own, as a shell
			     starts it: else no shell could stop it */
	int orders, terminal;
	struct screen *screen;
	struct sl_buf raw;
};

/* The shell takes the terminal (SIGUSR1), or gives it to the command (SIGUSR2), as bg and fg do. */
static pid_t job;

static void
move_job(int signo)
{
	tcsetpgrp(0, signo == SIGUSR1 ? getpid() : job);
}

static void
control_job(pid_t pid)
{
	struct sigaction action = { .sa_handler = move_job, .sa_flags = SA_RESTART };
	job = pid;
	signal(SIGTTOU, SIG_IGN);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
}

/* Ends as the command does. In the background of a script, tests have been started with SIGINT
 * ignored. */
SL_NORETURN static void
be_shell(int orders, int pids)
{
	int status = 0;
	signal(SIGINT, SIG_DFL);
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		be_command(orders);
	}
	setpgid(pid, pid);
	control_job(pid);
	if (write(pids, &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		_exit(1);
	close(orders);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		sl_signal_die(WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}

static bool
is_stopped(pid_t pid)
{
	char path[64], state = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *file = fopen(path, "re");
	cr_assert_not_null(file);
	cr_assert_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
	fclose(file);
	return state == 'T';
}

static struct stage
begin(void)
{
	struct stage stage = { 0 };
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	int orders[2], pids[2], slave = -1;
	cr_assert_eq(pipe2(orders, O_CLOEXEC), 0);
	cr_assert_eq(openpty(&stage.terminal, &slave, NULL, NULL, &size), 0);
	cr_assert_eq(pipe2(pids, O_CLOEXEC), 0);
	stage.shell = fork();
	cr_assert(stage.shell >= 0);
	if (stage.shell == 0) {
		struct termios mode;
		close(orders[1]);
		close(stage.terminal);
		login_tty(slave);
		tcgetattr(0, &mode);
		mode.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(0, TCSANOW, &mode);
		be_shell(orders[0], pids[1]);
	}
	close(orders[0]);
	close(slave);
	close(pids[1]);
	cr_assert_eq(read(pids[0], &stage.pid, sizeof(stage.pid)), (ssize_t)sizeof(stage.pid));
	close(pids[0]);
	stage.orders = orders[1];
	stage.screen = screen_new(80, 24);
	return stage;
}

/* False at the end of what the command will ever write. */
static bool
look(struct stage *stage)
{
	char piece[4096];
	struct pollfd ready = { .fd = stage->terminal, .events = POLLIN };
	cr_assert(poll(&ready, 1, PATIENCE_MS) == 1, "nothing came");
	ssize_t len = read(stage->terminal, piece, sizeof(piece));
	if (len <= 0)
		return false;
	sl_buf_add(&stage->raw, piece, (size_t)len);
	screen_write(stage->screen, sl_span(piece, (size_t)len));
	return true;
}

static bool
shows(struct stage *stage, const char *want)
{
	struct sl_buf text = { 0 };
	if (!screen_is_settled(stage->screen))
		return false;
	screen_text(stage->screen, &text);
	bool found = strstr(text.data, want) != NULL;
	sl_buf_release(&text);
	return found;
}

static void
wait_for(struct stage *stage, const char *want)
{
	for (int frames = 0; !shows(stage, want); frames++) {
		cr_assert(frames < FRAMES_MAX, "'%s' is not shown after %d frames", want, frames);
		cr_assert(look(stage), "the command ended before it showed '%s'", want);
	}
}

static void
order(struct stage *stage, const char *letters)
{
	cr_assert_eq(write(stage->orders, letters, strlen(letters)), (ssize_t)strlen(letters));
}

/* Returns the status as of waitpid; the screen must show exactly `want` then. */
static int
end(struct stage *stage, const char *want)
{
	int status = 0;
	struct sl_buf text = { 0 };
	while (look(stage))
		;
	cr_assert_eq(waitpid(stage->shell, &status, 0), stage->shell);
	screen_text(stage->screen, &text);
	if (want)
		cr_expect_str_eq(text.data, want);
	cr_expect_not(screen_cursor_is_hidden(stage->screen));
	sl_buf_release(&text);
	sl_buf_release(&stage->raw);
	screen_free(stage->screen);
	close(stage->terminal);
	close(stage->orders);
	return status;
}

#define FRAME_BAR "[==================>                  ]"
#define FRAME_WORDS "0 lines, 0 error lines\n"

Test(console, draws_bars_below_the_lines_that_stay)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_BAR);
	cr_expect(screen_cursor_is_hidden(stage.screen));
	order(&stage, "llw");
	wait_for(&stage,
		"sluice: line 1\nsluice: line 2\nsluice: warning: said by a worker\n0/2 inputs ");
	order(&stage, "e");
	int status =
		end(&stage, "sluice: line 1\nsluice: line 2\nsluice: warning: said by a worker\n"
			    "sluice: the end\n");
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(console, leaves_a_clean_terminal_when_interrupted_and_ends_by_that_signal)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	for (size_t i = 0; i < SL_COUNT_OF(signals); i++) {
		struct stage stage = begin();
		wait_for(&stage, FRAME_WORDS);
		order(&stage, "l");
		wait_for(&stage, "sluice: line 1\n0/2 inputs ");
		kill(stage.pid, signals[i]);
		int status = end(&stage, "sluice: line 1\nsluice: the end\n");
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
	}
}

Test(console, control_c_typed_at_the_terminal_interrupts)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	cr_assert_eq(write(stage.terminal, "\003", 1), 1);
	int status = end(&stage, "sluice: the end\n");
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

Test(console, a_second_signal_ends_a_command_that_does_not_leave)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	order(&stage, "lh");
	wait_for(&stage, "sluice: line 1\n");
	kill(stage.pid, SIGINT);
	kill(stage.pid, SIGTERM);
	int status = end(&stage, "sluice: line 1\n");
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

Test(console, patience_with_a_command_that_does_not_leave_has_an_end)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	order(&stage, "lh");
	wait_for(&stage, "sluice: line 1\n");
	kill(stage.pid, SIGTERM);
	int status = end(&stage, "sluice: line 1\n");
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* As control-Z does. What was written before the stop is in the terminal already. */
static void
stop(struct stage *stage)
{
	struct pollfd ready = { .fd = stage->terminal, .events = POLLIN };
	kill(stage->pid, SIGTSTP);
	for (int i = 0; i < PATIENCE_MS && !is_stopped(stage->pid); i++)
		usleep(1000);
	cr_assert(is_stopped(stage->pid));
	while (poll(&ready, 1, 0) == 1)
		cr_assert(look(stage));
}

Test(console, takes_the_frame_away_while_the_process_is_stopped)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	order(&stage, "l");
	wait_for(&stage, "sluice: line 1\n0/2 inputs ");
	stop(&stage);
	cr_expect(shows(&stage, "sluice: line 1\n") && !shows(&stage, "inputs"));
	cr_expect_not(screen_cursor_is_hidden(stage.screen));
	kill(stage.pid, SIGCONT);
	wait_for(&stage, FRAME_WORDS);
	order(&stage, "e");
	end(&stage, "sluice: line 1\nsluice: the end\n");
}

/* Wait until the terminal belongs to the group. */
static void
wait_for_foreground(const struct stage *stage, pid_t group)
{
	for (int i = 0; i < PATIENCE_MS && tcgetpgrp(stage->terminal) != group; i++)
		usleep(1000);
	cr_assert_eq(tcgetpgrp(stage->terminal), group);
}

/* Lines may have colours. */
static bool
has_moved_cursor(const struct stage *stage)
{
	const char *data = stage->raw.data;
	return memmem(data, stage->raw.len, "\033[?", 3) ||
	       memmem(data, stage->raw.len, "\033[K", 3);
}

static void
move_to_background(struct stage *stage)
{
	kill(stage->shell, SIGUSR1);
	wait_for_foreground(stage, stage->shell);
	sl_buf_clear(&stage->raw);
	kill(stage->pid, SIGCONT);
}

Test(console, in_the_background_only_lines_are_written)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	stop(&stage);
	move_to_background(&stage);
	order(&stage, "l");
	wait_for(&stage, "sluice: line 1\n");
	order(&stage, "l");
	wait_for(&stage, "sluice: line 1\nsluice: line 2\n");
	cr_expect_not(has_moved_cursor(&stage));
	kill(stage.shell, SIGUSR2);
	wait_for_foreground(&stage, stage.pid);
	wait_for(&stage, FRAME_WORDS);
	order(&stage, "e");
	end(&stage, "sluice: line 1\nsluice: line 2\nsluice: the end\n");
}

Test(console, ends_in_the_background_without_a_control_sequence)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	stop(&stage);
	move_to_background(&stage);
	order(&stage, "le");
	wait_for(&stage, "sluice: the end\n");
	cr_expect_not(has_moved_cursor(&stage));
	end(&stage, "sluice: line 1\nsluice: the end\n");
}

Test(console, follows_the_size_of_the_terminal)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	struct winsize size = { .ws_col = 30, .ws_row = 10 };
	screen_resize(stage.screen, 30, 10);
	cr_assert_eq(ioctl(stage.terminal, TIOCSWINSZ, &size), 0);
	while (shows(&stage, FRAME_BAR) || !shows(&stage, FRAME_WORDS))
		cr_assert(look(&stage));
	order(&stage, "e");
	end(&stage, "sluice: the end\n");
}

Test(console, a_terminal_that_accepts_nothing_blocks_no_command)
{
	struct stage stage = begin();
	int status = 0;
	order(&stage, "mmm");
	/* The terminal is not read: the command still gets the signal and ends. */
	struct pollfd ready = { .fd = stage.terminal, .events = POLLIN };
	cr_assert_eq(poll(&ready, 1, PATIENCE_MS), 1);
	kill(stage.pid, SIGINT);
	cr_assert_eq(waitpid(stage.shell, &status, 0), stage.shell);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	screen_free(stage.screen);
	close(stage.terminal);
	close(stage.orders);
}

Test(console, prints_the_table_of_tasks_on_request)
{
	struct stage stage = begin();
	wait_for(&stage, FRAME_WORDS);
	kill(stage.pid, SIGUSR1);
	wait_for(&stage, "  command                          parked   read for ");
	order(&stage, "e");
	end(&stage, NULL);
}

Test(console, writes_lines_without_control_sequences_where_no_terminal_is)
{
	int orders[2], errors[2], status = 0;
	char text[4096] = "";
	cr_assert_eq(pipe(orders), 0);
	cr_assert_eq(pipe(errors), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(errors[1], STDERR_FILENO);
		be_command(orders[0]);
	}
	close(errors[1]);
	cr_assert_eq(write(orders[1], "lwe", 3), 3);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(read(errors[0], text, sizeof(text) - 1) > 0);
	cr_expect_str_eq(
		text, "sluice: line 1\nsluice: warning: said by a worker\nsluice: the end\n");
}
