/*
 * table.c - formats a table in two passes over its rows: the first measures the columns, the second
 * writes the lines. Numbers are right-aligned; the column of names gets the rest of the terminal's
 * width, and names that do not fit are cut in the middle. Notes are never cut.
 */
#include "sluice/ui/table.h"

#include "sluice/base/text.h"
#include "sluice/ui/colour.h"
#include "sluice/ui/terminal.h"
#include "sluice/ui/units.h"

#include <string.h>

#define GAP 2              /* columns between columns */
#define NAME_COLUMNS_MIN 8 /* a name is not cut below this, even if the line then wraps */
/* Other than on a terminal, longer names move the numbers of their rows: else one such path in a
 * directory of a million files would make all rows as long. */
#define NAME_COLUMNS_MAX 255

enum { LINES, ERRORS, SHARE, NUMBERS };
_Static_assert(NUMBERS == SL_TABLE_NUMBERS, "the header has their number");

static const char *
heading_of(const struct sl_table *table, int column)
{
	static const char *const headings[NUMBERS] = { "lines", "error lines", "share" };
	return column == ERRORS && table->has_records ? "error records" : headings[column];
}

struct cells {
	struct sl_units numbers[NUMBERS];
};

static struct sl_units
count_cell(const struct sl_table *table, uint64_t count)
{
	struct sl_units out;
	if (table->columns > 0)
		return sl_units_count(count);
	char digits[SL_U64_DIGITS];
	struct sl_span text = sl_span_u64(digits, count);
	memcpy(out.text, text.data, text.len);
	out.text[text.len] = '\0';
	return out;
}

static struct cells
cells_of(const struct sl_table *table, uint64_t lines, uint64_t error_lines, bool unread)
{
	static const struct sl_units dash = { "-" };
	if (unread)
		return (struct cells){ { dash, dash, dash } };
	return (struct cells){ { count_cell(table, lines), count_cell(table, error_lines),
		table->has_records ? dash : sl_units_share(error_lines, lines) } };
}

static void
widen(struct sl_table_layout *layout, const struct cells *cells)
{
	for (int i = 0; i < NUMBERS; i++)
		layout->numbers[i] = SL_MAX(layout->numbers[i], strlen(cells->numbers[i].text));
}

/* Control bytes are escaped in a file too: it may be shown on a terminal later. */
static void
make_safe(const struct sl_table *table, struct sl_buf *out, struct sl_span text)
{
	if (table->columns > 0 && !table->unicode)
		sl_text_make_ascii(out, text);
	else
		sl_text_make_safe(out, text);
}

static size_t
safe_width(const struct sl_table *table, struct sl_buf *scratch, struct sl_span text)
{
	sl_buf_clear(scratch);
	make_safe(table, scratch, text);
	return sl_text_width(sl_buf_span(scratch));
}

void
sl_table_measure(const struct sl_table *table, struct sl_table_layout *layout, struct sl_buf *out)
{
	struct sl_buf scratch = { 0 };
	layout->rows += table->row_count;
	for (size_t i = 0; i < table->row_count; i++) {
		const struct sl_table_row *row = &table->rows[i];
		struct cells cells = cells_of(table, row->lines, row->error_lines, row->unread);
		widen(layout, &cells);
		layout->name = SL_MAX(layout->name, safe_width(table, &scratch, row->name));
		if (row->note.len > 0)
			layout->notes =
				SL_MAX(layout->notes, GAP + safe_width(table, &scratch, row->note));
	}
	out->failed = out->failed || scratch.failed;
	sl_buf_release(&scratch);
}

/* The heading and the totals count as well; then the name gets what is left of the terminal. */
static void
complete(const struct sl_table *table, struct sl_table_layout *layout, struct sl_buf *scratch)
{
	layout->name = SL_MAX(layout->name, strlen("total"));
	for (int i = 0; i < NUMBERS; i++)
		layout->numbers[i] = SL_MAX(layout->numbers[i], strlen(heading_of(table, i)));
	struct cells totals = cells_of(table, table->lines, table->error_lines, false);
	widen(layout, &totals);
	size_t taken = layout->notes;
	if (table->note.len > 0)
		taken = SL_MAX(taken, GAP + safe_width(table, scratch, table->note));
	if (table->columns == 0) {
		layout->name = SL_MIN(layout->name, (size_t)NAME_COLUMNS_MAX);
		return;
	}
	for (int i = 0; i < NUMBERS; i++)
		taken += GAP + layout->numbers[i];
	size_t left = table->columns > taken ? table->columns - taken : 0;
	layout->name = SL_MIN(layout->name, SL_MAX(left, (size_t)NAME_COLUMNS_MIN));
}

