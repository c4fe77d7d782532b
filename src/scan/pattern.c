/*
 * pattern.c - compiles the patterns: literals become plans for the kernels, everything else checks
 * that confirm the lines which a prefilter makes candidates.
 *
 *     a literal                                     decides
 *     an expression that matches a few literals     each of them decides
 *       and nothing else: ERROR|error, [Ee]rror
 *     a literal of more bytes than the kernels      its first bytes are a prefilter, and all of it
 *       take, or that ends with a CR                is the check
 *     an expression that needs a literal, such as   the literals are a prefilter, and a PCRE2 code
 *       error in \berror\b                          is the check
 *     any other expression                          a PCRE2 code is the check of every line
 *     literals, if matches have to be whole words   prefilters, and a lexicon is the check of all
 *       or lines
 *
 * So a set costs about the sum of its parts. With several checks, a candidate is asked only those
 * whose literals it holds.
 *
 * Characters or bytes: logs are mostly ASCII, and their encoding is not declared. An expression in
 * ASCII is matched by bytes, which gives the same result on UTF-8. One that contains a character
 * beyond ASCII, a property or a grapheme is matched by characters (UTF, UCP), so that classes,
 * ignored case and \b work on characters. For a literal both are the same unless case is ignored.
 * Lines that are not valid UTF-8 are matched by a second compiled form, which permits them
 * (PCRE2_MATCH_INVALID_UTF) and is interpreted: its machine code misses matches in PCRE2 up to
 * 10.42 (PCRE2's issue 224).
 */
#include "pattern_int.h"

#include "sluice/base/text.h"
#include "sluice/scan/pattern_parts.h"

#include <errno.h>
#include <stdlib.h>

#define SHOWN_PATTERN 80 /* bytes of a pattern in a message */

/* Memory that a pattern takes while it is compiled, at most: as an item of three lists, which
 * double when they are full, and of the tables; its bytes are there twice, and in a lexicon. Codes of PCRE2 are
 * counted as they are. */
#define MEMORY_A_PATTERN 200u

/* With fewer checks, to do them all is quicker than to find out which may be true. */
#define SELECTED_MIN 4u

/* ---- plans ---- */

/* A CR before the newline does not belong to the line, which kernels do not see; nor do they see
 * what surrounds a literal. */
static bool
decides(struct sl_span literal, enum sl_bounds bounds)
{
	bool has_cr = literal.len && literal.data[literal.len - 1] == '\r';
	return literal.len <= SL_MATCH_LITERAL_LEN && !has_cr && bounds == SL_BOUNDS_NONE;
}

/* The literals divided into those that decide, and prefilters. The ranks of prefilters are the
 * indexes of their checks, which have the order of make_checks(). */
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
		if (decides(part->text, bounds))
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

static int
add_plans(struct sl_pattern *pattern, const struct division *division, bool ignore_case)
{
	const struct sl_pattern_list *deciding = &division->deciding,
				     *prefilter = &division->prefilter;
	const struct sl_pattern_list *folded = &division->folded;
	struct sl_match_plans *plans = &pattern->plans;
	int code = 0;
	if (deciding->count || !(prefilter->count || folded->count))
		code = sl_match_plans_add(
			plans, deciding->items, deciding->count, ignore_case, false);
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
		code = add_plans(pattern, &division, spec->ignore_case);
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
	pattern->deciding_count = plans->count;
	sl_match_plans_join(plans->items, plans->count);
	if (!ignore_case)
		sl_match_plan_count_other_case(plans->items);
	return 0;
}

/* ---- checks ---- */

static int
fail_compile(struct sl_error *err, struct sl_span text, bool fixed, int code, size_t off)
{
	PCRE2_UCHAR words[160] = "unknown error";
	if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED)
		return sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	(void)pcre2_get_error_message(code, words, sizeof(words));
	int shown = (int)SL_MIN(text.len, (size_t)SHOWN_PATTERN);
	return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE, "bad pattern '%.*s%s': %s at offset %zu%s",
		shown, text.data ? text.data : "", (size_t)shown < text.len ? "..." : "",
		(const char *)words, off, fixed ? "" : " (use -F for plain text)");
}

