/*
 * stats.h - --stats: the resources a run used, and which stage limited its speed.
 */
#ifndef SLUICE_CLI_STATS_H
#define SLUICE_CLI_STATS_H

#include "sluice/base/bytes.h"
#include "sluice/rt/task.h"

/* The time tasks waited for a stage, summed over all tasks. */
struct sl_stats_stage {
	const char *name;
	uint64_t waited_ns;
};

/* Append the text of --stats: CPU, memory, loop, operations with latencies, stages and the
 * bottleneck. After the run, on the runtime's thread. */
void sl_stats_print(struct sl_buf *out, struct sl_rt *rt, const struct sl_stats_stage *stages,
	size_t stage_count);

#endif
