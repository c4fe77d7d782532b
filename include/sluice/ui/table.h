/*
 * table.h - the result of a scan as a table: for each input its lines, error lines and their share,
 * then the totals. Pure.
 *
 *	input        lines  error lines   share
 *	a.log        2,000          595  29.75%
 *	b.log            -            -       -  unsupported: gzip
 *	total        2,000          595  29.75%
 *
 * For a terminal (columns > 0) numbers are grouped and long names cut in the middle to fit;
 * elsewhere nothing is cut and numbers are plain digits, so that other programs can read them. A
 * name of more than 255 columns is not in line there.
 */
#ifndef SLUICE_UI_TABLE_H
#define SLUICE_UI_TABLE_H

#include "sluice/base/bytes.h"

struct sl_table_row {
	struct sl_span name; /* any bytes; made safe here */
	uint64_t lines, error_lines;
	bool unread;         /* nothing could be counted: dashes in place of numbers */
	struct sl_span note; /* on the input ("truncated"), any bytes; empty = none */
};

struct sl_table {
	const struct sl_table_row *rows;
	size_t row_count;
	uint64_t lines, error_lines; /* the totals, the caller's sums */
	bool has_records;            /* error_lines are records, which have no share in the lines */
	struct sl_span note;         /* on the totals, any bytes; empty = none */
	size_t columns;              /* of the terminal; 0 = not a terminal */
	bool colour, unicode;
};

/*
 * A table is measured and then appended: a heading, a line for each row, and the totals. It may be
 * too large to be in memory twice, so that `rows` are a part of its rows with each call: measure
 * all of them, then add the heading, the same rows, and the totals. {0} is a layout of no rows.
 */
#define SL_TABLE_NUMBERS 3

struct sl_table_layout {
	size_t rows;
	size_t name, numbers[SL_TABLE_NUMBERS], notes; /* columns */
};

/* *out only notes that memory is exhausted. */
void sl_table_measure(
	const struct sl_table *table, struct sl_table_layout *layout, struct sl_buf *out);
void sl_table_add_heading(
	const struct sl_table *table, struct sl_table_layout *layout, struct sl_buf *out);
void sl_table_add_rows(
	const struct sl_table *table, const struct sl_table_layout *layout, struct sl_buf *out);
/* Nothing for exactly one row without a note on the totals. */
void sl_table_add_totals(
	const struct sl_table *table, const struct sl_table_layout *layout, struct sl_buf *out);

#endif
