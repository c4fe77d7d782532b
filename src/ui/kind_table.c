/*
 * kind_table.c - the lines of each kind: counts and template, places, times, an example.
 */
#include "sluice/ui/kind_table.h"

#include "sluice/base/text.h"
#include "sluice/ui/colour.h"
#include "sluice/ui/sparkline.h"
#include "sluice/ui/terminal.h"
#include "sluice/ui/units.h"

#include <stdio.h>

#define GAP 2
#define TEXT_COLUMNS_MIN 20 /* text is not cut below this, even if the line then wraps */

static const char *const headings[] = { "error lines", "share", "kind" };

struct layout {
	size_t count, share, indent;
	size_t text; /* columns for text; 0 = any */
};

static struct sl_units
count_cell(const struct sl_kind_table *table, uint64_t count)
{
	struct sl_units out;
	if (table->columns > 0)
		return sl_units_count(count);
	snprintf(out.text, sizeof(out.text), "%llu", (unsigned long long)count);
	return out;
}

static struct layout
measure(const struct sl_kind_table *table)
{
	struct layout layout = { strlen(headings[0]), strlen(headings[1]), 0, 0 };
	for (size_t i = 0; i < table->row_count; i++) {
		uint64_t count = table->rows[i].count;
		layout.count = SL_MAX(layout.count, strlen(count_cell(table, count).text));
		layout.share =
			SL_MAX(layout.share, strlen(sl_units_share(count, table->lines).text));
	}
	layout.indent = layout.count + GAP + layout.share + GAP;
	if (table->columns > 0)
		layout.text = table->columns > layout.indent + TEXT_COLUMNS_MIN
				      ? table->columns - layout.indent
				      : TEXT_COLUMNS_MIN;
	return layout;
}

static void
add_text(const struct sl_kind_table *table, const struct layout *layout, struct sl_span text,
	struct sl_buf *out)
{
	struct sl_buf safe = { 0 };
	if (table->columns > 0 && !table->unicode)
		sl_text_make_ascii(&safe, text);
	else
		sl_text_make_safe(&safe, text);
	struct sl_span all = sl_buf_span(&safe);
	if (layout->text && sl_text_width(all) > layout->text) {
		size_t mark = table->unicode ? 1 : 3;
		sl_buf_add_span(out, sl_terminal_prefix(all, layout->text - mark));
		sl_buf_add_str(out, table->unicode ? "\xe2\x80\xa6" : "...");
	} else {
		sl_buf_add_span(out, all);
	}
	out->failed = out->failed || safe.failed;
	sl_buf_release(&safe);
}

static void
add_line(const struct sl_kind_table *table, const struct layout *layout, struct sl_span text,
	enum sl_colour colour, struct sl_buf *out)
{
	sl_terminal_add_spaces(out, layout->indent);
	sl_buf_add_str(out, sl_colour_code(table->colour, colour));
	add_text(table, layout, text, out);
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_RESET));
	sl_buf_add_char(out, '\n');
}

/* "new: first a.log:3, last b.log:1500" */
static void
add_places(const struct sl_kind_table *table, const struct layout *layout,
	const struct sl_kind_row *row, struct sl_buf *out)
{
	struct sl_buf text = { 0 };
	bool is_one = sl_span_equal(row->first, row->last);
	if (row->change.len) {
		sl_buf_add_span(&text, row->change);
		sl_buf_add_str(&text, ": ");
	}
	sl_buf_add_str(&text, is_one ? "" : "first ");
	sl_buf_add_span(&text, row->first);
	sl_buf_add_str(&text, is_one ? "" : ", last ");
	if (!is_one)
		sl_buf_add_span(&text, row->last);
	add_line(table, layout, sl_buf_span(&text), SL_COLOUR_FILE, out);
	out->failed = out->failed || text.failed;
	sl_buf_release(&text);
}

static void
add_times(const struct sl_kind_table *table, const struct layout *layout,
	const struct sl_kind_row *row, struct sl_buf *out)
{
	struct sl_buf text = { 0 };
	if (row->columns) {
		sl_sparkline_add(&text, row->columns, SL_KIND_COLUMNS, table->unicode);
		sl_buf_add_char(&text, ' ');
	}
	sl_buf_add_span(&text, row->times);
	add_line(table, layout, sl_buf_span(&text), SL_COLOUR_FILE, out);
	out->failed = out->failed || text.failed;
	sl_buf_release(&text);
}

static void
add_row(const struct sl_kind_table *table, const struct layout *layout,
	const struct sl_kind_row *row, struct sl_buf *out)
{
	struct sl_units count = count_cell(table, row->count);
	struct sl_units share = sl_units_share(row->count, table->lines);
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_BAD));
	sl_terminal_add_right(out, sl_span_str(count.text), layout->count);
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_RESET));
	sl_terminal_add_spaces(out, GAP);
	sl_terminal_add_right(out, sl_span_str(share.text), layout->share);
	sl_terminal_add_spaces(out, GAP);
	add_text(table, layout, row->text, out);
	sl_buf_add_char(out, '\n');
	add_places(table, layout, row, out);
	if (row->times.len)
		add_times(table, layout, row, out);
	add_line(table, layout, row->example, SL_COLOUR_DIM, out);
}

static void
add_heading(const struct sl_kind_table *table, const struct layout *layout, struct sl_buf *out)
{
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_DIM));
	sl_terminal_add_right(out, sl_span_str(headings[0]), layout->count);
	sl_terminal_add_spaces(out, GAP);
	sl_terminal_add_right(out, sl_span_str(headings[1]), layout->share);
	sl_terminal_add_spaces(out, GAP);
	sl_buf_add_str(out, headings[2]);
	sl_buf_add_str(out, sl_colour_code(table->colour, SL_COLOUR_RESET));
	sl_buf_add_char(out, '\n');
}

/* What the rows leave out. */
static void
add_rest(const struct sl_kind_table *table, struct sl_buf *out)
{
	uint64_t shown = 0;
	for (size_t i = 0; i < table->row_count; i++)
		shown += table->rows[i].count;
	if (table->kinds > table->row_count)
		sl_buf_printf(out,
			"%llu of %s kinds, with %s of the error lines (--top N shows more)\n",
			(unsigned long long)table->row_count, count_cell(table, table->kinds).text,
			sl_units_share(shown, table->lines).text);
	if (table->dropped)
		sl_buf_printf(out,
			"%s error lines are of kinds that were dropped: there are too many "
			"(--max-memory raises the limit)\n",
			count_cell(table, table->dropped).text);
}

void
sl_kind_table_format(const struct sl_kind_table *table, struct sl_buf *out)
{
	if (table->lines == 0 && table->row_count == 0 && table->changes.len == 0)
		return;
	struct layout layout = measure(table);
	if (table->row_count)
		add_heading(table, &layout, out);
	for (size_t i = 0; i < table->row_count; i++)
		add_row(table, &layout, &table->rows[i], out);
	add_rest(table, out);
	if (table->changes.len) {
		add_text(table, &(struct layout){ 0 }, table->changes, out);
		sl_buf_add_char(out, '\n');
	}
}
