/*
 * How a complete part becomes a durable file: its time, sync, check, rename, its mode, sync of the
 * directory, in this order. After a power cut the final name holds either what it held before or
 * the whole new file. A part keeps the mode of a part for as long as it has that name: by it the
 * next run knows what a killed one has left.
 *
 * Small files go through these steps a batch at a time: each step is one call of the blocking pool
 * for up to COMMIT_FILES files, and one syncfs serves them all.
 */
#include "fetch_int.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool
wants_sync(const struct sl_batch *batch)
{
	return batch->options.sync != SL_SYNC_NONE;
}

static int
not_durable(struct fetch *fetch, int code)
{
	return sl_fail(&fetch->error, SL_PHASE_SYNC, code,
		"'%s' is complete under its name, but its directory could not be synced: %s (not "
		"durable yet)",
		fetch->path, sl_code_text(code));
}

static int
sync_failed(struct fetch *fetch, int code)
{
	if (sl_part_is_stop(code))
		return code;
	return sl_fail(&fetch->error, SL_PHASE_SYNC, code,
		"cannot bring '%s' to the disk: %s (its bytes may be lost)", fetch->part.part_name,
		sl_code_text(code));
}

int
commit_shield_begin(struct sl_shield *shield)
{
	int reason = sl_task_cancelled();
	if (reason && reason != -ECANCELED)
		return reason;
	sl_shield_begin(shield, sl_task_deadline());
	return 0;
}

/* The name may have been taken while the body came: with --if-exists=rename the next free one is
 * used. */
SL_SUSPENDS
static int
publish(struct fetch *fetch)
{
	int code = sl_part_publish(&fetch->part, fetch->replace, &fetch->error);
	while (code == -EEXIST && fetch->batch->options.if_exists == SL_EXISTS_RENAME) {
		sl_error_clear(&fetch->error);
		code = target_rename(fetch);
		if (code)
			break;
		free(fetch->part.name);
		fetch->part.name = sl_span_dup(sl_span_str(fetch->name));
		code = fetch->part.name ? sl_part_publish(&fetch->part, false, &fetch->error)
					: -ENOMEM;
	}
	return code;
}

static bool
wants_time(const struct fetch *fetch)
{
	return fetch->modified_ns != 0;
}

static struct sl_op
time_op(const struct fetch *fetch)
{
	return (struct sl_op){
		.kind = SL_OP_SET_TIME, .fd = fetch->part.fd, .time_ns = fetch->modified_ns
	};
}

static struct sl_op
mode_op(const struct fetch *fetch)
{
	return (struct sl_op){ .kind = SL_OP_SET_MODE, .fd = fetch->part.fd, .mode = fetch->mode };
}

/* A file system that knows no modes or times is no reason to fail. */
static void
note_attribute(const struct fetch *fetch, const struct sl_op *op)
{
	if (op->result < 0)
		sl_log_info("'%s': cannot %s: %s", fetch->path, sl_op_kind_name(op->kind),
			sl_code_text(op->result));
}

/* ---- one by one ---- */

SL_SUSPENDS
static int
give(struct fetch *fetch, struct sl_op op)
{
	int code = sl_io_batch(&op, 1);
	if (!code)
		note_attribute(fetch, &op);
	return code;
}

SL_SUSPENDS
static int
give_time(struct fetch *fetch)
{
	return wants_time(fetch) ? give(fetch, time_op(fetch)) : 0;
}

/* The final name, and with it the mode, whoever cancels meanwhile. */
SL_SUSPENDS
static int
give_name(struct fetch *fetch)
{
	struct sl_shield shield;
	int code = publish(fetch);
	if (code)
		return code;
	sl_shield_begin(&shield, SL_FOREVER);
	code = give(fetch, mode_op(fetch));
	sl_shield_end(&shield);
	return code;
}

SL_SUSPENDS
static int
bring_to_disk(struct fetch *fetch)
{
	if (!wants_sync(fetch->batch))
		return 0;
	int code = sl_io_sync(fetch->part.fd, SL_SYNC_DATA);
	return code ? sync_failed(fetch, code) : 0;
}

SL_SUSPENDS
static int
check(struct fetch *fetch)
{
	return sl_part_check(&fetch->part, fetch->view.received, &fetch->error);
}

SL_SUSPENDS
static int
bring_name_to_disk(struct fetch *fetch)
{
	return sl_directory_sync(fetch->directory);
}

