/*
 * transfer_sources.c - the sources of a transfer: which of them may be asked for ranges.
 *
 * One task has the others compared with the bytes at hand while segments fetch from those that have
 * joined: one after the other, or side by side if they take long. A source joins if all of this
 * holds:
 *  - it has the size of the file, and the same bytes in samples of what was written (overlap.c);
 *  - the file has a checksum, of all or of its pieces; or the source has the same strong ETag or
 *    the same Last-Modified as the one that was first;
 *  - it has a validator, so that a change between its own responses is noticed.
 *
 * Each keeps its own version, URL and credentials. One that differs, fails, or has delivered a bad
 * piece is dropped, which is logged. A checksum of the whole that does not match shows that the
 * bytes of several sources are not one file, but not which of them is wrong: then the caller begins
 * again with is_alone.
 *
 * A source in doubt is the other case: nodes of one service that send different ETags for a file of
 * the same size and time. Samples are requested on new connections until one has the other ETag. If
 * its bytes are the same, Last-Modified is the validator of the source from then on, and both ETags
 * are accepted; a third one is a doubt again.
 */
#include "transfer_int.h"

#include "sluice/base/log.h"
#include "sluice/download/overlap.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sources that are asked at the same time: a bound on what comparing costs. */
#define AT_ONCE 4u

/* The next candidate is compared after this time, whether or not the one before has an outcome: a
 * mirror that does not respond delays the others by no more. */
#define PATIENCE_NS (500 * SL_NS_PER_MS)
#define CHUNKS_PER_COMPARISON 16u /* of the pool */

#define SECOND_OPINIONS 4u /* samples of a source in doubt */
#define TICK_NS (50 * SL_NS_PER_MS)

struct sl_transfer_mirror {
	struct sl_sources sources;
	struct sl_source source;
};

/* ---- which there are ---- */

static void
add_mirror(struct sl_transfer *transfer, size_t index)
{
	struct sl_transfer_mirror *mirror = &transfer->mirrors[transfer->mirror_count];
	struct sl_error err = { 0 };
	sl_sources_init(&mirror->sources, transfer_entry(transfer));
	if (sl_sources_use(&mirror->sources, index, &err) != 0) {
		sl_log_info("%s", err.text); /* a warning once it is its turn */
		sl_sources_release(&mirror->sources);
		return;
	}
	mirror->source = (struct sl_source){ .of = &mirror->sources };
	transfer->asked[transfer->asked_count++] = &mirror->source;
	transfer->mirror_count++;
}

/* What is in the part already came from an earlier run, whatever source that had used: no source
 * alone has delivered these MiBs. */
static void
begin_providers(struct sl_transfer *transfer)
{
	uint64_t mibs = (transfer->total + SL_MIB - 1) / SL_MIB;
	struct sl_range range = { 0 };
	transfer->providers = calloc((size_t)mibs, sizeof(*transfer->providers));
	while (transfer->providers && sl_ranges_next_done(&transfer->written, range.end, &range))
		for (uint64_t mib = range.begin / SL_MIB; mib * SL_MIB < range.end; mib++)
			transfer->providers[mib] = UINT32_MAX;
}

static void
add_mirrors(struct sl_transfer *transfer)
{
	const struct sl_entry *entry = transfer_entry(transfer);
	transfer->mirrors = calloc(entry->source_count, sizeof(*transfer->mirrors));
	for (size_t i = 0; i < entry->source_count && transfer->mirrors; i++)
		if (i != transfer->sources->index)
			add_mirror(transfer, i);
	if (!transfer->providers && entry->pieces.kind != SL_CHECKSUM_NONE)
		begin_providers(transfer);
}

void
transfer_begin_sources(struct sl_transfer *transfer)
{
	bool has_others = transfer_entry(transfer)->source_count > 1;
	if (!transfer->mirrors) {
		transfer->asked[0] = &transfer->source;
		transfer->asked_count = 1;
	}
	if (!transfer->mirrors && has_others && transfer->part && !transfer->is_alone)
		add_mirrors(transfer);
	for (size_t i = 0; i < transfer->asked_count; i++) {
		struct sl_source *source = transfer->asked[i];
		if (source->state == SL_SOURCE_COMPARING) /* when a run ended */
			source->state = i == 0 ? SL_SOURCE_JOINED : SL_SOURCE_CANDIDATE;
	}
}

