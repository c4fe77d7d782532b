/*
 * scan_memory.c - what a scan needs of its memory (division.h), and what decoders need of theirs.
 */
#include "scan_int.h"

#include "sluice/rt/offload.h"

/* Of marks for so many bytes. */
static size_t
mark_bytes(const struct sl_scan_setup *setup, size_t len)
{
	return len / 8 * (setup->period ? 2 : 1);
}

/* Lines of records are copied until one of them matches. */
static bool
holds_records(const struct scan *scan)
{
	bool needs_text = sl_scan_wants_lines(scan) || sl_scan_wants_each(scan);
	return scan->setup->records && needs_text;
}

struct sl_scan_needs
sl_scan_needs(const struct scan *scan)
{
	const struct sl_scan_setup *setup = scan->setup;
	return (struct sl_scan_needs){ .max_memory = setup->max_memory,
		.taken = sl_pattern_memory(setup->pattern) + setup->caller_memory,
		.workers = sl_worker_count(),
		.chunk = setup->chunk,
		.queue = setup->queue,
		.has_expressions = sl_pattern_has_expressions(setup->pattern),
		.has_kinds = setup->kinds != NULL,
		.has_timeline = setup->timeline != NULL,
		.has_marks = scan->by_line || scan->has_partials,
		.has_period = setup->period != NULL,
		.tally_part = setup->tally ? sl_tally_part_memory(setup->tally) : 0,
		.tally_counter = setup->tally ? sl_tally_counter_memory(setup->tally) : 0,
		.keeps_bytes = scan->by_line,
		.has_context = sl_scan_wants_context(scan) || setup->records,
		.has_before = setup->before > 0 || holds_records(scan) };
}

uint64_t
sl_scan_decode_memory(const struct scan *scan, enum sl_form form, size_t step_size)
{
	return sl_decoding_memory(form) + SL_DECODING_SIZE + SL_SCAN_DECODE_IN +
	       (scan->steps ? step_size + mark_bytes(scan->setup, step_size) : 0) +
	       (scan->setup->kinds ? scan->memo_size : 0);
}

static bool
decodes_alone(const struct scan *scan, const struct scan_job *job, enum sl_form form, bool is_small)
{
	bool is_only = scan->setup->count == 1 && !job->input->is_found;
	bool is_file = job->input->kind == SL_INPUT_FILE;
	return sl_decoding_has_window(form) && (is_only || (is_small && is_file));
}

bool
sl_scan_decodes_alone(const struct scan *scan, const struct scan_job *job, enum sl_form form)
{
	return decodes_alone(scan, job, form, scan->decodes_alone);
}

uint64_t
sl_scan_memory_to_decode(
	const struct scan *scan, const struct scan_job *job, enum sl_form form, uint64_t window)
{
	struct sl_scan_needs needs = sl_scan_needs(scan);
	if (window > SL_SCAN_WINDOW_MAX)
		return 0;
	/* Not monotonous: with more memory, steps may be larger. */
	for (;;) {
		struct sl_scan_division division = sl_scan_divide(&needs);
		uint64_t needed = sl_scan_decode_memory(scan, form, division.step) + window;
		bool is_alone = decodes_alone(scan, job, form, division.decodes_alone);
		if (needed <= (is_alone ? division.decode_alone : division.decode_share))
			return needs.max_memory;
		needs.max_memory += SL_MIB;
		needs.max_memory -= needs.max_memory % SL_MIB;
	}
}
