/*
 * match.h - counts the newlines of a block and finds the lines that hold one of a few literals, in
 * one pass.
 *
 * A plan is the compiled form of up to SL_MATCH_LITERALS literals, and plans of more are joined; it
 * is constant once made, and any number of threads may use it. A kernel is the pass itself for one
 * instruction set; all kernels give the same answers. Pure: no I/O, no allocation; no byte outside
 * [data, data + len) is read.
 *
 * A line is what ends with '\n' or with the input; a carriage return or NUL is a byte like any
 * other. Literals hold no newline, so that an occurrence always lies in one line.
 */
#ifndef SLUICE_SCAN_MATCH_H
#define SLUICE_SCAN_MATCH_H

#include "sluice/base/bytes.h"

#define SL_MATCH_LITERALS 64     /* one bit each in a word */
#define SL_MATCH_LITERAL_LEN 128 /* of one literal; longer ones go to the regex engine */

#define SL_MATCH_PAIR 2    /* bytes of a candidate that the pair filter compares */
#define SL_MATCH_OFFSETS 3 /* the same with the third byte, used if the pair is often wrong */
#define SL_MATCH_WIDTH 3   /* leading bytes that the nibble filter compares, at most */

/* Which filter finds candidates; each candidate is then compared with the literals. */
enum sl_match_filter {
	SL_MATCH_NONE,   /* no literals: nothing matches, newlines are counted */
	SL_MATCH_EVERY,  /* an empty literal: every line matches */
	SL_MATCH_PAIRS,  /* all literals agree, case aside, on two bytes at fixed offsets */
	SL_MATCH_NIBBLES /* tables of the low and high halves of the leading bytes (Teddy) */
};

/* In its owner's memory; fields are the module's. */
struct sl_match_plan {
	enum sl_match_filter filter;
	bool ignore_case;
	bool counts_other_case; /* sl_match_plan_count_other_case() */
	unsigned count;
	unsigned shortest, longest;       /* literal, in bytes */
	unsigned reach;                   /* the longest literal of all joined plans */
	const struct sl_match_plan *next; /* joined to this one; NULL = none */
	unsigned width;                   /* bytes the nibble filter uses */
	bool ascii;                       /* those bytes are below 0x80 in all literals */

	/* A candidate at p has (p[pair_off[i]] | pair_fold[i]) == pair_byte[i] for all i; the first
	 * two are the rarest. */
	unsigned char pair_off[SL_MATCH_OFFSETS], pair_fold[SL_MATCH_OFFSETS],
		pair_byte[SL_MATCH_OFFSETS];
	bool has_third; /* else the third is the second again */

	/* A candidate at p has a bit that low[i][p[i] & 15] & high[i][p[i] >> 4] keep for all i <
	 * width. */
	unsigned char low[SL_MATCH_WIDTH][16], high[SL_MATCH_WIDTH][16];

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
 * allow, or one holds a newline: then *plan is undefined and the caller takes the regex engine.
 */
int sl_match_plan_init(struct sl_match_plan *plan, const struct sl_span *literals, size_t count,
	bool ignore_case) SL_MUST_CHECK;

/*
 * Make one plan of `count` (at least 1) consecutive ones: plans[0] then stands for all, and they
 * must stay where they are. A kernel looks at one plan alone; sl_block_scan and the functions below
 * at all. The filters are sharpest where the literals of a plan are neighbours in sorted order.
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

/* True if every line matches: a literal of a joined plan is empty. */
bool sl_match_is_every(const struct sl_match_plan *plan);

/* What one pass over a block finds. A line is closed if it begins after and ends with a newline of
 * the block. */
struct sl_match_counts {
	uint64_t newlines;
	uint64_t hits; /* closed lines that match */
	bool head_hit; /* a literal lies before the first newline, or anywhere if there is none */
	bool tail_hit; /* a literal lies after the last newline, or anywhere if there is none */

	/* The same of literals in another case, if the plan counts them. A closed line that also
	 * matches is not among `other_case`; the two others may be true where a literal lies
	 * too. */
	uint64_t other_case;
	bool head_other_case, tail_other_case;
};

/* Words of a bitmap that has one bit for each byte of a block. */
#define SL_MATCH_MARK_WORDS(len) (((len) + 63) / 64)

/*
 * `marks` is NULL, or a bitmap of SL_MATCH_MARK_WORDS(len) zero words, in which the bit of the
 * newline that ends each closed matching line is set. With SL_MATCH_EVERY, head_hit is true if the
 * block has a byte, and tail_hit if there are bytes after the last newline.
 */
typedef void sl_match_scan_fn(const struct sl_match_plan *plan, const unsigned char *data,
	size_t len, uint64_t *marks, struct sl_match_counts *counts);

struct sl_match_kernel {
	const char *name;  /* "avx512", "avx2", "neon", "scalar" */
	unsigned features; /* set of enum sl_cpu_feature that it needs */
	sl_match_scan_fn *scan;
	uint64_t (*newlines)(const unsigned char *data, size_t len);
};

/* The fastest kernel that a CPU with these features (sl_cpu_features()) can run. Never
 * NULL. */
const struct sl_match_kernel *sl_match_choose(unsigned features);

/* A kernel by its name, for tests and measurements; NULL if it is not built in or needs more than
 * `features`. */
const struct sl_match_kernel *sl_match_by_name(const char *name, unsigned features);

/* The kernels built in, fastest first; NULL past the last. */
const struct sl_match_kernel *sl_match_nth(size_t index);

/*
 * The leftmost occurrence in [from, len), the first literal in the user's order if several begin
 * there: [*begin, *end). False if there is none. A byte at a time: for single lines, not for
 * blocks. Each of joined plans is searched up to its first occurrence: to find all, ask one by
 * one, and keep what lies ahead.
 */
bool sl_match_find(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	size_t from, size_t *begin, size_t *end);

/* Of this plan alone; *rank is the place of the literal in the user's order. */
bool sl_match_find_one(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	size_t from, size_t *begin, size_t *end, uint32_t *rank);

/* True if a literal begins before `cut` and ends after it. For the few bytes on both sides of a
 * cut. */
bool sl_match_spans(
	const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut);

/* The same for a literal in any case, if the plan counts those. */
bool sl_match_spans_other_case(
	const struct sl_match_plan *plan, const unsigned char *data, size_t len, size_t cut);

#endif
