/*
 * How a complete part becomes a durable file. The part is sealed already (part.c): nothing about it
 * changes any more but its name. Then:
 *
 *    sync the file  >  check that its name still stands for what was written  >  rename without
 *    replacing  >  sync the directory  >  confirm that the file system still takes changes
 *
 * After a power cut the final name holds either what it held before or the whole new file. A file
 * is reported done only after the last step.
 *
 * Small files go through these steps a group at a time: the renames, for example, are one call of
 * the blocking pool for up to SL_COMMIT_FILES files. Files that were there already but may not be
 * on disk yet are synced in the same groups.
 *
 * Rules:
 *  - The sync of each file is its own: several threads sync a group side by side. One syncfs for
 *    all of them is used only where it costs no more: on a local file system, for many files, and
 *    while other programs have next to nothing unwritten, because it waits for their data as well.
 *  - A sync that fails may have lost writes of other files, too (inodes share blocks): after it no
 *    file on that device is reported done in this run.
 */
#include "sluice/download/commit.h"

#include "sluice/base/log.h"
#include "sluice/base/number.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Threads of the blocking pool that sync a group; the others stay free for the downloads. */
#define SYNC_TASKS 12u
/* Fewer files are synced as fast one by one: measured on ext4, XFS and overlayfs. */
#define SYNCFS_LEAST 16u
/* What other programs may have unwritten for a syncfs: less than a second of a disk of 20 MB/s. The
 * kernel reports it for all file systems together, so this is an upper bound. */
#define SYNCFS_OTHERS (16 * SL_MIB)

/* A group ends when it has options.files files, or so many bytes, or is so old. */
#define GROUP_BYTES (64 * SL_MIB)
#define GROUP_NS SL_NS_PER_S
#define GATHER_NS (5 * SL_NS_PER_MS) /* instead of GROUP_NS with --sync=none */

static bool
wants_sync(const struct sl_committer *committer)
{
	return committer->options.sync != SL_SYNC_NONE;
}

static int
not_durable(struct sl_commit *commit, int code)
{
	return sl_fail(commit->err, SL_PHASE_SYNC, code,
		"'%s' is complete under its name, but its directory could not be synced: %s (not "
		"durable yet)",
		commit->place->path, sl_code_text(code));
}

static int
sync_failed(struct sl_commit *commit, int code)
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

static void
note_sync_failure(struct sl_committer *committer, const struct sl_commit *commit, int code)
{
	struct sl_commit_device *device = device_of(committer, commit->place->directory);
	if (!device->failure && is_device_failure(code))
		device->failure = code;
}

/* 0, or why nothing on its device can be trusted any more. */
static int
device_failure(struct sl_committer *committer, const struct sl_commit *commit)
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
SL_SUSPENDS
static int
publish(struct sl_committer *committer, struct sl_commit *commit)
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
	if (!wants_sync(committer))
		return 0;
	/* With mode and time: not only what is needed to find the data. */
	int code = device_failure(committer, commit);
	if (!code)
		code = sl_io_sync(commit->part->fd, 0);
	note_sync_failure(committer, commit, code);
	return code ? sync_failed(commit, code) : 0;
}

SL_SUSPENDS
static int
check(struct sl_committer *committer, struct sl_commit *commit)
{
	(void)committer;
	return sl_part_check(commit->part, commit->length, commit->err);
}

/* `changed`: names in it were; else only files that stood there, perhaps on a read-only mount. */
SL_SUSPENDS
static int
sync_directory(struct sl_directory *directory, bool changed)
{
	int code = sl_directory_sync(directory);
	return code || !changed ? code : sl_directory_confirm(directory);
}

SL_SUSPENDS
static int
sync_name(struct sl_committer *committer, struct sl_commit *commit)
{
	int code = sync_directory(commit->place->directory, true);
	note_sync_failure(committer, commit, code);
	return code ? code : device_failure(committer, commit);
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
		struct sl_committer *, struct sl_commit *) = { sync_file, check, publish };
	int code = 0;
	for (size_t i = 0; i < SL_COUNT_OF(steps) && !code; i++)
		code = run_step(committer, commit, steps[i]);
	if (!code && wants_sync(committer)) {
		int synced = run_step(committer, commit, sync_name);
		code = synced ? not_durable(commit, synced) : 0;
	}
	if (code)
		sl_part_discard(commit->part);
	else
		sl_part_close(commit->part);
	return code;
}

