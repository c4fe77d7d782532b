#include "sluice/base/cpu.h"
#include "sluice/base/error.h"
#include "sluice/base/random.h"
#include "sluice/match/match.h"
#include "support/oracle.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Text that ends (or begins) exactly at a page that cannot be read. */
struct cage {
	unsigned char *map;
	size_t page, pages;
};

static struct cage
cage_new(size_t bytes)
{
	struct cage cage = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	cage.pages = bytes / cage.page + 1;
	size_t len = (cage.pages + 2) * cage.page;
	cage.map = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(cage.map != MAP_FAILED);
	cr_assert_eq(
		mprotect(cage.map + cage.page, cage.pages * cage.page, PROT_READ | PROT_WRITE), 0);
	return cage;
}

static void
cage_free(struct cage *cage)
{
	munmap(cage->map, (cage->pages + 2) * cage->page);
}

static unsigned char *
cage_put(struct cage *cage, const void *data, size_t len, bool at_end)
{
	unsigned char *begin = cage->map + cage->page;
	unsigned char *at = at_end ? begin + cage->pages * cage->page - len : begin;
	if (len)
		memcpy(at, data, len);
	return at;
}

static struct sl_match_plan plan;

static void
plan_of(const char *const *texts, bool ignore_case)
{
	struct sl_span literals[SL_MATCH_LITERALS];
	size_t count = 0;
	for (; texts[count]; count++)
		literals[count] = sl_span_str(texts[count]);
	cr_assert_eq(sl_match_plan_init(&plan, literals, count, ignore_case), 0);
}

/* What a pass should find, line by line. */
static struct sl_match_counts
expected(struct sl_span data, const struct sl_span *literals, size_t count, bool ignore_case,
	uint64_t *marks)
{
	struct sl_match_counts want = { 0 };
	struct sl_span rest = data, line;
	bool is_first = true;
	while (oracle_next_line(&rest, &line)) {
		bool hit = oracle_line_hit(line, literals, count, ignore_case);
		const char *end = line.data + line.len;
		bool closed = end < data.data + data.len;
		want.newlines += closed;
		if (is_first)
			want.head_hit = hit;
		if (!closed)
			want.tail_hit = hit;
		if (!is_first && closed && hit) {
			want.hits++;
			size_t off = (size_t)(end - data.data);
			marks[off / 64] |= 1ull << (off % 64);
		}
		is_first = false;
	}
	return want;
}

static void
check_counts(const struct sl_match_counts *got, const struct sl_match_counts *want,
	const char *name, size_t len)
{
	cr_assert_eq(got->newlines, want->newlines, "%s: newlines %zu, not %zu, of %zu bytes", name,
		(size_t)got->newlines, (size_t)want->newlines, len);
	cr_assert_eq(got->hits, want->hits, "%s: hits %zu, not %zu, of %zu bytes", name,
		(size_t)got->hits, (size_t)want->hits, len);
	cr_assert_eq(got->head_hit, want->head_hit, "%s: head_hit of %zu bytes", name, len);
	cr_assert_eq(got->tail_hit, want->tail_hit, "%s: tail_hit of %zu bytes", name, len);
}

#define MOST_BYTES 4096

static void
check_newline_marks(const char *name, const uint64_t *marks, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < SL_MATCH_MARK_WORDS(len) * 64; i++) {
		bool want = i < len && data[i] == '\n';
		cr_assert_eq(
			marks[i / 64] >> (i % 64) & 1, want, "%s: byte %zu of %zu", name, i, len);
	}
}

/* The lines are marked, or are hits with their numbers if the plan has a filter that tells. */
static void
check_hits(const struct sl_match_hits *hits, const uint64_t *marks, const uint64_t *want,
	const unsigned char *data, const struct sl_match_counts *counts)
{
	static const uint64_t none[SL_MATCH_MARK_WORDS(MOST_BYTES) + 1];
	bool counts_on = plan.filter == SL_MATCH_PAIRS ||
			 (plan.filter == SL_MATCH_NIBBLES && !plan.classes);
	size_t newlines = 0, found = 0;
	cr_assert_eq(hits->is_complete, counts_on && counts->hits <= SL_MATCH_HITS);
	cr_assert_arr_eq(marks, hits->is_complete ? none : want, sizeof(none));
	if (!hits->is_complete)
		return;
	cr_assert_eq(hits->count, counts->hits);
	for (size_t at = 0; found < hits->count; at++) {
		if (want[at / 64] >> (at % 64) & 1) {
			cr_assert_eq(hits->items[found].end, at);
			cr_assert_eq(hits->items[found].index, newlines);
			found++;
		}
		newlines += data[at] == '\n';
	}
}

