#include "sluice/ui/histogram.h"

#include "sluice/ui/colour.h"
#include "sluice/ui/terminal.h"
#include "sluice/ui/units.h"

#include <stdio.h>

#define GAP 2         /* columns between columns */
#define BAR_MIN 10u   /* columns, even if the row then wraps */
#define BAR_MAX 60u   /* longer ones are not easier to compare */
#define BAR_PLAIN 40u /* not on a terminal */
#define EIGHTHS 8u    /* of a column, with blocks of Unicode */

static const char heading[] = "error lines";

struct layout {
	size_t label, count, bar;
	uint64_t most; /* of a row */
};

static struct sl_units
count_cell(const struct sl_histogram *histogram, uint64_t count)
{
	struct sl_units out;
	if (histogram->columns > 0)
		return sl_units_count(count);
	snprintf(out.text, sizeof(out.text), "%llu", (unsigned long long)count);
	return out;
}

static struct layout
measure(const struct sl_histogram *histogram)
{
	struct layout layout = { .label = strlen("time"), .count = strlen(heading) };
	for (size_t i = 0; i < histogram->row_count; i++) {
		const struct sl_histogram_row *row = &histogram->rows[i];
		struct sl_units count = count_cell(histogram, row->count);
		layout.label = SL_MAX(layout.label, strlen(row->label));
		layout.count = SL_MAX(layout.count, strlen(count.text));
		layout.most = SL_MAX(layout.most, row->count);
	}
	size_t taken = layout.label + layout.count + 2 * GAP;
	size_t left = histogram->columns > taken ? histogram->columns - taken : 0;
	layout.bar = histogram->columns ? SL_MIN(SL_MAX(left, BAR_MIN), BAR_MAX) : BAR_PLAIN;
	return layout;
}

/* Lines that are there have a bar, however short. */
static void
add_bar(const struct sl_histogram *histogram, const struct layout *layout, uint64_t count,
	struct sl_buf *out)
{
	static const char *const blocks[EIGHTHS] = { "", "\u258f", "\u258e", "\u258d", "\u258c",
		"\u258b", "\u258a", "\u2589" };
	uint64_t unit = histogram->unicode ? EIGHTHS : 1;
	uint64_t len = sl_units_scaled(count, layout->most, layout->bar * unit);
	len = SL_MAX(len, 1u);
	sl_terminal_add_spaces(out, GAP);
	sl_buf_add_str(out, sl_colour_code(histogram->colour, SL_COLOUR_BAD));
	for (uint64_t i = 0; i < len / unit; i++)
		sl_buf_add_str(out, histogram->unicode ? "\u2588" : "#");
	if (histogram->unicode)
		sl_buf_add_str(out, blocks[len % EIGHTHS]);
	sl_buf_add_str(out, sl_colour_code(histogram->colour, SL_COLOUR_RESET));
}

static void
add_row(const struct sl_histogram *histogram, const struct layout *layout,
	const struct sl_histogram_row *row, struct sl_buf *out)
{
	if (!row->label[0]) {
		sl_buf_add_str(out, "...\n");
		return;
	}
	struct sl_units count = count_cell(histogram, row->count);
	sl_terminal_add_left(out, sl_span_str(row->label), layout->label, histogram->unicode);
	sl_terminal_add_spaces(out, GAP);
	sl_terminal_add_right(out, sl_span_str(count.text), layout->count);
	if (row->count)
		add_bar(histogram, layout, row->count, out);
	sl_buf_add_char(out, '\n');
}

static void
add_heading(const struct sl_histogram *histogram, const struct layout *layout, struct sl_buf *out)
{
	sl_buf_add_str(out, sl_colour_code(histogram->colour, SL_COLOUR_DIM));
	sl_terminal_add_left(out, sl_span_str("time"), layout->label, histogram->unicode);
	sl_terminal_add_spaces(out, GAP);
	sl_terminal_add_right(out, sl_span_str(heading), layout->count);
	sl_buf_add_str(out, sl_colour_code(histogram->colour, SL_COLOUR_RESET));
	sl_buf_add_char(out, '\n');
}

void
sl_histogram_format(const struct sl_histogram *histogram, struct sl_buf *out)
{
	struct layout layout = measure(histogram);
	if (histogram->row_count)
		add_heading(histogram, &layout, out);
	for (size_t i = 0; i < histogram->row_count; i++)
		add_row(histogram, &layout, &histogram->rows[i], out);
	if (histogram->note.len == 0)
		return;
	sl_buf_add_str(out, sl_colour_code(histogram->colour, SL_COLOUR_WARN));
	sl_buf_add_span(out, histogram->note);
	sl_buf_add_str(out, sl_colour_code(histogram->colour, SL_COLOUR_RESET));
	sl_buf_add_char(out, '\n');
}
