/*
 * scan_memory.c - how max_memory is divided. Less a fixed share for everything small, it goes to
 * the steps of the consumers (at most a half), decoders (two thirds of the rest) and the chunks of
 * the readers; steps and chunks shrink before their number does.
 */
#include "scan_int.h"

#include "sluice/rt/offload.h"

#define CONSUMERS_A_WORKER 2u /* so that a worker has its next piece when it finishes one */
#define CONSUMERS_MAX 128u
#define CHUNK_MIN (64u * 1024u)
/* Copied and scanned at a time: fits a CPU's cache. 64 KiB took 10 % longer, 512 KiB as long. */
#define STEP_MAX (256 * SL_KIB)
#define STEP_MIN (16 * SL_KIB)
/* Timelines of pieces: most have few intervals. */
#define TIMELINES_SIZE SL_MIB
/* stacks, channels, inputs, the ring, kept lines, small files */
#define MEMORY_ELSEWHERE (3 * SL_MIB + SL_SCAN_OPENERS * SL_SCAN_SMALLS_SIZE)

/* Each may allocate a JIT stack: those take a quarter of the memory at most. */
static unsigned
count_consumers(const struct sl_scan_setup *setup, uint64_t max_memory)
{
	unsigned wanted = SL_MIN(sl_worker_count() * CONSUMERS_A_WORKER, CONSUMERS_MAX);
	if (!sl_pattern_has_expressions(setup->pattern))
		return wanted;
	return (unsigned)SL_MIN(wanted, max_memory / 4 / SL_PATTERN_JIT_STACK);
}

/* Lines before a match wait in memory: a sixteenth of it, but at least one long line. */
static uint64_t
before_bytes(const struct sl_scan_setup *setup, uint64_t max_memory)
{
	uint64_t least = sl_history_cost(SL_PARTIAL_KEEP), most = max_memory / 16;
	return setup->before ? SL_MAX(most, least) : 0;
}

/* Of marks for so many bytes. */
static size_t
mark_bytes(const struct sl_scan_setup *setup, size_t len)
{
	return len / 8 * (setup->period ? 2 : 1);
}

/* The size of a step, so that those of all consumers take half of the memory at most. Returns their
 * sum. */
static uint64_t
size_steps(struct scan_division *division, unsigned consumers, uint64_t budget)
{
	division->step = STEP_MAX;
	while (division->step > STEP_MIN && division->step * consumers > budget / 2)
		division->step /= 2;
	return SL_MIN((uint64_t)division->step * consumers, budget);
}

struct scan_division
sl_scan_divide(const struct scan *scan, uint64_t max_memory)
{
	const struct sl_scan_setup *setup = scan->setup;
	unsigned consumers = count_consumers(setup, max_memory);
	struct scan_division division = { .consumers = consumers,
		.before_bytes = before_bytes(setup, max_memory) };
	uint64_t elsewhere = MEMORY_ELSEWHERE + sl_pattern_memory(setup->pattern);
	elsewhere += 2 * sl_scan_kinds_memory(setup, max_memory);
	if (setup->timeline)
		elsewhere += TIMELINES_SIZE;
	if (setup->kinds)
		elsewhere += (uint64_t)(consumers + SL_SCAN_OPENERS + 1) * SL_MEMO_BYTES;
	if (sl_pattern_has_expressions(setup->pattern))
		elsewhere += (uint64_t)consumers * SL_PATTERN_JIT_STACK;
	/* Of one input at a time: history.h needs twice the bytes of its lines, and of a line that
	 * does not match more is kept. */
	if (sl_scan_wants_context(scan))
		elsewhere += 2 * (division.before_bytes + SL_PARTIAL_KEEP);
	uint64_t budget = max_memory > elsewhere ? max_memory - elsewhere : 0;
	if (!scan->by_line)
		budget -= size_steps(&division, consumers, budget);
	division.decode_max = budget / SL_SCAN_DECODE_SHARE;
	budget -= (SL_SCAN_DECODE_SHARE - 1) * division.decode_max;
	size_t chunk = setup->chunk;
	while (chunk / 2 >= CHUNK_MIN && 4 * (chunk + mark_bytes(setup, chunk)) > budget)
		chunk = chunk / 2 / SL_CHUNK_ALIGN * SL_CHUNK_ALIGN;
	division.chunk = chunk;
	bool has_marks = scan->by_line || scan->has_partials;
	uint64_t each = chunk + (has_marks ? mark_bytes(setup, chunk) : 0);
	uint64_t count = SL_MAX(budget / each, 2u);
	uint64_t used = (uint64_t)SL_SCAN_READERS + setup->queue + consumers;
	division.chunks = (size_t)SL_MIN(count, used);
	return division;
}

uint64_t
sl_scan_decode_memory(const struct scan *scan, enum sl_form form, size_t step_size)
{
	return sl_decoding_memory(form) + SL_DECODING_SIZE + SL_SCAN_DECODE_IN +
	       (scan->steps ? step_size + mark_bytes(scan->setup, step_size) : 0) +
	       (scan->setup->kinds ? SL_MEMO_BYTES : 0);
}

uint64_t
sl_scan_memory_to_decode(const struct scan *scan, enum sl_form form, uint64_t window)
{
	uint64_t memory = scan->setup->max_memory;
	if (window > SL_SCAN_WINDOW_MAX)
		return 0;
	/* Not monotonous: with more memory, steps may be larger. */
	for (;;) {
		struct scan_division division = sl_scan_divide(scan, memory);
		uint64_t needed = sl_scan_decode_memory(scan, form, division.step) + window;
		if (needed <= division.decode_max)
			return memory;
		memory += SL_MIB;
		memory -= memory % SL_MIB;
	}
}
