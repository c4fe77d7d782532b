/*
 * fingerprint.h - recognises the text of a log by hashes of its first bytes and of those before the
 * place up to which it was scanned, whatever its file is called and whether it is compressed. Pure.
 */
#ifndef SLUICE_FOLLOW_FINGERPRINT_H
#define SLUICE_FOLLOW_FINGERPRINT_H

#include "sluice/base/bytes.h"

#include <stdint.h>

#define SL_FINGERPRINT_HEAD 1024u /* bytes at most */
#define SL_FINGERPRINT_TAIL 256u

/* {0}: of no bytes. */
struct sl_fingerprint {
	unsigned head_len, tail_len; /* bytes that were hashed */
	uint64_t head, tail;
};

/* Of a text of `off` bytes, which begins with `head` and ends with `tail`: as much of them as
 * sl_fingerprint_len says. */
struct sl_fingerprint sl_fingerprint_of(struct sl_span head, struct sl_span tail);

static inline unsigned
sl_fingerprint_len(uint64_t off, unsigned most)
{
	return off < most ? (unsigned)off : most;
}

/* Without its tail. */
static inline struct sl_fingerprint
sl_fingerprint_head(const struct sl_fingerprint *print)
{
	return (struct sl_fingerprint){ .head_len = print->head_len, .head = print->head };
}

/* False for two of no bytes: these show nothing. */
bool sl_fingerprint_equal(const struct sl_fingerprint *a, const struct sl_fingerprint *b);

/* Takes a text in pieces. {0} is empty. */
struct sl_fingerprinter {
	uint64_t len; /* bytes so far */
	unsigned char head[SL_FINGERPRINT_HEAD];
	unsigned char tail[SL_FINGERPRINT_TAIL]; /* a ring: byte i of the text is at i % its size */
};

void sl_fingerprinter_add(struct sl_fingerprinter *printer, struct sl_span text);

/* Of the first `head_len` bytes alone, at most those so far and SL_FINGERPRINT_HEAD. */
uint64_t sl_fingerprinter_head(const struct sl_fingerprinter *printer, unsigned head_len);

struct sl_fingerprint sl_fingerprinter_end(const struct sl_fingerprinter *printer);

#endif
