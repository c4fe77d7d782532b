/*
 * match_int.h - what the kernels share: the state of one pass, and what happens at a candidate.
 */
#ifndef SLUICE_SCAN_MATCH_INT_H
#define SLUICE_SCAN_MATCH_INT_H

#include "sluice/base/cpu.h"
#include "sluice/match/match_pass.h"

#define SL_MATCH_HEAD sizeof(uint64_t) /* bytes of a literal that are compared at once */
#define SL_MATCH_FOLD 0x20u            /* the bit in which ASCII letters differ by case */

static inline unsigned char
sl_match_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | SL_MATCH_FOLD) : c;
}

static inline bool
sl_match_is_letter(unsigned char c)
{
	return sl_match_lower(c) >= 'a' && sl_match_lower(c) <= 'z';
}

/* The byte may stand at this place, in both cases if that is ignored. */
static inline void
sl_match_classes_add(
	struct sl_match_classes *classes, unsigned pos, unsigned char c, bool ignore_case)
{
	unsigned char bit = (unsigned char)(1u << pos);
	classes->members[c] |= bit;
	if (ignore_case && sl_match_is_letter(c))
		classes->members[c ^ SL_MATCH_FOLD] |= bit;
}

/* Eight bytes at a time: a byte of `word ^ newlines` is zero where a newline stands. */
static inline uint64_t
sl_match_count_newlines(const unsigned char *data, size_t len)
{
	const uint64_t ones = 0x0101010101010101ull, low7 = 0x7f7f7f7f7f7f7f7full;
	uint64_t count = 0;
	size_t i = 0;
	for (; len - i >= 8; i += 8) {
		uint64_t word;
		memcpy(&word, data + i, 8);
		word ^= ones * '\n';
		/* The top bit of each byte that is not zero; no carry crosses a byte. */
		uint64_t other = ((word & low7) + low7) | word;
		count += (((~other & ~low7) >> 7) * ones) >> 56; /* their sum */
	}
	for (; i < len; i++)
		count += data[i] == '\n';
	return count;
}

/* How rare a byte is in logs, whatever its case: higher is rarer. */
unsigned sl_match_rarity(unsigned char c);

/* About which part of the bytes of logs it is: good enough to compare literals. */
double sl_match_frequency(unsigned char c);

/* One pass over one block. `skip` moves ahead of the candidates: what lies before it belongs to a
 * counted line. */
struct sl_match_pass {
	const struct sl_match_plan *plan;
	const unsigned char *data, *end;
	const unsigned char *skip;
	const unsigned char *first_newline;  /* NULL until the first hit; end if there is none */
	const unsigned char *other_case_end; /* end of the last line counted in other_case */
	uint64_t *marks;
	struct sl_match_hits *hits;
	const unsigned char *counted; /* behind the candidate, if hits are wanted */
	uint64_t newlines;            /* before that */
	struct sl_match_counts *counts;
	size_t false_alarms; /* candidates at which no literal can begin */
};

/* The pass knows how many newlines come before a candidate. */
static inline bool
sl_match_counts_on(const struct sl_match_plan *plan)
{
	return plan->filter == SL_MATCH_PAIRS ||
	       (plan->filter == SL_MATCH_NIBBLES && !plan->classes);
}

static inline void
sl_match_pass_begin(struct sl_match_pass *pass, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len, uint64_t *marks, struct sl_match_hits *hits,
	struct sl_match_counts *counts)
{
	*counts = (struct sl_match_counts){ 0 };
	if (hits) {
		hits->count = 0;
		hits->is_complete = marks && len <= UINT32_MAX && sl_match_counts_on(plan);
	}
	*pass = (struct sl_match_pass){ .plan = plan,
		.data = data,
		.end = data + len,
		.skip = data,
		.other_case_end = data,
		.marks = marks,
		.hits = hits && hits->is_complete ? hits : NULL,
		.counts = counts };
}

/* Before candidates: `newlines` of the block come before `counted`. */
static inline void
sl_match_pass_count(struct sl_match_pass *pass, const unsigned char *counted, uint64_t newlines)
{
	pass->counted = counted;
	pass->newlines = newlines;
}

