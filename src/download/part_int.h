/*
 * part_int.h - what part.c and part_seal.c share.
 */
#ifndef SLUICE_DOWNLOAD_PART_INT_H
#define SLUICE_DOWNLOAD_PART_INT_H

#include "sluice/download/part.h"

/* Record "cannot WHAT 'directory/NAME.sluice-part': WHY"; returns `code`. */
int part_fail(const struct sl_part *part, struct sl_error *err, enum sl_phase phase, int code,
	const char *what, const char *why);

/* The stat of an open file, prepared for a batch. */
struct sl_op part_stat_fd_op(int fd, struct statx *st);

#endif
