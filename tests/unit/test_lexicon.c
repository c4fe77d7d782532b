/*
 * Literals that stand as whole words, as whole lines, or anywhere, against a naive search.
 */
#include "sluice/base/random.h"
#include "sluice/match/lexicon.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <string.h>

#define MOST_WORDS 12
#define MOST_TEXT 60

static struct sl_match_literal words[MOST_WORDS];
static char bytes[MOST_WORDS][8];
static size_t count;
static struct sl_lexicon lexicon;

static bool
equal(unsigned char a, unsigned char b)
{
	if (!lexicon.ignore_case)
		return a == b;
	return (a | (a >= 'A' && a <= 'Z' ? 0x20 : 0)) == (b | (b >= 'A' && b <= 'Z' ? 0x20 : 0));
}

static bool
fits(const unsigned char *text, size_t len, size_t begin, size_t end)
{
	switch (lexicon.bounds) {
	case SL_BOUNDS_WORD:
		return !(begin && sl_lexicon_is_word(text[begin - 1])) &&
		       !(end < len && sl_lexicon_is_word(text[end]));
	case SL_BOUNDS_LINE:
		return begin == 0 && end == len;
	default:
		return true;
	}
}

static bool
stands(const struct sl_match_literal *word, const unsigned char *text, size_t len, size_t at)
{
	if (word->text.len > len - at)
		return false;
	for (size_t i = 0; i < word->text.len; i++) {
		if (!equal((unsigned char)word->text.data[i], text[at + i]))
			return false;
	}
	return fits(text, len, at, at + word->text.len);
}

static bool
naive_find(const unsigned char *text, size_t len, size_t from, struct sl_lexicon_place *place)
{
	for (size_t at = from; at <= len; at++) {
		for (size_t i = 0; i < count; i++) { /* in the order of ranks */
			if (!stands(&words[i], text, len, at))
				continue;
			*place = (struct sl_lexicon_place){ at, at + words[i].text.len,
				words[i].rank };
			return true;
		}
	}
	return false;
}

static void
choose(struct sl_random *random)
{
	static const char letters[] = "abA_ \xe9";
	count = sl_random_below(random, MOST_WORDS + 1);
	for (size_t i = 0; i < count; i++) {
		size_t len = sl_random_below(random, 5);
		for (size_t k = 0; k < len; k++)
			bytes[i][k] = letters[sl_random_below(random, sizeof(letters) - 1)];
		words[i] = (struct sl_match_literal){ sl_span(bytes[i], len), (uint32_t)(i * 3) };
	}
	enum sl_bounds bounds = (enum sl_bounds)sl_random_below(random, 3);
	cr_assert_eq(
		sl_lexicon_init(&lexicon, words, count, bounds, sl_random_below(random, 2)), 0);
}

static size_t
fill(struct sl_random *random, char *text)
{
	static const char letters[] = "aabbAB_  .\xe9";
	size_t len = sl_random_below(random, sl_random_below(random, 4) ? MOST_TEXT : 5);
	for (size_t i = 0; i < len; i++)
		text[i] = letters[sl_random_below(random, sizeof(letters) - 1)];
	return len;
}

Test(lexicon, all_places_are_those_of_a_naive_search)
{
	struct sl_random random;
	struct guard guard;
	char text[MOST_TEXT];
	uint64_t hits = 0;
	sl_random_init(&random, 11);
	guard_init(&guard, MOST_TEXT);
	for (int round = 0; round < 30000; round++) {
		choose(&random);
		size_t len = fill(&random, text), from = 0;
		const unsigned char *at = (const unsigned char *)guard_place(&guard, text, len);
		struct sl_lexicon_place want = { 0 }, got = { 0 };
		bool is_open = false, is_there;
		do {
			is_there = naive_find(at, len, from, &want);
			cr_assert_eq(
				sl_lexicon_find(&lexicon, at, len, false, from, &got, &is_open),
				is_there, "round %d", round);
			cr_assert_not(is_open);
			if (!is_there)
				break;
			cr_assert(got.begin == want.begin && got.end == want.end &&
					  got.rank == want.rank,
				"round %d: %zu to %zu, not %zu to %zu", round, got.begin, got.end,
				want.begin, want.end);
			hits++;
			from = want.end > want.begin ? want.end : want.end + 1;
		} while (from <= len);
		sl_lexicon_release(&lexicon);
	}
	guard_release(&guard);
	cr_assert_gt(hits, 10000);
}

/* What is found in the beginning of a line is found in the whole line; if it is not open, nothing
 * begins there that was not found. */
Test(lexicon, what_is_found_in_a_line_that_goes_on_is_there_whatever_follows)
{
	struct sl_random random;
	char text[MOST_TEXT];
	unsigned opens = 0;
	sl_random_init(&random, 12);
	for (int round = 0; round < 20000; round++) {
		choose(&random);
		const unsigned char *at = (const unsigned char *)text;
		size_t len = fill(&random, text), known = sl_random_below(&random, len + 1);
		struct sl_lexicon_place whole = { 0 }, part = { 0 };
		bool is_open = false, ignored = false;
		bool some = sl_lexicon_find(&lexicon, at, known, true, 0, &part, &is_open);
		bool all = sl_lexicon_find(&lexicon, at, len, false, 0, &whole, &ignored);
		if (some)
			cr_assert(stands(&words[part.rank / 3], at, len, part.begin), "round %d",
				round);
		bool begins_known = all && whole.begin < known;
		cr_assert(!begins_known || some || is_open || known == len, "round %d", round);
		opens += is_open;
		sl_lexicon_release(&lexicon);
	}
	cr_assert_gt(opens, 100);
}
