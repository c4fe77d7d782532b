/*
 * pattern_syntax.c - reads properties from the text of a regular expression that its compiled form
 * does not show: whether it needs UTF, whether it can match without a newline, whether text behind
 * a match can change it, and escapes with another meaning in grep.
 *
 * It walks over the atoms of the syntax in pcre2pattern(3): escapes, classes, groups, comments,
 * repeats. Where it is not sure it errs on the side that costs least: an expression is not refused,
 * and a match at a cut is not sure.
 */
#include "pattern_int.h"

#include "sluice/base/text.h"

#define DEPTH_MAX 256 /* of groups; PCRE2 itself allows 250 */

/* A group that is open. Its alternatives are separated by |. */
struct level {
	const char *newline; /* of the current alternative: it needs one */
	bool others_match;   /* an earlier alternative does not */
	bool is_exempt;      /* what is in it need not match: negative assertion, condition */
	bool is_assertion;   /* what is in it takes no text */

	/* Of the current alternative, and of the earlier ones together: does it take text in any
	 * case, and may it see the end of the text behind all that it takes? */
	bool takes, depends_on_end;
	bool some_take_none, some_see_end;
};

struct reader {
	struct sl_span text;
	size_t at;
	struct level levels[DEPTH_MAX];
	unsigned depth;
	bool is_extended; /* (?x): a comment may hold anything */
	bool is_too_deep;
	struct sl_pattern_syntax *syntax;
};

/* What an escape stands for. */
struct escape {
	size_t len;
	bool is_newline; /* \n, \x0a, \012, \cJ, \N{U+0A}, or \R */
};

