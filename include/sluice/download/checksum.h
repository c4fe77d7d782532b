/*
 * checksum.h - expected digests and their computing (OpenSSL's EVP).
 */
#ifndef SLUICE_DOWNLOAD_CHECKSUM_H
#define SLUICE_DOWNLOAD_CHECKSUM_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"

enum sl_checksum_kind {
	SL_CHECKSUM_NONE,
	SL_CHECKSUM_MD5,
	SL_CHECKSUM_SHA1,
	SL_CHECKSUM_SHA256,
	SL_CHECKSUM_SHA512
};

#define SL_CHECKSUM_MAX 64 /* bytes of the longest digest */

struct sl_checksum {
	enum sl_checksum_kind kind;
	unsigned char value[SL_CHECKSUM_MAX];
	size_t len;
};

struct sl_digest;

/* "sha-256=HEX" (also sha256, SHA-256; sha-512, sha-1, md5). Returns 0 or SL_E_USAGE with the
 * reason. */
int sl_checksum_parse(
	struct sl_checksum *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

const char *sl_checksum_name(enum sl_checksum_kind kind);

/* A digest being computed; used by one thread at a time. Returns 0, -ENOMEM, or SL_E_UNSUPPORTED if
 * the library has switched the algorithm off. */
int sl_digest_new(struct sl_digest **out, enum sl_checksum_kind kind) SL_MUST_CHECK;
void sl_digest_free(struct sl_digest *digest);

/* On any thread, in order. Failure is remembered until sl_digest_check. */
void sl_digest_add(struct sl_digest *digest, const void *data, size_t len);

/* Ends it. Returns 0 if it is `expected`, else SL_E_CHECKSUM with both values in *err. */
int sl_digest_check(struct sl_digest *digest, const struct sl_checksum *expected, const char *what,
	struct sl_error *err) SL_MUST_CHECK;

#endif
