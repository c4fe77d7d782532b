/*
 * Random texts, patterns, cuts and orders: what merging partials gives is what one pass over the
 * text gives, line by line, and what joining in order does.
 */
#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/join.h"
#include "sluice/match/lines.h"
#include "sluice/scan/partials.h"
#include "support/oracle.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define KEEP ((size_t)SL_FRAGMENT_KEEP_MIN) /* bytes kept of a long line: few, so that many are */
#define MOST 6000
#define MOST_RUNS 200

/* ---- patterns, and the same for the oracle ---- */

#define LITERAL_128 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"

struct set {
	const char *texts[4];
	size_t count;
	bool fixed, has_long_lines;
	bool is_default; /* the two words that are looked for by default; other cases are counted */
};

/* Of a candidate only so many bytes are checked: where the pattern confirms, lines are shorter. */
static const struct set sets[] = {
	{ { "error", "ERROR" }, 2, .fixed = true, .has_long_lines = true },
	{ { "error", "ERROR" }, 2, .fixed = true, .has_long_lines = true, .is_default = true },
	{ { "error" }, 1, .fixed = false, .has_long_lines = true },
	{ { "" }, 1, .fixed = true, .has_long_lines = true },
	{ { "or", "bad", LITERAL_128 }, 3, .fixed = true, .has_long_lines = true },
	{ { "erer", "o" }, 2, .fixed = true, .has_long_lines = true },
	{ { "err[o]r$" }, 1, .fixed = false },
	{ { "^$", "^a.*b$" }, 2, .fixed = false },
	{ { "bad", "e[r]+o" }, 2, .fixed = false },
	{ { LITERAL_128 "aa" }, 1, .fixed = true },
	{ { "error", LITERAL_128 "a", "r$" }, 3, .fixed = false },
};

static const struct set *set;
static struct sl_pattern *pattern;
static struct sl_matcher *matcher;
static struct sl_partial_spec spec;
static pcre2_code *codes[4];
static pcre2_match_data *found;

static void
begin(const struct set *which, bool keeps_text, size_t keep)
{
	struct sl_span spans[4];
	struct sl_error err = { 0 };
	set = which;
	for (size_t i = 0; i < set->count; i++) {
		int code;
		size_t off;
		spans[i] = sl_span_str(set->texts[i]);
		codes[i] = pcre2_compile((PCRE2_SPTR)set->texts[i], spans[i].len,
			set->fixed ? PCRE2_LITERAL : 0, &code, &off, NULL);
		cr_assert_not_null(codes[i]);
	}
	found = pcre2_match_data_create(1, NULL);
	struct sl_pattern_spec texts = { .texts = spans, .count = set->count, .fixed = set->fixed };
	if (set->is_default)
		texts = (struct sl_pattern_spec){ 0 };
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	cr_assert_eq(sl_pattern_new(&pattern, &texts, kernel, &err), 0, "%s", err.text);
	cr_assert_eq(sl_matcher_new(&matcher, pattern), 0);
	spec = sl_partial_spec_of(pattern, matcher, keeps_text);
	spec.text.keep = keep;
}

static void
end(void)
{
	for (size_t i = 0; i < set->count; i++)
		pcre2_code_free(codes[i]);
	pcre2_match_data_free(found);
	sl_matcher_free(matcher);
	sl_pattern_free(pattern);
}

/* ---- lines that match, as they should come and as they came ---- */

struct line {
	uint64_t off, skipped, whole_len;
	size_t len;
	const unsigned char *text; /* of a copy, if it came */
	bool is_closed;
};

struct outcome {
	struct line lines[MOST + 1];
	size_t count;
	struct sl_block_totals totals;
};

static void
note_line(struct outcome *out, const struct sl_partial_line *line)
{
	bool has_text = spec.text.keeps_text;
	unsigned char *copy = malloc(line->len + 1);
	memcpy(copy, line->text, line->len);
	cr_assert_lt(out->count, MOST + 1);
	out->lines[out->count++] = (struct line){ line->off, has_text ? line->skipped : 0,
		line->whole_len, has_text ? line->len : 0, copy, line->is_closed };
}

