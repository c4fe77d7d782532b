#include "sluice/rt/stats.h"

/* Two buckets a power of two: [2^k, 1.5 * 2^k) and [1.5 * 2^k, 2^(k+1)). */
static unsigned
bucket_of(uint64_t ns)
{
	if (ns < 2)
		return 0;
	unsigned power = 63u - (unsigned)__builtin_clzll(ns);
	unsigned half = (unsigned)(ns >> (power - 1)) & 1u;
	return power * 2 + half;
}

static uint64_t
upper_edge(unsigned bucket)
{
	unsigned power = bucket / 2;
	if (power == 0)
		return 1;
	uint64_t base = 1ull << power;
	return bucket % 2 ? base + (base - 1) : base + base / 2;
}

unsigned
sl_stats_row(const struct sl_op *op)
{
	if (!sl_op_is_stream(op))
		return op->kind;
	return op->kind == SL_OP_READ ? SL_STATS_READ_STREAM : SL_STATS_WRITE_STREAM;
}

const char *
sl_stats_row_name(unsigned row)
{
	if (row == SL_STATS_READ_STREAM)
		return "read stream";
	if (row == SL_STATS_WRITE_STREAM)
		return "write stream";
	return sl_op_kind_name((enum sl_op_kind)row);
}

void
sl_histogram_add(struct sl_histogram *histogram, uint64_t ns)
{
	histogram->min_ns = histogram->count ? SL_MIN(histogram->min_ns, ns) : ns;
	histogram->max_ns = SL_MAX(histogram->max_ns, ns);
	histogram->count++;
	histogram->sum_ns += ns;
	histogram->buckets[bucket_of(ns)]++;
}

uint64_t
sl_histogram_quantile(const struct sl_histogram *histogram, double part)
{
	uint64_t rank = (uint64_t)(part * (double)histogram->count), seen = 0;
	for (unsigned i = 0; i < SL_STATS_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > rank)
			return SL_MAX(histogram->min_ns, SL_MIN(upper_edge(i), histogram->max_ns));
	}
	return histogram->max_ns;
}

void
sl_stats_count(struct sl_stats *stats, const struct sl_op *op, uint64_t took_ns)
{
	unsigned row = sl_stats_row(op);
	sl_histogram_add(&stats->op[row], took_ns);
	if (op->result < 0)
		stats->op_failed[row]++;
	else if (sl_op_family(op->kind) == SL_FAMILY_TRANSFER)
		stats->op_bytes[row] += (uint64_t)op->result;
}
