#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/join.h"
#include "sluice/match/lines.h"
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

/* Another input. */
static void
begin_input(void)
{
	struct sl_partial_spec spec = join.spec;
	sl_join_release(&join);
	join = (struct sl_join){ .spec = spec };
}

/* Lines as they should come, and those that came. */
struct expectation {
	struct sl_span text, rest;
	uint64_t index;
	bool (*hits)(struct sl_span line);
};

static void
expect_line(struct expectation *want, const struct sl_partial_line *got)
{
	struct sl_span line;
	for (;;) {
		cr_assert(oracle_next_line(&want->rest, &line), "more lines than matches");
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
scan_piece(struct sl_partial_run *piece, const char *data, size_t len, uint64_t *marks)
{
	piece->data = (const unsigned char *)data;
	piece->len = len;
	sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher, piece->data,
		len, marks, &piece->block);
}

#define MOST 1024
#define BEFORE (SL_PARTIAL_KEEP / 2) /* of what is kept, before the first literal */

static void
join_piece(struct expectation *want, const char *data, size_t len)
{
	struct sl_partial_run piece;
	struct sl_partial_line found;
	struct sl_lines lines;
	struct sl_line line;
	uint64_t marks[SL_MATCH_MARK_WORDS(MOST) + 1] = { 0 };
	uint64_t before = sl_join_newlines(&join), off = sl_join_bytes(&join);
	scan_piece(&piece, data, len, marks);
	int code = sl_join_head(&join, &piece, &found);
	cr_assert_geq(code, 0);
	if (code == 1)
		expect_line(want, &found);
	sl_lines_init(&lines, sl_pattern_kernel(pattern), piece.data, len, marks);
	while (sl_lines_next(&lines, &line)) {
		found = (struct sl_partial_line){ .text = line.text,
			.len = line.len,
			.whole_len = line.len,
			.off = off + (uint64_t)(line.text - piece.data),
			.index = before + line.index,
			.is_closed = true };
		expect_line(want, &found);
	}
	cr_assert_eq(sl_join_tail(&join, &piece), 0);
}

static void
check_totals(const struct expectation *whole, uint64_t undecided)
{
	struct sl_span rest = whole->text, line;
	struct sl_block_totals got = sl_join_totals(&join), want = { .bytes = rest.len };
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
	struct sl_partial_line found;
	struct sl_span line;
	begin_input();
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
	} cases[] = { { NULL, has_error }, { "ERROR|err\\o{157}r", has_error },
		{ "er$", ends_with_er }, { "^$", is_empty }, { "", any } };
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
		struct sl_partial_run piece;
		scan_piece(&piece, pieces[i], strlen(pieces[i]), NULL);
		sl_join_count(&join, &piece);
	}
	struct sl_block_totals totals = sl_join_totals(&join);
	cr_assert(totals.bytes == 23 && totals.lines == 4 && totals.hits == 2);
	end();
}

