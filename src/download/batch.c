/*
 * The batch: jobs that take one input after the other, and how each download begins and ends.
 *
 * Every input that was taken is reported once: started, then ended, by fetch_end() alone, whether a
 * job or the committer calls it. Inputs are taken and named one at a time, in their order. An input
 * that repeats an earlier one is not downloaded; it is reported when that one has ended.
 */
#include "fetch_int.h"

#include "sluice/base/log.h"
#include "sluice/base/redact.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Directories that stay open although no file of the moment is in them: so many, and no more than
 * this part of the descriptors there are. */
#define DIRECTORIES_KEPT 64u
#define DIRECTORIES_SHARE 16u

#define REPORT_NS (500 * SL_NS_PER_MS) /* how long the report of a cancelled one may take */

#define DESCRIPTORS_PER_JOB 4 /* socket, part, direct part, a directory */

int
sl_batch_new(struct sl_batch **out, const struct sl_batch_options *options)
{
	struct sl_batch *batch = calloc(1, sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	batch->options = *options;
	unsigned keep =
		SL_MAX(SL_MIN(options->descriptors / DIRECTORIES_SHARE, DIRECTORIES_KEPT), 1u);
	sl_directories_init(&batch->directories, keep, options->sync != SL_SYNC_NONE);
	sl_list_init(&batch->active);
	*out = batch;
	return 0;
}

void
sl_batch_free(struct sl_batch *batch)
{
	if (!batch)
		return;
	sl_assert(sl_list_is_empty(&batch->active));
	sl_names_release(&batch->names);
	free(batch);
}

/* ---- one download's beginning and end ---- */

SL_SUSPENDS
static void
fetch_free(struct fetch *fetch)
{
	if (fetch->target == TARGET_STREAM && fetch->stream_fd > STDERR_FILENO)
		sl_io_close(fetch->stream_fd);
	sl_directory_unref(fetch->directory);
	sl_digest_free(fetch->digest);
	sl_url_release(&fetch->url);
	free(fetch->url_text);
	free(fetch->path);
	free(fetch->name);
	free(fetch->stem);
	free(fetch->key);
	free(fetch->repeats.indices);
	free(fetch);
}

static struct fetch *
fetch_new(struct sl_batch *batch, const struct sl_entry *entry, uint64_t index)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return NULL;
	fetch->batch = batch;
	fetch->entry = *entry;
	fetch->mode = MODE_OF_NEW;
	fetch->replace = batch->options.if_exists == SL_EXISTS_REPLACE;
	fetch->stream_fd = -1;
	sl_part_init(&fetch->part);
	fetch->view = (struct sl_download){ .index = index,
		.url = "",
		.path = "",
		.total = SL_BODY_UNKNOWN,
		.checked = entry->checksum.kind != SL_CHECKSUM_NONE,
		.started_ns = sl_now(),
		.error = &fetch->error };
	batch->summary.files++;
	sl_list_push_back(&batch->active, &fetch->link);
	return fetch;
}

/* http-user= and http-passwd= of a list, as if the URL had them. */
static bool
set_user(struct fetch *fetch)
{
	fetch->url.user = sl_span_dup(fetch->entry.user);
	fetch->url.password = sl_span_dup(fetch->entry.password);
	fetch->url.has_userinfo = fetch->url.user && fetch->url.password;
	return fetch->url.has_userinfo;
}

/* Without a report: it is counted and reported later. */
SL_SUSPENDS
static void
drop(struct fetch *fetch)
{
	sl_list_remove(&fetch->link);
	fetch->batch->summary.files--;
	fetch_free(fetch);
}

int
fetch_set_url(struct fetch *fetch)
{
	struct sl_buf text = { 0 }, clean = { 0 };
	sl_url_release(&fetch->url);
	int code = sl_url_parse(&fetch->url, fetch->entry.sources[fetch->source], &fetch->error);
	if (code)
		return code;
	if (fetch->entry.user.len > 0 && !fetch->url.has_userinfo && !set_user(fetch))
		return sl_fail_code(&fetch->error, SL_PHASE_NONE, -ENOMEM, "cannot keep a URL");
	sl_url_format(&text, &fetch->url);
	sl_redact(&clean, sl_buf_span(&text));
	clean.failed = clean.failed || text.failed;
	sl_buf_release(&text);
	char *shown = sl_buf_detach(&clean);
	if (!shown)
		return sl_fail_code(&fetch->error, SL_PHASE_NONE, -ENOMEM, "cannot keep a URL");
	free(fetch->url_text);
	fetch->url_text = shown;
	fetch->view.url = shown;
	return 0;
}

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

/* The client's message has how far it was, the committer's what is not durable; otherwise only the
 * reason is of interest. */
