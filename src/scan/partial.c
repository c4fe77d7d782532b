/*
 * partial.c - merges neighbours: their results, and the line that they share.
 *
 * Of the line at the cut the left side has `open`, the right one what comes before its first
 * newline:
 *
 *     open grows by it
 *     if a newline follows, and the line's beginning is not a cut  (join_line)
 *         what is known of the line is decided, and it is given    (complete_line)
 *     else if a newline follows
 *         it is what the left neighbour of both needs: head = open (close_line)
 *     if a newline follows
 *         open = what comes after the last newline of the right side
 *     results merge as those of blocks do, the line as it was decided
 *
 * The right side is a run of bytes that were scanned, whose text is looked at where it is, or a
 * partial, whose buffers are taken over. A run that is in order is only copied where it leaves a
 * line open.
 */
#include "sluice/scan/partial.h"

#include "sluice/match/lines.h"

#include <errno.h>
#include <string.h>

struct sl_partial_spec
sl_partial_spec_of(const struct sl_pattern *pattern, struct sl_matcher *matcher, bool keeps_text)
{
	bool confirms = sl_pattern_confirms(pattern), inverts = sl_pattern_inverts(pattern);
	/* Confirming needs the text even if the caller does not. A line that does not match has no
	 * literal to show. */
	return (struct sl_partial_spec){ .text = { .plan = sl_pattern_plan(pattern),
						 .keeps_text = keeps_text || confirms,
						 .confirms = confirms || inverts,
						 .keep = SL_PARTIAL_KEEP },
		.matcher = matcher,
		.inverts = inverts };
}

void
sl_partial_spec_give_all(struct sl_partial_spec *spec)
{
	spec->gives_all = true;
	spec->text.keeps_text = spec->text.keeps_first = true;
}

void
sl_partial_spec_set_period(struct sl_partial_spec *spec, const struct sl_period *period)
{
	spec->period = period;
	if (!period)
		return;
	spec->first_side = sl_period_first_side(period);
	/* The stamp is at the beginning of a line. */
	spec->text.keeps_text = spec->text.keeps_first = true;
}

void
sl_partial_release(struct sl_partial *partial)
{
	sl_fragment_release(&partial->head);
	sl_fragment_release(&partial->open);
}

/* ---- lines that are complete ---- */

/* What may match of the line. `last` is its last byte, which need not be among those that are
 * kept. */
static struct sl_subject
subject_of(const struct sl_partial_line *line, unsigned char last)
{
	bool has_cr = line->is_closed && line->whole_len && last == '\r';
	bool goes_on = line->skipped + line->len < line->whole_len - has_cr;
	bool is_whole = line->skipped + line->len == line->whole_len;
	return sl_subject_of(line->text, line->len, line->off == 0 && line->skipped == 0,
		line->is_closed && is_whole, goes_on);
}

struct sl_subject
sl_partial_subject(const struct sl_partial_line *line)
{
	bool is_whole = line->skipped + line->len == line->whole_len;
	return sl_subject_of(line->text, line->len, line->off == 0 && line->skipped == 0,
		line->is_closed && is_whole, !is_whole);
}

static void
cut_line(const struct sl_partial_spec *spec, const struct sl_fragment_view *text,
	struct sl_partial_line *line)
{
	struct sl_fragment_cut cut = sl_fragment_cut(&spec->text, text);
	line->text = cut.text;
	line->len = cut.len;
	line->skipped = cut.skipped;
}

void
sl_partial_shorten(const struct sl_partial_spec *spec, struct sl_partial_line *line)
{
	struct sl_fragment_view text = sl_fragment_of(line->text, line->len);
	if (line->len > spec->text.keep)
		cut_line(spec, &text, line);
}

/* A line that does not match, for its neighbours. */
static bool
give_context(const struct sl_partial_spec *spec, const struct sl_fragment_view *text,
	struct sl_partial_line *line)
{
	if (!spec->gives_all)
		return false;
	struct sl_fragment_cut cut = sl_fragment_cut_first(&spec->text, text);
	line->text = cut.text;
	line->len = cut.len;
	line->skipped = 0;
	line->is_context = true;
	return true;
}

/* ---- a period of time ---- */