/* A line of `len` bytes in pieces of 64 KiB, that matches only by its last bytes. */
static int
join_long_line(size_t len, const char *ending, struct sl_partial_line *found)
{
	size_t step = 64 * 1024, tail = strlen(ending);
	char *filler = malloc(step);
	struct sl_partial_run piece;
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

Test(join, of_a_long_line_a_part_is_kept_and_all_of_it_is_counted)
{
	const size_t len = 5 * SL_PARTIAL_KEEP;
	struct sl_partial_line found;
	begin(NULL, true);
	cr_assert_eq(join_long_line(len, "error\nnext", &found), 1);
	cr_assert(found.len == BEFORE + 5 && found.whole_len == len + 5 && found.off == 0);
	cr_assert_eq(found.skipped, len - BEFORE);
	cr_assert_eq(memcmp(found.text + found.len - 5, "error", 5), 0);
	cr_assert_leq(join.total.open.text.cap, 2 * SL_PARTIAL_KEEP + 64);
	struct sl_block_totals totals = sl_join_totals(&join);
	cr_assert(totals.bytes == len + 10 && totals.lines == 2 && totals.hits == 1);
	end();
}

Test(join, a_regular_expression_leaves_a_long_line_undecided_unless_its_beginning_matches)
{
	const size_t len = 2 * SL_PARTIAL_KEEP;
	struct sl_partial_line found;
	begin("err\\o{157}r", false);
	cr_assert_eq(join_long_line(len, "error\n", &found), 0);
	struct sl_block_totals totals = sl_join_totals(&join);
	cr_assert(totals.lines == 1 && totals.hits == 0 && totals.undecided == 1);
	end();
	begin("^xx", false);
	cr_assert_eq(join_long_line(len, "error\n", &found), 1);
	cr_assert_eq(sl_join_totals(&join).undecided, 0);
	end();
}

/* A line of x with `word` at `at`, and its newline, in pieces of `step` bytes. Returns as
 * sl_join_head. */
static int
join_in_pieces(
	const char *text, size_t len, size_t step, struct sl_partial_line *found, uint64_t *marks)
{
	int hit = 0;
	begin_input();
	for (size_t at = 0; at < len && !hit; at += step) {
		struct sl_partial_run piece;
		size_t some = SL_MIN(step, len - at);
		memset(marks, 0, SL_MATCH_MARK_WORDS(some) * sizeof(*marks));
		scan_piece(&piece, text + at, some, marks);
		hit = sl_join_head(&join, &piece, found);
		if (!hit)
			cr_assert_eq(sl_join_tail(&join, &piece), 0);
	}
	return hit;
}

#define MIB ((size_t)SL_PARTIAL_KEEP)

static const size_t steps[] = { 64 * 1024, MIB - 1, MIB, 4 * MIB };
static const size_t lengths[] = { 40, MIB - 1, MIB, MIB + 1, MIB + MIB / 2, 3 * MIB };

/* A line of `len` bytes x. */
static char *
line_of_x(size_t len)
{
	char *text = malloc(len + 1);
	memset(text, 'x', len);
	text[len] = '\n';
	return text;
}

/* The part is that around the first literal, wherever chunks end. */
Test(join, what_is_kept_of_a_long_line_depends_on_its_first_match_alone)
{
	uint64_t *marks = malloc(SL_MATCH_MARK_WORDS(4 * MIB) * sizeof(*marks));
	begin(NULL, true);
	for (size_t l = 0; l < SL_COUNT_OF(lengths); l++) {
		size_t len = lengths[l];
		size_t places[] = { 0, len / 2, BEFORE, BEFORE + 1, MIB - 2, 2 * MIB - 3, len - 5 };
		for (size_t p = 0; p < SL_COUNT_OF(places); p++) {
			size_t at = places[p], half = BEFORE;
			if (at + 5 > len)
				continue;
			char *text = line_of_x(len);
			memcpy(text + len - 5, "error", 5); /* the last does not matter */
			memcpy(text + at, "error", 5);
			size_t skipped = len > MIB && at > half ? at - half : 0;
			size_t kept = SL_MIN(len - skipped, MIB);
			for (size_t s = 0; s < SL_COUNT_OF(steps); s++) {
				struct sl_partial_line found;
				cr_assert_eq(
					join_in_pieces(text, len + 1, steps[s], &found, marks), 1);
				cr_assert(found.skipped == skipped && found.len == kept &&
						  found.whole_len == len,
					"%zu of %zu in pieces of %zu: %zu and %zu", at, len,
					steps[s], (size_t)found.skipped, found.len);
				cr_assert_eq(memcmp(found.text, text + skipped, kept), 0);
			}
			free(text);
		}
	}
	free(marks);
	end();
}

Test(join, what_a_regular_expression_decides_does_not_depend_on_how_a_long_line_is_cut)
{
	static const struct {
		const char *pattern;
		enum sl_verdict shorter, longer; /* of a line up to 1 MiB, and of a longer one */
	} cases[] = {
		{ "^err[o]r.*x", SL_VERDICT_YES, SL_VERDICT_YES },
		{ "^err[o]r", SL_VERDICT_YES, SL_VERDICT_YES },
		{ "q.*z|err[o]r", SL_VERDICT_YES, SL_VERDICT_YES },
		{ "x[e]nd$", SL_VERDICT_YES, SL_VERDICT_UNDECIDED },
		{ "err[o]r(?!.*end)", SL_VERDICT_NO, SL_VERDICT_UNDECIDED },
		{ "n\\o{157}thing", SL_VERDICT_NO, SL_VERDICT_UNDECIDED },
		{ "missin[g]$", SL_VERDICT_NO, SL_VERDICT_NO }, /* nor is its literal */
	};
	uint64_t *marks = malloc(SL_MATCH_MARK_WORDS(4 * MIB) * sizeof(*marks));
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		begin(cases[i].pattern, true);
		for (size_t l = 0; l < SL_COUNT_OF(lengths); l++) {
			for (size_t s = 0; s < SL_COUNT_OF(steps) * 2; s++) {
				size_t len = lengths[l], step = steps[s / 2];
				bool has_cr = s % 2; /* one byte more, which is not of the line */
				char *text = line_of_x(len + has_cr);
				struct sl_partial_line found;
				memcpy(text, "error", 5);
				memcpy(text + len - 3, "end", 3);
				text[len] = has_cr ? '\r' : '\n';
				enum sl_verdict want =
					len > MIB ? cases[i].longer : cases[i].shorter;
				int hit =
					join_in_pieces(text, len + 1 + has_cr, step, &found, marks);
				cr_assert_eq(hit, want == SL_VERDICT_YES, "'%s' %zu in %zu",
					cases[i].pattern, len, step);
				cr_assert_eq(sl_join_undecided(&join), want == SL_VERDICT_UNDECIDED,
					"'%s' %zu in %zu", cases[i].pattern, len, step);
				free(text);
			}
		}
		end();
	}
	free(marks);
}

