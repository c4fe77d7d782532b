/*
 * names.h - which file names this run has given out, so that two inputs never write one file. Pure.
 */
#ifndef SLUICE_DOWNLOAD_NAMES_H
#define SLUICE_DOWNLOAD_NAMES_H

#include "sluice/base/def.h"

#include <stdbool.h>

struct sl_names_slot {
	char *path; /* NULL = free */
	uint64_t index;
};

/* An open-addressed table that grows; {0} is empty. */
struct sl_names {
	struct sl_names_slot *slots;
	size_t count, cap;
};

void sl_names_release(struct sl_names *names);

/* Give `path` (copied) to input `index`. Returns 0; 1 if another input has it: then *other is its
 * index; -ENOMEM. */
int sl_names_claim(
	struct sl_names *names, const char *path, uint64_t index, uint64_t *other) SL_MUST_CHECK;

/* True if it was claimed; then *index is whose it is. */
bool sl_names_has(const struct sl_names *names, const char *path, uint64_t *index);

#endif
