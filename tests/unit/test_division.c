#include "sluice/scan/division.h"

#include "sluice/base/bytes.h"

#include <criterion/criterion.h>

static struct sl_scan_needs
needs_of(uint64_t max_memory, unsigned workers)
{
	return (struct sl_scan_needs){
		.max_memory = max_memory, .workers = workers, .chunk = SL_MIB, .queue = 8
	};
}

/* What is wanted, by the bits of `which`. */
static struct sl_scan_needs
needs_with(uint64_t max_memory, unsigned workers, unsigned which)
{
	struct sl_scan_needs needs = needs_of(max_memory, workers);
	needs.has_expressions = which & 1;
	needs.has_kinds = which & 2;
	needs.has_timeline = which & 4;
	needs.keeps_bytes = which & 8;
	needs.has_context = which & 16;
	needs.has_before = needs.has_context;
	needs.has_marks = needs.has_kinds || needs.has_timeline || needs.keeps_bytes;
	return needs;
}

/* One long line of context, and what is kept of one that does not match, are a part of 8 MiB that
 * cannot be made smaller. */
static uint64_t
least_beyond(const struct sl_scan_needs *needs)
{
	bool is_small = needs->max_memory <= 20 * SL_MIB;
	return is_small && needs->has_context ? 5 * SL_MIB : is_small ? 2 * SL_MIB : 0;
}

Test(division, parts_are_not_more_than_the_whole)
{
	static const unsigned workers[] = { 1, 2, 4, 16, 64, 256 };
	for (uint64_t mib = 8; mib <= 1024; mib += mib < 80 ? 1 : 47)
		for (size_t i = 0; i < SL_COUNT_OF(workers); i++)
			for (unsigned which = 0; which < 32; which++) {
				struct sl_scan_needs needs =
					needs_with(mib * SL_MIB, workers[i], which);
				struct sl_scan_division division = sl_scan_divide(&needs);
				uint64_t sum = sl_scan_division_sum(&needs, &division);
				cr_assert(sum <= needs.max_memory + least_beyond(&needs),
					"%llu MiB, %u workers, wants %u: %llu KiB",
					(unsigned long long)mib, workers[i], which,
					(unsigned long long)sum / 1024);
				cr_assert(division.consumers >= 1 && division.chunks >= 2);
				cr_assert(division.step >= 16 * SL_KIB);
				cr_assert(division.chunk >= 64 * SL_KIB &&
					  division.chunk % 4096 == 0);
				cr_assert(division.decode_share <= division.decode_alone);
			}
}

Test(division, each_worker_has_work_unless_memory_is_little)
{
	for (unsigned which = 0; which < 32; which++) {
		struct sl_scan_needs needs = needs_with(64 * SL_MIB, 8, which);
		cr_assert(sl_scan_divide(&needs).consumers >= (needs.has_expressions ? 13 : 16));
		needs.max_memory = 8 * SL_MIB;
		cr_assert(sl_scan_divide(&needs).consumers >= (needs.has_expressions ? 1 : 8));
	}
}

/* zstd -3 has windows of 2 MiB, xz -6 and zstd -19 of 8 MiB. */
Test(division, little_memory_is_lent_to_one_decoder)
{
	struct sl_scan_needs needs = needs_of(8 * SL_MIB, 2);
	struct sl_scan_division division = sl_scan_divide(&needs);
	cr_assert(division.decodes_alone && division.decode_alone >= 11 * SL_MIB / 4);
	needs.max_memory = 16 * SL_MIB;
	division = sl_scan_divide(&needs);
	cr_assert(division.decodes_alone && division.decode_alone >= 37 * SL_MIB / 4);
	needs.max_memory = 64 * SL_MIB;
	division = sl_scan_divide(&needs);
	cr_assert(!division.decodes_alone && division.decode_share >= 10 * SL_MIB);
}

Test(division, what_is_taken_is_not_divided)
{
	struct sl_scan_needs needs = needs_of(64 * SL_MIB, 2);
	struct sl_scan_division all = sl_scan_divide(&needs);
	needs.taken = 32 * SL_MIB;
	struct sl_scan_division rest = sl_scan_divide(&needs);
	cr_assert(rest.decode_alone + 16 * SL_MIB < all.decode_alone);
	cr_assert(sl_scan_division_sum(&needs, &rest) <= needs.max_memory);
	needs.taken = SL_GIB;
	rest = sl_scan_divide(&needs);
	cr_assert(rest.consumers >= 1 && rest.chunks >= 2);
}