static void
check_every_kernel(const unsigned char *data, size_t len, const struct sl_span *literals,
	size_t count, bool ignore_case)
{
	uint64_t want_marks[SL_MATCH_MARK_WORDS(MOST_BYTES) + 1] = { 0 };
	struct sl_match_counts want = expected(
		sl_span((const char *)data, len), literals, count, ignore_case, want_marks);
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if (!sl_match_by_name(kernel->name, sl_cpu_features()))
			continue;
		struct sl_match_counts got;
		static struct sl_match_hits hits;
		uint64_t marks[SL_MATCH_MARK_WORDS(MOST_BYTES) + 1] = { 0 };
		kernel->scan(&plan, data, len, marks, NULL, &got);
		check_counts(&got, &want, kernel->name, len);
		cr_assert_arr_eq(marks, want_marks, sizeof(marks), "%s: marks of %zu bytes",
			kernel->name, len);
		kernel->scan(&plan, data, len, NULL, NULL, &got);
		check_counts(&got, &want, kernel->name, len);
		memset(marks, 0, sizeof(marks));
		kernel->scan(&plan, data, len, marks, &hits, &got);
		check_counts(&got, &want, kernel->name, len);
		check_hits(&hits, marks, want_marks, data, &got);
		cr_assert_eq(kernel->newlines(data, len), want.newlines);
		memset(marks, 0, sizeof(marks));
		cr_assert_eq(kernel->mark_newlines(data, len, marks), want.newlines);
		check_newline_marks(kernel->name, marks, data, len);
	}
}

/* With the filter that suits them, and in tables. */
static void
check_every_plan(const unsigned char *data, size_t len, const struct sl_span *literals,
	size_t count, bool ignore_case)
{
	struct sl_match_literal ranked[SL_MATCH_LITERALS];
	bool has_empty = count == 0;
	cr_assert_eq(sl_match_plan_init(&plan, literals, count, ignore_case), 0);
	check_every_kernel(data, len, literals, count, ignore_case);
	for (size_t i = 0; i < count; i++) {
		ranked[i] = (struct sl_match_literal){ literals[i], (uint32_t)i };
		has_empty = has_empty || literals[i].len == 0;
	}
	if (has_empty)
		return;
	cr_assert_eq(
		sl_match_plan_init_grams(&plan, ranked, count, ignore_case, sl_span("", 0)), 0);
	check_every_kernel(data, len, literals, count, ignore_case);
	sl_match_plan_release(&plan);
}

struct set {
	bool ignore_case;
	const char *alphabet;
	const char *literals[12];
};

/* Alphabets are small, so that literals and their beginnings are everywhere. */
static const struct set sets[] = {
	{ false, "abc\n", { NULL } },
	{ false, "abc\n", { "", NULL } },
	{ false, "abc\n", { "ab", "", NULL } },
	{ false, "erorER\n ", { "error", "ERROR", NULL } },
	{ false, "ero\n", { "error", NULL } },
	{ true, "eErRoO\n\r", { "eRRor", NULL } },
	{ false, "ab\n", { "b", NULL } },
	{ true, "aAbB\n", { "a", NULL } },
	{ false, "a[{\n", { "[a", "{a", NULL } },
	{ true, "a[{@`\n", { "[a", NULL } },
	{ false, "ab\n", { "aaaaaaaaaaaaaaaa", "abababab", NULL } },
	{ false, "abcd\n", { "ab", "bc", "cd", "da", NULL } },
	{ true, "aBcD\n", { "abc", "bcd", "cda", "dd", NULL } },
	{ false, "abcd\n", { "a", "bcd", "cab", NULL } },
	{ false, "ab\n",
		{ "aab", "aba", "abb", "baa", "bab", "bba", "bbb", "aaa", "abab", "bbbb", NULL } },
	{ false, "a0b\x8a\n", { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL } },
	{ false, "aZ{`\x7f\xe1\xff\n", { "a", "b", "Z", "\x7f", "\x01", NULL } },
	{ true, "aZ{`A\xc1\n", { "A", "b", "z", "!", NULL } },
	{ false, "ab\xe1\n", { "a", "\xe1", NULL } },
	{ false, "\xff\xfe\x80\n", { "\xff\xfe", "\x80\x80\x80", NULL } },
	/* All that a sequence of classes matches, and nearly all. */
	{ false, "0e1 \n", { "0e", "0 ", "1e", "1 ", NULL } },
	{ false, "0e1 \n", { "0e", "0 ", "1e", "1e", NULL } },
	{ true, "eEt10\n", { "E0", "t0", "e1", "T1", NULL } },
	{ false, " 0e1\xe5\n", { " 0e", " 01", " 1e", " 11", NULL } },
	{ false, " e\n", { " e", NULL } },
};

