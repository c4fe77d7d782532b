/*
 * piece_check.h - verifies the pieces of a file, as it arrives or read back, and keeps which of
 * them are bad.
 *
 * Bytes come in order from the beginning of a piece. Adding them is CPU work for any thread, one at
 * a time; the rest is for the runtime's thread.
 */
#ifndef SLUICE_DOWNLOAD_PIECE_CHECK_H
#define SLUICE_DOWNLOAD_PIECE_CHECK_H

#include "sluice/download/digest.h"
#include "sluice/download/part_reader.h"
#include "sluice/download/pieces.h"
#include "sluice/rt/chunk.h"

struct sl_piece_check {
	const struct sl_pieces *pieces;
	uint64_t size; /* of the file */
	uint64_t off;  /* of the next byte */
	size_t bad_count;
	struct sl_digest *digest; /* of the piece that `off` is in */
	unsigned char *bad;       /* a bit for each piece */
};

/* `pieces` are borrowed. Returns 0; SL_E_CHECKSUM if they are not those of a file of `size` bytes;
 * -ENOMEM; SL_E_UNSUPPORTED. After a failure it is as after a release. */
int sl_piece_check_init(struct sl_piece_check *check, const struct sl_pieces *pieces, uint64_t size,
	const char *what, struct sl_error *err) SL_MUST_CHECK;

/* Harmless on {0}. */
void sl_piece_check_release(struct sl_piece_check *check);

/* The next byte added is the first of that piece (index up to count). What was added of another
 * piece that is not complete is dropped. */
void sl_piece_check_seek(struct sl_piece_check *check, size_t index);

/* The next bytes of the file; those beyond its size are ignored. A piece whose last byte comes is
 * good or bad from then on, whatever it was before. */
void sl_piece_check_add(struct sl_piece_check *check, const void *data, size_t len);

/* The same on a worker. Returns 0 or the cancellation. */
SL_SUSPENDS
int sl_piece_check_offload(
	struct sl_piece_check *check, const void *data, size_t len) SL_MUST_CHECK;

/*
 * Read back and verify the pieces that have bytes of `range`, by way of one chunk of the pool.
 * Bytes that the file lacks make their pieces bad. Returns 0; a failure to read or the
 * cancellation, in words: then pieces may have been left as they were.
 */
SL_SUSPENDS
int sl_piece_check_read(struct sl_piece_check *check, const struct sl_part_reader *reader,
	struct sl_range range, struct sl_chunk_pool *pool, const char *what,
	struct sl_error *err) SL_MUST_CHECK;

/* The bytes of the first bad pieces at or behind byte `from`, as many as are next to each other.
 * False if there are none. */
bool sl_piece_check_next_bad(
	const struct sl_piece_check *check, uint64_t from, struct sl_range *out);

#endif
