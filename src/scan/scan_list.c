/*
 * The first stage: the lister finds inputs.
 */
#include "scan_int.h"

#include "sluice/base/log.h"
#include "sluice/base/text.h"
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

static int
job_new(struct scan *scan, const char *path, bool is_found, struct scan_job **out)
{
	struct scan_job *job = calloc(1, sizeof(*job));
	*out = job;
	if (!job || sl_input_new(&job->input, path, is_found) != 0) {
		free(job);
		return -ENOMEM;
	}
	sl_list_push_back(&scan->jobs, &job->of_scan);
	return 0;
}

/* Somebody who named a directory of links expects more than silence. */
static void
say_if_nothing_found(const struct sl_walk *walk, const char *directory, size_t found)
{
	struct sl_buf shown = { 0 };
	size_t count = sl_walk_passed_over(walk);
	if (found > 0 || count == 0)
		return;
	sl_text_shorten(&shown, sl_span_str(directory), SL_INPUT_SHOWN_MAX);
	if (!shown.failed)
		sl_log_warn("'%s' has no regular files: links, devices and FIFOs in it (%zu) are "
			    "not read unless they are named",
			shown.data ? shown.data : "", count);
	sl_buf_release(&shown);
}

/* A directory that cannot be read is an input that cannot be read: it is listed with its error. */
SL_SUSPENDS
static int
list_directory(struct scan *scan, const char *directory)
{
	struct sl_walk *walk = NULL;
	struct sl_error err = { 0 };
	const char *path = NULL;
	size_t count = 0;
	int code = sl_walk_new(&walk, directory);
	while (code == 0) {
		struct scan_job *job = NULL;
		int found = sl_walk_next(walk, &path, &err);
		if (found == 0) {
			say_if_nothing_found(walk, directory, count);
			break;
		}
		count++;
		if (found < 0 && found != SL_E_NAME) {
			code = found;
			break;
		}
		code = job_new(scan, path, true, &job);
		if (code)
			break;
		if (found < 0)
			job->input->err = err;
		code = pass_on(scan, job);
	}
	sl_walk_free(walk);
	return code;
}

/* What opening must know before: directories are walked, FIFOs opened without waiting for a writer.
 * / */
SL_SUSPENDS
static int
list_argument(struct scan *scan, const char *path, int result, const struct statx *st)
{
	struct scan_job *job = NULL;
	unsigned type = result == 0 ? st->stx_mode & S_IFMT : 0;
	if (type == S_IFDIR)
		return list_directory(scan, path);
	int code = job_new(scan, path, false, &job);
	if (code)
		return code;
	job->input->may_block = type == S_IFIFO || result < 0; /* who knows */
	return pass_on(scan, job);
}

SL_SUSPENDS
static int
list_arguments(struct scan *scan, const char *const *paths, size_t count)
{
	struct sl_op ops[STATS];
	struct statx stats[STATS];
	for (size_t i = 0; i < count; i++) {
		bool is_stdin = strcmp(paths[i], "-") == 0;
		ops[i] = (struct sl_op){ .kind = is_stdin ? SL_OP_NOP : SL_OP_STAT,
			.dir_fd = AT_FDCWD,
			.path = paths[i],
			.mask = STATX_TYPE,
			.statx = &stats[i] };
		stats[i].stx_mode = 0;
	}
	int code = sl_io_batch(ops, count);
	for (size_t i = 0; i < count && code == 0; i++)
		code = list_argument(scan, paths[i], ops[i].result, &stats[i]);
	return code;
}

int
sl_scan_list(void *arg)
{
	struct scan *scan = arg;
	int code = 0;
	for (size_t i = 0; i < scan->setup->count && code == 0; i += STATS)
		code = list_arguments(scan, scan->setup->paths + i,
			SL_MIN(scan->setup->count - i, (size_t)STATS));
	scan->progress->all_listed = code == 0;
	sl_channel_close(scan->listed);
	return code;
}
