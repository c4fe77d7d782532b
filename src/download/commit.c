/*
 * commit.c - how a complete part becomes a durable file. The part is sealed already (part_seal.c):
 * nothing about it changes any more but its name. Then:
 *
 *    sync the file  >  check that its name still stands for what was written, and the final name
 *    for the file that is to be replaced  >  rename without replacing  >  sync the directory  >
 *    confirm that the file system still takes changes
 *
 * After a power cut the final name holds either what it held before or the whole new file. A file
 * is reported done only after the last step. Small files take these steps a group at a time
 * (commit_group.c).
 *
 * A sync that fails may have lost writes of other files, too (inodes share blocks): after it no
 * file on that device is reported done in this run.
 */
#include "commit_int.h"

#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

bool
commit_wants_sync(const struct sl_committer *committer)
{
	return committer->options.sync != SL_SYNC_NONE;
}

int
commit_not_durable(struct sl_commit *commit, int code)
{
	return sl_fail(commit->err, SL_PHASE_SYNC, code,
		"'%s' is complete under its name, but its directory could not be synced: %s (not "
		"durable yet)",
		commit->place->path, sl_code_text(code));
}

int
commit_sync_failed(struct sl_commit *commit, int code)
{
	if (sl_part_is_stop(code))
		return code;
	if (commit->is_there)
		return sl_fail_code(commit->err, SL_PHASE_SYNC, code,
			"'%s' is complete, but cannot be synced", commit->place->path);
	return sl_fail(commit->err, SL_PHASE_SYNC, code,
		"cannot sync '%s': %s (its bytes may be lost)", commit->part->part_name,
		sl_code_text(code));
}

int
sl_commit_shield_begin(struct sl_shield *shield)
{
	int reason = sl_task_cancelled();
	if (reason && reason != -ECANCELED)
		return reason;
	sl_shield_begin(shield, sl_task_deadline());
	return 0;
}

/* ---- devices ---- */

/* The last one stands for all that are too many. */
static struct sl_commit_device *
device_of(struct sl_committer *committer, struct sl_directory *directory)
{
	struct sl_commit_device *device = committer->devices;
	struct sl_commit_device *last = &committer->devices[SL_COUNT_OF(committer->devices) - 1];
	for (; device < last && device->directory; device++)
		if (device->directory->dev_major == directory->dev_major &&
			device->directory->dev_minor == directory->dev_minor)
			return device;
	if (!device->directory) {
		device->directory = directory;
		sl_directory_ref(directory);
	}
	return device;
}

/* A full disk or quota is one file's failure, and so is lack of memory, others the device's. */
static bool
is_device_failure(int code)
{
	bool own = code == -ENOSPC || code == -EDQUOT || code == -ENOMEM || code == -EINTR ||
		   code == -EAGAIN || code == -ENOENT;
	return code && !own && !sl_part_is_stop(code) && code != SL_E_INTERRUPTED;
}

void
sl_committer_note_sync(struct sl_committer *committer, struct sl_directory *directory, int code)
{
	struct sl_commit_device *device = device_of(committer, directory);
	if (!device->failure && is_device_failure(code))
		device->failure = code;
}

void
commit_note_sync(struct sl_committer *committer, const struct sl_commit *commit, int code)
{
	sl_committer_note_sync(committer, commit->place->directory, code);
}

int
commit_device_failure(struct sl_committer *committer, const struct sl_commit *commit)
{
	return device_of(committer, commit->place->directory)->failure;
}

int
sl_committer_confirm(struct sl_committer *committer, struct sl_error *err)
{
	int first = 0;
	for (size_t i = 0; i < SL_COUNT_OF(committer->devices); i++) {
		struct sl_commit_device *device = &committer->devices[i];
		if (!device->directory)
			break;
		int code = device->failure ? 0 : sl_directory_confirm(device->directory);
		if (is_device_failure(code))
			device->failure = code;
		if (device->failure && !first)
			first = sl_fail(err, SL_PHASE_SYNC, device->failure,
				"the file system of '%s' has failed: %s (files of this run may be "
				"lost)",
				device->directory->path, sl_code_text(device->failure));
		sl_directory_unref(device->directory);
		device->directory = NULL;
	}
	return first;
}

/* ---- one by one ---- */

