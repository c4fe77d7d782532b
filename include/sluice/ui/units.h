/*
 * units.h - numbers in readable form. Pure; results are small values, nothing is allocated.
 *
 * Widths are bounded, so that columns do not jump: each comment gives the maximum. All round down:
 * "100%" and "1.0 GiB" are not shown before they are reached.
 */
#ifndef SLUICE_UI_UNITS_H
#define SLUICE_UI_UNITS_H

#include "sluice/base/def.h"

#define SL_UNITS_UNKNOWN UINT64_MAX /* an unknown size, rate or time; shown as "--" */

#define SL_UNITS_SIZE_COLUMNS 8
#define SL_UNITS_RATE_COLUMNS 10
#define SL_UNITS_TIME_COLUMNS 6
#define SL_UNITS_PERCENT_COLUMNS 4

struct sl_units {
	char text[32]; /* NUL-terminated ASCII */
};

/* Bytes in powers of 1024: "0 B", "1023 B", "1.4 GiB", "12.3 MiB", "1023 KiB"; at most 8
 * columns. */
struct sl_units sl_units_size(uint64_t bytes);

/* As sl_units_size with "/s": at most 10 columns. */
struct sl_units sl_units_rate(uint64_t bytes_s);

/* "0s", "59s", "1m05s", "1h02m", "3d04h", ">99d"; at most 6 columns. */
struct sl_units sl_units_time(uint64_t ns);

/* For what has been measured: "0.42 s", "12.3 s", then as sl_units_time. */
struct sl_units sl_units_elapsed(uint64_t ns);

/* "1,234,567"; at most 26 columns. */
struct sl_units sl_units_count(uint64_t count);

/* done of total in whole percent: "7%", "100%"; at most 4 columns. "--" if total is unknown; 100%
 * if it is 0. */
struct sl_units sl_units_percent(uint64_t done, uint64_t total);

/* part of whole with two decimals, rounded: "2.04%"; "100.00%" only if part equals whole; "<0.01%"
 * for a share that would be rounded to 0; "-" if whole is 0. */
struct sl_units sl_units_share(uint64_t part, uint64_t whole);

/* part of whole in parts of `scale` (at most 2^32), rounded down and never above it; 0 if whole is
 * 0. No overflow. */
uint64_t sl_units_scaled(uint64_t part, uint64_t whole, uint64_t scale);

#endif
