/*
 * decode_pieces.h - runs a decoder over data in pieces, into room of a given size, to its end: what
 * it makes of the data, which must not depend on either.
 */
#ifndef TESTS_SUPPORT_DECODE_PIECES_H
#define TESTS_SUPPORT_DECODE_PIECES_H

#include "sluice/codec/decoder.h"

#define DECODE_PIECES_MOST (256u * 1024u) /* output that is looked at */

struct decode_outcome {
	enum sl_decode_step step; /* SL_DECODE_FULL: more than DECODE_PIECES_MOST */
	struct sl_buf text;       /* the caller's to release */
};

/* One step of a decoder. */
typedef enum sl_decode_step decode_step(void *decoder, struct sl_decode_io *io);

/* The first piece may have another length than those that follow. Each must be used up, or the room
 * be filled. */
struct decode_outcome decode_pieces(decode_step *step, void *decoder, struct sl_span data,
	size_t first, size_t piece, size_t room);

/* Unless one is too long to be known: the same end, and if the data is intact the same text. Before
 * a failure, how much is written may depend on the room. */
bool decode_is_same(const struct decode_outcome *a, const struct decode_outcome *b);

/* A decoder of its own decodes all of the data, as decode_pieces() does. */
typedef struct decode_outcome decode_run(
	int format, struct sl_span data, size_t first, size_t piece, size_t room);

/* Whole, byte by byte with a byte of room, and cut once: where its last byte says. True if the
 * outcomes are the same; *whole is the first of them, to be released in any case. */
bool decode_is_same_in_pieces(
	decode_run *run, int format, struct sl_span data, struct decode_outcome *whole);

#endif