enum sl_period_side
sl_partial_side_behind(const struct sl_partial_spec *spec, const struct sl_partial *partial)
{
	enum sl_period_side last = partial->result.period.last;
	bool begins_input = partial->off == 0;
	return last == SL_PERIOD_UNKNOWN && begins_input ? spec->first_side : last;
}

static void
find_side(const struct sl_partial_spec *spec, struct sl_partial *partial,
	const struct sl_fragment_view *text)
{
	struct sl_span line = { (const char *)text->first, (size_t)text->first_len };
	enum sl_period_side side = SL_PERIOD_UNKNOWN;
	partial->line_order = (struct sl_period_order){ 0 };
	if (line.data)
		side = sl_period_look(spec->period, line, &partial->line_order);
	if (side == SL_PERIOD_UNKNOWN)
		side = sl_partial_side_behind(spec, partial);
	partial->has_line = true;
	partial->line_side = partial->next_side = side;
}

/* The counts of lines without a side, which *line belongs to; else NULL. */
static struct sl_period_lines *
unknown_of(struct sl_partial *partial, const struct sl_partial_line *line)
{
	bool is_unknown = partial->has_line && line->side == SL_PERIOD_UNKNOWN;
	return is_unknown ? &partial->result.period.unknown : NULL;
}

static void
note_undecided(struct sl_partial *partial, const struct sl_partial_line *line)
{
	struct sl_period_lines *unknown = unknown_of(partial, line);
	uint64_t *count = unknown ? &unknown->undecided : &partial->result.undecided;
	uint64_t *first = unknown ? &unknown->undecided_line : &partial->result.undecided_line;
	if ((*count)++ == 0)
		*first = partial->result.newlines;
}

static void
note_unlevelled(struct sl_partial *partial, const struct sl_partial_line *line, uint64_t unlevelled)
{
	struct sl_period_lines *unknown = unknown_of(partial, line);
	*(unknown ? &unknown->unlevelled : &partial->result.unlevelled) += unlevelled;
}

/* ---- */

/* The line that begins at `off` and has this text is complete. What is known of it becomes HIT or
 * NO; true and *line if it is given. */
static bool
complete_line(const struct sl_partial_spec *spec, struct sl_partial *partial, uint64_t off,
	const struct sl_fragment_view *text, bool is_closed, enum sl_block_line *known,
	struct sl_partial_line *line)
{
	enum sl_block_line unwanted = spec->inverts ? SL_BLOCK_LINE_HIT : SL_BLOCK_LINE_NO;
	if (spec->period)
		find_side(spec, partial, text);
	bool is_outside = spec->period && partial->line_side == SL_PERIOD_OUTSIDE;
	bool is_unwanted = is_outside || *known == unwanted;
	if (is_outside)
		*known = SL_BLOCK_LINE_NO;
	if (is_unwanted && !spec->gives_all)
		return false;
	*line = (struct sl_partial_line){
		.whole_len = text->len,
		.off = off,
		.index = partial->result.newlines,
		.is_closed = is_closed,
		.side = partial->line_side,
	};
	if (is_unwanted)
		return give_context(spec, text, line);
	cut_line(spec, text, line);
	if (*known != SL_BLOCK_LINE_CANDIDATE)
		return true;
	struct sl_subject subject = subject_of(line, text->last);
	bool took_long = false;
	enum sl_verdict verdict = sl_matcher_confirm(spec->matcher, &subject, &took_long);
	if (verdict == SL_VERDICT_UNDECIDED)
		note_undecided(partial, line);
	note_unlevelled(partial, line, sl_matcher_take_unlevelled(spec->matcher));
	*known = verdict == SL_VERDICT_YES ? SL_BLOCK_LINE_HIT : SL_BLOCK_LINE_NO;
	enum sl_verdict wanted = spec->inverts ? SL_VERDICT_NO : SL_VERDICT_YES;
	return verdict == wanted || give_context(spec, text, line);
}

struct sl_block_totals
sl_partial_totals(const struct sl_partial_spec *spec, const struct sl_block_result *result)
{
	if (!spec->period)
		return spec->inverts ? sl_block_finish_inverted(result) : sl_block_finish(result);
	struct sl_block_totals totals = sl_block_finish(result);
	bool has_open_hit = result->tail_open && result->tail_line == SL_BLOCK_LINE_HIT;
	/* On which side the open line is, is known once it is the last one. */
	totals.hits -= has_open_hit && !result->period.is_over;
	totals.lines = result->period.lines;
	totals.other_case = 0;
	if (spec->inverts)
		totals.hits = totals.lines - totals.hits - totals.undecided;
	return totals;
}

