/*
 * pattern.h - what the user looks for: literals that are found in whole blocks, and what confirms a
 * line that they make a candidate.
 *
 * A pattern is a predicate of lines: joined plans (match_plan.h) and checks. Literals, however
 * many, and regular expressions that match a few literals and nothing else, decide: a line that
 * holds one matches. Everything else is a check, which a candidate line is confirmed by. Of a
 * literal that is too long for the kernels the first bytes make a line a candidate, and the check
 * compares all of it. Other checks are expressions, matched by PCRE2 (JIT where the system allows
 * it). The literals that an expression needs (pattern_literals.h) make a line a candidate; every
 * line is one if there is an expression for which none are known.
 *
 * A match may have to be a whole word or the whole line: then no literal decides, they only make
 * lines candidates, and all of them together are one check (lexicon.h). Expressions are compiled
 * with what has to surround them. A pattern that inverts selects the lines that do not match. That
 * is applied to what was found (block.h), never to candidates; a line that is undecided is not
 * selected either way.
 *
 * Instead of texts, a pattern can be a level: lines whose own level (logline/level.h) is that or a
 * worse one match. Every line is a candidate then, and those without a level are counted.
 *
 * An expression in ASCII means bytes; one that names characters beyond ASCII, \p or \X means the
 * characters of UTF-8, and bytes that are not UTF-8 match nothing of it. A pattern is constant once
 * made and may be shared by threads; each thread needs a matcher of its own.
 *
 * Of a line is matched what comes before its newline or CRLF, and in an input's first line what
 * comes after a byte order mark: sl_subject_of() cuts it out.
 *
 * Nothing is skipped silently: a line on which PCRE2 reaches a limit is undecided. Limits are steps
 * of one attempt (SL_PATTERN_MATCH_LIMIT), memory, and CPU time of the whole line
 * (SL_PATTERN_LINE_NS): steps alone do not see what an attempt costs on a long line, nor how many
 * attempts there are. Of a candidate longer than SL_PATTERN_LINE_MAX only the first bytes are
 * checked: it is undecided unless it matches there, whatever follows. A line that a literal decides
 * never is, however long.
 */
#ifndef SLUICE_SCAN_PATTERN_H
#define SLUICE_SCAN_PATTERN_H

#include "sluice/base/error.h"
#include "sluice/logline/level.h"
#include "sluice/scan/lexicon.h"
#include "sluice/scan/match.h"

#define SL_PATTERN_LINE_MAX (1024u * 1024u)    /* bytes of a line that checks see */
#define SL_PATTERN_MATCH_LIMIT 1000000u        /* steps of PCRE2 at one position of a line */
#define SL_PATTERN_HEAP_LIMIT_KIB (8u * 1024u) /* of PCRE2's interpreter, where there is no JIT */
#define SL_PATTERN_JIT_STACK (1024u * 1024u)   /* per matcher; grows from 32 KiB when needed */

/* CPU time for one line: some hundred times what a linear search of the longest takes. Locating the
 * matches of a line may take as long again. */
#define SL_PATTERN_LINE_NS 1000000000ull

struct sl_pattern;
struct sl_matcher;

struct sl_pattern_spec {
	const struct sl_span *texts; /* none: the default, lines that contain ERROR or error */
	size_t count;
	bool has_no_default; /* no text: no line matches */
	bool fixed; /* literals, as grep -F; a newline divides a text into several, as in grep */
	bool ignore_case; /* ASCII letters; all letters of patterns with characters beyond ASCII */
	enum sl_bounds bounds; /* what has to surround a match */
	bool inverts;          /* the lines that do not match are selected */
	struct sl_span sample; /* text like that which will be searched, or empty: makes the search
				  for many literals quicker, and changes no result */
	enum sl_level level;   /* if not NONE: instead of texts and all above but `inverts` */
	uint64_t memory_max;   /* bytes that compiling, and the result, may take; 0: no limit */
};

/*
 * Compile. The texts need not stay. Returns 0; SL_E_USAGE with `err` naming pattern, offset and
 * reason, also for an expression that cannot match without a newline; SL_E_LIMIT beyond memory_max;
 * -ENOMEM.
 * `*out` is the caller's to free.
 */
int sl_pattern_new(struct sl_pattern **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err) SL_MUST_CHECK;

/* No matcher of it may be left. NULL is fine. */
void sl_pattern_free(struct sl_pattern *pattern);

/* The plans for the kernels; at least one. */
const struct sl_match_plan *sl_pattern_plan(const struct sl_pattern *pattern);

/* Memory that it takes, in bytes. */
uint64_t sl_pattern_memory(const struct sl_pattern *pattern);

/* True if there are prefilters: candidates have to be confirmed, by a matcher and with their
 * text. */
bool sl_pattern_confirms(const struct sl_pattern *pattern);

/* True if the lines that do not match are selected. */
bool sl_pattern_inverts(const struct sl_pattern *pattern);

/* True if PCRE2 confirms: each matcher has a stack for it, of up to SL_PATTERN_JIT_STACK. */
bool sl_pattern_has_expressions(const struct sl_pattern *pattern);

const struct sl_match_kernel *sl_pattern_kernel(const struct sl_pattern *pattern);

/* Returns 0 or -ENOMEM. One thread at a time may use a matcher. */
int sl_matcher_new(struct sl_matcher **out, const struct sl_pattern *pattern) SL_MUST_CHECK;

/* NULL is fine. */
void sl_matcher_free(struct sl_matcher *matcher);

/* Lines without a level that were confirmed since the last call; 0 if the pattern is not a
 * level. */
uint64_t sl_matcher_take_unlevelled(struct sl_matcher *matcher);

/* Use the stack of another matcher of any pattern, which stays longer and is used by the same
 * thread at a time: a stack may grow to SL_PATTERN_JIT_STACK. */
void sl_matcher_share_stack(struct sl_matcher *matcher, const struct sl_matcher *owner);

/* Take the time from `cpu_ns` instead of the thread's CPU clock: for tests, which count with it. */
void sl_matcher_set_clock(struct sl_matcher *matcher, uint64_t (*cpu_ns)(void));

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

/* A match, [begin, end) in the subject; may be empty. */
struct sl_match_range {
	size_t begin, end;
};

/*
 * The leftmost match that begins at `from` or later, the first pattern's if several begin there.
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
