/*
 * takeover.h - what is at hand of a file (at_hand.h) becomes a part with its journal, which is then
 * resumed like any other: the file that another program has left, or a copy of one that has grown
 * on the server or is damaged.
 *
 * Until the part is complete its source has what it had before, except that a file that is moved
 * loses its name at the moment the part and its journal are both on disk. The journal tells that
 * the part was that file, and whatever makes the part useless gives it its name back, as it was
 * (sl_part_discard, and sl_part_resume and sl_part_create of a later run).
 */
#ifndef SLUICE_DOWNLOAD_TAKEOVER_H
#define SLUICE_DOWNLOAD_TAKEOVER_H

#include "sluice/download/at_hand.h"
#include "sluice/download/part.h"
#include "sluice/download/place.h"
#include "sluice/download/transfer.h"

struct sl_takeover {
	const struct sl_transfer_options *options;
	const struct sl_place *place;
	const struct sl_sources *sources; /* the one in use is asked */
	struct sl_at_hand *at_hand;
	struct sl_error *err;
	bool may_replace; /* what cannot be used is replaced: no message suggests it */
	bool was_left;    /* result: the part is that of a run before this one */
};

/*
 * Compare what is at hand with the source in use, unless the version is known: samples of it are
 * requested. Returns 0: then it has the version; -EEXIST with the reason if it cannot be used with
 * this source; what a request returns; the cancellation.
 */
SL_SUSPENDS
int sl_takeover_compare(const struct sl_takeover *takeover) SL_MUST_CHECK;

/*
 * Make the part, and leave it for sl_part_resume with `mode` (SL_PART_NEW of a file that is moved,
 * else SL_PART_PRIVATE). A part that is there already and has as much of the same version is left
 * as it is. Returns 0; -EEXIST, SL_E_REPLACED with the reason if the file cannot be taken over; a
 * code of the disk; the cancellation. After a failure the file is as it was.
 */
SL_SUSPENDS
int sl_takeover_make_part(struct sl_takeover *takeover) SL_MUST_CHECK;

#endif
