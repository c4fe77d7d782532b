/*
 * progress.c - a line of a frame has these fields, left to right; a narrow terminal has fewer:
 *
 *	name           ▕█████▍      ▏   42%  12.3 MiB / 98.1 MiB  12.3 MiB/s   1m05s
 *	always         omitted 3rd    always  omitted 1st         omitted 2nd  omitted 4th
 *
 * Fields have fixed widths except name and bar, which share what is left. The bar of a file that
 * comes in segments shows which parts of it are there, unless it is too short for that:
 *
 *	▕████▍        ███▋         █▊        ▏    [====-        ===-         =-        ]
 */
#include "sluice/ui/progress.h"

#include "sluice/base/text.h"
#include "sluice/ui/colour.h"
#include "sluice/ui/terminal.h"

#include <stdio.h>

#define GAP 2
#define NAME_MIN 12   /* columns of a name; other fields are omitted before it gets less */
#define BAR_MIN 12    /* including both ends */
#define BAR_MAX 62    /* a longer bar shows no more detail */
#define MAP_MIN 20    /* columns of a bar, without its ends, that can show parts */
#define NAME_ROOMY 24 /* sizes are shown only if name and bar have at least this much */
#define SIZES_COLUMNS (SL_UNITS_SIZE_COLUMNS + 3 + SL_UNITS_SIZE_COLUMNS)

struct layout {
	size_t name, bar; /* columns; bar 0 = not shown */
	bool percent, sizes, rate, left;
	size_t width; /* of the line; at most columns - 1 */
};

/* What a line shows, whether it is a file or the whole run. */
struct line {
	struct sl_span label; /* safe text */
	enum sl_colour label_colour, bar_colour;
	uint64_t done, total; /* the bar and the percentage */
	const uint8_t *cells; /* the bar, if it is long enough; NULL = the same as the percentage */
	size_t cell_count;
	uint64_t bytes_done, bytes_total;
	const char *word; /* shown instead of the rate; NULL = the rate */
	uint64_t rate_bytes_s;
	uint64_t left_ns;
};

struct frame {
	struct sl_progress_screen *screen;
	const struct sl_progress_style *style;
	struct layout layout;
	size_t row_limit;
	struct sl_buf *out;
};

/* ---- layout ---- */

static bool
take_field(size_t *room, size_t columns, size_t keep)
{
	if (*room < keep + GAP + columns)
		return false;
	*room -= GAP + columns;
	return true;
}

/* `wish` = columns of the longest label. */
static struct layout
plan_layout(size_t columns, size_t wish)
{
	struct layout layout = { 0 };
	size_t room = SL_MIN(columns, (size_t)SL_PROGRESS_COLUMNS_MAX);
	room -= room > 0;
	size_t all = room;
	layout.percent = take_field(&room, SL_UNITS_PERCENT_COLUMNS, 1);
	layout.left = take_field(&room, SL_UNITS_TIME_COLUMNS, NAME_MIN);
	layout.rate = layout.left && take_field(&room, SL_UNITS_RATE_COLUMNS, NAME_MIN + 2);
	bool bar = layout.rate && room >= NAME_MIN + 2 + GAP + BAR_MIN;
	layout.sizes = bar && take_field(&room, SIZES_COLUMNS, 2 * NAME_ROOMY + GAP);
	layout.name = room;
	if (bar) {
		size_t most =
			SL_MAX(room * 45 / 100, room > GAP + BAR_MAX ? room - GAP - BAR_MAX : 0);
		layout.name = SL_MIN(SL_MAX(wish, (size_t)NAME_MIN), most);
		layout.bar = SL_MIN(room - layout.name - GAP, (size_t)BAR_MAX);
	}
	layout.width = all - room + layout.name + (bar ? GAP + layout.bar : 0);
	return layout;
}

/* Rows the last frame takes now: lines wider than the terminal were wrapped (invariant 4). */
static size_t
rows_on_screen(const struct sl_progress_screen *screen, size_t columns)
{
	if (columns >= screen->columns)
		return screen->row_count;
	size_t rows = 0;
	for (size_t i = 0; i < screen->row_count; i++)
		rows += screen->widths[i] > columns ? (screen->widths[i] + columns - 1) / columns
						    : 1;
	return rows;
}