/* ---- merging ---- */

/* The beginning of the open line is not a cut. */
static bool
has_line_begin(const struct sl_partial *partial)
{
	return partial->result.newlines || partial->off == 0;
}

/* *head are the bytes of the right side that belong to the open line. Returns as
 * sl_partial_merge. */
static int
join_line(const struct sl_partial_spec *spec, struct sl_partial *left,
	const struct sl_block_result *right, const struct sl_fragment_view *head,
	enum sl_block_line *joint, struct sl_partial_line *line)
{
	struct sl_fragment *open = &left->open;
	struct sl_fragment_view text = *head;
	bool is_complete = right->newlines && has_line_begin(left);
	uint64_t off = sl_partial_end_off(left) - open->len;
	*joint = sl_block_joint(spec->text.plan, &left->result, right);
	if (spec->period) {
		left->has_line = false;
		left->next_side = sl_partial_side_behind(spec, left);
	}
	if (open->len == 0)
		open->begins_line = has_line_begin(left);
	if (open->len || !is_complete) {
		int code = sl_fragment_add(&spec->text, open, head);
		if (code)
			return code;
		text = sl_fragment_view(open);
	}
	return is_complete ? complete_line(spec, left, off, &text, true, joint, line) : 0;
}

static void
swap(struct sl_fragment *a, struct sl_fragment *b)
{
	struct sl_fragment other = *a;
	*a = *b;
	*b = other;
}

/* A newline follows the open line. If its beginning is a cut, the line stays as the first one. */
static void
close_line(struct sl_partial *left)
{
	if (!has_line_begin(left))
		swap(&left->head, &left->open);
}

/* The line that they share, and what the right side has of the period. *joint is NO if the line is
 * not counted as a hit. Of the right side's unknown lines, *found are those that are inside. */
static void
merge_period(const struct sl_partial *left, const struct sl_block_result *right,
	enum sl_block_line *joint, struct sl_period_part *part, struct sl_period_lines *found)
{
	bool is_hit = *joint == SL_BLOCK_LINE_HIT;
	*part = left->result.period;
	part->last = left->next_side;
	if (left->has_line) {
		sl_period_order_join(&part->order, &left->line_order);
		sl_period_add_line(part, left->line_side, is_hit);
		if (left->line_side == SL_PERIOD_UNKNOWN)
			*joint = SL_BLOCK_LINE_NO;
	}
	sl_period_join(part, &right->period, left->result.newlines, found);
}

static void
merge_results(const struct sl_partial_spec *spec, struct sl_partial *left,
	const struct sl_block_result *right, enum sl_block_line joint)
{
	struct sl_block_result *result = &left->result;
	struct sl_period_part part = { 0 };
	struct sl_period_lines found = { 0 };
	bool is_first = result->newlines == 0;
	if (spec->period)
		merge_period(left, right, &joint, &part, &found);
	uint64_t undecided = result->undecided + right->undecided + found.undecided;
	uint64_t unlevelled = result->unlevelled + right->unlevelled + found.unlevelled;
	uint64_t undecided_line = result->newlines + right->undecided_line;
	if (result->undecided)
		undecided_line = result->undecided_line;
	else if (found.undecided)
		undecided_line = found.undecided_line;
	sl_block_merge_line(spec->text.plan, result, right, joint);
	/* Also if the left side had no bytes, and the result is the right one's. */
	result->undecided = undecided;
	result->undecided_line = undecided_line;
	result->unlevelled = unlevelled;
	result->hits += found.hits;
	result->period = part;
	if (is_first)
		result->head_line = joint;
}

int
sl_partial_merge(const struct sl_partial_spec *spec, struct sl_partial *left,
	struct sl_partial *right, struct sl_partial_line *line)
{
	bool has_newline = right->result.newlines > 0;
	enum sl_block_line joint;
	sl_assert(right->off == sl_partial_end_off(left));
	struct sl_fragment_view head = sl_fragment_view(has_newline ? &right->head : &right->open);
	int code = join_line(spec, left, &right->result, &head, &joint, line);
	if (code < 0)
		return code;
	if (has_newline) {
		close_line(left);
		swap(&left->open, &right->open);
	}
	merge_results(spec, left, &right->result, joint);
	sl_wide_merge(&left->wide, &right->wide);
	return code;
}

