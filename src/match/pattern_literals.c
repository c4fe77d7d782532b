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
 * Without such a set of the whole, a set may still tell which lines match, though not where
 * (sl_pattern_read_deciding). A match may begin anywhere, so what may be missing at either end of
 * an expression says nothing, and what may be repeated there need only stand there as often as it
 * must: \w+Exception matches the lines that hold a \w before Exception, and =\d+ those with a
 * digit behind =. What may be missing or repeated elsewhere, and assertions, do not permit that. If
 * all parts are single bytes or classes of them, they are such a set however many literals they
 * make: \d\d.
 *
 * Best is the set with the fewest occurrences to be expected in logs. Case is ignored by a set as a
 * whole: what has to be found is found then, and more. In UTF mode K and s with ignored case also
 * match U+212A and U+017F, so that they, and all letters beyond ASCII, are no literals.
 *
 * Whatever the reader is not sure of makes it give up: the expression is then matched on every
 * line, as it would be without this file.
 */
#include "sluice/match/pattern_literals.h"

#include "match_int.h"
#include "pattern_atom_int.h"

#define DEPTH_MAX 40u   /* groups in groups */
#define REPEATS_MAX 16u /* of a part, that are multiplied */

/* Sets that are expected more often in logs are of no use: nearly every line holds one. */
#define COST_MAX 0.01

/* ---- sequences ---- */

/* What was read of an alternative. */
struct sequence {
	bool decides; /* `run` is to tell which lines match: of an alternative of the whole */
	/* Then: all parts as classes, so that it does not matter how many literals they make. */
	bool has_classes;
	struct sl_match_classes classes;
	bool is_open; /* behind what is in `run`, something may be missing or stand more often */
	struct sl_literal_set
		run;   /* all that the parts which touch each other, up to here, match */
	bool is_whole; /* these are all parts */
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
		consider(
			sequence, &sequence->run); /* a single literal may be better than several */
	if (sl_literal_set_append(&sequence->run, set))
		return;
	end_run(sequence);
	(void)sl_literal_set_append(&sequence->run, set);
}

/* The literals as the next classes. False if they are none, or there is no room. */
static bool
add_classes(struct sl_match_classes *classes, const struct sl_literal_set *set)
{
	size_t at = 0, len = set->count ? set->len[0] : 0;
	if (len == 0 || (set->count > 1 && len > 1) || classes->len + len > SL_MATCH_CLASSES)
		return false;
	for (unsigned i = 0; i < set->count; i++) {
		struct sl_span literal = sl_literal_set_next(set, i, &at);
		if (literal.len != len)
			return false;
		for (size_t k = 0; k < len; k++) {
			unsigned char c = (unsigned char)literal.data[k];
			if (c >= 0x80)
				return false;
			sl_match_classes_add(
				classes, classes->len + (unsigned)k, c, set->ignore_case);
		}
	}
	classes->len += (unsigned)len;
	return true;
}

/* To a run that tells which lines match. Of assertions, the reader knows. */
static void
add_deciding(struct sequence *sequence, const struct sl_atom *part, struct sl_atom_repeat repeat)
{
	bool is_first = sequence->run.count == 1 && sequence->run.len[0] == 0;
	if (repeat.least == 0) {
		sequence->is_open = !is_first;
		return;
	}
	bool is_known = part->is_exact && repeat.least <= REPEATS_MAX && !sequence->is_open;
	sequence->is_whole = sequence->is_whole && is_known;
	for (unsigned i = 0; i < repeat.least && sequence->is_whole; i++)
		sequence->is_whole = sl_literal_set_append(&sequence->run, &part->set);
	sequence->has_classes = sequence->has_classes && is_known;
	for (unsigned i = 0; i < repeat.least && sequence->has_classes; i++)
		sequence->has_classes = add_classes(&sequence->classes, &part->set);
	sequence->is_open = repeat.may_be_more && !is_first;
}

