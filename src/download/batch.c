/*
 * The batch: a task that reads the source, jobs that take one input after the other, and the
 * committer. Inputs are taken and named one at a time, in their order.
 */
#include "batch_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files that wait for directories which hang: a bound on memory. Inputs behind so many wait until
 * some of them have failed. */
#define OPENING_FILES 4096u

/* The same for files that wait to be tried again: a list of a million files of a dead host is not
 * kept in memory, nor walked each time. */
#define PARKED_FILES 1024u

#define JOURNAL_SYNCS 2u /* of parts under way, at a time: other operations find a thread */

#define PER_HOST 256u /* unless the options bound it: the client does */

/* Of a file that is still being downloaded. */
static void
note_sync(void *ctx, struct sl_directory *directory, int code)
{
	sl_committer_note_sync(ctx, directory, code);
}

int
sl_batch_new(struct sl_batch **out, const struct sl_batch_options *options)
{
	struct sl_batch *batch = calloc(1, sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	struct sl_schedule_means means = { .jobs = options->jobs,
		.chunks = sl_chunk_pool_count(options->pool),
		.descriptors = options->descriptors };
	batch->schedule = sl_schedule_make(&means);
	bool sync = options->sync != SL_SYNC_NONE;
	struct sl_place_options places = { .dir = options->dir,
		.output = options->output,
		.tree = options->tree,
		.server_names = options->server_names,
		.allow_outside = options->allow_outside,
		.decompress = options->decompress,
		.keep = batch->schedule.directories,
		.sync_made = sync,
		.look_only = options->dry_run };
	sl_places_init(&batch->places, &places);
	batch->present = (struct sl_present_options){ .client = options->client,
		.pool = options->pool,
		.if_exists = options->if_exists,
		.may_stream = options->output != NULL,
		.compressed = options->compressed,
		.sync = sync,
		.look_only = options->dry_run,
		.stall_timeout_ns = options->stall_timeout_ns,
		.resume = options->resume,
		.adopt = options->adopt,
		.append = options->append,
		.verify = options->verify_resume };
	struct sl_admission_options admission = { .per_host = options->per_host ? options->per_host
										: PER_HOST,
		.total = batch->schedule.segments,
		.pool = options->pool };
	if (sl_admission_new(&batch->transfer.admission, &admission)) {
		free(batch);
		return -ENOMEM;
	}
	batch->transfer.client = options->client;
	batch->transfer.pool = options->pool;
	batch->transfer.io = options->io;
	batch->transfer.segments = SL_MAX(options->segments, 1u);
	batch->transfer.min_segment = options->min_segment;
	batch->transfer.decode_window_max = options->decode_window_max;
	batch->transfer.compressed = options->compressed;
	batch->transfer.keeps_journal = options->resume;
	batch->transfer.sync = sync;
	batch->transfer.sync_turn = &batch->sync_turn;
	batch->transfer.sync_failed = note_sync;
	batch->transfer.sync_ctx = &batch->committer;
	batch->options = *options;
	sl_breaker_init(&batch->breaker, &batch->options.retry);
	sl_random_init(&batch->random, options->retry.seed);
	batch->stays_open = options->stays_open;
	batch->source_ended = !options->source;
	sl_list_init(&batch->queue);
	sl_list_init(&batch->active);
	sl_list_init(&batch->idle);
	sl_list_init(&batch->source_idle);
	sl_list_init(&batch->openings);
	*out = batch;
	return 0;
}

void
sl_batch_free(struct sl_batch *batch)
{
	if (!batch)
		return;
	sl_assert(sl_list_is_empty(&batch->active));
	sl_plan_release(&batch->plan);
	sl_admission_free(batch->transfer.admission);
	free(batch);
}

/* ---- inputs ---- */

/* Within the time that it has for opening one. */
SL_SUSPENDS
static int
reopen_directory(struct file *file)
{
	struct sl_batch *batch = file->batch;
	struct sl_deadline deadline;
	sl_deadline_begin(&deadline, sl_deadline_in(batch->options.stall_timeout_ns));
	int code = sl_place_reopen(&batch->places, &file->place, &file->error);
	sl_deadline_end(&deadline);
	return code;
}

/* From the entry to its place, and under way. 0, FILE_REPEAT, FILE_OPENING or a code. */
SL_SUSPENDS
static int
begin(struct file *file)
{
	file_begin(file);
	if (file->place.path) /* it goes on after a pause, or an attempt that failed */
		return reopen_directory(file);
	int code = file->error.code;
	if (!code)
		code = attempt_use_first_source(file);
	/* What the client would refuse is refused before anything is made. */
	if (!code)
		code = sl_sources_check_headers(&file->sources, &file->error);
	return code ? code : opening_claim(file);
}

/* ---- the source ---- */

/* Its next entry, in batch->given; one that cannot be used has its words in file->error. */
SL_SUSPENDS
static void
read_source(struct sl_batch *batch)
{
	struct sl_entry entry = { 0 };
	struct sl_error err = { 0 };
	int got = batch->options.source(batch->options.source_ctx, &entry, &err);
	batch->source_ended = got == 0;
	if (got == 0 || (got < 0 && sl_task_cancelled()))
		return;
	uint64_t index = batch->next_index++;
	char *memory = NULL; /* of the entry: what the source returned is gone at its next call */
	if (got < 0)
		entry = (struct sl_entry){ 0 };
	struct file *file =
		sl_entry_copy(&entry, &entry, &memory) ? NULL : file_new(batch, &entry, index);
	if (!file) {
		free(memory);
		file_out_of_memory(batch, index);
		return;
	}
	file->entry_memory = memory;
	if (got < 0) {
		file->error = err;
		(void)sl_fail_code(&file->error, SL_PHASE_NONE, got, "cannot use input %llu",
			(unsigned long long)index + 1);
	}
	batch->given = file;
}

/*
 * Reads an entry each time a job has found none in the queue. A source may wait for long (a list
 * from a pipe), and no job waits with it: even a single one goes on with files that are to be tried
 * again.
 */
SL_SUSPENDS
static int
source_task(void *arg)
{
	struct sl_batch *batch = arg;
	struct sl_waiter waiter;
	while (!batch->source_ended && !sl_task_cancelled()) {
		if (batch->source_wanted)
			read_source(batch);
		else if (sl_waiter_wait(&waiter, &batch->source_idle, "a job", SL_FOREVER) == 0)
			continue;
		batch->source_wanted = false;
		queue_pass(batch);
	}
	return 0;
}

static void
want_entry(struct sl_batch *batch)
{
	struct sl_waiter *waiter = sl_waiter_pop(&batch->source_idle);
	batch->source_wanted = true;
	if (waiter)
		sl_waiter_serve(waiter, 0);
}

/* ---- taking ---- */

/* Beside a file in *out. */
enum next {
	NEXT_FILE,
	NEXT_NONE, /* it waits for its directory */
	NEXT_WAIT, /* nothing can be taken now */
	NEXT_END,
};

/* Nothing comes any more: neither entries nor files whose directory is being opened. */
static bool
is_exhausted(const struct sl_batch *batch)
{
	return batch->source_ended && !batch->given && !batch->stays_open &&
	       sl_list_is_empty(&batch->openings) && !queue_has_waiting(batch);
}

/* With the turn. Entries that were added come before the source is asked. */
static enum next
find_next(struct sl_batch *batch, struct file **out)
{
	*out = batch->given ? batch->given : queue_take(batch, true);
	batch->given = NULL;
	if (*out)
		return NEXT_FILE;
	if (is_exhausted(batch))
		return NEXT_END;
	if (!batch->source_ended && batch->summary.waiting < PARKED_FILES)
		want_entry(batch);
	return NEXT_WAIT;
}

/* The next input of the queue, which has no name yet, and is under way then. */
SL_SUSPENDS
static enum next
take_in_turn(struct sl_batch *batch, struct file **out, int *code)
{
	batch->turn_taken = true;
	enum next next = find_next(batch, out);
	if (next == NEXT_FILE)
		*code = begin(*out);
	batch->turn_taken = false;
	if (next != NEXT_WAIT)
		queue_pass(batch);
	return next == NEXT_FILE && *code == FILE_OPENING ? NEXT_NONE : next;
}

/*
 * The next file, under way if *code is 0. A directory may take long to open, and names are given in
 * the order of the inputs: one job at a time takes inputs. Files that have their name go on
 * meanwhile: some job waits for the earliest of their times, since those that began to wait before
 * it was known are the first to be woken.
 */
SL_SUSPENDS
static enum next
next_file(struct sl_batch *batch, struct file **out, int *code)
{
	enum next next = NEXT_WAIT;
	while (next == NEXT_WAIT) {
		if (sl_task_cancelled())
			return NEXT_END;
		*out = queue_take(batch, false);
		if (*out) {
			*code = begin(*out);
			return NEXT_FILE;
		}
		if (!batch->turn_taken)
			next = take_in_turn(batch, out, code);
		if (next == NEXT_WAIT && queue_wait(batch) != 0)
			return NEXT_END;
	}
	return next;
}

/* ---- jobs ---- */

/* In a task of its own, which can be stopped alone. */
SL_SUSPENDS
static int
run_steps(struct file *file)
{
	struct sl_group group;
	char name[32];
	int result = 0;
	snprintf(name, sizeof(name), "file %llu", (unsigned long long)file->view.index + 1);
	sl_group_enter(&group, SL_GROUP_COLLECT);
	file->group = &group;
	int code = sl_group_spawn(&group, name, file_task, file, &result);
	sl_group_leave(&group);
	return code ? code : result;
}

SL_SUSPENDS
static void
run_file(struct file *file)
{
	file_started(file);
	int code = run_steps(file);
	if (code == FILE_HANDED_OVER)
		return;
	file->group = NULL; /* the task was not spawned */
	attempt_abandon_probe(file);
	if (code == FILE_REPEAT)
		file_follow_original(file);
	else if (code == FILE_LATER)
		queue_park(file);
	else if (code < 0 && file->wish != FILE_GO_ON && !sl_task_cancelled())
		queue_fulfil_wish(file);
	else if (code < 0 && attempt_later(file))
		queue_park(file);
	else
		file_end(file, code);
}

/* With a checksum, what is there already may need no request: fetch.c begins the attempt then. */
SL_SUSPENDS
static void
try_file(struct file *file)
{
	bool is_local_first = sl_present_is_by_checksum(&file->place, &file->entry);
	switch (is_local_first ? ATTEMPT_NOW : attempt_begin(file)) {
	case ATTEMPT_NOW:
		run_file(file);
		break;
	case ATTEMPT_LATER:
		queue_park(file);
		break;
	case ATTEMPT_REFUSED:
		file_refuse(file, file->error.code);
		break;
	}
}

SL_SUSPENDS
static int
job_main(void *arg)
{
	struct sl_batch *batch = arg;
	enum next next = NEXT_NONE;
	while (!sl_task_cancelled() && next != NEXT_END) {
		struct file *file = NULL;
		int code = 0;
		next = next_file(batch, &file, &code);
		if (next != NEXT_FILE)
			continue;
		if (code == FILE_REPEAT)
			file_follow_original(file);
		else if (code)
			file_refuse(file, code);
		else
			try_file(file);
	}
	return 0;
}

/* ---- what the committer calls ---- */

SL_SUSPENDS
static int
find_other_name(void *ctx, struct sl_commit *commit)
{
	(void)ctx;
	return file_find_other_name(SL_CONTAINER_OF(commit, struct file, commit));
}

SL_SUSPENDS
static void
commit_ended(void *ctx, struct sl_commit *commit, int code)
{
	(void)ctx;
	file_end(SL_CONTAINER_OF(commit, struct file, commit),
		commit->is_there && !code ? FILE_SKIPPED : code);
}

/* ---- the run ---- */

/* Jobs that were stopped after the last input have not asked whether it was the last. */
SL_SUSPENDS
static bool
is_over(struct sl_batch *batch)
{
	struct sl_entry entry = { 0 };
	struct sl_error err = { 0 };
	struct sl_shield shield;
	if (batch->given || !sl_list_is_empty(&batch->queue))
		return false;
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
	int code = sl_group_spawn(
		batch->committing, "commit", sl_committer_run, &batch->committer, NULL);
	for (unsigned i = 0; !code && i < batch->schedule.jobs; i++) {
		char name[16];
		snprintf(name, sizeof(name), "job %u", i + 1);
		code = sl_group_spawn(batch->jobs, name, job_main, batch, NULL);
		if (code == -ENOMEM && i > 0) { /* fewer will do */
			code = 0;
			break;
		}
	}
	if (!code && batch->options.source)
		code = sl_group_spawn(batch->jobs, "inputs", source_task, batch, NULL);
	if (code)
		sl_group_cancel(batch->jobs, -ECANCELED);
	return code;
}

SL_SUSPENDS
static int
run_jobs(struct sl_batch *batch)
{
	struct sl_group committing, jobs;
	struct sl_committer_options options = { .sync = batch->options.sync,
		.files = batch->schedule.commit_files,
		.taken = find_other_name,
		.ended = commit_ended };
	int code = sl_committer_init(&batch->committer, &options);
	if (code)
		return code;
	sl_group_enter(&committing, SL_GROUP_COLLECT);
	sl_group_enter(&jobs, SL_GROUP_COLLECT);
	batch->jobs = &jobs;
	batch->committing = &committing;
	code = start_jobs(batch);
	int left = sl_group_leave(&jobs);
	batch->jobs = NULL;
	if (left && !batch->cancel_reason)
		batch->cancel_reason = left;
	sl_committer_finish(&batch->committer);
	sl_group_leave(&committing);
	batch->committing = NULL;
	return code ? code : outcome(batch);
}

/* What was not begun, or is paused. One that was begun, and was to be tried again, ends with the
 * failure of its last attempt, or as cancelled for the reason that others are. */
SL_SUSPENDS
static void
drop_queue(struct sl_batch *batch)
{
	int reason = batch->cancel_reason ? batch->cancel_reason : -ECANCELED;
	if (batch->given)
		file_drop(batch->given);
	batch->given = NULL;
	for (struct sl_list *node; (node = sl_list_pop(&batch->queue));) {
		struct file *file = sl_list_item(node, struct file, link);
		bool has_failed = reason == -ETIMEDOUT && file->error.code;
		if (file->is_parked && file->is_started)
			file_end(file, has_failed ? file->error.code : reason);
		else
			file_drop(file);
	}
}

int
sl_batch_run(struct sl_batch *batch, struct sl_batch_summary *summary)
{
	struct sl_error disk = { 0 };
	sl_semaphore_init(&batch->sync_turn, "sync", JOURNAL_SYNCS);
	sl_semaphore_init(&batch->opening_files, "directories being opened", OPENING_FILES);
	int code = run_jobs(batch);
	struct sl_shield shield;
	sl_shield_begin(&shield, sl_deadline_in(SL_NS_PER_S));
	drop_queue(batch);
	int confirmed = sl_committer_confirm(&batch->committer, &disk);
	sl_committer_release(&batch->committer);
	sl_places_release(&batch->places);
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
sl_batch_each(struct sl_batch *batch, void (*see)(void *ctx, const struct sl_download *download),
	void *ctx)
{
	sl_list_each(node, &batch->active)
		see(ctx, file_view(sl_list_item(node, struct file, link)));
}

void
sl_batch_each_part(
	const struct sl_batch *batch, void (*see)(void *ctx, const char *path), void *ctx)
{
	sl_list_each(node, &batch->active)
	{
		const struct sl_part *part = &sl_list_item(node, struct file, link)->part;
		char *path = part->fd >= 0 && !part->is_published ? sl_part_path(part) : NULL;
		if (path)
			see(ctx, path);
		free(path);
	}
}

const struct sl_plan *
sl_batch_plan(const struct sl_batch *batch)
{
	return &batch->plan;
}

const struct sl_batch_summary *
sl_batch_summary(struct sl_batch *batch)
{
	sl_list_each(node, &batch->active)
		file_count_received(sl_list_item(node, struct file, link));
	return &batch->summary;
}
