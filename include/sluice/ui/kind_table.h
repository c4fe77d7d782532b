/*
 * kind_table.h - the kinds of error lines, most frequent first. Pure.
 *
 *	error lines   share  kind
 *	         46  77.97%  [<time>] [error] mod_jk child workerEnv in error state <num>
 *	                     first a.log:3, last b.log:158
 *	                     |▂ █▁            | 2005-12-04 04:47:44 to 2005-12-05 19:15:57
 *	                     [Sun Dec 04 04:47:44 2005] [error] mod_jk child workerEnv in ...
 *	10 of 27 kinds, with 90.12% of the error lines (--top N shows more)
 *
 * On a terminal (columns > 0) lines are cut to fit and numbers grouped; elsewhere neither.
 */
#ifndef SLUICE_UI_KIND_TABLE_H
#define SLUICE_UI_KIND_TABLE_H

#include "sluice/base/bytes.h"

/* Texts are any bytes, which are made safe here. */
struct sl_kind_row {
	struct sl_span text, example;
	uint64_t count;             /* lines */
	struct sl_span first, last; /* places: "a.log:3" */
	struct sl_span times;       /* of the first and the last line; empty = none */
	const uint64_t *columns;    /* lines over time: SL_KIND_COLUMNS, or NULL */
	struct sl_span change;      /* since another time: "new"; empty = not compared */
};

#define SL_KIND_COLUMNS 16u

struct sl_kind_table {
	const struct sl_kind_row *rows;
	size_t row_count;
	uint64_t kinds;         /* of which the rows are the first ones */
	uint64_t lines;         /* error lines of all kinds, and dropped ones */
	uint64_t dropped;       /* lines whose kind was dropped for lack of memory */
	struct sl_span changes; /* a line about all changes; empty = not compared */
	size_t columns;         /* of the terminal; 0 = not a terminal */
	bool colour, unicode;
};

/* Append to *out. Nothing if there are no error lines. */
void sl_kind_table_format(const struct sl_kind_table *table, struct sl_buf *out);

#endif
