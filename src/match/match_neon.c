/*
 * match_neon.c - the pass of match.c in vectors of 16 bytes, four for a branch, as match_avx2.c but
 * without the third offset and the case of ASCII. scripts/check-neon runs it under an emulator.
 */
#include "match_int.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#define VECTOR 16u
#define GROUP (4 * VECTOR) /* bytes between two tests for candidates */

/* Each byte of the accumulator grows by at most 4 a group: 63 groups fit 255. */
#define GROUPS_A_SUM 63u

#define INLINE static inline __attribute__((always_inline))

INLINE uint8x16_t
newlines_at(const unsigned char *at)
{
	return vceqq_u8(vld1q_u8(at), vdupq_n_u8('\n'));
}

/* 0xff a newline, so that subtracting it counts. */
INLINE uint8x16_t
group_newlines(const unsigned char *at)
{
	uint8x16_t a = vaddq_u8(newlines_at(at), newlines_at(at + VECTOR));
	uint8x16_t b = vaddq_u8(newlines_at(at + 2 * VECTOR), newlines_at(at + 3 * VECTOR));
	return vaddq_u8(a, b);
}

static uint64_t
newlines(const unsigned char *data, size_t len)
{
	uint64_t count = 0;
	size_t i = 0;
	while (len - i >= GROUP) {
		size_t groups = SL_MIN((len - i) / GROUP, GROUPS_A_SUM);
		uint8x16_t sum = vdupq_n_u8(0);
		for (; groups; groups--, i += GROUP)
			sum = vsubq_u8(sum, group_newlines(data + i));
		count += vaddlvq_u8(sum);
	}
	return count + sl_match_scalar_newlines(data + i, len - i);
}

/* The four candidate vectors of a group, not zero where one may begin. */
struct masks {
	uint8x16_t at[4];
};

INLINE bool
masks_empty(const struct masks *m)
{
	uint8x16_t any = vorrq_u8(vorrq_u8(m->at[0], m->at[1]), vorrq_u8(m->at[2], m->at[3]));
	return vmaxvq_u8(any) == 0;
}

static SL_NOINLINE bool
masks_verify(struct sl_match_pass *pass, const unsigned char *at, const struct masks *m)
{
	unsigned char bytes[GROUP];
	for (unsigned i = 0; i < 4; i++)
		vst1q_u8(bytes + i * VECTOR, m->at[i]);
	for (unsigned i = 0; i < GROUP; i++) {
		if (bytes[i] && !sl_match_pass_candidate(pass, at + i))
			return false;
	}
	return true;
}

INLINE uint8x16_t
pair_test(const struct sl_match_plan *plan, const unsigned char *at)
{
	uint8x16_t keep = vdupq_n_u8(0xff);
	for (unsigned i = 0; i < SL_MATCH_PAIR; i++) {
		uint8x16_t v =
			vorrq_u8(vld1q_u8(at + plan->pair_off[i]), vdupq_n_u8(plan->pair_fold[i]));
		keep = vandq_u8(keep, vceqq_u8(v, vdupq_n_u8(plan->pair_byte[i])));
	}
	return keep;
}

INLINE uint8x16_t
nibbles_test(const struct sl_match_plan *plan, const unsigned char *at)
{
	uint8x16_t keep = vdupq_n_u8(0xff);
	for (unsigned i = 0; i < plan->width; i++) {
		uint8x16_t v = vld1q_u8(at + i);
		keep = vandq_u8(
			keep, vqtbl1q_u8(vld1q_u8(plan->low[i]), vandq_u8(v, vdupq_n_u8(0x0f))));
		keep = vandq_u8(keep, vqtbl1q_u8(vld1q_u8(plan->high[i]), vshrq_n_u8(v, 4)));
	}
	return keep;
}

/* `pairs` is constant, so that each filter is compiled by itself. */
INLINE const unsigned char *
scan_groups(struct sl_match_pass *pass, size_t reach, bool pairs)
{
	const struct sl_match_plan *plan = pass->plan;
	const unsigned char *at = pass->data;
	while ((size_t)(pass->end - at) >= GROUP + reach) {
		size_t groups = SL_MIN(((size_t)(pass->end - at) - reach) / GROUP, GROUPS_A_SUM);
		uint8x16_t sum = vdupq_n_u8(0);
		bool more = true;
		for (; groups && more; groups--, at += GROUP) {
			sum = vsubq_u8(sum, group_newlines(at));
			struct masks m;
			for (unsigned i = 0; i < 4; i++) {
				const unsigned char *part = at + i * VECTOR;
				m.at[i] = pairs ? pair_test(plan, part) : nibbles_test(plan, part);
			}
			if (__builtin_expect(!masks_empty(&m), 0)) {
				sl_match_pass_count(
					pass, at + GROUP, pass->counts->newlines + vaddlvq_u8(sum));
				more = masks_verify(pass, at, &m);
			}
		}
		pass->counts->newlines += vaddlvq_u8(sum);
		if (!more)
			return pass->end;
	}
	return at;
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
	if (plan->filter == SL_MATCH_PAIRS)
		sl_match_pass_rest(&pass, scan_groups(&pass, plan->pair_off[1], true));
	else
		sl_match_pass_rest(&pass, scan_groups(&pass, plan->width, false));
}

static const struct sl_match_kernel kernel = { "neon", SL_CPU_NEON, scan, newlines,
	sl_match_scalar_mark_newlines, NULL };

const struct sl_match_kernel *
sl_match_kernel_neon(void)
{
	return &kernel;
}

#else

const struct sl_match_kernel *
sl_match_kernel_neon(void)
{
	return NULL;
}

#endif
