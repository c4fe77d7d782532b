/*
 * console.c - standard error: log lines and progress.
 *
 *  - `kept`, `dropped` and `view` are protected by the mutex, since any thread may log.
 *  - `frame`, `written` and `screen` belong to the runtime's thread: to the drawing task while it
 *    runs, to the functions for signals between its writes.
 *  - Without a view lines are written at once, blocking; with one only the drawing task writes.
 *  - After sl_console_hurry() no write waits longer than LAST_FRAME_MS, and after the first one
 *    that was not accepted in that time nothing more is written (`timed_out`).
 */
#include "sluice/cli/console.h"

#include "sluice/base/text.h"
#include "sluice/rt/io.h"
#include "sluice/rt/signal.h"
#include "sluice/ui/colour.h"
#include "sluice/ui/terminal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long the last frame may take: the user waits, and an interrupted run has one second in
 * all. */
#define LAST_FRAME_MS 400
#define LAST_FRAME_NS (LAST_FRAME_MS * SL_NS_PER_MS)
#define DIRECT_BYTES 256 /* a terminal that polls as ready accepts this much without blocking */

static const int fatal_signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

static struct {
	/* set once in main, then by the command before there are threads */
	struct sl_console_setting setting;
	struct sl_colour_setting environment;
	bool unicode, terminal[3];
	bool file; /* standard error is a regular file */

	pthread_mutex_t mutex;
	struct sl_buf kept; /* lines to be written above the frame */
	size_t dropped;     /* lines that were not kept because `kept` was full */

	const struct sl_console_view *view; /* NULL = lines are written at once */
	bool bars, paused, broken;
	atomic_bool hurried;   /* the run is ending: writes wait at most LAST_FRAME_MS */
	atomic_bool timed_out; /* such a write was not accepted in time: write nothing more */
	struct sl_buf frame;   /* being written */
	size_t written;        /* of frame */
	struct sl_progress_screen screen;
	uint64_t plain_ns; /* when the next plain line is due */
	bool has_plain;    /* at least one was written */
	struct sl_group group;
	struct sigaction old_actions[SL_COUNT_OF(fatal_signals)];
} console = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* ---- the environment ---- */

