/*
 * match_avx512.c - the pass of match.c in vectors of 64 bytes: compares give mask registers, so
 * that newlines are counted by population count and candidates need no further step. Without the
 * third offset and the case of ASCII that AVX2 has. Built with -mavx512bw; called if the CPU
 * has it.
 */
#include "match_int.h"

#if defined(__AVX512BW__)

#include <immintrin.h>

#define VECTOR 64u

#define INLINE static inline __attribute__((always_inline))

INLINE __m512i
load(const unsigned char *at)
{
	return _mm512_loadu_si512((const void *)at);
}

INLINE __m512i
broadcast(unsigned char byte)
{
	return _mm512_set1_epi8((char)byte);
}

/* A compare gives a mask register here, so that a population count is the shortest way to count. */
INLINE uint64_t
newlines_at(const unsigned char *at)
{
	return (uint64_t)__builtin_popcountll(_mm512_cmpeq_epi8_mask(load(at), broadcast('\n')));
}

static uint64_t
mark_newlines(const unsigned char *data, size_t len, uint64_t *marks)
{
	uint64_t count = 0;
	size_t i = 0;
	for (; len - i >= VECTOR; i += VECTOR) {
		uint64_t found = _mm512_cmpeq_epi8_mask(load(data + i), broadcast('\n'));
		marks[i / 64] |= found;
		count += (uint64_t)__builtin_popcountll(found);
	}
	return count + sl_match_scalar_mark_newlines(data + i, len - i, marks + i / 64);
}

static uint64_t
newlines(const unsigned char *data, size_t len)
{
	uint64_t count = 0;
	size_t i = 0;
	for (; len - i >= VECTOR; i += VECTOR)
		count += newlines_at(data + i);
	__mmask64 rest = (1ull << (len - i)) - 1; /* bytes that are not read cannot fault */
	__m512i last = _mm512_maskz_loadu_epi8(rest, data + i);
	uint64_t found = _mm512_mask_cmpeq_epi8_mask(rest, last, broadcast('\n'));
	return count + (uint64_t)__builtin_popcountll(found);
}

/* `folds` is constant, so that each case is compiled by itself. */
INLINE const unsigned char *
scan_pairs(struct sl_match_pass *pass, bool folds)
{
	const struct sl_match_plan *plan = pass->plan;
	size_t off0 = plan->pair_off[0], off1 = plan->pair_off[1];
	__m512i byte0 = broadcast(plan->pair_byte[0]), byte1 = broadcast(plan->pair_byte[1]);
	__m512i fold0 = broadcast(plan->pair_fold[0]), fold1 = broadcast(plan->pair_fold[1]);
	const unsigned char *at = pass->data;
	uint64_t count = 0;
	for (; (size_t)(pass->end - at) >= VECTOR + off1; at += VECTOR) {
		count += newlines_at(at);
		__m512i v0 = load(at + off0), v1 = load(at + off1);
		if (folds) {
			v0 = _mm512_or_si512(v0, fold0);
			v1 = _mm512_or_si512(v1, fold1);
		}
		uint64_t mask =
			_mm512_cmpeq_epi8_mask(v0, byte0) & _mm512_cmpeq_epi8_mask(v1, byte1);
		if (__builtin_expect(mask != 0, 0)) {
			sl_match_pass_count(pass, at + VECTOR, count);
			if (sl_match_pass_mask(pass, at, mask))
				continue;
			at = pass->end;
			break;
		}
	}
	pass->counts->newlines += count;
	return at;
}

INLINE __m512i
table(const unsigned char *sixteen)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)sixteen));
}

INLINE const unsigned char *
scan_nibbles(struct sl_match_pass *pass, unsigned width)
{
	__m512i low[SL_MATCH_WIDTH], high[SL_MATCH_WIDTH], low4 = broadcast(0x0f);
	for (unsigned i = 0; i < width; i++) {
		low[i] = table(pass->plan->low[i]);
		high[i] = table(pass->plan->high[i]);
	}
	const unsigned char *at = pass->data;
	uint64_t count = 0;
	for (; (size_t)(pass->end - at) >= VECTOR + width; at += VECTOR) {
		count += newlines_at(at);
		__m512i keep = broadcast(0xff);
		for (unsigned i = 0; i < width; i++) {
			__m512i v = load(at + i);
			__m512i upper = _mm512_and_si512(_mm512_srli_epi16(v, 4), low4);
			keep = _mm512_and_si512(
				keep, _mm512_shuffle_epi8(low[i], _mm512_and_si512(v, low4)));
			keep = _mm512_and_si512(keep, _mm512_shuffle_epi8(high[i], upper));
		}
		uint64_t mask = _mm512_test_epi8_mask(keep, keep);
		if (__builtin_expect(mask != 0, 0)) {
			sl_match_pass_count(pass, at + VECTOR, count);
			if (sl_match_pass_mask(pass, at, mask))
				continue;
			at = pass->end;
			break;
		}
	}
	pass->counts->newlines += count;
	return at;
}

