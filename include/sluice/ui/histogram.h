/*
 * histogram.h - error lines by time, a row for each interval with a bar. Pure.
 *
 *	time              error lines
 *	2015-10-18 18:01           16  ################
 *	2015-10-18 18:02            0
 *	...
 *	2015-10-18 18:09            2  ##
 *
 * For a terminal (columns > 0) numbers are grouped and bars take what is left of the width.
 */
#ifndef SLUICE_UI_HISTOGRAM_H
#define SLUICE_UI_HISTOGRAM_H

#include "sluice/base/bytes.h"

struct sl_histogram_row {
	char label[32]; /* "": a row of dots, for intervals that are left out */
	uint64_t count;
};

struct sl_histogram {
	const struct sl_histogram_row *rows;
	size_t row_count;
	struct sl_span note; /* below the rows; empty = none */
	size_t columns;      /* of the terminal; 0 = not a terminal */
	bool colour, unicode;
};

/* Append it to *out: a heading, the rows, the note. Nothing if there are no rows and no note. */
void sl_histogram_format(const struct sl_histogram *histogram, struct sl_buf *out);

#endif
