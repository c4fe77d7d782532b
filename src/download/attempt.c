/*
 * attempt.c - what follows a failed attempt at a file: its next source, another attempt later, or
 * its end.
 *
 *  - A round tries the sources of a file one after the other, each at once, and only then the file
 *    waits (retry.c says how long). A source that failed for good is not tried in later rounds.
 *  - Rounds are counted since the last progress: since an attempt got beyond the bytes of all
 *    attempts before it.
 *  - A source that has other bytes than those at hand is passed over. If no round follows, it is
 *    tried from the start after all others.
 *  - A waiting file holds no job and no open part: it is in the queue, with its name. What can be
 *    resumed of it stays on disk (fetch.c). Its error is the one it ends with if the run ends
 *    first.
 *  - The outcome of every request goes to the circuit breaker of its origin (breaker.c). Files of
 *    an origin that is paused wait in the queue without an attempt.
 */
#include "batch_int.h"

#include "sluice/base/log.h"
#include "sluice/download/names.h"

_Static_assert(SL_ENTRY_SOURCES <= 32, "attempts.dead is a set of as many sources");

/* ---- sources ---- */

static uint64_t
origin_of(const struct sl_url *url)
{
	const char rest[] = { (char)url->scheme, (char)(url->port >> 8), (char)url->port };
	uint64_t hash = sl_names_hash(0, sl_span_str(url->host));
	return sl_names_hash(hash, sl_span(rest, sizeof(rest)));
}

/* 0 if its URL cannot be used. */
static uint64_t
origin_at(const struct file *file, size_t index)
{
	struct sl_sources other;
	struct sl_error err = { 0 };
	sl_sources_init(&other, &file->entry);
	uint64_t origin = sl_sources_use(&other, index, &err) == 0 ? origin_of(&other.url) : 0;
	sl_sources_release(&other);
	return origin;
}

static bool
is_dead(const struct file *file, size_t index)
{
	return file->attempts.dead >> index & 1;
}

static bool
is_passed(const struct file *file, size_t index)
{
	return file->attempts.passed >> index & 1;
}

static void
set_dead(struct file *file, size_t index)
{
	file->attempts.dead |= UINT32_C(1) << index;
}

/* 0; or what sl_sources_use returned: it is dead if its URL cannot be used. */
static int
try_use(struct file *file, size_t index, struct sl_error *err)
{
	bool is_used = file->sources.index == index && file->attempts.origin;
	int code = is_used ? 0 : sl_sources_use(&file->sources, index, err);
	if (code)
		set_dead(file, index);
	else
		file->attempts.origin = origin_of(&file->sources.url);
	return code;
}

/* No other source is tried: what a reader has got is this one's, and so must be the rest. */
static void
keep_source(struct file *file)
{
	file->attempts.dead |= ~(UINT32_C(1) << file->sources.index);
}

/* False if its URL cannot be used. */
static bool
use_source(struct file *file, size_t index)
{
	struct sl_error err = { 0 };
	int code = try_use(file, index, &err);
	if (code)
		sl_log_warn("%s", err.text);
	return code == 0;
}

int
attempt_use_first_source(struct file *file)
{
	size_t index = 0;
	int code = try_use(file, index, &file->error);
	while ((code == SL_E_USAGE || code == SL_E_UNSUPPORTED) &&
		index + 1 < file->entry.source_count) {
		sl_log_warn("%s; trying the next source", file->error.text);
		sl_error_clear(&file->error);
		code = try_use(file, ++index, &file->error);
	}
	return code;
}

enum choice {
	CHOICE_READY,
	CHOICE_PAUSED,    /* by the breaker of its origin */
	CHOICE_EXHAUSTED, /* the origin has used up all retries */
	CHOICE_NONE,
};

static enum choice
examine(const struct sl_batch *batch, uint64_t origin)
{
	if (sl_breaker_next_ns(&batch->breaker, origin, sl_now()) == 0)
		return CHOICE_READY;
	return sl_breaker_exhausted(&batch->breaker, origin) ? CHOICE_EXHAUSTED : CHOICE_PAUSED;
}

struct candidate {
	enum choice choice;
	size_t index; /* of the source, and its origin; unless CHOICE_NONE */
	uint64_t origin;
};

/* The first source, from `first` on, that is ready; else the first paused one, then the first
 * exhausted one. The one in use stays in use: events show its URL. */
