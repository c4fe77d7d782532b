/*
 * sums.h - checksums by file name, from a list, for files that come from elsewhere (--sums). Pure.
 *
 * A name is the path of a file below the output directory, as in a list of checksums, or else the
 * name of its URL. A checksum takes some 60 bytes, whatever the length of its name.
 */
#ifndef SLUICE_DOWNLOAD_SUMS_H
#define SLUICE_DOWNLOAD_SUMS_H

#include "sluice/download/entry.h"

/* {0} is empty. */
struct sl_sums {
	struct sl_buf records; /* one behind the other */
	uint32_t *slots;       /* open-addressed: 1 + where the record begins; 0 = free */
	size_t cap;
	uint64_t count, used; /* names; those that sl_sums_apply has found */
};

void sl_sums_release(struct sl_sums *sums);

/*
 * Add the checksum of an entry of a list. Of several algorithms the strongest is kept. Returns 0;
 * SL_E_USAGE if it has no checksum, or another one was added for its name; SL_E_LIMIT above 4 GiB;
 * -ENOMEM.
 */
int sl_sums_add(
	struct sl_sums *sums, const struct sl_entry *entry, struct sl_error *err) SL_MUST_CHECK;

/* Set the checksum of an entry that has none. False if there is none for it. */
bool sl_sums_apply(struct sl_sums *sums, struct sl_entry *entry);

#endif
