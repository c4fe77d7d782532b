/*
 * store.h - the file of --state: locked while it is used, and replaced as a whole.
 *
 * The lock is one of flock(2) on the file itself, and on the next one before it gets the name: the
 * name never refers to a file that is not locked. The kernel releases it with the process.
 */
#ifndef SLUICE_FOLLOW_STORE_H
#define SLUICE_FOLLOW_STORE_H

#include "sluice/follow/state.h"
#include "sluice/rt/task.h"

/* {0} is closed. */
struct sl_store {
	const char *name; /* the caller's, for messages */
	char *path;       /* without links */
	int fd;
	bool is_open;
	struct sl_state_file file; /* device and inode */
};

/*
 * Open or create the file, lock it, and read it. Returns 0; SL_E_IN_USE if another process has
 * locked it; what sl_state_read returns; or another negative code: all described in *err. *state is
 * to be released in all cases.
 */
SL_SUSPENDS
int sl_store_open(struct sl_store *store, const char *name, struct sl_state *state,
	struct sl_error *err) SL_MUST_CHECK;

/* Replace the file: afterwards it holds the state, also if the machine stops; after a failure, what
 * it held before. Returns 0 or a negative code, described in *err. */
SL_SUSPENDS
int sl_store_save(
	struct sl_store *store, const struct sl_state *state, struct sl_error *err) SL_MUST_CHECK;

SL_SUSPENDS
void sl_store_close(struct sl_store *store);

#endif