void
transfer_end_sources(struct sl_transfer *transfer)
{
	for (size_t i = 0; i < transfer->mirror_count; i++) {
		sl_source_release(&transfer->mirrors[i].source);
		sl_sources_release(&transfer->mirrors[i].sources);
	}
	free(transfer->mirrors);
	transfer->mirrors = NULL;
	transfer->mirror_count = transfer->asked_count = 0;
}

void
transfer_release_sources(struct sl_transfer *transfer)
{
	transfer_end_sources(transfer);
	sl_source_release(&transfer->source);
	free(transfer->providers);
	transfer->providers = NULL;
	memset(transfer->delivered, 0, sizeof(transfer->delivered));
}

static const char *
show(const struct sl_source *source)
{
	return sl_sources_show(source->of);
}

void
transfer_note_source(
	struct sl_transfer *transfer, const struct sl_source *source, const struct sl_error *err)
{
	if (transfer->note_source)
		transfer->note_source(transfer->ctx, source->of, err);
}

/* ---- comparing ---- */

/* The samples are the same: NULL, or why its bytes are not used together with those at hand all
 * the same. */
static const char *
why_not_mixed(const struct sl_transfer *transfer, const struct sl_resource *other)
{
	const struct sl_resource *resource = &transfer->source.resource;
	bool same_time = resource->modified_ns && resource->modified_ns == other->modified_ns;
	if (!sl_resource_validator(other))
		return "it sends neither a strong ETag nor a Last-Modified that is old enough";
	if (transfer_is_verified(transfer) || same_time ||
		sl_resource_compare(resource, other) == SL_RESOURCE_SAME)
		return NULL;
	return "without a checksum, sources with different Last-Modified are not mixed";
}

static struct sl_overlap
overlap_with(const struct sl_transfer *transfer, const struct sl_source *source)
{
	return (struct sl_overlap){ .client = transfer->options->client,
		.pool = transfer->options->pool,
		.admission = transfer->options->admission,
		.sources = source->of,
		.expected = { .length = transfer->total },
		.fd = transfer->part->fd,
		.at_hand = &transfer->written };
}

/* An sl_overlap_result or a code; with SAME the source has its version, URL and rules to mix. */
SL_SUSPENDS
static int
compare(struct sl_transfer *transfer, struct sl_source *source, struct sl_error *err)
{
	struct sl_overlap overlap = overlap_with(transfer, source);
	int result = sl_overlap_compare(&overlap, err);
	const char *why = result == SL_OVERLAP_SAME
				  ? why_not_mixed(transfer, &overlap.answer.resource)
				  : NULL;
	if (why) {
		(void)sl_fail(err, SL_PHASE_HEAD, SL_E_CHANGED,
			"'%s' cannot go on with the bytes of another source: %s", show(source),
			why);
		result = SL_OVERLAP_DIFFERS;
	}
	if (result == SL_OVERLAP_SAME) {
		overlap.answer.state = source->state;
		sl_source_release(source);
		*source = overlap.answer;
	} else {
		sl_source_release(&overlap.answer);
	}
	return result;
}

/* 0, also if it does not join; or the cancellation. */
SL_SUSPENDS
static int
compare_candidate(struct sl_transfer *transfer, struct sl_source *source)
{
	struct sl_error err = { 0 };
	source->state = SL_SOURCE_DROPPED;
	if (transfer->may_ask && !transfer->may_ask(transfer->ctx, source->of))
		return 0; /* its origin is paused, or it has failed for good */
	source->state = SL_SOURCE_COMPARING;
	int result = compare(transfer, source, &err);
	if (result < 0 && sl_task_cancelled())
		return result;
	source->state = result == SL_OVERLAP_SAME ? SL_SOURCE_JOINED : SL_SOURCE_DROPPED;
	if (result >= 0)
		transfer_note_source(transfer, source, result == SL_OVERLAP_UNCLEAR ? &err : NULL);
	if (result == SL_OVERLAP_SAME)
		sl_log_info("'%s' has the same bytes of '%s': it is used as well", show(source),
			transfer->place->path);
	else
		sl_log_warn("%s; it is not used for '%s' together with other sources", err.text,
			transfer->place->path);
	return 0;
}