static void
release(struct outcome *out)
{
	for (size_t i = 0; i < out->count; i++)
		free((void *)(uintptr_t)out->lines[i].text);
	free(out);
}

static int
compare_off(const void *a, const void *b)
{
	uint64_t left = ((const struct line *)a)->off, right = ((const struct line *)b)->off;
	return left < right ? -1 : left > right;
}

/* Where the first match of any pattern begins; the line's length + 1 if there is none. */
static size_t
oracle_first(struct sl_subject line)
{
	size_t first = line.len + 1;
	for (size_t i = 0; i < set->count; i++) {
		if (pcre2_match(codes[i], line.text, line.len, 0, 0, found, NULL) >= 0)
			first = SL_MIN(first, pcre2_get_ovector_pointer(found)[0]);
	}
	return first;
}

/* A line of which checks see only the first bytes: what they say whatever follows. */
static enum sl_verdict
oracle_long(struct sl_subject line)
{
	bool took_long = false;
	for (size_t i = 0; i < set->count; i++) {
		bool is_literal = !strpbrk(set->texts[i], "[^$\\");
		if (is_literal && memmem(line.text, line.len, set->texts[i], strlen(set->texts[i])))
			return SL_VERDICT_YES;
	}
	line.len = spec.text.keep;
	line.goes_on = true;
	return sl_matcher_confirm(matcher, &line, &took_long);
}

static enum sl_verdict
oracle_decide(struct sl_subject line, size_t *first)
{
	if (spec.text.confirms && line.len > spec.text.keep)
		return oracle_long(line);
	*first = oracle_first(line);
	return *first > line.len ? SL_VERDICT_NO : SL_VERDICT_YES;
}

static bool
is_other_case(struct sl_span line)
{
	struct sl_span word = { "error", 5 };
	return set->is_default && oracle_line_hit(line, &word, 1, true);
}

static struct outcome *
oracle(struct sl_span text)
{
	struct outcome *want = calloc(1, sizeof(*want));
	struct sl_span rest = text, line;
	want->totals.bytes = text.len;
	while (oracle_next_line(&rest, &line)) {
		uint64_t off = (uint64_t)(line.data - text.data);
		bool is_closed = off + line.len < text.len;
		struct sl_subject subject = sl_subject_of(
			(const unsigned char *)line.data, line.len, off == 0, is_closed, false);
		size_t first = 0;
		enum sl_verdict verdict = oracle_decide(subject, &first);
		if (verdict == SL_VERDICT_UNDECIDED && want->totals.undecided++ == 0)
			want->totals.undecided_line = want->totals.lines;
		want->totals.lines++;
		if (verdict != SL_VERDICT_YES) {
			want->totals.other_case += is_other_case(line);
			continue;
		}
		want->totals.hits++;
		bool is_long = line.len > spec.text.keep;
		size_t before = SL_MIN(first, spec.text.keep / 2);
		size_t skipped = is_long && !spec.text.confirms ? first - before : 0;
		struct sl_partial_line shown = { .text = (const unsigned char *)line.data + skipped,
			.len = SL_MIN(line.len - skipped, spec.text.keep),
			.skipped = skipped,
			.whole_len = line.len,
			.off = off,
			.is_closed = is_closed };
		note_line(want, &shown);
	}
	return want;
}