static size_t
set_literals(const struct set *set, struct sl_span *literals)
{
	size_t count = 0;
	for (; set->literals[count]; count++)
		literals[count] = sl_span_str(set->literals[count]);
	return count;
}

/* Newlines are rarer in some fills than in others; NULs come in now and then. */
static void
fill(struct sl_random *random, const struct set *set, unsigned char *data, size_t len)
{
	size_t letters = strlen(set->alphabet);
	uint64_t rarity = 1 + sl_random_below(random, 60);
	for (size_t i = 0; i < len; i++) {
		data[i] = (unsigned char)set->alphabet[sl_random_below(random, letters)];
		if (data[i] == '\n' && sl_random_below(random, rarity) != 0)
			data[i] = (unsigned char)set->alphabet[0];
		if (sl_random_below(random, 200) == 0)
			data[i] = 0;
	}
}

Test(match, kernels_agree_with_the_oracle_at_every_length_against_unreadable_pages)
{
	struct cage cage = cage_new(MOST_BYTES);
	struct sl_random random;
	sl_random_init(&random, 1);
	unsigned char data[MOST_BYTES];
	for (size_t s = 0; s < SL_COUNT_OF(sets); s++) {
		struct sl_span literals[12];
		size_t count = set_literals(&sets[s], literals);
		for (size_t len = 0; len <= 420; len++) {
			fill(&random, &sets[s], data, len);
			unsigned char *at = cage_put(&cage, data, len, len % 2 == 0);
			check_every_plan(at, len, literals, count, sets[s].ignore_case);
		}
	}
	cage_free(&cage);
}

Test(match, kernels_agree_with_the_oracle_on_random_blocks_at_any_alignment)
{
	struct cage cage = cage_new(MOST_BYTES);
	struct sl_random random;
	sl_random_init(&random, 2);
	unsigned char data[MOST_BYTES];
	for (size_t round = 0; round < 1500; round++) {
		const struct set *set = &sets[sl_random_below(&random, SL_COUNT_OF(sets))];
		struct sl_span literals[12];
		size_t count = set_literals(set, literals);
		size_t len = sl_random_below(&random, MOST_BYTES + 1);
		fill(&random, set, data, len);
		unsigned char *at = cage_put(&cage, data, len, true);
		check_every_plan(at, len, literals, count, set->ignore_case);
	}
	cage_free(&cage);
}

/* The first line, which the block does not close, is none of them. */
Test(match, more_lines_than_there_is_room_for_hits_are_marked)
{
	static const struct sl_span literal = { "ab", 2 };
	static unsigned char data[MOST_BYTES];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)"ab\n"[i % 3];
	for (size_t lines = SL_MATCH_HITS - 1; lines < SL_MATCH_HITS + 4; lines++)
		check_every_plan(data, 3 * lines, &literal, 1, false);
	check_every_plan(data, sizeof(data), &literal, 1, false);
}