static struct candidate
find_source(struct file *file, size_t first)
{
	struct candidate best = { .choice = CHOICE_NONE };
	size_t in_use = file->sources.index;
	for (size_t i = first; i < file->entry.source_count && best.choice != CHOICE_READY; i++) {
		if (is_dead(file, i) || !use_source(file, i))
			continue;
		uint64_t origin = file->attempts.origin;
		enum choice choice = examine(file->batch, origin);
		if (choice < best.choice)
			best = (struct candidate){ choice, i, origin };
	}
	(void)use_source(file, in_use);
	return best;
}

/* Use what find_source finds. */
static enum choice
choose_source(struct file *file, size_t first)
{
	struct candidate found = find_source(file, first);
	if (found.choice != CHOICE_NONE && !use_source(file, found.index))
		return CHOICE_NONE;
	return found.choice;
}

/* ---- the breaker ---- */

/* Origins of one host differ by their ports. `text` is the caller's to release. */
static const char *
show_origin(const struct file *file, struct sl_buf *text)
{
	sl_url_format_authority(text, &file->sources.url);
	return text->data ? text->data : file->sources.url.host;
}

static void
begin_request(struct file *file)
{
	file->attempts.is_probe =
		sl_breaker_begin(&file->batch->breaker, file->attempts.origin, sl_now());
}

void
attempt_succeeded(struct file *file)
{
	struct sl_batch *batch = file->batch;
	file->attempts.is_probe = false;
	if (!sl_breaker_succeed(&batch->breaker, file->attempts.origin))
		return;
	struct sl_buf origin = { 0 };
	sl_log_info("'%s' responds again", show_origin(file, &origin));
	sl_buf_release(&origin);
	queue_wake(batch);
}

void
attempt_abandon_probe(struct file *file)
{
	if (!file->attempts.is_probe)
		return;
	file->attempts.is_probe = false;
	sl_breaker_abandon(&file->batch->breaker, file->attempts.origin);
	queue_wake(file->batch);
}

static void
fail_origin(struct file *file)
{
	struct sl_batch *batch = file->batch;
	struct sl_buf origin = { 0 };
	uint64_t pause_ns = sl_breaker_fail(&batch->breaker, file->attempts.origin,
		file->attempts.is_probe, &file->error, sl_now(), sl_random_next(&batch->random));
	if (pause_ns)
		sl_log_warn("'%s' keeps failing: the next request to it follows in %.1f s",
			show_origin(file, &origin), (double)pause_ns / (double)SL_NS_PER_S);
	sl_buf_release(&origin);
	if (file->attempts.is_probe)
		queue_wake(batch); /* what waited for the probe */
	file->attempts.is_probe = false;
}

/* ---- sources of a transfer ---- */

bool
attempt_may_ask(void *ctx, const struct sl_sources *source)
{
	struct file *file = ctx;
	uint64_t origin = origin_of(&source->url);
	if (is_dead(file, source->index) || examine(file->batch, origin) != CHOICE_READY)
		return false;
	if (sl_breaker_begin(&file->batch->breaker, origin, sl_now()))
		file->attempts.probes |= UINT32_C(1) << source->index;
	return true;
}

/* Whether its request is the probe of its origin, of which the outcome is noted now. */
static bool
end_probe(struct file *file, size_t index)
{
	struct attempts *attempts = &file->attempts;
	uint32_t bit = UINT32_C(1) << index;
	bool is_in_use = index == file->sources.index;
	bool is_probe = is_in_use ? attempts->is_probe : attempts->probes & bit;
	attempts->is_probe = attempts->is_probe && !is_in_use;
	attempts->probes &= ~bit;
	return is_probe;
}

void
attempt_note_source(void *ctx, const struct sl_sources *source, const struct sl_error *err)
{
	struct file *file = ctx;
	struct sl_batch *batch = file->batch;
	uint64_t origin = origin_of(&source->url);
	enum sl_retry_kind kind = err ? sl_retry_classify(err) : SL_RETRY_TRANSIENT;
	bool is_probe = end_probe(file, source->index);
	if (kind == SL_RETRY_ORIGIN || kind == SL_RETRY_LIMITED)
		(void)sl_breaker_fail(&batch->breaker, origin, is_probe, err, sl_now(),
			sl_random_next(&batch->random));
	else
		(void)sl_breaker_succeed(&batch->breaker, origin);
	if (kind == SL_RETRY_PERMANENT && err->code == SL_E_STATUS)
		set_dead(file, source->index);
	if (is_probe)
		queue_wake(batch);
}

void
attempt_abandon_other_probes(struct file *file)
{
	for (size_t i = 0; file->attempts.probes && i < file->entry.source_count; i++) {
		if (!(file->attempts.probes >> i & 1))
			continue;
		uint64_t origin = origin_at(file, i);
		if (origin)
			sl_breaker_abandon(&file->batch->breaker, origin);
		file->attempts.probes &= ~(UINT32_C(1) << i);
		queue_wake(file->batch);
	}
}