/*
 * A pass for classes, 64 bytes at a time: where a literal begins and where newlines stand are bits
 * of a word. Between two newlines the bits that are no newline are a run of ones. A bit of a
 * literal, added to its run, makes it overflow into the newline behind it, whatever else is added
 * there: so one addition tells which lines hold a literal, however many do. A run that goes on in
 * the next word is carried there.
 */
struct sl_match_runs {
	struct sl_match_pass *pass;
	bool carry, has_newline;
};

static inline void
sl_match_runs_add(struct sl_match_runs *runs, size_t off, uint64_t newlines, uint64_t found)
{
	struct sl_match_counts *counts = runs->pass->counts;
	uint64_t sum;
	bool overflows = __builtin_add_overflow(~newlines, found, &sum);
	bool carries = __builtin_add_overflow(sum, (uint64_t)runs->carry, &sum);
	uint64_t hits = sum & newlines;
	runs->carry = overflows || carries;
	counts->newlines += (uint64_t)__builtin_popcountll(newlines);
	if (!runs->has_newline && newlines) {
		uint64_t first = newlines & ~(newlines - 1);
		runs->has_newline = true;
		counts->head_hit = (hits & first) != 0;
		hits &= ~first;
	}
	counts->hits += (uint64_t)__builtin_popcountll(hits);
	if (hits && runs->pass->marks)
		runs->pass->marks[off / 64] |= hits;
}

/* Do the classes of the plan match here? */
static inline bool
sl_match_classes_are_at(const struct sl_match_plan *plan, const unsigned char *data, size_t len)
{
	bool are_all = plan->classes <= len;
	for (unsigned i = 0; i < plan->classes && are_all; i++)
		are_all = plan->members[data[i]] >> i & 1;
	return are_all;
}

/* The places from `off` on, a multiple of 64, for a kernel's `places`. */
void sl_match_places_end(const struct sl_match_plan *plan, const unsigned char *data, size_t len,
	size_t off, uint64_t *places);

/* The bytes from `off` on, fewer than 64 and as many as there are classes. */
void sl_match_runs_end(struct sl_match_runs *runs, size_t off);

/*
 * A candidate that lies at `at`: compare it, and count its line once. False if the line is the
 * block's last and has no newline: then neither newlines nor other lines follow, and the pass is
 * over.
 */
bool sl_match_pass_candidate(struct sl_match_pass *pass, const unsigned char *at);

/* The rest of the block from `at`, a byte at a time: where fewer bytes are left than a vector looks
 * at. */
void sl_match_pass_rest(struct sl_match_pass *pass, const unsigned char *at);

/* The pass for the filters that have no loop in a kernel: NONE, EVERY and GRAMS. False for others,
 * and nothing is done. */
bool sl_match_pass_scalar(struct sl_match_pass *pass, const struct sl_match_kernel *kernel);

uint64_t sl_match_scalar_newlines(const unsigned char *data, size_t len);
uint64_t sl_match_scalar_mark_newlines(const unsigned char *data, size_t len, uint64_t *marks);

/* The kernel of each instruction set, or NULL where the compiler's target has it not. */
const struct sl_match_kernel *sl_match_kernel_scalar(void);
const struct sl_match_kernel *sl_match_kernel_avx2(void);
const struct sl_match_kernel *sl_match_kernel_avx512(void);
const struct sl_match_kernel *sl_match_kernel_neon(void);

/* All candidates of a mask whose bit 0 stands for `base`. False as from sl_match_pass_candidate. */
static inline bool
sl_match_pass_mask(struct sl_match_pass *pass, const unsigned char *base, uint64_t mask)
{
	for (; mask; mask &= mask - 1) {
		const unsigned char *at = base + __builtin_ctzll(mask);
		if (at < pass->skip) {
			mask &= pass->skip - base < 64 ? ~0ull << (pass->skip - base) : 0;
			if (!mask)
				return true;
			at = base + __builtin_ctzll(mask);
		}
		/* Most candidates end here: the pair stands in another word. */
		if (!pass->plan->starts[*at])
			pass->false_alarms++;
		else if (!sl_match_pass_candidate(pass, at))
			return false;
	}
	return true;
}

#endif
