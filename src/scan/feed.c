/*
 * feed.c - ranges of an input that come in any order.
 *
 *     each range, in runs of at most RUN_LEN:
 *         it is scanned on a worker, and becomes a partial        (scan_run)
 *         its own lines that match are given                      (give_lines)
 *         one task at a time: it is inserted among the others and
 *         merged with its neighbours; lines at the cuts are given (merge)
 *
 * In order, each run that was scanned goes through the sequence of its input  (add_in_order).
 *
 * A run takes a slot, with a matcher; merging has another one. Both are shared by all inputs.
 */
#include "feed_int.h"

#include "sluice/match/lines.h"
#include "sluice/scan/steps.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes that are scanned at a time: their marks take an eighth, and a line in them is not cut. */
#define RUN_LEN SL_PARTIAL_KEEP

/* ---- what inputs share ---- */

static void
free_slot(struct feed_slot *slot)
{
	if (!slot)
		return;
	sl_matcher_free(slot->matcher);
	free(slot->marks);
	free(slot);
}

static struct feed_slot *
new_slot(const struct sl_feeds *feeds)
{
	struct feed_slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	bool is_whole = sl_steps_matcher_new(&slot->matcher, feeds->setup.pattern) == 0;
	const size_t words = SL_MATCH_MARK_WORDS(RUN_LEN);
	bool has_period = feeds->setup.period != NULL;
	bool has_lines = feeds->setup.wants_lines || feeds->setup.records || feeds->setup.in_order;
	if (is_whole && (has_lines || has_period)) {
		slot->marks = calloc(words * (has_period ? 2 : 1), sizeof(*slot->marks));
		is_whole = slot->marks != NULL;
	}
	if (is_whole && has_period)
		slot->within = slot->marks + words;
	if (is_whole)
		return slot;
	free_slot(slot);
	return NULL;
}

/* Waits until one is free. Returns 0, -ENOMEM or the cancellation. */
SL_SUSPENDS
static int
take_slot(struct sl_feeds *feeds, struct feed_slot **out)
{
	int code = sl_semaphore_take(&feeds->runs, SL_FOREVER);
	*out = NULL;
	if (code)
		return code;
	*out = feeds->free_slots;
	if (*out)
		feeds->free_slots = (*out)->next;
	else
		*out = new_slot(feeds);
	if (*out)
		return 0;
	sl_semaphore_give(&feeds->runs);
	return -ENOMEM;
}

static void
give_slot(struct sl_feeds *feeds, struct feed_slot *slot)
{
	slot->next = feeds->free_slots;
	feeds->free_slots = slot;
	sl_semaphore_give(&feeds->runs);
}

int
sl_feeds_new(struct sl_feeds **out, const struct sl_feeds_setup *setup)
{
	struct sl_feeds *feeds = *out = calloc(1, sizeof(*feeds));
	struct sl_matcher *matcher = NULL;
	sl_assert(setup->runs > 0);
	if (!feeds)
		return -ENOMEM;
	feeds->setup = *setup;
	int code = sl_steps_matcher_new(&matcher, setup->pattern);
	feeds->spec = sl_partial_spec_of(setup->pattern, matcher, setup->wants_lines);
	if (setup->records)
		sl_partial_spec_give_all(&feeds->spec);
	sl_assert(setup->in_order || !setup->records || (!setup->period && !setup->wants_lines));
	sl_assert(setup->in_order || !setup->period || !setup->wants_lines);
	sl_partial_spec_set_period(&feeds->spec, setup->period);
	if (code == 0)
		code = sl_steps_matcher_new(&feeds->locator, setup->pattern);
	sl_semaphore_init(&feeds->runs, "scanning", setup->runs);
	sl_semaphore_init(&feeds->merging, "merging", 1);
	if (code == 0)
		return 0;
	sl_feeds_free(feeds);
	*out = NULL;
	return -ENOMEM;
}

void
sl_feeds_free(struct sl_feeds *feeds)
{
	if (!feeds)
		return;
	sl_assert(feeds->count == 0);
	for (struct feed_slot *slot; (slot = feeds->free_slots) != NULL;) {
		feeds->free_slots = slot->next;
		free_slot(slot);
	}
	sl_matcher_free(feeds->locator);
	sl_matcher_free(feeds->spec.matcher);
	free(feeds);
}

