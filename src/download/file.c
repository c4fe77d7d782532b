/*
 * file.c - how one file of a batch begins and ends, and what is reported of it.
 *
 * Every input that was taken is reported once: started, then ended, by file_end() alone, whether a
 * job or the committer calls it. An input that repeats an earlier one is not downloaded; it is
 * reported when that one has ended.
 */
#include "batch_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_NS (500 * SL_NS_PER_MS) /* how long the report of a cancelled one may take */

void
sl_batch_cancel(struct sl_batch *batch, int reason)
{
	if (!batch->cancel_reason)
		batch->cancel_reason = reason;
	if (batch->jobs)
		sl_group_cancel(batch->jobs, reason);
	/* A sibling's failure does not touch files that are complete: they are committed. A signal
	 * starts no sync. */
	if (batch->committing && reason == SL_E_INTERRUPTED)
		sl_group_cancel(batch->committing, reason);
}

/* ---- the beginning ---- */

struct file *
file_new(struct sl_batch *batch, const struct sl_entry *entry, uint64_t index)
{
	struct file *file = calloc(1, sizeof(*file));
	struct sl_tee *tee = batch->options.tee ? calloc(1, sizeof(*tee)) : NULL;
	if (!file || (batch->options.tee && !tee)) {
		free(file);
		free(tee);
		return NULL;
	}
	file->batch = batch;
	file->tee = tee;
	if (tee)
		sl_tee_init(tee, batch->options.tee, &batch->tee_share);
	file->entry = *entry;
	file->stream_fd = -1;
	file->present.size = SL_BODY_UNKNOWN;
	sl_sources_init(&file->sources, &file->entry);
	sl_part_init(&file->part);
	sl_transfer_init(&file->transfer, &batch->transfer);
	file->view = (struct sl_download){ .index = index,
		.checked = entry->checksum.kind != SL_CHECKSUM_NONE,
		.started_ns = sl_now(),
		.error = &file->error };
	sl_list_init(&file->link);
	sl_list_init(&file->of_opening);
	return file;
}

static void
count(struct file *file)
{
	file->batch->summary.files += !file->is_counted;
	file->is_counted = true;
}

/* Of the round before, while another is tried. Most files have none, and it is large. */
static void
keep_failure(struct file *file)
{
	struct attempts *attempts = &file->attempts;
	if (!attempts->last)
		attempts->last = malloc(sizeof(*attempts->last));
	if (attempts->last)
		*attempts->last = file->error;
	sl_error_clear(&file->error);
}

void
file_restore_failure(struct file *file)
{
	if (file->attempts.last)
		file->error = *file->attempts.last;
}

void
file_begin(struct file *file)
{
	count(file);
	file->state = FILE_ACTIVE;
	if (file->attempts.made > 0)
		keep_failure(file);
	if (!file->is_started)
		file->view.started_ns = sl_now();
	sl_list_push_back(&file->batch->active, &file->link);
}

SL_SUSPENDS
static void
close_stream(struct file *file)
{
	if (file->is_stream && file->stream_fd > STDERR_FILENO)
		sl_io_close(file->stream_fd);
	file->is_stream = false;
	file->stream_fd = -1;
}

void
file_drop_at_hand(struct file *file)
{
	sl_at_hand_free(file->present.at_hand);
	file->present.at_hand = NULL;
}

SL_SUSPENDS
static void
file_free(struct file *file)
{
	close_stream(file);
	sl_transfer_reset(&file->transfer);
	if (file->tee)
		sl_tee_release(file->tee);
	free(file->tee);
	file_drop_at_hand(file);
	sl_place_release(&file->place);
	sl_sources_release(&file->sources);
	free(file->repeats.items);
	free(file->attempts.last);
	free(file->entry_memory);
	free(file);
}

void
file_unpark(struct file *file)
{
	file->batch->summary.waiting -= file->is_parked;
	file->is_parked = false;
}

