/*
 * Lines selected by their level: however a text is cut, the totals are those of asking for the
 * level of each line, also of the lines that have none.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/join.h"
#include "sluice/match/lines.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const char *const heads[] = { "2015-10-18 18:01:47 ERROR x", "[warn] error", "an error",
	"<11>Oct 11 22:14:15 h x", "{\"level\":30,\"msg\":\"ERROR\"}", "", "\r", "level=fatal",
	"\"GET / HTTP/1.1\" 503 7", "ERROR" };

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;

static void
begin(enum sl_level level, bool inverts)
{
	struct sl_error err = { 0 };
	struct sl_pattern_spec spec = { .level = level, .inverts = inverts };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
	cr_assert_eq(sl_matcher_new(&matcher, pattern), 0);
	cr_assert(sl_pattern_confirms(pattern) && !sl_pattern_has_expressions(pattern));
}

static void
end(void)
{
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

static void
add_line(struct sl_buf *text, struct sl_random *random, size_t most)
{
	sl_buf_add_str(text, heads[sl_random_below(random, SL_COUNT_OF(heads))]);
	size_t more = sl_random_below(random, 8) ? sl_random_below(random, 20) : most;
	for (size_t i = 0; i < more; i++)
		sl_buf_add_char(text, ' ');
	if (sl_random_below(random, 20))
		sl_buf_add_char(text, '\n');
}

static struct sl_block_totals
count_naively(struct sl_span text, enum sl_level level, bool inverts)
{
	struct sl_block_totals totals = { .bytes = text.len };
	for (size_t at = 0; at < text.len;) {
		const char *newline = memchr(text.data + at, '\n', text.len - at);
		size_t line_end = newline ? (size_t)(newline - text.data) : text.len;
		enum sl_level own = sl_level_find(sl_span(text.data + at, line_end - at)).level;
		totals.lines++;
		totals.hits += (own >= level) != inverts;
		totals.unlevelled += own == SL_LEVEL_NONE;
		at = line_end + 1;
	}
	return totals;
}

static struct sl_block_totals
count_in_pieces(struct sl_span text, const size_t *cuts, size_t count)
{
	struct sl_join join;
	struct sl_partial_line line;
	sl_join_init(&join, pattern, matcher, false);
	for (size_t i = 0; i + 1 < count; i++) {
		struct sl_partial_run run = {
			.data = (const unsigned char *)text.data + cuts[i],
			.len = cuts[i + 1] - cuts[i],
		};
		sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher,
			run.data, run.len, NULL, &run.block);
		cr_assert_geq(sl_join_head(&join, &run, &line), 0);
		cr_assert_eq(sl_join_tail(&join, &run), 0);
	}
	cr_assert_geq(sl_join_end(&join, &line), 0);
	struct sl_block_totals totals = sl_join_totals(&join);
	sl_join_release(&join);
	return totals;
}

static void
expect_equal(struct sl_block_totals got, struct sl_block_totals want, size_t cut)
{
	cr_expect(got.bytes == want.bytes && got.lines == want.lines && got.hits == want.hits &&
			  got.unlevelled == want.unlevelled && got.undecided == 0,
		"cut at %zu: %llu of %llu hits, %llu of %llu without a level", cut,
		(unsigned long long)got.hits, (unsigned long long)want.hits,
		(unsigned long long)got.unlevelled, (unsigned long long)want.unlevelled);
}

Test(scan_level, every_cut_gives_the_totals_of_asking_each_line)
{
	struct sl_random random;
	sl_random_init(&random, 7);
	struct sl_buf text = { 0 };
	for (size_t i = 0; i < 12; i++)
		add_line(&text, &random, 100);
	for (int inverts = 0; inverts < 2; inverts++) {
		begin(SL_LEVEL_ERROR, inverts > 0);
		struct sl_block_totals want =
			count_naively(sl_buf_span(&text), SL_LEVEL_ERROR, inverts > 0);
		cr_assert(want.hits > 1 && want.unlevelled > 1);
		for (size_t cut = 0; cut <= text.len; cut++) {
			size_t cuts[] = { 0, cut, text.len };
			expect_equal(count_in_pieces(sl_buf_span(&text), cuts, 3), want, cut);
		}
		end();
	}
	sl_buf_release(&text);
}

Test(scan_level, long_texts_in_many_pieces_give_the_same)
{
	struct sl_random random;
	sl_random_init(&random, 11);
	for (unsigned round = 0; round < 12; round++) {
		struct sl_buf text = { 0 };
		enum sl_level level = (enum sl_level)(1 + sl_random_below(&random, SL_LEVELS - 1));
		size_t cuts[12] = { 0 }, count = 1;
		for (size_t i = 0; i < 300; i++)
			add_line(&text, &random, 5000);
		while (count < SL_COUNT_OF(cuts) - 1) {
			size_t rest = text.len - cuts[count - 1];
			cuts[count] = cuts[count - 1] + sl_random_below(&random, rest / 2 + 1);
			count++;
		}
		cuts[count++] = text.len;
		begin(level, false);
		expect_equal(count_in_pieces(sl_buf_span(&text), cuts, count),
			count_naively(sl_buf_span(&text), level, false), round);
		end();
		sl_buf_release(&text);
	}
}

Test(scan_level, the_match_in_a_line_is_its_level)
{
	static const char text[] = "2015-10-18 18:01:47 ERROR an error";
	struct sl_subject line = { (const unsigned char *)text, sizeof(text) - 1, false };
	struct sl_match_range range = { 0 };
	begin(SL_LEVEL_WARNING, false);
	cr_expect_eq(sl_matcher_find(matcher, &line, 0, false, &range), SL_VERDICT_YES);
	cr_expect(range.begin == 20 && range.end == 25);
	cr_expect_eq(sl_matcher_find(matcher, &line, 25, false, &range), SL_VERDICT_NO);
	end();
	begin(SL_LEVEL_CRITICAL, false);
	cr_expect_eq(sl_matcher_find(matcher, &line, 0, false, &range), SL_VERDICT_NO);
	end();
}
