/*
 * scan_sorted.c - of a file that is said to be sorted by time, only the part that may have lines of
 * the period is read. Its opener looks for that part (period_search.h) before a reader has it.
 *
 * What is read is checked by the order of its stamps, which results have. A file that is not sorted
 * after all is reported: its lines may have been printed by then, so that it is not read once more.
 */
#include "scan_int.h"

#include "sluice/scan/period_search.h"

/* Smaller files are read faster than they are searched. */
#define SORTED_MIN SL_MIB

static bool
is_searched(const struct scan *scan, const struct scan_job *job)
{
	const struct sl_input *input = job->input;
	return scan->setup->period && scan->setup->period->is_sorted && input->err.code == 0 &&
	       input->kind == SL_INPUT_FILE && input->size >= SORTED_MIN && !input->is_lent &&
	       !job->is_over && !sl_scan_is_decoded(job);
}

int
sl_scan_find_period(struct scan *scan, struct scan_job *job, unsigned char *buffer)
{
	struct sl_input *input = job->input;
	struct sl_period_search search;
	uint64_t off, size = input->size;
	size_t len;
	if (!is_searched(scan, job))
		return 0;
	sl_period_search_init(&search, scan->setup->period, size, scan->setup->numbers);
	while (sl_period_search_next(&search, &off, &len)) {
		int got = sl_input_look(input, off, buffer, len);
		if (got < 0)
			return got;
		scan->progress->search_bytes += (uint64_t)got;
		sl_period_search_add(&search, buffer, (size_t)got);
	}
	sl_input_narrow(input, search.begin, search.end);
	job->skipped = size - (search.end - search.begin);
	scan->progress->size_opened -= job->skipped;
	return 0;
}