static void
expect(const struct outcome *want, struct outcome *got, const char *what)
{
	const struct sl_block_totals *a = &want->totals, *b = &got->totals;
	qsort(got->lines, got->count, sizeof(got->lines[0]), compare_off);
	cr_assert(a->bytes == b->bytes && a->lines == b->lines, "%s: %zu lines, not %zu", what,
		(size_t)b->lines, (size_t)a->lines);
	cr_assert(a->hits == b->hits && a->undecided == b->undecided,
		"%s: %zu hits and %zu undecided, not %zu and %zu", what, (size_t)b->hits,
		(size_t)b->undecided, (size_t)a->hits, (size_t)a->undecided);
	cr_assert(!a->undecided || a->undecided_line == b->undecided_line,
		"%s: line %zu is undecided first, not %zu", what, (size_t)b->undecided_line,
		(size_t)a->undecided_line);
	cr_assert_eq(a->other_case, b->other_case, "%s: %zu in another case, not %zu", what,
		(size_t)b->other_case, (size_t)a->other_case);
	cr_assert_eq(got->count, want->count, "%s: %zu lines came, not %zu", what, got->count,
		want->count);
	for (size_t i = 0; i < got->count; i++) {
		const struct line *one = &want->lines[i], *other = &got->lines[i];
		cr_assert(one->off == other->off && one->skipped == other->skipped &&
				  one->whole_len == other->whole_len &&
				  one->is_closed == other->is_closed && one->len == other->len,
			"%s: line at %zu, %zu bytes, %zu skipped; not at %zu, %zu, %zu", what,
			(size_t)other->off, (size_t)other->whole_len, (size_t)other->skipped,
			(size_t)one->off, (size_t)one->whole_len, (size_t)one->skipped);
		cr_assert_eq(memcmp(one->text, other->text, one->len), 0, "%s: another text", what);
	}
}

/* ---- runs ---- */

static bool
is_zeros(struct sl_span run)
{
	for (size_t i = 0; i < run.len; i++) {
		if (run.data[i])
			return false;
	}
	return true;
}

static struct sl_partial_run
scan_run(struct sl_span run, uint64_t *marks)
{
	struct sl_partial_run piece = { .data = (const unsigned char *)run.data, .len = run.len };
	memset(marks, 0, SL_MATCH_MARK_WORDS(run.len) * sizeof(*marks));
	sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher, piece.data,
		run.len, marks, &piece.block);
	if (is_zeros(run))
		piece.data = NULL;
	return piece;
}

/* The marked lines. */
static void
note_lines(struct outcome *out, struct sl_span run, uint64_t off, const uint64_t *marks)
{
	const unsigned char *data = (const unsigned char *)run.data;
	struct sl_lines lines;
	struct sl_line line;
	sl_lines_init(&lines, NULL, data, run.len, marks);
	while (sl_lines_next(&lines, &line)) {
		struct sl_partial_line found_line = { .text = line.text,
			.len = line.len,
			.whole_len = line.len,
			.off = off + (uint64_t)(line.text - data),
			.is_closed = true };
		sl_partial_shorten(&spec, &found_line);
		note_line(out, &found_line);
	}
}

static struct sl_partial *
partial_of(struct outcome *out, struct sl_span run, uint64_t off)
{
	uint64_t *marks = malloc((SL_MATCH_MARK_WORDS(run.len) + 1) * sizeof(*marks));
	struct sl_partial *partial = sl_partials_new_partial(off);
	struct sl_partial_run piece = scan_run(run, marks);
	struct sl_partial_line line;
	int hit = sl_partial_set(&spec, partial, &piece, &line);
	cr_assert_geq(hit, 0);
	if (hit)
		note_line(out, &line);
	note_lines(out, run, off, marks);
	free(marks);
	return partial;
}

static void
check_bounds(const struct sl_partials *partials)
{
	for (size_t i = 0; i < partials->count; i++) {
		const struct sl_partial *one = partials->sorted[i];
		cr_assert_leq(one->head.text.len, SL_MIN(one->head.len, 2 * spec.text.keep));
		cr_assert_leq(one->open.text.len, SL_MIN(one->open.len, 2 * spec.text.keep));
	}
}

/* Runs of a text, [offs[i], offs[i + 1]), and the order in which they are added. */
struct cuts {
	size_t offs[MOST_RUNS + 1], order[MOST_RUNS];
	size_t count;
};

static void
cut(struct sl_random *random, size_t len, size_t longest, struct cuts *cuts)
{
	cuts->count = 0;
	cuts->offs[0] = 0;
	for (size_t at = 0; at < len;) {
		bool is_last = cuts->count + 1 == MOST_RUNS;
		at += is_last ? len - at : 1 + sl_random_below(random, SL_MIN(len - at, longest));
		cuts->order[cuts->count] = cuts->count;
		cuts->offs[++cuts->count] = at;
	}
	uint64_t kind = sl_random_below(random, 4); /* in order, backwards, else at random */
	for (size_t i = cuts->count; i-- > 1 && kind;) {
		size_t other = kind == 1 ? cuts->count - 1 - i : sl_random_below(random, i + 1);
		if (kind == 1 && other >= i)
			break;
		size_t index = cuts->order[i];
		cuts->order[i] = cuts->order[other];
		cuts->order[other] = index;
	}
}

