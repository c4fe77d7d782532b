/*
 * pattern_join.c - joins expressions that need no literal: every line is a candidate of each, and
 * one code that tries all of them at a place takes less time than a search for each. The joined
 * code only tells whether a line matches. After a limit, each expression is asked for itself.
 */
#include "pattern_int.h"

/* With fewer, nothing is saved. */
#define JOINED_MIN 2u
/* Longer codes than PCRE2 can have come from more text than that. */
#define JOINED_TEXT_MAX (16u * 1024u)

/* Which means the same within a larger expression: no groups that are referred to, no verbs, no
 * settings, nothing that has to be closed. What looks like these in a class counts as well. */
static bool
is_joinable(struct sl_span text)
{
	static const char *const groups[] = { "(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!" };
	for (size_t at = 0; at < text.len; at++) {
		const char *rest = text.data + at;
		size_t left = text.len - at, i = 0;
		if (*rest == '\\') {
			if (left < 2 || strchr("0123456789gkGKQEcCN", rest[1]))
				return false;
			at++;
		}
		if (*rest != '(' || left < 2 || (rest[1] != '?' && rest[1] != '*'))
			continue;
		while (i < SL_COUNT_OF(groups) &&
			(left < strlen(groups[i]) ||
				memcmp(rest, groups[i], strlen(groups[i])) != 0))
			i++;
		if (i == SL_COUNT_OF(groups))
			return false;
	}
	return true;
}

static bool
may_join(const struct sl_pattern_check *check, struct sl_span text)
{
	bool is_plain =
		check->has_jit && !check->any && !check->has_anchor_g && !check->moves_search;
	return is_plain && is_joinable(text);
}

/* The checks from `first` on are those of the expressions, in order. Returns how many are added. */
static size_t
add_all(struct sl_pattern *pattern, const struct sl_pattern_list *expressions, size_t first,
	struct sl_buf *text)
{
	size_t count = 0;
	for (size_t i = 0; i < expressions->count; i++) {
		struct sl_pattern_check *check = &pattern->checks[first + i];
		struct sl_span one = expressions->items[i].text;
		if (text->len + one.len > JOINED_TEXT_MAX || !may_join(check, one))
			continue;
		sl_buf_add_str(text, count++ ? "|(?:" : "(?:");
		sl_buf_add_span(text, one);
		sl_buf_add_char(text, ')');
		check->is_joined = true;
	}
	return count;
}

void
sl_pattern_join(struct sl_pattern *pattern, const struct sl_pattern_list *expressions, size_t first,
	uint32_t options, pcre2_compile_context *context)
{
	struct sl_buf text = { 0 };
	int code;
	size_t off;
	size_t count = add_all(pattern, expressions, first, &text);
	if (count >= JOINED_MIN && !text.failed)
		pattern->joined = pcre2_compile((PCRE2_SPTR)text.data, text.len,
			options | PCRE2_NO_AUTO_CAPTURE, &code, &off, context);
	if (pattern->joined && pcre2_jit_compile(pattern->joined, PCRE2_JIT_COMPLETE) != 0) {
		pcre2_code_free(pattern->joined);
		pattern->joined = NULL;
	}
	for (size_t i = 0; i < expressions->count && !pattern->joined; i++)
		pattern->checks[first + i].is_joined = false;
	sl_buf_release(&text);
}