/* The name may have been taken while the body came. */
int
commit_publish(struct sl_committer *committer, struct sl_commit *commit)
{
	int code;
	while ((code = sl_part_publish(commit->part, commit->replace, commit->err)) == -EEXIST) {
		code = committer->options.taken(committer->options.ctx, commit);
		if (code)
			break;
	}
	return code;
}

SL_SUSPENDS
static int
sync_file(struct sl_committer *committer, struct sl_commit *commit)
{
	if (!commit_wants_sync(committer))
		return 0;
	/* With mode and time: not only what is needed to find the data. */
	int code = commit_device_failure(committer, commit);
	if (!code)
		code = sl_io_sync(commit->part->fd, 0);
	commit_note_sync(committer, commit, code);
	return code ? commit_sync_failed(commit, code) : 0;
}

/* What another program has written to it while the body came is nowhere else. */
SL_SUSPENDS
static int
check_replaced(struct sl_commit *commit)
{
	struct statx st = { 0 };
	const struct sl_place *place = commit->place;
	if (!commit->replaced)
		return 0;
	int code = sl_io_stat(
		place->directory->fd, place->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	if (code == -ENOENT || sl_part_is_stop(code))
		return code == -ENOENT ? 0 : code;
	if (code)
		return sl_fail_code(
			commit->err, SL_PHASE_RENAME, code, "cannot examine '%s'", place->path);
	if (sl_file_id_is(commit->replaced, &st))
		return 0;
	return sl_fail(commit->err, SL_PHASE_RENAME, -EEXIST,
		"'%s' was changed by another program in the meantime, and is left as it is "
		"(--if-exists=replace overwrites it)",
		place->path);
}

SL_SUSPENDS
static int
check(struct sl_committer *committer, struct sl_commit *commit)
{
	(void)committer;
	int code = sl_part_check(commit->part, commit->length, commit->err);
	return code ? code : check_replaced(commit);
}

int
commit_sync_directory(struct sl_directory *directory, bool changed)
{
	int code = sl_directory_sync(directory);
	return code || !changed ? code : sl_directory_confirm(directory);
}

SL_SUSPENDS
static int
sync_name(struct sl_committer *committer, struct sl_commit *commit)
{
	int code = commit_sync_directory(commit->place->directory, true);
	commit_note_sync(committer, commit, code);
	return code ? code : commit_device_failure(committer, commit);
}

SL_SUSPENDS
static int
run_step(struct sl_committer *committer, struct sl_commit *commit,
	int (*step)(struct sl_committer *, struct sl_commit *))
{
	struct sl_shield shield;
	int code = sl_commit_shield_begin(&shield);
	if (code)
		return code;
	code = step(committer, commit);
	sl_shield_end(&shield);
	return code;
}

int
sl_committer_commit(struct sl_committer *committer, struct sl_commit *commit)
{
	static int (*const steps[])(
		struct sl_committer *, struct sl_commit *) = { sync_file, check, commit_publish };
	int code = 0;
	for (size_t i = 0; i < SL_COUNT_OF(steps) && !code; i++)
		code = run_step(committer, commit, steps[i]);
	if (!code && commit_wants_sync(committer)) {
		int synced = run_step(committer, commit, sync_name);
		code = synced ? commit_not_durable(commit, synced) : 0;
	}
	if (!code || commit->part->is_published)
		sl_part_close(commit->part);
	return code;
}

/* ---- handing over ---- */

int
sl_committer_init(struct sl_committer *committer, const struct sl_committer_options *options)
{
	*committer = (struct sl_committer){ .options = *options };
	return sl_channel_new(
		&committer->queue, "commit queue", options->files, sizeof(struct sl_commit *));
}

void
sl_committer_release(struct sl_committer *committer)
{
	sl_channel_free(committer->queue);
	committer->queue = NULL;
}

void
sl_committer_finish(struct sl_committer *committer)
{
	sl_channel_close(committer->queue);
}

/* The committer ends before its time only if something is wrong with it. */
int
sl_committer_hand_over(struct sl_committer *committer, struct sl_commit *commit)
{
	struct sl_shield shield;
	int code = sl_commit_shield_begin(&shield);
	if (code)
		return code;
	committer->uncommitted_bytes += commit->length;
	code = sl_channel_send(committer->queue, &commit, SL_FOREVER);
	sl_shield_end(&shield);
	if (code)
		committer->uncommitted_bytes -= commit->length;
	if (code == -EPIPE)
		code = committer->end_code ? committer->end_code : -ECANCELED;
	return code;
}