/* ---- a line ---- */

static const char *const eighths[] = { " ", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b",
	"\u258a", "\u2589", "\u2588" };

/* The part of the file that begins at byte 0. */
static void
add_filled(struct frame *frame, const struct line *line, size_t inner)
{
	struct sl_buf *out = frame->out;
	const struct sl_progress_style *style = frame->style;
	size_t parts = style->unicode ? 8 : 1;
	size_t filled = line->total == 0
				? inner * parts
				: (size_t)sl_units_scaled(line->done, line->total, inner * parts);
	size_t whole = filled / parts, rest = filled % parts;
	bool head = !style->unicode && whole < inner && line->done > 0;
	for (size_t i = 0; i < whole; i++)
		sl_buf_add_str(out, style->unicode ? eighths[8] : "=");
	if (head)
		sl_buf_add_char(out, '>');
	if (rest > 0)
		sl_buf_add_str(out, eighths[rest]);
	sl_terminal_add_spaces(out, inner - whole - (rest > 0 || head));
}

/* How much of a column's part of the file is there, in eighths: 8 only if all is, 0 only if nothing
 * is. A column covers several cells, or a part of one. */
static size_t
eighths_of_column(const struct line *line, size_t column, size_t inner)
{
	/* Both are measured in units of which a cell has `inner` and a column `cell_count`. */
	size_t begin = column * line->cell_count, end = begin + line->cell_count;
	size_t all = UINT8_MAX * line->cell_count, there = 0;
	for (size_t i = begin / inner; i * inner < end; i++) {
		size_t from = SL_MAX(begin, i * inner), to = SL_MIN(end, (i + 1) * inner);
		there += line->cells[i] * (to - from);
	}
	return there > 0 ? SL_MAX(there * 8 / all, (size_t)1) : 0;
}

static void
add_map(struct frame *frame, const struct line *line, size_t inner)
{
	for (size_t i = 0; i < inner; i++) {
		size_t share = eighths_of_column(line, i, inner);
		const char *ascii = share == 8 ? "=" : share > 0 ? "-" : " ";
		sl_buf_add_str(frame->out, frame->style->unicode ? eighths[share] : ascii);
	}
}

static void
add_bar(struct frame *frame, const struct line *line)
{
	struct sl_buf *out = frame->out;
	const struct sl_progress_style *style = frame->style;
	size_t inner = frame->layout.bar - 2;
	sl_buf_add_str(out, sl_colour_code(style->colour, SL_COLOUR_DIM));
	sl_buf_add_str(out, style->unicode ? "\u2595" : "[");
	sl_buf_add_str(out, sl_colour_code(style->colour, SL_COLOUR_RESET));
	sl_buf_add_str(out, sl_colour_code(style->colour, line->bar_colour));
	if (line->cells && inner >= MAP_MIN)
		add_map(frame, line, inner);
	else
		add_filled(frame, line, inner);
	sl_buf_add_str(out, sl_colour_code(style->colour, SL_COLOUR_RESET));
	sl_buf_add_str(out, sl_colour_code(style->colour, SL_COLOUR_DIM));
	sl_buf_add_str(out, style->unicode ? "\u258f" : "]");
	sl_buf_add_str(out, sl_colour_code(style->colour, SL_COLOUR_RESET));
}

/* Without a known total the received bytes are shown in place of the bar. */
static void
add_amount(struct frame *frame, const struct line *line)
{
	struct sl_units size = sl_units_size(line->bytes_done);
	struct sl_span text = line->bytes_done > 0 ? sl_span_str(size.text) : sl_span("", 0);
	sl_terminal_add_spaces(frame->out, 1);
	sl_terminal_add_left(frame->out, text, frame->layout.bar - 1, frame->style->unicode);
}

static void
add_sizes(struct frame *frame, const struct line *line)
{
	struct sl_units done = sl_units_size(line->bytes_done),
			total = sl_units_size(line->bytes_total);
	char text[2 * sizeof(done.text) + 4];
	if (line->bytes_total == SL_PROGRESS_UNKNOWN)
		snprintf(text, sizeof(text), "%s",
			line->total == SL_PROGRESS_UNKNOWN ? "" : done.text);
	else
		snprintf(text, sizeof(text), "%s / %*s", done.text, SL_UNITS_SIZE_COLUMNS,
			total.text);
	sl_terminal_add_right(frame->out, sl_span_str(text), SIZES_COLUMNS);
}