static struct sl_span
run_of(struct sl_span text, const struct cuts *cuts, size_t index)
{
	return sl_span(text.data + cuts->offs[index], cuts->offs[index + 1] - cuts->offs[index]);
}

static struct outcome *
add_in_any_order(struct sl_span text, const struct cuts *cuts)
{
	struct outcome *out = calloc(1, sizeof(*out));
	struct sl_partials partials = { .spec = spec };
	struct sl_partial_line line;
	for (size_t i = 0; i < cuts->count; i++) {
		struct sl_span run = run_of(text, cuts, cuts->order[i]);
		if (i > 0 && i + 1 < cuts->count)
			cr_assert_eq(sl_partials_finish(&partials, text.len, &line),
				SL_PARTIALS_INCOMPLETE);
		struct sl_partial *partial = partial_of(out, run, (uint64_t)(run.data - text.data));
		cr_assert_eq(sl_partials_insert(&partials, partial), 0);
		while (sl_partials_has_neighbours(&partials)) {
			int hit = sl_partials_merge(&partials, &line);
			cr_assert_geq(hit, 0);
			if (hit)
				note_line(out, &line);
		}
		check_bounds(&partials);
	}
	enum sl_partials_end ended = sl_partials_finish(&partials, text.len, &line);
	cr_assert_neq(ended, SL_PARTIALS_INCOMPLETE);
	if (ended == SL_PARTIALS_LINE)
		note_line(out, &line);
	if (sl_partials_prefix(&partials))
		out->totals = sl_block_finish(sl_partials_prefix(&partials));
	sl_partials_release(&partials);
	return out;
}

static struct outcome *
join_in_order(struct sl_span text, const struct cuts *cuts)
{
	struct outcome *out = calloc(1, sizeof(*out));
	struct sl_join join;
	struct sl_partial_line line;
	sl_join_init(&join, pattern, matcher, spec.text.keeps_text);
	join.spec = spec;
	for (size_t i = 0; i < cuts->count; i++) {
		struct sl_span run = run_of(text, cuts, i);
		uint64_t *marks = malloc((SL_MATCH_MARK_WORDS(run.len) + 1) * sizeof(*marks));
		struct sl_partial_run piece = scan_run(run, marks);
		int hit = sl_join_head(&join, &piece, &line);
		cr_assert_geq(hit, 0);
		if (hit)
			note_line(out, &line);
		note_lines(out, run, cuts->offs[i], marks);
		cr_assert_eq(sl_join_tail(&join, &piece), 0);
		free(marks);
	}
	if (sl_join_end(&join, &line))
		note_line(out, &line);
	out->totals = sl_join_totals(&join);
	sl_join_release(&join);
	return out;
}

/* Words, zeros, and literals where they matter; a newline in about every `line_len` bytes, and
 * none but there. */
static size_t
fill(struct sl_random *random, char *text, size_t len, size_t line_len)
{
	static const char alphabet[] = "aberoER";
	for (size_t i = 0; i < len; i++)
		text[i] = alphabet[sl_random_below(random, sizeof(alphabet) - 1)];
	bool is_quiet = sl_random_below(random, 2);
	if (is_quiet)
		memset(text, 'x', len);
	for (size_t n = sl_random_below(random, 12); n > 0; n--) {
		static const char *const words[] = { "error", "bad", LITERAL_128 "aa", "or",
			"Error", "erer", "a\r\n" };
		const char *word = words[sl_random_below(random, SL_COUNT_OF(words))];
		size_t at = sl_random_below(random, len), most = SL_MIN(strlen(word), len - at);
		memcpy(text + at, word, most);
	}
	for (size_t n = sl_random_below(random, 4); n > 0; n--) {
		size_t at = sl_random_below(random, len), most = sl_random_below(random, 400);
		memset(text + at, 0, SL_MIN(most, len - at));
	}
	size_t since = 0;
	for (size_t i = 0; i < len; i++) {
		if (since == line_len || sl_random_below(random, line_len) == 0)
			text[i] = '\n';
		since = text[i] == '\n' ? 0 : since + 1;
	}
	return len;
}

