/*
 * pattern_literals.c - finds literals that a match must hold: a recursive descent over the syntax
 * of pcre2pattern(3).
 *
 * A part of an expression has one of three values: all that it can match, if that is a small set
 * (`is_exact`); a set of which a match holds one; or nothing. They combine as follows:
 *
 *     sequence        exact parts that touch are multiplied: [Ee]rr is Err, err; the best of what
 *                     was multiplied, and of what other parts need, is what the sequence needs
 *     a|b             the union, if each has a set
 *     x? x* x{0,n}    nothing, and what is before and behind does not touch
 *     x+ x{2} x{2,}   x once or twice; if there may be more of them, what is behind does not touch
 *     ^ $ \b (?=x)    takes no text: what is before and behind touches
 *     . \w [^x] \1    nothing
 *
 * Best is the set with the fewest occurrences to be expected in logs. Case is ignored by a set as a
 * whole: what has to be found is found then, and more. In UTF mode K and s with ignored case also
 * match U+212A and U+017F, so that they, and all letters beyond ASCII, are no literals.
 *
 * Whatever the reader is not sure of makes it give up: the expression is then matched on every
 * line, as it would be without this file.
 */
#include "pattern_literals.h"

#include "match_int.h"

#define DEPTH_MAX 40u   /* groups in groups */
#define CLASS_MAX 16u   /* bytes of a class that is multiplied */
#define REPEATS_MAX 16u /* of a part, that are multiplied */

/* Sets that are expected more often in logs are of no use: nearly every line holds one. */
#define COST_MAX 0.01

struct reader {
	struct sl_span text;
	size_t at;
	unsigned depth;
	bool is_utf;
	bool is_caseless; /* here: (?i) */
	bool is_quoting;  /* between \Q and \E */
	bool is_inexact;  /* a line may hold a literal and not match */
	bool has_given_up;
};

/* What a part can match, or needs. Neither, if both are false. */
struct part {
	bool is_exact, is_needed, is_empty; /* is_empty: takes no text */
	struct sl_literal_set set;
};

/* ---- text ---- */

static bool
has_more(const struct reader *reader)
{
	return reader->at < reader->text.len;
}

/* Byte at `off` behind the reader's place, or NUL. */
static unsigned char
peek(const struct reader *reader, size_t off)
{
	size_t at = reader->at + off;
	return at < reader->text.len ? (unsigned char)reader->text.data[at] : '\0';
}

