/*
 * A line, and the same with other digits and runs of digits of other lengths: if they have one
 * shape, they are equal once masked. The first bytes decide how the second differs.
 */
#include "fuzz/fuzz.h"
#include "sluice/digest/masks.h"
#include "sluice/digest/shape.h"

#include <string.h>

#define CHOICES 8u
#define LONGEST_RUN 12u

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Of each run of digits another number of digits, where the choice says so. */
static size_t
change_runs(const uint8_t *line, size_t len, const uint8_t *choices, char *out)
{
	size_t used = 0, runs = 0;
	for (size_t i = 0; i < len && used < SL_SHAPE_LINE_MAX;) {
		if (!is_digit(line[i])) {
			out[used++] = (char)line[i++];
			continue;
		}
		size_t end = i;
		while (end < len && is_digit(line[end]))
			end++;
		uint8_t choice = choices[runs++ % CHOICES];
		size_t count = choice % 2 ? end - i : 1 + choice / 2 % LONGEST_RUN;
		for (size_t digit = 0; digit < count && used < SL_SHAPE_LINE_MAX; digit++)
			out[used++] = (char)('0' + (choice + digit) % 10);
		i = end;
	}
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char other[SL_SHAPE_LINE_MAX];
	static unsigned char masked[SL_SHAPE_LINE_MAX], other_masked[SL_SHAPE_LINE_MAX];
	if (len < CHOICES)
		return 0;
	const uint8_t *line = data + CHOICES;
	len = SL_MIN(len - CHOICES, (size_t)SL_SHAPE_LINE_MAX);
	size_t other_len = change_runs(line, len, data, other);
	uint64_t hash = sl_shape_hash(sl_span((const char *)line, len));
	must(hash == sl_shape_hash(sl_span((const char *)line, len)));
	if (hash != sl_shape_hash(sl_span(other, other_len)))
		return 0;
	size_t masked_len = sl_masks_apply(line, len, masked);
	size_t other_masked_len =
		sl_masks_apply((const unsigned char *)other, other_len, other_masked);
	must(masked_len == other_masked_len && memcmp(masked, other_masked, masked_len) == 0);
	return 0;
}
