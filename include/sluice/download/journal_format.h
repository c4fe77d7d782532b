/*
 * journal_format.h - the bytes of a journal: which ranges of a partial file are on disk. Pure.
 *
 * A journal is a log that is only appended to. All numbers are little-endian; a record is
 *
 *    offset  size
 *    0       4     CRC-32C of everything after it in the record, begun with the journal's seed
 *    4       2     type
 *    6       2     bytes of the payload, at most SL_JOURNAL_PAYLOAD_MAX
 *    8       n     payload
 *
 * and records follow each other without gaps. The first one is BEGIN. Payloads:
 *
 *    1  BEGIN      "sluice-journal\n" and a NUL (16), version (4), seed (4; the CRC of BEGIN itself
 *                  begins with 0), device major (4), minor (4) and inode (8) of the partial file
 *    2  RESOURCE   length (8), modified (8, nanoseconds since 1970, 0 = none), flags (4), hash of
 *                  the URL without user, password and query (8), bytes of the ETag (2), the ETag
 *    3  BOOT       boot id (16) of the run that writes the records behind it
 *    4  WRITTEN    begin (8), end (8), CRC-32C of the bytes (4): a range that was written
 *    5  SYNCED     nothing: all ranges recorded before are on disk
 *    6  VOID       begin (8), end (8): the range does not hold what was recorded
 *
 * A range is to be trusted if it was recorded before a SYNCED, or by a run of the same boot: then
 * at most this program was killed, and the kernel writes what it has. A record that is cut or
 * damaged ends the journal: what is behind it is not read. The seed is different in each journal,
 * so that blocks of an older one, which a power cut may leave, are not taken for records.
 */
#ifndef SLUICE_DOWNLOAD_JOURNAL_FORMAT_H
#define SLUICE_DOWNLOAD_JOURNAL_FORMAT_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/http/resource.h"

#define SL_JOURNAL_VERSION 1u
#define SL_JOURNAL_PAYLOAD_MAX 512u
#define SL_JOURNAL_BOOT_ID 16

struct sl_journal_begin {
	uint32_t seed;
	uint32_t dev_major, dev_minor;
	uint64_t inode;
};

struct sl_journal_resource {
	uint64_t url_hash;
	struct sl_resource resource; /* length, modified_ns, etag and its weakness */
};

struct sl_journal_range {
	uint64_t begin, end; /* half-open, not empty */
	uint32_t crc;
};

/* ---- writing: append to *out; a failed allocation is kept in out->failed ---- */

void sl_journal_add_begin(struct sl_buf *out, const struct sl_journal_begin *begin);
void sl_journal_add_resource(
	struct sl_buf *out, uint32_t seed, const struct sl_journal_resource *resource);
void sl_journal_add_boot(
	struct sl_buf *out, uint32_t seed, const unsigned char id[SL_JOURNAL_BOOT_ID]);
void sl_journal_add_written(
	struct sl_buf *out, uint32_t seed, const struct sl_journal_range *range);
void sl_journal_add_synced(struct sl_buf *out, uint32_t seed);
void sl_journal_add_void(struct sl_buf *out, uint32_t seed, uint64_t begin, uint64_t end);

/* ---- reading ---- */

/* What a journal says; {0} before. */
struct sl_journal_content {
	struct sl_journal_begin begin;
	bool has_resource;
	struct sl_journal_resource resource; /* the last */
	/* To be trusted, in the order they were recorded; they may overlap. The owner's to free. */
	struct sl_journal_range *ranges;
	size_t count, cap;
	size_t untrusted; /* ranges that were recorded by a run of another boot and never synced */
	size_t len;       /* bytes of whole records: a journal that goes on is cut here */
};

/*
 * Read a journal. `boot_id` is that of this run. Returns 0; SL_E_UNSUPPORTED for another version;
 * SL_E_PROTO if it does not begin as a journal (another program's file, or cut before its first
 * record was whole); -ENOMEM. A torn end is not an error: *content has what is before it.
 */
int sl_journal_read(struct sl_journal_content *content, struct sl_span text,
	const unsigned char boot_id[SL_JOURNAL_BOOT_ID], struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_journal_content_release(struct sl_journal_content *content);

#endif
