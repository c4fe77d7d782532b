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
 * made and may be shared by threads; each thread needs a matcher of its own (matcher.h).
 *
 * Nothing is skipped silently: a line on which PCRE2 reaches a limit is undecided. Limits are steps
 * of one attempt (SL_PATTERN_MATCH_LIMIT), memory, and CPU time of the whole line
 * (SL_PATTERN_LINE_NS): steps alone do not see what an attempt costs on a long line, nor how many
 * attempts there are. Of a candidate longer than SL_PATTERN_LINE_MAX only the first bytes are
 * checked: it is undecided unless it matches there, whatever follows. A line that a literal decides
 * never is, however long.
 */
#ifndef SLUICE_MATCH_PATTERN_H
#define SLUICE_MATCH_PATTERN_H

#include "sluice/base/error.h"
#include "sluice/logline/level.h"
#include "sluice/match/lexicon.h"
#include "sluice/match/match.h"

#define SL_PATTERN_LINE_MAX (1024u * 1024u)    /* bytes of a line that checks see */
#define SL_PATTERN_MATCH_LIMIT 1000000u        /* steps of PCRE2 at one position of a line */
#define SL_PATTERN_HEAP_LIMIT_KIB (8u * 1024u) /* of PCRE2's interpreter, where there is no JIT */
#define SL_PATTERN_JIT_STACK (1024u * 1024u)   /* per matcher; grows from 32 KiB when needed */

/* CPU time for one line: some hundred times what a linear search of the longest takes. Locating the
 * matches of a line may take as long again. */
#define SL_PATTERN_LINE_NS 1000000000ull

struct sl_pattern;

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

#endif
