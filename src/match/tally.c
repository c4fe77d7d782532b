/*
 * tally.c - strings of all patterns are in one lexicon, which marks those that stand in a line;
 * each other pattern is compiled alone and asked about the line. Parts list the rows that they have
 * counted, so that merging and clearing them takes no longer than counting has.
 */
#include "sluice/match/tally.h"

#include "sluice/match/lexicon.h"
#include "sluice/match/pattern_parts.h"

#include <errno.h>
#include <stdlib.h>

/* Of an expression, in a counter: a matcher, and what PCRE2 has for it. */
#define MATCHER_MEMORY 1024u

/* A pattern that is more than strings. */
struct expression {
	struct sl_pattern *pattern;
	uint32_t row;
};

struct sl_tally {
	struct sl_tally_row *rows;
	size_t count;
	struct sl_lexicon lexicon; /* ranks are rows */
	struct expression *expressions;
	size_t expression_count;
	uint64_t memory;                  /* that the patterns of expressions take */
	struct sl_tally_counter *counter; /* of sl_tally_add, as the next one */
	struct sl_tally_part *part;
};

struct sl_tally_counter {
	const struct sl_tally *tally;
	struct sl_matcher **matchers; /* of each expression */
	uint64_t *found, *open;       /* of a line: a bit for each row */
};

struct row_count {
	uint64_t lines, undecided;
};

struct sl_tally_part {
	struct row_count *counts; /* of each row */
	uint32_t *rows;           /* those that have counted something, in any order */
	size_t row_count;
};

static size_t
words_of(const struct sl_tally *tally)
{
	return tally->count / 64 + 1;
}

static int
add_expression(struct sl_tally *tally, struct sl_span text, uint32_t row,
	const struct sl_pattern_spec *spec, const struct sl_match_kernel *kernel,
	struct sl_error *err)
{
	struct sl_pattern_spec one = *spec;
	struct expression *made = &tally->expressions[tally->expression_count];
	if (tally->expression_count == SL_TALLY_EXPRESSIONS_MAX)
		return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
			"lines can be counted for at most %u regular expressions (strings, as with "
			"-F, have no limit)",
			SL_TALLY_EXPRESSIONS_MAX);
	one.texts = &text;
	one.count = 1;
	one.inverts = false;
	if (spec->memory_max) /* at least a byte: 0 is no limit */
		one.memory_max = spec->memory_max - SL_MIN(tally->memory, spec->memory_max - 1);
	int code = sl_pattern_new(&made->pattern, &one, kernel, err);
	if (code)
		return code;
	tally->expression_count++;
	made->row = row;
	tally->memory += sl_pattern_memory(made->pattern);
	return 0;
}

/* Strings are kept until all are known: their bytes are copied to `bytes`. */
struct strings {
	struct sl_pattern_list list;
	struct sl_buf bytes;
};

/* False if memory ran out. */
static bool
add_strings(struct strings *strings, const struct sl_pattern_list *literals, uint32_t row)
{
	bool added = true;
	for (size_t i = 0; i < literals->count && added; i++) {
		struct sl_span literal = literals->items[i].text;
		sl_buf_add_span(&strings->bytes, literal);
		added = sl_pattern_list_add(&strings->list, sl_span("", literal.len), row);
	}
	return added;
}

/* One pattern: its strings, or those that tell which lines match, are added; or it is compiled. */
static int
add_pattern(struct sl_tally *tally, struct strings *strings, uint32_t row,
	const struct sl_pattern_spec *spec, const struct sl_match_kernel *kernel,
	struct sl_error *err)
{
	struct sl_span text = tally->rows[row].text;
	struct sl_match_literal item = { text, 0 };
	const struct sl_pattern_list one = { &item, 1, 1 };
	struct sl_pattern_parts parts = { 0 };
	int code = sl_pattern_take_apart(&parts, &one, spec);
	bool is_strings = parts.expressions.count == 0 && parts.sequence_count == 0;
	bool added = code == 0;
	added = added && (!is_strings || (add_strings(strings, &parts.literals, row) &&
						 add_strings(strings, &parts.lines.list, row)));
	sl_pattern_parts_release(&parts);
	if (!added || strings->bytes.failed)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	return is_strings ? 0 : add_expression(tally, text, row, spec, kernel, err);
}

static int
make_lexicon(struct sl_tally *tally, struct strings *strings, const struct sl_pattern_spec *spec,
	struct sl_error *err)
{
	const char *at = strings->bytes.data;
	for (size_t i = 0; i < strings->list.count && at; i++) {
		strings->list.items[i].text.data = at;
		at += strings->list.items[i].text.len;
	}
	int code = sl_lexicon_init(&tally->lexicon, strings->list.items, strings->list.count,
		spec->bounds, spec->ignore_case);
	return code ? sl_fail_code(err, SL_PHASE_NONE, code, "cannot compile the pattern") : 0;
}

