#include "sluice/scan/summary.h"

const char *
sl_scan_state_name(enum sl_scan_state state)
{
	static const char *const names[SL_SCAN_STATES] = { "ok", "limited", "binary", "undecided",
		"unsupported", "truncated", "unreadable" };
	return names[state];
}

bool
sl_scan_state_is_trouble(enum sl_scan_state state)
{
	return state >= SL_SCAN_UNDECIDED;
}

void
sl_scan_summary_add(struct sl_scan_summary *summary, const struct sl_scan_result *result)
{
	summary->inputs++;
	summary->inputs_in[result->state]++;
	summary->inputs_with_hits += result->hits > 0;
	summary->bytes += result->bytes;
	summary->lines += result->lines;
	summary->hits += result->hits;
	summary->undecided += result->undecided;
	summary->other_case += result->other_case;
}

uint64_t
sl_scan_summary_troubles(const struct sl_scan_summary *summary)
{
	uint64_t troubles = 0;
	for (unsigned state = 0; state < SL_SCAN_STATES; state++) {
		if (sl_scan_state_is_trouble((enum sl_scan_state)state))
			troubles += summary->inputs_in[state];
	}
	return troubles;
}