/* Verbs with which an expression may begin, and which must stay there. */
static size_t
leading_verbs(struct sl_span text)
{
	static const char *const names[] = { "UTF", "UCP", "NO_START_OPT", "NO_AUTO_POSSESS",
		"NO_JIT", "NO_DOTSTAR_ANCHOR", "NOTEMPTY", "NOTEMPTY_ATSTART", "CR", "LF", "CRLF",
		"ANY", "ANYCRLF", "NUL", "BSR_ANYCRLF", "BSR_UNICODE", "LIMIT_DEPTH", "LIMIT_HEAP",
		"LIMIT_MATCH", "LIMIT_RECURSION" };
	size_t at = 0;
	while (text.len - at > 2 && memcmp(text.data + at, "(*", 2) == 0) {
		const char *close = memchr(text.data + at, ')', text.len - at);
		if (!close)
			return at;
		size_t end = (size_t)(close - text.data), i = 0, len = 0;
		const char *name = text.data + at + 2;
		while (name + len < close && name[len] != '=')
			len++;
		while (i < SL_COUNT_OF(names) && !sl_span_is(sl_span(name, len), names[i]))
			i++;
		if (i == SL_COUNT_OF(names))
			return at;
		at = end + 1;
	}
	return at;
}

/* A plain string as an expression. */
static void
add_quoted(struct sl_buf *out, struct sl_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (sl_pattern_is_escapable(text.data[i]))
			sl_buf_add_char(out, '\\');
		sl_buf_add_char(out, text.data[i]);
	}
}

/* What surrounds an expression. */
struct wrapping {
	bool is_fixed;
	bool is_word;    /* it matches whole words only */
	bool is_watched; /* a callout is made at each place where a match may begin */
};

/*
 * As a whole word. PCRE2_EXTRA_MATCH_WORD means \b, which asks for a word character beside a match
 * that begins or ends with another one; grep asks that there is none. \E ends a \Q that is open,
 * and a newline the comment of an extended expression.
 */
static void
add_wrapped(struct sl_buf *out, struct sl_span text, struct wrapping wrapping, bool ends_comment)
{
	size_t verbs = wrapping.is_fixed ? 0 : leading_verbs(text);
	sl_buf_add(out, text.data, verbs);
	sl_buf_add_str(out, wrapping.is_watched ? "(?C)" : "");
	sl_buf_add_str(out, wrapping.is_word ? "(?<!\\w)(?:" : "(?:");
	text = sl_span(text.data + verbs, text.len - verbs);
	if (wrapping.is_fixed)
		add_quoted(out, text);
	else
		sl_buf_add_span(out, text);
	sl_buf_add_str(out, wrapping.is_fixed ? "" : "\\E");
	sl_buf_add_str(out, ends_comment ? "\n)" : ")");
	sl_buf_add_str(out, wrapping.is_word ? "(?!\\w)" : "");
}

/* Expressions of bytes must not turn into ones of characters by a verb in them: lines are not
 * checked then. */
static uint32_t
options_of(const struct sl_pattern_spec *spec, bool is_utf)
{
	uint32_t options = PCRE2_USE_OFFSET_LIMIT;
	if (spec->ignore_case)
		options |= PCRE2_CASELESS;
	if (spec->fixed)
		options |= PCRE2_LITERAL;
	if (is_utf)
		return options | PCRE2_UTF | (spec->fixed ? 0 : PCRE2_UCP);
	return spec->fixed ? options : options | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
}

/* An expression that is being compiled. */
struct source {
	pcre2_compile_context *context;
	struct sl_span text;
	uint32_t options;
	int code; /* of PCRE2, if that failed; and where */
	size_t off;
};

static pcre2_code *
compile_text(struct source *source, struct sl_span text, uint32_t more)
{
	PCRE2_SPTR bytes = (PCRE2_SPTR)(text.len ? text.data : "");
	return pcre2_compile(bytes, text.len, source->options | more, &source->code, &source->off,
		source->context);
}