static bool
locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (size_t i = 0; i < SL_COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

bool
sl_console_has_colour(int fd)
{
	struct sl_colour_setting setting = console.environment;
	setting.when = console.setting.colour;
	setting.is_terminal = console.terminal[fd];
	return sl_colour_is_wanted(&setting);
}

bool
sl_console_has_unicode(void)
{
	return console.unicode;
}

static struct winsize
window(int fd)
{
	struct winsize size = { 0 };
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	return size;
}

size_t
sl_console_columns(int fd)
{
	return console.terminal[fd] ? window(fd).ws_col : 0;
}

struct sl_progress_style
sl_console_style(void)
{
	struct winsize size = window(STDERR_FILENO);
	return (struct sl_progress_style){ .columns = size.ws_col,
		.rows = size.ws_row,
		.colour = sl_console_has_colour(STDERR_FILENO),
		.unicode = console.unicode && console.terminal[STDERR_FILENO] };
}

/* ---- lines ---- */

/* While this thread blocks in a write, the task that handles signals does not run: end the process
 * here if a signal that ends a run is pending. */
static void
die_on_pending_signal(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t pending;
	if (sigpending(&pending) != 0)
		return;
	for (size_t i = 0; i < SL_COUNT_OF(ends); i++)
		if (sigismember(&pending, ends[i]) == 1)
			sl_signal_die(ends[i]);
}

/*
 * Write without the ring. With `wait` until all is written or a signal ends the run, else at most
 * LAST_FRAME_MS. Errors are ignored: there is nowhere to report them.
 */
static void
write_direct(struct sl_span data, bool wait)
{
	while (data.len > 0 && !console.timed_out) {
		struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
		int count = poll(&ready, 1, LAST_FRAME_MS);
		if (count == 0 && console.hurried)
			console.timed_out = true;
		if (count == 0 && !wait)
			return;
		if (count == 0)
			die_on_pending_signal();
		if (count <= 0)
			continue;
		ssize_t code =
			write(STDERR_FILENO, data.data, SL_MIN(data.len, (size_t)DIRECT_BYTES));
		if (code < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (code > 0) {
			data.data += code;
			data.len -= (size_t)code;
		}
	}
}

void
sl_console_print(struct sl_span lines)
{
	pthread_mutex_lock(&console.mutex);
	if (!console.view)
		write_direct(lines, true);
	else if (console.kept.len + lines.len > SL_CONSOLE_KEPT)
		console.dropped++;
	else
		sl_buf_add_span(&console.kept, lines);
	pthread_mutex_unlock(&console.mutex);
}

/* So many lines are kept that a task should wait before it adds more. */
static bool
is_kept_filling(void)
{
	pthread_mutex_lock(&console.mutex);
	bool is_filling = console.view && !console.broken && console.kept.len > SL_CONSOLE_KEPT / 2;
	pthread_mutex_unlock(&console.mutex);
	return is_filling;
}

void
sl_console_wait(void)
{
	uint64_t until_ns = console.file ? SL_FOREVER : sl_deadline_in(SL_NS_PER_S);
	while (is_kept_filling() && sl_now() < until_ns)
		if (sl_sleep(SL_CONSOLE_FRAME_NS / 4) != 0)
			return;
}

/* Move the kept lines to the end of *out. */
static void
take_kept(struct sl_buf *out)
{
	pthread_mutex_lock(&console.mutex);
	sl_buf_add_span(out, sl_buf_span(&console.kept));
	sl_buf_clear(&console.kept);
	if (console.dropped > 0)
		sl_buf_printf(out, "sluice: %zu more lines were dropped: %s did not accept them\n",
			console.dropped,
			console.terminal[STDERR_FILENO] ? "the terminal" : "standard error");
	console.dropped = 0;
	console.kept.failed = false;
	pthread_mutex_unlock(&console.mutex);
}

static void
log_line(void *ctx, enum sl_log_level level, const char *line)
{
	(void)ctx;
	bool colour = sl_console_has_colour(STDERR_FILENO);
	enum sl_colour how = level == SL_LOG_ERROR  ? SL_COLOUR_BAD
			     : level == SL_LOG_WARN ? SL_COLOUR_WARN
						    : SL_COLOUR_DIM;
	struct sl_buf out = { 0 };
	sl_buf_printf(&out, "%ssluice:%s %s", sl_colour_code(colour, how),
		sl_colour_code(colour, SL_COLOUR_RESET), level == SL_LOG_WARN ? "warning: " : "");
	if (console.terminal[STDERR_FILENO] && !console.unicode)
		sl_text_make_ascii(&out, sl_span_str(line));
	else
		sl_buf_add_str(&out, line);
	sl_buf_add_char(&out, '\n');
	sl_console_print(sl_buf_span(&out));
	sl_buf_release(&out);
}

void
sl_console_open(void)
{
	console.environment = (struct sl_colour_setting){
		.no_color = getenv("NO_COLOR"),
		.clicolor_force = getenv("CLICOLOR_FORCE"),
		.clicolor = getenv("CLICOLOR"),
		.term = getenv("TERM"),
	};
	console.unicode = locale_is_utf8();
	for (int fd = 0; fd < 3; fd++)
		console.terminal[fd] = isatty(fd);
	struct stat st = { 0 };
	console.file = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	console.setting = (struct sl_console_setting){ .level = SL_LOG_WARN };
	sl_log_set_sink(log_line, NULL, SL_LOG_WARN);
}

void
sl_console_configure(const struct sl_console_setting *setting)
{
	sl_assert(!console.view);
	console.setting = *setting;
	sl_log_set_sink(log_line, NULL, setting->level);
}

/* ---- frames ---- */

/* Write the rest of the frame. After a failure other than cancellation nothing more is written. */
SL_SUSPENDS
static int
flush(void)
{
	while (console.written < console.frame.len) {
		int code = sl_io_write_stream_as(STDERR_FILENO, console.terminal[STDERR_FILENO],
			console.frame.data + console.written, console.frame.len - console.written,
			SL_FOREVER);
		if (code > 0) {
			console.written += (size_t)code;
			continue;
		}
		if (code == -EAGAIN)
			code = sl_io_poll(STDERR_FILENO, POLLOUT, SL_FOREVER);
		if (code == -ECANCELED || code == -ETIMEDOUT)
			return code;
		if (code < 0 && code != -EINTR) {
			console.broken = true;
			break;
		}
	}
	sl_buf_clear(&console.frame);
	console.frame.failed = false;
	console.written = 0;
	return 0;
}

/* True also without job control: no controlling terminal, or one of another session. */
static bool
is_foreground(void)
{
	pid_t group = tcgetpgrp(STDERR_FILENO);
	return group < 0 || group == getpgrp();
}

/* Bars are drawn only in the foreground: in the background another program, mostly the shell, uses
 * the terminal and moves the cursor. */
static bool
can_draw_bars(void)
{
	if (console.bars && is_foreground())
		return true;
	console.screen = (struct sl_progress_screen){ 0 };
	return false;
}

static void
compose(uint64_t now)
{
	if (console.bars && !can_draw_bars()) {
		take_kept(&console.frame);
		return;
	}
	if (!console.bars) {
		take_kept(&console.frame);
		if (console.setting.progress != SL_OPTION_PROGRESS_NONE &&
			now >= console.plain_ns) {
			console.view->plain(console.view->ctx, &console.frame);
			console.has_plain = true;
			console.plain_ns = now + SL_CONSOLE_PLAIN_NS;
		}
		return;
	}
	struct sl_buf above = { 0 };
	struct sl_progress_style style = sl_console_style();
	take_kept(&above);
	console.view->draw(
		console.view->ctx, &console.screen, &style, sl_buf_span(&above), &console.frame);
	sl_buf_release(&above);
}

/* Append what erases the frame. A frame of which only a part is written stays in front of it, since
 * the position of the cursor is known only after a complete frame. */
static void
compose_last(void)
{
	struct sl_buf above = { 0 };
	take_kept(&above);
	if (can_draw_bars())
		sl_progress_erase(&console.screen, window(STDERR_FILENO).ws_col,
			sl_buf_span(&above), &console.frame);
	else
		sl_buf_add_span(&console.frame, sl_buf_span(&above));
	sl_buf_release(&above);
}

SL_SUSPENDS
static int
draw_task(void *arg)
{
	(void)arg;
	uint64_t due = sl_deadline_in(SL_CONSOLE_FRAME_NS);
	while (sl_sleep_until(due) == 0) {
		if (!console.paused)
			compose(sl_now());
		if (flush() != 0 || console.broken)
			break;
		due = sl_deadline_in(SL_CONSOLE_FRAME_NS);
	}
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(LAST_FRAME_NS));
	compose_last();
	if (flush() != 0 && console.hurried)
		console.timed_out = true;
	sl_shield_end(&shield);
	return 0;
}

/* ---- the process crashes while bars are shown ---- */

/* Async-signal-safe. Then the old action follows: the default, or a sanitizer's report. */
static void
show_cursor_and_die(int signo)
{
	static const char text[] = SL_TERMINAL_SHOW_CURSOR "\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)written;
	for (size_t i = 0; i < SL_COUNT_OF(fatal_signals); i++)
		if (fatal_signals[i] == signo)
			sigaction(signo, &console.old_actions[i], NULL);
	if (signo == SIGABRT)
		raise(signo);
}

static void
install_crash_handlers(void)
{
	struct sigaction action = { .sa_handler = show_cursor_and_die, .sa_flags = SA_ONSTACK };
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SL_COUNT_OF(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, &console.old_actions[i]);
}

static void
remove_crash_handlers(void)
{
	for (size_t i = 0; i < SL_COUNT_OF(fatal_signals); i++)
		sigaction(fatal_signals[i], &console.old_actions[i], NULL);
}

/* ---- public functions ---- */

static bool
wants_bars(void)
{
	const char *term = console.environment.term;
	bool able = console.terminal[STDERR_FILENO] && term && *term && strcmp(term, "dumb") != 0;
	if (console.setting.progress == SL_OPTION_PROGRESS_BARS)
		return true;
	return console.setting.progress == SL_OPTION_PROGRESS_AUTO && able;
}

static void
set_view(const struct sl_console_view *view)
{
	pthread_mutex_lock(&console.mutex);
	console.view = view;
	pthread_mutex_unlock(&console.mutex);
}

SL_SUSPENDS
int
sl_console_begin(const struct sl_console_view *view)
{
	sl_assert(!console.view);
	console.bars = wants_bars();
	console.paused = console.broken = console.has_plain = false;
	console.screen = (struct sl_progress_screen){ 0 };
	console.plain_ns = sl_deadline_in(SL_CONSOLE_PLAIN_NS);
	set_view(view);
	/* Shielded: in a cancelled run the frame is still erased, by sl_console_end. */
	struct sl_shield shield;
	sl_shield_begin(&shield, SL_FOREVER);
	sl_group_enter(&console.group, SL_GROUP_COLLECT);
	int code = sl_group_spawn(&console.group, "console", draw_task, NULL, NULL);
	sl_shield_end(&shield);
	if (code) {
		sl_group_leave(&console.group);
		set_view(NULL);
		return code;
	}
	if (console.bars)
		install_crash_handlers();
	return 0;
}

/* Write the rest of the frame and the lines kept since it was composed, without the ring. */
static void
write_rest(void)
{
	if (!console.broken) {
		take_kept(&console.frame);
		write_direct(sl_span(console.frame.data + console.written,
				     console.frame.len - console.written),
			false);
	}
}

void
sl_console_end(void)
{
	if (!console.view)
		return;
	sl_group_cancel(&console.group, -ECANCELED);
	sl_group_leave(&console.group);
	set_view(NULL);
	write_rest();
	console.written = 0;
	sl_buf_release(&console.frame);
	sl_buf_release(&console.kept);
	if (console.bars)
		remove_crash_handlers();
	console.bars = false;
}

bool
sl_console_has_bars(void)
{
	return console.bars;
}

bool
sl_console_has_plain_progress(void)
{
	return console.has_plain;
}

/* ---- signals ---- */

void
sl_console_pause(void)
{
	console.paused = true;
	/* While a frame is being written the cursor is somewhere in it, so it cannot be erased: the
	 * shell's prompt appears inside it. */
	if (!console.view || console.frame.len > 0 || !can_draw_bars())
		return;
	struct sl_buf out = { 0 };
	sl_progress_erase(&console.screen, window(STDERR_FILENO).ws_col, sl_span("", 0), &out);
	write_direct(sl_buf_span(&out), false);
	sl_buf_release(&out);
}

void
sl_console_resume(void)
{
	console.paused = false;
	console.screen = (struct sl_progress_screen){ 0 };
}

void
sl_console_hurry(void)
{
	console.hurried = true;
}

void
sl_console_restore(void)
{
	if (!console.view)
		return;
	compose_last();
	set_view(NULL);
	write_rest();
}
