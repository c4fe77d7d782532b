/*
 * space.h - whether what a list has fits on the file system of the run, as far as its sizes tell.
 *
 * A run goes on in any case, since space may be freed meanwhile, and files that fit are wanted:
 * those that do not fail, before their bytes are fetched. The user is told before the first.
 */
#ifndef SLUICE_DOWNLOAD_SPACE_H
#define SLUICE_DOWNLOAD_SPACE_H

#include "sluice/base/bytes.h"
#include "sluice/download/entry.h"

#include <stdbool.h>

struct sl_space {
	const char *dir; /* of the run, borrowed; NULL = nothing is checked */
	bool is_reported;
	/* Entries that were not seen to be complete, the newest ones: sizes, and their paths below
	 * dir, each with its NUL. */
	struct sl_buf paths, sizes;
	uint64_t known; /* sum of the sizes */
	bool has_new;   /* entries since the last check */
};

/* An entry that will be downloaded below `dir`. Nothing is done if it has no size. */
void sl_space_add(struct sl_space *space, const struct sl_entry *entry);

/*
 * Warn, once, if the entries so far need more than is free for this user. What is there of them
 * does not count. A file system that does not respond is not waited for.
 */
SL_SUSPENDS
void sl_space_check(struct sl_space *space);

void sl_space_release(struct sl_space *space);

#endif
