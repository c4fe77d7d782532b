/*
 * kernels_main.c - compares every kernel that this CPU can run with the naive oracle, and the CRC
 * with its portable version. Needs neither libraries nor a test framework, so that it also runs
 * under an emulator (scripts/check-neon).
 *
 *   kernels [NAME]      fails if the kernel of that name cannot run here
 */
#include "sluice/base/cpu.h"
#include "sluice/base/crc32c.h"
#include "sluice/base/random.h"
#include "sluice/match/match.h"
#include "support/oracle.h"

#include <stdio.h>
#include <stdlib.h>

#define LEN_MAX 700u
#define ROUNDS 3000u

struct set {
	bool ignore_case;
	const char *alphabet;
	struct sl_span literals[10];
	size_t count;
};

/* Each filter, with literals that are everywhere, at the ends of vectors too. */
static const struct set sets[] = {
	{ false, "ab\n", { { NULL, 0 } }, 0 },
	{ false, "ab\n", { { "", 0 } }, 1 },
	{ false, "ab\n", { { "b", 1 } }, 1 },
	{ false, "erorER\n ", { { "error", 5 }, { "ERROR", 5 } }, 2 },
	{ true, "eErRoO\n\r", { { "eRRor", 5 } }, 1 },
	{ true, "a[{@`\n", { { "[a", 2 } }, 1 },
	{ false, "abcd\n", { { "a", 1 }, { "bcd", 3 }, { "cab", 3 } }, 3 },
	{ false, "abcd\n", { { "ab", 2 }, { "bc", 2 }, { "cd", 2 }, { "da", 2 } }, 4 },
	{ true, "aBcD\n", { { "abc", 3 }, { "bcd", 3 }, { "cda", 3 }, { "ddd", 3 } }, 4 },
	{ false, "\xff\xfe\x80\n", { { "\xff\xfe", 2 }, { "\x80\x80\x80", 3 } }, 2 },
	{ false, "ab\n",
		{ { "aab", 3 }, { "aba", 3 }, { "abb", 3 }, { "baa", 3 }, { "bab", 3 },
			{ "bba", 3 }, { "bbb", 3 }, { "aaa", 3 }, { "abab", 4 }, { "bbbb", 4 } },
		10 },
};

static unsigned failures;

static void
check(bool holds, const char *kernel, size_t set, size_t len, const char *what)
{
	if (holds)
		return;
	failures++;
	printf("%s: %s differs in %zu bytes of set %zu\n", kernel, what, len, set);
}

static void
check_kernel(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan, size_t index,
	struct sl_span text)
{
	const struct set *set = &sets[index];
	uint64_t marks[SL_MATCH_MARK_WORDS(LEN_MAX)] = { 0 };
	uint64_t none[SL_MATCH_MARK_WORDS(LEN_MAX)] = { 0 };
	static struct sl_match_hits hits;
	size_t found = 0;
	struct sl_match_counts got, unmarked, numbered, want = { 0 };
	const unsigned char *data = (const unsigned char *)text.data;
	struct sl_span rest = text, line;
	kernel->scan(plan, data, text.len, marks, NULL, &got);
	kernel->scan(plan, data, text.len, NULL, NULL, &unmarked);
	kernel->scan(plan, data, text.len, none, &hits, &numbered);
	for (bool is_first = true; oracle_next_line(&rest, &line); is_first = false) {
		size_t end = (size_t)(line.data - text.data) + line.len;
		bool hit = oracle_line_hit(line, set->literals, set->count, set->ignore_case);
		bool closed = end < text.len;
		want.newlines += closed;
		want.head_hit = is_first ? hit : want.head_hit;
		want.tail_hit = closed ? want.tail_hit : hit;
		bool marked = closed && marks[end / 64] >> (end % 64) & 1;
		want.hits += hit && closed && !is_first;
		check(marked == (hit && closed && !is_first), kernel->name, index, text.len,
			"mark");
		if (!marked || !hits.is_complete)
			continue;
		const struct sl_match_hit *item = &hits.items[found++];
		check(item->end == end && item->index == want.newlines - 1, kernel->name, index,
			text.len, "number of a line");
	}
	check(found == hits.count || !hits.is_complete, kernel->name, index, text.len, "hits");
	check(kernel->newlines(data, text.len) == want.newlines, kernel->name, index, text.len,
		"count of newlines");
	check(got.newlines == want.newlines && got.hits == want.hits, kernel->name, index, text.len,
		"count");
	check(got.head_hit == want.head_hit && got.tail_hit == want.tail_hit, kernel->name, index,
		text.len, "edge");
	check(unmarked.hits == got.hits && unmarked.newlines == got.newlines, kernel->name, index,
		text.len, "count without marks");
}