uint64_t
sl_feeds_hits(const struct sl_feeds *feeds)
{
	return feeds->hits;
}

struct sl_matcher *
sl_feeds_matcher(struct sl_feeds *feeds)
{
	return feeds->locator;
}

/* ---- an input ---- */

int
sl_feed_new(struct sl_feed **out, struct sl_feeds *feeds, const struct sl_feed_setup *setup)
{
	struct sl_feed *feed = *out = calloc(1, sizeof(*feed));
	if (!feed)
		return -ENOMEM;
	feed->feeds = feeds;
	feed->setup = *setup;
	feed->partials.spec = feeds->spec;
	feed->partials.counts_records = feeds->setup.records;
	if (feeds->setup.in_order && !feed_init_sequence(feed)) {
		free(feed);
		*out = NULL;
		return -ENOMEM;
	}
	feeds->count++;
	return 0;
}

void
sl_feed_free(struct sl_feed *feed)
{
	if (!feed)
		return;
	sl_assert(feed->adding == 0);
	struct sl_feeds *feeds = feed->feeds;
	feeds->hits -= feed_hits(feed);
	feeds->text -= feed_text(feed);
	feeds->count--;
	sl_partials_release(&feed->partials);
	if (feed->sequence)
		sl_sequence_release(feed->sequence);
	free(feed->sequence);
	sl_given_release(&feed->late);
	free(feed);
}

enum sl_form
sl_feed_form(const struct sl_feed *feed)
{
	bool has_wide = feed->sequence ? feed->sequence->wide.is_found : feed->partials.has_wide;
	return has_wide ? SL_FORM_UTF16 : SL_FORM_PLAIN;
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
	struct sl_partial_spec spec;
	struct sl_partial_run piece;
	struct sl_partial *partial;
	bool is_begun;
	struct sl_block_steps steps;
	struct sl_partial_line line; /* the input's first, if has_line */
	bool has_line;
	bool counts_records;
};

/* The first line of the input, if it is complete; and those that begin and end in the run. */
static void
count_records(const struct run *run)
{
	struct sl_record_counts *counts = &run->partial->records;
	const struct sl_partial_line *line = &run->line;
	if (run->has_line)
		sl_record_counts_add(counts, sl_span((const char *)line->text, line->len),
			line->whole_len, !line->is_context);
	sl_record_counts_add_run(counts, run->piece.data, run->piece.len, run->slot->marks);
}

/* Returns 1 if there is more. */
static int
scan_run(void *arg)
{
	struct run *run = arg;
	if (!run->is_begun)
		sl_wide_search(&run->partial->wide, run->piece.data, run->piece.len);
	run->is_begun = true;
	if (sl_block_step(&run->steps, SL_STEPS_NS))
		return 1;
	int code = sl_partial_set(&run->spec, run->partial, &run->piece, &run->line);
	run->has_line = code == 1;
	if (code >= 0 && run->counts_records)
		count_records(run);
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
		code = feed_give_line(feed, &found);
	}
	return code;
}

/* ---- what was given ---- */

/* Of a partial whose lines were given: all but those that are open at its ends. */
static int
add_given(struct sl_given *given, const struct sl_partial *partial)
{
	uint64_t begin = partial->off, end = sl_partial_end_off(partial) - partial->open.len;
	if (partial->result.newlines == 0)
		return 0;
	if (begin > 0)
		begin += partial->head.len + 1;
	return sl_given_add(given, begin, end);
}

