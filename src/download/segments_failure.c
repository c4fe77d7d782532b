/*
 * segments_failure.c - what the failure of a segment means for its source and for the transfer.
 */
#include "segments_int.h"

#include "sluice/base/log.h"
#include "sluice/download/retry.h"

#include <errno.h>

#define ADD_DOUBLINGS 4 /* of SEGMENTS_ADD_NS */

/* With several sources: failures in a row, without progress, after which one is dropped. */
#define SOURCE_FAILURES 2u
#define BAD_HEADS 2u /* the same of responses that are not the range which was requested */

/* The head is malformed, or of another range than was requested: once, that may be an accident. */
static bool
is_bad_head(const struct sl_error *err)
{
	return err->code == SL_E_PROTO && err->phase == SL_PHASE_HEAD;
}

/* The range that was requested is not what came, or all of the file came. */
static bool
is_refusal_of_ranges(const struct sl_source *source, const struct sl_error *err)
{
	return err->code == SL_E_UNSUPPORTED ||
	       (is_bad_head(err) && source->bad_heads >= BAD_HEADS) ||
	       (err->code == SL_E_STATUS && err->http_status == 416);
}

/* All that is known to work is the request for all of the file: what guards the server may refuse
 * ranges with any status. Only once no connection is left, since it may refuse only one more. */
static bool
is_refused_each(const struct sl_segments *segments, const struct sl_error *err)
{
	return segments->running == 0 && segments->is_whole_sent &&
	       segments->counts.requests == 0 && err->code == SL_E_STATUS &&
	       sl_retry_classify(err) == SL_RETRY_PERMANENT;
}

static bool
is_expired(const struct sl_error *err)
{
	return err->code == SL_E_STATUS &&
	       (err->http_status == 401 || err->http_status == 410 ||
		       (err->http_status == 403 && err->retry_after_s == 0));
}

/* When a further connection may be tried after so many failures in a row, the last of which this
 * is: not before the server wants it. */
static uint64_t
next_try_ns(const struct sl_error *err, unsigned failures)
{
	uint64_t pause_ns = SEGMENTS_ADD_NS << SL_MIN(failures, (unsigned)ADD_DOUBLINGS);
	return sl_deadline_in(SL_MAX(pause_ns, err->retry_after_s * SL_NS_PER_S));
}

static void
count_failure(struct sl_segments *segments, const struct sl_error *err)
{
	uint64_t done = segments->ranges->done_bytes;
	segments->failures = done > segments->progress ? 0 : segments->failures + 1;
	segments->progress = done;
	segments->allowed = SL_MAX(segments->running, 1u);
	segments->add_after_ns =
		SL_MAX(segments->add_after_ns, next_try_ns(err, segments->failures));
}

static void
drop_source(struct sl_segments *segments, struct sl_source *source, const struct sl_error *err)
{
	source->state = SL_SOURCE_DROPPED;
	for (unsigned i = 0; i < segments->most; i++)
		if (segments->slots[i].is_running && segments->slots[i].source == source)
			slot_drop(&segments->slots[i]);
	segments->dropped(segments->ctx, source, err);
}

/* It has failed. True if it is of no use any more: it has another version, or does not send
 * ranges, or has failed too often. While other connections to it work, it may only have refused one
 * more: that is tried again later. */
static bool
note_failure_of(struct sl_source *source, const struct sl_error *err)
{
	bool is_permanent = sl_retry_classify(err) == SL_RETRY_PERMANENT && !is_bad_head(err);
	if (source->delivered > source->failed_at)
		source->failures = source->bad_heads = 0;
	source->failed_at = source->delivered;
	source->failures++;
	source->bad_heads += is_bad_head(err);
	source->not_before_ns =
		SL_MAX(source->not_before_ns, next_try_ns(err, source->failures - 1));
	if (err->code == SL_E_CHANGED || is_refusal_of_ranges(source, err))
		return true;
	return source->running == 0 && (is_permanent || source->failures >= SOURCE_FAILURES);
}

/* A source has failed, and no other is left. 0, or what ends the transfer. */
static int
outcome_of_last(
	struct sl_segments *segments, const struct sl_source *source, const struct sl_error *err)
{
	if (err->code == SL_E_CHANGED)
		return err->code;
	/* Once they are refused, other connections that fail are no reason for anything else. */
	if (segments->are_refused || is_refusal_of_ranges(source, err) ||
		is_refused_each(segments, err)) {
		segments->are_refused = true;
		segments->code = SL_E_UNSUPPORTED;
	}
	sl_log_info("%s; connections that go on: %u", err->text, segments->running);
	count_failure(segments, err);
	bool is_retried =
		segments_is_comparing(segments) || (is_bad_head(err) && !segments->are_refused);
	return segments->running == 0 && !is_retried ? segments->code : 0;
}

int
segments_outcome(struct sl_segments *segments, const struct sl_segments_slot *slot)
{
	struct sl_source *source = slot->source;
	int code = slot->code;
	if (code == 0 || slot->is_dropped)
		return 0;
	if (code == -EAGAIN && !slot->error.code) /* to be asked in another way */
		return 0;
	segments->code = code;
	segments->failed = source;
	*segments->last_error = slot->error;
	if (!sl_phase_is_network(slot->error.phase))
		return code;
	/* The URL that a redirect led to is refused, as signed ones are after a while: requests go
	 * to the source itself again. */
	if (is_expired(&slot->error) && slot->is_led) {
		source->has_url = false;
		return 0;
	}
	bool is_useless = note_failure_of(source, &slot->error);
	if (!segments_has_other(segments, source))
		return outcome_of_last(segments, source, &slot->error);
	sl_log_info("%s; other sources go on", slot->error.text);
	if (is_useless)
		drop_source(segments, source, &slot->error);
	return 0;
}

void
sl_segments_refuse(
	struct sl_segments *segments, struct sl_source *source, const struct sl_error *err)
{
	if (segments_has_other(segments, source)) {
		drop_source(segments, source, err);
		return;
	}
	source->state = SL_SOURCE_JOINED;
	segments->are_refused = true;
	segments->code = SL_E_UNSUPPORTED;
	segments->failed = source;
	*segments->last_error = *err;
}
