/*
 * walk.h - the regular files below a directory, one after the other, in bounded memory.
 *
 * Each entry below the directory is a regular file, is a directory and entered, or is reported as
 * skipped. No link to a directory is followed, so that a walk ends. A link to a regular file is
 * reported as such, unless the walk meets the file anyway: such a link is skipped.
 * Names come sorted as long as a directory has at most SL_WALK_BATCH entries (larger ones in sorted
 * batches), a directory's files among its subdirectories. Directories are read in the blocking
 * pool. Hidden names are names like others.
 *
 * Rules leave entries out by their names, without a report, as those of grep do: of the rules for
 * files the last one that matches the name decides; if none does, a name is left out if the first
 * of them includes.
 */
#ifndef SLUICE_SCAN_WALK_H
#define SLUICE_SCAN_WALK_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

#define SL_WALK_BATCH 4096u  /* entries read before the first is passed on */
#define SL_WALK_DEPTH 100u   /* directories open at a time: one descriptor each */
#define SL_WALK_LINKS 16384u /* files reached by links: each is remembered, to be read once */

enum sl_walk_found {
	SL_WALK_END,
	SL_WALK_FILE,
	SL_WALK_LINK, /* to a regular file outside the directory, the first such link to it */
	/* Passed over. */
	SL_WALK_OTHER_LINK, /* what it leads to is not read */
	SL_WALK_SPECIAL,    /* a device, socket or FIFO, or a link to one */
};

enum sl_walk_rule_kind {
	SL_WALK_INCLUDE, /* of files, and of what is not a directory */
	SL_WALK_EXCLUDE,
	SL_WALK_EXCLUDE_DIRECTORY, /* with all that is in it */
};

struct sl_walk_rule {
	enum sl_walk_rule_kind kind;
	const char *glob; /* for fnmatch(3), compared with the last component of the path */
};

/* {0}: none, which leaves nothing out. */
struct sl_walk_rules {
	const struct sl_walk_rule *items;
	size_t count;
};

struct sl_walk;

/*
 * Nothing is opened yet; a directory that cannot be opened is reported by the first sl_walk_next.
 * Without `follow` every link is an OTHER_LINK. The rules must stay; they do not concern
 * `directory` itself. Returns 0 or -ENOMEM.
 */
int sl_walk_new(struct sl_walk **out, const char *directory, bool follow,
	const struct sl_walk_rules *rules) SL_MUST_CHECK;

/* NULL is fine. */
void sl_walk_free(struct sl_walk *walk);

/*
 * The next entry: an enum sl_walk_found, and its path (the directory's as given, then the names) in
 * *path until the next call; `err` (cleared first) holds why it was skipped. SL_E_NAME: the
 * directory *path could not be read, or not to its end, and `err` holds why; the walk goes on with
 * the next call. Another negative code (-ECANCELED, -ENOMEM) ends the walk.
 */
SL_SUSPENDS
int sl_walk_next(struct sl_walk *walk, const char **path, struct sl_error *err) SL_MUST_CHECK;

#endif
