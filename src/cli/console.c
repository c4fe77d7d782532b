/*
 * Who touches what: `kept`, `dropped` and `view` belong to the mutex, since any thread may log.
 * `frame`, `written` and `screen` belong to the runtime's thread: to the drawing task while it
 * runs, to the functions for signals between its writes.
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

/* How long the last frame may take; a person waits, and an interrupted run has a second in all. */
#define LAST_FRAME_MS 400
#define LAST_FRAME_NS (LAST_FRAME_MS * SL_NS_PER_MS)
#define DIRECT_BYTES 256 /* a terminal that is ready takes as much without blocking */

static const int fatal_signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };

static struct {
	/* set once in main, then by the command before there are threads */
	struct sl_console_setting setting;
	struct sl_colour_setting environment;
	bool unicode, terminal[3];
	bool file; /* standard error is a regular file */

	pthread_mutex_t mutex;
	struct sl_buf kept; /* lines to be written above the frame */
	size_t dropped;     /* lines that found no room */

	const struct sl_console_view *view; /* NULL = lines are written at once */
	bool bars, paused, broken;
	atomic_bool hurried; /* nothing waits long for the terminal any more */
	atomic_bool gave_up; /* it was waited for then, and did not answer */
	struct sl_buf frame; /* what is being written */
	size_t written;      /* of frame */
	struct sl_progress_screen screen;
	uint64_t plain_ns; /* when the next plain line is due */
	bool told;         /* there was one */
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

/* Nobody reads signals while this thread stands here: one that ends the run ends it. */
static void
heed_signals(void)
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
 * Write without the ring. Who waits patiently looks up now and then, whether the run must end.
 * Errors are nobody's to hear.
 */
static void
write_direct(struct sl_span data, bool patient)
{
	while (data.len > 0 && !console.gave_up) {
		struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
		int count = poll(&ready, 1, LAST_FRAME_MS);
		if (count == 0 && console.hurried)
			console.gave_up = true;
		if (count == 0 && !patient)
			return;
		if (count == 0)
			heed_signals();
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

static bool
is_crowded(void)
{
	pthread_mutex_lock(&console.mutex);
	bool crowded = console.view && !console.broken && console.kept.len > SL_CONSOLE_KEPT / 2;
	pthread_mutex_unlock(&console.mutex);
	return crowded;
}

void
sl_console_wait(void)
{
	uint64_t until_ns = console.file ? SL_FOREVER : sl_deadline_in(SL_NS_PER_S);
	while (is_crowded() && sl_now() < until_ns)
		if (sl_sleep(SL_CONSOLE_FRAME_NS / 4) != 0)
			return;
}

/* Move what is kept to the end of *out. */
static void
take_kept(struct sl_buf *out)
{
	pthread_mutex_lock(&console.mutex);
	sl_buf_add_span(out, sl_buf_span(&console.kept));
	sl_buf_clear(&console.kept);
	if (console.dropped > 0)
		sl_buf_printf(out, "sluice: %zu more lines were not shown: %s took none\n",
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

/* Write the rest of the frame. A failure other than being cancelled is final: nobody looks any
 * more. */
SL_SUSPENDS
static int
flush(void)
{
	while (console.written < console.frame.len) {
		int code = sl_io_write_stream(STDERR_FILENO, console.frame.data + console.written,
			console.frame.len - console.written, SL_FOREVER);
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

/* Bars are drawn only in the foreground: elsewhere the terminal shows what another program, mostly
 * the shell, has put there, and the cursor is where that one left it. */
static bool
draws_bars(void)
{
	if (console.bars && is_foreground())
		return true;
	console.screen = (struct sl_progress_screen){ 0 };
	return false;
}

static void
compose(uint64_t now)
{
	if (console.bars && !draws_bars()) {
		take_kept(&console.frame);
		return;
	}
	if (!console.bars) {
		take_kept(&console.frame);
		if (console.setting.progress != SL_OPTION_PROGRESS_NONE &&
			now >= console.plain_ns) {
			console.view->plain(console.view->ctx, &console.frame);
			console.told = true;
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

/* The frame's end: what was under way is completed first, else the cursor would be nobody knows
 * where. */
static void
compose_last(void)
{
	struct sl_buf above = { 0 };
	take_kept(&above);
	if (draws_bars())
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
		console.gave_up = true;
	sl_shield_end(&shield);
	return 0;
}

/* ---- the process dies while bars are shown ---- */

/* Async-signal-safe. The old action then does what it does: the default, or a sanitizer's report.
 */
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
guard_cursor(void)
{
	struct sigaction action = { .sa_handler = show_cursor_and_die, .sa_flags = SA_ONSTACK };
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < SL_COUNT_OF(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, &console.old_actions[i]);
}

static void
unguard_cursor(void)
{
	for (size_t i = 0; i < SL_COUNT_OF(fatal_signals); i++)
		sigaction(fatal_signals[i], &console.old_actions[i], NULL);
}

/* ---- what commands call ---- */

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
	console.paused = console.broken = console.told = false;
	console.screen = (struct sl_progress_screen){ 0 };
	console.plain_ns = sl_deadline_in(SL_CONSOLE_PLAIN_NS);
	set_view(view);
	/* Shielded: a cancelled run still takes its frame away, in sl_console_end. */
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
		guard_cursor();
	return 0;
}

/* What came after the last frame was composed, and what could not be written, goes straight. */
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
		unguard_cursor();
	console.bars = false;
}

bool
sl_console_has_bars(void)
{
	return console.bars;
}

bool
sl_console_has_told_progress(void)
{
	return console.told;
}

/* ---- signals ---- */

void
sl_console_pause(void)
{
	console.paused = true;
	/* In the middle of a frame the cursor is somewhere in it; then only the shell's prompt will
	 * be untidy. */
	if (!console.view || console.frame.len > 0 || !draws_bars())
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
