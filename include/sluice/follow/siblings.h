/*
 * siblings.h - the files beside a log that it may have become when it was rotated (rotation.h).
 */
#ifndef SLUICE_FOLLOW_SIBLINGS_H
#define SLUICE_FOLLOW_SIBLINGS_H

#include "sluice/follow/rotation.h"
#include "sluice/follow/state.h"
#include "sluice/rt/task.h"

#define SL_SIBLINGS_MAX 4096u /* more are not looked at */

struct sl_sibling {
	char *path;
	const char *name; /* its last component */
	struct sl_state_file file;
	struct sl_rotation_age age;
};

/* {0} is empty. */
struct sl_siblings {
	struct sl_sibling *items;
	size_t count;
};

/* Regular files, without links, and without those that others of them are being compressed to;
 * those with a known age in the order of it, the newest first. The
 * directory may be rotated meanwhile: it is listed until two lists agree, a few times at most.
 * Returns 0; 1 if the last two did not agree; -ENOMEM or the cancellation. A directory that cannot
 * be read has none. */
SL_SUSPENDS
int sl_siblings_find(struct sl_siblings *siblings, const char *path) SL_MUST_CHECK;

/* The last component of a path, as `name` above. */
const char *sl_siblings_name_of(const char *path);

/* The same names of the same files. */
bool sl_siblings_are_equal(const struct sl_siblings *a, const struct sl_siblings *b);

/* One of them is this file. */
bool sl_siblings_have(const struct sl_siblings *siblings, const struct sl_state_file *file);

void sl_siblings_release(struct sl_siblings *siblings);

#endif
