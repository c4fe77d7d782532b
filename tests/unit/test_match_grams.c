/*
 * Many literals in tables, and sets of them divided into plans, against a naive search: of random
 * literals over small alphabets, which share bytes, beginnings and ends, in text flush against a
 * page that cannot be read.
 */
#include "support/guard.h"
#include "support/oracle.h"

#include "sluice/base/cpu.h"
#include "sluice/base/error.h"
#include "sluice/base/random.h"
#include "sluice/match/match.h"
#include "sluice/match/match_plans.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MOST 700u /* literals */
#define MOST_BYTES 3000u

static struct sl_random rng;
static struct sl_match_literal literals[MOST], shuffled[MOST];
static char bytes[MOST][SL_MATCH_LITERAL_LEN];
static size_t count;
static bool ignore_case;

static void
random_bytes(char *to, size_t len, const char *alphabet)
{
	size_t letters = strlen(alphabet);
	for (size_t i = 0; i < len; i++)
		to[i] = alphabet[sl_random_below(&rng, letters)];
}

/* Some are short, some share all but a byte with the one before. */
static void
random_literals(const char *alphabet, size_t shortest, size_t longest)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = shortest + sl_random_below(&rng, longest - shortest + 1);
		random_bytes(bytes[i], len, alphabet);
		if (i && sl_random_below(&rng, 3) == 0) {
			len = literals[i - 1].text.len;
			memcpy(bytes[i], bytes[i - 1], len);
			bytes[i][sl_random_below(&rng, len)] = alphabet[0];
		}
		literals[i] = (struct sl_match_literal){ sl_span(bytes[i], len), (uint32_t)i };
	}
}

static bool
is_at(const struct sl_match_literal *literal, const unsigned char *text, size_t len, size_t at)
{
	struct sl_span here = { (const char *)text + at, literal->text.len };
	return at + here.len <= len && (ignore_case ? sl_span_equal_nocase(here, literal->text)
						    : sl_span_equal(here, literal->text));
}

/* The literal that is found first: the leftmost, of those the first. */
static const struct sl_match_literal *
first_of(const unsigned char *text, size_t len, size_t from, size_t *begin)
{
	for (*begin = from; *begin < len; ++*begin)
		for (size_t i = 0; i < count; i++)
			if (is_at(&literals[i], text, len, *begin))
				return &literals[i];
	return NULL;
}

static bool
spans(const unsigned char *text, size_t len, size_t cut)
{
	for (size_t at = 0; at < cut; at++)
		for (size_t i = 0; i < count; i++)
			if (at + literals[i].text.len > cut && is_at(&literals[i], text, len, at))
				return true;
	return false;
}

static void
check_find(const struct sl_match_plan *plan, const unsigned char *text, size_t len)
{
	for (size_t from = 0; from <= len;) {
		size_t want, begin = 0, end = 0;
		const struct sl_match_literal *literal = first_of(text, len, from, &want);
		bool found = sl_match_find(plan, text, len, from, &begin, &end);
		cr_assert_eq(found, literal != NULL, "from %zu of %zu", from, len);
		if (!found)
			return;
		cr_assert(begin == want && end == want + literal->text.len, "%zu to %zu, not %zu",
			begin, end, want);
		from = begin + 1 + sl_random_below(&rng, 40);
	}
}

static void
check_spans(const struct sl_match_plan *plan, const unsigned char *text, size_t len)
{
	for (size_t round = 0; len && round < 10; round++) {
		size_t from = sl_random_below(&rng, len), some = SL_MIN(len - from, (size_t)250);
		size_t cut = sl_random_below(&rng, some + 1);
		bool found = false;
		for (const struct sl_match_plan *one = plan; one; one = one->next)
			found = found || sl_match_spans(one, text + from, some, cut);
		cr_assert_eq(found, spans(text + from, some, cut), "cut %zu of %zu", cut, some);
	}
}