/* A row for each text. */
static int
make_rows(struct sl_tally *tally, const struct sl_pattern_list *texts)
{
	tally->count = texts->count;
	tally->rows = calloc(texts->count + 1, sizeof(*tally->rows));
	tally->expressions = calloc(SL_MIN(texts->count, (size_t)SL_TALLY_EXPRESSIONS_MAX) + 1,
		sizeof(*tally->expressions));
	if (!tally->rows || !tally->expressions)
		return -ENOMEM;
	for (size_t i = 0; i < texts->count; i++)
		tally->rows[i].text = texts->items[i].text;
	return 0;
}

/* What sl_tally_add needs. */
static int
make_own(struct sl_tally *tally, struct sl_error *err)
{
	int code = sl_tally_counter_new(&tally->counter, tally, NULL);
	tally->part = code ? NULL : sl_tally_part_new(tally);
	if (tally->part)
		return 0;
	return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot count for each pattern");
}

static bool
split_texts(struct sl_pattern_list *texts, const struct sl_pattern_spec *spec)
{
	static const struct sl_span words[] = { { "ERROR", 5 }, { "error", 5 } };
	bool is_default = spec->count == 0 && !spec->has_no_default, split = true;
	const struct sl_span *from = is_default ? words : spec->texts;
	size_t count = is_default ? SL_COUNT_OF(words) : spec->count;
	for (size_t i = 0; i < count && split; i++)
		split = sl_pattern_split(texts, from[i]);
	return split;
}

int
sl_tally_new(struct sl_tally **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err)
{
	struct sl_pattern_list texts = { 0 };
	struct strings strings = { 0 };
	struct sl_tally *tally = calloc(1, sizeof(*tally));
	*out = NULL;
	int code = tally && split_texts(&texts, spec) ? make_rows(tally, &texts) : -ENOMEM;
	if (code)
		(void)sl_fail_code(err, SL_PHASE_NONE, code, "cannot count for each pattern");
	for (uint32_t row = 0; code == 0 && row < texts.count; row++)
		code = add_pattern(tally, &strings, row, spec, kernel, err);
	if (code == 0)
		code = make_lexicon(tally, &strings, spec, err);
	if (code == 0)
		code = make_own(tally, err);
	free(texts.items);
	free(strings.list.items);
	sl_buf_release(&strings.bytes);
	if (code)
		sl_tally_free(tally);
	else
		*out = tally;
	return code;
}

void
sl_tally_free(struct sl_tally *tally)
{
	if (!tally)
		return;
	sl_tally_counter_free(tally->counter);
	sl_tally_part_free(tally->part);
	for (size_t i = 0; i < tally->expression_count; i++)
		sl_pattern_free(tally->expressions[i].pattern);
	sl_lexicon_release(&tally->lexicon);
	free(tally->expressions);
	free(tally->rows);
	free(tally);
}

/* Matchers share one stack. */
uint64_t
sl_tally_memory(const struct sl_tally *tally)
{
	uint64_t stack = tally->expression_count ? SL_PATTERN_JIT_STACK : 0;
	return tally->lexicon.memory + tally->memory + stack + tally->count * sizeof(*tally->rows) +
	       tally->expression_count * sizeof(*tally->expressions) +
	       sl_tally_counter_memory(tally) + sl_tally_part_memory(tally);
}

bool
sl_tally_has_parts(const struct sl_tally *tally)
{
	return tally->count <= SL_TALLY_PARTS_MAX;
}

bool
sl_tally_has_expressions(const struct sl_tally *tally)
{
	return tally->expression_count > 0;
}

const struct sl_tally_row *
sl_tally_rows(const struct sl_tally *tally, size_t *count)
{
	*count = tally->count;
	return tally->rows;
}

/* ---- counting ---- */

/* Matchers share one stack. */
static int
make_matchers(struct sl_tally_counter *counter, const struct sl_matcher *owner)
{
	const struct sl_tally *tally = counter->tally;
	int code = 0;
	for (size_t i = 0; i < tally->expression_count && code == 0; i++) {
		struct sl_matcher **made = &counter->matchers[i];
		code = sl_matcher_new(made, tally->expressions[i].pattern);
		if (code == 0 && !owner)
			owner = *made;
		else if (code == 0)
			sl_matcher_share_stack(*made, owner);
	}
	return code;
}

int
sl_tally_counter_new(
	struct sl_tally_counter **out, const struct sl_tally *tally, const struct sl_matcher *owner)
{
	struct sl_tally_counter *counter = *out = calloc(1, sizeof(*counter));
	if (!counter)
		return -ENOMEM;
	counter->tally = tally;
	counter->matchers = calloc(tally->expression_count + 1, sizeof(struct sl_matcher *));
	counter->found = calloc(words_of(tally), sizeof(*counter->found));
	counter->open = calloc(words_of(tally), sizeof(*counter->open));
	bool is_whole = counter->matchers && counter->found && counter->open;
	if (is_whole && make_matchers(counter, owner) == 0)
		return 0;
	sl_tally_counter_free(counter);
	*out = NULL;
	return -ENOMEM;
}