/* ---- groups ---- */

#define OPS_PER_FILE 3

/* The directories of a group that are to be synced, each once; tasks take the next one. */
struct directory_syncs {
	struct {
		struct sl_directory *directory;
		bool changed;
		int code;
	} items[SL_COMMIT_FILES];
	size_t count, next;
};

struct group {
	struct sl_committer *committer;
	size_t count;
	struct sl_commit *commits[SL_COMMIT_FILES];
	int codes[SL_COMMIT_FILES];
	struct statx stats[SL_COMMIT_FILES];
	struct sl_op *first_ops[SL_COMMIT_FILES]; /* of each file in the step that runs; or NULL */
	size_t op_count;
	struct sl_op ops[SL_COMMIT_FILES * OPS_PER_FILE];
	struct directory_syncs directories;
};

static struct sl_op *
add_op(struct group *group, struct sl_op op)
{
	group->ops[group->op_count] = op;
	return &group->ops[group->op_count++];
}

static void
fail_all(struct group *group, int code)
{
	for (size_t i = 0; i < group->count; i++)
		if (!group->codes[i])
			group->codes[i] = code;
}

static void
begin_ops(struct group *group)
{
	group->op_count = 0;
	memset(group->first_ops, 0, sizeof(group->first_ops));
}

/* In one call. False if it was cancelled before. */
SL_SUSPENDS
static bool
run_ops(struct group *group)
{
	int code = sl_io_batch(group->ops, group->op_count);
	if (code)
		fail_all(group, code);
	return code == 0;
}

/* Its file of the group is still on the way to its name: not failed, and not only to be synced. */
static bool
is_to_name(const struct group *group, size_t i)
{
	return !group->codes[i] && !group->commits[i]->is_there;
}

/* ---- syncing a group ---- */

/* Add "KEY  123 kB" of /proc/meminfo, in bytes; false without such a complete line. */
static bool
add_meminfo(const char *text, const char *key, uint64_t *bytes)
{
	const char *at = strstr(text, key);
	uint64_t kib = 0;
	if (!at || !strchr(at, '\n'))
		return false;
	at += strlen(key);
	at += strspn(at, " ");
	if (!sl_parse_u64(at, strspn(at, "0123456789"), &kib) || kib > UINT32_MAX)
		return false;
	*bytes += kib * SL_KIB;
	return true;
}

/* What the whole system has not written yet, in bytes; UINT64_MAX if that is not known. */
SL_SUSPENDS
static uint64_t
unwritten_bytes(void)
{
	char text[2048] = "";
	struct sl_op ops[] = {
		{ .kind = SL_OP_OPEN,
			.dir_fd = AT_FDCWD,
			.path = "/proc/meminfo",
			.flags = O_RDONLY },
		{ .kind = SL_OP_READ, .fd = SL_FD_OF_AFTER, .data = text, .len = sizeof(text) - 1 },
		{ .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER },
	};
	ops[1].after = ops[2].after = ops;
	if (sl_io_batch(ops, SL_COUNT_OF(ops)) != 0 || ops[1].result <= 0)
		return UINT64_MAX;
	text[ops[1].result] = '\0';
	uint64_t bytes = 0;
	bool known = add_meminfo(text, "Dirty:", &bytes) && add_meminfo(text, "Writeback:", &bytes);
	return known ? bytes : UINT64_MAX;
}

/* One syncfs instead of a sync for each file does not wait for more than SYNCFS_OTHERS. */
SL_SUSPENDS
static bool
may_sync_together(const struct group *group)
{
	size_t local = 0;
	for (size_t i = 0; i < group->count; i++)
		local += !group->codes[i] &&
			 (group->commits[i]->place->directory->traits & SL_DIRECTORY_LOCAL);
	if (local < SYNCFS_LEAST || group->committer->sync_each)
		return false;
	return unwritten_bytes() <= group->committer->uncommitted_bytes + SYNCFS_OTHERS;
}

/* A file of the group, or one that is there already and needs a descriptor first. A new descriptor
 * reports an earlier failure to write it, too, unless that was reported already (syncfs does as
 * well). */
