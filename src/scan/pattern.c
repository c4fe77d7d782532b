#include "sluice/scan/pattern.h"

#include "sluice/scan/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Enough for a pattern without deep recursion; the stack grows to SL_PATTERN_JIT_STACK from here.
 */
#define JIT_STACK_START (32u * 1024u)

#define SHOWN_PATTERN 80 /* bytes of a pattern in a message */

struct sl_pattern {
	const struct sl_match_kernel *kernel;
	struct sl_match_plan *plans; /* joined; NULL if it takes regular expressions */
	pcre2_code **codes;          /* then the line matches if any of them does */
	size_t count;
	bool has_jit;      /* of all codes */
	bool has_anchor_g; /* \G: where the search begins decides */
};

/* Where an expression matches next in the line that is being looked through. */
struct next_match {
	bool is_known;
	size_t begin, end; /* begin SIZE_MAX: nowhere */
};

struct sl_matcher {
	const struct sl_pattern *pattern;
	pcre2_match_data *found;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	struct next_match *next; /* of each code */
	const unsigned char *line;
	size_t line_len, from; /* what `next` is true of */
	bool line_goes_on;     /* likewise: behind line_len */
};

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
init_plans(struct sl_match_plan *plans, const struct ranked *ranked, size_t count, bool ignore_case)
{
	int code = 0;
	size_t made = 0;
	for (size_t from = 0; code == 0 && (from < count || made == 0); from += SL_MATCH_LITERALS) {
		size_t some = SL_MIN(count - from, (size_t)SL_MATCH_LITERALS);
		code = init_plan(&plans[made++], ranked + from, some, ignore_case);
	}
	if (code == 0)
		sl_match_plans_join(plans, made);
	return code;
}