static void
check_text(struct sl_random *random, struct sl_span text)
{
	struct cuts cuts;
	struct outcome *want = oracle(text);
	cut(random, text.len, 1 + sl_random_below(random, text.len), &cuts);
	struct outcome *got = add_in_any_order(text, &cuts);
	expect(want, got, "in any order");
	struct outcome *joined = join_in_order(text, &cuts);
	expect(want, joined, "in order");
	release(joined);
	release(got);
	release(want);
}

static void
check_sets(uint64_t seed, bool keeps_text)
{
	struct sl_random random;
	sl_random_init(&random, seed);
	char *text = malloc(MOST);
	for (int round = 0; round < 6000; round++) {
		const struct set *which = &sets[(size_t)round % SL_COUNT_OF(sets)];
		begin(which, keeps_text, KEEP);
		size_t most = which->has_long_lines ? 3000 : KEEP - 1;
		size_t line_len = 1 + sl_random_below(&random, most);
		size_t len = 1 + sl_random_below(&random, MOST);
		fill(&random, text, len, line_len);
		check_text(&random, sl_span(text, len));
		end();
	}
	free(text);
}

Test(partial, any_cuts_and_any_order_give_the_lines_and_totals_of_one_pass)
{
	check_sets(97, true);
}

Test(partial, without_text_places_and_totals_are_the_same)
{
	check_sets(98, false);
}

/* ---- three neighbours ---- */

/* What is left of *left after merging: its lines go to *out. */
static struct sl_partial *
merge(struct outcome *out, struct sl_partial *left, struct sl_partial *right)
{
	struct sl_partial_line line;
	int hit = sl_partial_merge(&spec, left, right, &line);
	cr_assert_geq(hit, 0);
	if (hit)
		note_line(out, &line);
	sl_partials_free_partial(right);
	return left;
}

/* Of five runs the three in the middle, one way or the other, then the ones around. */
static struct outcome *
merge_five(struct sl_span text, const size_t *offs, bool left_first)
{
	struct outcome *out = calloc(1, sizeof(*out));
	struct sl_partial *parts[5], *middle;
	struct sl_partial_line line;
	for (size_t i = 0; i < SL_COUNT_OF(parts); i++)
		parts[i] = partial_of(
			out, sl_span(text.data + offs[i], offs[i + 1] - offs[i]), offs[i]);
	if (left_first)
		middle = merge(out, merge(out, parts[1], parts[2]), parts[3]);
	else
		middle = merge(out, parts[1], merge(out, parts[2], parts[3]));
	struct sl_partial *whole = merge(out, merge(out, parts[0], middle), parts[4]);
	if (sl_partial_end(&spec, whole, &line))
		note_line(out, &line);
	out->totals = sl_block_finish(&whole->result);
	sl_partials_free_partial(whole);
	return out;
}

Test(partial, merging_is_associative)
{
	struct sl_random random;
	sl_random_init(&random, 99);
	char text[2000];
	for (int round = 0; round < 3000; round++) {
		const struct set *which = &sets[(size_t)round % SL_COUNT_OF(sets)];
		size_t offs[6] = { 0 }, most = which->has_long_lines ? 900 : KEEP - 1;
		begin(which, true, KEEP);
		for (size_t i = 1; i < SL_COUNT_OF(offs); i++)
			offs[i] = offs[i - 1] + 1 + sl_random_below(&random, 390);
		struct sl_span span = { text, offs[5] };
		fill(&random, text, span.len, 1 + sl_random_below(&random, most));
		struct outcome *want = oracle(span);
		struct outcome *one = merge_five(span, offs, true);
		struct outcome *other = merge_five(span, offs, false);
		expect(want, one, "the left two first");
		expect(want, other, "the right two first");
		release(want);
		release(one);
		release(other);
		end();
	}
}

