/*
 * pattern.c - compiles the patterns: literals become plans for the kernels, everything else checks
 * that confirm the lines which a prefilter makes candidates.
 *
 *     a literal                                     decides
 *     a choice of literals, such as ERROR|error     each of them decides
 *     a literal of more bytes than the kernels      its first bytes are a prefilter, and all of it
 *       take, or that ends with a CR                is the check
 *     any other expression                          a PCRE2 code is the check of every line
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

/* The kernels fold the case of ASCII letters only: other letters are left to PCRE2. */
static enum choice
add_text(struct parts *parts, struct sl_span text, bool fixed, bool ignore_case)
{
	if (ignore_case && sl_pattern_is_wide(text))
		return CHOICE_NOT_PLAIN;
	if (!fixed)
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
		enum choice choice = add_text(parts, text, spec->fixed, spec->ignore_case);
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

/* A CR before the newline does not belong to the line, which kernels do not see. */
static bool
decides(struct sl_span literal)
{
	bool has_cr = literal.len && literal.data[literal.len - 1] == '\r';
	return literal.len <= SL_MATCH_LITERAL_LEN && !has_cr;
}

/* The literals divided into those that decide and prefilters. */
static bool
divide(const struct parts *parts, struct list *deciding, struct list *prefilter)
{
	bool is_every = false, added = true;
	for (size_t i = 0; i < parts->literals.count && added; i++) {
		const struct sl_match_literal *part = &parts->literals.items[i];
		is_every = is_every || part->text.len == 0;
		struct sl_span head = sl_span(part->text.data,
			SL_MIN(part->text.len, (size_t)SL_MATCH_LITERAL_LEN));
		added = list_add(decides(part->text) ? deciding : prefilter, head, part->rank);
	}
	/* No candidates are needed where every line matches, and no others where every line is a
	 * candidate. */
	if (is_every || parts->expressions.count)
		prefilter->count = 0;
	if (!is_every && parts->expressions.count)
		added = added && list_add(prefilter, sl_span("", 0), 0);
	return added;
}

/* Returns 0 or -ENOMEM. */
static int
make_plans(struct sl_pattern *pattern, const struct parts *parts, bool ignore_case)
{
	struct list deciding = { 0 }, prefilter = { 0 };
	int code = -ENOMEM;
	if (!divide(parts, &deciding, &prefilter))
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
compile(struct sl_pattern *pattern, pcre2_compile_context *context, const struct sl_match_literal *part,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	size_t off = 0;
	struct sl_span text = part->text;
	struct sl_pattern_syntax syntax = { 0 };
	if (spec->fixed)
		syntax.needs_utf = spec->ignore_case && sl_pattern_is_wide(text);
	else
		sl_pattern_read_syntax(text, &syntax);
	uint32_t options = options_of(spec, syntax.needs_utf);
	PCRE2_SPTR bytes = (PCRE2_SPTR)(text.len ? text.data : "");
	struct sl_pattern_check *made = &pattern->checks[pattern->check_count++];
	*made = (struct sl_pattern_check){ .has_anchor_g = syntax.has_anchor_g,
		.has_lookahead = syntax.has_lookahead,
		.depends_on_end = syntax.depends_on_end,
		.rank = part->rank };
	made->code = pcre2_compile(bytes, text.len, options, &code, &off, context);
	if (made->code && syntax.needs_utf)
		made->any = pcre2_compile(
			bytes, text.len, options | PCRE2_MATCH_INVALID_UTF, &code, &off, context);
	if (!made->code || (syntax.needs_utf && !made->any))
		return fail_compile(err, text, spec->fixed, code, off);
	pattern->has_expressions = true;
	/* A system that forbids writable code (SELinux, seccomp) leaves the interpreter. */
	made->has_jit = pcre2_jit_compile(made->code, PCRE2_JIT_COMPLETE) == 0;
	pattern->has_jit = pattern->has_jit || made->has_jit;
	return 0;
}

/* A literal that does not decide: compared, or compiled if case is ignored. */
static int
add_literal_check(struct sl_pattern *pattern, pcre2_compile_context *context,
	const struct sl_match_literal *part, const struct sl_pattern_spec *spec, struct sl_error *err)
{
	const struct sl_pattern_spec fixed = { .fixed = true, .ignore_case = true };
	if (spec->ignore_case)
		return compile(pattern, context, part, &fixed, err);
	pattern->checks[pattern->check_count++] =
		(struct sl_pattern_check){ .literal = part->text, .rank = part->rank };
	return 0;
}

/* Newlines mean LF whatever PCRE2 was built with: they never occur in a line, and \r does. */
static int
make_checks(struct sl_pattern *pattern, const struct parts *parts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	size_t count = parts->expressions.count;
	for (size_t i = 0; i < parts->literals.count; i++)
		count += !decides(parts->literals.items[i].text);
	if (count == 0)
		return 0;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pattern->checks = calloc(count, sizeof(*pattern->checks));
	if (!context || !pattern->checks)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	else
		pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	for (size_t i = 0; i < parts->literals.count && code == 0; i++) {
		const struct sl_match_literal *part = &parts->literals.items[i];
		if (!decides(part->text))
			code = add_literal_check(pattern, context, part, spec, err);
	}
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

static int
make_pattern(struct sl_pattern *pattern, const struct list *texts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	struct parts parts = { 0 };
	int code;
	if (spec->count == 0) {
		code = make_default_plan(pattern, spec->ignore_case);
	} else {
		code = take_apart(&parts, texts, spec);
		if (code == 0)
			code = make_plans(pattern, &parts, spec->ignore_case);
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

int
sl_pattern_new(struct sl_pattern **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err)
{
	struct list texts = { 0 };
	*out = NULL;
	struct sl_pattern *pattern = calloc(1, sizeof(*pattern));
	bool split = pattern != NULL;
	for (size_t i = 0; i < spec->count && split; i++)
		split = split_at_newlines(&texts, spec->texts[i]);
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
sl_pattern_has_expressions(const struct sl_pattern *pattern)
{
	return pattern->has_expressions;
}

const struct sl_match_kernel *
sl_pattern_kernel(const struct sl_pattern *pattern)
{
	return pattern->kernel;
}
