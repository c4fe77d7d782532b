/*
 * match_avx2.c - the pass of match.c in vectors of 32 bytes. Four vectors are tested with one
 * branch; newlines are summed in bytes for 63 such groups. Built with -mavx2; called if the
 * CPU has it.
 */
#include "match_int.h"

#if defined(__AVX2__)

#include <immintrin.h>

#define VECTOR 32u
#define GROUP (4 * VECTOR) /* bytes between two tests for candidates */

/* Each byte of the accumulator grows by at most 4 a group: 63 groups fit 255. */
#define GROUPS_A_SUM 63u

/* So many in the bytes of one sum: one a KiB. */
#define FALSE_ALARMS 8u

#define INLINE static inline __attribute__((always_inline))

INLINE __m256i
load(const unsigned char *at)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

INLINE __m256i
broadcast(unsigned char byte)
{
	return _mm256_set1_epi8((char)byte);
}

/* 0xff where a newline stands: subtracting it counts. */
INLINE __m256i
newlines_at(const unsigned char *at)
{
	return _mm256_cmpeq_epi8(load(at), broadcast('\n'));
}

INLINE __m256i
group_newlines(const unsigned char *at)
{
	__m256i a = _mm256_add_epi8(newlines_at(at), newlines_at(at + VECTOR));
	__m256i b = _mm256_add_epi8(newlines_at(at + 2 * VECTOR), newlines_at(at + 3 * VECTOR));
	return _mm256_add_epi8(a, b);
}

INLINE uint64_t
sum_bytes(__m256i v)
{
	__m256i four = _mm256_sad_epu8(v, _mm256_setzero_si256());
	__m128i two =
		_mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
	return (uint64_t)_mm_cvtsi128_si64(two) + (uint64_t)_mm_extract_epi64(two, 1);
}

static uint64_t
newlines(const unsigned char *data, size_t len)
{
	uint64_t count = 0;
	size_t i = 0;
	while (len - i >= GROUP) {
		size_t groups = SL_MIN((len - i) / GROUP, GROUPS_A_SUM);
		__m256i sum = _mm256_setzero_si256();
		for (; groups; groups--, i += GROUP)
			sum = _mm256_sub_epi8(sum, group_newlines(data + i));
		count += sum_bytes(sum);
	}
	return count + sl_match_scalar_newlines(data + i, len - i);
}

static uint64_t
mark_newlines(const unsigned char *data, size_t len, uint64_t *marks)
{
	uint64_t count = 0;
	size_t i = 0;
	for (; len - i >= 2 * VECTOR; i += 2 * VECTOR) {
		uint32_t low = (uint32_t)_mm256_movemask_epi8(newlines_at(data + i));
		uint32_t high = (uint32_t)_mm256_movemask_epi8(newlines_at(data + i + VECTOR));
		uint64_t found = low | (uint64_t)high << 32;
		marks[i / 64] |= found;
		count += (uint64_t)__builtin_popcountll(found);
	}
	return count + sl_match_scalar_mark_newlines(data + i, len - i, marks + i / 64);
}

/* The candidates of a group, not zero where one may begin; most often all zero. */
struct candidates {
	__m256i a, b, c, d;
};

INLINE bool
has_none(struct candidates found)
{
	__m256i ab = _mm256_or_si256(found.a, found.b), cd = _mm256_or_si256(found.c, found.d);
	__m256i any = _mm256_or_si256(ab, cd);
	return _mm256_testz_si256(any, any);
}

INLINE uint64_t
mask_of(__m256i low, __m256i high)
{
	__m256i zero = _mm256_setzero_si256();
	uint32_t not_low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, zero));
	uint32_t not_high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, zero));
	return ~(not_low | (uint64_t)not_high << 32);
}

/* Masks go by value: a pointer to the vectors would make the hot loop store them. */
static SL_NOINLINE bool
verify(struct sl_match_pass *pass, const unsigned char *at, uint64_t low, uint64_t high)
{
	return sl_match_pass_mask(pass, at, low) && sl_match_pass_mask(pass, at + 2 * VECTOR, high);
}

/* The constants of either filter, in registers as far as they go round. */
struct filter {
	size_t reach; /* bytes of a candidate that are looked at behind its first */
	size_t off[SL_MATCH_OFFSETS];
	__m256i byte[SL_MATCH_OFFSETS], fold[SL_MATCH_OFFSETS];
	__m256i low[SL_MATCH_CLASSES], high[SL_MATCH_CLASSES];
};

enum kind {
	PAIRS,
	PAIRS_FOLDED,
	THREES,
	THREES_FOLDED,
	NIBBLES_1,
	NIBBLES_2,
	NIBBLES_3,
	NIBBLES_ASCII
};

