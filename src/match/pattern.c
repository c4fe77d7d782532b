/*
 * pattern.c - compiles the patterns: literals become plans for the kernels, everything else checks
 * that confirm the lines which a prefilter makes candidates.
 *
 *     a literal                                     decides
 *     an expression that matches a few literals     each of them decides
 *       and nothing else: ERROR|error, [Ee]rror
 *     a literal of more bytes than the kernels      its first bytes are a prefilter, and all of it
 *       take, or that ends with a CR                is the check
 *     an expression that only asks for a few        these decide, and a PCRE2 code tells where in
 *       literals, or for a sequence of classes,       the line the match is
 *       with whatever is around them: \d+,
 *       =\d+, \w+Exception, .*error, \d\d
 *     an expression that needs a literal, such as   the literals are a prefilter, and a PCRE2 code
 *       error in \berror\b                          is the check
 *     any other expression                          a PCRE2 code is the check of every line
 *     literals, if matches have to be whole words   prefilters, and a lexicon is the check of all
 *       or lines
 *
 * So a set costs about the sum of its parts. With several checks, a candidate is asked only those
 * whose literals it holds.
 */
#include "pattern_int.h"

#include <errno.h>
#include <stdlib.h>

#define SHOWN_PATTERN 80 /* bytes of a pattern in a message */

/* Memory that a pattern takes while it is compiled, at most: as an item of three lists, which
 * double when they are full, and of the tables; its bytes are there twice, and in a lexicon. Codes
 * of PCRE2 are counted as they are. */
#define MEMORY_A_PATTERN 200u

/* ---- plans ---- */

/* The literals divided into those that decide, and prefilters. The ranks of prefilters are the
 * indexes of their checks, which have the order of pattern_checks.c. */
struct division {
	struct sl_pattern_list deciding, prefilter, folded;
	bool all_are_candidates;
};

/* Those that have bounds share a check. */
static bool
divide_literals(struct division *division, const struct sl_pattern_list *literals,
	enum sl_bounds bounds, uint32_t *checks)
{
	bool added = true, share = bounds != SL_BOUNDS_NONE && literals->count;
	for (size_t i = 0; i < literals->count && added; i++) {
		const struct sl_match_literal *part = &literals->items[i];
		struct sl_span head = sl_span(
			part->text.data, SL_MIN(part->text.len, (size_t)SL_MATCH_LITERAL_LEN));
		if (sl_pattern_decides(part->text, bounds))
			added = sl_pattern_list_add(&division->deciding, head, part->rank);
		else
			added = sl_pattern_list_add(
				&division->prefilter, head, share ? 0 : (*checks)++);
	}
	*checks += share;
	return added;
}

static bool
add_prefilters(struct sl_pattern_list *to, const struct sl_pattern_list *needs, uint32_t checks)
{
	bool added = true;
	for (size_t i = 0; i < needs->count && added; i++) {
		const struct sl_match_literal *need = &needs->items[i];
		added = sl_pattern_list_add(to, need->text, checks + need->rank);
	}
	return added;
}

static bool
has_empty(const struct sl_pattern_list *list)
{
	bool found = false;
	for (size_t i = 0; i < list->count; i++)
		found = found || list->items[i].text.len == 0;
	return found;
}

/* No candidates are needed where every line matches, and no others where every line is one. */
static bool
divide(struct division *division, const struct sl_pattern_parts *parts, enum sl_bounds bounds)
{
	uint32_t checks = 0;
	bool added = divide_literals(division, &parts->literals, bounds, &checks);
	added = added && add_prefilters(&division->prefilter, &parts->needs.list, checks);
	added = added && add_prefilters(&division->folded, &parts->folded.list, checks);
	bool is_every = has_empty(&division->deciding);
	division->all_are_candidates = parts->needs_nothing || has_empty(&division->prefilter);
	if (is_every || division->all_are_candidates)
		division->prefilter.count = division->folded.count = 0;
	if (!is_every && division->all_are_candidates)
		added = added && sl_pattern_list_add(&division->prefilter, sl_span("", 0), 0);
	return added;
}

/* A plan for each expression: the literals of one agree in most bytes. */
static int
add_lines(struct sl_pattern *pattern, const struct sl_pattern_parts *parts, bool ignore_case)
{
	const struct sl_pattern_list *lines = &parts->lines.list;
	int code = 0;
	size_t from = 0;
	while (from < lines->count && code == 0) {
		size_t end = from;
		while (end < lines->count && lines->items[end].rank == lines->items[from].rank)
			end++;
		code = sl_match_plans_add_few(
			&pattern->plans, lines->items + from, end - from, ignore_case);
		from = end;
	}
	for (size_t i = 0; i < parts->sequence_count && code == 0; i++)
		code = sl_match_plans_add_classes(&pattern->plans, &parts->sequences[i]);
	return code;
}