SL_SUSPENDS
static void
reset_transfer(struct file *file)
{
	uint64_t received = sl_transfer_received(&file->transfer);
	sl_transfer_reset(&file->transfer);
	sl_transfer_init(&file->transfer, &file->batch->transfer);
	file->transfer.base = received; /* as far as it has come is shown until it begins again */
	file->counted = 0;
}

void
file_reset(struct file *file)
{
	sl_part_discard(&file->part);
	if (!file->is_stream || !sl_transfer_can_resume(&file->transfer))
		reset_transfer(file);
	file_drop_at_hand(file);
	file->is_copied = file->is_fresh = file->keeps_journal = false;
	file->present = (struct sl_present){ .size = SL_BODY_UNKNOWN, .stream_fd = -1 };
	file->view.remote = NULL;
	file->attempts.is_admitted = false;
	file->wish = FILE_GO_ON;
	file->state = FILE_WAITING;
	sl_list_remove(&file->link);
}

void
file_drop(struct file *file)
{
	file_unpark(file);
	sl_list_remove(&file->link);
	file->batch->summary.files -= file->is_counted;
	file->batch->summary.kept += file->is_kept;
	file_free(file);
}

static struct file *
find(struct sl_list *list, uint64_t index)
{
	sl_list_each(node, list)
	{
		struct file *file = sl_list_item(node, struct file, link);
		if (file->view.index == index)
			return file;
	}
	return NULL;
}

struct file *
file_find(struct sl_batch *batch, uint64_t index)
{
	struct file *file = find(&batch->active, index);
	return file ? file : find(&batch->queue, index);
}

static enum sl_download_state
state_of(const struct file *file)
{
	switch (file->state) {
	case FILE_WAITING:
		return SL_DOWNLOAD_WAITING;
	case FILE_PAUSED:
		return SL_DOWNLOAD_PAUSED;
	case FILE_COMMITTING:
		return SL_DOWNLOAD_FINISHING;
	case FILE_ENDED:
		return file->view.state;
	case FILE_ACTIVE:
		break;
	}
	if (file->is_transferred || file->transfer.state == SL_TRANSFER_COMPLETE)
		return SL_DOWNLOAD_FINISHING;
	return file->transfer.state == SL_TRANSFER_RECEIVING ? SL_DOWNLOAD_RECEIVING
							     : SL_DOWNLOAD_CONNECTING;
}

void
file_count_received(struct file *file)
{
	uint64_t more = file->transfer.counts.received - file->counted;
	file->counted += more;
	file->view.fetched += more;
	file->batch->summary.bytes += more;
}

static void
view_segments(struct file *file)
{
	struct sl_download *view = &file->view;
	view->segments = 0;
	if (view->state == SL_DOWNLOAD_RECEIVING)
		view->segments = sl_transfer_segments(&file->transfer);
	view->has_gaps = sl_transfer_has_gaps(&file->transfer);
	if (view->has_gaps)
		sl_ranges_map(&file->transfer.ranges, view->cells, SL_DOWNLOAD_CELLS);
}

const struct sl_download *
file_view(struct file *file)
{
	const struct sl_transfer *transfer = &file->transfer;
	struct sl_download *view = &file->view;
	view->url = sl_sources_show(&file->sources);
	view->path = file->place.path ? file->place.path : "";
	view->state = state_of(file);
	view->received = sl_transfer_received(transfer);
	view->total = transfer->total == SL_BODY_UNKNOWN ? file->present.size : transfer->total;
	view->excess = transfer->counts.excess;
	view->sources = file->entry.sources;
	view->source_count = file->entry.source_count;
	view->delivered = transfer->delivered;
	view->tee = file->tee ? file->tee->file : NULL;
	file_count_received(file);
	view_segments(file);
	if (view->remote)
		view->total = view->remote->length;
	return view;
}

void
file_started(struct file *file)
{
	const struct sl_batch_events *events = &file->batch->options.events;
	if (file->is_started) /* before an attempt that failed */
		return;
	file->is_started = true;
	if (events->started)
		events->started(events->ctx, file_view(file));
}

/* ---- the end ---- */

/* Why this download was stopped though nothing was wrong with it: a sibling's failure or a signal;
 * 0 = it failed by itself (the deadline of the run counts as its own timeout). */