/* Returns 1 if the plans are made, 0 if these literals are not for them, -ENOMEM. */
static int
plan_literals(
	struct sl_pattern *pattern, const struct sl_span *literals, size_t count, bool ignore_case)
{
	struct ranked *ranked = calloc(SL_MAX(count, (size_t)1), sizeof(*ranked));
	pattern->plans = calloc(count / SL_MATCH_LITERALS + 1, sizeof(*pattern->plans));
	int code = ranked && pattern->plans && count <= UINT32_MAX ? 0 : -ENOMEM;
	for (size_t i = 0; i < count && code == 0; i++)
		ranked[i] = (struct ranked){ literals[i], (uint32_t)i };
	if (code == 0 && count > SL_MATCH_LITERALS)
		qsort(ranked, count, sizeof(*ranked), compare_ranked);
	if (code == 0)
		code = init_plans(pattern->plans, ranked, count, ignore_case) == 0;
	free(ranked);
	if (code != 1) {
		free(pattern->plans);
		pattern->plans = NULL;
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
	if (spec->count == 0)
		return plan_literals(pattern, defaults, SL_COUNT_OF(defaults), spec->ignore_case);
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

/*
 * UTF is forbidden even if the pattern asks for it, since logs hold bytes. Newlines mean LF
 * whatever PCRE2 was built with: they never occur in a line, and \r does.
 */
static int
compile(struct sl_pattern *pattern, pcre2_compile_context *context, struct sl_span text,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	size_t off = 0;
	uint32_t options = spec->fixed ? PCRE2_LITERAL : PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
	if (spec->ignore_case)
		options |= PCRE2_CASELESS;
	PCRE2_SPTR bytes = (PCRE2_SPTR)(text.len ? text.data : "");
	pcre2_code *compiled = pcre2_compile(bytes, text.len, options, &code, &off, context);
	if (!compiled)
		return fail_compile(err, text, spec->fixed, code, off);
	pattern->codes[pattern->count++] = compiled;
	pattern->has_anchor_g = pattern->has_anchor_g || memmem(bytes, text.len, "\\G", 2);
	/* A system that forbids writable code (SELinux, seccomp) leaves the interpreter. */
	if (pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE) != 0)
		pattern->has_jit = false;
	return 0;
}

static int
compile_all(struct sl_pattern *pattern, const struct texts *texts,
	const struct sl_pattern_spec *spec, struct sl_error *err)
{
	int code = 0;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pattern->codes = calloc(SL_MAX(texts->count, (size_t)1), sizeof(pcre2_code *));
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

/* What follows the bracket of [:alpha:] and the like up to its end; 0 if this is none. */
static size_t
posix_class_len(struct sl_span text)
{
	const char *end = text.len > 2 && text.data[1] == ':'
				  ? memchr(text.data + 2, ']', text.len - 2)
				  : NULL;
	bool has_name = end && end > text.data + 2; /* [:] is no such thing */
	return has_name && end[-1] == ':' ? (size_t)(end - text.data) : 0;
}

/* \< and the like mean the ends of words to grep, and the bytes themselves to PCRE2: who writes one
 * would get other lines than meant. NULL, or which it is. */
static const char *
word_end_of_grep(struct sl_span text)
{
	static const char *const ends[] = { "\\<", "\\>", "\\`", "\\'" };
	bool in_class = false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		struct sl_span rest = sl_span(text.data + i, text.len - i);
		if (in_class && c == '[') {
			i += posix_class_len(rest);
		} else if (c == ']' || (c == '[' && !in_class)) {
			in_class = c == '[';
			bool negated = in_class && i + 1 < text.len && text.data[i + 1] == '^';
			size_t first = i + 1 + negated;
			if (in_class && first < text.len && text.data[first] == ']')
				i = first; /* the first is one of the class */
		} else if (c == '\\' && i + 1 < text.len) {
			i++;
			for (size_t k = 0; k < SL_COUNT_OF(ends) && !in_class; k++)
				if (text.data[i] == ends[k][1])
					return ends[k];
			if (text.data[i] == 'Q') {
				const char *end = memmem(rest.data, rest.len, "\\E", 2);
				i = end ? (size_t)(end - text.data) + 1 : text.len;
			}
		}
	}
	return NULL;
}

static int
check_dialect(const struct texts *texts, struct sl_error *err)
{
	for (size_t i = 0; i < texts->count; i++) {
		const char *end = word_end_of_grep(texts->spans[i]);
		if (end)
			return sl_fail(err, SL_PHASE_NONE, SL_E_USAGE,
				"%s in a pattern is the end of a word or of the text to grep, but "
				"not here: use \\b, \\A or \\z (or -F for the characters "
				"themselves)",
				end);
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
	for (size_t i = 0; i < pattern->count; i++)
		pcre2_code_free(pattern->codes[i]);
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

bool
sl_pattern_is_fast(const struct sl_pattern *pattern)
{
	return pattern->plans || pattern->has_jit;
}

/* ---- matching ---- */

int
sl_matcher_new(struct sl_matcher **out, const struct sl_pattern *pattern)
{
	*out = NULL;
	struct sl_matcher *matcher = calloc(1, sizeof(*matcher));
	if (!matcher)
		return -ENOMEM;
	matcher->pattern = pattern;
	if (!pattern->plans) {
		matcher->found = pcre2_match_data_create(1, NULL);
		matcher->context = pcre2_match_context_create(NULL);
		matcher->stack =
			pcre2_jit_stack_create(JIT_STACK_START, SL_PATTERN_JIT_STACK, NULL);
		matcher->next = calloc(SL_MAX(pattern->count, (size_t)1), sizeof(*matcher->next));
		if (!matcher->found || !matcher->context || !matcher->next ||
			(!matcher->stack && pattern->has_jit)) {
			sl_matcher_free(matcher);
			return -ENOMEM;
		}
		pcre2_set_match_limit(matcher->context, SL_PATTERN_MATCH_LIMIT);
		pcre2_set_depth_limit(matcher->context, SL_PATTERN_MATCH_LIMIT);
		pcre2_set_heap_limit(matcher->context, SL_PATTERN_HEAP_LIMIT_KIB);
		pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
	}
	*out = matcher;
	return 0;
}

void
sl_matcher_free(struct sl_matcher *matcher)
{
	if (!matcher)
		return;
	free(matcher->next);
	pcre2_match_data_free(matcher->found);
	pcre2_match_context_free(matcher->context);
	pcre2_jit_stack_free(matcher->stack);
	free(matcher);
}

/* 1, 0 or SL_E_UNDECIDED for one expression. Every code but "no match" leaves the question open. */
static int
match(struct sl_matcher *matcher, const pcre2_code *compiled, const unsigned char *line, size_t len,
	size_t from, uint32_t options)
{
	int code = pcre2_match(compiled, line, len, from, options | PCRE2_NO_UTF_CHECK, matcher->found,
		matcher->context);
	if (code >= 0)
		return 1;
	return code == PCRE2_ERROR_NOMATCH ? 0 : SL_E_UNDECIDED;
}

static int
match_any(struct sl_matcher *matcher, const unsigned char *line, size_t len, uint32_t options)
{
	const struct sl_pattern *pattern = matcher->pattern;
	int result = 0;
	for (size_t i = 0; i < pattern->count; i++) {
		int code = match(matcher, pattern->codes[i], line, len, 0, options);
		if (code == 1)
			return 1;
		result = code < 0 ? code : result;
	}
	return result;
}

int
sl_matcher_line(struct sl_matcher *matcher, const unsigned char *line, size_t len)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (!pattern->plans) {
		if (len > SL_PATTERN_LINE_MAX)
			return sl_matcher_line_begin(matcher, line, len);
		return match_any(matcher, line, len, 0);
	}
	if (sl_match_is_every(pattern->plans))
		return 1;
	for (const struct sl_match_plan *plan = pattern->plans; plan; plan = plan->next) {
		struct sl_match_counts counts;
		pattern->kernel->scan(plan, line, len, NULL, &counts);
		if (counts.head_hit)
			return 1;
	}
	return 0;
}

/*
 * A hard partial match is one that wanted to look past the end: only what matches without it is
 * sure, since `$` or a lookahead could change its mind with the bytes that follow.
 */
int
sl_matcher_line_begin(struct sl_matcher *matcher, const unsigned char *line, size_t len)
{
	size_t kept = SL_MIN(len, (size_t)SL_PATTERN_LINE_MAX);
	return match_any(matcher, line, kept, PCRE2_PARTIAL_HARD) == 1 ? 1 : SL_E_UNDECIDED;
}

/* A search begins at 0 and goes on in the same line: a match found before `from` is looked for once
 * more, one behind it still stands. Else two expressions would cost the square of the line. */
static void
forget_passed(struct sl_matcher *matcher, const unsigned char *line, size_t len, size_t from)
{
	const struct sl_pattern *pattern = matcher->pattern;
	bool is_other = from == 0 || line != matcher->line || len != matcher->line_len ||
			from < matcher->from || pattern->has_anchor_g;
	for (size_t i = 0; i < pattern->count; i++)
		if (is_other || matcher->next[i].begin < from)
			matcher->next[i].is_known = false;
	matcher->line = line;
	matcher->line_len = len;
	matcher->from = from;
}

static void
find_next(struct sl_matcher *matcher, size_t index, size_t from)
{
	struct next_match *next = &matcher->next[index];
	const pcre2_code *code = matcher->pattern->codes[index];
	const PCRE2_SIZE *pair = pcre2_get_ovector_pointer(matcher->found);
	uint32_t options = matcher->line_goes_on ? PCRE2_PARTIAL_HARD : 0;
	*next = (struct next_match){ .is_known = true, .begin = SIZE_MAX };
	if (match(matcher, code, matcher->line, matcher->line_len, from, options) != 1)
		return;
	/* \K in a lookahead can put the end before the begin. */
	if (pair[0] > pair[1])
		next->is_known = false;
	else
		*next = (struct next_match){ true, pair[0], pair[1] };
}

bool
sl_matcher_find(struct sl_matcher *matcher, const unsigned char *line, size_t len, bool goes_on,
	size_t from, size_t *begin, size_t *end)
{
	const struct sl_pattern *pattern = matcher->pattern;
	if (pattern->plans)
		return sl_match_find(pattern->plans, line, len, from, begin, end);
	size_t kept = SL_MIN(len, (size_t)SL_PATTERN_LINE_MAX);
	bool found = false;
	forget_passed(matcher, line, kept, from);
	matcher->line_goes_on = goes_on || kept < len;
	for (size_t i = 0; i < pattern->count && from <= kept; i++) {
		const struct next_match *next = &matcher->next[i];
		if (!next->is_known)
			find_next(matcher, i, from);
		if (next->begin == SIZE_MAX || (found && next->begin >= *begin))
			continue;
		found = true;
		*begin = next->begin;
		*end = next->end;
	}
	return found;
}

/* Counts one closed line that ends at data[end]. */
static void
scan_line(struct sl_matcher *matcher, const unsigned char *data, size_t begin, size_t end,
	uint64_t *marks, struct sl_matcher_counts *counts)
{
	int code = sl_matcher_line(matcher, data + begin, end - begin);
	if (code < 0)
		counts->undecided++;
	if (code != 1)
		return;
	counts->hits++;
	if (marks)
		marks[end / 64] |= 1ull << (end % 64);
}

void
sl_matcher_scan(struct sl_matcher *matcher, const unsigned char *data, size_t len, uint64_t *marks,
	struct sl_matcher_counts *counts)
{
	*counts = (struct sl_matcher_counts){ 0 };
	sl_lines_edges(data, len, &counts->head_len, &counts->tail_off);
	if (counts->head_len == len && (len == 0 || data[len - 1] != '\n'))
		return;
	counts->newlines = 1;
	for (size_t at = counts->head_len; at < counts->tail_off;) {
		const unsigned char *newline = memchr(data + at, '\n', counts->tail_off - at);
		size_t end = (size_t)(newline - data);
		scan_line(matcher, data, at, end, marks, counts);
		counts->newlines++;
		at = end + 1;
	}
}
