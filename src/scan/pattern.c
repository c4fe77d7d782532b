/*
 * pattern.c - compiles the patterns: literals become plans for the kernels, everything else checks
 * that confirm the lines which a prefilter makes candidates.
 *
 *     a literal                                     decides
 *     a choice of literals, such as ERROR|error     each of them decides
 *     a literal of more bytes than the kernels      its first bytes are a prefilter, and all of it
 *       take, or that ends with a CR                is the check
 *     any other expression                          a PCRE2 code is the check of every line
 *     literals, if matches have to be whole words   prefilters, and a lexicon is the check of all
 *       or lines
 *
 * So a set costs about the sum of its parts. In 60 MB of cached logs, one thread: 200 literals
 * 0.013 s, with one of 129 bytes 0.021 s; 1,000 literals 0.038 s, fo+bar 0.021 s, both 0.057 s.
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

#include <errno.h>
#include <stdlib.h>

#define SHOWN_PATTERN 80 /* bytes of a pattern in a message */

/* ---- patterns are taken apart ---- */

/* Patterns, or literals of them: their texts are the user's, or in parts.bytes. */
struct list {
	struct sl_match_literal *items;
	size_t count, cap;
};

struct parts {
	struct list literals, expressions;
	struct sl_buf bytes; /* of the literals, one after the other */
	uint32_t count;      /* of both */
};

static bool
list_add(struct list *list, struct sl_span text, uint32_t rank)
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

