/*
 * pieces.h - digests of the pieces of a file, as Metalink has them. Pure.
 *
 * Piece i is the bytes [i * length, (i + 1) * length) of the file; the last one may be shorter.
 */
#ifndef SLUICE_DOWNLOAD_PIECES_H
#define SLUICE_DOWNLOAD_PIECES_H

#include "sluice/download/checksum.h"
#include "sluice/download/ranges.h"

/* Pieces of one file: 16 MiB of digests at most. aria2 writes 256 KiB pieces: those of 64 GiB. */
#define SL_PIECES_MAX (256u * 1024u)

struct sl_pieces {
	enum sl_checksum_kind kind;   /* SL_CHECKSUM_NONE = there are none */
	uint64_t length;              /* bytes of a piece, at least 1 */
	const unsigned char *digests; /* `count` of sl_checksum_len(kind) bytes each */
	size_t count;
};

/* Whether they are the pieces of a file of `size` bytes: as many as it has, none missing. */
bool sl_pieces_fit(const struct sl_pieces *pieces, uint64_t size);

/* The piece that has byte `off` of the file. */
size_t sl_pieces_index(const struct sl_pieces *pieces, uint64_t off);

/* The bytes of a piece of a file of `size` bytes; index below count. They must fit the size. */
struct sl_range sl_pieces_range(const struct sl_pieces *pieces, uint64_t size, size_t index);

const unsigned char *sl_pieces_digest(const struct sl_pieces *pieces, size_t index);

#endif