static int
cancellation(const struct sl_batch *batch, int code)
{
	int reason = batch->cancel_reason ? batch->cancel_reason : sl_task_cancelled();
	bool stopped = code == -ECANCELED || code == -ETIMEDOUT || code == SL_E_INTERRUPTED;
	return stopped && reason != -ETIMEDOUT ? reason : 0;
}

static void
count_failure(struct sl_batch *batch, uint64_t index, const struct sl_error *err)
{
	struct sl_batch_summary *summary = &batch->summary;
	if (summary->failed == 0 || index < summary->first_index) {
		summary->first_index = index;
		summary->first_error = *err;
	}
	summary->failed++;
	if (batch->options.fail_fast)
		sl_batch_cancel(batch, -ECANCELED);
}

/* The client's message has how far it was, that of a directory where it hangs, the committer's what
 * is not durable; otherwise only the reason is of interest. */
static void
set_deadline_error(struct file *file)
{
	enum sl_phase phase = file->error.phase;
	if (sl_phase_is_network(phase) || phase == SL_PHASE_SYNC || phase == SL_PHASE_DIRECTORY)
		return;
	sl_error_clear(&file->error);
	sl_fail(&file->error, SL_PHASE_NONE, -ETIMEDOUT,
		"cannot download '%s': the time limit of the run was reached (--deadline)",
		sl_sources_show(&file->sources));
}

static bool
is_of_source(const struct sl_error *err)
{
	return err->code == SL_E_CHECKSUM || sl_phase_is_network(err->phase);
}

/* An attempt that the end of the run cut off before it could fail by itself says less than the one
 * before it. Returns the code that the download fails with. */
static int
prefer_last_failure(struct file *file, int code)
{
	struct attempts *attempts = &file->attempts;
	bool says_nothing = file->error.phase == SL_PHASE_NONE && !file->is_transferred;
	if (code != -ETIMEDOUT || !says_nothing || !attempts->last)
		return code;
	file_restore_failure(file);
	attempts->is_out_of_time = true;
	return file->error.code;
}

/* Add to the message of a failed download how often it was tried. */
static void
describe_attempts(struct file *file)
{
	struct sl_error last = file->error;
	unsigned made = file->attempts.made;
	size_t sources = file->entry.source_count;
	bool is_last = file->is_parked || file->attempts.is_out_of_time;
	struct sl_buf note = { 0 };
	if (made == 0 || !is_of_source(&last) || (made == 1 && !is_last && sources < 2))
		return;
	if (sources > 1)
		sl_buf_printf(&note, "the last of %zu sources, all failed", sources);
	if (sources > 1 && made > 1)
		sl_buf_printf(&note, "; %u attempts", made);
	else if (sources == 1)
		sl_buf_printf(&note, "after %u attempt%s", made, made == 1 ? "" : "s");
	if (is_last)
		sl_buf_add_str(&note, "; the run ended before the next");
	sl_error_clear(&file->error);
	(void)sl_fail(&file->error, last.phase, last.code, "%s (%s)", last.text,
		note.data ? note.data : "");
	file->error.http_status = last.http_status;
	sl_buf_release(&note);
}

/* What is wrong with an entry of a list can be mended in its line. */
static void
describe_line(struct file *file)
{
	struct sl_error last = file->error;
	uint64_t line = file->entry.line;
	bool is_of_entry = last.code == SL_E_NAME || last.code == SL_E_USAGE;
	if (!is_of_entry || line == 0 || strncmp(last.text, "line ", 5) == 0)
		return;
	sl_error_clear(&file->error);
	(void)sl_fail(&file->error, last.phase, last.code, "line %llu of the list: %s",
		(unsigned long long)line, last.text);
}

