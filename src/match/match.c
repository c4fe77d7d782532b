/*
 * match.c - how blocks are searched for literals, and which kernel does it.
 *
 * One pass counts the newlines of a block and finds its matching lines, since a second look at the
 * bytes would cost as much as the first. Of each vector of bytes (32 with AVX2, 64 with AVX-512, 16
 * with NEON, 1 in the scalar kernel):
 *
 *     newlines += bytes that are '\n'
 *     candidates = positions that pass the plan's filter       (almost always none: one branch for
 *                                                              four vectors, or one of AVX-512)
 *     for each candidate at or behind `skip`:                  (sl_match_pass_mask)
 *         does a literal begin with this byte?                 (plan->starts; else a false alarm)
 *         is one here?                                         (8 bytes as a word, then the rest)
 *         then the line matches: mark its newline,             (sl_match_pass_candidate)
 *         and skip = behind it
 *
 * Filters, chosen when the plan is compiled (match_plans.c, match_plan.c):
 *   PAIRS    All literals agree, case aside, on two bytes at fixed offsets: both are compared, each
 *            with the vector at its offset. The two rarest bytes are taken. This is the packed pair
 *            of the memchr crate (Andrew Gallant), after Wojciech Mula, "SIMD-friendly algorithms
 *            for substring searching"; ERROR and error share a pair by a fold of the case bit.
 *   third    A pair that is in many other words costs a mispredicted branch each time. After more
 *            than one false alarm in a KiB the AVX2 kernel compares a third offset too, for the
 *            next 8 KiB, a quarter slower. AVX-512 does without: there, comparing it always made
 *            none of seven words in logs quicker, and some 15 % slower. NEON lacks it.
 *   NIBBLES  Some 16 literals, at most 64, in eight buckets; for the first one to three bytes, a
 *            table from each half of the byte to the buckets whose literals allow it, looked up by
 *            a byte shuffle; what keeps a bit is a candidate. This is Teddy of Hyperscan (Geoffrey
 *            Langdale), as the aho-corasick crate describes it. Where all literals are ASCII the
 *            low half needs no mask, since a shuffle gives zero for bytes from 0x80 on (AVX2 only).
 *   classes  A sequence of classes of ASCII, such as a digit, or = and a digit, where most lines
 *            hold one: a table for each place tells exactly, and one addition finds the lines,
 *            however many they are (struct sl_match_runs; x86 only, others look at each candidate
 *            for the first class). Literals that are all a sequence matches are one; of an
 *            expression it may match any number of them.
 *   GRAMS    More of them: every few bytes of the text, some four to eight bytes are looked up in
 *            tables (match_grams.c). The same code for all instruction sets, but that x86 leaves
 *            out places by classes where every byte would be looked up.
 *
 * Departures from those:
 *  1. Newlines are counted in the same loop, in bytes that are summed before they overflow (AVX2,
 *     NEON), or by a population count of the compare mask (AVX-512).
 *  2. Lines are the result, not occurrences: the rest of a line that matches is skipped.
 *  3. Literals are sorted before they are put into buckets, so that those of a bucket begin alike
 *     and the tables stay sharp: 64 random words in 300 MB of logs took 0.30 s of CPU time unsorted
 *     and 0.15 s sorted. Their order in the user's list is kept as a rank.
 *  4. Joined plans scan the same 16 KiB in turn (block.c).
 *  5. Where every line is a candidate, the pass is a bitmap of all newlines (mark_newlines).
 *
 * Measured in cache, one thread of an AMD EPYC: a pair 39 to 50 GB/s, nibbles about 22; newlines
 * alone 129 (AVX2) and 84 (AVX-512). Tried and rejected: passing the candidate vectors to the
 * verifier by pointer (the hot loop then stores them each time); the masks go by value.
 *
 * Files: match_plans.c divides literals into plans, match_plan.c and match_grams_build.c compile
 * them, match_pass.c is what happens at a candidate, match_ISA.c are the
 * loops. Only this file refers to all of them.
 */
#include "sluice/match/match.h"

#include "match_int.h"

const struct sl_match_kernel *
sl_match_nth(size_t index)
{
	const struct sl_match_kernel *kernels[] = { sl_match_kernel_avx512(),
		sl_match_kernel_avx2(), sl_match_kernel_neon(), sl_match_kernel_scalar() };
	for (size_t i = 0; i < SL_COUNT_OF(kernels); i++) {
		if (kernels[i] && index-- == 0)
			return kernels[i];
	}
	return NULL;
}

const struct sl_match_kernel *
sl_match_choose(unsigned features)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if ((kernel->features & features) == kernel->features)
			return kernel;
	}
	return sl_match_kernel_scalar();
}

const struct sl_match_kernel *
sl_match_by_name(const char *name, unsigned features)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if (strcmp(kernel->name, name) == 0)
			return (kernel->features & features) == kernel->features ? kernel : NULL;
	}
	return NULL;
}
