#include "sluice/base/cpu.h"
#include "sluice/base/random.h"
#include "sluice/scan/block.h"
#include "support/oracle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct set {
	bool ignore_case;
	const char *alphabet;
	struct sl_span literals[4];
	size_t count;
};

static const struct set sets[] = {
	{ false, "erorER\n", { { "error", 5 }, { "ERROR", 5 } }, 2 },
	{ true, "eEr\n", { { "rER", 3 } }, 1 },
	{ false, "ab\n", { { "abababab", 8 }, { "bb", 2 }, { "aabb", 4 } }, 3 },
	{ false, "ab\n", { { "a", 1 } }, 1 },
	{ false, "ab\n", { { "", 0 } }, 1 },
	{ false, "ab\n", { { NULL, 0 } }, 0 },
	{ false, "a\n", { { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 50 } }, 1 },
};

static struct sl_match_plan plans[4];
static const struct sl_match_kernel *kernel;

/* As one plan, or `joined` with one literal each. */
static void
begin_as(const struct set *set, bool joined)
{
	size_t count = joined ? SL_MAX(set->count, (size_t)1) : 1;
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(sl_match_plan_init(&plans[i], set->literals + i,
				     joined ? SL_MIN(set->count, (size_t)1) : set->count,
				     set->ignore_case),
			0);
	sl_match_plans_join(plans, count);
	kernel = sl_match_choose(sl_cpu_features());
}

static void
begin(const struct set *set)
{
	begin_as(set, false);
}

static void
check(const struct sl_block_result *result, const struct set *set, const unsigned char *data,
	size_t len)
{
	struct oracle_totals want = oracle_count(
		sl_span((const char *)data, len), set->literals, set->count, set->ignore_case);
	struct sl_block_totals got = sl_block_finish(result);
	cr_assert_eq(got.bytes, len);
	cr_assert_eq(got.lines, want.lines, "%zu lines, not %zu, in '%.*s'", (size_t)got.lines,
		(size_t)want.lines, (int)len, (const char *)data);
	cr_assert_eq(got.hits, want.hits, "%zu hits, not %zu, in '%.*s'", (size_t)got.hits,
		(size_t)want.hits, (int)len, (const char *)data);
}

static void
fill(struct sl_random *random, const struct set *set, unsigned char *data, size_t len)
{
	size_t letters = strlen(set->alphabet);
	uint64_t rarity = 1 + sl_random_below(random, 20);
	for (size_t i = 0; i < len; i++) {
		data[i] = (unsigned char)set->alphabet[sl_random_below(random, letters)];
		if (data[i] == '\n' && sl_random_below(random, rarity) != 0)
			data[i] = (unsigned char)set->alphabet[0];
	}
}

Test(block, totals_do_not_depend_on_where_a_small_input_is_cut)
{
	struct sl_random random;
	sl_random_init(&random, 11);
	unsigned char data[40];
	for (size_t round = 0; round < 400; round++) {
		const struct set *set = &sets[round % SL_COUNT_OF(sets)];
		begin_as(set, round / SL_COUNT_OF(sets) % 2 == 1);
		size_t len = sl_random_below(&random, sizeof(data) + 1);
		fill(&random, set, data, len);
		for (size_t a = 0; a <= len; a++) {
			for (size_t b = a; b <= len; b++) {
				struct sl_block_result left, middle, right;
				sl_block_scan(kernel, plans, NULL, data, a, NULL, &left);
				sl_block_scan(kernel, plans, NULL, data + a, b - a, NULL, &middle);
				sl_block_scan(kernel, plans, NULL, data + b, len - b, NULL, &right);
				sl_block_merge(plans, &left, &middle);
				sl_block_merge(plans, &left, &right);
				check(&left, set, data, len);
			}
		}
	}
}

static bool
same(const struct sl_block_result *a, const struct sl_block_result *b)
{
	return a->len == b->len && a->newlines == b->newlines && a->hits == b->hits &&
	       a->undecided == b->undecided && a->head_line == b->head_line &&
	       a->tail_line == b->tail_line && a->tail_open == b->tail_open &&
	       a->head_len == b->head_len && a->tail_len == b->tail_len &&
	       memcmp(a->head, b->head, a->head_len) == 0 &&
	       memcmp(a->tail, b->tail, a->tail_len) == 0;
}

#define MOST_PARTS 24

/* Merges neighbours in random order until one result is left. */
static void
merge_all(struct sl_random *random, struct sl_block_result *parts, size_t count)
{
	while (count > 1) {
		size_t at = sl_random_below(random, count - 1);
		sl_block_merge(plans, &parts[at], &parts[at + 1]);
		memmove(&parts[at + 1], &parts[at + 2], (count - at - 2) * sizeof(parts[0]));
		count--;
	}
}

