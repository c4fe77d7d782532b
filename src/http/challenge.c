/*
 * challenge.c - a comma separates parameters as well as challenges: a word is a parameter if '='
 * and a value follow, else it is the scheme of the next challenge. Behind a scheme there may be a
 * token68 instead ("Negotiate abc=="), which is told from a parameter by what follows it: a comma
 * or the end.
 */
#include "sluice/http/challenge.h"

#include <ctype.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_token_char(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token68_char(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("-._~+/", c));
}

static size_t
skip_blanks(struct sl_span text, size_t at)
{
	while (at < text.len && is_blank(text.data[at]))
		at++;
	return at;
}

/* Blanks and commas: elements of a list may be empty. */
static size_t
skip_separators(struct sl_span text, size_t at)
{
	while (at < text.len && (is_blank(text.data[at]) || text.data[at] == ','))
		at++;
	return at;
}

static size_t
token_end(struct sl_span text, size_t at)
{
	while (at < text.len && is_token_char(text.data[at]))
		at++;
	return at;
}

/* Where a quoted string that begins at `at` ends, or `at` if it does not. */
static size_t
quoted_end(struct sl_span text, size_t at)
{
	for (size_t i = at + 1; i < text.len; i++) {
		if (text.data[i] == '"')
			return i + 1;
		if (text.data[i] == '\\')
			i++;
	}
	return at;
}

static bool
is_at_end(struct sl_span text, size_t at)
{
	at = skip_blanks(text, at);
	return at == text.len || text.data[at] == ',';
}

/* Where a token68 at `at` ends; `at` if there is none. */
static size_t
token68_end(struct sl_span text, size_t at)
{
	size_t i = at;
	while (i < text.len && is_token68_char(text.data[i]))
		i++;
	while (i > at && i < text.len && text.data[i] == '=')
		i++;
	return i > at && is_at_end(text, i) ? i : at;
}

struct parameter {
	struct sl_span name, value; /* a quoted value with its quotes */
};

/* Where the parameter at `at` ends; `at` if there is none. */
static size_t
take_parameter(struct sl_span text, size_t at, struct parameter *out)
{
	size_t name_end = token_end(text, at);
	size_t mark = skip_blanks(text, name_end);
	if (name_end == at || mark == text.len || text.data[mark] != '=')
		return at;
	size_t from = skip_blanks(text, mark + 1);
	bool is_quoted = from < text.len && text.data[from] == '"';
	size_t end = is_quoted ? quoted_end(text, from) : token_end(text, from);
	if ((is_quoted && end == from) || !is_at_end(text, end))
		return at;
	*out = (struct parameter){ sl_span(text.data + at, name_end - at),
		sl_span(text.data + from, end - from) };
	return end;
}

/* ---- challenges ---- */

void
sl_challenges_init(struct sl_challenges *walk, const struct sl_head *head, const char *name)
{
	*walk = (struct sl_challenges){ .head = head, .name = name, .rest = sl_span("", 0) };
}

void
sl_challenges_init_value(struct sl_challenges *walk, struct sl_span value)
{
	*walk = (struct sl_challenges){ .rest = value.len > 0 ? value : sl_span("", 0) };
}

/* A challenge at the beginning of walk->rest, which is not empty. False if there is none. */
static bool
take_challenge(struct sl_challenges *walk, struct sl_challenge *out)
{
	struct sl_span text = walk->rest;
	struct parameter parameter;
	size_t end = token_end(text, 0);
	size_t at = skip_blanks(text, end);
	size_t first = at;
	walk->rest = sl_span("", 0);
	if (end == 0)
		return false;
	*out = (struct sl_challenge){ sl_span(text.data, end), sl_span("", 0) };
	size_t past = at > end ? token68_end(text, at) : at;
	bool is_token68 = past > at;
	for (size_t next; !is_token68 && (next = take_parameter(text, at, &parameter)) > at;) {
		past = next;
		at = skip_separators(text, next);
		out->parameters = sl_span(text.data + first, past - first);
	}
	if (is_at_end(text, past))
		walk->rest = sl_span(text.data + past, text.len - past);
	return true;
}

bool
sl_challenges_next(struct sl_challenges *walk, struct sl_challenge *challenge)
{
	for (;;) {
		size_t begin = skip_separators(walk->rest, 0);
		walk->rest = sl_span(walk->rest.data + begin, walk->rest.len - begin);
		if (walk->rest.len > 0 && take_challenge(walk, challenge))
			return true;
		if (!walk->head)
			return false;
		struct sl_span next = sl_head_find(walk->head, walk->name, walk->nth++);
		if (!next.data)
			return false;
		walk->rest = next;
	}
}

bool
sl_challenge_find(const struct sl_challenge *challenge, const char *name, struct sl_buf *value)
{
	struct sl_span text = challenge->parameters;
	struct parameter parameter;
	size_t at = skip_separators(text, 0), next;
	while (at < text.len && (next = take_parameter(text, at, &parameter)) > at) {
		if (sl_span_is_nocase(parameter.name, name)) {
			struct sl_span raw = parameter.value;
			bool is_quoted = raw.len > 0 && raw.data[0] == '"';
			for (size_t i = is_quoted; i + is_quoted < raw.len; i++) {
				i += is_quoted && raw.data[i] == '\\';
				sl_buf_add_char(value, raw.data[i]);
			}
			return true;
		}
		at = skip_separators(text, next);
	}
	return false;
}
