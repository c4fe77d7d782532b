/*
 * pattern_atom.c - reads the smallest parts of an expression: what is one of a few texts becomes a
 * set of them, other things are only moved past. Where the end of a part is in doubt, because of
 * syntax that is rare or differs between versions of PCRE2, it gives up.
 */
#include "pattern_atom_int.h"

#include "match_int.h"

#define CLASS_MAX 16u /* bytes of a class that becomes a set, unless wide ones are taken */

bool
sl_atom_looking_at(const struct sl_atom_reader *reader, const char *text)
{
	size_t len = strlen(text);
	return reader->text.len - reader->at >= len &&
	       memcmp(reader->text.data + reader->at, text, len) == 0;
}

void
sl_atom_give_up(struct sl_atom_reader *reader)
{
	reader->has_given_up = true;
	reader->at = reader->text.len;
}

void
sl_atom_skip_quotes(struct sl_atom_reader *reader)
{
	for (;;) {
		bool is_end = sl_atom_looking_at(reader, "\\E");
		if (!is_end && (reader->is_quoting || !sl_atom_looking_at(reader, "\\Q")))
			return;
		reader->is_quoting = !is_end;
		reader->at += 2;
	}
}

/* ---- single characters ---- */

static void
add_byte(struct sl_atom_reader *reader, struct sl_atom *part, unsigned char c)
{
	char byte = (char)c;
	bool folds = reader->is_caseless && sl_match_is_letter(c);
	unsigned char lower = sl_match_lower(c);
	part->is_exact = !(folds && reader->is_utf && (lower == 'k' || lower == 's'));
	part->set.ignore_case = part->set.ignore_case || folds;
	(void)sl_literal_set_add(&part->set, sl_span(&byte, 1));
}

/* A character that means itself. */
void
sl_atom_read_character(struct sl_atom_reader *reader, struct sl_atom *part)
{
	unsigned char c = sl_atom_peek(reader, 0);
	size_t len = !reader->is_utf ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	if (len == 1) {
		add_byte(reader, part, c);
	} else if (!reader->is_caseless && reader->text.len - reader->at >= len) {
		part->is_exact = true;
		(void)sl_literal_set_add(&part->set, sl_span(reader->text.data + reader->at, len));
	}
	reader->at = SL_MIN(reader->at + len, reader->text.len);
}

static int
hex_value(unsigned char c)
{
	if (sl_atom_is_digit(c))
		return c - '0';
	c = sl_match_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH with two digits. Others are left alone. Returns a byte or -1. */
static int
read_hex(struct sl_atom_reader *reader)
{
	int high = hex_value(sl_atom_peek(reader, 2)), low = hex_value(sl_atom_peek(reader, 3));
	int value = high < 0 || low < 0 ? -1 : high * 16 + low;
	if (value < 0 || (reader->is_utf && value > 0x7f)) {
		sl_atom_give_up(reader);
		return -1;
	}
	reader->at += 4;
	return value;
}

/* The byte that an escape stands for and moves past it; -1, at the same place, if it is not a
 * single one. */
static int
read_byte_escape(struct sl_atom_reader *reader)
{
	static const char names[] = "tfrea", bytes[] = "\t\f\r\x1b\a";
	unsigned char c = sl_atom_peek(reader, 1);
	const char *name = c ? strchr(names, c) : NULL;
	bool is_punctuation =
		c >= ' ' && c < 0x7f && !sl_match_is_letter(c) && !sl_atom_is_digit(c);
	if (c == 'x')
		return read_hex(reader);
	if (!name && !is_punctuation)
		return -1;
	reader->at += 2;
	return name ? bytes[name - names] : c;
}

/* \p{...} and \pL. */
static void
skip_property(struct sl_atom_reader *reader)
{
	reader->at += 2;
	bool is_braced = sl_atom_peek(reader, 0) == '{';
	while (is_braced && sl_atom_has_more(reader) && sl_atom_peek(reader, 0) != '}')
		reader->at++;
	if (sl_atom_has_more(reader))
		reader->at++;
}

/* ---- classes ---- */

struct class
{
	bool members[256];
	bool is_wide; /* it has others, or too many */
};

static void
add_range(struct class *class, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to; c++)
		class->members[c] = true;
}

