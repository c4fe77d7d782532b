/*
 * sequence.c - as the stages of a scan do it with the input that is in front (scan_merge.c,
 * scan_lines.c, scan_records.c), without limits, context and kinds.
 */
#include "sluice/scan/sequence.h"

#include <errno.h>

void
sl_sequence_init(struct sl_sequence *sequence, const struct sl_sequence_rule *rule)
{
	*sequence = (struct sl_sequence){ .rule = *rule };
	struct sl_records_rule records = { .held_bytes = rule->wants_lines ? rule->held_bytes : 0,
		.whole = sl_pattern_inverts(rule->pattern) };
	sl_join_init(&sequence->join, rule->pattern, rule->matcher, rule->wants_lines);
	if (rule->records)
		sl_partial_spec_give_all(&sequence->join.spec);
	sl_partial_spec_set_period(&sequence->join.spec, rule->period);
	sl_context_init(&sequence->context, &(struct sl_context_rule){ 0 });
	sl_records_init(&sequence->records, &records);
}

void
sl_sequence_release(struct sl_sequence *sequence)
{
	sl_join_release(&sequence->join);
	sl_context_release(&sequence->context);
	sl_records_release(&sequence->records);
}

bool
sl_sequence_head_is_costly(const struct sl_sequence *sequence, const struct sl_sequence_run *run)
{
	return sl_join_is_costly(&sequence->join, run ? &run->piece : NULL);
}

bool
sl_sequence_tail_is_costly(const struct sl_sequence *sequence, const struct sl_sequence_run *run)
{
	return sl_join_tail_is_costly(&sequence->join, &run->piece);
}

/* ---- runs ---- */

static void
begin_line(struct sl_sequence *sequence, const struct sl_partial_line *line)
{
	if (sequence->rule.records)
		sl_records_begin_line(&sequence->records, line);
	else
		sl_context_begin_line(&sequence->context, line);
}

int
sl_sequence_head(struct sl_sequence *sequence, struct sl_sequence_run *run)
{
	struct sl_partial_line line;
	sl_wide_merge(&sequence->wide, &run->wide);
	int code = sl_join_head(&sequence->join, &run->piece, &line);
	if (code == 1)
		begin_line(sequence, &line);
	bool has_unknown = sequence->rule.period && run->piece.unknown_end;
	if (has_unknown && sequence->join.total.next_side != SL_PERIOD_INSIDE)
		sl_partial_drop_unknown(&run->piece, run->marks, run->within);
	return SL_MIN(code, 0);
}

void
sl_sequence_begin(struct sl_sequence *sequence, struct sl_sequence_run *run)
{
	struct sl_context_run lines = { .piece = &run->piece,
		.marks = run->marks,
		.within = sequence->rule.period ? run->within : NULL,
		.off = sl_join_bytes(&sequence->join),
		.newlines = sl_join_newlines(&sequence->join) };
	if (sequence->rule.records)
		sl_records_begin(&sequence->records, &lines);
	else
		sl_context_begin(&sequence->context, &lines);
}

int
sl_sequence_tail(struct sl_sequence *sequence, const struct sl_sequence_run *run)
{
	return sl_join_tail(&sequence->join, &run->piece);
}

int
sl_sequence_end(struct sl_sequence *sequence)
{
	struct sl_partial_line line;
	int code = sl_join_end(&sequence->join, &line);
	if (code == 1)
		begin_line(sequence, &line);
	sequence->is_ending = true;
	return SL_MIN(code, 0);
}

/* ---- lines ---- */

static int
next_of_records(struct sl_sequence *sequence, struct sl_partial_line *line)
{
	for (;;) {
		int step = sl_records_next(&sequence->records, line);
		sequence->hits += step == SL_RECORDS_SELECTED;
		if (step == SL_RECORDS_LINE && sequence->rule.wants_lines) {
			line->len = SL_MIN(line->len, (size_t)SL_PARTIAL_KEEP);
			return 1;
		}
		if (step < 0 || (step == SL_RECORDS_NONE && !sequence->is_ending))
			return step;
		if (step == SL_RECORDS_NONE) {
			sequence->is_ending = false;
			sl_records_end(&sequence->records);
		}
	}
}

static int
next_of_lines(struct sl_sequence *sequence, struct sl_partial_line *line)
{
	int code = sl_context_next(&sequence->context, line);
	sequence->hits += code == 1;
	return code;
}

int
sl_sequence_next(struct sl_sequence *sequence, struct sl_partial_line *line)
{
	int code = sequence->rule.records ? next_of_records(sequence, line)
					  : next_of_lines(sequence, line);
	if (code == 1)
		sequence->given_end = line->off + line->whole_len + line->is_closed;
	return code;
}

/* ---- results ---- */

struct sl_block_totals
sl_sequence_totals(const struct sl_sequence *sequence)
{
	struct sl_block_totals totals = sl_join_totals(&sequence->join);
	if (sequence->rule.records)
		totals.hits = sequence->hits;
	return totals;
}

uint64_t
sl_sequence_left_out(const struct sl_sequence *sequence)
{
	return sequence->rule.wants_lines ? sequence->records.left_out : 0;
}

uint64_t
sl_sequence_text(const struct sl_sequence *sequence)
{
	const struct sl_partial *total = &sequence->join.total;
	return total->head.text.cap + total->open.text.cap + sequence->records.history.text_cap;
}