void
sl_tally_counter_free(struct sl_tally_counter *counter)
{
	if (!counter)
		return;
	size_t count = counter->matchers ? counter->tally->expression_count : 0;
	while (count > 0) /* the first may have the stack of all */
		sl_matcher_free(counter->matchers[--count]);
	free(counter->matchers);
	free(counter->found);
	free(counter->open);
	free(counter);
}

uint64_t
sl_tally_counter_memory(const struct sl_tally *tally)
{
	return sizeof(struct sl_tally_counter) + 2 * words_of(tally) * sizeof(uint64_t) +
	       tally->expression_count * MATCHER_MEMORY;
}

uint64_t
sl_tally_part_memory(const struct sl_tally *tally)
{
	return sizeof(struct sl_tally_part) +
	       tally->count * (sizeof(struct row_count) + sizeof(uint32_t));
}

struct sl_tally_part *
sl_tally_part_new(const struct sl_tally *tally)
{
	struct sl_tally_part *part = calloc(1, sizeof(*part));
	if (!part)
		return NULL;
	part->counts = calloc(tally->count + 1, sizeof(*part->counts));
	part->rows = calloc(tally->count + 1, sizeof(*part->rows));
	if (part->counts && part->rows)
		return part;
	sl_tally_part_free(part);
	return NULL;
}

void
sl_tally_part_free(struct sl_tally_part *part)
{
	if (!part)
		return;
	free(part->counts);
	free(part->rows);
	free(part);
}

void
sl_tally_part_clear(struct sl_tally_part *part)
{
	while (part->row_count)
		part->counts[part->rows[--part->row_count]] = (struct row_count){ 0 };
}

void
sl_tally_merge(struct sl_tally *tally, const struct sl_tally_part *part)
{
	for (size_t i = 0; i < part->row_count; i++) {
		uint32_t row = part->rows[i];
		tally->rows[row].lines += part->counts[row].lines;
		tally->rows[row].undecided += part->counts[row].undecided;
	}
}

static void
set_bit(uint64_t *bits, uint32_t index)
{
	bits[index / 64] |= 1ull << (index % 64);
}

static struct row_count *
count_of(struct sl_tally_part *part, size_t row)
{
	struct row_count *count = &part->counts[row];
	if (count->lines == 0 && count->undecided == 0)
		part->rows[part->row_count++] = (uint32_t)row;
	return count;
}

/* Add what the bits say; they are 0 afterwards. */
static void
count_bits(struct sl_tally_counter *counter, struct sl_tally_part *part, bool is_part)
{
	const struct sl_tally *tally = counter->tally;
	for (size_t word = 0; word < words_of(tally); word++) {
		uint64_t found = counter->found[word], open = counter->open[word] & ~found;
		if (is_part) /* all others */
			open = ~found;
		counter->found[word] = counter->open[word] = 0;
		for (; found; found &= found - 1)
			count_of(part, word * 64 + (size_t)__builtin_ctzll(found))->lines++;
		for (; open; open &= open - 1) {
			size_t row = word * 64 + (size_t)__builtin_ctzll(open);
			if (row < tally->count)
				count_of(part, row)->undecided++;
		}
	}
}

bool
sl_tally_count(struct sl_tally_counter *counter, struct sl_tally_part *part,
	const struct sl_subject *line, bool is_part, bool is_quick)
{
	const struct sl_tally *tally = counter->tally;
	for (size_t i = 0; i < tally->expression_count; i++) {
		uint32_t row = tally->expressions[i].row;
		struct sl_match_range range;
		enum sl_verdict verdict =
			sl_matcher_find(counter->matchers[i], line, 0, is_quick, &range);
		if (verdict == SL_VERDICT_UNDECIDED && is_quick) {
			memset(counter->found, 0, words_of(tally) * sizeof(*counter->found));
			return false;
		}
		if (verdict != SL_VERDICT_NO)
			set_bit(verdict == SL_VERDICT_YES ? counter->found : counter->open, row);
	}
	sl_lexicon_mark(&tally->lexicon, line->text, line->len, line->goes_on, counter->found);
	count_bits(counter, part, is_part);
	return true;
}

bool
sl_tally_add(struct sl_tally *tally, const struct sl_subject *line, bool is_part, bool is_quick)
{
	if (!sl_tally_count(tally->counter, tally->part, line, is_part, is_quick))
		return false;
	sl_tally_merge(tally, tally->part);
	sl_tally_part_clear(tally->part);
	return true;
}