Test(match, random_literals_agree_with_the_oracle)
{
	struct sl_random random;
	sl_random_init(&random, 3);
	unsigned char data[MOST_BYTES];
	char texts[SL_MATCH_LITERALS][SL_MATCH_LITERAL_LEN];
	for (size_t round = 0; round < 600; round++) {
		const struct set *set = &sets[3 + sl_random_below(&random, 3)];
		struct sl_span literals[SL_MATCH_LITERALS];
		size_t count = 1 + sl_random_below(&random, round % 3 ? 4 : SL_MATCH_LITERALS);
		for (size_t i = 0; i < count; i++) {
			size_t len =
				1 + sl_random_below(&random, round % 5 ? 6 : SL_MATCH_LITERAL_LEN);
			for (size_t k = 0; k < len; k++)
				texts[i][k] = set->alphabet[sl_random_below(&random, 3)];
			literals[i] = sl_span(texts[i], len);
		}
		bool ignore_case = sl_random_below(&random, 2) != 0;
		size_t len = sl_random_below(&random, 1500);
		fill(&random, set, data, len);
		check_every_plan(data, len, literals, count, ignore_case);
	}
}

/* Random classes of a few bytes; *literals are all that they match. Returns how many. */
#define MOST_PRODUCTS 256

static size_t
make_classes(struct sl_random *random, struct sl_match_classes *classes,
	char texts[MOST_PRODUCTS][SL_MATCH_CLASSES], struct sl_span *literals)
{
	static const char letters[] = "abcdefgh";
	size_t count = 1;
	*classes = (struct sl_match_classes){ .len = 1 + (unsigned)sl_random_below(random, 8) };
	memset(texts, 0, MOST_PRODUCTS * SL_MATCH_CLASSES);
	for (unsigned pos = 0; pos < classes->len; pos++) {
		size_t most = SL_MIN(MOST_PRODUCTS / count, sizeof(letters) - 1);
		size_t size = 1 + sl_random_below(random, SL_MIN(most, (size_t)5));
		size_t first = sl_random_below(random, sizeof(letters) - size);
		for (size_t i = 0; i < size; i++) {
			unsigned char c = (unsigned char)letters[first + i];
			classes->members[c] |= (unsigned char)(1u << pos);
			for (size_t k = 0; k < count; k++) {
				memcpy(texts[i * count + k], texts[k], pos);
				texts[i * count + k][pos] = (char)c;
			}
		}
		count *= size;
	}
	for (size_t i = 0; i < count; i++)
		literals[i] = sl_span(texts[i], classes->len);
	return count;
}

Test(match, sequences_of_classes_agree_with_the_oracle)
{
	static const struct set text = { false, "abcdefgh\n", { NULL } };
	static char texts[MOST_PRODUCTS][SL_MATCH_CLASSES];
	static struct sl_span literals[MOST_PRODUCTS];
	struct cage cage = cage_new(MOST_BYTES);
	struct sl_random random;
	unsigned char data[MOST_BYTES];
	sl_random_init(&random, 4);
	for (size_t round = 0; round < 1500; round++) {
		struct sl_match_classes classes;
		size_t count = make_classes(&random, &classes, texts, literals);
		size_t len = sl_random_below(&random, round % 2 ? 300 : 1500);
		cr_assert_eq(sl_match_plan_init_classes(&plan, &classes), 0);
		fill(&random, &text, data, len);
		unsigned char *at = cage_put(&cage, data, len, round % 3 != 0);
		check_every_kernel(at, len, literals, count, false);
	}
	cage_free(&cage);
}

Test(match, classes_with_newlines_or_bytes_beyond_ascii_are_refused)
{
	struct sl_match_classes classes = { 0 };
	cr_assert_eq(sl_match_plan_init_classes(&plan, &classes), SL_E_LIMIT);
	classes.members['a'] = classes.members['b'] = 1;
	classes.len = SL_MATCH_CLASSES + 1;
	cr_assert_eq(sl_match_plan_init_classes(&plan, &classes), SL_E_LIMIT);
	classes.len = 1;
	cr_assert_eq(sl_match_plan_init_classes(&plan, &classes), 0);
	classes.members['\n'] = 1;
	cr_assert_eq(sl_match_plan_init_classes(&plan, &classes), SL_E_LIMIT);
	classes.members['\n'] = 0;
	classes.members[0x80] = 1;
	cr_assert_eq(sl_match_plan_init_classes(&plan, &classes), SL_E_LIMIT);
}