static void
add_part(struct sequence *sequence, const struct sl_atom *part, struct sl_atom_repeat repeat)
{
	if (part->is_empty)
		return;
	if (sequence->decides) {
		add_deciding(sequence, part, repeat);
		return;
	}
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

static void read_choice(struct sl_atom_reader *reader, struct sl_atom *part);

/* (?i), (?-s:...): what it sets for the rest of the group around it, or for its own text. True if a
 * group was opened. */
static bool
read_setting(struct sl_atom_reader *reader)
{
	bool is_on = true;
	for (reader->at += 2; sl_atom_has_more(reader); reader->at++) {
		unsigned char c = sl_atom_peek(reader, 0);
		if (c == ':' || c == ')') {
			reader->at++;
			reader->is_inexact = true;
			return c == ':';
		}
		if (c == '-' && !sl_atom_is_digit(sl_atom_peek(reader, 1)))
			is_on = false;
		else if (c == 'i')
			reader->is_caseless = is_on;
		else if (!strchr("msUJ", c))
			break;
	}
	sl_atom_give_up(reader);
	return false;
}

enum group { GROUP_NONE, GROUP_TEXT, GROUP_EMPTY };

/* Letters, digits and underscores, also beyond ASCII. */
static bool
is_in_name(unsigned char c)
{
	return c == '_' || c >= 0x80 || sl_atom_is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* Past the name of a group, and `close`. Gives up if it is none: (?<*x) is a lookbehind. */
static enum group
skip_name(struct sl_atom_reader *reader, size_t len, char close)
{
	reader->at += len;
	while (sl_atom_has_more(reader) && is_in_name(sl_atom_peek(reader, 0)))
		reader->at++;
	if (sl_atom_peek(reader, 0) == (unsigned char)close)
		reader->at++;
	else
		sl_atom_give_up(reader);
	return reader->has_given_up ? GROUP_NONE : GROUP_TEXT;
}

/* Past the opening of a group. NONE: it was not one, but a setting, or gave up. */
static enum group
open_group(struct sl_atom_reader *reader)
{
	static const struct {
		const char *text;
		enum group group;
	} kinds[] = { { "(?=", GROUP_EMPTY }, { "(?!", GROUP_EMPTY }, { "(?<=", GROUP_EMPTY },
		{ "(?<!", GROUP_EMPTY }, { "(?:", GROUP_TEXT }, { "(?|", GROUP_TEXT },
		{ "(?>", GROUP_TEXT } };
	for (size_t i = 0; i < SL_COUNT_OF(kinds); i++) {
		if (!sl_atom_looking_at(reader, kinds[i].text))
			continue;
		reader->at += strlen(kinds[i].text);
		bool is_plain = strcmp(kinds[i].text, "(?:") == 0;
		reader->is_inexact = reader->is_inexact || !is_plain;
		return kinds[i].group;
	}
	if (sl_atom_looking_at(reader, "(?<"))
		return skip_name(reader, 3, '>');
	if (sl_atom_looking_at(reader, "(?P<"))
		return skip_name(reader, 4, '>');
	if (sl_atom_looking_at(reader, "(?'"))
		return skip_name(reader, 3, '\'');
	if (sl_atom_looking_at(reader, "(?"))
		return read_setting(reader) ? GROUP_TEXT : GROUP_NONE;
	if (sl_atom_looking_at(reader, "(*"))
		sl_atom_give_up(reader);
	else
		reader->at++;
	return reader->has_given_up ? GROUP_NONE : GROUP_TEXT;
}

static void
read_group(struct sl_atom_reader *reader, struct sl_atom *part)
{
	bool was_caseless = reader->is_caseless;
	enum group group = open_group(reader);
	if (group == GROUP_NONE) {
		part->is_empty = true;
		return;
	}
	if (++reader->depth > DEPTH_MAX) {
		sl_atom_give_up(reader);
		return;
	}
	read_choice(reader, part);
	reader->depth--;
	reader->is_caseless = was_caseless;
	if (sl_atom_peek(reader, 0) != ')')
		sl_atom_give_up(reader);
	else
		reader->at++;
	part->is_empty = group == GROUP_EMPTY;
}

static void
read_part(struct sl_atom_reader *reader, struct sl_atom *part)
{
	unsigned char c = sl_atom_peek(reader, 0);
	if (reader->is_quoting) {
		sl_atom_read_character(reader, part);
	} else if (c == '\\') {
		sl_atom_read_escape(reader, part);
	} else if (c == '[') {
		sl_atom_read_class(reader, part);
	} else if (c == '(') {
		read_group(reader, part);
	} else if (c == '^' || c == '$') {
		part->is_empty = reader->is_inexact = true;
		reader->at++;
	} else if (c == '.') {
		reader->at++;
	} else if (c == '*' || c == '+' || c == '?') {
		sl_atom_give_up(reader); /* nothing to repeat */
	} else {
		sl_atom_read_character(reader, part);
	}
}

/* Up to | or ) or the end. */
static void
read_sequence(struct sl_atom_reader *reader, struct sequence *sequence)
{
	bool decides = reader->takes_wide_classes && reader->depth == 0;
	*sequence = (struct sequence){
		.decides = decides, .has_classes = decides, .is_whole = true, .cost = COST_MAX
	};
	begin_run(sequence);
	for (;;) {
		sl_atom_skip_quotes(reader);
		unsigned char c = sl_atom_peek(reader, 0);
		if (!sl_atom_has_more(reader) || (!reader->is_quoting && (c == '|' || c == ')')))
			break;
		struct sl_atom part = { 0 };
		read_part(reader, &part);
		struct sl_atom_repeat repeat = sl_atom_read_repeats(reader);
		add_part(sequence, &part, repeat);
		sl_literal_set_release(&part.set);
	}
	consider(sequence, &sequence->run);
}

/* Alternatives, up to ) or the end. */
static void
read_choice(struct sl_atom_reader *reader, struct sl_atom *part)
{
	struct sl_literal_set exact = { 0 }, need = { 0 };
	bool is_exact = true, is_needed = true;
	bool is_first = true, is_top = reader->depth == 0;
	for (bool more = true; more; is_first = false) {
		struct sequence sequence;
		read_sequence(reader, &sequence);
		is_exact = is_exact && sequence.is_whole &&
			   sl_literal_set_unite(&exact, &sequence.run);
		is_needed = is_needed && sequence.best.count &&
			    sl_literal_set_unite(&need, &sequence.best);
		sl_literal_set_release(&sequence.run);
		sl_literal_set_release(&sequence.best);
		more = sl_atom_peek(reader, 0) == '|';
		if (is_top && reader->classes && sequence.has_classes && is_first && !more)
			*reader->classes = sequence.classes;
		reader->at += more;
	}
	part->is_exact = is_exact;
	part->is_needed = is_needed;
	sl_literal_set_move(&part->set, is_exact ? &exact : &need);
	sl_literal_set_release(&exact);
	sl_literal_set_release(&need);
}

/* The set of the whole, of one or the other kind. False if there is none, or nothing is known. */
static bool
read_whole(struct sl_atom_reader *reader, struct sl_atom *part)
{
	read_choice(reader, part);
	return !reader->has_given_up && !sl_atom_has_more(reader) && !part->set.bytes.failed;
}

/* Kernels do not see that a CR before the newline does not belong to the line. */
static bool
ends_with_cr(const struct sl_literal_set *set)
{
	bool found = false;
	size_t at = 0;
	for (unsigned i = 0; i < set->count; i++) {
		struct sl_span literal = sl_literal_set_next(set, i, &at);
		found = found || (literal.len && literal.data[literal.len - 1] == '\r');
	}
	return found;
}

static bool
class_has_cr(const struct sl_match_classes *classes)
{
	return classes->len && classes->members['\r'] >> (classes->len - 1) & 1;
}

bool
sl_pattern_read_deciding(struct sl_span text, bool ignore_case, bool is_utf,
	struct sl_literal_set *set, struct sl_match_classes *classes)
{
	struct sl_atom_reader reader = { .text = text,
		.is_caseless = ignore_case,
		.is_utf = is_utf,
		.takes_wide_classes = true,
		.classes = classes };
	struct sl_atom part = { 0 };
	bool is_known = read_whole(&reader, &part) && !reader.is_inexact;
	bool decides = is_known && part.is_exact && !ends_with_cr(&part.set);
	if (decides)
		sl_literal_set_move(set, &part.set);
	sl_literal_set_release(&part.set);
	if (decides || !is_known || class_has_cr(classes))
		classes->len = 0;
	return decides || classes->len;
}

enum sl_pattern_need
sl_pattern_read_literals(
	struct sl_span text, bool ignore_case, bool is_utf, struct sl_literal_set *set)
{
	struct sl_atom_reader reader = {
		.text = text, .is_caseless = ignore_case, .is_utf = is_utf
	};
	struct sl_atom part = { 0 };
	bool is_known = read_whole(&reader, &part);
	bool is_whole = part.is_exact && !reader.is_inexact;
	bool is_useful = part.is_exact ? sl_literal_set_cost(&part.set) < COST_MAX : part.is_needed;
	if (!is_known || !(is_whole || is_useful)) {
		sl_literal_set_release(&part.set);
		return SL_PATTERN_NEEDS_NONE;
	}
	sl_literal_set_move(set, &part.set);
	return is_whole ? SL_PATTERN_IS_LITERALS : SL_PATTERN_NEEDS_LITERAL;
}
