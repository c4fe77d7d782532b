/*
 * searcher_int.h - matches one expression with one line, within limits of steps, memory and time.
 *
 * The owner of a searcher gives it line after line, and asks one expression after the other about
 * a line. One thread at a time.
 */
#ifndef SLUICE_SCAN_SEARCHER_INT_H
#define SLUICE_SCAN_SEARCHER_INT_H

#include "pattern_int.h"

#include "sluice/match/matcher.h"

/* Lines of at most so many bytes are nearly all, and take no look at the clock. */
#define SL_SEARCHER_SHORT 4096u

/* The time that one line may take, and has taken. */
struct sl_search_budget {
	uint64_t begun_ns; /* 0: not looked yet */
	uint64_t spent_ns; /* before */
	bool is_quick;     /* nothing but one slice */
	bool took_long;    /* it was more than one slice */
};

/* In its owner's memory, and stays where it is; fields are the module's but for the clock. */
struct sl_searcher {
	pcre2_match_data *found; /* NULL, as the next two, if the pattern has no expression */
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint32_t limit;    /* that the context has */
	size_t last_begin; /* likewise */
	uint64_t (*clock_ns)(void *clock);
	void *clock;

	/* Of a search that callouts watch: NULL if it needs none, or is not one. */
	struct sl_search_budget *watched;
	size_t calls, calls_a_look;

	bool is_utf8, is_utf8_known; /* of the line */
};

/* For the expressions of a pattern. Returns 0 or -ENOMEM, then there is nothing to release. */
int sl_searcher_init(struct sl_searcher *searcher, const struct sl_pattern *pattern) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_searcher_release(struct sl_searcher *searcher);

/* As sl_matcher_share_stack. */
void sl_searcher_share_stack(struct sl_searcher *searcher, const struct sl_searcher *owner);

/* Another line follows. */
void sl_searcher_begin_line(struct sl_searcher *searcher);

/* By its clock. */
uint64_t sl_searcher_now(const struct sl_searcher *searcher);

/* Time that the line has taken. */
uint64_t sl_searcher_spent(
	const struct sl_searcher *searcher, const struct sl_search_budget *budget);

/* Does the expression match the line? If the line goes on: YES if it matches whatever follows, else
 * UNDECIDED. */
enum sl_verdict sl_searcher_confirm(struct sl_searcher *searcher,
	const struct sl_pattern_check *check, const struct sl_subject *line,
	struct sl_search_budget *budget);

/* The leftmost match that starts at `from` or later; what stands before is seen by lookbehind. With
 * \K in a lookahead, its end may be before its begin. */
enum sl_verdict sl_searcher_find(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line, size_t from, struct sl_search_budget *budget,
	struct sl_match_range *range);

/*
 * One attempt on a whole line of at most SL_SEARCHER_SHORT bytes, by an expression of bytes; the
 * caller calls begin_short once for any number of expressions. Returns the code of PCRE2: after a
 * limit, sl_searcher_confirm decides.
 */
void sl_searcher_begin_short(struct sl_searcher *searcher);
int sl_searcher_match_short(struct sl_searcher *searcher, const struct sl_pattern_check *check,
	const struct sl_subject *line);

/* The same of the joined code of a pattern. */
int sl_searcher_match_joined(
	struct sl_searcher *searcher, const pcre2_code *joined, const struct sl_subject *line);

#endif