size_t
transfer_find_by_hash(const struct sl_sources *sources, uint64_t url_hash)
{
	size_t found = SIZE_MAX;
	if (sl_journal_url_hash(&sources->url) == url_hash)
		return sources->index;
	for (size_t i = 0; i < sources->entry->source_count && found == SIZE_MAX; i++) {
		struct sl_sources other;
		struct sl_error err = { 0 };
		sl_sources_init(&other, sources->entry);
		if (sl_sources_use(&other, i, &err) == 0 &&
			sl_journal_url_hash(&other.url) == url_hash)
			found = i;
		sl_sources_release(&other);
	}
	return found;
}

int
transfer_use_source(struct sl_transfer *transfer)
{
	struct sl_source *source = &transfer->source;
	if (transfer->source_index == transfer->sources->index)
		return 0;
	if (transfer->written.done_bytes == 0 || transfer->is_alone)
		return sl_fail(transfer->err, SL_PHASE_HEAD, SL_E_CHANGED,
			"'%s' cannot go on with what another source has sent", show(source));
	int result = compare(transfer, source, transfer->err);
	bool has_failed = result < 0 ||
			  (result == SL_OVERLAP_UNCLEAR && transfer->err->code != SL_E_UNSUPPORTED);
	if (!has_failed)
		transfer_note_source(transfer, source, NULL);
	if (result != SL_OVERLAP_SAME)
		return result < 0 ? result : transfer->err->code;
	sl_log_info("'%s' goes on with the bytes of another source", show(source));
	transfer->source_index = transfer->sources->index;
	return 0;
}

/* ---- a source in doubt ---- */

void
transfer_doubt_source(struct sl_transfer *transfer, struct sl_source *source)
{
	source->state = SL_SOURCE_COMPARING;
	transfer_wake_compare(transfer);
}

/* True once a response with an ETag that is not known yet had the same bytes. If nothing was
 * written, which no segment is left to change, there are none to compare. */
SL_SUSPENDS
static bool
ask_other_node(struct sl_transfer *transfer, struct sl_source *source, unsigned turn)
{
	struct sl_range samples[SL_OVERLAP_SAMPLES];
	size_t count = sl_overlap_samples(&transfer->written, samples);
	if (count == 0)
		return false;
	struct sl_overlap overlap = overlap_with(transfer, source);
	struct sl_error err = { 0 };
	overlap.expected = source->resource;
	overlap.expected.etag[0] = '\0';
	overlap.closes = true;
	if (source->has_url) {
		overlap.url = &source->url;
		overlap.scope = source->scope;
	}
	int result = sl_overlap_compare_range(&overlap, samples[turn % count], &err);
	const struct sl_resource *answer = &overlap.answer.resource;
	bool is_other = result == SL_OVERLAP_SAME && answer->is_modified_strong &&
			sl_resource_has_strong_etag(answer) &&
			!sl_source_has_etag(source, answer->etag) &&
			sl_source_add_etag(source, answer->etag);
	if (result != SL_OVERLAP_SAME && err.code)
		sl_log_info("%s", err.text);
	sl_source_release(&overlap.answer);
	return is_other;
}

/* Its ETag is one of several from now on, or it is refused. 0 or the cancellation. */
SL_SUSPENDS
static int
ask_second_opinion(struct sl_transfer *transfer, struct sl_source *source)
{
	bool is_same = false;
	if (source->resource.etag[0])
		(void)sl_source_add_etag(source, source->resource.etag);
	for (unsigned i = 0; i < SECOND_OPINIONS && !is_same && !sl_task_cancelled(); i++)
		is_same = ask_other_node(transfer, source, i);
	if (sl_task_cancelled())
		return sl_task_cancelled();
	if (is_same) {
		sl_log_info("'%s' sends different ETags for the same bytes: Last-Modified is "
			    "compared instead",
			show(source));
		source->resource.etag[0] = '\0';
		source->unconditional = false;
		source->state = SL_SOURCE_JOINED;
		return 0;
	}
	struct sl_error err = { 0 };
	(void)sl_fail(&err, SL_PHASE_HEAD, SL_E_UNSUPPORTED,
		"cannot fetch a part of '%s': its responses have different ETags, so they may be "
		"of "
		"different versions",
		show(source));
	sl_segments_refuse(&transfer->segments, source, &err);
	return 0;
}

