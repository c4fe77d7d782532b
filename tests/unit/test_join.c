#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/join.h"
#include "sluice/scan/lines.h"
#include "support/oracle.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct sl_pattern *pattern;
static struct sl_matcher *matcher;
static struct sl_join join;

static void
begin(const char *text, bool keeps_text)
{
	struct sl_span span = sl_span_str(text ? text : "");
	struct sl_pattern_spec spec = { .texts = &span, .count = text ? 1 : 0 };
	struct sl_error err = { 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &spec, kernel, &err), 0, "%s", err.text);
	cr_assert_eq(sl_matcher_new(&matcher, pattern), 0);
	sl_join_init(&join, pattern, matcher, keeps_text);
}

static void
end(void)
{
	sl_join_release(&join);
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

/* Lines as they should come, and those that came. */
struct expectation {
	struct sl_span text, rest;
	uint64_t index;
	bool (*hits)(struct sl_span line);
};

static void
expect_line(struct expectation *want, const struct sl_join_line *got)
{
	struct sl_span line;
	for (;;) {
		cr_assert(oracle_next_line(&want->rest, &line), "a line came that is none");
		want->index++;
		if (want->hits(line))
			break;
	}
	uint64_t off = (uint64_t)(line.data - want->text.data);
	cr_assert_eq(got->index, want->index - 1);
	cr_assert_eq(got->off, off);
	cr_assert_eq(got->whole_len, line.len);
	cr_assert(got->len == line.len && memcmp(got->text, line.data, line.len) == 0);
	cr_assert_eq(got->is_closed, off + line.len < want->text.len);
}

static void
scan_piece(struct sl_join_piece *piece, const char *data, size_t len, uint64_t *marks)
{
	const struct sl_match_plan *plan = sl_pattern_plan(pattern);
	piece->data = (const unsigned char *)data;
	piece->len = len;
	if (plan)
		sl_block_scan(
			sl_pattern_kernel(pattern), plan, piece->data, len, marks, &piece->block);
	else
		sl_matcher_scan(matcher, piece->data, len, marks, &piece->lines);
}

#define MOST 1024

static void
join_piece(struct expectation *want, const char *data, size_t len)
{
	struct sl_join_piece piece;
	struct sl_join_line found;
	struct sl_lines lines;
	struct sl_line line;
	uint64_t marks[SL_MATCH_MARK_WORDS(MOST) + 1] = { 0 };
	uint64_t before = sl_join_newlines(&join), off = join.bytes;
	scan_piece(&piece, data, len, marks);
	int code = sl_join_head(&join, &piece, &found);
	cr_assert_geq(code, 0);
	if (code == 1)
		expect_line(want, &found);
	sl_lines_init(&lines, sl_pattern_kernel(pattern), piece.data, len, marks);
	while (sl_lines_next(&lines, &line)) {
		found = (struct sl_join_line){ line.text, line.len, line.len,
			off + (uint64_t)(line.text - piece.data), before + line.index, true };
		expect_line(want, &found);
	}
	cr_assert_eq(sl_join_tail(&join, &piece), 0);
}

static void
check_totals(const struct expectation *whole, uint64_t undecided)
{
	struct sl_span rest = whole->text, line;
	struct sl_join_totals got = sl_join_totals(&join), want = { .bytes = rest.len };
	while (oracle_next_line(&rest, &line)) {
		want.lines++;
		want.hits += whole->hits(line);
	}
	cr_assert_eq(got.bytes, want.bytes);
	cr_assert_eq(
		got.lines, want.lines, "%zu lines, not %zu", (size_t)got.lines, (size_t)want.lines);
	cr_assert_eq(got.hits, want.hits, "%zu hits, not %zu", (size_t)got.hits, (size_t)want.hits);
	cr_assert_eq(got.undecided, undecided);
}

/* One text, cut at random: every matching line comes once, in order, whole. */
static void
check_cuts(
	struct sl_random *random, const char *text, size_t len, bool (*hits)(struct sl_span line))
{
	struct expectation want = { { text, len }, { text, len }, 0, hits };
	struct sl_join_line found;
	struct sl_span line;
	sl_join_clear(&join);
	uint64_t longest = 1 + sl_random_below(random, 60);
	for (size_t at = 0; at < len;) {
		size_t some = 1 + sl_random_below(random, SL_MIN(len - at, longest));
		join_piece(&want, text + at, some);
		at += some;
	}
	if (sl_join_end(&join, &found) == 1)
		expect_line(&want, &found);
	while (oracle_next_line(&want.rest, &line))
		cr_assert_not(hits(line), "a line is missing");
	check_totals(&want, 0);
}

static bool
has_error(struct sl_span line)
{
	static const struct sl_span literals[] = { { "ERROR", 5 }, { "error", 5 } };
	return oracle_line_hit(line, literals, 2, false);
}

static bool
ends_with_er(struct sl_span line)
{
	return line.len >= 2 && memcmp(line.data + line.len - 2, "er", 2) == 0;
}

static bool
is_empty(struct sl_span line)
{
	return line.len == 0;
}

static bool
any(struct sl_span line)
{
	(void)line;
	return true;
}

Test(join, lines_and_totals_do_not_depend_on_the_cuts)
{
	static const struct {
		const char *pattern;
		bool (*hits)(struct sl_span line);
	} cases[] = { { NULL, has_error }, { "ERROR|err[o]r", has_error }, { "er$", ends_with_er },
		{ "^$", is_empty }, { "", any } };
	static const char alphabet[] = "eerrorER\n";
	struct sl_random random;
	sl_random_init(&random, 41);
	char text[MOST];
	for (size_t c = 0; c < SL_COUNT_OF(cases); c++) {
		begin(cases[c].pattern, true);
		for (int round = 0; round < 300; round++) {
			size_t len = sl_random_below(&random, sizeof(text) + 1);
			for (size_t i = 0; i < len; i++)
				text[i] = alphabet[sl_random_below(&random, sizeof(alphabet) - 1)];
			for (size_t i = 0; i + 5 < len; i += 1 + sl_random_below(&random, 80))
				memcpy(text + i, "error", 5);
			check_cuts(&random, text, len, cases[c].hits);
		}
		end();
	}
}

Test(join, counting_alone_needs_no_lines)
{
	static const char *const pieces[] = { "an er", "ror\nfine\nER", "R", "OR\n", "err", "" };
	begin(NULL, false);
	for (size_t i = 0; i < SL_COUNT_OF(pieces); i++) {
		struct sl_join_piece piece;
		scan_piece(&piece, pieces[i], strlen(pieces[i]), NULL);
		sl_join_count(&join, &piece);
	}
	struct sl_join_totals totals = sl_join_totals(&join);
	cr_assert(totals.bytes == 23 && totals.lines == 4 && totals.hits == 2);
	end();
}

/* A line of `len` bytes in pieces of 64 KiB, that matches only by its last bytes. */
static int
join_long_line(size_t len, const char *ending, struct sl_join_line *found)
{
	size_t step = 64 * 1024, tail = strlen(ending);
	char *filler = malloc(step);
	struct sl_join_piece piece;
	memset(filler, 'x', step);
	for (size_t done = 0; done < len; done += step) {
		scan_piece(&piece, filler, step, NULL);
		cr_assert_eq(sl_join_head(&join, &piece, found), 0);
		cr_assert_eq(sl_join_tail(&join, &piece), 0);
	}
	scan_piece(&piece, ending, tail, NULL);
	int code = sl_join_head(&join, &piece, found);
	cr_assert_eq(sl_join_tail(&join, &piece), 0);
	free(filler);
	return code;
}

Test(join, of_a_long_line_only_the_beginning_is_kept_and_all_of_it_is_counted)
{
	const size_t len = 5 * SL_JOIN_KEEP;
	struct sl_join_line found;
	begin(NULL, true);
	cr_assert_eq(join_long_line(len, "error\nnext", &found), 1);
	cr_assert(found.len == SL_JOIN_KEEP && found.whole_len == len + 5 && found.off == 0);
	cr_assert_leq(join.kept.cap, 2 * SL_JOIN_KEEP + 64);
	struct sl_join_totals totals = sl_join_totals(&join);
	cr_assert(totals.bytes == len + 10 && totals.lines == 2 && totals.hits == 1);
	end();
}

Test(join, a_regular_expression_leaves_a_long_line_undecided_unless_its_beginning_matches)
{
	const size_t len = 2 * SL_JOIN_KEEP;
	struct sl_join_line found;
	begin("err[o]r", false);
	cr_assert_eq(join_long_line(len, "error\n", &found), 0);
	struct sl_join_totals totals = sl_join_totals(&join);
	cr_assert(totals.lines == 1 && totals.hits == 0 && totals.undecided == 1);
	end();
	begin("^x[x]", false);
	cr_assert_eq(join_long_line(len, "error\n", &found), 1);
	cr_assert_eq(sl_join_totals(&join).undecided, 0);
	end();
}
