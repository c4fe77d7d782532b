/*
 * chunked.h - incremental decoder of the chunked transfer coding (RFC 9112 7.1). Pure, without
 * memory of its own.
 *
 * It reads the framing only. The payload of a chunk never passes through it: the caller takes it
 * from where it is, or receives it straight to its destination, and reports how much that was:
 *
 *	for (;;) {
 *		switch (sl_chunked_step(&chunked, data, len, &used, err)) {
 *		case SL_CHUNKED_MORE:
 *			get more bytes;
 *			break;
 *		case SL_CHUNKED_DATA:
 *			take n <= sl_chunked_left(&chunked) bytes;
 *			sl_chunked_took(&chunked, n);
 *			break;
 *		...
 *
 * Lines end with CRLF or LF; a CR without LF and NUL are refused. Extensions and trailers are
 * skipped, and bounded: a body costs time in proportion to its payload.
 */
#ifndef SLUICE_HTTP_CHUNKED_H
#define SLUICE_HTTP_CHUNKED_H

#include "sluice/base/error.h"

#include <stdbool.h>

/* Bytes after one size. */
#define SL_CHUNKED_EXTENSION_MAX (4 * 1024)

/*
 * Excess of extensions over payload in a body: each chunk allows for 16 bytes of extension and for
 * as many as it has payload bytes; what is beyond adds up. So any number of chunks of a usual size
 * may carry a signature each, but tiny chunks cannot carry long extensions.
 */
#define SL_CHUNKED_EXCESS_MAX (16 * 1024)
#define SL_CHUNKED_EXTENSION_FREE 16

/* Bytes of all trailers. */
#define SL_CHUNKED_TRAILER_MAX (64 * 1024)

enum sl_chunked_step {
	SL_CHUNKED_MORE, /* all bytes were used, more framing is expected */
	SL_CHUNKED_DATA, /* payload comes next */
	SL_CHUNKED_DONE, /* the body is complete; what follows *used is not part of it */
	SL_CHUNKED_BAD,  /* refused, as is every later step */
};

enum sl_chunked_state {
	SL_CHUNKED_AT_SIZE,      /* the next byte is a digit of a size */
	SL_CHUNKED_AT_EXTENSION, /* after the size, before the line's end */
	SL_CHUNKED_AT_SIZE_LF,   /* a CR was read there */
	SL_CHUNKED_AT_DATA,      /* left > 0 */
	SL_CHUNKED_AT_DATA_END,  /* the line end after a chunk's payload */
	SL_CHUNKED_AT_DATA_LF,
	SL_CHUNKED_AT_TRAILER, /* at the start of a trailer line or the final empty line */
	SL_CHUNKED_AT_FINAL_LF,
	SL_CHUNKED_IN_TRAILER,
	SL_CHUNKED_AT_TRAILER_LF,
	SL_CHUNKED_AT_END,
	SL_CHUNKED_REFUSED,
};

/* {0} is at the start of a body. The fields are private to the module. */
struct sl_chunked {
	enum sl_chunked_state state;
	unsigned digits;    /* of the size being read */
	bool extended;      /* a ';' was read after the size */
	unsigned extension; /* bytes after the size being read */
	unsigned excess;    /* of the extensions so far, see SL_CHUNKED_EXCESS_MAX */
	unsigned trailer;   /* bytes of all trailers */
	bool named;         /* the trailer line being read has a colon, or continues one */
	uint64_t left;      /* payload bytes of the chunk still to come */
};

void sl_chunked_init(struct sl_chunked *chunked);

/*
 * Read framing from data[0..len) and set *used to the bytes taken. Stops at payload without taking
 * any of it. SL_CHUNKED_BAD means SL_E_PROTO in *err for a size that is not 1 to 16 hexadecimal
 * digits or above 2^63 - 1, a missing line end, or a trailer line without a colon; SL_E_LIMIT for
 * extensions or trailers that are too long.
 */
enum sl_chunked_step sl_chunked_step(struct sl_chunked *chunked, const char *data, size_t len,
	size_t *used, struct sl_error *err) SL_MUST_CHECK;

/* Payload bytes of the current chunk that were not taken yet; 0 between chunks. */
uint64_t sl_chunked_left(const struct sl_chunked *chunked);

/* The caller took `len` of them, at most sl_chunked_left (asserted). */
void sl_chunked_took(struct sl_chunked *chunked, uint64_t len);

#endif
