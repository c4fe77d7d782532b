/*
 * matcher.h - asks the checks of a pattern about single lines: does a candidate match, and where.
 *
 * Of a line is matched what comes before its newline or CRLF, and in an input's first line what
 * comes after a byte order mark: sl_subject_of() cuts it out. Limits are those of pattern.h. Pure.
 */
#ifndef SLUICE_MATCH_MATCHER_H
#define SLUICE_MATCH_MATCHER_H

#include "sluice/match/pattern.h"

struct sl_matcher;

/* Returns 0 or -ENOMEM. One thread at a time may use a matcher. */
int sl_matcher_new(struct sl_matcher **out, const struct sl_pattern *pattern) SL_MUST_CHECK;

/* NULL is fine. */
void sl_matcher_free(struct sl_matcher *matcher);

/* Lines without a level that were confirmed since the last call; 0 if the pattern is not a
 * level. */
uint64_t sl_matcher_take_unlevelled(struct sl_matcher *matcher);

/* Use the clock of another matcher of any pattern, and its stack, which stays longer and is used by
 * the same thread at a time: a stack may grow to SL_PATTERN_JIT_STACK. */
void sl_matcher_share_stack(struct sl_matcher *matcher, const struct sl_matcher *owner);

/* Take the time from clock_ns(clock) instead of the thread's CPU clock: where time is simulated,
 * and for tests, which count with it. */
void sl_matcher_set_clock(struct sl_matcher *matcher, uint64_t (*clock_ns)(void *), void *clock);

/* Bytes that were looked through for literals to locate matches, in all: what that costs. */
uint64_t sl_matcher_searched(const struct sl_matcher *matcher);

enum sl_verdict {
	SL_VERDICT_NO,
	SL_VERDICT_YES,
	SL_VERDICT_UNDECIDED /* a limit was reached, or the end of the line is not known */
};

/* What of a line is searched. */
struct sl_subject {
	const unsigned char *text;
	size_t len;
	bool goes_on; /* the line does, behind `len`: only what matches whatever follows counts */
};

/*
 * Of the line text[0, len), which is what is known of it: without a CR at its end if a newline
 * follows there (`is_closed`), and without a byte order mark if it `is_first`. `goes_on` if the end
 * is not known.
 */
static inline struct sl_subject
sl_subject_of(const unsigned char *text, size_t len, bool is_first, bool is_closed, bool goes_on)
{
	if (is_closed && !goes_on && len && text[len - 1] == '\r')
		len--;
	size_t mark = is_first && len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	return (struct sl_subject){ text + mark, len - mark, goes_on };
}

/*
 * Does a candidate match, by one of the checks? At most SL_PATTERN_LINE_MAX bytes are looked at,
 * and of a longer line, or one that goes on, it is only YES or UNDECIDED. Literals that decide are
 * not looked for. *took_long is set if that has taken some milliseconds or more; it is not cleared.
 */
enum sl_verdict sl_matcher_confirm(
	struct sl_matcher *matcher, const struct sl_subject *line, bool *took_long);

/* A match, [begin, end) in the subject; may be empty. It was found at `start`, which is `begin`
 * unless \K has moved that. */
struct sl_match_range {
	size_t begin, end, start;
};

/* Where to look for the match after it. */
static inline size_t
sl_match_range_next(const struct sl_match_range *range)
{
	return range->end > range->start ? range->end : range->end + 1;
}

/*
 * The leftmost match that starts at `from` or later, the first pattern's if several start there.
 * Bytes before `from` are seen by lookbehind. If the line goes on, only what is a match whatever
 * follows, with its end. Calls for one line are for offsets that increase from 0: what lies ahead
 * is remembered, so that all matches of a line are found in time linear in its length for literals,
 * and within SL_PATTERN_LINE_NS else. Once the matches that were found are given, UNDECIDED if
 * there may be more: a limit was reached, or text behind a cut would tell.
 *
 * `is_quick`: UNDECIDED already if it would take longer than some milliseconds. The same call
 * without it then goes on.
 */
enum sl_verdict sl_matcher_find(struct sl_matcher *matcher, const struct sl_subject *line,
	size_t from, bool is_quick, struct sl_match_range *range);

#endif