Test(match, literals_at_every_place_of_a_block_are_found)
{
	const struct sl_span literals[] = { { "ERROR", 5 }, { "error", 5 } };
	unsigned char data[700];
	for (size_t at = 0; at + 5 <= sizeof(data); at++) {
		memset(data, 'r', sizeof(data));
		for (size_t i = 99; i < sizeof(data); i += 100)
			data[i] = '\n';
		memcpy(data + at, at % 2 ? "error" : "ERROR", 5);
		check_every_plan(data, sizeof(data), literals, 2, false);
	}
}

Test(match, more_newlines_than_a_byte_can_count)
{
	unsigned char data[MOST_BYTES];
	memset(data, '\n', sizeof(data));
	const char *const none[] = { NULL }, *const pair[] = { "error", NULL };
	const char *const words[] = { "abc", "xyz", NULL };
	plan_of(none, false);
	check_every_kernel(data, sizeof(data), NULL, 0, false);
	plan_of(pair, false);
	check_every_kernel(data, sizeof(data), &(struct sl_span){ "error", 5 }, 1, false);
	plan_of(words, false);
	check_every_kernel(
		data, sizeof(data), (struct sl_span[]){ { "abc", 3 }, { "xyz", 3 } }, 2, false);
}

Test(match, default_pair_shares_one_filter_and_keeps_its_case)
{
	const char *const pair[] = { "ERROR", "error", NULL };
	plan_of(pair, false);
	cr_assert_eq(plan.filter, SL_MATCH_PAIRS);
	const unsigned char *text = (const unsigned char *)"Error eRROR ERRoR";
	struct sl_match_counts counts;
	sl_match_choose(sl_cpu_features())->scan(&plan, text, 17, NULL, NULL, &counts);
	cr_assert(!counts.head_hit && !counts.tail_hit);
}

Test(match, find_reports_leftmost_and_first_in_order)
{
	const char *const words[] = { "bc", "abcd", "ab", NULL };
	plan_of(words, false);
	const unsigned char *text = (const unsigned char *)"xxabcdbc";
	size_t begin = 0, end = 0;
	cr_assert(sl_match_find(&plan, text, 8, 0, &begin, &end));
	cr_assert(begin == 2 && end == 6);
	cr_assert(sl_match_find(&plan, text, 8, end, &begin, &end));
	cr_assert(begin == 6 && end == 8);
	cr_assert(!sl_match_find(&plan, text, 8, end, &begin, &end));
}

Test(match, empty_literal_is_found_everywhere)
{
	const char *const words[] = { "ab", "", NULL };
	plan_of(words, false);
	size_t begin = 9, end = 9;
	cr_assert(sl_match_find(&plan, (const unsigned char *)"", 0, 0, &begin, &end));
	cr_assert(begin == 0 && end == 0);
	cr_assert(sl_match_find(&plan, (const unsigned char *)"xab", 3, 1, &begin, &end));
	cr_assert(begin == 1 && end == 3);
}

Test(match, too_many_too_long_or_broken_literals_are_refused)
{
	struct sl_span many[SL_MATCH_LITERALS + 1];
	for (size_t i = 0; i < SL_COUNT_OF(many); i++)
		many[i] = sl_span_str("x");
	cr_assert_eq(sl_match_plan_init(&plan, many, SL_COUNT_OF(many), false), SL_E_LIMIT);
	cr_assert_eq(sl_match_plan_init(&plan, many, SL_MATCH_LITERALS, false), 0);
	char text[SL_MATCH_LITERAL_LEN + 1];
	memset(text, 'x', sizeof(text));
	struct sl_span literal = sl_span(text, sizeof(text));
	cr_assert_eq(sl_match_plan_init(&plan, &literal, 1, false), SL_E_LIMIT);
	literal.len = SL_MATCH_LITERAL_LEN;
	cr_assert_eq(sl_match_plan_init(&plan, &literal, 1, false), 0);
	literal = sl_span_str("a\nb");
	cr_assert_eq(sl_match_plan_init(&plan, &literal, 1, false), SL_E_LIMIT);
}

Test(match, kernel_is_chosen_by_the_features_of_the_cpu)
{
	cr_assert_str_eq(sl_match_choose(0)->name, "scalar");
	cr_assert_null(sl_match_by_name("no such kernel", ~0u));
	const struct sl_match_kernel *fastest = sl_match_nth(0);
	cr_assert_eq(sl_match_choose(~0u), fastest);
	if (fastest->features)
		cr_assert_null(sl_match_by_name(fastest->name, 0));
}
