#include "sluice/scan/summary.h"

const char *
sl_scan_state_name(enum sl_scan_state state)
{
	static const char *const names[SL_SCAN_STATES] = { "ok", "limited", "binary", "link",
		"special", "undecided", "unsorted", "unsupported", "truncated", "damaged",
		"unreadable" };
	return names[state];
}

bool
sl_scan_state_is_trouble(enum sl_scan_state state)
{
	return state >= SL_SCAN_UNDECIDED;
}

bool
sl_scan_state_is_skipped(enum sl_scan_state state)
{
	return state >= SL_SCAN_BINARY && state < SL_SCAN_UNDECIDED;
}

bool
sl_scan_result_is_unread(const struct sl_scan_result *result)
{
	enum sl_scan_state state = result->state;
	bool has_failed = state == SL_SCAN_UNSUPPORTED || state == SL_SCAN_TRUNCATED ||
			  state == SL_SCAN_DAMAGED || state == SL_SCAN_UNREADABLE;
	return sl_scan_state_is_skipped(state) || (has_failed && result->lines == 0);
}

bool
sl_scan_result_is_skipped(const struct sl_scan_result *result, bool is_found)
{
	bool is_of_a_kind = result->state <= SL_SCAN_UNSUPPORTED;
	return is_found && is_of_a_kind && sl_scan_result_is_unread(result);
}

void
sl_scan_summary_add(struct sl_scan_summary *summary, const struct sl_scan_result *result)
{
	summary->inputs++;
	summary->inputs_in[result->state]++;
	summary->inputs_with_hits += result->hits > 0;
	summary->bytes += result->bytes;
	summary->skipped += result->skipped;
	summary->lines += result->lines;
	summary->hits += result->hits;
	summary->left_out += result->left_out;
	summary->undecided += result->undecided;
	summary->unlevelled += result->unlevelled;
	summary->other_case += result->other_case;
}

void
sl_scan_summary_merge(struct sl_scan_summary *summary, const struct sl_scan_summary *more)
{
	summary->inputs += more->inputs;
	summary->inputs_with_hits += more->inputs_with_hits;
	for (unsigned state = 0; state < SL_SCAN_STATES; state++)
		summary->inputs_in[state] += more->inputs_in[state];
	summary->bytes += more->bytes;
	summary->skipped += more->skipped;
	summary->lines += more->lines;
	summary->hits += more->hits;
	summary->left_out += more->left_out;
	summary->undecided += more->undecided;
	summary->other_case += more->other_case;
}

static uint64_t
count_states(const struct sl_scan_summary *summary, bool (*is_counted)(enum sl_scan_state state))
{
	uint64_t count = 0;
	for (unsigned state = 0; state < SL_SCAN_STATES; state++) {
		if (is_counted((enum sl_scan_state)state))
			count += summary->inputs_in[state];
	}
	return count;
}

uint64_t
sl_scan_summary_troubles(const struct sl_scan_summary *summary)
{
	return count_states(summary, sl_scan_state_is_trouble);
}

uint64_t
sl_scan_summary_skipped(const struct sl_scan_summary *summary)
{
	return count_states(summary, sl_scan_state_is_skipped);
}