static void
add_field(struct frame *frame, const char *text, size_t columns)
{
	sl_terminal_add_spaces(frame->out, GAP);
	sl_terminal_add_right(frame->out, sl_span_str(text), columns);
}

/* No blanks at the end of a line: terminals that re-wrap treat them differently. */
static void
end_row(struct frame *frame, size_t width)
{
	sl_buf_add_str(frame->out, SL_TERMINAL_ERASE_LINE_END "\n");
	frame->screen->widths[frame->screen->row_count++] = (uint16_t)width;
}

static void
add_line(struct frame *frame, const struct line *line)
{
	const struct layout *layout = &frame->layout;
	const struct sl_progress_style *style = frame->style;
	struct sl_buf *out = frame->out;
	const char *reset = sl_colour_code(style->colour, SL_COLOUR_RESET);

	sl_buf_add_str(out, sl_colour_code(style->colour, line->label_colour));
	size_t width = sl_terminal_add_cut(out, line->label, layout->name, style->unicode);
	sl_buf_add_str(out, reset);
	if (!layout->percent) {
		end_row(frame, width);
		return;
	}
	sl_terminal_add_spaces(out, layout->name - width);
	if (layout->bar > 0) {
		sl_terminal_add_spaces(out, GAP);
		if (line->total == SL_PROGRESS_UNKNOWN)
			add_amount(frame, line);
		else
			add_bar(frame, line);
	}
	add_field(frame, sl_units_percent(line->done, line->total).text, SL_UNITS_PERCENT_COLUMNS);
	if (layout->sizes) {
		sl_terminal_add_spaces(out, GAP);
		add_sizes(frame, line);
	}
	if (layout->rate) {
		sl_buf_add_str(out, sl_colour_code(style->colour && line->word, SL_COLOUR_DIM));
		add_field(frame, line->word ? line->word : sl_units_rate(line->rate_bytes_s).text,
			SL_UNITS_RATE_COLUMNS);
		sl_buf_add_str(out, sl_colour_code(style->colour && line->word, SL_COLOUR_RESET));
	}
	if (!layout->left || line->left_ns != SL_PROGRESS_UNKNOWN) {
		if (layout->left)
			add_field(frame, sl_units_time(line->left_ns).text, SL_UNITS_TIME_COLUMNS);
		end_row(frame, layout->width);
	} else {
		end_row(frame, layout->width - GAP - SL_UNITS_TIME_COLUMNS);
	}
}

/* A line of words, dim, cut to fit. */
static void
add_words(struct frame *frame, struct sl_span text)
{
	const struct sl_progress_style *style = frame->style;
	sl_buf_add_str(frame->out, sl_colour_code(style->colour, SL_COLOUR_DIM));
	size_t width = sl_terminal_add_cut(frame->out, text, style->columns - 1, style->unicode);
	sl_buf_add_str(frame->out, sl_colour_code(style->colour, SL_COLOUR_RESET));
	end_row(frame, width);
}

static void
add_file(struct frame *frame, const struct sl_progress_file *file, struct sl_buf *scratch)
{
	static const char *const words[] = {
		[SL_PROGRESS_CONNECTING] = "connecting",
		[SL_PROGRESS_STALLED] = "stalled",
		[SL_PROGRESS_FINISHING] = "finishing",
	};
	sl_buf_clear(scratch);
	sl_text_make_safe(scratch, file->name);
	struct line line = {
		.label = sl_buf_span(scratch),
		.label_colour = SL_COLOUR_RESET,
		.bar_colour = file->state == SL_PROGRESS_STALLED ? SL_COLOUR_WARN : SL_COLOUR_BAR,
		.done = file->done,
		.total = file->total,
		.cells = file->cells,
		.cell_count = file->cell_count,
		.bytes_done = file->done,
		.bytes_total = file->total,
		.word = file->state == SL_PROGRESS_RECEIVING ? NULL : words[file->state],
		.rate_bytes_s = file->rate_bytes_s,
		.left_ns =
			file->state == SL_PROGRESS_RECEIVING ? file->left_ns : SL_PROGRESS_UNKNOWN,
	};
	add_line(frame, &line);
}

