/*
 * schedule.h - how a batch divides what it has, chunks and descriptors, among files under way,
 * files that wait for their commit, and directories. Pure.
 */
#ifndef SLUICE_DOWNLOAD_SCHEDULE_H
#define SLUICE_DOWNLOAD_SCHEDULE_H

#include <stddef.h>

/* What a batch has. */
struct sl_schedule_means {
	unsigned jobs;        /* files at once that were asked for; at least 1 */
	size_t chunks;        /* in the pool */
	unsigned descriptors; /* that may be open at once for files and connections */
};

/* What it makes of it; each at least 1. */
struct sl_schedule {
	unsigned jobs;         /* files under way at once */
	unsigned segments;     /* of all files at once; at least as many as jobs */
	unsigned commit_files; /* of a group; at most SL_SCHEDULE_COMMIT_FILES */
	unsigned directories;  /* that stay open although no file of the moment is in them */
};

/* Files in a group at most: larger groups are not synced any faster, and each file keeps a
 * descriptor. */
#define SL_SCHEDULE_COMMIT_FILES 256

struct sl_schedule sl_schedule_make(const struct sl_schedule_means *means);

#endif