static bool
looking_at(const struct reader *reader, const char *text)
{
	size_t len = strlen(text);
	return reader->text.len - reader->at >= len &&
	       memcmp(reader->text.data + reader->at, text, len) == 0;
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static void
give_up(struct reader *reader)
{
	reader->has_given_up = true;
	reader->at = reader->text.len;
}

/* Past \Q and \E: between those, what follows is plain. */
static void
skip_quotes(struct reader *reader)
{
	for (;;) {
		bool is_end = looking_at(reader, "\\E");
		if (!is_end && (reader->is_quoting || !looking_at(reader, "\\Q")))
			return;
		reader->is_quoting = !is_end;
		reader->at += 2;
	}
}

/* ---- single characters ---- */

static void
add_byte(struct reader *reader, struct part *part, unsigned char c)
{
	char byte = (char)c;
	bool folds = reader->is_caseless && sl_match_is_letter(c);
	unsigned char lower = sl_match_lower(c);
	part->is_exact = !(folds && reader->is_utf && (lower == 'k' || lower == 's'));
	part->set.ignore_case = part->set.ignore_case || folds;
	(void)sl_literal_set_add(&part->set, sl_span(&byte, 1));
}

/* A character that means itself. */
static void
read_character(struct reader *reader, struct part *part)
{
	unsigned char c = peek(reader, 0);
	size_t len = !reader->is_utf ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	if (len == 1) {
		add_byte(reader, part, c);
	} else if (!reader->is_caseless && reader->text.len - reader->at >= len) {
		part->is_exact = true;
		(void)sl_literal_set_add(
			&part->set, sl_span(reader->text.data + reader->at, len));
	}
	reader->at = SL_MIN(reader->at + len, reader->text.len);
}

static int
hex_value(unsigned char c)
{
	if (is_digit(c))
		return c - '0';
	c = sl_match_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \xHH with two digits. Others are left alone. Returns a byte or -1. */
static int
read_hex(struct reader *reader)
{
	int high = hex_value(peek(reader, 2)), low = hex_value(peek(reader, 3));
	int value = high < 0 || low < 0 ? -1 : high * 16 + low;
	if (value < 0 || (reader->is_utf && value > 0x7f)) {
		give_up(reader);
		return -1;
	}
	reader->at += 4;
	return value;
}

/* The byte that an escape stands for and moves past it; -1, at the same place, if it is not a
 * single one. */
static int
read_byte_escape(struct reader *reader)
{
	static const char names[] = "tfrea", bytes[] = "\t\f\r\x1b\a";
	unsigned char c = peek(reader, 1);
	const char *name = c ? strchr(names, c) : NULL;
	bool is_punctuation = c >= ' ' && c < 0x7f && !sl_match_is_letter(c) && !is_digit(c);
	if (c == 'x')
		return read_hex(reader);
	if (!name && !is_punctuation)
		return -1;
	reader->at += 2;
	return name ? bytes[name - names] : c;
}

/* \p{...} and \pL. */
static void
skip_property(struct reader *reader)
{
	reader->at += 2;
	bool is_braced = peek(reader, 0) == '{';
	while (is_braced && has_more(reader) && peek(reader, 0) != '}')
		reader->at++;
	if (has_more(reader))
		reader->at++;
}

static void
add_digits(struct part *part)
{
	for (char c = '0'; c <= '9'; c++)
		(void)sl_literal_set_add(&part->set, sl_span(&c, 1));
	part->is_exact = true;
}

static void
read_escape(struct reader *reader, struct part *part)
{
	unsigned char c = peek(reader, 1);
	int byte = read_byte_escape(reader);
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
	if (c == 'd' && !reader->is_utf)
		add_digits(part);
	if (!is_empty && !is_some)
		give_up(reader); /* references, calls, \N, \C, \c, octal numbers */
	else
		reader->at += 2;
}

/* ---- classes ---- */

struct class {
	bool members[256];
	bool is_wide; /* it has others, or too many */
};

static void
add_range(struct class *class, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to; c++)
		class->members[c] = true;
}

/* An escape in a class; the byte that it stands for, which may begin a range, or -1. */
static int
read_class_escape(struct reader *reader, struct class *class)
{
	unsigned char c = peek(reader, 1);
	int byte = read_byte_escape(reader);
	if (byte >= 0 || reader->has_given_up)
		return byte;
	if (c == 'p' || c == 'P') {
		class->is_wide = true;
		skip_property(reader);
		return -1;
	}
	if (!c || !strchr("bndDwWsShHvV", c)) {
		give_up(reader);
		return -1;
	}
	reader->at += 2;
	if (c == 'b' || c == 'n')
		return c == 'b' ? '\b' : '\n';
	if (c == 'd' && !reader->is_utf)
		add_range(class, '0', '9');
	else
		class->is_wide = true;
	return -1;
}

/* One member or range. */
static void
read_member(struct reader *reader, struct class *class)
{
	int from;
	if (looking_at(reader, "\\Q") || looking_at(reader, "\\E") || looking_at(reader, "[:") ||
		looking_at(reader, "[.") || looking_at(reader, "[=")) {
		give_up(reader);
		return;
	}
	if (peek(reader, 0) == '\\') {
		from = read_class_escape(reader, class);
	} else {
		from = peek(reader, 0);
		reader->at++;
	}
	if (reader->has_given_up || from < 0)
		return;
	unsigned to = (unsigned)from;
	if (peek(reader, 0) == '-' && peek(reader, 1) != ']') {
		reader->at++;
		if (peek(reader, 0) == '\\' || peek(reader, 0) == '[') {
			give_up(reader);
			return;
		}
		to = peek(reader, 0);
		reader->at++;
	}
	class->is_wide = class->is_wide || (reader->is_utf && (from > 0x7f || to > 0x7f));
	add_range(class, (unsigned)from, to);
}

/* Of ignored case, one letter stands for both. */
static void
add_class(struct reader *reader, struct part *part, struct class *class)
{
	unsigned count = 0;
	class->members['\n'] = false; /* no line has one */
	for (unsigned c = 'A'; c <= 'Z' && reader->is_caseless; c++) {
		class->members[c ^ SL_MATCH_FOLD] |= class->members[c];
		class->members[c] = false;
	}
	for (unsigned c = 0; c < 256; c++)
		count += class->members[c];
	bool has_wide_letter = reader->is_caseless && reader->is_utf &&
			       (class->members['k'] || class->members['s']);
	if (class->is_wide || count == 0 || count > CLASS_MAX || has_wide_letter)
		return;
	for (unsigned c = 0; c < 256; c++) {
		if (class->members[c])
			add_byte(reader, part, (unsigned char)c);
	}
}

static void
read_class(struct reader *reader, struct part *part)
{
	struct class class = { 0 };
	reader->at++;
	class.is_wide = peek(reader, 0) == '^';
	reader->at += class.is_wide;
	bool is_first = true;
	for (; has_more(reader) && (is_first || peek(reader, 0) != ']'); is_first = false)
		read_member(reader, &class);
	reader->at += has_more(reader);
	if (!reader->has_given_up)
		add_class(reader, part, &class);
}

/* ---- repeats ---- */

struct repeat {
	unsigned least;
	bool may_be_more;
};

static unsigned
read_number(struct reader *reader)
{
	unsigned value = 0;
	for (; is_digit(peek(reader, 0)); reader->at++)
		value = SL_MIN(value * 10 + (unsigned)(peek(reader, 0) - '0'), 100000u);
	return value;
}

/* {n}, {n,} or {n,m}. False for a brace that means itself. Later versions of PCRE2 take more for a
 * repeat: then it gives up. */
static bool
read_braces(struct reader *reader, struct repeat *one)
{
	size_t begin = reader->at++;
	bool has_low = is_digit(peek(reader, 0));
	one->least = read_number(reader);
	one->may_be_more = peek(reader, 0) == ',';
	reader->at += one->may_be_more;
	if (one->may_be_more)
		(void)read_number(reader);
	if (has_low && peek(reader, 0) == '}') {
		reader->at++;
		return true;
	}
	if (peek(reader, 0) == ' ' || peek(reader, 0) == '\t' || peek(reader, 0) == '}')
		give_up(reader);
	else
		reader->at = begin;
	return false;
}

static bool
read_one_repeat(struct reader *reader, struct repeat *one)
{
	skip_quotes(reader);
	unsigned char c = peek(reader, 0);
	if (reader->is_quoting || (c != '*' && c != '+' && c != '?' && c != '{'))
		return false;
	if (c == '{') {
		if (!read_braces(reader, one))
			return false;
	} else {
		*one = (struct repeat){ c == '+', true };
		reader->at++;
	}
	skip_quotes(reader);
	c = peek(reader, 0);
	if (reader->is_quoting || (c != '?' && c != '+'))
		return true;
	reader->is_inexact = reader->is_inexact || c == '+';
	reader->at++;
	return true;
}

/* All that follow: a repeat can be repeated. */
static struct repeat
read_repeats(struct reader *reader)
{
	struct repeat all = { 1, false }, one;
	while (read_one_repeat(reader, &one)) {
		all.least = SL_MIN(all.least * one.least, 100000u);
		all.may_be_more = all.may_be_more || one.may_be_more;
	}
	return all;
}

/* ---- sequences ---- */

/* What was read of an alternative. */
struct sequence {
	struct sl_literal_set run; /* all that the parts which touch each other, up to here, match */
	bool is_whole;             /* these are all parts */
	struct sl_literal_set best;
	double cost;
};

static void
begin_run(struct sequence *sequence)
{
	sl_literal_set_release(&sequence->run);
	(void)sl_literal_set_add(&sequence->run, sl_span("", 0));
}

static void
consider(struct sequence *sequence, const struct sl_literal_set *set)
{
	double cost = sl_literal_set_cost(set);
	if (cost >= sequence->cost)
		return;
	sequence->cost = cost;
	sl_literal_set_release(&sequence->best);
	(void)sl_literal_set_unite(&sequence->best, set);
}

/* What follows does not touch what was read. */
static void
end_run(struct sequence *sequence)
{
	consider(sequence, &sequence->run);
	begin_run(sequence);
	sequence->is_whole = false;
}

static void
add_exact(struct sequence *sequence, const struct sl_literal_set *set)
{
	if (set->count > 1)
		consider(sequence, &sequence->run); /* a single literal may be better than several */
	if (sl_literal_set_append(&sequence->run, set))
		return;
	end_run(sequence);
	(void)sl_literal_set_append(&sequence->run, set);
}

static void
add_part(struct sequence *sequence, const struct part *part, struct repeat repeat)
{
	if (part->is_empty)
		return;
	if (part->is_exact && repeat.least) {
		unsigned times = SL_MIN(repeat.least, REPEATS_MAX);
		for (unsigned i = 0; i < times; i++)
			add_exact(sequence, &part->set);
		if (repeat.may_be_more || repeat.least > times)
			end_run(sequence);
		return;
	}
	end_run(sequence);
	if (part->is_needed && repeat.least)
		consider(sequence, &part->set);
}

/* ---- groups ---- */

static void read_choice(struct reader *reader, struct part *part);

/* (?i), (?-s:...): what it sets for the rest of the group around it, or for its own text. True if a
 * group was opened. */
static bool
read_setting(struct reader *reader)
{
	bool is_on = true;
	for (reader->at += 2; has_more(reader); reader->at++) {
		unsigned char c = peek(reader, 0);
		if (c == ':' || c == ')') {
			reader->at++;
			reader->is_inexact = true;
			return c == ':';
		}
		if (c == '-' && !is_digit(peek(reader, 1)))
			is_on = false;
		else if (c == 'i')
			reader->is_caseless = is_on;
		else if (!strchr("msUJ", c))
			break;
	}
	give_up(reader);
	return false;
}

enum group { GROUP_NONE, GROUP_TEXT, GROUP_EMPTY };

/* Past the name of a group, and `close`. */
static enum group
skip_name(struct reader *reader, size_t len, char close)
{
	reader->at += len;
	while (has_more(reader) && peek(reader, 0) != (unsigned char)close)
		reader->at++;
	reader->at += has_more(reader);
	return GROUP_TEXT;
}

/* Past the opening of a group. NONE: it was not one, but a setting, or gave up. */
static enum group
open_group(struct reader *reader)
{
	static const struct {
		const char *text;
		enum group group;
	} kinds[] = { { "(?=", GROUP_EMPTY }, { "(?!", GROUP_EMPTY }, { "(?<=", GROUP_EMPTY },
		{ "(?<!", GROUP_EMPTY }, { "(?:", GROUP_TEXT }, { "(?|", GROUP_TEXT },
		{ "(?>", GROUP_TEXT } };
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
		if (!looking_at(reader, kinds[i].text))
			continue;
		reader->at += strlen(kinds[i].text);
		bool is_plain = strcmp(kinds[i].text, "(?:") == 0;
		reader->is_inexact = reader->is_inexact || !is_plain;
		return kinds[i].group;
	}
	if (looking_at(reader, "(?<"))
		return skip_name(reader, 3, '>');
	if (looking_at(reader, "(?P<"))
		return skip_name(reader, 4, '>');
	if (looking_at(reader, "(?'"))
		return skip_name(reader, 3, '\'');
	if (looking_at(reader, "(?"))
		return read_setting(reader) ? GROUP_TEXT : GROUP_NONE;
	if (looking_at(reader, "(*"))
		give_up(reader);
	else
		reader->at++;
	return reader->has_given_up ? GROUP_NONE : GROUP_TEXT;
}

