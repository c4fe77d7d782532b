#include "sluice/scan/division.h"

#include "sluice/digest/kinds.h"
#include "sluice/scan/history.h"
#include "sluice/match/pattern.h"

#define CONSUMERS_A_WORKER 2u /* so that a worker has its next piece when it finishes one */
#define CONSUMERS_MAX 128u
#define CHUNK_ALIGN 4096u
#define CHUNK_MIN (64u * 1024u)
#define CHUNKS_MIN 4u
/* Copied and scanned at a time: fits a CPU's cache. 64 KiB took 10 % longer, 512 KiB as long. */
#define STEP_MAX (256 * SL_KIB)
#define STEP_MIN (16 * SL_KIB)
/* Timelines of pieces: most have few intervals. */
#define TIMELINES_SIZE SL_MIB
/* stacks, channels, inputs, the ring, kept lines, small files */
#define MEMORY_ELSEWHERE (3 * SL_MIB + SL_SCAN_OPENERS * SL_SCAN_SMALLS_SIZE)
/* Of what steps leave: for chunks, for the front's decoder, and for those of all others. */
#define SHARES 3u
/* A window of 8 MiB, which xz -6 and zstd -19 have, and what else such a decoder needs. */
#define USUAL_DECODER (10 * SL_MIB)
/* With less for a decoder than that: steps and chunks have so much of the memory. */
#define SMALL_STEPS 5u
#define SMALL_CHUNKS 6u

static uint64_t
less(uint64_t memory, uint64_t part)
{
	return memory > part ? memory - part : 0;
}

/* What a consumer has besides its step: it may allocate a JIT stack, it has a memo, and what it
 * scans has a digest. */
static uint64_t
consumer_memory(const struct sl_scan_needs *needs)
{
	uint64_t memory = 0;
	if (needs->has_expressions)
		memory += SL_PATTERN_JIT_STACK;
	if (needs->has_kinds)
		memory += SL_MEMO_BYTES_MIN + SL_KINDS_BYTES_MIN;
	return memory + needs->tally_counter;
}

/* Memos of so many consumers, of openers and one more take a sixteenth of the memory, if they get
 * their least. */
static size_t
size_memo(const struct sl_scan_needs *needs, uint64_t consumers)
{
	uint64_t each = needs->max_memory / 16 / (consumers + SL_SCAN_OPENERS + 1);
	return (size_t)SL_MAX(SL_MIN(each, SL_MEMO_BYTES_MAX), SL_MEMO_BYTES_MIN);
}

/* What they have takes a quarter of the rest at most. */
static unsigned
count_consumers(const struct sl_scan_needs *needs)
{
	uint64_t wanted = SL_MIN((uint64_t)needs->workers * CONSUMERS_A_WORKER, CONSUMERS_MAX);
	uint64_t each = consumer_memory(needs);
	uint64_t most = each ? less(needs->max_memory, MEMORY_ELSEWHERE) / 4 / each : wanted;
	return (unsigned)SL_MAX(SL_MIN(wanted, most), 1u);
}

/* Lines before a match wait in memory: a sixteenth of it, but at least one long line. */
static uint64_t
before_bytes(const struct sl_scan_needs *needs)
{
	uint64_t least = sl_history_cost(SL_PARTIAL_KEEP), most = needs->max_memory / 16;
	return needs->has_before ? SL_MAX(most, least) : 0;
}

/* Of everything but steps, decoders and chunks. */
static uint64_t
fixed_memory(const struct sl_scan_needs *needs, const struct sl_scan_division *division)
{
	uint64_t memory = MEMORY_ELSEWHERE + needs->taken;
	if (needs->has_timeline)
		memory += TIMELINES_SIZE;
	if (needs->has_kinds) /* the caller has as much for the digest of all */
		memory += 2 * division->kinds +
			  (uint64_t)(division->consumers + SL_SCAN_OPENERS + 1) * division->memo;
	if (needs->has_expressions)
		memory += (uint64_t)division->consumers * SL_PATTERN_JIT_STACK;
	memory += (uint64_t)(division->consumers + SL_SCAN_OPENERS + 1) * needs->tally_counter;
	memory += (uint64_t)SL_SCAN_OPENERS * SL_SCAN_BATCH * needs->tally_part;
	/* Of one input at a time: history.h needs twice the bytes of its lines, and of a line that
	 * does not match more is kept. */
	if (needs->has_context)
		memory += 2 * (division->before + SL_PARTIAL_KEEP);
	return memory;
}

/* Steps that take `most` together. Returns what they take. */
static uint64_t
size_steps(const struct sl_scan_needs *needs, struct sl_scan_division *division, uint64_t most)
{
	division->step = STEP_MAX;
	while (division->step > STEP_MIN && division->step * division->consumers > most)
		division->step /= 2;
	return needs->keeps_bytes ? 0 : (uint64_t)division->step * division->consumers;
}

static uint64_t
chunk_memory(const struct sl_scan_needs *needs, size_t chunk)
{
	unsigned times = needs->has_period ? 2 : 1;
	return chunk + (needs->has_marks ? chunk / 8 * times : 0) + needs->tally_part * times;
}

static void
size_chunks(const struct sl_scan_needs *needs, struct sl_scan_division *division, uint64_t memory)
{
	size_t chunk = needs->chunk;
	while (chunk / 2 >= CHUNK_MIN && CHUNKS_MIN * chunk_memory(needs, chunk) > memory)
		chunk = chunk / 2 / CHUNK_ALIGN * CHUNK_ALIGN;
	division->chunk = chunk;
	uint64_t count = SL_MAX(memory / chunk_memory(needs, chunk), 2u);
	uint64_t used = (uint64_t)SL_SCAN_READERS + needs->queue + division->consumers;
	division->chunks = (size_t)SL_MIN(count, used);
}

struct sl_scan_division
sl_scan_divide(const struct sl_scan_needs *needs)
{
	struct sl_scan_division division = { .consumers = count_consumers(needs),
		.before = before_bytes(needs),
		.kinds = needs->has_kinds ? needs->max_memory / 8 : 0 };
	division.memo = size_memo(needs, division.consumers);
	uint64_t rest = less(needs->max_memory, fixed_memory(needs, &division));
	uint64_t left = less(rest, size_steps(needs, &division, rest / 2));
	uint64_t chunks = left / SHARES;
	division.decodes_alone = left / SHARES < USUAL_DECODER;
	if (division.decodes_alone) {
		left = less(rest, size_steps(needs, &division, rest / SMALL_STEPS));
		chunks = SL_MAX(left / SMALL_CHUNKS, CHUNKS_MIN * chunk_memory(needs, CHUNK_MIN));
	}
	size_chunks(needs, &division, chunks);
	division.decode_alone = less(left, chunks);
	division.decode_share = division.decode_alone / 2;
	return division;
}

uint64_t
sl_scan_division_sum(const struct sl_scan_needs *needs, const struct sl_scan_division *division)
{
	uint64_t steps = needs->keeps_bytes ? 0 : (uint64_t)division->step * division->consumers;
	return fixed_memory(needs, division) + steps + division->decode_alone +
	       division->chunks * chunk_memory(needs, division->chunk);
}
