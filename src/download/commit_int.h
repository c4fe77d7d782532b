/*
 * commit_int.h - the steps of a commit that single files and groups share (commit.c).
 */
#ifndef SLUICE_DOWNLOAD_COMMIT_INT_H
#define SLUICE_DOWNLOAD_COMMIT_INT_H

#include "sluice/download/commit.h"

bool commit_wants_sync(const struct sl_committer *committer);

/* What a sync of this file or its directory returned: kept for its device if that has failed. */
void commit_note_sync(struct sl_committer *committer, const struct sl_commit *commit, int code);

/* 0, or why nothing on its device can be trusted any more. */
int commit_device_failure(struct sl_committer *committer, const struct sl_commit *commit);

/* Record the failure; return its code. The first: of the directory, once the file has its name. */
int commit_not_durable(struct sl_commit *commit, int code);
int commit_sync_failed(struct sl_commit *commit, int code);

/* The part gets its final name, or another one if that was taken meanwhile (options.taken). */
SL_SUSPENDS
int commit_publish(struct sl_committer *committer, struct sl_commit *commit);

/* `changed`: names in it were; else only files that stood there, perhaps on a read-only mount. */
SL_SUSPENDS
int commit_sync_directory(struct sl_directory *directory, bool changed);

#endif
