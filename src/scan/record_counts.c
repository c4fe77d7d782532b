/*
 * record_counts.c - two parts become one as their lines do. The record that is open at the end of
 * the left one goes on in the right one until a record begins there:
 *
 *     left   head | record ... | tail         hits of the records between both bars
 *     right                      head | record ... | tail
 *
 * A line is a part as well.
 */
#include "sluice/scan/record_counts.h"

#include "sluice/match/lines.h"
#include "sluice/match/pattern.h"

void
sl_record_counts_init(struct sl_record_counts *counts)
{
	*counts = (struct sl_record_counts){ 0 };
	for (unsigned i = 0; i < SL_RECORD_STATES; i++)
		counts->after[i].state = (enum sl_record_state)i;
}

static void
append(struct sl_record_count *left, const struct sl_record_count *right)
{
	bool *open = left->begins ? &left->tail_hit : &left->head_hit;
	*open |= right->head_hit;
	left->hits += right->hits;
	left->state = right->state;
	if (!right->begins)
		return;
	left->hits += left->begins && left->tail_hit;
	left->begins = true;
	left->tail_hit = right->tail_hit;
}

/* What the lines are after those that left `state`. */
static struct sl_record_count
count_after(const struct sl_record_counts *counts, enum sl_record_state state)
{
	struct sl_record_count count = counts->after[state];
	if (counts->is_same)
		append(&count, &counts->common);
	return count;
}

/* From here on all that follows is counted once. */
static void
note_same(struct sl_record_counts *counts)
{
	const struct sl_record_count *first = &counts->after[0];
	counts->common = (struct sl_record_count){ .state = first->state };
	counts->is_same = true;
	for (unsigned i = 1; i < SL_RECORD_STATES; i++)
		counts->is_same = counts->is_same && counts->after[i].state == first->state;
}

void
sl_record_counts_merge(struct sl_record_counts *left, const struct sl_record_counts *right)
{
	if (left->is_same) {
		struct sl_record_count more = count_after(right, left->common.state);
		append(&left->common, &more);
		return;
	}
	for (unsigned i = 0; i < SL_RECORD_STATES; i++) {
		struct sl_record_count more = count_after(right, left->after[i].state);
		append(&left->after[i], &more);
	}
	note_same(left);
}

static struct sl_record_count
count_line(enum sl_record_state state, enum sl_record_look look, bool matches)
{
	struct sl_record_count count = { .state = state };
	count.begins = sl_record_step(&count.state, look);
	count.head_hit = !count.begins && matches;
	count.tail_hit = count.begins && matches;
	return count;
}

static void
add_look(struct sl_record_counts *counts, enum sl_record_look look, bool matches)
{
	struct sl_record_count line;
	if (counts->is_same) {
		line = count_line(counts->common.state, look, matches);
		append(&counts->common, &line);
		return;
	}
	for (unsigned i = 0; i < SL_RECORD_STATES; i++) {
		line = count_line(counts->after[i].state, look, matches);
		append(&counts->after[i], &line);
	}
	note_same(counts);
}

/* What is kept of a longer line may not be its beginning. */
static enum sl_record_look
look_at(struct sl_span text, uint64_t len)
{
	return len > SL_PATTERN_LINE_MAX ? SL_RECORD_OTHER : sl_record_look(text);
}

void
sl_record_counts_add(
	struct sl_record_counts *counts, struct sl_span text, uint64_t len, bool matches)
{
	add_look(counts, look_at(text, len), matches);
}

void
sl_record_counts_add_run(struct sl_record_counts *counts, const unsigned char *data, size_t len,
	const uint64_t *marks)
{
	const unsigned char *newline = len ? memchr(data, '\n', len) : NULL;
	if (!newline)
		return;
	const unsigned char *end = data + sl_lines_begin(data, 0, len);
	for (const unsigned char *at = newline + 1; at < end; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		size_t bit = (size_t)(newline - data), line_len = (size_t)(newline - at);
		add_look(counts, look_at(sl_span((const char *)at, line_len), line_len),
			marks[bit / 64] >> (bit % 64) & 1);
	}
}

uint64_t
sl_record_counts_sure(const struct sl_record_counts *counts)
{
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < SL_RECORD_STATES; i++)
		least = SL_MIN(least, counts->after[i].hits);
	return least + counts->common.hits;
}

uint64_t
sl_record_counts_finish(const struct sl_record_counts *counts)
{
	struct sl_record_count all = count_after(counts, SL_RECORD_PLAIN);
	return all.hits + all.head_hit + (all.begins && all.tail_hit);
}
