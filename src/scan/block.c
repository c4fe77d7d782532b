#include "sluice/scan/block.h"

#define SLICE 16384u /* bytes that joined plans look at in turn: half of a small L1 cache */

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
		.head_len = (unsigned char)edge,
		.tail_len = (unsigned char)edge,
	};
	if (edge == 0)
		return;
	memcpy(result->head, data, edge);
	memcpy(result->tail, data + len - edge, edge);
}

/* Nobody asks for marks, but joined plans need some: slice by slice, which also stays in the
 * processor's cache from plan to plan. */
static void
scan_slices(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len, struct sl_block_result *result)
{
	*result = (struct sl_block_result){ 0 };
	for (size_t at = 0; at < len;) {
		uint64_t marks[SL_MATCH_MARK_WORDS(SLICE)] = { 0 };
		struct sl_block_result slice;
		size_t some = SL_MIN(len - at, (size_t)SLICE);
		scan_piece(kernel, plan, data + at, some, marks, &slice);
		sl_block_merge(plan, result, &slice);
		at += some;
	}
}

void
sl_block_scan(const struct sl_match_kernel *kernel, const struct sl_match_plan *plan,
	const unsigned char *data, size_t len, uint64_t *marks, struct sl_block_result *result)
{
	if (plan->next && !marks)
		scan_slices(kernel, plan, data, len, result);
	else
		scan_piece(kernel, plan, data, len, marks, result);
}

/* True if a literal begins in the last bytes of *left and ends in the first of *right. */
static bool
spans_cut(const struct sl_match_plan *plan, const struct sl_block_result *left,
	const struct sl_block_result *right)
{
	unsigned char joint[2 * SL_BLOCK_EDGE];
	memcpy(joint, left->tail, left->tail_len);
	memcpy(joint + left->tail_len, right->head, right->head_len);
	return sl_match_spans(plan, joint, left->tail_len + right->head_len, left->tail_len);
}

bool
sl_block_joint_hit(const struct sl_match_plan *plan, const struct sl_block_result *left,
	const struct sl_block_result *right)
{
	return left->tail_hit || right->head_hit || spans_cut(plan, left, right);
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
	left->hits += right->hits;
	if (left->newlines && right->newlines)
		left->hits += joint;
	else if (!left->newlines)
		left->head_hit = joint;
	left->tail_hit = right->newlines ? right->tail_hit : joint;
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
	if (result->tail_open)
		totals.lines++;
	if (result->newlines && result->head_hit)
		totals.hits++;
	if (result->tail_open && result->tail_hit)
		totals.hits++;
	return totals;
}