static void
add_sync(struct group *group, size_t i)
{
	const struct sl_commit *commit = group->commits[i];
	if (!commit->is_there) {
		group->first_ops[i] =
			add_op(group, (struct sl_op){ .kind = SL_OP_SYNC, .fd = commit->part->fd });
		return;
	}
	struct sl_op *opened = add_op(group, (struct sl_op){ .kind = SL_OP_OPEN,
						     .dir_fd = commit->place->directory->fd,
						     .path = commit->place->name,
						     .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY });
	add_op(group, (struct sl_op){ .kind = SL_OP_SYNC, .fd = SL_FD_OF_AFTER })->after = opened;
	add_op(group, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = SL_FD_OF_AFTER })->after = opened;
	group->first_ops[i] = opened;
}

struct slice {
	struct sl_op *ops;
	size_t count;
	int code;
};

SL_SUSPENDS
static int
slice_task(void *arg)
{
	struct slice *slice = arg;
	slice->code = sl_io_batch(slice->ops, slice->count);
	return 0;
}

/* In several calls of the blocking pool at once. Returns 0 or the cancellation of one of them: what
 * was not run has the result -ECANCELED. */
SL_SUSPENDS
static int
run_ops_side_by_side(struct group *group)
{
	struct slice slices[SYNC_TASKS] = { 0 };
	struct sl_group tasks;
	size_t per_slice = (group->op_count + SYNC_TASKS - 1) / SYNC_TASKS;
	int code = 0;
	sl_group_enter(&tasks, SL_GROUP_COLLECT);
	for (size_t i = 0, begin = 0; begin < group->op_count; i++) {
		size_t end = SL_MIN(begin + per_slice, group->op_count);
		while (end < group->op_count && group->ops[end].after)
			end++; /* not between an open and what comes after it */
		slices[i] = (struct slice){ .ops = group->ops + begin, .count = end - begin };
		if (sl_group_spawn(&tasks, "sync", slice_task, &slices[i], NULL) != 0)
			(void)slice_task(&slices[i]);
		begin = end;
	}
	sl_group_leave(&tasks);
	for (size_t i = 0; i < SYNC_TASKS; i++)
		code = code ? code : slices[i].code;
	return code;
}

/* What became of one file's own sync. One that may not be opened is synced with all others. */
SL_SUSPENDS
static int
sync_result(struct sl_commit *commit, const struct sl_op *ops)
{
	if (!commit->is_there || ops[0].result >= 0)
		return ops[commit->is_there ? 1 : 0].result;
	if (ops[0].result != -EACCES && ops[0].result != -EPERM)
		return ops[0].result;
	return sl_io_sync_fs(commit->place->directory->fd);
}

SL_SUSPENDS
static void
sync_each(struct group *group)
{
	for (size_t i = 0; i < group->op_count; i++)
		group->ops[i].result = -ECANCELED;
	int stopped = run_ops_side_by_side(group);
	for (size_t i = 0; i < group->count; i++) {
		struct sl_commit *commit = group->commits[i];
		if (!group->first_ops[i])
			continue;
		int code = sync_result(commit, group->first_ops[i]);
		if (code == -ECANCELED && stopped)
			code = stopped;
		note_sync_failure(group->committer, commit, code);
		if (code)
			group->codes[i] = sync_failed(commit, code);
	}
}

static bool
same_device(const struct sl_commit *a, const struct sl_commit *b)
{
	return a->place->directory->dev_major == b->place->directory->dev_major &&
	       a->place->directory->dev_minor == b->place->directory->dev_minor;
}

/*
 * One syncfs for each local file system with a file of the group. One that fails reports a lost
 * write once, of any file: perhaps of one that is still to come. So from then on each file is
 * synced by its own descriptor, which keeps the error.
 */
SL_SUSPENDS
static void
sync_together(struct group *group)
{
	bool synced[SL_COMMIT_FILES] = { false };
	for (size_t i = 0; i < group->count; i++) {
		struct sl_commit *commit = group->commits[i];
		if (group->codes[i] || group->first_ops[i] || synced[i])
			continue;
		int code = sl_io_sync_fs(commit->place->directory->fd);
		group->committer->sync_each = group->committer->sync_each || code;
		note_sync_failure(group->committer, commit, code);
		for (size_t k = i; k < group->count; k++) {
			if (group->codes[k] || group->first_ops[k] ||
				!same_device(commit, group->commits[k]))
				continue;
			synced[k] = true;
			if (code)
				group->codes[k] = sync_failed(group->commits[k], code);
		}
	}
}