/* The state it ends in, its message and what it adds to the summary. */
static void
set_outcome(struct file *file, int code)
{
	struct sl_batch *batch = file->batch;
	struct sl_batch_summary *summary = &batch->summary;
	const char *url = sl_sources_show(&file->sources);
	int stopped = code < 0 ? cancellation(batch, code) : 0;
	if (file->is_stream || file->error.phase == SL_PHASE_SYNC)
		batch->not_durable = true;
	if (code == 0 && file->view.remote) {
		file->view.state = SL_DOWNLOAD_PLANNED;
		summary->planned++;
	} else if (code == 0) {
		file->view.state = SL_DOWNLOAD_DONE;
		summary->done++;
	} else if (code > 0) {
		file->view.state = SL_DOWNLOAD_SKIPPED;
		summary->skipped++;
		summary->unverified += file->present.unverified;
		summary->repeats += file->view.is_repeat;
		/* The checksum is that of the compressed file. */
		if (file->place.codec != SL_CODEC_NONE && !file->view.is_repeat)
			file->view.checked = false;
	} else if (file->wish == FILE_REMOVE && code == -ECANCELED) {
		file->view.state = SL_DOWNLOAD_REMOVED;
		sl_error_clear(&file->error);
		sl_fail(&file->error, SL_PHASE_NONE, code, "'%s' was removed", url);
		summary->removed++;
	} else if (stopped) {
		file->view.state = SL_DOWNLOAD_CANCELLED;
		sl_fail_code(&file->error, SL_PHASE_NONE, stopped, "'%s'", url);
		summary->cancelled++;
	} else {
		file->view.state = SL_DOWNLOAD_FAILED;
		if (code == -ETIMEDOUT && sl_task_cancelled() == -ETIMEDOUT)
			set_deadline_error(file);
		sl_fail_code(&file->error, SL_PHASE_NONE, code, "cannot download '%s'", url);
		count_failure(batch, file->view.index, &file->error);
	}
	file->view.unverified = file->present.unverified;
	file->view.streamed = file->is_stream;
	file->view.ended_ns = sl_now();
	file->state = FILE_ENDED;
}

/* The receiver of the event may suspend; once the run is cancelled, not for long. */
SL_SUSPENDS
static void
report(struct sl_batch *batch, const struct sl_download *download)
{
	const struct sl_batch_events *events = &batch->options.events;
	struct sl_shield shield;
	bool cancelled = sl_task_cancelled() != 0;
	/* Of hundreds that were cancelled together all have but this moment. */
	if (cancelled && !batch->last_words_ns)
		batch->last_words_ns = sl_deadline_in(REPORT_NS);
	if (cancelled)
		sl_shield_begin(&shield, batch->last_words_ns);
	if (events->ended)
		events->ended(events->ctx, download);
	if (cancelled)
		sl_shield_end(&shield);
}

void
file_out_of_memory(struct sl_batch *batch, uint64_t index)
{
	static const uint64_t nothing[SL_ENTRY_SOURCES];
	struct sl_error err = { 0 };
	struct sl_download download = { .index = index,
		.delivered = nothing,
		.url = "",
		.path = "",
		.state = SL_DOWNLOAD_FAILED,
		.total = SL_BODY_UNKNOWN,
		.started_ns = sl_now(),
		.ended_ns = sl_now(),
		.error = &err };
	(void)sl_fail_code(&err, SL_PHASE_NONE, -ENOMEM, "cannot begin the download of input %llu",
		(unsigned long long)index + 1);
	batch->summary.files++;
	count_failure(batch, index, &err);
	report(batch, &download);
}

/* ---- inputs that repeat an earlier one ---- */

/* Its original has ended: it is skipped, or has failed likewise. */
SL_SUSPENDS
static void
end_repeat(struct file *repeat, const struct sl_names_owner *original)
{
	int code = original->code;
	repeat->view.is_repeat = true;
	file_started(repeat);
	if (code) {
		(void)sl_fail(&repeat->error, SL_PHASE_NONE, code,
			"'%s' repeats input %llu, which failed", sl_sources_show(&repeat->sources),
			(unsigned long long)original->index + 1);
		repeat->error.http_status = original->http_status;
	}
	file_end(repeat, code ? code : FILE_SKIPPED);
}