Test(block, totals_do_not_depend_on_the_order_of_merging)
{
	struct sl_random random;
	sl_random_init(&random, 12);
	unsigned char data[1200];
	static struct sl_block_result parts[MOST_PARTS], whole;
	for (size_t round = 0; round < 3000; round++) {
		const struct set *set = &sets[sl_random_below(&random, SL_COUNT_OF(sets))];
		begin_as(set, round % 2 == 1);
		size_t len = sl_random_below(&random, sizeof(data) + 1), at = 0, count = 0;
		fill(&random, set, data, len);
		while (count < MOST_PARTS) {
			bool is_last = count == MOST_PARTS - 1 || sl_random_below(&random, 12) == 0;
			size_t part = is_last ? len - at
					      : sl_random_below(&random, SL_MIN(len - at, 99) + 1);
			sl_block_scan(kernel, plans, NULL, data + at, part, NULL, &parts[count++]);
			at += part;
			if (is_last)
				break;
		}
		merge_all(&random, parts, count);
		check(&parts[0], set, data, len);
		sl_block_scan(kernel, plans, NULL, data, len, NULL, &whole);
		cr_assert(same(&parts[0], &whole));
	}
}

#define LONG_LEN 100000u

/* Longer than what joined plans look at in turn, with lines and literals across those cuts. */
Test(block, joined_plans_find_what_one_does)
{
	struct sl_random random;
	sl_random_init(&random, 13);
	unsigned char *data = malloc(LONG_LEN);
	static uint64_t one_marks[SL_MATCH_MARK_WORDS(LONG_LEN)],
		marks[SL_MATCH_MARK_WORDS(LONG_LEN)];
	for (size_t round = 0; round < 60; round++) {
		const struct set *set = &sets[round % 3 * 2];
		size_t len = LONG_LEN - sl_random_below(&random, 40000);
		struct sl_block_result one, joined, marked;
		fill(&random, set, data, len);
		begin_as(set, false);
		memset(one_marks, 0, sizeof(one_marks));
		sl_block_scan(kernel, plans, NULL, data, len, one_marks, &one);
		check(&one, set, data, len);
		begin_as(set, true);
		memset(marks, 0, sizeof(marks));
		sl_block_scan(kernel, plans, NULL, data, len, marks, &marked);
		sl_block_scan(kernel, plans, NULL, data, len, NULL, &joined);
		cr_assert(same(&one, &joined));
		cr_assert(same(&one, &marked));
		cr_assert_eq(memcmp(one_marks, marks, sizeof(marks)), 0);
	}
	free(data);
}

Test(block, the_empty_result_changes_nothing)
{
	begin(&sets[0]);
	const unsigned char *text = (const unsigned char *)"an error\nerr";
	struct sl_block_result empty = { 0 }, a, b;
	sl_block_scan(kernel, plans, NULL, text, 12, NULL, &a);
	b = a;
	sl_block_merge(plans, &b, &empty);
	cr_assert(same(&a, &b));
	sl_block_merge(plans, &empty, &a);
	cr_assert(same(&a, &empty));
	sl_block_scan(kernel, plans, NULL, text, 0, NULL, &b);
	struct sl_block_totals totals = sl_block_finish(&b);
	cr_assert(totals.bytes == 0 && totals.lines == 0 && totals.hits == 0);
}

/* A file of more than 2^32 lines: the same piece over and over. */
Test(block, counts_have_more_than_32_bits)
{
	enum { DOUBLINGS = 34 };
	static const char text[] = "an error\n\nerr"; /* the next one goes on with "an error" */
	const uint64_t len = sizeof(text) - 1, pieces = 1ull << DOUBLINGS;
	struct sl_block_result all;
	begin(&sets[0]);
	sl_block_scan(kernel, plans, NULL, (const unsigned char *)text, len, NULL, &all);
	for (unsigned i = 0; i < DOUBLINGS; i++) {
		struct sl_block_result half = all;
		sl_block_merge(plans, &all, &half);
	}
	struct sl_block_totals totals = sl_block_finish(&all);
	cr_assert_eq(totals.bytes, pieces * len);
	cr_assert_eq(totals.lines, 2 * pieces + 1);
	cr_assert_eq(totals.hits, pieces);
}