static void
read_group(struct reader *reader, struct part *part)
{
	bool was_caseless = reader->is_caseless;
	enum group group = open_group(reader);
	if (group == GROUP_NONE) {
		part->is_empty = true;
		return;
	}
	if (++reader->depth > DEPTH_MAX) {
		give_up(reader);
		return;
	}
	read_choice(reader, part);
	reader->depth--;
	reader->is_caseless = was_caseless;
	if (peek(reader, 0) != ')')
		give_up(reader);
	else
		reader->at++;
	part->is_empty = group == GROUP_EMPTY;
}

static void
read_part(struct reader *reader, struct part *part)
{
	unsigned char c = peek(reader, 0);
	if (reader->is_quoting) {
		read_character(reader, part);
	} else if (c == '\\') {
		read_escape(reader, part);
	} else if (c == '[') {
		read_class(reader, part);
	} else if (c == '(') {
		read_group(reader, part);
	} else if (c == '^' || c == '$') {
		part->is_empty = reader->is_inexact = true;
		reader->at++;
	} else if (c == '.') {
		reader->at++;
	} else if (c == '*' || c == '+' || c == '?') {
		give_up(reader); /* nothing to repeat */
	} else {
		read_character(reader, part);
	}
}

/* Up to | or ) or the end. */
static void
read_sequence(struct reader *reader, struct sequence *sequence)
{
	*sequence = (struct sequence){ .is_whole = true, .cost = COST_MAX };
	begin_run(sequence);
	for (;;) {
		skip_quotes(reader);
		unsigned char c = peek(reader, 0);
		if (!has_more(reader) || (!reader->is_quoting && (c == '|' || c == ')')))
			break;
		struct part part = { 0 };
		read_part(reader, &part);
		struct repeat repeat = read_repeats(reader);
		add_part(sequence, &part, repeat);
		sl_literal_set_release(&part.set);
	}
	consider(sequence, &sequence->run);
}

