/*
 * scan_list.c - the first stage: the lister finds inputs, from arguments and in directories.
 */
#include "scan_int.h"

#include "sluice/rt/io.h"
#include "sluice/scan/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define STATS 32u /* arguments looked at with one call */

SL_SUSPENDS
static int
pass_on(struct scan *scan, struct scan_job *job)
{
	scan->progress->listed++;
	return sl_channel_send(scan->listed, &job, SL_FOREVER);
}

/* Waits while as many inputs as are allowed are listed and not reported. */
SL_SUSPENDS
static int
job_new(struct scan *scan, const char *path, bool is_found, struct scan_job **out)
{
	int code = sl_semaphore_take(&scan->unreported, SL_FOREVER);
	if (code)
		return code;
	*out = sl_scan_job_new(scan, path, is_found);
	return *out ? 0 : -ENOMEM;
}

/* What a walk has found, also where it is not to be read. */
static void
take_found(struct scan_job *job, int found, const struct sl_error *err)
{
	job->input->is_link = found == SL_WALK_LINK;
	if (found == SL_WALK_OTHER_LINK)
		job->listed_as = SL_SCAN_LINK;
	else if (found == SL_WALK_SPECIAL)
		job->listed_as = SL_SCAN_SPECIAL;
	if (found < 0 || job->listed_as != SL_SCAN_OK)
		job->input->err = *err;
}

/* What the walk has found becomes an input, also where it is not to be read: it is listed with the
 * reason. So is a directory that cannot be read. */
SL_SUSPENDS
static int
list_found(struct scan *scan, const char *path, int found, const struct sl_error *err)
{
	struct scan_job *job = NULL;
	int code = job_new(scan, path, true, &job);
	if (code)
		return code;
	take_found(job, found, err);
	return pass_on(scan, job);
}

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* A link with another name counts as another file: so that few files are looked at. */
SL_SUSPENDS
static bool
is_own_file(const struct scan *scan, const char *path)
{
	const struct sl_scan_setup *setup = scan->setup;
	struct statx own, found;
	for (size_t i = 0; i < setup->own_count; i++) {
		const char *file = setup->own_files[i];
		if (file && strcmp(name_of(file), name_of(path)) == 0 &&
			sl_io_stat(AT_FDCWD, file, 0, STATX_INO, &own) == 0 &&
			sl_io_stat(AT_FDCWD, path, 0, STATX_INO, &found) == 0 &&
			sl_io_is_same_inode(&own, &found))
			return true;
	}
	return false;
}

SL_SUSPENDS
static int
list_directory(struct scan *scan, const char *directory)
{
	struct sl_walk *walk = NULL;
	struct sl_error err = { 0 };
	const char *path = NULL;
	int code = sl_walk_new(&walk, directory, !scan->setup->no_follow, &scan->setup->rules);
	while (code == 0) {
		int found = sl_walk_next(walk, &path, &err);
		if (found == SL_WALK_END)
			break;
		if (found > SL_WALK_END && is_own_file(scan, path))
			continue;
		code = found < 0 && found != SL_E_NAME ? found
						       : list_found(scan, path, found, &err);
	}
	sl_walk_free(walk);
	return code;
}

static const struct sl_input_remote *
remote_of(const struct scan *scan, size_t i)
{
	return scan->setup->remotes ? scan->setup->remotes[i] : NULL;
}

/* What opening must know before: directories are walked, FIFOs opened without waiting for a
 * writer. */
SL_SUSPENDS
static int
list_argument(struct scan *scan, size_t i, int result, const struct statx *st)
{
	const char *path = scan->setup->paths[i];
	struct scan_job *job = NULL;
	unsigned type = result == 0 ? st->stx_mode & S_IFMT : 0;
	if (type == S_IFDIR) {
		int code = list_directory(scan, path);
		scan->listed_arguments += code == 0;
		return code;
	}
	int code = job_new(scan, path, false, &job);
	if (code)
		return code;
	scan->listed_arguments++;
	job->input->may_block = type == S_IFIFO || result < 0; /* or the type is unknown */
	if (remote_of(scan, i))
		sl_input_set_remote(job->input, remote_of(scan, i));
	return pass_on(scan, job);
}

SL_SUSPENDS
static int
list_arguments(struct scan *scan, size_t first, size_t count)
{
	const char *const *paths = scan->setup->paths + first;
	struct sl_op ops[STATS];
	struct statx stats[STATS];
	for (size_t i = 0; i < count; i++) {
		bool is_path = strcmp(paths[i], "-") != 0 && !remote_of(scan, first + i);
		ops[i] = (struct sl_op){ .kind = is_path ? SL_OP_STAT : SL_OP_NOP,
			.dir_fd = AT_FDCWD,
			.path = paths[i],
			.mask = STATX_TYPE,
			.statx = &stats[i] };
		stats[i].stx_mode = 0;
	}
	int code = sl_io_batch(ops, count);
	for (size_t i = 0; i < count && code == 0; i++)
		code = list_argument(scan, first + i, ops[i].result, &stats[i]);
	return code;
}

SL_SUSPENDS
static int
list_item(struct scan *scan, const struct sl_scan_item *item)
{
	struct scan_job *job = NULL;
	int code = job_new(scan, item->path, item->is_found, &job);
	if (code)
		return code;
	scan->listed_arguments++;
	job->item = item;
	if (item->first_side != SL_PERIOD_UNKNOWN)
		job->join.spec.first_side = item->first_side;
	if (item->is_found)
		take_found(job, item->found, item->err);
	if (item->refused)
		sl_input_refuse(job->input, item->refused);
	if (item->fd >= 0)
		sl_input_lend(job->input, item->fd, item->from, item->until);
	job->input->may_block = true; /* its type is not known */
	return pass_on(scan, job);
}

int
sl_scan_list(void *arg)
{
	struct scan *scan = arg;
	int code = 0;
	for (size_t i = 0; scan->setup->items && i < scan->setup->count && code == 0; i++)
		code = list_item(scan, &scan->setup->items[i]);
	for (size_t i = 0; !scan->setup->items && i < scan->setup->count && code == 0; i += STATS)
		code = list_arguments(scan, i, SL_MIN(scan->setup->count - i, (size_t)STATS));
	scan->progress->all_listed = code == 0;
	sl_channel_close(scan->listed);
	return code;
}