static int
add_plans(struct sl_pattern *pattern, const struct division *division,
	const struct sl_pattern_parts *parts, bool ignore_case)
{
	const struct sl_pattern_list *deciding = &division->deciding,
				     *prefilter = &division->prefilter;
	const struct sl_pattern_list *folded = &division->folded;
	struct sl_match_plans *plans = &pattern->plans;
	int code = 0;
	if (deciding->count || !(prefilter->count || folded->count || parts->placing.count))
		code = sl_match_plans_add(
			plans, deciding->items, deciding->count, ignore_case, false);
	pattern->placed_count = plans->count;
	if (code == 0)
		code = add_lines(pattern, parts, ignore_case);
	pattern->deciding_count = plans->count;
	if (code == 0 && prefilter->count)
		code = sl_match_plans_add(
			plans, prefilter->items, prefilter->count, ignore_case, true);
	if (code == 0 && folded->count)
		code = sl_match_plans_add(plans, folded->items, folded->count, true, true);
	return code;
}

/* Returns 0 or -ENOMEM. */
static int
make_plans(struct sl_pattern *pattern, const struct sl_pattern_parts *parts,
	const struct sl_pattern_spec *spec)
{
	struct division division = { 0 };
	int code = -ENOMEM;
	pattern->plans.sample = spec->sample;
	if (divide(&division, parts, spec->bounds))
		code = add_plans(pattern, &division, parts, spec->ignore_case);
	if (code == 0)
		sl_match_plans_join(pattern->plans.items, pattern->plans.count);
	pattern->plans.sample = sl_span("", 0);
	pattern->selects = !division.all_are_candidates;
	free(division.deciding.items);
	free(division.prefilter.items);
	free(division.folded.items);
	return code;
}

/* Lines that contain ERROR or error. */
static int
make_default_plan(struct sl_pattern *pattern, bool ignore_case)
{
	struct sl_match_literal words[] = { { { "ERROR", 5 }, 0 }, { { "error", 5 }, 1 } };
	struct sl_match_plans *plans = &pattern->plans;
	int code = sl_match_plans_add(plans, words, SL_COUNT_OF(words), ignore_case, false);
	if (code)
		return code;
	pattern->placed_count = pattern->deciding_count = plans->count;
	sl_match_plans_join(plans->items, plans->count);
	if (!ignore_case)
		sl_match_plan_count_other_case(plans->items);
	return 0;
}

/* ---- the whole ---- */

/*
 * What would be compiled, and then find other lines than meant, or none: \< and the like mean the
 * ends of words to grep and the characters themselves to PCRE2, and no line holds a newline.
 */
static int
check_dialect(const struct sl_pattern_list *texts, struct sl_error *err)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct sl_pattern_syntax syntax;
		struct sl_span text = texts->items[i].text;
		sl_pattern_read_syntax(text, &syntax);
		if (syntax.word_end)
			return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
				"%s in a pattern matches the end of a word or of the text in grep, "
				"but not here: use \\b, \\A or \\z (or -F for the characters "
				"themselves)",
				syntax.word_end);
		if (syntax.newline) {
			int shown = (int)SL_MIN(text.len, (size_t)SHOWN_PATTERN);
			return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
				"pattern '%.*s%s' is not supported: %s needs a line break (offset "
				"%zu), and lines are matched one at a time, without their newline "
				"or CRLF (use $ for the end of a line%s)",
				shown, text.data, (size_t)shown < text.len ? "..." : "",
				syntax.others_match ? "one of its alternatives" : "it",
				(size_t)(syntax.newline - text.data),
				syntax.newline[1] == 'R'
					? ", \\r, \\x0b or \\f for a break within one"
					: "");
		}
	}
	return 0;
}

/* Every line is a candidate. */
static int
make_level(struct sl_pattern *pattern, enum sl_level level)
{
	struct sl_match_literal every = { .text = { "", 0 } };
	struct sl_match_plans *plans = &pattern->plans;
	pattern->checks = calloc(1, sizeof(*pattern->checks));
	if (!pattern->checks)
		return -ENOMEM;
	pattern->checks[pattern->check_count++] = (struct sl_pattern_check){ .level = level };
	pattern->level = level;
	int code = sl_match_plans_add(plans, &every, 1, false, true);
	if (code == 0)
		sl_match_plans_join(plans->items, plans->count);
	return code;
}