INLINE __m256i
byte_at(const struct filter *filter, const unsigned char *at, unsigned index, bool folds)
{
	__m256i v = load(at + filter->off[index]);
	v = folds ? _mm256_or_si256(v, filter->fold[index]) : v;
	return _mm256_cmpeq_epi8(v, filter->byte[index]);
}

INLINE __m256i
bytes_at(const struct filter *filter, const unsigned char *at, bool three, bool folds)
{
	__m256i keep = byte_at(filter, at, 0, folds);
	keep = _mm256_and_si256(keep, byte_at(filter, at, 1, folds));
	return three ? _mm256_and_si256(keep, byte_at(filter, at, 2, folds)) : keep;
}

/*
 * Buckets whose literals may have the byte at `pos`. A shuffle gives zero for an index with its
 * top bit set, so that where all literals are ASCII the low half needs no masking: bytes that are
 * not drop out.
 */
INLINE __m256i
nibbles_at(const struct filter *filter, const unsigned char *at, unsigned pos, bool ascii)
{
	__m256i v = load(at + pos), low4 = broadcast(0x0f);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), low4);
	__m256i low = ascii ? v : _mm256_and_si256(v, low4);
	__m256i by_low = _mm256_shuffle_epi8(filter->low[pos], low);
	return _mm256_and_si256(by_low, _mm256_shuffle_epi8(filter->high[pos], high));
}

INLINE __m256i
test(const struct filter *filter, const unsigned char *at, enum kind kind)
{
	if (kind == PAIRS || kind == PAIRS_FOLDED)
		return bytes_at(filter, at, false, kind == PAIRS_FOLDED);
	if (kind == THREES || kind == THREES_FOLDED)
		return bytes_at(filter, at, true, kind == THREES_FOLDED);
	bool ascii = kind == NIBBLES_ASCII;
	__m256i keep = nibbles_at(filter, at, 0, ascii);
	if (kind != NIBBLES_1)
		keep = _mm256_and_si256(keep, nibbles_at(filter, at, 1, ascii));
	if (kind == NIBBLES_3 || kind == NIBBLES_ASCII)
		keep = _mm256_and_si256(keep, nibbles_at(filter, at, 2, ascii));
	return keep;
}

/*
 * The hot loop over the next groups. `kind` is constant, so that each case is compiled by itself.
 * NULL if the pass is over.
 */
INLINE const unsigned char *
scan_some(struct sl_match_pass *pass, const struct filter *filter, const unsigned char *at,
	size_t groups, enum kind kind)
{
	__m256i sum = _mm256_setzero_si256();
	bool more = true;
	for (; groups && more; groups--, at += GROUP) {
		sum = _mm256_sub_epi8(sum, group_newlines(at));
		struct candidates found = { test(filter, at, kind), test(filter, at + VECTOR, kind),
			test(filter, at + 2 * VECTOR, kind), test(filter, at + 3 * VECTOR, kind) };
		if (__builtin_expect(!has_none(found), 0)) {
			if (pass->hits)
				sl_match_pass_count(
					pass, at + GROUP, pass->counts->newlines + sum_bytes(sum));
			more = verify(
				pass, at, mask_of(found.a, found.b), mask_of(found.c, found.d));
		}
	}
	pass->counts->newlines += sum_bytes(sum);
	return more ? at : NULL;
}

/*
 * Returns where the rest begins. A pair that stands in many other words costs a mispredicted branch
 * each time: then the loop that looks at a third byte, slower by a quarter, is the faster one.
 */
INLINE const unsigned char *
scan_groups(
	struct sl_match_pass *pass, const struct filter *filter, enum kind kind, enum kind careful)
{
	const unsigned char *at = pass->data;
	while (at && (size_t)(pass->end - at) >= GROUP + filter->reach) {
		size_t groups =
			SL_MIN(((size_t)(pass->end - at) - filter->reach) / GROUP, GROUPS_A_SUM);
		if (careful != kind && pass->false_alarms >= FALSE_ALARMS) {
			at = scan_some(pass, filter, at, groups, careful);
			continue;
		}
		pass->false_alarms = 0;
		at = scan_some(pass, filter, at, groups, kind);
	}
	return at ? at : pass->end;
}

