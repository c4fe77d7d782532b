/*
 * sim_watch.c - inotify(7) in the simulated world: what happens in directories, for those who watch
 * them. Events come late, one that is the same as the last is left out, some never come
 * (options.watch_lost_percent), and once too many wait, one event says that the others are lost.
 */
#include "sim_world.h"

#include "sluice/base/number.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>

struct watched {
	struct sim_inode *inode;
	uint32_t mask;
};

/* struct inotify_event without its name. */
struct head {
	int32_t wd;
	uint32_t mask, cookie, len;
};

_Static_assert(sizeof(struct head) == sizeof(struct inotify_event), "as the kernel has it");

struct report {
	struct sl_list link;
	uint64_t ready_ns;
	struct head head;
	char name[256];
};

struct sim_watcher {
	struct sl_list link; /* of all in the world */
	struct sim *sim;
	struct sim_fd *fd;
	struct watched *watched; /* item i has the watch descriptor i + 1 */
	size_t count;
	struct sl_list reports;
	size_t waiting;
	struct sim_event event;
};

/* ---- birth and end ---- */

static void
came(struct sim *sim, struct sim_event *event)
{
	struct sim_watcher *watcher = SL_CONTAINER_OF(event, struct sim_watcher, event);
	sim_fd_poke(sim, watcher->fd);
}

int
sim_watch_open(struct sim *sim)
{
	if (sim->options.no_watch || sim_fd_full(sim))
		return -EMFILE;
	struct sim_watcher *watcher = calloc(1, sizeof(*watcher));
	sl_assert(watcher);
	watcher->sim = sim;
	watcher->event.fire = came;
	sl_list_init(&watcher->reports);
	sl_list_push_back(&sim->watchers, &watcher->link);
	watcher->fd = sim_fd_new(sim, -1);
	watcher->fd->watcher = watcher;
	sim->fd_open++;
	return watcher->fd->number;
}

void
sim_watch_close(struct sim_watcher *watcher)
{
	struct sl_list *node;
	while ((node = sl_list_pop(&watcher->reports)))
		free(sl_list_item(node, struct report, link));
	sim_event_drop(watcher->sim, &watcher->event);
	sl_list_remove(&watcher->link);
	free(watcher->watched);
	free(watcher);
}

int
sim_watch_add(struct sim *sim, int fd, const char *path, uint32_t mask)
{
	const struct sim_fd *entry = sim_fd(sim, fd);
	struct sim_inode *inode = sim_find(sim, path);
	if (!entry || !entry->watcher)
		return entry ? -EINVAL : -EBADF;
	if (!inode)
		return -ENOENT;
	if ((mask & IN_ONLYDIR) && !S_ISDIR(inode->mode))
		return -ENOTDIR;
	struct sim_watcher *watcher = entry->watcher;
	size_t i = 0;
	while (i < watcher->count && watcher->watched[i].inode != inode)
		i++;
	if (i == watcher->count) {
		if (sim->options.watch_limit && i >= sim->options.watch_limit)
			return -ENOSPC;
		watcher->watched = reallocarray(watcher->watched, i + 1, sizeof(*watcher->watched));
		sl_assert(watcher->watched);
		watcher->count++;
	}
	watcher->watched[i] = (struct watched){ inode, mask & IN_ALL_EVENTS };
	return (int)i + 1;
}

/* ---- what happens ---- */

static bool
is_repeated(const struct sim_watcher *watcher, const struct report *report)
{
	if (sl_list_is_empty(&watcher->reports))
		return false;
	const struct report *last = sl_list_item(watcher->reports.prev, struct report, link);
	return last->head.wd == report->head.wd && last->head.mask == report->head.mask &&
	       last->head.cookie == report->head.cookie && strcmp(last->name, report->name) == 0;
}