/* Bits before `end`. */
static void
clear_bits(uint64_t *bits, size_t end)
{
	memset(bits, 0, end / 64 * sizeof(*bits));
	if (end % 64)
		bits[end / 64] &= ~((1ull << (end % 64)) - 1);
}

void
sl_partial_drop_unknown(const struct sl_partial_run *piece, uint64_t *marks, uint64_t *within)
{
	clear_bits(marks, piece->unknown_end);
	clear_bits(within, piece->unknown_end);
}

int
sl_partial_add_head(const struct sl_partial_spec *spec, struct sl_partial *partial,
	const struct sl_partial_run *piece, enum sl_block_line *joint, struct sl_partial_line *line)
{
	size_t len = piece->len;
	if (piece->block.newlines) {
		const unsigned char *newline = memchr(piece->data, '\n', len);
		len = (size_t)(newline - piece->data);
	}
	struct sl_fragment_view head = sl_fragment_of(piece->data, len);
	return join_line(spec, partial, &piece->block, &head, joint, line);
}

int
sl_partial_add_rest(const struct sl_partial_spec *spec, struct sl_partial *partial,
	const struct sl_partial_run *piece, enum sl_block_line joint)
{
	int code = 0;
	if (piece->block.newlines) {
		size_t off = sl_lines_begin(piece->data, 0, piece->len);
		struct sl_fragment_view rest = sl_fragment_of(piece->data + off, piece->len - off);
		close_line(partial);
		sl_fragment_clear(&partial->open);
		partial->open.begins_line = true;
		code = sl_fragment_add(&spec->text, &partial->open, &rest);
	}
	merge_results(spec, partial, &piece->block, joint);
	return code;
}

int
sl_partial_set(const struct sl_partial_spec *spec, struct sl_partial *partial,
	const struct sl_partial_run *piece, struct sl_partial_line *line)
{
	enum sl_block_line joint;
	sl_assert(partial->result.len == 0);
	int hit = sl_partial_add_head(spec, partial, piece, &joint, line);
	int code = hit < 0 ? hit : sl_partial_add_rest(spec, partial, piece, joint);
	return code < 0 ? code : hit;
}

int
sl_partial_end(const struct sl_partial_spec *spec, struct sl_partial *partial,
	struct sl_partial_line *line)
{
	sl_assert(partial->off == 0);
	if (partial->open.len == 0)
		return 0;
	struct sl_fragment_view text = sl_fragment_view(&partial->open);
	struct sl_block_result *result = &partial->result;
	bool is_given = complete_line(spec, partial, sl_partial_end_off(partial) - text.len, &text,
		false, &result->tail_line, line);
	if (spec->period) {
		sl_period_order_join(&result->period.order, &partial->line_order);
		sl_period_add_line(&result->period, partial->line_side, false);
		result->period.is_over = true;
		partial->has_line = false;
	}
	return is_given;
}

void
sl_partial_drop_open(struct sl_partial *partial, uint64_t len)
{
	struct sl_block_result *result = &partial->result;
	sl_fragment_clear(&partial->open);
	if (result->newlines == 0)
		result->head_line = SL_BLOCK_LINE_NO;
	result->len = len;
	result->tail_line = SL_BLOCK_LINE_NO;
	result->tail_open = false;
	result->tail_other_case = false;
}

bool
sl_partial_is_costly(const struct sl_partial_spec *spec, const struct sl_partial *partial,
	const struct sl_block_result *more, uint64_t most)
{
	const struct sl_block_result *result = &partial->result;
	bool searches = spec->text.keeps_text && !spec->text.confirms;
	if (searches && partial->open.len + most > spec->text.keep)
		return true;
	if (!more)
		return result->tail_line == SL_BLOCK_LINE_CANDIDATE;
	bool is_complete = more->newlines && has_line_begin(partial);
	return is_complete &&
	       sl_block_joint(spec->text.plan, result, more) == SL_BLOCK_LINE_CANDIDATE;
}
