/*
 * pattern.h - what the user looks for, and whether a line has it.
 *
 * Literals, however many, and regular expressions that are only literals or a choice of them, go to
 * the kernels of match.h. Everything else is matched by PCRE2 (JIT where the system allows it),
 * bytes not UTF-8, line by line: a regular expression never sees a newline, and '\r' before it is
 * data, as in grep. A pattern is constant once made and may be shared by threads; each thread needs
 * a matcher of its own.
 *
 * Nothing is skipped silently: a line on which PCRE2 reaches a limit, or that is longer than
 * SL_PATTERN_LINE_MAX and does not match in its first SL_PATTERN_LINE_MAX bytes alone, is
 * undecided.
 */
#ifndef SLUICE_SCAN_PATTERN_H
#define SLUICE_SCAN_PATTERN_H

#include "sluice/base/error.h"
#include "sluice/scan/match.h"

#define SL_PATTERN_LINE_MAX (1024u * 1024u) /* bytes of a line that a regular expression sees */
#define SL_PATTERN_MATCH_LIMIT 1000000u     /* steps of PCRE2 on one line: some ten milliseconds */
#define SL_PATTERN_HEAP_LIMIT_KIB (8u * 1024u) /* of PCRE2's interpreter, where there is no JIT */
#define SL_PATTERN_JIT_STACK \
	(1024u * 1024u) /* per matcher; grows from 32 KiB when a line needs it */

struct sl_pattern;
struct sl_matcher;

struct sl_pattern_spec {
	const struct sl_span *texts; /* none: the default, lines that contain ERROR or error */
	size_t count;
	bool fixed; /* literals, as grep -F; a newline divides a text into several, as in grep */
	bool ignore_case; /* ASCII letters */
};

/*
 * Compile. The texts need not stay. Returns 0; SL_E_USAGE with `err` naming pattern, place and
 * reason; -ENOMEM.
 * `*out` is the caller's to free.
 */
int sl_pattern_new(struct sl_pattern **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err) SL_MUST_CHECK;

/* No matcher of it may be left. NULL is fine. */
void sl_pattern_free(struct sl_pattern *pattern);

/* The plan for the kernels, or NULL: then lines are matched one by one, by PCRE2. */
const struct sl_match_plan *sl_pattern_plan(const struct sl_pattern *pattern);

const struct sl_match_kernel *sl_pattern_kernel(const struct sl_pattern *pattern);

/* True if regular expressions run as machine code, or there are none. */
bool sl_pattern_is_fast(const struct sl_pattern *pattern);

/* Returns 0 or -ENOMEM. One thread at a time may use a matcher. */
int sl_matcher_new(struct sl_matcher **out, const struct sl_pattern *pattern) SL_MUST_CHECK;

/* NULL is fine. */
void sl_matcher_free(struct sl_matcher *matcher);

/*
 * A whole line without its newline, of any length; of a line longer than SL_PATTERN_LINE_MAX only
 * the first bytes are looked at unless the pattern has a plan. Returns 1 if it matches, 0 if not,
 * SL_E_UNDECIDED if a limit was reached.
 */
int sl_matcher_line(struct sl_matcher *matcher, const unsigned char *line, size_t len);

/*
 * Only the first `len` bytes (at least SL_PATTERN_LINE_MAX) of a longer line. Returns 1 if it
 * matches whatever follows, else SL_E_UNDECIDED. For patterns without a plan.
 */
int sl_matcher_line_begin(struct sl_matcher *matcher, const unsigned char *line, size_t len);

/*
 * The leftmost match in a line that begins at `from` or later, the first pattern's if several begin
 * there: true and
 * [*begin, *end). A match may be empty. Bytes before `from` are seen by lookbehind. If the line
 * `goes_on` behind `len`, only what is a match whatever follows, as in sl_matcher_line_begin.
 */
bool sl_matcher_find(struct sl_matcher *matcher, const unsigned char *line, size_t len,
	bool goes_on, size_t from, size_t *begin, size_t *end);

/* What a regular expression found in a block. The first and last partial lines are left to the
 * caller. */
struct sl_matcher_counts {
	uint64_t newlines;
	uint64_t hits;      /* closed lines that match */
	uint64_t undecided; /* closed lines */
	size_t head_len;    /* bytes up to and with the first newline; all if there is none */
	size_t tail_off;    /* where the bytes after the last newline begin; 0 if there is none */
};

/* All closed lines of a block. `marks` as in match.h, or NULL. For patterns without a plan. */
void sl_matcher_scan(struct sl_matcher *matcher, const unsigned char *data, size_t len,
	uint64_t *marks, struct sl_matcher_counts *counts);

#endif