/* ---- lines longer than the real bound ---- */

static const struct set long_sets[] = {
	{ { "error", "ERROR" }, 2, .fixed = true, .has_long_lines = true },
	{ { "^err\\o{157}r.*x" }, 1, .fixed = false },
	{ { "x\\o{145}nd$" }, 1, .fixed = false },
	{ { "bad", "n\\o{157}thing" }, 2, .fixed = false },
};

/* One of the lines is long, and may be the first. */
static size_t
fill_long(struct sl_random *random, char *text, size_t len)
{
	size_t stop = len - 1 - sl_random_below(random, len / 2);
	size_t at = 20 + sl_random_below(random, stop - 100);
	memset(text, 'x', len);
	if (sl_random_below(random, 2))
		memcpy(text, "first error\n", 12);
	if (sl_random_below(random, 2))
		memcpy(text + 12, "error", 5);
	memcpy(text + at, "error", 5);
	memcpy(text + stop - 20, sl_random_below(random, 2) ? "bad" : "xxx", 3);
	memcpy(text + stop - 8, sl_random_below(random, 2) ? "xxxend\r\n" : "x\nxxxend", 8);
	return len;
}

Test(partial, what_is_kept_and_decided_of_a_line_beyond_the_bound_does_not_depend_on_the_order)
{
	struct sl_random random;
	sl_random_init(&random, 100);
	size_t most = 4 * SL_PARTIAL_KEEP;
	char *text = malloc(most);
	for (int round = 0; round < 64; round++) {
		struct cuts cuts;
		begin(&long_sets[(size_t)round % SL_COUNT_OF(long_sets)], true, SL_PARTIAL_KEEP);
		size_t len =
			SL_PARTIAL_KEEP / 2 + sl_random_below(&random, most - SL_PARTIAL_KEEP / 2);
		struct sl_span span = { text, fill_long(&random, text, len) };
		cut(&random, len, 1 + sl_random_below(&random, len), &cuts);
		struct outcome *want = oracle(span);
		struct outcome *joined = join_in_order(span, &cuts);
		struct outcome *got = add_in_any_order(span, &cuts);
		expect(want, joined, "in order");
		expect(want, got, "in any order");
		release(want);
		release(joined);
		release(got);
		end();
	}
	free(text);
}

/* ---- holes ---- */

static void
add_run(struct sl_partials *partials, uint64_t off, const char *data, uint64_t len)
{
	static const unsigned char zeros[4 * SL_MATCH_LITERAL_LEN];
	const unsigned char *bytes = data ? (const unsigned char *)data : zeros;
	struct sl_partial_run piece = { .data = (const unsigned char *)data, .len = len };
	struct sl_partial *partial = sl_partials_new_partial(off);
	struct sl_partial_line line;
	sl_block_scan(sl_pattern_kernel(pattern), sl_pattern_plan(pattern), matcher, bytes,
		SL_MIN(len, sizeof(zeros)), NULL, &piece.block);
	piece.block.len = len;
	cr_assert_eq(sl_partial_set(&spec, partial, &piece, &line), 0);
	cr_assert_eq(sl_partials_insert(partials, partial), 0);
}

Test(partial, a_hole_of_any_length_is_as_many_zeros_in_constant_time)
{
	const uint64_t hole = 1ull << 50;
	struct sl_partials partials;
	struct sl_partial_line line;
	begin(&sets[0], true, KEEP);
	partials = (struct sl_partials){ .spec = spec };
	add_run(&partials, 5 + hole, "ror\nlast", 8);
	add_run(&partials, 0, "a\nxER", 5);
	add_run(&partials, 5, NULL, hole);
	while (sl_partials_has_neighbours(&partials))
		cr_assert_eq(sl_partials_merge(&partials, &line), 0);
	cr_assert_eq(sl_partials_finish(&partials, hole + 13, &line), SL_PARTIALS_DONE);
	sl_partials_release(&partials);

	partials = (struct sl_partials){ .spec = spec };
	add_run(&partials, hole, "error\n", 6);
	add_run(&partials, 0, NULL, hole);
	cr_assert_eq(sl_partials_merge(&partials, &line), 1);
	cr_assert(line.off == 0 && line.whole_len == hole + 5 && line.len == KEEP / 2 + 5);
	cr_assert_eq(line.skipped, hole - KEEP / 2);
	cr_assert(line.text[0] == '\0' && memcmp(line.text + KEEP / 2, "error", 5) == 0);
	sl_partials_release(&partials);
	end();
}

