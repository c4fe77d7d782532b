/*
 * group.c - which group owns which tasks, how a cancellation reaches them, and when a group has
 * ended. A group lives on its owner's stack and is left before that goes; a cancelled task stays in
 * its group until it has returned.
 */
#include "runtime_int.h"

#include <errno.h>

void
sl_group_enter(struct sl_group *group, enum sl_group_mode mode)
{
	struct sl_task *owner = sl_task_self();
	*group = (struct sl_group){ .owner = owner, .mode = mode };
	group->shielded = owner->shields > 0;
	/* Entered by a task that is cancelled already: nothing may start in it. */
	group->cancel_reason = group->shielded ? 0 : owner->cancel_reason;
	sl_list_init(&group->tasks);
	sl_list_push_back(&owner->groups, &group->of_owner);
}

/* Recursion is as deep as groups nest: a handful. */
static void
cancel_task(struct sl_task *task, int reason)
{
	if (!task->cancel_reason)
		task->cancel_reason = reason;
	if (task->shields == 0)
		task_cancel(task);
	sl_list_each(node, &task->groups)
	{
		struct sl_group *below = sl_list_item(node, struct sl_group, of_owner);
		if (!below->shielded)
			sl_group_cancel(below, reason);
	}
}

void
sl_group_cancel(struct sl_group *group, int reason)
{
	sl_assert(reason < 0);
	if (group->cancel_reason)
		return;
	group->cancel_reason = reason;
	sl_list_each(node, &group->tasks)
		cancel_task(sl_list_item(node, struct sl_task, of_group), reason);
}

static void
task_ended(struct sl_task *task, int result)
{
	struct sl_group *group = task->group;
	sl_list_remove(&task->of_group);
	group->running--;
	/* What a task returns once the group is cancelled is the echo of that, not a failure of its
	 * own. */
	if (result < 0 && !group->cancel_reason && group->mode == SL_GROUP_FAIL_FAST) {
		group->first_failure = result;
		sl_group_cancel(group, -ECANCELED);
	}
	if (group->waiting && group->running < group->wait_below)
		sl_task_wake(group->owner);
}

int
sl_group_spawn(struct sl_group *group, const char *name, sl_task_fn *fn, void *arg, int *result)
{
	struct sl_task *owner = group->owner;
	if (group->cancel_reason)
		return group->cancel_reason;
	struct sl_task *task = task_new(owner->rt, name, fn, arg);
	if (!task)
		return -ENOMEM;
	task->group = group;
	task->on_end = task_ended;
	task->result = result;
	task->deadline_ns = owner->deadline_ns;
	sl_list_push_back(&group->tasks, &task->of_group);
	group->running++;
	return 0;
}

/* Only its owner waits for a group. */
static void
check_owner(const struct sl_group *group, const char *call)
{
	struct sl_task *self = sl_task_self();
	if (group->owner != self)
		task_bug(self, "called %s on a group of task '%s'", call, group->owner->name);
}

int
sl_group_wait_below(struct sl_group *group, unsigned count)
{
	check_owner(group, "sl_group_wait_below");
	int code = task_check();
	group->wait_below = count;
	while (!code && group->running >= count) {
		group->waiting = true;
		enum sl_wake wake = sl_task_park("tasks", SL_FOREVER, 0);
		group->waiting = false;
		if (wake != SL_WAKE_READY && group->running >= count)
			code = sl_task_wake_code(wake);
	}
	return code;
}

int
sl_group_leave(struct sl_group *group)
{
	check_owner(group, "sl_group_leave");
	group->wait_below = 1;
	while (group->running > 0) {
		/* Once all below is cancelled nothing is left to interrupt: they end by themselves,
		 * and are waited for. */
		unsigned flags = group->cancel_reason ? SL_PARK_UNINTERRUPTIBLE : 0;
		group->waiting = true;
		enum sl_wake wake = sl_task_park("tasks", SL_FOREVER, flags);
		group->waiting = false;
		if (wake != SL_WAKE_READY)
			sl_group_cancel(group, sl_task_wake_code(wake));
	}
	sl_list_remove(&group->of_owner);
	return group->first_failure ? group->first_failure : group->cancel_reason;
}
