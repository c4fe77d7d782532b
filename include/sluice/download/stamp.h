/*
 * stamp.h - what a finished file is known to be, kept in an extended attribute of the file itself:
 * which checksum was verified, and what the server sent to tell versions apart. Pure.
 *
 * A stamp holds for a file only while its size and modification time are those of the stamp. A
 * change that leaves both as they were is not detected, as with rsync and make. It has no URL, only
 * a hash of one whose secrets were masked. Of a file that was decoded, also from a content coding,
 * version and URL are those of what was sent; they do not hold for a file from that URL that was
 * not decoded, or the reverse.
 */
#ifndef SLUICE_DOWNLOAD_STAMP_H
#define SLUICE_DOWNLOAD_STAMP_H

#include "sluice/download/checksum.h"
#include "sluice/http/resource.h"

#define SL_STAMP_ATTRIBUTE "user.sluice"

#define SL_STAMP_DIGEST 16 /* first bytes of a checksum; MD5, the shortest, has no more */
#define SL_STAMP_HEAD 30
#define SL_STAMP_MAX (SL_STAMP_HEAD + SL_STAMP_DIGEST + SL_ETAG_MAX) /* bytes of the attribute */

struct sl_stamp {
	uint64_t size;
	uint64_t mtime_ns;   /* modification time of the file, wall clock */
	uint64_t url_hash;   /* of the URL that it came from */
	uint32_t modified_s; /* Last-Modified, since the epoch; 0 = none */
	unsigned algorithm;  /* 0 = no checksum was verified */
	unsigned char digest[SL_STAMP_DIGEST];
	struct sl_span etag; /* as sent; len 0 = none; borrowed */
};

/* What is known of a file once its head has come: `url` is shown to people (without secrets). Size
 * and time are set once it is complete. The checksum may be NULL: that of a compressed file, of
 * which the content is stored, is not kept. The ETag stays that of *resource. */
void sl_stamp_init(struct sl_stamp *stamp, const char *url, const struct sl_resource *resource,
	const struct sl_checksum *checksum, bool is_decoded);

/* It has something to compare a file with later. */
bool sl_stamp_is_useful(const struct sl_stamp *stamp);

/* The bytes of the attribute, at most SL_STAMP_MAX. Returns their count. */
size_t sl_stamp_format(const struct sl_stamp *stamp, unsigned char *out);

/* False if the bytes are not a stamp, or one of another version; *stamp is {0} then. The ETag
 * points into the bytes. */
bool sl_stamp_parse(struct sl_stamp *stamp, const unsigned char *bytes, size_t len) SL_MUST_CHECK;

/* The checksum that was verified is `checksum`. */
bool sl_stamp_has_checksum(const struct sl_stamp *stamp, const struct sl_checksum *checksum);

/* The file came from this URL, decoded or as it was, so that its validators are those of the
 * stamp. */
bool sl_stamp_is_from(const struct sl_stamp *stamp, const char *url, bool is_decoded);

#endif
