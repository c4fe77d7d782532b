/*
 * block.c - scans a block with the plans of a pattern, and merges results of neighbours.
 *
 * With a single plan that decides, a block is one pass. Otherwise a slice at a time:
 *
 *     plans that decide mark the lines with their literals, in one bitmap;    (begin_slice)
 *     prefilters mark candidates in another one
 *     the line that the slice shares with the ones before it is joined to them
 *     each candidate that is not marked is confirmed, and then marked         (confirm_candidates)
 *     the marks are counted, and the slice is merged into the result          (end_slice)
 *
 * confirm_line() is the place for other checks of a whole line, such as whether a match is a word,
 * or which severity the line has. To select the lines that do not match, the marks of a slice are
 * inverted once they are counted, by the bitmap of its newlines (invert_marks).
 *
 * Lines outside a period that is wanted lose their marks before they are confirmed; those whose
 * side is not known come first, up to `unknown_end`, and have counts of their own.
 *
 * Merging keeps three things right at a cut: the line that both sides share (the best of what
 * either side and the bytes around the cut hold), the edges of the merged result, and the count of
 * closed lines. Tests compare every cut with a naive count.
 */
#include "sluice/scan/block.h"

#include "sluice/match/lines.h"

static size_t
edge_of(const struct sl_match_plan *plan)
{
	return plan->reach ? plan->reach - 1 : 0;
}

/* One pass is enough, and nothing is to be confirmed. */
static bool
decides_alone(const struct sl_match_plan *plan)
{
	return !plan->next && !plan->is_prefilter;
}

static void
add_counts(struct sl_block_result *result, const struct sl_match_plan *plan,
	const struct sl_match_counts *counts)
{
	enum sl_block_line found = plan->is_prefilter ? SL_BLOCK_LINE_CANDIDATE : SL_BLOCK_LINE_HIT;
	result->newlines = counts->newlines;
	if (counts->head_hit)
		result->head_line = SL_MAX(result->head_line, found);
	if (counts->tail_hit)
		result->tail_line = SL_MAX(result->tail_line, found);
	/* These are right if the plan is the only one: else hits are counted by their marks, and
	 * other cases are not counted. */
	result->hits = counts->hits;
	result->other_case = counts->other_case;
	result->head_other_case = counts->head_other_case;
	result->tail_other_case = counts->tail_other_case;
}

/* Each plan in turn: the bytes stay in the CPU's cache if they are a slice. */
static void
scan_plans(const struct sl_match_kernel *kernel, const struct sl_match_plan *plans,
	const unsigned char *data, size_t len, uint64_t *marks, uint64_t *candidates,
	struct sl_match_hits *hits, struct sl_block_result *result)
{
	size_t edge = SL_MIN(edge_of(plans), len);
	*result = (struct sl_block_result){
		.len = len,
		.tail_open = len > 0 && data[len - 1] != '\n',
		.head_len = (unsigned char)edge,
		.tail_len = (unsigned char)edge,
	};
	for (const struct sl_match_plan *plan = plans; plan; plan = plan->next) {
		struct sl_match_counts counts;
		kernel->scan(
			plan, data, len, plan->is_prefilter ? candidates : marks, hits, &counts);
		add_counts(result, plan, &counts);
	}
	if (edge == 0)
		return;
	memcpy(result->head, data, edge);
	memcpy(result->tail, data + len - edge, edge);
}

/* ---- slices ---- */

static size_t
slice_words(const struct sl_block_steps *steps)
{
	return SL_MATCH_MARK_WORDS((size_t)steps->slice.len);
}

static uint64_t *
slice_marks(struct sl_block_steps *steps)
{
	return steps->marks ? steps->marks + steps->at / 64 : steps->own_marks;
}

static void
set_bit(uint64_t *bits, size_t index)
{
	bits[index / 64] |= 1ull << (index % 64);
}

/* The line that the slice shares with the ones before it is closed in the block, but not in a
 * slice: the plans have not marked it. */
static void
mark_shared_line(struct sl_block_steps *steps)
{
	if (!steps->result->newlines || !steps->slice.newlines)
		return;
	enum sl_block_line joint = sl_block_joint(steps->plan, steps->result, &steps->slice);
	if (joint == SL_BLOCK_LINE_NO)
		return;
	const unsigned char *data = steps->data + steps->at;
	const unsigned char *newline = memchr(data, '\n', (size_t)steps->slice.len);
	set_bit(joint == SL_BLOCK_LINE_HIT ? slice_marks(steps) : steps->candidates,
		(size_t)(newline - data));
}

/* True if every line is a candidate. */
static bool
has_every(const struct sl_match_plan *plan)
{
	while (plan && !(plan->is_prefilter && plan->filter == SL_MATCH_EVERY))
		plan = plan->next;
	return plan != NULL;
}

