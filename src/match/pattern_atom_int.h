/*
 * pattern_atom_int.h - the smallest parts of an expression, as pattern_literals.c reads them:
 * characters, escapes, classes, and the repeats behind them.
 */
#ifndef SLUICE_SCAN_PATTERN_ATOM_INT_H
#define SLUICE_SCAN_PATTERN_ATOM_INT_H

#include "sluice/match/literal_set.h"

struct sl_atom_reader {
	struct sl_span text;
	size_t at;
	unsigned depth;
	bool is_utf;
	bool is_caseless;        /* here: (?i) */
	bool takes_wide_classes; /* of up to SL_LITERAL_SET_MAX bytes, and \w and \s */
	bool is_quoting;         /* between \Q and \E */
	bool is_inexact;         /* a line may hold a literal and not match */
	bool has_given_up;
	struct sl_match_classes *classes; /* if the whole is a sequence of them; or NULL */
};

/* What a part can match, or needs. Neither, if both are false. */
struct sl_atom {
	bool is_exact, is_needed, is_empty; /* is_empty: takes no text */
	struct sl_literal_set set;
};

/* How often a part stands there. */
struct sl_atom_repeat {
	unsigned least;
	bool may_be_more;
};

static inline bool
sl_atom_has_more(const struct sl_atom_reader *reader)
{
	return reader->at < reader->text.len;
}

/* Byte at `off` behind the reader's place, or NUL. */
static inline unsigned char
sl_atom_peek(const struct sl_atom_reader *reader, size_t off)
{
	size_t at = reader->at + off;
	return at < reader->text.len ? (unsigned char)reader->text.data[at] : '\0';
}

static inline bool
sl_atom_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

bool sl_atom_looking_at(const struct sl_atom_reader *reader, const char *text);

/* Nothing is known of the expression. The reader is at the end. */
void sl_atom_give_up(struct sl_atom_reader *reader);

/* Past \Q and \E: between those, what follows is plain. */
void sl_atom_skip_quotes(struct sl_atom_reader *reader);

/* What stands here, into *atom, which is {0}: a character that means itself, \..., or [...]. */
void sl_atom_read_character(struct sl_atom_reader *reader, struct sl_atom *atom);
void sl_atom_read_escape(struct sl_atom_reader *reader, struct sl_atom *atom);
void sl_atom_read_class(struct sl_atom_reader *reader, struct sl_atom *atom);

/* All repeats that follow: a repeat can be repeated. */
struct sl_atom_repeat sl_atom_read_repeats(struct sl_atom_reader *reader);

#endif
