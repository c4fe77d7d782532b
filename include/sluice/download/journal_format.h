/*
 * journal_format.h - the bytes of a journal: which ranges of a partial file are on disk. Pure.
 *
 * A journal is a log that is only appended to. All numbers are little-endian; a record is
 *
 *    offset  size
 *    0       4     CRC-32C of everything after it in the record, begun with the CRC of the record
 *                  before it (BEGIN: with 0)
 *    4       2     type
 *    6       2     bytes of the payload, at most SL_JOURNAL_PAYLOAD_MAX
 *    8       n     payload
 *
 * and records follow each other without gaps. The first one is BEGIN, the second RESOURCE.
 * Payloads:
 *
 *    1  BEGIN      "sluice-journal\n" and a NUL (16), version (4), seed (4), device major (4),
 *                  minor (4), inode (8) and time of birth (8, nanoseconds since 1970, 0 = not
 *                  known) of the partial file, mode it was created with before the umask (4)
 *    2  RESOURCE   length (8), modified (8, nanoseconds since 1970, 0 = none), flags (4; 1 = the
 *                  ETag is weak, 2 = the modification time is a strong validator), hash of the URL
 *                  without user, password and query (8), bytes of the ETag (2), the ETag
 *    3  BOOT       boot id (16) of the run that writes the records behind it
 *    4  WRITTEN    begin (8), end (8), CRC-32C of the bytes (4): a range that was written
 *    5  SYNCED     offset (8): ranges whose records end at or before this offset of the journal are
 *                  on disk
 *    6  VOID       begin (8), end (8): the range does not hold what was recorded
 *    7  CLOSED     size (8) and modification time (8, nanoseconds since 1970) of the partial file
 *                  when its run ended in good order; of a file that was taken over, when its
 *                  ranges were read
 *    8  TAKEN      size (8) and modification time (8, nanoseconds since 1970) of the file of the
 *                  final name that became the partial file, flags (4; 1 = aria2 has left it, with a
 *                  control file)
 *
 * A range is to be trusted if a SYNCED covers it, or if a run of the same boot recorded it: then at
 * most this program was killed, and the kernel writes what it has. So a BOOT with another id than
 * the one before it drops the ranges that no SYNCED has covered by then. A record that is cut or
 * damaged ends the journal: what is behind it is not read. Because each CRC continues that of the
 * record before it, blocks of an older journal, or of the same one before it was cut, which a power
 * cut may leave behind the end, are not taken for records.
 */
#ifndef SLUICE_DOWNLOAD_JOURNAL_FORMAT_H
#define SLUICE_DOWNLOAD_JOURNAL_FORMAT_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/download/ranges.h"
#include "sluice/http/resource.h"
#include "sluice/http/url.h"

#define SL_JOURNAL_VERSION 1u
#define SL_JOURNAL_PAYLOAD_MAX 512u
#define SL_JOURNAL_BOOT_ID 16

struct sl_journal_begin {
	uint32_t seed; /* a different one in each journal */
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint64_t birth_ns;
	uint32_t mode;
};

struct sl_journal_resource {
	uint64_t url_hash;
	struct sl_resource resource; /* length, modified_ns, etag, and whether these are strong */
};

struct sl_journal_range {
	uint64_t begin, end; /* half-open, not empty */
	uint32_t crc;
	uint64_t record_end; /* where its record ends; set by sl_journal_read */
};

struct sl_journal_closed {
	uint64_t size;
	uint64_t modified_ns;
};

/* A file that was there under the final name, and became the part. */
struct sl_journal_taken {
	uint64_t size;
	uint64_t modified_ns;
	bool has_control; /* aria2's control file */
};

/* For struct sl_journal_resource. Of scheme, host, port and path. */
uint64_t sl_journal_url_hash(const struct sl_url *url);

/* ---- writing: append to *out; a failed allocation is kept in out->failed. *chain is the CRC of
 * the record before, and then of this one. ---- */

#define SL_JOURNAL_RECORD_MAX (8 + SL_JOURNAL_PAYLOAD_MAX)

void sl_journal_add_begin(
	struct sl_buf *out, uint32_t *chain, const struct sl_journal_begin *begin);
void sl_journal_add_resource(
	struct sl_buf *out, uint32_t *chain, const struct sl_journal_resource *resource);
void sl_journal_add_boot(
	struct sl_buf *out, uint32_t *chain, const unsigned char id[SL_JOURNAL_BOOT_ID]);
void sl_journal_add_written(
	struct sl_buf *out, uint32_t *chain, const struct sl_journal_range *range);
void sl_journal_add_synced(struct sl_buf *out, uint32_t *chain, uint64_t off);
void sl_journal_add_void(struct sl_buf *out, uint32_t *chain, uint64_t begin, uint64_t end);
void sl_journal_add_closed(
	struct sl_buf *out, uint32_t *chain, const struct sl_journal_closed *closed);
void sl_journal_add_taken(
	struct sl_buf *out, uint32_t *chain, const struct sl_journal_taken *taken);

/* ---- reading ---- */

/* What a journal contains; {0} before. */
struct sl_journal_content {
	struct sl_journal_begin begin;
	bool has_resource;
	struct sl_journal_resource resource; /* the last */
	/* To be trusted, in the order they were recorded; they may overlap. The owner's to free. */
	struct sl_journal_range *ranges;
	size_t count, cap;
	size_t synced;    /* the first ones of them, which a SYNCED covers */
	size_t untrusted; /* ranges that were recorded by a run of another boot and never synced */
	bool same_boot;   /* the last run that wrote it was of this boot */
	bool is_closed;   /* the last record is CLOSED: */
	struct sl_journal_closed closed;
	bool is_taken; /* the part was a file of the final name: */
	struct sl_journal_taken taken;
	uint64_t taken_end; /* offset behind that record */
	size_t len;         /* bytes of whole records: a journal that goes on is cut here */
	uint32_t chain;     /* CRC of the last of them */
};

/*
 * Read a journal. `boot_id` is that of this run; NULL = not known: only what was synced is trusted.
 * Returns 0; SL_E_UNSUPPORTED for another version; SL_E_PROTO if it does not begin as a journal
 * (another program's file, or cut before its first record was whole); -ENOMEM. A torn end is not an
 * error: *content has what is before it.
 */
int sl_journal_read(struct sl_journal_content *content, struct sl_span text,
	const unsigned char *boot_id, struct sl_error *err) SL_MUST_CHECK;

/* Drop the ranges that overlap one of these, which are sorted and apart: a CRC is that of all bytes
 * of its range. */
void sl_journal_content_drop(
	struct sl_journal_content *content, const struct sl_range *gone, size_t gone_count);

/* Harmless on {0}. */
void sl_journal_content_release(struct sl_journal_content *content);

#endif
