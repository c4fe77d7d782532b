/*
 * part_int.h - what the files part_*.c share.
 */
#ifndef SLUICE_DOWNLOAD_PART_INT_H
#define SLUICE_DOWNLOAD_PART_INT_H

#include "sluice/download/part.h"

/* Record "cannot WHAT 'directory/NAME.sluice-part': WHY"; returns `code`. */
int part_fail(const struct sl_part *part, struct sl_error *err, enum sl_phase phase, int code,
	const char *what, const char *why);

/* part.c: an empty part with its names. Takes a reference of `directory`. 0 or -ENOMEM, then
 * sl_part_discard may be called, too. */
int part_set_names(
	struct sl_part *part, struct sl_directory *directory, const char *name, uint32_t mode);

/* part.c: which file it is, by the stat of its descriptor. */
void part_set_identity(struct sl_part *part, const struct statx *st);

/* The stat of an open file, prepared for a batch. */
struct sl_op part_stat_fd_op(int fd, struct statx *st);

/* The same of what stands under a name of the part's directory, links not followed. */
struct sl_op part_stat_name_op(const struct sl_part *part, const char *name, struct statx *st);

/* part_back.c: the file of the part, which is locked as `fd`, gets the final name back as it was.
 * Returns 0; -EEXIST if something else has that name; SL_E_REPLACED if the part's name does not
 * stand for it any more; a code of the disk; the cancellation. After a failure it is a part. */
SL_SUSPENDS
int part_put_back(const struct sl_part *part, int fd, const struct sl_journal_taken *taken);

#endif
