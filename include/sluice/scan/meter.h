/*
 * meter.h - where the time of a scan goes: which of its stages the others wait for. Pure.
 *
 * Many tasks wait for inputs at a time, and several workers scan: the sums of their times say
 * nothing about which of them is too slow. So each moment counts once. The part of the workers
 * that are busy counts for scanning; the rest counts for the input while a task waits for one, and
 * else for neither.
 */
#ifndef SLUICE_SCAN_METER_H
#define SLUICE_SCAN_METER_H

#include <stdint.h>

/* {0} but for `workers`, at least 1; used by one thread. */
struct sl_meter {
	unsigned workers;
	unsigned working; /* calls that workers have, or that wait for one */
	unsigned waiting; /* tasks that wait for an input */
	uint64_t since_ns;
	uint64_t scan_ns, input_ns; /* until then */
};

/* From `now_ns` (monotonic) on so many more, or less, are working and waiting. With NULL nothing is
 * done. */
void sl_meter_change(struct sl_meter *meter, uint64_t now_ns, int working, int waiting);

#endif
