/*
 * digest_field.h - digests in the head of a response (RFC 9530, RFC 3230). Pure.
 */
#ifndef SLUICE_DOWNLOAD_DIGEST_FIELD_H
#define SLUICE_DOWNLOAD_DIGEST_FIELD_H

#include "sluice/download/checksum.h"
#include "sluice/http/head.h"

/*
 * The strongest usable digest of the representation, which is the whole file without a content
 * coding: from Repr-Digest, Digest, and, if the response `is_whole` (not a range), Content-Digest.
 * False and *out of SL_CHECKSUM_NONE if there is none. A field that is malformed is ignored
 * (RFC 9651 4.2), and so are unknown algorithms.
 */
bool sl_digest_field_read(
	const struct sl_head *head, bool is_whole, struct sl_checksum *out) SL_MUST_CHECK;

#endif