/* Whole, and in pieces of one byte: the first line is always a joined one. */
Test(join, a_byte_order_mark_and_a_cr_before_the_newline_are_not_of_the_line)
{
	static const struct {
		const char *pattern, *text;
		uint64_t hits;
	} cases[] = {
		{ "^err[o]r",
			"\xef\xbb\xbf"
			"error\nerror\n",
			2 },
		{ "^err[o]r",
			"x\n\xef\xbb\xbf"
			"error\n",
			0 },
		{ "\\Aerr[o]r$",
			"\xef\xbb\xbf"
			"error\r\n",
			1 },
		{ "err[o]r$", "error\r\nerror\nerror\r\r\nerror\r", 2 },
		{ "^$", "\r\n\n\r", 2 },
		{ "\r$", "a\r\na\r\r\na\r", 2 },
		{ "error\r", "error\r\nerror\r\r\nerror\rx\nerror\r", 3 },
	};
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].text);
		begin(cases[i].pattern, false);
		for (size_t step = 1; step <= len; step++) {
			struct sl_partial_line found;
			begin_input();
			for (size_t at = 0; at < len; at += step) {
				struct sl_partial_run piece;
				size_t some = SL_MIN(step, len - at);
				scan_piece(&piece, cases[i].text + at, some, NULL);
				cr_assert_geq(sl_join_head(&join, &piece, &found), 0);
				cr_assert_eq(sl_join_tail(&join, &piece), 0);
			}
			cr_assert_geq(sl_join_end(&join, &found), 0);
			cr_assert_eq(sl_join_totals(&join).hits, cases[i].hits,
				"'%s' in pieces of %zu", cases[i].pattern, step);
		}
		end();
	}
}
