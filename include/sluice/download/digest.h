/*
 * digest.h - computing a digest, and comparing it with the expected one.
 */
#ifndef SLUICE_DOWNLOAD_DIGEST_H
#define SLUICE_DOWNLOAD_DIGEST_H

#include "sluice/download/checksum.h"

struct sl_digest;

/* A digest being computed; used by one thread at a time. Returns 0, -ENOMEM, or SL_E_UNSUPPORTED if
 * the library has switched the algorithm off. */
int sl_digest_new(struct sl_digest **out, enum sl_checksum_kind kind) SL_MUST_CHECK;
void sl_digest_free(struct sl_digest *digest);

/* On any thread, in order. Failure is remembered until sl_digest_check. */
void sl_digest_add(struct sl_digest *digest, const void *data, size_t len);

/* The same on a worker, for the runtime's thread; `data` must stay until it returns. Returns 0 or
 * the cancellation. */
SL_SUSPENDS
int sl_digest_offload(struct sl_digest *digest, const void *data, size_t len) SL_MUST_CHECK;

/* Ends it. True if it is the `len` bytes of `value`, and nothing failed. */
bool sl_digest_is(struct sl_digest *digest, const unsigned char *value, size_t len) SL_MUST_CHECK;

/* Begins another of the same kind, also after its end. */
void sl_digest_restart(struct sl_digest *digest);

/* Ends it. Returns 0 if it is `expected`, else SL_E_CHECKSUM with both values in *err. */
int sl_digest_check(struct sl_digest *digest, const struct sl_checksum *expected, const char *what,
	struct sl_error *err) SL_MUST_CHECK;

#endif