int
sl_feed_given(const struct sl_feed *feed, struct sl_given *given)
{
	int code = feed->late_code;
	sl_assert(feed->adding == 0 && feed->code == SL_E_LIMIT);
	if (feed->sequence)
		return sl_given_add(given, 0, feed->sequence->given_end);
	for (size_t i = 0; i < feed->partials.count && !code; i++)
		code = add_given(given, feed->partials.sorted[i]);
	for (size_t i = 0; i < feed->late.count && !code; i++)
		code = sl_given_add(given, feed->late.spans[i].begin, feed->late.spans[i].end);
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

/* Of the feed, to be added to the sums before and after it changes. */
static void
count(const struct sl_feed *feed, const struct sl_partials *before)
{
	feed->feeds->hits += feed->partials.hits - before->hits;
	feed->feeds->text += feed->partials.text - before->text;
}

/* Takes the partial. */
SL_SUSPENDS
static int
merge(struct sl_feed *feed, struct sl_partial *partial)
{
	struct sl_feeds *feeds = feed->feeds;
	struct merge_call call = { .partials = &feed->partials };
	int code = sl_semaphore_take(&feeds->merging, SL_FOREVER);
	if (code || feed->code) {
		if (feed->code && !feed->late_code)
			feed->late_code = add_given(&feed->late, partial);
		sl_partials_free_partial(partial);
		if (code == 0)
			sl_semaphore_give(&feeds->merging);
		return code ? code : feed->code;
	}
	struct sl_partials before = feed->partials;
	code = sl_partials_insert(&feed->partials, partial);
	count(feed, &before);
	while (code == 0 && sl_partials_has_neighbours(&feed->partials)) {
		before = feed->partials;
		code = sl_partials_is_costly(&feed->partials) ? sl_offload(merge_neighbours, &call)
							      : merge_neighbours(&call);
		count(feed, &before);
		if (code == 1)
			code = feed_give_line(feed, &call.line);
	}
	if (code == 0 && feeds->text > feeds->setup.text_max)
		code = SL_E_LIMIT;
	note_code(feed, code); /* before the next task merges: neighbours may be left */
	sl_semaphore_give(&feeds->merging);
	return code;
}

/* ---- adding ---- */

SL_SUSPENDS
static int
add_run(struct sl_feed *feed, const struct feed_slot *slot, uint64_t off, const unsigned char *data,
	size_t len)
{
	const struct sl_feeds *feeds = feed->feeds;
	struct run run = { .slot = slot,
		.spec = feeds->spec,
		.piece = { .data = data, .len = len },
		.counts_records = feeds->setup.records };
	run.spec.matcher = slot->matcher;
	run.partial = sl_partials_new_partial(off);
	if (!run.partial)
		return -ENOMEM;
	run.steps = feed_steps(feeds, slot, data, len);
	run.steps.result = &run.piece.block;
	int code = feed_is_quick(feeds, len) ? scan_run(&run) : sl_steps_offload(scan_run, &run);
	if (code == 0 && run.has_line)
		code = feed_give_line(feed, &run.line);
	if (code == 0 && feeds->setup.wants_lines)
		code = give_lines(feed, &run, off);
	if (code == 0)
		return merge(feed, run.partial);
	feed->late_code = code; /* some of its lines may have been given */
	sl_partials_free_partial(run.partial);
	return code;
}

int
sl_feed_add(struct sl_feed *feed, uint64_t off, const unsigned char *data, size_t len)
{
	struct feed_slot *slot = NULL;
	int code = feed->code;
	feed->adding++;
	for (size_t at = 0, some; code == 0 && at < len; at += some) {
		some = SL_MIN(len - at, (size_t)RUN_LEN);
		code = take_slot(feed->feeds, &slot);
		if (code)
			break;
		code = feed->sequence ? feed_add_in_order(feed, slot, off + at, data + at, some)
				      : add_run(feed, slot, off + at, data + at, some);
		give_slot(feed->feeds, slot);
	}
	feed->adding--;
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
	struct sl_semaphore *merging = &feed->feeds->merging;
	feed->code = sl_semaphore_take(merging, SL_FOREVER);
	if (feed->code)
		return feed->code;
	if (feed->sequence) {
		feed->code = feed_end_sequence(feed, len, result);
		sl_semaphore_give(merging);
		return feed->code;
	}
	int ended = sl_partials_ends_quickly(&feed->partials) ? finish(&call)
							      : sl_offload(finish, &call);
	if (ended == SL_PARTIALS_LINE)
		feed->code = feed_give_line(feed, &call.line);
	else if (ended < 0)
		feed->code = ended;
	sl_semaphore_give(merging);
	if (feed->code)
		return feed->code;
	const struct sl_block_result *prefix = sl_partials_prefix(&feed->partials);
	*result = (struct sl_feed_result){ .state = SL_SCAN_OK };
	if (prefix) {
		result->totals = sl_partial_totals(&feed->partials.spec, prefix);
		result->newlines = prefix->newlines;
	}
	if (prefix && feed->feeds->setup.records)
		result->totals.hits = sl_partials_records(&feed->partials);
	if (ended == SL_PARTIALS_INCOMPLETE)
		result->state = SL_SCAN_TRUNCATED;
	else if (result->totals.undecided)
		result->state = SL_SCAN_UNDECIDED;
	return 0;
}
