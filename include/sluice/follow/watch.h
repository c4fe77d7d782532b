/*
 * watch.h - waits until something changes in directories (inotify), or for a time at most: on
 * network file systems the kernel does not report what other machines do. It also limits the number
 * of directories: one warning says that this limit is reached, and changes in further directories
 * are found by the caller, which looks at everything once a second.
 */
#ifndef SLUICE_FOLLOW_WATCH_H
#define SLUICE_FOLLOW_WATCH_H

#include "sluice/rt/task.h"

struct sl_watch {
	int fd;     /* -1: nothing is reported */
	char *last; /* directory that was added last */
	bool has_warned;
};

/* It always succeeds: of what the kernel refuses, nothing is reported later. To be closed. */
void sl_watch_open(struct sl_watch *watch);

/* From here on changes in the directory of this file are reported; also if it is known already,
 * since another directory may have its name. */
void sl_watch_add_beside(struct sl_watch *watch, const char *path);
void sl_watch_add(struct sl_watch *watch, const char *directory);

/* Wait until something was reported since the last call, or until `deadline_ns`. Returns 0 or the
 * cancellation. */
SL_SUSPENDS
int sl_watch_wait(struct sl_watch *watch, uint64_t deadline_ns) SL_MUST_CHECK;

SL_SUSPENDS
void sl_watch_close(struct sl_watch *watch);

#endif