/* \d, and \w and \s if wide classes are taken: of bytes. False for others. */
static bool
add_kind(const struct sl_atom_reader *reader, struct class *class, unsigned char kind)
{
	bool is_known = kind == 'd' || (reader->takes_wide_classes && (kind == 'w' || kind == 's'));
	if (reader->is_utf || !is_known)
		return false;
	if (kind == 's') {
		add_range(class, '\t', '\r');
		add_range(class, ' ', ' ');
		return true;
	}
	add_range(class, '0', '9');
	if (kind == 'w') {
		add_range(class, 'A', 'Z');
		add_range(class, '_', '_');
		add_range(class, 'a', 'z');
	}
	return true;
}

/* Of ignored case, one letter stands for both. */
static void
add_class(struct sl_atom_reader *reader, struct sl_atom *part, struct class *class)
{
	unsigned count = 0, max = reader->takes_wide_classes ? SL_LITERAL_SET_MAX : CLASS_MAX;
	class->members['\n'] = false; /* no line has one */
	for (unsigned c = 'A'; c <= 'Z' && reader->is_caseless; c++) {
		class->members[c ^ SL_MATCH_FOLD] |= class->members[c];
		class->members[c] = false;
	}
	for (unsigned c = 0; c < 256; c++)
		count += class->members[c];
	bool has_wide_letter = reader->is_caseless && reader->is_utf &&
			       (class->members['k'] || class->members['s']);
	if (class->is_wide || count == 0 || count > max || has_wide_letter)
		return;
	for (unsigned c = 0; c < 256; c++) {
		if (class->members[c])
			add_byte(reader, part, (unsigned char)c);
	}
}

void
sl_atom_read_escape(struct sl_atom_reader *reader, struct sl_atom *part)
{
	unsigned char c = sl_atom_peek(reader, 1);
	int byte = read_byte_escape(reader);
	struct class class = { 0 };
	if (byte >= 0) {
		add_byte(reader, part, (unsigned char)byte);
		return;
	}
	if (c == 'p' || c == 'P') {
		skip_property(reader);
		return;
	}
	bool is_empty = c && strchr("bBAzZGK", c), is_some = c && strchr("dDwWsShHvVRXn", c);
	part->is_empty = is_empty;
	reader->is_inexact = reader->is_inexact || is_empty;
	if (add_kind(reader, &class, c))
		add_class(reader, part, &class);
	if (!is_empty && !is_some)
		sl_atom_give_up(reader); /* references, calls, \N, \C, \c, octal numbers */
	else
		reader->at += 2;
}

/* An escape in a class; the byte that it stands for, which may begin a range, or -1. */
static int
read_class_escape(struct sl_atom_reader *reader, struct class *class)
{
	unsigned char c = sl_atom_peek(reader, 1);
	int byte = read_byte_escape(reader);
	if (byte >= 0 || reader->has_given_up)
		return byte;
	if (c == 'p' || c == 'P') {
		class->is_wide = true;
		skip_property(reader);
		return -1;
	}
	if (!c || !strchr("bndDwWsShHvV", c)) {
		sl_atom_give_up(reader);
		return -1;
	}
	reader->at += 2;
	if (c == 'b' || c == 'n')
		return c == 'b' ? '\b' : '\n';
	class->is_wide = !add_kind(reader, class, c) || class->is_wide;
	return -1;
}

