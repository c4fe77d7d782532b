/*
 * pattern.c - compiles the patterns: plans of literals for the kernels if all patterns are literals
 * or alternatives of them, else a PCRE2 expression for each pattern.
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
#include <strings.h>

#define SHOWN_PATTERN 80 /* bytes of a pattern in a message */

/* ---- literals ---- */

/* Patterns or literals while they are taken apart: spans of the user's texts, or of `bytes`. */
struct texts {
	struct sl_span *spans;
	size_t count, cap;
};

static bool
texts_add(struct texts *texts, struct sl_span span)
{
	if (texts->count == texts->cap) {
		size_t cap = SL_MAX(texts->cap * 2, (size_t)8);
		struct sl_span *spans = realloc(texts->spans, cap * sizeof(*spans));
		if (!spans)
			return false;
		texts->spans = spans;
		texts->cap = cap;
	}
	texts->spans[texts->count++] = span;
	return true;
}

/* As grep: each line of a pattern is a pattern. */
static bool
split_at_newlines(struct texts *texts, struct sl_span text)
{
	for (;;) {
		const char *newline = text.len ? memchr(text.data, '\n', text.len) : NULL;
		if (!newline)
			return texts_add(texts, text);
		size_t len = (size_t)(newline - text.data);
		if (!texts_add(texts, sl_span(text.data, len)))
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

/*
 * A regular expression that is only a choice of literals, such as ERROR|error or \[warn\], goes to
 * the kernels. The literals are appended to *bytes, and to *choices their lengths: where they are
 * is known when all are there. False if it is more than that, or memory ends.
 */
static bool
plain_choice(struct sl_buf *bytes, struct sl_span text, struct texts *choices)
{
	size_t at = 0;
	for (;;) {
		size_t begin = bytes->len;
		while (at < text.len && text.data[at] != '|') {
			if (!plain_byte(bytes, text, &at))
				return false;
		}
		if (!texts_add(choices, sl_span("", bytes->len - begin)))
			return false;
		if (at == text.len)
			return true;
		at++;
	}
}

struct ranked {
	struct sl_span literal;
	uint32_t rank; /* in the user's order */
};

static int
compare_ranked(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	size_t len = SL_MIN(a->literal.len, b->literal.len);
	int order = len ? strncasecmp(a->literal.data, b->literal.data, len) : 0;
	if (order == 0)
		order = (a->literal.len > b->literal.len) - (a->literal.len < b->literal.len);
	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static int
init_plan(struct sl_match_plan *plan, const struct ranked *ranked, size_t count, bool ignore_case)
{
	struct sl_span literals[SL_MATCH_LITERALS] = { 0 };
	for (size_t i = 0; i < count; i++)
		literals[i] = ranked[i].literal;
	int code = sl_match_plan_init(plan, literals, count, ignore_case);
	for (size_t i = 0; i < count && code == 0; i++)
		sl_match_plan_rank(plan, i, ranked[i].rank);
	return code;
}

static int
init_plans(struct sl_pattern *pattern, const struct ranked *ranked, size_t count, bool ignore_case)
{
	struct sl_match_plan *plans = pattern->plans;
	int code = 0;
	size_t made = 0;
	for (size_t from = 0; code == 0 && (from < count || made == 0); from += SL_MATCH_LITERALS) {
		size_t some = SL_MIN(count - from, (size_t)SL_MATCH_LITERALS);
		code = init_plan(&plans[made++], ranked + from, some, ignore_case);
	}
	if (code == 0)
		sl_match_plans_join(plans, made);
	pattern->count = made;
	return code;
}

/*
 * A CR before the newline does not belong to the line: kernels do not know that, and a literal that
 * ends with one is left to PCRE2. So is the case of letters beyond ASCII.
 */
static bool
is_for_kernels(struct sl_span literal, bool ignore_case)
{
	if (literal.len && literal.data[literal.len - 1] == '\r')
		return false;
	return !ignore_case || !sl_pattern_is_wide(literal);
}

/* Returns 1 if the plans are made, 0 if these literals are not for them, -ENOMEM. */
static int
plan_literals(
	struct sl_pattern *pattern, const struct sl_span *literals, size_t count, bool ignore_case)
{
	for (size_t i = 0; i < count; i++)
		if (!is_for_kernels(literals[i], ignore_case))
			return 0;
	struct ranked *ranked = calloc(SL_MAX(count, (size_t)1), sizeof(*ranked));
	pattern->plans = calloc(count / SL_MATCH_LITERALS + 1, sizeof(*pattern->plans));
	int code = ranked && pattern->plans && count <= UINT32_MAX ? 0 : -ENOMEM;
	for (size_t i = 0; i < count && code == 0; i++)
		ranked[i] = (struct ranked){ literals[i], (uint32_t)i };
	/* Neighbours in sorted order share plans, and buckets of their filters: they begin
	 * alike. */
	if (code == 0)
		qsort(ranked, count, sizeof(*ranked), compare_ranked);
	if (code == 0)
		code = init_plans(pattern, ranked, count, ignore_case) == 0;
	free(ranked);
	if (code != 1) {
		free(pattern->plans);
		pattern->plans = NULL;
		pattern->count = 0;
	}
	return code;
}

/* All patterns as literals, if all are plain. Returns as plan_literals. */
static int
plan_choices(struct sl_pattern *pattern, const struct texts *texts, bool ignore_case)
{
	struct sl_buf bytes = { 0 };
	struct texts choices = { 0 };
	bool plain = true;
	for (size_t i = 0; i < texts->count && plain; i++)
		plain = plain_choice(&bytes, texts->spans[i], &choices);
	const char *at = bytes.data;
	for (size_t i = 0; i < choices.count && at; i++) {
		choices.spans[i].data = at;
		at += choices.spans[i].len;
	}
	int code = bytes.failed ? -ENOMEM : 0;
	if (code == 0 && plain)
		code = plan_literals(pattern, choices.spans, choices.count, ignore_case);
	sl_buf_release(&bytes);
	free(choices.spans);
	return code;
}

/* Returns as plan_literals. */
static int
make_plan(struct sl_pattern *pattern, const struct texts *texts, const struct sl_pattern_spec *spec)
{
	static const struct sl_span defaults[] = { { "ERROR", 5 }, { "error", 5 } };
	if (spec->count == 0) {
		int code =
			plan_literals(pattern, defaults, SL_COUNT_OF(defaults), spec->ignore_case);
		if (code == 1 && !spec->ignore_case)
			sl_match_plan_count_other_case(pattern->plans);
		return code;
	}
	if (!spec->fixed)
		return plan_choices(pattern, texts, spec->ignore_case);
	return plan_literals(pattern, texts->spans, texts->count, spec->ignore_case);
}

/* ---- regular expressions ---- */

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

static int
compile(struct sl_pattern *pattern, pcre2_compile_context *context, struct sl_span text,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	size_t off = 0;
	struct sl_pattern_syntax syntax = { 0 };
	if (spec->fixed)
		syntax.wants_utf = spec->ignore_case && sl_pattern_is_wide(text);
	else
		sl_pattern_read_syntax(text, &syntax);
	uint32_t options = options_of(spec, syntax.wants_utf);
	PCRE2_SPTR bytes = (PCRE2_SPTR)(text.len ? text.data : "");
	struct sl_pattern_code *made = &pattern->codes[pattern->count++];
	*made = (struct sl_pattern_code){ .has_anchor_g = syntax.has_anchor_g,
		.has_lookahead = syntax.has_lookahead,
		.depends_on_end = syntax.depends_on_end };
	made->code = pcre2_compile(bytes, text.len, options, &code, &off, context);
	if (made->code && syntax.wants_utf)
		made->any = pcre2_compile(
			bytes, text.len, options | PCRE2_MATCH_INVALID_UTF, &code, &off, context);
	if (!made->code || (syntax.wants_utf && !made->any))
		return fail_compile(err, text, spec->fixed, code, off);
	/* A system that forbids writable code (SELinux, seccomp) leaves the interpreter. */
	if (pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE) != 0)
		pattern->has_jit = false;
	return 0;
}

/* Newlines mean LF whatever PCRE2 was built with: they never occur in a line, and \r does. */
static int
compile_all(struct sl_pattern *pattern, const struct texts *texts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pattern->codes = calloc(SL_MAX(texts->count, (size_t)1), sizeof(*pattern->codes));
	pattern->has_jit = true;
	if (!context || !pattern->codes)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	else
		pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	for (size_t i = 0; i < texts->count && code == 0; i++)
		code = compile(pattern, context, texts->spans[i], spec, err);
	pcre2_compile_context_free(context);
	return code;
}

/*
 * What would be compiled, and then find other lines than meant, or none: \< and the like mean the
 * ends of words to grep and the characters themselves to PCRE2, and no line holds a newline.
 */
static int
check_dialect(const struct texts *texts, struct sl_error *err)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct sl_pattern_syntax syntax;
		sl_pattern_read_syntax(texts->spans[i], &syntax);
		if (syntax.word_end)
			return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
				"%s in a pattern matches the end of a word or of the text in grep, "
				"but not here: use \\b, \\A or \\z (or -F for the characters "
				"themselves)",
				syntax.word_end);
		if (syntax.newline) {
			struct sl_span text = texts->spans[i];
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

int
sl_pattern_new(struct sl_pattern **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err)
{
	struct texts texts = { 0 };
	int code = -ENOMEM;
	*out = NULL;
	struct sl_pattern *pattern = calloc(1, sizeof(*pattern));
	bool split = pattern != NULL;
	for (size_t i = 0; i < spec->count && split; i++)
		split = split_at_newlines(&texts, spec->texts[i]);
	if (split && !spec->fixed && check_dialect(&texts, err) != 0) {
		code = SL_E_USAGE;
		goto out;
	}
	if (split)
		code = make_plan(pattern, &texts, spec);
	if (code < 0) {
		code = sl_fail_code(err, SL_PHASE_NONE, code, "cannot compile the pattern");
		goto out;
	}
	pattern->kernel = kernel;
	code = pattern->plans ? 0 : compile_all(pattern, &texts, spec, err);
out:
	free(texts.spans);
	if (code < 0)
		sl_pattern_free(pattern);
	else
		*out = pattern;
	return code;
}

void
sl_pattern_free(struct sl_pattern *pattern)
{
	if (!pattern)
		return;
	for (size_t i = 0; i < pattern->count && pattern->codes; i++) {
		pcre2_code_free(pattern->codes[i].code);
		pcre2_code_free(pattern->codes[i].any);
	}
	free(pattern->codes);
	free(pattern->plans);
	free(pattern);
}

const struct sl_match_plan *
sl_pattern_plan(const struct sl_pattern *pattern)
{
	return pattern->plans;
}

const struct sl_match_kernel *
sl_pattern_kernel(const struct sl_pattern *pattern)
{
	return pattern->kernel;
}