Test(block, a_last_line_without_newline_counts_and_crlf_and_nul_are_bytes)
{
	static const struct {
		const char *text;
		size_t len;
		uint64_t lines, hits;
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "\n", 1, 1, 0 },
		{ "x", 1, 1, 0 },
		{ "error", 5, 1, 1 },
		{ "error\n", 6, 1, 1 },
		{ "error\n\n", 7, 2, 1 },
		{ "a\r\nerror\r\nb", 11, 3, 1 },
		{ "\0error\0\n\0", 9, 2, 1 },
		{ "err\nor\nERROR error", 18, 3, 1 },
	};
	begin(&sets[0]);
	for (size_t i = 0; i < SL_COUNT_OF(cases); i++) {
		struct sl_block_result result;
		sl_block_scan(kernel, plans, NULL, (const unsigned char *)cases[i].text,
			cases[i].len, NULL, &result);
		struct sl_block_totals totals = sl_block_finish(&result);
		cr_assert_eq(totals.lines, cases[i].lines, "case %zu", i);
		cr_assert_eq(totals.hits, cases[i].hits, "case %zu", i);
	}
}

static bool
read_whole(const char *path, struct sl_buf *buf)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	char part[65536];
	size_t got;
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		sl_buf_add(buf, part, got);
	fclose(file);
	return true;
}

static void
check_log(const char *directory, const char *name, uint64_t bytes, uint64_t lines, uint64_t hits,
	uint64_t hits_nocase)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	struct sl_buf buf = { 0 };
	cr_assert(read_whole(path, &buf), "cannot read %s", path);
	cr_assert_eq(buf.len, bytes);
	static const struct set nocase = { true, "", { { "error", 5 } }, 1 };
	for (int i = 0; i < 2; i++) {
		begin(i ? &nocase : &sets[0]);
		struct sl_block_result result;
		sl_block_scan(kernel, plans, NULL, (const unsigned char *)buf.data, buf.len, NULL,
			&result);
		struct sl_block_totals totals = sl_block_finish(&result);
		cr_assert_eq(totals.lines, lines, "%s", name);
		cr_assert_eq(totals.hits, i ? hits_nocase : hits, "%s", name);
	}
	sl_buf_release(&buf);
}

Test(block, counts_of_real_logs_are_the_recorded_ones)
{
	const char *directory = "tests/data/logs"; /* the tests run in the root of the tree */
	FILE *golden = fopen("tests/data/logs/golden.tsv", "r");
	cr_assert_not_null(golden);
	char line[512], name[128];
	unsigned long bytes, lines, hits, hits_nocase, files = 0;
	while (fgets(line, sizeof(line), golden)) {
		if (sscanf(line, "%127s %lu %lu %lu %lu", name, &bytes, &lines, &hits,
			    &hits_nocase) != 5)
			continue;
		check_log(directory, name, bytes, lines, hits, hits_nocase);
		files++;
	}
	fclose(golden);
	cr_assert_eq(files, 8);
}

/* As the naive count: lines that match only if case is ignored, wherever the text is cut. */
Test(block, lines_with_the_literals_in_another_case_are_counted)
{
	static const char *const words[] = { "error", "ERROR", "Error", "eRRoR", "rror", "\n", "\n",
		" ", "E" };
	struct sl_random random;
	sl_random_init(&random, 19);
	char text[160];
	for (size_t round = 0; round < 3000; round++) {
		size_t len = 0, longest = 1 + sl_random_below(&random, 60);
		while (len + 5 < sizeof(text)) {
			const char *word = words[sl_random_below(&random, SL_COUNT_OF(words))];
			memcpy(text + len, word, strlen(word));
			len += strlen(word);
		}
		begin(&sets[0]);
		sl_match_plan_count_other_case(plans);
		struct oracle_totals exact =
			oracle_count(sl_span(text, len), sets[0].literals, 2, false);
		struct oracle_totals any =
			oracle_count(sl_span(text, len), sets[0].literals, 2, true);
		const struct sl_match_kernel *one;
		for (size_t k = 0; (one = sl_match_nth(k)) != NULL; k++) {
			struct sl_block_result all = { 0 }, part;
			if (!sl_match_by_name(one->name, sl_cpu_features()))
				continue;
			for (size_t at = 0; at < len;) {
				size_t some =
					1 + sl_random_below(&random, SL_MIN(len - at, longest));
				sl_block_scan(one, plans, NULL, (unsigned char *)text + at, some,
					NULL, &part);
				sl_block_merge(plans, &all, &part);
				at += some;
			}
			struct sl_block_totals got = sl_block_finish(&all);
			cr_assert_eq(got.hits, exact.hits);
			cr_assert_eq(got.other_case, any.hits - exact.hits, "%s: '%.*s'", one->name,
				(int)len, text);
		}
	}
}