/* Lines outside the period are neither marked nor candidates. */
static void
keep_within(struct sl_block_steps *steps)
{
	uint64_t *marks = slice_marks(steps);
	const uint64_t *within = steps->within + steps->at / 64;
	for (size_t i = 0; i < slice_words(steps); i++) {
		marks[i] &= within[i];
		steps->candidates[i] &= within[i];
	}
}

static void
begin_slice(struct sl_block_steps *steps)
{
	size_t len = SL_MIN(steps->len - steps->at, (size_t)SL_BLOCK_SLICE);
	scan_plans(steps->kernel, steps->plan, steps->data + steps->at, len, slice_marks(steps),
		steps->candidates, NULL, &steps->slice);
	mark_shared_line(steps);
	if (steps->period)
		keep_within(steps);
	steps->is_every = has_every(steps->plan) && !steps->period;
	steps->word = steps->after = 0;
	steps->is_confirming = true;
}

struct deadline {
	uint64_t begun_ns, ns; /* ns: UINT64_MAX = none */
};

static bool
has_passed(const struct sl_block_steps *steps, const struct deadline *deadline)
{
	return deadline->ns != UINT64_MAX &&
	       steps->clock_ns(steps->clock) - deadline->begun_ns > deadline->ns;
}

static enum sl_verdict
confirm_line(const struct sl_block_steps *steps, size_t begin, size_t end, bool *took_long)
{
	struct sl_subject line =
		sl_subject_of(steps->data + begin, end - begin, false, true, false);
	return sl_matcher_confirm(steps->matcher, &line, took_long);
}

/* The line ends at data[end]. */
static void
note_undecided(struct sl_block_steps *steps, uint64_t bit, size_t end)
{
	struct sl_block_result *slice = &steps->slice;
	struct sl_period_lines *unknown = &steps->part.unknown;
	bool is_unknown = end < steps->unknown_end;
	if (is_unknown && unknown->undecided++ == 0)
		unknown->undecided_line = steps->kernel->newlines(steps->data, end);
	if (!is_unknown && slice->undecided++ == 0)
		slice->undecided_line =
			steps->kernel->newlines(steps->data + steps->at, end - steps->at);
	if (steps->inverts)
		steps->undecided[steps->word] |= bit;
}

/* Of the lines that were confirmed since the last call, the last of which ends at data[end]. */
static void
count_unlevelled(struct sl_block_steps *steps, size_t end)
{
	uint64_t count = sl_matcher_take_unlevelled(steps->matcher);
	if (end < steps->unknown_end)
		steps->part.unknown.unlevelled += count;
	else
		steps->slice.unlevelled += count;
}

/* The candidates of a word that no literal has decided. False if time is up: *candidates are those
 * that are left. */
static bool
confirm_word(struct sl_block_steps *steps, uint64_t *marks, uint64_t *candidates,
	const struct deadline *deadline)
{
	size_t base = steps->at + steps->word * 64, after = steps->after;
	uint64_t bits = *candidates, decided = *marks;
	bool took_long = false, is_late = false;
	while (bits && !is_late) {
		uint64_t bit = bits & ~(bits - 1);
		size_t end = base + (size_t)__builtin_ctzll(bits);
		size_t begin =
			steps->is_every && after ? after : sl_lines_begin(steps->data, after, end);
		after = end + 1;
		bits ^= bit;
		if (decided & bit)
			continue;
		enum sl_verdict verdict = confirm_line(steps, begin, end, &took_long);
		if (verdict == SL_VERDICT_YES)
			*marks |= bit;
		else if (verdict == SL_VERDICT_UNDECIDED)
			note_undecided(steps, bit, end);
		if (steps->period)
			count_unlevelled(steps, end);
		is_late = took_long && has_passed(steps, deadline);
	}
	steps->after = after;
	count_unlevelled(steps, SIZE_MAX);
	*candidates = bits;
	return !is_late;
}

/* The first word from `word` on that is not 0, or `count`. Most are. */
static size_t
skip_zeros(const uint64_t *words, size_t word, size_t count)
{
	while (word + 4 <= count &&
		!(words[word] | words[word + 1] | words[word + 2] | words[word + 3]))
		word += 4;
	while (word < count && !words[word])
		word++;
	return word;
}

/* False if time is up. */
static bool
confirm_candidates(struct sl_block_steps *steps, const struct deadline *deadline)
{
	uint64_t *marks = slice_marks(steps), *candidates = steps->candidates;
	for (size_t words = slice_words(steps);; steps->word++) {
		size_t word = steps->word = skip_zeros(candidates, steps->word, words);
		if (word == words)
			return true;
		if (!confirm_word(steps, &marks[word], &candidates[word], deadline))
			return false;
	}
}