/* ---- side by side ---- */

struct comparison {
	struct sl_transfer *transfer;
	struct sl_source *source; /* NULL = none is under way */
	bool is_doubt;
	uint64_t began_ns;
};

/* Comparisons under way, each in a task of its own. */
struct comparing {
	struct sl_transfer *transfer;
	struct sl_group group;
	struct comparison running[AT_ONCE];
};

static void
begin_comparing(struct comparing *comparing, struct sl_transfer *transfer)
{
	*comparing = (struct comparing){ .transfer = transfer };
	sl_group_enter(&comparing->group, SL_GROUP_COLLECT);
}

/* Those under way have no outcome. */
SL_SUSPENDS
static void
end_comparing(struct comparing *comparing)
{
	sl_group_cancel(&comparing->group, -ECANCELED);
	(void)sl_group_leave(&comparing->group);
}

SL_SUSPENDS
static int
comparison_task(void *arg)
{
	struct comparison *comparison = arg;
	if (comparison->is_doubt)
		(void)ask_second_opinion(comparison->transfer, comparison->source);
	else
		(void)compare_candidate(comparison->transfer, comparison->source);
	comparison->source = NULL;
	transfer_wake_compare(comparison->transfer);
	return 0;
}

/* Each has a chunk and a permit while it waits for its response: with a small pool the segments
 * would be left without. */
static size_t
comparisons_at_once(const struct sl_transfer *transfer)
{
	size_t share = sl_chunk_pool_count(transfer->options->pool) / CHUNKS_PER_COMPARISON;
	return SL_MIN(SL_MAX(share, (size_t)1), (size_t)AT_ONCE);
}

static struct comparison *
find_comparison(struct comparing *comparing, const struct sl_source *source)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (comparing->running[i].source == source)
			return &comparing->running[i];
	return NULL;
}

/* The source is COMPARING from now on. `free` has none. */
static void
start(struct comparing *comparing, struct comparison *free, struct sl_source *source, bool is_doubt)
{
	enum sl_source_state before = source->state;
	*free = (struct comparison){ .transfer = comparing->transfer,
		.source = source,
		.is_doubt = is_doubt,
		.began_ns = sl_now() };
	source->state = SL_SOURCE_COMPARING;
	if (sl_group_spawn(&comparing->group, "source", comparison_task, free, NULL) != 0) {
		free->source = NULL; /* without memory it is tried again */
		source->state = before;
	}
}

/* When the next candidate may be compared: at once, if those under way have had PATIENCE_NS. */
static uint64_t
next_start_ns(const struct comparing *comparing)
{
	uint64_t at_ns = 0;
	size_t count = 0;
	for (size_t i = 0; i < AT_ONCE; i++) {
		const struct comparison *comparison = &comparing->running[i];
		count += comparison->source != NULL;
		if (comparison->source && !comparison->is_doubt)
			at_ns = SL_MAX(at_ns, comparison->began_ns + PATIENCE_NS);
	}
	return count < comparisons_at_once(comparing->transfer) ? at_ns : SL_FOREVER;
}

static struct sl_source *
find(const struct sl_transfer *transfer, enum sl_source_state state)
{
	for (size_t i = 0; i < transfer->asked_count; i++)
		if (transfer->asked[i]->state == state)
			return transfer->asked[i];
	return NULL;
}

/* COMPARING, and that has not begun. */
static struct sl_source *
find_doubtful(struct comparing *comparing)
{
	const struct sl_transfer *transfer = comparing->transfer;
	for (size_t i = 0; i < transfer->asked_count; i++)
		if (transfer->asked[i]->state == SL_SOURCE_COMPARING &&
			!find_comparison(comparing, transfer->asked[i]))
			return transfer->asked[i];
	return NULL;
}