SL_SUSPENDS
static void
sync_files(struct group *group)
{
	begin_ops(group);
	for (size_t i = 0; i < group->count; i++) {
		int code = device_failure(group->committer, group->commits[i]);
		if (code && !group->codes[i])
			group->codes[i] = sync_failed(group->commits[i], code);
	}
	bool together = may_sync_together(group);
	for (size_t i = 0; i < group->count; i++) {
		bool local = group->commits[i]->place->directory->traits & SL_DIRECTORY_LOCAL;
		if (!group->codes[i] && !(local && together))
			add_sync(group, i);
	}
	if (group->op_count)
		sync_each(group);
	if (together)
		sync_together(group);
}

/* ---- the other steps of a group ---- */

/* Before a name is renamed: what stands there must still be what was written. */
SL_SUSPENDS
static void
check_parts(struct group *group)
{
	begin_ops(group);
	for (size_t i = 0; i < group->count; i++)
		if (is_to_name(group, i))
			group->first_ops[i] = add_op(
				group, sl_part_stat_op(group->commits[i]->part, &group->stats[i]));
	if (!run_ops(group))
		return;
	for (size_t i = 0; i < group->count; i++) {
		struct sl_commit *commit = group->commits[i];
		if (group->first_ops[i])
			group->codes[i] =
				sl_part_check_stat(commit->part, group->first_ops[i]->result,
					&group->stats[i], commit->length, commit->err);
	}
}

/* Its final name, and the descriptor goes. */
static struct sl_op *
add_naming(struct group *group, const struct sl_commit *commit)
{
	struct sl_op *renamed = add_op(group, sl_part_rename_op(commit->part, commit->replace));
	add_op(group, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = commit->part->fd })->after =
		renamed;
	return renamed;
}

/* What went wrong in the batch is done again by itself, with all its words and ways out. */
SL_SUSPENDS
static int
finish_naming(struct sl_committer *committer, struct sl_commit *commit, const struct sl_op *renamed)
{
	if (renamed->result != 0)
		return publish(committer, commit);
	commit->part->fd = -1;
	return 0;
}

SL_SUSPENDS
static void
rename_all(struct group *group)
{
	begin_ops(group);
	for (size_t i = 0; i < group->count; i++)
		if (is_to_name(group, i))
			group->first_ops[i] = add_naming(group, group->commits[i]);
	if (!run_ops(group))
		return;
	for (size_t i = 0; i < group->count; i++)
		if (group->first_ops[i])
			group->codes[i] = finish_naming(
				group->committer, group->commits[i], group->first_ops[i]);
}

SL_SUSPENDS
static int
sync_next_directories(void *arg)
{
	struct directory_syncs *syncs = arg;
	while (syncs->next < syncs->count) {
		size_t i = syncs->next++;
		syncs->items[i].code =
			sync_directory(syncs->items[i].directory, syncs->items[i].changed);
	}
	return 0;
}

static void
collect_directories(struct group *group, struct directory_syncs *syncs)
{
	for (size_t i = 0; i < group->count; i++)
		group->commits[i]->place->directory->dirty =
			group->commits[i]->place->directory->dirty || !group->codes[i];
	for (size_t i = 0; i < group->count; i++) {
		struct sl_directory *directory = group->commits[i]->place->directory;
		bool changed = false;
		if (!directory->dirty)
			continue;
		directory->dirty = false;
		for (size_t k = i; k < group->count; k++)
			changed = changed || (group->commits[k]->place->directory == directory &&
						     is_to_name(group, k));
		syncs->items[syncs->count].directory = directory;
		syncs->items[syncs->count++].changed = changed;
	}
}

static void
note_directory(struct group *group, const struct sl_directory *directory, int code)
{
	for (size_t k = 0; k < group->count; k++) {
		struct sl_commit *commit = group->commits[k];
		if (commit->place->directory != directory)
			continue;
		note_sync_failure(group->committer, commit, code);
		if (code && !group->codes[k])
			group->codes[k] = commit->is_there ? sync_failed(commit, code)
							   : not_durable(commit, code);
	}
}

