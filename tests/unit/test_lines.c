#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/match/lines.h"
#include "sluice/match/match.h"
#include "support/oracle.h"

#include <criterion/criterion.h>

static struct sl_match_plan plan;
static const struct sl_match_kernel *kernel;
static struct sl_match_hits hits;
static uint64_t marks[SL_MATCH_MARK_WORDS(2048)];

static void
scan(const char *text, size_t len)
{
	struct sl_match_counts counts;
	static const struct sl_span literals[] = { { "ERROR", 5 }, { "error", 5 } };
	cr_assert_eq(sl_match_plan_init(&plan, literals, 2, false), 0);
	kernel = sl_match_choose(sl_cpu_features());
	memset(marks, 0, sizeof(marks));
	kernel->scan(&plan, (const unsigned char *)text, len, marks, NULL, &counts);
	kernel->scan(&plan, (const unsigned char *)text, len, marks, &hits, &counts);
}

Test(lines, closed_matching_lines_come_in_order_with_their_numbers)
{
	const char *text = "error 0\nnothing\nan error\n\nERROR\r\nerror 5";
	size_t len = strlen(text);
	scan(text, len);
	struct sl_lines lines;
	struct sl_line line;
	sl_lines_init(&lines, kernel, (const unsigned char *)text, len, marks);
	cr_assert(sl_lines_next(&lines, &line));
	cr_assert(line.len == 8 && memcmp(line.text, "an error", 8) == 0 && line.index == 2);
	cr_assert(sl_lines_next(&lines, &line));
	cr_assert(line.len == 6 && memcmp(line.text, "ERROR\r", 6) == 0 && line.index == 4);
	cr_assert(!sl_lines_next(&lines, &line));
	cr_assert(!sl_lines_next(&lines, &line));
}

Test(lines, an_empty_block_has_none)
{
	scan("", 0);
	struct sl_lines lines;
	struct sl_line line;
	sl_lines_init(&lines, kernel, (const unsigned char *)"", 0, marks);
	cr_assert(!sl_lines_next(&lines, &line));
}

Test(lines, agree_with_the_oracle_on_random_blocks)
{
	static const char alphabet[] = "eeerrrooERO\n";
	static const struct sl_span literals[] = { { "ERROR", 5 }, { "error", 5 } };
	struct sl_random random;
	sl_random_init(&random, 21);
	char text[2048];
	for (int round = 0; round < 500; round++) {
		size_t len = sl_random_below(&random, sizeof(text) + 1);
		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[sl_random_below(&random, sizeof(alphabet) - 1)];
		for (size_t i = 0; i + 5 < len; i += 1 + sl_random_below(&random, 90))
			memcpy(text + i, "error", 5);
		scan(text, len);
		struct sl_lines lines, from_hits;
		struct sl_line got, other;
		sl_lines_init(&lines, kernel, (const unsigned char *)text, len, marks);
		sl_lines_init_hits(&from_hits, (const unsigned char *)text, &hits);
		struct sl_span rest = sl_span(text, len), want;
		for (uint64_t index = 0; oracle_next_line(&rest, &want); index++) {
			bool is_closed = want.data + want.len < text + len;
			if (index == 0 || !is_closed || !oracle_line_hit(want, literals, 2, false))
				continue;
			cr_assert(sl_lines_next(&lines, &got));
			cr_assert(got.text == (const unsigned char *)want.data &&
				  got.len == want.len);
			cr_assert_eq(got.index, index);
			cr_assert(sl_lines_next(&from_hits, &other));
			cr_assert(other.text == got.text && other.len == got.len);
			cr_assert_eq(other.index, index);
		}
		cr_assert(!sl_lines_next(&lines, &got));
		cr_assert(!sl_lines_next(&from_hits, &got));
	}
}