/* The repeats that came while it was under way; only their numbers were kept. */
SL_SUSPENDS
static void
end_repeats(struct file *original, const struct sl_names_owner *owner)
{
	struct sl_batch *batch = original->batch;
	for (size_t i = 0; i < original->repeats.count; i++) {
		const struct repeat *of = &original->repeats.items[i];
		struct file *repeat = file_new(batch, &original->entry, of->index);
		char *path = sl_span_dup(sl_span_str(original->view.path));
		if (!repeat || !path) {
			if (repeat)
				file_free(repeat);
			free(path);
			file_out_of_memory(batch, of->index);
			continue;
		}
		repeat->is_started = of->is_started;
		file_begin(repeat);
		repeat->place.path = path;
		repeat->present.size = original->view.total;
		repeat->wish = original->wish == FILE_REMOVE ? FILE_REMOVE : FILE_GO_ON;
		/* Parsed before; else it has its error. */
		if (sl_sources_use(&repeat->sources, original->sources.index, &repeat->error) == 0)
			end_repeat(repeat, owner);
		else
			file_end(repeat, repeat->error.code);
	}
}

static bool
add_repeat(struct repeats *repeats, struct repeat repeat)
{
	if (repeats->count == repeats->cap) {
		size_t cap = repeats->cap ? repeats->cap * 2 : 16;
		struct repeat *items = reallocarray(repeats->items, cap, sizeof(*items));
		if (!items)
			return false;
		repeats->items = items;
		repeats->cap = cap;
	}
	repeats->items[repeats->count++] = repeat;
	return true;
}

void
file_follow_original(struct file *repeat)
{
	struct sl_batch *batch = repeat->batch;
	struct sl_names_owner owner = *sl_place_owner(&batch->places, &repeat->place);
	struct file *original = file_find(batch, owner.index);
	sl_log_info("'%s' (input %llu) repeats input %llu: downloaded once",
		sl_sources_show(&repeat->sources), (unsigned long long)repeat->view.index + 1,
		(unsigned long long)owner.index + 1);
	if (!original) {
		end_repeat(repeat, &owner);
		return;
	}
	struct repeat kept = { repeat->view.index, repeat->is_started };
	file_drop(repeat);
	if (!add_repeat(&original->repeats, kept))
		file_out_of_memory(batch, kept.index);
}

/* Of one that is removed while it waits: what is taken over is discarded. */
SL_SUSPENDS
static void
discard_kept_part(struct file *file)
{
	struct sl_place *place = &file->place;
	if (!file->is_kept)
		return;
	file->is_kept = false;
	if (sl_place_reopen(&file->batch->places, place, NULL) == 0 &&
		sl_part_create(&file->part, place->directory, place->name, SL_PART_NEW, NULL) == 0)
		sl_part_discard(&file->part);
}

void
file_end(struct file *file, int code)
{
	struct sl_batch *batch = file->batch;
	struct sl_names_owner *owner =
		file->place.owns_key ? sl_place_owner(&batch->places, &file->place) : NULL;
	count(file); /* one that is removed before it began */
	code = prefer_last_failure(file, code);
	if (code < 0)
		describe_attempts(file);
	describe_line(file);
	file_unpark(file);
	set_outcome(file, code);
	if (owner && code < 0) {
		owner->code = (int16_t)code;                           /* codes end above -5100 */
		owner->http_status = (int16_t)file->error.http_status; /* three digits */
	}
	struct sl_names_owner outcome = owner ? *owner : (struct sl_names_owner){ 0 };
	sl_list_remove(&file->link);
	if (file->view.state == SL_DOWNLOAD_REMOVED)
		discard_kept_part(file);
	batch->summary.kept += file->is_kept && file->view.state != SL_DOWNLOAD_DONE;
	batch->summary.resumed += file->view.resumed;
	if (file->view.state == SL_DOWNLOAD_REMOVED)
		sl_place_give_up(&batch->places, &file->place);
	report(batch, file_view(file));
	end_repeats(file, &outcome);
	file_free(file);
}

void
file_refuse(struct file *file, int code)
{
	file_started(file);
	file_end(file, code);
}
