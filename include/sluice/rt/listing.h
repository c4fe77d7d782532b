/*
 * listing.h - the entries of a directory, for functions on threads of the blocking pool: operations
 * of the engine, which the simulator carries as well.
 */
#ifndef SLUICE_RT_LISTING_H
#define SLUICE_RT_LISTING_H

#include "sluice/rt/engine.h"

/* {0} is closed. */
struct sl_listing {
	struct sl_engine *engine;
	unsigned char *buffer; /* NULL when it is closed */
	int fd;                /* of the directory, for paths below it */
	size_t at, len;        /* in the buffer: entries that were not returned yet */
};

struct sl_listing_entry {
	const char *name; /* valid until the next call */
	unsigned char
		type; /* DT_* of readdir(3); DT_UNKNOWN = the file system does not report it */
};

/* `flags` as of open(2); O_RDONLY, O_DIRECTORY and O_CLOEXEC are added. Returns 0; -ENOMEM; or what
 * open(2) does. */
int sl_listing_open(struct sl_listing *listing, struct sl_engine *engine, int dir_fd,
	const char *path, int flags) SL_MUST_CHECK;

/* "." and ".." among them. Returns 1 and the next entry; 0 at the end; or what getdents64(2)
 * does. */
int sl_listing_next(struct sl_listing *listing, struct sl_listing_entry *entry) SL_MUST_CHECK;

/* Also outside of the pool: a directory that was only read has nothing to wait for. */
void sl_listing_close(struct sl_listing *listing);

#endif