static void
queue(struct sim_watcher *watcher, struct report report)
{
	struct sim *sim = watcher->sim;
	if (sim_percent(sim, sim->options.watch_lost_percent))
		return;
	if (watcher->waiting >= sim->options.watch_queue)
		report = (struct report){ .head = { .wd = -1, .mask = IN_Q_OVERFLOW } };
	if (is_repeated(watcher, &report))
		return;
	report.ready_ns = sim->now + sim_below(sim, sim->options.watch_late_ns + 1);
	if (!sl_list_is_empty(&watcher->reports)) {
		const struct report *last =
			sl_list_item(watcher->reports.prev, struct report, link);
		report.ready_ns = SL_MAX(report.ready_ns, last->ready_ns);
	}
	struct report *own = malloc(sizeof(*own));
	sl_assert(own);
	*own = report;
	bool was_empty = sl_list_is_empty(&watcher->reports);
	sl_list_push_back(&watcher->reports, &own->link);
	watcher->waiting++;
	if (was_empty)
		sim_event_at(sim, &watcher->event, own->ready_ns);
}

void
sim_watch_tell(struct sim *sim, const struct sim_inode *directory, const char *name, uint32_t mask,
	uint32_t cookie)
{
	sl_list_each(node, &sim->watchers)
	{
		struct sim_watcher *watcher = sl_list_item(node, struct sim_watcher, link);
		for (size_t i = 0; i < watcher->count; i++) {
			const struct watched *watched = &watcher->watched[i];
			if (watched->inode != directory || !(watched->mask & mask))
				continue;
			struct report report = {
				.head = { .wd = (int)i + 1, .mask = mask, .cookie = cookie }
			};
			memcpy(report.name, name, strlen(name) + 1);
			queue(watcher, report);
		}
	}
}

void
sim_watch_modified(struct sim *sim, const struct sim_inode *inode)
{
	if (sl_list_is_empty(&sim->watchers) || !inode->parent)
		return;
	sl_list_each(node, &inode->parent->entries)
	{
		const struct sim_name *name = sl_list_item(node, struct sim_name, link);
		if (name->inode == inode)
			sim_watch_tell(sim, inode->parent, name->text, IN_MODIFY, 0);
	}
}

void
sim_watch_renamed(
	struct sim *sim, const struct sim_inode *directory, const char *remove, const char *add)
{
	uint32_t cookie = remove && add ? ++sim->watch_cookie : 0;
	if (remove)
		sim_watch_tell(sim, directory, remove, add ? IN_MOVED_FROM : IN_DELETE, cookie);
	if (add)
		sim_watch_tell(sim, directory, add, remove ? IN_MOVED_TO : IN_CREATE, cookie);
}

/* ---- reading ---- */

static struct report *
first_ready(const struct sim_watcher *watcher)
{
	if (sl_list_is_empty(&watcher->reports))
		return NULL;
	struct report *first = sl_list_item(watcher->reports.next, struct report, link);
	return first->ready_ns <= watcher->sim->now ? first : NULL;
}

/* With its end, and as long as the kernel makes it. */
static size_t
name_len(const struct report *report)
{
	size_t len = strlen(report->name);
	return len ? (size_t)sl_round_up(len + 1, sizeof(struct head)) : 0;
}

short
sim_watch_events(const struct sim_watcher *watcher)
{
	return first_ready(watcher) ? POLLIN : 0;
}

/* Whole events, as many as there is room for. */
void
sim_watch_read(struct sim *sim, struct sim_watcher *watcher, struct sim_job *job)
{
	struct report *report = first_ready(watcher);
	int code = report ? -EINVAL : -EAGAIN;
	while (report && job->got + sizeof(report->head) + name_len(report) <= job->copy.len) {
		report->head.len = (uint32_t)name_len(report);
		sim_job_gather(job, &report->head, sizeof(report->head));
		if (report->head.len)
			sim_job_gather(job, report->name, report->head.len);
		sl_list_remove(&report->link);
		free(report);
		watcher->waiting--;
		report = first_ready(watcher);
	}
	if (!report && !sl_list_is_empty(&watcher->reports))
		sim_event_at(sim, &watcher->event,
			sl_list_item(watcher->reports.next, struct report, link)->ready_ns);
	sim_job_finish(sim, job, job->got ? (int)job->got : code);
}