/* Several at once, as the files: a group may have as many directories as files. */
SL_SUSPENDS
static void
sync_directories(struct group *group)
{
	struct directory_syncs *syncs = &group->directories;
	struct sl_group tasks;
	syncs->count = syncs->next = 0;
	collect_directories(group, syncs);
	sl_group_enter(&tasks, SL_GROUP_COLLECT);
	for (size_t i = 1; i < SL_MIN(syncs->count, (size_t)SYNC_TASKS); i++)
		if (sl_group_spawn(&tasks, "sync", sync_next_directories, syncs, NULL) != 0)
			break;
	(void)sync_next_directories(syncs);
	sl_group_leave(&tasks);
	for (size_t i = 0; i < syncs->count; i++)
		note_directory(group, syncs->items[i].directory, syncs->items[i].code);
	/* Another task may have met a failure of the device meanwhile. */
	for (size_t i = 0; i < group->count; i++) {
		int code = device_failure(group->committer, group->commits[i]);
		if (code && !group->codes[i])
			group->codes[i] = not_durable(group->commits[i], code);
	}
}

SL_SUSPENDS
static void
end_all(struct group *group)
{
	struct sl_committer *committer = group->committer;
	/* Reports may wait for their reader, parts must not. */
	for (size_t i = 0; i < group->count; i++) {
		committer->uncommitted_bytes -= group->commits[i]->length;
		if (group->codes[i])
			sl_part_discard(group->commits[i]->part);
		else
			sl_part_close(group->commits[i]->part);
	}
	for (size_t i = 0; i < group->count; i++)
		committer->options.ended(
			committer->options.ctx, group->commits[i], group->codes[i]);
}

SL_SUSPENDS
static void
commit_group(struct group *group)
{
	memset(group->codes, 0, sizeof(group->codes));
	if (wants_sync(group->committer))
		sync_files(group);
	check_parts(group);
	rename_all(group);
	if (wants_sync(group->committer))
		sync_directories(group);
	end_all(group);
}

/* The first file, then what comes meanwhile: syncs are worth a wait, hand-overs a short one. Once
 * the last job has ended, the channel is closed and the call does not wait. */
SL_SUSPENDS
static int
collect(struct group *group)
{
	struct sl_channel *finished = group->committer->queue;
	uint64_t bytes = 0;
	group->count = 0;
	int code = sl_channel_receive(finished, &group->commits[0], SL_FOREVER);
	if (code)
		return code;
	uint64_t until_ns = sl_deadline_in(wants_sync(group->committer) ? GROUP_NS : GATHER_NS);
	for (;;) {
		bytes += group->commits[group->count++]->length;
		if (group->count == group->committer->options.files || bytes >= GROUP_BYTES)
			return 0;
		code = sl_channel_try_receive(finished, &group->commits[group->count]);
		if (code == -EAGAIN)
			code = sl_channel_receive(
				finished, &group->commits[group->count], until_ns);
		if (code) /* closed, late or cancelled: what is here is committed, or cleaned up by
			     the steps */
			return 0;
	}
}

/* Nothing is taken any more: those that still bring files must not wait for ever. */
SL_SUSPENDS
static void
refuse_rest(struct sl_committer *committer, int code)
{
	struct sl_commit *rest = NULL;
	committer->end_code = code == -EPIPE ? 0 : code;
	sl_channel_close(committer->queue);
	struct sl_list late;
	sl_list_init(&late);
	while (sl_channel_try_receive(committer->queue, &rest) == 0) {
		committer->uncommitted_bytes -= rest->length;
		sl_part_discard(rest->part);
		sl_list_push_back(&late, &rest->link);
	}
	/* Reports may wait for their reader, parts must not. */
	for (struct sl_list *node; (node = sl_list_pop(&late));)
		committer->options.ended(
			committer->options.ctx, sl_list_item(node, struct sl_commit, link), code);
}

int
sl_committer_run(void *arg)
{
	struct sl_committer *committer = arg;
	struct group *group = calloc(1, sizeof(*group));
	int code = group ? 0 : -ENOMEM;
	if (group)
		group->committer = committer;
	while (!code) {
		code = collect(group);
		if (!code)
			commit_group(group);
	}
	refuse_rest(committer, code);
	free(group);
	return code == -EPIPE ? 0 : code;
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
