/*
 * console.h - standard error: log lines, lines that stay, and the progress below them. There is one
 * console in a process.
 *
 * While a view is shown, one task of the runtime owns the terminal: it writes the lines that stay
 * and draws a frame ten times a second, through the ring. While the terminal does not accept output
 * (control-S, a slow link), no frames are drawn and lines are kept up to SL_CONSOLE_KEPT bytes;
 * further ones are dropped and their number is printed later. Without a view lines are written at
 * once.
 */
#ifndef SLUICE_CLI_CONSOLE_H
#define SLUICE_CLI_CONSOLE_H

#include "sluice/base/log.h"
#include "sluice/cli/options.h"
#include "sluice/ui/progress.h"

#define SL_CONSOLE_KEPT (256 * SL_KIB)
#define SL_CONSOLE_FRAME_NS (100 * SL_NS_PER_MS)
#define SL_CONSOLE_PLAIN_NS (5 * SL_NS_PER_S) /* between two plain lines */

/* In main, before the first thread: read the environment and the terminal's properties, and become
 * the sink of the log. */
void sl_console_open(void);

struct sl_console_setting {
	enum sl_log_level level;
	enum sl_colour_when colour;
	enum sl_option_progress progress;
};

/* By a command after its options are parsed; not while a view is shown. */
void sl_console_configure(const struct sl_console_setting *setting);

/* ---- properties of the terminal; `fd` is 1 or 2 ---- */

bool sl_console_has_colour(int fd);

/* Columns of the terminal at `fd`, or 0 if there is none. */
size_t sl_console_columns(int fd);

/* True if the locale's characters are UTF-8. */
bool sl_console_has_unicode(void);

/* ---- progress ---- */

/* How a command shows its progress. Both are called on the runtime's thread and must not
 * suspend. */
struct sl_console_view {
	void *ctx;
	/* sl_progress_draw or sl_progress_draw_scan with a fresh snapshot */
	void (*draw)(void *ctx, struct sl_progress_screen *screen,
		const struct sl_progress_style *style, struct sl_span above, struct sl_buf *out);
	/* sl_progress_plain or sl_progress_plain_scan */
	void (*plain)(void *ctx, struct sl_buf *out);
};

/* In a task: show *view, which stays the caller's and in place, in the form that --progress
 * selects. Returns 0 or -ENOMEM. */
SL_SUSPENDS
int sl_console_begin(const struct sl_console_view *view) SL_MUST_CHECK;

/* In the same task: erase the frame, write the kept lines, show the cursor. Waits at most half a
 * second for the terminal. Harmless if no view is shown. */
SL_SUSPENDS
void sl_console_end(void);

/* True if bars are shown: then lines about single files are printed as well. */
bool sl_console_has_bars(void);

/* True if a plain line of progress was written since sl_console_begin. */
bool sl_console_has_plain_progress(void);

/* ---- lines ---- */

/* Lines that stay, each ending with '\n': safe text (base/text.h), colours allowed. Any thread;
 * never suspends. */
void sl_console_print(struct sl_span lines);

/* For a task that prints many lines: wait until there is room for more. At most a second, since a
 * terminal may be stopped; if standard error is a file, until the task is cancelled. */
SL_SUSPENDS
void sl_console_wait(void);

/* The style for lines made with sl_progress_ended. */
struct sl_progress_style sl_console_style(void);

/* ---- signals ---- */

/* Before the process stops: erase the frame; after it was continued: draw it again. */
void sl_console_pause(void);
void sl_console_resume(void);

/* The run must end soon: from now on no line waits longer than half a second for the terminal, and
 * after one has waited that long, the others are dropped. */
void sl_console_hurry(void);

/* Before the process ends with tasks still running: erase the frame and write the kept lines,
 * waiting half a second at most. */
void sl_console_restore(void);

#endif