/* The code, and if the expression is of characters that for other lines. NULL if one failed. */
static pcre2_code *
compile_both(struct source *source, struct sl_span text, bool is_utf, pcre2_code **any)
{
	pcre2_code *code = compile_text(source, text, 0);
	if (!code || !is_utf)
		return code;
	*any = compile_text(source, text, PCRE2_MATCH_INVALID_UTF);
	if (*any)
		return code;
	pcre2_code_free(code);
	return NULL;
}

/* The expression alone must be valid: what surrounds it could complete it, and offsets in messages
 * are those of the user's text. */
static pcre2_code *
compile_wrapped(struct source *source, struct wrapping wrapping, bool is_utf, pcre2_code **any)
{
	pcre2_code *code = compile_text(source, source->text, 0);
	if (!code)
		return NULL;
	pcre2_code_free(code);
	code = NULL;
	source->options &= ~PCRE2_LITERAL;
	source->options |= is_utf ? PCRE2_UCP : 0;
	for (int ends_comment = 0; ends_comment < 2 && !code; ends_comment++) {
		struct sl_buf whole = { 0 };
		add_wrapped(&whole, source->text, wrapping, ends_comment > 0);
		if (!whole.failed)
			code = compile_both(source, sl_buf_span(&whole), is_utf, any);
		sl_buf_release(&whole);
	}
	return code;
}

static int
fail_memory(uint64_t memory_max, struct sl_error *err)
{
	return sl_fail(err, SL_PHASE_NONE, SL_E_LIMIT,
		"the patterns need more than %llu KiB of memory, which is half of --max-memory: "
		"use fewer patterns or a larger --max-memory",
		(unsigned long long)(memory_max / 1024));
}

static uint64_t
memory_of(const pcre2_code *code)
{
	size_t size = 0, jit = 0;
	if (!code)
		return 0;
	(void)pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
	(void)pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit);
	return (uint64_t)size + jit;
}

static int
compile(struct sl_pattern *pattern, pcre2_compile_context *context,
	const struct sl_match_literal *part, const struct sl_pattern_spec *spec,
	struct sl_error *err)
{
	struct sl_span text = part->text;
	struct sl_pattern_syntax syntax = { 0 };
	bool is_word = spec->bounds == SL_BOUNDS_WORD;
	if (spec->fixed)
		syntax.needs_utf = sl_pattern_is_wide(text) && (spec->ignore_case || is_word);
	else
		sl_pattern_read_syntax(text, &syntax);
	struct source source = {
		.context = context, .text = text, .options = options_of(spec, syntax.needs_utf)
	};
	struct sl_pattern_check *made = &pattern->checks[pattern->check_count++];
	*made = (struct sl_pattern_check){ .has_anchor_g = syntax.has_anchor_g,
		.moves_search = syntax.moves_search,
		.has_lookahead = syntax.has_lookahead || is_word,
		.depends_on_end = syntax.depends_on_end || spec->bounds == SL_BOUNDS_LINE,
		.rank = part->rank };
	struct wrapping wrapping = { spec->fixed, is_word, syntax.moves_search };
	made->code = is_word || wrapping.is_watched
			     ? compile_wrapped(&source, wrapping, syntax.needs_utf, &made->any)
			     : compile_both(&source, text, syntax.needs_utf, &made->any);
	if (!made->code)
		return fail_compile(err, text, spec->fixed, source.code, source.off);
	pattern->has_expressions = true;
	/* A system that forbids writable code (SELinux, seccomp) leaves the interpreter. */
	made->has_jit = pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE) == 0;
	pattern->has_jit = pattern->has_jit || made->has_jit;
	made->has_jit = made->has_jit && !syntax.has_option;
	pattern->checks_memory += memory_of(made->code) + memory_of(made->any);
	if (spec->memory_max && pattern->checks_memory > spec->memory_max)
		return fail_memory(spec->memory_max, err);
	return 0;
}

/* Expressions that are only literals need no code, but have to be valid as well. */
static int
verify(pcre2_compile_context *context, struct sl_span text, const struct sl_pattern_spec *spec,
	struct sl_error *err)
{
	int code = 0;
	size_t off = 0;
	uint32_t options = options_of(spec, sl_pattern_is_wide(text));
	pcre2_code *made = pcre2_compile(
		(PCRE2_SPTR)(text.len ? text.data : ""), text.len, options, &code, &off, context);
	pcre2_code_free(made);
	return made ? 0 : fail_compile(err, text, spec->fixed, code, off);
}

