/*
 * How fast the scan kernels are on data in the cache: bytes per second of each kernel for some sets
 * of literals. Built by hand:  make lib && cc -O2 -D_GNU_SOURCE -Iinclude tests/bench/match_bench.c
 * build/release/libsluice.a -o /tmp/match_bench Usage: match_bench [FILE [BLOCK_KIB]]   FILE is
 * repeated to fill a block; without one, lines are made up.
 */
#include "sluice/base/clock.h"
#include "sluice/base/cpu.h"
#include "sluice/match/match.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Short: the best of many is the one that was not disturbed. */
#define ROUND_NS (4 * SL_NS_PER_MS)
#define ROUNDS 100

struct set {
	const char *name;
	bool ignore_case;
	const char *literals[12];
};

static const struct set sets[] = {
	{ "newlines only", false, { NULL } },
	{ "ERROR|error", false, { "ERROR", "error", NULL } },
	{ "-F error", false, { "error", NULL } },
	{ "-F -i error", true, { "error", NULL } },
	{ "-F -i 5 words", true, { "error", "fatal", "severe", "panic", "critical", NULL } },
	{ "-F 10 words", false,
		{ "ERROR", "FATAL", "SEVERE", "panic", "critical", "abort", "denied", "refused",
			"timeout", "Exception" } },
};

static size_t
fill(unsigned char *block, size_t len, const char *path)
{
	static const char made_up[] = "2026-03-01 12:34:56,789 INFO  [worker-12] "
				      "org.example.Storage: block 1073741825 of "
				      "/user/root/part-00012 was stored in 34 ms\n";
	size_t have = 0;
	FILE *file = path ? fopen(path, "rb") : NULL;
	if (file) {
		have = fread(block, 1, len, file);
		fclose(file);
	}
	if (have == 0) {
		have = sizeof(made_up) - 1;
		memcpy(block, made_up, have);
	}
	for (size_t at = have; at < len; at++)
		block[at] = block[at - have];
	return len;
}

static double
measure(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	const unsigned char *block, size_t len, struct sl_match_counts *counts)
{
	double best = 0;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t begin = sl_clock_monotonic_ns(), now = begin, bytes = 0;
		for (; now - begin < ROUND_NS; now = sl_clock_monotonic_ns()) {
			kernel->scan(plan, block, len, NULL, NULL, counts);
			bytes += len;
		}
		double rate = (double)bytes / (double)(now - begin);
		best = rate > best ? rate : best;
	}
	return best;
}

static void
bench(const struct set *set, const unsigned char *block, size_t len)
{
	static struct sl_match_plan plan;
	struct sl_span literals[SL_COUNT_OF(set->literals)];
	size_t count = 0;
	for (; count < SL_COUNT_OF(set->literals) && set->literals[count]; count++)
		literals[count] = sl_span_str(set->literals[count]);
	if (sl_match_plan_init(&plan, literals, count, set->ignore_case) < 0)
		abort();
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if (!sl_match_by_name(kernel->name, sl_cpu_features()))
			continue;
		struct sl_match_counts counts;
		double rate = measure(kernel, &plan, block, len, &counts);
		printf("%-14s %-7s %6.2f GB/s  (filter %d, newlines %" PRIu64 ", hits %" PRIu64
		       ")\n",
			set->name, kernel->name, rate, (int)plan.filter, counts.newlines,
			counts.hits);
	}
}

int
main(int argc, char **argv)
{
	size_t len = (argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 256) * SL_KIB;
	unsigned char *block = aligned_alloc(4096, len);
	if (!block || len == 0)
		return 1;
	fill(block, len, argc > 1 ? argv[1] : NULL);
	for (size_t i = 0; i < SL_COUNT_OF(sets); i++)
		bench(&sets[i], block, len);
	free(block);
	return 0;
}
