/*
 * feed.c - ranges of an input that come in any order.
 *
 *     each range, in runs of at most RUN_LEN:
 *         it is scanned on a worker, and becomes a partial        (scan_run)
 *         its own lines that match are given                      (give_lines)
 *         one task at a time: it is inserted among the others and
 *         merged with its neighbours; lines at the cuts are given (merge)
 *
 * Each task that adds has a slot, with a matcher; merging has another one.
 */
#include "sluice/scan/feed.h"

#include "sluice/base/clock.h"
#include "sluice/rt/semaphore.h"
#include "sluice/scan/lines.h"
#include "sluice/scan/partials.h"
#include "sluice/scan/steps.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes that are scanned at a time: their marks take an eighth, and a line in them is not cut. */
#define RUN_LEN SL_PARTIAL_KEEP

struct feed_slot {
	struct sl_partial_spec spec; /* with a matcher of its own */
	uint64_t *marks;             /* of RUN_LEN bytes, or NULL */
	struct feed_slot *next;
};

struct sl_feed {
	struct sl_feed_setup setup;
	struct sl_partials partials;
	struct sl_semaphore merging; /* to use partials */
	struct feed_slot *free_slots;
	unsigned adding; /* tasks */
	int code;        /* the first failure */
};

static void
free_slot(struct feed_slot *slot)
{
	if (!slot)
		return;
	sl_matcher_free(slot->spec.matcher);
	free(slot->marks);
	free(slot);
}

/* NULL if out of memory. */
static struct feed_slot *
take_slot(struct sl_feed *feed)
{
	struct feed_slot *slot = feed->free_slots;
	if (slot) {
		feed->free_slots = slot->next;
		return slot;
	}
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->spec = feed->partials.spec;
	bool is_whole = sl_matcher_new(&slot->spec.matcher, feed->setup.pattern) == 0;
	if (is_whole && feed->setup.line) {
		slot->marks = calloc(SL_MATCH_MARK_WORDS(RUN_LEN), sizeof(*slot->marks));
		is_whole = slot->marks != NULL;
	}
	if (is_whole)
		return slot;
	free_slot(slot);
	return NULL;
}

int
sl_feed_new(struct sl_feed **out, const struct sl_feed_setup *setup)
{
	struct sl_feed *feed = calloc(1, sizeof(*feed));
	struct sl_matcher *matcher = NULL;
	*out = NULL;
	if (!feed || sl_matcher_new(&matcher, setup->pattern) != 0) {
		free(feed);
		return -ENOMEM;
	}
	feed->setup = *setup;
	feed->partials.spec = sl_partial_spec_of(setup->pattern, matcher, setup->line != NULL);
	sl_semaphore_init(&feed->merging, "merging", 1);
	*out = feed;
	return 0;
}

void
sl_feed_free(struct sl_feed *feed)
{
	if (!feed)
		return;
	sl_assert(feed->adding == 0);
	for (struct feed_slot *slot; (slot = feed->free_slots) != NULL;) {
		feed->free_slots = slot->next;
		free_slot(slot);
	}
	sl_partials_release(&feed->partials);
	sl_matcher_free(feed->partials.spec.matcher);
	free(feed);
}

SL_SUSPENDS
static int
give_line(const struct sl_feed *feed, const struct sl_partial_line *line)
{
	int code = feed->setup.line ? feed->setup.line(feed->setup.ctx, line) : 0;
	return SL_MIN(code, 0);
}

static void
note_code(struct sl_feed *feed, int code)
{
	if (!feed->code)
		feed->code = code;
}

/* ---- one run ---- */

struct run {
	const struct feed_slot *slot;
	struct sl_partial_run piece;
	struct sl_partial *partial;
	struct sl_block_steps steps;
	struct sl_partial_line line; /* the input's first, if has_line */
	bool has_line;
};

/* Returns 1 if there is more. */
static int
scan_run(void *arg)
{
	struct run *run = arg;
	if (sl_block_step(&run->steps, SL_STEPS_NS))
		return 1;
	int code = sl_partial_set(&run->slot->spec, run->partial, &run->piece, &run->line);
	run->has_line = code == 1;
	return SL_MIN(code, 0);
}

/* The lines that begin and end in the run. */
SL_SUSPENDS
static int
give_lines(const struct sl_feed *feed, const struct run *run, uint64_t off)
{
	struct sl_lines lines;
	struct sl_line line;
	int code = 0;
	sl_lines_init(&lines, NULL, run->piece.data, run->piece.len, run->slot->marks);
	while (code == 0 && sl_lines_next(&lines, &line)) {
		struct sl_partial_line found = { .text = line.text,
			.len = line.len,
			.whole_len = line.len,
			.off = off + (uint64_t)(line.text - run->piece.data),
			.is_closed = true };
		code = give_line(feed, &found);
	}
	return code;
}

