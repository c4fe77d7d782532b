/*
 * Lines and their context, of a text in pieces, against a walk over the whole text. The input's
 * first bytes: lines before and after; the bound of the lines before in steps of 8 bytes, 255 =
 * none; how many lines count, 0 = all; flags (1: others are selected, 2: lines are confirmed). Then
 * the lengths of pieces that take turns, up to a zero; the rest is the text.
 */
#include "fuzz/fuzz.h"
#include "support/context_oracle.h"

#define MOST_TEXT 2048u
#define MOST_PIECES 32u

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	static struct context_line want[MOST_TEXT + 1], got[MOST_TEXT + 1];
	size_t sizes[MOST_PIECES], size_count = 0;
	uint8_t size;
	struct context_oracle oracle = { .rule = { .before = take(&in), .after = take(&in) } };
	uint8_t bytes = take(&in), hits = take(&in), flags = take(&in);
	oracle.rule.before_bytes = bytes == UINT8_MAX ? SIZE_MAX : 8u * bytes;
	oracle.most_hits = hits ? hits : UINT64_MAX;
	oracle.inverts = flags & 1;
	while (size_count < MOST_PIECES && (size = take(&in)) != 0)
		sizes[size_count++] = size;
	in.len = SL_MIN(in.len, (size_t)MOST_TEXT);
	const char *text = in.len ? (const char *)in.at : "";
	size_t wanted = context_oracle_choose(&oracle, text, in.len, want);
	struct ab_pattern ab;
	ab_pattern_init(&ab, oracle.inverts, flags & 2);
	size_t count = context_walk(&oracle, &ab, text, in.len, sizes, size_count, got);
	must(context_is_same(want, wanted, got, count));
	ab_pattern_release(&ab);
	return 0;
}
