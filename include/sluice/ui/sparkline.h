/*
 * sparkline.h - numbers as a row of small bars, a column each: |▁ ▃█ ▂|, or |. -# :|. Pure.
 */
#ifndef SLUICE_UI_SPARKLINE_H
#define SLUICE_UI_SPARKLINE_H

#include "sluice/base/bytes.h"

/* Append it to *out, between two bars: `count` columns, relative to the greatest number. A number
 * greater than 0 is never blank. */
void sl_sparkline_add(struct sl_buf *out, const uint64_t *numbers, size_t count, bool unicode);

#endif
