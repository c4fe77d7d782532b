/*
 * commit_group.c - small files are committed a group at a time: the renames, for example, are one
 * call of the blocking pool for up to SL_COMMIT_FILES files. Files that were there already but may
 * not be on disk yet are synced in the same groups.
 *
 * The sync of each file is its own: several threads sync a group side by side. One syncfs for all
 * of them is used only where it costs no more: on a local file system, for many files, and while
 * other programs have next to nothing unwritten, because it waits for their data as well.
 */
#include "commit_int.h"

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
		commit_note_sync(group->committer, commit, code);
		if (code)
			group->codes[i] = commit_sync_failed(commit, code);
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
		commit_note_sync(group->committer, commit, code);
		for (size_t k = i; k < group->count; k++) {
			if (group->codes[k] || group->first_ops[k] ||
				!same_device(commit, group->commits[k]))
				continue;
			synced[k] = true;
			if (code)
				group->codes[k] = commit_sync_failed(group->commits[k], code);
		}
	}
}

SL_SUSPENDS
static void
sync_files(struct group *group)
{
	begin_ops(group);
	for (size_t i = 0; i < group->count; i++) {
		int code = commit_device_failure(group->committer, group->commits[i]);
		if (code && !group->codes[i])
			group->codes[i] = commit_sync_failed(group->commits[i], code);
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
		return commit_publish(committer, commit);
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
			commit_sync_directory(syncs->items[i].directory, syncs->items[i].changed);
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
		commit_note_sync(group->committer, commit, code);
		if (code && !group->codes[k])
			group->codes[k] = commit->is_there ? commit_sync_failed(commit, code)
							   : commit_not_durable(commit, code);
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
		int code = commit_device_failure(group->committer, group->commits[i]);
		if (code && !group->codes[i])
			group->codes[i] = commit_not_durable(group->commits[i], code);
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
	if (commit_wants_sync(group->committer))
		sync_files(group);
	check_parts(group);
	rename_all(group);
	if (commit_wants_sync(group->committer))
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
	uint64_t until_ns =
		sl_deadline_in(commit_wants_sync(group->committer) ? GROUP_NS : GATHER_NS);
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