/* Alternatives, up to ) or the end. */
static void
read_choice(struct reader *reader, struct part *part)
{
	struct sl_literal_set exact = { 0 }, need = { 0 };
	bool is_exact = true, is_needed = true;
	for (bool more = true; more;) {
		struct sequence sequence;
		read_sequence(reader, &sequence);
		is_exact = is_exact && sequence.is_whole &&
			   sl_literal_set_unite(&exact, &sequence.run);
		is_needed = is_needed && sequence.best.count &&
			    sl_literal_set_unite(&need, &sequence.best);
		sl_literal_set_release(&sequence.run);
		sl_literal_set_release(&sequence.best);
		more = peek(reader, 0) == '|';
		reader->at += more;
	}
	part->is_exact = is_exact;
	part->is_needed = is_needed;
	sl_literal_set_move(&part->set, is_exact ? &exact : &need);
	sl_literal_set_release(&exact);
	sl_literal_set_release(&need);
}

enum sl_pattern_need
sl_pattern_read_literals(
	struct sl_span text, bool ignore_case, bool is_utf, struct sl_literal_set *set)
{
	struct reader reader = { .text = text, .is_caseless = ignore_case, .is_utf = is_utf };
	struct part part = { 0 };
	read_choice(&reader, &part);
	bool failed = reader.has_given_up || has_more(&reader) || part.set.bytes.failed;
	bool is_whole = part.is_exact && !reader.is_inexact;
	bool is_useful = part.is_exact ? sl_literal_set_cost(&part.set) < COST_MAX : part.is_needed;
	if (failed || !(is_whole || is_useful)) {
		sl_literal_set_release(&part.set);
		return SL_PATTERN_NEEDS_NONE;
	}
	sl_literal_set_move(set, &part.set);
	return is_whole ? SL_PATTERN_IS_LITERALS : SL_PATTERN_NEEDS_LITERAL;
}
