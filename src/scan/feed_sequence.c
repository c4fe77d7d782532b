/*
 * feed_sequence.c - the bytes of an input that come in order: each run is scanned on a worker, and
 * goes through the sequence of the input, whose lines are given (sequence.h).
 */
#include "feed_int.h"

#include "sluice/rt/offload.h"
#include "sluice/scan/steps.h"

#include <errno.h>
#include <stdlib.h>

bool
feed_init_sequence(struct sl_feed *feed)
{
	const struct sl_feeds_setup *setup = &feed->feeds->setup;
	struct sl_sequence_rule rule = { .pattern = setup->pattern,
		.matcher = feed->feeds->spec.matcher,
		.period = setup->period,
		.wants_lines = setup->wants_lines,
		.records = setup->records,
		.held_bytes = (size_t)SL_MIN(setup->text_max / 2, (uint64_t)SIZE_MAX) };
	feed->sequence = malloc(sizeof(*feed->sequence));
	if (feed->sequence)
		sl_sequence_init(feed->sequence, &rule);
	return feed->sequence != NULL;
}

uint64_t
feed_hits(const struct sl_feed *feed)
{
	return feed->sequence ? feed->sequence->hits : feed->partials.hits;
}

uint64_t
feed_text(const struct sl_feed *feed)
{
	return feed->sequence ? sl_sequence_text(feed->sequence) : feed->partials.text;
}

/* ---- steps on a worker ---- */

struct sequence_call {
	struct sl_sequence *sequence;
	struct sl_sequence_run run;
	struct sl_block_steps steps;
	bool is_begun;
};

/* Returns 1 if there is more. */
static int
scan_in_order(void *arg)
{
	struct sequence_call *call = arg;
	struct sl_partial_run *piece = &call->run.piece;
	if (!call->is_begun)
		sl_wide_search(&call->run.wide, piece->data, piece->len);
	call->is_begun = true;
	if (sl_block_step(&call->steps, SL_STEPS_NS))
		return 1;
	piece->unknown_end = call->steps.unknown_end;
	return 0;
}

static int
sequence_head(void *arg)
{
	struct sequence_call *call = arg;
	return sl_sequence_head(call->sequence, &call->run);
}

static int
sequence_tail(void *arg)
{
	struct sequence_call *call = arg;
	return sl_sequence_tail(call->sequence, &call->run);
}

static int
sequence_end(void *arg)
{
	struct sequence_call *call = arg;
	return sl_sequence_end(call->sequence);
}

/* ---- adding ---- */

SL_SUSPENDS
static int
give_sequence(const struct sl_feed *feed)
{
	struct sl_partial_line line;
	int code;
	while ((code = sl_sequence_next(feed->sequence, &line)) == 1) {
		code = feed_give_line(feed, &line);
		if (code)
			break;
	}
	return code;
}

/* What follows the scan of a run; `merging` is held. */
SL_SUSPENDS
static int
add_to_sequence(struct sl_feed *feed, struct sequence_call *call)
{
	struct sl_sequence *sequence = feed->sequence;
	bool is_costly = sl_sequence_head_is_costly(sequence, &call->run);
	int code = is_costly ? sl_offload(sequence_head, call) : sequence_head(call);
	if (code == 0)
		code = give_sequence(feed);
	if (code || sequence->wide.is_found) /* the counts are of no use */
		return code;
	sl_sequence_begin(sequence, &call->run);
	code = give_sequence(feed);
	if (code)
		return code;
	is_costly = sl_sequence_tail_is_costly(sequence, &call->run);
	return is_costly ? sl_offload(sequence_tail, call) : sequence_tail(call);
}

SL_SUSPENDS
static int
merge_in_order(struct sl_feed *feed, struct sequence_call *call)
{
	struct sl_feeds *feeds = feed->feeds;
	int code = sl_semaphore_take(&feeds->merging, SL_FOREVER);
	if (code)
		return code;
	uint64_t hits = feed_hits(feed), text = feed_text(feed);
	code = add_to_sequence(feed, call);
	feeds->hits += feed_hits(feed) - hits;
	feeds->text += feed_text(feed) - text;
	if (code == 0 && feeds->text > feeds->setup.text_max)
		code = SL_E_LIMIT;
	sl_semaphore_give(&feeds->merging);
	return code;
}

int
feed_add_in_order(struct sl_feed *feed, const struct feed_slot *slot, uint64_t off,
	const unsigned char *data, size_t len)
{
	const struct sl_feeds *feeds = feed->feeds;
	struct sequence_call call = { .sequence = feed->sequence,
		.run = { .piece = { .data = data, .len = len },
			.marks = slot->marks,
			.within = slot->within } };
	sl_assert(off == sl_join_bytes(&feed->sequence->join));
	call.steps = feed_steps(feeds, slot, data, len);
	call.steps.result = &call.run.piece.block;
	int code = feed_is_quick(feeds, len) ? scan_in_order(&call)
					     : sl_steps_offload(scan_in_order, &call);
	return code ? code : merge_in_order(feed, &call);
}

int
feed_end_sequence(struct sl_feed *feed, uint64_t len, struct sl_feed_result *result)
{
	struct sequence_call call = { .sequence = feed->sequence };
	bool is_costly = sl_sequence_head_is_costly(feed->sequence, NULL);
	uint64_t hits = feed_hits(feed), text = feed_text(feed);
	int code = is_costly ? sl_offload(sequence_end, &call) : sequence_end(&call);
	if (code == 0)
		code = give_sequence(feed);
	feed->feeds->hits += feed_hits(feed) - hits;
	feed->feeds->text += feed_text(feed) - text;
	const struct sl_block_result *all = &feed->sequence->join.total.result;
	*result = (struct sl_feed_result){ .state = SL_SCAN_OK,
		.totals = sl_sequence_totals(feed->sequence),
		.newlines = all->newlines,
		.left_out = sl_sequence_left_out(feed->sequence) };
	if (all->len != len)
		result->state = SL_SCAN_TRUNCATED;
	else if (result->totals.undecided)
		result->state = SL_SCAN_UNDECIDED;
	return code;
}
