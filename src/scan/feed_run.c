#include "feed_int.h"

#include "sluice/scan/steps.h"

/* Scanning at most so many bytes for literals takes less time than waking a worker. */
#define INLINE_LEN (64u * 1024u)
/* The same with the fastest filter, which takes some 0.04 ms for as many: the bytes are in the
 * cache of this CPU, and in none of another. */
#define INLINE_LEN_PAIRS SL_PARTIAL_KEEP

int
feed_give_line(const struct sl_feed *feed, const struct sl_partial_line *line)
{
	bool is_wanted = !line->is_context || feed->sequence;
	bool wants = feed->feeds->setup.wants_lines && is_wanted;
	int code = wants ? feed->setup.line(feed->setup.ctx, line) : 0;
	return SL_MIN(code, 0);
}

bool
feed_is_quick(const struct sl_feeds *feeds, size_t len)
{
	const struct sl_match_plan *plan = feeds->spec.text.plan;
	bool is_fast = plan->filter == SL_MATCH_PAIRS && !feeds->setup.period;
	size_t most = is_fast ? INLINE_LEN_PAIRS : INLINE_LEN;
	return len <= most && !plan->next && !plan->is_prefilter;
}

struct sl_block_steps
feed_steps(const struct sl_feeds *feeds, const struct feed_slot *slot, const unsigned char *data,
	size_t len)
{
	if (slot->marks)
		memset(slot->marks, 0, SL_MATCH_MARK_WORDS(len) * sizeof(*slot->marks));
	return (struct sl_block_steps){ .kernel = sl_pattern_kernel(feeds->setup.pattern),
		.plan = feeds->spec.text.plan,
		.matcher = slot->matcher,
		.data = data,
		.len = len,
		.marks = slot->marks,
		.inverts = feeds->spec.inverts,
		.period = feeds->setup.period,
		.within = slot->within,
		.clock_ns = sl_steps_clock_ns,
		.clock = sl_rt_engine(sl_rt_current()) };
}