/* As grep: each line of a pattern is a pattern. */
static bool
split_at_newlines(struct list *texts, struct sl_span text)
{
	for (;;) {
		const char *newline = text.len ? memchr(text.data, '\n', text.len) : NULL;
		if (!newline)
			return list_add(texts, text, 0);
		size_t len = (size_t)(newline - text.data);
		if (!list_add(texts, sl_span(text.data, len), 0))
			return false;
		text = sl_span(newline + 1, text.len - len - 1);
	}
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A byte that a backslash makes a plain one: punctuation. Escaped letters and digits mean
 * something. */
static bool
is_escapable(char c)
{
	return c > ' ' && c < 0x7f && !is_alnum(c);
}

/* Appends the byte that stands at text.data[*at], if it is one, and moves on. */
static bool
plain_byte(struct sl_buf *bytes, struct sl_span text, size_t *at)
{
	char c = text.data[*at];
	if (c == '\\') {
		if (*at + 1 == text.len || !is_escapable(text.data[*at + 1]))
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
add_literal(struct parts *parts, size_t len)
{
	return list_add(&parts->literals, sl_span("", len), parts->count++);
}

enum choice {
	CHOICE_PLAIN,
	CHOICE_NOT_PLAIN, /* it is more than that; nothing was added */
	CHOICE_NO_MEMORY
};

/* A regular expression that is only a choice of literals, such as ERROR|error or \[warn\]. */
static enum choice
add_choice(struct parts *parts, struct sl_span text)
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

/* The kernels fold the case of ASCII letters only, and a lexicon's words are ASCII: other letters
 * are left to PCRE2. */
static enum choice
add_text(struct parts *parts, struct sl_span text, const struct sl_pattern_spec *spec)
{
	bool needs_letters = spec->ignore_case || spec->bounds == SL_BOUNDS_WORD;
	if (needs_letters && sl_pattern_is_wide(text))
		return CHOICE_NOT_PLAIN;
	if (!spec->fixed)
		return add_choice(parts, text);
	sl_buf_add(&parts->bytes, text.data, text.len);
	return add_literal(parts, text.len) ? CHOICE_PLAIN : CHOICE_NO_MEMORY;
}

/* Returns 0 or -ENOMEM. */
static int
take_apart(struct parts *parts, const struct list *texts, const struct sl_pattern_spec *spec)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct sl_span text = texts->items[i].text;
		enum choice choice = add_text(parts, text, spec);
		if (choice == CHOICE_NOT_PLAIN &&
			!list_add(&parts->expressions, text, parts->count++))
			choice = CHOICE_NO_MEMORY;
		if (choice == CHOICE_NO_MEMORY || parts->count == UINT32_MAX)
			return -ENOMEM;
	}
	if (parts->bytes.failed)
		return -ENOMEM;
	const char *at = parts->bytes.data;
	for (size_t i = 0; i < parts->literals.count && at; i++) {
		parts->literals.items[i].text.data = at;
		at += parts->literals.items[i].text.len;
	}
	return 0;
}

static void
release_parts(struct parts *parts)
{
	free(parts->literals.items);
	free(parts->expressions.items);
	sl_buf_release(&parts->bytes);
}

/* ---- plans ---- */

/* A CR before the newline does not belong to the line, which kernels do not see; nor do they see
 * what surrounds a literal. */
static bool
decides(struct sl_span literal, enum sl_bounds bounds)
{
	bool has_cr = literal.len && literal.data[literal.len - 1] == '\r';
	return literal.len <= SL_MATCH_LITERAL_LEN && !has_cr && bounds == SL_BOUNDS_NONE;
}

/* The literals divided into those that decide and prefilters. */
static bool
divide(const struct parts *parts, enum sl_bounds bounds, struct list *deciding,
	struct list *prefilter)
{
	bool is_every = false, all_are_candidates = parts->expressions.count > 0, added = true;
	for (size_t i = 0; i < parts->literals.count && added; i++) {
		const struct sl_match_literal *part = &parts->literals.items[i];
		struct sl_span head = sl_span(
			part->text.data, SL_MIN(part->text.len, (size_t)SL_MATCH_LITERAL_LEN));
		bool is_deciding = decides(part->text, bounds);
		is_every = is_every || (part->text.len == 0 && is_deciding);
		all_are_candidates = all_are_candidates || (part->text.len == 0 && !is_deciding);
		added = list_add(is_deciding ? deciding : prefilter, head, part->rank);
	}
	/* No candidates are needed where every line matches, and no others where every line is a
	 * candidate. */
	if (is_every || all_are_candidates)
		prefilter->count = 0;
	if (!is_every && all_are_candidates)
		added = added && list_add(prefilter, sl_span("", 0), 0);
	return added;
}

/* Returns 0 or -ENOMEM. */
static int
make_plans(
	struct sl_pattern *pattern, const struct parts *parts, const struct sl_pattern_spec *spec)
{
	struct list deciding = { 0 }, prefilter = { 0 };
	bool ignore_case = spec->ignore_case;
	int code = -ENOMEM;
	if (!divide(parts, spec->bounds, &deciding, &prefilter))
		goto out;
	code = 0;
	if (deciding.count || !prefilter.count)
		code = sl_match_plans_add(
			&pattern->plans, deciding.items, deciding.count, ignore_case, false);
	pattern->deciding_count = pattern->plans.count;
	if (code == 0 && prefilter.count)
		code = sl_match_plans_add(
			&pattern->plans, prefilter.items, prefilter.count, ignore_case, true);
	if (code == 0)
		sl_match_plans_join(pattern->plans.items, pattern->plans.count);
out:
	free(deciding.items);
	free(prefilter.items);
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
		if (is_escapable(text.data[i]))
			sl_buf_add_char(out, '\\');
		sl_buf_add_char(out, text.data[i]);
	}
}

/*
 * As a whole word. PCRE2_EXTRA_MATCH_WORD means \b, which asks for a word character beside a match
 * that begins or ends with another one; grep asks that there is none. \E ends a \Q that is open,
 * and a newline the comment of an extended expression.
 */
