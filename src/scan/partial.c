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

#include "sluice/scan/lines.h"

#include <errno.h>

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

/* The line that begins at `off` and has this text is complete. What is known of it becomes HIT or
 * NO; true and *line if it is given. */
static bool
complete_line(const struct sl_partial_spec *spec, struct sl_partial *partial, uint64_t off,
	const struct sl_fragment_view *text, bool is_closed, enum sl_block_line *known,
	struct sl_partial_line *line)
{
	enum sl_block_line unwanted = spec->inverts ? SL_BLOCK_LINE_HIT : SL_BLOCK_LINE_NO;
	if (*known == unwanted && !spec->gives_all)
		return false;
	*line = (struct sl_partial_line){
		.whole_len = text->len,
		.off = off,
		.index = partial->result.newlines,
		.is_closed = is_closed,
	};
	if (*known == unwanted)
		return give_context(spec, text, line);
	cut_line(spec, text, line);
	if (*known != SL_BLOCK_LINE_CANDIDATE)
		return true;
	struct sl_subject subject = subject_of(line, text->last);
	bool took_long = false;
	enum sl_verdict verdict = sl_matcher_confirm(spec->matcher, &subject, &took_long);
	if (verdict == SL_VERDICT_UNDECIDED && partial->result.undecided++ == 0)
		partial->result.undecided_line = partial->result.newlines;
	partial->result.unlevelled += sl_matcher_take_unlevelled(spec->matcher);
	*known = verdict == SL_VERDICT_YES ? SL_BLOCK_LINE_HIT : SL_BLOCK_LINE_NO;
	enum sl_verdict wanted = spec->inverts ? SL_VERDICT_NO : SL_VERDICT_YES;
	return verdict == wanted || give_context(spec, text, line);
}

struct sl_block_totals
sl_partial_totals(const struct sl_partial_spec *spec, const struct sl_block_result *result)
{
	return spec->inverts ? sl_block_finish_inverted(result) : sl_block_finish(result);
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

static void
merge_results(const struct sl_partial_spec *spec, struct sl_partial *left,
	const struct sl_block_result *right, enum sl_block_line joint)
{
	struct sl_block_result *result = &left->result;
	bool is_first = result->newlines == 0;
	uint64_t undecided = result->undecided + right->undecided;
	uint64_t unlevelled = result->unlevelled + right->unlevelled;
	uint64_t undecided_line = result->undecided ? result->undecided_line
						    : result->newlines + right->undecided_line;
	sl_block_merge_line(spec->text.plan, result, right, joint);
	/* Also if the left side had no bytes, and the result is the right one's. */
	result->undecided = undecided;
	result->undecided_line = undecided_line;
	result->unlevelled = unlevelled;
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
	return complete_line(spec, partial, sl_partial_end_off(partial) - text.len, &text, false,
		&partial->result.tail_line, line);
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