/* ---- the failure of the source in use ---- */

static void
note_failure(struct file *file)
{
	struct attempts *attempts = &file->attempts;
	const struct sl_error *err = &file->error;
	enum sl_retry_kind kind = sl_retry_classify(err);
	bool is_passed_over = is_passed(file, file->sources.index);
	/* Noted already: for that source, or when it was compared. */
	if (file->transfer.failed_elsewhere || is_passed_over) {
		attempt_abandon_probe(file);
		kind = SL_RETRY_TRANSIENT;
	} else if (kind == SL_RETRY_ORIGIN || kind == SL_RETRY_LIMITED)
		fail_origin(file);
	else if (err->phase == SL_PHASE_HEAD || err->phase == SL_PHASE_BODY)
		attempt_succeeded(file); /* it has responded */
	else
		attempt_abandon_probe(file);
	if (kind == SL_RETRY_PERMANENT)
		set_dead(file, file->sources.index);
	uint64_t received = sl_transfer_received(&file->transfer);
	/* What came too slowly is no progress: it would always come. */
	if (err->code != SL_E_SLOW)
		attempts->reached = SL_MAX(attempts->reached, received);
	attempts->asked_s = SL_MAX(attempts->asked_s, err->retry_after_s);
}

/* ---- reports ---- */

SL_SUSPENDS
static void
report_retry(struct file *file, uint64_t wait_ns)
{
	struct sl_batch *batch = file->batch;
	const struct sl_batch_events *events = &batch->options.events;
	file->view.retries++;
	file->view.wait_ns = wait_ns;
	batch->summary.retries++;
	if (events->retrying)
		events->retrying(events->ctx, file_view(file));
}

/* ---- the next source ---- */

/* Another source or attempt may do better if this one or the way to it failed; not if the disk did,
 * nor once a reader has got bytes, unless what follows them can be requested. */
static bool
may_try_again(const struct file *file)
{
	if (sl_task_cancelled())
		return false;
	if (sl_transfer_has_streamed(&file->transfer) && !sl_transfer_can_resume(&file->transfer))
		return false;
	return sl_phase_is_network(file->error.phase) || file->error.code == SL_E_CHECKSUM;
}

SL_SUSPENDS
static bool
go_on_with(struct file *file, size_t index)
{
	sl_log_warn("%s; trying the next source", file->error.text);
	report_retry(file, 0);
	if (!use_source(file, index))
		return false;
	sl_error_clear(&file->error);
	begin_request(file);
	return true;
}

bool
attempt_next_source(struct file *file)
{
	if (!may_try_again(file)) {
		attempt_abandon_probe(file);
		return false;
	}
	note_failure(file);
	if (sl_transfer_has_streamed(&file->transfer))
		keep_source(file);
	struct candidate next = find_source(file, file->sources.index + 1);
	return next.choice == CHOICE_READY && go_on_with(file, next.index);
}

/* ---- sources that are passed over ---- */

/* Failed rounds since the last progress, with the one under way. */
static unsigned
failed_rounds(const struct attempts *attempts)
{
	return (attempts->reached > attempts->received ? 0 : attempts->failed) + 1;
}

static bool
is_last_round(const struct file *file)
{
	return failed_rounds(&file->attempts) > file->batch->options.retry.retries;
}

/* In this round or in a later one. */
static bool
is_tried_again(const struct file *file, size_t index)
{
	uint64_t origin = is_dead(file, index) ? 0 : origin_at(file, index);
	if (!origin || examine(file->batch, origin) == CHOICE_EXHAUSTED)
		return false;
	return index > file->sources.index || !is_last_round(file);
}

bool
attempt_pass_over(struct file *file)
{
	const struct sl_transfer *transfer = &file->transfer;
	if (transfer->written.done_bytes == 0 ||
		transfer->source_index >= file->entry.source_count ||
		!is_tried_again(file, transfer->source_index))
		return false;
	file->attempts.passed |= UINT32_C(1) << file->sources.index;
	return true;
}

/* The first of them that is ready; SIZE_MAX = there is none. */
static size_t
find_passed(const struct file *file)
{
	for (size_t i = 0; i < file->entry.source_count; i++) {
		uint64_t origin = is_passed(file, i) && !is_dead(file, i) ? origin_at(file, i) : 0;
		if (origin && examine(file->batch, origin) == CHOICE_READY)
			return i;
	}
	return SIZE_MAX;
}