/* ---- the line for all ---- */

/* "3/10 files, 1 failed, 2 waiting", or less if that is wider than `columns`. */
static void
label_total(char *label, size_t size, uint64_t done, uint64_t failed, uint64_t waiting,
	uint64_t total, const char *noun, size_t columns)
{
	char count[64], failures[40] = "", waits[40] = "";
	unsigned long long ended = (unsigned long long)done + failed;
	if (total == SL_PROGRESS_UNKNOWN)
		snprintf(count, sizeof(count), "%llu", ended);
	else
		snprintf(count, sizeof(count), "%llu/%llu", ended, (unsigned long long)total);
	if (failed > 0)
		snprintf(failures, sizeof(failures), ", %llu failed", (unsigned long long)failed);
	if (waiting > 0)
		snprintf(waits, sizeof(waits), ", %llu waiting", (unsigned long long)waiting);
	snprintf(label, size, "%s %s%s%s", count, noun, failures, waits);
	if (strlen(label) > columns)
		snprintf(label, size, "%s %s%s", count, noun, failures);
	if (strlen(label) > columns)
		snprintf(label, size, "%s%s", count, failures);
	if (strlen(label) > columns)
		snprintf(label, size, "%s", count);
}

static void
add_total(struct frame *frame, const struct sl_progress *progress)
{
	char label[128];
	label_total(label, sizeof(label), progress->files_done, progress->files_failed,
		progress->files_waiting, progress->files_total, "files", frame->layout.name);
	struct line line = {
		.label = sl_span_str(label),
		.label_colour = progress->files_failed > 0 ? SL_COLOUR_BAD : SL_COLOUR_BOLD,
		.bar_colour = SL_COLOUR_GOOD,
		.done = progress->bytes_done,
		.total = progress->bytes_total,
		.bytes_done = progress->bytes_done,
		.bytes_total = progress->bytes_total,
		.rate_bytes_s = progress->rate_bytes_s,
		.left_ns = progress->left_ns,
	};
	/* If a size is unknown the share of the files is shown. */
	if (line.total == SL_PROGRESS_UNKNOWN && progress->files_total != SL_PROGRESS_UNKNOWN) {
		line.done = progress->files_done + progress->files_failed;
		line.total = progress->files_total;
	}
	add_line(frame, &line);
}

/* ---- frames ---- */

static void
begin_frame(struct frame *frame, struct sl_span above)
{
	struct sl_progress_screen *screen = frame->screen;
	size_t columns = frame->style->columns;
	sl_buf_add_str(frame->out, SL_TERMINAL_SYNC_BEGIN SL_TERMINAL_HIDE_CURSOR);
	sl_terminal_up(frame->out, rows_on_screen(screen, columns));
	/* Lines that stay may wrap over rows of the old frame, and after a resize rows may be
	 * anywhere. */
	if (above.len > 0 || columns != screen->columns)
		sl_buf_add_str(frame->out, SL_TERMINAL_ERASE_BELOW);
	sl_buf_add_span(frame->out, above);
	if (columns != screen->columns)
		screen->name_columns = 0;
	screen->row_count = 0;
	screen->columns = columns;
}

static void
end_frame(struct frame *frame)
{
	sl_buf_add_str(frame->out, SL_TERMINAL_ERASE_BELOW SL_TERMINAL_SYNC_END);
}

static void
plan_frame(struct frame *frame, size_t wish)
{
	struct sl_progress_screen *screen = frame->screen;
	screen->name_columns = SL_MAX(screen->name_columns, wish);
	frame->layout = plan_layout(frame->style->columns, screen->name_columns);
	size_t rows = frame->style->rows > 1 ? frame->style->rows - 1 : 1;
	frame->row_limit = SL_MIN(rows, (size_t)SL_PROGRESS_ROWS_MAX);
}

/* How many files are drawn: all, or as many as leave a line for "and N more" and one for the
 * total. */
