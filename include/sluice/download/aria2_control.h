/*
 * aria2_control.h - reads what aria2 keeps beside a half-done download, NAME.aria2: which bytes of
 * NAME it has. Pure.
 *
 * The file begins with a version of two bytes: 00 00 (all numbers in the byte order of the machine
 * that wrote them) or 00 01 (big-endian). Then follow
 *
 *    extension (4; 1 = a torrent), bytes of the info hash (4), the info hash, bytes of a piece (4),
 *    bytes of the file (8), bytes uploaded (8), bytes of the bit field (4), the bit field: a bit
 *    for each piece, the first one the highest of the first byte; pieces in flight (4), and for
 *    each: its index (4), its length (4), bytes of its bit field (4), its bit field: a bit for each
 *    block of 16 KiB
 *
 * aria2 writes a new file and renames it: one that is not whole is damaged. It has no validator of
 * the resource, and no checksums.
 */
#ifndef SLUICE_DOWNLOAD_ARIA2_CONTROL_H
#define SLUICE_DOWNLOAD_ARIA2_CONTROL_H

#include "sluice/base/bytes.h"
#include "sluice/base/error.h"
#include "sluice/download/ranges.h"

#define SL_ARIA2_SUFFIX ".aria2"
#define SL_ARIA2_CONTROL_MAX SL_MIB /* bytes; a bit field for 8 TiB in pieces of 1 MiB */

struct sl_aria2_control {
	uint64_t total;        /* bytes of the file */
	struct sl_range *done; /* sorted, neither touching nor empty, up to `total` */
	size_t count;
};

/*
 * `text` is all of the file. Returns 0; SL_E_PROTO if it is damaged or something else;
 * SL_E_UNSUPPORTED for a torrent or another version; SL_E_LIMIT above SL_ARIA2_CONTROL_MAX;
 * -ENOMEM. *out must be {0}, and is after a failure.
 */
int sl_aria2_control_read(
	struct sl_aria2_control *out, struct sl_span text, struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_aria2_control_release(struct sl_aria2_control *control);

#endif
