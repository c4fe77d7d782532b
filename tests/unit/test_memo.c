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

/* What the memo has for the line is what masking gives. */
static bool
is_masked(struct sl_memo *memo, const char *line, size_t len)
{
	unsigned char masked[LINE];
	uint32_t number = sl_memo_mask(memo, sl_span(line, len), sl_shape_hash(sl_span(line, len)));
	cr_assert_neq(number, SL_DICTIONARY_NONE);
	const struct sl_dictionary_line *found = sl_dictionary_at(sl_memo_dictionary(memo), number);
	size_t masked_len = sl_masks_apply((const unsigned char *)line, len, masked);
	return sl_span_equal(found->text, sl_span((const char *)masked, masked_len)) &&
	       found->hash == sl_shape_hash_text(found->text);
}

/* More shapes and lines than it can remember, and many again and again. */
Test(memo, gives_what_masking_gives_whatever_the_digits_are)
{
	struct sl_random random, again;
	struct sl_memo *memo = sl_memo_new(SL_MEMO_BYTES_MIN);
	char line[LINE];
	cr_assert(memo);
	sl_random_init(&random, 1);
	for (unsigned round = 0; round < 30000; round++) {
		sl_random_init(&again, 1 + sl_random_below(&random, round % 2 ? 20 : 10000));
		size_t len = random_line(&again, line);
		cr_assert(is_masked(memo, line, len));
		change_digits(&random, line, len);
		cr_assert(is_masked(memo, line, len));
	}
	sl_memo_free(memo);
}

Test(memo, never_reads_behind_the_line)
{
	struct sl_random random;
	struct sl_memo *memo = sl_memo_new(SL_MEMO_BYTES_MIN);
	struct guard guard;
	char line[LINE];
	sl_random_init(&random, 2);
	guard_init(&guard, LINE);
	for (unsigned round = 0; round < 2000; round++) {
		size_t len = random_line(&random, line);
		const char *placed = guard_place(&guard, line, len);
		cr_assert(is_masked(memo, placed, len));
	}
	guard_release(&guard);
	sl_memo_free(memo);
}

static uint32_t
number_of(struct sl_memo *memo, const char *line)
{
	return sl_memo_mask(memo, sl_span_str(line), sl_shape_hash(sl_span_str(line)));
}

Test(memo, lines_that_are_equal_once_masked_have_one_number)
{
	struct sl_memo *memo = sl_memo_new(SL_MEMO_BYTES_MIN);
	uint32_t number = number_of(memo, "error 17");
	cr_assert_eq(number_of(memo, "error 18"), number);
	cr_assert_eq(number_of(memo, "error 7"), number);
	cr_assert_eq(number_of(memo, "error  7"), number);
	cr_assert_neq(number_of(memo, "errors 7"), number);
	sl_memo_free(memo);
}

/* Others may still refer to lines of a dictionary that is full. */
Test(memo, a_dictionary_stays_as_long_as_there_is_a_reference)
{
	struct sl_memo *memo = sl_memo_new(SL_MEMO_BYTES_MIN);
	uint32_t number = number_of(memo, "the first error");
	struct sl_dictionary *first = sl_dictionary_ref(sl_memo_dictionary(memo));
	char line[] = "error aaaa";
	for (unsigned i = 0; sl_memo_dictionary(memo) == first; i++) {
		for (unsigned digit = 0, rest = i; digit < 4; digit++, rest /= 26)
			line[6 + digit] = (char)('a' + rest % 26);
		(void)number_of(memo, line);
		cr_assert(i < 100000);
	}
	cr_assert(!sl_dictionary_is_shared(first));
	cr_assert(sl_span_is(sl_dictionary_at(first, number)->text, "the first error"));
	sl_dictionary_unref(first);
	sl_memo_free(memo);
}
