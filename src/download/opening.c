/*
 * opening.c - how an ACTIVE file gets its place: at once if its directory is open, else in a task
 * that opens the directory for all files which wait for it.
 *
 * Opening may hang for good (a dead NFS server, a FUSE mount whose program has stopped), and names
 * go to the inputs in their order. So the job that meets a directory which is not open yet waits
 * OPEN_PATIENCE_NS for it, and then goes on with the next input. The files of a directory claim
 * their names in their order all the same. A later input gets a name before an earlier one only if
 * both lead to one directory by different paths, and the earlier path hangs on its way there.
 *
 * A file whose directory has not been opened within --stall-timeout fails; others of the same
 * directory, and of those below it, fail with it from then on (directory_walk.c).
 */
#include "batch_int.h"

#include "sluice/rt/waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long inputs behind wait, so that names go to all inputs in their order; less while another
 * directory hangs. */
#define OPEN_PATIENCE_NS SL_NS_PER_S
#define OPEN_PATIENCE_HANGING_NS (100 * SL_NS_PER_MS)

/* A directory that is being opened, and the files that wait for it. */
struct opening {
	struct sl_list link; /* batch->openings */
	struct sl_batch *batch;
	char *path;           /* place->wanted of its files */
	struct sl_list files; /* by of_opening, in the order of the inputs */
	struct sl_list jobs;  /* waiter: the job that waits for its end */
	uint64_t until_ns;
};

/* With --if-exists=rename an input that was given twice was asked for twice, and another name is
 * used if this one is an input's or a file's already. */
int
opening_settle(struct file *file, int code)
{
	struct sl_batch *batch = file->batch;
	struct sl_place *place = &file->place;
	bool is_claimed = code == SL_PLACE_CLAIMED;
	bool rename =
		batch->options.if_exists == SL_EXISTS_RENAME && (code >= 0 || code == SL_E_TWICE);
	if (!rename)
		return code == SL_PLACE_REPEAT ? FILE_REPEAT : code;
	sl_error_clear(&file->error);
	if (is_claimed && !sl_present_is_taken(&batch->present, place))
		return 0;
	return sl_place_rename(&batch->places, place, &file->error);
}

/* 0, FILE_REPEAT or a code. */
SL_SUSPENDS
static int
claim(struct file *file)
{
	struct sl_place *place = &file->place;
	int code = sl_place_claim(&file->batch->places, place, &file->sources, &file->error);
	if (!code && !place->directory) {
		file->is_stream = true;
		file->stream_fd = STDOUT_FILENO;
		return 0;
	}
	return !code && place->awaits_name ? 0 : opening_settle(file, code);
}

static struct opening *
find(struct sl_batch *batch, const char *path)
{
	sl_list_each(node, &batch->openings)
	{
		struct opening *opening = sl_list_item(node, struct opening, link);
		if (strcmp(opening->path, path) == 0)
			return opening;
	}
	return NULL;
}

/* ---- the task ---- */

/* The next one that waits: its place, or its end. True if it has its place. */
SL_SUSPENDS
static bool
claim_next(struct opening *opening, struct file *file)
{
	struct sl_deadline deadline;
	sl_deadline_begin(&deadline, opening->until_ns);
	int code = claim(file);
	sl_deadline_end(&deadline);
	sl_semaphore_give(&opening->batch->opening_files);
	if (code == FILE_REPEAT)
		file_follow_original(file);
	else if (code)
		file_refuse(file, code);
	return code == 0;
}

/* They are the next of the queue. */
static void
requeue(struct sl_batch *batch, struct sl_list *ready)
{
	struct sl_list *first = batch->queue.next, *node;
	while ((node = sl_list_pop(ready))) {
		sl_list_item(node, struct file, link)->state = FILE_WAITING;
		sl_list_push_back(first, node); /* in front of it */
	}
}

SL_SUSPENDS
static int
open_task(void *arg)
{
	struct opening *opening = arg;
	struct sl_batch *batch = opening->batch;
	struct sl_list ready, *node;
	sl_list_init(&ready);
	while ((node = sl_list_pop(&opening->files))) {
		struct file *file = sl_list_item(node, struct file, of_opening);
		if (!claim_next(opening, file))
			continue;
		sl_list_remove(&file->link);
		sl_list_push_back(&ready, &file->link);
	}
	sl_list_remove(&opening->link);
	requeue(batch, &ready);
	struct sl_waiter *job = sl_waiter_pop(&opening->jobs);
	if (job)
		sl_waiter_serve(job, 0);
	queue_wake(batch);
	free(opening->path);
	free(opening);
	return 0;
}

/* ---- the jobs' side ---- */

static int
begin_opening(struct sl_batch *batch, const char *path, struct opening **out)
{
	struct opening *opening = calloc(1, sizeof(*opening));
	char *copy = strdup(path);
	int code = opening && copy ? 0 : -ENOMEM;
	if (!code) {
		*opening = (struct opening){ .batch = batch,
			.path = copy,
			.until_ns = sl_deadline_in(batch->options.stall_timeout_ns) };
		sl_list_init(&opening->link);
		sl_list_init(&opening->files);
		sl_list_init(&opening->jobs);
		code = sl_group_spawn(batch->jobs, "directory", open_task, opening, NULL);
	}
	if (code) {
		free(copy);
		free(opening);
		return code;
	}
	sl_list_push_back(&batch->openings, &opening->link);
	*out = opening;
	return 0;
}

/* Its place is claimed by the task. Returns FILE_OPENING or a code. */
SL_SUSPENDS
static int
wait_for_directory(struct file *file)
{
	struct sl_batch *batch = file->batch;
	const char *path = file->place.wanted;
	bool one_hangs = !sl_list_is_empty(&batch->openings);
	int code = sl_semaphore_take(&batch->opening_files, SL_FOREVER);
	if (code)
		return code;
	struct opening *opening = find(batch, path);
	bool is_new = !opening;
	code = is_new ? begin_opening(batch, path, &opening) : 0;
	if (code) {
		sl_semaphore_give(&batch->opening_files);
		return code;
	}
	sl_list_push_back(&opening->files, &file->of_opening);
	struct sl_waiter waiter;
	uint64_t patience_ns = one_hangs ? OPEN_PATIENCE_HANGING_NS : OPEN_PATIENCE_NS;
	if (is_new) /* in time or not, the task has the file */
		(void)!sl_waiter_wait(
			&waiter, &opening->jobs, "a directory", sl_deadline_in(patience_ns));
	return FILE_OPENING;
}

int
opening_claim(struct file *file)
{
	struct sl_batch *batch = file->batch;
	int code = sl_place_begin(
		&batch->places, &file->place, &file->sources, file->view.index, &file->error);
	if (code)
		return code;
	/* Behind those that came before. */
	if (!sl_place_is_open(&batch->places, &file->place) || find(batch, file->place.wanted))
		return wait_for_directory(file);
	return claim(file);
}
