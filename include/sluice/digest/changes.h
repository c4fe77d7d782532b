/*
 * changes.h - what has become of the kinds of lines since they were saved. Pure.
 *
 * A kind is the one of before that has the same template, or one that is grouped with it
 * (templates.h): words that differ now may all have been the same then.
 */
#ifndef SLUICE_DIGEST_CHANGES_H
#define SLUICE_DIGEST_CHANGES_H

#include "sluice/digest/kinds.h"
#include "sluice/digest/saved.h"

/* In the order in which they are listed. More and less: by more than chance explains, which is
 * three times the square root of the sum of both numbers. */
enum sl_change {
	SL_CHANGE_NEW,
	SL_CHANGE_GONE,
	SL_CHANGE_MORE,
	SL_CHANGE_LESS,
	SL_CHANGE_NONE,
	SL_CHANGES
};

/* "new", "more". Static text. */
const char *sl_change_name(enum sl_change change);

struct sl_changed {
	enum sl_change change;
	uint64_t before;                  /* lines then */
	const struct sl_kind *kind;       /* now; NULL if it is gone */
	const struct sl_saved_kind *gone; /* if it is */
};

/* {0} is empty. */
struct sl_changes {
	struct sl_changed *items;
	size_t count;
	uint64_t numbers[SL_CHANGES]; /* of items */
};

/* Compare. Items are in the order of their changes, then by number of lines; what they point to
 * must stay. Returns 0 or -ENOMEM; *changes is to be released in both cases. */
int sl_changes_make(struct sl_changes *changes, const struct sl_kind *kinds, size_t count,
	const struct sl_saved *saved) SL_MUST_CHECK;
void sl_changes_release(struct sl_changes *changes);

#endif
