/*
 * progress.h - draws the progress of a run: a snapshot in, bytes for the terminal out. Pure.
 *
 * A frame is a few lines at the bottom of the terminal: one for each active file and one for all.
 * It is redrawn in place; lines that stay (finished files, log lines) are written above it and
 * scroll away. Invariants:
 *
 *  1. No line of a frame is wider than columns - 1, so that none wraps and erasing to the end of a
 *     line erases nothing else.
 *  2. Between two frames the cursor is in the first column of the line below the frame.
 *  3. A frame has at most rows - 1 lines; files that do not fit are counted in a line "and N more".
 *  4. After the terminal was made narrower, the old frame's lines are assumed to be wrapped, as
 *     terminals that re-wrap do.
 *
 * Without a terminal, sl_progress_plain makes one line instead.
 */
#ifndef SLUICE_UI_PROGRESS_H
#define SLUICE_UI_PROGRESS_H

#include "sluice/base/bytes.h"
#include "sluice/ui/units.h"

#define SL_PROGRESS_UNKNOWN SL_UNITS_UNKNOWN /* for totals, rates and times */
#define SL_PROGRESS_ROWS_MAX 256             /* lines of a frame, however tall the terminal */
#define SL_PROGRESS_COLUMNS_MAX 1000

enum sl_progress_state {
	SL_PROGRESS_CONNECTING,
	SL_PROGRESS_RECEIVING,
	SL_PROGRESS_STALLED,   /* no bytes have been received for some seconds */
	SL_PROGRESS_FINISHING, /* all bytes were received; checksum, sync, rename */
};

struct sl_progress_file {
	struct sl_span name; /* any bytes; made safe here */
	enum sl_progress_state state;
	uint64_t done, total; /* bytes; total may be SL_PROGRESS_UNKNOWN */
	/* How much of each of `cell_count` equal parts of the file is done: 0 = nothing, 255 = all.
	 * NULL = the bytes that are done are its first ones. */
	const uint8_t *cells;
	size_t cell_count;
	uint64_t rate_bytes_s;
	uint64_t left_ns; /* or SL_PROGRESS_UNKNOWN */
};

/* The snapshot of a download. Spans are borrowed for the call. */
struct sl_progress {
	const struct sl_progress_file *files; /* active ones, most important first */
	size_t file_count;
	uint64_t files_done, files_failed; /* failed ones are not among the done */
	uint64_t files_waiting;            /* for another attempt */
	uint64_t files_total; /* SL_PROGRESS_UNKNOWN while a list is still being read */
	uint64_t bytes_done, bytes_total;
	uint64_t rate_bytes_s;
	uint64_t left_ns;
	bool is_scanned; /* what is downloaded: */
	uint64_t error_lines;
};

/* The snapshot of a scan. */
struct sl_progress_scan {
	uint64_t inputs_done;
	uint64_t inputs_total; /* SL_PROGRESS_UNKNOWN while directories are still being walked */
	uint64_t bytes_done, bytes_total;
	uint64_t rate_bytes_s;
	uint64_t left_ns;
	uint64_t lines, error_lines;
};

struct sl_progress_style {
	size_t columns, rows; /* of the terminal, at least 1; not used for lines */
	bool colour;
	bool unicode; /* block characters; else ASCII */
};

/* The last frame on the terminal. {0} = none. If its bytes were not written, restore the old
 * value. */
struct sl_progress_screen {
	size_t row_count;
	uint16_t widths[SL_PROGRESS_ROWS_MAX];
	size_t columns;      /* of the terminal then */
	size_t name_columns; /* grows only, so that bars do not jump */
};

/* Append a frame that replaces the last one, with the lines of `above` (each ends with '\n'; safe
 * text and colours) above it. */
void sl_progress_draw(struct sl_progress_screen *screen, const struct sl_progress_style *style,
	const struct sl_progress *progress, struct sl_span above, struct sl_buf *out);
void sl_progress_draw_scan(struct sl_progress_screen *screen, const struct sl_progress_style *style,
	const struct sl_progress_scan *scan, struct sl_span above, struct sl_buf *out);

/* Append what erases the frame, writes `above` in its place and shows the cursor. Harmless if there
 * is no frame. */
void sl_progress_erase(struct sl_progress_screen *screen, size_t columns, struct sl_span above,
	struct sl_buf *out);

/* Append one line: "3 of 10 files, 1 failed, 1.2 GiB of 3.4 GiB (35%), 120 MiB/s, 1m05s left". */
void sl_progress_plain(const struct sl_progress *progress, struct sl_buf *out);
void sl_progress_plain_scan(const struct sl_progress_scan *scan, struct sl_buf *out);

enum sl_progress_end { SL_PROGRESS_DONE, SL_PROGRESS_SKIPPED };

struct sl_progress_ended {
	struct sl_span name; /* any bytes; made safe here */
	enum sl_progress_end end;
	uint64_t bytes, elapsed_ns; /* of a done one */
	uint64_t resumed;           /* bytes of it that an earlier run had left */
	struct sl_span reason;      /* of a skipped one; any bytes */
};

/* Append the line that stays for a file that has ended well, with its '\n'. Never cut. */
void sl_progress_ended(const struct sl_progress_ended *ended, const struct sl_progress_style *style,
	struct sl_buf *out);

#endif
