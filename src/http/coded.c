/*
 * The loop of a read: decode what waits in the buffer; if that gives nothing, fill the buffer. The
 * decoder is told when the source has no more: only then are the end and a truncation recognised,
 * so that a body whose last member is complete is still read to the end of its framing.
 */
#include "coded_int.h"

#include "sluice/base/number.h"
#include "sluice/codec/decoder.h"
#include "sluice/rt/offload.h"

#include <errno.h>
#include <stdlib.h>

struct sl_coded {
	enum sl_codec codec;
	struct sl_decoder *decoder;
	bool may_be_empty;
	bool is_empty; /* so far */
	bool is_last;  /* the source has no more */
	bool has_more; /* of what was decoded: there was no room for it */
	bool has_ended;
	uint64_t waited_ns;
	/* Coded bytes that wait: buffer[off, len). */
	size_t off, len;
	char buffer[SL_CODED_BUFFER];
};

struct job {
	struct sl_decoder *decoder;
	struct sl_decode_io io;
	enum sl_decode_step step;
};

static uint64_t
window_max(enum sl_codec codec)
{
	return codec == SL_CODEC_BROTLI ? SL_CODED_BROTLI_WINDOW : SL_CODED_ZSTD_WINDOW;
}

struct sl_coded *
sl_coded_new(enum sl_codec codec, bool may_be_empty)
{
	struct sl_coded *coded = malloc(sizeof(*coded)); /* the buffer is not read unwritten */
	if (!coded)
		return NULL;
	coded->codec = codec;
	coded->may_be_empty = may_be_empty;
	coded->is_empty = true;
	coded->is_last = coded->has_more = coded->has_ended = false;
	coded->off = coded->len = 0;
	coded->waited_ns = 0;
	coded->decoder = sl_decoder_new(codec, window_max(codec));
	if (!coded->decoder) {
		free(coded);
		return NULL;
	}
	return coded;
}

void
sl_coded_free(struct sl_coded *coded)
{
	if (!coded)
		return;
	sl_decoder_free(coded->decoder);
	free(coded);
}

uint64_t
sl_coded_waited_ns(const struct sl_coded *coded)
{
	return coded->waited_ns;
}

static int
fail(const struct sl_coded *coded, enum sl_decode_step failure, struct sl_error *cause)
{
	char reason[SL_DECODE_REASON];
	bool is_limit = failure == SL_DECODE_WINDOW || failure == SL_DECODE_BOMB;
	int code = is_limit ? SL_E_LIMIT : SL_E_DECODE;
	sl_decode_reason(failure, coded->codec, window_max(coded->codec), reason);
	return sl_fail(cause, SL_PHASE_BODY, failure == SL_DECODE_NO_MEMORY ? -ENOMEM : code,
		"cannot decode the body: %s", reason);
}

static int
step_on_worker(void *arg)
{
	struct job *job = arg;
	job->step = sl_decoder_step(job->decoder, &job->io);
	return 0;
}

/* What waits, as far as the room goes: the count, or a failure. */
SL_SUSPENDS
static int
decode(struct sl_coded *coded, char *data, size_t len, struct sl_error *cause)
{
	struct job job = { .decoder = coded->decoder,
		.io = { .in = (const unsigned char *)coded->buffer + coded->off,
			.in_len = coded->len - coded->off,
			.out = (unsigned char *)data,
			.out_len = len,
			.is_last = coded->is_last } };
	uint64_t before_ns = sl_now();
	int code = sl_offload(step_on_worker, &job);
	coded->waited_ns += sl_now() - before_ns;
	if (code)
		return sl_fail_code(cause, SL_PHASE_BODY, code, "cannot decode the body");
	coded->off = coded->len - job.io.in_len;
	coded->has_more = job.step == SL_DECODE_FULL;
	coded->has_ended = job.step == SL_DECODE_END;
	return sl_decode_is_failure(job.step) ? fail(coded, job.step, cause)
					      : sl_int(len - job.io.out_len);
}

/* 0 or a failure. */
SL_SUSPENDS
static int
fill(struct sl_coded *coded, const struct sl_coded_source *source, struct sl_error *err)
{
	int got = source->read(source->ctx, coded->buffer, sizeof(coded->buffer), err);
	coded->off = 0;
	coded->len = got > 0 ? (size_t)got : 0;
	coded->is_last = got == 0;
	coded->is_empty = coded->is_empty && got <= 0;
	return SL_MIN(got, 0);
}

int
sl_coded_read(struct sl_coded *coded, const struct sl_coded_source *source, char *data, size_t len,
	struct sl_error *cause, struct sl_error *err)
{
	int got = 0;
	while (got == 0 && !coded->has_ended) {
		int code = coded->has_more || coded->is_last ? 0 : fill(coded, source, err);
		if (code)
			return code;
		if (coded->is_last && coded->is_empty && coded->may_be_empty)
			return 0;
		got = decode(coded, data, len, cause);
	}
	return got;
}
