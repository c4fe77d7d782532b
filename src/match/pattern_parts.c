/*
 * pattern_parts.c - takes the user's patterns apart: plain texts and choices of them become
 * literals, what matches only a few literals becomes those, and of other expressions the literals
 * are found that they need, or that tell which lines match (pattern_literals.c).
 */
#include "sluice/match/pattern_parts.h"

#include "pattern_int.h"

#include "sluice/match/pattern_literals.h"

#include <errno.h>
#include <stdlib.h>

/* Occurrences in a byte of a log of the literals that an expression needs: with more, to ask PCRE2
 * about each costs more than to look for a sequence of classes. */
#define CANDIDATES_MAX 0.001

bool
sl_pattern_list_add(struct sl_pattern_list *list, struct sl_span text, uint32_t rank)
{
	if (list->count == list->cap) {
		size_t cap = SL_MAX(list->cap * 2, (size_t)8);
		struct sl_match_literal *items = realloc(list->items, cap * sizeof(*items));
		if (!items)
			return false;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = (struct sl_match_literal){ text, rank };
	return true;
}

bool
sl_pattern_split(struct sl_pattern_list *texts, struct sl_span text)
{
	for (;;) {
		const char *newline = text.len ? memchr(text.data, '\n', text.len) : NULL;
		if (!newline)
			return sl_pattern_list_add(texts, text, 0);
		size_t len = (size_t)(newline - text.data);
		if (!sl_pattern_list_add(texts, sl_span(text.data, len), 0))
			return false;
		text = sl_span(newline + 1, text.len - len - 1);
	}
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
sl_pattern_is_escapable(char c)
{
	return c > ' ' && c < 0x7f && !is_alnum(c);
}

/* Appends the byte that stands at text.data[*at], if it is one, and moves on. */
static bool
plain_byte(struct sl_buf *bytes, struct sl_span text, size_t *at)
{
	char c = text.data[*at];
	if (c == '\\') {
		if (*at + 1 == text.len || !sl_pattern_is_escapable(text.data[*at + 1]))
			return false;
		c = text.data[++*at];
	} else if (c == '\0' || strchr("^$.[]|()?*+{}", c)) {
		return false;
	}
	sl_buf_add_char(bytes, c);
	++*at;
	return true;
}

/* The literals point to their bytes only when all were added, because the buffer may move. */
static bool
add_literal(struct sl_pattern_parts *parts, size_t len)
{
	return sl_pattern_list_add(&parts->literals, sl_span("", len), parts->count++);
}

enum choice {
	CHOICE_PLAIN,
	CHOICE_NOT_PLAIN, /* it is more than that; nothing was added */
	CHOICE_NO_MEMORY
};

/* A regular expression that is only a choice of literals, such as ERROR|error or \[warn\]. */
static enum choice
add_choice(struct sl_pattern_parts *parts, struct sl_span text)
{
	size_t at = 0, bytes = parts->bytes.len, literals = parts->literals.count;
	for (;;) {
		size_t begin = parts->bytes.len;
		while (at < text.len && text.data[at] != '|') {
			if (plain_byte(&parts->bytes, text, &at))
				continue;
			parts->count -= (uint32_t)(parts->literals.count - literals);
			parts->literals.count = literals;
			parts->bytes.len = bytes;
			return CHOICE_NOT_PLAIN;
		}
		if (!add_literal(parts, parts->bytes.len - begin))
			return CHOICE_NO_MEMORY;
		if (at == text.len)
			return CHOICE_PLAIN;
		at++;
	}
}

/* False if memory ran out. */
static bool
add_needs(struct sl_pattern_needs *needs, const struct sl_literal_set *set, uint32_t rank)
{
	size_t at = 0;
	for (unsigned i = 0; i < set->count; i++) {
		struct sl_span literal = sl_literal_set_next(set, i, &at);
		sl_buf_add_span(&needs->bytes, literal);
		if (!sl_pattern_list_add(&needs->list, sl_span("", literal.len), rank))
			return false;
	}
	return true;
}

/* What an expression matches is a set of literals: they take its place. */
static bool
add_literals(struct sl_pattern_parts *parts, const struct sl_literal_set *set)
{
	size_t at = 0;
	for (unsigned i = 0; i < set->count; i++) {
		struct sl_span literal = sl_literal_set_next(set, i, &at);
		sl_buf_add_span(&parts->bytes, literal);
		if (!add_literal(parts, literal.len))
			return false;
	}
	return true;
}

/* An expression whose lines literals tell. Not of matches that have bounds, which kernels do not
 * see, and of a few expressions only; nor by classes where candidates, by the literals in *need,
 * are rare. */
static enum choice
add_placing(struct sl_pattern_parts *parts, struct sl_span text, const struct sl_pattern_spec *spec,
	bool is_utf, const struct sl_literal_set *need)
{
	struct sl_literal_set set = { 0 };
	struct sl_match_classes classes = { 0 };
	uint32_t rank = (uint32_t)parts->placing.count;
	bool may = !spec->fixed && spec->bounds == SL_BOUNDS_NONE && rank < SL_PATTERN_PLACING_MAX;
	bool decides =
		may && sl_pattern_read_deciding(text, spec->ignore_case, is_utf, &set, &classes);
	if (classes.len && need->count && sl_literal_set_cost(need) < CANDIDATES_MAX)
		decides = false;
	enum choice choice = CHOICE_NOT_PLAIN;
	if (decides) {
		bool added = sl_pattern_list_add(&parts->placing, text, parts->count++) &&
			     add_needs(&parts->lines, &set, rank);
		choice = added ? CHOICE_PLAIN : CHOICE_NO_MEMORY;
	}
	if (decides && classes.len)
		parts->sequences[parts->sequence_count++] = classes;
	sl_literal_set_release(&set);
	return choice;
}

/* An expression that is more than a choice of literals. False if memory ran out. */
static bool
add_expression(
	struct sl_pattern_parts *parts, struct sl_span text, const struct sl_pattern_spec *spec)
{
	struct sl_literal_set set = { 0 };
	struct sl_pattern_syntax syntax = { 0 };
	enum sl_pattern_need need = SL_PATTERN_NEEDS_NONE;
	bool added = false;
	if (!spec->fixed) {
		sl_pattern_read_syntax(text, &syntax);
		need = sl_pattern_read_literals(text, spec->ignore_case, syntax.needs_utf, &set);
	}
	bool folds = set.ignore_case && !spec->ignore_case;
	bool is_wide_word = spec->bounds == SL_BOUNDS_WORD && syntax.needs_utf;
	bool is_literals = need == SL_PATTERN_IS_LITERALS && !folds && !is_wide_word;
	enum choice choice = is_literals ? CHOICE_NOT_PLAIN
					 : add_placing(parts, text, spec, syntax.needs_utf, &set);
	if (is_literals) {
		added = sl_pattern_list_add(&parts->verified, text, 0) && add_literals(parts, &set);
	} else if (choice != CHOICE_NOT_PLAIN) {
		added = choice == CHOICE_PLAIN;
	} else {
		uint32_t rank = (uint32_t)parts->expressions.count;
		struct sl_pattern_needs *needs = folds ? &parts->folded : &parts->needs;
		parts->needs_nothing = parts->needs_nothing || need == SL_PATTERN_NEEDS_NONE;
		added = sl_pattern_list_add(&parts->expressions, text, parts->count++) &&
			add_needs(needs, &set, rank);
	}
	sl_literal_set_release(&set);
	return added;
}

/* The kernels fold the case of ASCII letters only, and a lexicon's words are ASCII: other letters
 * are left to PCRE2. */
static enum choice
add_text(struct sl_pattern_parts *parts, struct sl_span text, const struct sl_pattern_spec *spec)
{
	bool needs_letters = spec->ignore_case || spec->bounds == SL_BOUNDS_WORD;
	if (needs_letters && sl_pattern_is_wide(text))
		return CHOICE_NOT_PLAIN;
	if (!spec->fixed)
		return add_choice(parts, text);
	sl_buf_add(&parts->bytes, text.data, text.len);
	return add_literal(parts, text.len) ? CHOICE_PLAIN : CHOICE_NO_MEMORY;
}

/* The literals of a list are one after the other in `bytes`, which moves no more. */
static void
point_to(struct sl_pattern_list *list, const struct sl_buf *bytes)
{
	const char *at = bytes->data;
	for (size_t i = 0; i < list->count && at; i++) {
		list->items[i].text.data = at;
		at += list->items[i].text.len;
	}
}

int
sl_pattern_take_apart(struct sl_pattern_parts *parts, const struct sl_pattern_list *texts,
	const struct sl_pattern_spec *spec)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct sl_span text = texts->items[i].text;
		enum choice choice = add_text(parts, text, spec);
		if (choice == CHOICE_NOT_PLAIN && !add_expression(parts, text, spec))
			choice = CHOICE_NO_MEMORY;
		if (choice == CHOICE_NO_MEMORY || parts->count == UINT32_MAX)
			return -ENOMEM;
	}
	if (parts->bytes.failed || parts->needs.bytes.failed || parts->folded.bytes.failed ||
		parts->lines.bytes.failed)
		return -ENOMEM;
	point_to(&parts->literals, &parts->bytes);
	point_to(&parts->needs.list, &parts->needs.bytes);
	point_to(&parts->folded.list, &parts->folded.bytes);
	point_to(&parts->lines.list, &parts->lines.bytes);
	return 0;
}

void
sl_pattern_parts_release(struct sl_pattern_parts *parts)
{
	free(parts->literals.items);
	free(parts->expressions.items);
	free(parts->verified.items);
	free(parts->needs.list.items);
	free(parts->folded.list.items);
	free(parts->placing.items);
	free(parts->lines.list.items);
	sl_buf_release(&parts->lines.bytes);
	sl_buf_release(&parts->needs.bytes);
	sl_buf_release(&parts->folded.bytes);
	sl_buf_release(&parts->bytes);
}
