#include "sluice/follow/watch.h"

#include "sluice/base/log.h"
#include "sluice/rt/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define EVENTS \
	(IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | \
		IN_DELETE_SELF | IN_MOVE_SELF)
#define READ_LEN 4096u

/* A limit is reached, once. */
static void
warn(struct sl_watch *watch, const char *limit)
{
	if (!watch->has_warned)
		sl_log_warn("changes are looked for once a second only, since the kernel's limit "
			    "of inotify is reached (raise %s)",
			limit);
	watch->has_warned = true;
}

void
sl_watch_open(struct sl_watch *watch)
{
	*watch = (struct sl_watch){ .fd = sl_io_watch_open() };
	if (watch->fd == -EMFILE)
		warn(watch, "fs.inotify.max_user_instances");
}

void
sl_watch_add(struct sl_watch *watch, const char *directory)
{
	if (watch->fd >= 0 &&
		sl_io_watch_add(watch->fd, directory, EVENTS | IN_ONLYDIR) == -ENOSPC)
		warn(watch, "fs.inotify.max_user_watches");
}

void
sl_watch_add_beside(struct sl_watch *watch, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	char *directory = !slash ? strdup(".") : len ? strndup(path, len) : strdup("/");
	if (!directory)
		return;
	/* Most logs are in the directory of the one before. */
	if (!watch->last || strcmp(watch->last, directory) != 0)
		sl_watch_add(watch, directory);
	free(watch->last);
	watch->last = directory;
}

/* What was reported does not matter: all that may have changed is looked at. */
SL_SUSPENDS
static int
drain(struct sl_watch *watch)
{
	char events[READ_LEN];
	int code;
	do
		code = sl_io_read_stream(watch->fd, events, sizeof(events), 0);
	while (code > 0);
	return sl_task_cancelled();
}

int
sl_watch_wait(struct sl_watch *watch, uint64_t deadline_ns)
{
	free(watch->last);
	watch->last = NULL;
	uint64_t now_ns = sl_now();
	if (watch->fd < 0)
		return sl_sleep(deadline_ns > now_ns ? deadline_ns - now_ns : 0);
	int code = sl_io_poll(watch->fd, POLLIN, deadline_ns);
	int cancelled = sl_task_cancelled();
	if (cancelled || code < 0)
		return cancelled;
	return drain(watch);
}

void
sl_watch_close(struct sl_watch *watch)
{
	(void)sl_io_close(watch->fd);
	free(watch->last);
	*watch = (struct sl_watch){ .fd = -1 };
}
