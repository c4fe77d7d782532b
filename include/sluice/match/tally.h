/*
 * tally.h - how many lines each of the patterns matches. Pure.
 *
 * A line counts for each pattern that matches it. Lines are added one by one, those that match any
 * of the patterns: for each, it takes time that grows with its length and with the number of
 * expressions.
 *
 * Lines can be counted by several threads, and in any order: each thread has a counter, and what is
 * counted of a part of the lines becomes that of the tally once the part is merged.
 */
#ifndef SLUICE_MATCH_TALLY_H
#define SLUICE_MATCH_TALLY_H

#include "sluice/match/matcher.h"

/* Patterns that are more than strings; each has a matcher. */
#define SL_TALLY_EXPRESSIONS_MAX 1000u

/* Patterns with which parts are counted: each part has two numbers for each of them. */
#define SL_TALLY_PARTS_MAX 1024u

struct sl_tally;

/* What one thread at a time needs to count. */
struct sl_tally_counter;

/* Lines that were counted and are not merged yet. */
struct sl_tally_part;

struct sl_tally_row {
	struct sl_span text; /* as it was given */
	uint64_t lines;
	uint64_t undecided; /* lines that it may match: a limit was reached, or only a part of the
			       line was there */
};

/*
 * The patterns of `spec`, whose texts must stay, or the default ones; a text with newlines is
 * several. Returns 0; SL_E_USAGE as sl_pattern_new does, or if there are more than
 * SL_TALLY_EXPRESSIONS_MAX expressions; SL_E_LIMIT if they take more than spec->memory_max;
 * -ENOMEM.
 */
int sl_tally_new(struct sl_tally **out, const struct sl_pattern_spec *spec,
	const struct sl_match_kernel *kernel, struct sl_error *err) SL_MUST_CHECK;

/* Bytes. */
uint64_t sl_tally_memory(const struct sl_tally *tally);

/* NULL is fine. */
void sl_tally_free(struct sl_tally *tally);

/* A row for each pattern, in the order in which they were given. */
const struct sl_tally_row *sl_tally_rows(const struct sl_tally *tally, size_t *count);

/* True if there are at most SL_TALLY_PARTS_MAX patterns. */
bool sl_tally_has_parts(const struct sl_tally *tally);

/* True if some patterns are more than strings: a line may take long. */
bool sl_tally_has_expressions(const struct sl_tally *tally);

/* Returns 0 or -ENOMEM. The tally must stay. `owner`: a matcher of the same thread, which stays
 * longer, and whose stack is used; or NULL. */
int sl_tally_counter_new(struct sl_tally_counter **out, const struct sl_tally *tally,
	const struct sl_matcher *owner) SL_MUST_CHECK;

/* NULL is fine. */
void sl_tally_counter_free(struct sl_tally_counter *counter);

/* Memory of a counter without its stack, and of a part. */
uint64_t sl_tally_counter_memory(const struct sl_tally *tally);
uint64_t sl_tally_part_memory(const struct sl_tally *tally);

/* Of no lines; NULL if memory ran out. */
struct sl_tally_part *sl_tally_part_new(const struct sl_tally *tally);

/* NULL is fine. */
void sl_tally_part_free(struct sl_tally_part *part);

/* It is of no lines again. */
void sl_tally_part_clear(struct sl_tally_part *part);

/* The lines of the part become those of the tally; the part does not change. */
void sl_tally_merge(struct sl_tally *tally, const struct sl_tally_part *part);

/* As sl_tally_add, in a part. */
bool sl_tally_count(struct sl_tally_counter *counter, struct sl_tally_part *part,
	const struct sl_subject *line, bool is_part, bool is_quick);

/*
 * Count a line. `is_part`: not all of it is there, so that a pattern that is not found is
 * undecided. With `is_quick`, false if it would take longer than some milliseconds: then nothing
 * was counted.
 */
bool sl_tally_add(
	struct sl_tally *tally, const struct sl_subject *line, bool is_part, bool is_quick);

#endif
