/*
 * verify.h - compares a file that has been received with what is known of it: the size, the
 * checksum, and the checksums of its pieces.
 */
#ifndef SLUICE_DOWNLOAD_VERIFY_H
#define SLUICE_DOWNLOAD_VERIFY_H

#include "sluice/download/entry.h"
#include "sluice/download/hasher.h"
#include "sluice/download/ranges.h"

/* Borrowed. */
struct sl_verify {
	const struct sl_entry *entry;
	uint64_t size;              /* received */
	struct sl_hasher *hasher;   /* it has ended */
	const struct sl_part *part; /* all bytes are written; NULL = a stream, without pieces */
	struct sl_chunk_pool *pool; /* for what is read back */
	const char *path;           /* for messages */
	/* Both lose the bytes of bad pieces, which can then be fetched again. NULL = they
	 * cannot. */
	struct sl_ranges *received, *written;
};

/*
 * Returns 0; SL_E_CHECKSUM with words in *err: *bad is the number of pieces that can be fetched
 * again, 0 if none; a failure to read back, or the cancellation. The digest of the hasher is used
 * up.
 */
SL_SUSPENDS
int sl_verify(const struct sl_verify *verify, size_t *bad, struct sl_error *err) SL_MUST_CHECK;

#endif