static void
add_numbers(struct sl_buf *out, const struct sl_table_layout *layout, const struct cells *cells,
	const char *error_colour, const char *reset)
{
	for (int i = 0; i < NUMBERS; i++) {
		sl_terminal_add_spaces(out, GAP);
		if (i == ERRORS)
			sl_buf_add_str(out, error_colour);
		sl_terminal_add_right(out, sl_span_str(cells->numbers[i].text), layout->numbers[i]);
		if (i == ERRORS)
			sl_buf_add_str(out, reset);
	}
}

static void
add_heading(const struct sl_table *table, const struct sl_table_layout *layout, struct sl_buf *out)
{
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_DIM));
	sl_terminal_add_left(out, sl_span_str("input"), layout->name, table->unicode);
	for (int i = 0; i < NUMBERS; i++) {
		sl_terminal_add_spaces(out, GAP);
		sl_terminal_add_right(out, sl_span_str(heading_of(table, i)), layout->numbers[i]);
	}
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_RESET));
	sl_buf_add_char(out, '\n');
}

static void
add_note(const struct sl_table *table, struct sl_span note, struct sl_buf *out)
{
	if (note.len == 0)
		return;
	sl_terminal_add_spaces(out, GAP);
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_WARN));
	make_safe(table, out, note);
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_RESET));
}

/* Cut on a terminal only. */
static size_t
name_columns(const struct sl_table *table, const struct sl_table_layout *layout,
	struct sl_span name)
{
	bool may_be_longer = table->columns == 0 && name.len > layout->name;
	return may_be_longer ? SL_MAX(layout->name, sl_text_width(name)) : layout->name;
}

static void
add_row(const struct sl_table *table, const struct sl_table_layout *layout,
	const struct sl_table_row *row, struct sl_buf *scratch, struct sl_buf *out)
{
	struct cells cells = cells_of(table, row->lines, row->error_lines, row->unread);
	bool mark = table->colour && row->error_lines > 0 && !row->unread;
	sl_buf_clear(scratch);
	make_safe(table, scratch, row->name);
	sl_terminal_add_left(out, sl_buf_span(scratch),
		name_columns(table, layout, sl_buf_span(scratch)), table->unicode);
	add_numbers(out, layout, &cells, sl_colour_code(mark, SL_COLOUR_BAD),
		sl_colour_code(mark, SL_COLOUR_RESET));
	add_note(table, row->note, out);
	sl_buf_add_char(out, '\n');
}

void
sl_table_add_heading(
	const struct sl_table *table, struct sl_table_layout *layout, struct sl_buf *out)
{
	struct sl_buf scratch = { 0 };
	complete(table, layout, &scratch);
	add_heading(table, layout, out);
	out->failed = out->failed || scratch.failed;
	sl_buf_release(&scratch);
}

void
sl_table_add_rows(
	const struct sl_table *table, const struct sl_table_layout *layout, struct sl_buf *out)
{
	struct sl_buf scratch = { 0 };
	for (size_t i = 0; i < table->row_count; i++)
		add_row(table, layout, &table->rows[i], &scratch, out);
	out->failed = out->failed || scratch.failed;
	sl_buf_release(&scratch);
}

void
sl_table_add_totals(
	const struct sl_table *table, const struct sl_table_layout *layout, struct sl_buf *out)
{
	if (layout->rows == 1 && table->note.len == 0)
		return;
	struct cells totals = cells_of(table, table->lines, table->error_lines, false);
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_BOLD));
	sl_terminal_add_left(out, sl_span_str("total"), layout->name, table->unicode);
	add_numbers(out, layout, &totals, "", "");
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_RESET));
	add_note(table, table->note, out);
	sl_buf_add_char(out, '\n');
}