static void
set_deadline_error(struct fetch *fetch)
{
	enum sl_phase phase = fetch->error.phase;
	if ((phase >= SL_PHASE_RESOLVE && phase <= SL_PHASE_BODY) || phase == SL_PHASE_SYNC)
		return;
	sl_error_clear(&fetch->error);
	sl_fail(&fetch->error, SL_PHASE_NONE, -ETIMEDOUT,
		"cannot download '%s': the time limit of the run was reached (--deadline)",
		fetch->view.url);
}

/* The state it ends in, its message and what it adds to the summary. */
static void
set_outcome(struct fetch *fetch, int code)
{
	struct sl_batch *batch = fetch->batch;
	struct sl_batch_summary *summary = &batch->summary;
	fetch->view.streamed = fetch->target == TARGET_STREAM;
	int stopped = code < 0 ? cancellation(batch, code) : 0;
	if (fetch->view.streamed || fetch->error.phase == SL_PHASE_SYNC)
		batch->not_durable = true;
	if (code == 0) {
		fetch->view.state = SL_DOWNLOAD_DONE;
		summary->done++;
	} else if (code > 0) {
		fetch->view.state = SL_DOWNLOAD_SKIPPED;
		summary->skipped++;
		summary->unverified += fetch->view.unverified;
		summary->repeats += fetch->view.is_repeat;
	} else if (stopped) {
		fetch->view.state = SL_DOWNLOAD_CANCELLED;
		sl_fail_code(&fetch->error, SL_PHASE_NONE, stopped, "'%s'", fetch->view.url);
		summary->cancelled++;
	} else {
		fetch->view.state = SL_DOWNLOAD_FAILED;
		if (code == -ETIMEDOUT && sl_task_cancelled() == -ETIMEDOUT)
			set_deadline_error(fetch);
		sl_fail_code(&fetch->error, SL_PHASE_NONE, code, "cannot download '%s'",
			fetch->view.url);
		count_failure(batch, fetch->view.index, &fetch->error);
	}
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

/* An input that failed for lack of memory: counted and reported as any other failure. */
SL_SUSPENDS
static void
out_of_memory(struct sl_batch *batch, uint64_t index)
{
	struct sl_error err = { 0 };
	struct sl_download download = { .index = index,
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
end_repeat(struct fetch *repeat, const struct sl_names_owner *original)
{
	const struct sl_batch_events *events = &repeat->batch->options.events;
	int code = original->code;
	repeat->view.is_repeat = true;
	if (events->started)
		events->started(events->ctx, &repeat->view);
	if (code) {
		(void)sl_fail(&repeat->error, SL_PHASE_NONE, code,
			"'%s' repeats input %llu, which failed", repeat->view.url,
			(unsigned long long)original->index + 1);
		repeat->error.http_status = original->http_status;
	}
	fetch_end(repeat, code ? code : FETCH_SKIPPED);
}

/* The repeats that came while it was under way; only their numbers were kept. */
SL_SUSPENDS
static void
end_repeats(const struct fetch *original, const struct sl_names_owner *owner)
{
	struct sl_batch *batch = original->batch;
	for (size_t i = 0; i < original->repeats.count; i++) {
		uint64_t index = original->repeats.indices[i];
		struct fetch *repeat = fetch_new(batch, &original->entry, index);
		char *path = sl_span_dup(sl_span_str(original->view.path));
		if (!repeat || !path) {
			if (repeat)
				drop(repeat);
			free(path);
			out_of_memory(batch, index);
			continue;
		}
		repeat->path = path;
		repeat->view.path = path;
		repeat->view.total = original->view.total;
		if (fetch_set_url(repeat) == 0) /* parsed before; else it has its error */
			end_repeat(repeat, owner);
		else
			fetch_end(repeat, repeat->error.code);
	}
}

static struct fetch *
find_active(struct sl_batch *batch, uint64_t index)
{
	sl_list_each(node, &batch->active)
	{
		struct fetch *fetch = sl_list_item(node, struct fetch, link);
		if (fetch->view.index == index)
			return fetch;
	}
	return NULL;
}

static bool
add_repeat(struct repeats *repeats, uint64_t index)
{
	if (repeats->count == repeats->cap) {
		size_t cap = repeats->cap ? repeats->cap * 2 : 16;
		uint64_t *indices = reallocarray(repeats->indices, cap, sizeof(*indices));
		if (!indices)
			return false;
		repeats->indices = indices;
		repeats->cap = cap;
	}
	repeats->indices[repeats->count++] = index;
	return true;
}

/* It ends with its original, or now if that has ended. */
SL_SUSPENDS
static void
follow_original(struct fetch *repeat)
{
	struct sl_batch *batch = repeat->batch;
	struct sl_names_owner owner = *sl_names_find(&batch->names, repeat->key);
	struct fetch *original = find_active(batch, owner.index);
	sl_log_info("'%s' (input %llu) repeats input %llu: downloaded once", repeat->view.url,
		(unsigned long long)repeat->view.index + 1, (unsigned long long)owner.index + 1);
	if (!original) {
		end_repeat(repeat, &owner);
		return;
	}
	uint64_t index = repeat->view.index;
	drop(repeat);
	if (!add_repeat(&original->repeats, index))
		out_of_memory(batch, index);
}

void
fetch_end(struct fetch *fetch, int code)
{
	struct sl_names_owner *owner =
		fetch->owns_key ? sl_names_find(&fetch->batch->names, fetch->key) : NULL;
	fetch->view.ended_ns = sl_now();
	set_outcome(fetch, code);
	if (owner && code < 0) {
		owner->code = code;
		owner->http_status = fetch->error.http_status;
	}
	struct sl_names_owner outcome = owner ? *owner : (struct sl_names_owner){ 0 };
	sl_list_remove(&fetch->link);
	report(fetch->batch, &fetch->view);
	end_repeats(fetch, &outcome);
	fetch_free(fetch);
}

/* ---- jobs ---- */

/* The first source with a URL that can be used: lists of other programs have some that cannot. */
static int
set_first_url(struct fetch *fetch)
{
	int code = fetch_set_url(fetch);
	while ((code == SL_E_USAGE || code == SL_E_UNSUPPORTED) &&
		fetch->source + 1 < fetch->entry.source_count) {
		sl_log_warn("%s; trying the next source", fetch->error.text);
		sl_error_clear(&fetch->error);
		fetch->source++;
		code = fetch_set_url(fetch);
	}
	return code;
}

/* From the entry to its name; `bad` = the code of an entry that cannot be used, with its words in
 * *err. NULL if out of memory. */
SL_SUSPENDS
static struct fetch *
begin(struct sl_batch *batch, const struct sl_entry *entry, int bad, const struct sl_error *err,
	int *code)
{
	uint64_t index = batch->next_index++;
	struct fetch *fetch = fetch_new(batch, entry, index);
	if (!fetch) {
		out_of_memory(batch, index);
		return NULL;
	}
	if (bad)
		fetch->error = *err;
	else if (entry->source_count == 0)
		bad = sl_fail(&fetch->error, SL_PHASE_NONE, SL_E_USAGE, "an entry without a URL");
	*code = bad ? bad : set_first_url(fetch);
	if (!*code)
		*code = target_claim(fetch);
	return fetch;
}

/*
 * The next input, which has a name if *code is 0; NULL in *out if it has been reported already, for
 * want of memory. False at the end. A source may suspend (a list from a pipe), and names are given
 * in the order of the inputs: one job at a time.
 */
SL_SUSPENDS
static bool
next_input(struct sl_batch *batch, struct fetch **out, int *code)
{
	struct sl_entry entry = { 0 };
	struct sl_error err = { 0 };
	*out = NULL;
	if (sl_semaphore_take(&batch->source_turn, SL_FOREVER) != 0)
		return false;
	int got = batch->source_ended
			  ? 0
			  : batch->options.source(batch->options.source_ctx, &entry, &err);
	batch->source_ended = batch->source_ended || got == 0;
	bool is_input = got > 0 || (got < 0 && !sl_task_cancelled());
	if (is_input)
		*out = begin(batch, &entry, SL_MIN(got, 0), &err, code);
	sl_semaphore_give(&batch->source_turn);
	return is_input;
}

SL_SUSPENDS
static int
job_main(void *arg)
{
	struct sl_batch *batch = arg;
	const struct sl_batch_events *events = &batch->options.events;
	struct fetch *fetch;
	int code = 0;
	while (!sl_task_cancelled() && next_input(batch, &fetch, &code)) {
		if (!fetch)
			continue;
		if (code == FETCH_REPEAT) {
			follow_original(fetch);
			continue;
		}
		if (events->started)
			events->started(events->ctx, &fetch->view);
		if (!code)
			code = fetch_prepare(fetch);
		if (!code)
			code = fetch_run(fetch);
		if (code != FETCH_HANDED_OVER)
			fetch_end(fetch, code);
	}
	return 0;
}

/* Connections take at most half of the pool: the other half is on its way to the disk. */
static unsigned
job_count(const struct sl_batch *batch)
{
	size_t half = SL_MAX(sl_chunk_pool_count(batch->options.pool) / 2, (size_t)1);
	size_t by_descriptors = SL_MAX(batch->options.descriptors / DESCRIPTORS_PER_JOB, 1u);
	return (unsigned)SL_MIN(SL_MIN((size_t)batch->options.jobs, half), by_descriptors);
}

/* Files of a group keep their part, and perhaps a directory of their own, until it is committed:
 * those in the queue and those in the group, half each of what the jobs leave. */
static unsigned
group_size(const struct sl_batch *batch)
{
	unsigned jobs = job_count(batch) * DESCRIPTORS_PER_JOB;
	unsigned rest = batch->options.descriptors > jobs ? batch->options.descriptors - jobs : 0;
	return SL_MAX(SL_MIN(rest / 4, COMMIT_FILES), 1u);
}

/* Jobs that were stopped after the last input have not asked whether it was the last. */
SL_SUSPENDS
static bool
is_over(struct sl_batch *batch)
{
	struct sl_entry entry = { 0 };
	struct sl_error err = { 0 };
	struct sl_shield shield;
	if (batch->source_ended)
		return true;
	sl_shield_begin(&shield, sl_deadline_in(SL_NS_PER_S));
	int got = batch->options.source(batch->options.source_ctx, &entry, &err);
	sl_shield_end(&shield);
	return got == 0;
}

/* 0 if every input was begun and none was cancelled: a cancellation that came when all was done has
 * cancelled nothing. */
SL_SUSPENDS
static int
outcome(struct sl_batch *batch)
{
	if (batch->summary.cancelled == 0 && is_over(batch))
		return 0;
	int reason = batch->cancel_reason ? batch->cancel_reason : sl_task_cancelled();
	return reason ? reason : -ECANCELED;
}

SL_SUSPENDS
static int
start_jobs(struct sl_batch *batch)
{
	int code = sl_group_spawn(batch->committer, "commit", commit_main, batch, NULL);
	for (unsigned i = 0; !code && i < job_count(batch); i++) {
		char name[16];
		snprintf(name, sizeof(name), "job %u", i + 1);
		code = sl_group_spawn(batch->jobs, name, job_main, batch, NULL);
		if (code == -ENOMEM && i > 0) /* fewer will do */
			return 0;
	}
	return code;
}

SL_SUSPENDS
static int
run_jobs(struct sl_batch *batch)
{
	struct sl_group committer, jobs;
	batch->commit_files = group_size(batch);
	int code = sl_channel_new(
		&batch->finished, "commit queue", batch->commit_files, sizeof(struct fetch *));
	if (code)
		return code;
	sl_group_enter(&committer, SL_GROUP_COLLECT);
	sl_group_enter(&jobs, SL_GROUP_COLLECT);
	batch->jobs = &jobs;
	batch->committer = &committer;
	code = start_jobs(batch);
	int left = sl_group_leave(&jobs);
	batch->jobs = NULL;
	if (left && !batch->cancel_reason)
		batch->cancel_reason = left;
	sl_channel_close(batch->finished);
	sl_group_leave(&committer);
	batch->committer = NULL;
	sl_channel_free(batch->finished);
	batch->finished = NULL;
	return code ? code : outcome(batch);
}

int
sl_batch_run(struct sl_batch *batch, struct sl_batch_summary *summary)
{
	struct sl_error disk = { 0 };
	sl_semaphore_init(&batch->source_turn, "list of inputs", 1);
	int code = run_jobs(batch);
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(SL_NS_PER_S));
	int confirmed = commit_confirm(batch, &disk);
	sl_directory_unref(batch->directory);
	sl_directories_release(&batch->directories);
	sl_shield_end(&shield);
	batch->summary.durable = batch->options.sync != SL_SYNC_NONE && batch->summary.done > 0 &&
				 !batch->not_durable && !confirmed;
	if (confirmed && batch->summary.failed == 0) {
		batch->summary.first_error = disk;
		code = confirmed;
	}
	*summary = batch->summary;
	if (batch->summary.failed > 0)
		return batch->summary.first_error.code ? batch->summary.first_error.code : -ENOMEM;
	return code;
}

void
sl_batch_cancel(struct sl_batch *batch, int reason)
{
	if (!batch->cancel_reason)
		batch->cancel_reason = reason;
	if (batch->jobs)
		sl_group_cancel(batch->jobs, reason);
	/* A sibling's failure does not touch files that are complete: they are committed. A signal
	 * starts no sync. */
	if (batch->committer && reason == SL_E_INTERRUPTED)
		sl_group_cancel(batch->committer, reason);
}

void
sl_batch_each(struct sl_batch *batch, void (*see)(void *ctx, const struct sl_download *download),
	void *ctx)
{
	sl_list_each(node, &batch->active) see(ctx, &sl_list_item(node, struct fetch, link)->view);
}

void
sl_batch_each_part(
	const struct sl_batch *batch, void (*see)(void *ctx, const char *path), void *ctx)
{
	sl_list_each(node, &batch->active)
	{
		const struct sl_part *part = &sl_list_item(node, struct fetch, link)->part;
		char *path = part->fd >= 0 && !part->is_published ? sl_part_path(part) : NULL;
		if (path)
			see(ctx, path);
		free(path);
	}
}

const struct sl_batch_summary *
sl_batch_summary(const struct sl_batch *batch)
{
	return &batch->summary;
}