/* Those of a word of the slice that are of lines whose side is not known. */
static uint64_t
unknown_marks(const struct sl_block_steps *steps, size_t word, uint64_t marks)
{
	size_t begin = steps->at + word * 64;
	if (begin >= steps->unknown_end)
		return 0;
	size_t bits = steps->unknown_end - begin;
	uint64_t mask = bits < 64 ? (1ull << bits) - 1 : UINT64_MAX;
	return (uint64_t)__builtin_popcountll(marks & mask);
}

/* A line may match by several plans: it is counted by its mark. The bitmap is cleared if it is not
 * the caller's. */
static uint64_t
count_marks(struct sl_block_steps *steps)
{
	uint64_t *marks = slice_marks(steps), count = 0;
	size_t words = slice_words(steps);
	for (size_t i = skip_zeros(marks, 0, words); i < words;
		i = skip_zeros(marks, i + 1, words)) {
		uint64_t unknown = unknown_marks(steps, i, marks[i]);
		steps->part.unknown.hits += unknown;
		count += (uint64_t)__builtin_popcountll(marks[i]) - unknown;
		marks[i] = steps->marks ? marks[i] : 0;
	}
	return count;
}

/* The marks of a slice become those of its other lines, which are decided. The block's first
 * newline ends a line that is the caller's. */
static void
invert_marks(struct sl_block_steps *steps)
{
	uint64_t newlines[SL_MATCH_MARK_WORDS(SL_BLOCK_SLICE)] = { 0 };
	uint64_t *marks = slice_marks(steps);
	const unsigned char *data = steps->data + steps->at;
	size_t len = (size_t)steps->slice.len;
	(void)steps->kernel->mark_newlines(data, len, newlines);
	if (steps->result->newlines == 0) {
		const unsigned char *first = memchr(data, '\n', len);
		size_t off = (size_t)(first - data);
		newlines[off / 64] &= ~(1ull << (off % 64));
	}
	for (size_t i = 0; i < slice_words(steps); i++) {
		marks[i] = newlines[i] & ~(marks[i] | steps->undecided[i]);
		if (steps->period)
			marks[i] &= steps->within[steps->at / 64 + i];
		steps->undecided[i] = 0;
	}
}

/* The marks include the line that is shared with the slices before: the merge must not count it. */
static void
end_slice(struct sl_block_steps *steps)
{
	struct sl_block_result *slice = &steps->slice, *result = steps->result;
	bool is_closed = result->newlines && slice->newlines;
	slice->hits = slice->newlines ? count_marks(steps) : 0;
	if (steps->inverts && steps->marks && slice->newlines)
		invert_marks(steps);
	sl_block_merge_line(steps->plan, result, slice,
		is_closed ? SL_BLOCK_LINE_NO : sl_block_joint(steps->plan, result, slice));
	steps->at += (size_t)slice->len;
	steps->is_confirming = false;
}

bool
sl_block_step(struct sl_block_steps *steps, uint64_t ns)
{
	if (steps->at == 0 && !steps->is_confirming) {
		*steps->result = (struct sl_block_result){ 0 };
		if (steps->hits)
			steps->hits->is_complete = false;
		if (steps->period)
			steps->unknown_end = sl_period_walk(steps->period, steps->data, steps->len,
				steps->within, &steps->part);
	}
	if (decides_alone(steps->plan) && !steps->period && !(steps->inverts && steps->marks)) {
		scan_plans(steps->kernel, steps->plan, steps->data, steps->len, steps->marks, NULL,
			steps->hits, steps->result);
		steps->at = steps->len;
		return false;
	}
	struct deadline deadline = { .ns = ns };
	if (ns != UINT64_MAX)
		deadline.begun_ns = steps->clock_ns(steps->clock);
	while (steps->at < steps->len) {
		if (!steps->is_confirming)
			begin_slice(steps);
		if (steps->slice.newlines && !confirm_candidates(steps, &deadline))
			break;
		end_slice(steps);
		if (has_passed(steps, &deadline))
			break;
	}
	/* There are no hits of lines whose side is not known among those of the result. */
	steps->result->period = steps->part;
	return steps->at < steps->len;
}

void
sl_block_scan(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	struct sl_matcher *matcher, const unsigned char *data, size_t len, uint64_t *marks,
	struct sl_block_result *result)
{
	if (decides_alone(plan)) {
		scan_plans(kernel, plan, data, len, marks, NULL, NULL, result);
		return;
	}
	struct sl_block_steps steps = { .kernel = kernel,
		.plan = plan,
		.matcher = matcher,
		.data = data,
		.len = len,
		.marks = marks,
		.result = result };
	(void)sl_block_step(&steps, UINT64_MAX);
}

/* ---- merging ---- */

/* The last bytes of *left and the first of *right, in which a literal may lie that the cut
 * splits. */
struct joint {
	unsigned char bytes[2 * SL_BLOCK_EDGE];
	size_t len, cut;
};