/* A literal that does not decide: compared, or compiled if case is ignored. */
static int
add_literal_check(struct sl_pattern *pattern, pcre2_compile_context *context,
	const struct sl_match_literal *part, const struct sl_pattern_spec *spec,
	struct sl_error *err)
{
	const struct sl_pattern_spec fixed = { .fixed = true, .ignore_case = true };
	if (spec->ignore_case)
		return compile(pattern, context, part, &fixed, err);
	pattern->checks[pattern->check_count++] =
		(struct sl_pattern_check){ .literal = part->text, .rank = part->rank };
	return 0;
}

/* All literals are one check: what surrounds them decides. */
static int
add_lexicon_check(struct sl_pattern *pattern, const struct sl_pattern_parts *parts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = sl_lexicon_init(&pattern->lexicon, parts->literals.items, parts->literals.count,
		spec->bounds, spec->ignore_case);
	if (code)
		return sl_fail_code(err, SL_PHASE_NONE, code, "cannot compile the pattern");
	pattern->checks[pattern->check_count++] =
		(struct sl_pattern_check){ .lexicon = &pattern->lexicon };
	return 0;
}

static int
add_literal_checks(struct sl_pattern *pattern, pcre2_compile_context *context,
	const struct sl_pattern_parts *parts, const struct sl_pattern_spec *spec,
	struct sl_error *err)
{
	int code = 0;
	if (spec->bounds != SL_BOUNDS_NONE && parts->literals.count)
		return add_lexicon_check(pattern, parts, spec, err);
	for (size_t i = 0; i < parts->literals.count && code == 0; i++) {
		const struct sl_match_literal *part = &parts->literals.items[i];
		if (!decides(part->text, spec->bounds))
			code = add_literal_check(pattern, context, part, spec, err);
	}
	return code;
}

/* Newlines mean LF whatever PCRE2 was built with: they never occur in a line, and \r does. */
static void
set_context(pcre2_compile_context *context, const struct sl_pattern_spec *spec)
{
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	if (spec->bounds == SL_BOUNDS_LINE)
		pcre2_set_compile_extra_options(context, PCRE2_EXTRA_MATCH_LINE);
}

static int
make_checks(struct sl_pattern *pattern, const struct sl_pattern_parts *parts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	size_t count = parts->expressions.count, verified = parts->verified.count;
	for (size_t i = 0; i < parts->literals.count; i++)
		count += !decides(parts->literals.items[i].text, spec->bounds);
	if (spec->bounds != SL_BOUNDS_NONE) /* literals share one */
		count = parts->expressions.count + (parts->literals.count > 0);
	if (count == 0 && verified == 0)
		return 0;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pattern->checks = calloc(SL_MAX(count, (size_t)1), sizeof(*pattern->checks));
	if (!context || !pattern->checks)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	else
		set_context(context, spec);
	if (code == 0)
		code = add_literal_checks(pattern, context, parts, spec, err);
	for (size_t i = 0; i < parts->expressions.count && code == 0; i++)
		code = compile(pattern, context, &parts->expressions.items[i], spec, err);
	for (size_t i = 0; i < verified && code == 0; i++)
		code = verify(context, parts->verified.items[i].text, spec, err);
	pcre2_compile_context_free(context);
	pattern->selects = pattern->selects && count >= SELECTED_MIN;
	return code;
}

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
		code = make_checks(pattern, &parts, spec, err);
	if (code == 0 && pattern->check_count) {
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
		code = fail_memory(spec->memory_max, err);
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
	for (size_t i = 0; i < pattern->check_count; i++) {
		pcre2_code_free(pattern->checks[i].code);
		pcre2_code_free(pattern->checks[i].any);
	}
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
	       pattern->check_count * sizeof(*pattern->checks) + pattern->bytes.cap +
	       pattern->lexicon.memory;
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
