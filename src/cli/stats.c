#include "sluice/cli/stats.h"

#include "sluice/base/memory.h"
#include "sluice/rt/engine.h"
#include "sluice/rt/stats.h"
#include "sluice/ui/units.h"

#include <sys/resource.h>

static double
seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* A time in the unit that leaves at most four digits. */
static void
add_latency(struct sl_buf *out, uint64_t ns)
{
	if (ns < 1000 * SL_NS_PER_US)
		sl_buf_printf(out, " %7.1f us", (double)ns / 1e3);
	else if (ns < 1000 * SL_NS_PER_MS)
		sl_buf_printf(out, " %7.1f ms", (double)ns / 1e6);
	else
		sl_buf_printf(out, " %7.1f s ", (double)ns / 1e9);
}

static void
add_operation(struct sl_buf *out, const struct sl_stats *stats, unsigned row)
{
	const struct sl_histogram *histogram = &stats->op[row];
	if (histogram->count == 0)
		return;
	sl_buf_printf(out, "  %-12s %9llu %7llu", sl_stats_row_name(row),
		(unsigned long long)histogram->count, (unsigned long long)stats->op_failed[row]);
	add_latency(out, histogram->min_ns);
	add_latency(out, sl_histogram_quantile(histogram, 0.5));
	add_latency(out, sl_histogram_quantile(histogram, 0.99));
	add_latency(out, histogram->max_ns);
	if (stats->op_bytes[row])
		sl_buf_printf(out, "  %s", sl_units_size(stats->op_bytes[row]).text);
	sl_buf_add_char(out, '\n');
}

static void
add_stages(struct sl_buf *out, const struct sl_stats_stage *stages, size_t stage_count)
{
	const struct sl_stats_stage *most = NULL;
	sl_buf_add_str(out, "waited:");
	for (size_t i = 0; i < stage_count; i++) {
		sl_buf_printf(out, "%s %s %s", i ? "," : "", stages[i].name,
			sl_units_elapsed(stages[i].waited_ns).text);
		if (!most || stages[i].waited_ns > most->waited_ns)
			most = &stages[i];
	}
	if (most && most->waited_ns > 0)
		sl_buf_printf(out, "; bottleneck: %s", most->name);
	sl_buf_add_char(out, '\n');
}

static uint64_t
peak_memory(const struct rusage *usage)
{
	uint64_t peak = sl_memory_peak();
	return peak > 0 ? peak : (uint64_t)usage->ru_maxrss * SL_KIB;
}

void
sl_stats_print(struct sl_buf *out, struct sl_rt *rt, const struct sl_stats_stage *stages,
	size_t stage_count)
{
	const struct sl_stats *stats = sl_rt_stats(rt);
	struct sl_engine *engine = sl_rt_engine(rt);
	struct rusage usage = { 0 };
	char text[160];
	getrusage(RUSAGE_SELF, &usage);
	engine->methods->describe(engine, text, sizeof(text));
	sl_buf_printf(out, "engine: %s\n", text);
	sl_buf_printf(out, "cpu: %.2f s user, %.2f s system; memory: %s at most\n",
		seconds(usage.ru_utime), seconds(usage.ru_stime),
		sl_units_size(peak_memory(&usage)).text);
	sl_buf_printf(out,
		"loop: %llu turns, %llu kernel entries; between two polls of the ring: median",
		(unsigned long long)stats->turns, (unsigned long long)engine->enters);
	add_latency(out, sl_histogram_quantile(&stats->turn, 0.5));
	sl_buf_add_str(out, ", longest");
	add_latency(out, stats->turn_max_ns);
	sl_buf_printf(out,
		"\ntasks: %llu in all, %u at once; workers: %llu calls, %s, queue at most %zu\n",
		(unsigned long long)stats->tasks_started, stats->tasks_max,
		(unsigned long long)stats->offload_count, sl_units_elapsed(stats->offload_ns).text,
		stats->worker_queue_high_water);
	sl_buf_printf(out, "  %-12s %9s %7s %10s %10s %10s %10s\n", "operation", "count", "failed",
		"min", "median", "p99", "max");
	for (unsigned row = 0; row < SL_STATS_ROWS; row++)
		add_operation(out, stats, row);
	if (stage_count > 0)
		add_stages(out, stages, stage_count);
}
