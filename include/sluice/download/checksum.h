/*
 * checksum.h - expected digests. Pure.
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

/* "sha-256=HEX" (also sha256, SHA-256; sha-512, sha-1, md5). Returns 0 or SL_E_USAGE with the
 * reason. */
int sl_checksum_parse(
	struct sl_checksum *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

const char *sl_checksum_name(enum sl_checksum_kind kind);

#endif