static struct joint
join_edges(const struct sl_block_result *left, const struct sl_block_result *right)
{
	struct joint joint = { .len = left->tail_len + right->head_len, .cut = left->tail_len };
	memcpy(joint.bytes, left->tail, left->tail_len);
	memcpy(joint.bytes + left->tail_len, right->head, right->head_len);
	return joint;
}

enum sl_block_line
sl_block_joint(const struct sl_match_plan *plan, const struct sl_block_result *left,
	const struct sl_block_result *right)
{
	enum sl_block_line known = SL_MAX(left->tail_line, right->head_line);
	if (known == SL_BLOCK_LINE_HIT)
		return known;
	struct joint joint = join_edges(left, right);
	for (; plan; plan = plan->next) {
		enum sl_block_line found =
			plan->is_prefilter ? SL_BLOCK_LINE_CANDIDATE : SL_BLOCK_LINE_HIT;
		if (found > known && sl_match_spans(plan, joint.bytes, joint.len, joint.cut))
			known = found;
	}
	return known;
}

static bool
joint_other_case(const struct sl_match_plan *plan, const struct sl_block_result *left,
	const struct sl_block_result *right)
{
	if (!plan->counts_other_case || left->tail_other_case || right->head_other_case)
		return left->tail_other_case || right->head_other_case;
	struct joint joint = join_edges(left, right);
	return sl_match_spans_other_case(plan, joint.bytes, joint.len, joint.cut);
}

/* The head of a long result stays; a short one, which is all of its bytes, grows at its end. */
static void
merge_head(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right)
{
	if (left->len > left->head_len)
		return;
	size_t room = edge_of(plan) - left->head_len, more = SL_MIN(room, right->head_len);
	memcpy(left->head + left->head_len, right->head, more);
	left->head_len = (unsigned char)(left->head_len + more);
}

static void
merge_tail(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right)
{
	size_t room = edge_of(plan) - right->tail_len, keep = SL_MIN(room, left->tail_len);
	memmove(left->tail, left->tail + left->tail_len - keep, keep);
	memcpy(left->tail + keep, right->tail, right->tail_len);
	left->tail_len = (unsigned char)(keep + right->tail_len);
}

void
sl_block_merge_line(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right, enum sl_block_line joint)
{
	if (right->len == 0)
		return;
	if (left->len == 0) {
		*left = *right;
		return;
	}
	bool other_case = joint_other_case(plan, left, right), is_hit = joint == SL_BLOCK_LINE_HIT;
	left->hits += right->hits;
	if (!left->undecided)
		left->undecided_line = left->newlines + right->undecided_line;
	left->undecided += right->undecided;
	left->unlevelled += right->unlevelled;
	left->other_case += right->other_case;
	if (left->newlines && right->newlines) {
		sl_assert(joint != SL_BLOCK_LINE_CANDIDATE);
		left->hits += is_hit;
		left->other_case += other_case && !is_hit;
	} else if (!left->newlines) {
		left->head_line = joint;
		left->head_other_case = other_case;
	}
	left->tail_line = right->newlines ? right->tail_line : joint;
	left->tail_other_case = right->newlines ? right->tail_other_case : other_case;
	left->tail_open = right->tail_open;
	merge_head(plan, left, right);
	merge_tail(plan, left, right);
	left->newlines += right->newlines;
	left->len += right->len;
}

void
sl_block_merge(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right)
{
	sl_block_merge_line(plan, left, right, sl_block_joint(plan, left, right));
}

struct sl_block_totals
sl_block_finish(const struct sl_block_result *result)
{
	bool head_hit = result->head_line == SL_BLOCK_LINE_HIT;
	bool tail_hit = result->tail_line == SL_BLOCK_LINE_HIT;
	struct sl_block_totals totals = { .bytes = result->len,
		.lines = result->newlines,
		.hits = result->hits,
		.undecided = result->undecided,
		.unlevelled = result->unlevelled,
		.undecided_line = result->undecided_line,
		.other_case = result->other_case };
	if (result->newlines) {
		totals.hits += head_hit;
		totals.other_case += result->head_other_case && !head_hit;
	}
	if (result->tail_open) {
		totals.lines++;
		totals.hits += tail_hit;
		totals.other_case += result->tail_other_case && !tail_hit;
	}
	totals.all_lines = totals.lines;
	return totals;
}

struct sl_block_totals
sl_block_finish_inverted(const struct sl_block_result *result)
{
	struct sl_block_totals totals = sl_block_finish(result);
	totals.hits = totals.lines - totals.hits - totals.undecided;
	totals.other_case = 0;
	return totals;
}

uint64_t
sl_block_closed_others(const struct sl_block_result *result)
{
	bool head_hit = result->newlines && result->head_line == SL_BLOCK_LINE_HIT;
	return result->newlines - result->hits - head_hit - result->undecided;
}
