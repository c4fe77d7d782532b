/*
 * place_int.h - a claim under way, for place.c, and for place_tree.c, which keeps files and
 * directories apart.
 */
#ifndef SLUICE_DOWNLOAD_PLACE_INT_H
#define SLUICE_DOWNLOAD_PLACE_INT_H

#include "sluice/download/place.h"

#define SHOWN_MAX 240u /* bytes of a path or URL in a message that has others */

/* One claim under way. */
struct claim {
	struct sl_places *places;
	struct sl_place *place;
	const struct sl_sources *sources;
	const struct sl_entry *entry;
	struct sl_error *err;
};

/* What a name in a directory is called in places->names; the caller's to free. NULL if out of
 * memory. */
char *place_key(uint32_t dev_major, uint32_t dev_minor, uint64_t inode, struct sl_span name,
	const char *suffix) SL_MUST_CHECK;

/* For places below the directory of the run. Before the directory is made: no step of its path may
 * be a file of another input. 0; -ENOTDIR with words in the error. */
int place_check_steps(const struct claim *claim) SL_MUST_CHECK;

/* The directory is open, and other inputs may not use a step of its path as a file. 0 or
 * -ENOMEM. */
int place_add_directory(const struct claim *claim) SL_MUST_CHECK;

/* The place's own path is not a directory of another input. 0; SL_E_TWICE with words in the
 * error. */
int place_check_path(const struct claim *claim) SL_MUST_CHECK;

#endif
