/*
 * sample.h - how well "contains ERROR or error" fits a log whose lines have levels: the first lines
 * of the first inputs are asked for their level as well. Pure.
 *
 * Asking all lines takes several times as long as the scan (see --level); a sample takes less than
 * a millisecond, and what it finds is a note. Which lines are in it depends on the inputs alone,
 * but of a stream only on what comes first.
 */
#ifndef SLUICE_SCAN_SAMPLE_H
#define SLUICE_SCAN_SAMPLE_H

#include "sluice/match/match_plan.h"

#define SL_SAMPLE_INPUTS 64u
#define SL_SAMPLE_BYTES 16384u /* of an input */

/* {0} to begin with. Only lines that have a level count. */
struct sl_sample {
	uint64_t lines;
	uint64_t hits;   /* lines with a literal of the plan */
	uint64_t lower;  /* of those: with a level below error */
	uint64_t missed; /* lines without one, whose level is error or worse */
};

/* The whole lines of the first SL_SAMPLE_BYTES of an input. */
void sl_sample_add(struct sl_sample *sample, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len);

void sl_sample_merge(struct sl_sample *sample, const struct sl_sample *from);

#endif