/* One member or range. */
static void
read_member(struct sl_atom_reader *reader, struct class *class)
{
	int from;
	if (sl_atom_looking_at(reader, "\\Q") || sl_atom_looking_at(reader, "\\E") ||
		sl_atom_looking_at(reader, "[:") || sl_atom_looking_at(reader, "[.") ||
		sl_atom_looking_at(reader, "[=")) {
		sl_atom_give_up(reader);
		return;
	}
	if (sl_atom_peek(reader, 0) == '\\') {
		from = read_class_escape(reader, class);
	} else {
		from = sl_atom_peek(reader, 0);
		reader->at++;
	}
	if (reader->has_given_up || from < 0)
		return;
	unsigned to = (unsigned)from;
	if (sl_atom_peek(reader, 0) == '-' && sl_atom_peek(reader, 1) != ']') {
		reader->at++;
		if (!sl_atom_has_more(reader) || sl_atom_peek(reader, 0) == '\\' ||
			sl_atom_peek(reader, 0) == '[') {
			sl_atom_give_up(reader);
			return;
		}
		to = sl_atom_peek(reader, 0);
		reader->at++;
	}
	class->is_wide = class->is_wide || (reader->is_utf && (from > 0x7f || to > 0x7f));
	add_range(class, (unsigned)from, to);
}

void
sl_atom_read_class(struct sl_atom_reader *reader, struct sl_atom *part)
{
	struct class class = { 0 };
	reader->at++;
	class.is_wide = sl_atom_peek(reader, 0) == '^';
	reader->at += class.is_wide;
	bool is_first = true;
	for (; sl_atom_has_more(reader) && (is_first || sl_atom_peek(reader, 0) != ']');
		is_first = false)
		read_member(reader, &class);
	reader->at += sl_atom_has_more(reader);
	if (!reader->has_given_up)
		add_class(reader, part, &class);
}

/* ---- repeats ---- */

static unsigned
read_number(struct sl_atom_reader *reader)
{
	unsigned value = 0;
	for (; sl_atom_is_digit(sl_atom_peek(reader, 0)); reader->at++)
		value = SL_MIN(value * 10 + (unsigned)(sl_atom_peek(reader, 0) - '0'), 100000u);
	return value;
}

/* {n}, {n,} or {n,m}. False for a brace that means itself. Later versions of PCRE2 take more for a
 * repeat: then it gives up. */
static bool
read_braces(struct sl_atom_reader *reader, struct sl_atom_repeat *one)
{
	size_t begin = reader->at++;
	bool has_low = sl_atom_is_digit(sl_atom_peek(reader, 0));
	one->least = read_number(reader);
	one->may_be_more = sl_atom_peek(reader, 0) == ',';
	reader->at += one->may_be_more;
	if (one->may_be_more)
		(void)read_number(reader);
	if (has_low && sl_atom_peek(reader, 0) == '}') {
		reader->at++;
		return true;
	}
	if (sl_atom_peek(reader, 0) == ' ' || sl_atom_peek(reader, 0) == '\t' ||
		sl_atom_peek(reader, 0) == '}')
		sl_atom_give_up(reader);
	else
		reader->at = begin;
	return false;
}

static bool
read_one_repeat(struct sl_atom_reader *reader, struct sl_atom_repeat *one)
{
	sl_atom_skip_quotes(reader);
	unsigned char c = sl_atom_peek(reader, 0);
	if (reader->is_quoting || (c != '*' && c != '+' && c != '?' && c != '{'))
		return false;
	if (c == '{') {
		if (!read_braces(reader, one))
			return false;
	} else {
		*one = (struct sl_atom_repeat){ c == '+', true };
		reader->at++;
	}
	sl_atom_skip_quotes(reader);
	c = sl_atom_peek(reader, 0);
	if (reader->is_quoting || (c != '?' && c != '+'))
		return true;
	reader->is_inexact = reader->is_inexact || c == '+';
	reader->at++;
	return true;
}

struct sl_atom_repeat
sl_atom_read_repeats(struct sl_atom_reader *reader)
{
	struct sl_atom_repeat all = { 1, false }, one;
	while (read_one_repeat(reader, &one)) {
		all.least = SL_MIN(all.least * one.least, 100000u);
		all.may_be_more = all.may_be_more || one.may_be_more;
	}
	return all;
}
