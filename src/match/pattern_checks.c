/*
 * pattern_checks.c - what confirms the lines that are candidates: codes of PCRE2, and literals that
 * do not decide by themselves.
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

/* With fewer checks, to do them all is quicker than to find out which may be true. */
#define SELECTED_MIN 4u

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

int
sl_pattern_fail_memory(uint64_t memory_max, struct sl_error *err)
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
		return sl_pattern_fail_memory(spec->memory_max, err);
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
		if (!sl_pattern_decides(part->text, spec->bounds))
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

int
sl_pattern_make_checks(struct sl_pattern *pattern, const struct sl_pattern_parts *parts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	size_t count = parts->expressions.count, verified = parts->verified.count,
	       placing = parts->placing.count;
	for (size_t i = 0; i < parts->literals.count; i++)
		count += !sl_pattern_decides(parts->literals.items[i].text, spec->bounds);
	if (spec->bounds != SL_BOUNDS_NONE) /* literals share one */
		count = parts->expressions.count + (parts->literals.count > 0);
	if (count + verified + placing == 0)
		return 0;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pattern->checks = calloc(count + placing + 1, sizeof(*pattern->checks));
	if (!context || !pattern->checks)
		code = sl_fail_code(err, SL_PHASE_NONE, -ENOMEM, "cannot compile the pattern");
	else
		set_context(context, spec);
	if (code == 0)
		code = add_literal_checks(pattern, context, parts, spec, err);
	for (size_t i = 0; i < parts->expressions.count && code == 0; i++)
		code = compile(pattern, context, &parts->expressions.items[i], spec, err);
	for (size_t i = 0; i < placing && code == 0; i++)
		code = compile(pattern, context, &parts->placing.items[i], spec, err);
	for (size_t i = 0; i < verified && code == 0; i++)
		code = verify(context, parts->verified.items[i].text, spec, err);
	bool is_plain = spec->bounds == SL_BOUNDS_NONE && !spec->fixed;
	if (code == 0 && parts->needs_nothing && is_plain) {
		sl_pattern_join(pattern, &parts->expressions, count - parts->expressions.count,
			options_of(spec, false), context);
		pattern->checks_memory += memory_of(pattern->joined);
	}
	pcre2_compile_context_free(context);
	if (code == 0) {
		pattern->placing_count = placing;
		pattern->check_count -= placing;
	}
	pattern->selects = pattern->selects && count >= SELECTED_MIN;
	return code;
}