static size_t
files_shown(const struct frame *frame, const struct sl_progress *progress)
{
	size_t count = progress->file_count, room = frame->row_limit - 1;
	room -= progress->is_scanned && room > 1; /* the error lines have a row of their own */
	if (count <= room)
		return count;
	return room > 0 ? room - 1 : 0;
}

static size_t
widest_name(const struct sl_progress *progress, size_t count, struct sl_buf *scratch)
{
	size_t widest = 0;
	for (size_t i = 0; i < count; i++) {
		sl_buf_clear(scratch);
		sl_text_make_safe(scratch, progress->files[i].name);
		widest = SL_MAX(widest, sl_text_width(sl_buf_span(scratch)));
	}
	return widest;
}

void
sl_progress_draw(struct sl_progress_screen *screen, const struct sl_progress_style *style,
	const struct sl_progress *progress, struct sl_span above, struct sl_buf *out)
{
	struct frame frame = { .screen = screen, .style = style, .out = out };
	struct sl_buf scratch = { 0 };
	char label[128];
	label_total(label, sizeof(label), progress->files_done, progress->files_failed,
		progress->files_waiting, progress->files_total, "files", SIZE_MAX);

	begin_frame(&frame, above);
	plan_frame(&frame,
		SL_MAX(strlen(label), widest_name(progress, progress->file_count, &scratch)));
	size_t shown = files_shown(&frame, progress), more = progress->file_count - shown;
	for (size_t i = 0; i < shown; i++)
		add_file(&frame, &progress->files[i], &scratch);
	if (more > 0 && frame.row_limit > 1) {
		snprintf(label, sizeof(label), "and %zu more", more);
		add_words(&frame, sl_span_str(label));
	}
	add_total(&frame, progress);
	if (progress->is_scanned && frame.screen->row_count < frame.row_limit) {
		snprintf(label, sizeof(label), "%s error lines",
			sl_units_count(progress->error_lines).text);
		add_words(&frame, sl_span_str(label));
	}
	end_frame(&frame);
	out->failed = out->failed || scratch.failed;
	sl_buf_release(&scratch);
}

void
sl_progress_draw_scan(struct sl_progress_screen *screen, const struct sl_progress_style *style,
	const struct sl_progress_scan *scan, struct sl_span above, struct sl_buf *out)
{
	struct frame frame = { .screen = screen, .style = style, .out = out };
	char label[128], words[128];
	label_total(label, sizeof(label), scan->inputs_done, 0, 0, scan->inputs_total, "inputs",
		SIZE_MAX);

	begin_frame(&frame, above);
	plan_frame(&frame, strlen(label));
	label_total(label, sizeof(label), scan->inputs_done, 0, 0, scan->inputs_total, "inputs",
		frame.layout.name);
	struct line line = {
		.label = sl_span_str(label),
		.label_colour = SL_COLOUR_BOLD,
		.bar_colour = SL_COLOUR_BAR,
		.done = scan->bytes_done,
		.total = scan->bytes_total,
		.bytes_done = scan->bytes_done,
		.bytes_total = scan->bytes_total,
		.rate_bytes_s = scan->rate_bytes_s,
		.left_ns = scan->left_ns,
	};
	add_line(&frame, &line);
	if (frame.row_limit > 1) {
		snprintf(words, sizeof(words), "%s lines, %s error lines",
			sl_units_count(scan->lines).text, sl_units_count(scan->error_lines).text);
		add_words(&frame, sl_span_str(words));
	}
	end_frame(&frame);
}

void
sl_progress_erase(
	struct sl_progress_screen *screen, size_t columns, struct sl_span above, struct sl_buf *out)
{
	if (screen->row_count > 0) {
		sl_terminal_up(out, rows_on_screen(screen, columns));
		sl_buf_add_str(out, SL_TERMINAL_ERASE_BELOW);
	}
	sl_buf_add_span(out, above);
	sl_buf_add_str(out, SL_TERMINAL_SHOW_CURSOR);
	screen->row_count = 0;
}

/* ---- lines ---- */

