/*
 * rate.h - the rate of a transfer: the average since its first bytes, and later over the last
 * seconds. Pure: the caller passes the time.
 */
#ifndef SLUICE_UI_RATE_H
#define SLUICE_UI_RATE_H

#include "sluice/ui/units.h"

#include <stdbool.h>

#define SL_RATE_WINDOW_NS (3 * SL_NS_PER_S)  /* of the average */
#define SL_RATE_STEP_NS (200 * SL_NS_PER_MS) /* least time between two samples */

struct sl_rate {
	uint64_t begun_ns;
	uint64_t at_ns, bytes; /* the last sample */
	uint64_t moved_ns;     /* when the last bytes were received */
	bool moving;           /* the first bytes since the beginning were received */
	bool is_known;         /* more were received after these: before that the rate is 0 */
	uint64_t bytes_s;
};

/* Begin to measure at `now_ns` (monotonic), when there were `bytes` already. */
void sl_rate_begin(struct sl_rate *rate, uint64_t now_ns, uint64_t bytes);

/* There are `bytes` now (if fewer than before, none were received). Returns the rate in bytes a
 * second. May be called at any interval. */
uint64_t sl_rate_sample(struct sl_rate *rate, uint64_t now_ns, uint64_t bytes);

/* Bytes a second; 0 if no time has passed. */
uint64_t sl_rate_between(uint64_t bytes, uint64_t ns);

/* The time for `left` bytes, in nanoseconds; SL_UNITS_UNKNOWN if the rate is 0 or it is more than
 * 30 years. */
uint64_t sl_rate_left_ns(uint64_t left, uint64_t rate_bytes_s);

#endif
