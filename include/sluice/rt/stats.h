/*
 * stats.h - what the loop and the operations cost. Plain counters of the runtime's thread.
 */
#ifndef SLUICE_RT_STATS_H
#define SLUICE_RT_STATS_H

#include "sluice/rt/engine.h"

#define SL_STATS_BUCKETS 128 /* logarithmic, two a power of two, from 1 ns */

struct sl_histogram {
	uint64_t count, sum_ns, min_ns, max_ns;
	uint32_t buckets[SL_STATS_BUCKETS];
};

struct sl_stats {
	uint64_t turns;       /* of the loop */
	uint64_t turn_max_ns; /* longest time between two waits: how long the ring was not looked at
			       */
	struct sl_histogram turn; /* time between waits */
	struct sl_histogram op[SL_OP_KINDS];
	uint64_t op_bytes[SL_OP_KINDS]; /* sum of positive results of send, recv, read, write */
	uint64_t op_failed[SL_OP_KINDS];
	uint64_t tasks_started;
	unsigned tasks_max;
	uint64_t wakeups;    /* results brought by other threads */
	uint64_t offload_ns; /* time workers ran functions */
	uint64_t offload_count;
	size_t worker_queue_high_water;
};

void sl_histogram_add(struct sl_histogram *histogram, uint64_t ns);

/* `part` in 0..1; 0.5 = median; the upper edge of its bucket, within 50 % of the true value, never
 * above max. */
uint64_t sl_histogram_quantile(const struct sl_histogram *histogram, double part);

#endif
