/*
 * pattern_int.h - what compiling (pattern.c, pattern_checks.c), reading (pattern_syntax.c) and
 * matching (searcher.c, matcher.c) share.
 */
#ifndef SLUICE_SCAN_PATTERN_INT_H
#define SLUICE_SCAN_PATTERN_INT_H

#include "sluice/match/match_plans.h"
#include "sluice/match/pattern.h"
#include "sluice/match/pattern_parts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Properties of a regular expression that are found in its text, without compiling it. */
struct sl_pattern_syntax {
	const char *word_end; /* \< \> \` or \' outside a class: ends of words and texts in grep */
	const char *newline;  /* what only a line break matches, and without which an alternative
				 of the whole cannot match; NULL if there is none */
	bool others_match;    /* another alternative can */
	bool has_anchor_g;    /* \G: where the search begins decides */
	bool moves_search;    /* (*SKIP), (*COMMIT): where one place fails decides about others */
	bool has_option;      /* (*NOTEMPTY): only pcre2_match() heeds it */
	bool needs_utf;       /* means characters, not bytes */

	/* Whether text behind a cut can change what matched before it (searcher.c). */
	bool has_lookahead; /* past the end of a match: lookaheads, atomic groups, a++ */
	/* $ \z \Z \b \B behind all that is taken: the end of the text matters to a match that
	 * reaches it. */
	bool depends_on_end;
};

/* Never fails: for a text that is not a valid expression the result is arbitrary, and compiling it
 * fails. */
void sl_pattern_read_syntax(struct sl_span text, struct sl_pattern_syntax *syntax);

/* A byte that a backslash makes a plain one: punctuation. Escaped letters and digits mean
 * something. */
bool sl_pattern_is_escapable(char c);

/* True if the text is UTF-8 and not just ASCII. */
bool sl_pattern_is_wide(struct sl_span text);

/* The kernels decide about a line by this literal alone. A CR before the newline does not belong to
 * the line, which kernels do not see; nor do they see what surrounds a literal. */
static inline bool
sl_pattern_decides(struct sl_span literal, enum sl_bounds bounds)
{
	bool has_cr = literal.len && literal.data[literal.len - 1] == '\r';
	return literal.len <= SL_MATCH_LITERAL_LEN && !has_cr && bounds == SL_BOUNDS_NONE;
}

/* What confirms a line: its level, a literal that stands in it, or an expression that matches. */
struct sl_pattern_check {
	enum sl_level level;              /* it is that or a worse one; or NONE */
	const struct sl_lexicon *lexicon; /* all literals, if matches have bounds; or NULL */
	struct sl_span literal; /* if `code` and `lexicon` are NULL; in the pattern's memory */
	pcre2_code *code; /* of bytes, or of lines that are valid UTF-8; machine code if allowed */
	pcre2_code *any;  /* of lines that are not valid UTF-8, interpreted; NULL: of bytes */
	bool has_jit;     /* `code` is machine code, which may be called without pcre2_match() */
	bool has_anchor_g, moves_search, has_lookahead, depends_on_end;
	bool is_joined; /* the pattern's joined code has it */
	uint32_t rank;  /* in the user's order, with that of the plans' literals */
};

struct sl_pattern {
	const struct sl_match_kernel *kernel;
	/* Joined: those that decide, then the prefilters. Of the first, `placed_count` also tell
	 * where a line matches. */
	struct sl_match_plans plans;
	size_t placed_count, deciding_count;
	/* A candidate matches if any of them is true. Behind them those that only tell where a line
	 * matches that a plan has decided. */
	struct sl_pattern_check *checks;
	size_t check_count, placing_count;
	pcre2_code *joined;     /* machine code for several checks at once; or NULL */
	uint64_t checks_memory; /* of their codes, in bytes */
	bool selects; /* the ranks of prefilters are indexes of checks: only those whose literals
			 stand in a line need to confirm it */
	struct sl_buf bytes;       /* with the checks' literals */
	struct sl_lexicon lexicon; /* of the check that has one, which is the first */
	enum sl_level level;       /* of the only check; or NONE */
	bool inverts;
	bool has_expressions; /* a check has a code */
	bool has_jit;         /* one of them is machine code */
};

/* Plans and checks, in this order, that tell where a line matches. */
static inline size_t
sl_pattern_places(const struct sl_pattern *pattern)
{
	return pattern->placed_count + pattern->check_count + pattern->placing_count;
}

/* pattern_checks.c: compile what has to confirm candidates; also verify the expressions that do
 * not. Returns 0, or fails with SL_E_USAGE, SL_E_LIMIT or -ENOMEM. */
int sl_pattern_make_checks(struct sl_pattern *pattern, const struct sl_pattern_parts *parts,
	const struct sl_pattern_spec *spec, struct sl_error *err) SL_MUST_CHECK;

/* pattern_join.c: make one code for the checks from `first` on, which are those of the expressions,
 * as far as they can be joined. Without memory there is none. */
void sl_pattern_join(struct sl_pattern *pattern, const struct sl_pattern_list *expressions,
	size_t first, uint32_t options, pcre2_compile_context *context);

/* Returns SL_E_LIMIT: the patterns take more. */
int sl_pattern_fail_memory(uint64_t memory_max, struct sl_error *err);

#endif
