/*
 * origin_body.h - bodies that can be generated again: pseudo-random bytes by seed and offset.
 *
 * Byte k of a body depends on seed and k alone, so that any part can be made without the rest. The
 * algorithm is SplitMix64's output function over a counter, eight bytes a word, little-endian.
 */
#ifndef SUPPORT_ORIGIN_BODY_H
#define SUPPORT_ORIGIN_BODY_H

#include <stddef.h>
#include <stdint.h>

/* Bytes [off, off + len) of the body called `seed` into `data`. */
void sl_origin_body_fill(uint64_t seed, uint64_t off, void *data, size_t len);

#define SL_ORIGIN_SUM_TEXT 65

/* SHA-256 of the first `size` bytes as lower-case hex. Returns 0, or -ENOMEM if the library
 * fails. */
int sl_origin_body_sum(uint64_t seed, uint64_t size, char text[SL_ORIGIN_SUM_TEXT]);

#endif
