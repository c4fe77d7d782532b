/*
 * coded_int.h - a body with a content coding, decoded as it is read; for body.c.
 *
 * What the stream brings is collected in a buffer, and a worker decodes it into the memory of the
 * reader, which waits for that: the thread of the ring decodes nothing. Memory: the buffer, and
 * that of a decoder (codec/decoder.h).
 */
#ifndef SLUICE_HTTP_CODED_INT_H
#define SLUICE_HTTP_CODED_INT_H

#include "sluice/codec/codec.h"
#include "sluice/rt/task.h"

/* Of coded bytes: a worker is woken once for so many. */
#define SL_CODED_BUFFER (64 * SL_KIB)

/* The windows that senders may use: RFC 9659 3, and all that RFC 7932 has. */
#define SL_CODED_ZSTD_WINDOW (8 * SL_MIB)
#define SL_CODED_BROTLI_WINDOW (16 * SL_MIB)

struct sl_coded;

/* Where coded bytes come from: up to len of them, 0 at the end, or a code with words in *err. */
struct sl_coded_source {
	void *ctx;
	SL_SUSPENDS
	int (*read)(void *ctx, char *data, size_t len, struct sl_error *err);
};

/* NULL if out of memory. A body without a byte is an empty file if `may_be_empty`: the framing
 * tells that it is whole. Else it is truncated. */
struct sl_coded *sl_coded_new(enum sl_codec codec, bool may_be_empty);

/* NULL is fine. */
void sl_coded_free(struct sl_coded *coded);

/* What was spent waiting for workers so far. */
uint64_t sl_coded_waited_ns(const struct sl_coded *coded);

/*
 * Up to len decoded bytes (len > 0): the count, or 0 once the body was decoded to its end and is
 * intact. SL_E_DECODE, SL_E_LIMIT (window or ratio) or -ENOMEM, with the reason in *cause; what the
 * source returned, with words in *err; the cancellation. After a failure only sl_coded_free may be
 * called.
 */
SL_SUSPENDS
int sl_coded_read(struct sl_coded *coded, const struct sl_coded_source *source, char *data,
	size_t len, struct sl_error *cause, struct sl_error *err) SL_MUST_CHECK;

#endif