/* Until one has ended, a segment has called, or this time. 0 or the cancellation. */
SL_SUSPENDS
static int
wait_for_change(struct sl_transfer *transfer, uint64_t until_ns)
{
	struct sl_waiter waiter;
	int code = sl_waiter_wait(&waiter, &transfer->compare, "sources", until_ns);
	return code == -ETIMEDOUT && !sl_task_cancelled() ? 0 : code;
}

/* Compare the candidate (NULL = there is none), or else wait. */
SL_SUSPENDS
static int
compare_or_wait(struct comparing *comparing, struct sl_source *candidate, uint64_t until_ns)
{
	struct comparison *free = find_comparison(comparing, NULL);
	if (candidate && free && next_start_ns(comparing) <= sl_now())
		start(comparing, free, candidate, false);
	if (candidate && free) {
		uint64_t next_ns = SL_MAX(next_start_ns(comparing), sl_deadline_in(TICK_NS));
		until_ns = SL_MIN(until_ns, next_ns);
	}
	return wait_for_change(comparing->transfer, until_ns);
}

/* ---- the task ---- */

/* Enough to compare with, and enough is missing for another source to be of use. */
static bool
may_compare(const struct sl_transfer *transfer)
{
	uint64_t missing = transfer->total - transfer->ranges.done_bytes;
	return transfer->written.done_bytes >= SL_OVERLAP_SAMPLE &&
	       missing >= transfer->options->min_segment;
}

static unsigned
count_joined(const struct sl_transfer *transfer)
{
	unsigned count = 0;
	for (size_t i = 0; i < transfer->asked_count; i++)
		count += transfer->asked[i]->state == SL_SOURCE_JOINED;
	return count;
}

static struct sl_source *
next_candidate(const struct sl_transfer *transfer)
{
	bool is_wanted = count_joined(transfer) < SL_MIN(AT_ONCE, transfer->segments.most) &&
			 transfer->segments.most > 1 && may_compare(transfer);
	return is_wanted ? find(transfer, SL_SOURCE_CANDIDATE) : NULL;
}

/* Bytes come to compare it with as long as segments are running. */
static bool
is_ripe(const struct sl_transfer *transfer)
{
	return transfer->written.done_bytes > 0 || transfer->segments.running == 0;
}

SL_SUSPENDS
static int
compare_next(struct comparing *comparing)
{
	struct sl_transfer *transfer = comparing->transfer;
	struct sl_source *doubtful = find_doubtful(comparing);
	struct comparison *free = find_comparison(comparing, NULL);
	uint64_t until_ns = doubtful ? sl_deadline_in(TICK_NS) : SL_FOREVER;
	if (doubtful && free && is_ripe(transfer))
		start(comparing, free, doubtful, true);
	return compare_or_wait(comparing, doubtful ? NULL : next_candidate(transfer), until_ns);
}

int
transfer_compare_task(void *arg)
{
	struct sl_transfer *transfer = arg;
	struct comparing comparing;
	int code = 0;
	begin_comparing(&comparing, transfer);
	while (!code && !transfer->failure)
		code = compare_next(&comparing);
	end_comparing(&comparing);
	return 0;
}

