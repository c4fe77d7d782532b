/*
 * rate.h - how fast something goes: an average since its beginning, and later over the last
 * seconds. Pure: the caller says what time it is.
 */
#ifndef SLUICE_UI_RATE_H
#define SLUICE_UI_RATE_H

#include "sluice/ui/units.h"

#include <stdbool.h>

#define SL_RATE_WINDOW_NS (3 * SL_NS_PER_S)  /* what the average forgets */
#define SL_RATE_STEP_NS (200 * SL_NS_PER_MS) /* least time between two samples */

struct sl_rate {
	uint64_t begun_ns;
	uint64_t at_ns, bytes; /* the last sample */
	uint64_t moved_ns;     /* when bytes last came */
	bool moving;           /* bytes have come since the beginning */
	uint64_t bytes_s;
};

/* Begin to measure at `now_ns` (monotonic), when there were `bytes` already. */
void sl_rate_begin(struct sl_rate *rate, uint64_t now_ns, uint64_t bytes);

/* There are `bytes` now (fewer than before: nothing has come). Returns the rate in bytes a second.
 * May be called as often as one likes. */
uint64_t sl_rate_sample(struct sl_rate *rate, uint64_t now_ns, uint64_t bytes);

/* Bytes a second; 0 if no time has passed. */
uint64_t sl_rate_between(uint64_t bytes, uint64_t ns);

/* How long `left` bytes take, in nanoseconds; SL_UNITS_UNKNOWN if that is not known or longer than
 * anybody lives. */
uint64_t sl_rate_left_ns(uint64_t left, uint64_t rate_bytes_s);

#endif
