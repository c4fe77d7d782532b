#include "sluice/digest/memo.h"

#include "sluice/base/random.h"
#include "sluice/digest/masks.h"
#include "sluice/digest/shape.h"
#include "support/guard.h"

#include <criterion/criterion.h>

#define LINE 200u

static const char alphabet[] = "00123456789999aAfFxXzZ_-+.,:;/\\'\"=({[<> \tTJanSun\x80\xff";

static size_t
random_line(struct sl_random *random, char *line)
{
	size_t len = (size_t)sl_random_below(random, LINE);
	for (size_t i = 0; i < len; i++)
		line[i] = alphabet[sl_random_below(random, sizeof(alphabet) - 1)];
	return len;
}

static void
change_digits(struct sl_random *random, char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] >= '0' && line[i] <= '9')
			line[i] = (char)('0' + sl_random_below(random, 10));
}

static bool
is_masked(const struct sl_memo_line *found, const char *line, size_t len)
{
	unsigned char masked[LINE];
	size_t masked_len = sl_masks_apply((const unsigned char *)line, len, masked);
	return sl_span_equal(found->text, sl_span((const char *)masked, masked_len)) &&
	       found->hash == sl_shape_hash_text(found->text);
}

/* More shapes and lines than it can remember, and many again and again. */
Test(memo, gives_what_masking_gives_whatever_the_digits_are)
{
	struct sl_random random, again;
	struct sl_memo *memo = sl_memo_new();
	char line[LINE];
	cr_assert(memo);
	sl_random_init(&random, 1);
	for (unsigned round = 0; round < 30000; round++) {
		sl_random_init(&again, 1 + sl_random_below(&random, round % 2 ? 20 : 10000));
		size_t len = random_line(&again, line);
		cr_assert(is_masked(sl_memo_mask(memo, sl_span(line, len)), line, len));
		change_digits(&random, line, len);
		cr_assert(is_masked(sl_memo_mask(memo, sl_span(line, len)), line, len));
	}
	sl_memo_free(memo);
}

Test(memo, never_reads_behind_the_line)
{
	struct sl_random random;
	struct sl_memo *memo = sl_memo_new();
	struct guard guard;
	char line[LINE];
	sl_random_init(&random, 2);
	guard_init(&guard, LINE);
	for (unsigned round = 0; round < 2000; round++) {
		size_t len = random_line(&random, line);
		const char *placed = guard_place(&guard, line, len);
		cr_assert(is_masked(sl_memo_mask(memo, sl_span(placed, len)), line, len));
	}
	guard_release(&guard);
	sl_memo_free(memo);
}

Test(memo, what_a_line_was_used_for_stays_with_its_masked_text)
{
	struct sl_memo *memo = sl_memo_new();
	sl_memo_mask(memo, sl_span_str("error 17"))->digest = 5;
	cr_assert_eq(sl_memo_mask(memo, sl_span_str("error 18"))->digest, 5);
	cr_assert_eq(sl_memo_mask(memo, sl_span_str("error 7"))->digest, 5);
	cr_assert_eq(sl_memo_mask(memo, sl_span_str("errors 7"))->digest, 0);
	sl_memo_free(memo);
}
