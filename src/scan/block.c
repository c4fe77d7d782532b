/*
 * block.c - scans a block with the plans of a pattern, and merges results of neighbours.
 *
 * Merging keeps three things right at a cut: the line that both sides share (it matches if either
 * side, or the bytes around the cut, have a literal), the edges of the merged result, and what is
 * counted as closed. Tests compare every cut with a naive count.
 */
#include "sluice/scan/block.h"

/* Bytes that joined plans look at in turn: half of a small L1 cache. A multiple of 64, the bits of
 * a word of marks. */
#define SLICE 16384u

static size_t
edge_of(const struct sl_match_plan *plan)
{
	return plan->reach ? plan->reach - 1 : 0;
}

/* A line may match by several plans: it is counted by its mark. */
static void
scan_joined(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len, uint64_t *marks, struct sl_match_counts *all)
{
	*all = (struct sl_match_counts){ 0 };
	for (; plan; plan = plan->next) {
		struct sl_match_counts counts;
		kernel->scan(plan, data, len, marks, &counts);
		all->newlines = counts.newlines;
		all->head_hit = all->head_hit || counts.head_hit;
		all->tail_hit = all->tail_hit || counts.tail_hit;
	}
	for (size_t i = 0; i < SL_MATCH_MARK_WORDS(len); i++)
		all->hits += (uint64_t)__builtin_popcountll(marks[i]);
}

static void
scan_piece(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len, uint64_t *marks, struct sl_block_result *result)
{
	struct sl_match_counts counts;
	if (plan->next)
		scan_joined(kernel, plan, data, len, marks, &counts);
	else
		kernel->scan(plan, data, len, marks, &counts);
	size_t edge = SL_MIN(edge_of(plan), len);
	*result = (struct sl_block_result){
		.len = len,
		.newlines = counts.newlines,
		.hits = counts.hits,
		.head_hit = counts.head_hit,
		.tail_hit = counts.tail_hit,
		.tail_open = len > 0 && data[len - 1] != '\n',
		.other_case = counts.other_case,
		.head_other_case = counts.head_other_case,
		.tail_other_case = counts.tail_other_case,
		.head_len = (unsigned char)edge,
		.tail_len = (unsigned char)edge,
	};
	if (edge == 0)
		return;
	memcpy(result->head, data, edge);
	memcpy(result->tail, data + len - edge, edge);
}

/* The line that two slices share is closed in neither, but in the block: the scan of the second has
 * not marked it. */
static void
mark_shared_line(const struct sl_block_steps *steps, const struct sl_block_result *slice)
{
	const struct sl_block_result *before = steps->result;
	if (!before->newlines || !slice->newlines ||
		!sl_block_joint_hit(steps->plan, before, slice))
		return;
	const unsigned char *at = steps->data + steps->at;
	const unsigned char *newline = memchr(at, '\n', steps->len - steps->at);
	size_t off = (size_t)(newline - steps->data);
	steps->marks[off / 64] |= 1ull << (off % 64);
}

/*
 * Joined plans look at a slice in turn, so that it stays in the CPU's cache from plan to
 * plan. They need marks, also where the caller does not.
 */
static void
scan_slice(struct sl_block_steps *steps)
{
	uint64_t own[SL_MATCH_MARK_WORDS(SLICE)] = { 0 };
	struct sl_block_result slice;
	size_t some = SL_MIN(steps->len - steps->at, (size_t)SLICE);
	uint64_t *marks = steps->marks ? steps->marks + steps->at / 64 : own;
	scan_piece(steps->kernel, steps->plan, steps->data + steps->at, some, marks, &slice);
	if (steps->marks)
		mark_shared_line(steps, &slice);
	sl_block_merge(steps->plan, steps->result, &slice);
	steps->at += some;
}

bool
sl_block_step(struct sl_block_steps *steps)
{
	if (steps->at == 0)
		*steps->result = (struct sl_block_result){ 0 };
	if (steps->plan->next) {
		if (steps->at < steps->len)
			scan_slice(steps);
		return steps->at < steps->len;
	}
	scan_piece(
		steps->kernel, steps->plan, steps->data, steps->len, steps->marks, steps->result);
	steps->at = steps->len;
	return false;
}

void
sl_block_scan(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len, uint64_t *marks, struct sl_block_result *result)
{
	struct sl_block_steps steps = { .kernel = kernel,
		.plan = plan,
		.data = data,
		.len = len,
		.marks = marks,
		.result = result };
	while (sl_block_step(&steps))
		;
}

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

bool
sl_block_joint_hit(const struct sl_match_plan *plan, const struct sl_block_result *left,
	const struct sl_block_result *right)
{
	if (left->tail_hit || right->head_hit)
		return true;
	struct joint joint = join_edges(left, right);
	return sl_match_spans(plan, joint.bytes, joint.len, joint.cut);
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
sl_block_merge(const struct sl_match_plan *plan, struct sl_block_result *left,
	const struct sl_block_result *right)
{
	if (right->len == 0)
		return;
	if (left->len == 0) {
		*left = *right;
		return;
	}
	bool joint = sl_block_joint_hit(plan, left, right);
	bool other_case = joint_other_case(plan, left, right);
	left->hits += right->hits;
	left->other_case += right->other_case;
	if (left->newlines && right->newlines) {
		left->hits += joint;
		left->other_case += other_case && !joint;
	} else if (!left->newlines) {
		left->head_hit = joint;
		left->head_other_case = other_case;
	}
	left->tail_hit = right->newlines ? right->tail_hit : joint;
	left->tail_other_case = right->newlines ? right->tail_other_case : other_case;
	left->tail_open = right->tail_open;
	merge_head(plan, left, right);
	merge_tail(plan, left, right);
	left->newlines += right->newlines;
	left->len += right->len;
}

struct sl_block_totals
sl_block_finish(const struct sl_block_result *result)
{
	struct sl_block_totals totals = {
		.bytes = result->len, .lines = result->newlines, .hits = result->hits
	};
	totals.other_case = result->other_case;
	if (result->tail_open)
		totals.lines++;
	if (result->newlines) {
		totals.hits += result->head_hit;
		totals.other_case += result->head_other_case && !result->head_hit;
	}
	if (result->tail_open) {
		totals.hits += result->tail_hit;
		totals.other_case += result->tail_other_case && !result->tail_hit;
	}
	return totals;
}