static const unsigned char *
scan_pairs(struct sl_match_pass *pass)
{
	const struct sl_match_plan *plan = pass->plan;
	struct filter filter = { 0 };
	bool folds = false;
	for (unsigned i = 0; i < SL_MATCH_OFFSETS; i++) {
		filter.off[i] = plan->pair_off[i];
		filter.byte[i] = broadcast(plan->pair_byte[i]);
		filter.fold[i] = broadcast(plan->pair_fold[i]);
		filter.reach = SL_MAX(filter.reach, filter.off[i]);
		folds = folds || plan->pair_fold[i];
	}
	if (!plan->has_third)
		return scan_groups(pass, &filter, PAIRS_FOLDED, PAIRS_FOLDED);
	return folds ? scan_groups(pass, &filter, PAIRS_FOLDED, THREES_FOLDED)
		     : scan_groups(pass, &filter, PAIRS, THREES);
}

INLINE __m256i
table(const unsigned char *sixteen)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)sixteen));
}

INLINE uint64_t
bits_of(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
							     << 32;
}

/* 0xff where the byte is not in the class of its place. */
INLINE __m256i
misses_at(const struct filter *filter, const unsigned char *at, unsigned pos)
{
	return _mm256_cmpeq_epi8(nibbles_at(filter, at, pos, true), _mm256_setzero_si256());
}

/* Where the classes match, of 64 places. */
INLINE uint64_t
classes_at(const struct filter *filter, const unsigned char *at, unsigned count)
{
	__m256i low = misses_at(filter, at, 0), high = misses_at(filter, at + VECTOR, 0);
	for (unsigned i = 1; i < count; i++) {
		low = _mm256_or_si256(low, misses_at(filter, at, i));
		high = _mm256_or_si256(high, misses_at(filter, at + VECTOR, i));
	}
	return ~bits_of(low, high);
}

INLINE void
load_classes(struct filter *filter, const struct sl_match_plan *plan)
{
	for (unsigned i = 0; i < plan->classes; i++) {
		filter->low[i] = table(plan->low[i]);
		filter->high[i] = table(plan->high[i]);
	}
}

static void
places(const struct sl_match_plan *plan, const unsigned char *data, size_t len, uint64_t *places)
{
	struct filter filter = { 0 };
	size_t off = 0, need = 2 * VECTOR + plan->classes - 1;
	load_classes(&filter, plan);
	for (; len - off >= need; off += 2 * VECTOR)
		places[off / 64] = classes_at(&filter, data + off, plan->classes);
	sl_match_places_end(plan, data, len, off, places);
}

/* All of it. `count` is constant where it is small, so that each case is compiled by itself. */
INLINE void
scan_classes(struct sl_match_pass *pass, const struct filter *filter, unsigned count)
{
	struct sl_match_runs runs = { .pass = pass };
	size_t off = 0, len = (size_t)(pass->end - pass->data), need = 2 * VECTOR + count - 1;
	for (; len - off >= need; off += 2 * VECTOR) {
		const unsigned char *at = pass->data + off;
		uint64_t newlines = bits_of(newlines_at(at), newlines_at(at + VECTOR));
		sl_match_runs_add(&runs, off, newlines, classes_at(filter, at, count));
	}
	sl_match_runs_end(&runs, off);
}

static void
scan_sequence(struct sl_match_pass *pass)
{
	const struct sl_match_plan *plan = pass->plan;
	struct filter filter = { 0 };
	load_classes(&filter, plan);
	if (plan->classes == 1)
		scan_classes(pass, &filter, 1);
	else if (plan->classes == 2)
		scan_classes(pass, &filter, 2);
	else
		scan_classes(pass, &filter, plan->classes);
}

static const unsigned char *
scan_nibbles(struct sl_match_pass *pass)
{
	const struct sl_match_plan *plan = pass->plan;
	struct filter filter = { .reach = plan->width };
	for (unsigned i = 0; i < plan->width; i++) {
		filter.low[i] = table(plan->low[i]);
		filter.high[i] = table(plan->high[i]);
	}
	if (plan->width == 1)
		return scan_groups(pass, &filter, NIBBLES_1, NIBBLES_1);
	if (plan->width == 2)
		return scan_groups(pass, &filter, NIBBLES_2, NIBBLES_2);
	return plan->ascii ? scan_groups(pass, &filter, NIBBLES_ASCII, NIBBLES_ASCII)
			   : scan_groups(pass, &filter, NIBBLES_3, NIBBLES_3);
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
	else if (plan->filter == SL_MATCH_PAIRS)
		sl_match_pass_rest(&pass, scan_pairs(&pass));
	else
		sl_match_pass_rest(&pass, scan_nibbles(&pass));
}

static const struct sl_match_kernel kernel = { "avx2", SL_CPU_AVX2, scan, newlines, mark_newlines,
	places };

const struct sl_match_kernel *
sl_match_kernel_avx2(void)
{
	return &kernel;
}

#else

const struct sl_match_kernel *
sl_match_kernel_avx2(void)
{
	return NULL;
}

#endif
