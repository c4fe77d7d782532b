/*
 * shape.h - the shape of a line: the line without what cannot change how it is masked. Pure.
 *
 * Lines of one shape are equal once masked (masks.h). A shape has a zero for each digit, because
 * masks do not depend on which digits there are (but for status codes, which it has); and of most
 * numbers it has one digit, because masks rarely depend on how many there are. Which numbers these
 * are is decided by the bytes around them: not those that may belong to a time, to hexadecimal
 * digits, to a UUID or to the status code of a request, nor those of a line in which the length of
 * quoted text may matter.
 */
#ifndef SLUICE_DIGEST_SHAPE_H
#define SLUICE_DIGEST_SHAPE_H

#include "sluice/base/bytes.h"

#define SL_SHAPE_LINE_MAX 1024u /* bytes */

/* A hash of the shape of a line, which has at most SL_SHAPE_LINE_MAX bytes. Two shapes may have one
 * hash, with the chance of any two hashes of 64 bits. */
uint64_t sl_shape_hash(struct sl_span line);

/* A hash of any text. */
uint64_t sl_shape_hash_text(struct sl_span text);

#endif
