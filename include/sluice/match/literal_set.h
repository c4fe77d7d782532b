/*
 * literal_set.h - a small set of literals, one of which must stand in whatever an expression
 * matches: what pattern_literals.c computes with.
 *
 * Pure. A set owns its bytes. `failed` in its buffer means that memory ran out.
 */
#ifndef SLUICE_MATCH_LITERAL_SET_H
#define SLUICE_MATCH_LITERAL_SET_H

#include "sluice/match/match_plan.h"

#define SL_LITERAL_SET_MAX 64u /* literals */

/* {0} is empty. In its owner's memory. */
struct sl_literal_set {
	struct sl_buf bytes; /* of the literals, one after the other */
	unsigned char len[SL_LITERAL_SET_MAX];
	unsigned count;
	bool ignore_case; /* of ASCII letters */
};

void sl_literal_set_release(struct sl_literal_set *set);

/* *to becomes what *from was, and *from is empty. */
void sl_literal_set_move(struct sl_literal_set *to, struct sl_literal_set *from);

/* Add a literal. False if there is no room for it, or it is too long; the set is unchanged then. */
bool sl_literal_set_add(struct sl_literal_set *set, struct sl_span literal);

/* Add those of another set. False if there is no room; the set is unchanged then. */
bool sl_literal_set_unite(struct sl_literal_set *set, const struct sl_literal_set *other);

/* Each literal is followed by each of `other`, those of the first literal first. False if they
 * would be too many or too long; the set is unchanged then. */
bool sl_literal_set_append(struct sl_literal_set *set, const struct sl_literal_set *other);

/* Literal `index`, valid until the set changes. `*at` is 0 for the first and is moved on. */
struct sl_span sl_literal_set_next(const struct sl_literal_set *set, unsigned index, size_t *at);

/* How costly the set is as a prefilter, as an estimate of its occurrences in a byte of a log: a set
 * that is empty or has an empty literal has the highest cost, 1. */
double sl_literal_set_cost(const struct sl_literal_set *set);

#endif