static void
add_as_word(struct sl_buf *out, struct sl_span text, bool fixed, bool ends_comment)
{
	size_t verbs = fixed ? 0 : leading_verbs(text);
	sl_buf_add(out, text.data, verbs);
	sl_buf_add_str(out, "(?<!\\w)(?:");
	text = sl_span(text.data + verbs, text.len - verbs);
	if (fixed)
		add_quoted(out, text);
	else
		sl_buf_add_span(out, text);
	sl_buf_add_str(out, fixed ? "" : "\\E");
	sl_buf_add_str(out, ends_comment ? "\n)(?!\\w)" : ")(?!\\w)");
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
compile_word(struct source *source, bool fixed, bool is_utf, pcre2_code **any)
{
	pcre2_code *code = compile_text(source, source->text, 0);
	if (!code)
		return NULL;
	pcre2_code_free(code);
	code = NULL;
	source->options &= ~PCRE2_LITERAL;
	source->options |= is_utf ? PCRE2_UCP : 0;
	for (int ends_comment = 0; ends_comment < 2 && !code; ends_comment++) {
		struct sl_buf word = { 0 };
		add_as_word(&word, source->text, fixed, ends_comment > 0);
		if (!word.failed)
			code = compile_both(source, sl_buf_span(&word), is_utf, any);
		sl_buf_release(&word);
	}
	return code;
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
		.has_lookahead = syntax.has_lookahead || is_word,
		.depends_on_end = syntax.depends_on_end || spec->bounds == SL_BOUNDS_LINE,
		.rank = part->rank };
	made->code = is_word ? compile_word(&source, spec->fixed, syntax.needs_utf, &made->any)
			     : compile_both(&source, text, syntax.needs_utf, &made->any);
	if (!made->code)
		return fail_compile(err, text, spec->fixed, source.code, source.off);
	pattern->has_expressions = true;
	/* A system that forbids writable code (SELinux, seccomp) leaves the interpreter. */
	made->has_jit = pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE) == 0;
	pattern->has_jit = pattern->has_jit || made->has_jit;
	return 0;
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
add_lexicon_check(struct sl_pattern *pattern, const struct parts *parts,
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
	const struct parts *parts, const struct sl_pattern_spec *spec, struct sl_error *err)
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
make_checks(struct sl_pattern *pattern, const struct parts *parts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	size_t count = parts->expressions.count;
	for (size_t i = 0; i < parts->literals.count; i++)
		count += !decides(parts->literals.items[i].text, spec->bounds);
	if (count == 0)
		return 0;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pattern->checks = calloc(count, sizeof(*pattern->checks));
	if (!context || !pattern->checks)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	else
		set_context(context, spec);
	if (code == 0)
		code = add_literal_checks(pattern, context, parts, spec, err);
	for (size_t i = 0; i < parts->expressions.count && code == 0; i++)
		code = compile(pattern, context, &parts->expressions.items[i], spec, err);
	pcre2_compile_context_free(context);
	return code;
}

/*
 * What would be compiled, and then find other lines than meant, or none: \< and the like mean the
 * ends of words to grep and the characters themselves to PCRE2, and no line holds a newline.
 */
static int
check_dialect(const struct list *texts, struct sl_error *err)
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
				"pattern '%.*s%s' can never match: it needs a newline (offset "
				"%zu), "
				"and lines are matched one at a time, without their newline or "
				"CRLF "
				"(use $ for the end of a line)",
				shown, text.data, (size_t)shown < text.len ? "..." : "",
				(size_t)(syntax.newline - text.data));
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
make_pattern(struct sl_pattern *pattern, const struct list *texts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	struct parts parts = { 0 };
	int code;
	if (spec->level) {
		code = make_level(pattern, spec->level);
	} else if (texts->count == 0 && !spec->has_no_default) {
		code = make_default_plan(pattern, spec->ignore_case);
	} else {
		code = take_apart(&parts, texts, spec);
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
	release_parts(&parts);
	return code;
}

/* The texts, a line each. The default is a plan of its own unless what surrounds it matters. */
static bool
list_texts(struct list *texts, const struct sl_pattern_spec *spec)
{
	static const struct sl_span words[] = { { "ERROR", 5 }, { "error", 5 } };
	bool is_default = spec->count == 0 && !spec->has_no_default;
	const struct sl_span *from = is_default ? words : spec->texts;
	size_t count = spec->count;
	if (is_default && spec->bounds != SL_BOUNDS_NONE)
		count = SL_COUNT_OF(words);
	bool split = true;
	for (size_t i = 0; i < count && split; i++)
		split = split_at_newlines(texts, from[i]);
	return split;
}

int
sl_pattern_new(struct sl_pattern **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err)
{
	struct list texts = { 0 };
	*out = NULL;
	struct sl_pattern *pattern = calloc(1, sizeof(*pattern));
	bool split = pattern != NULL && list_texts(&texts, spec);
	int code = 0;
	if (!split)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
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