/* ---- merging ---- */

struct merge_call {
	struct sl_partials *partials;
	uint64_t len; /* of the input, to finish */
	struct sl_partial_line line;
};

static int
merge_neighbours(void *arg)
{
	struct merge_call *call = arg;
	return sl_partials_merge(call->partials, &call->line);
}

static int
finish(void *arg)
{
	struct merge_call *call = arg;
	return (int)sl_partials_finish(call->partials, call->len, &call->line);
}

/* Takes the partial. */
SL_SUSPENDS
static int
merge(struct sl_feed *feed, struct sl_partial *partial)
{
	struct merge_call call = { .partials = &feed->partials };
	int code = sl_semaphore_take(&feed->merging, SL_FOREVER);
	if (code || feed->code) {
		sl_partials_free_partial(partial);
		if (code == 0)
			sl_semaphore_give(&feed->merging);
		return code ? code : feed->code;
	}
	code = sl_partials_insert(&feed->partials, partial);
	while (code == 0 && sl_partials_has_neighbours(&feed->partials)) {
		code = sl_partials_is_costly(&feed->partials) ? sl_offload(merge_neighbours, &call)
							      : merge_neighbours(&call);
		if (code == 1)
			code = give_line(feed, &call.line);
	}
	note_code(feed, code); /* before the next task merges: neighbours may be left */
	sl_semaphore_give(&feed->merging);
	return code;
}

/* ---- adding ---- */

SL_SUSPENDS
static int
add_run(struct sl_feed *feed, const struct feed_slot *slot, uint64_t off, const unsigned char *data,
	size_t len)
{
	struct run run = { .slot = slot, .piece = { .data = data, .len = len } };
	run.partial = sl_partials_new_partial(off);
	if (!run.partial)
		return -ENOMEM;
	if (slot->marks)
		memset(slot->marks, 0, SL_MATCH_MARK_WORDS(len) * sizeof(*slot->marks));
	run.steps = (struct sl_block_steps){ .kernel = sl_pattern_kernel(feed->setup.pattern),
		.plan = slot->spec.text.plan,
		.matcher = slot->spec.matcher,
		.data = data,
		.len = len,
		.marks = slot->marks,
		.inverts = slot->spec.inverts,
		.clock_ns = sl_clock_monotonic_ns,
		.result = &run.piece.block };
	int code = sl_steps_offload(scan_run, &run);
	if (code == 0 && run.has_line)
		code = give_line(feed, &run.line);
	if (code == 0 && slot->marks)
		code = give_lines(feed, &run, off);
	if (code == 0)
		return merge(feed, run.partial);
	sl_partials_free_partial(run.partial);
	return code;
}

int
sl_feed_add(struct sl_feed *feed, uint64_t off, const unsigned char *data, size_t len)
{
	if (feed->code)
		return feed->code;
	struct feed_slot *slot = take_slot(feed);
	int code = slot ? 0 : -ENOMEM;
	feed->adding++;
	for (size_t at = 0, some; code == 0 && at < len; at += some) {
		some = SL_MIN(len - at, (size_t)RUN_LEN);
		code = add_run(feed, slot, off + at, data + at, some);
	}
	feed->adding--;
	if (slot) {
		slot->next = feed->free_slots;
		feed->free_slots = slot;
	}
	note_code(feed, code);
	return code;
}

int
sl_feed_end(struct sl_feed *feed, uint64_t len, struct sl_feed_result *result)
{
	struct merge_call call = { .partials = &feed->partials, .len = len };
	sl_assert(feed->adding == 0);
	if (feed->code)
		return feed->code;
	int ended = sl_offload(finish, &call);
	if (ended == SL_PARTIALS_LINE)
		feed->code = give_line(feed, &call.line);
	else if (ended < 0)
		feed->code = ended;
	if (feed->code)
		return feed->code;
	const struct sl_block_result *prefix = sl_partials_prefix(&feed->partials);
	*result = (struct sl_feed_result){ .state = SL_SCAN_OK };
	if (prefix)
		result->totals = sl_partial_totals(&feed->partials.spec, prefix);
	if (ended == SL_PARTIALS_INCOMPLETE)
		result->state = SL_SCAN_TRUNCATED;
	else if (result->totals.undecided)
		result->state = SL_SCAN_UNDECIDED;
	return 0;
}