struct classes {
	__m512i low[SL_MATCH_CLASSES], high[SL_MATCH_CLASSES];
};

INLINE void
load_classes(struct classes *classes, const struct sl_match_plan *plan, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		classes->low[i] = table(plan->low[i]);
		classes->high[i] = table(plan->high[i]);
	}
}

/* A shuffle gives zero for bytes beyond ASCII, which are in no class. */
INLINE uint64_t
classes_at(const struct classes *classes, const unsigned char *at, unsigned count)
{
	__m512i low4 = broadcast(0x0f);
	uint64_t found = UINT64_MAX;
	for (unsigned i = 0; i < count; i++) {
		__m512i v = load(at + i);
		__m512i upper = _mm512_and_si512(_mm512_srli_epi16(v, 4), low4);
		found &= _mm512_test_epi8_mask(_mm512_shuffle_epi8(classes->low[i], v),
			_mm512_shuffle_epi8(classes->high[i], upper));
	}
	return found;
}

static void
places(const struct sl_match_plan *plan, const unsigned char *data, size_t len, uint64_t *places)
{
	struct classes classes;
	unsigned count = plan->classes;
	size_t off = 0, need = VECTOR + count - 1;
	load_classes(&classes, plan, count);
	for (; len - off >= need; off += VECTOR)
		places[off / 64] = classes_at(&classes, data + off, count);
	sl_match_places_end(plan, data, len, off, places);
}

/* All of it. `count` is constant where it is small, so that each case is compiled by itself. */
INLINE void
scan_classes(struct sl_match_pass *pass, unsigned count)
{
	struct classes classes;
	load_classes(&classes, pass->plan, count);
	struct sl_match_runs runs = { .pass = pass };
	size_t off = 0, len = (size_t)(pass->end - pass->data), need = VECTOR + count - 1;
	for (; len - off >= need; off += VECTOR) {
		const unsigned char *at = pass->data + off;
		uint64_t newlines = _mm512_cmpeq_epi8_mask(load(at), broadcast('\n'));
		sl_match_runs_add(&runs, off, newlines, classes_at(&classes, at, count));
	}
	sl_match_runs_end(&runs, off);
}

static void
scan_sequence(struct sl_match_pass *pass)
{
	unsigned count = pass->plan->classes;
	if (count == 1)
		scan_classes(pass, 1);
	else if (count == 2)
		scan_classes(pass, 2);
	else
		scan_classes(pass, count);
}

static const unsigned char *
scan_vectors(struct sl_match_pass *pass)
{
	const struct sl_match_plan *plan = pass->plan;
	if (plan->filter == SL_MATCH_PAIRS)
		return plan->pair_fold[0] | plan->pair_fold[1] ? scan_pairs(pass, true)
							       : scan_pairs(pass, false);
	if (plan->width == 1)
		return scan_nibbles(pass, 1);
	return plan->width == 2 ? scan_nibbles(pass, 2) : scan_nibbles(pass, 3);
}

static const struct sl_match_kernel kernel;

static void
scan(const struct sl_match_plan *plan, const unsigned char *data, size_t len, uint64_t *marks,
	struct sl_match_hits *hits, struct sl_match_counts *counts)
{
	struct sl_match_pass pass;
	sl_match_pass_begin(&pass, plan, data, len, marks, hits, counts);
	if (sl_match_pass_scalar(&pass, &kernel))
		return;
	if (plan->classes)
		scan_sequence(&pass);
	else
		sl_match_pass_rest(&pass, scan_vectors(&pass));
}

static const struct sl_match_kernel kernel = { "avx512", SL_CPU_AVX512BW, scan, newlines,
	mark_newlines, places };

const struct sl_match_kernel *
sl_match_kernel_avx512(void)
{
	return &kernel;
}

#else

const struct sl_match_kernel *
sl_match_kernel_avx512(void)
{
	return NULL;
}

#endif