void
transfer_wake_compare(struct sl_transfer *transfer)
{
	struct sl_waiter *waiter = sl_waiter_pop(&transfer->compare);
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

/* Those that were compared last may still join. */
static void
reset_compared(struct sl_transfer *transfer)
{
	for (size_t i = 0; i < transfer->asked_count; i++)
		if (transfer->asked[i]->state == SL_SOURCE_COMPARING)
			transfer->asked[i]->state = SL_SOURCE_CANDIDATE;
}

int
transfer_find_source(struct sl_transfer *transfer)
{
	struct comparing comparing;
	int code = 0;
	begin_comparing(&comparing, transfer);
	while (!code && !find(transfer, SL_SOURCE_JOINED) && transfer->written.done_bytes > 0 &&
		(find(transfer, SL_SOURCE_CANDIDATE) || find(transfer, SL_SOURCE_COMPARING)))
		code = compare_or_wait(
			&comparing, find(transfer, SL_SOURCE_CANDIDATE), sl_deadline_in(TICK_NS));
	end_comparing(&comparing);
	reset_compared(transfer);
	if (!code && !find(transfer, SL_SOURCE_JOINED))
		transfer->source.state = SL_SOURCE_JOINED;
	return code;
}

/* ---- what they have delivered ---- */

void
transfer_source_dropped(void *ctx, struct sl_source *source, const struct sl_error *err)
{
	struct sl_transfer *transfer = ctx;
	sl_log_warn("%s; '%s' is fetched from other sources", err->text, transfer->place->path);
	transfer_note_source(transfer, source, err);
	transfer_wake_compare(transfer);
}

void
transfer_note_failed(struct sl_transfer *transfer, int code)
{
	const struct sl_source *failed = transfer->segments.failed;
	const struct sl_error *err = transfer->err;
	if (!code || !failed || failed == &transfer->source || !sl_phase_is_network(err->phase))
		return;
	transfer_note_source(transfer, failed, err);
	transfer->failed_elsewhere = true;
}

void
transfer_note_delivered(
	struct sl_transfer *transfer, struct sl_source *source, const struct sl_chunk *chunk)
{
	size_t index = source->of->index;
	source->delivered += chunk->len;
	transfer->delivered[index] += chunk->len;
	for (uint64_t off = chunk->off; transfer->providers && off < chunk->off + chunk->len;
		off = (off / SL_MIB + 1) * SL_MIB)
		transfer->providers[off / SL_MIB] |= UINT32_C(1) << index;
}

bool
sl_transfer_is_mixed(const struct sl_transfer *transfer)
{
	unsigned count = transfer->resumed > 0;
	for (size_t i = 0; i < SL_ENTRY_SOURCES; i++)
		count += transfer->delivered[i] > 0;
	return transfer_entry(transfer)->source_count > 1 && count > 1;
}

/* The sources that have delivered any of a range; those of the MiBs that it covers are forgotten,
 * since they are fetched again. */
static uint32_t
take_providers(struct sl_transfer *transfer, struct sl_range range)
{
	uint32_t found = 0;
	for (uint64_t mib = range.begin / SL_MIB; mib * SL_MIB < range.end; mib++) {
		bool is_covered = mib * SL_MIB >= range.begin &&
				  SL_MIN((mib + 1) * SL_MIB, transfer->total) <= range.end;
		found |= transfer->providers[mib];
		if (is_covered)
			transfer->providers[mib] = 0;
	}
	return found;
}

static uint32_t
all_providers(const struct sl_transfer *transfer)
{
	uint32_t found = 0;
	for (size_t i = 0; i < SL_ENTRY_SOURCES; i++)
		found |= transfer->delivered[i] > 0 ? UINT32_C(1) << i : 0;
	return found;
}

static bool
has_other(const struct sl_transfer *transfer, const struct sl_source *source)
{
	for (size_t i = 0; i < transfer->asked_count; i++)
		if (transfer->asked[i] != source && transfer->asked[i]->state != SL_SOURCE_DROPPED)
			return true;
	return false;
}

static bool
drop(struct sl_transfer *transfer, uint32_t providers)
{
	for (size_t i = 0; i < transfer->asked_count; i++) {
		struct sl_source *source = transfer->asked[i];
		if (providers != UINT32_C(1) << source->of->index ||
			source->state == SL_SOURCE_DROPPED || !has_other(transfer, source))
			continue;
		source->state = SL_SOURCE_DROPPED;
		sl_log_warn("'%s' has sent pieces of '%s' that do not match their checksums; they "
			    "are fetched from another source",
			show(source), transfer->place->path);
		return true;
	}
	return false;
}

bool
transfer_can_repair(const struct sl_transfer *transfer)
{
	return transfer->written.done_bytes > 0 || transfer_entry(transfer)->source_count == 1;
}

bool
transfer_drop_provider(struct sl_transfer *transfer)
{
	struct sl_range bad = { 0 };
	bool has_dropped = false;
	transfer_begin_sources(transfer);
	while (sl_ranges_next_missing(&transfer->ranges, bad.end, &bad)) {
		uint32_t found = transfer->providers ? take_providers(transfer, bad)
						     : all_providers(transfer);
		has_dropped = drop(transfer, found) || has_dropped;
	}
	return has_dropped;
}
