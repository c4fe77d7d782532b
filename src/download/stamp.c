/*
 * The attribute's bytes, little-endian:
 *
 *    offset  bytes
 *    0       1      version, 1; a reader that does not have it ignores the attribute
 *    1       1      algorithm of the verified checksum: 0 none, 1 md5, 2 sha-1, 3 sha-256,
 *                   4 sha-512, 5 blake2b, 6 blake2s; a reader that does not have it ignores the
 *                   attribute
 *    2       8      size of the file
 *    10      8      modification time of the file, nanoseconds since the epoch
 *    18      8      hash of the URL (sl_names_hash), whose secrets are masked; of "decoded" and
 *                   the URL if the file holds what the resource decodes to
 *    26      4      Last-Modified, seconds since the epoch; 0 none
 *    30      16     with a checksum: its first 16 bytes
 *    then           the ETag as it was sent, to the end; may be absent
 *
 * It is kept short: ext4 has room for 64 bytes in an inode of the usual size, and a longer
 * attribute costs a block of its own for each file. So an ETag beyond that is left out if
 * Last-Modified tells versions apart as well. The checksum is cut; 16 bytes tell contents apart,
 * and a program that can write the attribute can write all of it.
 */
#include "sluice/download/stamp.h"

#include "sluice/base/clock.h"
#include "sluice/download/names.h"

#include <string.h>

#define VERSION 1u
#define INLINE_MAX 64u /* bytes that ext4 keeps in the inode */

/* Numbers of algorithms in the attribute, for good. */
static const enum sl_checksum_kind algorithms[] = { SL_CHECKSUM_NONE, SL_CHECKSUM_MD5,
	SL_CHECKSUM_SHA1, SL_CHECKSUM_SHA256, SL_CHECKSUM_SHA512, SL_CHECKSUM_BLAKE2B,
	SL_CHECKSUM_BLAKE2S };

/* 0 for an algorithm without a number. */
static unsigned
algorithm_of(enum sl_checksum_kind kind)
{
	for (unsigned i = 1; i < SL_COUNT_OF(algorithms); i++)
		if (algorithms[i] == kind)
			return i;
	return 0;
}

static uint64_t
hash_url(const char *url, bool is_decoded)
{
	uint64_t hash = is_decoded ? sl_names_hash(0, sl_span_str("decoded")) : 0;
	return sl_names_hash(hash, sl_span_str(url));
}

void
sl_stamp_init(struct sl_stamp *stamp, const char *url, const struct sl_resource *resource,
	const struct sl_checksum *checksum, bool is_decoded)
{
	uint64_t modified_s = resource->modified_ns / SL_NS_PER_S;
	*stamp = (struct sl_stamp){ .url_hash = hash_url(url, is_decoded),
		.modified_s = modified_s <= UINT32_MAX ? (uint32_t)modified_s : 0,
		.algorithm = checksum ? algorithm_of(checksum->kind) : 0 };
	if (stamp->algorithm)
		memcpy(stamp->digest, checksum->value, SL_STAMP_DIGEST);
	size_t len = SL_STAMP_HEAD + (stamp->algorithm ? SL_STAMP_DIGEST : 0);
	if (!stamp->modified_s || len + strlen(resource->etag) <= INLINE_MAX)
		stamp->etag = sl_span_str(resource->etag);
}

bool
sl_stamp_is_useful(const struct sl_stamp *stamp)
{
	return stamp->algorithm || stamp->modified_s || stamp->etag.len > 0;
}

bool
sl_stamp_has_checksum(const struct sl_stamp *stamp, const struct sl_checksum *checksum)
{
	return stamp->algorithm && stamp->algorithm == algorithm_of(checksum->kind) &&
	       memcmp(stamp->digest, checksum->value, SL_STAMP_DIGEST) == 0;
}

bool
sl_stamp_is_from(const struct sl_stamp *stamp, const char *url, bool is_decoded)
{
	return stamp->url_hash == hash_url(url, is_decoded);
}

/* ---- bytes ---- */

static unsigned char *
put(unsigned char *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		*at++ = (unsigned char)(value >> (8 * i));
	return at;
}

size_t
sl_stamp_format(const struct sl_stamp *stamp, unsigned char *out)
{
	unsigned char *at = out;
	size_t etag_len = stamp->etag.len;
	at = put(at, VERSION, 1);
	at = put(at, stamp->algorithm, 1);
	at = put(at, stamp->size, 8);
	at = put(at, stamp->mtime_ns, 8);
	at = put(at, stamp->url_hash, 8);
	at = put(at, stamp->modified_s, 4);
	if (stamp->algorithm) {
		memcpy(at, stamp->digest, SL_STAMP_DIGEST);
		at += SL_STAMP_DIGEST;
	}
	if (etag_len > 0)
		memcpy(at, stamp->etag.data, etag_len);
	return (size_t)(at - out) + etag_len;
}

static uint64_t
get(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

/* Any program may have written them: the ETag goes into a request. */
bool
sl_stamp_parse(struct sl_stamp *stamp, const unsigned char *bytes, size_t len)
{
	*stamp = (struct sl_stamp){ 0 };
	if (len < SL_STAMP_HEAD || bytes[0] != VERSION || bytes[1] >= SL_COUNT_OF(algorithms))
		return false;
	size_t etag_at = SL_STAMP_HEAD + (bytes[1] ? SL_STAMP_DIGEST : 0);
	size_t etag_len = len - SL_MIN(etag_at, len);
	struct sl_span etag = sl_span((const char *)bytes + SL_MIN(etag_at, len), etag_len);
	if (len < etag_at || etag_len > SL_ETAG_MAX || (etag_len > 0 && !sl_etag_is_valid(etag)))
		return false;
	stamp->algorithm = bytes[1];
	stamp->size = get(bytes + 2, 8);
	stamp->mtime_ns = get(bytes + 10, 8);
	stamp->url_hash = get(bytes + 18, 8);
	stamp->modified_s = (uint32_t)get(bytes + 26, 4);
	if (stamp->algorithm)
		memcpy(stamp->digest, bytes + SL_STAMP_HEAD, SL_STAMP_DIGEST);
	stamp->etag = etag;
	return true;
}
