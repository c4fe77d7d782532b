#include "sluice/base/random.h"
#include "sluice/scan/given.h"

#include <criterion/criterion.h>
#include <string.h>

#define LEN 300u

Test(given, has_what_was_added_in_any_order)
{
	struct sl_random random;
	sl_random_init(&random, 9);
	for (int round = 0; round < 200; round++) {
		struct sl_given given = { 0 };
		bool want[LEN] = { false };
		for (int i = 0; i < 40; i++) {
			size_t begin = sl_random_below(&random, LEN);
			size_t end = begin + sl_random_below(&random, LEN - begin + 1) / 10;
			if (memchr(want + begin, true, end - begin))
				continue;
			memset(want + begin, true, end - begin);
			cr_assert_eq(sl_given_add(&given, begin, end), 0);
		}
		for (size_t off = 0; off < LEN; off++)
			cr_assert_eq(sl_given_has(&given, off), want[off], "%zu", off);
		cr_assert_not(sl_given_has(&given, UINT64_MAX));
		sl_given_release(&given);
	}
}
