/*
 * engine_kernel.c - methods of an engine that are plain system calls for every real one.
 */
#include "sluice/rt/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>

int
sl_engine_memory_file(struct sl_engine *engine)
{
	(void)engine;
	int fd = memfd_create("sluice", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
sl_engine_watch_open(struct sl_engine *engine)
{
	(void)engine;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int
sl_engine_watch_add(struct sl_engine *engine, int fd, const char *path, uint32_t events)
{
	(void)engine;
	int watch = inotify_add_watch(fd, path, events);
	return watch < 0 ? -errno : watch;
}

int
sl_engine_real_path(struct sl_engine *engine, const char *path, char **out)
{
	(void)engine;
	*out = realpath(path, NULL);
	return *out ? 0 : -errno;
}