/* The marks of all plans together are the lines that match, but for the first and last ones. */
static void
check_lines(const struct sl_match_plan *plan, const unsigned char *text, size_t len)
{
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	uint64_t marks[SL_MATCH_MARK_WORDS(MOST_BYTES)] = { 0 };
	struct sl_match_counts counts;
	bool head_hit = false, tail_hit = false;
	for (; plan; plan = plan->next) {
		kernel->scan(plan, text, len, marks, NULL, &counts);
		head_hit = head_hit || counts.head_hit;
		tail_hit = tail_hit || counts.tail_hit;
	}
	size_t from = 0, begin;
	for (size_t end = 0; end <= len; end++) {
		if (end < len && text[end] != '\n')
			continue;
		bool hit = first_of(text, end, from, &begin) != NULL;
		if (from == 0)
			cr_assert_eq(head_hit, hit, "head of %zu bytes", len);
		if (end == len)
			cr_assert_eq(tail_hit, hit, "tail of %zu bytes", len);
		if (from > 0 && end < len)
			cr_assert_eq(marks[end / 64] >> (end % 64) & 1, hit, "line at %zu", from);
		from = end + 1;
	}
}

static void
check(const struct sl_match_plan *plan, struct guard *guard, const char *alphabet)
{
	char text[MOST_BYTES];
	size_t len = sl_random_below(&rng, MOST_BYTES + 1);
	random_bytes(text, len, alphabet);
	for (size_t i = 0; i < len; i++)
		if (sl_random_below(&rng, 40) == 0)
			text[i] = '\n';
	for (size_t i = 0; len > SL_MATCH_LITERAL_LEN && i < 6; i++) {
		struct sl_span literal = literals[sl_random_below(&rng, count)].text;
		memcpy(text + sl_random_below(&rng, len - literal.len), literal.data, literal.len);
	}
	const unsigned char *at = (unsigned char *)guard_place(guard, text, len);
	check_lines(plan, at, len);
	check_find(plan, at, len);
	check_spans(plan, at, len);
}

static const char *const alphabets[] = { "ab", "abcdefABCDEF01", "0123456789", "aAbB[{`@",
	"\xff\x80zy" };

Test(match_grams, tables_of_literals_of_any_length_find_what_a_naive_search_does)
{
	struct guard guard;
	guard_init(&guard, MOST_BYTES);
	sl_random_init(&rng, 61);
	for (size_t round = 0; round < 300; round++) {
		const char *alphabet = alphabets[round % SL_COUNT_OF(alphabets)];
		struct sl_match_plan plan;
		count = 1 + sl_random_below(&rng, round % 7 ? 80 : MOST);
		ignore_case = sl_random_below(&rng, 2);
		size_t shortest = 1 + sl_random_below(&rng, 20);
		random_literals(alphabet, shortest, shortest + sl_random_below(&rng, 30));
		char text[5000];
		random_bytes(text, sizeof(text), alphabet);
		struct sl_span sample = sl_span(text, round % 2 ? sizeof(text) : 0);
		cr_assert_eq(
			sl_match_plan_init_grams(&plan, literals, count, ignore_case, sample), 0);
		check(&plan, &guard, alphabet);
		sl_match_plan_release(&plan);
	}
	guard_release(&guard);
}

Test(match_plans, sets_of_literals_find_what_a_naive_search_does)
{
	struct guard guard;
	guard_init(&guard, MOST_BYTES);
	sl_random_init(&rng, 62);
	for (size_t round = 0; round < 300; round++) {
		const char *alphabet = alphabets[round % SL_COUNT_OF(alphabets)];
		struct sl_match_plans plans = { 0 };
		count = 1 + sl_random_below(&rng, round % 2 ? 80 : MOST);
		ignore_case = sl_random_below(&rng, 2);
		random_literals(alphabet, 1 + sl_random_below(&rng, 4), 24);
		memcpy(shuffled, literals, sizeof(literals));
		cr_assert_eq(sl_match_plans_add(&plans, shuffled, count, ignore_case, false), 0);
		sl_match_plans_join(plans.items, plans.count);
		check(plans.items, &guard, alphabet);
		sl_match_plans_release(&plans);
	}
	guard_release(&guard);
}

