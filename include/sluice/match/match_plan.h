/*
 * match_plan.h - compiles literals into a plan: the filter that suits them, and its constants.
 *
 * A plan is the compiled form of up to SL_MATCH_LITERALS literals, or of any number of them in
 * tables of their own (match_grams.h). Plans can be joined; which are made of a set, match_plans.h
 * decides. A plan is constant once made, and any number of threads may use it. Pure: no I/O.
 *
 * Literals hold no newline, so that an occurrence always lies in one line.
 *
 * Literals decide about a line that holds one, or, in a plan that is a prefilter, make it a
 * candidate: a line that is still to be confirmed (block.h).
 */
#ifndef SLUICE_MATCH_MATCH_PLAN_H
#define SLUICE_MATCH_MATCH_PLAN_H

#include "sluice/match/match_grams.h"

#define SL_MATCH_LITERALS 64 /* one bit each in a word */
#define SL_MATCH_LITERAL_LEN \
	128 /* of one literal; of longer ones the first bytes are a prefilter */

#define SL_MATCH_PAIR 2    /* bytes of a candidate that the pair filter compares */
#define SL_MATCH_OFFSETS 3 /* the same with the third byte, used if the pair is often wrong */
#define SL_MATCH_WIDTH 3   /* leading bytes that the nibble filter compares, at most */

/* Which filter finds the places where a literal may stand; each is then compared with the
 * literals. */
enum sl_match_filter {
	SL_MATCH_NONE,    /* no literals: nothing matches, newlines are counted */
	SL_MATCH_EVERY,   /* an empty literal: every line matches */
	SL_MATCH_PAIRS,   /* all literals agree, case aside, on two bytes at fixed offsets */
	SL_MATCH_NIBBLES, /* tables of the low and high halves of the leading bytes (Teddy) */
	SL_MATCH_GRAMS    /* a sample of the text's bytes is looked up in tables */
};

/* In its owner's memory; fields are the module's. */
struct sl_match_plan {
	enum sl_match_filter filter;
	bool ignore_case;
	bool is_prefilter;                /* a line with one of its literals is only a candidate */
	bool counts_other_case;           /* sl_match_plan_count_other_case() */
	unsigned count;                   /* of literals; 0 if they are in tables */
	unsigned shortest, longest;       /* literal, in bytes */
	unsigned reach;                   /* the longest literal of all joined plans */
	const struct sl_match_plan *next; /* joined to this one; NULL = none */
	unsigned width;                   /* bytes the nibble filter uses */
	bool ascii;                       /* those bytes are below 0x80 in all literals */
	/* If not 0: the literals are a sequence of so many classes, and all that it matches; or the
	 * grams of a sampled text are among what it matches. The tables below tell for each place
	 * whether a byte is in its class. */
	unsigned classes;
	bool is_sequence;             /* made of classes: its only literal stands for all */
	struct sl_match_grams *grams; /* the tables of filter GRAMS, and their literals */

	/* A candidate at p has (p[pair_off[i]] | pair_fold[i]) == pair_byte[i] for all i; the first
	 * two are the rarest. */
	unsigned char pair_off[SL_MATCH_OFFSETS], pair_fold[SL_MATCH_OFFSETS],
		pair_byte[SL_MATCH_OFFSETS];
	bool has_third; /* else the third is the second again */

	/* A candidate at p has a bit that low[i][p[i] & 15] & high[i][p[i] >> 4] keep for all i <
	 * width. With classes each i keeps bits of its own. */
	unsigned char low[SL_MATCH_CLASSES][16], high[SL_MATCH_CLASSES][16];
	unsigned char members[256]; /* bit i: the byte is in class i */

	uint64_t starts[256]; /* bit i: literal i may begin with this byte */

	/* Literal i stands at p if (word(p) | fold[i]) & mask[i] is head[i], where word(p) is the
	 * first 8 bytes, and the bytes behind them are equal too. */
	uint64_t head[SL_MATCH_LITERALS], mask[SL_MATCH_LITERALS], fold[SL_MATCH_LITERALS];
	uint32_t rank[SL_MATCH_LITERALS]; /* which the user named first: lower */
	unsigned char len[SL_MATCH_LITERALS];
	unsigned char text[SL_MATCH_LITERALS][SL_MATCH_LITERAL_LEN]; /* lower case if ignore_case */
};

/*
 * Compile `count` literals (0 is allowed); their bytes are copied. `ignore_case` folds ASCII
 * letters only. Returns 0, or SL_E_LIMIT if there are more or longer ones than the constants above
 * allow, or one holds a newline: then *plan is undefined.
 */
int sl_match_plan_init(struct sl_match_plan *plan, const struct sl_span *literals, size_t count,
	bool ignore_case) SL_MUST_CHECK;

/* Compile a sequence of classes. Returns 0, or SL_E_LIMIT if there are none or more of them than
 * SL_MATCH_CLASSES, or one has a newline or a byte beyond ASCII. */
int sl_match_plan_init_classes(
	struct sl_match_plan *plan, const struct sl_match_classes *classes) SL_MUST_CHECK;

/*
 * Compile any number (at least 1) of literals of 1 to SL_MATCH_LITERAL_LEN bytes into tables, which
 * look for what is rare in `sample`, if that is not empty. Returns 0, -ENOMEM or SL_E_LIMIT. The
 * plan has memory of its own, to be released.
 */
int sl_match_plan_init_grams(struct sl_match_plan *plan, const struct sl_match_literal *literals,
	size_t count, bool ignore_case, struct sl_span sample) SL_MUST_CHECK;

/* Free the tables, if the plan has any. */
void sl_match_plan_release(struct sl_match_plan *plan);

/*
 * Make one plan of `count` (at least 1) consecutive ones: plans[0] then stands for all, and they
 * must stay where they are. A kernel looks at one plan alone; sl_block_scan and the functions of
 * match_pass.h at all. The filters are sharpest where the literals of a plan are neighbours in
 * sorted order. Prefilters come last.
 */
void sl_match_plans_join(struct sl_match_plan *plans, size_t count);

/* Place in the user's order of the literal that was given as number `index`; else that is its
 * place. */
void sl_match_plan_rank(struct sl_match_plan *plan, size_t index, uint32_t rank);

/*
 * Also count the lines that hold a literal only in another case: "Error" where ERROR and error are
 * looked for. All literals must be the same but for the case of ASCII letters, have at least two
 * bytes, and the plan must not ignore case or be joined. Such occurrences are candidates of the
 * filter anyway, so that counting them costs nothing where there are none.
 */
void sl_match_plan_count_other_case(struct sl_match_plan *plan);

#endif