/* ---- intervals ---- */

Test(partials, what_was_not_added_is_a_gap_until_it_is)
{
	struct sl_partials partials;
	struct sl_partial_line line;
	begin(&sets[0], true, KEEP);
	partials = (struct sl_partials){ .spec = spec };
	cr_assert_eq(sl_partials_finish(&partials, 4, &line), SL_PARTIALS_INCOMPLETE);
	cr_assert_eq(sl_partials_finish(&partials, 0, &line), SL_PARTIALS_DONE);
	add_run(&partials, 8, "d\n", 2);
	add_run(&partials, 4, "b\n", 2);
	cr_assert_eq(partials.count, 2);
	cr_assert_null(sl_partials_prefix(&partials));
	add_run(&partials, 0, "err\n", 4);
	cr_assert_eq(sl_partials_merge(&partials, &line), 0);
	cr_assert_not(sl_partials_has_neighbours(&partials));
	cr_assert_eq(partials.count, 2);
	cr_assert_eq(sl_partials_prefix(&partials)->len, 6);
	cr_assert_eq(sl_block_finish(sl_partials_prefix(&partials)).lines, 2);
	cr_assert_eq(sl_partials_finish(&partials, 10, &line), SL_PARTIALS_INCOMPLETE);
	add_run(&partials, 6, "", 0);
	cr_assert_eq(partials.count, 2);
	add_run(&partials, 6, "c\n", 2);
	while (sl_partials_has_neighbours(&partials))
		cr_assert_eq(sl_partials_merge(&partials, &line), 0);
	cr_assert_eq(partials.count, 1);
	cr_assert_eq(sl_partials_finish(&partials, 11, &line), SL_PARTIALS_INCOMPLETE);
	cr_assert_eq(sl_partials_finish(&partials, 9, &line), SL_PARTIALS_INCOMPLETE);
	cr_assert_eq(sl_partials_finish(&partials, 10, &line), SL_PARTIALS_DONE);
	sl_partials_release(&partials);
	end();
}

/* Two runs, and whether merging them is costly. */
static bool
is_costly(uint64_t off, const char *left, const char *right)
{
	struct sl_partials partials = { .spec = spec };
	add_run(&partials, off, left, strlen(left));
	add_run(&partials, off + strlen(left), right, strlen(right));
	bool costly = sl_partials_is_costly(&partials);
	sl_partials_release(&partials);
	return costly;
}

Test(partials, a_merge_that_confirms_a_line_or_searches_a_long_one_is_costly)
{
	char most[KEEP + 1];
	memset(most, 'x', KEEP);
	most[KEEP] = '\0';
	begin(&sets[0], true, KEEP);
	cr_assert_not(is_costly(1, "a\nerr", "or\nb\n"));
	cr_assert_not(is_costly(1, "a\n", most));
	cr_assert(is_costly(1, "a\nb", most));
	end();
	begin(&sets[6], true, SL_PARTIAL_KEEP); /* every line is a candidate */
	cr_assert(is_costly(1, "a\nerr", "or\nb\n"));
	cr_assert(is_costly(0, "err", "or\nb\n"));
	cr_assert_not(is_costly(1, "err", "or\nb\n"));
	cr_assert_not(is_costly(1, "a\nerr", "or"));
	end();
}

Test(partials, a_run_that_overlaps_another_is_refused, .signal = SIGABRT)
{
	begin(&sets[0], true, KEEP);
	struct sl_partials partials = { .spec = spec };
	add_run(&partials, 4, "b\n", 2);
	add_run(&partials, 3, "c\n", 2);
}
