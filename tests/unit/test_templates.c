#include "sluice/digest/templates.h"

#include "sluice/base/random.h"
#include "sluice/digest/masks.h"
#include "sluice/digest/tokens.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* As templates.c has them. */
#define SHARE 80u
#define CANDIDATES 256u

#define LINES 600u
#define TEXT 160u

static char texts[LINES][TEXT];
static struct sl_span lines[LINES];

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Of a few words, so that many lines are similar. */
static void
make_lines(struct sl_random *random, unsigned words, unsigned vocabulary)
{
	static const char *const rare[] = { "\2", "\4:", "a\2b", "\2c", "200", "\1", "-" };
	for (size_t i = 0; i < LINES; i++) {
		size_t len = 0;
		size_t count = words + sl_random_below(random, 2);
		for (size_t w = 0; w < count; w++) {
			unsigned word = (unsigned)sl_random_below(random, vocabulary);
			bool is_rare = sl_random_below(random, 12) == 0;
			char number[16] = "";
			if (!is_rare)
				snprintf(number, sizeof(number), "%u", word);
			len += (size_t)snprintf(texts[i] + len, TEXT - len, "%s%s%s", w ? " " : "",
				is_rare ? rare[word % SL_COUNT_OF(rare)] : "w", number);
		}
	}
	qsort(texts, LINES, TEXT, compare_lines);
	for (size_t i = 0; i < LINES; i++)
		lines[i] = sl_span_str(texts[i]);
}

/* ---- a naive one: words are compared by their text ---- */

struct naive {
	struct sl_span line;
	struct sl_token tokens[SL_TOKENS_MAX];
	bool is_any[SL_TOKENS_MAX];
	size_t count;
};

static struct naive groups[LINES];
static size_t group_count;

static struct sl_span
text_of(const struct naive *line, size_t token)
{
	const struct sl_token *at = &line->tokens[token];
	size_t len = SL_MIN((size_t)at->len + 1, line->line.len - at->begin);
	return sl_span(line->line.data + at->begin, len);
}

static unsigned
share_of(const struct naive *group, const struct naive *line)
{
	unsigned words = 0, differing = 0;
	for (size_t i = 0; i < line->count; i++) {
		bool is_any = group->is_any[i] || line->is_any[i];
		bool is_same = !is_any && sl_span_equal(text_of(group, i), text_of(line, i));
		bool is_word = line->is_any[i] || line->tokens[i].has_word;
		bool has_word = is_word || group->is_any[i] || group->tokens[i].has_word;
		bool is_name = is_word && line->tokens[i].has_mask;
		bool was_name = group->tokens[i].has_word && group->tokens[i].has_mask;
		bool are_names = line->is_any[i]    ? was_name && !group->is_any[i]
				 : group->is_any[i] ? is_name
						    : is_name && was_name;
		words += is_word;
		differing += !is_same && has_word && !are_names;
		bool has_value = (!line->is_any[i] && line->tokens[i].has_digit) ||
				 (!group->is_any[i] && group->tokens[i].has_digit);
		if (!is_same && has_value)
			return 0;
	}
	return differing > words * (100 - SHARE) / 100 ? 0
	       : words                                 ? 100 * (words - differing) / words
						       : 100;
}

static size_t
naive_group(struct sl_span text)
{
	static struct naive line;
	line = (struct naive){ .line = text };
	line.count = sl_tokens_split(text, line.tokens);
	for (size_t i = 0; i < line.count; i++)
		line.is_any[i] = line.tokens[i].is_any;
	size_t best = group_count, tried = 0;
	unsigned best_share = 0;
	for (size_t g = group_count; g > 0 && tried < CANDIDATES; g--) {
		if (groups[g - 1].count != line.count)
			continue;
		tried++;
		unsigned share = share_of(&groups[g - 1], &line);
		if (share && share >= best_share) {
			best_share = share;
			best = g - 1;
		}
	}
	if (best == group_count) {
		groups[group_count++] = line;
		return best;
	}
	for (size_t i = 0; i < line.count; i++)
		groups[best].is_any[i] |=
			line.is_any[i] ||
			!sl_span_equal(text_of(&groups[best], i), text_of(&line, i));
	return best;
}

Test(templates, group_lines_as_a_comparison_of_all_their_words_does)
{
	struct sl_random random;
	size_t grouped = 0;
	sl_random_init(&random, 3);
	for (unsigned round = 0; round < 40; round++) {
		struct sl_templates templates;
		make_lines(&random, 1 + round % 20, 2 + round / 2);
		cr_assert_eq(sl_templates_make(&templates, lines, LINES), 0);
		group_count = 0;
		for (size_t i = 0; i < LINES; i++)
			cr_assert_eq(templates.group_of[i], naive_group(lines[i]), "%s", texts[i]);
		grouped += LINES - group_count;
		sl_templates_release(&templates);
	}
	cr_assert_gt(grouped, 1000);
}
