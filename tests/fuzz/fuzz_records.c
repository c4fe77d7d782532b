/*
 * Records of a text in pieces, against a walk over the whole text. The input's first bytes: records
 * before and after; how many are selected, 0 = all; flags (1: those without a match are selected,
 * 2: lines are confirmed, 4: first lines decide, 8: the memory for copies is limited, in steps of
 * 64 bytes, by the next byte). Then the lengths of pieces that take turns, up to a zero; the rest
 * is the text.
 */
#include "fuzz/fuzz.h"
#include "support/ab_pattern.h"
#include "support/records_oracle.h"

#define MOST_TEXT 2048u
#define MOST_PIECES 32u

static struct ab_pattern ab;
static struct records_line want_lines[MOST_TEXT + 1], got_lines[MOST_TEXT + 1];

/* `text` ends with a NUL. */
static void
compare(const struct records_oracle *oracle, const char *text, size_t len, const size_t *sizes,
	size_t size_count)
{
	struct records_choice want = { .lines = want_lines }, got = { .lines = got_lines };
	uint64_t lost =
		records_walk(oracle, ab.pattern, ab.matcher, text, len, sizes, size_count, &got);
	uint64_t selected = got.selected;
	if (oracle->rule.held_bytes == SIZE_MAX) {
		records_oracle_choose(oracle, text, len, &want);
		must(lost == 0);
	} else {
		must(lost ==
			records_walk(oracle, ab.pattern, ab.matcher, text, len, NULL, 0, &want));
	}
	must(records_is_same(&want, &got) && selected <= oracle->most);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	size_t sizes[MOST_PIECES], size_count = 0;
	static char text[MOST_TEXT + 1];
	struct records_oracle oracle = {
		.rule = { .before = take(&in), .after = take(&in), .held_bytes = SIZE_MAX }
	};
	uint8_t most = take(&in), flags = take(&in), size;
	oracle.most = most ? most : UINT64_MAX;
	oracle.rule.whole = flags & 1;
	oracle.rule.heads = flags & 4;
	if (flags & 8)
		oracle.rule.held_bytes = 64u * take(&in);
	while (size_count < MOST_PIECES && (size = take(&in)) != 0)
		sizes[size_count++] = size;
	in.len = SL_MIN(in.len, (size_t)MOST_TEXT);
	for (size_t i = 0; i < in.len; i++)
		text[i] = in.at[i] ? (char)in.at[i] : '\n';
	text[in.len] = '\0';
	ab_pattern_init(&ab, oracle.rule.whole, flags & 2);
	compare(&oracle, text, in.len, sizes, size_count);
	ab_pattern_release(&ab);
	return 0;
}