static void
check_plan(const struct sl_match_plan *plan, size_t index, struct sl_span text)
{
	const struct sl_match_kernel *kernel;
	for (size_t i = 0; (kernel = sl_match_nth(i)) != NULL; i++) {
		if (sl_match_by_name(kernel->name, sl_cpu_features()))
			check_kernel(kernel, plan, index, text);
	}
}

/* Tables do not take an empty literal. */
static bool
init_grams(struct sl_match_plan *plan, const struct set *set)
{
	struct sl_match_literal literals[SL_COUNT_OF(set->literals)];
	for (size_t i = 0; i < set->count; i++) {
		literals[i] = (struct sl_match_literal){ set->literals[i], (uint32_t)i };
		if (set->literals[i].len == 0)
			return false;
	}
	return set->count && sl_match_plan_init_grams(plan, literals, set->count, set->ignore_case,
				     sl_span("", 0)) == 0;
}

static void
check_kernels(struct sl_random *random, size_t index)
{
	const struct set *set = &sets[index];
	struct sl_match_plan plan;
	char *text = malloc(LEN_MAX);
	size_t len = sl_random_below(random, LEN_MAX + 1), letters = strlen(set->alphabet);
	uint64_t rarity = 1 + sl_random_below(random, 60);
	if (!text || sl_match_plan_init(&plan, set->literals, set->count, set->ignore_case) != 0)
		abort();
	for (size_t i = 0; i < len; i++) {
		text[i] = set->alphabet[sl_random_below(random, letters)];
		if (text[i] == '\n' && sl_random_below(random, rarity) != 0)
			text[i] = set->alphabet[0];
	}
	check_plan(&plan, index, sl_span(text, len));
	if (init_grams(&plan, set)) {
		check_plan(&plan, index, sl_span(text, len));
		sl_match_plan_release(&plan);
	}
	free(text);
}

static void
check_crc(struct sl_random *random)
{
	static unsigned char data[60000];
	size_t from = sl_random_below(random, 64);
	size_t len = sl_random_below(random, sizeof(data) - from);
	for (size_t i = 0; i < 100; i++)
		data[sl_random_below(random, sizeof(data))] = (unsigned char)sl_random_next(random);
	if (sl_crc32c(7, data + from, len) == sl_crc32c_portable(7, data + from, len))
		return;
	failures++;
	printf("crc32c: differs for %zu bytes from %zu on\n", len, from);
}

int
main(int argc, char **argv)
{
	struct sl_random random;
	if (argc > 1 && !sl_match_by_name(argv[1], sl_cpu_features())) {
		printf("the kernel %s cannot run here\n", argv[1]);
		return 1;
	}
	sl_random_init(&random, 41);
	for (size_t round = 0; round < ROUNDS && failures < 10; round++)
		check_kernels(&random, round % SL_COUNT_OF(sets));
	for (size_t round = 0; round < ROUNDS / 10 && failures < 10; round++)
		check_crc(&random);
	for (size_t i = 0; failures == 0 && sl_match_nth(i); i++)
		if (sl_match_by_name(sl_match_nth(i)->name, sl_cpu_features()))
			printf("%s: as the oracle\n", sl_match_nth(i)->name);
	return failures != 0;
}