static bool
is_digit(char c, unsigned base)
{
	if (base == 8)
		return c >= '0' && c <= '7';
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static uint32_t
digit_value(char c)
{
	return (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Byte at `off` behind the reader's place, or NUL. */
static char
peek(const struct reader *reader, size_t off)
{
	return reader->at + off < reader->text.len ? reader->text.data[reader->at + off] : '\0';
}

/* Length up to and with the next `end` from offset `off`; to the end of the text if there is
 * none. */
static size_t
len_to(const struct reader *reader, size_t off, char end)
{
	size_t from = reader->at + off;
	if (from >= reader->text.len)
		return reader->text.len - reader->at;
	const char *found = memchr(reader->text.data + from, end, reader->text.len - from);
	const char *here = reader->text.data + reader->at;
	return found ? (size_t)(found - here) + 1 : reader->text.len - reader->at;
}

/* Digits from offset `off`, at most `most`; `{digits}` if a brace stands there. */
static struct escape
number_escape(struct reader *reader, size_t off, unsigned base, unsigned most)
{
	bool braced = peek(reader, off) == '{';
	uint32_t value = 0;
	size_t i = off + braced;
	for (; is_digit(peek(reader, i), base) && (braced || i - off < most); i++)
		value = value > 0x10ffff ? value : value * base + digit_value(peek(reader, i));
	if (value > 0xff)
		reader->syntax->needs_utf = true;
	size_t len = braced ? len_to(reader, off, '}') : i;
	return (struct escape){ len, value == '\n' };
}

/* The escape that stands here, in a class or not. */
static struct escape
read_escape(struct reader *reader)
{
	struct sl_pattern_syntax *syntax = reader->syntax;
	char c = peek(reader, 1), next = peek(reader, 2);
	switch (c) {
	case 'n':
	case 'R':
		return (struct escape){ 2, true };
	case 'x':
		return number_escape(reader, 2, 16, 2);
	case 'o':
		return number_escape(reader, 2, 8, 0);
	case '0':
		return number_escape(reader, 1, 8, 3);
	case 'c':
		return (struct escape){ 3, next == 'J' || next == 'j' };
	case 'N':
		if (next != '{')
			break;
		bool is_character = peek(reader, 3) == 'U' && peek(reader, 4) == '+';
		syntax->needs_utf = syntax->needs_utf || is_character;
		return (struct escape){ len_to(reader, 2, '}'),
			is_character && number_escape(reader, 5, 16, 8).is_newline };
	case 'p':
	case 'P':
		syntax->needs_utf = true;
		return (struct escape){ next == '{' ? len_to(reader, 2, '}') : 3, false };
	case 'g':
	case 'k':
		if (next == '{' || next == '<' || next == '\'')
			return (struct escape){ len_to(reader, 3,
							next == '{'   ? '}'
							: next == '<' ? '>'
								      : '\''),
				false };
		break;
	default:
		break;
	}
	return (struct escape){ 2, false };
}

/* Other properties of an escape outside of a class. */
static void
note_escape(struct reader *reader)
{
	struct sl_pattern_syntax *syntax = reader->syntax;
	switch (peek(reader, 1)) {
	case 'G':
		syntax->has_anchor_g = true;
		break;
	case 'X':
		syntax->needs_utf = syntax->has_lookahead = true;
		break;
	case 'g': /* may call a group, which is anything */
		syntax->has_lookahead = true;
		break;
	case '<':
		syntax->word_end = syntax->word_end ? syntax->word_end : "\\<";
		break;
	case '>':
		syntax->word_end = syntax->word_end ? syntax->word_end : "\\>";
		break;
	case '`':
		syntax->word_end = syntax->word_end ? syntax->word_end : "\\`";
		break;
	case '\'':
		syntax->word_end = syntax->word_end ? syntax->word_end : "\\'";
		break;
	default:
		break;
	}
}

/* [:alpha:] and the like within a class; 0 if it is not one. */
static size_t
posix_class_len(const struct reader *reader)
{
	if (peek(reader, 0) != '[' || peek(reader, 1) != ':')
		return 0;
	size_t len = len_to(reader, 2, ']');
	bool has_name = len > 4 && peek(reader, len - 1) == ']';
	return has_name && peek(reader, len - 2) == ':' ? len : 0;
}

/* Moves past a class; true if it holds nothing but a newline. */
static bool
skip_class(struct reader *reader)
{
	bool has_newline = false, has_other = false;
	reader->at++;
	bool negated = peek(reader, 0) == '^';
	reader->at += negated;
	for (bool is_first = true; reader->at < reader->text.len; is_first = false) {
		char c = peek(reader, 0);
		size_t posix = posix_class_len(reader);
		if (c == ']' && !is_first) {
			reader->at++;
			break;
		}
		if (c == '\\' && peek(reader, 1) == 'Q') {
			reader->at = reader->at + 2;
			const char *end = memmem(reader->text.data + reader->at,
				reader->text.len - reader->at, "\\E", 2);
			size_t len = end ? (size_t)(end - reader->text.data) - reader->at
					 : reader->text.len - reader->at;
			has_other = has_other || len > 0;
			reader->at += len + (end ? 2 : 0);
		} else if (c == '\\') {
			struct escape escape = read_escape(reader);
			has_newline = has_newline || escape.is_newline;
			has_other = has_other || !escape.is_newline;
			reader->at += escape.len;
		} else {
			has_other = true;
			reader->at += posix ? posix : 1;
		}
	}
	return has_newline && !has_other && !negated;
}

/* Moves past a repeat, if one follows. True if it allows the atom to be left out. */
static bool
skip_repeat(struct reader *reader)
{
	char c = peek(reader, 0);
	bool is_optional = c == '*' || c == '?';
	size_t len = 1;
	if (c == '{') {
		size_t digits = 1, low = 0;
		for (; peek(reader, digits) >= '0' && peek(reader, digits) <= '9'; digits++)
			low = SL_MIN(low * 10 + (size_t)(peek(reader, digits) - '0'), (size_t)1000);
		bool has_low = digits > 1;
		if (peek(reader, digits) == ',')
			for (digits++; peek(reader, digits) >= '0' && peek(reader, digits) <= '9';)
				digits++;
		if (!has_low || peek(reader, digits) != '}')
			return false; /* the character itself */
		is_optional = low == 0;
		len = digits + 1;
	} else if (c != '*' && c != '?' && c != '+') {
		return false;
	}
	reader->at += len;
	if (peek(reader, 0) == '+')
		reader->syntax->has_lookahead = true;
	if (peek(reader, 0) == '+' || peek(reader, 0) == '?')
		reader->at++;
	return is_optional;
}

static struct level *
top(struct reader *reader)
{
	return &reader->levels[reader->depth];
}

/* What sees the end of the text only matters if nothing is taken behind it. */
static void
end_taking_atom(struct reader *reader, const char *newline)
{
	struct level *level = top(reader);
	bool is_optional = skip_repeat(reader);
	if (is_optional)
		return;
	level->takes = true;
	level->depends_on_end = false;
	if (newline && !level->newline)
		level->newline = newline;
}

/* An atom that may take no text: an assertion, a reference. */
static void
end_empty_atom(struct reader *reader, bool depends_on_end)
{
	(void)skip_repeat(reader);
	top(reader)->depends_on_end = top(reader)->depends_on_end || depends_on_end;
}

static void
open_group(struct reader *reader, size_t len, bool is_exempt, bool is_assertion)
{
	reader->at += len;
	if (reader->depth + 1 == DEPTH_MAX) {
		reader->is_too_deep = true;
		return;
	}
	reader->depth++;
	*top(reader) = (struct level){ .is_exempt = is_exempt, .is_assertion = is_assertion };
}

static void
close_group(struct reader *reader)
{
	reader->at++;
	if (reader->depth == 0)
		return; /* one too many: compiling fails */
	const struct level *level = top(reader);
	bool can_match = level->others_match || !level->newline || level->is_exempt;
	const char *newline = can_match ? NULL : level->newline;
	bool takes = level->takes && !level->some_take_none && !level->is_assertion;
	bool depends_on_end = level->depends_on_end || level->some_see_end;
	reader->depth--;
	struct level *outer = top(reader);
	bool is_optional = skip_repeat(reader);
	if (takes && !is_optional) {
		outer->takes = true;
		outer->depends_on_end = false;
	}
	outer->depends_on_end = outer->depends_on_end || depends_on_end;
	if (newline && !is_optional && !outer->newline)
		outer->newline = newline;
}

static void
next_alternative(struct reader *reader)
{
	struct level *level = top(reader);
	reader->at++;
	if (reader->depth == 0 && level->newline && !reader->syntax->newline)
		reader->syntax->newline = level->newline;
	level->others_match = level->others_match || !level->newline;
	level->some_take_none = level->some_take_none || !level->takes;
	level->some_see_end = level->some_see_end || level->depends_on_end;
	level->newline = NULL;
	level->takes = level->depends_on_end = false;
}

/* (?i), (?i:...), (?^x-s) and the like, but also (?R) and (?1): letters, digits and signs up to a
 * colon or parenthesis. */
static void
read_setting(struct reader *reader)
{
	size_t i = 2;
	bool is_call = false;
	for (char c; (c = peek(reader, i)) != '\0' && c != ':' && c != ')'; i++) {
		reader->is_extended = reader->is_extended || c == 'x';
		is_call = is_call || c == 'R' || c == '&' || c == '>' || (c >= '0' && c <= '9');
	}
	if (peek(reader, i) == ':') {
		open_group(reader, i + 1, false, false);
		return;
	}
	reader->syntax->has_lookahead = reader->syntax->has_lookahead || is_call;
	reader->at += i + 1;
	end_empty_atom(reader, false);
}

static bool
begins_with(struct sl_span text, const char *with)
{
	size_t len = strlen(with);
	return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* (*VERB), or an assertion by its name. */
static void
read_verb(struct reader *reader)
{
	struct sl_pattern_syntax *syntax = reader->syntax;
	char c = peek(reader, 2);
	if (c >= 'a' && c <= 'z') {
		syntax->has_lookahead = true;
		open_group(reader, len_to(reader, 2, ':'), true, true);
		return;
	}
	size_t len = len_to(reader, 2, ')');
	struct sl_span verb = sl_span(reader->text.data + reader->at, len);
	if (sl_span_equal(verb, sl_span_str("(*UTF)")) ||
		sl_span_equal(verb, sl_span_str("(*UCP)")))
		syntax->needs_utf = true;
	else
		syntax->has_lookahead = true;
	syntax->moves_search = syntax->moves_search || begins_with(verb, "(*SKIP") ||
			       begins_with(verb, "(*COMMIT");
	syntax->has_option = syntax->has_option || begins_with(verb, "(*NOTEMPTY");
	reader->at += len;
}

static void
read_group(struct reader *reader)
{
	struct sl_pattern_syntax *syntax = reader->syntax;
	char kind = peek(reader, 2), sign = peek(reader, 3);
	bool is_behind = kind == '<' && (sign == '=' || sign == '!' || sign == '*');
	if (peek(reader, 1) == '*') {
		read_verb(reader);
	} else if (peek(reader, 1) != '?') {
		open_group(reader, 1, false, false);
	} else if (kind == '#') {
		reader->at += len_to(reader, 3, ')');
	} else if (kind == '=' || kind == '!' || kind == '*') {
		syntax->has_lookahead = true;
		open_group(reader, 3, kind == '!', true);
	} else if (is_behind) {
		open_group(reader, 4, sign == '!', true);
	} else if (kind == '>' || kind == '|') {
		syntax->has_lookahead = syntax->has_lookahead || kind == '>';
		open_group(reader, 3, false, false);
	} else if (kind == '(') {
		syntax->has_lookahead = true;
		open_group(reader, 2, true, true);
		if (sign != '?' && sign != '*')
			reader->at += len_to(reader, 0, ')');
	} else if (kind == '<' || kind == '\'' || (kind == 'P' && sign == '<')) {
		size_t name = kind == 'P' ? 4 : 3;
		open_group(reader, len_to(reader, name, kind == '\'' ? '\'' : '>'), false, false);
	} else if (kind == 'P' || kind == '&' || kind == 'C') {
		syntax->has_lookahead = true;
		reader->at += len_to(reader, 2, ')');
		end_empty_atom(reader, false);
	} else {
		read_setting(reader);
	}
}

static void
read_quoted(struct reader *reader)
{
	size_t from = reader->at + 2;
	const char *end = from < reader->text.len ? memmem(reader->text.data + from,
							    reader->text.len - from, "\\E", 2)
						  : NULL;
	reader->at = end ? (size_t)(end - reader->text.data) + 2 : reader->text.len;
	end_empty_atom(reader, false);
}

static void
read_atom(struct reader *reader)
{
	const char *here = reader->text.data + reader->at;
	switch (*here) {
	case '\\':
		if (peek(reader, 1) == 'Q') {
			read_quoted(reader);
		} else {
			note_escape(reader);
			struct escape escape = read_escape(reader);
			char c = peek(reader, 1);
			reader->at = SL_MIN(reader->at + escape.len, reader->text.len);
			if (c != '\0' && strchr("bBzZ", c))
				end_empty_atom(reader, true);
			else if (c == '\0' || strchr("AGKEgk123456789", c))
				end_empty_atom(reader, false);
			else
				end_taking_atom(reader, escape.is_newline ? here : NULL);
		}
		break;
	case '[': {
		bool is_newline = skip_class(reader);
		end_taking_atom(reader, is_newline ? here : NULL);
		break;
	}
	case '(':
		read_group(reader);
		break;
	case ')':
		close_group(reader);
		break;
	case '|':
		next_alternative(reader);
		break;
	case '^':
	case '$':
		reader->at++;
		end_empty_atom(reader, *here == '$');
		break;
	default:
		reader->at++;
		end_taking_atom(reader, NULL);
		break;
	}
}

bool
sl_pattern_is_wide(struct sl_span text)
{
	bool is_ascii = true;
	for (size_t i = 0; i < text.len; i++)
		is_ascii = is_ascii && (unsigned char)text.data[i] < 0x80;
	return !is_ascii && sl_text_is_utf8(text);
}

void
sl_pattern_read_syntax(struct sl_span text, struct sl_pattern_syntax *syntax)
{
	struct reader reader = { .text = text, .syntax = syntax };
	*syntax = (struct sl_pattern_syntax){ 0 };
	while (reader.at < text.len)
		read_atom(&reader);
	reader.depth = 0;
	next_alternative(&reader);
	syntax->depends_on_end = reader.levels[0].some_see_end;
	syntax->others_match = reader.levels[0].others_match;
	if (reader.is_extended || reader.is_too_deep) {
		syntax->newline = NULL;
		syntax->has_lookahead = true;
	}
	/* In a text that is not UTF-8 itself other bytes are meant: those of Latin-1, say. */
	syntax->needs_utf =
		sl_text_is_utf8(text) && (syntax->needs_utf || sl_pattern_is_wide(text));
}