bool
attempt_return_to_passed(struct file *file)
{
	if (!may_try_again(file) || !is_last_round(file))
		return false;
	size_t found = find_passed(file);
	file->attempts.passed = 0; /* they had been compared with what is discarded now */
	return found != SIZE_MAX && go_on_with(file, found);
}

/* ---- the next round ---- */

/* The failed round, counted. */
static void
count_round(struct file *file)
{
	struct attempts *attempts = &file->attempts;
	attempts->made++;
	attempts->failed = failed_rounds(attempts);
	attempts->received = SL_MAX(attempts->received, attempts->reached);
	attempts->reached = 0;
	attempts->passed = 0;
}

/* When the next round may begin, at *first; 0 = there is none. */
static uint64_t
next_round_ns(struct file *file, struct candidate *first)
{
	struct sl_batch *batch = file->batch;
	struct attempts *attempts = &file->attempts;
	const struct sl_retry_policy *policy = &batch->options.retry;
	if (attempts->failed > policy->retries)
		return 0;
	*first = find_source(file, 0);
	if (first->choice == CHOICE_NONE || first->choice == CHOICE_EXHAUSTED)
		return 0;
	uint64_t wait_ns = sl_retry_wait_ns(
		policy, attempts->failed, attempts->asked_s, sl_random_next(&batch->random));
	uint64_t at_ns = sl_deadline_in(wait_ns);
	if (first->choice == CHOICE_PAUSED) {
		uint64_t open_ns = sl_breaker_next_ns(&batch->breaker, first->origin, sl_now());
		at_ns = open_ns == SL_FOREVER ? at_ns : SL_MAX(at_ns, open_ns);
	}
	attempts->is_out_of_time = at_ns >= sl_task_deadline();
	return attempts->is_out_of_time ? 0 : at_ns;
}

bool
attempt_later(struct file *file)
{
	struct attempts *attempts = &file->attempts;
	bool may = !attempts->is_refused && may_try_again(file);
	if (may)
		count_round(file);
	struct candidate first = { .choice = CHOICE_NONE };
	uint64_t at_ns = may ? next_round_ns(file, &first) : 0;
	if (!at_ns)
		return false;
	uint64_t now_ns = sl_now();
	uint64_t wait_ns = at_ns > now_ns ? at_ns - now_ns : 0;
	sl_log_warn("%s; trying again in %.1f s (retry %u of %u)", file->error.text,
		(double)wait_ns / (double)SL_NS_PER_S, attempts->failed,
		file->batch->options.retry.retries);
	attempts->not_before_ns = at_ns;
	attempts->asked_s = 0;
	report_retry(file, wait_ns);
	return use_source(file, first.index);
}

/* The first one has its source, and its list of sources need not be parsed once more. */
static enum choice
choose_first(struct file *file)
{
	bool is_new = file->attempts.made == 0;
	bool is_ready = is_new && examine(file->batch, file->attempts.origin) == CHOICE_READY;
	return is_ready ? CHOICE_READY : choose_source(file, 0);
}

/* The origin of the source in use has used up all retries. True if the file ends by that: one that
 * was tried, with its own failure; others if no connection works. Else it gets one attempt. */
static bool
ends_with_origin(struct file *file)
{
	const struct sl_breaker_origin *origin =
		sl_breaker_exhausted(&file->batch->breaker, file->attempts.origin);
	if (file->attempts.made > 0) {
		file_restore_failure(file);
		return true;
	}
	if (!sl_retry_is_unreachable(origin->phase))
		return false;
	(void)sl_fail(&file->error, origin->phase, origin->code,
		"cannot fetch '%s': %s (not attempted: all recent connections to this host and "
		"port have "
		"failed)",
		sl_sources_show(&file->sources), sl_code_text(origin->code));
	return true;
}

enum attempt_start
attempt_begin(struct file *file)
{
	struct attempts *attempts = &file->attempts;
	enum choice choice = choose_first(file);
	if (choice == CHOICE_PAUSED) {
		file_restore_failure(file);
		return ATTEMPT_LATER;
	}
	attempts->is_refused = choice == CHOICE_EXHAUSTED && ends_with_origin(file);
	if (attempts->is_refused)
		return ATTEMPT_REFUSED;
	attempts->is_admitted = true;
	begin_request(file);
	return ATTEMPT_NOW;
}

int
attempt_admit(struct file *file)
{
	int code = 0;
	if (file->attempts.is_admitted)
		return 0;
	switch (attempt_begin(file)) {
	case ATTEMPT_NOW:
		return 0;
	case ATTEMPT_LATER:
		code = FILE_LATER;
		break;
	case ATTEMPT_REFUSED:
		code = file->error.code;
		break;
	}
	sl_part_discard(&file->part);
	return code;
}