/* ", 1.2 GiB of 3.4 GiB (35%), 120 MiB/s, 1m05s left" */
static void
add_plain_bytes(
	struct sl_buf *out, uint64_t done, uint64_t total, uint64_t rate_bytes_s, uint64_t left_ns)
{
	sl_buf_printf(out, ", %s", sl_units_size(done).text);
	if (total != SL_PROGRESS_UNKNOWN)
		sl_buf_printf(out, " of %s (%s)", sl_units_size(total).text,
			sl_units_percent(done, total).text);
	if (rate_bytes_s != SL_PROGRESS_UNKNOWN)
		sl_buf_printf(out, ", %s", sl_units_rate(rate_bytes_s).text);
	if (left_ns != SL_PROGRESS_UNKNOWN)
		sl_buf_printf(out, ", %s left", sl_units_time(left_ns).text);
}

static void
add_plain_count(struct sl_buf *out, uint64_t count, uint64_t total, const char *noun)
{
	sl_buf_printf(out, "%llu", (unsigned long long)count);
	if (total != SL_PROGRESS_UNKNOWN)
		sl_buf_printf(out, " of %llu", (unsigned long long)total);
	sl_buf_printf(out, " %s", noun);
}

void
sl_progress_plain(const struct sl_progress *progress, struct sl_buf *out)
{
	add_plain_count(out, progress->files_done, progress->files_total, "files");
	if (progress->files_failed > 0)
		sl_buf_printf(out, ", %llu failed", (unsigned long long)progress->files_failed);
	if (progress->files_waiting > 0)
		sl_buf_printf(out, ", %llu waiting", (unsigned long long)progress->files_waiting);
	add_plain_bytes(out, progress->bytes_done, progress->bytes_total, progress->rate_bytes_s,
		progress->left_ns);
	if (progress->is_scanned)
		sl_buf_printf(out, ", %llu error lines", (unsigned long long)progress->error_lines);
	sl_buf_add_char(out, '\n');
}

void
sl_progress_plain_scan(const struct sl_progress_scan *scan, struct sl_buf *out)
{
	add_plain_count(out, scan->inputs_done, scan->inputs_total, "inputs");
	add_plain_bytes(
		out, scan->bytes_done, scan->bytes_total, scan->rate_bytes_s, scan->left_ns);
	sl_buf_printf(out, ", %llu lines, %llu error lines\n", (unsigned long long)scan->lines,
		(unsigned long long)scan->error_lines);
}

/* What an earlier run had left is not part of the rate. */
static void
add_size_and_rate(struct sl_buf *out, const struct sl_progress_ended *ended)
{
	uint64_t ms = SL_MAX(ended->elapsed_ns / SL_NS_PER_MS, (uint64_t)1);
	uint64_t resumed = SL_MIN(ended->resumed, ended->bytes), bytes = ended->bytes - resumed;
	uint64_t rate = bytes / ms * 1000 + bytes % ms * 1000 / ms;
	sl_buf_printf(out, "  %s in %s, %s", sl_units_size(ended->bytes).text,
		sl_units_elapsed(ended->elapsed_ns).text, sl_units_rate(rate).text);
	if (resumed > 0)
		sl_buf_printf(out, " (%s from an earlier run)", sl_units_size(resumed).text);
}

void
sl_progress_ended(const struct sl_progress_ended *ended, const struct sl_progress_style *style,
	struct sl_buf *out)
{
	static const struct {
		const char *mark, *word;
		enum sl_colour colour;
	} ends[] = {
		[SL_PROGRESS_DONE] = { "\u2713", "done   ", SL_COLOUR_GOOD },
		[SL_PROGRESS_SKIPPED] = { "\u2212", "skipped", SL_COLOUR_DIM },
	};
	sl_buf_add_str(out, sl_colour_code(style->colour, ends[ended->end].colour));
	sl_buf_add_str(out, style->unicode ? ends[ended->end].mark : ends[ended->end].word);
	sl_buf_add_str(out, sl_colour_code(style->colour, SL_COLOUR_RESET));
	sl_buf_add_char(out, ' ');
	sl_text_make_safe(out, ended->name);
	if (ended->end != SL_PROGRESS_DONE) {
		sl_buf_add_str(out, ": ");
		sl_text_make_safe(out, ended->reason);
	} else {
		add_size_and_rate(out, ended);
	}
	sl_buf_add_char(out, '\n');
}
