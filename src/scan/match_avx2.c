#include "match_int.h"

#if defined(__AVX2__)

#include <immintrin.h>

#define VECTOR 32u
#define GROUP (4 * VECTOR) /* bytes between two tests for candidates */

/* Each byte of the accumulator grows by at most 4 a group: 63 groups fit 255. */
#define GROUPS_A_SUM 63u

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

INLINE bool
is_zero(__m256i v)
{
	return _mm256_testz_si256(v, v);
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
	return count + match_scalar_newlines(data + i, len - i);
}

/* The four candidate masks of a group, most often all zero. */
struct masks {
	__m256i at[4];
};

INLINE bool
masks_empty(const struct masks *m)
{
	__m256i a = _mm256_or_si256(m->at[0], m->at[1]), b = _mm256_or_si256(m->at[2], m->at[3]);
	return is_zero(_mm256_or_si256(a, b));
}

static SL_NOINLINE bool
masks_verify(struct match_pass *pass, const unsigned char *at, const struct masks *m)
{
	for (unsigned i = 0; i < 4; i += 2) {
		uint64_t low = (uint32_t)_mm256_movemask_epi8(m->at[i]);
		uint64_t high = (uint32_t)_mm256_movemask_epi8(m->at[i + 1]);
		if (!match_pass_mask(pass, at + i * VECTOR, low | high << 32))
			return false;
	}
	return true;
}

struct pair {
	size_t off[2];
	__m256i byte[2], fold[2];
};

INLINE __m256i
pair_half(const struct pair *pair, const unsigned char *at, unsigned half, bool folds)
{
	__m256i v = load(at + pair->off[half]);
	return _mm256_cmpeq_epi8(
		folds ? _mm256_or_si256(v, pair->fold[half]) : v, pair->byte[half]);
}

INLINE __m256i
pair_test(const struct pair *pair, const unsigned char *at, bool folds)
{
	return _mm256_and_si256(pair_half(pair, at, 0, folds), pair_half(pair, at, 1, folds));
}

/* The hot loop for the default patterns. `folds` is constant, so that each case is compiled by
 * itself. */
INLINE const unsigned char *
scan_pairs(struct match_pass *pass, bool folds)
{
	const struct sl_match_plan *plan = pass->plan;
	struct pair pair;
	for (unsigned i = 0; i < 2; i++) {
		pair.off[i] = plan->pair_off[i];
		pair.byte[i] = broadcast(plan->pair_byte[i]);
		pair.fold[i] = broadcast(plan->pair_fold[i]);
	}
	size_t reach = pair.off[1];
	const unsigned char *at = pass->data;
	while ((size_t)(pass->end - at) >= GROUP + reach) {
		size_t groups = SL_MIN(((size_t)(pass->end - at) - reach) / GROUP, GROUPS_A_SUM);
		__m256i sum = _mm256_setzero_si256();
		bool more = true;
		for (; groups && more; groups--, at += GROUP) {
			sum = _mm256_sub_epi8(sum, group_newlines(at));
			struct masks m;
			for (unsigned i = 0; i < 4; i++)
				m.at[i] = pair_test(&pair, at + i * VECTOR, folds);
			if (__builtin_expect(!masks_empty(&m), 0))
				more = masks_verify(pass, at, &m);
		}
		pass->counts->newlines += sum_bytes(sum);
		if (!more)
			return pass->end;
	}
	return at;
}

struct nibbles {
	__m256i low[SL_MATCH_WIDTH], high[SL_MATCH_WIDTH];
};

INLINE __m256i
table(const unsigned char *sixteen)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)sixteen));
}

/* Buckets whose literals may begin at each byte. */
INLINE __m256i
nibbles_test(const struct nibbles *tables, const unsigned char *at, unsigned width)
{
	__m256i keep = broadcast(0xff), low4 = broadcast(0x0f);
	for (unsigned i = 0; i < width; i++) {
		__m256i v = load(at + i);
		__m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), low4);
		__m256i by_low = _mm256_shuffle_epi8(tables->low[i], _mm256_and_si256(v, low4));
		keep = _mm256_and_si256(
			keep, _mm256_and_si256(by_low, _mm256_shuffle_epi8(tables->high[i], high)));
	}
	return keep;
}

/* As scan_pairs; a bucket byte becomes a mask byte only where there are candidates. */
INLINE const unsigned char *
scan_nibbles(struct match_pass *pass, unsigned width)
{
	struct nibbles tables;
	for (unsigned i = 0; i < width; i++) {
		tables.low[i] = table(pass->plan->low[i]);
		tables.high[i] = table(pass->plan->high[i]);
	}
	const unsigned char *at = pass->data;
	while ((size_t)(pass->end - at) >= GROUP + width) {
		size_t groups = SL_MIN(((size_t)(pass->end - at) - width) / GROUP, GROUPS_A_SUM);
		__m256i sum = _mm256_setzero_si256();
		bool more = true;
		for (; groups && more; groups--, at += GROUP) {
			sum = _mm256_sub_epi8(sum, group_newlines(at));
			struct masks m;
			for (unsigned i = 0; i < 4; i++)
				m.at[i] = nibbles_test(&tables, at + i * VECTOR, width);
			if (__builtin_expect(masks_empty(&m), 1))
				continue;
			__m256i zero = _mm256_setzero_si256();
			for (unsigned i = 0; i < 4; i++)
				m.at[i] = _mm256_xor_si256(
					_mm256_cmpeq_epi8(m.at[i], zero), broadcast(0xff));
			more = masks_verify(pass, at, &m);
		}
		pass->counts->newlines += sum_bytes(sum);
		if (!more)
			return pass->end;
	}
	return at;
}

static const unsigned char *
scan_vectors(struct match_pass *pass)
{
	const struct sl_match_plan *plan = pass->plan;
	if (plan->filter == SL_MATCH_PAIRS)
		return plan->pair_fold[0] | plan->pair_fold[1] ? scan_pairs(pass, true)
							       : scan_pairs(pass, false);
	if (plan->width == 1)
		return scan_nibbles(pass, 1);
	return plan->width == 2 ? scan_nibbles(pass, 2) : scan_nibbles(pass, 3);
}

static void
scan(const struct sl_match_plan *plan, const unsigned char *data, size_t len, uint64_t *marks,
	struct sl_match_counts *counts)
{
	*counts = (struct sl_match_counts){ 0 };
	struct match_pass pass = { plan, data, data + len, data, NULL, marks, counts };
	if (plan->filter == SL_MATCH_NONE || plan->filter == SL_MATCH_EVERY)
		match_pass_every(&pass, newlines(data, len));
	else
		match_pass_rest(&pass, scan_vectors(&pass));
}

static const struct sl_match_kernel kernel = { "avx2", SL_CPU_AVX2, scan, newlines };

const struct sl_match_kernel *
match_kernel_avx2(void)
{
	return &kernel;
}

#else

const struct sl_match_kernel *
match_kernel_avx2(void)
{
	return NULL;
}

#endif
