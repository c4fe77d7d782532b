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
	SL_CHECKSUM_SHA512,
	SL_CHECKSUM_BLAKE2B, /* of 512 bits, as b2sum writes */
	SL_CHECKSUM_BLAKE2S  /* of 256 bits */
};

#define SL_CHECKSUM_MAX 64 /* bytes of the longest digest */

struct sl_checksum {
	enum sl_checksum_kind kind;
	unsigned char value[SL_CHECKSUM_MAX];
	size_t len;
	bool from_server; /* sent with the file, not given by the user */
};

/* "sha-256=HEX" (also sha256, SHA-256; sha-512, sha-1, md5, blake2b, b2, blake2s). Returns 0 or
 * SL_E_USAGE with the reason. */
int sl_checksum_parse(
	struct sl_checksum *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* The algorithm of that name, in any case; SL_CHECKSUM_NONE if it is unknown. */
enum sl_checksum_kind sl_checksum_kind_of(struct sl_span name);

/* *out = the digest of that kind (not SL_CHECKSUM_NONE) in hex. Returns 0 or SL_E_USAGE with the
 * reason; then *out is unchanged. */
int sl_checksum_set_hex(struct sl_checksum *out, enum sl_checksum_kind kind, struct sl_span hex,
	struct sl_error *err) SL_MUST_CHECK;

const char *sl_checksum_name(enum sl_checksum_kind kind);

/* Bytes of a digest; 0 for SL_CHECKSUM_NONE. */
size_t sl_checksum_len(enum sl_checksum_kind kind);

/* Whether `a` is the one to verify when a file has digests of both kinds. Any is stronger than
 * SL_CHECKSUM_NONE. */
bool sl_checksum_is_stronger(enum sl_checksum_kind a, enum sl_checksum_kind b);

#endif
