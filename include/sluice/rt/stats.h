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

/* A row for each kind of operation, and two more: reads and writes of streams wait for another
 * program, not for a disk. */
enum { SL_STATS_READ_STREAM = SL_OP_KINDS, SL_STATS_WRITE_STREAM, SL_STATS_ROWS };

struct sl_stats {
	uint64_t turns;           /* of the loop */
	uint64_t turn_max_ns;     /* longest time between two waits: the ring was not read for so
				 long */
	struct sl_histogram turn; /* time between waits */
	struct sl_histogram op[SL_STATS_ROWS];
	uint64_t op_bytes[SL_STATS_ROWS]; /* sum of positive results of send, recv, read, write */
	uint64_t op_failed[SL_STATS_ROWS];
	uint64_t tasks_started;
	unsigned tasks_max;
	uint64_t wakeups;    /* results brought by other threads */
	uint64_t offload_ns; /* time workers ran functions */
	uint64_t offload_count;
	size_t worker_queue_high_water;
};

/* The row an operation is counted in; static text for a row. */
unsigned sl_stats_row(const struct sl_op *op);
const char *sl_stats_row_name(unsigned row);

/* An operation that has ended, in its row. */
void sl_stats_count(struct sl_stats *stats, const struct sl_op *op, uint64_t took_ns);

void sl_histogram_add(struct sl_histogram *histogram, uint64_t ns);

/* `part` in 0..1; 0.5 = median; the upper edge of its bucket, within 50 % of the true value, never
 * above max. */
uint64_t sl_histogram_quantile(const struct sl_histogram *histogram, double part);

#endif
