/*
 * follow_index.c - finds logs by their files and their paths, and looks at the files of all of them
 * when a round begins: a call of the ring for each would take ten times as long.
 */
#include "follow_int.h"

#include "sluice/rt/engine.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdlib.h>

static struct follow_by_file
by_file(const struct sl_state_file *file, struct sl_state_log *log)
{
	return (struct follow_by_file){ file->dev_major, file->dev_minor, file->inode, log };
}

static int
compare_by_file(const void *a, const void *b)
{
	const struct follow_by_file *left = a, *right = b;
	if (left->dev_major != right->dev_major)
		return left->dev_major < right->dev_major ? -1 : 1;
	if (left->dev_minor != right->dev_minor)
		return left->dev_minor < right->dev_minor ? -1 : 1;
	return left->inode == right->inode ? 0 : left->inode < right->inode ? -1 : 1;
}

static int
compare_paths(const void *a, const void *b)
{
	const struct follow_by_path *left = a, *right = b;
	return strcmp(left->path, right->path);
}

static int
compare_by_path(const void *a, const void *b)
{
	const struct follow_by_path *left = a, *right = b;
	int order = strcmp(left->path, right->path);
	return order ? order : (left->log->at != NULL) - (right->log->at != NULL);
}

static void
free_retired(struct sl_follow *follow)
{
	for (size_t i = 0; i < follow->retired_count; i++)
		free(follow->retired[i]);
	follow->retired_count = 0;
}

void
sl_follow_index_release(struct sl_follow *follow)
{
	free_retired(follow);
	free(follow->retired);
	free(follow->by_file);
	free(follow->by_path);
}

int
sl_follow_index(struct sl_follow *follow)
{
	const struct sl_state *state = &follow->state;
	size_t count = state->count;
	free_retired(follow);
	free(follow->by_file);
	free(follow->by_path);
	follow->by_file = calloc(count + 1, sizeof(*follow->by_file));
	follow->by_path = calloc(count + 1, sizeof(*follow->by_path));
	follow->indexed = 0;
	if (!follow->by_file || !follow->by_path)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct sl_state_log *log = state->logs[i];
		log->is_old = true;
		follow->by_file[i] = by_file(&log->file, log);
		follow->by_path[i] = (struct follow_by_path){ log->path, log };
	}
	qsort(follow->by_file, count, sizeof(*follow->by_file), compare_by_file);
	qsort(follow->by_path, count, sizeof(*follow->by_path), compare_by_path);
	follow->indexed = count;
	return 0;
}

struct sl_state_log *
sl_follow_by_file(const struct sl_follow *follow, const struct sl_state_file *file)
{
	const struct follow_by_file key = by_file(file, NULL);
	const struct follow_by_file *end = follow->by_file + follow->indexed;
	const struct follow_by_file *found =
		bsearch(&key, follow->by_file, follow->indexed, sizeof(key), compare_by_file);
	while (found && found > follow->by_file && compare_by_file(found - 1, &key) == 0)
		found--;
	/* Files that were removed may have had its inode, and one that was truncated another text,
	 * which has been found elsewhere in this round, or has got another file. */
	struct sl_state_log *moved = NULL;
	for (; found && found < end && compare_by_file(found, &key) == 0; found++) {
		struct sl_state_log *log = found->log;
		if (sl_state_is_dropped(log) || !sl_state_is_same_file(&log->file, file))
			continue;
		if (log->moved_round != follow->round)
			return log;
		moved = log;
	}
	return moved;
}

static size_t
first_of_path(const struct sl_follow *follow, const char *path)
{
	struct follow_by_path key = { path, NULL };
	const struct follow_by_path *found =
		bsearch(&key, follow->by_path, follow->indexed, sizeof(key), compare_paths);
	if (!found)
		return follow->indexed;
	while (found > follow->by_path && strcmp(found[-1].path, path) == 0)
		found--;
	return (size_t)(found - follow->by_path);
}

struct sl_state_log *
sl_follow_by_path(const struct sl_follow *follow, const char *path)
{
	size_t first = first_of_path(follow, path);
	if (first == follow->indexed)
		return NULL;
	struct sl_state_log *log = follow->by_path[first].log;
	return log->at || sl_state_is_dropped(log) || strcmp(log->path, path) != 0 ? NULL : log;
}

struct sl_state_log *
sl_follow_next_of(const struct sl_follow *follow, const char *path, size_t *next)
{
	size_t at = *next ? *next : first_of_path(follow, path);
	for (; at < follow->indexed && strcmp(follow->by_path[at].path, path) == 0; at++) {
		struct sl_state_log *log = follow->by_path[at].log;
		if (sl_state_is_dropped(log) || strcmp(log->path, path) != 0)
			continue;
		*next = at + 1;
		return log;
	}
	return NULL;
}

/* ---- a look at all files ---- */

#define LOOKS 1024u /* with one call of the blocking pool: some milliseconds */

struct look_call {
	const struct sl_follow *follow;
	struct sl_engine *engine;
	size_t from, to;
};

static int
look(void *arg)
{
	const struct look_call *call = arg;
	for (size_t i = call->from; i < call->to; i++) {
		struct sl_state_log *log = call->follow->by_path[i].log;
		if (sl_probe_look(call->engine, sl_state_at(log), &log->seen))
			log->seen_round = call->follow->round;
	}
	return 0;
}

int
sl_follow_look(struct sl_follow *follow)
{
	struct look_call call = { .follow = follow, .engine = sl_rt_engine(sl_rt_current()) };
	for (; call.from < follow->indexed; call.from = call.to) {
		int code = sl_task_cancelled();
		call.to = SL_MIN(call.from + LOOKS, follow->indexed);
		if (code == 0)
			code = sl_blocking_wait(look, &call);
		if (code)
			return code;
	}
	return 0;
}

bool
sl_follow_was_quiet(const struct sl_follow *follow, const struct sl_state_log *log)
{
	return log->seen_round == follow->round && !log->has_more && !log->is_held &&
	       sl_state_is_unchanged(&log->seen, &log->file);
}