SL_SUSPENDS
static int
run_step(struct fetch *fetch, int (*step)(struct fetch *))
{
	struct sl_shield shield;
	int code = commit_shield_begin(&shield);
	if (code)
		return code;
	code = step(fetch);
	sl_shield_end(&shield);
	return code;
}

int
commit_one(struct fetch *fetch)
{
	static int (*const steps[])(
		struct fetch *) = { give_time, bring_to_disk, check, give_name };
	int code = 0;
	for (size_t i = 0; i < SL_COUNT_OF(steps) && !code; i++)
		code = run_step(fetch, steps[i]);
	if (!code && wants_sync(fetch->batch)) {
		int synced = run_step(fetch, bring_name_to_disk);
		code = synced ? not_durable(fetch, synced) : 0;
	}
	if (code)
		sl_part_discard(&fetch->part);
	else
		sl_part_close(&fetch->part);
	return code;
}

/* ---- groups ---- */

#define OPS_PER_FILE 3

struct group {
	struct sl_batch *batch;
	size_t count;
	struct fetch *fetches[COMMIT_FILES];
	int codes[COMMIT_FILES];
	struct statx stats[COMMIT_FILES];
	size_t op_count;
	struct sl_op ops[COMMIT_FILES * OPS_PER_FILE];
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

SL_SUSPENDS
static void
set_times(struct group *group)
{
	struct sl_op *op = group->ops;
	group->op_count = 0;
	for (size_t i = 0; i < group->count; i++)
		if (wants_time(group->fetches[i]))
			add_op(group, time_op(group->fetches[i]));
	if (!run_ops(group))
		return;
	for (size_t i = 0; i < group->count; i++)
		if (wants_time(group->fetches[i]))
			note_attribute(group->fetches[i], op++);
}

static bool
same_device(const struct fetch *a, const struct fetch *b)
{
	return a->part.dev_major == b->part.dev_major && a->part.dev_minor == b->part.dev_minor;
}

/*
 * One syncfs for each local file system with a file of the group; elsewhere each file by itself. A
 * syncfs that fails tells of a lost write once, whosever it was: perhaps that of a file which is to
 * come. So from then on each file is asked, whose own descriptor still knows.
 */
SL_SUSPENDS
static void
sync_files(struct group *group)
{
	bool synced[COMMIT_FILES] = { false };
	for (size_t i = 0; i < group->count; i++) {
		struct fetch *fetch = group->fetches[i];
		bool together = group->count > 1 && !group->batch->sync_each &&
				fetch->directory->traits & SL_DIRECTORY_LOCAL;
		if (group->codes[i] || synced[i])
			continue;
		int code = together ? sl_io_sync_fs(fetch->directory->fd)
				    : sl_io_sync(fetch->part.fd, SL_SYNC_DATA);
		group->batch->sync_each = group->batch->sync_each || (together && code);
		for (size_t k = i; k < group->count; k++) {
			bool with = k == i || (together && same_device(fetch, group->fetches[k]));
			if (!with || group->codes[k])
				continue;
			synced[k] = true;
			if (code)
				group->codes[k] = sync_failed(group->fetches[k], code);
		}
	}
}

/* Look at each name before it is renamed: what stands there must still be what was written. */
SL_SUSPENDS
static void
check_parts(struct group *group)
{
	group->op_count = 0;
	for (size_t i = 0; i < group->count; i++)
		add_op(group, sl_part_stat_op(&group->fetches[i]->part, &group->stats[i]));
	if (!run_ops(group))
		return;
	for (size_t i = 0; i < group->count; i++) {
		struct fetch *fetch = group->fetches[i];
		if (!group->codes[i])
			group->codes[i] = sl_part_judge(&fetch->part, group->ops[i].result,
				&group->stats[i], fetch->view.received, &fetch->error);
	}
}

/* Its final name, with it the mode, and the descriptor goes. */
static void
add_naming(struct group *group, const struct fetch *fetch)
{
	struct sl_op *renamed = add_op(group, sl_part_rename_op(&fetch->part, fetch->replace));
	add_op(group, mode_op(fetch))->after = renamed;
	add_op(group, (struct sl_op){ .kind = SL_OP_CLOSE, .fd = fetch->part.fd })->after = renamed;
}

/* What went wrong in the batch is done again by itself, with all its words and ways out. */
SL_SUSPENDS
static int
see_naming(struct fetch *fetch, const struct sl_op *ops)
{
	if (ops[0].result != 0)
		return give_name(fetch);
	note_attribute(fetch, &ops[1]);
	fetch->part.fd = -1;
	return 0;
}

SL_SUSPENDS
static void
rename_all(struct group *group)
{
	const struct sl_op *ops = group->ops;
	group->op_count = 0;
	for (size_t i = 0; i < group->count; i++)
		if (!group->codes[i])
			add_naming(group, group->fetches[i]);
	if (!run_ops(group))
		return;
	for (size_t i = 0; i < group->count; i++) {
		if (group->codes[i])
			continue;
		group->codes[i] = see_naming(group->fetches[i], ops);
		ops += OPS_PER_FILE;
	}
}

SL_SUSPENDS
static void
sync_directories(struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		group->fetches[i]->directory->dirty =
			group->fetches[i]->directory->dirty || !group->codes[i];
	for (size_t i = 0; i < group->count; i++) {
		struct sl_directory *directory = group->fetches[i]->directory;
		if (!directory->dirty)
			continue;
		int code = sl_directory_sync(directory);
		directory->dirty = false;
		for (size_t k = i; code && k < group->count; k++)
			if (group->fetches[k]->directory == directory && !group->codes[k])
				group->codes[k] = not_durable(group->fetches[k], code);
	}
}

SL_SUSPENDS
static void
end_all(struct group *group)
{
	/* Reports may wait for their reader, parts must not. */
	for (size_t i = 0; i < group->count; i++) {
		if (group->codes[i])
			sl_part_discard(&group->fetches[i]->part);
		else
			sl_part_close(&group->fetches[i]->part);
	}
	for (size_t i = 0; i < group->count; i++)
		fetch_end(group->fetches[i], group->codes[i]);
}

SL_SUSPENDS
static void
commit_group(struct group *group)
{
	memset(group->codes, 0, sizeof(group->codes));
	set_times(group);
	if (wants_sync(group->batch))
		sync_files(group);
	check_parts(group);
	rename_all(group);
	if (wants_sync(group->batch))
		sync_directories(group);
	end_all(group);
}

/* The first file, then what comes meanwhile: syncs are worth a wait, hand-overs a short one. Once
 * the last job has ended, the channel is closed and nobody waits. */
SL_SUSPENDS
static int
collect(struct group *group)
{
	struct sl_channel *finished = group->batch->finished;
	uint64_t bytes = 0;
	group->count = 0;
	int code = sl_channel_receive(finished, &group->fetches[0], SL_FOREVER);
	if (code)
		return code;
	uint64_t until_ns = sl_deadline_in(wants_sync(group->batch) ? COMMIT_NS : GATHER_NS);
	for (;;) {
		bytes += group->fetches[group->count++]->view.received;
		if (group->count == group->batch->commit_files || bytes >= COMMIT_BYTES)
			return 0;
		code = sl_channel_try_receive(finished, &group->fetches[group->count]);
		if (code == -EAGAIN)
			code = sl_channel_receive(
				finished, &group->fetches[group->count], until_ns);
		if (code) /* closed, late or cancelled: what is here is committed, or cleaned up by
			     the steps */
			return 0;
	}
}

/* Nothing is taken any more: jobs that still bring files must not wait for ever. */
SL_SUSPENDS
static void
refuse_rest(struct sl_batch *batch, int code)
{
	struct fetch *rest = NULL;
	batch->commit_code = code == -EPIPE ? 0 : code;
	sl_channel_close(batch->finished);
	struct sl_list late;
	sl_list_init(&late);
	while (sl_channel_try_receive(batch->finished, &rest) == 0) {
		sl_part_discard(&rest->part);
		sl_list_push_back(&late, &rest->of_late);
	}
	/* Reports may wait for their reader, parts must not. */
	for (struct sl_list *node; (node = sl_list_pop(&late));)
		fetch_end(sl_list_item(node, struct fetch, of_late), code);
}

int
commit_main(void *arg)
{
	struct sl_batch *batch = arg;
	struct group *group = calloc(1, sizeof(*group));
	int code = group ? 0 : -ENOMEM;
	if (group)
		group->batch = batch;
	while (!code) {
		code = collect(group);
		if (!code)
			commit_group(group);
	}
	refuse_rest(batch, code);
	free(group);
	return code == -EPIPE ? 0 : code;
}