Test(match_plans, many_long_literals_take_one_pass_and_little_memory)
{
	struct sl_match_plans plans = { 0 };
	sl_random_init(&rng, 63);
	count = MOST;
	random_literals("0123456789abcdef", 16, 16);
	cr_assert_eq(sl_match_plans_add(&plans, literals, count, false, false), 0);
	cr_assert_eq(plans.count, 1);
	cr_assert_eq(plans.items[0].filter, SL_MATCH_GRAMS);
	cr_assert_lt(sl_match_plans_size(&plans), 300u * 1024);
	sl_match_plans_release(&plans);
}

/* Neither a plan for each 64 of them, nor one for each of what is the same. */
Test(match_plans, short_and_equal_literals_do_not_add_passes)
{
	struct sl_match_plans plans = { 0 };
	count = MOST;
	for (size_t i = 0; i < count; i++)
		literals[i] = (struct sl_match_literal){ sl_span_str(i % 2 ? "ab" : ""), 0 };
	cr_assert_eq(sl_match_plans_add(&plans, literals, count, false, false), 0);
	cr_assert_eq(plans.count, 1);
	cr_assert_eq(plans.items[0].filter, SL_MATCH_EVERY);
	sl_match_plans_release(&plans);
}

/* All of them share their rarest gram, and each text its grams with all of them. */
Test(match_grams, literals_that_differ_in_one_place_are_told_apart_without_comparing_all)
{
	const size_t len = 200000;
	char *text = malloc(len);
	struct sl_match_plan plan;
	struct sl_match_counts counts;
	memset(text, 'a', len);
	for (size_t i = 99999; i < len; i += 100000)
		text[i] = '\n';
	count = 120;
	ignore_case = false;
	for (size_t i = 0; i < count; i++) {
		memset(bytes[i], 'a', SL_MATCH_LITERAL_LEN);
		bytes[i][i] = 'b';
		literals[i] = (struct sl_match_literal){ sl_span(bytes[i], SL_MATCH_LITERAL_LEN),
			(uint32_t)i };
	}
	cr_assert_eq(sl_match_plan_init_grams(&plan, literals, count, false, sl_span("", 0)), 0);
	const struct sl_match_kernel *kernel = sl_match_choose(sl_cpu_features());
	kernel->scan(&plan, (unsigned char *)text, len, NULL, NULL, &counts);
	cr_assert(counts.newlines == 2 && counts.hits == 0 && !counts.head_hit);
	text[150000] = 'b';
	kernel->scan(&plan, (unsigned char *)text, len, NULL, NULL, &counts);
	cr_assert(counts.newlines == 2 && counts.hits == 1 && !counts.head_hit);
	sl_match_plan_release(&plan);
	free(text);
}

Test(match_grams, what_no_table_can_hold_is_refused)
{
	struct sl_match_plan plan;
	char text[SL_MATCH_LITERAL_LEN + 1] = "";
	struct sl_match_literal literal = { sl_span("", 0), 0 };
	cr_assert_eq(
		sl_match_plan_init_grams(&plan, &literal, 1, false, sl_span("", 0)), SL_E_LIMIT);
	literal.text = sl_span(text, sizeof(text));
	cr_assert_eq(
		sl_match_plan_init_grams(&plan, &literal, 1, false, sl_span("", 0)), SL_E_LIMIT);
	literal.text = sl_span_str("a\nb");
	cr_assert_eq(
		sl_match_plan_init_grams(&plan, &literal, 1, false, sl_span("", 0)), SL_E_LIMIT);
}
