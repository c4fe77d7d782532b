/*
 * walk.h - the regular files below a directory, one after the other, in bounded memory.
 *
 * Links, devices, sockets and FIFOs are passed over, and no link is followed, so that a walk ends.
 * Names come sorted as long as a directory has at most SL_WALK_BATCH entries (larger ones in sorted
 * batches), a directory's files among its subdirectories. The directories are read in the blocking
 * pool.
 */
#ifndef SLUICE_SCAN_WALK_H
#define SLUICE_SCAN_WALK_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

#define SL_WALK_BATCH 4096u /* entries read before the first is passed on */
#define SL_WALK_DEPTH 100u  /* directories open at a time: one descriptor each */

struct sl_walk;

/* Nothing is opened yet; a directory that cannot be opened is reported by the first sl_walk_next.
 * -ENOMEM else 0. */
int sl_walk_new(struct sl_walk **out, const char *directory) SL_MUST_CHECK;

/* NULL is fine. */
void sl_walk_free(struct sl_walk *walk);

/*
 * The next file: 1, and its path (the directory's as given, then the names) in *path until the next
 * call. 0 after the last. SL_E_NAME: the directory *path could not be read, or not to its end, and
 * `err` (cleared first) says why; the walk goes on with the next call. Another negative code
 * (-ECANCELED, -ENOMEM) ends the walk.
 */
SL_SUSPENDS
int sl_walk_next(struct sl_walk *walk, const char **path, struct sl_error *err) SL_MUST_CHECK;

/* Links, devices, sockets and FIFOs up to here. */
size_t sl_walk_passed_over(const struct sl_walk *walk);

#endif