static int
make_pattern(struct sl_pattern *pattern, const struct sl_pattern_list *texts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	struct sl_pattern_parts parts = { 0 };
	int code;
	if (spec->level) {
		code = make_level(pattern, spec->level);
	} else if (texts->count == 0 && !spec->has_no_default) {
		code = make_default_plan(pattern, spec->ignore_case);
	} else {
		code = sl_pattern_take_apart(&parts, texts, spec);
		if (code == 0)
			code = make_plans(pattern, &parts, spec);
	}
	if (code)
		(void)sl_fail_code(err, SL_PHASE_NONE, code, "cannot compile the pattern");
	else
		code = sl_pattern_make_checks(pattern, &parts, spec, err);
	if (code == 0 && pattern->check_count + pattern->placing_count) {
		pattern->bytes = parts.bytes; /* the checks' literals are in it */
		parts.bytes = (struct sl_buf){ 0 };
	}
	sl_pattern_parts_release(&parts);
	return code;
}

/* The texts, a line each. The default is a plan of its own unless what surrounds it matters. */
static bool
list_texts(struct sl_pattern_list *texts, const struct sl_pattern_spec *spec)
{
	static const struct sl_span words[] = { { "ERROR", 5 }, { "error", 5 } };
	bool is_default = spec->count == 0 && !spec->has_no_default;
	const struct sl_span *from = is_default ? words : spec->texts;
	size_t count = spec->count;
	if (is_default && spec->bounds != SL_BOUNDS_NONE)
		count = SL_COUNT_OF(words);
	bool split = true;
	for (size_t i = 0; i < count && split; i++)
		split = sl_pattern_split(texts, from[i]);
	return split;
}

static bool
fits(const struct sl_pattern_list *texts, const struct sl_pattern_spec *spec)
{
	uint64_t need = (uint64_t)texts->count * MEMORY_A_PATTERN;
	uint64_t times = spec->bounds == SL_BOUNDS_NONE ? 2 : 3;
	for (size_t i = 0; i < texts->count; i++)
		need += times * (uint64_t)texts->items[i].text.len;
	uint64_t memory_max = spec->memory_max;
	return memory_max == 0 || need <= memory_max;
}

int
sl_pattern_new(struct sl_pattern **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err)
{
	struct sl_pattern_list texts = { 0 };
	*out = NULL;
	struct sl_pattern *pattern = calloc(1, sizeof(*pattern));
	bool split = pattern != NULL && list_texts(&texts, spec);
	int code = 0;
	if (!split)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	if (code == 0 && !fits(&texts, spec))
		code = sl_pattern_fail_memory(spec->memory_max, err);
	if (code == 0 && !spec->fixed)
		code = check_dialect(&texts, err);
	if (code == 0)
		code = make_pattern(pattern, &texts, spec, err);
	free(texts.items);
	if (code) {
		sl_pattern_free(pattern);
		return code;
	}
	pattern->kernel = kernel;
	pattern->inverts = spec->inverts;
	*out = pattern;
	return 0;
}

void
sl_pattern_free(struct sl_pattern *pattern)
{
	if (!pattern)
		return;
	for (size_t i = 0; i < pattern->check_count + pattern->placing_count; i++) {
		pcre2_code_free(pattern->checks[i].code);
		pcre2_code_free(pattern->checks[i].any);
	}
	pcre2_code_free(pattern->joined);
	free(pattern->checks);
	sl_match_plans_release(&pattern->plans);
	sl_buf_release(&pattern->bytes);
	sl_lexicon_release(&pattern->lexicon);
	free(pattern);
}

const struct sl_match_plan *
sl_pattern_plan(const struct sl_pattern *pattern)
{
	return pattern->plans.items;
}

uint64_t
sl_pattern_memory(const struct sl_pattern *pattern)
{
	return sl_match_plans_size(&pattern->plans) + pattern->checks_memory +
	       (pattern->check_count + pattern->placing_count) * sizeof(*pattern->checks) +
	       pattern->bytes.cap + pattern->lexicon.memory;
}

bool
sl_pattern_confirms(const struct sl_pattern *pattern)
{
	return pattern->plans.count > pattern->deciding_count;
}

bool
sl_pattern_inverts(const struct sl_pattern *pattern)
{
	return pattern->inverts;
}

bool
sl_pattern_has_expressions(const struct sl_pattern *pattern)
{
	return pattern->has_expressions;
}

const struct sl_match_kernel *
sl_pattern_kernel(const struct sl_pattern *pattern)
{
	return pattern->kernel;
}
